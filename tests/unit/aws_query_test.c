/* aws_query_test.c - calls to services that take forms and answer in XML: what is sent, and which
 * XML is believed.
 */
#include "support/aws_world.h"

#include <string.h>

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
    aws_world_assert_body(
        &w, 0,
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
    aws_world_assert_body(
        &w, 0,
        "Action=GetMetricData&Version=2010-08-01&StartTime=1970-01-01T00%3A00%3A01Z"
        "&EndTime=1970-01-01T00%3A00%3A02Z&MetricDataQueries=");
    aws_world_assert_answer(
        &w, "{'MetricDataResults':[{'Id':'rate','Label':'a <b> & c',"
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
    aws_world_assert_answer(&w,
                            "{'Attributes':{'Endpoint':'https://x','RawMessageDelivery':'true'}}");
    assert_int_equal(aws_world_call(&w, "rds", "DescribeDBInstances",
                                    "{'Filters':[{'Name':'n','Values':['v']}]}"),
                     FX_OK);
    aws_world_assert_body(&w, 1,
                          "Action=DescribeDBInstances&Version=2014-10-31&Filters.Filter.1.Name=n"
                          "&Filters.Filter.1.Values.Value.1=v");
    aws_world_assert_answer(&w,
                            "{'DBInstances':[{'DBInstanceIdentifier':'fluxa','AllocatedStorage':20,"
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
        aws_world_assert_says(&w, cases[i].says);
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_query_call_is_a_signed_form),
        cmocka_unit_test(xml_becomes_typed_json),
        cmocka_unit_test(a_list_of_one_is_a_list_and_maps_are_objects),
        cmocka_unit_test(refuses_xml_that_wants_more_than_it_says),
        cmocka_unit_test(a_number_that_is_none_is_not_believed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
