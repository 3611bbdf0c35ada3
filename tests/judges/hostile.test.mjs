// hostile.test.mjs - texts that mean something to whoever reads them arrive as texts, or are refused.
//
//   node --test tests/judges/hostile.test.mjs            2,000 texts for each sink
//   HOSTILE_COUNT=20000 HOSTILE_SEED=7 node --test ...   more, or those of another run
//
// support/hostile_probe.c hands them to the encoders of the product. At the far end stand PostgreSQL, Redis, the sandbox's
// log groups, and for what goes to AWS a listener with the parsers of node and the signer of AWS.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { Stack } from '../support/stack.mjs';
import { awsCredentials, secret } from './support.mjs';
import { checkSignature } from './sigv4_gate.mjs';

const COUNT = Number(process.env.HOSTILE_COUNT ?? 2000);
const SEED = Number(process.env.HOSTILE_SEED ?? Math.floor(Math.random() * 2 ** 31));
const SIGNED_SHARE = 10; // one of so many is signed again by AWS's own signer

// ---- the texts ----

const parts = [
  "'", '"', '`', '\\', '\\"', "\\'", "''", '""', '$$', '$1', '${x}', '${1+1}', '$${', '%', '%%', '%s%n', '%00', '%2F', '%22', '*', '?', '#', '&', '=', '==', '!=', '+', ' ', '  ', '\t', '\n', '\r\n', '\u0001', '\u007f', '|', '||', '&&',
  ';', ':', ',', '.', '..', '../', './', '/', '//', '-', '--', '/*', '*/', '(', ')', '[', ']', '{', '}', '<', '>', '<!channel>', '<@U0ANNA0001>', '~', '^', '@', '\u202e', '\u200b', '\ufeff', '\u2028', 'é', 'e\u0301', 'ß', '漢字', '🙂', '👩‍👩‍👧', 'NULL', 'null', '{}', '{"a":1}', '{a,b}', '{"', '",',
  ' or 1=1', '"; DROP TABLE events; --', "') OR ('1'='1", 'x" | limit 10000 | filter "1"="1', '" or correlation_id like /./ or "', '{ $.a = "*" }', '?ERROR', '-term', '[a, b, ...]', '%.*%', '\r\nDEL key\r\n', '*1\r\n$8\r\nFLUSHALL\r\n', 'Action=DeleteDBInstance', '&Action=x', '?Qualifier=1', 'HTTP/1.1\r\nHost: x', 'evt-1', 'c_2', 'a', 'Z', '0', '9', 'id:7',
  'arn:aws:lambda:us-east-1:1:function:f', 'https://sqs.eu-west-1.amazonaws.com/1/q',
];
const plain = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:=-';

function randomOf(seed) { // mulberry32
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

// Each part alone, then mixtures; every fourth is of harmless characters, which must never be refused.
function makeTexts(random) {
  const texts = [...parts];
  while (texts.length < COUNT) {
    const harmless = texts.length % 4 === 0, from = harmless ? plain : parts, length = 1 + random(harmless ? 40 : 9);
    texts.push(Array.from({ length }, () => from[random(from.length)]).join(''));
  }
  return texts.slice(0, Math.max(COUNT, parts.length));
}

const texts = makeTexts(randomOf(SEED));
const isPlain = (text) => /^[A-Za-z0-9._:=-]{1,128}$/.test(text);

// ---- the far end of AWS ----

let stack, listener, endpoint, credentials;
const requests = [];
const answers = { '/': '<r><DescribeDBInstancesResult/></r>' };

function listen() {
  listener = createServer((request, response) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk)).on('end', () => {
      requests.push({ method: request.method, url: request.url, headers: request.headers, body: Buffer.concat(chunks) });
      response.end(/x-www-form/.test(request.headers['content-type'] ?? '') ? answers['/'] : '{}');
    });
  });
  return new Promise((done) => listener.listen(0, '127.0.0.1', () => done(`http://127.0.0.1:${listener.address().port}`)));
}

// Every text to one sink; what the product says of each.
async function give(sink, of = (text) => text) {
  const env = {
    ...process.env, AWS_ACCESS_KEY_ID: credentials.accessKeyId, AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey, AWS_REGION: 'us-east-1', AWS_ENDPOINT_URL: endpoint, AWS_ENDPOINT_URL_CLOUDWATCH_LOGS: stack.aws, AWS_EC2_METADATA_DISABLED: 'true',
    PROBE_SQL: stack.database, PROBE_REDIS: stack.redis.replace('redis://', `redis://:${encodeURIComponent(secret(stack, 'redis_password'))}@`),
  };
  const probe = spawn(process.env.HOSTILE_PROBE, { env, stdio: ['pipe', 'pipe', 'inherit'] });
  let told = '';
  probe.stdout.setEncoding('utf8').on('data', (part) => (told += part));
  requests.length = 0;
  const ended = new Promise((done) => probe.on('close', done));
  probe.stdin.end(texts.map((text, n) => `${JSON.stringify({ sink, text: of(text, n) })}\n`).join(''));
  assert.equal(await ended, 0);
  const results = told.trim().split('\n').map((line) => JSON.parse(line));
  assert.equal(results.length, texts.length, `${sink}: an answer to each`);
  return results;
}

const what = (n) => `seed ${SEED}, text ${n}: ${JSON.stringify(texts[n])}`;
const report = (context, sink, refused) => context.diagnostic(`${sink}: ${texts.length - refused} arrived as they were, ${refused} were refused (seed ${SEED})`);

before(async () => {
  stack = await Stack.start({ bot: false });
  credentials = awsCredentials(stack);
  endpoint = await listen();
});

after(async () => {
  listener?.close();
  listener?.closeAllConnections();
  await stack?.stop();
});

// ---- texts that CloudWatch Logs parses ----

// Strings, words and signs, as the makers of a language would cut it; not the product's own reading.
const tokens = (query) => query.match(/"(?:[^"\\]|\\[^])*"|'(?:[^'\\]|\\[^])*'|`[^`]*`|[A-Za-z0-9_]+|[^\sA-Za-z0-9_]/g);

test('a value of a log query is one string of it, or is refused', async (context) => {
  let refused = 0;
  for (const [n, { code, value }] of (await give('query')).entries()) {
    assert.equal(code, isPlain(texts[n]) ? 'ok' : 'input', what(n));
    if (code !== 'ok') refused++;
    else assert.deepEqual(tokens(value), ['filter', 'a', '=', `"${texts[n]}"`, 'and', 'b', 'in', '[', `"${texts[n]}"`, ']', '|', 'limit', '5'], what(n));
  }
  assert.ok(refused > texts.length / 4 && refused < texts.length - texts.length / 8, 'both happen');
  report(context, 'Insights query', refused);
});

test('a filter pattern is phrases in quotes, which every line with the text holds', async (context) => {
  let empty = 0;
  for (const [n, { code, value }] of (await give('pattern')).entries()) {
    assert.equal(code, 'ok', what(n));
    if (value === '') empty++;
    else assert.match(value, /^"[^"\\%\p{Cc}]*[^"\\%\p{Cc} ][^"\\%\p{Cc}]*"( "[^"\\%\p{Cc}]*[^"\\%\p{Cc} ][^"\\%\p{Cc}]*")*$/u, what(n));
    let from = 0; // in their order, in the text itself
    for (const phrase of value === '' ? [] : value.slice(1, -1).split('" "')) {
      const at = texts[n].indexOf(phrase, from);
      assert.ok(at >= 0, `${what(n)} holds ${phrase}`);
      assert.match(texts[n].slice(from, at), /^["\\%\p{Cc} ]*$/u, `${what(n)}: nothing else is left out`);
      from = at + phrase.length;
    }
    assert.match(texts[n].slice(from), /^["\\%\p{Cc} ]*$/u, what(n));
  }
  context.diagnostic(`filter pattern: ${texts.length - empty} of phrases, ${empty} empty (seed ${SEED})`);
});

test('a search finds the one line that holds the text', async (context) => {
  const marked = (text, n) => `n=${n} ${text} end`;
  await stack.world({ reset: true, messages: {} });
  await stack.world({ logs: texts.map((text, n) => ({ group: 'hostile', message: marked(text, n) })) });
  for (const [n, { code, message, value }] of (await give('search', marked)).entries()) {
    assert.equal(code, 'ok', `${what(n)}: ${message}`);
    assert.equal(value.count, 1, what(n));
    assert.ok(value.lines[0].text.startsWith(`n=${n} `), what(n));
  }
  report(context, 'filter pattern in the sandbox', 0);
});

// ---- databases ----

test('a parameter of SQL is what PostgreSQL gets, alone and in a list', async (context) => {
  for (const [n, { code, message, value }] of (await give('sql')).entries()) {
    assert.equal(code, 'ok', `${what(n)}: ${message}`);
    const hex = Buffer.from(texts[n]).toString('hex');
    assert.deepEqual(value, [{ one: hex, listed: hex, n: 1 }], what(n));
  }
  report(context, 'SQL parameter', 0);
});

test('an argument of Redis is one argument', async (context) => {
  for (const [n, { code, message, value }] of (await give('redis')).entries()) assert.ok(code === 'ok' && value === 'OK', `${what(n)}: ${message}`);
  const url = new URL(stack.redis), socket = connect(Number(url.port), url.hostname);
  const bulk = (...words) => Buffer.concat([Buffer.from(`*${words.length}\r\n`), ...words.flatMap((word) => [Buffer.from(`$${Buffer.byteLength(word)}\r\n`), Buffer.from(word), Buffer.from('\r\n')])]);
  socket.write(bulk('AUTH', secret(stack, 'redis_password')));
  for (const [n, text] of texts.entries()) socket.write(bulk('GET', `hostile:${n}:${text}`));
  const expected = Buffer.concat([Buffer.from('+OK\r\n'), ...texts.map((text) => Buffer.concat([Buffer.from(`$${Buffer.byteLength(text)}\r\n`), Buffer.from(text), Buffer.from('\r\n')]))]);
  let got = Buffer.alloc(0);
  for await (const part of socket) {
    got = Buffer.concat([got, part]);
    if (got.length >= expected.length) break;
  }
  assert.ok(got.equals(expected), `seed ${SEED}: every value stands under its key`);
  report(context, 'Redis argument', 0);
});

// What Redis is told by the test itself, in the form that holds any bytes.
async function tellRedis(commands) {
  const url = new URL(stack.redis), socket = connect(Number(url.port), url.hostname);
  const bulk = (words) => Buffer.concat([Buffer.from(`*${words.length}\r\n`), ...words.flatMap((word) => [Buffer.from(`$${Buffer.byteLength(word)}\r\n`), Buffer.from(word), Buffer.from('\r\n')])]);
  for (const words of [['AUTH', secret(stack, 'redis_password')], ...commands, ['PING']]) socket.write(bulk(words));
  let got = '';
  for await (const part of socket) if ((got += part).includes('+PONG')) break;
  assert.doesNotMatch(got, /^-/m);
}

test('the step redis finds its key by a harmless value alone, and its field by any', async (context) => {
  const harmless = (text) => /^[A-Za-z0-9._=@-]{1,128}$/.test(text);
  await tellRedis(texts.flatMap((text) => [['SET', `hostile:key:${text}`, text], ['HSET', 'hostile:fields', text, text]]));
  let refused = 0;
  for (const [n, { code, message, value }] of (await give('redis_key')).entries()) {
    assert.equal(code, harmless(texts[n]) ? 'ok' : 'input', `${what(n)}: ${message}`);
    if (code !== 'ok') refused++;
    else assert.equal(value, texts[n], what(n));
  }
  report(context, 'key of Redis', refused);
  for (const [n, { code, message, value }] of (await give('redis_field')).entries()) assert.ok(code === 'ok' && value === texts[n], `${what(n)}: ${message}`);
  report(context, 'field of Redis', 0);
});

// ---- AWS ----

// What was refused never came; all else came once, in order, and as AWS's signer would sign it.
async function arrive(context, sink, isRefused, read) {
  const results = await give(sink), came = [...requests];
  let refused = 0;
  for (const [n, { code, message }] of results.entries()) {
    assert.equal(code === 'input', isRefused(texts[n]), `${what(n)}: ${code} ${message}`);
    if (code === 'input') {
      refused++;
      continue;
    }
    const request = came.shift();
    assert.ok(request, `${what(n)} did not come: ${message}`);
    for (const [name, value] of Object.entries(read(request))) assert.equal(value, texts[n], `${what(n)}: ${name} of ${request.method} ${request.url} ${request.body}`);
    if (n % SIGNED_SHARE === 0) assert.equal(await checkSignature(request, credentials), undefined, `${what(n)}: ${request.method} ${request.url}`);
  }
  assert.equal(came.length, 0, 'nothing else came');
  report(context, sink, refused);
}

test('a parameter of AWS arrives in JSON', (context) => arrive(context, 'json', () => false, ({ body }) => ({ QueueName: JSON.parse(body).QueueName })));

test('a parameter of AWS arrives in a form, and adds none', (context) => arrive(context, 'form', () => false, ({ body }) => {
  const form = new URLSearchParams(body.toString());
  assert.deepEqual([...form.keys()].sort(), ['Action', 'DBInstanceIdentifier', 'Version']);
  assert.equal(form.get('Action'), 'DescribeDBInstances');
  return { DBInstanceIdentifier: form.get('DBInstanceIdentifier') };
}));

// Dot segments change a path, and whoever stands between may undo what is encoded.
const hasDots = (text) => text.split('/').some((part) => part === '.' || part === '..');

test('a parameter of AWS arrives as one part of the path, and in the query', (context) => arrive(context, 'path', hasDots, ({ url }) => {
  const { pathname, searchParams } = new URL(url, endpoint), between = pathname.split('/');
  assert.deepEqual([...between.slice(0, 3), ...between.slice(4), ...searchParams.keys()], ['', '2015-03-31', 'functions', 'configuration', 'Qualifier'], url);
  return { FunctionName: decodeURIComponent(between[3]), Qualifier: searchParams.get('Qualifier') };
}));

test('a key of S3 arrives with its slashes', (context) => arrive(context, 'key', hasDots, ({ url }) => {
  const [pathname, query] = url.split('?');
  assert.equal(query, undefined, url);
  assert.ok(pathname.startsWith('/bucket/'), url);
  return { Key: decodeURIComponent(pathname.slice('/bucket/'.length)) };
}));

// ---- templates ----

test('a value in a template is never a template, and in an address one part of it', async (context) => {
  for (const [n, { code, message, value }] of (await give('template')).entries()) {
    assert.equal(code, 'ok', `${what(n)}: ${message}`);
    const raw = '&raw=', at = value.indexOf(raw);
    assert.equal(value.slice(at + raw.length), texts[n], what(n));
    const address = value.slice(0, at), [, part, query] = /^https:\/\/host\/([^/?#]*)\?q=([^&#]*)$/.exec(address) ?? [];
    assert.equal(decodeURIComponent(part), texts[n], `${what(n)}: ${address}`);
    assert.equal(decodeURIComponent(query), texts[n], `${what(n)}: ${address}`);
  }
  report(context, 'template and address', 0);
});
