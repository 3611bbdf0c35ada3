// outbox_judge.test.mjs - the judge of proof/outbox finds what is wrong.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judge } from './outbox_judge.mjs';

const list = [{ key: 'a', parent: '', text: 'said 0' }, { key: 'b', parent: 'a', text: 'said 1' }, { key: 'c', parent: 'a', text: 'said 2' }];
const message = (key, ts, text, more = {}) => ({ ts: String(ts), text, metadata: { event_payload: { key } }, ...more });
const good = () => [message('a', 1, 'said 0', { replies: [message('b', 2, 'said 1', { thread_ts: '1' }), message('c', 3, 'said 2', { thread_ts: '1' })] })];
const found = (messages, more = {}) => judge({ list, shown: new Map([['C1', messages]]), failed: 0, looked: false, ...more }).problems.join('\n');

test('nothing is wrong with what is right, nor with a repetition that says so', () => {
  assert.equal(found(good()), '');
  const twice = good();
  twice[0].replies.splice(1, 0, message('b', 2.5, 'said 1 (may be a repetition)', { thread_ts: '1' }));
  assert.equal(found(twice), '');
  assert.match(found(twice, { looked: true }), /b was repeated although it could be looked up/);
});

test('what is lost, repeated in silence, out of order, in no thread or given up is found', () => {
  const lost = good(), silent = good(), late = good(), loose = good();
  lost[0].replies.pop();
  assert.match(found(lost), /c was never posted/);
  silent[0].replies.push(message('c', 4, 'said 2', { thread_ts: '1' }));
  assert.match(found(silent), /c was repeated and does not say so/);
  late[0].replies[0].ts = '9';
  assert.match(found(late), /c stands before/);
  loose.push(...loose[0].replies.splice(1, 1).map((one) => ({ ...one, thread_ts: undefined })));
  assert.match(found(loose), /c is not in its thread/);
  assert.match(found(good(), { failed: 1 }), /1 were given up/);
  const other = good();
  other[0].text = 'said 7';
  assert.match(found(other), /a says/);
});

test('more than one a second is found', () => {
  const many = Array.from({ length: 8 }, (_, i) => message(`k${i}`, 10 + i / 10, 'x'));
  assert.match(found([...good(), ...many]), /hold more posts than one a second/);
});
