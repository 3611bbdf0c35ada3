/* authorize.c - may this person do this here? One table of rules, one function that reads it. */
#include "fluxabot/policy.h"

#include <string.h>

static const char operator_role[] = "operator";
static const char approver_role[] = "approver";
static const char admin_role[] = "admin";

/* Who may. Whatever a rule does not grant is denied. */
struct rule {
    const char *verb;      /* "You may not <verb>" */
    const char *role;      /* at least this one; NULL: none is needed */
    bool asks_role;        /* the command names the role; role is meant when it does not */
    bool needs_home;       /* only in the system's own channel, with nobody of others in it */
    bool denies_requester; /* nobody approves what he asked for himself */
    bool denies_voter;     /* nor twice what needs two */
    bool grants_requester; /* everybody may withdraw what he asked for himself */
    bool grants_terminal;
    bool needs_terminal; /* and nobody else: it mends what only the machine's owner understands */
    bool may_use_cache;  /* does no harm when it is granted a minute too long */
};
static const struct rule rules[] = {
    [FX_ACTION_HELP] = {.verb = "use fluxabot", .grants_terminal = true, .may_use_cache = true},
    [FX_ACTION_READ] = {.verb = "run this command",
                        .role = operator_role,
                        .asks_role = true,
                        .grants_terminal = true,
                        .may_use_cache = true},
    [FX_ACTION_REQUEST] = {.verb = "ask for this change",
                           .role = operator_role,
                           .asks_role = true,
                           .needs_home = true},
    [FX_ACTION_APPROVE] = {.verb = "approve this change",
                           .role = approver_role,
                           .needs_home = true,
                           .denies_requester = true,
                           .denies_voter = true},
    [FX_ACTION_DENY] = {.verb = "deny this change",
                        .role = approver_role,
                        .grants_requester = true},
    [FX_ACTION_STOP] = {.verb = "stop this change", .role = operator_role},
    [FX_ACTION_ACK] = {.verb = "acknowledge this incident",
                       .role = operator_role,
                       .may_use_cache = true},
    [FX_ACTION_TELL] = {.verb = "tell what became of this change",
                        .role = operator_role,
                        .needs_home = true},
    [FX_ACTION_FREEZE] = {.verb = "freeze changes", .role = operator_role, .grants_terminal = true},
    [FX_ACTION_UNFREEZE] = {.verb = "unfreeze changes", .role = admin_role, .needs_home = true},
    [FX_ACTION_NOTICE] = {.verb = "run this command", .role = operator_role, .asks_role = true},
    [FX_ACTION_RETRY] = {.verb = "have a job tried again that was given up",
                         .grants_terminal = true,
                         .needs_terminal = true},
    [FX_ACTION_ACCEPT] = {.verb = "accept the audit log as it is",
                          .grants_terminal = true,
                          .needs_terminal = true},
};

/* NULL for what has no rule. */
static const struct rule *rule_of(enum fx_action action) {
    return (size_t)action < FX_COUNT_OF(rules) && rules[action].verb ? &rules[action] : NULL;
}

/* A role includes those before it. A role that is not in this list stands for itself alone, so
 * nobody reads personal data because he is an admin of the bot. */
static const char *const ladder[] = {operator_role, approver_role, admin_role};

static bool is_listed(const char *const *list, size_t count, const char *text) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i], text) == 0)
            return true;
    return false;
}

static bool is_member(const struct fx_json *groups, const char *group, const char *user_id) {
    const struct fx_json *members = fx_json_at(groups, group);

    for (size_t i = 0; i < fx_json_count(members); i++) {
        const char *member = fx_json_text(fx_json_item(members, i));

        if (member && strcmp(member, user_id) == 0)
            return true;
    }
    return false;
}

static bool holds_one(const struct fx_policy *policy, const struct fx_policy_question *question,
                      const char *name) {
    const char *user_id = question->actor->user_id;

    for (size_t i = 0; i < policy->roles_count; i++) {
        const struct fx_role *role = &policy->roles[i];

        if (strcmp(role->name, name) != 0)
            continue;
        if (is_listed(role->users, role->users_count, user_id))
            return true;
        for (size_t j = 0; j < role->groups_count; j++)
            if (is_member(question->groups, role->groups[j], user_id))
                return true;
    }
    return false;
}

static bool holds(const struct fx_policy *policy, const struct fx_policy_question *question,
                  const char *name) {
    size_t step = 0;

    while (step < FX_COUNT_OF(ladder) && strcmp(ladder[step], name) != 0)
        step++;
    if (step == FX_COUNT_OF(ladder))
        return holds_one(policy, question, name);
    for (; step < FX_COUNT_OF(ladder); step++)
        if (holds_one(policy, question, ladder[step]))
            return true;
    return false;
}

/* Who somebody is comes before every role: a guest on the list of approvers stays a guest. */
static enum fx_code check_person(const struct fx_policy *policy, const struct fx_actor *actor,
                                 const char *verb, struct fx_error *err) {
    const char *what = NULL;

    if (actor->deleted)
        what = "this Slack account is deactivated";
    else if (actor->bot)
        what = "apps and bots may not give orders; a person has to";
    else if (actor->guest)
        what = "guests of the workspace may not; ask a full member";
    else if (actor->stranger)
        what = "you belong to another organisation; ask somebody of this workspace";
    else if (actor->terminal && actor->user_id && *actor->user_id)
        return FX_OK;
    else if (actor->terminal)
        what = "this machine does not tell who you are, and the audit log needs a name; log in as "
               "a user that it knows";
    else if (!actor->known || !actor->user_id || !*actor->user_id)
        what = "Slack did not tell who you are; try again in a minute";
    else if (!actor->team_id || !fx_policy_is_own_team(policy, actor->team_id))
        what = "your workspace is not one of fluxabot's; ask somebody of its own";
    if (what)
        return fx_fail(err, FX_ERR_DENIED, "You may not %s: %s", verb, what);
    return FX_OK;
}

static enum fx_code check_role(const struct fx_policy *policy,
                               const struct fx_policy_question *question, const struct rule *rule,
                               struct fx_error *err) {
    const char *name = rule->asks_role && question->role ? question->role : rule->role;

    if (!name || holds(policy, question, name))
        return FX_OK;
    return fx_fail(err, FX_ERR_DENIED,
                   "You may not %s: it needs the role %s; ask somebody who has it, or have "
                   "yourself added to it in the configuration",
                   rule->verb, name);
}

/* Before the role: somebody who may everything may nothing of this kind where others listen. */
static enum fx_code check_channel(const struct fx_policy_question *question,
                                  const struct rule *rule, struct fx_error *err) {
    if (!rule->needs_home)
        return FX_OK;
    if (!question->home_channel)
        return fx_fail(err, FX_ERR_DENIED,
                       "You may not %s here: changes are decided in the system's own channel",
                       rule->verb);
    switch (question->sharing) {
    case FX_SHARING_OWN:
        return FX_OK;
    case FX_SHARING_OTHERS:
        return fx_fail(err, FX_ERR_DENIED,
                       "You may not %s here: another organisation or workspace is in this channel, "
                       "or invited to it; move the bot to a channel of your own",
                       rule->verb);
    case FX_SHARING_UNKNOWN:
        break;
    }
    return fx_fail(err, FX_ERR_DENIED,
                   "You may not %s here: Slack did not tell whether another organisation is in "
                   "this channel; try again in a minute, or move the bot to a channel of your own",
                   rule->verb);
}

/* Before the channel and the role: who is told "you yourself" needs no other reason. */
static enum fx_code check_others(const struct fx_policy *policy,
                                 const struct fx_policy_question *question, const struct rule *rule,
                                 bool own, struct fx_error *err) {
    const char *user_id = question->actor->user_id;

    if (rule->denies_requester && !question->requester)
        return fx_fail(err, FX_ERR_DENIED, "You may not %s: it is not known who asked for it",
                       rule->verb);
    if (rule->denies_requester && own)
        return fx_fail(err, FX_ERR_DENIED,
                       "You may not %s: you asked for it yourself%s, so somebody else with the "
                       "role %s has to decide",
                       rule->verb,
                       strcmp(question->requester, user_id) == 0 ? "" : " with another account",
                       rule->role);
    for (size_t i = 0; rule->denies_voter && i < question->voters_count; i++)
        if (fx_policy_same_person(policy, question->voters[i], user_id))
            return fx_fail(err, FX_ERR_DENIED,
                           "You may not %s twice: you have approved it%s, so somebody else with "
                           "the role %s has to as well",
                           rule->verb,
                           strcmp(question->voters[i], user_id) == 0 ? " already"
                                                                     : " with another account",
                           rule->role);
    return FX_OK;
}

enum fx_code fx_authorize(const struct fx_policy *policy, const struct fx_policy_question *question,
                          struct fx_error *err) {
    const struct fx_actor *actor = question->actor;
    const struct rule *rule = rule_of(question->action);

    if (!rule)
        return fx_fail(err, FX_ERR_DENIED, "No rule allows this");
    FX_TRY(check_person(policy, actor, rule->verb, err));
    if (actor->terminal)
        return rule->grants_terminal
                   ? FX_OK
                   : fx_fail(err, FX_ERR_DENIED,
                             "You may not %s from the terminal: changes are decided in Slack",
                             rule->verb);
    if (rule->needs_terminal)
        return fx_fail(err, FX_ERR_DENIED,
                       "You may not %s from Slack: whoever runs the bot does it on its machine",
                       rule->verb);

    bool own =
        question->requester && fx_policy_same_person(policy, question->requester, actor->user_id);
    FX_TRY(check_others(policy, question, rule, own, err));
    FX_TRY(check_channel(question, rule, err));
    if (rule->grants_requester && own)
        return FX_OK;
    return check_role(policy, question, rule, err);
}

bool fx_policy_needs_groups(const struct fx_policy *policy) {
    for (size_t i = 0; i < policy->roles_count; i++)
        if (policy->roles[i].groups_count > 0)
            return true;
    return false;
}

bool fx_action_needs_channel(enum fx_action action) {
    const struct rule *rule = rule_of(action);

    return rule && rule->needs_home;
}

bool fx_action_may_use_cache(enum fx_action action) {
    const struct rule *rule = rule_of(action);

    return rule && rule->may_use_cache;
}

const struct fx_person *fx_policy_person(const struct fx_policy *policy, const char *user_id) {
    for (size_t i = 0; i < policy->persons_count; i++)
        if (is_listed(policy->persons[i].users, policy->persons[i].users_count, user_id))
            return &policy->persons[i];
    return NULL;
}

bool fx_policy_same_person(const struct fx_policy *policy, const char *a, const char *b) {
    const struct fx_person *person = fx_policy_person(policy, a);

    return strcmp(a, b) == 0 || (person && is_listed(person->users, person->users_count, b));
}

size_t fx_policy_count_persons(const struct fx_policy *policy, const char *requester,
                               const char *const *users, size_t users_count) {
    size_t persons = 0;

    for (size_t i = 0; i < users_count; i++) {
        bool known = fx_policy_same_person(policy, requester, users[i]);

        for (size_t k = 0; k < i && !known; k++)
            known = fx_policy_same_person(policy, users[k], users[i]);
        persons += !known;
    }
    return persons;
}

/* Those who have been counted: a few, because more than enough are not. */
struct count {
    const struct fx_policy *policy;
    const char *requester;
    const char *counted[FX_POLICY_APPROVERS_MAX];
    size_t persons, enough;
};

static void count_one(struct count *count, const char *user_id) {
    bool known = user_id == NULL || count->persons == count->enough ||
                 fx_policy_same_person(count->policy, count->requester, user_id);

    for (size_t i = 0; i < count->persons && !known; i++)
        known = fx_policy_same_person(count->policy, count->counted[i], user_id);
    if (!known)
        count->counted[count->persons++] = user_id;
}

static void count_role(struct count *count, const struct fx_role *role,
                       const struct fx_json *groups) {
    for (size_t i = 0; i < role->users_count; i++)
        count_one(count, role->users[i]);
    for (size_t i = 0; i < role->groups_count; i++) {
        const struct fx_json *members = fx_json_at(groups, role->groups[i]);

        for (size_t k = 0; k < fx_json_count(members); k++)
            count_one(count, fx_json_text(fx_json_item(members, k)));
    }
}

size_t fx_policy_count_approvers(const struct fx_policy *policy, const char *requester,
                                 const struct fx_json *groups, size_t enough) {
    struct count count = {.policy = policy,
                          .requester = requester,
                          .enough =
                              enough < FX_POLICY_APPROVERS_MAX ? enough : FX_POLICY_APPROVERS_MAX};

    for (size_t i = 0; i < policy->roles_count; i++)
        if (strcmp(policy->roles[i].name, approver_role) == 0 ||
            strcmp(policy->roles[i].name, admin_role) == 0)
            count_role(&count, &policy->roles[i], groups);
    return count.persons;
}

bool fx_policy_is_own_team(const struct fx_policy *policy, const char *team_id) {
    return is_listed(policy->team_ids, policy->team_ids_count, team_id);
}
