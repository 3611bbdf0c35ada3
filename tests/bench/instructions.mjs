// instructions.mjs - how many instructions of its own a request costs the receiver. Unlike times they repeat within a
// few per cent on a busy machine, so they are what a change is judged by.
//
// Counted by the processor (perf) where it may, otherwise by valgrind, which plays a processor without the newest
// instructions: its SHA-256 takes ten times as many, so its counts are the higher ones.
import { execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { load, startBot, writeRequests } from './receiver.mjs';
import { pause } from './measure.mjs';

const FEW = 300, MANY = 1500, COUNTED = 8000;

// glibc's string functions use one instruction that counts as one per byte in valgrind; these make them use loops.
const plainLoops = 'GLIBC_TUNABLES=glibc.cpu.x86_rep_stosb_threshold=100000000:glibc.cpu.x86_rep_movsb_threshold=100000000';

function answers(program, args) {
  try {
    return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  } catch {
    return undefined;
  }
}

// 'perf', 'valgrind', or undefined.
export function counter() {
  const counted = answers('sh', ['-c', 'LC_ALL=C perf stat -x, -e instructions:u true 2>&1']);
  if (counted && /^\d+,/m.test(counted)) return 'perf';
  return answers('valgrind', ['--version']) ? 'valgrind' : undefined;
}

async function byPerf(place, make, how) {
  const requests = await writeRequests(place, 'counted', Array.from({ length: FEW + COUNTED }, (_, i) => make(i)));
  const bot = await startBot(place, 'counted', how);
  try {
    await load(bot, requests, FEW, how);
    const perf = spawn('perf', ['stat', '-x,', '-e', 'instructions:u', '-p', String(bot.pid)], { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, LC_ALL: 'C' } });
    let told = '';
    perf.stderr.on('data', (text) => (told += text));
    await pause(500); // until it is attached; it says nothing when it is
    await load(bot, requests, COUNTED, how);
    perf.kill('SIGINT');
    await new Promise((done) => perf.on('exit', done));
    return Number(/^(\d+),/m.exec(told)[1]) / COUNTED;
  } finally {
    await bot.stop();
  }
}

// What the whole program took for so many requests, its start and end included.
async function wholeRun(place, make, how, count) {
  const name = `counted-${count}`;
  const requests = await writeRequests(place, name, Array.from({ length: count }, (_, i) => make(i)));
  const under = ['env', plainLoops, 'valgrind', '--tool=callgrind', '--fair-sched=yes', '--callgrind-out-file=/dev/null'];
  const bot = await startBot(place, name, { ...how, under });
  try {
    await load({ ...bot, counted: true }, requests, count, how);
  } finally {
    await bot.stop();
  }
  return Number(/Collected : (\d+)/.exec(readFileSync(bot.log, 'utf8'))[1]);
}

async function byValgrind(place, make, how) {
  const few = await wholeRun(place, make, how, FEW), many = await wholeRun(place, make, how, MANY);
  return (many - few) / (MANY - FEW);
}

// make(number) gives the bytes of a request; how as for startBot and load.
export function instructionsPerRequest(place, make, how = {}) {
  return (counter() === 'perf' ? byPerf : byValgrind)(place, make, how);
}
