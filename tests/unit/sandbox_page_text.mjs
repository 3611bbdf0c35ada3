// sandbox_page_text.mjs - the page reads mrkdwn as Slack does, and foreign text never becomes a link or mention.
import {test} from 'node:test';
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';

const source = readFileSync(new URL('../../src/sandbox/page/text.js', import.meta.url));
const {decode, parse, parseInline, safeUrl} = await import(`data:text/javascript;base64,${source.toString('base64')}`);

const names = {users: {U1: 'Anna Ode'}, channels: {C1: 'fluxa-alerts'}, groups: {S1: 'fluxa-oncall'}};
const kinds = (text) => parseInline(text, names).map((token) => token.kind);
const only = (text) => {
  const tokens = parseInline(text, names);
  assert.equal(tokens.length, 1, JSON.stringify(tokens));
  return tokens[0];
};

test('escaped brackets stay text', () => {
  assert.deepEqual(only('&lt;!channel&gt; &lt;@U1&gt; &amp;amp;'), {kind: 'text', text: '<!channel> <@U1> &amp;'});
});

test('only https becomes a link', () => {
  assert.equal(only('<https://a.example/x|go>').url, 'https://a.example/x');
  for (const url of ['javascript:alert(1)', 'http://a.example/', 'data:text/html,x', 'file:///etc/passwd', 'https://u:p@a.example/'])
    assert.equal(only(`<${url}|go>`).kind, 'text', url);
});

test('this page may be linked and no other plain http address', () => {
  assert.equal(safeUrl('http://127.0.0.1:7000/pagerduty/incidents/k', 'http://127.0.0.1:7000'), 'http://127.0.0.1:7000/pagerduty/incidents/k');
  assert.equal(safeUrl('http://127.0.0.1:7001/', 'http://127.0.0.1:7000'), null);
});

test('ids are shown by name', () => {
  assert.deepEqual(parseInline('<@U1> <#C1> <!subteam^S1> <@U9>', names).filter((t) => t.kind === 'mention').map((t) => t.text),
    ['@Anna Ode', '#fluxa-alerts', '@fluxa-oncall', '@U9']);
});

test('nothing is read inside code', () => {
  assert.deepEqual(only('`*a* <@U1> :x:`'), {kind: 'code', text: '*a* <@U1> :x:'});
  assert.deepEqual(parse('```\n*a*\n&lt;b&gt;\n```', names), [
    {kind: 'line', children: []}, {kind: 'pre', text: '*a*\n<b>'}, {kind: 'line', children: []}]);
});

test('an unclosed block of code is text', () => {
  assert.equal(parse('``` left open', names).some((token) => token.kind === 'pre'), false);
});

test('styles open and close at the edge of a word only', () => {
  assert.deepEqual(kinds('*bold* _it_ ~no~'), ['bold', 'text', 'italic', 'text', 'strike']);
  assert.deepEqual(kinds('snake_case_name and 2*3*4'), ['text']);
  assert.deepEqual(kinds('* not bold *'), ['text']);
  assert.equal(only('*a <https://a.example/*|b> c*').kind, 'bold');
});

test('a date falls back to its text when the number is none', () => {
  assert.equal(only('<!date^soon^{date}|at noon>').text, 'at noon');
  assert.match(only('<!date^1795269720^{date_num}|x>').text, /2026/);
});

test('a quote covers its line', () => {
  assert.deepEqual(parse('&gt; a\nb', names).map((token) => token.kind), ['quote', 'line']);
});

test('decoding happens once', () => {
  assert.equal(decode('&amp;lt;'), '&lt;');
});

test('a long hostile text is read in time', () => {
  const start = Date.now();
  parse('*_~`<'.repeat(4000), names);
  assert.ok(Date.now() - start < 2000);
});
