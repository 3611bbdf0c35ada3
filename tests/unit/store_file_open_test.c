/* store_file_open_test.c - which files the SQLite store takes, who may read them, and what it says
 * of those that it refuses.
 */
#include "store_file_rig.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void the_files_are_for_their_owner_only(void **state) {
    struct file_rig *f = *state;
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    struct fx_error err;
    mode_t old = umask(0);

    file_rig_open(f);
    assert_ok(file_rig_accept(f, "e1", &err));
    umask(old);
    for (size_t i = 0; i < FX_COUNT_OF(suffixes); i++) {
        char path[128];
        struct stat st;
        snprintf(path, sizeof(path), "%s%s", f->path, suffixes[i]);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
    file_rig_close(f);
    assert_int_equal(chmod(f->path, 0644), 0);
    file_rig_open(f);
    struct stat st;
    assert_int_equal(stat(f->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void refuses_the_database_of_another_program_and_leaves_it_alone(void **state) {
    struct file_rig *f = *state;
    struct fx_error err;

    file_rig_sql(f, "CREATE TABLE cats (name TEXT); INSERT INTO cats VALUES ('Mia')");
    assert_int_equal(file_rig_try_open(f, &err), FX_ERR_INPUT);
    assert_non_null(strstr(err.message, "another program"));
    file_rig_sql(f, "PRAGMA application_id = 77");
    assert_int_equal(file_rig_try_open(f, &err), FX_ERR_INPUT);
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
    struct file_rig *f = *state;
    struct fx_error err;
    FILE *file = fopen(f->path, "w");

    for (int i = 0; i < 200; i++)
        fputs("remember the milk\n", file);
    fclose(file);
    assert_int_equal(file_rig_try_open(f, &err), FX_ERR_INPUT);
    assert_non_null(strstr(err.message, "no SQLite database"));
}

static void refuses_a_damaged_database(void **state) {
    struct file_rig *f = *state;
    struct fx_error err;
    char junk[2048];
    char id[32];

    file_rig_open(f);
    for (int i = 0; i < 300; i++) {
        snprintf(id, sizeof(id), "event-%d", i);
        assert_ok(file_rig_accept(f, id, &err));
    }
    file_rig_close(f);
    FILE *file = fopen(f->path, "r+");
    memset(junk, 0x5a, sizeof(junk));
    /* pages of the tables that have grown lie behind the roots of all */
    fseek(file, -5 * 4096, SEEK_END);
    fwrite(junk, 1, sizeof(junk), file);
    fclose(file);
    assert_int_equal(file_rig_try_open(f, &err), FX_ERR_UNAVAILABLE);
    assert_non_null(strstr(err.message, "damaged"));
    assert_non_null(strstr(err.message, "backup"));
}

/* A row that an index does not show would be written a second time. */
static void refuses_a_database_whose_index_lacks_a_row(void **state) {
    struct file_rig *f = *state;
    struct fx_error err;

    file_rig_open(f);
    file_rig_close(f);
    file_rig_sql(f, "PRAGMA writable_schema = ON; CREATE TABLE kept AS SELECT * FROM sqlite_schema "
                    "WHERE name = 'outbox_failed'; "
                    "DELETE FROM sqlite_schema WHERE name = 'outbox_failed'");
    file_rig_sql(f, "INSERT INTO outbox (place, kind, key, parent, channel, user_id, response_url, "
                    "payload_json, due_ms, created_ms, attempts, last_error, state) "
                    "VALUES (1, 0, 'a', '', 'C1', '', '', '{}', 0, 0, 0, '', 3)");
    file_rig_sql(f, "PRAGMA writable_schema = ON; INSERT INTO sqlite_schema SELECT * FROM kept");
    file_rig_sql(f, "DROP TABLE kept");
    assert_int_equal(file_rig_try_open(f, &err), FX_ERR_UNAVAILABLE);
    assert_non_null(strstr(err.message, "missing from index outbox_failed"));
}

static void names_the_fix_for_a_directory_it_cannot_use(void **state) {
    struct file_rig *f = *state;
    struct fx_error err;

    snprintf(f->url, sizeof(f->url), "sqlite://%s/no/t.db", f->directory);
    assert_int_equal(file_rig_try_open(f, &err), FX_ERR_INPUT);
    assert_non_null(strstr(err.message, "install -d -m 0700"));
    snprintf(f->url, sizeof(f->url), "sqlite://%s/", f->directory);
    assert_int_equal(file_rig_try_open(f, &err), FX_ERR_INPUT);
    assert_non_null(strstr(err.message, "no file"));
    snprintf(f->url, sizeof(f->url), "sqlite:///");
    assert_int_equal(file_rig_try_open(f, &err), FX_ERR_INPUT);
    snprintf(f->url, sizeof(f->url), "sqlite:///tmp");
    assert_int_equal(file_rig_try_open(f, &err), FX_ERR_INPUT);
    assert_non_null(strstr(err.message, "not a file"));
}

/* Root may write anywhere, so somebody else has to try. */
static void says_who_cannot_write(void **state) {
    struct file_rig *f = *state;

    assert_int_equal(chmod(f->directory, 0555), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct fx_error err;
        bool other = geteuid() != 0 || (setgid(65534) == 0 && setuid(65534) == 0);
        bool refused = other && file_rig_try_open(f, &err) == FX_ERR_INPUT &&
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
    struct file_rig *f = *state;
    static const char *const urls[] = {
        "",          "sqlite",          "sqlite:",       "sqlite://", "sqlite://tmp/t.db",
        "mysql://x", "postgresql:h/db", "file:/tmp/t.db"};
    struct fx_error err;

    for (size_t i = 0; i < FX_COUNT_OF(urls); i++) {
        snprintf(f->url, sizeof(f->url), "%s", urls[i]);
        assert_int_equal(file_rig_try_open(f, &err), FX_ERR_INPUT);
        assert_non_null(strstr(err.message, "store.url"));
        assert_null(f->store);
    }
}

/* ":memory:" would be forgotten at exit without a word. */
static void a_special_name_is_an_ordinary_file(void **state) {
    struct file_rig *f = *state;
    struct fx_error err;
    char before[256];

    assert_non_null(getcwd(before, sizeof(before)));
    assert_int_equal(chdir(f->directory), 0);
    snprintf(f->url, sizeof(f->url), "sqlite::memory:");
    file_rig_open(f);
    assert_ok(file_rig_accept(f, "e1", &err));
    file_rig_close(f);
    file_rig_open(f);
    assert_true(file_rig_has_event(f, "e1"));
    file_rig_close(f);
    assert_int_equal(unlink(":memory:"), 0);
    assert_int_equal(chdir(before), 0);
}

static void two_connections_share_one_file(void **state) {
    struct file_rig *f = *state;
    struct fx_error err;
    struct fx_store *other = NULL;
    bool added = true;
    struct fx_event event = {.id = "e1", .kind = "sns", .body = "{}", .keys = {"k"}};

    file_rig_open(f);
    assert_ok(fx_store_open(f->sc, f->url, fx_clock_system(), fx_random_system(), &other, &err));
    assert_ok(f->store->accept(f->store, f->sc, &event, &added, &err));
    assert_true(added);
    assert_ok(other->accept(other, f->sc, &event, &added, &err));
    assert_false(added);
    other->close(other);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FILE_TEST(the_files_are_for_their_owner_only),
        FILE_TEST(refuses_the_database_of_another_program_and_leaves_it_alone),
        FILE_TEST(refuses_a_file_that_is_no_database),
        FILE_TEST(refuses_a_damaged_database),
        FILE_TEST(refuses_a_database_whose_index_lacks_a_row),
        FILE_TEST(names_the_fix_for_a_directory_it_cannot_use),
        FILE_TEST(says_who_cannot_write),
        FILE_TEST(refuses_addresses_that_are_not_a_store),
        FILE_TEST(a_special_name_is_an_ordinary_file),
        FILE_TEST(two_connections_share_one_file),
    };

    return cmocka_run_group_tests_name("store file open", tests, NULL, NULL);
}
