// sigv4_gate.mjs - lets through to AWS only what AWS's own signer signs the same way.
import { createHash } from 'node:crypto';
import { HttpRequest } from '@smithy/protocol-http';
import { SignatureV4 } from '@smithy/signature-v4';
import { Sha256 } from '@aws-crypto/sha256-js';
import { startProxy } from './support.mjs';

const maxSkewMs = 900_000;
const refuse = (status, code, why) => ({ status, code, why });

function parseAuthorization(text) {
  const match = /^AWS4-HMAC-SHA256 Credential=([^/,\s]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, ?SignedHeaders=([^,\s]+), ?Signature=([0-9a-f]{64})$/.exec(text ?? '');
  return match && { key: match[1], day: match[2], region: match[3], service: match[4], signed: match[5].split(';'), signature: match[6] };
}

const parseDate = (text) => Date.parse(text.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));

// Repeated parameters become lists; the signer encodes and sorts them.
function queryOf(url) {
  const query = {};
  for (const [name, value] of url.searchParams) query[name] = name in query ? [query[name], value].flat() : value;
  return query;
}

// Undefined when all is well. request: { method, url, headers, body }, headers in lower case.
export async function checkSignature(request, { accessKeyId, secretAccessKey }, now = Date.now()) {
  const { headers } = request;
  const claim = parseAuthorization(headers.authorization);
  if (!claim) return refuse(403, 'MissingAuthenticationToken', `no signature in "${headers.authorization}"`);
  if (claim.key !== accessKeyId) return refuse(403, 'UnrecognizedClientException', `the key ${claim.key} is not known`);

  const date = headers['x-amz-date'];
  const signedAt = parseDate(date ?? '');
  if (Number.isNaN(signedAt) || !date.startsWith(claim.day)) return refuse(403, 'RequestExpired', `${date} does not belong to ${claim.day}`);
  if (Math.abs(now - signedAt) > maxSkewMs) return refuse(403, 'RequestExpired', `signed at ${date}`);

  const unsigned = ['host', ...Object.keys(headers).filter((name) => name.startsWith('x-amz-'))].filter((name) => !claim.signed.includes(name));
  if (unsigned.length > 0) return refuse(403, 'SignatureDoesNotMatch', `not signed: ${unsigned}`);
  const absent = claim.signed.filter((name) => !(name in headers));
  if (absent.length > 0) return refuse(403, 'SignatureDoesNotMatch', `signed but absent: ${absent}`);
  if (claim.signed.join() !== [...claim.signed].sort().join()) return refuse(403, 'SignatureDoesNotMatch', 'the signed headers are not sorted');

  const given = headers['x-amz-content-sha256'];
  if (given && !/^(UNSIGNED-PAYLOAD|STREAMING.*)$/.test(given) && given !== createHash('sha256').update(request.body).digest('hex'))
    return refuse(400, 'XAmzContentSHA256Mismatch', `the body has not the hash ${given}`);

  const expected = await signatureOf(request, claim, { accessKeyId, secretAccessKey }, signedAt);
  if (expected !== claim.signature) return refuse(403, 'SignatureDoesNotMatch', `over ${claim.signed}; it came with ${Object.keys(headers)}`);
  return undefined;
}

async function signatureOf(request, claim, credentials, signedAt) {
  const url = new URL(request.url, 'http://gate');
  const { 'x-amz-security-token': sessionToken } = request.headers;
  const chosen = claim.signed.filter((name) => name !== 'x-amz-date' && name !== 'x-amz-security-token'); // the signer adds these
  const signer = new SignatureV4({
    service: claim.service, region: claim.region, sha256: Sha256, applyChecksum: false,
    credentials: { ...credentials, sessionToken }, uriEscapePath: claim.service !== 's3',
  });
  const signed = await signer.sign(
    new HttpRequest({
      method: request.method, hostname: request.headers.host, path: url.pathname, query: queryOf(url),
      headers: Object.fromEntries(chosen.map((name) => [name, request.headers[name]])), body: request.body,
    }),
    { signingDate: new Date(signedAt), signableHeaders: new Set(claim.signed) },
  );
  return parseAuthorization(signed.headers.authorization)?.signature;
}

// "sqs:SendMessageBatch", whatever the protocol.
function nameOf(request) {
  const service = parseAuthorization(request.headers.authorization)?.service ?? '?';
  const target = request.headers['x-amz-target']?.split('.').at(-1);
  return `${service}:${target ?? new URLSearchParams(request.body.toString()).get('Action') ?? request.url}`;
}

// calls: [{ name, refused }] in the order they came; what is refused goes no further.
export async function startGate(target, credentials) {
  const calls = [];
  const proxy = await startProxy(target, {
    async see(request) {
      const refused = await checkSignature(request, credentials);
      calls.push({ name: nameOf(request), refused });
      if (!refused) return undefined;
      return {
        status: refused.status, headers: { 'content-type': 'application/x-amz-json-1.0' },
        body: JSON.stringify({ __type: `com.amazonaws.gate#${refused.code}`, message: refused.why }),
      };
    },
  });
  return { ...proxy, calls };
}
