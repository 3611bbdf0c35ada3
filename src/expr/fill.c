/* fill.c - texts with ${ } in them. */
#include "private.h"

#include "fluxabot/base/buf.h"

#include <string.h>

enum { SHOWN_BYTES = 60 };

struct part {
    struct fx_slice text;   /* when there is no expression */
    struct fx_slice source; /* between ${ and } */
    bool is_expression;
};

/* The closing brace is found as Lua would: not in a text, a comment or an inner { }. */
static enum fx_code find_end(struct fx_slice s, size_t at, size_t *ret_end, struct fx_error *err) {
    int depth = 0;

    for (;;) {
        struct expr_token token = expr_next_token(s, &at);

        if (token.type == EXPR_TOKEN_OPEN)
            return fx_fail(err, FX_ERR_INPUT, "a text or comment inside ${ } is not closed");
        if (token.type == EXPR_TOKEN_END)
            return fx_fail(err, FX_ERR_INPUT, "a ${ is not closed; write $${ for the characters");
        if (token.type != EXPR_TOKEN_SYMBOL)
            continue;
        if (fx_slice_equal_text(token.text, "{"))
            depth++;
        if (fx_slice_equal_text(token.text, "}") && depth-- == 0) {
            *ret_end = at - 1;
            return FX_OK;
        }
    }
}

static bool stands(struct fx_slice s, size_t at, const char *word) {
    return fx_slice_starts_with(fx_slice_cut(s, at, strlen(word)), fx_slice_of(word));
}

/* The part at *at, which moves behind it: an expression, or text up to the next one. */
static enum fx_code next_part(struct fx_slice s, size_t *at, struct part *ret_part,
                              struct fx_error *err) {
    size_t from = *at, end = from;

    *ret_part = (struct part){0};
    if (stands(s, from, "$${")) {
        ret_part->text = fx_slice_cut(s, from + 1, 2);
        *at = from + 3;
        return FX_OK;
    }
    if (stands(s, from, "${")) {
        FX_TRY(find_end(s, from + 2, &end, err));
        ret_part->source = fx_slice_cut(s, from + 2, end - from - 2);
        ret_part->is_expression = true;
        *at = end + 1;
        return FX_OK;
    }
    do
        end = fx_slice_find(s, end + 1, '$');
    while (end < s.len && !stands(s, end, "${") && !stands(s, end, "$${"));
    ret_part->text = fx_slice_cut(s, from, end - from);
    *at = end;
    return FX_OK;
}

static enum fx_code in_source(struct fx_slice source, struct fx_error *err) {
    source = fx_slice_trim(source);
    size_t shown = fx_slice_utf8_prefix(source, SHOWN_BYTES);
    return fx_fail_in(err, "${%.*s%s}", (int)shown, source.ptr, shown < source.len ? "..." : "");
}

/* Names with dots between, all of which are given: the value itself, however large it is. It is in
 * our hands already, and what an expression makes of values is what has to be bounded. NULL for
 * anything else, also for what is not there: Lua says what that means. */
static const struct fx_json *find_given(struct fx_scope *sc, struct fx_slice source,
                                        const struct fx_json *names) {
    const struct fx_json *value = names;
    bool is_name = true;
    size_t at = 0;

    for (;; is_name = !is_name) {
        struct expr_token token = expr_next_token(source, &at);

        if (token.type == EXPR_TOKEN_END)
            return is_name ? NULL : value;
        if (!is_name && token.type == EXPR_TOKEN_SYMBOL && fx_slice_equal_text(token.text, "."))
            continue;
        if (!is_name || token.type != EXPR_TOKEN_NAME || fx_json_type(value) != FX_JSON_OBJECT)
            return NULL;
        value = fx_json_at(value, fx_printf(sc, "%.*s", (int)token.text.len, token.text.ptr));
        if (value == NULL)
            return NULL;
    }
}

static enum fx_code eval_part(struct fx_scope *sc, struct fx_slice source,
                              const struct fx_json *names, struct fx_json **ret_value,
                              struct fx_error *err) {
    if (fx_expr_eval(sc, source, names, ret_value, err) != FX_OK)
        return in_source(source, err);
    return FX_OK;
}

static enum fx_code add_value(struct fx_buf *buf, struct fx_slice source,
                              const struct fx_json *value, struct fx_error *err) {
    double real = fx_json_to_real(value, 0);

    switch (fx_json_type(value)) {
    case FX_JSON_ABSENT:
    case FX_JSON_NULL:
        (void)fx_fail(err, FX_ERR_INPUT, "the value is null; default(..., \"-\") gives another");
        return in_source(source, err);
    case FX_JSON_STRING:
        fx_buf_add(buf, fx_json_text_slice(value));
        return FX_OK;
    case FX_JSON_REAL: /* as text(...) writes it: 3, not 3.0 */
        if (real > -1e15 && real < 1e15 && real == (double)(int64_t)real)
            fx_buf_addf(buf, "%lld", (long long)real);
        else
            fx_buf_addf(buf, "%.14g", real);
        return FX_OK;
    default:
        fx_buf_add_text(buf, fx_json_dump(buf->sc, value));
        return FX_OK;
    }
}

enum fx_code fx_expr_fill(struct fx_scope *sc, const char *text, const struct fx_json *names,
                          struct fx_json **ret_value, struct fx_error *err) {
    struct fx_slice s = fx_slice_of(text);
    struct part part = {0};
    struct fx_buf buf;
    size_t at = 0;

    fx_buf_init(&buf, sc, FX_EXPR_MAX_RESULT_BYTES);
    while (at < s.len) {
        struct fx_json *value = NULL;
        bool is_start = at == 0;

        FX_TRY(next_part(s, &at, &part, err));
        if (!part.is_expression) {
            fx_buf_add(&buf, part.text);
            continue;
        }
        if (is_start && at == s.len) {
            const struct fx_json *given = find_given(sc, part.source, names);

            if (given == NULL)
                return eval_part(sc, part.source, names, ret_value, err);
            *ret_value = fx_json_copy(sc, given);
            return FX_OK;
        }
        FX_TRY(eval_part(sc, part.source, names, &value, err));
        FX_TRY(add_value(&buf, part.source, value, err));
    }
    if (buf.full)
        return fx_fail(err, FX_ERR_LIMIT, "the filled text has more than %d KiB",
                       FX_EXPR_MAX_RESULT_BYTES >> 10);
    *ret_value = fx_json_slice(sc, fx_buf_slice(&buf));
    return FX_OK;
}

static enum fx_code fill_inside(struct fx_scope *sc, const struct fx_json *value,
                                const struct fx_json *names, int depth, struct fx_json **ret_value,
                                struct fx_error *err);

static enum fx_code fill_array(struct fx_scope *sc, const struct fx_json *value,
                               const struct fx_json *names, int depth, struct fx_json **ret_value,
                               struct fx_error *err) {
    struct fx_json *array = fx_json_array(sc);

    for (size_t i = 0; i < fx_json_count(value); i++) {
        struct fx_json *item = NULL;
        FX_TRY(fill_inside(sc, fx_json_item(value, i), names, depth + 1, &item, err));
        fx_json_add(array, item);
    }
    *ret_value = array;
    return FX_OK;
}

static enum fx_code fill_object(struct fx_scope *sc, const struct fx_json *value,
                                const struct fx_json *names, int depth, struct fx_json **ret_value,
                                struct fx_error *err) {
    struct fx_json *object = fx_json_object(sc), *member = NULL;
    const char *key = NULL;
    void *cursor = NULL;

    while (fx_json_next(value, &cursor, &key, &member)) {
        struct fx_json *filled = NULL;
        if (fill_inside(sc, member, names, depth + 1, &filled, err) != FX_OK)
            return fx_fail_in(err, "%.40s", key);
        fx_json_put(object, key, filled);
    }
    *ret_value = object;
    return FX_OK;
}

static enum fx_code fill_inside(struct fx_scope *sc, const struct fx_json *value,
                                const struct fx_json *names, int depth, struct fx_json **ret_value,
                                struct fx_error *err) {
    if (depth > FX_JSON_MAX_DEPTH + 1)
        return fx_fail(err, FX_ERR_LIMIT, "nested deeper than %d levels", FX_JSON_MAX_DEPTH);
    switch (fx_json_type(value)) {
    case FX_JSON_STRING:
        if (fx_expr_is_template(fx_json_text(value)))
            return fx_expr_fill(sc, fx_json_text(value), names, ret_value, err);
        break;
    case FX_JSON_ARRAY:
        return fill_array(sc, value, names, depth, ret_value, err);
    case FX_JSON_OBJECT:
        return fill_object(sc, value, names, depth, ret_value, err);
    default:
        break;
    }
    *ret_value = fx_json_copy(sc, value);
    return FX_OK;
}

enum fx_code fx_expr_fill_all(struct fx_scope *sc, const struct fx_json *value,
                              const struct fx_json *names, struct fx_json **ret_value,
                              struct fx_error *err) {
    return fill_inside(sc, value, names, 1, ret_value, err);
}

enum fx_code fx_expr_check_text(struct fx_expr_checker *checker, const char *text,
                                const struct fx_json *known, struct fx_error *err) {
    struct fx_slice s = fx_slice_of(text);
    struct part part = {0};
    size_t at = 0;

    while (at < s.len) {
        FX_TRY(next_part(s, &at, &part, err));
        if (part.is_expression && fx_expr_check(checker, part.source, known, err) != FX_OK)
            return in_source(part.source, err);
    }
    return FX_OK;
}

bool fx_expr_is_template(const char *text) {
    return text && strstr(text, "${") != NULL;
}
