/* policy.h - may this person do this here? One function for slash, button, dialog and terminal.
 * Pure.
 *
 * "admin" includes "approver", which includes "operator"; any other role stands for itself alone.
 * REQUEST, APPROVE, TELL and UNFREEZE need the home channel, with nobody of another organisation in
 * it; DENY, STOP, ACK and FREEZE, which make the world safer, do not. Who asked and who decides are
 * compared as persons, not as accounts, and so are those who approve one change together. Denied
 * unless a rule allows it. Guests, bots, deactivated users, strangers and other teams never may
 * anything, whatever list they stand on.
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
    FX_ACTION_TELL,    /* tell what became of a change of which nobody knows */
    FX_ACTION_FREEZE,  /* let nothing change any more: also from the terminal */
    FX_ACTION_UNFREEZE,
    FX_ACTION_NOTICE, /* page somebody, silence an alarm: a person's word, never a terminal's */
    FX_ACTION_RETRY,  /* have a job tried again that was given up: only from the terminal */
    FX_ACTION_ACCEPT, /* vouch for an audit log that its anchors do not fit: only from there, too */
};

enum { FX_POLICY_APPROVERS_MAX = 16 }; /* no change needs more */

struct fx_actor {
    const char *user_id, *team_id;
    bool known; /* Slack told us who this is; false denies everything */
    bool deleted, bot, guest, stranger;
    /* On the machine itself: may read and freeze, and mend the bot's own state. user_id is the name
     * that the audit log keeps; nobody without one may anything. */
    bool terminal;
};

/* Who else reads what is decided in a channel. */
enum fx_sharing {
    FX_SHARING_UNKNOWN, /* Slack did not tell: counts as shared */
    FX_SHARING_OWN,
    FX_SHARING_OTHERS, /* another organisation or workspace is in it, or invited */
};

struct fx_role {
    const char *name; /* "operator", "approver", "admin" */
    const char *const *users;
    size_t users_count;
    const char *const *groups; /* Slack user group ids; members are given in fx_policy_question */
    size_t groups_count;
};
/* One human being with several accounts. */
struct fx_person {
    const char *name;
    const char *const *users; /* Slack user ids, each of one person only */
    size_t users_count;
};
struct fx_policy {
    const char *const *team_ids;
    size_t team_ids_count;
    const struct fx_role *roles;
    size_t roles_count;
    const struct fx_person *persons; /* only those with several accounts need to be here */
    size_t persons_count;
};

struct fx_policy_question {
    const struct fx_actor *actor;
    enum fx_action action;
    const char *role;          /* READ and REQUEST: the role the command asks for; NULL: operator */
    const char *requester;     /* APPROVE, DENY: who asked; "" for an alarm, NULL denies APPROVE */
    const char *const *voters; /* APPROVE: who has approved it before: nobody does so twice */
    size_t voters_count;
    bool home_channel;       /* asked in the system's own channel; changes need it */
    enum fx_sharing sharing; /* of that channel; asked for when fx_action_needs_channel */
    /* object: group id -> array of user ids, as fresh as the action needs */
    const struct fx_json *groups;
};

/* FX_OK, or FX_ERR_DENIED with a sentence for the person: what, why, who could. */
enum fx_code fx_authorize(const struct fx_policy *policy, const struct fx_policy_question *question,
                          struct fx_error *err);
/* True when the roles that decide this action name groups, so that membership must be read first.
 */
bool fx_policy_needs_groups(const struct fx_policy *policy);
/* True when it counts how the channel is shared, so that it must be read first. */
bool fx_action_needs_channel(enum fx_action action);
/* True when what is known of a person may be a minute old; else it is asked for now. */
bool fx_action_may_use_cache(enum fx_action action);

/* Whether two user ids are one human being: equal ids, or ids of one person. An id that is in no
 * person is a person of its own. */
bool fx_policy_same_person(const struct fx_policy *policy, const char *a, const char *b);
/* How many human beings these accounts are, without the one who asked. requester is "" when nobody
 * did. This is the count that a change's number of approvers is compared with. */
size_t fx_policy_count_persons(const struct fx_policy *policy, const char *requester,
                               const char *const *users, size_t users_count);
/* How many human beings the roles that may approve name, without the one who asked, counted up to
 * enough. Whether each of them is a full member is seen when they press. groups as in
 * fx_policy_question. */
size_t fx_policy_count_approvers(const struct fx_policy *policy, const char *requester,
                                 const struct fx_json *groups, size_t enough);
/* Every account of the person who has this one; NULL when it is in no person. */
const struct fx_person *fx_policy_person(const struct fx_policy *policy, const char *user_id);
/* Whether this workspace or organisation is among ours. */
bool fx_policy_is_own_team(const struct fx_policy *policy, const char *team_id);
