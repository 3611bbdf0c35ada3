/* selective.c - a redrive message by message: send, then delete; batch by batch; a canary first.
 *
 * Before a batch is sent its intent is durable, after it its outcome. A crash in between leaves one
 * batch in doubt: what of it is still in the dead-letter queue and was not processed meanwhile is
 * sent again, which a consumer declared idempotent takes, and the card names it; for any other
 * consumer a person is asked.
 * Messages are bound to the approved ids and to the MD5 of the body that was classified, and each
 * body is looked at once more before it moves.
 */
#include "private.h"

#include <stdio.h>
#include <string.h>

enum {
    HOLD_S = 60, /* how long messages that stay are kept out of our own way */
    RECEIVES_PER_BATCH = 6,
    RECEIVES_PER_LOOK = 12,
    BATCHES_PER_CLAIM = 20,
    HIDDEN_WAIT_MS =
        10 * 60 * 1000, /* how long we wait for messages that somebody else has hidden */
    HIDDEN_POLL_MS = 500,
    WATCH_POLL_MS = 700,
    UNANSWERED_MAX = 2, /* batches in a row, before a person is asked rather than SQS once more */
    KEY_MAX = 24,
};

/* What the intents say has become of the chosen messages. */
struct tally {
    struct fx_json *sent;     /* id -> new id; "" when the database tells that it arrived */
    struct fx_json *deleted;  /* id -> true */
    struct fx_json *doubt;    /* id -> how many times it was in a batch whose outcome is unknown */
    struct fx_json *returned; /* new id -> true, filled while receiving */
    struct fx_json *stays;    /* id -> true: refused for good, or stored with other bytes */
    struct fx_json *problems; /* texts */
    size_t batches;
};

struct job {
    const struct fx_step_context *ctx;
    const struct fx_json *params;
    struct queue dlq, main;
    struct fx_json *chosen;     /* id -> {id, md5, event_id, cause} */
    struct fx_json *checkpoint; /* held: id -> handle; canary; hidden_since; back; unanswered */
    struct tally tally;
};

/* ---- taking stock ---- */

static void merge(struct fx_json *into, const struct fx_json *from) {
    struct fx_json *value = NULL;
    const char *key = NULL;
    void *cursor = NULL;

    while (fx_json_next(from, &cursor, &key, &value))
        fx_json_put(into, key, value);
}

static void mark_all(struct fx_scope *sc, struct fx_json *set, const struct fx_json *ids) {
    for (size_t i = 0; i < fx_json_count(ids); i++)
        fx_json_put(set, fx_json_text(fx_json_item(ids, i)), fx_json_bool(sc, true));
}

static void add_all(struct fx_json *into, const struct fx_json *from) {
    for (size_t i = 0; i < fx_json_count(from); i++)
        fx_json_add(into, fx_json_item(from, i));
}

static void mark_doubt(struct fx_scope *sc, struct fx_json *doubt, const struct fx_json *ids) {
    for (size_t i = 0; i < fx_json_count(ids); i++) {
        const char *id = fx_json_text(fx_json_item(ids, i));

        fx_json_put(doubt, id, fx_json_int(sc, fx_json_get_int(doubt, id, 0) + 1));
    }
}

static enum fx_code settle_doubt(struct job *job, const struct fx_step_effect *effect,
                                 struct fx_error *err) {
    struct fx_scope *sc = job->ctx->sc;
    struct fx_error ignored;

    /* what of it is still there need not stay hidden until the dead process's look runs out */
    (void)!release_handles(job->ctx, &job->dlq, fx_json_at(effect->what, "handles"), &ignored);
    return job->ctx->host->end_effect(
        job->ctx->host, sc, effect->key, false,
        fx_json_object_of(sc, "unknown", fx_json_bool(sc, true), NULL), err);
}

/* Batches in a row to which SQS gave no answer. */
static int64_t unanswered(const struct job *job) {
    return fx_json_get_int(job->checkpoint, "unanswered", 0);
}

static enum fx_code take_stock(struct job *job, bool *ret_ask, struct fx_error *err) {
    struct fx_scope *sc = job->ctx->sc;
    struct fx_step_effect *effects = NULL;
    size_t count = 0;

    job->tally = (struct tally){.sent = fx_json_object(sc),
                                .deleted = fx_json_object(sc),
                                .doubt = fx_json_object(sc),
                                .returned = fx_json_object(sc),
                                .stays = fx_json_object(sc),
                                .problems = fx_json_array(sc)};
    FX_TRY(job->ctx->host->effects(job->ctx->host, sc, &effects, &count, err));
    job->tally.batches = count;
    for (size_t i = 0; i < count; i++) {
        merge(job->tally.sent, fx_json_at(effects[i].outcome, "sent"));
        mark_all(sc, job->tally.deleted, fx_json_at(effects[i].outcome, "deleted"));
        mark_all(sc, job->tally.stays, fx_json_at(effects[i].outcome, "stays"));
        add_all(job->tally.problems, fx_json_at(effects[i].outcome, "problems"));
        if (effects[i].settled && !fx_json_get_bool(effects[i].outcome, "unknown", false))
            continue;
        mark_doubt(sc, job->tally.doubt, fx_json_at(effects[i].what, "sends"));
        if (!effects[i].settled && (!job->main.idempotent || unanswered(job) >= UNANSWERED_MAX))
            *ret_ask = true;
        else if (!effects[i].settled)
            FX_TRY(settle_doubt(job, &effects[i], err));
    }
    return FX_OK;
}

static enum fx_code prepare(const struct fx_step_context *ctx, const struct fx_json *params,
                            struct job *job, struct fx_error *err) {
    struct fx_scope *sc = ctx->sc;
    const struct fx_json *messages = fx_json_at_path(ctx->plan, "details.messages");

    *job = (struct job){.ctx = ctx, .params = params, .chosen = fx_json_object(sc)};
    FX_TRY(queue_find(ctx, fx_json_get_text(params, "queue"), &job->dlq, err));
    FX_TRY(queue_find(ctx, job->dlq.source, &job->main, err));
    for (size_t i = 0; i < fx_json_count(messages); i++)
        fx_json_put(job->chosen, fx_json_get_text(fx_json_item(messages, i), "id"),
                    fx_json_item(messages, i));
    job->checkpoint =
        ctx->checkpoint != NULL
            ? fx_json_copy(sc, ctx->checkpoint)
            : fx_json_object_of(sc, "held", fx_json_object(sc), "back", fx_json_int(sc, 0), "began",
                                fx_json_int(sc, fx_wall_ms(ctx->clock)), NULL);
    return FX_OK;
}

static size_t moved_count(const struct job *job) {
    return fx_json_count(job->tally.deleted);
}

static enum fx_code save(struct job *job, struct fx_error *err) {
    return job->ctx->host->checkpoint(job->ctx->host, job->ctx->sc, job->checkpoint, err);
}

static enum fx_code park(struct job *job, int64_t in_ms, struct fx_step_result *ret_result) {
    *ret_result = (struct fx_step_result){.outcome = FX_STEP_PARKED,
                                          .checkpoint = job->checkpoint,
                                          .due_ms = fx_wall_ms(job->ctx->clock) + in_ms};
    return FX_OK;
}

static void show(struct job *job, const char *text) {
    struct fx_scope *sc = job->ctx->sc;

    job->ctx->host->progress(job->ctx->host, sc,
                             fx_json_object_of(sc, "text", fx_json_string(sc, text), "done",
                                               fx_json_int(sc, (int64_t)moved_count(job)), "total",
                                               fx_json_int(sc, (int64_t)fx_json_count(job->chosen)),
                                               NULL));
}

/* ---- the end ---- */

/* What the outcomes and the doubts add up to: how many times it may have been sent. */
static int64_t sends_of(const struct job *job, const char *id) {
    const char *new_id = fx_json_get_text(job->tally.sent, id);

    return fx_json_get_int(job->tally.doubt, id, 0) + (new_id != NULL && new_id[0] != '\0');
}

/* A message in doubt that is gone from the queue had been sent and deleted before the crash. */
static struct fx_json *count_up(struct job *job, const char *stopped) {
    struct fx_scope *sc = job->ctx->sc;
    struct fx_json *event_ids = fx_json_array(sc), *item = NULL;
    int64_t moved = 0, twice = 0, missing = 0;
    const char *id = NULL;
    void *cursor = NULL;

    while (fx_json_next(job->chosen, &cursor, &id, &item)) {
        bool deleted = fx_json_at(job->tally.deleted, id) != NULL;
        bool doubt = fx_json_at(job->tally.doubt, id) != NULL;
        bool sent = fx_json_at(job->tally.sent, id) != NULL;

        if (deleted || sent || (doubt && stopped[0] == '\0')) {
            moved++;
            fx_json_add(event_ids, fx_json_at(item, "event_id"));
        } else {
            missing++;
        }
        twice += sends_of(job, id) > 1;
    }
    return fx_json_object_of(sc, "method", fx_json_string(sc, "selective"), "moved",
                             fx_json_int(sc, moved), "of",
                             fx_json_int(sc, (int64_t)fx_json_count(job->chosen)), "stopped",
                             fx_json_string(sc, stopped), "maybe_twice", fx_json_int(sc, twice),
                             "missing", fx_json_int(sc, missing), "came_back",
                             fx_json_int(sc, fx_json_get_int(job->checkpoint, "back", 0)),
                             "problems", job->tally.problems, "event_ids", event_ids, "began",
                             fx_json_at(job->checkpoint, "began"), NULL);
}

static enum fx_code finish(struct job *job, const char *stopped, struct fx_step_result *ret_result,
                           struct fx_error *err) {
    const struct fx_json *held = fx_json_at(job->checkpoint, "held");
    struct fx_json *handles = fx_json_array(job->ctx->sc), *handle = NULL;
    void *cursor = NULL;

    while (fx_json_next(held, &cursor, NULL, &handle))
        fx_json_add(handles, handle);
    FX_TRY(release_handles(job->ctx, &job->dlq, handles, err));
    *ret_result =
        (struct fx_step_result){.outcome = FX_STEP_DONE, .output = count_up(job, stopped)};
    return FX_OK;
}

/* ---- receiving ---- */

static bool is_done(const struct job *job, const char *id) {
    return fx_json_at(job->tally.deleted, id) != NULL;
}

static void hold(struct job *job, const struct dead_letter *letter) {
    fx_json_put(fx_json_at(job->checkpoint, "held"), letter->id,
                fx_json_string(job->ctx->sc, letter->handle));
}

/* A message we sent is dead again under the id it got when we sent it. */
static bool came_back(struct job *job, const char *id) {
    struct fx_json *new_id = NULL;
    void *cursor = NULL;

    while (fx_json_next(job->tally.sent, &cursor, NULL, &new_id))
        if (strcmp(fx_json_text(new_id), id) == 0)
            return true;
    return false;
}

static void note_return(struct job *job, const struct dead_letter *letter) {
    const struct fx_json *held = fx_json_at(job->checkpoint, "held");

    if (fx_json_at(held, letter->id) == NULL && came_back(job, letter->id))
        fx_json_put(job->checkpoint, "back",
                    fx_json_int(job->ctx->sc, fx_json_get_int(job->checkpoint, "back", 0) + 1));
}

/* Bound to what was approved: the id, the body, and no new sign of a permanent cause. */
static bool may_move(struct job *job, struct dead_letter *letter) {
    struct fx_scope *sc = job->ctx->sc;
    const struct fx_json *approved = fx_json_at(job->chosen, letter->id);
    const struct fx_json *class = NULL;

    if (approved == NULL || is_done(job, letter->id) ||
        fx_json_at(job->tally.stays, letter->id) != NULL)
        return false;
    if (strcmp(fx_json_get_text(approved, "md5"), letter->md5) != 0) {
        fx_json_add(
            job->tally.problems,
            fx_json_stringf(sc, "%s stays: its body is not the one that was approved", letter->id));
        return false;
    }
    class = classify_body(job->ctx, letter);
    if (class != NULL && !class_is_safe(class)) {
        fx_json_add(job->tally.problems,
                    fx_json_stringf(sc, "%s stays: it is now %s", letter->id, class_name(class)));
        return false;
    }
    return true;
}

/* Up to want messages that may move; everything else that is seen is kept hidden for a while. */
static enum fx_code collect(struct job *job, size_t want, struct letters *ret_batch,
                            struct fx_error *err) {
    struct fx_scope *sc = job->ctx->sc;

    ret_batch->items = fx_alloc(sc, want * sizeof *ret_batch->items);
    ret_batch->count = 0;
    for (int i = 0; i < RECEIVES_PER_BATCH && ret_batch->count < want; i++) {
        struct letters seen = {0};
        size_t received = 0;

        FX_TRY(fx_scope_check(sc, fx_mono_ms(job->ctx->clock), err));
        FX_TRY(peek_once(job->ctx, &job->dlq, want - ret_batch->count, 0, job->dlq.visibility_s,
                         &seen, &received, err));
        for (size_t k = 0; k < seen.count; k++) {
            if (may_move(job, &seen.items[k])) {
                ret_batch->items[ret_batch->count++] = seen.items[k];
                continue;
            }
            note_return(job, &seen.items[k]);
            hold(job, &seen.items[k]);
        }
        if (received == 0)
            break;
    }
    return FX_OK;
}

/* ---- one batch ---- */

static struct fx_json *send_entry(struct fx_scope *sc, const struct dead_letter *letter,
                                  size_t number) {
    const struct fx_json *attributes = fx_json_at(letter->raw, "MessageAttributes");
    const struct fx_json *system = fx_json_at(letter->raw, "Attributes");

    return fx_json_object_of(sc, "Id", fx_json_stringf(sc, "m%zu", number), "MessageBody",
                             fx_json_at(letter->raw, "Body"), "MessageAttributes",
                             attributes == NULL ? NULL : fx_json_copy(sc, attributes),
                             "MessageGroupId", fx_json_at(system, "MessageGroupId"),
                             "MessageDeduplicationId", fx_json_at(system, "MessageDeduplicationId"),
                             NULL);
}

/* "m3" -> 3; a number past the batch when SQS answers with an id we never gave. */
static size_t entry_number(const struct fx_json *entry, size_t count) {
    struct fx_slice id = fx_json_text_slice(fx_json_at(entry, "Id"));
    int64_t number = -1;

    if (id.len < 2 || !fx_slice_to_int(fx_slice_cut(id, 1, id.len), &number) || number < 0)
        return count;
    return (size_t)number < count ? (size_t)number : count;
}

static const char *text_or(const char *text, const char *fallback) {
    return text == NULL ? fallback : text;
}

/* SQS tells the MD5 of what it stored: body and attributes must be those that were received. */
static bool arrived_whole(const struct dead_letter *letter, const struct fx_json *result) {
    const char *attributes = fx_json_get_text(letter->raw, "MD5OfMessageAttributes");

    return strcmp(text_or(fx_json_get_text(result, "MD5OfMessageBody"), ""), letter->md5) == 0 &&
           strcmp(text_or(fx_json_get_text(result, "MD5OfMessageAttributes"), ""),
                  text_or(attributes, "")) == 0;
}

struct batch {
    struct letters letters;
    struct fx_json *sent;     /* id -> new id */
    struct fx_json *deleted;  /* [id] */
    struct fx_json *stays;    /* [id], as in the tally */
    struct fx_json *problems; /* [text] */
};

/* Tried again it would end the same way, so it is left to a person. */
static void leave(struct job *job, struct batch *batch, size_t number, const char *why) {
    struct fx_scope *sc = job->ctx->sc;
    const char *id = batch->letters.items[number].id;

    fx_json_add(batch->stays, fx_json_string(sc, id));
    fx_json_add(batch->problems, fx_json_stringf(sc, "%s stays: %s", id, why));
}

static void read_sent(struct job *job, struct batch *batch, const struct fx_json *answer) {
    const struct fx_json *good = fx_json_at(answer, "Successful");

    for (size_t i = 0; i < fx_json_count(good); i++) {
        const struct fx_json *result = fx_json_item(good, i);
        size_t number = entry_number(result, batch->letters.count);

        if (number == batch->letters.count)
            continue;
        const struct dead_letter *letter = &batch->letters.items[number];

        if (arrived_whole(letter, result))
            fx_json_put(batch->sent, letter->id, fx_json_at(result, "MessageId"));
        else
            leave(job, batch, number, "it was sent, but SQS stored other bytes; look at both");
    }
}

/* What SQS blames on itself is tried again when the message is seen again. */
static void read_refused(struct job *job, struct batch *batch, const struct fx_json *answer) {
    const struct fx_json *bad = fx_json_at(answer, "Failed");

    for (size_t i = 0; i < fx_json_count(bad); i++) {
        const struct fx_json *result = fx_json_item(bad, i);
        size_t number = entry_number(result, batch->letters.count);

        if (number < batch->letters.count && fx_json_get_bool(result, "SenderFault", true))
            leave(job, batch, number,
                  fx_printf(job->ctx->sc, "SQS refused it (%s)",
                            text_or(fx_json_get_text(result, "Code"), "no code")));
    }
}

/* Sent in a batch whose delete failed, or known to have arrived: only deleting is left to do. */
static bool was_sent(const struct job *job, const struct dead_letter *letter) {
    return fx_json_at(job->tally.sent, letter->id) != NULL;
}

/* The database knows of some messages in doubt that they arrived. What it does not know may be on
 * its way all the same, so silence proves nothing. */
static void look_up_doubt(struct job *job, const struct letters *letters) {
    struct fx_scope *sc = job->ctx->sc;
    struct fx_json *event_ids = fx_json_array(sc), *rows = NULL;
    struct fx_error ignored;

    for (size_t i = 0; i < letters->count; i++)
        if (fx_json_at(job->tally.doubt, letters->items[i].id) != NULL)
            fx_json_add(event_ids, fx_json_string(sc, letters->items[i].event_id));
    if (fx_json_count(event_ids) == 0 ||
        evidence_events(job->ctx, event_ids, &rows, &ignored) != FX_OK)
        return;
    for (size_t i = 0; i < letters->count; i++) {
        const struct dead_letter *letter = &letters->items[i];
        const char *status = fx_json_get_text(fx_json_at(rows, letter->event_id), "status");

        if (fx_json_at(job->tally.doubt, letter->id) != NULL && !was_sent(job, letter) &&
            status != NULL && strcmp(status, "success") == 0)
            fx_json_put(job->tally.sent, letter->id, fx_json_string(sc, ""));
    }
}

static enum fx_code send_batch(struct job *job, struct batch *batch, struct fx_error *err) {
    struct fx_scope *sc = job->ctx->sc;
    struct fx_json *entries = fx_json_array(sc), *answer = NULL;

    for (size_t i = 0; i < batch->letters.count; i++)
        if (!was_sent(job, &batch->letters.items[i]))
            fx_json_add(entries, send_entry(sc, &batch->letters.items[i], i));
    if (fx_json_count(entries) == 0)
        return FX_OK;
    FX_TRY(queue_call(job->ctx, "SendMessageBatch",
                      fx_json_object_of(sc, "QueueUrl", fx_json_string(sc, job->main.url),
                                        "Entries", entries, NULL),
                      &answer, err));
    read_sent(job, batch, answer);
    read_refused(job, batch, answer);
    return FX_OK;
}

/* What was sent and cannot be deleted is deleted when it is seen again; it is never sent again. */
static void delete_batch(struct job *job, struct batch *batch) {
    struct fx_scope *sc = job->ctx->sc;
    struct fx_json *entries = fx_json_array(sc), *answer = NULL;
    struct fx_error why;

    for (size_t i = 0; i < batch->letters.count; i++) {
        const struct dead_letter *letter = &batch->letters.items[i];

        if (fx_json_at(batch->sent, letter->id) != NULL || was_sent(job, letter))
            fx_json_add(entries,
                        fx_json_object_of(sc, "Id", fx_json_stringf(sc, "m%zu", i), "ReceiptHandle",
                                          fx_json_string(sc, letter->handle), NULL));
    }
    if (fx_json_count(entries) == 0)
        return;
    if (queue_call(job->ctx, "DeleteMessageBatch",
                   fx_json_object_of(sc, "QueueUrl", fx_json_string(sc, job->dlq.url), "Entries",
                                     entries, NULL),
                   &answer, &why) != FX_OK)
        return;
    const struct fx_json *good = fx_json_at(answer, "Successful");

    for (size_t i = 0; i < fx_json_count(good); i++) {
        size_t number = entry_number(fx_json_item(good, i), batch->letters.count);

        if (number < batch->letters.count)
            fx_json_add(batch->deleted, fx_json_string(sc, batch->letters.items[number].id));
    }
}

static struct fx_json *intent_of(const struct job *job, const struct letters *letters) {
    struct fx_scope *sc = job->ctx->sc;
    struct fx_json *ids = fx_json_array(sc), *handles = fx_json_array(sc);
    struct fx_json *sends = fx_json_array(sc);

    for (size_t i = 0; i < letters->count; i++) {
        fx_json_add(ids, fx_json_string(sc, letters->items[i].id));
        fx_json_add(handles, fx_json_string(sc, letters->items[i].handle));
        if (!was_sent(job, &letters->items[i]))
            fx_json_add(sends, fx_json_string(sc, letters->items[i].id));
    }
    return fx_json_object_of(sc, "ids", ids, "sends", sends, "handles", handles, "to",
                             fx_json_string(sc, job->main.arn), NULL);
}

/* A refusal by AWS is an outcome: nothing happened. No answer, or one that nobody can read, is
 * not: the intent stays open, and the next look takes the batch for one in doubt. */
static enum fx_code settle_send_failure(struct job *job, const char *key,
                                        const struct letters *letters, struct fx_error *err) {
    struct fx_scope *sc = job->ctx->sc;
    struct fx_error told = *err, ignored;

    if (told.sent && told.code != FX_ERR_CANCELED)
        return FX_OK;
    if (told.sent) /* the program stops; it looks again when it is back */
        return told.code;
    (void)!peek_release(job->ctx, &job->dlq, letters, &ignored);
    (void)!job->ctx->host->end_effect(
        job->ctx->host, sc, key, false,
        fx_json_object_of(sc, "refused", fx_json_string(sc, told.message), NULL), &ignored);
    *err = told;
    return told.code;
}

static enum fx_code move_batch(struct job *job, const struct letters *letters,
                               struct batch *ret_batch, bool *ret_known, struct fx_error *err) {
    struct fx_scope *sc = job->ctx->sc;
    struct fx_step_host *host = job->ctx->host;
    char key[KEY_MAX];

    snprintf(key, sizeof key, "batch-%05zu", job->tally.batches);
    *ret_batch = (struct batch){.letters = *letters,
                                .sent = fx_json_object(sc),
                                .deleted = fx_json_array(sc),
                                .stays = fx_json_array(sc),
                                .problems = fx_json_array(sc)};
    *ret_known = true;
    look_up_doubt(job, letters);
    FX_TRY(host->begin_effect(host, sc, key, intent_of(job, letters), err));
    job->tally.batches++;
    if (send_batch(job, ret_batch, err) != FX_OK) {
        *ret_known = false;
        return settle_send_failure(job, key, letters, err);
    }
    delete_batch(job, ret_batch);
    FX_TRY(host->end_effect(host, sc, key, true,
                            fx_json_object_of(sc, "sent", ret_batch->sent, "deleted",
                                              ret_batch->deleted, "stays", ret_batch->stays,
                                              "problems", ret_batch->problems, NULL),
                            err));
    merge(job->tally.sent, ret_batch->sent);
    mark_all(sc, job->tally.deleted, ret_batch->deleted);
    mark_all(sc, job->tally.stays, ret_batch->stays);
    add_all(job->tally.problems, ret_batch->problems);
    return FX_OK;
}

/* ---- the canary ---- */

static int64_t setting(const struct job *job, const char *name) {
    return fx_json_get_int(job->params, name, 0);
}

static void start_canary(struct job *job, const struct batch *batch) {
    struct fx_scope *sc = job->ctx->sc;
    struct fx_json *event_ids = fx_json_array(sc), *new_id = NULL;
    const char *id = NULL;
    void *cursor = NULL;

    while (fx_json_next(batch->sent, &cursor, &id, &new_id))
        fx_json_add(event_ids, fx_json_at(fx_json_at(job->chosen, id), "event_id"));
    fx_json_put(job->checkpoint, "canary",
                fx_json_object_of(sc, "event_ids", event_ids, "at",
                                  fx_json_int(sc, fx_wall_ms(job->ctx->clock)), "done",
                                  fx_json_bool(sc, false), NULL));
}

static int64_t processed(struct job *job, const struct fx_json *event_ids, bool *ret_told) {
    struct fx_json *rows = NULL;
    struct fx_error ignored;
    int64_t count = 0;

    *ret_told = fx_json_at_path(job->ctx->system, "dlq_evidence.query") != NULL;
    if (evidence_events(job->ctx, event_ids, &rows, &ignored) != FX_OK)
        return 0;
    for (size_t i = 0; i < fx_json_count(event_ids); i++) {
        const struct fx_json *row = fx_json_at(rows, fx_json_text(fx_json_item(event_ids, i)));
        const char *status = fx_json_get_text(row, "status");

        count += status != NULL && strcmp(status, "success") == 0;
    }
    return count;
}

/* Looks for dead letters that were just sent; all others that are seen stay hidden for a while. Those
 * of ours that have not moved yet are put back, because they are needed soon, but only after the
 * look: put back at once they would be all that is ever seen. */
static enum fx_code look_for_returns(struct job *job, struct fx_error *err) {
    struct fx_json *needed = fx_json_array(job->ctx->sc);
    struct letters seen = {0};
    size_t received = 1;
    enum fx_code code = FX_OK;

    for (int i = 0; i < RECEIVES_PER_LOOK && received > 0 && code == FX_OK; i++)
        code = peek_once(job->ctx, &job->dlq, SQS_BATCH, 0, job->dlq.visibility_s, &seen, &received,
                         err);
    for (size_t i = 0; i < seen.count; i++) {
        if (fx_json_at(job->chosen, seen.items[i].id) != NULL && !is_done(job, seen.items[i].id)) {
            fx_json_add(needed, fx_json_string(job->ctx->sc, seen.items[i].handle));
            continue;
        }
        note_return(job, &seen.items[i]);
        hold(job, &seen.items[i]);
    }
    FX_TRY(code);
    return release_handles(job->ctx, &job->dlq, needed, err);
}

static const char *too_many_back(struct job *job) {
    int64_t back = fx_json_get_int(job->checkpoint, "back", 0), limit = setting(job, "canary_stop");

    if (limit <= 0 || back < limit)
        return NULL;
    return fx_printf(job->ctx->sc, "%lld messages came back: the cause is not gone",
                     (long long)back);
}

static enum fx_code watch_canary(struct job *job, bool *ret_go, struct fx_step_result *ret_result,
                                 struct fx_error *err) {
    struct fx_scope *sc = job->ctx->sc;
    struct fx_json *canary = fx_json_at(job->checkpoint, "canary");
    const struct fx_json *event_ids = fx_json_at(canary, "event_ids");
    int64_t count = (int64_t)fx_json_count(event_ids);
    int64_t waited = fx_wall_ms(job->ctx->clock) - fx_json_get_int(canary, "at", 0);
    bool told = false;
    int64_t good = processed(job, event_ids, &told);

    *ret_go = good == count;
    if (!*ret_go) {
        FX_TRY(look_for_returns(job, err));
        const char *reason = too_many_back(job);

        if (reason != NULL)
            return finish(job, reason, ret_result, err);
        if (waited > setting(job, "canary_wait") && told)
            return finish(job,
                          fx_printf(sc,
                                    "only %lld of %lld canary messages were processed within %s",
                                    (long long)good, (long long)count, fx_duration(sc, waited)),
                          ret_result, err);
        *ret_go = waited > setting(job, "canary_wait"); /* nobody can tell, and none came back */
    }
    if (!*ret_go) {
        show(job, fx_printf(sc,
                            "Watching the first %lld: %lld are processed. The rest follows when "
                            "all are.",
                            (long long)count, (long long)good));
        return park(job, WATCH_POLL_MS, ret_result);
    }
    fx_json_put(canary, "done", fx_json_bool(sc, true));
    return save(job, err);
}

/* ---- from batch to batch ---- */

/* Nothing to receive: gone, or hidden by a process that died with them in hand. */
static enum fx_code wait_for_hidden(struct job *job, struct fx_step_result *ret_result,
                                    struct fx_error *err) {
    struct fx_scope *sc = job->ctx->sc;
    int64_t now = fx_wall_ms(job->ctx->clock);
    int64_t since = fx_json_get_int(job->checkpoint, "hidden_since", now);
    struct queue_depth depth;

    FX_TRY(queue_depth(job->ctx, &job->dlq, &depth, err));
    int64_t held = (int64_t)fx_json_count(fx_json_at(job->checkpoint, "held"));
    bool more = depth.visible > 0 || depth.delayed > 0 || depth.in_flight > held;

    if (!more || now - since > HIDDEN_WAIT_MS)
        return finish(job, "", ret_result, err);
    fx_json_put(job->checkpoint, "hidden_since", fx_json_int(sc, since));
    show(job, "Waiting for messages that somebody else is looking at.");
    return park(job, HIDDEN_POLL_MS, ret_result);
}

static size_t batch_size(const struct job *job) {
    size_t canary = (size_t)setting(job, "canary");
    bool first = fx_json_at(job->checkpoint, "canary") == NULL && canary > 0;

    return first && canary < SQS_BATCH ? canary : SQS_BATCH;
}

static const char *moving_text(const struct job *job) {
    int64_t left = (int64_t)(fx_json_count(job->chosen) - moved_count(job));
    int64_t rate = setting(job, "rate") < 1 ? 1 : setting(job, "rate");

    if (left == 0)
        return "All are sent.";
    return fx_printf(job->ctx->sc, "Moving to %s, %lld a second, about %s left.", job->main.name,
                     (long long)rate, fx_duration(job->ctx->sc, (left + rate - 1) / rate * 1000));
}

/* One batch; *ret_more when another may follow at once. */
static enum fx_code step_once(struct job *job, bool *ret_more, struct fx_step_result *ret_result,
                              struct fx_error *err) {
    struct letters letters;
    struct batch batch;
    bool known = true, first = fx_json_at(job->checkpoint, "canary") == NULL;

    *ret_more = false;
    if (moved_count(job) + fx_json_count(job->tally.stays) == fx_json_count(job->chosen))
        return finish(job, "", ret_result, err);
    FX_TRY(collect(job, batch_size(job), &letters, err));
    const char *reason = too_many_back(job);

    if (reason != NULL) {
        FX_TRY(peek_release(job->ctx, &job->dlq, &letters, err));
        return finish(job, reason, ret_result, err);
    }
    if (letters.count == 0)
        return wait_for_hidden(job, ret_result, err);
    fx_json_remove(job->checkpoint, "hidden_since");
    FX_TRY(move_batch(job, &letters, &batch, &known, err));
    fx_json_put(job->checkpoint, "unanswered",
                fx_json_int(job->ctx->sc, known ? 0 : unanswered(job) + 1));
    if (known && first && setting(job, "canary") > 0)
        start_canary(job, &batch);
    FX_TRY(save(job, err));
    show(job, moving_text(job));
    int64_t pace_ms =
        (int64_t)letters.count * 1000 / (setting(job, "rate") < 1 ? 1 : setting(job, "rate"));

    if (!known)
        return park(job, HIDDEN_POLL_MS, ret_result);
    if (first && setting(job, "canary") > 0)
        return park(job, WATCH_POLL_MS, ret_result);
    *ret_more = pace_ms < 20;
    return *ret_more ? FX_OK : park(job, pace_ms, ret_result);
}

static enum fx_code ask_about_doubt(struct job *job, struct fx_step_result *ret_result) {
    struct fx_scope *sc = job->ctx->sc;

    *ret_result = (struct fx_step_result){
        .outcome = FX_STEP_ASK,
        .note =
            job->main.idempotent
                ? fx_printf(sc,
                            "SQS did not answer %lld times in a row: up to %zu messages may or may "
                            "not have been sent to %s, and still stand among the dead letters.",
                            (long long)unanswered(job), fx_json_count(job->tally.doubt),
                            job->main.name)
                : fx_printf(sc,
                            "A batch was sent or about to be sent when the answer got lost, and "
                            "the consumer of %s is not declared idempotent: up to %zu messages may "
                            "or may not have been sent.",
                            job->main.name, fx_json_count(job->tally.doubt)),
        .output =
            fx_json_object_of(sc, "in_doubt", job->tally.doubt, "moved", job->tally.deleted, NULL)};
    return FX_OK;
}

enum fx_code selective_run(const struct fx_step_context *ctx, const struct fx_json *params,
                           struct fx_step_result *ret_result, struct fx_error *err) {
    bool ask = false, more = true;
    struct job job;

    FX_TRY(prepare(ctx, params, &job, err));
    FX_TRY(take_stock(&job, &ask, err));
    if (ask)
        return ask_about_doubt(&job, ret_result);
    for (int i = 0; more && i < BATCHES_PER_CLAIM; i++) {
        const struct fx_json *canary = fx_json_at(job.checkpoint, "canary");

        if (ctx->host->stop_requested(ctx->host, ctx->sc))
            return finish(&job, "a person pressed Stop", ret_result, err);
        if (canary != NULL && !fx_json_get_bool(canary, "done", false)) {
            bool go = false;

            FX_TRY(watch_canary(&job, &go, ret_result, err));
            if (!go)
                return FX_OK;
        }
        FX_TRY(step_once(&job, &more, ret_result, err));
    }
    return more ? park(&job, 0, ret_result) : FX_OK;
}
