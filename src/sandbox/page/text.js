// text.js - Slack's mrkdwn as tokens (pure) and as DOM nodes; foreign text never becomes markup.

const emoji = {
  red_circle: '🔴', large_green_circle: '🟢', large_yellow_circle: '🟡', large_orange_circle: '🟠',
  large_blue_circle: '🔵', white_circle: '⚪', warning: '⚠️', rotating_light: '🚨', white_check_mark: '✅',
  heavy_check_mark: '✔️', x: '❌', no_entry: '⛔', hourglass: '⌛', hourglass_flowing_sand: '⏳',
  eyes: '👀', mag: '🔍', rocket: '🚀', lock: '🔒', bell: '🔔', no_bell: '🔕', fire: '🔥', tada: '🎉',
  information_source: 'ℹ️', question: '❓', exclamation: '❗', point_right: '👉', wave: '👋', pager: '📟',
  chart_with_upwards_trend: '📈', arrows_counterclockwise: '🔄', construction: '🚧', bulb: '💡',
  octagonal_sign: '🛑', thumbsup: '👍', '+1': '👍', robot_face: '🤖', memo: '📝', clock3: '🕒',
};

/** The three entities that Slack writes, and no others. */
export function decode(text) {
  return text.replace(/&(amp|lt|gt);/g, (_, name) => ({amp: '&', lt: '<', gt: '>'})[name]);
}

/** https anywhere, and this very page's origin; anything else is text. */
export function safeUrl(url, origin = globalThis.location?.origin) {
  try {
    const parsed = new URL(url);
    if (parsed.username || parsed.password) return null;
    return parsed.protocol === 'https:' || (origin && parsed.origin === origin) ? parsed.href : null;
  } catch {
    return null;
  }
}

function formatDate(seconds, format, fallback) {
  const date = new Date(seconds * 1000);
  if (!Number.isFinite(seconds) || Number.isNaN(date.getTime())) return fallback;
  const show = (options) => new Intl.DateTimeFormat('en-GB', options).format(date);
  const day = new Date(date).setHours(0, 0, 0, 0);
  const apart = Math.round((day - new Date().setHours(0, 0, 0, 0)) / 86400000);
  const pretty = {0: 'today', 1: 'tomorrow', '-1': 'yesterday'}[apart];
  const minutes = Math.round((Date.now() - date) / 60000);
  const parts = {
    date_num: () => show({year: 'numeric', month: '2-digit', day: '2-digit'}),
    date: () => show({year: 'numeric', month: 'long', day: 'numeric'}),
    date_short: () => show({year: 'numeric', month: 'short', day: 'numeric'}),
    date_long: () => show({weekday: 'long', year: 'numeric', month: 'long', day: 'numeric'}),
    date_pretty: () => pretty ?? parts.date(),
    date_short_pretty: () => pretty ?? parts.date_short(),
    date_long_pretty: () => pretty ?? parts.date_long(),
    time: () => show({hour: '2-digit', minute: '2-digit'}),
    time_secs: () => show({hour: '2-digit', minute: '2-digit', second: '2-digit'}),
    ago: () => (minutes < 1 ? 'just now' : minutes < 60 ? `${minutes} min ago` : `${Math.round(minutes / 60)} h ago`),
  };
  return format.replace(/\{(\w+)\}/g, (all, name) => (parts[name] ? parts[name]() : all));
}

// "<...>": a link, a mention, a date. names resolves ids: {users, channels, groups}.
function bracket(inner, names) {
  const [head, ...rest] = inner.split('|');
  const label = rest.length ? decode(rest.join('|')) : '';
  if (head.startsWith('@')) return {kind: 'mention', text: `@${names.users?.[head.slice(1)] ?? (label || head.slice(1))}`};
  if (head.startsWith('#')) return {kind: 'mention', text: `#${names.channels?.[head.slice(1)] ?? (label || head.slice(1))}`};
  if (head.startsWith('!subteam^')) return {kind: 'mention', text: `@${names.groups?.[head.slice(9)] ?? (label || head.slice(9))}`};
  if (/^!(here|channel|everyone)$/.test(head)) return {kind: 'loud', text: `@${head.slice(1)}`};
  if (head.startsWith('!date^')) {
    const [, seconds, format, url] = head.split('^');
    const text = formatDate(Number(seconds), decode(format ?? ''), label);
    return url && safeUrl(decode(url)) ? {kind: 'link', url: safeUrl(decode(url)), text} : {kind: 'date', text, title: label};
  }
  if (head.startsWith('!')) return {kind: 'text', text: label || head};
  if (head.startsWith('mailto:')) return {kind: 'text', text: label || decode(head.slice(7))};
  const url = safeUrl(decode(head));
  return url ? {kind: 'link', url, text: label || decode(head)} : {kind: 'text', text: label ? `${label} (${decode(head)})` : decode(head)};
}

const marks = {'*': 'bold', _: 'italic', '~': 'strike'};
const isWord = (c) => c !== undefined && /[\p{L}\p{N}]/u.test(c);

// Where a style that opens at `from` closes: same mark, text inside, no letter right after it.
function closing(text, from) {
  const mark = text[from];
  if (isWord(text[from - 1]) || text[from + 1] === undefined || /\s/.test(text[from + 1])) return -1;
  for (let i = from + 2; i < text.length && text[i] !== '\n'; i++) {
    if (text[i] === '<') {
      const end = text.indexOf('>', i);
      if (end < 0) return -1;
      i = end;
    } else if (text[i] === mark && !/\s/.test(text[i - 1]) && !isWord(text[i + 1])) return i;
  }
  return -1;
}

/** Inline mrkdwn as tokens {kind, text, url?, children?}. */
export function parseInline(text, names = {}) {
  const tokens = [];
  let plain = '';
  const flush = () => {
    if (plain) tokens.push({kind: 'text', text: decode(plain)});
    plain = '';
  };
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === '`') {
      const end = text.indexOf('`', i + 1);
      if (end > i + 1 && !text.slice(i, end).includes('\n')) {
        flush();
        tokens.push({kind: 'code', text: decode(text.slice(i + 1, end))});
        i = end;
        continue;
      }
    } else if (c === '<') {
      const end = text.indexOf('>', i);
      if (end > i + 1 && !text.slice(i, end).includes('\n')) {
        flush();
        tokens.push(bracket(text.slice(i + 1, end), names));
        i = end;
        continue;
      }
    } else if (marks[c]) {
      const end = closing(text, i);
      if (end > 0) {
        flush();
        tokens.push({kind: marks[c], children: parseInline(text.slice(i + 1, end), names)});
        i = end;
        continue;
      }
    } else if (c === ':') {
      const name = /^:([a-z0-9_+-]+):/.exec(text.slice(i, i + 40));
      if (name && emoji[name[1]]) {
        flush();
        tokens.push({kind: 'emoji', text: emoji[name[1]], title: name[0]});
        i += name[0].length - 1;
        continue;
      }
    }
    plain += c;
  }
  flush();
  return tokens;
}

/** A whole mrkdwn text: lines, quotes and preformatted blocks. */
export function parse(text, names = {}) {
  const tokens = [];
  text.split('```').forEach((part, i, all) => {
    if (i % 2 === 1 && i < all.length - 1) {
      tokens.push({kind: 'pre', text: decode(part.replace(/^\n|\n$/g, ''))});
      return;
    }
    const raw = i % 2 === 1 ? '```' + part : part;
    for (const line of raw.replace(i > 0 ? /^\n/ : /$^/, '').split('\n')) {
      const quote = /^(?:&gt;|>) ?/.exec(line);
      tokens.push({kind: quote ? 'quote' : 'line', children: parseInline(quote ? line.slice(quote[0].length) : line, names)});
    }
  });
  return tokens;
}

/** An element with attributes and children; text children stay text. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

export function anchor(url, text) {
  return h('a', {href: url, target: '_blank', rel: 'noopener noreferrer', 'data-link': true}, text);
}

const inlineTags = {bold: 'strong', italic: 'em', strike: 's'};

export function inlineNodes(tokens) {
  return tokens.map((token) => {
    if (inlineTags[token.kind]) return h(inlineTags[token.kind], {}, inlineNodes(token.children));
    if (token.kind === 'code') return h('code', {}, token.text);
    if (token.kind === 'link') return anchor(token.url, token.text);
    if (token.kind === 'mention') return h('span', {class: 'mention'}, token.text);
    if (token.kind === 'loud') return h('span', {class: 'mention loud'}, token.text);
    if (token.kind === 'date') return h('time', {title: token.title}, token.text);
    if (token.kind === 'emoji') return h('span', {role: 'img', 'aria-label': token.title}, token.text);
    return document.createTextNode(token.text);
  });
}

/** mrkdwn as one element. */
export function mrkdwn(text, names, tag = 'div') {
  const root = h(tag, {class: 'mrkdwn'});
  let quote = null;
  parse(text, names).forEach((token, i, all) => {
    if (token.kind === 'pre') {
      root.append(h('pre', {tabindex: '0'}, token.text));
      quote = null;
    } else if (token.kind === 'quote') {
      if (!quote) root.append((quote = h('blockquote')));
      quote.append(h('div', {}, inlineNodes(token.children)));
    } else {
      quote = null;
      root.append(...inlineNodes(token.children));
      if (all[i + 1]?.kind === 'line') root.append(h('br'));
    }
  });
  return root;
}

/** plain_text: only emoji codes are drawn. */
export function plain(text, withEmoji = true) {
  if (!withEmoji) return [text];
  return text.split(/(:[a-z0-9_+-]+:)/).map((part) => {
    const picture = emoji[part.slice(1, -1)];
    return part.startsWith(':') && picture ? h('span', {role: 'img', 'aria-label': part}, picture) : part;
  });
}

/** A text object of either kind. */
export function textObject(object, names, tag = 'span') {
  if (!object) return h(tag);
  if (typeof object === 'string') return h(tag, {}, object);
  return object.type === 'mrkdwn' ? mrkdwn(object.text, names, tag) : h(tag, {class: 'plain-text'}, plain(object.text, object.emoji !== false));
}
