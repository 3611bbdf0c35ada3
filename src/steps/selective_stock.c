/* selective_stock.c - what the intents say has become of the messages, and what that adds up to. */
#include "selective.h"

#include <string.h>

static void count_one(struct fx_scope *sc, struct fx_json *counts, const char *id) {
    fx_json_put(counts, id, fx_json_int(sc, fx_json_get_int(counts, id, 0) + 1));
}

/* A batch that was taken for doubtful, and sent again, may turn out to have been sent after all. */
static void add_sent(struct job *job, const struct fx_json *sent) {
    struct fx_json *new_id = NULL;
    const char *id = NULL;
    void *cursor = NULL;

    while (fx_json_next(sent, &cursor, &id, &new_id)) {
        const char *text = fx_json_text(new_id);

        fx_json_put(job->tally.sent, id, new_id);
        if (text == NULL || text[0] == '\0')
            continue;
        count_one(job->ctx->sc, job->tally.sends, id);
        fx_json_put(job->tally.arrived, text, fx_json_bool(job->ctx->sc, true));
    }
}

static void mark_all(struct fx_scope *sc, struct fx_json *set, const struct fx_json *ids) {
    for (size_t i = 0; i < fx_json_count(ids); i++)
        fx_json_put(set, fx_json_text(fx_json_item(ids, i)), fx_json_bool(sc, true));
}

static void add_all(struct fx_json *into, const struct fx_json *from) {
    for (size_t i = 0; i < fx_json_count(from); i++)
        fx_json_add(into, fx_json_item(from, i));
}

void selective_add_outcome(struct job *job, const struct fx_json *outcome) {
    struct fx_scope *sc = job->ctx->sc;

    add_sent(job, fx_json_at(outcome, "sent"));
    mark_all(sc, job->tally.deleted, fx_json_at(outcome, "deleted")); /* of an older version */
    mark_all(sc, job->tally.stays, fx_json_at(outcome, "stays"));
    add_all(job->tally.problems, fx_json_at(outcome, "problems"));
}

static const char member_deleted[] = "deleted";

/* In the checkpoint, which is saved after each batch. Of what was deleted after that nothing is
 * lost: it counts as sent, and is not seen again. */
void selective_note_deleted(struct job *job, const struct fx_json *ids) {
    struct fx_json *kept = fx_json_at(job->checkpoint, member_deleted);

    if (kept == NULL) {
        kept = fx_json_array(job->ctx->sc);
        fx_json_put(job->checkpoint, member_deleted, kept);
    }
    add_all(kept, ids);
    mark_all(job->ctx->sc, job->tally.deleted, ids);
}

static void mark_doubt(struct fx_scope *sc, struct fx_json *doubt, const struct fx_json *ids) {
    for (size_t i = 0; i < fx_json_count(ids); i++)
        count_one(sc, doubt, fx_json_text(fx_json_item(ids, i)));
}

static enum fx_code settle_doubt(struct job *job, const struct fx_step_effect *effect,
                                 struct fx_error *err) {
    struct fx_scope *sc = job->ctx->sc;
    struct fx_error ignored;

    /* what of it is still there need not stay hidden until the dead process's look runs out */
    (void)!release_handles(job->ctx, &job->dlq, fx_json_at(effect->what, "handles"), &ignored);
    return job->ctx->host->end_effect(
        job->ctx->host, sc, effect->key, FX_ENDED_UNKNOWN,
        fx_json_object_of(sc, "unknown", fx_json_bool(sc, true), NULL), err);
}

/* For a consumer that takes a message twice the message is its own key; for any other the batch has
 * none. SQS tells neither of them what it was sent. */
static enum fx_next next_of(const struct job *job, const struct fx_step_effect *effect) {
    enum fx_effect class = job->main.idempotent ? FX_EFFECT_KEYED : FX_EFFECT_UNKEYED;

    return fx_effect_next(class, effect->known,
                          fx_effect_hold(effect->begun_ms, fx_wall_ms(job->ctx->clock)));
}

static enum fx_code take_stock_of(struct job *job, const struct fx_step_effect *effect,
                                  bool *ret_ask, struct fx_error *err) {
    enum fx_next next = next_of(job, effect);

    selective_add_outcome(job, effect->outcome);
    if (next == FX_NEXT_RUN || next == FX_NEXT_GO_ON || next == FX_NEXT_REFUSE)
        return FX_OK; /* it is known what became of it; the next batch has a number of its own */
    mark_doubt(job->ctx->sc, job->tally.doubt, fx_json_at(effect->what, "sends"));
    *ret_ask =
        *ret_ask || next != FX_NEXT_REPEAT ||
        (effect->known == FX_KNOWN_BEGUN && selective_unanswered(job) >= SELECTIVE_UNANSWERED_MAX);
    return effect->known == FX_KNOWN_BEGUN ? settle_doubt(job, effect, err) : FX_OK;
}

enum fx_code selective_take_stock(struct job *job, bool *ret_ask, struct fx_error *err) {
    struct fx_scope *sc = job->ctx->sc;
    struct fx_step_effect *effects = NULL;
    size_t count = 0;

    job->tally = (struct tally){.sent = fx_json_object(sc),
                                .sends = fx_json_object(sc),
                                .deleted = fx_json_object(sc),
                                .doubt = fx_json_object(sc),
                                .stays = fx_json_object(sc),
                                .problems = fx_json_array(sc),
                                .arrived = fx_json_object(sc)};
    FX_TRY(job->ctx->host->effects(job->ctx->host, sc, &effects, &count, err));
    mark_all(sc, job->tally.deleted, fx_json_at(job->checkpoint, member_deleted));
    job->tally.batches = count;
    for (size_t i = 0; i < count; i++)
        FX_TRY(take_stock_of(job, &effects[i], ret_ask, err));
    return FX_OK;
}

int64_t selective_unanswered(const struct job *job) {
    return fx_json_get_int(job->checkpoint, "unanswered", 0);
}

/* What the outcomes and the doubts add up to: how many times it may have been sent. */
static int64_t sends_of(const struct job *job, const char *id) {
    return fx_json_get_int(job->tally.doubt, id, 0) + fx_json_get_int(job->tally.sends, id, 0);
}

/* Where a message is in doubt nothing is counted up: see finish in selective.c. */
struct fx_json *selective_count_up(struct job *job, const char *stopped) {
    struct fx_scope *sc = job->ctx->sc;
    struct fx_json *messages = fx_json_array(sc), *item = NULL;
    int64_t moved = 0, twice = 0, missing = 0;
    const char *id = NULL;
    void *cursor = NULL;

    while (fx_json_next(job->chosen, &cursor, &id, &item)) {
        if (fx_json_at(job->tally.deleted, id) != NULL || fx_json_at(job->tally.sent, id) != NULL) {
            moved++;
            fx_json_add(messages, item);
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
                             "problems", job->tally.problems, "messages", messages, "began",
                             fx_json_at(job->checkpoint, "began"), NULL);
}
