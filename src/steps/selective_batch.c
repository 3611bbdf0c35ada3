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
    const struct fx_json *system = fx_json_at(letter->raw, "Attributes");

    return fx_json_object_of(sc, "Id", fx_json_stringf(sc, "m%zu", number), "MessageBody",
                             fx_json_at(letter->raw, "Body"), "MessageAttributes",
                             fx_json_at(letter->raw, "MessageAttributes"), "MessageGroupId",
                             fx_json_at(system, "MessageGroupId"), "MessageDeduplicationId",
                             fx_json_at(system, "MessageDeduplicationId"), NULL);
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

static void send_all(struct job *job, struct wave *wave) {
    struct fx_scope *sc = job->ctx->sc;
    struct fx_aws_one *calls = fx_alloc(sc, (wave->count + 1) * sizeof *calls);
    struct batch **who = fx_alloc(sc, (wave->count + 1) * sizeof *who);
    size_t count = 0;

    for (size_t i = 0; i < wave->count; i++) {
        const struct fx_json *params = send_params(job, &wave->items[i]);

        if (params == NULL)
            continue;
        calls[count] = queue_one(sc, "SendMessageBatch", params);
        who[count++] = &wave->items[i];
    }
    if (count == 0)
        return;
    fx_scope_set_send_before(sc, wave->send_before_mono_ms);
    fx_aws_call_all(job->ctx->aws, sc, calls, count);
    for (size_t i = 0; i < count; i++) {
        who[i]->send = &calls[i];
        who[i]->known = calls[i].code == FX_OK;
        if (who[i]->known) {
            read_sent(job, who[i], calls[i].answer);
            read_refused(job, who[i], calls[i].answer);
        }
    }
}

static bool is_sent(const struct job *job, const struct batch *batch,
                    const struct dead_letter *letter) {
    return fx_json_at(batch->sent, letter->id) != NULL || was_sent(job, letter);
}

/* NULL when nothing of it was sent. */
static struct fx_json *delete_params(const struct job *job, const struct batch *batch) {
    struct fx_scope *sc = job->ctx->sc;
    struct fx_json *entries = fx_json_array(sc);

    for (size_t i = 0; i < batch->letters.count; i++) {
        const struct dead_letter *letter = &batch->letters.items[i];

        if (is_sent(job, batch, letter))
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

static struct batch batch_of(struct job *job, size_t number, const struct letters *letters,
                             size_t from) {
    struct fx_scope *sc = job->ctx->sc;
    size_t left = letters->count - from;
    struct batch batch = {
        .letters = {.items = &letters->items[from], .count = left < SQS_BATCH ? left : SQS_BATCH},
        .sent = fx_json_object(sc),
        .stays = fx_json_array(sc),
        .problems = fx_json_array(sc),
        .known = true};

    snprintf(batch.key, sizeof batch.key, "batch-%05zu", number);
    return batch;
}

/* All of them are promised in one transaction, or none is: they leave at the same moment. */
static enum fx_code begin_all(struct job *job, const struct letters *letters, struct wave *wave,
                              struct fx_error *err) {
    struct fx_scope *sc = job->ctx->sc;
    size_t count = (letters->count + SQS_BATCH - 1) / SQS_BATCH;
    struct fx_step_promise *promises = fx_alloc(sc, (count + 1) * sizeof *promises);

    look_up_doubt(job, letters);
    for (size_t i = 0; i < count; i++) {
        wave->items[i] = batch_of(job, job->tally.batches + i, letters, i * SQS_BATCH);
        promises[i] =
            (struct fx_step_promise){wave->items[i].key, intent_of(job, &wave->items[i].letters)};
    }
    wave->count = count;
    enum fx_code code = job->ctx->host->begin_effects(job->ctx->host, sc, promises, count, err);

    wave->denied = code == FX_ERR_DENIED;
    if (code != FX_OK)
        wave->count = 0;
    wave->send_before_mono_ms = fx_scope_send_before(sc);
    job->tally.batches += wave->count;
    return code;
}

/* What is to be recorded of a batch that SQS did not take; false: nothing. A refusal by AWS is an
 * outcome: nothing happened. No answer, or one that nobody can read, is not: the intent stays open,
 * and the next look takes the batch for one in doubt. *ret_code is what the step ends with. */
static bool ending_of_failure(struct job *job, const struct batch *batch,
                              struct fx_step_ending *ret_ending, enum fx_code *ret_code) {
    const struct fx_error *told = &batch->send->err;
    enum fx_ended ended = call_ended(told->code, told);
    struct fx_error ignored;

    if (ended ==
        FX_ENDED_UNKNOWN) { /* canceled: the program stops; it looks again when it is back */
        *ret_code = told->code == FX_ERR_CANCELED ? told->code : FX_OK;
        return false;
    }
    (void)!peek_release(job->ctx, &job->dlq, &batch->letters, &ignored);
    *ret_code = told->code;
    *ret_ending = (struct fx_step_ending){batch->key, ended,
                                          call_outcome(job->ctx->sc, ended, told->message)};
    return true;
}

static struct fx_step_ending ending_of(const struct job *job, const struct batch *batch) {
    return (struct fx_step_ending){
        batch->key, FX_ENDED_DONE,
        fx_json_object_of(job->ctx->sc, "sent", sent_or_arrived(job, batch), "stays", batch->stays,
                          "problems", batch->problems, NULL)};
}

/* In one transaction; each by itself when somebody has recorded one of them before. Of what could
 * not be recorded the next look reads that it was begun: it is not deleted. */
static enum fx_code record_all(struct job *job, const struct fx_step_ending *endings,
                               struct batch **who, size_t count, struct fx_error *err) {
    struct fx_step_host *host = job->ctx->host;
    enum fx_code first = FX_OK;
    struct fx_error why;

    if (count == 0)
        return FX_OK;
    enum fx_code code = host->end_effects(host, job->ctx->sc, endings, count, err);

    for (size_t i = 0; code != FX_OK && i < count; i++) {
        enum fx_code one = code;

        if (code == FX_ERR_CANCELED)
            one = host->end_effects(host, job->ctx->sc, &endings[i], 1, &why);
        who[i]->known = who[i]->known && one == FX_OK;
        if (one != FX_OK && first == FX_OK) {
            first = one;
            *err = code == FX_ERR_CANCELED ? why : *err;
        }
    }
    return first;
}

/* The first failure of the sends counts, and before it that of the store. */
static enum fx_code settle_all(struct job *job, struct wave *wave, struct fx_error *err) {
    struct fx_scope *sc = job->ctx->sc;
    struct fx_step_ending *endings = fx_alloc(sc, (wave->count + 1) * sizeof *endings);
    struct batch **who = fx_alloc(sc, (wave->count + 1) * sizeof *who);
    enum fx_code first = FX_OK;
    struct fx_error told;
    size_t count = 0;

    wave->known = true;
    for (size_t i = 0; i < wave->count; i++) {
        struct batch *batch = &wave->items[i];
        enum fx_code code = FX_OK;
        bool ends = true;

        if (batch->known)
            endings[count] = ending_of(job, batch);
        else
            ends = ending_of_failure(job, batch, &endings[count], &code);
        if (ends)
            who[count++] = batch;
        if (code != FX_OK && first == FX_OK) {
            first = code;
            told = batch->send->err;
        }
    }
    enum fx_code recorded = record_all(job, endings, who, count, err);

    for (size_t i = 0; i < wave->count; i++)
        wave->known = wave->known && wave->items[i].known;
    FX_TRY(recorded);
    if (first != FX_OK)
        *err = told;
    return first;
}

/* ---- the end of a wave: the deletes, and beside them what need not wait for their answers ---- */

/* The calls for it, and whose they are. */
static size_t ask_deletes(const struct job *job, struct wave *wave, struct fx_aws_one *ret_calls,
                          const struct batch **ret_who) {
    size_t count = 0;

    for (size_t i = 0; i < wave->count; i++) {
        const struct batch *batch = &wave->items[i];
        const struct fx_json *params = batch->known ? delete_params(job, batch) : NULL;

        if (params == NULL)
            continue;
        ret_calls[count] = queue_one(job->ctx->sc, "DeleteMessageBatch", params);
        ret_calls[count].call.harmless = true; /* it is deleted when it is seen again */
        ret_who[count++] = batch;
    }
    return count;
}

/* What was sent and cannot be deleted is deleted when it is seen again; it is never sent again. */
static void take_deletes(const struct job *job, struct wave *wave, const struct fx_aws_one *calls,
                         const struct batch *const *who, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (calls[i].code == FX_OK)
            read_deleted(job, who[i], calls[i].answer, wave);
        else
            wave->not_deleted = calls[i].err.message;
    }
}

/* With this wave nothing is left to be sent. */
static bool is_last(const struct job *job, const struct wave *wave) {
    size_t done = fx_json_count(job->tally.deleted) + fx_json_count(job->tally.stays);

    for (size_t i = 0; i < wave->count; i++) {
        const struct batch *batch = &wave->items[i];

        done += fx_json_count(batch->stays);
        for (size_t k = 0; k < batch->letters.count; k++)
            done += is_sent(job, batch, &batch->letters.items[k]);
    }
    return wave->known && done == fx_json_count(job->chosen);
}

/* What stays may be seen again as soon as nothing is received any more. It stays known as seen. */
static void note_released(struct job *job, const struct fx_json *ids,
                          const struct fx_aws_one *calls, size_t count) {
    struct fx_json *held = fx_json_at(job->checkpoint, "held");

    for (size_t i = 0; i < count; i++)
        for (size_t k = i * SQS_BATCH;
             calls[i].code == FX_OK && k < (i + 1) * SQS_BATCH && k < fx_json_count(ids); k++)
            fx_json_put(held, fx_json_text(fx_json_item(ids, k)), fx_json_string(job->ctx->sc, ""));
}

/* Deletes what was sent. Where another wave follows at once its messages are received meanwhile,
 * into a scope of their own; after the last one those that stay are let go. */
static void end_wave(struct job *job, const struct letters *letters, int64_t began_mono_ms,
                     struct wave *wave) {
    struct fx_scope *sc = job->ctx->sc;
    struct fx_json *ids = fx_json_array(sc), *handles = fx_json_array(sc);
    bool last = is_last(job, wave);
    size_t ahead =
        wave->known && !last ? selective_look_ahead(job, letters->count, began_mono_ms) : 0;

    if (last)
        selective_held(job, ids, handles);
    struct fx_aws_one *calls = fx_alloc(
        sc, (wave->count + PEEK_AT_ONCE + fx_json_count(ids) / SQS_BATCH + 1) * sizeof *calls);
    const struct batch **who = fx_alloc(sc, (wave->count + 1) * sizeof *who);
    size_t deletes = ask_deletes(job, wave, calls, who);
    size_t releases = release_ask(sc, &job->dlq, handles, calls + deletes);
    size_t looks = 0;

    if (ahead > 0) {
        job->ahead = (struct ahead){.sc = fx_scope_new(job->step->sc), .waits = true};
        looks = peek_ask(job->ahead.sc, &job->dlq, ahead, true, 0, job->dlq.visibility_s,
                         calls + deletes);
    }
    fx_aws_call_all(job->ctx->aws, sc, calls, deletes + releases + looks);
    take_deletes(job, wave, calls, who, deletes);
    note_released(job, ids, calls + deletes, releases);
    if (ahead > 0)
        job->ahead.code = peek_take(job->ahead.sc, &job->dlq, calls + deletes, looks,
                                    &job->ahead.letters, &job->ahead.received, &job->ahead.err);
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
        selective_add_outcome(job, ending_of(job, batch).outcome);
    }
    selective_note_deleted(job, wave->deleted);
}

enum fx_code selective_move(struct job *job, const struct letters *letters, int64_t began_mono_ms,
                            struct wave *ret_wave, struct fx_error *err) {
    struct fx_scope *sc = job->ctx->sc;

    *ret_wave = (struct wave){
        .items = fx_alloc(sc, (letters->count / SQS_BATCH + 1) * sizeof *ret_wave->items),
        .sent = fx_json_object(sc),
        .deleted = fx_json_array(sc),
        .known = true};
    FX_TRY(begin_all(job, letters, ret_wave, err));
    send_all(job, ret_wave);
    enum fx_code settled = settle_all(job, ret_wave, err);

    ret_wave->known = ret_wave->known && settled == FX_OK;
    end_wave(job, letters, began_mono_ms, ret_wave);
    add_up(job, ret_wave);
    return settled;
}
