// tour.js - a short walk through the life of one alarm; it goes on by what happens in the channel.

import {h} from './text.js';

const key = 'fluxabot-sandbox-tour';

const everything = (messages) => (messages ?? []).flatMap((message) => [message, ...(message.replies ?? [])]);
const says = (state, words) => everything(state.messages).some((message) => message.bot_id && words.test(message.text));

// The buttons that can still be pressed, by what they say.
function buttons(state) {
  return everything(state.messages).flatMap((message) => (message.blocks ?? []).flatMap((block) => [...(block.elements ?? []), block.accessory]))
    .filter((element) => element?.type === 'button');
}
const offers = (state, words) => buttons(state).some((one) => words.test(one.text?.text));

const steps = [
  {
    title: 'Raise an alarm',
    body: 'Press “Fire alarm”. 100 messages lie in the dead-letter queue; CloudWatch tells the bot through a signed SNS message.',
    target: '#fire-alarm',
    done: (state) => says(state, /in alarm/i),
  },
  {
    title: 'Read the card, look closer',
    body: 'The bot has looked at once: the verdict is on the card, the detail in its thread. Press “Sort by cause” to look again yourself.',
    press: /sort by cause/i,
    done: (state) => state.pressed || offers(state, /^approve$/i),
  },
  {
    title: 'Ask for a redrive',
    body: 'Press “Redrive 60 safe messages”, or type /fluxa dlq redrive. Nothing moves yet: somebody else has to agree.',
    press: /^redrive/i,
    done: (state) => offers(state, /^approve$/i),
  },
  {
    title: 'Try to approve it yourself',
    body: 'Press Approve: the one who asks cannot approve, and is told so privately. Then act as Bo Lind, who may.',
    target: '[data-person="U0BOLIND02"]',
    done: (state) => state.acting === 'U0BOLIND02' || !offers(state, /^approve$/i),
  },
  {
    title: 'Approve',
    body: 'The card says what would move, what would stay, and whether the cause is gone. Press Approve and confirm; or press Deny and give a reason.',
    press: /^approve$/i,
    done: (state) => !offers(state, /^approve$/i) && state.asked,
  },
  {
    title: 'Watch it happen',
    body: 'Ten messages go first and are watched; then the rest follows. The card counts, can be stopped, and ends with what the database says.',
    target: '#queues', wideOnly: true,
    done: (state) => state.asked && says(state, /^(Redrive (finished|stopped)|Denied|Refused|Failed|Please look)/),
  },
  {
    title: 'That was one alarm',
    body: 'Now press “Alarm OK” and see the card close. Or: acknowledge it, open the page in PagerDuty, act as the guest, start a database outage and redrive then.',
    target: '#clear-alarm',
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
    this.at = stored === 'done' ? -1 : Math.min(Number(stored ?? 0) || 0, steps.length - 1);
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
    if (offers(state, /^approve$/i)) this.asked = true;
    if (this.at >= 0 && steps[this.at].done({...state, asked: this.asked})) this.go(this.at + 1);
    else this.point();
  }

  // On a phone the sidebar is closed, so the way to its buttons is shown instead.
  point() {
    for (const old of document.querySelectorAll('.tour-target')) old.classList.remove('tour-target');
    const step = steps[this.at];
    const pressable = step?.press ? [...document.querySelectorAll('#messages .slack-button')] : [];
    let target = step?.target ? document.querySelector(step.target) : pressable.findLast((one) => step?.press.test(one.textContent));
    if (target?.closest('.side') && getComputedStyle(target).visibility === 'hidden') target = step.wideOnly ? null : document.getElementById('menu');
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
