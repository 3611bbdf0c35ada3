// dialogs.js - confirmations and modals as real dialogs.

import {h, plain, textObject} from './text.js';
import {renderBlocks} from './blocks.js';
import {collect} from './elements.js';

/** Asks what a confirm object asks; true when the person goes on. */
export function askConfirm(confirm, ctx) {
  return new Promise((resolve) => {
    const dialog = h('dialog', {class: 'modal confirm', 'aria-labelledby': 'confirm-title'},
      h('h2', {id: 'confirm-title'}, plain(confirm.title.text)),
      h('div', {class: 'modal-body'}, textObject(confirm.text, ctx?.names ?? {}, 'p')),
      h('div', {class: 'modal-buttons'},
        h('button', {type: 'button', class: 'slack-button', onclick: () => dialog.close('no')}, plain(confirm.deny.text)),
        h('button', {type: 'button', class: `slack-button ${confirm.style ?? 'primary'}`, onclick: () => dialog.close('yes')}, plain(confirm.confirm.text))));
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(dialog.returnValue === 'yes');
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** A plain question of the page itself. */
export function ask(title, text, yes, no = 'Cancel') {
  const say = (words) => ({type: 'plain_text', text: words});
  return askConfirm({title: say(title), text: say(text), confirm: say(yes), deny: say(no), style: 'danger'});
}

// As Slack does, what is missing or too short is said before anything is sent.
function tooShort(dialog) {
  const errors = {};
  for (const control of dialog.querySelectorAll('input[data-block-id], textarea[data-block-id]')) {
    const least = Math.max(control.minLength, control.required ? 1 : 0);
    const length = control.value.trim().length;
    if (length < least && (length > 0 || control.required))
      errors[control.dataset.blockId] = least === 1 ? 'Please fill this in' : `Please write at least ${least} characters`;
  }
  return errors;
}

/** Keeps the open modals of the person on the screen; the topmost view is the one shown. */
export class Modals {
  constructor(ctxFor, submit) {
    this.ctxFor = ctxFor;
    this.submit = submit;
    this.shown = null;
  }

  show(views) {
    const view = views[0] ?? null;
    const key = view ? `${view.id} ${view.hash}` : null;
    if (key === this.key) return;
    this.key = key;
    this.shown?.remove();
    this.shown = view ? this.draw(view) : null;
    if (this.shown) {
      document.body.append(this.shown);
      this.shown.showModal();
      this.shown.querySelector('input, textarea, select')?.focus();
    }
  }

  draw(view) {
    const ctx = {...this.ctxFor(null), inView: true};
    ctx.act = (element, blockId, value) => this.submit({click: element, blockId, value, view, values: collect(dialog)});
    ctx.dispatch = ctx.act;
    const form = h('form', {class: 'modal-form', novalidate: true},
      h('h2', {id: 'modal-title'}, plain(view.title?.text ?? '')),
      h('div', {class: 'modal-body'}, renderBlocks(view.blocks, ctx)),
      h('p', {class: 'field-error', role: 'alert', hidden: true, 'data-general': true}),
      h('div', {class: 'modal-buttons'},
        h('button', {type: 'button', class: 'slack-button', 'data-modal': 'close', onclick: () => this.submit({view, cancel: true})}, plain(view.close?.text ?? 'Cancel')),
        view.submit ? h('button', {type: 'submit', class: 'slack-button primary', 'data-modal': 'submit'}, plain(view.submit.text)) : null));
    const dialog = h('dialog', {class: 'modal', 'aria-labelledby': 'modal-title', 'data-view-id': view.id, 'data-callback-id': view.callback_id}, form);
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      const errors = tooShort(dialog);
      if (Object.keys(errors).length) this.complain(errors);
      else this.submit({view, values: collect(dialog)});
    });
    dialog.addEventListener('cancel', (event) => {
      event.preventDefault();
      this.submit({view, cancel: true});
    });
    return dialog;
  }

  /** Errors by block id, as the bot answered them, or one sentence for the whole form. */
  complain(errors, general) {
    const dialog = this.shown;
    if (!dialog) return;
    for (const place of dialog.querySelectorAll('.field-error')) place.hidden = true;
    const put = (place, text) => {
      place.textContent = text;
      place.hidden = false;
      place.closest('.input-block')?.querySelector('input, textarea')?.focus();
    };
    for (const [block, text] of Object.entries(errors ?? {})) {
      const place = [...dialog.querySelectorAll('.input-block')].find((one) => one.dataset.blockId === block)?.querySelector('.field-error');
      put(place ?? dialog.querySelector('[data-general]'), text);
    }
    if (general) put(dialog.querySelector('[data-general]'), general);
  }
}
