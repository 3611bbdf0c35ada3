// sqs.test.mjs - AWS's own SDK (JSON) and command line (query) judge the AWS that the sandbox plays.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import * as sqs from '@aws-sdk/client-sqs';
import { Stack } from '../support/stack.mjs';
import { startGate } from './sigv4_gate.mjs';
import { awsCredentials, startReceiver } from './support.mjs';

const run = promisify(execFile);
const program = '/usr/bin/aws'; // Debian's; another one earlier in PATH speaks otherwise
const account = '123456789012';
const arnOf = (name) => `arn:aws:sqs:us-east-1:${account}:${name}`;
const md5 = (text) => createHash('md5').update(text).digest('hex');
let stack;
let gate; // a second opinion on every signature that the sandbox accepts
let client;
let dlq; // URLs of queues of our own: nothing processes them
let main;

const clientTo = (endpoint, credentials) => new sqs.SQSClient({ endpoint, region: 'us-east-1', credentials, maxAttempts: 1, useQueueUrlAsEndpoint: false });
const send = (command) => client.send(command);

// Nothing of this machine's own set-up: AWS_CA_BUNDLE and the like would be obeyed.
async function aws(args, { secretKey, endpoint = gate.url } = {}) {
  const { accessKeyId, secretAccessKey } = awsCredentials(stack);
  const env = {
    PATH: '/usr/bin:/bin', HOME: stack.outer, LC_ALL: 'C.UTF-8', AWS_CONFIG_FILE: '/dev/null', AWS_EC2_METADATA_DISABLED: 'true', AWS_PAGER: '', AWS_MAX_ATTEMPTS: '1',
    AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretKey ?? secretAccessKey,
  };
  const { stdout } = await run(program, ['--endpoint-url', endpoint, '--region', 'us-east-1', '--output', 'json', ...args], { env });
  return stdout.trim() === '' ? {} : JSON.parse(stdout);
}

async function awsFailure(args, options) {
  try {
    await aws(args, options);
  } catch (error) {
    return error.stderr;
  }
  return assert.fail(`aws ${args.join(' ')} worked`);
}

async function newPair(name) {
  const dead = await send(new sqs.CreateQueueCommand({ QueueName: `${name}-DLQ` }));
  const { QueueUrl } = await send(new sqs.CreateQueueCommand({
    QueueName: name,
    Attributes: { VisibilityTimeout: '0', RedrivePolicy: JSON.stringify({ deadLetterTargetArn: arnOf(`${name}-DLQ`), maxReceiveCount: 2 }) },
  }));
  return [QueueUrl, dead.QueueUrl];
}

const counts = async (QueueUrl) => {
  const { Attributes } = await send(new sqs.GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }));
  return [Number(Attributes.ApproximateNumberOfMessages), Number(Attributes.ApproximateNumberOfMessagesNotVisible)];
};

// Short polls may come back empty, as SQS's do.
async function receiveAll(QueueUrl, wanted, more = {}) {
  const found = [];
  await stack.until(async () => {
    const { Messages = [] } = await send(new sqs.ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 1, MessageSystemAttributeNames: ['All'], MessageAttributeNames: ['All'], ...more }));
    found.push(...Messages);
    return found.length >= wanted;
  }, `${wanted} messages`);
  return found;
}

before(async () => {
  stack = await Stack.start({ bot: false });
  gate = await startGate(stack.aws, awsCredentials(stack));
  client = clientTo(gate.url, awsCredentials(stack));
  [main, dlq] = await newPair('Judged');
});

after(async () => {
  client?.destroy();
  await gate?.stop();
  await stack?.stop();
});

// ---- the SDK: JSON 1.0, and it checks the MD5 of bodies and attributes itself ----

test('a message goes through: sent, counted, received with its attributes, hidden, shown, deleted', async () => {
  const body = 'zwei\nZeilen, ä € 🙂 {"a":"<b>&\\""}\t.';
  const attributes = { schema: { DataType: 'Number', StringValue: '3' }, trace: { DataType: 'Binary', BinaryValue: Buffer.from([0, 1, 254, 255]) }, word: { DataType: 'String.custom', StringValue: 'käse' } };
  const sent = await send(new sqs.SendMessageCommand({ QueueUrl: main, MessageBody: body, MessageAttributes: attributes }));
  assert.equal(sent.MD5OfMessageBody, md5(body));
  assert.match(sent.MD5OfMessageAttributes, /^[0-9a-f]{32}$/);
  assert.deepEqual(await counts(main), [1, 0]);
  const [message] = await receiveAll(main, 1, { VisibilityTimeout: 60 });
  assert.deepEqual([message.MessageId, message.Body], [sent.MessageId, body]);
  assert.equal(message.MD5OfMessageAttributes, sent.MD5OfMessageAttributes);
  assert.deepEqual(Buffer.from(message.MessageAttributes.trace.BinaryValue), attributes.trace.BinaryValue);
  assert.deepEqual([message.MessageAttributes.schema, message.MessageAttributes.word], [attributes.schema, attributes.word]);
  assert.equal(message.Attributes.ApproximateReceiveCount, '1');
  assert.ok(Math.abs(Number(message.Attributes.SentTimestamp) - Date.now()) < 30000);
  assert.deepEqual(await counts(main), [0, 1]);
  await send(new sqs.ChangeMessageVisibilityCommand({ QueueUrl: main, ReceiptHandle: message.ReceiptHandle, VisibilityTimeout: 0 }));
  assert.deepEqual(await counts(main), [1, 0]);
  const [again] = await receiveAll(main, 1, { VisibilityTimeout: 60 });
  assert.equal(again.Attributes.ApproximateReceiveCount, '2');
  await send(new sqs.DeleteMessageCommand({ QueueUrl: main, ReceiptHandle: again.ReceiptHandle }));
  assert.deepEqual(await counts(main), [0, 0]);
});

test('an empty queue answers with no messages at all', async () => {
  const answer = await send(new sqs.ReceiveMessageCommand({ QueueUrl: dlq }));
  assert.equal(answer.Messages, undefined);
});

test('batches of ten are sent, hidden and deleted; a bogus handle fails alone', async () => {
  const Entries = Array.from({ length: 10 }, (_, i) => ({ Id: `m${i}`, MessageBody: `body ${i}` }));
  const sent = await send(new sqs.SendMessageBatchCommand({ QueueUrl: main, Entries }));
  assert.deepEqual(sent.Successful.map(({ MD5OfMessageBody }) => MD5OfMessageBody), Entries.map(({ MessageBody }) => md5(MessageBody)));
  const messages = await receiveAll(main, 10, { VisibilityTimeout: 60 });
  assert.equal(new Set(messages.map(({ MessageId }) => MessageId)).size, 10);
  const handles = messages.map(({ ReceiptHandle }, i) => ({ Id: `h${i}`, ReceiptHandle }));
  const hidden = await send(new sqs.ChangeMessageVisibilityBatchCommand({ QueueUrl: main, Entries: handles.map((entry) => ({ ...entry, VisibilityTimeout: 30 })) }));
  assert.equal(hidden.Successful.length, 10);
  const deleted = await send(new sqs.DeleteMessageBatchCommand({ QueueUrl: main, Entries: [...handles.slice(0, 9), { Id: 'bogus', ReceiptHandle: 'no handle' }] }));
  assert.equal(deleted.Successful.length, 9);
  assert.deepEqual(deleted.Failed.map(({ Id, Code, SenderFault }) => [Id, Code, SenderFault]), [['bogus', 'ReceiptHandleIsInvalid', true]]);
  await send(new sqs.DeleteMessageCommand({ QueueUrl: main, ReceiptHandle: handles[9].ReceiptHandle }));
  assert.deepEqual(await counts(main), [0, 0]);
});

test('a message received too often is in the dead-letter queue, and knows where it came from', async () => {
  const { MessageId } = await send(new sqs.SendMessageCommand({ QueueUrl: main, MessageBody: 'poison' }));
  for (let i = 1; i <= 2; i++) {
    const [message] = await receiveAll(main, 1);
    assert.equal(message.Attributes.ApproximateReceiveCount, String(i));
  }
  const { Messages } = await send(new sqs.ReceiveMessageCommand({ QueueUrl: main, WaitTimeSeconds: 1 }));
  assert.equal(Messages, undefined, 'the third receive finds nothing');
  const [dead] = await receiveAll(dlq, 1);
  assert.equal(dead.MessageId, MessageId);
  assert.equal(dead.Attributes.DeadLetterQueueSourceArn, arnOf('Judged'));
  const { queueUrls } = await send(new sqs.ListDeadLetterSourceQueuesCommand({ QueueUrl: dlq }));
  assert.deepEqual(queueUrls, [main]);
  await send(new sqs.DeleteMessageCommand({ QueueUrl: dlq, ReceiptHandle: dead.ReceiptHandle }));
});

test('SQS\'s own errors are the SDK\'s own exceptions', async () => {
  const eleven = Array.from({ length: 11 }, (_, i) => ({ Id: `m${i}`, MessageBody: 'x' }));
  const cases = [
    [new sqs.GetQueueAttributesCommand({ QueueUrl: `${gate.url}/${account}/Nowhere`, AttributeNames: ['All'] }), 'QueueDoesNotExist', sqs.QueueDoesNotExist],
    [new sqs.DeleteMessageCommand({ QueueUrl: main, ReceiptHandle: 'no handle' }), 'ReceiptHandleIsInvalid', sqs.ReceiptHandleIsInvalid],
    [new sqs.SendMessageBatchCommand({ QueueUrl: main, Entries: eleven }), 'TooManyEntriesInBatchRequest', sqs.TooManyEntriesInBatchRequest],
    [new sqs.SendMessageBatchCommand({ QueueUrl: main, Entries: [eleven[0], eleven[0]] }), 'BatchEntryIdsNotDistinct', sqs.BatchEntryIdsNotDistinct],
    [new sqs.SendMessageBatchCommand({ QueueUrl: main, Entries: [] }), 'EmptyBatchRequest', sqs.EmptyBatchRequest],
    [new sqs.GetQueueAttributesCommand({ QueueUrl: main, AttributeNames: ['Invented'] }), 'InvalidAttributeName', sqs.InvalidAttributeName],
    [new sqs.SendMessageCommand({ QueueUrl: main, MessageBody: 'a\u0007b' }), 'InvalidMessageContents', sqs.InvalidMessageContents],
    [new sqs.ListMessageMoveTasksCommand({ SourceArn: arnOf('Nowhere') }), 'ResourceNotFoundException', sqs.ResourceNotFoundException],
  ];
  for (const [command, name, type] of cases)
    await assert.rejects(send(command), (error) => {
      assert.ok(error instanceof type, `${name}: ${error.name}: ${error.message}`);
      assert.match(error.message, /\w{3,}/);
      return true;
    });
});

const tasks = async (name, MaxResults = 10) => (await send(new sqs.ListMessageMoveTasksCommand({ SourceArn: arnOf(name), MaxResults }))).Results;

async function deadLetters(name, count) {
  const [source, dead] = await newPair(name);
  await stack.world({ send: Array.from({ length: count }, (_, i) => ({ queue: `${name}-DLQ`, source: name, body: `m${i}` })) });
  return [source, dead];
}

test('a move task runs, is listed with its handle, moves everything and completes', async () => {
  const [source, dead] = await deadLetters('Moved', 25);
  const { TaskHandle } = await send(new sqs.StartMessageMoveTaskCommand({ SourceArn: arnOf('Moved-DLQ'), MaxNumberOfMessagesPerSecond: 50 }));
  const [running] = await tasks('Moved-DLQ');
  assert.deepEqual([running.Status, running.TaskHandle, running.SourceArn, running.MaxNumberOfMessagesPerSecond, running.DestinationArn], ['RUNNING', TaskHandle, arnOf('Moved-DLQ'), 50, undefined]);
  const done = await stack.until(async () => (await tasks('Moved-DLQ')).find(({ Status }) => Status === 'COMPLETED'), 'the task to complete');
  assert.deepEqual([done.TaskHandle, done.ApproximateNumberOfMessagesMoved, done.ApproximateNumberOfMessagesToMove], [undefined, 25, 25]);
  assert.ok(Math.abs(done.StartedTimestamp - Date.now()) < 60000, 'milliseconds');
  assert.deepEqual([await counts(source), await counts(dead)], [[25, 0], [0, 0]]);
});

test('a move task can be cancelled while it runs and not after; what moved stays moved', async () => {
  const [source, dead] = await deadLetters('Cancelled', 30);
  const { TaskHandle } = await send(new sqs.StartMessageMoveTaskCommand({ SourceArn: arnOf('Cancelled-DLQ'), DestinationArn: arnOf('Cancelled'), MaxNumberOfMessagesPerSecond: 5 }));
  await assert.rejects(send(new sqs.StartMessageMoveTaskCommand({ SourceArn: arnOf('Cancelled-DLQ') })), /There is already a task running/);
  await stack.until(async () => (await tasks('Cancelled-DLQ'))[0].ApproximateNumberOfMessagesMoved >= 2, 'two moved');
  const cancelled = await send(new sqs.CancelMessageMoveTaskCommand({ TaskHandle }));
  assert.ok(cancelled.ApproximateNumberOfMessagesMoved >= 2);
  const ended = await stack.until(async () => (await tasks('Cancelled-DLQ')).find(({ Status }) => Status === 'CANCELLED'), 'the task to end');
  const [[back], [left]] = [await counts(source), await counts(dead)];
  assert.equal(back, ended.ApproximateNumberOfMessagesMoved);
  assert.equal(back + left, 30);
  await assert.rejects(send(new sqs.CancelMessageMoveTaskCommand({ TaskHandle })));
});

test('a move task is refused where SQS refuses it, and fails where it fails', async () => {
  await newPair('Strict');
  const refused = [
    [{ SourceArn: arnOf('Strict') }, 'InvalidParameterValue', /must be configured as a Dead Letter Queue/],
    [{ SourceArn: arnOf('Strict-DLQ'), DestinationArn: arnOf('Nowhere') }, 'ResourceNotFoundException', /DestinationArn parameter doesn't exist/],
    [{ SourceArn: arnOf('Strict-DLQ'), MaxNumberOfMessagesPerSecond: 501 }, 'InvalidParameterValue', /1 to 500/],
  ];
  for (const [input, name, message] of refused)
    await assert.rejects(send(new sqs.StartMessageMoveTaskCommand(input)), (error) => {
      assert.match(error.name, new RegExp(`^${name}`));
      assert.match(error.message, message);
      return true;
    });
  await assert.rejects(send(new sqs.CancelMessageMoveTaskCommand({ TaskHandle: 'no handle' })), /TaskHandle is invalid/);
  await stack.world({ send: [{ queue: 'Strict-DLQ', body: 'put there by hand' }] }); // it has no queue to go back to
  await send(new sqs.StartMessageMoveTaskCommand({ SourceArn: arnOf('Strict-DLQ') }));
  const failed = await stack.until(async () => (await tasks('Strict-DLQ')).find(({ Status }) => Status === 'FAILED'), 'the task to fail');
  assert.ok(failed.FailureReason);
  assert.equal(failed.ApproximateNumberOfMessagesMoved, 0);
});

test('a wrong secret, a wrong key and none are refused by the sandbox itself', async () => {
  const good = awsCredentials(stack);
  const wrong = [[{ ...good, secretAccessKey: 'wrong' }, 'SignatureDoesNotMatch'], [{ ...good, accessKeyId: 'AKIAWRONG' }, 'UnrecognizedClientException']];
  for (const [credentials, name] of wrong) {
    const stranger = clientTo(stack.aws, credentials);
    await assert.rejects(stranger.send(new sqs.GetQueueAttributesCommand({ QueueUrl: main, AttributeNames: ['All'] })), { name });
    stranger.destroy();
  }
  const bare = await fetch(stack.aws, { method: 'POST', headers: { 'x-amz-target': 'AmazonSQS.ListQueues', 'content-type': 'application/x-amz-json-1.0' }, body: '{}' });
  assert.equal(bare.status, 403);
});

// ---- the command line: the query protocol and XML ----

test('the command line reads and writes a queue by the query protocol', async () => {
  const created = await aws(['sqs', 'create-queue', '--queue-name', 'ByQuery', '--attributes', 'VisibilityTimeout=45']);
  const url = created.QueueUrl;
  assert.equal((await aws(['sqs', 'get-queue-url', '--queue-name', 'ByQuery'])).QueueUrl, url);
  const body = 'ä <b>&amp; "q"\nzwei';
  const sent = await aws(['sqs', 'send-message', '--queue-url', url, '--message-body', body, '--message-attributes', '{"schema":{"DataType":"String","StringValue":"v3"},"bin":{"DataType":"Binary","BinaryValue":"AAH+"}}']);
  assert.equal(sent.MD5OfMessageBody, md5(body));
  const { Attributes } = await aws(['sqs', 'get-queue-attributes', '--queue-url', url, '--attribute-names', 'All']);
  assert.deepEqual([Attributes.QueueArn, Attributes.VisibilityTimeout, Attributes.ApproximateNumberOfMessages], [arnOf('ByQuery'), '45', '1']);
  const { Messages } = await aws(['sqs', 'receive-message', '--queue-url', url, '--wait-time-seconds', '1', '--attribute-names', 'All', '--message-attribute-names', 'All']);
  assert.deepEqual([Messages[0].Body, Messages[0].MessageId, Messages[0].Attributes.ApproximateReceiveCount], [body, sent.MessageId, '1']);
  assert.deepEqual([Messages[0].MessageAttributes.schema.StringValue, Messages[0].MessageAttributes.bin.BinaryValue], ['v3', 'AAH+']);
  await aws(['sqs', 'change-message-visibility', '--queue-url', url, '--receipt-handle', Messages[0].ReceiptHandle, '--visibility-timeout', '0']);
  const back = await aws(['sqs', 'receive-message', '--queue-url', url, '--wait-time-seconds', '1']);
  await aws(['sqs', 'delete-message', '--queue-url', url, '--receipt-handle', back.Messages[0].ReceiptHandle]);
  assert.deepEqual(await counts(url), [0, 0]);
});

test('the command line sends and deletes batches', async () => {
  const { QueueUrl: url } = await send(new sqs.CreateQueueCommand({ QueueName: 'Batched' }));
  const sent = await aws(['sqs', 'send-message-batch', '--queue-url', url, '--entries', JSON.stringify([{ Id: 'a', MessageBody: 'one' }, { Id: 'b', MessageBody: 'two' }])]);
  assert.deepEqual(sent.Successful.map(({ Id, MD5OfMessageBody }) => [Id, MD5OfMessageBody]), [['a', md5('one')], ['b', md5('two')]]);
  const [{ ReceiptHandle }] = await receiveAll(url, 2, { VisibilityTimeout: 60 });
  const deleted = await aws(['sqs', 'delete-message-batch', '--queue-url', url, '--entries', JSON.stringify([{ Id: 'a', ReceiptHandle }, { Id: 'b', ReceiptHandle: 'no handle' }])]);
  assert.deepEqual([deleted.Successful.map(({ Id }) => Id), deleted.Failed.map(({ Id, Code }) => [Id, Code])], [['a'], [['b', 'ReceiptHandleIsInvalid']]]);
});

test('the command line understands the errors of the query protocol', async () => {
  assert.match(await awsFailure(['sqs', 'get-queue-attributes', '--queue-url', `${gate.url}/${account}/Nowhere`]), /\(AWS\.SimpleQueueService\.NonExistentQueue\).*GetQueueAttributes/);
  assert.match(await awsFailure(['sqs', 'delete-message', '--queue-url', main, '--receipt-handle', 'x']), /\(ReceiptHandleIsInvalid\)/);
  const entries = JSON.stringify(Array.from({ length: 11 }, (_, i) => ({ Id: `m${i}`, MessageBody: 'x' })));
  assert.match(await awsFailure(['sqs', 'send-message-batch', '--queue-url', main, '--entries', entries]), /\(AWS\.SimpleQueueService\.TooManyEntriesInBatchRequest\)/);
  assert.match(await awsFailure(['sqs', 'list-queues'], { secretKey: 'wrong', endpoint: stack.aws }), /\(SignatureDoesNotMatch\)/);
});

test('the command line reads alarms and metrics', async () => {
  await stack.world({ alarms: [{ name: 'fluxa-dlq-depth-dev', state: 'ALARM', age_ms: 600000 }] });
  const { MetricAlarms } = await aws(['cloudwatch', 'describe-alarms', '--alarm-name-prefix', 'fluxa-']);
  const alarm = MetricAlarms.find(({ AlarmName }) => AlarmName === 'fluxa-dlq-depth-dev');
  assert.deepEqual([alarm.StateValue, alarm.Namespace, alarm.MetricName, alarm.ComparisonOperator], ['ALARM', 'AWS/SQS', 'ApproximateNumberOfMessagesVisible', 'GreaterThanThreshold']);
  assert.deepEqual(alarm.Dimensions, [{ Name: 'QueueName', Value: 'Fluxa-DLQ' }]);
  assert.ok(!Number.isNaN(Date.parse(alarm.StateUpdatedTimestamp)));
  const firing = await aws(['cloudwatch', 'describe-alarms', '--state-value', 'ALARM']);
  assert.deepEqual(firing.MetricAlarms.map(({ AlarmName, StateValue }) => [AlarmName, StateValue]), [['fluxa-dlq-depth-dev', 'ALARM']]);
  const { AlarmHistoryItems: items } = await aws(['cloudwatch', 'describe-alarm-history', '--alarm-name', 'fluxa-dlq-depth-dev', '--history-item-type', 'StateUpdate', '--scan-by', 'TimestampAscending']);
  assert.deepEqual(items.map(({ HistorySummary, AlarmType }) => [HistorySummary, AlarmType]), [['Alarm updated from OK to ALARM', 'MetricAlarm']]);
  assert.equal(JSON.parse(items[0].HistoryData).newState.stateValue, 'ALARM');
  assert.ok(Math.abs(Date.now() - 600000 - Date.parse(items[0].Timestamp)) < 60000);

  const stat = (id, metric) => ({ Id: id, MetricStat: { Metric: { Namespace: 'AWS/SQS', MetricName: metric, Dimensions: [{ Name: 'QueueName', Value: 'Fluxa-DLQ' }] }, Period: 60, Stat: 'Maximum' } });
  const queries = [stat('depth', 'ApproximateNumberOfMessagesVisible'), { Id: 'twice', Expression: 'depth * 2', Label: 'twice' }];
  const iso = (ms) => new Date(ms).toISOString();
  const { MetricDataResults: results } = await aws(['cloudwatch', 'get-metric-data', '--metric-data-queries', JSON.stringify(queries), '--start-time', iso(Date.now() - 1800e3), '--end-time', iso(Date.now() + 60e3)]);
  const [depth, twice] = ['depth', 'twice'].map((id) => results.find(({ Id }) => Id === id));
  assert.ok(depth.Values.length >= 20 && depth.Values.length === depth.Timestamps.length, `${depth.Values.length} points`);
  assert.deepEqual(twice.Values, depth.Values.map((value) => value * 2));
  assert.equal(depth.StatusCode, 'Complete');
  assert.equal(Math.max(...depth.Values), 100);
});

test('the command line filters logs', async () => {
  const { events } = await aws(['logs', 'filter-log-events', '--log-group-name', '/aws/lambda/fluxa-processor', '--filter-pattern', '"HashMismatch"', '--limit', '20']);
  assert.ok(events.length > 0 && events.length <= 20);
  for (const event of events) assert.match(event.message, /HashMismatch/);
  const some = await aws(['logs', 'filter-log-events', '--log-group-name', '/aws/lambda/fluxa-processor', '--filter-pattern', '{ $.error_code = "DBConnectionError" }', '--limit', '5']);
  for (const event of some.events) assert.equal(JSON.parse(event.message).error_code, 'DBConnectionError');
  assert.ok(some.events.length > 0);
  assert.match(await awsFailure(['logs', 'filter-log-events', '--log-group-name', '/aws/lambda/nowhere']), /\(ResourceNotFoundException\)/);
});

test('the command line confirms a subscription with the token it was sent, once it is the right one', async () => {
  const receiver = await startReceiver(stack);
  try {
    await stack.post('bot', { url: receiver.url });
    await stack.world({ sns: { confirm: true } });
    const { body } = await stack.until(() => receiver.requests[0], 'the confirmation');
    const { Token, TopicArn } = JSON.parse(body);
    assert.match(await awsFailure(['sns', 'confirm-subscription', '--topic-arn', TopicArn, '--token', 'wrong']), /\(InvalidParameter\)/);
    assert.equal((await stack.get('world')).sns.confirmed, false);
    const { SubscriptionArn } = await aws(['sns', 'confirm-subscription', '--topic-arn', TopicArn, '--token', Token, '--authenticate-on-unsubscribe', 'true']);
    assert.match(SubscriptionArn, new RegExp(`^${TopicArn}:[0-9a-f-]{36}$`));
    assert.equal((await stack.get('world')).sns.confirmed, true);
    const { Subscriptions } = await aws(['sns', 'list-subscriptions-by-topic', '--topic-arn', TopicArn]);
    assert.equal(Subscriptions[0].SubscriptionArn, SubscriptionArn);
  } finally {
    await receiver.stop();
  }
});

test('who is calling, and how the database is, read by the command line', async () => {
  assert.equal((await aws(['sts', 'get-caller-identity'])).Account, account);
  const { DBInstances } = await aws(['rds', 'describe-db-instances', '--db-instance-identifier', 'fluxa-prod']);
  assert.deepEqual([DBInstances.length, DBInstances[0].DBInstanceStatus, DBInstances[0].Endpoint.Port], [1, 'available', 5432]);
  assert.match(await awsFailure(['rds', 'describe-db-instances', '--db-instance-identifier', 'other']), /\(DBInstanceNotFound\)/);
});

test('the gate agreed with the sandbox about every one of these signatures', (context) => {
  context.diagnostic(`${gate.calls.length} calls of SDK and command line went through the gate`);
  assert.ok(gate.calls.length > 80);
  assert.deepEqual(gate.calls.filter(({ refused }) => refused), []);
});
