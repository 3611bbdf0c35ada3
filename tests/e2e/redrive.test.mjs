// redrive.test.mjs - F-05 and F-06 under attack: who may, what may, when it may, and that it happens once.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { build, Stack } from '../support/stack.mjs';
import { dlq, edit, freshWorld, judge, listing, main, ownRunbooks, postgres, restart, sql, watchEffects, watchPrivate } from '../support/cases.mjs';

const fast = '/fluxa dlq redrive rate=500';
let stack;
let runbooks;

before(async () => {
  stack = await Stack.start({ edit: async (one) => {
    runbooks = await ownRunbooks(one);
    // the cases share this stack: what comes back in one is not to be locked for the next (follow_up.test.mjs has the locks)
    const file = path.join(runbooks, 'dlq-redrive.yaml');
    await writeFile(file, (await readFile(file, 'utf8')).replace('redrive: "${redrive}" }', 'redrive: "${redrive}", lock: 1ms }').replace(/follow_ups:\n.*\n/, ''));
  } });
});
after(() => stack?.stop());

const bad = (number) => ({ queue: dlq, source: main, body: { event_id: `late-${number}`, correlation_id: `late-${number}`, payload: { a: 1 }, payload_hash: '00' } });
const policyTo = (name) => ({ queues: [{ name: main, attributes: { RedrivePolicy: JSON.stringify({ deadLetterTargetArn: `arn:aws:sqs:us-east-1:123456789012:${name}`, maxReceiveCount: 3 }) } }] });
const decisions = (card) => sql(stack, `SELECT state, decided_by FROM approvals WHERE id = '${requestOf(card)}'`);
const requestOf = (card) => /"value":"(apr-[^"]+)"/.exec(JSON.stringify(card.blocks))[1];
const runOf = (card) => /run ([a-z0-9]{12})/i.exec(JSON.stringify(card.blocks))[1];
const isAsked = (card) => /"action_id":"approve"/.test(JSON.stringify(card.blocks));

async function asked(text = fast, user = 'requester') {
  const card = await stack.askRedrive(text, user);
  assert.ok(isAsked(card), `an approval card, not: ${card.text}`);
  return card;
}

async function refusedAtOnce(text, pattern) {
  const effects = await watchEffects(stack);
  const card = await stack.askRedrive(text);
  assert.match(card.text, /^Refused/, card.text);
  assert.match(card.text, pattern);
  assert.ok(!isAsked(card));
  assert.match(card.text, /Nothing was changed/);
  assert.deepEqual(await effects(), []);
}

async function refusedAfterApproval(card, effects, pattern) {
  await stack.click('approver', card, 'approve');
  const end = await stack.ending(card);
  assert.match(end.text, /^Refused/, end.text);
  assert.match(end.text, pattern);
  assert.match(end.text, /Nothing was changed/);
  assert.deepEqual(await effects(), []);
}

// ---- what moves ----

test('a queue of safe messages is moved by SQS in one task, and verified', async () => {
  await freshWorld(stack, { DBConnectionError: 8 });
  const effects = await watchEffects(stack);
  const end = await stack.approvedRedrive(fast);
  assert.match(end.text, /^Redrive finished: 8 of 8/);
  assert.match(end.text, /8 of 8 are in the database/);
  assert.equal((await effects('StartMessageMoveTask')).length, 1);
  assert.equal((await effects('SendMessage')).length, 0);
  assert.equal((await listing(stack)).length, 0);
});

test('of a mixed queue only the safe messages move, one by one, with their bytes', async () => {
  await freshWorld(stack, { DBConnectionError: 14, SchemaValidation: 3, HashMismatch: 3 });
  const before = await listing(stack);
  const effects = await watchEffects(stack);
  const end = await stack.approvedRedrive(fast);
  assert.match(end.text, /^Redrive finished: 14 of 14/);
  assert.deepEqual(await judge(stack, before, effects), { sent: 14, twice: 0, left: 6 });
  assert.equal((await effects('StartMessageMoveTask')).length, 0);
});

test('retryable, a class, or message ids narrow what moves', async () => {
  await freshWorld(stack, { DBConnectionError: 6, SchemaValidation: 1 });
  const before = await listing(stack);
  const effects = await watchEffects(stack);
  const two = before.filter((message) => message.cause === 'DBConnectionError').slice(0, 2);
  assert.match((await stack.approvedRedrive(`${fast} ${two.map((message) => message.message_id).join(' ')}`)).text, /^Redrive finished: 2 of 2/);
  assert.deepEqual(new Set((await effects('SendMessage')).map((send) => send.detail.body_sha256)), new Set(two.map((message) => message.body_sha256)));
  await refusedAtOnce(`${fast} ${before.find((message) => message.cause === 'SchemaValidation').message_id}`, /must not be retried/);
  await refusedAtOnce(`${fast} SchemaValidation`, /must not be retried/);
  await refusedAtOnce(`${fast} ${two[0].message_id}`, /no message and no cause in the queue is called/i);
  assert.match((await stack.approvedRedrive(`${fast} DBConnectionError`)).text, /^Redrive finished: 4 of 4/);
  await freshWorld(stack, { DBConnectionError: 2, HashMismatch: 1 });
  assert.match((await stack.approvedRedrive(`${fast} retryable`)).text, /^Redrive finished: 2 of 2/);
});

test('a queue of unsafe messages, and an empty one, are refused before anybody is asked', async () => {
  await freshWorld(stack, { SchemaValidation: 2, HashMismatch: 2 });
  await refusedAtOnce(fast, /None of the 4 messages is safe to retry/);
  await freshWorld(stack, {});
  await refusedAtOnce(fast, /the queue is empty/i);
});

// ---- when it may ----

test('while the database is down nothing is offered, and nothing approved is run', async () => {
  await freshWorld(stack, { DBConnectionError: 3, SchemaValidation: 1 });
  await stack.world({ outage: { database: true, status: 'rebooting' } });
  await refusedAtOnce(fast, /RDS says that fluxa-prod is rebooting/);
  await stack.world({ outage: { database: false } });
  const card = await asked();
  const effects = await watchEffects(stack);
  await stack.world({ outage: { database: true } });
  await refusedAfterApproval(card, effects, /The cause is back: RDS says that fluxa-prod is rebooting/);
});

test('a database that does not let the bot in leaves no message safe', async () => {
  await freshWorld(stack, { DBConnectionError: 3 });
  await postgres(stack, 'ALTER ROLE fluxabot_ro NOLOGIN');
  try {
    await refusedAtOnce(fast, /database/);
  } finally {
    await postgres(stack, 'ALTER ROLE fluxabot_ro LOGIN');
  }
});

test('an approval lives only as long as the facts that were shown', async () => {
  // A reset world has forgotten its Slack messages, so the click is sent as Slack would send it.
  const changes = [
    [{ DBConnectionError: 5 }, () => freshWorld(stack, { DBConnectionError: 4 }), /5 messages were approved, 4 are there now/],
    [{ DBConnectionError: 5, HashMismatch: 1 }, () => freshWorld(stack, { DBConnectionError: 1, HashMismatch: 1 }), /5 messages were approved, 2 are there now/],
    [{ DBConnectionError: 3 }, () => stack.world({ send: [bad(1)] }), /3 messages were approved, 4 are there now/],
    [{ DBConnectionError: 3 }, () => freshWorld(stack, { DBConnectionError: 2, SchemaValidation: 1 }, { seed: 99 }), /queue changed/],
    [{ DBConnectionError: 3 }, () => freshWorld(stack, { DBConnectionError: 3 }, { seed: 98 }), /was not there when this was approved/],
    [{ DBConnectionError: 3, HashMismatch: 1 }, () => stack.world(policyTo('Another-DLQ')), /redrive policy names .*Another-DLQ/],
  ];
  for (const [messages, change, pattern] of changes) {
    await freshWorld(stack, messages);
    const card = await asked();
    await change();
    const effects = await watchEffects(stack);
    await press('U0BOLIND02', 'approve', requestOf(card));
    const end = await stack.until(() => stack.card(/^(Refused|Redrive|Failed)/), 'the end of the run');
    assert.match(end.text, /^Refused/, end.text);
    assert.match(end.text, pattern);
    assert.match(end.text, /Nothing was changed/);
    assert.deepEqual(await effects(), []);
  }
});

test('an unsafe message that comes after the approval stays when the rest moves', async () => {
  await freshWorld(stack, { DBConnectionError: 4, SchemaValidation: 1 });
  const card = await asked();
  await stack.world({ send: [bad(2)] });
  const before = await listing(stack);
  const effects = await watchEffects(stack);
  await stack.click('approver', card, 'approve');
  assert.match((await stack.ending(card)).text, /^Redrive finished: 4 of 4/);
  assert.equal((await judge(stack, before.map((one) => ({ ...one, cause: one.cause ?? 'late' })), effects)).left, 2);
});

test('a runbook that was edited between request and approval is not run', async () => {
  await freshWorld(stack, { DBConnectionError: 3 });
  const card = await asked();
  const effects = await watchEffects(stack);
  const file = path.join(runbooks, 'dlq-redrive.yaml');
  const text = await readFile(file, 'utf8');
  await writeFile(file, text.replace('queue: dlq, count: 2000', 'queue: dlq, count: 1999'));
  await restart(stack);
  await refusedAfterApproval(card, effects, /runbook was edited/);
  await writeFile(file, text);
  await restart(stack);
});

test('a redrive whose queue is moved in the configuration while it is under way does not go on there', async () => {
  await freshWorld(stack, { DBConnectionError: 30, HashMismatch: 1 });
  const effects = await watchEffects(stack);
  const card = await asked('/fluxa dlq redrive rate=2');
  await stack.click('approver', card, 'approve');
  await stack.until(async () => (await effects('SendMessage')).length > 0, 'the first message to be sent');
  await stack.killBot();
  const sent = (await effects()).length, original = await readFile(stack.config, 'utf8');
  await edit(stack, (text) => text.replace(/(queue_url: ".*)Fluxa-InputQueue"/, '$1Fluxa-DLQ"'));
  await stack.startBot();
  const end = await stack.until(async () => { const { text } = await stack.message(card.ts); return /^(Failed|Please look|Redrive)/.test(text) && text; }, 'the end of the run');
  assert.match(end, /^(Failed|Please look): .*was changed while this was under way, so .*ask again for the rest: system\.\S* was .*Fluxa-InputQueue.* and is .*Fluxa-DLQ/s);
  assert.equal((await effects()).length, sent, 'nothing is sent to the other queue');
  await writeFile(stack.config, original);
  await restart(stack, 'SIGTERM');
});

test('a plan that was changed in the store is not run', async () => {
  await freshWorld(stack, { DBConnectionError: 3, HashMismatch: 2 });
  const card = await asked();
  const effects = await watchEffects(stack);
  const poison = (await listing(stack)).find((message) => message.cause === 'HashMismatch').message_id;
  await sql(stack, `UPDATE approvals SET plan_json = replace(plan_json, json_extract(plan_json, '$.plan.details.messages[0].id'), '${poison}') WHERE id = '${requestOf(card)}'`);
  await refusedAfterApproval(card, effects, /stored plan is not the one that was approved/);
});

test('requests and approvals expire', async () => {
  await edit(stack, (text) => `${text}approvals: { decide_within: 8s, execute_within: 1s }\n`);
  await restart(stack, 'SIGTERM');
  await freshWorld(stack, { DBConnectionError: 3 });
  const effects = await watchEffects(stack);
  const late = await asked();
  const end = await stack.ending(late);
  assert.match(end.text, /^Expired/);
  assert.ok(!isAsked(end), 'an expired request has no buttons');
  const reminders = async (card) => ((await stack.message(card.ts)).replies ?? []).filter(({ text }) => /Nobody has decided on \/fluxa dlq redrive yet/.test(text));
  assert.equal((await reminders(end)).length, 1, 'a reminder at half time');
  const told = await watchPrivate(stack, 'approver');
  await press('U0BOLIND02', 'approve', requestOf(late));
  await told(/expired/);
  const unused = await asked();
  await stack.fault('slack:users.info', 'held', { after: 1 }); // the click is judged, the run cannot begin
  await stack.click('approver', unused, 'approve');
  await stack.until(async () => (await decisions(unused))[0].state === 1, 'the approval');
  await stack.killBot();
  await stack.post('fault', { clear: true });
  const killed = Date.now();
  await stack.until(() => Date.now() > killed + 1500, 'the approval to be too old');
  await stack.startBot();
  const refused = await stack.ending(unused);
  assert.match(refused.text, /^(Refused|Expired)/, refused.text);
  assert.deepEqual(await effects(), []);
  await edit(stack, (text) => text.replace(/^approvals:.*\n/m, ''));
  await restart(stack, 'SIGTERM');
});

// ---- who may ----

// A click as Slack would send and sign it, whatever the channel shows.
const press = (user, action, value) => stack.post('slack/raw', { path: '/slack/interactions', body: `payload=${encodeURIComponent(JSON.stringify(forged(user, action, value)))}` });

function forged(user, action, value) {
  return {
    type: 'block_actions', team: { id: 'T0FLUXA0001' }, user: { id: user, team_id: 'T0FLUXA0001' }, api_app_id: 'A0FLUXABOT1', trigger_id: `${Math.random()}`,
    channel: { id: 'C0FLUXA0001', name: 'fluxa-alerts' }, container: { type: 'message', message_ts: '1.1', channel_id: 'C0FLUXA0001' },
    response_url: '', actions: [{ type: 'button', action_id: action, block_id: 'b', value, action_ts: `${Math.random()}` }],
  };
}

test('neither the requester nor a guest, stranger, bot, leaver or mere operator approves', async () => {
  await freshWorld(stack, { DBConnectionError: 3 });
  const effects = await watchEffects(stack);
  const card = await asked();
  for (const [user, why] of [['requester', /you asked for it yourself/], ['guest', /guests/], ['stranger', /another organisation/], ['operator', /needs the role approver/]]) {
    const told = await watchPrivate(stack, user);
    await stack.click(user, card, 'approve');
    await told(why);
  }
  for (const user of ['U0GONE0005', 'U0FLUXABOT', 'USLACKBOT', 'U0NOBODY999'])
    await press(user, 'approve', requestOf(card));
  await stack.until(async () => (await stack.get('world')) && (await sql(stack, "SELECT count(*) AS n FROM jobs WHERE state < 2 AND kind = 'event'"))[0].n === 0, 'the clicks to be judged');
  assert.equal((await decisions(card))[0].state, 0);
  assert.ok(isAsked(await stack.message(card.ts)), 'a refused click leaves the card as it is');
  await stack.post('slack/options', { people: { approver: { is_restricted: true } } });
  const told = await watchPrivate(stack, 'approver');
  await stack.click('approver', card, 'approve');
  await told(/guests/);
  await stack.post('slack/options', { people: { approver: { is_restricted: false } } });
  await stack.fault('slack:users.info', '429', { count: 1 });
  const doubt = await watchPrivate(stack, 'approver');
  await stack.click('approver', card, 'approve');
  await doubt(/could not ask Slack who you are/);
  assert.deepEqual(await effects(), []);
  assert.equal((await decisions(card))[0].state, 0);
});

test('a guest, a stranger and a person without a role cannot even ask', async () => {
  await edit(stack, (text) => text.replace(', U0CARA0004]', ']'));
  await restart(stack, 'SIGTERM');
  const runs = (await sql(stack, 'SELECT count(*) AS n FROM runs'))[0].n;
  for (const [user, why] of [['guest', /guests/], ['stranger', /another organisation|not one of/], ['U0CARA0004', /needs the role operator/]]) {
    const told = await watchPrivate(stack, user);
    await stack.command(user, fast);
    await told(why);
  }
  assert.equal((await sql(stack, 'SELECT count(*) AS n FROM runs'))[0].n, runs);
  await edit(stack, (text) => text.replace('operator: { users: [U0ANNA0001, U0BOLIND02]', 'operator: { users: [U0ANNA0001, U0BOLIND02, U0CARA0004]'));
  await restart(stack, 'SIGTERM');
});

test('an approver who loses the role before the run begins does not count any more', async () => {
  await freshWorld(stack, { DBConnectionError: 3 });
  const card = await asked();
  const effects = await watchEffects(stack);
  await stack.fault('sqs', 'held');
  await stack.click('approver', card, 'approve');
  await stack.killBot();
  await stack.post('fault', { clear: true });
  await edit(stack, (text) => text.replace('approver: { users: [U0ANNA0001, U0BOLIND02] }', 'approver: { users: [U0ANNA0001] }'));
  await stack.startBot();
  // one look after the other: whoever still looks into the database at the next start may keep it locked
  const end = await stack.until(async () => {
    const { text } = await stack.message(card.ts);
    if (/^(Refused|Redrive|Failed|Expired|Denied|Please look)/.test(text)) return text;
    return (await decisions(card))[0].state === 0 && (await sql(stack, "SELECT count(*) AS n FROM jobs WHERE state < 2 AND kind = 'event'"))[0].n === 0 && 'the click was refused';
  }, 'the click or the run to be refused');
  assert.match(end, /^Refused|^the click was refused/, end);
  assert.equal((await effects('StartMessageMoveTask')).length, 0);
  await edit(stack, (text) => text.replace('approver: { users: [U0ANNA0001] }', 'approver: { users: [U0ANNA0001, U0BOLIND02] }'));
  await restart(stack);
});

test('a double click runs once, and the second is told so', async () => {
  await freshWorld(stack, { DBConnectionError: 3, HashMismatch: 1 });
  const effects = await watchEffects(stack);
  const card = await asked();
  const told = await watchPrivate(stack, 'approver');
  await Promise.all([1, 2, 3, 4].map(() => stack.click('approver', card, 'approve')));
  await told(/already approved by you/);
  assert.match((await stack.ending(card)).text, /^Redrive finished: 3 of 3/);
  assert.equal((await effects('SendMessage')).length, 3);
  assert.equal((await sql(stack, `SELECT count(*) AS n FROM audit WHERE action = 'approval.approved' AND subject = '${requestOf(card)}'`))[0].n, 1);
});

test('of approve and deny at once, one counts', async () => {
  await freshWorld(stack, { DBConnectionError: 2, HashMismatch: 1 });
  for (let i = 0; i < 3; i++) {
    const effects = await watchEffects(stack);
    const card = await asked();
    await stack.click('requester', card, 'deny');
    const view = await stack.until(async () => (await stack.get('slack/private?user=requester')).views?.at(-1), 'the dialog');
    const [, approved] = await Promise.all([
      stack.post('slack/submit', { user: 'requester', view_id: view.id, values: { reason: 'not now' } }),
      stack.click('approver', card, 'approve'),
    ]);
    assert.ok(approved);
    const end = await stack.ending(card);
    const [decision] = await decisions(card);
    if (decision.state === 2) {
      assert.match(end.text, /^Denied/);
      assert.match(end.text, /not now/);
      assert.deepEqual(await effects(), []);
    } else {
      assert.match(end.text, /^Redrive finished/);
      await freshWorld(stack, { DBConnectionError: 2, HashMismatch: 1 });
    }
    assert.equal((await sql(stack, `SELECT count(*) AS n FROM audit WHERE subject = '${requestOf(card)}' AND action IN ('approval.approved', 'approval.denied')`))[0].n, 1);
  }
});

// ---- once ----

test('killed between approval and execution it runs once after the restart', async () => {
  for (const messages of [{ DBConnectionError: 4 }, { DBConnectionError: 4, HashMismatch: 1 }]) {
    await freshWorld(stack, messages);
    const effects = await watchEffects(stack);
    const card = await asked();
    await stack.click('approver', card, 'approve');
    await restart(stack);
    assert.match((await stack.ending(card)).text, /^Redrive finished: 4 of 4/);
    assert.equal((await effects('StartMessageMoveTask')).length + (await effects('SendMessage')).length, messages.HashMismatch ? 4 : 1);
  }
});

// SQS does not tell who started a task, so nothing that it lists is proof: a person is told what is likely.
async function asksAboutOurTask(card) {
  const end = await stack.ending(card);
  assert.match(end.text, /^Please look/, end.text);
  const shown = await stack.until(async () => { const { text } = await stack.message(card.ts); return /one task that began as ours would have/.test(text) && text; }, 'the likely task on the card', 40000);
  assert.match(shown, /Unless somebody else has started it, it is ours/);
  const [intent] = await sql(stack, "SELECT run, state FROM intents WHERE key = 'move-task' ORDER BY n DESC LIMIT 1");
  assert.equal(intent.state, 3, 'stored as unknown');
}

test('killed while SQS starts the move task it asks, names the task and starts no second one', async () => {
  await freshWorld(stack, { DBConnectionError: 4 });
  const effects = await watchEffects(stack);
  const card = await asked();
  await stack.fault('sqs:StartMessageMoveTask', 'held');
  await stack.click('approver', card, 'approve');
  await stack.until(async () => (await sql(stack, "SELECT count(*) AS n FROM intents WHERE state = 0 AND key = 'move-task'"))[0].n === 1, 'the intent');
  await stack.killBot();
  await stack.post('fault', { clear: true });
  await stack.until(async () => (await effects('StartMessageMoveTask')).length === 1, 'the call to be obeyed all the same');
  await stack.startBot();
  await asksAboutOurTask(card);
  assert.equal((await effects('StartMessageMoveTask')).length, 1);
});

test('an answer that is lost does not start a second task', async () => {
  await freshWorld(stack, { DBConnectionError: 4 });
  const effects = await watchEffects(stack);
  const card = await asked();
  await stack.fault('sqs:StartMessageMoveTask', 'timeout_after');
  await stack.click('approver', card, 'approve');
  await asksAboutOurTask(card);
  assert.equal((await effects('StartMessageMoveTask')).length, 1);
});

test('a call that never arrived is not taken for the task before it: a person is asked', async () => {
  await freshWorld(stack, { DBConnectionError: 2 });
  assert.match((await stack.approvedRedrive(fast)).text, /^Redrive finished: 2 of 2/);
  await freshWorldKeepingTasks();
  const effects = await watchEffects(stack);
  const card = await asked();
  await stack.fault('sqs:StartMessageMoveTask', 'timeout_before');
  await stack.click('approver', card, 'approve');
  const end = await stack.ending(card);
  assert.match(end.text, /^Please look/, end.text);
  assert.match(end.text, /SQS lists no such task/);
  assert.deepEqual(await effects(), []);
  await restart(stack);
  await stack.click('approver', card, 'approve').catch(() => {}); // the card has no such button any more
  assert.deepEqual(await effects(), []);
});

// The tasks of the world stay; two more messages die of an outage.
async function freshWorldKeepingTasks() {
  await stack.world({ outage: { database: true }, max_receive_count: 1, send: [1, 2].map((number) => ({ queue: main, body: good(number) })) });
  await stack.until(async () => (await listing(stack)).length === 2, 'two dead letters', 20000);
  await stack.world({ outage: { database: false } });
}

const good = (number) => {
  const payload = { number };
  return { event_id: `again-${number}-${process.pid}`, correlation_id: `again-${number}`, user_id: 'u1', type: 'order.paid', payload, payload_hash: createHash('sha256').update(JSON.stringify(payload)).digest('hex') };
};

// ---- stopping ----

test('Stop ends a selective redrive after the batch in hand', async () => {
  await freshWorld(stack, { DBConnectionError: 90, HashMismatch: 1 }); // enough for as long as the Stop may take
  const before = await listing(stack);
  const effects = await watchEffects(stack);
  const card = await asked('/fluxa dlq redrive rate=5');
  await stack.click('approver', card, 'approve');
  await stack.until(async () => (await effects('SendMessage')).length > 10, 'the second batch');
  const running = await stack.until(async () => { const now = await stack.message(card.ts); return /"action_id":"stop"/.test(JSON.stringify(now.blocks)) && now; }, 'the Stop button');
  await stack.click('U0CARA0004', running, 'stop');
  const end = await stack.ending(card);
  assert.match(end.text, /^Redrive stopped/);
  const { sent, twice } = await judge(stack, before, effects);
  assert.ok(sent > 10 && sent < 90, `${sent} were sent`);
  assert.equal(twice, 0);
  assert.match(end.text, new RegExp(`${sent} of 90`));
});

// Approved while the database answered; it is down when the first batch is sent.
async function outageBeforeTheCanary(card) {
  await stack.fault('sqs:SendMessageBatch', 'held');
  await stack.click('approver', card, 'approve');
  await stack.until(async () => (await sql(stack, `SELECT count(*) AS n FROM intents WHERE run = '${runOf(card)}'`))[0].n === 1, 'the first intent', 15000, 10);
  await stack.world({ outage: { database: true } });
  await stack.post('fault', { clear: true });
}

test('Stop during the canary leaves the rest alone', async () => {
  await freshWorld(stack, { DBConnectionError: 15, HashMismatch: 1 }, { visibility_timeout: 30 });
  const effects = await watchEffects(stack);
  const card = await asked();
  await outageBeforeTheCanary(card);
  await stack.until(async () => (await effects('SendMessage')).length === 10, 'the canary');
  const running = await stack.until(async () => { const now = await stack.message(card.ts); return /"action_id":"stop"/.test(JSON.stringify(now.blocks)) && now; }, 'the Stop button');
  await stack.click('approver', running, 'stop');
  const end = await stack.ending(card);
  const sends = (await effects('SendMessage')).length;
  assert.equal(sends, 10, end.text);
  assert.match(end.text, /^Redrive stopped/);
});

test('when the outage is back after the approval, the canary stops the rest', async () => {
  await freshWorld(stack, { DBConnectionError: 25, HashMismatch: 1 }, { visibility_timeout: 1, max_receive_count: 1 });
  const before = await listing(stack);
  const effects = await watchEffects(stack);
  const card = await asked();
  await outageBeforeTheCanary(card);
  const end = await stack.ending(card);
  assert.match(end.text, /^Redrive stopped/, end.text);
  assert.match(end.text, /came back/);
  assert.equal((await effects('SendMessage')).length, 10, 'nothing but the canary is sent');
  assert.ok((await listing(stack)).length >= before.length - 10);
});

test('Stop cancels the move task even when the first try fails', async () => {
  await freshWorld(stack, { DBConnectionError: 60 });
  const effects = await watchEffects(stack);
  const card = await asked('/fluxa dlq redrive rate=1');
  await stack.click('approver', card, 'approve');
  const running = await stack.until(async () => { const now = await stack.message(card.ts); return /"action_id":"stop"/.test(JSON.stringify(now.blocks)) && now; }, 'the Stop button');
  await stack.fault('sqs:CancelMessageMoveTask', '5xx', { count: 1 });
  await stack.click('approver', running, 'stop');
  const end = await stack.ending(card);
  assert.match(end.text, /^Redrive stopped/, end.text);
  assert.equal((await effects('CancelMessageMoveTask')).length, 1);
  assert.ok((await listing(stack)).length > 0);
});

test('Stop before anybody decided withdraws the request', async () => {
  await freshWorld(stack, { DBConnectionError: 2 });
  const effects = await watchEffects(stack);
  const card = await asked();
  await press('U0CARA0004', 'stop', runOf(card));
  const end = await stack.ending(card);
  assert.match(end.text, /^Stopped/, end.text);
  assert.equal((await decisions(card))[0].state, 2);
  assert.deepEqual(await effects(), []);
});

test('after all of this every run waits for a person or has ended, and the audit log is whole', async () => {
  assert.equal((await sql(stack, 'SELECT count(*) AS n FROM jobs WHERE state = 3'))[0].n, 0, 'no job was quarantined');
  assert.deepEqual(await sql(stack, 'SELECT id, state, note FROM runs WHERE state < 3'), []);
  const { stdout } = await promisify(execFile)(path.join(build, 'fluxabot'), ['audit', 'verify', '--config', stack.config]);
  assert.match(stdout, /rows, whole/);
});
