/* store_file_disk_test.c - what is acknowledged is on the disk, what a broken disk leads to, and
 * the log that is brought into the SQLite file.
 */
#include "store_file_rig.h"

#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- broken disks ---- */

static void a_failed_sync_is_not_acknowledged_and_stops_the_store(void **state) {
    struct file_rig *f = *state;
    struct fx_error err;
    struct fx_event *event = NULL;
    struct fx_job *job = NULL;
    int64_t next_ms = 0;

    file_rig_open(f);
    assert_ok(file_rig_accept(f, "e1", &err));
    f->disk->fault = DISK_SYNC_FAILS;
    assert_int_equal(file_rig_accept(f, "e2", &err), FX_ERR_UNAVAILABLE);
    f->disk->fault = DISK_WORKS;
    /* the disk works again, but what it holds nobody knows until it is read anew */
    assert_int_equal(file_rig_accept(f, "e3", &err), FX_ERR_UNAVAILABLE);
    assert_non_null(strstr(err.message, "restart fluxabot"));
    assert_int_equal(f->store->event(f->store, f->sc, "e1", &event, &err), FX_ERR_UNAVAILABLE);
    assert_int_equal(f->store->claim(f->store, f->sc, "w", 5, 5, &job, &next_ms, &err),
                     FX_ERR_UNAVAILABLE);
    file_rig_close(f);
    file_rig_open(f);
    assert_true(file_rig_has_event(f, "e1"));
    assert_false(file_rig_has_event(f, "e3"));
    assert_ok(file_rig_accept(f, "e3", &err));
}

static void a_full_disk_stops_the_store_and_says_so(void **state) {
    struct file_rig *f = *state;
    struct fx_error err;
    struct fx_writes w = {0};

    file_rig_open(f);
    assert_ok(file_rig_accept(f, "e1", &err));
    f->disk->fault = DISK_FULL;
    fx_writes_job(f->sc, &w, "run", "r1", 5);
    assert_int_equal(f->store->write(f->store, f->sc, NULL, &w, &err), FX_ERR_UNAVAILABLE);
    assert_non_null(strstr(err.message, "free space"));
    f->disk->fault = DISK_WORKS;
    assert_int_equal(f->store->write(f->store, f->sc, NULL, &w, &err), FX_ERR_UNAVAILABLE);
    file_rig_close(f);
    file_rig_open(f);
    assert_true(file_rig_has_event(f, "e1"));
}

static void a_lock_held_by_another_process_stops_nothing_for_good(void **state) {
    struct file_rig *f = *state;
    struct fx_error err;
    sqlite3 *db = NULL;

    file_rig_open(f);
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(file_rig_accept(f, "e1", &err), FX_ERR_UNAVAILABLE);
    assert_int_equal(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    assert_ok(file_rig_accept(f, "e1", &err));
    assert_true(file_rig_has_event(f, "e1"));
}

/* ---- syncs ---- */

/* A claim is worth nothing after a power cut, so nobody waits for the disk because of one. */
static void every_change_but_a_claim_is_synced_before_it_is_acknowledged(void **state) {
    struct file_rig *f = *state;
    struct fx_error err;
    struct fx_job *job = NULL;
    struct fx_event repeated = {.id = "e1", .kind = "sns", .body = "{}"};
    int64_t next_ms = 0;
    bool added = true;

    file_rig_open(f);
    assert_ok(file_rig_accept(f, "e0", &err)); /* the log's first header has a sync of its own */
    int64_t syncs = f->disk->log_syncs;
    assert_ok(file_rig_accept(f, "e1", &err));
    assert_int_equal(f->disk->log_syncs, syncs + 1);
    assert_ok(f->store->claim(f->store, f->sc, "w", 5, 5, &job, &next_ms, &err));
    assert_ok(f->store->extend(f->store, f->sc, job, 20, &err));
    assert_int_equal(f->disk->log_syncs, syncs + 1);
    assert_ok(f->store->settle(f->store, f->sc, job, FX_SETTLE_DONE, 0, NULL, NULL, &err));
    assert_int_equal(f->disk->log_syncs, syncs + 2);
    assert_ok(file_rig_accept(f, "e2", &err));
    assert_int_equal(f->disk->log_syncs, syncs + 3);
    /* what changes nothing costs nothing */
    assert_ok(f->store->accept(f->store, f->sc, &repeated, &added, &err));
    assert_ok(f->store->claim(f->store, f->sc, "w", 0, 5, &job, &next_ms, &err));
    assert_int_equal(f->disk->log_syncs, syncs + 3);
    /* a claim that fails leaves no change unsynced behind it */
    assert_int_equal(f->store->outbox_begin(f->store, f->sc, 77, 1, &err), FX_ERR_CONFLICT);
    assert_ok(file_rig_accept(f, "e3", &err));
    assert_int_equal(f->disk->log_syncs, syncs + 4);
}

struct audit_writer {
    struct file_rig *f;
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
    struct file_rig *f = *state;
    struct audit_writer writer = {.f = f};
    struct fx_audit **rows = NULL, *head = NULL;
    struct fx_error err;
    size_t count = 0;
    pthread_t thread;

    file_rig_open(f);
    f->disk->fault = DISK_SYNC_FAILS;
    f->disk->sync_us = 500000;
    assert_int_equal(pthread_create(&thread, NULL, write_audit, &writer), 0);
    while (f->store->audits(f->store, f->sc, 1, 1, &rows, &count, &err) == FX_OK && count == 0)
        usleep(1000);
    assert_int_equal(count, 1); /* whoever only looks sees it */
    assert_int_equal(f->store->audit_head(f->store, f->sc, &head, &err), FX_ERR_UNAVAILABLE);
    pthread_join(thread, NULL);
    assert_int_equal(writer.code, FX_ERR_UNAVAILABLE);
    f->disk->fault = DISK_WORKS;
    f->disk->sync_us = 0;
}

/* ---- the log ---- */

static int64_t size_of(struct file_rig *f, const char *suffix) {
    char path[128];
    struct stat st;

    snprintf(path, sizeof(path), "%s%s", f->path, suffix);
    assert_int_equal(stat(path, &st), 0);
    return st.st_size;
}

enum { LARGE_BYTES = 200 << 10, LARGE_EVENTS = 100, FILE_BYTES = 10 << 20, LOG_BYTES = 20 << 20 };

static void add_large_event(struct file_rig *f, const char *id) {
    char *body = fx_alloc(f->sc, LARGE_BYTES + 1);
    struct fx_event event = {.id = id, .kind = "sns", .body = body};
    struct fx_error err;
    bool added = false;

    memset(body, 'x', LARGE_BYTES);
    assert_ok(f->store->accept(f->store, f->sc, &event, &added, &err));
}

static void add_large_events(struct file_rig *f, const char *prefix) {
    for (int i = 0; i < LARGE_EVENTS; i++)
        add_large_event(f, fx_printf(f->sc, "%s%d", prefix, i));
}

/* By the thread, and while nobody writes: a commit would do so only when the log is four times as
 * long. Then the next one begins at its front again. */
static void a_long_log_is_brought_into_the_file(void **state) {
    struct file_rig *f = *state;

    file_rig_open(f);
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
    file_rig_close(f);
    file_rig_open(f);
    assert_int_equal(file_rig_bad_row(f), 0);
}

/* Of the log's index, https://sqlite.org/walformat.html: frames that are valid, and of these those
 * that are in the file. */
static bool the_file_has_all(int index) {
    enum { VALID_WORD = 4, IN_FILE_WORD = 24, WORDS = 25 };
    uint32_t words[WORDS];

    assert_int_equal(pread(index, words, sizeof(words), 0), sizeof(words));
    return words[IN_FILE_WORD] == words[VALID_WORD];
}

/* Makes the log so long that it is brought into the file, which waits. The log's index. */
static int begin_a_pass(struct file_rig *f) {
    enum { ASKED_BYTES = 4096 * (4096 + 24) }; /* pages, each with its head */
    int index = open(fx_printf(f->sc, "%s-shm", f->path), O_RDONLY | O_CLOEXEC);

    f->disk->holds_file = true;
    for (int i = 0; size_of(f, "-wal") < ASKED_BYTES; i++)
        add_large_event(f, fx_printf(f->sc, "a%d", i));
    while (f->disk->held == 0)
        usleep(1000);
    return index;
}

/* Versions of SQLite before 3.51.3 may lose commits when a pass has nothing to do. */
static void a_log_that_is_in_the_file_is_not_brought_in_again(void **state) {
    struct file_rig *f = *state;

    file_rig_open(f);
    int64_t passes = f->disk->passes;
    int index = begin_a_pass(f);
    f->disk->holds_file = false;
    while (!the_file_has_all(index))
        usleep(1000);
    file_rig_close(f); /* waits for the thread */
    close(index);
    assert_int_equal(f->disk->passes, passes + 1);
}

/* Otherwise a log that grows steadily never begins anew, and in the end a commit waits for it. */
static void what_is_written_meanwhile_is_brought_into_the_file_too(void **state) {
    struct file_rig *f = *state;
    struct fx_error err;

    file_rig_open(f);
    int index = begin_a_pass(f);
    assert_ok(file_rig_accept(f, "meanwhile", &err));
    assert_false(the_file_has_all(index));
    f->disk->holds_file = false;
    while (!the_file_has_all(index))
        usleep(1000);
    file_rig_close(f); /* first: who closes a file drops the locks that SQLite has on it */
    close(index);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FILE_TEST(a_failed_sync_is_not_acknowledged_and_stops_the_store),
        FILE_TEST(a_full_disk_stops_the_store_and_says_so),
        FILE_TEST(a_lock_held_by_another_process_stops_nothing_for_good),
        FILE_TEST(every_change_but_a_claim_is_synced_before_it_is_acknowledged),
        FILE_TEST(a_long_log_is_brought_into_the_file),
        FILE_TEST(a_log_that_is_in_the_file_is_not_brought_in_again),
        FILE_TEST(what_is_written_meanwhile_is_brought_into_the_file_too),
        FILE_TEST(the_head_of_the_audit_log_is_shown_when_it_is_on_the_disk),
    };

    return cmocka_run_group_tests_name("store file disk", tests, NULL, NULL);
}
