// instructions.mjs - how many instructions of its own a request costs the receiver. Unlike times they repeat within a
// few per cent on a busy machine, so they are what a change is judged by.
//
// Counted by the processor (perf) where it may, otherwise by valgrind. That plays a processor without instructions for
// SHA-256, so a signature takes it four times what it takes here: in its place stands what bench_signature counts, step
// by step, of the same code on this processor. (Where OpenSSL is told not to use these instructions, steps and valgrind
// count the same.) valgrind also sees a cleared page as a loop, where a processor counts one instruction.
import { execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { build } from '../support/stack.mjs';
import { load, startBot, writeRequests } from './receiver.mjs';
import { pause } from './measure.mjs';

const FEW = 300, MANY = 1500, COUNTED = 8000, FEW_SIGNATURES = 10, MANY_SIGNATURES = 110;

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

const callgrind = ['valgrind', '--tool=callgrind', '--fair-sched=yes', '--callgrind-out-file=/dev/null'];
const collected = (text) => Number(/Collected : (\d+)/.exec(text)[1]);

// What valgrind counts too much for the signature of such a body.
export function signatureSurplus(bytes) {
  const program = path.join(build, 'bench_signature');
  execFileSync('cmake', ['--build', build, '--target', 'bench_signature'], { stdio: ['ignore', 'ignore', 'inherit'] });
  const whole = (times) => collected(execFileSync('sh', ['-c', '"$@" 2>&1', 'sh', 'env', plainLoops, ...callgrind, program, String(bytes), String(times)], { encoding: 'utf8' }));
  const played = (whole(MANY_SIGNATURES) - whole(FEW_SIGNATURES)) / (MANY_SIGNATURES - FEW_SIGNATURES);
  const here = Number(execFileSync(program, [String(bytes)], { encoding: 'utf8' }));
  return { played, here, surplus: played - here };
}

// What the whole program took for so many requests, its start and end included.
async function wholeRun(place, make, how, count) {
  const name = `counted-${count}`;
  const requests = await writeRequests(place, name, Array.from({ length: count }, (_, i) => make(i)));
  const bot = await startBot(place, name, { ...how, under: ['env', plainLoops, ...callgrind] });
  try {
    await load({ ...bot, counted: true }, requests, count, how);
  } finally {
    await bot.stop();
  }
  return collected(readFileSync(bot.log, 'utf8'));
}

async function byValgrind(place, make, how) {
  const few = await wholeRun(place, make, how, FEW), many = await wholeRun(place, make, how, MANY);
  return (many - few) / (MANY - FEW) - (how.signedBytes ? signatureSurplus(how.signedBytes).surplus : 0);
}

// make(number) gives the bytes of a request; how as for startBot and load, and signedBytes of a body that Slack signs.
export function instructionsPerRequest(place, make, how = {}) {
  return (counter() === 'perf' ? byPerf : byValgrind)(place, make, how);
}
