/* store_postgres_open_test.c - which database a store takes, and what it does when that one is
 * slow, silent, restarted or broken.
 */
#include "support/test.h"

#include "fluxabot/base/clock.h"
#include "fluxabot/store.h"
#include "support/postgres.h"
#include "support/postgres_proxy.h"

#include <libpq-fe.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- fixture ---- */

struct fixture {
    struct test_postgres *postgres;
    struct postgres_proxy *proxy;
    struct fx_scope *sc;
    struct fx_store *store;
};

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof(*f));

    f->postgres = *state;
    f->sc = fx_scope_new(NULL);
    test_postgres_sql(f->postgres, "DROP SCHEMA IF EXISTS fluxabot CASCADE");
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;

    if (f->store != NULL)
        f->store->close(f->store);
    if (f->proxy != NULL)
        postgres_proxy_stop(f->proxy);
    fx_scope_free(f->sc);
    free(f);
    return 0;
}

static enum fx_code try_open(struct fixture *f, const char *url, struct fx_error *err) {
    return fx_store_open(f->sc, url, fx_clock_system(), fx_random_system(), &f->store, err);
}

static void open_store(struct fixture *f) {
    struct fx_error err;

    assert_ok(try_open(f, f->postgres->url, &err));
}

static void open_through_proxy(struct fixture *f) {
    struct fx_error err;

    f->proxy = postgres_proxy_start(f->postgres->directory);
    assert_ok(try_open(f, postgres_proxy_url(f->proxy), &err));
}

static void close_store(struct fixture *f) {
    f->store->close(f->store);
    f->store = NULL;
}

static int64_t sql(struct fixture *f, const char *text) {
    return test_postgres_sql(f->postgres, text);
}

static enum fx_code accept_one(struct fixture *f, const char *id, bool *ret_added,
                               struct fx_error *err) {
    struct fx_event event = {.id = id, .kind = "sns", .body = "{}", .received_ms = 1, .keys = {id}};

    return f->store->accept(f->store, f->sc, &event, ret_added, err);
}

static void accept_new(struct fixture *f, const char *id) {
    struct fx_error err;
    bool added = false;

    assert_ok(accept_one(f, id, &added, &err));
    assert_true(added);
}

static bool has_event(struct fixture *f, const char *id) {
    struct fx_error err;
    struct fx_event *event = NULL;

    assert_ok(f->store->event(f->store, f->sc, id, &event, &err));
    return event != NULL;
}

/* ---- opening ---- */

static void a_plain_role_is_enough_and_nothing_lies_outside_the_schema(void **state) {
    struct fixture *f = *state;

    open_store(f);
    accept_new(f, "e1");
    assert_int_equal(sql(f, "SELECT COUNT(*) FROM fluxabot.events"), 1);
    assert_int_equal(sql(f, "SELECT COUNT(*) FROM pg_class WHERE relnamespace = "
                            "'public'::regnamespace"),
                     0);
    assert_int_equal(
        sql(f, "SELECT COUNT(*) FROM pg_roles WHERE rolname = 'fluxabot' AND rolsuper"), 0);
    assert_true(sql(f, "SELECT COUNT(*) FROM pg_stat_activity WHERE application_name = "
                       "'fluxabot'") >= 1);
}

struct opener {
    struct fixture *f;
    enum fx_code code;
};
enum { OPENERS = 8 };

static void *open_and_close(void *item) {
    struct opener *opener = item;
    struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_store *store = NULL;
    struct fx_error err;

    opener->code = fx_store_open(sc, opener->f->postgres->url, fx_clock_system(),
                                 fx_random_system(), &store, &err);
    if (store != NULL)
        store->close(store);
    fx_scope_free(sc);
    return NULL;
}

static void those_that_start_at_once_make_one_schema(void **state) {
    struct fixture *f = *state;
    struct opener openers[OPENERS];
    pthread_t threads[OPENERS];

    for (int i = 0; i < OPENERS; i++) {
        openers[i] = (struct opener){.f = f, .code = FX_ERR_INTERNAL};
        assert_int_equal(pthread_create(&threads[i], NULL, open_and_close, &openers[i]), 0);
    }
    for (int i = 0; i < OPENERS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(openers[i].code, FX_OK);
    }
    assert_int_equal(sql(f, "SELECT COUNT(*) FROM fluxabot.store_version"), 1);
}

static void what_is_there_is_found_again(void **state) {
    struct fixture *f = *state;

    open_store(f);
    accept_new(f, "e1");
    close_store(f);
    open_store(f);
    assert_true(has_event(f, "e1"));
}

static void refuses_a_newer_schema_and_leaves_it_alone(void **state) {
    struct fixture *f = *state;
    struct fx_error err;

    open_store(f);
    close_store(f);
    int64_t version = sql(f, "SELECT version FROM fluxabot.store_version");
    sql(f, "UPDATE fluxabot.store_version SET version = 99");
    assert_int_equal(try_open(f, f->postgres->url, &err), FX_ERR_INPUT);
    assert_non_null(strstr(err.message, "newer fluxabot (schema 99"));
    assert_null(f->store);
    sql(f,
        fx_printf(f->sc, "UPDATE fluxabot.store_version SET version = %lld", (long long)version));
    open_store(f);
}

/* Written by the version before: whoever had decided was the only one who approved. */
static void what_was_approved_before_votes_were_kept_has_its_vote(void **state) {
    struct fixture *f = *state;
    struct fx_vote **votes = NULL;
    struct fx_approval *waiting = NULL;
    struct fx_error err;
    size_t count = 0;

    open_store(f);
    close_store(f);
    sql(f, "DROP TABLE fluxabot.votes; ALTER TABLE fluxabot.approvals DROP COLUMN needed;"
           "ALTER TABLE fluxabot.jobs DROP COLUMN deaths;"
           "DROP INDEX fluxabot.jobs_ranked; ALTER TABLE fluxabot.jobs DROP COLUMN rank;"
           "CREATE INDEX jobs_live ON fluxabot.jobs (at_ms, id) WHERE state < 2;"
           "DROP INDEX fluxabot.outbox_lane; DROP INDEX fluxabot.outbox_thread;"
           "DROP TABLE fluxabot.lanes; DROP TABLE fluxabot.storms;"
           "DROP TABLE fluxabot.storm_members; ALTER TABLE fluxabot.outbox DROP COLUMN lane,"
           "DROP COLUMN urgency, DROP COLUMN doubt, DROP COLUMN late_ms;"
           "UPDATE fluxabot.store_version SET version = 1;"
           "INSERT INTO fluxabot.runs VALUES ('r', 'fluxa', 'dev', 'dlq redrive', 'd', '{}', "
           "'slash', 'U1', 'C1', "
           "'', '', '', 4, '', 0, '{}', '', 0, '', 1, 1);"
           "INSERT INTO fluxabot.approvals (id, run, step, digest, plan_json, requester, state, "
           "created_ms, "
           "expires_ms, decided_by, decided_ms) VALUES ('yes', 'r', 'g', 'd', '{}', 'U1', 1, 1, 9, "
           "'U2', 7), ('no', 'r', 'g', 'd', '{}', 'U1', 2, 1, 9, 'U2', 7), ('waits', 'r', 'g', "
           "'d', '{}', "
           "'U1', 0, 1, 9, '', 0);");
    open_store(f);
    assert_ok(f->store->votes(f->store, f->sc, "yes", &votes, &count, &err));
    assert_int_equal(count, 1);
    assert_string_equal(votes[0]->voter, "U2");
    assert_int_equal(votes[0]->at_ms, 7);
    assert_ok(f->store->votes(f->store, f->sc, "no", &votes, &count, &err));
    assert_int_equal(count, 0);
    assert_ok(f->store->approval(f->store, f->sc, "waits", &waiting, &err));
    assert_int_equal(waiting->needed, 1);
    struct fx_approval given = {
        .id = "waits", .state = FX_APPROVAL_APPROVED, .decided_by = "U3", .decided_ms = 8};
    assert_ok(f->store->decide(f->store, f->sc, &given, NULL, &err));
}

static void refuses_the_schema_of_another_program(void **state) {
    struct fixture *f = *state;
    struct fx_error err;

    sql(f, "CREATE SCHEMA fluxabot AUTHORIZATION fluxabot; CREATE TABLE fluxabot.cats (name TEXT)");
    assert_int_equal(try_open(f, f->postgres->url, &err), FX_ERR_INPUT);
    assert_non_null(strstr(err.message, "another program"));
    assert_int_equal(sql(f, "SELECT COUNT(*) FROM pg_class WHERE relnamespace = "
                            "'fluxabot'::regnamespace"),
                     1);
}

static void an_empty_schema_that_was_made_for_it_is_taken(void **state) {
    struct fixture *f = *state;

    sql(f, "CREATE SCHEMA fluxabot AUTHORIZATION fluxabot");
    open_store(f);
    accept_new(f, "e1");
}

static void says_who_must_make_the_schema(void **state) {
    struct fixture *f = *state;
    struct fx_error err;

    sql(f, "DROP ROLE IF EXISTS guest");
    sql(f, "CREATE ROLE guest LOGIN");
    assert_int_equal(
        try_open(f, fx_printf(f->sc, "postgres://guest@/fluxabot?host=%s", f->postgres->directory),
                 &err),
        FX_ERR_INPUT);
    assert_non_null(strstr(err.message, "CREATE SCHEMA fluxabot AUTHORIZATION \"guest\""));
}

/* ---- a server that forgets ---- */

static void assert_forgets(struct fixture *f, const char *setting) {
    struct fx_error err;

    assert_int_equal(try_open(f, f->postgres->url, &err), FX_ERR_INPUT);
    assert_non_null(strstr(err.message, fx_printf(f->sc, "%s = off", setting)));
    assert_non_null(strstr(err.message, fx_printf(f->sc, "set %s = on", setting)));
}

static void refuses_a_server_that_may_lose_what_it_acknowledged(void **state) {
    struct fixture *f = *state;

    sql(f, "ALTER ROLE fluxabot SET synchronous_commit = off");
    assert_forgets(f, "synchronous_commit");
    sql(f, "ALTER ROLE fluxabot RESET synchronous_commit");
    test_postgres_stop(f->postgres);
    test_postgres_start(f->postgres, "-cfsync=off");
    assert_forgets(f, "fsync");
    test_postgres_stop(f->postgres);
    test_postgres_start(f->postgres, "-cfull_page_writes=off");
    assert_forgets(f, "full_page_writes");
    test_postgres_stop(f->postgres);
    test_postgres_start(f->postgres, NULL);
    open_store(f);
}

static void refuses_an_encoding_that_cannot_hold_every_text(void **state) {
    struct fixture *f = *state;
    struct fx_error err;

    sql(f, "DROP DATABASE IF EXISTS latin");
    sql(f, "CREATE DATABASE latin OWNER fluxabot ENCODING 'LATIN1' TEMPLATE template0");
    assert_int_equal(
        try_open(f,
                 fx_printf(f->sc, "postgresql://fluxabot@/latin?host=%s", f->postgres->directory),
                 &err),
        FX_ERR_INPUT);
    assert_non_null(strstr(err.message, "LATIN1"));
}

/* ---- addresses ---- */

static void no_message_repeats_the_password(void **state) {
    struct fixture *f = *state;
    static const char *const urls[] = {
        "postgresql://fluxabot:hunter2@/fluxabot?host=/nowhere",
        "postgresql://fluxabot:hunter2@/fluxabot?no_such_thing=1",
        "postgresql://fluxabot:hunter2@[::1/fluxabot",
        "postgresql://fluxabot@/fluxabot?host=/nowhere&password=hunter2",
    };
    struct fx_error err;

    for (size_t i = 0; i < FX_COUNT_OF(urls); i++) {
        enum fx_code code = try_open(f, urls[i], &err);
        assert_int_equal(code, i == 1 || i == 2 ? FX_ERR_INPUT : FX_ERR_UNAVAILABLE);
        assert_null(strstr(err.message, "hunter2"));
        assert_null(f->store);
    }
}

static void a_server_that_is_not_there_is_unavailable(void **state) {
    struct fixture *f = *state;
    struct fx_error err;

    test_postgres_stop(f->postgres);
    assert_int_equal(try_open(f, f->postgres->url, &err), FX_ERR_UNAVAILABLE);
    assert_non_null(strstr(err.message, "cannot be reached"));
    test_postgres_start(f->postgres, NULL);
}

/* ---- a server that comes and goes ---- */

static void a_restart_between_two_calls_is_not_noticed(void **state) {
    struct fixture *f = *state;

    open_store(f);
    accept_new(f, "e1");
    test_postgres_stop(f->postgres);
    test_postgres_start(f->postgres, NULL);
    accept_new(f, "e2");
    assert_true(has_event(f, "e1"));
}

static void a_server_that_is_away_is_waited_for_but_not_for_ever(void **state) {
    struct fixture *f = *state;
    struct fx_error err;
    bool added = false;

    open_store(f);
    test_postgres_kill(f->postgres);
    assert_int_equal(accept_one(f, "e1", &added, &err), FX_ERR_UNAVAILABLE);
    assert_false(err.sent); /* it did not even begin */
    test_postgres_start(f->postgres, NULL);
    /* it may still believe that nobody is there, for as long as its last pause */
    while (accept_one(f, "e1", &added, &err) != FX_OK)
        ;
    assert_true(added);
}

static void a_server_that_is_away_is_not_stormed(void **state) {
    struct fixture *f = *state;
    struct fx_error err;
    bool added = false;

    open_through_proxy(f);
    int64_t before = postgres_proxy_connections(f->proxy);
    test_postgres_kill(f->postgres);
    assert_int_equal(accept_one(f, "e1", &added, &err), FX_ERR_UNAVAILABLE);
    assert_true(postgres_proxy_connections(f->proxy) > before);
    assert_true(postgres_proxy_connections(f->proxy) <= before + 20);
    test_postgres_start(f->postgres, NULL);
}

static void a_silent_server_is_given_up_and_taken_back(void **state) {
    struct fixture *f = *state;
    struct fx_error err;
    bool added = false;

    open_through_proxy(f);
    accept_new(f, "e1");
    postgres_proxy_silence(f->proxy, true);
    assert_int_equal(accept_one(f, "e2", &added, &err), FX_ERR_UNAVAILABLE);
    postgres_proxy_silence(f->proxy, false);
    while (accept_one(f, "e2", &added, &err) != FX_OK)
        ;
    assert_true(has_event(f, "e1"));
    assert_true(has_event(f, "e2"));
}

/* ---- lost answers ---- */

/* Of an accept when nothing is prepared any more: BEGIN and all keys, all events, COMMIT. */
enum { REQUEST_KEYS = 1, REQUEST_EVENTS = 2, REQUEST_COMMIT = 3 };

static void what_is_lost_before_the_commit_is_done_again(void **state) {
    struct fixture *f = *state;
    const char *id = NULL;

    open_through_proxy(f);
    accept_new(f, "e0");
    for (int n = REQUEST_KEYS; n <= REQUEST_EVENTS; n++)
        for (int when = FAULT_BEFORE; when <= FAULT_AFTER; when++) {
            id = fx_printf(f->sc, "e%d-%d", n, when);
            postgres_proxy_arm(f->proxy, n, (enum fault_when)when);
            accept_new(f, id);
            assert_true(postgres_proxy_fired(f->proxy));
            assert_true(has_event(f, id));
            accept_new(f, fx_printf(f->sc, "%s-warm", id));
        }
}

static void a_commit_whose_answer_is_lost_may_be_done(void **state) {
    struct fixture *f = *state;
    struct fx_error err;
    bool added = false;

    open_through_proxy(f);
    accept_new(f, "e0");
    postgres_proxy_arm(f->proxy, REQUEST_COMMIT, FAULT_AFTER);
    assert_int_equal(accept_one(f, "e1", &added, &err), FX_ERR_UNAVAILABLE);
    assert_true(postgres_proxy_fired(f->proxy));
    assert_true(err.sent);
    assert_non_null(strstr(err.message, "may be done"));
    assert_ok(accept_one(f, "e1", &added, &err));
    assert_false(added); /* it was */
    accept_new(f, "e1-warm");

    postgres_proxy_arm(f->proxy, REQUEST_COMMIT, FAULT_BEFORE);
    assert_int_equal(accept_one(f, "e2", &added, &err), FX_ERR_UNAVAILABLE);
    assert_true(err.sent);
    assert_ok(accept_one(f, "e2", &added, &err));
    assert_true(added); /* it was not */
}

/* Somebody loses patience with a commit that waits for a standby: PostgreSQL then says COMMIT all
 * the same, with a warning. */
struct impatience {
    struct fixture *f;
    _Atomic bool over;
};

static void *cancel_every_wait(void *item) {
    struct impatience *impatience = item;

    while (!atomic_load(&impatience->over))
        sql(impatience->f, "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE "
                           "application_name = 'fluxabot' AND wait_event = 'SyncRep'");
    return NULL;
}

static void a_commit_that_no_standby_confirmed_is_not_acknowledged(void **state) {
    struct fixture *f = *state;
    struct impatience impatience = {.f = f};
    struct fx_error err;
    pthread_t thread;
    bool added = false;

    open_store(f);
    sql(f, "ALTER SYSTEM SET synchronous_standby_names = 'ghost'");
    sql(f, "SELECT pg_reload_conf()");
    while (sql(f, "SELECT COUNT(*) FROM pg_settings WHERE name = 'synchronous_standby_names' AND "
                  "setting = 'ghost'") == 0)
        ;
    assert_int_equal(pthread_create(&thread, NULL, cancel_every_wait, &impatience), 0);
    /* the process of PostgreSQL that puts the setting into force may be slower than the one that
     * shows it */
    enum fx_code code = FX_OK;
    const char *id = "";

    for (int i = 0; code == FX_OK && i < 1000; i++)
        code = accept_one(f, id = fx_printf(f->sc, "e%d", i), &added, &err);
    atomic_store(&impatience.over, true);
    pthread_join(thread, NULL);
    assert_int_equal(code, FX_ERR_UNAVAILABLE);
    assert_true(err.sent);
    assert_non_null(strstr(err.message, "standby"));
    sql(f, "ALTER SYSTEM RESET synchronous_standby_names");
    sql(f, "SELECT pg_reload_conf()");
    assert_ok(accept_one(f, id, &added, &err));
    assert_false(added);
}

/* ---- transactions that stand in each other's way ---- */

/* The first so many jobs fail like a transaction that PostgreSQL has ended for another's sake. A
 * sequence counts, because what it gave is not taken back. */
static void fail_jobs(struct fixture *f, int times, const char *state) {
    sql(f, "CREATE SEQUENCE fluxabot.tries; GRANT USAGE ON fluxabot.tries TO fluxabot");
    sql(f, fx_printf(f->sc,
                     "CREATE FUNCTION fluxabot.fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                     "IF nextval('fluxabot.tries') <= %d THEN RAISE EXCEPTION 'not now' USING "
                     "ERRCODE = '%s'; END IF; RETURN NEW; END $$",
                     times, state));
    sql(f, "CREATE TRIGGER fail BEFORE INSERT ON fluxabot.jobs FOR EACH ROW EXECUTE FUNCTION "
           "fluxabot.fail()");
}

static enum fx_code write_job(struct fixture *f, struct fx_error *err) {
    struct fx_writes w = {0};

    fx_writes_job(f->sc, &w, "run", "r1", 5);
    fx_writes_audit(f->sc, &w, "U1", "a", "r1", NULL);
    return f->store->write(f->store, f->sc, NULL, &w, err);
}

static void a_transaction_that_was_in_the_way_is_tried_again(void **state) {
    struct fixture *f = *state;
    struct fx_error err;

    open_store(f);
    fail_jobs(f, 2, "40001");
    assert_ok(write_job(f, &err));
    assert_int_equal(sql(f, "SELECT last_value FROM fluxabot.tries"), 3);
    assert_int_equal(sql(f, "SELECT COUNT(*) FROM fluxabot.jobs"), 1);
    assert_int_equal(sql(f, "SELECT COUNT(*) FROM fluxabot.audit"), 1);
}

static void but_not_for_ever(void **state) {
    struct fixture *f = *state;
    struct fx_error err;

    open_store(f);
    fail_jobs(f, 1000, "40P01");
    assert_int_equal(write_job(f, &err), FX_ERR_UNAVAILABLE);
    assert_string_equal(err.upstream, "40P01");
    assert_true(sql(f, "SELECT last_value FROM fluxabot.tries") <= 10);
    assert_int_equal(sql(f, "SELECT COUNT(*) FROM fluxabot.jobs"), 0);
}

static void what_is_wrong_is_not_tried_again(void **state) {
    struct fixture *f = *state;
    struct fx_error err;

    open_store(f);
    fail_jobs(f, 1000, "P0001");
    assert_int_equal(write_job(f, &err), FX_ERR_INTERNAL);
    assert_non_null(strstr(err.message, "job_add"));
    assert_int_equal(sql(f, "SELECT last_value FROM fluxabot.tries"), 1);
}

static PGconn *lock_events(struct fixture *f) {
    PGconn *other = PQconnectdb(
        fx_printf(f->sc, "postgresql://superuser@/fluxabot?host=%s", f->postgres->directory));

    PQclear(PQexec(other, "BEGIN; LOCK TABLE fluxabot.events"));
    return other;
}

static void a_lock_that_another_holds_stops_nothing_for_good(void **state) {
    struct fixture *f = *state;
    struct fx_error err;
    bool added = false;

    open_store(f);
    PGconn *other = lock_events(f);
    assert_int_equal(accept_one(f, "e1", &added, &err), FX_ERR_UNAVAILABLE);
    assert_false(err.sent);
    PQfinish(other);
    accept_new(f, "e1");
}

/* ---- many at once ---- */

enum { SENDERS = 32 };
struct sender {
    struct fixture *f;
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
static void send_all(struct fixture *f, struct sender senders[SENDERS]) {
    pthread_t threads[SENDERS];
    _Atomic int started = 0;
    PGconn *other = lock_events(f);

    for (int i = 0; i < SENDERS; i++) {
        senders[i] = (struct sender){.f = f, .n = i, .started = &started};
        assert_int_equal(pthread_create(&threads[i], NULL, send_one, &senders[i]), 0);
    }
    while (atomic_load(&started) < SENDERS ||
           sql(f, "SELECT COUNT(*) FROM pg_locks WHERE NOT granted") == 0)
        ;
    PQfinish(other);
    for (int i = 0; i < SENDERS; i++)
        pthread_join(threads[i], NULL);
}

static void those_who_wait_together_share_a_commit(void **state) {
    struct fixture *f = *state;
    struct sender senders[SENDERS];

    open_store(f);
    send_all(f, senders);
    for (int i = 0; i < SENDERS; i++)
        assert_int_equal(senders[i].code, FX_OK);
    assert_int_equal(sql(f, "SELECT COUNT(*) FROM fluxabot.events"), SENDERS);
    /* the rows of one transaction bear its number */
    assert_true(sql(f, "SELECT COUNT(DISTINCT xmin::text) FROM fluxabot.events") <= SENDERS / 4);
}

static void an_event_without_its_job_is_undone_and_its_neighbours_are_kept(void **state) {
    struct fixture *f = *state;
    struct sender senders[SENDERS];

    open_store(f);
    sql(f, "CREATE FUNCTION fluxabot.no_job() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
           "IF substr(NEW.subject, 2)::int % 4 = 3 THEN RAISE EXCEPTION 'no'; END IF; "
           "RETURN NEW; END $$");
    sql(f, "CREATE TRIGGER no_job BEFORE INSERT ON fluxabot.jobs FOR EACH ROW EXECUTE FUNCTION "
           "fluxabot.no_job()");
    send_all(f, senders);
    for (int i = 0; i < SENDERS; i++) {
        assert_int_equal(senders[i].code, i % 4 == 3 ? FX_ERR_INTERNAL : FX_OK);
        assert_true(has_event(f, fx_printf(f->sc, "s%d", i)) == (i % 4 != 3));
    }
}

enum { CROWD = 60, WRITES_EACH = 10 };
struct writer {
    struct fixture *f;
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
    struct fixture *f = *state;
    struct writer writers[CROWD];
    pthread_t threads[CROWD];
    struct fx_error err;
    const char *head = NULL;
    int64_t rows = 0, bad_n = 0;

    open_store(f);
    for (int i = 0; i < CROWD; i++) {
        writers[i] = (struct writer){.f = f};
        assert_int_equal(pthread_create(&threads[i], NULL, write_some, &writers[i]), 0);
    }
    for (int i = 0; i < CROWD; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(writers[i].failed, 0);
    }
    assert_true(sql(f, "SELECT COUNT(*) FROM pg_stat_activity WHERE application_name = "
                       "'fluxabot'") < CROWD);
    assert_ok(fx_audit_verify(f->store, f->sc, &rows, &bad_n, &head, &err));
    assert_int_equal(rows, CROWD * WRITES_EACH);
    assert_int_equal(bad_n, 0);

    /* all of them are dead after a restart, and none of that is noticed */
    test_postgres_stop(f->postgres);
    test_postgres_start(f->postgres, NULL);
    assert_false(has_event(f, "e1"));
}

int main(void) {
    struct test_postgres postgres;

#define OPEN_TEST(test)                                                                            \
    { #test, test, setup, teardown, &postgres }
    const struct CMUnitTest tests[] = {
        OPEN_TEST(a_plain_role_is_enough_and_nothing_lies_outside_the_schema),
        OPEN_TEST(those_that_start_at_once_make_one_schema),
        OPEN_TEST(what_is_there_is_found_again),
        OPEN_TEST(refuses_a_newer_schema_and_leaves_it_alone),
        OPEN_TEST(what_was_approved_before_votes_were_kept_has_its_vote),
        OPEN_TEST(refuses_the_schema_of_another_program),
        OPEN_TEST(an_empty_schema_that_was_made_for_it_is_taken),
        OPEN_TEST(says_who_must_make_the_schema),
        OPEN_TEST(refuses_a_server_that_may_lose_what_it_acknowledged),
        OPEN_TEST(refuses_an_encoding_that_cannot_hold_every_text),
        OPEN_TEST(no_message_repeats_the_password),
        OPEN_TEST(a_server_that_is_not_there_is_unavailable),
        OPEN_TEST(a_restart_between_two_calls_is_not_noticed),
        OPEN_TEST(a_server_that_is_away_is_waited_for_but_not_for_ever),
        OPEN_TEST(a_server_that_is_away_is_not_stormed),
        OPEN_TEST(a_silent_server_is_given_up_and_taken_back),
        OPEN_TEST(what_is_lost_before_the_commit_is_done_again),
        OPEN_TEST(a_commit_whose_answer_is_lost_may_be_done),
        OPEN_TEST(a_commit_that_no_standby_confirmed_is_not_acknowledged),
        OPEN_TEST(a_transaction_that_was_in_the_way_is_tried_again),
        OPEN_TEST(but_not_for_ever),
        OPEN_TEST(what_is_wrong_is_not_tried_again),
        OPEN_TEST(a_lock_that_another_holds_stops_nothing_for_good),
        OPEN_TEST(those_who_wait_together_share_a_commit),
        OPEN_TEST(an_event_without_its_job_is_undone_and_its_neighbours_are_kept),
        OPEN_TEST(more_callers_than_connections_take_turns),
    };

    test_postgres_make(&postgres);
    test_postgres_start(&postgres, NULL);
    int failed = cmocka_run_group_tests_name("store postgres open", tests, NULL, NULL);
    test_postgres_remove(&postgres);
    return failed;
}
