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

static bool is_base64(char c) {
    return is_word(c) || (c != '\0' && strchr("+/=-", c) != NULL);
}

static size_t run_of(struct fx_slice s, size_t from, bool (*belongs)(char)) {
    size_t end = from;

    while (end < s.len && belongs(s.ptr[end]))
        end++;
    return end - from;
}

static bool has_prefix_at(struct fx_slice s, size_t at, const char *prefix) {
    if (at >= s.len || (s.ptr[at] | 0x20) != (prefix[0] | 0x20))
        return false;
    size_t length = strlen(prefix);

    return s.len - at >= length && strncasecmp(s.ptr + at, prefix, length) == 0;
}

/* Nearly all places of a text begin nothing, which two letters tell, those of both cases being one.
 */
static uint16_t fold_two(const char *text) {
    unsigned char first = (unsigned char)text[0], second = (unsigned char)text[1];

    return (uint16_t)((first | 0x20) << 8 | (second | 0x20));
}
#define TEXT_AND_TWO(text) text, (uint16_t)(((text)[0] | 0x20) << 8 | ((text)[1] | 0x20))

enum { KEY_ID_FORMS = 2 };

/* A form begins with its prefix at a word's edge; min token characters must follow. keep leading
 * characters stay, so that a reader knows what stood there. */
static const struct {
    const char *prefix;
    uint16_t two;
    size_t min, keep;
    bool (*belongs)(char);
} forms[] = {
    {TEXT_AND_TWO("AKIA"), 16, 0, is_word}, /* the first KEY_ID_FORMS are AWS key ids */
    {TEXT_AND_TWO("ASIA"), 16, 0, is_word},
    {TEXT_AND_TWO("xoxb-"), 10, 0, is_token},
    {TEXT_AND_TWO("xoxa-"), 10, 0, is_token},
    {TEXT_AND_TWO("xoxp-"), 10, 0, is_token},
    {TEXT_AND_TWO("xoxr-"), 10, 0, is_token},
    {TEXT_AND_TWO("xoxs-"), 10, 0, is_token},
    {TEXT_AND_TWO("xoxc-"), 10, 0, is_token},
    {TEXT_AND_TWO("xoxd-"), 10, 0, is_value},
    {TEXT_AND_TWO("xoxe-"), 10, 0, is_token},
    {TEXT_AND_TWO("xoxe."), 10, 0, is_value},
    {TEXT_AND_TWO("xapp-"), 10, 0, is_token},
    {TEXT_AND_TWO("Bearer "), 12, 7, is_value},
    {TEXT_AND_TWO("Basic "), 8, 6, is_base64},
    {TEXT_AND_TWO("GenieKey "), 10, 9, is_value},
    {TEXT_AND_TWO("Token token="), 8, 12, is_value},
    {TEXT_AND_TWO("glpat-"), 12, 0, is_token},
    {TEXT_AND_TWO("ghp_"), 20, 0, is_token},
    {TEXT_AND_TWO("github_pat_"), 20, 0, is_token},
    {TEXT_AND_TWO("hooks.slack.com/"), 8, 16, is_value},
};

/* "basic authentication" are two words of English, in which nothing is a digit or a capital. */
static bool is_plausible(const char *prefix, struct fx_slice body) {
    if (strcmp(prefix, "Basic ") != 0 && strcmp(prefix, "Bearer ") != 0)
        return true;
    for (size_t i = 0; i < body.len; i++)
        if ((body.ptr[i] >= '0' && body.ptr[i] <= '9') || body.ptr[i] == '=' ||
            (i > 0 && body.ptr[i] >= 'A' && body.ptr[i] <= 'Z'))
            return true;
    return false;
}

/* A JWT is three parts with dots between; the first is base64 of {" and short, a limit that keeps
 * one long run from being read again from each of its bytes. */
static size_t match_jwt(struct fx_slice s, size_t at) {
    enum { HEADER_MIN = 10, HEADER_MAX = 1024, PAYLOAD_MIN = 8 };

    if (s.len - at < HEADER_MIN || memcmp(s.ptr + at, "eyJ", 3) != 0 ||
        (at > 0 && is_word(s.ptr[at - 1])))
        return 0;
    size_t header = run_of(fx_slice_cut(s, 0, at + HEADER_MAX), at, is_token);
    size_t payload_at = at + header + 1;

    if (header < HEADER_MIN || payload_at >= s.len || s.ptr[payload_at - 1] != '.')
        return 0;
    size_t payload = run_of(s, payload_at, is_token), end = payload_at + payload;

    if (payload < PAYLOAD_MIN || end >= s.len || s.ptr[end] != '.')
        return 0;
    return end + 1 + run_of(s, end + 1, is_token) - at;
}

/* A key id is followed by its secret, 40 characters of base64, in CSV files and in terminals. */
static size_t secret_beside(struct fx_slice s, size_t at) {
    enum { SECRET_LENGTH = 40 };
    size_t p = at;

    while (p < s.len && s.ptr[p] != '\0' && strchr(" \t\r\n,;:|/\"'", s.ptr[p]) != NULL)
        p++;
    return p > at && run_of(s, p, is_base64) == SECRET_LENGTH ? p - at + SECRET_LENGTH : 0;
}

static size_t match_form(struct fx_slice s, size_t at, size_t *ret_keep) {
    if (at + 1 >= s.len || (at > 0 && is_word(s.ptr[at - 1])))
        return 0;
    uint16_t two = fold_two(s.ptr + at);

    for (size_t i = 0; i < FX_COUNT_OF(forms); i++) {
        if (forms[i].two != two || !has_prefix_at(s, at, forms[i].prefix))
            continue;
        size_t prefix = strlen(forms[i].prefix);
        size_t body = run_of(s, at + prefix, forms[i].belongs);

        if (body >= forms[i].min &&
            is_plausible(forms[i].prefix, fx_slice_cut(s, at + prefix, body))) {
            *ret_keep = forms[i].keep;
            return prefix + body + (i < KEY_ID_FORMS ? secret_beside(s, at + prefix + body) : 0);
        }
    }
    return 0;
}

/* Names whose value is a secret when '=' or ':' stands between. An edge is wanted on the left of
 * those that end other words: PGPASSWORD is a password, pwd is not the end of cpwd. */
static const struct {
    const char *name;
    uint16_t two;
    bool edge;
} secret_names[] = {
    {TEXT_AND_TWO("secretaccesskey"), false},
    {TEXT_AND_TWO("secret_access_key"), false},
    {TEXT_AND_TWO("secret_key"), false},
    {TEXT_AND_TWO("secretkey"), false},
    {TEXT_AND_TWO("session_token"), false},
    {TEXT_AND_TWO("sessiontoken"), false},
    {TEXT_AND_TWO("security-token"), false},
    {TEXT_AND_TWO("password"), false},
    {TEXT_AND_TWO("passwd"), false},
    {TEXT_AND_TWO("passphrase"), false},
    {TEXT_AND_TWO("pwd"), true},
    {TEXT_AND_TWO("client_secret"), false},
    {TEXT_AND_TWO("clientsecret"), false},
    {TEXT_AND_TWO("signing_secret"), false},
    {TEXT_AND_TWO("signingsecret"), false},
    {TEXT_AND_TWO("api_key"), true},
    {TEXT_AND_TWO("api-key"), true},
    {TEXT_AND_TWO("apikey"), true},
    {TEXT_AND_TWO("access_token"), false},
    {TEXT_AND_TWO("accesstoken"), false},
    {TEXT_AND_TWO("refresh_token"), false},
    {TEXT_AND_TWO("refreshtoken"), false},
    {TEXT_AND_TWO("auth_token"), false},
    {TEXT_AND_TWO("authtoken"), false},
    {TEXT_AND_TWO("routing_key"), true},
    {TEXT_AND_TWO("integration_key"), true},
    {TEXT_AND_TWO("service_key"), true},
    {TEXT_AND_TWO("private_key"), false},
    {TEXT_AND_TWO("privatekey"), false},
    {TEXT_AND_TWO("bot_token"), true},
    {TEXT_AND_TWO("api_token"), true},
    {TEXT_AND_TWO("secret"), true},
};

static bool is_edge(struct fx_slice s, size_t at) {
    return at == 0 || !is_word(s.ptr[at - 1]) || s.ptr[at - 1] == '_';
}

/* arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME is the name of a secret. */
static bool is_in_arn(struct fx_slice s, size_t at) {
    return at > 0 && s.ptr[at - 1] == ':';
}

/* The length of a value. In quotes it runs to the same quote, whatever stands between; quotes that
 * are escaped themselves (JSON in JSON) end at the next escaped one. */
static size_t value_length(struct fx_slice s, size_t at) {
    char quote = at > 0 && (s.ptr[at - 1] == '"' || s.ptr[at - 1] == '\'') ? s.ptr[at - 1] : '\0';
    bool nested = quote != '\0' && at > 1 && s.ptr[at - 2] == '\\';

    if (quote == '\0')
        return run_of(s, at, is_value);
    for (size_t p = at; p < s.len; p++) {
        if (s.ptr[p] == quote)
            return p - at;
        if (s.ptr[p] == '\\' && p + 1 < s.len) {
            if (nested && s.ptr[p + 1] == quote)
                return p - at;
            p++;
        }
    }
    return s.len - at;
}

/* name [" ] [blank] (= or :) [blank] [" ] value: the length up to the value, 0 when it is none. */
static size_t match_name(struct fx_slice s, size_t at, size_t *ret_value) {
    enum { MIN_VALUE = 4 };
    uint16_t two = at + 1 < s.len ? fold_two(s.ptr + at) : 0;

    for (size_t i = 0; i < FX_COUNT_OF(secret_names); i++) {
        const char *name = secret_names[i].name;

        if (secret_names[i].two != two || !has_prefix_at(s, at, name) ||
            (secret_names[i].edge && !is_edge(s, at)) || is_in_arn(s, at))
            continue;
        size_t p = at + strlen(name);

        while (p < s.len && s.ptr[p] != '\0' && strchr("\"'\\", s.ptr[p]) != NULL)
            p++;
        while (p < s.len && s.ptr[p] == ' ')
            p++;
        if (p == s.len || (s.ptr[p] != '=' && s.ptr[p] != ':'))
            continue;
        p++;
        while (p < s.len && s.ptr[p] == ' ')
            p++;
        while (p < s.len && (s.ptr[p] == '\\' || s.ptr[p] == '"' || s.ptr[p] == '\'')) {
            p++;
            if (s.ptr[p - 1] != '\\')
                break;
        }
        *ret_value = value_length(s, p);
        if (*ret_value >= MIN_VALUE)
            return p - at;
    }
    return 0;
}

/* What a password in a URL may be made of; those who did not encode it meant the last @. */
static bool is_authority(char c) {
    return (unsigned char)c > ' ' && strchr("/?#<>|\"'`\\", c) == NULL;
}

/* scheme://user:password@host: where the password begins and ends. */
static bool match_url(struct fx_slice s, size_t at, size_t *ret_begin, size_t *ret_end) {
    if (!has_prefix_at(s, at, "://"))
        return false;
    struct fx_slice authority = fx_slice_cut(s, at + 3, run_of(s, at + 3, is_authority));
    size_t colon = fx_slice_find(authority, 0, ':'), last = authority.len;

    while (last > 0 && authority.ptr[last - 1] != '@')
        last--;
    if (last == 0 || colon + 2 >= last + 1)
        return false;
    *ret_begin = at + 3 + colon + 1;
    *ret_end = at + 3 + last - 1;
    return true;
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

/* Nearly all bytes of a text begin nothing, which the first two letters tell: for each first a bit
 * for every second. Letters of both cases share a bit, and so do signs: a bit too many costs time
 * only. */
struct beginnings {
    uint32_t seconds[32];
};

static void add_beginning(struct beginnings *begins, uint16_t two) {
    begins->seconds[two >> 8 & 31] |= 1u << (two & 31);
}

static void collect_beginnings(struct beginnings *begins) {
    memset(begins, 0, sizeof *begins);
    add_beginning(begins, fold_two("eyJ"));
    add_beginning(begins, fold_two("-----BEGIN"));
    add_beginning(begins, fold_two("://"));
    for (size_t i = 0; i < FX_COUNT_OF(forms); i++)
        add_beginning(begins, forms[i].two);
    for (size_t i = 0; i < FX_COUNT_OF(secret_names); i++)
        add_beginning(begins, secret_names[i].two);
}

static bool begins_at(const struct beginnings *begins, struct fx_slice s, size_t at) {
    return at + 1 < s.len && (begins->seconds[s.ptr[at] & 31] >> (s.ptr[at + 1] & 31) & 1) != 0;
}

static struct fx_slice redact(struct fx_scope *sc, const struct beginnings *begins,
                              struct fx_slice text) {
    struct fx_buf buf;
    size_t copied = 0; /* of text; what follows is added when something of it has to go */

    fx_buf_init(&buf, sc, 2 * text.len + sizeof mark);
    for (size_t i = 0; i < text.len;) {
        size_t keep = 0, begin = 0, end = 0, length = 0, value = 0;

        if (!begins_at(begins, text, i)) {
            i++;
            continue;
        }
        if ((length = match_form(text, i, &keep)) > 0) {
            /* what it begins with stays */
        } else if ((length = match_jwt(text, i)) > 0 || (length = match_pem(text, i)) > 0) {
            /* nothing of it stays */
        } else if ((length = match_name(text, i, &value)) > 0) {
            keep = length;
            length += value;
        } else if (match_url(text, i, &begin, &end)) {
            keep = begin - i;
            length = end - i;
        } else {
            i++;
            continue;
        }
        fx_buf_add(&buf, fx_slice_cut(text, copied, i + keep - copied));
        fx_buf_add_text(&buf, mark);
        i += length;
        copied = i;
    }
    if (copied == 0)
        return text;
    fx_buf_add(&buf, fx_slice_cut(text, copied, text.len));
    return fx_buf_slice(&buf);
}

struct fx_slice fx_redact_slice(struct fx_scope *sc, struct fx_slice text) {
    struct beginnings begins;

    collect_beginnings(&begins);
    return redact(sc, &begins, text);
}

const char *fx_redact(struct fx_scope *sc, const char *text) {
    struct fx_slice given = fx_slice_of(text), clean = fx_redact_slice(sc, given);

    return clean.ptr == given.ptr ? text : clean.ptr;
}

static struct fx_json *clean(struct fx_scope *sc, const struct beginnings *begins,
                             struct fx_json *json);

/* What nobody can change, a text or number with nothing to hide, is shared and not copied. */
static struct fx_json *clean_text(struct fx_scope *sc, const struct beginnings *begins,
                                  struct fx_json *json) {
    struct fx_slice text = fx_json_text_slice(json), shown = redact(sc, begins, text);

    return shown.ptr == text.ptr ? json : fx_json_slice(sc, shown);
}

static struct fx_json *clean_array(struct fx_scope *sc, const struct beginnings *begins,
                                   const struct fx_json *json) {
    struct fx_json *copy = fx_json_array(sc);

    for (size_t i = 0; i < fx_json_count(json); i++)
        fx_json_add(copy, clean(sc, begins, fx_json_item(json, i)));
    return copy;
}

static struct fx_json *clean_object(struct fx_scope *sc, const struct beginnings *begins,
                                    const struct fx_json *json) {
    struct fx_json *copy = fx_json_object(sc), *value = NULL;
    const char *key = NULL;
    void *cursor = NULL;

    while (fx_json_next(json, &cursor, &key, &value))
        fx_json_put(copy, key, clean(sc, begins, value));
    return copy;
}

static struct fx_json *clean(struct fx_scope *sc, const struct beginnings *begins,
                             struct fx_json *json) {
    switch (fx_json_type(json)) {
    case FX_JSON_STRING:
        return clean_text(sc, begins, json);
    case FX_JSON_ARRAY:
        return clean_array(sc, begins, json);
    case FX_JSON_OBJECT:
        return clean_object(sc, begins, json);
    default:
        return json;
    }
}

struct fx_json *fx_redact_json(struct fx_scope *sc, const struct fx_json *json) {
    struct beginnings begins;

    collect_beginnings(&begins);
    switch (fx_json_type(json)) {
    case FX_JSON_ARRAY:
        return clean_array(sc, &begins, json);
    case FX_JSON_OBJECT:
        return clean_object(sc, &begins, json);
    case FX_JSON_STRING:
        return fx_json_slice(sc, redact(sc, &begins, fx_json_text_slice(json)));
    default:
        return fx_json_copy(sc, json);
    }
}
