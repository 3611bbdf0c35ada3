/* store_crash_test.c - what was acknowledged is there after kill -9 and after a power cut.
 *
 * A writer acknowledges into a pipe; the checker kills it at a random moment, reads what was
 * acknowledged and looks for it in the store. For the power cut the writer is stopped first,
 * because a machine without power acknowledges nothing more, and the files are cut back to what was
 * synced. Broken twins show that the checker sees a loss: one acknowledges before the commit, one
 * commits without syncing the log.
 */
#include "support/test.h"

#include "fluxabot/base/clock.h"
#include "fluxabot/store.h"
#include "support/test_disk.h"

#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    KILLS = 200,
    CUTS = 40,
    TWIN_LIVES = 40,
    WRITERS = 3,
    EVENTS_EACH = 4000,
    ACKS_MAX = 60,
    LIVES_PER_FILE = 20
};

enum twin { HONEST, ACKNOWLEDGES_EARLY, SYNCS_SELDOM };
enum end { KILL, POWER_CUT };

struct harness {
    char directory[64];
    char path[80];
    unsigned seed;
    int life;
    struct test_disk *disk;
};

struct ack {
    int life, writer, n;
};

static int setup(void **state) {
    struct harness *h = calloc(1, sizeof(*h));
    const char *seed = getenv("FX_SEED");

    snprintf(h->directory, sizeof(h->directory), "%s/fluxabot-crash-XXXXXX", test_disk_directory());
    assert_non_null(mkdtemp(h->directory));
    snprintf(h->path, sizeof(h->path), "%s/t.db", h->directory);
    h->seed = seed != NULL ? (unsigned)strtoul(seed, NULL, 10) : (unsigned)time(NULL);
    h->disk = *state;
    test_disk_reset(h->disk);
    printf("seed: FX_SEED=%u\n", h->seed);
    fflush(stdout); /* or every child prints it again */
    *state = h;
    return 0;
}

static void remove_files(struct harness *h) {
    static const char *const files[] = {
        "", "-wal", "-shm", "-synced", "-wal-synced", "-synced-half", "-wal-synced-half"};

    for (size_t i = 0; i < FX_COUNT_OF(files); i++) {
        char path[128];
        snprintf(path, sizeof(path), "%s%s", h->path, files[i]);
        unlink(path);
    }
}

static int teardown(void **state) {
    struct harness *h = *state;

    remove_files(h);
    rmdir(h->directory);
    free(h);
    return 0;
}

/* ---- the writer: a process that lives until it is killed ---- */

struct writer {
    struct fx_store *store;
    enum twin twin;
    struct ack ack;
    int acks; /* where to */
};

static const char *id_of(struct fx_scope *sc, const struct ack *ack) {
    return fx_printf(sc, "e-%d-%d-%d", ack->life, ack->writer, ack->n);
}

static void acknowledge(const struct writer *writer) {
    if (write(writer->acks, &writer->ack, sizeof(writer->ack)) != sizeof(writer->ack))
        _exit(3);
}

static void *keep_writing(void *item) {
    struct writer *writer = item;

    for (; writer->ack.n < EVENTS_EACH; writer->ack.n++) {
        struct fx_scope *sc = fx_scope_new(NULL);
        const char *id = id_of(sc, &writer->ack);
        struct fx_event event = {
            .id = id, .kind = "sns", .body = "{\"alarm\":\"x\"}", .received_ms = 1, .keys = {id}};
        struct fx_error err;
        struct fx_job *job = NULL;
        int64_t next_ms = 0;
        bool added = false;
        /* claims do not wait for the disk, what is acknowledged beside them does */
        if (writer->store->claim(writer->store, sc, "w", 2, 1, &job, &next_ms, &err) != FX_OK)
            _exit(5);
        if (writer->twin == ACKNOWLEDGES_EARLY)
            acknowledge(writer);
        if (writer->store->accept(writer->store, sc, &event, &added, &err) != FX_OK || !added)
            _exit(4);
        if (writer->twin != ACKNOWLEDGES_EARLY)
            acknowledge(writer);
        fx_scope_free(sc);
    }
    return NULL;
}

/* WAL with NORMAL syncs only at checkpoints: the default that many programs run with. */
static void write_without_syncs(struct harness *h, struct writer *writer) {
    sqlite3 *db = NULL;
    char sql[512];

    if (sqlite3_open(h->path, &db) != SQLITE_OK ||
        sqlite3_exec(db, "PRAGMA synchronous = NORMAL", NULL, NULL, NULL) != SQLITE_OK)
        _exit(5);
    for (; writer->ack.n < EVENTS_EACH; writer->ack.n++) {
        struct fx_scope *sc = fx_scope_new(NULL);
        const char *id = id_of(sc, &writer->ack);
        snprintf(sql, sizeof(sql),
                 "BEGIN; INSERT INTO events VALUES ('%s', 'sns', '{}', 0, 1, '', '', ''); INSERT "
                 "INTO jobs (kind, subject, due_ms, at_ms) VALUES ('event', '%s', 1, 1); COMMIT",
                 id, id);
        if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
            _exit(6);
        acknowledge(writer);
        fx_scope_free(sc);
    }
}

static struct fx_store *open_store(struct harness *h, struct fx_scope *sc) {
    struct fx_store *store = NULL;
    struct fx_error err;

    if (fx_store_open(sc, fx_printf(sc, "sqlite://%s", h->path), fx_clock_system(),
                      fx_random_system(), &store, &err) != FX_OK) {
        fprintf(stderr, "open: %s\n", err.message);
        return NULL;
    }
    return store;
}

static void write_until_killed(struct harness *h, enum twin twin, int acks) {
    struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_store *store = open_store(h, sc);
    struct writer writers[WRITERS];
    pthread_t threads[WRITERS];

    if (store == NULL)
        _exit(2);
    for (int i = 0; i < WRITERS; i++)
        writers[i] =
            (struct writer){.store = store, .twin = twin, .ack = {h->life, i, 0}, .acks = acks};
    if (twin == SYNCS_SELDOM) {
        store->close(store);
        write_without_syncs(h, &writers[0]);
    }
    for (int i = 0; i < WRITERS && twin != SYNCS_SELDOM; i++)
        if (pthread_create(&threads[i], NULL, keep_writing, &writers[i]) != 0)
            _exit(7);
    for (;;)
        pause();
}

/* ---- the checker ---- */

struct acks {
    struct ack list[WRITERS * EVENTS_EACH];
    size_t count;
};

static bool read_ack(int from, struct acks *acks) {
    struct ack *next = &acks->list[acks->count];

    if (acks->count == FX_COUNT_OF(acks->list) || read(from, next, sizeof(*next)) != sizeof(*next))
        return false;
    acks->count++;
    return true;
}

static int random_below(struct harness *h, int limit) {
    return (int)((unsigned)rand_r(&h->seed) % (unsigned)limit);
}

static void spin_us(int us) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t until = now.tv_sec * 1000000000 + now.tv_nsec + us * 1000;

    do
        clock_gettime(CLOCK_MONOTONIC, &now);
    while (now.tv_sec * 1000000000 + now.tv_nsec < until);
}

/* A moment is a number of acknowledgements and some microseconds more; one in eight lies before the
 * first, while the store is being opened. */
static void end_at_a_random_moment(struct harness *h, pid_t pid, int from, enum end end,
                                   struct acks *acks) {
    int wanted = random_below(h, 8) == 0 ? 0 : 1 + random_below(h, ACKS_MAX);
    int status = 0;

    while ((int)acks->count < wanted && read_ack(from, acks))
        ;
    spin_us(random_below(h, wanted == 0 ? 8000 : 400));
    if (end == POWER_CUT) {
        kill(pid, SIGSTOP);
        assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
    }
    kill(pid, SIGKILL);
    if (end == KILL || WIFSTOPPED(status))
        assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status)); /* it did not give up by itself */
    while (read_ack(from, acks))
        ;
}

static int64_t count_sql(struct harness *h, const char *sql) {
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;

    assert_int_equal(sqlite3_open(h->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    int64_t count = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return count;
}

static int count_lost(struct harness *h, const struct acks *acks) {
    struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_store *store = open_store(h, sc);
    struct fx_error err;
    int lost = 0;

    assert_non_null(store);
    for (size_t i = 0; i < acks->count; i++) {
        struct fx_event *event = NULL;
        assert_ok(store->event(store, sc, id_of(sc, &acks->list[i]), &event, &err));
        lost += event == NULL;
    }
    store->close(store);
    fx_scope_free(sc);
    assert_int_equal(count_sql(h,
                               "SELECT COUNT(*) FROM events WHERE id NOT IN (SELECT subject FROM "
                               "jobs WHERE kind = 'event')"),
                     0);
    assert_int_equal(count_sql(h, "SELECT COUNT(*) FROM jobs WHERE subject NOT IN (SELECT id FROM "
                                  "events)"),
                     0);
    return lost;
}

/* One life and its end; how many acknowledged events are missing afterwards. */
static int one_life(struct harness *h, enum twin twin, enum end end, size_t *ret_acks) {
    struct acks *acks = calloc(1, sizeof(*acks));
    int ends[2];

    if (h->life++ % LIVES_PER_FILE == 0)
        remove_files(h);
    h->disk->keeps_synced = end == POWER_CUT;
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        write_until_killed(h, twin, ends[1]);
    }
    close(ends[1]);
    end_at_a_random_moment(h, pid, ends[0], end, acks);
    close(ends[0]);
    if (end == POWER_CUT)
        test_disk_cut_power(h->path);
    int lost = count_lost(h, acks);
    *ret_acks += acks->count;
    free(acks);
    return lost;
}

/* ---- tests ---- */

static void kill_9_loses_nothing_that_was_acknowledged(void **state) {
    struct harness *h = *state;
    size_t acks = 0;

    for (int i = 0; i < KILLS; i++)
        assert_int_equal(one_life(h, HONEST, KILL, &acks), 0);
    printf("%d kills, %zu acknowledged, 0 lost\n", KILLS, acks);
    assert_true(acks > KILLS);
}

static void the_checker_catches_an_acknowledgement_before_the_commit(void **state) {
    struct harness *h = *state;
    size_t acks = 0;
    int lost = 0;

    for (int i = 0; i < TWIN_LIVES; i++)
        lost += one_life(h, ACKNOWLEDGES_EARLY, KILL, &acks);
    printf("broken twin: %d of %zu lost\n", lost, acks);
    assert_true(lost > 0);
}

static void a_power_cut_loses_nothing_that_was_acknowledged(void **state) {
    struct harness *h = *state;
    size_t acks = 0;

    for (int i = 0; i < CUTS; i++)
        assert_int_equal(one_life(h, HONEST, POWER_CUT, &acks), 0);
    printf("%d cuts, %zu acknowledged, 0 lost\n", CUTS, acks);
    assert_true(acks > CUTS);
}

static void the_checker_catches_a_commit_without_a_sync(void **state) {
    struct harness *h = *state;
    size_t acks = 0;
    int lost = 0;

    for (int i = 0; i < TWIN_LIVES / 4; i++)
        lost += one_life(h, SYNCS_SELDOM, POWER_CUT, &acks);
    printf("broken twin: %d of %zu lost\n", lost, acks);
    assert_true(lost > 0);
}

int main(void) {
    struct test_disk *disk = test_disk_install();
#define CRASH_TEST(test)                                                                           \
    { #test, test, setup, teardown, disk }
    const struct CMUnitTest tests[] = {
        CRASH_TEST(kill_9_loses_nothing_that_was_acknowledged),
        CRASH_TEST(the_checker_catches_an_acknowledgement_before_the_commit),
        CRASH_TEST(a_power_cut_loses_nothing_that_was_acknowledged),
        CRASH_TEST(the_checker_catches_a_commit_without_a_sync),
    };

    return cmocka_run_group_tests_name("store crash", tests, NULL, NULL);
}
