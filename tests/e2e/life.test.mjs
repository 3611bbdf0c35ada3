// The life of the process: its end in the middle of work, its service manager, a database that is gone, crashes, jobs
// that cannot be done, and a bot that freezes while another one lives.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { freshWorld, judge, listing, watchEffects, watchPrivate } from '../support/cases.mjs';
import { build, Stack } from '../support/stack.mjs';

const run = promisify(execFile);
const DRAIN_MS = 25000; // APP_DRAIN_MS: what a service manager may rely on
const LEASE_MS = 25000, FIRST_CLAIM_MS = 3000; // FX_ENGINE_LEASE_MS; how soon a start goes on with what its own death held
const told = async (stack, event) => (await stack.log()).filter((line) => line.event === event);

// What this test does to the store itself.
async function write(stack, statement) {
  await run('sqlite3', ['-cmd', '.timeout 60000', path.join(stack.dir, 'fluxabot.db'), statement]);
}

function withStack(options, cases) {
  let stack;
  before(async () => (stack = await Stack.start(options)));
  after(() => stack?.stop());
  cases(() => stack);
}

describe('life', { concurrency: true }, () => {
  describe('told to end', { concurrency: 1 }, () => withStack({}, (stack) => {
    // SIGTERM, and again when the bot has understood the last one
    async function endWith(signals) {
      await freshWorld(stack(), { DBConnectionError: 25, HashMismatch: 2 });
      const earlier = await listing(stack()), effects = await watchEffects(stack());
      const card = await stack().askRedrive('/fluxa dlq redrive rate=500');
      await stack().fault('sqs:DeleteMessageBatch', 'slow', { rate: 1 }); // what follows each batch that was sent
      await stack().click('approver', card, 'approve');
      await stack().until(async () => (await effects('SendMessage')).length > 0, 'the first batch', 60000, 5);
      const hurried = (await told(stack(), 'stopping.hurried')).length, stopping = (await told(stack(), 'stopping')).length;
      const begun = Date.now();
      const bot = stack().process;
      bot.kill('SIGTERM');
      await stack().until(async () => (await told(stack(), 'stopping')).length > stopping, 'the bot to stop', 10000, 5);
      for (let i = 1; i < signals; i++) {
        bot.kill('SIGTERM');
        if (i === 1) await stack().until(async () => bot.exitCode !== null || (await told(stack(), 'stopping.hurried')).length > hurried, 'the bot to hurry', 10000, 5);
      }
      const how = await stack().killBot('SIGTERM').catch(() => undefined);
      const took = Date.now() - begun;
      await stack().post('fault', { clear: true });
      await stack().startBot();
      assert.match((await stack().ending(card)).text, /^Redrive finished|^Please look/);
      const { sent, left } = await judge(stack(), earlier, effects);
      assert.deepEqual({ sent, left }, { sent: 25, left: 2 });
      return { how, took };
    }

    test('once, in the middle of a redrive, it ends in time and the next start goes on', async () => {
      const { how, took } = await endWith(1);
      assert.ok(took < DRAIN_MS, `it took ${took} ms`);
      assert.ok(how === undefined || how.signal === null, 'nobody had to kill it');
      console.log(`drained in ${took} ms of ${DRAIN_MS}`);
    });

    test('twice, in the middle of a redrive, it cuts off what runs', async () => {
      const { took } = await endWith(2);
      assert.ok(took < DRAIN_MS, `it took ${took} ms`);
      console.log(`hurried in ${took} ms`);
    });

    test('in a call that does not come back, it cuts that off and asks again after the next start', async () => {
      await freshWorld(stack(), { DBConnectionError: 4 });
      await stack().fault('sqs:GetQueueAttributes', 'held');
      await stack().command('requester', '/fluxa dlq');
      await stack().until(async () => (await stack().sql("SELECT count(*) AS n FROM jobs WHERE kind = 'run' AND state = 1"))[0].n === 1, 'the run to be in work', 20000, 5);
      const world = Number(await readFile(path.join(stack().dir, 'sandbox.pid'), 'utf8'));
      process.kill(world, 'SIGSTOP'); // AWS and Slack take connections and say nothing
      const begun = Date.now();
      assert.deepEqual(await stack().killBot('SIGTERM'), { code: 0, signal: null });
      const took = Date.now() - begun;
      process.kill(world, 'SIGCONT');
      assert.ok(took < DRAIN_MS, `it took ${took} ms`);
      console.log(`cut off in ${took} ms of ${DRAIN_MS}`);
      assert.equal((await stack().sql("SELECT count(*) AS n FROM jobs WHERE state = 1 OR (state < 2 AND deaths > 0)"))[0].n, 0, 'it was given back, not left behind');
      await stack().post('fault', { clear: true });
      await stack().startBot();
      await stack().until(() => stack().card(/Fluxa-DLQ: 4 messages wait/), 'the answer', 30000);
    });

    test('after a kill in the middle of a job its next start takes that job at once', async () => {
      await freshWorld(stack(), { DBConnectionError: 4 });
      await stack().fault('sqs:GetQueueAttributes', 'held');
      await stack().command('requester', '/fluxa dlq');
      const held = async () => (await stack().sql("SELECT token, at_ms FROM jobs WHERE kind = 'run' AND state = 1"))[0];
      const before = await stack().until(held, 'the run to be in work', 20000, 5);
      await stack().killBot();
      await stack().startBot();
      const after = await stack().until(async () => { const now = await held(); return now && now.token !== before.token ? now : undefined; }, 'the run to be in work again', 60000, 5);
      const ready = Date.parse((await told(stack(), 'ready')).at(-1).time);
      const claimed = after.at_ms - LEASE_MS;
      assert.ok(claimed - ready < FIRST_CLAIM_MS, `it took ${claimed - ready} ms`);
      console.log(`claimed ${claimed - ready} ms after the start, of ${FIRST_CLAIM_MS}`);
      await stack().post('fault', { clear: true });
      await stack().until(() => stack().card(/Fluxa-DLQ: 4 messages wait/), 'the answer', 30000);
    });

    test('a job that cannot be done is told with what to do, listed, and tried again when a person wants it', async () => {
      const jobs = async (...words) => (await run(path.join(build, 'fluxabot'), ['jobs', ...words, '--config', stack().config])).stdout;
      assert.match(await jobs('list'), /no job was given up/);
      await write(stack(), "INSERT INTO jobs (kind, subject, due_ms, at_ms) VALUES ('nonsense', 'x', 0, 0)");
      const card = await stack().until(() => stack().card(/^A job of the bot was given up/), 'the card');
      const id = /fluxabot jobs retry --job (\d+)/.exec(JSON.stringify(card))[1];
      assert.match(await jobs('list'), new RegExp(`^${id} .* nonsense  x  .*no handler for a job of kind nonsense`));
      assert.match(await jobs('retry', '--job', id), /is tried again/);
      await stack().until(async () => (await stack().sql("SELECT count(*) AS n FROM jobs WHERE kind = 'nonsense' AND state = 3 AND attempts = 1"))[0].n === 1, 'the job to be given up again');
      assert.match((await stack().sql("SELECT actor FROM audit WHERE action = 'job.revived'")).map(({ actor }) => actor).join(), /^terminal:[^:,]+$/);
      await assert.rejects(jobs('retry', '--job', '999999'), (error) => error.code === 1 && /does not wait for a person; nothing was changed/.test(error.stderr));
      await assert.rejects(jobs('retry', '--job', 'x'), (error) => error.code === 2);
    });
  }));

  describe('started again and again', { concurrency: 1 }, () => withStack({ crashLoop: true }, (stack) => {
    test('after five crashes changes are frozen and it is said once, while all else works', async () => {
      await freshWorld(stack(), { DBConnectionError: 3, HashMismatch: 1 });
      const card = await stack().askRedrive('/fluxa dlq redrive rate=500');
      for (let i = 0; i < 5; i++) {
        await stack().killBot();
        await stack().startBot();
      }
      const frozen = () => stack().messages().then((all) => all.filter((message) => /^Changes are frozen/.test(message.text)));
      await stack().until(async () => (await frozen()).length > 0, 'the word in the channel');
      assert.match((await frozen())[0].text, /broke down 5 times/);
      const effects = await watchEffects(stack());
      const answer = await watchPrivate(stack(), 'approver');
      await stack().click('approver', card, 'approve');
      await answer(/changes are frozen/i);
      assert.match((await stack().message(card.ts)).text, /^Approval needed/, 'the request waits');
      assert.deepEqual(await effects(), []);
      await stack().command('requester', '/fluxa dlq'); // what the kills left undone may be told before
      await stack().until(() => stack().card(/Fluxa-DLQ: 4 messages wait/), 'the queue to be read');
      await stack().alarm('fluxa-dlq-depth-dev', 'ALARM');
      await stack().until(() => stack().card(/is in alarm/), 'the alarm card');
      await stack().killBot();
      await stack().startBot();
      await stack().alarm('fluxa-dlq-depth-dev', 'OK');
      await stack().until(() => stack().card(/^Resolved/), 'the end of the alarm');
      assert.equal((await frozen()).length, 1);
    });

    test('with a database that another program holds it ends by itself, as a failure', async () => {
      const holder = spawn('sqlite3', [path.join(stack().dir, 'fluxabot.db')]);
      holder.stdin.write("INSERT INTO jobs (kind, subject, due_ms, at_ms) VALUES ('expire', 'nothing', 0, 0); BEGIN IMMEDIATE; SELECT 'held';\n");
      await new Promise((done) => holder.stdout.once('data', done));
      const bot = stack().process;
      await stack().until(() => bot.exitCode !== null || bot.signalCode !== null, 'the bot to give up', 60000, 50);
      assert.equal(bot.exitCode, 1);
      assert.equal((await told(stack(), 'store.gone')).length, 1);
      holder.kill();
      stack().process = undefined;
      await stack().startBot();
      await stack().until(async () => (await stack().sql("SELECT count(*) AS n FROM jobs WHERE subject = 'nothing' AND state = 2"))[0].n === 1, 'the job to be done');
    });

    test('a receiver alone whose disk failed ends by itself, too, and the next start opens it again', async () => {
      await stack().killBot('SIGTERM');
      await stack().startBot({ role: 'receiver' });
      const bot = stack().process, before = (await told(stack(), 'store.gone')).length;
      const disk = spawn('strace', ['-f', '-o', '/dev/null', '-e', 'trace=fdatasync,fsync', '-e', 'inject=fdatasync,fsync:error=EIO', '-p', String(bot.pid)], { stdio: ['ignore', 'ignore', 'pipe'] });
      await new Promise((done) => disk.stderr.once('data', done));
      await stack().command('requester', '/fluxa dlq').catch(() => undefined); // it cannot be kept
      await stack().until(() => bot.exitCode !== null || bot.signalCode !== null, 'the receiver to give up', 60000, 50);
      assert.equal(bot.exitCode, 1);
      assert.equal((await told(stack(), 'store.gone')).length, before + 1);
      disk.kill();
      stack().process = undefined;
      await stack().startBot();
    });

    // Starts the bot anew and collects what it says to its service manager, which wants a sign of life every 400 ms.
    async function underServiceManager(work) {
      const socket = path.join(stack().dir, 'notify');
      await rm(socket, { force: true });
      const listener = spawn('python3', ['-uc', `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print('bound')
while True: print(s.recv(4096).decode().replace('\\n', ' '))`, socket]);
      const said = [];
      createInterface({ input: listener.stdout }).on('line', (line) => said.push(line));
      try {
        await stack().until(() => said.includes('bound'), 'the socket');
        await stack().killBot('SIGTERM');
        await stack().startBot({ env: { NOTIFY_SOCKET: socket, WATCHDOG_USEC: '400000' } });
        await work(said);
      } finally {
        listener.kill();
      }
    }
    const signsOfLife = (said) => said.filter((line) => line === 'WATCHDOG=1').length;

    test('under a service manager it says when it is ready, that it lives, and that it stops', () => underServiceManager(async (said) => {
      await stack().until(() => signsOfLife(said) >= 5, 'five signs of life');
      assert.equal(said[1], 'READY=1', 'ready comes before any sign of life');
      assert.ok(!said.includes('STOPPING=1'));
      assert.deepEqual(await told(stack(), 'life.hangs'), []);
      assert.deepEqual(await stack().killBot('SIGTERM'), { code: 0, signal: null });
      await stack().until(() => said.includes('STOPPING=1'), 'the last word');
    }));

    test('under a service manager it gives no sign of life while a listener takes no connection', () => underServiceManager(async (said) => {
      const hangs = async (times) => (await told(stack(), 'life.hangs')).length >= times;
      await stack().until(() => signsOfLife(said) > 0, 'a sign of life');
      const hold = spawn('strace', ['-f', '-o', '/dev/null', '-e', 'trace=accept4', '-e', 'inject=accept4:delay_enter=600s', '-p', String(stack().process.pid)], { stdio: ['ignore', 'ignore', 'pipe'] });
      try {
        await stack().until(() => hangs(1), 'the listener to be missed', 30000, 50);
        const before = signsOfLife(said);
        await stack().until(() => hangs(3), 'two more looks', 30000, 50);
        assert.equal(signsOfLife(said), before);
      } finally {
        hold.kill();
      }
      const before = signsOfLife(said);
      await stack().until(() => signsOfLife(said) > before, 'another sign of life');
      assert.equal((await told(stack(), 'life.goes_on')).length, 1);
    }));
  }));

  describe('a bot that freezes beside another one', () => withStack({ store: 'postgres', replicas: 2, awsDelayMs: 30 }, (stack) => {
    test('loses what it had in hand to the other, and thaws without doing any of it again', async () => {
      await freshWorld(stack(), { DBConnectionError: 40, HashMismatch: 5 });
      const earlier = await listing(stack()), effects = await watchEffects(stack());
      const card = await stack().askRedrive('/fluxa dlq redrive rate=10');
      await stack().fault('sqs:DeleteMessageBatch', 'held'); // what follows the first batch that was sent
      await stack().click('approver', card, 'approve');
      await stack().until(async () => (await effects('SendMessage')).length > 0, 'the first batch', 60000, 5);
      const begun = await Promise.all(stack().replicas.map(async (replica) => (await told(replica, 'change.run')).at(-1)?.time ?? ''));
      const one = stack().replicas[begun[0] > begun[1] ? 0 : 1];
      const frozen = one.process;
      frozen.kill('SIGSTOP');
      const [{ n: held }] = await stack().sql("SELECT count(*) AS n FROM jobs WHERE kind = 'run' AND state = 1");
      assert.equal(held, 1, 'it froze with the run in hand, between an intent and its outcome');
      try {
        one.process = undefined; // the balancer sends it nothing
        await stack().post('fault', { clear: true });
        assert.match((await stack().ending(card)).text, /Redrive finished: 40 of 40/);
      } finally {
        one.process = frozen;
        frozen.kill('SIGCONT');
      }
      await stack().until(async () => (await stack().sql("SELECT count(*) AS n FROM jobs WHERE state = 1"))[0].n === 0, 'both to be at rest');
      const { sent, left } = await judge(stack(), earlier, effects);
      assert.deepEqual({ sent, left }, { sent: 40, left: 5 });
      const intents = await stack().sql("SELECT count(*) AS n, count(DISTINCT (run, step, key)) AS d FROM intents");
      assert.equal(intents[0].n, intents[0].d);
    });
  }));
});
