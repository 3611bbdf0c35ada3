/* dlq_verify.c - the step kind `dlq.verify`: did what was redriven really get processed?
 *
 * What failed again of the cause it had before is locked: another redrive would fail as well.
 */
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
    {"lock", FX_PARAM_DURATION, false, "\"1h\"",
     "how long a cause that came back is not redriven again"},
};

struct verification {
    const struct fx_step_context *ctx;
    const struct fx_json *params, *messages;
    struct queue dlq, main;
    int64_t total, since_ms;
    struct returns found;
    int64_t locked_until_ms; /* 0 when nothing came back */
    const char *unread;      /* why something or all is not known; "" */
};

static enum fx_code prepare(const struct fx_step_context *ctx, const struct fx_json *params,
                            struct verification *v, struct fx_error *err) {
    const struct fx_json *redrive = fx_json_at(params, "redrive");

    *v = (struct verification){.ctx = ctx,
                               .params = params,
                               .messages = fx_json_at(redrive, "messages"),
                               .since_ms = fx_json_get_int(redrive, "began", 0),
                               .unread = ""};
    if (fx_json_type(redrive) != FX_JSON_OBJECT)
        return fx_fail(err, FX_ERR_INPUT, "redrive must be the value of a dlq.redrive step");
    v->total = fx_json_get_int(redrive, "moved", (int64_t)fx_json_count(v->messages));
    FX_TRY(queue_find(ctx, fx_json_get_text(params, "queue"), &v->dlq, err));
    return queue_find(ctx,
                      v->dlq.source == NULL ? fx_json_get_text(params, "queue") : v->dlq.source,
                      &v->main, err);
}

/* A move task that was stopped moved some of the messages, and SQS does not tell which: those that
 * did not move still stand as failed, so only successes count. */
static bool moved_unnamed(const struct verification *v) {
    return v->total < (int64_t)fx_json_count(v->messages);
}

static void expect_only(struct verification *v) {
    v->found.failed = 0;
    v->found.pending = v->total > v->found.success ? v->total - v->found.success : 0;
    v->found.came_back = fx_json_object(v->ctx->sc);
    v->found.events = fx_json_array(v->ctx->sc);
}

static int64_t wait_ms(const struct fx_json *params) {
    const char *stopped = fx_json_text(fx_json_at_path(params, "redrive.stopped"));
    int64_t wait = fx_json_get_int(params, "wait", 0);

    return stopped != NULL && stopped[0] != '\0' && wait > STOPPED_WAIT_MS ? STOPPED_WAIT_MS : wait;
}

/* True while it is worth looking again. */
static bool wait_for_more(const struct verification *v, bool readable,
                          struct fx_step_result *ret_result) {
    struct fx_scope *sc = v->ctx->sc;
    int64_t now = fx_wall_ms(v->ctx->clock);
    int64_t began = fx_json_get_int(v->ctx->checkpoint, "began", now);

    if ((readable && v->found.success >= v->total) || now - began >= wait_ms(v->params))
        return false;
    v->ctx->host->progress(
        v->ctx->host, sc,
        fx_json_object_of(sc, "text",
                          fx_json_string(sc, "Checking that what was sent is processed."), "done",
                          fx_json_int(sc, readable ? v->found.success : 0), "total",
                          fx_json_int(sc, v->total), NULL));
    *ret_result = (struct fx_step_result){
        .outcome = FX_STEP_PARKED,
        .checkpoint = fx_json_object_of(sc, "began", fx_json_int(sc, began), NULL),
        .due_ms = now + VERIFY_POLL_MS};
    return true;
}

/* Now with causes. What cannot be read is said, and counts as not known yet. */
static void look_closely(struct verification *v) {
    struct fx_error why;

    if (returns_find(v->ctx, v->messages, v->since_ms, &v->found, &why) == FX_OK) {
        v->unread = v->found.unread;
        if (moved_unnamed(v))
            expect_only(v);
        return;
    }
    v->unread = fx_strdup(v->ctx->sc, why.message);
    v->found = (struct returns){.pending = v->total,
                                .came_back = fx_json_object(v->ctx->sc),
                                .events = fx_json_array(v->ctx->sc)};
}

/* A cause that is still there is not tried again for a while, whoever asks. */
static enum fx_code lock_what_came_back(struct verification *v, struct fx_error *err) {
    int64_t lock_ms = fx_json_get_int(v->params, "lock", 0);
    const char *class = NULL;
    void *cursor = NULL;

    while (fx_json_next(v->found.came_back, &cursor, &class, NULL)) {
        int64_t until = 0;

        FX_TRY(lock_class(v->ctx, &v->dlq, class, v->since_ms, lock_ms, &until, err));
        v->locked_until_ms = until > v->locked_until_ms ? until : v->locked_until_ms;
    }
    return FX_OK;
}

/* "12 DBConnectionError" */
static const char *came_back_text(const struct verification *v) {
    const char *text = "", *class = NULL;
    struct fx_json *count = NULL;
    void *cursor = NULL;

    while (fx_json_next(v->found.came_back, &cursor, &class, &count))
        text = fx_printf(v->ctx->sc, "%s%s%lld %s", text, text[0] == '\0' ? "" : ", ",
                         (long long)fx_json_to_int(count, 0), class);
    return text;
}

static enum fx_code report(const struct verification *v, struct fx_json **ret_value,
                           struct fx_error *err) {
    struct fx_scope *sc = v->ctx->sc;
    struct queue_depth dead, main;

    FX_TRY(queue_depth(v->ctx, &v->dlq, &dead, err));
    FX_TRY(queue_depth(v->ctx, &v->main, &main, err));
    *ret_value = fx_json_object_of(
        sc, "total", fx_json_int(sc, v->total), "success", fx_json_int(sc, v->found.success),
        "failed", fx_json_int(sc, v->found.failed), "pending", fx_json_int(sc, v->found.pending),
        "ok",
        fx_json_bool(sc, v->unread[0] == '\0' && v->found.told && v->found.success >= v->total),
        "came_back", fx_json_string(sc, came_back_text(v)), "locked_until",
        fx_json_int(sc, v->locked_until_ms), "events", v->found.events, "unread",
        fx_json_string(sc, v->unread), "dead_letters",
        fx_json_int(sc, dead.visible + dead.in_flight), "waiting", fx_json_int(sc, main.visible),
        "in_flight", fx_json_int(sc, main.in_flight), NULL);
    return FX_OK;
}

static enum fx_code verify_run(const struct fx_step_context *ctx, const struct fx_json *params,
                               struct fx_step_result *ret_result, struct fx_error *err) {
    struct verification v;
    struct fx_error ignored;

    FX_TRY(prepare(ctx, params, &v, err));
    bool readable = returns_count(ctx, v.messages, v.since_ms, &v.found, &ignored) == FX_OK;

    if (wait_for_more(&v, readable, ret_result))
        return FX_OK;
    look_closely(&v);
    FX_TRY(lock_what_came_back(&v, err));
    return report(&v, &ret_result->output, err);
}

static const struct fx_step_call verify_calls[] = {
    CALLS_OF_DEPTH,
    {"sqs:GetQueueAttributes", "queue.source"},
    CALLS_OF_EVIDENCE,
};

const struct fx_step_kind step_dlq_verify = {
    .name = "dlq.verify",
    .summary =
        "Waits until every redriven message is processed, tells what failed again and of what, and "
        "locks the causes that came back.",
    .params = verify_params,
    .params_count = FX_COUNT_OF(verify_params),
    .calls = verify_calls,
    .calls_count = FX_COUNT_OF(verify_calls),
    .effect = step_reads,
    .run = verify_run,
};
