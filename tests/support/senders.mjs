// senders.mjs - speaks to the bot's doors as Slack and SNS would, or as somebody who pretends to be them.
import { createHash, createHmac, createSign, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import https from 'node:https';
import path from 'node:path';

export const topic = 'arn:aws:sns:us-east-1:123456789012:fluxa-alarms';

// headers is a flat list, so that a name may come twice. { status, text }; status 0 when the connection broke.
export function post(stack, door, headers, body) {
  return new Promise((done) => {
    const request = https.request(`${stack.bot}${door}`, { method: 'POST', rejectUnauthorized: false, agent: false }, (answer) => {
      let text = '';
      answer.on('data', (part) => (text += part));
      answer.on('end', () => done({ status: answer.statusCode, text }));
      answer.on('error', () => done({ status: answer.statusCode, text }));
    });
    const named = new Map();
    for (let i = 0; i < headers.length; i += 2) named.set(headers[i], [...(named.get(headers[i]) ?? []), headers[i + 1]]);
    for (const [name, values] of named) request.setHeader(name, values.length === 1 ? values[0] : values);
    request.setHeader('Content-Length', Buffer.byteLength(body));
    request.on('error', () => done({ status: 0, text: '' }));
    request.end(body);
  });
}

// ---- Slack ----

const secretOf = (stack) => readFileSync(path.join(stack.dir, 'secrets/signing_secret'), 'utf8').trim();

export function slackHeaders(stack, body, { timestamp = Math.floor(Date.now() / 1000), secret = secretOf(stack) } = {}) {
  const signature = `v0=${createHmac('sha256', secret).update(`v0:${timestamp}:${body}`).digest('hex')}`;
  return ['Content-Type', 'application/x-www-form-urlencoded', 'X-Slack-Request-Timestamp', String(timestamp), 'X-Slack-Signature', signature];
}

export function commandBody(text, more = {}) {
  return new URLSearchParams({
    command: '/fluxa', text, user_id: 'U0ANNA0001', user_name: 'anna', team_id: 'T0FLUXA0001', channel_id: 'C0FLUXA0001', channel_name: 'fluxa-alerts', api_app_id: 'A0FLUXABOT1', response_url: 'https://example.org/not-believed', trigger_id: `${Date.now()}.${Math.random().toString().slice(2)}.abc`, ...more,
  }).toString();
}

export const sendCommand = (stack, body, how) => post(stack, '/slack/commands', slackHeaders(stack, body, how), body);

// ---- SNS ----

export function certificateUrl(stack) {
  const pem = readFileSync(path.join(stack.dir, 'world/sns.pem'));
  return `${stack.tls}/SimpleNotificationService-${createHash('md5').update(pem).digest('hex')}.pem`;
}

export function stringToSign(envelope) {
  const keys = envelope.Type === 'Notification' ? ['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type'] : ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'];
  return keys.filter((key) => typeof envelope[key] === 'string').map((key) => `${key}\n${envelope[key]}\n`).join('');
}

// A notification signed with the sandbox's key; change is merged before signing, after afterwards.
export function envelope(stack, change = {}, afterwards = {}) {
  const made = { Type: 'Notification', MessageId: randomUUID(), TopicArn: topic, Message: 'hello', Timestamp: new Date().toISOString(), SignatureVersion: '2', SigningCertURL: certificateUrl(stack), ...change };
  const key = readFileSync(path.join(stack.dir, 'world/sns.key'), 'utf8');
  made.Signature = createSign(made.SignatureVersion === '1' ? 'RSA-SHA1' : 'RSA-SHA256').update(stringToSign(made)).sign(key, 'base64');
  return { ...made, ...afterwards };
}

export function sendSns(stack, made, headers = []) {
  const body = typeof made === 'string' ? made : JSON.stringify(made);
  return post(stack, '/webhooks/sns', ['Content-Type', 'text/plain; charset=UTF-8', 'x-amz-sns-message-type', made.Type ?? 'Notification', ...headers], body);
}

// CloudWatch's words about one alarm.
export function alarmMessage(name, state, changedMs = Date.now(), more = {}) {
  return JSON.stringify({
    AlarmName: name, AlarmDescription: null, AWSAccountId: '123456789012', NewStateValue: state, NewStateReason: 'Threshold Crossed', StateChangeTime: new Date(changedMs).toISOString().replace('Z', '+0000'), Region: 'US East (N. Virginia)', AlarmArn: `arn:aws:cloudwatch:us-east-1:123456789012:alarm:${name}`, OldStateValue: state === 'OK' ? 'ALARM' : 'OK',
    Trigger: { MetricName: 'Errors', Namespace: 'AWS/Lambda', StatisticType: 'Statistic', Statistic: 'SUM', Unit: null, Dimensions: [{ value: 'fluxa-processor', name: 'FunctionName' }], Period: 60, EvaluationPeriods: 1, ComparisonOperator: 'GreaterThanThreshold', Threshold: 0, TreatMissingData: '', EvaluateLowSampleCountPercentile: '' }, ...more,
  });
}
