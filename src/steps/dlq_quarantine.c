/* dlq_quarantine.c - the step kind `dlq.quarantine`: dead letters that must not be retried leave
 * the queue for an archive in S3.
 *
 * A class is taken as a whole only when its cause is known and no retry would help by itself; of an
 * unknown cause only messages that somebody names. What is safe to retry is redriven, not archived.
 */
#include "quarantine.h"

#include <string.h>

enum { QUARANTINE_DEFAULT = 50 };

static const struct fx_step_param quarantine_params[] = {
    {"queue", FX_PARAM_QUEUE, true, NULL, "the dead-letter queue"},
    {"census", FX_PARAM_ANY, true, NULL, "the value of a dlq.classify step"},
    {"which", FX_PARAM_LIST, true, NULL, "classes, message ids or event ids"},
    {"bucket", FX_PARAM_TEXT, true, NULL, "where they go; it must block all public access"},
    {"kms_key", FX_PARAM_TEXT, false, "\"\"",
     "the key of KMS they are encrypted with; empty: S3's own"},
    {"prefix", FX_PARAM_TEXT, false, "\"dlq\"", "the folder; each day has one of its own in it"},
    {"max", FX_PARAM_INT, false, "50", "no more messages than this, up to 200"},
};

/* ---- choosing ---- */

struct choice {
    const char *folder;
    struct fx_json *messages; /* [{id, md5, event_id, cause, key}] */
    struct fx_json *classes;  /* class -> how many of the chosen */
    struct fx_json *staying;  /* class -> how many of the others */
    const char *refused;      /* why one that was asked for is not archived */
};

/* Asked for by its own name, not by that of its class. */
static bool is_named_itself(const struct fx_json *which, const struct fx_json *item) {
    for (size_t i = 0; i < fx_json_count(which); i++) {
        const char *word = fx_json_text(fx_json_item(which, i));

        if (word != NULL && strcasecmp(word, fx_json_get_text(item, "cause")) != 0 &&
            census_is_called(item, word))
            return true;
    }
    return false;
}

static bool is_wanted(const struct fx_json *which, const struct fx_json *item) {
    for (size_t i = 0; i < fx_json_count(which); i++) {
        const char *word = fx_json_text(fx_json_item(which, i));

        if (word != NULL && census_is_called(item, word))
            return true;
    }
    return false;
}

static const char *refusal_of(struct fx_scope *sc, const struct fx_json *which,
                              const struct fx_json *item) {
    const char *cause = fx_json_get_text(item, "cause"), *id = fx_json_get_text(item, "id");

    if (fx_json_get_bool(item, "safe", false))
        return fx_printf(sc, "message %s (%s) is safe to retry: redrive it instead", id, cause);
    if (strcmp(fx_json_get_text(item, "retry"), "hold") == 0 && !is_named_itself(which, item))
        return fx_printf(sc,
                         "nobody knows why message %s is dead (%s), so such messages are not "
                         "archived in bulk: look at them, and name those that may go by their ids",
                         id, cause);
    return NULL;
}

static enum fx_code choose(const struct fx_step_context *ctx, const struct fx_json *params,
                           struct choice *ret, struct fx_error *err) {
    const struct fx_json *items = fx_json_at_path(params, "census.items");
    const struct fx_json *which = fx_json_at(params, "which");
    int64_t max = fx_json_get_int(params, "max", QUARANTINE_DEFAULT);
    struct fx_scope *sc = ctx->sc;

    *ret = (struct choice){
        .folder = archive_folder(sc, fx_json_get_text(params, "prefix"), fx_wall_ms(ctx->clock)),
        .messages = fx_json_array(sc),
        .classes = fx_json_object(sc),
        .staying = fx_json_object(sc)};
    for (size_t i = 0; i < fx_json_count(items); i++) {
        const struct fx_json *item = fx_json_item(items, i);
        const char *cause = fx_json_get_text(item, "cause"), *key = NULL;

        if (!is_wanted(which, item) || (int64_t)fx_json_count(ret->messages) == max) {
            census_count(sc, ret->staying, cause);
            continue;
        }
        if (ret->refused == NULL)
            ret->refused = refusal_of(sc, which, item);
        FX_TRY(archive_key(sc, ret->folder, fx_json_get_text(item, "id"), &key, err));
        census_count(sc, ret->classes, cause);
        fx_json_add(ret->messages, fx_json_object_of(sc, "id", fx_json_at(item, "id"), "md5",
                                                     fx_json_at(item, "md5"), "event_id",
                                                     fx_json_at(item, "event_id"), "cause",
                                                     fx_json_at(item, "cause"), "key",
                                                     fx_json_string(sc, key), NULL));
    }
    return FX_OK;
}

/* ---- the plan ---- */

static enum fx_code check_numbers(const struct fx_json *params, struct fx_error *err) {
    int64_t max = fx_json_get_int(params, "max", QUARANTINE_DEFAULT);

    if (fx_json_at_path(params, "census.items") == NULL)
        return fx_fail(err, FX_ERR_INPUT, "census must be the value of a dlq.classify step");
    if (max < 1 || max > QUARANTINE_MAX)
        return fx_fail(err, FX_ERR_INPUT, "max must be between 1 and %d messages", QUARANTINE_MAX);
    if (fx_json_count(fx_json_at(params, "which")) == 0)
        return fx_fail(err, FX_ERR_DENIED, "name the causes or the ids of what is to be archived");
    if (fx_json_text_slice(fx_json_at(params, "bucket")).len == 0)
        return fx_fail(err, FX_ERR_DENIED, "no bucket for the archive is configured");
    return FX_OK;
}

static enum fx_code prepare(const struct fx_step_context *ctx, const struct fx_json *params,
                            struct queue *ret_queue, struct choice *ret_choice,
                            struct fx_error *err) {
    const struct archive archive = quarantine_archive(params);

    FX_TRY(check_numbers(params, err));
    const char *unknown =
        census_find_unknown(fx_json_at(params, "which"), fx_json_at_path(params, "census.items"));

    if (unknown != NULL)
        return fx_fail(err, FX_ERR_DENIED,
                       "no message and no cause that was seen in the queue is called %.80s",
                       unknown);
    FX_TRY(queue_find(ctx, fx_json_get_text(params, "queue"), ret_queue, err));
    FX_TRY(choose(ctx, params, ret_choice, err));
    if (ret_choice->refused != NULL)
        return fx_fail(err, FX_ERR_DENIED, "%s", ret_choice->refused);
    if (fx_json_count(ret_choice->messages) == 0)
        return fx_fail(err, FX_ERR_DENIED, "no message is to be archived");
    FX_TRY(queue_refuse_running_task(ctx, ret_queue, err));
    return archive_check(ctx, &archive, err);
}

static struct fx_json *facts(struct fx_scope *sc, const struct fx_json *params,
                             const struct queue *queue, const struct choice *choice) {
    const char *kms = fx_json_get_text(params, "kms_key");
    const char *staying = census_counts_text(sc, choice->staying);

    return fx_json_array_of(
        sc, plan_fact(sc, "From", queue->name),
        plan_fact(sc, "To",
                  fx_printf(sc, "%s/%s", fx_json_get_text(params, "bucket"), choice->folder)),
        plan_fact(sc, "Archived", census_counts_text(sc, choice->classes)),
        plan_fact(sc, "Staying", staying[0] == '\0' ? "none" : staying),
        plan_fact(sc, "Encrypted with", kms[0] == '\0' ? "S3's own key" : kms),
        plan_fact(sc, "How", "each is archived, read back, and only then deleted"),
        plan_fact(sc, "Undo",
                  "by hand: each object holds body and attributes, and can be sent again"),
        NULL);
}

static enum fx_code quarantine_plan(const struct fx_step_context *ctx, const struct fx_json *params,
                                    struct fx_json **ret_plan, struct fx_error *err) {
    struct fx_scope *sc = ctx->sc;
    struct choice choice = {0};
    struct queue queue;

    FX_TRY(prepare(ctx, params, &queue, &choice, err));
    int64_t count = (int64_t)fx_json_count(choice.messages);
    const char *bucket = fx_json_get_text(params, "bucket");
    const char *objects = fx_printf(sc, "%s/%s", bucket, choice.folder);

    *ret_plan = fx_json_object_of(
        sc, "title",
        fx_json_stringf(sc, "quarantine %lld message%s", (long long)count, count == 1 ? "" : "s"),
        "summary",
        fx_json_stringf(sc, "%lld message%s of %s go%s to the archive in S3 and leave%s the queue.",
                        (long long)count, count == 1 ? "" : "s", queue.name, count == 1 ? "es" : "",
                        count == 1 ? "s" : ""),
        "facts", facts(sc, params, &queue, &choice), "calls",
        fx_json_array_of(sc, plan_call(sc, "s3:PutObject", objects, count),
                         plan_call(sc, "sqs:DeleteMessage", queue.arn, count), NULL),
        "details",
        fx_json_object_of(sc, "messages", choice.messages, "classes", choice.classes, "from",
                          fx_json_string(sc, queue.arn), "bucket", fx_json_string(sc, bucket),
                          "folder", fx_json_string(sc, choice.folder), NULL),
        NULL);
    return FX_OK;
}

/* ---- just before it runs ---- */

/* Whether each message is still there, and still what it was, is seen when it is received. */
static enum fx_code quarantine_confirm(const struct fx_step_context *ctx,
                                       const struct fx_json *params, struct fx_error *err) {
    const struct fx_json *details = fx_json_at(ctx->plan, "details");
    const struct archive archive = quarantine_archive(params);
    int64_t approved = (int64_t)fx_json_count(fx_json_at(details, "messages"));
    struct queue_depth depth;
    struct queue queue;

    FX_TRY(queue_find(ctx, fx_json_get_text(params, "queue"), &queue, err));
    if (strcmp(queue.arn, fx_json_get_text(details, "from")) != 0 ||
        strcmp(archive.bucket, fx_json_get_text(details, "bucket")) != 0)
        return fx_fail(err, FX_ERR_CONFLICT,
                       "the queue or the bucket is configured differently than when this was "
                       "approved");
    FX_TRY(queue_refuse_running_task(ctx, &queue, err));
    FX_TRY(queue_depth(ctx, &queue, &depth, err));
    int64_t left = depth.visible + depth.in_flight + depth.delayed;

    if (left < approved)
        return fx_fail(err, FX_ERR_CONFLICT,
                       "the queue changed: %lld messages were approved, %lld are there now",
                       (long long)approved, (long long)left);
    return archive_check(ctx, &archive, err);
}

/* The key of its object is that of the message: archived again it stands there once. */
static enum fx_effect quarantine_effect(const struct fx_json *params) {
    (void)params;
    return FX_EFFECT_KEYED;
}

static const struct fx_step_call quarantine_calls[] = {
    CALLS_OF_DEPTH,
    {"sqs:ListMessageMoveTasks", "queue"},
    {"sqs:ReceiveMessage", "queue"},
    {"sqs:ChangeMessageVisibilityBatch", "queue"},
    {"sqs:DeleteMessage", "queue"},
    {"s3:GetPublicAccessBlock", "bucket.itself"},
    {"s3:PutObject", "bucket"},
    {"s3:HeadObject", "bucket"},
};

const struct fx_step_kind step_dlq_quarantine = {
    .name = "dlq.quarantine",
    .summary =
        "Archives dead letters in S3, one by one: written, read back, and only then deleted; "
        "{of, archived, deleted, stopped, bucket, folder, items}.",
    .params = quarantine_params,
    .params_count = FX_COUNT_OF(quarantine_params),
    .calls = quarantine_calls,
    .calls_count = FX_COUNT_OF(quarantine_calls),
    .effect = quarantine_effect,
    .plan = quarantine_plan,
    .confirm = quarantine_confirm,
    .run = quarantine_run,
};
