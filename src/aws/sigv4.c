/* sigv4.c - AWS Signature Version 4, stage by stage. */
#include "private.h"

#include "fluxabot/base/digest.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum { SIGV4_MAX_TEXT_BYTES = 1 << 20, SIGV4_DATE_LEN = 8 };

struct pair {
    const char *name, *value;
    size_t order; /* equal names keep the order they came in */
};

static int by_name_then_value(const void *a, const void *b) {
    const struct pair *x = a, *y = b;
    int names = strcmp(x->name, y->name);

    return names != 0 ? names : strcmp(x->value, y->value);
}

static int by_name_then_order(const void *a, const void *b) {
    const struct pair *x = a, *y = b;
    int names = strcmp(x->name, y->name);

    return names != 0 ? names : (x->order > y->order) - (x->order < y->order);
}

/* RFC 3986, 5.2.4, and slashes in a row become one. */
static const char *without_dot_segments(struct fx_scope *sc, const char *path) {
    size_t len = strlen(path), out = 0;
    char *text = fx_alloc(sc, len + 2);
    bool ends_open = len == 0 || path[len - 1] == '/';

    for (size_t from = 0; from < len;) {
        size_t to = from;
        while (to < len && path[to] != '/')
            to++;
        size_t part = to - from;
        if (part == 2 && path[from] == '.' && path[from + 1] == '.') {
            while (out > 0 && text[--out] != '/')
                continue;
            ends_open = ends_open || to == len;
        } else if (part == 1 && path[from] == '.') {
            ends_open = ends_open || to == len;
        } else if (part > 0) {
            text[out++] = '/';
            memcpy(text + out, path + from, part);
            out += part;
        }
        from = to + 1;
    }
    if (out == 0 || ends_open)
        text[out++] = '/';
    text[out] = '\0';
    return text;
}

static const char *canonical_path(struct fx_scope *sc, const struct fx_aws_signing *signing) {
    const char *path = signing->path[0] != '\0' ? signing->path : "/";

    if (signing->normalize_path)
        path = without_dot_segments(sc, path);
    return signing->double_encode_path ? fx_url_encode(sc, fx_slice_of(path), true) : path;
}

/* Brings a name or value to the one encoding that is signed, however it was written. */
static const char *encode_again(struct fx_scope *sc, struct fx_slice text) {
    struct fx_slice plain;
    struct fx_error ignored;

    if (fx_url_decode(sc, text, false, &plain, &ignored) != FX_OK)
        plain = text;
    return fx_url_encode(sc, plain, false);
}

static const char *canonical_query(struct fx_scope *sc, const char *query) {
    struct fx_slice rest = fx_slice_of(query), part, name, value;
    struct pair *pairs;
    struct fx_buf out;
    size_t count = 0, max = 1;

    for (const char *p = query; *p != '\0'; p++)
        max += *p == '&';
    pairs = fx_alloc(sc, max * sizeof(*pairs));
    while (rest.len > 0) {
        fx_slice_split(rest, '&', &part, &rest);
        if (part.len == 0)
            continue;
        fx_slice_split(part, '=', &name, &value);
        pairs[count++] =
            (struct pair){.name = encode_again(sc, name), .value = encode_again(sc, value)};
    }
    qsort(pairs, count, sizeof(*pairs), by_name_then_value);
    fx_buf_init(&out, sc, SIGV4_MAX_TEXT_BYTES);
    for (size_t i = 0; i < count; i++)
        fx_buf_addf(&out, "%s%s=%s", i > 0 ? "&" : "", pairs[i].name, pairs[i].value);
    return fx_buf_text(&out);
}

/* Lower case. */
static const char *canonical_name(struct fx_scope *sc, const char *name) {
    char *text = fx_strdup(sc, name);

    for (char *p = text; *p != '\0'; p++)
        if (*p >= 'A' && *p <= 'Z')
            *p = (char)(*p - 'A' + 'a');
    return text;
}

/* Trimmed, and blanks in a row become one. */
static const char *canonical_value(struct fx_scope *sc, const char *value) {
    char *text = fx_strdup(sc, value), *to = text;

    for (const char *p = text; *p != '\0'; p++) {
        bool blank = *p == ' ' || *p == '\t' || *p == '\r' || *p == '\n';
        if (!blank)
            *to++ = *p;
        else if (to != text && to[-1] != ' ')
            *to++ = ' ';
    }
    if (to != text && to[-1] == ' ')
        to--;
    *to = '\0';
    return text;
}

struct signed_headers {
    const char *lines, *names;
};

static struct signed_headers
canonical_headers(struct fx_scope *sc, const struct fx_aws_signing *signing, const char *amz_date) {
    const char *token = signing->credentials->session_token;
    size_t count = signing->headers_count;
    struct pair *pairs = fx_alloc(sc, (count + 2) * sizeof(*pairs));
    struct fx_buf lines, names;

    for (size_t i = 0; i < count; i++)
        pairs[i] = (struct pair){.name = canonical_name(sc, signing->headers[i].name),
                                 .value = canonical_value(sc, signing->headers[i].value),
                                 .order = i};
    pairs[count++] = (struct pair){.name = "x-amz-date", .value = amz_date};
    if (token != NULL)
        pairs[count++] =
            (struct pair){.name = "x-amz-security-token", .value = canonical_value(sc, token)};
    qsort(pairs, count, sizeof(*pairs), by_name_then_order);

    fx_buf_init(&lines, sc, SIGV4_MAX_TEXT_BYTES);
    fx_buf_init(&names, sc, SIGV4_MAX_TEXT_BYTES);
    for (size_t i = 0; i < count; i++) {
        bool again = i > 0 && strcmp(pairs[i - 1].name, pairs[i].name) == 0;
        if (again)
            fx_buf_addf(&lines, ",%s", pairs[i].value);
        else {
            fx_buf_addf(&lines, "%s%s:%s", i > 0 ? "\n" : "", pairs[i].name, pairs[i].value);
            fx_buf_addf(&names, "%s%s", i > 0 ? ";" : "", pairs[i].name);
        }
    }
    fx_buf_add_char(&lines, '\n');
    return (struct signed_headers){fx_buf_text(&lines), fx_buf_text(&names)};
}

static char *basic_date(struct fx_scope *sc, int64_t wall_ms) {
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm tm;
    char *text = fx_alloc(sc, 32);

    gmtime_r(&seconds, &tm);
    strftime(text, 32, "%Y%m%dT%H%M%SZ", &tm);
    return text;
}

/* The secret is bound to day, region and service before it signs anything. */
static const char *sign_text(struct fx_scope *sc, const struct fx_aws_signing *signing,
                             struct fx_slice day, const char *text) {
    const char *parts[] = {signing->region, signing->service, "aws4_request", text};
    char *first = fx_printf(sc, "AWS4%s", signing->credentials->secret_access_key);
    uint8_t key[FX_SHA256_BYTES];

    fx_hmac_sha256(fx_slice_of(first), day, key);
    explicit_bzero(first, strlen(first));
    for (size_t i = 0; i < FX_COUNT_OF(parts); i++) {
        uint8_t next[FX_SHA256_BYTES];
        fx_hmac_sha256((struct fx_slice){(const char *)key, sizeof(key)}, fx_slice_of(parts[i]),
                       next);
        memcpy(key, next, sizeof(key));
    }
    return fx_hex(sc, key, sizeof(key));
}

struct fx_aws_signature fx_aws_sign(struct fx_scope *sc, const struct fx_aws_signing *signing) {
    char *amz_date = basic_date(sc, signing->wall_ms);
    struct fx_slice day = {amz_date, SIGV4_DATE_LEN};
    struct signed_headers headers = canonical_headers(sc, signing, amz_date);
    char *scope = fx_printf(sc, "%.*s/%s/%s/aws4_request", SIGV4_DATE_LEN, amz_date,
                            signing->region, signing->service);
    char *request =
        fx_printf(sc, "%s\n%s\n%s\n%s\n%s\n%s", signing->method, canonical_path(sc, signing),
                  canonical_query(sc, signing->query != NULL ? signing->query : ""), headers.lines,
                  headers.names, fx_sha256_hex(sc, signing->body));
    char *text = fx_printf(sc, "AWS4-HMAC-SHA256\n%s\n%s\n%s", amz_date, scope,
                           fx_sha256_hex(sc, fx_slice_of(request)));
    const char *signature = sign_text(sc, signing, day, text);

    return (struct fx_aws_signature){
        .canonical_request = request,
        .string_to_sign = text,
        .signature = signature,
        .authorization =
            fx_printf(sc, "AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s",
                      signing->credentials->access_key_id, scope, headers.names, signature),
        .amz_date = amz_date,
    };
}
