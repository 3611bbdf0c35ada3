/* engine_remind_test.c - a request that nobody decides: one reminder when half of its time is over,
 * and at its end a card that says so.
 */
#include "support/test.h"

#include "change_world.h"

#include <string.h>

enum { HALF_MS = WORLD_WAIT_MS / 2, LATER_MS = 5000 /* than any lane is taken */ };

/* What Slack was sent. */
struct channel {
    size_t reminders;
    const char *reminder, *card; /* the last of each; "" */
};

static bool is_asked(struct change_world *w) {
    return change_world_approval(w) != NULL;
}

static void deliver(struct change_world *w, struct channel *channel) {
    enum { ROUNDS = 10 };
    struct fx_store *store = w->durable;
    struct fx_scope *sc = w->rig->sc;
    struct fx_error err;

    for (int64_t round = 1; round <= ROUNDS; round++) {
        int64_t next_ms = 0, now_ms = w->rig->clock.wall_ms + round * LATER_MS;
        struct fx_message **ready = NULL;
        size_t count = 0;

        assert_ok(store->outbox_ready(store, sc, now_ms, 1, &ready, &count, &next_ms, &err));
        for (size_t i = 0; i < count; i++) {
            bool reminds = strstr(ready[i]->key, ":reminder") != NULL;

            assert_ok(store->outbox_begin(store, sc, ready[i]->seq, now_ms, &err));
            assert_ok(store->outbox_sent(store, sc, ready[i]->seq,
                                         fx_printf(sc, "1.%lld", (long long)ready[i]->seq), now_ms,
                                         &err));
            channel->reminders += reminds;
            *(reminds ? &channel->reminder : &channel->card) = ready[i]->payload_json;
            if (reminds)
                assert_string_equal(ready[i]->parent, "run:r1");
        }
    }
}

/* Works off what is due so long after it was asked; sends what that wrote. */
static void at(struct change_world *w, int64_t after_ms, struct channel *channel) {
    int64_t asked_ms = change_world_approval(w)->created_ms;

    for (int i = 0; i < 5; i++) { /* each may leave something to do at once */
        w->rig->clock.wall_ms = asked_ms + after_ms;
        change_world_work(w);
    }
    w->rig->clock.wall_ms = asked_ms + after_ms;
    deliver(w, channel);
}

static void ask(struct change_world *w, struct channel *channel) {
    *channel = (struct channel){.reminder = "", .card = ""};
    change_world_begin(w);
    change_world_drive(w, is_asked);
    at(w, 0, channel);
    assert_non_null(strstr(channel->card, "Approval needed"));
    assert_int_equal(channel->reminders, 0);
}

static void it_comes_at_half_time_once_and_the_end_is_told(void **state) {
    struct change_world *w = *state;
    struct channel channel;

    ask(w, &channel);
    at(w, HALF_MS - 1, &channel);
    assert_int_equal(channel.reminders, 0);
    at(w, HALF_MS, &channel);
    assert_int_equal(channel.reminders, 1);
    assert_non_null(strstr(channel.reminder, "Nobody has decided on /fluxa dlq redrive yet"));
    assert_non_null(strstr(channel.reminder, "then it expires, and nothing is changed"));
    for (int64_t after_ms = HALF_MS; after_ms < WORLD_WAIT_MS; after_ms += WORLD_ROUND_MS)
        at(w, after_ms, &channel);
    at(w, WORLD_WAIT_MS - 1, &channel);
    assert_int_equal(change_world_approval(w)->state, FX_APPROVAL_PENDING);
    assert_non_null(strstr(channel.card, "\"approve\""));
    at(w, WORLD_WAIT_MS, &channel);
    assert_int_equal(change_world_approval(w)->state, FX_APPROVAL_EXPIRED);
    assert_int_equal(change_world_run(w)->state, FX_RUN_EXPIRED);
    assert_non_null(strstr(channel.card, "Expired: move two messages"));
    assert_non_null(strstr(channel.card, "Nobody decided in time. Nothing was changed"));
    assert_non_null(strstr(channel.card, "Ask again with /fluxa dlq redrive"));
    assert_null(strstr(channel.card, "\"approve\""));
    at(w, 3 * WORLD_WAIT_MS, &channel);
    assert_int_equal(channel.reminders, 1);
    assert_int_equal(w->aws.sent[0], 0);
}

static void after_a_decision_none_comes(void **state) {
    struct change_world *w = *state;
    struct channel channel;

    ask(w, &channel);
    change_world_vote(w, "U2", false);
    at(w, 1, &channel);
    assert_non_null(strstr(channel.card, "Denied"));
    at(w, HALF_MS, &channel);
    at(w, 2 * WORLD_WAIT_MS, &channel);
    assert_int_equal(channel.reminders, 0);
    assert_non_null(strstr(channel.card, "Denied"));
    assert_int_equal(change_world_approval(w)->state, FX_APPROVAL_DENIED);
}

static void of_two_the_one_who_approved_is_named(void **state) {
    struct change_world *w = *state;
    struct channel channel;

    ask(w, &channel);
    change_world_vote(w, "U2", true);
    at(w, HALF_MS - 1, &channel);
    assert_int_equal(channel.reminders, 0);
    at(w, HALF_MS, &channel);
    assert_int_equal(channel.reminders, 1);
    assert_non_null(strstr(channel.reminder, "1 of 2: <@U2> approved"));
    assert_non_null(strstr(channel.reminder, "waits for somebody else"));
    at(w, WORLD_WAIT_MS, &channel);
    assert_non_null(strstr(channel.card, "Expired: move two messages"));
    assert_non_null(strstr(channel.card, "1 of 2: <@U2> approved in time. Nothing was changed"));
    assert_int_equal(channel.reminders, 1);
}

static void both_are_due_from_the_moment_it_is_asked(void **state) {
    static const char *const kinds[] = {"remind", "expire"};
    static const int64_t due_after_ms[] = {HALF_MS, WORLD_WAIT_MS};
    struct change_world *w = *state;
    struct fx_job **jobs = NULL;
    struct fx_error err;
    size_t count = 0, found = 0;

    change_world_begin(w);
    change_world_drive(w, is_asked);
    const struct fx_approval *approval = change_world_approval(w);

    assert_int_equal(approval->expires_ms, approval->created_ms + WORLD_WAIT_MS);
    assert_ok(w->durable->jobs(w->durable, w->rig->sc, FX_JOB_READY, 10, &jobs, &count, &err));
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < FX_COUNT_OF(kinds); k++)
            if (strcmp(jobs[i]->kind, kinds[k]) == 0) {
                found++;
                assert_string_equal(jobs[i]->subject, approval->id);
                assert_int_equal(jobs[i]->due_ms, approval->created_ms + due_after_ms[k]);
            }
    assert_int_equal(found, 2);
}

int main(void) {
#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, change_world_set_up, change_world_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(it_comes_at_half_time_once_and_the_end_is_told),
        TEST(after_a_decision_none_comes),
        TEST(of_two_the_one_who_approved_is_named),
        TEST(both_are_due_from_the_moment_it_is_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
