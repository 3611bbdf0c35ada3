// stories.mjs - the changing scenarios, each from the first word to rest, told to a bot that may die at any moment.
//
// A story waits for what the store says, never for a moment: whoever restarts the bot meanwhile only makes it longer.
import { RUN } from './ledger.mjs';
import { People, approver } from './people.mjs';

// Never told before: the card of an older incident went with the world it stood in.
export const newAlarm = (name) => `fluxa-${name}-${People.newId().replace('.', '-')}`;

const effectsOf = async (rig, operation) => (await rig.stack.get(`effects?since=${rig.mark.effects}`)).filter((effect) => effect.operation === operation);

async function ask(rig, text) {
  await rig.people.command(text);
  return rig.until(() => rig.pending(), `a request for approval of ${text}`);
}

async function approve(rig, text) {
  const request = await ask(rig, text);
  await rig.people.click(approver, 'approve', request.id);
  return request;
}

const ended = (rig, run) => rig.until(async () => (await rig.runs(`id = '${run}' AND state >= ${RUN.asking}`)).length === 1, `run ${run} to end`);

// Or the run is over before it came that far.
const reached = (rig, run, operation) => rig.until(async () => (await effectsOf(rig, operation)).length > 0 || (await rig.runs(`id = '${run}' AND state >= ${RUN.asking}`)).length === 1, operation);

const FROZEN = "SELECT 1 AS yes FROM settings WHERE name = 'freeze' AND value <> ''";
const BATCH = 10;

// From one row of the audit log to the other no change begins; what is sent is the batch that had begun.
function judgeFreeze(seen) {
  const from = seen.audit.findIndex((row) => row.action === 'changes.frozen'), to = seen.audit.findIndex((row) => row.action === 'changes.unfrozen');
  if (from < 0 || to < from) return ['changes were not frozen and unfrozen'];
  const begun = seen.audit.slice(from, to).filter((row) => /^effect\.(begun|repeated)$/.test(row.action)).map((row) => `${JSON.parse(row.detail_json).key} was begun while changes were frozen`);
  const sent = seen.effects.filter((effect) => effect.operation === 'SendMessage' && Date.parse(effect.time) > seen.audit[from].at_ms).length;
  return sent > BATCH ? [...begun, `${sent} messages were sent while changes were frozen`] : begun;
}

// Of a run that says it is done, the card is true: what it counts has left the queue, and the rest stands there.
function judgeQuarantine(seen) {
  const run = seen.runs.find((one) => one.command === 'dlq quarantine' && one.state === RUN.done), left = new Set(seen.after.map((message) => message.message_id));
  if (!run) return seen.runs.some((one) => one.command === 'dlq quarantine') ? ['the quarantine did not end as done'] : [];
  const [, deleted, of] = /^Quarantine finished: (\d+) of (\d+)/.exec(seen.cards[run.id] ?? '') ?? [];
  const gone = seen.before.filter((message) => !left.has(message.message_id));
  if (Number(of) !== 3 || Number(deleted) !== 3) return [`the card says ${deleted} of ${of}`];
  return gone.length === 3 && gone.every((message) => message.cause === 'SchemaValidation') ? [] : [`${gone.map((message) => message.cause)} left the queue`];
}

export const stories = {
  selective: {
    what: 'three of four dead letters are sent one by one',
    async tell(rig) {
      await rig.begins({ DBConnectionError: 3, HashMismatch: 1 });
      await ended(rig, (await approve(rig, 'dlq redrive rate=500')).run);
    },
  },
  wide: {
    what: 'four batches go at once',
    async tell(rig) {
      await rig.begins({ DBConnectionError: 35, HashMismatch: 2 });
      await ended(rig, (await approve(rig, 'dlq redrive rate=5000')).run);
    },
  },
  task: {
    what: 'SQS moves all three dead letters as one task',
    async tell(rig) {
      await rig.begins({ DBConnectionError: 3 });
      await ended(rig, (await approve(rig, 'dlq redrive rate=500')).run);
    },
  },
  cancel: {
    what: 'a move task is cancelled while it runs',
    async tell(rig) {
      await rig.begins({ DBConnectionError: 40 });
      const { run } = await approve(rig, 'dlq redrive rate=5');
      await reached(rig, run, 'StartMessageMoveTask');
      await rig.people.command('dlq redrive-cancel');
      await ended(rig, run);
    },
    // Who comes when no task runs any more is refused or fails, and says so.
    mayFail: ['dlq redrive-cancel'],
  },
  stop: {
    what: 'a redrive is stopped after its first batch',
    async tell(rig) {
      await rig.begins({ DBConnectionError: 25, HashMismatch: 1 });
      const { run } = await approve(rig, 'dlq redrive rate=20');
      await reached(rig, run, 'SendMessage');
      await rig.people.click('U0ANNA0001', 'stop', run);
      await ended(rig, run);
    },
  },
  frozen: {
    what: 'changes are frozen while a redrive goes on',
    async tell(rig) {
      await rig.begins({ DBConnectionError: 35, HashMismatch: 1 });
      const { run } = await approve(rig, 'dlq redrive rate=20');
      await reached(rig, run, 'SendMessage');
      await rig.people.command('freeze the database moves');
      try {
        await rig.until(async () => (await rig.sql(FROZEN)).length === 1, 'the freeze');
        await ended(rig, run);
      } finally { // it would hold in all that follows
        await rig.people.command('unfreeze reason:"it has moved"', approver);
        await rig.until(async () => (await rig.sql(FROZEN)).length === 0, 'the end of the freeze');
      }
    },
    check: judgeFreeze,
  },
  deny: {
    what: 'a redrive is denied',
    async tell(rig) {
      await rig.begins({ DBConnectionError: 2, HashMismatch: 1 });
      const request = await ask(rig, 'dlq redrive');
      await rig.people.deny(approver, request.id);
      await ended(rig, request.run);
    },
    check: (seen) => (seen.runs.some((run) => run.state === RUN.denied) && seen.effects.every((effect) => effect.service !== 'sqs') ? [] : ['the denied redrive did not end as denied, or moved something']),
  },
  change: {
    what: 'one attribute of a queue is changed',
    async tell(rig) {
      await rig.begins({}, { queues: [{ name: 'Fluxa-InputQueue', attributes: { VisibilityTimeout: '30' } }] });
      await ended(rig, (await approve(rig, 'queue visibility 200')).run);
    },
    // A run that says it is done has changed it, whatever died meanwhile.
    check: (seen) => (seen.runs.some((run) => run.command === 'queue visibility' && run.state === RUN.done) && !seen.effects.some((effect) => effect.operation === 'SetQueueAttributes') ? ['the run is done and nothing was changed'] : []),
  },
  quarantine: {
    what: 'three of four dead letters are archived, read back and deleted',
    async tell(rig) {
      await rig.begins({ SchemaValidation: 3, HashMismatch: 1 });
      await ended(rig, (await approve(rig, 'dlq quarantine SchemaValidation')).run);
    },
    check: judgeQuarantine,
  },
  sql: {
    what: 'one statement is run in a database',
    async tell(rig) {
      await rig.begins({});
      await ended(rig, (await approve(rig, 'db vacuum events')).run);
    },
    check: (seen) => (seen.runs.some((run) => run.command === 'db vacuum' && run.state === RUN.done) && seen.vacuums === 0 ? ['the run is done and nothing was vacuumed'] : []),
  },
  alarm: {
    what: 'an alarm opens an incident and its end closes it',
    async tell(rig) {
      await rig.begins({ DBConnectionError: 2, HashMismatch: 1 });
      const told = async (actions) => (await rig.sql(`SELECT n FROM audit WHERE n > ${rig.mark.audit} AND action IN (${actions})`)).length > 0;
      const name = newAlarm('proof');
      await rig.people.alarm(name, 'ALARM');
      await rig.until(() => told("'incident.opened'"), 'an incident');
      await rig.people.alarm(name, 'OK');
      await rig.until(() => told("'incident.closed'"), 'the end of the incident');
    },
    check(seen) {
      const count = (action) => seen.audit.filter((row) => row.action === action).length;
      return count('incident.opened') === 1 && count('incident.closed') === 1 ? [] : [`${count('incident.opened')} incidents opened and ${count('incident.closed')} closed by one alarm`];
    },
  },
};
