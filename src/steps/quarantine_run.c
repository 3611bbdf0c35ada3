/* quarantine_run.c - from message to message: received, archived, read back, and only then deleted.
 *
 * Each message has a promise of its own, and may be repeated: the key of its object does not
 * change. What a dead process began is seen again in the queue, and done again; when it is not
 * there any more, the object tells whether it was archived before it left.
 */
#include "quarantine.h"

#include <string.h>

enum {
    MESSAGES_PER_CLAIM = 20,
    RECEIVES_PER_BATCH = 6,
    RETRY_MS = 1000, /* after a failure that may pass; twice as long after the second */
    HIDDEN_WAIT_MS = 10 * 60 * 1000, /* for messages that somebody else has hidden */
    HIDDEN_POLL_MS = 500,
};

/* ---- from claim to claim ---- */

struct archive quarantine_archive(const struct fx_json *params) {
    return (struct archive){.bucket = fx_json_get_text(params, "bucket"),
                            .kms_key = fx_json_get_text(params, "kms_key")};
}

static enum fx_code prepare(const struct fx_step_context *ctx, const struct fx_json *params,
                            struct quarantine *job, struct fx_error *err) {
    const struct fx_json *messages = fx_json_at_path(ctx->plan, "details.messages");
    struct fx_scope *sc = ctx->sc;

    *job = (struct quarantine){
        .ctx = ctx, .archive = quarantine_archive(params), .count = fx_json_count(messages)};
    FX_TRY(queue_find(ctx, fx_json_get_text(params, "queue"), &job->dlq, err));
    job->pieces = fx_alloc(sc, (job->count + 1) * sizeof *job->pieces);
    for (size_t i = 0; i < job->count; i++)
        job->pieces[i] = (struct piece){.message = fx_json_item(messages, i), .next = FX_NEXT_RUN};
    job->checkpoint =
        ctx->checkpoint != NULL
            ? fx_json_copy(sc, ctx->checkpoint)
            : fx_json_object_of(sc, "held", fx_json_object(sc), "stays", fx_json_object(sc), NULL);
    return quarantine_take_stock(job, err);
}

/* ---- the end ---- */

static enum fx_code park(struct quarantine *job, int64_t in_ms, struct fx_step_result *ret_result) {
    *ret_result = (struct fx_step_result){.outcome = FX_STEP_PARKED,
                                          .checkpoint = job->checkpoint,
                                          .due_ms = fx_wall_ms(job->ctx->clock) + in_ms};
    return FX_OK;
}

/* What cannot be put back comes back by itself when its time is over: no reason to fail. */
static void put_back_held(struct quarantine *job) {
    struct fx_json *handles = fx_json_array(job->ctx->sc), *handle = NULL;
    struct fx_error ignored;
    void *cursor = NULL;

    while (fx_json_next(fx_json_at(job->checkpoint, "held"), &cursor, NULL, &handle))
        fx_json_add(handles, handle);
    (void)!release_handles(job->ctx, &job->dlq, handles, &ignored);
}

static enum fx_code finish(struct quarantine *job, const char *stopped,
                           struct fx_step_result *ret_result, struct fx_error *err) {
    *ret_result = (struct fx_step_result){.outcome = FX_STEP_DONE};
    put_back_held(job);
    return quarantine_count_up(job, stopped, &ret_result->output, err);
}

/* ---- receiving ---- */

static void hold(struct quarantine *job, const struct dead_letter *letter) {
    fx_json_put(fx_json_at(job->checkpoint, "held"), letter->id,
                fx_json_string(job->ctx->sc, letter->handle));
}

/* Bound to what was approved: the id and the body. */
static bool may_go(struct quarantine *job, const struct dead_letter *letter) {
    struct piece *piece = quarantine_find(job, letter->id);

    if (piece == NULL || quarantine_is_settled(job, piece))
        return false;
    if (strcmp(fx_json_get_text(piece->message, "md5"), letter->md5) == 0)
        return true;
    quarantine_leave(job, piece, "its body is not the one that was approved");
    return false;
}

/* Messages in hand, and until when (monotonic) the queue hides them: afterwards a handle may delete
 * nothing although SQS says it did. */
struct hand {
    struct letters letters;
    int64_t until_ms;
};

/* Everything that is not for us is kept hidden for a while, or it would be all that is ever seen.
 */
static enum fx_code collect(struct quarantine *job, struct hand *ret_hand, struct fx_error *err) {
    const struct fx_step_context *ctx = job->ctx;

    *ret_hand = (struct hand){0};
    for (int i = 0; i < RECEIVES_PER_BATCH && ret_hand->letters.count == 0; i++) {
        struct letters seen = {0};
        size_t received = 0;

        FX_TRY(fx_scope_check(ctx->sc, fx_mono_ms(ctx->clock), err));
        ret_hand->until_ms = fx_mono_ms(ctx->clock) + job->dlq.visibility_s * 1000;
        FX_TRY(
            peek_once(ctx, &job->dlq, SQS_BATCH, 0, job->dlq.visibility_s, &seen, &received, err));
        ret_hand->letters.items = fx_alloc(ctx->sc, (seen.count + 1) * sizeof *seen.items);
        for (size_t k = 0; k < seen.count; k++) {
            if (may_go(job, &seen.items[k]))
                ret_hand->letters.items[ret_hand->letters.count++] = seen.items[k];
            else
                hold(job, &seen.items[k]);
        }
        if (received == 0)
            break;
    }
    return FX_OK;
}

static void put_back(struct quarantine *job, const struct hand *hand, size_t from) {
    struct letters rest = {.items = hand->letters.items + from,
                           .count = hand->letters.count - from};
    struct fx_error ignored;

    (void)!peek_release(job->ctx, &job->dlq, &rest, &ignored);
}

/* ---- one message ---- */

static enum fx_code promise(struct quarantine *job, struct piece *piece, struct fx_slice bytes,
                            struct fx_error *err) {
    struct fx_step_host *host = job->ctx->host;
    struct fx_scope *sc = job->ctx->sc;
    const char *key = quarantine_key(job, piece);

    if (piece->next == FX_NEXT_REPEAT)
        return host->repeat_effect(host, sc, key, err);
    return host->begin_effect(host, sc, key,
                              fx_json_object_of(sc, "id", fx_json_at(piece->message, "id"),
                                                "bucket", fx_json_string(sc, job->archive.bucket),
                                                "key", fx_json_at(piece->message, "key"), "bytes",
                                                fx_json_int(sc, (int64_t)bytes.len), NULL),
                              err);
}

static enum fx_code delete_letter(struct quarantine *job, const struct dead_letter *letter,
                                  int64_t until_ms, struct fx_error *err) {
    struct fx_scope *sc = job->ctx->sc;
    struct fx_json *answer = NULL;

    if (fx_mono_ms(job->ctx->clock) >= until_ms)
        return fx_fail(err, FX_ERR_TIMEOUT,
                       "it was archived, but SQS shows it to others again by now");
    return queue_call(job->ctx, "DeleteMessage",
                      fx_json_object_of(sc, "QueueUrl", fx_json_string(sc, job->dlq.url),
                                        "ReceiptHandle", fx_json_string(sc, letter->handle), NULL),
                      &answer, err);
}

/* What may pass leaves the promise open, to be repeated; what is refused is told and ends it. */
static enum fx_code end_failed(struct quarantine *job, struct piece *piece,
                               const struct archived *archived, struct fx_error *err) {
    struct fx_scope *sc = job->ctx->sc;
    struct fx_error told = *err;

    if (told.sent || told.code == FX_ERR_CANCELED || fx_code_is_transient(told.code))
        return told.code;
    FX_TRY(quarantine_end(job, piece, FX_ENDED_FAILED,
                          quarantine_outcome(sc, piece,
                                             archived->is_whole     ? "yes"
                                             : archived->is_written ? "not known"
                                                                    : "no",
                                             "no", told.message),
                          err));
    *err = told;
    return told.code;
}

static enum fx_code move(struct quarantine *job, const struct dead_letter *letter, int64_t until_ms,
                         struct fx_error *err) {
    struct fx_scope *sc = job->ctx->sc;
    struct piece *piece = quarantine_find(job, letter->id);
    const char *key = fx_json_get_text(piece->message, "key");
    struct archived archived = {0};
    struct fx_slice bytes =
        archive_text(sc, &job->dlq, letter, fx_json_get_text(piece->message, "cause"));

    FX_TRY(promise(job, piece, bytes, err));
    piece->known = FX_KNOWN_BEGUN;
    piece->next = FX_NEXT_REPEAT;
    if (archive_put(job->ctx, &job->archive, key, bytes, &archived, err) != FX_OK)
        return end_failed(job, piece, &archived, err);
    if (delete_letter(job, letter, until_ms, err) != FX_OK)
        return end_failed(job, piece, &archived, err);
    struct fx_json *outcome = quarantine_outcome(sc, piece, "yes", "yes", "");

    fx_json_put(outcome, "etag", fx_json_string(sc, archived.etag));
    fx_json_put(outcome, "version", fx_json_string(sc, archived.version));
    fx_json_put(outcome, "bytes", fx_json_int(sc, archived.size));
    return quarantine_end(job, piece, FX_ENDED_DONE, outcome, err);
}

/* ---- from message to message ---- */

static void show(struct quarantine *job, const char *text) {
    struct fx_scope *sc = job->ctx->sc;

    job->ctx->host->progress(
        job->ctx->host, sc,
        fx_json_object_of(sc, "text", fx_json_string(sc, text), "done",
                          fx_json_int(sc, (int64_t)quarantine_count(job, quarantine_is_deleted)),
                          "total", fx_json_int(sc, (int64_t)job->count), NULL));
}

/* Nothing to receive: gone, or hidden by a process that died with them in hand. */
static enum fx_code wait_for_hidden(struct quarantine *job, struct fx_step_result *ret_result,
                                    struct fx_error *err) {
    int64_t now = fx_wall_ms(job->ctx->clock);
    int64_t since = fx_json_get_int(job->checkpoint, "hidden_since", now);
    struct queue_depth depth;

    FX_TRY(queue_depth(job->ctx, &job->dlq, &depth, err));
    int64_t held = (int64_t)fx_json_count(fx_json_at(job->checkpoint, "held"));
    bool more = depth.visible > 0 || depth.delayed > 0 || depth.in_flight > held;

    if (more && now - since > HIDDEN_WAIT_MS)
        return finish(job, "somebody else has hidden what is left in the queue", ret_result, err);
    if (!more)
        return finish(job, "", ret_result, err);
    fx_json_put(job->checkpoint, "hidden_since", fx_json_int(job->ctx->sc, since));
    show(job, "Waiting for messages that somebody else is looking at.");
    return park(job, HIDDEN_POLL_MS, ret_result);
}

/* With messages in hand that are left alone. A refusal of the very first is a failed step; later
 * ones end it, and the card says what was done. */
static enum fx_code give_up(struct quarantine *job, struct fx_step_result *ret_result,
                            struct fx_error *err) {
    struct fx_error told = *err;

    if (told.code == FX_ERR_CANCELED)
        return told.code;
    if (!told.sent && !fx_code_is_transient(told.code)) {
        if (quarantine_count(job, quarantine_has_begun) > 0)
            return finish(job, fx_strdup(job->ctx->sc, told.message), ret_result, err);
        put_back_held(job);
        return told.code;
    }
    int64_t failures = fx_json_get_int(job->checkpoint, "failures", 0) + 1;

    fx_json_put(job->checkpoint, "failures", fx_json_int(job->ctx->sc, failures));
    if (failures >= QUARANTINE_FAILURES_MAX)
        return finish(job,
                      fx_printf(job->ctx->sc,
                                "it failed %lld times in a row, the last time with: %s",
                                (long long)failures, told.message),
                      ret_result, err);
    show(job, fx_printf(job->ctx->sc, "It failed, and is tried again soon: %s", told.message));
    return park(job, RETRY_MS << (failures - 1), ret_result);
}

/* What is in hand; *ret_more when a next look may follow at once. */
static enum fx_code move_hand(struct quarantine *job, const struct hand *hand, bool *ret_more,
                              struct fx_step_result *ret_result, struct fx_error *err) {
    struct fx_step_host *host = job->ctx->host;
    int64_t enough_ms = job->dlq.visibility_s * 1000 / 2; /* of its time, to begin with one */

    *ret_more = true;
    for (size_t i = 0; i < hand->letters.count; i++) {
        bool stop = host->stop_requested(host, job->ctx->sc);

        if (stop || hand->until_ms - fx_mono_ms(job->ctx->clock) < enough_ms) {
            put_back(job, hand, i);
            return FX_OK;
        }
        if (move(job, &hand->letters.items[i], hand->until_ms, err) != FX_OK) {
            *ret_more = false;
            put_back(job, hand, i);
            return give_up(job, ret_result, err);
        }
        fx_json_put(job->checkpoint, "failures", fx_json_int(job->ctx->sc, 0));
    }
    show(job, fx_printf(job->ctx->sc, "Archiving to %s.", job->archive.bucket));
    return host->checkpoint(host, job->ctx->sc, job->checkpoint, err);
}

enum fx_code quarantine_run(const struct fx_step_context *ctx, const struct fx_json *params,
                            struct fx_step_result *ret_result, struct fx_error *err) {
    struct fx_step_host *host = ctx->host;
    struct hand hand;
    struct quarantine job;
    bool more = true;

    FX_TRY(prepare(ctx, params, &job, err));
    for (size_t moved = 0; more && moved < MESSAGES_PER_CLAIM; moved += hand.letters.count) {
        if (host->stop_requested(host, ctx->sc))
            return finish(&job, "a person pressed Stop", ret_result, err);
        if (quarantine_is_over(&job))
            return finish(&job, "", ret_result, err);
        FX_TRY(collect(&job, &hand, err));
        if (hand.letters.count == 0)
            return wait_for_hidden(&job, ret_result, err);
        fx_json_remove(job.checkpoint, "hidden_since");
        FX_TRY(move_hand(&job, &hand, &more, ret_result, err));
    }
    return more ? park(&job, 0, ret_result) : FX_OK;
}
