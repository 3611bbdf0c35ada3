/* engine_page_test.c - an answer that wakes somebody: one page however often it is told, resolved
 * by the first answer without the finding. */
#include "engine_rig.h"

#include "fluxabot/pagerduty.h"

#include <string.h>

static const char answer[] = "{'page':{'when':'${found.bad}','summary':'${found.count} came back',"
                             "'key':'redriven messages came back','severity':'critical'}}";

static void with_pagerduty(struct engine_rig *rig) {
    /* only asked whether it is there: the outbox sends */
    rig->engine.options.pagerduty = (struct fx_pagerdutyapi *)&rig->engine;
}

/* What the run of a command found, told by an answer; returns its card. */
static struct fx_json *tell(struct engine_rig *rig, const char *environment, const char *command,
                            const char *text, const char *found) {
    struct engine_run run = engine_rig_run(rig, "fluxa", environment, command, "r1");
    struct fx_json *card = fx_json_object(rig->sc);
    struct fx_error err = {0};

    rig->runbook = (struct fx_runbook){.command = command, .answer = engine_rig_json(rig, text)};
    fx_json_put(run.names, "found", engine_rig_json(rig, found));
    assert_ok(engine_answer_page(&run, card, &err));
    return card;
}

static const char bad[] = "{'bad':true,'count':3}", good[] = "{'bad':false,'count':0}";

static const char *page_member(struct engine_rig *rig, const char *path) {
    struct fx_json *event = NULL;
    struct fx_error err = {0};

    assert_int_equal(rig->work.writes.messages_count, 1);
    assert_int_equal(rig->work.writes.messages[0]->kind, FX_MESSAGE_PAGE);
    assert_ok(fx_json_parse(rig->sc, fx_slice_of(rig->work.writes.messages[0]->payload_json),
                            &event, &err));
    return fx_json_text(fx_json_at_path(event, path));
}

static void expect_silence(struct engine_rig *rig) {
    assert_int_equal(rig->work.writes.messages_count + rig->work.writes.settings_count +
                         rig->work.writes.audits_count,
                     0);
}

static void wakes_somebody_and_says_so_on_the_card(void **state) {
    struct engine_rig *rig = *state;

    with_pagerduty(rig);
    rig->engine.options.page_url = "https://pages.example.com/?key=%s";
    struct fx_json *card = tell(rig, "dev", "dlq verify", answer, bad);

    assert_string_equal(page_member(rig, "event_action"), "trigger");
    assert_string_equal(page_member(rig, "payload.summary"), "3 came back (dev)");
    assert_string_equal(page_member(rig, "payload.severity"), "critical");
    assert_string_equal(page_member(rig, "payload.source"), "fluxa");
    assert_string_equal(page_member(rig, "payload.component"), "dlq verify");
    assert_string_equal(page_member(rig, "payload.custom_details.run"), "r1");
    assert_string_equal(fx_json_text(fx_json_at_path(card, "lines.0")), "PagerDuty was told.");
    assert_int_equal(fx_json_count(fx_json_at(card, "buttons")), 1);
    assert_int_equal(rig->work.writes.audits_count, 1);
    assert_string_equal(rig->work.writes.audits[0]->action, "page.triggered");
}

static void what_is_told_again_is_the_same_page(void **state) {
    struct engine_rig *rig = *state;

    with_pagerduty(rig);
    tell(rig, "dev", "dlq redrive", answer, bad);
    const char *key = page_member(rig, "dedup_key"), *lane = rig->work.writes.messages[0]->key;

    engine_rig_keep(rig);
    tell(rig, "dev", "dlq verify", answer, bad); /* commands share the key */
    assert_string_equal(page_member(rig, "event_action"), "trigger");
    assert_string_equal(page_member(rig, "dedup_key"), key);
    assert_string_equal(rig->work.writes.messages[0]->key, lane);
}

static void another_environment_or_key_is_another_page(void **state) {
    struct engine_rig *rig = *state;
    const char *no_key = "{'page':{'when':'${found.bad}','summary':'x'}}";

    with_pagerduty(rig);
    tell(rig, "dev", "dlq verify", answer, bad);
    const char *key = page_member(rig, "dedup_key");

    engine_rig_keep(rig);
    tell(rig, "prod", "dlq verify", answer, bad);
    assert_string_not_equal(page_member(rig, "dedup_key"), key);
    engine_rig_keep(rig);
    tell(rig, "dev", "dlq verify", no_key, bad); /* then the command is the key */
    const char *by_command = page_member(rig, "dedup_key");

    assert_string_not_equal(by_command, key);
    assert_string_equal(page_member(rig, "payload.severity"), "error");
    engine_rig_keep(rig);
    tell(rig, "dev", "dlq redrive", no_key, bad);
    assert_string_not_equal(page_member(rig, "dedup_key"), by_command);
}

static void the_first_answer_without_the_finding_resolves_it_once(void **state) {
    struct engine_rig *rig = *state;

    with_pagerduty(rig);
    tell(rig, "dev", "dlq verify", answer, good);
    expect_silence(rig);
    tell(rig, "dev", "dlq verify", answer, bad);
    const char *key = page_member(rig, "dedup_key");

    engine_rig_keep(rig);
    tell(rig, "prod", "dlq verify", answer, good); /* of another page it knows nothing */
    expect_silence(rig);
    struct fx_json *card = tell(rig, "dev", "dlq redrive", answer, good);

    assert_string_equal(page_member(rig, "event_action"), "resolve");
    assert_string_equal(page_member(rig, "dedup_key"), key);
    assert_string_equal(rig->work.writes.audits[0]->action, "page.resolved");
    assert_int_equal(fx_json_count(card), 0);
    engine_rig_keep(rig);
    tell(rig, "dev", "dlq verify", answer, good);
    expect_silence(rig);
    tell(rig, "dev", "dlq verify", answer, bad); /* and it may come back */
    assert_string_equal(page_member(rig, "event_action"), "trigger");
}

static void without_pagerduty_nobody_is_paged_and_the_card_says_so(void **state) {
    struct engine_rig *rig = *state;
    struct fx_json *card = tell(rig, "dev", "dlq verify", answer, bad);

    expect_silence(rig);
    assert_int_equal(fx_json_count(fx_json_at(card, "lines")), 1);
    assert_non_null(strstr(fx_json_text(fx_json_at_path(card, "lines.0")), "Nobody was paged"));
    assert_null(fx_json_at(card, "buttons"));
    tell(rig, "dev", "dlq verify", answer, good);
    expect_silence(rig);
}

static void an_answer_without_a_page_pages_nobody(void **state) {
    struct engine_rig *rig = *state;

    with_pagerduty(rig);
    assert_int_equal(fx_json_count(tell(rig, "dev", "dlq", "{'verdict':'x'}", bad)), 0);
    expect_silence(rig);
}

/* A condition that is neither true nor false is a mistake, and a silent "no" would wake nobody. */
static void a_condition_that_is_neither_true_nor_false_fails_the_answer(void **state) {
    static const char *const values[] = {"3", "'yes'", "null", "{}"};
    struct engine_rig *rig = *state;

    with_pagerduty(rig);
    rig->runbook = (struct fx_runbook){.command = "dlq", .answer = engine_rig_json(rig, answer)};
    for (size_t i = 0; i < FX_COUNT_OF(values); i++) {
        struct engine_run run = engine_rig_run(rig, "fluxa", "dev", "dlq", "r1");
        struct fx_error err = {0};

        fx_json_put(run.names, "found",
                    engine_rig_json(rig, fx_printf(rig->sc, "{'bad':%s,'count':1}", values[i])));
        assert_int_equal(engine_answer_page(&run, fx_json_object(rig->sc), &err), FX_ERR_INPUT);
        assert_non_null(strstr(err.message, "true or false"));
        expect_silence(rig);
    }
}

static void a_summary_that_is_no_text_is_written_as_one(void **state) {
    struct engine_rig *rig = *state;

    with_pagerduty(rig);
    tell(rig, "dev", "dlq", "{'page':{'when':'${found.bad}','summary':'${found.count}'}}", bad);
    assert_string_equal(page_member(rig, "payload.summary"), "3 (dev)");
}

static void a_page_that_cannot_be_filled_fails_the_answer(void **state) {
    struct engine_rig *rig = *state;
    struct engine_run run = engine_rig_run(rig, "fluxa", "dev", "dlq verify", "r1");
    struct fx_error err = {0};

    with_pagerduty(rig);
    rig->runbook = (struct fx_runbook){.command = "dlq", .answer = engine_rig_json(rig, answer)};
    assert_int_equal(engine_answer_page(&run, fx_json_object(rig->sc), &err), FX_ERR_INPUT);
    assert_non_null(strstr(err.message, "answer page"));
    expect_silence(rig);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, engine_rig_set_up, engine_rig_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(wakes_somebody_and_says_so_on_the_card),
        TEST(what_is_told_again_is_the_same_page),
        TEST(another_environment_or_key_is_another_page),
        TEST(the_first_answer_without_the_finding_resolves_it_once),
        TEST(without_pagerduty_nobody_is_paged_and_the_card_says_so),
        TEST(an_answer_without_a_page_pages_nobody),
        TEST(a_condition_that_is_neither_true_nor_false_fails_the_answer),
        TEST(a_summary_that_is_no_text_is_written_as_one),
        TEST(a_page_that_cannot_be_filled_fails_the_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
