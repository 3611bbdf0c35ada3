/* store_file_log_test.c - the write-ahead log is written in one piece for each commit, and what a
 * commit has said is in the files then, whatever SQLite did to its log before.
 */
#include "store_file_rig.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void a_commit_is_one_write_of_the_log(void **state) {
    struct file_rig *f = *state;
    struct fx_error err;

    file_rig_open(f);
    assert_ok(file_rig_accept(f, "e0", &err)); /* the log's own header comes before the first */
    int64_t writes = f->disk->log_writes;
    assert_ok(file_rig_accept(f, "e1", &err));
    assert_int_equal(f->disk->log_writes, writes + 1);
}

static void a_commit_whose_pages_cannot_be_written_has_failed(void **state) {
    struct file_rig *f = *state;
    struct fx_error err;

    file_rig_open(f);
    assert_ok(file_rig_accept(f, "e1", &err));
    f->disk->fault = DISK_FULL;
    assert_int_equal(file_rig_accept(f, "e2", &err), FX_ERR_UNAVAILABLE);
    f->disk->fault = DISK_WORKS;
    file_rig_close(f);
    file_rig_open(f);
    assert_true(file_rig_has_event(f, "e1"));
    assert_false(file_rig_has_event(f, "e2"));
}

/* ---- any transactions ---- */

enum {
    TRANSACTIONS = 150,
    ROWS = 400,
    ROW_MAX_BYTES = 9000,
    CHANGES_MAX = 60,
    CACHE_PAGES = 12, /* so few that pages are written, and written again, before the commit */
};

struct any {
    struct file_rig *f;
    char path[96], copy[96];
    sqlite3 *db;
    unsigned seed;
};

static unsigned below(struct any *any, unsigned limit) {
    return (unsigned)rand_r(&any->seed) % limit;
}

static void sql(sqlite3 *db, const char *text) {
    char *message = NULL;

    if (sqlite3_exec(db, text, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s: %s", text, message);
}

/* Of all rows and their order, and whether the file is whole. */
static char *content_of(struct any *any, sqlite3 *db) {
    static const char *const questions[] = {
        "PRAGMA integrity_check",
        "SELECT count(*) || ' ' || coalesce(sum(id * length(body) * unicode(body)), 0) FROM t"};
    char *content = fx_strdup(any->f->sc, "");

    for (size_t i = 0; i < FX_COUNT_OF(questions); i++) {
        sqlite3_stmt *stmt = NULL;
        assert_int_equal(sqlite3_prepare_v2(db, questions[i], -1, &stmt, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
        content = fx_printf(any->f->sc, "%s%s ", content, sqlite3_column_text(stmt, 0));
        sqlite3_finalize(stmt);
    }
    return content;
}

/* The VFS that the store has made for itself. */
static const char *vfs_of_store(void) {
    for (sqlite3_vfs *vfs = sqlite3_vfs_find(NULL); vfs != NULL; vfs = vfs->pNext)
        if (strncmp(vfs->zName, "fluxabot-", strlen("fluxabot-")) == 0)
            return vfs->zName;
    fail_msg("the store has no VFS of its own");
    return NULL;
}

static void open_any(struct any *any) {
    assert_int_equal(
        sqlite3_open_v2(any->path, &any->db,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                        vfs_of_store()),
        SQLITE_OK);
    sql(any->db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
                 "PRAGMA wal_autocheckpoint = 700;"
                 "CREATE TABLE t (id INTEGER PRIMARY KEY, body TEXT); CREATE INDEX i ON t (body)");
    sql(any->db, fx_printf(any->f->sc, "PRAGMA cache_size = %d", CACHE_PAGES));
}

static void change_row(struct any *any) {
    struct fx_scope *sc = fx_scope_new(NULL);
    unsigned id = below(any, ROWS);

    if (below(any, 4) == 0)
        sql(any->db, fx_printf(sc, "DELETE FROM t WHERE id = %u", id));
    else
        sql(any->db, fx_printf(sc, "REPLACE INTO t VALUES (%u, '%c' || hex(zeroblob(%u)))", id,
                               'a' + (int)below(any, 26), below(any, ROW_MAX_BYTES / 2)));
    fx_scope_free(sc);
}

/* Nothing is undone among pages that are in the log already: SQLite 3.40 itself loses commits then,
 * which is why the store keeps them out of it. */
static void change_rows(struct any *any, bool spills, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        bool undone = !spills && below(any, 8) == 0;

        if (undone)
            sql(any->db, "SAVEPOINT s");
        change_row(any);
        if (undone)
            sql(any->db, "ROLLBACK TO s; RELEASE s");
    }
}

/* True when it was committed. */
static bool one_transaction(struct any *any) {
    bool commits = below(any, 5) != 0, spills = below(any, 2) == 0;

    sql(any->db, spills ? "PRAGMA cache_spill = ON" : "PRAGMA cache_spill = OFF");
    sql(any->db, "BEGIN IMMEDIATE");
    change_rows(any, spills, below(any, 3) == 0 ? 1 : below(any, CHANGES_MAX));
    sql(any->db, commits ? "COMMIT" : "ROLLBACK");
    return commits;
}

static void copy_file(const char *from, const char *to) {
    char block[65536];
    ssize_t n = 0;
    int in = open(from, O_RDONLY | O_CLOEXEC);
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(in >= 0 && out >= 0);
    while ((n = read(in, block, sizeof block)) > 0)
        assert_int_equal(write(out, block, (size_t)n), n);
    close(in);
    close(out);
}

/* What whoever kills us now leaves behind. */
static void check_files(struct any *any) {
    struct fx_scope *sc = any->f->sc;
    sqlite3 *db = NULL;

    copy_file(any->path, any->copy);
    copy_file(fx_printf(sc, "%s-wal", any->path), fx_printf(sc, "%s-wal", any->copy));
    assert_int_equal(sqlite3_open(any->copy, &db), SQLITE_OK);
    assert_string_equal(content_of(any, db), content_of(any, any->db));
    sqlite3_close(db);
}

static void what_a_commit_has_said_is_in_the_files(void **state) {
    struct file_rig *f = *state;
    struct any any = {.f = f, .seed = (unsigned)time(NULL)};

    print_message("seed %u\n", any.seed);
    file_rig_open(f);
    snprintf(any.path, sizeof any.path, "%s/any.db", f->directory);
    snprintf(any.copy, sizeof any.copy, "%s/copy.db", f->directory);
    open_any(&any);
    for (int i = 0; i < TRANSACTIONS; i++)
        if (one_transaction(&any) || i % 10 == 0)
            check_files(&any);
    sqlite3_close(any.db);
    unlink(any.path);
    unlink(any.copy);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FILE_TEST(a_commit_is_one_write_of_the_log),
        FILE_TEST(a_commit_whose_pages_cannot_be_written_has_failed),
        FILE_TEST(what_a_commit_has_said_is_in_the_files),
    };

    return cmocka_run_group_tests_name("store file log", tests, NULL, NULL);
}
