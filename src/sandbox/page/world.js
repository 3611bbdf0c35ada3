// world.js - the sidebar's controls of the simulated AWS: alarms, outage, reset, queues.

import {h} from './text.js';
import {ask} from './dialogs.js';

const $ = (id) => document.getElementById(id);

export class World {
  constructor(post, say) {
    this.post = post;
    this.say = say;
    this.outage = false;
    $('fire-alarm').addEventListener('click', () => this.alarm('ALARM'));
    $('clear-alarm').addEventListener('click', () => this.alarm('OK'));
    $('toggle-outage').addEventListener('click', () => this.toggleOutage());
    $('reset-world').addEventListener('click', () => this.reset());
  }

  async run(button, path, body, done) {
    const control = $(button);
    control.setAttribute('aria-busy', 'true');
    control.classList.add('busy');
    const answer = await this.post(path, body);
    control.removeAttribute('aria-busy');
    control.classList.remove('busy');
    if (answer) this.say(done);
    this.refresh();
    return answer;
  }

  alarm(state) {
    const name = $('alarm-name').value;
    if (!name) return undefined;
    return this.run(state === 'OK' ? 'clear-alarm' : 'fire-alarm', '/sandbox/alarm', {name, state},
      state === 'OK' ? `${name} is OK again` : `${name} is in ALARM; the bot is being told`);
  }

  toggleOutage() {
    const next = !this.outage;
    return this.run('toggle-outage', '/sandbox/world', {outage: {database: next}},
      next ? 'The database no longer answers' : 'The database answers again');
  }

  async reset() {
    if (await ask('Reset the world?', 'All messages, queues and pages start again.', 'Reset', 'Keep it'))
      await this.run('reset-world', '/sandbox/world', {reset: true}, 'A new world begins');
  }

  async refresh() {
    const response = await fetch('/sandbox/world').catch(() => null);
    if (response?.ok) this.show(await response.json());
  }

  show(world) {
    const key = JSON.stringify([world.queues, world.alarms, world.outage, world.move_tasks, world.processed]);
    if (key === this.key) return;
    this.key = key;
    this.outage = Boolean(world.outage?.database);
    const toggle = $('toggle-outage');
    toggle.textContent = this.outage ? 'End database outage' : 'Start database outage';
    toggle.setAttribute('aria-pressed', String(this.outage));
    $('queues').replaceChildren(...(world.queues ?? []).map((queue) => h('tr', {class: /dlq/i.test(queue.name) && queue.visible > 0 ? 'hot' : ''},
      h('th', {scope: 'row'}, queue.name), h('td', {}, String(queue.visible)), h('td', {}, String(queue.in_flight)))));
    this.showAlarms(world.alarms ?? []);
    const task = (world.move_tasks ?? []).find((one) => one.status === 'RUNNING');
    const parts = [
      this.outage ? 'The database is down.' : 'The database answers.',
      world.processed ? `${world.processed.success} processed, ${world.processed.failed} failed.` : '',
      task ? `A move task has moved ${task.moved} of ${task.to_move}.` : '',
    ];
    $('world-note').textContent = parts.filter(Boolean).join(' ');
  }

  // The depth of the dead-letter queue is the alarm of the tour, so it stands first.
  showAlarms(alarms) {
    const select = $('alarm-name');
    const chosen = select.value;
    const order = [...alarms].sort((a, b) => /dlq/i.test(b.name) - /dlq/i.test(a.name));
    select.replaceChildren(...order.map((alarm) => h('option', {value: alarm.name}, `${alarm.name} (${alarm.state})`)));
    if (order.some((alarm) => alarm.name === chosen)) select.value = chosen;
  }
}
