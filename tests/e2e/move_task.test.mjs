// move_task.test.mjs - F-07, F-08, F-09: watching, stopping and verifying a redrive by SQS itself.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sql, watchPrivate } from '../support/cases.mjs';
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
  const card = await stack.askRedrive('/fluxa dlq redrive rate=1');
  await stack.click('approver', card, 'approve');
  await stack.until(async () => (await stack.effects('StartMessageMoveTask')).length === 1, 'the move task');
  await stack.until(async () => (await stack.get('world')).move_tasks.some((task) => task.status === 'RUNNING' && task.moved > 0), 'the first messages');
  assert.match((await answerTo('/fluxa dlq redrive-status', /move task/i)).text, /A move task runs/);

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
    const card = await stack.askRedrive('/fluxa dlq redrive rate=1');
    await stack.click('approver', card, 'approve');
    await stack.until(async () => (await stack.get('world')).move_tasks.some((task) => task.status === 'RUNNING'), 'the move task');
    assert.match((await answerTo('/fluxa dlq redrive-status', /move task/i)).text, /A move task runs/);
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

test('what nobody knows is a question with evidence, and a person\'s answer settles it', async () => {
  await stack.world({ reset: true, seed: 14, messages: { DBConnectionError: 8 }, short_receives: 0 });
  const card = await stack.askRedrive('/fluxa dlq redrive rate=10');
  await stack.fault('sqs:StartMessageMoveTask', 'timeout_before');
  await stack.click('approver', card, 'approve');
  const asking = await stack.ending(card);
  assert.match(asking.text, /^Please look/);
  const shown = JSON.stringify(asking.blocks);
  for (const part of [/asked_of_sqs/, /begun/, /tasks/, /would still obey (it|the call) until/, /"action_id":"tell_done"/, /"action_id":"tell_not_done"/]) assert.match(shown, part);
  const [intent] = await sql(stack, "SELECT run, state FROM intents WHERE key = 'move-task' ORDER BY n DESC LIMIT 1");
  assert.equal(intent.state, 3, 'stored as unknown');

  const answer = async (user, action, reason) => {
    const known = ((await stack.get(`slack/private?user=${user}`)).views ?? []).length;
    await stack.click(user, asking, action);
    const view = await stack.until(async () => { const { views = [] } = await stack.get(`slack/private?user=${user}`); return views.length > known && views.at(-1); }, 'the dialog');
    await stack.post('slack/submit', { user, view_id: view.id, values: { reason } });
  };
  const refused = await watchPrivate(stack, 'guest');
  await stack.click('guest', asking, 'tell_done');
  await refused(/guests of the workspace may not/);
  const early = await watchPrivate(stack, 'requester');
  await answer('requester', 'tell_not_done', 'both queues are as before');
  await early(/too early to say that it was not done/);
  assert.match((await stack.message(card.ts)).text, /^Please look/);

  await answer('requester', 'tell_done', 'the main queue has all of them');
  const end = await stack.until(async () => { const now = await stack.message(card.ts); return /^Done/.test(now.text) && now; }, 'the answer on the card');
  assert.match(end.text, /has looked: it was done/);
  assert.match(JSON.stringify(end.blocks), /the main queue has all of them/);
  assert.doesNotMatch(JSON.stringify(end.blocks), /tell_done/);
  const [run] = await sql(stack, `SELECT r.state AS run_state, i.state, i.outcome_json FROM runs r JOIN intents i ON i.run = r.id WHERE r.id = '${intent.run}'`);
  assert.deepEqual([run.run_state, run.state], [5, 1]);
  assert.match(run.outcome_json, /told_by/);
  const audit = await sql(stack, `SELECT action FROM audit WHERE subject = '${intent.run}' ORDER BY n`);
  assert.ok(['effect.unknown', 'effect.told', 'run.told'].every((action) => audit.some((row) => row.action === action)), JSON.stringify(audit));
});
