/* store_postgres_sending_test.c - a message that was being sent when PostgreSQL went away does not
 * stand as being sent for as long as its process lives.
 */
#include "support/test.h"

#include "fluxabot/base/clock.h"
#include "fluxabot/store.h"
#include "support/postgres.h"

enum { NOW_MS = 1 };

struct fixture {
    struct test_postgres postgres;
    struct fx_scope *sc;
    struct fx_store *store;
    int64_t seq; /* of the one message */
};

static size_t ready_count(struct fixture *f) {
    struct fx_message **messages = NULL;
    struct fx_error err;
    size_t count = 0;
    int64_t next_ms = 0;

    assert_ok(f->store->outbox_ready(f->store, f->sc, fx_wall_ms(fx_clock_system()), 5, &messages,
                                     &count, &next_ms, &err));
    if (count > 0)
        f->seq = messages[0]->seq;
    return count;
}

static int setup(void **state) {
    struct fixture *f = *state;
    const struct fx_message message = {.kind = FX_MESSAGE_PUT, .key = "card", .channel = "C1"};
    struct fx_writes writes = {0};
    struct fx_error err;

    f->sc = fx_scope_new(NULL);
    test_postgres_empty(&f->postgres);
    assert_ok(fx_store_open(f->sc, f->postgres.url, fx_clock_system(), fx_random_system(),
                            &f->store, &err));
    fx_writes_message(f->sc, &writes, &message);
    assert_ok(f->store->write(f->store, f->sc, NULL, &writes, &err));
    assert_int_equal(ready_count(f), 1);
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;

    f->store->close(f->store);
    fx_scope_free(f->sc);
    return 0;
}

static void waits_again_when_its_record_was_lost(void **state) {
    struct fixture *f = *state;
    struct fx_error err;

    assert_ok(f->store->outbox_begin(f->store, f->sc, f->seq, NOW_MS, &err));
    test_postgres_kill(&f->postgres);
    assert_int_equal(f->store->outbox_sent(f->store, f->sc, f->seq, "1.1", 1, &err),
                     FX_ERR_UNAVAILABLE);
    test_postgres_start(&f->postgres, NULL);
    assert_int_equal(ready_count(f), 1);
}

static void stays_sent_when_its_record_was_not(void **state) {
    struct fixture *f = *state;
    struct fx_error err;

    assert_ok(f->store->outbox_begin(f->store, f->sc, f->seq, NOW_MS, &err));
    assert_ok(f->store->outbox_sent(f->store, f->sc, f->seq, "1.1", 1, &err));
    test_postgres_kill(&f->postgres);
    test_postgres_start(&f->postgres, NULL);
    assert_int_equal(ready_count(f), 0);
}

/* Another call that fails says nothing about the message in hand. */
static void is_not_taken_back_while_it_is_being_sent(void **state) {
    struct fixture *f = *state;
    struct fx_error err;

    assert_ok(f->store->outbox_begin(f->store, f->sc, f->seq, NOW_MS, &err));
    assert_int_equal(ready_count(f), 0);
    assert_ok(f->store->outbox_sent(f->store, f->sc, f->seq, "1.1", 1, &err));
}

/* Several are under way at once: what one leaves unrecorded says nothing about the others. */
static void leaves_the_others_that_are_under_way(void **state) {
    struct fixture *f = *state;
    const struct fx_message message = {.kind = FX_MESSAGE_PUT, .key = "other", .channel = "C2"};
    struct fx_writes writes = {0};
    struct fx_error err;
    int64_t first = f->seq;

    assert_ok(f->store->outbox_begin(f->store, f->sc, first, NOW_MS, &err));
    fx_writes_message(f->sc, &writes, &message);
    assert_ok(f->store->write(f->store, f->sc, NULL, &writes, &err));
    assert_int_equal(ready_count(f), 1);
    int64_t second = f->seq;

    assert_ok(f->store->outbox_begin(f->store, f->sc, second, NOW_MS, &err));
    test_postgres_kill(&f->postgres);
    assert_int_equal(f->store->outbox_sent(f->store, f->sc, first, "1.1", 1, &err),
                     FX_ERR_UNAVAILABLE);
    test_postgres_start(&f->postgres, NULL);
    assert_int_equal(ready_count(f), 1);
    assert_int_equal(f->seq, first);
    assert_ok(f->store->outbox_sent(f->store, f->sc, second, "1.2", 1, &err));
}

int main(void) {
    struct fixture f = {0};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate_setup_teardown(waits_again_when_its_record_was_lost, setup,
                                                 teardown, &f),
        cmocka_unit_test_prestate_setup_teardown(stays_sent_when_its_record_was_not, setup,
                                                 teardown, &f),
        cmocka_unit_test_prestate_setup_teardown(is_not_taken_back_while_it_is_being_sent, setup,
                                                 teardown, &f),
        cmocka_unit_test_prestate_setup_teardown(leaves_the_others_that_are_under_way, setup,
                                                 teardown, &f),
    };

    test_postgres_make(&f.postgres);
    test_postgres_start(&f.postgres, NULL);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    test_postgres_remove(&f.postgres);
    return failed;
}
