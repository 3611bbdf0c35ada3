/* policy.h - may this person do this here? One function for slash, button, dialog and terminal.
 * Pure.
 *
 * "admin" includes "approver", which includes "operator"; any other role stands for itself alone.
 * REQUEST and APPROVE need the home channel; DENY, STOP and ACK, which make the world safer, do
 * not. Denied unless a rule allows it. Guests, bots, deactivated users, strangers and other teams
 * never may anything, whatever list they stand on.
 */
#pragma once

#include "fluxabot/base/json.h"

enum fx_action {
    FX_ACTION_HELP,    /* any full member of the team */
    FX_ACTION_READ,    /* run a reading command */
    FX_ACTION_REQUEST, /* ask for a change */
    FX_ACTION_APPROVE, /* approve somebody's change, or let an approved one run */
    FX_ACTION_DENY,    /* deny or withdraw a request: the requester may, too */
    FX_ACTION_STOP,    /* stop a running change: must not wait for an approver */
    FX_ACTION_ACK,     /* acknowledge an incident */
};

struct fx_actor {
    const char *user_id, *team_id;
    bool known; /* Slack told us who this is; false denies everything */
    bool deleted, bot, guest, stranger;
    bool terminal; /* on the machine itself: may read, nothing else */
};

struct fx_role {
    const char *name; /* "operator", "approver", "admin" */
    const char *const *users;
    size_t users_count;
    const char *const *groups; /* Slack user group ids; members are given in fx_policy_question */
    size_t groups_count;
};
struct fx_policy {
    const char *const *team_ids;
    size_t team_ids_count;
    const struct fx_role *roles;
    size_t roles_count;
};

struct fx_policy_question {
    const struct fx_actor *actor;
    enum fx_action action;
    const char *role;      /* READ and REQUEST: the role the command asks for; NULL: operator */
    const char *requester; /* APPROVE, DENY: who asked; "" for an alarm, NULL denies APPROVE */
    bool home_channel;     /* asked in the system's own channel; changes need it */
    /* object: group id -> array of user ids, as fresh as the action needs */
    const struct fx_json *groups;
};

/* FX_OK, or FX_ERR_DENIED with a sentence for the person: what, why, who could. */
enum fx_code fx_authorize(const struct fx_policy *policy, const struct fx_policy_question *question,
                          struct fx_error *err);
/* True when the roles that decide this action name groups, so that membership must be read first.
 */
bool fx_policy_needs_groups(const struct fx_policy *policy);
