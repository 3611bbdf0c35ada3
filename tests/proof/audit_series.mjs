// audit_series.mjs - many cases on one log: an untouched state must pass, the same state tampered with must not.
import { execFile } from 'node:child_process';
import { copyFile, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { build } from '../support/stack.mjs';
import { configure, hashOf, makeLog, sqlite } from './audit_log.mjs';
import { kinds, sealAs } from './audit_tamper.mjs';
import { Chance } from './chance.mjs';

const LANES_OF_EVIDENCE = ['own', 'copy', 'line', 'log'];

async function verify(program, at, outside) {
  const words = ['audit', 'verify', '--config', at.config, ...(outside ? ['--anchors', outside] : [])];
  try {
    const { stdout } = await promisify(execFile)(program, words);
    return { code: 0, text: stdout };
  } catch (failure) {
    return { code: failure.code ?? failure.signal, text: `${failure.stdout}${failure.stderr}` };
  }
}

async function place(at, database, anchors) {
  await Promise.all(['-wal', '-shm'].map((end) => rm(`${at.database}${end}`, { force: true })));
  await copyFile(database, at.database);
  await writeFile(at.own, anchors.map((line) => `${line}\n`).join(''));
}

// The head outside as it may be at hand: the bot's file, a copy of it, one line from Slack, the bot's log.
async function evidence(world, at, how, anchors) {
  if (how === 'own') return undefined;
  if (how === 'log') {
    const told = (await readFile(world.log, 'utf8')).split('\n').filter((line) => !line.includes('"audit.anchor"') || anchors.some((one) => line.includes(JSON.parse(one).signature)));
    await writeFile(at.outside, told.join('\n'));
  } else {
    const lines = how === 'line' ? anchors.slice(-1) : anchors;
    await writeFile(at.outside, lines.map((line) => `${line}\n`).join(''));
  }
  return at.outside;
}

const anchoredRow = (anchors) => JSON.parse(anchors.at(-1)).n;

// An untouched database with evidence that may be older than it is.
async function cleanCase(world, at, chance, program) {
  const later = chance.below(world.snapshots.length), how = chance.pick(LANES_OF_EVIDENCE);
  const state = world.snapshots[later];
  const anchors = how === 'own' ? state.anchors : world.snapshots[chance.below(later + 1)].anchors;
  await place(at, state.database, state.anchors);
  const { code, text } = await verify(program, at, await evidence(world, at, how, anchors));
  return code === 0 ? undefined : `an untouched log of ${state.rows.length} rows raised an alarm (${how}): ${text}`;
}

async function tamperedCase(world, at, chance, program, kind) {
  const state = world.snapshots[1 + chance.below(world.snapshots.length - 1)];
  const plan = kinds[kind]({ chance, rows: state.rows, anchors: state.anchors, anchored: anchoredRow(state.anchors), snapshots: world.snapshots });
  // who changes the bot's file is seen there; who changes rows is seen from everywhere
  const how = plan.anchors ? 'own' : chance.pick(LANES_OF_EVIDENCE);
  await place(at, plan.replace ?? state.database, plan.anchors ?? state.anchors);
  if (plan.sql) await sqlite(at.database, `BEGIN; ${plan.sql} COMMIT;`);
  const { code, text } = await verify(program, at, await evidence(world, at, how, state.anchors));
  const what = `${plan.what} (${how})`;
  if (code !== 1) return { what, problem: `${kind}: ${what}: not found, exit ${code}: ${text}` };
  if (!/row \d+|line \d+|holds no anchor/.test(text)) return { what, problem: `${kind}: ${what}: found, but nothing is named: ${text}` };
  if (plan.firstBad !== undefined && !text.startsWith(`row ${plan.firstBad} does not follow`)) return { what, problem: `${kind}: ${what}: row ${plan.firstBad} should be named: ${text}` };
  return { what };
}

// The tamperer of this proof must be able to do what the program does, or he proves nothing.
async function checkTools(world) {
  const { rows, anchors } = world.snapshots.at(-1);
  const odd = rows.find((row) => hashOf(row) !== row.hash);
  if (odd) throw new Error(`the proof cannot make the hash of row ${odd.n} as the program does`);
  const seal = sealAs(await readFile(world.key));
  if (anchors.some((line) => seal(line) !== line)) throw new Error('the proof cannot sign an anchor as the program does');
  if (rows.length <= anchoredRow(anchors)) throw new Error('the last snapshot has no rows behind its last anchor');
}

export async function series({ count, seed, from = 0, only, program = path.join(build, 'fluxabot'), quiet, verbose }) {
  const world = await makeLog();
  const names = Object.keys(kinds).filter((name) => !only || only.split(',').includes(name));
  const results = [];
  try {
    await checkTools(world);
    const at = await configure(world);
    console.log(`${world.snapshots.at(-1).rows.length} rows, ${world.snapshots.at(-1).anchors.length} anchors`);
    for (let number = from; number < from + count; number++) {
      const chance = new Chance(seed * 1000003 + number);
      const kind = names[number % names.length];
      const alarm = await cleanCase(world, at, chance, program);
      const result = await tamperedCase(world, at, chance, program, kind);
      const problem = alarm ?? result.problem;
      results.push({ kind, problem });
      if ((problem && !quiet) || verbose) console.log(`case ${number}: ${problem ?? `${kind}: ${result.what}`}`);
    }
  } finally {
    await world.stack.stop();
  }
  return results;
}
