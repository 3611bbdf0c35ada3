/* draw_buttons.c - the buttons of a card, each with its confirmation. */
#include "private.h"

#include <string.h>

enum { MAX_ROWS = 5 };

struct row {
    struct fx_json *elements;
    struct fx_json *action_ids; /* of this row, as an object's keys */
};

static struct fx_json *draw_text(struct fx_scope *sc, const struct fx_json *text, int limit,
                                 const char *otherwise) {
    const char *drawn = slack_rich(sc, text, SLACK_PLAIN, SLACK_FIT(limit));

    return slack_plain_text(sc, drawn[0] != '\0' ? drawn : otherwise, false);
}

static struct fx_json *draw_confirm(struct fx_scope *sc, const struct fx_json *confirm,
                                    const char *style) {
    if (fx_json_type(confirm) != FX_JSON_OBJECT)
        return NULL;
    return fx_json_object_of(
        sc, "title",
        draw_text(sc, fx_json_at(confirm, "title"), SLACK_MAX_CONFIRM_TITLE, "Are you sure?"),
        "text",
        draw_text(sc, fx_json_at(confirm, "text"), SLACK_MAX_CONFIRM_TEXT, "This is carried out."),
        "confirm", draw_text(sc, fx_json_at(confirm, "ok"), SLACK_MAX_CONFIRM_BUTTON, "Go on"),
        "deny", draw_text(sc, fx_json_at(confirm, "back"), SLACK_MAX_CONFIRM_BUTTON, "Go back"),
        "style", style != NULL ? fx_json_string(sc, style) : NULL, NULL);
}

/* Slack allows one primary button in a set. */
static const char *choose_style(const struct fx_json *button, bool *primary_used) {
    const char *style = fx_json_get_text(button, "style");

    if (style != NULL && strcmp(style, "danger") == 0)
        return "danger";
    if (style == NULL || strcmp(style, "primary") != 0 || *primary_used)
        return NULL;
    *primary_used = true;
    return "primary";
}

/* Ids are ours: what is wrong with them is a mistake to be told, not something to cut. */
static enum fx_code check_ids(const struct fx_json *button, size_t number, struct fx_error *err) {
    const char *action = fx_json_get_text(button, "action");
    const char *value = fx_json_get_text(button, "value");
    bool is_link = fx_json_get_text(button, "url") != NULL;

    if ((action == NULL || action[0] == '\0') && !is_link)
        return fx_fail(err, FX_ERR_INPUT, "button %zu of the card has no action", number);
    if (action != NULL && slack_points(action) > SLACK_MAX_ACTION_ID)
        return fx_fail(err, FX_ERR_INPUT, "the action of button %zu is longer than %d characters",
                       number, (int)SLACK_MAX_ACTION_ID);
    if (value != NULL && slack_points(value) > SLACK_MAX_BUTTON_VALUE)
        return fx_fail(err, FX_ERR_INPUT, "the value of button %zu is longer than %d characters",
                       number, (int)SLACK_MAX_BUTTON_VALUE);
    return FX_OK;
}

/* NULL when it has an address that may not be linked. */
static struct fx_json *draw_button(struct fx_scope *sc, const struct fx_json *button, size_t number,
                                   bool *primary_used) {
    const char *given_url = fx_json_get_text(button, "url");
    const char *url = slack_link_url(sc, given_url);
    const char *action = fx_json_get_text(button, "action");
    const char *value = fx_json_get_text(button, "value");
    const struct fx_json *text = fx_json_at(button, "text");
    const struct fx_json *label = fx_json_at(button, "label");

    if (given_url != NULL && url == NULL)
        return NULL;
    if (action == NULL || action[0] == '\0')
        action = fx_printf(sc, "link.%zu", number);
    const char *style = choose_style(button, primary_used);
    const char *spoken = slack_rich(sc, label != NULL ? label : text, SLACK_PLAIN,
                                    SLACK_FIT(SLACK_MAX_BUTTON_LABEL));
    return fx_json_object_of(sc, "type", fx_json_string(sc, "button"), "text",
                             draw_text(sc, text, SLACK_MAX_BUTTON_TEXT, "Go on"), "action_id",
                             fx_json_string(sc, action), "value",
                             value != NULL && value[0] != '\0' ? fx_json_string(sc, value) : NULL,
                             "url", url != NULL ? fx_json_string(sc, url) : NULL, "style",
                             style != NULL ? fx_json_string(sc, style) : NULL,
                             "accessibility_label",
                             spoken[0] != '\0' ? fx_json_string(sc, spoken) : NULL, "confirm",
                             draw_confirm(sc, fx_json_at(button, "confirm"), style), NULL);
}

/* An action id may stand once in a row, so a second button of the same action begins another. */
static bool add_to_row(struct slack_drawing *d, struct row rows[MAX_ROWS], struct fx_json *button) {
    const char *action_id = fx_json_get_text(button, "action_id");

    for (size_t i = 0; i < MAX_ROWS; i++) {
        if (rows[i].elements == NULL) {
            rows[i].elements = fx_json_array(d->sc);
            rows[i].action_ids = fx_json_object(d->sc);
        }
        if (fx_json_count(rows[i].elements) == SLACK_MAX_ACTIONS ||
            fx_json_at(rows[i].action_ids, action_id) != NULL)
            continue;
        fx_json_add(rows[i].elements, button);
        fx_json_put(rows[i].action_ids, action_id, fx_json_bool(d->sc, true));
        return true;
    }
    return false;
}

enum fx_code slack_draw_buttons(struct slack_drawing *d, struct fx_error *err) {
    const struct fx_json *buttons = fx_json_at(d->card, "buttons");
    size_t count = fx_json_count(buttons), shown = 0, room = SLACK_DRAW_BUTTONS;
    struct row rows[MAX_ROWS] = {0};
    bool primary_used = false;

    for (size_t i = 0; i < count; i++) {
        const struct fx_json *button = fx_json_item(buttons, i);

        FX_TRY(check_ids(button, i + 1, err));
        struct fx_json *drawn = draw_button(d->sc, button, i + 1, &primary_used);
        size_t points = slack_count_points(drawn);
        if (drawn == NULL || points > room || shown == SLACK_MAX_ACTIONS ||
            !add_to_row(d, rows, drawn))
            continue;
        shown++;
        room -= points;
    }
    for (size_t i = 0; i < MAX_ROWS && rows[i].elements != NULL; i++)
        if (fx_json_count(rows[i].elements) > 0)
            slack_add_block(d, "a", i,
                            fx_json_object_of(d->sc, "type", fx_json_string(d->sc, "actions"),
                                              "elements", rows[i].elements, NULL));
    slack_lose(d, count - shown, "button", "buttons");
    return FX_OK;
}
