// main_job.test.mjs - the main job from the alarm to the closed incident, and an orderly stop at its end.
//
// Run against any build: with a sanitizer in it, whatever it has to complain about fails the test.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { Stack } from '../support/stack.mjs';

let stack;

before(async () => {
  stack = await Stack.start();
});
after(() => stack?.stop());

test('an alarm, several questions at once, a redrive, and the end of the alarm', async () => {
  await Promise.all([
    stack.alarm('fluxa-dlq-depth-dev', 'ALARM'),
    stack.alarm('fluxa-ingest-errors-dev', 'ALARM'),
    stack.alarm('somebody-elses-alarm', 'ALARM'),
    stack.command('requester', '/fluxa alarms'),
    stack.command('approver', '/fluxa help'),
    stack.command('requester', '/fluxa dlq clasify'),
  ]);
  await stack.until(() => stack.card(/fluxa-dlq-depth-dev/), 'the alarm card');
  await stack.until(() => stack.card(/somebody-elses-alarm/), 'the card of an alarm that nobody described');
  const ending = await stack.approvedRedrive();
  assert.match(ending.text, /60 of 60 messages moved/);
  assert.equal((await stack.effects('SendMessage')).length, 60);
  assert.equal((await stack.effects('DeleteMessage')).length, 60);

  await stack.alarm('fluxa-dlq-depth-dev', 'OK');
  await stack.until(() => stack.card(/Resolved: .*fluxa-dlq-depth-dev/), 'the closed incident');
});

test('it stops within its time, with exit code 0 and nothing on its conscience', async () => {
  const began = Date.now();
  assert.deepEqual(await stack.killBot('SIGTERM'), { code: 0, signal: null });
  assert.ok(Date.now() - began < 25000);
  const text = await readFile(path.join(stack.dir, 'fluxabot.log'), 'utf8');
  const strange = text.split('\n').filter((line) => line !== '' && !line.startsWith('{'));
  assert.deepEqual(strange, []);
});
