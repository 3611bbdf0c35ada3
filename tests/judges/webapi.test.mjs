// webapi.test.mjs - Slack's own client judges the Web API that the sandbox plays.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ErrorCode, WebClient } from '@slack/web-api';
import { Stack, channel } from '../support/stack.mjs';
import { secret, startReceiver } from './support.mjs';

let stack;
let receiver; // a bot that acknowledges everything: clicks make triggers
let client;
const quiet = { debug() {}, info() {}, warn() {}, error() {}, setLevel() {}, getLevel: () => 'error', setName() {} };
const section = (text) => ({ type: 'section', text: { type: 'mrkdwn', text } });
const buttons = { type: 'actions', elements: [{ type: 'button', action_id: 'go', value: '7', text: { type: 'plain_text', text: 'Go' } }] };
const modal = (title = 'Deny') => ({
  type: 'modal', callback_id: 'c', title: { type: 'plain_text', text: title }, submit: { type: 'plain_text', text: 'Deny' },
  blocks: [{ type: 'input', block_id: 'b', label: { type: 'plain_text', text: 'Reason' }, element: { type: 'plain_text_input', action_id: 'a' } }],
});

const clientWith = (token, more = {}) =>
  new WebClient(token, { slackApiUrl: `${stack.page}/slack/api/`, retryConfig: { retries: 0 }, rejectRateLimitedCalls: true, logger: quiet, ...more });

// The answer of a call that Slack's client refuses to call good.
async function failure(call) {
  try {
    await call;
  } catch (error) {
    return error;
  }
  return assert.fail('the call worked');
}

before(async () => {
  stack = await Stack.start({ bot: false });
  receiver = await startReceiver(stack);
  await stack.post('bot', { url: receiver.url });
  client = clientWith(secret(stack, 'bot_token'));
});

after(async () => {
  await receiver?.stop();
  await stack?.stop();
});

test('auth.test says who we are, and the scopes stand in the header', async () => {
  const answer = await client.auth.test();
  assert.deepEqual([answer.ok, answer.team_id, answer.user_id, answer.bot_id], [true, 'T0FLUXA0001', 'U0FLUXABOT', 'B0FLUXABOT']);
  assert.ok(answer.response_metadata.scopes.includes('chat:write'));
});

test('a message is posted, answered in its thread, changed, linked to, and deleted', async () => {
  const posted = await client.chat.postMessage({ channel, text: 'first', blocks: [section('*first*'), buttons] });
  assert.equal(posted.channel, channel);
  assert.match(posted.ts, /^\d{10}\.\d{6}$/);
  assert.equal(posted.message.text, 'first');
  assert.ok(posted.message.blocks.every(({ block_id: id }) => id), 'Slack names blocks that have no name');
  const reply = await client.chat.postMessage({ channel, thread_ts: posted.ts, text: 'in the thread' });
  assert.equal(reply.message.thread_ts, posted.ts);
  const changed = await client.chat.update({ channel, ts: posted.ts, text: 'second', blocks: [section('second')] });
  assert.deepEqual([changed.ts, changed.text], [posted.ts, 'second']);
  const shown = await stack.message(posted.ts);
  assert.equal(shown.text, 'second');
  assert.deepEqual(shown.replies.map(({ text }) => text), ['in the thread']);
  const link = await client.chat.getPermalink({ channel, message_ts: posted.ts });
  assert.match(link.permalink, new RegExp(`/archives/${channel}/p${posted.ts.replace('.', '')}$`));
  await client.chat.delete({ channel, ts: posted.ts });
  assert.equal((await failure(client.chat.update({ channel, ts: posted.ts, text: 'gone' }))).data.error, 'message_not_found');
});

test('an ephemeral message is seen by one person and cannot be changed', async () => {
  const posted = await client.chat.postEphemeral({ channel, user: 'U0ANNA0001', text: 'for Anna' });
  assert.ok((await stack.private('requester')).some(({ text }) => text === 'for Anna'));
  assert.ok(!(await stack.messages()).some(({ text }) => text === 'for Anna'));
  assert.ok(!(await stack.private('approver')).some(({ text }) => text === 'for Anna'));
  assert.equal((await failure(client.chat.update({ channel, ts: posted.message_ts, text: 'x' }))).data.error, 'message_not_found');
});

async function trigger() {
  const { ts } = await client.chat.postMessage({ channel, text: 'press', blocks: [buttons] });
  const seen = receiver.requests.length;
  await stack.click('approver', ts, 'go');
  return JSON.parse(new URLSearchParams(receiver.requests[seen].body).get('payload')).trigger_id;
}

test('a dialog opens once for a trigger, can be pushed on and updated under its hash', async () => {
  const id = await trigger();
  const { view } = await client.views.open({ trigger_id: id, view: modal() });
  assert.deepEqual([view.type, view.callback_id, view.team_id], ['modal', 'c', 'T0FLUXA0001']);
  assert.equal(view.root_view_id, view.id);
  assert.equal((await failure(client.views.open({ trigger_id: id, view: modal() }))).data.error, 'exchanged_trigger_id');
  assert.equal((await failure(client.views.open({ trigger_id: '1.2.abc', view: modal() }))).data.error, 'invalid_trigger_id');
  const updated = await client.views.update({ view_id: view.id, hash: view.hash, view: modal('Changed') });
  assert.equal(updated.view.title.text, 'Changed');
  assert.equal((await failure(client.views.update({ view_id: view.id, hash: view.hash, view: modal() }))).data.error, 'hash_conflict');
  const wrong = await failure(client.views.open({ trigger_id: await trigger(), view: modal('x'.repeat(25)) }));
  assert.equal(wrong.data.error, 'invalid_arguments');
  assert.match(wrong.data.response_metadata.messages[0], /\[json-pointer:\/view\/title\/text\]/);
});

test('people, groups and channels are read as the client expects them', async () => {
  const { user } = await client.users.info({ user: 'U0GUEST003' });
  assert.deepEqual([user.id, user.is_restricted, user.deleted, user.team_id], ['U0GUEST003', true, false, 'T0FLUXA0001']);
  assert.equal((await failure(client.users.info({ user: 'U0NOBODY' }))).data.error, 'user_not_found');
  const everybody = [];
  for await (const page of client.paginate('users.list', { limit: 3 })) everybody.push(...page.members);
  assert.ok(everybody.length >= 7 && new Set(everybody.map(({ id }) => id)).size === everybody.length, `${everybody.length} people`);
  const { usergroups } = await client.usergroups.list({ include_users: true });
  const { users } = await client.usergroups.users.list({ usergroup: usergroups[0].id });
  assert.deepEqual(users, usergroups[0].users);
  const { channels } = await client.conversations.list();
  assert.ok(channels.some(({ id, name, is_member: member }) => id === channel && name === 'fluxa-alerts' && member));
  assert.equal((await client.conversations.info({ channel })).channel.id, channel);
});

test('a picture is uploaded in the client\'s own three calls and shown by its id', async () => {
  const png = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');
  const { files } = await client.filesUploadV2({ file: png, filename: 'chart.png', alt_text: 'a chart' });
  const id = files[0].files[0].id;
  assert.match(id, /^F/);
  const posted = await client.chat.postMessage({ channel, text: 'chart', blocks: [{ type: 'image', alt_text: 'a chart', slack_file: { id } }] });
  assert.equal(posted.message.blocks[0].slack_file.id, id);
});

test('wrong blocks are refused with a pointer to each wrong place', async () => {
  const wrong = await failure(client.chat.postMessage({ channel, text: 'x', blocks: [section('good'), section('y'.repeat(3001)), { type: 'banner' }] }));
  assert.equal(wrong.code, ErrorCode.PlatformError);
  assert.equal(wrong.data.error, 'invalid_blocks');
  assert.ok(wrong.data.errors.some((text) => text.includes('[json-pointer:/blocks/1/text/text]')), String(wrong.data.errors));
  assert.ok(wrong.data.errors.some((text) => text.includes('[json-pointer:/blocks/2')), String(wrong.data.errors));
  assert.deepEqual(wrong.data.response_metadata.messages, wrong.data.errors.map((text) => `[ERROR] ${text}`));
  const many = await failure(client.chat.postMessage({ channel, text: 'x', blocks: Array.from({ length: 51 }, () => ({ type: 'divider' })) }));
  assert.equal(many.data.error, 'invalid_blocks');
});

test('a wrong token, place, message and an empty text have Slack\'s error codes', async () => {
  assert.equal((await failure(clientWith('xoxb-wrong').auth.test())).data.error, 'invalid_auth');
  assert.equal((await failure(clientWith(undefined).auth.test())).data.error, 'not_authed');
  assert.equal((await failure(client.chat.postMessage({ channel: 'C0NOWHERE', text: 'x' }))).data.error, 'channel_not_found');
  assert.equal((await failure(client.chat.postMessage({ channel: 'C0RANDOM001', text: 'x' }))).data.error, 'not_in_channel');
  assert.equal((await failure(client.chat.postMessage({ channel: 'C0ARCHIVE01', text: 'x' }))).data.error, 'is_archived');
  assert.equal((await failure(client.chat.postMessage({ channel, text: '' }))).data.error, 'no_text');
  assert.equal((await failure(client.apiCall('chat.invent', {}))).data.error, 'unknown_method');
});

test('a missing scope is named with what is there', async () => {
  await stack.post('slack/options', { scopes: ['commands', 'users:read'] });
  try {
    const wrong = await failure(client.chat.postMessage({ channel, text: 'x' }));
    assert.deepEqual([wrong.data.error, wrong.data.needed, wrong.data.provided], ['missing_scope', 'chat:write', 'commands,users:read']);
    assert.deepEqual(wrong.data.response_metadata.acceptedScopes, ['chat:write']);
  } finally {
    await stack.post('slack/options', { scopes: ['commands', 'chat:write', 'files:write', 'users:read', 'usergroups:read', 'channels:read'] });
  }
});

test('too many messages are a 429 with Retry-After, and the client that waits gets through', async () => {
  await stack.post('slack/options', { post_per_minute: 12, post_burst: 1 });
  await client.chat.postMessage({ channel, text: 'the last one for now' });
  const wrong = await failure(client.chat.postMessage({ channel, text: 'too soon' }));
  assert.equal(wrong.code, ErrorCode.RateLimitedError);
  assert.ok(wrong.retryAfter >= 1 && wrong.retryAfter <= 5, `${wrong.retryAfter}`);
  const patient = clientWith(secret(stack, 'bot_token'), { rejectRateLimitedCalls: false, retryConfig: { retries: 2 } });
  const began = Date.now();
  await patient.chat.postMessage({ channel, text: 'in its time' });
  assert.ok(Date.now() - began >= 500, 'it waited');
  assert.deepEqual((await stack.messages()).slice(-2).map(({ text }) => text), ['the last one for now', 'in its time']);
  await stack.fault('slack:chat.postMessage', '5xx');
  assert.equal((await failure(client.chat.postMessage({ channel, text: 'x' }))).code, ErrorCode.HTTPError);
});
