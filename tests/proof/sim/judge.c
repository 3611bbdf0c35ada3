/* judge.c - when all is quiet: does what the store and the cards say agree with what happened? */
#include "world.h"

#include <stdlib.h>
#include <string.h>

enum { RUNS_MAX = 100, COMPARED_AFTER_MS = 12 * 60 * 1000 };

static void must(enum fx_code code, const struct fx_error *err) {
    if (code != FX_OK)
        sim_violate("store-unreadable", "%s", err->message);
}

static bool has_ended(const struct fx_run *run) {
    return fx_run_state_is_final(run->state) || run->state == FX_RUN_ASKING;
}

/* ---- alarms ---- */

static const struct fx_incident *incident_of(struct fx_scope *sc, const struct alarm *alarm) {
    struct fx_incident *incident = NULL;
    struct fx_error err = {0};

    must(sim->store->incident_by_key(
             sim->store, sc, "sim",
             fx_printf(sc, "arn:aws:cloudwatch:us-east-1:123456789012:alarm:%s", alarm->name),
             &incident, &err),
         &err);
    return incident;
}

static bool is_told(struct fx_scope *sc, const struct alarm *alarm) {
    const struct fx_incident *incident = incident_of(sc, alarm);
    bool open = incident != NULL && incident->state == FX_INCIDENT_OPEN;

    return alarm->told == 0 || open == alarm->changes[alarm->told - 1].alarm;
}

static void judge_alarms(struct fx_scope *sc) {
    struct fx_incident **open = NULL;
    size_t count = 0;
    struct fx_error err = {0};

    for (int i = 0; i < sim->world->alarms_count; i++) {
        const struct alarm *alarm = &sim->world->alarms[i];

        if (!is_told(sc, alarm))
            sim_violate(alarm->changes[alarm->told - 1].alarm ? "alarm-lost" : "alarm-never-ends",
                        "%s", alarm->name);
    }
    must(sim->store->incidents(sim->store, sc, "sim", true, RUNS_MAX, &open, &count, &err), &err);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < i; k++)
            if (strcmp(open[i]->key, open[k]->key) == 0)
                sim_violate("two-incidents-open", "%s", open[i]->key);
}

/* ---- has everything ended? ---- */

static bool all_runs_ended(struct fx_scope *sc) {
    struct fx_run **runs = NULL;
    size_t count = 0;
    struct fx_error err = {0};

    must(sim->store->runs(sim->store, sc, "", true, RUNS_MAX, &runs, &count, &err), &err);
    for (size_t i = 0; i < count; i++)
        if (!has_ended(runs[i]))
            return false;
    return true;
}

static bool all_jobs_done(struct fx_scope *sc) {
    static const enum fx_job_state states[] = {FX_JOB_READY, FX_JOB_LEASED};

    for (size_t i = 0; i < FX_COUNT_OF(states); i++) {
        struct fx_job **jobs = NULL;
        size_t count = 0;
        struct fx_error err = {0};

        must(sim->store->jobs(sim->store, sc, states[i], RUNS_MAX, &jobs, &count, &err), &err);
        for (size_t k = 0; k < count; k++)
            if (strcmp(jobs[k]->kind, "event") == 0 || strcmp(jobs[k]->kind, "run") == 0)
                return false;
    }
    return true;
}

bool judge_has_settled(void) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_store_counts counts = {0};
    struct fx_error err = {0};
    bool told = true;

    must(sim->store->counts(sim->store, sc, &counts, &err), &err);
    if (counts.messages_waiting + counts.messages_sending > 0 || !all_jobs_done(sc) ||
        !all_runs_ended(sc))
        return false;
    for (int i = 0; i < sim->world->alarms_count; i++)
        told &= is_told(sc, &sim->world->alarms[i]);
    return told || sim->now_ms > sim->calm_ms + COMPARED_AFTER_MS;
}

/* ---- runs ---- */

struct case_file {
    struct fx_scope *sc;
    const struct fx_run *run;
    struct fx_json *values;
    struct fx_intent **intents;
    size_t intents_count;
    int effects;     /* but for deletes */
    int sent;        /* letters of the beginning */
    int twice;       /* of these: in more than one batch */
    int doubled;     /* more than once in one batch */
    int unknown;     /* intents whose outcome nobody knows */
    bool multiplied; /* some could not be told apart, and are in none of these counts */
};

static bool is_effect_of(const struct effect *effect, const struct fx_run *run, const char *key) {
    return strcmp(effect->run, run->id) == 0 && strcmp(effect->operation, "delete") != 0 &&
           (key == NULL || strcmp(effect->key, key) == 0);
}

static int effects_of(const struct fx_run *run, const char *key) {
    int count = 0;

    for (int i = 0; i < sim->truth->effects_count; i++)
        count += is_effect_of(&sim->truth->effects[i], run, key);
    return count;
}

/* In how many batches it was sent; *ret_doubled: in one of them more than once. */
static int batches_with(const struct fx_run *run, int origin, bool *ret_doubled) {
    const struct truth *truth = sim->truth;
    int batches = 0;

    for (int i = 0; i < truth->effects_count; i++) {
        const struct effect *effect = &truth->effects[i];
        bool again = false;

        if (!is_effect_of(effect, run, NULL) || effect->origin != origin)
            continue;
        for (int k = 0; k < i; k++)
            again |= is_effect_of(&truth->effects[k], run, effect->key) &&
                     truth->effects[k].origin == origin && truth->effects[k].at_ms == effect->at_ms;
        batches += !again;
        *ret_doubled |= again;
    }
    return batches;
}

/* Sent by another run too, it may have died twice: two dead letters come from one then. */
static bool has_multiplied(const struct fx_run *run, int origin) {
    const struct truth *truth = sim->truth;

    for (int i = 0; i < truth->effects_count; i++)
        if (truth->effects[i].origin == origin && strcmp(truth->effects[i].run, run->id) != 0)
            return true;
    return false;
}

static void count_letters(struct case_file *c) {
    for (int origin = 0; origin < sim->world->origins_count; origin++) {
        bool doubled = false;
        int batches = batches_with(c->run, origin, &doubled);

        if (batches > 0 && has_multiplied(c->run, origin)) {
            c->multiplied = true;
            continue;
        }
        c->sent += batches > 0;
        c->twice += batches > 1;
        c->doubled += doubled;
    }
}

static void read_intents(struct case_file *c) {
    for (size_t i = 0; i < c->intents_count; i++) {
        const struct fx_intent *intent = c->intents[i];
        int happened = effects_of(c->run, intent->key);
        bool open = intent->state == FX_INTENT_SET || intent->state == FX_INTENT_UNKNOWN;
        bool doubt = strstr(intent->outcome_json, "\"unknown\"") != NULL ||
                     strstr(intent->outcome_json, "\"unanswered\"") != NULL ||
                     strstr(intent->outcome_json, "\"read_back\"") != NULL;

        c->unknown += open || doubt;
        if (intent->state == FX_INTENT_SET && c->run->state != FX_RUN_ASKING)
            sim_violate("intent-left-open", "%s %s is %s", c->run->id, intent->key,
                        fx_run_state_name(c->run->state));
        if (intent->state == FX_INTENT_FAILED && doubt)
            sim_violate("doubt-kept-as-failed", "%s %s", c->run->id, intent->key);
        if (intent->state == FX_INTENT_FAILED && !doubt && happened > 0)
            sim_violate("refused-and-happened", "%s %s", c->run->id, intent->key);
        if (intent->state == FX_INTENT_DONE && !doubt && happened == 0 &&
            strstr(intent->what_json, "\"sends\":[]") == NULL &&
            strstr(intent->outcome_json, "\"sent\":{}") == NULL)
            sim_violate(strcmp(intent->key, "move-task") == 0 ? "adopted-another-task"
                                                              : "done-and-never-happened",
                        "%s %s", c->run->id, intent->key);
    }
}

/* What a run that is over says must be what happened. */
static void judge_words(const struct case_file *c) {
    const struct fx_json *redrive = fx_json_at(c->values, "redrive");
    int64_t told_twice = fx_json_get_int(redrive, "maybe_twice", 0);
    int64_t moved = fx_json_get_int(redrive, "moved", 0);
    const char *method = fx_json_get_text(redrive, "method");
    const char *stopped = fx_json_get_text(redrive, "stopped");

    if (c->doubled > 0)
        sim_violate("one-batch-sent-it-twice", "%s: %d messages", c->run->id, c->doubled);
    if (strcmp(c->run->command, "redrive2") == 0 && c->twice > 0)
        sim_violate("sent-twice", "%s: %d messages, and its consumer is not idempotent", c->run->id,
                    c->twice);
    /* a failed run with a doubt is a violation of its own */
    if (c->twice > told_twice && c->run->state != FX_RUN_ASKING &&
        !(c->run->state == FX_RUN_FAILED && c->unknown > 0))
        sim_violate("sent-twice-untold", "%s (%s): %d messages, told of %lld", c->run->id,
                    fx_run_state_name(c->run->state), c->twice, (long long)told_twice);
    if (method == NULL || strcmp(method, "selective") != 0 || c->multiplied)
        return;
    if (moved > c->sent)
        sim_violate("told-more-than-sent", "%s: %lld, really %d", c->run->id, (long long)moved,
                    c->sent);
    if (moved < c->sent && stopped != NULL && stopped[0] == '\0')
        sim_violate("sent-more-than-told", "%s: %lld, really %d", c->run->id, (long long)moved,
                    c->sent);
}

static void judge_state(const struct case_file *c) {
    const struct fx_run *run = c->run;
    bool nothing_done =
        run->state == FX_RUN_REFUSED || run->state == FX_RUN_DENIED || run->state == FX_RUN_EXPIRED;

    if (!has_ended(run))
        sim_violate("run-never-ends", "%s is %s: %s", run->id, fx_run_state_name(run->state),
                    run->note);
    if (nothing_done && c->effects > 0)
        sim_violate("nothing-done-was-said", "%s is %s", run->id, fx_run_state_name(run->state));
    if (run->state != FX_RUN_FAILED)
        return;
    if (strstr(run->note, "is written already") != NULL)
        sim_violate("failed-for-no-reason", "%s: %s", run->id, run->note);
    else if (c->unknown > 0)
        sim_violate("failed-with-unknown", "%s: %s", run->id, run->note);
    for (int i = 0; i < sim->truth->effects_count; i++)
        if (is_effect_of(&sim->truth->effects[i], run, NULL) &&
            strcmp(sim->truth->effects[i].operation, "start") == 0)
            sim_violate("failed-and-unwatched", "%s started %s: %s", run->id,
                        sim->world->tasks[sim->truth->effects[i].task].handle, run->note);
}

/* ---- what people see ---- */

static const char *title_of(const struct fx_run *run) {
    switch (run->state) {
    case FX_RUN_DONE:
        return strcmp(run->command, "cancel") == 0 ? "Move task cancelled"
               : strcmp(run->command, "look") == 0 ? "Dead letters"
                                                   : "Redrive ";
    case FX_RUN_REFUSED:
        return "Refused";
    case FX_RUN_DENIED:
        return "Denied";
    case FX_RUN_EXPIRED:
        return "Expired";
    case FX_RUN_STOPPED:
        /* pressed when all was done: the answer says what was moved */
        return strncmp(run->command, "redrive", 7) == 0 ? "" : "Move task cancelled";
    case FX_RUN_ASKING:
        return "Please look";
    case FX_RUN_FAILED: /* or it asked, and its answer was found after all */
        return strncmp(run->note, "it is known by now", 18) == 0 ? "Known" : "Failed";
    default:
        return "";
    }
}

static void judge_card(const struct case_file *c) {
    const char *ts = "";
    struct fx_error err = {0};

    must(sim->store->message_ts(sim->store, c->sc, fx_printf(c->sc, "run:%s", c->run->id), &ts,
                                &err),
         &err);
    if (ts[0] == '\0') {
        sim_violate("card-missing", "%s is %s", c->run->id, fx_run_state_name(c->run->state));
        return;
    }
    for (int i = 0; i < sim->world->messages_count; i++) {
        const struct slack_message *message = &sim->world->messages[i];

        if (strcmp(message->ts, ts) == 0 && strstr(message->text, title_of(c->run)) == NULL)
            sim_violate(message->late ? "card-overwritten-late" : "card-differs",
                        "%s is %s, its card says: %.100s", c->run->id,
                        fx_run_state_name(c->run->state), message->text);
    }
}

/* Of one run of `cancel`, all attempts are meant for one task. */
static void judge_cancels(const struct case_file *c) {
    int first = -1;

    for (int i = 0; i < sim->truth->effects_count; i++) {
        const struct effect *effect = &sim->truth->effects[i];

        if (!is_effect_of(effect, c->run, NULL) || strcmp(effect->operation, "cancel") != 0)
            continue;
        if (first >= 0 && effect->task != first)
            sim_violate("cancelled-the-next-task", "%s", c->run->id);
        if (first < 0)
            first = effect->task;
        if (strcmp(c->run->command, "cancel") != 0 &&
            strcmp(sim->world->tasks[effect->task].run, c->run->id) != 0)
            sim_violate("cancelled-a-foreign-task", "%s", c->run->id);
    }
}

/* cards_stuck: a message never leaves the outbox, and those behind it do not either. */
static void judge_run(struct fx_scope *sc, const struct fx_run *run, bool cards_stuck) {
    struct case_file c = {.sc = sc, .run = run};
    struct fx_error err = {0};

    must(sim->store->intents(sim->store, sc, run->id, "", &c.intents, &c.intents_count, &err),
         &err);
    must(fx_json_parse(sc, fx_slice_of(run->values_json), &c.values, &err), &err);
    c.effects = effects_of(run, NULL);
    sim->ended[run->state % SIM_STATES]++;
    sim->effects += c.effects;
    count_letters(&c);
    read_intents(&c);
    judge_words(&c);
    judge_state(&c);
    judge_cancels(&c);
    if (strcmp(run->trigger, "slash") == 0 && !cards_stuck)
        judge_card(&c);
    sim_note("ended",
             fx_printf(sc, "%s %s %s", run->command, fx_run_state_name(run->state), run->note),
             c.effects);
}

/* ---- all of it ---- */

static void judge_events(struct fx_scope *sc) {
    for (int i = 0; i < sim->truth->events_count; i++) {
        struct fx_event *event = NULL;
        struct fx_error err = {0};

        must(sim->store->event(sim->store, sc, sim->truth->events[i], &event, &err), &err);
        if (event == NULL)
            sim_violate("event-lost", "%s was acknowledged", sim->truth->events[i]);
    }
}

static void judge_audit(struct fx_scope *sc) {
    int64_t rows = 0, bad = 0;
    const char *head = NULL;
    struct fx_error err = {0};

    must(fx_audit_verify(sim->store, sc, &rows, &bad, &head, &err), &err);
    if (bad != 0)
        sim_violate("audit-broken", "row %lld", (long long)bad);
    sim_note("audit", head == NULL ? "" : head, rows);
}

void judge(void) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_run **runs = NULL;
    struct fx_store_counts counts = {0};
    size_t count = 0;
    struct fx_error err = {0};

    must(sim->store->runs(sim->store, sc, "", false, RUNS_MAX, &runs, &count, &err), &err);
    must(sim->store->counts(sim->store, sc, &counts, &err), &err);
    for (size_t i = 0; i < count; i++)
        judge_run(sc, runs[i], counts.messages_sending > 0);
    if (counts.messages_sending > 0)
        sim_violate("message-stuck-sending", "%lld, and %lld wait",
                    (long long)counts.messages_sending, (long long)counts.messages_waiting);
    else if (counts.messages_waiting > 0)
        sim_violate("message-never-sent", "%lld", (long long)counts.messages_waiting);
    if (!all_jobs_done(sc))
        sim_violate("job-never-done", "%lld ready", (long long)counts.jobs_ready);
    judge_alarms(sc);
    judge_events(sc);
    judge_audit(sc);
}
