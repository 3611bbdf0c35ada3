// credentials.test.mjs - botocore judges where our credentials come from: both get the same environment, the same
// files and the same hosts, and must end with the same access key.
import assert from 'node:assert/strict';
import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { test } from 'node:test';
import { promisify } from 'node:util';

const probe = process.env.CREDENTIAL_PROBE;
const run = promisify(execFile);
const judge = path.join(import.meta.dirname, 'credentials.py');
const importable = spawnSync('python3', ['-c', 'import botocore; print(botocore.__version__)'], { encoding: 'utf8' });
const skip = importable.status !== 0 && 'python3 has no botocore';

// ---- STS, a container's address and an instance's metadata ----

const end = () => new Date(Date.now() + 3600_000).toISOString().replace(/\.\d+Z/, 'Z');
const handedOut = (key) => JSON.stringify({ Code: 'Success', AccessKeyId: key, SecretAccessKey: 's', Token: 't', Expiration: end(),
  LastUpdated: end(), Type: 'AWS-HMAC' });

function answerSts(form) {
  const action = form.get('Action'), role = form.get('RoleArn').split('/').pop();
  return `<${action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><${action}Result><Credentials>` +
    `<AccessKeyId>ASIA${role}</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>` +
    `<Expiration>${end()}</Expiration></Credentials><AssumedRoleUser><Arn>arn:aws:sts::1:assumed-role/${role}/s</Arn>` +
    `<AssumedRoleId>A:s</AssumedRoleId></AssumedRoleUser></${action}Result><ResponseMetadata><RequestId>r</RequestId>` +
    `</ResponseMetadata></${action}Response>`;
}

function answer(request, body) {
  const roles = '/latest/meta-data/iam/security-credentials/';
  if (request.url === '/container') return handedOut('ASIACONTAINER');
  if (request.url === '/latest/api/token') return 'session-1';
  if (request.url === roles) return 'worker';
  if (request.url === `${roles}worker`) return handedOut('ASIAINSTANCE');
  return answerSts(new URLSearchParams(body));
}

async function startHosts() {
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const part of request) body += part;
    response.end(answer(request, body));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, url: `http://127.0.0.1:${server.address().port}` };
}

// ---- the cases ----

const role = (name) => `role_arn = arn:aws:iam::123456789012:role/${name}\n`;
const keys = (id) => `aws_access_key_id = ${id}\naws_secret_access_key = s\n`;
const config = `[default]\nregion = us-east-1\n
[profile keys]\n${keys('AKIACONFIG')}
[profile both]\n${keys('AKIACONFIGSIDE')}
[profile deploy]\n${role('deploy')}source_profile = keys\nexternal_id = ex
[profile chained]\n${role('chained')}source_profile = deploy
[profile itself]\n${role('itself')}source_profile = itself\n${keys('AKIAITSELF')}
[profile sidestep]\n${role('sidestep')}source_profile = itself
[profile task]\n${role('task')}credential_source = EcsContainer
[profile instance]\n${role('instance')}credential_source = Ec2InstanceMetadata
[profile token]\n${role('token')}web_identity_token_file = TOKEN
[profile fromtoken]\n${role('fromtoken')}source_profile = token
[profile circle]\n${role('circle')}source_profile = circle2
[profile circle2]\n${role('circle2')}source_profile = circle
[profile alone]\n${role('alone')}
[profile twice]\n${role('twice')}source_profile = keys\ncredential_source = EcsContainer
[profile lost]\n${role('lost')}source_profile = nobody
[profile nothing]\nregion = us-east-1
[profile fromnothing]\n${role('fromnothing')}source_profile = nothing
[profile "two words"]\n${keys('AKIATWOWORDS')}
`;
const credentials = `[both]\n${keys('AKIACREDENTIALS')}\n[onlythere]\n${keys('AKIAONLYTHERE')}
[roleside]\n${role('roleside')}source_profile = onlythere\n`;
const profiles = [undefined, 'keys', 'both', 'deploy', 'chained', 'itself', 'sidestep', 'task', 'instance', 'token', 'fromtoken',
  'circle', 'alone', 'twice', 'lost', 'nothing', 'fromnothing', 'two words', 'onlythere', 'roleside', 'unheardof'];

const roleProfiles = new Set(['deploy', 'chained', 'itself', 'sidestep', 'task', 'instance', 'roleside', 'fromtoken', 'circle', 'alone', 'twice',
  'lost', 'fromnothing']);

// Which places stand around a profile: bit 0 keys, 1 a web identity, 2 a container, 3 no instance. Each role costs botocore
// an STS client, so only those that look at a place get it.
function choices(profile) {
  if (!profile) return [...Array(16).keys()];
  if (!roleProfiles.has(profile)) return [0, 1, 2, 12];
  return { deploy: [0, 1, 2], task: [0, 4, 12], instance: [0, 8] }[profile] ?? [0];
}

function* cases(dir, url) {
  const base = { PATH: process.env.PATH, HOME: dir, AWS_CONFIG_FILE: path.join(dir, 'config'), JUDGE_STS: url,
    AWS_SHARED_CREDENTIALS_FILE: path.join(dir, 'credentials'), AWS_REGION: 'us-east-1', AWS_DEFAULT_REGION: 'us-east-1',
    AWS_ENDPOINT_URL_STS: url, AWS_EC2_METADATA_SERVICE_ENDPOINT: `${url}/` };
  const places = [
    { AWS_ACCESS_KEY_ID: 'AKIAENVIRONMENTKEY', AWS_SECRET_ACCESS_KEY: 's' },
    { AWS_WEB_IDENTITY_TOKEN_FILE: path.join(dir, 'token'), AWS_ROLE_ARN: 'arn:aws:iam::123456789012:role/pod' },
    { AWS_CONTAINER_CREDENTIALS_FULL_URI: `${url}/container` },
    { AWS_EC2_METADATA_DISABLED: 'true' },
  ];
  for (const profile of profiles)
    for (const choice of choices(profile))
      yield Object.assign({}, base, profile && { AWS_PROFILE: profile }, ...places.filter((_, i) => choice & 1 << i));
}

const short = (text) => text.split(' ')[0];

// The one difference, on purpose: we follow the guide's table and the SDKs for Java and Go, where a web identity comes
// before the files. botocore looks at a profile's role first.
const onPurpose = (env) => env.AWS_WEB_IDENTITY_TOKEN_FILE && !env.AWS_ACCESS_KEY_ID && roleProfiles.has(env.AWS_PROFILE);
// botocore reads the chosen profile before it looks anywhere, so one that is missing stops it even beside other keys.
const unread = (env) => env.AWS_PROFILE === 'unheardof' && (env.AWS_ACCESS_KEY_ID || env.AWS_WEB_IDENTITY_TOKEN_FILE);

test('botocore finds the same credentials in every mixture of places', { skip }, async () => {
  const dir = await mkdtemp(path.join(tmpdir(), 'fluxabot-credentials-'));
  const hosts = await startHosts();
  const other = spawn('python3', [judge], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = readline.createInterface({ input: other.stdout })[Symbol.asyncIterator]();
  let compared = 0, apart = 0;
  try {
    await writeFile(path.join(dir, 'config'), config.replace('TOKEN', path.join(dir, 'token')));
    await writeFile(path.join(dir, 'credentials'), credentials);
    await writeFile(path.join(dir, 'token'), 'header.payload.signature');
    for (const env of cases(dir, hosts.url)) {
      other.stdin.write(`${JSON.stringify(env)}\n`);
      const [theirs, ours] = (await Promise.all([lines.next(), run(probe, [], { env })])).map((said) => said.value ?? said.stdout.trim());
      const where = `${env.AWS_PROFILE} ${Object.keys(env).filter((name) => /KEY_ID|TOKEN_FILE|FULL_URI|DISABLED/.test(name))}: ${ours} / ${theirs}`;
      if (onPurpose(env)) assert.equal(ours, 'ASIApod', where), apart++;
      else if (unread(env)) assert.equal(short(theirs), 'error', where), apart++;
      else assert.equal(short(ours), short(theirs), where), compared++;
    }
  } finally {
    other.stdin.end();
    hosts.server.closeAllConnections();
    hosts.server.close();
    await rm(dir, { recursive: true });
  }
  console.log(`botocore ${importable.stdout.trim()}: ${compared} mixtures alike, ${apart} apart on purpose`);
  assert.ok(compared > 45);
});
