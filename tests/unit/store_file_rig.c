/* store_file_rig.c - see store_file_rig.h. */
#include "store_file_rig.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct test_disk *disk; /* of this process: SQLite's list of them is, too */

int file_rig_set_up(void **state) {
    struct file_rig *f = calloc(1, sizeof(*f));

    if (disk == NULL)
        disk = test_disk_install();
    f->disk = disk;
    test_disk_reset(f->disk);
    snprintf(f->directory, sizeof(f->directory), "%s/fluxabot-file-XXXXXX", test_disk_directory());
    assert_non_null(mkdtemp(f->directory));
    snprintf(f->path, sizeof(f->path), "%s/t.db", f->directory);
    snprintf(f->url, sizeof(f->url), "sqlite://%s", f->path);
    f->sc = fx_scope_new(NULL);
    *state = f;
    return 0;
}

static void remove_beside(struct file_rig *f, const char *suffix) {
    char path[128];

    snprintf(path, sizeof(path), "%s%s", f->path, suffix);
    unlink(path);
}

int file_rig_tear_down(void **state) {
    struct file_rig *f = *state;

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

enum fx_code file_rig_try_open(struct file_rig *f, struct fx_error *err) {
    return fx_store_open(f->sc, f->url, fx_clock_system(), fx_random_system(), &f->store, err);
}

void file_rig_open(struct file_rig *f) {
    struct fx_error err;

    assert_ok(file_rig_try_open(f, &err));
}

void file_rig_close(struct file_rig *f) {
    f->store->close(f->store);
    f->store = NULL;
}

void file_rig_sql(struct file_rig *f, const char *text) {
    sqlite3 *db = NULL;

    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 5000);
    char *message = NULL;
    if (sqlite3_exec(db, text, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s: %s", text, message);
    sqlite3_close(db);
}

enum fx_code file_rig_accept(struct file_rig *f, const char *id, struct fx_error *err) {
    struct fx_event event = {.id = id, .kind = "sns", .body = "{}", .received_ms = 1};
    bool added = false;

    return f->store->accept(f->store, f->sc, &event, &added, err);
}

bool file_rig_has_event(struct file_rig *f, const char *id) {
    struct fx_error err;
    struct fx_event *event = NULL;

    assert_ok(f->store->event(f->store, f->sc, id, &event, &err));
    return event != NULL;
}

int64_t file_rig_bad_row(struct file_rig *f) {
    struct fx_error err;
    const char *head = NULL;
    int64_t rows = 0;
    int64_t bad_n = -1;

    assert_ok(fx_audit_verify(f->store, f->sc, &rows, &bad_n, &head, &err));
    return bad_n;
}
