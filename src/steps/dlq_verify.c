/* dlq_verify.c - the step kind `dlq.verify`: did what was redriven really get processed? */
#include "private.h"

#include <string.h>

enum {
    VERIFY_POLL_MS = 1000,
    STOPPED_WAIT_MS = 10 * 1000, /* what was stopped is not expected to come to an end */
};

static const struct fx_step_param verify_params[] = {
    {"queue", FX_PARAM_QUEUE, true, NULL, "the dead-letter queue"},
    {"redrive", FX_PARAM_ANY, true, NULL, "the value of a dlq.redrive step"},
    {"wait", FX_PARAM_DURATION, false, "\"2m\"", "how long to wait for the last message"},
};

struct verdict {
    int64_t success, failed, pending;
    bool told; /* the database answered */
};

static enum fx_code count_statuses(const struct fx_step_context *ctx,
                                   const struct fx_json *event_ids, struct verdict *ret,
                                   struct fx_error *err) {
    struct fx_json *rows = NULL;

    *ret = (struct verdict){.told = fx_json_at_path(ctx->system, "dlq_evidence.query") != NULL};
    FX_TRY(evidence_events(ctx, event_ids, &rows, err));
    for (size_t i = 0; i < fx_json_count(event_ids); i++) {
        const char *id = fx_json_text(fx_json_item(event_ids, i));
        const char *status = fx_json_get_text(fx_json_at(rows, id), "status");

        ret->success += status != NULL && strcmp(status, "success") == 0;
        ret->failed += status != NULL && strcmp(status, "failed") == 0;
    }
    ret->pending = (int64_t)fx_json_count(event_ids) - ret->success - ret->failed;
    return FX_OK;
}

/* A move task that was stopped moved some of the messages, and SQS does not tell which: those that
 * did not move still stand as failed, so only successes count. */
static void expect_only(struct verdict *verdict, int64_t moved) {
    verdict->failed = 0;
    verdict->pending = moved > verdict->success ? moved - verdict->success : 0;
}

static int64_t wait_ms(const struct fx_json *params) {
    const char *stopped = fx_json_text(fx_json_at_path(params, "redrive.stopped"));
    int64_t wait = fx_json_get_int(params, "wait", 0);

    return stopped != NULL && stopped[0] != '\0' && wait > STOPPED_WAIT_MS ? STOPPED_WAIT_MS : wait;
}

static enum fx_code verify_run(const struct fx_step_context *ctx, const struct fx_json *params,
                               struct fx_step_result *ret_result, struct fx_error *err) {
    struct fx_scope *sc = ctx->sc;
    const struct fx_json *event_ids = fx_json_at_path(params, "redrive.event_ids");
    int64_t now = fx_wall_ms(ctx->clock), began = fx_json_get_int(ctx->checkpoint, "began", now);
    int64_t named = (int64_t)fx_json_count(event_ids);
    int64_t total = fx_json_to_int(fx_json_at_path(params, "redrive.moved"), named);
    struct queue_depth dead, main;
    struct queue dlq, source;
    struct verdict verdict;
    struct fx_error why;

    FX_TRY(queue_find(ctx, fx_json_get_text(params, "queue"), &dlq, err));
    FX_TRY(queue_find(ctx, dlq.source == NULL ? fx_json_get_text(params, "queue") : dlq.source,
                      &source, err));
    bool readable = count_statuses(ctx, event_ids, &verdict, &why) == FX_OK;

    if (readable && total < named)
        expect_only(&verdict, total);
    if ((!readable || verdict.success < total) && now - began < wait_ms(params)) {
        ctx->host->progress(
            ctx->host, sc,
            fx_json_object_of(sc, "text",
                              fx_json_string(sc, "Checking that what was sent is processed."),
                              "done", fx_json_int(sc, readable ? verdict.success : 0), "total",
                              fx_json_int(sc, total), NULL));
        *ret_result = (struct fx_step_result){
            .outcome = FX_STEP_PARKED,
            .checkpoint = fx_json_object_of(sc, "began", fx_json_int(sc, began), NULL),
            .due_ms = now + VERIFY_POLL_MS};
        return FX_OK;
    }
    FX_TRY(queue_depth(ctx, &dlq, &dead, err));
    FX_TRY(queue_depth(ctx, &source, &main, err));
    ret_result->output = fx_json_object_of(
        sc, "total", fx_json_int(sc, total), "success",
        fx_json_int(sc, readable ? verdict.success : 0), "failed",
        fx_json_int(sc, readable ? verdict.failed : 0), "pending",
        fx_json_int(sc, readable ? verdict.pending : total), "ok",
        fx_json_bool(sc, readable && verdict.told && verdict.success >= total), "unread",
        fx_json_string(sc, readable ? "" : why.message), "dead_letters",
        fx_json_int(sc, dead.visible + dead.in_flight), "waiting", fx_json_int(sc, main.visible),
        "in_flight", fx_json_int(sc, main.in_flight), NULL);
    return FX_OK;
}

const struct fx_step_kind step_dlq_verify = {
    .name = "dlq.verify",
    .summary = "Waits until every redriven message is processed, and counts what was not.",
    .params = verify_params,
    .params_count = FX_COUNT_OF(verify_params),
    .effect = step_reads,
    .run = verify_run,
};
