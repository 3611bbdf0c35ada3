// elements.js - Block Kit's interactive elements as real controls; a choice calls ctx.act(element, blockId, value).

import {h, plain, safeUrl, textObject} from './text.js';
import {askConfirm} from './dialogs.js';

const options = (element) => element.options ?? (element.option_groups ?? []).flatMap((group) => group.options);

async function act(ctx, element, blockId, value, control) {
  if (element.confirm && !(await askConfirm(element.confirm, ctx))) return;
  control.classList.add('busy');
  control.setAttribute('aria-busy', 'true');
  try {
    await ctx.act(element, blockId, value);
  } finally {
    control.classList.remove('busy');
    control.removeAttribute('aria-busy');
  }
}

function label(element) {
  return element.accessibility_label ?? element.placeholder?.text ?? element.type.replaceAll('_', ' ');
}

export function button(element, blockId, ctx) {
  const control = h('button', {
    type: 'button',
    class: `slack-button ${element.style ?? ''}`,
    'aria-label': element.accessibility_label,
    title: element.accessibility_label,
    'data-action-id': element.action_id,
    'data-block-id': blockId,
    'data-value': element.value,
  }, plain(element.text.text, element.text.emoji !== false));
  control.addEventListener('click', () => {
    const url = element.url && safeUrl(element.url);
    if (url) ctx.follow(url);
    act(ctx, element, blockId, element.value, control);
  });
  return control;
}

function overflow(element, blockId, ctx) {
  const menu = h('div', {class: 'menu', role: 'menu', hidden: true});
  const control = h('button', {
    type: 'button', class: 'slack-button more', 'aria-haspopup': 'menu', 'aria-expanded': 'false',
    'aria-label': element.accessibility_label ?? 'More actions', 'data-action-id': element.action_id, 'data-block-id': blockId,
  }, '⋯');
  const close = () => {
    menu.hidden = true;
    control.setAttribute('aria-expanded', 'false');
  };
  for (const option of element.options) {
    menu.append(h('button', {
      type: 'button', role: 'menuitem', 'data-value': option.value,
      onclick: () => {
        close();
        const url = option.url && safeUrl(option.url);
        if (url) ctx.follow(url);
        act(ctx, element, blockId, option.value, control);
      },
    }, textObject(option.text, ctx.names), option.description ? h('small', {}, textObject(option.description, ctx.names)) : null));
  }
  control.addEventListener('click', () => {
    menu.hidden = !menu.hidden;
    control.setAttribute('aria-expanded', String(!menu.hidden));
    if (!menu.hidden) menu.querySelector('button').focus();
  });
  menu.addEventListener('keydown', (event) => {
    const items = [...menu.querySelectorAll('button')];
    const at = items.indexOf(document.activeElement);
    if (event.key === 'Escape') {
      close();
      control.focus();
    } else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      items[(at + (event.key === 'ArrowDown' ? 1 : items.length - 1)) % items.length].focus();
    }
  });
  const holder = h('span', {class: 'menu-holder'}, control, menu);
  holder.addEventListener('focusout', (event) => {
    if (!holder.contains(event.relatedTarget)) close();
  });
  return holder;
}

function chooser(element, blockId, ctx, choices, many, initial) {
  const control = h('select', {
    'aria-label': label(element), 'data-action-id': element.action_id, 'data-block-id': blockId, multiple: many,
    name: element.action_id,
  });
  if (!many) control.append(h('option', {value: ''}, element.placeholder?.text ?? 'Choose…'));
  for (const [value, text] of choices) control.append(h('option', {value, selected: initial.includes(value)}, text));
  control.addEventListener('change', () => {
    const value = [...control.selectedOptions].map((option) => option.value).join(',');
    if (!ctx.inView && value) act(ctx, element, blockId, value, control);
    else if (value && ctx.dispatch) ctx.dispatch(element, blockId, value);
  });
  return control;
}

function ticks(element, blockId, ctx) {
  const many = element.type === 'checkboxes';
  const initial = many ? (element.initial_options ?? []).map((o) => o.value) : [element.initial_option?.value];
  const group = h('fieldset', {class: 'ticks', 'aria-label': label(element), 'data-action-id': element.action_id, 'data-block-id': blockId});
  for (const option of element.options)
    group.append(h('label', {}, h('input', {
      type: many ? 'checkbox' : 'radio', name: `${blockId}/${element.action_id}`, value: option.value,
      checked: initial.includes(option.value),
    }), h('span', {}, textObject(option.text, ctx.names), option.description ? h('small', {}, textObject(option.description, ctx.names)) : null)));
  group.addEventListener('change', () => {
    const value = [...group.querySelectorAll('input:checked')].map((input) => input.value).join(',');
    if (!ctx.inView) act(ctx, element, blockId, value, group);
  });
  return group;
}

const lineTypes = {
  plain_text_input: 'text', number_input: 'number', email_text_input: 'email', url_text_input: 'url',
  datepicker: 'date', timepicker: 'time', datetimepicker: 'datetime-local',
};

function lineInput(element, blockId, ctx) {
  const attributes = {
    'aria-label': ctx.inView ? undefined : label(element), 'data-action-id': element.action_id, 'data-block-id': blockId,
    id: ctx.inView ? `input-${blockId}` : undefined, placeholder: element.placeholder?.text,
    minlength: element.min_length, maxlength: element.max_length ?? 3000, required: ctx.required,
  };
  const start = element.initial_value ?? element.initial_date ?? element.initial_time ?? '';
  const control = element.multiline ? h('textarea', {rows: 4, ...attributes}) : h('input', {type: lineTypes[element.type], ...attributes});
  control.value = start;
  if (!ctx.inView)
    control.addEventListener('change', () => {
      const value = control.type === 'datetime-local' ? String(Math.floor(new Date(control.value) / 1000)) : control.value;
      if (control.value) act(ctx, element, blockId, value, control);
    });
  return control;
}

/** The control for any interactive element. */
export function interactive(element, blockId, ctx) {
  const people = () => ctx.people.map((person) => [person.id, person.real_name]);
  const channels = () => ctx.channels.map((channel) => [channel.id, `#${channel.name}`]);
  const fixed = () => options(element).map((option) => [option.value, option.text.text]);
  switch (element.type) {
    case 'button': return button(element, blockId, ctx);
    case 'icon_button': return button({...element, style: ''}, blockId, ctx);
    case 'feedback_buttons':
      return h('span', {class: 'pair'}, ...['positive_button', 'negative_button'].map((name) => {
        const half = {...element[name], type: 'button', action_id: element.action_id};
        return button(half, blockId, ctx);
      }));
    case 'overflow': return overflow(element, blockId, ctx);
    case 'static_select':
    case 'external_select': return chooser(element, blockId, ctx, fixed(), false, [element.initial_option?.value]);
    case 'multi_static_select': return chooser(element, blockId, ctx, fixed(), true, (element.initial_options ?? []).map((o) => o.value));
    case 'users_select': return chooser(element, blockId, ctx, people(), false, [element.initial_user]);
    case 'multi_users_select': return chooser(element, blockId, ctx, people(), true, element.initial_users ?? []);
    case 'channels_select':
    case 'conversations_select': return chooser(element, blockId, ctx, channels(), false, [element.initial_channel ?? element.initial_conversation]);
    case 'multi_channels_select':
    case 'multi_conversations_select': return chooser(element, blockId, ctx, channels(), true, []);
    case 'checkboxes':
    case 'radio_buttons': return ticks(element, blockId, ctx);
    default:
      return lineTypes[element.type] ? lineInput(element, blockId, ctx) : h('span', {class: 'unknown'}, `[${element.type}]`);
  }
}

/** What the controls of a dialog hold, as {block: {action: text}}. */
export function collect(root) {
  const values = {};
  for (const control of root.querySelectorAll('[data-action-id]')) {
    const {actionId, blockId} = control.dataset;
    let value;
    if (control.matches('fieldset')) value = [...control.querySelectorAll('input:checked')].map((input) => input.value).join(',');
    else if (control.matches('select')) value = [...control.selectedOptions].map((option) => option.value).filter(Boolean).join(',');
    else if (control.matches('input, textarea')) value = control.type === 'datetime-local' && control.value ? String(Math.floor(new Date(control.value) / 1000)) : control.value;
    else continue;
    (values[blockId] ??= {})[actionId] = value;
  }
  return values;
}
