/* dlq_override.c - the step kind `dlq.override`: one message that died of a wrong hash is sent
 * again.
 *
 * Never by default, and never in bulk. Two looks must have shown, shortly before, that what lies in
 * S3 and what ingest logged both have the hash that the message claims; they are compared when it
 * is planned and again when it runs, and the object must not have changed since. What the body
 * itself shows to be wrong no proof about S3 makes right.
 */
#include "private.h"

#include <string.h>

enum { OVERRIDE_PROOF_MS = 15 * 60 * 1000 };

static const struct fx_step_param override_params[] = {
    {"queue", FX_PARAM_QUEUE, true, NULL, "the dead-letter queue"},
    {"item", FX_PARAM_ANY, true, NULL, "the message, of the items of a dlq.classify step"},
    {"class", FX_PARAM_TEXT, true, NULL, "the only class that is overridden"},
    {"bucket", FX_PARAM_TEXT, true, NULL, "where its payload lies"},
    {"key", FX_PARAM_TEXT, true, NULL, "under which key"},
    {"payload", FX_PARAM_ANY, true, NULL,
     "a proof.find step's value: {sha256, etag} of the object, as it was read"},
    {"ingest", FX_PARAM_ANY, true, NULL, "a proof.find step's value: {sha256} that ingest logged"},
};

/* ---- the proofs ---- */

static bool tells(const struct fx_json *proof, const char *hash) {
    const char *told = fx_json_text(fx_json_at_path(proof, "value.sha256"));

    return told != NULL && hash != NULL && hash[0] != '\0' && strcasecmp(told, hash) == 0;
}

static enum fx_code check_proof(const struct fx_step_context *ctx, const struct fx_json *proof,
                                const char *hash, const char *what, struct fx_error *err) {
    if (!proof_is_fresh(proof, fx_wall_ms(ctx->clock), OVERRIDE_PROOF_MS))
        return fx_fail(err, FX_ERR_DENIED,
                       "there is no proof of the last %s that %s has the hash of the message; "
                       "verify it, then ask again",
                       fx_duration(ctx->sc, OVERRIDE_PROOF_MS), what);
    if (!tells(proof, hash))
        return fx_fail(err, FX_ERR_DENIED,
                       "%s has another hash than the message: that is no case for an override, but "
                       "for an incident",
                       what);
    return FX_OK;
}

static enum fx_code check_proofs(const struct fx_step_context *ctx, const struct fx_json *payload,
                                 const struct fx_json *ingest, const char *hash,
                                 struct fx_error *err) {
    FX_TRY(check_proof(ctx, payload, hash, "the payload in S3", err));
    return check_proof(ctx, ingest, hash, "what ingest logged", err);
}

/* ---- the plan ---- */

static enum fx_code check_item(const struct fx_json *params, struct fx_error *err) {
    const struct fx_json *item = fx_json_at(params, "item");
    const char *class = fx_json_get_text(params, "class");
    const char *cause = fx_json_get_text(item, "cause"), *id = fx_json_get_text(item, "id");

    if (id == NULL || cause == NULL)
        return fx_fail(err, FX_ERR_DENIED,
                       "the message is not in the queue, or somebody else is looking at it");
    if (strcmp(cause, class) != 0)
        return fx_fail(err, FX_ERR_DENIED, "message %s is %s, and only %s can be overridden", id,
                       cause, class);
    if (fx_json_get_bool(item, "differs", true))
        return fx_fail(err, FX_ERR_DENIED,
                       "the payload stands in message %s itself and does not have the hash it "
                       "claims, so it would fail again: what lies in S3 proves nothing about it",
                       id);
    return FX_OK;
}

static struct fx_json *facts(struct fx_scope *sc, const struct fx_json *params,
                             const struct queue *queue, const struct queue *main) {
    const struct fx_json *item = fx_json_at(params, "item");
    const char *hash = fx_json_get_text(item, "hash");
    const char *seen = fx_time_iso(sc, fx_json_get_int(fx_json_at(params, "payload"), "at", 0));
    const char *logged = fx_time_iso(sc, fx_json_get_int(fx_json_at(params, "ingest"), "at", 0));

    return fx_json_array_of(
        sc, plan_fact(sc, "Message", fx_json_get_text(item, "id")),
        plan_fact(sc, "Event", fx_json_get_text(item, "event_id")),
        plan_fact(sc, "From", queue->name), plan_fact(sc, "To", main->name),
        plan_fact(sc, "Hash in the message", fx_printf(sc, "%.12s", hash)),
        plan_fact(sc, "Hash of the payload in S3",
                  fx_printf(sc, "%.12s, equal, read at %s", hash, seen)),
        plan_fact(sc, "Hash that ingest logged",
                  fx_printf(sc, "%.12s, equal, read at %s", hash, logged)),
        plan_fact(sc, "Undo", "none: a message that was sent cannot be called back"), NULL);
}

static struct fx_json *details(struct fx_scope *sc, const struct fx_json *params,
                               const struct queue *queue, const struct queue *main) {
    const struct fx_json *item = fx_json_at(params, "item");
    struct fx_json *message = fx_json_object_of(
        sc, "id", fx_json_at(item, "id"), "md5", fx_json_at(item, "md5"), "event_id",
        fx_json_at(item, "event_id"), "correlation_id", fx_json_at(item, "correlation_id"), "cause",
        fx_json_at(item, "cause"), NULL);

    return fx_json_object_of(sc, "override", fx_json_at(params, "class"), "messages",
                             fx_json_array_of(sc, message, NULL), "hash", fx_json_at(item, "hash"),
                             "etag", fx_json_at_path(fx_json_at(params, "payload"), "value.etag"),
                             "from", fx_json_string(sc, queue->arn), "to",
                             fx_json_string(sc, main->arn), NULL);
}

static enum fx_code override_plan(const struct fx_step_context *ctx, const struct fx_json *params,
                                  struct fx_json **ret_plan, struct fx_error *err) {
    const struct fx_json *item = fx_json_at(params, "item");
    struct fx_scope *sc = ctx->sc;
    struct queue queue, main;

    FX_TRY(check_item(params, err));
    FX_TRY(check_proofs(ctx, fx_json_at(params, "payload"), fx_json_at(params, "ingest"),
                        fx_json_get_text(item, "hash"), err));
    FX_TRY(queue_and_source(ctx, fx_json_get_text(params, "queue"), &queue, &main, err));
    *ret_plan = fx_json_object_of(
        sc, "title",
        fx_json_stringf(sc, "override: send message %s again", fx_json_get_text(item, "id")),
        "summary",
        fx_json_stringf(sc,
                        "One message that died of %s goes back to %s, because S3 and the log of "
                        "ingest agree with its hash. A suspicion of tampering is an incident, not "
                        "an override.",
                        fx_json_get_text(item, "cause"), main.name),
        "facts", facts(sc, params, &queue, &main), "calls",
        fx_json_array_of(sc, plan_call(sc, "sqs:SendMessage", main.arn, 1),
                         plan_call(sc, "sqs:DeleteMessage", queue.arn, 1), NULL),
        "details", details(sc, params, &queue, &main), NULL);
    return FX_OK;
}

/* ---- just before it runs ---- */

static enum fx_code check_object(const struct fx_step_context *ctx, const struct fx_json *params,
                                 struct fx_error *err) {
    const char *approved = fx_json_text(fx_json_at_path(ctx->plan, "details.etag"));
    struct fx_json *answer = NULL;

    if (fx_aws_call(ctx->aws, ctx->sc,
                    &(struct fx_aws_call){
                        .service = "s3",
                        .operation = "HeadObject",
                        .params = fx_json_object_of(ctx->sc, "Bucket", fx_json_at(params, "bucket"),
                                                    "Key", fx_json_at(params, "key"), NULL)},
                    &answer, err) != FX_OK)
        return fx_fail_in(err, "whether the payload is still the one that was verified");
    const char *now = fx_json_get_text(answer, "ETag");

    if (approved == NULL || now == NULL || strcmp(approved, now) != 0)
        return fx_fail(err, FX_ERR_CONFLICT,
                       "the payload in S3 was changed after it was verified; look at its versions");
    return FX_OK;
}

static enum fx_code recall(const struct fx_step_context *ctx, const struct fx_json *params,
                           const char *param, struct fx_json **ret_proof, struct fx_error *err) {
    const char *name = fx_json_get_text(fx_json_at(params, param), "name");

    if (name == NULL)
        return fx_fail(err, FX_ERR_INPUT, "%s must be the value of a proof.find step", param);
    return proof_recall(ctx, name, ret_proof, err);
}

/* The proofs must be as young as when they were asked for: what was read an hour ago is no fact. */
static enum fx_code override_confirm(const struct fx_step_context *ctx,
                                     const struct fx_json *params, struct fx_error *err) {
    const struct fx_json *approved = fx_json_at(ctx->plan, "details");
    struct fx_json *payload = NULL, *ingest = NULL;
    struct queue_depth depth;
    struct queue queue, main;

    FX_TRY(queue_and_source(ctx, fx_json_get_text(params, "queue"), &queue, &main, err));
    if (strcmp(queue.arn, fx_json_get_text(approved, "from")) != 0 ||
        strcmp(main.arn, fx_json_get_text(approved, "to")) != 0)
        return fx_fail(err, FX_ERR_CONFLICT,
                       "the queues are configured differently than when this was approved");
    FX_TRY(recall(ctx, params, "payload", &payload, err));
    FX_TRY(recall(ctx, params, "ingest", &ingest, err));
    FX_TRY(check_proofs(ctx, payload, ingest, fx_json_get_text(approved, "hash"), err));
    FX_TRY(check_object(ctx, params, err));
    FX_TRY(queue_depth(ctx, &queue, &depth, err));
    if (depth.visible + depth.in_flight + depth.delayed == 0)
        return fx_fail(err, FX_ERR_CONFLICT, "the queue changed: it is empty now");
    return FX_OK;
}

static enum fx_effect override_effect(const struct fx_json *params) {
    (void)params;
    return FX_EFFECT_UNKEYED;
}

static const struct fx_step_call override_calls[] = {
    CALLS_OF_A_LOOK,
    {"sqs:GetQueueAttributes", "queue.source"},
    {"sqs:SendMessageBatch", "queue.source"},
    {"sqs:DeleteMessageBatch", "queue"},
    {"s3:HeadObject", "bucket"},
};

const struct fx_step_kind step_dlq_override = {
    .name = "dlq.override",
    .summary = "Sends one message again although its hash was called wrong, after two fresh proofs "
               "that it is right; the value is that of dlq.redrive.",
    .params = override_params,
    .params_count = FX_COUNT_OF(override_params),
    .calls = override_calls,
    .calls_count = FX_COUNT_OF(override_calls),
    .effect = override_effect,
    .plan = override_plan,
    .confirm = override_confirm,
    .run = selective_run,
};
