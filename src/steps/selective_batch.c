/* selective_batch.c - moves batches: of each its intent, the send, its outcome, the delete.
 *
 * Several may be under way at once. Each has a promise of its own, so what is in doubt after a
 * crash is what was under way, and what is known of one does not wait for another. What was sent is
 * on record before anything is deleted: a message that may or may not have been sent, and is gone
 * from the dead letters, was not taken out by us.
 */
#include "selective.h"

#include <stdio.h>
#include <string.h>

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

/* NULL when all of it was sent before. */
static struct fx_json *send_params(const struct job *job, const struct batch *batch) {
    struct fx_scope *sc = job->ctx->sc;
    struct fx_json *entries = fx_json_array(sc);

    for (size_t i = 0; i < batch->letters.count; i++)
        if (!was_sent(job, &batch->letters.items[i]))
            fx_json_add(entries, send_entry(sc, &batch->letters.items[i], i));
    if (fx_json_count(entries) == 0)
        return NULL;
    return fx_json_object_of(sc, "QueueUrl", fx_json_string(sc, job->main.url), "Entries", entries,
                             NULL);
}

/* The first promise is the first to end, so it is the one that all have to leave in time for. */
static void send_all(struct job *job, struct wave *wave) {
    struct fx_scope *sc = job->ctx->sc;
    struct fx_json **params = fx_alloc(sc, (wave->count + 1) * sizeof *params);
    struct batch **who = fx_alloc(sc, (wave->count + 1) * sizeof *who);
    size_t count = 0;

    for (size_t i = 0; i < wave->count; i++) {
        params[count] = send_params(job, &wave->items[i]);
        if (params[count] != NULL)
            who[count++] = &wave->items[i];
    }
    if (count == 0)
        return;
    fx_scope_set_send_before(sc, wave->items[0].send_before_mono_ms);
    struct fx_aws_one *calls = queue_call_all(job->ctx, "SendMessageBatch", params, count);

    for (size_t i = 0; i < count; i++) {
        who[i]->send = &calls[i];
        who[i]->known = calls[i].code == FX_OK;
        if (who[i]->known) {
            read_sent(job, who[i], calls[i].answer);
            read_refused(job, who[i], calls[i].answer);
        }
    }
}

/* NULL when nothing of it was sent. */
static struct fx_json *delete_params(const struct job *job, const struct batch *batch) {
    struct fx_scope *sc = job->ctx->sc;
    struct fx_json *entries = fx_json_array(sc);

    for (size_t i = 0; i < batch->letters.count; i++) {
        const struct dead_letter *letter = &batch->letters.items[i];

        if (fx_json_at(batch->sent, letter->id) != NULL || was_sent(job, letter))
            fx_json_add(entries,
                        fx_json_object_of(sc, "Id", fx_json_stringf(sc, "m%zu", i), "ReceiptHandle",
                                          fx_json_string(sc, letter->handle), NULL));
    }
    if (fx_json_count(entries) == 0)
        return NULL;
    return fx_json_object_of(sc, "QueueUrl", fx_json_string(sc, job->dlq.url), "Entries", entries,
                             NULL);
}

static void read_deleted(const struct job *job, const struct batch *batch,
                         const struct fx_json *answer, struct wave *wave) {
    const struct fx_json *good = fx_json_at(answer, "Successful");

    for (size_t i = 0; i < fx_json_count(good); i++) {
        size_t number = entry_number(fx_json_item(good, i), batch->letters.count);

        if (number < batch->letters.count)
            fx_json_add(wave->deleted,
                        fx_json_string(job->ctx->sc, batch->letters.items[number].id));
    }
}

/* What was sent and cannot be deleted is deleted when it is seen again; it is never sent again. */
static void delete_all(struct job *job, struct wave *wave) {
    struct fx_scope *sc = job->ctx->sc;
    struct fx_json **params = fx_alloc(sc, (wave->count + 1) * sizeof *params);
    const struct batch **who = fx_alloc(sc, (wave->count + 1) * sizeof *who);
    size_t count = 0;

    for (size_t i = 0; i < wave->count; i++) {
        params[count] = wave->items[i].known ? delete_params(job, &wave->items[i]) : NULL;
        if (params[count] != NULL)
            who[count++] = &wave->items[i];
    }
    struct fx_aws_one *calls = queue_call_all(job->ctx, "DeleteMessageBatch", params, count);

    for (size_t i = 0; i < count; i++) {
        if (calls[i].code == FX_OK)
            read_deleted(job, who[i], calls[i].answer, wave);
        else
            wave->not_deleted = calls[i].err.message;
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

    enum fx_ended ended = call_ended(told.code, &told);

    if (ended == FX_ENDED_UNKNOWN && told.code != FX_ERR_CANCELED)
        return FX_OK;
    if (ended == FX_ENDED_UNKNOWN) /* the program stops; it looks again when it is back */
        return told.code;
    (void)!peek_release(job->ctx, &job->dlq, letters, &ignored);
    FX_TRY(job->ctx->host->end_effect(job->ctx->host, sc, key, ended,
                                      call_outcome(sc, ended, told.message), err));
    *err = told;
    return told.code;
}

/* With those of which the database told that they arrived: they are deleted, too. */
static struct fx_json *sent_or_arrived(const struct job *job, const struct batch *batch) {
    struct fx_json *sent = fx_json_copy(job->ctx->sc, batch->sent);

    for (size_t i = 0; i < batch->letters.count; i++) {
        const char *id = batch->letters.items[i].id, *known = fx_json_get_text(job->tally.sent, id);

        if (known != NULL && known[0] == '\0')
            fx_json_put(sent, id, fx_json_string(job->ctx->sc, ""));
    }
    return sent;
}

static enum fx_code begin_batch(struct job *job, struct batch *batch, struct fx_error *err) {
    struct fx_scope *sc = job->ctx->sc;

    snprintf(batch->key, sizeof batch->key, "batch-%05zu", job->tally.batches);
    batch->sent = fx_json_object(sc);
    batch->stays = fx_json_array(sc);
    batch->problems = fx_json_array(sc);
    batch->known = true;
    look_up_doubt(job, &batch->letters);
    FX_TRY(job->ctx->host->begin_effect(job->ctx->host, sc, batch->key,
                                        intent_of(job, &batch->letters), err));
    batch->send_before_mono_ms = fx_scope_send_before(sc);
    job->tally.batches++;
    return FX_OK;
}

/* As many as are promised; the letters of the others are let go. */
static enum fx_code begin_all(struct job *job, const struct letters *letters, struct wave *wave,
                              struct fx_error *err) {
    struct fx_error ignored;

    for (size_t from = 0; from < letters->count; from += SQS_BATCH) {
        size_t left = letters->count - from;
        struct batch *batch = &wave->items[wave->count];

        batch->letters = (struct letters){.items = &letters->items[from],
                                          .count = left < SQS_BATCH ? left : SQS_BATCH};
        enum fx_code code = begin_batch(job, batch, err);

        if (code != FX_OK) {
            const struct letters others = {.items = batch->letters.items, .count = left};

            wave->denied = code == FX_ERR_DENIED;
            if (wave->count > 0)
                (void)!peek_release(job->ctx, &job->dlq, &others, &ignored);
            return code;
        }
        wave->count++;
    }
    return FX_OK;
}

static enum fx_code settle(struct job *job, struct batch *batch, struct fx_error *err) {
    struct fx_step_host *host = job->ctx->host;
    struct fx_scope *sc = job->ctx->sc;

    if (!batch->known) {
        *err = batch->send->err;
        return settle_send_failure(job, batch->key, &batch->letters, err);
    }
    return host->end_effect(host, sc, batch->key, FX_ENDED_DONE,
                            fx_json_object_of(sc, "sent", sent_or_arrived(job, batch), "stays",
                                              batch->stays, "problems", batch->problems, NULL),
                            err);
}

/* Of what could not be recorded the next look reads that it was begun: it is not deleted. */
static enum fx_code settle_all(struct job *job, struct wave *wave, struct fx_error *err) {
    enum fx_code first = FX_OK;

    wave->known = true;
    for (size_t i = 0; i < wave->count; i++) {
        struct batch *batch = &wave->items[i];
        struct fx_error why = {0};
        enum fx_code code = settle(job, batch, &why);

        if (code != FX_OK && first == FX_OK) {
            first = code;
            *err = why;
        }
        wave->known = wave->known && batch->known;
        batch->known = batch->known && code == FX_OK;
    }
    return first;
}

static void add_up(struct job *job, struct wave *wave) {
    struct fx_json *new_id = NULL;
    const char *id = NULL;

    for (size_t i = 0; i < wave->count; i++) {
        const struct batch *batch = &wave->items[i];
        void *cursor = NULL;

        if (!batch->known)
            continue;
        while (fx_json_next(batch->sent, &cursor, &id, &new_id))
            fx_json_put(wave->sent, id, new_id);
        wave->stays += fx_json_count(batch->stays);
        selective_add_outcome(
            job, fx_json_object_of(job->ctx->sc, "sent", sent_or_arrived(job, batch), "stays",
                                   batch->stays, "problems", batch->problems, NULL));
    }
    selective_note_deleted(job, wave->deleted);
}

enum fx_code selective_move(struct job *job, const struct letters *letters, struct wave *ret_wave,
                            struct fx_error *err) {
    struct fx_scope *sc = job->ctx->sc;
    struct fx_error begun_err, settled_err;

    *ret_wave = (struct wave){
        .items = fx_alloc(sc, (letters->count / SQS_BATCH + 1) * sizeof *ret_wave->items),
        .sent = fx_json_object(sc),
        .deleted = fx_json_array(sc),
        .known = true};
    enum fx_code begun = begin_all(job, letters, ret_wave, &begun_err);

    if (ret_wave->count == 0) {
        *err = begun_err;
        return begun;
    }
    send_all(job, ret_wave);
    enum fx_code settled = settle_all(job, ret_wave, &settled_err);

    delete_all(job, ret_wave);
    add_up(job, ret_wave);
    if (begun != FX_OK || settled != FX_OK)
        *err = begun != FX_OK ? begun_err : settled_err;
    return begun != FX_OK ? begun : settled;
}
