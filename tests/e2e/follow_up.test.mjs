// follow_up.test.mjs - F-09: what was redriven is looked at again by itself; what came back is locked, and somebody is paged.
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Stack } from '../support/stack.mjs';
import { answerTo, freshWorld, ownRunbooks, restart, sql, watchEffects } from '../support/cases.mjs';

const fast = '/fluxa dlq redrive rate=500';
let stack;
let runbooks;

// The same runbooks with shorter times; the bot reads them at its start.
async function times(after, lock) {
  const file = path.join(runbooks, 'dlq-redrive.yaml');
  const text = await readFile(file, 'utf8');
  await writeFile(file, text.replace(/after: \[[^\]]*\]/, `after: [${after}]`).replace(/redrive: "\$\{redrive\}"(, lock: \w+)?/, `redrive: "\${redrive}", lock: ${lock}`));
  if (stack) await restart(stack, 'SIGTERM');
}

before(async () => {
  stack = await Stack.start({ edit: async (one) => { runbooks = await ownRunbooks(one); await times('2s, 4s', '1h'); } });
});
after(() => stack?.stop());

const inThread = async (card) => (await stack.message(card.ts)).replies ?? [];
const followUps = () => sql(stack, "SELECT id, state, note FROM runs WHERE trigger_kind = 'follow-up' ORDER BY created_ms");
const pages = async () => (await stack.get('pagerduty/pages')).pages.filter((page) => /came back/.test(JSON.stringify(page)));
// Whoever still has to look again would set them anew.
const forgetLocks = async () => {
  await stack.until(async () => (await sql(stack, "SELECT count(*) AS n FROM jobs WHERE kind = 'run' AND state < 2"))[0].n === 0, 'all follow-ups to have run');
  await sql(stack, "DELETE FROM settings WHERE name LIKE 'step:%'");
};

// Redriven while the database is away again: the canary fails, of the cause it had.
async function cameBack() {
  await freshWorld(stack, { DBConnectionError: 12, HashMismatch: 1 }, { visibility_timeout: 1, max_receive_count: 1 });
  const card = await stack.askRedrive(fast);
  await stack.fault('sqs:SendMessageBatch', 'held');
  await stack.click('approver', card, 'approve');
  await stack.until(async () => (await sql(stack, "SELECT count(*) AS n FROM intents WHERE settled_ms = 0"))[0].n > 0, 'the first intent', 15000, 10);
  await stack.world({ outage: { database: true } });
  await stack.post('fault', { clear: true });
  return stack.ending(card);
}

test('a redrive that went well is looked at again twice, in its thread, and nobody is woken', async () => {
  await freshWorld(stack, { DBConnectionError: 5, SchemaValidation: 1 });
  const end = await stack.approvedRedrive(`${fast} reason="the failover is over"`);
  assert.match(end.text, /^Redrive finished: 5 of 5/);
  const replies = await stack.until(async () => { const all = await inThread(end); return all.length === 2 && all; }, 'two follow-ups in the thread', 15000);
  for (const reply of replies) assert.match(reply.text, /^Verified: all 5 redriven messages processed/);
  assert.match(JSON.stringify(replies[0].blocks), /Asked by the follow-up/);
  assert.deepEqual(await pages(), []);
});

test('the follow-ups survive a kill, and each runs once', async () => {
  await freshWorld(stack, { DBConnectionError: 3 });
  const seen = (await followUps()).length;
  const end = await stack.approvedRedrive(fast);
  await restart(stack);
  const mine = await stack.until(async () => { const all = (await followUps()).slice(seen); return all.length === 2 && all.every((run) => /^\d+ of \d+ redriven/.test(run.note)) && all; }, 'both follow-ups to have run', 20000);
  assert.equal(mine.length, 2);
  await stack.until(async () => (await inThread(end)).length === 2, 'both answers');
});

test('a request that was denied is not followed up', async () => {
  await freshWorld(stack, { DBConnectionError: 2 });
  const seen = (await followUps()).length;
  const card = await stack.askRedrive(fast);
  await stack.click('approver', card, 'deny');
  const view = await stack.until(async () => (await stack.get('slack/private?user=approver')).views.at(-1), 'the dialog');
  await stack.post('slack/submit', { user: 'approver', view_id: view.id, values: { reason: 'not now' } });
  assert.match((await stack.ending(card)).text, /^Denied/);
  assert.equal((await followUps()).length, seen);
});

test('the reason stands on the card and in the audit log, and max bounds what moves', async () => {
  await freshWorld(stack, { DBConnectionError: 6, HashMismatch: 1 });
  const card = await stack.askRedrive(`${fast} max=2 reason="try two first"`);
  assert.match(card.text, /2 of 7 messages/);
  assert.match(card.text, /Reason: try two first/);
  const [row] = await sql(stack, "SELECT detail_json FROM audit WHERE action = 'approval.asked' ORDER BY n DESC LIMIT 1");
  assert.equal(JSON.parse(row.detail_json).reason, 'try two first');
  const effects = await watchEffects(stack);
  await stack.click('approver', card, 'approve');
  assert.match((await stack.ending(card)).text, /^Redrive finished: 2 of 2/);
  assert.equal((await effects('SendMessage')).length, 2);
});

test('what came back is locked, told in the channel, and paged once', async () => {
  const end = await cameBack();
  assert.match(end.text, /^Redrive stopped/);
  assert.match(end.text, /Came back: \d+ DBConnectionError.*not redriven again before \d\d:\d\d/);
  assert.match(end.text, /PagerDuty was told/);
  const [page] = await stack.until(async () => { const all = await pages(); return all.length > 0 && all; }, 'the page');
  assert.match(JSON.stringify(page), /DBConnectionError/);
  await stack.world({ outage: { database: false } });

  const classified = await answerTo(stack, '/fluxa dlq classify');
  assert.match(classified.text, /None of the \d+ messages in Fluxa-DLQ is safe to retry/, classified.text);
  assert.match(classified.text, /locked until \d{4}-/);
  const effects = await watchEffects(stack);
  const refused = await stack.askRedrive(fast);
  assert.match(refused.text, /^Refused: .*is safe to retry/);
  assert.deepEqual(await effects(), []);
  assert.equal((await pages()).length, 1, 'every later look is the same page');
});

test('a lock ends by itself, and the page resolves when nothing is back any more', async () => {
  await forgetLocks();
  await sql(stack, `INSERT OR REPLACE INTO settings (name, value) VALUES ('step:fluxa/dev:redrive-lock:Fluxa-DLQ:DBConnectionError', '{"until":${Date.now() - 1}}')`);
  const end = await stack.approvedRedrive(fast);
  assert.match(end.text, /^Redrive finished: 12 of 12/);
  await stack.until(async () => (await pages()).every((page) => page.status === 'resolved'), 'the page to be resolved', 15000);
  assert.equal((await pages()).length, 1, 'the redrive and its follow-ups speak of one page');
});

test('a lock that is set after the question refuses the approved redrive', async () => {
  await forgetLocks();
  await freshWorld(stack, { DBConnectionError: 4, HashMismatch: 1 });
  const card = await stack.askRedrive(fast);
  assert.match(card.text, /Approval needed/);
  await sql(stack, `INSERT OR REPLACE INTO settings (name, value) VALUES ('step:fluxa/dev:redrive-lock:Fluxa-DLQ:DBConnectionError', '{"until":${Date.now() + 60000}}')`);
  const effects = await watchEffects(stack);
  await stack.click('approver', card, 'approve');
  const end = await stack.ending(card);
  assert.match(end.text, /^Refused: .*DBConnectionError came back after an earlier redrive and is locked until/);
  assert.deepEqual(await effects(), []);
});
