// measure.mjs - what the benchmarks share: quantiles, and the raw time of one signed AWS call.
import { createHash, createHmac } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';

export const pause = (ms) => new Promise((done) => setTimeout(done, ms));

export function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)];
}

export const median = (values) => quantile(values, 0.5);

export function spread(values, digits = 0) {
  return `p50 ${quantile(values, 0.5).toFixed(digits)}, p95 ${quantile(values, 0.95).toFixed(digits)}, max ${Math.max(...values).toFixed(digits)} ms`;
}

const sha256 = (text) => createHash('sha256').update(text).digest('hex');
const hmac = (key, text) => createHmac('sha256', key).update(text).digest();

// Signature version 4 for one JSON call of SQS.
function sign(key, secret, host, target, body) {
  const time = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  const scope = `${time.slice(0, 8)}/us-east-1/sqs/aws4_request`;
  const canonical = ['POST', '/', '', 'content-type:application/x-amz-json-1.0', `host:${host}`, `x-amz-date:${time}`, `x-amz-target:${target}`, '', 'content-type;host;x-amz-date;x-amz-target', sha256(body)].join('\n');
  const signingKey = ['us-east-1', 'sqs', 'aws4_request'].reduce(hmac, hmac(`AWS4${secret}`, time.slice(0, 8)));
  const signature = createHmac('sha256', signingKey).update(['AWS4-HMAC-SHA256', time, scope, sha256(canonical)].join('\n')).digest('hex');
  return { 'content-type': 'application/x-amz-json-1.0', 'x-amz-date': time, 'x-amz-target': target, authorization: `AWS4-HMAC-SHA256 Credential=${key}/${scope}, SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=${signature}` };
}

// Milliseconds of one sqs:ListQueues, as any client would make it.
export async function awsCallMs(stack) {
  const text = await readFile(path.join(stack.dir, 'secrets/aws'), 'utf8');
  const [, key] = /aws_access_key_id = (.+)/.exec(text), [, secret] = /aws_secret_access_key = (.+)/.exec(text);
  const headers = sign(key, secret, new URL(stack.aws).host, 'AmazonSQS.ListQueues', '{}');
  const began = performance.now();
  const answer = await fetch(stack.aws, { method: 'POST', headers, body: '{}' });
  const told = await answer.text();
  if (!answer.ok) throw new Error(`ListQueues: ${answer.status} ${told}`);
  return performance.now() - began;
}
