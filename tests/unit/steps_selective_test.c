/* steps_selective_test.c - a redrive batch by batch: doubt is stored as doubt, what cannot be seen
 * is asked, and where no more changes may be made it ends with what was moved. */
#include "steps_rig.h"

#include <string.h>

static const char *message(struct steps_rig *rig, const char *id) {
    return fx_printf(rig->sc,
                     "{\"Messages\":[{\"MessageId\":\"%s\",\"ReceiptHandle\":\"rh-%s\",\"Body\":"
                     "\"{}\",\"Attributes\":{}}]}",
                     id, id);
}

static const char nothing[] = "{}";
static const char hidden[] = "{\"Attributes\":{\"ApproximateNumberOfMessages\":\"0\","
                             "\"ApproximateNumberOfMessagesNotVisible\":\"2\"}}";
static const char empty[] = "{\"Attributes\":{\"ApproximateNumberOfMessages\":\"0\"}}";

/* The MD5 of "{}". */
static const char plan_text[] =
    "{'details':{'messages':[{'id':'m1','md5':'99914b932bd37a50b983c5e7c90ae93b','event_id':'e1',"
    "'cause':'Database'},{'id':'m2','md5':'99914b932bd37a50b983c5e7c90ae93b','event_id':'e2',"
    "'cause':'Database'}]}}";

static enum fx_code run(struct steps_rig *rig, const struct scripted_reply *replies, size_t count,
                        struct fx_step_result *ret_result, struct fx_error *err) {
    struct scripted_reply *kept = fx_alloc(rig->sc, (count + 1) * sizeof *kept);

    if (count > 0)
        memcpy(kept, replies, count * sizeof *kept);
    scripted_http_set(&rig->world.script, kept, count);
    rig->ctx.plan = steps_rig_json(rig, plan_text);
    *ret_result = (struct fx_step_result){0};
    *err = (struct fx_error){0};
    enum fx_code code = selective_run(
        &rig->ctx, steps_rig_json(rig, "{'queue':'dlq','canary':0,'rate':500,'canary_stop':2}"),
        ret_result, err);

    assert_int_equal(rig->world.script.asked, count);
    return code;
}

static void not_idempotent(struct steps_rig *rig) {
    steps_rig_put(rig, "queues",
                  "{'main':{'url':'https://sqs.us-east-1.amazonaws.com/1/main',"
                  "'arn':'arn:aws:sqs:us-east-1:1:main'},"
                  "'dlq':{'url':'https://sqs.us-east-1.amazonaws.com/1/dlq',"
                  "'arn':'arn:aws:sqs:us-east-1:1:Fluxa-DLQ','source':'main'}}");
}

static const char doubtful[] = "{'ids':['m1'],'sends':['m1'],'handles':['rh-old']}";

static void a_batch_without_an_answer_is_stored_as_doubt_and_not_as_failed(void **state) {
    struct steps_rig *rig = *state;
    const struct scripted_reply replies[] = {REPLY(200, nothing), /* the old handles */
                                             REPLY(200, nothing), REPLY(200, empty)};
    struct fx_step_result result;
    struct fx_error err;

    steps_rig_effect(rig, "batch-00000", FX_KNOWN_BEGUN, doubtful, NULL);
    assert_ok(run(rig, replies, 3, &result, &err));
    assert_int_equal(steps_rig_find(rig, "batch-00000")->known, FX_KNOWN_UNKNOWN);
    /* it is gone, and nothing was deleted by us: whether it was sent, too, nobody knows */
    assert_int_equal(result.outcome, FX_STEP_ASK);
    assert_non_null(strstr(result.note, "somebody else has taken out"));
    assert_string_equal(fx_json_text(fx_json_at_path(result.output, "in_doubt.0")), "m1");
}

#define SENT_M1                                                                                    \
    "{\"Successful\":[{\"Id\":\"m0\",\"MessageId\":\"n1\",\"MD5OfMessageBody\":"                   \
    "\"99914b932bd37a50b983c5e7c90ae93b\"}]}"

/* Else what is gone later could have been deleted by us, and nobody would know whether it was sent.
 */
static void nothing_is_deleted_before_the_send_is_on_record(void **state) {
    struct steps_rig *rig = *state;
    const struct scripted_reply replies[] = {REPLY(200, message(rig, "m1")), REPLY(200, nothing),
                                             REPLY(200, SENT_M1)};
    struct fx_step_result result;
    struct fx_error err;

    rig->end_fails = FX_ERR_UNAVAILABLE;
    assert_int_equal(run(rig, replies, 3, &result, &err), FX_ERR_UNAVAILABLE);
}

static void what_was_deleted_is_remembered_from_claim_to_claim(void **state) {
    struct steps_rig *rig = *state;
    const struct scripted_reply first[] = {REPLY(200, message(rig, "m1")),
                                           REPLY(200, nothing),
                                           REPLY(200, SENT_M1),
                                           REPLY(200, "{\"Successful\":[{\"Id\":\"m0\"}]}"),
                                           REPLY(200, nothing),
                                           REPLY(200, hidden)};
    const struct scripted_reply second[] = {REPLY(200, nothing), REPLY(200, empty)};
    struct fx_step_result result;
    struct fx_error err;

    assert_ok(run(rig, first, 6, &result, &err));
    assert_int_equal(result.outcome, FX_STEP_PARKED);
    assert_null(fx_json_at(steps_rig_find(rig, "batch-00000")->outcome, "deleted"));
    assert_string_equal(fx_json_text(fx_json_at_path(result.checkpoint, "deleted.0")), "m1");
    rig->ctx.checkpoint = result.checkpoint;
    assert_ok(run(rig, second, 2, &result, &err));
    assert_int_equal(result.outcome, FX_STEP_DONE);
    assert_int_equal(fx_json_get_int(result.output, "moved", 0), 1);
}

static void for_a_consumer_that_takes_it_once_doubt_is_a_question(void **state) {
    struct steps_rig *rig = *state;
    const struct scripted_reply replies[] = {REPLY(200, nothing)};
    struct fx_step_result result;
    struct fx_error err;

    not_idempotent(rig);
    steps_rig_effect(rig, "batch-00000", FX_KNOWN_BEGUN, doubtful, NULL);
    assert_ok(run(rig, replies, 1, &result, &err));
    assert_int_equal(result.outcome, FX_STEP_ASK);
    assert_int_equal(steps_rig_find(rig, "batch-00000")->known, FX_KNOWN_UNKNOWN);
    assert_non_null(fx_json_at_path(result.output, "in_doubt.m1"));
    assert_ok(run(rig, replies, 0, &result, &err)); /* and stays one */
    assert_int_equal(result.outcome, FX_STEP_ASK);
}

static void what_others_hide_is_not_counted_as_moved_but_asked(void **state) {
    struct steps_rig *rig = *state;
    const struct scripted_reply replies[] = {REPLY(200, nothing), REPLY(200, hidden)};
    struct fx_step_result result;
    struct fx_error err;
    int looks = 0;

    steps_rig_effect(rig, "batch-00000", FX_KNOWN_UNKNOWN, doubtful, "{'unknown':true}");
    do {
        assert_ok(run(rig, replies, 2, &result, &err));
        rig->ctx.checkpoint = result.checkpoint;
        rig->world.clock.wall_ms += 60 * 1000;
    } while (result.outcome == FX_STEP_PARKED && looks++ < 100);
    assert_true(looks > 5 && looks < 100);
    assert_int_equal(result.outcome, FX_STEP_ASK);
    assert_non_null(strstr(result.note, "may or may not have been sent"));
    assert_string_equal(fx_json_text(fx_json_at_path(result.output, "in_doubt.0")), "m1");
    assert_int_equal(fx_json_get_int(result.output, "in_flight", 0), 2);
}

static void without_doubt_what_others_hide_is_missing(void **state) {
    struct steps_rig *rig = *state;
    const struct scripted_reply replies[] = {REPLY(200, nothing), REPLY(200, hidden)};
    struct fx_step_result result;
    struct fx_error err;

    rig->ctx.checkpoint = steps_rig_json(rig, "{'held':{},'back':0,'hidden_since':1}");
    assert_ok(run(rig, replies, 2, &result, &err));
    assert_int_equal(result.outcome, FX_STEP_DONE);
    assert_int_equal(fx_json_get_int(result.output, "missing", 0), 2);
}

static void when_no_more_may_be_changed_it_ends_with_what_was_moved(void **state) {
    struct steps_rig *rig = *state;
    const struct scripted_reply replies[] = {REPLY(200, message(rig, "m2")), REPLY(200, nothing)};
    struct fx_step_result result;
    struct fx_error err;

    rig->begin_fails = FX_ERR_DENIED;
    steps_rig_effect(rig, "batch-00000", FX_KNOWN_DONE, "{'ids':['m1'],'sends':['m1']}",
                     "{'sent':{'m1':'n1'},'deleted':['m1']}");
    assert_ok(run(rig, replies, 2, &result, &err));
    assert_int_equal(result.outcome, FX_STEP_DONE);
    assert_int_equal(fx_json_get_int(result.output, "moved", 0), 1);
    assert_non_null(strstr(fx_json_get_text(result.output, "stopped"), "not given"));
}

static void when_nothing_was_moved_it_is_refused(void **state) {
    struct steps_rig *rig = *state;
    const struct scripted_reply replies[] = {REPLY(200, message(rig, "m1")), REPLY(200, nothing)};
    struct fx_step_result result;
    struct fx_error err;

    rig->begin_fails = FX_ERR_DENIED;
    assert_int_equal(run(rig, replies, 2, &result, &err), FX_ERR_DENIED);
}

static void what_was_not_sent_is_recorded_as_that(void **state) {
    struct steps_rig *rig = *state;
    const struct scripted_reply replies[] = {REPLY(200, message(rig, "m1")),
                                             REPLY(200, nothing),
                                             {.failure = FX_ERR_CANCELED},
                                             REPLY(200, nothing)};
    struct fx_step_result result;
    struct fx_error err;

    assert_int_equal(run(rig, replies, 4, &result, &err), FX_ERR_CANCELED);
    assert_int_equal(steps_rig_find(rig, "batch-00000")->known, FX_KNOWN_NOTHING);
    assert_non_null(fx_json_at(steps_rig_find(rig, "batch-00000")->outcome, "not_sent"));
}

/* A look that took longer than it hides what it saw sees it again. */
static void what_is_seen_twice_is_sent_once_in_a_batch(void **state) {
    struct steps_rig *rig = *state;
    const struct scripted_reply replies[] = {
        REPLY(200, message(rig, "m1")),
        REPLY(200, message(rig, "m1")),
        REPLY(200, nothing),
        REPLY(200, "{\"Successful\":[{\"Id\":\"m0\",\"MessageId\":\"n1\",\"MD5OfMessageBody\":"
                   "\"99914b932bd37a50b983c5e7c90ae93b\"}]}"),
        REPLY(200, "{\"Successful\":[{\"Id\":\"m0\"}]}"),
        REPLY(200, nothing),
        REPLY(200, empty)};
    struct fx_step_result result;
    struct fx_error err;

    assert_ok(run(rig, replies, 7, &result, &err));
    const struct fx_json *what = steps_rig_find(rig, "batch-00000")->what;

    assert_int_equal(fx_json_count(fx_json_at(what, "sends")), 1);
    assert_int_equal(fx_json_count(fx_json_at(what, "ids")), 1);
}

static void what_is_in_doubt_when_it_ends_early_is_a_question(void **state) {
    struct steps_rig *rig = *state;
    struct fx_step_result result;
    struct fx_error err;

    rig->stop = true;
    steps_rig_effect(rig, "batch-00000", FX_KNOWN_UNKNOWN, doubtful, "{'unknown':true}");
    assert_ok(run(rig, NULL, 0, &result, &err));
    assert_int_equal(result.outcome, FX_STEP_ASK);
    assert_non_null(strstr(result.note, "a person pressed Stop"));
    assert_string_equal(fx_json_text(fx_json_at_path(result.output, "in_doubt.0")), "m1");
}

/* Somebody stood still after the send, and told late what had become of it. */
static void what_was_sent_again_and_turns_out_to_have_been_sent_is_told(void **state) {
    struct steps_rig *rig = *state;
    const struct scripted_reply replies[] = {REPLY(200, nothing), REPLY(200, empty)};
    struct fx_step_result result;
    struct fx_error err;

    steps_rig_effect(rig, "batch-00000", FX_KNOWN_DONE, "{'ids':['m1'],'sends':['m1']}",
                     "{'sent':{'m1':'n1'},'deleted':[]}");
    steps_rig_effect(rig, "batch-00001", FX_KNOWN_DONE, "{'ids':['m1'],'sends':['m1']}",
                     "{'sent':{'m1':'n2'},'deleted':['m1']}");
    assert_ok(run(rig, replies, 2, &result, &err));
    assert_int_equal(result.outcome, FX_STEP_DONE);
    assert_int_equal(fx_json_get_int(result.output, "maybe_twice", 0), 1);
}

/* ---- several batches at once ---- */

enum { MANY = 12 };

/* The form once for each number, which stands where a # is. */
static const char *many(struct steps_rig *rig, const char *form, int from, int to) {
    const char *text = "";

    for (int i = from; i <= to; i++) {
        text = fx_printf(rig->sc, "%s%s", text, i == from ? "" : ",");
        for (const char *c = form; *c != '\0'; c++)
            text = *c == '#' ? fx_printf(rig->sc, "%s%d", text, i)
                             : fx_printf(rig->sc, "%s%c", text, *c);
    }
    return text;
}

static const char *letters(struct steps_rig *rig, int from, int to) {
    return fx_printf(rig->sc, "{\"Messages\":[%s]}",
                     many(rig,
                          "{\"MessageId\":\"m#\",\"ReceiptHandle\":\"rh-#\",\"Body\":"
                          "\"{}\",\"Attributes\":{}}",
                          from, to));
}

static enum fx_code run_many(struct steps_rig *rig, const struct scripted_reply *replies,
                             size_t count, struct fx_step_result *ret_result,
                             struct fx_error *err) {
    scripted_http_set(&rig->world.script, replies, count);
    rig->ctx.plan =
        steps_rig_json(rig, fx_printf(rig->sc, "{'details':{'messages':[%s]}}",
                                      many(rig,
                                           "{'id':'m#','md5':'99914b932bd37a50b983c5e7c90ae93b',"
                                           "'event_id':'e#','cause':'Database'}",
                                           1, MANY)));
    *ret_result = (struct fx_step_result){0};
    enum fx_code code = selective_run(
        &rig->ctx, steps_rig_json(rig, "{'queue':'dlq','canary':0,'rate':600,'canary_stop':2}"),
        ret_result, err);

    assert_int_equal(rig->world.script.asked, count);
    return code;
}

static const char *asked_for(const struct steps_rig *rig, size_t request) {
    const char *target = scripted_http_header(&rig->world.script, request, "x-amz-target");

    return strchr(target, '.') + 1;
}

/* Each has a promise of its own, so what is known of one is known although the other is not. */
static void of_batches_that_go_together_each_is_promised_and_settled_by_itself(void **state) {
    struct steps_rig *rig = *state;
    const char *sent = fx_printf(rig->sc, "{\"Successful\":[%s]}",
                                 many(rig,
                                      "{\"Id\":\"m#\",\"MessageId\":\"n#\",\"MD5OfMessageBody\":"
                                      "\"99914b932bd37a50b983c5e7c90ae93b\"}",
                                      0, 9));
    const struct scripted_reply replies[] = {
        REPLY(200, letters(rig, 1, 10)),
        REPLY(200, letters(rig, 11, MANY)),
        REPLY(200, nothing),
        REPLY(200, nothing), /* four looks at once, and no more: all are in hand */
        REPLY(200, sent),
        {.failure = FX_ERR_TIMEOUT, .sent = true},
        REPLY(200, "{\"Successful\":[{\"Id\":\"m0\"}]}"),
    };
    struct fx_step_result result;
    struct fx_error err;

    assert_ok(run_many(rig, replies, FX_COUNT_OF(replies), &result, &err));
    assert_int_equal(result.outcome, FX_STEP_PARKED);
    assert_int_equal(rig->begun_together, 1);
    assert_int_equal(steps_rig_find(rig, "batch-00000")->known, FX_KNOWN_DONE);
    assert_int_equal(steps_rig_find(rig, "batch-00001")->known, FX_KNOWN_BEGUN);
    assert_int_equal(fx_json_count(fx_json_at(steps_rig_find(rig, "batch-00001")->what, "sends")),
                     2);
    assert_string_equal(asked_for(rig, 4), "SendMessageBatch");
    assert_string_equal(asked_for(rig, 5), "SendMessageBatch");
    assert_string_equal(asked_for(rig, 6), "DeleteMessageBatch"); /* of the one that is known */
    assert_int_equal(fx_json_get_int(result.checkpoint, "unanswered", 0), 1);
}

/* One that somebody has recorded before must not keep the others in doubt. */
static void what_cannot_be_recorded_together_is_recorded_one_by_one(void **state) {
    struct steps_rig *rig = *state;
    const char *form = "{\"Id\":\"m#\",\"MessageId\":\"n#\",\"MD5OfMessageBody\":"
                       "\"99914b932bd37a50b983c5e7c90ae93b\"}";
    const char *deleted =
        fx_printf(rig->sc, "{\"Successful\":[%s]}", many(rig, "{\"Id\":\"m#\"}", 0, 9));
    const struct scripted_reply replies[] = {
        REPLY(200, letters(rig, 1, 10)),
        REPLY(200, letters(rig, 11, MANY)),
        REPLY(200, nothing),
        REPLY(200, nothing),
        REPLY(200, fx_printf(rig->sc, "{\"Successful\":[%s]}", many(rig, form, 0, 9))),
        REPLY(200, fx_printf(rig->sc, "{\"Successful\":[%s]}", many(rig, form, 0, 1))),
        REPLY(200, deleted),
        REPLY(200, deleted),
    };
    struct fx_step_result result;
    struct fx_error err;

    rig->end_together_fails = FX_ERR_CANCELED;
    assert_ok(run_many(rig, replies, FX_COUNT_OF(replies), &result, &err));
    assert_int_equal(fx_json_count(fx_json_at(result.checkpoint, "deleted")), MANY);
    assert_int_equal(steps_rig_find(rig, "batch-00000")->known, FX_KNOWN_DONE);
    assert_int_equal(steps_rig_find(rig, "batch-00001")->known, FX_KNOWN_DONE);
}

/* When the store fails nobody knows what it kept: nothing of the wave is deleted. */
static void of_a_wave_that_is_not_on_record_nothing_is_deleted(void **state) {
    struct steps_rig *rig = *state;
    const char *form = "{\"Id\":\"m#\",\"MessageId\":\"n#\",\"MD5OfMessageBody\":"
                       "\"99914b932bd37a50b983c5e7c90ae93b\"}";
    const struct scripted_reply replies[] = {
        REPLY(200, letters(rig, 1, 10)),
        REPLY(200, letters(rig, 11, MANY)),
        REPLY(200, nothing),
        REPLY(200, nothing),
        REPLY(200, fx_printf(rig->sc, "{\"Successful\":[%s]}", many(rig, form, 0, 9))),
        REPLY(200, fx_printf(rig->sc, "{\"Successful\":[%s]}", many(rig, form, 0, 1))),
    };
    struct fx_step_result result;
    struct fx_error err;

    rig->end_together_fails = FX_ERR_UNAVAILABLE;
    assert_int_equal(run_many(rig, replies, FX_COUNT_OF(replies), &result, &err),
                     FX_ERR_UNAVAILABLE);
}

#define SENT_FORM                                                                                  \
    "{\"Id\":\"m#\",\"MessageId\":\"n#\",\"MD5OfMessageBody\":"                                    \
    "\"99914b932bd37a50b983c5e7c90ae93b\"}"

static const char *successful(struct steps_rig *rig, const char *form, int to) {
    return fx_printf(rig->sc, "{\"Successful\":[%s]}", many(rig, form, 0, to));
}

/* What stays need not wait until what was sent is deleted. */
static void after_the_last_wave_those_that_stay_are_let_go_beside_the_deletes(void **state) {
    struct steps_rig *rig = *state;
    const struct scripted_reply replies[] = {
        REPLY(200, letters(rig, 1, 10)),
        REPLY(200, letters(rig, 11, MANY + 1)),
        REPLY(200, nothing),
        REPLY(200, nothing),
        REPLY(200, successful(rig, SENT_FORM, 9)),
        REPLY(200, successful(rig, SENT_FORM, 1)),
        REPLY(200, successful(rig, "{\"Id\":\"m#\"}", 9)),
        REPLY(200, successful(rig, "{\"Id\":\"m#\"}", 1)),
        REPLY(200, nothing),
    };
    struct fx_step_result result;
    struct fx_error err;

    assert_ok(run_many(rig, replies, FX_COUNT_OF(replies), &result, &err));
    assert_int_equal(result.outcome, FX_STEP_PARKED); /* for the pace's sake */
    assert_string_equal(asked_for(rig, 7), "DeleteMessageBatch");
    assert_string_equal(asked_for(rig, 8), "ChangeMessageVisibilityBatch");
    assert_non_null(strstr(fx_slice_dup(rig->sc, rig->world.script.requests[8].body), "rh-13"));
    rig->ctx.checkpoint = result.checkpoint;
    assert_ok(run_many(rig, NULL, 0, &result, &err)); /* and not once more */
    assert_int_equal(result.outcome, FX_STEP_DONE);
    assert_int_equal(fx_json_get_int(result.output, "moved", 0), MANY);
}

/* ---- what is received while the wave before is deleted ---- */

static const struct scripted_reply *two_waves(struct steps_rig *rig) {
    const struct scripted_reply replies[] = {
        REPLY(200, letters(rig, 1, 10)), /* four looks, then three more: nothing */
        REPLY(200, nothing),
        REPLY(200, nothing),
        REPLY(200, nothing),
        REPLY(200, nothing),
        REPLY(200, nothing),
        REPLY(200, nothing),
        REPLY(200, successful(rig, SENT_FORM, 9)),
        REPLY(200, successful(rig, "{\"Id\":\"m#\"}", 9)),
        REPLY(200, letters(rig, 11, MANY)),
        REPLY(200, nothing),
        REPLY(200, nothing),
        REPLY(200, nothing),
        REPLY(200, successful(rig, SENT_FORM, 1)),
        REPLY(200, successful(rig, "{\"Id\":\"m#\"}", 1)),
    };

    return memcpy(fx_alloc(rig->sc, sizeof replies), replies, sizeof replies);
}

static void the_next_wave_is_received_beside_the_deletes(void **state) {
    struct steps_rig *rig = *state;
    struct fx_step_result result;
    struct fx_error err;

    assert_ok(run_many(rig, two_waves(rig), 15, &result, &err));
    assert_int_equal(result.outcome, FX_STEP_DONE);
    assert_int_equal(fx_json_get_int(result.output, "moved", 0), MANY);
    assert_string_equal(asked_for(rig, 8), "DeleteMessageBatch"); /* first, as many as there are */
    /* an answer to a send must not get lost with a connection that was kept; to a delete it may */
    assert_true(rig->world.script.requests[7].fresh);
    assert_false(rig->world.script.requests[8].fresh);
    for (size_t i = 9; i < 13; i++)
        assert_string_equal(asked_for(rig, i), "ReceiveMessage");
    assert_string_equal(asked_for(rig, 13), "SendMessageBatch");
}

static bool stops_after_a_wave(struct fx_step_host *host, struct fx_scope *sc) {
    static int asked;

    return asked++ > 0;
}

static void what_was_received_for_a_wave_that_does_not_come_is_let_go(void **state) {
    struct steps_rig *rig = *state;
    struct fx_step_result result;
    struct fx_error err;

    rig->host.stop_requested = stops_after_a_wave;
    assert_ok(run_many(rig, two_waves(rig), 14, &result, &err));
    assert_int_equal(result.outcome, FX_STEP_DONE);
    assert_int_equal(fx_json_get_int(result.output, "moved", 0), 10);
    assert_string_equal(asked_for(rig, 13), "ChangeMessageVisibilityBatch");
    assert_non_null(strstr(fx_slice_dup(rig->sc, rig->world.script.requests[13].body), "rh-12"));
    assert_null(steps_rig_find(rig, "batch-00001"));
}

static void where_a_message_must_not_come_twice_one_batch_goes_after_the_other(void **state) {
    struct steps_rig *rig = *state;
    const struct scripted_reply replies[] = {REPLY(200, letters(rig, 1, 10)),
                                             {.failure = FX_ERR_TIMEOUT, .sent = true}};
    struct fx_step_result result;
    struct fx_error err;

    not_idempotent(rig);
    assert_ok(run_many(rig, replies, 2, &result, &err));
    assert_int_equal(steps_rig_find(rig, "batch-00000")->known, FX_KNOWN_BEGUN);
    assert_null(steps_rig_find(rig, "batch-00001"));
}

/* The first may all be refused: nothing of it tells that the rest may follow. */
static void a_canary_of_which_nothing_was_sent_is_none(void **state) {
    struct steps_rig *rig = *state;
    const struct scripted_reply replies[] = {
        REPLY(200, message(rig, "m1")), REPLY(200, nothing),
        REPLY(200, "{\"Failed\":[{\"Id\":\"m0\",\"SenderFault\":true,\"Code\":\"Invalid\"}]}")};
    struct fx_step_result result;
    struct fx_error err;

    scripted_http_set(&rig->world.script, replies, FX_COUNT_OF(replies));
    rig->ctx.plan = steps_rig_json(rig, plan_text);
    assert_ok(selective_run(
        &rig->ctx, steps_rig_json(rig, "{'queue':'dlq','canary':1,'rate':500,'canary_stop':2}"),
        &result, &err));
    assert_int_equal(result.outcome, FX_STEP_PARKED);
    assert_null(fx_json_at(result.checkpoint, "canary"));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, steps_rig_set_up, steps_rig_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_batch_without_an_answer_is_stored_as_doubt_and_not_as_failed),
        TEST(nothing_is_deleted_before_the_send_is_on_record),
        TEST(what_was_deleted_is_remembered_from_claim_to_claim),
        TEST(for_a_consumer_that_takes_it_once_doubt_is_a_question),
        TEST(what_others_hide_is_not_counted_as_moved_but_asked),
        TEST(without_doubt_what_others_hide_is_missing),
        TEST(when_no_more_may_be_changed_it_ends_with_what_was_moved),
        TEST(when_nothing_was_moved_it_is_refused),
        TEST(what_was_not_sent_is_recorded_as_that),
        TEST(what_is_seen_twice_is_sent_once_in_a_batch),
        TEST(what_is_in_doubt_when_it_ends_early_is_a_question),
        TEST(what_was_sent_again_and_turns_out_to_have_been_sent_is_told),
        TEST(of_batches_that_go_together_each_is_promised_and_settled_by_itself),
        TEST(what_cannot_be_recorded_together_is_recorded_one_by_one),
        TEST(of_a_wave_that_is_not_on_record_nothing_is_deleted),
        TEST(after_the_last_wave_those_that_stay_are_let_go_beside_the_deletes),
        TEST(the_next_wave_is_received_beside_the_deletes),
        TEST(what_was_received_for_a_wave_that_does_not_come_is_let_go),
        TEST(where_a_message_must_not_come_twice_one_batch_goes_after_the_other),
        TEST(a_canary_of_which_nothing_was_sent_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
