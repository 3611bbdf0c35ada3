/* store_postgres_at_once_test.c - transactions that stand in each other's way are tried again,
 * those who wait together share a commit, and more callers than connections take turns.
 */
#include "store_postgres_rig.h"

#include <libpq-fe.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

/* ---- transactions that stand in each other's way ---- */

/* The first so many jobs fail like a transaction that PostgreSQL has ended for another's sake. A
 * sequence counts, because what it gave is not taken back. */
static void fail_jobs(struct postgres_rig *f, int times, const char *state) {
    postgres_rig_sql(f,
                     "CREATE SEQUENCE fluxabot.tries; GRANT USAGE ON fluxabot.tries TO fluxabot");
    postgres_rig_sql(
        f, fx_printf(f->sc,
                     "CREATE FUNCTION fluxabot.fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                     "IF nextval('fluxabot.tries') <= %d THEN RAISE EXCEPTION 'not now' USING "
                     "ERRCODE = '%s'; END IF; RETURN NEW; END $$",
                     times, state));
    postgres_rig_sql(
        f, "CREATE TRIGGER fail BEFORE INSERT ON fluxabot.jobs FOR EACH ROW EXECUTE FUNCTION "
           "fluxabot.fail()");
}

static enum fx_code write_job(struct postgres_rig *f, struct fx_error *err) {
    struct fx_writes w = {0};

    fx_writes_job(f->sc, &w, "run", "r1", 5);
    fx_writes_audit(f->sc, &w, "U1", "a", "r1", NULL);
    return f->store->write(f->store, f->sc, NULL, &w, err);
}

static void a_transaction_that_was_in_the_way_is_tried_again(void **state) {
    struct postgres_rig *f = *state;
    struct fx_error err;

    postgres_rig_open(f);
    fail_jobs(f, 2, "40001");
    assert_ok(write_job(f, &err));
    assert_int_equal(postgres_rig_sql(f, "SELECT last_value FROM fluxabot.tries"), 3);
    assert_int_equal(postgres_rig_sql(f, "SELECT COUNT(*) FROM fluxabot.jobs"), 1);
    assert_int_equal(postgres_rig_sql(f, "SELECT COUNT(*) FROM fluxabot.audit"), 1);
}

static void but_not_for_ever(void **state) {
    struct postgres_rig *f = *state;
    struct fx_error err;

    postgres_rig_open(f);
    fail_jobs(f, 1000, "40P01");
    assert_int_equal(write_job(f, &err), FX_ERR_UNAVAILABLE);
    assert_string_equal(err.upstream, "40P01");
    assert_true(postgres_rig_sql(f, "SELECT last_value FROM fluxabot.tries") <= 10);
    assert_int_equal(postgres_rig_sql(f, "SELECT COUNT(*) FROM fluxabot.jobs"), 0);
}

static void what_is_wrong_is_not_tried_again(void **state) {
    struct postgres_rig *f = *state;
    struct fx_error err;

    postgres_rig_open(f);
    fail_jobs(f, 1000, "P0001");
    assert_int_equal(write_job(f, &err), FX_ERR_INTERNAL);
    assert_non_null(strstr(err.message, "job_add"));
    assert_int_equal(postgres_rig_sql(f, "SELECT last_value FROM fluxabot.tries"), 1);
}

static PGconn *lock_events(struct postgres_rig *f) {
    PGconn *other = PQconnectdb(
        fx_printf(f->sc, "postgresql://superuser@/fluxabot?host=%s", f->postgres->directory));

    PQclear(PQexec(other, "BEGIN; LOCK TABLE fluxabot.events"));
    return other;
}

static void a_lock_that_another_holds_stops_nothing_for_good(void **state) {
    struct postgres_rig *f = *state;
    struct fx_error err;
    bool added = false;

    postgres_rig_open(f);
    PGconn *other = lock_events(f);
    assert_int_equal(postgres_rig_accept(f, "e1", &added, &err), FX_ERR_UNAVAILABLE);
    assert_false(err.sent);
    PQfinish(other);
    postgres_rig_accept_new(f, "e1");
}

/* ---- many at once ---- */

enum { SENDERS = 32 };
struct sender {
    struct postgres_rig *f;
    int n;
    _Atomic int *started;
    enum fx_code code;
};

static void *send_one(void *item) {
    struct sender *sender = item;
    struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_event event = {
        .id = fx_printf(sc, "s%d", sender->n), .kind = "sns", .body = "{}", .received_ms = 1};
    struct fx_error err;
    bool added = false;

    atomic_fetch_add(sender->started, 1);
    sender->code = sender->f->store->accept(sender->f->store, sc, &event, &added, &err);
    fx_scope_free(sc);
    return NULL;
}

/* All arrive while the first of them waits for a lock. */
static void send_all(struct postgres_rig *f, struct sender senders[SENDERS]) {
    pthread_t threads[SENDERS];
    _Atomic int started = 0;
    PGconn *other = lock_events(f);

    for (int i = 0; i < SENDERS; i++) {
        senders[i] = (struct sender){.f = f, .n = i, .started = &started};
        assert_int_equal(pthread_create(&threads[i], NULL, send_one, &senders[i]), 0);
    }
    while (atomic_load(&started) < SENDERS ||
           postgres_rig_sql(f, "SELECT COUNT(*) FROM pg_locks WHERE NOT granted") == 0)
        ;
    PQfinish(other);
    for (int i = 0; i < SENDERS; i++)
        pthread_join(threads[i], NULL);
}

static void those_who_wait_together_share_a_commit(void **state) {
    struct postgres_rig *f = *state;
    struct sender senders[SENDERS];

    postgres_rig_open(f);
    send_all(f, senders);
    for (int i = 0; i < SENDERS; i++)
        assert_int_equal(senders[i].code, FX_OK);
    assert_int_equal(postgres_rig_sql(f, "SELECT COUNT(*) FROM fluxabot.events"), SENDERS);
    /* the rows of one transaction bear its number */
    assert_true(postgres_rig_sql(f, "SELECT COUNT(DISTINCT xmin::text) FROM fluxabot.events") <=
                SENDERS / 4);
}

static void an_event_without_its_job_is_undone_and_its_neighbours_are_kept(void **state) {
    struct postgres_rig *f = *state;
    struct sender senders[SENDERS];

    postgres_rig_open(f);
    postgres_rig_sql(
        f, "CREATE FUNCTION fluxabot.no_job() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
           "IF substr(NEW.subject, 2)::int % 4 = 3 THEN RAISE EXCEPTION 'no'; END IF; "
           "RETURN NEW; END $$");
    postgres_rig_sql(
        f, "CREATE TRIGGER no_job BEFORE INSERT ON fluxabot.jobs FOR EACH ROW EXECUTE FUNCTION "
           "fluxabot.no_job()");
    send_all(f, senders);
    for (int i = 0; i < SENDERS; i++) {
        assert_int_equal(senders[i].code, i % 4 == 3 ? FX_ERR_INTERNAL : FX_OK);
        assert_true(postgres_rig_has_event(f, fx_printf(f->sc, "s%d", i)) == (i % 4 != 3));
    }
}

enum { CROWD = 60, WRITES_EACH = 10 };
struct writer {
    struct postgres_rig *f;
    int failed;
};

static void *write_some(void *item) {
    struct writer *writer = item;

    for (int i = 0; i < WRITES_EACH; i++) {
        struct fx_scope *sc = fx_scope_new(NULL);
        struct fx_writes w = {0};
        struct fx_error err;
        fx_writes_audit(sc, &w, "U1", "a", "s", NULL);
        writer->failed += writer->f->store->write(writer->f->store, sc, NULL, &w, &err) != FX_OK;
        fx_scope_free(sc);
    }
    return NULL;
}

static void more_callers_than_connections_take_turns(void **state) {
    struct postgres_rig *f = *state;
    struct writer writers[CROWD];
    pthread_t threads[CROWD];
    struct fx_error err;
    const char *head = NULL;
    int64_t rows = 0, bad_n = 0;

    postgres_rig_open(f);
    for (int i = 0; i < CROWD; i++) {
        writers[i] = (struct writer){.f = f};
        assert_int_equal(pthread_create(&threads[i], NULL, write_some, &writers[i]), 0);
    }
    for (int i = 0; i < CROWD; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(writers[i].failed, 0);
    }
    assert_true(postgres_rig_sql(f,
                                 "SELECT COUNT(*) FROM pg_stat_activity WHERE application_name = "
                                 "'fluxabot'") < CROWD);
    assert_ok(fx_audit_verify(f->store, f->sc, &rows, &bad_n, &head, &err));
    assert_int_equal(rows, CROWD * WRITES_EACH);
    assert_int_equal(bad_n, 0);

    /* all of them are dead after a restart, and none of that is noticed */
    test_postgres_stop(f->postgres);
    test_postgres_start(f->postgres, NULL);
    assert_false(postgres_rig_has_event(f, "e1"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        POSTGRES_TEST(a_transaction_that_was_in_the_way_is_tried_again),
        POSTGRES_TEST(but_not_for_ever),
        POSTGRES_TEST(what_is_wrong_is_not_tried_again),
        POSTGRES_TEST(a_lock_that_another_holds_stops_nothing_for_good),
        POSTGRES_TEST(those_who_wait_together_share_a_commit),
        POSTGRES_TEST(an_event_without_its_job_is_undone_and_its_neighbours_are_kept),
        POSTGRES_TEST(more_callers_than_connections_take_turns),
    };

    return cmocka_run_group_tests_name("store postgres at once", tests, postgres_rig_begin,
                                       postgres_rig_end);
}
