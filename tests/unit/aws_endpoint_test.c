/* aws_endpoint_test.c - where a call goes: its region, its host, and who may move them. */
#include "support/aws_world.h"

#include <stdio.h>
#include <string.h>

#define QUEUE "'https://sqs.us-east-1.amazonaws.com/123456789012/Fluxa-DLQ'"

static const char *url_for(struct aws_world *w, const char *service, const char *operation,
                           const char *params) {
    aws_world_script(w, {.status = 200, .body = "{}"});
    if (aws_world_call(w, service, operation, params) != FX_OK)
        fail_msg("%s", w->err.message);
    return w->script.requests[0].url;
}

/* ---- region ---- */

static void the_region_comes_from_what_is_called(void **state) {
    struct aws_world w;

    aws_world_begin(&w, NULL);
    assert_string_equal(url_for(&w, "sqs", "GetQueueAttributes",
                                "{'QueueUrl':'https://sqs.eu-central-1.amazonaws.com/1/q'}"),
                        "https://sqs.eu-central-1.amazonaws.com/");
    assert_non_null(strstr(scripted_http_header(&w.script, 0, "Authorization"),
                           "/eu-central-1/sqs/aws4_request"));
    assert_string_equal(url_for(&w, "sqs", "GetQueueAttributes",
                                "{'QueueUrl':'https://eu-west-3.queue.amazonaws.com/1/q'}"),
                        "https://sqs.eu-west-3.amazonaws.com/");
    assert_string_equal(
        url_for(&w, "sqs", "ListMessageMoveTasks", "{'SourceArn':'arn:aws-cn:sqs:cn-north-1:1:q'}"),
        "https://sqs.cn-north-1.amazonaws.com.cn/");
    assert_string_equal(url_for(&w, "sqs", "ListMessageMoveTasks",
                                "{'SourceArn':'arn:aws-eusc:sqs:eusc-de-east-1:1:q'}"),
                        "https://sqs.eusc-de-east-1.amazonaws.eu/");
    assert_string_equal(url_for(&w, "sqs", "ListMessageMoveTasks",
                                "{'SourceArn':'arn:aws-us-gov:sqs:us-gov-west-1:1:q'}"),
                        "https://sqs.us-gov-west-1.amazonaws.com/");
    assert_string_equal(
        url_for(&w, "sqs", "GetQueueAttributes", "{'QueueUrl':'http://127.0.0.1:4100/1/q'}"),
        "https://sqs.us-east-1.amazonaws.com/");
    /* What people write is no address. */
    assert_string_equal(url_for(&w, "sqs", "SendMessage",
                                "{'MessageBody':'arn:aws:sqs:eu-west-1:1:q','QueueUrl':" QUEUE "}"),
                        "https://sqs.us-east-1.amazonaws.com/");
    aws_world_end(&w);
}

static void a_region_cannot_carry_the_call_elsewhere(void **state) {
    static const char *const arns[] = {
        "arn:aws:sqs:evil.example/:1:q",
        "arn:aws:sqs:evil.example#:1:q",
        "arn:aws:sqs:x@evil.example:1:q",
        "arn:aws:sqs:US-EAST-1:1:q",
        "arn:aws:sqs:-:1:q",
        "arn:aws:sqs:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:1:q",
    };
    struct aws_world w;

    aws_world_begin(&w, NULL);
    for (size_t i = 0; i < FX_COUNT_OF(arns); i++)
        assert_int_equal(aws_world_call(&w, "sqs", "ListMessageMoveTasks",
                                        fx_printf(w.sc, "{'SourceArn':'%s'}", arns[i])),
                         FX_ERR_INPUT);
    struct fx_aws_call call = {.service = "sqs", .operation = "ListQueues", .region = "x/y"};
    assert_int_equal(fx_aws_call(w.aws, w.sc, &call, &w.answer, &w.err), FX_ERR_INPUT);
    assert_int_equal(w.script.asked, 0);
    aws_world_end(&w);
}

static void without_a_region_the_message_says_what_to_set(void **state) {
    static const char *const environment[] = {"AWS_ACCESS_KEY_ID", "A", "AWS_SECRET_ACCESS_KEY",
                                              "s", NULL};
    struct aws_world w;

    aws_world_begin(&w, environment);
    assert_null(fx_aws_region(w.aws));
    assert_int_equal(aws_world_call(&w, "sqs", "ListQueues", NULL), FX_ERR_INPUT);
    aws_world_assert_says(&w, "AWS_REGION");
    aws_world_end(&w);
}

/* ---- endpoint ---- */

static void endpoints_can_be_moved_by_the_environment(void **state) {
    static const char *const environment[] = {"AWS_ACCESS_KEY_ID",
                                              "A",
                                              "AWS_SECRET_ACCESS_KEY",
                                              "s",
                                              "AWS_REGION",
                                              "us-west-2",
                                              "AWS_ENDPOINT_URL",
                                              "http://127.0.0.1:4566/base/",
                                              "AWS_ENDPOINT_URL_SQS",
                                              "https://sqs.internal:443",
                                              "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS",
                                              "http://127.0.0.1:80",
                                              NULL};
    struct aws_world w;

    aws_world_begin(&w, environment);
    assert_string_equal(url_for(&w, "sqs", "ListQueues", NULL), "https://sqs.internal:443/");
    assert_non_null(strstr(scripted_http_header(&w.script, 0, "Authorization"), "/us-west-2/sqs/"));
    assert_string_equal(url_for(&w, "logs", "DescribeLogGroups", NULL), "http://127.0.0.1:80/");
    aws_world_script(&w, {.status = 200, .body = "<R><GetCallerIdentityResult/></R>"});
    assert_int_equal(aws_world_call(&w, "sts", "GetCallerIdentity", NULL), FX_OK);
    assert_string_equal(w.script.requests[0].url, "http://127.0.0.1:4566/base/");
    aws_world_end(&w);
}

static const char *authorization_at(const char *url) {
    const char *const environment[] = {"AWS_ACCESS_KEY_ID",
                                       "A",
                                       "AWS_SECRET_ACCESS_KEY",
                                       "s",
                                       "AWS_REGION",
                                       "us-west-2",
                                       "AWS_ENDPOINT_URL",
                                       url,
                                       NULL};
    static char kept[512]; /* of the newest call */
    struct aws_world w;

    aws_world_begin(&w, environment);
    (void)url_for(&w, "sqs", "ListQueues", NULL);
    snprintf(kept, sizeof(kept), "%s", scripted_http_header(&w.script, 0, "Authorization"));
    aws_world_end(&w);
    return kept;
}

static void the_signed_host_is_the_one_that_is_sent(void **state) {
    char plain[512];

    snprintf(plain, sizeof(plain), "%s", authorization_at("https://sqs.internal"));
    assert_string_equal(authorization_at("https://sqs.internal:443"), plain);
    assert_string_equal(authorization_at("http://sqs.internal:80/"), plain);
    assert_string_not_equal(authorization_at("https://sqs.internal:80"), plain);
    assert_string_not_equal(authorization_at("https://sqs.internal:8443"), plain);
}

static void configured_endpoints_can_be_ignored(void **state) {
    static const char *const environment[] = {"AWS_ACCESS_KEY_ID",
                                              "A",
                                              "AWS_SECRET_ACCESS_KEY",
                                              "s",
                                              "AWS_REGION",
                                              "us-west-2",
                                              "AWS_ENDPOINT_URL",
                                              "http://127.0.0.1:4566",
                                              "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
                                              "true",
                                              NULL};
    struct aws_world w;

    aws_world_begin(&w, environment);
    assert_string_equal(url_for(&w, "sqs", "ListQueues", NULL),
                        "https://sqs.us-west-2.amazonaws.com/");
    aws_world_end(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_region_comes_from_what_is_called),
        cmocka_unit_test(a_region_cannot_carry_the_call_elsewhere),
        cmocka_unit_test(endpoints_can_be_moved_by_the_environment),
        cmocka_unit_test(the_signed_host_is_the_one_that_is_sent),
        cmocka_unit_test(configured_endpoints_can_be_ignored),
        cmocka_unit_test(without_a_region_the_message_says_what_to_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
