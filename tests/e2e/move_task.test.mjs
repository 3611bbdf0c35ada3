// move_task.test.mjs - F-07, F-08, F-09: watching, stopping and verifying a redrive by SQS itself.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Stack } from '../support/stack.mjs';

let stack;

before(async () => {
  stack = await Stack.start();
  await stack.world({ reset: true, seed: 11, messages: { DBConnectionError: 60 }, short_receives: 0 });
});
after(() => stack?.stop());

const answerTo = async (text, pattern, user = 'requester') => {
  const known = new Set((await stack.messages()).map((message) => message.ts));
  await stack.command(user, text);
  return stack.until(async () => (await stack.messages()).find((message) => !known.has(message.ts) && pattern.test(message.text)), `an answer to ${text}`);
};

test('without a task the status says so, and cancelling changes nothing', async () => {
  await answerTo('/fluxa dlq redrive-status', /No move task was started/);
  const card = await answerTo('/fluxa dlq redrive-cancel', /cancel/i);
  assert.match(card.text, /no move task of Fluxa-DLQ is running/i);
  assert.match(card.text, /Nothing was changed/);
  assert.equal((await stack.effects('CancelMessageMoveTask')).length, 0);
});

test('one operator alone stops a running move task, and what moved stays moved', async () => {
  const card = await stack.askRedrive('/fluxa dlq redrive rate=5');
  await stack.click('approver', card, 'approve');
  await stack.until(async () => (await stack.effects('StartMessageMoveTask')).length === 1, 'the move task');
  await stack.until(async () => /A move task runs/.test((await answerTo('/fluxa dlq redrive-status', /move task/i)).text), 'a running task', 20000, 300);

  await answerTo('/fluxa dlq redrive-cancel', /messages had been moved and stay moved/, 'U0CARA0004');
  const ending = await stack.ending(card);
  assert.match(ending.text, /Redrive stopped/);
  const moved = Number(/(\d+) of 60 messages/.exec(ending.text)[1]);
  assert.ok(moved > 0 && moved < 60, `${moved} moved`);
  assert.equal((await stack.effects('StartMessageMoveTask')).length, 1);
  assert.equal((await stack.effects('CancelMessageMoveTask')).length, 1);
});

test('a guest cannot stop it', async () => {
  await stack.command('guest', '/fluxa dlq redrive-cancel');
  await stack.until(async () => (await stack.private('guest')).some((message) => /guests of the workspace may not/.test(message.text)), 'the refusal');
  assert.equal((await stack.effects('CancelMessageMoveTask')).length, 1);
});

test('verify counts what was received and what succeeded', async () => {
  const card = await answerTo('/fluxa dlq verify since=10m', /Redriven: /);
  const succeeded = Number(/In the database: (\d+) succeeded/.exec(card.text)[1]);
  assert.ok(succeeded > 0, card.text);
  assert.match(card.text, /Success lines in log: \d+/);
});

for (const [kind, what] of [['429', 'refused at first'], ['timeout_after', 'done but not answered'], ['timeout_before', 'lost on its way']]) {
  test(`a cancel that is ${what} still ends as cancelled, and says so`, async () => {
    await stack.world({ reset: true, seed: 12, messages: { DBConnectionError: 60 }, short_receives: 0 });
    const before = (await stack.effects('CancelMessageMoveTask')).length;
    const card = await stack.askRedrive('/fluxa dlq redrive rate=2');
    await stack.click('approver', card, 'approve');
    await stack.until(async () => /A move task runs/.test((await answerTo('/fluxa dlq redrive-status', /move task/i)).text), 'a running task', 20000, 300);
    await stack.fault('sqs:CancelMessageMoveTask', kind, { count: 1 });
    await answerTo('/fluxa dlq redrive-cancel', /messages had been moved and stay moved/);
    assert.equal((await stack.effects('CancelMessageMoveTask')).length, before + 1);
    await stack.ending(card);
  });
}

test('a task that cannot be looked at for a while is watched to its end', async () => {
  await stack.world({ reset: true, seed: 13, messages: { DBConnectionError: 30 }, short_receives: 0 });
  const before = (await stack.effects('StartMessageMoveTask')).length;
  const card = await stack.askRedrive('/fluxa dlq redrive rate=10');
  await stack.click('approver', card, 'approve');
  await stack.until(async () => (await stack.effects('StartMessageMoveTask')).length === before + 1, 'the move task');
  await stack.fault('sqs:ListMessageMoveTasks', '5xx', { count: 6 }); // more than the reads' own repeats
  const ending = await stack.ending(card);
  assert.match(ending.text, /^Redrive finished: 30 of 30/, ending.text);
  assert.equal((await stack.effects('StartMessageMoveTask')).length, before + 1);
});
