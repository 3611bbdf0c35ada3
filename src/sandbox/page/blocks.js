// blocks.js - every Block Kit block as DOM.

import {anchor, h, inlineNodes, mrkdwn, parseInline, plain, safeUrl, textObject} from './text.js';
import {button, interactive} from './elements.js';

function picture(block, ctx) {
  const file = block.slack_file?.id;
  const source = file ? `/slack/files/${encodeURIComponent(file)}` : null;
  const title = block.title ? h('figcaption', {}, textObject(block.title, ctx.names)) : null;
  // A picture from outside is not fetched: nothing leaves this computer.
  const body = source
    ? h('img', {src: source, alt: block.alt_text ?? '', loading: 'lazy'})
    : h('div', {class: 'picture-stand-in', role: 'img', 'aria-label': block.alt_text}, `Picture not loaded here: ${block.alt_text ?? ''}`);
  return h('figure', {}, title, body);
}

function section(block, ctx) {
  const body = h('div', {class: 'section-body'});
  if (block.text) body.append(textObject(block.text, ctx.names, 'div'));
  if (block.fields) body.append(h('div', {class: 'fields'}, block.fields.map((field) => textObject(field, ctx.names, 'div'))));
  const accessory = block.accessory;
  if (!accessory) return body;
  const side = accessory.type === 'image' ? picture(accessory, ctx) : interactive(accessory, block.block_id, ctx);
  return h('div', {class: 'with-accessory'}, body, h('div', {class: 'accessory'}, side));
}

function context(block, ctx) {
  return h('div', {class: 'context'}, block.elements.map((element) =>
    element.type === 'image' ? h('span', {class: 'tiny-picture', role: 'img', 'aria-label': element.alt_text}, '▣') : textObject(element, ctx.names, 'span')));
}

const styleTags = {bold: 'strong', italic: 'em', strike: 's', code: 'code', underline: 'u'};

function styled(node, style) {
  for (const [name, tag] of Object.entries(styleTags)) if (style?.[name]) node = h(tag, {}, node);
  return node;
}

function richPart(part, ctx) {
  const {names} = ctx;
  switch (part.type) {
    case 'text': return styled(document.createTextNode(part.text), part.style);
    case 'link': {
      const url = safeUrl(part.url);
      return styled(url ? anchor(url, part.text || part.url) : document.createTextNode(part.text || part.url), part.style);
    }
    case 'emoji': return h('span', {}, plain(`:${part.name}:`));
    case 'user': return h('span', {class: 'mention'}, `@${names.users[part.user_id] ?? part.user_id}`);
    case 'usergroup': return h('span', {class: 'mention'}, `@${names.groups[part.usergroup_id] ?? part.usergroup_id}`);
    case 'channel': return h('span', {class: 'mention'}, `#${names.channels[part.channel_id] ?? part.channel_id}`);
    case 'broadcast': return h('span', {class: 'mention loud'}, `@${part.range}`);
    case 'date': return h('span', {}, inlineNodes(parseInline(`<!date^${part.timestamp}^${part.format}|${part.fallback ?? ''}>`, names)));
    default: return h('code', {}, part.value ?? '');
  }
}

// Slack gives each depth of a list as a list of its own with an indent; here they become nested again.
function richText(block, ctx) {
  const root = h('div', {class: 'rich-text'});
  for (const part of block.elements) {
    const inside = () => part.elements.map((element) => richPart(element, ctx));
    if (part.type === 'rich_text_section') root.append(h('div', {class: 'rich-section'}, inside()));
    else if (part.type === 'rich_text_quote') root.append(h('blockquote', {}, inside()));
    else if (part.type === 'rich_text_preformatted') root.append(h('pre', {tabindex: '0'}, inside()));
    else if (part.type === 'rich_text_list') {
      const list = h(part.style === 'ordered' ? 'ol' : 'ul', {class: `indent-${Math.min(part.indent ?? 0, 8)}`, start: part.offset ? part.offset + 1 : undefined});
      for (const item of part.elements) list.append(h('li', {}, item.elements.map((element) => richPart(element, ctx))));
      root.append(list);
    }
  }
  return root;
}

const LONG_CELL = 28;

function cell(content, tag, setting, ctx, isLong) {
  const body = content.type === 'rich_text' ? richText(content, ctx) : (content.text ?? '');
  return h(tag, {class: `${setting?.align ?? 'left'} ${setting?.is_wrapped ? 'wrapped' : ''} ${isLong ? 'long' : ''}`, scope: tag === 'th' ? 'col' : undefined}, body);
}

function table(block, ctx) {
  const [head, ...rows] = block.rows;
  const settings = block.column_settings ?? [];
  // Sentences need a wide column, or a phone shows a tower of single words.
  const isLong = head.map((_, i) => rows.some((row) => (row[i]?.text ?? '').length > LONG_CELL));
  return h('div', {class: 'table-holder', tabindex: '0', role: 'region', 'aria-label': block.caption ?? 'Table'},
    h('table', {class: 'slack-table'},
      block.caption ? h('caption', {}, block.caption) : null,
      h('thead', {}, h('tr', {}, head.map((content, i) => cell(content, 'th', settings[i], ctx, isLong[i])))),
      h('tbody', {}, rows.map((row) => h('tr', {}, row.map((content, i) => cell(content, 'td', settings[i], ctx, isLong[i])))))));
}

// A small reading of Markdown: headings, lists, code, emphasis, links.
function markdown(block, ctx) {
  const root = h('div', {class: 'markdown'});
  let list = null;
  const inline = (line) => inlineNodes(parseInline(
    line.replace(/\[([^\]]+)\]\((https:[^)\s]+)\)/g, '<$2|$1>').replace(/\*\*(.+?)\*\*/g, '*$1*'), ctx.names));
  block.text.split('```').forEach((part, i) => {
    if (i % 2 === 1) {
      root.append(h('pre', {tabindex: '0'}, part.replace(/^\w*\n/, '')));
      return;
    }
    for (const line of part.split('\n')) {
      const heading = /^(#{1,6}) (.*)/.exec(line);
      const item = /^\s*[-*] (.*)/.exec(line);
      if (!item) list = null;
      if (heading) root.append(h('h3', {}, inline(heading[2])));
      else if (item) {
        if (!list) root.append((list = h('ul')));
        list.append(h('li', {}, inline(item[1])));
      } else if (line.trim()) root.append(h('p', {}, inline(line)));
    }
  });
  return root;
}

function chart(block) {
  const series = block.chart.series ?? [{name: block.title, data: block.chart.segments ?? []}];
  const values = series.flatMap((one) => one.data.map((point) => Number(point.value)));
  const most = Math.max(1, ...values);
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 300 80');
  svg.setAttribute('role', 'img');
  svg.setAttribute('aria-label', block.title);
  series.forEach((one, n) => {
    const line = document.createElementNS('http://www.w3.org/2000/svg', 'polyline');
    const step = 290 / Math.max(1, one.data.length - 1);
    line.setAttribute('points', one.data.map((point, i) => `${5 + i * step},${75 - (70 * point.value) / most}`).join(' '));
    line.setAttribute('class', `series-${n % 4}`);
    svg.append(line);
  });
  const rows = series.flatMap((one) => one.data.map((point) => [one.name, point.label, String(point.value)]));
  return h('figure', {class: 'chart'}, h('figcaption', {}, block.title), svg,
    h('details', {}, h('summary', {}, 'The numbers'), h('table', {class: 'slack-table'}, rows.map((row) => h('tr', {}, row.map((text) => h('td', {}, text)))))));
}

const taskMarks = {pending: '○', in_progress: '◐', complete: '●', error: '✕'};

function task(block, ctx) {
  const status = block.status ?? 'pending';
  return h('div', {class: `task ${status}`}, h('span', {class: 'task-mark', 'aria-hidden': 'true'}, taskMarks[status]),
    h('div', {}, h('span', {}, textObject(block.title, ctx.names)), h('small', {}, ` ${status.replace('_', ' ')}`),
      block.details ? richText(block.details, ctx) : null, block.output ? richText(block.output, ctx) : null));
}

function card(block, ctx) {
  return h('div', {class: 'card'},
    block.title ? h('strong', {}, textObject(block.title, ctx.names)) : null,
    ...['subtitle', 'body', 'subtext'].map((name) => (block[name] ? h('div', {class: name}, textObject(block[name], ctx.names)) : null)),
    block.actions ? h('div', {class: 'actions'}, block.actions.map((element) => button(element, block.block_id, ctx))) : null);
}

function input(block, ctx) {
  const id = `input-${block.block_id}`;
  const inside = {...ctx, required: !block.optional};
  return h('div', {class: 'input-block', 'data-block-id': block.block_id},
    h('label', {for: id}, plain(block.label.text), block.optional ? h('small', {}, ' (optional)') : null),
    interactive(block.element, block.block_id, inside),
    block.hint ? h('small', {class: 'hint'}, plain(block.hint.text)) : null,
    h('p', {class: 'field-error', role: 'alert', hidden: true}));
}

const drawings = {
  header: (block) => h('div', {class: 'header', role: 'heading', 'aria-level': '3'}, plain(block.text.text, block.text.emoji !== false)),
  section,
  context,
  divider: () => h('hr'),
  actions: (block, ctx) => h('div', {class: 'actions'}, block.elements.map((element) => interactive(element, block.block_id, ctx))),
  context_actions: (block, ctx) => h('div', {class: 'actions small'}, block.elements.map((element) => interactive(element, block.block_id, ctx))),
  image: picture,
  input,
  rich_text: richText,
  markdown,
  table,
  data_table: table,
  data_visualization: chart,
  card,
  carousel: (block, ctx) => h('div', {class: 'carousel'}, block.elements.map((element) => card({block_id: block.block_id, ...element}, ctx))),
  alert: (block, ctx) => h('div', {class: `alert ${block.level ?? 'default'}`, role: 'note'}, textObject(block.text, ctx.names)),
  plan: (block, ctx) => h('div', {class: 'plan'}, h('strong', {}, textObject(block.title, ctx.names)), (block.tasks ?? []).map((one) => task(one, ctx))),
  task_card: task,
  container: (block, ctx) => h('details', {class: 'container', open: true}, h('summary', {}, textObject(block.title, ctx.names)), renderBlocks(block.child_blocks, ctx)),
};

/** The blocks of a message or dialog as elements; what this page does not know is shown by name. */
export function renderBlocks(blocks, ctx) {
  return (blocks ?? []).map((block) => {
    const draw = drawings[block.type];
    const body = draw ? draw(block, ctx) : h('div', {class: 'unknown'}, `[block ${block.type}]`);
    return h('div', {class: `block block-${block.type}`, 'data-block-id': block.block_id}, body);
  });
}

const size = (bytes) => (bytes < 1024 ? `${bytes} bytes` : `${(bytes / 1024).toFixed(1)} KB`);

/** Text, blocks, attachments and files of one message. */
export function renderBody(message, ctx) {
  const body = h('div', {class: 'body'});
  if (message.blocks?.length) body.append(...renderBlocks(message.blocks, ctx));
  else if (message.text) body.append(mrkdwn(message.text, ctx.names));
  for (const attachment of message.attachments ?? []) {
    const inside = h('div', {class: 'attachment'});
    if (/^#[0-9a-fA-F]{6}$/.test(attachment.color ?? '')) inside.style.borderLeftColor = attachment.color;
    if (attachment.title) inside.append(h('strong', {}, attachment.title));
    if (attachment.text) inside.append(mrkdwn(attachment.text, ctx.names));
    inside.append(...renderBlocks(attachment.blocks, ctx));
    body.append(inside);
  }
  for (const file of message.files ?? []) {
    const source = `/slack/files/${encodeURIComponent(file.id)}`;
    body.append(file.mimetype?.startsWith('image/')
      ? h('figure', {class: 'shared'}, h('figcaption', {}, file.title), h('img', {src: source, alt: file.alt_txt || file.title, loading: 'lazy'}))
      : h('a', {class: 'file', href: source, target: '_blank'}, h('strong', {}, file.title), h('span', {}, `${file.name}, ${size(file.size)}`)));
  }
  return body;
}
