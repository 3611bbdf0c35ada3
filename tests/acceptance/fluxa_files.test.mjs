// fluxa_files.test.mjs - what follows a card into its thread: the picture of F-17 and the table of F-39.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Stack } from '../support/stack.mjs';
import { answerTo, atRest, freshWorld, postgres } from '../support/cases.mjs';
import { includes } from './cards.mjs';

const scopes = ['commands', 'chat:write', 'files:write', 'users:read', 'usergroups:read', 'channels:read', 'app_mentions:read'];
const errors = (...values) => ({ namespace: 'AWS/Lambda', name: 'Errors', dimensions: { FunctionName: 'fluxa-processor' }, values });

// Of RFC 4180, with the quotes as they are meant.
function readCsv(text) {
  return text.split('\r\n').slice(0, -1).map((line) => {
    assert.match(line, /^("([^"]|"")*"(,|$))+$/, `a line of the table: ${line}`);
    return [...line.matchAll(/"((?:[^"]|"")*)"/g)].map(([, cell]) => cell.replaceAll('""', '"'));
  });
}

describe('files below a card', { concurrency: 1 }, () => {
  let stack;
  before(async () => {
    stack = await Stack.start();
  });
  after(() => stack?.stop());

  const replies = async (card) => (await stack.message(card.ts)).replies ?? [];
  const files = async (card) => {
    await atRest(stack);
    return (await replies(card)).flatMap((reply) => reply.files ?? []);
  };

  test('F-17 draws the error rate of the processor with its limit, and nothing where nothing was measured', async () => {
    await freshWorld(stack, {}, { metrics: [errors(...Array.from({ length: 120 }, () => 6))] });
    const card = await answerTo(stack, '/fluxa metrics 30m');
    const [file, ...more] = await files(card);
    assert.equal(more.length, 0);
    assert.equal(file.title, 'Errors of the processor');
    assert.match(file.alt_txt, /^Errors of the processor, .* UTC: last 2.5 %, between 2.5 and 2.5 %; threshold 1 %$/);
    includes(card, /Processor errors\*\n`▁+` last 2.5 %/); // the card says it without the picture
    await freshWorld(stack, {}, { metrics: [errors(null)] });
    const none = await answerTo(stack, '/fluxa metrics');
    includes(none, /Processor errors\*\nno data/);
    assert.deepEqual([await files(none), await replies(none)], [[], []]);
    await stack.fault('cloudwatch:GetMetricData', 'denied', { rate: 1 });
    const denied = await answerTo(stack, '/fluxa metrics');
    includes(denied, /cloudwatch:GetMetricData/);
    assert.deepEqual(await files(denied), []);
  });

  test('F-39 hands over all rows that were read, the named columns alone, and no formula among them', async () => {
    await freshWorld(stack, {});
    await postgres(stack, `TRUNCATE idempotency_keys;
      INSERT INTO idempotency_keys SELECT 'evt-' || n, 'failed', n, 'Timeout', now() - n * interval '1 min' FROM generate_series(1, 30) n;
      UPDATE idempotency_keys SET error_reason = '=HYPERLINK("http://evil.example","click")' WHERE event_id = 'evt-1';
      UPDATE idempotency_keys SET error_reason = '  @SUM(1+1)' WHERE event_id = 'evt-2';
      UPDATE idempotency_keys SET error_reason = '-2+3' WHERE event_id = 'evt-3';
      UPDATE idempotency_keys SET error_reason = 'said "no", twice' WHERE event_id = 'evt-4';
      UPDATE idempotency_keys SET error_reason = NULL WHERE event_id = 'evt-5';
      UPDATE idempotency_keys SET error_reason = '-5' WHERE event_id = 'evt-6'`);
    const card = await answerTo(stack, '/fluxa failed');
    includes(card, /newest 15 are shown, 15 more are in the file in the thread/);
    const [file, ...more] = await files(card);
    assert.equal(more.length, 0);
    assert.match(file.name, /^failed-events-[0-9a-z]+\.csv$/);
    assert.equal(file.title, 'The newest 30 failed events');
    const rows = readCsv(await (await fetch(`${stack.page}/slack/files/${file.id}`)).text());
    assert.deepEqual(rows[0], ['event_id', 'error_reason', 'attempts', 'last_seen_at']);
    assert.deepEqual(rows.slice(1).map(([id]) => id), Array.from({ length: 30 }, (_, i) => `evt-${i + 1}`));
    assert.deepEqual(rows.slice(1, 7).map(([, reason]) => reason), [`'=HYPERLINK("http://evil.example","click")`, `'  @SUM(1+1)`, `'-2+3`, 'said "no", twice', '', '-5']);
    await postgres(stack, "DELETE FROM idempotency_keys WHERE attempts > 15");
    const few = await answerTo(stack, '/fluxa failed');
    assert.deepEqual([await files(few), await replies(few)], [[], []]);
  });

  test('F-39 says each time that the file could not be sent, and why', async () => {
    await freshWorld(stack, {});
    await postgres(stack, "TRUNCATE idempotency_keys; INSERT INTO idempotency_keys SELECT 'evt-' || n, 'failed', n, 'Timeout', now() FROM generate_series(1, 20) n");
    await stack.post('slack/options', { scopes: scopes.filter((one) => one !== 'files:write') });
    for (let i = 0; i < 2; i++) {
      const card = await answerTo(stack, '/fluxa failed');
      await stack.until(async () => (await replies(card)).length === 1, 'the note');
      assert.match((await replies(card))[0].text, /The newest 20 failed events"? could not be sent: .*lacks the scope files:write/s);
    }
    await stack.post('slack/options', { scopes });
  });
});
