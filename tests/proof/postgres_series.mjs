// postgres_series.mjs - jobs by the thousand while PostgreSQL dies again and again, and Redis forgets or dies, too.
import { spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { redis } from '../support/cases.mjs';
import { Chance, mix } from './chance.mjs';
import { Keeper } from './keep.mjs';
import { judgeLedger } from './ledger.mjs';
import { approver } from './people.mjs';
import { PostgresServer } from './postgres_server.mjs';
import { Rig, pause } from './rig.mjs';

const SENDERS = 8;
const ALARMS = 4; // names; each is one incident, told again and again: Slack takes one new post a second
const ALARM_SHARE = 0.1;
const GAP_MS = { least: 300, most: 1700 }; // between two deaths of PostgreSQL
const REDIS_MS = 3000;
const EPHEMERAL = 1; // a message of the outbox that one person sees

async function send(rig, chance, left) {
  while (left.count-- > 0) {
    if (chance.one(ALARM_SHARE)) await rig.people.alarm(`fluxa-proof-${chance.below(ALARMS)}`, 'ALARM');
    else await rig.people.command(chance.pick(['help', 'help dlq', 'help alarms']));
  }
}

// A change lives through all of this as well.
async function redrive(rig) {
  await rig.people.command('dlq redrive rate=5');
  const request = await rig.until(() => rig.pending(), 'a request for approval');
  await rig.people.click(approver, 'approve', request.id);
}

async function troublePostgres(server, chance, counts, isOver) {
  while (!isOver()) {
    await pause(GAP_MS.least + chance.below(GAP_MS.most - GAP_MS.least));
    if (isOver()) break;
    if (chance.one(0.5)) {
      await server.crash().then(() => counts.crashes++, () => {});
    } else {
      await server.killChild((children) => chance.pick(children)).then(() => counts.kills++, () => {});
    }
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
    await (chance.one(0.5) ? redis(stack, 'FLUSHALL') : restartRedis(stack)).then(() => counts.redis++, () => {});
  }
}

// Each command left one message, written with the end of its job; each alarm was counted.
async function judgeOnce(rig, seen, problems) {
  const [row] = await rig.sql(`SELECT (SELECT count(*) FROM outbox WHERE kind = ${EPHEMERAL}) AS told, (SELECT count(*) FROM jobs WHERE kind = 'event') AS jobs, (SELECT count(*) FROM events) AS events, (SELECT count(*) FROM jobs WHERE state = 3) AS quarantined, (SELECT count(*) FROM incidents) AS incidents`);
  const known = new Set(seen.events.map((event) => event.key));
  const commands = seen.said.filter((one) => known.has(one.key) && /^\/fluxa help/.test(one.what)).length;
  if (row.told !== commands) problems.push(`${commands} questions for help were answered ${row.told} times`);
  if (row.jobs !== row.events) problems.push(`${row.jobs} jobs for ${row.events} events`);
  if (row.quarantined > 0) problems.push(`${row.quarantined} jobs were given up`);
  const names = new Set(seen.said.filter((one) => one.alarm && known.has(one.key)).map((one) => one.alarm)).size;
  if (row.incidents !== names) problems.push(`${row.incidents} incidents for ${names} alarms`);
}

async function storm(rig, server, count, seed) {
  const chance = new Chance(mix(seed, 6)), counts = { crashes: 0, kills: 0, redis: 0 }, left = { count };
  let over = false;
  const isOver = () => over;
  await rig.begins({ DBConnectionError: 30, HashMismatch: 5 });
  const trouble = [troublePostgres(server, new Chance(mix(seed, 7)), counts, isOver), troubleRedis(rig.stack, new Chance(mix(seed, 8)), counts, isOver)];
  try {
    await Promise.all([redrive(rig), ...Array.from({ length: SENDERS }, () => send(rig, chance, left))]);
  } finally {
    over = true;
    await Promise.all(trouble);
    await server.revive();
  }
  await rig.quiet();
  const seen = await rig.seen(), verdict = judgeLedger(seen), problems = [...verdict.problems];
  await judgeOnce(rig, seen, problems);
  return { ...verdict, problems, seen, counts };
}

async function ownServer(stack, server) {
  const fluxa = stack.database;
  stack.database = server.url;
  await stack.moveToPostgres();
  stack.database = fluxa;
}

// One storm of `count` jobs: [{ problems, counts, said, asking, twice }].
export async function postgresSeries({ count, seed, program, enough }) {
  const server = await PostgresServer.make(), keeper = new Keeper('postgres', enough !== undefined);
  let rig;
  try {
    rig = await Rig.start({ program, edit: (stack) => ownServer(stack, server) });
    const result = await storm(rig, server, count, seed).catch(async (failure) => ({ problems: [failure.message], counts: {}, seen: await rig.seen().catch(() => undefined) }));
    if (result.problems.length > 0) await keeper.keep(rig, `storm ${seed}`, result.problems, result.seen);
    return [{ ...result, said: result.seen?.said.length ?? 0, acked: result.seen?.said.filter((one) => one.acked).length ?? 0, seen: undefined }];
  } finally {
    await rig?.stop();
    await server.stop();
  }
}
