// sns_peer.mjs - sns-validator alone: how quickly does it judge the envelopes of a file (one JSON a line)?
// It fetches the certificate once, before the clock starts. Arguments: the file, how many to skip, how many to judge.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { root } from '../support/stack.mjs';

const MessageValidator = createRequire(path.join(root, 'tests/judges/'))('sns-validator');
const [, , file, skip, count] = process.argv;
const lines = readFileSync(file, 'utf8').split('\n').slice(Number(skip), Number(skip) + Number(count));
const validator = new MessageValidator(/^127\.0\.0\.1:\d+$/, 'utf8');
const validate = (text) => new Promise((done, failed) => validator.validate(text, (error) => (error ? failed(error) : done())));

for (const line of lines.slice(0, 200)) await validate(line);
const began = performance.now(), cpu = process.cpuUsage();
for (const line of lines) await validate(line);
const seconds = (performance.now() - began) / 1000, used = process.cpuUsage(cpu);
console.log(JSON.stringify({ per_second: lines.length / seconds, cpu_us: (used.user + used.system) / lines.length }));
