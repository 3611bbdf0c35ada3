/* engine_damage_test.c - random bytes of a real database are changed: no start goes on silently
 * with what a full check of the file, or of the whole audit log, would show.
 *
 * The two checks are made beside the start, by SQLite itself and by fx_audit_verify. Arguments: how
 * many damages, and the seed of the first.
 */
#include "support/test.h"

#include "anchors.h"

#include "support/scripted_http.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NOW_MS = 1000 * 1000 * 1000, ROWS = 150, DAMAGES = 150, MOST_BYTES = 4 };

static long damages = DAMAGES;
static uint64_t first_seed = 20261122;

struct rig {
    struct fx_scope *sc;
    struct held_clock clock;
    char dir[64];
    const char *good, *bad;
    struct fx_system fluxa;
    struct fx_engine_system system;
};

/* ---- a database as a working bot leaves it ---- */

static struct fx_store *open_store(struct rig *rig, const char *path, struct fx_error *err) {
    struct fx_store *store = NULL;

    return fx_store_open(rig->sc, fx_printf(rig->sc, "sqlite://%s", path), &rig->clock.clock,
                         fx_random_system(), &store, err) == FX_OK
               ? store
               : NULL;
}

static void fill(struct rig *rig, struct fx_store *store) {
    struct fx_error err;
    bool added = false;

    for (int i = 0; i < ROWS; i++) {
        FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(rig->sc);
        struct fx_writes writes = {0};
        const char *id = fx_printf(sc, "run-%d", i);
        struct fx_run run = {.id = id, .system = "fluxa", .environment = "dev", .command = "dlq"};
        struct fx_event event = {.id = fx_printf(sc, "event-%d", i), .kind = "sns", .body = "{}"};

        fx_writes_run(sc, &writes, &run);
        fx_writes_job(sc, &writes, "run", id, NOW_MS + i);
        fx_writes_audit(sc, &writes, "U1", "run.ended", id,
                        fx_json_object_of(sc, "note", fx_json_string(sc, "as planned"), NULL));
        assert_ok(store->write(store, sc, NULL, &writes, &err));
        assert_ok(store->accept(store, sc, &event, &added, &err));
    }
}

static int set_up(void **state) {
    struct fx_scope *sc = fx_scope_new(NULL);
    struct rig *rig = FX_NEW(sc, struct rig);
    struct fx_error err;

    rig->sc = sc;
    held_clock_init(&rig->clock, NOW_MS);
    /* nothing here is about the disk */
    snprintf(rig->dir, sizeof rig->dir, "%s/fluxabot-test-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(rig->dir));
    rig->good = fx_printf(sc, "%s/good.db", rig->dir);
    rig->bad = fx_printf(sc, "%s/bad.db", rig->dir);
    rig->fluxa.name = "fluxa";
    rig->system = (struct fx_engine_system){.system = &rig->fluxa, .channel = "C1"};
    struct fx_store *store = open_store(rig, rig->good, &err);
    assert_non_null(store);
    fill(rig, store);
    store->close(store);
    *state = rig;
    return 0;
}

static void clear(struct rig *rig, const char *path) {
    static const char *const suffixes[] = {"", "-wal", "-shm"};

    for (size_t i = 0; i < FX_COUNT_OF(suffixes); i++)
        unlink(fx_printf(rig->sc, "%s%s", path, suffixes[i]));
}

static int tear_down(void **state) {
    struct rig *rig = *state;

    clear(rig, rig->good);
    clear(rig, rig->bad);
    rmdir(rig->dir);
    fx_scope_free(rig->sc);
    return 0;
}

/* ---- damage ---- */

/* splitmix64, by Steele, Lea and Flood */
static uint64_t next(uint64_t *seed) {
    uint64_t z = *seed += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void copy_damaged(struct rig *rig, uint64_t seed) {
    static uint8_t bytes[4 << 20];
    int from = open(rig->good, O_RDONLY), to;
    ssize_t length = read(from, bytes, sizeof bytes);

    assert_true(length > 0 && (size_t)length < sizeof bytes);
    close(from);
    clear(rig, rig->bad);
    for (uint64_t i = 1 + next(&seed) % MOST_BYTES; i > 0; i--)
        bytes[next(&seed) % (uint64_t)length] ^= (uint8_t)(1 + next(&seed) % 255);
    if (next(&seed) % 10 == 0)
        length -= (ssize_t)(next(&seed) % (uint64_t)length); /* or cut off */
    to = open(rig->bad, O_CREAT | O_WRONLY | O_TRUNC, 0600);
    assert_int_equal(write(to, bytes, (size_t)length), length);
    close(to);
}

/* ---- the judges ---- */

static bool pages_are_whole(struct rig *rig) {
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    bool whole = sqlite3_open_v2(rig->bad, &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK &&
                 sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &stmt, NULL) == SQLITE_OK &&
                 sqlite3_step(stmt) == SQLITE_ROW &&
                 strcmp((const char *)sqlite3_column_text(stmt, 0), "ok") == 0;

    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return whole;
}

static bool chain_is_whole(struct rig *rig, struct fx_store *store) {
    int64_t rows = 0, bad_n = 0;
    const char *head = "";
    struct fx_error err;

    return fx_audit_verify(store, rig->sc, &rows, &bad_n, &head, &err) == FX_OK && bad_n == 0;
}

/* As the engine's start does it: refused, frozen, or on. */
enum outcome { REFUSED, FROZEN, ON };
static enum outcome start(struct rig *rig, struct fx_store *store) {
    struct fx_engine engine = {.scope = rig->sc,
                               .options = {.store = store,
                                           .clock = &rig->clock.clock,
                                           .random = fx_random_system(),
                                           .systems = &rig->system,
                                           .systems_count = 1}};
    struct engine_work work = {.engine = &engine, .sc = rig->sc, .now_ms = NOW_MS};
    struct fx_error err = {0};

    if (engine_chain_start(&engine, &err) != FX_OK)
        return REFUSED;
    return engine_frozen(&work, &err) == FX_OK ? ON : FROZEN;
}

static void what_a_check_would_show_is_never_passed_over(void **state) {
    struct rig *rig = *state;
    int refused = 0, frozen = 0, on = 0;

    for (long i = 0; i < damages; i++) {
        uint64_t seed = first_seed + (uint64_t)i;
        struct fx_error err = {0};

        copy_damaged(rig, seed);
        bool whole = pages_are_whole(rig);
        struct fx_store *store = open_store(rig, rig->bad, &err);

        if (store == NULL) {
            assert_true(err.message[0] != '\0');
            refused++;
            continue;
        }
        bool chained = chain_is_whole(rig, store);
        enum outcome now = start(rig, store);

        refused += now == REFUSED, frozen += now == FROZEN, on += now == ON;
        if (now == ON && !(whole && chained))
            fail_msg("seed %llu: a silent start (pages %s, audit log %s)", (unsigned long long)seed,
                     whole ? "whole" : "damaged", chained ? "whole" : "broken");
        store->close(store);
    }
    print_message("%ld damages from seed %llu: %d refused, %d frozen, %d shown by no check\n",
                  damages, (unsigned long long)first_seed, refused, frozen, on);
    assert_true(refused > 0 && frozen > 0);
}

static void a_row_that_was_told_is_not_told_again(void **state) {
    struct rig *rig = *state;
    struct fx_error err = {0};
    sqlite3 *db = NULL;

    clear(rig, rig->bad);
    struct fx_store *store = open_store(rig, rig->bad, &err);
    assert_non_null(store);
    fill(rig, store);
    assert_int_equal(start(rig, store), ON);
    assert_int_equal(sqlite3_open(rig->bad, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(db, "UPDATE audit SET actor = 'U2' WHERE n = 7", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(start(rig, store), FROZEN);
    /* whoever has looked ends the freeze */
    assert_int_equal(
        sqlite3_exec(db, "DELETE FROM settings WHERE name = 'freeze.audit'", NULL, NULL, NULL),
        SQLITE_OK);
    assert_int_equal(start(rig, store), ON);
    assert_int_equal(sqlite3_exec(db, "DELETE FROM audit WHERE n = 9", NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(start(rig, store), FROZEN);
    sqlite3_close(db);
    store->close(store);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_a_check_would_show_is_never_passed_over, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_row_that_was_told_is_not_told_again, set_up, tear_down),
    };

    if (argc > 1)
        damages = strtol(argv[1], NULL, 10);
    if (argc > 2)
        first_seed = strtoull(argv[2], NULL, 10);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
