// fluxa_incidents.test.mjs - alarms and incidents: F-24, F-28, F-32, F-63, F-64, F-68, F-70.
//
// Three stacks work side by side: one whose alarms page at once, one whose alarms wait for somebody who acknowledges
// them, one for the rows whose cards propose a change.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Stack } from '../support/stack.mjs';
import { answerTo, atRest, freshWorld, restart, watchEffects, watchPrivate } from '../support/cases.mjs';
import { buttons, includes, row, shown } from './cards.mjs';

const ONE_AT_A_TIME = { concurrency: 1 };
const hostile = 'fluxa-<!channel>-errors-<@U0BOLIND02> *b* `c` & <https://evil.example|x>';

const easePace = (stack) => stack.post('slack/options', { post_per_minute: 6000, post_burst: 1000, update_per_minute: 6000, update_burst: 1000 });
const pages = async (stack) => (await stack.get('pagerduty/pages')).pages;
const page = async (stack, name) => (await pages(stack)).find((one) => one.dedup_key.endsWith(name));
const triggers = (one) => one.events.filter(({ event_action: action }) => action === 'trigger').length;
const becomes = (stack, name, status) => stack.until(async () => { const one = await page(stack, name); return one?.status === status && one; }, `the page of ${name} to be ${status}`);
const audit = (stack, action, alarm) => stack.sql(`SELECT actor, detail_json FROM audit WHERE action = '${action}' AND subject IN (SELECT id FROM incidents WHERE key LIKE '%:alarm:${alarm}')`);
const incident = async (stack, alarm) => (await stack.sql(`SELECT * FROM incidents WHERE key LIKE '%:alarm:${alarm}' ORDER BY opened_ms DESC`))[0];
const actionOf = (card, name) => {
  const found = card.blocks.flatMap(({ type, elements }) => (type === 'actions' ? elements : [])).find(({ text }) => text.text === name);
  assert.ok(found, `no button ${name} among ${buttons(card)}`);
  return found.action_id;
};

async function raised(stack, name, mark = name) {
  await stack.alarm(name, 'ALARM');
  return stack.until(async () => (await stack.messages()).findLast(({ text }) => /is in alarm/.test(text) && text.includes(mark)), `the card of ${name}`);
}

// A bot that was down while the times of these alarms came: what they wait for is due when it is back.
async function later(stack, ...alarms) {
  await atRest(stack);
  await stack.killBot();
  const past = Date.now() - 1;
  for (const alarm of alarms) {
    const { id, body_json: text } = await incident(stack, alarm), body = JSON.parse(text);
    if (body.page_due) body.page_due = past;
    if (body.snooze) body.snooze.until = past;
    await stack.execute(`UPDATE incidents SET body_json = '${JSON.stringify(body).replaceAll("'", "''")}' WHERE id = '${id}'; UPDATE jobs SET due_ms = ${past}, at_ms = ${past} WHERE kind = 'watch' AND subject = '${id}' AND state = 0`);
  }
}

const says = (stack, card, pattern) => stack.until(async () => { const now = await stack.message(card.ts); return pattern.test(shown(now)) && now; }, `the card to say ${pattern}`);

// Presses a button, and gives the card that comes of it.
async function pressed(stack, card, name, user = 'requester') {
  const known = new Set((await stack.messages()).map(({ ts }) => ts));
  await stack.click(user, card, actionOf(card, name));
  return stack.until(async () => (await stack.messages()).find(({ ts }) => !known.has(ts)), `an answer to ${name}`);
}

describe('alarms and incidents', { concurrency: true }, () => {
  describe('with pages at once', ONE_AT_A_TIME, () => {
    let stack;
    before(async () => {
      stack = await Stack.start();
    });
    after(() => stack?.stop());
    const fresh = async (more) => { await freshWorld(stack, {}, { trail_unlimited: true, ...more }); await easePace(stack); };

    test('F-68 pages without an approval, also while changes are frozen, and twice is one page', async () => {
      await fresh();
      await answerTo(stack, '/fluxa freeze month end');
      const card = await answerTo(stack, '/fluxa page the shop takes no orders');
      includes(card, /On-call is paged/, /PagerDuty is told: the shop takes no orders/, /Incident key\*\nfluxa\/dev\/page/, /In PagerDuty\*\nhttp.*fluxa%2Fdev%2Fpage/, /If PagerDuty does not take it, this channel hears of it/, /here nobody has acknowledged it/);
      let one = await becomes(stack, 'fluxa/dev/page', 'triggered');
      assert.deepEqual([one.summary, one.severity, one.source], ['the shop takes no orders (dev)', 'critical', 'Fluxa, dev']);
      includes(await answerTo(stack, '/fluxa page still no orders', 'approver'), /The page is open already/, /nobody is called anew/);
      await stack.until(async () => triggers(await page(stack, 'fluxa/dev/page')) === 2, 'the second word');
      assert.equal((await pages(stack)).length, 1);
      assert.deepEqual((await stack.sql("SELECT actor FROM audit WHERE action = 'page.triggered' ORDER BY n")).map(({ actor }) => actor), ['U0ANNA0001', 'U0BOLIND02']);
      includes(await pressed(stack, card, 'Resolve the page'), /The page is resolved/);
      one = await becomes(stack, 'fluxa/dev/page', 'resolved');
      includes(await answerTo(stack, '/fluxa page resolve'), /Nothing was resolved/, /No page of this command is open/);
      await stack.execute("UPDATE settings SET value = '' WHERE name = 'freeze'"); // the end of a freeze is another test's
    });

    test('F-68 about an alarm it is that alarm\'s page: acknowledged here, resolved with it', async () => {
      await fresh();
      await raised(stack, 'fluxa-orders-throttles-1'); // pages nobody by itself
      const card = await answerTo(stack, '/fluxa page alarm=fluxa-orders-throttles-1 the queue stands still');
      includes(card, /About\*\nfluxa-orders-throttles-1 \(inc-/, /Incident key\*\narn:aws:cloudwatch:us-east-1:123456789012:alarm:fluxa-orders-throttles-1/);
      const one = await becomes(stack, 'fluxa-orders-throttles-1', 'triggered');
      assert.match(one.summary, /^the queue stands still: fluxa-orders-throttles-1 is in alarm \(dev\)$/);
      assert.match(one.links[0].href, /console\.aws\.amazon\.com\/cloudwatch/);
      const alarm = (await stack.messages()).find(({ text }) => /^Medium: fluxa-orders-throttles-1/.test(text));
      includes(await says(stack, alarm, /on-call is paged: the queue stands still/), /Asked by <@U0ANNA0001>/);
      assert.ok(buttons(await stack.message(alarm.ts)).includes('Open in PagerDuty'));
      await stack.click('operator', alarm, actionOf(alarm, 'Acknowledge'));
      await becomes(stack, 'fluxa-orders-throttles-1', 'acknowledged');
      includes(await answerTo(stack, '/fluxa page alarm=fluxa-orders-throttles-1 once more'), /The page is open already/, /here the alarm was acknowledged/, /Acknowledged here by\*\n<@U0CARA0004>/);
      await stack.alarm('fluxa-orders-throttles-1', 'OK');
      await becomes(stack, 'fluxa-orders-throttles-1', 'resolved');
      includes(await answerTo(stack, '/fluxa page alarm=fluxa-orders-throttles-1 too late'), /Nobody was paged/, /No alarm that is called fluxa-orders-throttles-1 is open in dev/);
    });

    test('F-68 what PagerDuty refuses, or does not answer, is told where people are', async () => {
      await fresh();
      await stack.fault('pagerduty', 'denied', { rate: 1 });
      await answerTo(stack, '/fluxa page nobody will hear this');
      const refused = await stack.until(() => stack.card(/^On-call could not be paged/), 'the refusal');
      includes(refused, /PagerDuty refuses the event: 'routing_key' is invalid/, /It is not tried again/, /Nobody has been woken: call by telephone/, /About\*\nnobody will hear this \(dev\)/);
      await stack.fault('pagerduty', '5xx', { rate: 1 });
      await stack.post('fault', { clear: true });
      await stack.fault('pagerduty', '5xx', { count: 4 });
      await raised(stack, 'fluxa-orders-throttles-2');
      await answerTo(stack, '/fluxa page alarm=fluxa-orders-throttles-2 please');
      const trouble = await stack.until(async () => (await stack.messages()).find(({ text }) => /could not be paged.*in trouble itself/.test(text)), 'the trouble');
      includes(trouble, /It is tried again by itself for a day/);
      await becomes(stack, 'fluxa-orders-throttles-2', 'triggered');
      await says(stack, trouble, /PagerDuty was told after all/);
      await stack.fault('pagerduty', 'timeout_after', { count: 1 }); // taken, and the answer lost
      await raised(stack, 'fluxa-orders-throttles-3');
      await answerTo(stack, '/fluxa page alarm=fluxa-orders-throttles-3 please');
      await stack.until(async () => triggers((await page(stack, 'fluxa-orders-throttles-3')) ?? { events: [] }) === 2, 'the repetition');
      assert.equal((await pages(stack)).filter(({ dedup_key: key }) => key.endsWith('throttles-3')).length, 1, 'one page, told twice');
    });

    test('F-68 and F-70 are for operators, and no click goes around that', async () => {
      await fresh();
      const card = await raised(stack, 'fluxa-orders-errors-4'), before = (await pages(stack)).length;
      for (const user of ['guest', 'U0ANNA0002']) { // a guest, and a colleague without a role
        const told = await watchPrivate(stack, user);
        for (const text of ['page wake up', 'ack fluxa-orders-errors-4', 'snooze fluxa-orders-errors-4', 'triage fluxa-orders-errors-4']) await stack.command(user, `/fluxa ${text}`);
        await told(/You may not run this command.*Nothing was done/s);
        for (const name of ['Page on-call', 'Snooze 1 h', 'Acknowledge']) await stack.click(user, card, actionOf(card, name));
        await told(/You may not acknowledge this incident.*Your click changed nothing/s);
      }
      await atRest(stack);
      assert.equal((await pages(stack)).length, Math.max(before, 1), 'nobody is paged but by the alarm');
      assert.equal((await incident(stack, 'fluxa-orders-errors-4')).acked_by, '');
      assert.ok(!/snooze/.test((await incident(stack, 'fluxa-orders-errors-4')).body_json));
      assert.equal((await stack.sql("SELECT count(*) AS n FROM audit WHERE action IN ('click.refused', 'command.refused') AND actor IN ('U0GUEST003', 'U0ANNA0002')"))[0].n, 14);
    });

    test('F-70 says so when CloudWatch knows no alarm, refuses, is busy, or is away', async () => {
      await fresh({ alarms: [] });
      includes(await answerTo(stack, '/fluxa alarms no-such-alarm'), /There is no alarm of that name/, /CloudWatch knows none that is called no-such-alarm/);
      for (const [kind, words] of [['denied', /allow cloudwatch:DescribeAlarms for the bot's role/], ['429', /Throttling|TooManyRequests/], ['down', /broke off|cannot be reached/]]) {
        await stack.fault('cloudwatch:DescribeAlarms', kind, { rate: 1 });
        const card = await answerTo(stack, '/fluxa alarms');
        await stack.post('fault', { clear: true });
        includes(card, /Failed: \/fluxa alarms/, words, /Nothing was changed/);
      }
      await raised(stack, 'fluxa-orders-throttles-5');
      await stack.fault('cloudwatch:DescribeAlarmHistory', 'denied', { rate: 1 });
      const half = await answerTo(stack, '/fluxa alarms');
      await stack.post('fault', { clear: true });
      includes(half, /alarms firing/, /Its history could not be read: .*allow cloudwatch:DescribeAlarmHistory/);
    });

    test('F-63 two alarms that mean that Fluxa is down propose it, and its card offers to roll back and to page', async () => {
      await fresh();
      await stack.execute('UPDATE incidents SET state = 1'); // what the tests before left open
      const first = await raised(stack, 'fluxa-orders-5xx-6');
      await atRest(stack);
      assert.ok(!buttons(await stack.message(first.ts)).includes('Severity 1'), 'one alarm proposes nothing');
      await raised(stack, 'fluxa-dlq-depth-dev');
      await atRest(stack);
      const letters = (await stack.messages()).findLast(({ text }) => /fluxa-dlq-depth-dev/.test(text));
      assert.ok(!buttons(letters).includes('Severity 1'), 'dead letters follow from the others');
      const second = await raised(stack, 'fluxa-DBHighCPU-dev');
      const proposed = await says(stack, second, /Proposed:\* Several parts fail at once, so Fluxa may be down/);
      const known = new Set(((await stack.message(second.ts)).replies ?? []).map(({ ts }) => ts));
      await stack.click('requester', proposed, actionOf(proposed, 'Severity 1'));
      const card = await stack.until(async () => ((await stack.message(second.ts)).replies ?? []).find(({ ts, text }) => !known.has(ts) && /service down/.test(text)), 'the card in the thread');
      includes(card, /Firing: .*fluxa-DBHighCPU-dev|Firing: .*fluxa-orders-5xx-6/);
      assert.ok(['Roll back the processor', 'Page on-call', 'AWS Support'].every((name) => buttons(card).includes(name)), buttons(card).join());
      await stack.click('requester', card, actionOf(card, 'Page on-call'));
      await stack.until(async () => (await page(stack, 'fluxa-DBHighCPU-dev'))?.summary.startsWith('Severity 1: Fluxa is down'), 'the page about this incident');
      await stack.click('requester', card, actionOf(card, 'Roll back the processor'));
      const asked = await stack.until(() => stack.card(/^Approval needed: roll fluxa-processor back/), 'the request');
      await stack.click('approver', asked, 'approve');
      await says(stack, asked, /fluxa-processor is rolled back/);
    });

    test('F-68 the routing key is in no message, no log, no row and no page', async () => {
      const key = (await readFile(path.join(stack.dir, 'secrets/routing_key'), 'utf8')).trim();
      assert.equal(key.length, 32);
      await answerTo(stack, `/fluxa page my key is ${key}`);
      await atRest(stack);
      const places = { log: await readFile(path.join(stack.dir, 'fluxabot.log'), 'utf8'), outbox: JSON.stringify(await stack.sql("SELECT payload_json, last_error FROM outbox WHERE payload_json NOT LIKE '%my key is%'")), audit: JSON.stringify(await stack.sql("SELECT detail_json FROM audit WHERE detail_json NOT LIKE '%my key is%'")), metrics: await stack.metrics() };
      for (const [place, text] of Object.entries(places)) assert.ok(!text.includes(key), `the key stands in the ${place}`);
    });

    test('F-68 without PagerDuty the card says whom to tell', async () => {
      await stack.edit((text) => text.replace(/^ +routing_key: .*\n/m, ''));
      await restart(stack, 'SIGTERM');
      includes(await answerTo(stack, '/fluxa page is anybody there'), /Nobody was paged/, /PagerDuty is not configured: whoever runs the bot has to set pagerduty\.routing_key\. Call on-call by telephone/);
    });
  });

  describe('with pages that wait', ONE_AT_A_TIME, () => {
    let stack;
    before(async () => {
      stack = await Stack.start({ edit: (one) => one.edit((text) => text.replace(/^ +ack_timeout: .*\n/m, '')) });
      await freshWorld(stack, {}, { trail_unlimited: true });
      await easePace(stack);
    });
    after(() => stack?.stop());

    test('F-68 an alarm of severity high pages once when nobody acknowledges it, whatever dies in between', async () => {
      const card = await raised(stack, 'fluxa-pay-errors-1');
      includes(card, /On-call is paged\*\n<!date[^\n]*, unless it is acknowledged/);
      assert.equal(JSON.parse((await incident(stack, 'fluxa-pay-errors-1')).body_json).page_due - (await incident(stack, 'fluxa-pay-errors-1')).opened_ms >= 600000, true, 'ten minutes, where nobody says otherwise');
      await later(stack, 'fluxa-pay-errors-1');
      assert.equal((await pages(stack)).length, 0);
      await stack.fault('pagerduty', 'held'); // the page is on its way when the bot dies once more
      await stack.startBot();
      await stack.until(async () => (await stack.sql("SELECT count(*) AS n FROM outbox WHERE key LIKE 'page:%' AND state = 1"))[0].n === 1, 'the page to be on its way');
      await stack.killBot();
      await stack.post('fault', { clear: true });
      await stack.startBot();
      await becomes(stack, 'fluxa-pay-errors-1', 'triggered');
      await atRest(stack);
      assert.equal((await pages(stack)).length, 1, 'one page');
      assert.equal((await audit(stack, 'page.triggered', 'fluxa-pay-errors-1')).length, 1, 'told once by the audit log');
      assert.equal((await stack.sql("SELECT count(*) AS n FROM outbox WHERE key LIKE 'page:%'"))[0].n, 1, 'one row of the outbox');
      const told = (await stack.message(card.ts)).replies.filter(({ text }) => /Nobody has acknowledged fluxa-pay-errors-1, so on-call is paged/.test(text));
      assert.equal(told.length, 1);
      await stack.alarm('fluxa-pay-errors-1', 'OK');
      await becomes(stack, 'fluxa-pay-errors-1', 'resolved');
    });

    test('F-68 acknowledged, snoozed or over in time, nobody is paged; a snooze ends by itself', async () => {
      const before = (await pages(stack)).length;
      const acked = await raised(stack, 'fluxa-pay-errors-2');
      await stack.click('operator', acked, actionOf(acked, 'Acknowledge'));
      includes(await says(stack, acked, /Acknowledged by\*\n<@U0CARA0004>/), /Likely cause/);
      assert.ok(!/On-call is paged/.test(shown(await stack.message(acked.ts))));
      const over = await raised(stack, 'fluxa-pay-errors-3');
      await stack.alarm('fluxa-pay-errors-3', 'OK');
      await says(stack, over, /OK again since/);
      const snoozed = await raised(stack, 'fluxa-pay-errors-4');
      await stack.click('operator', snoozed, actionOf(snoozed, 'Snooze 1 h'));
      includes(await says(stack, snoozed, /Snoozed until\*\n<!date[^\n]*, by <@U0CARA0004>/), /snoozed for 1 h/);
      assert.ok(buttons(await stack.message(snoozed.ts)).includes('End snooze'));
      assert.deepEqual((await audit(stack, 'incident.snoozed', 'fluxa-pay-errors-4')).map(({ actor }) => actor), ['U0CARA0004']);
      await later(stack, 'fluxa-pay-errors-2', 'fluxa-pay-errors-3');
      await stack.startBot();
      await atRest(stack);
      assert.equal((await pages(stack)).length, before);
      await later(stack, 'fluxa-pay-errors-4'); // the hour is over
      await stack.startBot();
      await becomes(stack, 'fluxa-pay-errors-4', 'triggered');
      const replies = (await stack.until(async () => { const now = await stack.message(snoozed.ts); return now.replies.some(({ text }) => /so on-call is paged/.test(text)) && now; }, 'the thread')).replies.map(({ text }) => text).join('\n');
      assert.match(replies, /The snooze is over, and fluxa-pay-errors-4 is still in alarm since/);
      assert.equal((await audit(stack, 'incident.snooze_ended', 'fluxa-pay-errors-4')).length, 1);
      assert.equal((await pages(stack)).length, before + 1);
    });

    test('F-68 switched off, alarms page nobody, and people still can', async () => {
      await stack.edit((text) => text.replace(/^    default_environment: .*$/m, '$&\n    ack_timeout: 0s\n    automatic_pages: false'));
      await restart(stack, 'SIGTERM');
      const before = (await pages(stack)).length;
      const card = await raised(stack, 'fluxa-off-errors-5');
      await atRest(stack);
      assert.equal((await pages(stack)).length, before);
      assert.ok(!/On-call is paged/.test(shown(await stack.message(card.ts))));
      await stack.click('operator', card, actionOf(card, 'Page on-call'));
      const one = await becomes(stack, 'fluxa-off-errors-5', 'triggered');
      assert.match(one.summary, /^calls of the processor fail: fluxa-off-errors-5 is in alarm/);
    });

    test('F-70 lists alarms by state with cause, first action and holder, and escapes their names', async () => {
      await stack.execute('UPDATE incidents SET state = 1');
      await freshWorld(stack, {}, { trail_unlimited: true, alarms: [{ name: 'fluxa-nodata', state: 'INSUFFICIENT_DATA' }, { name: 'foreign-thing', state: 'ALARM' }, { name: 'fluxa-untold-errors-1', state: 'ALARM', age_ms: 3600000 }, { name: 'ProcessorErrorRate', definition: { AlarmRule: 'ALARM("fluxa-x")' }, state: 'ALARM' }] });
      await easePace(stack);
      await raised(stack, hostile, 'evil.example');
      await raised(stack, 'fluxa-zeta-throttles-6');
      const card = await answerTo(stack, '/fluxa alarms');
      includes(card, /4 of 10 alarms firing/, /fluxa-untold-errors-1 \(high\): likely a bad deployment, or the database cannot be reached\. First: see whether messages are dying, and why\./, /fluxa-zeta-throttles-6 \(medium\): likely more traffic than the functions may run at once/);
      includes(card, /fluxa-untold-errors-1 began to fire 1 time within a day/, /An alarm without a holder was not told to the bot by its topic/);
      assert.deepEqual(row(card, 'fluxa-nodata').slice(1, 2), ['no data']);
      assert.equal(row(card, 'foreign-thing'), undefined);
      assert.equal(row(card, 'ProcessorErrorRate')[4], 'not told to the bot', 'a composite alarm whose name has another beginning');
      assert.equal(row(card, 'fluxa-zeta')[4], 'nobody');
      const wire = JSON.stringify(card.blocks.filter(({ type }) => type !== 'actions'));
      assert.ok(!/<!channel>|<@U0BOLIND02>|<https:\/\/evil/.test(wire), 'nobody is called by a name');
      assert.ok(!/<!channel>|<@U0BOLIND02>/.test(card.text));
      assert.equal(buttons(card).filter((name) => /^(Acknowledge|Snooze|Look into) /.test(name)).length, 6, 'of the two that were told');
    });

    test('F-70 acknowledges, snoozes and looks again by the buttons of its card', async () => {
      const card = await answerTo(stack, '/fluxa alarms');
      const zeta = (await stack.messages()).findLast(({ text }) => /fluxa-zeta-throttles-6 is in alarm/.test(text));
      includes(await pressed(stack, card, 'Acknowledge fluxa-zeta-throttles-6', 'operator'), /Acknowledged: fluxa-zeta-throttles-6/, /Acknowledged by\*\n<@U0CARA0004>/);
      await says(stack, zeta, /Acknowledged by\*\n<@U0CARA0004>/);
      includes(await pressed(stack, card, 'Acknowledge fluxa-zeta-throttles-6'), /Nothing was acknowledged/, /It was acknowledged already/, /<@U0CARA0004>/);
      includes(await pressed(stack, card, 'Snooze fluxa-zeta-throttles-6'), /It pages nobody before \d\d:\d\d:\d\d UTC, in 1 h/);
      await says(stack, zeta, /Snoozed until/);
      const replies = async () => ((await stack.message(zeta.ts)).replies ?? []).length, had = await replies();
      includes(await pressed(stack, card, 'Look into fluxa-zeta-throttles-6'), /Runs throttles, queue; what they find comes into the thread/);
      await stack.until(async () => (await replies()) >= had + 2, 'what was found');
      const now = await answerTo(stack, '/fluxa alarms fluxa-zeta-throttles-6');
      includes(now, /Acknowledged by <@U0CARA0004>/, /fluxa-zeta-throttles-6 began to fire 1 time within a day/);
      assert.equal(row(now, 'fluxa-zeta')[4], 'acknowledged');
      includes(await answerTo(stack, '/fluxa snooze end fluxa-zeta-throttles-6'), /No longer snoozed/);
      const told = await watchPrivate(stack, 'requester');
      await stack.command('requester', '/fluxa snooze time=3d fluxa-zeta-throttles-6');
      await told(/not a duration from 1m to 1d/);
      assert.deepEqual((await audit(stack, 'incident.acknowledged', 'fluxa-zeta-throttles-6')).map(({ actor }) => actor), ['U0CARA0004']);
    });
  });

  describe('cards that propose a change', ONE_AT_A_TIME, () => {
    let stack;
    before(async () => {
      stack = await Stack.start();
    });
    after(() => stack?.stop());
    const lambda = (fn, name, ...values) => ({ namespace: 'AWS/Lambda', name, dimensions: { FunctionName: `fluxa-${fn}` }, values });
    const minutes = (count, value) => Array.from({ length: count }, () => value);
    const HOUR = 3600000;

    test('F-24 offers the concurrency it proposes, and none to a function that somebody stopped', async () => {
      await freshWorld(stack, {}, { metrics: [lambda('processor', 'Throttles', ...minutes(60, 2)), lambda('processor', 'ConcurrentExecutions', ...minutes(60, 20)), lambda('query', 'Throttles', ...minutes(60, 7))], functions: [{ name: 'fluxa-query', reserved: 0 }, { name: 'fluxa-processor', reserved: 6 }] });
      await easePace(stack);
      const card = await answerTo(stack, '/fluxa throttles');
      includes(card, /Proposed\*\nprocessor 9\n/);
      assert.deepEqual(buttons(card), ['Let 9 of processor run at once', 'Show the queue', 'Show metrics']);
      const asked = await pressed(stack, card, 'Let 9 of processor run at once');
      assert.match(asked.text, /^Approval needed: let 9 copies of fluxa-processor run at once/);
      const effects = await watchEffects(stack);
      await stack.click('approver', asked, 'approve');
      await says(stack, asked, /reserved concurrency is 9/);
      assert.equal((await effects('PutFunctionConcurrency')).length, 1);
      await stack.fault('lambda:GetFunctionConcurrency', 'denied', { rate: 1 });
      const blind = await answerTo(stack, '/fluxa throttles');
      await stack.post('fault', { clear: true });
      includes(blind, /Proposed\*\nnothing\n/);
      assert.deepEqual(buttons(blind), ['Show the queue', 'Show metrics']);
    });

    test('F-64 offers to scale what reaches its limit', async () => {
      await freshWorld(stack, {}, { metrics: [lambda('ingest', 'Throttles', ...minutes(60, 1)), lambda('ingest', 'ConcurrentExecutions', ...minutes(60, 40)), lambda('processor', 'Throttles', ...minutes(60, 2)), lambda('processor', 'ConcurrentExecutions', ...minutes(60, 20))], functions: [{ name: 'fluxa-processor', reserved: 20 }] });
      await easePace(stack);
      const card = await answerTo(stack, '/fluxa incident sev2');
      includes(card, /Functions reach their limit: more of them could run at once, if the database has the connections/);
      assert.deepEqual(buttons(card).slice(0, 2), ['Scale: ingest 60 at once', 'Scale: processor 30 at once']);
      const refused = await pressed(stack, card, 'Scale: processor 30 at once');
      includes(refused, /Refused/, /30 processors with 10 connections each need 300, and the database has \d+/);
      await stack.fault('cloudwatch:GetMetricData', 'denied', { rate: 1 });
      const blind = await answerTo(stack, '/fluxa incident sev2');
      await stack.post('fault', { clear: true });
      includes(blind, /Whether more functions should run at once is not known/);
      assert.ok(!buttons(blind).some((name) => name.startsWith('Scale')));
    });

    test('F-32 offers the time that messages have to stay hidden', async () => {
      await freshWorld(stack, {}, { trail_unlimited: true });
      await easePace(stack);
      const card = await answerTo(stack, '/fluxa queue audit');
      includes(card, /2 s, needs 18 s/);
      const asked = await pressed(stack, card, 'Hide messages for 18 s');
      await stack.click('approver', asked, 'approve');
      await says(stack, asked, /hides messages for 18 seconds/);
      const again = await answerTo(stack, '/fluxa queue audit');
      assert.ok(!buttons(again).some((name) => name.startsWith('Hide')), 'nothing is offered where the rule holds');
    });

    test('F-28 names the version that was published before the failures, and rolls it back', async () => {
      const failures = (...ages) => ages.map((age_ms, i) => ({ group: '/aws/lambda/fluxa-processor', age_ms, message: { service: 'processor', stage: 'persist', status: 'failure', error_code: 'Crash', correlation_id: `c-${i}`, event_id: `e-${i}` } }));
      const versions = (...ages) => ages.map((age_ms, i) => ({ version: String(i + 5), age_ms }));
      const world = async (alias, published, ...ages) => {
        await freshWorld(stack, {}, { trail_unlimited: true, functions: [{ name: 'fluxa-processor', versions: published, aliases: alias === undefined ? [] : [{ name: 'live', version: alias }] }] });
        await easePace(stack);
        await stack.world({ logs: failures(...ages) });
        return answerTo(stack, '/fluxa errors');
      };
      const card = await world('6', versions(9 * HOUR, 0.405 * HOUR), 0.2 * HOUR, 60000);
      includes(card, /It began 12 min after version 6 of processor was published, which runs now\. If nothing else changed then, roll back\./);
      assert.equal(buttons(card)[0], 'Roll processor back to version 5');
      const asked = await pressed(stack, card, 'Roll processor back to version 5');
      await stack.click('approver', asked, 'approve');
      includes(await says(stack, asked, /fluxa-processor is rolled back/), /live points to version 5/);
      const not = async (given, ...patterns) => {
        includes(given, ...patterns);
        assert.ok(!buttons(given).some((name) => name.startsWith('Roll')), buttons(given).join());
      };
      await not(await world('5', versions(9 * HOUR, 0.405 * HOUR), 0.2 * HOUR), /after version 6 of processor was published, but live points to version 5\./);
      await not(await world('5', versions(9 * HOUR), 0.2 * HOUR), /It began 8 h 4[78] min after version 5 of processor was published, which runs now; that is long before/);
      await not(await world('6', versions(9 * HOUR, 0.1 * HOUR), 0.2 * HOUR), /after version 5 of processor was published, but live points to version 6/);
      await not(await world(undefined, versions(9 * HOUR, 0.405 * HOUR), 0.2 * HOUR), /where live points to could not be read/);
      await stack.fault('lambda:ListVersionsByFunction', 'denied', { rate: 1 });
      const denied = await world('6', versions(9 * HOUR, 0.405 * HOUR), 0.2 * HOUR).then(async () => { await stack.fault('lambda:ListVersionsByFunction', 'denied', { rate: 1 }); return answerTo(stack, '/fluxa errors'); });
      await stack.post('fault', { clear: true });
      await not(denied, /Which version was deployed before they began could not be read: .*allow lambda:ListVersionsByFunction/);
    });
  });
});
