// fluxa_logs.test.mjs - the rows that read CloudWatch Logs: F-16, F-28, F-30, F-36, F-38, F-41, F-73.
//
// The lines stand in the sandbox's log groups, which run the queries. Three stacks work side by side: two with the
// conditions, one whose AWS refuses, throttles or is away.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Stack } from '../support/stack.mjs';
import { answerTo, freshWorld, restart, watchPrivate } from '../support/cases.mjs';

const group = (name) => `/aws/lambda/fluxa-${name}`;
const line = (name, message, ageMs = 60000) => ({ group: group(name), message, age_ms: ageMs });
const failure = (service, stage, code, id, more = {}) => ({ service, stage, status: 'failure', error_code: code, correlation_id: id, event_id: `evt-${id}`, ...more });
const success = (service, stage, id) => ({ service, stage, status: 'success', correlation_id: id, latency_ms: 12 });

function shown(card) {
  const texts = [];
  const walk = (part) => {
    if (Array.isArray(part)) part.forEach(walk);
    else if (part && typeof part === 'object' && part.type !== 'actions') Object.entries(part).forEach(([key, value]) => (key === 'text' && typeof value === 'string' ? texts.push(value) : walk(value)));
  };
  walk(card.blocks);
  return texts.join('\n');
}

const actions = (card) => card.blocks.flatMap(({ type, elements }) => (type === 'actions' ? elements : []));
const buttons = (card) => actions(card).map(({ text }) => text.text);
const table = (card) => card.blocks.find(({ type }) => type === 'table')?.rows.map((row) => row.map(({ text }) => text)) ?? [];

function includes(card, ...patterns) {
  for (const pattern of patterns) assert.match(shown(card), pattern);
}

// The answer that only the asker sees.
async function privately(stack, text, pattern = /\S/) {
  const told = await watchPrivate(stack, 'requester');
  await stack.command('requester', text);
  return told(new RegExp(`^(?!Received)[^]*${pattern.source}`, pattern.flags), `a private answer to ${text}: ${pattern}`);
}

const logsOf = (stack, name, rest = '') => privately(stack, `/fluxa logs ${name}${rest && ` ${rest}`}`, new RegExp(` of ${name} in the last|^Failed`));
const metric = (name, value, fn = 'fluxa-processor') => ({ namespace: 'AWS/Lambda', name, dimensions: { FunctionName: fn }, value });
const easePace = (stack) => stack.post('slack/options', { post_per_minute: 6000, post_burst: 1000, update_per_minute: 6000, update_burst: 1000 });

async function lines(stack, logs, more = {}) {
  await freshWorld(stack, {}, more);
  await easePace(stack);
  await stack.world({ logs });
}

describe('the rows that read logs', { concurrency: true }, () => {
  describe('with the condition', { concurrency: 1 }, () => {
    let stack;
    before(async () => { stack = await Stack.start(); });
    after(() => stack?.stop());

    test('F-28 compares rates with both thresholds, counts failures by code and says whom to trace', async () => {
      await lines(stack, [
        ...[1, 2, 3, 4].map((n) => line('processor', failure('processor', 'persist', 'DBConnectionError', `c-${n}`), n * 60000)),
        line('processor', { service: 'processor', stage: 'process', status: 'failure', fields: { error_code: 'HashMismatch' }, correlation_id: 'h-1' }, 90000),
        line('ingest', failure('ingest', 'enqueue', 'AccessDenied', 'a-1')),
        line('processor', failure('processor', 'persist', 'DBConnectionError', 'old'), 45 * 60000),
        line('query', success('query', 'read', 'q-1')),
      ], { metrics: [metric('Invocations', 20), metric('Errors', 2), metric('Invocations', 100, 'fluxa-ingest'), metric('Errors', 3, 'fluxa-ingest'), metric('Invocations', 0, 'fluxa-query'), metric('Errors', 0, 'fluxa-query')] });
      const card = await answerTo(stack, '/fluxa errors');
      includes(card, /6 failures in the last 30 min/, /Most of DBConnectionError at persist in processor: 4 of 6, the first at \d\d:\d\d:\d\d, the last at/);
      includes(card, /processor: 10% of \d+ calls failed, \d+ in all; at most 10\.0% in 5 min, above 5% \(high\)/, /ingest: 3% of .* above 1% \(warning\)/, /query: not called/);
      const rows = table(card).slice(1).map(([times, code, stage, , ids]) => [times, code, stage, ids].join('|'));
      assert.equal(rows[0], '4|DBConnectionError|processor persist|c-1, c-2, c-3');
      assert.ok(rows.includes('1|HashMismatch|processor process|h-1'), 'a code below fields is found too');
      assert.ok(rows.includes('1|AccessDenied|ingest enqueue|a-1'));
      const known = new Set((await stack.messages()).map(({ ts }) => ts));
      await stack.click('requester', card, actions(card).find(({ text }) => text.text === 'Trace the newest').action_id);
      const trace = await stack.until(async () => (await stack.messages()).find(({ ts }) => !known.has(ts)), 'the trace');
      includes(trace, /first failed at (persist|enqueue)/);
      includes(await answerTo(stack, '/fluxa errors all 24h'), /7 failures in the last 1 d/);
    });

    test('the alarm of failing calls looks at the errors by itself', async () => {
      await lines(stack, [line('processor', failure('processor', 'persist', 'DBConnectionError', 'c-1'))]);
      await stack.alarm('fluxa-processor-errors-dev', 'ALARM');
      const card = await stack.until(() => stack.card(/fluxa-processor-errors-dev/), 'the alarm card');
      await stack.until(async () => /Most of DBConnectionError at persist in processor: 1 of 1/.test(JSON.stringify((await stack.message(card.ts)).replies ?? [])), 'the diagnosis');
      assert.ok(buttons(await stack.message(card.ts)).includes('Show errors'));
    });

    test('F-28 does not take silence for health', async () => {
      await lines(stack, []);
      includes(await answerTo(stack, '/fluxa errors query'), /No failure in query/, /hold no line of that time, so nothing is known/);
      await lines(stack, [line('query', success('query', 'read', 'q-1'))], { metrics: [metric('Errors', 0, 'fluxa-query'), metric('Invocations', 7, 'fluxa-query')] });
      includes(await answerTo(stack, '/fluxa errors query'), /None of 1 line tells a failure/, /query: 0% of \d+ calls failed, 0 in all; at most 0\.0% in 5 min, below 1%/);
      await lines(stack, [line('query', { svc: 'query', state: 'failure' }), line('query', 'plain text')]);
      const card = await answerTo(stack, '/fluxa errors query');
      includes(card, /does not mean that all is well: none of 2 lines has status, so no failure can be found\. Set the log_ variables/);
      assert.ok(buttons(card).includes("Check the log's fields"));
    });

    test('F-16 counts texts of lost connections of the processor alone', async () => {
      await lines(stack, [
        ...[1, 2, 3].map((n) => line('processor', failure('processor', 'persist', 'DBConnectionError', `c-${n}`, { message: 'connection refused to db-7.internal for user anna@example.com' }), n * 1000)),
        line('processor', failure('processor', 'persist', 'LockTimeout', 'l-1', { message: 'deadlock detected' })),
        line('processor', '2026-11-22T10:00:00Z ERROR could not connect: too many connections'),
        line('ingest', failure('ingest', 'enqueue', 'QueueFull', 'x-1', { message: 'connection reset' })),
      ]);
      const card = await answerTo(stack, '/fluxa errors processor 15m');
      includes(card, /4 failures in processor in the last 15 min/, /Of the newest 5 such lines: 3 × connection refused, 1 × too many connections, 1 × could not connect, 1 × deadlock detected, last at/);
      assert.ok(!/QueueFull|connection reset|anna|db-7/.test(JSON.stringify(card.blocks)), 'nothing of another function, and no text of a line');
      assert.ok(buttons(card).includes('Show connections'));
      await lines(stack, [line('processor', failure('processor', 'process', 'HashMismatch', 'h-1'))]);
      includes(await answerTo(stack, '/fluxa errors processor'), /No text of a lost connection, deadlock or lock timeout/);
    });

    test('F-36 counts what was not valid, by field and producer', async () => {
      await lines(stack, [
        ...[1, 2, 3].map((n) => line('ingest', failure('ingest', 'validate', 'SchemaValidation', `v-${n}`, { field: 'payload.amount', producer: 'shop' }), n * 1000)),
        line('ingest', failure('ingest', 'validate', 'MissingField', 'v-4', { producer: 'kiosk' })),
        line('ingest', failure('ingest', 'enqueue', 'QueueFull', 'e-1')),
        line('processor', failure('processor', 'validate', 'SchemaValidation', 'p-1')),
      ]);
      const card = await answerTo(stack, '/fluxa errors ingest stage=validate');
      includes(card, /4 failures at validate in ingest/, /Most of SchemaValidation at validate in ingest: 3 of 4/, /Not valid: 3 × SchemaValidation in payload\.amount from shop, 1 × MissingField in no field told from kiosk/);
      assert.ok(!/QueueFull/.test(shown(card)));
      await lines(stack, [line('ingest', failure('ingest', 'enqueue', 'QueueFull', 'e-1'))]);
      includes(await answerTo(stack, '/fluxa errors ingest stage=validate'), /No failure at validate in ingest/, /Other stages fail: enqueue/);
    });

    test('F-73 tells whether lines carry the fields, and that a wrong name looks like no errors', async () => {
      await lines(stack, []);
      includes(await answerTo(stack, '/fluxa log-schema'), /No line to look at/, /names could not be checked/);
      await lines(stack, [line('ingest', success('ingest', 'validate', 'i-1')), line('processor', failure('processor', 'persist', 'Timeout', 'p-1')), line('query', success('query', 'read', 'q-1')), line('query', 'START RequestId: 7')]);
      const right = await answerTo(stack, '/fluxa log-schema');
      includes(right, /The log lines carry the fields/, /Failures can be found/, /status = failure/);
      assert.deepEqual(table(right).find(([name]) => name === group('query')).slice(1, 6), ['2', '50%', '50%', '50%', '50%']);
      await lines(stack, [line('ingest', { service: 'ingest', correlationId: 'i-1', stage: 'validate', outcome: 'FAILED', error_code: 'X' }), line('processor', { ...success('processor', 'persist', 'p'), status: 'error', fields: { error_code: 'Y' } })]);
      const wrong = await answerTo(stack, '/fluxa log-schema');
      includes(wrong, /Log lines lack fields that are looked for/, /Searches for failures find nothing in \/aws\/lambda\/fluxa-ingest, whatever happens there: no line has status/, /The code stands in fields\.error_code/, /No line of \/aws\/lambda\/fluxa-query/);
      await lines(stack, [line('ingest', { ...success('ingest', 'validate', 'i'), status: 'error' })]);
      includes(await answerTo(stack, '/fluxa log-schema'), /No line has the status failure\. If failures are called something else, set log_failure/);
    });
  });

  describe('line by line', { concurrency: 1 }, () => {
    let stack;
    before(async () => { stack = await Stack.start(); });
    after(() => stack?.stop());

    test('F-38 groups the newest lines by request, only for the asker, and shows no other fields', async () => {
      const request = '7f3c9a10-1111-4222-8333-444455556666';
      await lines(stack, [
        line('processor', failure('processor', 'persist', 'DBConnectionError', 'c-1', { user: 'anna@example.com', payload: { card: '4111 1111 1111 1111' } }), 1000),
        line('processor', success('processor', 'process', 'c-1'), 2000),
        line('processor', `2026-11-22T10:00:00.000Z\t${request}\tERROR\tpanic: key AKIAIOSFODNN7EXAMPLE refused`, 3000),
        line('processor', `REPORT RequestId: ${request} Duration: 12 ms`, 2500),
        line('processor', success('processor', 'process', 'too-old'), 20 * 60000),
        line('ingest', success('ingest', 'validate', 'other')),
      ], { metrics: [metric('Duration', 84)] });
      const before = (await stack.messages()).length;
      const card = await logsOf(stack, 'processor');
      assert.equal((await stack.messages()).length, before, 'nothing of it stands in the channel');
      includes(card, /4 lines of processor in the last 15 min/, /crashed or ran out of time 1 time/, /Failures: 1 × DBConnectionError/, /84 ms now/);
      includes(card, new RegExp(`c-1: [\\d:]+ processor process success; [\\d:]+ processor persist failure DBConnectionError evt-c-1`), new RegExp(`${request}: .*panic.*; .*REPORT`));
      assert.ok(!/anna|4111|AKIA|too-old|other/.test(JSON.stringify(card.blocks)), 'no personal data, no secret');
      assert.ok(buttons(card).includes('Trace the newest'));
      includes(await answerTo(stack, '/fluxa logs processor share=yes 15m REPORT'), /1 line of processor/, new RegExp(request));
    });

    test('F-30 finds a text as it is written, whatever it means elsewhere', async () => {
      const texts = ['say "hello"', 'a\\b', '[brackets] {braces}', '50% of %d%', '-minus ?maybe', '*', '{ $.status = "failure" }', "it's", 'ünï çödé 🙂'];
      await lines(stack, [...texts.map((text, n) => line('ingest', `row ${n} holds ${text} here`)), line('ingest', 'row 99 holds nothing')]);
      const known = new Set((await stack.private('requester')).map(({ ts }) => ts));
      for (const text of texts) await stack.command('requester', `/fluxa logs ingest 15m ${text}`);
      const cards = await stack.until(async () => {
        const told = (await stack.private('requester')).filter(({ ts, text }) => !known.has(ts) && / of ingest in the last/.test(text));
        return told.length === texts.length && told;
      }, 'an answer to each text');
      for (const [n] of texts.entries()) {
        const card = cards.find((one) => new RegExp(`row ${n} holds`).test(shown(one)));
        assert.ok(card, `row ${n} is not found`);
        includes(card, /1 line of ingest/);
      }
      includes(await logsOf(stack, 'ingest', '15m HELLO'), /No line of ingest/, /No line that was looked at holds the text/);
      includes(await logsOf(stack, 'ingest'), /10 lines of ingest/);
    });

    test('F-30 is bounded, and says what it did not look at', async () => {
      await lines(stack, Array.from({ length: 200 }, (_, n) => line('ingest', success('ingest', 'validate', `n-${n}`), n * 100)));
      includes(await logsOf(stack, 'ingest'), /200 lines of ingest/, /The newest 30 of 200 are shown/, /Lines before .* were not looked at: enough newer ones were found/, /n-0: /);
      await stack.world({ logs_page: 2 });
      const cut = await logsOf(stack, 'ingest', '15m nothing-like-it');
      includes(cut, /No line of ingest/, /Lines between .* and .* and before .* were not looked at: 20 pages were read/);
      await privately(stack, '/fluxa logs ingest 25h', /Nothing was done/);
      await privately(stack, `/fluxa logs ingest 15m ${'x'.repeat(201)}`, /Nothing was done/);
    });

    test('F-41 shows the query function, and where to look next', async () => {
      await lines(stack, [line('query', failure('query', 'read', 'Timeout', 'q-1')), line('query', 'Task timed out after 3.00 seconds')], { metrics: [metric('Duration', 2900, 'fluxa-query')] });
      const card = await logsOf(stack, 'query', '10m');
      includes(card, /2 lines of query in the last 10 min/, /crashed or ran out of time 1 time/, /2900 ms now/);
      assert.deepEqual(buttons(card).slice(1), ['Show errors', 'Show slow queries', 'Show connections']);
      await lines(stack, []);
      includes(await logsOf(stack, 'query'), /No line of query/, /has no line of that time: see that the function runs and logs there/);
    });

    test('a bot that is killed while a query runs goes on with that query', async () => {
      await lines(stack, [line('query', failure('query', 'read', 'Timeout', 'q-1'))]);
      await stack.fault('logs:GetQueryResults', 'held');
      const known = new Set((await stack.messages()).map(({ ts }) => ts));
      await stack.command('requester', '/fluxa errors query');
      const waiting = async () => (await stack.sql("SELECT id, checkpoint_json FROM runs WHERE command = 'errors' AND checkpoint_json LIKE '%query%' AND state < 4 ORDER BY created_ms DESC LIMIT 1"))[0];
      const before = await stack.until(waiting, 'the query to be waited for');
      await restart(stack);
      assert.deepEqual(await waiting(), before, 'the same run waits for the same query');
      await stack.post('fault', { clear: true });
      includes(await stack.until(async () => (await stack.messages()).find(({ ts }) => !known.has(ts)), 'the answer'), /1 failure in query/);
    });
  });

  describe('when AWS does not answer', { concurrency: 1 }, () => {
    let stack;
    before(async () => {
      stack = await Stack.start();
      await lines(stack, [line('processor', failure('processor', 'persist', 'DBConnectionError', 'c-1')), line('ingest', success('ingest', 'validate', 'i-1'))]);
    });
    after(() => stack?.stop());

    const all = () => Promise.all([answerOf('errors'), logsOf(stack, 'processor'), answerOf('log-schema')]);
    const answerOf = async (command) => {
      const known = new Set((await stack.messages()).map(({ ts }) => ts));
      await stack.command('requester', `/fluxa ${command}`);
      const mine = command.startsWith('errors') ? /failure|errors/i : /log-schema|carry|lack|No line to look/;
      return stack.until(async () => (await stack.messages()).find(({ ts, text }) => !known.has(ts) && mine.test(text)), `an answer to ${command}`);
    };

    test('every row names the right that is missing', async () => {
      for (const operation of ['StartQuery', 'FilterLogEvents']) await stack.fault(`logs:${operation}`, 'denied', { rate: 1 });
      const [errors, logs, schema] = await all();
      await stack.post('fault', { clear: true });
      for (const card of [errors, schema]) includes(card, /allow logs:StartQuery for the bot's role/, /Nothing was changed/);
      includes(logs, /allow logs:FilterLogEvents for the bot's role/);
      await stack.fault('logs:FilterLogEvents', 'denied');
      includes(await privately(stack, '/fluxa logs processor share=yes', /^Failed/), /allow logs:FilterLogEvents/);
    });

    test('what can be read is shown, and what cannot is said', async () => {
      await stack.fault('cloudwatch:GetMetricData', 'denied', { rate: 1 });
      const errors = await answerOf('errors');
      includes(errors, /1 failure/, /Error rates could not be read: .*allow cloudwatch:GetMetricData/);
      await stack.fault('logs:StartQuery', 'denied', { rate: 1 });
      const logs = await logsOf(stack, 'processor');
      await stack.post('fault', { clear: true });
      includes(logs, /1 line of processor/, /Whether it fails is not known/, /Failures could not be counted: .*allow logs:StartQuery/, /Crashes could not be counted/, /could not be read/);
    });

    async function allSay(kind, why) {
      for (const operation of ['StartQuery', 'FilterLogEvents']) await stack.fault(`logs:${operation}`, kind, { rate: 1 });
      const cards = await all();
      await stack.post('fault', { clear: true });
      for (const card of cards) includes(card, why, /Nothing was changed/);
    }

    test('every row says that AWS throttles it', () => allSay('429', /Throttl|Rate exceeded/));

    test('a log group that is not there is no silence', async () => {
      await stack.edit((text) => text.replace(/^( *)dlq_visibility: .*$/m, '$&\n$1processor_log_group: /aws/lambda/none'));
      await restart(stack);
      for (const card of await all()) includes(card, /Log group '\/aws\/lambda\/none' does not exist[^]*right name to the variable of the log group/, /Nothing was changed/);
      await stack.edit((text) => text.replace(/^.*lambda\/none\n/m, ''));
      await restart(stack);
    });

    test('F-73 looks for the names that the configuration gives', async () => {
      const names = { log_service: 'svc', log_correlation: 'correlationId', log_stage: 'step', log_status: 'outcome', log_failure: 'FAILED', log_code: 'error.kind', log_latency: 'ms' };
      await stack.edit((text) => text.replace(/^( *)dlq_visibility: .*$/m, `$&${Object.entries(names).map(([name, value]) => `\n$1${name}: ${value}`).join('')}`));
      await restart(stack);
      await lines(stack, ['ingest', 'processor', 'query'].map((name) => line(name, { svc: name, correlationId: `c-${name}`, step: 'persist', outcome: 'FAILED', error: { kind: 'Broken' }, ms: 7 })));
      includes(await answerOf('log-schema'), /The log lines carry the fields/, /Failures can be found/, /svc, correlationId, event_id, step, outcome, error\.kind, ms/, /outcome = FAILED/);
      includes(await answerOf('errors query'), /1 failure in query/, /Most of Broken at persist in query: 1 of 1/, /c-query/);
      includes(await logsOf(stack, 'query'), /c-query: [\d:]+ query persist FAILED Broken/, /Failures: 1 × Broken/);
      const trace = await answerTo(stack, '/fluxa trace c-query');
      includes(trace, /It first failed at persist in query: Broken/);
      assert.ok(table(trace)[1].includes('7 ms'));
      await stack.edit((text) => text.replace(/^ *log_.*\n/gm, ''));
      await restart(stack);
      await lines(stack, []);
    });

    test('every row says that AWS does not answer', () => allSay('timeout_before', /StartQuery|FilterLogEvents/));
  });
});
