// doctor.test.mjs - `fluxabot doctor`: all is well, and then each thing broken in turn; it says which, and what to do.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFile, mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { Stack, build } from '../support/stack.mjs';
import { ownRunbooks, postgres } from '../support/cases.mjs';

const run = promisify(execFile);
const queue = 'arn:aws:sqs:us-east-1:123456789012:';
let stack, healthy, policy;

async function fluxabot(...args) {
  const env = { ...process.env, ...(await stack.environment()) };
  return run(path.join(build, 'fluxabot'), [...args, '--config', stack.config], { env }).then(({ stdout, stderr }) => ({ code: 0, stdout, stderr }), ({ code, stdout, stderr }) => ({ code, stdout, stderr }));
}

async function doctor() {
  const { code, stdout, stderr } = await fluxabot('doctor', '--json');
  const lines = JSON.parse(stdout || '[]');
  assert.equal(code, lines.some(({ state }) => state === 'wrong') ? 1 : 0, `the exit code says it: ${stdout}${stderr}`);
  return lines;
}
const shown = (lines) => JSON.stringify(lines, null, 1);

// A line of this check, in this state, that says this, with something to do.
function told(lines, check, state, pattern) {
  const line = lines.find((one) => one.check === check && one.state === state && pattern.test(one.what));
  assert.ok(line, `${check} ${state} ${pattern} among ${shown(lines)}`);
  if (state !== 'ok') assert.ok(line.do?.length > 5, `what to do: ${shown(line)}`);
}

async function broken(change, back, ...wanted) {
  await change();
  const lines = await doctor().finally(back);
  for (const [check, state, pattern] of wanted) told(lines, check, state, pattern);
  return lines;
}
const configured = (change) => [() => writeFile(stack.config, change(healthy)), () => writeFile(stack.config, healthy)];
const options = (set, back) => [() => stack.post('slack/options', set), () => stack.post('slack/options', back)];
const role = (inline) => stack.world({ roles: [{ name: 'fluxabot', inline: { all: inline } }] });

async function certificate(name, ...more) {
  const file = (kind) => path.join(stack.dir, `${name}.${kind}`);
  await run('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', file('key'), '-out', file('pem'), '-subj', '/CN=bot', ...more]);
  return (text) => text.replace(/tls: \{.*\}/, `tls: { certificate: "${file('pem')}", key: { file: "${file('key')}" } }`);
}

// Only `openssl ca` makes one for a time of our own choice.
async function datedCertificate(...when) {
  const dir = path.join(stack.dir, `ca${when[1]}`), file = (name) => path.join(dir, name);
  await mkdir(dir);
  await writeFile(file('index'), '');
  await writeFile(file('ca.cnf'), `[ca]\ndefault_ca=one\n[one]\ndir=${dir}\ndatabase=${dir}/index\nnew_certs_dir=${dir}\nrand_serial=yes\ndefault_md=sha256\npolicy=any\nx509_extensions=ext\n[any]\ncommonName=supplied\n[ext]\nsubjectAltName=DNS:bot.example.com\n`);
  await run('openssl', ['req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', file('key'), '-out', file('csr'), '-subj', '/CN=bot']);
  await run('openssl', ['ca', '-batch', '-notext', '-selfsign', '-config', file('ca.cnf'), '-keyfile', file('key'), '-in', file('csr'), '-out', file('pem'), ...when]);
  return (text) => text.replace(/tls: \{.*\}/, `tls: { certificate: "${file('pem')}", key: { file: "${file('key')}" } }`);
}

before(async () => {
  stack = await Stack.start({
    edit: async (one) => {
      const system = path.join(await ownRunbooks(one), 'system.yaml');
      await writeFile(system, (await readFile(system, 'utf8')).replace(/^databases:\n/m, '$&  cache: { kind: redis }\n'));
      await writeFile(path.join(one.dir, 'secrets/cache'), one.redis.replace('redis://', `redis://:${(await readFile(path.join(one.dir, 'secrets/redis_password'), 'utf8')).trim()}@`), { mode: 0o600 });
      await one.edit((text) => text.replace(/^( *)databases:\n/m, `$&$1  cache: { file: "${one.dir}/secrets/cache" }\n`));
    },
  });
  healthy = await readFile(stack.config, 'utf8');
  policy = JSON.parse((await fluxabot('iam')).stdout);
  await role(policy);
  await stack.alarm('fluxa-dlq-depth-dev', 'ALARM');
  await stack.until(() => stack.card(/is in alarm/), 'the bot at work');
});
after(() => stack?.stop());

test('where all is well it says so of each thing, beside the running bot, and says no secret', async () => {
  const before = await stack.effects();
  const lines = await doctor();
  assert.deepEqual(lines.filter(({ state }) => state === 'wrong'), [], shown(lines));
  for (const check of ['configuration', 'slack.secret', 'tls.time', 'tls.name', 'tls.chain', 'store.disk', 'store', 'store.standby', 'redis', 'clock', 'slack.token', 'slack.scopes', 'slack.channel', 'aws.identity', 'aws.rights', 'database.events', 'database.events_owner', 'database.cache', 'pagerduty']) told(lines, check, 'ok', /./);
  const text = await fluxabot('doctor');
  assert.match(text.stdout, /^ok {5}configuration {4}\d+ commands of 1 systems\n/);
  for (const name of await readdir(path.join(stack.dir, 'secrets')))
    for (const secret of (await readFile(path.join(stack.dir, 'secrets', name), 'utf8')).split(/\s+/).filter((word) => word.length > 12 && !/^\w+:\/\/[^:@]*@127/.test(word) && /[0-9a-f]{16}|xox|:[^/]/.test(word)))
      assert.ok(!text.stdout.includes(secret) && !shown(lines).includes(secret), `${name} is said`);
  assert.deepEqual((await stack.effects()).slice(before.length), [], 'nothing was changed');
});

test('a configuration that is wrong is told line by line', async () => {
  await broken(...configured((text) => text.replace('admin:', 'admim:')), ['configuration', 'wrong', /fluxabot\.yaml:\d+: admim/]);
  assert.match((await fluxabot('doctor')).stdout, /^ok/);
});

test('a certificate that ended, begins later, is for no name, has another key, or leads nowhere', async () => {
  const from = (days) => ['-days', String(days)];
  await broken(...configured(await certificate('short', ...from(3), '-addext', 'subjectAltName=DNS:bot.example.com')), ['tls.time', 'look', /ends in 2 days/], ['tls.name', 'ok', /bot\.example\.com/], ['tls.chain', 'wrong', /self.signed/]);
  await broken(...configured(await certificate('nameless', ...from(30))), ['tls.name', 'wrong', /no name at all/]);
  const name = await certificate('mine', ...from(30), '-addext', 'subjectAltName=DNS:bot.example.com');
  await certificate('yours', ...from(30));
  await broken(...configured((text) => name(text).replace('mine.key', 'yours.key')), ['tls.key', 'wrong', /is not the key/]);
  await broken(...configured((text) => name(text).replace(/certificate: "[^"]*"/, `certificate: "${stack.dir}/mine.key"`)), ['tls', 'wrong', /no PEM certificate/]);
  for (const [when, pattern] of [[['-startdate', '20200101000000Z', '-enddate', '20200201000000Z'], /ended at 2020-02-01T/], [['-startdate', '20900101000000Z', '-enddate', '20910101000000Z'], /begins at 2090-01-01T/]]) {
    await broken(...configured(await datedCertificate(...when)), ['tls.time', 'wrong', pattern]);
  }
});

test('Slack: a token that is refused, of another workspace, without scopes, a channel that is none, a clock that is off', async () => {
  await broken(...options({ token_revoked: true }, { token_revoked: false }), ['slack.token', 'wrong', /token_revoked/]);
  await broken(...configured((text) => text.replace('[T0FLUXA0001]', '[T0OTHER0001]')), ['slack.token', 'wrong', /T0FLUXA0001/]);
  const all = ['commands', 'chat:write', 'users:read', 'usergroups:read', 'channels:read', 'channels:history', 'groups:read', 'groups:history', 'files:write', 'reactions:write'];
  await broken(...options({ scopes: ['chat:write', 'users:read', 'channels:read'] }, { scopes: all }), ['slack.scopes', 'wrong', /lacks commands/], ['slack.scopes', 'wrong', /lacks usergroups:read/], ['slack.scopes', 'look', /lacks channels:history/]);
  for (const [flag, pattern] of [[{ is_member: false }, /not in C0FLUXA0001/], [{ is_archived: true }, /archived/], [{ is_ext_shared: true }, /another organisation/]]) {
    const back = Object.fromEntries(Object.entries(flag).map(([name, value]) => [name, !value]));
    await broken(...options({ channels: { C0FLUXA0001: flag } }, { channels: { C0FLUXA0001: back } }), ['slack.channel', 'wrong', pattern]);
  }
  await broken(...configured((text) => text.replace(/channel: C0FLUXA0001/, 'channel: C0NOWHERE01')), ['slack.channel', 'wrong', /C0NOWHERE01/]);
  await broken(...options({ clock_off_ms: 90000 }, { clock_off_ms: 0 }), ['clock', 'wrong', /(89|90) s behind Slack's/]);
  await broken(...options({ clock_off_ms: -90000 }, { clock_off_ms: 0 }), ['clock', 'wrong', /(90|91) s ahead of Slack's/]);
  await broken(...configured((text) => text.replace(/api_url: "[^"]*"/, 'api_url: "http://127.0.0.1:1/api"')), ['slack.reach', 'wrong', /./]);
});

test('AWS: nobody, another account, a command that may not do what it does, rights that cannot be known', async () => {
  const env = path.join(stack.dir, 'env'), given = await readFile(env, 'utf8');
  await broken(() => writeFile(env, given.replace(/AWS_SHARED_CREDENTIALS_FILE=.*/, 'AWS_SHARED_CREDENTIALS_FILE=/dev/null\nAWS_EC2_METADATA_DISABLED=true')), () => writeFile(env, given), ['aws.identity', 'wrong', /fluxa \(dev\)/]);
  await broken(...configured((text) => text.replaceAll(`${queue}Fluxa`, 'arn:aws:sqs:us-east-1:999999999999:Fluxa')), ['aws.identity', 'wrong', /user\/fluxabot, but the queues are in the account 999999999999/]);
  const less = structuredClone(policy);
  for (const statement of less.Statement) statement.Action = statement.Action.filter((action) => action !== 'cloudtrail:LookupEvents' && action !== 'sqs:SendMessage');
  const lines = await broken(() => role(less), () => role(policy), ['aws.rights', 'wrong', /deploys may not cloudtrail:LookupEvents/], ['aws.rights', 'wrong', /dlq redrive may not sqs:SendMessage/]);
  assert.ok(!lines.some(({ check, what }) => check === 'aws.rights' && / dlq inspect may not/.test(what)), 'others may');
  await broken(() => stack.fault('iam:SimulatePrincipalPolicy', 'denied', { rate: 1 }), () => stack.post('fault', { clear: true }), ['aws.rights', 'look', /not known.*SimulatePrincipalPolicy/]);
  await broken(() => stack.fault('sts:GetCallerIdentity', 'denied', { rate: 1 }), () => stack.post('fault', { clear: true }), ['aws.identity', 'wrong', /GetCallerIdentity/]);
  await broken(async () => { await configured((text) => text.replace(/^( *)databases:\n/m, '$1role_arn: "arn:aws:iam::123456789012:role/fluxabot"\n$&'))[0](); await stack.fault('sts:AssumeRole', 'denied', { rate: 1 }); }, async () => { await writeFile(stack.config, healthy); await stack.post('fault', { clear: true }); }, ['aws.identity', 'wrong', /role\/fluxabot could not be assumed/]);
});

test('the store: no folder, no database, somebody else\'s file, a PostgreSQL that is away', async () => {
  await broken(...configured((text) => text.replace(/sqlite:\/\/[^"]*/, 'sqlite:///nowhere/x.db')), ['store.disk', 'wrong', /\/nowhere/]);
  await broken(...configured((text) => text.replace(/sqlite:\/\/[^"]*/, `sqlite://${stack.dir}/new.db`)), ['store', 'ok', /made by the first start/]);
  assert.ok(!(await readdir(stack.dir)).includes('new.db'), 'and not by this one');
  await writeFile(path.join(stack.dir, 'text.db'), 'this is a text of somebody else, and it is longer than the header of a database would be: '.repeat(9));
  await broken(...configured((text) => text.replace(/sqlite:\/\/[^"]*/, `sqlite://${stack.dir}/text.db`)), ['store', 'wrong', /no SQLite database/]);
  await broken(...configured((text) => `${text.replace(/sqlite:[^"]*/, 'postgresql://bot@/fluxabot?host=/nowhere')}audit: { key: { file: /nowhere/key }, anchor: { file: /nowhere/anchors } }\n`), ['store', 'wrong', /PostgreSQL cannot be reached/]);
});

test('Redis and the databases: away, the wrong password, no connection left, none configured', async () => {
  const file = path.join(stack.dir, 'secrets/cache'), url = await readFile(file, 'utf8');
  await broken(...configured((text) => text.replace(/state: \{.*\}/, 'state: { url: "redis://127.0.0.1:1/0" }')), ['redis', 'wrong', /127\.0\.0\.1:1/]);
  await broken(...configured((text) => text.replace(/(state: \{[^{]*\{ file: )"[^"]*"/, `$1"${stack.dir}/secrets/bot_token"`)), ['redis', 'wrong', /refuses the user or the password|password/]);
  await broken(...configured((text) => text.replace(/state: \{.*\}/, 'state: { url: "memory:" }')), ['redis', 'ok', /none is used/]);
  await broken(() => writeFile(file, url.replace(/:[0-9a-f]+@/, ':wrong@')), () => writeFile(file, url), ['database.cache', 'wrong', /user and password/]);
  await broken(() => postgres(stack, 'ALTER ROLE fluxabot_ro CONNECTION LIMIT 0'), () => postgres(stack, 'ALTER ROLE fluxabot_ro CONNECTION LIMIT -1'), ['database.events', 'wrong', /too many connections/]);
  await broken(...configured((text) => text.replace(/ +events_owner: .*\n/, '')), ['database.events_owner', 'look', /has none/]);
});

test('PagerDuty: no key, half a key, nobody there', async () => {
  await broken(...configured((text) => text.replace(/ +routing_key: .*\n/, '')), ['pagerduty', 'look', /nobody is paged/]);
  await copyFile(path.join(stack.dir, 'secrets/bot_token'), path.join(stack.dir, 'secrets/half'));
  await broken(...configured((text) => text.replace(/routing_key: .*/, `routing_key: { file: "${stack.dir}/secrets/half" }`)), ['pagerduty', 'wrong', /characters, not 32/]);
  await broken(...configured((text) => text.replace(/events_url: "[^"]*"/, 'events_url: "http://127.0.0.1:1/"')), ['pagerduty.reach', 'wrong', /./]);
});

test('a topic that was never confirmed is told, and one that was', async () => {
  told(await doctor(), 'sns', 'look', /no subscription of arn:aws:sns:us-east-1:123456789012:fluxa-alarms was ever confirmed/);
  await stack.world({ sns: { confirm: true } });
  await stack.until(async () => (await stack.effects('ConfirmSubscription')).length > 0 && (await stack.card(/Alarms are connected/)), 'the confirmation');
  told(await doctor(), 'sns', 'ok', /fluxa-alarms was confirmed at 20/);
});
