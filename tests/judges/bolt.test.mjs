// bolt.test.mjs - Slack's own framework, playing the bot, judges the requests the sandbox sends.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, beforeEach, test } from 'node:test';
import bolt from '@slack/bolt';
import { Stack, channel } from '../support/stack.mjs';
import { secret } from './support.mjs';

const { App, HTTPReceiver, LogLevel } = bolt;
let stack;
let app;
let seen; // what the handlers were given, in order

const card = {
  text: 'Approve?',
  blocks: [{
    type: 'actions', block_id: 'decide',
    elements: [
      { type: 'button', action_id: 'approve', value: 'apr-1', text: { type: 'plain_text', text: 'Approve' }, style: 'primary' },
      { type: 'button', action_id: 'deny', value: 'apr-1', text: { type: 'plain_text', text: 'Deny' }, style: 'danger' },
    ],
  }],
};
const dialog = {
  type: 'modal', callback_id: 'deny_reason', private_metadata: 'apr-1', notify_on_close: true,
  title: { type: 'plain_text', text: 'Deny' }, submit: { type: 'plain_text', text: 'Deny' }, close: { type: 'plain_text', text: 'Back' },
  blocks: [{ type: 'input', block_id: 'reason', label: { type: 'plain_text', text: 'Reason' }, element: { type: 'plain_text_input', action_id: 'reason', multiline: true } }],
};

function handle() {
  app.command('/fluxa', async ({ command, ack, say, respond }) => {
    seen.push(['command', command]);
    if (command.text === 'card') {
      await ack();
      await say(card);
    } else if (command.text === 'respond') {
      await ack();
      await respond({ text: 'by response_url', response_type: 'ephemeral' });
    } else {
      await ack({ response_type: 'ephemeral', text: `Heard: ${command.text}` });
    }
  });
  app.action('approve', async ({ action, body, ack, respond }) => {
    seen.push(['click', action, body]);
    await ack();
    await respond({ text: 'not you', response_type: 'ephemeral', replace_original: false });
  });
  app.action('deny', async ({ body, ack, client }) => {
    await ack();
    await client.views.open({ trigger_id: body.trigger_id, view: dialog });
  });
  app.view('deny_reason', async ({ view, body, ack }) => {
    seen.push(['submit', view, body]);
    if (view.state.values.reason.reason.value === 'no') await ack({ response_action: 'errors', errors: { reason: 'Say more' } });
    else await ack();
  });
  app.view({ callback_id: 'deny_reason', type: 'view_closed' }, async ({ body, view, ack }) => {
    seen.push(['closed', view, body]);
    await ack();
  });
}

before(async () => {
  stack = await Stack.start({ bot: false });
  const receiver = new HTTPReceiver({ signingSecret: secret(stack, 'signing_secret'), endpoints: ['/slack/commands', '/slack/interactions'], logLevel: LogLevel.ERROR });
  app = new App({
    receiver, logLevel: LogLevel.ERROR,
    clientOptions: { slackApiUrl: `${stack.page}/slack/api/` },
    authorize: async () => ({ botToken: secret(stack, 'bot_token'), botId: 'B0FLUXABOT', botUserId: 'U0FLUXABOT' }),
  });
  handle();
  const server = await receiver.start({ port: 0, host: '127.0.0.1' });
  await stack.post('bot', { url: `http://127.0.0.1:${server.address().port}` });
});

after(async () => {
  await app?.stop();
  await stack?.stop();
});

beforeEach(() => {
  seen = [];
});

const handled = (kind) => stack.until(() => seen.find(([name]) => name === kind), `the ${kind} to be handled`);

async function newCard() {
  const before = new Set((await stack.messages()).map(({ ts }) => ts));
  await stack.command('requester', '/fluxa card');
  return stack.until(async () => (await stack.messages()).find(({ ts }) => !before.has(ts)), 'the card');
}

test('a slash command reaches its handler with Slack\'s fields, and the acknowledgement is shown to its author', async () => {
  const outcome = await stack.command('requester', '/fluxa dlq redrive 20 @bo #fluxa-alerts a&b <c> ä');
  assert.equal(outcome.status, 200);
  const [, command] = await handled('command');
  assert.equal(command.command, '/fluxa');
  assert.equal(command.text, 'dlq redrive 20 <@U0BOLIND02> <#C0FLUXA0001|fluxa-alerts> a&amp;b &lt;c&gt; ä');
  assert.equal(command.user_id, 'U0ANNA0001');
  assert.equal(command.team_id, 'T0FLUXA0001');
  assert.equal(command.channel_id, channel);
  assert.equal(command.channel_name, 'fluxa-alerts');
  assert.equal(command.api_app_id, 'A0FLUXABOT');
  assert.equal(command.is_enterprise_install, 'false');
  assert.match(command.trigger_id, /^\d+\.\d+\.\w+$/);
  assert.ok(command.response_url.startsWith(`${stack.page}/slack/hooks/`));
  assert.ok((await stack.private('requester')).some(({ text }) => text?.startsWith('Heard: dlq redrive 20')));
  assert.ok(!(await stack.private('approver')).some(({ text }) => text?.startsWith('Heard:')));
});

test('an answer by response_url is seen by the author only', async () => {
  await stack.command('approver', '/fluxa respond');
  await stack.until(async () => (await stack.private('approver')).find(({ text }) => text === 'by response_url'), 'the answer');
  assert.ok(!(await stack.private('requester')).some(({ text }) => text === 'by response_url'));
});

test('a click reaches its handler with person, value, message and response_url, and spares the card', async () => {
  const message = await newCard();
  assert.equal((await stack.click('approver', message, 'approve')).status, 200);
  const [, action, body] = await handled('click');
  assert.equal(action.action_id, 'approve');
  assert.equal(action.block_id, 'decide');
  assert.equal(action.value, 'apr-1');
  assert.equal(action.type, 'button');
  assert.match(action.action_ts, /^\d+\.\d+$/);
  assert.equal(body.type, 'block_actions');
  assert.equal(body.user.id, 'U0BOLIND02');
  assert.equal(body.user.team_id, 'T0FLUXA0001');
  assert.equal(body.team.id, 'T0FLUXA0001');
  assert.equal(body.channel.id, channel);
  assert.deepEqual(body.container, { type: 'message', message_ts: message.ts, channel_id: channel, is_ephemeral: false });
  assert.equal(body.message.ts, message.ts);
  assert.equal(body.message.text, 'Approve?');
  assert.ok(body.response_url && body.trigger_id);
  await stack.until(async () => (await stack.private('approver')).find(({ text }) => text === 'not you'), 'the refusal');
  assert.equal((await stack.message(message.ts)).text, 'Approve?');
});

async function openDialog() {
  const message = await newCard();
  await stack.click('approver', message, 'deny');
  return stack.until(async () => (await stack.get('slack/private?user=approver')).views?.[0], 'the dialog');
}

test('a dialog opens from a click, its submission reaches the handler, complaints keep it open', async () => {
  const view = await openDialog();
  await stack.post('slack/submit', { user: 'approver', view_id: view.id, values: { reason: { reason: 'no' } } });
  const [, first] = await handled('submit');
  assert.equal(first.state.values.reason.reason.value, 'no');
  assert.equal((await stack.get('slack/private?user=approver')).views.length, 1);
  seen = [];
  assert.equal((await stack.post('slack/submit', { user: 'approver', view_id: view.id, values: { reason: { reason: 'the database is still down' } } })).status, 200);
  const [, given, body] = await handled('submit');
  assert.equal(body.type, 'view_submission');
  assert.equal(body.user.id, 'U0BOLIND02');
  assert.equal(given.id, view.id);
  assert.equal(given.callback_id, 'deny_reason');
  assert.equal(given.private_metadata, 'apr-1');
  assert.deepEqual(given.state.values, { reason: { reason: { type: 'plain_text_input', value: 'the database is still down' } } });
  assert.equal((await stack.get('slack/private?user=approver')).views.length, 0);
});

test('a dialog that is left tells the handler when it asked for that', async () => {
  const view = await openDialog();
  await stack.post('slack/submit', { user: 'approver', view_id: view.id, cancel: true });
  const [, given, body] = await handled('closed');
  assert.equal(given.id, view.id);
  assert.equal(body.is_cleared, false);
});

// ---- requests that must not reach a handler ----

const form = (text) => new URLSearchParams({ command: '/fluxa', text, team_id: 'T0FLUXA0001', user_id: 'U0ANNA0001', channel_id: channel, trigger_id: '1.2.3', response_url: 'http://127.0.0.1/' }).toString();
const raw = (wish) => stack.post('slack/raw', { path: '/slack/commands', ...wish });
const now = () => Math.floor(Date.now() / 1000);
const sign = (timestamp, body) => `v0=${createHmac('sha256', secret(stack, 'signing_secret')).update(`v0:${timestamp}:${body}`).digest('hex')}`;

test('the sandbox signs as anybody else computes it from Slack\'s guide', async () => {
  const timestamp = now();
  const own = await raw({ body: form('signed by the sandbox'), timestamp });
  const ours = await raw({ body: form('signed by the test'), timestamp, signature: sign(timestamp, form('signed by the test')) });
  assert.deepEqual([own.status, ours.status], [200, 200]);
  assert.deepEqual(seen.map(([, command]) => command.text), ['signed by the sandbox', 'signed by the test']);
});

test('a changed body, a changed signature, none and one six minutes old are 401', async () => {
  const timestamp = now();
  const good = sign(timestamp, form('dlq'));
  const wrong = {
    'a changed body': { body: form('dlq redrive'), timestamp, signature: good },
    'a changed time': { body: form('dlq'), timestamp: timestamp - 1, signature: good },
    'a changed signature': { body: form('dlq'), timestamp, signature: good.replace(/.$/, (digit) => (digit === '0' ? '1' : '0')) },
    'no signature': { body: form('dlq'), sign: false },
    'six minutes old': { body: form('dlq'), timestamp: timestamp - 360 },
  };
  for (const [name, wish] of Object.entries(wrong)) assert.equal((await raw(wish)).status, 401, name);
  assert.deepEqual(seen, []);
});

test('a repetition of the last request is the same request', async () => {
  await stack.command('requester', '/fluxa once more');
  assert.equal((await stack.post('slack/replay')).status, 200);
  await stack.until(() => seen.length === 2, 'both');
  assert.deepEqual(seen[0][1], seen[1][1]);
});
