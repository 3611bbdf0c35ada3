// fluxa_rds.test.mjs - the rows that change something of the database instance itself: F-47, F-49, F-61.
//
// All of them go through the same cases. Three stacks work side by side.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { Stack } from '../support/stack.mjs';
import { answerTo, atRest, freshWorld, killedBefore, postgres, restart, watchEffects, watchPrivate } from '../support/cases.mjs';
import { buttons, shown } from './cards.mjs';

const group = (parameters) => ({ rds: { DBParameterGroups: { 'fluxa-pg15': parameters } } });
const another = (id, more = {}) => ({ rds: { DBInstances: { [id]: { DBInstanceIdentifier: id, DBInstanceClass: 'db.t4g.small', DBInstanceStatus: 'available', DBParameterGroups: [{ DBParameterGroupName: 'fluxa-pg15', ParameterApplyStatus: 'in-sync' }], ...more } } } });
const source = (more) => ({ rds: { DBInstances: { 'fluxa-prod': more } } });
const ago = (minutes) => `${new Date(Date.now() - minutes * 60000).toISOString().slice(0, 19)}Z`;
const time = ago(60);
const bothNamed = /, approved by <@U0BOLIND02> and <@U0CARA0004> in dev/;
const quick = { rds: { RestoreMs: 900, ApplyMs: 200 } };

// asks: the command, without its reason. by: who approves. calls: what may reach AWS, once. reads: without it nobody knows how
// it stands. shows: on the approval card. with: what reached AWS. ends: on the last card. drift: the world after somebody
// else was there. refused: worlds and commands in which it makes no sense, and why. denial: what is denied names the right.
const rows = {
  'F-47': {
    asks: 'db max-connections 200', by: ['approver', 'U0CARA0004'], calls: 'rds:ModifyDBParameterGroup', reads: 'rds:DescribeDBParameters', world: quick,
    shows: [/max_connections\*\nLEAST\(\{DBInstanceClassMemory\/9531392\},5000\) → 200/, /Who runs with this group\*\nfluxa-prod\n/, /an outage and is not done from here/, /Now 100 are allowed/, /1\.8 GiB in all/, /2 others who may approve have to/],
    with: { Parameters: [{ ParameterName: 'max_connections', ParameterValue: '200', ApplyMethod: 'pending-reboot' }] },
    ends: [/max_connections is 200 after the next restart/, /Nothing was restarted/, /max_connections = 200/, /Shared with\*\nfluxa-prod\n/, /Restart needed\*\nyes/, bothNamed],
    drift: another('fluxa-stage'), drifted: /Who runs with this group was fluxa-prod when this was approved and is fluxa-prod, fluxa-stage now/,
    refused: [
      ['db max-connections 501', /At most 500 may be asked for here/],
      ['db max-connections 300', /nothing to change: max_connections is 300 already/, group({ max_connections: { ParameterValue: '300' } })],
      ['db max-connections 200', /does not run with the parameter group fluxa-pg15/, source({ DBParameterGroups: [{ DBParameterGroupName: 'default.postgres15', ParameterApplyStatus: 'in-sync' }] })],
      ['db max-connections 200', /AWS does not let this parameter be changed/, group({ max_connections: { IsModifiable: false } })],
    ],
  },
  'F-49': {
    asks: 'db slowlog off', by: ['approver'], calls: 'rds:ModifyDBParameterGroup', reads: 'rds:DescribeDBParameters', world: { rds: { ...quick.rds, ...group({ log_min_duration_statement: { ParameterValue: '250', Source: 'user' } }).rds } },
    shows: [/Slow statements are logged\*\nfrom 250 ms on → never/, /Who runs with this group\*\nfluxa-prod\n/, /is what the configuration calls usual, and stays/],
    with: { Parameters: [{ ParameterName: 'log_min_duration_statement', ParameterValue: '-1', ApplyMethod: 'immediate' }] },
    ends: [/Slow statements are logged never/, /RDS has applied it, and PostgreSQL says the same/, /Before\*\nfrom 250 ms on/, /fluxa-pg15, of fluxa-prod/],
    drift: group({ log_min_duration_statement: { ParameterValue: '400' } }), drifted: /Slow statements are logged was from 250 ms on when this was approved and is from 400 ms on now/,
    refused: [
      ['db slowlog 250', /nothing to change: Slow statements are logged is from 250 ms on already/],
      ['db slowlog 500', /does not run with the parameter group fluxa-pg15/, source({ DBParameterGroups: [] })],
      ['db slowlog 500', /AWS does not let this parameter be changed/, group({ log_min_duration_statement: { IsModifiable: false } })],
    ],
  },
  'F-61': {
    asks: `restore ${time}`, by: ['approver', 'U0CARA0004'], calls: 'rds:RestoreDBInstanceToPointInTime', reads: 'rds:DescribeDBInstanceAutomatedBackups', world: quick,
    shows: [/New instance\*\nnot there → as fluxa-prod was at /, /Subnet group\*\nfluxa-db/, /Security groups\*\nsg-0f1e2d3c4b5a69788/, /Parameter group\*\nfluxa-pg15/, /Multi-AZ\*\nyes, at twice the price/, /fluxa-prod is not touched/, /2 others who may approve have to/],
    with: {
      SourceDBInstanceIdentifier: 'fluxa-prod', TargetDBInstanceIdentifier: 'fluxa-prod-restored', RestoreTime: time, DBSubnetGroupName: 'fluxa-db', DBParameterGroupName: 'fluxa-pg15', MultiAZ: 'true', DBInstanceClass: 'db.t4g.medium',
      VpcSecurityGroupIds: { VpcSecurityGroupId: ['sg-0f1e2d3c4b5a69788'] }, PubliclyAccessible: 'false', DeletionProtection: 'true',
    },
    ends: [/fluxa-prod-restored is restored and available/, /Nothing uses it yet/, /Address\*\nfluxa-prod-restored\.c9akciq32/, /☐ 1\. Wait until fluxa-prod-restored is available/, bothNamed], button: /Status/,
    drift: source({ MultiAZ: false }), drifted: /Multi-AZ was yes, at twice the price when this was approved and is no now/,
    refused: [
      [`restore ${ago(1)}`, /later than what can be restored/],
      [`restore ${ago(60 * 24 * 30).replace(/:\d\dZ$/, 'Z')}`, /before the first backup that is kept/], // seconds may be left out
      [`restore ${time} fluxa-prod`, /the source is never overwritten/],
      [`restore ${time} somewhere-else`, /begins with fluxa-prod-restored-; the source is never overwritten/],
      [`restore ${time}`, /there is an instance of this name already/i, another('fluxa-prod-restored')],
      [`restore ${time}`, /Automated backups of fluxa-prod are off/, source({ BackupRetentionPeriod: 0 })],
    ],
  },
};
const reason = ' reason="the pool is full"';

// ---- what people do ----

const isAsked = (card) => /"action_id":"approve"/.test(JSON.stringify(card.blocks));
const isOver = (card) => !isAsked(card) && !/^(Running|Waiting|Approved)/.test(card.text);
const ask = (stack, text) => answerTo(stack, `/fluxa ${text}`);

function includes(card, patterns) {
  for (const pattern of patterns) assert.match(`${card.text}\n${shown(card)}`, pattern);
}

async function asked(stack, text) {
  const card = await ask(stack, text + reason);
  assert.ok(isAsked(card), `an approval card, not: ${card.text}`);
  return card;
}

const becomes = (stack, card, is) => stack.until(async () => { const now = await stack.message(card.ts); return now && is(now) && now; }, 'the card to say so');
const end = (stack, card) => becomes(stack, card, isOver);

async function approve(stack, card, people, last = (click) => click()) {
  for (const [i, user] of people.entries()) {
    const click = () => stack.click(user, card, 'approve');
    await (i + 1 < people.length ? click() : last(click));
    if (i + 1 < people.length) await becomes(stack, card, (now) => /1 of 2: /.test(shown(now)));
  }
}

const operationOf = (row) => row.calls.split(':')[1];

// The world of a row, and what is in the way.
async function prepared(stack, row, more = {}) {
  await freshWorld(stack, {}, row.world);
  if (Object.keys(more).length > 0) await stack.world(more);
}

// ---- what every row has to stand; F-47 makes the call of F-49 ----

function stands(name, stackOf) {
  const row = rows[name];
  const fresh = (check) => async () => {
    const stack = stackOf();
    await prepared(stack, row);
    await check(stack);
    await atRest(stack);
  };

  async function approved(stack, meanwhile) {
    const card = await asked(stack, row.asks);
    await meanwhile();
    await approve(stack, card, row.by);
    return end(stack, card);
  }

  test('it is done once after all who must have approved it, and the card shows before and after', fresh(async (stack) => {
    const effects = await watchEffects(stack), card = await asked(stack, row.asks);
    includes(card, row.shows);
    const told = await watchPrivate(stack, 'requester');
    await stack.click('requester', card, 'approve');
    await told(/you asked for it yourself/);
    for (const [i, user] of row.by.entries()) {
      assert.deepEqual(await effects(), [], 'nothing before everybody has approved');
      await Promise.all([1, 2].map(() => stack.click(user, card, 'approve')));
      if (i + 1 < row.by.length) await becomes(stack, card, (now) => /1 of 2: /.test(shown(now)));
    }
    const last = await end(stack, card), done = await effects();
    includes(last, row.ends);
    if (row.button) assert.ok(buttons(last).some((text) => row.button.test(text)), `${buttons(last)}`);
    assert.deepEqual(done.map(({ operation }) => operation), [operationOf(row)]);
    for (const [key, value] of Object.entries(row.with)) assert.deepEqual(done[0].detail[key], value);
  }));

  test('what makes no sense is refused before anybody is asked', fresh(async (stack) => {
    const effects = await watchEffects(stack);
    for (const [text, why, world] of row.refused) {
      if (world) await prepared(stack, row, world);
      const card = await ask(stack, text + reason);
      assert.match(card.text, /^Refused/);
      includes(card, [why, /Nothing was changed/]);
    }
    assert.deepEqual(await effects(), []);
  }));

  test('what changed since the approval is refused, with the difference', fresh(async (stack) => {
    const effects = await watchEffects(stack), last = await approved(stack, () => stack.world(row.drift));
    assert.match(last.text, /^Refused/);
    includes(last, [row.drifted, /Nothing was changed/]);
    assert.deepEqual(await effects(), []);
  }));

  if (name !== 'F-47') test('a denied call changes nothing and names the permission', fresh(async (stack) => {
    const effects = await watchEffects(stack), last = await approved(stack, () => stack.fault(row.calls, 'denied', { count: 5 }));
    assert.match(last.text, /^(Failed|Refused)/);
    includes(last, [new RegExp(row.calls)]);
    assert.deepEqual(await effects(), []);
  }));

  if (name !== 'F-47') test('what cannot be read is not changed', fresh(async (stack) => {
    await stack.fault(row.reads, 'denied', { count: 9 });
    const effects = await watchEffects(stack), card = await ask(stack, row.asks + reason);
    assert.match(card.text, /^(Failed|Refused)/);
    includes(card, [new RegExp(row.reads), /Nothing was changed/]);
    assert.deepEqual(await effects(), []);
  }));

  if (name === 'F-61') test('a throttled call is made again, and once', fresh(async (stack) => {
    const effects = await watchEffects(stack);
    includes(await approved(stack, () => stack.fault(row.calls, '429', { count: 1 })), row.ends);
    assert.equal((await effects()).length, 1);
  }));

  test('a lost answer is settled by reading, and nothing is sent again', fresh(async (stack) => {
    const effects = await watchEffects(stack);
    includes(await approved(stack, () => stack.fault(row.calls, 'timeout_after', { count: 1 })), [...row.ends, /got lost; the reading showed that it was done/]);
    assert.equal((await effects()).length, 1);
  }));

  test('killed between approval and execution it is done once after the restart', fresh(async (stack) => {
    const effects = await watchEffects(stack), card = await asked(stack, row.asks);
    await approve(stack, card, row.by, (click) => killedBefore(stack, click));
    includes(await end(stack, card), row.ends);
    assert.equal((await effects()).length, 1);
  }));
}

// ---- F-47 and F-61 alone ----

function advises(stackOf) {
  test('F-47: without a reason it is advice, and what could not be read is said', async () => {
    const stack = stackOf(), effects = await watchEffects(stack);
    await prepared(stack, rows['F-47'], another('fluxa-stage'));
    includes(await ask(stack, 'db max-connections 200'), [/advice only/, /from 100 to 200 takes about 909 MiB more memory and a restart/, /Before\*\nLEAST\(/, /Shared with\*\nfluxa-prod, fluxa-stage/, /add why: db max-connections 200 reason=/]);
    includes(await ask(stack, 'db max-connections 100'), [/100 are allowed already. Nothing was changed/]);
    await stack.fault('rds:DescribeDBParameters', 'denied', { rate: 1 });
    await stack.fault('rds:DescribeDBInstances', '5xx', { rate: 1 });
    includes(await ask(stack, 'db max-connections 200'), [/advice only/, /parameter group could not be read: .*rds:DescribeDBParameters/, /instances could not be read/, /Before\*\nnot known/, /Shared with\*\ncould not be read/]);
    assert.deepEqual(await effects(), []);
  });
}

function restores(stackOf) {
  test('F-61: it is followed from creating to available, and said when it fails', async () => {
    const stack = stackOf(), effects = await watchEffects(stack);
    await prepared(stack, rows['F-61'], { rds: { RestoreMs: 3600000 } });
    const card = await asked(stack, rows['F-61'].asks);
    await approve(stack, card, rows['F-61'].by);
    await becomes(stack, card, (now) => /New instance\*\ncreating/.test(shown(now)));
    includes(await ask(stack, 'restore status'), [/fluxa-prod-restored: creating/, /still being made/, /Address\*\nnone yet/]);
    await restart(stack);
    await stack.world({ rds: { DBInstances: { 'fluxa-prod-restored': { ReadyMonoMs: null, DBInstanceStatus: 'incompatible-network' } } } });
    includes(await end(stack, card), [/not certain to be restored/, /accepted, but has failed since/, /Instance\*\nincompatible-network/]);
    includes(await ask(stack, 'restore status'), [/incompatible-network/, /It will not become available/]);
    assert.equal((await effects()).length, 1);
  });

  test('F-61: the status compares the settings with those of the source, and says what it could not read', async () => {
    const stack = stackOf();
    await prepared(stack, rows['F-61'], another('fluxa-prod-restored'));
    includes(await ask(stack, 'restore status'), [/Not as fluxa-prod: DBInstanceClass, DBSubnetGroup\.DBSubnetGroupName, MultiAZ/]);
    includes(await ask(stack, 'restore status fluxa-prod-restored-2'), [/fluxa-prod-restored-2: not there/]);
    await stack.fault('rds:DescribeEvents', 'denied', { count: 1 });
    includes(await ask(stack, 'restore status'), [/Its events could not be read: .*rds:DescribeEvents/]);
    await stack.fault('rds:DescribeDBInstances', 'denied', { count: 9 });
    includes(await ask(stack, 'restore status'), [/^Failed/, /rds:DescribeDBInstances/]);
  });

  test('F-61: a Stop ends the watching, and the instance stays', async () => {
    const stack = stackOf(), effects = await watchEffects(stack);
    await prepared(stack, rows['F-61'], { rds: { RestoreMs: 3600000 } });
    const card = await asked(stack, rows['F-61'].asks);
    await approve(stack, card, rows['F-61'].by);
    await becomes(stack, card, (now) => /New instance\*\ncreating/.test(shown(now)));
    await stack.click('requester', card, 'stop');
    includes(await end(stack, card), [/a person pressed Stop, so it is not watched any longer/, /Instance\*\ncreating/]);
    assert.equal((await effects()).length, 1);
  });

  test('without its variables nothing is changed, and the card says what to set', async () => {
    const stack = stackOf();
    await prepared(stack, rows['F-61']);
    const config = await readFile(stack.config, 'utf8');
    await stack.killBot('SIGTERM');
    await stack.edit((text) => text.replace(/^ *(db_parameter_group|max_connections_limit|restore_target): .*\n/gm, ''));
    await stack.startBot();
    const effects = await watchEffects(stack);
    for (const [text, why] of [['db max-connections 200', /advice only[^]*db_parameter_group and max_connections_limit are not set/], ['db slowlog 500', /Set the variable db_parameter_group/], [`restore ${time}`, /Set the variable restore_target/]]) includes(await ask(stack, text + reason), [why, /Nothing was changed|cannot be changed from here/]);
    assert.deepEqual(await effects(), []);
    await stack.killBot('SIGTERM');
    await writeFile(stack.config, config);
    await stack.startBot();
  });
}

// ---- F-49: what is taken back by itself ----

const logged = (effects) => effects.map(({ detail }) => detail.Parameters[0].ParameterValue);
const ofPostgres = async (stack) => (await promisify(execFile)('psql', ['-qAt', stack.database, '-c', "SELECT setting FROM pg_settings WHERE name = 'log_min_duration_statement'"])).stdout.trim();
// The hours that it is kept are over: what was done was done as much earlier.
const KEPT_MS = 4 * 3600000;
const isTime = (stack) => stack.execute(`UPDATE intents SET set_ms = set_ms - ${KEPT_MS}; UPDATE jobs SET due_ms = ${Date.now()}, at_ms = ${Date.now()} WHERE kind = 'run' AND state = 0`);
const waits = (now) => /It is done\. It is taken back by itself at /.test(shown(now));

function takesBack(stackOf) {
  const kept = async (stack) => {
    await prepared(stack, { world: quick });
    const effects = await watchEffects(stack), card = await asked(stack, 'db slowlog 500');
    includes(card, [/never → from 500 ms on/, /by itself after .*, to off; sooner by asking for that value/, /"ParameterValue":"-1"[^]* later/]);
    await stack.click('approver', card, 'approve');
    await becomes(stack, card, waits);
    return { effects, card };
  };

  test('F-49: it is taken back by itself when it is time, once, and the card says so', async () => {
    const stack = stackOf(), { effects, card } = await kept(stack);
    assert.equal(await ofPostgres(stack), '500');
    await isTime(stack);
    includes(await end(stack, card), [/Slow statements were logged for a while; that is set back/, /From 500 ms it went back to off by itself/, /Now\*\nnever/, /PostgreSQL says\*\nnever/]);
    assert.equal(await ofPostgres(stack), '-1');
    assert.deepEqual(logged(await effects()), ['500', '-1']);
    const audit = await stack.sql("SELECT actor, action, detail_json FROM audit WHERE action IN ('effect.begun', 'effect.done') ORDER BY n DESC LIMIT 4");
    assert.deepEqual(audit.reverse().map(({ action, detail_json: detail }) => `${action} ${JSON.parse(detail).key}`), ['effect.begun change', 'effect.done change', 'effect.begun revert', 'effect.done revert']);
  });

  test('F-49: killed while it waits, it is taken back after the restart, also when it is late', async () => {
    const stack = stackOf(), { effects, card } = await kept(stack);
    await stack.killBot();
    await isTime(stack);
    await isTime(stack); // hours late
    await stack.startBot();
    includes(await end(stack, card), [/went back to off by itself/]);
    assert.deepEqual(logged(await effects()), ['500', '-1']);
  });

  test('F-49: what somebody else has changed meanwhile is left alone', async () => {
    const stack = stackOf(), { effects, card } = await kept(stack);
    await stack.world(group({ log_min_duration_statement: { ParameterValue: '2000' } }));
    await isTime(stack);
    const last = await end(stack, card);
    includes(last, [/somebody has changed it meanwhile, so it is left alone: Slow statements are logged is from 2000 ms on/]);
    assert.deepEqual(logged(await effects()), ['500']);
    assert.ok(buttons(last).includes('Set back: off'), `${buttons(last)}`);
  });

  test('F-49: Stop ends the waiting, and the card says that nothing takes it back', async () => {
    const stack = stackOf(), { effects, card } = await kept(stack);
    await stack.click('requester', card, 'stop');
    const last = await end(stack, card);
    includes(last, [/a person pressed Stop, so it is not taken back by itself any more/, /Now\*\nfrom 500 ms on/]);
    assert.ok(buttons(last).includes('Set back: off'), `${buttons(last)}`);
    assert.deepEqual(logged(await effects()), ['500']);
  });

  test('F-49: a lost answer of taking it back is settled by reading, and nothing is sent again', async () => {
    const stack = stackOf(), { effects, card } = await kept(stack);
    await stack.fault('rds:ModifyDBParameterGroup', 'timeout_after', { count: 1 });
    await isTime(stack);
    includes(await end(stack, card), [/It is back at off\. The answer of RDS to that call got lost; the reading showed it/]);
    assert.deepEqual(logged(await effects()), ['500', '-1']);
  });

  test('F-49: what somebody else has set back is not told as done by the bot', async () => {
    const stack = stackOf(), { effects, card } = await kept(stack);
    await stack.world(group({ log_min_duration_statement: { ParameterValue: '-1' } }));
    await isTime(stack);
    includes(await end(stack, card), [/that is set back/, /Somebody else has set it back to off already, so nothing was sent/]);
    assert.deepEqual(logged(await effects()), ['500']);
  });

  const tells = async (stack, card, action, reason) => {
    const views = async () => (await stack.get('slack/private?user=requester')).views ?? [], known = (await views()).length;
    await stack.click('requester', card, action);
    const view = await stack.until(async () => (await views()).length > known && (await views()).at(-1), 'the dialog');
    await stack.post('slack/submit', { user: 'requester', view_id: view.id, values: { reason } });
    return JSON.stringify(view);
  };
  const byHand = /not taken back by itself; then type \/fluxa db slowlog off/;

  test('F-49: who tells of the change that it was done is told that it is not taken back, and how', async () => {
    const stack = stackOf();
    await prepared(stack, { world: quick });
    const effects = await watchEffects(stack), card = await asked(stack, 'db slowlog 500');
    await stack.fault('rds:ModifyDBParameterGroup', 'timeout_after', { count: 1 });
    await stack.fault('rds:DescribeDBInstances', 'denied', { after: 1, rate: 1 }); // after the look before the call
    await stack.click('approver', card, 'approve');
    const asking = await becomes(stack, card, (now) => /nobody knows whether this happened/.test(shown(now)));
    includes(asking, [byHand]);
    assert.match(await tells(stack, asking, 'tell_done', 'the console shows 500'), byHand);
    const last = await becomes(stack, card, (now) => /^Done/.test(now.text));
    includes(last, [/has looked: it was done/, /It stands: it was to be taken back by itself at .*, and that does not happen any more\. To take it back, type \/fluxa db slowlog off/]);
    await stack.post('fault', { clear: true });
    await isTime(stack);
    await atRest(stack);
    assert.deepEqual(logged(await effects()), ['500']);
  });

  test('F-49: a question about taking it back says so, and so does the answer', async () => {
    const stack = stackOf(), { effects, card } = await kept(stack);
    await stack.fault('rds:ModifyDBParameterGroup', 'timeout_after', { count: 1 });
    await stack.fault('rds:DescribeDBInstances', 'denied', { after: 1, rate: 1 });
    await isTime(stack);
    const asking = await becomes(stack, card, (now) => /nobody knows whether this was taken back/.test(shown(now)));
    includes(asking, [/The change itself was made; the call that takes it back was sent/]);
    assert.deepEqual(buttons(asking), ['It was taken back', 'It was not taken back']);
    await tells(stack, asking, 'tell_done', 'the console shows none');
    includes(await becomes(stack, card, (now) => /^Taken back/.test(now.text)), [/has looked: it was taken back/]);
    await stack.post('fault', { clear: true });
    assert.deepEqual(logged(await effects()), ['500', '-1']);
  });

  test('F-49: when taking it back is denied the card says so, and offers it', async () => {
    const stack = stackOf(), { effects, card } = await kept(stack);
    await stack.fault('rds:ModifyDBParameterGroup', 'denied', { count: 9 });
    await isTime(stack);
    const last = await end(stack, card);
    includes(last, [/it could not be taken back by itself: .*rds:ModifyDBParameterGroup/, /Now\*\nfrom 500 ms on/]);
    assert.ok(buttons(last).includes('Set back: off'), `${buttons(last)}`);
    assert.deepEqual(logged(await effects()), ['500']);
  });

  test('F-49: a database that does not answer is no reason not to log, and the card says so', async () => {
    const stack = stackOf();
    await prepared(stack, { world: quick });
    await postgres(stack, 'ALTER ROLE fluxabot_ro CONNECTION LIMIT 0');
    const card = await asked(stack, 'db slowlog 500');
    await stack.click('approver', card, 'approve');
    await becomes(stack, card, waits);
    await isTime(stack);
    includes(await end(stack, card), [/went back to off by itself/, /PostgreSQL says\*\nit could not be asked/]);
    await postgres(stack, 'ALTER ROLE fluxabot_ro CONNECTION LIMIT -1');
  });

  test('F-49: a freeze puts taking it back off', async () => {
    const stack = stackOf(), { effects, card } = await kept(stack);
    await stack.command('requester', '/fluxa freeze month end');
    await stack.until(async () => (await stack.sql("SELECT value FROM settings WHERE name = 'freeze'"))[0]?.value, 'the freeze');
    await isTime(stack);
    await becomes(stack, card, (now) => /It was to be taken back at .*, and is tried again: .*frozen/.test(shown(now)));
    assert.deepEqual(logged(await effects()), ['500']);
    await stack.click('requester', card, 'stop');
    await end(stack, card);
    await stack.command('approver', '/fluxa unfreeze');
    await atRest(stack);
  });
}

const roles = (text) => text.replace(/approver: .*/, 'approver: { users: [U0ANNA0001, U0BOLIND02, U0CARA0004] }\n  admin: { users: [U0BOLIND02] }');

describe('the rows that change the instance', { concurrency: true }, () => {
  for (const [side, names, more] of [['taken back', [], [takesBack]], ['parameters', ['F-49', 'F-47'], [advises]], ['restores', ['F-61'], [restores]]])
    describe(side, { concurrency: 1 }, () => {
      let stack;
      before(async () => {
        stack = await Stack.start({ edit: (one) => one.edit(roles) });
      });
      after(() => stack?.stop());
      for (const name of names) describe(name, { concurrency: 1 }, () => stands(name, () => stack));
      for (const add of more) describe('alone', { concurrency: 1 }, () => add(() => stack));
    });
});
