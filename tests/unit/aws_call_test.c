/* aws_call_test.c - which calls are made at all: their parameters, their time, several at once, and
 * what the table of operations says of each.
 */
#include "support/aws_world.h"

/* ---- parameters ---- */

static void refuses_parameters_that_aws_would_refuse(void **state) {
    static const struct {
        const char *service, *operation, *params, *says;
    } bad[] = {
        {"sqs", "GetQueueAttributes", "{}", "QueueUrl is missing"},
        {"sqs", "GetQueueAttributes", NULL, "QueueUrl is missing"},
        {"sqs", "GetQueueAttributes", "[]", "wants an object"},
        {"sqs", "GetQueueAttributes", "{'QueueUrl':1}", "QueueUrl wants text"},
        {"sqs", "GetQueueAttributes", "{'QueueURL':'x'}", "no member QueueURL"},
        {"sqs", "GetQueueAttributes", "{'QueueUrl':'x','AttributeNames':'All'}", "wants a list"},
        {"sqs", "GetQueueAttributes", "{'QueueUrl':'x','AttributeNames':['a',null]}",
         "AttributeNames[1] wants text"},
        {"sqs", "ReceiveMessage", "{'QueueUrl':'x','MaxNumberOfMessages':'10'}",
         "MaxNumberOfMessages wants a whole number"},
        {"sqs", "ReceiveMessage", "{'QueueUrl':'x','MaxNumberOfMessages':1.5}",
         "MaxNumberOfMessages wants a whole number"},
        {"sqs", "StartMessageMoveTask", "{'SourceArn':'a','MaxRate':1}", "no member MaxRate"},
        {"sqs", "SendMessageBatch", "{'QueueUrl':'x','Entries':[{'Id':'1'}]}",
         "Entries[0]: MessageBody is missing"},
        {"cloudwatch", "GetMetricData",
         "{'StartTime':'yesterday','EndTime':2,'MetricDataQueries':[]}", "StartTime wants a time"},
        {"cloudwatch", "GetMetricData",
         "{'StartTime':1763712000000,'EndTime':2,'MetricDataQueries':[]}",
         "StartTime wants a time"},
        {"sqs", "PurgeQueue", "{'QueueUrl':'x'}", "not among the AWS operations"},
        {"ec2", "RunInstances", "{}", "not among the AWS operations"},
    };
    struct aws_world w;

    aws_world_begin(&w, NULL);
    for (size_t i = 0; i < FX_COUNT_OF(bad); i++) {
        assert_int_equal(aws_world_call(&w, bad[i].service, bad[i].operation, bad[i].params),
                         FX_ERR_INPUT);
        aws_world_assert_says(&w, bad[i].says);
        assert_false(w.err.sent);
    }
    assert_int_equal(w.script.asked, 0);
    aws_world_end(&w);
}

static void templates_pass_the_check_but_never_the_wire(void **state) {
    const char *params = "{'QueueUrl':'${queue.dlq.url}','MaxNumberOfMessages':'${count}'}";
    struct aws_world w;
    struct fx_error err;

    aws_world_begin(&w, NULL);
    assert_ok(fx_aws_check_params("sqs", "ReceiveMessage", aws_world_json(w.sc, params), &err));
    assert_int_equal(aws_world_call(&w, "sqs", "ReceiveMessage", params), FX_ERR_INPUT);
    assert_int_equal(fx_aws_check_params("sqs", "ReceiveMessage",
                                         aws_world_json(w.sc, "{'QueueUrl':'${x}','Nope':'${y}'}"),
                                         &err),
                     FX_ERR_INPUT);
    aws_world_end(&w);
}

/* ---- time ---- */

static void a_change_that_comes_too_late_is_not_sent_but_a_read_is(void **state) {
    struct aws_world w;

    aws_world_begin(&w, NULL);
    static const struct scripted_reply replies[] = {{.status = 200, .body = "{}"},
                                                    {.status = 200, .body = "{}"}};

    scripted_http_set(&w.script, replies, 2);
    fx_scope_set_send_before(w.sc, w.clock.mono_ms);
    assert_int_equal(aws_world_call(&w, "sqs", "CancelMessageMoveTask", "{'TaskHandle':'h'}"),
                     FX_ERR_TIMEOUT);
    assert_false(w.err.sent);
    assert_int_equal(w.script.asked, 0);
    assert_int_equal(aws_world_call(&w, "sqs", "ListQueues", NULL), FX_OK);
    assert_int_equal(w.script.requests[0].send_before_mono_ms, 0);
    fx_scope_set_send_before(w.sc, w.clock.mono_ms + 1);
    assert_int_equal(aws_world_call(&w, "sqs", "CancelMessageMoveTask", "{'TaskHandle':'h'}"),
                     FX_OK);
    assert_int_equal(w.script.requests[1].send_before_mono_ms, w.clock.mono_ms + 1);
    aws_world_end(&w);
}

/* ---- several at once ---- */

/* A read that was turned away is made again by itself; a change is not, whatever became of it. */
static void each_of_several_ends_as_it_would_alone(void **state) {
    struct fx_aws_one all[5] = {0};
    struct aws_world w;

    aws_world_begin(&w, NULL);
    aws_world_script(&w, {.status = 503, .body = "{}"}, {.status = 500, .body = "{}"},
                     {.status = 400, .body = "{\"__type\":\"AccessDenied\"}"},
                     {.status = 200, .body = "{\"QueueUrls\":[\"again\"]}"});
    static const char *const operations[] = {"PurgeQueue", "ListQueues", "CancelMessageMoveTask",
                                             "NoSuch", "CancelMessageMoveTask"};

    for (size_t i = 0; i < FX_COUNT_OF(all); i++)
        all[i] = (struct fx_aws_one){
            .sc = w.sc,
            .call = {.service = "sqs",
                     .operation = operations[i],
                     .params =
                         i == 2 || i == 4 ? aws_world_json(w.sc, "{'TaskHandle':'h'}") : NULL}};
    fx_aws_call_all(w.aws, w.sc, all, FX_COUNT_OF(all));
    assert_int_equal(w.script.asked, 4);
    assert_int_equal(all[0].code, FX_ERR_INPUT); /* not in the table */
    assert_int_equal(all[1].code, FX_OK);
    assert_string_equal(fx_json_text(fx_json_at_path(all[1].answer, "QueueUrls.0")), "again");
    assert_int_not_equal(all[2].code, FX_OK);
    assert_true(all[2].err.sent);
    assert_int_equal(all[3].code, FX_ERR_INPUT);
    assert_int_equal(all[4].code, FX_ERR_DENIED);
    assert_false(all[4].err.sent);
    aws_world_end(&w);
}

/* ---- the table ---- */

static void knows_what_each_operation_does(void **state) {
    struct fx_scope *sc = fx_scope_new(NULL);

    assert_int_equal(fx_aws_effect("sqs", "GetQueueAttributes"), FX_EFFECT_READ);
    assert_int_equal(fx_aws_effect("sqs", "ReceiveMessage"), FX_EFFECT_PEEK);
    assert_int_equal(fx_aws_effect("sqs", "DeleteMessage"), FX_EFFECT_KEYED);
    assert_int_equal(fx_aws_effect("sqs", "ChangeMessageVisibility"), FX_EFFECT_ABSOLUTE);
    assert_int_equal(fx_aws_effect("sqs", "StartMessageMoveTask"), FX_EFFECT_UNKEYED);
    assert_int_equal(fx_aws_effect("sqs", "SendMessage"), FX_EFFECT_UNKEYED);
    assert_int_equal(fx_aws_effect("sqs", "PurgeQueue"), FX_EFFECT_REFUSED);
    assert_int_equal(fx_aws_effect("secretsmanager", "GetSecretValue"), FX_EFFECT_REFUSED);
    assert_true(fx_aws_operation_exists("cloudwatch", "DescribeAlarms"));
    assert_true(fx_aws_operation_exists("monitoring", "DescribeAlarms"));
    assert_false(fx_aws_operation_exists("sqs", "describealarms"));
    assert_string_equal(fx_aws_iam_action(sc, "sqs", "SendMessageBatch"), "sqs:SendMessage");
    assert_string_equal(fx_aws_iam_action(sc, "cloudwatch", "DescribeAlarms"),
                        "cloudwatch:DescribeAlarms");
    assert_string_equal(fx_aws_iam_action(sc, "monitoring", "DescribeAlarms"),
                        "cloudwatch:DescribeAlarms");
    fx_scope_free(sc);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_parameters_that_aws_would_refuse),
        cmocka_unit_test(templates_pass_the_check_but_never_the_wire),
        cmocka_unit_test(a_change_that_comes_too_late_is_not_sent_but_a_read_is),
        cmocka_unit_test(each_of_several_ends_as_it_would_alone),
        cmocka_unit_test(knows_what_each_operation_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
