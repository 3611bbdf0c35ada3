// redis.test.mjs - F13: Redis gone, wiped, back, or in the hands of somebody else; alarms and commands go on.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { createSign } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { Stack } from '../support/stack.mjs';
import { answerTo, freshWorld, redis, restart, sql } from '../support/cases.mjs';
import { alarmMessage, certificateUrl, envelope, sendSns, stringToSign } from '../support/senders.mjs';

let stack;
before(async () => {
  stack = await Stack.start();
  await freshWorld(stack, { DBConnectionError: 1 });
});
after(() => stack?.stop());

const incidents = async (name) => (await sql(stack, `SELECT count(*) AS n FROM incidents WHERE key LIKE '%:alarm:${name}'`))[0].n;
const changes = async () => (await stack.log()).map((line) => line.event).filter((event) => /^state\.(lost|back)$/.test(event));
const certificateKey = () => `fluxabot:default:v:sns-certificate:${certificateUrl(stack)}`;

async function alarmAndCommand(name) {
  await stack.alarm(name, 'ALARM');
  await stack.until(async () => (await incidents(name)) === 1, `${name} to be an incident`);
  await answerTo(stack, '/fluxa dlq');
}

async function awaitCertificate() {
  await stack.until(async () => (await redis(stack, 'EXISTS', certificateKey())) === '1', 'the certificate to be in Redis');
}

test('a kill of Redis is told once, loses nothing, and its return is noticed', async () => {
  await alarmAndCommand('fluxa-with-redis');
  await awaitCertificate();
  const pid = path.join(stack.dir, 'redis.pid');
  process.kill(Number(await readFile(pid, 'utf8')), 'SIGKILL');
  await alarmAndCommand('fluxa-without-redis');
  assert.equal((await fetch(`${stack.admin}/readyz`)).status, 200);
  await stack.until(async () => (await changes()).at(-1) === 'state.lost', 'the log to tell');
  const away = await changes();
  await alarmAndCommand('fluxa-still-without');

  const again = spawn('redis-server', [path.join(stack.dir, 'secrets/redis.conf')], { stdio: 'ignore', detached: true });
  await writeFile(pid, String(again.pid));
  again.unref();
  await stack.until(async () => (await changes()).length > away.length, 'Redis to be found again');
  assert.deepEqual((await changes()).slice(0, away.length + 1), [...away, 'state.back'], 'one word for all that was asked in vain');
  await alarmAndCommand('fluxa-redis-again');
  // a busy machine may keep even a Redis that lives from answering in time, which is told as well, in turns
  assert.ok((await changes()).every((event, i) => event === (i % 2 === 0 ? 'state.lost' : 'state.back')), `${await changes()}`);
});

test('an alarm that is signed with a certificate planted in Redis is not believed', async () => {
  const [key, pem] = ['planted.key', 'planted.pem'].map((name) => path.join(stack.dir, name));
  await promisify(execFile)('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=sns.amazonaws.com', '-keyout', key, '-out', pem]);
  const made = envelope(stack, { Message: alarmMessage('fluxa-planted', 'ALARM') });
  made.Signature = createSign('RSA-SHA256').update(stringToSign(made)).sign(await readFile(key, 'utf8'), 'base64');
  await restart(stack, 'SIGTERM'); // or reception knows the true one for a minute, and refuses at once
  await redis(stack, 'SET', certificateKey(), await readFile(pem, 'utf8'));
  assert.equal((await sendSns(stack, made)).status, 200, 'reception cannot know yet');
  await alarmAndCommand('fluxa-after-planted');
  await stack.until(async () => (await sql(stack, "SELECT count(*) AS n FROM audit WHERE action = 'sns.refused'"))[0].n === 1, 'the forgery to be refused');
  assert.equal(await incidents('fluxa-planted'), 0);
});

test('a Redis that forgets all the time only makes work', async () => {
  let wiping = true;
  const wiper = (async () => { while (wiping) await redis(stack, 'FLUSHALL'); })();
  for (let i = 0; i < 2; i++) await alarmAndCommand(`fluxa-wiped-${i}`);
  wiping = false;
  await wiper;
  assert.deepEqual(await sql(stack, 'SELECT subject, last_error FROM jobs WHERE state = 3'), []);
});

test('the password of Redis is said nowhere', async () => {
  const password = (await readFile(path.join(stack.dir, 'secrets/redis_password'), 'utf8')).trim();
  const places = [await readFile(path.join(stack.dir, 'fluxabot.log'), 'utf8'), await stack.metrics(), JSON.stringify(await stack.messages())];
  for (const text of places) assert.ok(!text.includes(password));
});
