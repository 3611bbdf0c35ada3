// fluxa_changes.test.mjs - the rows that change one thing after an approval: F-25, F-26, F-33,
// F-34, F-35, F-44, F-56, F-58, F-67.
//
// Each row is a line of `rows`: what is asked, what is called, what drifts meanwhile. All of them go through the same
// cases, so that none is safe only by luck. Slack takes one message a second in a channel, so the rows share several
// stacks that work side by side.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Stack } from '../support/stack.mjs';
import { atRest, freshWorld, killedBefore, main, ownRunbooks, postgres, watchEffects, watchPrivate } from '../support/cases.mjs';
import { buttons, shown } from './cards.mjs';

const queue = (attributes) => ({ queues: [{ name: main, attributes }] });
const latest = (configuration, more = {}) => ({ functions: [{ name: 'fluxa-ingest', configuration, ...more }] });
const versions = (...numbers) => numbers.map((version, i) => ({ version: String(version), age_ms: (numbers.length - i) * 86400000 }));
const alias = (version) => ({ functions: [{ name: 'fluxa-ingest', versions: versions(5, 6, 7, 8), aliases: [{ name: 'live', version }] }] });
const batch = (batch_size) => ({ mappings: [{ function: 'fluxa-processor', queue: main, batch_size }] });

// asks: the command. calls: what may reach AWS, once. reads: the call without which nobody knows how it stands. world: what
// it starts from. shows: on the approval card. with: what reached AWS. ends: on the last card. drift: the world after
// somebody else was there; drifted: what the refusal says. refused: commands that make no sense there, and why.
const rows = [
  {
    row: 'F-35', asks: 'queue retention 10', calls: 'sqs:SetQueueAttributes', reads: 'sqs:GetQueueAttributes', world: queue({ MessageRetentionPeriod: '345600' }),
    shows: [/Messages are kept\*\n4 d → 10 d/, /would delete messages/], with: { attributes: { MessageRetentionPeriod: '864000' } }, ends: [/keeps messages for 10 days/, /message_retention_seconds = 864000/],
    drift: queue({ MessageRetentionPeriod: '432000' }), drifted: /Messages are kept was 4 d when this was approved and is 5 d now/,
    refused: [['queue retention 2', /less would delete what is older/], ['queue retention 4', /nothing to change: Messages are kept is 4 d already/]],
  },
  {
    row: 'F-33', asks: 'queue visibility 200', calls: 'sqs:SetQueueAttributes', reads: 'sqs:GetQueueAttributes', world: queue({ VisibilityTimeout: '30' }),
    shows: [/Hidden for, seconds\*\n30 → 200/, /The processor may take, seconds\*\n3\n/, /AWS advises, seconds\*\n18/], with: { attributes: { VisibilityTimeout: '200' } }, ends: [/hides messages for 200 seconds/, /at least 6 times/, /visibility_timeout_seconds = 200/], undo: /Undo: 30 s/,
    drift: queue({ VisibilityTimeout: '60' }), drifted: /Hidden for, seconds was 30 when this was approved and is 60 now/,
    refused: [['queue visibility 30', /nothing to change/], ['queue visibility 2', /would come back while it is still processed/]],
  },
  {
    row: 'F-25', asks: 'concurrency ingest 30', calls: 'lambda:PutFunctionConcurrency', reads: 'lambda:GetFunctionConcurrency', world: { functions: [{ name: 'fluxa-ingest', reserved: 10 }] },
    shows: [/Reserved concurrency\*\n10 → 30/, /Left for all others\*\n970 → 950/], with: { ReservedConcurrentExecutions: 30 }, ends: [/reserved concurrency is 30/, /950 are left for all others/, /reserved_concurrent_executions = 30/], undo: /Undo: 10/,
    drift: { functions: [{ name: 'fluxa-ingest', reserved: 12 }] }, drifted: /Reserved concurrency was 10 when this was approved and is 12 now/,
    refused: [['concurrency ingest 10', /nothing to change/], ['concurrency ingest 900', /Lambda keeps 100/], ['concurrency processor 12', /12 processors with 10 connections each need 120, and the database has 97/]],
  },
  {
    row: 'F-34', asks: 'queue batch 5', calls: 'lambda:UpdateEventSourceMapping', reads: 'lambda:ListEventSourceMappings', world: batch(10),
    shows: [/Batch size\*\n10 → 5/], with: { BatchSize: 5 }, ends: [/takes 5 messages at once/, /enabled again/, /batch_size = 5/], undo: /Undo: 10/,
    drift: batch(7), drifted: /Batch size was 10 when this was approved and is 7 now/, refused: [['queue batch 10', /nothing to change/]],
  },
  {
    row: 'F-26', noAlias: true, asks: 'memory ingest 512', calls: 'lambda:UpdateFunctionConfiguration', reads: 'lambda:GetFunctionConfiguration', world: latest({ MemorySize: 256, Timeout: 3 }),
    shows: [/Memory, MB\*\n256 → 512/, /Time limit, seconds\*\n3/], with: { MemorySize: 512 }, ends: [/runs with 512 MB/, /has carried the update out/, /memory_size = 512/], undo: /Undo: 256 MB/,
    drift: latest({ Timeout: 9 }), drifted: /Time limit, seconds was 3 when this was approved and is 9 now/, refused: [['memory ingest 256', /nothing to change/]],
  },
  {
    row: 'F-67', asks: 'rollback ingest', calls: 'lambda:UpdateAlias', reads: 'lambda:GetAlias', world: alias('8'),
    shows: [/Version\*\n8 → 7/, /Was the database migrated/], with: { FunctionVersion: '7' }, ends: [/is rolled back/, /live points to version 7/], undo: /Undo: version 8/,
    drift: alias('6'), drifted: /Version was 8 when this was approved and is 6 now/, refused: [['rollback ingest 99', /no published version 99/], ['rollback ingest 8', /nothing to change/], ['memory ingest 512', /called through the alias live/]],
  },
  {
    row: 'F-56', asks: 'provision ingest live 2 ends=2030-01-31', calls: 'lambda:PutProvisionedConcurrencyConfig', reads: 'lambda:ListProvisionedConcurrencyConfigs', world: { functions: [{ name: 'fluxa-ingest', reserved: 10, versions: versions(7, 8), aliases: [{ name: 'live', version: '8' }] }] },
    shows: [/Kept warm\*\nnone → 2/, /Reserved concurrency\*\n10/, /paid for around the clock/], with: { ProvisionedConcurrentExecutions: 2 }, ends: [/keeps 2 copies warm/, /READY/, /On 2030-01-31 at 08:00 UTC you are reminded/],
    drift: { functions: [{ name: 'fluxa-ingest', reserved: 9 }] }, drifted: /Reserved concurrency was 10 when this was approved and is 9 now/, refused: [['provision ingest live 11 ends=2030-01-31', /more would be kept warm than the function may run/i]],
  },
];

// ---- what people do ----

const isAsked = (card) => /"action_id":"approve"/.test(JSON.stringify(card.blocks));
const isOver = (card) => !isAsked(card) && !/^(Running|Waiting|Approved)/.test(card.text);

function includes(card, patterns) {
  for (const pattern of patterns) assert.match(`${card.text}\n${shown(card)}`, pattern);
}

class Asker {
  constructor(stack) {
    this.stack = stack;
  }

  // The first card of a command: the request for approval, or its refusal.
  async ask(text) {
    const known = new Set((await this.stack.messages()).map((message) => message.ts));
    await this.stack.command('requester', `/fluxa ${text}`);
    return this.stack.until(async () => (await this.stack.messages()).find((message) => !known.has(message.ts)), `an answer to ${text}`);
  }

  async asked(text) {
    const card = await this.ask(text);
    assert.ok(isAsked(card), `an approval card, not: ${card.text}`);
    return card;
  }

  end(card) {
    return this.stack.until(async () => {
      const now = await this.stack.message(card.ts);
      return now && isOver(now) && now;
    }, 'the run to end');
  }

  async approved(text, click = () => this.stack.click('approver', this.card, 'approve')) {
    this.card = await this.asked(text);
    await click();
    return this.end(this.card);
  }
}

const operationOf = (row) => row.calls.split(':')[1];

// ---- what every row has to stand ----

// isFirst: what the rows of one kind share is asked of the first of them.
function standsAll(row, isFirst, stackOf) {
  const fresh = (check) => async () => {
    await freshWorld(stackOf(), {}, row.world);
    await check(stackOf());
    await atRest(stackOf());
  };

  test('it is done once after somebody else approved it, and the card shows before and after', fresh(async (stack) => {
    const asker = new Asker(stack), effects = await watchEffects(stack), card = await asker.asked(row.asks);
    includes(card, row.shows);
    assert.deepEqual(await effects(), [], 'nothing before an approval');
    const told = await watchPrivate(stack, 'requester');
    await stack.click('requester', card, 'approve');
    await told(/you asked for it yourself/);
    const twice = await watchPrivate(stack, 'approver');
    await Promise.all([1, 2, 3].map(() => stack.click('approver', card, 'approve')));
    await twice(/already approved by you/);
    const end = await asker.end(card);
    includes(end, row.ends);
    const done = await effects();
    assert.deepEqual(done.map(({ operation }) => operation), [operationOf(row)]);
    for (const [name, value] of Object.entries(row.with)) assert.deepEqual(done[0].detail[name], value);
    if (row.undo) assert.ok(buttons(end).some((text) => row.undo.test(text)), `an undo among ${buttons(end)}`);
  }));

  test('what makes no sense is refused before anybody is asked', fresh(async (stack) => {
    const asker = new Asker(stack), effects = await watchEffects(stack);
    for (const [text, why] of row.refused) {
      const card = await asker.ask(text);
      assert.match(card.text, /^Refused/);
      includes(card, [why, /Nothing was changed/]);
    }
    assert.deepEqual(await effects(), []);
  }));

  test('what changed since the approval is refused, with the difference', fresh(async (stack) => {
    const asker = new Asker(stack), effects = await watchEffects(stack), card = await asker.asked(row.asks);
    await stack.world(row.drift);
    await stack.click('approver', card, 'approve');
    const end = await asker.end(card);
    assert.match(end.text, /^Refused/);
    includes(end, [row.drifted, /Nothing was changed/]);
    assert.deepEqual(await effects(), []);
  }));

  test('a denied call changes nothing and names the permission', fresh(async (stack) => {
    const asker = new Asker(stack), effects = await watchEffects(stack);
    const end = await asker.approved(row.asks, async () => {
      await stack.fault(row.calls, 'denied', { count: 5 });
      await stack.click('approver', asker.card, 'approve');
    });
    assert.match(end.text, /^(Failed|Refused)/);
    includes(end, [new RegExp(row.calls)]);
    assert.deepEqual(await effects(), []);
  }));

  if (isFirst) test('what cannot be read is not changed', fresh(async (stack) => {
    await stack.fault(row.reads, 'denied', { count: 5 });
    const effects = await watchEffects(stack), card = await new Asker(stack).ask(row.asks);
    assert.match(card.text, /^(Failed|Refused)/);
    includes(card, [new RegExp(row.reads)]);
    assert.deepEqual(await effects(), []);
  }));

  if (isFirst && row.row === 'F-35') test('a throttled call is made again, and once', fresh(async (stack) => {
    const asker = new Asker(stack), effects = await watchEffects(stack);
    const end = await asker.approved(row.asks, async () => {
      await stack.fault(row.calls, '429', { count: 1 });
      await stack.click('approver', asker.card, 'approve');
    });
    includes(end, row.ends);
    assert.equal((await effects()).length, 1);
  }));

  test('a lost answer is settled by reading, and nothing is sent again', fresh(async (stack) => {
    const asker = new Asker(stack), effects = await watchEffects(stack);
    const end = await asker.approved(row.asks, async () => {
      await stack.fault(row.calls, 'timeout_after', { count: 1 });
      await stack.click('approver', asker.card, 'approve');
    });
    includes(end, [...row.ends, /got lost; the reading showed that it was done/]);
    assert.equal((await effects()).length, 1);
  }));

  if (isFirst) test('killed between approval and execution it is done once after the restart', fresh(async (stack) => {
    const asker = new Asker(stack), effects = await watchEffects(stack);
    const end = await asker.approved(row.asks, () => killedBefore(stack, () => stack.click('approver', asker.card, 'approve')));
    includes(end, row.ends);
    assert.equal((await effects()).length, 1);
  }));
}

// The rows that change the database itself; what takes minutes there takes a second here.
async function quickSql(stack) {
  const runbooks = await ownRunbooks(stack);
  for (const [file, from, to] of [['db-index-create.yaml', 'lock_timeout: 10s', 'lock_timeout: 1s'], ['db-vacuum.yaml', 'within: 20s', 'within: 1s']]) {
    const text = await readFile(path.join(runbooks, file), 'utf8');
    assert.ok(text.includes(from));
    await writeFile(path.join(runbooks, file), text.replace(from, to));
  }
}

function standsSql(stackOf) {
  const value = (statement) => new Promise((done, failed) => execFile('psql', ['-qAt', stackOf().database, '-c', statement], (error, text) => (error ? failed(error) : done(text.trim()))));
  const valid = () => value("SELECT string_agg(indexrelid::regclass || ' ' || indisvalid, ', ' ORDER BY 1) FROM pg_index WHERE indrelid = 'events'::regclass");
  test('F-44: an index is built while others write, and read back as valid', async () => {
    const stack = stackOf();
    await freshWorld(stack, {});
    await postgres(stack, "INSERT INTO events SELECT 'evt-' || n, 'u' || n FROM generate_series(0, 999) n");
    const asker = new Asker(stack), card = await asker.asked('db index create user_id');
    includes(card, [/Index\*\nmissing → valid/, /CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_events_user_id ON events \(user_id\)/, /DROP INDEX CONCURRENTLY/]);
    await stack.click('approver', card, 'approve');
    includes(await asker.end(card), [/idx_events_user_id is built and valid/, /Before\*\nmissing/, /Now\*\nvalid/]);
    assert.equal(await valid(), 'events_pkey true, idx_events_user_id true');
    for (const [column, why] of [['user_id', /nothing to change: Index is valid already/], ['event_id', /another valid index leads with event_id already/i]]) includes(await asker.ask(`db index create ${column}`), [/^Refused/, why, /Nothing was changed/]);
  });

  test('F-44: what a lock left invalid is said, and rebuilt when it is asked for again', async () => {
    const stack = stackOf();
    await freshWorld(stack, {});
    const writer = spawn('psql', ['-qAt', stack.database], { stdio: ['pipe', 'ignore', 'inherit'] }), asker = new Asker(stack);
    writer.stdin.write("BEGIN; INSERT INTO events VALUES ('open', 'u');\n");
    await stack.until(async () => (await value("SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction'")) === '1', 'an open transaction');
    includes(await asker.approved('db index create ts'), [/^Failed/, /lock timeout; somebody holds a lock it needs/, /may be left behind, so look before you ask again/]);
    writer.stdin.end('COMMIT;\n');
    await new Promise((done) => writer.on('exit', done));
    assert.match(await valid(), /idx_events_ts false/);
    const card = await asker.asked('db index create ts');
    includes(card, [/invalid, left by a failed build → valid/, /REINDEX INDEX CONCURRENTLY idx_events_ts/]);
    await stack.click('approver', card, 'approve');
    includes(await asker.end(card), [/idx_events_ts is built and valid/]);
    assert.match(await valid(), /idx_events_ts true/);
  });

  test('F-58: a table is vacuumed, and PostgreSQL has noted it', async () => {
    const stack = stackOf();
    await freshWorld(stack, {});
    await postgres(stack, "DELETE FROM events WHERE event_id LIKE 'evt-1%'");
    const asker = new Asker(stack), card = await asker.asked('db vacuum events');
    includes(card, [/Last vacuum\*\nnever → now/, /VACUUM \(ANALYZE\) events/]);
    await stack.click('approver', card, 'approve');
    includes(await asker.end(card), [/events is vacuumed/, /Dead rows now\*\n0/]);
    assert.equal(await value("SELECT last_vacuum IS NOT NULL FROM pg_stat_user_tables WHERE relname = 'events'"), 't');
  });

  test('F-58: a role that does not own the table is told from one that does', async () => {
    const stack = stackOf();
    await freshWorld(stack, {});
    await postgres(stack, 'ALTER TABLE idempotency_keys OWNER TO fluxa');
    includes(await new Asker(stack).approved('db vacuum idempotency_keys'), [/is not certain to be vacuumed/, /no vacuum of it was seen: [^]*Does the role of events_owner own idempotency_keys\?/]);
  });

  test('what changes is never the role that reads', async () => {
    const stack = stackOf();
    await freshWorld(stack, {});
    await stack.killBot('SIGTERM');
    await writeFile(path.join(stack.dir, 'secrets/database_owner_url'), await readFile(path.join(stack.dir, 'secrets/database_url')));
    await stack.startBot();
    includes(await new Asker(stack).approved('db vacuum events'), [/give what changes a role of its own/, /Nothing was changed/]);
  });
}

// Side by side; one of them is without the alias, which some rows need and others refuse.
const sides = [['F-35', 'F-33'], ['F-25', 'F-34'], ['F-26', 'F-56'], ['F-67']].map((names) => names.map((name) => rows.find(({ row }) => row === name)));
const withoutAlias = (text) => text.replace(/^ *alias: live\n/m, '');

describe('the rows that change one thing', { concurrency: true }, () => {
  for (const side of sides)
    describe(side.map(({ row }) => row).join(', '), { concurrency: 1 }, () => {
      let stack;
      before(async () => {
        stack = await Stack.start({ edit: async (one) => {
          if (side[0].noAlias) await one.edit(withoutAlias);
          if (side === sides.at(-1)) await quickSql(one);
        } });
      });
      after(() => stack?.stop());

      for (const row of side) describe(row.row, { concurrency: 1 }, () => standsAll(row, row === side[0], () => stack));
      if (side === sides.at(-1)) describe('F-44, F-58', { concurrency: 1 }, () => standsSql(() => stack));

      // The functions of the sandbox know a password, which their answers hold.
      test('no value of a function\'s environment is kept or shown', async () => {
        await atRest(stack);
        for (const table of ['runs', 'intents', 'approvals', 'outbox', 'audit']) assert.ok(!JSON.stringify(await stack.sql(`SELECT * FROM ${table}`)).includes('sandbox-password'), table);
        assert.ok(!(await stack.logTail(100000)).includes('sandbox-password'));
      });
    });
});
