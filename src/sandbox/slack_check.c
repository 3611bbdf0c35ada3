/* slack_check.c - walks blocks and views along their shapes and collects what Slack would refuse.
 */
#include "slack_shapes.h"

#include <string.h>

enum { COMPLAINTS_MAX = 20, VIEW_SHORT_TEXT = 24 };

struct slack_check {
    struct fx_scope *sc;
    struct fx_json *complaints;
    enum slack_surface surface;
    struct fx_json *block_ids;
};

static void check_shape(struct slack_check *check, const struct fx_json *value,
                        const struct slack_shape *shape, const char *pointer);
static void check_one_of(struct slack_check *check, const struct fx_json *value,
                         const struct slack_shape *const *shapes, const char *pointer);

void slack_complain(struct slack_check *check, const char *pointer, const char *fmt, ...) {
    va_list args;

    if (fx_json_count(check->complaints) >= COMPLAINTS_MAX)
        return;
    va_start(args, fmt);
    const char *what = fx_vprintf(check->sc, fmt, args);
    va_end(args);
    fx_json_add(check->complaints,
                fx_json_stringf(check->sc, "%s [json-pointer:%s]", what, pointer));
}

static bool is_word(const char *words, const char *text) {
    struct fx_slice head, tail = fx_slice_of(words);

    do {
        fx_slice_split(tail, '|', &head, &tail);
        if (fx_slice_equal_text(head, text))
            return true;
    } while (tail.len > 0);
    return false;
}

static void check_string(struct slack_check *check, const struct fx_json *value,
                         const struct slack_rule *rule, const char *pointer) {
    if (fx_json_type(value) != FX_JSON_STRING) {
        slack_complain(check, pointer, "must provide a string");
        return;
    }
    int64_t count = (int64_t)fx_slice_utf8_count(fx_json_text_slice(value));
    if (rule->max > 0 && count > rule->max)
        slack_complain(check, pointer, "must be less than %lld characters",
                       (long long)rule->max + 1);
    if (count < rule->min)
        slack_complain(check, pointer, "must be more than %lld characters",
                       (long long)rule->min - 1);
}

static void check_url(struct slack_check *check, const struct fx_json *value,
                      const struct slack_rule *rule, const char *pointer) {
    check_string(check, value, rule, pointer);
    const char *url = fx_json_text(value);
    if (url && (!(strstr(url, "://") || strncmp(url, "mailto:", 7) == 0) || strpbrk(url, " \t\n")))
        slack_complain(check, pointer, "must be a valid URL");
}

static void check_int(struct slack_check *check, const struct fx_json *value,
                      const struct slack_rule *rule, const char *pointer) {
    int64_t number = fx_json_to_int(value, 0);

    if (fx_json_type(value) != FX_JSON_INT)
        slack_complain(check, pointer, "must provide an integer");
    else if (number < rule->min || number > rule->max)
        slack_complain(check, pointer, "must be from %lld to %lld", (long long)rule->min,
                       (long long)rule->max);
}

/* A wrong kind of text object fails as a whole, in Slack's words. */
static void check_text(struct slack_check *check, const struct fx_json *value, bool plain_only,
                       int64_t max, const char *pointer) {
    const char *type = fx_json_get_text(value, "type");
    bool plain = type && strcmp(type, "plain_text") == 0;
    bool mrkdwn = type && strcmp(type, "mrkdwn") == 0;
    void *cursor = NULL;
    const char *key;
    struct fx_json *member;

    if (!plain && (!mrkdwn || plain_only)) {
        slack_complain(check, pointer, "failed to match all allowed schemas");
        return;
    }
    while (fx_json_next(value, &cursor, &key, &member)) {
        const char *at = fx_printf(check->sc, "%s/%s", pointer, key);
        if (strcmp(key, "type") == 0 || strcmp(key, "text") == 0)
            continue;
        if (strcmp(key, plain ? "emoji" : "verbatim") != 0)
            slack_complain(check, pointer, "invalid additional property: %s", key);
        else if (fx_json_type(member) != FX_JSON_BOOL)
            slack_complain(check, at, "must provide a boolean");
    }
    const struct slack_rule rule = {.min = 1, .max = max > 0 ? max : 3000};
    if (!fx_json_at(value, "text"))
        slack_complain(check, pointer, "missing required field: text");
    else
        check_string(check, fx_json_at(value, "text"), &rule,
                     fx_printf(check->sc, "%s/text", pointer));
}

static bool check_size(struct slack_check *check, const struct fx_json *value, int64_t min,
                       int64_t max, const char *pointer) {
    int64_t count = (int64_t)fx_json_count(value);

    if (fx_json_type(value) != FX_JSON_ARRAY) {
        slack_complain(check, pointer, "must provide an array");
        return false;
    }
    if (max > 0 && count > max)
        slack_complain(check, pointer, "no more than %lld items allowed", (long long)max);
    if (count < min)
        slack_complain(check, pointer, "no fewer than %lld items allowed", (long long)min);
    return true;
}

static void check_list(struct slack_check *check, const struct fx_json *value,
                       const struct slack_rule *rule, const char *pointer) {
    static const struct slack_rule any_string = {.min = 0};
    int64_t max = rule->kind == SLACK_TEXTS ? rule->max_items : rule->max;

    if (!check_size(check, value, rule->min, max, pointer))
        return;
    for (size_t i = 0; i < fx_json_count(value); i++) {
        const struct fx_json *item = fx_json_item(value, i);
        const char *at = fx_printf(check->sc, "%s/%zu", pointer, i);
        if (rule->kind == SLACK_TEXTS)
            check_text(check, item, false, rule->max, at);
        else if (rule->kind == SLACK_STRINGS)
            check_string(check, item, &any_string, at);
        else
            check_one_of(check, item, rule->shapes, at);
    }
}

static void check_rows(struct slack_check *check, const struct fx_json *value,
                       const struct slack_rule *rule, const char *pointer) {
    if (!check_size(check, value, rule->min, rule->max, pointer))
        return;
    for (size_t i = 0; i < fx_json_count(value); i++) {
        const struct fx_json *row = fx_json_item(value, i);
        const char *at = fx_printf(check->sc, "%s/%zu", pointer, i);
        if (!check_size(check, row, 1, rule->max_items, at))
            continue;
        for (size_t k = 0; k < fx_json_count(row); k++)
            check_one_of(check, fx_json_item(row, k), rule->shapes,
                         fx_printf(check->sc, "%s/%zu", at, k));
    }
}

static void check_value(struct slack_check *check, const struct fx_json *value,
                        const struct slack_rule *rule, const char *pointer) {
    switch (rule->kind) {
    case SLACK_ANY:
        return;
    case SLACK_STRING:
        return check_string(check, value, rule, pointer);
    case SLACK_URL:
        return check_url(check, value, rule, pointer);
    case SLACK_BOOL:
        if (fx_json_type(value) != FX_JSON_BOOL)
            slack_complain(check, pointer, "must provide a boolean");
        return;
    case SLACK_INT:
        return check_int(check, value, rule, pointer);
    case SLACK_NUMBER:
        if (fx_json_type(value) != FX_JSON_INT && fx_json_type(value) != FX_JSON_REAL)
            slack_complain(check, pointer, "must provide a number");
        return;
    case SLACK_WORD:
        if (!fx_json_text(value) || !is_word(rule->words, fx_json_text(value)))
            slack_complain(check, pointer, "must be one of %s", rule->words);
        return;
    case SLACK_PLAIN:
    case SLACK_TEXT:
        return check_text(check, value, rule->kind == SLACK_PLAIN, rule->max, pointer);
    case SLACK_OBJECT:
        return check_one_of(check, value, rule->shapes, pointer);
    case SLACK_LIST:
    case SLACK_STRINGS:
    case SLACK_TEXTS:
        return check_list(check, value, rule, pointer);
    case SLACK_ROWS:
        return check_rows(check, value, rule, pointer);
    }
}

static const struct slack_rule *rule_of(const struct slack_shape *shape, const char *key) {
    for (const struct slack_rule *rule = shape->rules; rule->name; rule++)
        if (strcmp(rule->name, key) == 0)
            return rule;
    return NULL;
}

static void check_shape(struct slack_check *check, const struct fx_json *value,
                        const struct slack_shape *shape, const char *pointer) {
    void *cursor = NULL;
    const char *key;
    struct fx_json *member;

    while (fx_json_next(value, &cursor, &key, &member)) {
        const struct slack_rule *rule = rule_of(shape, key);
        if (rule)
            check_value(check, member, rule, fx_printf(check->sc, "%s/%s", pointer, key));
        else if (!shape->type || strcmp(key, "type") != 0)
            slack_complain(check, pointer, "invalid additional property: %s", key);
    }
    for (const struct slack_rule *rule = shape->rules; rule->name; rule++)
        if (rule->required && !fx_json_at(value, rule->name))
            slack_complain(check, pointer, "missing required field: %s", rule->name);
    if (shape->extra)
        shape->extra(check, value, pointer);
}

static void check_one_of(struct slack_check *check, const struct fx_json *value,
                         const struct slack_shape *const *shapes, const char *pointer) {
    const char *type = fx_json_get_text(value, "type");

    if (fx_json_type(value) != FX_JSON_OBJECT) {
        slack_complain(check, pointer, "must provide an object");
        return;
    }
    if (!shapes[0]->type) {
        check_shape(check, value, shapes[0], pointer);
        return;
    }
    if (!type) {
        slack_complain(check, pointer, "missing required field: type");
        return;
    }
    for (; *shapes; shapes++)
        if (strcmp((*shapes)->type, type) == 0 &&
            (!(*shapes)->surfaces || ((*shapes)->surfaces & (unsigned)check->surface))) {
            check_shape(check, value, *shapes, pointer);
            return;
        }
    slack_complain(check, fx_printf(check->sc, "%s/type", pointer), "unsupported type: %s", type);
}

static void check_unique_actions(struct slack_check *check, const struct fx_json *block,
                                 const char *pointer) {
    const struct fx_json *elements = fx_json_at(block, "elements");
    struct fx_json *seen = fx_json_object(check->sc);

    for (size_t i = 0; i < fx_json_count(elements); i++) {
        const char *id = fx_json_get_text(fx_json_item(elements, i), "action_id");
        if (!id)
            continue;
        if (fx_json_at(seen, id))
            slack_complain(check, fx_printf(check->sc, "%s/elements/%zu/action_id", pointer, i),
                           "`action_id` \"%s\" already exists in this block", id);
        fx_json_put(seen, id, fx_json_bool(check->sc, true));
    }
}

static void check_block_id(struct slack_check *check, const struct fx_json *block,
                           const char *pointer) {
    const char *id = fx_json_get_text(block, "block_id");

    if (!id)
        return;
    if (fx_json_at(check->block_ids, id))
        slack_complain(check, fx_printf(check->sc, "%s/block_id", pointer),
                       "`block_id` \"%s\" already exists", id);
    fx_json_put(check->block_ids, id, fx_json_bool(check->sc, true));
}

static size_t count_characters(const struct fx_json *json, const char *under) {
    /* What is addressed to programs does not count. */
    static const char *const silent[] = {"type",  "block_id",     "action_id", "value",   "url",
                                         "style", "image_url",    "task_id",   "user_id", "level",
                                         "align", "usergroup_id", "channel_id"};
    void *cursor = NULL;
    const char *key;
    struct fx_json *member;
    size_t total = 0;

    for (size_t i = 0; under && i < FX_COUNT_OF(silent); i++)
        if (strcmp(under, silent[i]) == 0)
            return 0;
    if (fx_json_type(json) == FX_JSON_STRING)
        return fx_slice_utf8_count(fx_json_text_slice(json));
    if (fx_json_type(json) == FX_JSON_ARRAY)
        for (size_t i = 0; i < fx_json_count(json); i++)
            total += count_characters(fx_json_item(json, i), NULL);
    if (fx_json_type(json) == FX_JSON_OBJECT)
        while (fx_json_next(json, &cursor, &key, &member))
            total += count_characters(member, key);
    return total;
}

size_t slack_blocks_characters(const struct fx_json *blocks) {
    return count_characters(blocks, NULL);
}

/* Limits over the whole message: one table, two charts, 12,000 characters of markdown. */
static void check_totals(struct slack_check *check, const struct fx_json *blocks,
                         const char *pointer) {
    size_t tables = 0, charts = 0, markdown = 0;

    for (size_t i = 0; i < fx_json_count(blocks); i++) {
        const struct fx_json *block = fx_json_item(blocks, i);
        const char *type = fx_json_get_text(block, "type");
        const char *at = fx_printf(check->sc, "%s/%zu", pointer, i);
        if (!type)
            continue;
        if (strcmp(type, "table") == 0) {
            if (++tables == 2)
                slack_complain(check, at, "only one table is allowed in a message");
            if (count_characters(fx_json_at(block, "rows"), NULL) > SLACK_TABLE_CHARACTERS)
                slack_complain(check, fx_printf(check->sc, "%s/rows", at),
                               "must be less than %d characters", SLACK_TABLE_CHARACTERS + 1);
        }
        if (strcmp(type, "data_visualization") == 0 && ++charts == 3)
            slack_complain(check, at, "only two charts are allowed in a message");
        if (strcmp(type, "markdown") != 0)
            continue;
        size_t before = markdown;
        markdown += count_characters(fx_json_at(block, "text"), NULL);
        if (before <= SLACK_MARKDOWN_CHARACTERS && markdown > SLACK_MARKDOWN_CHARACTERS &&
            before > 0)
            slack_complain(check, at, "all markdown blocks must be less than %d characters",
                           SLACK_MARKDOWN_CHARACTERS + 1);
    }
}

static void walk_blocks(struct slack_check *check, const struct fx_json *blocks,
                        const char *pointer) {
    int64_t max = check->surface == SLACK_MESSAGE ? SLACK_MESSAGE_BLOCKS : SLACK_VIEW_BLOCKS;

    if (!check_size(check, blocks, 0, max, pointer))
        return;
    for (size_t i = 0; i < fx_json_count(blocks); i++) {
        const struct fx_json *block = fx_json_item(blocks, i);
        const char *at = fx_printf(check->sc, "%s/%zu", pointer, i);
        check_one_of(check, block, slack_blocks, at);
        check_unique_actions(check, block, at);
        check_block_id(check, block, at);
    }
    check_totals(check, blocks, pointer);
}

struct fx_json *slack_check_blocks(struct fx_scope *sc, const struct fx_json *blocks,
                                   enum slack_surface surface, const char *pointer) {
    struct slack_check check = {.sc = sc,
                                .complaints = fx_json_array(sc),
                                .surface = surface,
                                .block_ids = fx_json_object(sc)};

    walk_blocks(&check, blocks, pointer);
    return check.complaints;
}

static bool has_input(const struct fx_json *blocks) {
    for (size_t i = 0; i < fx_json_count(blocks); i++) {
        const char *type = fx_json_get_text(fx_json_item(blocks, i), "type");
        if (type && strcmp(type, "input") == 0)
            return true;
    }
    return false;
}

struct fx_json *slack_check_view(struct fx_scope *sc, const struct fx_json *view) {
    static const struct slack_rule rules[] = {
        {.name = "type", .kind = SLACK_WORD, .required = true, .words = "modal|home"},
        {.name = "title", .kind = SLACK_PLAIN, .max = VIEW_SHORT_TEXT},
        {.name = "submit", .kind = SLACK_PLAIN, .max = VIEW_SHORT_TEXT},
        {.name = "close", .kind = SLACK_PLAIN, .max = VIEW_SHORT_TEXT},
        {.name = "blocks", .kind = SLACK_ANY, .required = true},
        {.name = "private_metadata", .kind = SLACK_STRING, .max = 3000},
        {.name = "callback_id", .kind = SLACK_STRING, .max = 255},
        {.name = "external_id", .kind = SLACK_STRING, .max = 255},
        {.name = "clear_on_close", .kind = SLACK_BOOL},
        {.name = "notify_on_close", .kind = SLACK_BOOL},
        {.name = "submit_disabled", .kind = SLACK_BOOL},
        {.name = NULL}};
    static const struct slack_shape shape = {.rules = rules};
    const char *type = fx_json_get_text(view, "type");
    bool home = type && strcmp(type, "home") == 0;
    struct slack_check check = {.sc = sc,
                                .complaints = fx_json_array(sc),
                                .surface = home ? SLACK_HOME : SLACK_MODAL,
                                .block_ids = fx_json_object(sc)};

    if (fx_json_type(view) != FX_JSON_OBJECT) {
        slack_complain(&check, "/view", "must provide an object");
        return check.complaints;
    }
    check_shape(&check, view, &shape, "/view");
    if (!home && !fx_json_at(view, "title"))
        slack_complain(&check, "/view", "missing required field: title");
    if (!home && !fx_json_at(view, "submit") && has_input(fx_json_at(view, "blocks")))
        slack_complain(&check, "/view", "missing required field: submit");
    if (fx_json_at(view, "blocks"))
        walk_blocks(&check, fx_json_at(view, "blocks"), "/view/blocks");
    return check.complaints;
}
