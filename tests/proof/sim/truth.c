/* truth.c - notes of what happened, and what is wrong at the very moment it happens.
 *
 * A promise that is broken because a fact changed between a look and the deed has another name than
 * one that is broken although the look came later.
 */
#include "world.h"

#include "fluxabot/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct true_run *truth_run(const char *id) {
    struct truth *truth = sim->truth;

    for (int i = 0; i < truth->runs_count; i++)
        if (strcmp(truth->runs[i].id, id) == 0)
            return &truth->runs[i];
    if (truth->runs_count == SIM_RUNS)
        abort();
    struct true_run *run = &truth->runs[truth->runs_count++];

    *run = (struct true_run){0};
    snprintf(run->id, sizeof run->id, "%s", id);
    return run;
}

/* ---- decisions ---- */

void truth_click(const char *user, const char *action, const char *value) {
    struct truth *truth = sim->truth;

    if (truth->clicks_count == WORLD_CLICKS)
        return;
    struct click *click = &truth->clicks[truth->clicks_count++];

    snprintf(click->user, sizeof click->user, "%s", user);
    snprintf(click->action, sizeof click->action, "%s", action);
    snprintf(click->value, sizeof click->value, "%s", value);
}

static bool has_pressed(const char *user, const char *action, const char *value) {
    for (int i = 0; i < sim->truth->clicks_count; i++) {
        const struct click *click = &sim->truth->clicks[i];

        if (strcmp(click->user, user) == 0 && strcmp(click->action, action) == 0 &&
            strcmp(click->value, value) == 0)
            return true;
    }
    return false;
}

/* Clocks may be set forward just behind the look at whether it is too late. */
static int64_t looked_at_ms(void) {
    bool jumped = sim->jumped_at_ms > 0 && sim->now_ms - sim->jumped_at_ms < SIM_DECIDING_MS;

    return sim_bot_ms() - (jumped && sim->jumped_by_ms > 0 ? sim->jumped_by_ms : 0);
}

void truth_decided(const struct fx_approval *given) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct true_run *run = truth_run(given->run);
    struct fx_approval *approval = NULL;
    struct fx_error err = {0};

    if (given->state != FX_APPROVAL_APPROVED)
        return;
    if (probes_real()->approval(sim->store, sc, given->id, &approval, &err) != FX_OK ||
        approval == NULL)
        abort();
    run->approved = true;
    run->execute_before_ms = given->execute_before_ms;
    if (strcmp(approval->requester, given->decided_by) == 0)
        sim_violate("approved-by-requester", "%s", given->id);
    if (!has_pressed(given->decided_by, "approve", given->id))
        sim_violate("approved-without-click", "%s by %s", given->id, given->decided_by);
    if (looked_at_ms() > approval->expires_ms + 2 * SIM_SKEW_MS)
        sim_violate("approved-after-expiry", "%s", given->id);
}

void truth_stopped(const char *run_id) {
    struct true_run *run = truth_run(run_id);

    if (run->stopped_ms == 0)
        run->stopped_ms = sim->now_ms;
}

/* ---- intents ---- */

/* What stops a change needs nobody's approval, and nothing holds it back. */
static bool is_stop(const char *command, const char *key) {
    return strcmp(command, "cancel") == 0 || strncmp(key, "cancel-", 7) == 0;
}

static void check_expiry(const struct strand *strand, const struct true_run *run) {
    int64_t end_ms = run->execute_before_ms + SIM_SKEW_MS;

    if (run->begun_ms != 0 || sim_bot_ms() <= end_ms)
        return;
    sim_violate(end_ms + SIM_SKEW_MS < strand->approval_read_ms ? "begun-after-expiry"
                                                                : "begun-while-expiring",
                "%s, %lld ms late", run->id, (long long)(sim_bot_ms() - end_ms));
}

static void check_stop(const struct strand *strand, const struct true_run *run) {
    if (run->stopped_ms == 0)
        return;
    sim_violate(run->stopped_ms < strand->run_read_ms ? "begun-after-stop" : "begun-while-stopping",
                "%s, stopped %lld ms before", run->id, (long long)(sim->now_ms - run->stopped_ms));
}

static void check_freeze(const struct strand *strand, const struct true_run *run) {
    int64_t frozen_ms = sim->truth->frozen_ms;

    if (frozen_ms == 0)
        return;
    sim_violate(frozen_ms < strand->freeze_read_ms ? "begun-while-frozen" : "begun-while-freezing",
                "%s, frozen %lld ms before", run->id, (long long)(sim->now_ms - frozen_ms));
}

void truth_begun(struct strand *strand, const struct held_job *held,
                 const struct fx_intent *intent) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct true_run *run = truth_run(intent->run);
    struct fx_run *row = NULL;
    struct fx_error err = {0};

    if (probes_real()->run(sim->store, sc, intent->run, &row, &err) != FX_OK || row == NULL)
        abort();
    if (held != NULL && sim_bot_ms() + strand->replica->skew_ms > held->until_ms + 2 * SIM_SKEW_MS)
        sim_violate("begun-after-lease", "%s %s", intent->run, intent->key);
    if (!is_stop(row->command, intent->key)) {
        if (!run->approved)
            sim_violate("begun-without-approval", "%s %s", intent->run, intent->key);
        else
            check_expiry(strand, run);
        check_stop(strand, run);
        check_freeze(strand, run);
    }
    if (fx_run_state_is_final(row->state))
        sim_violate("begun-after-end", "%s %s: the run is %s", intent->run, intent->key,
                    fx_run_state_name(row->state));
    if (run->begun_ms == 0)
        run->begun_ms = sim->now_ms;
}

/* ---- effects ---- */

static bool has_intent(struct fx_scope *sc, const struct hand *hand) {
    struct fx_intent **intents = NULL;
    size_t count = 0;
    struct fx_error err = {0};

    if (hand->run[0] == '\0' ||
        probes_real()->intents(sim->store, sc, hand->run, "", &intents, &count, &err) != FX_OK)
        return false;
    for (size_t i = 0; i < count; i++)
        if (strcmp(intents[i]->key, hand->key) == 0)
            return true;
    return false;
}

static int count_starts(const char *run) {
    int count = 0;

    for (int i = 0; i < sim->truth->effects_count; i++)
        count += strcmp(sim->truth->effects[i].operation, "start") == 0 &&
                 strcmp(sim->truth->effects[i].run, run) == 0;
    return count;
}

void truth_effect(const char *operation, const struct caller *caller, int origin, int task) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct truth *truth = sim->truth;

    sim_note("EFFECT", fx_printf(sc, "%s %s %s", operation, caller->hand.run, caller->hand.key),
             origin >= 0 ? origin : task);
    if (truth->effects_count == SIM_EFFECTS)
        abort();
    struct effect *effect = &truth->effects[truth->effects_count++];

    *effect = (struct effect){
        .at_ms = sim->now_ms, .operation = operation, .origin = origin, .task = task};
    memcpy(effect->run, caller->hand.run, sizeof effect->run);
    memcpy(effect->key, caller->hand.key, sizeof effect->key);
    if (!has_intent(sc, &caller->hand))
        sim_violate("effect-without-intent", "%s %s", operation, caller->hand.run);
    if (caller->sent_ms - caller->hand.begun_ms > FX_ENGINE_LEASE_MS &&
        strcmp(operation, "delete") != 0)
        sim_violate("sent-long-after-intent", "%s %s %s, %lld s", operation, caller->hand.run,
                    caller->hand.key, (long long)(caller->sent_ms - caller->hand.begun_ms) / 1000);
    if (strcmp(operation, "start") == 0 && count_starts(caller->hand.run) > 1)
        sim_violate("started-twice", "%s", caller->hand.run);
}

void truth_event(const char *id) {
    struct truth *truth = sim->truth;

    if (truth->events_count == WORLD_EVENTS)
        abort();
    snprintf(truth->events[truth->events_count++], SIM_NAME, "%s", id);
}
