/* store_postgres_batch_test.c - events that PostgreSQL gets together, and that have keys in common
 * with each other or with one that is known: each has its own verdict, as if it had come alone.
 */
#include "support/test.h"

#include "fluxabot/base/clock.h"
#include "fluxabot/store.h"

#include "support/postgres.h"

#include <libpq-fe.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { PLUGS = 2, ROUNDS = 8 };

struct fixture {
    struct test_postgres *postgres;
    struct fx_scope *sc;
    struct fx_store *store;
};

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof(*f));
    struct fx_error err;

    f->postgres = *state;
    f->sc = fx_scope_new(NULL);
    test_postgres_sql(f->postgres, "DROP SCHEMA IF EXISTS fluxabot CASCADE");
    assert_ok(fx_store_open(f->sc, f->postgres->url, fx_clock_system(), fx_random_system(),
                            &f->store, &err));
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;

    f->store->close(f->store);
    fx_scope_free(f->sc);
    free(f);
    return 0;
}

static int64_t sql(struct fixture *f, const char *text) {
    return test_postgres_sql(f->postgres, text);
}

/* ---- one that sends ---- */

struct sender {
    struct fixture *f;
    struct fx_event event;
    _Atomic int *started;
    enum fx_code code;
    bool added;
    pthread_t thread;
};

static void *send_one(void *item) {
    struct sender *sender = item;
    struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_error err;

    atomic_fetch_add(sender->started, 1);
    sender->code =
        sender->f->store->accept(sender->f->store, sc, &sender->event, &sender->added, &err);
    fx_scope_free(sc);
    return NULL;
}

static void start(struct fixture *f, struct sender *sender, _Atomic int *started) {
    sender->f = f;
    sender->started = started;
    sender->event.kind = "sns";
    sender->event.body = "{}";
    sender->event.received_ms = 1;
    assert_int_equal(pthread_create(&sender->thread, NULL, send_one, sender), 0);
}

static void join(struct sender *senders, size_t count) {
    for (size_t i = 0; i < count; i++) {
        pthread_join(senders[i].thread, NULL);
        assert_int_equal(senders[i].code, FX_OK);
    }
}

static bool accept_alone(struct fixture *f, const char *id, const char *key) {
    _Atomic int started = 0;
    struct sender sender = {.event = {.id = id, .keys = {key}}};

    start(f, &sender, &started);
    join(&sender, 1);
    return sender.added;
}

/* ---- all at one moment ---- */

/* Somebody else is just taking the keys of the plugs, so that these wait, and all behind them. */
static PGconn *hold_plugs(struct fixture *f, int round) {
    PGconn *other = PQconnectdb(
        fx_printf(f->sc, "postgresql://superuser@/fluxabot?host=%s", f->postgres->directory));

    PQclear(PQexec(other, "BEGIN"));
    for (int i = 0; i < PLUGS; i++)
        PQclear(PQexec(other, fx_printf(f->sc,
                                        "INSERT INTO fluxabot.event_keys (key, event) VALUES "
                                        "('plug%d-%d', 'other')",
                                        i, round)));
    return other;
}

static void await_locks(struct fixture *f, int count) {
    while (sql(f, "SELECT COUNT(*) FROM pg_locks WHERE NOT granted") < count)
        ;
}

static void start_plugs(struct fixture *f, struct sender plugs[PLUGS], int round,
                        _Atomic int *started) {
    for (int i = 0; i < PLUGS; i++) {
        const char *name = fx_printf(f->sc, "plug%d-%d", i, round);
        plugs[i] = (struct sender){.event = {.id = name, .keys = {name}}};
        start(f, &plugs[i], started);
        await_locks(f, i + 1);
    }
}

static void send_together(struct fixture *f, struct sender *senders, size_t count, int round) {
    struct sender plugs[PLUGS];
    _Atomic int started = 0;
    PGconn *other = hold_plugs(f, round);

    start_plugs(f, plugs, round, &started);
    for (size_t i = 0; i < count; i++)
        start(f, &senders[i], &started);
    while (atomic_load(&started) < PLUGS + (int)count)
        ;
    PQfinish(other);
    join(plugs, PLUGS);
    join(senders, count);
}

/* ---- verdicts ---- */

static int64_t count_keys(struct fixture *f, const struct fx_event *event, const char *and) {
    return sql(f, fx_printf(f->sc,
                            "SELECT COUNT(*) FROM fluxabot.event_keys WHERE key IN ('%s', '%s') "
                            "AND key <> '' %s",
                            event->keys[0] != NULL ? event->keys[0] : "",
                            event->keys[1] != NULL ? event->keys[1] : "", and));
}

/* Whoever is new has all its keys and a job; whoever is not has none, and met one that is known. */
static void assert_just(struct fixture *f, const struct sender *sender) {
    const struct fx_event *event = &sender->event;
    const char *own = fx_printf(f->sc, "AND event = '%s'", event->id);
    int keys = (event->keys[0] != NULL) + (event->keys[1] != NULL);
    int64_t jobs = sql(
        f, fx_printf(f->sc, "SELECT COUNT(*) FROM fluxabot.jobs WHERE subject = '%s'", event->id));

    assert_int_equal(count_keys(f, event, own), sender->added ? keys : 0);
    assert_int_equal(jobs, sender->added);
    if (!sender->added)
        assert_true(count_keys(f, event, "") > 0);
}

/* Some of them did share a commit, or nothing was tried. */
static void assert_shared(struct fixture *f) {
    assert_true(sql(f, "SELECT MAX(n) FROM (SELECT COUNT(*) AS n FROM fluxabot.events GROUP BY "
                       "xmin::text) AS t") > 1);
}

static void neighbours_with_keys_in_common_are_judged_one_by_one(void **state) {
    struct fixture *f = *state;

    for (int round = 0; round < ROUNDS; round++) {
        const char *known = fx_printf(f->sc, "known-%d", round);
        const char *x = fx_printf(f->sc, "x-%d", round), *y = fx_printf(f->sc, "y-%d", round);
        const char *z = fx_printf(f->sc, "z-%d", round), *w = fx_printf(f->sc, "w-%d", round);
        struct sender senders[] = {
            {.event = {.id = fx_printf(f->sc, "a-%d", round), .keys = {known, x}}},
            {.event = {.id = fx_printf(f->sc, "b-%d", round), .keys = {x}}},
            {.event = {.id = fx_printf(f->sc, "c-%d", round), .keys = {y, z}}},
            {.event = {.id = fx_printf(f->sc, "d-%d", round), .keys = {z, w}}},
            {.event = {.id = fx_printf(f->sc, "e-%d", round), .keys = {w}}},
            {.event = {.id = fx_printf(f->sc, "f-%d", round), .keys = {known}}},
        };

        assert_true(accept_alone(f, known, known));
        send_together(f, senders, FX_COUNT_OF(senders), round);
        for (size_t i = 0; i < FX_COUNT_OF(senders); i++)
            assert_just(f, &senders[i]);
        assert_false(senders[0].added); /* and leaves x to its neighbour */
        assert_true(senders[1].added);
        assert_false(senders[5].added);
    }
    assert_shared(f);
}

static void neighbours_with_one_id_are_one(void **state) {
    struct fixture *f = *state;

    for (int round = 0; round < ROUNDS; round++) {
        const char *id = fx_printf(f->sc, "twin-%d", round);
        struct sender senders[] = {
            {.event = {.id = id}},
            {.event = {.id = id}},
            {.event = {.id = fx_printf(f->sc, "a-%d", round), .keys = {id}}},
        };

        send_together(f, senders, FX_COUNT_OF(senders), round);
        assert_int_equal(senders[0].added + senders[1].added, 1);
        assert_int_equal(sql(f, fx_printf(f->sc,
                                          "SELECT COUNT(*) FROM fluxabot.jobs WHERE "
                                          "subject = '%s'",
                                          id)),
                         1);
        assert_true(senders[2].added);
        assert_just(f, &senders[2]);
    }
    assert_shared(f);
}

static void neighbours_that_are_the_same_are_kept_once(void **state) {
    struct fixture *f = *state;
    struct sender senders[24] = {0};
    int added = 0;

    for (size_t i = 0; i < FX_COUNT_OF(senders); i++)
        senders[i].event = (struct fx_event){.id = fx_printf(f->sc, "same-%zu", i),
                                             .keys = {"first", "first", "second"}};
    send_together(f, senders, FX_COUNT_OF(senders), 0);
    for (size_t i = 0; i < FX_COUNT_OF(senders); i++)
        added += senders[i].added;
    assert_int_equal(added, 1);
    assert_int_equal(sql(f, "SELECT COUNT(*) FROM fluxabot.events"), 1 + PLUGS);
    assert_int_equal(sql(f, "SELECT COUNT(*) FROM fluxabot.jobs"), 1 + PLUGS);
    assert_int_equal(sql(f, "SELECT COUNT(*) FROM fluxabot.event_keys"), 2 + PLUGS);
}

/* Nothing, much, what an array would have to quote, and what PostgreSQL does not take. */
static void what_a_column_holds_comes_back(void **state) {
    struct fixture *f = *state;
    char *large = fx_alloc(f->sc, 300001);
    const char *bodies[] = {"", "{\"a\":\"\\\"',{}\"}", "NULL", "\xc3\xa9\xe2\x82\xac", large};

    memset(large, 'x', 300000);
    large[300000] = '\0';
    for (size_t i = 0; i < FX_COUNT_OF(bodies); i++) {
        struct fx_event event = {.id = fx_printf(f->sc, "b%zu", i),
                                 .kind = "sns",
                                 .body = bodies[i],
                                 .verified = i % 2,
                                 .received_ms = ((int64_t)1 << 40) + (int64_t)i,
                                 .keys = {NULL, fx_printf(f->sc, "\xff%zu", i)}};
        struct fx_event *found = NULL;
        struct fx_error err;
        bool added = false;
        assert_ok(f->store->accept(f->store, f->sc, &event, &added, &err));
        assert_true(added);
        assert_ok(f->store->event(f->store, f->sc, event.id, &found, &err));
        assert_string_equal(found->body, bodies[i]);
        assert_int_equal(found->verified, event.verified);
        assert_int_equal(found->received_ms, event.received_ms);
        assert_ok(f->store->accept(f->store, f->sc, &event, &added, &err));
        assert_false(added);
    }
}

/* ---- batches under way at once ---- */

static void one_that_waits_does_not_hold_up_the_next(void **state) {
    struct fixture *f = *state;
    _Atomic int started = 0;
    struct sender waits = {.event = {.id = "waits", .keys = {"plug0-0"}}};
    PGconn *other = hold_plugs(f, 0);

    start(f, &waits, &started);
    await_locks(f, 1);
    assert_true(accept_alone(f, "next", "next"));
    assert_int_equal(sql(f, "SELECT COUNT(*) FROM pg_locks WHERE NOT granted"), 1);
    PQfinish(other);
    join(&waits, 1);
    assert_true(waits.added);
}

/* Whoever waits for a key must not have one already that the other may still want. */
static void keys_are_taken_in_one_order(void **state) {
    struct fixture *f = *state;
    _Atomic int started = 0;
    struct sender waits = {.event = {.id = "waits", .keys = {"z", "plug0-0"}}};
    PGconn *other = hold_plugs(f, 0);

    start(f, &waits, &started);
    await_locks(f, 1);
    PQclear(PQexec(other, "SET lock_timeout = 100"));
    PGresult *result =
        PQexec(other, "INSERT INTO fluxabot.event_keys (key, event) VALUES ('z', 'other')");
    assert_int_equal(PQresultStatus(result), PGRES_COMMAND_OK);
    PQclear(result);
    PQfinish(other);
    join(&waits, 1);
    assert_true(waits.added);
}

int main(void) {
    struct test_postgres postgres;

#define BATCH_TEST(test)                                                                           \
    { #test, test, setup, teardown, &postgres }
    const struct CMUnitTest tests[] = {
        BATCH_TEST(neighbours_with_keys_in_common_are_judged_one_by_one),
        BATCH_TEST(neighbours_with_one_id_are_one),
        BATCH_TEST(neighbours_that_are_the_same_are_kept_once),
        BATCH_TEST(what_a_column_holds_comes_back),
        BATCH_TEST(one_that_waits_does_not_hold_up_the_next),
        BATCH_TEST(keys_are_taken_in_one_order),
    };

    test_postgres_make(&postgres);
    test_postgres_start(&postgres, NULL);
    int failed = cmocka_run_group_tests_name("store postgres batch", tests, NULL, NULL);
    test_postgres_remove(&postgres);
    return failed;
}
