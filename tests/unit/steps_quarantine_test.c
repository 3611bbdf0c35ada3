/* steps_quarantine_test.c - into the archive, read back, and only then out of the queue: what is in
 * doubt is done again or looked up, and what S3 does not hold as it was sent is not deleted. */
#include "steps_rig.h"

#include "quarantine.h"

#include "fluxabot/base/digest.h"

#include <string.h>

/* The archive of the message a1 with the body {}. */
#define OBJECT                                                                                     \
    "{\"queue\":\"arn:aws:sqs:us-east-1:1:Fluxa-DLQ\",\"message_id\":\"a1\",\"cause\":\"Hash\","   \
    "\"body\":\"{}\",\"body_md5\":\"99914b932bd37a50b983c5e7c90ae93b\",\"attributes\":{}}"
#define KEY "dlq/2015-08-30/a1.json"

static const char plan_text[] =
    "{'details':{'from':'arn:aws:sqs:us-east-1:1:Fluxa-DLQ','bucket':'b','folder':'dlq/2015-08-30/"
    "',"
    "'messages':[{'id':'a1','md5':'99914b932bd37a50b983c5e7c90ae93b','event_id':'e1',"
    "'cause':'Hash','key':'" KEY "'}]}}";

#define MESSAGE(body)                                                                              \
    REPLY(200, "{\"Messages\":[{\"MessageId\":\"a1\",\"ReceiptHandle\":\"rh-a1\",\"Body\":\"" body \
               "\",\"Attributes\":{}}]}")
#define NOTHING REPLY(200, "{}")
#define WRITTEN                                                                                    \
    {                                                                                              \
        .status = 200, .body = "", .headers = { {"etag", "\"e\""} }                                \
    }
#define NOT_THERE REPLY(404, "")
static const char empty[] = "{\"Attributes\":{\"ApproximateNumberOfMessages\":\"0\"}}";

/* What HEAD tells of it; NULL leaves a header out. */
static struct scripted_reply told(struct steps_rig *rig, long size, const char *etag,
                                  const char *sum, const char *sealed) {
    struct scripted_reply reply = {.status = 200, .body = ""};
    size_t n = 0;

    reply.headers[n++] = (struct fx_http_header){"content-length", fx_printf(rig->sc, "%ld", size)};
    if (etag != NULL)
        reply.headers[n++] = (struct fx_http_header){"etag", etag};
    if (sum != NULL)
        reply.headers[n++] = (struct fx_http_header){"x-amz-checksum-sha256", sum};
    if (sealed != NULL)
        reply.headers[n++] = (struct fx_http_header){"x-amz-server-side-encryption", sealed};
    return reply;
}

static const char *sum_of_object(struct steps_rig *rig) {
    uint8_t digest[FX_SHA256_BYTES];

    fx_sha256(fx_slice_of(OBJECT), digest);
    return fx_base64(rig->sc, (struct fx_slice){(const char *)digest, sizeof digest});
}

static struct scripted_reply whole(struct steps_rig *rig) {
    return told(rig, (long)strlen(OBJECT), "\"e\"", sum_of_object(rig), "AES256");
}

static enum fx_code run_with(struct steps_rig *rig, const char *kms_key,
                             const struct scripted_reply *replies, size_t count,
                             struct fx_step_result *ret_result, struct fx_error *err) {
    struct scripted_reply *kept = fx_alloc(rig->sc, (count + 1) * sizeof *kept);

    if (count > 0)
        memcpy(kept, replies, count * sizeof *kept);
    scripted_http_set(&rig->world.script, kept, count);
    rig->class = FX_EFFECT_KEYED;
    rig->ctx.plan = steps_rig_json(rig, plan_text);
    *ret_result = (struct fx_step_result){0};
    *err = (struct fx_error){0};
    enum fx_code code = quarantine_run(
        &rig->ctx,
        steps_rig_json(rig,
                       fx_printf(rig->sc, "{'queue':'dlq','bucket':'b','kms_key':'%s'}", kms_key)),
        ret_result, err);

    assert_int_equal(rig->world.script.asked, count);
    return code;
}

static enum fx_code run(struct steps_rig *rig, const struct scripted_reply *replies, size_t count,
                        struct fx_step_result *ret_result, struct fx_error *err) {
    return run_with(rig, "", replies, count, ret_result, err);
}

/* "PUT", "HEAD", or what SQS was asked to do. */
static const char *asked(struct steps_rig *rig, size_t request) {
    const char *target = scripted_http_header(&rig->world.script, request, "x-amz-target");

    return target != NULL ? target : rig->world.script.requests[request].method;
}

static const char *item(const struct fx_step_result *result, const char *member) {
    return fx_json_get_text(fx_json_at_path(result->output, "items.0"), member);
}

/* ---- the order ---- */

static void a_message_is_deleted_after_its_object_was_read_back(void **state) {
    struct steps_rig *rig = *state;
    const struct scripted_reply replies[] = {MESSAGE("{}"), WRITTEN, whole(rig), NOTHING};
    struct fx_step_result result;
    struct fx_error err;

    assert_ok(run(rig, replies, 4, &result, &err));
    assert_string_equal(asked(rig, 0), "AmazonSQS.ReceiveMessage");
    assert_string_equal(asked(rig, 1), "PUT");
    assert_string_equal(asked(rig, 2), "HEAD");
    assert_string_equal(asked(rig, 3), "AmazonSQS.DeleteMessage");
    assert_true(fx_slice_equal_text(rig->world.script.requests[1].body, OBJECT));
    assert_string_equal(scripted_http_header(&rig->world.script, 1, "x-amz-server-side-encryption"),
                        "AES256");
    assert_string_equal(scripted_http_header(&rig->world.script, 1, "x-amz-checksum-sha256"),
                        sum_of_object(rig));
    assert_int_equal(steps_rig_find(rig, "m00000")->known, FX_KNOWN_DONE);
    assert_int_equal(fx_json_get_int(result.output, "deleted", 0), 1);
    assert_string_equal(item(&result, "key"), KEY);
}

static void what_s3_holds_otherwise_than_it_was_sent_is_not_deleted(void **state) {
    struct steps_rig *rig = *state;
    long size = (long)strlen(OBJECT);
    const char *sum = sum_of_object(rig);
    const struct scripted_reply wrong[] = {
        told(rig, size - 1, "\"e\"", sum, "AES256"), told(rig, size, "\"f\"", sum, "AES256"),
        told(rig, size, "\"e\"", "other", "AES256"), told(rig, size, "\"e\"", sum, NULL),
        told(rig, size, NULL, sum, "AES256"),
    };

    for (size_t i = 0; i < FX_COUNT_OF(wrong); i++) {
        const struct scripted_reply replies[] = {MESSAGE("{}"), WRITTEN, wrong[i], NOTHING};
        struct fx_step_result result;
        struct fx_error err;

        rig->effects_count = 0;
        rig->ctx.checkpoint = NULL;
        assert_ok(run(rig, replies, 4, &result, &err));
        assert_string_equal(asked(rig, 3), "AmazonSQS.ChangeMessageVisibilityBatch");
        assert_int_equal(steps_rig_find(rig, "m00000")->known, FX_KNOWN_FAILED);
        assert_int_equal(fx_json_get_int(result.output, "deleted", -1), 0);
        assert_string_equal(item(&result, "archived"), "not known");
        assert_non_null(strstr(fx_json_get_text(result.output, "stopped"), "is not what was"));
    }
}

/* A checksum is shown only to who may decrypt, so none is asked for. */
static void under_a_key_of_kms_it_is_sealed_with_that_key(void **state) {
    struct steps_rig *rig = *state;
    long size = (long)strlen(OBJECT);
    const struct scripted_reply sealed[] = {MESSAGE("{}"), WRITTEN,
                                            told(rig, size, "\"e\"", NULL, "aws:kms"), NOTHING};
    const struct scripted_reply other[] = {MESSAGE("{}"), WRITTEN,
                                           told(rig, size, "\"e\"", NULL, "AES256"), NOTHING};
    struct fx_step_result result;
    struct fx_error err;

    assert_ok(run_with(rig, "key-1", sealed, 4, &result, &err));
    assert_int_equal(fx_json_get_int(result.output, "deleted", 0), 1);
    assert_string_equal(
        scripted_http_header(&rig->world.script, 1, "x-amz-server-side-encryption-aws-kms-key-id"),
        "key-1");
    assert_null(scripted_http_header(&rig->world.script, 2, "x-amz-checksum-mode"));

    rig->effects_count = 0;
    rig->ctx.checkpoint = NULL;
    assert_ok(run_with(rig, "key-1", other, 4, &result, &err));
    assert_int_equal(fx_json_get_int(result.output, "deleted", -1), 0);
}

static void after_stop_nothing_is_received(void **state) {
    struct steps_rig *rig = *state;
    struct fx_step_result result;
    struct fx_error err;

    rig->stop = true;
    assert_ok(run(rig, NULL, 0, &result, &err));
    assert_string_equal(fx_json_get_text(result.output, "stopped"), "a person pressed Stop");
    assert_string_equal(item(&result, "told"), "it ended before this one");
}

static void a_handle_whose_time_is_over_deletes_nothing(void **state) {
    struct steps_rig *rig = *state;
    const struct scripted_reply replies[] = {MESSAGE("{}"), WRITTEN, whole(rig), NOTHING};
    struct fx_step_result result;
    struct fx_error err;

    steps_rig_put(rig, "queues",
                  "{'dlq':{'url':'https://sqs.us-east-1.amazonaws.com/1/dlq',"
                  "'arn':'arn:aws:sqs:us-east-1:1:Fluxa-DLQ','visibility':0}}");
    assert_ok(run(rig, replies, 4, &result, &err));
    assert_string_equal(asked(rig, 3), "AmazonSQS.ChangeMessageVisibilityBatch");
    assert_int_equal(result.outcome, FX_STEP_PARKED);
    assert_int_equal(steps_rig_find(rig, "m00000")->known, FX_KNOWN_BEGUN);
}

static void another_body_than_the_approved_one_stays(void **state) {
    struct steps_rig *rig = *state;
    const struct scripted_reply replies[] = {MESSAGE("[]"), NOTHING, REPLY(200, empty), NOTHING};
    struct fx_step_result result;
    struct fx_error err;

    assert_ok(run(rig, replies, 4, &result, &err));
    assert_int_equal(rig->effects_count, 0);
    assert_non_null(strstr(item(&result, "told"), "not the one that was approved"));
}

static void without_a_promise_nothing_is_written(void **state) {
    struct steps_rig *rig = *state;
    const struct scripted_reply replies[] = {MESSAGE("{}"), NOTHING};
    struct fx_step_result result;
    struct fx_error err;

    rig->begin_fails = FX_ERR_DENIED;
    assert_int_equal(run(rig, replies, 2, &result, &err), FX_ERR_DENIED);
    assert_string_equal(asked(rig, 1), "AmazonSQS.ChangeMessageVisibilityBatch");
}

/* ---- after a death ---- */

#define BEGUN "{'id':'a1','bucket':'b','key':'" KEY "','bytes':1}"

static void what_was_begun_and_is_seen_again_is_done_again(void **state) {
    struct steps_rig *rig = *state;
    const struct scripted_reply replies[] = {MESSAGE("{}"), WRITTEN, whole(rig), NOTHING};
    struct fx_step_result result;
    struct fx_error err;

    steps_rig_effect(rig, "m00000", FX_KNOWN_BEGUN, BEGUN, NULL);
    assert_ok(run(rig, replies, 4, &result, &err));
    assert_string_equal(asked(rig, 3), "AmazonSQS.DeleteMessage");
    assert_int_equal(steps_rig_find(rig, "m00000")->known, FX_KNOWN_DONE);
}

static void of_what_was_begun_and_is_gone_the_object_tells(void **state) {
    struct steps_rig *rig = *state;
    const struct scripted_reply there[] = {NOTHING, REPLY(200, empty), whole(rig)};
    const struct scripted_reply lost[] = {NOTHING, REPLY(200, empty), NOT_THERE};
    struct fx_step_result result;
    struct fx_error err;

    steps_rig_effect(rig, "m00000", FX_KNOWN_BEGUN, BEGUN, NULL);
    assert_ok(run(rig, there, 3, &result, &err));
    assert_int_equal(steps_rig_find(rig, "m00000")->known, FX_KNOWN_DONE);
    assert_string_equal(item(&result, "deleted"), "yes");

    rig->effects_count = 0;
    steps_rig_effect(rig, "m00000", FX_KNOWN_BEGUN, BEGUN, NULL);
    assert_ok(run(rig, lost, 3, &result, &err));
    assert_int_equal(steps_rig_find(rig, "m00000")->known, FX_KNOWN_FAILED);
    assert_string_equal(item(&result, "archived"), "no");
    assert_string_equal(item(&result, "deleted"), "no");
}

static void what_is_done_is_not_done_again(void **state) {
    struct steps_rig *rig = *state;
    struct fx_step_result result;
    struct fx_error err;

    steps_rig_effect(rig, "m00000", FX_KNOWN_DONE, BEGUN,
                     "{'key':'" KEY "','archived':'yes','deleted':'yes','told':''}");
    assert_ok(run(rig, NULL, 0, &result, &err));
    assert_int_equal(fx_json_get_int(result.output, "deleted", 0), 1);
}

/* ---- the plan ---- */

#define ITEM(id, cause, retry, safe)                                                               \
    "{'id':'" id "','md5':'d','event_id':'e-" id "','cause':'" cause "','retry':'" retry           \
    "','safe':" safe "}"

static const char census[] = "{'items':[" ITEM("a1", "Hash", "never", "false") "," ITEM(
    "a2", "Database", "yes", "true") "," ITEM("a3", "Unknown", "hold", "false") "]}";

#define BLOCKS(last)                                                                               \
    REPLY(200, "<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls>"           \
               "<IgnorePublicAcls>true</IgnorePublicAcls><BlockPublicPolicy>true"                  \
               "</BlockPublicPolicy><RestrictPublicBuckets>" last                                  \
               "</RestrictPublicBuckets></PublicAccessBlockConfiguration>")

static enum fx_code plan(struct steps_rig *rig, const char *which, struct fx_json **ret_plan,
                         struct fx_error *err) {
    struct fx_json *params = NULL;
    struct fx_error ignored;

    *err = (struct fx_error){0};
    assert_int_equal(
        fx_step_fill_params(
            rig->sc, &step_dlq_quarantine,
            steps_rig_json(rig,
                           fx_printf(rig->sc, "{'queue':'dlq','bucket':'b','census':%s,'which':%s}",
                                     census, which)),
            &params, &ignored),
        FX_OK);
    return step_dlq_quarantine.plan(&rig->ctx, params, ret_plan, err);
}

static void only_what_no_retry_helps_is_chosen_by_its_cause(void **state) {
    struct steps_rig *rig = *state;
    struct fx_json *got = NULL;
    struct fx_error err;

    aws_world_script(&rig->world, REPLY(200, "{}"), BLOCKS("true"));
    assert_ok(plan(rig, "['hash']", &got, &err));
    assert_string_equal(fx_json_text(fx_json_at_path(got, "details.messages.0.key")), KEY);
    assert_int_equal(fx_json_count(fx_json_at_path(got, "details.messages")), 1);
    scripted_http_set(&rig->world.script, NULL, 0);
    assert_int_equal(plan(rig, "['Database']", &got, &err), FX_ERR_DENIED);
    assert_non_null(strstr(err.message, "redrive it instead"));
    assert_int_equal(plan(rig, "['a2']", &got, &err), FX_ERR_DENIED);
    assert_int_equal(plan(rig, "['unknown']", &got, &err), FX_ERR_DENIED);
    assert_non_null(strstr(err.message, "nobody knows why"));
    aws_world_script(&rig->world, REPLY(200, "{}"), BLOCKS("true"));
    assert_ok(plan(rig, "['a3']", &got, &err));
    scripted_http_set(&rig->world.script, NULL, 0);
    assert_int_equal(plan(rig, "['a9']", &got, &err), FX_ERR_DENIED);
    assert_int_equal(plan(rig, "[]", &got, &err), FX_ERR_DENIED);
}

static void a_public_bucket_is_refused(void **state) {
    struct steps_rig *rig = *state;
    struct fx_json *got = NULL;
    struct fx_error err;

    aws_world_script(&rig->world, REPLY(200, "{}"), BLOCKS("false"));
    assert_int_equal(plan(rig, "['Hash']", &got, &err), FX_ERR_DENIED);
    assert_non_null(strstr(err.message, "RestrictPublicBuckets is off"));
    aws_world_script(&rig->world, REPLY(200, "{}"),
                     REPLY(404, "<Error><Code>NoSuchPublicAccessBlockConfiguration</Code>"
                                "<Message>m</Message></Error>"));
    assert_int_equal(plan(rig, "['Hash']", &got, &err), FX_ERR_DENIED);
    assert_non_null(strstr(err.message, "Block all public access"));
}

static void a_queue_with_fewer_messages_than_were_approved_is_a_conflict(void **state) {
    struct steps_rig *rig = *state;
    struct fx_error err = {0};

    rig->ctx.plan = steps_rig_json(rig, plan_text);
    aws_world_script(&rig->world, REPLY(200, "{}"),
                     REPLY(200, "{\"Attributes\":{\"ApproximateNumberOfMessages\":\"0\"}}"));
    assert_int_equal(
        step_dlq_quarantine.confirm(
            &rig->ctx, steps_rig_json(rig, "{'queue':'dlq','bucket':'b','kms_key':''}"), &err),
        FX_ERR_CONFLICT);
    assert_non_null(strstr(err.message, "1 messages were approved, 0 are there now"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, steps_rig_set_up, steps_rig_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_message_is_deleted_after_its_object_was_read_back),
        TEST(what_s3_holds_otherwise_than_it_was_sent_is_not_deleted),
        TEST(under_a_key_of_kms_it_is_sealed_with_that_key),
        TEST(after_stop_nothing_is_received),
        TEST(a_handle_whose_time_is_over_deletes_nothing),
        TEST(another_body_than_the_approved_one_stays),
        TEST(without_a_promise_nothing_is_written),
        TEST(what_was_begun_and_is_seen_again_is_done_again),
        TEST(of_what_was_begun_and_is_gone_the_object_tells),
        TEST(what_is_done_is_not_done_again),
        TEST(only_what_no_retry_helps_is_chosen_by_its_cause),
        TEST(a_public_bucket_is_refused),
        TEST(a_queue_with_fewer_messages_than_were_approved_is_a_conflict),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
