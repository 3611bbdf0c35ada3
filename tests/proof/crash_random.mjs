// crash_random.mjs - the bot killed at any moment while commands, alarms and clicks come in at once.
import { judgeLedger } from './ledger.mjs';
import { Chance, mix } from './chance.mjs';
import { Keeper } from './keep.mjs';
import { approver } from './people.mjs';
import { Rig, pause } from './rig.mjs';
import { newAlarm } from './stories.mjs';

const KILLS = 4; // in one run
const GAP_MS = 700; // between two of them, at most
const ALARMS = 2;
const CHOSEN = 12;

async function alarms(rig) {
  await Promise.all(Array.from({ length: ALARMS }, async (_, i) => {
    const name = newAlarm(`proof-${i}`), atMs = Date.now();
    await rig.people.alarm(name, 'ALARM', atMs);
    await rig.people.alarm(name, 'ALARM', atMs); // SNS delivers what it likes, as often as it likes
    await rig.people.alarm(name, 'OK', atMs + 1000);
  }));
}

// A run that the bot died at three times is left alone, before anybody was asked: that is an end with a name.
const LEFT_ALONE = /broke down \d+ times/;
const isLeftAlone = (run) => run.command === 'dlq redrive' && LEFT_ALONE.test(run.note);

// Several people press at once; one of them is first.
async function redrive(rig) {
  await rig.people.command('dlq redrive rate=500');
  const request = await rig.until(async () => (await rig.pending()) ?? (await rig.runs()).find(isLeftAlone), 'a request for approval');
  if (request.note) return;
  await Promise.all(Array.from({ length: 3 }, () => rig.people.click(approver, 'approve', request.id)));
}

async function chatter(rig, chance) {
  for (let i = 0; i < 12; i++) {
    await rig.people.command(chance.pick(['help', 'help dlq', 'nonsense', 'help dlq redrive']));
    await pause(chance.below(150));
  }
}

// Who is not there yet dies a moment later.
async function kills(rig, chance) {
  for (let i = 0; i < KILLS; i++) {
    await pause(chance.below(GAP_MS));
    await rig.until(async () => rig.kill(), 'a bot to be killed', undefined, 1);
  }
}

function check(seen) {
  const count = (action) => seen.audit.filter((row) => row.action === action).length;
  // one whose end was handled first, because of a kill in between, is told late, at once and once
  const late = count('incident.told_late'), opened = count('incident.opened') + late, closed = count('incident.closed') + late;
  const problems = [];
  if (opened !== ALARMS || closed !== ALARMS) problems.push(`${opened} incidents were opened and ${closed} closed by ${ALARMS} alarms, ${late} of them late`);
  const approved = count('approval.approved'), redrives = seen.runs.filter((run) => run.command === 'dlq redrive').length;
  const leftAlone = seen.runs.filter((run) => isLeftAlone(run) && !seen.approvals.some((one) => one.run === run.id)).length;
  if (approved !== redrives - leftAlone) problems.push(`${approved} approvals for ${redrives} redrives`);
  return problems;
}

async function one(rig, number, seed) {
  const chance = new Chance(mix(seed, 2, number));
  try {
    await rig.begins({ DBConnectionError: CHOSEN, HashMismatch: 3 });
    await Promise.all([alarms(rig), redrive(rig), chatter(rig, chance), kills(rig, chance)]);
    await rig.quiet();
    const seen = await rig.seen({ leftAlone: LEFT_ALONE }), verdict = judgeLedger(seen);
    return { ...verdict, seen, problems: [...verdict.problems, ...check(seen)] };
  } catch (failure) {
    return { problems: [failure.message], seen: await rig.seen().catch(() => undefined), twice: 0, asking: 0 };
  }
}

// Runs until there were `count` kills.
export async function crashRandom({ count, seed, store, stacks, from = 0, program, enough, verbose }) {
  const rigs = await Promise.all(Array.from({ length: stacks }, () => Rig.start({ store, program })));
  const results = [], keeper = new Keeper('crash', enough !== undefined);
  let next = from;
  const last = from + Math.ceil(count / KILLS);
  try {
    await Promise.all(rigs.map(async (rig) => {
      while (next < last) {
        const number = next++, result = await one(rig, number, seed);
        results.push({ ...result, killed: true, kills: KILLS, seen: undefined });
        if (result.problems.length > 0) await keeper.keep(rig, `random run ${number}`, result.problems, result.seen);
        else if (verbose) console.log(`random run ${number}: good`);
        if (enough?.(result)) next = last;
      }
    }));
  } finally {
    await Promise.all(rigs.map((rig) => rig.stop()));
  }
  return results;
}
