// sns.test.mjs - two validators of others judge what the sandbox signs; and the bot refuses what they accept.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import https from 'node:https';
import { after, before, test } from 'node:test';
import tls from 'node:tls';
import MessageValidator from 'sns-validator';
import SnsPayloadValidator from 'sns-payload-validator';
import { Stack } from '../support/stack.mjs';
import { counter, signEnvelope, startReceiver, stringToSign, worldFile } from './support.mjs';

const topic = 'arn:aws:sns:us-east-1:123456789012:fluxa-alarms';
let stack;
let receiver; // a bot that only listens
let certificates; // any path there is the sandbox's signing certificate
let envelopes; // name: what the sandbox sent to the receiver
const judges = {};

// The address says Amazon, the connection stays here: the validators' own patterns remain in force.
function agentTo(port) {
  const agent = new https.Agent();
  agent.createConnection = (options, done) =>
    tls.connect({ host: '127.0.0.1', port, ca: worldFile(stack, 'ca.pem'), checkServerIdentity: (name, certificate) => tls.checkServerIdentity('127.0.0.1', certificate) }, done);
  return agent;
}

const atAmazon = (envelope) => ({ ...envelope, SigningCertURL: `https://sns.us-east-1.amazonaws.com${new URL(envelope.SigningCertURL).pathname}` });

// 'valid', or why not.
function verdict(judge, envelope) {
  return new Promise((done) => judge.validate({ ...envelope }, (error) => done(error ? error.message : 'valid')));
}

async function capture(name, ask) {
  const seen = receiver.requests.length;
  await ask();
  const request = await stack.until(() => receiver.requests[seen], `${name} to arrive`);
  const envelope = JSON.parse(request.body);
  assert.equal(request.url, '/webhooks/sns');
  assert.equal(request.headers['x-amz-sns-message-type'], envelope.Type);
  assert.equal(request.headers['x-amz-sns-topic-arn'], envelope.TopicArn);
  assert.equal(request.headers['x-amz-sns-message-id'], envelope.MessageId);
  assert.match(request.headers['content-type'], /^text\/plain; ?charset=UTF-8$/i);
  return envelope;
}

async function captureVersion(version) {
  const sns = (body) => stack.world({ sns: { signature_version: version, ...body } });
  await sns({});
  envelopes[`v${version} Notification with Subject`] = await capture('an alarm', () => stack.alarm('fluxa-dlq-depth-dev', 'ALARM'));
  envelopes[`v${version} Notification without Subject`] = await capture('a message', () => stack.post('alarm', { message: 'zwei\nZeilen, ä € 🙂 "quoted" \\ and a tab\t.' }));
  envelopes[`v${version} SubscriptionConfirmation`] = await capture('a confirmation', () => sns({ confirm: true }));
  await stack.world({ reset: true });
}

before(async () => {
  stack = await Stack.start({ bot: false });
  receiver = await startReceiver(stack);
  certificates = await startReceiver(stack, () => ({ type: 'application/x-pem-file', body: worldFile(stack, 'sns.pem') }));
  await stack.post('bot', { url: receiver.url });
  envelopes = {};
  await captureVersion('1');
  await captureVersion('2');
  const port = new URL(stack.tls).port;
  https.globalAgent = agentTo(port); // sns-validator offers no other way
  judges['sns-validator'] = new MessageValidator();
  judges['sns-payload-validator'] = new SnsPayloadValidator({ requestAgent: agentTo(port) });
});

after(async () => {
  await receiver?.stop();
  await certificates?.stop();
  await stack?.stop();
});

test('the sandbox sends the members SNS sends, and no others', () => {
  const always = ['Type', 'MessageId', 'TopicArn', 'Message', 'Timestamp', 'SignatureVersion', 'Signature', 'SigningCertURL'];
  for (const [name, envelope] of Object.entries(envelopes)) {
    const more = /Subscription/.test(name) ? ['Token', 'SubscribeURL'] : /with Subject/.test(name) ? ['Subject', 'UnsubscribeURL'] : ['UnsubscribeURL'];
    assert.deepEqual(Object.keys(envelope).sort(), [...always, ...more].sort(), name);
    assert.equal(envelope.SignatureVersion, name[1], name);
  }
  assert.equal(Object.keys(envelopes).length, 6);
});

test('both validators accept everything the sandbox signs, at Amazon\'s own address', async () => {
  for (const [name, envelope] of Object.entries(envelopes))
    for (const [by, judge] of Object.entries(judges)) assert.equal(await verdict(judge, atAmazon(envelope)), 'valid', `${by}: ${name}`);
});

test('sns-validator accepts it at the sandbox\'s own address too, given a pattern for its host', async () => {
  const host = new URL(stack.tls).host;
  const judge = new MessageValidator(new RegExp(`^${host.replaceAll('.', '\\.')}$`));
  for (const [name, envelope] of Object.entries(envelopes)) {
    assert.equal(new URL(envelope.SigningCertURL).host, host);
    assert.equal(await verdict(judge, envelope), 'valid', name);
  }
});

test('both validators refuse it once any one signed member is changed or taken away', async () => {
  let looked = 0;
  for (const [name, envelope] of Object.entries(envelopes))
    for (const key of ['Message', 'MessageId', 'Subject', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type', 'Signature', 'SignatureVersion']) {
      if (!(key in envelope)) continue;
      const changed = { ...envelope, [key]: key === 'Signature' ? flipped(envelope.Signature) : key === 'SignatureVersion' ? String(3 - Number(envelope[key])) : `${envelope[key]}x` };
      const without = { ...envelope };
      delete without[key];
      for (const [by, judge] of Object.entries(judges)) {
        assert.notEqual(await verdict(judge, atAmazon(changed)), 'valid', `${by}: ${name}, ${key} changed`);
        assert.notEqual(await verdict(judge, atAmazon(without)), 'valid', `${by}: ${name}, without ${key}`);
      }
      looked++;
    }
  assert.equal(looked, 2 * (8 + 7 + 9));
});

function flipped(base64) {
  const bytes = Buffer.from(base64, 'base64');
  bytes[7] ^= 1;
  return bytes.toString('base64');
}

test('a Subject that was not signed is refused by both', async () => {
  for (const [by, judge] of Object.entries(judges))
    assert.notEqual(await verdict(judge, atAmazon({ ...envelopes['v2 Notification without Subject'], Subject: 'added' })), 'valid', by);
});

test('an UnsubscribeConfirmation: one judge knows its keys, the other leaves Token out', async () => {
  for (const version of ['1', '2']) {
    const given = envelopes[`v${version} SubscriptionConfirmation`];
    const farewell = atAmazon(signEnvelope(stack, { ...given, Type: 'UnsubscribeConfirmation', MessageId: randomUUID() }));
    assert.equal(await verdict(judges['sns-payload-validator'], farewell), 'valid');
    assert.equal(await verdict(judges['sns-validator'], farewell), 'The message signature is invalid.');
  }
});

// ---- the other way round: valid for a validator is not enough for the bot ----

function post(body, headers = {}) {
  const envelope = JSON.parse(body);
  const options = {
    method: 'POST', ca: worldFile(stack, 'ca.pem'), agent: false,
    headers: { 'content-type': 'text/plain; charset=UTF-8', 'x-amz-sns-message-type': 'Notification', 'x-amz-sns-topic-arn': envelope.TopicArn, ...headers },
  };
  return new Promise((done, fail) => {
    const request = https.request(`${stack.bot}/webhooks/sns`, options, (answer) => {
      answer.resume();
      answer.on('end', () => done(answer.statusCode));
    });
    request.on('error', fail);
    request.end(body);
  });
}

function fresh(more = {}) {
  const sample = envelopes['v2 Notification without Subject'];
  return { Type: 'Notification', MessageId: randomUUID(), TopicArn: topic, Message: 'hello', Timestamp: new Date().toISOString(), SignatureVersion: '2', SigningCertURL: sample.SigningCertURL, ...more };
}

// Published to a topic of the attacker's: the borders of the fields lie elsewhere, the bytes are the same.
function resplit() {
  const id = randomUUID();
  const now = new Date().toISOString();
  const genuine = signEnvelope(stack, fresh({ TopicArn: 'arn:aws:sns:us-east-1:666666666666:evil', Message: `fire\nMessageId\n${id}\nTimestamp\n${now}\nTopicArn\n${topic}\nType\nNotification` }));
  const forged = {
    ...genuine, Message: 'fire', MessageId: id, Timestamp: now, TopicArn: topic,
    Type: `Notification\nMessageId\n${genuine.MessageId}\nTimestamp\n${genuine.Timestamp}\nTopicArn\n${genuine.TopicArn}\nType\nNotification`,
  };
  const bytes = ['Message', 'MessageId', 'Timestamp', 'TopicArn', 'Type'].map((key) => `${key}\n${forged[key]}\n`).join('');
  assert.equal(bytes, stringToSign(genuine));
  return forged;
}

// Within one topic: the Subject moves into the MessageId, and the message looks new.
function movedSubject() {
  const genuine = signEnvelope(stack, fresh({ Subject: 'ALARM' }));
  const { Subject, ...forged } = genuine;
  return { ...forged, MessageId: `${genuine.MessageId}\nSubject\n${Subject}` };
}

function cutMessageId() {
  const genuine = signEnvelope(stack, fresh({ Message: `a\nMessageId\n${randomUUID()}` }));
  return { ...genuine, Message: 'a', MessageId: `${genuine.Message.split('\n')[2]}\nMessageId\n${genuine.MessageId}` };
}

const foreignAddress = (url) => ({ ...signEnvelope(stack, fresh()), SigningCertURL: url });

const hostile = {
  'a re-split message': { make: resplit, accepted: ['sns-validator'] },
  'a Subject moved into the MessageId': { make: movedSubject, accepted: ['sns-validator', 'sns-payload-validator'] },
  'a MessageId cut out of the Message': { make: cutMessageId, accepted: ['sns-validator', 'sns-payload-validator'] },
  'another account\'s topic': { make: () => signEnvelope(stack, fresh({ TopicArn: 'arn:aws:sns:us-east-1:666666666666:fluxa-alarms' })), accepted: ['sns-validator', 'sns-payload-validator'] },
  'a certificate in a bucket': { make: () => foreignAddress('https://sns.s3-ap-southeast-2.amazonaws.com/x.pem'), accepted: ['sns-validator'] },
  'a certificate from an API of somebody': { make: () => foreignAddress('https://sns.execute-api.amazonaws.com/x.pem'), accepted: ['sns-validator'] },
  'a certificate from a query': { make: () => foreignAddress('https://sns.us-east-1.amazonaws.com/?Action=Publish&x=.pem'), accepted: ['sns-validator'] },
  'a certificate behind a user name': { make: () => foreignAddress('https://user@sns.us-east-1.amazonaws.com/x.pem'), accepted: ['sns-validator'] },
  'a message two hours old': { make: () => signEnvelope(stack, fresh({ Timestamp: new Date(Date.now() - 2 * 3600e3).toISOString() })), accepted: ['sns-validator', 'sns-payload-validator'] },
  'a message dated ahead': { make: () => signEnvelope(stack, fresh({ Timestamp: new Date(Date.now() + 3600e3).toISOString() })), accepted: ['sns-validator', 'sns-payload-validator'] },
};

test('the bot refuses what the validators accept, and stores nothing of it', async () => {
  await stack.post('bot', { url: stack.bot });
  await stack.startBot();
  assert.equal(await post(JSON.stringify(signEnvelope(stack, fresh()))), 200, 'an honest one, made the same way');
  await stack.until(async () => (await counter(stack, 'fluxabot_jobs_total{outcome="done"}')) > 0, 'the certificate to be at hand');
  https.globalAgent = agentTo(certificates.port);
  const lenient = { 'sns-validator': new MessageValidator(), 'sns-payload-validator': new SnsPayloadValidator({ requestAgent: agentTo(certificates.port) }) };
  const accepted = await counter(stack, 'fluxabot_requests_total{verdict="accepted"}');
  const refused = async () => (await counter(stack, 'fluxabot_requests_total{verdict="malformed"}')) + (await counter(stack, 'fluxabot_requests_total{verdict="denied"}'));

  for (const [name, { make, accepted: by }] of Object.entries(hostile)) {
    const envelope = make();
    const shown = new URL(envelope.SigningCertURL).hostname === '127.0.0.1' ? atAmazon(envelope) : envelope;
    for (const [judge, one] of Object.entries(lenient))
      assert.equal((await verdict(one, shown)) === 'valid', by.includes(judge), `${judge}: ${name}`);
    const before = await refused();
    assert.match(String(await post(JSON.stringify(envelope))), /^40[03]$/, name);
    assert.equal(await refused(), before + 1, `${name}: counted as refused`);
  }
  assert.equal(await counter(stack, 'fluxabot_requests_total{verdict="accepted"}'), accepted);
  assert.equal(await counter(stack, 'fluxabot_requests_total{verdict="repeated"}'), 0);
});

test('the bot refuses every changed member that the validators refuse', async () => {
  const accepted = await counter(stack, 'fluxabot_requests_total{verdict="accepted"}');
  for (const key of ['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type', 'Signature', 'SignatureVersion']) {
    const honest = signEnvelope(stack, fresh({ Subject: 'ALARM' }));
    const changed = {
      MessageId: randomUUID(), Timestamp: new Date(Date.now() - 1000).toISOString(), Signature: flipped(honest.Signature), SignatureVersion: '1',
    }[key] ?? `${honest[key]}x`;
    assert.match(String(await post(JSON.stringify({ ...honest, [key]: changed }))), /^40[03]$/, key);
  }
  assert.equal(await counter(stack, 'fluxabot_requests_total{verdict="accepted"}'), accepted);
});
