/* who.c - who a person is and who else is in the channel, and whether the policy lets them. */
#include "private.h"

#include "fluxabot/slackapi.h"

#include <string.h>

struct request {
    const struct fx_engine_system *system;
    const char *user_id, *team_id, *channel;
    enum fx_action action;
    const char *role, *requester;
    const char *const *voters; /* who has approved before */
    size_t voters_count;
};

struct facts {
    struct fx_actor actor;
    struct fx_json *groups;
    enum fx_sharing sharing;
    const char *asking; /* what Slack was asked last, for the person who waits */
};

static bool is_home(const struct request *request) {
    return strcmp(request->channel, request->system->channel) == 0;
}

static enum fx_code read_actor(struct engine_work *work, const struct request *request,
                               struct facts *facts, struct fx_error *err) {
    struct fx_slack_user *user = NULL;

    facts->asking = "who you are";
    FX_TRY(engine_read_user(work, request->user_id, fx_action_may_use_cache(request->action), &user,
                            err));
    facts->actor =
        (struct fx_actor){.user_id = request->user_id,
                          /* the receiver has refused requests from other workspaces; this is the
                           * person's own, which may be another one on a shared channel */
                          .team_id = user->team_id[0] != '\0' ? user->team_id : request->team_id,
                          .known = true,
                          .deleted = user->deleted,
                          .bot = user->bot,
                          .guest = user->guest,
                          .stranger = user->stranger};
    return FX_OK;
}

/* Membership of every group that a role names. One that cannot be read leaves a doubt about all. */
static enum fx_code read_groups(struct engine_work *work, const struct request *request,
                                struct facts *facts, struct fx_error *err) {
    const struct fx_policy *policy = work->engine->options.policy;

    facts->asking = "who belongs to which group";
    facts->groups = fx_json_object(work->sc);
    for (size_t i = 0; i < policy->roles_count; i++)
        for (size_t k = 0; k < policy->roles[i].groups_count; k++) {
            const char *group = policy->roles[i].groups[k];
            struct fx_json *user_ids = NULL;

            if (fx_json_at(facts->groups, group) != NULL)
                continue;
            FX_TRY(engine_read_group(work, group, fx_action_may_use_cache(request->action),
                                     &user_ids, err));
            fx_json_put(facts->groups, group, user_ids);
        }
    return FX_OK;
}

static enum fx_code read_facts(struct engine_work *work, const struct request *request,
                               struct facts *facts, struct fx_error *err) {
    *facts = (struct facts){.sharing = FX_SHARING_UNKNOWN};
    FX_TRY(read_actor(work, request, facts, err));
    if (fx_policy_needs_groups(work->engine->options.policy))
        FX_TRY(read_groups(work, request, facts, err));
    /* elsewhere the answer is no anyway, and the bot may not even see that channel */
    if (fx_action_needs_channel(request->action) && is_home(request)) {
        facts->asking = "who else is in this channel";
        FX_TRY(engine_read_sharing(work, request->channel, false, &facts->sharing, err));
    }
    return FX_OK;
}

static enum fx_code judge(struct engine_work *work, const struct request *request,
                          const struct facts *facts, struct fx_error *err) {
    return fx_authorize(work->engine->options.policy,
                        &(struct fx_policy_question){.actor = &facts->actor,
                                                     .action = request->action,
                                                     .role = request->role,
                                                     .requester = request->requester,
                                                     .voters = request->voters,
                                                     .voters_count = request->voters_count,
                                                     .home_channel = is_home(request),
                                                     .sharing = facts->sharing,
                                                     .groups = facts->groups},
                        err);
}

static enum fx_code authorize(struct engine_work *work, const struct request *request,
                              struct fx_error *err) {
    struct facts facts;
    struct fx_error why = {0};
    enum fx_code code = read_facts(work, request, &facts, &why);

    if (code == FX_OK)
        return judge(work, request, &facts, err);
    if (code == FX_ERR_CANCELED) { /* the program stops: it is asked again after the start */
        *err = why;
        return code;
    }
    return fx_fail(err, FX_ERR_DENIED,
                   "I could not ask Slack %s (%s), so the answer is no; nothing was done%s",
                   facts.asking, why.message, code == FX_ERR_DENIED ? "" : ", please try again");
}

enum fx_code engine_authorize(struct engine_work *work, const struct fx_engine_system *system,
                              const char *user_id, const char *team_id, const char *channel,
                              enum fx_action action, const char *role, const char *requester,
                              struct fx_error *err) {
    return authorize(work,
                     &(struct request){.system = system,
                                       .user_id = user_id,
                                       .team_id = team_id,
                                       .channel = channel,
                                       .action = action,
                                       .role = role,
                                       .requester = requester},
                     err);
}

static const char *const *voters_of(struct fx_scope *sc, struct fx_vote *const *votes,
                                    size_t count) {
    const char **voters = fx_alloc(sc, (count + 1) * sizeof *voters);

    for (size_t i = 0; i < count; i++)
        voters[i] = votes[i]->voter;
    return voters;
}

enum fx_code engine_authorize_vote(struct engine_work *work, const struct fx_engine_system *system,
                                   const char *user_id, const char *team_id, const char *channel,
                                   const struct fx_approval *approval, struct fx_error *err) {
    struct fx_store *store = work->engine->options.store;
    struct fx_vote **votes = NULL;
    size_t count = 0;

    /* once it is decided, whoever comes late is told of the decision */
    if (approval->state == FX_APPROVAL_PENDING && approval->needed > 1)
        FX_TRY(store->votes(store, work->sc, approval->id, &votes, &count, err));
    return authorize(work,
                     &(struct request){.system = system,
                                       .user_id = user_id,
                                       .team_id = team_id,
                                       .channel = channel,
                                       .action = FX_ACTION_APPROVE,
                                       .requester = approval->requester,
                                       .voters = voters_of(work->sc, votes, count),
                                       .voters_count = count},
                     err);
}

/* A request that nobody can approve would only wait until it expires. */
enum fx_code engine_check_approvers(struct engine_work *work, const char *requester, int needed,
                                    struct fx_error *err) {
    const struct fx_policy *policy = work->engine->options.policy;
    const struct request request = {.action = FX_ACTION_APPROVE};
    struct facts facts = {0};
    struct fx_error unknown = {0};
    enum fx_code code =
        fx_policy_needs_groups(policy) ? read_groups(work, &request, &facts, &unknown) : FX_OK;

    if (code != FX_OK)
        return code == FX_ERR_CANCELED ? fx_fail(err, code, "%s", unknown.message) : FX_OK;
    size_t persons = fx_policy_count_approvers(policy, requester, facts.groups, (size_t)needed);

    if (persons >= (size_t)needed)
        return FX_OK;
    return fx_fail(
        err, FX_ERR_DENIED,
        "nobody was asked: %s to approve this who did not ask for it, and the roles "
        "approver and admin name %s; add somebody to roles.approver in the configuration, or to "
        "its group in Slack, and ask again",
        needed > 1 ? fx_printf(work->sc, "%d people have", needed) : "somebody has",
        persons == 0 ? "nobody else" : fx_printf(work->sc, "only %zu", persons));
}

/* One of those who approved. */
static enum fx_code ask_again(struct engine_work *work, const struct fx_engine_system *system,
                              const struct fx_approval *approval, const char *voter,
                              struct fx_error *err) {
    const struct request request = {.system = system,
                                    .user_id = voter,
                                    .team_id = "",
                                    .channel = system->channel,
                                    .action = FX_ACTION_APPROVE,
                                    .requester = approval->requester};
    struct facts facts;
    struct fx_error why = {0};
    enum fx_code code = read_facts(work, &request, &facts, &why);

    if (code == FX_OK)
        return judge(work, &request, &facts, err) == FX_OK
                   ? FX_OK
                   : fx_fail_in(err, "the approver was looked up once more");
    bool later = fx_code_is_transient(code) || code == FX_ERR_CANCELED;

    code = fx_fail(err, later ? code : FX_ERR_DENIED,
                   "Slack did not say whether the approver still may (%s)", why.message);
    err->retry_after_ms = why.retry_after_ms;
    return code;
}

enum fx_code engine_authorize_again(struct engine_work *work, const struct fx_engine_system *system,
                                    const struct fx_approval *approval,
                                    struct fx_vote *const *votes, size_t count,
                                    struct fx_error *err) {
    size_t needed = approval->needed > 1 ? (size_t)approval->needed : 1, persons = 0;

    for (size_t i = 0; i < count; i++)
        FX_TRY(ask_again(work, system, approval, votes[i]->voter, err));
    /* the configuration may have learned meanwhile that two accounts are one person */
    persons = fx_policy_count_persons(work->engine->options.policy, approval->requester,
                                      voters_of(work->sc, votes, count), count);
    if (persons < needed)
        return fx_fail(err, FX_ERR_DENIED,
                       "%zu persons have to approve this change, and those who did are %zu; ask "
                       "again",
                       needed, persons);
    return FX_OK;
}
