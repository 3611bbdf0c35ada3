/* aws_fault_test.c - what failures mean, and which calls are made again. */
#include "support/aws_world.h"

#include "private.h"

#include <string.h>

#define QUEUE "{'QueueUrl':'https://sqs.us-east-1.amazonaws.com/1/q'}"
#define MOVE "{'SourceArn':'arn:aws:sqs:us-east-1:1:q'}"
#define LOST                                                                                       \
    { .failure = FX_ERR_TIMEOUT, .sent = true }
#define UNREACHED                                                                                  \
    { .failure = FX_ERR_UNAVAILABLE, .sent = false }
#define DOWN                                                                                       \
    { .status = 503, .body = "upstream connect error" }
#define OK_EMPTY                                                                                   \
    { .status = 200, .body = "{}" }
#define THROTTLE                                                                                   \
    { .status = 400, .body = "{\"__type\":\"com.amazonaws.sqs#RequestThrottled\"}" }

static void assert_silent_about(const struct aws_world *w, const char *part) {
    if (strstr(w->err.message, part) != NULL)
        fail_msg("\"%s\" says \"%s\"", w->err.message, part);
}

/* ---- meaning ---- */

static void a_missing_queue_keeps_the_documented_code(void **state) {
    struct aws_world w;

    aws_world_begin(&w, NULL);
    aws_world_script(
        &w,
        {.status = 400,
         .body = "{\"__type\":\"com.amazonaws.sqs#QueueDoesNotExist\",\"message\":"
                 "\"The specified queue does not exist.\"}",
         .headers = {{"x-amzn-requestid", "66916324-67ca"},
                     {"x-amzn-query-error", "AWS.SimpleQueueService.NonExistentQueue;Sender"}}},
        {.status = 400,
         .body = "{\"__type\":\"com.amazonaws.sqs#QueueDoesNotExist:http://x\","
                 "\"Message\":\"gone\"}"});
    assert_int_equal(aws_world_call(&w, "sqs", "GetQueueAttributes", QUEUE), FX_ERR_NOT_FOUND);
    assert_string_equal(w.err.upstream, "AWS.SimpleQueueService.NonExistentQueue");
    aws_world_assert_says(&w, "The specified queue does not exist");
    aws_world_assert_says(&w, "66916324-67ca");
    assert_int_not_equal(w.err.message[strlen(w.err.message) - 1], '.');
    assert_int_equal(aws_world_call(&w, "sqs", "GetQueueAttributes", QUEUE), FX_ERR_NOT_FOUND);
    assert_string_equal(w.err.upstream, "QueueDoesNotExist");
    aws_world_assert_says(&w, "gone");
    aws_world_end(&w);
}

static void a_denied_call_names_what_to_allow(void **state) {
    struct aws_world w;

    aws_world_begin(&w, NULL);
    aws_world_script(
        &w,
        {.status = 403,
         .body = "{\"__type\":\"com.amazonaws.sqs#AccessDeniedException\",\"message\":"
                 "\"User is not authorized\"}"},
        {.status = 403,
         .body = "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>User "
                 "is not authorized</Message></Error><RequestId>r-1</RequestId></ErrorResponse>"});
    assert_int_equal(aws_world_call(&w, "sqs", "SendMessageBatch",
                                    "{'QueueUrl':'q','Entries':[{'Id':'1','MessageBody':'b'}]}"),
                     FX_ERR_DENIED);
    aws_world_assert_says(&w, "allow sqs:SendMessage for the bot's role");
    assert_false(w.err.sent);
    assert_int_equal(aws_world_call(&w, "cloudwatch", "DescribeAlarms", NULL), FX_ERR_DENIED);
    aws_world_assert_says(&w, "allow cloudwatch:DescribeAlarms");
    aws_world_assert_says(&w, "r-1");
    assert_string_equal(w.err.upstream, "AccessDenied");
    aws_world_end(&w);
}

static void the_text_of_a_refused_value_is_kept(void **state) {
    struct aws_world w;

    aws_world_begin(&w, NULL);
    aws_world_script(&w,
                     {.status = 400,
                      .body = "{\"__type\":\"com.amazonaws.sqs#InvalidParameterValueException\","
                              "\"message\":\"There is already a task running. Only one active "
                              "task is allowed for a source queue arn at a given time.\"}",
                      .headers = {{"x-amzn-query-error", "InvalidParameterValue;Sender"}}});
    assert_int_equal(aws_world_call(&w, "sqs", "StartMessageMoveTask", MOVE), FX_ERR_UPSTREAM);
    assert_string_equal(w.err.upstream, "InvalidParameterValue");
    aws_world_assert_says(&w, "There is already a task running");
    assert_false(w.err.sent);
    aws_world_end(&w);
}

static void a_signature_error_repeats_nothing_that_was_signed(void **state) {
    struct aws_world w;

    aws_world_begin(&w, NULL);
    aws_world_script(&w,
                     {.status = 403,
                      .body = "<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code><Message>"
                              "The Canonical String should have been x-amz-security-token:hush"
                              "</Message></Error></ErrorResponse>"},
                     {.status = 403,
                      .body = "{\"__type\":\"ExpiredTokenException\",\"message\":\"token hush\"}"},
                     {.status = 403, .body = "{\"__type\":\"InvalidClientTokenId\"}"});
    assert_int_equal(aws_world_call(&w, "sts", "GetCallerIdentity", NULL), FX_ERR_DENIED);
    assert_silent_about(&w, "hush");
    aws_world_assert_says(&w, "clock");
    assert_int_equal(aws_world_call(&w, "sqs", "ListQueues", NULL), FX_ERR_DENIED);
    assert_silent_about(&w, "hush");
    aws_world_assert_says(&w, "expired");
    assert_int_equal(aws_world_call(&w, "sqs", "ListQueues", NULL), FX_ERR_DENIED);
    aws_world_assert_says(&w, "does not know the access key");
    aws_world_end(&w);
}

static void strange_refusals_are_refusals(void **state) {
    static const struct scripted_reply replies[] = {
        {.status = 400, .body = "<html>proxy</html>"},
        {.status = 400, .body = ""},
        {.status = 400, .body = "[]"},
        {.status = 400, .body = "{\"__type\":7,\"message\":[]}"},
        {.status = 400, .body = "{\"__type\":\"#\"}", .headers = {{"x-amzn-query-error", ";"}}},
        {.status = 302, .body = ""},
        {.status = 418, .body = "\xff\xfe{{{"},
    };
    struct aws_world w;

    aws_world_begin(&w, NULL);
    scripted_http_set(&w.script, replies, FX_COUNT_OF(replies));
    for (size_t i = 0; i < FX_COUNT_OF(replies); i++) {
        assert_int_equal(aws_world_call(&w, "sqs", "ListQueues", NULL), FX_ERR_UPSTREAM);
        assert_true(fx_slice_is_utf8(fx_slice_of(w.err.message)));
    }
    scripted_http_set(&w.script, replies, FX_COUNT_OF(replies));
    for (size_t i = 0; i < FX_COUNT_OF(replies); i++)
        assert_int_equal(aws_world_call(&w, "sts", "GetCallerIdentity", NULL), FX_ERR_UPSTREAM);
    aws_world_end(&w);
}

/* ---- repeating ---- */

static void a_read_is_tried_three_times(void **state) {
    struct aws_world w;

    aws_world_begin(&w, NULL);
    aws_world_script(&w, DOWN, LOST, OK_EMPTY);
    assert_int_equal(aws_world_call(&w, "sqs", "ListQueues", NULL), FX_OK);
    assert_int_equal(w.script.asked, 3);
    aws_world_script(&w, DOWN, UNREACHED, DOWN);
    assert_int_equal(aws_world_call(&w, "sqs", "ListQueues", NULL), FX_ERR_UNAVAILABLE);
    assert_int_equal(w.script.asked, 3);
    aws_world_script(&w, THROTTLE, THROTTLE, THROTTLE);
    assert_int_equal(aws_world_call(&w, "sqs", "ReceiveMessage", QUEUE), FX_ERR_THROTTLED);
    assert_int_equal(w.script.asked, 3);
    aws_world_end(&w);
}

static void a_change_is_sent_once_whatever_happens(void **state) {
    static const struct {
        struct scripted_reply reply;
        enum fx_code code;
        bool sent;
    } cases[] = {
        {LOST, FX_ERR_TIMEOUT, true},
        {UNREACHED, FX_ERR_UNAVAILABLE, false},
        {DOWN, FX_ERR_UNAVAILABLE, true},
        {{.status = 500, .body = "{\"__type\":\"InternalFailure\"}"}, FX_ERR_UNAVAILABLE, true},
        {THROTTLE, FX_ERR_THROTTLED, false},
        {{.status = 200, .body = "half an ans"}, FX_ERR_UPSTREAM, true},
        {{.status = 403,
          .body = "{\"__type\":\"SignatureDoesNotMatch\"}",
          .date_wall_ms = 1440938160000 + 3600 * 1000},
         FX_ERR_DENIED,
         false},
    };
    static const struct {
        const char *operation, *params;
    } changes[] = {
        {"StartMessageMoveTask", MOVE},
        {"SendMessage", "{'QueueUrl':'q','MessageBody':'b'}"},
        {"DeleteMessage", "{'QueueUrl':'q','ReceiptHandle':'h'}"},
        {"ChangeMessageVisibility", "{'QueueUrl':'q','ReceiptHandle':'h','VisibilityTimeout':0}"},
    };

    for (size_t i = 0; i < FX_COUNT_OF(cases); i++)
        for (size_t k = 0; k < FX_COUNT_OF(changes); k++) {
            struct aws_world w;
            aws_world_begin(&w, NULL);
            scripted_http_set(&w.script, &cases[i].reply, 1);
            enum fx_code code = aws_world_call(&w, "sqs", changes[k].operation, changes[k].params);
            assert_int_equal(code, cases[i].code);
            assert_int_equal(w.err.sent, cases[i].sent);
            assert_int_equal(w.script.asked, 1);
            assert_true(w.script.requests[0].fresh);
            aws_world_end(&w);
        }
}

static void what_was_refused_for_good_is_not_asked_again(void **state) {
    struct aws_world w;

    aws_world_begin(&w, NULL);
    aws_world_script(&w, {.status = 400, .body = "{\"__type\":\"InvalidAttributeName\"}"});
    assert_int_equal(aws_world_call(&w, "sqs", "GetQueueAttributes", QUEUE), FX_ERR_UPSTREAM);
    assert_int_equal(w.script.asked, 1);
    assert_false(w.script.requests[0].fresh);
    aws_world_end(&w);
}

static void no_retry_that_would_pass_the_deadline(void **state) {
    struct aws_world w;

    aws_world_begin(&w, NULL);
    w.random.byte = 0xff;
    fx_scope_set_deadline(w.sc, w.clock.mono_ms + 500); /* the first delay is about a second */
    aws_world_script(&w, THROTTLE);
    assert_int_equal(aws_world_call(&w, "sqs", "ListQueues", NULL), FX_ERR_THROTTLED);
    assert_int_equal(w.script.asked, 1);
    aws_world_end(&w);
}

static void the_servers_hint_travels_with_the_error(void **state) {
    struct aws_world w;

    aws_world_begin(&w, NULL);
    aws_world_script(&w, {.status = 400,
                          .body = "{\"__type\":\"Throttling\"}",
                          .headers = {{"x-amz-retry-after", "1500"}}});
    assert_int_equal(aws_world_call(&w, "sqs", "StartMessageMoveTask", MOVE), FX_ERR_THROTTLED);
    assert_int_equal(w.err.retry_after_ms, 1500);
    aws_world_end(&w);
}

static void an_empty_bucket_ends_the_retries_of_that_service_alone(void **state) {
    static struct scripted_reply down[SCRIPT_MAX];
    struct aws_world w;
    int calls = 0;

    for (size_t i = 0; i < SCRIPT_MAX; i++)
        down[i] = (struct scripted_reply)DOWN;
    aws_world_begin(&w, NULL);
    /* 500 tokens pay for 35 retries at 14. */
    scripted_http_set(&w.script, down, SCRIPT_MAX);
    do {
        size_t before = w.script.asked;
        assert_int_equal(aws_world_call(&w, "sqs", "ListQueues", NULL), FX_ERR_UNAVAILABLE);
        calls++;
        if (w.script.asked - before == 1)
            break;
    } while (calls < 40);
    assert_int_equal(w.script.asked - (size_t)calls, 35);
    scripted_http_set(&w.script, down, SCRIPT_MAX);
    assert_int_equal(aws_world_call(&w, "logs", "DescribeLogGroups", NULL), FX_ERR_UNAVAILABLE);
    assert_int_equal(w.script.asked, 3);
    aws_world_end(&w);
}

static struct aws_hint hint(int64_t ms) {
    return (struct aws_hint){.ms = ms};
}

static struct aws_hint exactly(int64_t ms) {
    return (struct aws_hint){.ms = ms, .exact = true};
}

static void delays_follow_the_published_rule(void **state) {
    struct held_random low, high;

    held_random_init(&low, 0);
    held_random_init(&high, 0xff); /* a hair below 1 */
    assert_int_equal(aws_retry_delay_ms(&low.random, AWS_TROUBLE_TRANSIENT, 0, hint(0)), 0);
    assert_int_equal(aws_retry_delay_ms(&high.random, AWS_TROUBLE_TRANSIENT, 0, hint(0)), 49);
    assert_int_equal(aws_retry_delay_ms(&high.random, AWS_TROUBLE_TRANSIENT, 1, hint(0)), 99);
    assert_int_equal(aws_retry_delay_ms(&high.random, AWS_TROUBLE_THROTTLED, 0, hint(0)), 999);
    assert_int_equal(aws_retry_delay_ms(&high.random, AWS_TROUBLE_THROTTLED, 1, hint(0)), 1999);
    assert_int_equal(aws_retry_delay_ms(&high.random, AWS_TROUBLE_THROTTLED, 60, hint(0)), 19999);
    assert_int_equal(aws_retry_delay_ms(&low.random, AWS_TROUBLE_THROTTLED, 0, hint(1500)), 1500);
    assert_int_equal(aws_retry_delay_ms(&low.random, AWS_TROUBLE_THROTTLED, 0, hint(90000)), 5000);
    assert_int_equal(aws_retry_delay_ms(&high.random, AWS_TROUBLE_THROTTLED, 0, hint(90000)), 5999);
    assert_int_equal(aws_retry_delay_ms(&high.random, AWS_TROUBLE_THROTTLED, 0, hint(10)), 999);
}

static void retry_after_is_obeyed_within_a_cap(void **state) {
    struct held_random low, high;

    held_random_init(&low, 0);
    held_random_init(&high, 0xff);
    assert_int_equal(aws_retry_delay_ms(&low.random, AWS_TROUBLE_TRANSIENT, 0, exactly(7000)),
                     7000);
    assert_int_equal(aws_retry_delay_ms(&low.random, AWS_TROUBLE_TRANSIENT, 0, exactly(20000)),
                     20000);
    assert_int_equal(aws_retry_delay_ms(&high.random, AWS_TROUBLE_THROTTLED, 1, exactly(1000)),
                     1999);
    assert_true(aws_retry_delay_ms(&low.random, AWS_TROUBLE_TRANSIENT, 0, exactly(20001)) < 0);
}

static void a_long_retry_after_is_handed_on_instead_of_waited_for(void **state) {
    struct aws_world w;

    aws_world_begin(&w, NULL);
    aws_world_script(&w, {.status = 429, .body = "", .headers = {{"retry-after", "3600"}}});
    assert_int_equal(aws_world_call(&w, "sqs", "ListQueues", NULL), FX_ERR_THROTTLED);
    assert_int_equal(w.script.asked, 1);
    assert_int_equal(w.err.retry_after_ms, 3600 * 1000);
    aws_world_end(&w);
}

static void hints_are_read_from_both_headers(void **state) {
    static const struct {
        const char *name, *value;
        int64_t ms;
        bool exact;
    } cases[] = {
        {"x-amz-retry-after", "1500", 1500, false},
        {"retry-after", "2", 2000, true},
        {"retry-after", " 2 ", 2000, true},
        {"retry-after", "-2", 0, true},
        {"retry-after", "soon", 0, true},
        {"retry-after", "99999999999999", 0, true},
        {"x-other", "1", 0, true},
    };

    for (size_t i = 0; i < FX_COUNT_OF(cases); i++) {
        const struct fx_http_header header = {cases[i].name, cases[i].value};
        const struct fx_http_reply reply = {.headers = &header, .headers_count = 1};
        struct aws_hint read = aws_hint_read(&reply);
        if (i == 5) /* whatever it is, it is not waited for */
            assert_true(read.ms > 20000);
        else
            assert_int_equal(read.ms, cases[i].ms);
        assert_int_equal(read.exact, cases[i].exact);
    }
}

static void every_region_has_a_bucket_of_its_own(void **state) {
    struct fx_scope *sc = fx_scope_new(NULL);
    struct aws_buckets *buckets = aws_buckets_new(sc);
    const struct aws_service *sqs = aws_operation_find("sqs", "ListQueues")->service;
    const struct aws_service *logs = aws_operation_find("logs", "StartQuery")->service;

    struct aws_bucket *here = aws_buckets_find(buckets, sqs, "us-east-1");
    assert_ptr_equal(aws_buckets_find(buckets, sqs, "us-east-1"), here);
    assert_ptr_not_equal(aws_buckets_find(buckets, sqs, "eu-west-1"), here);
    assert_ptr_not_equal(aws_buckets_find(buckets, logs, "us-east-1"), here);
    /* Regions that somebody invents share a place, and take nobody else's. */
    for (int i = 0; i < 1000; i++)
        assert_non_null(aws_buckets_find(buckets, sqs, fx_printf(sc, "xx-%d", i)));
    assert_ptr_equal(aws_buckets_find(buckets, sqs, "us-east-1"), here);
    aws_buckets_close(buckets);
    fx_scope_free(sc);
}

static void an_answer_that_cannot_be_read_names_its_request(void **state) {
    struct aws_world w;

    aws_world_begin(&w, NULL);
    aws_world_script(
        &w, {.status = 200, .body = "<html>", .headers = {{"x-amzn-requestid", "66916324-67ca"}}},
        {.status = 400, .body = "<html>", .headers = {{"x-amz-request-id", "S3REQUEST"}}});
    assert_int_equal(aws_world_call(&w, "sqs", "GetQueueAttributes", QUEUE), FX_ERR_UPSTREAM);
    aws_world_assert_says(&w, "(request 66916324-67ca)");
    assert_true(w.err.sent);
    assert_int_equal(aws_world_call(&w, "sqs", "GetQueueAttributes", QUEUE), FX_ERR_UPSTREAM);
    aws_world_assert_says(&w, "(request S3REQUEST)");
    aws_world_end(&w);
}

struct seeded_random {
    struct fx_random random;
    uint64_t seed;
};

/* splitmix64, by Steele, Lea and Flood */
static void fill_seeded(struct fx_random *random, void *bytes, size_t len) {
    struct seeded_random *self = FX_CONTAINER_OF(random, struct seeded_random, random);

    for (size_t i = 0; i < len; i++) {
        uint64_t z = self->seed += 0x9e3779b97f4a7c15u;

        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        ((uint8_t *)bytes)[i] = (uint8_t)(z >> 56);
    }
}

/* Full jitter: a crowd that failed together comes back spread over the whole time, each tenth of it
 * as often as another. Half of the delay fixed, or one delay for all, would leave tenths empty. */
static void a_crowd_comes_back_spread_over_the_whole_delay(void **state) {
    enum { CROWD = 5000, TENTHS = 10, SEED = 20261122 };
    struct seeded_random seeded = {.random = {.fill = fill_seeded}, .seed = SEED};

    print_message("seed %d\n", SEED);
    for (int retry = 0; retry < 5; retry++) {
        int64_t cap_ms = (int64_t)1000 << retry;
        int tenths[TENTHS] = {0};

        for (int i = 0; i < CROWD; i++) {
            int64_t ms = aws_retry_delay_ms(&seeded.random, AWS_TROUBLE_THROTTLED, retry, hint(0));

            assert_in_range(ms, 0, cap_ms - 1);
            tenths[ms * TENTHS / cap_ms]++;
        }
        for (int i = 0; i < TENTHS; i++)
            assert_in_range(tenths[i], CROWD / TENTHS * 8 / 10, CROWD / TENTHS * 12 / 10);
    }
}

static void retries_cost_and_successes_pay_back(void **state) {
    struct aws_bucket bucket;

    aws_bucket_init(&bucket);
    assert_int_equal(aws_bucket_take(&bucket, AWS_TROUBLE_TRANSIENT), 14);
    assert_int_equal(aws_bucket_take(&bucket, AWS_TROUBLE_THROTTLED), 5);
    assert_int_equal(bucket.tokens, 481);
    aws_bucket_refund(&bucket, 14);
    aws_bucket_refund(&bucket, 0);
    assert_int_equal(bucket.tokens, 496);
    aws_bucket_refund(&bucket, 14);
    assert_int_equal(bucket.tokens, 500);
    bucket.tokens = 4;
    assert_int_equal(aws_bucket_take(&bucket, AWS_TROUBLE_THROTTLED), 0);
    assert_int_equal(bucket.tokens, 4);
    pthread_mutex_destroy(&bucket.lock);
}

static void *cancel_soon(void *sc) {
    fx_scope_cancel(sc);
    return NULL;
}

static void waiting_ends_when_the_scope_is_cancelled(void **state) {
    struct fx_scope *sc = fx_scope_new(NULL);
    int64_t started_ms = fx_mono_ms(fx_clock_system());
    struct fx_error err;
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, cancel_soon, sc), 0);
    assert_int_equal(aws_retry_wait(sc, fx_clock_system(), 20000, &err), FX_ERR_CANCELED);
    assert_in_range(fx_mono_ms(fx_clock_system()) - started_ms, 0, 15000);
    pthread_join(thread, NULL);
    fx_scope_free(sc);
}

static void waiting_lasts_as_long_as_it_should(void **state) {
    struct fx_scope *sc = fx_scope_new(NULL);
    int64_t started_ms = fx_mono_ms(fx_clock_system());
    struct fx_error err;

    assert_ok(aws_retry_wait(sc, fx_clock_system(), 120, &err));
    assert_in_range(fx_mono_ms(fx_clock_system()) - started_ms, 119, 15000);
    fx_scope_free(sc);
}

/* ---- the clock ---- */

enum { HOUR_MS = 3600 * 1000 };
#define NOW_MS 1440938160000

static void a_wrong_clock_is_noticed_and_the_read_signed_again(void **state) {
    struct aws_world w;

    aws_world_begin(&w, NULL);
    aws_world_script(&w,
                     {.status = 403,
                      .body = "{\"__type\":\"InvalidSignatureException\"}",
                      .date_wall_ms = NOW_MS + HOUR_MS},
                     {.status = 200, .body = "{}", .date_wall_ms = NOW_MS + HOUR_MS},
                     {.status = 200, .body = "{}", .date_wall_ms = NOW_MS + HOUR_MS});
    assert_int_equal(aws_world_call(&w, "sqs", "ListQueues", NULL), FX_OK);
    assert_string_equal(scripted_http_header(&w.script, 0, "X-Amz-Date"), "20150830T123600Z");
    assert_string_equal(scripted_http_header(&w.script, 1, "X-Amz-Date"), "20150830T133600Z");
    /* A change profits from what a read has learnt. */
    assert_int_equal(aws_world_call(&w, "sqs", "StartMessageMoveTask", MOVE), FX_OK);
    assert_string_equal(scripted_http_header(&w.script, 2, "X-Amz-Date"), "20150830T133600Z");
    aws_world_end(&w);
}

static void a_wrong_secret_is_not_blamed_on_the_clock(void **state) {
    static const int64_t dates[] = {NOW_MS, NOW_MS + 200 * 1000, NOW_MS - 200 * 1000, 0};
    struct aws_world w;

    aws_world_begin(&w, NULL);
    for (size_t i = 0; i < FX_COUNT_OF(dates); i++) {
        const struct scripted_reply reply = {.status = 403,
                                             .body = "{\"__type\":\"SignatureDoesNotMatch\"}",
                                             .date_wall_ms = dates[i]};
        scripted_http_set(&w.script, &reply, 1);
        assert_int_equal(aws_world_call(&w, "sqs", "ListQueues", NULL), FX_ERR_DENIED);
    }
    aws_world_end(&w);
}

static void a_clock_that_stays_wrong_is_tried_once_more_only(void **state) {
    struct aws_world w;

    aws_world_begin(&w, NULL);
    aws_world_script(&w,
                     {.status = 403,
                      .body = "{\"__type\":\"SignatureDoesNotMatch\"}",
                      .date_wall_ms = NOW_MS - HOUR_MS},
                     {.status = 403,
                      .body = "{\"__type\":\"SignatureDoesNotMatch\"}",
                      .date_wall_ms = NOW_MS - HOUR_MS});
    assert_int_equal(aws_world_call(&w, "sqs", "ListQueues", NULL), FX_ERR_DENIED);
    assert_int_equal(w.script.asked, 2);
    aws_world_end(&w);
}

static void a_cached_date_teaches_nothing(void **state) {
    struct aws_world w;

    aws_world_begin(&w, NULL);
    aws_world_script(&w,
                     {.status = 200,
                      .body = "{}",
                      .headers = {{"age", "3600"}},
                      .date_wall_ms = NOW_MS - HOUR_MS},
                     OK_EMPTY);
    assert_int_equal(aws_world_call(&w, "sqs", "ListQueues", NULL), FX_OK);
    assert_int_equal(aws_world_call(&w, "sqs", "ListQueues", NULL), FX_OK);
    assert_string_equal(scripted_http_header(&w.script, 1, "X-Amz-Date"), "20150830T123600Z");
    aws_world_end(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_missing_queue_keeps_the_documented_code),
        cmocka_unit_test(a_denied_call_names_what_to_allow),
        cmocka_unit_test(the_text_of_a_refused_value_is_kept),
        cmocka_unit_test(a_signature_error_repeats_nothing_that_was_signed),
        cmocka_unit_test(strange_refusals_are_refusals),
        cmocka_unit_test(a_read_is_tried_three_times),
        cmocka_unit_test(a_change_is_sent_once_whatever_happens),
        cmocka_unit_test(what_was_refused_for_good_is_not_asked_again),
        cmocka_unit_test(no_retry_that_would_pass_the_deadline),
        cmocka_unit_test(the_servers_hint_travels_with_the_error),
        cmocka_unit_test(an_empty_bucket_ends_the_retries_of_that_service_alone),
        cmocka_unit_test(delays_follow_the_published_rule),
        cmocka_unit_test(a_crowd_comes_back_spread_over_the_whole_delay),
        cmocka_unit_test(retry_after_is_obeyed_within_a_cap),
        cmocka_unit_test(a_long_retry_after_is_handed_on_instead_of_waited_for),
        cmocka_unit_test(hints_are_read_from_both_headers),
        cmocka_unit_test(every_region_has_a_bucket_of_its_own),
        cmocka_unit_test(an_answer_that_cannot_be_read_names_its_request),
        cmocka_unit_test(retries_cost_and_successes_pay_back),
        cmocka_unit_test(waiting_ends_when_the_scope_is_cancelled),
        cmocka_unit_test(waiting_lasts_as_long_as_it_should),
        cmocka_unit_test(a_wrong_clock_is_noticed_and_the_read_signed_again),
        cmocka_unit_test(a_wrong_secret_is_not_blamed_on_the_clock),
        cmocka_unit_test(a_clock_that_stays_wrong_is_tried_once_more_only),
        cmocka_unit_test(a_cached_date_teaches_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
