// approvers.test.mjs - changes that two persons have to approve, and the switch that freezes all of them; on two bots
// that share one PostgreSQL.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { Stack, build } from '../support/stack.mjs';
import { freshWorld, ownRunbooks, watchEffects, watchPrivate } from '../support/cases.mjs';
import { post, slackHeaders } from '../support/senders.mjs';

const anna = 'U0ANNA0001', annaAgain = 'U0ANNA0002', bo = 'U0BOLIND02', cara = 'U0CARA0004';
const redrive = '/fluxa dlq redrive rate=500 reason="the database is back"';
let stack;

async function prepare(one) {
  const runbooks = path.join(await ownRunbooks(one), 'dlq-redrive.yaml');
  const text = await readFile(runbooks, 'utf8');
  await writeFile(runbooks, text.replace('approval: { step: redrive,', 'approval: { step: redrive, approvers: 2, needs_reason: true,'));
  await one.edit((config) => `${config}persons: { anna: [${anna}, ${annaAgain}] }\n`
    .replace(/approver: .*/, `approver: { users: [${anna}, ${annaAgain}, ${bo}] }\n  admin: { users: [${bo}] }`));
}

before(async () => void (stack = await Stack.start({ store: 'postgres', replicas: 2, edit: prepare })));
after(() => stack?.stop());
beforeEach(() => freshWorld(stack, { DBConnectionError: 3, HashMismatch: 1 }));

const requestOf = (card) => /"value":"(apr-[^"]+)"/.exec(JSON.stringify(card.blocks))[1];
const stateOf = async (id) => (await stack.sql(`SELECT state FROM approvals WHERE id = '${id}'`))[0].state;
const votesOf = async (id) => (await stack.sql(`SELECT voter FROM votes WHERE approval = '${id}' ORDER BY n`)).map((row) => row.voter);
const auditOf = async (id) => (await stack.sql(`SELECT actor, action FROM audit WHERE subject = '${id}' ORDER BY n`)).map((row) => `${row.action} ${row.actor}`);

async function asked(user = cara, text = redrive) {
  const card = await stack.askRedrive(text, user);
  assert.match(JSON.stringify(card.blocks), /"action_id":"approve"/, card.text);
  return card;
}

// A click as Slack would send it, to one of the bots.
function press(replica, user, action, value) {
  const body = `payload=${encodeURIComponent(JSON.stringify({
    type: 'block_actions', team: { id: 'T0FLUXA0001' }, user: { id: user, team_id: 'T0FLUXA0001' }, api_app_id: 'A0FLUXABOT', trigger_id: `${Math.random()}`,
    channel: { id: 'C0FLUXA0001' }, container: { type: 'message', message_ts: '1.1', channel_id: 'C0FLUXA0001' }, response_url: '', actions: [{ type: 'button', action_id: action, block_id: 'b', value, action_ts: `${Math.random()}` }],
  }))}`;
  return post(stack.replica(replica), '/slack/interactions', slackHeaders(stack, body), body);
}

const shows = (card, pattern) => stack.until(async () => { const now = await stack.message(card.ts); return pattern.test(`${now.text} ${JSON.stringify(now.blocks)}`) && now; }, `the card to show ${pattern}`);

async function toldAfter(user, pattern, act) {
  const told = await watchPrivate(stack, user);
  await act();
  return told(pattern);
}

async function denied(user, card) {
  await stack.click(user, card, 'deny');
  const view = await stack.until(async () => (await stack.get(`slack/private?user=${user}`)).views?.at(-1), 'the dialog');
  await stack.post('slack/submit', { user, view_id: view.id, values: { reason: 'not now' } });
}

// ---- two approvers ----

test('a change that needs two persons waits for the second, whatever account the first has', async () => {
  const effects = await watchEffects(stack);
  const card = await asked();
  const id = requestOf(card);
  assert.match(JSON.stringify(card.blocks), /2 others who may approve have to; one denial ends it.*0 of 2: nobody has approved yet/s);
  await press(0, anna, 'approve', id);
  await shows(card, /1 of 2: .{0,40}approved/);
  await toldAfter(anna, /twice: you have approved it already, so somebody else/, () => press(1, anna, 'approve', id));
  await toldAfter(annaAgain, /you have approved it with another account/, () => press(0, annaAgain, 'approve', id));
  await toldAfter(cara, /you asked for it yourself/, () => press(1, cara, 'approve', id));
  assert.equal(await stateOf(id), 0);
  assert.deepEqual(await votesOf(id), [anna]);
  assert.deepEqual(await effects(), []);
  await press(1, bo, 'approve', id);
  assert.match((await stack.ending(card)).text, /^Redrive finished: 3 of 3/);
  assert.equal((await effects('SendMessage')).length, 3);
  assert.deepEqual(await votesOf(id), [anna, bo]);
  assert.deepEqual((await auditOf(id)).filter((row) => /approved/.test(row)), [`approval.approved ${anna}`, `approval.approved ${bo}`]);
  await toldAfter(annaAgain, /already approved by/, () => press(0, annaAgain, 'approve', id));
});

test('one denial ends it, also after a vote', async () => {
  const effects = await watchEffects(stack);
  const card = await asked();
  await press(0, anna, 'approve', requestOf(card));
  await shows(card, /1 of 2: /);
  await denied(bo, card);
  assert.match((await stack.ending(card)).text, /^Denied/);
  await toldAfter(annaAgain, /already denied/, () => press(1, annaAgain, 'approve', requestOf(card)));
  assert.deepEqual(await effects(), []);
});

test('the first of the two is looked up again as well', async () => {
  const effects = await watchEffects(stack);
  const card = await asked();
  await press(0, anna, 'approve', requestOf(card));
  await shows(card, /1 of 2: /);
  await stack.post('slack/options', { people: { requester: { is_restricted: true } } });
  await press(1, bo, 'approve', requestOf(card));
  const end = await stack.ending(card);
  await stack.post('slack/options', { people: { requester: { is_restricted: false } } });
  assert.match(end.text, /^Refused/, end.text);
  assert.match(end.text, /looked up once more: You may not approve this change: guests/);
  assert.deepEqual(await effects(), []);
});

test('without a reason it is not asked for', async () => {
  const card = await stack.askRedrive('/fluxa dlq redrive rate=500', cara);
  assert.match(card.text, /^Refused/, card.text);
  assert.match(card.text, /not asked for without a reason; ask again and say why, see \/fluxa help dlq redrive/);
});

test('where too few may approve nobody is asked, and it says whom to add', async () => {
  const card = await stack.askRedrive(redrive, bo); // Anna is one person with both her accounts
  assert.match(card.text, /^Refused/, card.text);
  assert.match(JSON.stringify(card.blocks), /Nobody was asked: 2 people have to approve this who did not ask for it, and the roles approver and admin name only 1; add somebody to roles\.approver/);
  assert.deepEqual(await stack.sql("SELECT id FROM approvals WHERE requester = '" + bo + "'"), []);
});

test('two clicks at the same moment, one at each bot, are two votes of two persons or one of one', async () => {
  for (const [one, other, votes] of [[anna, annaAgain, 1], [bo, bo, 1], [anna, bo, 2]]) {
    await freshWorld(stack, { DBConnectionError: 3, HashMismatch: 1 });
    const card = await asked();
    await Promise.all([press(0, one, 'approve', requestOf(card)), press(1, other, 'approve', requestOf(card))]);
    await stack.until(async () => (await votesOf(requestOf(card))).length > 0 && (await stack.sql("SELECT count(*) AS n FROM jobs WHERE kind = 'event' AND state < 2"))[0].n === 0, 'both clicks to be handled');
    assert.equal((await votesOf(requestOf(card))).length, votes);
    assert.equal(await stateOf(requestOf(card)), votes === 2 ? 1 : 0);
    if (votes === 1) await denied(bo, card);
    await stack.ending(card);
  }
});

// ---- the freeze switch ----

const announced = async (pattern, act) => {
  const known = new Set((await stack.messages()).map((message) => message.ts));
  await act();
  return stack.until(async () => (await stack.messages()).find((message) => !known.has(message.ts) && pattern.test(message.text)), `the channel to be told ${pattern}`);
};
const unfreeze = () => announced(/^Changes are no longer frozen/, () => stack.command(bo, '/fluxa unfreeze reason:"the books are closed"'));

test('a freeze holds at both bots at once, is told, and only an admin ends it', async () => {
  const effects = await watchEffects(stack);
  const card = await asked();
  const id = requestOf(card);
  const notice = await announced(/^Changes are frozen/, () => stack.command(cara, '/fluxa freeze month end'));
  assert.match(notice.text, /^Changes are frozen. Since .* by <@U0CARA0004>: Month end\./);
  await shows(card, /Changes are frozen since .*Month end.*Nobody can approve meanwhile/s);
  for (const replica of [0, 1]) await toldAfter(bo, /Changes are frozen since .*: month end; an admin ends this with unfreeze. Your click changed nothing/, () => press(replica, bo, 'approve', id));
  assert.deepEqual(await votesOf(id), []);
  assert.match((await stack.askRedrive(redrive, anna)).text, /^Refused.*Changes are frozen since/s);
  await toldAfter(anna, /Changes are frozen already, since .*: month end/, () => stack.command(anna, '/fluxa freeze'));
  await toldAfter(cara, /You may not unfreeze changes: it needs the role admin/, () => stack.command(cara, '/fluxa unfreeze reason:"please"'));
  await toldAfter(bo, /A reason is missing.*unfreeze reason:/i, () => stack.command(bo, '/fluxa unfreeze'));
  assert.match((await unfreeze()).text, /<@U0BOLIND02> ended the freeze: The books are closed\./);
  await stack.until(async () => !/Changes are frozen/.test(JSON.stringify((await stack.message(card.ts)).blocks)), 'the card to say it no more');
  await toldAfter(bo, /Changes are not frozen, so there is nothing to end/, () => stack.command(bo, '/fluxa unfreeze reason:"again"'));
  assert.deepEqual(await effects(), []);
  await press(0, bo, 'approve', id);
  await press(1, anna, 'approve', id);
  assert.match((await stack.ending(card)).text, /^Redrive finished: 3 of 3/);
  assert.deepEqual((await auditOf('freeze')).slice(-2), [`changes.frozen ${cara}`, `changes.unfrozen ${bo}`]);
});

test('a freeze between the approval and the run refuses it, and Stop works while it holds', async () => {
  const effects = await watchEffects(stack);
  const card = await asked();
  await press(0, anna, 'approve', requestOf(card));
  await shows(card, /1 of 2: /);
  await stack.fault('slack:users.info', '5xx', { after: 1, rate: 1, about: bo }); // after his click: the run waits
  await press(1, bo, 'approve', requestOf(card));
  const waiting = await stack.until(async () => { const now = await stack.message(card.ts); return /^Waiting/.test(now.text) && now; }, 'the run to wait for Slack');
  await announced(/^Changes are frozen/, () => stack.command(cara, '/fluxa freeze "an outage"'));
  await stack.click(cara, waiting, 'stop');
  const end = await stack.ending(card);
  assert.match(end.text, /^Refused/, end.text);
  assert.match(end.text, /stopped before it began|changes are frozen/i);
  await stack.command(cara, '/fluxa dlq redrive-cancel'); // stops whatever SQS does
  await stack.until(async () => (await stack.messages()).some((message) => /no move task|Move task/i.test(message.text)), 'an answer of the emergency stop');
  assert.deepEqual(await effects('SendMessage'), []);
  await stack.post('fault', { clear: true }); // the admin is he whom Slack would not tell of
  await unfreeze();
});

test('a change that runs at one bot ends at a freeze that the other took, and keeps to what was begun', async () => {
  await freshWorld(stack, { DBConnectionError: 40, HashMismatch: 1 });
  const effects = await watchEffects(stack);
  const card = await asked(cara, '/fluxa dlq redrive rate=5 reason="the database is back"');
  await stack.fault('sqs:DeleteMessageBatch', 'held'); // the first batch stays in hand
  await press(0, anna, 'approve', requestOf(card));
  await press(1, bo, 'approve', requestOf(card));
  await stack.until(async () => (await effects('SendMessage')).length > 0, 'the first batch');
  await announced(/^Changes are frozen/, () => stack.command(cara, '/fluxa freeze "an outage"'));
  const sent = (await effects('SendMessage')).length;
  await stack.post('fault', { clear: true });
  const end = await stack.ending(card);
  assert.match(end.text, /^(Failed|Redrive stopped).*changes are frozen/is, end.text);
  assert.equal((await effects('SendMessage')).length, sent, 'no batch is begun after the freeze');
  assert.equal((await effects('DeleteMessage')).length, sent, 'what was begun is ended');
  await unfreeze();
});

test('the terminal freezes and tells how it stands, but does not unfreeze', async () => {
  const bot = (...words) => new Promise((done) => execFile(path.join(build, 'fluxabot'), [...words, '--config', stack.config], (error, stdout, stderr) => done({ code: error?.code ?? 0, text: stdout + stderr })));
  assert.deepEqual((({ code, text }) => [code, /changes are not frozen/.test(text)])(await bot('status')), [0, true]);
  const notice = await announced(/^Changes are frozen/, async () => assert.equal((await bot('freeze', '--reason', 'Slack is away')).code, 0));
  assert.match(JSON.stringify(notice), /at the terminal: Slack is away/);
  const status = await bot('status');
  assert.equal(status.code, 1);
  assert.match(status.text, /changes are frozen since .* by terminal:.*: Slack is away\nan admin ends this with unfreeze/);
  assert.match((await bot('freeze')).text, /nothing was done: changes are frozen already/);
  const refused = await bot('unfreeze', '--reason', 'over');
  assert.equal(refused.code, 1);
  assert.match(refused.text, /You may not unfreeze changes from the terminal: changes are decided in Slack/);
  await unfreeze();
});

test('what the audit log froze is not unfrozen by an admin', async () => {
  await stack.execute(`INSERT INTO settings VALUES ('freeze', '{"by":"audit","at":${Date.now()},"reason":"an old backup"}') ON CONFLICT (name) DO UPDATE SET value = excluded.value`);
  await toldAfter(bo, /stay frozen, because the audit log does not fit its anchors: whoever runs the bot looks with fluxabot audit verify/, () => stack.command(bo, '/fluxa unfreeze reason:"I want to"'));
  assert.match((await stack.askRedrive(redrive, cara)).text, /^Refused/);
  await stack.execute("UPDATE settings SET value = '' WHERE name = 'freeze'");
});

// ---- time ----

test('the reminder and the end of the time tell of the one who approved', async () => {
  for (const one of stack.replicas) {
    await one.edit((text) => `${text}approvals: { decide_within: 10s }\n`);
    await one.killBot('SIGTERM');
    await one.startBot();
  }
  const effects = await watchEffects(stack);
  const card = await asked();
  await press(0, anna, 'approve', requestOf(card));
  await shows(card, /1 of 2: /);
  const thread = await stack.until(async () => (await stack.message(card.ts)).replies?.find((reply) => /waits for somebody else/.test(reply.text)), 'the reminder');
  assert.match(thread.text, /1 of 2: .* approved; \/fluxa dlq redrive waits for somebody else/);
  const end = await stack.ending(card);
  assert.match(end.text, /^Expired/, end.text);
  assert.match(end.text, /1 of 2: .* approved in time\. Nothing was changed/);
  await toldAfter(bo, /has expired; it can be asked again/, () => press(1, bo, 'approve', requestOf(card)));
  assert.deepEqual(await effects(), []);
});

// ---- the checker and the help ----

test('the checker knows how many may approve, and the help says it', async () => {
  const runbook = path.join(stack.dir, 'commands/fluxa/dlq-redrive.yaml'), text = await readFile(runbook, 'utf8');
  const check = () => new Promise((done) => execFile(path.join(build, 'fluxabot'), ['check', '--config', stack.config], (error, stdout, stderr) => done({ code: error?.code ?? 0, text: stdout + stderr })));
  assert.equal((await check()).code, 0);
  for (const [change, finding] of [
    [['approvers: 2', 'approvers: 3'], /dlq-redrive\.yaml:18: approvers is 1 or 2, written as a number/],
    [['approvers: 2', 'approvers: 0'], /dlq-redrive\.yaml:18: approvers is 1 or 2/],
    [['approvers: 2', 'approvers: "${arguments.max}"'], /dlq-redrive\.yaml:18: approvers is 1 or 2, written as a number/],
    [['approvers: 2', 'approvers: two'], /dlq-redrive\.yaml:18: .*whole number/],
    [['needs_reason: true', 'needs_reason: "yes"'], /dlq-redrive\.yaml:18: .*true or false/],
    [[/, reason: "[^"]*"/, ''], /dlq-redrive\.yaml:18: needs_reason is true, but nothing gives one/],
  ]) {
    await writeFile(runbook, text.replace(...change));
    const found = await check();
    assert.equal(found.code, 1, found.text);
    assert.match(found.text, finding);
  }
  await writeFile(runbook, text);
  for (const [words, answer] of [['help dlq redrive', /two others are asked for approval first/], ['help', /freeze \[reason\].{0,20}let no change begin/s]]) {
    await stack.command(cara, `/fluxa ${words}`);
    await stack.until(async () => answer.test(JSON.stringify(await stack.private(cara))), `the answer to ${words}`);
  }
});
