/* told.c - a change of which nobody knows: a person looks, and tells what became of it.
 *
 * The answer settles the open intents, once: of two answers the first counts, and what is found by
 * the bot itself counts before any. The run is ended by its own job, which the answer wakes,
 * because nobody else writes its row: see told_end.c.
 */
#include "told.h"

#include "fluxabot/base/log.h"

#include <string.h>

enum {
    REASON_MIN = 3,
    REASON_MAX = 500,
    OPEN_SHOWN_MAX = 5, /* on a card; the audit log has all of them */
    LOOKS_AGAIN = 3,    /* each time something of it has become known */
};

static bool is_open(struct fx_scope *sc, const struct fx_intent *intent) {
    enum fx_known known = engine_known(sc, intent);

    return known == FX_KNOWN_BEGUN || known == FX_KNOWN_UNKNOWN;
}

char *engine_told_setting(struct fx_scope *sc, const char *run_id) {
    return fx_printf(sc, "told:%s", run_id);
}

/* ---- the question ---- */

const char *engine_told_words(bool back, bool done) {
    return back   ? done ? "it was taken back" : "it was not taken back"
           : done ? "it was done"
                  : "it was not done";
}

/* The same as a heading. */
static const char *told_heading(bool back, bool done) {
    return back   ? done ? "It was taken back" : "It was not taken back"
           : done ? "It was done"
                  : "It was not done";
}

static struct fx_json *tell_button(struct fx_scope *sc, const char *run_id, bool back, bool done) {
    const char *words = engine_told_words(back, done);
    struct fx_json *button = engine_button(sc, told_heading(back, done),
                                           done ? "tell_done" : "tell_not_done", run_id, NULL);

    fx_json_put(button, "label",
                fx_json_stringf(sc, "I have looked, and %s; asks for a reason", words));
    return button;
}

struct fx_json *engine_tell_buttons(struct fx_scope *sc, const char *run_id, bool back) {
    return fx_json_array_of(sc, tell_button(sc, run_id, back, true),
                            tell_button(sc, run_id, back, false), NULL);
}

static struct fx_json *parsed_or_null(struct fx_scope *sc, const char *text) {
    struct fx_json *json = NULL;
    struct fx_error ignored;

    return text[0] != '\0' && fx_json_parse(sc, fx_slice_of(text), &json, &ignored) == FX_OK ? json
                                                                                             : NULL;
}

enum fx_code engine_open_changes(struct engine_work *work, const char *run_id,
                                 struct fx_json **ret_list, struct fx_error *err) {
    struct fx_scope *sc = work->sc;
    struct fx_store *store = work->engine->options.store;
    struct fx_json *list = fx_json_array(sc);
    struct fx_intent **intents = NULL;
    size_t count = 0;

    FX_TRY(store->intents(store, sc, run_id, NULL, &intents, &count, err));
    for (size_t i = 0; i < count && fx_json_count(list) < OPEN_SHOWN_MAX; i++)
        if (is_open(sc, intents[i]))
            fx_json_add(
                list, fx_json_object_of(sc, "step", fx_json_string(sc, intents[i]->step), "key",
                                        fx_json_string(sc, intents[i]->key), "begun",
                                        fx_json_string(sc, fx_time_iso(sc, intents[i]->set_ms)),
                                        "asked", parsed_or_null(sc, intents[i]->what_json), "found",
                                        parsed_or_null(sc, intents[i]->outcome_json), NULL));
    *ret_list = fx_json_count(list) > 0 ? list : NULL;
    return FX_OK;
}

static enum fx_code check_asks(const struct fx_run *run, struct fx_error *err) {
    if (run->state == FX_RUN_ASKING)
        return FX_OK;
    return fx_fail(err, FX_ERR_CONFLICT, "this run does not ask any more: %s", run->note);
}

enum fx_code engine_open_tell_dialog(struct engine_work *work, const struct fx_run *run, bool done,
                                     const char *trigger_id, const char *channel, const char *user,
                                     const char *response_url, struct fx_error *err) {
    struct fx_scope *sc = work->sc;
    const struct fx_json *where =
        fx_json_object_of(sc, "run", fx_json_string(sc, run->id), "done", fx_json_bool(sc, done),
                          "channel", fx_json_string(sc, channel), NULL);

    struct engine_left left;

    FX_TRY(check_asks(run, err));
    FX_TRY(engine_left(work, run, NULL, &left, err));
    bool back = engine_left_asks_back(&left);
    const char *then = engine_left_question(sc, &left);
    struct fx_json *view = fx_slack_draw_dialog(
        sc, &(struct fx_slack_dialog){
                .callback_id = "tell_reason",
                .private_metadata = fx_json_dump(sc, where),
                .title = told_heading(back, done),
                .submit = "Record",
                .intro = fx_printf(sc,
                                   "Your answer ends this run. It is shown in the channel with "
                                   "your name and kept in the audit log; nothing is sent to AWS."
                                   "%s%s",
                                   then == NULL ? "" : " ", then == NULL ? "" : then),
                .label = "How do you know?",
                .hint = "For example: the queue is empty and the table has all rows. Never paste "
                        "secrets.",
                .min_length = REASON_MIN,
                .max_length = REASON_MAX});

    fx_writes_message(sc, &work->writes,
                      &(struct fx_message){.kind = FX_MESSAGE_VIEW,
                                           .key = engine_id(work, "view:"),
                                           .parent = "",
                                           .channel = channel,
                                           .user = user,
                                           .response_url = response_url,
                                           .payload_json = fx_json_dump(
                                               sc, fx_json_object_of(sc, "trigger_id",
                                                                     fx_json_string(sc, trigger_id),
                                                                     "view", view, NULL)),
                                           .due_ms = work->now_ms,
                                           .created_ms = work->now_ms});
    return FX_OK;
}

/* ---- the answer ---- */

struct answer {
    struct engine_work *work;
    const struct fx_run *run;
    bool done;
    const char *user, *reason;
};

/* Nothing can be said not to have happened that may still happen. */
static enum fx_code check_fenced(const struct answer *answer, const struct fx_intent *intent,
                                 struct fx_error *err) {
    int64_t now_ms = fx_wall_ms(answer->work->engine->options.clock);

    if (answer->done || fx_effect_hold(intent->set_ms, now_ms) == FX_HOLD_FENCED)
        return FX_OK;
    return fx_fail(
        err, FX_ERR_CONFLICT,
        "it is too early to say that it was not done: AWS would still obey the call until "
        "%s; look again then",
        fx_time_iso(answer->work->sc, intent->set_ms + FX_EFFECT_FENCE_MS));
}

static struct fx_intent settled_intent(const struct answer *answer, const struct fx_intent *open,
                                       struct fx_writes *writes) {
    struct fx_scope *sc = answer->work->sc;
    struct fx_intent intent = *open;
    const struct fx_json *outcome = fx_json_object_of(
        sc, "told_by", fx_json_string(sc, answer->user), "done", fx_json_bool(sc, answer->done),
        "reason", fx_json_string(sc, answer->reason), "found",
        parsed_or_null(sc, open->outcome_json), NULL);

    intent.state = answer->done ? FX_INTENT_DONE : FX_INTENT_FAILED;
    intent.outcome_json = fx_json_dump(sc, outcome);
    intent.settled_ms = fx_wall_ms(answer->work->engine->options.clock);
    fx_writes_audit(sc, writes, answer->user, "effect.told", answer->run->id,
                    fx_json_object_of(sc, "step", fx_json_string(sc, open->step), "key",
                                      fx_json_string(sc, open->key), "outcome",
                                      fx_json_copy(sc, outcome), NULL));
    return intent;
}

/* What ends the run, and wakes it. */
static void write_told(const struct answer *answer, struct fx_writes *writes) {
    struct fx_scope *sc = answer->work->sc;
    int64_t now_ms = answer->work->now_ms;
    const struct fx_json *told = fx_json_object_of(
        sc, "by", fx_json_string(sc, answer->user), "done", fx_json_bool(sc, answer->done),
        "reason", fx_json_string(sc, answer->reason), "at", fx_json_int(sc, now_ms), NULL);

    fx_writes_setting(sc, writes, engine_told_setting(sc, answer->run->id), fx_json_dump(sc, told));
    fx_writes_audit(sc, writes, answer->user, "run.told", answer->run->id, told);
    fx_writes_job_of_rank(sc, writes, FX_RANK_PERSON, "run", answer->run->id, now_ms);
}

/* All that is open is settled with the answer itself, in one transaction: the run's own job may
 * look at any moment, and would take what a person has told for what AWS has refused.
 * FX_ERR_CONFLICT when one of them is known meanwhile. */
static enum fx_code settle_open(const struct answer *answer, size_t *ret_settled,
                                struct fx_error *err) {
    struct fx_scope *sc = answer->work->sc;
    struct fx_store *store = answer->work->engine->options.store;
    struct fx_writes writes = {0};
    struct fx_intent **intents = NULL, *open = NULL;
    size_t count = 0, n = 0;

    *ret_settled = 0;
    FX_TRY(store->intents(store, sc, answer->run->id, NULL, &intents, &count, err));
    open = fx_alloc(sc, (count + 1) * sizeof *open);
    for (size_t i = 0; i < count; i++) {
        if (!is_open(sc, intents[i]))
            continue;
        FX_TRY(check_fenced(answer, intents[i], err));
        if (intents[i]->state == FX_INTENT_FAILED)
            continue; /* an older version wrote doubt as a failure, which stands */
        open[n] = settled_intent(answer, intents[i], &writes);
        if (n > 0)
            open[n - 1].and = &open[n];
        n++;
    }
    *ret_settled = n;
    if (n == 0)
        return FX_OK;
    write_told(answer, &writes);
    return store->end_effect(store, sc, open, &writes, err);
}

/* *ret_lost: the bot, or somebody else, found out about one of them before. */
static enum fx_code settle_all(const struct answer *answer, size_t *ret_settled, bool *ret_lost,
                               struct fx_error *err) {
    enum fx_code code = settle_open(answer, ret_settled, err);

    *ret_lost = code == FX_ERR_CONFLICT && *ret_settled > 0;
    for (int i = 0; i < LOOKS_AGAIN && code == FX_ERR_CONFLICT && *ret_settled > 0; i++)
        code = settle_open(answer, ret_settled, err);
    return code;
}

/* Nothing is open, and the run asks all the same, or was answered a moment ago: the first answer
 * counts, and the same one comes again when the program died behind it. */
static enum fx_code tell_once(const struct answer *answer, struct fx_error *err) {
    struct fx_scope *sc = answer->work->sc;
    struct fx_store *store = answer->work->engine->options.store;
    struct fx_json *told = NULL;
    const char *value = "";

    FX_TRY(store->setting(store, sc, engine_told_setting(sc, answer->run->id), &value, err));
    if (value[0] == '\0') {
        write_told(answer, &answer->work->writes);
        return FX_OK;
    }
    FX_TRY(fx_json_parse(sc, fx_slice_of(value), &told, err));
    if (strcmp(fx_json_get_text(told, "by"), answer->user) == 0 &&
        fx_json_get_bool(told, "done", false) == answer->done)
        return FX_OK;
    return fx_fail(
        err, FX_ERR_CONFLICT,
        "this was answered already, and the first answer counts: look at the run's card");
}

enum fx_code engine_tell(struct engine_work *work, const struct fx_run *run, bool done,
                         const char *user, const char *reason, struct fx_error *err) {
    struct fx_scope *sc = work->sc;
    struct fx_state *state = work->engine->options.state;
    struct fx_slice said = fx_slice_of(reason);
    struct answer answer = {
        .work = work,
        .run = run,
        .done = done,
        .user = user,
        .reason = fx_slice_dup(sc, fx_slice_cut(said, 0, fx_slice_utf8_prefix(said, REASON_MAX)))};
    size_t settled = 0;
    bool lost = false;

    FX_TRY(check_asks(run, err));
    FX_TRY(settle_all(&answer, &settled, &lost, err));
    if (lost && settled == 0)
        return fx_fail(err, FX_ERR_CONFLICT, "what became of it is known already");
    if (settled == 0)
        FX_TRY(tell_once(&answer, err));
    else
        state->wake(state, "jobs");
    fx_log(sc, FX_LOG_INFO, "run.told", FX_S("run", run->id), FX_S("by", user), FX_B("done", done));
    return FX_OK;
}
