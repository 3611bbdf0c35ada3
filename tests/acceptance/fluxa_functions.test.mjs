// fluxa_functions.test.mjs - the rows about the functions and the queue they read: F-31, F-32, F-37, F-55, F-65, F-72.
//
// Slack takes one message a second in a channel, so four stacks work side by side: the queue's, the functions', one for
// what alarms begin, one where calls are denied, throttled or go nowhere.
import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Stack } from '../support/stack.mjs';
import { answerTo, freshWorld } from '../support/cases.mjs';
import { buttons, includes, row, table } from './cards.mjs';

const QUEUE = 'Fluxa-InputQueue', DLQ = 'Fluxa-DLQ', PROCESSOR = 'fluxa-processor';
const MINUTE = 60_000, HOUR = 60 * MINUTE;
const ONE_AT_A_TIME = { concurrency: 1 };
const arn = (name) => `arn:aws:sqs:us-east-1:123456789012:${name}`;

const rowOf = (card, name) => row(card, name)?.slice(1);
const mapping = (more) => ({ mappings: [{ function: PROCESSOR, queue: QUEUE, ...more }] });
const metric = (name, value) => ({ namespace: 'AWS/SQS', name, dimensions: { QueueName: QUEUE }, value });
const messages = (count) => Array.from({ length: count }, (_, i) => ({ queue: QUEUE, body: `message ${i}` }));
const event = (name, resource, age, more = {}) => ({ name, source: 'lambda.amazonaws.com', resource, user: 'deploy-bot', age_ms: age, ...more });
const clear = (stack) => stack.post('fault', { clear: true });

// A stack whose world nobody else touches.
function withStack(begin) {
  let stack;
  before(async () => {
    stack = await Stack.start();
    await freshWorld(stack, {});
    await begin?.(stack);
  });
  after(() => stack?.stop());
  return () => stack;
}

describe('the rows about functions and their queue', { concurrency: true }, () => {
  describe('the queue', ONE_AT_A_TIME, () => {
    const stack = withStack();

    test('F-37 tells an empty queue from one that nobody reads', async () => {
      const empty = await answerTo(stack(), '/fluxa queue');
      includes(empty, /Fluxa-InputQueue: empty/, /Nothing waits\./, /Read by\*\nfluxa-processor \(Enabled, up to 10 at once\)/, /In flight\*\n0 of at most 120000/, /dropped after 4 d/);
      await stack().world({ ...mapping({ enabled: false }), send: messages(3) });
      const off = await answerTo(stack(), '/fluxa queue');
      includes(off, /3 messages wait :red_circle:/, /Nothing reads it now: the event source mapping is Disabled/, /Waiting\*\n3 visible, 0 delayed/, /Sent\*\n0\.\d a minute/);
      assert.deepEqual(buttons(off), ['Check the set-up', 'Show the queue', 'Show changes']);
      await stack().world(mapping({ deleted: true }));
      includes(await answerTo(stack(), '/fluxa queue'), /No function reads this queue: it has no event source mapping/, /Read by\*\nnobody/);
    });

    test('F-37 tells whether the queue drains, grows, stands still, or takes messages in vain', async () => {
      const rates = (came, received, deleted) => ({ metrics: [metric('NumberOfMessagesSent', came), metric('NumberOfMessagesReceived', received), metric('NumberOfMessagesDeleted', deleted)] });
      await freshWorld(stack(), {}, { functions: [{ name: PROCESSOR, reserved: 0 }], send: messages(30), ...rates(10, 40, 12) });
      includes(await answerTo(stack(), '/fluxa queue'), /30 messages wait/, /It drains: empty in about 15 min at this rate/, /Sent\*\n10 a minute/, /Deleted\*\n12 a minute/);
      await stack().world(rates(10, 40, 4));
      includes(await answerTo(stack(), '/fluxa queue'), /It grows by 6 a minute/, /Empty in\*\nnever at this rate/);
      await stack().world(rates(10, 40, 0));
      includes(await answerTo(stack(), '/fluxa queue'), /Messages are received, but none is deleted: they fail and come back/);
      await stack().world(rates(0, 0, 0));
      includes(await answerTo(stack(), '/fluxa queue'), /It stands still: nothing was received in 15 min/);
    });

    test('F-32 finds every broken rule, and says what to do about each', async () => {
      const dlq = { MessageRetentionPeriod: '86400', RedrivePolicy: JSON.stringify({ deadLetterTargetArn: arn('Third'), maxReceiveCount: 1 }) };
      await freshWorld(stack(), {}, {
        queues: [{ name: DLQ, attributes: dlq }, { name: QUEUE, attributes: { MessageRetentionPeriod: '172800' } }, { name: 'Second', attributes: { RedrivePolicy: JSON.stringify({ deadLetterTargetArn: arn(DLQ), maxReceiveCount: 9 }) } }],
        max_receive_count: 2, ...mapping({ enabled: false, batch_size: 50, window: 5, report_failures: false }),
      });
      const card = await answerTo(stack(), '/fluxa queue audit');
      includes(card, /9 of 10 rules are broken/, /visibility timeout must be 6 times/, /let each be tried 5 times/, /kept for 4 d at least/, /expire as soon as it arrives/, /whoever looks at its messages moves them/, /Messages of several queues/, /until an event source mapping of the processor is enabled/, /10 messages at most/, /Turn ReportBatchItemFailures on/);
      assert.deepEqual(table(card).slice(1), [
        ['Hidden long enough', '2 s, needs 23 s', 'NO'], ['Dead letters go to our DLQ', DLQ, 'yes'], ['Tried often enough', '2 times', 'NO'], ['Kept through an outage', '2 d', 'NO'],
        ['Dead letters kept longer', '1 d', 'NO'], ['Dead letters stay there', 'given up again', 'NO'], ['DLQ of this queue alone', rowOf(card, 'DLQ of this queue alone')[0], 'NO'],
        ['Read by the processor', 'fluxa-processor Disabled', 'NO'], ['Batches small enough', 'up to 50', 'NO'], ['Failures told one by one', 'no', 'NO'],
      ]);
      assert.match(rowOf(card, 'DLQ of this queue alone')[0], /Second/);
      await stack().world({ queues: [{ name: QUEUE, attributes: { RedrivePolicy: '' } }] });
      await stack().world({ mappings: [{ function: 'fluxa-query', queue: QUEUE }, { function: PROCESSOR, queue: QUEUE, enabled: true }] });
      const stranger = await answerTo(stack(), '/fluxa queue audit');
      assert.deepEqual([rowOf(stranger, 'Dead letters go to our DLQ'), rowOf(stranger, 'Read by the processor')], [['nowhere', 'NO'], ['fluxa-query Enabled, fluxa-processor Enabled', 'NO']]);
    });

    test('F-32 is content with a good set-up, and looks at the version that is mapped', async () => {
      await freshWorld(stack(), {}, { visibility_timeout: 18, max_receive_count: 5 });
      const good = await answerTo(stack(), '/fluxa queue audit');
      includes(good, /The queues are set up well/, /All 10 rules hold/, /timeout is that of fluxa-processor:\$LATEST\./);
      assert.ok(table(good).slice(1).every(([, , holds]) => holds === 'yes'));
      await stack().world({
        functions: [{ name: PROCESSOR, configuration: { Timeout: 30 }, versions: [{ version: '8' }], aliases: [{ name: 'live', version: '8' }] }],
        mappings: [{ function: PROCESSOR, queue: QUEUE, deleted: true }, { function: `${PROCESSOR}:live`, queue: QUEUE, report_failures: true }],
      });
      await stack().world({ functions: [{ name: PROCESSOR, configuration: { Timeout: 3 } }] }); // $LATEST, which nobody calls
      const mapped = await answerTo(stack(), '/fluxa queue audit');
      includes(mapped, /1 of 10 rules are broken/, /timeout is that of fluxa-processor:live\./);
      assert.deepEqual(rowOf(mapped, 'Hidden long enough'), ['18 s, needs 3 min', 'NO']);
    });
  });

  describe('the functions', ONE_AT_A_TIME, () => {
    const stack = withStack();

    test('F-65 says that nothing changed, and which version runs', async () => {
      const card = await answerTo(stack(), '/fluxa deploys');
      includes(card, /No change of the functions in 1 d/, /was not deployed in that time/, /fluxa-processor: live is version 7, newest is 7, 3 d ago/, /up to 15 minutes late/);
      assert.deepEqual(table(card), []);
      const wider = await answerTo(stack(), '/fluxa deploys 5d');
      includes(wider, /3 changes of the functions in 5 d/);
      assert.deepEqual(table(wider).slice(1).map(([, fn, what, who]) => [fn, what, who]).sort(), [['fluxa-ingest', 'version 7', 'not told'], ['fluxa-processor', 'version 7', 'not told'], ['fluxa-query', 'version 7', 'not told']]);
    });

    test('F-65 puts what CloudTrail tells and what the functions show in one order, and marks what came before an alarm', async () => {
      const versions = [{ version: '6', age_ms: 300 * HOUR }, { version: '7', age_ms: 30 * MINUTE }];
      await freshWorld(stack(), {}, {
        functions: [{ name: PROCESSOR, versions, age_ms: 30 * MINUTE, aliases: [{ name: 'live', version: '7', weights: { 6: 0.1 } }] }],
        alarms: [{ name: 'fluxa-processor-errors-dev', state: 'ALARM', age_ms: 10 * MINUTE }],
        trail: [
          event('UpdateAlias20150331', PROCESSOR, 25 * MINUTE, { request: { functionVersion: '7' } }),
          event('UpdateFunctionConfiguration20150331v2', 'fluxa-ingest', 2 * MINUTE, { user: 'anna' }),
          event('UpdateFunctionCode20150331v2', PROCESSOR, 15 * MINUTE, { user: 'mallory', error: 'AccessDenied' }),
          event('GetPolicy20150331v2', PROCESSOR, MINUTE, { read_only: true }),
          event('UpdateAlias20150331', PROCESSOR, 30 * HOUR),
          event('UpdateAlias20150331', 'somebody-elses', 5 * MINUTE),
        ],
      });
      const card = await answerTo(stack(), '/fluxa deploys');
      includes(card, /4 changes of the functions in 1 d/, /UpdateAlias to 7 of fluxa-processor came 1[45] min before an alarm that still fires/, /live is version 7 and shares with 6, newest is 7, 30 min ago/);
      assert.deepEqual(table(card).slice(1).map(([, ...rest]) => rest), [
        ['fluxa-ingest', 'UpdateFunctionConfiguration', 'anna'],
        [PROCESSOR, 'UpdateFunctionCode, refused: AccessDenied', 'mallory'],
        [PROCESSOR, 'UpdateAlias to 7 ← before the alarm', 'deploy-bot'],
        [PROCESSOR, 'version 7 ← before the alarm', 'not told'],
      ]);
    });

    test('F-65 reads many versions and events in pages, and says where it stopped', async () => {
      const versions = Array.from({ length: 120 }, (_, i) => ({ version: String(i + 1), age_ms: (130 - i) * HOUR }));
      const trail = Array.from({ length: 170 }, (_, i) => event('UpdateAlias20150331', 'fluxa-query', (i + 1) * MINUTE));
      await freshWorld(stack(), {}, { functions: [{ name: PROCESSOR, versions, age_ms: 20 * HOUR }], trail, trail_unlimited: true });
      const card = await answerTo(stack(), '/fluxa deploys');
      includes(card, /165 changes|16\d changes/, /newest is 120, 11 h ago/, /Only the newest 150 events of a function were read/, /The newest 12 are shown, 15\d more are not/);
      assert.equal(table(card).length, 13);
    });

    test('F-31 tells what the role may do, who forbids it, and what depends on conditions', async () => {
      await freshWorld(stack(), {});
      const good = await answerTo(stack(), '/fluxa perms processor');
      includes(good, /fluxa-processor: may do all it has to/, /allow 5 actions/, /policies of resources, SCPs and KMS grants/);
      assert.deepEqual(rowOf(good, 's3:GetObject'), ['fluxa-payloads/*', 'allowed']);
      includes(await answerTo(stack(), '/fluxa perms ingest'), /fluxa-ingest: may do all it has to/, /allow 2 actions/);
      const allow = (Action, Resource, more) => ({ Effect: 'Allow', Action, Resource, ...more });
      await stack().world({
        roles: [
          { name: PROCESSOR, inline: { own: { Statement: [allow('sqs:*', arn(QUEUE)), allow('s3:GetObject', '*', { Condition: { IpAddress: { 'aws:SourceIp': '10.0.0.0/8' } } })] } }, attached: { Wall: { Statement: { Effect: 'Deny', Action: 'sqs:DeleteMessage', Resource: '*' } } } },
          { name: 'fluxa-ingest', inline: { own: { Statement: [allow('sqs:SendMessage', arn('Another'))] } } },
          { name: 'fluxa-query', deleted: true },
        ],
      });
      const bad = await answerTo(stack(), '/fluxa perms processor');
      includes(bad, /3 of 5 actions denied/, /sqs:DeleteMessage on Fluxa-InputQueue is forbidden by Wall/);
      assert.deepEqual(table(bad).slice(1).map(([action, , decision]) => [action, decision]), [['sqs:ReceiveMessage', 'allowed'], ['sqs:DeleteMessage', 'FORBIDDEN by Wall'], ['sqs:GetQueueAttributes', 'allowed'], ['s3:GetObject', 'depends on aws:SourceIp'], ['secretsmanager:GetSecretValue', 'NOT allowed']]);
      includes(await answerTo(stack(), '/fluxa perms ingest'), /2 of 2 actions denied/, /No policy of the role allows sqs:SendMessage on Fluxa-InputQueue/);
      includes(await answerTo(stack(), '/fluxa perms query'), /could not be checked/, /What the role may do is not known/, /NoSuchEntity/);
    });

    test('F-55 counts cold starts, and looks at what is done against them', async () => {
      const report = (more = '') => ({ group: `/aws/lambda/${PROCESSOR}`, age_ms: MINUTE, message: `REPORT RequestId: 3f1c8a52-0000-4000-8000-000000000000\tDuration: 80 ms\tBilled Duration: 80 ms\tMemory Size: 512 MB\tMax Memory Used: 100 MB\t${more}` });
      const utilization = (value) => ({ metrics: [{ namespace: 'AWS/Lambda', name: 'ProvisionedConcurrencyUtilization', dimensions: { FunctionName: PROCESSOR, Resource: `${PROCESSOR}:live` }, value }] });
      await freshWorld(stack(), {});
      includes(await answerTo(stack(), '/fluxa cold'), /no call in the log/, /No REPORT line in the last 1 d/, /Cold starts\*\nno data/, /Provisioned\*\nnone/);
      await stack().world({ logs: [...Array.from({ length: 9 }, () => report()), report('Init Duration: 412.50 ms\t')] });
      includes(await answerTo(stack(), '/fluxa cold processor 2h'), /fluxa-processor: 10(\.0)?% of calls start cold/, /takes 412 ms or more\. Load less at the start/, /Calls\*\n10/, /SnapStart\*\noff/, /Of it in use\*\nnothing to use/);
      await stack().world({ functions: [{ name: PROCESSOR, provisioned: [{ qualifier: 'live', count: 5 }], versions: [{ version: '7' }] }], ...utilization(1) });
      includes(await answerTo(stack(), '/fluxa cold'), /All of the provisioned concurrency was in use/, /live: 5 of 5, READY/, /Of it in use\*\n100% at most/);
      await stack().world({ functions: [{ name: PROCESSOR, provisioned: [], configuration: { Runtime: 'java21' }, versions: [{ version: '7' }] }], logs: Array.from({ length: 40 }, () => report()) });
      includes(await answerTo(stack(), '/fluxa cold'), /2% of calls start cold|2\.0% of calls start cold/, /Few enough/);
      for (const target of ['logs', 'lambda']) await stack().fault(target, 'denied', { rate: 1 });
      includes(await answerTo(stack(), '/fluxa cold'), /cold starts not known/, /allow logs:StartQuery/, /allow lambda:GetFunctionConfiguration/, /allow lambda:ListProvisionedConcurrencyConfigs/, /Of it in use\*\nnot known/);
      await clear(stack());
    });

    test('values of a function\'s environment are neither shown nor kept', async () => {
      const said = JSON.stringify([await stack().messages(), await stack().private('requester'), await stack().log()]);
      assert.ok(said.includes(PROCESSOR));
      const kept = await Promise.all((await readdir(stack().dir)).filter((name) => name.startsWith('fluxabot.db')).map((name) => readFile(path.join(stack().dir, name), 'latin1')));
      assert.ok(kept.some((text) => text.includes('MemorySize')), 'the configuration is kept as a step\'s value');
      for (const text of [said, ...kept]) assert.ok(!text.includes('sandbox-password-of-a-function'));
    });
  });

  describe('all at a glance', ONE_AT_A_TIME, () => {
    const stack = withStack();

    test('an alarm of throttles looks at the queue, one of errors at the changes', async () => {
      await stack().world({ trail: [event('UpdateAlias20150331', PROCESSOR, 5 * MINUTE)] });
      for (const [name, found] of [['fluxa-processor-throttles-dev', /Fluxa-InputQueue: empty/], ['fluxa-processor-errors-dev', /UpdateAlias of fluxa-processor came \d+ min before an alarm/]]) {
        await stack().alarm(name, 'ALARM');
        const card = await stack().until(() => stack().card(new RegExp(name)), 'the alarm card');
        await stack().until(async () => found.test(JSON.stringify((await stack().message(card.ts)).replies ?? [])), `the diagnosis of ${name}`);
        await stack().alarm(name, 'OK');
      }
      await freshWorld(stack(), {});
    });

    test('F-72 has a line and a light for every part', async () => {
      const well = await answerTo(stack(), '/fluxa status');
      includes(well, /🟢 fluxa-ingest: Active/, /🟢 fluxa-processor: Active, not throttled in 15 min/, /🟢 Fluxa-InputQueue: 0 messages, 0 in flight/, /🟢 Fluxa-DLQ: empty/, /🟢 fluxa-prod: available/, /🟢 events database: answers the bot/, /fluxa-payloads: /, /🟢 alarms: none fires/);
      await stack().world({
        functions: [{ name: 'fluxa-ingest', deleted: true }, { name: PROCESSOR, update_failure: 'the role cannot be assumed' }, { name: 'fluxa-query', configuration: { State: 'Inactive' } }],
        metrics: [{ namespace: 'AWS/Lambda', name: 'Throttles', dimensions: { FunctionName: PROCESSOR }, value: 2 }],
        alarms: [{ name: 'fluxa-dlq-depth-dev', state: 'ALARM', age_ms: MINUTE }], outage: { database: true, status: 'storage-full' },
        ...mapping({ enabled: false }), send: messages(1000),
      });
      await stack().world({ send: [{ queue: DLQ, body: 'dead' }] });
      const ill = await answerTo(stack(), '/fluxa status');
      includes(ill, /5 of 9 parts are not well|6 of 9 parts are not well/, /🔴 fluxa-ingest: lambda:GetFunctionConfiguration was answered with ResourceNotFoundException/, /🔴 fluxa-processor: Active, last update Failed, throttled \d+ times in 15 min/, /🟡 fluxa-query: Inactive/, /🟡 Fluxa-InputQueue: 1000 messages/, /🔴 Fluxa-DLQ: 1 dead letter, 0 in flight/, /🔴 fluxa-prod: storage-full/, /🔴 alarms: fluxa-dlq-depth-dev/);
    });
  });

  describe('what cannot be asked', ONE_AT_A_TIME, () => {
    const stack = withStack();

    test('what is denied is named with the right that is missing, and never called good', async () => {
      for (const target of ['lambda', 'iam', 'cloudtrail', 'cloudwatch', 'rds']) await stack().fault(target, 'denied', { rate: 1 });
      includes(await answerTo(stack(), '/fluxa queue'), /Fluxa-InputQueue: empty/, /Whether a function reads it is not known: [^\n]*allow lambda:ListEventSourceMappings/, /allow cloudwatch:GetMetricData/, /Read by\*\ncould not be read/);
      const audit = await answerTo(stack(), '/fluxa queue audit');
      includes(audit, /allow lambda:ListEventSourceMappings/, /allow lambda:GetFunctionConfiguration/);
      for (const rule of ['Hidden long enough', 'Read by the processor', 'Batches small enough', 'Failures told one by one']) assert.deepEqual(rowOf(audit, rule), ['not known', 'not known']);
      includes(await answerTo(stack(), '/fluxa deploys'), /Changes of the functions: not known/, /allow cloudtrail:LookupEvents/, /allow lambda:ListVersionsByFunction/, /allow cloudwatch:DescribeAlarms/, /live could not be read/);
      includes(await answerTo(stack(), '/fluxa status'), /not all parts could be asked/, /⚪ fluxa-processor: not known; allow lambda:GetFunctionConfiguration/, /⚪ fluxa-prod: not known; allow rds:DescribeDBInstances/, /⚪ alarms: not known; allow cloudwatch:DescribeAlarms/, /🟢 Fluxa-DLQ: empty/);
      includes(await answerTo(stack(), '/fluxa perms ingest'), /Failed: \/fluxa perms/, /allow lambda:GetFunctionConfiguration/, /Nothing was changed/);
      await clear(stack());
      await stack().fault('iam', 'denied', { rate: 1 });
      includes(await answerTo(stack(), '/fluxa perms ingest'), /could not be checked/, /allow iam:SimulatePrincipalPolicy/);
      await clear(stack());
      await stack().fault('sqs', 'denied', { rate: 1 });
      includes(await answerTo(stack(), '/fluxa queue'), /Failed: \/fluxa queue/, /allow sqs:GetQueueAttributes/);
      includes(await answerTo(stack(), '/fluxa queue audit'), /No broken rule is known, but not all could be read/, /Of 10 rules 7 could not be judged/, /allow sqs:ListDeadLetterSourceQueues/);
      await clear(stack());
    });

    test('a throttle is waited out, and what stays away is said to be away', async () => {
      for (const operation of ['lambda:ListEventSourceMappings', 'lambda:GetFunctionConfiguration', 'cloudtrail:LookupEvents', 'iam:SimulatePrincipalPolicy']) await stack().fault(operation, '429');
      includes(await answerTo(stack(), '/fluxa queue'), /Read by\*\nfluxa-processor \(Enabled/);
      includes(await answerTo(stack(), '/fluxa perms ingest'), /may do all it has to/);
      includes(await answerTo(stack(), '/fluxa deploys'), /No change of the functions/);
      for (const target of ['lambda:ListEventSourceMappings', 'rds:DescribeDBInstances']) await stack().fault(target, 'down', {});
      includes(await answerTo(stack(), '/fluxa queue'), /Fluxa-InputQueue: empty/, /Whether a function reads it is not known: /);
      includes(await answerTo(stack(), '/fluxa status'), /⚪ fluxa-prod: /, /🟢 fluxa-processor: Active/);
      await clear(stack());
    });
  });
});
