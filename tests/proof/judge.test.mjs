// judge.test.mjs - the judge finds every kind of wrong redrive, and nothing in a right one.
//   node --test tests/proof/judge.test.mjs
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judge } from './judge.mjs';

const main = 'arn:aws:sqs:us-east-1:123456789012:Fluxa-InputQueue', dead = 'arn:aws:sqs:us-east-1:123456789012:Fluxa-DLQ';
const at = (ms) => new Date(1_000_000 + ms).toISOString();

function letters() {
  return Array.from({ length: 100 }, (_, i) => ({ message_id: `m${i}`, event_id: `evt_${i}`, body_sha256: `b${i}`, attributes_sha256: `a${i}`, cause: i < 60 ? 'DBConnectionError' : i < 85 ? 'SchemaValidation' : 'HashMismatch' }));
}

const effect = (operation, resource, letter, seq) => ({ seq, time: at(100 + seq), operation, resource, detail: { ...letter } });

// What is seen of a redrive in which all went well.
function good() {
  const before = letters(), chosen = before.slice(0, 60);
  return {
    before, after: letters().slice(60), card: 'Redrive finished: 60 of 60 messages moved.', processed: { success: 60, duplicate: 0 }, audit: { code: 0, text: '' },
    effects: chosen.flatMap((letter, i) => [effect('SendMessage', main, { ...letter, message_id: `n${i}` }, 2 * i + 1), effect('DeleteMessage', dead, letter, 2 * i + 2)]),
    intents: [{ ids: chosen.map((letter) => letter.message_id), setMs: 1_000_000 + 50, settled: true, doubted: false }],
    rows: before.map((letter) => ({ event_id: letter.event_id, status: letter.cause === 'DBConnectionError' ? 'success' : 'failed', events: letter.cause === 'DBConnectionError' ? 1 : 0 })),
  };
}

function sendAgain(seen, count) {
  for (let i = 0; i < count; i++) seen.effects.push(effect('SendMessage', main, { ...seen.before[i], message_id: `again${i}` }, 200 + i));
  seen.processed.duplicate = count;
}

const wrongs = {
  'a message with a permanent cause was sent': [(seen) => seen.effects.push(effect('SendMessage', main, { ...seen.before[90], message_id: 'x' }, 200)), /a HashMismatch message/],
  'a body was changed on the way': [(seen) => (seen.effects[0].detail.body_sha256 = 'other'), /other bytes/],
  'an attribute was lost on the way': [(seen) => (seen.effects[0].detail.attributes_sha256 = 'other'), /other bytes/],
  'a message was never sent': [(seen) => seen.effects.splice(0, 1), /evt_0 was never sent/],
  'a message was sent and not deleted': [(seen) => seen.effects.splice(1, 1), /evt_0 was not deleted/],
  'a message was deleted before it was sent': [(seen) => ([seen.effects[0].seq, seen.effects[1].seq] = [2, 1]), /deleted before it was sent/],
  'a message that must stay is gone': [(seen) => seen.after.pop(), /is gone from the dead letters/],
  'a message that must stay has changed': [(seen) => (seen.after[0].body_sha256 = 'other'), /has changed/],
  'no intent names a sent message': [(seen) => seen.intents[0].ids.shift(), /evt_0 was sent without an intent/],
  'an intent came after its send': [(seen) => (seen.intents[0].setMs = 1_000_000 + 1000), /without an intent before it/],
  'an intent has no outcome': [(seen) => (seen.intents[0].settled = false), /no outcome/],
  'a duplicate is not on the card': [(seen) => sendAgain(seen, 1), /the card is silent/],
  'the card names fewer duplicates than there were': [(seen) => (sendAgain(seen, 3), (seen.card += ' 2 messages may have been sent twice.')), /the card says 2/],
  'more than a batch was sent twice': [(seen) => (sendAgain(seen, 11), (seen.card += ' 11 messages may have been sent twice.')), /more than a batch/],
  'the run did not end well': [(seen) => (seen.card = 'Failed: dlq redrive'), /the card says: Failed/],
  'a row is missing in the database': [(seen) => (seen.rows[0].events = 0), /with 0 events/],
  'a message that must stay was processed': [(seen) => (seen.rows[90].status = 'success'), /was processed/],
  'the audit log does not verify': [(seen) => (seen.audit = { code: 1, text: 'row 7' }), /row 7/],
  'another change was made': [(seen) => seen.effects.push(effect('PurgeQueue', dead, {}, 300)), /PurgeQueue/],
};

test('a right redrive has no problems', () => assert.deepEqual(judge(good()).problems, []));

test('a duplicate that the card names is right', () => {
  const seen = good();
  sendAgain(seen, 10);
  seen.card += ' 10 messages may have been sent twice.';
  assert.deepEqual(judge(seen).problems, []);
});

for (const [name, [spoil, expected]] of Object.entries(wrongs))
  test(`finds that ${name}`, () => {
    const seen = good();
    spoil(seen);
    assert.match(judge(seen).problems.join('\n'), expected);
  });
