/* check.c - holds a message against the limits that Slack documents. */
#include "check.h"

#include <string.h>

static enum fx_code check_divider(struct checker *c, const char *pointer,
                                  const struct fx_json *block) {
    (void)c, (void)pointer, (void)block;
    return FX_OK;
}

static const struct {
    const char *type;
    enum fx_code (*check)(struct checker *c, const char *pointer, const struct fx_json *block);
} kinds[] = {
    {"header", slack_check_header},       {"section", slack_check_section},
    {"context", slack_check_context},     {"actions", slack_check_actions},
    {"table", slack_check_table},         {"image", slack_check_image},
    {"rich_text", slack_check_rich_text}, {"markdown", slack_check_markdown},
    {"divider", check_divider},
};

size_t slack_count_points(const struct fx_json *json) {
    static const char *const silent[] = {"type", "block_id", "action_id", "style", "align"};
    size_t points = 0;
    void *cursor = NULL;
    const char *key = NULL;
    struct fx_json *value = NULL;

    if (fx_json_type(json) == FX_JSON_STRING)
        return fx_slice_utf8_count(fx_json_text_slice(json));
    if (fx_json_type(json) == FX_JSON_ARRAY)
        for (size_t i = 0; i < fx_json_count(json); i++)
            points += slack_count_points(fx_json_item(json, i));
    if (fx_json_type(json) != FX_JSON_OBJECT)
        return points;
    while (fx_json_next(json, &cursor, &key, &value)) {
        bool counts = true;
        for (size_t i = 0; i < FX_COUNT_OF(silent); i++)
            counts = counts && strcmp(key, silent[i]) != 0;
        points += counts ? slack_count_points(value) : 0;
    }
    return points;
}

static enum fx_code check_block_id(struct checker *c, const char *pointer,
                                   const struct fx_json *block) {
    const struct fx_json *block_id = fx_json_at(block, "block_id");

    if (block_id == NULL)
        return FX_OK;
    pointer = fx_printf(c->sc, "%s/block_id", pointer);
    FX_TRY(slack_check_string(c, pointer, block_id, 1, SLACK_MAX_BLOCK_ID));
    const char *id = fx_json_text(block_id);
    if (fx_json_at(c->block_ids, id) != NULL)
        return slack_check_refuse(c, pointer, "comes twice in the message");
    fx_json_put(c->block_ids, id, fx_json_bool(c->sc, true));
    return FX_OK;
}

static enum fx_code check_block(struct checker *c, const char *pointer,
                                const struct fx_json *block) {
    const char *type = fx_json_get_text(block, "type");

    FX_TRY(check_block_id(c, pointer, block));
    for (size_t i = 0; type != NULL && i < FX_COUNT_OF(kinds); i++)
        if (strcmp(type, kinds[i].type) == 0)
            return kinds[i].check(c, pointer, block);
    return slack_check_refuse(c, fx_printf(c->sc, "%s/type", pointer),
                              "is not a block that messages are made of");
}

static enum fx_code check_blocks(struct checker *c, const struct fx_json *blocks) {
    FX_TRY(slack_check_count(c, "/blocks", blocks, SLACK_MAX_BLOCKS));
    for (size_t i = 0; i < fx_json_count(blocks); i++)
        FX_TRY(check_block(c, fx_printf(c->sc, "/blocks/%zu", i), fx_json_item(blocks, i)));
    if (slack_count_points(blocks) > SLACK_MAX_MESSAGE)
        return fx_fail(c->err, FX_ERR_INPUT, "/blocks has more than %d characters together",
                       (int)SLACK_MAX_MESSAGE);
    return FX_OK;
}

enum fx_code fx_slack_check_message(const struct fx_json *message, struct fx_error *err) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct checker c = {.sc = sc, .block_ids = fx_json_object(sc), .err = err};
    const struct fx_json *blocks = fx_json_at(message, "blocks");

    FX_TRY(slack_check_string(&c, "/text", fx_json_at(message, "text"), 1, SLACK_MAX_TEXT));
    return blocks != NULL ? check_blocks(&c, blocks) : FX_OK;
}
