/* who.c - who a person is, asked freshly, and whether the policy lets them. */
#include "private.h"

#include "fluxabot/slackapi.h"

#include <string.h>

/* Membership of every group that a role names. A group that cannot be read counts as empty for
 * reading actions' sake only through the error: any doubt denies. */
static enum fx_code read_groups(struct engine_work *work, struct fx_json **ret_groups,
                                struct fx_error *err) {
    const struct fx_policy *policy = work->engine->options.policy;
    struct fx_json *groups = fx_json_object(work->sc);

    for (size_t i = 0; i < policy->roles_count; i++)
        for (size_t k = 0; k < policy->roles[i].groups_count; k++) {
            const char *group = policy->roles[i].groups[k];
            struct fx_json *users = NULL;

            if (fx_json_at(groups, group) != NULL)
                continue;
            FX_TRY(fx_slackapi_group(work->engine->options.slack, work->sc, group, &users, err));
            fx_json_put(groups, group, users);
        }
    *ret_groups = groups;
    return FX_OK;
}

static enum fx_code read_actor(struct engine_work *work, const char *user_id, const char *team_id,
                               struct fx_actor *ret_actor, struct fx_error *err) {
    struct fx_slack_user *user = NULL;

    FX_TRY(fx_slackapi_user(work->engine->options.slack, work->sc, user_id, &user, err));
    *ret_actor = (struct fx_actor){.user_id = user_id,
                                   /* on a shared channel the payload names the asker's side,
                                    * users.info the user's own team: both must be ours */
                                   .team_id = user->team_id[0] != '\0' ? user->team_id : team_id,
                                   .known = true,
                                   .deleted = user->deleted,
                                   .bot = user->bot,
                                   .guest = user->guest,
                                   .stranger = user->stranger};
    return FX_OK;
}

enum fx_code engine_authorize(struct engine_work *work, const struct fx_engine_system *system,
                              const char *user_id, const char *team_id, const char *channel,
                              enum fx_action action, const char *role, const char *requester,
                              struct fx_error *err) {
    const struct fx_policy *policy = work->engine->options.policy;
    struct fx_actor actor = {0};
    struct fx_json *groups = NULL;
    struct fx_error why = {0};
    enum fx_code code = read_actor(work, user_id, team_id, &actor, &why);

    if (code == FX_OK && fx_policy_needs_groups(policy))
        code = read_groups(work, &groups, &why);
    if (code != FX_OK)
        return fx_fail(
            err, FX_ERR_DENIED,
            "I could not ask Slack who you are (%s), so the answer is no; nothing was done, "
            "please try again",
            why.message);
    return fx_authorize(
        policy,
        &(struct fx_policy_question){.actor = &actor,
                                     .action = action,
                                     .role = role,
                                     .requester = requester,
                                     .home_channel = strcmp(channel, system->channel) == 0,
                                     .groups = groups},
        err);
}
