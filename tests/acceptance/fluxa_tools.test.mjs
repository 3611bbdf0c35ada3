// fluxa_tools.test.mjs - commands from the terminal: run, plan, and the recorded cases beside the runbooks.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, readFile, readdir, rename, rmdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { Stack, build } from '../support/stack.mjs';
import { answerTo, freshWorld, ownRunbooks, postgres, watchEffects } from '../support/cases.mjs';

let stack, runbooks;
before(async () => {
  stack = await Stack.start({ edit: async (one) => void (runbooks = await ownRunbooks(one)) });
  await freshWorld(stack, { DBConnectionError: 2, HashMismatch: 1 });
});
after(() => stack?.stop());

async function program(...args) {
  const env = { ...process.env, ...(await stack.environment()) };
  return promisify(execFile)(path.join(build, 'fluxabot'), [...args, '--config', stack.config], { env }).then(({ stdout, stderr }) => ({ code: 0, stdout, stderr }), ({ code, stdout, stderr }) => ({ code, stdout, stderr }));
}

test('run answers what only reads, for people and for machines, and waits for what takes its time', async () => {
  const text = await program('run', 'fluxa', 'dlq');
  assert.equal(text.code, 0, text.stderr);
  assert.match(text.stdout, /^Fluxa-DLQ: 3 messages wait\n[^]*Dead letters: 3 visible/);
  const json = await program('run', 'fluxa', 'trace', 'c-nobody', 'window=1h', '--json');
  assert.equal(JSON.parse(json.stdout).verdict, 'No service logged it in the last 1 h.');
  assert.match((await program('run', 'fluxa', 'incident', 'sev1', 'nobody', 'can', 'pay', '--env', 'dev')).stdout, /service down: nobody can pay\n[^]*Dead letters \| bad \| Fluxa-DLQ: 3 messages wait/);
});

test('run refuses what changes something, and says what is wrong with the rest; exit codes tell them apart', async () => {
  const effects = await watchEffects(stack);
  for (const [words, code, told] of [
    [['dlq', 'redrive'], 1, /changes are decided in Slack; nothing was changed/],
    [['dlqq'], 2, /fluxa has no command dlqq/],
    [['event'], 2, /id is missing/],
    [['dlq', '--env', 'moon'], 2, /fluxa has no environment moon/],
    [[], 2, /give a system and a command/],
  ]) {
    const answer = await program('run', 'fluxa', ...words);
    assert.equal(answer.code, code, `${words}: ${answer.stderr}`);
    assert.match(answer.stderr, told);
  }
  assert.match((await program('run', 'chat', 'dlq')).stderr, /there is no system chat/);
  assert.equal((await program('run', 'fluxa', 'dlq', '--nothing')).code, 2);
  await stack.fault('sqs:GetQueueAttributes', 'denied', { rate: 1 });
  const denied = await program('run', 'fluxa', 'dlq');
  await stack.post('fault', { clear: true });
  assert.equal(denied.code, 1);
  assert.match(denied.stderr, /allow sqs:GetQueueAttributes for the bot's role/);
  assert.deepEqual((await effects()).filter(({ operation }) => !/Visibility|Receive/.test(operation)), []);
});

test('plan names the exact calls of a change and makes none of them', async () => {
  const effects = await watchEffects(stack);
  const { code, stdout } = await program('plan', 'fluxa', 'dlq', 'redrive', '20');
  assert.equal(code, 0);
  assert.match(stdout, /^Plan: redrive 2 of 3 messages\n[^]*Staying: 1 \(1 HashMismatch\)[^]*2 x sqs:SendMessage on arn:aws:sqs:us-east-1:123456789012:Fluxa-InputQueue\n2 x sqs:DeleteMessage on [^\n]*Fluxa-DLQ\nNothing of it was done/);
  assert.deepEqual((await effects()).filter(({ operation }) => !/Visibility|Receive/.test(operation)), []);
  assert.deepEqual(await stack.sql("SELECT id FROM runs WHERE command = 'dlq redrive'"), []);
  await freshWorld(stack, { HashMismatch: 1 });
  const none = await program('plan', 'fluxa', 'dlq', 'redrive');
  assert.equal(none.code, 1);
  assert.match(none.stderr, /nothing was changed/);
});

test('every case says what it said, in the order of its names', async () => {
  const { code, stdout } = await program('test');
  assert.equal(code, 0, stdout);
  const names = (await readdir(path.join(runbooks, 'tests'))).sort();
  assert.deepEqual(stdout.split('\n').filter((line) => line.startsWith('ok')), names.map((name) => `ok     fluxa/${name}`));
  assert.match(stdout, new RegExp(`${names.length} of ${names.length} cases say what they said`));
});

// What a step or a notice could not do is told on the card of a run that comes to its end.
const couldNot = ({ failed, steps }) => failed !== undefined || Object.values(steps).some((value) => value?.error || (value?.done === false && value.why !== undefined));
const CANNOT_FAIL = ['advice db-retry']; // it reads nothing

test('each command has a case that shows it carried out, and another in which it could not be', async () => {
  const folder = path.join(runbooks, 'tests'), said = new Map();
  const commands = (await Promise.all((await readdir(runbooks)).filter((name) => name.endsWith('.yaml')).map((name) => readFile(path.join(runbooks, name), 'utf8')))).flatMap((text) => text.match(/^command: (.*)$/m)?.[1] ?? []);
  const refused = new Set(CANNOT_FAIL);
  for (const name of await readdir(folder)) {
    const [one, card] = await Promise.all(['case.json', 'card.json'].map((file) => readFile(path.join(folder, name, file), 'utf8')));
    const { command } = JSON.parse(one), words = `${command}: ${card}`;
    if (couldNot(JSON.parse(one))) refused.add(command);
    assert.ok(!said.has(words), `${name} says what ${said.get(words)} says`);
    said.set(words, name);
  }
  assert.ok(commands.length > 70);
  assert.deepEqual(commands.filter((command) => !refused.has(command)), []);
  assert.doesNotMatch((await program('test')).stdout, /no case yet/);
});

test('commands without a case are named, and those whose cases show no more than a refusal or advice', async () => {
  const away = path.join(runbooks, 'away');
  for (const [names, told] of [
    [['queue'], /^no case yet that shows it carried out: queue$/m],
    [['restore'], /^no case yet that shows it carried out: restore$/m],
    [['db-max-connections'], /^no case yet that shows it carried out: db max-connections$/m],
    [['queue', 'queue-refused'], /^no case yet: queue$/m],
  ]) {
    await mkdir(away);
    for (const name of names) await rename(path.join(runbooks, 'tests', name), path.join(away, name));
    const { code, stdout } = await program('test');
    for (const name of names) await rename(path.join(away, name), path.join(runbooks, 'tests', name));
    await rmdir(away);
    assert.equal(code, 0, stdout);
    assert.match(stdout, told);
  }
});

test('a runbook that says something else fails its case, and the difference is shown', async () => {
  const file = path.join(runbooks, 'alarms.yaml'), text = await readFile(file, 'utf8');
  await writeFile(file, text.replace("'alarm') .. ' firing'", "'alarm') .. ' burning'"));
  const changed = await program('test');
  await writeFile(file, text.replaceAll(/\bpast\b/g, 'others'));
  const renamed = await program('test');
  await writeFile(file, text);
  assert.equal(changed.code, 1);
  assert.match(changed.stdout, /FAILED fluxa\/alarms\n {4}card\.json: [^\n]*alarms firing[^\n]*\n {4}now: [^\n]*alarms burning/);
  assert.match(renamed.stdout, /FAILED fluxa\/alarms: the case has no result of the step others; record it anew/);
});

test('the case of a change shows its plan, sends nothing, and fails when something else would be asked for', async () => {
  const effects = await watchEffects(stack);
  const file = path.join(runbooks, 'queue-retention.yaml'), text = await readFile(file, 'utf8');
  const same = await program('test');
  await writeFile(file, text.replace('text(arguments.days * 86400) }', 'text(arguments.days * 86401) }').replace('text(arguments.days * 86400)}', 'text(arguments.days * 86401)}'));
  const other = await program('test');
  await writeFile(file, text);
  assert.match(same.stdout, /ok {5}fluxa\/queue-retention\n {7}change: keep messages of Fluxa-InputQueue for 10 days\n {9}1 x sqs:SetQueueAttributes on [^\n]*864000[^\n]*\n {9}then: done\n/);
  assert.match(same.stdout, /ok {5}fluxa\/queue-retention-refused\n[^]{0,400}then: refused\n/);
  assert.doesNotMatch(same.stdout, /no case yet/);
  assert.equal(other.code, 1);
  assert.match(other.stdout, /FAILED fluxa\/queue-retention: change\.with\.Attributes\.MessageRetentionPeriod was approved as "864000" and is asked for as "864010"/);
  assert.deepEqual(await effects(), []);
});

test('a case is recorded of a run without its secrets, replays at once, and is not overwritten', async () => {
  const secret = ['AKIA', 'IOSFODNN7EXAMPLE'].join('');
  await postgres(stack, `INSERT INTO idempotency_keys (event_id, status, attempts, error_reason) VALUES ('evt-secret', 'failed', 1, 'AccessDenied for ${secret}')`);
  await answerTo(stack, '/fluxa event evt-secret');
  const [{ id }] = await stack.sql("SELECT id FROM runs WHERE command = 'event' ORDER BY created_ms DESC");
  const recorded = await program('test', '--record', 'event-secret', '--run', id);
  assert.equal(recorded.code, 0, recorded.stderr);
  const folder = path.join(runbooks, 'tests/event-secret');
  const all = (await Promise.all(['case.json', 'card.json'].map((name) => readFile(path.join(folder, name), 'utf8')))).join('');
  assert.match(all, /AccessDenied for \[redacted\]/);
  assert.ok(!all.includes(secret) && !all.includes('U0ANNA'));
  assert.match((await program('test')).stdout, /ok {5}fluxa\/event-secret/);
  assert.match((await program('test', '--record', 'event-secret', '--run', id)).stderr, /nothing was recorded: .*it exists; remove the case first/);
  assert.match((await program('test', '--record', 'other', '--run', 'nobody')).stderr, /there is no run nobody/);
  assert.equal((await program('test', '--record', '../other', '--run', id)).code, 2);
});
