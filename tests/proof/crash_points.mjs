// crash_points.mjs - the bot killed at each system call of each story: the places, a sample of them, one run at each.
import path from 'node:path';
import { judgeLedger } from './ledger.mjs';
import { Chance, mix } from './chance.mjs';
import { Keeper } from './keep.mjs';
import { Rig } from './rig.mjs';
import { stories } from './stories.mjs';
import { listCalls, placesOf, strike } from './strike.mjs';

const TOLD_EVERY = 250;
const SPARE_SHARE = 0.5; // more places of which a run has fewer calls than the one they were counted in

export const placeText = (place) => `${place.story} at ${place.thread}:${place.call}:${place.number}`;

async function judged(rig, name) {
  await rig.quiet();
  const story = stories[name], seen = await rig.seen({ mayFail: story.mayFail });
  const verdict = judgeLedger(seen);
  return { ...verdict, seen, problems: [...verdict.problems, ...(story.check?.(seen) ?? [])] };
}

// The calls of an undisturbed telling, which has to be good.
export async function listStory(rig, name) {
  let result;
  const made = await listCalls(rig.stack.process.pid, path.join(rig.stack.dir, 'calls'), async () => {
    await stories[name].tell(rig);
    result = await judged(rig, name);
  });
  if (result.problems.length > 0) throw new Error(`${name}, undisturbed: ${result.problems.join('; ')}`);
  return made;
}

export function placesIn(name, made, near) {
  const own = placesOf(made, near);
  console.log(`${name} (${stories[name].what}): ${own.length} places${near ? ` around ${near.text}` : ''}`);
  return own.map((place) => ({ story: name, ...place }));
}

// Evenly over all of them; the seed says where it begins.
export function sample(places, count, seed) {
  const start = new Chance(seed).next(), share = places.length / count;
  if (count >= places.length) return places;
  return Array.from({ length: count }, (_, i) => places[Math.floor((i + start) * share)]);
}

async function one(rig, place) {
  await rig.until(() => rig.stack.isReady(), 'the bot to be ready');
  const starts = rig.starts;
  const hit = await strike(rig.stack.process.pid, place, 'KILL');
  try {
    await stories[place.story].tell(rig);
    return { ...(await judged(rig, place.story)), killed: rig.starts > starts };
  } catch (failure) {
    const seen = await rig.seen().catch(() => undefined); // what it waited for in vain may have its reason in there
    return { problems: [failure.message, ...(seen ? judgeLedger(seen).problems : [])], seen, killed: rig.starts > starts, twice: 0, asking: 0 };
  } finally {
    await hit.stop();
  }
}

// What was found out about a place that was not reached says nothing: another one takes its turn, as long as there are some.
async function worker(rig, queue, spare, results, { keeper, enough, verbose }) {
  for (let place = queue.shift(); place !== undefined; place = queue.shift()) {
    const result = await one(rig, place);
    results.push(result);
    if (!isStruck(result) && spare.length > 0) queue.push(spare.shift());
    if (result.problems.length > 0) await keeper.keep(rig, `killed in ${placeText(place)}`, result.problems, result.seen);
    else if (verbose) console.log(`killed in ${placeText(place)}: good${result.killed ? '' : ', not reached'}`);
    if (results.length % TOLD_EVERY === 0) console.log(`${results.length} runs, ${results.filter((one) => one.problems.length > 0).length} failed, ${queue.length} to come`);
    if (enough?.(result)) queue.length = 0;
    delete result.seen;
  }
}

// Those that prove something: the bot died where it was meant to, or something went wrong.
export const isStruck = (result) => result.killed || result.problems.length > 0;

// The results of the runs, each { problems, killed, twice, asking }; `count` of them struck, unless there are no more places.
export async function crashPoints({ count, seed, store, stacks, names, near, place, program, enough, verbose }) {
  const rigs = await Promise.all(Array.from({ length: stacks }, () => Rig.start({ store, program, workers: 1 })));
  const results = [], keeper = new Keeper('crash', enough !== undefined);
  try {
    const places = place ? [place] : [];
    for (const name of place ? [] : names) places.push(...placesIn(name, await listStory(rigs[0], name), near));
    const queue = sample(places, count, mix(seed, 1)), chosen = new Set(queue), others = places.filter((one) => !chosen.has(one));
    const spare = enough ? [] : sample(others, Math.ceil(count * SPARE_SHARE), mix(seed, 9));
    console.log(`${queue.length} of ${places.length} places`);
    await Promise.all(rigs.map((rig) => worker(rig, queue, spare, results, { keeper, enough, verbose })));
  } catch (failure) { // a twin may be caught before anybody dies
    results.push({ problems: [failure.message] });
    if (!enough?.(results.at(-1))) throw failure;
  } finally {
    await Promise.all(rigs.map((rig) => rig.stop()));
  }
  return results;
}
