/* aws_call_test.c - what leaves for AWS, where to, and what its answers become. */
#include "support/aws_world.h"

#include "fluxabot/base/redact.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUEUE "'https://sqs.us-east-1.amazonaws.com/123456789012/Fluxa-DLQ'"

static void assert_body(const struct aws_world *w, size_t request, const char *expected) {
    const struct fx_slice body = w->script.requests[request].body;

    if (!fx_slice_equal_text(body, expected))
        fail_msg("sent %.*s\nwanted %s", (int)body.len, body.ptr, expected);
}

static void assert_answer(const struct aws_world *w, const char *expected) {
    struct fx_json *wanted = aws_world_json(w->sc, expected);

    if (!fx_json_equal(w->answer, wanted))
        fail_msg("read %s\nwanted %s", fx_json_dump(w->sc, w->answer), expected);
}

static void assert_says(const struct aws_world *w, const char *part) {
    if (strstr(w->err.message, part) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", w->err.message, part);
}

/* ---- JSON ---- */

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
    assert_body(&w, 0,
                "{\"QueueUrl\":\"https://sqs.us-east-1.amazonaws.com/123456789012/Fluxa-DLQ\","
                "\"AttributeNames\":[\"All\"]}");
    assert_answer(&w, "{'Attributes':{'ApproximateNumberOfMessages':'7'}}");
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
    assert_body(&w, 0, "{}");
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

/* ---- query ---- */

static void a_query_call_is_a_signed_form(void **state) {
    struct aws_world w;

    aws_world_begin(&w, NULL);
    aws_world_script(&w, {.status = 200, .body = "<R><GetMetricDataResult/></R>"});
    assert_int_equal(
        aws_world_call(
            &w, "cloudwatch", "GetMetricData",
            "{'StartTime':1763712000,'EndTime':'2025-11-21T09:00:00.5Z','MetricDataQueries':"
            "[{'Id':'e','ReturnData':false,'MetricStat':{'Metric':{'Namespace':'AWS/Lambda',"
            "'Dimensions':[{'Name':'FunctionName','Value':'a b&c=d+é'}]},'Period':300,"
            "'Stat':'Sum'}}]}"),
        FX_OK);
    assert_string_equal(w.script.requests[0].url, "https://monitoring.us-east-1.amazonaws.com/");
    assert_string_equal(scripted_http_header(&w.script, 0, "Content-Type"),
                        "application/x-www-form-urlencoded; charset=utf-8");
    assert_null(scripted_http_header(&w.script, 0, "X-Amz-Target"));
    assert_body(&w, 0,
                "Action=GetMetricData&Version=2010-08-01&StartTime=2025-11-21T08%3A00%3A00Z"
                "&EndTime=2025-11-21T09%3A00%3A00.500Z&MetricDataQueries.member.1.Id=e"
                "&MetricDataQueries.member.1.ReturnData=false"
                "&MetricDataQueries.member.1.MetricStat.Metric.Namespace=AWS%2FLambda"
                "&MetricDataQueries.member.1.MetricStat.Metric.Dimensions.member.1.Name="
                "FunctionName"
                "&MetricDataQueries.member.1.MetricStat.Metric.Dimensions.member.1.Value="
                "a%20b%26c%3Dd%2B%C3%A9"
                "&MetricDataQueries.member.1.MetricStat.Period=300"
                "&MetricDataQueries.member.1.MetricStat.Stat=Sum");
    aws_world_end(&w);
}

static void xml_becomes_typed_json(void **state) {
    struct aws_world w;

    aws_world_begin(&w, NULL);
    aws_world_script(
        &w,
        {.status = 200,
         .body = "<?xml version=\"1.0\"?><GetMetricDataResponse "
                 "xmlns=\"http://monitoring.amazonaws.com/doc/2010-08-01/\"><GetMetricDataResult>"
                 "<MetricDataResults><member><Id>rate</Id><Label>a &lt;b&gt; &amp; c</Label>"
                 "<Timestamps><member>2025-11-21T08:00:00Z</member></Timestamps><Values>"
                 "<member>5.87</member><member>NaN</member></Values><StatusCode>Complete</"
                 "StatusCode></member>"
                 "</MetricDataResults><Messages/><Unknown>x</Unknown></GetMetricDataResult>"
                 "<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></"
                 "GetMetricDataResponse>"});
    assert_int_equal(aws_world_call(&w, "cloudwatch", "GetMetricData",
                                    "{'StartTime':1,'EndTime':2,'MetricDataQueries':[]}"),
                     FX_OK);
    assert_body(&w, 0,
                "Action=GetMetricData&Version=2010-08-01&StartTime=1970-01-01T00%3A00%3A01Z"
                "&EndTime=1970-01-01T00%3A00%3A02Z&MetricDataQueries=");
    assert_answer(&w, "{'MetricDataResults':[{'Id':'rate','Label':'a <b> & c',"
                      "'Timestamps':[1763712000],'Values':[5.87,null],'StatusCode':'Complete'}],"
                      "'Messages':[]}");
    aws_world_end(&w);
}

static void a_list_of_one_is_a_list_and_maps_are_objects(void **state) {
    struct aws_world w;

    aws_world_begin(&w, NULL);
    aws_world_script(
        &w,
        {.status = 200,
         .body = "<R><GetSubscriptionAttributesResult><Attributes><entry><key>Endpoint</key>"
                 "<value>https://x</value></entry><entry><key>RawMessageDelivery</key>"
                 "<value>true</value></entry></Attributes></GetSubscriptionAttributesResult></R>"},
        {.status = 200,
         .body = "<R><DescribeDBInstancesResult><DBInstances><DBInstance>"
                 "<DBInstanceIdentifier>fluxa</DBInstanceIdentifier><AllocatedStorage>20"
                 "</AllocatedStorage><MultiAZ>true</MultiAZ></DBInstance></DBInstances>"
                 "</DescribeDBInstancesResult></R>"});
    assert_int_equal(aws_world_call(&w, "sns", "GetSubscriptionAttributes",
                                    "{'SubscriptionArn':'arn:aws:sns:us-east-1:1:t:u'}"),
                     FX_OK);
    assert_answer(&w, "{'Attributes':{'Endpoint':'https://x','RawMessageDelivery':'true'}}");
    assert_int_equal(aws_world_call(&w, "rds", "DescribeDBInstances",
                                    "{'Filters':[{'Name':'n','Values':['v']}]}"),
                     FX_OK);
    assert_body(&w, 1,
                "Action=DescribeDBInstances&Version=2014-10-31&Filters.Filter.1.Name=n"
                "&Filters.Filter.1.Values.Value.1=v");
    assert_answer(&w, "{'DBInstances':[{'DBInstanceIdentifier':'fluxa','AllocatedStorage':20,"
                      "'MultiAZ':true}]}");
    aws_world_end(&w);
}

#define IDENTITY(account)                                                                          \
    "<R><GetCallerIdentityResult><Account>" account "</Account></GetCallerIdentityResult></R>"

static void refuses_xml_that_wants_more_than_it_says(void **state) {
    struct aws_world w;

    aws_world_begin(&w, NULL);
    char *deep = fx_alloc(w.sc, 3 * 200 + 1), *wide = fx_alloc(w.sc, 4 * 200001 + 8);
    for (size_t i = 0; i < 200; i++)
        memcpy(deep + 3 * i, "<a>", 3);
    memcpy(wide, "<a>", 3);
    for (size_t i = 0; i < 200001; i++)
        memcpy(wide + 3 + 4 * i, "<b/>", 4);
    const struct {
        const char *body;
        enum fx_code code;
        const char *says;
    } cases[] = {
        {"<!DOCTYPE R [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]>" IDENTITY("&b;"),
         FX_ERR_UPSTREAM, "DTD"},
        {"<!DOCTYPE R SYSTEM \"file:///etc/passwd\">" IDENTITY("1"), FX_ERR_UPSTREAM, "DTD"},
        {IDENTITY("&unknown;"), FX_ERR_UPSTREAM, "not XML"},
        {"<R><unclosed></R>", FX_ERR_UPSTREAM, "not XML"},
        {"not XML at all", FX_ERR_UPSTREAM, "not XML"},
        {"", FX_ERR_UPSTREAM, "not XML"},
        {deep, FX_ERR_LIMIT, "deeper than"},
        {wide, FX_ERR_LIMIT, "elements"},
        {"<R><OtherResult/></R>", FX_ERR_UPSTREAM, "GetCallerIdentityResult"},
        {IDENTITY("\xff\xfe"), FX_ERR_UPSTREAM, "not XML"},
        {IDENTITY("1") "<R/>", FX_ERR_UPSTREAM, "not XML"},
    };
    for (size_t i = 0; i < FX_COUNT_OF(cases); i++) {
        const struct scripted_reply reply = {.status = 200, .body = cases[i].body};
        scripted_http_set(&w.script, &reply, 1);
        assert_int_equal(aws_world_call(&w, "sts", "GetCallerIdentity", NULL), cases[i].code);
        assert_says(&w, cases[i].says);
        assert_true(w.err.sent);
    }
    aws_world_end(&w);
}

static void a_number_that_is_none_is_not_believed(void **state) {
    static const char *const storage[] = {"", "x", "1e3", "0x10", "99999999999999999999", "1 2"};
    struct aws_world w;

    aws_world_begin(&w, NULL);
    for (size_t i = 0; i < FX_COUNT_OF(storage); i++) {
        const struct scripted_reply reply = {
            .status = 200,
            .body = fx_printf(w.sc,
                              "<R><DescribeDBInstancesResult><DBInstances><DBInstance>"
                              "<AllocatedStorage>%s</AllocatedStorage></DBInstance></DBInstances>"
                              "</DescribeDBInstancesResult></R>",
                              storage[i])};
        scripted_http_set(&w.script, &reply, 1);
        assert_int_equal(aws_world_call(&w, "rds", "DescribeDBInstances", NULL), FX_ERR_UPSTREAM);
    }
    aws_world_end(&w);
}

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
        assert_says(&w, bad[i].says);
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

/* ---- region and endpoint ---- */

static const char *url_for(struct aws_world *w, const char *service, const char *operation,
                           const char *params) {
    aws_world_script(w, {.status = 200, .body = "{}"});
    if (aws_world_call(w, service, operation, params) != FX_OK)
        fail_msg("%s", w->err.message);
    return w->script.requests[0].url;
}

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

static void without_a_region_the_message_says_what_to_set(void **state) {
    static const char *const environment[] = {"AWS_ACCESS_KEY_ID", "A", "AWS_SECRET_ACCESS_KEY",
                                              "s", NULL};
    struct aws_world w;

    aws_world_begin(&w, environment);
    assert_null(fx_aws_region(w.aws));
    assert_int_equal(aws_world_call(&w, "sqs", "ListQueues", NULL), FX_ERR_INPUT);
    assert_says(&w, "AWS_REGION");
    aws_world_end(&w);
}

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
        cmocka_unit_test(a_json_call_is_one_signed_post),
        cmocka_unit_test(a_session_token_is_sent_and_signed),
        cmocka_unit_test(an_empty_answer_is_an_object_without_lists),
        cmocka_unit_test(failed_entries_of_a_batch_are_an_answer),
        cmocka_unit_test(logs_take_seconds_and_milliseconds_as_they_are),
        cmocka_unit_test(a_long_poll_gets_the_time_it_asks_for),
        cmocka_unit_test(a_query_call_is_a_signed_form),
        cmocka_unit_test(xml_becomes_typed_json),
        cmocka_unit_test(a_list_of_one_is_a_list_and_maps_are_objects),
        cmocka_unit_test(refuses_xml_that_wants_more_than_it_says),
        cmocka_unit_test(a_number_that_is_none_is_not_believed),
        cmocka_unit_test(refuses_parameters_that_aws_would_refuse),
        cmocka_unit_test(templates_pass_the_check_but_never_the_wire),
        cmocka_unit_test(the_region_comes_from_what_is_called),
        cmocka_unit_test(a_region_cannot_carry_the_call_elsewhere),
        cmocka_unit_test(endpoints_can_be_moved_by_the_environment),
        cmocka_unit_test(the_signed_host_is_the_one_that_is_sent),
        cmocka_unit_test(configured_endpoints_can_be_ignored),
        cmocka_unit_test(without_a_region_the_message_says_what_to_set),
        cmocka_unit_test(a_change_that_comes_too_late_is_not_sent_but_a_read_is),
        cmocka_unit_test(each_of_several_ends_as_it_would_alone),
        cmocka_unit_test(knows_what_each_operation_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
