// messages.test.mjs - everything the bot says to Slack in a long day, judged by Slack's types and limits.
//
// A proxy before the Web API keeps every message on its way, edits included; what goes by response_url
// and what a dialog shows is read at the sandbox's doors. All of it lands in tests/artefacts/messages.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import pg from 'pg';
import { Stack, channel, root } from '../support/stack.mjs';
import { atRest, redis, restart, sql } from '../support/cases.mjs';
import { counter, startProxy } from './support.mjs';

const run = promisify(execFile);
const artefacts = path.join(root, 'tests/artefacts/messages');
// A channel takes one message a second; alarms of every shape are spread over four.
const systems = { fluxa: channel, regworkers: 'C0REGWORK01', chat: 'C0CHATRT001', kanjona: 'C0KANJONA01' };
const topicOf = (system) => `arn:aws:sns:us-east-1:123456789012:${system}-alarms`;
let stack;
let proxy;
let sent = []; // { method, message, answer } since the last scene
const scenes = {}; // name: [message, ...]
const given = []; // commands

// ---- the stack, with four systems of one kind ----

async function copySystem(name) {
  const to = path.join(stack.dir, 'systems', name);
  await cp(path.join(root, 'commands/fluxa'), to, { recursive: true });
  const file = path.join(to, 'system.yaml');
  await writeFile(file, (await readFile(file, 'utf8')).replace(/^system: fluxa$/m, `system: ${name}`));
  return to;
}

async function configure() {
  const config = await readFile(stack.config, 'utf8');
  const [head, own] = config.split(/^systems:\n/m);
  const end = own.search(/^\S/m);
  const [fluxa, tail] = [own.slice(0, end), own.slice(end)];
  let more = '';
  for (const [name, where] of Object.entries(systems).slice(1))
    more += fluxa.replace('  fluxa:', `  ${name}:`).replace(/path: .*/, `path: "${await copySystem(name)}"`).replace('/fluxa\n', `/${name}\n`).replace(channel, where);
  const topics = Object.keys(systems).map((name) => `{ arn: "${topicOf(name)}", system: ${name}, environment: dev }`).join(', ');
  const changed = head.replace(/^( +topics: ).*$/m, `$1[${topics}]`).replace(`${stack.page}/slack/api`, `${proxy.url}/slack/api`);
  await writeFile(stack.config, `${changed}systems:\n${fluxa}${more}${tail}`);
}

function record(exchange, answer) {
  const method = exchange.url.replace('/slack/api/', '');
  if (!/^(chat\.|views\.)/.test(method)) return;
  const given = JSON.parse(exchange.body.toString());
  const { trigger_id: trigger, ...message } = given;
  sent.push({ method, message: given.view ?? message, answer: JSON.parse(answer.body.toString()) });
}

before(async () => {
  await rm(artefacts, { recursive: true, force: true });
  await mkdir(artefacts, { recursive: true });
  stack = await Stack.start({ bot: false });
  proxy = await startProxy(stack.page, { heard: record });
  await configure();
  await easePace();
  await stack.startBot();
});

after(async () => {
  await proxy?.stop();
  await stack?.stop();
});

// Slack's pace is another test's business.
const easePace = () => stack.post('slack/options', { post_per_minute: 6000, post_burst: 1000, update_per_minute: 6000, update_burst: 1000 });

// Full queues again, and a Slack that has forgotten everything. A storm of alarms ends a minute after the last of them:
// its card may be gone by then, as is the thread of a redrive that is looked at two minutes later.
let worldSince = 0;
const isOfAnOlderWorld = ({ message, answer }) =>
  (answer.error === 'message_not_found' && Number(message.ts) < worldSince) || (answer.error === 'thread_not_found' && Number(message.thread_ts) < worldSince);

async function newWorld(more = {}) {
  await atRest(stack);
  worldSince = Date.now() / 1000;
  await stack.world({ reset: true, ...more });
  await easePace();
}

// ---- scenes ----

const isOurs = (message) => message.bot_id === 'B0FLUXABOT' || message.user === 'U0FLUXABOT';
const shownPrivately = new Set();

async function newPrivate() {
  const found = [];
  for (const user of ['requester', 'approver', 'guest', 'operator', 'stranger'])
    for (const message of (await stack.private(user)).filter(isOurs)) {
      if (shownPrivately.has(`${user} ${message.ts}`)) continue;
      shownPrivately.add(`${user} ${message.ts}`);
      found.push(message);
    }
  return found;
}

// Ends a scene: all that was said since the one before it is written down under this name.
async function keep(name) {
  const privately = await newPrivate();
  if (privately.length === 0) await stack.until(() => sent.length > 0, `${name}: something to be heard`); // it is shown before its answer has passed by
  const messages = [...sent.map(({ message }) => message), ...privately];
  const refused = sent.filter((one) => !one.answer.ok && !isOfAnOlderWorld(one));
  sent = [];
  assert.deepEqual(refused.map(({ method, answer }) => `${method} ${answer.error} ${answer.errors ?? ''}`), [], `${name}: the sandbox refused something`);
  scenes[name] = messages;
  await writeFile(path.join(artefacts, `${name}.json`), JSON.stringify(messages, null, 1));
  return messages;
}

// A command, and the first new message, public or private, that matches.
async function say(user, text, pattern) {
  given.push(text);
  const before = new Set([...(await stack.messages()), ...(await stack.private(user))].map(({ ts }) => ts));
  await stack.command(user, `/fluxa ${text}`);
  return stack.until(async () => {
    const all = [...(await stack.messages()), ...(await stack.private(user))];
    return all.find((message) => !before.has(message.ts) && !message.text.startsWith('Received: ') && pattern.test(message.text));
  }, `${pattern} after ${text}`, 20000);
}

async function request(text = 'dlq redrive', user = 'requester') {
  return say(user, text, /^Approval needed/);
}

const requestOfTwo = (text) => request(text, 'U0CARA0004'); // only the requester and the approver may approve

const becomes = (card, pattern, patience = 30000) =>
  stack.until(async () => {
    const now = await stack.message(card.ts);
    return pattern.test(now.text) && now;
  }, `the card to say ${pattern}`, patience);

const told = (user, pattern) => stack.until(async () => (await stack.private(user)).find(({ text }) => pattern.test(text)), `${user} to be told ${pattern}`);

test('commands that look', async () => {
  await say('requester', 'help', /commands/);
  await say('requester', '', /commands/);
  await keep('help');
  await say('requester', 'help dlq redrive', /dlq redrive/);
  await say('requester', 'help dlq', /dlq/);
  await keep('help-of-a-command');
  for (const [name, text, pattern] of [
    ['alarms', 'alarms', /fluxa-dlq-depth-dev/],
    ['dlq', 'dlq', /100 messages/],
    ['dlq-inspect', 'dlq inspect 20', /All were put back/],
    ['dlq-classify', 'dlq classify', /60 of 100/],
  ]) {
    await say('requester', text, pattern);
    await keep(name);
  }
});

test('what people carry out, and commands that run others', async () => {
  for (const [name, text, pattern] of [
    ['advice-db-retry', 'advice db-retry', /exponential backoff/],
    ['dlq-owner', 'dlq owner SchemaValidation', /what has to be mended/],
    ['backup-drill', 'backup drill', /Restore drill/],
    ['support', 'support', /AWS Support/],
    ['incident-sev1', 'incident sev1 nobody can pay', /service down: nobody can pay/],
    ['incident-sev2', 'incident sev2', /degraded performance/],
    ['incident-sev3', 'incident sev3', /100 dead letters/],
  ]) {
    await say('requester', text, pattern);
    await keep(name);
  }
  const card = await say('requester', 'advice db-retry', /exponential backoff/);
  for (let item = 0; item < 6; item++) {
    await stack.click('operator', card, `check:c${item}`);
    await becomes(card, new RegExp(`☑ ${item + 1}\\.`));
  }
  assert.ok((await keep('checklist-finished')).length >= 7);
});

test('events: tried, processed, never seen', async (context) => {
  const database = new pg.Client(stack.database);
  await database.connect();
  context.after(() => database.end());
  const { rows: [{ event_id: id }] } = await database.query('SELECT event_id FROM idempotency_keys LIMIT 1');
  const tried = await say('requester', `event ${id}`, new RegExp(id));
  await database.query('INSERT INTO events (event_id) VALUES ($1)', [id]);
  const processed = await say('requester', `event ${id}`, new RegExp(id));
  assert.notEqual(processed.text, tried.text);
  await database.query('DELETE FROM events');
  await say('requester', 'event evt_000000000000', /evt_000000000000/);
  await keep('event');
});

test('commands that are not understood or not allowed', async () => {
  await say('requester', 'frobnicate', /frobnicate/);
  await keep('unknown');
  await say('requester', 'dlq redirve', /dlq redrive/);
  await keep('mistyped');
  for (const text of ['dlq inspect many', 'dlq inspect 1000', 'event', 'dlq env=moon', 'dlq *bold* <!channel> `x` & <https://evil.example|click>']) await say('requester', text, /\S/);
  await told('requester', /moon/);
  await keep('wrong-arguments');
  await say('guest', 'dlq', /Nothing was done/);
  await say('stranger', 'dlq', /Nothing was done/);
  await keep('not-allowed');
});

test('the main job: alarm, diagnosis, acknowledgement, approved redrive, all clear', async () => {
  await stack.alarm('fluxa-dlq-depth-dev', 'ALARM');
  const alarm = await stack.until(() => stack.card(/fluxa-dlq-depth-dev.*safe to retry/s), 'the diagnosis');
  await keep('alarm');
  await stack.click('operator', alarm, 'ack');
  await becomes(alarm, /Cara|acknowledged/i);
  await keep('alarm-acknowledged');
  const card = await request();
  await stack.click('approver', card, 'approve');
  assert.match((await stack.ending(card)).text, /^Redrive finished.*\b60 of 60/);
  await keep('redrive-finished');
  await stack.alarm('fluxa-dlq-depth-dev', 'OK');
  await becomes(alarm, /OK again|ended|closed|resolved/i);
  await keep('alarm-closed');
});

test('alarms that people hold: listed, paged, acknowledged, snoozed, looked into', async () => {
  const names = ['fluxa-<!channel>-errors-1', `fluxa-${'x'.repeat(200)}-errors-2`, 'fluxa-held-errors-3', 'fluxa-held-5xx-4', 'fluxa-held-throttles-5'];
  for (const name of names) await stack.alarm(name, 'ALARM');
  const card = await stack.until(() => stack.card(/fluxa-held-errors-3 is in alarm/), 'the card');
  await stack.click('operator', card, 'snooze');
  await becomes(card, /Snoozed until/);
  await stack.click('operator', card, 'wake');
  await becomes(card, /snooze was ended/);
  await say('requester', 'alarms', /firing/);
  for (const [text, pattern] of [['alarms fluxa-held-errors-3', /firing/], ['page alarm=fluxa-held-errors-3 the *shop* is <down> & out', /The page is open already/], ['page nobody answers', /On-call is paged/], ['page resolve', /The page is resolved/], ['ack fluxa-held-errors-3', /^Acknowledged/], ['snooze time=2h fluxa-held-errors-3', /^Snoozed/], ['snooze end fluxa-held-errors-3', /No longer snoozed/], ['triage fluxa-held-errors-3', /Looking into/], ['ack no-such-alarm', /Nothing was acknowledged/]])
    await say('requester', text, pattern);
  await stack.fault('pagerduty', 'denied');
  await say('requester', 'page *nobody* hears <this>', /On-call is paged/);
  await stack.until(() => stack.card(/could not be paged/), 'the trouble');
  for (const name of names) await stack.alarm(name, 'OK');
  await keep('alarms-held');
});

test('alarms of every shape', async () => {
  const folder = path.join(root, 'tests/golden/alarms');
  const files = (await readdir(folder)).filter((name) => name.endsWith('.json')).sort();
  const names = Object.keys(systems);
  for (const [i, file] of files.entries()) {
    if (i % 20 === 0) await redis(stack, 'FLUSHALL'); // a quick machine would come to a storm, which has one card for all
    const { message, subject } = JSON.parse(await readFile(path.join(folder, file), 'utf8'));
    const outcome = await stack.post('alarm', { message, subject, topic: topicOf(names[i % names.length]) });
    assert.equal(outcome.status, 200, file);
  }
  let quiet = 0;
  await stack.until(async () => {
    const waiting = await counter(stack, 'fluxabot_outbox_waiting');
    const before = sent.length;
    await new Promise((done) => setTimeout(done, 300));
    quiet = waiting === 0 && before === sent.length ? quiet + 1 : 0;
    return quiet > 4;
  }, 'all cards', 60000);
  const posts = sent.filter(({ method, message }) => method === 'chat.postMessage' && !message.thread_ts);
  assert.ok(posts.length >= files.length * 0.7, `${posts.length} cards of ${files.length} alarms`); // some belong to an incident that stands there already
  await keep('alarms-of-every-shape');
});

test('an approval: pending, not by the requester, denied with a reason', async () => {
  await newWorld();
  const card = await request();
  await stack.click('requester', card, 'approve');
  await told('requester', /requester|yourself|own|somebody else/i);
  await keep('approval-pending');
  await stack.click('approver', card, 'deny');
  const view = await stack.until(async () => (await stack.get('slack/private?user=approver')).views?.[0], 'the dialog');
  await stack.post('slack/submit', { user: 'approver', view_id: view.id, values: { reason: { reason: 'the *database* is <still> down & out' } } });
  await becomes(card, /^Denied/);
  const messages = await keep('approval-denied');
  assert.ok(messages.some(({ type }) => type === 'modal'), 'the dialog is among them');
});

test('an approval that nobody decides expires', async () => {
  await stack.edit((text) => `${text}approvals: { decide_within: 6s }\n`);
  await restart(stack, 'SIGTERM');
  const card = await request();
  await becomes(card, /^Expired/);
  await keep('approval-expired');
  await stack.edit((text) => text.replace(/^approvals:.*\n/m, ''));
  await restart(stack, 'SIGTERM');
});

test('a redrive: progress, stopped by a person', async () => {
  const card = await request('dlq redrive 1');
  await stack.click('approver', card, 'approve');
  const running = await stack.until(async () => {
    const now = await stack.message(card.ts);
    return JSON.stringify(now.blocks).includes('"stop') && now;
  }, 'the Stop button');
  const stop = running.blocks.flatMap(({ elements = [] }) => elements).find(({ action_id: id }) => id?.startsWith('stop')).action_id;
  await stack.click('requester', running, stop);
  await becomes(card, /^Redrive stopped/, 60000);
  const messages = await keep('redrive-stopped');
  assert.ok(messages.length >= 4, `${messages.length} versions of the card`);
});

test('what AWS refuses or does not answer', async () => {
  await stack.fault('sqs:GetQueueAttributes', 'denied');
  await say('requester', 'dlq', /^Failed.*AccessDenied/);
  await keep('aws-denied');
  await stack.fault('cloudwatch:DescribeAlarms', 'down', { rate: 1 });
  await say('requester', 'alarms', /^Failed/);
  await stack.post('fault', { clear: true });
  await keep('aws-down');
  await stack.fault('sqs:SendMessageBatch', 'denied', { rate: 1 });
  const card = await request();
  await stack.click('approver', card, 'approve');
  await stack.ending(card);
  await stack.post('fault', { clear: true });
  await keep('redrive-failed');
});

test('what nobody knows: SQS does not answer to what may have been sent', async () => {
  await newWorld();
  await stack.fault('sqs:SendMessageBatch', '5xx', { rate: 1 });
  const card = await request();
  await stack.click('approver', card, 'approve');
  assert.match((await stack.ending(card)).text, /^Please look/);
  await stack.post('fault', { clear: true });
  await keep('redrive-unknown');
});

test('a redrive of one cause, as one task', async () => {
  await newWorld({ messages: { DBConnectionError: 15 } });
  const card = await request();
  await stack.click('approver', card, 'approve');
  assert.match((await stack.ending(card)).text, /^Redrive finished.*\b15 of 15/);
  await keep('redrive-as-one-task');
});

test('a task that is looked at, cancelled and verified by command', async () => {
  await newWorld({ messages: { DBConnectionError: 30 } });
  const card = await request('dlq redrive 1');
  await stack.click('approver', card, 'approve');
  await stack.until(async () => (await stack.get('world')).move_tasks[0]?.moved > 0, 'the first message to move');
  await say('requester', 'dlq redrive-status', /RUNNING|running/i);
  await say('requester', 'dlq redrive-cancel', /\S/);
  await stack.ending(card);
  await say('requester', 'dlq verify', /\S/);
  await keep('redrive-cancelled');
});

test('what came back after a redrive, and is locked', async () => {
  await newWorld({ messages: { DBConnectionError: 12, HashMismatch: 1 }, visibility_timeout: 1, max_receive_count: 1 });
  const [hidden] = (await stack.get('world?messages=1')).queues.find(({ name }) => name === 'Fluxa-DLQ').messages;
  await say('requester', `trace ${hidden.event_id ?? JSON.parse(hidden.body).event_id}`, /lines? of/);
  await keep('trace');
  const intents = async () => (await sql(stack, 'SELECT count(*) AS n FROM intents'))[0].n;
  const before = await intents();
  const card = await request('dlq redrive rate=500 reason="the *failover* is <over>"');
  await stack.fault('sqs:SendMessageBatch', 'held');
  await stack.click('approver', card, 'approve');
  await stack.until(async () => (await intents()) > before, 'the canary', 15000, 5);
  await stack.world({ outage: { database: true } });
  await stack.post('fault', { clear: true });
  assert.match((await stack.ending(card)).text, /Came back: \d+ DBConnectionError/);
  await stack.world({ outage: { database: false } });
  await say('requester', 'dlq classify', /locked until/);
  await say('requester', 'dlq verify', /^Came back: stop/);
  await keep('came-back');
});

test('what asks the database', async () => {
  const [letter] = (await stack.get('world?messages=1')).queues.find(({ name }) => name === 'Fluxa-DLQ').messages;
  for (const text of ['failed', 'idempotency check', 'db conns', 'db locks', 'db slow', 'db indexes', 'db bloat', `db explain event ${letter.event_id ?? JSON.parse(letter.body).event_id}`])
    await say('requester', text, /\S/);
  const card = await say('requester', 'watch recovery 60m', /^Watching the recovery/);
  await say('requester', 'watch recovery 5m', /watched already/);
  await stack.click('requester', card, 'stop');
  await becomes(card, /^The watch was stopped/);
  await say('requester', 'watch errors ingest 60m', /fluxa-ingest: /);
  await say('requester', 'provision review ingest live', /keeps no copies warm/);
  await keep('database');
});

test('what changes one thing: asked for, approved, refused', async () => {
  for (const [text, ends] of [['queue visibility 200', /hides messages for 200 seconds/], ['concurrency ingest 30', /reserved concurrency is 30/], ['db vacuum events', /is vacuumed/]]) {
    const card = await request(text);
    await stack.click('approver', card, 'approve');
    await becomes(card, ends, 60000);
  }
  for (const text of ['queue retention 10', 'queue batch 5', 'rollback ingest', 'provision ingest live 2 ends=2030-01-31', 'db index create ts']) await request(text);
  await say('requester', 'memory ingest 512', /^Refused/);
  await keep('changes');
});

test('what changes the database instance: kept for a while, asked of two, and restored', async () => {
  const hour = `${new Date(Date.now() - 3600000).toISOString().slice(0, 19)}Z`;
  const card = await request('db slowlog 500');
  await stack.click('approver', card, 'approve');
  const kept = await becomes(card, /It is taken back by itself at/);
  await stack.click('requester', kept, 'stop');
  await becomes(card, /not taken back by itself any more/);
  for (const text of ['db max-connections 200 reason="the pool is full"', `restore ${hour} reason="a bad deployment"`]) await requestOfTwo(text);
  await say('requester', 'db max-connections 200', /advice only/);
  await say('requester', `restore ${hour} fluxa-prod reason=no`, /^Refused/);
  await say('requester', 'restore status', /fluxa-prod-restored: not there/);
  await keep('instance-changes');
});

test('what asks the functions and their queue, of everything that is too much', async () => {
  const long = '<!channel> *bold* `code` & <https://evil.example|click> 🙂'.repeat(5);
  const versions = Array.from({ length: 60 }, (_, i) => ({ version: String(i + 1), age_ms: i * 1000 }));
  const trail = Array.from({ length: 40 }, (_, i) => ({ name: `Change${i}${long}`, source: 'lambda.amazonaws.com', resource: 'fluxa-processor', user: `${i} ${long}`, error: long, age_ms: i * 1000 }));
  const wall = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`${i}-${long}`, { Statement: { Effect: 'Deny', Action: '*', Resource: '*' } }]));
  await stack.world({
    functions: [{ name: 'fluxa-processor', versions, configuration: { State: long }, aliases: [{ name: 'live', version: '7', weights: { 6: 0.5 } }] }], trail, trail_unlimited: true,
    mappings: Array.from({ length: 20 }, (_, i) => ({ function: `f-${i}-${'x'.repeat(40)}`, queue: 'Fluxa-InputQueue' })), roles: [{ name: 'fluxa-processor', attached: wall }],
  });
  for (const text of ['queue', 'queue audit', 'deploys', 'perms processor', 'status', 'cold']) await say('requester', text, /\S/);
  await keep('functions');
});

test('what reads numbers', async () => {
  for (const text of ['metrics', 'throttles', 'api', 'profile', 'pool', 'db cpu']) await say('requester', text, /\S/);
  await stack.fault('cloudwatch:GetMetricData', 'denied', { rate: 1 });
  for (const text of ['metrics', 'throttles', 'pool', 'db cpu']) await say('requester', text, /\S/);
  await stack.post('fault', { clear: true });
  await keep('numbers');
});

test('what asks the logs, of lines of every shape', async () => {
  const long = '<!channel> `code` & <https://evil.example|click> 🙂'.repeat(20), lines = [];
  for (let i = 0; i < 60; i++) {
    const more = { service: `s-${i} ${long}`, stage: `${i % 25} ${long}`, error_code: `code-${i} ${long}`, correlation_id: `c-${i}-${long}`, field: long, producer: long };
    for (const name of ['ingest', 'processor', 'query']) lines.push({ group: `/aws/lambda/fluxa-${name}`, message: { status: 'failure', ...more } }, { group: `/aws/lambda/fluxa-${name}`, message: `${i} panic: connection refused ${long}` });
    lines.push({ group: '/aws/lambda/fluxa-ingest', message: { ...more, status: 'failure', service: 'ingest', stage: 'validate' } });
  }
  await stack.world({ logs: lines });
  for (const text of ['errors', 'errors processor 1h', 'errors ingest stage=validate', 'logs ingest', 'logs processor 15m panic', 'logs query 15m no-such-text', 'log-schema']) await say('requester', text, /in the last|lines/);
  await keep('logs');
});

test('what asks about the instance, its payloads and its network', async () => {
  await stack.world({ s3: { buckets: { 'fluxa-payloads': { objects: { 'events/evt_1.json': [{ id: 'v1', body: 'a <b> & *c*', modified: '2026-11-21T09:15:04Z' }, { id: 'v2', body: 'other', modified: '2026-11-21T10:15:04Z' }] } } } } });
  for (const text of ['db health', 'db events 14d', 'db failover-check', 'db endpoint', 'backup check', 'backup s3', 'payload verify evt_1', 'payload versions evt_1', 'payload ingest-hash evt_1', 'net', 'aws-health'])
    await say('requester', text, /\S/);
  await keep('instance');
});

test('what goes into the archive, and what two persons decide', async (context) => {
  await stack.edit((text) => text.replace(/^( *)quarantine_bucket:/gm, '$1allow_dedupe: true\n$1allow_hash_override: true\n$&'));
  await restart(stack, 'SIGTERM');
  await stack.world({ send: Array.from({ length: 30 }, (_, i) => ({ queue: 'Fluxa-DLQ', body: `not JSON: ${i}` })) });
  const card = await request('dlq quarantine SchemaValidation max=30 reason="the *producer* is <mended>"');
  await stack.click('approver', card, 'approve');
  await becomes(card, /^Quarantine finished: 30 of 30/, 60000);
  const database = new pg.Client(stack.database);
  await database.connect();
  context.after(() => database.end());
  const ids = Array.from({ length: 35 }, (_, i) => `evt_${i}_${'x'.repeat(18)}`);
  await database.query("ALTER TABLE events DROP CONSTRAINT events_pkey");
  await database.query("INSERT INTO events SELECT id, 'u' || n FROM unnest($1::text[]) id, generate_series(1, 3) n", [ids]);
  await requestOfTwo(`idempotency dedupe ${ids.join(' ')} reason="stored *twice* & more"`);
  await say('requester', 'idempotency dedupe evt_none reason=why', /^Refused/);
  const hash = createHash('sha256').update('large').digest('hex');
  await stack.world({
    send: [{ queue: 'Fluxa-DLQ', body: { event_id: 'evt_large', correlation_id: 'c-large', payload: { s3_key: 'events/evt_large.json' }, payload_hash: hash } }],
    s3: { buckets: { 'fluxa-payloads': { objects: { 'events/evt_large.json': [{ id: 'v1', body: 'large', modified: '2026-11-21T09:15:04Z' }] } } } },
    logs: [{ group: '/aws/lambda/fluxa-ingest', message: { service: 'ingest', event_id: 'evt_large', payload_hash: hash } }],
  });
  await database.query("INSERT INTO idempotency_keys VALUES ('evt_large', 'failed', 3, 'HashMismatch', now())");
  const { message_id: id } = (await stack.get('world?messages=1')).queues.find(({ name }) => name === 'Fluxa-DLQ').messages.find(({ event_id: event }) => event === 'evt_large');
  await say('requester', `payload verify evt_large hash=${hash} message=${id}`, /MATCH/);
  await say('requester', `payload ingest-hash evt_large hash=${hash} message=${id}`, /Equal/);
  await requestOfTwo(`dlq override ${id} reason="an *older* version was read"`);
  await keep('archive-and-override');
});

test('every command there is was given', async () => {
  const folder = path.join(root, 'commands/fluxa');
  const files = (await readdir(folder)).filter((name) => name.endsWith('.yaml') && name !== 'system.yaml');
  const commands = await Promise.all(files.map(async (name) => /^command: (.*)$/m.exec(await readFile(path.join(folder, name), 'utf8'))[1]));
  assert.ok(commands.length >= 6);
  assert.deepEqual(commands.filter((command) => !given.some((text) => text === command || text.startsWith(`${command} `))), []);
});

test('a subscription is confirmed', async () => {
  await stack.world({ sns: { confirm: true } });
  await stack.until(() => stack.card(/Alarms are connected/), 'the subscription');
  await keep('subscription');
});

// Slack shows marks as they are when a letter or digit stands next to them.
test('bold text in mrkdwn ends where a word ends', () => {
  const texts = (json) => (json === null || typeof json !== 'object' ? [] : json.type === 'mrkdwn' ? [json.text] : Object.values(json).flatMap(texts));
  const all = Object.values(scenes).flat().flatMap(texts);
  const found = all.filter((text) => /(^|[\s(])\*[^*\n]+\*[\p{L}\p{N}]/u.test(text.replace(/`[^`\n]*`/g, '')));
  assert.ok(all.length > 50);
  assert.deepEqual(found, []);
});

test('nothing was refused for its blocks and sent as plain text instead', async () => {
  assert.deepEqual((await stack.log()).filter(({ event, key }) => event === 'slack.blocks_refused' || (event === 'outbox.failed' && !key.startsWith('page:')) || event === 'dialog.not_told'), []);
});

test('Slack\'s types and limits allow all of it, and the golden cards', async (context) => {
  const all = Object.values(scenes).flat();
  const { stdout } = await run(process.execPath, [path.join(root, 'tests/judges/slack_types/check.mjs'), artefacts], { maxBuffer: 64 << 20 }).catch((error) => assert.fail(`${error.stdout}\n${error.stderr}`));
  context.diagnostic(`${all.length} messages in ${Object.keys(scenes).length} scenes; check: ${stdout.trim().split('\n').at(-1)}`);
});
