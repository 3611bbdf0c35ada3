/* policy_test.c - who may do what where: every cell of the matrix against an oracle written apart.
 */
#include "support/test.h"

#include "fluxabot/policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEAM "T0HOME"
#define ME "U0ME"

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
};

enum asker { SELF, SOMEBODY, ALARM, UNTOLD, ASKERS };
static const char *const requesters[ASKERS] = {ME, "U0OTHER", "", NULL};

enum { ACTIONS = FX_ACTION_ACK + 1, WANTED = 5 };
static const char *const wanted_roles[WANTED] = {NULL, "operator", "approver", "admin",
                                                 "pii-reader"};

struct cell {
    enum kind kind;
    enum standing standing;
    enum listing listing;
    enum fx_action action;
    enum asker asker;
    int wanted;
    bool home;
};

/* ---- the oracle: the rules as plain data, one line for each action and standing ---- */

/* y yes, n no, o unless the person asked for it himself (and at home), s only when he did. READ and
 * REQUEST depend on the role the command names and stand in the second table, where the columns are
 * wanted_roles. */
static const char *const by_standing[STANDINGS] = {
    /*             HELP - - APPROVE DENY STOP ACK */
    [NOBODY] = "y??nsnn", [OPERATOR] = "y??nsyy", [APPROVER] = "y??oyyy",
    [ADMIN] = "y??oyyy",  [READER] = "y??nsnn",
};
static const char *const has_wanted[STANDINGS] = {
    [NOBODY] = "nnnnn", [OPERATOR] = "yynnn", [APPROVER] = "yyynn",
    [ADMIN] = "yyyyn",  [READER] = "nnnny",
};

static bool oracle(const struct cell *c) {
    enum standing standing = c->listing == BY_UNREAD_GROUP ? NOBODY : c->standing;

    switch (c->kind) {
    case TERMINAL:
        return c->action == FX_ACTION_HELP || c->action == FX_ACTION_READ;
    case MEMBER:
    case GRID_MEMBER:
        break;
    default:
        return false;
    }
    if (c->action == FX_ACTION_READ)
        return has_wanted[standing][c->wanted] == 'y';
    if (c->action == FX_ACTION_REQUEST)
        return has_wanted[standing][c->wanted] == 'y' && c->home;
    switch (by_standing[standing][c->action]) {
    case 'y':
        return true;
    case 'o':
        return c->home && (c->asker == SOMEBODY || c->asker == ALARM);
    case 's':
        return c->asker == SELF;
    default:
        return false;
    }
}

/* ---- asking the real rule, or a broken twin of it ---- */

/* A twin is the rule with one of its eyes shut: what it may not look at is shown harmless. */
enum twin {
    RULE,
    BLIND_TO_REQUESTER,
    BLIND_TO_GUESTS,
    BLIND_TO_BOTS,
    BLIND_TO_DELETION,
    BLIND_TO_STRANGERS,
    BLIND_TO_TEAMS,
    BLIND_TO_IGNORANCE,
    BLIND_TO_CHANNELS,
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

static bool ask(const struct world *w, const struct cell *c, enum twin twin, struct fx_error *err) {
    static const char *const teams[] = {"E0GRID", TEAM};
    static const char *const me[] = {"U0FRIEND", ME};
    static const char *const friends[] = {"U0FRIEND"};
    static const char *const team_group[] = {"S0EMPTY", "S0TEAM"};
    struct fx_role roles[STANDINGS] = {0};
    const struct fx_policy policy = {teams, 2, roles, STANDINGS - 1};
    const struct fx_actor actor = seen_by(twin, actors[c->kind]);

    for (int i = 1; i < STANDINGS; i++) {
        bool mine = (int)c->standing == i || (twin == BLIND_TO_ROLES && c->standing != NOBODY);
        struct fx_role *role = &roles[i - 1];

        *role = (struct fx_role){.name = role_names[i], .users = friends, .users_count = 1};
        if (mine && c->listing == BY_USER)
            role->users = me, role->users_count = 2;
        else if (mine)
            role->groups = team_group, role->groups_count = 2;
    }
    const struct fx_policy_question question = {
        .actor = &actor,
        .action = twin == BLIND_TO_ACTIONS ? FX_ACTION_HELP : c->action,
        .role = twin == BLIND_TO_WANTED_ROLES ? NULL : wanted_roles[c->wanted],
        .requester = twin == BLIND_TO_REQUESTER ? "" : requesters[c->asker],
        .home_channel = c->home || twin == BLIND_TO_CHANNELS,
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
        c.home = rest % 2, rest /= 2;
        if (rest > 0)
            break;
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

    assert_int_equal(cells, KINDS * STANDINGS * LISTINGS * ACTIONS * ASKERS * WANTED * 2);
    if (different > 0)
        fail_msg(
            "%zu of %zu cells differ; first: kind %d standing %d listing %d action %d asker %d "
            "wanted %d home %d",
            different, cells, c.kind, c.standing, c.listing, c.action, c.asker, c.wanted, c.home);
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
        {{GUEST, APPROVER, BY_USER, FX_ACTION_APPROVE, SOMEBODY, 0, true}, "guest"},
        {{BOT, APPROVER, BY_USER, FX_ACTION_APPROVE, SOMEBODY, 0, true}, "bots"},
        {{DEACTIVATED, APPROVER, BY_USER, FX_ACTION_STOP, SOMEBODY, 0, true}, "deactivated"},
        {{STRANGER, ADMIN, BY_USER, FX_ACTION_HELP, SOMEBODY, 0, true}, "another organisation"},
        {{OTHER_TEAM, ADMIN, BY_USER, FX_ACTION_ACK, SOMEBODY, 0, true}, "workspace"},
        {{UNKNOWN, ADMIN, BY_USER, FX_ACTION_ACK, SOMEBODY, 0, true}, "who you are"},
        {{MEMBER, APPROVER, BY_USER, FX_ACTION_APPROVE, SELF, 0, true}, "yourself"},
        {{MEMBER, APPROVER, BY_USER, FX_ACTION_APPROVE, SOMEBODY, 0, false}, "own channel"},
        {{MEMBER, OPERATOR, BY_USER, FX_ACTION_APPROVE, SOMEBODY, 0, true}, "role approver"},
        {{MEMBER, OPERATOR, BY_USER, FX_ACTION_READ, SOMEBODY, 4, true}, "role pii-reader"},
        {{TERMINAL, ADMIN, BY_USER, FX_ACTION_REQUEST, SOMEBODY, 0, true}, "terminal"},
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
    struct cell c = {MEMBER, ADMIN, BY_USER, FX_ACTION_HELP, SOMEBODY, 0, true};
    struct fx_error err;

    for (size_t i = 0; i < FX_COUNT_OF(numbers); i++) {
        memcpy(&c.action, &numbers[i], sizeof c.action);
        assert_false(ask(*state, &c, RULE, &err));
    }
}

static void an_empty_policy_denies_everything(void **state) {
    const struct fx_policy empty = {0};
    struct fx_error err;

    for (int action = 0; action < ACTIONS; action++) {
        const struct fx_policy_question question = {.actor = &actors[MEMBER],
                                                    .action = (enum fx_action)action,
                                                    .requester = ME,
                                                    .home_channel = true};
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_the_oracle_in_every_cell),
        cmocka_unit_test(every_broken_twin_is_found_out),
        cmocka_unit_test(denies_with_a_sentence_that_tells_why),
        cmocka_unit_test(denies_actions_that_have_no_rule),
        cmocka_unit_test(an_empty_policy_denies_everything),
        cmocka_unit_test(asks_for_groups_only_when_a_role_names_one),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
