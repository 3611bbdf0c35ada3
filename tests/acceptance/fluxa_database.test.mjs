// fluxa_database.test.mjs - the rows that only ask PostgreSQL: F-22, F-39, F-40, F-42, F-43, F-45, F-46, F-57.
//
// Each condition is made for real in the sandbox's PostgreSQL. Slack takes one message a second in a channel, so three
// stacks work side by side: one with the conditions, one with an alarm whose database then refuses, one whose database is
// slow or away.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { Stack } from '../support/stack.mjs';
import { answerTo, freshWorld, postgres, watchPrivate } from '../support/cases.mjs';
import { answersTo, buttons, includes, shown, table } from './cards.mjs';

const every = { 'F-22': 'idempotency check', 'F-39': 'failed', 'F-40': 'db locks', 'F-42': 'db slow', 'F-43': 'db explain event evt-0', 'F-45': 'db indexes', 'F-46': 'db conns', 'F-57': 'db bloat' };
const TABLES = "CREATE ROLE app LOGIN; GRANT ALL ON events, idempotency_keys TO app; INSERT INTO events SELECT 'evt-' || n, 'u' || n FROM generate_series(0, 99) n";

// A connection of its own that stays open, as that of an application or a person.
class Session {
  static open = new Set();

  // Of a test that has failed, too: node waits for its children.
  static endAll(stack) {
    return Promise.all([...Session.open].filter((session) => session.stack === stack).map((session) => session.end()));
  }

  constructor(stack, name) {
    this.stack = stack;
    this.name = name;
    this.process = spawn('psql', ['-qAt', stack.database.replace('//fluxa@', '//app@')], { env: { ...process.env, PGAPPNAME: name }, stdio: ['pipe', 'ignore', 'ignore'] });
    this.ended = new Promise((done) => this.process.on('exit', done));
    Session.open.add(this);
  }

  // Sends a statement and waits until PostgreSQL shows the session so.
  async does(statement, condition) {
    this.process.stdin.write(`${statement};\n`);
    await this.stack.until(async () => (await value(this.stack, `SELECT count(*) FROM pg_stat_activity WHERE application_name = '${this.name}' AND ${condition}`)) === '1', `${this.name}: ${condition}`);
  }

  async end() {
    Session.open.delete(this);
    this.process.kill('SIGKILL');
    await this.ended;
    await postgres(this.stack, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '${this.name}'`);
    await this.stack.until(async () => (await value(this.stack, `SELECT count(*) FROM pg_stat_activity WHERE application_name = '${this.name}'`)) === '0', `${this.name} to be gone`);
  }
}

function value(stack, statement) {
  return new Promise((done, failed) => {
    const psql = spawn('psql', ['-qAt', stack.database, '-c', statement], { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    psql.stdout.on('data', (part) => (text += part));
    psql.on('close', (code) => (code === 0 ? done(text.trim()) : failed(new Error(`psql: ${code}`))));
  });
}

// A failure's title names the command; F-46 answers all the same.
const isCardOf = (card, command) => (command === 'db conns' ? /The database does not answer the bot/.test(shown(card)) : new RegExp(`Failed: /fluxa ${command.split(' evt')[0]}\\b`).test(shown(card)));

const ONE_AT_A_TIME = { concurrency: 1 };
const waits = "wait_event_type = 'Lock'";
const holds = "state = 'idle in transaction'";

describe('the rows that ask PostgreSQL', { concurrency: true }, () => {
  describe('with the condition', ONE_AT_A_TIME, () => {
    let stack;
    before(async () => {
      stack = await Stack.start();
      await freshWorld(stack, {});
      await postgres(stack, TABLES);
    });
    afterEach(() => Session.endAll(stack));
    after(() => stack?.stop());

    test('F-39 says that nothing failed, counts by reason, and tells how many it does not show', async () => {
      await postgres(stack, 'TRUNCATE idempotency_keys');
      const none = await answerTo(stack, '/fluxa failed');
      includes(none, /No event has failed/);
      assert.deepEqual(table(none), []);
      await postgres(stack, `INSERT INTO idempotency_keys SELECT 'dbc-' || n, 'failed', 3, 'DBConnectionError', now() - n * interval '1 min' FROM generate_series(1, 20) n;
        INSERT INTO idempotency_keys SELECT 'hash-' || n, 'failed', 7, NULL, now() - n * interval '1 hour' FROM generate_series(1, 3) n;
        INSERT INTO idempotency_keys VALUES ('old', 'failed', 1, 'Timeout', now() - interval '3 days'), ('good', 'success', 1, NULL, now())`);
      const card = await answerTo(stack, '/fluxa failed');
      includes(card, /23 events failed in the last 24 h/, /Most of DBConnectionError: 20 of 23/, /20 × DBConnectionError, last 1 min ago, at most 3 attempts\n• 3 × \(none\), last 1 h ago, at most 7 attempts/, /newest 15 are shown, 9 more are in the file in the thread/);
      assert.equal(table(card).length, 16);
      assert.deepEqual(table(card)[1], ['dbc-1', 'DBConnectionError', '3', '1 min ago']);
      assert.ok(!/old|good|Timeout/.test(JSON.stringify(table(card))));
      assert.deepEqual(buttons(card), ['Show the newest', 'Sort by cause', 'Show connections']);
      const few = await answerTo(stack, '/fluxa failed 2');
      includes(few, /Only the newest 2 were read; there may be older ones/);
      assert.equal(table(few).length, 3);
      await postgres(stack, "DELETE FROM idempotency_keys WHERE event_id <> 'old'");
      includes(await answerTo(stack, '/fluxa failed'), /No event failed in the last 24 h/, /newest failure is from 3 d/);
    });

    test('F-40 and F-42 draw who waits for whom, and show no literal', async () => {
      await postgres(stack, "INSERT INTO idempotency_keys VALUES ('locked', 'failed') ON CONFLICT DO NOTHING");
      const names = ['holder', 'second', 'third'], sessions = names.map((name) => new Session(stack, name));
      const update = (email) => `/* by ${email} */ UPDATE idempotency_keys SET attempts = 4111, error_reason = '${email}' WHERE event_id = 'locked'`;
      await sessions[0].does(`BEGIN; ${update('anna@example.com')}`, holds);
      await sessions[1].does(update('bo@example.com'), waits);
      await sessions[2].does(update('cara@example.com'), waits);
      const [holder, second, third] = await Promise.all(names.map((name) => value(stack, `SELECT pid FROM pg_stat_activity WHERE application_name = '${name}'`)));
      await stack.until(async () => (await value(stack, "SELECT min(now() - query_start) > interval '1.1 s' FROM pg_stat_activity WHERE application_name IN ('holder', 'second', 'third')")) === 't', 'all to run for a second');
      const locks = await answerTo(stack, '/fluxa db locks');
      const slow = await answerTo(stack, '/fluxa db slow 1');
      for (const session of sessions) await session.end();

      includes(locks, /2 sessions wait for a lock/, new RegExp(`Blocked by pid ${holder} \\(app, idle in transaction for \\d+ s\\): end that transaction first`));
      includes(locks, new RegExp(`pid ${holder} app idle in transaction: UPDATE idempotency_keys SET attempts = \\?, error_reason = …\\n  pid ${second} app waits \\d+ s\\n    pid ${third} app waits \\d+ s`));
      includes(locks, /Deadlocks\*\n0 since/, /Lock timeout\*\nnone: waits for ever/, /Deadlock check after\*\n1 s/);
      includes(slow, /3 queries run longer than 1 s/, new RegExp(`longest is pid ${holder} of app, idle in transaction for \\d+ s; its transaction is open and does nothing`), new RegExp(`pid ${second} of app / second: \\d+ s, active, waits for Lock transactionid: UPDATE`));
      assert.ok(buttons(slow).includes('Show locks'));
      for (const card of [locks, slow]) assert.ok(!/example\.com|4111/.test(JSON.stringify(card)), 'no literal');
    });

    test('F-40 counts deadlocks, and says so when nobody waits', async () => {
      await postgres(stack, "INSERT INTO idempotency_keys VALUES ('one', 'failed'), ('two', 'failed')");
      for (const change of ["SET deadlock_timeout = '100ms'", "SET lock_timeout = '7s'"]) await postgres(stack, `ALTER SYSTEM ${change}`);
      await postgres(stack, 'SELECT pg_reload_conf()');
      const left = new Session(stack, 'left'), right = new Session(stack, 'right');
      const touch = (id) => `UPDATE idempotency_keys SET attempts = 1 WHERE event_id = '${id}'`;
      await left.does(`BEGIN; ${touch('one')}`, holds);
      await right.does(`BEGIN; ${touch('two')}`, holds);
      left.process.stdin.write(`${touch('two')};\n`);
      right.process.stdin.write(`${touch('one')};\n`);
      await stack.until(async () => (await value(stack, "SELECT count(*) FROM pg_stat_activity WHERE state LIKE '%(aborted)'")) === '1', 'the deadlock');
      await Promise.all([left.end(), right.end()]);
      await stack.until(async () => (await value(stack, "SELECT deadlocks FROM pg_stat_database WHERE datname = 'fluxa'")) === '1', 'the deadlock to be counted');
      includes(await answerTo(stack, '/fluxa db locks'), /Nobody waits for a lock/, /Deadlocks\*\n1 since/, /Lock timeout\*\n7 s/, /Deadlock check after\*\n100 ms/);
      await postgres(stack, 'ALTER SYSTEM RESET ALL');
      await postgres(stack, 'SELECT pg_reload_conf()');
    });

    test('F-42 names the slowest on average, or that nobody knows', async () => {
      await postgres(stack, "SELECT pg_stat_statements_reset(); SELECT pg_sleep(0.3), 'anna@example.com'");
      const card = await answerTo(stack, '/fluxa db slow');
      includes(card, /No query runs longer than 30 s/, /Logged when slower than\*\nnever logged/, /Statements end after\*\nnever/);
      assert.match(table(card)[1].join(' | '), /^3\d\d\.\d ms \| 3\d\d\.\d ms \| 1 \| SELECT pg_sleep/);
      assert.ok(!/anna/.test(JSON.stringify(card)));
      await postgres(stack, 'DROP EXTENSION pg_stat_statements');
      const without = await answerTo(stack, '/fluxa db slow');
      includes(without, /Mean times: no data\. pg_stat_statements is not installed/);
      assert.deepEqual(table(without), []);
    });

    test('F-43 tells an index from a scan, of one event and no other statement', async () => {
      const card = await answerTo(stack, '/fluxa db explain event evt-7');
      includes(card, /Index Scan: the lookup uses an index\. It took \d+\.\d+ ms/, /```Index Scan using events_pkey[^]*Index Cond: \(event_id = 'evt-7'::text\)[^]*Execution Time/, /ANALYZE has run the statement once, read-only/);
      await postgres(stack, 'ALTER TABLE events DROP CONSTRAINT events_pkey');
      const scan = await answerTo(stack, '/fluxa db explain event evt-7');
      includes(scan, /Seq Scan: every row of events is read/, /Rows Removed by Filter: 99/);
      assert.ok(buttons(scan).includes('Show indexes'));
      const told = await watchPrivate(stack, 'requester');
      for (const hostile of ["x'; DELETE FROM events; --", 'x" OR 1=1', '$1', 'evt-7 ANALYZE']) await stack.command('requester', `/fluxa db explain event ${hostile}`);
      await told(/Nothing was done/);
      assert.equal(await value(stack, 'SELECT count(*) FROM events'), '100');
    });

    test('F-22 and F-45 without the primary key, with duplicates, an unused and an invalid index', async () => {
      await postgres(stack, "INSERT INTO events SELECT 'evt-1' FROM generate_series(1, 3); INSERT INTO events VALUES ('evt-2'); CREATE INDEX idx_events_user_id ON events (user_id); CREATE INDEX idle_index ON idempotency_keys (status)");
      await stack.world({ logs: [{ group: '/aws/lambda/fluxa-processor', message: '{"status":"failure","error_code":"IdempotencyConflict","message":"idempotency check failed"}' }] });
      const check = await answerTo(stack, '/fluxa idempotency check');
      includes(check, /2 duplicate events/, /events lacks PRIMARY KEY \(event_id\): a retry can store an event twice\. It has happened/, /events\*\nno primary key/, /idempotency_keys\*\nPRIMARY KEY \(event_id\)/, /Failures in the log\*\n1 × IdempotencyConflict/);
      assert.deepEqual(table(check), [['Event', 'Rows'], ['evt-1', '4'], ['evt-2', '2']]);
      await postgres(stack, "DELETE FROM events a USING events b WHERE a.event_id = b.event_id AND a.ctid > b.ctid; UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'idx_events_user_id'::regclass");
      includes(await answerTo(stack, '/fluxa idempotency check'), /A primary key is missing/, /It has not happened: all of events was read/);
      const invalid = await answerTo(stack, '/fluxa db indexes');
      includes(invalid, /3 indexes missing, 2 unused/, /Invalid: idx_events_user_id\. A build failed/, /event_id: missing\n• user_id: idx_events_user_id INVALID/, /ts: missing/);
      await postgres(stack, 'DROP INDEX idx_events_user_id; ALTER TABLE events ADD PRIMARY KEY (event_id, ts)');
      includes(await answerTo(stack, '/fluxa idempotency check'), /events lacks PRIMARY KEY \(event_id\)/, /events\*\nPRIMARY KEY \(event_id, ts\)/);
      await postgres(stack, 'ALTER TABLE events DROP CONSTRAINT events_pkey, ADD PRIMARY KEY (event_id); CREATE INDEX ON events (user_id); CREATE INDEX ON events (ts)');
      includes(await answerTo(stack, '/fluxa idempotency check'), /No event can be stored twice/, /The full scan was skipped/);
      const whole = await answerTo(stack, '/fluxa db indexes');
      includes(whole, /No index is missing/, /event_id: events_pkey \(primary key\)/);
      assert.ok(table(whole).some(([name, of]) => name === 'idle_index' && of === 'idempotency_keys'));
      assert.ok(!table(whole).some(([name]) => name === 'events_pkey'), 'a unique index is never called unused');
    });

    test('F-46 counts clients, not processes, and names their owners', async () => {
      const one = new Session(stack, 'pool'), two = new Session(stack, 'worker');
      await one.does('SELECT 1', "state = 'idle'");
      await two.does('BEGIN', holds);
      const card = await answerTo(stack, '/fluxa db conns');
      await Promise.all([one.end(), two.end()]);
      includes(card, /3 of 100 connections taken \(3%\)/, /94 are left for ordinary roles/, /Reserved\*\n3 for superusers/, /Idle\*\n33.3%, 1 more in a transaction/, /RDS, last hour\*\n▁+ now 18, max 18/);
      assert.ok(Number(shown(card).match(/All processes\*\n(\d+)/)[1]) > 3);
      assert.deepEqual(table(card).slice(1).map(([role, app, state, count]) => `${role} ${app} ${state} ${count}`).sort(), ['app pool idle 1', 'app worker idle in transaction 1', 'fluxabot_ro fluxabot active 1']);
    });

    test('F-57 tells the share of dead rows, and that a table has none counted', async () => {
      await postgres(stack, "CREATE TABLE untouched (n int); CREATE TABLE stale (n int) WITH (autovacuum_enabled = false); INSERT INTO stale SELECT generate_series(1, 4000)");
      await postgres(stack, 'DELETE FROM stale WHERE n <= 3000');
      await stack.until(async () => (await value(stack, "SELECT n_dead_tup FROM pg_stat_user_tables WHERE relname = 'stale'")) === '3000', 'the statistics');
      const card = await answerTo(stack, '/fluxa db bloat');
      includes(card, /Vacuum does not keep up/, /stale: 75(\.0)?% dead, never vacuumed/);
      assert.deepEqual(table(card)[1].slice(0, 3), ['stale', '75.0% (3000)', 'never']);
      assert.equal(table(card).find(([name]) => name === 'untouched')[1], 'no data');
      await postgres(stack, 'VACUUM stale');
      await stack.until(async () => (await value(stack, "SELECT n_dead_tup FROM pg_stat_user_tables WHERE relname = 'stale'")) === '0', 'the statistics');
      const clean = await answerTo(stack, '/fluxa db bloat');
      includes(clean, /Dead rows are within bounds/);
      assert.match(table(clean).find(([name]) => name === 'stale').join(' '), /^stale 0\.0% \(0\) \d+ (ms|s) ago/);
    });
  });

  describe('refused', ONE_AT_A_TIME, () => {
    let stack;
    before(async () => {
      stack = await Stack.start();
      await freshWorld(stack, {});
      await postgres(stack, TABLES);
    });
    afterEach(() => Session.endAll(stack));
    after(() => stack?.stop());

    test('the alarm of a busy database looks at connections, locks and slow queries by itself', async () => {
      await stack.alarm('fluxa-DBHighCPU-dev', 'ALARM');
      const card = await stack.until(() => stack.card(/fluxa-DBHighCPU-dev/), 'the alarm card');
      await stack.until(async () => {
        const replies = JSON.stringify((await stack.message(card.ts)).replies ?? []);
        return /connections taken/.test(replies) && /Nobody waits for a lock/.test(replies) && /No query runs longer/.test(replies);
      }, 'the diagnosis');
    });

    test('F-40, F-42 and F-46 say that the sessions of others are hidden, not that there are none', async () => {
      await postgres(stack, 'REVOKE pg_read_all_stats FROM fluxabot_ro');
      const session = new Session(stack, 'hidden');
      await session.does('BEGIN', holds);
      for (const command of ['db locks', 'db slow 1', 'db conns']) includes(await answerTo(stack, `/fluxa ${command}`), /GRANT pg_read_all_stats/);
      includes((await stack.messages()).at(-1), /at least 1 of 100/, /Idle\*\nnot visible/);
      await session.end();
      await postgres(stack, 'GRANT pg_read_all_stats TO fluxabot_ro');
    });

    test('every row names the grant that is missing', async () => {
      const views = 'pg_stat_activity, pg_stat_user_tables, pg_index, pg_constraint';
      await postgres(stack, `REVOKE SELECT ON events, idempotency_keys FROM fluxabot_ro; REVOKE SELECT ON ${views} FROM PUBLIC`);
      const cards = await answersTo(stack, Object.values(every), isCardOf);
      await postgres(stack, `GRANT SELECT ON events, idempotency_keys TO fluxabot_ro; GRANT SELECT ON ${views} TO PUBLIC`);
      for (const [row, command] of Object.entries(every)) includes(cards.get(command), /permission denied for (table|view) \w+; let the database's owner give the bot's role the grants that README\.md lists/, row === 'F-46' ? /RDS counts 18 connections/ : /Nothing was changed/);
    });

    test('F-46 answers from RDS when no connection is left for the bot', async () => {
      await postgres(stack, 'ALTER ROLE fluxabot_ro CONNECTION LIMIT 0');
      const card = await answerTo(stack, '/fluxa db conns');
      includes(card, /The database does not answer the bot/, /RDS counts 18 connections now, at most 18 in the last hour/, /too many connections for role "fluxabot_ro"; no connection is free/, /Clients\*\nno data/);
      await stack.fault('cloudwatch:GetMetricData', 'denied', { rate: 1 });
      const neither = await answerTo(stack, '/fluxa db conns');
      await stack.post('fault', { clear: true });
      includes(neither, /RDS has no number either: connections are unknown/, /RDS, last hour\*\ncould not be read/);
      await postgres(stack, 'ALTER ROLE fluxabot_ro CONNECTION LIMIT -1');
    });

    test('F-22 answers without the logs, and says so', async () => {
      await stack.fault('logs:StartQuery', 'denied', { rate: 1 });
      const card = await answerTo(stack, '/fluxa idempotency check');
      await stack.post('fault', { clear: true });
      includes(card, /No event can be stored twice/, /Failures in the log\*\ncould not be read/);
    });

    test('a lock in the way is named, and is not waited for', async () => {
      const session = new Session(stack, 'migration');
      await session.does('BEGIN; LOCK TABLE idempotency_keys IN ACCESS EXCLUSIVE MODE', holds);
      includes(await answerTo(stack, '/fluxa failed'), /lock timeout; somebody holds a lock it needs; look who/, /Nothing was changed/);
      await session.end();
    });
  });

  describe('slow, then away', ONE_AT_A_TIME, () => {
    let stack;
    before(async () => {
      stack = await Stack.start();
      await freshWorld(stack, {});
      await postgres(stack, TABLES);
    });
    afterEach(() => Session.endAll(stack));
    after(() => stack?.stop());

    test('every row says that it was stopped, and asks no second time', async () => {
      const names = ['pg_stat_activity', 'pg_stat_user_tables', 'pg_index', 'pg_constraint', 'public.events', 'public.idempotency_keys'];
      await postgres(stack, `INSERT INTO idempotency_keys VALUES ('evt-0', 'failed'); CREATE SCHEMA slow; GRANT USAGE ON SCHEMA slow TO fluxabot_ro;
        ${names.map((name) => `CREATE VIEW slow.${name.replace('public.', '')} AS SELECT * FROM ${name.includes('.') ? name : `pg_catalog.${name}`} WHERE (SELECT pg_sleep(60)) IS NOT NULL`).join('; ')};
        GRANT SELECT ON ALL TABLES IN SCHEMA slow TO fluxabot_ro; ALTER ROLE fluxabot_ro SET search_path = slow, pg_catalog, public`);
      const cards = await answersTo(stack, Object.values(every), isCardOf);
      await postgres(stack, 'ALTER ROLE fluxabot_ro RESET search_path');
      for (const [row, command] of Object.entries(every)) includes(cards.get(command), /canceling statement due to statement timeout; it was stopped and is not tried again; ask when the database is less busy/, row === 'F-46' ? /RDS counts 18 connections/ : /Nothing was changed/);
      assert.equal((await stack.log()).filter((line) => line.event === 'job.retry').length, 0);
    });

    test('every row says that the database is away, and what to look at', async () => {
      const pid = Number((await readFile(path.join(stack.dir, 'postgres.pid'), 'utf8')).trim());
      process.kill(pid, 'SIGINT');
      await stack.until(() => { try { process.kill(pid, 0); return false; } catch { return true; } }, 'PostgreSQL to end');
      const cards = await answersTo(stack, Object.values(every), isCardOf);
      for (const [row, command] of Object.entries(every)) includes(cards.get(command), /cannot be reached[^]*Connection refused; see that it runs, and that it lets the bot's address and role in/, row === 'F-46' ? /RDS counts 18 connections/ : /Nothing was changed/);
      assert.ok(!/postgresql:\/\//.test(JSON.stringify([...cards.values()])), 'no connection string');
    });
  });
});
