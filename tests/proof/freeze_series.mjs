// freeze_series.mjs - of two bots on one PostgreSQL the one at work stands still, past its lease, and goes on.
import { readFile } from 'node:fs/promises';
import { Chance, mix } from './chance.mjs';
import { listStory, placesIn, sample } from './crash_points.mjs';
import { Keeper } from './keep.mjs';
import { judgeLedger } from './ledger.mjs';
import { Rig, pause } from './rig.mjs';
import { stories } from './stories.mjs';
import { strike, threadsOf } from './strike.mjs';

const WORKER = '6'; // which of its threads, behind the four that send; see strike.mjs
// From the commit of the intent over the change to that of its outcome.
const around = (text) => ({ text, before: 24, after: 24 });
const CHANGES = { selective: around('AmazonSQS.SendMessageBatch'), task: around('AmazonSQS.StartMessageMoveTask') };
const FUTEX = '202'; // a worker with nothing to do waits in it
const SPARE_SHARE = 0.5; // more plans, for freezes that do not come because a run has fewer calls than the one they were counted in
const IDLE_LOOKS = 10, LOOK_MS = 30;

const isStopped = async (pid) => /\) [Tt] /.test(await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ''));

async function workerRests({ process: { pid } }) {
  const thread = threadsOf(pid)[Number(WORKER)];
  return (await readFile(`/proc/${pid}/task/${thread}/syscall`, 'utf8')).startsWith(`${FUTEX} `);
}

// What the thawed one had in hand it has done, or was told that it may not.
async function hasCaughtUp(one) {
  for (let looks = 0; looks < IDLE_LOOKS; looks++) {
    if (!(await workerRests(one))) return false;
    await pause(LOOK_MS);
  }
  return true;
}

// What a connection says for the first time it says at greater length: counted is a second telling.
async function warm(rig, names) {
  for (const one of rig.stack.replicas) {
    await standStill(rig, other(rig, one));
    for (const name of names) {
      await stories[name].tell(rig);
      await rig.quiet();
    }
    goOn(other(rig, one));
  }
}

// Half of the places lie around a change, the others anywhere in the worker.
async function plansOf(rig, names, count, seed) {
  const near = [], anywhere = [];
  const own = (places) => places.filter((place) => place.thread === WORKER);
  await standStill(rig, rig.stack.replicas[1]);
  for (const name of names) {
    const made = await listStory(rig, name);
    near.push(...own(placesIn(name, made, CHANGES[name])));
    anywhere.push(...own(placesIn(name, made)));
  }
  goOn(rig.stack.replicas[1]);
  const half = Math.ceil(count / 2), changes = sample(near, half, mix(seed, 3));
  const all = [...Array.from({ length: half }, (_, i) => changes[i % changes.length]), ...sample(anywhere, count - half, mix(seed, 4))];
  const chance = new Chance(mix(seed, 5));
  return all.map((place, number) => ({ number, place, leases: 1 + 2 * chance.next(), turn: number % 2 }));
}

const planText = (plan) => `freeze ${plan.number}: ${plan.place.story} at ${plan.place.thread}:${plan.place.call}:${plan.place.number} for ${plan.leases.toFixed(1)} leases`;

const other = (rig, one) => rig.stack.replicas[1 - rig.stack.replicas.indexOf(one)];

// With nothing in hand: it neither has nor takes a job.
async function standStill(rig, one) {
  await rig.until(() => one.isReady(), 'a bot to be ready');
  await rig.until(() => hasCaughtUp(one), 'a bot to be at rest');
  one.frozen = true;
  one.process.kill('SIGSTOP');
}

function goOn(one) {
  one.process.kill('SIGCONT');
  one.frozen = false;
}

// The other bot goes on in the moment when the first one stands still; before, it cannot take the work away.
async function freeze(rig, first, plan, leaseMs, isOver) {
  const { pid } = first.process, hit = await strike(pid, plan.place, 'STOP');
  try {
    while (!isOver() && !(await isStopped(pid))) await pause(2);
  } finally {
    await hit.stop();
  }
  const wasFrozen = await isStopped(pid);
  goOn(other(rig, first));
  if (!wasFrozen) return false;
  first.frozen = true;
  first.process.kill('SIGSTOP'); // whatever strace has left
  await pause(plan.leases * leaseMs);
  goOn(first);
  return true;
}

async function one(rig, plan, leaseMs) {
  const first = rig.stack.replicas[plan.turn];
  let over = false, frozen = Promise.resolve();
  try {
    await rig.until(() => first.isReady(), 'a bot to be ready');
    await standStill(rig, other(rig, first));
    frozen = freeze(rig, first, plan, leaseMs, () => over);
    await stories[plan.place.story].tell(rig).finally(() => (over = true));
    const wasFrozen = await frozen;
    await rig.until(() => hasCaughtUp(first), 'the thawed bot to catch up');
    await rig.quiet();
    const seen = await rig.seen();
    return { ...judgeLedger(seen), seen, frozen: wasFrozen };
  } catch (failure) {
    await frozen.catch(() => {});
    rig.stack.replicas.forEach(goOn);
    return { problems: [failure.message], seen: await rig.seen().catch(() => undefined), twice: 0, asking: 0, frozen: false };
  }
}

// A freeze that did not come says nothing: another plan takes its turn.
async function worker(rig, queue, spare, results, { leaseMs, keeper, enough, verbose }) {
  for (let plan = queue.shift(); plan !== undefined; plan = queue.shift()) {
    const result = await one(rig, plan, leaseMs);
    results.push({ ...result, seen: undefined });
    if (!isFrozen(result) && spare.length > 0) queue.push(spare.shift());
    if (result.problems.length > 0) await keeper.keep(rig, planText(plan), result.problems, result.seen);
    else if (verbose) console.log(`${planText(plan)}: good${result.frozen ? '' : ', not reached'}`);
    if (enough?.(result)) queue.length = 0;
  }
}

// Those that prove something: one stood still, or something went wrong.
export const isFrozen = (result) => result.frozen || result.problems.length > 0;

// The results of the runs, each { problems, frozen, twice, asking }; `count` of them frozen, unless too many were not.
export async function freezeSeries({ count, seed, names = Object.keys(CHANGES), stacks, leaseMs, program, enough, verbose }) {
  const rigs = await Promise.all(Array.from({ length: stacks }, () => Rig.start({ store: 'postgres', replicas: 2, workers: 1, program })));
  const results = [], keeper = new Keeper('freeze', enough !== undefined);
  try {
    await Promise.all(rigs.map((rig) => warm(rig, names)));
    const plans = await plansOf(rigs[0], names, enough ? count : Math.ceil(count * (1 + SPARE_SHARE)), seed);
    const queue = plans.filter((_, i) => Math.floor(((i + 1) * count) / plans.length) > Math.floor((i * count) / plans.length)), spare = plans.filter((plan) => !queue.includes(plan));
    await Promise.all(rigs.map((rig) => worker(rig, queue, spare, results, { leaseMs, keeper, enough, verbose })));
  } finally {
    await Promise.all(rigs.map((rig) => rig.stop()));
  }
  return results;
}
