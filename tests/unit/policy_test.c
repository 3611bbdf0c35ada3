/* policy_test.c - who may do what where: every cell of the matrix against an oracle written apart.
 */
#include "support/test.h"

#include "fluxabot/policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEAM "T0HOME"
#define ME "U0ME"
#define ALSO_ME "U0MEAGAIN"

/* ---- the axes ---- */

enum standing { NOBODY, OPERATOR, APPROVER, ADMIN, READER, STANDINGS };
static const char *const role_names[STANDINGS] = {NULL, "operator", "approver", "admin",
                                                  "pii-reader"};

enum listing { BY_USER, BY_GROUP, BY_UNREAD_GROUP, LISTINGS };

enum kind {
    MEMBER,
    GRID_MEMBER, /* of the second workspace that counts as home */
    GUEST,
    BOT,
    DEACTIVATED,
    STRANGER,
    OTHER_TEAM,
    NO_TEAM,
    UNKNOWN,
    NAMELESS,
    TERMINAL,
    TERMINAL_GUEST,
    TERMINAL_NAMELESS,
    TERMINAL_UNNAMED,
    KINDS,
};
static const struct fx_actor actors[KINDS] = {
    [MEMBER] = {.user_id = ME, .team_id = TEAM, .known = true},
    [GRID_MEMBER] = {.user_id = ME, .team_id = "E0GRID", .known = true},
    [GUEST] = {.user_id = ME, .team_id = TEAM, .known = true, .guest = true},
    [BOT] = {.user_id = ME, .team_id = TEAM, .known = true, .bot = true},
    [DEACTIVATED] = {.user_id = ME, .team_id = TEAM, .known = true, .deleted = true},
    [STRANGER] = {.user_id = ME, .team_id = TEAM, .known = true, .stranger = true},
    [OTHER_TEAM] = {.user_id = ME, .team_id = "T0AWAY", .known = true},
    [NO_TEAM] = {.user_id = ME, .known = true},
    [UNKNOWN] = {.user_id = ME, .team_id = TEAM},
    [NAMELESS] = {.user_id = "", .team_id = TEAM, .known = true},
    [TERMINAL] = {.user_id = ME, .terminal = true},
    [TERMINAL_GUEST] = {.user_id = ME, .terminal = true, .guest = true},
    [TERMINAL_NAMELESS] = {.user_id = "", .terminal = true},
    [TERMINAL_UNNAMED] = {.terminal = true},
};

enum asker { SELF, OWN_OTHER_ACCOUNT, SOMEBODY, ALARM, UNTOLD, ASKERS };
static const char *const requesters[ASKERS] = {ME, ALSO_ME, "U0OTHER", "", NULL};

/* Who has approved it before, of two who have to. */
enum voter { NO_VOTER, SELF_BEFORE, OWN_OTHER_BEFORE, SOMEBODY_BEFORE, SOMEBODY_AND_SELF, VOTERS };
static const char *const voters[VOTERS][2] = {
    [SELF_BEFORE] = {ME},
    [OWN_OTHER_BEFORE] = {ALSO_ME},
    [SOMEBODY_BEFORE] = {"U0FRIEND"},
    [SOMEBODY_AND_SELF] = {"U0FRIEND", ALSO_ME},
};
static const size_t voters_count[VOTERS] = {0, 1, 1, 1, 2};

enum { ACTIONS = FX_ACTION_ACCEPT + 1, WANTED = 5 };
static const char *const wanted_roles[WANTED] = {NULL, "operator", "approver", "admin",
                                                 "pii-reader"};

/* Where it is asked: the system's own channel or another one, and who else is in it. */
enum place {
    HOME,
    HOME_SHARED,
    HOME_UNTOLD,
    ELSEWHERE,
    ELSEWHERE_SHARED,
    ELSEWHERE_UNTOLD,
    PLACES,
};
static const struct {
    bool home;
    enum fx_sharing sharing;
} places[PLACES] = {
    [HOME] = {true, FX_SHARING_OWN},
    [HOME_SHARED] = {true, FX_SHARING_OTHERS},
    [HOME_UNTOLD] = {true, FX_SHARING_UNKNOWN},
    [ELSEWHERE] = {false, FX_SHARING_OWN},
    [ELSEWHERE_SHARED] = {false, FX_SHARING_OTHERS},
    [ELSEWHERE_UNTOLD] = {false, FX_SHARING_UNKNOWN},
};

struct cell {
    enum kind kind;
    enum standing standing;
    enum listing listing;
    enum fx_action action;
    enum asker asker;
    int wanted;
    enum place place;
    enum voter voter;
};

/* ---- the oracle: the rules as plain data, one line for each action and standing ---- */

/* y yes, n no, o unless the person asked for it himself, s only when he did. READ and REQUEST
 * depend on the role the command names and stand in the second table, where the columns are
 * wanted_roles.
 */
static const char *const by_standing[STANDINGS] = {
    /* HELP - - APPROVE DENY STOP ACK TELL FREEZE UNFREEZE - RETRY ACCEPT */
    [NOBODY] = "y??nsnnnnn?nn", [OPERATOR] = "y??nsyyyyn?nn", [APPROVER] = "y??oyyyyyn?nn",
    [ADMIN] = "y??oyyyyyy?nn",  [READER] = "y??nsnnnnn?nn",
};
static const char *const has_wanted[STANDINGS] = {
    [NOBODY] = "nnnnn", [OPERATOR] = "yynnn", [APPROVER] = "yyynn",
    [ADMIN] = "yyyyn",  [READER] = "nnnny",
};
/* Whether it may be asked there at all; the columns are places. */
static const char *const by_place[ACTIONS] = {
    [FX_ACTION_HELP] = "yyyyyy",     [FX_ACTION_READ] = "yyyyyy",   [FX_ACTION_REQUEST] = "ynnnnn",
    [FX_ACTION_APPROVE] = "ynnnnn",  [FX_ACTION_DENY] = "yyyyyy",   [FX_ACTION_STOP] = "yyyyyy",
    [FX_ACTION_ACK] = "yyyyyy",      [FX_ACTION_TELL] = "ynnnnn",   [FX_ACTION_FREEZE] = "yyyyyy",
    [FX_ACTION_UNFREEZE] = "ynnnnn", [FX_ACTION_NOTICE] = "yyyyyy", [FX_ACTION_RETRY] = "yyyyyy",
    [FX_ACTION_ACCEPT] = "yyyyyy",
};
/* Whether an approval of his own may count once more; the columns are voters. */
static const char may_vote[] = "ynnyn";
/* What a shell on the machine may; and what may be granted on facts that are a minute old. */
static const char from_terminal[] = "yynnnnnnynnyy";
static const char from_memory[] = "yynnnnynnnnnn";

static bool oracle(const struct cell *c) {
    enum standing standing = c->listing == BY_UNREAD_GROUP ? NOBODY : c->standing;
    bool own = c->asker == SELF || c->asker == OWN_OTHER_ACCOUNT;

    switch (c->kind) {
    case TERMINAL:
        return from_terminal[c->action] == 'y';
    case MEMBER:
    case GRID_MEMBER:
        break;
    default:
        return false;
    }
    if (by_place[c->action][c->place] != 'y')
        return false;
    if (c->action == FX_ACTION_READ || c->action == FX_ACTION_REQUEST ||
        c->action == FX_ACTION_NOTICE)
        return has_wanted[standing][c->wanted] == 'y';
    switch (by_standing[standing][c->action]) {
    case 'y':
        return true;
    case 'o':
        return !own && c->asker != UNTOLD && may_vote[c->voter] == 'y';
    case 's':
        return own;
    default:
        return false;
    }
}

/* ---- asking the real rule, or a broken twin of it ---- */

/* A twin is the rule with one of its eyes shut: what it may not look at is shown harmless. */
enum twin {
    RULE,
    BLIND_TO_REQUESTER,
    BLIND_TO_VOTERS,
    BLIND_TO_PERSONS,
    BLIND_TO_GUESTS,
    BLIND_TO_BOTS,
    BLIND_TO_DELETION,
    BLIND_TO_STRANGERS,
    BLIND_TO_TEAMS,
    BLIND_TO_IGNORANCE,
    BLIND_TO_CHANNELS,
    BLIND_TO_SHARING,
    BLIND_TO_SILENCE, /* of Slack, about a channel */
    BLIND_TO_WANTED_ROLES,
    BLIND_TO_GROUPS,
    BLIND_TO_ROLES,
    BLIND_TO_ACTIONS,
    TWINS,
};

struct world {
    struct fx_scope *sc;
    struct fx_json *groups, *no_groups;
};

static int begin(void **state) {
    struct world *w = calloc(1, sizeof *w);

    w->sc = fx_scope_new(NULL);
    w->groups = fx_json_object_of(
        w->sc, "S0TEAM",
        fx_json_array_of(w->sc, fx_json_int(w->sc, 7), fx_json_string(w->sc, "U0FRIEND"),
                         fx_json_string(w->sc, ME), NULL),
        "S0ELSE", fx_json_array_of(w->sc, fx_json_string(w->sc, "U0FRIEND"), NULL), NULL);
    w->no_groups = fx_json_object_of(
        w->sc, "S0ELSE", fx_json_array_of(w->sc, fx_json_string(w->sc, ME), NULL), NULL);
    *state = w;
    return 0;
}

static int end(void **state) {
    struct world *w = *state;

    fx_scope_free(w->sc);
    free(w);
    return 0;
}

static struct fx_actor seen_by(enum twin twin, struct fx_actor actor) {
    actor.guest = actor.guest && twin != BLIND_TO_GUESTS;
    actor.bot = actor.bot && twin != BLIND_TO_BOTS;
    actor.deleted = actor.deleted && twin != BLIND_TO_DELETION;
    actor.stranger = actor.stranger && twin != BLIND_TO_STRANGERS;
    actor.known = actor.known || twin == BLIND_TO_IGNORANCE;
    if (twin == BLIND_TO_TEAMS && !actor.terminal)
        actor.team_id = TEAM;
    return actor;
}

static enum fx_sharing sharing_seen_by(enum twin twin, enum fx_sharing sharing) {
    bool blind = (twin == BLIND_TO_SHARING && sharing == FX_SHARING_OTHERS) ||
                 (twin == BLIND_TO_SILENCE && sharing == FX_SHARING_UNKNOWN);

    return blind ? FX_SHARING_OWN : sharing;
}

static bool ask(const struct world *w, const struct cell *c, enum twin twin, struct fx_error *err) {
    static const char *const teams[] = {"E0GRID", TEAM};
    static const char *const me[] = {"U0FRIEND", ME};
    static const char *const friends[] = {"U0FRIEND"};
    static const char *const team_group[] = {"S0EMPTY", "S0TEAM"};
    static const char *const others[] = {"U0OTHER", "U0FRIEND"};
    static const char *const mine[] = {ALSO_ME, ME};
    static const struct fx_person persons[] = {{"somebody", others, 2}, {"me", mine, 2}};
    struct fx_role roles[STANDINGS] = {0};
    const struct fx_policy policy = {.team_ids = teams,
                                     .team_ids_count = 2,
                                     .roles = roles,
                                     .roles_count = STANDINGS - 1,
                                     .persons = persons,
                                     .persons_count = twin == BLIND_TO_PERSONS ? 0 : 2};
    const struct fx_actor actor = seen_by(twin, actors[c->kind]);

    for (int i = 1; i < STANDINGS; i++) {
        bool held = (int)c->standing == i || (twin == BLIND_TO_ROLES && c->standing != NOBODY);
        struct fx_role *role = &roles[i - 1];

        *role = (struct fx_role){.name = role_names[i], .users = friends, .users_count = 1};
        if (held && c->listing == BY_USER)
            role->users = me, role->users_count = 2;
        else if (held)
            role->groups = team_group, role->groups_count = 2;
    }
    const struct fx_policy_question question = {
        .actor = &actor,
        .action = twin == BLIND_TO_ACTIONS ? FX_ACTION_HELP : c->action,
        .role = twin == BLIND_TO_WANTED_ROLES ? NULL : wanted_roles[c->wanted],
        .requester = twin == BLIND_TO_REQUESTER ? "" : requesters[c->asker],
        .voters = voters[c->voter],
        .voters_count = twin == BLIND_TO_VOTERS ? 0 : voters_count[c->voter],
        .home_channel = places[c->place].home || twin == BLIND_TO_CHANNELS,
        .sharing = sharing_seen_by(twin, places[c->place].sharing),
        .groups = c->listing == BY_GROUP || twin == BLIND_TO_GROUPS ? w->groups : w->no_groups,
    };
    *err = (struct fx_error){0};
    return fx_authorize(&policy, &question, err) == FX_OK;
}

/* Visits every cell; returns how many differ from the oracle and stops at none. */
static size_t differences(const struct world *w, enum twin twin, size_t *ret_cells,
                          struct cell *ret_first) {
    size_t cells = 0, different = 0;
    struct fx_error err;
    struct cell c;

    for (int n = 0;; n++) {
        int rest = n;

        c.kind = (enum kind)(rest % KINDS), rest /= KINDS;
        c.standing = (enum standing)(rest % STANDINGS), rest /= STANDINGS;
        c.listing = (enum listing)(rest % LISTINGS), rest /= LISTINGS;
        c.action = (enum fx_action)(rest % ACTIONS), rest /= ACTIONS;
        c.asker = (enum asker)(rest % ASKERS), rest /= ASKERS;
        c.wanted = rest % WANTED, rest /= WANTED;
        c.place = (enum place)(rest % PLACES), rest /= PLACES;
        c.voter = (enum voter)(rest % VOTERS), rest /= VOTERS;
        if (rest > 0)
            break;
        /* a role that is named is no approval's: these were looked at without voters */
        if (c.voter != NO_VOTER && c.wanted != 0)
            continue;
        cells++;
        if (ask(w, &c, twin, &err) != oracle(&c) && different++ == 0)
            *ret_first = c;
    }
    *ret_cells = cells;
    return different;
}

static void agrees_with_the_oracle_in_every_cell(void **state) {
    struct cell c = {0};
    size_t cells, different = differences(*state, RULE, &cells, &c);

    assert_int_equal(cells, KINDS * STANDINGS * LISTINGS * ACTIONS * ASKERS * PLACES *
                                (WANTED + VOTERS - 1));
    print_message("%zu cells of the matrix, %zu differ\n", cells, different);
    if (different > 0)
        fail_msg(
            "%zu of %zu cells differ; first: kind %d standing %d listing %d action %d asker %d "
            "wanted %d place %d voter %d",
            different, cells, c.kind, c.standing, c.listing, c.action, c.asker, c.wanted, c.place,
            c.voter);
}

/* Otherwise the matrix above would prove nothing about what the twin cannot see. */
static void every_broken_twin_is_found_out(void **state) {
    for (int twin = RULE + 1; twin < TWINS; twin++) {
        struct cell first;
        size_t cells;

        if (differences(*state, (enum twin)twin, &cells, &first) == 0)
            fail_msg("twin %d passes for the rule", twin);
    }
}

static void denies_with_a_sentence_that_tells_why(void **state) {
    static const struct {
        struct cell cell;
        const char *words;
    } cases[] = {
        {{GUEST, APPROVER, BY_USER, FX_ACTION_APPROVE, SOMEBODY, 0, HOME, NO_VOTER}, "guest"},
        {{BOT, APPROVER, BY_USER, FX_ACTION_APPROVE, SOMEBODY, 0, HOME, NO_VOTER}, "bots"},
        {{DEACTIVATED, APPROVER, BY_USER, FX_ACTION_STOP, SOMEBODY, 0, HOME, NO_VOTER},
         "deactivated"},
        {{STRANGER, ADMIN, BY_USER, FX_ACTION_HELP, SOMEBODY, 0, HOME, NO_VOTER},
         "another organisation"},
        {{OTHER_TEAM, ADMIN, BY_USER, FX_ACTION_ACK, SOMEBODY, 0, HOME, NO_VOTER}, "workspace"},
        {{UNKNOWN, ADMIN, BY_USER, FX_ACTION_ACK, SOMEBODY, 0, HOME, NO_VOTER}, "who you are"},
        {{MEMBER, APPROVER, BY_USER, FX_ACTION_APPROVE, SELF, 0, HOME, NO_VOTER}, "yourself"},
        {{MEMBER, APPROVER, BY_USER, FX_ACTION_APPROVE, SOMEBODY, 0, ELSEWHERE, NO_VOTER},
         "own channel"},
        {{MEMBER, OPERATOR, BY_USER, FX_ACTION_APPROVE, SOMEBODY, 0, HOME, NO_VOTER},
         "role approver"},
        {{MEMBER, OPERATOR, BY_USER, FX_ACTION_READ, SOMEBODY, 4, HOME, NO_VOTER},
         "role pii-reader"},
        {{TERMINAL, ADMIN, BY_USER, FX_ACTION_REQUEST, SOMEBODY, 0, HOME, NO_VOTER}, "terminal"},
        {{MEMBER, ADMIN, BY_USER, FX_ACTION_APPROVE, OWN_OTHER_ACCOUNT, 0, HOME, NO_VOTER},
         "with another account"},
        {{MEMBER, ADMIN, BY_USER, FX_ACTION_REQUEST, ALARM, 0, HOME_SHARED, NO_VOTER},
         "move the bot to a channel of your own"},
        {{MEMBER, ADMIN, BY_USER, FX_ACTION_APPROVE, ALARM, 0, HOME_UNTOLD, NO_VOTER},
         "Slack did not tell whether another organisation"},
        {{MEMBER, ADMIN, BY_USER, FX_ACTION_APPROVE, ALARM, 0, ELSEWHERE_SHARED, NO_VOTER},
         "own channel"},
        {{MEMBER, APPROVER, BY_USER, FX_ACTION_UNFREEZE, ALARM, 0, HOME, NO_VOTER}, "role admin"},
        {{MEMBER, ADMIN, BY_USER, FX_ACTION_UNFREEZE, ALARM, 0, ELSEWHERE, NO_VOTER},
         "own channel"},
        {{TERMINAL_NAMELESS, ADMIN, BY_USER, FX_ACTION_RETRY, ALARM, 0, HOME, NO_VOTER},
         "the audit log needs a name"},
        {{MEMBER, ADMIN, BY_USER, FX_ACTION_RETRY, ALARM, 0, HOME, NO_VOTER}, "from Slack"},
        {{TERMINAL, ADMIN, BY_USER, FX_ACTION_UNFREEZE, ALARM, 0, HOME, NO_VOTER},
         "decided in Slack"},
        {{MEMBER, READER, BY_USER, FX_ACTION_FREEZE, ALARM, 0, HOME, NO_VOTER}, "role operator"},
        {{MEMBER, APPROVER, BY_USER, FX_ACTION_APPROVE, SOMEBODY, 0, HOME, SELF_BEFORE},
         "twice: you have approved it already, so somebody else"},
        {{MEMBER, APPROVER, BY_USER, FX_ACTION_APPROVE, ALARM, 0, HOME, OWN_OTHER_BEFORE},
         "you have approved it with another account"},
    };
    struct fx_error err;

    for (size_t i = 0; i < FX_COUNT_OF(cases); i++) {
        assert_false(ask(*state, &cases[i].cell, RULE, &err));
        assert_int_equal(err.code, FX_ERR_DENIED);
        if (!strstr(err.message, cases[i].words))
            fail_msg("\"%s\" does not say %s", err.message, cases[i].words);
    }
}

static void denies_actions_that_have_no_rule(void **state) {
    const int numbers[] = {ACTIONS, ACTIONS + 1, 99, -1};
    struct cell c = {MEMBER, ADMIN, BY_USER, FX_ACTION_HELP, SOMEBODY, 0, HOME, NO_VOTER};
    struct fx_error err;

    for (size_t i = 0; i < FX_COUNT_OF(numbers); i++) {
        memcpy(&c.action, &numbers[i], sizeof c.action);
        assert_false(ask(*state, &c, RULE, &err));
        assert_false(fx_action_may_use_cache(c.action));
        assert_false(fx_action_needs_channel(c.action));
    }
}

static void an_empty_policy_denies_everything(void **state) {
    const struct fx_policy empty = {0};
    struct fx_error err;

    for (int action = 0; action < ACTIONS; action++) {
        const struct fx_policy_question question = {.actor = &actors[MEMBER],
                                                    .action = (enum fx_action)action,
                                                    .requester = ME,
                                                    .home_channel = true,
                                                    .sharing = FX_SHARING_OWN};
        assert_int_equal(fx_authorize(&empty, &question, &err), FX_ERR_DENIED);
    }
}

static void asks_for_groups_only_when_a_role_names_one(void **state) {
    static const char *const list[] = {"S0TEAM"};
    struct fx_role roles[] = {{.name = "operator", .users = list, .users_count = 1},
                              {.name = "approver"}};
    const struct fx_policy policy = {.roles = roles, .roles_count = 2};

    assert_false(fx_policy_needs_groups(&policy));
    roles[1].groups = list;
    roles[1].groups_count = 1;
    assert_true(fx_policy_needs_groups(&policy));
}

static void only_what_does_no_harm_is_decided_from_memory(void **state) {
    for (int action = 0; action < ACTIONS; action++)
        assert_int_equal(fx_action_may_use_cache((enum fx_action)action),
                         from_memory[action] == 'y');
}

static void a_channel_is_asked_about_when_it_counts(void **state) {
    for (int action = 0; action < ACTIONS; action++)
        assert_int_equal(fx_action_needs_channel((enum fx_action)action),
                         strchr(by_place[action], 'n') != NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_the_oracle_in_every_cell),
        cmocka_unit_test(every_broken_twin_is_found_out),
        cmocka_unit_test(denies_with_a_sentence_that_tells_why),
        cmocka_unit_test(denies_actions_that_have_no_rule),
        cmocka_unit_test(an_empty_policy_denies_everything),
        cmocka_unit_test(asks_for_groups_only_when_a_role_names_one),
        cmocka_unit_test(only_what_does_no_harm_is_decided_from_memory),
        cmocka_unit_test(a_channel_is_asked_about_when_it_counts),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
