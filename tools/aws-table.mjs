// aws-table.mjs - writes src/aws/table_data.c from AWS's published models.
//
//   node tools/aws-table.mjs DIR > src/aws/table_data.c
//
// DIR is the unpacked npm package aws-sdk 2.1693.0. Which operations, and what they do to the world,
// stands in aws-operations.txt. The same input gives the same bytes.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const effects = { 'R': 'READ', 'R*': 'PEEK', 'K': 'KEYED', 'A': 'ABSOLUTE', 'U': 'UNKEYED', 'X': 'REFUSED' };
const scalars = {
  string: 'STRING', character: 'STRING', integer: 'INTEGER', long: 'INTEGER', float: 'FLOAT', double: 'FLOAT',
  boolean: 'BOOLEAN', timestamp: 'TIMESTAMP', blob: 'BLOB',
};

const places = { uri: 'URI', querystring: 'QUERY', header: 'HEADER', headers: 'HEADERS', statusCode: 'STATUS' };
const protocols = { json: 'JSON', query: 'QUERY', ec2: 'EC2', 'rest-json': 'REST_JSON', 'rest-xml': 'REST_XML' };
const typed = new Set(['query', 'ec2', 'rest-json', 'rest-xml']); // whose answers need the model to be read
const ours = new Set(['ContentLength']); // what the program itself writes

const shapes = [], members = [], services = [], operations = [];
const known = new Map();

function fail(text) {
  process.stderr.write(`aws-table: ${text}\n`);
  process.exit(1);
}

const quote = (text) => text === undefined ? 'NULL' : JSON.stringify(text);

function addShape(row) {
  if (shapes.length > 65535) fail('more than 65535 shapes');
  return shapes.push(row) - 1;
}

// The number of a shape. Rows are shared by everything that reads alike, also through a reference. EC2 writes lists
// otherwise than it reads them, so there (and nowhere else) the direction counts.
function shapeOf(model, given, direction) {
  const target = given.shape ? { ...model.shapes[given.shape], ...given } : given;
  const type = target.type ?? (target.members ? 'structure' : 'string');
  if (scalars[type]) {
    // The values of a function's environment are marked so: they are read as a placeholder. The keys of a role are
    // marked, too, but only the program itself asks for them (aws/sts.c), and has to sign with them.
    const hidden = target.sensitive && model.metadata.endpointPrefix !== 'sts';
    const scalar = direction === 'out' && hidden && scalars[type] === 'STRING' ? 'SECRET' : scalars[type];
    return once(`scalar ${scalar}`, () => ({ type: scalar }));
  }
  const { locationName, location, streaming, ...rest } = target; // these belong to the member, not to the shape
  const way = model.metadata.protocol === 'json' || model.metadata.protocol === 'query' ? '' : direction;
  const key = `${model.file} ${rest.shape ?? JSON.stringify(rest)} ${rest.flattened ?? ''} ${way}`;
  return once(key, (row) => fillAggregate(model, type, target, direction));
}

function once(key, fill) {
  if (!known.has(key)) {
    const row = {};
    known.set(key, addShape(row)); // before its members are visited: a shape may hold itself
    Object.assign(row, fill(row));
  }
  return known.get(key);
}

function fillAggregate(model, type, shape, direction) {
  const flattened = shape.flattened === true || (model.metadata.protocol === 'ec2' && direction === 'in');
  if (type === 'list')
    return { type: 'LIST', flattened, item: shapeOf(model, shape.member, direction),
      itemName: shape.member.locationName ?? 'member' };
  if (type === 'map')
    return { type: 'MAP', flattened, item: shapeOf(model, shape.value, direction), itemName: shape.value.locationName ?? 'value',
      keyName: shape.key.locationName ?? 'key' };
  if (type !== 'structure') fail(`unknown type ${type}`);
  const required = new Set(shape.required ?? []);
  const rows = Object.entries(shape.members ?? {}).filter(([name]) => direction === 'out' || !ours.has(name)).map(([name, member]) => ({
    name, wire: wireName(model, name, member, direction), shape: shapeOf(model, member, direction), required: required.has(name),
    place: shape.payload === name ? 'PAYLOAD' : member.location ? places[member.location] ?? fail(`location ${member.location}`) : 'BODY' }));
  const first = members.length;
  members.push(...rows);
  return { type: 'STRUCTURE', first, count: rows.length };
}

function wireName(model, name, member, direction) {
  const target = member.shape ? { ...model.shapes[member.shape], ...member } : member;
  const protocol = model.metadata.protocol, written = member.locationName ?? name;
  if (protocol === 'ec2' && direction === 'in') return member.queryName ?? written[0].toUpperCase() + written.slice(1);
  if (target.type === 'list' && target.flattened) {
    // In the query protocol a flattened list travels under the name of its items.
    if (protocol === 'query' && target.member.locationName) return target.member.locationName;
    if (protocol === 'rest-xml') return member.locationName ?? target.member.locationName ?? name;
  }
  if (direction === 'out' && (member.location === 'header' || member.location === 'headers')) return written.toLowerCase();
  return written;
}

function readModel(dir, file, kind) {
  try {
    return JSON.parse(readFileSync(join(dir, 'apis', `${file}.${kind}.json`), 'utf8'));
  } catch (error) {
    if (kind === 'min') fail(error.message);
    return { pagination: {} };
  }
}

function addService(dir, [name, file, iamPrefix]) {
  const model = readModel(dir, file, 'min'), meta = model.metadata;
  if (!protocols[meta.protocol]) fail(`${name}: protocol ${meta.protocol} is not spoken`);
  model.file = file;
  model.pages = readModel(dir, file, 'paginators').pagination;
  services.push({ name, id: meta.serviceId.toUpperCase().replace(/ /g, '_'), host: meta.endpointPrefix,
    signing: meta.signingName ?? meta.endpointPrefix, iam: iamPrefix ?? name, protocol: protocols[meta.protocol],
    version: meta.protocol === 'json' ? meta.jsonVersion : meta.apiVersion, target: meta.protocol === 'json' ? meta.targetPrefix : undefined });
  return model;
}

const comma = (words) => words === undefined ? undefined : [words].flat().join(',');

// How the answers of an operation are read page by page; undefined when they come whole.
function pagesOf(model, name) {
  const pages = model.pages[name];
  if (!pages?.input_token || !pages.output_token || !pages.result_key) return {};
  return { pageIn: comma(pages.input_token), pageOut: comma(pages.output_token), pageItems: comma(pages.result_key), pageMore: pages.more_results };
}

function addOperation(model, [name, effect, iamAction]) {
  const operation = model.operations[name], protocol = model.metadata.protocol;
  if (!operation) fail(`${model.file} has no operation ${name}`);
  if (!effects[effect]) fail(`${name}: unknown effect ${effect}`);
  if (operation.endpoint) fail(`${name}: a host name of its own is not known`);
  const output = typed.has(protocol) ? operation.output ?? { type: 'structure' } : undefined;
  operations.push({ service: services.length - 1, name, effect: effects[effect], iamAction: iamAction ?? name,
    method: operation.http?.method ?? 'POST', uri: operation.http?.requestUri ?? '/',
    input: shapeOf(model, operation.input ?? { type: 'structure' }, 'in'), output: output ? shapeOf(model, output, 'out') : 0,
    wrapper: protocol === 'query' ? operation.output?.resultWrapper : undefined,
    root: protocol === 'rest-xml' ? operation.input?.locationName : undefined,
    namespace: protocol === 'rest-xml' ? operation.input?.xmlNamespace?.uri : undefined, ...pagesOf(model, name) });
}

function printTable(type, name, rows) {
  return `const struct ${type} ${name}[] = {\n${rows.map((row) => `    {${row}},\n`).join('')}};\n`;
}

function print() {
  const shapeRows = shapes.map((s) => [`.type = AWS_${s.type}`, s.flattened && '.flattened = true',
    s.type === 'STRUCTURE' && `.first = ${s.first}, .count = ${s.count}`,
    s.item !== undefined && `.item = ${s.item}, .item_name = ${quote(s.itemName)}`,
    s.keyName && `.key_name = ${quote(s.keyName)}`].filter(Boolean).join(', '));
  const memberRows = members.map((m) => `${quote(m.name)}, ${quote(m.wire)}, ${m.shape}, ${m.required}, AWS_IN_${m.place}`);
  const serviceRows = services.map((s) => [quote(s.name), quote(s.id), quote(s.host), quote(s.signing), quote(s.iam),
    `AWS_PROTOCOL_${s.protocol}`, quote(s.version), quote(s.target)].join(', '));
  const operationRows = operations.map((o) => [`&aws_services[${o.service}]`, quote(o.name), `FX_EFFECT_${o.effect}`,
    quote(o.iamAction), quote(o.method), quote(o.uri), o.input, o.output, quote(o.wrapper), quote(o.root), quote(o.namespace),
    quote(o.pageIn), quote(o.pageOut), quote(o.pageItems), quote(o.pageMore)].join(', '));
  return `/* table_data.c - AWS's operations as data; written by tools/aws-table.mjs, not by hand. */
#include "private.h"

/* clang-format off */
${printTable('aws_shape', 'aws_shapes', shapeRows)}
${printTable('aws_member', 'aws_members', memberRows)}
${printTable('aws_service', 'aws_services', serviceRows)}
const size_t aws_services_count = FX_COUNT_OF(aws_services);

${printTable('aws_operation', 'aws_operations', operationRows)}
const size_t aws_operations_count = FX_COUNT_OF(aws_operations);
`;
}

const dir = process.argv[2] ?? fail('which directory holds the package?');
const list = readFileSync(join(dirname(fileURLToPath(import.meta.url)), 'aws-operations.txt'), 'utf8');
let model;
shapeOf({ file: 'none', metadata: {}, shapes: {} }, { type: 'structure' }, 'in'); // number 0: nothing at all
for (const line of list.split('\n')) {
  const words = line.replace(/#.*/, '').trim().split(/\s+/).filter(Boolean);
  if (words.length === 0) continue;
  if (words[0] === 'service') model = addService(dir, words.slice(1));
  else addOperation(model ?? fail('an operation before its service'), words);
}
process.stdout.write(print());
