/* selective_batch.c - moves one batch: its intent, the send, its outcome, the delete.
 *
 * What was sent is on record before anything is deleted: a message that may or may not have been
 * sent, and is gone from the dead letters, was not taken out by us.
 */
#include "selective.h"

#include <stdio.h>
#include <string.h>

enum { KEY_MAX = 24 };

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
                   &answer, &why) != FX_OK) {
        batch->not_deleted = fx_strdup(sc, why.message);
        return;
    }
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

enum fx_code selective_move_batch(struct job *job, const struct letters *letters,
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
    enum fx_code code = host->begin_effect(host, sc, key, intent_of(job, letters), err);

    ret_batch->denied = code == FX_ERR_DENIED;
    FX_TRY(code);
    job->tally.batches++;
    if (send_batch(job, ret_batch, err) != FX_OK) {
        *ret_known = false;
        return settle_send_failure(job, key, letters, err);
    }
    const struct fx_json *outcome =
        fx_json_object_of(sc, "sent", sent_or_arrived(job, ret_batch), "stays", ret_batch->stays,
                          "problems", ret_batch->problems, NULL);

    FX_TRY(host->end_effect(host, sc, key, FX_ENDED_DONE, outcome, err));
    delete_batch(job, ret_batch);
    selective_add_outcome(job, outcome);
    selective_note_deleted(job, ret_batch->deleted);
    return FX_OK;
}
