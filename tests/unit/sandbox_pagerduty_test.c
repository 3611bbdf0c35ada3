/* sandbox_pagerduty_test.c - the simulated PagerDuty takes, refuses and joins events as the real
 * one. */
#include "support/test.h"

#include "support/sandbox_world.h"

#define KEY "\"routing_key\":\"R0UT1NGKEYR0UT1NGKEYR0UT1NGKEY00\""
#define PAYLOAD "\"payload\":{\"summary\":\"9 wait\",\"source\":\"alarm\",\"severity\":\"error\"}"
#define TRIGGER "{" KEY ",\"event_action\":\"trigger\",\"dedup_key\":\"k1\"," PAYLOAD "}"
#define RESOLVE "{" KEY ",\"event_action\":\"resolve\",\"dedup_key\":\"k1\"}"

static struct sandbox_reply send_event(struct world *world, const char *event) {
    return world_request(world, sandbox_pagerduty_enqueue, "/pagerduty/v2/enqueue", NULL, event,
                         NULL, 0);
}

static struct fx_json *pages(struct world *world) {
    return fx_json_at(world_look(world, sandbox_door_pages, ""), "pages");
}

static void a_trigger_opens_an_incident_under_its_key(void **state) {
    struct sandbox_reply reply = send_event(*state, TRIGGER);
    struct fx_json *page = fx_json_item(pages(*state), 0);

    assert_int_equal(reply.status, 202);
    assert_string_equal(fx_json_get_text(world_json(*state, &reply), "dedup_key"), "k1");
    assert_string_equal(fx_json_get_text(page, "dedup_key"), "k1");
    assert_string_equal(fx_json_get_text(page, "status"), "triggered");
    assert_string_equal(fx_json_get_text(page, "summary"), "9 wait");
    assert_string_equal(fx_json_get_text(page, "severity"), "error");
}

static void events_with_the_same_key_join_until_it_is_resolved(void **state) {
    send_event(*state, TRIGGER);
    send_event(*state, TRIGGER);
    assert_int_equal(fx_json_count(pages(*state)), 1);
    send_event(*state, RESOLVE);
    assert_string_equal(fx_json_get_text(fx_json_item(pages(*state), 0), "status"), "resolved");
    assert_int_equal(fx_json_count(fx_json_at(fx_json_item(pages(*state), 0), "events")), 3);
    send_event(*state, TRIGGER);
    assert_int_equal(fx_json_count(pages(*state)), 2);
}

static void a_resolution_through_another_key_or_of_nothing_is_dropped(void **state) {
    static const char foreign[] =
        "{\"routing_key\":\"00000000000000000000000000000000\",\"event_action\":\"resolve\","
        "\"dedup_key\":\"k1\"}";

    assert_int_equal(send_event(*state, RESOLVE).status, 202);
    assert_int_equal(fx_json_count(pages(*state)), 0);
    send_event(*state, TRIGGER);
    assert_int_equal(send_event(*state, foreign).status, 202);
    assert_string_equal(fx_json_get_text(fx_json_item(pages(*state), 0), "status"), "triggered");
}

static const char *const refused_events[] = {
    "not json",
    "[]",
    "{\"event_action\":\"trigger\"," PAYLOAD "}",
    "{\"routing_key\":\"short\",\"event_action\":\"trigger\"," PAYLOAD "}",
    "{" KEY "," PAYLOAD "}",
    "{" KEY ",\"event_action\":\"shout\"," PAYLOAD "}",
    "{" KEY ",\"event_action\":\"resolve\"}",
    "{" KEY ",\"event_action\":\"trigger\"}",
    "{" KEY ",\"event_action\":\"trigger\",\"payload\":{\"source\":\"a\",\"severity\":\"error\"}}",
    "{" KEY ",\"event_action\":\"trigger\",\"payload\":{\"summary\":\"a\",\"severity\":\"error\"}}",
    "{" KEY ",\"event_action\":\"trigger\",\"payload\":{\"summary\":\"a\",\"source\":\"a\","
    "\"severity\":\"high\"}}",
    "{" KEY ",\"event_action\":\"trigger\",\"links\":[{\"text\":\"x\"}]," PAYLOAD "}",
    "{" KEY ",\"event_action\":\"trigger\",\"images\":[{\"src\":\"http://a.example/\"}]," PAYLOAD
    "}",
};

static void refuses_events_that_lack_something_for_good(void **state) {
    for (size_t i = 0; i < FX_COUNT_OF(refused_events); i++)
        if (send_event(*state, refused_events[i]).status != 400)
            fail_msg("accepted: %s", refused_events[i]);
    assert_int_equal(fx_json_count(pages(*state)), 0);
}

static const char *trigger_with(struct world *world, size_t key_length, size_t summary_length) {
    char *text = fx_alloc(world->sc, 2000);

    memset(text, 'x', 1999);
    return fx_printf(world->sc,
                     "{" KEY ",\"event_action\":\"trigger\",\"dedup_key\":\"%.*s\",\"payload\":{"
                     "\"summary\":\"%.*s\",\"source\":\"a\",\"severity\":\"info\"}}",
                     (int)key_length, text, (int)summary_length, text);
}

static void keys_have_255_and_summaries_1024_characters_at_most(void **state) {
    assert_int_equal(send_event(*state, trigger_with(*state, 255, 1024)).status, 202);
    assert_int_equal(send_event(*state, trigger_with(*state, 256, 10)).status, 400);
    assert_int_equal(send_event(*state, trigger_with(*state, 10, 1025)).status, 400);
}

static void takes_120_events_a_minute(void **state) {
    struct world *world = *state;

    for (int i = 0; i < 120; i++)
        assert_int_equal(send_event(world, TRIGGER).status, 202);
    assert_int_equal(send_event(world, TRIGGER).status, 429);
    world->now_ms += 60000;
    assert_int_equal(send_event(world, TRIGGER).status, 202);
}

static void faults_reach_pagerduty_too(void **state) {
    world_door(*state, sandbox_door_fault, "{\"target\":\"pagerduty\",\"kind\":\"5xx\"}");
    assert_int_equal(send_event(*state, TRIGGER).status, 500);
    world_door(*state, sandbox_door_fault, "{\"target\":\"pagerduty\",\"kind\":\"timeout_after\"}");
    assert_true(send_event(*state, TRIGGER).hang_up);
    assert_int_equal(fx_json_count(pages(*state)), 1);
}

static void the_incident_page_escapes_foreign_text(void **state) {
    struct world *world = *state;

    send_event(world, "{" KEY ",\"event_action\":\"trigger\",\"dedup_key\":\"k2\",\"payload\":{"
                      "\"summary\":\"<script>1</script>\",\"source\":\"a\",\"severity\":\"info\"},"
                      "\"links\":[{\"href\":\"https://a.example/?\\\"x\",\"text\":\"<b>\"}]}");
    struct sandbox_reply page = world_request(world, sandbox_pagerduty_incident,
                                              "/pagerduty/incidents/k2", NULL, NULL, NULL, 0);
    assert_int_equal(page.status, 200);
    assert_null(strstr(page.body.ptr, "<script"));
    assert_non_null(strstr(page.body.ptr, "&lt;script&gt;"));
    assert_non_null(strstr(page.body.ptr, "?&quot;x"));
}

static void an_acknowledgement_on_the_page_reaches_the_bot_signed(void **state) {
    struct world *world = *state;
    uint8_t mac[FX_SHA256_BYTES];

    send_event(world, TRIGGER);
    world_door(world, sandbox_door_pagerduty_options, "{\"webhook_secret\":\"whsec-test\"}");
    assert_int_equal(world_request(world, sandbox_pagerduty_decide, "/pagerduty/incidents/k1", NULL,
                                   "action=acknowledge", NULL, 0)
                         .status,
                     303);
    assert_string_equal(fx_json_get_text(fx_json_item(pages(world), 0), "status"), "acknowledged");
    fx_hmac_sha256(FX_SLICE("whsec-test"), fx_slice_of(world->sent_body), mac);
    assert_string_equal(world_sent_header(world, "X-PagerDuty-Signature"),
                        fx_printf(world->sc, "v1=%s", fx_hex(world->sc, mac, sizeof mac)));
    assert_non_null(strstr(world->sent_body, "incident.acknowledged"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_trigger_opens_an_incident_under_its_key),
        TEST(events_with_the_same_key_join_until_it_is_resolved),
        TEST(a_resolution_through_another_key_or_of_nothing_is_dropped),
        TEST(refuses_events_that_lack_something_for_good),
        TEST(keys_have_255_and_summaries_1024_characters_at_most),
        TEST(takes_120_events_a_minute),
        TEST(faults_reach_pagerduty_too),
        TEST(the_incident_page_escapes_foreign_text),
        TEST(an_acknowledgement_on_the_page_reaches_the_bot_signed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
