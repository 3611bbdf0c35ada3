/* engine_deliver_test.c - what becomes of a message that Slack or PagerDuty did not take: how long
 * it is tried again, what waits with it, and what is said of one that may have arrived. A real
 * outbox; the other side answers from a list.
 */
#include "support/test.h"

#include "private.h"

#include "fluxabot/pagerdutyapi.h"
#include "fluxabot/slackapi.h"
#include "support/scripted_http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NOW_MS = 1000 * 1000 * 1000, A_WHILE = 40, DAY_MS = 24 * 60 * 60 * 1000 };

#define ANSWER(number, text)                                                                       \
    { .status = (number), .body = (text) }
#define REFUSED(word) ANSWER(200, "{\"ok\":false,\"error\":\"" word "\"}")
#define POSTED ANSWER(200, "{\"ok\":true,\"channel\":\"C1\",\"ts\":\"1.1\"}")
#define NOT_THERE ANSWER(200, "{\"ok\":true,\"messages\":[]}")
#define NO_ANSWER                                                                                  \
    { .failure = FX_ERR_TIMEOUT, .sent = true }

struct rig {
    struct fx_scope *sc;
    char dir[64];
    struct held_clock clock;
    struct scripted_http script;
    struct fx_engine engine;
    enum fx_message_kind kind; /* of the message that a test is about */
};

static int set_up(void **state) {
    struct fx_scope *sc = fx_scope_new(NULL);
    struct rig *rig = FX_NEW(sc, struct rig);
    struct fx_engine_options *options = &rig->engine.options;
    struct fx_error err;

    rig->sc = sc;
    held_clock_init(&rig->clock, NOW_MS);
    scripted_http_init(&rig->script, sc);
    snprintf(rig->dir, sizeof rig->dir, "/tmp/fluxabot-test-XXXXXX");
    assert_non_null(mkdtemp(rig->dir));
    *options = (struct fx_engine_options){.clock = &rig->clock.clock,
                                          .random = fx_random_system(),
                                          .metrics = fx_metrics_new(),
                                          .state = fx_state_memory_new(&rig->clock.clock)};
    assert_ok(fx_store_open(sc, fx_printf(sc, "sqlite://%s/x.db", rig->dir), &rig->clock.clock,
                            fx_random_system(), &options->store, &err));
    assert_ok(fx_slackapi_open(&(struct fx_slackapi_options){.http = &rig->script.http,
                                                             .api_url = "https://slack.com/api",
                                                             .bot_token = "xoxb-1"},
                               &options->slack, &err));
    assert_ok(fx_pagerdutyapi_open(
        &(struct fx_pagerdutyapi_options){.http = &rig->script.http,
                                          .events_url = "https://events.pagerduty.com/v2/enqueue",
                                          .routing_key = "R1"},
        &options->pagerduty, &err));
    *state = rig;
    return 0;
}

static int tear_down(void **state) {
    struct rig *rig = *state;
    struct fx_engine_options *options = &rig->engine.options;
    static const char *const files[] = {"x.db", "x.db-wal", "x.db-shm"};

    fx_pagerdutyapi_close(options->pagerduty);
    fx_slackapi_close(options->slack);
    options->store->close(options->store);
    options->state->close(options->state);
    fx_metrics_free(options->metrics);
    for (size_t i = 0; i < FX_COUNT_OF(files); i++)
        unlink(fx_printf(rig->sc, "%s/%s", rig->dir, files[i]));
    rmdir(rig->dir);
    fx_scope_free(rig->sc);
    return 0;
}

static void put(struct rig *rig, enum fx_message_kind kind, const char *channel, const char *key,
                const char *payload_json) {
    struct fx_store *store = rig->engine.options.store;
    struct fx_writes writes = {0};
    struct fx_error err;

    rig->kind = kind;
    fx_writes_message(rig->sc, &writes,
                      &(struct fx_message){.kind = kind,
                                           .key = key,
                                           .channel = channel,
                                           .payload_json = payload_json,
                                           .due_ms = rig->clock.wall_ms,
                                           .created_ms = rig->clock.wall_ms});
    assert_ok(store->write(store, rig->sc, NULL, &writes, &err));
}

/* The first of that kind that may go now. NULL: none may; *ret_next_ms is when one may. */
static struct fx_message *first(struct rig *rig, int64_t *ret_next_ms) {
    struct fx_store *store = rig->engine.options.store;
    struct fx_message **ready = NULL;
    struct fx_error err;
    size_t count = 0;

    assert_ok(store->outbox_ready(store, rig->sc, rig->clock.wall_ms, 1, &ready, &count,
                                  ret_next_ms, &err));
    for (size_t i = 0; i < count; i++)
        if (ready[i]->kind == rig->kind)
            return ready[i];
    return NULL;
}

/* Time goes on to the moment when the next may go, which is sent. */
static void send_next(struct rig *rig, const struct scripted_reply *replies, size_t count) {
    struct fx_store *store = rig->engine.options.store;
    struct fx_message *message = NULL;
    struct fx_error err;
    int64_t next_ms = 0;

    scripted_http_set(&rig->script, replies, count);
    while ((message = first(rig, &next_ms)) == NULL) {
        assert_true(next_ms > rig->clock.wall_ms);
        rig->clock.wall_ms = next_ms;
    }
    assert_ok(store->outbox_begin(store, rig->sc, message->seq, rig->clock.wall_ms, &err));
    engine_deliver(&rig->engine, rig->sc, message);
    assert_int_equal(rig->script.asked, count);
}

#define SEND(rig, ...)                                                                             \
    send_next((rig), (const struct scripted_reply[]){__VA_ARGS__},                                 \
              FX_COUNT_OF(((const struct scripted_reply[]){__VA_ARGS__})))

static struct fx_store_counts counts(struct rig *rig) {
    struct fx_store *store = rig->engine.options.store;
    struct fx_store_counts found = {0};
    struct fx_error err;

    assert_ok(store->counts(store, rig->sc, &found, &err));
    return found;
}

static void assert_asked(const struct rig *rig, size_t request, const char *method) {
    assert_non_null(strstr(rig->script.requests[request].url, method));
}

/* ---- how long ---- */

static void what_a_proxy_says_is_no_end_of_a_message(void **state) {
    static const struct scripted_reply pages[] = {
        ANSWER(403, "<html>blocked</html>"), ANSWER(407, ""), ANSWER(200, "<html>log in</html>")};
    struct rig *rig = *state;

    put(rig, FX_MESSAGE_PUT, "C1", "card", "{\"text\":\"hello\"}");
    for (int i = 0; i < A_WHILE; i++)
        send_next(rig, &pages[i % 2], 1);
    rig->clock.wall_ms += 2 * DAY_MS;
    send_next(rig, &pages[2], 1);
    assert_int_equal(counts(rig).messages_failed, 0);
    /* behind a status of 200 the post may have gone through */
    SEND(rig, NOT_THERE, POSTED);
    assert_int_equal(counts(rig).messages_waiting, 0);
}

static void a_word_that_nobody_knows_is_waited_for_a_day(void **state) {
    struct rig *rig = *state;

    put(rig, FX_MESSAGE_PUT, "C1", "card", "{\"text\":\"hello\"}");
    for (int i = 0; i < A_WHILE; i++)
        SEND(rig, REFUSED("a_new_word"));
    assert_int_equal(counts(rig).messages_failed, 0);
    rig->clock.wall_ms = NOW_MS + DAY_MS;
    SEND(rig, REFUSED("a_new_word"));
    assert_int_equal(counts(rig).messages_failed, 1);
}

/* Later it would only be in the way of who asks again. */
static void an_answer_to_one_person_is_tried_for_minutes(void **state) {
    struct rig *rig = *state;

    put(rig, FX_MESSAGE_EPHEMERAL, "C1", "", "{\"text\":\"hello\"}");
    for (int i = 0; counts(rig).messages_failed == 0; i++) {
        assert_true(i < A_WHILE);
        SEND(rig, ANSWER(403, "<html>blocked</html>"));
    }
    assert_true(rig->clock.wall_ms < NOW_MS + DAY_MS / 24);
}

#define PAGE                                                                                       \
    "{\"event_action\":\"trigger\",\"dedup_key\":\"i1\",\"payload\":{\"summary\":\"Down\"}}"

static void a_page_outlives_an_outage_of_hours(void **state) {
    struct rig *rig = *state;

    put(rig, FX_MESSAGE_PAGE, "C1", "page", PAGE);
    while (rig->clock.wall_ms < NOW_MS + DAY_MS / 4)
        SEND(rig, ANSWER(503, ""));
    SEND(rig, ANSWER(202, "{\"status\":\"success\"}"));
    assert_int_equal(counts(rig).messages_failed, 0);
}

/* ---- what may have arrived ---- */

#define CARD_FOUND                                                                                 \
    ANSWER(200, "{\"ok\":true,\"messages\":[{\"ts\":\"2.2\",\"metadata\":{\"event_type\":"         \
                "\"fluxabot_message\",\"event_payload\":{\"key\":\"card\"}}}]}")

/* Its message was deleted, and the one that takes its place is not answered. */
static void an_edit_that_became_a_post_is_looked_for(void **state) {
    struct rig *rig = *state;

    put(rig, FX_MESSAGE_PUT, "C1", "card", "{\"text\":\"one\"}");
    SEND(rig, POSTED);
    put(rig, FX_MESSAGE_PUT, "C1", "card", "{\"text\":\"two\"}");
    SEND(rig, REFUSED("message_not_found"), NO_ANSWER);
    SEND(rig, REFUSED("message_not_found"), CARD_FOUND, POSTED);
    assert_asked(rig, 0, "chat.update");
    assert_asked(rig, 1, "conversations.history");
    assert_asked(rig, 2, "chat.update");
    assert_non_null(memmem(rig->script.requests[2].body.ptr, rig->script.requests[2].body.len,
                           "2.2", strlen("2.2")));
    assert_int_equal(counts(rig).messages_failed, 0);
}

static void a_look_that_is_put_off_holds_up_no_other_post(void **state) {
    static const struct scripted_reply later = {
        .status = 429, .body = "", .headers = {{"retry-after", "30"}}};
    struct rig *rig = *state;
    int64_t next_ms = 0;

    put(rig, FX_MESSAGE_PUT, "C1", "card", "{\"text\":\"one\"}");
    SEND(rig, NO_ANSWER);
    send_next(rig, &later, 1);
    assert_asked(rig, 0, "conversations.history");
    put(rig, FX_MESSAGE_PUT, "C2", "other", "{\"text\":\"two\"}");
    assert_string_equal(first(rig, &next_ms)->key, "other");
    SEND(rig, POSTED);
    int64_t sent_ms = rig->clock.wall_ms;

    SEND(rig, NOT_THERE, POSTED); /* and it itself keeps to what was asked */
    assert_in_range(rig->clock.wall_ms, sent_ms + 29 * 1000, sent_ms + 30 * 1000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(what_a_proxy_says_is_no_end_of_a_message),
        TEST(a_word_that_nobody_knows_is_waited_for_a_day),
        TEST(an_answer_to_one_person_is_tried_for_minutes),
        TEST(a_page_outlives_an_outage_of_hours),
        TEST(an_edit_that_became_a_post_is_looked_for),
        TEST(a_look_that_is_put_off_holds_up_no_other_post),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
