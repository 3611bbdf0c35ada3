// files.test.mjs - a picture follows its card: whatever fails on its way, the card stands, texts do not wait for it, and
// it is there once; or twice, and then the second says so.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { Stack } from '../support/stack.mjs';
import { answerTo, atRest, freshWorld } from '../support/cases.mjs';

const calls = ['files.getUploadURLExternal', 'upload', 'files.completeUploadExternal'];
const scopes = ['commands', 'chat:write', 'files:write', 'users:read', 'usergroups:read', 'channels:read', 'app_mentions:read'];
const minutes = (count, value) => Array.from({ length: count }, () => value);
const world = { metrics: [{ namespace: 'AWS/Lambda', name: 'Errors', dimensions: { FunctionName: 'fluxa-processor' }, values: minutes(120, 2) }] };

const replies = async (stack, card) => (await stack.message(card.ts)).replies ?? [];
const files = async (stack, card) => (await replies(stack, card)).flatMap((reply) => reply.files ?? []);
const notes = async (stack, card) => (await replies(stack, card)).filter((reply) => !reply.files).map((reply) => reply.text);
const bytesOf = async (stack, file) => Buffer.from(await (await fetch(`${stack.page}/slack/files/${file.id}`)).arrayBuffer());

async function pictures(stack, card, count = 1) {
  return stack.until(async () => {
    const found = await files(stack, card);
    return found.length >= count && found;
  }, `${count} pictures below ${card.text}`);
}

// What is left when nothing more comes by itself.
async function settled(stack, card) {
  await atRest(stack);
  return files(stack, card);
}

async function isPicture(stack, file) {
  const bytes = await bytesOf(stack, file);
  assert.equal(bytes.subarray(0, 8).toString('latin1'), '\x89PNG\r\n\x1a\n');
  assert.deepEqual([bytes.readUInt32BE(16), bytes.readUInt32BE(20)], [800, 360]);
  assert.equal(file.mimetype, 'image/png');
  assert.equal(file.size, bytes.length);
}

// Slack takes one message a second in a channel, so three stacks work side by side.
function onItsOwn(name, tests) {
  describe(name, { concurrency: 1 }, () => {
    let stack;
    before(async () => {
      stack = await Stack.start();
    });
    after(() => stack?.stop());
    beforeEach(async () => {
      await stack.post('slack/options', { scopes });
      await freshWorld(stack, {}, world);
    });
    for (const [title, work] of Object.entries(tests)) test(title, () => work(stack));
  });
}

describe('a picture on its way', { concurrency: true }, () => {
  onItsOwn('a picture and its card', {
    'it comes into the thread of its card, with the data in words': async (stack) => {
      const card = await answerTo(stack, '/fluxa metrics');
      const [file] = await pictures(stack, card);
      assert.equal(file.title, 'Errors of the processor');
      assert.match(file.alt_txt, /^Errors of the processor, \d{4}-\d\d-\d\d \d\d:\d\d to .* UTC: last [\d.]+ %, between [\d.]+ and [\d.]+ %.*; threshold 1 %$/);
      assert.match(file.name, /^metrics-[0-9a-z]+\.png$/);
      await isPicture(stack, file);
      assert.equal((await settled(stack, card)).length, 1);
      assert.deepEqual(await notes(stack, card), []);
    },
    'without the scope the card stands, and the thread says it once until it works again': async (stack) => {
      const refuse = () => stack.post('slack/options', { scopes: scopes.filter((one) => one !== 'files:write') });
      await refuse();
      const first = await answerTo(stack, '/fluxa metrics');
      assert.match(JSON.stringify(first.blocks), /Processor errors/);
      await stack.until(async () => (await notes(stack, first)).length === 1, 'the note');
      assert.match((await notes(stack, first))[0], /"?Errors of the processor"? could not be sent: .*lacks the scope files:write.*add it under OAuth.*The card is complete without it/s);
      const second = await answerTo(stack, '/fluxa metrics');
      assert.deepEqual([await settled(stack, second), await notes(stack, second)], [[], []]);
      await stack.post('slack/options', { scopes });
      const third = await answerTo(stack, '/fluxa metrics');
      assert.equal((await pictures(stack, third)).length, 1);
      await atRest(stack);
      await refuse();
      const fourth = await answerTo(stack, '/fluxa metrics');
      await stack.until(async () => (await notes(stack, fourth)).length === 1, 'the note once more');
      for (const card of [first, second, third, fourth]) assert.equal((await stack.message(card.ts)).edited ?? false, false, 'the card was not touched');
    },
    'the card of an alarm gets its metric, with threshold and moment': async (stack) => {
      await stack.alarm('fluxa-dlq-depth-dev', 'ALARM');
      const card = await stack.until(() => stack.card(/fluxa-dlq-depth-dev/), 'the card');
      const [file] = await pictures(stack, card);
      assert.match(file.title, /^ApproximateNumberOfMessagesVisible \(Maximum\)$/);
      assert.match(file.alt_txt, /; threshold [\d.]+; alarm at \d{4}-/);
      await isPicture(stack, file);
      assert.equal((await settled(stack, card)).length, 1);
      await stack.alarm('fluxa-processor-error-rate-dev', 'ALARM');
      const formula = await stack.until(() => stack.card(/fluxa-processor-error-rate-dev/), 'the card of a formula');
      const [rate] = await pictures(stack, formula);
      assert.equal(rate.title, 'Error rate (%)');
      assert.match(rate.alt_txt, /between [\d.]+ and [\d.]+.*; threshold 5; alarm at \d{4}-/);
    },
    'an alarm whose metric may not be read has its card, and no picture': async (stack) => {
      await stack.fault('cloudwatch:GetMetricData', 'denied', { rate: 1 });
      await stack.alarm('fluxa-processor-throttles-dev', 'ALARM');
      const card = await stack.until(() => stack.card(/fluxa-processor-throttles-dev/), 'the card');
      await stack.until(async () => (await stack.log()).some(({ event }) => event === 'alarm.no_picture'), 'the log to say why');
      assert.deepEqual((await settled(stack, card)).length, 0);
    },
    'texts do not wait for a file that hangs': async (stack) => {
      await stack.fault('slack:upload', 'held');
      const card = await answerTo(stack, '/fluxa metrics');
      const next = await answerTo(stack, '/fluxa queue');
      assert.deepEqual(await files(stack, card), []);
      assert.ok(next.ts > card.ts);
      await stack.post('fault', { clear: true });
      await pictures(stack, card);
    },
  });

  onItsOwn('calls that are refused, and a death in between', {
    'a 429 of any of the three calls delays it and nothing else': async (stack) => {
      for (const call of calls) {
        await stack.fault(`slack:${call}`, '429');
        const card = await answerTo(stack, '/fluxa metrics');
        await isPicture(stack, (await pictures(stack, card))[0]);
        const all = await settled(stack, card);
        assert.deepEqual(all.map(({ title }) => title), ['Errors of the processor'], call);
      }
    },
    'a kill between any two of the calls': async (stack) => {
      for (const call of calls) {
        await stack.fault(`slack:${call}`, 'held');
        const card = await answerTo(stack, '/fluxa metrics');
        await stack.until(async () => (await stack.sql("SELECT count(*) AS n FROM outbox WHERE kind = 4 AND state = 1"))[0].n === 1, 'the picture to be on its way');
        await stack.killBot();
        await stack.post('fault', { clear: true });
        await stack.startBot();
        await pictures(stack, card);
        const titles = (await settled(stack, card)).map(({ title }) => title);
        assert.ok(titles.length <= 2 && titles.filter((title) => title === 'Errors of the processor').length <= 1, `${call}: ${titles}`);
        assert.ok(titles.every((title) => /^Errors of the processor( \(perhaps here already\))?$/.test(title)), `${call}: ${titles}`);
        assert.equal((await stack.messages()).filter((message) => message.text === card.text && message.ts >= card.ts).length, 1, 'one card');
      }
    },
  });

  onItsOwn('calls that are not answered', {
    'a call that fails before anything is shown is made again, and leaves no doubt': async (stack) => {
      for (const [call, kind] of [[calls[0], 'timeout_after'], [calls[0], '5xx'], [calls[1], 'timeout_before'], [calls[1], 'timeout_after'], [calls[1], '5xx']]) {
        await stack.fault(`slack:${call}`, kind);
        const card = await answerTo(stack, '/fluxa metrics');
        assert.deepEqual((await pictures(stack, card)).map(({ title }) => title), ['Errors of the processor'], `${kind} of ${call}`);
        assert.equal((await settled(stack, card)).length, 1, `${kind} of ${call}`);
      }
    },
    'a lost answer of the last call: found in the thread where the token may look': async (stack) => {
      await stack.post('slack/options', { scopes: [...scopes, 'channels:history'] });
      await stack.fault(`slack:${calls[2]}`, 'timeout_after');
      const card = await answerTo(stack, '/fluxa metrics');
      await pictures(stack, card);
      assert.deepEqual((await settled(stack, card)).map(({ title }) => title), ['Errors of the processor']);
    },
    'a lost answer of the last call: else the repetition says that it may be one': async (stack) => {
      await stack.fault(`slack:${calls[2]}`, 'timeout_after');
      const card = await answerTo(stack, '/fluxa metrics');
      await pictures(stack, card, 2);
      assert.deepEqual((await settled(stack, card)).map(({ title }) => title), ['Errors of the processor', 'Errors of the processor (perhaps here already)']);
    },
  });
});
