/* steps_redrive_test.c - which dead letters a redrive chooses: no more than its maximum, and a move
 * task, which cannot choose, only for a queue that is to be emptied. */
#include "steps_rig.h"

#include <string.h>

#define SAFE(n)                                                                                    \
    "{'id':'m" n "','md5':'d','event_id':'e" n "','correlation_id':'c" n "',"                      \
    "'cause':'Database','safe':true}"
#define LOCKED(n) "{'id':'m" n "','md5':'d','event_id':'e" n "','cause':'Locked','safe':true}"
#define HASH(n) "{'id':'m" n "','md5':'d','event_id':'e" n "','cause':'Hash','safe':false}"

static const char all_safe[] = "{'total':5,'depth':5,'covered':true,'gaps':[],'items':[" SAFE(
    "1") "," LOCKED("2") "," SAFE("3") "," SAFE("4") "," LOCKED("5") "]}";
static const char mixed[] = "{'total':4,'depth':4,'covered':true,'gaps':[],'items':[" SAFE(
    "1") "," HASH("2") "," SAFE("3") "," LOCKED("4") "]}";

/* What SQS says before anything is chosen: where the main queue's dead letters go, and that no move
 * task runs. */
#define QUEUES(rig)                                                                                \
    aws_world_script(                                                                              \
        &(rig)->world,                                                                             \
        REPLY(200,                                                                                 \
              "{\"Attributes\":{\"ApproximateNumberOfMessages\":\"0\",\"RedrivePolicy\":"          \
              "\"{\\\"deadLetterTargetArn\\\":\\\"arn:aws:sqs:us-east-1:1:Fluxa-DLQ\\\"}\"}}"),    \
        REPLY(200, "{\"Results\":[]}"))

static enum fx_code plan(struct steps_rig *rig, const char *census, const char *more,
                         struct fx_json **ret_plan, struct fx_error *ret_err) {
    const char *text = fx_printf(rig->sc, "{'queue':'dlq','census':%s%s}", census, more);
    struct fx_json *params = NULL;
    struct fx_error err = {0};

    *ret_plan = NULL;
    assert_ok(
        fx_step_fill_params(rig->sc, &step_dlq_redrive, steps_rig_json(rig, text), &params, &err));
    QUEUES(rig);
    return step_dlq_redrive.plan(&rig->ctx, params, ret_plan, ret_err);
}

static const struct fx_json *planned(struct steps_rig *rig, const char *census, const char *more) {
    struct fx_json *ret = NULL;
    struct fx_error err = {0};

    assert_ok(plan(rig, census, more, &ret, &err));
    return ret;
}

static void expect_refused(struct steps_rig *rig, const char *census, const char *more,
                           enum fx_code code, const char *word) {
    struct fx_json *ignored = NULL;
    struct fx_error err = {0};

    assert_int_equal(plan(rig, census, more, &ignored, &err), code);
    assert_null(ignored);
    if (strstr(err.message, word) == NULL)
        fail_msg("%s is not in: %s", word, err.message);
}

/* "m1 m3", in the order they are sent */
static const char *chosen(struct steps_rig *rig, const struct fx_json *plan) {
    const struct fx_json *messages = fx_json_at_path(plan, "details.messages");
    const char *text = "";

    for (size_t i = 0; i < fx_json_count(messages); i++)
        text = fx_printf(rig->sc, "%s%s%s", text, i == 0 ? "" : " ",
                         fx_json_get_text(fx_json_item(messages, i), "id"));
    return text;
}

static const char *fact(const struct fx_json *plan, const char *name) {
    const struct fx_json *facts = fx_json_at(plan, "facts");

    for (size_t i = 0; i < fx_json_count(facts); i++)
        if (strcmp(fx_json_get_text(fx_json_item(facts, i), "name"), name) == 0)
            return fx_json_get_text(fx_json_item(facts, i), "value");
    fail_msg("no fact is called %s", name);
    return NULL;
}

static const char *method(const struct fx_json *plan) {
    return fx_json_text(fx_json_at_path(plan, "details.method"));
}

static void chooses_exactly_the_maximum_and_counts_the_rest_as_staying(void **state) {
    struct steps_rig *rig = *state;
    const struct fx_json *ret = planned(rig, mixed, ",'max':2");

    assert_string_equal(chosen(rig, ret), "m1 m3");
    assert_string_equal(fact(ret, "Moving"), "2 of 4 (2 Database)");
    assert_string_equal(fact(ret, "Staying"), "2 (1 Hash, 1 Locked)");
    assert_string_equal(fx_json_get_text(ret, "title"), "redrive 2 of 4 messages");
    assert_int_equal(fx_json_to_int(fx_json_at_path(ret, "calls.0.count"), 0), 2);
    ret = planned(rig, mixed, ",'max':1");
    assert_string_equal(chosen(rig, ret), "m1");
    ret = planned(rig, mixed, ",'max':3");
    assert_string_equal(chosen(rig, ret), "m1 m3 m4");
    assert_string_equal(fact(ret, "Staying"), "1 (1 Hash)");
    ret = planned(rig, mixed, ",'max':2000");
    assert_string_equal(chosen(rig, ret), "m1 m3 m4");
}

static void a_maximum_below_the_queue_is_never_a_move_task(void **state) {
    struct steps_rig *rig = *state;
    const struct fx_json *ret = planned(rig, all_safe, ",'max':4");

    assert_string_equal(method(ret), "selective");
    assert_string_equal(chosen(rig, ret), "m1 m2 m3 m4");
    assert_string_equal(fact(ret, "Staying"), "1 (1 Locked)");
    assert_string_equal(fx_json_text(fx_json_at_path(ret, "calls.0.operation")), "sqs:SendMessage");
    expect_refused(rig, all_safe, ",'max':4,'method':'move-task'", FX_ERR_DENIED,
                   "1 of the 5 messages must stay");
    assert_string_equal(method(planned(rig, all_safe, ",'max':5")), "move-task");
    assert_string_equal(method(planned(rig, all_safe, "")), "move-task");
}

static void the_maximum_counts_what_was_asked_for_alone(void **state) {
    struct steps_rig *rig = *state;
    const struct fx_json *ret = planned(rig, all_safe, ",'which':['Locked'],'max':1");

    assert_string_equal(chosen(rig, ret), "m2");
    assert_string_equal(fact(ret, "Staying"), "4 (3 Database, 1 Locked)");
    ret = planned(rig, all_safe, ",'which':['m5','e4'],'max':2");
    assert_string_equal(chosen(rig, ret), "m4 m5");
}

static void what_must_not_move_is_refused_also_beyond_the_maximum(void **state) {
    static const char late[] = "{'total':3,'depth':3,'covered':true,'gaps':[],'items':[" SAFE(
        "1") "," SAFE("2") "," HASH("3") "]}";
    struct steps_rig *rig = *state;

    expect_refused(rig, late, ",'which':['m1','m3'],'max':1", FX_ERR_DENIED,
                   "m3 (Hash) must not be retried");
}

static void no_message_at_all_is_no_maximum(void **state) {
    struct steps_rig *rig = *state;

    expect_refused(rig, all_safe, ",'max':0", FX_ERR_INPUT, "max must be at least 1");
    expect_refused(rig, all_safe, ",'max':-1", FX_ERR_INPUT, "max must be at least 1");
    assert_int_equal(rig->world.script.asked, 0);
}

static void what_was_chosen_names_all_that_is_needed_to_find_it_again(void **state) {
    struct steps_rig *rig = *state;
    const struct fx_json *ret = planned(rig, all_safe, ",'max':1");

    assert_string_equal(fx_json_dump(rig->sc, fx_json_at_path(ret, "details.messages")),
                        "[{\"id\":\"m1\",\"md5\":\"d\",\"event_id\":\"e1\","
                        "\"correlation_id\":\"c1\",\"cause\":\"Database\"}]");
    assert_string_equal(fx_json_dump(rig->sc, fx_json_at_path(ret, "details.classes")),
                        "{\"Database\":1}");
}

/* ---- the look at the whole queue ---- */

static const char one_visible[] = "{\"Attributes\":{\"ApproximateNumberOfMessages\":\"1\"}}";
static const char one_message[] =
    "{\"Messages\":[{\"MessageId\":\"a1\",\"ReceiptHandle\":\"h1\",\"Body\":"
    "\"{\\\"event_id\\\":\\\"e1\\\"}\",\"MD5OfBody\":\"?\"}]}";

/* Its bodies and the exchanges they came in are gone then: under AddressSanitizer, whoever reads
 * what was freed is found out. */
static void what_a_look_tells_outlives_the_look(void **state) {
    struct steps_rig *rig = *state;
    const struct scripted_reply replies[] = {REPLY(200, one_visible),
                                             REPLY(200, "{\"Results\":[]}"),
                                             REPLY(200, one_message), REPLY(200, "{}")};
    struct fx_step_result result = {0};
    struct fx_error err = {0};

    scripted_http_set(&rig->world.script, replies, FX_COUNT_OF(replies));
    rig->rows = steps_rig_json(rig, "[]");
    assert_ok(step_dlq_classify.run(
        &rig->ctx, steps_rig_json(rig, "{'queue':'dlq','count':1,'brief':true}"), &result, &err));
    assert_int_equal(result.outcome, FX_STEP_DONE);
    assert_string_equal(fx_json_text(fx_json_at_path(result.output, "items.0.id")), "a1");
    assert_string_equal(fx_json_text(fx_json_at_path(result.output, "items.0.event_id")), "e1");
    assert_int_equal(fx_json_get_int(result.output, "total", 0), 1);
}

static void where_a_look_waits_outlives_the_look(void **state) {
    struct steps_rig *rig = *state;
    static const char hidden[] =
        "{\"Attributes\":{\"ApproximateNumberOfMessagesNotVisible\":\"1\"}}";
    const struct scripted_reply replies[] = {REPLY(200, hidden), REPLY(200, "{\"Results\":[]}")};
    struct fx_step_result result = {0};
    struct fx_error err = {0};

    scripted_http_set(&rig->world.script, replies, FX_COUNT_OF(replies));
    assert_ok(step_dlq_classify.run(&rig->ctx, steps_rig_json(rig, "{'queue':'dlq','count':1}"),
                                    &result, &err));
    assert_int_equal(result.outcome, FX_STEP_PARKED);
    assert_int_equal(fx_json_get_int(result.checkpoint, "began", 0), RIG_NOW_MS);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, steps_rig_set_up, steps_rig_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(chooses_exactly_the_maximum_and_counts_the_rest_as_staying),
        TEST(a_maximum_below_the_queue_is_never_a_move_task),
        TEST(the_maximum_counts_what_was_asked_for_alone),
        TEST(what_must_not_move_is_refused_also_beyond_the_maximum),
        TEST(no_message_at_all_is_no_maximum),
        TEST(what_was_chosen_names_all_that_is_needed_to_find_it_again),
        TEST(what_a_look_tells_outlives_the_look),
        TEST(where_a_look_waits_outlives_the_look),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
