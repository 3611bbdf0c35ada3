/* directory.c - who a user is and who belongs to a group, fresh from Slack. */
#include "private.h"

#include <string.h>

/* What decides about rights must be there in the right form: when in doubt, nobody is let in. */
static enum fx_code refuse_form(const char *method, struct fx_error *err) {
    return fx_fail(err, FX_ERR_UPSTREAM, "%s: the answer has not the form Slack documents", method);
}

static bool is_flag(const struct fx_json *user, const char *key) {
    enum fx_json_type type = fx_json_type(fx_json_at(user, key));

    return type == FX_JSON_ABSENT || type == FX_JSON_BOOL;
}

static const char *first_text(const struct fx_json *user, const char *const paths[], size_t count) {
    for (size_t i = 0; i < count; i++) {
        const char *text = fx_json_text(fx_json_at_path(user, paths[i]));
        if (text != NULL && text[0] != '\0')
            return text;
    }
    return "";
}

enum fx_code fx_slackapi_user(struct fx_slackapi *api, struct fx_scope *sc, const char *user_id,
                              struct fx_slack_user **ret_user, struct fx_error *err) {
    static const char method[] = "users.info";
    static const char *const names[] = {"profile.display_name", "profile.real_name", "real_name",
                                        "name"};
    static const char *const flags[] = {"deleted", "is_bot", "is_restricted", "is_ultra_restricted",
                                        "is_stranger"};
    struct fx_json *answer = NULL;
    struct fx_json *payload = fx_json_object_of(sc, "user", fx_json_string(sc, user_id), NULL);

    FX_TRY(fx_slackapi_call(api, sc, method, payload, &answer, err));
    const struct fx_json *found = fx_json_at(answer, "user");
    const char *id = fx_json_get_text(found, "id"), *team_id = fx_json_get_text(found, "team_id");
    if (id == NULL || strcmp(id, user_id) != 0 || team_id == NULL)
        return refuse_form(method, err);
    for (size_t i = 0; i < FX_COUNT_OF(flags); i++)
        if (!is_flag(found, flags[i]))
            return refuse_form(method, err);

    struct fx_slack_user *user = FX_NEW(sc, struct fx_slack_user);
    *user = (struct fx_slack_user){
        .id = id,
        .team_id = team_id,
        .name = first_text(found, names, FX_COUNT_OF(names)),
        .deleted = fx_json_get_bool(found, "deleted", false),
        .bot = fx_json_get_bool(found, "is_bot", false) || strcmp(id, "USLACKBOT") == 0,
        .guest = fx_json_get_bool(found, "is_restricted", false) ||
                 fx_json_get_bool(found, "is_ultra_restricted", false),
        .stranger = fx_json_get_bool(found, "is_stranger", false),
    };
    *ret_user = user;
    return FX_OK;
}

enum fx_code fx_slackapi_group(struct fx_slackapi *api, struct fx_scope *sc, const char *group_id,
                               struct fx_json **ret_user_ids, struct fx_error *err) {
    static const char method[] = "usergroups.users.list";
    struct fx_json *answer = NULL;
    struct fx_json *payload =
        fx_json_object_of(sc, "usergroup", fx_json_string(sc, group_id), NULL);

    FX_TRY(fx_slackapi_call(api, sc, method, payload, &answer, err));
    struct fx_json *users = fx_json_at(answer, "users");
    if (fx_json_type(users) != FX_JSON_ARRAY)
        return refuse_form(method, err);
    for (size_t i = 0; i < fx_json_count(users); i++)
        if (fx_json_text(fx_json_item(users, i)) == NULL)
            return refuse_form(method, err);
    *ret_user_ids = users;
    return FX_OK;
}
