// Two bots on one PostgreSQL: either takes what comes in, and what one leaves behind the other ends.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { freshWorld, judge, listing, sql, watchEffects } from '../support/cases.mjs';
import { Stack } from '../support/stack.mjs';

let stack;
before(async () => {
  stack = await Stack.start({ store: 'postgres', replicas: 2, awsDelayMs: 30 });
});
after(() => stack?.stop());

const told = async (one, event) => (await one.log()).filter((line) => line.event === event);

test('both take a part, and each run ends once', async () => {
  await freshWorld(stack, { DBConnectionError: 3 });
  const ended = () => Promise.all(stack.replicas.map((one) => told(one, 'run.ended')));
  let all, asked = 0;
  const bothWorked = async () => {
    for (const text of ['dlq', 'alarms', 'dlq inspect', 'dlq']) await stack.command('requester', `/fluxa ${text}`);
    asked += 4;
    all = await stack.until(async () => ((await ended()).flat().length >= asked ? ended() : undefined), `${asked} runs to end`);
    return asked >= 8 && all.every((lines) => lines.length > 0);
  };
  await stack.until(bothWorked, 'both to work'); // whoever is quicker takes a job: a few may all be one bot's
  assert.equal(new Set(all.flat().map((line) => line.id)).size, asked);
  const written = async () => (await sql(stack, 'SELECT count(*) AS n FROM runs WHERE state = 5'))[0].n;
  await stack.until(async () => (await written()) >= asked, 'what the log says to be written'); // it says so a moment before
  assert.equal(await written(), asked);
  assert.deepEqual(await sql(stack, "SELECT subject FROM audit WHERE action = 'run.ended' GROUP BY subject HAVING count(*) <> 1"), []);
});

test('a bot killed in the middle of a redrive leaves it to the other, which makes nothing twice', async () => {
  await freshWorld(stack, { DBConnectionError: 40, HashMismatch: 5 });
  const before = await listing(stack), effects = await watchEffects(stack);
  const card = await stack.askRedrive('/fluxa dlq redrive rate=10');
  await stack.click('approver', card, 'approve');
  await stack.until(async () => (await effects('SendMessage')).length > 0, 'the first batch', 60000, 20);
  const begun = await Promise.all(stack.replicas.map((one) => told(one, 'change.run')));
  const worker = stack.replicas.find((_, i) => begun[i].length > 0);
  await worker.killBot();
  assert.match((await stack.ending(card)).text, /Redrive finished: 40 of 40/);
  const { sent, left } = await judge(stack, before, effects);
  assert.deepEqual({ sent, left }, { sent: 40, left: 5 });
  await worker.startBot();
});
