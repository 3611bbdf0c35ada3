/* aws_json_test.c - calls to services that speak JSON, and what their answers become. */
#include "support/aws_world.h"

#include <string.h>

#define QUEUE "'https://sqs.us-east-1.amazonaws.com/123456789012/Fluxa-DLQ'"

static void a_json_call_is_one_signed_post(void **state) {
    struct aws_world w;

    aws_world_begin(&w, NULL);
    aws_world_script(
        &w, {.status = 200, .body = "{\"Attributes\":{\"ApproximateNumberOfMessages\":\"7\"}}"});
    assert_int_equal(aws_world_call(&w, "sqs", "GetQueueAttributes",
                                    "{'QueueUrl':" QUEUE ",'AttributeNames':['All']}"),
                     FX_OK);
    const struct fx_http_request *sent = &w.script.requests[0];
    assert_string_equal(sent->method, "POST");
    assert_string_equal(sent->url, "https://sqs.us-east-1.amazonaws.com/");
    assert_string_equal(scripted_http_header(&w.script, 0, "Content-Type"),
                        "application/x-amz-json-1.0");
    assert_string_equal(scripted_http_header(&w.script, 0, "X-Amz-Target"),
                        "AmazonSQS.GetQueueAttributes");
    assert_string_equal(scripted_http_header(&w.script, 0, "X-Amz-Date"), "20150830T123600Z");
    assert_null(scripted_http_header(&w.script, 0, "X-Amz-Security-Token"));
    assert_non_null(strstr(scripted_http_header(&w.script, 0, "Authorization"),
                           "Credential=AKIDEXAMPLE/20150830/us-east-1/sqs/aws4_request, "
                           "SignedHeaders=content-type;host;x-amz-date;x-amz-target;"
                           "x-amzn-query-mode, Signature="));
    aws_world_assert_body(
        &w, 0,
        "{\"QueueUrl\":\"https://sqs.us-east-1.amazonaws.com/123456789012/Fluxa-DLQ\","
        "\"AttributeNames\":[\"All\"]}");
    aws_world_assert_answer(&w, "{'Attributes':{'ApproximateNumberOfMessages':'7'}}");
    aws_world_end(&w);
}

static void a_session_token_is_sent_and_signed(void **state) {
    static const char *const environment[] = {"AWS_ACCESS_KEY_ID",
                                              "ASIAEXAMPLE",
                                              "AWS_SECRET_ACCESS_KEY",
                                              "s",
                                              "AWS_SESSION_TOKEN",
                                              "token",
                                              "AWS_DEFAULT_REGION",
                                              "eu-west-1",
                                              NULL};
    struct aws_world w;

    aws_world_begin(&w, environment);
    aws_world_script(&w, {.status = 200, .body = "{}"});
    assert_int_equal(aws_world_call(&w, "sqs", "ListQueues", NULL), FX_OK);
    assert_string_equal(scripted_http_header(&w.script, 0, "X-Amz-Security-Token"), "token");
    assert_non_null(
        strstr(scripted_http_header(&w.script, 0, "Authorization"), ";x-amz-security-token;"));
    assert_string_equal(w.script.requests[0].url, "https://sqs.eu-west-1.amazonaws.com/");
    aws_world_assert_body(&w, 0, "{}");
    aws_world_end(&w);
}

static void an_empty_answer_is_an_object_without_lists(void **state) {
    struct aws_world w;

    aws_world_begin(&w, NULL);
    aws_world_script(&w, {.status = 200, .body = "{}"}, {.status = 200, .body = ""});
    assert_int_equal(aws_world_call(&w, "sqs", "ReceiveMessage", "{'QueueUrl':" QUEUE "}"), FX_OK);
    assert_null(fx_json_at(w.answer, "Messages"));
    assert_int_equal(
        aws_world_call(&w, "sqs", "DeleteMessage", "{'QueueUrl':" QUEUE ",'ReceiptHandle':'h'}"),
        FX_OK);
    assert_int_equal(fx_json_type(w.answer), FX_JSON_OBJECT);
    aws_world_end(&w);
}

static void failed_entries_of_a_batch_are_an_answer(void **state) {
    struct aws_world w;

    aws_world_begin(&w, NULL);
    aws_world_script(&w, {.status = 200,
                          .body = "{\"Failed\":[{\"Id\":\"1\",\"Code\":\"ReceiptHandleIsInvalid\","
                                  "\"SenderFault\":true}],\"Successful\":[]}"});
    assert_int_equal(aws_world_call(&w, "sqs", "DeleteMessageBatch",
                                    "{'QueueUrl':" QUEUE
                                    ",'Entries':[{'Id':'1','ReceiptHandle':'x'}]}"),
                     FX_OK);
    assert_int_equal(fx_json_count(fx_json_at(w.answer, "Failed")), 1);
    aws_world_end(&w);
}

static void logs_take_seconds_and_milliseconds_as_they_are(void **state) {
    struct aws_world w;

    aws_world_begin(&w, NULL);
    aws_world_script(&w, {.status = 200, .body = "{\"queryId\":\"q\"}"});
    assert_int_equal(aws_world_call(&w, "logs", "StartQuery",
                                    "{'logGroupName':'/aws/lambda/x','startTime':1763712000,"
                                    "'endTime':1763715600,'queryString':'fields @message'}"),
                     FX_OK);
    assert_string_equal(scripted_http_header(&w.script, 0, "X-Amz-Target"),
                        "Logs_20140328.StartQuery");
    assert_string_equal(scripted_http_header(&w.script, 0, "Content-Type"),
                        "application/x-amz-json-1.1");
    assert_string_equal(w.script.requests[0].url, "https://logs.us-east-1.amazonaws.com/");
    aws_world_end(&w);
}

static void a_long_poll_gets_the_time_it_asks_for(void **state) {
    struct aws_world w;

    aws_world_begin(&w, NULL);
    aws_world_script(&w, {.status = 200, .body = "{}"}, {.status = 200, .body = "{}"});
    assert_int_equal(
        aws_world_call(&w, "sqs", "ReceiveMessage", "{'QueueUrl':" QUEUE ",'WaitTimeSeconds':20}"),
        FX_OK);
    assert_true(w.script.requests[0].timeout_ms >= 25000);
    assert_int_equal(aws_world_call(&w, "sqs", "ReceiveMessage",
                                    "{'QueueUrl':" QUEUE ",'WaitTimeSeconds':2000000000}"),
                     FX_OK);
    assert_true(w.script.requests[1].timeout_ms <= 30000);
    aws_world_end(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_json_call_is_one_signed_post),
        cmocka_unit_test(a_session_token_is_sent_and_signed),
        cmocka_unit_test(an_empty_answer_is_an_object_without_lists),
        cmocka_unit_test(failed_entries_of_a_batch_are_an_answer),
        cmocka_unit_test(logs_take_seconds_and_milliseconds_as_they_are),
        cmocka_unit_test(a_long_poll_gets_the_time_it_asks_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
