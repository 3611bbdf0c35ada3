// redrive_peer.mjs - the script people write with @aws-sdk/client-sqs: batches of ten, so many at once.
//   node redrive_peer.mjs ENDPOINT FROM TO AT_ONCE
// It keeps nothing, asks nobody, and takes out what its own look at the body calls good: valid, and with the hash it claims.
import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import http from 'node:http';
import path from 'node:path';
import { root } from '../support/stack.mjs';

process.removeAllListeners('warning');
process.on('warning', () => {});
const { SQSClient, ReceiveMessageCommand, SendMessageBatchCommand, DeleteMessageBatchCommand, ChangeMessageVisibilityBatchCommand } = createRequire(path.join(root, 'tests/judges/'))('@aws-sdk/client-sqs');
const [, , endpoint, from, to, atOnce] = process.argv;
const client = new SQSClient({ endpoint, region: 'us-east-1', useQueueUrlAsEndpoint: false, requestHandler: { httpAgent: new http.Agent({ keepAlive: true, maxSockets: Number(atOnce) }) } });

function isGood(text) {
  let body;
  try {
    body = JSON.parse(text);
  } catch {
    return false;
  }
  if (!body.event_id || !body.correlation_id || !body.payload) return false;
  return createHash('sha256').update(JSON.stringify(body.payload)).digest('hex') === body.payload_hash;
}

const kept = [];
let moved = 0;

async function work() {
  for (;;) {
    const { Messages: all = [] } = await client.send(new ReceiveMessageCommand({ QueueUrl: from, MaxNumberOfMessages: 10, VisibilityTimeout: 300, MessageAttributeNames: ['All'], MessageSystemAttributeNames: ['All'] }));
    if (all.length === 0) return;
    const good = all.filter((message) => isGood(message.Body));
    kept.push(...all.filter((message) => !good.includes(message)));
    if (good.length === 0) continue;
    const { Successful: sent = [] } = await client.send(new SendMessageBatchCommand({ QueueUrl: to, Entries: good.map((message, i) => ({ Id: String(i), MessageBody: message.Body, MessageAttributes: message.MessageAttributes })) }));
    const { Successful: deleted = [] } = await client.send(new DeleteMessageBatchCommand({ QueueUrl: from, Entries: sent.map(({ Id }) => ({ Id, ReceiptHandle: good[Number(Id)].ReceiptHandle })) }));
    moved += deleted.length;
  }
}

const workers = (one) => Promise.all(Array.from({ length: Number(atOnce) }, one));
const count = () => kept.length;
await workers(work);
const stayed = count();
await workers(async () => {
  for (let ten = kept.splice(0, 10); ten.length > 0; ten = kept.splice(0, 10))
    await client.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl: from, Entries: ten.map((message, i) => ({ Id: String(i), ReceiptHandle: message.ReceiptHandle, VisibilityTimeout: 0 })) }));
});
const { user, system } = process.cpuUsage();
console.log(JSON.stringify({ moved, stayed, cpuMs: (user + system) / 1000 }));
process.exit(0);
