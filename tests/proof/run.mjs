// run.mjs - one redrive from alarm to card, and the process that dies in the middle of it.
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { MAIN, DEAD } from './judge.mjs';
import { Chance, mix } from './chance.mjs';

const execute = promisify(execFile);
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const ALARM = 'fluxa-dlq-depth-dev';
const SLOW_MS = 3000; // what the sandbox calls slow
const LIFE_MS = { fast: 1800, usual: 8000 }; // of a redrive nobody disturbs
const EFFECTS = 120; // 60 sends and 60 deletes
const BATCH = 10; // after so many more effects a batch is sent and not deleted

// What will happen in run number `number`: only the seed decides.
export function planRun(seed, number, killShare) {
  const chance = new Chance(mix(seed, number));
  const usual = [4, 13].includes(number % 20);
  const plan = { number, world: mix(seed, number, 0) % 1000000, text: usual ? '/fluxa dlq redrive' : '/fluxa dlq redrive rate=500', kills: [] };
  const life = usual ? LIFE_MS.usual : LIFE_MS.fast;
  if (Math.floor((number + 1) * killShare) > Math.floor(number * killShare)) {
    const where = chance.next();
    if (where < 0.3) plan.kills.push({ how: 'moment', ms: chance.below(life) });
    else if (where < 0.55) plan.kills.push({ how: 'effect', count: 2 * BATCH * chance.below(6) + BATCH, ms: chance.below(8) });
    else if (where < 0.75) plan.kills.push({ how: 'effect', count: 1 + chance.below(EFFECTS - 1), ms: chance.below(15) });
    else plan.kills.push({ how: 'slow', call: chance.pick(['SendMessageBatch', 'SendMessageBatch', 'DeleteMessageBatch', 'ReceiveMessage']), count: 20 * chance.below(6), ms: chance.below(SLOW_MS + 500) });
    if (chance.one(0.3)) plan.kills.push({ how: 'moment', ms: chance.below(life) });
  } else if (chance.one(0.3)) {
    plan.trouble = { call: chance.pick(['SendMessageBatch', 'DeleteMessageBatch']), kind: chance.pick(['timeout_after', 'timeout_before', '5xx', '429']), count: 20 * chance.below(6) };
  }
  return plan;
}

export function planText(plan) {
  const kills = plan.kills.map((kill) => (kill.how === 'moment' ? `${kill.ms} ms` : kill.how === 'effect' ? `effect ${kill.count} + ${kill.ms} ms` : `slow ${kill.call} after effect ${kill.count} + ${kill.ms} ms`));
  const trouble = plan.trouble ? `${plan.trouble.kind} ${plan.trouble.call} after effect ${plan.trouble.count}` : '';
  return [kills.length > 0 ? `killed at ${kills.join(', then ')}` : '', trouble].filter(Boolean).join('; ') || 'undisturbed';
}

const effectsOf = async (stack) => (await stack.get('world')).effects;
const queueOf = (world, name) => world.queues.find((queue) => name.test(queue.arn));

// Ends early when the run is over first: a moment past the end is a moment too.
async function reach(stack, count, isOver) {
  while ((await effectsOf(stack)) < count && !isOver()) await pause(2);
}

async function kill(stack, kill, base, isOver, program) {
  if (kill.how === 'effect') await reach(stack, base + kill.count, isOver);
  if (kill.how === 'slow') {
    await reach(stack, base + kill.count, isOver);
    await stack.fault(`sqs:${kill.call}`, 'slow');
  }
  await pause(kill.ms);
  await stack.killBot('SIGKILL');
  await stack.startBot({ wait: false, program });
}

async function disturb(stack, plan, base, isOver, program) {
  if (plan.trouble) {
    await reach(stack, base + plan.trouble.count, isOver);
    await stack.fault(`sqs:${plan.trouble.call}`, plan.trouble.kind);
  }
  for (const one of plan.kills) await kill(stack, one, base, isOver, program);
}

async function sqlite(stack, statement) {
  const { stdout } = await execute('sqlite3', ['-readonly', '-json', '-cmd', '.timeout 60000', path.join(stack.dir, 'fluxabot.db'), statement], { maxBuffer: 64 << 20 });
  return stdout.trim() === '' ? [] : JSON.parse(stdout);
}

async function intents(stack, sinceMs) {
  const rows = await sqlite(stack, `select i.* from intents i join runs r on r.id = i.run where r.command = 'dlq redrive' and r.created_ms >= ${sinceMs}`);
  return rows.map((row) => ({ ids: JSON.parse(row.what_json).ids ?? [], setMs: row.set_ms, settled: row.state !== 0, doubted: row.outcome_json.includes('"unknown"') }));
}

async function databaseRows(stack) {
  const statement = "select coalesce(json_agg(json_build_object('event_id', k.event_id, 'status', k.status, 'events', (select count(*) from events e where e.event_id = k.event_id))), '[]') from idempotency_keys k";
  const { stdout } = await execute('psql', ['-qAt', stack.database, '-c', statement], { maxBuffer: 64 << 20 });
  return JSON.parse(stdout);
}

async function verifyAudit(stack, program) {
  try {
    const { stdout } = await execute(program, ['audit', 'verify', '--config', stack.config]);
    return { code: 0, text: stdout.trim() };
  } catch (failure) {
    return { code: failure.code, text: `${failure.stdout}${failure.stderr}`.trim() };
  }
}

// All has come to rest: no request of a dead process is still under way, the main queue is empty.
async function settle(stack, plan, lastKillMs) {
  if (plan.kills.some((kill) => kill.how === 'slow')) await pause(Math.max(0, lastKillMs + SLOW_MS + 500 - Date.now()));
  await stack.until(async () => {
    const main = queueOf(await stack.get('world'), MAIN);
    return main.visible + main.in_flight + main.delayed === 0;
  }, 'the main queue to be empty', 30000, 20);
}

// Returns what the judge wants to see, and how long it took from the approval to the card.
export async function runOnce(stack, plan, program) {
  await stack.post('fault', { clear: true });
  await stack.world({ reset: true, seed: plan.world });
  const world = await stack.get('world?messages=1');
  const startedMs = Date.now(), base = world.effects;
  await stack.alarm(ALARM, 'ALARM');
  await stack.until(() => stack.card(/is in alarm/), 'the alarm card', 20000, 10);
  const asked = await stack.askRedrive(plan.text);
  if (!/approv/i.test(asked.text)) throw new Error(`no approval was asked for: ${asked.text}`);
  const began = Date.now();
  let over = false, lastKillMs = 0;
  await stack.click('approver', asked, 'approve');
  const disturbed = disturb(stack, plan, base, () => over, program).finally(() => (lastKillMs = Date.now()));
  const ended = stack.ending(asked, 60000).finally(() => (over = true));
  const [, card] = await Promise.all([disturbed, ended]);
  const tookMs = Date.now() - began;
  await settle(stack, plan, lastKillMs);
  const now = await stack.get('world?messages=1');
  const seen = {
    before: queueOf(world, DEAD).messages, after: queueOf(now, DEAD).messages, processed: now.processed, card: card.text,
    effects: await stack.get(`effects?since=${base}`), intents: await intents(stack, startedMs), rows: await databaseRows(stack), audit: await verifyAudit(stack, program),
  };
  return { seen, tookMs };
}
