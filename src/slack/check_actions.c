/* check_actions.c - buttons and their confirmations against Slack's limits. */
#include "check.h"

static enum fx_code check_style(struct checker *c, const char *pointer,
                                const struct fx_json *object) {
    const struct fx_json *style = fx_json_at(object, "style");
    struct fx_slice text = fx_json_text_slice(style);

    if (style != NULL && !fx_slice_equal_text(text, "primary") &&
        !fx_slice_equal_text(text, "danger"))
        return slack_check_refuse(c, fx_printf(c->sc, "%s/style", pointer),
                                  "is not primary or danger");
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
        FX_TRY(slack_check_text_object(c, fx_printf(c->sc, "%s/%s", pointer, texts[i].key),
                                       fx_json_at(confirm, texts[i].key), "plain_text",
                                       (size_t)texts[i].most));
    FX_TRY(slack_check_text_object(c, fx_printf(c->sc, "%s/text", pointer),
                                   fx_json_at(confirm, "text"), "plain_text mrkdwn",
                                   SLACK_MAX_CONFIRM_TEXT));
    return check_style(c, pointer, confirm);
}

static enum fx_code check_button(struct checker *c, const char *pointer,
                                 const struct fx_json *button) {
    if (!fx_slice_equal_text(fx_json_text_slice(fx_json_at(button, "type")), "button"))
        return slack_check_refuse(c, fx_printf(c->sc, "%s/type", pointer), "is not button");
    FX_TRY(slack_check_text_object(c, fx_printf(c->sc, "%s/text", pointer),
                                   fx_json_at(button, "text"), "plain_text",
                                   SLACK_MAX_BUTTON_TEXT));
    FX_TRY(slack_check_string(c, fx_printf(c->sc, "%s/action_id", pointer),
                              fx_json_at(button, "action_id"), 1, SLACK_MAX_ACTION_ID));
    FX_TRY(slack_check_member(c, pointer, button, "value", SLACK_MAX_BUTTON_VALUE));
    FX_TRY(slack_check_member(c, pointer, button, "url", SLACK_MAX_URL));
    FX_TRY(slack_check_member(c, pointer, button, "accessibility_label", SLACK_MAX_BUTTON_LABEL));
    FX_TRY(check_style(c, pointer, button));
    return check_confirm(c, fx_printf(c->sc, "%s/confirm", pointer), fx_json_at(button, "confirm"));
}

enum fx_code slack_check_actions(struct checker *c, const char *pointer,
                                 const struct fx_json *block) {
    const struct fx_json *elements = fx_json_at(block, "elements");
    struct fx_json *action_ids = fx_json_object(c->sc);

    FX_TRY(slack_check_count(c, fx_printf(c->sc, "%s/elements", pointer), elements,
                             SLACK_MAX_ACTIONS));
    for (size_t i = 0; i < fx_json_count(elements); i++) {
        const struct fx_json *element = fx_json_item(elements, i);
        const char *at = fx_printf(c->sc, "%s/elements/%zu", pointer, i);

        FX_TRY(check_button(c, at, element));
        const char *action_id = fx_json_get_text(element, "action_id");
        if (fx_json_at(action_ids, action_id) != NULL)
            return slack_check_refuse(c, fx_printf(c->sc, "%s/action_id", at),
                                      "comes twice in its block");
        fx_json_put(action_ids, action_id, fx_json_bool(c->sc, true));
    }
    return FX_OK;
}
