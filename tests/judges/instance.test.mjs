// instance.test.mjs - AWS's own command line reads what the sandbox plays of RDS, S3, EC2 and Health: names, types, lists,
// pages and errors are judged by its models, and the signature of every call by the sandbox.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { Stack } from '../support/stack.mjs';
import { awsCredentials } from './support.mjs';

const run = promisify(execFile);
const program = '/usr/bin/aws'; // Debian's; another one earlier in PATH speaks otherwise
let stack;

before(async () => {
  stack = await Stack.start({ bot: false });
  await stack.world({ health: { subscribed: true, events: [{ arn: 'arn:aws:health:us-east-1::event/RDS/1', service: 'RDS', eventTypeCode: 'AWS_RDS_OPERATIONAL_ISSUE', eventTypeCategory: 'issue', region: 'us-east-1', statusCode: 'open', startTime: 1795253704 }] } });
});
after(() => stack?.stop());

async function aws(...args) {
  const { accessKeyId, secretAccessKey } = awsCredentials(stack);
  const env = {
    PATH: '/usr/bin:/bin', HOME: stack.outer, LC_ALL: 'C.UTF-8', AWS_CONFIG_FILE: '/dev/null', AWS_EC2_METADATA_DISABLED: 'true', AWS_PAGER: '', AWS_MAX_ATTEMPTS: '1',
    AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey,
  };
  const { stdout } = await run(program, ['--endpoint-url', stack.aws, '--region', 'us-east-1', '--output', 'json', ...args], { env });
  return stdout.trim() === '' ? {} : JSON.parse(stdout);
}

const refusal = (...args) => aws(...args).then(() => assert.fail(`aws ${args.join(' ')} worked`), (error) => error.stderr);

test('RDS: instances, events, snapshots, backups and parameters', async () => {
  const [instances, events, snapshots, backups, parameters, missing, none] = await Promise.all([
    aws('rds', 'describe-db-instances', '--db-instance-identifier', 'fluxa-prod'),
    aws('rds', 'describe-events', '--source-type', 'db-instance', '--source-identifier', 'fluxa-prod', '--duration', '1440', '--event-categories', 'backup'),
    aws('rds', 'describe-db-snapshots', '--snapshot-type', 'automated'),
    aws('rds', 'describe-db-instance-automated-backups', '--db-instance-identifier', 'fluxa-prod'),
    aws('rds', 'describe-db-parameters', '--db-parameter-group-name', 'fluxa-pg15'),
    refusal('rds', 'describe-db-instances', '--db-instance-identifier', 'nobody'),
    refusal('rds', 'describe-db-parameters', '--db-parameter-group-name', 'nobody'),
  ]);
  const [one] = instances.DBInstances;
  assert.deepEqual([one.DBInstanceStatus, one.MultiAZ, one.Endpoint.Port, one.VpcSecurityGroups.length, one.DBSubnetGroup.Subnets.length, one.DBParameterGroups[0].DBParameterGroupName], ['available', true, 5432, 1, 2, 'fluxa-pg15']);
  assert.ok(Math.abs(Date.parse(one.LatestRestorableTime) - Date.now()) < 600000);
  assert.deepEqual(events.Events.map(({ EventCategories }) => EventCategories), [['backup'], ['backup']]);
  assert.equal(snapshots.DBSnapshots.length, 7);
  assert.ok(Date.parse(backups.DBInstanceAutomatedBackups[0].RestoreWindow.EarliestTime) < Date.parse(backups.DBInstanceAutomatedBackups[0].RestoreWindow.LatestTime));
  const typeOf = (name) => parameters.Parameters.find(({ ParameterName }) => ParameterName === name).ApplyType;
  assert.ok(parameters.Parameters.length > 100, 'more than a page'); // the command line reads them all
  assert.deepEqual([typeOf('max_connections'), typeOf('log_min_duration_statement')], ['static', 'dynamic']);
  assert.match(missing, /DBInstanceNotFound.*DBInstance nobody not found/);
  assert.match(none, /DBParameterGroupNotFound/);
});

test('RDS: a parameter group is changed, and what it refuses is said as AWS says it', async () => {
  const change = (name, value, method, group = 'fluxa-pg15') => ['rds', 'modify-db-parameter-group', '--db-parameter-group-name', group, '--parameters', `ParameterName=${name},ParameterValue=${value},ApplyMethod=${method}`];
  const [standard, fixed, range] = await Promise.all([
    refusal(...change('log_min_duration_statement', '500', 'immediate', 'default.postgres15')),
    refusal(...change('max_connections', '200', 'immediate')),
    refusal(...change('max_connections', '5', 'pending-reboot')),
  ]);
  assert.match(standard, /\(InvalidParameterValue\).*Cannot modify a default parameter group/);
  assert.match(fixed, /\(InvalidParameterCombination\).*cannot use immediate apply method for static parameter/);
  assert.match(range, /allowed values are: 6-8388607/);
  assert.deepEqual(await stack.effects('ModifyDBParameterGroup'), []);
  assert.equal((await aws(...change('log_min_duration_statement', '500', 'immediate'))).DBParameterGroupName, 'fluxa-pg15');
  await aws(...change('max_connections', '200', 'pending-reboot'));
  const own = await aws('rds', 'describe-db-parameters', '--db-parameter-group-name', 'fluxa-pg15', '--source', 'user');
  assert.deepEqual(own.Parameters.map(({ ParameterName, ParameterValue, ApplyMethod }) => [ParameterName, ParameterValue, ApplyMethod]), [['log_min_duration_statement', '500', 'immediate'], ['max_connections', '200', 'pending-reboot']]);
  const status = async () => (await aws('rds', 'describe-db-instances', '--db-instance-identifier', 'fluxa-prod')).DBInstances[0].DBParameterGroups[0].ParameterApplyStatus;
  await stack.until(async () => (await status()) === 'pending-reboot', 'the instance to wait for a restart');
  assert.equal((await stack.effects('ModifyDBParameterGroup')).length, 2);
});

test('RDS: an instance is restored to a time, and is there when it is made', async () => {
  const at = (minutes) => new Date(Date.now() - minutes * 60000).toISOString();
  const restore = (target, when, ...more) => ['rds', 'restore-db-instance-to-point-in-time', '--source-db-instance-identifier', 'fluxa-prod', '--target-db-instance-identifier', target, ...when, ...more];
  await stack.world({ rds: { RestoreMs: 1000 } });
  const [late, both, there] = await Promise.all([
    refusal(...restore('again', ['--restore-time', at(0)])), refusal(...restore('again', ['--restore-time', at(60), '--use-latest-restorable-time'])),
    refusal(...restore('fluxa-prod', ['--restore-time', at(60)])),
  ]);
  assert.match(late, /\(InvalidParameterValue\).*later than/);
  assert.match(both, /\(InvalidParameterCombination\)/);
  assert.match(there, /\(DBInstanceAlreadyExists\)/);
  const made = (await aws(...restore('again', ['--restore-time', at(60)], '--db-subnet-group-name', 'fluxa-db', '--vpc-security-group-ids', 'sg-1', 'sg-2', '--db-parameter-group-name', 'fluxa-pg15', '--multi-az'))).DBInstance;
  assert.deepEqual([made.DBInstanceStatus, made.MultiAZ, made.Endpoint, made.VpcSecurityGroups.map(({ VpcSecurityGroupId }) => VpcSecurityGroupId), made.DBSubnetGroup.DBSubnetGroupName], ['creating', true, undefined, ['sg-1', 'sg-2'], 'fluxa-db']);
  const look = async () => (await aws('rds', 'describe-db-instances', '--db-instance-identifier', 'again')).DBInstances[0];
  const ready = await stack.until(async () => { const one = await look(); return one.DBInstanceStatus === 'available' && one; }, 'the instance to be available');
  assert.match(ready.Endpoint.Address, /^again\./);
  const plain = (await aws(...restore('plain', ['--use-latest-restorable-time']))).DBInstance; // what is not asked for is AWS's default
  assert.deepEqual([plain.MultiAZ, plain.DBSubnetGroup.DBSubnetGroupName, plain.DBParameterGroups[0].DBParameterGroupName], [false, 'default', 'default.postgres15']);
});

test('S3: an object goes in, comes out whole and in part, and has versions', async () => {
  const key = 'events/käse 1+2.json', file = path.join(stack.outer, 'given'), body = Buffer.from([0, 1, 2, 253, 254, 255, 10]);
  await writeFile(file, body);
  const put = (...more) => aws('s3api', 'put-object', '--bucket', 'fluxa-payloads', '--key', key, '--body', file, ...more);
  const sum = createHash('sha256').update(body).digest('base64');
  const first = await put('--checksum-algorithm', 'SHA256', '--metadata', 'payload-hash=abc');
  assert.equal(first.ETag, `"${createHash('md5').update(body).digest('hex')}"`);
  assert.equal(first.ChecksumSHA256, sum);
  const second = await put();
  assert.notEqual(first.VersionId, second.VersionId);
  const [head, part, old, versions, missing, none, range] = await Promise.all([
    aws('s3api', 'head-object', '--bucket', 'fluxa-payloads', '--key', key, '--checksum-mode', 'ENABLED', '--version-id', first.VersionId),
    aws('s3api', 'get-object', '--bucket', 'fluxa-payloads', '--key', key, '--range', 'bytes=2-4', path.join(stack.outer, 'part')),
    aws('s3api', 'get-object', '--bucket', 'fluxa-payloads', '--key', key, '--version-id', first.VersionId, path.join(stack.outer, 'whole')),
    aws('s3api', 'list-object-versions', '--bucket', 'fluxa-payloads', '--prefix', 'events/k'),
    refusal('s3api', 'head-object', '--bucket', 'fluxa-payloads', '--key', 'nothing'),
    refusal('s3api', 'get-object', '--bucket', 'nobody', '--key', 'x', path.join(stack.outer, 'none')),
    refusal('s3api', 'get-object', '--bucket', 'fluxa-payloads', '--key', key, '--range', 'bytes=99-', path.join(stack.outer, 'none')),
  ]);
  assert.deepEqual([head.ContentLength, head.ChecksumSHA256, head.Metadata, head.VersionId], [7, sum, { 'payload-hash': 'abc' }, first.VersionId]);
  assert.deepEqual([part.ContentLength, part.ContentRange], [3, 'bytes 2-4/7']);
  assert.deepEqual(await readFile(path.join(stack.outer, 'part')), body.subarray(2, 5));
  assert.equal(old.VersionId, first.VersionId);
  assert.deepEqual(await readFile(path.join(stack.outer, 'whole')), body);
  assert.deepEqual(versions.Versions.map(({ Key, VersionId, IsLatest, Size }) => [Key, VersionId, IsLatest, Size]), [[key, second.VersionId, true, 7], [key, first.VersionId, false, 7]]);
  assert.match(missing, /\(404\)/);
  assert.match(none, /NoSuchBucket/);
  assert.match(range, /InvalidRange/);
  assert.deepEqual((await stack.effects('PutObject')).map(({ resource, detail }) => [resource, detail.size]), [[`fluxa-payloads/${key}`, 7], [`fluxa-payloads/${key}`, 7]]);
});

test('S3: what a bucket is set to', async () => {
  const replication = { Role: 'arn:aws:iam::123456789012:role/r', Rules: [{ ID: 'copy', Priority: 1, Status: 'Enabled', Filter: { Prefix: '' }, DeleteMarkerReplication: { Status: 'Disabled' }, Destination: { Bucket: 'arn:aws:s3:::copies' } }] };
  const ask = (operation) => [operation, '--bucket', 'fluxa-payloads'];
  const before = await refusal('s3api', ...ask('get-bucket-replication'));
  assert.match(before, /ReplicationConfigurationNotFoundError/);
  await stack.world({ s3: { buckets: { 'fluxa-payloads': { replication } } } });
  const [there, versioning, lifecycle] = await Promise.all([aws('s3api', ...ask('get-bucket-replication')), aws('s3api', ...ask('get-bucket-versioning')), aws('s3api', ...ask('get-bucket-lifecycle-configuration')), aws('s3api', ...ask('head-bucket'))]);
  assert.deepEqual(there.ReplicationConfiguration, replication);
  assert.equal(versioning.Status, 'Enabled');
  assert.deepEqual(lifecycle.Rules.map(({ ID, NoncurrentVersionExpiration }) => [ID, NoncurrentVersionExpiration.NoncurrentDays]), [['old-versions', 90]]);
});

test('EC2: groups, subnets, routes and access lists; Health: events', async () => {
  const [groups, subnets, routes, lists, missing, events] = await Promise.all([
    aws('ec2', 'describe-security-groups'),
    aws('ec2', 'describe-subnets', '--filters', 'Name=vpc-id,Values=vpc-0c0ffee0123456789'),
    aws('ec2', 'describe-route-tables', '--filters', 'Name=association.main,Values=true'),
    aws('ec2', 'describe-network-acls'),
    refusal('ec2', 'describe-security-groups', '--group-ids', 'sg-none'),
    aws('health', 'describe-events', '--filter', 'eventStatusCodes=open,services=RDS'),
  ]);
  assert.deepEqual(groups.SecurityGroups.map(({ GroupName, IpPermissions }) => [GroupName, IpPermissions.map(({ FromPort, UserIdGroupPairs }) => [FromPort, UserIdGroupPairs.length])]), [['fluxa-db', [[5432, 1]]], ['fluxa-functions', []]]);
  assert.equal(subnets.Subnets.length, 4);
  assert.deepEqual(routes.RouteTables[0].Routes.map(({ GatewayId, NatGatewayId }) => GatewayId ?? NatGatewayId), ['local', 'nat-0a000000000000001']);
  assert.equal(lists.NetworkAcls[0].Entries.length, 3);
  assert.match(missing, /InvalidGroup\.NotFound/);
  assert.deepEqual(events.events.map(({ service, statusCode }) => [service, statusCode]), [['RDS', 'open']]);
});
