// receiver.mjs - what the benchmarks of the receiver share: a bot with a configuration of its own, the peer that it
// is measured against, prepared requests, and the client that sends them (load.c).
import { execFile, execFileSync, spawn } from 'node:child_process';
import { createHmac, randomBytes } from 'node:crypto';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { topic } from '../support/senders.mjs';
import { build, root } from '../support/stack.mjs';
import { pause } from './measure.mjs';

const run = promisify(execFile);
export const team = 'T0FLUXA0001';

// A directory of this benchmark, with a certificate and the secrets of a bot.
export async function workplace() {
  const dir = await mkdtemp(path.join(tmpdir(), 'fluxabot-bench-'));
  const place = { dir, secret: randomBytes(16).toString('hex'), key: path.join(dir, 'server.key'), certificate: path.join(dir, 'server.pem') };
  await writeFile(path.join(dir, 'signing_secret'), place.secret, { mode: 0o600 });
  await writeFile(path.join(dir, 'bot_token'), 'xoxb-bench-000000000000', { mode: 0o600 });
  await run('openssl', ['genpkey', '-algorithm', 'ed25519', '-out', path.join(dir, 'audit.key')]);
  await run('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', place.key, '-out', place.certificate, '-days', '2', '-subj', '/CN=localhost']);
  return place;
}

export const leave = (place) => rm(place.dir, { recursive: true, force: true });

// ---- the bot ----

function configuration(place, name, { tls = false, store, port = 0 }) {
  const file = (part) => `{ file: "${path.join(place.dir, part)}" }`;
  return `listen: { address: 127.0.0.1, port: ${port}${tls ? `, tls: { certificate: "${place.certificate}", key: { file: "${place.key}" } }` : ''} }
admin: { address: 127.0.0.1, port: 0 }
store: { url: "${store ?? `sqlite://${place.dir}/${name}.db`}" }
audit: { key: { file: "${path.join(place.dir, 'audit.key')}" }, anchor: { file: "${path.join(place.dir, `${name}.anchors`)}" } }
slack: { bot_token: ${file('bot_token')}, signing_secrets: [${file('signing_secret')}], team_ids: [${team}], api_url: "http://127.0.0.1:9/api" }
sns: { topics: [{ arn: "${topic}", system: fluxa, environment: dev }] }
aws: { region: us-east-1, endpoint_url: "http://127.0.0.1:9" }
systems:
  fluxa: { path: "${root}/commands/fluxa", command: /fluxa, channel: C0FLUXA0001, default_environment: dev, environments: { dev: { variables: { queue_url: "https://sqs.us-east-1.amazonaws.com/123456789012/q", queue_arn: "arn:aws:sqs:us-east-1:123456789012:q", dlq_url: "https://sqs.us-east-1.amazonaws.com/123456789012/d", dlq_arn: "arn:aws:sqs:us-east-1:123456789012:d" }, databases: { events: ${file('bot_token')} } } } }
`;
}

const environment = { AWS_CONFIG_FILE: '/dev/null', AWS_ACCESS_KEY_ID: 'AKIABENCH', AWS_SECRET_ACCESS_KEY: 'bench' };

// What a process that is to be measured is started with, its configuration being written.
export async function botCommand(place, name, { role = 'receiver', config, ...how } = {}) {
  const file = path.join(place.dir, `${name}.yaml`);
  await writeFile(file, config ?? configuration(place, name, how));
  return { program: path.join(build, 'fluxabot'), args: ['serve', '--config', file, '--role', role], env: environment };
}

// The receiver's half of the bot, as it runs on a machine that faces the network; { pid, port, log, stop() }. `twin` is
// a program to start in its place.
export async function startBot(place, name, { under = [], env = {}, twin, ...how } = {}) {
  const log = path.join(place.dir, `${name}.log`), { program, args } = await botCommand(place, name, how);
  const out = openSync(log, 'a');
  const command = [...under, twin ?? program, ...args];
  const child = spawn(command[0], command.slice(1), { stdio: ['ignore', out, out], env: { ...process.env, ...environment, ...env } });
  closeSync(out);
  const ended = new Promise((done) => child.on('exit', done));
  for (;;) {
    const ready = readFileSync(log, 'utf8').split('\n').find((line) => line.includes('"ready"'));
    if (ready) return { pid: child.pid, port: JSON.parse(ready).port, log, stop: () => (child.kill('SIGTERM'), ended) };
    if (child.exitCode !== null) throw new Error(`the bot did not start: ${readFileSync(log, 'utf8')}`);
    await pause(1);
  }
}

// ---- the peer ----

export function boltCommand(place, { tls = false, port = 0 } = {}) {
  return { program: 'node', args: [path.join(root, 'tests/bench/bolt_peer.mjs'), ...(tls ? [place.key, place.certificate] : [])], env: { NODE_ENV: 'production', SLACK_SIGNING_SECRET: place.secret, PORT: String(port) } };
}

// @slack/bolt with one command, in a process of its own; { pid, port, stop() }.
export async function startBolt(place, how) {
  const { program, args, env } = boltCommand(place, how);
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, ...env } });
  const ended = new Promise((done) => child.on('exit', done));
  const port = await new Promise((done, failed) => {
    child.stdout.once('data', (text) => done(Number(text)));
    child.once('exit', (code) => failed(new Error(`bolt ended with ${code}; npm ci --prefix tests/judges installs it`)));
  });
  return { pid: child.pid, port, stop: () => (child.kill('SIGTERM'), ended) };
}

// ---- requests ----

// Slack's slash command as it comes over the network; each with its own trigger_id, so that none is a repetition.
export function commandRequest(place, number, text = 'help') {
  const body = `token=gIkuvaNzQIHg97ATvDxqgjtO&team_id=${team}&team_domain=example&channel_id=C0FLUXA0001&channel_name=fluxa-alerts&user_id=U0ANNA0001&user_name=anna&command=%2Ffluxa&text=${encodeURIComponent(text)}&api_app_id=A0FLUXABOT1&is_enterprise_install=false&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2F${team}%2F1234567890%2FaBcDeFgHiJkLmNoPqRsTuVwX&trigger_id=${number}.${Date.now()}.0123456789abcdef0123456789abcdef`;
  const timestamp = Math.floor(Date.now() / 1000);
  const signature = createHmac('sha256', place.secret).update(`v0:${timestamp}:${body}`).digest('hex');
  return request('/slack/commands', { 'User-Agent': 'Slackbot 1.0 (+https://api.slack.com/robots)', Accept: 'application/json,*/*', 'Content-Type': 'application/x-www-form-urlencoded', 'X-Slack-Request-Timestamp': timestamp, 'X-Slack-Signature': `v0=${signature}` }, body);
}

export function request(door, headers, body) {
  const lines = Object.entries({ Host: 'localhost', ...headers, 'Content-Length': Buffer.byteLength(body) }).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`POST ${door} HTTP/1.1\r\n${lines.join('')}\r\n${body}`);
}

// The file that load.c reads.
export async function writeRequests(place, name, requests) {
  const file = path.join(place.dir, name);
  await writeFile(file, requests.flatMap((bytes) => [length(bytes.length), bytes]));
  return { file, count: requests.length, used: 0 };
}

function length(number) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(number);
  return bytes;
}

// ---- the client ----

export function buildLoad() {
  execFileSync('cmake', ['--build', build, '--target', 'bench_load'], { stdio: ['ignore', 'ignore', 'inherit'] });
}

// Sends the next count requests of the file; every one must be answered with 200.
export async function load(server, requests, count, { connections = 64, rate, tls = false, skip = requests.used } = {}) {
  const args = ['--port', server.port, '--requests', requests.file, '--skip', skip, '--count', count, '--connections', connections, ...(server.counted ? [] : ['--pid', server.pid])];
  if (rate) args.push('--rate', rate);
  if (tls) args.push('--tls');
  requests.used = Math.max(requests.used, skip + count);
  const result = JSON.parse((await run(path.join(build, 'bench_load'), args.map(String))).stdout);
  if (result.good !== result.count) throw new Error(`${result.count - result.good} of ${result.count} answers were not 200 but ${result.other_status}`);
  return result;
}
