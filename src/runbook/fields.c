/* fields.c - a map against the rows that say which keys it may have. */
#include "private.h"

#include <string.h>

static bool is_texts(const struct fx_json *json) {
    if (fx_json_type(json) != FX_JSON_ARRAY)
        return false;
    for (size_t i = 0; i < fx_json_count(json); i++)
        if (fx_json_type(fx_json_item(json, i)) != FX_JSON_STRING)
            return false;
    return true;
}

static bool is_scalar(const struct fx_json *json) {
    enum fx_json_type type = fx_json_type(json);

    return type == FX_JSON_STRING || type == FX_JSON_INT || type == FX_JSON_REAL ||
           type == FX_JSON_BOOL;
}

static bool fits(enum runbook_field_type type, const struct fx_json *json) {
    switch (type) {
    case RUNBOOK_TEXT:
        return fx_json_type(json) == FX_JSON_STRING && fx_json_text(json)[0] != '\0';
    case RUNBOOK_INT:
        return fx_json_type(json) == FX_JSON_INT;
    case RUNBOOK_BOOL:
        return fx_json_type(json) == FX_JSON_BOOL;
    case RUNBOOK_SCALAR:
        return is_scalar(json);
    case RUNBOOK_TEXTS:
        return is_texts(json);
    case RUNBOOK_LINES:
        return fx_json_type(json) == FX_JSON_STRING || is_texts(json);
    case RUNBOOK_LIST:
        return fx_json_type(json) == FX_JSON_ARRAY;
    case RUNBOOK_MAP:
        return fx_json_type(json) == FX_JSON_OBJECT;
    case RUNBOOK_ANY:
        break;
    }
    return true;
}

static const char *type_name(enum runbook_field_type type) {
    static const char *const names[] = {
        [RUNBOOK_TEXT] = "a text (in quotes when it looks like a number)",
        [RUNBOOK_INT] = "a whole number",
        [RUNBOOK_BOOL] = "true or false",
        [RUNBOOK_SCALAR] = "a text or a number",
        [RUNBOOK_TEXTS] = "a list of texts",
        [RUNBOOK_LINES] = "a text or a list of texts",
        [RUNBOOK_LIST] = "a list",
        [RUNBOOK_MAP] = "a map",
        [RUNBOOK_ANY] = "a value",
    };
    return names[type];
}

static const struct runbook_field *find_field(const struct runbook_field *fields, size_t count,
                                              const char *key) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(fields[i].key, key) == 0)
            return &fields[i];
    return NULL;
}

static void say_unknown(struct runbook_check *c, const char *path, const char *what,
                        const char *key, const struct runbook_field *fields, size_t count) {
    const char **keys = fx_alloc(c->scratch, count * sizeof *keys);

    for (size_t i = 0; i < count; i++)
        keys[i] = fields[i].key;
    const char *meant = runbook_nearest(key, keys, count);
    const char *shown = runbook_shown(c->scratch, fx_slice_of(key));

    if (meant != NULL)
        runbook_say(c, path, "%s has no key %s; did you mean %s?", what, shown, meant);
    else
        runbook_say(c, path, "%s has no key %s; it takes %s", what, shown,
                    runbook_or_list(c->scratch, keys, count));
}

bool runbook_check_fields(struct runbook_check *c, const char *path, const struct fx_json *json,
                          const char *what, const struct runbook_field *fields, size_t count) {
    void *cursor = NULL;
    const char *key = NULL;
    struct fx_json *value = NULL;

    if (fx_json_type(json) != FX_JSON_OBJECT) {
        runbook_say(c, path, "%s must be a map", what);
        return false;
    }
    while (fx_json_next(json, &cursor, &key, &value)) {
        const struct runbook_field *field = find_field(fields, count, key);
        const char *here = runbook_path(c, path, key);

        if (field == NULL)
            say_unknown(c, here, what, key, fields, count);
        else if (!fits(field->type, value))
            runbook_say(c, here, "%s must be %s", key, type_name(field->type));
    }
    for (size_t i = 0; i < count; i++)
        if (fields[i].required && fx_json_at(json, fields[i].key) == NULL)
            runbook_say(c, path, "%s needs the key %s", what, fields[i].key);
    return true;
}

const char *const *runbook_texts(struct fx_scope *sc, const struct fx_json *list,
                                 size_t *ret_count) {
    size_t count = fx_json_count(list), kept = 0;
    const char **texts = fx_alloc(sc, (count + 1) * sizeof *texts);

    for (size_t i = 0; i < count; i++) {
        const char *text = fx_json_text(fx_json_item(list, i));
        if (text != NULL)
            texts[kept++] = text;
    }
    *ret_count = kept;
    return texts;
}

bool runbook_is_one_of(const char *text, const char *const *allowed, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(text, allowed[i]) == 0)
            return true;
    return false;
}

const char *runbook_or_list(struct fx_scope *sc, const char *const *words, size_t count) {
    const char *list = "";

    for (size_t i = 0; i < count; i++)
        list = fx_printf(sc, "%s%s%s", list,
                         i == 0           ? ""
                         : i + 1 == count ? " or "
                                          : ", ",
                         words[i]);
    return list;
}

bool runbook_is_name(const char *name) {
    static const char *const lua_words[] = {
        "and",      "break",  "do",   "else", "elseif", "end",  "false", "for",
        "function", "goto",   "if",   "in",   "local",  "nil",  "not",   "or",
        "repeat",   "return", "then", "true", "until",  "while"};
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");

    return len > 0 && name[len] == '\0' && len <= RUNBOOK_MAX_NAME_BYTES && name[0] >= 'a' &&
           name[0] <= 'z' && !runbook_is_one_of(name, lua_words, FX_COUNT_OF(lua_words));
}

void runbook_check_word(struct runbook_check *c, const char *path, const char *text,
                        const char *const *allowed, size_t count) {
    if (text != NULL && !fx_expr_is_template(text) && !runbook_is_one_of(text, allowed, count))
        runbook_say(c, path, "%s is not %s", runbook_shown(c->scratch, fx_slice_of(text)),
                    runbook_or_list(c->scratch, allowed, count));
}
