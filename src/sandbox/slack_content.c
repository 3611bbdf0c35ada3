/* slack_content.c - reads text, blocks, attachments and metadata of a message and refuses what
 * Slack refuses. */
#include "slack_private.h"

#include <string.h>

enum { FILL_DEPTH = 6 };

struct fx_json *slack_json_argument(struct fx_scope *sc, const struct fx_json *args,
                                    const char *name, bool *ret_broken) {
    struct fx_json *value = fx_json_at(args, name);
    struct fx_error err;

    *ret_broken = false;
    if (fx_json_type(value) == FX_JSON_NULL)
        return NULL;
    if (fx_json_type(value) != FX_JSON_STRING)
        return value;
    if (fx_json_text_slice(value).len == 0)
        return NULL;
    if (fx_json_parse(sc, fx_json_text_slice(value), &value, &err) == FX_OK)
        return value;
    *ret_broken = true;
    return NULL;
}

static void fill_id(struct sandbox *sb, struct fx_scope *sc, struct fx_json *json,
                    const char *name) {
    char id[6];

    if (fx_json_type(json) != FX_JSON_OBJECT || fx_json_at(json, name))
        return;
    slack_new_id(sb, "", id, sizeof id);
    fx_json_put(json, name, fx_json_string(sc, id));
}

static bool is_interactive(const struct fx_json *element) {
    const char *type = fx_json_get_text(element, "type");

    return type && strcmp(type, "image") != 0 && strcmp(type, "mrkdwn") != 0 &&
           strcmp(type, "plain_text") != 0 && strncmp(type, "rich_text_", 10) != 0;
}

static void fill_elements(struct sandbox *sb, struct fx_scope *sc, struct fx_json *elements) {
    for (size_t i = 0; i < fx_json_count(elements); i++)
        if (is_interactive(fx_json_item(elements, i)))
            fill_id(sb, sc, fx_json_item(elements, i), "action_id");
}

static void fill_block(struct sandbox *sb, struct fx_scope *sc, struct fx_json *block, int depth) {
    struct fx_json *accessory = fx_json_at(block, "accessory");
    struct fx_json *children = fx_json_at(block, "child_blocks");

    fill_id(sb, sc, block, "block_id");
    if (is_interactive(accessory))
        fill_id(sb, sc, accessory, "action_id");
    if (fx_json_at(block, "element"))
        fill_id(sb, sc, fx_json_at(block, "element"), "action_id");
    if (fx_json_type(fx_json_at(block, "actions")) == FX_JSON_ARRAY)
        fill_elements(sb, sc, fx_json_at(block, "actions"));
    const char *type = fx_json_get_text(block, "type");
    if (type && strstr(type, "actions"))
        fill_elements(sb, sc, fx_json_at(block, "elements"));
    for (size_t i = 0; depth < FILL_DEPTH && i < fx_json_count(children); i++)
        fill_block(sb, sc, fx_json_item(children, i), depth + 1);
}

void slack_fill_ids(struct sandbox *sb, struct fx_scope *sc, struct fx_json *blocks) {
    for (size_t i = 0; i < fx_json_count(blocks); i++)
        fill_block(sb, sc, fx_json_item(blocks, i), 0);
}

static void read_text(struct fx_scope *sc, const struct fx_json *args, struct slack_content *to) {
    struct fx_json *text = fx_json_at(args, "text");
    struct fx_slice s = fx_json_text_slice(text);

    if (!text || fx_json_type(text) == FX_JSON_NULL)
        return;
    if (fx_json_type(text) != FX_JSON_STRING) {
        to->error = "invalid_arguments";
        return;
    }
    size_t kept = fx_slice_utf8_prefix(s, SLACK_TEXT_CUT);
    to->cut = kept < s.len;
    fx_json_put(to->content, "text", fx_json_slice(sc, fx_slice_cut(s, 0, kept)));
}

static void read_blocks(struct sandbox *sb, struct fx_scope *sc, const struct fx_json *args,
                        struct slack_content *to) {
    bool broken;
    struct fx_json *blocks = slack_json_argument(sc, args, "blocks", &broken);

    if (broken || (blocks && fx_json_type(blocks) != FX_JSON_ARRAY)) {
        to->error = "invalid_blocks_format";
        return;
    }
    if (!blocks)
        return;
    to->complaints = slack_check_blocks(sc, blocks, SLACK_MESSAGE, "/blocks");
    if (fx_json_count(to->complaints) > 0) {
        to->error = "invalid_blocks";
        return;
    }
    if (slack_blocks_characters(blocks) > SLACK_BLOCKS_CHARACTERS) {
        to->error = "msg_blocks_too_long";
        return;
    }
    blocks = fx_json_copy(sc, blocks);
    slack_fill_ids(sb, sc, blocks);
    fx_json_put(to->content, "blocks", blocks);
}

static void read_attachments(struct sandbox *sb, struct fx_scope *sc, const struct fx_json *args,
                             struct slack_content *to) {
    bool broken;
    struct fx_json *attachments = slack_json_argument(sc, args, "attachments", &broken);

    if (!broken && !attachments)
        return;
    to->error = "invalid_attachments";
    if (broken || fx_json_type(attachments) != FX_JSON_ARRAY)
        return;
    if (fx_json_count(attachments) > SLACK_ATTACHMENTS) {
        to->error = "too_many_attachments";
        return;
    }
    attachments = fx_json_copy(sc, attachments);
    for (size_t i = 0; i < fx_json_count(attachments); i++) {
        struct fx_json *attachment = fx_json_item(attachments, i);
        struct fx_json *blocks = fx_json_at(attachment, "blocks");
        if (fx_json_type(attachment) != FX_JSON_OBJECT)
            return;
        if (!blocks)
            continue;
        to->complaints = slack_check_blocks(sc, blocks, SLACK_MESSAGE,
                                            fx_printf(sc, "/attachments/%zu/blocks", i));
        if (fx_json_count(to->complaints) > 0)
            return;
        slack_fill_ids(sb, sc, blocks);
    }
    to->error = NULL;
    fx_json_put(to->content, "attachments", attachments);
}

static void read_metadata(struct fx_scope *sc, const struct fx_json *args,
                          struct slack_content *to) {
    bool broken;
    struct fx_json *metadata = slack_json_argument(sc, args, "metadata", &broken);

    if (!broken && !metadata)
        return;
    if (broken || !fx_json_get_text(metadata, "event_type") ||
        fx_json_type(fx_json_at(metadata, "event_payload")) != FX_JSON_OBJECT)
        to->error = "invalid_metadata_format";
    else if (strlen(fx_json_dump(sc, metadata)) > SLACK_METADATA_BYTES)
        to->error = "metadata_too_large";
    else
        fx_json_put(to->content, "metadata", metadata);
}

struct slack_content slack_read_content(struct sandbox *sb, struct fx_scope *sc,
                                        const struct fx_json *args) {
    struct slack_content to = {.content = fx_json_object(sc)};

    read_text(sc, args, &to);
    if (!to.error)
        read_blocks(sb, sc, args, &to);
    if (!to.error)
        read_attachments(sb, sc, args, &to);
    if (!to.error)
        read_metadata(sc, args, &to);
    if (!to.error && fx_json_text_slice(fx_json_at(to.content, "text")).len == 0 &&
        fx_json_count(fx_json_at(to.content, "blocks")) == 0 &&
        fx_json_count(fx_json_at(to.content, "attachments")) == 0)
        to.error = "no_text";
    return to;
}
