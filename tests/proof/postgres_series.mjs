// postgres_series.mjs - jobs by the thousand while PostgreSQL dies again and again, and Redis forgets or dies, too.
import { spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { UNSAID, redis } from '../support/cases.mjs';
import { Chance, mix } from './chance.mjs';
import { Keeper } from './keep.mjs';
import { RUN, judgeLedger } from './ledger.mjs';
import { approver } from './people.mjs';
import { PostgresServer } from './postgres_server.mjs';
import { Rig, pause } from './rig.mjs';

const SENDERS = 8;
const ALARMS = 4; // names; each is one incident, told again and again: Slack takes one new post a second
const ALARM_SHARE = 0.1;
const GAP_MS = { least: 300, most: 1700 }; // between two deaths of PostgreSQL
const MEAN_GAP_MS = (GAP_MS.least + GAP_MS.most) / 2;
const REDIS_MS = 3000;
const BLOWS = 3, BLOWS_AT_A_TWIN = 30; // right after an acknowledgement; what a twin loses depends on when the log is written
const JOBS_PER_BLOW = 5;
const EPHEMERAL = 1; // a message of the outbox that one person sees

async function send(rig, chance, left) {
  while (left.count-- > 0) {
    if (chance.one(ALARM_SHARE)) await rig.people.alarm(`fluxa-proof-${chance.below(ALARMS)}`, 'ALARM');
    else await rig.people.command(chance.pick(['help', 'help dlq', 'help alarms']));
  }
}

// A change lives through all of this as well, from the question to its first message.
async function redrive(rig) {
  await rig.people.command('dlq redrive rate=5');
  const request = await rig.until(() => rig.pending(), 'a request for approval');
  await rig.people.click(approver, 'approve', request.id);
  await rig.until(async () => (await rig.sql(`SELECT n FROM intents WHERE run = '${request.run}'`)).length > 0 || (await rig.runs(`id = '${request.run}' AND state >= ${RUN.asking}`)).length > 0, 'the redrive to begin');
}

// One that was not made is told, and not counted.
async function trouble(counts, name, make) {
  try {
    if ((await make()) !== false) counts[name]++;
  } catch (failure) {
    console.log(`no ${name}: ${failure.message}`);
  }
}

// So much has to have happened meanwhile, or nothing is proven: a tenth of what there was time for.
function missing(counts, tookMs) {
  const least = { crashes: tookMs / MEAN_GAP_MS / 2 / 10, kills: tookMs / MEAN_GAP_MS / 2 / 10, wipes: tookMs / REDIS_MS / 2 / 10, deaths: tookMs / REDIS_MS / 2 / 10 };
  return Object.entries(least).filter(([name, few]) => counts[name] < Math.floor(few)).map(([name, few]) => `only ${counts[name]} ${name}, and ${Math.floor(few)} were to be expected`);
}

async function troublePostgres(server, chance, counts, isOver) {
  while (!isOver()) {
    await pause(GAP_MS.least + chance.below(GAP_MS.most - GAP_MS.least));
    if (isOver()) break;
    const [name, make] = chance.one(0.5) ? ['crashes', () => server.crash()] : ['kills', () => server.killChild((children) => chance.pick(children))];
    await trouble(counts, name, make);
  }
}

async function restartRedis(stack) {
  const file = path.join(stack.dir, 'redis.pid');
  process.kill(Number(await readFile(file, 'utf8')), 'SIGKILL');
  const again = spawn('redis-server', [path.join(stack.dir, 'secrets/redis.conf')], { stdio: 'ignore', detached: true });
  await writeFile(file, String(again.pid));
  again.unref();
}

async function troubleRedis(stack, chance, counts, isOver) {
  while (!isOver()) {
    for (let waited = 0; waited < REDIS_MS && !isOver(); waited += 100) await pause(100);
    if (isOver()) break;
    await (chance.one(0.5) ? trouble(counts, 'wipes', () => redis(stack, 'FLUSHALL')) : trouble(counts, 'deaths', () => restartRedis(stack)));
  }
}

const toldBefore = async (rig) => (await rig.sql(`SELECT count(*) AS told FROM outbox WHERE kind = ${EPHEMERAL}`))[0].told;

// Each command left one message, written with the end of its job; each alarm was counted.
async function judgeOnce(rig, before, seen, problems) {
  const [row] = await rig.sql(`SELECT (SELECT count(*) FROM outbox WHERE kind = ${EPHEMERAL}) AS told, (SELECT count(*) FROM jobs WHERE kind = 'event') AS jobs, (SELECT count(*) FROM events) AS events, (SELECT count(*) FROM jobs WHERE state = 3) AS quarantined, (SELECT count(*) FROM incidents) AS incidents`);
  const known = new Set(seen.events.map((event) => event.key));
  const commands = seen.said.filter((one) => known.has(one.key) && /^\/fluxa help/.test(one.what)).length;
  if (row.told - before !== commands) problems.push(`${commands} questions for help were answered ${row.told - before} times`);
  if (row.jobs !== row.events) problems.push(`${row.jobs} jobs for ${row.events} events`);
  if (row.quarantined > 0) problems.push(`${row.quarantined} jobs were given up`);
  const names = new Set(seen.said.filter((one) => one.alarm && known.has(one.key)).map((one) => one.alarm)).size;
  if (row.incidents !== names) problems.push(`${row.incidents} incidents for ${names} alarms`);
}

// Slack takes one private answer a second, which would be hours: that each was written is judged by its row.
async function judged(rig, before, counts) {
  rig.unsaid = `(${UNSAID}) AND kind <> ${EPHEMERAL}`;
  await rig.quiet();
  const seen = await rig.seen(), verdict = judgeLedger(seen), problems = [...verdict.problems];
  await judgeOnce(rig, before, seen, problems);
  return { ...verdict, problems, seen, counts };
}

// A commit that does not wait for the disk is lost only by a blow that comes before the log is written anyway. So the
// first ones are dealt as soon as everything that was said has its 2xx.
async function blows(rig, server, left, counts, seed, isTwin) {
  await rig.begins({ HashMismatch: 1 });
  const before = await toldBefore(rig);
  for (let i = 0; i < (isTwin ? BLOWS_AT_A_TWIN : BLOWS) && left.count > 0; i++) {
    const jobs = Math.min(JOBS_PER_BLOW, left.count);
    left.count -= jobs;
    await Promise.all(Array.from({ length: jobs }, () => rig.people.command('help')));
    await server.crash();
    counts.crashes++;
  }
  return judged(rig, before, counts);
}

async function storm(rig, server, left, counts, seed) {
  const chance = new Chance(mix(seed, 6));
  let over = false;
  const isOver = () => over;
  await rig.begins({ DBConnectionError: 30, HashMismatch: 5 });
  const before = await toldBefore(rig), beganMs = Date.now();
  const troubles = [troublePostgres(server, new Chance(mix(seed, 7)), counts, isOver), troubleRedis(rig.stack, new Chance(mix(seed, 8)), counts, isOver)];
  try {
    await Promise.all([redrive(rig), ...Array.from({ length: SENDERS }, () => send(rig, chance, left))]);
  } finally {
    over = true;
    await Promise.all(troubles);
    await server.revive();
  }
  const short = missing(counts, Date.now() - beganMs), result = await judged(rig, before, counts);
  return { ...result, problems: [...result.problems, ...short] };
}

// Whoever waited in vain: what was acknowledged is judged all the same, it may be the reason.
async function failed(rig, failure, counts) {
  const seen = await rig.seen().catch(() => undefined);
  return { problems: [failure.message, ...(seen ? judgeLedger(seen).problems : [])], counts, seen };
}

async function ownServer(stack, server) {
  const fluxa = stack.database;
  stack.database = server.url;
  await stack.moveToPostgres();
  stack.database = fluxa;
}

// Blows, then a storm, of `count` jobs in all: [{ problems, counts, said, acked, asking, twice }], one for each.
export async function postgresSeries({ count, seed, program, enough }) {
  const server = await PostgresServer.make(), keeper = new Keeper('postgres', enough !== undefined);
  const left = { count }, results = [];
  let rig;
  try {
    rig = await Rig.start({ program, edit: (stack) => ownServer(stack, server) });
    for (const [name, part] of [['blows', blows], ['storm', storm]]) {
      const counts = { crashes: 0, kills: 0, wipes: 0, deaths: 0 };
      const result = await part(rig, server, left, counts, seed, enough !== undefined).catch((failure) => failed(rig, failure, counts));
      if (result.problems.length > 0) await keeper.keep(rig, `${name} ${seed}`, result.problems, result.seen);
      results.push({ ...result, said: result.seen?.said.length ?? 0, acked: result.seen?.said.filter((one) => one.acked).length ?? 0, seen: undefined });
      if (left.count <= 0 || enough?.(result)) break;
    }
    return results;
  } finally {
    await rig?.stop();
    await server.stop();
  }
}
