// rows.test.mjs - the list of rows is checked, and the check can fail: each mistake is planted once.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const run = (...args) => promisify(execFile)(process.execPath, [path.join(here, 'rows'), '--check', ...args]);

test('the list names every row once, and tests and commands that exist', () => run());

for (const [what, plant, told] of [
  ['a test that does not exist', (rows) => { rows[0].tests['tests/e2e/commands.test.mjs'].push('F-01: flies'); }, /F-01: tests\/e2e\/commands\.test\.mjs has no test 'F-01: flies'/],
  ['a file that does not exist', (rows) => { rows[0].tests['tests/e2e/nothing.test.mjs'] = ['x']; }, /F-01: tests\/e2e\/nothing\.test\.mjs has no test/],
  ['a row that is missing', (rows) => { rows.splice(rows.findIndex(({ row }) => row === 'F-73'), 1); }, /F-73: stands 0 times/],
  ['a row that comes twice', (rows) => { rows.push(rows[9]); }, /F-10: stands 2 times/],
  ['a command that is not that of the row', (rows) => { rows[0].command = 'event'; }, /F-01: no runbook 'event' says/],
  ['a command without a test', (rows) => { delete rows[0].tests; }, /F-01: a row is done with a command and tests, or has neither[^]*F-01: commands\/fluxa\/dlq\.yaml/],
])
  test(`${what} is found`, async () => {
    const rows = JSON.parse(await readFile(path.join(here, 'fluxa.json'), 'utf8')), dir = await mkdtemp(path.join(tmpdir(), 'fluxabot-rows-'));
    plant(rows);
    await writeFile(path.join(dir, 'rows.json'), JSON.stringify(rows));
    await assert.rejects(run('--data', path.join(dir, 'rows.json')), ({ code, stderr }) => code === 1 && told.test(stderr));
    await rm(dir, { recursive: true });
  });
