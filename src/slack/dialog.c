/* dialog.c - a modal view that asks for one text. */
#include "private.h"

#include <assert.h>
#include <string.h>

static struct fx_json *plain(struct fx_scope *sc, const char *text, int limit) {
    const char *drawn = slack_rich(sc, fx_json_string(sc, text), SLACK_PLAIN, (size_t)limit);

    return drawn[0] != '\0' ? slack_plain_text(sc, drawn, false) : NULL;
}

static struct fx_json *draw_input(struct fx_scope *sc, const struct fx_slack_dialog *dialog) {
    size_t max = dialog->max_length, min = dialog->min_length;

    if (max == 0 || max > SLACK_MAX_INPUT_LENGTH)
        max = SLACK_MAX_INPUT_LENGTH;
    if (min > max)
        min = max;
    struct fx_json *element =
        fx_json_object_of(sc, "type", fx_json_string(sc, "plain_text_input"), "action_id",
                          fx_json_string(sc, FX_SLACK_DIALOG_ACTION), "multiline",
                          fx_json_bool(sc, true), "min_length", fx_json_int(sc, (int64_t)min),
                          "max_length", fx_json_int(sc, (int64_t)max), NULL);
    struct fx_json *label = plain(sc, dialog->label, SLACK_MAX_INPUT_LABEL);
    return fx_json_object_of(sc, "type", fx_json_string(sc, "input"), "block_id",
                             fx_json_string(sc, FX_SLACK_DIALOG_BLOCK), "label",
                             label != NULL ? label : slack_plain_text(sc, "Text", false), "hint",
                             plain(sc, dialog->hint, SLACK_MAX_INPUT_HINT), "optional",
                             fx_json_bool(sc, min == 0), "element", element, NULL);
}

static struct fx_json *draw_intro(struct fx_scope *sc, const char *intro) {
    const char *text =
        slack_rich(sc, fx_json_string(sc, intro), SLACK_MRKDWN, SLACK_FIT(SLACK_MAX_SECTION));

    if (text[0] == '\0')
        return NULL;
    return fx_json_object_of(sc, "type", fx_json_string(sc, "section"), "block_id",
                             fx_json_string(sc, "intro"), "text", slack_mrkdwn(sc, text), NULL);
}

struct fx_json *fx_slack_draw_dialog(struct fx_scope *sc, const struct fx_slack_dialog *dialog) {
    struct fx_json *blocks = fx_json_array(sc);
    struct fx_json *intro = draw_intro(sc, dialog->intro);
    struct fx_json *title = plain(sc, dialog->title, SLACK_MAX_VIEW_TITLE);
    struct fx_json *submit = plain(sc, dialog->submit, SLACK_MAX_VIEW_TITLE);

    /* both are made of our own ids, and cutting one would send an answer to the wrong place */
    assert(slack_points(dialog->callback_id) <= SLACK_MAX_VIEW_CALLBACK_ID);
    assert(dialog->private_metadata == NULL ||
           slack_points(dialog->private_metadata) <= SLACK_MAX_VIEW_METADATA);

    if (intro != NULL)
        fx_json_add(blocks, intro);
    fx_json_add(blocks, draw_input(sc, dialog));
    return fx_json_object_of(
        sc, "type", fx_json_string(sc, "modal"), "callback_id",
        fx_json_string(sc, dialog->callback_id), "private_metadata",
        fx_json_string(sc, dialog->private_metadata != NULL ? dialog->private_metadata : ""),
        "title", title != NULL ? title : slack_plain_text(sc, "Please answer", false), "submit",
        submit != NULL ? submit : slack_plain_text(sc, "Send", false), "close",
        slack_plain_text(sc, "Go back", false), "blocks", blocks, NULL);
}
