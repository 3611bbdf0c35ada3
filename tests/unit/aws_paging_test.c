/* aws_paging_test.c - answers that come in pages, and what ends their reading. */
#include "support/aws_world.h"

#include <string.h>

#define EVENTS(token, ...)                                                                         \
    { .status = 200, .body = "{\"events\":[" __VA_ARGS__ "],\"nextToken\":" token "}" }

static struct fx_aws_pages pages;

static enum fx_code read_pages(struct aws_world *w, const char *service, const char *operation,
                               const char *params, const struct fx_aws_paging *paging) {
    const struct fx_aws_call call = {
        .service = service, .operation = operation, .params = aws_world_json(w->sc, params)};

    pages = (struct fx_aws_pages){0};
    w->answer = NULL;
    return fx_aws_call_pages(w->aws, w->sc, &call, paging, &w->answer, &pages, &w->err);
}

static void assert_sent(const struct aws_world *w, size_t request, const char *part) {
    const struct fx_slice body = w->script.requests[request].body;

    if (strstr(fx_slice_dup(w->sc, body), part) == NULL)
        fail_msg("%.*s does not hold %s", (int)body.len, body.ptr, part);
}

static void pages_become_one_answer(void **state) {
    struct aws_world w;

    aws_world_begin(&w, NULL);
    aws_world_script(&w, EVENTS("\"a\"", "{\"message\":\"1\"}"), EVENTS("\"b\""),
                     EVENTS("null", "{\"message\":\"2\"},{\"message\":\"3\"}"));
    assert_int_equal(read_pages(&w, "logs", "FilterLogEvents", "{'logGroupName':'g'}", NULL),
                     FX_OK);
    aws_world_assert_answer(&w, "{'events':[{'message':'1'},{'message':'2'},{'message':'3'}]}");
    assert_int_equal(pages.pages, 3); /* the empty one in the middle did not end it */
    assert_int_equal(pages.items, 3);
    assert_null(pages.stopped);
    assert_sent(&w, 1, "\"nextToken\":\"a\"");
    assert_sent(&w, 2, "\"nextToken\":\"b\"");
    assert_sent(&w, 2, "\"logGroupName\":\"g\"");
    aws_world_end(&w);
}

static void a_repeated_token_ends_the_reading(void **state) {
    struct aws_world w;

    aws_world_begin(&w, NULL);
    aws_world_script(&w, EVENTS("\"a\"", "{\"message\":\"1\"}"), EVENTS("\"b\""),
                     EVENTS("\"a\"", "{\"message\":\"2\"}"));
    assert_int_equal(read_pages(&w, "logs", "FilterLogEvents", "{'logGroupName':'g'}", NULL),
                     FX_OK);
    assert_int_equal(w.script.asked, 3);
    assert_non_null(strstr(pages.stopped, "same page token twice"));
    assert_int_equal(pages.items, 2);
    aws_world_end(&w);
}

static void limits_end_the_reading_and_leave_the_token(void **state) {
    static const struct fx_aws_paging two_pages = {.max_pages = 2}, two_items = {.max_items = 2};
    struct aws_world w;

    aws_world_begin(&w, NULL);
    aws_world_script(&w, EVENTS("\"a\""), EVENTS("\"b\""));
    assert_int_equal(read_pages(&w, "logs", "FilterLogEvents", "{'logGroupName':'g'}", &two_pages),
                     FX_OK);
    assert_non_null(strstr(pages.stopped, "more than the 2 pages"));
    aws_world_assert_answer(&w, "{'events':[],'nextToken':'b'}");
    aws_world_script(&w, EVENTS("\"a\"", "1,2,3"));
    assert_int_equal(read_pages(&w, "logs", "FilterLogEvents", "{'logGroupName':'g'}", &two_items),
                     FX_OK);
    assert_non_null(strstr(pages.stopped, "more than the 3 items"));
    assert_int_equal(w.script.asked, 1);
    aws_world_end(&w);
}

static void there_are_limits_without_asking(void **state) {
    static struct scripted_reply replies[FX_AWS_MAX_PAGES + 1];
    struct aws_world w;

    aws_world_begin(&w, NULL);
    for (size_t i = 0; i < FX_COUNT_OF(replies); i++)
        replies[i] = (struct scripted_reply){
            .status = 200, .body = fx_printf(w.sc, "{\"events\":[],\"nextToken\":\"%zu\"}", i)};
    scripted_http_set(&w.script, replies, FX_COUNT_OF(replies));
    assert_int_equal(read_pages(&w, "logs", "FilterLogEvents", "{'logGroupName':'g'}", NULL),
                     FX_OK);
    assert_int_equal(pages.pages, FX_AWS_MAX_PAGES);
    assert_non_null(pages.stopped);
    aws_world_end(&w);
}

static void tokens_may_be_objects_or_several(void **state) {
    struct aws_world w;

    aws_world_begin(&w, NULL);
    aws_world_script(
        &w, {.status = 200, .body = "{\"Items\":[],\"LastEvaluatedKey\":{\"id\":{\"S\":\"7\"}}}"},
        {.status = 200, .body = "{\"Items\":[{\"id\":{\"S\":\"8\"}}]}"});
    assert_int_equal(read_pages(&w, "dynamodb", "Scan", "{'TableName':'t'}", NULL), FX_OK);
    assert_sent(&w, 1, "\"ExclusiveStartKey\":{\"id\":{\"S\":\"7\"}}");
    aws_world_assert_answer(&w, "{'Items':[{'id':{'S':'8'}}]}");
    aws_world_script(
        &w,
        {.status = 200,
         .body = "<R><ResourceRecordSets><ResourceRecordSet><Name>a.</Name><Type>A</Type>"
                 "</ResourceRecordSet></ResourceRecordSets><IsTruncated>true</IsTruncated>"
                 "<NextRecordName>b.</NextRecordName><NextRecordType>A</NextRecordType></R>"},
        {.status = 200,
         .body = "<R><ResourceRecordSets><ResourceRecordSet><Name>b.</Name><Type>A</Type>"
                 "</ResourceRecordSet></ResourceRecordSets><IsTruncated>false</IsTruncated></R>"});
    assert_int_equal(
        read_pages(&w, "route53", "ListResourceRecordSets", "{'HostedZoneId':'Z1'}", NULL), FX_OK);
    assert_string_equal(w.script.requests[1].url,
                        "https://route53.amazonaws.com/2013-04-01/hostedzone/Z1/rrset"
                        "?name=b.&type=A");
    aws_world_assert_answer(
        &w, "{'ResourceRecordSets':[{'Name':'a.','Type':'A'},{'Name':'b.','Type':'A'}],"
            "'IsTruncated':false}");
    aws_world_end(&w);
}

static void what_has_no_pages_is_called_once_and_changes_never(void **state) {
    struct aws_world w;

    aws_world_begin(&w, NULL);
    aws_world_script(&w, {.status = 200, .body = "{\"QueueUrl\":\"u\",\"nextToken\":\"x\"}"});
    assert_int_equal(read_pages(&w, "sqs", "GetQueueUrl", "{'QueueName':'q'}", NULL), FX_OK);
    assert_int_equal(w.script.asked, 1);
    assert_null(pages.stopped);
    assert_int_equal(read_pages(&w, "sqs", "SendMessage", "{}", NULL), FX_ERR_INPUT);
    assert_int_equal(w.script.asked, 1);
    aws_world_end(&w);
}

static void a_page_that_fails_fails_the_whole(void **state) {
    struct aws_world w;

    aws_world_begin(&w, NULL);
    aws_world_script(&w, EVENTS("\"a\"", "1"),
                     {.status = 400, .body = "{\"__type\":\"ResourceNotFoundException\"}"});
    assert_int_equal(read_pages(&w, "logs", "FilterLogEvents", "{'logGroupName':'g'}", NULL),
                     FX_ERR_NOT_FOUND);
    assert_null(w.answer);
    aws_world_end(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_become_one_answer),
        cmocka_unit_test(a_repeated_token_ends_the_reading),
        cmocka_unit_test(limits_end_the_reading_and_leave_the_token),
        cmocka_unit_test(there_are_limits_without_asking),
        cmocka_unit_test(tokens_may_be_objects_or_several),
        cmocka_unit_test(what_has_no_pages_is_called_once_and_changes_never),
        cmocka_unit_test(a_page_that_fails_fails_the_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
