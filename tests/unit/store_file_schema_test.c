/* store_file_schema_test.c - a SQLite file that another version wrote: an older one is brought up
 * to date with all that waits in it, a newer one is left alone.
 */
#include "store_file_rig.h"

#include <sqlite3.h>
#include <string.h>

static int schema_of(struct file_rig *f) {
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;

    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    int version = sqlite3_column_int(stmt, 0);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return version;
}

static void refuses_a_newer_schema_and_leaves_it_alone(void **state) {
    struct file_rig *f = *state;
    struct fx_error err;

    file_rig_open(f);
    file_rig_close(f);
    int version = schema_of(f);
    file_rig_sql(f, "PRAGMA user_version = 99");
    assert_int_equal(file_rig_try_open(f, &err), FX_ERR_INPUT);
    assert_non_null(strstr(err.message, "newer fluxabot (schema 99"));
    assert_non_null(strstr(err.message, "start the newer program"));
    assert_null(f->store);
    file_rig_sql(f, fx_printf(f->sc, "PRAGMA user_version = %d", version));
    file_rig_open(f);
}

/* Written by the version before: whoever had decided was the only one who approved. */
static void what_was_approved_before_votes_were_kept_has_its_vote(void **state) {
    struct file_rig *f = *state;
    struct fx_vote **votes = NULL;
    struct fx_approval *waiting = NULL;
    struct fx_error err;
    size_t count = 0;

    file_rig_open(f);
    file_rig_close(f);
    file_rig_sql(
        f, "DROP INDEX jobs_leased; DROP INDEX jobs_ready; "
           "CREATE INDEX jobs_subject ON jobs (kind, subject) WHERE state < 2; "
           "DROP INDEX outbox_lane; DROP INDEX outbox_thread; DROP TABLE lanes; "
           "DROP TABLE storms; DROP TABLE storm_members; ALTER TABLE outbox DROP COLUMN lane; "
           "ALTER TABLE outbox DROP COLUMN urgency; ALTER TABLE outbox DROP COLUMN doubt; "
           "ALTER TABLE outbox DROP COLUMN late_ms; "
           "DROP TABLE votes; ALTER TABLE approvals DROP COLUMN needed; "
           "ALTER TABLE jobs DROP COLUMN deaths; DROP INDEX jobs_ranked; "
           "ALTER TABLE jobs DROP COLUMN rank; "
           "CREATE INDEX jobs_live ON jobs (at_ms, id) WHERE state < 2; PRAGMA user_version = 1;"
           "INSERT INTO runs VALUES ('r', 'fluxa', 'dev', 'dlq redrive', 'd', '{}', 'slash', 'U1', "
           "'C1', "
           "'', '', '', 4, '', 0, '{}', '', 0, '', 1, 1);"
           "INSERT INTO approvals (id, run, step, digest, plan_json, requester, state, created_ms, "
           "expires_ms, decided_by, decided_ms) VALUES ('yes', 'r', 'g', 'd', '{}', 'U1', 1, 1, 9, "
           "'U2', 7), ('no', 'r', 'g', 'd', '{}', 'U1', 2, 1, 9, 'U2', 7), ('waits', 'r', 'g', "
           "'d', '{}', "
           "'U1', 0, 1, 9, '', 0);");
    file_rig_open(f);
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

/* What waits in a file of the first schema is still sent, in its lane. */
static void brings_an_older_file_up_to_date(void **state) {
    struct file_rig *f = *state;
    struct fx_writes w = {0};
    struct fx_message **messages = NULL;
    struct fx_error err;
    size_t count = 0;
    int64_t next_ms = 0;

    file_rig_open(f);
    fx_writes_message(f->sc, &w,
                      &(struct fx_message){.kind = FX_MESSAGE_PUT, .key = "a", .channel = "C1"});
    assert_ok(f->store->write(f->store, f->sc, NULL, &w, &err));
    file_rig_close(f);
    file_rig_sql(
        f, "DROP INDEX jobs_leased; DROP INDEX jobs_ready; "
           "CREATE INDEX jobs_subject ON jobs (kind, subject) WHERE state < 2; "
           "DROP INDEX outbox_lane; DROP INDEX outbox_thread; DROP TABLE lanes; "
           "DROP TABLE storms; DROP TABLE storm_members; ALTER TABLE outbox DROP COLUMN lane; "
           "ALTER TABLE outbox DROP COLUMN urgency; ALTER TABLE outbox DROP COLUMN doubt; "
           "ALTER TABLE outbox DROP COLUMN late_ms; "
           "DROP TABLE votes; ALTER TABLE approvals DROP COLUMN needed; "
           "ALTER TABLE jobs DROP COLUMN deaths; DROP INDEX jobs_ranked; "
           "ALTER TABLE jobs DROP COLUMN rank; "
           "CREATE INDEX jobs_live ON jobs (at_ms, id) WHERE state < 2; PRAGMA user_version = 1");
    file_rig_open(f);
    assert_ok(f->store->outbox_ready(f->store, f->sc, 100, 10, &messages, &count, &next_ms, &err));
    assert_int_equal(count, 1);
    assert_string_equal(messages[0]->lane, "post C1");
}

/* Written by a version that did not know who waits for a job. */
static void what_people_wait_for_in_an_older_file_comes_first(void **state) {
    static const char *const order[] = {"click", "asked", "approval", "alarm", "triage"};
    struct file_rig *f = *state;
    struct fx_error err;

    file_rig_open(f);
    file_rig_close(f);
    file_rig_sql(
        f, "DROP INDEX jobs_leased; DROP INDEX jobs_ready; "
           "CREATE INDEX jobs_subject ON jobs (kind, subject) WHERE state < 2; "
           "ALTER TABLE outbox DROP COLUMN late_ms; "
           "DROP INDEX jobs_ranked; ALTER TABLE jobs DROP COLUMN rank; "
           "CREATE INDEX jobs_live ON jobs (at_ms, id) WHERE state < 2; "
           "DROP INDEX storm_members_incident; DROP INDEX storm_members_worst; "
           "DROP INDEX storm_members_kinds; ALTER TABLE storm_members DROP COLUMN state; "
           "PRAGMA user_version = 4;"
           "INSERT INTO events VALUES ('alarm', 'sns', '', 1, 1, '', '', ''), "
           "('click', 'slack.interaction', '', 1, 1, '', '', '');"
           "INSERT INTO runs VALUES "
           "('triage', 'fluxa', 'dev', 'dlq', 'd', '{}', 'alarm', '', 'C1', '', '', '', 0, '', 0, "
           "'{}', '', 0, '', 1, 1), "
           "('asked', 'fluxa', 'dev', 'dlq', 'd', '{}', 'slash', 'U1', 'C1', '', '', '', 0, '', 0, "
           "'{}', '', 0, '', 1, 1);"
           "INSERT INTO jobs (kind, subject, due_ms, at_ms) VALUES ('event', 'alarm', 1, 1), "
           "('run', 'triage', 1, 1), ('event', 'click', 1, 1), ('run', 'asked', 1, 1), "
           "('expire', 'approval', 1, 1);");
    file_rig_open(f);
    for (size_t i = 0; i < FX_COUNT_OF(order); i++) {
        struct fx_job *job = NULL;
        int64_t next_ms = 0;

        assert_ok(f->store->claim(f->store, f->sc, "w", 10, 1000, &job, &next_ms, &err));
        assert_non_null(job);
        assert_string_equal(job->subject, order[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FILE_TEST(refuses_a_newer_schema_and_leaves_it_alone),
        FILE_TEST(what_was_approved_before_votes_were_kept_has_its_vote),
        FILE_TEST(brings_an_older_file_up_to_date),
        FILE_TEST(what_people_wait_for_in_an_older_file_comes_first),
    };

    return cmocka_run_group_tests_name("store file schema", tests, NULL, NULL);
}
