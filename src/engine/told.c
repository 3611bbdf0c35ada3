/* told.c - a change of which nobody knows: a person looks, and tells what became of it.
 *
 * The answer settles the open intents, once: of two answers the first counts, and what is found by
 * the bot itself counts before any. The run is ended by its own job, which the answer wakes,
 * because nobody else writes its row. When the bot itself finds that it was done, the run goes on.
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

static char *setting_name(struct fx_scope *sc, const char *run_id) {
    return fx_printf(sc, "told:%s", run_id);
}

/* ---- the question ---- */

/* What is told: of a change, or of the call that takes it back. */
static const char *told_words(bool back, bool done) {
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
    const char *words = told_words(back, done);
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

    fx_writes_setting(sc, writes, setting_name(sc, answer->run->id), fx_json_dump(sc, told));
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

    FX_TRY(store->setting(store, sc, setting_name(sc, answer->run->id), &value, err));
    if (value[0] == '\0') {
        write_told(answer, &answer->work->writes);
        return FX_OK;
    }
    FX_TRY(fx_json_parse(sc, fx_slice_of(value), &told, err));
    return strcmp(fx_json_get_text(told, "by"), answer->user) == 0
               ? FX_OK
               : fx_fail(err, FX_ERR_CONFLICT, "somebody else has answered already");
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

/* ---- the end ---- */

/* What was told is a person's word; what stands because the run ends by it is ours. */
static struct fx_json *told_card(struct engine_run *run, const struct fx_json *told,
                                 const struct engine_changes *changes,
                                 const struct engine_left *left) {
    struct fx_scope *sc = run->work->sc;
    bool done = fx_json_get_bool(told, "done", false);
    const char *stands = engine_left_text(sc, left);
    struct fx_json *verdict = fx_json_array_of(
        sc, engine_user(sc, fx_json_get_text(told, "by")),
        fx_json_stringf(sc, " has looked: %s.", told_words(left->is_back_told, done)), NULL);

    return fx_json_object_of(
        sc, "title",
        fx_json_stringf(sc, "%s: %s (%s)",
                        left->is_back_told ? done ? "Taken back" : "Not taken back"
                        : done             ? "Done"
                                           : "Not done",
                        engine_run_title(run), run->row->environment),
        "tone", fx_json_string(sc, stands == NULL ? "plain" : "bad"), "verdict", verdict, "lines",
        fx_json_array_of(sc, fx_json_stringf(sc, "Reason: %s", fx_json_get_text(told, "reason")),
                         fx_json_string(sc, engine_changes_text(sc, changes)),
                         stands == NULL ? NULL : fx_json_string(sc, stands), NULL),
        "context",
        fx_json_array_of(sc, fx_json_string(sc, "Asked by "), engine_asker(run->work, run->row),
                         fx_json_stringf(sc, ", run %s", run->row->id), NULL),
        NULL);
}

/* Nobody was needed: whoever sent it has found out. */
static enum fx_code end_known(struct engine_run *run, const struct engine_changes *changes,
                              struct fx_error *err) {
    struct fx_scope *sc = run->work->sc;
    const char *note = changes->made > 0 ? "it is known by now what was done; the run ends here"
                       : changes->as_before > 0 ? "as far as can be seen by now, nothing was done"
                                                : "it is known by now that nothing was done";
    struct engine_left left;

    FX_TRY(engine_left(run->work, run->row, run->values, &left, err));
    const char *stands = engine_left_text(sc, &left);

    return engine_end_run(
        run, FX_RUN_FAILED, note,
        fx_json_object_of(
            sc, "title",
            fx_json_stringf(sc, "Known: %s (%s)", engine_run_title(run), run->row->environment),
            "tone", fx_json_string(sc, "plain"), "verdict",
            fx_json_string(sc, engine_sentence(sc, note)), "lines",
            fx_json_array_of(sc, fx_json_string(sc, engine_changes_text(sc, changes)),
                             stands == NULL ? NULL : fx_json_string(sc, stands), NULL),
            "context", fx_json_stringf(sc, "Run %s", run->row->id), NULL),
        err);
}

/* The row of a run that was given up tells of the steps before its last claim only. */
static bool is_to_come(const struct engine_run *run, const char *step_id) {
    for (size_t i = (size_t)run->row->step; i < run->runbook->steps_count; i++)
        if (strcmp(run->runbook->steps[i].id, step_id) == 0)
            return true;
    return false;
}

/* A step that is not over has done something, as is certain by now: in AWS that may go on, and only
 * the step can tell where it ends. */
static enum fx_code has_begun_to_do(struct engine_run *run, bool *ret_done, struct fx_error *err) {
    struct fx_store *store = run->work->engine->options.store;
    struct fx_intent **intents = NULL;
    size_t count = 0;

    *ret_done = false;
    FX_TRY(store->intents(store, run->work->sc, run->row->id, NULL, &intents, &count, err));
    for (size_t i = 0; i < count; i++)
        *ret_done = *ret_done || (engine_known(run->work->sc, intents[i]) == FX_KNOWN_DONE &&
                                  is_to_come(run, intents[i]->step));
    return FX_OK;
}

static enum fx_code end_as_told(struct engine_run *run, const char *value,
                                const struct engine_changes *changes, struct fx_error *err) {
    struct fx_scope *sc = run->work->sc;
    struct fx_json *told = NULL;

    FX_TRY(fx_json_parse(sc, fx_slice_of(value), &told, err));
    bool done = fx_json_get_bool(told, "done", false);
    struct engine_left left;

    FX_TRY(engine_left(run->work, run->row, run->values, &left, err));
    return engine_end_run(
        run, done ? FX_RUN_DONE : FX_RUN_FAILED,
        fx_printf(sc, "a person has looked: %s (%s)%s", told_words(left.is_back_told, done),
                  fx_json_get_text(told, "reason"),
                  engine_left_text(sc, &left) == NULL ? "" : "; it is not taken back by itself"),
        told_card(run, told, changes, &left), err);
}

enum fx_code engine_end_if_told(struct engine_run *run, bool *ret_ended, struct fx_error *err) {
    struct fx_store *store = run->work->engine->options.store;
    struct engine_changes changes = {0};
    const char *value = "";

    FX_TRY(store->setting(store, run->work->sc, setting_name(run->work->sc, run->row->id), &value,
                          err));
    *ret_ended = value[0] != '\0';
    if (!*ret_ended)
        return FX_OK;
    FX_TRY(engine_count_changes(run->work, run->row->id, &changes, err));
    return end_as_told(run, value, &changes, err);
}

enum fx_code engine_end_told(struct engine_run *run, enum engine_told *ret_told,
                             struct fx_error *err) {
    struct engine_changes changes = {0};
    bool ended = false, done = false;

    *ret_told = ENGINE_TOLD_END;
    FX_TRY(engine_end_if_told(run, &ended, err));
    if (ended)
        return FX_OK;
    *ret_told = ENGINE_TOLD_LOOK;
    if (run->row->checkpoint_json[0] != '\0')
        return FX_OK;
    *ret_told = ENGINE_TOLD_WAIT;
    FX_TRY(engine_count_changes(run->work, run->row->id, &changes, err));
    if (changes.open > 0)
        return FX_OK;
    FX_TRY(has_begun_to_do(run, &done, err));
    *ret_told = done ? ENGINE_TOLD_LOOK : ENGINE_TOLD_END;
    return done ? FX_OK : end_known(run, &changes, err);
}
