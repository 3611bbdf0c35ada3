// stack.mjs - one whole sandbox for a test: started by deploy/sandbox/up, driven through its doors.
//
//   const stack = await Stack.start({ awsDelayMs: 50 });
//   await stack.alarm('fluxa-dlq-depth-dev', 'ALARM');
//   const card = await stack.until(() => stack.card(/is in alarm/), 'the alarm card');
//   await stack.stop();
//
// Stack.start({ store: 'postgres', replicas: 2 }) runs several bots on one database, behind a balancer that gives
// what Slack and SNS send to each in turn. stack.replica(1) is a stack whose bot, log, admin and process are the
// second's, and whose sandbox is the same; stack itself is the first.
//
// The programs come from FLUXABOT_BUILD (a build directory), otherwise build/release.
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { openSync, closeSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';

const run = promisify(execFile);
export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
export const build = process.env.FLUXABOT_BUILD ?? path.join(root, 'build/release');
export const channel = 'C0FLUXA0001';

async function freePort() {
  const server = createServer();
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

export class Stack {
  // Nothing runs by itself unless a test wants it to: a tick in its middle would be an answer nobody asked for.
  // The crashes of a test are no crash loop unless it wants one.
  static async start({ awsDelayMs = 0, bot = true, crashLoop = false, schedules = false, world = {}, edit, store = 'sqlite', replicas = 1 } = {}) {
    const dir = await mkdtemp(path.join(tmpdir(), 'fluxabot-'));
    const args = ['--dir', path.join(dir, 'stack'), '--build', build, '--port', '0', '--aws-delay-ms', String(awsDelayMs), '--no-bot'];
    await run(path.join(root, 'deploy/sandbox/up'), args, { maxBuffer: 1 << 20 });
    const stack = new Stack(path.join(dir, 'stack'), dir);
    Object.assign(stack, JSON.parse(await readFile(path.join(stack.dir, 'stack.json'), 'utf8')));
    if (store === 'postgres') await stack.moveToPostgres();
    if (!schedules) await stack.edit((text) => text.replace(/^( *)command: \/fluxa$/m, '$&\n$1schedules: false'));
    if (!crashLoop) await stack.edit((text) => `${text}crashes: { freeze_after: 0 }\n`);
    if (edit) await edit(stack); // may rewrite the configuration before the bot reads it
    if (Object.keys(world).length > 0) await stack.world(world);
    if (replicas > 1) await stack.balance(replicas);
    if (bot) for (const one of stack.replicas) await one.startBot();
    return stack;
  }

  constructor(dir, outer) {
    this.dir = dir;
    this.outer = outer;
    this.name = 'fluxabot';
    this.replicas = [this];
  }

  replica(index) {
    return this.replicas[index];
  }

  // ---- its store ----

  // What the bot remembers moves into a database of its own beside that of Fluxa's events.
  async moveToPostgres() {
    this.store = this.database.replace(/[^/]*$/, 'fluxabot');
    await run('psql', ['-q', this.database, '-c', 'CREATE DATABASE fluxabot']);
    await run('openssl', ['genpkey', '-algorithm', 'ed25519', '-out', path.join(this.dir, 'secrets/audit.key')]);
    await run('chmod', ['600', path.join(this.dir, 'secrets/audit.key')]);
    await this.edit((text) => `${text.replace(/sqlite:[^"]*/, this.store)}audit: { key: { file: "${this.dir}/secrets/audit.key" }, anchor: { file: "${this.dir}/fluxabot.anchors" } }\n`);
  }

  // A SELECT, in words both stores know.
  async sql(statement) {
    if (!this.store) {
      const { stdout } = await run('sqlite3', ['-json', '-cmd', '.timeout 5000', path.join(this.dir, 'fluxabot.db'), statement], { maxBuffer: 1 << 26 });
      return stdout.trim() === '' ? [] : JSON.parse(stdout);
    }
    const { stdout } = await run('psql', ['-qAt', this.store, '-v', 'ON_ERROR_STOP=1', '-c', `SELECT coalesce(json_agg(t), '[]') FROM (${statement}) t`], { env: { ...process.env, PGOPTIONS: '-c search_path=fluxabot' }, maxBuffer: 1 << 26 });
    return JSON.parse(stdout);
  }

  // Anything else, behind the store's back.
  async execute(statement) {
    if (!this.store) return run('sqlite3', ['-cmd', '.timeout 5000', path.join(this.dir, 'fluxabot.db'), statement]);
    return run('psql', ['-qAt', this.store, '-v', 'ON_ERROR_STOP=1', '-c', statement], { env: { ...process.env, PGOPTIONS: '-c search_path=fluxabot' } });
  }

  // The door that the sandbox knows becomes the balancer's; each bot gets doors, log and anchors of its own.
  async balance(count) {
    const door = Number(new URL(this.bot).port), text = await readFile(this.config, 'utf8');
    this.replicas = [this, ...Array.from({ length: count - 1 }, (_, i) => Object.assign(new Stack(this.dir, this.outer), this, { name: `fluxabot-${i + 2}` }))];
    for (const one of this.replicas) {
      const ports = [await freePort(), await freePort()];
      Object.assign(one, { bot: `https://127.0.0.1:${ports[0]}`, admin: `http://127.0.0.1:${ports[1]}`, replicas: this.replicas });
      await writeFile(one.config, text.replace(/(listen:\n +address: 127\.0\.0\.1\n +port: )\d+/, `$1${ports[0]}`)
        .replace(/(admin: {.*port: )\d+/, `$1${ports[1]}`).replace('/fluxabot.anchors', `/${one.name}.anchors`));
    }
    this.balancer = createServer((from) => this.forward(from));
    await new Promise((done) => this.balancer.listen(door, '127.0.0.1', done));
  }

  // To the next bot that lives. A connection is one bot's for its life, as with any balancer of TCP.
  forward(from) {
    const living = this.replicas.filter((one) => one.process);
    this.turn = ((this.turn ?? 0) + 1) % Math.max(living.length, 1);
    if (living.length === 0) return from.destroy();
    const to = connect(Number(new URL(living[this.turn].bot).port), '127.0.0.1');
    from.on('error', () => to.destroy()).pipe(to);
    to.on('error', () => from.destroy()).pipe(from);
  }

  // ---- the bot's process ----

  get config() {
    return path.join(this.dir, `${this.name}.yaml`);
  }

  async edit(change) {
    await writeFile(this.config, change(await readFile(this.config, 'utf8')));
  }

  async startBot({ wait = true, program = path.join(build, 'fluxabot'), env = {} } = {}) {
    const lines = (await readFile(path.join(this.dir, 'env'), 'utf8')).trim().split('\n');
    const given = Object.fromEntries(lines.map((line) => line.split(/=(.*)/s).slice(0, 2)));
    const log = openSync(path.join(this.dir, `${this.name}.log`), 'a');
    this.process = spawn(program, ['serve', '--config', this.config], { env: { ...process.env, ...given, ...env }, stdio: ['ignore', log, log] });
    closeSync(log);
    this.ended = new Promise((done) => this.process.on('exit', (code, signal) => done({ code, signal })));
    if (wait) await this.until(() => this.isReady(), 'the bot to be ready', 20000, 5).catch(async (error) => { throw new Error(`${error.message}; its log ends:\n${await this.logTail()}`); });
  }

  async isReady() {
    try {
      return (await fetch(`${this.admin}/readyz`)).ok;
    } catch {
      return false;
    }
  }

  // SIGKILL by default: what a crash looks like.
  async killBot(signal = 'SIGKILL') {
    if (!this.process) return undefined;
    this.process.kill(signal);
    const how = await this.ended;
    this.process = undefined;
    return how;
  }

  async log() {
    const text = await readFile(path.join(this.dir, `${this.name}.log`), 'utf8');
    return text.split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));
  }

  async logTail(lines = 5) {
    return (await readFile(path.join(this.dir, `${this.name}.log`), 'utf8')).trim().split('\n').slice(-lines).join('\n');
  }

  async metrics() {
    return (await fetch(`${this.admin}/metrics`)).text();
  }

  async stop() {
    await Promise.all(this.replicas.map((one) => one.killBot('SIGTERM')));
    this.balancer?.close();
    await run(path.join(root, 'deploy/sandbox/down'), ['--dir', this.dir]);
    if (!process.env.FLUXABOT_KEEP) await rm(this.outer, { recursive: true, force: true });
  }

  // ---- the sandbox's doors ----

  async get(door) {
    const answer = await fetch(`${this.page}/sandbox/${door}`);
    if (!answer.ok) throw new Error(`GET ${door}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  }

  async post(door, body = {}) {
    const answer = await fetch(`${this.page}/sandbox/${door}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`POST ${door}: ${answer.status} ${text}`);
    return text === '' ? {} : JSON.parse(text);
  }

  world(change) {
    return this.post('world', change);
  }

  fault(target, kind, how = { count: 1 }) {
    return this.post('fault', { target, kind, ...how });
  }

  alarm(name, state, more = {}) {
    return this.post('alarm', { name, state, ...more });
  }

  command(user, text, more = {}) {
    return this.post('slack/command', { user, text, ...more });
  }

  click(user, message, action) {
    return this.post('slack/click', { user, message_ts: message.ts ?? message, action_id: action });
  }

  async effects(operation) {
    const all = await this.get('effects');
    const list = Array.isArray(all) ? all : all.effects;
    return operation ? list.filter((effect) => effect.operation === operation) : list;
  }

  async messages() {
    return (await this.get(`slack/messages?channel=${channel}`)).messages;
  }

  // The newest top-level message whose text matches.
  async card(pattern) {
    return (await this.messages()).findLast((message) => pattern.test(message.text));
  }

  async private(user) {
    return (await this.get(`slack/private?user=${user}`)).messages;
  }

  async until(look, what, timeoutMs = 15000, everyMs = 50) {
    const end = Date.now() + timeoutMs;
    for (;;) {
      const found = await look();
      if (found) return found;
      if (Date.now() > end) throw new Error(`waited ${timeoutMs} ms for ${what} (${this.dir})`);
      await pause(everyMs);
    }
  }

  // ---- the main job, as people do it ----

  // Asks for a redrive and answers its approval card.
  async askRedrive(text = '/fluxa dlq redrive', user = 'requester') {
    const before = new Set((await this.messages()).map((message) => message.ts));
    await this.command(user, text);
    return this.until(async () => (await this.messages()).findLast((message) => !before.has(message.ts) && /dlq redrive/i.test(message.text)), 'an answer to the redrive', 70000);
  }

  message(ts) {
    return this.messages().then((all) => all.find((message) => message.ts === ts));
  }

  // Waits until the run's card says how it ended.
  ending(card, timeoutMs = 90000) {
    return this.until(async () => {
      const now = await this.message(card.ts);
      return /^(Redrive (finished|stopped)|Failed|Refused|Denied|Expired|Stopped|Please look)/.test(now.text) ? now : undefined;
    }, 'the run to end', timeoutMs);
  }

  async approvedRedrive(text) {
    const card = await this.askRedrive(text);
    await this.click('approver', card, 'approve');
    return this.ending(card);
  }
}
