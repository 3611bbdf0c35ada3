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

// The number of a shape. Rows are shared by everything that reads alike, also through a reference.
function shapeOf(model, given) {
  const target = given.shape ? { ...model.shapes[given.shape], ...given } : given;
  const type = target.type ?? (target.members ? 'structure' : 'string');
  if (scalars[type]) return once(`scalar ${scalars[type]}`, () => ({ type: scalars[type] }));
  const { locationName, ...rest } = target; // the name belongs to the member, not to the shape
  const key = `${model.file} ${rest.shape ?? JSON.stringify(rest)} ${rest.flattened ?? ''}`;
  return once(key, (row) => fillAggregate(model, type, target, row));
}

function once(key, fill) {
  if (!known.has(key)) {
    const row = {};
    known.set(key, addShape(row)); // before its members are visited: a shape may hold itself
    Object.assign(row, fill(row));
  }
  return known.get(key);
}

function fillAggregate(model, type, shape) {
  const flattened = shape.flattened === true;
  if (type === 'list')
    return { type: 'LIST', flattened, item: shapeOf(model, shape.member),
      itemName: shape.member.locationName ?? 'member' };
  if (type === 'map')
    return { type: 'MAP', flattened, item: shapeOf(model, shape.value), itemName: shape.value.locationName ?? 'value',
      keyName: shape.key.locationName ?? 'key' };
  if (type !== 'structure') fail(`unknown type ${type}`);
  const required = new Set(shape.required ?? []);
  const rows = Object.entries(shape.members ?? {}).map(([name, member]) => ({
    name, wire: wireName(model, name, member), shape: shapeOf(model, member), required: required.has(name) }));
  const first = members.length;
  members.push(...rows);
  return { type: 'STRUCTURE', first, count: rows.length };
}

// In the query protocol a flattened list travels under the name of its items.
function wireName(model, name, member) {
  const target = member.shape ? { ...model.shapes[member.shape], ...member } : member;
  if (model.metadata.protocol === 'query' && target.type === 'list' && target.flattened && target.member.locationName)
    return target.member.locationName;
  return member.locationName ?? name;
}

function addService(dir, [name, file, iamPrefix]) {
  const model = JSON.parse(readFileSync(join(dir, 'apis', `${file}.min.json`), 'utf8'));
  const meta = model.metadata;
  if (meta.protocol !== 'json' && meta.protocol !== 'query') fail(`${name}: protocol ${meta.protocol} is not spoken`);
  model.file = file;
  services.push({ name, id: meta.serviceId.toUpperCase().replace(/ /g, '_'), host: meta.endpointPrefix,
    signing: meta.signingName ?? meta.endpointPrefix, iam: iamPrefix ?? name, protocol: meta.protocol.toUpperCase(),
    version: meta.protocol === 'json' ? meta.jsonVersion : meta.apiVersion, target: meta.targetPrefix });
  return model;
}

function addOperation(model, [name, effect, iamAction]) {
  const operation = model.operations[name];
  const isQuery = services.at(-1).protocol === 'QUERY';
  if (!operation) fail(`${model.file} has no operation ${name}`);
  if (!effects[effect]) fail(`${name}: unknown effect ${effect}`);
  operations.push({ service: services.length - 1, name, effect: effects[effect], iamAction: iamAction ?? name,
    method: operation.http?.method ?? 'POST', uri: operation.http?.requestUri ?? '/',
    input: shapeOf(model, operation.input ?? { type: 'structure' }),
    output: isQuery ? shapeOf(model, operation.output ?? { type: 'structure' }) : 0,
    wrapper: isQuery ? operation.output?.resultWrapper : undefined });
}

function printTable(type, name, rows) {
  return `const struct ${type} ${name}[] = {\n${rows.map((row) => `    {${row}},\n`).join('')}};\n`;
}

function print() {
  const shapeRows = shapes.map((s) => [`.type = AWS_${s.type}`, s.flattened && '.flattened = true',
    s.type === 'STRUCTURE' && `.first = ${s.first}, .count = ${s.count}`,
    s.item !== undefined && `.item = ${s.item}, .item_name = ${quote(s.itemName)}`,
    s.keyName && `.key_name = ${quote(s.keyName)}`].filter(Boolean).join(', '));
  const memberRows = members.map((m) => `${quote(m.name)}, ${quote(m.wire)}, ${m.shape}, ${m.required}`);
  const serviceRows = services.map((s) => [quote(s.name), quote(s.id), quote(s.host), quote(s.signing), quote(s.iam),
    `AWS_PROTOCOL_${s.protocol}`, quote(s.version), quote(s.target)].join(', '));
  const operationRows = operations.map((o) => [`&aws_services[${o.service}]`, quote(o.name), `FX_EFFECT_${o.effect}`,
    quote(o.iamAction), quote(o.method), quote(o.uri), o.input, o.output, quote(o.wrapper)].join(', '));
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
shapeOf({ file: 'none', metadata: {}, shapes: {} }, { type: 'structure' }); // number 0: nothing at all
for (const line of list.split('\n')) {
  const words = line.replace(/#.*/, '').trim().split(/\s+/).filter(Boolean);
  if (words.length === 0) continue;
  if (words[0] === 'service') model = addService(dir, words.slice(1));
  else addOperation(model ?? fail('an operation before its service'), words);
}
process.stdout.write(print());
