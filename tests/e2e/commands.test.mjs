// commands.test.mjs - F-01 to F-04 and what people type wrongly: every answer can be read, nothing is left changed.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Stack } from '../support/stack.mjs';
import { answerTo, busyJobs, dlq, edit, freshWorld, listing, main, postgres, restart, sql, watchEffects, watchPrivate } from '../support/cases.mjs';

let stack;

before(async () => {
  stack = await Stack.start();
});
after(() => stack?.stop());

const counts = async (name = dlq) => (await stack.get('world')).queues.find((queue) => queue.name === name);
const settled = () => stack.until(async () => (await busyJobs(stack)) === 0, 'all jobs to be done');

async function privately(text, pattern, user = 'requester') {
  const told = await watchPrivate(stack, user);
  await stack.command(user, text);
  return told(pattern, `${text}: ${pattern}`);
}

test('F-01: the queue, its age, the time that is left and the last move task', async () => {
  await freshWorld(stack, { DBConnectionError: 6, HashMismatch: 2 });
  const card = await answerTo(stack, '/fluxa dlq');
  assert.match(card.text, /8/);
  for (const part of [/Fluxa-DLQ/, /dead letters?/i, /main queue/i, /oldest/i, /(time left|until the oldest is dropped|dropped)/i, /move task/i, /approximate/i]) assert.match(JSON.stringify(card), part);
  await freshWorld(stack, {});
  assert.match((await answerTo(stack, '/fluxa dlq')).text, /empty/);
});

test('F-02: a look shows who they are, only to the asker, and puts every message back', async () => {
  await freshWorld(stack, { DBConnectionError: 7, SchemaValidation: 4 });
  const channel = (await stack.messages()).length;
  const effects = await watchEffects(stack);
  const before = await listing(stack);
  const card = await privately('/fluxa dlq inspect 5', /5 messages of about 11/);
  assert.equal((await stack.messages()).length, channel, 'nothing of it stands in the channel');
  assert.ok(!(await stack.private('approver')).some((message) => message.ts === card.ts));
  const now = await counts();
  assert.deepEqual([now.visible, now.in_flight], [11, 0], 'every message is visible again');
  assert.deepEqual((await listing(stack)).map((message) => message.message_id).sort(), before.map((message) => message.message_id).sort());
  assert.deepEqual(await effects('SendMessage'), []);
  assert.deepEqual(await effects('DeleteMessage'), []);
  const shown = JSON.stringify(card);
  assert.ok(!/amount_cents|payload_hash|caf[^0-9a-f-]/.test(shown), 'no field that the system does not allow');
});

test('F-02: the caps hold', async () => {
  for (const [text, why] of [['/fluxa dlq inspect 51', /50/], ['/fluxa dlq inspect 0', /1/], ['/fluxa dlq inspect -1', /.+/], ['/fluxa dlq inspect 1.5', /.+/], ['/fluxa dlq inspect 99999999999999999999', /.+/], ['/fluxa dlq inspect ten', /.+/]]) {
    const told = await privately(text, /Nothing was done/);
    assert.match(told.text, why);
  }
  await freshWorld(stack, { DBConnectionError: 60 });
  await privately('/fluxa dlq inspect 50', /50 messages of about 60/);
  await stack.until(async () => (await counts()).in_flight === 0, 'all to be put back');
});

test('F-02 and F-03 stop before a queue that counts every look, and while it is moved', async () => {
  await freshWorld(stack, { DBConnectionError: 2 });
  await stack.world({ queues: [{ name: 'Fluxa-DLQ-2' }, { name: dlq, attributes: { RedrivePolicy: JSON.stringify({ deadLetterTargetArn: 'arn:aws:sqs:us-east-1:123456789012:Fluxa-DLQ-2', maxReceiveCount: 2 }) } }] });
  await privately('/fluxa dlq inspect', /redrive policy of its own/);
  assert.match((await answerTo(stack, '/fluxa dlq classify')).text, /redrive policy of its own/);
  await freshWorld(stack, { DBConnectionError: 30 });
  const card = await stack.askRedrive('/fluxa dlq redrive rate=1');
  await stack.click('approver', card, 'approve');
  await stack.until(async () => (await stack.get('world')).move_tasks.some((task) => task.status === 'RUNNING'), 'the move task');
  await privately('/fluxa dlq inspect', /move task of .* is RUNNING/);
  await answerTo(stack, '/fluxa dlq redrive-cancel');
  await stack.ending(card);
});

test('F-03: every cause is counted, unknown ones are never safe', async () => {
  await freshWorld(stack, { DBConnectionError: 5, SchemaValidation: 3, HashMismatch: 5 });
  await stack.world({ send: [{ queue: dlq, body: { event_id: 'nobody-knows', correlation_id: 'nobody-knows', payload: {} } }, { queue: dlq, body: 'not json' }] });
  const card = await answerTo(stack, '/fluxa dlq classify');
  const shown = JSON.stringify(card);
  for (const cause of ['DBConnectionError', 'SchemaValidation', 'HashMismatch', 'Unknown']) assert.match(shown, new RegExp(cause));
  assert.match(card.text, /5/);
  assert.equal((await counts()).in_flight, 0);
});

test('F-04: an event that was processed, one that was only tried, and one nobody has seen', async () => {
  await freshWorld(stack, { DBConnectionError: 2, HashMismatch: 1 });
  await postgres(stack, "INSERT INTO events (event_id, payload) VALUES ('evt-there', '{\"card\":\"4111 1111 1111 1111\"}'); INSERT INTO idempotency_keys (event_id, status, attempts) VALUES ('evt-there', 'success', 1)");
  const tried = (await listing(stack)).find((message) => message.event_id).event_id;
  const there = await answerTo(stack, '/fluxa event evt-there');
  assert.match(there.text, /processed/);
  assert.ok(!/4111/.test(JSON.stringify(there)));
  assert.match((await answerTo(stack, `/fluxa event ${tried}`)).text, /not stored|not in the events table/);
  assert.match((await answerTo(stack, '/fluxa event evt-nowhere')).text, /never seen/i);
  await postgres(stack, 'ALTER ROLE fluxabot_ro NOLOGIN');
  const failed = await answerTo(stack, '/fluxa event evt-there');
  await postgres(stack, 'ALTER ROLE fluxabot_ro LOGIN');
  assert.match(failed.text, /^Failed/);
  assert.match(failed.text, /Nothing was changed/);
  assert.ok(!/postgresql:\/\//.test(JSON.stringify(failed)), 'no connection string');
});

const hostile = [
  "'; DROP TABLE events; --", '" or "1"="1', "evt' OR 1=1", 'x | filter 1=1 | limit 10000', '`id`', '$(touch /tmp/fluxabot-owned)', '; rm -rf /', '../../etc/passwd', '<!channel>', '<@U0ANNA0001>', '<https://evil.example|click>',
  '*bold* _it_ ~no~', '\u202egnp.exe', 'a\u0000b', '%s%s%n', '${variables.queue_url}', '${1+1}', '{{7*7}}', 'Ä'.repeat(120), '🙂'.repeat(60), 'a'.repeat(4000), '\\', '&lt;', '-1e309', '‮‏',
];

test('F-12: a trace tells where an event first failed, and which stages say nothing', async () => {
  await freshWorld(stack, { DBConnectionError: 1 });
  const classified = await answerTo(stack, '/fluxa dlq classify');
  const button = classified.blocks.flatMap(({ elements = [] }) => elements).find(({ text }) => /^Trace one of DBConnectionError/.test(text?.text));
  const known = new Set((await stack.messages()).map((message) => message.ts));
  await stack.click('requester', classified, button.action_id);
  const card = await stack.until(async () => (await stack.messages()).find((message) => !known.has(message.ts)), 'the trace');
  assert.match(card.text, /It first failed at persist in processor: DBConnectionError/);
  assert.match(card.text, /No line for process/);
  assert.match(JSON.stringify(card.blocks), /validate.*enqueue.*persist/s, 'in order');
  assert.match((await answerTo(stack, '/fluxa trace c-none')).text, /No service logged it in the last 1 d/);
  await privately('/fluxa trace "x\" or 1=1"', /id/);
});

test('hostile text reaches nothing: no SQL, no query, no shell, no mention, no expression', async () => {
  await freshWorld(stack, { DBConnectionError: 1 });
  const runs = (await sql(stack, 'SELECT count(*) AS n FROM runs'))[0].n;
  for (const text of hostile)
    for (const command of ['event', 'dlq inspect', 'dlq redrive', 'nonsense', 'env='])
      await stack.command('requester', `/fluxa ${command}${command === 'env=' ? '' : ' '}${text}`).catch(() => {});
  await settled();
  await stack.until(async () => (await sql(stack, 'SELECT count(*) AS n FROM outbox WHERE state < 2'))[0].n === 0, 'all answers', 60000);
  const answers = (await stack.private('requester')).slice(-hostile.length * 5);
  const shown = JSON.stringify(answers);
  assert.ok(!/<!channel>|<@U0ANNA0001>|<https:\/\/evil/.test(shown), 'no mention and no link');
  assert.ok(!/127\.0\.0\.1:\d+\/123456789012/.test(shown), 'no expression was evaluated');
  assert.equal((await sql(stack, 'SELECT count(*) AS n FROM outbox WHERE state = 3'))[0].n, 0, 'Slack took every answer');
  assert.equal((await sql(stack, 'SELECT count(*) AS n FROM jobs WHERE state = 3'))[0].n, 0, 'no job was quarantined');
  const started = await sql(stack, `SELECT command, arguments_json FROM runs LIMIT -1 OFFSET ${runs}`);
  for (const run of started) assert.ok(!/[;'"`$<>|]/.test(Object.values(JSON.parse(run.arguments_json)).filter((value) => typeof value === 'string').join('')), run.arguments_json);
  await postgres(stack, 'SELECT count(*) FROM events');
});

test('wrong words are answered with what was probably meant, and nothing is done', async () => {
  for (const [text, pattern] of [
    ['/fluxa dlq clasify', /Did you mean/], ['/fluxa dql', /Did you mean/], ['/fluxa dlq inspect 5 6', /Nothing was done/], ['/fluxa dlq inspect count=5 count=6', /Nothing was done/], ['/fluxa dlq inspect colour=red', /Nothing was done/],
    ['/fluxa dlq inspect "5', /Nothing was done/], ['/fluxa event', /Nothing was done/], ['/fluxa dlq redrive rate=0', /Nothing was done/], ['/fluxa dlq redrive rate=501', /Nothing was done/],
    ['/fluxa dlq env=nowhere', /no environment nowhere; there is: dev/], ['/fluxa env=nowhere', /commands/], [`/fluxa dlq env=${'Ä'.repeat(50)}`, /no environment/], ['/fluxa help dlq redrive', /approval/], ['/fluxa', /commands/i],
  ]) await privately(text, pattern);
});

test('who has no role is told so in private, and nothing runs', async () => {
  const runs = (await sql(stack, 'SELECT count(*) AS n FROM runs'))[0].n;
  for (const user of ['guest', 'stranger']) for (const text of ['/fluxa dlq', '/fluxa dlq inspect', '/fluxa help', '/fluxa nonsense']) await privately(text, /may not/, user);
  assert.equal((await sql(stack, 'SELECT count(*) AS n FROM runs'))[0].n, runs);
  const effects = await watchEffects(stack);
  await stack.post('slack/command', { user: 'requester', channel: 'C0RANDOM001', text: '/fluxa dlq redrive' });
  await stack.until(async () => (await sql(stack, "SELECT count(*) AS n FROM audit WHERE action = 'command.refused' AND detail_json LIKE '%own channel%'"))[0].n === 1, 'the refusal outside the home channel');
  assert.deepEqual(await effects(), []);
});

test('a failing private command answers in private too', async () => {
  await freshWorld(stack, { DBConnectionError: 1 });
  const channel = (await stack.messages()).length;
  await stack.fault('sqs:ReceiveMessage', 'denied', { rate: 1 });
  await privately('/fluxa dlq inspect', /allow sqs:ReceiveMessage/);
  await stack.post('fault', { clear: true });
  assert.equal((await stack.messages()).length, channel);
});

test('a button of an answer does what typing would, for those who may', async () => {
  await freshWorld(stack, { DBConnectionError: 3 });
  const card = await answerTo(stack, '/fluxa dlq');
  const buttons = [...JSON.stringify(card.blocks).matchAll(/"action_id":"(command:\d+)"/g)].map((match) => match[1]);
  assert.ok(buttons.length >= 2);
  const told = await watchPrivate(stack, 'guest');
  await stack.click('guest', card, buttons[0]);
  await told(/may not/);
  for (const value of ['r=nobody;b=0', 'r=;b=0', 'i=x;b=0', 'r=%;b=99', 'garbage', '', ';b=0', 'r=a;b=-1', 'r=a;b=99999999999999999999']) {
    const payload = { type: 'block_actions', team: { id: 'T0FLUXA0001' }, user: { id: 'U0ANNA0001', team_id: 'T0FLUXA0001' }, api_app_id: 'A', trigger_id: `${Math.random()}`, channel: { id: 'C0FLUXA0001' }, container: { message_ts: '1.1', channel_id: 'C0FLUXA0001' }, response_url: '', actions: [{ type: 'button', action_id: 'command:0', block_id: 'b', value, action_ts: '1.1' }] };
    await stack.post('slack/raw', { path: '/slack/interactions', body: `payload=${encodeURIComponent(JSON.stringify(payload))}` });
  }
  await settled();
  assert.equal((await sql(stack, 'SELECT count(*) AS n FROM jobs WHERE state = 3'))[0].n, 0);
});

test('a run whose runbook is gone after a restart ends, and its asker is told', async () => {
  await freshWorld(stack, { DBConnectionError: 3 });
  const card = await stack.askRedrive('/fluxa dlq redrive');
  await stack.killBot();
  await edit(stack, (text) => text.replace(/path: ".*commands\/fluxa"/, `path: "${stack.dir}/other/fluxa"`));
  const { cp, rm } = await import('node:fs/promises');
  const { root } = await import('../support/stack.mjs');
  await cp(`${root}/commands/fluxa`, `${stack.dir}/other/fluxa`, { recursive: true });
  await rm(`${stack.dir}/other/fluxa/dlq-redrive.yaml`);
  for (const file of (await import('node:fs').then(({ readdirSync }) => readdirSync(`${stack.dir}/other/fluxa`))).filter((name) => name.endsWith('.yaml')))
    await import('node:fs/promises').then(async ({ readFile, writeFile }) => {
      const name = `${stack.dir}/other/fluxa/${file}`;
      const text = await readFile(name, 'utf8');
      await writeFile(name, text.replace(/, dlq redrive(?=[\],])/g, '').replace(/^ *- \{ command: dlq redrive.*\n/gm, '').replace(/, \{ command: dlq redrive[^}]*\{[^}]*\}[^}]*\}/g, '').replace(/, \{ command: dlq redrive[^}]*\}/g, '').replace(/^ *- dlq redrive\n/gm, ''));
    });
  await stack.startBot();
  await stack.click('approver', card, 'approve');
  const end = await stack.ending(card);
  assert.match(end.text, /^Failed/);
  assert.match(end.text, /no longer configured/);
  assert.match(end.text, /Nothing was changed/);
});

test('F-01: what came since the alarm', async () => {
  await freshWorld(stack, { DBConnectionError: 5 });
  await stack.alarm('fluxa-dlq-depth-dev', 'ALARM');
  await stack.until(() => stack.card(/is in alarm.*safe to retry/s), 'the diagnosis');
  await settled();
  assert.match((await answerTo(stack, '/fluxa dlq')).text, /Since the alarm: [+-]\d+ \(\d+ then\)/);
  await stack.alarm('fluxa-dlq-depth-dev', 'OK');
  await stack.until(() => stack.card(/^Resolved/), 'the end');
  await settled();
  assert.match((await answerTo(stack, '/fluxa dlq')).text, /Since the alarm: no alarm/);
});
