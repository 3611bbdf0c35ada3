/* check_blocks.c - each kind of block but actions against Slack's limits. */
#include "check.h"

enum fx_code slack_check_header(struct checker *c, const char *pointer,
                                const struct fx_json *block) {
    return slack_check_text_object(c, fx_printf(c->sc, "%s/text", pointer),
                                   fx_json_at(block, "text"), "plain_text", SLACK_MAX_HEADER);
}

enum fx_code slack_check_section(struct checker *c, const char *pointer,
                                 const struct fx_json *block) {
    const struct fx_json *text = fx_json_at(block, "text"), *fields = fx_json_at(block, "fields");

    if (text == NULL && fields == NULL)
        return slack_check_refuse(c, pointer, "has neither text nor fields");
    if (text != NULL)
        FX_TRY(slack_check_text_object(c, fx_printf(c->sc, "%s/text", pointer), text,
                                       "plain_text mrkdwn", SLACK_MAX_SECTION));
    if (fields != NULL)
        FX_TRY(
            slack_check_count(c, fx_printf(c->sc, "%s/fields", pointer), fields, SLACK_MAX_FIELDS));
    for (size_t i = 0; i < fx_json_count(fields); i++)
        FX_TRY(slack_check_text_object(c, fx_printf(c->sc, "%s/fields/%zu", pointer, i),
                                       fx_json_item(fields, i), "plain_text mrkdwn",
                                       SLACK_MAX_FIELD));
    return FX_OK;
}

enum fx_code slack_check_image(struct checker *c, const char *pointer,
                               const struct fx_json *image) {
    bool by_url = fx_json_at(image, "image_url") != NULL;
    bool by_file = fx_json_at(image, "slack_file") != NULL;

    if (by_url == by_file)
        return slack_check_refuse(c, pointer, "has not exactly one of image_url and slack_file");
    FX_TRY(slack_check_member(c, pointer, image, "image_url", SLACK_MAX_IMAGE_URL));
    if (fx_json_at(image, "title") != NULL)
        FX_TRY(slack_check_text_object(c, fx_printf(c->sc, "%s/title", pointer),
                                       fx_json_at(image, "title"), "plain_text",
                                       SLACK_MAX_IMAGE_TITLE));
    return slack_check_string(c, fx_printf(c->sc, "%s/alt_text", pointer),
                              fx_json_at(image, "alt_text"), 1, SLACK_MAX_ALT_TEXT);
}

enum fx_code slack_check_context(struct checker *c, const char *pointer,
                                 const struct fx_json *block) {
    const struct fx_json *elements = fx_json_at(block, "elements");

    FX_TRY(slack_check_count(c, fx_printf(c->sc, "%s/elements", pointer), elements,
                             SLACK_MAX_CONTEXT_ELEMENTS));
    for (size_t i = 0; i < fx_json_count(elements); i++) {
        const struct fx_json *element = fx_json_item(elements, i);
        const char *at = fx_printf(c->sc, "%s/elements/%zu", pointer, i);

        if (fx_slice_equal_text(fx_json_text_slice(fx_json_at(element, "type")), "image"))
            FX_TRY(slack_check_image(c, at, element));
        else
            FX_TRY(slack_check_text_object(c, at, element, "plain_text mrkdwn",
                                           SLACK_MAX_TEXT_OBJECT));
    }
    return FX_OK;
}

enum fx_code slack_check_markdown(struct checker *c, const char *pointer,
                                  const struct fx_json *block) {
    const struct fx_json *text = fx_json_at(block, "text");

    pointer = fx_printf(c->sc, "%s/text", pointer);
    FX_TRY(slack_check_string(c, pointer, text, 1, SLACK_MAX_MARKDOWN));
    c->markdown_points += fx_slice_utf8_count(fx_json_text_slice(text));
    if (c->markdown_points > SLACK_MAX_MARKDOWN)
        return slack_check_refuse(c, pointer, "brings all markdown together over its limit");
    return FX_OK;
}

/* Slack refused the newer raw_number cells on input, so only texts pass. */
static enum fx_code check_cell(struct checker *c, const char *pointer, const struct fx_json *cell) {
    struct fx_slice type = fx_json_text_slice(fx_json_at(cell, "type"));

    if (fx_slice_equal_text(type, "rich_text"))
        return slack_check_rich_text(c, pointer, cell);
    if (!fx_slice_equal_text(type, "raw_text"))
        return slack_check_refuse(c, fx_printf(c->sc, "%s/type", pointer),
                                  "is not raw_text or rich_text");
    return slack_check_string(c, fx_printf(c->sc, "%s/text", pointer), fx_json_at(cell, "text"), 1,
                              SLACK_MAX_TABLE_CHARACTERS);
}

enum fx_code slack_check_table(struct checker *c, const char *pointer,
                               const struct fx_json *block) {
    const struct fx_json *rows = fx_json_at(block, "rows");
    const struct fx_json *settings = fx_json_at(block, "column_settings");
    size_t columns = fx_json_count(fx_json_item(rows, 0));

    if (++c->tables > SLACK_MAX_TABLES)
        return slack_check_refuse(c, pointer, "is a second table");
    FX_TRY(slack_check_count(c, fx_printf(c->sc, "%s/rows", pointer), rows, SLACK_MAX_TABLE_ROWS));
    if (settings != NULL)
        FX_TRY(slack_check_count(c, fx_printf(c->sc, "%s/column_settings", pointer), settings,
                                 SLACK_MAX_TABLE_COLUMNS));
    for (size_t i = 0; i < fx_json_count(rows); i++) {
        const struct fx_json *row = fx_json_item(rows, i);
        const char *at = fx_printf(c->sc, "%s/rows/%zu", pointer, i);

        FX_TRY(slack_check_count(c, at, row, SLACK_MAX_TABLE_COLUMNS));
        if (fx_json_count(row) != columns)
            return slack_check_refuse(c, at, "is not as long as the first row");
        for (size_t j = 0; j < columns; j++)
            FX_TRY(check_cell(c, fx_printf(c->sc, "%s/%zu", at, j), fx_json_item(row, j)));
    }
    if (slack_count_points(rows) > SLACK_MAX_TABLE_CHARACTERS)
        return fx_fail(c->err, FX_ERR_INPUT, "%s/rows has more than %d characters", pointer,
                       (int)SLACK_MAX_TABLE_CHARACTERS);
    return FX_OK;
}

/* No length is published for rich text; its characters count towards the whole message. */
enum fx_code slack_check_rich_text(struct checker *c, const char *pointer,
                                   const struct fx_json *block) {
    return slack_check_count(c, fx_printf(c->sc, "%s/elements", pointer),
                             fx_json_at(block, "elements"), SLACK_MAX_MESSAGE);
}
