// audit.test.mjs - T31, F26: the head of the audit log lies outside the database, an old backup is noticed and
// freezes changes until an operator says why, and the log answers questions while the bot works.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { build, Stack } from '../support/stack.mjs';
import { answerTo, edit, freshWorld, restart, sql, watchPrivate } from '../support/cases.mjs';
import { commandBody, sendCommand } from '../support/senders.mjs';

const program = path.join(build, 'fluxabot');
let stack, database, anchors;

before(async () => {
  stack = await Stack.start();
  database = path.join(stack.dir, 'fluxabot.db');
  anchors = `${database}.audit-anchors`;
});
after(() => stack?.stop());

// What the program says and how it ends; env names files for the operator.
async function audit(...words) {
  try {
    const { stdout, stderr } = await promisify(execFile)(program, ['audit', ...words, '--config', stack.config], { maxBuffer: 64 << 20 });
    return { code: 0, out: stdout, err: stderr };
  } catch (error) {
    return { code: error.code, out: error.stdout, err: error.stderr };
  }
}

// The last one may be half written.
const lines = async (file) => (await readFile(file, 'utf8')).split('\n').slice(0, -1).map((line) => JSON.parse(line));
const rowCount = async () => (await sql(stack, 'SELECT count(*) AS n FROM audit'))[0].n;
const gauge = async () => Number(/^fluxabot_changes_frozen (\d)$/m.exec(await stack.metrics())[1]);

test('a bot that is stopped has anchored its last row, and an auditor needs the public key alone', async () => {
  await answerTo(stack, '/fluxa dlq');
  await stack.killBot('SIGTERM');
  const rows = await rowCount();
  const made = await lines(anchors);
  assert.equal(made.at(-1).n, rows);
  assert.equal(made.at(-1).hash, (await sql(stack, `SELECT hash FROM audit WHERE n = ${rows}`))[0].hash);
  const whole = await audit('verify');
  assert.equal(whole.code, 0, whole.err);
  assert.match(whole.out, new RegExp(`^${rows} rows, whole; head .*\\n\\d+ anchors? fits?; the newest, of .* vouches for every row up to ${rows}\n$`));

  assert.equal((await stat(`${database}.audit-key`)).mode & 0o777, 0o600);
  const { out: key } = await audit('key');
  assert.match(key, /^# fluxabot audit key [0-9a-f]{16}\n-----BEGIN PUBLIC KEY-----\n/);
  const folder = await mkdtemp(path.join(stack.dir, 'auditor-'));
  const publicKey = path.join(folder, 'key.pem'), copy = path.join(folder, 'anchors');
  await writeFile(publicKey, key);
  await copyFile(anchors, copy);
  assert.equal((await audit('verify', '--anchors', copy, '--public-key', publicKey)).code, 0);
  // the bot's own log, as journald has it, is as good as the file
  assert.match((await audit('verify', '--anchors', path.join(stack.dir, 'fluxabot.log'), '--public-key', publicKey)).out, new RegExp(`up to ${rows}\n`));

  const secret = (await readFile(`${database}.audit-key`, 'utf8')).split('\n')[1];
  const dump = (await promisify(execFile)('sqlite3', [database, '.dump'], { maxBuffer: 64 << 20 })).stdout;
  for (const text of [await readFile(path.join(stack.dir, 'fluxabot.log'), 'utf8'), dump, whole.out, key]) assert.ok(!text.includes(secret.slice(-40)), 'the private key is nowhere but in its file');
  await stack.startBot();
});

test('wrong keys, forged, changed and missing anchors are named', async () => {
  await answerTo(stack, '/fluxa dlq');
  await restart(stack, 'SIGTERM'); // so that there are two
  const folder = await mkdtemp(path.join(stack.dir, 'auditor-'));
  const file = path.join(folder, 'anchors');
  const text = await readFile(anchors, 'utf8');
  const all = text.trim().split('\n');
  const findings = [
    [text.replace(/"n":(\d+)/, '"n":1'), /^line 1 of .* does not carry the signature of key/],
    [text.replace('{', '{,'), /^line 1 of .* is no anchor: it was changed/],
    [`${[...all].reverse().join('\n')}\n`, /^line 2 of .* does not follow from the anchor before it/],
    [`${all[0]}\n${all[0]}\n`, /^line 2 of .* does not follow from the anchor before it/],
    ['', /holds no anchor/],
  ];
  for (const [changed, pattern] of findings) {
    await writeFile(file, changed);
    const { code, err } = await audit('verify', '--anchors', file);
    assert.equal(code, 1, `${pattern}`);
    assert.match(err, pattern);
    assert.match(err, /audit accept --reason/, 'what to do is said');
  }
  await writeFile(file, `${all.at(-1)}\n`);
  assert.equal((await audit('verify', '--anchors', file)).code, 0, 'one line, as from Slack, is enough');
  const other = path.join(folder, 'other.pem');
  await promisify(execFile)('sh', ['-c', `openssl genpkey -algorithm ed25519 | openssl pkey -pubout -out ${other}`]);
  const foreign = await audit('verify', '--public-key', other);
  assert.equal(foreign.code, 1);
  assert.match(foreign.err, /^line 1 of .* was signed by key [0-9a-f]{16}, which was not given/);
  await writeFile(other, `${await readFile(other, 'utf8')}${(await audit('key')).out}`);
  assert.equal((await audit('verify', '--public-key', other)).code, 0, 'keys of all times in one file');
  assert.equal((await audit('verify', '--public-key', '/nowhere/key.pem')).code, 2);
  assert.equal((await audit('verify', '--anchors', '/nowhere/anchors')).code, 2);

  // the bot's own file must be complete: the store remembers its end
  await stack.killBot('SIGTERM');
  const kept = await readFile(anchors, 'utf8');
  await writeFile(anchors, `${kept.trim().split('\n').slice(0, -1).join('\n')}\n`);
  assert.match((await audit('verify')).err, /^anchors were cut off at the end of .*: the store remembers one for row \d+ that is not there/);
  await writeFile(anchors, `${kept.trim().split('\n').slice(1).join('\n')}\n`);
  assert.match((await audit('verify')).err, /^line 1 of .* does not begin it: anchors before it were removed/);
  await rm(anchors);
  assert.match((await audit('verify')).err, /holds no anchor, but the store remembers one for row \d+/);
  await writeFile(anchors, kept);
  assert.equal((await audit('verify')).code, 0);
  await stack.startBot();
});

test('the log answers who did what, beside the working bot', async () => {
  await freshWorld(stack, { DBConnectionError: 2 });
  await stack.alarm('fluxa-dlq-depth-dev', 'ALARM');
  await stack.until(() => stack.card(/is in alarm/), 'the alarm card');
  const [incident] = await stack.until(async () => {
    const found = await sql(stack, "SELECT i.id FROM incidents i JOIN runs r ON r.incident = i.id WHERE r.state = 5 ORDER BY i.opened_ms DESC LIMIT 1");
    return found.length > 0 ? found : undefined;
  }, 'the triage to be done', 30000);
  const about = await audit('show', '--incident', incident.id, '--json');
  assert.equal(about.code, 0, about.err);
  const told = about.out.trim().split('\n').map((line) => JSON.parse(line));
  assert.deepEqual(told.map((row) => row.action).slice(0, 2), ['incident.opened', 'run.started']);
  assert.ok(told.some((row) => row.action === 'run.ended'), 'its runs belong to it');
  assert.ok(told.every((row, i) => i === 0 || row.n > told[i - 1].n), 'newest last');

  const run = told.find((row) => row.action === 'run.started').subject;
  const ofRun = await audit('show', '--run', run);
  assert.deepEqual(ofRun.out.trim().split('\n').slice(1).map((line) => line.split(/ {2,}/)[2]), ['run.started', 'run.ended']);
  assert.match(ofRun.out, /^TIME \(UTC\) +ACTOR +ACTION +SUBJECT +DETAIL\n\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ {2}alarm/);

  const card = await stack.askRedrive('/fluxa dlq redrive rate=500');
  await stack.click('requester', card, 'approve'); // of his own request
  await stack.until(async () => (await sql(stack, "SELECT count(*) AS n FROM audit WHERE action = 'click.refused'"))[0].n === 1, 'the refusal');
  const [asked] = await sql(stack, 'SELECT run FROM approvals ORDER BY created_ms DESC LIMIT 1');
  assert.match((await audit('show', '--run', asked.run)).out, /click\.refused +approve/);

  for (let i = 0; i < 6; i++) await sendCommand(stack, commandBody('dlq redrive', { user_id: 'U0GUEST003' }));
  await stack.until(async () => (await sql(stack, "SELECT count(*) AS n FROM audit WHERE action = 'command.refused'"))[0].n === 6, 'the refusals');
  const refused = await audit('show', '--person', 'U0GUEST003', '--action', 'command.', '--limit', '5', '--json');
  assert.equal(refused.out.trim().split('\n').length, 5);
  assert.ok(refused.out.trim().split('\n').every((line) => JSON.parse(line).actor === 'U0GUEST003' && JSON.parse(line).detail.text === 'dlq redrive'));
  assert.match(refused.err, /^1 earlier row is not shown; --limit 6 shows all/);
  const newest = JSON.parse((await audit('show', '--json', '--limit', '1')).out);
  assert.equal((await audit('show', '--since', newest.time, '--until', newest.time)).out.trim().split('\n').length, 1, 'until is not included');
  const since = await audit('show', '--since', newest.time, '--json');
  assert.ok(since.out.trim().split('\n').map((line) => JSON.parse(line).n).includes(newest.n), 'since is');
  assert.match((await audit('show', '--until', '400d')).err, /no row of the audit log is about that/);
  for (const words of [['--since', 'yesterday'], ['--limit', '0'], ['--limit', 'x'], ['--until']]) assert.equal((await audit('show', ...words)).code, 2, words.join(' '));

  // foreign text does not reach the terminal as commands
  await sendCommand(stack, commandBody('dlq redrive \u001b[2J\u202egnp', { user_id: 'U0GUEST003' }));
  const shown = await stack.until(async () => {
    const { out } = await audit('show', '--action', 'command.refused', '--limit', '1');
    return out.includes('gnp') ? out : undefined;
  }, 'the row');
  assert.ok(!/[\u001b\u202e]/.test(shown), JSON.stringify(shown));
});

const approval = /"action_id":"approve"/;

test('what was asked before a freeze waits for its end', async () => {
  await freshWorld(stack, { DBConnectionError: 3 });
  const asked = await stack.askRedrive('/fluxa dlq redrive rate=500');
  assert.match(JSON.stringify(asked.blocks), approval);
  const effects = await stack.effects();
  await sql(stack, `INSERT INTO settings VALUES ('freeze', '{"by":"U0BOLIND02","at":${Date.now()},"reason":"month end"}') ON CONFLICT (name) DO UPDATE SET value = excluded.value`);
  const told = await watchPrivate(stack, 'approver');
  await stack.click('approver', asked, 'approve');
  await told(/^Changes are frozen since .*: month end; an admin ends this with unfreeze\. Your click changed nothing/);
  assert.deepEqual(await stack.effects(), effects);
  await sql(stack, "UPDATE settings SET value = '' WHERE name = 'freeze'");
  await stack.click('approver', asked, 'approve');
  assert.match((await stack.ending(asked)).text, /^Redrive finished: 3 of 3/);
});

test('an old backup freezes changes, reading goes on, and only a reason ends it', async () => {
  await freshWorld(stack, { DBConnectionError: 3 });
  await stack.killBot('SIGTERM');
  await copyFile(database, `${database}.backup`);
  await stack.startBot();
  const finished = await stack.approvedRedrive('/fluxa dlq redrive rate=500');
  assert.match(finished.text, /^Redrive finished/);
  await stack.killBot('SIGTERM');
  const lost = (await lines(anchors)).at(-1).n;
  await copyFile(`${database}.backup`, database);

  const verdict = await audit('verify');
  assert.equal(verdict.code, 1);
  assert.match(verdict.err, new RegExp(`^the audit log ends at row \\d+, but the anchor of .* vouches for row \\d+: rows were cut off, or an old backup was restored`));
  for (let i = 0; i < 2; i++) {
    await stack.startBot(); // ready, although frozen
    await stack.until(async () => (await gauge()) === 1, 'the gauge');
    assert.match((await answerTo(stack, '/fluxa dlq')).text, /./, 'reading goes on');
    const refused = await stack.askRedrive('/fluxa dlq redrive rate=500');
    assert.match(refused.text, /^Refused: .*Changes are frozen since .*vouches for row \d+.*audit accept --reason/s);
    assert.doesNotMatch(JSON.stringify(refused.blocks), approval);
    await stack.killBot('SIGTERM');
    assert.equal((await lines(anchors)).at(-1).n, lost, 'nothing is put behind the anchor that does not fit');
  }
  await stack.startBot();
  const frozen = async () => (await stack.messages()).filter((message) => /^Changes are frozen/.test(message.text));
  await stack.until(async () => (await frozen()).length > 0, 'the card');
  assert.equal((await frozen()).length, 1, 'told once, not at every start');

  for (const words of [[], ['--reason', '  '], ['--reason']]) assert.equal((await audit('accept', ...words)).code, 2);
  assert.equal(await gauge(), 1);
  const accepted = await audit('accept', '--reason', 'the disk died and the backup of last night was restored'); // beside the running bot
  assert.equal(accepted.code, 0, accepted.err);
  await stack.until(() => stack.card(/The audit log was accepted as it is.*backup of last night/s), 'people to be told', 20000);
  await freshWorld(stack, { DBConnectionError: 3 });
  assert.match(JSON.stringify((await stack.askRedrive('/fluxa dlq redrive rate=500')).blocks), approval, 'changes may be asked for again');
  assert.equal(await gauge(), 0);
  const [row] = await sql(stack, "SELECT actor, detail_json FROM audit WHERE action = 'audit.accepted'");
  assert.match(row.actor, /^terminal:./);
  assert.match(row.detail_json, /backup of last night/);

  await stack.killBot('SIGTERM');
  const whole = await audit('verify');
  assert.equal(whole.code, 0, whole.err);
  assert.match(whole.out, /^what does not fit before row \d+ was accepted on .*: the disk died and the backup of last night was restored\n\d+ rows, whole/);
  await sql(stack, 'UPDATE audit SET actor = actor || 1 WHERE n = (SELECT max(n) - 1 FROM audit)');
  assert.match((await audit('verify')).err, /^row \d+ does not follow from the rows before it/, 'what comes later is watched as before');
  await sql(stack, 'UPDATE audit SET actor = substr(actor, 1, length(actor) - 1) WHERE n = (SELECT max(n) - 1 FROM audit)');
  assert.equal((await audit('verify')).code, 0);
});

test('an old backup is noticed too when the bot was killed soon after a change', async () => {
  await stack.startBot();
  await freshWorld(stack, { DBConnectionError: 3 });
  await stack.killBot('SIGTERM');
  await copyFile(database, `${database}.backup`);
  await stack.startBot();
  assert.match((await stack.approvedRedrive('/fluxa dlq redrive rate=500')).text, /^Redrive finished/);
  const [{ n }] = await sql(stack, "SELECT min(n) AS n FROM audit WHERE action = 'effect.begun' AND subject = (SELECT subject FROM audit WHERE action = 'effect.begun' ORDER BY n DESC LIMIT 1)");
  await stack.until(async () => (await lines(anchors)).at(-1).n >= n, 'an anchor of its promise', 5000);
  await stack.killBot('SIGKILL');
  const kept = await readFile(anchors, 'utf8');
  for (const file of [database, `${database}-wal`, `${database}-shm`]) await rm(file, { force: true });
  await copyFile(`${database}.backup`, database);
  await stack.startBot();
  const isRefused = async (why) => {
    await sendCommand(stack, commandBody('dlq redrive rate=500'));
    await stack.until(() => stack.card(why), `a refusal: ${why}`, 20000);
  };
  await isRefused(/^Refused: .*Changes are frozen since .*vouches for row \d+/s);
  await stack.killBot('SIGTERM');

  // the file itself is lost, while the database is the right one
  assert.equal((await audit('accept', '--reason', 'a backup')).code, 0);
  await stack.startBot();
  await stack.until(async () => (await gauge()) === 0, 'the end of the freeze');
  await stack.killBot('SIGTERM');
  await rm(anchors);
  await stack.startBot();
  await isRefused(/^Refused: .*Changes are frozen since .*has none, or is gone.*audit accept --reason/s);
  await writeFile(anchors, kept);
  assert.equal((await audit('accept', '--reason', 'the file was lost with its disk')).code, 0);
  await stack.until(async () => (await gauge()) === 0, 'the end of this one', 20000);
});

test('a configured key must exist, anchors go where they are told, and Slack keeps them in one thread', async () => {
  await stack.killBot('SIGTERM');
  const original = await readFile(stack.config, 'utf8');
  const key = path.join(stack.dir, 'secrets/audit.pem'), elsewhere = path.join(stack.dir, 'world/anchors.jsonl');
  await edit(stack, (text) => `${text}audit: { key: { file: "${key}" }, anchor: { file: "${elsewhere}", channel: C0FLUXA0001 } }\n`);
  const check = () => promisify(execFile)(program, ['check', '--config', stack.config]).then(() => '', (error) => error.stderr);
  assert.match(await check(), /audit\.key\.file: .* cannot be read .*openssl genpkey -algorithm ed25519 -out/);
  await writeFile(key, 'no key');
  assert.match(await check(), /audit\.pem: not an Ed25519 private key in PEM without a password/);
  await promisify(execFile)('openssl', ['genpkey', '-algorithm', 'ed25519', '-out', key]);
  assert.equal(await check(), '');
  await stack.startBot();
  await answerTo(stack, '/fluxa dlq');
  await stack.killBot('SIGTERM');
  assert.equal((await lines(elsewhere)).length, 1);
  await stack.startBot();
  const thread = await stack.until(async () => {
    const head = await stack.card(/^Anchors of the audit log/);
    return head?.replies?.length > 0 ? head : undefined;
  }, 'the thread', 20000);
  assert.match(JSON.stringify(thread.replies[0].blocks), new RegExp((await lines(elsewhere))[0].signature.slice(0, 64)));
  await stack.killBot('SIGTERM');
  assert.equal((await audit('verify')).code, 0);
  await writeFile(stack.config, original.replace(/sqlite:\/\/[^"]*/, 'postgresql://x/y'));
  assert.match(await check(), /fluxabot\.yaml:\d+: audit\.key\.file is missing, and with PostgreSQL no key is made by itself/);
  assert.match(await check(), /audit\.anchor\.file is missing/);
  await writeFile(stack.config, original);
});

// The last one, because it leaves a thousand refusals to be whispered.
test('a thousand rows are anchored while the bot works', async () => {
  await restart(stack, 'SIGTERM');
  const before = await rowCount();
  const refused = () => sendCommand(stack, commandBody('dlq redrive', { user_id: 'U0GUEST003' }));
  for (let sent = 0; sent < 1000; sent += 20) {
    const answers = await Promise.all(Array.from({ length: 20 }, refused));
    assert.ok(answers.every((answer) => answer.status === 200), answers.map((answer) => answer.status).join());
  }
  await stack.until(async () => (await rowCount()) >= before + 1000, 'a thousand rows', 60000, 200);
  const newest = await stack.until(async () => (await lines(anchors)).find((one) => one.n >= before + 1000), 'an anchor of them', 30000, 200);
  assert.ok(newest.n <= (await rowCount()));
  const whole = await audit('verify'); // beside the working bot
  assert.equal(whole.code, 0, whole.err);
});
