/* store_file_at_once_test.c - many who write to one SQLite file at once share a commit, and each
 * hears what became of his own.
 */
#include "store_file_rig.h"

#include <pthread.h>

enum { SENDERS = 32 };
struct sender {
    struct file_rig *f;
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
    struct file_rig *f = *state;
    struct sender senders[SENDERS];
    pthread_t threads[SENDERS];
    struct fx_error err;

    file_rig_open(f);
    assert_ok(file_rig_accept(f, "e0", &err));
    int64_t syncs = f->disk->log_syncs;
    f->disk->sync_us = 20000; /* all of them have arrived before the first is on the disk */
    for (int i = 0; i < SENDERS; i++) {
        senders[i] = (struct sender){.f = f, .n = i};
        assert_int_equal(pthread_create(&threads[i], NULL, send_one, &senders[i]), 0);
    }
    for (int i = 0; i < SENDERS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < SENDERS; i++) {
        assert_int_equal(senders[i].code, FX_OK);
        assert_true(file_rig_has_event(f, fx_printf(f->sc, "s%d", i)));
    }
    assert_true(f->disk->log_syncs - syncs >= 1);
    assert_true(f->disk->log_syncs - syncs <= SENDERS / 4);
}

/* The database refuses every fourth job after the event was inserted. */
static void an_event_without_its_job_is_undone_and_its_neighbours_are_kept(void **state) {
    struct file_rig *f = *state;
    struct sender senders[SENDERS];
    pthread_t threads[SENDERS];

    file_rig_open(f);
    file_rig_sql(f,
                 "CREATE TRIGGER no_job BEFORE INSERT ON jobs WHEN substr(NEW.subject, 2) % 4 = 3 "
                 "BEGIN SELECT RAISE(ABORT, 'no'); END");
    f->disk->sync_us = 5000;
    for (int i = 0; i < SENDERS; i++) {
        senders[i] = (struct sender){.f = f, .n = i};
        assert_int_equal(pthread_create(&threads[i], NULL, send_one, &senders[i]), 0);
    }
    for (int i = 0; i < SENDERS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < SENDERS; i++) {
        assert_int_equal(senders[i].code, i % 4 == 3 ? FX_ERR_INTERNAL : FX_OK);
        assert_true(file_rig_has_event(f, fx_printf(f->sc, "s%d", i)) == (i % 4 != 3));
    }
}

static void a_failed_commit_is_told_to_everybody_who_shared_it(void **state) {
    struct file_rig *f = *state;
    struct sender senders[SENDERS];
    pthread_t threads[SENDERS];

    file_rig_open(f);
    f->disk->fault = DISK_SYNC_FAILS;
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
    const struct CMUnitTest tests[] = {
        FILE_TEST(those_who_wait_together_share_a_commit),
        FILE_TEST(an_event_without_its_job_is_undone_and_its_neighbours_are_kept),
        FILE_TEST(a_failed_commit_is_told_to_everybody_who_shared_it),
    };

    return cmocka_run_group_tests_name("store file at once", tests, NULL, NULL);
}
