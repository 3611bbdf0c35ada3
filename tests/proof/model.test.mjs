// model.test.mjs - can the judge of the models fail? Each check is offered as what it is not.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { claims, gaps, twins } from './models/checks.mjs';
import { problemOf, search } from './models/search.mjs';

async function judged(check, options) {
  const dir = await mkdtemp(path.join(tmpdir(), 'fluxabot-model-'));
  try {
    return problemOf(check, await search(check, dir, options));
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
const broken = ['PAGES', 'TWIN_ORDER_FORGOTTEN'];

test('a twin that keeps its safeguard is not caught', async () => {
  assert.equal(await judged({ model: 'outbox', kind: 'twin', with: ['PAGES'], by: /./ }), 'NOT caught');
});

test('a gap that was closed is not shown', async () => {
  assert.match(await judged({ model: 'outbox', kind: 'gap', with: ['PAGES'], by: /./ }), /not shown any more/);
});

test('a claim that does not hold fails with its counterexample', async () => {
  assert.match(await judged({ model: 'outbox', with: broken }), /newest.* after \d+ steps/);
});

test('a twin that is caught for another reason is not caught', async () => {
  assert.match(await judged({ model: 'outbox', kind: 'twin', with: broken, by: /copies/ }), /another reason: .*newest/);
});

test('a cycle breaks a claim that something ends', async () => {
  assert.match(await judged({ model: 'outbox', with: ['LIVENESS', 'TWIN_NOT_RECOVERED'] }), /acceptance cycle/);
});

test('a search that did not reach the end proves nothing', async () => {
  assert.match(await judged({ model: 'outbox', with: [] }, { maxDepth: 50 }), /cut short: .*depth/);
});

test('every switch of the models is among the checks', async () => {
  const dir = fileURLToPath(new URL('models', import.meta.url));
  for (const file of (await readdir(dir)).filter((name) => name.endsWith('.pml'))) {
    const own = await readFile(path.join(dir, file), 'utf8'), model = path.basename(file, '.pml');
    const included = [...own.matchAll(/#include "(.+)"/g)].map(([, name]) => readFile(path.join(dir, name), 'utf8'));
    const text = own + (await Promise.all(included)).join('');
    const switches = new Set([...text.matchAll(/\b(TWIN|GAP|REPAIR)_([A-Z_]+)\b/g)].map(([, kind, name]) => `${kind}_${name}`));
    const checked = new Set([...twins, ...gaps].filter((check) => check.model === model).flatMap((check) => [check.twin && `TWIN_${check.twin}`, check.gap && `GAP_${check.gap}`, check.repair && `REPAIR_${check.repair}`]));
    assert.deepEqual([...switches].filter((name) => !checked.has(name)), [], file);
    assert.ok(claims.some((claim) => claim.model === model), `${model} claims nothing`);
  }
});
