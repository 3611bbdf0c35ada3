// config.test.mjs - what stops a start, in words with file and line; and that no secret is ever said.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { build, root, Stack } from '../support/stack.mjs';
import { answerTo, dlq, freshWorld, ownRunbooks, postgres, restart, sql, watchPrivate } from '../support/cases.mjs';

const program = path.join(build, 'fluxabot');
let stack;
let runbooks;
let original;

before(async () => {
  stack = await Stack.start({ bot: false, edit: async (one) => void (runbooks = await ownRunbooks(one)) });
  original = await readFile(stack.config, 'utf8');
});
after(() => stack?.stop());

// Starts the bot with another configuration; it must end by itself.
async function refusedStart(text, { command = ['serve'], env = {} } = {}) {
  const file = path.join(stack.dir, 'broken.yaml');
  await writeFile(file, text);
  const lines = (await readFile(path.join(stack.dir, 'env'), 'utf8')).trim().split('\n').map((line) => line.split(/=(.*)/s).slice(0, 2));
  try {
    const { stdout } = await promisify(execFile)(program, [...command, '--config', file], { timeout: 60000, env: { ...process.env, ...Object.fromEntries(lines), ...env } });
    return { code: 0, text: stdout };
  } catch (error) {
    assert.ok(!error.killed, `it started instead of stopping: ${error.stderr}`);
    return { code: error.code, text: error.stderr };
  }
}

const lineOf = (text, part) => text.slice(0, text.indexOf(part)).split('\n').length;

test('every mistake of the configuration is named with its line and what to write', async () => {
  const mistakes = [
    [(text) => text.replace('port: ', 'prot: '), /broken\.yaml:\d+: listen\.prot is not a key; `fluxabot help config` lists them/],
    [(text) => text.replace(/bot_token: \{[^}]*\}/, 'bot_token: "xoxb-literal-secret"'), /slack\.bot_token must be \{ env: NAME \} or \{ file: PATH \}, never the secret itself/],
    [(text) => text.replace(/signing_secrets: \[.*\]/, 'signing_secrets: [abcdef]'), /slack\.signing_secrets must be a list of \{ env: NAME \}/],
    [(text) => text.replace(/routing_key: \{[^}]*\}/, 'routing_key: { env: NOBODY_SET_THIS }'), /environment variable NOBODY_SET_THIS is not set/],
    [(text) => text.replace(/bot_token: \{[^}]*\}/, 'bot_token: { file: /nowhere/token }'), /\/nowhere\/token cannot be read: No such file/],
    [(text) => text.replace(/^store:.*\n/m, ''), /store(\.url)? is missing/],
    [(text) => text.replace(/^slack:\n(  .*\n)+/m, ''), /slack.* is missing/],
    [(text) => text.replace('default_environment: dev', 'default_environment: prod'), /default_environment is not among environments/],
    [(text) => text.replace('environment: dev }', 'environment: prod }'), /there is no system fluxa with an environment prod/],
    [(text) => text.replace(/sqlite:\/\/[^"]*/, 'mysql://x'), /store/],
    [(text) => text.replace(/sqlite:\/\/[^"]*/, 'sqlite:///nowhere/at/all/x.db'), /directory \/nowhere\/at\/all for the database cannot be used/],
    [(text) => text.replace(/state: .*/, 'state: { url: "memcached://x" }'), /broken\.yaml:\d+: state: this is no address of a state: write memory:, redis:/],
    [(text) => text.replace(/state: .*/, 'state: { url: "redis://:xoxb-literal-secret@x" }'), /state\.url holds no user and no password: write state\.username and state\.password/],
    [(text) => text.replace(/state: .*/, 'state: { url: "redis://x:99999" }'), /state: the port of Redis must be between 1 and 65535/],
    [(text) => text.replace(/state: .*/, 'state: { url: "rediss://x", ca_file: /nowhere/ca.pem }'), /state: \/nowhere\/ca\.pem holds no certificate/],
    [(text) => text.replace(/state: .*/, 'state: { url: "redis://x", password: xoxb-literal-secret }'), /state\.password must be \{ env: NAME \} or \{ file: PATH \}/],
    [(text) => text.replace(/state: .*/, 'state: { url: "redis://x", username: anna }'), /state: a user of Redis needs a password/],
    [(text) => text.replace(/sqlite:\/\/[^"]*/, 'postgresql://bot:hunter2@db/fluxabot'), /broken\.yaml:\d+: store\.url holds a password: write \{ env: NAME \} or \{ file: PATH \}/],
    [(text) => text.replace(/sqlite:\/\/[^"]*/, 'postgresql:///fluxabot?host=/nowhere&password=hunter2'), /store\.url holds a password/],
    [(text) => text.replace(/"sqlite:[^"]*"/, '{ env: NOBODY_SET_THIS }'), /store\.url: the environment variable NOBODY_SET_THIS is not set/],
    [(text) => `${text.replace(/sqlite:\/\/[^"]*/, 'postgresql://bot@/fluxabot?host=/nowhere')}audit: { key: { file: /nowhere/key }, anchor: { file: /nowhere/anchors } }\n`, /PostgreSQL cannot be reached: connection to server on socket "\/nowhere/],
    [(text) => `${text}approvals: { decide_within: soon }\n`, /approvals\.decide_within must be a duration such as 15m/],
    [(text) => `${text}persons: { anna: [U0ANNA0001, U0ANNA0002], bo: [U0BOLIND02, U0ANNA0002] }\n`, /broken\.yaml:\d+: U0ANNA0002 stands in persons\.anna already: an account belongs to one person/],
    [(text) => `${text}persons: { anna: [U0ANNA0001, U0ANNA0001] }\n`, /U0ANNA0001 stands in persons\.anna already/],
    [(text) => `${text}persons: { anna: [anna@example.com] }\n`, /anna@example\.com is not a Slack user id/],
    [(text) => `${text}persons: { anna: U0ANNA0001 }\n`, /persons\.anna must be a list of texts/],
    [(text) => `${text}workers: 99\n`, /workers must be between 1 and 16/],
    [(text) => `${text}listen: { address: 127.0.0.1, port: 1 }\n`, /listen/],
    [(text) => `${text}extra: &a [*a]\n`, /.+/],
    [(text) => text.replace('listen:', 'listen: ['), /broken\.yaml:\d+/],
    [(text) => text.replace('address: 127.0.0.1', 'address: 0.0.0.0'), /testing is refused unless every listener is on a loopback address/],
    [(text) => text.replace(/ {2}tls: .*\n/, '').replace('address: 127.0.0.1', 'address: 0.0.0.0').replace(/^testing:\n( {2}.*\n)+/m, ''), /loopback/],
    [(text) => text.replace(/ +dlq_url: .*\n/, ''), /dlq_url/],
    [(text) => text.replace(/dlq_visibility: .*/, 'dlq_visibility: often'), /dlq_visibility/],
    [(text) => text.replace(/queue_arn: .*/, 'queue_arn: nonsense'), /queue_arn/],
    [(text) => text.replace(/path: ".*"/, 'path: "/nowhere"'), /\/nowhere/],
  ];
  for (const [change, pattern] of mistakes) {
    const text = change(original);
    assert.notEqual(text, original, `${pattern} changes something`);
    const { code, text: said } = await refusedStart(text);
    assert.equal(code, 1, said);
    assert.match(said, pattern, said);
    assert.ok(!said.includes('xoxb-literal-secret'), 'the secret is not repeated');
  }
  const wrongTwice = original.replace('admin:', 'admim:').replace('state:', 'stale:');
  const { text: both } = await refusedStart(wrongTwice, { command: ['check'] });
  assert.match(both, new RegExp(`broken.yaml:${lineOf(wrongTwice, 'admim')}: admim`));
  assert.match(both, new RegExp(`broken.yaml:${lineOf(wrongTwice, 'stale')}: stale`), 'all mistakes are told at once');
});

test('every mistake of a runbook is named with its line, and the bot does not start', async () => {
  const mistakes = [
    ['dlq-redrive.yaml', (text) => text.replace(/ {2}- id: gate\n {4}approval: .*\n/, ''), /approval/],
    ['dlq-redrive.yaml', (text) => text.replace('dlq.redrive:', 'dlq.redirve:'), /dlq\.redirve/],
    ['dlq-redrive.yaml', (text) => text.replace('census: "${census}"', 'census: "${cencus}"'), /cencus/],
    ['dlq-redrive.yaml', (text) => text.replace('queue: dlq,', 'queue: nowhere,'), /nowhere/],
    ['dlq.yaml', (text) => text.replace('sqs:GetQueueAttributes', 'sqs:GetQueueAtributes'), /GetQueueAtributes/],
    ['dlq.yaml', (text) => text.replace('sqs:ListMessageMoveTasks', 'sqs:StartMessageMoveTask'), /StartMessageMoveTask|parameter/],
    ['dlq.yaml', (text) => text.replace('sqs:ListMessageMoveTasks', 'secretsmanager:GetSecretValue'), /GetSecretValue|secretsmanager/],
    ['event.yaml', (text) => text.replace('= ANY($1)', "= '${arguments.id}'"), /\$1|may hold no/],
    ['event.yaml', (text) => text.replace('answer:', 'anwser:'), /anwser/],
    ['event.yaml', (text) => text.replace(/title: .*/, 'title: "${os.execute(1)}"'), /os/],
    ['event.yaml', (text) => text.replace(/title: .*/, 'title: "${1 +}"'), /event\.yaml:\d+/],
    ['system.yaml', (text) => text.replace("match: ['NoSuchKey']", "match: ['(']"), /system\.yaml:\d+/],
    ['system.yaml', (text) => text.replace("match: ['NoSuchKey']", "match: ['(a)\\1']"), /system\.yaml:\d+/],
    ['system.yaml', (text) => text.replace(/triage: \[dlq classify\]/, 'triage: [dlq redrive]'), /dlq redrive/],
  ];
  for (const [name, change, pattern] of mistakes) {
    const file = path.join(runbooks, name);
    const text = await readFile(file, 'utf8');
    assert.notEqual(change(text), text, `${name} ${pattern} changes something`);
    await writeFile(file, change(text));
    const { code, text: said } = await refusedStart(original);
    await writeFile(file, text);
    assert.equal(code, 1, `${name}: ${said}`);
    assert.match(said, pattern, said);
    assert.match(said, new RegExp(`${name}:\\d+: `), said);
  }
  assert.equal((await refusedStart(original, { command: ['check'] })).code, 0);
});

test('the manual beside the runbooks says what they do', async () => {
  const { code, text } = await refusedStart(original, { command: ['commands'] });
  assert.equal(code, 0, text);
  assert.equal(text, await readFile(path.join(root, 'commands/README.md'), 'utf8'), 'write it anew: fluxabot commands --config FILE > commands/README.md');
});

// The example's policy is of the example's account.
test('the shipped policy is what the shipped runbooks need', async () => {
  const example = await readFile(path.join(root, 'deploy/fluxabot.example.yaml'), 'utf8');
  const { code, text } = await refusedStart(example.replace('/usr/share/fluxabot/commands', path.join(root, 'commands')), { command: ['iam'] });
  assert.equal(code, 0, text);
  assert.equal(text, await readFile(path.join(root, 'deploy/iam/fluxa.json'), 'utf8'), 'write it anew: fluxabot iam --config FILE > deploy/iam/fluxa.json');
});

test('wrong use is told apart from findings', async () => {
  for (const words of [['serv'], ['serve', '--confg', 'x'], ['audit'], ['check']]) {
    const { code } = await promisify(execFile)(program, words).catch((error) => error);
    assert.equal(code, 2, words.join(' '));
  }
});

test('a second worker, a newer store, a foreign file and a missing folder are refused', async () => {
  await stack.startBot();
  assert.match((await refusedStart(original.replace(/port: \d+\n {2}tls/, 'port: 0\n  tls').replace(/admin: .*/, 'admin: { address: 127.0.0.1, port: 0 }'))).text, /another fluxabot works with/);
  await stack.killBot('SIGTERM');
  const database = path.join(stack.dir, 'fluxabot.db');
  const [{ user_version: version }] = await sql(stack, 'PRAGMA user_version');
  await sql(stack, 'PRAGMA user_version = 99');
  assert.match((await refusedStart(original)).text, /written by a newer fluxabot/);
  await sql(stack, `PRAGMA user_version = ${version}`);
  await sql(stack, 'PRAGMA application_id = 7');
  assert.match((await refusedStart(original)).text, /database of another program/);
  await sql(stack, `PRAGMA application_id = ${0x66786274}`);
  await rename(database, `${database}.kept`);
  await writeFile(database, 'this is no database, but long enough to be looked at as one: '.repeat(40));
  assert.equal((await refusedStart(original)).code, 1);
  await rename(`${database}.kept`, database);
  await mkdir(path.join(stack.dir, 'locked'));
  await chmod(path.join(stack.dir, 'locked'), 0o500);
  if (process.getuid() !== 0) assert.equal((await refusedStart(original.replace(/sqlite:\/\/[^"]*/, `sqlite://${stack.dir}/locked/x.db`))).code, 1);
  await stack.startBot();
});

// ---- secrets ----

const canaries = {
  aws: 'AKIAIOSFODNN7CANARY1', awsSecret: 'wJalrXUtnFEMIK7MDENGbPxRfiCYCANARYKEY001', slack: 'xoxb-123456789012-123456789012-CanaryCanaryCanaryCanar', github: 'ghp_CanaryCanaryCanaryCanaryCanaryCanary', jwt: 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJlLWNhbmFyeS1jYW5hcnk',
  dsn: 'postgresql://canary:CanaryPassw0rd@db.internal:5432/prod', pem: '-----BEGIN PRIVATE KEY-----\nMIIEvCanaryCanaryCanary\n-----END PRIVATE KEY-----',
};
const needles = ['AKIAIOSFODNN7CANARY1', 'wJalrXUtnFEMIK7MDENGbPxRfiCYCANARYKEY001', 'CanaryCanaryCanaryCanar', 'c2lnbmF0dXJlLWNhbmFyeS1jYW5hcnk', 'CanaryPassw0rd', 'MIIEvCanaryCanaryCanary'];

test('no secret of the bot, of a dead letter, of AWS or of the database is said in Slack, the log, the audit log or to PagerDuty', async () => {
  await freshWorld(stack, { DBConnectionError: 2, SchemaValidation: 1 });
  const all = Object.values(canaries).join(' ');
  const secret = { event_id: 'evt-canary', correlation_id: 'cor-canary', user_id: canaries.aws, type: canaries.slack, payload: { password: canaries.dsn, text: all }, payload_hash: 'x', token: canaries.github };
  await stack.world({
    send: [{ queue: dlq, body: secret, attributes: { error_code: { DataType: 'String', StringValue: canaries.slack }, note: { DataType: 'String', StringValue: all } } }, { queue: dlq, body: `not json ${all}` }],
    logs: [{ group: '/aws/lambda/fluxa-processor', message: { correlation_id: 'cor-canary', status: 'failure', error_code: canaries.jwt, message: all } }],
  });
  await postgres(stack, `INSERT INTO idempotency_keys (event_id, status, attempts, error_reason) VALUES ('evt-canary', 'failed', 3, '${all.replaceAll("'", "''")}')`);
  for (const text of ['/fluxa dlq', '/fluxa dlq classify', '/fluxa event evt-canary', '/fluxa dlq redrive rate=500']) await answerTo(stack, text);
  const told = await watchPrivate(stack, 'requester');
  await stack.command('requester', '/fluxa dlq inspect 50');
  await told(/messages of about/);
  await stack.command('requester', `/fluxa ${canaries.slack}`);
  await stack.command('requester', `/fluxa event ${canaries.aws}`);
  await stack.alarm('fluxa-canary', 'ALARM', { reason: all, description: all });
  await stack.alarm('x', 'ALARM', { message: all, subject: canaries.aws });
  await stack.fault('sqs:GetQueueAttributes', 'denied', { rate: 1 });
  await answerTo(stack, '/fluxa dlq');
  await stack.post('fault', { clear: true });

  // a database that refuses the password, with the connection string in its words
  const url = path.join(stack.dir, 'secrets/database_url');
  const kept = await readFile(url, 'utf8');
  await writeFile(url, kept.replace('fluxabot_ro@', 'fluxabot_ro:CanaryPassw0rd@').replace('/fluxa', '/nowhere'));
  await restart(stack, 'SIGTERM');
  await answerTo(stack, '/fluxa event evt-canary');
  await answerTo(stack, '/fluxa dlq classify');
  await writeFile(url, kept);
  await restart(stack, 'SIGTERM');
  await stack.until(async () => (await sql(stack, 'SELECT count(*) AS n FROM outbox WHERE state < 2'))[0].n === 0, 'all to be sent', 60000);

  const own = await Promise.all(['bot_token', 'signing_secret', 'routing_key'].map((name) => readFile(path.join(stack.dir, 'secrets', name), 'utf8')));
  const awsSecret = /aws_secret_access_key = (.*)/.exec(await readFile(path.join(stack.dir, 'secrets/aws'), 'utf8'))[1];
  const audit = JSON.stringify(await sql(stack, 'SELECT * FROM audit'));
  const outbox = JSON.stringify(await sql(stack, 'SELECT payload_json, last_error FROM outbox'));
  const kepts = JSON.stringify(await sql(stack, 'SELECT last_error FROM jobs UNION ALL SELECT note FROM runs'));
  const places = {
    log: await readFile(path.join(stack.dir, 'fluxabot.log'), 'utf8'), messages: JSON.stringify(await stack.messages()), private: JSON.stringify(await stack.private('requester')), pages: JSON.stringify(await stack.get('pagerduty/pages')), metrics: await stack.metrics(), audit, outbox, notes: kepts,
  };
  for (const [place, text] of Object.entries(places))
    for (const needle of [...needles, ...own.map((value) => value.trim()), awsSecret.trim()]) {
      const at = text.indexOf(needle);
      assert.ok(at < 0, `${place} holds a secret: ...${text.slice(Math.max(0, at - 80), at + 20)}...`);
    }
});
