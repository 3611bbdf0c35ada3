// config.test.mjs - what stops a start, in words with file and line; and that no secret is ever said.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { execFile } from 'node:child_process';
import { chmod, mkdir, readFile, rename, writeFile, rm } from 'node:fs/promises';
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
    [(text) => `${text}approvals: { decide_within: 5h }\n`, /:\d+: approvals\.decide_within is at most 4h/],
    [(text) => `${text}approvals: { execute_within: 241m }\n`, /:\d+: approvals\.execute_within is at most 4h/],
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

test('what a person types is no name that is looked up and no guess at a secret, also by way of other steps', async () => {
  const file = path.join(runbooks, 'looked.yaml');
  const said = async (step, used) => {
    const looks = [['name', `dns: { name: ${JSON.stringify(used)} }`], ['equals', `lambda.env: { function: f, key: K, equals: ${JSON.stringify(used)} }`], ['key', `lambda.env: { function: f, key: ${JSON.stringify(used)} }`]];
    const findings = [];
    for (const [param, look] of looks) {
      await writeFile(file, `command: looked\nsummary: Looks at a name\narguments:\n  host: { type: text, pattern: '[a-z.]+', help: any }\n  which: { type: choice, choices: [a, b], default: a, help: any }\nsteps:\n${step ? `  - ${step}\n` : ''}  - { id: seen, ${look} }\nanswer:\n  verdict: "\${arguments.host} \${arguments.which} \${text(seen)}"\n`);
      findings.push([param, await refusedStart(original, { command: ['check'] })]);
    }
    await rm(file);
    return findings;
  };
  for (const [step, used, word] of [
    ['', '${arguments.host}', 'arguments'],
    ['', "${arguments ['host']}", 'arguments'],
    ['', "x.${get(arguments, 'host')}.example.com", 'arguments'],
    ['{ id: wanted, let: "${arguments.host}" }', '${wanted}', 'wanted'],
    ['{ id: once, let: { value: { at: "${arguments.host}" } } }\n  - { id: wanted, let: "${once.at}" }', "${get(wanted, 'x', 'none.invalid')}", 'wanted'],
    ['{ id: wanted, sql: { database: events, query: "SELECT $1::text AS x" }, with: ["${arguments.host}"] }', '${wanted.rows[1].x}', 'wanted'],
    ['{ id: wanted, let: "${item}", each: { in: "${list(arguments.host)}", max: 1 } }', '${wanted[1]}', 'wanted'],
  ]) for (const [param, { code, text }] of await said(step, used)) {
    assert.equal(code, 1, `${param}: ${step} ${used}`);
    assert.match(text, new RegExp(`looked\\.yaml:\\d+: ${param} (of (dns|lambda\\.env) )?may not hold ${word}: `), text);
  }
  for (const [step, used] of [
    ['', '${variables.db_instance}'],
    ['{ id: wanted, let: "${arguments.which}" }', "${wanted == 'a' and variables.db_instance or 'x'}"],
    ['{ id: wanted, aws: rds:DescribeDBInstances, with: { DBInstanceIdentifier: "${arguments.host}" } }', '${wanted.DBInstances[1].Endpoint.Address}'],
  ]) for (const [param, { code, text }] of await said(step, used)) assert.equal(code, 0, `${param}: ${step} ${used}: ${text}`);
});

test('a section of the written runbook that changed names the commands that were made from it', async () => {
  const document = path.join(stack.dir, 'runbook.md'), lock = path.join(runbooks, 'runbook.lock'), kept = await readFile(lock, 'utf8');
  const digest = (...lines) => createHash('sha256').update(lines.map((line) => `${line}\n`).join('')).digest('hex').slice(0, 16);
  const text = '# Fluxa\n\n## Queue\nLook at the depth.\n\n### Redrive\n```\n# no heading\n```\nMove them home.   \n\n## Other\nNothing.\n';
  const queue = digest('Look at the depth.', 'Redrive', '```', '# no heading', '```', 'Move them home.'), redrive = digest('```', '# no heading', '```', 'Move them home.');
  const check = async (written, lines) => {
    await writeFile(document, written);
    await writeFile(lock, `# a comment\n\n${lines.map((line) => line.join('\t')).join('\n')}\n`);
    return refusedStart(original.replace('command: /fluxa', `runbooks: ["${document}"]\n    command: /fluxa`), { command: ['check'] });
  };
  const good = [[queue, 'dlq', 'Queue'], [redrive, 'dlq redrive', 'Redrive']];
  try {
    for (const same of [text, text.replaceAll('\n\n', '\n\n\n\n'), text.replace('Nothing.', 'Something.')]) {
      const { code, text: said } = await check(same, good);
      assert.equal(code, 0, said);
    }
    for (const [written, lines, pattern] of [
      [text.replace('Move them home.', 'Move them by hand.'), good, new RegExp(`runbook\\.lock:3: the section "Queue" has changed since dlq was written from it: .* write [0-9a-f]{16} here\n.*runbook\\.lock:4: the section "Redrive" has changed since dlq redrive was written from it: .* write ${digest('```', '# no heading', '```', 'Move them by hand.')} here`)],
      [text.replace('### Redrive', '### Replay'), good.slice(1), /runbook\.lock:3: the runbook has no section "Redrive" any more, which dlq redrive was written from/],
      [text, [[queue, 'dlqq', 'Queue']], /runbook\.lock:3: there is no command dlqq/],
      [text, [[queue, 'dlq']], /runbook\.lock:3: a line is a digest of 16 signs, a command and a heading/],
      [text, [[queue, 'dlq', 'no heading']], /no section "no heading"/],
    ]) {
      const { code, text: said } = await check(written, lines);
      assert.equal(code, 1, said);
      assert.match(said, pattern);
    }
    await rm(document);
    assert.match((await refusedStart(original.replace('command: /fluxa', `runbooks: ["${document}"]\n    command: /fluxa`), { command: ['check'] })).text, /systems\.fluxa\.runbooks: .*runbook\.md cannot be read/);
    assert.equal((await refusedStart(original, { command: ['check'] })).code, 0, 'without a written runbook nothing is compared');
  } finally {
    await writeFile(lock, kept);
  }
});

test('the lock of the shipped runbooks names commands that there are', async () => {
  const text = await readFile(path.join(root, 'commands/fluxa/runbook.lock'), 'utf8');
  assert.ok(text.split('\n').filter((line) => line && !line.startsWith('#')).every((line) => /^[0-9a-f]{16}\t[a-z0-9 -]+\t\S.*$/.test(line)));
});

test('a key of the account\'s own is granted for what is really done with it', async () => {
  const key = (name) => `arn:aws:kms:us-east-1:123456789012:key/${name}`;
  const { text } = await refusedStart(original.replace(/^( *)variables:\n/m, `$&$1  queue_kms_key: "${key('q')}"\n$1  dlq_kms_key: "${key('d')}"\n$1  payload_kms_key: "${key('p')}"\n`), { command: ['iam'] });
  const of = (action) => JSON.parse(text).Statement.filter(({ Action }) => Action.includes(action)).flatMap(({ Resource }) => Resource).sort();
  assert.deepEqual(of('kms:Decrypt'), [key('d'), key('p'), key('q')], 'messages and payloads are read; what is sent is encrypted with a key that is opened');
  assert.deepEqual(of('kms:GenerateDataKey'), [key('q')], 'only the main queue is sent to');
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

test('the policy allows what the configuration lets the bot do, and no more', async () => {
  const policyOf = async (text) => JSON.parse((await refusedStart(text, { command: ['iam'] })).text).Statement;
  const allowed = (policy, action) => policy.filter(({ Action }) => Action.includes(action)).flatMap(({ Resource }) => Resource);
  const plain = await policyOf(original.replace(/^ *(alias|db_parameter_group|restore_target): .*\n/gm, '')), all = await policyOf(original);
  for (const action of ['lambda:UpdateAlias', 'rds:ModifyDBParameterGroup', 'rds:RestoreDBInstanceToPointInTime']) assert.deepEqual(allowed(plain, action), [], action);
  assert.deepEqual(allowed(all, 'rds:ModifyDBParameterGroup'), ['arn:aws:rds:us-east-1:123456789012:pg:fluxa-pg15']);
  assert.deepEqual(allowed(all, 'rds:RestoreDBInstanceToPointInTime'), ['*']);
});

test('wrong use is told apart from findings', async () => {
  for (const words of [['serv'], ['serve', '--confg', 'x'], ['serve', '--config', 'x', '--role', 'recevier'], ['audit'], ['check']]) {
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
