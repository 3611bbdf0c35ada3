/* directory.c - what Slack says of people, groups and channels: asked now, or remembered for a
 * minute where the caller allows it.
 *
 * What is remembered is in fx_state, where others may have written too: it never decides about more
 * than reading. An answer always replaces what was remembered.
 */
#include "private.h"

#include "fluxabot/slackapi.h"

#include <string.h>

enum { REMEMBERED_MS = 60 * 1000 };

/* Keys of fx_state; an id follows. */
static const char user_key[] = "slack.user:";
static const char group_key[] = "slack.group:";
static const char channel_key[] = "slack.channel:";

static void remember(struct engine_work *work, const char *kind, const char *id,
                     const struct fx_json *value) {
    struct fx_state *state = work->engine->options.state;

    state->put(state, fx_printf(work->sc, "%s%s", kind, id),
               fx_slice_of(fx_json_dump(work->sc, value)), REMEMBERED_MS);
}

/* NULL when nothing is known, or nothing that can be read. */
static struct fx_json *recall(struct engine_work *work, const char *kind, const char *id) {
    struct fx_state *state = work->engine->options.state;
    const char *text = state->get(state, work->sc, fx_printf(work->sc, "%s%s", kind, id));
    struct fx_json *value = NULL;
    struct fx_error ignored;

    if (text == NULL || fx_json_parse(work->sc, fx_slice_of(text), &value, &ignored) != FX_OK)
        return NULL;
    return value;
}

/* Asking changes nothing, so it may be repeated whatever became of it. */
static enum fx_code harmless(enum fx_code code, struct fx_error *err) {
    err->sent = false;
    return code;
}

/* ---- people ---- */

/* A flag that is not there counts against the person. */
static struct fx_slack_user *user_of(struct fx_scope *sc, const char *user_id,
                                     const struct fx_json *known) {
    struct fx_slack_user *user = FX_NEW(sc, struct fx_slack_user);
    const char *team_id = fx_json_get_text(known, "team_id");

    if (team_id == NULL)
        return NULL;
    *user = (struct fx_slack_user){.id = user_id,
                                   .team_id = team_id,
                                   .name = "",
                                   .deleted = fx_json_get_bool(known, "deleted", true),
                                   .bot = fx_json_get_bool(known, "bot", true),
                                   .guest = fx_json_get_bool(known, "guest", true),
                                   .stranger = fx_json_get_bool(known, "stranger", true)};
    return user;
}

static struct fx_json *user_json(struct fx_scope *sc, const struct fx_slack_user *user) {
    return fx_json_object_of(sc, "team_id", fx_json_string(sc, user->team_id), "deleted",
                             fx_json_bool(sc, user->deleted), "bot", fx_json_bool(sc, user->bot),
                             "guest", fx_json_bool(sc, user->guest), "stranger",
                             fx_json_bool(sc, user->stranger), NULL);
}

enum fx_code engine_read_user(struct engine_work *work, const char *user_id, bool may_be_old,
                              struct fx_slack_user **ret_user, struct fx_error *err) {
    struct fx_slack_user *user =
        may_be_old ? user_of(work->sc, user_id, recall(work, user_key, user_id)) : NULL;

    if (user == NULL) {
        enum fx_code code =
            fx_slackapi_user(work->engine->options.slack, work->sc, user_id, &user, err);

        if (code != FX_OK)
            return harmless(code, err);
        remember(work, user_key, user_id, user_json(work->sc, user));
    }
    *ret_user = user;
    return FX_OK;
}

enum fx_code engine_read_group(struct engine_work *work, const char *group_id, bool may_be_old,
                               struct fx_json **ret_user_ids, struct fx_error *err) {
    struct fx_json *user_ids = may_be_old ? recall(work, group_key, group_id) : NULL;

    if (user_ids == NULL) {
        enum fx_code code =
            fx_slackapi_group(work->engine->options.slack, work->sc, group_id, &user_ids, err);

        if (code != FX_OK)
            return harmless(code, err);
        remember(work, group_key, group_id, user_ids);
    }
    *ret_user_ids = user_ids;
    return FX_OK;
}

/* ---- channels ---- */

/* Within one Enterprise organisation only the workspaces of the configuration are ours. */
static enum fx_sharing sharing_of(const struct fx_policy *policy,
                                  const struct fx_slack_channel *channel) {
    size_t count = fx_json_count(channel->team_ids);

    if (channel->shared)
        return FX_SHARING_OTHERS;
    if (!channel->org_shared)
        return FX_SHARING_OWN;
    for (size_t i = 0; i < count; i++)
        if (!fx_policy_is_own_team(policy, fx_json_text(fx_json_item(channel->team_ids, i))))
            return FX_SHARING_OTHERS;
    return count > 0 ? FX_SHARING_OWN : FX_SHARING_OTHERS;
}

enum fx_code engine_read_sharing(struct engine_work *work, const char *channel_id, bool may_be_old,
                                 enum fx_sharing *ret_sharing, struct fx_error *err) {
    const struct fx_engine_options *options = &work->engine->options;
    const struct fx_json *known = may_be_old ? recall(work, channel_key, channel_id) : NULL;
    struct fx_slack_channel *channel = NULL;

    if (fx_json_type(known) == FX_JSON_BOOL) {
        *ret_sharing = fx_json_to_bool(known, true) ? FX_SHARING_OTHERS : FX_SHARING_OWN;
        return FX_OK;
    }
    enum fx_code code = fx_slackapi_channel(options->slack, work->sc, channel_id, &channel, err);

    if (code != FX_OK)
        return harmless(code, err);
    *ret_sharing = sharing_of(options->policy, channel);
    remember(work, channel_key, channel_id, fx_json_bool(work->sc, *ret_sharing != FX_SHARING_OWN));
    return FX_OK;
}
