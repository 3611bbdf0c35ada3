/* store_file_test.c - the SQLite file: whose it is, who may read it, what tampering and broken
 * disks lead to.
 */
#include "support/test.h"

#include "fluxabot/base/clock.h"
#include "fluxabot/store.h"
#include "support/test_disk.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct test_disk *disk;

/* ---- fixture ---- */

struct fixture {
    char directory[64];
    char path[80];
    char url[96];
    struct fx_scope *sc;
    struct fx_store *store;
};

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof(*f));

    test_disk_reset(disk);
    snprintf(f->directory, sizeof(f->directory), "%s/fluxabot-file-XXXXXX", test_disk_directory());
    assert_non_null(mkdtemp(f->directory));
    snprintf(f->path, sizeof(f->path), "%s/t.db", f->directory);
    snprintf(f->url, sizeof(f->url), "sqlite://%s", f->path);
    f->sc = fx_scope_new(NULL);
    *state = f;
    return 0;
}

static void remove_beside(struct fixture *f, const char *suffix) {
    char path[128];

    snprintf(path, sizeof(path), "%s%s", f->path, suffix);
    unlink(path);
}

static int teardown(void **state) {
    struct fixture *f = *state;

    if (f->store != NULL)
        f->store->close(f->store);
    remove_beside(f, "");
    remove_beside(f, "-wal");
    remove_beside(f, "-shm");
    rmdir(f->directory);
    fx_scope_free(f->sc);
    free(f);
    return 0;
}

static enum fx_code try_open(struct fixture *f, struct fx_error *err) {
    return fx_store_open(f->sc, f->url, fx_clock_system(), fx_random_system(), &f->store, err);
}

static void open_store(struct fixture *f) {
    struct fx_error err;

    assert_ok(try_open(f, &err));
}

static void close_store(struct fixture *f) {
    f->store->close(f->store);
    f->store = NULL;
}

/* Speaks to the file behind the store's back. */
static void sql(struct fixture *f, const char *text) {
    sqlite3 *db = NULL;

    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 5000);
    char *message = NULL;
    if (sqlite3_exec(db, text, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s: %s", text, message);
    sqlite3_close(db);
}

static int schema_of(struct fixture *f) {
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

static enum fx_code accept_one(struct fixture *f, const char *id, struct fx_error *err) {
    struct fx_event event = {.id = id, .kind = "sns", .body = "{}", .received_ms = 1};
    bool added = false;

    return f->store->accept(f->store, f->sc, &event, &added, err);
}

static bool has_event(struct fixture *f, const char *id) {
    struct fx_error err;
    struct fx_event *event = NULL;

    assert_ok(f->store->event(f->store, f->sc, id, &event, &err));
    return event != NULL;
}

/* ---- opening ---- */

static void the_files_are_for_their_owner_only(void **state) {
    struct fixture *f = *state;
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    struct fx_error err;
    mode_t old = umask(0);

    open_store(f);
    assert_ok(accept_one(f, "e1", &err));
    umask(old);
    for (size_t i = 0; i < FX_COUNT_OF(suffixes); i++) {
        char path[128];
        struct stat st;
        snprintf(path, sizeof(path), "%s%s", f->path, suffixes[i]);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
    close_store(f);
    assert_int_equal(chmod(f->path, 0644), 0);
    open_store(f);
    struct stat st;
    assert_int_equal(stat(f->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void refuses_a_newer_schema_and_leaves_it_alone(void **state) {
    struct fixture *f = *state;
    struct fx_error err;

    open_store(f);
    close_store(f);
    int version = schema_of(f);
    sql(f, "PRAGMA user_version = 99");
    assert_int_equal(try_open(f, &err), FX_ERR_INPUT);
    assert_non_null(strstr(err.message, "newer fluxabot (schema 99"));
    assert_non_null(strstr(err.message, "start the newer program"));
    assert_null(f->store);
    sql(f, fx_printf(f->sc, "PRAGMA user_version = %d", version));
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
    sql(f, "DROP INDEX jobs_leased; DROP INDEX jobs_ready; "
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

/* What waits in a file of the first schema is still sent, in its lane. */
static void brings_an_older_file_up_to_date(void **state) {
    struct fixture *f = *state;
    struct fx_writes w = {0};
    struct fx_message **messages = NULL;
    struct fx_error err;
    size_t count = 0;
    int64_t next_ms = 0;

    open_store(f);
    fx_writes_message(f->sc, &w,
                      &(struct fx_message){.kind = FX_MESSAGE_PUT, .key = "a", .channel = "C1"});
    assert_ok(f->store->write(f->store, f->sc, NULL, &w, &err));
    close_store(f);
    sql(f, "DROP INDEX jobs_leased; DROP INDEX jobs_ready; "
           "CREATE INDEX jobs_subject ON jobs (kind, subject) WHERE state < 2; "
           "DROP INDEX outbox_lane; DROP INDEX outbox_thread; DROP TABLE lanes; "
           "DROP TABLE storms; DROP TABLE storm_members; ALTER TABLE outbox DROP COLUMN lane; "
           "ALTER TABLE outbox DROP COLUMN urgency; ALTER TABLE outbox DROP COLUMN doubt; "
           "ALTER TABLE outbox DROP COLUMN late_ms; "
           "DROP TABLE votes; ALTER TABLE approvals DROP COLUMN needed; "
           "ALTER TABLE jobs DROP COLUMN deaths; DROP INDEX jobs_ranked; "
           "ALTER TABLE jobs DROP COLUMN rank; "
           "CREATE INDEX jobs_live ON jobs (at_ms, id) WHERE state < 2; PRAGMA user_version = 1");
    open_store(f);
    assert_ok(f->store->outbox_ready(f->store, f->sc, 100, 10, &messages, &count, &next_ms, &err));
    assert_int_equal(count, 1);
    assert_string_equal(messages[0]->lane, "post C1");
}

/* Written by a version that did not know who waits for a job. */
static void what_people_wait_for_in_an_older_file_comes_first(void **state) {
    static const char *const order[] = {"click", "asked", "approval", "alarm", "triage"};
    struct fixture *f = *state;
    struct fx_error err;

    open_store(f);
    close_store(f);
    sql(f, "DROP INDEX jobs_leased; DROP INDEX jobs_ready; "
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
    open_store(f);
    for (size_t i = 0; i < FX_COUNT_OF(order); i++) {
        struct fx_job *job = NULL;
        int64_t next_ms = 0;

        assert_ok(f->store->claim(f->store, f->sc, "w", 10, 1000, &job, &next_ms, &err));
        assert_non_null(job);
        assert_string_equal(job->subject, order[i]);
    }
}

static void refuses_the_database_of_another_program_and_leaves_it_alone(void **state) {
    struct fixture *f = *state;
    struct fx_error err;

    sql(f, "CREATE TABLE cats (name TEXT); INSERT INTO cats VALUES ('Mia')");
    assert_int_equal(try_open(f, &err), FX_ERR_INPUT);
    assert_non_null(strstr(err.message, "another program"));
    sql(f, "PRAGMA application_id = 77");
    assert_int_equal(try_open(f, &err), FX_ERR_INPUT);
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA journal_mode", -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(stmt, 0), "delete");
    sqlite3_finalize(stmt);
    sqlite3_close(db);
}

static void refuses_a_file_that_is_no_database(void **state) {
    struct fixture *f = *state;
    struct fx_error err;
    FILE *file = fopen(f->path, "w");

    for (int i = 0; i < 200; i++)
        fputs("remember the milk\n", file);
    fclose(file);
    assert_int_equal(try_open(f, &err), FX_ERR_INPUT);
    assert_non_null(strstr(err.message, "no SQLite database"));
}

static void refuses_a_damaged_database(void **state) {
    struct fixture *f = *state;
    struct fx_error err;
    char junk[2048];
    char id[32];

    open_store(f);
    for (int i = 0; i < 300; i++) {
        snprintf(id, sizeof(id), "event-%d", i);
        assert_ok(accept_one(f, id, &err));
    }
    close_store(f);
    FILE *file = fopen(f->path, "r+");
    memset(junk, 0x5a, sizeof(junk));
    /* pages of the tables that have grown lie behind the roots of all */
    fseek(file, -5 * 4096, SEEK_END);
    fwrite(junk, 1, sizeof(junk), file);
    fclose(file);
    assert_int_equal(try_open(f, &err), FX_ERR_UNAVAILABLE);
    assert_non_null(strstr(err.message, "damaged"));
    assert_non_null(strstr(err.message, "backup"));
}

static void names_the_fix_for_a_directory_it_cannot_use(void **state) {
    struct fixture *f = *state;
    struct fx_error err;

    snprintf(f->url, sizeof(f->url), "sqlite://%s/no/t.db", f->directory);
    assert_int_equal(try_open(f, &err), FX_ERR_INPUT);
    assert_non_null(strstr(err.message, "install -d -m 0700"));
    snprintf(f->url, sizeof(f->url), "sqlite://%s/", f->directory);
    assert_int_equal(try_open(f, &err), FX_ERR_INPUT);
    assert_non_null(strstr(err.message, "no file"));
    snprintf(f->url, sizeof(f->url), "sqlite:///");
    assert_int_equal(try_open(f, &err), FX_ERR_INPUT);
    snprintf(f->url, sizeof(f->url), "sqlite:///tmp");
    assert_int_equal(try_open(f, &err), FX_ERR_INPUT);
    assert_non_null(strstr(err.message, "not a file"));
}

/* Root may write anywhere, so somebody else has to try. */
static void says_who_cannot_write(void **state) {
    struct fixture *f = *state;

    assert_int_equal(chmod(f->directory, 0555), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct fx_error err;
        bool other = geteuid() != 0 || (setgid(65534) == 0 && setuid(65534) == 0);
        bool refused = other && try_open(f, &err) == FX_ERR_INPUT &&
                       strstr(err.message, "not writable for user") != NULL &&
                       strstr(err.message, "chown") != NULL;
        _exit(refused ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(chmod(f->directory, 0755), 0);
    assert_int_equal(status, 0);
}

static void refuses_addresses_that_are_not_a_store(void **state) {
    struct fixture *f = *state;
    static const char *const urls[] = {
        "",          "sqlite",          "sqlite:",       "sqlite://", "sqlite://tmp/t.db",
        "mysql://x", "postgresql:h/db", "file:/tmp/t.db"};
    struct fx_error err;

    for (size_t i = 0; i < FX_COUNT_OF(urls); i++) {
        snprintf(f->url, sizeof(f->url), "%s", urls[i]);
        assert_int_equal(try_open(f, &err), FX_ERR_INPUT);
        assert_non_null(strstr(err.message, "store.url"));
        assert_null(f->store);
    }
}

/* ":memory:" would be forgotten at exit without a word. */
static void a_special_name_is_an_ordinary_file(void **state) {
    struct fixture *f = *state;
    struct fx_error err;
    char before[256];

    assert_non_null(getcwd(before, sizeof(before)));
    assert_int_equal(chdir(f->directory), 0);
    snprintf(f->url, sizeof(f->url), "sqlite::memory:");
    open_store(f);
    assert_ok(accept_one(f, "e1", &err));
    close_store(f);
    open_store(f);
    assert_true(has_event(f, "e1"));
    close_store(f);
    assert_int_equal(unlink(":memory:"), 0);
    assert_int_equal(chdir(before), 0);
}

static void two_connections_share_one_file(void **state) {
    struct fixture *f = *state;
    struct fx_error err;
    struct fx_store *other = NULL;
    bool added = true;
    struct fx_event event = {.id = "e1", .kind = "sns", .body = "{}", .keys = {"k"}};

    open_store(f);
    assert_ok(fx_store_open(f->sc, f->url, fx_clock_system(), fx_random_system(), &other, &err));
    assert_ok(f->store->accept(f->store, f->sc, &event, &added, &err));
    assert_true(added);
    assert_ok(other->accept(other, f->sc, &event, &added, &err));
    assert_false(added);
    other->close(other);
}

/* ---- the audit chain against somebody who has the file ---- */

enum { AUDITED = 1200, LOOKED_AT = 601 }; /* more than a page of the walk */

static int64_t bad_row(struct fixture *f) {
    struct fx_error err;
    const char *head = NULL;
    int64_t rows = 0;
    int64_t bad_n = -1;

    assert_ok(fx_audit_verify(f->store, f->sc, &rows, &bad_n, &head, &err));
    return bad_n;
}

static void write_audits(struct fixture *f) {
    struct fx_error err;
    struct fx_writes w = {0};

    for (int i = 0; i < AUDITED; i++)
        fx_writes_audit(f->sc, &w, i % 2 == 0 ? "U1" : "U2", "a", fx_printf(f->sc, "s%d", i), NULL);
    assert_ok(f->store->write(f->store, f->sc, NULL, &w, &err));
}

struct tampering {
    const char *sql;
    int64_t bad_n;
};

static void finds_every_way_to_change_the_past(void **state) {
    struct fixture *f = *state;
    static const struct tampering tamperings[] = {
        {"UPDATE audit SET actor = 'U9' WHERE n = 601", 601},
        {"UPDATE audit SET action = action || ' ' WHERE n = 601", 601},
        {"UPDATE audit SET subject = 'S601' WHERE n = 601", 601},
        {"UPDATE audit SET detail_json = '{\"x\":1}' WHERE n = 601", 601},
        {"UPDATE audit SET detail_json = '{}' || char(0) || 'hidden' WHERE n = 601", 601},
        {"UPDATE audit SET at_ms = at_ms + 1 WHERE n = 601", 601},
        {"UPDATE audit SET hash = substr(hash, 1, 63) || 'g' WHERE n = 601", 601},
        {"UPDATE audit SET hash = '' WHERE n = 601", 601},
        {"UPDATE audit SET previous_hash = hash WHERE n = 601", 601},
        {"DELETE FROM audit WHERE n = 601", 602},
        {"DELETE FROM audit WHERE n BETWEEN 500 AND 601", 602},
        {"DELETE FROM audit WHERE n <= 601", 602},
        {"DELETE FROM audit WHERE n = 1", 2},
        {"UPDATE audit SET n = -1 WHERE n = 601; UPDATE audit SET n = 601 WHERE n = 602; "
         "UPDATE audit SET n = 602 WHERE n = -1",
         601},
        {"DELETE FROM audit WHERE n = 601; UPDATE audit SET n = -n WHERE n > 601; "
         "UPDATE audit SET n = -n - 1 WHERE n < 0",
         601},
        {"INSERT INTO audit SELECT 0, at_ms, actor, action, subject, detail_json, previous_hash, "
         "hash FROM audit WHERE n = 1",
         1},
        {"UPDATE audit SET n = -5 WHERE n = 601", 1},
        {"INSERT INTO audit SELECT 1201, at_ms, actor, action, subject, detail_json, "
         "previous_hash, hash FROM audit WHERE n = 1200",
         1201},
    };

    open_store(f);
    write_audits(f);
    assert_int_equal(bad_row(f), 0);
    sql(f, "CREATE TABLE saved AS SELECT * FROM audit");
    for (size_t i = 0; i < FX_COUNT_OF(tamperings); i++) {
        sql(f, tamperings[i].sql);
        int64_t bad_n = bad_row(f);
        if (bad_n != tamperings[i].bad_n)
            fail_msg("%s: found %lld", tamperings[i].sql, (long long)bad_n);
        sql(f, "DELETE FROM audit; INSERT INTO audit SELECT * FROM saved");
        assert_int_equal(bad_row(f), 0);
    }
}

/* A forger who also computes the hash of the changed row only moves the fault to the next one. */
static void a_recomputed_hash_breaks_the_next_row(void **state) {
    struct fixture *f = *state;
    struct fx_error err;
    struct fx_audit **rows = NULL;
    size_t count = 0;

    open_store(f);
    write_audits(f);
    assert_ok(f->store->audits(f->store, f->sc, LOOKED_AT, 1, &rows, &count, &err));
    rows[0]->actor = "U9";
    sql(f, fx_printf(f->sc, "UPDATE audit SET actor = 'U9', hash = '%s' WHERE n = %d",
                     fx_audit_hash(f->sc, rows[0]), LOOKED_AT));
    assert_int_equal(bad_row(f), LOOKED_AT + 1);
}

static void a_gap_is_found_also_when_the_row_after_it_is_forged(void **state) {
    struct fixture *f = *state;
    struct fx_error err;
    struct fx_audit **rows = NULL;
    size_t count = 0;

    open_store(f);
    write_audits(f);
    assert_ok(f->store->audits(f->store, f->sc, AUDITED, 1, &rows, &count, &err));
    rows[0]->n = AUDITED + 5;
    sql(f, fx_printf(f->sc, "UPDATE audit SET n = %d, hash = '%s' WHERE n = %d", AUDITED + 5,
                     fx_audit_hash(f->sc, rows[0]), AUDITED));
    assert_int_equal(bad_row(f), AUDITED + 5);
}

/* The chain alone cannot know how long it was: that is what an anchored head is for. */
static void a_cut_tail_changes_the_head(void **state) {
    struct fixture *f = *state;
    struct fx_error err;
    const char *head = NULL;
    const char *cut_head = NULL;
    int64_t rows = 0;
    int64_t bad_n = 0;

    open_store(f);
    write_audits(f);
    assert_ok(fx_audit_verify(f->store, f->sc, &rows, &bad_n, &head, &err));
    assert_int_equal(rows, AUDITED);
    sql(f, "DELETE FROM audit WHERE n > 1000");
    assert_ok(fx_audit_verify(f->store, f->sc, &rows, &bad_n, &cut_head, &err));
    assert_int_equal(rows, 1000);
    assert_string_not_equal(head, cut_head);
}

/* ---- broken disks ---- */

static void a_failed_sync_is_not_acknowledged_and_stops_the_store(void **state) {
    struct fixture *f = *state;
    struct fx_error err;
    struct fx_event *event = NULL;
    struct fx_job *job = NULL;
    int64_t next_ms = 0;

    open_store(f);
    assert_ok(accept_one(f, "e1", &err));
    disk->fault = DISK_SYNC_FAILS;
    assert_int_equal(accept_one(f, "e2", &err), FX_ERR_UNAVAILABLE);
    disk->fault = DISK_WORKS;
    /* the disk works again, but what it holds nobody knows until it is read anew */
    assert_int_equal(accept_one(f, "e3", &err), FX_ERR_UNAVAILABLE);
    assert_non_null(strstr(err.message, "restart fluxabot"));
    assert_int_equal(f->store->event(f->store, f->sc, "e1", &event, &err), FX_ERR_UNAVAILABLE);
    assert_int_equal(f->store->claim(f->store, f->sc, "w", 5, 5, &job, &next_ms, &err),
                     FX_ERR_UNAVAILABLE);
    close_store(f);
    open_store(f);
    assert_true(has_event(f, "e1"));
    assert_false(has_event(f, "e3"));
    assert_ok(accept_one(f, "e3", &err));
}

static void a_full_disk_stops_the_store_and_says_so(void **state) {
    struct fixture *f = *state;
    struct fx_error err;
    struct fx_writes w = {0};

    open_store(f);
    assert_ok(accept_one(f, "e1", &err));
    disk->fault = DISK_FULL;
    fx_writes_job(f->sc, &w, "run", "r1", 5);
    assert_int_equal(f->store->write(f->store, f->sc, NULL, &w, &err), FX_ERR_UNAVAILABLE);
    assert_non_null(strstr(err.message, "free space"));
    disk->fault = DISK_WORKS;
    assert_int_equal(f->store->write(f->store, f->sc, NULL, &w, &err), FX_ERR_UNAVAILABLE);
    close_store(f);
    open_store(f);
    assert_true(has_event(f, "e1"));
}

static void a_lock_held_by_another_process_stops_nothing_for_good(void **state) {
    struct fixture *f = *state;
    struct fx_error err;
    sqlite3 *db = NULL;

    open_store(f);
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(accept_one(f, "e1", &err), FX_ERR_UNAVAILABLE);
    assert_int_equal(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    assert_ok(accept_one(f, "e1", &err));
    assert_true(has_event(f, "e1"));
}

/* ---- syncs ---- */

/* A claim is worth nothing after a power cut, so nobody waits for the disk because of one. */
static void every_change_but_a_claim_is_synced_before_it_is_acknowledged(void **state) {
    struct fixture *f = *state;
    struct fx_error err;
    struct fx_job *job = NULL;
    struct fx_event repeated = {.id = "e1", .kind = "sns", .body = "{}"};
    int64_t next_ms = 0;
    bool added = true;

    open_store(f);
    assert_ok(accept_one(f, "e0", &err)); /* the log's first header has a sync of its own */
    int64_t syncs = disk->log_syncs;
    assert_ok(accept_one(f, "e1", &err));
    assert_int_equal(disk->log_syncs, syncs + 1);
    assert_ok(f->store->claim(f->store, f->sc, "w", 5, 5, &job, &next_ms, &err));
    assert_ok(f->store->extend(f->store, f->sc, job, 20, &err));
    assert_int_equal(disk->log_syncs, syncs + 1);
    assert_ok(f->store->settle(f->store, f->sc, job, FX_SETTLE_DONE, 0, NULL, NULL, &err));
    assert_int_equal(disk->log_syncs, syncs + 2);
    assert_ok(accept_one(f, "e2", &err));
    assert_int_equal(disk->log_syncs, syncs + 3);
    /* what changes nothing costs nothing */
    assert_ok(f->store->accept(f->store, f->sc, &repeated, &added, &err));
    assert_ok(f->store->claim(f->store, f->sc, "w", 0, 5, &job, &next_ms, &err));
    assert_int_equal(disk->log_syncs, syncs + 3);
    /* a claim that fails leaves no change unsynced behind it */
    assert_int_equal(f->store->outbox_begin(f->store, f->sc, 77, 1, &err), FX_ERR_CONFLICT);
    assert_ok(accept_one(f, "e3", &err));
    assert_int_equal(disk->log_syncs, syncs + 4);
}

static int64_t size_of(struct fixture *f, const char *suffix) {
    char path[128];
    struct stat st;

    snprintf(path, sizeof(path), "%s%s", f->path, suffix);
    assert_int_equal(stat(path, &st), 0);
    return st.st_size;
}

enum { LARGE_BYTES = 200 << 10, LARGE_EVENTS = 100, FILE_BYTES = 10 << 20, LOG_BYTES = 20 << 20 };

static void add_large_events(struct fixture *f, const char *prefix) {
    char *body = fx_alloc(f->sc, LARGE_BYTES + 1);
    struct fx_error err;
    bool added = false;

    memset(body, 'x', LARGE_BYTES);
    for (int i = 0; i < LARGE_EVENTS; i++) {
        struct fx_event event = {
            .id = fx_printf(f->sc, "%s%d", prefix, i), .kind = "sns", .body = body};
        assert_ok(f->store->accept(f->store, f->sc, &event, &added, &err));
    }
}

/* By the thread, and while nobody writes: a commit would do so only when the log is four times as
 * long. Then the next one begins at its front again. */
static void a_long_log_is_brought_into_the_file(void **state) {
    struct fixture *f = *state;

    open_store(f);
    add_large_events(f, "a");
    while (size_of(f, "") < FILE_BYTES)
        usleep(1000);
    for (int round = 0; round < 5; round++) {
        add_large_events(f, fx_printf(f->sc, "b%d-", round));
        int64_t whole = (int64_t)(round + 2) * LARGE_EVENTS * LARGE_BYTES;
        while (size_of(f, "") < whole - LOG_BYTES)
            usleep(1000);
    }
    assert_true(size_of(f, "-wal") < 4 * LOG_BYTES);
    close_store(f);
    open_store(f);
    assert_int_equal(bad_row(f), 0);
}

struct audit_writer {
    struct fixture *f;
    enum fx_code code;
};

static void *write_audit(void *item) {
    struct audit_writer *writer = item;
    struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_writes w = {0};
    struct fx_error err;

    fx_writes_audit(sc, &w, "U1", "run.done", "r1", NULL);
    writer->code = writer->f->store->write(writer->f->store, sc, NULL, &w, &err);
    fx_scope_free(sc);
    return NULL;
}

/* It is signed and kept elsewhere, where nothing takes it back. */
static void the_head_of_the_audit_log_is_shown_when_it_is_on_the_disk(void **state) {
    struct fixture *f = *state;
    struct audit_writer writer = {.f = f};
    struct fx_audit **rows = NULL, *head = NULL;
    struct fx_error err;
    size_t count = 0;
    pthread_t thread;

    open_store(f);
    disk->fault = DISK_SYNC_FAILS;
    disk->sync_us = 500000;
    assert_int_equal(pthread_create(&thread, NULL, write_audit, &writer), 0);
    while (f->store->audits(f->store, f->sc, 1, 1, &rows, &count, &err) == FX_OK && count == 0)
        usleep(1000);
    assert_int_equal(count, 1); /* whoever only looks sees it */
    assert_int_equal(f->store->audit_head(f->store, f->sc, &head, &err), FX_ERR_UNAVAILABLE);
    pthread_join(thread, NULL);
    assert_int_equal(writer.code, FX_ERR_UNAVAILABLE);
    disk->fault = DISK_WORKS;
    disk->sync_us = 0;
}

enum { SENDERS = 32 };
struct sender {
    struct fixture *f;
    int n;
    enum fx_code code;
};

static void *send_one(void *item) {
    struct sender *sender = item;
    struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_event event = {
        .id = fx_printf(sc, "s%d", sender->n), .kind = "sns", .body = "{}", .received_ms = 1};
    struct fx_error err;
    bool added = false;

    sender->code = sender->f->store->accept(sender->f->store, sc, &event, &added, &err);
    fx_scope_free(sc);
    return NULL;
}

static void those_who_wait_together_share_a_commit(void **state) {
    struct fixture *f = *state;
    struct sender senders[SENDERS];
    pthread_t threads[SENDERS];
    struct fx_error err;

    open_store(f);
    assert_ok(accept_one(f, "e0", &err));
    int64_t syncs = disk->log_syncs;
    disk->sync_us = 20000; /* all of them have arrived before the first is on the disk */
    for (int i = 0; i < SENDERS; i++) {
        senders[i] = (struct sender){.f = f, .n = i};
        assert_int_equal(pthread_create(&threads[i], NULL, send_one, &senders[i]), 0);
    }
    for (int i = 0; i < SENDERS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < SENDERS; i++) {
        assert_int_equal(senders[i].code, FX_OK);
        assert_true(has_event(f, fx_printf(f->sc, "s%d", i)));
    }
    assert_true(disk->log_syncs - syncs >= 1);
    assert_true(disk->log_syncs - syncs <= SENDERS / 4);
}

/* The database refuses every fourth job after the event was inserted. */
static void an_event_without_its_job_is_undone_and_its_neighbours_are_kept(void **state) {
    struct fixture *f = *state;
    struct sender senders[SENDERS];
    pthread_t threads[SENDERS];

    open_store(f);
    sql(f, "CREATE TRIGGER no_job BEFORE INSERT ON jobs WHEN substr(NEW.subject, 2) % 4 = 3 "
           "BEGIN SELECT RAISE(ABORT, 'no'); END");
    disk->sync_us = 5000;
    for (int i = 0; i < SENDERS; i++) {
        senders[i] = (struct sender){.f = f, .n = i};
        assert_int_equal(pthread_create(&threads[i], NULL, send_one, &senders[i]), 0);
    }
    for (int i = 0; i < SENDERS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < SENDERS; i++) {
        assert_int_equal(senders[i].code, i % 4 == 3 ? FX_ERR_INTERNAL : FX_OK);
        assert_true(has_event(f, fx_printf(f->sc, "s%d", i)) == (i % 4 != 3));
    }
}

static void a_failed_commit_is_told_to_everybody_who_shared_it(void **state) {
    struct fixture *f = *state;
    struct sender senders[SENDERS];
    pthread_t threads[SENDERS];

    open_store(f);
    disk->fault = DISK_SYNC_FAILS;
    for (int i = 0; i < SENDERS; i++) {
        senders[i] = (struct sender){.f = f, .n = i};
        assert_int_equal(pthread_create(&threads[i], NULL, send_one, &senders[i]), 0);
    }
    for (int i = 0; i < SENDERS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < SENDERS; i++)
        assert_int_equal(senders[i].code, FX_ERR_UNAVAILABLE);
}

int main(void) {
#define FILE_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        FILE_TEST(the_files_are_for_their_owner_only),
        FILE_TEST(refuses_a_newer_schema_and_leaves_it_alone),
        FILE_TEST(what_was_approved_before_votes_were_kept_has_its_vote),
        FILE_TEST(brings_an_older_file_up_to_date),
        FILE_TEST(what_people_wait_for_in_an_older_file_comes_first),
        FILE_TEST(refuses_the_database_of_another_program_and_leaves_it_alone),
        FILE_TEST(refuses_a_file_that_is_no_database),
        FILE_TEST(refuses_a_damaged_database),
        FILE_TEST(names_the_fix_for_a_directory_it_cannot_use),
        FILE_TEST(says_who_cannot_write),
        FILE_TEST(refuses_addresses_that_are_not_a_store),
        FILE_TEST(a_special_name_is_an_ordinary_file),
        FILE_TEST(two_connections_share_one_file),
        FILE_TEST(finds_every_way_to_change_the_past),
        FILE_TEST(a_recomputed_hash_breaks_the_next_row),
        FILE_TEST(a_gap_is_found_also_when_the_row_after_it_is_forged),
        FILE_TEST(a_cut_tail_changes_the_head),
        FILE_TEST(a_failed_sync_is_not_acknowledged_and_stops_the_store),
        FILE_TEST(a_full_disk_stops_the_store_and_says_so),
        FILE_TEST(a_lock_held_by_another_process_stops_nothing_for_good),
        FILE_TEST(every_change_but_a_claim_is_synced_before_it_is_acknowledged),
        FILE_TEST(a_long_log_is_brought_into_the_file),
        FILE_TEST(the_head_of_the_audit_log_is_shown_when_it_is_on_the_disk),
        FILE_TEST(those_who_wait_together_share_a_commit),
        FILE_TEST(an_event_without_its_job_is_undone_and_its_neighbours_are_kept),
        FILE_TEST(a_failed_commit_is_told_to_everybody_who_shared_it),
    };

    disk = test_disk_install();
    return cmocka_run_group_tests_name("store file", tests, NULL, NULL);
}
