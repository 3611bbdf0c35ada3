// localsqs.test.mjs - the bot's SQS calls against somebody else's SQS; everything but SQS stays in the sandbox.
//
// local-aws-sqs counts messages in flight as visible and moves a message to its dead-letter queue one
// receive early, so neither is asserted here. It knows MessageSystemAttributeNames only by the older
// name AttributeNames, which is added on the way.
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import http from 'node:http';
import { Readable } from 'node:stream';
import { after, before, test } from 'node:test';
import * as sqs from '@aws-sdk/client-sqs';
import { createRequestHandler } from 'local-aws-sqs';
import pg from 'pg';
import { Stack } from '../support/stack.mjs';
import { awsCredentials, listeners, offLoopback } from './support.mjs';

const arnOf = (name) => `arn:aws:sqs:us-east-1:123456789012:${name}`;
let stack;
let local; // { url, calls, stop }
let client; // to local-aws-sqs
let sandbox; // to the sandbox's SQS, where the dead letters come from
let database;
let processor;
let main;
let dlq;

const send = (command) => client.send(command);

async function startLocalSqs() {
  const calls = [];
  const server = http.createServer();
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address();
  const { requestHandler } = createRequestHandler({ port, hostname: '127.0.0.1', region: 'us-east-1', accountId: '123456789012', emulateQueueCreationLifecycle: false });
  server.on('request', async (request, response) => {
    const name = request.headers['x-amz-target']?.split('.').at(-1);
    const input = JSON.parse(Buffer.concat(await request.toArray()).toString());
    calls.push({ name, input });
    const { MessageSystemAttributeNames: AttributeNames, ...others } = input;
    const body = JSON.stringify(AttributeNames ? { ...others, AttributeNames } : input);
    const { method, url, headers } = request;
    requestHandler(Object.assign(Readable.from([Buffer.from(body)]), { method, url, headers: { ...headers, 'content-length': String(Buffer.byteLength(body)) } }), response);
  });
  const stop = () => new Promise((done) => {
    server.close(done);
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${port}`, calls, stop };
}

const clientTo = (endpoint) =>
  new sqs.SQSClient({ endpoint, region: 'us-east-1', credentials: awsCredentials(stack), maxAttempts: 1, useQueueUrlAsEndpoint: false });

async function makeQueues() {
  dlq = (await send(new sqs.CreateQueueCommand({ QueueName: 'Fluxa-DLQ', Attributes: { MessageRetentionPeriod: '1209600' } }))).QueueUrl;
  main = (await send(new sqs.CreateQueueCommand({ QueueName: 'Fluxa-InputQueue', Attributes: { VisibilityTimeout: '0' } }))).QueueUrl;
  await allowReceives(2);
}

const allowReceives = (maxReceiveCount) =>
  send(new sqs.SetQueueAttributesCommand({ QueueUrl: main, Attributes: { VisibilityTimeout: maxReceiveCount > 10 ? '30' : '0', RedrivePolicy: JSON.stringify({ deadLetterTargetArn: arnOf('Fluxa-DLQ'), maxReceiveCount }) } }));

// Through the main queue and by too many receives, so that SQS itself knows where each came from.
async function letDie(messages) {
  await allowReceives(2);
  for (let i = 0; i < messages.length; i += 10)
    await send(new sqs.SendMessageBatchCommand({
      QueueUrl: main,
      Entries: messages.slice(i, i + 10).map(({ Body, MessageAttributes }, k) => ({ Id: `m${k}`, MessageBody: Body, MessageAttributes })),
    }));
  await stack.until(async () => {
    const { Messages = [] } = await send(new sqs.ReceiveMessageCommand({ QueueUrl: main, MaxNumberOfMessages: 10, VisibilityTimeout: 0 }));
    return Messages.length === 0;
  }, 'the messages to die', 20000, 0);
  await allowReceives(1000);
}

async function sandboxLetters() {
  const url = `${stack.aws}/123456789012/Fluxa-DLQ`;
  const found = new Map();
  await stack.until(async () => {
    const { Messages = [] } = await sandbox.send(new sqs.ReceiveMessageCommand({ QueueUrl: url, MaxNumberOfMessages: 10, VisibilityTimeout: 600, MessageAttributeNames: ['All'] }));
    for (const message of Messages) found.set(message.MessageId, message);
    return found.size === 100;
  }, 'the sandbox\'s hundred dead letters', 20000, 0);
  return [...found.values()];
}

// Fluxa's Lambda: takes from the main queue, writes the row, deletes.
function startProcessor() {
  let running = true;
  const seen = [];
  const work = async () => {
    while (running) {
      const { Messages = [] } = await send(new sqs.ReceiveMessageCommand({ QueueUrl: main, MaxNumberOfMessages: 10 }));
      for (const { Body, ReceiptHandle } of Messages) {
        const { event_id: id } = JSON.parse(Body);
        seen.push(id);
        await database.query('INSERT INTO events (event_id) VALUES ($1) ON CONFLICT DO NOTHING', [id]);
        await database.query("INSERT INTO idempotency_keys (event_id, status) VALUES ($1, 'success') ON CONFLICT (event_id) DO UPDATE SET status = 'success', last_seen_at = now()", [id]);
        await send(new sqs.DeleteMessageCommand({ QueueUrl: main, ReceiptHandle }));
      }
      if (Messages.length === 0) await new Promise((done) => setTimeout(done, 50));
    }
  };
  const ended = work();
  return { seen, stop: () => { running = false; return ended; } };
}

const depth = async (QueueUrl) =>
  Number((await send(new sqs.GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['ApproximateNumberOfMessages'] }))).Attributes.ApproximateNumberOfMessages);

before(async () => {
  stack = await Stack.start({ bot: false });
  local = await startLocalSqs();
  client = clientTo(local.url);
  sandbox = clientTo(stack.aws);
  database = new pg.Client(stack.database);
  await database.connect();
  await makeQueues();
  await letDie(await sandboxLetters());
  const config = await readFile(stack.config, 'utf8');
  await writeFile(stack.config, config.replace(/, endpoint_url: "[^"]*"/, '').replace(/^( +queue_url: ).*$/m, `$1"${main}"`).replace(/^( +dlq_url: ).*$/m, `$1"${dlq}"`));
  await stack.startBot({ env: { AWS_ENDPOINT_URL: stack.aws, AWS_ENDPOINT_URL_SQS: local.url } });
  processor = startProcessor();
});

after(async () => {
  await processor?.stop();
  await database?.end();
  client?.destroy();
  sandbox?.destroy();
  await local?.stop();
  await stack?.stop();
});

test('local-aws-sqs listens on loopback only and holds a hundred dead letters', async () => {
  assert.deepEqual(offLoopback(listeners([process.pid])), []);
  assert.equal(await depth(dlq), 100);
});

test('the counts are read', async () => {
  await stack.command('requester', '/fluxa dlq');
  const card = await stack.until(() => stack.card(/100 messages/), 'the counts');
  assert.match(card.text, /Last move task: none/);
});

test('a look shows messages with cause and source, and puts them back', async () => {
  await stack.command('requester', '/fluxa dlq inspect 10');
  const look = await stack.until(async () => (await stack.private('requester')).find(({ text }) => /All were put back/.test(text)), 'the look');
  assert.match(look.text, /\b10 .*\b100\b/);
  assert.match(look.text, /from (arn:\S*:)?Fluxa-InputQueue/i);
  assert.match(look.text, /Age\D+\d+ m?s\b.*Receives\D+[1-9]/);
});

test('the queue is sorted by cause, and everything is put back', async () => {
  await stack.command('requester', '/fluxa dlq classify');
  const card = await stack.until(() => stack.card(/60 of 100/), 'the census');
  for (const [cause, count] of [['DBConnectionError', 60], ['SchemaValidation', 25], ['HashMismatch', 15]]) assert.match(card.text, new RegExp(`${cause}\\D+${count}\\b`));
  assert.equal(await depth(dlq), 100);
  const { Messages } = await send(new sqs.ReceiveMessageCommand({ QueueUrl: dlq, MaxNumberOfMessages: 10, VisibilityTimeout: 0 }));
  assert.equal(Messages.length, 10);
});

test('a mixed queue: exactly the safe messages are sent back one by one, and the others stay', async () => {
  const began = local.calls.length;
  const end = await stack.approvedRedrive('/fluxa dlq redrive 100');
  assert.match(end.text, /^Redrive finished.*\b60 of 60/);
  assert.match(end.text, /\b60 of 60\b.*\b60 of 60\b/s); // moved, and processed
  assert.equal(await depth(dlq), 40);
  assert.equal(processor.seen.length, 60);
  assert.equal(new Set(processor.seen).size, 60);
  const { rows } = await database.query("SELECT count(*)::int AS n FROM idempotency_keys WHERE event_id = ANY($1) AND status = 'success' AND (error_reason IS NULL OR error_reason LIKE 'DBConnectionError%')", [processor.seen]);
  assert.equal(rows[0].n, 60);
  const entries = local.calls.slice(began).filter(({ name }) => name === 'SendMessageBatch').flatMap(({ input }) => input.Entries);
  assert.equal(entries.length, 60);
  for (const { MessageBody, MessageAttributes } of entries)
    assert.deepEqual([MessageAttributes.correlation_id.StringValue, MessageAttributes.schema_version.DataType], [JSON.parse(MessageBody).correlation_id, 'Number']);
  const used = new Set(local.calls.slice(began).map(({ name }) => name));
  assert.ok(used.has('SendMessageBatch') && used.has('DeleteMessageBatch') && !used.has('StartMessageMoveTask'), [...used].join());
});

test('a queue of one safe cause: SQS moves it as one task', async () => {
  await stack.until(async () => {
    const { Messages = [] } = await send(new sqs.ReceiveMessageCommand({ QueueUrl: dlq, MaxNumberOfMessages: 10 }));
    for (const { ReceiptHandle } of Messages) await send(new sqs.DeleteMessageCommand({ QueueUrl: dlq, ReceiptHandle }));
    return (await depth(dlq)) === 0;
  }, 'the others to be thrown away', 20000);
  await processor.stop(); // it would take them before they die
  await stack.world({ reset: true, messages: { DBConnectionError: 100 } });
  const letters = await sandboxLetters();
  await letDie(letters.slice(0, 40));
  processor = startProcessor();
  const began = local.calls.length;
  const end = await stack.approvedRedrive('/fluxa dlq redrive 20');
  assert.match(end.text, /^Redrive finished.*\b40 of 40/);
  assert.match(end.text, /\b40 of 40\b.*\b40 of 40\b/s);
  assert.equal(await depth(dlq), 0);
  assert.deepEqual([...processor.seen].sort(), letters.slice(0, 40).map(({ Body }) => JSON.parse(Body).event_id).sort());
  const used = new Set(local.calls.slice(began).map(({ name }) => name));
  assert.ok(used.has('StartMessageMoveTask') && used.has('ListMessageMoveTasks'), [...used].join());
  const { Results } = await send(new sqs.ListMessageMoveTasksCommand({ SourceArn: arnOf('Fluxa-DLQ') }));
  assert.deepEqual([Results[0].Status, Results[0].MaxNumberOfMessagesPerSecond], ['COMPLETED', 20]);
});

test('not one of the bot\'s SQS calls went to the sandbox', async () => {
  const effects = (await stack.effects()).filter(({ service }) => service === 'sqs');
  assert.deepEqual(effects.filter(({ operation }) => operation !== 'ReceiveMessage'), []);
});
