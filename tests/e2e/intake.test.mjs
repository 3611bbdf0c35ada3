// intake.test.mjs - what comes in: the forged leaves nothing but a counter and a log line, the genuine becomes a card, once.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { root, Stack } from '../support/stack.mjs';
import { busyJobs, freshWorld, redis, restart, sql, tableCounts, watchEffects } from '../support/cases.mjs';
import { alarmMessage, certificateUrl, commandBody, envelope, post, sendCommand, sendSns, slackHeaders, topic } from '../support/senders.mjs';

let stack;

before(async () => {
  stack = await Stack.start();
  await freshWorld(stack, { DBConnectionError: 2 });
});
after(() => stack?.stop());

const settled = () => stack.until(async () => (await busyJobs(stack)) === 0, 'all jobs to be done');
const incidents = (name) => sql(stack, `SELECT id, state, seen, title, changed_ms, version FROM incidents WHERE key LIKE '%:alarm:${name}'`);
const refusals = async () => Object.fromEntries([...(await stack.metrics()).matchAll(/fluxabot_requests_total\{verdict="(malformed|denied|replayed)"\} (\d+)/g)].map((match) => [match[1], Number(match[2])]));
const sum = (counters) => Object.values(counters).reduce((all, one) => all + one, 0);

// Each is refused with a 4xx, and all that is left of it are a counter and a line in the log.
async function refusedWithoutTrace(attempts) {
  await settled();
  const tables = await tableCounts(stack);
  const counters = await refusals();
  const lines = (await stack.log()).filter((line) => line.event === 'request.refused').length;
  for (const [name, send] of Object.entries(attempts)) {
    const { status } = await send();
    // who is refused before he has finished may find the line cut before he can read why
    assert.ok((status >= 400 && status < 500) || (status === 0 && /MiB/.test(name)), `${name}: ${status}`);
    assert.deepEqual(await tableCounts(stack), tables, `${name} left a row`);
  }
  const count = Object.keys(attempts).length;
  assert.equal(sum(await refusals()) - sum(counters), count, 'each is counted');
  assert.equal((await stack.log()).filter((line) => line.event === 'request.refused').length - lines, count, 'each stands in the log');
}

const interaction = (payload) => `payload=${encodeURIComponent(typeof payload === 'string' ? payload : JSON.stringify(payload))}`;
const click = { type: 'block_actions', team: { id: 'T0FLUXA0001' }, user: { id: 'U0BOLIND02', team_id: 'T0FLUXA0001' }, api_app_id: 'A', trigger_id: '1.2.3', channel: { id: 'C0FLUXA0001' }, container: { message_ts: '1.1' }, response_url: '', actions: [{ type: 'button', action_id: 'approve', block_id: 'b', value: 'apr-x', action_ts: '1.1' }] };
const sendClick = (body, how) => post(stack, '/slack/interactions', slackHeaders(stack, body, how), body);

test('a Slack request as it should be is taken', async () => {
  assert.equal((await sendCommand(stack, commandBody('help'))).status, 200);
  assert.equal((await sendClick(interaction({ ...click, trigger_id: '9.9.9' }))).status, 200);
  await settled();
});

test('a Slack request that is forged, stale, cut, doubled or foreign leaves no trace', async () => {
  const now = Math.floor(Date.now() / 1000);
  const body = commandBody('dlq');
  const good = slackHeaders(stack, body);
  const without = (name) => good.flatMap((_, i) => (i % 2 === 0 && good[i] !== name ? [good[i], good[i + 1]] : []));
  const command = (headers, sent = body) => () => post(stack, '/slack/commands', headers, sent);
  await refusedWithoutTrace({
    'without a signature': command(without('X-Slack-Signature')),
    'without a timestamp': command(without('X-Slack-Request-Timestamp')),
    'with another secret': () => sendCommand(stack, body, { secret: 'another' }),
    'with an empty secret': () => sendCommand(stack, body, { secret: '' }),
    'with another body': command(good, body.replace('dlq', 'dlq+redrive')),
    'with a byte more': command(good, `${body}&`),
    'with a flipped case': command(good.map((value) => (/^v0=/.test(value) ? value.toUpperCase() : value))),
    'six minutes old': () => sendCommand(stack, body, { timestamp: now - 360 }),
    'six minutes ahead': () => sendCommand(stack, body, { timestamp: now + 360 }),
    'with a negative time': () => sendCommand(stack, body, { timestamp: `-${now}` }),
    'with a time in floats': () => sendCommand(stack, body, { timestamp: `${now}.0` }),
    'with a time of twenty digits': () => sendCommand(stack, body, { timestamp: `${now}0000000000` }),
    'with two signatures': command([...good, 'X-Slack-Signature', 'v0=00']),
    'with two timestamps': command([...good, 'X-Slack-Request-Timestamp', String(now)]),
    'of another team': () => sendCommand(stack, commandBody('dlq', { team_id: 'T0STRANGER1' })),
    'with a field twice': () => sendCommand(stack, `${commandBody('dlq')}&user_id=U0BOLIND02`),
    'without a user': () => sendCommand(stack, commandBody('dlq').replace(/&user_id=[^&]*/, '')),
    'larger than a command': () => sendCommand(stack, commandBody('x'.repeat(70000))),
    'as a click that is cut': () => sendClick(interaction(JSON.stringify(click).slice(0, -10))),
    'as a click with a key twice': () => sendClick(interaction(JSON.stringify(click).replace('"type":"block_actions"', '"type":"block_actions","user":{"id":"U0ANNA0001"}'))),
    'as a click of another team': () => sendClick(interaction({ ...click, team: { id: 'T0STRANGER1' } })),
    'as a click that is no JSON': () => sendClick(interaction('hello')),
    'as a click nested too deep': () => sendClick(interaction(`${'['.repeat(3000)}${']'.repeat(3000)}`)),
    'as a click with two payloads': () => sendClick(`${interaction(click)}&${interaction(click)}`),
  });
});

test('the same Slack request counts once, also after a restart', async () => {
  const body = commandBody('help');
  const headers = slackHeaders(stack, body);
  assert.equal((await post(stack, '/slack/commands', headers, body)).status, 200);
  await refusedWithoutTrace({ 'at once': () => post(stack, '/slack/commands', headers, body), 'again': () => post(stack, '/slack/commands', headers, body) });
  await restart(stack);
  await refusedWithoutTrace({ 'after a restart': () => post(stack, '/slack/commands', headers, body) });
  const again = slackHeaders(stack, body, { timestamp: Math.floor(Date.now() / 1000) + 1 });
  await refusedWithoutTrace({ 'signed anew with the same trigger': () => post(stack, '/slack/commands', again, body) });
});

test('before the certificate is known, a forged notification opens nothing', async () => {
  await redis(stack, 'FLUSHALL'); // it would outlive the restart
  await restart(stack);
  const before = await tableCounts(stack);
  const forged = envelope(stack, { Message: alarmMessage('fluxa-forged', 'ALARM') }, { Message: alarmMessage('fluxa-forged-2', 'ALARM') });
  assert.equal((await sendSns(stack, forged)).status, 200, 'reception cannot know yet');
  await settled();
  const now = await tableCounts(stack);
  assert.deepEqual([now.incidents, now.runs, now.outbox], [before.incidents, before.runs, before.outbox]);
  assert.equal((await sql(stack, "SELECT count(*) AS n FROM audit WHERE action = 'sns.refused'"))[0].n, 1);
});

test('a notification that is forged, stale, foreign or cut otherwise leaves no trace', async () => {
  await stack.alarm('fluxa-warm-up', 'ALARM'); // the certificate is known from here on
  await stack.until(async () => (await incidents('fluxa-warm-up')).length === 1, 'the first incident');
  const message = alarmMessage('fluxa-forged', 'ALARM');
  const subject = envelope(stack, { Message: message, Subject: 'ALARM' });
  const signed = envelope(stack, { Message: message });
  await refusedWithoutTrace({
    'another message': () => sendSns(stack, { ...signed, Message: alarmMessage('fluxa-forged-2', 'ALARM') }),
    'another id': () => sendSns(stack, { ...signed, MessageId: '00000000-0000-4000-8000-000000000000' }),
    'no signature': () => sendSns(stack, { ...signed, Signature: '' }),
    'a signature of zeros': () => sendSns(stack, { ...signed, Signature: Buffer.alloc(256).toString('base64') }),
    'a signature of another version': () => sendSns(stack, { ...signed, SignatureVersion: '1' }),
    'a foreign topic': () => sendSns(stack, envelope(stack, { Message: message, TopicArn: 'arn:aws:sns:us-east-1:999999999999:fluxa-alarms' })),
    'a topic with a suffix': () => sendSns(stack, envelope(stack, { Message: message, TopicArn: `${topic}-2` })),
    'another topic in the header': () => sendSns(stack, envelope(stack, { Message: message }), ['x-amz-sns-topic-arn', `${topic}-2`]),
    'two hours old': () => sendSns(stack, envelope(stack, { Message: message, Timestamp: new Date(Date.now() - 7200000).toISOString() })),
    'an hour ahead': () => sendSns(stack, envelope(stack, { Message: message, Timestamp: new Date(Date.now() + 3600000).toISOString() })),
    'the subject cut into the id': () => sendSns(stack, { ...subject, MessageId: `${subject.MessageId}\nSubject\nALARM`, Subject: undefined }),
    'the subject in the message': () => sendSns(stack, { ...subject, Message: `${message}\nMessageId\n${subject.MessageId}`, MessageId: 'ALARM' }),
    'a certificate by http': () => sendSns(stack, { ...signed, SigningCertURL: certificateUrl(stack).replace('https', 'http') }),
    'a certificate of a bucket': () => sendSns(stack, { ...signed, SigningCertURL: 'https://sns-us-east-1.s3.amazonaws.com/SimpleNotificationService-00000000000000000000000000000000.pem' }),
    'a certificate behind a user name': () => sendSns(stack, { ...signed, SigningCertURL: `https://sns.us-east-1.amazonaws.com@127.0.0.1/SimpleNotificationService-${'0'.repeat(32)}.pem` }),
    'raw delivery': () => sendSns(stack, envelope(stack, { Message: message }), ['x-amz-sns-rawdelivery', 'true']),
    'no JSON': () => sendSns(stack, 'hello'),
    'half of it': () => sendSns(stack, JSON.stringify(signed).slice(0, 300)),
    'a key twice': () => sendSns(stack, JSON.stringify(signed).replace('{', '{"Type":"Notification",')),
    'three MiB': () => sendSns(stack, envelope(stack, { Message: 'x'.repeat(3 << 20) })),
    'a hundred thousand values': () => sendSns(stack, `{"Type":"Notification","a":[${'1,'.repeat(100000)}1]}`),
  });
  assert.equal((await incidents('fluxa-forged')).length, 0);
});

test('a notification that comes five times is told once, also across a restart', async () => {
  const made = envelope(stack, { Message: alarmMessage('fluxa-twice', 'ALARM') });
  const answers = await Promise.all([1, 2, 3, 4].map(() => sendSns(stack, made)));
  assert.deepEqual(answers.map((answer) => answer.status), [200, 200, 200, 200]);
  await restart(stack);
  assert.equal((await sendSns(stack, made)).status, 200);
  await settled();
  const [incident, ...more] = await incidents('fluxa-twice');
  assert.equal(more.length, 0);
  assert.equal(incident.seen, 1);
});

test('eight alarms of one key at once are one incident', async () => {
  const at = Date.now();
  await Promise.all(Array.from({ length: 8 }, (_, i) => sendSns(stack, envelope(stack, { Message: alarmMessage('fluxa-at-once', 'ALARM', at + i) }))));
  await settled();
  const found = await incidents('fluxa-at-once');
  assert.equal(found.length, 1);
  assert.equal(found[0].state, 0);
  assert.equal((await sql(stack, 'SELECT count(*) AS n FROM jobs WHERE state = 3'))[0].n, 0, 'none was given up');
  await stack.until(() => stack.card(/fluxa-at-once/), 'the card', 40000);
  assert.equal((await stack.messages()).filter((message) => /fluxa-at-once/.test(message.text)).length, 1);
});

test('OK closes, and an alarm that comes late opens nothing', async () => {
  const at = Date.now();
  await sendSns(stack, envelope(stack, { Message: alarmMessage('fluxa-order', 'ALARM', at) }));
  await sendSns(stack, envelope(stack, { Message: alarmMessage('fluxa-order', 'OK', at + 2000) }));
  await settled();
  await sendSns(stack, envelope(stack, { Message: alarmMessage('fluxa-order', 'ALARM', at + 1000) }));
  await settled();
  assert.equal((await incidents('fluxa-order'))[0].state, 1);
  assert.equal((await incidents('fluxa-order'))[0].seen, 2);
  await sendSns(stack, envelope(stack, { Message: alarmMessage('fluxa-early-ok', 'OK', at) }));
  await settled();
  assert.ok(!(await stack.card(/fluxa-early-ok/)), 'an OK alone tells nobody anything');
  await sendSns(stack, envelope(stack, { Message: alarmMessage('fluxa-early-ok', 'ALARM', at - 60000) }));
  await settled();
  const late = await stack.until(() => stack.card(/fluxa-early-ok/), 'the alarm that was over when it came', 30000);
  assert.match(late.text, /^Resolved/);
  assert.match(JSON.stringify(late), /told only after it was over/);
  assert.equal((await incidents('fluxa-early-ok'))[0].state, 1);
  await sendSns(stack, envelope(stack, { Message: alarmMessage('fluxa-order', 'INSUFFICIENT_DATA', at + 3000) }));
  await settled();
  assert.equal((await incidents('fluxa-order'))[0].state, 1);
});

test('an alarm that flaps is one card, one page, and one look into the queue', async () => {
  await freshWorld(stack, { DBConnectionError: 2 });
  const runs = async () => (await sql(stack, "SELECT count(*) AS n FROM runs WHERE trigger_kind = 'alarm'"))[0].n;
  const before = await runs();
  for (let i = 0; i < 3; i++) {
    await stack.alarm('fluxa-dlq-depth-dev', 'ALARM');
    await settled();
    await stack.alarm('fluxa-dlq-depth-dev', 'OK');
    await settled();
  }
  assert.equal((await incidents('fluxa-dlq-depth-dev')).length, 1);
  assert.equal((await runs()) - before, 1, 'each look hides messages, which could end the alarm and begin it anew');
});

test('a page is sent, acknowledged from Slack and resolved with the alarm', async () => {
  await freshWorld(stack, { DBConnectionError: 2 });
  const page = async () => (await stack.get('pagerduty/pages')).pages.find((one) => /fluxa-prod-errors-1/.test(JSON.stringify(one)));
  await sendSns(stack, envelope(stack, { Message: alarmMessage('fluxa-prod-errors-1', 'ALARM') }));
  const card = await stack.until(() => stack.card(/fluxa-prod-errors-1/), 'the card', 40000);
  await stack.until(async () => (await page())?.status === 'triggered', 'the page');
  await stack.click('operator', card, 'ack');
  await stack.until(async () => (await page()).status === 'acknowledged', 'the acknowledgement');
  await stack.until(async () => /Acknowledged/.test(JSON.stringify((await stack.message(card.ts)).blocks)), 'the card to say so');
  await sendSns(stack, envelope(stack, { Message: alarmMessage('fluxa-prod-errors-1', 'OK', Date.now() + 1) }));
  await stack.until(async () => (await page()).status === 'resolved', 'the page to be resolved');
});

test('a subscription is confirmed by a signed call, and its address is never visited', async () => {
  await freshWorld(stack, {});
  const visits = [];
  const sink = createServer((request, response) => { visits.push(request.url); response.end('ok'); });
  await new Promise((done) => sink.listen(0, '127.0.0.1', done));
  const effects = await watchEffects(stack);
  const url = `http://127.0.0.1:${sink.address().port}/?Action=ConfirmSubscription`;
  await sendSns(stack, envelope(stack, { Type: 'SubscriptionConfirmation', Token: 'a'.repeat(64), SubscribeURL: url, Message: 'You have chosen to subscribe' }));
  await sendSns(stack, envelope(stack, { Type: 'SubscriptionConfirmation', TopicArn: 'arn:aws:sns:us-east-1:999999999999:evil', Token: 'a'.repeat(64), SubscribeURL: url, Message: 'You have chosen to subscribe' }));
  await settled();
  assert.deepEqual(await effects('ConfirmSubscription'), []);
  await stack.world({ sns: { confirm: true } });
  await stack.until(async () => (await effects('ConfirmSubscription')).length === 1, 'the confirmation');
  await stack.until(() => stack.card(/Alarms are connected/), 'the card that says so', 60000);
  assert.deepEqual(visits, []);
  sink.close();
});

// The last test: what it says fills the channel for a minute.
test('every alarm text that AWS is known to send, and any other, becomes a card or is known to need none', async () => {
  await freshWorld(stack, {});
  const folder = path.join(root, 'tests/golden/alarms');
  const wrong = [];
  for (const file of await readdir(folder)) {
    const golden = JSON.parse(await readFile(path.join(folder, file), 'utf8'));
    const text = typeof golden.message === 'string' ? golden.message : JSON.stringify(golden.message);
    const before = await tableCounts(stack);
    const { status } = await sendSns(stack, envelope(stack, { Message: text, ...(golden.subject === undefined ? {} : { Subject: golden.subject.replace(/[\x00-\x1f]/g, ' ') }) }));
    await settled();
    const now = await tableCounts(stack);
    const silent = ['ok', 'insufficient'].includes(golden.expect.state);
    const known = (await sql(stack, `SELECT count(*) AS n FROM incidents WHERE key = '${String(golden.expect.key).replaceAll("'", "''")}'`))[0].n > 0 && now.incidents === before.incidents;
    if (status !== 200) wrong.push(`${file}: ${status}`);
    // so many at once are a storm, whose card tells of its members
    else if (!silent && now.outbox <= before.outbox && now.storm_members <= before.storm_members && !known) wrong.push(`${file}: nobody is told`);
  }
  assert.deepEqual(wrong, []);
  assert.deepEqual(await sql(stack, 'SELECT subject, last_error FROM jobs WHERE state = 3'), []);
  const hostile = ['<!channel> <@U0ANNA0001> <https://evil.example|here>', 'Approved by @cto', '\u202e\u0007', '{"a":'.repeat(50), 'x'.repeat(200000), '*Approve* `rm`', '{"AlarmName":{},"NewStateValue":[]}', '[]', '""', '', 'null', '{"AlarmName":"","NewStateValue":"ALARM"}'];
  for (const text of hostile) assert.equal((await sendSns(stack, envelope(stack, { Message: text }))).status, 200, text.slice(0, 40));
  await settled();
  assert.deepEqual(await sql(stack, 'SELECT subject, last_error FROM jobs WHERE state = 3'), []);
  const rows = await sql(stack, 'SELECT payload_json FROM outbox WHERE kind = 0');
  for (const row of rows) assert.ok(!/<!channel>|<@U0ANNA0001>|<https:\/\/evil/.test(row.payload_json), row.payload_json.slice(0, 300));
});
