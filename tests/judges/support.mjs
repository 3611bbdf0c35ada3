// support.mjs - what the judges share: receivers, a recording proxy, SNS signing, listening sockets.
import assert from 'node:assert/strict';
import { createSign } from 'node:crypto';
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import path from 'node:path';
import { Stack } from '../support/stack.mjs';

const loopback = '127.0.0.1';

// One stack around a whole file's tests: call at top level, use inside tests.
export async function withStack(options, use) {
  const stack = await Stack.start(options);
  try {
    return await use(stack);
  } finally {
    await stack.stop();
  }
}

export const worldFile = (stack, name) => readFileSync(path.join(stack.dir, 'world', name), 'utf8');
export const secret = (stack, name) => readFileSync(path.join(stack.dir, 'secrets', name), 'utf8').trim();

// The credentials everybody in the stack signs with.
export function awsCredentials(stack) {
  const value = (name) => secret(stack, 'aws').match(new RegExp(`^${name} = (.*)$`, 'm'))[1];
  return { accessKeyId: value('aws_access_key_id'), secretAccessKey: value('aws_secret_access_key') };
}

function listen(server) {
  return new Promise((done, fail) => {
    server.on('error', fail);
    server.listen(0, loopback, () => done(server.address().port));
  });
}

function bodyOf(request) {
  return new Promise((done, fail) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => done(Buffer.concat(chunks)));
    request.on('error', fail);
  });
}

// An HTTPS server with the sandbox's server certificate. answer(request) gives { status, type, body }.
export async function startReceiver(stack, answer = () => ({ status: 200 })) {
  const requests = [];
  const options = { cert: worldFile(stack, 'server.pem'), key: worldFile(stack, 'server.key') };
  const server = https.createServer(options, async (request, response) => {
    const one = { method: request.method, url: request.url, headers: request.headers, body: (await bodyOf(request)).toString('utf8') };
    requests.push(one);
    const { status = 200, type = 'text/plain', body = '' } = answer(one);
    response.writeHead(status, { 'content-type': type });
    response.end(body);
  });
  const port = await listen(server);
  return { requests, port, url: `https://${loopback}:${port}`, stop: () => stopServer(server) };
}

function stopServer(server) {
  return new Promise((done) => {
    server.close(done);
    server.closeAllConnections();
  });
}

// Carries every request on to target, byte for byte, after see(exchange) had a look: what it
// returns, { status, headers, body }, is answered instead. heard(exchange, answer) sees the answer.
export async function startProxy(target, { see = () => undefined, heard = () => undefined } = {}) {
  const base = new URL(target);
  const server = http.createServer(async (request, response) => {
    const exchange = { method: request.method, url: request.url, headers: request.headers, raw: request.rawHeaders, body: await bodyOf(request) };
    const verdict = await see(exchange);
    if (verdict) {
      response.writeHead(verdict.status, verdict.headers);
      response.end(verdict.body);
      return;
    }
    const onward = http.request(
      { host: base.hostname, port: base.port, method: request.method, path: base.pathname.replace(/\/$/, '') + request.url, headers: request.rawHeaders, agent: false },
      async (answer) => {
        const body = await bodyOf(answer);
        await heard(exchange, { status: answer.statusCode, headers: answer.headers, body });
        response.writeHead(answer.statusCode, answer.rawHeaders);
        response.end(body);
      },
    );
    onward.on('error', () => response.destroy()); // a fault of the sandbox travels on as a closed connection
    onward.end(exchange.body);
  });
  const port = await listen(server);
  return { port, url: `http://${loopback}:${port}`, stop: () => stopServer(server) };
}

// ---- SNS, as its guide describes it: key, LF, value, LF, keys in byte order ----

const signedKeys = {
  Notification: ['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type'],
  SubscriptionConfirmation: ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'],
  UnsubscribeConfirmation: ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'],
};

export function stringToSign(envelope) {
  return signedKeys[envelope.Type].filter((key) => key in envelope).map((key) => `${key}\n${envelope[key]}\n`).join('');
}

export function signEnvelope(stack, envelope) {
  const sign = createSign(envelope.SignatureVersion === '1' ? 'RSA-SHA1' : 'RSA-SHA256');
  return { ...envelope, Signature: sign.update(stringToSign(envelope)).sign(worldFile(stack, 'sns.key'), 'base64') };
}

// ---- the bot's counters ----

export async function counter(stack, name) {
  const line = (await stack.metrics()).split('\n').find((text) => text.startsWith(`${name} `));
  assert.ok(line, `the metrics have no ${name}`);
  return Number(line.split(' ')[1]);
}

// ---- listening sockets, from the kernel's own tables ----

// "0100007F:1F90" and "00000000000000000000000001000000:1F90", each 32 bits in the machine's order
function addressOf(text) {
  const [hex, port] = text.split(':');
  const bytes = hex.match(/.{8}/g).flatMap((word) => word.match(/../g).reverse());
  const address = bytes.length === 4 ? bytes.map((byte) => parseInt(byte, 16)).join('.') : bytes.join('').match(/.{4}/g).join(':');
  return { address, port: parseInt(port, 16) };
}

function listeningInodes(pid) {
  const found = new Map();
  for (const table of ['tcp', 'tcp6'])
    for (const line of readFileSync(`/proc/${pid}/net/${table}`, 'utf8').split('\n').slice(1)) {
      const fields = line.trim().split(/\s+/);
      if (fields[3] === '0A') found.set(fields[9], addressOf(fields[1]));
    }
  return found;
}

// Every address and port that one of the processes listens on.
export function listeners(pids) {
  return pids.flatMap((pid) => {
    const inodes = listeningInodes(pid);
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        const socket = readlinkSync(`/proc/${pid}/fd/${fd}`).match(/^socket:\[(\d+)\]$/);
        return socket && inodes.has(socket[1]) ? [{ pid, ...inodes.get(socket[1]) }] : [];
      } catch {
        return []; // closed since the folder was read
      }
    });
  });
}

export const offLoopback = (sockets) =>
  sockets.filter(({ address }) => address !== loopback && address !== '0000:0000:0000:0000:0000:0000:0000:0001');

export const pidsOf = (stack) => [
  ...(stack.process ? [stack.process.pid] : []),
  ...['sandbox', 'postgres'].map((name) => Number(readFileSync(path.join(stack.dir, `${name}.pid`), 'utf8').trim())),
];
