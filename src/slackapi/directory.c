/* directory.c - who a user is, who belongs to a group and who else is in a channel, fresh from
 * Slack.
 */
#include "private.h"

#include <string.h>

/* What decides about rights must be there in the right form: when in doubt, nobody is let in. */
static enum fx_code refuse_form(const char *method, struct fx_error *err) {
    return fx_fail(err, FX_ERR_UPSTREAM, "%s: the answer has not the form Slack documents", method);
}

static bool are_flags(const struct fx_json *object, const char *const keys[], size_t count) {
    for (size_t i = 0; i < count; i++) {
        enum fx_json_type type = fx_json_type(fx_json_at(object, keys[i]));

        if (type != FX_JSON_ABSENT && type != FX_JSON_BOOL)
            return false;
    }
    return true;
}

static bool are_texts(const struct fx_json *list) {
    for (size_t i = 0; i < fx_json_count(list); i++)
        if (fx_json_text(fx_json_item(list, i)) == NULL)
            return false;
    return fx_json_type(list) == FX_JSON_ARRAY;
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
    if (!are_flags(found, flags, FX_COUNT_OF(flags)))
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
    if (!are_texts(users))
        return refuse_form(method, err);
    *ret_user_ids = users;
    return FX_OK;
}

/* Who shares a channel: one list of them all, or NULL when Slack's answer has another form. Where
 * nobody shares it, Slack leaves lists out or makes them null. */
static struct fx_json *join_lists(struct fx_scope *sc, const struct fx_json *channel,
                                  const char *const keys[], size_t count) {
    struct fx_json *all = fx_json_array(sc);

    for (size_t i = 0; i < count; i++) {
        const struct fx_json *list = fx_json_at(channel, keys[i]);
        enum fx_json_type type = fx_json_type(list);

        if (type == FX_JSON_ABSENT || type == FX_JSON_NULL)
            continue;
        if (!are_texts(list))
            return NULL;
        for (size_t k = 0; k < fx_json_count(list); k++)
            fx_json_add(all, fx_json_item(list, k));
    }
    return all;
}

/* NULL when the answer leaves a doubt. */
static struct fx_slack_channel *read_channel(struct fx_scope *sc, const struct fx_json *found) {
    static const char *const flags[] = {"is_shared", "is_pending_ext_shared", "is_global_shared",
                                        "is_archived", "is_private"};
    static const char *const foreign[] = {"connected_team_ids", "pending_connected_team_ids",
                                          "pending_shared"};
    static const char *const inner[] = {"shared_team_ids", "internal_team_ids"};
    struct fx_json *others = join_lists(sc, found, foreign, FX_COUNT_OF(foreign));
    struct fx_json *team_ids = join_lists(sc, found, inner, FX_COUNT_OF(inner));
    const struct fx_json *ext = fx_json_at(found, "is_ext_shared");
    const struct fx_json *org = fx_json_at(found, "is_org_shared");

    if (fx_json_type(ext) != FX_JSON_BOOL || fx_json_type(org) != FX_JSON_BOOL ||
        !are_flags(found, flags, FX_COUNT_OF(flags)) || others == NULL || team_ids == NULL)
        return NULL;
    bool org_shared =
        fx_json_to_bool(org, true) || fx_json_get_bool(found, "is_global_shared", false);
    /* shared, and nothing says with whom */
    bool unclear = fx_json_get_bool(found, "is_shared", false) && !org_shared;
    struct fx_slack_channel *channel = FX_NEW(sc, struct fx_slack_channel);

    *channel = (struct fx_slack_channel){
        .id = fx_json_get_text(found, "id"),
        .shared = fx_json_to_bool(ext, true) || unclear || fx_json_count(others) > 0 ||
                  fx_json_get_bool(found, "is_pending_ext_shared", false),
        .org_shared = org_shared,
        .team_ids = team_ids,
        .archived = fx_json_get_bool(found, "is_archived", false),
        .private = fx_json_get_bool(found, "is_private", false),
    };
    return channel;
}

enum fx_code fx_slackapi_channel(struct fx_slackapi *api, struct fx_scope *sc,
                                 const char *channel_id, struct fx_slack_channel **ret_channel,
                                 struct fx_error *err) {
    static const char method[] = "conversations.info";
    struct fx_json *answer = NULL;
    struct fx_json *payload =
        fx_json_object_of(sc, "channel", fx_json_string(sc, channel_id), NULL);

    FX_TRY(fx_slackapi_call(api, sc, method, payload, &answer, err));
    struct fx_slack_channel *channel = read_channel(sc, fx_json_at(answer, "channel"));
    if (channel == NULL || channel->id == NULL || strcmp(channel->id, channel_id) != 0)
        return refuse_form(method, err);
    *ret_channel = channel;
    return FX_OK;
}
