/* selective_look.c - receives what may move: bound to the approved ids and to the MD5 of the body
 * that was classified, each body looked at once more. */
#include "selective.h"

#include <string.h>

enum { RECEIVES_PER_BATCH = 6 };

bool selective_is_done(const struct job *job, const char *id) {
    return fx_json_at(job->tally.deleted, id) != NULL;
}

static void hold(struct job *job, const struct dead_letter *letter) {
    fx_json_put(fx_json_at(job->checkpoint, "held"), letter->id,
                fx_json_string(job->ctx->sc, letter->handle));
}

/* A message we sent is dead again under the id it got when we sent it. */
static bool came_back(const struct job *job, const char *id) {
    return fx_json_at(job->tally.arrived, id) != NULL;
}

static void note_return(struct job *job, const struct dead_letter *letter) {
    const struct fx_json *held = fx_json_at(job->checkpoint, "held");

    if (fx_json_at(held, letter->id) == NULL && came_back(job, letter->id))
        fx_json_put(job->checkpoint, "back",
                    fx_json_int(job->ctx->sc, fx_json_get_int(job->checkpoint, "back", 0) + 1));
}

void selective_note_seen(struct job *job, const struct dead_letter *letter) {
    note_return(job, letter);
    hold(job, letter);
}

/* Two proofs and two persons say that this class does not speak against it; what the body itself
 * shows still does. */
static bool is_overridden(const struct job *job, const struct dead_letter *letter,
                          const struct fx_json *class) {
    const char *override = fx_json_text(fx_json_at_path(job->ctx->plan, "details.override"));

    return override != NULL && strcmp(override, class_name(class)) == 0 && !letter->differs;
}

/* Bound to what was approved: the id, the body, and no new sign of a permanent cause. */
static bool may_move(struct job *job, struct dead_letter *letter) {
    struct fx_scope *sc = job->ctx->sc;
    const struct fx_json *approved = fx_json_at(job->chosen, letter->id);
    const struct fx_json *class = NULL;

    if (approved == NULL || selective_is_done(job, letter->id) ||
        fx_json_at(job->tally.stays, letter->id) != NULL)
        return false;
    letter_read_body(job->ctx->sc, letter);
    if (strcmp(fx_json_get_text(approved, "md5"), letter->md5) != 0) {
        fx_json_add(
            job->tally.problems,
            fx_json_stringf(sc, "%s stays: its body is not the one that was approved", letter->id));
        return false;
    }
    class = classify_body(job->ctx, job->rules, letter);
    if (class != NULL && !class_is_safe(class) && !is_overridden(job, letter, class)) {
        fx_json_add(job->tally.problems,
                    fx_json_stringf(sc, "%s stays: it is now %s", letter->id, class_name(class)));
        return false;
    }
    return true;
}

/* A slow look may outlast the time for which it hides a message, which is then seen again: in one
 * batch it would be sent twice. The newest handle is the one that deletes it. */
static bool is_collected(struct letters *batch, const struct dead_letter *letter) {
    for (size_t i = 0; i < batch->count; i++)
        if (strcmp(batch->items[i].id, letter->id) == 0) {
            batch->items[i].handle = letter->handle;
            return true;
        }
    return false;
}

/* With these in hand there is nothing left to look for. */
static bool is_all(const struct job *job, const struct letters *batch) {
    return fx_json_count(job->tally.deleted) + fx_json_count(job->tally.stays) + batch->count ==
           fx_json_count(job->chosen);
}

/* Bodies are read when their turn comes: not those of messages that stay anyhow. */
static enum fx_code look_now(struct job *job, size_t want, struct letters *seen,
                             size_t *ret_received, struct fx_error *err) {
    struct fx_aws_one calls[PEEK_AT_ONCE];
    size_t count = peek_ask(job->ctx->sc, &job->dlq, want, true, 0, job->dlq.visibility_s, calls);

    fx_aws_call_all(job->ctx->aws, job->ctx->sc, calls, count);
    return peek_take(job->ctx->sc, &job->dlq, calls, count, seen, ret_received, err);
}

/* What was received ahead, or a look of its own. */
static enum fx_code look(struct job *job, size_t want, struct letters *seen, size_t *ret_received,
                         struct fx_error *err) {
    if (!job->ahead.waits)
        return look_now(job, want, seen, ret_received, err);
    enum fx_code code = job->ahead.code;

    *seen = job->ahead.letters;
    *ret_received = job->ahead.received;
    *err = job->ahead.err;
    job->ahead.waits = false;
    return code;
}

static void sort(struct job *job, const struct letters *seen, struct letters *batch) {
    for (size_t k = 0; k < seen->count; k++) {
        if (is_collected(batch, &seen->items[k]))
            continue;
        if (may_move(job, &seen->items[k])) {
            batch->items[batch->count++] = seen->items[k];
            continue;
        }
        selective_note_seen(job, &seen->items[k]);
    }
}

enum fx_code selective_collect(struct job *job, size_t want, struct letters *ret_batch,
                               struct fx_error *err) {
    struct fx_scope *sc = job->ctx->sc;
    size_t wide = want > SQS_BATCH;

    ret_batch->items = fx_alloc(sc, want * sizeof *ret_batch->items);
    ret_batch->count = 0;
    /* one batch is filled; of many, half is worth going for */
    for (int i = 0; i < RECEIVES_PER_BATCH && ret_batch->count < (want + wide) / (1 + wide) &&
                    !is_all(job, ret_batch);
         i++) {
        struct letters seen = {0};
        size_t received = 0;

        FX_TRY(fx_scope_check(sc, fx_mono_ms(job->ctx->clock), err));
        FX_TRY(look(job, want - ret_batch->count, &seen, &received, err));
        sort(job, &seen, ret_batch);
        if (received == 0)
            break;
    }
    return FX_OK;
}
