// iam.test.mjs - the policy that `fluxabot iam` prints is what the commands call: nothing is called that it does not grant,
// and nothing is granted that no command calls, or that no path named below would.
//
// Every command is asked with every choice it offers; of a change the plan is taken, whose calls are those that are made
// once it is approved. What came is read at the other side, in the sandbox's list of calls.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFile, readFile, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { Stack, build, root } from '../support/stack.mjs';
import { freshWorld, postgres } from '../support/cases.mjs';

const EVENT = 'evt-asked', AT_ONCE = 4;
const account = ':us-east-1:123456789012:', queue = (name) => `arn:aws:sqs${account}Fluxa-${name}`;

// What a person types where a command offers no choice; by the argument's name, else by its type.
const tomorrow = new Date(Date.now() + 86400000).toISOString().slice(0, 10);
const samples = { alarm: 'fluxa-granted-errors-1', reason: 'why', ms: '500', message: '0b1c2d3e-0000-4000-8000-000000000000', which: 'HashMismatch', time: `${new Date(Date.now() - 3600000).toISOString().slice(0, 16)}Z`, key: EVENT, mb: '1024', alias: 'live', ends: tomorrow, seconds: '600', days: '8' };
const ofType = { event_id: EVENT, ids: EVENT, duration: '1h', boolean: 'false' };

// What is refused unless the configuration says something else.
const configured = { memory: (text) => text.replace('alias: live', 'alias: ""') };
// What acts at once and has no plan (its calls are among the paths), and what the world has already.
const left = new Set(['dlq redrive-cancel', 'db index create column=event_id']);

// Calls that belong to a path which no command takes when all is well: action, on what, when, and who shows it.
const paths = [
  ['logs:StopQuery', '*', 'a query of the logs that takes too long is stopped', 'tests/unit/steps_logs_test.c'],
  ['sqs:StartMessageMoveTask', queue('DLQ'), 'a redrive of all that waits', 'tests/e2e/move_task.test.mjs'],
  ['sqs:CancelMessageMoveTask', queue('DLQ'), 'Stop while such a task runs', 'tests/e2e/redrive.test.mjs'],
  ['s3:GetObject', 'arn:aws:s3:::fluxa-quarantine/*', 'what was archived is read back', 'tests/acceptance/fluxa_letters.test.mjs'],
  ['sns:ConfirmSubscription', `arn:aws:sns${account}fluxa-alarms`, 'a topic asks to be confirmed', 'tests/e2e/intake.test.mjs'],
  ['cloudwatch:DescribeAlarmHistory', '*', 'alarms are compared a second time, or one is missing', 'tests/e2e/reconcile.test.mjs'],
];

// Operations whose action has another name, by AWS's Service Authorization Reference.
const actions = {
  'sqs:SendMessageBatch': 'sqs:SendMessage', 'sqs:DeleteMessageBatch': 'sqs:DeleteMessage', 'sqs:ChangeMessageVisibilityBatch': 'sqs:ChangeMessageVisibility',
  's3:HeadObject': 's3:GetObject', 's3:GetPublicAccessBlock': 's3:GetBucketPublicAccessBlock', 's3:HeadBucket': 's3:ListBucket', 's3:ListObjectsV2': 's3:ListBucket', 's3:ListObjectVersions': 's3:ListBucketVersions',
  's3:GetBucketLifecycleConfiguration': 's3:GetLifecycleConfiguration', 's3:GetBucketReplication': 's3:GetReplicationConfiguration',
};
const actionOf = (operation) => actions[operation] ?? operation;

let stack, granted, called, refused;

async function fluxabot(config, ...args) {
  const env = { ...process.env, ...(await stack.environment()) };
  return promisify(execFile)(path.join(build, 'fluxabot'), [...args, '--config', config], { env, maxBuffer: 1 << 26 });
}

function firstObject(text) {
  for (let end = text.indexOf('}'); end >= 0; end = text.indexOf('}', end + 1))
    try {
      JSON.parse(text.slice(0, end + 1));
      return text.slice(0, end + 1);
    } catch { /* that brace was an inner one */ }
  throw new Error(`no parameters: ${text}`);
}

// What a call of a plan is made on: its parameters, or an ARN.
function resourceOf(text) {
  if (text.startsWith('fluxa-quarantine/')) return `arn:aws:s3:::${text}`;
  if (!text.startsWith('{')) return text;
  const json = firstObject(text); // what takes it back may follow
  const { FunctionName: name, Qualifier: qualifier, UUID: mapping, QueueUrl: url, DBParameterGroupName: group } = JSON.parse(json);
  if (group) return `arn:aws:rds${account}pg:${group}`;
  if (name) return `arn:aws:lambda${account}function:${name}${qualifier ? `:${qualifier}` : ''}`;
  if (mapping) return `arn:aws:lambda${account}event-source-mapping:${mapping}`;
  return url ? `arn:aws:sqs${account}${url.split('/').at(-1)}` : text;
}

// "perms ingest", "perms processor", ...: a line for each choice, and the first of every other one.
function linesOf(text, file) {
  const command = /^command: (.*)$/m.exec(text)[1], block = /^arguments:\n((?: .*\n)+)/m.exec(text)?.[1] ?? '';
  const given = [...block.matchAll(/^ {2}(\w+):((?:.*\n)(?: {4}.*\n)*)/gm)].map(([, name, body]) => ({
    name, named: /named: true/.test(body), optional: /optional: true|default:/.test(body), type: /type: (\w+)/.exec(body)?.[1],
    choices: /choices: \[([^\]]*)\]/.exec(body)?.[1].split(/, */), min: /min: (\d+)/.exec(body)?.[1],
  }));
  const some = (argument) => argument.choices ?? [samples[argument.name] ?? ofType[argument.type] ?? argument.min].filter((value) => value !== undefined);
  let lines = [[command]];
  for (const argument of given) {
    if (argument.optional && !argument.choices) continue;
    const values = some(argument);
    assert.ok(values.length > 0, `${file}: give samples a value for ${argument.name}`);
    const written = (value) => `${argument.name}=${value}`;
    lines = lines.flatMap((line) => values.map((value) => [...line, written(value)]));
  }
  return lines.map(([first, ...rest]) => [...first.split(' '), ...rest]);
}

// Several at once, each with a copy of the store: they would wait for each other's locks.
async function askAll() {
  const folder = path.join(root, 'commands/fluxa'), lines = [], failed = [], planned = [];
  for (const file of await readdir(folder))
    if (file.endsWith('.yaml') && file !== 'system.yaml') lines.push(...linesOf(await readFile(path.join(folder, file), 'utf8'), file));
  const healthy = await readFile(stack.config, 'utf8');
  const worker = async (_, number) => {
    const config = path.join(stack.dir, `worker-${number}.yaml`), store = path.join(stack.dir, `worker-${number}.db`);
    await copyFile(path.join(stack.dir, 'fluxabot.db'), store);
    for (let line = lines.pop(); line; line = lines.pop()) {
      if (left.has(line.join(' '))) continue;
      await writeFile(config, (configured[line[0]] ?? ((text) => text))(healthy).replace(/sqlite:\/\/[^"]*/, `sqlite://${store}`));
      const { code, stdout, stderr } = await fluxabot(config, 'plan', 'fluxa', ...line, '--json').catch((error) => error);
      if (code) failed.push(`${line.join(' ')}: ${stderr}`);
      else planned.push(...(JSON.parse(stdout).calls ?? []));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return { failed, planned };
}

before(async () => {
  stack = await Stack.start();
  await freshWorld(stack, { DBConnectionError: 2, HashMismatch: 1 });
  await postgres(stack, `INSERT INTO events (event_id, user_id) VALUES ('${EVENT}', 'u1'); INSERT INTO idempotency_keys (event_id, status, attempts) VALUES ('${EVENT}', 'success', 1)`);
  granted = JSON.parse((await fluxabot(stack.config, 'iam')).stdout).Statement.flatMap(({ Action, Resource }) => Action.flatMap((action) => Resource.map((resource) => ({ action, resource }))));
  await stack.killBot('SIGTERM');
  const { failed, planned } = await askAll();
  await stack.startBot();
  await stack.approvedRedrive();
  called = (await stack.get('calls')).map(({ service, operation, resource }) => ({ action: actionOf(`${service}:${operation}`), resource }));
  called.push(...planned.filter(({ operation }) => !operation.startsWith('sql:')).map(({ operation, resource }) => ({ action: actionOf(operation), resource: resourceOf(resource) })));
  called = called.filter(({ action }) => action !== 'sts:GetCallerIdentity'); // needs no right
  refused = failed;
});
after(() => stack?.stop());

const fits = (pattern, text) => new RegExp(`^${pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&')).join('.*')}$`).test(text);
const covers = (grant, call) => grant.action === call.action && fits(grant.resource, call.resource);
const names = (list) => [...new Set(list.map(({ action, resource }) => `${action} ${resource}`))].sort();

test('every command was asked, and answered or planned', () => {
  // What only people in Slack do asks AWS nothing, and what is off is tried where it is on, in the tests of its row.
  assert.deepEqual(refused.filter((one) => !/only a person who asks in Slack may do this|(is off|never overridden here), and nothing was done/.test(one)), [], 'give samples what these want');
});

test('nothing is called that is not granted', () => {
  assert.ok(called.length > 50, `${called.length} kinds of calls came`);
  assert.deepEqual(names(called.filter((call) => !granted.some((grant) => covers(grant, call)))), []);
});

test('nothing is granted that no command calls, and no path that is named here', () => {
  const idle = granted.filter((grant) => !called.some((call) => covers(grant, call)));
  assert.deepEqual(names(idle), names(paths.map(([action, resource]) => ({ action, resource })).filter((one) => idle.some((grant) => grant.action === one.action && grant.resource === one.resource))));
});

// Granted on everything though AWS knows what the call is made on, since nobody knows it before.
const wide = {
  'iam:SimulatePrincipalPolicy': "the function's role stands in its configuration, which is read first",
  'lambda:UpdateEventSourceMapping': "the mapping's id is found by listing them",
  'rds:RestoreDBInstanceToPointInTime': 'the new instance, its groups and its subnets are the plan\'s',
};

test('everything is granted only for what AWS knows no resource of, and where a reason is given', () => {
  const unnamed = granted.filter(({ action, resource }) => resource === '*' && called.some((call) => call.action === action) && !called.some((call) => call.action === action && call.resource === '*'));
  assert.deepEqual(unnamed.map(({ action }) => action).sort(), Object.keys(wide).sort());
});

test('each path named here is granted, is shown by its test, and is taken by no command', async () => {
  for (const [action, resource, when, shownBy] of paths) {
    assert.ok(granted.some((grant) => grant.action === action && grant.resource === resource), `${action} (${when}) is not granted: strike it from the list`);
    assert.ok((await readFile(path.join(root, shownBy), 'utf8')).includes(action.split(':')[1]), `${shownBy} says nothing of ${action}`);
  }
});
