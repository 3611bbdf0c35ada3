/* log_text.c - values in texts that CloudWatch Logs parses: Insights queries, filter patterns.
 *
 * Neither language has bound parameters, and what they take a backslash for is not written down
 * everywhere. So nothing here relies on escaping: a value of a query is made of characters that
 * mean nothing, and a pattern never holds what could end its quotes.
 */
#include "private.h"

#include "fluxabot/base/buf.h"

#include <stdio.h>
#include <string.h>

enum {
    LOG_VALUE_MAX = 128,
    LOG_VALUES_MAX = 9,     /* $1 to $9 */
    LOG_QUERY_MAX = 10000,  /* AWS's, of queryString */
    LOG_PATTERN_MAX = 1024, /* AWS's, of filterPattern */
    LOG_WORDS_MAX = 8,
    LOG_SHOWN_ERROR_BYTES = 400, /* of AWS's words, so that ours fit too */
};

/* ---- Insights ---- */

static bool is_plain(struct fx_slice value) {
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        bool alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');

        if (!alnum && (c == '\0' || strchr("._:=-", c) == NULL))
            return false;
    }
    return value.len > 0 && value.len <= LOG_VALUE_MAX;
}

static enum fx_code add_text(struct fx_buf *buf, const struct fx_json *value,
                             struct fx_error *err) {
    struct fx_slice text = fx_json_text_slice(value);

    if (!is_plain(text))
        return fx_fail(err, FX_ERR_INPUT,
                       "a value of a log query has 1 to %d letters, digits and . _ : = -, and "
                       "nothing else; nothing was asked",
                       LOG_VALUE_MAX);
    fx_buf_add_char(buf, '"');
    fx_buf_add(buf, text);
    fx_buf_add_char(buf, '"');
    return FX_OK;
}

static enum fx_code add_value(struct fx_buf *buf, const struct fx_json *value,
                              struct fx_error *err) {
    if (fx_json_type(value) == FX_JSON_INT) {
        fx_buf_addf(buf, "%lld", (long long)fx_json_to_int(value, 0));
        return FX_OK;
    }
    if (fx_json_type(value) != FX_JSON_ARRAY)
        return add_text(buf, value, err);
    fx_buf_add_char(buf, '[');
    for (size_t i = 0; i < fx_json_count(value); i++) {
        if (i > 0)
            fx_buf_add_char(buf, ',');
        FX_TRY(add_text(buf, fx_json_item(value, i), err));
    }
    fx_buf_add_char(buf, ']');
    return FX_OK;
}

/* Where a $n may not stand, because what it stands for would be read as something else: inside
 * quotes, a name in backticks, a regular expression. The end of what begins at from. */
static size_t skip_closed(struct fx_slice s, size_t from, char end) {
    size_t at = from + 1;

    while (at < s.len && s.ptr[at] != end)
        at += s.ptr[at] == '\\' && at + 1 < s.len ? 2 : 1;
    return at < s.len ? at + 1 : s.len;
}

/* A slash divides, but behind `like` and `=~` it begins a regular expression. */
static bool begins_regex(struct fx_slice s, size_t at) {
    struct fx_slice before = fx_slice_trim(fx_slice_cut(s, 0, at));

    return s.ptr[at] == '/' && (fx_slice_ends_with(before, FX_SLICE("like")) ||
                                fx_slice_ends_with(before, FX_SLICE("=~")));
}

static size_t place_number(struct fx_slice s, size_t at) {
    bool is_place =
        s.ptr[at] == '$' && at + 1 < s.len && s.ptr[at + 1] >= '1' && s.ptr[at + 1] <= '9';

    return is_place ? (size_t)(s.ptr[at + 1] - '0') : 0;
}

enum fx_code log_query_bind(struct fx_scope *sc, const char *query, const struct fx_json *values,
                            const char **ret_query, struct fx_error *err) {
    struct fx_slice s = fx_slice_of(query);
    struct fx_buf buf;

    fx_buf_init(&buf, sc, LOG_QUERY_MAX);
    for (size_t at = 0; at < s.len;) {
        size_t number = place_number(s, at), end = at + 1;

        if (number > fx_json_count(values))
            return fx_fail(err, FX_ERR_INPUT, "the log query has $%zu, but `with` has %zu values",
                           number, fx_json_count(values));
        if (number > 0) {
            FX_TRY(add_value(&buf, fx_json_item(values, number - 1), err));
            at += 2;
            continue;
        }
        if (strchr("\"'`", s.ptr[at]) != NULL || begins_regex(s, at))
            end = skip_closed(s, at, s.ptr[at]);
        fx_buf_add(&buf, fx_slice_cut(s, at, end - at));
        at = end;
    }
    if (buf.full)
        return fx_fail(err, FX_ERR_INPUT,
                       "the log query is longer than CloudWatch's %d characters; give fewer values",
                       LOG_QUERY_MAX);
    *ret_query = fx_buf_text(&buf);
    return FX_OK;
}

/* ${variables.name}, of the configuration; anything else may be a person's. */
static bool is_variable(struct fx_slice s, size_t at) {
    static const struct fx_slice prefix = FX_SLICE("${variables.");
    size_t end = at + prefix.len;

    if (!fx_slice_starts_with(fx_slice_cut(s, at, s.len), prefix))
        return false;
    while (end < s.len && (s.ptr[end] == '_' || (s.ptr[end] >= '0' && s.ptr[end] <= '9') ||
                           (s.ptr[end] >= 'a' && s.ptr[end] <= 'z')))
        end++;
    return end > at + prefix.len && end < s.len && s.ptr[end] == '}';
}

enum fx_code log_query_check(const char *query, const struct fx_json *values,
                             struct fx_error *err) {
    struct fx_slice s = fx_slice_of(query);
    bool is_list = fx_json_type(values) == FX_JSON_ARRAY;

    for (size_t at = 0; at + 1 < s.len; at++)
        if (s.ptr[at] == '$' && s.ptr[at + 1] == '{' && !is_variable(s, at))
            return fx_fail(err, FX_ERR_INPUT,
                           "a log query may hold ${variables.…} and no other ${ }: write $1 and "
                           "put the value under `with`");
    for (size_t at = 0; at < s.len;) {
        bool closed = strchr("\"'`", s.ptr[at]) != NULL || begins_regex(s, at);
        size_t end = closed ? skip_closed(s, at, s.ptr[at]) : at + 1;
        size_t number = place_number(s, at);

        if (number > (is_list ? fx_json_count(values) : LOG_VALUES_MAX))
            return fx_fail(err, FX_ERR_INPUT, "the log query has $%zu, but `with` has %zu values",
                           number, fx_json_count(values));
        for (size_t in = at; closed && in < end; in++)
            if (place_number(s, in) > 0)
                return fx_fail(err, FX_ERR_INPUT,
                               "write $%zu without quotes around it: the value brings its own",
                               place_number(s, in));
        at = end;
    }
    return FX_OK;
}

/* ---- filter patterns ---- */

/* A quote and a backslash could end a phrase, %...% is a regular expression. */
static bool splits_phrase(char c) {
    return c == '"' || c == '\\' || c == '%' || (unsigned char)c < ' ' || c == 0x7F;
}

/* Each piece of a word between such characters as a phrase: a line that holds the word holds them
 * all. Blanks alone would be a phrase that AWS may read as none. */
static void add_phrases(struct fx_buf *buf, struct fx_slice word) {
    for (size_t at = 0; at < word.len;) {
        size_t from = at;

        while (at < word.len && !splits_phrase(word.ptr[at]))
            at++;
        struct fx_slice piece = fx_slice_cut(word, from, at - from);
        if (fx_slice_trim(piece).len > 0) {
            fx_buf_add_text(buf, buf->len > 0 ? " \"" : "\"");
            fx_buf_add(buf, piece);
            fx_buf_add_char(buf, '"');
        }
        at += at == from;
    }
}

enum fx_code log_pattern(struct fx_scope *sc, const struct fx_json *words, const char **ret_pattern,
                         struct fx_error *err) {
    struct fx_buf buf;

    if (fx_json_count(words) > LOG_WORDS_MAX)
        return fx_fail(err, FX_ERR_INPUT, "a search takes at most %d texts; nothing was looked at",
                       LOG_WORDS_MAX);
    fx_buf_init(&buf, sc, LOG_PATTERN_MAX);
    for (size_t i = 0; i < fx_json_count(words); i++) {
        struct fx_slice word = fx_json_text_slice(fx_json_item(words, i));

        if (word.ptr == NULL || !fx_slice_is_utf8(word))
            return fx_fail(err, FX_ERR_INPUT, "what is searched for must be texts");
        add_phrases(&buf, word);
    }
    if (buf.full)
        return fx_fail(err, FX_ERR_INPUT,
                       "the texts to search for are longer than CloudWatch's %d bytes; give a "
                       "shorter one",
                       LOG_PATTERN_MAX);
    *ret_pattern = fx_buf_text(&buf);
    return FX_OK;
}

bool log_holds(struct fx_slice line, const struct fx_json *words) {
    for (size_t i = 0; i < fx_json_count(words); i++) {
        struct fx_slice word = fx_json_text_slice(fx_json_item(words, i));

        if (word.len > 0 && memmem(line.ptr, line.len, word.ptr, word.len) == NULL)
            return false;
    }
    return true;
}

/* ---- which group ---- */

enum fx_code log_groups_chosen(struct fx_scope *sc, const struct fx_json *params,
                               struct fx_json **ret_groups, struct fx_error *err) {
    struct fx_json *groups = fx_json_at(params, "groups");
    const char *only = fx_json_get_text(params, "only");

    *ret_groups = groups;
    if (only == NULL || only[0] == '\0')
        return FX_OK;
    for (size_t i = 0; i < fx_json_count(groups); i++)
        if (fx_slice_equal_text(fx_json_text_slice(fx_json_item(groups, i)), only)) {
            *ret_groups = fx_json_array_of(sc, fx_json_item(groups, i), NULL);
            return FX_OK;
        }
    return fx_fail(err, FX_ERR_INPUT, "%s is none of the log groups of this step", only);
}

enum fx_code log_group_explain(struct fx_error *err) {
    struct fx_error why = *err;

    if (strcmp(why.upstream, "ResourceNotFoundException") != 0)
        return why.code;
    (void)fx_fail(err, why.code, "%.*s; give the right name to the variable of the log group",
                  LOG_SHOWN_ERROR_BYTES, why.message);
    snprintf(err->upstream, sizeof err->upstream, "%s", why.upstream);
    return err->code;
}
