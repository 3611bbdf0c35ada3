// outbox_judge.mjs - what is wrong with what a Slack shows, given what was said. Pure.
const REPETITION = '(may be a repetition)';
const PACE_MS = 1000, WINDOW_MS = 5000, JITTER = 1; // one more in a window: requests do not travel equally fast

const keyOf = (message) => message.metadata?.event_payload?.key;
const flat = (messages) => messages.flatMap((message) => [message, ...(message.replies ?? [])]);

// Copies of each key, by ts.
function copiesOf(shown) {
  const copies = new Map();
  for (const messages of shown.values())
    for (const message of flat(messages)) if (keyOf(message)) copies.set(keyOf(message), [...(copies.get(keyOf(message)) ?? []), message]);
  for (const list of copies.values()) list.sort((a, b) => Number(a.ts) - Number(b.ts));
  return copies;
}

function countHasty(messages) {
  const times = flat(messages).map((message) => Number(message.ts) * 1000).sort((a, b) => a - b);
  let hasty = 0;
  times.forEach((time, i) => { if (times.filter((other, j) => j >= i && other < time + WINDOW_MS).length > WINDOW_MS / PACE_MS + JITTER) hasty++; });
  return hasty;
}

export function judge({ list, shown, failed, looked }) {
  const problems = [], copies = copiesOf(shown), last = new Map();
  let repeated = 0, marked = 0, disordered = 0;
  if (failed > 0) problems.push(`${failed} were given up`);
  for (const one of list) {
    const mine = copies.get(one.key) ?? [];
    if (mine.length === 0) problems.push(`${one.key} was never posted`);
    const extra = mine.slice(1);
    repeated += extra.length;
    marked += extra.filter((message) => message.text.includes(REPETITION)).length;
    if (extra.some((message) => !message.text.includes(REPETITION))) problems.push(`${one.key} was repeated and does not say so`);
    if (looked && extra.length > 0) problems.push(`${one.key} was repeated although it could be looked up`);
    if (mine[0] && mine[0].text.replace(` ${REPETITION}`, '') !== one.text) problems.push(`${one.key} says "${mine[0].text}"`);
    const thread = one.parent === '' ? one.key : one.parent;
    if (mine.length > 0 && Number(mine.at(-1).ts) < (last.get(thread) ?? 0)) {
      disordered++;
      problems.push(`${one.key} stands before what was said earlier in its thread`);
    }
    if (mine.length > 0) last.set(thread, Number(mine.at(-1).ts));
    if (one.parent !== '' && mine.some((message) => !message.thread_ts)) problems.push(`${one.key} is not in its thread`);
  }
  const hasty = [...shown.values()].reduce((sum, messages) => sum + countHasty(messages), 0);
  if (hasty > 0) problems.push(`${hasty} windows of ${WINDOW_MS} ms hold more posts than one a second`);
  return { problems, posted: copies.size, copies: repeated, marked, disordered, hasty };
}
