// fluxa_manual.test.mjs - the rows that people carry out (F-11, F-48, F-60, F-71), and the commands that run others (F-63, F-64, F-69).
//
// Slack takes one message a second in a channel, so two stacks work side by side.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Stack, root } from '../support/stack.mjs';
import { answerTo, atRest, freshWorld, ownRunbooks, postgres, restart, watchEffects, watchPrivate } from '../support/cases.mjs';
import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';

const ONE_AT_A_TIME = { concurrency: 1 };

// All of a card that a person reads, without its buttons.
function shown(card) {
  const texts = [];
  const walk = (part) => {
    if (Array.isArray(part)) part.forEach(walk);
    else if (part && typeof part === 'object' && part.type !== 'actions') Object.entries(part).forEach(([key, value]) => (key === 'text' && typeof value === 'string' ? texts.push(value) : walk(value)));
  };
  walk(card.blocks);
  return texts.join('\n');
}

const buttons = (card) => card.blocks.flatMap(({ type, elements }) => (type === 'actions' ? elements : []));
const names = (card) => buttons(card).map(({ text }) => text.text);
const table = (card) => card.blocks.find(({ type }) => type === 'table')?.rows.map((row) => row.map(({ text }) => text)) ?? [];
const actionOf = (card, name) => {
  const found = buttons(card).find(({ text }) => text.text === name);
  assert.ok(found, `no button ${name} among ${names(card)}`);
  return found.action_id;
};

function includes(card, ...patterns) {
  for (const pattern of patterns) assert.match(shown(card), pattern);
}

// Presses the button of this name and waits until the card says so.
async function press(stack, user, card, name, pattern) {
  await stack.click(user, card, actionOf(card, name));
  return stack.until(async () => {
    const now = await stack.message(card.ts);
    return pattern.test(shown(now)) && now;
  }, `the card to say ${pattern} after ${name}`);
}

const audit = (stack, run) => stack.sql(`SELECT actor, action, detail_json FROM audit WHERE subject = '${run}' AND action LIKE 'checklist.%' ORDER BY n`);
const runOf = (card) => shown(card).match(/run ([0-9A-Za-z_-]+), took/)[1];

describe('rows by hand, and commands that run others', { concurrency: true }, () => {
  describe('by hand', ONE_AT_A_TIME, () => {
    let stack, runbooks;
    before(async () => {
      stack = await Stack.start({ edit: async (one) => void (runbooks = await ownRunbooks(one)) });
      await freshWorld(stack, {});
    });
    after(() => stack?.stop());

    test('F-48 says what belongs to it; each check-off is told on the card and kept in the audit log', async () => {
      let card = await answerTo(stack, '/fluxa advice db-retry');
      includes(card, /a change of Fluxa's code; the bot cannot make it/, /does not say where the code is: set code_url/, /☐ 3\. Implement connection retry with exponential backoff/, /SELECT count\(\*\) FROM pg_stat_activity;/);
      assert.deepEqual(names(card).slice(0, 8), ['Show connections', 'Show locks', 'Done 1', 'Done 2', 'Done 3', 'Done 4', 'Done 5', 'Done 6']);
      const run = runOf(card);
      card = await press(stack, 'approver', card, 'Done 3', /☑ 3\. [^\n]*done by/);
      includes(card, /☑ 3\. [^\n]*done by <@U0BEN00001>|☑ 3\. [^\n]*done by <@U0[A-Z0-9]+>/);
      includes(card, /☐ 2\./);
      assert.deepEqual((await audit(stack, run)).map(({ action, detail_json: detail }) => [action, JSON.parse(detail).item]), [['checklist.checked', 3]]);
      card = await press(stack, 'requester', card, 'Undo 3', /☐ 3\./);
      for (const item of [1, 2, 3, 4, 5]) card = await press(stack, 'requester', card, `Done ${item}`, new RegExp(`☑ ${item}\\.`));
      card = await press(stack, 'requester', card, 'Done 6', /Finished by/);
      assert.deepEqual(names(card), ['Show connections', 'Show locks'], 'nothing is left to press');
      assert.deepEqual((await audit(stack, run)).map(({ action }) => action).filter((action) => action !== 'checklist.checked'), ['checklist.unchecked', 'checklist.finished']);
    });

    test('a check-off asks for the role, is told once of two, and holds over a restart', async () => {
      const card = await answerTo(stack, '/fluxa advice db-retry');
      const told = await watchPrivate(stack, 'guest');
      await stack.click('guest', card, actionOf(card, 'Done 1'));
      await told(/Your click changed nothing/);
      assert.deepEqual(await audit(stack, runOf(card)), []);
      const [mine, theirs] = [await watchPrivate(stack, 'requester'), await watchPrivate(stack, 'approver')];
      await Promise.all([['requester', 'Done 1'], ['requester', 'Done 2'], ['approver', 'Done 2'], ['operator', 'Done 4']].map(([user, name]) => stack.click(user, card, actionOf(card, name))));
      await Promise.any([mine, theirs].map((one) => one(/Item 2 is checked already.*Your click changed nothing/s)));
      await stack.until(async () => (shown(await stack.message(card.ts)).match(/☑/g) ?? []).length === 3, 'all three check-offs');
      await restart(stack);
      assert.equal((await audit(stack, runOf(card))).length, 3);
      const done = await press(stack, 'operator', await stack.message(card.ts), 'Done 5', /☑ 5\./);
      includes(done, /☑ 1\.[^]*☑ 2\.[^]*☐ 3\.[^]*☑ 4\./);
    });

    test('a link stands behind a button once the configuration knows it, and an edited runbook takes no more checks', async () => {
      const card = await answerTo(stack, '/fluxa advice db-retry');
      await stack.edit((text) => text.replace(/^( +)dlq_visibility: .*$/m, '$&\n$1code_url: "https://code.example.com/fluxa"'));
      await appendFile(path.join(runbooks, 'advice-db-retry.yaml'), '# edited\n');
      await restart(stack, 'SIGTERM');
      const told = await watchPrivate(stack, 'requester');
      await stack.click('requester', card, actionOf(card, 'Done 1'));
      await told(/edited after this list was made; ask for it again with \/fluxa advice db-retry/);
      const anew = await answerTo(stack, '/fluxa advice db-retry');
      assert.equal(buttons(anew).find(({ text }) => text.text === 'Open the code').url, 'https://code.example.com/fluxa');
      assert.ok(!/code_url/.test(shown(anew)));
    });

    test('F-11 names owner, samples and what belongs to a cause, and changes nothing', async () => {
      await freshWorld(stack, { SchemaValidation: 3, DBConnectionError: 2 });
      const effects = await watchEffects(stack);
      const card = await answerTo(stack, '/fluxa dlq owner SchemaValidation');
      includes(card, /3 messages of 5 in Fluxa-DLQ have this cause/, /Owner\*\nproducer team/, /For example\*\n[0-9a-f-]{36}, /, /Fix the producer: schema validation, data format/, /Manually process valid messages or archive invalid ones/, /Update the documentation/);
      assert.ok(!/tampering|Redrive what is safe/.test(shown(card)));
      assert.deepEqual((await effects()).filter(({ operation }) => !/Receive|Visibility/.test(operation)), []);
      includes(await answerTo(stack, '/fluxa dlq owner HashMismatch'), /None of the 5 messages/, /Investigate the producer and tampering; do NOT retry/, /For example\*\nnone/);
      const sorted = await answerTo(stack, '/fluxa dlq classify');
      await stack.click('requester', sorted, actionOf(sorted, 'Needs a fix'));
      await stack.until(async () => (await stack.card(/SchemaValidation: what has to be mended/)).ts > sorted.ts, 'the checklist behind the button');
      await stack.fault('sqs:ReceiveMessage', 'denied', { rate: 1 });
      includes(await answerTo(stack, '/fluxa dlq owner Crash'), /How many wait could not be read/, /sqs:ReceiveMessage/, /For example\*\ncould not be read/, /☐ 1\. Tell the team on call/);
      await stack.post('fault', { clear: true });
    });

    test('F-60 shows the command, takes an outcome only when all is checked, and remembers the last drill', async () => {
      let card = await answerTo(stack, '/fluxa backup drill');
      includes(card, /Restore drill: never done/, /No drill was ever finished here/, /aws rds restore-db-instance-to-point-in-time \\\n {2}--source-db-instance-identifier fluxa-prod \\\n {2}--target-db-instance-identifier fluxa-drill \\\n {2}--restore-time \d{4}-/, /0 events/);
      assert.ok(!names(card).includes('passed'));
      const run = runOf(card);
      for (let item = 1; item <= 7; item++) card = await press(stack, 'operator', card, `Done ${item}`, new RegExp(`☑ ${item}\\.`));
      assert.deepEqual(names(card).slice(-2), ['passed', 'failed']);
      card = await press(stack, 'operator', card, 'failed', /Finished: failed by/);
      assert.deepEqual(names(card), []);
      const rows = await audit(stack, run);
      assert.equal(JSON.parse(rows.at(-1).detail_json).outcome, 'failed');
      includes(await answerTo(stack, '/fluxa backup drill'), /Restore drill: failed \d+ (ms|s|min) ago/, /The last drill failed/, /Last drill\*\n\d{4}-\d\d-\d\d, failed/);
      await stack.fault('rds:DescribeDBInstances', 'denied', { rate: 1 });
      await postgres(stack, 'REVOKE SELECT ON events FROM fluxabot_ro');
      includes(await answerTo(stack, '/fluxa backup drill'), /The source could not be read: .*rds:DescribeDBInstances/, /The rows could not be counted: .*permission denied/, /Restorable up to\*\nno data/, /Rows now\*\nno data/);
      await postgres(stack, 'GRANT SELECT ON events TO fluxabot_ro');
      await stack.post('fault', { clear: true });
    });

    test('F-71 gathers what Support asks for, without payloads, and opens the console', async () => {
      await freshWorld(stack, {});
      await stack.world({ logs: [{ group: '/aws/lambda/fluxa-processor', message: '{"status":"failure","error_code":"DBConnectionError","payload":{"card":"4111 1111 1111 1111"}}' }] });
      const card = await answerTo(stack, '/fluxa support');
      includes(card, /Account: 123456789012\nRegion: us-east-1\nEnvironment: dev\nResources: arn:aws:sqs:us-east-1:123456789012:Fluxa-InputQueue/, /Written at: \d{4}-/, /Alarms: /, /Request ids: /, /☐ 2\. Paste the text below; add no payload, no personal data and no secret/);
      assert.ok(!/4111/.test(JSON.stringify(card)));
      assert.equal(buttons(card).find(({ text }) => text.text === 'Open a case').url, 'https://support.console.aws.amazon.com/support/home?region=us-east-1#/case/create');
      await stack.fault('cloudwatch:DescribeAlarms', 'denied', { rate: 1 });
      await stack.fault('logs:StartQuery', 'denied', { rate: 1 });
      includes(await answerTo(stack, '/fluxa support'), /The alarms could not be read: .*cloudwatch:DescribeAlarms/, /The request ids could not be read: .*logs:StartQuery/, /Alarms: could not be read/, /Request ids: could not be read/);
      await stack.post('fault', { clear: true });
    });
  });

  describe('commands that run others', ONE_AT_A_TIME, () => {
    let stack, runbooks;
    before(async () => {
      stack = await Stack.start({ edit: async (one) => void (runbooks = await ownRunbooks(one)) });
      await freshWorld(stack, {});
    });
    after(() => stack?.stop());

    test('F-63 shows the verdict of each, and what cannot be read hides nothing', async () => {
      await freshWorld(stack, { DBConnectionError: 3 });
      const card = await answerTo(stack, '/fluxa incident sev1 nobody can pay <!channel>');
      includes(card, /Severity 1: service down: nobody can pay/);
      assert.ok(!/<!channel>/.test(JSON.stringify(card)));
      assert.deepEqual(table(card).map(([what, state]) => `${what}: ${state}`), ['What: State', 'Alarms: good', 'Recent changes: good', 'AWS itself: see', 'Database: good', 'Connections: good', 'Locks: good', 'Queue: good', 'Dead letters: bad']);
      assert.match(table(card)[8][2], /Fluxa-DLQ: 3 messages wait/);
      await stack.fault('sqs:GetQueueAttributes', 'denied', { rate: 1 });
      const blind = await answerTo(stack, '/fluxa incident sev1');
      assert.equal(table(blind)[8][1], 'could not be read');
      assert.match(table(blind)[8][2], /^dlq: .*sqs:GetQueueAttributes/);
      assert.equal(table(blind)[5][1], 'good');
      await stack.post('fault', { clear: true });
    });

    test('F-64 names what is degraded first', async () => {
      await freshWorld(stack, {});
      includes(await answerTo(stack, '/fluxa incident sev2'), /Nothing that could be read is bad/);
      await postgres(stack, "INSERT INTO idempotency_keys VALUES ('evt-1', 'failed', 3, 'DBConnectionError', now())");
      const card = await answerTo(stack, '/fluxa incident sev2');
      includes(card, /Events fail: 1 /);
      assert.ok(names(card).includes('Advice on retries'));
      await postgres(stack, 'ALTER ROLE fluxabot_ro CONNECTION LIMIT 0');
      const away = await answerTo(stack, '/fluxa incident sev2');
      assert.deepEqual(table(away).slice(1, 5).map(([, state]) => state), ['good', 'could not be read', 'bad', 'could not be read']);
      await postgres(stack, 'ALTER ROLE fluxabot_ro CONNECTION LIMIT -1; TRUNCATE idempotency_keys');
    });

    test('F-69 tells the state of each step, and its redrive asks for an approval of its own', async () => {
      await freshWorld(stack, { DBConnectionError: 2, HashMismatch: 1 });
      const card = await answerTo(stack, '/fluxa incident sev3');
      includes(card, /Severity 3: 3 dead letters/, /Next: redrive the 2 safe messages; 1 must stay/);
      assert.deepEqual(table(card).slice(1).map(([step, state]) => `${step}: ${state}`), ['1 Investigate: done', '2 Sort by cause: done', '3 Fix the root cause: open', '4 Redrive what is safe: open', '5 Verify: after a redrive', '6 Update documentation: by hand']);
      assert.match(table(card)[3][2], /HashMismatch × 1/);
      await stack.click('requester', card, actionOf(card, 'Redrive what is safe'));
      const asked = await stack.until(() => stack.card(/^Approval needed/), 'the approval of its own');
      await stack.click('approver', asked, 'approve');
      await stack.ending(asked);
      await atRest(stack);
      const after = await answerTo(stack, '/fluxa incident sev3');
      assert.deepEqual(table(after).slice(4, 6).map(([step, state]) => `${step}: ${state}`), ['4 Redrive what is safe: nothing to move', '5 Verify: look']);
      await stack.fault('sqs:ListMessageMoveTasks', 'denied', { rate: 1 });
      includes(await answerTo(stack, '/fluxa incident sev3'), /They could not be sorted: .*sqs:ListMessageMoveTasks/);
      await stack.post('fault', { clear: true });
    });

    test('a command inside another may wait, and a restart in between loses nothing', async () => {
      await writeFile(path.join(runbooks, 'waits.yaml'), 'command: waits\nsummary: Waits\nsteps:\n  - id: pause\n    wait: 2s\n  - id: held\n    assert: { that: "${environment == \'dev\'}", message: Only in dev; ask there }\nanswer: { title: Waited, verdict: It waited. }\n');
      await writeFile(path.join(runbooks, 'outer.yaml'), 'command: outer\nsummary: Waits inside\nsteps:\n  - id: inner\n    run: waits\n  - id: stops\n    assert: { that: "${inner.title ~= \'Waited\'}", message: The inner one has waited; look at it }\nanswer: { title: Outer, verdict: "${inner.verdict}" }\n');
      await restart(stack, 'SIGTERM');
      await stack.command('requester', '/fluxa outer');
      await stack.until(async () => (await stack.sql("SELECT id FROM runs WHERE command = 'outer' AND checkpoint_json <> ''"))[0], 'it to wait');
      await restart(stack);
      const card = await stack.until(() => stack.card(/Failed: \/fluxa outer/), 'the end of it');
      includes(card, /The inner one has waited; look at it\./, /Nothing was changed/);
    });
  });
});

test('check refuses circles, changes, private answers and checklists inside others', async () => {
  const stack = await Stack.start({ bot: false });
  const runbooks = await ownRunbooks(stack);
  const end = 'answer: { title: T, verdict: V }\n', write = (name, steps, more = '') => writeFile(path.join(runbooks, `${name}.yaml`), `command: ${name}\nsummary: S\nsteps:\n${steps}${end.replace(' }', `${more} }`)}`);
  await write('a', '  - { id: x, run: b }\n');
  await write('b', '  - { id: x, run: c }\n');
  await write('c', '  - { id: x, run: a }\n');
  await write('d', '  - { id: x, run: dlq redrive }\n  - { id: y, run: dlq inspect }\n  - { id: z, run: support }\n  - { id: v, run: "${environment}" }\n  - { id: u, run: dlqq }\n');
  await write('e', '  - { id: x, checklist: [one] }\n  - { id: y, checklist: [two] }\n');
  await write('f', '  - { id: x, checklist: [one] }\n', ', visibility: private');
  await write('g', '  - { id: x, link: { url: "https://${environment}.example.com/", text: T } }\n  - { id: y, assert: { that: true, message: M } }\n  - { id: z, checklist: [] }\n');
  const { stderr } = await promisify(execFile)(path.join(process.env.FLUXABOT_BUILD ?? path.join(root, 'build/release'), 'fluxabot'), ['check', '--config', stack.config]).catch((error) => error);
  const found = stderr.split('\n').filter((line) => line !== '').map((line) => line.replace(`${runbooks}/`, ''));
  const expected = [/^a\.yaml:4: a runs b, which runs a again/, /^b\.yaml:4: b runs c, which runs b again/, /^c\.yaml:4: c runs a, which runs c again/, /^d\.yaml:4: dlq redrive changes something/, /^d\.yaml:5: dlq inspect answers in private/, /^d\.yaml:6: support has a checklist/, /^d\.yaml:7: the command that is run is written out/, /^d\.yaml:8: there is no command dlqq/, /^e\.yaml:5: a command has one checklist/, /^f\.yaml:4: an answer in private/, /^g\.yaml:4: a link begins with https:\/\/ and a host/, /^g\.yaml:5: assert asks the same/, /^g\.yaml:6: a checklist has 1 to 12 items/];
  for (const pattern of expected) assert.ok(found.some((line) => pattern.test(line)), `${pattern} is not among\n${found.join('\n')}`);
  await stack.stop();
});
