// search.mjs - one check of one model: SPIN writes the search, the compiler builds it, its answer is judged.
//
// A check is {model, title, with, kind, by}. kind is undefined for a claim, which wants no counterexample, or
// "twin" or "gap", which want one that breaks what `by` names.
import { execFile } from 'node:child_process';
import { copyFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const models = path.dirname(fileURLToPath(import.meta.url));
const MAX_OUTPUT = 64 << 20;

// A counterexample is searched breadth first, which finds the shortest; that cannot see cycles.
function compilerFlags(check, live, long) {
  const level = long && !check.kind ? '-O2' : '-O0';
  if (live) return [level, '-DNFAIR=3'];
  return [level, '-DSAFETY', ...(check.kind ? ['-DBFS'] : [])];
}

export async function search(check, dir, { long = false, maxDepth = 200_000 } = {}) {
  const live = check.with.includes('LIVENESS'), defines = check.with.map((name) => `-D${name}`);
  const file = `${check.model}.pml`, run = { cwd: dir, maxBuffer: MAX_OUTPUT };
  for (const name of await readdir(models)) if (/\.(inc|pml)$/.test(name)) await copyFile(path.join(models, name), path.join(dir, name));
  await execute('spin', ['-a', ...defines, file], run);
  await execute('clang-14', ['-w', ...compilerFlags(check, live, long), '-o', 'pan', 'pan.c'], run);
  const began = performance.now();
  const { stdout } = await execute('./pan', [`-m${maxDepth}`, `-w${long ? 26 : 20}`, '-n', ...(live ? ['-a', '-f'] : [])], run);
  const found = readAnswer(stdout, performance.now() - began);
  if (found.errors > 0) found.story = (await execute('spin', ['-t', '-T', '-B', ...defines, file], run)).stdout;
  return found;
}

export function readAnswer(text, tookMs) {
  const number = (pattern) => Number(pattern.exec(text)?.[1] ?? NaN);
  return {
    states: number(/([\d.e+]+) states, stored/), depth: number(/depth reached (\d+)/), errors: number(/errors: (\d+)/),
    broken: /^pan:1: (.*) \(at depth \d+\)/m.exec(text)?.[1] ?? '', steps: number(/^pan:1: .* \(at depth (\d+)\)/m) + 1,
    // not searched to its end, for one reason or another
    cut: /error: .*|.*out of memory.*|.*memory.*exceeded.*/i.exec(text)?.[0] ?? '', tookMs,
  };
}

// Null: as it should be.
export function problemOf(check, found) {
  if (found.cut || !Number.isFinite(found.states) || !Number.isFinite(found.errors)) return `the search was cut short: ${found.cut || 'no result'}`;
  if (!check.kind) return found.errors === 0 ? null : `${found.broken} after ${found.steps} steps`;
  if (found.errors === 0) return check.kind === 'twin' ? 'NOT caught' : 'not shown any more: make it a claim';
  return check.by.test(found.broken) ? null : `caught for another reason: ${found.broken}`;
}
