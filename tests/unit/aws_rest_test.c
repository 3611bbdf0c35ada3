/* aws_rest_test.c - REST operations, EC2's lists, and services with one home. */
#include "support/aws_world.h"

#include <string.h>

static void assert_request(const struct aws_world *w, const char *method, const char *url,
                           const char *body) {
    const struct fx_http_request *sent = &w->script.requests[0];

    assert_string_equal(sent->method, method);
    assert_string_equal(sent->url, url);
    if (!fx_slice_equal_text(sent->body, body))
        fail_msg("sent %.*s\nwanted %s", (int)sent->body.len, sent->body.ptr, body);
}

static void must_call(struct aws_world *w, const char *service, const char *operation,
                      const char *params) {
    if (aws_world_call(w, service, operation, params) != FX_OK)
        fail_msg("%s", w->err.message);
}

#define LAMBDA "https://lambda.us-east-1.amazonaws.com"

static void a_function_is_asked_for_by_path_and_query(void **state) {
    struct aws_world w;

    aws_world_begin(&w, NULL);
    aws_world_script(&w, {.status = 200,
                          .body = "{\"FunctionName\":\"f\",\"Timeout\":30,\"Unknown\":1,"
                                  "\"Environment\":{\"Variables\":{\"DB_PASSWORD\":\"hush\"}}}"});
    must_call(&w, "lambda", "GetFunctionConfiguration",
              "{'FunctionName':'arn:aws:lambda:us-east-1:1:function:f','Qualifier':'a b'}");
    assert_request(&w, "GET",
                   LAMBDA "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A1%3Afunction%3Af"
                          "/configuration?Qualifier=a%20b",
                   "");
    assert_null(scripted_http_header(&w.script, 0, "Content-Type"));
    assert_null(scripted_http_header(&w.script, 0, "X-Amz-Content-Sha256"));
    /* Names of variables are told, values are not read. */
    aws_world_assert_answer(&w, "{'FunctionName':'f','Timeout':30,"
                                "'Environment':{'Variables':{'DB_PASSWORD':'[not read]'}}}");
    aws_world_end(&w);
}

static void a_body_in_json_leaves_out_what_travels_elsewhere(void **state) {
    struct aws_world w;

    aws_world_begin(&w, NULL);
    aws_world_script(&w, {.status = 200, .body = "{\"ReservedConcurrentExecutions\":5}"});
    must_call(&w, "lambda", "PutFunctionConcurrency",
              "{'FunctionName':'f','ReservedConcurrentExecutions':5}");
    assert_request(&w, "PUT", LAMBDA "/2017-10-31/functions/f/concurrency",
                   "{\"ReservedConcurrentExecutions\":5}");
    assert_string_equal(scripted_http_header(&w.script, 0, "Content-Type"), "application/json");
    aws_world_assert_answer(&w, "{'ReservedConcurrentExecutions':5}");
    assert_true(w.script.requests[0].fresh);
    aws_world_end(&w);
}

static void an_invocation_has_bytes_headers_and_a_status(void **state) {
    struct aws_world w;

    aws_world_begin(&w, NULL);
    aws_world_script(&w, {.status = 200,
                          .body = "{\"errorMessage\":\"x\"}",
                          .headers = {{"x-amz-function-error", "Unhandled"}}});
    must_call(&w, "lambda", "Invoke",
              "{'FunctionName':'f','InvocationType':'RequestResponse','Payload':'eyJhIjoxfQ=='}");
    assert_request(&w, "POST", LAMBDA "/2015-03-31/functions/f/invocations", "{\"a\":1}");
    assert_string_equal(scripted_http_header(&w.script, 0, "X-Amz-Invocation-Type"),
                        "RequestResponse");
    aws_world_assert_answer(&w, "{'StatusCode':200,'FunctionError':'Unhandled',"
                                "'Payload':'eyJlcnJvck1lc3NhZ2UiOiJ4In0='}");
    assert_int_equal(
        aws_world_call(&w, "lambda", "Invoke", "{'FunctionName':'f','Payload':'not base64!'}"),
        FX_ERR_INPUT);
    aws_world_end(&w);
}

static void names_of_the_wire_become_names_of_the_model(void **state) {
    struct aws_world w;

    aws_world_begin(&w, NULL);
    aws_world_script(&w,
                     {.status = 200,
                      .body = "{\"apiId\":\"a\",\"createdDate\":\"2026-11-22T07:00:00Z\","
                              "\"corsConfiguration\":{\"allowOrigins\":[\"*\"]},\"name\":null}"});
    must_call(&w, "apigatewayv2", "GetApi", "{'ApiId':'a'}");
    assert_request(&w, "GET", "https://apigateway.us-east-1.amazonaws.com/v2/apis/a", "");
    aws_world_assert_answer(&w, "{'ApiId':'a','CreatedDate':1795330800,"
                                "'CorsConfiguration':{'AllowOrigins':['*']}}");
    aws_world_end(&w);
}

#define S3 "https://s3.us-east-1.amazonaws.com"

static void objects_keep_their_slashes_and_sign_their_bytes(void **state) {
    struct aws_world w;

    aws_world_begin(&w, NULL);
    aws_world_script(&w, {.status = 200, .body = "", .headers = {{"etag", "\"e\""}}});
    must_call(&w, "s3", "PutObject",
              "{'Bucket':'fluxa-dlq','Key':'2026/11/a b+c.json','Body':'aGk=','ContentType':"
              "'text/plain','Metadata':{'run':'r1'}}");
    assert_request(&w, "PUT", S3 "/fluxa-dlq/2026/11/a%20b%2Bc.json", "hi");
    assert_string_equal(scripted_http_header(&w.script, 0, "Content-Type"), "text/plain");
    assert_string_equal(scripted_http_header(&w.script, 0, "x-amz-meta-run"), "r1");
    assert_string_equal(scripted_http_header(&w.script, 0, "X-Amz-Content-Sha256"),
                        "8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4");
    assert_non_null(
        strstr(scripted_http_header(&w.script, 0, "Authorization"), "x-amz-content-sha256"));
    aws_world_assert_answer(&w, "{'ETag':'\\'e\\''}");
    aws_world_end(&w);
}

static void an_object_s_head_is_read_from_headers(void **state) {
    struct aws_world w;

    aws_world_begin(&w, NULL);
    aws_world_script(&w,
                     {.status = 200,
                      .body = "",
                      .headers = {{"content-length", "7"},
                                  {"last-modified", "Sun, 22 Nov 2026 07:00:00 GMT"},
                                  {"x-amz-meta-run", "r1"}}},
                     {.status = 404, .body = ""});
    must_call(&w, "s3", "HeadObject", "{'Bucket':'b','Key':'k','IfModifiedSince':1795330800}");
    assert_request(&w, "HEAD", S3 "/b/k", "");
    assert_string_equal(scripted_http_header(&w.script, 0, "If-Modified-Since"),
                        "Sun, 22 Nov 2026 07:00:00 GMT");
    aws_world_assert_answer(
        &w, "{'LastModified':1795330800,'ContentLength':7,'Metadata':{'run':'r1'}}");
    assert_int_equal(aws_world_call(&w, "s3", "HeadObject", "{'Bucket':'b','Key':'k'}"),
                     FX_ERR_NOT_FOUND);
    aws_world_end(&w);
}

static void buckets_answer_in_xml(void **state) {
    struct aws_world w;

    aws_world_begin(&w, NULL);
    aws_world_script(
        &w,
        {.status = 200,
         .body = "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>a</Key><Size>1"
                 "</Size></Contents><Contents><Key>b</Key></Contents></ListBucketResult>"},
        {.status = 403,
         .body = "<Error><Code>AccessDenied</Code><Message>no</Message><RequestId>S3R</RequestId>"
                 "</Error>"});
    must_call(&w, "s3", "ListObjectsV2", "{'Bucket':'b','Prefix':'x/','MaxKeys':2}");
    assert_request(&w, "GET", S3 "/b?list-type=2&max-keys=2&prefix=x%2F", "");
    aws_world_assert_answer(&w,
                            "{'IsTruncated':false,'Contents':[{'Key':'a','Size':1},{'Key':'b'}]}");
    assert_int_equal(aws_world_call(&w, "s3", "GetBucketVersioning", "{'Bucket':'b'}"),
                     FX_ERR_DENIED);
    assert_string_equal(w.script.requests[1].url, S3 "/b?versioning");
    assert_non_null(strstr(w.err.message, "S3R"));
    assert_non_null(strstr(w.err.message, "allow s3:GetBucketVersioning"));
    aws_world_end(&w);
}

static void a_path_cannot_carry_the_call_elsewhere(void **state) {
    static const struct {
        const char *service, *operation, *params;
    } cases[] = {
        {"s3", "GetObject", "{'Bucket':'b','Key':'../other/k'}"},
        {"s3", "GetObject", "{'Bucket':'b','Key':'a/./k'}"},
        {"s3", "HeadBucket", "{'Bucket':'..'}"},
        {"s3", "HeadBucket", "{'Bucket':''}"},
        {"lambda", "GetFunction", "{'FunctionName':'..'}"},
    };
    struct aws_world w;

    aws_world_begin(&w, NULL);
    for (size_t i = 0; i < FX_COUNT_OF(cases); i++)
        assert_int_equal(aws_world_call(&w, cases[i].service, cases[i].operation, cases[i].params),
                         FX_ERR_INPUT);
    assert_int_equal(w.script.asked, 0);
    aws_world_script(&w, {.status = 200, .body = ""});
    must_call(&w, "s3", "HeadBucket", "{'Bucket':'a/b?c#d'}"); /* one label, whatever it holds */
    assert_string_equal(w.script.requests[0].url, S3 "/a%2Fb%3Fc%23d");
    aws_world_end(&w);
}

static void a_change_of_names_is_written_in_xml(void **state) {
    struct aws_world w;

    aws_world_begin(&w, NULL);
    aws_world_script(&w, {.status = 200,
                          .body = "<R><ChangeInfo><Id>/change/C1</Id><Status>PENDING</Status>"
                                  "<SubmittedAt>2026-11-22T07:00:00.5Z</SubmittedAt></ChangeInfo>"
                                  "</R>"});
    must_call(&w, "route53", "ChangeResourceRecordSets",
              "{'HostedZoneId':'Z1','ChangeBatch':{'Changes':[{'ResourceRecordSet':{'TTL':60,"
              "'Name':'a&<b>.','Type':'A','ResourceRecords':[{'Value':'192.0.2.1'}]},"
              "'Action':'UPSERT'}],'Comment':'by hand'}}");
    assert_request(
        &w, "POST", "https://route53.amazonaws.com/2013-04-01/hostedzone/Z1/rrset/",
        "<ChangeResourceRecordSetsRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\">"
        "<ChangeBatch><Comment>by hand</Comment><Changes><Change><Action>UPSERT</Action>"
        "<ResourceRecordSet><Name>a&#38;&#60;b&#62;.</Name><Type>A</Type><TTL>60</TTL>"
        "<ResourceRecords><ResourceRecord><Value>192.0.2.1</Value></ResourceRecord>"
        "</ResourceRecords></ResourceRecordSet></Change></Changes></ChangeBatch>"
        "</ChangeResourceRecordSetsRequest>");
    assert_non_null(strstr(scripted_http_header(&w.script, 0, "Authorization"),
                           "/us-east-1/route53/aws4_request"));
    aws_world_assert_answer(&w, "{'ChangeInfo':{'Id':'/change/C1','Status':'PENDING',"
                                "'SubmittedAt':1795330800.5}}");
    aws_world_end(&w);
}

static void ec2_spells_its_lists_its_own_way(void **state) {
    struct aws_world w;

    aws_world_begin(&w, NULL);
    aws_world_script(
        &w,
        {.status = 200,
         .body = "<DescribeSubnetsResponse><requestId>r</requestId><subnetSet><item><subnetId>s-1"
                 "</subnetId><availableIpAddressCount>3</availableIpAddressCount></item>"
                 "</subnetSet></DescribeSubnetsResponse>"},
        {.status = 400,
         .body = "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>no</Message>"
                 "</Error></Errors><RequestID>ec2-1</RequestID></Response>"});
    must_call(&w, "ec2", "DescribeSubnets",
              "{'SubnetIds':['s-1','s-2'],'Filters':[{'Name':'vpc-id','Values':['v']}],"
              "'DryRun':false}");
    assert_request(&w, "POST", "https://ec2.us-east-1.amazonaws.com/",
                   "Action=DescribeSubnets&Version=2016-11-15&SubnetId.1=s-1&SubnetId.2=s-2"
                   "&Filter.1.Name=vpc-id&Filter.1.Value.1=v&DryRun=false");
    aws_world_assert_answer(&w, "{'Subnets':[{'AvailableIpAddressCount':3,'SubnetId':'s-1'}]}");
    assert_int_equal(aws_world_call(&w, "ec2", "DescribeRouteTables", NULL), FX_ERR_DENIED);
    assert_non_null(strstr(w.err.message, "ec2-1"));
    aws_world_end(&w);
}

static void services_with_one_home_sign_for_it(void **state) {
    static const struct {
        const char *service, *operation, *params, *region, *url, *scope;
    } cases[] = {
        {"iam", "GetRole", "{'RoleName':'r'}", "eu-west-1", "https://iam.amazonaws.com/",
         "/us-east-1/iam/"},
        {"iam", "GetRole", "{'RoleName':'r'}", "cn-northwest-1",
         "https://iam.cn-north-1.amazonaws.com.cn/", "/cn-north-1/iam/"},
        {"iam", "GetRole", "{'RoleName':'r'}", "us-gov-east-1", "https://iam.us-gov.amazonaws.com/",
         "/us-gov-west-1/iam/"},
        {"sqs", "ListQueues", "{}", "us-gov-east-1", "https://sqs.us-gov-east-1.amazonaws.com/",
         "/us-gov-east-1/sqs/"},
        {"sts", "GetCallerIdentity", "{}", "cn-north-1", "https://sts.cn-north-1.amazonaws.com.cn/",
         "/cn-north-1/sts/"},
        {"ecr", "DescribeImages", "{'repositoryName':'r'}", "eu-west-1",
         "https://api.ecr.eu-west-1.amazonaws.com/", "/eu-west-1/ecr/"},
        {"dynamodbstreams", "DescribeStream", "{'StreamArn':'s'}", "eu-west-1",
         "https://streams.dynamodb.eu-west-1.amazonaws.com/", "/eu-west-1/dynamodb/"},
        {"support", "CreateCase", "{'subject':'s','communicationBody':'b'}", "eu-west-1",
         "https://support.us-east-1.amazonaws.com/", "/us-east-1/support/"},
    };
    struct aws_world w;

    aws_world_begin(&w, NULL);
    for (size_t i = 0; i < FX_COUNT_OF(cases); i++) {
        const struct fx_aws_call call = {.service = cases[i].service,
                                         .operation = cases[i].operation,
                                         .params = aws_world_json(w.sc, cases[i].params),
                                         .region = cases[i].region};
        aws_world_script(&w, {.status = 500, .body = ""}, {.status = 500, .body = ""},
                         {.status = 500, .body = ""});
        assert_int_equal(fx_aws_call(w.aws, w.sc, &call, &w.answer, &w.err), FX_ERR_UNAVAILABLE);
        assert_string_equal(w.script.requests[0].url, cases[i].url);
        assert_non_null(
            strstr(scripted_http_header(&w.script, 0, "Authorization"), cases[i].scope));
    }
    aws_world_end(&w);
}

static void secrets_and_shells_are_refused(void **state) {
    static const char *const refused[][2] = {
        {"secretsmanager", "GetSecretValue"}, {"ecs", "ExecuteCommand"}, {"sts", "AssumeRole"}};
    struct aws_world w;

    aws_world_begin(&w, NULL);
    for (size_t i = 0; i < FX_COUNT_OF(refused); i++) {
        assert_int_equal(fx_aws_effect(refused[i][0], refused[i][1]), FX_EFFECT_REFUSED);
        assert_int_equal(aws_world_call(&w, refused[i][0], refused[i][1], NULL), FX_ERR_DENIED);
        assert_int_equal(fx_aws_check_params(refused[i][0], refused[i][1], NULL, &w.err),
                         FX_ERR_INPUT);
        assert_non_null(strstr(w.err.message, "never called"));
    }
    assert_int_equal(w.script.asked, 0);
    aws_world_end(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_function_is_asked_for_by_path_and_query),
        cmocka_unit_test(a_body_in_json_leaves_out_what_travels_elsewhere),
        cmocka_unit_test(an_invocation_has_bytes_headers_and_a_status),
        cmocka_unit_test(names_of_the_wire_become_names_of_the_model),
        cmocka_unit_test(objects_keep_their_slashes_and_sign_their_bytes),
        cmocka_unit_test(an_object_s_head_is_read_from_headers),
        cmocka_unit_test(buckets_answer_in_xml),
        cmocka_unit_test(a_path_cannot_carry_the_call_elsewhere),
        cmocka_unit_test(a_change_of_names_is_written_in_xml),
        cmocka_unit_test(ec2_spells_its_lists_its_own_way),
        cmocka_unit_test(services_with_one_home_sign_for_it),
        cmocka_unit_test(secrets_and_shells_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
