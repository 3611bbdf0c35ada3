// readme.test.mjs - the runbook in the README, taken from there to the letter, works.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { Stack, build, root } from '../support/stack.mjs';

const run = promisify(execFile);
let stack;
let folder;
let runbook;

// The bot reads a copy of the shipped commands with the README's file beside them.
before(async () => {
  const readme = await readFile(path.join(root, 'README.md'), 'utf8');
  [, runbook] = /```yaml\n(command: [^`]*)```/.exec(readme);
  stack = await Stack.start({
    edit: async (started) => {
      folder = path.join(started.dir, 'commands');
      await cp(path.join(root, 'commands/fluxa'), folder, { recursive: true });
      await assert.rejects(readFile(path.join(folder, 'backlog.yaml')), 'the command is a new one');
      await writeFile(path.join(folder, 'backlog.yaml'), runbook);
      const text = await readFile(started.config, 'utf8');
      await writeFile(started.config, text.replace(path.join(root, 'commands/fluxa'), folder));
    },
  });
});
after(() => stack?.stop());

test('it has ten lines', () => assert.ok(runbook.trim().split('\n').length <= 10, runbook));

test('check has nothing to complain about', async () => {
  const { stdout } = await run(path.join(build, 'fluxabot'), ['check', '--config', stack.config]);
  assert.match(stdout, /nothing to complain about/);
});

test('the command answers in the channel', async () => {
  await stack.command('requester', '/fluxa backlog');
  await stack.until(() => stack.card(/0 messages wait in the main queue\./), 'the answer');
});

test('and in the terminal', async () => {
  const env = { ...process.env, ...(await stack.environment()) };
  const { stdout } = await run(path.join(build, 'fluxabot'), ['run', 'fluxa', 'backlog', '--config', stack.config], { env });
  assert.match(stdout, /0 messages wait in the main queue\./);
});

test('and check names the line of a mistake made in it', async () => {
  const file = path.join(folder, 'backlog.yaml');
  await writeFile(file, (await readFile(file, 'utf8')).replace('GetQueueAttributes', 'GetQueueAttributs'));
  await assert.rejects(run(path.join(build, 'fluxabot'), ['check', '--config', stack.config]), (error) => {
    assert.equal(error.code, 1);
    assert.match(error.stderr, /backlog\.yaml:5: .*GetQueueAttributs/);
    return true;
  });
});
