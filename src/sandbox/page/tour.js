// tour.js - a short walk through the life of one alarm; it goes on by what happens in the channel.

import {h} from './text.js';

const key = 'fluxabot-sandbox-tour';

const text = (messages) => JSON.stringify(messages ?? []);
const everything = (messages) => (messages ?? []).flatMap((message) => [message, ...(message.replies ?? [])]);

// The buttons that can still be pressed, by what they say.
function buttons(state) {
  return everything(state.messages).flatMap((message) => (message.blocks ?? []).flatMap((block) => [...(block.elements ?? []), block.accessory]))
    .filter((element) => element?.type === 'button');
}
const offers = (state, words) => buttons(state).some((one) => words.test(`${one.action_id} ${one.text?.text}`));

const steps = [
  {
    title: 'Raise an alarm',
    body: 'Press “Fire alarm” on the left (on a phone: the menu button ☰). CloudWatch will tell the bot through SNS, signed.',
    target: '#fire-alarm',
    done: (state) => everything(state.messages).some((message) => message.bot_id),
  },
  {
    title: 'Read the card',
    body: 'The bot has looked already. Press the triage or classify button on the card, or type /fluxa dlq classify, to see which messages are safe to retry.',
    press: /classif|triage/i,
    done: (state) => /safe to retry|retryable|classif/i.test(text(state.messages)) && state.pressed,
  },
  {
    title: 'Ask for a redrive',
    body: 'Press the redrive button, or type /fluxa dlq redrive. Nothing moves yet: somebody else has to agree.',
    press: /redrive/i,
    done: (state) => offers(state, /approve/i),
  },
  {
    title: 'Become the approver',
    body: 'The one who asks cannot approve. Act as Bo Lind, whose group may.',
    target: '[data-person="U0BOLIND02"]',
    done: (state) => state.acting === 'U0BOLIND02',
  },
  {
    title: 'Approve',
    body: 'Check what would move, then press Approve on the approval card.',
    press: /approve/i,
    done: (state) => !offers(state, /approve/i) && state.asked,
  },
  {
    title: 'Watch the verdict',
    body: 'The bot moves a canary first, then the safe messages, and checks that they were processed. The unsafe ones stay.',
    target: '#queues',
    done: (state) => /verified|succeeded|finished|redriven|processed|complete/i.test(text(state.messages)) && state.asked,
  },
  {
    title: 'That was one alarm',
    body: 'Try more: start a database outage, act as the guest, press Alarm OK, or type /fluxa help.',
    done: () => false,
  },
];

export class Tour {
  constructor(root) {
    this.root = root;
    let stored = null;
    try {
      stored = localStorage.getItem(key);
    } catch {
      stored = null; // storage may be closed to this page; then the tour simply starts again
    }
    this.at = stored === 'done' ? -1 : Number(stored ?? 0) || 0;
    this.asked = false;
    this.draw();
  }

  keep() {
    try {
      localStorage.setItem(key, this.at < 0 ? 'done' : String(this.at));
    } catch {
      // nothing to keep it in
    }
  }

  go(to) {
    this.at = to < steps.length ? to : -1;
    this.keep();
    this.draw();
  }

  start() {
    this.asked = false;
    this.go(0);
  }

  see(state) {
    if (offers(state, /approve/i)) this.asked = true;
    if (this.at >= 0 && steps[this.at].done({...state, asked: this.asked})) this.go(this.at + 1);
    else this.point();
  }

  point() {
    for (const old of document.querySelectorAll('.tour-target')) old.classList.remove('tour-target');
    const step = steps[this.at];
    const buttons = step?.press ? [...document.querySelectorAll('#messages .slack-button')] : [];
    const target = step?.target ? document.querySelector(step.target)
      : buttons.findLast((one) => step.press.test(`${one.dataset.actionId} ${one.textContent}`));
    target?.classList.add('tour-target');
  }

  draw() {
    const step = steps[this.at];
    this.root.hidden = !step;
    this.point();
    if (!step) return;
    const last = this.at === steps.length - 1;
    this.root.replaceChildren(
      h('div', {class: 'tour-text'}, h('strong', {}, `${this.at + 1}/${steps.length} ${step.title}`), h('p', {}, step.body)),
      h('div', {class: 'tour-buttons'},
        last ? null : h('button', {type: 'button', class: 'link', onclick: () => this.go(this.at + 1)}, 'Next'),
        h('button', {type: 'button', class: 'link', id: 'tour-close', onclick: () => this.go(steps.length)}, last ? 'Close' : 'Skip tour')));
  }
}
