/* store_contract_outbox.c - messages go out in order, the newest text of each, and none is lost. */
#include "contract/store_contract.h"

#include <string.h>

static void put_as(struct contract *c, const struct fx_message *message) {
    struct fx_writes w = {0};

    fx_writes_message(c->sc, &w, message);
    contract_write(c, &w);
}

static void put_in(struct contract *c, const char *channel, const char *key, const char *parent,
                   const char *payload, int64_t due_ms) {
    put_as(c, &(struct fx_message){.kind = FX_MESSAGE_PUT,
                                   .key = key,
                                   .parent = parent,
                                   .channel = channel,
                                   .payload_json = payload,
                                   .due_ms = due_ms,
                                   .created_ms = 5});
}

static void put(struct contract *c, const char *key, const char *parent, const char *payload,
                int64_t due_ms) {
    put_in(c, "C1", key, parent, payload, due_ms);
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

static int64_t begin_at(struct contract *c, const struct fx_message *message, int64_t now_ms) {
    struct fx_error err;

    assert_ok(c->store->outbox_begin(c->store, c->sc, message->seq, now_ms, &err));
    return message->seq;
}

static int64_t begin(struct contract *c, const struct fx_message *message) {
    return begin_at(c, message, 100);
}

/* Not answered, or answered by a refusal. */
static void retry(struct contract *c, int64_t seq, int64_t due_ms, enum fx_code code, bool sent) {
    const struct fx_error why = {.code = code, .sent = sent, .message = "busy"};
    struct fx_error err;

    assert_ok(c->store->outbox_retry(c->store, c->sc, seq, due_ms, &why, &err));
}

static void send_first(struct contract *c, int64_t now_ms, size_t expected, const char *ts) {
    struct fx_error err;
    int64_t seq = begin_at(c, ready(c, now_ms, expected, NULL)[0], now_ms);

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
    assert_int_equal(c->store->outbox_begin(c->store, c->sc, old_seq, 100, &err), FX_ERR_CONFLICT);
    assert_ok(c->store->outbox_begin(c->store, c->sc, messages[0]->seq, 100, &err));
    assert_int_equal(c->store->outbox_begin(c->store, c->sc, messages[0]->seq, 100, &err),
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
    put_in(c, "C2", "b", "", "{\"n\":2}", 100);
    int64_t first = begin(c, ready(c, 100, 2, NULL)[0]);
    put(c, "a", "", "{\"n\":3}", 100);
    retry(c, first, 1900, FX_ERR_UNAVAILABLE, false);
    assert_string_equal(ready(c, 1899, 1, NULL)[0]->key, "b");
    struct fx_message **messages = ready(c, 1900, 2, NULL);
    assert_string_equal(messages[0]->payload_json, "{\"n\":3}");
    assert_int_equal(c->store->outbox_sent(c->store, c->sc, first, "1", 1900, &err),
                     FX_ERR_CONFLICT);
}

static void a_retry_counts_and_tells_why_without_secrets(void **state) {
    struct contract *c = *state;
    const struct fx_error why = {.code = FX_ERR_DENIED,
                                 .message = "Bearer abcdefghijklmnopqrstuvwxyz0123456789 expired"};
    struct fx_error err;

    put(c, "a", "", "{}", 100);
    int64_t seq = begin(c, ready(c, 100, 1, NULL)[0]);
    assert_ok(c->store->outbox_retry(c->store, c->sc, seq, 1200, &why, &err));
    struct fx_message *message = ready(c, 1200, 1, NULL)[0];
    assert_int_equal(message->attempts, 1);
    assert_non_null(strstr(message->last_error, "expired"));
    assert_null(strstr(message->last_error, "abcdefghijkl"));
    begin_at(c, message, 1200);
    retry(c, seq, 2300, FX_ERR_UNAVAILABLE, false);
    assert_int_equal(ready(c, 2300, 1, NULL)[0]->attempts, 2);
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
    struct fx_message *child = ready(c, 1100, 1, NULL)[0];
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
    assert_string_equal(ready(c, 1100, 1, NULL)[0]->payload_json, "{\"n\":2}");
    assert_ok(c->store->counts(c->store, c->sc, &counts, &err));
    assert_int_equal(counts.messages_failed, 1);
    assert_int_equal(counts.messages_waiting, 1);
}

/* Its thread never came to be, and what belongs there may be somebody's approval. */
static void what_belongs_to_a_failed_message_is_said_without_it(void **state) {
    struct contract *c = *state;
    struct fx_error err;

    put(c, "card", "", "{}", 100);
    put(c, "reply", "card", "{}", 100);
    int64_t seq = begin(c, ready(c, 100, 1, NULL)[0]);

    assert_ok(c->store->outbox_failed(c->store, c->sc, seq, "invalid_blocks", &err));
    struct fx_message *reply = ready(c, 1100, 1, NULL)[0];
    assert_string_equal(reply->key, "reply");
    assert_string_equal(reply->parent_ts, "");
    put(c, "card", "", "{}", 100); /* drawn anew: it may have its thread after all */
    assert_string_equal(ready(c, 1100, 1, NULL)[0]->key, "card");
    send_first(c, 1100, 1, "1.1");
    assert_string_equal(ready(c, 2100, 1, NULL)[0]->parent_ts, "1.1");
}

static void what_a_dead_process_was_sending_waits_again(void **state) {
    struct contract *c = *state;
    struct fx_error err;

    put(c, "a", "", "{\"n\":1}", 100);
    put_in(c, "C2", "b", "", "{\"n\":2}", 100);
    put_in(c, "C3", "c", "", "{\"n\":3}", 100);
    struct fx_message **messages = ready(c, 100, 3, NULL);
    begin(c, messages[0]);
    begin(c, messages[1]);
    put_in(c, "C2", "b", "", "{\"n\":4}", 100);
    contract_reopen(c);
    ready(c, 100, 1, NULL);
    assert_ok(c->store->outbox_recover(c->store, c->sc, &err));
    messages = ready(c, 1100, 3, NULL);
    assert_string_equal(messages[0]->payload_json, "{\"n\":1}");
    assert_int_equal(messages[0]->attempts, 1);
    assert_true(messages[0]->in_doubt); /* nobody knows how far he came */
    assert_string_equal(messages[1]->payload_json, "{\"n\":4}");
    assert_true(messages[1]->in_doubt);
    assert_string_equal(messages[2]->payload_json, "{\"n\":3}");
    assert_false(messages[2]->in_doubt);
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
    int64_t now_ms;
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

    /* each sending a while after the one before */
    int64_t now_ms = stream->now_ms += FX_STORE_POST_PACE_MS;

    if (store->outbox_ready(store, sc, now_ms, 1, &messages, &count, &next_ms, &err) != FX_OK)
        return false;
    *ret_any = count > 0;
    if (count == 0)
        return true;
    enum fx_code code = store->outbox_begin(store, sc, messages[0]->seq, now_ms, &err);
    if (code == FX_ERR_CONFLICT) /* replaced: its text must not go out */
        return true;
    int n = 0;
    for (const char *p = messages[0]->payload_json; *p != '\0'; p++)
        n = n * 10 + (*p - '0');
    if (code == FX_OK && n % 3 == 0 && messages[0]->attempts == 0)
        return store->outbox_retry(store, sc, messages[0]->seq, 50,
                                   &(struct fx_error){.code = FX_ERR_UNAVAILABLE}, &err) == FX_OK;
    stream->backwards += n <= stream->last;
    stream->last = n;
    return code == FX_OK &&
           store->outbox_sent(store, sc, messages[0]->seq, "1.1", now_ms, &err) == FX_OK;
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

/* ---- lanes ---- */

static void assert_busy(struct contract *c, const struct fx_message *message, int64_t now_ms,
                        int64_t free_ms) {
    struct fx_error err;

    assert_int_equal(c->store->outbox_begin(c->store, c->sc, message->seq, now_ms, &err),
                     FX_ERR_THROTTLED);
    assert_int_equal(err.retry_after_ms, free_ms - now_ms);
}

static void new_posts_of_a_channel_keep_one_pace_edits_and_other_channels_none(void **state) {
    struct contract *c = *state;
    struct fx_error err;
    int64_t next_ms = 0;

    put(c, "a", "", "{}", 100);
    put(c, "b", "", "{}", 100);
    put_in(c, "C2", "c", "", "{}", 100);
    struct fx_message **messages = ready(c, 100, 3, NULL);
    int64_t seq = begin(c, messages[0]);
    begin(c, messages[2]);
    assert_busy(c, messages[1], 101, 100 + FX_STORE_SEND_LEASE_MS); /* one under way */
    assert_ok(c->store->outbox_sent(c->store, c->sc, seq, "1.1", 150, &err));
    put(c, "a", "", "{}", 150); /* an edit now */
    assert_string_equal(ready(c, 1099, 1, &next_ms)[0]->lane, "edit C1");
    assert_int_equal(next_ms, 1100);
    assert_busy(c, messages[1], 1099, 1100);
    contract_reopen(c);
    assert_busy(c, messages[1], 1099, 1100);
    ready(c, 1100, 2, NULL);
    begin_at(c, messages[1], 1100);
}

static void a_sender_that_tells_no_end_has_the_lane_for_a_while_only(void **state) {
    struct contract *c = *state;
    struct fx_error err;

    put(c, "a", "", "{}", 100);
    put(c, "b", "", "{}", 100);
    struct fx_message **messages = ready(c, 100, 2, NULL);
    int64_t lost = begin(c, messages[0]);
    ready(c, 99 + FX_STORE_SEND_LEASE_MS, 0, NULL);
    assert_int_equal(ready(c, 100 + FX_STORE_SEND_LEASE_MS, 1, NULL)[0]->seq, messages[1]->seq);
    begin_at(c, messages[1], 100 + FX_STORE_SEND_LEASE_MS);
    /* and when it tells it late, the lane stays whose it is now */
    assert_ok(c->store->outbox_sent(c->store, c->sc, lost, "1.1", 40000, &err));
    put(c, "d", "", "{}", 100);
    ready(c, 40000, 0, NULL);
}

static void a_clock_that_was_set_back_stops_no_lane(void **state) {
    struct contract *c = *state;
    struct fx_error err;
    int64_t later_ms = 100 + 2 * FX_STORE_LANE_MAX_MS;

    put(c, "a", "", "{}", 100);
    put(c, "b", "", "{}", 100);
    struct fx_message **messages = ready(c, later_ms, 2, NULL);
    assert_ok(c->store->outbox_sent(c->store, c->sc, begin_at(c, messages[0], later_ms), "1.1",
                                    later_ms, &err));
    begin(c, ready(c, 100, 1, NULL)[0]);
}

static void what_slack_put_off_waits_in_every_channel_and_nothing_else_does(void **state) {
    struct contract *c = *state;
    int64_t next_ms = 0;

    put(c, "a", "", "{}", 100);
    put_in(c, "C2", "b", "", "{}", 100);
    put_as(c, &(struct fx_message){.kind = FX_MESSAGE_EPHEMERAL, .user = "U1", .channel = "C1"});
    struct fx_message **messages = ready(c, 100, 3, NULL);
    int64_t seq = begin(c, messages[0]);
    retry(c, seq, 7100, FX_ERR_THROTTLED, false);
    assert_string_equal(ready(c, 7099, 1, &next_ms)[0]->lane, "whisper U1");
    assert_int_equal(next_ms, 7100);
    assert_busy(c, messages[1], 200, 7100);
    ready(c, 7100, 3, NULL);
}

static void many_answers_of_one_person_hold_up_nobody(void **state) {
    struct contract *c = *state;
    struct fx_writes w = {0};

    for (int i = 0; i < 1000; i++)
        fx_writes_message(c->sc, &w,
                          &(struct fx_message){.kind = FX_MESSAGE_EPHEMERAL,
                                               .key = fx_printf(c->sc, "w%d", i),
                                               .user = "U1",
                                               .channel = "C1"});
    contract_write(c, &w);
    for (int i = 0; i < 100; i++)
        put_in(c, "C2", fx_printf(c->sc, "slow%d", i), "", "{}", 0);
    put(c, "card", "", "{}", 0);
    put_as(c, &(struct fx_message){.kind = FX_MESSAGE_PUT,
                                   .urgency = FX_URGENCY_DECISION,
                                   .key = "approval",
                                   .channel = "C3"});
    struct fx_message **messages = NULL;
    struct fx_error err;
    size_t count = 0;
    int64_t next_ms = 0;

    assert_ok(c->store->outbox_ready(c->store, c->sc, 100, 1, &messages, &count, &next_ms, &err));
    assert_int_equal(count, 4);
    assert_string_equal(messages[0]->key, "approval");
    assert_string_equal(messages[3]->key, "card");
}

static void in_a_lane_decisions_go_first_and_progress_last(void **state) {
    struct contract *c = *state;
    static const struct {
        const char *key;
        enum fx_urgency urgency;
    } given[] = {{"p", FX_URGENCY_PROGRESS}, {"n", FX_URGENCY_NORMAL}, {"d", FX_URGENCY_DECISION}};

    for (size_t i = 0; i < FX_COUNT_OF(given); i++)
        put_as(c, &(struct fx_message){.kind = FX_MESSAGE_PUT,
                                       .urgency = given[i].urgency,
                                       .key = given[i].key,
                                       .channel = "C1"});
    struct fx_message **messages = ready(c, 100, 3, NULL);
    assert_string_equal(messages[0]->key, "d");
    assert_string_equal(messages[1]->key, "n");
    assert_string_equal(messages[2]->key, "p");
}

static void what_a_thread_says_stays_in_order(void **state) {
    struct contract *c = *state;

    put(c, "card", "", "{}", 100);
    send_first(c, 100, 1, "1.1");
    put(c, "first", "card", "{}", 100);
    put_as(c, &(struct fx_message){.kind = FX_MESSAGE_PUT,
                                   .urgency = FX_URGENCY_DECISION,
                                   .key = "second",
                                   .parent = "card",
                                   .channel = "C1"});
    put(c, "other", "", "{}", 100);
    struct fx_message **messages = ready(c, 1100, 2, NULL);
    assert_string_equal(messages[0]->key, "first");
    /* it waits long: another thread goes on, its own does not */
    int64_t now_ms = 1100;
    for (int i = 0; i <= FX_STORE_ORDERED_ATTEMPTS; i++, now_ms += 2000)
        retry(c, begin_at(c, messages[0], now_ms), now_ms + 2000, FX_ERR_UNAVAILABLE, false);
    messages = ready(c, now_ms - 1, 1, NULL);
    assert_string_equal(messages[0]->key, "other");
}

/* While Slack takes nothing every attempt fails, also that of a post which was let by. */
static void a_thread_keeps_its_order_through_a_long_outage(void **state) {
    enum { DOZEN = 12, PAUSE_MS = 2000 };
    struct contract *c = *state;
    int64_t now_ms = 1100;

    put(c, "card", "", "{}", 100);
    send_first(c, 100, 1, "1.1");
    put(c, "first", "card", "{}", 100);
    put(c, "second", "card", "{}", 100);
    for (int i = 0; i < DOZEN; i++, now_ms += PAUSE_MS) {
        struct fx_message *first = ready(c, now_ms, 1, NULL)[0];

        assert_string_equal(first->key, "first");
        retry(c, begin_at(c, first, now_ms), now_ms + PAUSE_MS, FX_ERR_UNAVAILABLE, false);
    }
    /* the first may be what nobody can take, so it holds up the second no longer ... */
    now_ms -= PAUSE_MS / 2;
    struct fx_message *second = ready(c, now_ms, 1, NULL)[0];
    assert_string_equal(second->key, "second");
    retry(c, begin_at(c, second, now_ms), now_ms + PAUSE_MS / 2, FX_ERR_UNAVAILABLE, false);
    /* ... but that was not it */
    now_ms += PAUSE_MS / 2;
    assert_string_equal(ready(c, now_ms, 1, NULL)[0]->key, "first");
    send_first(c, now_ms, 1, "1.2");
    assert_string_equal(ready(c, now_ms + PAUSE_MS, 1, NULL)[0]->key, "second");
}

static void doubt_stays_with_the_message_until_it_is_known_to_stand(void **state) {
    struct contract *c = *state;
    struct fx_error err;

    put(c, "a", "", "{\"n\":1}", 100);
    int64_t seq = begin(c, ready(c, 100, 1, NULL)[0]);
    retry(c, seq, 1200, FX_ERR_TIMEOUT, true);
    struct fx_message *message = ready(c, 1200, 1, NULL)[0];
    assert_true(message->in_doubt);
    retry(c, begin_at(c, message, 1200), 2400, FX_ERR_THROTTLED, false);
    assert_true(ready(c, 2400, 1, NULL)[0]->in_doubt);
    put(c, "a", "", "{\"n\":2}", 100); /* the first text may stand under this key */
    message = ready(c, 2400, 1, NULL)[0];
    assert_string_equal(message->payload_json, "{\"n\":2}");
    assert_true(message->in_doubt);
    seq = begin_at(c, message, 2400);
    put(c, "a", "", "{\"n\":3}", 100);
    assert_ok(c->store->outbox_sent(c->store, c->sc, seq, "1.1", 2400, &err));
    assert_false(ready(c, 2400, 1, NULL)[0]->in_doubt);
}

/* In doubt since 1,100; the clock is the store's. */
static void edit_in_doubt(struct contract *c) {
    put(c, "a", "", "{\"n\":1}", 100);
    send_first(c, 100, 1, "42.1");
    put(c, "a", "", "{\"n\":2}", 100);
    c->now_ms = 1100;
    retry(c, begin_at(c, ready(c, 1100, 1, NULL)[0], 1100), 1200, FX_ERR_TIMEOUT, true);
}

static void an_edit_that_may_arrive_late_is_followed_by_the_newest_text_once_more(void **state) {
    struct contract *c = *state;
    const int64_t late_ms = 1100 + FX_STORE_LATE_MS;
    int64_t next_ms = 0;
    struct fx_store_counts counts = {0};
    struct fx_error err;

    edit_in_doubt(c);
    put(c, "a", "", "{\"n\":3}", 100); /* takes its place, and what may come after it */
    send_first(c, 1300, 1, "42.1");
    ready(c, late_ms - 1, 0, &next_ms);
    assert_int_equal(next_ms, late_ms);
    put(c, "a", "", "{\"n\":4}", 100); /* does not wait for that */
    int64_t seq = begin_at(c, ready(c, 2000, 1, NULL)[0], 2000);
    put(c, "a", "", "{\"n\":5}", 100); /* came while the other was on its way */
    assert_ok(c->store->outbox_sent(c->store, c->sc, seq, "42.1", 2000, &err));
    send_first(c, 3000, 1, "42.1");
    ready(c, late_ms - 1, 0, NULL);
    assert_ok(c->store->counts(c->store, c->sc, &counts, &err));
    assert_int_equal(counts.messages_waiting, 1);

    struct fx_message *again = ready(c, late_ms, 1, NULL)[0];
    assert_string_equal(again->payload_json, "{\"n\":5}");
    assert_string_equal(again->ts, "42.1");
    assert_false(again->in_doubt);
    assert_int_equal(again->attempts, 0);
    send_first(c, late_ms, 1, "42.1");
    ready(c, late_ms + FX_STORE_LATE_MS, 0, &next_ms);
    assert_int_equal(next_ms, 0);
}

static void what_is_said_once_more_and_gets_in_doubt_is_said_again(void **state) {
    struct contract *c = *state;
    const int64_t late_ms = 1100 + FX_STORE_LATE_MS;

    edit_in_doubt(c);
    send_first(c, 1300, 1, "42.1");
    c->now_ms = late_ms;
    retry(c, begin_at(c, ready(c, late_ms, 1, NULL)[0], late_ms), late_ms + 1, FX_ERR_TIMEOUT,
          true);
    send_first(c, late_ms + 1, 1, "42.1");
    ready(c, late_ms + FX_STORE_LATE_MS - 1, 0, NULL);
    send_first(c, late_ms + FX_STORE_LATE_MS, 1, "42.1");
    ready(c, late_ms + 2 * FX_STORE_LATE_MS, 0, NULL);
}

static void only_an_edit_in_doubt_is_followed_by_anything(void **state) {
    struct contract *c = *state;
    int64_t next_ms = 0;

    put(c, "a", "", "{}", 100); /* a post that comes late is a message of its own */
    retry(c, begin(c, ready(c, 100, 1, NULL)[0]), 1200, FX_ERR_TIMEOUT, true);
    send_first(c, 1200, 1, "42.1");
    put(c, "a", "", "{}", 100); /* nothing of this one has left */
    retry(c, begin_at(c, ready(c, 1300, 1, NULL)[0], 1300), 1400, FX_ERR_UNAVAILABLE, false);
    send_first(c, 1400, 1, "42.1");
    put_kind(c, FX_MESSAGE_PAGE, "p", "");
    retry(c, begin_at(c, ready(c, 1500, 1, NULL)[0], 1500), 1600, FX_ERR_TIMEOUT, true);
    retry(c, begin_at(c, ready(c, 1600, 1, NULL)[0], 1600), 1700, FX_ERR_TIMEOUT, true);
    send_first(c, 1700, 1, "");
    ready(c, 1700, 0, &next_ms);
    assert_int_equal(next_ms, 0);
}

static void a_clock_that_was_set_back_delays_nothing_for_longer(void **state) {
    struct contract *c = *state;
    int64_t next_ms = 0;

    edit_in_doubt(c);
    c->now_ms = 1200 + 1000 * 60000;
    retry(c, begin_at(c, ready(c, 1200, 1, NULL)[0], 1200), 1300, FX_ERR_TIMEOUT, true);
    send_first(c, 1300, 1, "42.1"); /* the clock is right again */
    ready(c, 1300, 0, &next_ms);
    assert_int_equal(next_ms, 1300 + FX_STORE_LATE_MS);
    send_first(c, next_ms, 1, "42.1");
    ready(c, next_ms, 0, &next_ms);
    assert_int_equal(next_ms, 0);
}

static void what_a_dead_process_was_editing_is_said_once_more(void **state) {
    struct contract *c = *state;
    struct fx_error err;
    int64_t next_ms = 0;

    put(c, "a", "", "{\"n\":1}", 100);
    send_first(c, 100, 1, "42.1");
    put(c, "a", "", "{\"n\":2}", 100);
    begin_at(c, ready(c, 1100, 1, NULL)[0], 1100);
    c->now_ms = 1200;
    contract_reopen(c);
    assert_ok(c->store->outbox_recover(c->store, c->sc, &err));
    send_first(c, 2000, 1, "42.1");
    ready(c, 2000, 0, &next_ms);
    assert_int_equal(next_ms, 1200 + FX_STORE_LATE_MS);
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
        CONTRACT_TEST(what_belongs_to_a_failed_message_is_said_without_it),
        CONTRACT_TEST(what_a_dead_process_was_sending_waits_again),
        CONTRACT_TEST(an_update_keeps_the_ts_and_pruning_does_too),
        CONTRACT_TEST(no_more_than_max_are_read),
        CONTRACT_TEST(new_posts_of_a_channel_keep_one_pace_edits_and_other_channels_none),
        CONTRACT_TEST(a_sender_that_tells_no_end_has_the_lane_for_a_while_only),
        CONTRACT_TEST(a_clock_that_was_set_back_stops_no_lane),
        CONTRACT_TEST(what_slack_put_off_waits_in_every_channel_and_nothing_else_does),
        CONTRACT_TEST(many_answers_of_one_person_hold_up_nobody),
        CONTRACT_TEST(in_a_lane_decisions_go_first_and_progress_last),
        CONTRACT_TEST(what_a_thread_says_stays_in_order),
        CONTRACT_TEST(a_thread_keeps_its_order_through_a_long_outage),
        CONTRACT_TEST(doubt_stays_with_the_message_until_it_is_known_to_stand),
        CONTRACT_TEST(an_edit_that_may_arrive_late_is_followed_by_the_newest_text_once_more),
        CONTRACT_TEST(what_is_said_once_more_and_gets_in_doubt_is_said_again),
        CONTRACT_TEST(only_an_edit_in_doubt_is_followed_by_anything),
        CONTRACT_TEST(a_clock_that_was_set_back_delays_nothing_for_longer),
        CONTRACT_TEST(what_a_dead_process_was_editing_is_said_once_more),
        CONTRACT_TEST(the_last_text_always_arrives_and_never_an_older_one_after_it),
    };

    return cmocka_run_group_tests_name("store outbox", tests, NULL, NULL);
}
