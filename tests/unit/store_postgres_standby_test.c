/* store_postgres_standby_test.c - servers that follow the database: which failover may forget what
 * was acknowledged, asked of a real primary with a real standby.
 */
#include "support/test.h"

#include "fluxabot/base/clock.h"
#include "fluxabot/store.h"
#include "support/postgres.h"

#include <stdatomic.h>
#include <string.h>
#include <time.h>

enum { DAY_MS = 24 * 60 * 60 * 1000, A_WHILE_MS = 60 * 1000 };

struct servers {
    struct test_postgres primary, standby;
    struct fx_clock clock; /* the system's, and ahead of it */
    _Atomic int64_t ahead_ms;
};

static int64_t wall_ms(struct fx_clock *clock) {
    return fx_wall_ms(fx_clock_system()) +
           atomic_load(&FX_CONTAINER_OF(clock, struct servers, clock)->ahead_ms);
}

static int64_t mono_ms(struct fx_clock *clock) {
    return fx_mono_ms(fx_clock_system()) +
           atomic_load(&FX_CONTAINER_OF(clock, struct servers, clock)->ahead_ms);
}

static struct fx_store *open_store(struct servers *s, struct fx_scope *sc) {
    struct fx_store *store = NULL;
    struct fx_error err;

    s->clock = (struct fx_clock){.wall_ms = wall_ms, .mono_ms = mono_ms};
    assert_ok(fx_store_open(sc, s->primary.url, &s->clock, fx_random_system(), &store, &err));
    return store;
}

static const char *asked(struct fx_store *store, struct fx_scope *sc) {
    const char *how = "";
    struct fx_error err;

    assert_ok(store->may_forget(store, sc, &how, &err));
    return how;
}

/* Whoever looks at the outbox looks now and then who is there. */
static void pass(struct servers *s, struct fx_store *store, struct fx_scope *sc, int64_t ms) {
    struct fx_message **ready = NULL;
    struct fx_error err;
    size_t count = 0;
    int64_t next_ms = 0;

    s->ahead_ms += ms;
    assert_ok(
        store->outbox_ready(store, sc, fx_wall_ms(&s->clock), 1, &ready, &count, &next_ms, &err));
}

/* The server reads its files again when it gets to it. */
static void set(struct servers *s, const char *statement, const char *is_so) {
    struct timespec look = {0, 10000000};

    test_postgres_sql(&s->primary, statement);
    test_postgres_sql(&s->primary, "SELECT pg_reload_conf()");
    while (test_postgres_sql(&s->primary, is_so) == 0)
        nanosleep(&look, NULL);
}

static void write_something(struct fx_store *store, struct fx_scope *sc) {
    struct fx_writes w = {0};
    struct fx_error err;

    fx_writes_setting(sc, &w, "a", "b");
    assert_ok(store->write(store, sc, NULL, &w, &err));
}

/* May a change begin that must not be forgotten? */
static enum fx_refusal begin(struct fx_store *store, struct fx_scope *sc, const char *key) {
    struct fx_guard guard = {.unless_forgetful = true}, any = {0};
    struct fx_intent intent = {
        .run = "r1", .step = "redrive", .key = key, .digest = "d", .what_json = "{}"};
    struct fx_intent other = intent;
    struct fx_error err = {0};

    intent.guard = &guard;
    other.guard = &any;
    other.key = fx_printf(sc, "%s, forgotten or not", key);
    assert_ok(store->begin_effect(store, sc, NULL, &other, NULL, &err));
    enum fx_code code = store->begin_effect(store, sc, NULL, &intent, NULL, &err);

    assert_int_equal(code, guard.refusal == FX_REFUSED_NOT ? FX_OK : FX_ERR_DENIED);
    assert_true(code == FX_OK || strstr(err.message, "may forget changes") != NULL);
    return guard.refusal;
}

static void put_run(struct fx_store *store, struct fx_scope *sc) {
    const struct fx_run run = {.id = "r1",
                               .system = "fluxa",
                               .environment = "dev",
                               .command = "dlq redrive",
                               .runbook_digest = "x",
                               .arguments_json = "{}",
                               .trigger = "slash",
                               .requester = "U1",
                               .channel = "C1",
                               .response_url = "",
                               .parent = "",
                               .incident = "",
                               .note = "",
                               .values_json = "{}",
                               .checkpoint_json = "",
                               .stop_by = ""};
    struct fx_writes w = {0};
    struct fx_error err;

    fx_writes_run(sc, &w, &run);
    assert_ok(store->write(store, sc, NULL, &w, &err));
}

#define NAMES                                                                                      \
    "SELECT COUNT(*) FROM pg_settings WHERE name = 'synchronous_standby_names' AND setting "

/* One story, because a standby takes a while to make. */
static void a_failover_may_forget_only_what_no_standby_was_waited_for(void **state) {
    struct servers *s = *state;
    struct timespec look = {0, 10000000};
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_store *store = open_store(s, sc);

    put_run(store, sc);
    assert_null(asked(store, sc)); /* nobody could take its place */
    assert_int_equal(begin(store, sc, "alone"), FX_REFUSED_NOT);
    test_postgres_follow(&s->primary, &s->standby);
    const char *how = asked(store, sc); /* as a role that sees nothing of the standby */
    assert_non_null(how);
    assert_non_null(strstr(how, "has 1 standby and waits for none"));
    assert_int_equal(begin(store, sc, "followed"), FX_REFUSED_FORGETFUL);

    set(s, "ALTER SYSTEM SET synchronous_standby_names = '*'", NAMES "= '*'");
    assert_null(asked(store, sc));
    write_something(store, sc);
    assert_int_equal(begin(store, sc, "waited for"), FX_REFUSED_NOT);

    /* waiting was asked for, and then not done by this role */
    test_postgres_sql(&s->primary, "ALTER ROLE fluxabot SET synchronous_commit = local");
    struct fx_store *hasty = open_store(s, sc);
    assert_non_null(asked(hasty, sc));
    assert_int_equal(begin(hasty, sc, "hasty"), FX_REFUSED_FORGETFUL);
    hasty->close(hasty);
    test_postgres_sql(&s->primary, "ALTER ROLE fluxabot RESET synchronous_commit");

    set(s, "ALTER SYSTEM RESET synchronous_standby_names", NAMES "= ''");
    assert_non_null(asked(store, sc));
    assert_int_equal(begin(store, sc, "not waited for any more"), FX_REFUSED_FORGETFUL);
    pass(s, store, sc, A_WHILE_MS);
    test_postgres_stop(&s->standby);
    while (test_postgres_sql(&s->primary, "SELECT COUNT(*) FROM pg_stat_replication") > 0)
        nanosleep(&look, NULL);
    /* its link may have broken because this one is about to be replaced by it */
    how = asked(store, sc);
    assert_non_null(how);
    assert_non_null(strstr(how, "had a standby on "));
    assert_int_equal(begin(store, sc, "followed until now"), FX_REFUSED_FORGETFUL);
    pass(s, store, sc, A_WHILE_MS);
    assert_non_null(asked(store, sc));
    pass(s, store, sc, DAY_MS);
    assert_null(asked(store, sc));
    /* a place is kept for one that is to come back */
    test_postgres_sql(&s->primary,
                      "SELECT COUNT(*) FROM pg_create_physical_replication_slot('away')");
    assert_non_null(asked(store, sc));
    test_postgres_sql(&s->primary, "SELECT COUNT(*) FROM (SELECT pg_drop_replication_slot('away')) "
                                   "AS dropped");
    assert_null(asked(store, sc));
    store->close(store);
}

static void while_it_cannot_be_asked_what_a_failover_forgets_nothing_begins(void **state) {
    struct servers *s = *state;
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_store *store = open_store(s, sc);
    struct fx_guard guard = {.unless_forgetful = true};
    const struct fx_intent intent = {.run = "r1",
                                     .step = "redrive",
                                     .key = "unasked",
                                     .digest = "d",
                                     .what_json = "{}",
                                     .guard = &guard};
    struct fx_intent **intents = NULL;
    struct fx_error err = {0};
    size_t before = 0, after = 0;

    assert_ok(store->intents(store, sc, "r1", "", &intents, &before, &err));
    test_postgres_sql(&s->primary, "REVOKE SELECT ON pg_stat_replication FROM PUBLIC");
    assert_int_not_equal(store->begin_effect(store, sc, NULL, &intent, NULL, &err), FX_OK);
    assert_non_null(strstr(err.message, "pg_stat_replication"));
    assert_int_equal(guard.refusal, FX_REFUSED_NOT);
    assert_ok(store->intents(store, sc, "r1", "", &intents, &after, &err));
    assert_int_equal(after, before);
    test_postgres_sql(&s->primary, "GRANT SELECT ON pg_stat_replication TO PUBLIC");
    err = (struct fx_error){0};
    assert_ok(store->begin_effect(store, sc, NULL, &intent, NULL, &err));
    store->close(store);
}

static int make(void **state) {
    static struct servers servers;

    test_postgres_make(&servers.primary);
    test_postgres_start(&servers.primary, NULL);
    *state = &servers;
    return 0;
}

static int remove_all(void **state) {
    struct servers *s = *state;

    if (s->standby.directory[0] != '\0')
        test_postgres_remove(&s->standby);
    test_postgres_remove(&s->primary);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failover_may_forget_only_what_no_standby_was_waited_for),
        cmocka_unit_test(while_it_cannot_be_asked_what_a_failover_forgets_nothing_begins),
    };

    return cmocka_run_group_tests(tests, make, remove_all);
}
