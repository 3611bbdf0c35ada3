// fluxa_watch.test.mjs - what happens later, by itself: F-53 watches the recovery, F-67 the errors after a rollback, F-56
// reminds on the day that was given; and F-44 says how far it is.
//
// A minute is a second here: the shipped runbooks are copied, and only how often they look is changed.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { Stack, build } from '../support/stack.mjs';
import { answerTo, atRest, freshWorld, ownRunbooks, postgres, restart, watchEffects, watchPrivate } from '../support/cases.mjs';
import { buttons, includes, shown } from './cards.mjs';

const ONE_AT_A_TIME = { concurrency: 1 };
const DAY_MS = 86400000;
const own = (name, ...values) => ({ namespace: 'Fluxa', name, values });
const lambda = (fn, name, ...values) => ({ namespace: 'AWS/Lambda', name, dimensions: { FunctionName: `fluxa-${fn}` }, values });
const minutes = (count, value) => Array.from({ length: count }, () => value);
const away = (stack) => postgres(stack, 'ALTER ROLE fluxabot_ro CONNECTION LIMIT 0');
const back = (stack) => postgres(stack, 'ALTER ROLE fluxabot_ro CONNECTION LIMIT -1');
const dayFromNow = (days) => new Date(Date.now() + days * DAY_MS).toISOString().slice(0, 10);

async function quick(stack, time = '4s') {
  const folder = await ownRunbooks(stack);
  for (const name of ['watch-recovery.yaml', 'watch-errors.yaml']) {
    const file = path.join(folder, name), text = await readFile(file, 'utf8');
    const faster = text.replace('every: 1m', 'every: 1s').replace(/default: 1[05]m, min: 1m/, `default: ${time}, min: 1s`);
    assert.notEqual(faster, text);
    await writeFile(file, faster);
  }
  return folder;
}

const watchRuns = (stack) => stack.sql("SELECT id, state, note, values_json FROM runs WHERE command LIKE 'watch %' ORDER BY created_ms, id");
const looksOf = async (stack, id) => JSON.parse((await stack.sql(`SELECT values_json FROM runs WHERE id = '${id}'`))[0].values_json).watch?.looks ?? 0;
const isOver = (message) => !/^Watching/.test(message.text) && !/the next is at/.test(shown(message));
const over = (stack, card) => stack.until(async () => { const now = await stack.message(card.ts); return now && isOver(now) && now; }, 'the watch to end');

const fresh = async (stack, world, text) => {
  await freshWorld(stack, {}, world);
  const card = await answerTo(stack, text), [run] = (await watchRuns(stack)).slice(-1);
  return { card, run };
};
const nextLook = async (stack, run) => {
  const seen = await looksOf(stack, run.id);
  await stack.until(async () => (await looksOf(stack, run.id)) > seen, 'another look');
};
const lastReply = async (stack, card) => ((await stack.message(card.ts))?.replies ?? []).at(-1);

describe('what happens later', { concurrency: true }, () => {
  describe('F-53', ONE_AT_A_TIME, () => {
    let stack;
    before(async () => {
      stack = await Stack.start({ edit: (one) => quick(one) });
    });
    after(() => stack?.stop());

    test('F-53 edits one message at each look, and says at its end what it saw', async () => {
      const { card, run } = await fresh(stack, { metrics: [own('processed_success', ...minutes(60, 40)), own('processed_failure', ...minutes(60, 0))] }, '/fluxa watch recovery');
      includes(card, /Watching the recovery: well so far/, /1 of 1 look without trouble; the next is at \d\d:\d\d:\d\d UTC/, /Database\*\nanswers; answered 1 of 1 look/);
      assert.ok(buttons(card).includes('Stop'));
      await stack.until(async () => /[2-4] of [2-4] looks/.test(shown(await stack.message(card.ts))), 'a later look on the same message');
      const end = await over(stack, card), known = (await stack.messages()).length;
      includes(end, /^Recovered/, /of \d looks without trouble\. Nothing waits in the main queue/, /Processed in 5 min\*\n\d+/, /Failed in 5 min\*\n0/, /Dead letters\*\n0/);
      assert.ok(!buttons(end).includes('Stop') && buttons(end).includes('Watch again'));
      await atRest(stack);
      assert.equal((await stack.messages()).length, known);
      assert.equal((await stack.sql(`SELECT count(*) AS n FROM outbox WHERE key = 'run:${run.id}' AND state = 3`))[0].n, 0);
    });

    test('F-53: a plan waits for nothing, and shows what is seen now', async () => {
      await freshWorld(stack, {});
      const { stdout } = await promisify(execFile)(path.join(build, 'fluxabot'), ['plan', 'fluxa', 'watch', 'recovery', '60s', '--config', stack.config], { env: { ...process.env, ...(await stack.environment()) } });
      assert.match(stdout, /Watching the recovery: /);
      assert.match(stdout, /answered 1 of 1 look/);
    });

    test('F-53 tells trouble that goes from trouble that stays', async () => {
      const { card } = await fresh(stack, { metrics: [own('processed_success', ...minutes(60, 40)), own('processed_failure', ...minutes(60, 0))] }, '/fluxa watch recovery 6s');
      await away(stack);
      await stack.until(async () => /^Watching the recovery: the database does not answer/.test((await stack.message(card.ts)).text), 'the trouble on the card');
      await back(stack);
      includes(await over(stack, card), /^Recovered, but not at once/);
      await away(stack);
      const stays = await over(stack, await answerTo(stack, '/fluxa watch recovery 2s'));
      await back(stack);
      includes(stays, /^Not recovered: the database does not answer/, /Begin with the database/, /Database\*\ndoes not answer; answered 0 of \d looks?/);
      assert.equal(buttons(stays)[0], 'Check the database');
    });

    test('F-53 counts failures and dead letters against what was there', async () => {
      const { card } = await fresh(stack, { metrics: [own('processed_success', ...minutes(60, 10)), own('processed_failure', ...minutes(60, 5))] }, '/fluxa watch recovery 1s');
      includes(await over(stack, card), /^Not recovered: \d+ messages failed in 5 min/, /Look at the errors/);
      const { card: quiet } = await fresh(stack, { metrics: [own('processed_success', ...minutes(60, 10)), own('processed_failure', ...minutes(60, 0))] }, '/fluxa watch recovery 3s');
      await stack.world({ send: [{ queue: 'Fluxa-DLQ', body: '{}', delay: 0 }, { queue: 'Fluxa-DLQ', body: '{}', delay: 0 }] });
      includes(await over(stack, quiet), /^Not recovered: more dead letters than before/, /2 more dead letters since it began/, /Dead letters\*\n2/);
    });
  });

  describe('F-53, when it cannot know', ONE_AT_A_TIME, () => {
    let stack;
    before(async () => {
      stack = await Stack.start({ edit: (one) => quick(one) });
    });
    after(() => stack?.stop());

    test('F-53 calls nothing well that it could not read, and names the right that is missing', async () => {
      await freshWorld(stack, {});
      for (const target of ['sqs:GetQueueAttributes', 'cloudwatch:GetMetricData']) await stack.fault(target, 'denied', { rate: 1 });
      const denied = await over(stack, await answerTo(stack, '/fluxa watch recovery 1s'));
      includes(denied, /^Recovered as far as it could be seen/, /Not known at the last look: main queue, dead letters, processed messages, API/, /allow sqs:GetQueueAttributes for the bot's role/, /Main queue\*\ncould not be read/, /Failed in 5 min\*\ncould not be read/);
      await freshWorld(stack, {}, { metrics: [own('processed_success', null), own('processed_failure', null)] });
      includes(await over(stack, await answerTo(stack, '/fluxa watch recovery 1s')), /^Recovered as far/, /Not known at the last look: processed messages/, /Failed in 5 min\*\nno data/);
    });

    test('F-53 says that AWS is busy, or away', async () => {
      for (const kind of ['429', 'down']) {
        await freshWorld(stack, {});
        await stack.fault('sqs:GetQueueAttributes', kind, { rate: 1 });
        const busy = await answerTo(stack, '/fluxa watch recovery 20s');
        includes(busy, /^Watching the recovery: not all can be read/, /Not all could be read/, /Dead letters\*\ncould not be read/);
        await stack.post('fault', { clear: true });
        await stack.until(async () => /well so far|Watching the recovery: \d+ messages/.test((await stack.message(busy.ts)).text), 'a look that reads all');
        await stack.click('requester', busy, 'stop');
        await over(stack, busy);
      }
    });

    test('F-53 survives kills: the same message, every look once, no second watch', async () => {
      const { card, run } = await fresh(stack, {}, '/fluxa watch recovery 15s');
      for (const signal of ['SIGKILL', 'SIGTERM', 'SIGKILL']) {
        const before = await looksOf(stack, run.id);
        await restart(stack, signal);
        await stack.until(async () => (await looksOf(stack, run.id)) > before, 'the next look');
      }
      await stack.click('requester', card, 'stop');
      const end = await over(stack, card), { watch } = JSON.parse((await stack.sql(`SELECT values_json FROM runs WHERE id = '${run.id}'`))[0].values_json);
      includes(end, /^The watch was stopped|^Recovered/);
      await atRest(stack);
      assert.equal((await stack.messages()).filter(({ text }) => /recover|watch was/i.test(text)).length, 1, 'one message');
      assert.equal(watch.kept.length, watch.looks);
      assert.equal(new Set(watch.kept.map(({ at }) => at)).size, watch.looks, 'no look is counted twice');
      assert.equal((await stack.sql(`SELECT count(*) AS n FROM audit WHERE subject = '${run.id}' AND action = 'run.ended'`))[0].n, 1);
    });

    test('F-53 is one at a time, is stopped by a person, and goes on while changes are frozen', async () => {
      const { card, run } = await fresh(stack, {}, '/fluxa watch recovery 100s');
      includes(await answerTo(stack, '/fluxa watch recovery'), /^Refused/, new RegExp(`this is watched already: /fluxa watch recovery \\(run ${run.id}\\)`, 'i'), /look at its card/);
      await answerTo(stack, '/fluxa freeze a test', 'approver'); // for good: only an admin ends it
      await nextLook(stack, run);
      const told = await watchPrivate(stack, 'requester');
      await stack.click('requester', card, 'stop');
      await told(/Its card says what was seen last/);
      includes(await over(stack, card), /^The watch was stopped: no trouble at the last look/);
      includes(await over(stack, await answerTo(stack, '/fluxa watch recovery 1s')), /^Recovered/);
    });
  });

  describe('by itself', ONE_AT_A_TIME, () => {
    let stack, folder;
    before(async () => {
      stack = await Stack.start({ watches: true, edit: async (one) => { folder = await quick(one, '3s'); } });
    });
    after(() => stack?.stop());

    // Asked for, approved by somebody else, done.
    const approved = async (text) => {
      const card = await answerTo(stack, text);
      await stack.click('approver', card, 'approve');
      return stack.until(async () => { const now = await stack.message(card.ts); return !/"action_id":"approve"/.test(JSON.stringify(now.blocks)) && !/^(Running|Waiting|Approved)/.test(now.text) && now; }, `${text} to be done`);
    };

    test('F-53 begins in the thread of an alarm that is OK again, once for all that are', async () => {
      await freshWorld(stack, {});
      for (const name of ['fluxa-processor-throttles-dev', 'fluxa-ingest-throttles-dev']) await stack.alarm(name, 'ALARM');
      const [one, two] = await stack.until(async () => { const cards = (await stack.messages()).filter(({ text }) => /throttles-dev is in alarm/.test(text)); return cards.length === 2 && cards; }, 'two cards');
      assert.equal((await watchRuns(stack)).length, 0);
      for (const name of ['fluxa-processor-throttles-dev', 'fluxa-ingest-throttles-dev']) await stack.alarm(name, 'OK');
      await stack.until(async () => { const runs = await watchRuns(stack); return runs.length === 2 && runs.every(({ state }) => state >= 5) && runs; }, 'both to be over');
      await atRest(stack);
      const told = (await Promise.all([one, two].map(async (card) => (await stack.message(card.ts)).replies ?? []))).flat().filter(({ text }) => /recover/i.test(text));
      assert.equal(told.length, 1, 'one watch of two');
      includes(told[0], /^Recovered/, /Asked by the follow-up/);
      assert.deepEqual((await watchRuns(stack)).map(({ note }) => /watched already/.test(note)).sort(), [false, true]);
    });

    test('F-53 does not begin where the configuration says so', async () => {
      await freshWorld(stack, {});
      await stack.killBot('SIGTERM');
      await stack.edit((text) => text.replace(/^( *)command: \/fluxa$/m, '$&\n$1watches: false'));
      await stack.startBot();
      const before = (await watchRuns(stack)).length;
      await stack.alarm('fluxa-quiet-throttles-dev', 'ALARM');
      const card = await stack.until(() => stack.card(/quiet-throttles-dev is in alarm/), 'its card');
      await stack.alarm('fluxa-quiet-throttles-dev', 'OK');
      await stack.until(async () => /is OK again/.test(JSON.stringify((await stack.message(card.ts)).replies ?? [])), 'its end');
      await atRest(stack);
      assert.equal((await watchRuns(stack)).length, before);
    });

    test('F-67: the errors are watched after a rollback, and what is worse can be undone', async () => {
      await freshWorld(stack, {}, { functions: [{ name: 'fluxa-ingest', versions: [5, 6, 7, 8].map((version, i) => ({ version: String(version), age_ms: (4 - i) * DAY_MS })), aliases: [{ name: 'live', version: '8' }] }], metrics: [lambda('ingest', 'Invocations', ...minutes(60, 100)), lambda('ingest', 'Errors', ...minutes(56, 0), ...minutes(4, 20))] });
      const done = await approved('/fluxa rollback ingest');
      includes(done, /is rolled back/, /watched for ten minutes, below in the thread/);
      const first = await stack.until(async () => { const reply = await lastReply(stack, done); return reply && /fluxa-ingest: no call since/.test(reply.text) && reply; }, 'the first look');
      includes(first, /It has not been called in a whole minute yet/, /Half an hour before\*\n\d+ of \d+ calls failed/);
      // minutes pass: it was rolled back five minutes ago
      await stack.execute("UPDATE runs SET created_ms = created_ms - 300000 WHERE command = 'watch errors'");
      const end = await stack.until(async () => { const reply = await lastReply(stack, done); return reply && /Watched for/.test(shown(reply)) && reply; }, 'the verdict');
      assert.equal(end.ts, first.ts);
      includes(end, /of calls fail, more than before/, /It is worse than before: go back to version 8, or look at the errors/, /Since then\*\n\d+ of \d+ calls failed/);
      assert.deepEqual(buttons(end).slice(0, 2), ['Undo: version 8', 'Show errors']);
      const effects = await watchEffects(stack), known = new Set((await stack.messages()).map(({ ts }) => ts));
      await stack.click('requester', end, 'command:0');
      const asked = await stack.until(async () => (await stack.messages()).find(({ ts }) => !known.has(ts)), 'the request to undo');
      includes(asked, /Version\*\n7 → 8/);
      assert.deepEqual(await effects(), [], 'nothing without an approval');
    });

    test('F-67: a rollback that helps is told so, and a newer one takes the watch over', async () => {
      const world = (...errors) => ({ functions: [{ name: 'fluxa-query', versions: [5, 6, 7, 8].map((version, i) => ({ version: String(version), age_ms: (4 - i) * DAY_MS })), aliases: [{ name: 'live', version: '8' }] }], metrics: [lambda('query', 'Invocations', ...minutes(60, 100)), lambda('query', 'Errors', ...errors)] });
      await freshWorld(stack, {}, world(...minutes(50, 20), ...minutes(10, 0)));
      const asked = await answerTo(stack, '/fluxa watch errors query 60s');
      includes(asked, /no call since|calls fail/);
      const done = await approved('/fluxa rollback query');
      await stack.until(async () => /a newer watch has taken over/.test((await stack.message(asked.ts)).text), 'the older to end');
      await stack.until(() => lastReply(stack, done), 'the watch of the rollback');
      await stack.execute("UPDATE runs SET created_ms = created_ms - 300000 WHERE command = 'watch errors'");
      const end = await stack.until(async () => { const reply = await lastReply(stack, done); return reply && /Watched for/.test(shown(reply)) && reply; }, 'the verdict');
      includes(end, /fluxa-query: 0\.00% of calls fail/, /That is below 1%/, /Half an hour before\*\n\d+ of \d+ calls failed/);
      assert.deepEqual(buttons(end), ['Watch again']);
      await freshWorld(stack, {});
      await stack.fault('cloudwatch:GetMetricData', 'denied', { rate: 1 });
      const denied = await answerTo(stack, '/fluxa watch errors query 1s');
      const blind = await stack.until(async () => { const now = await stack.message(denied.ts); return /Watched for/.test(shown(now)) && now; }, 'its end');
      includes(blind, /its error rate could not be read/, /Whether it is better is not known/, /allow cloudwatch:GetMetricData for the bot's role/);
      await stack.post('fault', { clear: true });
    });

    test('F-56: on the day that was given it is looked at again, also by a bot that was away and has other runbooks', async () => {
      const keeps = { functions: [{ name: 'fluxa-ingest', reserved: 10, versions: [7, 8].map((version) => ({ version: String(version), age_ms: DAY_MS })), aliases: [{ name: 'live', version: '8' }] }] };
      await freshWorld(stack, {}, keeps);
      for (const [day, why] of [[dayFromNow(-1), /is over, or today; give a later one/], [dayFromNow(1900), /more than 1800 days ahead/]]) includes(await answerTo(stack, `/fluxa provision ingest live 2 ends=${day}`), /^Refused/, why, /Nothing was changed/);
      const ends = dayFromNow(40), done = await approved(`/fluxa provision ingest live 2 ends=${ends}`);
      includes(done, new RegExp(`On ${ends} at 08:00 UTC you are reminded here`));
      const [job] = await stack.sql("SELECT j.id, j.due_ms, r.id AS run, r.parent FROM jobs j JOIN runs r ON r.id = j.subject WHERE r.command = 'provision review' AND j.state = 0");
      assert.equal(new Date(job.due_ms).toISOString(), `${ends}T08:00:00.000Z`);
      await stack.killBot();
      const file = path.join(folder, 'provision-review.yaml');
      await writeFile(file, (await readFile(file, 'utf8')).replace('help: >-', 'help: >-\n  Edited since.'));
      await stack.execute(`UPDATE jobs SET due_ms = ${Date.now()}, at_ms = ${Date.now()} WHERE id = ${job.id}`); // the day has come
      const known = new Set((await stack.messages()).map(({ ts }) => ts));
      await stack.startBot();
      const card = await stack.until(async () => (await stack.messages()).find(({ ts }) => !known.has(ts)), 'the reminder, where people are notified');
      includes(card, /fluxa-ingest:live keeps 2 copies warm/, new RegExp(`It was to be taken back on ${ends}, and costs money around the clock`), /Status\*\nREADY/);
      await restart(stack);
      await atRest(stack);
      assert.equal((await stack.messages()).filter(({ ts }) => !known.has(ts)).length, 1, 'one reminder');
      assert.equal((await stack.sql("SELECT count(*) AS n FROM runs WHERE command = 'provision review'"))[0].n, 1);
      await freshWorld(stack, {});
      includes(await answerTo(stack, '/fluxa provision review ingest live'), /keeps no copies warm/, /Nothing is to be taken back/);
      await stack.fault('lambda:ListProvisionedConcurrencyConfigs', 'denied', { rate: 1 });
      includes(await answerTo(stack, '/fluxa provision review ingest live'), /could not be looked at/, /is not known/, /allow lambda:ListProvisionedConcurrencyConfigs for the bot's role/);
      await stack.post('fault', { clear: true });
    });

    test('F-44: the card says how far the build is while it goes on', async () => {
      await freshWorld(stack, {});
      await postgres(stack, "INSERT INTO events SELECT 'evt-' || n, 'u' || n FROM generate_series(0, 99) n");
      const writer = spawn('psql', ['-qAt', stack.database], { stdio: ['pipe', 'pipe', 'inherit'] });
      writer.stdin.write("BEGIN; INSERT INTO events VALUES ('open', 'u');\n\\echo open\n");
      await once(writer.stdout, 'data'); // its transaction is open
      const asked = await answerTo(stack, '/fluxa db index create ts');
      await stack.click('approver', asked, 'approve');
      const running = await stack.until(async () => { const now = await stack.message(asked.ts); return /Waiting for/.test(shown(now)) && now; }, 'the build to say for what it waits');
      includes(running, /^Running: create the index idx_events_ts/, /Waiting for writers before build \(0 of 1 transactions are over\)/);
      writer.stdin.end('COMMIT;\n');
      const end = await stack.until(async () => { const now = await stack.message(asked.ts); return !/^(Running|Waiting|Approved)/.test(now.text) && now; }, 'the build to end');
      includes(end, /idx_events_ts is built and valid/);
    });
  });

  describe('of two bots', ONE_AT_A_TIME, () => {
    let stack;
    before(async () => {
      stack = await Stack.start({ store: 'postgres', replicas: 2, edit: (one) => quick(one) });
    });
    after(() => stack?.stop());

    test('F-53 goes on where another bot lives, and begins once when both are asked', async () => {
      await freshWorld(stack, {});
      await Promise.all(['99s', '100s'].map((time) => stack.command('requester', `/fluxa watch recovery ${time}`)));
      const [card] = await stack.until(async () => {
        const told = (await stack.messages()).filter(({ text }) => /watch/i.test(text)), refused = told.filter(({ text }) => /^Refused/.test(text));
        return told.length === 2 && refused.length === 1 && told.filter((one) => one !== refused[0]);
      }, 'one watch and one refusal');
      const run = (await watchRuns(stack)).find(({ state }) => state < 5);
      for (const bot of [0, 1]) {
        await stack.replica(bot).killBot();
        const before = await looksOf(stack, run.id);
        await stack.until(async () => (await looksOf(stack, run.id)) > before + 1, `looks without bot ${bot}`);
        await stack.replica(bot).startBot();
      }
      await stack.click('requester', card, 'stop');
      includes(await over(stack, card), /^The watch was stopped/);
      const { watch } = JSON.parse((await stack.sql(`SELECT values_json FROM runs WHERE id = '${run.id}'`))[0].values_json);
      assert.equal(new Set(watch.kept.map(({ at }) => at)).size, watch.looks, 'no look is counted twice');
    });

    test('F-56 and F-67 say that AWS is busy, or away', async () => {
      for (const kind of ['429', 'down']) {
        await freshWorld(stack, {});
        for (const target of ['cloudwatch:GetMetricData', 'lambda:ListProvisionedConcurrencyConfigs']) await stack.fault(target, kind, { rate: 1 });
        const watched = await answerTo(stack, '/fluxa watch errors query 20s');
        includes(watched, /fluxa-query: its error rate could not be read/, /Whether it is better is not known/, /CloudWatch could not be asked/);
        includes(await answerTo(stack, '/fluxa provision review ingest live'), /could not be looked at/, /Whether it still costs money is not known/);
        await stack.post('fault', { clear: true });
        await stack.click('requester', watched, 'stop');
      }
    });
  });
});
