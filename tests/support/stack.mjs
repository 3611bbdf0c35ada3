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
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { closeSync, existsSync, openSync, readFileSync, writeSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';

const run = promisify(execFile);
export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
export const build = process.env.FLUXABOT_BUILD ?? path.join(root, 'build/release');
export const channel = 'C0FLUXA0001';

// A busy machine is several times slower than ours, and nobody who succeeds waits longer for it.
const PATIENCE_MS = 120000;

// Like deploy/sandbox/up: outside of the range from which the kernel takes ports for those who call, so that a bot which
// is started again finds its own still free, and with a link that keeps other sandboxes off it until down removes it.
async function claimPort(dir) {
  const claims = path.join(tmpdir(), `fluxabot-ports-${process.getuid()}`);
  for (let tries = 0; tries < 50; tries++) {
    const port = 20000 + Math.floor(Math.random() * 12000), server = createServer();
    if (!(await symlink(dir, path.join(claims, String(port))).then(() => true, () => false))) continue;
    const free = await new Promise((done) => server.once('error', () => done(false)).listen(port, '127.0.0.1', () => done(true)));
    if (free) return new Promise((done) => server.close(() => done(port)));
  }
  throw new Error('no free port found between 20000 and 32000');
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

export class Stack {
  // Nothing runs by itself unless a test wants it to: a tick in its middle would be an answer nobody asked for.
  // The crashes of a test are no crash loop unless it wants one.
  static async start({ awsDelayMs = 0, bot = true, crashLoop = false, schedules = false, watches = false, world = {}, edit, store = 'sqlite', replicas = 1 } = {}) {
    const dir = await mkdtemp(path.join(tmpdir(), 'fluxabot-'));
    const args = ['--dir', path.join(dir, 'stack'), '--build', build, '--port', '0', '--aws-delay-ms', String(awsDelayMs), '--no-bot'];
    await run(path.join(root, 'deploy/sandbox/up'), args, { maxBuffer: 1 << 20 });
    const stack = new Stack(path.join(dir, 'stack'), dir);
    Object.assign(stack, JSON.parse(await readFile(path.join(stack.dir, 'stack.json'), 'utf8')));
    await stack.post('slack/options', { patience_ms: PATIENCE_MS }); // Slack's three seconds would lose a click or a dialog of a busy machine
    if (store === 'postgres') await stack.moveToPostgres();
    if (!schedules) await stack.edit((text) => text.replace(/^( *)command: \/fluxa$/m, '$&\n$1schedules: false'));
    if (!watches) await stack.edit((text) => text.replace(/^( *)command: \/fluxa$/m, '$&\n$1watches: false'));
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
    this.unanswered = [];
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
      const { stdout } = await run('sqlite3', ['-json', '-cmd', '.timeout 60000', path.join(this.dir, 'fluxabot.db'), statement], { maxBuffer: 1 << 26 });
      return stdout.trim() === '' ? [] : JSON.parse(stdout);
    }
    const { stdout } = await run('psql', ['-qAt', this.store, '-v', 'ON_ERROR_STOP=1', '-c', `SELECT coalesce(json_agg(t), '[]') FROM (${statement}) t`], { env: { ...process.env, PGOPTIONS: '-c search_path=fluxabot' }, maxBuffer: 1 << 26 });
    return JSON.parse(stdout);
  }

  // Anything else, behind the store's back.
  async execute(statement) {
    if (!this.store) return run('sqlite3', ['-cmd', '.timeout 60000', path.join(this.dir, 'fluxabot.db'), statement]);
    return run('psql', ['-qAt', this.store, '-v', 'ON_ERROR_STOP=1', '-c', statement], { env: { ...process.env, PGOPTIONS: '-c search_path=fluxabot' } });
  }

  // The door that the sandbox knows becomes the balancer's; each bot gets doors, log and anchors of its own.
  async balance(count) {
    const door = Number(new URL(this.bot).port), text = await readFile(this.config, 'utf8');
    this.replicas = [this, ...Array.from({ length: count - 1 }, (_, i) => Object.assign(new Stack(this.dir, this.outer), this, { name: `fluxabot-${i + 2}` }))];
    for (const one of this.replicas) {
      const ports = [await claimPort(this.dir), await claimPort(this.dir)];
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

  // What its programs find in their environment.
  async environment() {
    const lines = (await readFile(path.join(this.dir, 'env'), 'utf8')).trim().split('\n');
    return Object.fromEntries(lines.map((line) => line.split(/=(.*)/s).slice(0, 2)));
  }

  async startBot({ wait = true, program = path.join(build, 'fluxabot'), env = {}, role = 'both' } = {}) {
    const given = await this.environment();
    const file = path.join(this.dir, `${this.name}.log`), cut = existsSync(file) && !/\n$|^$/.test(readFileSync(file, 'utf8').slice(-1));
    const log = openSync(file, 'a');
    if (cut) writeSync(log, '\n'); // a kill may come in the middle of a line
    this.process = spawn(program, ['serve', '--config', this.config, '--role', role], { env: { ...process.env, ...given, ...env }, stdio: ['ignore', log, log] });
    closeSync(log);
    const mine = this.process;
    this.ended = new Promise((done) => mine.on('exit', (code, signal) => done({ code, signal })));
    if (!wait) return;
    this.wasStarted = true;
    await this.until(async () => (await this.isReady()) || mine.exitCode !== null || mine.signalCode !== null, 'the bot to be ready', PATIENCE_MS, 5);
    if (mine.exitCode !== null || mine.signalCode !== null) throw new Error(`the bot ended at its start; its log ends:\n${await this.logTail()}`);
  }

  get lives() {
    return Boolean(this.process) && this.process.exitCode === null && this.process.signalCode === null;
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

  // A line may be half written, or cut by a kill; it counts when its end is there.
  async log() {
    const text = await readFile(path.join(this.dir, `${this.name}.log`), 'utf8');
    return text.split('\n').slice(0, -1).filter((line) => line.startsWith('{') && line.endsWith('}')).map((line) => JSON.parse(line));
  }

  async logTail(lines = 5) {
    return (await readFile(path.join(this.dir, `${this.name}.log`), 'utf8')).trim().split('\n').slice(-lines).join('\n');
  }

  // What whoever reads a failure wants to know: what is not done yet, what Slack shows, what the bots said last.
  async plight() {
    const looks = {
      jobs: () => this.sql('SELECT kind, subject, state, attempts, due_ms, last_error FROM jobs WHERE state <> 2 ORDER BY due_ms LIMIT 20'),
      runs: () => this.sql('SELECT id, command, state, note FROM runs ORDER BY created_ms DESC LIMIT 5'),
      outbox: () => this.sql('SELECT seq, key, state, attempts, due_ms, last_error FROM outbox WHERE state <> 2 ORDER BY seq LIMIT 20'),
      messages: async () => (await this.messages()).slice(-5).map((message) => `${message.ts} ${message.text.slice(0, 200)}`),
      unanswered: () => this.unanswered,
    };
    const told = [`now ${Date.now()}`];
    for (const [name, look] of Object.entries(looks)) told.push(`${name} ${JSON.stringify(await Promise.resolve().then(look).catch((error) => error.message))}`);
    for (const one of this.replicas) told.push(`${one.name}${one.lives ? '' : ' (down)'}:\n${await one.logTail(12).catch((error) => error.message)}`);
    return told.join('\n');
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
    return this.sent(`${user}: ${text}`, this.post('slack/command', { user, text, ...more }));
  }

  click(user, message, action) {
    return this.sent(`${user} clicks ${action}`, this.post('slack/click', { user, message_ts: message.ts ?? message, action_id: action }));
  }

  // What did not reach the bot is remembered for plight(); nobody waits for the answer of one that is down.
  async sent(what, outcome) {
    const answer = await outcome, failed = answer.ok === false || answer.status !== 200;
    if (failed) this.unanswered.push(`${what}: ${JSON.stringify(answer).slice(0, 200)}`);
    if (failed && this.process && !this.replicas.some((one) => one.lives)) throw new Error(`the bot is down: ${this.unanswered.at(-1)}`);
    return answer;
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

  // Waits until a look finds something; at least PATIENCE_MS, however short the time that was given.
  async until(look, what, timeoutMs = PATIENCE_MS, everyMs = 50) {
    const wait = Math.max(timeoutMs, PATIENCE_MS), end = Date.now() + wait;
    for (;;) {
      const found = await look();
      if (found) return found;
      if (Date.now() > end) throw new Error(`waited ${wait} ms for ${what} (${this.dir})\n${await this.plight()}`);
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
      if (!now) throw new Error(`the card of the run is gone: ${card.text}\n${await this.plight()}`);
      return /^(Redrive (finished|stopped)|Failed|Refused|Denied|Expired|Stopped|Please look)/.test(now.text) ? now : undefined;
    }, 'the run to end', timeoutMs);
  }

  async approvedRedrive(text) {
    const card = await this.askRedrive(text);
    await this.click('approver', card, 'approve');
    return this.ending(card);
  }
}
