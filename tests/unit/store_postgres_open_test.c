/* store_postgres_open_test.c - which database a store takes, and what it says of those that it
 * refuses.
 */
#include "store_postgres_rig.h"

#include <pthread.h>
#include <string.h>

/* ---- opening ---- */

static void a_plain_role_is_enough_and_nothing_lies_outside_the_schema(void **state) {
    struct postgres_rig *f = *state;

    postgres_rig_open(f);
    postgres_rig_accept_new(f, "e1");
    assert_int_equal(postgres_rig_sql(f, "SELECT COUNT(*) FROM fluxabot.events"), 1);
    assert_int_equal(postgres_rig_sql(f, "SELECT COUNT(*) FROM pg_class WHERE relnamespace = "
                                         "'public'::regnamespace"),
                     0);
    assert_int_equal(
        postgres_rig_sql(f,
                         "SELECT COUNT(*) FROM pg_roles WHERE rolname = 'fluxabot' AND rolsuper"),
        0);
    assert_true(postgres_rig_sql(f,
                                 "SELECT COUNT(*) FROM pg_stat_activity WHERE application_name = "
                                 "'fluxabot'") >= 1);
}

struct opener {
    struct postgres_rig *f;
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
    struct postgres_rig *f = *state;
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
    assert_int_equal(postgres_rig_sql(f, "SELECT COUNT(*) FROM fluxabot.store_version"), 1);
}

static void what_is_there_is_found_again(void **state) {
    struct postgres_rig *f = *state;

    postgres_rig_open(f);
    postgres_rig_accept_new(f, "e1");
    postgres_rig_close(f);
    postgres_rig_open(f);
    assert_true(postgres_rig_has_event(f, "e1"));
}

static void refuses_a_newer_schema_and_leaves_it_alone(void **state) {
    struct postgres_rig *f = *state;
    struct fx_error err;

    postgres_rig_open(f);
    postgres_rig_close(f);
    int64_t version = postgres_rig_sql(f, "SELECT version FROM fluxabot.store_version");
    postgres_rig_sql(f, "UPDATE fluxabot.store_version SET version = 99");
    assert_int_equal(postgres_rig_try_open(f, f->postgres->url, &err), FX_ERR_INPUT);
    assert_non_null(strstr(err.message, "newer fluxabot (schema 99"));
    assert_null(f->store);
    postgres_rig_sql(f, fx_printf(f->sc, "UPDATE fluxabot.store_version SET version = %lld",
                                  (long long)version));
    postgres_rig_open(f);
}

/* Written by the version before: whoever had decided was the only one who approved. */
static void what_was_approved_before_votes_were_kept_has_its_vote(void **state) {
    struct postgres_rig *f = *state;
    struct fx_vote **votes = NULL;
    struct fx_approval *waiting = NULL;
    struct fx_error err;
    size_t count = 0;

    postgres_rig_open(f);
    postgres_rig_close(f);
    postgres_rig_sql(
        f, "DROP TABLE fluxabot.votes; ALTER TABLE fluxabot.approvals DROP COLUMN needed;"
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
    postgres_rig_open(f);
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
    struct postgres_rig *f = *state;
    struct fx_error err;

    postgres_rig_sql(
        f, "CREATE SCHEMA fluxabot AUTHORIZATION fluxabot; CREATE TABLE fluxabot.cats (name TEXT)");
    assert_int_equal(postgres_rig_try_open(f, f->postgres->url, &err), FX_ERR_INPUT);
    assert_non_null(strstr(err.message, "another program"));
    assert_int_equal(postgres_rig_sql(f, "SELECT COUNT(*) FROM pg_class WHERE relnamespace = "
                                         "'fluxabot'::regnamespace"),
                     1);
}

static void an_empty_schema_that_was_made_for_it_is_taken(void **state) {
    struct postgres_rig *f = *state;

    postgres_rig_sql(f, "CREATE SCHEMA fluxabot AUTHORIZATION fluxabot");
    postgres_rig_open(f);
    postgres_rig_accept_new(f, "e1");
}

static void says_who_must_make_the_schema(void **state) {
    struct postgres_rig *f = *state;
    struct fx_error err;

    postgres_rig_sql(f, "DROP ROLE IF EXISTS guest");
    postgres_rig_sql(f, "CREATE ROLE guest LOGIN");
    assert_int_equal(postgres_rig_try_open(f,
                                           fx_printf(f->sc, "postgres://guest@/fluxabot?host=%s",
                                                     f->postgres->directory),
                                           &err),
                     FX_ERR_INPUT);
    assert_non_null(strstr(err.message, "CREATE SCHEMA fluxabot AUTHORIZATION \"guest\""));
}

/* ---- a server that forgets ---- */

static void assert_forgets(struct postgres_rig *f, const char *setting) {
    struct fx_error err;

    assert_int_equal(postgres_rig_try_open(f, f->postgres->url, &err), FX_ERR_INPUT);
    assert_non_null(strstr(err.message, fx_printf(f->sc, "%s = off", setting)));
    assert_non_null(strstr(err.message, fx_printf(f->sc, "set %s = on", setting)));
}

static void refuses_a_server_that_may_lose_what_it_acknowledged(void **state) {
    struct postgres_rig *f = *state;

    postgres_rig_sql(f, "ALTER ROLE fluxabot SET synchronous_commit = off");
    assert_forgets(f, "synchronous_commit");
    postgres_rig_sql(f, "ALTER ROLE fluxabot RESET synchronous_commit");
    test_postgres_stop(f->postgres);
    test_postgres_start(f->postgres, "-cfsync=off");
    assert_forgets(f, "fsync");
    test_postgres_stop(f->postgres);
    test_postgres_start(f->postgres, "-cfull_page_writes=off");
    assert_forgets(f, "full_page_writes");
    test_postgres_stop(f->postgres);
    test_postgres_start(f->postgres, NULL);
    postgres_rig_open(f);
}

static void refuses_an_encoding_that_cannot_hold_every_text(void **state) {
    struct postgres_rig *f = *state;
    struct fx_error err;

    postgres_rig_sql(f, "DROP DATABASE IF EXISTS latin");
    postgres_rig_sql(f,
                     "CREATE DATABASE latin OWNER fluxabot ENCODING 'LATIN1' TEMPLATE template0");
    assert_int_equal(postgres_rig_try_open(f,
                                           fx_printf(f->sc, "postgresql://fluxabot@/latin?host=%s",
                                                     f->postgres->directory),
                                           &err),
                     FX_ERR_INPUT);
    assert_non_null(strstr(err.message, "LATIN1"));
}

/* ---- addresses ---- */

static void no_message_repeats_the_password(void **state) {
    struct postgres_rig *f = *state;
    static const char *const urls[] = {
        "postgresql://fluxabot:hunter2@/fluxabot?host=/nowhere",
        "postgresql://fluxabot:hunter2@/fluxabot?no_such_thing=1",
        "postgresql://fluxabot:hunter2@[::1/fluxabot",
        "postgresql://fluxabot@/fluxabot?host=/nowhere&password=hunter2",
    };
    struct fx_error err;

    for (size_t i = 0; i < FX_COUNT_OF(urls); i++) {
        enum fx_code code = postgres_rig_try_open(f, urls[i], &err);
        assert_int_equal(code, i == 1 || i == 2 ? FX_ERR_INPUT : FX_ERR_UNAVAILABLE);
        assert_null(strstr(err.message, "hunter2"));
        assert_null(f->store);
    }
}

static void a_server_that_is_not_there_is_unavailable(void **state) {
    struct postgres_rig *f = *state;
    struct fx_error err;

    test_postgres_stop(f->postgres);
    assert_int_equal(postgres_rig_try_open(f, f->postgres->url, &err), FX_ERR_UNAVAILABLE);
    assert_non_null(strstr(err.message, "cannot be reached"));
    test_postgres_start(f->postgres, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        POSTGRES_TEST(a_plain_role_is_enough_and_nothing_lies_outside_the_schema),
        POSTGRES_TEST(those_that_start_at_once_make_one_schema),
        POSTGRES_TEST(what_is_there_is_found_again),
        POSTGRES_TEST(refuses_a_newer_schema_and_leaves_it_alone),
        POSTGRES_TEST(what_was_approved_before_votes_were_kept_has_its_vote),
        POSTGRES_TEST(refuses_the_schema_of_another_program),
        POSTGRES_TEST(an_empty_schema_that_was_made_for_it_is_taken),
        POSTGRES_TEST(says_who_must_make_the_schema),
        POSTGRES_TEST(refuses_a_server_that_may_lose_what_it_acknowledged),
        POSTGRES_TEST(refuses_an_encoding_that_cannot_hold_every_text),
        POSTGRES_TEST(no_message_repeats_the_password),
        POSTGRES_TEST(a_server_that_is_not_there_is_unavailable),
    };

    return cmocka_run_group_tests_name("store postgres open", tests, postgres_rig_begin,
                                       postgres_rig_end);
}
