// reconcile.test.mjs - no alarm is lost: what SNS did not bring is found by asking CloudWatch, told once, and marked.
//
// Every start of the bot compares at once, so a restart stands for the five minutes between two comparisons.
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { readFile, writeFile } from 'node:fs/promises';
import { Stack } from '../support/stack.mjs';
import { busyJobs, freshWorld, redis, sql } from '../support/cases.mjs';
import { alarmMessage, envelope, sendSns, topic } from '../support/senders.mjs';

const MARK = /found by asking CloudWatch; the notification did not arrive/;
const LATE = /told only after it was over/;
const MINUTES = 60000;

let stack;
const depth = { MetricName: 'ApproximateNumberOfMessagesVisible', Namespace: 'AWS/SQS', Statistic: 'Maximum', Dimensions: [{ Name: 'QueueName', Value: 'Fluxa-DLQ' }], Period: 300, EvaluationPeriods: 1, Threshold: 0, ComparisonOperator: 'GreaterThanThreshold' };

const counter = async (labels) => Number((await stack.metrics()).match(new RegExp(`fluxabot_reconciles_total\\{outcome="${labels}"\\} (\\d+)`))[1]);
const settled = () => stack.until(async () => (await busyJobs(stack)) === 0, 'all jobs to be done', 60000);
const compared = async (outcome = 'done') => {
  await stack.until(async () => (await counter(outcome)) > 0, `a comparison that is ${outcome}`, 60000);
  await settled();
};
const start = async (outcome) => {
  await stack.startBot();
  await compared(outcome);
};
const restart = async (outcome) => {
  await stack.killBot();
  await start(outcome);
};
// Away for an hour: the last comparison is that long ago.
const anHourAgo = () => sql(stack, `UPDATE settings SET value = json_set(value, '$.until', ${Date.now() - 60 * MINUTES}) WHERE name LIKE 'reconcile:%'`);
const awayForAnHour = async (outcome) => {
  await stack.killBot();
  await anHourAgo();
  await start(outcome);
};

// CloudWatch knows these changes, each [state, minutes ago]; nobody was told of them.
const lost = (name, ...changes) => stack.world({ alarms: changes.map(([state, ago, more]) => ({ name, state, age_ms: ago * MINUTES, ...more })) });
const incidents = (name) => sql(stack, `SELECT id, state, seen, opened_ms, closed_ms, changed_ms, paged, body_json FROM incidents WHERE key LIKE '%:alarm:${name}' ORDER BY n`);
const recovered = async (name) => (await sql(stack, `SELECT count(*) AS n FROM audit WHERE action = 'alarm.recovered' AND detail_json LIKE '%"${name ?? ''}%'`))[0].n;
const cards = async (name) => (await stack.messages()).filter((message) => message.text.includes(name));
const card = (name, pattern = /./) => stack.until(async () => (await cards(name)).find((one) => pattern.test(JSON.stringify(one))), `the card of ${name}`, 60000);
const pages = async (name) => (await stack.get('pagerduty/pages')).pages.filter((one) => JSON.stringify(one).includes(name));
const triages = async (incident) => (await sql(stack, `SELECT count(*) AS n FROM runs WHERE incident = '${incident}'`))[0].n;
const told = (name, state, changedMs) => sendSns(stack, envelope(stack, { Message: alarmMessage(name, state, changedMs) }));
const only = (list, what) => {
  assert.equal(list.length, 1, `${what}: ${list.length}`);
  return list[0];
};

before(async () => {
  stack = await Stack.start({ bot: false });
  await freshWorld(stack, { DBConnectionError: 2 });
});
after(() => stack?.stop());
beforeEach(() => redis(stack, 'FLUSHALL')); // a quick machine would come to a storm, whose alarms have no cards

test('the very first comparison takes what is in ALARM, and no past', async () => {
  await lost('fluxa-long-ago', ['ALARM', 4], ['OK', 2]);
  await lost('fluxa-still-on', ['ALARM', 45]);
  await start();
  const found = await card('fluxa-still-on', /found by asking CloudWatch; it began before the bot first listened/);
  assert.match(found.text, /fluxa-still-on is in alarm/);
  assert.deepEqual(await incidents('fluxa-long-ago'), []);
  await restart();
  assert.deepEqual(await incidents('fluxa-long-ago'), [], 'the second one does not reach back before the first either');
});

test('when nothing was lost, nothing is found, however often it is compared', async () => {
  await stack.alarm('fluxa-dlq-depth-told', 'ALARM', { age_ms: 30 * MINUTES, definition: depth });
  for (const [name, state, ago] of [['fluxa-told-1', 'ALARM', 20], ['fluxa-told-1', 'OK', 10], ['fluxa-told-2', 'ALARM', 9], ['fluxa-told-2', 'OK', 8], ['fluxa-told-2', 'ALARM', 7]]) {
    await stack.alarm(name, state, { age_ms: ago * MINUTES });
    await settled();
  }
  await lost('fluxa-no-data', ['INSUFFICIENT_DATA', 10]);
  await lost('fluxa-fine', ['INSUFFICIENT_DATA', 10], ['OK', 5]);
  await lost('fluxa-just-now', ['ALARM', 0]); // SNS may still bring it
  await card('fluxa-told-2');
  await awayForAnHour();
  const before = [await sql(stack, "SELECT count(*) AS n FROM events WHERE kind = 'reconcile'"), await recovered(), await sql(stack, 'SELECT id, version FROM incidents ORDER BY n')];
  for (let i = 0; i < 4; i++) await (i % 2 === 0 ? awayForAnHour() : restart());
  const after = [await sql(stack, "SELECT count(*) AS n FROM events WHERE kind = 'reconcile'"), await recovered(), await sql(stack, 'SELECT id, version FROM incidents ORDER BY n')];
  assert.deepEqual(after, before);
  const [jobs] = await sql(stack, "SELECT count(*) AS n, min(due_ms) - (strftime('%s') * 1000) AS wait_ms FROM jobs WHERE kind = 'reconcile' AND state = 0");
  assert.equal(jobs.n, 1, 'one job of the topic waits, however often the bot was started');
  assert.ok(jobs.wait_ms > 4 * MINUTES && jobs.wait_ms <= 5 * MINUTES + 1000, `${jobs.wait_ms}`);
});

test('an alarm that SNS gave up while the bot was down is posted, paged and diagnosed, and marked', async () => {
  await stack.killBot();
  await stack.world({ sns: { retries: 0 } });
  const { lost: before } = (await stack.get('world')).sns;
  assert.equal((await stack.alarm('fluxa-dlq-depth-down', 'ALARM', { age_ms: 10 * MINUTES, definition: depth })).status, 0);
  assert.equal((await stack.get('world')).sns.lost, before + 1, 'SNS will not come again');
  await stack.world({ sns: { retries: 3 } });
  await start();
  const found = await card('fluxa-dlq-depth-down', MARK);
  assert.match(found.text, /^High: fluxa-dlq-depth-down is in alarm/);
  const incident = only(await incidents('fluxa-dlq-depth-down'), 'incidents');
  assert.deepEqual([incident.state, incident.seen], [0, 1]);
  assert.ok(Math.abs(Date.now() - 10 * MINUTES - incident.opened_ms) < MINUTES, 'it began when CloudWatch says, not when it was found');
  await stack.until(async () => (await pages('fluxa-dlq-depth-down')).length === 1, 'the page');
  await stack.until(async () => (await triages(incident.id)) === 1, 'the diagnosis');
  assert.equal(await recovered('fluxa-dlq-depth-down'), 1);
  assert.match(await stack.metrics(), /fluxabot_alarms_recovered_total 1\n/);
  assert.ok((await stack.log()).some((line) => line.event === 'alarm.recovered' && line.name === 'fluxa-dlq-depth-down'));
  // the card says what a notification would have made it say
  const alarm = JSON.parse(incident.body_json).alarm;
  assert.deepEqual([alarm.namespace, alarm.metric, alarm.comparison, alarm.threshold, alarm.region, alarm.account, alarm.shape], ['AWS/SQS', 'ApproximateNumberOfMessagesVisible', '>', 0, 'us-east-1', '123456789012', 'metric']);
});

test('an alarm whose notification gets lost on its way, while the bot runs, is found as well', async () => {
  assert.equal((await stack.alarm('fluxa-on-its-way', 'ALARM', { age_ms: 3 * MINUTES, deliver: false })).status, 0);
  await restart();
  await card('fluxa-on-its-way', MARK);
  await restart();
  assert.equal(await recovered('fluxa-on-its-way'), 1);
  assert.equal(only(await incidents('fluxa-on-its-way'), 'incidents').seen, 1);
});

test('what began and ended unheard is told late: closed, one card, nobody paged, nothing started', async () => {
  await lost('fluxa-dlq-depth-late', ['ALARM', 20, { definition: depth }], ['OK', 12]);
  await awayForAnHour();
  const found = await card('fluxa-dlq-depth-late', /^.*Resolved/);
  assert.match(found.text, /^Resolved: fluxa-dlq-depth-late/);
  assert.match(JSON.stringify(found), LATE);
  assert.match(JSON.stringify(found), MARK);
  assert.match(JSON.stringify(found), /after 8 min/);
  const incident = only(await incidents('fluxa-dlq-depth-late'), 'incidents');
  assert.deepEqual([incident.state, incident.seen, incident.paged], [1, 1, 0]);
  assert.equal(await triages(incident.id), 0);
  assert.deepEqual(await pages('fluxa-dlq-depth-late'), []);
  await awayForAnHour();
  assert.equal(only(await cards('fluxa-dlq-depth-late'), 'cards').replies?.length ?? 0, 0);
  assert.equal(await recovered('fluxa-dlq-depth-late'), 2, 'its beginning and its end');
});

test('a new one has a card of its own when the old one of its alarm is long over', async () => {
  await stack.alarm('fluxa-comes-back', 'ALARM', { age_ms: 200 * MINUTES });
  await settled();
  await stack.alarm('fluxa-comes-back', 'OK', { age_ms: 190 * MINUTES });
  await card('fluxa-comes-back', /Resolved/);
  await lost('fluxa-comes-back', ['ALARM', 20], ['OK', 12]);
  await awayForAnHour();
  await stack.until(async () => (await cards('fluxa-comes-back')).length === 2, 'two cards', 60000);
  assert.deepEqual((await incidents('fluxa-comes-back')).map(({ state, seen }) => [state, seen]), [[1, 1], [1, 1]]);
});

test('flapping ends in the newest state, whichever that is, and pages at most once', async () => {
  await lost('fluxa-dlq-depth-flaps', ['ALARM', 28, { definition: depth }], ['OK', 26], ['ALARM', 24], ['OK', 22], ['ALARM', 20]);
  await lost('fluxa-flapped', ['ALARM', 28], ['OK', 26], ['ALARM', 24], ['OK', 22]);
  await awayForAnHour();
  const on = only(await incidents('fluxa-dlq-depth-flaps'), 'incidents');
  assert.deepEqual([on.state, on.seen], [0, 3]);
  await stack.until(async () => (await pages('fluxa-dlq-depth-flaps')).length === 1, 'the page');
  const over = only(await incidents('fluxa-flapped'), 'incidents');
  assert.deepEqual([over.state, over.seen], [1, 2]);
  await card('fluxa-flapped', LATE);
  assert.equal((await cards('fluxa-flapped')).length, 1);
});

test('an OK that got lost closes its incident and resolves its page', async () => {
  await stack.alarm('fluxa-dlq-depth-ok', 'ALARM', { age_ms: 20 * MINUTES, definition: depth });
  await stack.until(async () => (await pages('fluxa-dlq-depth-ok')).length === 1, 'the page');
  await stack.alarm('fluxa-dlq-depth-ok', 'OK', { age_ms: 5 * MINUTES, deliver: false });
  await restart();
  const found = await card('fluxa-dlq-depth-ok', /Resolved/);
  assert.match(JSON.stringify(found), MARK);
  await stack.until(async () => (await pages('fluxa-dlq-depth-ok'))[0].status === 'resolved', 'the page to be resolved');
  assert.equal(only(await incidents('fluxa-dlq-depth-ok'), 'incidents').state, 1);
});

test('an OK that nobody was meant to be told of closes the incident too, and the card says why', async () => {
  await stack.alarm('fluxa-mute-ok', 'ALARM', { age_ms: 20 * MINUTES, definition: { ...depth, AlarmActions: [topic], OKActions: [] } });
  await card('fluxa-mute-ok');
  await lost('fluxa-mute-ok', ['OK', 5]);
  await restart();
  await card('fluxa-mute-ok', /does not notify this topic when it is OK/);
});

test('of the two that were lost, the one that SNS does bring is not needed twice', async () => {
  // the ALARM was lost, its OK was brought
  await lost('fluxa-half', ['ALARM', 9], ['OK', 8]);
  await told('fluxa-half', 'OK', Date.now() - 8 * MINUTES);
  await settled();
  assert.deepEqual(await cards('fluxa-half'), []);
  await awayForAnHour();
  assert.match(JSON.stringify(await card('fluxa-half', LATE)), MARK);
  assert.deepEqual((await incidents('fluxa-half')).map(({ state, seen }) => [state, seen]), [[1, 1]]);
});

test('what a newer alarm has overtaken is told in its thread, once, whoever brings it', async () => {
  const words = /fluxa-overtaken was in alarm before/;
  const said = async () => (await cards('fluxa-overtaken')).flatMap((one) => one.replies ?? []).filter((reply) => words.test(reply.text));
  await lost('fluxa-overtaken', ['ALARM', 30], ['OK', 28]);
  await stack.alarm('fluxa-overtaken', 'ALARM', { age_ms: 10 * MINUTES });
  await card('fluxa-overtaken');
  await awayForAnHour();
  assert.match(JSON.stringify(await card('fluxa-overtaken', MARK)), /told only after a newer alarm/);
  const incident = only(await incidents('fluxa-overtaken'), 'incidents');
  assert.deepEqual([incident.state, incident.seen], [0, 2]);
  await stack.until(async () => (await said()).length === 1, 'the words in its thread');
  assert.match(only(await said(), 'replies').text, MARK);
  assert.equal(await recovered('fluxa-overtaken'), 1);
  // SNS brings another old one, which the history does not show, and both once more
  const older = Date.now() - 20 * MINUTES;
  for (let i = 0; i < 2; i++) {
    await told('fluxa-overtaken', 'ALARM', older);
    await settled();
    await awayForAnHour();
  }
  await stack.until(async () => (await said()).length === 2, 'the words of the other one');
  assert.equal(only(await incidents('fluxa-overtaken'), 'incidents').seen, 3);
});

test('SNS that comes after all doubles nothing, before or behind, whatever the milliseconds say', async () => {
  for (const [name, drift] of [['fluxa-dlq-depth-after', 7], ['fluxa-dlq-depth-early', -7], ['fluxa-dlq-depth-same', 0]]) {
    const from = Date.now() - 10 * MINUTES;
    await lost(name, ['ALARM', 10, { definition: depth }]);
    const until = Date.now() - 10 * MINUTES;
    await restart();
    const [{ changed_ms: changed }] = await incidents(name);
    assert.ok(changed >= from && changed <= until, `${from} <= ${changed} <= ${until}`);
    assert.equal((await told(name, 'ALARM', changed + drift)).status, 200);
    await settled();
    await restart();
    const incident = only(await incidents(name), 'incidents');
    assert.deepEqual([incident.state, incident.seen], [0, 1]);
    await stack.until(async () => (await pages(name)).length === 1, 'the page');
    assert.equal(await recovered(name), 1);
    await told(name, 'OK', changed + 60000 + drift);
    await lost(name, ['OK', 9]);
    await settled();
    await restart();
    assert.equal(only(await incidents(name), 'incidents').state, 1);
    assert.equal(await recovered(name), 1, 'the end was told');
    await told(name, 'ALARM', changed - drift); // SNS's last retry
    await settled();
    assert.equal(only(await incidents(name), 'incidents').seen, 1);
    assert.equal((await pages(name)).length, 1);
  }
  // the other order: SNS first, and CloudWatch dates it otherwise
  await lost('fluxa-drift', ['ALARM', 10]);
  await told('fluxa-drift', 'ALARM', Date.now() - 10 * MINUTES + 900);
  await settled();
  await restart();
  assert.equal(await recovered('fluxa-drift'), 0);
  assert.equal(only(await incidents('fluxa-drift'), 'incidents').seen, 1);
});

test('a composite alarm is found too, with its children', async () => {
  const data = JSON.stringify({ triggeringAlarms: [{ arn: 'arn:aws:cloudwatch:us-east-1:123456789012:alarm:fluxa-child', state: { value: 'ALARM', timestamp: '2026-11-21T09:15:04.001+0000' } }] });
  await lost('fluxa-composite', ['ALARM', 10, { definition: { AlarmRule: 'ALARM("fluxa-child")' }, reason_data: data }]);
  await lost('fluxa-composite-late', ['ALARM', 10, { definition: { AlarmRule: 'ALARM("fluxa-child")' } }], ['OK', 5]);
  await awayForAnHour();
  assert.match(JSON.stringify(await card('fluxa-composite', MARK)), /fluxa-child/);
  await card('fluxa-composite-late', LATE);
});

test('an alarm that was deleted closes its incident, once, with that reason', async () => {
  await stack.alarm('fluxa-dlq-depth-gone', 'ALARM', { age_ms: 20 * MINUTES, definition: depth });
  await told('fluxa-never-there', 'ALARM', Date.now() - 20 * MINUTES); // another account's, for all we know
  await card('fluxa-dlq-depth-gone');
  await stack.world({ alarms: [{ name: 'fluxa-dlq-depth-gone', deleted: true, age_ms: 5 * MINUTES }] });
  await restart();
  const found = await card('fluxa-dlq-depth-gone', /deleted in CloudWatch/);
  assert.match(found.text, /^Closed: fluxa-dlq-depth-gone/);
  await stack.until(async () => (await pages('fluxa-dlq-depth-gone'))[0].status === 'resolved', 'the page to be resolved');
  const [{ n: before }] = await sql(stack, 'SELECT count(*) AS n FROM outbox');
  await restart();
  assert.equal((await sql(stack, 'SELECT count(*) AS n FROM outbox'))[0].n, before);
  assert.equal(only(await incidents('fluxa-never-there'), 'incidents').state, 0, 'what is not shown is not proven to be gone');
});

test('alarms that do not notify this topic are none of ours', async () => {
  const other = (action, more = {}) => ({ definition: { ...depth, AlarmActions: [action], ...more } });
  await lost('foreign-topic', ['ALARM', 10, other('arn:aws:sns:us-east-1:123456789012:other')]);
  await lost('foreign-longer', ['ALARM', 10, other(`${topic}-2`)]);
  await lost('foreign-late', ['ALARM', 10, other(`${topic}-2`)], ['OK', 5]);
  await lost('foreign-off', ['ALARM', 10, other(topic, { ActionsEnabled: false })]);
  await lost('foreign-held', ['ALARM', 10, { definition: { AlarmRule: 'ALARM("x")', ActionsSuppressor: 'y', ActionsSuppressedBy: 'Alarm' } }]);
  await lost('foreign-was-held', ['ALARM', 10, { definition: { AlarmRule: 'ALARM("x")', ActionsSuppressor: 'y' } }], ['OK', 5]);
  await lost('foreign-ok-only', ['ALARM', 10, { definition: { ...depth, AlarmActions: [], OKActions: [topic] } }]);
  await awayForAnHour();
  assert.deepEqual(await incidents('foreign-%'), []);
});

test('a second topic of the same environment is compared by itself', async () => {
  const second = 'arn:aws:sns:us-east-1:123456789012:fluxa-more';
  const text = await readFile(stack.config, 'utf8');
  await stack.killBot();
  await writeFile(stack.config, text.replace(/topics: \[\{(.*)\}\]/, `topics: [{$1}, { arn: "${second}", system: fluxa, environment: dev }]`));
  await lost('fluxa-second', ['ALARM', 10, { definition: { ...depth, AlarmActions: [second] } }]);
  await lost('fluxa-both', ['ALARM', 10, { definition: { ...depth, AlarmActions: [topic, second] } }]);
  await stack.startBot();
  await stack.until(async () => (await counter('done')) === 2, 'both comparisons');
  await settled();
  assert.equal(only(await incidents('fluxa-second'), 'incidents').seen, 1);
  assert.equal(only(await incidents('fluxa-both'), 'incidents').seen, 1);
  assert.equal(await recovered('fluxa-both'), 1, 'two topics make one of it');
  await stack.killBot();
  await writeFile(stack.config, text);
  await start();
});

test('when CloudWatch refuses, the channel is told once, and nothing is lost', async () => {
  const trouble = () => stack.messages().then((all) => all.filter((message) => /Missed alarms/.test(message.text)));
  await stack.fault('cloudwatch', 'denied', { rate: 1 });
  await lost('fluxa-meanwhile', ['ALARM', 10], ['OK', 5]);
  for (let i = 0; i < 2; i++) await awayForAnHour('failed');
  assert.deepEqual(await trouble(), []);
  await restart('failed');
  await stack.until(async () => (await trouble()).length === 1, 'the card');
  const [told] = await trouble();
  assert.match(told.text, /^Missed alarms cannot be found/);
  assert.match(JSON.stringify(told), /AccessDenied.*allow cloudwatch:DescribeAlarmHistory/);
  assert.match(JSON.stringify(told), /cloudwatch:DescribeAlarms and/);
  for (let i = 0; i < 2; i++) await restart('failed');
  assert.equal((await trouble()).length, 1, 'once');
  assert.deepEqual(await sql(stack, "SELECT id FROM jobs WHERE kind = 'reconcile' AND state = 3"), [], 'none is given up');
  await stack.post('fault', { clear: true });
  await restart();
  await stack.until(async () => /found again/.test((await trouble())[0].text), 'the same card to say that it works', 30000);
  assert.equal((await trouble()).length, 1);
  await card('fluxa-meanwhile', LATE);
});

test('without the permission for the history, what is in ALARM is found all the same', async () => {
  await stack.fault('cloudwatch:DescribeAlarmHistory', 'denied', { rate: 1 });
  await lost('fluxa-no-history', ['ALARM', 10], ['OK', 5]);
  await lost('fluxa-in-alarm', ['ALARM', 10]);
  await awayForAnHour('failed');
  assert.equal(only(await incidents('fluxa-in-alarm'), 'incidents').state, 0);
  assert.deepEqual(await incidents('fluxa-no-history'), []);
  await stack.post('fault', { clear: true });
  await stack.fault('cloudwatch:DescribeAlarmHistory', '5xx', { count: 2 }); // what is over in a moment is asked again at once
  await restart();
  assert.equal(only(await incidents('fluxa-no-history'), 'incidents').state, 1);
});

// The last two fill the channel for minutes, so they look at the store.
test('a bot that is killed in the middle, again and again, doubles nothing', async () => {
  const names = Array.from({ length: 24 }, (_, i) => `fluxa-dlq-depth-kill-${String(i).padStart(2, '0')}`);
  await stack.killBot();
  await anHourAgo();
  await stack.world({ alarms: names.flatMap((name, i) => [{ name, state: 'ALARM', age_ms: 10 * MINUTES, definition: depth }, ...(i % 3 === 0 ? [{ name, state: 'OK', age_ms: 5 * MINUTES }] : [])]) });
  // its log tells how far it is; whoever opens the database all the time would be in its way
  const told = (all) => new Set(all.filter((line) => line.event === 'alarm.recovered' && /depth-kill-/.test(line.name)).map((line) => `${line.name} ${line.state}`)).size;
  for (const [event, more] of [['ready', 1], ['ready', 1], ['alarm.recovered', 1], ['alarm.recovered', 4], ['alarm.recovered', 9]]) {
    const lines = (all) => all.filter((line) => line.event === event).length;
    const before = lines(await stack.log());
    await stack.startBot({ wait: false });
    await stack.until(async () => { const all = await stack.log(); return lines(all) >= before + more || told(all) === 24 + 8; }, 'the moment to kill it, or the end of its work', 30000, 1);
    await stack.killBot();
  }
  await start();
  await restart();
  const found = await incidents('fluxa-dlq-depth-kill-%');
  assert.equal(found.length, names.length);
  assert.deepEqual(found.map(({ seen }) => seen), names.map(() => 1));
  assert.equal(found.filter(({ state }) => state === 1).length, 8);
  assert.equal(await recovered('fluxa-dlq-depth-kill-'), 24 + 8);
  assert.equal((await sql(stack, "SELECT count(*) AS n FROM events WHERE kind = 'reconcile' AND body LIKE '%depth-kill-%'"))[0].n, 24);
  const rows = await sql(stack, "SELECT key, count(*) AS n FROM outbox WHERE kind = 3 AND payload_json LIKE '%depth-kill-%' GROUP BY key");
  assert.ok(rows.length >= 10 && rows.length <= 16, `those that are over page nobody; of the others ${rows.length} page by themselves`);
  if (rows.length < 16) assert.equal((await sql(stack, "SELECT count(*) AS n FROM outbox WHERE kind = 3 AND key LIKE 'page:storm%'"))[0].n, 1);
  assert.deepEqual(rows.filter(({ n }) => n !== 1), []);
});

test('two hundred alarms come page by page', async () => {
  const names = Array.from({ length: 130 }, (_, i) => `fluxa-many-${i}`);
  await stack.world({ alarms: names.map((name) => ({ name, state: 'ALARM', age_ms: 10 * MINUTES })) });
  await stack.world({ alarms: names.map((name) => [{ name: `${name}-late`, state: 'ALARM', age_ms: 10 * MINUTES }, { name: `${name}-late`, state: 'OK', age_ms: 5 * MINUTES }]).flat() });
  await awayForAnHour();
  const found = await incidents('fluxa-many-%');
  assert.equal(found.length, 260);
  assert.equal(found.filter(({ state }) => state === 0).length, 130);
  assert.ok(found.every(({ seen }) => seen === 1));
  await restart();
  assert.equal((await incidents('fluxa-many-%')).length, 260);
});
