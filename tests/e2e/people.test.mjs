// people.test.mjs - persons instead of accounts, channels that others can read, and Slack's silence, around one redrive.
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { Stack } from '../support/stack.mjs';
import { answerTo, busyJobs, edit, freshWorld, redis, restart, sql, watchEffects, watchPrivate } from '../support/cases.mjs';

const redrive = '/fluxa dlq redrive rate=500';
const home = 'C0FLUXA0001';
let stack;

const withPersons = (text) => `${text}persons: { anna: [U0ANNA0001, U0ANNA0002] }\n`
  .replace('approver: { users: [U0ANNA0001, U0BOLIND02] }', 'approver: { users: [U0ANNA0001, U0ANNA0002, U0BOLIND02, U0GRIDER06] }');

before(async () => void (stack = await Stack.start({ edit: (one) => edit(one, withPersons) })));
after(() => stack?.stop());
beforeEach(async () => {
  await freshWorld(stack, { DBConnectionError: 3, HashMismatch: 1 });
  await share({ is_ext_shared: false, is_pending_ext_shared: false, is_org_shared: false, is_private: false });
});

const share = (flags) => stack.post('slack/options', { channels: { [home]: flags } });
const isAsked = (card) => /"action_id":"approve"/.test(JSON.stringify(card.blocks));
const requestOf = (card) => /"value":"(apr-[^"]+)"/.exec(JSON.stringify(card.blocks))[1];
const decision = async (id) => (await sql(stack, `SELECT state, decided_by FROM approvals WHERE id = '${id}'`))[0];
const settled = () => stack.until(async () => (await busyJobs(stack)) === 0, 'all jobs to be done');

async function asked(user = 'requester') {
  const card = await stack.askRedrive(redrive, user);
  assert.ok(isAsked(card), `an approval card, not: ${card.text}`);
  return card;
}

async function refusedClick(card, user, pattern) {
  const told = await watchPrivate(stack, user);
  await stack.click(user, card, 'approve');
  await told(pattern);
}

// ---- persons ----

test('nobody approves his own request with a second account', async () => {
  const effects = await watchEffects(stack);
  const card = await asked();
  const id = requestOf(card);
  await refusedClick(card, 'requester', /you asked for it yourself, so somebody else/);
  await refusedClick(card, 'U0ANNA0002', /you asked for it yourself with another account/);
  assert.equal((await decision(id)).state, 0);
  await stack.click('U0ANNA0002', card, 'deny'); // but may withdraw it
  const view = await stack.until(async () => (await stack.get('slack/private?user=U0ANNA0002')).views?.at(-1), 'the dialog');
  await stack.post('slack/submit', { user: 'U0ANNA0002', view_id: view.id, values: { reason: 'a mistake' } });
  assert.match((await stack.ending(card)).text, /^Denied/);
  assert.deepEqual(await effects(), []);
});

test('a reason that nobody sees is none: the dialog says so and stays open', async () => {
  const card = await asked();
  await stack.click('approver', card, 'deny');
  const view = await stack.until(async () => (await stack.get('slack/private?user=approver')).views?.at(-1), 'the dialog');
  const submit = (reason) => stack.post('slack/submit', { user: 'approver', view_id: view.id, values: { reason } });
  for (const reason of ['     ', '\n\t \n', '\u00a0\u200b\u3000\u2060', '\u2800\u3164\u00ad']) {
    const { body } = await submit(reason);
    assert.equal(body.response_action, 'errors', JSON.stringify(reason));
    assert.match(body.errors.reason, /Please write a reason/);
    assert.equal((await decision(requestOf(card))).state, 0);
  }
  assert.equal((await submit(' the failover is still running \u200b')).body, '');
  const end = await stack.ending(card);
  assert.match(end.text, /^Denied/);
  assert.match(JSON.stringify(end.blocks), /Reason: the failover is still running"/);
});

test('without the map the second account would have been somebody else', async () => {
  await edit(stack, (text) => text.replace(/^persons:.*\n/m, ''));
  await restart(stack, 'SIGTERM');
  const effects = await watchEffects(stack);
  const card = await asked();
  await stack.click('U0ANNA0002', card, 'approve');
  assert.match((await stack.ending(card)).text, /^Redrive finished: 3 of 3/);
  assert.equal((await effects('SendMessage')).length, 3);
  await edit(stack, (text) => `${text}persons: { anna: [U0ANNA0001, U0ANNA0002] }\n`);
  await restart(stack, 'SIGTERM');
});

test('two accounts that turn out to be one person before the run begins do not count as two', async () => {
  await edit(stack, (text) => text.replace(/^persons:.*\n/m, ''));
  await restart(stack, 'SIGTERM');
  const effects = await watchEffects(stack);
  const card = await asked();
  await stack.fault('slack:users.info', '5xx', { after: 1, rate: 1 });
  await stack.click('U0ANNA0002', card, 'approve');
  await waiting(card);
  await edit(stack, (text) => `${text}persons: { anna: [U0ANNA0001, U0ANNA0002] }\n`);
  await restart(stack);
  await stack.post('fault', { clear: true });
  const end = await stack.ending(card);
  assert.match(end.text, /^Refused/, end.text);
  assert.match(end.text, /looked up once more: You may not approve this change: you asked for it yourself with another account/);
  assert.deepEqual(await effects(), []);
});

test('a member of another workspace of the organisation is not one of us until that is configured', async () => {
  const card = await asked();
  await refusedClick(card, 'grid', /your workspace is not one of fluxabot's/);
  await edit(stack, (text) => text.replace('team_ids: [T0FLUXA0001]', 'team_ids: [T0FLUXA0001, E0FLUXAORG1]'));
  await restart(stack, 'SIGTERM');
  await stack.click('grid', card, 'approve');
  assert.match((await stack.ending(card)).text, /^Redrive finished: 3 of 3/);
  await edit(stack, (text) => text.replace(', E0FLUXAORG1]', ']'));
  await restart(stack, 'SIGTERM');
});

// ---- channels ----

test('in a channel that others read, or are invited to, nothing is asked for', async () => {
  const effects = await watchEffects(stack);
  const runs = (await sql(stack, 'SELECT count(*) AS n FROM runs'))[0].n;
  for (const flag of ['is_ext_shared', 'is_pending_ext_shared', 'is_org_shared']) {
    await share({ [flag]: true });
    const told = await watchPrivate(stack, 'requester');
    await stack.command('requester', redrive);
    await told(/another organisation or workspace is in this channel, or invited to it; move the bot to a channel of your own/);
    await share({ [flag]: false });
  }
  assert.equal((await sql(stack, 'SELECT count(*) AS n FROM runs'))[0].n, runs);
  await share({ is_ext_shared: true });
  assert.match((await answerTo(stack, '/fluxa dlq')).text, /4 messages/, 'looking is still allowed');
  assert.deepEqual(await effects(), []);
});

test('no approval is shown once the channel is shared, though it was not when it was asked for', async () => {
  const effects = await watchEffects(stack);
  const known = new Set((await stack.messages()).map((message) => message.ts));
  await stack.fault('sqs:ReceiveMessage', 'held');
  await stack.command('requester', redrive);
  await stack.until(async () => (await sql(stack, "SELECT count(*) AS n FROM runs WHERE state < 3 AND command = 'dlq redrive'"))[0].n === 1, 'the run', 15000, 10);
  await stack.killBot(); // while it reads the queue
  await stack.post('fault', { clear: true });
  await share({ is_ext_shared: true });
  await stack.startBot();
  const card = await stack.until(async () => (await stack.messages()).find((message) => !known.has(message.ts) && /dlq redrive/.test(message.text)), 'the end of the run', 40000);
  assert.ok(!isAsked(card));
  assert.match(card.text, /^Refused/, card.text);
  assert.match(card.text, /Nobody is asked to approve while another organisation or workspace is in the channel/i);
  assert.match(card.text, /Nothing was changed/);
  assert.deepEqual(await effects(), []);
});

test('a channel that becomes shared while a request waits makes it void, and the card says so', async () => {
  for (const user of ['approver', 'stranger']) {
    const effects = await watchEffects(stack);
    const card = await asked();
    const id = requestOf(card);
    await share({ is_pending_ext_shared: user === 'approver', is_ext_shared: user === 'stranger' });
    await refusedClick(card, user, user === 'approver' ? /another organisation or workspace is in this channel/ : /another organisation/);
    const end = await stack.ending(card);
    assert.match(end.text, /^Refused/, end.text);
    assert.match(end.text, /Another organisation or workspace has come into the channel, or was invited to it; move the bot to a channel of your own and ask again there/);
    assert.match(end.text, /Nothing was changed/);
    assert.ok(!isAsked(end), 'there is nothing left to press');
    assert.deepEqual(await decision(id), { state: 2, decided_by: '' });
    assert.equal((await sql(stack, `SELECT count(*) AS n FROM audit WHERE action = 'approval.withdrawn' AND subject = '${id}'`))[0].n, 1);
    await share({ is_ext_shared: false, is_pending_ext_shared: false });
    const told = await watchPrivate(stack, 'approver');
    await press('U0BOLIND02', 'approve', id);
    await told(/was withdrawn: another organisation/);
    assert.deepEqual(await effects(), []);
  }
});

// A click as Slack would send it, on a card that shows no such button any more.
const press = (user, action, value) => stack.post('slack/raw', { path: '/slack/interactions', body: `payload=${encodeURIComponent(JSON.stringify({
  type: 'block_actions', team: { id: 'T0FLUXA0001' }, user: { id: user, team_id: 'T0FLUXA0001' }, api_app_id: 'A0FLUXABOT', trigger_id: `${Math.random()}`,
  channel: { id: home }, container: { type: 'message', message_ts: '1.1', channel_id: home }, response_url: '', actions: [{ type: 'button', action_id: action, block_id: 'b', value, action_ts: `${Math.random()}` }],
}))}` });

test('a channel that becomes shared between the approval and the run stops it', async () => {
  const effects = await watchEffects(stack);
  const card = await asked();
  await stack.fault('slack:users.info', '5xx', { after: 1, rate: 1 });
  await stack.click('approver', card, 'approve');
  await waiting(card);
  await share({ is_ext_shared: true });
  await stack.post('fault', { clear: true });
  const end = await stack.ending(card);
  assert.match(end.text, /^Refused/, end.text);
  assert.match(end.text, /another organisation or workspace is in this channel/);
  assert.deepEqual(await effects(), []);
});

test('a scope that is missing is named with its fix', async () => {
  await stack.fault('slack:conversations.info', 'denied', { count: 1 });
  const told = await watchPrivate(stack, 'requester');
  await stack.command('requester', redrive);
  await told(/could not ask Slack who else is in this channel.*lacks the scope channels:read.*install the app again/);
});

test('a private channel needs one more scope, and the refusal names it', async () => {
  await share({ is_private: true });
  const told = await watchPrivate(stack, 'requester');
  await stack.command('requester', redrive);
  await told(/could not ask Slack who else is in this channel.*lacks the scope groups:read.*add it under OAuth .* and install the app again/);
  await stack.post('slack/options', { scopes: ['commands', 'chat:write', 'users:read', 'usergroups:read', 'groups:read'] });
  const card = await asked();
  await stack.click('approver', card, 'approve');
  assert.match((await stack.ending(card)).text, /^Redrive finished: 3 of 3/);
});

// ---- Slack's silence ----

const waiting = (card) => stack.until(async () => { const now = await stack.message(card.ts); return /^Waiting/.test(now.text) && now; }, 'the run to wait for Slack');

test('while Slack is silent nothing runs; when it answers again, it runs once', async () => {
  for (const [method, kind] of [['users.info', '5xx'], ['users.info', '429'], ['users.info', 'timeout_before'], ['conversations.info', 'timeout_after']]) {
    await freshWorld(stack, { DBConnectionError: 3, HashMismatch: 1 });
    const effects = await watchEffects(stack);
    const card = await asked();
    await stack.fault(`slack:${method}`, kind, { after: 1, rate: 1 }); // the click itself is judged
    await stack.click('approver', card, 'approve');
    const now = await waiting(card);
    assert.match(now.text, new RegExp(`Nothing has begun\\. Slack did not say whether the approver still may \\(${method}`));
    assert.match(JSON.stringify(now.blocks), /"action_id":"stop"/);
    assert.deepEqual(await effects(), []);
    await stack.post('fault', { clear: true });
    assert.match((await stack.ending(card)).text, /^Redrive finished: 3 of 3/);
    assert.equal((await effects('SendMessage')).length, 3);
  }
});

test('a run that waits for Slack survives a crash, and can be stopped', async () => {
  const effects = await watchEffects(stack);
  const card = await asked();
  await stack.fault('slack:users.info', '5xx', { after: 1, rate: 1 });
  await stack.click('approver', card, 'approve');
  await waiting(card);
  await restart(stack);
  await stack.post('fault', { clear: true });
  assert.match((await stack.ending(card)).text, /^Redrive finished: 3 of 3/);
  assert.equal((await effects('SendMessage')).length, 3);

  await freshWorld(stack, { DBConnectionError: 3, HashMismatch: 1 });
  const none = await watchEffects(stack);
  const other = await asked();
  await stack.fault('slack:users.info', '5xx', { after: 1, rate: 1, about: 'U0BOLIND02' }); // who presses Stop is somebody else
  await stack.click('approver', other, 'approve');
  await stack.click('operator', await waiting(other), 'stop');
  const end = await stack.ending(other);
  assert.match(end.text, /^Refused/, end.text);
  assert.match(end.text, /stopped before it began/i);
  assert.deepEqual(await none(), []);
});

test('when Slack stays silent until the approval is too old, it is refused with the reason', async () => {
  await edit(stack, (text) => `${text}approvals: { execute_within: 6s }\n`);
  await restart(stack, 'SIGTERM');
  const effects = await watchEffects(stack);
  const card = await asked();
  await stack.fault('slack:users.info', 'down', { after: 1 });
  await stack.click('approver', card, 'approve');
  const end = await stack.ending(card);
  assert.match(end.text, /^Refused/, end.text);
  assert.match(end.text, /Slack did not say whether the approver still may \(users\.info: .*\), until the approval was too old; ask again/);
  assert.match(end.text, /Nothing was changed/);
  assert.deepEqual(await effects(), []);
  await edit(stack, (text) => text.replace(/^approvals:.*\n/m, ''));
  await restart(stack, 'SIGTERM');
});

test('a role that is lost while the run waits for Slack does not count any more', async () => {
  const effects = await watchEffects(stack);
  const card = await asked();
  await stack.fault('slack:users.info', '5xx', { after: 1, rate: 1 });
  await stack.click('approver', card, 'approve');
  await waiting(card);
  await stack.post('slack/options', { people: { approver: { is_restricted: true } } });
  await stack.post('fault', { clear: true });
  const end = await stack.ending(card);
  await stack.post('slack/options', { people: { approver: { is_restricted: false } } });
  assert.match(end.text, /^Refused/, end.text);
  assert.match(end.text, /looked up once more: You may not approve this change: guests/);
  assert.deepEqual(await effects(), []);
});

// ---- what is remembered ----

test('looking works from memory for a minute, approving never does', async () => {
  const card = await asked();
  await answerTo(stack, '/fluxa dlq');
  await stack.fault('slack:users.info', 'denied', { rate: 1 });
  assert.match((await answerTo(stack, '/fluxa dlq')).text, /4 messages/);
  await refusedClick(card, 'approver', /could not ask Slack who you are/);
  await redis(stack, 'FLUSHALL');
  const told = await watchPrivate(stack, 'requester');
  await stack.command('requester', '/fluxa dlq');
  await told(/could not ask Slack who you are/);
  await stack.post('fault', { clear: true });
  await stack.click('approver', card, 'approve');
  assert.match((await stack.ending(card)).text, /^Redrive finished: 3 of 3/);
});

test('after all of this no job was given up and every run has ended', async () => {
  await stack.post('fault', { clear: true });
  await settled();
  assert.equal((await sql(stack, 'SELECT count(*) AS n FROM jobs WHERE state = 3'))[0].n, 0);
  assert.deepEqual(await sql(stack, "SELECT id, state, note FROM runs WHERE state < 3 AND trigger_kind <> 'follow-up'"), []);
});
