// cards.mjs - what the acceptance tests read on a card.
import assert from 'node:assert/strict';

// All of a card that a person reads, without its buttons.
export function shown(card) {
  const texts = [];
  const walk = (part) => {
    if (Array.isArray(part)) part.forEach(walk);
    else if (part && typeof part === 'object' && part.type !== 'actions') Object.entries(part).forEach(([key, value]) => (key === 'text' && typeof value === 'string' ? texts.push(value) : walk(value)));
  };
  walk(card.blocks);
  return texts.join('\n');
}

export const buttons = (card) => card.blocks.flatMap(({ type, elements }) => (type === 'actions' ? elements : [])).map(({ text }) => text.text);
export const table = (card) => card.blocks.find(({ type }) => type === 'table')?.rows.map((row) => row.map(({ text }) => text)) ?? [];
// The table's row of this name.
export const row = (card, name) => table(card).find(([first]) => first.startsWith(name));

export function includes(card, ...patterns) {
  for (const pattern of patterns) assert.match(shown(card), pattern);
}

// The answers to several commands at once: command -> card. isOf tells whose card it is.
export async function answersTo(stack, commands, isOf) {
  const known = new Set((await stack.messages()).map((message) => message.ts));
  for (const command of commands) await stack.command('requester', `/fluxa ${command}`);
  const cards = await stack.until(async () => {
    const told = (await stack.messages()).filter((message) => !known.has(message.ts));
    return told.length >= commands.length && told;
  }, `${commands.length} answers`);
  return new Map(commands.map((command) => {
    const card = cards.find((one) => isOf(one, command));
    assert.ok(card, `no answer to ${command} among:\n${cards.map((one) => one.text).join('\n')}`);
    return [command, card];
  }));
}
