// rights.test.mjs - whose rights a command has: the role of its environment in AWS, the user of its Redis.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { Stack, build } from '../support/stack.mjs';
import { answerTo, freshWorld, ownRunbooks, redis } from '../support/cases.mjs';

const campaign = `command: campaign
summary: What the cache holds of a campaign
arguments:
  id: { type: text, pattern: '[A-Za-z0-9_:-]{1,64}', help: which campaign }
steps:
  - { id: ttl, redis: { command: TTL, database: cache, key: "campaign:$1" }, with: ["\${arguments.id}"] }
  - { id: kept, redis: { command: HGETALL, database: cache, key: "campaign:$1" }, with: ["\${arguments.id}"], on_error: continue }
answer:
  verdict: "\${kept.error or (kept.found and kept.value.name .. ' for ' .. ttl.value .. ' s' or 'not in the cache')}"
`;
const role = (name) => `arn:aws:iam::123456789012:role/${name}`;

let stack;
before(async () => {
  stack = await Stack.start({
    edit: async (one) => {
      const commands = await ownRunbooks(one), system = path.join(commands, 'system.yaml');
      await writeFile(path.join(commands, 'campaign.yaml'), campaign);
      await writeFile(system, (await readFile(system, 'utf8')).replace(/^databases:\n/m, '$&  cache: { kind: redis, help: what campaigns are }\n'));
      await writeFile(path.join(one.dir, 'secrets/cache'), `${one.redis.replace('redis://', 'redis://bot:s3cret-word@')}\n`, { mode: 0o600 });
      await redis(one, 'ACL', 'SETUSER', 'bot', 'on', '>s3cret-word', '~campaign:*', '+@read', '-hgetall');
      await redis(one, 'HSET', 'campaign:7', 'name', 'Spring');
      await redis(one, 'EXPIRE', 'campaign:7', '5000');
      await one.edit((text) => text.replace(/^( *)databases:\n/m, `$1role_arn: "${role('fluxabot-dev')}"\n$1external_id: house-7\n$&$1  cache: { file: "${one.dir}/secrets/cache" }\n`));
    },
  });
});
after(() => stack?.stop());

const fluxabot = async (...args) => promisify(execFile)(path.join(build, 'fluxabot'), [...args, '--config', stack.config], { env: { ...process.env, ...(await stack.environment()) } });
const calls = async (operation) => (await stack.get('calls')).filter((call) => call.operation === operation);

test('a command asks Redis with the rights of its own user, and says which are missing', async () => {
  const refused = await answerTo(stack, '/fluxa campaign 7');
  assert.match(refused.text + JSON.stringify(refused.blocks), /cache, HGETALL: Redis at [0-9.:]+ does not let this user do what it was asked; allow it with ACL SETUSER NAME \+hgetall \+hlen/);
  await redis(stack, 'ACL', 'SETUSER', 'bot', '+hgetall', '+hlen');
  assert.match(JSON.stringify((await answerTo(stack, '/fluxa campaign 7')).blocks), /Spring for (4[0-9]{3}|5000) s/);
  assert.match(JSON.stringify((await answerTo(stack, '/fluxa campaign 8')).blocks), /not in the cache/);
  const other = await answerTo(stack, '/fluxa campaign 7:secret');
  assert.match(other.text + JSON.stringify(other.blocks), /the value for \$1 of the key must be/i);
  assert.doesNotMatch(JSON.stringify(await stack.messages()) + await stack.logTail(1000), /s3cret-word/);
});

test('every call of AWS carries the role of the environment, and which run it was', async () => {
  await freshWorld(stack, { DBConnectionError: 2 });
  const card = await answerTo(stack, '/fluxa dlq');
  assert.match(card.text, /2 messages wait/);
  const looks = await calls('GetQueueAttributes');
  assert.ok(looks.length > 0);
  for (const { identity } of looks) assert.match(identity, /^arn:aws:sts::123456789012:assumed-role\/fluxabot-dev\/fluxabot-[a-z0-9_-]+$/);
  // alarms are compared under the same role
  await stack.until(async () => (await calls('DescribeAlarms')).length > 0 || (await stack.sql("SELECT count(*) AS n FROM jobs WHERE kind = 'reconcile'"))[0].n > 0, 'a comparison');
  for (const { identity } of await stack.get('calls').then((all) => all.filter(({ operation }) => operation !== 'AssumeRole'))) assert.match(identity, /assumed-role\/fluxabot-dev\//);
});

test('an approved change is done under that role, and void when the role was changed meanwhile', async () => {
  await freshWorld(stack, { DBConnectionError: 2 });
  const card = await stack.askRedrive();
  await stack.killBot('SIGTERM');
  await stack.edit((text) => text.replace(role('fluxabot-dev'), role('somebody-else')));
  await stack.startBot();
  await stack.click('approver', card, 'approve');
  const refused = await stack.ending(card);
  assert.match(refused.text, /^Refused/, refused.text);
  assert.deepEqual(await stack.effects('SendMessageBatch'), []);
  const done = await stack.approvedRedrive();
  assert.match(done.text, /^Redrive finished: 2 of 2/);
  assert.ok((await calls('SendMessageBatch')).every(({ identity }) => /assumed-role\/somebody-else\//.test(identity)));
});

test('check knows no role from no role; iam grants what the bot itself needs, and with --env what the role needs', async () => {
  const own = JSON.parse((await fluxabot('iam')).stdout);
  assert.deepEqual(own.Statement, [{ Effect: 'Allow', Action: ['sts:AssumeRole'], Resource: [role('somebody-else')] }]);
  const dev = (await fluxabot('iam', '--env', 'dev')).stdout;
  assert.match(dev, /sqs:SendMessage/);
  assert.match(dev, /sns:ConfirmSubscription/);
  assert.doesNotMatch(dev, /AssumeRole/);
  await stack.edit((text) => text.replace(role('somebody-else'), 'arn:aws:iam::123456789012:user/x'));
  await assert.rejects(fluxabot('check'), ({ stderr }) => /role_arn is no role's/.test(stderr));
});
