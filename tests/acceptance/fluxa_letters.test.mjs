// fluxa_letters.test.mjs - single messages and rows, with care: F-10, F-21, F-23.
//
// Several stacks work side by side: what goes well and what is refused, what AWS refuses, a bot that dies meanwhile, and
// what two persons have to approve.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { Stack } from '../support/stack.mjs';
import { atRest, freshWorld, killedBefore, listing, postgres, restart, watchEffects, watchPrivate } from '../support/cases.mjs';
import { buttons, includes, shown, table } from './cards.mjs';

const ONE_AT_A_TIME = { concurrency: 1 };
const HIDDEN_S = 2; // what a dead bot had in hand is waited for
const anna = 'U0ANNA0001', bo = 'U0BOLIND02', dora = 'U0CARA0004';
const bothNamed = new RegExp(`, approved by <@${bo}> and <@${dora}> in dev`);
const archive = 'fluxa-quarantine';

// ---- what people do ----

const sha256 = (text) => createHash('sha256').update(text).digest('hex');
const ago = (ms) => new Date(Date.now() - ms).toISOString();
const isAsked = (card) => /"action_id":"approve"/.test(JSON.stringify(card.blocks));
const isOver = (card) => !isAsked(card) && !/^(Running|Waiting|Approved)/.test(card.text);

// The first card of a command: the request for approval, or its refusal.
async function ask(stack, text) {
  const known = new Set((await stack.messages()).map((message) => message.ts));
  await stack.command('requester', `/fluxa ${text}`);
  return stack.until(async () => (await stack.messages()).find((message) => !known.has(message.ts) && (isAsked(message) || isOver(message))), `an answer to ${text}`);
}

async function asked(stack, text) {
  const card = await ask(stack, text);
  assert.ok(isAsked(card), `an approval card, not: ${card.text}\n${shown(card)}`);
  return card;
}

async function refused(stack, text, ...patterns) {
  const card = await ask(stack, text);
  assert.match(card.text, /^(Refused|Failed)/);
  includes(card, ...patterns);
  return card;
}

const ending = (stack, card) => stack.until(async () => {
  const now = await stack.message(card.ts);
  return now && isOver(now) && now;
}, 'the run to end');

async function approved(stack, text, before = async () => {}) {
  const card = await asked(stack, text);
  await before(card);
  await stack.click('approver', card, 'approve');
  return ending(stack, card);
}

// ---- the archive ----

const objectsIn = async (stack) => (await stack.get('world?s3=1')).s3.buckets[archive].objects;
const read = (versions) => JSON.parse(Buffer.from(versions.at(-1).base64, 'base64').toString());
const keyOf = (id) => new RegExp(`^dlq/\\d{4}-\\d\\d-\\d\\d/${id}\\.json$`);

// What must hold after every run, whatever happened in it: nothing is deleted that was not archived before.
async function judgeArchive(stack, before, effects) {
  const seen = await effects(), objects = await objectsIn(stack), left = new Set((await listing(stack)).map((message) => message.message_id));
  for (const [i, effect] of seen.entries())
    if (effect.operation === 'DeleteMessage') assert.ok(seen.slice(0, i).some(({ operation, resource }) => operation === 'PutObject' && resource.includes(effect.detail.message_id)), `${effect.detail.message_id} was deleted before it was archived`);
  for (const { message_id: id } of before) assert.ok(left.has(id) || Object.keys(objects).some((key) => keyOf(id).test(key)), `${id} is neither in the queue nor in the archive`);
  for (const versions of Object.values(objects)) assert.ok(before.some((message) => message.message_id === read(versions).message_id));
  return { objects, left: left.size, deleted: seen.filter(({ operation }) => operation === 'DeleteMessage').length };
}

const letters = { DBConnectionError: 2, SchemaValidation: 3, HashMismatch: 2 };

const easePace = (stack) => stack.post('slack/options', { post_per_minute: 6000, post_burst: 1000, update_per_minute: 6000, update_burst: 1000 });
const started = (change = (text) => text) => Stack.start({ edit: (stack) => stack.edit((text) => change(text.replace(/dlq_visibility: \d+/, `dlq_visibility: ${HIDDEN_S}`))) });

async function world(stack, messages = letters) {
  await freshWorld(stack, messages);
  await easePace(stack);
  return { before: await listing(stack), effects: await watchEffects(stack) };
}

describe('single messages and rows', { concurrency: true }, () => {
  describe('F-10: into the archive', ONE_AT_A_TIME, () => {
    let stack;
    before(async () => (stack = await started()));
    after(() => stack?.stop());

    test('F-10 archives a class, reads it back, and only then deletes it', async () => {
      const { before, effects } = await world(stack);
      const card = await asked(stack, 'dlq quarantine SchemaValidation reason="the producer is mended"');
      includes(card, /To\*\nfluxa-quarantine\/dlq\/\d{4}-\d\d-\d\d\//, /Archived\*\n3 SchemaValidation/, /Staying\*\n(2 \w+, 2 \w+)/, /Encrypted with\*\nS3's own key/, /s3:PutObject[^]*sqs:DeleteMessage/, /the producer is mended/);
      assert.deepEqual(await effects(), [], 'nothing before an approval');
      const told = await watchPrivate(stack, 'requester');
      await stack.click('requester', card, 'approve');
      await told(/you asked for it yourself/);
      await Promise.all([1, 2, 3].map(() => stack.click('approver', card, 'approve')));
      const end = await ending(stack, card);
      includes(end, /Quarantine finished: 3 of 3 messages archived and deleted/, /4 left/);
      assert.equal(table(end).length, 4);
      assert.match(JSON.stringify(end.blocks), /console\.aws\.amazon\.com\/s3\/buckets\/fluxa-quarantine\?region=us-east-1&(amp;)?prefix=dlq\//);
      for (const [id, cause, key, deleted] of table(end).slice(1)) {
        assert.match(key, keyOf(id));
        assert.deepEqual([cause, deleted], ['SchemaValidation', 'yes']);
      }
      const { objects, left, deleted } = await judgeArchive(stack, before, effects);
      assert.deepEqual([Object.keys(objects).length, left, deleted], [3, 4, 3]);
      for (const [key, versions] of Object.entries(objects)) {
        const one = read(versions), original = before.find((message) => message.message_id === one.message_id);
        assert.match(key, keyOf(one.message_id));
        assert.equal(original.cause, 'SchemaValidation');
        assert.equal(versions.length, 1);
        assert.ok(one.body.length > 0 && one.attributes.SentTimestamp && one.message_attributes.correlation_id.StringValue, 'enough to send it again');
        assert.ok(!JSON.stringify(one).includes('ReceiptHandle'));
      }
    });

    test('F-10 is offered for what no retry helps', async () => {
      await world(stack);
      const card = await ask(stack, 'dlq classify');
      assert.ok(buttons(card).includes('Quarantine 5 permanent'), `${buttons(card)}`);
      await stack.click('requester', card, card.blocks.flatMap(({ elements = [] }) => elements).find(({ text }) => text?.text === 'Quarantine 5 permanent').action_id);
      includes(await stack.until(async () => (await stack.messages()).find(isAsked), 'the request'), /quarantine 5 messages/);
    });

    test('F-10 archives what is named by its id, and no more than it may', async () => {
      const { before, effects } = await world(stack);
      await stack.world({ send: [{ queue: 'Fluxa-DLQ', body: { event_id: 'evt-alone', correlation_id: 'c-alone', payload: {} } }] });
      const [alone] = (await listing(stack)).filter(({ event_id: id }) => id === 'evt-alone');
      includes(await approved(stack, `dlq quarantine ${alone.message_id}`), /Quarantine finished: 1 of 1 message/, /7 left/);
      includes(await approved(stack, 'dlq quarantine SchemaValidation HashMismatch max=4'), /Quarantine finished: 4 of 4 messages/, /3 left/);
      assert.equal((await judgeArchive(stack, [...before, alone], effects)).deleted, 5);
    });

    test('F-10 refuses what is safe to retry, what nobody understands, and what is not there', async () => {
      const { effects } = await world(stack);
      await stack.world({ send: [{ queue: 'Fluxa-DLQ', body: { event_id: 'evt-alone', correlation_id: 'c-alone', payload: {} } }] });
      await refused(stack, 'dlq quarantine DBConnectionError', /is safe to retry: redrive it instead/, /Nothing was changed/);
      await refused(stack, 'dlq quarantine unknown', /[Nn]obody knows why message \S+ is dead \(Unknown\)/, /name those that may go by their ids/, /Nothing was changed/);
      await refused(stack, 'dlq quarantine SchemaValidaton', /[Nn]o message and no cause that was seen in the queue is called SchemaValidaton/, /Nothing was changed/);
      assert.deepEqual(await effects(), []);
    });

    test('F-10 writes into no bucket that is public, and none without encryption', async () => {
      const { before, effects } = await world(stack);
      const bucket = (change) => stack.world({ s3: { buckets: { [archive]: change } } });
      const blocks = (on) => ({ BlockPublicAcls: true, IgnorePublicAcls: true, BlockPublicPolicy: true, RestrictPublicBuckets: on });
      await bucket({ public_access_block: null });
      await refused(stack, 'dlq quarantine SchemaValidation', /[Ii]t blocks no public access/, /turn on Block all public access for the bucket fluxa-quarantine/);
      await bucket({ public_access_block: blocks(false) });
      await refused(stack, 'dlq quarantine SchemaValidation', /[Ii]ts RestrictPublicBuckets is off/);
      await bucket({ public_access_block: blocks(true) });
      includes(await approved(stack, 'dlq quarantine SchemaValidation', () => bucket({ public_access_block: blocks(false) })), /^Refused/, /RestrictPublicBuckets is off/, /Nothing was changed/);
      await bucket({ public_access_block: blocks(true), sealed: 'aws:kms' });
      includes(await approved(stack, 'dlq quarantine SchemaValidation'), /s3:PutObject was answered with AccessDenied[^]*allow s3:PutObject[^]*Nothing was changed/);
      assert.deepEqual(await effects(), []);
      await bucket({ sealed: null });
      await bucket({ sealed: 'AES256' });
      includes(await approved(stack, 'dlq quarantine SchemaValidation'), /Quarantine finished: 3 of 3/);
      await judgeArchive(stack, before, effects);
    });
  });

  describe('F-10: AWS refuses', ONE_AT_A_TIME, () => {
    let stack;
    before(async () => (stack = await started()));
    after(() => stack?.stop());

    for (const [call, says, archived] of [
      ['s3:PutObject', /allow s3:PutObject[^]*Nothing was changed/, 0],
      ['s3:HeadObject', /Quarantine stopped: 0 of 3[^]*[Rr]eading the archive back: s3:HeadObject was answered with HTTP 403[^]*allow s3:GetObject/, 1],
      ['sqs:DeleteMessage', /Quarantine stopped: 0 of 3[^]*allow sqs:DeleteMessage/, 1],
    ])
      test(`F-10 deletes nothing when ${call} is denied, and says what is missing`, async () => {
        const { before, effects } = await world(stack);
        includes(await approved(stack, 'dlq quarantine SchemaValidation', () => stack.fault(call, 'denied', { rate: 1 })), says);
        const { objects, left } = await judgeArchive(stack, before, effects);
        assert.deepEqual([Object.keys(objects).length, left], [archived, 7]);
      });

    for (const call of ['s3:GetPublicAccessBlock', 'sqs:ReceiveMessage'])
      test(`F-10 asks nobody when ${call} is denied`, async () => {
        const { effects } = await world(stack);
        await stack.fault(call, 'denied', { rate: 1 });
        await refused(stack, 'dlq quarantine SchemaValidation', new RegExp(`${call} was answered with AccessDenied`), /allow (s3:GetBucketPublicAccessBlock|sqs:ReceiveMessage)/);
        assert.deepEqual(await effects(), []);
      });

    for (const [call, kind] of [['s3:PutObject', '429'], ['sqs:DeleteMessage', '429'], ['s3:PutObject', '5xx'], ['s3:PutObject', 'timeout_after'], ['sqs:DeleteMessage', 'timeout_after'], ['sqs:DeleteMessage', 'timeout_before']])
      test(`F-10 goes on after ${call} ended with ${kind}, and loses nothing`, async () => {
        const { before, effects } = await world(stack);
        includes(await approved(stack, 'dlq quarantine SchemaValidation', () => stack.fault(call, kind, { count: 1 })), /Quarantine finished: 3 of 3/, /4 left/);
        const { objects, left } = await judgeArchive(stack, before, effects);
        assert.deepEqual([Object.keys(objects).length, left], [3, 4]);
      });

    test('F-10 ends and says so when S3 stays away', async () => {
      const { before, effects } = await world(stack);
      const end = await approved(stack, 'dlq quarantine SchemaValidation', () => stack.fault('s3:PutObject', '5xx', { rate: 1 }));
      includes(end, /Quarantine stopped: 0 of 3/, /it failed 3 times in a row, the last time with: s3:PutObject was answered with/, /was not seen to leave the dead-letter queue/);
      assert.equal((await judgeArchive(stack, before, effects)).left, 7);
    });
  });

  describe('F-10: others, and the end of the bot', ONE_AT_A_TIME, () => {
    let stack;
    before(async () => (stack = await started()));
    after(() => stack?.stop());

    test('F-10 takes no message twice, and names those that somebody else took', async () => {
      const { before, effects } = await world(stack);
      const first = await asked(stack, 'dlq quarantine HashMismatch'), second = await asked(stack, 'dlq quarantine HashMismatch');
      await stack.click('approver', first, 'approve');
      includes(await ending(stack, first), /Quarantine finished: 2 of 2/);
      await stack.click('approver', second, 'approve');
      const end = await ending(stack, second);
      includes(end, /0 of 2/, /Not all left the queue/);
      assert.ok(table(end).slice(1).every((cells) => cells.includes('it was not seen in the queue any more')), JSON.stringify(table(end)));
      assert.equal((await judgeArchive(stack, before, effects)).deleted, 2);
      await freshWorld(stack, { SchemaValidation: 2 });
      const [one, other] = [await asked(stack, 'dlq quarantine SchemaValidation'), await asked(stack, 'dlq quarantine SchemaValidation')];
      await stack.click('approver', one, 'approve');
      includes(await ending(stack, one), /2 of 2/);
      await stack.click('approver', other, 'approve');
      includes(await ending(stack, other), /^Refused/, /The queue changed: 2 messages were approved, 0 are there now/, /Nothing was changed/);
    });

    test('F-10 killed between approval and execution archives each once after the restart', async () => {
      const { before, effects } = await world(stack);
      const card = await asked(stack, 'dlq quarantine SchemaValidation');
      await killedBefore(stack, () => stack.click('approver', card, 'approve'));
      includes(await ending(stack, card), /Quarantine finished: 3 of 3/);
      assert.equal((await judgeArchive(stack, before, effects)).deleted, 3);
    });

    for (const call of ['s3:PutObject', 's3:HeadObject', 'sqs:DeleteMessage'])
      test(`F-10 killed while ${call} is on its way goes on, and loses nothing`, async () => {
        const { before, effects } = await world(stack);
        const card = await asked(stack, 'dlq quarantine SchemaValidation');
        await stack.fault(call, 'held', { count: 1, after: 1 });
        await stack.click('approver', card, 'approve');
        await stack.until(async () => (await effects('PutObject')).length >= (call === 's3:PutObject' ? 1 : 2), 'the first to be archived');
        await restart(stack);
        await stack.post('fault', { clear: true });
        includes(await ending(stack, card), /Quarantine finished: 3 of 3/);
        const { objects, left } = await judgeArchive(stack, before, effects);
        assert.deepEqual([Object.keys(objects).length, left], [3, 4]);
        await atRest(stack);
      });

    test('F-10 is off until a bucket is named', async () => {
      const { effects } = await world(stack);
      await stack.killBot('SIGTERM');
      await stack.edit((text) => text.replace(/ *quarantine_bucket: .*\n/, ''));
      await stack.startBot();
      await refused(stack, 'dlq quarantine SchemaValidation', /[Nn]o archive is configured, so nothing was done: set the variable quarantine_bucket/);
      assert.deepEqual(await effects(), []);
    });
  });

  describe('F-21: one message again', ONE_AT_A_TIME, () => {
    let stack;
    const on = (text) => text.replace(/^( *)quarantine_bucket:/m, '$1allow_hash_override: true\n$&').replace(/operator: .*/, `operator: { users: [${anna}, ${bo}, ${dora}] }`).replace(/approver: .*/, `approver: { users: [${bo}, ${dora}] }`);
    before(async () => (stack = await started(on)));
    after(() => stack?.stop());

    const payload = '{"amount_cents":4111}', hash = sha256(payload);

    // A message whose payload lies in S3, and which the processor called wrong.
    async function mismatch(more = {}) {
      const { effects } = await world(stack, { SchemaValidation: 1 });
      await stack.world({
        send: [{ queue: 'Fluxa-DLQ', source: 'Fluxa-InputQueue', body: { event_id: 'evt-large', correlation_id: 'c-large', user_id: 'u1', type: 'order.paid', payload: { s3_key: 'events/evt-large.json' }, payload_hash: hash, ...more } }],
        s3: { buckets: { 'fluxa-payloads': { objects: { 'events/evt-large.json': [{ id: 'v1', body: payload, modified: ago(600000), checksum: true }] } } } },
        logs: [{ group: '/aws/lambda/fluxa-ingest', message: { service: 'ingest', stage: 'validate', event_id: 'evt-large', correlation_id: 'c-large', payload_hash: hash } }],
      });
      await postgres(stack, "INSERT INTO idempotency_keys VALUES ('evt-large', 'failed', 3, 'HashMismatch: payload hash mismatch', now())");
      const [letter] = (await listing(stack)).filter(({ event_id: id }) => id === 'evt-large');
      return { id: letter.message_id, effects };
    }

    const verify = (id) => ask(stack, `payload verify evt-large hash=${hash} message=${id}`);
    const atIngest = (id) => ask(stack, `payload ingest-hash evt-large hash=${hash} message=${id}`);
    const reason = 'reason="the processor read an older version"';
    const aged = (ms) => stack.execute(`UPDATE settings SET value = json_set(value, '$.at', json_extract(value, '$.at') - ${ms}) WHERE name LIKE '%proof:%'`);

    // What both looks leave behind, where it is not they that are tried.
    async function proven(id) {
      const proofs = { 'payload events/evt-large.json': { sha256: hash, etag: `"${createHash('md5').update(payload).digest('hex')}"` }, 'ingest evt-large': { sha256: hash } };
      for (const [name, value] of Object.entries(proofs)) await stack.execute(`INSERT OR REPLACE INTO settings (name, value) VALUES ('step:fluxa/dev:proof:${name}', '${JSON.stringify({ at: Date.now(), value })}')`);
      return id;
    }

    async function both(id) {
      includes(await verify(id), /^MATCH/m);
      includes(await atIngest(id), /Equal/);
    }

    async function twoApprove(card) {
      await stack.click(bo, card, 'approve');
      await stack.until(async () => /1 of 2: /.test(JSON.stringify((await stack.message(card.ts)).blocks)), 'the first vote');
      await stack.click(dora, card, 'approve');
      return ending(stack, card);
    }

    test('F-21 offers the button only after both proofs, and sends one message after two approvals', async () => {
      const { id, effects } = await mismatch();
      const first = await verify(id);
      assert.ok(!buttons(first).includes('Send it again'), 'one proof is not enough');
      const second = await atIngest(id);
      assert.ok(buttons(second).includes('Send it again'), `${buttons(second)}`);
      assert.ok(buttons(await verify(id)).includes('Send it again'));
      const card = await asked(stack, `dlq override ${id} ${reason}`);
      includes(card, new RegExp(`Hash of the payload in S3\\*\n${hash.slice(0, 12)}, equal, read at `), new RegExp(`Hash that ingest logged\\*\n${hash.slice(0, 12)}, equal`), /2 others who may approve have to/, /older version/, /cannot be called back/);
      assert.deepEqual(await effects(), []);
      const told = await watchPrivate(stack, 'requester');
      await stack.click('requester', card, 'approve');
      await told(/you asked for it yourself|may not approve/);
      includes(await twoApprove(card), /The message was processed: evt-large/, /message, payload in S3 and ingest agree/, /1 left/, bothNamed);
      assert.deepEqual((await effects()).map(({ operation, detail }) => `${operation} ${detail.event_id}`), ['SendMessage evt-large', 'DeleteMessage evt-large']);
    });

    test('F-21 is refused without both proofs, without a reason, and for any other cause', async () => {
      const { id, effects } = await mismatch();
      await refused(stack, `dlq override ${id} ${reason}`, /[Tt]here is no MATCH of the last 15 minutes: run payload verify evt-large hash=/);
      await verify(id);
      await refused(stack, `dlq override ${id} ${reason}`, /[Tt]here is no equal hash of ingest of the last 15 minutes: run payload ingest-hash evt-large hash=/);
      await atIngest(id);
      await refused(stack, `dlq override ${id}`, /not asked for without a reason/);
      const [schema] = (await listing(stack)).filter(({ cause }) => cause === 'SchemaValidation');
      await refused(stack, `dlq override ${schema.message_id} ${reason}`, /is SchemaValidation, and only HashMismatch can be overridden/);
      await refused(stack, `dlq override 00000000-0000-0000-0000-000000000000 ${reason}`, /[Nn]o such message was seen in the dead-letter queue/);
      await aged(15 * 60000 + 1000);
      await refused(stack, `dlq override ${id} ${reason}`, /[Tt]here is no MATCH of the last 15 minutes/);
      assert.deepEqual(await effects(), []);
    });

    test('F-21 never sends what stands in the message itself and is wrong, whatever S3 says', async () => {
      const { id, effects } = await mismatch({ payload: { amount_cents: 1 } });
      await proven(id);
      await refused(stack, `dlq override ${id} ${reason}`, /does not have the hash it claims, so it would fail again/);
      assert.deepEqual(await effects(), []);
    });

    test('F-21 is refused when the payload was changed, or the proofs grew old, before it runs', async () => {
      const { id, effects } = await mismatch();
      await proven(id);
      const card = await asked(stack, `dlq override ${id} ${reason}`);
      await stack.world({ s3: { buckets: { 'fluxa-payloads': { objects: { 'events/evt-large.json': [{ id: 'v2', body: 'changed', modified: ago(0) }] } } } } });
      includes(await twoApprove(card), /^Refused/, /[Tt]he payload in S3 was changed after it was verified/, /Nothing was changed/);
      const again = await mismatch();
      await proven(again.id);
      const late = await asked(stack, `dlq override ${again.id} ${reason}`);
      await aged(15 * 60000 + 1000);
      includes(await twoApprove(late), /^Refused/, /[Tt]here is no proof of the last 15 min/, /Nothing was changed/);
      assert.deepEqual([...await effects(), ...await again.effects()], []);
    });

    test('F-21 denied, throttled or away sends nothing, or once', async () => {
      const { id, effects } = await mismatch();
      await proven(id);
      const denied = await asked(stack, `dlq override ${id} ${reason}`);
      await stack.fault('s3:HeadObject', 'denied', { rate: 1 });
      includes(await twoApprove(denied), /whether the payload is still the one that was verified: [^]*allow s3:GetObject/i, /Nothing was changed/);
      await stack.post('fault', { clear: true });
      const unsent = await asked(stack, `dlq override ${id} ${reason}`);
      await stack.fault('sqs:SendMessageBatch', 'denied', { rate: 1 });
      includes(await twoApprove(unsent), /allow sqs:SendMessage/);
      assert.deepEqual(await effects(), []);
      await stack.post('fault', { clear: true });
      const away = await asked(stack, `dlq override ${id} ${reason}`);
      await stack.fault('sqs:SendMessageBatch', '429', { count: 1 });
      includes(await twoApprove(away), /The message was processed/);
      assert.equal((await effects('SendMessage')).length, 1);
    });

    test('F-21 killed between approval and execution sends it once', async () => {
      const { id, effects } = await mismatch();
      await proven(id);
      const card = await asked(stack, `dlq override ${id} ${reason}`);
      await stack.click(bo, card, 'approve');
      await stack.until(async () => /1 of 2: /.test(JSON.stringify((await stack.message(card.ts)).blocks)), 'the first vote');
      await killedBefore(stack, () => stack.click(dora, card, 'approve'));
      includes(await ending(stack, card), /The message was processed/);
      assert.equal((await effects('SendMessage')).length, 1);
    });

    test('F-21 is off until it is configured, and keeps no proofs then', async () => {
      const { id, effects } = await mismatch();
      await stack.killBot('SIGTERM');
      await stack.edit((text) => text.replace(/ *allow_hash_override: true\n/, ''));
      await stack.startBot();
      await both(id);
      assert.ok(!buttons(await verify(id)).includes('Send it again'));
      assert.deepEqual(await stack.sql("SELECT name FROM settings WHERE name LIKE '%proof:%'"), []);
      await refused(stack, `dlq override ${id} ${reason}`, /[Aa] wrong hash is never overridden here, and nothing was done/);
      assert.deepEqual(await effects(), []);
    });
  });

  describe('F-23: duplicate rows', ONE_AT_A_TIME, () => {
    let stack;
    const on = (text) => text.replace(/^( *)quarantine_bucket:/m, '$1allow_dedupe: true\n$&').replace(/approver: .*/, `approver: { users: [${bo}, ${dora}] }`);
    before(async () => (stack = await started(on)));
    after(() => stack?.stop());

    const value = (statement) => new Promise((done, failed) => execFile('psql', ['-qAt', stack.database, '-c', statement], (error, text) => (error ? failed(error) : done(text.trim()))));
    const rows = () => value("SELECT string_agg(event_id || ' ' || user_id, ', ' ORDER BY event_id, user_id) FROM events");
    const saved = () => value("SELECT string_agg(event_id || ' ' || user_id, ', ' ORDER BY event_id, user_id) FROM fluxabot_dedupe_backup");
    const reason = 'reason="a retry stored them twice"';

    async function duplicates() {
      await world(stack, {});
      await postgres(stack, `ALTER TABLE events DROP CONSTRAINT IF EXISTS events_pkey; TRUNCATE events, fluxabot_dedupe_backup;
        INSERT INTO events VALUES ('evt-1', 'new', now()), ('evt-1', 'old', now() - interval '1 hour'), ('evt-1', 'newer', now()), ('evt-2', 'new', now()), ('evt-2', 'old', now() - interval '1 day'), ('evt-3', 'only', now()), ('evt-4', 'new', now()), ('evt-4', 'old', now() - interval '1 day')`);
    }
    const untouched = 'evt-1 new, evt-1 newer, evt-1 old, evt-2 new, evt-2 old, evt-3 only, evt-4 new, evt-4 old';

    async function twoApprove(card, between = async () => {}) {
      await stack.click(bo, card, 'approve');
      await stack.until(async () => /1 of 2: /.test(JSON.stringify((await stack.message(card.ts)).blocks)), 'the first vote');
      await between();
      await stack.click(dora, card, 'approve');
      return ending(stack, card);
    }

    test('F-23 keeps the oldest row of each named event, and a copy of the others, after two approvals', async () => {
      await duplicates();
      const card = await asked(stack, `idempotency dedupe evt-1 evt-2 evt-3 ${reason}`);
      includes(card, /delete 3 duplicate rows of 2 events/, /Duplicate rows\*\n3 → 0/, /Copies of them\*\n0 → 3/, /Kept\*\nevt-1 of \d{4}-\d\d-\d\d [\d:]+, evt-2 of /, /Removed\*\nevt-1 of [^\n]*evt-1 of [^\n]*evt-2 of /, /LOCK TABLE events IN SHARE ROW EXCLUSIVE MODE/, /2 others who may approve have to/);
      const told = await watchPrivate(stack, 'requester');
      await stack.click('requester', card, 'approve');
      await told(/you asked for it yourself|may not approve/);
      const end = await twoApprove(card, async () => assert.equal(await rows(), untouched, 'one of two is none'));
      includes(end, /3 duplicate rows deleted/, /Duplicates now\*\n0/, bothNamed);
      assert.equal(table(end).length, 6);
      assert.equal(await rows(), 'evt-1 old, evt-2 old, evt-3 only, evt-4 new, evt-4 old');
      assert.equal(await saved(), 'evt-1 new, evt-1 newer, evt-2 new');
      assert.equal(await value('SELECT bool_and(removed_at IS NOT NULL) FROM fluxabot_dedupe_backup'), 't');
      assert.ok(!/newer|"old"/.test(JSON.stringify(end)), 'ids and times only');
    });

    test('F-23 refuses what it may not do, before anybody is asked', async () => {
      await duplicates();
      await refused(stack, 'idempotency dedupe evt-1', /not asked for without a reason/);
      await refused(stack, `idempotency dedupe evt-3 evt-77 ${reason}`, /[Nn]one of these events has more than one row/);
      await refused(stack, `idempotency dedupe ${Array.from({ length: 51 }, (_, i) => `evt-${i}`).join(' ')} ${reason}`, /[Aa]t most 50 events at once, and nothing was done/);
      await postgres(stack, 'ALTER TABLE fluxabot_dedupe_backup RENAME TO elsewhere');
      await refused(stack, `idempotency dedupe evt-1 ${reason}`, /CREATE TABLE fluxabot_dedupe_backup \(LIKE events, removed_at timestamptz\)/, /nothing was done/);
      await postgres(stack, 'ALTER TABLE elsewhere RENAME TO fluxabot_dedupe_backup');
      assert.equal(await rows(), untouched);
    });

    test('F-23 is refused when the rows changed since, with the difference', async () => {
      await duplicates();
      const card = await asked(stack, `idempotency dedupe evt-1 evt-2 ${reason}`);
      await postgres(stack, "DELETE FROM events WHERE event_id = 'evt-1' AND user_id = 'newer'");
      includes(await twoApprove(card), /^Refused/, /Duplicate rows was 3 when this was approved and is 2 now/, /Nothing was changed/);
      const same = await asked(stack, `idempotency dedupe evt-1 evt-2 ${reason}`);
      await postgres(stack, "UPDATE events SET ts = ts - interval '2 days' WHERE event_id = 'evt-2' AND user_id = 'new'");
      includes(await twoApprove(same), /^Refused/, /Kept was evt-1 of [^]* when this was approved/, /Nothing was changed/);
      assert.equal(await saved(), '');
    });

    test('F-23 says who holds a lock, which grant is missing, and that the database is away', async () => {
      await duplicates();
      const locked = await asked(stack, `idempotency dedupe evt-1 ${reason}`);
      const holder = execFile('psql', ['-qAt', stack.database]);
      holder.stdin.write("BEGIN; INSERT INTO events VALUES ('evt-open', 'u');\n");
      await stack.until(async () => (await value("SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction'")) === '1', 'an open transaction');
      includes(await twoApprove(locked), /somebody holds a lock it needs/);
      holder.stdin.end('ROLLBACK;\n');
      await new Promise((done) => holder.on('exit', done));
      await postgres(stack, 'ALTER TABLE fluxabot_dedupe_backup OWNER TO fluxa');
      includes(await twoApprove(await asked(stack, `idempotency dedupe evt-1 ${reason}`)), /permission denied for table fluxabot_dedupe_backup/);
      await postgres(stack, 'ALTER TABLE fluxabot_dedupe_backup OWNER TO fluxabot_owner; REVOKE SELECT ON fluxabot_dedupe_backup FROM fluxabot_ro');
      await refused(stack, `idempotency dedupe evt-1 ${reason}`, /permission denied for table fluxabot_dedupe_backup/);
      await postgres(stack, 'GRANT SELECT ON fluxabot_dedupe_backup TO fluxabot_ro; ALTER ROLE fluxabot_ro CONNECTION LIMIT 0');
      await refused(stack, `idempotency dedupe evt-1 ${reason}`, /too many connections for role/);
      await postgres(stack, 'ALTER ROLE fluxabot_ro CONNECTION LIMIT -1');
      assert.equal(await rows(), untouched);
    });

    test('F-23 killed between approval and execution deletes once', async () => {
      await duplicates();
      const card = await asked(stack, `idempotency dedupe evt-1 evt-2 ${reason}`);
      await stack.click(bo, card, 'approve');
      await stack.until(async () => /1 of 2: /.test(JSON.stringify((await stack.message(card.ts)).blocks)), 'the first vote');
      await killedBefore(stack, () => stack.click(dora, card, 'approve'));
      includes(await ending(stack, card), /3 duplicate rows deleted/);
      assert.equal(await saved(), 'evt-1 new, evt-1 newer, evt-2 new');
    });

    test('F-23 is off until it is configured', async () => {
      await duplicates();
      await stack.killBot('SIGTERM');
      await stack.edit((text) => text.replace(/ *allow_dedupe: true\n/, ''));
      await stack.startBot();
      await refused(stack, `idempotency dedupe evt-1 ${reason}`, /[Dd]eleting duplicates is off, and nothing was done/);
      assert.equal(await rows(), untouched);
    });
  });
});
