// limits.mjs - reads Slack's limits out of the comments of @slack/types, and ours out of limits.h.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const types = join(here, '../node_modules/@slack/types/dist');
const header = join(here, '../../../src/slack/limits.h');

// The comment before each member of each interface: { "HeaderBlock.text": "Plain text ..." }
function readComments(file) {
  const comments = {};
  let owner = null;
  const pieces = /(?:^|\n)(?:export )?(?:declare )?(?:interface|type) (\w+)|\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*(\w+)\??:/g;
  for (const [, name, comment, member] of readFileSync(join(types, file), 'utf8').matchAll(pieces)) {
    if (name) owner = name;
    else if (owner) comments[`${owner}.${member}`] = comment.replace(/\s*\n\s*\*\s*/g, ' ');
  }
  return comments;
}

const length = /max(?:imum)? length (?:[\w`' ]+ )?(?:is|of) (\d+) char/i;
const count = /max(?:imum)?(?: number of \w+ is| of)? (\d+)(?: (?:elements|items|rows|blocks))?/i;
const cells = /max of (\d+) table cells/i;

// our name, whose member, how its comment says it
const wanted = [
  ['SLACK_MAX_BLOCK_ID', 'Block.block_id', length],
  ['SLACK_MAX_ACTION_ID', 'Action.action_id', length],
  ['SLACK_MAX_HEADER', 'HeaderBlock.text', length],
  ['SLACK_MAX_SECTION', 'SectionBlock.text', length],
  ['SLACK_MAX_FIELDS', 'SectionBlock.fields', /number of items is (\d+)/i],
  ['SLACK_MAX_FIELD', 'SectionBlock.fields', /text in each item is (\d+)/i],
  ['SLACK_MAX_CONTEXT_ELEMENTS', 'ContextBlock.elements', count],
  ['SLACK_MAX_TEXT_OBJECT', 'MrkdwnElement.text', length],
  ['SLACK_MAX_ACTIONS', 'ActionsBlock.elements', count],
  ['SLACK_MAX_ALT_TEXT', 'ImageBlock.alt_text', length],
  ['SLACK_MAX_IMAGE_TITLE', 'ImageBlock.title', length],
  ['SLACK_MAX_TABLE_ROWS', 'TableBlock.rows', /maximum (\d+) rows/i],
  ['SLACK_MAX_TABLE_COLUMNS', 'TableBlock.rows', cells],
  ['SLACK_MAX_BUTTON_TEXT', 'Button.text', length],
  ['SLACK_MAX_BUTTON_VALUE', 'Button.value', length],
  ['SLACK_MAX_URL', 'Button.url', length],
  ['SLACK_MAX_BUTTON_LABEL', 'Button.accessibility_label', length],
  ['SLACK_MAX_CONFIRM_TITLE', 'Confirm.title', length],
  ['SLACK_MAX_CONFIRM_TEXT', 'Confirm.text', length],
  ['SLACK_MAX_CONFIRM_BUTTON', 'Confirm.confirm', length],
  ['SLACK_MAX_VIEW_TITLE', 'ModalView.title', length],
  ['SLACK_MAX_VIEW_METADATA', 'BaseView.private_metadata', length],
  ['SLACK_MAX_VIEW_CALLBACK_ID', 'BaseView.callback_id', length],
  ['SLACK_MAX_INPUT_LABEL', 'InputBlock.label', length],
  ['SLACK_MAX_INPUT_HINT', 'InputBlock.hint', length],
  ['SLACK_MAX_INPUT_LENGTH', 'PlainTextInput.min_length', /maximum value is (\d+)/i],
  ['SLACK_MAX_BLOCKS', 'BlocksChunk.blocks', count],
];

export function readOurs() {
  const ours = {};
  for (const [, name, number] of readFileSync(header, 'utf8').matchAll(/(SLACK_\w+) = (\d+)/g))
    ours[name] = Number(number);
  return ours;
}

// { SLACK_MAX_HEADER: 150, ... } and the names whose comment was not found or not understood
export function readPublished() {
  const comments = Object.assign(
    {},
    ...['block-kit/blocks.d.ts', 'block-kit/block-elements.d.ts', 'block-kit/extensions.d.ts',
      'block-kit/composition-objects.d.ts', 'views.d.ts', 'chunk.d.ts'].map(readComments),
  );
  const published = {};
  const unread = [];
  for (const [name, member, pattern] of wanted) {
    const owner = member.replace('ConfirmationDialog', comments['Confirm.title'] ? 'ConfirmationDialog' : 'Confirm');
    const found = comments[owner]?.match(pattern);
    if (found) published[name] = Number(found[1]);
    else unread.push(`${name} (${member})`);
  }
  return { published, unread };
}
