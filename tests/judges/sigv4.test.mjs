// sigv4.test.mjs - AWS's own signer judges every call that the bot makes to AWS.
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { HttpRequest } from '@smithy/protocol-http';
import { SignatureV4 } from '@smithy/signature-v4';
import { Sha256 } from '@aws-crypto/sha256-js';
import { checkSignature, startGate } from './sigv4_gate.mjs';
import { awsCredentials, withStack } from './support.mjs';

const credentials = { accessKeyId: 'AKIATEST', secretAccessKey: 'a secret' };

async function signedRequest(more = {}) {
  const signer = new SignatureV4({ service: 'sqs', region: 'us-east-1', credentials, sha256: Sha256 });
  const request = { method: 'POST', url: '/', body: Buffer.from('{"QueueUrl":"x"}'), ...more };
  const url = new URL(request.url, 'http://gate');
  const { headers } = await signer.sign(new HttpRequest({
    method: request.method, path: url.pathname, query: Object.fromEntries(url.searchParams), body: request.body,
    headers: { host: '127.0.0.1:1', 'content-type': 'application/x-amz-json-1.0', 'x-amz-target': 'AmazonSQS.ReceiveMessage' },
  }));
  return { ...request, headers };
}

test('the gate lets an honest request through and notices each kind of fraud', async () => {
  assert.equal(await checkSignature(await signedRequest(), credentials), undefined);
  assert.equal(await checkSignature(await signedRequest({ method: 'GET', url: '/a%20b/?z=1&a=%C3%A9&b=', body: Buffer.alloc(0) }), credentials), undefined);
  const frauds = {
    'another body': (r) => { r.body = Buffer.from('{"QueueUrl":"y"}'); },
    'another path': (r) => { r.url = '/other'; },
    'another query': (r) => { r.url = '/?x=1'; },
    'another method': (r) => { r.method = 'PUT'; },
    'another host': (r) => { r.headers.host = '127.0.0.1:2'; },
    'another operation': (r) => { r.headers['x-amz-target'] = 'AmazonSQS.PurgeQueue'; },
    'an unsigned x-amz header': (r) => { r.headers['x-amz-extra'] = '1'; },
    'no signature': (r) => { delete r.headers.authorization; },
    'no date': (r) => { delete r.headers['x-amz-date']; },
    'a header taken away': (r) => { delete r.headers['content-type']; },
    'another region': (r) => { r.headers.authorization = r.headers.authorization.replace('us-east-1', 'us-east-2'); },
  };
  for (const [name, change] of Object.entries(frauds)) {
    const request = await signedRequest();
    change(request);
    assert.ok(await checkSignature(request, credentials), name);
  }
  const request = await signedRequest();
  assert.equal((await checkSignature(request, { ...credentials, secretAccessKey: 'another' })).code, 'SignatureDoesNotMatch');
  assert.equal((await checkSignature(request, { ...credentials, accessKeyId: 'AKIAOTHER' })).code, 'UnrecognizedClientException');
  assert.equal((await checkSignature(request, credentials, Date.now() + 901_000)).code, 'RequestExpired');
  assert.equal((await checkSignature(request, credentials, Date.now() - 901_000)).code, 'RequestExpired');
});

// A stack whose bot reaches AWS through the gate only.
async function withGate(use) {
  let gate;
  const edit = async (stack) => {
    gate = await startGate(stack.aws, awsCredentials(stack));
    const config = await readFile(stack.config, 'utf8');
    await writeFile(stack.config, config.replace(`endpoint_url: "${stack.aws}"`, `endpoint_url: "${gate.url}"`));
  };
  try {
    await withStack({ edit, bot: false }, (stack) => use(stack, gate));
  } finally {
    await gate?.stop();
  }
}

function tell(context, calls) {
  const counts = {};
  for (const { name } of calls) counts[name] = (counts[name] ?? 0) + 1;
  context.diagnostic(`${calls.length} calls went through the gate: ${Object.entries(counts).sort().map(([name, n]) => `${name} ${n}`).join(', ')}`);
  return counts;
}

test('every call of the whole main job is signed as AWS signs it', (context) => withGate(async (stack, gate) => {
  await stack.startBot();
  await stack.world({ sns: { confirm: true } });
  await stack.until(() => stack.card(/Alarms are connected/), 'the subscription');
  await stack.alarm('fluxa-dlq-depth-dev', 'ALARM');
  await stack.until(() => stack.card(/safe to retry/), 'the diagnosis');
  for (const text of ['alarms', 'dlq', 'dlq inspect 5']) await stack.command('requester', `/fluxa ${text}`);
  await stack.until(() => stack.card(/fluxa-processor-throttles-dev/), 'the alarms');
  await stack.until(() => stack.card(/100 messages/), 'the counts');
  await stack.until(async () => (await stack.private('requester')).find(({ text }) => /All were put back/.test(text)), 'the look');
  assert.match((await stack.approvedRedrive()).text, /Redrive finished.*\b60 of 60/);
  await stack.world({ reset: true, messages: { DBConnectionError: 12 } }); // one cause only: one task moves them all
  assert.match((await stack.approvedRedrive()).text, /Redrive finished.*\b12 of 12/);

  assert.deepEqual(gate.calls.filter(({ refused }) => refused), []);
  const counts = tell(context, gate.calls);
  const needed = [
    'sqs:GetQueueAttributes', 'sqs:ReceiveMessage', 'sqs:ChangeMessageVisibilityBatch', 'sqs:SendMessageBatch', 'sqs:DeleteMessageBatch',
    'sqs:StartMessageMoveTask', 'sqs:ListMessageMoveTasks', 'monitoring:DescribeAlarms', 'monitoring:GetMetricData',
    'logs:StartQuery', 'logs:GetQueryResults', 'rds:DescribeDBInstances', 'sns:ConfirmSubscription',
  ];
  assert.deepEqual(needed.filter((name) => !(name in counts)), []);
  const effects = await stack.effects();
  assert.ok(effects.length > 0);
}));

test('with a wrong secret nothing gets through, and the channel learns why', (context) => withGate(async (stack, gate) => {
  const file = path.join(stack.dir, 'secrets/wrong');
  const good = await readFile(path.join(stack.dir, 'secrets/aws'), 'utf8');
  await writeFile(file, good.replace(/(secret_access_key = )./, (_, key) => `${key}${good.includes(`${key}0`) ? '1' : '0'}`), { mode: 0o600 });
  await stack.startBot({ env: { AWS_SHARED_CREDENTIALS_FILE: file } });
  await stack.command('requester', '/fluxa dlq');
  const card = await stack.until(() => stack.card(/fail/i), 'the failure');
  tell(context, gate.calls);
  assert.match(card.text, /SignatureDoesNotMatch/);
  assert.ok(gate.calls.length > 0);
  assert.ok(gate.calls.every(({ refused }) => refused?.code === 'SignatureDoesNotMatch'));
}));
