/* selective.c - a redrive message by message: send, then delete; batch by batch; a canary first.
 *
 * Before a batch is sent its intent is durable, after it its outcome, and only then is it deleted.
 * A crash in between leaves one batch in doubt: what of it is still in the dead-letter queue and
 * was not processed meanwhile is sent again, which a consumer declared idempotent takes, and the
 * card names it; for any other consumer, and for what somebody else has taken out of the queue
 * meanwhile, a person is asked.
 * Messages are bound to the approved ids and to the MD5 of the body that was classified, and each
 * body is looked at once more before it moves.
 */
#include "selective.h"

#include <string.h>

enum {
    RECEIVES_PER_LOOK = 12,
    UNDELETED_MAX = 3, /* batches in a row that only wanted to delete, and could not */
    WAVES_PER_CLAIM = 20,
    RATE_ONE_BY_ONE = 500, /* messages a second that batches one after the other may reach */
    RATE_OF_ONE = 150,     /* above: so much of the rate is one batch's share */
    HIDDEN_WAIT_MS =
        10 * 60 * 1000, /* how long we wait for messages that somebody else has hidden */
    HIDDEN_POLL_MS = 500,
    WATCH_POLL_MS = 700,
    PACE_AT_ONCE_MS = 20, /* not worth another claim */
    /* What is lost with a checkpoint is early: what was deleted since counts as sent, and what was
     * hidden since comes back by itself. */
    SAVE_EVERY_MS = 250,
};

static enum fx_code prepare(const struct fx_step_context *ctx, const struct fx_json *params,
                            struct job *job, struct fx_error *err) {
    struct fx_scope *sc = ctx->sc;
    const struct fx_json *messages = fx_json_at_path(ctx->plan, "details.messages");

    *job = (struct job){.ctx = ctx, .step = ctx, .params = params, .chosen = fx_json_object(sc)};
    job->rules = rules_new(sc, ctx->system);
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
    job->saved_mono_ms = fx_mono_ms(job->ctx->clock);
    return job->ctx->host->checkpoint(job->ctx->host, job->ctx->sc, job->checkpoint, err);
}

/* What cannot be put back comes back by itself when its time is over: no reason to fail. */
static void put_back(struct job *job, const struct fx_json *handles) {
    struct fx_error ignored;

    (void)!release_handles(job->ctx, &job->dlq, handles, &ignored);
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

/* May have been sent, and nothing that was seen since tells. */
static bool in_doubt(const struct job *job, const char *id) {
    return fx_json_at(job->tally.doubt, id) != NULL && fx_json_at(job->tally.deleted, id) == NULL &&
           fx_json_at(job->tally.sent, id) == NULL;
}

static struct fx_json *all_in_doubt(const struct job *job) {
    struct fx_json *ids = fx_json_array(job->ctx->sc);
    const char *id = NULL;
    void *cursor = NULL;

    while (fx_json_next(job->tally.doubt, &cursor, &id, NULL))
        if (in_doubt(job, id))
            fx_json_add(ids, fx_json_string(job->ctx->sc, id));
    return ids;
}

/* What is in doubt will not be seen again, because it ends early or somebody else has taken it:
 * neither "moved" nor "did not move" would be true of it. */
static void ask_at_the_end(const struct job *job, const char *stopped, struct fx_json *ids,
                           struct fx_step_result *ret_result) {
    struct fx_scope *sc = job->ctx->sc;

    *ret_result = (struct fx_step_result){
        .outcome = FX_STEP_ASK,
        .note = stopped[0] != '\0'
                    ? fx_printf(sc,
                                "It ended early (%s), and %zu messages may or may not have been "
                                "sent to %s: look whether they still stand in %s.",
                                stopped, fx_json_count(ids), job->main.name, job->dlq.name)
                    : fx_printf(sc,
                                "%zu messages may or may not have been sent to %s, and cannot be "
                                "taken from %s any more: what is gone from there somebody else has "
                                "taken out. Look whether they were processed.",
                                fx_json_count(ids), job->main.name, job->dlq.name),
        .output = fx_json_object_of(sc, "in_doubt", ids, "moved", job->tally.deleted, "stopped",
                                    fx_json_string(sc, stopped), NULL)};
}

void selective_held(const struct job *job, struct fx_json *ids, struct fx_json *handles) {
    const struct fx_json *held = fx_json_at(job->checkpoint, "held");
    struct fx_json *handle = NULL;
    const char *id = NULL;
    void *cursor = NULL;

    while (fx_json_next(held, &cursor, &id, &handle)) {
        if (fx_json_text_slice(handle).len == 0)
            continue;
        fx_json_add(ids, fx_json_string(job->ctx->sc, id));
        fx_json_add(handles, handle);
    }
}

static enum fx_code finish(struct job *job, const char *stopped,
                           struct fx_step_result *ret_result) {
    struct fx_scope *sc = job->ctx->sc;
    struct fx_json *handles = fx_json_array(sc), *doubt = all_in_doubt(job);

    selective_held(job, fx_json_array(sc), handles);
    put_back(job, handles);
    if (fx_json_count(doubt) > 0)
        ask_at_the_end(job, stopped, doubt, ret_result);
    else
        *ret_result = (struct fx_step_result){.outcome = FX_STEP_DONE,
                                              .output = selective_count_up(job, stopped)};
    return FX_OK;
}

/* ---- the canary ---- */

static int64_t setting(const struct job *job, const char *name) {
    return fx_json_get_int(job->params, name, 0);
}

static void start_canary(struct job *job, const struct wave *wave) {
    struct fx_scope *sc = job->ctx->sc;
    struct fx_json *event_ids = fx_json_array(sc), *new_id = NULL;
    const char *id = NULL;
    void *cursor = NULL;

    while (fx_json_next(wave->sent, &cursor, &id, &new_id))
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

/* Looks for dead letters that were just sent; all others that are seen stay hidden for a while.
 * Those of ours that have not moved yet are put back, because they are needed soon, but only after
 * the look: put back at once they would be all that is ever seen. */
static enum fx_code look_for_returns(struct job *job, struct fx_error *err) {
    struct fx_json *needed = fx_json_array(job->ctx->sc);
    struct letters seen = {0};
    size_t received = 1;
    enum fx_code code = FX_OK;

    for (int i = 0; i < RECEIVES_PER_LOOK && received > 0 && code == FX_OK; i++)
        code = peek_once(job->ctx, &job->dlq, SQS_BATCH, 0, job->dlq.visibility_s, &seen, &received,
                         err);
    for (size_t i = 0; i < seen.count; i++) {
        if (fx_json_at(job->chosen, seen.items[i].id) != NULL &&
            !selective_is_done(job, seen.items[i].id)) {
            fx_json_add(needed, fx_json_string(job->ctx->sc, seen.items[i].handle));
            continue;
        }
        selective_note_seen(job, &seen.items[i]);
    }
    FX_TRY(code);
    put_back(job, needed);
    return FX_OK;
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
            return finish(job, reason, ret_result);
        if (waited > setting(job, "canary_wait") && told)
            return finish(job,
                          fx_printf(sc,
                                    "only %lld of %lld canary messages were processed within %s",
                                    (long long)good, (long long)count, fx_duration(sc, waited)),
                          ret_result);
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

/* Some may or may not have been sent, and whether they are still there cannot be seen: that they
 * moved would be a guess. *ret_asks false: there are none. */
static bool ask_about_hidden(struct job *job, int64_t since_ms, const struct queue_depth *depth,
                             struct fx_step_result *ret_result) {
    struct fx_scope *sc = job->ctx->sc;
    struct fx_json *ids = all_in_doubt(job);

    if (fx_json_count(ids) == 0)
        return false;
    *ret_result = (struct fx_step_result){
        .outcome = FX_STEP_ASK,
        .note =
            fx_printf(sc,
                      "%zu messages may or may not have been sent to %s, and since %s somebody "
                      "else has hidden what is left in %s, so nobody can see whether they are "
                      "still there.",
                      fx_json_count(ids), job->main.name, fx_time_iso(sc, since_ms), job->dlq.name),
        .output = fx_json_object_of(sc, "in_doubt", ids, "moved", job->tally.deleted,
                                    "hidden_since", fx_json_string(sc, fx_time_iso(sc, since_ms)),
                                    "visible", fx_json_int(sc, depth->visible), "in_flight",
                                    fx_json_int(sc, depth->in_flight), NULL)};
    return true;
}

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

    if (more && now - since > HIDDEN_WAIT_MS && ask_about_hidden(job, since, &depth, ret_result))
        return FX_OK;
    if (!more || now - since > HIDDEN_WAIT_MS)
        return finish(job, "", ret_result);
    fx_json_put(job->checkpoint, "hidden_since", fx_json_int(sc, since));
    show(job, "Waiting for messages that somebody else is looking at.");
    return park(job, HIDDEN_POLL_MS, ret_result);
}

/* What is under way when this program dies is in doubt, so it is no more than the rate asks for,
 * and one batch where a message must not come twice. */
static size_t batches_at_once(const struct job *job) {
    int64_t rate = setting(job, "rate"), count = rate / RATE_OF_ONE;

    if (rate <= RATE_ONE_BY_ONE || !job->main.idempotent)
        return 1;
    return count < FX_HTTP_MAX_AT_ONCE ? (size_t)count : FX_HTTP_MAX_AT_ONCE;
}

static size_t wave_size(const struct job *job) {
    size_t canary = (size_t)setting(job, "canary");
    bool first = fx_json_at(job->checkpoint, "canary") == NULL && canary > 0;

    if (first)
        return canary < SQS_BATCH ? canary : SQS_BATCH;
    return batches_at_once(job) * SQS_BATCH;
}

static const char *moving_text(const struct job *job) {
    int64_t left = (int64_t)(fx_json_count(job->chosen) - moved_count(job));
    int64_t rate = setting(job, "rate") < 1 ? 1 : setting(job, "rate");

    if (left == 0)
        return "All are sent.";
    return fx_printf(job->ctx->sc, "Moving to %s, %lld a second, about %s left.", job->main.name,
                     (long long)rate, fx_duration(job->ctx->sc, (left + rate - 1) / rate * 1000));
}

/* Counts the batches in a row that sent nothing, because all was sent, and deleted nothing. */
static void note_deletes(struct job *job, const struct wave *wave) {
    bool idle = wave->known && fx_json_count(wave->sent) == 0 && wave->stays == 0 &&
                fx_json_count(wave->deleted) == 0;
    int64_t before = fx_json_get_int(job->checkpoint, "undeleted", 0);

    fx_json_put(job->checkpoint, "undeleted", fx_json_int(job->ctx->sc, idle ? before + 1 : 0));
}

static const char *too_often_kept(struct job *job, const struct wave *wave) {
    if (fx_json_get_int(job->checkpoint, "undeleted", 0) < UNDELETED_MAX)
        return NULL;
    return fx_printf(job->ctx->sc,
                     "%zu messages were sent but could not be deleted from %s%s%s; delete them "
                     "there, do not send them again",
                     fx_json_count(job->tally.sent) - moved_count(job), job->dlq.name,
                     wave->not_deleted == NULL ? "" : ": ",
                     wave->not_deleted == NULL ? "" : wave->not_deleted);
}

/* With a batch in hand that is not sent any more. */
static enum fx_code cut_off(struct job *job, const struct letters *letters, const char *reason,
                            struct fx_step_result *ret_result) {
    struct fx_error ignored;

    (void)!peek_release(job->ctx, &job->dlq, letters, &ignored);
    return finish(job, reason, ret_result);
}

/* How long until the next may follow; what this one took counts. */
static int64_t pace_left_ms(const struct job *job, size_t moved, int64_t began_mono_ms) {
    int64_t rate = setting(job, "rate") < 1 ? 1 : setting(job, "rate");
    int64_t took_ms = fx_mono_ms(job->ctx->clock) - began_mono_ms;
    int64_t pace_ms = (int64_t)moved * 1000 / rate;

    return pace_ms > took_ms ? pace_ms - took_ms : 0;
}

/* Not before the first messages were watched, and not at a rate at which one batch goes after the
 * other: what waits in our hand there would be hidden for nothing. */
size_t selective_look_ahead(const struct job *job, size_t moved, int64_t began_mono_ms) {
    bool first = fx_json_at(job->checkpoint, "canary") == NULL && setting(job, "canary") > 0;

    if (first || job->waves_left == 0 || batches_at_once(job) == 1 ||
        pace_left_ms(job, moved, began_mono_ms) >= PACE_AT_ONCE_MS)
        return 0;
    return wave_size(job);
}

/* Collected and moved in sc, the scope of the wave; what must outlive it is in the checkpoint, the
 * tally and the result. */
static enum fx_code collect_in(struct job *job, struct fx_scope *sc, struct letters *ret_letters,
                               struct fx_error *err) {
    struct fx_step_context within = *job->step;

    within.sc = sc;
    job->ctx = &within;
    enum fx_code code = selective_collect(job, wave_size(job), ret_letters, err);

    job->ctx = job->step;
    return code;
}

static enum fx_code move_in(struct job *job, struct fx_scope *sc, const struct letters *letters,
                            int64_t began_mono_ms, struct wave *ret_wave, struct fx_error *err) {
    struct fx_step_context within = *job->step;

    within.sc = sc;
    job->ctx = &within;
    enum fx_code code = selective_move(job, letters, began_mono_ms, ret_wave, err);

    job->ctx = job->step;
    return code;
}

/* What is known after a wave decides whether another follows, and when. */
static enum fx_code after_wave(struct job *job, const struct wave *wave, bool first,
                               int64_t pace_ms, bool *ret_more, struct fx_step_result *ret_result,
                               struct fx_error *err) {
    fx_json_put(job->checkpoint, "unanswered",
                fx_json_int(job->ctx->sc, wave->known ? 0 : selective_unanswered(job) + 1));
    if (wave->known && first && fx_json_count(wave->sent) > 0) /* what was refused tells nothing */
        start_canary(job, wave);
    note_deletes(job, wave);
    if (first || !wave->known || fx_mono_ms(job->ctx->clock) - job->saved_mono_ms >= SAVE_EVERY_MS)
        FX_TRY(save(job, err));
    const char *reason = too_often_kept(job, wave);

    if (reason != NULL)
        return finish(job, reason, ret_result);
    show(job, moving_text(job));
    if (!wave->known)
        return park(job, HIDDEN_POLL_MS, ret_result);
    if (first)
        return park(job, WATCH_POLL_MS, ret_result);
    *ret_more = pace_ms < PACE_AT_ONCE_MS;
    return *ret_more ? FX_OK : park(job, pace_ms, ret_result);
}

static enum fx_code step_in(struct job *job, struct fx_scope *sc, bool *ret_more,
                            struct fx_step_result *ret_result, struct fx_error *err) {
    bool first = fx_json_at(job->checkpoint, "canary") == NULL && setting(job, "canary") > 0;
    int64_t began_mono_ms = fx_mono_ms(job->ctx->clock);
    struct letters letters;
    struct wave wave;

    FX_TRY(collect_in(job, sc, &letters, err));
    const char *reason = too_many_back(job);

    if (reason != NULL)
        return cut_off(job, &letters, reason, ret_result);
    if (letters.count == 0)
        return wait_for_hidden(job, ret_result, err);
    fx_json_remove(job->checkpoint, "hidden_since");
    enum fx_code code = move_in(job, sc, &letters, began_mono_ms, &wave, err);

    if (code == FX_ERR_DENIED && wave.denied && job->tally.batches > 0)
        return cut_off(job, &letters, fx_strdup(job->ctx->sc, err->message), ret_result);
    FX_TRY(code);
    return after_wave(job, &wave, first, pace_left_ms(job, letters.count, began_mono_ms), ret_more,
                      ret_result, err);
}

/* One wave; *ret_more when another may follow at once. */
static enum fx_code step_once(struct job *job, bool *ret_more, struct fx_step_result *ret_result,
                              struct fx_error *err) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = NULL;

    *ret_more = false;
    if (moved_count(job) + fx_json_count(job->tally.stays) == fx_json_count(job->chosen))
        return finish(job, "", ret_result);
    sc = job->ahead.sc != NULL ? FX_TAKE(job->ahead.sc) : fx_scope_new(job->step->sc);
    return step_in(job, sc, ret_more, ret_result, err);
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
                            (long long)selective_unanswered(job), fx_json_count(job->tally.doubt),
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

static enum fx_code go_through(struct job *job, struct fx_step_result *ret_result,
                               struct fx_error *err) {
    bool more = true;

    for (int i = 1; more && i <= WAVES_PER_CLAIM; i++) {
        const struct fx_json *canary = fx_json_at(job->checkpoint, "canary");

        job->waves_left = WAVES_PER_CLAIM - i;
        if (job->ctx->host->stop_requested(job->ctx->host, job->ctx->sc))
            return finish(job, "a person pressed Stop", ret_result);
        if (canary != NULL && !fx_json_get_bool(canary, "done", false)) {
            bool go = false;

            FX_TRY(watch_canary(job, &go, ret_result, err));
            if (!go)
                return FX_OK;
        }
        FX_TRY(step_once(job, &more, ret_result, err));
    }
    return more ? park(job, 0, ret_result) : FX_OK;
}

/* The wave it was received for does not come, or not now. */
static void let_ahead_go(struct job *job) {
    struct fx_error ignored;

    if (job->ahead.waits)
        (void)!peek_release(job->ctx, &job->dlq, &job->ahead.letters, &ignored);
    fx_scope_free(job->ahead.sc);
}

enum fx_code selective_run(const struct fx_step_context *ctx, const struct fx_json *params,
                           struct fx_step_result *ret_result, struct fx_error *err) {
    bool ask = false;
    struct job job;

    FX_TRY(prepare(ctx, params, &job, err));
    FX_TRY(selective_take_stock(&job, &ask, err));
    if (ask)
        return ask_about_doubt(&job, ret_result);
    enum fx_code code = go_through(&job, ret_result, err);

    let_ahead_go(&job);
    return code;
}
