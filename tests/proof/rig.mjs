// rig.mjs - a stack for the proofs that kill, freeze and cut power: quick runbooks, a supervisor that starts the bot
// again whenever it ends, and the three logs read at the end of each run.
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { UNSAID, freshWorld, ownRunbooks } from '../support/cases.mjs';
import { Stack, build } from '../support/stack.mjs';
import { RUN } from './ledger.mjs';
import { DEAD, MAIN } from './judge.mjs';
import { People, approver } from './people.mjs';

const execute = promisify(execFile);
export const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const RESTART_MS = 10; // a supervisor is not quicker
const QUIET_MS = 240000; // a busy machine is slow; whoever is done waits no longer
const LOOK_MS = 15;
const SOON_MS = 3000; // what is due later (an expiry, the next comparison with CloudWatch) is no work in hand
const KEYS = 500; // in one question: an argument has its limit
const TIMERS = "('expire', 'remind', 'reconcile', 'anchor', 'schedule')";

// What a redrive does minutes later would fall into another run, and a look that hides for long would make each wait.
async function quicken(stack, workers) {
  const redrive = path.join(await ownRunbooks(stack), 'dlq-redrive.yaml');
  await writeFile(redrive, (await readFile(redrive, 'utf8')).replace('max: 500', 'max: 5000').replace(/^follow_ups:\n( .*\n)+/m, ''));
  const admin = (text) => text.replace(/^roles:\n/m, `roles:\n  admin: { users: [${approver}] }\n`);
  await stack.edit((text) => `${admin(text).replace(/dlq_visibility: \d+/, 'dlq_visibility: 1')}workers: ${workers}\n`);
}

export class Rig {
  unsaid = UNSAID; // the messages that quiet waits for

  static async start({ store = 'sqlite', replicas = 1, workers = 4, awsDelayMs = 0, program = path.join(build, 'fluxabot'), edit } = {}) {
    const rig = new Rig();
    rig.program = program;
    rig.stack = await Stack.start({ store, replicas, awsDelayMs, bot: false, edit: async (stack) => { await quicken(stack, workers); await edit?.(stack); } });
    rig.starts = 0;
    try {
      for (const one of rig.stack.replicas) await rig.begin(one, { wait: true });
    } catch (failure) {
      await rig.stop();
      throw failure;
    }
    return rig;
  }

  // ---- its processes ----

  async begin(one, { wait = false } = {}) {
    this.starts++;
    await one.startBot({ wait, program: this.program });
    const mine = one.process;
    one.ended.then(async () => {
      if (this.closing || one.down || one.process !== mine) return;
      await pause(RESTART_MS);
      if (!this.closing && !one.down) await this.begin(one);
    });
  }

  // SIGKILL, and the supervisor does the rest; false: there was nobody to kill.
  kill(one = this.stack) {
    const { process } = one;
    return process !== undefined && !process.killed && process.exitCode === null && process.signalCode === null && process.kill('SIGKILL');
  }

  async stop({ keep = false } = {}) {
    this.closing = true;
    if (!keep) return this.stack.stop();
    await Promise.all(this.stack.replicas.map((one) => one.killBot('SIGTERM')));
    this.stack.balancer?.close();
    console.log(`kept: ${this.stack.dir} (its processes run; stop them with deploy/sandbox/down --dir ${this.stack.dir})`);
  }

  // ---- one run ----

  sql(statement) {
    return this.stack.sql(statement);
  }

  async begins(messages, more = {}) {
    const [row] = await this.sql('SELECT (SELECT coalesce(max(n), 0) FROM audit) AS audit, (SELECT coalesce(max(n), 0) FROM intents) AS intents, (SELECT coalesce(max(n), 0) FROM approvals) AS approvals');
    await freshWorld(this.stack, messages, more);
    const world = await this.stack.get('world?messages=1');
    this.mark = { ...row, startedMs: Date.now(), effects: world.effects, before: queueOf(world, DEAD).messages, vacuums: await this.vacuums() };
    this.people = new People((any) => (any ? [this.stack] : this.stack.replicas.filter((one) => one.process && !one.frozen)));
  }

  // How many times PostgreSQL has been told to: it counts them itself.
  async vacuums() {
    const { stdout } = await execute('psql', ['-qAt', this.stack.database, '-c', "SELECT vacuum_count FROM pg_stat_user_tables WHERE relname = 'events'"]);
    return Number(stdout);
  }

  until(look, what, timeoutMs = QUIET_MS, everyMs = 15) {
    return this.stack.until(() => look().catch((failure) => { if (/waited/.test(failure.message)) throw failure; }), what, timeoutMs, everyMs);
  }

  runs(where = '1 = 1') {
    return this.sql(`SELECT id, command, trigger_kind, state, note FROM runs WHERE created_ms >= ${this.mark.startedMs} AND ${where}`);
  }

  // The newest request for approval that nobody has decided.
  async pending() {
    return (await this.sql(`SELECT id, run FROM approvals WHERE n > ${this.mark.approvals} AND state = 0 ORDER BY n DESC LIMIT 1`))[0];
  }

  // No work in hand, nothing to say, nothing under way in the world.
  async isQuiet() {
    const [row] = await this.sql(`SELECT (SELECT count(*) FROM jobs WHERE state < 2 AND kind NOT IN ${TIMERS} AND due_ms < ${Date.now() + SOON_MS}) AS jobs, (SELECT count(*) FROM outbox WHERE ${this.unsaid}) AS outbox, (SELECT count(*) FROM runs WHERE state < ${RUN.approval} AND created_ms >= ${this.mark.startedMs}) AS runs`);
    this.left = row.jobs + row.outbox + row.runs;
    if (this.left > 0) return false;
    const world = await this.stack.get('world'), main = queueOf(world, MAIN);
    return main.visible + main.in_flight + main.delayed === 0;
  }

  // Patience begins anew whenever there is less left to do.
  async quiet() {
    let least = Infinity, sinceMs = Date.now();
    while (!(await this.isQuiet().catch(() => false))) {
      if (this.left < least) [least, sinceMs] = [this.left, Date.now()];
      if (Date.now() > sinceMs + QUIET_MS) throw new Error(`waited ${QUIET_MS} ms for everything to come to rest (${this.stack.dir}): ${await this.unrest().catch((why) => why.message)}`);
      await pause(LOOK_MS);
    }
  }

  // What is not at rest, for whoever asks why.
  async unrest() {
    const list = async (what, columns, statement) => (await this.sql(statement)).map((row) => `${what} ${columns.map((column) => row[column]).join(' ')}`);
    const all = [
      ...await list('message', ['kind', 'key', 'state', 'attempts', 'last_error'], `SELECT kind, key, state, attempts, last_error FROM outbox WHERE ${this.unsaid}`),
      ...await list('job', ['kind', 'subject', 'state', 'attempts', 'last_error'], `SELECT kind, subject, state, attempts, last_error FROM jobs WHERE state < 2 AND kind NOT IN ${TIMERS}`),
      ...await list('run', ['id', 'command', 'state'], `SELECT id, command, state FROM runs WHERE state < ${RUN.approval} AND created_ms >= ${this.mark.startedMs}`),
    ];
    return all.slice(0, 5).join('; ') || 'the queues of the world';
  }

  async eventsOf(said) {
    const rows = [];
    for (let i = 0; i < said.length; i += KEYS) {
      const keys = said.slice(i, i + KEYS).map((one) => `'${one.key}'`).join(', ');
      rows.push(...await this.sql(`SELECT k.key AS key, k.event AS id, (SELECT max(j.state) FROM jobs j WHERE j.kind = 'event' AND j.subject = k.event) AS job FROM event_keys k WHERE k.key IN (${keys})`));
    }
    return rows;
  }

  async cards(runs) {
    if (runs.length === 0) return {};
    const rows = await this.sql(`SELECT key, ts FROM message_ts WHERE key IN (${runs.map((run) => `'run:${run.id}'`).join(', ')})`);
    const texts = new Map((await this.stack.messages()).flatMap((message) => [message, ...(message.replies ?? [])]).map((message) => [message.ts, message.text]));
    return Object.fromEntries(rows.map((row) => [row.key.slice(4), texts.get(row.ts) ?? '']));
  }

  // Once more while the bot holds its database: that says nothing about the log.
  async verify(tries = 5) {
    try {
      const { stdout } = await execute(this.program, ['audit', 'verify', '--config', this.stack.config]);
      return { code: 0, text: stdout.trim() };
    } catch (failure) {
      const text = `${failure.stdout}${failure.stderr}`.trim();
      return tries > 0 && /has kept .* locked/.test(text) ? this.verify(tries - 1) : { code: failure.code ?? -1, text };
    }
  }

  // What judgeLedger wants to see.
  async seen(more = {}) {
    const { mark } = this, runs = await this.runs();
    const [intents, approvals, audit, [failed], cards, events, effects, world, verified, vacuums] = await Promise.all([
      this.sql(`SELECT run, step, key, state, what_json, outcome_json, set_ms FROM intents WHERE n > ${mark.intents}`),
      this.sql(`SELECT id, run, state, decided_by FROM approvals WHERE n > ${mark.approvals}`),
      this.sql(`SELECT at_ms, actor, action, subject, detail_json FROM audit WHERE n > ${mark.audit} ORDER BY n`),
      this.sql(`SELECT count(*) AS n FROM outbox WHERE state = 3 AND created_ms >= ${mark.startedMs}`),
      this.cards(runs), this.eventsOf(this.people.said), this.stack.get(`effects?since=${mark.effects}`), this.stack.get('world?messages=1'), this.verify(), this.vacuums(),
    ]);
    return { said: this.people.said, events, runs, intents, approvals, audit, messagesFailed: failed.n, cards, effects, before: mark.before, after: queueOf(world, DEAD).messages, processed: world.processed.success, verified, vacuums: vacuums - mark.vacuums, commands: ['dlq redrive', 'dlq redrive-cancel', 'dlq quarantine', 'queue visibility', 'db vacuum'], ...more };
  }
}

export const queueOf = (world, name) => world.queues.find((queue) => name.test(queue.arn));
