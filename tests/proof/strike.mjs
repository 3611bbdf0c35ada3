// strike.mjs - a signal to a process exactly at one of its system calls, by strace.
//
// strace counts for each thread and each call by itself, so a place is named by thread, call and number. Threads are
// named by their place in the order of their making, which is the same in every process; "web" is whatever thread is
// made later, to serve a connection.
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';

// What changes a file or another's mind. Locks, clocks and waiting change nothing.
export const CALLS = ['pwrite64', 'fdatasync', 'fsync', 'ftruncate', 'unlink', 'write', 'connect', 'sendto', 'sendmsg', 'recvfrom', 'accept4'];
export const WEB = 'web';

// In the order of their making.
export const threadsOf = (pid) => readdirSync(`/proc/${pid}/task`).map(Number).sort((a, b) => a - b);

function attach(args) {
  const child = spawn('strace', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  child.gone = new Promise((done) => child.on('exit', done));
  let text = '';
  child.attached = new Promise((done, failed) => {
    child.stderr.on('data', (part) => { text += part; if (/attached/.test(text)) done(); });
    child.gone.then(() => failed(new Error(`strace: ${text.trim() || 'ended'}`)));
    child.on('error', failed);
  });
  return child;
}

async function detach(child) {
  if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
  await child.gone;
}

// Every such call that the threads make while `tell` runs, in order: [{ thread, call, number, text }].
export async function listCalls(pid, file, tell) {
  const before = threadsOf(pid);
  const child = attach(['-f', '-s', '400', '-o', file, '-e', `trace=${CALLS.join(',')}`, '-p', String(pid)]);
  await child.attached;
  try {
    await tell();
  } finally {
    await detach(child);
  }
  const counts = new Map(), made = [];
  for (const line of (await readFile(file, 'utf8')).split('\n')) {
    const [, tid, call] = /^(\d+) +([a-z0-9_]+)\(/.exec(line) ?? [];
    if (!tid || !CALLS.includes(call)) continue;
    const place = before.indexOf(Number(tid)), key = `${tid} ${call}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
    made.push({ thread: place < 0 ? WEB : String(place), call, number: counts.get(key), text: line });
  }
  await rm(file, { force: true });
  return made;
}

// Each place once, ordered by thread and call. Of the threads that serve connections the busiest stands for all.
// near: { text, before, after }: only so many calls before and after one that says `text`.
export function placesOf(made, near) {
  const places = new Map();
  for (const thread of new Set(made.map((one) => one.thread))) {
    const own = made.filter((one) => one.thread === thread);
    const wanted = own.map((one) => near !== undefined && one.text.includes(near.text));
    own.forEach(({ call, number }, i) => {
      if (near === undefined || wanted.slice(Math.max(0, i - near.after), i + near.before + 1).includes(true)) places.set(`${thread} ${call} ${number}`, { thread, call, number });
    });
  }
  return [...places.values()].sort((a, b) => a.thread.localeCompare(b.thread) || a.call.localeCompare(b.call) || a.number - b.number);
}

// The signal comes with the number-th call from now on: before a deadly one nothing of that call happens, while a
// stop takes hold right after it. Resolves when strace watches; the answer's stop() takes it away.
export async function strike(pid, { thread, call, number }, signal) {
  const who = thread === WEB ? ['-f', '-p', String(pid)] : ['-p', String(threadsOf(pid)[Number(thread)])];
  const child = attach(['-o', '/dev/null', '-e', `trace=${call}`, '-e', `inject=${call}:signal=${signal}:when=${number}`, ...who]);
  await child.attached;
  return { stop: () => detach(child) };
}
