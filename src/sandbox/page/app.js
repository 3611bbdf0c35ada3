// app.js - the page: who acts, what the channel shows, what is sent. Everything comes from the doors.

import {h} from './text.js';
import {renderBody} from './blocks.js';
import {Modals} from './dialogs.js';
import {World} from './world.js';
import {Tour} from './tour.js';

const $ = (id) => document.getElementById(id);
const POLL_MS = 1000;
const WORLD_EVERY = 2;
const REPLIES_SHOWN = 4;
const STILL_READ_MS = 8000;
const ANSWER_MS = 15000; // so long what comes is taken for the answer to what was pressed
const shownRoles = ['requester', 'approver', 'operator', 'guest', 'stranger'];
const roleWords = {
  requester: 'on call, asks', approver: 'may approve', operator: 'operator, may not approve',
  guest: 'guest account', stranger: 'from another company',
};

const state = {
  acting: null, channel: 'C0FLUXA0001', revision: -1, messages: [], private: {messages: [], views: []}, pages: [],
  pressed: false, openThreads: new Set(), drawn: new Map(), shown: new Set(), entered: false, followUntil: 0, history: [], historyAt: 0,
};
const directory = {people: [], channels: [], names: {users: {}, channels: {}, groups: {}}};

function say(text, kind = '') {
  const toast = h('div', {class: `toast ${kind}`}, text);
  $('toasts').append(toast);
  setTimeout(() => toast.remove(), kind === 'bad' ? 8000 : 4000);
}

/** The door's answer, or null after having said why not. */
async function post(path, body) {
  try {
    const response = await fetch(path, {
      method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify(body),
    });
    const answer = await response.json().catch(() => ({}));
    if (!response.ok) {
      say(answer.error ?? `The sandbox answered ${response.status}`, 'bad');
      return null;
    }
    return answer;
  } catch {
    say('The sandbox does not answer; is it still running?', 'bad');
    return null;
  }
}

/** Says what Slack would show when the bot did not take an interaction. */
function judge(answer) {
  if (!answer) return;
  if (!answer.ok) say(`The bot did not answer: ${answer.error}`, 'bad');
  else if (answer.status !== 200) say(`The bot answered ${answer.status}`, 'bad');
  else if (answer.error) say(`The bot's answer was refused: ${answer.error}`, 'bad');
}

// Block ids change with each edit of a message; a click that crosses an edit must still find its button.
function isAlone(message, element) {
  const actions = (message?.blocks ?? []).flatMap((block) => [...(block.elements ?? []), block.accessory]);
  return actions.filter((one) => one?.action_id === element.action_id).length === 1;
}

function contextFor(message) {
  return {
    names: directory.names,
    people: directory.people.filter((person) => !person.is_bot),
    channels: directory.channels,
    follow: (url) => window.open(url, '_blank', 'noopener,noreferrer'),
    act: async (element, blockId, value) => {
      state.pressed = true;
      state.followUntil = Date.now() + ANSWER_MS;
      judge(await post('/sandbox/slack/click', {
        user: state.acting, channel: message.channel, message_ts: message.ts,
        action_id: element.action_id, block_id: isAlone(message, element) ? undefined : blockId, value,
      }));
      poll();
    },
  };
}

const modals = new Modals(contextFor, async ({view, values, cancel, click, blockId, value}) => {
  const path = click ? '/sandbox/slack/click' : '/sandbox/slack/submit';
  const body = click
    ? {user: state.acting, view_id: view.id, action_id: click.action_id, block_id: blockId, value, values}
    : {user: state.acting, view_id: view.id, values, cancel};
  const response = await fetch(path, {method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify(body)}).catch(() => null);
  const answer = await response?.json().catch(() => null);
  if (!response?.ok) modals.complain(null, answer?.error ?? 'The sandbox does not answer');
  else if (answer.body?.response_action === 'errors') modals.complain(answer.body.errors);
  else if (!answer.ok || (answer.status && answer.status !== 200)) modals.complain(null, `We had some trouble connecting (${answer.error ?? answer.status}). Try again?`);
  else if (answer.error) modals.complain(null, answer.error);
  poll();
});
const world = new World(post, say);
const tour = new Tour($('tour'));

function avatar(user) {
  const person = directory.people.find((one) => one.id === user);
  if (user === 'U0FLUXABOT') return h('img', {class: 'avatar', src: '/static/icon.svg', alt: ''});
  const initials = (person?.real_name ?? '?').split(' ').map((word) => word[0]).join('').slice(0, 2);
  return h('span', {class: `avatar person-${directory.people.indexOf(person) % 6}`, 'aria-hidden': 'true'}, initials);
}

function timeOf(ts) {
  const date = new Date(Number(ts) * 1000);
  const short = date.toLocaleTimeString('en-GB', {hour: '2-digit', minute: '2-digit'});
  return h('time', {datetime: date.toISOString(), title: date.toLocaleString('en-GB')}, short);
}

function head(message) {
  const person = directory.people.find((one) => one.id === message.user);
  return h('div', {class: 'message-head'},
    h('strong', {}, person?.real_name ?? message.user),
    message.bot_id || message.user === 'USLACKBOT' ? h('span', {class: 'app-tag'}, 'APP') : null,
    timeOf(message.ts));
}

function drawMessage(message, isReply) {
  const article = h('article', {
    class: `message ${isReply ? 'reply' : ''} ${message.is_ephemeral ? 'ephemeral' : ''}`,
    'data-ts': message.ts, 'data-user': message.user, tabindex: '-1',
    'aria-label': `${directory.names.users[message.user] ?? message.user}: ${message.text.slice(0, 120)}`,
  });
  if (message.is_ephemeral) article.append(h('p', {class: 'only-you'}, '👁 Only visible to you'));
  const right = h('div', {class: 'message-right'}, head(message), renderBody(message, contextFor(message)));
  if (message.edited) right.append(h('small', {class: 'edited'}, '(edited)'));
  if (message.reactions?.length) right.append(h('div', {class: 'reactions'}, message.reactions.map((name) => h('span', {}, `:${name}:`))));
  article.append(h('div', {class: 'message-row'}, avatar(message.user), right));
  return article;
}

function thread(message) {
  const replies = message.replies ?? [];
  if (!replies.length) return null;
  const all = state.openThreads.has(message.ts) || replies.length <= REPLIES_SHOWN;
  const list = h('ol', {class: 'replies', 'aria-label': 'Thread'},
    (all ? replies : replies.slice(-REPLIES_SHOWN)).map((reply) => h('li', {}, drawMessage(reply, true))));
  if (replies.length <= REPLIES_SHOWN) return list;
  const toggle = h('button', {type: 'button', class: 'link thread-toggle', 'aria-expanded': String(all)},
    all ? 'Show only the newest replies' : `Show ${replies.length - REPLIES_SHOWN} earlier replies`);
  toggle.addEventListener('click', () => {
    if (!state.openThreads.delete(message.ts)) state.openThreads.add(message.ts);
    drawChannel();
  });
  return h('div', {}, toggle, list);
}

/** Public and private messages in one order; private replies go under their parent. */
function merged() {
  const tops = state.messages.map((message) => ({...message, replies: [...(message.replies ?? [])]}));
  for (const message of state.private.messages) {
    if (message.channel !== state.channel && !message.channel.startsWith('D')) continue;
    const parent = tops.find((one) => one.ts === message.thread_ts);
    if (parent) parent.replies.push(message);
    else tops.push({...message, replies: []});
  }
  const byTime = (a, b) => (a.ts < b.ts ? -1 : 1);
  for (const top of tops) top.replies.sort(byTime);
  return tops.sort(byTime);
}

/** Puts the new drawing of a message where the old one was; the keyboard stays where it was. */
function replace(old, item) {
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  const {actionId} = focused?.dataset ?? {};
  const ts = focused?.closest('[data-ts]')?.dataset.ts;
  old.replaceWith(item);
  if (!focused) return;
  const message = item.querySelector(`[data-ts="${ts}"]`) ?? item.querySelector('[data-ts]');
  (message.querySelector(`[data-action-id="${CSS.escape(actionId ?? '')}"]`) ?? message).focus({preventScroll: true});
}

/** Shows what is new from its beginning; a card that came a moment ago is still being read. */
function follow(newest) {
  const scroll = $('scroll');
  const top = newest.offsetTop - scroll.offsetTop - 8;
  const parent = newest.closest('[data-thread]');
  const isFresh = newest.classList.contains('reply') && Date.now() - Number(parent.dataset.thread) * 1000 < STILL_READ_MS;
  if (!isFresh) scroll.scrollTop = Math.min(top, scroll.scrollHeight);
  noteEnd();
}

const isAtEnd = () => $('scroll').scrollHeight - $('scroll').scrollTop - $('scroll').clientHeight < 120;

function noteEnd() {
  $('to-newest').hidden = isAtEnd();
}

/** Draws only what has changed, so that open menus, focus and reading place survive an update. */
function drawChannel() {
  const wasAtEnd = isAtEnd();
  const list = $('messages');
  const seen = new Set();
  const isFirst = !state.entered;
  let previous = null;
  let newest = null;
  for (const message of merged()) {
    const key = JSON.stringify([message, state.openThreads.has(message.ts), state.acting]);
    seen.add(message.ts);
    let entry = state.drawn.get(message.ts);
    if (!entry || entry.key !== key) {
      const item = h('li', {'data-thread': message.ts}, drawMessage(message, false), thread(message));
      const fresh = [...item.querySelectorAll('[data-ts]')].find((one) => !state.shown.has(one.dataset.ts));
      if (entry) replace(entry.item, item);
      if (fresh) newest = fresh;
      for (const one of [message, ...message.replies]) state.shown.add(one.ts);
      entry = {key, item};
      state.drawn.set(message.ts, entry);
    }
    const place = previous ? previous.nextSibling : list.firstChild;
    if (place !== entry.item) list.insertBefore(entry.item, place);
    previous = entry.item;
  }
  for (const [ts, entry] of state.drawn)
    if (!seen.has(ts)) {
      entry.item.remove();
      state.drawn.delete(ts);
    }
  $('empty').hidden = seen.size > 0;
  state.entered = true;
  if (isFirst || (wasAtEnd && !newest)) $('scroll').scrollTop = $('scroll').scrollHeight;
  else if (newest && (wasAtEnd || Date.now() < state.followUntil)) follow(newest);
  else if (newest) $('to-newest').hidden = false;
}

function drawPages() {
  $('pages').replaceChildren(...(state.pages.length ? [...state.pages].reverse().map((page) => h('li', {'data-dedup-key': page.dedup_key},
    h('a', {href: page.url, target: '_blank', rel: 'noopener'}, page.summary ?? page.dedup_key), h('span', {class: `page-state ${page.status}`}, page.status)))
    : [h('li', {class: 'note'}, 'Nobody was paged.')]));
}

function drawPeople() {
  $('people').replaceChildren(...shownRoles.map((role) => directory.people.find((person) => person.role === role)).filter(Boolean).map((person) => h('button', {
    type: 'button', class: 'person', 'aria-pressed': String(person.id === state.acting), 'data-person': person.id, 'data-role': person.role,
    onclick: () => become(person.id),
  }, avatar(person.id), h('span', {}, h('strong', {}, person.real_name), h('small', {}, roleWords[person.role])))));
  const me = directory.people.find((person) => person.id === state.acting);
  $('acting').replaceChildren(h('span', {}, 'as '), h('strong', {}, me?.real_name ?? ''));
  $('composer-text').setAttribute('aria-label', `Slash command as ${me?.real_name ?? ''}`);
}

function drawChannels() {
  $('channels').replaceChildren(...directory.channels.filter((channel) => channel.is_member && !channel.is_archived).map((channel) => h('li', {}, h('button', {
    type: 'button', class: 'channel-button', 'aria-current': channel.id === state.channel ? 'true' : undefined,
    onclick: () => enter(channel.id),
  }, `# ${channel.name}`, channel.is_ext_shared ? h('small', {}, ' shared') : null))));
  const name = `#${directory.names.channels[state.channel] ?? state.channel}`;
  $('channel-name').textContent = name;
  document.title = `${name} · Fluxa sandbox`;
}

function forget() {
  state.revision = -1;
  state.drawn.clear();
  state.shown.clear();
  state.entered = false;
  $('messages').replaceChildren();
  state.messages = [];
  state.private = {messages: [], views: []};
}

function become(id) {
  state.acting = id;
  sessionStorage.setItem('acting', id);
  forget();
  drawPeople();
  poll();
  openSide(false);
}

function enter(id) {
  state.channel = id;
  forget();
  drawChannels();
  poll();
  openSide(false);
}

function openSide(open) {
  const wasOpen = document.body.classList.contains('side-open');
  document.body.classList.toggle('side-open', open);
  $('menu').setAttribute('aria-expanded', String(open));
  $('shade').hidden = !open;
  if (open) $('people').querySelector('[aria-pressed="true"]')?.focus();
  else if (wasOpen) $('menu').focus();
  tour.point();
}

let polling = false;
async function poll() {
  if (polling || !state.acting) return;
  polling = true;
  try {
    const query = new URLSearchParams({since: state.revision, user: state.acting, channel: state.channel});
    const asked = `${state.acting} ${state.channel}`;
    const response = await fetch(`/sandbox/state?${query}`);
    const fresh = await response.json();
    $('connection').textContent = 'running here';
    document.body.classList.remove('lost');
    if (fresh.messages && asked === `${state.acting} ${state.channel}`) {
      Object.assign(state, {revision: fresh.revision, messages: fresh.messages, private: fresh.private, pages: fresh.pages});
      drawChannel();
      drawPages();
      modals.show(state.private.views);
    }
    tour.see(state);
  } catch {
    $('connection').textContent = 'not reachable';
    document.body.classList.add('lost');
  } finally {
    polling = false;
  }
}

async function sendCommand(text) {
  const hint = $('composer-hint');
  if (!text.startsWith('/')) {
    hint.textContent = 'Begin with a slash: only slash commands reach the bot here, for example /fluxa help.';
    return false;
  }
  hint.textContent = '';
  state.history.push(text);
  state.historyAt = state.history.length;
  state.followUntil = Date.now() + ANSWER_MS;
  const answer = await post('/sandbox/slack/command', {user: state.acting, channel: state.channel, text});
  if (answer && answer.ok && answer.status !== 200) say(`The bot answered ${answer.status}`, 'bad');
  state.pressed = true;
  poll();
  return true;
}

function prepareComposer() {
  const input = $('composer-text');
  $('composer').addEventListener('submit', async (event) => {
    event.preventDefault();
    const text = input.value.trim();
    if (!text) return;
    if (text.startsWith('/')) input.value = '';
    await sendCommand(text);
    input.focus();
  });
  input.addEventListener('keydown', (event) => {
    if (event.key !== 'ArrowUp' && event.key !== 'ArrowDown') return;
    const to = state.historyAt + (event.key === 'ArrowUp' ? -1 : 1);
    if (to < 0 || to > state.history.length) return;
    event.preventDefault();
    state.historyAt = to;
    input.value = state.history[to] ?? '';
  });
  const tries = ['/fluxa help', '/fluxa dlq', '/fluxa dlq classify', '/fluxa dlq redrive', '/fluxa alarms'];
  $('suggestions').append(...tries.map((text) => h('button', {type: 'button', class: 'chip', onclick: () => {
    input.value = text;
    input.focus();
  }}, text)));
}

// A permalink of this workspace leads to its message on this page, not to the real Slack.
function stayHere(event) {
  const link = event.target.closest?.('a[data-link]');
  const found = link && /^https:\/\/fluxa-sandbox\.slack\.com\/archives\/\w+\/p(\d{10})(\d{6})/.exec(link.href);
  if (!found) return;
  event.preventDefault();
  const target = document.querySelector(`[data-ts="${found[1]}.${found[2]}"]`);
  target?.scrollIntoView({block: 'center'});
  target?.classList.add('found');
  setTimeout(() => target?.classList.remove('found'), 2000);
}

async function start() {
  const known = await fetch('/sandbox/slack/people').then((response) => response.json());
  Object.assign(directory, {people: known.people, channels: known.channels});
  for (const person of known.people) directory.names.users[person.id] = person.real_name;
  for (const channel of known.channels) directory.names.channels[channel.id] = channel.name;
  for (const group of known.groups) directory.names.groups[group.id] = group.handle;
  const before = sessionStorage.getItem('acting');
  const asked = new URLSearchParams(location.search).get('as');
  const find = (who) => known.people.find((person) => person.id === who || person.role === who)?.id;
  state.acting = find(asked) ?? find(before) ?? find('requester');
  drawPeople();
  drawChannels();
  prepareComposer();
  $('menu').addEventListener('click', () => openSide(!document.body.classList.contains('side-open')));
  $('shade').addEventListener('click', () => openSide(false));
  $('start-tour').addEventListener('click', () => {
    openSide(false);
    tour.start();
  });
  $('scroll').addEventListener('scroll', () => {
    if (isAtEnd()) $('to-newest').hidden = true;
  });
  for (const kind of ['wheel', 'touchmove', 'keydown'])
    $('scroll').addEventListener(kind, () => (state.followUntil = 0), {passive: true});
  $('to-newest').addEventListener('click', () => {
    $('scroll').scrollTop = $('scroll').scrollHeight;
  });
  document.addEventListener('click', stayHere);
  document.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') openSide(false);
  });
  await poll();
  await world.refresh();
  let turn = 0;
  setInterval(() => {
    poll();
    if (++turn % WORLD_EVERY === 0) world.refresh();
  }, POLL_MS);
}

start().catch(() => say('The sandbox does not answer; reload this page when it runs.', 'bad'));
