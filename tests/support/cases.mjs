// cases.mjs - what the cases of one end-to-end test share: a fresh world each, and questions to the records.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { root } from './stack.mjs';

const run = promisify(execFile);
export const dlq = 'Fluxa-DLQ';
export const main = 'Fluxa-InputQueue';
export const MOST_DUPLICATES = 10; // one batch

// What waits for its time, or comes again and again, is no work in hand.
const TIMERS = "('expire', 'remind', 'reconcile', 'anchor', 'schedule')";
const SOON_MS = 3000;

// Waits until a bot that lives has done and told what it began.
export async function atRest(stack) {
  const busy = async () => {
    if (!stack.replicas.some((one) => one.process)) return 0;
    const soon = Date.now() + SOON_MS;
    const [row] = await stack.sql(`SELECT (SELECT count(*) FROM jobs WHERE state < 2 AND kind NOT IN ${TIMERS} AND due_ms < ${soon}) + (SELECT count(*) FROM outbox WHERE state < 2 AND due_ms < ${soon}) AS n`);
    return row.n;
  };
  await stack.until(async () => (await busy()) === 0, 'the bot to have done and told what it began');
}

// What would look again minutes after a redrive finds the same ids in the new world, takes them for come back, and
// locks their cause there; a request that waits reminds of itself there, a question
// whose evidence is looked for again is put anew because its card is gone, and a text that may be said once more finds
// its message gone. On a slow machine these minutes pass in the middle of a file.
async function forgetTheOldWorld(stack) {
  if (!stack.wasStarted) return; // the store has no tables yet
  await stack.execute("DELETE FROM jobs WHERE state = 0 AND kind NOT IN ('expire', 'reconcile', 'anchor', 'schedule'); " +
    `DELETE FROM outbox WHERE state = 0 AND NOT (${UNSAID}); DELETE FROM settings WHERE name LIKE 'step:%' OR name LIKE 'watch:%'`);
}

// A new world with these dead letters, no faults, everything reachable. What belongs to the old one is told there: a
// card that is late would be taken for an answer in the new one.
export async function freshWorld(stack, messages, more = {}) {
  await stack.post('fault', { clear: true });
  await atRest(stack);
  await forgetTheOldWorld(stack);
  return stack.world({ reset: true, messages, short_receives: 0, ...more });
}

export async function listing(stack, queue = dlq) {
  return (await stack.get('world?messages=1')).queues.find((one) => one.name === queue)?.messages ?? [];
}

// Of the outbox: what has not been said. A text that waits only to be said once more, when nothing older can arrive
// any more, has been.
export const UNSAID = 'state < 2 AND (late_ms = 0 OR due_ms < late_ms)';

export const sql = (stack, statement) => stack.sql(statement);

export async function postgres(stack, statement) {
  await run('psql', ['-q', stack.database, '-v', 'ON_ERROR_STOP=1', '-c', statement]);
}

// Jobs that are at work or about to be: what waits for its time (an expiry, a follow-up) is none of them.
export async function busyJobs(stack) {
  const [row] = await sql(stack, `SELECT count(*) AS n FROM jobs WHERE state < 2 AND kind <> 'expire' AND due_ms < ${Date.now() + 3000}`);
  return row.n;
}

// A command of Redis; its password is not among the arguments.
export async function redis(stack, ...words) {
  const password = (await readFile(path.join(stack.dir, 'secrets/redis_password'), 'utf8')).trim();
  const { stdout } = await run('redis-cli', ['-u', stack.redis, ...words], { env: { ...process.env, REDISCLI_AUTH: password } });
  return stdout.trim();
}

// Rows of every table that a refused request must leave alone.
export async function tableCounts(stack) {
  const tables = ['events', 'event_keys', 'jobs', 'runs', 'approvals', 'intents', 'incidents', 'outbox', 'storm_members', 'audit'];
  const [row] = await sql(stack, `SELECT ${tables.map((table) => `(SELECT count(*) FROM ${table}) AS ${table}`).join(', ')}`);
  return row;
}

// Effects from here on.
export async function watchEffects(stack) {
  const seen = (await stack.effects()).length;
  return async (operation) => (await stack.effects()).slice(seen).filter((effect) => !operation || effect.operation === operation);
}

// What that person was told in private from here on.
export async function watchPrivate(stack, user) {
  const known = new Set((await stack.private(user)).map((message) => message.ts));
  return (pattern, what) =>
    stack.until(async () => (await stack.private(user)).find((message) => !known.has(message.ts) && pattern.test(message.text)), what ?? `${user} to be told ${pattern}`);
}

// The answer to a command that stands in the channel.
export async function answerTo(stack, text, user = 'requester', timeoutMs = 30000) {
  const known = new Set((await stack.messages()).map((message) => message.ts));
  await stack.command(user, text);
  return stack.until(async () => (await stack.messages()).find((message) => !known.has(message.ts)), `an answer to ${text}`, timeoutMs);
}

export function edit(stack, change) {
  return stack.edit(change);
}

// Runbooks of this stack's own, which a test may edit.
export async function ownRunbooks(stack) {
  const commands = path.join(stack.dir, 'commands');
  await cp(path.join(root, 'commands'), commands, { recursive: true });
  await edit(stack, (text) => text.replace(path.join(root, 'commands'), commands));
  return path.join(commands, 'fluxa');
}

export async function restart(stack, signal = 'SIGKILL') {
  await stack.killBot(signal);
  await stack.startBot();
}

// The bot is killed when this click, the one that decides, was judged and before what it allows can begin: who runs a
// change is looked up again before it, and Slack does not answer.
export async function killedBefore(stack, click) {
  await stack.fault('slack:users.info', 'held', { after: 1 });
  await click();
  await stack.until(async () => (await stack.sql('SELECT state FROM approvals ORDER BY n DESC LIMIT 1'))[0].state === 1, 'the decision');
  await stack.killBot();
  await stack.post('fault', { clear: true });
  await stack.startBot();
}

// Of one redrive: nothing unsafe moved, nothing lost, at most one batch twice.
export async function judge(stack, before, effects) {
  const sends = await effects('SendMessage');
  const safe = new Set(before.filter((message) => message.cause === 'DBConnectionError').map((message) => message.body_sha256));
  const times = new Map();
  for (const send of sends) {
    assert.ok(safe.has(send.detail.body_sha256), `only safe messages are sent, not ${send.detail.event_id}`);
    times.set(send.detail.body_sha256, (times.get(send.detail.body_sha256) ?? 0) + 1);
  }
  const twice = [...times.values()].reduce((sum, count) => sum + count - 1, 0);
  assert.ok(twice <= MOST_DUPLICATES, `${twice} messages were sent again`);
  const left = await listing(stack);
  const leftBodies = new Set(left.map((message) => message.body_sha256));
  for (const message of before)
    if (!times.has(message.body_sha256) && !(await effects('StartMessageMoveTask')).length)
      assert.ok(leftBodies.has(message.body_sha256), `${message.message_id} is neither sent nor in the queue`);
  for (const message of before.filter((one) => one.cause !== 'DBConnectionError'))
    assert.ok(leftBodies.has(message.body_sha256), `the ${message.cause} message ${message.message_id} has left the queue`);
  return { sent: times.size, twice, left: left.length };
}
