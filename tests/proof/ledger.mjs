// ledger.mjs - compares what the sandbox saw, what the audit log says and what the database holds.
//
// judgeLedger does no I/O. What it wants to see:
//   said: [{ key, what, acked, command }] of people.mjs
//   events: [{ key, id, job, attempts }]; runs, intents, approvals, audit: rows of the store since the beginning
//   vacuums: how many PostgreSQL has counted; effects: lines of the sandbox's record; before, after: messages of the dead-letter queue; processed: its count
//   leftAlone: notes of runs that may end so, because the bot died at them too often; mayFail: commands that may come too late in this story; cards: run id -> text that stands in Slack; verified: { code, text } of "audit verify"
import { MAIN, SAFE_CAUSE } from './judge.mjs';

export const RUN = { queued: 0, running: 1, waiting: 2, approval: 3, asking: 4, done: 5, refused: 6, denied: 7, expired: 8, stopped: 9, failed: 10 };
const INTENT = { set: 0, done: 1, failed: 2, unknown: 3, notSent: 4 };
const JOB_DONE = 2;
const MOST_DUPLICATES = 10; // one batch for each time that an outcome got lost

const parse = (text) => (text === '' || text === null ? {} : JSON.parse(text));

function tally(list, key) {
  const counts = new Map();
  for (const item of list) counts.set(key(item), (counts.get(key(item)) ?? 0) + 1);
  return counts;
}

// Of everything with a 2xx: a row, and a job that came to its end.
function judgeSaid(seen, problems) {
  const events = new Map(seen.events.map((event) => [event.key, event]));
  for (const one of seen.said) {
    const event = events.get(one.key);
    if (one.acked && !event) problems.push(`${one.what} was acknowledged and is not in the database`);
    else if (event && event.job !== JOB_DONE) problems.push(`the job of ${one.what} is in state ${event.job ?? 'none'}`);
  }
  const asked = tally(seen.said.filter((one) => one.command && events.has(one.key)), (one) => one.command.match(/^[a-z-]+( (redrive-cancel|redrive|quarantine|classify|inspect|visibility))?/)[0]);
  const started = tally(seen.runs.filter((run) => run.trigger_kind === 'slash'), (run) => run.command);
  for (const [command, count] of asked)
    if (seen.commands?.includes(command) && (started.get(command) ?? 0) !== count) problems.push(`${count} times ${command} was asked for, and ${started.get(command) ?? 0} runs began`);
}

function judgeRuns(seen, problems) {
  for (const run of seen.runs) {
    if (run.state < RUN.asking) problems.push(`run ${run.id} (${run.command}) stands in state ${run.state}`);
    if (run.state === RUN.failed && !seen.mayFail?.includes(run.command) && !seen.leftAlone?.test(run.note)) problems.push(`run ${run.id} (${run.command}) failed: ${run.note}`);
    // what asks is not over: when its truth is found, it goes on
    const ended = seen.audit.filter((row) => row.action === 'run.ended' && row.subject === run.id && parse(row.detail_json).state !== 'asking');
    if (run.state > RUN.asking && ended.length !== 1) problems.push(`the audit log ends run ${run.id} ${ended.length} times`);
  }
  for (const approval of seen.approvals) {
    const decided = seen.audit.filter((row) => row.subject === approval.id && /^approval\.(approved|denied)$/.test(row.action));
    if (approval.decided_by !== '' && decided.length !== 1) problems.push(`the audit log decides ${approval.id} ${decided.length} times`);
  }
}

// Each intent stands in the audit log once when it began and once when it ended. One that was never sent may begin anew.
function judgeIntents(seen, problems) {
  for (const intent of seen.intents) {
    const rows = seen.audit.filter((row) => row.subject === intent.run && parse(row.detail_json).key === intent.key && parse(row.detail_json).step === intent.step);
    const times = (...actions) => rows.filter((row) => actions.includes(row.action)).length;
    const begun = times('effect.begun'), kept = begun - times('effect.not_sent');
    const ended = intent.state === INTENT.unknown ? Math.min(times('effect.unknown'), 1) : times('effect.done', 'effect.failed', 'effect.told');
    if (begun < 1 || kept !== (intent.state === INTENT.notSent ? 0 : 1)) problems.push(`the audit log begins ${intent.key} of ${intent.run} ${begun} times`);
    if (intent.state !== INTENT.set && intent.state !== INTENT.notSent && ended !== 1) problems.push(`the audit log ends ${intent.key} of ${intent.run} ${ended} times`);
    const run = seen.runs.find((one) => one.id === intent.run);
    if (intent.state === INTENT.set && run && run.state !== RUN.asking) problems.push(`${intent.key} of ${intent.run} has no outcome though the run has ended`);
  }
}

// Nobody has to look into a database: of a run that has done something, or may have, the card says how it ended.
const NO_END = /^(Running|Waiting|Approval needed)/;
function judgeTold(seen, problems) {
  const acted = new Set(seen.intents.filter((intent) => intent.state !== INTENT.notSent).map((intent) => intent.run));
  for (const run of seen.runs.filter((one) => one.state >= RUN.asking && acted.has(one.id))) {
    const card = seen.cards[run.id] ?? '';
    if (card === '' || NO_END.test(card)) problems.push(`run ${run.id} (${run.command}) has ended, and its card says "${card.slice(0, 60)}"`);
  }
}

const covers = (intent, effect) => intent.set_ms <= Date.parse(effect.time) + 1;

function judgeTasks(seen, problems) {
  const starts = seen.effects.filter((effect) => effect.operation === 'StartMessageMoveTask');
  const intents = seen.intents.filter((intent) => intent.key === 'move-task');
  if (starts.length > intents.length) problems.push(`${starts.length} move tasks were started under ${intents.length} intents`);
  for (const start of starts) if (!intents.some((intent) => covers(intent, start))) problems.push('a move task was started without an intent before it');
  const known = intents.filter((intent) => intent.state === INTENT.done).length, failed = intents.filter((intent) => intent.state === INTENT.failed).length;
  if (known > starts.length) problems.push(`${known} move tasks are recorded as started, and there were ${starts.length}`);
  if (starts.length > intents.length - failed) problems.push('a move task was started and is recorded as failed');
  const cancels = seen.effects.filter((effect) => effect.operation === 'CancelMessageMoveTask').length;
  const attempts = seen.intents.filter((intent) => /^cancel(-|$)/.test(intent.key)).length;
  if (cancels > attempts) problems.push(`${cancels} cancels under ${attempts} intents`);
}

// Calls that change one thing: each after its intent, and never a second time.
const CHANGES = ['SetQueueAttributes'];
const isSql = (intent) => 'statement' in parse(intent.what_json);
function judgeChanges(seen, problems) {
  const changes = seen.effects.filter((effect) => CHANGES.includes(effect.operation)), intents = seen.intents.filter((intent) => intent.key === 'change');
  const calls = intents.filter((intent) => !isSql(intent)), statements = intents.filter(isSql);
  for (const change of changes) if (!calls.some((intent) => covers(intent, change))) problems.push(`${change.operation} was sent without an intent before it`);
  countChanges('changes', changes.length, calls, problems);
  countChanges('statements', seen.vacuums ?? 0, statements, problems);
}

function countChanges(what, made, intents, problems) {
  const known = intents.filter((intent) => intent.state === INTENT.done).length, not = intents.filter((intent) => intent.state === INTENT.failed || intent.state === INTENT.notSent).length;
  if (made > intents.length) problems.push(`${made} ${what} were sent under ${intents.length} intents`);
  if (known > made) problems.push(`${known} ${what} are recorded as done, and there were ${made}`);
  if (made > intents.length - not) problems.push(`one of the ${what} took effect and is recorded as failed or not sent`);
}

// More than once is allowed only where a batch was in doubt and the card says so.
function judgeSends(seen, problems) {
  const sends = seen.effects.filter((effect) => effect.operation === 'SendMessage' && MAIN.test(effect.resource));
  const safe = new Map(seen.before.filter((message) => message.cause === SAFE_CAUSE).map((message) => [message.body_sha256, message]));
  const batches = seen.intents.filter((intent) => intent.key.startsWith('batch-')).map((intent) => ({ ...intent, ids: parse(intent.what_json).ids ?? [] }));
  for (const send of sends) {
    const original = safe.get(send.detail.body_sha256);
    if (!original) problems.push(`a message that nobody chose was sent (${send.detail.event_id})`);
    else if (!batches.some((batch) => batch.ids.includes(original.message_id) && covers(batch, send))) problems.push(`${original.event_id} was sent without an intent before it`);
  }
  const twice = [...tally(sends, (send) => send.detail.body_sha256).values()].filter((count) => count > 1);
  const total = twice.reduce((sum, count) => sum + count - 1, 0);
  const claimed = Object.values(seen.cards).reduce((sum, text) => sum + Number(/(\d+) messages? may have been sent twice/.exec(text)?.[1] ?? 0), 0);
  const doubts = batches.filter((batch) => batch.state !== INTENT.done).length;
  if (twice.length > claimed) problems.push(`${twice.length} messages were sent twice and the cards say ${claimed}`);
  if (total > MOST_DUPLICATES * doubts) problems.push(`${total} messages were sent again, with ${doubts} batches in doubt`);
  return { twice: total, claimed };
}

const archivedId = (effect) => effect.operation === 'PutObject' ? /\/dlq\/[0-9-]+\/([^/]+)\.json$/.exec(effect.resource)?.[1] : undefined;

// Nothing that is not safe is deleted before it was archived, and nothing is archived without an intent before it.
function judgeArchive(seen, problems) {
  const archived = new Set(), unsafe = new Set(seen.before.filter((message) => message.cause !== SAFE_CAUSE).map((message) => message.message_id));
  // An intent that is repeated has a new time; the audit log has the first.
  const begun = seen.audit.filter((row) => row.action === 'effect.begun').map((row) => ({ set_ms: row.at_ms, id: parse(row.detail_json).what?.id }));
  for (const effect of seen.effects) {
    const id = archivedId(effect);
    if (id) archived.add(id);
    if (id && !begun.some((intent) => intent.id === id && covers(intent, effect))) problems.push(`${id} was archived without an intent before it`);
    if (effect.operation === 'DeleteMessage' && unsafe.has(effect.detail.message_id) && !archived.has(effect.detail.message_id)) problems.push(`${effect.detail.message_id} was deleted before it was archived`);
  }
  return archived;
}

// What a finished redrive was to move has left the queue and was processed; nothing else has.
function judgeMessages(seen, problems, archived) {
  const left = new Set(seen.after.map((message) => message.body_sha256));
  for (const message of seen.before.filter((one) => one.cause !== SAFE_CAUSE)) if (!left.has(message.body_sha256) && !archived.has(message.message_id)) problems.push(`${message.message_id} (${message.cause}) is gone from the dead letters`);
  const safe = seen.before.filter((message) => message.cause === SAFE_CAUSE);
  const redrives = seen.runs.filter((run) => run.command === 'dlq redrive' && run.state === RUN.done);
  const whole = redrives.find((run) => /^Redrive finished/.test(seen.cards[run.id] ?? ''));
  if (!whole) return;
  const [, moved, of] = /(\d+) of (\d+) messages moved/.exec(seen.cards[whole.id]) ?? [];
  if (Number(moved) !== safe.length || Number(of) !== safe.length) problems.push(`the card says ${moved} of ${of}, and there were ${safe.length}`);
  for (const message of safe) if (left.has(message.body_sha256)) problems.push(`${message.event_id} did not leave the dead letters`);
  if (seen.processed < safe.length) problems.push(`${seen.processed} of ${safe.length} messages were processed`);
}

const ALLOWED = ['SendMessage', 'DeleteMessage', 'StartMessageMoveTask', 'CancelMessageMoveTask', 'Publish', ...CHANGES];

export function judgeLedger(seen) {
  const problems = [];
  judgeSaid(seen, problems);
  judgeRuns(seen, problems);
  judgeIntents(seen, problems);
  judgeTold(seen, problems);
  judgeTasks(seen, problems);
  judgeChanges(seen, problems);
  const sends = judgeSends(seen, problems);
  judgeMessages(seen, problems, judgeArchive(seen, problems));
  for (const effect of seen.effects) if (effect.service === 'sqs' && !ALLOWED.includes(effect.operation)) problems.push(`${effect.operation} was never asked for`);
  if (seen.messagesFailed > 0) problems.push(`${seen.messagesFailed} messages to Slack were given up`);
  if (seen.verified.code !== 0) problems.push(`the audit log does not verify: ${seen.verified.text}`);
  return { problems, ...sends, asking: seen.runs.filter((run) => run.state === RUN.asking).length };
}
