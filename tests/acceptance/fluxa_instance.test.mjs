// fluxa_instance.test.mjs - the database instance, its backups, the payloads in S3, the way there, and AWS's own
// health: F-13, F-14, F-18, F-19, F-20, F-50, F-51, F-52, F-59, F-62, F-66.
//
// Each condition is made for real: in the sandbox's RDS and S3, in its logs, in its PostgreSQL. Slack takes one message
// a second in a channel, so three stacks work side by side.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Stack } from '../support/stack.mjs';
import { answerTo, freshWorld, postgres } from '../support/cases.mjs';

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');
const minutesAgo = (minutes) => new Date(Date.now() - minutes * 60000).toISOString().replace(/\.\d+/, '');
const instance = (change) => ({ rds: { DBInstances: { 'fluxa-prod': change } } });
const objects = (change) => ({ s3: { buckets: { 'fluxa-payloads': { objects: change } } } });
const logged = (id, hash) => ({ group: '/aws/lambda/fluxa-ingest', message: { service: 'ingest', stage: 'validate', event_id: id, correlation_id: `c-${id}`, ...(hash && { payload_hash: hash }) } });

// All of a card that a person reads, without its buttons.
function shown(card) {
  const texts = [];
  const walk = (part) => {
    if (Array.isArray(part)) part.forEach(walk);
    else if (part && typeof part === 'object' && part.type !== 'actions') Object.entries(part).forEach(([key, value]) => (key === 'text' && typeof value === 'string' ? texts.push(value) : walk(value)));
  };
  walk(card.blocks);
  return texts.join('\n');
}

const table = (card) => card.blocks.find(({ type }) => type === 'table')?.rows.map((row) => row.map(({ text }) => text)) ?? [];

function includes(card, ...patterns) {
  for (const pattern of patterns) assert.match(shown(card), pattern);
}

async function started() {
  const stack = await Stack.start();
  await freshWorld(stack, {});
  return stack;
}

const ask = (stack, command) => answerTo(stack, `/fluxa ${command}`);

// The answer while a call goes wrong.
async function under(stack, target, kind, command) {
  await stack.fault(target, kind, { rate: 1 });
  try {
    return await ask(stack, command);
  } finally {
    await stack.post('fault', { clear: true });
  }
}

const ONE_AT_A_TIME = { concurrency: 1 };

describe('the instance and its payloads', { concurrency: true }, () => {
  describe('the database instance', ONE_AT_A_TIME, () => {
    let stack;
    before(async () => (stack = await started()));
    after(() => stack?.stop());

    test('F-13 asks RDS and the database, and says which of them it could not ask', async () => {
      const up = await ask(stack, 'db health');
      includes(up, /fluxa-prod: up/, /That does not prove that the functions reach it/, /Status\*\navailable/, /Zones\*\nus-east-1a, standby in us-east-1b/, /Connected in\*\n\d+ ms/, /Connections\*\n\S+ now 18/, /Free storage\*\n60 GiB/, /Last events\*\nnone in 2 h/);
      includes(await under(stack, 'rds', 'denied', 'db health'), /it answers; RDS could not be asked/, /allow rds:DescribeDBInstances for the bot's role/, /Status\*\nno data/, /Last events\*\ncould not be read/);
      includes(await under(stack, 'rds:DescribeDBInstances', '429', 'db health'), /RDS could not be asked: rds:DescribeDBInstances was answered with Throttling/);
      includes(await under(stack, 'cloudwatch:GetMetricData', 'denied', 'db health'), /fluxa-prod: up/, /CPU\*\ncould not be read/);
    });

    test('F-13 tells a failover, and a database that refuses', async () => {
      await stack.world({ outage: { database: true, status: 'failing-over' } });
      includes(await ask(stack, 'db health'), /fluxa-prod: RDS says failing-over/, /connections may be cut/, /Multi-AZ instance failover started/);
      await postgres(stack, 'ALTER ROLE fluxabot_ro CONNECTION LIMIT 0');
      const both = await ask(stack, 'db health');
      includes(both, /the database does not answer the bot/, /RDS says that it is failing-over\. Do not redrive before it is available/, /too many connections for role/, /Connected in\*\nnot connected/);
      await stack.world({ outage: { database: false } });
      includes(await ask(stack, 'db health'), /RDS calls it available, so look at the way there/);
      includes(await under(stack, 'rds', 'denied', 'db health'), /Neither the database nor RDS could be asked/);
      await postgres(stack, 'ALTER ROLE fluxabot_ro CONNECTION LIMIT -1');
    });

    test('F-13 is silent of metrics that have no data, never zero', async () => {
      await stack.world({ ...instance({}), metrics: [{ namespace: 'AWS/RDS', name: 'FreeStorageSpace', dimensions: { DBInstanceIdentifier: 'fluxa-prod' }, values: [null] }] });
      const card = await ask(stack, 'db health');
      includes(card, /Free storage\*\nno data/);
      assert.doesNotMatch(shown(card), /Free storage\*\n0 B/);
    });

    test('F-50 lists what RDS did, newest first, and nothing from before', async () => {
      const event = (minutes, category, Message) => ({ SourceIdentifier: 'fluxa-prod', SourceType: 'db-instance', EventCategories: [category], Message, Date: minutesAgo(minutes) });
      await stack.world({ rds: { Events: [event(3000, 'failure', 'too old for a day'), event(90, 'failover', 'Multi-AZ instance failover started.'), event(60, 'availability', 'DB instance restarted'), { ...event(5, 'failure', 'of another'), SourceIdentifier: 'other' }] } });
      const card = await ask(stack, 'db events');
      includes(card, /fluxa-prod: 2 events in the last 1 d/, /Last: Multi-AZ instance failover started\. \(1 h 30 min ago\)/);
      assert.deepEqual(table(card).map((row) => row[2]), ['Event', 'DB instance restarted', 'Multi-AZ instance failover started.']);
      includes(await ask(stack, 'db events 14d'), /3 events in the last 14 d/);
      await stack.world({ rds: { Events: Array.from({ length: 130 }, (_, i) => event(200 - i, 'backup', `backup ${i}`)) } });
      const many = await ask(stack, 'db events');
      includes(many, /100 events or more/, /The newest 20 of those that were read are shown/, /Only 100 were read, from the oldest on/);
      assert.equal(table(many).length, 21);
      await stack.world({ rds: { Events: [] } });
      includes(await ask(stack, 'db events'), /no event in the last 1 d/, /RDS reports nothing/);
      includes(await under(stack, 'rds', 'denied', 'db events'), /allow rds:DescribeEvents for the bot's role/, /Nothing was changed/);
    });

    test('F-51 tells a standby from none, and forces nothing', async () => {
      includes(await ask(stack, 'db failover-check'), /a standby would take over/, /from us-east-1a to us-east-1b by itself/, /Forcing a failover is not offered/);
      await stack.world(instance({ MultiAZ: false, SecondaryAvailabilityZone: null, StatusInfos: [{ StatusType: 'read replication', Normal: false, Status: 'error', Message: 'replication has stopped' }] }));
      includes(await ask(stack, 'db failover-check'), /fluxa-prod: no standby/, /When us-east-1a fails, the database is away until it is restored/, /read replication: error \(not normal\)/);
      await stack.world(instance({ PendingModifiedValues: { MultiAZ: true } }));
      includes(await ask(stack, 'db failover-check'), /A standby was asked for and is not there yet/);
      includes(await under(stack, 'rds', 'denied', 'db failover-check'), /allow rds:DescribeDBInstances/);
      includes(await under(stack, 'rds', 'down', 'db failover-check'), /rds:DescribeDBInstances[^]*the exchange with 127\.0\.0\.1:\d+ broke off[^]*Nothing was changed/);
      await stack.world({ rds: { DBInstances: { 'fluxa-prod': null } } });
      includes(await ask(stack, 'db failover-check'), /DBInstance fluxa-prod not found/);
      assert.deepEqual((await stack.effects()).filter(({ service }) => service === 'rds'), []);
    });
  });

  describe('backups, the network, and AWS itself', ONE_AT_A_TIME, () => {
    let stack;
    before(async () => (stack = await started()));
    after(() => stack?.stop());

    test('F-59 tells backups that are good, too short, too old, or off', async () => {
      await freshWorld(stack, {});
      includes(await ask(stack, 'backup check'), /fluxa-prod: backed up/, /restored to any time up to \S+Z, 5 min ago/, /Kept for\*\n7 days/, /Backups\*\n7 usable of 7/);
      await stack.world(instance({ BackupRetentionPeriod: 3, DeletionProtection: false }));
      includes(await ask(stack, 'backup check'), /backups are kept for only 3 days/, /Asked for are 7 days/, /Deletion protection is off/);
      await stack.world(instance({ BackupRetentionPeriod: 7, LatestRestorableTime: minutesAgo(120) }));
      includes(await ask(stack, 'backup check'), /it cannot be restored to now/);
      await stack.world(instance({ LatestRestorableTime: null }));
      await stack.world({ rds: { DBSnapshots: [{ DBSnapshotIdentifier: 'old', DBInstanceIdentifier: 'fluxa-prod', SnapshotType: 'automated', Status: 'available', SnapshotCreateTime: minutesAgo(3000) }, { DBSnapshotIdentifier: 'failed', DBInstanceIdentifier: 'fluxa-prod', SnapshotType: 'automated', Status: 'failed', SnapshotCreateTime: minutesAgo(60) }] } });
      includes(await ask(stack, 'backup check'), /the last backup is too old/, /Newest backup\*\n2 d/, /Backups\*\n1 usable of 2/);
      await stack.world(instance({ BackupRetentionPeriod: 0 }));
      includes(await ask(stack, 'backup check'), /automated backups are off/, /set BackupRetentionPeriod/);
      await freshWorld(stack, {});
      includes(await under(stack, 'rds:DescribeDBSnapshots', 'denied', 'backup check'), /its snapshots could not be read/, /allow rds:DescribeDBSnapshots for the bot's role/, /Newest backup\*\ncould not be read/);
      includes(await under(stack, 'rds', 'denied', 'backup check'), /^Failed[^]*allow rds:DescribeDBInstances/);
    });

    test('F-66 links to the public page without a plan, and lists what is open with one', async () => {
      includes(await ask(stack, 'aws-health'), /AWS's health: on its public page/, /https:\/\/health\.aws\.amazon\.com\/health\/status/);
      await stack.world({ health: { subscribed: true } });
      includes(await ask(stack, 'aws-health'), /AWS reports no trouble in us-east-1/);
      const event = (service, eventTypeCode, statusCode, eventTypeCategory, region = 'us-east-1') => ({ arn: `arn:aws:health:${region}::event/${service}/1`, service, eventTypeCode, eventTypeCategory, region, statusCode, startTime: Date.now() / 1000 - 1800 });
      await stack.world({ health: { events: [event('RDS', 'AWS_RDS_OPERATIONAL_ISSUE', 'open', 'issue'), event('LAMBDA', 'AWS_LAMBDA_PLANNED_LIFECYCLE_EVENT', 'upcoming', 'scheduledChange'), event('RDS', 'AWS_RDS_CLOSED', 'closed', 'issue'), event('RDS', 'AWS_RDS_ELSEWHERE', 'open', 'issue', 'eu-west-1')] } });
      const card = await ask(stack, 'aws-health');
      includes(card, /1 open event in us-east-1, 1 to come/, /AWS has an issue with RDS; what fails here may not be ours/);
      assert.deepEqual(table(card).map((row) => row[0]), ['Service', 'RDS', 'LAMBDA']);
      includes(await under(stack, 'health', 'denied', 'aws-health'), /could not be read/, /allow health:DescribeEvents/);
      includes(await under(stack, 'health', 'down', 'aws-health'), /AWS's health could not be read/, /https:\/\/health\.aws/);
    });

    test('F-62 tells versions, copies and the lifecycle, and which of them it could not read', async () => {
      includes(await ask(stack, 'backup s3'), /fluxa-payloads: old versions are kept/, /Copies elsewhere\*\nnone/, /old-versions: old versions go after 90 days/);
      await stack.world({ s3: { buckets: { 'fluxa-payloads': { versioning: 'Suspended', lifecycle: { Rules: [{ ID: 'all', Status: 'Enabled', Filter: { Prefix: '' }, Expiration: { Days: 30 } }] }, replication: { Role: 'arn:aws:iam::123456789012:role/r', Rules: [{ ID: 'copy', Priority: 1, Status: 'Enabled', Destination: { Bucket: 'arn:aws:s3:::fluxa-copies' } }] } } } } });
      includes(await ask(stack, 'backup s3'), /versions are suspended/, /Copies elsewhere\*\nfluxa-copies/, /also deletes payloads that are current/);
      await stack.world({ s3: { buckets: { 'fluxa-payloads': { versioning: null, lifecycle: null, replication: null } } } });
      includes(await ask(stack, 'backup s3'), /no versions are kept/, /none: old versions stay for ever/, /Turn versions on in the infrastructure code/);
      includes(await under(stack, 's3:GetBucketReplication', 'denied', 'backup s3'), /Copies elsewhere\*\ncould not be read/, /allow s3:GetReplicationConfiguration for the bot's role/);
      includes(await under(stack, 's3', 'denied', 'backup s3'), /allow s3:GetBucketVersioning/);
      includes(await under(stack, 's3', '429', 'backup s3'), /s3:GetBucketVersioning was answered with SlowDown/);
      await stack.world({ s3: { buckets: { 'fluxa-payloads': null } } });
      includes(await ask(stack, 'backup s3'), /NoSuchBucket/);
      await freshWorld(stack, {});
    });

    const [database, functions, vpc] = ['sg-0f1e2d3c4b5a69788', 'sg-0a9b8c7d6e5f43210', 'vpc-0c0ffee0123456789'];
    const groups = (inbound, outbound = [{ ipProtocol: '-1', ipRanges: [{ cidrIp: '0.0.0.0/0' }] }]) => ({ ec2: { securityGroupInfo: [{ groupId: database, vpcId: vpc, ipPermissions: inbound, ipPermissionsEgress: [] }, { groupId: functions, vpcId: vpc, ipPermissions: [], ipPermissionsEgress: outbound }] } });
    const tcp = (fromPort, toPort, from) => ({ ipProtocol: 'tcp', fromPort, toPort, ...from });

    test('F-14 names the rule that lets a function through, or the one that is missing', async () => {
      const open = await ask(stack, 'net');
      includes(open, /fluxa-processor to fluxa-prod: open/, /Way out\*\nnat-0a000000000000001/);
      assert.deepEqual(table(open).map(([, ok]) => ok), ['OK', 'yes', 'yes', 'yes', 'yes']);
      includes(await ask(stack, 'net ingest'), /fluxa-ingest to fluxa-prod: open/);
      await stack.world(groups([tcp(5432, 5432, { ipRanges: [{ cidrIp: '10.0.1.0/24' }] })])); // one of two subnets
      const half = await ask(stack, 'net');
      includes(half, /fluxa-processor to fluxa-prod: blocked/, new RegExp(`no inbound rule of ${database} allows TCP 5432 from ${functions}\\. Add it in the infrastructure code`));
      assert.deepEqual(table(half)[2].slice(0, 2), ['Inbound rules', 'NO']);
      await stack.world(groups([tcp(5433, 6000, { groups: [{ groupId: functions }] })]));
      includes(await ask(stack, 'net'), /blocked/, /no inbound rule/);
      await stack.world(groups([tcp(5000, 6000, { groups: [{ groupId: functions }] })], []));
      includes(await ask(stack, 'net'), /blocked/, new RegExp(`no outbound rule of ${functions} allows TCP 5432 to ${database}`));
      await stack.world(groups([tcp(5000, 6000, { groups: [{ groupId: functions }] })]));
      includes(await ask(stack, 'net'), /to fluxa-prod: open/);
      includes(await under(stack, 'ec2:DescribeNetworkAcls', 'denied', 'net'), /open, as far as could be read/, /allow ec2:DescribeNetworkAcls for the bot's role/);
      includes(await under(stack, 'ec2', 'denied', 'net'), /UnauthorizedOperation[^]*allow ec2:DescribeSecurityGroups for the bot's role/);
      await stack.world({ functions: [{ name: 'fluxa-query', configuration: { VpcConfig: { SubnetIds: [], SecurityGroupIds: [], VpcId: '' } } }] });
      includes(await ask(stack, 'net query'), /the function is in no VPC/, /Give it a VpcConfig/);
      assert.deepEqual((await stack.effects()).filter(({ service }) => service === 'ec2'), []);
    });

    test('F-52 compares what the functions call with the endpoint, and shows none of it', async () => {
      const at = (Address) => instance({ Endpoint: { Address } });
      const same = await ask(stack, 'db endpoint');
      assert.deepEqual(table(same).slice(1).map((row) => row.slice(1)), [['yes', 'yes'], ['yes', 'yes'], ['yes', 'yes']]);
      await stack.world({ ...at('localhost'), functions: [{ name: 'fluxa-query', configuration: { Environment: { Variables: { DB_HOST: 'LOCALHOST', SECRET: 'hush-hush' } } } }, { name: 'fluxa-ingest', configuration: { Environment: { Variables: { OTHER: 'hush-hush' } } } }] });
      const other = await ask(stack, 'db endpoint');
      includes(other, /a function calls another address/, /Set DB_HOST by a deployment: changing it here would replace the whole environment/, /DNS\*\n127\.0\.0\.1/);
      assert.deepEqual(table(other).slice(1), [['fluxa-processor', 'yes', 'NO'], ['fluxa-ingest', 'no', 'not known'], ['fluxa-query', 'yes', 'yes']]);
      includes(await under(stack, 'lambda', 'denied', 'db endpoint'), /not every function could be compared/, /allow lambda:GetFunctionConfiguration for the bot's role/);
      await stack.world(instance({ Endpoint: null, DBInstanceStatus: 'creating' }));
      includes(await ask(stack, 'db endpoint'), /no endpoint now/, /it says creating/, /DNS\*\nnot asked/);
      includes(await under(stack, 'rds', 'denied', 'db endpoint'), /allow rds:DescribeDBInstances/);
      const kept = JSON.stringify([await stack.messages(), await stack.sql('SELECT * FROM runs')]) + (await readFile(path.join(stack.dir, 'fluxabot.log'), 'utf8'));
      assert.doesNotMatch(kept, /hush-hush|sandbox-password-of-a-function|LOCALHOST/);
    });
  });

  describe('the payloads', ONE_AT_A_TIME, () => {
    let stack;
    before(async () => (stack = await started()));
    after(() => stack?.stop());

    test('F-19 tells a payload that was changed after ingest, and no other key that begins alike', async () => {
      await stack.world(objects({
        'events/evt-1.json': [{ id: 'v1', body: 'first', modified: minutesAgo(90) }],
        'events/evt-1.json.bak': [{ id: 'other', body: 'other', modified: minutesAgo(1) }],
        'events/evt-2.json': [{ id: 'v1', body: 'first', modified: minutesAgo(90) }, { id: 'v2', body: 'second', modified: minutesAgo(9) }],
        'events/evt-3.json': [{ id: 'v1', body: 'first', modified: minutesAgo(90) }, { id: 'v2', deleted: true, modified: minutesAgo(5) }],
      }));
      const once = await ask(stack, 'payload versions evt-1');
      includes(once, /events\/evt-1\.json: 1 version/, /Written once, 1 h 30 min ago, and not changed since/);
      assert.deepEqual(table(once).slice(1).map((row) => row[1]), ['v1']);
      const changed = await ask(stack, 'payload versions events/evt-2.json');
      includes(changed, /2 versions/, /Changed after ingest at \S+Z \(9 min ago\)/);
      assert.deepEqual(table(changed).slice(1).map(([, version, , now]) => [version, now]), [['v2', 'latest'], ['v1', '–']]);
      includes(await ask(stack, 'payload versions evt-3'), /evt-3\.json: deleted/, /deleted 5 min ago; the version before can be restored/);
      includes(await ask(stack, 'payload versions evt-404'), /not there/, /S3 has no object of this key/);
      includes(await under(stack, 's3:GetBucketVersioning', 'denied', 'payload versions evt-1'), /Versions kept\*\ncould not be read/, /a change would not show/);
      includes(await under(stack, 's3:ListObjectVersions', 'denied', 'payload versions evt-1'), /allow s3:ListBucketVersions for the bot's role/);
    });

    test('F-20 compares the hash that ingest logged with that of the message', async () => {
      await stack.world({ logs: [logged('evt-1', sha256('first')), logged('evt-2'), logged('evt-3', sha256('a')), logged('evt-3', sha256('b'))] });
      includes(await ask(stack, 'payload ingest-hash evt-1'), /Ingest logged one hash of evt-1/, new RegExp(`At ingest\\*\\n${sha256('first').slice(0, 12)}\n`), /c-evt-1/);
      includes(await ask(stack, `payload ingest-hash evt-1 hash=${sha256('first').toUpperCase()}`), /Equal: the message has the hash that ingest logged/, /does not make it safe to redrive/);
      includes(await ask(stack, `payload ingest-hash evt-1 hash=${sha256('other')}`), /Not equal/, /look for tampering or a broken producer/);
      includes(await ask(stack, 'payload ingest-hash evt-2'), /logged no hash of evt-2/, /set log_hash_field/);
      includes(await ask(stack, 'payload ingest-hash evt-3'), /logged 2 hashes of evt-3/, /They differ/);
      includes(await ask(stack, 'payload ingest-hash evt-77'), /logged nothing of evt-77/, /At ingest\*\nno data/);
      includes(await under(stack, 'logs:StartQuery', 'denied', 'payload ingest-hash evt-1'), /allow logs:StartQuery/);
    });

    test('F-18 tells MATCH from MISMATCH, missing and denied, and never shows the payload', async () => {
      const secret = '{"iban":"DE02 1203 0000 0000 2020 51"}', large = 3 * (1 << 20) + 17;
      await stack.world({
        ...objects({
          'events/evt-10.json': [{ id: 'v1', body: secret, modified: minutesAgo(90), checksum: true }],
          'events/evt-11.json': [{ id: 'v1', body: 'as it was', modified: minutesAgo(90) }, { id: 'v2', body: secret, modified: minutesAgo(9) }],
          'events/evt-12.json': [{ id: 'v1', size: large, modified: minutesAgo(90), checksum: true }],
          'events/evt-13.json': [{ id: 'v1', body: secret, kms: 'denied', modified: minutesAgo(90), checksum: true }],
          'events/evt-14.json': [{ id: 'v1', body: '', modified: minutesAgo(90) }],
        }),
        logs: [logged('evt-10', sha256(secret)), logged('evt-11', sha256('as it was')), logged('evt-12', sha256('x'.repeat(large))), logged('evt-13', sha256(secret))],
      });
      const match = await ask(stack, 'payload verify evt-10');
      includes(match, /^MATCH: evt-10/m, /what ingest logged\. That does not make the message safe to redrive/, new RegExp(`Computed SHA-256\\*\\n${sha256(secret).slice(0, 12)}\n`), /S3's checksum\*\nequal/, /\(no SHA-256\)/);
      const mismatch = await ask(stack, 'payload verify evt-11');
      includes(mismatch, /^MISMATCH: evt-11/m, /changed after ingest, or the hash was wrong from the start[^]*do not redrive/);
      includes(await ask(stack, 'payload verify events/evt-12.json'), /^MATCH: /m, /Size\*\n3 MiB/);
      const denied = await ask(stack, 'payload verify evt-13');
      includes(denied, /access denied: the payload could not be read/, /allow kms:Decrypt/, /Computed SHA-256\*\nno data/);
      includes(await ask(stack, 'payload verify evt-14'), /nothing to compare the payload with/, new RegExp(sha256('').slice(0, 12)));
      includes(await ask(stack, 'payload verify evt-404'), /missing: S3 has no such payload/, /Small payloads are in the message itself/);
      const torn = await ask(stack, `payload verify evt-10 hash=${sha256('else')}`);
      includes(torn, /^MISMATCH/m, /Message and ingest tell different hashes, and the payload fits only one of them/);
      includes(await ask(stack, `payload verify evt-10 hash=${sha256(secret)}`), /what the message says and ingest logged/);
      includes(await under(stack, 's3', 'denied', 'payload verify evt-10'), /access denied/, /s3:HeadObject was answered with HTTP 403[^]*allow s3:GetObject for the bot's role/);
      includes(await under(stack, 'logs', 'denied', 'payload verify evt-10'), /as S3 was given it; nothing else to compare it with/, /The log could not be read[^]*allow logs:StartQuery/);
      for (const card of [match, mismatch, denied, torn]) assert.doesNotMatch(JSON.stringify(card), /iban|DE02/);
      assert.doesNotMatch(await readFile(path.join(stack.dir, 'fluxabot.log'), 'utf8'), /iban|DE02|as it was/);
      assert.deepEqual((await stack.effects()).filter(({ service }) => service === 's3'), []);
      assert.ok(!JSON.stringify(await stack.sql('SELECT * FROM runs')).includes('iban'), 'no run keeps it either');
    });

    test('F-18 reads no more than it may', async () => {
      await stack.edit((text) => text.replace('          dlq_visibility: 5\n', '$&          verify_max_bytes: 100\n'));
      await stack.killBot('SIGTERM');
      await stack.startBot();
      await stack.world(objects({ 'events/evt-20.json': [{ id: 'v1', size: 101, modified: minutesAgo(90) }], 'events/evt-21.json': [{ id: 'v1', size: 100, modified: minutesAgo(90) }] }));
      includes(await ask(stack, 'payload verify evt-20'), /the payload could not be read/, /larger than verify_max_bytes allows; nothing was compared/);
      includes(await ask(stack, 'payload verify evt-21'), /nothing to compare the payload with/);
    });

    test('a dead letter with a wrong hash offers to verify its payload', async () => {
      await freshWorld(stack, { HashMismatch: 2 });
      const card = await ask(stack, 'dlq classify');
      const button = card.blocks.flatMap(({ type, elements }) => (type === 'actions' ? elements : [])).find(({ text }) => text.text === 'Verify a payload');
      assert.ok(button, shown(card));
      const known = new Set((await stack.messages()).map(({ ts }) => ts));
      await stack.click('requester', card, button.action_id);
      const answer = await stack.until(async () => (await stack.messages()).find((message) => !known.has(message.ts)) ?? (await stack.message(card.ts)).replies?.find((message) => /payload/i.test(JSON.stringify(message.blocks ?? ''))), 'the answer to the click');
      includes(answer, /missing: S3 has no such payload/, /Expected\*\n[0-9a-f]{12}, by the message/);
    });
  });
});
