/* interaction.c - reads clicks and submitted dialogs. */
#include "private.h"

#include <string.h>

/* Where a member stands. With two places the second counts when the first is absent: what Slack
 * calls the container is younger than the copy of the message beside it. */
static const struct {
    size_t offset;
    enum slack_shape shape;
    bool required;
    const char *paths[2];
} members[] = {
#define MEMBER(name, shape, required, ...)                                                         \
    {                                                                                              \
        offsetof(struct fx_slack_interaction, name), SLACK_SHAPE_##shape, required, {              \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
    MEMBER(type, WORD, true, "type"),
    MEMBER(user_id, ID, true, "user.id"),
    MEMBER(team_id, ID, false, "team.id"), /* the team is null when the app is installed org-wide */
    MEMBER(user_team_id, ID, false, "user.team_id"),
    MEMBER(channel_id, ID, false, "container.channel_id", "channel.id"),
    MEMBER(message_ts, STAMP, false, "container.message_ts", "message.ts"),
    MEMBER(thread_ts, STAMP, false, "container.thread_ts", "message.thread_ts"),
    MEMBER(response_url, URL, false, "response_url"),
    MEMBER(trigger_id, WORD, false, "trigger_id"),
    MEMBER(api_app_id, ID, false, "api_app_id"),
    MEMBER(action_id, WORD, false, "actions.0.action_id"),
    MEMBER(block_id, ANY, false, "actions.0.block_id"),
    MEMBER(value, ANY, false, "actions.0.value", "actions.0.selected_option.value"),
    MEMBER(action_ts, STAMP, false, "actions.0.action_ts"),
    MEMBER(callback_id, WORD, false, "view.callback_id", "callback_id"),
    MEMBER(private_metadata, ANY, false, "view.private_metadata"),
    MEMBER(view_id, WORD, false, "view.id"),
#undef MEMBER
};

/* Absent and null are "". */
static enum fx_code find_text(const struct fx_json *payload, const char *const paths[2],
                              const char **ret_text, struct fx_error *err) {
    *ret_text = "";
    for (size_t i = 0; i < 2 && paths[i] != NULL; i++) {
        const struct fx_json *found = fx_json_at_path(payload, paths[i]);
        enum fx_json_type type = fx_json_type(found);

        if (type == FX_JSON_ABSENT || type == FX_JSON_NULL)
            continue;
        if (type != FX_JSON_STRING)
            return fx_fail(err, FX_ERR_INPUT, "%s in the payload is not text", paths[i]);
        *ret_text = fx_json_text(found);
        return FX_OK;
    }
    return FX_OK;
}

static enum fx_code read_members(const struct fx_json *payload,
                                 struct fx_slack_interaction *interaction, struct fx_error *err) {
    for (size_t i = 0; i < FX_COUNT_OF(members); i++) {
        const char *text = "";

        FX_TRY(find_text(payload, members[i].paths, &text, err));
        if (members[i].required && text[0] == '\0')
            return fx_fail(err, FX_ERR_INPUT, "%s in the payload is missing", members[i].paths[0]);
        if (!slack_has_shape(text, members[i].shape))
            return fx_fail(err, FX_ERR_INPUT, "%s in the payload is malformed",
                           members[i].paths[0]);
        *(const char **)((char *)interaction + members[i].offset) = text;
    }
    return FX_OK;
}

static enum fx_code read_values(const struct fx_json *payload,
                                struct fx_slack_interaction *interaction, struct fx_error *err) {
    const struct fx_json *values = fx_json_at_path(payload, "view.state.values");

    if (values == NULL || fx_json_type(values) == FX_JSON_NULL)
        return FX_OK;
    if (fx_json_type(values) != FX_JSON_OBJECT)
        return fx_fail(err, FX_ERR_INPUT, "view.state.values in the payload is not an object");
    interaction->values = values;
    return FX_OK;
}

enum fx_code fx_slack_parse_interaction(struct fx_scope *sc, struct fx_slice body,
                                        struct fx_slack_interaction **ret_interaction,
                                        struct fx_error *err) {
    struct fx_slack_interaction *interaction = FX_NEW(sc, struct fx_slack_interaction);
    struct slack_form *form = NULL;
    struct fx_json *payload = NULL;

    FX_TRY(slack_form_parse(sc, body, SLACK_INTERACTION_MAX_BYTES, &form, err));
    const char *text = slack_form_get(form, "payload");
    if (text == NULL || form->count != 1)
        return fx_fail(err, FX_ERR_INPUT, "the form is not the one field payload");
    if (fx_json_parse(sc, fx_slice_of(text), &payload, err) != FX_OK)
        return fx_fail_in(err, "the payload");
    if (fx_json_type(payload) != FX_JSON_OBJECT)
        return fx_fail(err, FX_ERR_INPUT, "the payload is not an object");

    FX_TRY(read_members(payload, interaction, err));
    FX_TRY(read_values(payload, interaction, err));
    *ret_interaction = interaction;
    return FX_OK;
}

struct fx_slice fx_slack_dialog_answer(const struct fx_slack_interaction *interaction) {
    return fx_slack_seen(fx_json_text_slice(fx_json_at_path(
        interaction->values, FX_SLACK_DIALOG_BLOCK "." FX_SLACK_DIALOG_ACTION ".value")));
}

bool fx_slack_lacks_answer(const struct fx_slack_interaction *interaction) {
    return strcmp(interaction->type, "view_submission") == 0 &&
           fx_json_at(interaction->values, FX_SLACK_DIALOG_BLOCK) != NULL &&
           fx_slack_dialog_answer(interaction).len == 0;
}
