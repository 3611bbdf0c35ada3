// audit_tamper.mjs - what somebody who owns the database, or the anchor file, might do to them.
//
// A plan is { what, sql?, replace?, anchors?, firstBad? }: statements for the database or another one in its place,
// other lines for the anchor file, and the row that must be named where only one answer is right.
import { createHash, createPrivateKey, generateKeyPairSync, sign } from 'node:crypto';
import { hashOf } from './audit_log.mjs';

const quote = (value) => (typeof value === 'number' ? String(value) : `'${value.replaceAll("'", "''")}'`);
const columns = ['n', 'at_ms', 'actor', 'action', 'subject', 'detail_json', 'previous_hash', 'hash'];
const insert = (row) => `INSERT INTO audit (${columns.join(', ')}) VALUES (${columns.map((name) => quote(row[name])).join(', ')});`;
const update = (n, name, value) => `UPDATE audit SET ${name} = ${quote(value)} WHERE n = ${n};`;

// Between 1 and `last`.
const rowUpTo = (chance, last) => 1 + chance.below(last);

function otherDigit(chance, hash) {
  const at = chance.below(hash.length);
  const digit = chance.pick([...'0123456789abcdef'].filter((one) => one !== hash[at]));
  return hash.slice(0, at) + digit + hash.slice(at + 1);
}

function otherValue(chance, name, value) {
  if (name === 'at_ms') return value + (chance.one(0.5) ? 1 : -1) * (1 + chance.below(1000000));
  if (name === 'hash' || name === 'previous_hash') return otherDigit(chance, value);
  const at = chance.below(value.length + 1);
  const changed = chance.pick([value.slice(0, at) + 'x' + value.slice(at), `${value} `, value.toUpperCase(), '']);
  return changed === value ? `${value}.` : changed;
}

// Follows the rule from row `from` on, as the program would have written it.
function rechain(rows, from) {
  const chained = rows.slice(0, from - 1);
  for (const row of rows.slice(from - 1)) {
    const next = { ...row, n: chained.length + 1, previous_hash: chained.at(-1)?.hash ?? '0'.repeat(64) };
    chained.push({ ...next, hash: hashOf(next) });
  }
  return chained;
}

const replaceFrom = (from, rows) => [`DELETE FROM audit WHERE n >= ${from};`, ...rows.slice(from - 1).map(insert)].join(' ');

// ---- rows that no longer follow from each other ----

function edit({ chance, rows }) {
  const row = chance.pick(rows), name = chance.pick(columns.slice(1));
  return { what: `${name} of row ${row.n}`, sql: update(row.n, name, otherValue(chance, name, row[name])), firstBad: row.n };
}

// The last row stays: without it this would be a log that is only shorter.
function remove({ chance, rows }) {
  const gone = new Set(Array.from({ length: 1 + chance.below(3) }, () => rowUpTo(chance, rows.length - 1)));
  const first = Math.min(...gone);
  return { what: `rows ${[...gone].join(', ')} removed`, sql: `DELETE FROM audit WHERE n IN (${[...gone].join(', ')});`, firstBad: rows.find((row) => row.n > first && !gone.has(row.n)).n };
}

function slipIn({ chance, rows }) {
  const at = rowUpTo(chance, rows.length);
  const made = { ...chance.pick(rows), n: at, actor: 'U0INVENTED' };
  return { what: `a row slipped in at ${at}`, sql: `UPDATE audit SET n = -n - 1 WHERE n >= ${at}; UPDATE audit SET n = -n WHERE n < 0; ${insert(made)}`, firstBad: at };
}

function putBefore({ chance, rows }) {
  const n = -chance.below(5);
  return { what: `a row put before the first, as ${n}`, sql: insert({ ...chance.pick(rows), n }), firstBad: 1 };
}

function appendForged({ chance, rows }) {
  const n = rows.length + 1;
  return { what: 'a row appended that does not follow', sql: insert({ ...chance.pick(rows), n }), firstBad: n };
}

function reorder({ chance, rows }) {
  const a = rowUpTo(chance, rows.length - 1), b = a + 1 + chance.below(rows.length - a);
  return { what: `rows ${a} and ${b} swapped`, sql: `UPDATE audit SET n = 0 WHERE n = ${a}; UPDATE audit SET n = ${a} WHERE n = ${b}; UPDATE audit SET n = ${b} WHERE n = 0;`, firstBad: a };
}

// ---- chains that are whole, and not the one that was anchored ----

function truncate({ chance, anchored }) {
  const last = chance.below(anchored);
  return { what: `cut off after row ${last}`, sql: `DELETE FROM audit WHERE n > ${last};` };
}

function rewrite({ chance, rows, anchored }) {
  const from = rowUpTo(chance, anchored), name = chance.pick(['actor', 'action', 'subject', 'detail_json', 'at_ms']);
  const changed = rows.map((row) => (row.n === from ? { ...row, [name]: otherValue(chance, name, row[name]) } : row));
  return { what: `${name} of row ${from} changed and all hashes after it made anew`, sql: replaceFrom(from, rechain(changed, from)) };
}

function leaveOut({ chance, rows, anchored }) {
  const gone = rowUpTo(chance, anchored);
  return { what: `row ${gone} left out and all after it renumbered`, sql: replaceFrom(gone, rechain(rows.filter((row) => row.n !== gone), gone)) };
}

function rewriteAll({ chance, rows }) {
  const shift = 1 + chance.below(100000);
  return { what: 'the whole log written anew', sql: replaceFrom(1, rechain(rows.map((row) => ({ ...row, at_ms: row.at_ms + shift })), 1)) };
}

// Cut off, and then more rows than before.
function regrow({ chance, rows, anchored }) {
  const from = 1 + chance.below(anchored);
  const grown = [...rows.slice(0, from - 1), ...Array.from({ length: rows.length + chance.below(20) }, () => ({ ...chance.pick(rows), subject: 'invented' }))];
  return { what: `cut off before row ${from} and grown to ${grown.length} rows`, sql: replaceFrom(from, rechain(grown, from)) };
}

function oldBackup({ chance, snapshots, anchored }) {
  const older = snapshots.filter((one) => one.rows.length < anchored);
  const taken = chance.pick(older);
  return { what: `a backup of ${taken.rows.length} rows restored`, replace: taken.database };
}

// ---- anchors ----

const digest = (line) => createHash('sha256').update(line).digest('hex');

function sealed(body, key) {
  const text = JSON.stringify(Object.fromEntries(Object.entries(body).sort(([a], [b]) => (a < b ? -1 : 1))));
  const signature = sign(null, Buffer.from(`fluxabot audit anchor 1\n${text}`), key).toString('hex');
  return JSON.stringify(Object.fromEntries(Object.entries({ ...body, signature }).sort(([a], [b]) => (a < b ? -1 : 1))));
}

// Exported so that the proof may show that its own seal is the program's: otherwise a forgery proves nothing.
export const sealAs = (pem) => (line) => {
  const { signature, ...body } = JSON.parse(line);
  return sealed(body, createPrivateKey(pem));
};

function changeAnchor({ chance, anchors }) {
  const at = chance.below(anchors.length), line = anchors[at];
  const spot = chance.below(line.length), other = line[spot] === '1' ? '2' : '1';
  const lines = anchors.with(at, line.slice(0, spot) + other + line.slice(spot + 1));
  return { what: `character ${spot} of anchor ${at + 1} changed`, anchors: lines };
}

function dropAnchor({ chance, anchors }) {
  const at = chance.below(anchors.length);
  return { what: `anchor ${at + 1} of ${anchors.length} removed`, anchors: anchors.toSpliced(at, 1) };
}

function swapAnchors({ chance, anchors }) {
  const a = chance.below(anchors.length - 1), b = a + 1 + chance.below(anchors.length - 1 - a);
  return { what: `anchors ${a + 1} and ${b + 1} swapped`, anchors: anchors.with(a, anchors[b]).with(b, anchors[a]) };
}

// Cut off, an anchor for what is left, chained as it should be, and what the store remembers of anchors wiped out:
// all that can be done by somebody who has not our key.
function forgeAnchor({ chance, rows, anchors }) {
  const { privateKey } = generateKeyPairSync('ed25519');
  const last = rowUpTo(chance, rows.length - 1), kept = anchors.slice(0, chance.below(anchors.length));
  const ours = JSON.parse(anchors[0]).key;
  const body = { n: last, hash: rows[last - 1].hash, key: chance.one(0.5) ? ours : digest('another').slice(0, 16), time: '2026-10-10T10:10:10.000Z', previous: kept.length > 0 ? digest(kept.at(-1)) : '0'.repeat(64) };
  if (chance.one(0.3)) body.reason = 'all is well';
  return { what: `cut off after row ${last} and a forged anchor for it`, sql: `DELETE FROM audit WHERE n > ${last}; DELETE FROM settings WHERE name = 'audit.anchors';`, anchors: [...kept, sealed(body, privateKey)] };
}

export const kinds = { edit, remove, slipIn, putBefore, appendForged, reorder, truncate, rewrite, leaveOut, rewriteAll, regrow, oldBackup, changeAnchor, dropAnchor, swapAnchors, forgeAnchor };
