/* redact.c - credentials, recognised by their form. */
#include "fluxabot/base/redact.h"

#include "fluxabot/base/buf.h"

#include <string.h>
#include <strings.h>

static const char mark[] = "[redacted]";

static bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static bool is_token(char c) {
    return is_word(c) || c == '-';
}

/* What a value may be made of before a blank, quote or separator ends it. */
static bool is_value(char c) {
    return (unsigned char)c > ' ' && strchr("\"'`,;&<>(){}[]|\\", c) == NULL;
}

static size_t run_of(struct fx_slice s, size_t from, bool (*belongs)(char)) {
    size_t end = from;

    while (end < s.len && belongs(s.ptr[end]))
        end++;
    return end - from;
}

static bool has_prefix_at(struct fx_slice s, size_t at, const char *prefix) {
    size_t length = strlen(prefix);

    return s.len - at >= length && strncasecmp(s.ptr + at, prefix, length) == 0;
}

/* A form begins with its prefix at a word's edge; min token characters must follow. keep leading
 * characters stay, so that a reader knows what stood there. */
static const struct {
    const char *prefix;
    size_t min, keep;
    bool (*belongs)(char);
} forms[] = {
    {"AKIA", 16, 0, is_word},
    {"ASIA", 16, 0, is_word},
    {"xoxb-", 10, 0, is_token},
    {"xoxa-", 10, 0, is_token},
    {"xoxp-", 10, 0, is_token},
    {"xoxr-", 10, 0, is_token},
    {"xoxs-", 10, 0, is_token},
    {"xoxe-", 10, 0, is_token},
    {"xoxe.", 10, 0, is_value},
    {"xapp-", 10, 0, is_token},
    {"eyJ", 30, 0, is_value},
    {"Bearer ", 12, 7, is_value},
    {"Basic ", 12, 6, is_value},
    {"GenieKey ", 10, 9, is_value},
    {"Token token=", 8, 12, is_value},
    {"glpat-", 12, 0, is_token},
    {"ghp_", 20, 0, is_token},
    {"github_pat_", 20, 0, is_token},
    {"https://hooks.slack.com/", 8, 24, is_value},
};

/* JWTs have two dots; other base64 that begins with {" is no secret by itself. */
static bool is_plausible(const char *prefix, struct fx_slice body) {
    if (strcmp(prefix, "eyJ") != 0)
        return true;
    size_t first = fx_slice_find(body, 0, '.');

    return first < body.len && fx_slice_find(body, first + 1, '.') < body.len;
}

static size_t match_form(struct fx_slice s, size_t at, size_t *ret_keep) {
    if (at > 0 && is_word(s.ptr[at - 1]))
        return 0;
    for (size_t i = 0; i < FX_COUNT_OF(forms); i++) {
        size_t prefix = strlen(forms[i].prefix);

        if (!has_prefix_at(s, at, forms[i].prefix))
            continue;
        size_t body = run_of(s, at + prefix, forms[i].belongs);

        if (body >= forms[i].min &&
            is_plausible(forms[i].prefix, fx_slice_cut(s, at + prefix, body))) {
            *ret_keep = forms[i].keep;
            return prefix + body;
        }
    }
    return 0;
}

/* Names whose value is a secret when '=' or ':' stands between. */
static const char *const secret_names[] = {
    "aws_secret_access_key",
    "secretaccesskey",
    "secret_access_key",
    "aws_session_token",
    "sessiontoken",
    "x-amz-security-token",
    "password",
    "passwd",
    "pwd",
    "client_secret",
    "signing_secret",
    "api_key",
    "apikey",
    "access_token",
    "refresh_token",
    "auth_token",
    "routing_key",
    "private_key",
    "bot_token",
    "secret",
};

/* name [" ] [blank] (= or :) [blank] [" ] value: the length up to the value, 0 when it is none. */
static size_t match_name(struct fx_slice s, size_t at) {
    if (at > 0 && is_word(s.ptr[at - 1]) && s.ptr[at - 1] != '_')
        return 0;
    for (size_t i = 0; i < FX_COUNT_OF(secret_names); i++) {
        if (!has_prefix_at(s, at, secret_names[i]))
            continue;
        size_t p = at + strlen(secret_names[i]);

        while (p < s.len && strchr("\"'\\", s.ptr[p]) != NULL && s.ptr[p] != '\0')
            p++;
        while (p < s.len && s.ptr[p] == ' ')
            p++;
        if (p == s.len || (s.ptr[p] != '=' && s.ptr[p] != ':'))
            continue;
        p++;
        while (p < s.len && s.ptr[p] != '\0' && strchr(" \"'\\", s.ptr[p]) != NULL)
            p++;
        enum { MIN_VALUE = 4 };

        if (run_of(s, p, is_value) >= MIN_VALUE)
            return p - at;
    }
    return 0;
}

/* scheme://user:password@host: where the password begins and ends, relative to at. */
static bool match_url(struct fx_slice s, size_t at, size_t *ret_begin, size_t *ret_end) {
    if (!has_prefix_at(s, at, "://"))
        return false;
    size_t colon = 0;

    for (size_t p = at + 3; p < s.len && is_value(s.ptr[p]) && s.ptr[p] != '/' && s.ptr[p] != '?';
         p++) {
        if (s.ptr[p] == ':' && colon == 0)
            colon = p;
        if (s.ptr[p] == '@' && colon != 0 && p > colon + 1) {
            *ret_begin = colon + 1;
            *ret_end = p;
            return true;
        }
    }
    return false;
}

static size_t match_pem(struct fx_slice s, size_t at) {
    static const char end_mark[] = "-----END";

    if (!has_prefix_at(s, at, "-----BEGIN"))
        return 0;
    struct fx_slice line = fx_slice_cut(s, at, 64);

    if (memmem(line.ptr, line.len, "PRIVATE KEY", 11) == NULL)
        return 0;
    const char *end = memmem(s.ptr + at, s.len - at, end_mark, sizeof end_mark - 1);

    if (end == NULL)
        return s.len - at;
    size_t after = (size_t)(end - s.ptr) + sizeof end_mark - 1;

    while (after < s.len && s.ptr[after] != '\n' && s.ptr[after] != '"' && s.ptr[after] != '\\')
        after++;
    return after - at;
}

struct fx_slice fx_redact_slice(struct fx_scope *sc, struct fx_slice text) {
    struct fx_buf buf;
    bool changed = false;

    fx_buf_init(&buf, sc, 2 * text.len + sizeof mark);
    for (size_t i = 0; i < text.len;) {
        size_t keep = 0, begin = 0, end = 0, length = 0;

        if ((length = match_form(text, i, &keep)) > 0) {
            fx_buf_add(&buf, fx_slice_cut(text, i, keep));
        } else if ((length = match_pem(text, i)) > 0) {
            /* nothing of it stays */
        } else if ((length = match_name(text, i)) > 0) {
            fx_buf_add(&buf, fx_slice_cut(text, i, length));
            length += run_of(text, i + length, is_value);
        } else if (match_url(text, i, &begin, &end)) {
            fx_buf_add(&buf, fx_slice_cut(text, i, begin - i));
            length = end - i;
        } else {
            fx_buf_add_char(&buf, text.ptr[i++]);
            continue;
        }
        fx_buf_add_text(&buf, mark);
        changed = true;
        i += length;
    }
    return changed ? fx_buf_slice(&buf) : text;
}

const char *fx_redact(struct fx_scope *sc, const char *text) {
    struct fx_slice given = fx_slice_of(text), clean = fx_redact_slice(sc, given);

    return clean.ptr == given.ptr ? text : clean.ptr;
}

struct fx_json *fx_redact_json(struct fx_scope *sc, const struct fx_json *json) {
    struct fx_json *copy = NULL, *value = NULL;
    const char *key = NULL;
    void *cursor = NULL;

    switch (fx_json_type(json)) {
    case FX_JSON_STRING:
        return fx_json_slice(sc, fx_redact_slice(sc, fx_json_text_slice(json)));
    case FX_JSON_ARRAY:
        copy = fx_json_array(sc);
        for (size_t i = 0; i < fx_json_count(json); i++)
            fx_json_add(copy, fx_redact_json(sc, fx_json_item(json, i)));
        return copy;
    case FX_JSON_OBJECT:
        copy = fx_json_object(sc);
        while (fx_json_next(json, &cursor, &key, &value))
            fx_json_put(copy, key, fx_redact_json(sc, value));
        return copy;
    default:
        return fx_json_copy(sc, json);
    }
}
