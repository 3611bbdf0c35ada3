/* policy_persons_test.c - one human being with several accounts counts once, in every history. */
#include "support/test.h"

#include "fluxabot/policy.h"

#define TEAM "T0HOME"

enum { ACCOUNTS = 6, HUMANS = 4, HISTORIES = 10000, DECISIONS = 8 };
static const char *const accounts[ACCOUNTS] = {"U0A", "U0B", "U0C", "U0D", "U0E", "U0F"};

/* Who owns which account, drawn by lot; those who own none or one may be left out of the file. */
struct owners {
    int human[ACCOUNTS];
    const char *lists[HUMANS][ACCOUNTS];
    struct fx_person persons[HUMANS];
    size_t persons_count;
};

/* Knuth's linear congruence of MMIX: the same seed draws the same histories anywhere. */
static uint32_t draw(uint64_t *seed, uint32_t below) {
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*seed >> 33) % below;
}

static void draw_owners(uint64_t *seed, struct owners *o) {
    *o = (struct owners){0};
    for (int i = 0; i < ACCOUNTS; i++)
        o->human[i] = (int)draw(seed, HUMANS);
    for (int h = 0; h < HUMANS; h++) {
        size_t count = 0;

        for (int i = 0; i < ACCOUNTS; i++)
            if (o->human[i] == h)
                o->lists[h][count++] = accounts[i];
        if (count > 1 || draw(seed, 2) == 0)
            o->persons[o->persons_count++] = (struct fx_person){"somebody", o->lists[h], count};
    }
}

/* Requests and decisions by every account of everybody: how often somebody decided about his own,
 * or was kept from deciding about another's. */
static size_t wrong_decisions(uint64_t seed, bool persons_known, size_t *ret_approvals) {
    static const char *const teams[] = {TEAM};
    const struct fx_role role = {.name = "approver", .users = accounts, .users_count = ACCOUNTS};
    size_t wrong = 0;

    for (int history = 0; history < HISTORIES; history++) {
        struct owners o;

        draw_owners(&seed, &o);
        const struct fx_policy policy = {teams, 1,         &role,
                                         1,     o.persons, persons_known ? o.persons_count : 0};

        for (int i = 0; i < DECISIONS; i++) {
            uint32_t asker = draw(&seed, ACCOUNTS), decider = draw(&seed, ACCOUNTS);
            const struct fx_actor actor = {
                .user_id = accounts[decider], .team_id = TEAM, .known = true};
            struct fx_error err;
            bool allowed = fx_authorize(&policy,
                                        &(struct fx_policy_question){.actor = &actor,
                                                                     .action = FX_ACTION_APPROVE,
                                                                     .requester = accounts[asker],
                                                                     .home_channel = true,
                                                                     .sharing = FX_SHARING_OWN},
                                        &err) == FX_OK;

            *ret_approvals += allowed;
            wrong += allowed == (o.human[asker] == o.human[decider]);
        }
    }
    return wrong;
}

static void in_no_history_does_a_person_approve_what_he_asked_for(void **state) {
    size_t approvals = 0, by_twin = 0;

    assert_int_equal(wrong_decisions(20261122, true, &approvals), 0);
    print_message("%d histories, %zu approvals, none one's own\n", HISTORIES, approvals);
    assert_true(approvals > HISTORIES);
    /* otherwise the histories would prove nothing */
    assert_true(wrong_decisions(20261122, false, &by_twin) > 0);
}

/* ---- two who approve ---- */

enum twin { RULE, PERSONS_UNKNOWN, VOTERS_FORGOTTEN, REQUESTER_COUNTS, ACCOUNTS_COUNTED };

struct request {
    int asker, needed;            /* asker: an account; -1: an alarm */
    const char *voters[ACCOUNTS]; /* that were counted */
    size_t voters_count;
    bool humans[HUMANS]; /* who really stands behind them */
};

static size_t humans_of(const struct request *r) {
    size_t count = 0;

    for (int h = 0; h < HUMANS; h++)
        count += r->humans[h];
    return count;
}

/* True when the rule lets this account vote once more. */
static bool vote(const struct fx_policy *policy, const struct request *r, uint32_t account,
                 enum twin twin) {
    const char *asker = r->asker < 0 || twin == REQUESTER_COUNTS ? "" : accounts[r->asker];
    const struct fx_actor actor = {.user_id = accounts[account], .team_id = TEAM, .known = true};
    struct fx_error err;

    return fx_authorize(policy,
                        &(struct fx_policy_question){
                            .actor = &actor,
                            .action = FX_ACTION_APPROVE,
                            .requester = asker,
                            .voters = r->voters,
                            .voters_count = twin == VOTERS_FORGOTTEN ? 0 : r->voters_count,
                            .home_channel = true,
                            .sharing = FX_SHARING_OWN},
                        &err) == FX_OK;
}

static bool is_enough(const struct fx_policy *policy, const struct request *r, enum twin twin) {
    const char *asker = r->asker < 0 || twin == REQUESTER_COUNTS ? "" : accounts[r->asker];

    if (twin == ACCOUNTS_COUNTED)
        return r->voters_count >= (size_t)r->needed;
    return fx_policy_count_persons(policy, asker, r->voters, r->voters_count) >= (size_t)r->needed;
}

/* One request, with the clicks of everybody: what differs from people as they are. */
static size_t wrong_votes(uint64_t *seed, enum twin twin, size_t *ret_decided) {
    static const char *const teams[] = {TEAM};
    const struct fx_role role = {.name = "approver", .users = accounts, .users_count = ACCOUNTS};
    struct request r = {.asker = (int)draw(seed, ACCOUNTS + 1) - 1,
                        .needed = 1 + (int)draw(seed, 2)};
    struct owners o;
    size_t wrong = 0;

    draw_owners(seed, &o);
    const struct fx_policy policy = {
        teams, 1, &role, 1, o.persons, twin == PERSONS_UNKNOWN ? 0 : o.persons_count};
    bool over = false;

    for (int i = 0; i < DECISIONS && !over && r.voters_count < ACCOUNTS; i++) {
        uint32_t account = draw(seed, ACCOUNTS);
        int human = o.human[account];
        bool may = !(r.asker >= 0 && o.human[r.asker] == human) && !r.humans[human];
        bool voted = vote(&policy, &r, account, twin);

        wrong += voted != may;
        if (!voted)
            continue;
        r.voters[r.voters_count++] = accounts[account];
        r.humans[human] = true;
        if (r.asker >= 0)
            r.humans[o.human[r.asker]] = false; /* whatever he clicked */
        over = is_enough(&policy, &r, twin);
        wrong += over != (humans_of(&r) >= (size_t)r.needed);
    }
    /* as at the execution: votes of accounts of whom only now is known whose they are */
    for (size_t i = 0; i < ACCOUNTS; i++)
        r.voters[i] = accounts[i];
    r.voters_count = draw(seed, ACCOUNTS + 1);
    for (int h = 0; h < HUMANS; h++)
        r.humans[h] = false;
    for (size_t i = 0; i < r.voters_count; i++)
        if (r.asker < 0 || o.human[r.asker] != o.human[i])
            r.humans[o.human[i]] = true;
    wrong += is_enough(&policy, &r, twin) != (humans_of(&r) >= (size_t)r.needed);
    *ret_decided += over;
    return wrong;
}

static size_t wrong_in_histories(enum twin twin, size_t *ret_decided) {
    uint64_t seed = 20261123;
    size_t wrong = 0;

    for (int history = 0; history < HISTORIES; history++)
        wrong += wrong_votes(&seed, twin, ret_decided);
    return wrong;
}

static void in_no_history_is_one_person_two(void **state) {
    size_t decided = 0, ignored = 0;

    assert_int_equal(wrong_in_histories(RULE, &decided), 0);
    print_message("%d histories, %zu approved\n", HISTORIES, decided);
    assert_true(decided > HISTORIES / 2);
    for (int twin = RULE + 1; twin <= ACCOUNTS_COUNTED; twin++)
        if (wrong_in_histories((enum twin)twin, &ignored) == 0)
            fail_msg("twin %d passes for the rule", twin);
}

static void persons_are_counted_without_the_one_who_asked(void **state) {
    static const char *const anna[] = {"U0ANNA1", "U0ANNA2"};
    static const struct fx_person persons[] = {{"anna", anna, 2}};
    static const char *const users[] = {"U0ANNA1", "U0BO", "U0ANNA2", "U0BO", "U0CARA"};
    const struct fx_policy policy = {.persons = persons, .persons_count = 1};

    assert_int_equal(fx_policy_count_persons(&policy, "", users, 0), 0);
    assert_int_equal(fx_policy_count_persons(&policy, "", users, 1), 1);
    assert_int_equal(fx_policy_count_persons(&policy, "", users, 3), 2);
    assert_int_equal(fx_policy_count_persons(&policy, "", users, 5), 3);
    assert_int_equal(fx_policy_count_persons(&policy, "U0ANNA2", users, 5), 2);
    assert_int_equal(fx_policy_count_persons(&policy, "U0CARA", users, 5), 2);
    assert_int_equal(fx_policy_person(&policy, "U0ANNA2")->users_count, 2);
    assert_null(fx_policy_person(&policy, "U0BO"));
}

static void those_who_may_approve_are_counted_as_persons_up_to_enough(void **state) {
    struct fx_scope *sc = fx_scope_new(NULL);
    static const char *const anna[] = {"U0ANNA1", "U0ANNA2"}, *const admins[] = {"U0BO"};
    static const char *const operators[] = {"U0DEE"}, *const groups[] = {"S0APPROVERS", "S0AWAY"};
    static const struct fx_person persons[] = {{"anna", anna, 2}};
    static const struct fx_role roles[] = {
        {.name = "operator", .users = operators, .users_count = 1},
        {.name = "approver", .users = anna, .users_count = 2, .groups = groups, .groups_count = 2},
        {.name = "admin", .users = admins, .users_count = 1}};
    const struct fx_policy policy = {
        .persons = persons, .persons_count = 1, .roles = roles, .roles_count = 3};
    struct fx_json *members =
        fx_json_object_of(sc, "S0APPROVERS",
                          fx_json_array_of(sc, fx_json_int(sc, 7), fx_json_string(sc, "U0BO"),
                                           fx_json_string(sc, "U0CARA"), NULL),
                          NULL);

    assert_int_equal(fx_policy_count_approvers(&policy, "", NULL, 9), 2); /* Anna, Bo */
    assert_int_equal(fx_policy_count_approvers(&policy, "", members, 9), 3);
    assert_int_equal(fx_policy_count_approvers(&policy, "", members, 2), 2);
    assert_int_equal(fx_policy_count_approvers(&policy, "U0ANNA2", members, 9), 2);
    assert_int_equal(fx_policy_count_approvers(&policy, "U0DEE", members, 9), 3);
    assert_int_equal(fx_policy_count_approvers(&policy, "", members, SIZE_MAX), 3);
    assert_int_equal(fx_policy_count_approvers(&(struct fx_policy){0}, "", members, 9), 0);
    fx_scope_free(sc);
}

static void two_accounts_are_one_person_only_when_the_same_person_has_both(void **state) {
    static const char *const anna[] = {"U0ANNA1", "U0ANNA2"}, *const bo[] = {"U0BO"};
    static const struct fx_person persons[] = {{"anna", anna, 2}, {"bo", bo, 1}};
    const struct fx_policy policy = {.persons = persons, .persons_count = 2}, none = {0};

    assert_true(fx_policy_same_person(&policy, "U0ANNA1", "U0ANNA2"));
    assert_true(fx_policy_same_person(&policy, "U0ANNA2", "U0ANNA1"));
    assert_true(fx_policy_same_person(&policy, "U0CARA", "U0CARA"));
    assert_false(fx_policy_same_person(&policy, "U0ANNA1", "U0BO"));
    assert_false(fx_policy_same_person(&policy, "U0ANNA1", "U0CARA"));
    assert_false(fx_policy_same_person(&policy, "U0CARA", "U0DEE"));
    assert_false(fx_policy_same_person(&policy, "U0ANNA1", ""));
    assert_false(fx_policy_same_person(&none, "U0ANNA1", "U0ANNA2"));
}

static void a_team_is_ours_when_it_is_listed(void **state) {
    static const char *const teams[] = {"E0GRID", TEAM};
    const struct fx_policy policy = {.team_ids = teams, .team_ids_count = 2};

    assert_true(fx_policy_is_own_team(&policy, TEAM));
    assert_true(fx_policy_is_own_team(&policy, "E0GRID"));
    assert_false(fx_policy_is_own_team(&policy, "T0AWAY"));
    assert_false(fx_policy_is_own_team(&policy, ""));
}

/* Whatever a caller got wrong is a no. */
static void what_nobody_has_thought_of_is_denied(void **state) {
    static const char *const teams[] = {TEAM}, *const everybody[] = {"U0A"};
    static const struct fx_role roles[] = {{.name = "admin", .users = everybody, .users_count = 1}};
    const struct fx_policy policy = {
        .team_ids = teams, .team_ids_count = 1, .roles = roles, .roles_count = 1};
    const struct fx_actor anna = {.user_id = "U0A", .team_id = TEAM, .known = true};
    const struct fx_actor nobody = {.team_id = TEAM, .known = true};
    const struct fx_policy_question questions[] = {{.actor = &anna, .action = (enum fx_action)99},
                                                   {.actor = &nobody, .action = FX_ACTION_HELP},
                                                   {.actor = &anna,
                                                    .action = FX_ACTION_UNFREEZE,
                                                    .home_channel = true,
                                                    .sharing = (enum fx_sharing)99}};

    for (size_t i = 0; i < FX_COUNT_OF(questions); i++) {
        struct fx_error err = {0};

        assert_int_equal(fx_authorize(&policy, &questions[i], &err), FX_ERR_DENIED);
        assert_true(err.message[0] != '\0');
    }
    assert_false(fx_action_needs_channel((enum fx_action)99));
    assert_false(fx_action_may_use_cache((enum fx_action)99));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_no_history_does_a_person_approve_what_he_asked_for),
        cmocka_unit_test(in_no_history_is_one_person_two),
        cmocka_unit_test(persons_are_counted_without_the_one_who_asked),
        cmocka_unit_test(those_who_may_approve_are_counted_as_persons_up_to_enough),
        cmocka_unit_test(two_accounts_are_one_person_only_when_the_same_person_has_both),
        cmocka_unit_test(a_team_is_ours_when_it_is_listed),
        cmocka_unit_test(what_nobody_has_thought_of_is_denied),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
