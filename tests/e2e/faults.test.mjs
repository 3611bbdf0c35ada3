// faults.test.mjs - F14, F16: whatever call fails, in whatever way, a redrive ends with a card that can be read,
// moves nothing unsafe, sends at most one batch twice and loses nothing; and every Slack message arrives in order.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Stack } from '../support/stack.mjs';
import { UNSAID, answerTo, busyJobs, freshWorld, judge, listing, sql, watchEffects, watchPrivate } from '../support/cases.mjs';

const LANES = 6; // whole sandboxes side by side: most of the time is waiting
const fast = '/fluxa dlq redrive rate=500';
const stacks = [];

before(async () => {
  stacks.push(...(await Promise.all(Array.from({ length: LANES }, () => Stack.start()))));
});
after(() => Promise.all(stacks.map((stack) => stack.stop())));

const endings = /^(Redrive (finished|stopped)|Failed|Refused|Please look)/;

async function redriveUnder(stack, { target, kind, lasting, messages }) {
  const name = `${lasting ? 'lasting' : 'one'} ${kind} on ${target}`;
  await freshWorld(stack, messages);
  const before = await listing(stack);
  const effects = await watchEffects(stack);
  const card = await stack.askRedrive(fast);
  assert.match(JSON.stringify(card.blocks), /"action_id":"approve"/, `${name}: ${card.text}`);
  await stack.fault(target, kind, lasting ? { rate: 1 } : { count: 1 });
  await stack.click('approver', card, 'approve');
  const end = await stack.ending(card, 75000);
  await stack.post('fault', { clear: true });
  assert.match(end.text, endings, `${name}: ${end.text}`);
  const result = await judge(stack, before, effects);
  const tasks = (await effects('StartMessageMoveTask')).length;
  assert.ok(tasks <= 1, `${name}: ${tasks} move tasks`);
  if (/^Redrive finished/.test(end.text) && !messages.HashMismatch) assert.equal(tasks, 1, name);
  if (/^Refused/.test(end.text)) assert.deepEqual(await effects(), [], `${name}: refused, so nothing happened`);
  if (/Nothing was changed/.test(end.text)) assert.deepEqual(await effects(), [], `${name}: ${end.text}`);
  if (!/^Redrive/.test(end.text)) assert.match(end.text, new RegExp(`${target.split(':')[1]}|SQS|RDS|person`), `${name} is named: ${end.text}`);
  assert.ok(!/undefined|null|\[object/i.test(end.text), end.text);
  return { name, text: end.text, ...result };
}

async function inLanes(cases, work) {
  const waiting = [...cases];
  const seen = [];
  const wrong = [];
  await Promise.all(stacks.map(async (stack) => {
    for (let next = waiting.shift(); next; next = waiting.shift()) await work(stack, next).then((one) => seen.push(one), (error) => wrong.push(error.message));
  }));
  assert.deepEqual(wrong, []);
  return seen;
}

const mixed = { DBConnectionError: 3, HashMismatch: 1 };
const safe = { DBConnectionError: 3 };
const cross = (targets, kinds, lasting, messages) => targets.flatMap((target) => kinds.map((kind) => ({ target, kind, lasting, messages })));

test('one failure of any call of a selective redrive', async () => {
  const cases = [
    ...cross(['sqs:GetQueueAttributes', 'sqs:ListMessageMoveTasks', 'sqs:ReceiveMessage'], ['429', '5xx', 'timeout_before', 'denied'], false, mixed),
    ...cross(['sqs:SendMessageBatch', 'sqs:DeleteMessageBatch'], ['429', '5xx', 'timeout_before', 'timeout_after', 'slow', 'denied'], false, mixed),
    ...cross(['sqs:ChangeMessageVisibilityBatch'], ['5xx', 'timeout_after', 'denied'], false, mixed),
    ...cross(['rds:DescribeDBInstances', 'logs:StartQuery', 'logs:GetQueryResults'], ['429', '5xx', 'denied'], false, mixed),
  ];
  const seen = await inLanes(cases, redriveUnder);
  const finished = seen.filter((one) => /^Redrive finished/.test(one.text)).length;
  assert.ok(finished >= cases.length / 2, `only ${finished} of ${cases.length} finished`);
  for (const one of seen.filter((each) => /(5xx|timeout_before|429) on (sqs:GetQueueAttributes|sqs:ReceiveMessage|rds)/.test(each.name)))
    assert.match(one.text, /^Redrive finished: 3 of 3/, `${one.name}: a read is simply repeated`);
});

test('a call of a selective redrive that fails for good', async () => {
  const seen = await inLanes([
    ...cross(['sqs:ReceiveMessage', 'sqs:GetQueueAttributes'], ['429', 'denied'], true, mixed),
    ...cross(['sqs:SendMessageBatch', 'sqs:DeleteMessageBatch'], ['429', '5xx', 'timeout_before', 'timeout_after', 'denied'], true, mixed),
    ...cross(['sqs:ChangeMessageVisibilityBatch', 'rds:DescribeDBInstances'], ['denied'], true, mixed),
    ...cross(['logs:StartQuery'], ['429', 'denied'], true, mixed),
  ], redriveUnder);
  for (const one of seen.filter((each) => /logs:/.test(each.name))) assert.match(one.text, /^Redrive finished: 3 of 3/, one.name);
  for (const one of seen.filter((each) => /denied on sqs:SendMessageBatch/.test(each.name))) assert.match(one.text, /allow sqs:SendMessage/, 'the fix is named');
});

test('every call of a move task', async () => {
  await inLanes([
    ...cross(['sqs:StartMessageMoveTask'], ['429', '5xx', 'timeout_before', 'timeout_after', 'slow', 'denied'], false, safe),
    ...cross(['sqs:StartMessageMoveTask', 'sqs:ListMessageMoveTasks'], ['429', 'denied', 'timeout_after'], true, safe),
    ...cross(['sqs:ListMessageMoveTasks'], ['5xx', 'timeout_before'], false, safe),
  ], redriveUnder);
});

test('a reading command under every fault answers with a card that names the fix', async () => {
  await inLanes([
    ['/fluxa dlq', 'sqs:GetQueueAttributes', 'denied', /allow sqs:GetQueueAttributes for the bot's role/],
    ['/fluxa dlq', 'sqs:GetQueueAttributes', 'timeout_before', /GetQueueAttributes/],
    ['/fluxa dlq', 'sqs:GetQueueAttributes', '5xx', /GetQueueAttributes/],
    ['/fluxa dlq', 'sqs:GetQueueAttributes', '429', /ThrottlingException|Throttl/],
    ['/fluxa dlq', 'cloudwatch:GetMetricData', 'denied', /no data/],
    ['/fluxa dlq classify', 'sqs:ReceiveMessage', 'denied', /allow sqs:ReceiveMessage/],
  ], async (stack, [text, target, kind, pattern]) => {
    await freshWorld(stack, mixed);
    await stack.fault(target, kind, { rate: 1 });
    const card = await answerTo(stack, text, 'requester', 60000);
    await stack.post('fault', { clear: true });
    assert.match(card.text, pattern, `${text} with ${kind} on ${target}: ${card.text}`);
  });
});

// ---- Slack ----

test('a Slack that fails a third of the time gets every message in the end, in order, and few twice', async () => {
  const stack = stacks[0];
  await freshWorld(stack, mixed);
  for (const [kind, rate] of [['429', 0.1], ['5xx', 0.1], ['timeout_before', 0.05], ['timeout_after', 0.05]])
    for (const method of ['slack:chat.postMessage', 'slack:chat.update']) await stack.fault(method, kind, { rate });
  await stack.alarm('fluxa-dlq-depth-dev', 'ALARM');
  for (let i = 0; i < 4; i++) await stack.alarm(`fluxa-order-${i}`, 'ALARM');
  await stack.until(async () => (await sql(stack, 'SELECT count(*) AS n FROM incidents WHERE state = 0'))[0].n === 5, 'the incidents');
  for (let i = 0; i < 4; i++) await stack.alarm(`fluxa-order-${i}`, 'OK');
  await stack.alarm('fluxa-dlq-depth-dev', 'OK');
  await stack.until(async () => (await sql(stack, `SELECT count(*) AS n FROM outbox WHERE ${UNSAID}`))[0].n === 0 && (await busyJobs(stack)) === 0, 'everything to be sent', 80000, 200);
  await stack.post('fault', { clear: true });
  assert.equal((await sql(stack, 'SELECT count(*) AS n FROM outbox WHERE state = 3'))[0].n, 0);
  const messages = await stack.messages();
  const firsts = new Map();
  for (const message of messages) {
    const name = /fluxa-(order-\d|dlq-depth-dev)/.exec(message.text)?.[0];
    if (name && !firsts.has(name)) firsts.set(name, message);
  }
  assert.equal(firsts.size, 5);
  const posts = await sql(stack, "SELECT min(place) AS place, o.key, t.ts FROM outbox o JOIN message_ts t ON t.key = o.key WHERE kind = 0 GROUP BY o.key ORDER BY 1");
  const stamps = posts.map((row) => Number(row.ts));
  assert.deepEqual(stamps, [...stamps].sort((a, b) => a - b), 'posts stand in the order in which they were said');
  for (const name of firsts.keys()) {
    const copies = messages.filter((message) => message.text.includes(name));
    const cards = copies.filter((message) => /^Resolved/.test(message.text));
    assert.ok(cards.length >= 1, `${name} ends as resolved`);
    assert.equal(copies.flatMap((message) => message.replies ?? []).filter((reply) => /is OK again/.test(reply.text)).length >= 1, true, `${name} has its last word in the thread`);
  }
});

test('thread answers keep their order when one of them has to wait', async () => {
  const stack = stacks[1];
  await freshWorld(stack, mixed);
  await stack.alarm('fluxa-dlq-depth-dev', 'ALARM');
  const card = await stack.until(() => stack.card(/fluxa-dlq-depth-dev is in alarm/), 'the card');
  await stack.until(async () => (await stack.message(card.ts)).replies?.length >= 1, 'the triage');
  await stack.fault('slack:chat.postMessage', '5xx', { count: 2 });
  await stack.alarm('fluxa-dlq-depth-dev', 'OK');
  await stack.until(async () => (await sql(stack, "SELECT count(*) AS n FROM incidents WHERE state = 1 AND key LIKE '%:alarm:fluxa-dlq-depth-dev'"))[0].n === 1, 'the end to be said'); // or another worker says the later one first
  await stack.alarm('fluxa-late', 'ALARM');
  const late = await stack.until(() => stack.card(/fluxa-late is in alarm/), 'the later card');
  const last = (await stack.message(card.ts)).replies.filter(({ files }) => !files).at(-1); // a picture comes when it is drawn
  assert.match(last.text, /is OK again/);
  assert.ok(Number(last.ts) < Number(late.ts), 'what was said first stands first');
});

test('a dialog that Slack does not open is told', async () => {
  const stack = stacks[2];
  await freshWorld(stack, mixed);
  const card = await stack.askRedrive(fast);
  for (const kind of ['5xx', 'timeout_before', 'denied']) {
    const told = await watchPrivate(stack, 'approver');
    await stack.fault('slack:views.open', kind, { count: 1 });
    await stack.click('approver', card, 'deny');
    await told(/dialog could not be opened/);
  }
  await stack.click('approver', card, 'deny');
  const view = await stack.until(async () => (await stack.get('slack/private?user=approver')).views?.at(-1), 'the dialog');
  await stack.post('slack/submit', { user: 'approver', view_id: view.id, values: { reason: 'enough' } });
  assert.match((await stack.ending(card)).text, /^Denied/);
});

test('while Slack does not say who somebody is, the answer is no', async () => {
  const stack = stacks[3];
  await freshWorld(stack, mixed);
  const effects = await watchEffects(stack);
  const card = await stack.askRedrive(fast);
  for (const kind of ['429', '5xx', 'timeout_before', 'timeout_after', 'denied']) {
    const told = await watchPrivate(stack, 'approver');
    await stack.fault('slack:users.info', kind, { count: 1 });
    await stack.click('approver', card, 'approve');
    await told(/could not ask Slack who you are/);
  }
  assert.deepEqual(await effects(), []);
});

test('a page that PagerDuty refuses for a while arrives, and its resolve after it', async () => {
  const stack = stacks[0];
  await freshWorld(stack, mixed);
  await stack.fault('pagerduty', '5xx', { count: 2 });
  await stack.alarm('fluxa-dlq-depth-dev', 'ALARM');
  await stack.until(async () => (await sql(stack, "SELECT count(*) AS n FROM incidents WHERE state = 0 AND paged = 1 AND key LIKE '%:alarm:fluxa-dlq-depth-dev'"))[0].n === 1, 'the incident');
  await stack.alarm('fluxa-dlq-depth-dev', 'OK');
  const pages = await stack.until(async () => { const { pages: list } = await stack.get('pagerduty/pages'); return list.some((page) => /resolved/.test(page.status)) && list; }, 'the page to be resolved', 60000).catch(async (error) => {
    throw new Error(`${error.message}: ${JSON.stringify([await stack.get('pagerduty/pages'), await sql(stack, 'SELECT state, paged, seen, changed_ms, closed_ms FROM incidents'), await sql(stack, 'SELECT seq, key, state, attempts, due_ms, last_error FROM outbox WHERE kind = 3')])}`);
  });
  assert.equal(pages.filter((page) => /fluxa-dlq-depth-dev/.test(JSON.stringify(page)) && page.status !== 'resolved').length, 0, 'no page is left open');
});
