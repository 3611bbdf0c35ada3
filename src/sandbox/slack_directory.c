/* slack_directory.c - auth.test, users.*, usergroups.* and conversations.*: who and what there is.
 */
#include "slack_private.h"

#include <string.h>

enum { PAGE_DEFAULT = 100, PAGE_MAX = 1000 };

const char *slack_auth_test(struct slack_call *call) {
    struct fx_scope *sc = call->sc;

    fx_json_put(call->answer, "url",
                fx_json_string(sc, "https://" SLACK_TEAM_DOMAIN ".slack.com/"));
    fx_json_put(call->answer, "team", fx_json_string(sc, "Fluxa sandbox"));
    fx_json_put(call->answer, "user", fx_json_string(sc, "fluxabot"));
    fx_json_put(call->answer, "team_id", fx_json_string(sc, SLACK_TEAM));
    fx_json_put(call->answer, "user_id", fx_json_string(sc, SLACK_BOT_USER));
    fx_json_put(call->answer, "bot_id", fx_json_string(sc, SLACK_BOT));
    fx_json_put(call->answer, "app_id", fx_json_string(sc, SLACK_APP));
    fx_json_put(call->answer, "is_enterprise_install", fx_json_bool(sc, false));
    return NULL;
}

const char *slack_users_info(struct slack_call *call) {
    const char *id = slack_arg(call, "user");
    const struct slack_person *person = id && *id == 'U' ? slack_person_at(call->sb, id) : NULL;

    if (!person)
        return "user_not_found";
    fx_json_put(call->answer, "user", slack_person_json(call->sc, person));
    return NULL;
}

/* Puts the page of all that the cursor asks for under name; the cursor is the index to go on at. */
static const char *put_page(struct slack_call *call, const char *name, const struct fx_json *all) {
    struct fx_json *page = fx_json_array(call->sc);
    const char *cursor = slack_arg(call, "cursor");
    const struct fx_json *limit_given = fx_json_at(call->args, "limit");
    int64_t from = 0, limit = fx_json_to_int(limit_given, PAGE_DEFAULT);

    if (fx_json_text(limit_given) && !fx_slice_to_int(fx_json_text_slice(limit_given), &limit))
        return "invalid_limit";
    if (cursor && (!fx_slice_to_int(fx_slice_of(cursor), &from) || from < 0))
        return "invalid_cursor";
    if (limit < 1 || limit > PAGE_MAX)
        limit = PAGE_DEFAULT;
    size_t end = (size_t)(from + limit);
    for (size_t i = (size_t)from; i < end && i < fx_json_count(all); i++)
        fx_json_add(page, fx_json_item(all, i));
    fx_json_put(call->answer, name, page);
    const char *next = end < fx_json_count(all) ? fx_printf(call->sc, "%zu", end) : "";
    fx_json_put(call->answer, "response_metadata",
                fx_json_object_of(call->sc, "next_cursor", fx_json_string(call->sc, next), NULL));
    return NULL;
}

const char *slack_users_list(struct slack_call *call) {
    const struct sandbox_slack *slack = call->sb->slack;
    struct fx_json *all = fx_json_array(call->sc);

    for (size_t i = 0; i < slack->people_count; i++)
        fx_json_add(all, slack_person_json(call->sc, &slack->people[i]));
    return put_page(call, "members", all);
}

static struct fx_json *group_members(const struct slack_call *call) {
    const struct sandbox_slack *slack = call->sb->slack;
    struct fx_json *members = fx_json_array(call->sc);

    for (size_t i = 0; i < slack->people_count; i++)
        if (slack->people[i].in_group)
            fx_json_add(members, fx_json_string(call->sc, slack->people[i].id));
    return members;
}

const char *slack_usergroups_list(struct slack_call *call) {
    struct fx_scope *sc = call->sc;
    struct fx_json *members = group_members(call);
    const char *with = slack_arg(call, "include_users");
    bool include = fx_json_get_bool(call->args, "include_users", with && strcmp(with, "false"));
    struct fx_json *group = fx_json_object_of(
        sc, "id", fx_json_string(sc, SLACK_GROUP), "team_id", fx_json_string(sc, SLACK_TEAM),
        "is_usergroup", fx_json_bool(sc, true), "name", fx_json_string(sc, "Fluxa on-call"),
        "handle", fx_json_string(sc, "fluxa-oncall"), "description",
        fx_json_string(sc, "May approve changes to Fluxa"), "date_delete", fx_json_int(sc, 0),
        "user_count", fx_json_int(sc, (int64_t)fx_json_count(members)), "users",
        include ? members : NULL, NULL);

    fx_json_put(call->answer, "usergroups", fx_json_array_of(sc, group, NULL));
    return NULL;
}

const char *slack_usergroups_users_list(struct slack_call *call) {
    const char *group = slack_arg(call, "usergroup");

    if (!group || strcmp(group, SLACK_GROUP) != 0)
        return "no_such_subteam";
    fx_json_put(call->answer, "users", group_members(call));
    return NULL;
}

const char *slack_conversation_scope(const struct slack_call *call) {
    const struct slack_channel *channel = slack_channel_at(call->sb, slack_arg(call, "channel"));

    return channel && channel->is_private ? "groups:read" : "channels:read";
}

const char *slack_conversations_info(struct slack_call *call) {
    const char *id = slack_arg(call, "channel");
    const struct slack_channel *channel = id && *id == 'C' ? slack_channel_at(call->sb, id) : NULL;

    if (!channel)
        return "channel_not_found";
    fx_json_put(call->answer, "channel", slack_channel_json(call->sc, channel));
    return NULL;
}

const char *slack_conversations_list(struct slack_call *call) {
    const struct sandbox_slack *slack = call->sb->slack;
    const char *text = slack_arg(call, "exclude_archived");
    bool exclude =
        fx_json_get_bool(call->args, "exclude_archived", text && strcmp(text, "false") != 0);
    struct fx_json *all = fx_json_array(call->sc);

    for (size_t i = 0; i < slack->channels_count; i++)
        if (!exclude || !slack->channels[i].is_archived)
            fx_json_add(all, slack_channel_json(call->sc, &slack->channels[i]));
    return put_page(call, "channels", all);
}

const char *slack_conversations_members(struct slack_call *call) {
    const struct sandbox_slack *slack = call->sb->slack;
    const struct slack_channel *channel = slack_channel_at(call->sb, slack_arg(call, "channel"));
    struct fx_json *all = fx_json_array(call->sc);

    if (!channel)
        return "channel_not_found";
    for (size_t i = 0; i < slack->people_count; i++) {
        const struct slack_person *person = &slack->people[i];
        bool inside = person->is_bot ? channel->is_member && strcmp(person->role, "bot") == 0
                                     : !person->deleted;
        if (inside)
            fx_json_add(all, fx_json_string(call->sc, person->id));
    }
    return put_page(call, "members", all);
}
