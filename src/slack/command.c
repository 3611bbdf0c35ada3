/* command.c - reads a slash command. */
#include "private.h"

#include <string.h>

static const struct {
    const char *name;
    size_t offset;
    enum slack_shape shape;
    bool required;
} fields[] = {
#define FIELD(name, shape, required)                                                               \
    { #name, offsetof(struct fx_slack_command, name), SLACK_SHAPE_##shape, required }
    FIELD(command, COMMAND, true),  FIELD(text, ANY, false),         FIELD(user_id, ID, true),
    FIELD(team_id, ID, true),       FIELD(enterprise_id, ID, false), FIELD(channel_id, ID, true),
    FIELD(response_url, URL, true), FIELD(trigger_id, WORD, true),   FIELD(api_app_id, ID, false),
#undef FIELD
};

static enum fx_code read_fields(const struct slack_form *form, struct fx_slack_command *command,
                                struct fx_error *err) {
    for (size_t i = 0; i < FX_COUNT_OF(fields); i++) {
        const char *value = slack_form_get(form, fields[i].name);
        bool required = fields[i].required && !command->ssl_check;

        if (required && (value == NULL || value[0] == '\0'))
            return fx_fail(err, FX_ERR_INPUT, "the field %s is missing", fields[i].name);
        if (value == NULL)
            value = "";
        if (!slack_has_shape(value, fields[i].shape))
            return fx_fail(err, FX_ERR_INPUT, "the field %s is malformed", fields[i].name);
        *(const char **)((char *)command + fields[i].offset) = value;
    }
    return FX_OK;
}

enum fx_code fx_slack_parse_command(struct fx_scope *sc, struct fx_slice body,
                                    struct fx_slack_command **ret_command, struct fx_error *err) {
    struct fx_slack_command *command = FX_NEW(sc, struct fx_slack_command);
    struct slack_form *form = NULL;

    FX_TRY(slack_form_parse(sc, body, SLACK_COMMAND_MAX_BYTES, &form, err));
    const char *ssl_check = slack_form_get(form, "ssl_check");
    command->ssl_check = ssl_check != NULL && strcmp(ssl_check, "1") == 0;
    FX_TRY(read_fields(form, command, err));
    *ret_command = command;
    return FX_OK;
}
