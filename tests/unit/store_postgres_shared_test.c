/* store_postgres_shared_test.c - several processes on one PostgreSQL: of those that race one wins,
 * who is gone is found, who lives is left alone, and what was acknowledged survives a kill -9 of
 * the server.
 *
 * Two stores in two threads are two pools that share nothing but the database; where a process must
 * die, it is one.
 */
#include "support/test.h"

#include "fluxabot/base/clock.h"
#include "fluxabot/store.h"
#include "support/postgres.h"
#include "support/postgres_proxy.h"

#include <libpq-fe.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STORES = 2, NOW_MS = 1000000, LEASE_MS = 1000 };

/* ---- fixture ---- */

struct fixture {
    struct test_postgres *postgres;
    struct fx_scope *sc;
    struct fx_clock clock;
    _Atomic int64_t mono_ms;
    struct fx_store *stores[STORES];
};

static int64_t wall_now(struct fx_clock *clock) {
    (void)clock;
    return NOW_MS;
}

static int64_t mono_now(struct fx_clock *clock) {
    return atomic_load(&FX_CONTAINER_OF(clock, struct fixture, clock)->mono_ms);
}

static struct fx_store *open_one(struct fixture *f) {
    struct fx_store *store = NULL;
    struct fx_error err;

    assert_ok(fx_store_open(f->sc, f->postgres->url, &f->clock, fx_random_system(), &store, &err));
    return store;
}

/* The stores are opened by the test: who forks does so before. */
static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof(*f));

    f->postgres = *state;
    f->sc = fx_scope_new(NULL);
    f->clock = (struct fx_clock){.wall_ms = wall_now, .mono_ms = mono_now};
    test_postgres_empty(f->postgres);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;

    for (int i = 0; i < STORES; i++)
        if (f->stores[i] != NULL)
            f->stores[i]->close(f->stores[i]);
    fx_scope_free(f->sc);
    free(f);
    return 0;
}

static void open_stores(struct fixture *f) {
    for (int i = 0; i < STORES; i++)
        f->stores[i] = open_one(f);
}

static int64_t sql(struct fixture *f, const char *text) {
    return test_postgres_sql(f->postgres, text);
}

static void write_all(struct fixture *f, const struct fx_writes *w) {
    struct fx_error err;

    assert_ok(f->stores[0]->write(f->stores[0], f->sc, NULL, w, &err));
}

/* ---- who lives ---- */

/* A process that holds a job and sends a message, until it is killed. */
static pid_t start_holder(struct fixture *f, int *ret_ready) {
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct fx_scope *sc = fx_scope_new(NULL);
        struct fx_store *store = NULL;
        struct fx_writes w = {0};
        struct fx_message message = {.kind = FX_MESSAGE_PUT, .key = "m", .channel = "C1"};
        struct fx_message **messages = NULL;
        struct fx_job *job = NULL;
        struct fx_error err;
        size_t count = 0;
        int64_t next_ms = 0;

        fx_writes_job(sc, &w, "run", "r1", NOW_MS);
        fx_writes_message(sc, &w, &message);
        bool held =
            fx_store_open(sc, f->postgres->url, &f->clock, fx_random_system(), &store, &err) ==
                FX_OK &&
            store->write(store, sc, NULL, &w, &err) == FX_OK &&
            store->claim(store, sc, "w", NOW_MS, LEASE_MS, &job, &next_ms, &err) == FX_OK &&
            job != NULL &&
            store->outbox_ready(store, sc, NOW_MS, 1, &messages, &count, &next_ms, &err) == FX_OK &&
            count == 1 && store->outbox_begin(store, sc, messages[0]->seq, NOW_MS, &err) == FX_OK;
        if (write(ends[1], &held, sizeof(held)) != sizeof(held))
            _exit(1);
        for (;;)
            pause();
    }
    close(ends[1]);
    *ret_ready = ends[0];
    return pid;
}

static pid_t await_holder(struct fixture *f) {
    int ready = -1;
    bool held = false;
    pid_t pid = start_holder(f, &ready);

    assert_int_equal(read(ready, &held, sizeof(held)), sizeof(held));
    close(ready);
    assert_true(held);
    return pid;
}

static void kill_holder(struct fixture *f, pid_t pid) {
    int status = 0;

    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    /* the server hears of it when the socket closes */
    while (sql(f, "SELECT COUNT(*) FROM pg_stat_activity WHERE application_name = 'fluxabot'") > 1)
        ;
}

/* What another one could take now. */
static void assert_free(struct fixture *f, bool job_is_free, size_t messages_free) {
    struct fx_store *store = f->stores[0];
    struct fx_message **messages = NULL;
    struct fx_job *job = NULL;
    struct fx_error err;
    size_t count = 0;
    int64_t next_ms = 0;

    /* when the pace of the channel allows the next */
    assert_ok(store->outbox_ready(store, f->sc, NOW_MS + FX_STORE_POST_PACE_MS, 5, &messages,
                                  &count, &next_ms, &err));
    assert_int_equal(count, messages_free);
    assert_ok(store->claim(store, f->sc, "w", NOW_MS, LEASE_MS, &job, &next_ms, &err));
    assert_true((job != NULL) == job_is_free);
}

static void take_over(struct fixture *f) {
    struct fx_store *store = f->stores[0];
    struct fx_error err;

    assert_ok(store->outbox_recover(store, f->sc, &err));
    assert_ok(store->release_leases(store, f->sc, &err));
}

static void who_starts_takes_over_from_the_dead_and_not_from_the_living(void **state) {
    struct fixture *f = *state;
    pid_t pid = await_holder(f);

    f->stores[0] = open_one(f);
    take_over(f);
    assert_free(f, false, 0);
    kill(pid, SIGSTOP); /* frozen is not dead */
    take_over(f);
    assert_free(f, false, 0);
    kill_holder(f, pid);
    take_over(f);
    assert_free(f, true, 1);
}

/* Nobody starts; those that live look now and then. */
static void who_lives_goes_on_with_what_a_dead_one_had_begun(void **state) {
    struct fixture *f = *state;
    pid_t pid = await_holder(f);

    f->stores[0] = open_one(f);
    atomic_fetch_add(&f->mono_ms, 60000);
    assert_free(f, false, 0);
    kill_holder(f, pid);
    assert_free(f, false, 0); /* not before it is time */
    atomic_fetch_add(&f->mono_ms, 60000);
    assert_free(f, true, 1);
}

static void nobody_takes_what_is_his_own_for_abandoned(void **state) {
    struct fixture *f = *state;
    struct fx_store *store = NULL;
    struct fx_writes w = {0};
    struct fx_job *job = NULL;
    struct fx_error err;
    int64_t next_ms = 0;

    open_stores(f);
    store = f->stores[0];
    fx_writes_job(f->sc, &w, "run", "r1", NOW_MS);
    write_all(f, &w);
    assert_ok(store->claim(store, f->sc, "w", NOW_MS, LEASE_MS, &job, &next_ms, &err));
    assert_non_null(job);
    /* the server forgets all locks; the first call of a store brings its own back */
    test_postgres_stop(f->postgres);
    test_postgres_start(f->postgres, NULL);
    take_over(f);
    assert_ok(store->settle(store, f->sc, job, FX_SETTLE_DONE, 0, NULL, NULL, &err));
}

/* ---- frozen in the middle ---- */

struct frozen {
    struct fx_store *store;
    enum fx_code code;
};

static enum fx_code write_audit(struct fx_store *store, struct fx_error *err) {
    struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_writes w = {0};

    fx_writes_audit(sc, &w, "U1", "a", "s", NULL);
    enum fx_code code = store->write(store, sc, NULL, &w, err);
    fx_scope_free(sc);
    return code;
}

static void *write_and_freeze(void *item) {
    struct frozen *frozen = item;
    struct fx_error err;

    frozen->code = write_audit(frozen->store, &err);
    return NULL;
}

/* It holds the end of the audit chain when it falls silent. */
static void who_freezes_in_a_transaction_holds_up_nobody_for_good(void **state) {
    struct fixture *f = *state;
    struct postgres_proxy *proxy = postgres_proxy_start(f->postgres->directory);
    struct frozen frozen = {.code = FX_ERR_INTERNAL};
    struct fx_error err;
    pthread_t thread;

    f->stores[0] = open_one(f);
    assert_ok(fx_store_open(f->sc, postgres_proxy_url(proxy), &f->clock, fx_random_system(),
                            &f->stores[1], &err));
    frozen.store = f->stores[1];
    PGconn *other = PQconnectdb(f->postgres->url);
    PQclear(PQexec(other, "BEGIN; LOCK TABLE fluxabot.audit"));
    assert_int_equal(pthread_create(&thread, NULL, write_and_freeze, &frozen), 0);
    while (sql(f, "SELECT COUNT(*) FROM pg_locks WHERE NOT granted") == 0)
        ;
    postgres_proxy_silence(proxy, true);
    PQfinish(other);
    assert_ok(write_audit(f->stores[0], &err)); /* once the server has lost patience */
    postgres_proxy_silence(proxy, false);
    pthread_join(thread, NULL);
    assert_int_equal(frozen.code, FX_OK); /* it has begun again */
    assert_int_equal(sql(f, "SELECT COUNT(*) FROM fluxabot.audit"), 2);
    f->stores[1]->close(f->stores[1]);
    f->stores[1] = NULL;
    postgres_proxy_stop(proxy);
}

/* ---- kill -9 of the server ---- */

enum { KILLS = 4, WRITERS = 4, BETWEEN_KILLS = 150, ACKS_MAX = 20000 };

struct writer {
    struct fixture *f;
    int number;
    bool acknowledges_early; /* the broken twin */
    _Atomic bool *over;
    _Atomic int *acks, *refused;
    int tried;
    bool acknowledged[ACKS_MAX];
};

static const char *event_id(struct fx_scope *sc, const struct writer *writer, int n) {
    return fx_printf(sc, "e-%d-%d", writer->number, n);
}

static void *keep_accepting(void *item) {
    struct writer *writer = item;
    struct fx_store *store = writer->f->stores[writer->number % STORES];

    for (; writer->tried < ACKS_MAX && !atomic_load(writer->over); writer->tried++) {
        struct fx_scope *sc = fx_scope_new(NULL);
        const char *id = event_id(sc, writer, writer->tried);
        struct fx_event event = {
            .id = id, .kind = "sns", .body = "{}", .received_ms = 1, .keys = {id}};
        struct fx_error err;
        bool added = false;
        bool ok = store->accept(store, sc, &event, &added, &err) == FX_OK;
        atomic_fetch_add(writer->refused, !ok);
        writer->acknowledged[writer->tried] = ok || writer->acknowledges_early;
        atomic_fetch_add(writer->acks, ok);
        fx_scope_free(sc);
    }
    return NULL;
}

static int count_lost(struct fixture *f, const struct writer *writer) {
    struct fx_store *store = f->stores[0];
    int lost = 0;

    for (int i = 0; i < writer->tried; i++) {
        struct fx_scope *sc = fx_scope_new(NULL);
        struct fx_event *event = NULL;
        struct fx_error err;
        if (writer->acknowledged[i]) {
            assert_ok(store->event(store, sc, event_id(sc, writer, i), &event, &err));
            lost += event == NULL;
        }
        fx_scope_free(sc);
    }
    return lost;
}

/* The server dies and comes back while all write; how many acknowledged events are missing. */
static int live_through_kills(struct fixture *f, bool early, int *ret_acks) {
    static struct writer writers[WRITERS];
    pthread_t threads[WRITERS];
    _Atomic bool over = false;
    _Atomic int acks = 0;
    _Atomic int refused = 0;
    int lost = 0;

    open_stores(f);
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){.f = f,
                                     .number = i,
                                     .acknowledges_early = early,
                                     .over = &over,
                                     .acks = &acks,
                                     .refused = &refused};
        assert_int_equal(pthread_create(&threads[i], NULL, keep_accepting, &writers[i]), 0);
    }
    for (int i = 1; i <= KILLS; i++) {
        while (atomic_load(&acks) < i * BETWEEN_KILLS) /* it has come back by itself */
            ;
        test_postgres_kill(f->postgres);
        /* for the twin it is away for longer: of each writer one event may be in a commit that
         * nobody answers, so the next one that is refused was never begun */
        int before = atomic_load(&refused);
        while (early && i == KILLS && atomic_load(&refused) <= before + WRITERS)
            ;
        test_postgres_start(f->postgres, NULL);
    }
    while (atomic_load(&acks) < (KILLS + 1) * BETWEEN_KILLS)
        ;
    atomic_store(&over, true);
    for (int i = 0; i < WRITERS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < WRITERS; i++)
        lost += count_lost(f, &writers[i]);
    *ret_acks = atomic_load(&acks);
    return lost;
}

static void a_kill_of_the_server_loses_nothing_that_was_acknowledged(void **state) {
    struct fixture *f = *state;
    int acks = 0;

    assert_int_equal(live_through_kills(f, false, &acks), 0);
    printf("%d kills, %d acknowledged, 0 lost\n", KILLS, acks);
    assert_int_equal(sql(f, "SELECT COUNT(*) FROM fluxabot.events WHERE id NOT IN (SELECT subject "
                            "FROM fluxabot.jobs)"),
                     0);
    assert_int_equal(sql(f, "SELECT COUNT(*) FROM fluxabot.jobs WHERE subject NOT IN (SELECT id "
                            "FROM fluxabot.events)"),
                     0);
}

static void the_checker_catches_an_acknowledgement_before_the_commit(void **state) {
    struct fixture *f = *state;
    int acks = 0;
    int lost = live_through_kills(f, true, &acks);

    printf("broken twin: %d lost\n", lost);
    assert_true(lost > 0);
}

int main(void) {
    struct test_postgres postgres;

#define SHARED_TEST(test)                                                                          \
    { #test, test, setup, teardown, &postgres }
    const struct CMUnitTest tests[] = {
        SHARED_TEST(who_starts_takes_over_from_the_dead_and_not_from_the_living),
        SHARED_TEST(who_lives_goes_on_with_what_a_dead_one_had_begun),
        SHARED_TEST(nobody_takes_what_is_his_own_for_abandoned),
        SHARED_TEST(who_freezes_in_a_transaction_holds_up_nobody_for_good),
        SHARED_TEST(a_kill_of_the_server_loses_nothing_that_was_acknowledged),
        SHARED_TEST(the_checker_catches_an_acknowledgement_before_the_commit),
    };

    test_postgres_make(&postgres);
    test_postgres_start(&postgres, NULL);
    int failed = cmocka_run_group_tests_name("store postgres shared", tests, NULL, NULL);
    test_postgres_remove(&postgres);
    return failed;
}
