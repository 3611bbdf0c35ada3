/* store_contract_at_once.c - a message that is begun in the transaction that makes it: as if it had
 * been put, found ready and begun, and never before its turn.
 */
#include "contract/store_contract.h"

#include <string.h>

static struct fx_message text(const char *channel, const char *key, const char *parent) {
    return (struct fx_message){.kind = FX_MESSAGE_PUT,
                               .key = key,
                               .parent = parent,
                               .channel = channel,
                               .payload_json = "{}",
                               .due_ms = CONTRACT_NOW_MS,
                               .created_ms = 5};
}

static void put(struct contract *c, struct fx_message message) {
    struct fx_writes w = {0};

    fx_writes_message(c->sc, &w, &message);
    contract_write(c, &w);
}

/* Settles a job with these messages. */
static enum fx_code settle(struct contract *c, const struct fx_job *job,
                           const struct fx_message *messages, size_t count,
                           struct fx_message **ret_begun) {
    struct fx_writes w = {.ret_begun = ret_begun};
    struct fx_error err;

    for (size_t i = 0; i < count; i++)
        fx_writes_message(c->sc, &w, &messages[i]);
    return c->store->settle(c->store, c->sc, job, FX_SETTLE_DONE, 0, NULL, &w, &err);
}

static struct fx_message *begin(struct contract *c, struct fx_message message) {
    struct fx_message *begun = &message;

    contract_job(c, "run", message.key, 1);
    assert_int_equal(settle(c, contract_claim(c, CONTRACT_NOW_MS), &message, 1, &begun), FX_OK);
    return begun;
}

static size_t ready(struct contract *c, int64_t now_ms) {
    struct fx_message **messages = NULL;
    struct fx_error err;
    size_t count = 0;
    int64_t next_ms = 0;

    assert_ok(
        c->store->outbox_ready(c->store, c->sc, now_ms, 10, &messages, &count, &next_ms, &err));
    return count;
}

static void sent(struct contract *c, const struct fx_message *message, const char *ts) {
    struct fx_error err;

    assert_ok(c->store->outbox_sent(c->store, c->sc, message->seq, ts, CONTRACT_NOW_MS, &err));
}

static void it_is_being_sent_with_all_that_its_sender_needs(void **state) {
    struct contract *c = *state;
    struct fx_message *begun = begin(c, text("C1", "a", ""));
    struct fx_error err;

    assert_non_null(begun);
    assert_string_equal(begun->lane, "post C1");
    assert_string_equal(begun->key, "a");
    assert_string_equal(begun->payload_json, "{}");
    assert_string_equal(begun->ts, "");
    assert_int_equal(begun->attempts, 0);
    assert_false(begun->in_doubt);
    assert_int_equal(ready(c, CONTRACT_NOW_MS), 0);
    assert_int_equal(c->store->outbox_begin(c->store, c->sc, begun->seq, CONTRACT_NOW_MS, &err),
                     FX_ERR_CONFLICT);
    sent(c, begun, "1.1");
    begun = begin(c, text("C1", "a", ""));
    assert_string_equal(begun->lane, "edit C1");
    assert_string_equal(begun->ts, "1.1");
}

static void the_next_post_of_its_channel_keeps_the_pace(void **state) {
    struct contract *c = *state;

    sent(c, begin(c, text("C1", "a", "")), "1.1");
    assert_null(begin(c, text("C1", "b", "")));
    assert_non_null(begin(c, text("C2", "c", "")));
    assert_int_equal(ready(c, CONTRACT_NOW_MS + FX_STORE_POST_PACE_MS - 1), 0);
    assert_int_equal(ready(c, CONTRACT_NOW_MS + FX_STORE_POST_PACE_MS), 1);
}

static void it_overtakes_nobody(void **state) {
    struct contract *c = *state;
    struct fx_message late = text("C1", "late", ""), whisper = text("C4", "w", "");

    late.due_ms = CONTRACT_NOW_MS + 5000;
    put(c, late);
    assert_null(begin(c, text("C1", "b", ""))); /* somebody waits there, even if not yet due */
    assert_null(begin(c, text("C2", "c", "parent")));
    assert_non_null(begin(c, text("C3", "d", "")));
    assert_null(begin(c, text("C3", "d", ""))); /* its older text is under way */
    late = text("C5", "e", "");
    late.due_ms = CONTRACT_NOW_MS + 1;
    assert_null(begin(c, late));
    whisper.kind = FX_MESSAGE_EPHEMERAL;
    assert_null(begin(c, whisper));
}

static void what_slack_put_off_is_not_begun(void **state) {
    struct contract *c = *state;
    struct fx_message *begun = begin(c, text("C1", "a", ""));
    const struct fx_error why = {.code = FX_ERR_THROTTLED, .message = "busy"};
    struct fx_error err;

    assert_ok(
        c->store->outbox_retry(c->store, c->sc, begun->seq, CONTRACT_NOW_MS + 3000, &why, &err));
    assert_null(begin(c, text("C2", "b", "")));
}

static void of_several_the_first_that_may_is_begun(void **state) {
    struct contract *c = *state;
    const struct fx_message messages[] = {text("C1", "a", "parent"), text("C2", "b", ""),
                                          text("C3", "c", "")};
    struct fx_message *begun = NULL;

    contract_job(c, "run", "r1", 1);
    assert_int_equal(settle(c, contract_claim(c, CONTRACT_NOW_MS), messages, 3, &begun), FX_OK);
    assert_string_equal(begun->key, "b");
    assert_int_equal(ready(c, CONTRACT_NOW_MS), 1);
}

static void a_lost_claim_begins_nothing(void **state) {
    struct contract *c = *state;
    struct fx_message message = text("C1", "a", ""), *begun = NULL;

    contract_job(c, "run", "r1", 1);
    struct fx_job *job = contract_claim(c, CONTRACT_NOW_MS);
    assert_non_null(contract_claim(c, CONTRACT_NOW_MS + CONTRACT_LEASE_MS));
    assert_int_equal(settle(c, job, &message, 1, &begun), FX_ERR_CONFLICT);
    assert_null(begun);
    assert_int_equal(ready(c, CONTRACT_NOW_MS), 0);
    assert_non_null(begin(c, message)); /* and the lane is free */
}

/* As with outbox_begin: nobody knows whether it left. */
static void one_whose_sender_died_waits_again_in_doubt(void **state) {
    struct contract *c = *state;
    struct fx_message **messages = NULL;
    struct fx_error err;
    size_t count = 0;
    int64_t next_ms = 0;

    assert_non_null(begin(c, text("C1", "a", "")));
    contract_reopen(c);
    assert_ok(c->store->outbox_recover(c->store, c->sc, &err));
    assert_ok(c->store->outbox_ready(c->store, c->sc, CONTRACT_NOW_MS + FX_STORE_POST_PACE_MS, 10,
                                     &messages, &count, &next_ms, &err));
    assert_int_equal(count, 1);
    assert_true(messages[0]->in_doubt);
}

/* With a job in hand, when the next is due: now, or later. */
static void a_claim_tells_when_the_next_is_due(void **state) {
    struct contract *c = *state;
    struct fx_job *job = NULL;
    struct fx_error err;
    int64_t next_ms = 0;

    contract_job(c, "run", "r1", 10);
    contract_job(c, "run", "r2", 20);
    contract_job(c, "run", "r3", 700);
    assert_ok(c->store->claim(c->store, c->sc, "w", 30, 1000, &job, &next_ms, &err));
    assert_string_equal(job->subject, "r1");
    assert_int_equal(next_ms, 20);
    assert_ok(c->store->claim(c->store, c->sc, "w", 30, 1000, &job, &next_ms, &err));
    assert_int_equal(next_ms, 700);
    assert_ok(c->store->claim(c->store, c->sc, "w", 30, 1000, &job, &next_ms, &err));
    assert_null(job);
    assert_int_equal(next_ms, 700);
}

static void count_one(void *argument) {
    ++*(int *)argument;
}

static void who_waits_for_work_is_told_of_a_new_event_only(void **state) {
    struct contract *c = *state;
    int told = 0;
    struct fx_event event = {.id = "e1",
                             .kind = "sns",
                             .body = "{}",
                             .keys = {"k1"},
                             .claimable = count_one,
                             .claimable_argument = &told};
    struct fx_error err;
    bool is_new = false;

    assert_ok(c->store->accept(c->store, c->sc, &event, &is_new, &err));
    assert_int_equal(told, 1);
    assert_ok(c->store->accept(c->store, c->sc, &event, &is_new, &err));
    assert_false(is_new);
    assert_int_equal(told, 1);
}

int store_contract_at_once(struct contract_backend *backend) {
    const struct CMUnitTest tests[] = {
        CONTRACT_TEST(it_is_being_sent_with_all_that_its_sender_needs),
        CONTRACT_TEST(the_next_post_of_its_channel_keeps_the_pace),
        CONTRACT_TEST(it_overtakes_nobody),
        CONTRACT_TEST(what_slack_put_off_is_not_begun),
        CONTRACT_TEST(of_several_the_first_that_may_is_begun),
        CONTRACT_TEST(a_lost_claim_begins_nothing),
        CONTRACT_TEST(one_whose_sender_died_waits_again_in_doubt),
        CONTRACT_TEST(who_waits_for_work_is_told_of_a_new_event_only),
        CONTRACT_TEST(a_claim_tells_when_the_next_is_due),
    };

    return cmocka_run_group_tests_name("store at once", tests, NULL, NULL);
}
