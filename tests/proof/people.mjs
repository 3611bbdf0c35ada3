// people.mjs - those who speak to a bot that may die while they speak: the same request again until it is taken.
//
// Each thing that was said is remembered with the key under which the store must know it, and whether a 2xx came
// back: that is what the bot promised to keep.
import { createHash, randomBytes } from 'node:crypto';
import { alarmMessage, commandBody, envelope, post, sendCommand, sendSns, slackHeaders, stringToSign } from '../support/senders.mjs';

const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const PATIENCE_MS = 60000;
const AGAIN_MS = 20;
const TAKEN = [200, 409]; // 409: it was stored before, and only the answer got lost
const TEAM = 'T0FLUXA0001', CHANNEL = 'C0FLUXA0001';

export const requester = 'U0ANNA0001', approver = 'U0BOLIND02';

const interaction = (payload) => `payload=${encodeURIComponent(JSON.stringify(payload))}`;

const from = (user, more) => ({ team: { id: TEAM }, user: { id: user, team_id: TEAM }, api_app_id: 'A0FLUXABOT1', response_url: '', ...more });

function click(user, action, value, trigger_id) {
  return from(user, {
    type: 'block_actions', trigger_id, channel: { id: CHANNEL, name: 'fluxa-alerts' }, container: { type: 'message', message_ts: '1.1', channel_id: CHANNEL },
    actions: [{ type: 'button', action_id: action, block_id: 'b', value, action_ts: '1.1' }],
  });
}

const denial = (user, approval, trigger_id) => from(user, {
  type: 'view_submission', trigger_id,
  view: { id: 'V0DENY', type: 'modal', callback_id: 'deny_reason', private_metadata: JSON.stringify({ approval, channel: CHANNEL }), state: { values: { reason: { reason: { type: 'plain_text_input', value: 'the failover still runs' } } } } },
});

// What the store knows a notification by before and after it was verified.
const wholeOf = (made) => createHash('sha256').update(`${stringToSign(made)}${made.Signature}\n${made.SignatureVersion}\n${made.SigningCertURL}`).digest('hex');

export class People {
  // doors: the stacks of the bots that may be spoken to; a function, because not all of them live all the time.
  constructor(doors) {
    this.doors = doors;
    this.said = [];
    this.turn = 0;
  }

  static newId() {
    return `${Date.now()}.${randomBytes(6).toString('hex')}`;
  }

  // Resolves when it was taken. Every answer with a 2xx counts as a promise, also when it is the second one.
  async tell(entry, send) {
    const one = { ...entry, acked: false, heard: false, tries: 0, saidMs: Date.now() };
    this.said.push(one);
    while (!one.heard) {
      const doors = this.doors();
      const door = doors[this.turn++ % Math.max(doors.length, 1)];
      const status = door ? (await send(door)).status : 0;
      one.tries++;
      one.acked ||= status === 200;
      one.heard = TAKEN.includes(status);
      if (!one.heard && status !== 0 && status !== 503) throw new Error(`${one.what} was answered ${status}`);
      if (!one.heard && (this.silent || Date.now() > one.saidMs + PATIENCE_MS)) break;
      if (!one.heard) await pause(AGAIN_MS);
    }
    return one;
  }

  command(text, user = requester) {
    const trigger_id = People.newId(), body = commandBody(text, { user_id: user, trigger_id });
    return this.tell({ key: `slack-trigger:${trigger_id}`, what: `/fluxa ${text}`, command: text }, (door) => sendCommand(door, body));
  }

  interact(payload, what) {
    const body = interaction(payload);
    return this.tell({ key: `slack-trigger:${payload.trigger_id}`, what }, (door) => post(door, '/slack/interactions', slackHeaders(door, body), body));
  }

  click(user, action, value) {
    return this.interact(click(user, action, value, People.newId()), `${action} ${value}`);
  }

  deny(user, approval) {
    return this.interact(denial(user, approval, People.newId()), `deny ${approval}`);
  }

  alarm(name, state, changedMs = Date.now()) {
    const [door] = this.doors(true), made = envelope(door, { Message: alarmMessage(name, state, changedMs) });
    return this.tell({ key: `sns-whole:${made.Timestamp}:${wholeOf(made)}`, what: `${name} ${state}`, alarm: name, state }, (at) => sendSns(at, made));
  }
}
