// page.test.mjs - a newcomer walks through one alarm on the sandbox's page, with the real bot behind it.
//
// Every stage is looked at by desktop and phone, light and dark: pictures are kept under
// tests/artefacts/screens, and names, contrast, width, console, policy and network are checked.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import path from 'node:path';
import { Stack } from '../support/stack.mjs';
import { screens, Views } from '../support/browser.mjs';
import { findBarriers, findOverflow } from '../support/accessible.mjs';

const SOON = { timeout: 120000 }; // for a machine that is busy; who finds what he looks for waits no longer
let stack, views, anna;
const barriers = new Set(), broken = new Set();

const button = (page, name) => page.locator('#messages .slack-button').filter({ hasText: name }).last();
const heading = (page, text) => page.locator('#messages .header').filter({ hasText: text }).last();
const tourStep = (page) => page.locator('#tour strong').innerText();
const moved = async () => (await stack.effects('SendMessageBatch')).length + (await stack.effects('SendMessage')).length;

// What everybody has to see before a stage is looked at and photographed.
async function stage(name, isThere) {
  await views.each(async (page) => {
    await isThere(page).waitFor(SOON);
    await isThere(page).evaluate((element) => { // at once: a card may be drawn anew at any moment
      element.closest('#messages [data-ts]')?.scrollIntoView({ block: 'nearest' });
      element.scrollIntoView({ block: 'nearest' });
    });
  });
  await views.shoot(name);
  await views.each((page, view) => look(page, `${name}-${view}`));
}

// What is found is told by the last tests, so that the walk goes on.
async function look(page, name) {
  const isPhone = page.viewportSize().width < 400;
  for (const barrier of [...await findBarriers(page), ...(isPhone ? await findOverflow(page) : [])]) barriers.add(`${name}: ${barrier}`);
  for (const policy of await page.evaluate(() => window.brokenPolicies)) broken.add(`${name}: ${policy}`);
}

before(async () => {
  stack = await Stack.start();
  views = await Views.open(stack.page);
  anna = views.desktop;
});

after(async () => {
  await views?.close();
  await stack?.stop();
});

test('the page opens quietly, says that it is a simulation, and shows where to begin', async () => {
  assert.match(await anna.locator('.simulation').innerText(), /Nothing leaves this computer/);
  assert.match(await tourStep(anna), /^1\/7 Raise an alarm/);
  assert.equal(await anna.locator('.tour-target').getAttribute('id'), 'fire-alarm');
  assert.equal(await views.phone.locator('.tour-target').getAttribute('id'), 'menu', 'on a phone the way to the button is shown');
  await stage('1-start', (page) => page.locator('#empty'));
});

test('a fired alarm becomes a card that leads with severity, since when and the verdict, with its triage in the thread', async () => {
  await anna.click('#fire-alarm');
  await views.each(async (page, view) => {
    await heading(page, 'High: fluxa-dlq-depth-dev is in alarm').waitFor(SOON);
    await page.locator('.reply .header', { hasText: 'Fluxa-DLQ sorted by cause' }).waitFor(SOON);
    const box = await page.locator('#messages .header').first().boundingBox(), top = await page.locator('#scroll').boundingBox();
    assert.ok(box.y >= top.y, `${view}: a new card is shown from its beginning`);
  });
  await views.shoot('2-alarm-card');
  await stage('2-triage', (page) => page.locator('.reply .header', { hasText: 'Fluxa-DLQ sorted by cause' }));
  const card = anna.locator('[data-thread] > .message').first();
  assert.match(await card.locator('.header').innerText(), /^High: fluxa-dlq-depth-dev is in alarm/);
  const sections = await card.locator('.block-section').allInnerTexts();
  assert.match(sections[0], /^Since today at \d\d:\d\d:\d\d\. 60 of 100 messages in Fluxa-DLQ are safe to retry; 40 must stay\.$/);
  assert.match(sections[1], /^First action: .*\nLikely cause: /);
  assert.match(sections.at(-1), /AWS says: Threshold Crossed/, 'details stand last');
  assert.deepEqual(await card.locator('.slack-button').allInnerTexts(), ['Sort by cause', 'Show samples', 'Redrive safe messages', 'Show failed events', 'Acknowledge', 'Snooze 1 h', 'Open in PagerDuty', 'Open in CloudWatch']);
});

test('Sort by cause looks again, as the one who pressed it', async () => {
  await button(anna, 'Sort by cause').first().click();
  const again = anna.locator('.reply', { hasText: 'Asked by @Anna Ode' });
  await again.waitFor(SOON);
  const rows = await again.locator('tbody tr').allInnerTexts();
  assert.deepEqual(rows.map((row) => row.split('\t').slice(0, 3).join(' ').trim()), ['DBConnectionError 60 safe', 'SchemaValidation 25 never', 'HashMismatch 15 never']);
  await anna.locator('#tour', { hasText: '3/7' }).waitFor(SOON);
});

test('Redrive asks for an approval and moves nothing', async () => {
  await button(anna, 'Redrive 60 safe messages').click();
  await stage('3-approval', (page) => heading(page, 'Approval needed: redrive 60 of 100 messages (dev)'));
  const text = await anna.locator('.message', { hasText: 'Approval needed' }).last().innerText();
  for (const fact of ['From\nFluxa-DLQ', 'To\nFluxa-InputQueue', '60 of 100 (60 DBConnectionError)', '@Anna Ode asks with /fluxa dlq redrive', 'Decide before']) assert.ok(text.includes(fact), `${fact} in ${text}`);
  assert.equal(await moved(), 0);
});

test('the requester cannot approve, is told so privately, and nobody else sees it', async () => {
  const bo = await views.page(`${stack.page}/?as=approver`, 'bo');
  await button(anna, 'Approve').click();
  await anna.locator('dialog.confirm').getByRole('button', { name: 'Approve' }).click();
  await stage('4-private-answer', (page) => page.locator('.ephemeral', { hasText: 'You may not approve this change: you asked for it yourself' }));
  assert.match(await anna.locator('.ephemeral').last().innerText(), /Only visible to you/);
  assert.equal(await bo.locator('.ephemeral').count(), 0);
  assert.equal(await button(bo, 'Approve').count(), 1, 'the request is still open');
  assert.equal(await moved(), 0);
  await bo.context().close();
});

test('the approver confirms, sees the progress, and reads the verdict', async () => {
  await stack.fault('sqs:DeleteMessageBatch', 'held'); // the run goes on when all four have seen it run
  await views.actAs('approver');
  await anna.locator('#tour', { hasText: '5/7' }).waitFor(SOON);
  await views.each((page) => button(page, 'Approve').click());
  await stage('5-confirm', (page) => page.locator('dialog.confirm'));
  await views.each((page, view) => page.locator('dialog.confirm').getByRole('button', { name: view === 'desktop' ? 'Approve' : 'Go back' }).click());
  await stage('6-progress', (page) => heading(page, 'Running: redrive 60 of 100 messages (dev)'));
  assert.equal(await button(anna, 'Approve').count(), 0, 'a decided request has no buttons');
  await stack.post('fault', { clear: true });
  await stage('7-verdict', (page) => heading(page, 'Redrive finished: 60 of 60 messages moved'));
  assert.match(await anna.locator('.message', { hasText: 'Redrive finished' }).last().innerText(), /All moved messages were processed: 60 of 60 are in the database\.[^]*40 messages stay in Fluxa-DLQ/);
  await anna.locator('#tour', { hasText: '7/7' }).waitFor(SOON);
  await anna.locator('#queues tr', { hasText: 'Fluxa-DLQ' }).getByText('40', { exact: true }).waitFor(SOON);
});

test('Acknowledge names who did it, and PagerDuty hears of it', async () => {
  await views.actAs('requester');
  await button(anna, 'Acknowledge').click();
  await anna.locator('.message', { hasText: 'Acknowledged by' }).first().waitFor(SOON);
  assert.match(await anna.locator('.message', { hasText: 'Acknowledged by' }).first().innerText(), /Acknowledged by\n@Anna Ode, today/);
  await anna.locator('#pages .acknowledged').waitFor(SOON);
});

test('Open in PagerDuty opens the incident, readable on a phone', async () => {
  const [incident] = await Promise.all([views.phone.context().waitForEvent('page'), button(views.phone, 'Open in PagerDuty').click()]);
  await incident.waitForLoadState();
  assert.match(new URL(incident.url()).pathname, /^\/pagerduty\/incidents\//);
  assert.match(await incident.locator('h1').innerText(), /fluxa-dlq-depth-dev/);
  assert.equal(await incident.locator('.incident-state').innerText(), 'acknowledged');
  await look(incident, '8-pagerduty-phone');
  await incident.screenshot({ path: path.join(screens, '8-pagerduty-phone.png'), fullPage: true });
  await incident.close();
});

test('a mistyped command gets suggestions, help explains, and a guest is refused', async () => {
  const type = async (page, text) => {
    await page.fill('#composer-text', text);
    await page.press('#composer-text', 'Enter');
  };
  await type(anna, '/fluxa dlq clasify');
  const answer = anna.locator('.ephemeral', { hasText: 'There is no command "dlq clasify"' }); // before or after "Received: ..."
  await answer.waitFor(SOON);
  assert.match(await answer.innerText(), /Did you mean:\n\/fluxa dlq classify/);
  await type(anna, '/fluxa help');
  await anna.locator('.ephemeral', { hasText: 'Fluxa commands' }).waitFor(SOON);
  await type(anna, '/fluxa dlq inspect 3');
  await stage('9-private-answers', (page) => page.locator('.ephemeral', { hasText: '3 messages of about' }));
  await type(anna, 'hello');
  assert.match(await anna.locator('#composer-hint').innerText(), /Begin with a slash/);
  const guest = await views.page(`${stack.page}/?as=guest`, 'guest');
  await type(guest, '/fluxa dlq redrive');
  await guest.locator('.ephemeral', { hasText: 'guests of the workspace may not' }).waitFor(SOON);
  await guest.context().close();
});

test('Alarm OK closes the card: no buttons that act, how long it took, and the page is resolved', async () => {
  await anna.click('#clear-alarm');
  await stage('10-resolved', (page) => heading(page, 'Resolved: fluxa-dlq-depth-dev').first());
  const card = anna.locator('.message', { hasText: 'Resolved: fluxa-dlq-depth-dev' }).first();
  assert.match(await card.innerText(), /OK again since today at \d\d:\d\d:\d\d, after /);
  assert.deepEqual(await card.locator('.slack-button').allInnerTexts(), ['Open in PagerDuty', 'Open in CloudWatch']);
  await anna.locator('#pages .resolved').waitFor(SOON);
});

test('Reset asks first; a denial needs a reason and shows it to all', async () => {
  await anna.click('#reset-world');
  await anna.locator('dialog.confirm').getByRole('button', { name: 'Reset' }).click();
  await anna.locator('#empty').waitFor(SOON);
  await anna.click('#fire-alarm');
  await button(anna, 'Redrive safe messages').click();
  await button(anna, 'Deny').waitFor(SOON);
  await views.actAs('approver');
  await button(anna, 'Deny').click();
  await stage('11-deny-modal', (page) => page.locator('dialog.modal textarea'));
  const modal = anna.locator('dialog.modal');
  await modal.locator('textarea').fill('no');
  await modal.getByRole('button', { name: 'Deny' }).click();
  assert.equal(await modal.locator('.field-error:visible').innerText(), 'Please write at least 3 characters');
  await modal.locator('textarea').fill('The failover is still running, ask again at 15:00');
  await modal.getByRole('button', { name: 'Deny' }).click();
  await stage('12-denied', (page) => heading(page, 'Denied: redrive 60 of 100 messages (dev)'));
  assert.match(await anna.locator('.message', { hasText: 'Denied:' }).last().innerText(), /@Bo Lind denied this request\. Nothing was changed\.\nReason: The failover is still running/);
});

test('Stop ends a slow redrive: what moved stays moved, the rest stays', async () => {
  await views.actAs('requester');
  await anna.fill('#composer-text', '/fluxa dlq redrive rate=1');
  await anna.press('#composer-text', 'Enter');
  await button(anna, 'Approve').waitFor(SOON);
  await stack.click('approver', (await stack.card(/^Approval needed/)).ts, 'approve');
  await button(anna, 'Stop').waitFor(SOON);
  await button(anna, 'Stop').click();
  await anna.locator('.ephemeral', { hasText: 'What was done stays done' }).waitFor(SOON);
  await stage('13-stopped', (page) => heading(page, 'Redrive stopped:'));
  const [, done, all] = /Redrive stopped: (\d+) of (\d+)/.exec(await heading(anna, 'Redrive stopped:').innerText());
  assert.ok(Number(done) < Number(all), `${done} of ${all}`);
});

test('the keyboard alone fires the alarm, opens a dialog, and comes back to where it was', async () => {
  const page = await views.page(`${stack.page}/?as=requester`, 'keyboard');
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.className), 'skip');
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'composer-text');
  await page.focus('#reset-world');
  await page.keyboard.press('Enter');
  await page.locator('dialog.confirm').waitFor();
  await page.keyboard.press('Escape');
  await page.locator('dialog').waitFor({ state: 'detached' });
  assert.equal(await page.evaluate(() => document.activeElement.id), 'reset-world');
  await page.locator('#messages .slack-button').first().focus();
  assert.notEqual(await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle), 'none', 'focus is visible');
  await page.context().close();
});

test('at no stage was anything nameless, too pale, too small or wider than the phone', () => {
  assert.deepEqual([...barriers], []);
});

test('no console complained, no policy was broken, and no request left this computer', () => {
  assert.deepEqual(views.problems, []);
  assert.deepEqual([...broken], []);
});
