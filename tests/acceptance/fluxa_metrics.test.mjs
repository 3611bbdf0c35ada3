// fluxa_metrics.test.mjs - the rows that read CloudWatch's numbers: F-15, F-17, F-24, F-27, F-29, F-54.
//
// The sandbox's CloudWatch answers in the wire's own form: pages, partial results, metric math, gaps. Slack takes one
// message a second in a channel, so two stacks work side by side: one with the conditions, one in which nothing is
// configured and then nothing can be read.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { Stack } from '../support/stack.mjs';
import { answerTo, freshWorld, postgres } from '../support/cases.mjs';
import { answersTo, buttons, includes, row, shown, table } from './cards.mjs';

const run = promisify(execFile);
const ONE_AT_A_TIME = { concurrency: 1 };
const every = { 'F-15': 'pool', 'F-17': 'metrics', 'F-24': 'throttles', 'F-27': 'profile', 'F-29': 'api', 'F-54': 'db cpu' };

// ---- numbers of the world ----

const own = (name, ...values) => ({ namespace: 'Fluxa', name, values });
const lambda = (fn, name, ...values) => ({ namespace: 'AWS/Lambda', name, dimensions: { FunctionName: `fluxa-${fn}` }, values });
const gateway = (name, ...values) => ({ namespace: 'AWS/ApiGateway', name, dimensions: { ApiId: 'a1b2c3d4e5' }, values });
const rds = (name, ...values) => ({ namespace: 'AWS/RDS', name, dimensions: { DBInstanceIdentifier: 'fluxa-prod' }, values });
const minutes = (count, value) => Array.from({ length: count }, () => value);
const report = (duration, used, more = '') => ({ group: '/aws/lambda/fluxa-processor', age_ms: 60000, message: `REPORT RequestId: 3f1c8a52-0000-4000-8000-000000000000\tDuration: ${duration} ms\tBilled Duration: ${Math.ceil(duration)} ms\tMemory Size: 512 MB\tMax Memory Used: ${used} MB\t${more}` });

// A connection of its own, once PostgreSQL shows it so.
async function session(stack, statement, condition) {
  const psql = spawn('psql', ['-qAt', stack.database], { stdio: ['pipe', 'ignore', 'ignore'] });
  psql.stdin.write(`${statement};\n`);
  await stack.until(async () => Number((await run('psql', ['-qAt', stack.database, '-c', `SELECT count(*) FROM pg_stat_activity WHERE ${condition}`])).stdout) > 0, condition);
  return psql;
}

describe('the rows that read numbers', { concurrency: true }, () => {
  describe('with the condition', ONE_AT_A_TIME, () => {
    let stack;
    before(async () => {
      stack = await Stack.start();
    });
    after(() => stack?.stop());

    test('F-17 compares two windows, marks what is bad, and names what has no data', async () => {
      await freshWorld(stack, {}, { metrics: [own('ingest_success', ...minutes(60, 10), ...minutes(60, 30)), own('processed_failure', null), own('db_latency_ms', ...minutes(60, 16)), lambda('processor', 'Throttles', ...minutes(30, 0), ...minutes(10, 2)), lambda('query', 'Duration', null)] });
      const card = await answerTo(stack, '/fluxa metrics 30m');
      includes(card, /Look at processor throttles: \d+\./, /Ingest success\*\n100\.00%/, /Processing success\*\n7170 succeeded; failures: no data/);
      includes(card, /No data in either window: processed_failure, query_p95\./, /Database p95\*\n`·?▁+` last 16 ms, 16 to 16 ms/, /API latency p95\*\n38 ms, before 38 ms/);
      assert.equal(row(card, 'processed failed'), undefined);
      assert.equal(row(card, 'processor throttles')[0], 'processor throttles ⚠');
      assert.equal(row(card, 'processor calls')[3], '+0 %');
      const hour = await answerTo(stack, '/fluxa metrics');
      assert.deepEqual(row(hour, 'processor calls').slice(1), ['14400', '14400', '+0 %']);
      assert.match(row(hour, 'ingest ok')[3], /^\+\d{2,3} %$/);
      assert.deepEqual(buttons(hour), ['Show throttles', 'Show the API']);
    });

    test('F-17 reads every page, and takes a part for no data', async () => {
      await freshWorld(stack, {}, { metrics: [lambda('ingest', 'Throttles', ...minutes(130, 3))], metric_data: { page: 500, statuses: { ConcurrentExecutions: 'PartialData' } } });
      const card = await answerTo(stack, '/fluxa metrics');
      includes(card, /Look at ingest throttles: 180\./, /CloudWatch gave only a part of ingest_busy, processor_busy, query_busy: no data here\. Ask again in a minute/);
      assert.deepEqual(row(card, 'processor calls').slice(1), ['14400', '14400', '+0 %']);
      assert.deepEqual(row(card, 'ingest throttles').slice(1), ['180', '180', '+0 %']);
      assert.equal(row(card, 'processor at once'), undefined);
      includes(await answerTo(stack, '/fluxa throttles'), /CloudWatch gave only a part of ingest_peak, processor_peak, query_peak/);
    });

    test('F-24 tells a full reservation from a stopped function and a full account', async () => {
      await freshWorld(stack, {}, { metrics: [lambda('ingest', 'Throttles', ...minutes(5, 1)), lambda('processor', 'Throttles', ...minutes(60, 2)), lambda('processor', 'ConcurrentExecutions', ...minutes(60, 20)), lambda('query', 'Throttles', ...minutes(3, 7))], functions: [{ name: 'fluxa-query', reserved: 0 }], send: [{ queue: 'Fluxa-InputQueue', body: '{}', delay: 0 }] });
      const card = await answerTo(stack, '/fluxa throttles 30m');
      includes(card, /\d+ throttled calls/, /processor reached its reservation of 20: raise it, or wait while the queue holds the messages/);
      includes(card, /query is stopped: its reserved concurrency is 0, which somebody set\. Ask before it is raised/, /ingest has no reservation and was throttled by what the account has left/);
      includes(card, /Account limit\*\n1000 at once, 980 of them unreserved/, /Processor throttles\*\n`▁+` last 2, 2 to 2/);
      assert.deepEqual(row(card, 'fluxa-processor').slice(2), ['20', '20']);
      assert.deepEqual(row(card, 'fluxa-query').slice(3), ['0, stopped']);
      await freshWorld(stack, {}, { metrics: ['ingest', 'processor', 'query'].map((fn) => lambda(fn, 'Throttles', null)) });
      const none = await answerTo(stack, '/fluxa throttles');
      includes(none, /Throttles: no data/, /Of ingest, processor, query CloudWatch has no data: that is not zero/, /Processor throttles\*\nno data/);
      assert.deepEqual(row(none, 'fluxa-processor').slice(1), ['no data', '4', '20']);
      await freshWorld(stack, {});
      includes(await answerTo(stack, '/fluxa throttles'), /No function was throttled/, /The limits were enough in the last 1 h/);
      await stack.fault('lambda:GetFunctionConcurrency', 'denied', { rate: 1 });
      const denied = await answerTo(stack, '/fluxa throttles');
      await stack.post('fault', { clear: true });
      includes(denied, /Not all could be read: [^]*allow lambda:GetFunctionConcurrency for the bot's role/);
      assert.equal(row(denied, 'fluxa-processor')[3], 'could not be read');
    });

    test('F-29 holds failures against requests, and shows crashes and routes', async () => {
      await freshWorld(stack, {}, { metrics: [gateway('5xx', ...minutes(40, 12)), gateway('Latency', ...minutes(40, 900))], logs: [{ group: '/aws/lambda/fluxa-query', message: '2026-11-22 Task timed out after 3.00 seconds' }, { group: '/aws/lambda/fluxa-query', message: 'panic: anna@example.com' }, { group: '/aws/apigateway/fluxa', message: { status: 503, routeKey: 'GET /events/{id}' } }, { group: '/aws/apigateway/fluxa', message: { status: 200, routeKey: 'POST /events' } }] });
      const card = await answerTo(stack, '/fluxa api');
      includes(card, /4\.07% of requests failed \(5xx\)/, /372 of 9145 failed, more than 1%\. Functions behind it crashed or ran out of time: begin there/, /Most of the time is lost in API Gateway itself/);
      includes(card, /Crashes and timeouts\*\n2 in \/aws\/lambda\/fluxa-query/, /5xx\*\n`▁+` last 4\.068 %/);
      assert.deepEqual(table(card), [['Route', 'Status', 'Count'], ['GET /events/{id}', '503', '1']]);
      assert.ok(!/anna/.test(JSON.stringify(card)), 'no line of a log');
      await freshWorld(stack, {}, { metrics: [gateway('5xx', null)] });
      includes(await answerTo(stack, '/fluxa api'), /API: no data of 5xx/, /no number, which is not zero/, /5xx\*\nno data/);
      await freshWorld(stack, {});
      await stack.fault('logs:StartQuery', 'denied', { rate: 1 });
      const denied = await answerTo(stack, '/fluxa api');
      await stack.post('fault', { clear: true });
      includes(denied, /0\.00% of requests failed/, /Crashes and timeouts\*\ncould not be read/, /allow logs:StartQuery for the bot's role/);
    });

    test('F-27 reads REPORT lines: duration, memory, cold starts', async () => {
      await freshWorld(stack, {}, { logs: [...Array.from({ length: 19 }, (_, i) => report(80 + i, 200)), report(90, 500, 'Init Duration: 412.50 ms\t'), { group: '/aws/lambda/fluxa-processor', message: 'REPORT of nothing\tDuration: 9999 ms' }] });
      const full = await answerTo(stack, '/fluxa profile');
      includes(full, /processor: p95 97 ms, 500 of 512 MB/, /It used 98% of its memory: give it more/, /Calls\*\n20/, /p50 89, p95 97, p99 98, most 98 ms/, /Cold starts\*\n1 \(5%\), longest 41[23] ms/, /Memory size\*\n512 MB/, /Timeout\*\n3 s/, /SnapStart\*\noff/);
      assert.ok(!/sandbox-password/.test(JSON.stringify(full) + JSON.stringify(await stack.sql('SELECT values_json FROM runs'))), 'no environment, on no card and in no row');
      await freshWorld(stack, {}, { logs: [report(2900, 100)] });
      includes(await answerTo(stack, '/fluxa profile processor 1h'), /One call of twenty takes 97% of its timeout of 3 s/, /Cold starts\*\nnone/);
      includes(await answerTo(stack, '/fluxa profile query'), /No call of query in the log/, /Duration\*\nno data/);
    });

    test('F-54 shows CPU and load beside what runs and who waits', async () => {
      await freshWorld(stack, {}, { metrics: [rds('CPUUtilization', ...minutes(90, 40), ...minutes(9, 93)), rds('DBLoad', ...minutes(90, 1), ...minutes(9, 6))] });
      await postgres(stack, "INSERT INTO idempotency_keys VALUES ('locked', 'failed')");
      const change = "UPDATE idempotency_keys SET attempts = 4111 WHERE event_id = 'locked'";
      const sessions = [await session(stack, `BEGIN; ${change}`, "state = 'idle in transaction'"), await session(stack, change, "wait_event_type = 'Lock'")];
      const card = await answerTo(stack, '/fluxa db cpu');
      sessions.forEach((psql) => psql.kill());
      await postgres(stack, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%idempotency_keys%' AND pid <> pg_backend_pid()");
      includes(card, /fluxa-prod: CPU 93 %/, /More than 80% is used\. 1 session waits for a lock: begin with the locks/, /CPU\*\n`▁+.?█+` last 93 %, 40 to 93 %/, /Load\*\n`▁+.?█+` last 6 sessions/, /blocked by \d+: UPDATE idempotency_keys SET attempts = \?/, /Waiting for locks\*\n1/);
      assert.ok(!/4111/.test(JSON.stringify(card)), 'no literal');
      assert.equal(buttons(card)[0], 'Show locks');
      await freshWorld(stack, {}, { metrics: [rds('CPUUtilization', null)] });
      includes(await answerTo(stack, '/fluxa db cpu'), /CPU of fluxa-prod: no data/, /How busy the instance is, is not known/, /CPU\*\nno data/, /Load\*\nno data: Performance Insights is off/);
    });

    test('F-15 works pools out against max_connections', async () => {
      await freshWorld(stack, {});
      const fits = await answerTo(stack, '/fluxa pool');
      includes(fits, /80 connections at the peak, room for 97/, /The pools fit: 80 of 97\. Up to 9 instances in all are safe/, /DB_POOL_SIZE is set; its value is not read/);
      assert.deepEqual(row(fits, 'fluxa-processor'), ['fluxa-processor', '4', '20', '40', '40%']);
      await stack.world({ metrics: [lambda('processor', 'ConcurrentExecutions', 20), lambda('query', 'ConcurrentExecutions', null)] });
      const full = await answerTo(stack, '/fluxa pool');
      includes(full, /The pools may take 230 connections where 97 are for them: make the pool smaller, or reserve at most 9 instances in all/, /No data of query: not counted, which is not zero/);
      assert.deepEqual(row(full, 'fluxa-query').slice(3), ['no data', 'unknown']);
    });
  });

  describe('not configured, then refused and away', ONE_AT_A_TIME, () => {
    let stack;
    before(async () => {
      stack = await Stack.start({ edit: (one) => one.edit((text) => text.replace(/^ +(api_type|api_id|api_log_group|pool_size): .*\n/gm, '')) });
      await freshWorld(stack, {});
    });
    after(() => stack?.stop());

    test('what is not configured says what to set', async () => {
      includes(await answerTo(stack, '/fluxa api'), /The API is not configured/, /Set api_type \(http or rest\) and api_id/, /set api_log_group/);
      includes(await answerTo(stack, '/fluxa pool'), /Pool size: unknown, set pool_size/);
      includes(await answerTo(stack, '/fluxa metrics 5m'), /API latency p95\*\nnot configured: set api_type and api_id/);
    });

    test('the alarms run what looks into them', async () => {
      for (const [alarm, told] of [['fluxa-processor-throttles-dev', /No function was throttled/], ['fluxa-DBHighCPU-dev', /CPU 31 %/]]) {
        await stack.alarm(alarm, 'ALARM');
        const card = await stack.until(() => stack.card(new RegExp(alarm)), `the card of ${alarm}`);
        await stack.until(async () => told.test(JSON.stringify((await stack.message(card.ts)).replies ?? [])), `the diagnosis of ${alarm}`);
      }
    });

    const says = (card, command, ...patterns) => includes(card, ...patterns, /^(profile|pool|db cpu)$/.test(command) ? /could not be (read|counted)/ : /Nothing was changed/);
    const isOf = (card, command) => ({ pool: /Pools: the instances|Pool size: unknown/, profile: /call of processor/, 'db cpu': /CPU of fluxa-prod/ })[command]?.test(shown(card)) ?? new RegExp(`Failed: /fluxa ${command}\\b`).test(shown(card));
    const read = Object.values(every).filter((command) => command !== 'api'); // without its metrics nothing fails

    test('every row names the right that is missing', async () => {
      for (const call of ['cloudwatch:GetMetricData', 'lambda:GetFunctionConfiguration']) await stack.fault(call, 'denied', { rate: 1 });
      const cards = await answersTo(stack, read, isOf);
      await stack.post('fault', { clear: true });
      for (const command of read) says(cards.get(command), command, command === 'profile' ? /allow lambda:GetFunctionConfiguration for the bot's role/ : /allow cloudwatch:GetMetricData for the bot's role/);
    });

    test('every row says that AWS is busy, or away', async () => {
      for (const [kind, words] of [['429', /Throttling|TooManyRequests/], ['down', /broke off|cannot be reached/]]) {
        for (const call of ['cloudwatch:GetMetricData', 'lambda:GetFunctionConfiguration']) await stack.fault(call, kind, { rate: 1 });
        const cards = await answersTo(stack, read, isOf);
        await stack.post('fault', { clear: true });
        for (const command of read) says(cards.get(command), command, words);
      }
    });
  });
});
