// power_series.mjs - requests are acknowledged, the power goes, and what was acknowledged is looked for.
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { Chance, mix } from './chance.mjs';
import { Keeper } from './keep.mjs';
import { Disk } from './power_disk.mjs';
import { Rig, pause } from './rig.mjs';

const execute = promisify(execFile);
const SENDERS = 4;
const LIGHT_MS = 500; // how long the power stays, at most, after the first acknowledgement
const ANSWERS_MS = 30; // for what stands in the sockets already
const JOB_DONE = 2;

async function onDisk(stack, disk) {
  await stack.edit((text) => text.replace(/sqlite:[^"]*/, `sqlite://${disk.at}/fluxabot.db`));
  await symlink(path.join(disk.at, 'fluxabot.db'), path.join(stack.dir, 'fluxabot.db')); // where stack.sql looks
}

async function stopped(pid) {
  process.kill(pid, 'SIGSTOP');
  while (!/\) T /.test(await readFile(`/proc/${pid}/stat`, 'utf8'))) await pause(1);
}

// Nobody says anything twice here: a request that got no answer was promised nothing.
async function speak(rig, chance) {
  for (let i = 0; !rig.people.silent; i++) await (chance.one(0.5) ? rig.people.command(`help ${i}`) : rig.people.alarm('fluxa-proof-power', i % 2 ? 'OK' : 'ALARM')).catch(() => {});
}

// The writer stands still first: what it acknowledged after the cut would be no loss.
async function cutPower(rig, disk) {
  const { stack } = rig;
  await stopped(stack.process.pid);
  await disk.cut();
  await pause(ANSWERS_MS);
  const acked = rig.people.said.filter((one) => one.acked);
  rig.people.silent = stack.down = true;
  await stack.killBot('SIGKILL');
  await disk.comeBack();
  return acked;
}

// A disk that lost even the tables lost every event.
const eventsLeft = (rig, acked) => rig.eventsOf(acked).catch((failure) => { if (/no such table/.test(failure.message)) return []; throw failure; });

async function one(rig, disk, chance) {
  const { stack } = rig, problems = [];
  await rig.until(() => stack.isReady(), 'the bot to be ready');
  await rig.begins({ HashMismatch: 1 });
  const speaking = Promise.all(Array.from({ length: SENDERS }, () => speak(rig, chance)));
  await rig.until(async () => rig.people.said.some((said) => said.acked), 'an acknowledgement', 120000, 5);
  await pause(chance.below(LIGHT_MS));
  const acked = await cutPower(rig, disk);
  await speaking;
  const { stdout } = await execute('sqlite3', [path.join(disk.at, 'fluxabot.db'), 'PRAGMA integrity_check']);
  if (stdout.trim() !== 'ok') problems.push(`the database is damaged: ${stdout.slice(0, 200)}`);
  const known = new Set((await eventsLeft(rig, acked)).map((event) => event.key));
  const lost = acked.filter((said) => !known.has(said.key));
  if (lost.length > 0) problems.push(`${lost.length} of ${acked.length} acknowledged events are lost`);
  stack.down = false;
  await rig.begin(stack, { wait: true });
  await rig.until(async () => (await rig.eventsOf(acked.filter((said) => known.has(said.key)))).every((event) => event.job === JOB_DONE), 'every event to be handled');
  const verified = await rig.verify();
  if (verified.code !== 0) problems.push(`the audit log does not verify: ${verified.text}`);
  return { problems, acked: acked.length, lost: lost.length, seen: { said: rig.people.said, lost } };
}

// `count` cuts of the power, each { problems, acked, lost }. Rejects with `unmountable` where there is no such disk.
export async function powerSeries({ count, seed, from = 0, program, enough, verbose }) {
  const dir = await mkdtemp(path.join(tmpdir(), 'fluxabot-power-')), results = [];
  const keeper = new Keeper('power', enough !== undefined);
  let disk, rig;
  try {
    disk = await Disk.make(dir).catch((failure) => { throw Object.assign(failure, { unmountable: true }); });
    rig = await Rig.start({ program, edit: (stack) => onDisk(stack, disk) });
    for (let number = from; number < from + count; number++) {
      const result = await one(rig, disk, new Chance(mix(seed, number))).catch((failure) => ({ problems: [failure.message], acked: 0, lost: 0 }));
      results.push(result);
      if (result.problems.length > 0) await keeper.keep(rig, `cut ${number}`, result.problems, result.seen);
      else if (verbose) console.log(`cut ${number}: good, ${result.acked} acknowledged`);
      if (enough?.(result) || rig.stack.down) break;
    }
  } finally {
    await rig?.stop();
    disk?.detach();
    await rm(dir, { recursive: true, force: true });
  }
  return results;
}
