// check.mjs - are our messages what Slack's own types and limits allow?
//
// node check.mjs [FOLDER...]: the golden messages, and every JSON message found in the folders.
// Judges that see nothing are worse than none: broken variants must be caught in every run.
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readOurs, readPublished } from './limits.mjs';
import { typeCheck } from './types.mjs';
import { walk } from './walk.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '../../..');
const golden = join(root, 'tests/golden/slack');
let passed = 0;
let failed = 0;

function tell(good, name, details = []) {
  if (good) passed++;
  else failed++;
  if (!good) console.log(`FAILED ${name}${details.map((d) => `\n    ${d}`).join('')}`);
}

function* filesIn(folder) {
  for (const entry of readdirSync(folder).sort()) {
    const path = join(folder, entry);
    if (statSync(path).isDirectory()) yield* filesIn(path);
    else if (entry.endsWith('.json')) yield path;
  }
}

const isMessage = (json) =>
  json !== null && typeof json === 'object' &&
  (json.type === 'modal' || (typeof json.text === 'string' && (json.blocks === undefined || Array.isArray(json.blocks))));

// What a running Slack adds to a message it gives back is not ours to check.
function ownPart(json) {
  if (json.type === 'modal') return json;
  return json.blocks === undefined ? { text: json.text } : { text: json.text, blocks: json.blocks };
}

// A file holds a message, a list of them, or {"messages": [...]}, each with its replies.
function messagesIn(path) {
  const found = [];
  const add = (json, name) => {
    if (Array.isArray(json)) json.forEach((item, i) => add(item, `${name}[${i}]`));
    else if (json && Array.isArray(json.messages)) add(json.messages, name);
    else if (isMessage(json)) {
      found.push({ name, message: ownPart(json) });
      if (Array.isArray(json.replies)) add(json.replies, `${name}.replies`);
    }
  };
  add(JSON.parse(readFileSync(path, 'utf8')), relative(root, path));
  return found;
}

function collect(folders) {
  const messages = [...filesIn(golden)].filter((path) => /\.(message|view)\.json$/.test(path)).flatMap(messagesIn);
  if (messages.length < 12) throw new Error(`only ${messages.length} golden messages in ${golden}`);
  for (const folder of folders) {
    if (!existsSync(folder)) throw new Error(`there is no folder ${folder}`);
    const more = [...filesIn(folder)].flatMap(messagesIn);
    if (more.length === 0) throw new Error(`${folder} holds no message`);
    messages.push(...more);
  }
  return messages;
}

function compareLimits(ours, published, unread) {
  tell(unread.length === 0, 'every published limit is read', unread);
  for (const [name, number] of Object.entries(published))
    tell(ours[name] === number, name, [`ours is ${ours[name]}, Slack says ${number}`]);
}

// Each breaks one rule of a message that is otherwise good; by says which judge must see it.
const breakages = [
  { name: 'an unknown member of a button', by: 'types', change: (m) => { button(m).colour = 'red'; } },
  { name: 'a style that does not exist', by: 'types', change: (m) => { button(m).style = 'warning'; } },
  { name: 'a heading in mrkdwn', by: 'types', change: (m) => { m.blocks[0].text = { type: 'mrkdwn', text: 'x', verbatim: true }; } },
  { name: 'a block that does not exist', by: 'types', change: (m) => { m.blocks.push({ type: 'banner', text: 'x' }); } },
  { name: 'a text as a number', by: 'types', change: (m) => { m.blocks[1].text.text = 7; } },
  { name: 'a section one character too long', by: 'walk', change: (m) => { m.blocks[1].text.text = 'ä'.repeat(3001); } },
  { name: 'a heading one character too long', by: 'walk', change: (m) => { m.blocks[0].text.text = 'x'.repeat(151); } },
  { name: 'fifty-one blocks', by: 'walk', change: (m) => { m.blocks = Array.from({ length: 51 }, () => ({ type: 'divider' })); } },
  { name: 'a text Slack would not update', by: 'walk', change: (m) => { m.text = 'x'.repeat(4001); } },
  { name: 'an empty text', by: 'walk', change: (m) => { m.blocks[1].text.text = ''; } },
  { name: 'an action id twice', by: 'walk', change: (m) => { actions(m).push({ ...button(m) }); } },
  { name: 'mrkdwn that is not verbatim', by: 'walk', change: (m) => { delete m.blocks[1].text.verbatim; } },
];
const actions = (m) => m.blocks.find((block) => block.type === 'actions').elements;
const button = (m) => actions(m)[0];

const { published, unread } = readPublished();
const ours = readOurs();
const limits = { ...ours, ...published };
const messages = collect(process.argv.slice(2));
const variants = breakages.map(({ name, change }) => {
  const message = structuredClone(messages[0].message);
  change(message);
  return { name: `broken: ${name}`, message };
});

compareLimits(ours, published, unread);
const complaints = typeCheck([...messages, ...variants]);
for (const { name, message } of messages) {
  const wrong = [...complaints.get(name), ...walk(message, limits)];
  tell(wrong.length === 0, name, wrong);
}
breakages.forEach(({ name, by }, i) => {
  const seen = by === 'types' ? complaints.get(variants[i].name) : walk(variants[i].message, limits);
  tell(seen.length > 0, `notices ${name}`, ['it was not noticed']);
});
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
