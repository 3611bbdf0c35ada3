// bolt_peer.mjs - @slack/bolt as its guide shows it: checks the signature and acknowledges. It calls nobody and keeps
// nothing. Arguments: a key and a certificate for TLS, or nothing. Prints its port.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { root } from '../support/stack.mjs';

const { App, HTTPReceiver, LogLevel } = createRequire(path.join(root, 'tests/judges/'))('@slack/bolt');
const [, , key, certificate] = process.argv;
const tls = key ? { key: readFileSync(key), cert: readFileSync(certificate) } : undefined;
const receiver = new HTTPReceiver({ signingSecret: process.env.SLACK_SIGNING_SECRET, endpoints: ['/slack/commands'], logLevel: LogLevel.ERROR });
const app = new App({ receiver, logLevel: LogLevel.ERROR, authorize: async () => ({ botToken: 'xoxb-bench', botId: 'B0BENCH', botUserId: 'U0BENCH' }) });

app.command('/fluxa', async ({ command, ack }) => ack({ response_type: 'ephemeral', text: `Received: /fluxa ${command.text}` }));
const server = await receiver.start({ port: Number(process.env.PORT ?? 0), host: '127.0.0.1' }, tls);
console.log(server.address().port);
