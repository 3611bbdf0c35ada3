// audit_log.mjs - an audit log to tamper with: made by a real bot that is asked, refused, stopped and killed.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { Stack } from '../support/stack.mjs';
import { commandBody, sendCommand } from '../support/senders.mjs';

const execute = promisify(execFile);
const ROUNDS = 5, ROWS_OF_A_ROUND = 12;

export async function sqlite(file, statement) {
  const { stdout } = await execute('sqlite3', ['-json', '-cmd', '.timeout 60000', file, statement], { maxBuffer: 64 << 20 });
  return stdout.trim() === '' ? [] : JSON.parse(stdout);
}

export const readRows = (file) => sqlite(file, 'SELECT * FROM audit ORDER BY n');

// The hash that a row should carry, computed by the documented rule and not by the program.
export function hashOf(row) {
  const { action, actor, at_ms, detail_json: detail, n, previous_hash: previous, subject } = row;
  return createHash('sha256').update(JSON.stringify({ action, actor, at_ms, detail, n, previous, subject })).digest('hex');
}

async function addRows(stack, database, count) {
  const [{ n }] = await sqlite(database, 'SELECT count(*) AS n FROM audit');
  for (let i = 0; i < count; i++) await sendCommand(stack, commandBody(i % 3 === 0 ? 'dlq redrive rate=7' : `queue "${i}" \\ ü`, { user_id: i % 2 === 0 ? 'U0GUEST003' : 'U0NOBODY99' }));
  await stack.until(async () => (await sqlite(database, 'SELECT count(*) AS n FROM audit'))[0].n >= n + count, 'the rows', 30000, 20);
}

// Snapshots of database and anchors after each stop, and one of a bot that was killed: its last rows have no anchor.
export async function makeLog() {
  const stack = await Stack.start({ bot: false });
  const database = path.join(stack.dir, 'fluxabot.db'), anchors = `${database}.audit-anchors`;
  const snapshots = [];
  try {
    for (let round = 0; round <= ROUNDS; round++) {
      await stack.startBot();
      await addRows(stack, database, ROWS_OF_A_ROUND);
      await stack.killBot(round < ROUNDS ? 'SIGTERM' : 'SIGKILL');
      const copy = path.join(stack.dir, `snapshot-${round}.db`);
      await sqlite(database, `.backup ${copy}`);
      snapshots.push({ database: copy, rows: await readRows(copy), anchors: (await readFile(anchors, 'utf8')).trim().split('\n') });
    }
    const template = await readFile(stack.config, 'utf8');
    const log = path.join(stack.dir, 'fluxabot.log');
    return { stack, snapshots, log, key: `${database}.audit-key`, template };
  } catch (error) {
    await stack.stop();
    throw error;
  }
}

// A configuration whose store and own anchor file are those of a case.
export async function configure(world) {
  const folder = world.stack.dir;
  const at = { config: path.join(folder, 'case.yaml'), database: path.join(folder, 'case.db'), own: path.join(folder, 'case.anchors'), outside: path.join(folder, 'case.outside') };
  await writeFile(at.config, `${world.template.replace(/sqlite:\/\/[^"]*/, `sqlite://${at.database}`)}audit: { key: { file: "${world.key}" }, anchor: { file: "${at.own}" } }\n`);
  return at;
}
