/* store_contract_files.c - a file follows what was said in its thread before it, and no text ever
 * waits for a file. */
#include "contract/store_contract.h"

#include <string.h>

static void put(struct contract *c, enum fx_message_kind kind, const char *key,
                const char *parent) {
    struct fx_writes w = {0};
    const struct fx_message message = {.kind = kind,
                                       .key = key,
                                       .parent = parent,
                                       .channel = "C1",
                                       .payload_json = "{\"name\":\"a.png\"}",
                                       .due_ms = 100,
                                       .created_ms = 5};

    fx_writes_message(c->sc, &w, &message);
    contract_write(c, &w);
}

static struct fx_message **ready(struct contract *c, int64_t now_ms, size_t expected) {
    struct fx_message **messages = NULL;
    struct fx_error err;
    size_t count = 0;
    int64_t next_ms = 0;

    assert_ok(
        c->store->outbox_ready(c->store, c->sc, now_ms, 10, &messages, &count, &next_ms, &err));
    assert_int_equal(count, expected);
    return messages;
}

static int64_t begin(struct contract *c, const struct fx_message *message, int64_t now_ms) {
    struct fx_error err;

    assert_ok(c->store->outbox_begin(c->store, c->sc, message->seq, now_ms, &err));
    return message->seq;
}

static void sent(struct contract *c, int64_t seq, const char *ts, int64_t now_ms) {
    struct fx_error err;

    assert_ok(c->store->outbox_sent(c->store, c->sc, seq, ts, now_ms, &err));
}

static void retry(struct contract *c, int64_t seq, int64_t due_ms, enum fx_code code,
                  bool was_sent) {
    const struct fx_error why = {.code = code, .sent = was_sent, .message = "busy"};
    struct fx_error err;

    assert_ok(c->store->outbox_retry(c->store, c->sc, seq, due_ms, &why, &err));
}

static void post(struct contract *c, const char *key, const char *ts) {
    put(c, FX_MESSAGE_PUT, key, "");
    sent(c, begin(c, ready(c, 100, 1)[0], 100), ts, 100);
}

static void it_waits_for_its_card(void **state) {
    struct contract *c = *state;

    put(c, FX_MESSAGE_PUT, "card", "");
    put(c, FX_MESSAGE_FILE, "file:a", "card");
    struct fx_message **messages = ready(c, 100, 1);
    assert_string_equal(messages[0]->key, "card");
    sent(c, begin(c, messages[0], 100), "1.1", 100);
    messages = ready(c, 100, 1); /* in a lane of its own, so not after the pace of posts */
    assert_string_equal(messages[0]->key, "file:a");
    assert_string_equal(messages[0]->lane, "file C1");
    assert_string_equal(messages[0]->parent_ts, "1.1");
    assert_string_equal(messages[0]->payload_json, "{\"name\":\"a.png\"}");
    assert_int_equal(messages[0]->kind, FX_MESSAGE_FILE);
}

static void it_follows_what_was_said_in_its_thread_before_it(void **state) {
    struct contract *c = *state;

    post(c, "card", "1.1");
    put(c, FX_MESSAGE_PUT, "before", "card");
    put(c, FX_MESSAGE_FILE, "file:a", "card");
    put(c, FX_MESSAGE_PUT, "behind", "card");
    struct fx_message **messages = ready(c, 1100, 1);
    assert_string_equal(messages[0]->key, "before");
    int64_t seq = begin(c, messages[0], 1100);
    ready(c, 1100, 0); /* nor while that is under way */
    sent(c, seq, "1.2", 1100);
    messages = ready(c, 2100, 2);
    assert_string_equal(messages[0]->key, "file:a");
    assert_string_equal(messages[1]->key, "behind");
    retry(c, begin(c, messages[0], 2100), 900000, FX_ERR_UNAVAILABLE, true);
    assert_string_equal(ready(c, 2100, 1)[0]->key, "behind"); /* which waits for no file */
}

static void a_429_of_files_puts_off_files_alone(void **state) {
    struct contract *c = *state;

    post(c, "card", "1.1");
    put(c, FX_MESSAGE_FILE, "file:a", "card");
    put(c, FX_MESSAGE_PUT, "text", "card");
    struct fx_message **messages = ready(c, 1100, 2);
    retry(c, begin(c, messages[0], 1100), 31100, FX_ERR_THROTTLED, false);
    assert_string_equal(ready(c, 1100, 1)[0]->key, "text");
    contract_reopen(c);
    assert_string_equal(ready(c, 31099, 1)[0]->key, "text");
    messages = ready(c, 31100, 2);
    assert_string_equal(messages[0]->key, "file:a");
    assert_false(messages[0]->in_doubt);
}

static void those_of_a_thread_stand_in_their_order(void **state) {
    struct contract *c = *state;

    post(c, "card", "1.1");
    put(c, FX_MESSAGE_FILE, "file:a", "card");
    put(c, FX_MESSAGE_FILE, "file:b", "card");
    int64_t seq = begin(c, ready(c, 100, 1)[0], 100);
    ready(c, 100, 0);
    retry(c, seq, 5000, FX_ERR_UNAVAILABLE, false);
    ready(c, 4999, 0);
    struct fx_message **messages = ready(c, 5000, 1);
    assert_string_equal(messages[0]->key, "file:a");
    sent(c, begin(c, messages[0], 5000), "", 5000);
    ready(c, 5000 + FX_STORE_POST_PACE_MS - 1, 0);
    assert_string_equal(ready(c, 5000 + FX_STORE_POST_PACE_MS, 1)[0]->key, "file:b");
}

static void one_that_a_dead_process_was_sending_is_in_doubt(void **state) {
    struct contract *c = *state;
    struct fx_error err;

    post(c, "card", "1.1");
    put(c, FX_MESSAGE_FILE, "file:a", "card");
    begin(c, ready(c, 100, 1)[0], 100);
    contract_reopen(c);
    assert_ok(c->store->outbox_recover(c->store, c->sc, &err));
    struct fx_message **messages = ready(c, 1100, 1);
    assert_string_equal(messages[0]->key, "file:a");
    assert_true(messages[0]->in_doubt);
    /* once it is there, nothing of it is said again */
    sent(c, begin(c, messages[0], 1100), "", 1100);
    ready(c, 100000000, 0);
}

static void it_is_not_begun_with_the_job_that_makes_it(void **state) {
    struct contract *c = *state;
    struct fx_message message = {.kind = FX_MESSAGE_FILE, .key = "file:a", .channel = "C1"};
    struct fx_message *begun = &message;
    struct fx_writes w = {.ret_begun = &begun};
    struct fx_error err;

    contract_job(c, "run", "r", 1);
    fx_writes_message(c->sc, &w, &message);
    assert_ok(c->store->settle(c->store, c->sc, contract_claim(c, CONTRACT_NOW_MS), FX_SETTLE_DONE,
                               0, NULL, &w, &err));
    assert_null(begun); /* a worker should not wait for an upload */
    ready(c, CONTRACT_NOW_MS, 1);
}

int store_contract_files(struct contract_backend *backend) {
    const struct CMUnitTest tests[] = {
        CONTRACT_TEST(it_waits_for_its_card),
        CONTRACT_TEST(it_follows_what_was_said_in_its_thread_before_it),
        CONTRACT_TEST(a_429_of_files_puts_off_files_alone),
        CONTRACT_TEST(those_of_a_thread_stand_in_their_order),
        CONTRACT_TEST(one_that_a_dead_process_was_sending_is_in_doubt),
        CONTRACT_TEST(it_is_not_begun_with_the_job_that_makes_it),
    };

    return cmocka_run_group_tests_name("store files", tests, NULL, NULL);
}
