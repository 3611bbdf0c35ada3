/* sandbox_sqs_test.c - the sandbox's SQS keeps SQS's promises about time, counts and handles. */
#include "support/test.h"

#include "sandbox_rig.h"
#include "sqs.h"

#define DLQ_URL "http://x/123456789012/Fluxa-DLQ"
#define INPUT_URL "http://x/123456789012/Fluxa-InputQueue"
#define DLQ_ARN "arn:aws:sqs:us-east-1:123456789012:Fluxa-DLQ"
#define INPUT_ARN "arn:aws:sqs:us-east-1:123456789012:Fluxa-InputQueue"

static int setup_empty(void **state) {
    *state = rig_open(0, 0, 0);
    return 0;
}

static int setup_hundred(void **state) {
    *state = rig_open(60, 25, 15);
    return 0;
}

static int teardown(void **state) {
    rig_close(*state);
    return 0;
}

static int count_of(struct rig *rig, const char *url, const char *attribute) {
    struct fx_json *out =
        rig_sqs(rig, "GetQueueAttributes",
                fx_printf(rig->sc, "{\"QueueUrl\":\"%s\",\"AttributeNames\":[\"All\"]}", url));

    return (int)aws_input_int(fx_json_at(out, "Attributes"), attribute, -1);
}

static int visible(struct rig *rig, const char *url) {
    return count_of(rig, url, "ApproximateNumberOfMessages");
}

static int in_flight(struct rig *rig, const char *url) {
    return count_of(rig, url, "ApproximateNumberOfMessagesNotVisible");
}

static void send_to(struct rig *rig, const char *url, const char *body) {
    assert_non_null(
        rig_sqs(rig, "SendMessage",
                fx_printf(rig->sc, "{\"QueueUrl\":\"%s\",\"MessageBody\":\"%s\"}", url, body)));
}

/* The messages of one receive, NULL when it gave none. */
static struct fx_json *receive(struct rig *rig, const char *url, int max) {
    struct fx_json *out = rig_sqs(rig, "ReceiveMessage",
                                  fx_printf(rig->sc,
                                            "{\"QueueUrl\":\"%s\",\"MaxNumberOfMessages\":%d,"
                                            "\"MessageSystemAttributeNames\":[\"All\"],"
                                            "\"MessageAttributeNames\":[\"All\"]}",
                                            url, max));

    assert_non_null(out);
    return fx_json_at(out, "Messages");
}

static const char *handle_of(const struct fx_json *messages, size_t i) {
    return fx_json_get_text(fx_json_item(messages, i), "ReceiptHandle");
}

static struct fx_json *delete_one(struct rig *rig, const char *url, const char *handle) {
    return rig_sqs(
        rig, "DeleteMessage",
        fx_printf(rig->sc, "{\"QueueUrl\":\"%s\",\"ReceiptHandle\":\"%s\"}", url, handle));
}

static const char *attribute(const struct fx_json *messages, const char *name) {
    return fx_json_get_text(fx_json_at(fx_json_item(messages, 0), "Attributes"), name);
}

/* ---- visibility and receipts ---- */

static void hides_a_received_message_until_its_timeout_ends(void **state) {
    struct rig *rig = *state;

    send_to(rig, INPUT_URL, "m");
    assert_int_equal(fx_json_count(receive(rig, INPUT_URL, 10)), 1);
    assert_null(receive(rig, INPUT_URL, 10));
    assert_int_equal(in_flight(rig, INPUT_URL), 1);
    assert_int_equal(visible(rig, INPUT_URL), 0);
    rig_pass(rig, 1999);
    assert_null(receive(rig, INPUT_URL, 10));
    rig_pass(rig, 1);
    struct fx_json *again = receive(rig, INPUT_URL, 10);
    assert_string_equal(attribute(again, "ApproximateReceiveCount"), "2");
}

static void deletes_by_the_latest_handle_only(void **state) {
    struct rig *rig = *state;

    send_to(rig, INPUT_URL, "m");
    const char *old = handle_of(receive(rig, INPUT_URL, 1), 0);
    rig_pass(rig, 3000);
    const char *latest = handle_of(receive(rig, INPUT_URL, 1), 0);
    assert_non_null(delete_one(rig, INPUT_URL, old));
    assert_int_equal(in_flight(rig, INPUT_URL), 1);
    assert_non_null(delete_one(rig, INPUT_URL, latest));
    assert_int_equal(in_flight(rig, INPUT_URL), 0);
    assert_non_null(delete_one(rig, INPUT_URL, latest));
}

static void deletes_with_a_handle_whose_visibility_ran_out(void **state) {
    struct rig *rig = *state;

    send_to(rig, INPUT_URL, "m");
    const char *handle = handle_of(receive(rig, INPUT_URL, 1), 0);
    rig_pass(rig, 60000);
    assert_non_null(delete_one(rig, INPUT_URL, handle));
    assert_int_equal(visible(rig, INPUT_URL), 0);
}

static void refuses_handles_it_never_gave(void **state) {
    struct rig *rig = *state;

    send_to(rig, INPUT_URL, "m");
    const char *handle = handle_of(receive(rig, INPUT_URL, 1), 0);
    const char *const bad[] = {"rubbish", "AQEB", "AQEB====", "AQEBMS8yLzM="};
    for (size_t i = 0; i < FX_COUNT_OF(bad); i++) {
        assert_null(delete_one(rig, INPUT_URL, bad[i]));
        assert_string_equal(rig->failure.type, "ReceiptHandleIsInvalid");
    }
    assert_null(delete_one(rig, DLQ_URL, handle));
    assert_string_equal(rig->failure.type, "ReceiptHandleIsInvalid");
}

static void releases_a_message_when_its_visibility_is_set_to_zero(void **state) {
    struct rig *rig = *state;

    send_to(rig, INPUT_URL, "m");
    const char *handle = handle_of(receive(rig, INPUT_URL, 1), 0);
    const char *input =
        fx_printf(rig->sc, "{\"QueueUrl\":\"%s\",\"ReceiptHandle\":\"%s\",\"VisibilityTimeout\":0}",
                  INPUT_URL, handle);
    assert_non_null(rig_sqs(rig, "ChangeMessageVisibility", input));
    assert_int_equal(visible(rig, INPUT_URL), 1);
    assert_null(rig_sqs(rig, "ChangeMessageVisibility", input));
    assert_string_equal(rig->failure.type, "MessageNotInflight");
}

static void delays_a_message_and_counts_it_apart(void **state) {
    struct rig *rig = *state;

    assert_non_null(rig_sqs(rig, "SendMessage",
                            "{\"QueueUrl\":\"" INPUT_URL
                            "\",\"MessageBody\":\"m\",\"DelaySeconds\":5}"));
    assert_int_equal(count_of(rig, INPUT_URL, "ApproximateNumberOfMessagesDelayed"), 1);
    assert_int_equal(in_flight(rig, INPUT_URL), 0);
    assert_null(receive(rig, INPUT_URL, 1));
    rig_pass(rig, 5000);
    assert_non_null(receive(rig, INPUT_URL, 1));
}

static void may_give_fewer_than_asked_but_never_more(void **state) {
    struct rig *rig = *state;
    size_t fewer = 0;

    rig->aws.short_receives = 0.5;
    for (int i = 0; i < 40; i++) {
        size_t count = fx_json_count(receive(rig, DLQ_URL, 10));
        assert_true(count <= 10);
        fewer += count < 10;
        rig_pass(rig, 31000);
    }
    assert_true(fewer > 5 && fewer < 35);
}

/* ---- dead letters ---- */

static void dead_letters_after_the_allowed_receives_and_not_before(void **state) {
    struct rig *rig = *state;
    int64_t sent_ms = rig->wall_ms;

    send_to(rig, INPUT_URL, "poison");
    for (int i = 0; i < 3; i++) {
        assert_non_null(receive(rig, INPUT_URL, 1));
        assert_int_equal(visible(rig, DLQ_URL), 0);
        rig_pass(rig, 2000);
    }
    assert_null(receive(rig, INPUT_URL, 1));
    assert_int_equal(visible(rig, DLQ_URL), 1);

    struct fx_json *dead = receive(rig, DLQ_URL, 1);
    assert_string_equal(attribute(dead, "DeadLetterQueueSourceArn"), INPUT_ARN);
    assert_string_equal(attribute(dead, "ApproximateReceiveCount"), "4");
    assert_string_equal(attribute(dead, "SentTimestamp"),
                        fx_printf(rig->sc, "%lld", (long long)sent_ms));
}

static void peeking_at_a_queue_without_a_policy_never_moves_anything(void **state) {
    struct rig *rig = *state;

    for (int i = 0; i < 20; i++) {
        assert_int_equal(fx_json_count(receive(rig, DLQ_URL, 10)), 10);
        rig_pass(rig, 31000);
    }
    assert_int_equal(visible(rig, DLQ_URL), 100);
}

static void the_same_seed_makes_the_same_dead_letters(void **state) {
    struct rig *rig = *state, *other = rig_open(60, 25, 15);
    struct fx_json *a = receive(rig, DLQ_URL, 10), *b = receive(other, DLQ_URL, 10);

    for (size_t i = 0; i < 10; i++)
        assert_string_equal(fx_json_get_text(fx_json_item(a, i), "Body"),
                            fx_json_get_text(fx_json_item(b, i), "Body"));
    rig_close(other);
}

/* ---- move tasks ---- */

static void start_task(struct rig *rig, int rate) {
    assert_non_null(rig_sqs(rig, "StartMessageMoveTask",
                            fx_printf(rig->sc,
                                      "{\"SourceArn\":\"" DLQ_ARN "\",\"DestinationArn\":"
                                      "\"" INPUT_ARN "\",\"MaxNumberOfMessagesPerSecond\":%d}",
                                      rate)));
}

static struct fx_json *task(struct rig *rig) {
    return fx_json_item(
        fx_json_at(rig_sqs(rig, "ListMessageMoveTasks", "{\"SourceArn\":\"" DLQ_ARN "\"}"),
                   "Results"),
        0);
}

static void a_task_moves_at_its_rate_and_completes(void **state) {
    struct rig *rig = *state;

    start_task(rig, 10);
    rig_pass(rig, 2000);
    struct fx_json *now = task(rig);
    assert_string_equal(fx_json_get_text(now, "Status"), "RUNNING");
    assert_int_equal(fx_json_get_int(now, "ApproximateNumberOfMessagesMoved", 0), 20);
    assert_int_equal(fx_json_get_int(now, "ApproximateNumberOfMessagesToMove", 0), 100);
    assert_non_null(fx_json_get_text(now, "TaskHandle"));
    rig_pass(rig, 10000);
    now = task(rig);
    assert_string_equal(fx_json_get_text(now, "Status"), "COMPLETED");
    assert_null(fx_json_get_text(now, "TaskHandle"));
    assert_int_equal(visible(rig, INPUT_URL), 100);
}

static void a_moved_message_is_a_new_one(void **state) {
    struct rig *rig = *state;
    struct fx_json *before = receive(rig, DLQ_URL, 1);

    rig_pass(rig, 31000);
    start_task(rig, 500);
    rig_pass(rig, 1000);
    (void)task(rig);
    struct fx_json *after = receive(rig, INPUT_URL, 1);
    assert_string_equal(fx_json_get_text(fx_json_item(before, 0), "Body"),
                        fx_json_get_text(fx_json_item(after, 0), "Body"));
    assert_string_not_equal(fx_json_get_text(fx_json_item(before, 0), "MessageId"),
                            fx_json_get_text(fx_json_item(after, 0), "MessageId"));
    assert_string_equal(attribute(after, "ApproximateReceiveCount"), "1");
    assert_null(attribute(after, "DeadLetterQueueSourceArn"));
}

static void a_task_leaves_messages_in_flight_where_they_are(void **state) {
    struct rig *rig = *state;

    (void)receive(rig, DLQ_URL, 10);
    start_task(rig, 500);
    rig_pass(rig, 1000);
    assert_string_equal(fx_json_get_text(task(rig), "Status"), "COMPLETED");
    assert_int_equal(visible(rig, INPUT_URL), 90);
    assert_int_equal(in_flight(rig, DLQ_URL), 10);
}

static void a_cancelled_task_stops_and_cannot_be_cancelled_again(void **state) {
    struct rig *rig = *state;
    const char *input;

    start_task(rig, 10);
    rig_pass(rig, 1000);
    input =
        fx_printf(rig->sc, "{\"TaskHandle\":\"%s\"}", fx_json_get_text(task(rig), "TaskHandle"));
    struct fx_json *out = rig_sqs(rig, "CancelMessageMoveTask", input);
    assert_int_equal(fx_json_get_int(out, "ApproximateNumberOfMessagesMoved", 0), 10);
    rig_pass(rig, 60000);
    assert_string_equal(fx_json_get_text(task(rig), "Status"), "CANCELLED");
    assert_int_equal(visible(rig, INPUT_URL), 10);
    assert_null(rig_sqs(rig, "CancelMessageMoveTask", input));
    assert_int_equal(rig->failure.status, 400);
}

static void refuses_tasks_in_the_words_of_aws(void **state) {
    struct rig *rig = *state;

    assert_null(rig_sqs(rig, "StartMessageMoveTask", "{\"SourceArn\":\"" INPUT_ARN "\"}"));
    assert_string_equal(rig->failure.code, "InvalidParameterValue");
    assert_string_equal(rig->failure.message,
                        "Source queue must be configured as a Dead Letter Queue.");
    start_task(rig, 1);
    assert_null(rig_sqs(rig, "StartMessageMoveTask", "{\"SourceArn\":\"" DLQ_ARN "\"}"));
    assert_string_equal(rig->failure.message,
                        "There is already a task running. Only one active task is allowed for a "
                        "source queue arn at a given time.");
    assert_null(rig_sqs(rig, "CancelMessageMoveTask", "{\"TaskHandle\":\"%%\"}"));
    assert_string_equal(rig->failure.message, "Value for parameter TaskHandle is invalid.");
    assert_null(rig_sqs(rig, "CancelMessageMoveTask", "{\"TaskHandle\":\"eyJ0YXNrSWQiOiJ4In0=\"}"));
    assert_int_equal(rig->failure.status, 404);
}

static void a_task_without_destination_fails_on_a_message_that_was_put_there(void **state) {
    struct rig *rig = *state;

    send_to(rig, DLQ_URL, "direct");
    assert_non_null(rig_sqs(rig, "StartMessageMoveTask", "{\"SourceArn\":\"" DLQ_ARN "\"}"));
    rig_pass(rig, 1000);
    assert_string_equal(fx_json_get_text(task(rig), "Status"), "FAILED");
    assert_int_equal(visible(rig, DLQ_URL), 1);
}

/* ---- attributes, batches, effects ---- */

static void computes_the_md5_of_attributes_as_sqs_does(void **state) {
    struct rig *rig = *state;
    struct fx_json *attributes = rig_json(
        rig, "{\"y\":{\"DataType\":\"Binary\",\"BinaryValue\":\"AAH/\"},\"x\":{\"DataType\":"
             "\"String\",\"StringValue\":\"1\"}}");

    /* computed by botocore's client for the same attributes */
    assert_string_equal(sqs_attributes_md5(rig->sc, attributes),
                        "77030b8abcf47175ad77a56336af4504");
}

static void a_batch_fails_entry_by_entry(void **state) {
    struct rig *rig = *state;
    struct fx_json *out =
        rig_sqs(rig, "SendMessageBatch",
                "{\"QueueUrl\":\"" INPUT_URL "\",\"Entries\":[{\"Id\":\"a\",\"MessageBody\":\"1\"},"
                "{\"Id\":\"b\",\"MessageBody\":\"\"},{\"Id\":\"c\",\"MessageBody\":\"3\"}]}");

    assert_int_equal(fx_json_count(fx_json_at(out, "Successful")), 2);
    assert_int_equal(fx_json_count(fx_json_at(out, "Failed")), 1);
    assert_string_equal(fx_json_get_text(fx_json_item(fx_json_at(out, "Failed"), 0), "Id"), "b");
    assert_int_equal(visible(rig, INPUT_URL), 2);
}

static void records_one_effect_for_each_message_and_none_for_reading(void **state) {
    struct rig *rig = *state;

    (void)rig_sqs(rig, "SendMessageBatch",
                  "{\"QueueUrl\":\"" INPUT_URL
                  "\",\"Entries\":[{\"Id\":\"a\",\"MessageBody\":\"{\\\"event_id\\\":\\\"e1\\\"}\"}"
                  ",{\"Id\":\"b\",\"MessageBody\":\"2\"},{\"Id\":\"c\",\"MessageBody\":\"\"}]}");
    struct fx_json *received = receive(rig, INPUT_URL, 1);
    struct fx_json *effects = rig_effects(rig);
    assert_int_equal(fx_json_count(effects), 2);
    struct fx_json *detail = fx_json_at(fx_json_item(effects, 0), "detail");
    assert_string_equal(fx_json_get_text(detail, "event_id"), "e1");
    assert_true(fx_json_get_bool(detail, "batch", false));
    assert_null(fx_json_at(fx_json_at(fx_json_item(effects, 1), "detail"), "event_id"));

    (void)delete_one(rig, INPUT_URL, handle_of(received, 0));
    (void)delete_one(rig, INPUT_URL, handle_of(received, 0));
    effects = rig_effects(rig);
    assert_int_equal(fx_json_count(effects), 3);
    assert_string_equal(fx_json_get_text(fx_json_item(effects, 2), "operation"), "DeleteMessage");
    assert_string_equal(
        fx_json_get_text(fx_json_at(fx_json_item(effects, 2), "detail"), "message_id"),
        fx_json_get_text(fx_json_item(received, 0), "MessageId"));
}

static void forgets_messages_older_than_the_retention(void **state) {
    struct rig *rig = *state;

    send_to(rig, INPUT_URL, "m");
    rig_pass(rig, 4LL * 86400 * 1000);
    sqs_expire(&rig->aws);
    assert_int_equal(visible(rig, INPUT_URL), 1);
    rig_pass(rig, 1);
    sqs_expire(&rig->aws);
    assert_int_equal(visible(rig, INPUT_URL), 0);
}

static void history_remembers_the_depth_before_the_world_began(void **state) {
    struct rig *rig = *state;
    struct sqs_queue *dlq = sqs_find(&rig->aws, "Fluxa-DLQ");
    int64_t minute = rig->wall_ms / 60000;
    struct metric_point then =
        sqs_history_at(dlq, "ApproximateNumberOfMessagesVisible", minute - 100);
    struct metric_point half =
        sqs_history_at(dlq, "ApproximateNumberOfMessagesVisible", minute - 20);

    assert_true(then.samples > 0 && then.max == 0);
    assert_true(half.max > 20 && half.max < 80);
    assert_int_equal(sqs_history_at(dlq, "NoSuchMetric", minute - 20).samples, 0);
}

#define IN_EMPTY(test) cmocka_unit_test_setup_teardown(test, setup_empty, teardown)
#define IN_HUNDRED(test) cmocka_unit_test_setup_teardown(test, setup_hundred, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_EMPTY(hides_a_received_message_until_its_timeout_ends),
        IN_EMPTY(deletes_by_the_latest_handle_only),
        IN_EMPTY(deletes_with_a_handle_whose_visibility_ran_out),
        IN_EMPTY(refuses_handles_it_never_gave),
        IN_EMPTY(releases_a_message_when_its_visibility_is_set_to_zero),
        IN_EMPTY(delays_a_message_and_counts_it_apart),
        IN_HUNDRED(may_give_fewer_than_asked_but_never_more),
        IN_EMPTY(dead_letters_after_the_allowed_receives_and_not_before),
        IN_HUNDRED(peeking_at_a_queue_without_a_policy_never_moves_anything),
        IN_HUNDRED(the_same_seed_makes_the_same_dead_letters),
        IN_HUNDRED(a_task_moves_at_its_rate_and_completes),
        IN_HUNDRED(a_moved_message_is_a_new_one),
        IN_HUNDRED(a_task_leaves_messages_in_flight_where_they_are),
        IN_HUNDRED(a_cancelled_task_stops_and_cannot_be_cancelled_again),
        IN_HUNDRED(refuses_tasks_in_the_words_of_aws),
        IN_EMPTY(a_task_without_destination_fails_on_a_message_that_was_put_there),
        IN_EMPTY(computes_the_md5_of_attributes_as_sqs_does),
        IN_EMPTY(a_batch_fails_entry_by_entry),
        IN_EMPTY(records_one_effect_for_each_message_and_none_for_reading),
        IN_EMPTY(forgets_messages_older_than_the_retention),
        IN_HUNDRED(history_remembers_the_depth_before_the_world_began),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
