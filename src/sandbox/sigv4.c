/* sigv4.c - the verifier of AWS Signature Version 4; see sigv4.h. */
#include "sigv4.h"

#include "fluxabot/base/buf.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { CANONICAL_MAX_BYTES = 1 << 20, QUERY_MAX_PAIRS = 256, AMZ_DATE_LEN = 16, DATE_LEN = 8 };

/* What an Authorization header says. */
struct claim {
    struct fx_slice key, date, region, service, terminator;
    struct fx_slice signed_headers, signature;
};

static struct sigv4_verdict refuse(int status, const char *code, const char *message) {
    return (struct sigv4_verdict){.status = status, .code = code, .message = message};
}

static struct sigv4_verdict mismatch(const char *message) {
    return refuse(403, "SignatureDoesNotMatch", message);
}

static const char *header_of(const struct sandbox_request *req, const char *name) {
    for (size_t i = 0; i < req->headers_count; i++)
        if (strcasecmp(req->headers[i].name, name) == 0)
            return req->headers[i].value;
    return NULL;
}

/* "AWS4-HMAC-SHA256 Credential=K/20261121/us-east-1/sqs/aws4_request, SignedHeaders=a;b,
 * Signature=hex"; blanks after commas are optional. */
static bool parse_claim(struct fx_slice text, struct claim *ret_claim) {
    struct fx_slice scheme, rest, credential = {0};
    struct claim claim = {0};

    if (!fx_slice_split(text, ' ', &scheme, &rest) ||
        !fx_slice_equal_text(scheme, "AWS4-HMAC-SHA256"))
        return false;
    while (rest.len > 0) {
        struct fx_slice part, name, value;

        fx_slice_split(rest, ',', &part, &rest);
        if (!fx_slice_split(fx_slice_trim(part), '=', &name, &value))
            return false;
        if (fx_slice_equal_text(name, "Credential"))
            credential = value;
        else if (fx_slice_equal_text(name, "SignedHeaders"))
            claim.signed_headers = value;
        else if (fx_slice_equal_text(name, "Signature"))
            claim.signature = value;
    }
    fx_slice_split(credential, '/', &claim.key, &credential);
    fx_slice_split(credential, '/', &claim.date, &credential);
    fx_slice_split(credential, '/', &claim.region, &credential);
    fx_slice_split(credential, '/', &claim.service, &claim.terminator);
    *ret_claim = claim;
    return claim.key.len > 0 && claim.service.len > 0 && claim.signed_headers.len > 0 &&
           claim.signature.len > 0;
}

static bool is_signed(const struct claim *claim, const char *name) {
    struct fx_slice rest = claim->signed_headers, one;

    while (rest.len > 0) {
        fx_slice_split(rest, ';', &one, &rest);
        if (one.len == strlen(name) && strncasecmp(one.ptr, name, one.len) == 0)
            return true;
    }
    return false;
}

/* Outer blanks go, inner runs of blanks become one. */
static void add_folded(struct fx_buf *buf, const char *value) {
    struct fx_slice s = fx_slice_trim(fx_slice_of(value));

    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] != ' ' || s.ptr[i - 1] != ' ')
            fx_buf_add_char(buf, s.ptr[i]);
}

/* The headers in the order of the signed list, which must itself be sorted and lower case. */
static bool add_headers(struct fx_buf *buf, const struct sandbox_request *req,
                        const struct claim *claim) {
    struct fx_slice rest = claim->signed_headers, one, last = {0};
    size_t count = 0;

    while (rest.len > 0) {
        bool found = false;

        fx_slice_split(rest, ';', &one, &rest);
        const char *name = fx_slice_dup(req->sc, one);
        if (last.len > 0 && strcmp(name, last.ptr) <= 0)
            return false;
        if (++count > SIGV4_MAX_SIGNED_HEADERS)
            return false;
        last = fx_slice_of(name);
        fx_buf_addf(buf, "%s:", name);
        for (size_t i = 0; i < req->headers_count; i++) {
            if (strcasecmp(req->headers[i].name, name) != 0)
                continue;
            if (found)
                fx_buf_add_char(buf, ',');
            add_folded(buf, req->headers[i].value);
            found = true;
        }
        if (!found)
            return false;
        fx_buf_add_char(buf, '\n');
    }
    return true;
}

struct query_pair {
    const char *name, *value; /* encoded */
};

static int compare_pairs(const void *a, const void *b) {
    const struct query_pair *left = a, *right = b;
    int order = strcmp(left->name, right->name);

    return order != 0 ? order : strcmp(left->value, right->value);
}

static bool add_query(struct fx_buf *buf, const struct sandbox_request *req) {
    struct query_pair pairs[QUERY_MAX_PAIRS];
    struct fx_slice rest = fx_slice_of(req->raw_query);
    size_t count = 0;

    while (rest.len > 0) {
        struct fx_slice one, name, value, plain;
        struct fx_error err;

        fx_slice_split(rest, '&', &one, &rest);
        if (one.len == 0)
            continue;
        if (count == QUERY_MAX_PAIRS)
            return false;
        fx_slice_split(one, '=', &name, &value);
        if (fx_url_decode(req->sc, name, false, &plain, &err) != FX_OK)
            return false;
        pairs[count].name = fx_url_encode(req->sc, plain, false);
        if (fx_url_decode(req->sc, value, false, &plain, &err) != FX_OK)
            return false;
        pairs[count++].value = fx_url_encode(req->sc, plain, false);
    }
    qsort(pairs, count, sizeof pairs[0], compare_pairs);
    for (size_t i = 0; i < count; i++)
        fx_buf_addf(buf, "%s%s=%s", i > 0 ? "&" : "", pairs[i].name, pairs[i].value);
    return true;
}

/* Every service but S3 signs the path as sent, encoded once more. */
static const char *canonical_path(const struct sandbox_request *req, const struct claim *claim) {
    if (req->raw_path[0] == '\0')
        return "/";
    if (fx_slice_equal_text(claim->service, "s3"))
        return req->raw_path;
    return fx_url_encode(req->sc, fx_slice_of(req->raw_path), true);
}

static const char *signature_of(const struct sandbox_request *req, const struct claim *claim,
                                const char *amz_date, const char *secret, const char *body_hash) {
    struct fx_scope *sc = req->sc;
    uint8_t key[FX_SHA256_BYTES];
    const char *first;
    struct fx_buf buf;

    fx_buf_init(&buf, sc, CANONICAL_MAX_BYTES);
    fx_buf_addf(&buf, "%s\n%s\n", req->method, canonical_path(req, claim));
    if (!add_query(&buf, req))
        return NULL;
    fx_buf_add_char(&buf, '\n');
    if (!add_headers(&buf, req, claim))
        return NULL;
    fx_buf_add_char(&buf, '\n');
    fx_buf_add(&buf, claim->signed_headers);
    fx_buf_addf(&buf, "\n%s", body_hash);
    if (buf.full)
        return NULL;

    const char *text = fx_printf(sc, "AWS4-HMAC-SHA256\n%s\n%.*s/%.*s/%.*s/aws4_request\n%s",
                                 amz_date, (int)claim->date.len, claim->date.ptr,
                                 (int)claim->region.len, claim->region.ptr, (int)claim->service.len,
                                 claim->service.ptr, fx_sha256_hex(sc, fx_buf_slice(&buf)));
    const struct fx_slice chain[] = {claim->date, claim->region, claim->service,
                                     FX_SLICE("aws4_request"), fx_slice_of(text)};
    struct fx_slice with;
    first = fx_printf(sc, "AWS4%s", secret);
    with = fx_slice_of(first);
    for (size_t i = 0; i < FX_COUNT_OF(chain); i++) {
        uint8_t next[FX_SHA256_BYTES];

        fx_hmac_sha256(with, chain[i], next);
        memcpy(key, next, sizeof key);
        with = (struct fx_slice){(const char *)key, sizeof key};
    }
    return fx_hex(sc, key, sizeof key);
}

/* "20261121T091504Z" */
static bool parse_amz_date(struct fx_scope *sc, const char *text, int64_t *ret_ms) {
    struct fx_error err;

    if (strlen(text) != AMZ_DATE_LEN || text[DATE_LEN] != 'T' || text[AMZ_DATE_LEN - 1] != 'Z')
        return false;
    for (size_t i = 0; i < AMZ_DATE_LEN - 1; i++)
        if (i != DATE_LEN && (text[i] < '0' || text[i] > '9'))
            return false;
    const char *iso = fx_printf(sc, "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", text, text + 4, text + 6,
                                text + 9, text + 11, text + 13);
    return fx_time_parse(fx_slice_of(iso), ret_ms, &err) == FX_OK;
}

static struct sigv4_verdict check_scope(const struct claim *claim,
                                        const struct sigv4_account *account, const char *service,
                                        const char *amz_date) {
    if (!fx_slice_equal_text(claim->key, account->access_key))
        return refuse(403, "UnrecognizedClientException",
                      "The security token included in the request is invalid.");
    if (!fx_slice_equal_text(claim->terminator, "aws4_request"))
        return mismatch("Credential should be scoped with a valid terminator: 'aws4_request'.");
    if (claim->date.len != DATE_LEN || strncmp(claim->date.ptr, amz_date, DATE_LEN) != 0)
        return mismatch("Date in Credential scope does not match YYYYMMDD from ISO-8601 version "
                        "of date from HTTP.");
    if (!fx_slice_equal_text(claim->region, account->region))
        return mismatch("Credential should be scoped to a valid region.");
    if (service != NULL && !fx_slice_equal_text(claim->service, service))
        return mismatch("Credential should be scoped to correct service.");
    return (struct sigv4_verdict){.valid = true};
}

static struct sigv4_verdict check_headers(const struct sandbox_request *req,
                                          const struct claim *claim) {
    if (!is_signed(claim, "host"))
        return mismatch("'Host' or ':authority' must be a 'SignedHeader' in the AWS "
                        "Authorization.");
    for (size_t i = 0; i < req->headers_count; i++)
        if (strncasecmp(req->headers[i].name, "x-amz-", 6) == 0 &&
            !is_signed(claim, req->headers[i].name))
            return mismatch("There were headers present in the request which were not signed.");
    return (struct sigv4_verdict){.valid = true};
}

struct sigv4_verdict sigv4_verify(const struct sandbox_request *req,
                                  const struct sigv4_account *account, const char *service,
                                  int64_t now_wall_ms) {
    const char *authorization = header_of(req, "authorization");
    const char *amz_date = header_of(req, "x-amz-date");
    const char *given_hash = header_of(req, "x-amz-content-sha256");
    struct sigv4_verdict verdict;
    struct claim claim = {0};
    int64_t signed_ms = 0;

    if (authorization == NULL || !parse_claim(fx_slice_of(authorization), &claim))
        return refuse(403, "MissingAuthenticationToken",
                      "The request must contain either a valid (registered) AWS access key ID or "
                      "X.509 certificate.");
    if (amz_date == NULL || !parse_amz_date(req->sc, amz_date, &signed_ms))
        return mismatch("Authorization header requires existence of a 'X-Amz-Date' header.");

    verdict = check_scope(&claim, account, service, amz_date);
    if (!verdict.valid)
        return verdict;
    if (llabs(now_wall_ms - signed_ms) > SIGV4_MAX_SKEW_MS)
        return refuse(403, "RequestExpired",
                      fx_printf(req->sc,
                                "Request has expired: it was signed at %s and it is now %s.",
                                amz_date, fx_time_iso(req->sc, now_wall_ms)));
    verdict = check_headers(req, &claim);
    if (!verdict.valid)
        return verdict;

    const char *hash = fx_sha256_hex(req->sc, req->body);
    bool unsigned_body = given_hash != NULL && (strcmp(given_hash, "UNSIGNED-PAYLOAD") == 0 ||
                                                strncmp(given_hash, "STREAMING", 9) == 0);
    if (given_hash != NULL && !unsigned_body && strcmp(given_hash, hash) != 0)
        return refuse(400, "XAmzContentSHA256Mismatch",
                      "The provided 'x-amz-content-sha256' header does not match what was "
                      "computed.");

    const char *expected =
        signature_of(req, &claim, amz_date, account->secret_key, unsigned_body ? given_hash : hash);
    if (expected == NULL || !fx_slice_equal_secret(claim.signature, fx_slice_of(expected)))
        return mismatch("The request signature we calculated does not match the signature you "
                        "provided. Check your AWS Secret Access Key and signing method. Consult "
                        "the service documentation for details.");
    verdict.service = fx_slice_dup(req->sc, claim.service);
    return verdict;
}
