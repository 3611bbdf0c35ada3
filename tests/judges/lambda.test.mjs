// lambda.test.mjs - AWS's own SDK judges the Lambda, CloudTrail and IAM that the sandbox plays; a second signer checks each request.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import * as cloudtrail from '@aws-sdk/client-cloudtrail';
import * as iam from '@aws-sdk/client-iam';
import * as lambda from '@aws-sdk/client-lambda';
import { Stack } from '../support/stack.mjs';
import { startGate } from './sigv4_gate.mjs';
import { awsCredentials } from './support.mjs';

const account = '123456789012';
const FunctionName = 'fluxa-processor';
const arn = `arn:aws:lambda:us-east-1:${account}:function:${FunctionName}`;
const minutes = (n) => n * 60_000;
let stack;
let gate;
const clients = {};

const call = (name, input = {}) => clients.lambda.send(new lambda[`${name}Command`](input));
const configuration = (more = {}) => call('GetFunctionConfiguration', { FunctionName, ...more });

// The name and status of the error a call ends with, and its message.
async function refused(promise) {
  const error = await promise.then(() => assert.fail('it worked'), (one) => one);
  return [error.name, error.$metadata.httpStatusCode, error.message];
}

const effects = async (operation) => (await stack.effects()).filter((one) => one.service === 'lambda' && one.operation === operation);

before(async () => {
  stack = await Stack.start({ bot: false });
  gate = await startGate(stack.aws, awsCredentials(stack));
  const options = { endpoint: gate.url, region: 'us-east-1', credentials: awsCredentials(stack), maxAttempts: 1 };
  clients.lambda = new lambda.LambdaClient(options);
  clients.cloudtrail = new cloudtrail.CloudTrailClient(options);
  clients.iam = new iam.IAMClient(options);
});

after(async () => {
  for (const client of Object.values(clients)) client.destroy();
  await gate?.stop();
  await stack?.stop();
});

test('a function is read by name, by ARN, by version and by alias; what is not there is not found', async () => {
  const latest = await configuration();
  assert.deepEqual([latest.FunctionArn, latest.Version, latest.State, latest.LastUpdateStatus, latest.Timeout, latest.MemorySize], [arn, '$LATEST', 'Active', 'Successful', 3, 512]);
  assert.ok(Date.parse(latest.LastModified) < Date.now() - minutes(60));
  assert.equal((await configuration({ FunctionName: arn })).RevisionId, latest.RevisionId);
  assert.equal((await configuration({ FunctionName: `${FunctionName}:live` })).Version, '7');
  const six = await configuration({ Qualifier: '6' });
  assert.deepEqual([six.Version, six.FunctionArn], ['6', `${arn}:6`]);
  assert.notEqual(six.CodeSha256, latest.CodeSha256);
  assert.deepEqual(await refused(configuration({ FunctionName: 'nobody' })), ['ResourceNotFoundException', 404, `Function not found: ${arn.replace(FunctionName, 'nobody')}`]);
  assert.equal((await refused(configuration({ Qualifier: '99' })))[0], 'ResourceNotFoundException');
  assert.equal((await refused(configuration({ FunctionName: arn.replace('us-east-1', 'eu-west-1') })))[0], 'ResourceNotFoundException');
  assert.deepEqual((await call('ListFunctions')).Functions.map((one) => one.FunctionName).sort(), ['fluxa-ingest', 'fluxa-processor', 'fluxa-query']);
});

test('versions come in pages, and an alias tells its version and its revision', async () => {
  const seen = [];
  for await (const page of lambda.paginateListVersionsByFunction({ client: clients.lambda, pageSize: 2 }, { FunctionName })) seen.push(page.Versions.map((one) => one.Version));
  assert.deepEqual(seen, [['$LATEST', '5'], ['6', '7']]);
  const alias = await call('GetAlias', { FunctionName, Name: 'live' });
  assert.deepEqual([alias.AliasArn, alias.FunctionVersion, alias.RoutingConfig], [`${arn}:live`, '7', undefined]);
  assert.deepEqual(await refused(call('GetAlias', { FunctionName, Name: 'dead' })), ['ResourceNotFoundException', 404, `Cannot find alias arn: ${arn}:dead`]);
});

test('an alias moves only from the revision that was read', async () => {
  const { RevisionId } = await call('GetAlias', { FunctionName, Name: 'live' });
  assert.equal((await refused(call('UpdateAlias', { FunctionName, Name: 'live', FunctionVersion: '99', RevisionId })))[0], 'ResourceNotFoundException');
  const moved = await call('UpdateAlias', { FunctionName, Name: 'live', FunctionVersion: '6', RevisionId, RoutingConfig: { AdditionalVersionWeights: { 7: 0.25 } } });
  assert.deepEqual([moved.FunctionVersion, moved.RoutingConfig], ['6', { AdditionalVersionWeights: { 7: 0.25 } }]);
  const [name, status] = await refused(call('UpdateAlias', { FunctionName, Name: 'live', FunctionVersion: '5', RevisionId }));
  assert.deepEqual([name, status], ['PreconditionFailedException', 412]);
  const back = await call('UpdateAlias', { FunctionName, Name: 'live', FunctionVersion: '7', RevisionId: moved.RevisionId, RoutingConfig: {} });
  assert.equal(back.RoutingConfig, undefined);
  assert.deepEqual((await effects('UpdateAlias')).map(({ resource, detail }) => [resource, detail.FunctionVersion]), [[`${arn}:live`, '6'], [`${arn}:live`, '7']]);
});

test('an update takes its time, meanwhile no other begins, and its end is a new revision', async () => {
  await stack.world({ lambda: { update_ms: 600_000 } });
  const { RevisionId } = await configuration();
  const begun = await call('UpdateFunctionConfiguration', { FunctionName, MemorySize: 1024, RevisionId });
  assert.deepEqual([begun.MemorySize, begun.LastUpdateStatus], [1024, 'InProgress']);
  const [name, status, message] = await refused(call('UpdateFunctionConfiguration', { FunctionName, MemorySize: 512 }));
  assert.deepEqual([name, status], ['ResourceConflictException', 409]);
  assert.match(message, /An update is in progress for resource/);
  assert.equal((await configuration({ Qualifier: '7' })).MemorySize, 512, 'a published version stays as it was');

  await stack.world({ reset: true, messages: {}, lambda: { update_ms: 0 } });
  const first = await call('UpdateFunctionConfiguration', { FunctionName, MemorySize: 2048 });
  const ended = await configuration();
  assert.deepEqual([ended.LastUpdateStatus, ended.MemorySize], ['Successful', 2048]);
  assert.notEqual(ended.RevisionId, first.RevisionId);
  assert.equal((await refused(call('UpdateFunctionConfiguration', { FunctionName, Timeout: 5, RevisionId: first.RevisionId })))[0], 'PreconditionFailedException');
  assert.equal((await refused(call('UpdateFunctionConfiguration', { FunctionName, MemorySize: 64 })))[1], 400);
  assert.deepEqual((await effects('UpdateFunctionConfiguration')).map(({ detail }) => detail.MemorySize), [1024, 2048]);

  await stack.world({ functions: [{ name: FunctionName, update_failure: 'the role cannot be assumed' }] });
  await call('UpdateFunctionConfiguration', { FunctionName, Timeout: 4 });
  const failed = await configuration();
  assert.deepEqual([failed.LastUpdateStatus, failed.LastUpdateStatusReason], ['Failed', 'the role cannot be assumed']);
});

test('reserved concurrency is set, taken away, and never below what the account must keep', async () => {
  await stack.world({ reset: true, messages: {} });
  const reserved = async () => (await call('GetFunctionConcurrency', { FunctionName })).ReservedConcurrentExecutions;
  const left = async () => (await call('GetAccountSettings')).AccountLimit.UnreservedConcurrentExecutions;
  assert.deepEqual([await reserved(), await left()], [20, 980]);
  assert.equal((await call('PutFunctionConcurrency', { FunctionName, ReservedConcurrentExecutions: 900 })).ReservedConcurrentExecutions, 900);
  const [name, status, message] = await refused(call('PutFunctionConcurrency', { FunctionName, ReservedConcurrentExecutions: 901 }));
  assert.deepEqual([name, status], ['InvalidParameterValueException', 400]);
  assert.match(message, /below its minimum value of \[100\]/);
  assert.deepEqual([await reserved(), await left()], [900, 100]);
  const gone = await call('DeleteFunctionConcurrency', { FunctionName });
  assert.equal(gone.$metadata.httpStatusCode, 204);
  assert.deepEqual([await reserved(), await left()], [undefined, 1000]);
  assert.deepEqual((await effects('PutFunctionConcurrency')).map(({ resource, detail }) => [resource, detail.ReservedConcurrentExecutions]), [[arn, 900]]);
  assert.equal((await effects('DeleteFunctionConcurrency')).length, 1);
});

test('provisioned concurrency becomes ready, within what is reserved, for what is published', async () => {
  await stack.world({ reset: true, messages: {}, lambda: { provision_ms: 600_000 } });
  const of = { FunctionName, Qualifier: 'live' };
  assert.deepEqual((await refused(call('GetProvisionedConcurrencyConfig', of))).slice(0, 2), ['ProvisionedConcurrencyConfigNotFoundException', 404]);
  const begun = await call('PutProvisionedConcurrencyConfig', { ...of, ProvisionedConcurrentExecutions: 5 });
  assert.deepEqual([begun.$metadata.httpStatusCode, begun.Status, begun.AllocatedProvisionedConcurrentExecutions], [202, 'IN_PROGRESS', 0]);
  await stack.world({ lambda: { provision_ms: 0 } });
  await call('PutProvisionedConcurrencyConfig', { ...of, ProvisionedConcurrentExecutions: 6 });
  const ready = await call('GetProvisionedConcurrencyConfig', of);
  assert.deepEqual([ready.Status, ready.AvailableProvisionedConcurrentExecutions], ['READY', 6]);
  const { ProvisionedConcurrencyConfigs } = await call('ListProvisionedConcurrencyConfigs', { FunctionName, MaxItems: 10 });
  assert.deepEqual(ProvisionedConcurrencyConfigs.map((one) => [one.FunctionArn, one.Status]), [[`${arn}:live`, 'READY']]);
  assert.equal((await refused(call('PutProvisionedConcurrencyConfig', { ...of, ProvisionedConcurrentExecutions: 21 })))[0], 'InvalidParameterValueException');
  assert.match((await refused(call('PutProvisionedConcurrencyConfig', { FunctionName, Qualifier: '$LATEST', ProvisionedConcurrentExecutions: 1 })))[2], /unpublished/);
  assert.match((await refused(call('PutFunctionConcurrency', { FunctionName, ReservedConcurrentExecutions: 5 })))[2], /provisioned concurrency \[6\]/);
  await call('DeleteProvisionedConcurrencyConfig', of);
  assert.deepEqual((await call('ListProvisionedConcurrencyConfigs', { FunctionName })).ProvisionedConcurrencyConfigs, []);
});

test('an event source mapping is found by its queue, updated, and stands still meanwhile', async () => {
  await stack.world({ reset: true, messages: {}, lambda: { mapping_ms: 600_000 } });
  const EventSourceArn = `arn:aws:sqs:us-east-1:${account}:Fluxa-InputQueue`;
  const list = async (by) => (await call('ListEventSourceMappings', by)).EventSourceMappings;
  const [mapping] = await list({ EventSourceArn });
  assert.deepEqual([mapping.FunctionArn, mapping.State, mapping.BatchSize, mapping.FunctionResponseTypes], [arn, 'Enabled', 10, ['ReportBatchItemFailures']]);
  assert.ok(mapping.LastModified instanceof Date && Math.abs(mapping.LastModified - Date.now()) < minutes(5));
  assert.equal((await list({ FunctionName })).length, 1);
  assert.deepEqual(await list({ FunctionName: `${FunctionName}:live` }), []);
  assert.match((await refused(call('UpdateEventSourceMapping', { UUID: mapping.UUID, BatchSize: 11 })))[2], /batch window/);
  const begun = await call('UpdateEventSourceMapping', { UUID: mapping.UUID, BatchSize: 5 });
  assert.deepEqual([begun.$metadata.httpStatusCode, begun.State, begun.BatchSize], [202, 'Updating', 5]);
  assert.deepEqual((await refused(call('UpdateEventSourceMapping', { UUID: mapping.UUID, BatchSize: 6 }))).slice(0, 2), ['ResourceInUseException', 400]);
  assert.equal((await refused(call('UpdateEventSourceMapping', { UUID: 'nobody', BatchSize: 5 })))[1], 404);
  assert.deepEqual((await effects('UpdateEventSourceMapping')).map(({ resource, detail }) => [resource, detail.BatchSize]), [[mapping.UUID, 5]]);
});

test('a mapping that is off, or a function that may not run, leaves its queue alone', async () => {
  const queue = async () => (await stack.get('world')).queues.find(({ name }) => name === 'Fluxa-InputQueue');
  const processed = async () => Object.values((await stack.get('world')).processed).reduce((a, b) => a + b);
  const send = { queue: 'Fluxa-InputQueue', body: { event_id: 'evt-m', correlation_id: 'c', type: 't' } };
  await stack.world({ reset: true, messages: {}, lambda: { mapping_ms: 0 }, mappings: [{ function: FunctionName, queue: 'Fluxa-InputQueue', enabled: false }], send: [send] });
  const [{ UUID, State }] = (await call('ListEventSourceMappings', { FunctionName })).EventSourceMappings;
  assert.equal(State, 'Disabled');
  await call('PutFunctionConcurrency', { FunctionName, ReservedConcurrentExecutions: 0 });
  await call('UpdateEventSourceMapping', { UUID, Enabled: true });
  assert.deepEqual([(await queue()).visible, await processed()], [1, 0]);
  await call('PutFunctionConcurrency', { FunctionName, ReservedConcurrentExecutions: 1 });
  await stack.until(async () => (await processed()) > 0, 'the message to be tried');
});

test('a policy of a function, and what a fault does to a REST call', async () => {
  await stack.world({ reset: true, messages: {} });
  assert.equal((await refused(call('GetPolicy', { FunctionName })))[0], 'ResourceNotFoundException');
  const policy = '{"Version":"2012-10-17","Statement":[]}';
  await stack.world({ functions: [{ name: FunctionName, policy }] });
  assert.equal((await call('GetPolicy', { FunctionName })).Policy, policy);
  await stack.fault('lambda:GetPolicy', '429');
  assert.deepEqual((await refused(call('GetPolicy', { FunctionName }))).slice(0, 2), ['TooManyRequestsException', 429]);
  await stack.fault('lambda', 'denied', { count: 1, about: '/fluxa-ingest/' });
  assert.equal((await configuration()).FunctionName, FunctionName);
  const [name, status, message] = await refused(configuration({ FunctionName: 'fluxa-ingest' }));
  assert.deepEqual([name, status], ['AccessDeniedException', 403]);
  assert.match(message, /lambda:GetFunctionConfiguration/);
  await stack.fault('lambda', '5xx');
  assert.deepEqual((await refused(configuration())).slice(0, 2), ['ServiceException', 500]);
});

test('CloudTrail finds events by one attribute, newest first, in pages, twice a second', async () => {
  const event = (name, resource, age, user = 'deployer') => ({ name, source: 'lambda.amazonaws.com', resource, user, age_ms: minutes(age) });
  await stack.world({ reset: true, messages: {}, trail_unlimited: true, trail: [event('UpdateAlias20150331', FunctionName, 5), event('UpdateFunctionCode20150331v2', FunctionName, 30), event('UpdateAlias20150331', 'fluxa-ingest', 1)] });
  const lookup = (input) => clients.cloudtrail.send(new cloudtrail.LookupEventsCommand(input));
  const LookupAttributes = [{ AttributeKey: 'ResourceName', AttributeValue: FunctionName }];
  const first = await lookup({ LookupAttributes, MaxResults: 1 });
  assert.deepEqual(first.Events.map(({ EventName, Username, ReadOnly, Resources }) => [EventName, Username, ReadOnly, Resources[0].ResourceName]), [['UpdateAlias20150331', 'deployer', 'false', FunctionName]]);
  assert.ok(Math.abs(first.Events[0].EventTime - (Date.now() - minutes(5))) < minutes(4));
  assert.equal(JSON.parse(first.Events[0].CloudTrailEvent).eventName, 'UpdateAlias20150331');
  const second = await lookup({ LookupAttributes, MaxResults: 1, NextToken: first.NextToken });
  assert.deepEqual(second.Events.map(({ EventName }) => EventName), ['UpdateFunctionCode20150331v2']);
  assert.equal(second.NextToken, undefined);
  assert.deepEqual((await lookup({ LookupAttributes, StartTime: new Date(Date.now() - minutes(15)) })).Events.length, 1);
  assert.equal((await refused(lookup({ LookupAttributes: [...LookupAttributes, ...LookupAttributes] })))[0], 'InvalidLookupAttributesException');
  assert.equal((await refused(lookup({ StartTime: new Date(), EndTime: new Date(0) })))[0], 'InvalidTimeRangeException');
  await stack.world({ trail_unlimited: false });
  const many = await Promise.allSettled(Array.from({ length: 6 }, () => lookup({ LookupAttributes })));
  assert.ok(many.some(({ reason }) => reason?.name === 'ThrottlingException'));
});

test('the simulator allows what a statement allows, denies what one denies, and counts no condition', async () => {
  const role = `arn:aws:iam::${account}:role/fluxa-processor`, queue = `arn:aws:sqs:us-east-1:${account}:Fluxa-InputQueue`;
  const simulate = async (ActionNames, ResourceArns, PolicySourceArn = role) => (await clients.iam.send(new iam.SimulatePrincipalPolicyCommand({ PolicySourceArn, ActionNames, ResourceArns }))).EvaluationResults;
  const [receive, send] = await simulate(['sqs:ReceiveMessage', 'sqs:SendMessage'], [queue]);
  assert.deepEqual([receive.EvalActionName, receive.EvalDecision, receive.EvalResourceName, receive.MatchedStatements[0].SourcePolicyId], ['sqs:ReceiveMessage', 'allowed', queue, 'fluxa-processor']);
  assert.equal(send.EvalDecision, 'implicitDeny');
  await stack.world({ roles: [{ name: 'fluxa-processor', attached: { Wall: { Statement: { Effect: 'Deny', Action: 'SQS:*', Resource: '*' } } } }] });
  const [denied] = await simulate(['sqs:ReceiveMessage'], [queue]);
  assert.deepEqual([denied.EvalDecision, denied.MatchedStatements.map((one) => one.SourcePolicyId)], ['explicitDeny', ['Wall']]);
  await stack.world({ roles: [{ name: 'fluxa-processor', attached: {}, inline: { p: { Statement: [{ Effect: 'Allow', Action: ['s3:Get*'], Resource: 'arn:aws:s3:::a/*', Condition: { Bool: { 'aws:SecureTransport': 'true' } } }, { Effect: 'Allow', Action: ['s3:Get*'], Resource: ['arn:aws:s3:::b/*'] }] } } }] });
  const [both] = await simulate(['s3:GetObject'], ['arn:aws:s3:::a/x', 'arn:aws:s3:::b/x']);
  assert.deepEqual([both.EvalDecision, both.MissingContextValues, both.ResourceSpecificResults.map((one) => one.EvalResourceDecision)], ['implicitDeny', ['aws:SecureTransport'], ['implicitDeny', 'allowed']]);
  assert.equal((await refused(simulate(['s3:GetObject'], ['*'], `arn:aws:iam::${account}:role/nobody`)))[0], 'NoSuchEntityException');
  const { AttachedPolicies } = await clients.iam.send(new iam.ListAttachedRolePoliciesCommand({ RoleName: 'fluxa-query' }));
  assert.deepEqual(AttachedPolicies.map((one) => one.PolicyName), ['AWSLambdaBasicExecutionRole']);
  const { PolicyDocument } = await clients.iam.send(new iam.GetRolePolicyCommand({ RoleName: 'fluxa-query', PolicyName: 'fluxa-query' }));
  assert.equal(JSON.parse(decodeURIComponent(PolicyDocument)).Statement.length, 1);
});
