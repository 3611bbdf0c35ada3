/* steps_override_test.c - one message with a wrong hash: only with two fresh proofs of its own
 * hash, and not when the body itself is wrong. */
#include "steps_rig.h"

#include "fluxabot/base/digest.h"

#include <string.h>

#define HASH "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define OTHER "00007816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015"
#define AT "1440938160000" /* RIG_NOW_MS */
#define MINUTES_15 (15 * 60 * 1000)

/* The steps_rig's MD5 is that of "{}". */
#define ITEM(cause, differs)                                                                       \
    "{'id':'a1','md5':'99914b932bd37a50b983c5e7c90ae93b','event_id':'e1','correlation_id':'c1',"   \
    "'cause':'" cause "','hash':'" HASH "','differs':" differs "}"
#define PROOF(name, at, hash)                                                                      \
    "{'name':'" name "','fresh':true,'at':" at ",'value':{'sha256':'" hash "','etag':'e'}}"

static struct fx_json *params_of(struct steps_rig *rig, const char *item, const char *payload,
                                 const char *ingest) {
    return steps_rig_json(rig, fx_printf(rig->sc,
                                         "{'queue':'dlq','class':'Hash','bucket':'b','key':'k',"
                                         "'item':%s,'payload':%s,'ingest':%s}",
                                         item, payload, ingest));
}

static const char policy[] =
    "{\"Attributes\":{\"ApproximateNumberOfMessages\":\"1\",\"RedrivePolicy\":"
    "\"{\\\"deadLetterTargetArn\\\":\\\"arn:aws:sqs:us-east-1:1:Fluxa-DLQ\\\"}\"}}";

static enum fx_code plan(struct steps_rig *rig, const char *item, const char *payload,
                         const char *ingest, struct fx_json **ret_plan, struct fx_error *err) {
    const struct scripted_reply replies[] = {REPLY(200, policy), REPLY(200, "{\"Results\":[]}")};
    struct scripted_reply *kept = fx_alloc(rig->sc, sizeof replies);

    memcpy(kept, replies, sizeof replies);
    scripted_http_set(&rig->world.script, kept, 2);
    *err = (struct fx_error){0};
    return step_dlq_override.plan(&rig->ctx, params_of(rig, item, payload, ingest), ret_plan, err);
}

static void expect_refused(struct steps_rig *rig, const char *item, const char *payload,
                           const char *ingest, const char *word) {
    struct fx_json *ignored = NULL;
    struct fx_error err;

    assert_int_equal(plan(rig, item, payload, ingest, &ignored, &err), FX_ERR_DENIED);
    if (strstr(err.message, word) == NULL)
        fail_msg("%s is not in: %s", word, err.message);
    assert_int_equal(rig->world.script.asked, 0);
}

static const char good[] = PROOF("p", AT, HASH), logged[] = PROOF("i", AT, HASH);

static void two_fresh_proofs_of_its_hash_are_enough(void **state) {
    struct steps_rig *rig = *state;
    struct fx_json *got = NULL;
    struct fx_error err;

    assert_ok(plan(rig, ITEM("Hash", "false"), good, logged, &got, &err));
    assert_string_equal(fx_json_text(fx_json_at_path(got, "details.messages.0.id")), "a1");
    assert_string_equal(fx_json_text(fx_json_at_path(got, "details.override")), "Hash");
    rig->world.clock.wall_ms += MINUTES_15;
    assert_ok(plan(rig, ITEM("Hash", "false"), good, logged, &got, &err));
    rig->world.clock.wall_ms += 1;
    expect_refused(rig, ITEM("Hash", "false"), good, logged, "no proof of the last 15 min");
}

static void one_proof_another_hash_or_one_of_the_future_are_not(void **state) {
    struct steps_rig *rig = *state;
    static const char none[] = "{'name':'p','fresh':true,'at':null,'value':null}";

    expect_refused(rig, ITEM("Hash", "false"), none, logged, "the payload in S3");
    expect_refused(rig, ITEM("Hash", "false"), good, none, "what ingest logged");
    expect_refused(rig, ITEM("Hash", "false"), PROOF("p", AT, OTHER), logged, "another hash");
    expect_refused(rig, ITEM("Hash", "false"), good, PROOF("i", AT, OTHER), "another hash");
    expect_refused(rig, ITEM("Hash", "false"), PROOF("p", "1440938160001", HASH), logged,
                   "no proof");
}

static void any_other_cause_and_a_body_that_is_wrong_itself_are_refused(void **state) {
    struct steps_rig *rig = *state;

    expect_refused(rig, ITEM("Database", "false"), good, logged, "only Hash can be overridden");
    expect_refused(rig, ITEM("Hash", "true"), good, logged, "proves nothing about it");
    expect_refused(rig, "{}", good, logged, "not in the queue");
}

/* ---- just before it runs ---- */

static enum fx_code confirm(struct steps_rig *rig, const char *etag, struct fx_error *err) {
    const struct scripted_reply replies[] = {
        REPLY(200, policy),
        REPLY(200, "{\"Results\":[]}"),
        {.status = 200, .body = "", .headers = {{"etag", etag}}},
        REPLY(200, policy)};
    struct scripted_reply *kept = fx_alloc(rig->sc, sizeof replies);
    struct fx_json *got = NULL;

    assert_int_equal(plan(rig, ITEM("Hash", "false"), good, logged, &got, err), FX_OK);
    rig->ctx.plan = got;
    memcpy(kept, replies, sizeof replies);
    scripted_http_set(&rig->world.script, kept, FX_COUNT_OF(replies));
    return step_dlq_override.confirm(&rig->ctx, params_of(rig, ITEM("Hash", "false"), good, logged),
                                     err);
}

static void keep(struct steps_rig *rig, const char *name, const char *at, const char *hash) {
    fx_json_put(
        rig->kept, fx_printf(rig->sc, "proof:%s", name),
        steps_rig_json(rig, fx_printf(rig->sc, "{'at':%s,'value':{'sha256':'%s'}}", at, hash)));
}

static void the_proofs_in_the_store_are_asked_not_those_of_the_request(void **state) {
    struct steps_rig *rig = *state;
    struct fx_error err;

    assert_int_equal(confirm(rig, "e", &err), FX_ERR_DENIED);
    keep(rig, "p", AT, HASH);
    assert_int_equal(confirm(rig, "e", &err), FX_ERR_DENIED);
    keep(rig, "i", AT, OTHER);
    assert_int_equal(confirm(rig, "e", &err), FX_ERR_DENIED);
    keep(rig, "i", AT, HASH);
    assert_ok(confirm(rig, "e", &err));
    keep(rig, "i", "1440937259999", HASH); /* 15 minutes and a millisecond ago */
    assert_int_equal(confirm(rig, "e", &err), FX_ERR_DENIED);
}

static void a_payload_that_was_changed_meanwhile_is_a_conflict(void **state) {
    struct steps_rig *rig = *state;
    struct fx_error err;

    keep(rig, "p", AT, HASH);
    keep(rig, "i", AT, HASH);
    assert_int_equal(confirm(rig, "f", &err), FX_ERR_CONFLICT);
    assert_non_null(strstr(err.message, "changed after it was verified"));
}

/* ---- what moves ---- */

static const char body_claims[] =
    "{\\\"event_id\\\":\\\"e1\\\",\\\"payload\\\":%s,\\\"payload_hash\\\":\\\"" HASH "\\\"}";

/* The message with this payload, sent with this plan: how many were sent. */
static size_t sent(struct steps_rig *rig, const char *payload, const char *override) {
    const char *text = fx_printf(rig->sc, body_claims, payload);
    struct scripted_reply *replies = fx_alloc(rig->sc, 8 * sizeof *replies);
    struct fx_json *received = NULL;
    struct fx_step_result result = {0};
    struct fx_error err = {0};

    assert_ok(fx_json_parse(rig->sc, fx_slice_of(fx_printf(rig->sc, "{\"b\":\"%s\"}", text)),
                            &received, &err));
    const char *md5 = fx_md5_hex(rig->sc, fx_json_text_slice(fx_json_at(received, "b")));

    rig->effects_count = 0;
    rig->ctx.checkpoint = NULL;
    rig->ctx.plan = steps_rig_json(
        rig, fx_printf(rig->sc,
                       "{'details':{%s'messages':[{'id':'a1','md5':'%s','event_id':'e1',"
                       "'cause':'Hash'}]}}",
                       override, md5));
    replies[0] = (struct scripted_reply)REPLY(
        200, fx_printf(rig->sc,
                       "{\"Messages\":[{\"MessageId\":\"a1\",\"ReceiptHandle\":\"r\",\"Body\":"
                       "\"%s\",\"Attributes\":{},\"MessageAttributes\":{\"error_code\":"
                       "{\"DataType\":\"String\",\"StringValue\":\"HashMismatch\"}}}]}",
                       text));
    replies[1] = (struct scripted_reply)REPLY(200, "{\"Successful\":[]}");
    replies[2] = (struct scripted_reply)REPLY(200, "{\"Attributes\":{}}");
    replies[3] = replies[4] = replies[5] = (struct scripted_reply)REPLY(200, "{}");
    scripted_http_set(&rig->world.script, replies, 6);
    (void)!selective_run(&rig->ctx, steps_rig_json(rig, "{'queue':'dlq','rate':10}"), &result,
                         &err);
    return rig->effects_count;
}

static void what_the_body_shows_to_be_wrong_is_sent_with_no_override(void **state) {
    struct steps_rig *rig = *state;

    steps_rig_put(rig, "schema", "{'required':['event_id'],'reference':'s3_key'}");
    static const char there[] = "{\\\"s3_key\\\":\\\"k\\\"}", here[] = "{\\\"a\\\":1}";

    assert_int_equal(sent(rig, there, "'override':'Hash',"), 1);
    assert_int_equal(sent(rig, there, ""), 0);
    assert_int_equal(sent(rig, there, "'override':'Database',"), 0);
    assert_int_equal(sent(rig, here, "'override':'Hash',"), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, steps_rig_set_up, steps_rig_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(two_fresh_proofs_of_its_hash_are_enough),
        TEST(one_proof_another_hash_or_one_of_the_future_are_not),
        TEST(any_other_cause_and_a_body_that_is_wrong_itself_are_refused),
        TEST(the_proofs_in_the_store_are_asked_not_those_of_the_request),
        TEST(a_payload_that_was_changed_meanwhile_is_a_conflict),
        TEST(what_the_body_shows_to_be_wrong_is_sent_with_no_override),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
