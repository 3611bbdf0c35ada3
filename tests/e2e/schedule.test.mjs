// schedule.test.mjs - S-F1: a command that runs by itself posts when something changed, and at no other time, whatever
// happens to AWS or to the bot between two ticks.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { Stack, build } from '../support/stack.mjs';
import { freshWorld, ownRunbooks, sql } from '../support/cases.mjs';

const EVERY_MS = 10000; // the shortest that is allowed
const SOON = 4 * EVERY_MS;
const ONE_AT_A_TIME = { concurrency: 1 };
const job = 'fluxa/dev/dead letters';
const systemFile = (stack) => path.join(stack.dir, 'commands/fluxa/system.yaml');

async function editSystem(stack, change) {
  const text = await readFile(systemFile(stack), 'utf8');
  const changed = change(text);
  assert.notEqual(changed, text);
  await writeFile(systemFile(stack), changed);
}

async function start() {
  const stack = await Stack.start({
    bot: false,
    schedules: true,
    edit: async (one) => {
      await ownRunbooks(one);
      // the others would leave their traces among those that are counted
      await editSystem(one, (text) => text.replace(/(\nschedules:\n  - name: dead letters\n[^]*?\n)  - [^]*$/, '$1').replace(/(- name: dead letters\n +command: dlq\n +every: )5m/, '$110s'));
    },
  });
  await freshWorld(stack, {});
  await stack.startBot();
  return stack;
}

const ended = async (stack, told) => (await stack.log()).filter((line) => line.event === 'run.ended' && line.schedule === 'dead letters' && (told === undefined || line.told === told));

// Waits until it has run so many times more.
async function runs(stack, count, told) {
  const seen = (await ended(stack, told)).length;
  await stack.until(async () => (await ended(stack, told)).length >= seen + count, `${count} runs of the schedule`, count * EVERY_MS + SOON, 100);
}

// What must not grow while nothing changes.
async function traces(stack) {
  const [row] = await sql(stack, 'SELECT (SELECT count(*) FROM runs) AS runs, (SELECT count(*) FROM audit) AS audit, (SELECT count(*) FROM outbox) AS outbox, (SELECT count(*) FROM settings WHERE name LIKE \'schedule:%\') AS settings');
  return { ...row, messages: (await stack.messages()).length };
}

async function quietFor(stack, ticks) {
  const before = await traces(stack);
  await runs(stack, ticks, false);
  const now = await traces(stack);
  assert.ok(now.runs <= before.runs + 1, 'one row serves all that tell nothing');
  assert.deepEqual({ ...now, runs: 0 }, { ...before, runs: 0 });
}

// The one card that comes of it, and none after that.
async function cardOf(stack, cause, pattern) {
  const known = new Set((await stack.messages()).map((message) => message.ts));
  const fresh = async () => (await stack.messages()).filter((message) => !known.has(message.ts));
  await cause();
  const card = await stack.until(async () => (await fresh())[0], `a card like ${pattern}`, SOON);
  assert.match(card.text, pattern);
  await quietFor(stack, 1);
  assert.equal((await fresh()).length, 1, 'it is told once');
  return card;
}

// Most of their time goes by in waiting for the next tick, so the suites wait side by side.
describe('a schedule', { concurrency: true }, () => {
  describe('tells what changed', ONE_AT_A_TIME, () => {
    let stack;
    before(async () => (stack = await start()));
    after(() => stack?.stop());

    test('an empty queue at the first look is remembered, and no word is said', async () => {
      await runs(stack, 1, false);
      assert.deepEqual(await stack.messages(), []);
      assert.equal((await sql(stack, `SELECT value FROM settings WHERE name = 'schedule:${job}'`))[0].value, '"empty, no task"');
    });

    test('messages in the queue are told once, by a card that says who looked, and whose buttons work', async () => {
      const card = await cardOf(stack, () => freshWorld(stack, { DBConnectionError: 3 }), /Fluxa-DLQ: 3 messages wait/);
      assert.match(JSON.stringify(card.blocks), /Asked by the schedule dead letters, every 10 s in dev, run /);
      assert.doesNotMatch(JSON.stringify(card), /by the alarm/);
      const audits = await sql(stack, "SELECT actor, action, detail_json FROM audit WHERE actor = 'schedule'");
      assert.deepEqual(audits.map((row) => row.action), ['run.ended']);
      assert.match(audits[0].detail_json, /"schedule":"dead letters"/);
      await stack.click('requester', card, 'command:0');
      await stack.until(() => stack.card(/Fluxa-DLQ sorted by cause/), 'the answer to its first button', 30000);
    });

    test('more of the same is no news, ten times as many are', async () => {
      await freshWorld(stack, { DBConnectionError: 7 });
      await quietFor(stack, 3);
      await cardOf(stack, () => freshWorld(stack, { DBConnectionError: 30 }), /Fluxa-DLQ: 30 messages wait/);
    });
  });

  describe('outlives what goes wrong between two ticks', ONE_AT_A_TIME, () => {
    let stack;
    before(async () => (stack = await start()));
    after(() => stack?.stop());

    test('a bot that was killed between two ticks goes on with the next, and finds what changed meanwhile', async () => {
      await cardOf(stack, () => freshWorld(stack, { DBConnectionError: 30 }), /Fluxa-DLQ: 30 messages wait/);
      await stack.killBot();
      await freshWorld(stack, {});
      const [{ due_ms: due }] = await sql(stack, `SELECT due_ms FROM jobs WHERE kind = 'schedule' AND state = 0 AND subject = '${job}'`);
      await stack.until(() => Date.now() > due + 2 * EVERY_MS, 'three ticks to be missed', SOON);
      const before = (await ended(stack)).length;
      await cardOf(stack, () => stack.startBot(), /Fluxa-DLQ: empty/);
      const ticks = Math.ceil((Date.now() - due) / EVERY_MS);
      assert.ok((await ended(stack)).length - before <= ticks - 2, 'missed ticks are one run');
      assert.equal((await sql(stack, `SELECT count(*) AS n FROM jobs WHERE kind = 'schedule' AND state < 2 AND subject = '${job}'`))[0].n, 1);
    });

    test('a bot that was killed in the middle of a run tells its change once', async () => {
      await stack.fault('sqs:GetQueueAttributes', 'held'); // first, so that no tick sees the messages in time
      await stack.world({ reset: true, messages: { DBConnectionError: 5 }, short_receives: 0 });
      await stack.until(async () => (await sql(stack, "SELECT count(*) AS n FROM jobs WHERE kind = 'run' AND state = 1"))[0].n === 1, 'a run to be in work', SOON, 20);
      await stack.killBot();
      assert.equal((await sql(stack, "SELECT count(*) AS n FROM runs WHERE trigger_kind = 'schedule' AND state < 5"))[0].n, 1, 'it was killed before the end');
      await stack.post('fault', { clear: true });
      await cardOf(stack, () => stack.startBot(), /Fluxa-DLQ: 5 messages wait/);
      assert.equal((await sql(stack, "SELECT count(*) AS n FROM jobs WHERE state = 3"))[0].n, 0, 'no job was quarantined');
      await promisify(execFile)(path.join(build, 'fluxabot'), ['audit', 'verify', '--config', stack.config]);
    });
  });

  describe('tells trouble', ONE_AT_A_TIME, () => {
    let stack;
    before(async () => (stack = await start()));
    after(() => stack?.stop());

    test('AWS that refuses is told once, and once that it answers again', async () => {
      await cardOf(stack, () => freshWorld(stack, { DBConnectionError: 30 }), /Fluxa-DLQ: 30 messages wait/);
      const card = await cardOf(stack, () => stack.fault('sqs:GetQueueAttributes', 'denied', { rate: 1 }), /Could not look: dead letters \(dev\)/);
      assert.match(card.text, /allow sqs:GetQueueAttributes/, 'the fix is named');
      assert.match(card.text, /every 10 s/);
      await cardOf(stack, () => stack.post('fault', { clear: true }), /Fluxa-DLQ: 30 messages wait/);
    });
  });

  describe('tells tasks and its own end', ONE_AT_A_TIME, () => {
    let stack;
    before(async () => (stack = await start()));
    after(() => stack?.stop());

    test('a move task that has come and gone is news', async () => {
      await cardOf(stack, () => freshWorld(stack, { DBConnectionError: 5 }), /Fluxa-DLQ: 5 messages wait/);
      await stack.approvedRedrive('/fluxa dlq redrive rate=500');
      await stack.until(() => stack.card(/Fluxa-DLQ: empty.*Last move task: COMPLETED, 5 moved/), 'its card', SOON);
      assert.match((await sql(stack, `SELECT value FROM settings WHERE name = 'schedule:${job}'`))[0].value, /^"empty, COMPLETED \d+"$/);
      await quietFor(stack, 1);
    });

    test('switched off in the configuration it ends without a word', async () => {
      await stack.killBot('SIGTERM');
      await stack.edit((text) => text.replace(/^( *)command: \/fluxa$/m, '$&\n$1schedules: false'));
      await stack.startBot();
      await stack.until(async () => (await sql(stack, `SELECT count(*) AS n FROM jobs WHERE kind = 'schedule' AND state < 2 AND subject = '${job}'`))[0].n === 0, 'its job to end', SOON);
    });

    test('a schedule that would change something is refused by check, with its line', async () => {
      await editSystem(stack, (text) => text.replace(/(- name: dead letters\n +command: )dlq/, '$1dlq redrive'));
      const text = await readFile(systemFile(stack), 'utf8');
      const line = text.slice(0, text.indexOf('command: dlq redrive')).split('\n').length;
      await assert.rejects(promisify(execFile)(path.join(build, 'fluxabot'), ['check', '--config', stack.config]), (error) => {
        assert.equal(error.code, 1);
        assert.match(error.stderr, new RegExp(`system\\.yaml:${line}: dlq redrive changes something, and a schedule may only read`));
        return true;
      });
    });
  });
});
