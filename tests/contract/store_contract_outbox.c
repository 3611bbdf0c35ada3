/* store_contract_outbox.c - messages go out in order, the newest text of each, and none is lost. */
#include "contract/store_contract.h"

#include <string.h>

static void put(struct contract *c, const char *key, const char *parent, const char *payload,
                int64_t due_ms) {
    struct fx_writes w = {0};
    struct fx_message message = {.kind = FX_MESSAGE_PUT,
                                 .key = key,
                                 .parent = parent,
                                 .channel = "C1",
                                 .payload_json = payload,
                                 .due_ms = due_ms,
                                 .created_ms = 5};

    fx_writes_message(c->sc, &w, &message);
    contract_write(c, &w);
}

static void put_kind(struct contract *c, enum fx_message_kind kind, const char *key,
                     const char *parent) {
    struct fx_writes w = {0};
    struct fx_message message = {.kind = kind, .key = key, .parent = parent, .channel = "C1"};

    fx_writes_message(c->sc, &w, &message);
    contract_write(c, &w);
}

static struct fx_message **ready(struct contract *c, int64_t now_ms, size_t expected,
                                 int64_t *ret_next_ms) {
    struct fx_message **messages = NULL;
    struct fx_error err;
    size_t count = 0;
    int64_t next_ms = 0;

    assert_ok(
        c->store->outbox_ready(c->store, c->sc, now_ms, 10, &messages, &count, &next_ms, &err));
    assert_int_equal(count, expected);
    if (ret_next_ms != NULL)
        *ret_next_ms = next_ms;
    return messages;
}

static int64_t begin(struct contract *c, const struct fx_message *message) {
    struct fx_error err;

    assert_ok(c->store->outbox_begin(c->store, c->sc, message->seq, &err));
    return message->seq;
}

static void send_first(struct contract *c, int64_t now_ms, size_t expected, const char *ts) {
    struct fx_error err;
    int64_t seq = begin(c, ready(c, now_ms, expected, NULL)[0]);

    assert_ok(c->store->outbox_sent(c->store, c->sc, seq, ts, now_ms, &err));
}

static void messages_go_out_in_order_when_they_are_due(void **state) {
    struct contract *c = *state;
    int64_t next_ms = 0;

    put(c, "a", "", "{\"n\":1}", 100);
    put(c, "b", "", "{\"n\":2}", 300);
    put(c, "c", "", "{\"n\":3}", 100);
    ready(c, 99, 0, &next_ms);
    assert_int_equal(next_ms, 100);
    struct fx_message **messages = ready(c, 100, 2, &next_ms);
    assert_int_equal(next_ms, 300);
    assert_string_equal(messages[0]->key, "a");
    assert_string_equal(messages[0]->payload_json, "{\"n\":1}");
    assert_string_equal(messages[0]->channel, "C1");
    assert_string_equal(messages[0]->ts, "");
    assert_int_equal(messages[0]->created_ms, 5);
    assert_string_equal(messages[1]->key, "c");
    ready(c, 300, 3, &next_ms);
    assert_int_equal(next_ms, 0);
}

static void a_newer_text_takes_the_place_of_one_that_waits(void **state) {
    struct contract *c = *state;
    struct fx_error err;

    put(c, "a", "", "{\"n\":1}", 100);
    put(c, "b", "", "{\"n\":2}", 100);
    int64_t old_seq = ready(c, 100, 2, NULL)[0]->seq;
    put(c, "a", "", "{\"n\":3}", 100);
    struct fx_message **messages = ready(c, 100, 2, NULL);
    assert_string_equal(messages[0]->key, "a");
    assert_string_equal(messages[0]->payload_json, "{\"n\":3}");
    assert_int_equal(c->store->outbox_begin(c->store, c->sc, old_seq, &err), FX_ERR_CONFLICT);
    assert_ok(c->store->outbox_begin(c->store, c->sc, messages[0]->seq, &err));
    assert_int_equal(c->store->outbox_begin(c->store, c->sc, messages[0]->seq, &err),
                     FX_ERR_CONFLICT);
}

static void a_newer_text_waits_for_one_that_is_being_sent(void **state) {
    struct contract *c = *state;
    struct fx_error err;

    put(c, "a", "", "{\"n\":1}", 100);
    int64_t first = begin(c, ready(c, 100, 1, NULL)[0]);
    put(c, "a", "", "{\"n\":2}", 100);
    put(c, "a", "", "{\"n\":3}", 100);
    ready(c, 100, 0, NULL);
    assert_ok(c->store->outbox_sent(c->store, c->sc, first, "17.5", 100, &err));
    struct fx_message **messages = ready(c, 100, 1, NULL);
    assert_string_equal(messages[0]->payload_json, "{\"n\":3}");
    assert_string_equal(messages[0]->ts, "17.5"); /* so it is an update now */
}

static void a_retry_sends_the_newer_text_at_the_old_place_after_the_pause(void **state) {
    struct contract *c = *state;
    struct fx_error err;

    put(c, "a", "", "{\"n\":1}", 100);
    put(c, "b", "", "{\"n\":2}", 100);
    int64_t first = begin(c, ready(c, 100, 2, NULL)[0]);
    put(c, "a", "", "{\"n\":3}", 100);
    assert_ok(c->store->outbox_retry(c->store, c->sc, first, 900, "slow down", &err));
    assert_string_equal(ready(c, 899, 1, NULL)[0]->key, "b");
    struct fx_message **messages = ready(c, 900, 2, NULL);
    assert_string_equal(messages[0]->payload_json, "{\"n\":3}");
    assert_int_equal(c->store->outbox_sent(c->store, c->sc, first, "1", 900, &err),
                     FX_ERR_CONFLICT);
}

static void a_retry_counts_and_tells_why_without_secrets(void **state) {
    struct contract *c = *state;
    struct fx_error err;

    put(c, "a", "", "{}", 100);
    int64_t seq = begin(c, ready(c, 100, 1, NULL)[0]);
    assert_ok(c->store->outbox_retry(c->store, c->sc, seq, 200,
                                     "Bearer abcdefghijklmnopqrstuvwxyz0123456789 expired", &err));
    struct fx_message *message = ready(c, 200, 1, NULL)[0];
    assert_int_equal(message->attempts, 1);
    assert_non_null(strstr(message->last_error, "expired"));
    assert_null(strstr(message->last_error, "abcdefghijkl"));
    begin(c, message);
    assert_ok(c->store->outbox_retry(c->store, c->sc, seq, 300, "again", &err));
    assert_int_equal(ready(c, 300, 1, NULL)[0]->attempts, 2);
}

static void an_answer_waits_until_its_parent_is_posted(void **state) {
    struct contract *c = *state;
    const char *ts = NULL;
    struct fx_error err;

    put(c, "child", "card", "{}", 100);
    put(c, "card", "", "{}", 100);
    assert_string_equal(ready(c, 100, 1, NULL)[0]->key, "card");
    assert_ok(c->store->message_ts(c->store, c->sc, "card", &ts, &err));
    assert_string_equal(ts, "");
    send_first(c, 100, 1, "42.1");
    contract_reopen(c);
    struct fx_message *child = ready(c, 100, 1, NULL)[0];
    assert_string_equal(child->key, "child");
    assert_string_equal(child->parent_ts, "42.1");
    assert_ok(c->store->message_ts(c->store, c->sc, "card", &ts, &err));
    assert_string_equal(ts, "42.1");
}

static void pages_and_private_answers_need_no_parent(void **state) {
    struct contract *c = *state;

    put_kind(c, FX_MESSAGE_PAGE, "incident:1", "card");
    put_kind(c, FX_MESSAGE_EPHEMERAL, "", "card");
    put_kind(c, FX_MESSAGE_EPHEMERAL, "", "card");
    put_kind(c, FX_MESSAGE_VIEW, "v", "card");
    put(c, "incident:1", "", "{}", 0); /* the card is not held up by its page */
    ready(c, 100, 5, NULL);
}

static void only_puts_replace_each_other_and_a_page_waits_for_the_page_before(void **state) {
    struct contract *c = *state;

    put_kind(c, FX_MESSAGE_PAGE, "p", "");
    put_kind(c, FX_MESSAGE_PAGE, "p", ""); /* trigger, then resolve: both must go */
    send_first(c, 100, 1, "");
    send_first(c, 100, 1, "");
    ready(c, 100, 0, NULL);
}

static void a_failed_message_is_over_and_holds_up_nobody(void **state) {
    struct contract *c = *state;
    struct fx_error err;
    struct fx_store_counts counts = {0};

    put(c, "a", "", "{\"n\":1}", 100);
    int64_t seq = begin(c, ready(c, 100, 1, NULL)[0]);
    put(c, "a", "", "{\"n\":2}", 100);
    assert_ok(c->store->outbox_failed(c->store, c->sc, seq, "channel_not_found", &err));
    assert_int_equal(c->store->outbox_failed(c->store, c->sc, seq, "again", &err), FX_ERR_CONFLICT);
    assert_string_equal(ready(c, 100, 1, NULL)[0]->payload_json, "{\"n\":2}");
    assert_ok(c->store->counts(c->store, c->sc, &counts, &err));
    assert_int_equal(counts.messages_failed, 1);
    assert_int_equal(counts.messages_waiting, 1);
}

static void what_a_dead_process_was_sending_waits_again(void **state) {
    struct contract *c = *state;
    struct fx_error err;

    put(c, "a", "", "{\"n\":1}", 100);
    put(c, "b", "", "{\"n\":2}", 100);
    put(c, "c", "", "{\"n\":3}", 100);
    struct fx_message **messages = ready(c, 100, 3, NULL);
    begin(c, messages[0]);
    begin(c, messages[1]);
    put(c, "b", "", "{\"n\":4}", 100);
    contract_reopen(c);
    ready(c, 100, 1, NULL);
    assert_ok(c->store->outbox_recover(c->store, c->sc, &err));
    messages = ready(c, 100, 3, NULL);
    assert_string_equal(messages[0]->payload_json, "{\"n\":1}");
    assert_int_equal(messages[0]->attempts, 1);
    assert_string_equal(messages[1]->payload_json, "{\"n\":4}");
    assert_string_equal(messages[2]->payload_json, "{\"n\":3}");
}

static void an_update_keeps_the_ts_and_pruning_does_too(void **state) {
    struct contract *c = *state;
    struct fx_error err;
    const char *ts = NULL;

    put(c, "a", "", "{}", 100);
    send_first(c, 100, 1, "42.1");
    put(c, "a", "", "{}", 100);
    send_first(c, 100, 1, "");
    assert_ok(c->store->prune(c->store, c->sc, INT64_MAX, &err));
    put(c, "a", "", "{}", 100);
    assert_string_equal(ready(c, 100, 1, NULL)[0]->ts, "42.1");
    assert_ok(c->store->message_ts(c->store, c->sc, "a", &ts, &err));
    assert_string_equal(ts, "42.1");
}

static void no_more_than_max_are_read(void **state) {
    struct contract *c = *state;

    for (int i = 0; i < 15; i++)
        put(c, fx_printf(c->sc, "k%d", i), "", "{}", 100);
    ready(c, 100, 10, NULL);
}

/* ---- a sender against a writer ---- */

enum { UPDATES = 150 };

struct stream {
    struct contract *c;
    bool sends;
    bool failed;
    _Atomic bool *written;
    int last; /* number that was sent last */
    int backwards;
};

static bool update(struct stream *stream, struct fx_scope *sc, int n) {
    struct fx_store *store = stream->c->store;
    struct fx_writes w = {0};
    struct fx_error err;
    struct fx_message message = {.kind = FX_MESSAGE_PUT,
                                 .key = "progress",
                                 .channel = "C1",
                                 .payload_json = fx_printf(sc, "%d", n)};

    fx_writes_message(sc, &w, &message);
    return store->write(store, sc, NULL, &w, &err) == FX_OK;
}

/* Sends, and every third time pretends that the other side was busy. */
static bool send_next(struct stream *stream, struct fx_scope *sc, bool *ret_any) {
    struct fx_store *store = stream->c->store;
    struct fx_message **messages = NULL;
    struct fx_error err;
    size_t count = 0;
    int64_t next_ms = 0;

    if (store->outbox_ready(store, sc, 100, 1, &messages, &count, &next_ms, &err) != FX_OK)
        return false;
    *ret_any = count > 0;
    if (count == 0)
        return true;
    enum fx_code code = store->outbox_begin(store, sc, messages[0]->seq, &err);
    if (code == FX_ERR_CONFLICT) /* replaced: its text must not go out */
        return true;
    int n = 0;
    for (const char *p = messages[0]->payload_json; *p != '\0'; p++)
        n = n * 10 + (*p - '0');
    if (code == FX_OK && n % 3 == 0 && messages[0]->attempts == 0)
        return store->outbox_retry(store, sc, messages[0]->seq, 50, "busy", &err) == FX_OK;
    stream->backwards += n <= stream->last;
    stream->last = n;
    return code == FX_OK &&
           store->outbox_sent(store, sc, messages[0]->seq, "1.1", 100, &err) == FX_OK;
}

static void *run_stream(void *item) {
    struct stream *stream = item;

    for (int n = 1; !stream->sends && n <= UPDATES; n++) {
        struct fx_scope *sc = fx_scope_new(NULL);
        stream->failed |= !update(stream, sc, n);
        fx_scope_free(sc);
    }
    if (!stream->sends)
        atomic_store(stream->written, true);
    while (stream->sends && !stream->failed) {
        bool over = atomic_load(stream->written);
        bool any = false;
        struct fx_scope *sc = fx_scope_new(NULL);
        stream->failed |= !send_next(stream, sc, &any);
        fx_scope_free(sc);
        if (over && !any)
            break;
    }
    return NULL;
}

static void the_last_text_always_arrives_and_never_an_older_one_after_it(void **state) {
    struct contract *c = *state;
    _Atomic bool written = false;
    struct stream streams[] = {{.c = c, .written = &written},
                               {.c = c, .written = &written, .sends = true}};

    contract_threads(2, run_stream, streams, sizeof(streams[0]));
    assert_false(streams[0].failed);
    assert_false(streams[1].failed);
    assert_int_equal(streams[1].last, UPDATES);
    assert_int_equal(streams[1].backwards, 0);
}

int store_contract_outbox(struct contract_backend *backend) {
    const struct CMUnitTest tests[] = {
        CONTRACT_TEST(messages_go_out_in_order_when_they_are_due),
        CONTRACT_TEST(a_newer_text_takes_the_place_of_one_that_waits),
        CONTRACT_TEST(a_newer_text_waits_for_one_that_is_being_sent),
        CONTRACT_TEST(a_retry_sends_the_newer_text_at_the_old_place_after_the_pause),
        CONTRACT_TEST(a_retry_counts_and_tells_why_without_secrets),
        CONTRACT_TEST(an_answer_waits_until_its_parent_is_posted),
        CONTRACT_TEST(pages_and_private_answers_need_no_parent),
        CONTRACT_TEST(only_puts_replace_each_other_and_a_page_waits_for_the_page_before),
        CONTRACT_TEST(a_failed_message_is_over_and_holds_up_nobody),
        CONTRACT_TEST(what_a_dead_process_was_sending_waits_again),
        CONTRACT_TEST(an_update_keeps_the_ts_and_pruning_does_too),
        CONTRACT_TEST(no_more_than_max_are_read),
        CONTRACT_TEST(the_last_text_always_arrives_and_never_an_older_one_after_it),
    };

    return cmocka_run_group_tests_name("store outbox", tests, NULL, NULL);
}
