/* check.c - holds a message against the limits that Slack documents. */
#include "private.h"

#include <string.h>

struct checker {
    const struct fx_json *message;
    struct fx_scope *sc;
    struct fx_json *block_ids;
    size_t tables, markdown_points;
    struct fx_error *err;
};

static enum fx_code refuse(struct checker *c, const char *pointer, const char *what) {
    return fx_fail(c->err, FX_ERR_INPUT, "%s %s", pointer, what);
}

static enum fx_code check_string(struct checker *c, const char *pointer, const struct fx_json *text,
                                 size_t least, size_t most) {
    if (fx_json_type(text) != FX_JSON_STRING)
        return refuse(c, pointer, "is not text");
    size_t points = fx_slice_utf8_count(fx_json_text_slice(text));
    if (points < least)
        return refuse(c, pointer, "is empty");
    if (points > most)
        return fx_fail(c->err, FX_ERR_INPUT, "%s has %zu characters, more than %zu", pointer,
                       points, most);
    return FX_OK;
}

static enum fx_code check_member(struct checker *c, const char *pointer,
                                 const struct fx_json *object, const char *key, size_t most) {
    const struct fx_json *member = fx_json_at(object, key);

    if (member == NULL)
        return FX_OK;
    return check_string(c, fx_printf(c->sc, "%s/%s", pointer, key), member, 1, most);
}

/* kinds is "plain_text", "mrkdwn" or both in one string. */
static enum fx_code check_text_object(struct checker *c, const char *pointer,
                                      const struct fx_json *text, const char *kinds, size_t most) {
    const char *type = fx_json_get_text(text, "type");

    if (type == NULL || strstr("plain_text mrkdwn", type) == NULL || strstr(kinds, type) == NULL)
        return fx_fail(c->err, FX_ERR_INPUT, "%s/type is not %s", pointer, kinds);
    return check_string(c, fx_printf(c->sc, "%s/text", pointer), fx_json_at(text, "text"), 1, most);
}

static enum fx_code check_count(struct checker *c, const char *pointer, const struct fx_json *array,
                                size_t most) {
    size_t count = fx_json_count(array);

    if (fx_json_type(array) != FX_JSON_ARRAY || count == 0)
        return refuse(c, pointer, "is not a list of at least one");
    if (count > most)
        return fx_fail(c->err, FX_ERR_INPUT, "%s has %zu items, more than %zu", pointer, count,
                       most);
    return FX_OK;
}

static enum fx_code check_style(struct checker *c, const char *pointer,
                                const struct fx_json *object) {
    const struct fx_json *style = fx_json_at(object, "style");
    struct fx_slice text = fx_json_text_slice(style);

    if (style != NULL && !fx_slice_equal_text(text, "primary") &&
        !fx_slice_equal_text(text, "danger"))
        return refuse(c, fx_printf(c->sc, "%s/style", pointer), "is not primary or danger");
    return FX_OK;
}

static enum fx_code check_confirm(struct checker *c, const char *pointer,
                                  const struct fx_json *confirm) {
    static const struct {
        const char *key;
        int most;
    } texts[] = {
        {"title", SLACK_MAX_CONFIRM_TITLE},
        {"confirm", SLACK_MAX_CONFIRM_BUTTON},
        {"deny", SLACK_MAX_CONFIRM_BUTTON},
    };

    if (confirm == NULL)
        return FX_OK;
    for (size_t i = 0; i < FX_COUNT_OF(texts); i++)
        FX_TRY(check_text_object(c, fx_printf(c->sc, "%s/%s", pointer, texts[i].key),
                                 fx_json_at(confirm, texts[i].key), "plain_text",
                                 (size_t)texts[i].most));
    FX_TRY(check_text_object(c, fx_printf(c->sc, "%s/text", pointer), fx_json_at(confirm, "text"),
                             "plain_text mrkdwn", SLACK_MAX_CONFIRM_TEXT));
    return check_style(c, pointer, confirm);
}

static enum fx_code check_button(struct checker *c, const char *pointer,
                                 const struct fx_json *button) {
    if (!fx_slice_equal_text(fx_json_text_slice(fx_json_at(button, "type")), "button"))
        return refuse(c, fx_printf(c->sc, "%s/type", pointer), "is not button");
    FX_TRY(check_text_object(c, fx_printf(c->sc, "%s/text", pointer), fx_json_at(button, "text"),
                             "plain_text", SLACK_MAX_BUTTON_TEXT));
    FX_TRY(check_string(c, fx_printf(c->sc, "%s/action_id", pointer),
                        fx_json_at(button, "action_id"), 1, SLACK_MAX_ACTION_ID));
    FX_TRY(check_member(c, pointer, button, "value", SLACK_MAX_BUTTON_VALUE));
    FX_TRY(check_member(c, pointer, button, "url", SLACK_MAX_URL));
    FX_TRY(check_member(c, pointer, button, "accessibility_label", SLACK_MAX_BUTTON_LABEL));
    FX_TRY(check_style(c, pointer, button));
    return check_confirm(c, fx_printf(c->sc, "%s/confirm", pointer),
                         fx_json_at(button, "confirm"));
}

static enum fx_code check_actions(struct checker *c, const char *pointer,
                                  const struct fx_json *block) {
    const struct fx_json *elements = fx_json_at(block, "elements");
    struct fx_json *action_ids = fx_json_object(c->sc);

    FX_TRY(check_count(c, fx_printf(c->sc, "%s/elements", pointer), elements, SLACK_MAX_ACTIONS));
    for (size_t i = 0; i < fx_json_count(elements); i++) {
        const struct fx_json *element = fx_json_item(elements, i);
        const char *at = fx_printf(c->sc, "%s/elements/%zu", pointer, i);

        FX_TRY(check_button(c, at, element));
        const char *action_id = fx_json_get_text(element, "action_id");
        if (fx_json_at(action_ids, action_id) != NULL)
            return refuse(c, fx_printf(c->sc, "%s/action_id", at), "comes twice in its block");
        fx_json_put(action_ids, action_id, fx_json_bool(c->sc, true));
    }
    return FX_OK;
}

static enum fx_code check_header(struct checker *c, const char *pointer,
                                 const struct fx_json *block) {
    return check_text_object(c, fx_printf(c->sc, "%s/text", pointer), fx_json_at(block, "text"),
                             "plain_text", SLACK_MAX_HEADER);
}

static enum fx_code check_section(struct checker *c, const char *pointer,
                                  const struct fx_json *block) {
    const struct fx_json *text = fx_json_at(block, "text"), *fields = fx_json_at(block, "fields");

    if (text == NULL && fields == NULL)
        return refuse(c, pointer, "has neither text nor fields");
    if (text != NULL)
        FX_TRY(check_text_object(c, fx_printf(c->sc, "%s/text", pointer), text,
                                 "plain_text mrkdwn", SLACK_MAX_SECTION));
    if (fields != NULL)
        FX_TRY(check_count(c, fx_printf(c->sc, "%s/fields", pointer), fields, SLACK_MAX_FIELDS));
    for (size_t i = 0; i < fx_json_count(fields); i++)
        FX_TRY(check_text_object(c, fx_printf(c->sc, "%s/fields/%zu", pointer, i),
                                 fx_json_item(fields, i), "plain_text mrkdwn", SLACK_MAX_FIELD));
    return FX_OK;
}

static enum fx_code check_image(struct checker *c, const char *pointer,
                                const struct fx_json *image) {
    bool by_url = fx_json_at(image, "image_url") != NULL;
    bool by_file = fx_json_at(image, "slack_file") != NULL;

    if (by_url == by_file)
        return refuse(c, pointer, "has not exactly one of image_url and slack_file");
    FX_TRY(check_member(c, pointer, image, "image_url", SLACK_MAX_IMAGE_URL));
    if (fx_json_at(image, "title") != NULL)
        FX_TRY(check_text_object(c, fx_printf(c->sc, "%s/title", pointer),
                                 fx_json_at(image, "title"), "plain_text", SLACK_MAX_IMAGE_TITLE));
    return check_string(c, fx_printf(c->sc, "%s/alt_text", pointer), fx_json_at(image, "alt_text"),
                        1, SLACK_MAX_ALT_TEXT);
}

static enum fx_code check_context(struct checker *c, const char *pointer,
                                  const struct fx_json *block) {
    const struct fx_json *elements = fx_json_at(block, "elements");

    FX_TRY(check_count(c, fx_printf(c->sc, "%s/elements", pointer), elements,
                       SLACK_MAX_CONTEXT_ELEMENTS));
    for (size_t i = 0; i < fx_json_count(elements); i++) {
        const struct fx_json *element = fx_json_item(elements, i);
        const char *at = fx_printf(c->sc, "%s/elements/%zu", pointer, i);

        if (fx_slice_equal_text(fx_json_text_slice(fx_json_at(element, "type")), "image"))
            FX_TRY(check_image(c, at, element));
        else
            FX_TRY(check_text_object(c, at, element, "plain_text mrkdwn", SLACK_MAX_TEXT_OBJECT));
    }
    return FX_OK;
}

static enum fx_code check_markdown(struct checker *c, const char *pointer,
                                   const struct fx_json *block) {
    const struct fx_json *text = fx_json_at(block, "text");

    pointer = fx_printf(c->sc, "%s/text", pointer);
    FX_TRY(check_string(c, pointer, text, 1, SLACK_MAX_MARKDOWN));
    c->markdown_points += fx_slice_utf8_count(fx_json_text_slice(text));
    if (c->markdown_points > SLACK_MAX_MARKDOWN)
        return refuse(c, pointer, "brings all markdown together over its limit");
    return FX_OK;
}

static enum fx_code check_nothing(struct checker *c, const char *pointer,
                                  const struct fx_json *block) {
    (void)c, (void)pointer, (void)block;
    return FX_OK;
}

static enum fx_code check_table(struct checker *c, const char *pointer,
                                const struct fx_json *block);
