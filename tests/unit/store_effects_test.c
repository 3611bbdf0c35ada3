/* store_effects_test.c - a database that has lost a part of what a change depends on lets no change
 * begin; rows that say less than they should; and intents that begin and end together.
 */
#include "support/test.h"

#include "fluxabot/base/clock.h"
#include "fluxabot/store.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NOW_MS = 1000 * 1000 };

struct world {
    struct fx_scope *sc;
    char dir[64];
    struct fx_clock clock;
    struct fx_store *store;
};

static int64_t now(struct fx_clock *clock) {
    return NOW_MS;
}

static int set_up(void **state) {
    struct fx_scope *sc = fx_scope_new(NULL);
    struct world *w = FX_NEW(sc, struct world);
    struct fx_error err;

    w->sc = sc;
    w->clock = (struct fx_clock){.wall_ms = now, .mono_ms = now};
    snprintf(w->dir, sizeof w->dir, "/tmp/fluxabot-test-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    assert_ok(fx_store_open(sc, fx_printf(sc, "sqlite://%s/x.db", w->dir), &w->clock,
                            fx_random_system(), &w->store, &err));
    *state = w;
    return 0;
}

static int tear_down(void **state) {
    static const char *const files[] = {"x.db", "x.db-wal", "x.db-shm"};
    struct world *w = *state;

    w->store->close(w->store);
    for (size_t i = 0; i < FX_COUNT_OF(files); i++)
        unlink(fx_printf(w->sc, "%s/%s", w->dir, files[i]));
    rmdir(w->dir);
    fx_scope_free(w->sc);
    return 0;
}

static void put_approved(struct world *w) {
    const struct fx_run run = {.id = "r1", .system = "fluxa", .state = FX_RUN_RUNNING};
    const struct fx_approval asked = {
        .id = "a1", .run = "r1", .step = "gate", .expires_ms = NOW_MS + 100};
    const struct fx_approval given = {.id = "a1",
                                      .state = FX_APPROVAL_APPROVED,
                                      .decided_by = "U2",
                                      .decided_ms = NOW_MS,
                                      .execute_before_ms = NOW_MS + 100};
    struct fx_writes writes = {0};
    struct fx_error err;

    fx_writes_run(w->sc, &writes, &run);
    fx_writes_approval(w->sc, &writes, &asked);
    assert_ok(w->store->write(w->store, w->sc, NULL, &writes, &err));
    assert_ok(w->store->decide(w->store, w->sc, &given, NULL, &err));
}

static enum fx_code begin(struct world *w, const char *key, struct fx_guard guard,
                          struct fx_error *err) {
    const struct fx_intent intent = {.run = "r1",
                                     .step = "change",
                                     .key = key,
                                     .digest = "d",
                                     .what_json = "{}",
                                     .guard = &guard};

    *err = (struct fx_error){0};
    return w->store->begin_effect(w->store, w->sc, NULL, &intent, NULL, err);
}

/* As somebody with a shell might. */
static void run_sql(struct world *w, const char *sql) {
    sqlite3 *db = NULL;

    assert_int_equal(sqlite3_open(fx_printf(w->sc, "%s/x.db", w->dir), &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    sqlite3_close(db);
}

static void no_change_begins_where_it_cannot_be_looked_whether_it_may(void **state) {
    static const char *const tables[] = {"runs", "approvals", "intents", "settings"};
    struct world *w = *state;
    const struct fx_guard guard = {
        .unless_stopped = true, .freezes = {"freeze"}, .approval = "a1", .rest_ms = 1};
    struct fx_error err;

    put_approved(w);
    assert_ok(begin(w, "before", guard, &err));
    for (size_t i = 0; i < FX_COUNT_OF(tables); i++) {
        run_sql(w, fx_printf(w->sc, "ALTER TABLE %s RENAME TO away", tables[i]));
        assert_int_not_equal(begin(w, fx_printf(w->sc, "%zu", i), guard, &err), FX_OK);
        run_sql(w, fx_printf(w->sc, "ALTER TABLE away RENAME TO %s", tables[i]));
    }
    assert_ok(begin(w, "after", guard, &err));
}

/* The approval lasts longer than the rest after the last call would allow: the longer one counts.
 */
static void what_is_in_time_anyway_needs_no_rest(void **state) {
    struct world *w = *state;
    const struct fx_guard guard = {.approval = "a1", .rest_ms = 1};
    struct fx_error err;

    put_approved(w);
    assert_ok(begin(w, "one", guard, &err));
    assert_ok(begin(w, "two", guard, &err));
}

/* ---- intents that go together ---- */

enum { TOGETHER = 3 };

static void together(struct fx_intent *intents, enum fx_intent_state state,
                     struct fx_guard *guard) {
    static const char *const keys[TOGETHER] = {"one", "two", "three"};

    for (size_t i = 0; i < TOGETHER; i++)
        intents[i] = (struct fx_intent){.run = "r1",
                                        .step = "change",
                                        .key = keys[i],
                                        .digest = "d",
                                        .state = state,
                                        .what_json = "{}",
                                        .outcome_json = "{}",
                                        .and = i + 1 < TOGETHER ? &intents[i + 1] : NULL};
    intents->guard = guard;
}

/* Of the intents that are set, how many are in this state. */
static size_t count_in(struct world *w, enum fx_intent_state state) {
    struct fx_intent **intents = NULL;
    struct fx_error err;
    size_t count = 0, same = 0;

    assert_ok(w->store->intents(w->store, w->sc, "r1", "change", &intents, &count, &err));
    for (size_t i = 0; i < count; i++)
        same += intents[i]->state == state;
    return same;
}

static void what_begins_together_begins_whole_or_not_at_all(void **state) {
    struct world *w = *state;
    struct fx_intent intents[TOGETHER];
    struct fx_guard guard = {.approval = "a1", .rest_ms = 1};
    struct fx_error err;

    put_approved(w);
    assert_ok(begin(w, "three", guard, &err));
    together(intents, FX_INTENT_SET, &guard);
    assert_int_equal(w->store->begin_effect(w->store, w->sc, NULL, intents, NULL, &err),
                     FX_ERR_CONFLICT);
    assert_int_equal(guard.refusal, FX_REFUSED_BEGUN);
    assert_int_equal(count_in(w, FX_INTENT_SET), 1);
    intents[1].and = NULL; /* without the one that was begun before */
    assert_ok(w->store->begin_effect(w->store, w->sc, NULL, intents, NULL, &err));
    assert_int_equal(count_in(w, FX_INTENT_SET), TOGETHER);
}

/* The guard stands at the first of them. */
static void what_one_may_not_begin_none_of_them_begins(void **state) {
    struct world *w = *state;
    struct fx_intent intents[TOGETHER];
    struct fx_guard guard = {.approval = "nobody's", .rest_ms = 1};
    struct fx_error err;

    put_approved(w);
    together(intents, FX_INTENT_SET, &guard);
    assert_int_equal(w->store->begin_effect(w->store, w->sc, NULL, intents, NULL, &err),
                     FX_ERR_DENIED);
    assert_int_equal(guard.refusal, FX_REFUSED_NO_APPROVAL);
    assert_int_equal(count_in(w, FX_INTENT_SET), 0);
}

static void what_ends_together_ends_whole_or_not_at_all(void **state) {
    struct world *w = *state;
    struct fx_intent intents[TOGETHER];
    struct fx_error err;

    put_approved(w);
    assert_ok(begin(w, "one", (struct fx_guard){.approval = "a1"}, &err));
    assert_ok(begin(w, "two", (struct fx_guard){.approval = "a1"}, &err));
    together(intents, FX_INTENT_DONE, NULL);
    assert_int_equal(w->store->end_effect(w->store, w->sc, intents, NULL, &err), FX_ERR_NOT_FOUND);
    assert_int_equal(count_in(w, FX_INTENT_SET), 2);
    assert_ok(begin(w, "three", (struct fx_guard){.approval = "a1"}, &err));
    intents[1].set_ms = NOW_MS - 1; /* of another promise */
    assert_int_equal(w->store->end_effect(w->store, w->sc, intents, NULL, &err), FX_ERR_CONFLICT);
    assert_int_equal(count_in(w, FX_INTENT_SET), TOGETHER);
    intents[1].set_ms = NOW_MS;
    assert_ok(w->store->end_effect(w->store, w->sc, intents, NULL, &err));
    assert_int_equal(count_in(w, FX_INTENT_DONE), TOGETHER);
}

static void an_end_that_is_not_named_ends_none_of_them(void **state) {
    struct world *w = *state;
    struct fx_intent intents[TOGETHER];
    struct fx_error err;

    put_approved(w);
    for (size_t i = 0; i < TOGETHER; i++) {
        together(intents, FX_INTENT_DONE, NULL);
        assert_ok(begin(w, intents[i].key, (struct fx_guard){.approval = "a1"}, &err));
    }
    for (size_t i = 0; i < TOGETHER; i++) {
        together(intents, FX_INTENT_DONE, NULL);
        intents[i].state = FX_INTENT_SET;
        assert_int_equal(w->store->end_effect(w->store, w->sc, intents, NULL, &err), FX_ERR_INPUT);
        assert_int_equal(count_in(w, FX_INTENT_SET), TOGETHER);
    }
}

static void a_log_that_cannot_be_read_is_not_verified(void **state) {
    struct world *w = *state;
    struct fx_writes writes = {0};
    const char *head = NULL;
    struct fx_error err = {0};
    int64_t rows = 0, bad_n = 0;

    fx_writes_audit(w->sc, &writes, NULL, "tested", NULL, NULL);
    assert_ok(w->store->write(w->store, w->sc, NULL, &writes, &err));
    assert_ok(fx_audit_verify(w->store, w->sc, &rows, &bad_n, &head, &err));
    assert_int_equal(rows, 1);
    assert_int_equal(bad_n, 0);
    run_sql(w, "ALTER TABLE audit RENAME TO away");
    assert_int_not_equal(fx_audit_verify(w->store, w->sc, &rows, &bad_n, &head, &err), FX_OK);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(no_change_begins_where_it_cannot_be_looked_whether_it_may),
        TEST(what_is_in_time_anyway_needs_no_rest),
        TEST(what_begins_together_begins_whole_or_not_at_all),
        TEST(what_one_may_not_begin_none_of_them_begins),
        TEST(what_ends_together_ends_whole_or_not_at_all),
        TEST(an_end_that_is_not_named_ends_none_of_them),
        TEST(a_log_that_cannot_be_read_is_not_verified),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
