// check.test.mjs - what people really do wrong in a runbook: 60 mistakes, each planted alone in a shipped file at a place
// that chance chooses, must be found by `fluxabot check` with file and line; the shipped files have none.
//   FLUXABOT_SEED=n node --test tests/acceptance/check.test.mjs
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { build, root } from '../support/stack.mjs';

const PLANTED = 60, FOUND = 58;
const seed = Number(process.env.FLUXABOT_SEED ?? 1);

// mulberry32
let state = seed >>> 0;
function chance() {
  state = (state + 0x6d2b79f5) >>> 0;
  let t = Math.imul(state ^ (state >>> 15), state | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
}
const pick = (list) => list[Math.floor(chance() * list.length)];

// What a mistake does to one line; undefined: it has no place there. `over`: how many lines above the planted one count as
// well, because a step or an answer is told as a whole.
const swap = (pattern, text) => (line) => (pattern.test(line) ? line.replace(pattern, text) : undefined);
const mistakes = [
  ['a key is mistyped', swap(/^( *)(summary|verdict|help|title|lines|fields|context|steps|answer): /, '$1$2e: '), 20],
  ['a step kind is mistyped', swap(/^( +)(sql|aws|metric|logs\.insights|dlq\.classify|checklist|link|run|approval): ?/, '$1x$2: '), 2],
  ['an operation does not exist', swap(/aws: (\w+):(Get|List|Describe)/, 'aws: $1:Fetch')],
  ['a parameter of AWS does not exist', swap(/with: \{ (\w+):/, 'with: { $1x:'), 2],
  ['a parameter of a kind does not exist', swap(/^( +(?:dlq\.\w+|approval|link): \{ )(\w+):/, '$1$2s:')],
  ['a variable does not exist', swap(/\$\{([^}]*)variables\.(\w+)/, '${$1variables.$2x')],
  ['an argument does not exist', swap(/\$\{([^}]*)arguments\.(\w+)/, '${$1arguments.$2x')],
  ['a queue does not exist', swap(/queue: (dlq|main)\b/, 'queue: $1x')],
  ['a queue has no such part', swap(/queue\.(dlq|main)\.(url|arn)/, 'queue.$1.$2x')],
  ['a database does not exist', swap(/database: events/, 'database: event'), 2],
  ['an expression is not closed', swap(/(["' ]\$\{.*)\((.*\}")/, '$1$2'), 6],
  ['a helper does not exist', swap(/\b(plural|default|empty|duration|percent|short)\(/, '$1x('), 6],
  ['a name nobody knows', swap(/"\$\{(\w+)\.(rows|count|Attributes|verdict)/, '"${$1x.$2'), 6],
  ['a command behind a button does not exist', swap(/(command: |buttons: \[)(db|dlq|alarms|event|trace)\b/, '$1$2z')],
  ['a tone nobody knows', swap(/tone: (good|bad|alarm|plain|wait)$/, 'tone: $1ish')],
  ['a type nobody knows', swap(/type: (integer|text|event_id|duration|choice|ids|url|arn)\b/, 'type: $1s')],
  ['a duration without a unit', swap(/(window|period): (\d+)[mhsd]\b/, '$1: "$2"'), 2],
  ['an id twice', swap(/- id: (\w+)$/, '- id: now')],
  ['a condition that is never true', swap(/when: "\$\{.*\}"( \}|,)/, 'when: "${1 == 2}"$1')],
  ['on_error says something else', swap(/on_error: continue/, 'on_error: ignore')],
  ['a tab', swap(/^ {4}(\w)/, '\t$1'), 1],
  ['a quote that is not closed', swap(/: "(.*)"$/, ': "$1')],
  ['a severity nobody knows', swap(/severity: (high|medium|low)/, 'severity: very $1')],
  ['a retry nobody knows', swap(/retry: (never|after|hold|"yes")/, 'retry: maybe')],
  ['a pattern that cannot be', swap(/match: \['/, "match: ['(")],
  ['an interval that cannot be', swap(/every: (5m|week|month|quarter)/, 'every: fortnight')],
];

let dir, folder, config;
const texts = new Map();
before(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'fluxabot-check-'));
  folder = path.join(dir, 'fluxa');
  await cp(path.join(root, 'commands/fluxa'), folder, { recursive: true, filter: (from) => !from.endsWith('/tests') });
  config = path.join(dir, 'f.yaml');
  await writeFile(path.join(dir, 'secret'), 'x', { mode: 0o600 });
  await writeFile(config, `listen: { address: 127.0.0.1, port: 8443 }
store: { url: "sqlite://${dir}/f.db" }
slack: { bot_token: { file: "${dir}/secret" }, signing_secrets: [{ file: "${dir}/secret" }], team_ids: [T01234567] }
sns: { topics: [{ arn: "arn:aws:sns:us-east-1:123456789012:fluxa-alarms", system: fluxa, environment: dev }] }
aws: { region: us-east-1 }
roles: { operator: { users: [U1] } }
systems:
  fluxa:
    path: "${folder}"
    command: /fluxa
    channel: C01234567
    default_environment: dev
    environments:
      dev:
        variables: { queue_url: "https://sqs.example.com/1/q", queue_arn: "arn:aws:sqs:us-east-1:1:q", dlq_url: "https://sqs.example.com/1/d", dlq_arn: "arn:aws:sqs:us-east-1:1:d" }
        databases: { events: { file: "${dir}/secret" } }
`);
  for (const name of (await readdir(folder)).sort()) texts.set(name, await readFile(path.join(folder, name), 'utf8'));
});
after(() => rm(dir, { recursive: true, force: true }));

const check = () => promisify(execFile)(path.join(build, 'fluxabot'), ['check', '--config', config]).then(({ stdout }) => ({ code: 0, text: stdout }), ({ code, stderr }) => ({ code, text: stderr }));

test('the shipped files have no mistake', async () => {
  const { code, text } = await check();
  assert.equal(code, 0, text);
  assert.match(text, /nothing to complain about/);
});

// A text below `|` or `>` is told where it begins.
function depthInBlock(lines, i) {
  let indent = lines[i].search(/\S/);
  for (let k = i - 1; k >= 0; k--) {
    const above = lines[k].search(/\S/);
    if (above < 0 || above >= indent) continue;
    if (/[|>]-?$/.test(lines[k])) return i - k;
    indent = above;
  }
  return 0;
}

// Every place where this mistake can be made.
function places([what, change, over = 0]) {
  const found = [];
  for (const [file, text] of texts) text.split('\n').forEach((line, i) => {
    const wrong = /^ *#/.test(line) ? undefined : change(line);
    if (wrong !== undefined && wrong !== line) found.push({ what, file, line: i + 1, over: over + depthInBlock(text.split('\n'), i), text: text.split('\n').with(i, wrong).join('\n'), wrong });
  });
  return found;
}

test(`of ${PLANTED} planted mistakes at least ${FOUND} are told with file and line (seed ${seed})`, async () => {
  const all = mistakes.map(places), missed = [];
  for (const [i, list] of all.entries()) assert.ok(list.length > 0, `no file has a place for: ${mistakes[i][0]}`);
  for (let i = 0; i < PLANTED; i++) {
    const one = pick(all[i % all.length]);
    await writeFile(path.join(folder, one.file), one.text);
    const { code, text } = await check();
    await writeFile(path.join(folder, one.file), texts.get(one.file));
    const lines = text.split('\n').filter((line) => line.startsWith(`${folder}/${one.file}:`)).map((line) => Number(line.slice(folder.length + one.file.length + 2).match(/^\d+/)));
    if (code !== 1 || !lines.some((line) => line <= one.line && line >= one.line - one.over)) missed.push(`${one.what}: ${one.file}:${one.line}: ${one.wrong.trim().slice(0, 120)}\n    told: ${text.trim().replaceAll(`${folder}/`, '').slice(0, 300)}`);
  }
  console.log(`${PLANTED - missed.length} of ${PLANTED} found${missed.length > 0 ? `, not these:\n${missed.join('\n')}` : ''}`);
  assert.ok(PLANTED - missed.length >= FOUND, `seed ${seed}: only ${PLANTED - missed.length} of ${PLANTED}:\n${missed.join('\n')}`);
});
