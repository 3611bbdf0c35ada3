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
  const alarm = await stack.until(() => stack.card(/High: fluxa-dlq-depth-dev.*safe to retry/s), 'the diagnosis on the alarm card');
  await stack.until(() => stack.card(/somebody-elses-alarm/), 'the card of an alarm that nobody described');
  const known = new Set((await stack.messages()).map((message) => message.ts));
  const button = alarm.blocks.flatMap(({ elements = [] }) => elements).find(({ text }) => /^Redrive/.test(text?.text));
  await stack.click('requester', alarm, button.action_id);
  const asked = await stack.until(async () => (await stack.messages()).find((message) => !known.has(message.ts) && /^Approval needed/.test(message.text)), 'the question', 60000);
  await stack.click('approver', asked, 'approve');
  const ending = await stack.ending(asked);
  assert.match(ending.text, /60 of 60 messages moved/);
  assert.equal((await stack.effects('SendMessage')).length, 60);
  assert.equal((await stack.effects('DeleteMessage')).length, 60);

  await stack.alarm('fluxa-dlq-depth-dev', 'OK');
  const closed = await stack.until(() => stack.card(/Resolved: .*fluxa-dlq-depth-dev/), 'the closed incident');
  assert.match(JSON.stringify(closed), /dlq redrive: All moved messages.*Asked by .*U0ANNA0001.*approved by .*U0BOLIND02/s, 'who did what stands on the card');
});

test('it stops within its time, with exit code 0 and nothing on its conscience', async () => {
  const began = Date.now();
  assert.deepEqual(await stack.killBot('SIGTERM'), { code: 0, signal: null });
  assert.ok(Date.now() - began < 25000);
  const text = await readFile(path.join(stack.dir, 'fluxabot.log'), 'utf8');
  const strange = text.split('\n').filter((line) => line !== '' && !line.startsWith('{'));
  assert.deepEqual(strange, []);
});
