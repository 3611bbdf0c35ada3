/* engine_promises_test.c - the promise before a change: when it is given, how long it holds, what
 * its end leaves behind, and what a later attempt may do. */
#include "changing.h"

#include <string.h>

/* ---- refusals ---- */

static void whoever_lost_the_claim_or_nearly_has_looks_again(void **state) {
    struct engine_rig *rig = *state;
    struct changing *c = begin(rig, FX_EFFECT_UNKEYED);
    struct fx_error err = {0};

    rig->clock.wall_ms += FX_ENGINE_LEASE_MS - FX_ENGINE_LEASE_LEFT_MS;
    assert_ok(promise(c, "in time", &err));
    rig->clock.wall_ms++;
    assert_int_equal(promise(c, "short", &err), FX_ERR_CANCELED);
    assert_int_equal(c->run.refusal, FX_REFUSED_LEASE);
    rig->clock.wall_ms += FX_ENGINE_LEASE_MS;
    claim(rig);
    assert_int_equal(promise(c, "taken", &err), FX_ERR_CANCELED);
    assert_int_equal(c->run.refusal, FX_REFUSED_LEASE);
}

static void after_a_stop_only_what_stops_is_promised(void **state) {
    struct engine_rig *rig = *state;
    struct changing *c = begin(rig, FX_EFFECT_UNKEYED);
    struct fx_error err = {0};

    assert_ok(c->store->request_stop(c->store, rig->sc, "r1", "U3", NULL, &err));
    assert_int_equal(promise(c, "k", &err), FX_ERR_CANCELED);
    assert_int_equal(c->run.refusal, FX_REFUSED_STOPPED);
    assert_ok(c->host->begin_stop(c->host, rig->sc, "stop", engine_rig_json(rig, "{}"), &err));
}

static void while_frozen_the_person_is_told_who_froze_and_why(void **state) {
    struct engine_rig *rig = *state;
    struct changing *c = begin(rig, FX_EFFECT_UNKEYED);
    struct fx_error err = {0};

    static const char *const by[] = {"U9", ENGINE_FREEZE_BY_AUDIT};

    for (size_t i = 0; i < FX_COUNT_OF(by); i++) {
        engine_freeze_begin(&rig->work, by[i], "the database moves");
        engine_rig_keep(rig);
        assert_int_equal(promise(c, "k", &err), FX_ERR_DENIED);
        assert_int_equal(c->run.refusal, FX_REFUSED_FROZEN);
        assert_non_null(strstr(err.message, "the database moves"));
        assert_ok(c->host->begin_stop(c->host, rig->sc, i == 0 ? "stop" : "stop again",
                                      engine_rig_json(rig, "{}"), &err));
        fx_writes_setting(rig->sc, &rig->work.writes, ENGINE_FREEZE_SETTING, "");
        assert_ok(engine_freeze_end(&rig->work, &err));
        engine_rig_keep(rig);
    }
    assert_ok(promise(c, "k", &err));
}

static size_t anchors_asked_for(struct engine_rig *rig) {
    struct fx_store *store = rig->engine.options.store;
    struct fx_job **jobs = NULL;
    struct fx_error err = {0};
    size_t count = 0, anchors = 0;

    assert_ok(store->jobs(store, rig->sc, FX_JOB_READY, 10, &jobs, &count, &err));
    for (size_t i = 0; i < count; i++)
        anchors += strcmp(jobs[i]->kind, "anchor") == 0 &&
                   jobs[i]->due_ms <= RIG_NOW_MS + FX_ENGINE_ANCHOR_SOON_MS;
    return anchors;
}

/* Also after one that was refused, with all that it would have written. */
static void a_promise_is_anchored_soon(void **state) {
    struct engine_rig *rig = *state;
    struct changing *c = begin(rig, FX_EFFECT_UNKEYED);
    struct fx_error err = {0};
    char *pem = NULL;

    rig->engine.options.anchor_key = fx_sign_key_new(rig->sc, &pem);
    rig->engine.anchored_ms = RIG_NOW_MS;
    engine_freeze_begin(&rig->work, "U9", "the database moves");
    engine_rig_keep(rig);
    assert_int_equal(promise(c, "k", &err), FX_ERR_DENIED);
    assert_int_equal(anchors_asked_for(rig), 0);
    fx_writes_setting(rig->sc, &rig->work.writes, ENGINE_FREEZE_SETTING, "");
    engine_rig_keep(rig);
    assert_ok(promise(c, "k", &err));
    assert_int_equal(anchors_asked_for(rig), 1);
}

static void an_approval_that_is_too_old_promises_nothing(void **state) {
    struct engine_rig *rig = *state;
    struct changing *c = begin(rig, FX_EFFECT_UNKEYED);
    struct fx_error err = {0};

    rig->clock.wall_ms += RIG_LIFE_MS + 1;
    keep_lease(c);
    assert_int_equal(promise(c, "k", &err), FX_ERR_DENIED);
    assert_int_equal(c->run.refusal, FX_REFUSED_LATE);
    c->approval.id = "a2";
    assert_int_equal(promise(c, "k", &err), FX_ERR_DENIED);
    assert_int_equal(c->run.refusal, FX_REFUSED_NO_APPROVAL);
}

static void a_change_goes_on_while_it_rests_no_longer_than_it_may(void **state) {
    struct engine_rig *rig = *state;
    struct changing *c = begin(rig, FX_EFFECT_UNKEYED);
    struct fx_error err = {0};

    assert_ok(promise(c, "1", &err));
    rig->clock.wall_ms += FX_ENGINE_REST_MS;
    keep_lease(c);
    assert_ok(promise(c, "2", &err));
    rig->clock.wall_ms += FX_ENGINE_REST_MS + 1;
    keep_lease(c);
    assert_int_equal(promise(c, "3", &err), FX_ERR_DENIED);
    assert_int_equal(c->run.refusal, FX_REFUSED_LATE);
}

static void a_change_whose_plan_says_so_rests_longer(void **state) {
    struct engine_rig *rig = *state;
    struct changing *c = begin(rig, FX_EFFECT_UNKEYED);
    struct fx_error err = {0};

    c->approval.plan_json = "{\"plan\":{\"rests_ms\":7200000}}";
    assert_ok(promise(c, "1", &err));
    rig->clock.wall_ms += 7200000;
    keep_lease(c);
    assert_ok(promise(c, "2", &err));
    rig->clock.wall_ms += 7200001;
    keep_lease(c);
    assert_int_equal(promise(c, "3", &err), FX_ERR_DENIED);
    assert_int_equal(c->run.refusal, FX_REFUSED_LATE);
}

static void whatever_its_plan_says_a_change_does_not_rest_for_ever(void **state) {
    struct engine_rig *rig = *state;
    struct changing *c = begin(rig, FX_EFFECT_UNKEYED);
    struct fx_error err = {0};

    c->approval.plan_json = "{\"plan\":{\"rests_ms\":99999999999}}";
    assert_ok(promise(c, "1", &err));
    rig->clock.wall_ms += FX_ENGINE_MAX_REST_MS;
    keep_lease(c);
    assert_ok(promise(c, "2", &err));
    rig->clock.wall_ms += FX_ENGINE_MAX_REST_MS + 1;
    keep_lease(c);
    assert_int_equal(promise(c, "3", &err), FX_ERR_DENIED);
    assert_int_equal(c->run.refusal, FX_REFUSED_LATE);
}

/* ---- how long it holds ---- */

static void a_promise_holds_until_its_end_and_not_much_longer_than_a_moment(void **state) {
    struct engine_rig *rig = *state;
    struct changing *c = begin(rig, FX_EFFECT_UNKEYED);
    struct fx_error err = {0};

    assert_int_equal(fx_scope_send_before(rig->sc), 0);
    assert_ok(promise(c, "k", &err));
    assert_int_equal(fx_scope_send_before(rig->sc), rig->clock.mono_ms + FX_ENGINE_SEND_MS);
    assert_ok(end(c, "k", FX_ENDED_NOT_SENT, "{'not_sent':'stood still'}", &err));
    assert_int_equal(fx_scope_send_before(rig->sc), 0);
    assert_int_equal(effect(c, "k").known, FX_KNOWN_NOTHING);
    assert_int_equal(effect(c, "k").next, FX_NEXT_RUN);
    assert_ok(promise(c, "k", &err));
}

/* ---- its end ---- */

static void what_somebody_else_has_recorded_is_no_failure_of_ours(void **state) {
    struct engine_rig *rig = *state;
    struct changing *c = begin(rig, FX_EFFECT_UNKEYED);
    struct fx_error err = {0};

    assert_ok(promise(c, "k", &err));
    assert_ok(end(c, "k", FX_ENDED_DONE, "{'moved':3}", &err));
    assert_int_equal(end(c, "k", FX_ENDED_FAILED, "{'refused':'no'}", &err), FX_ERR_CANCELED);
    assert_int_equal(effect(c, "k").known, FX_KNOWN_DONE);
    assert_int_equal(promise(c, "k", &err), FX_ERR_CANCELED);
    assert_int_equal(c->run.refusal, FX_REFUSED_BEGUN);
}

static void doubt_is_stored_as_doubt(void **state) {
    struct engine_rig *rig = *state;
    struct changing *c = begin(rig, FX_EFFECT_UNKEYED);
    struct engine_changes changes = {0};
    struct fx_intent **intents = NULL;
    struct fx_error err = {0};
    size_t count = 0;

    assert_ok(promise(c, "k", &err));
    assert_ok(end(c, "k", FX_ENDED_UNKNOWN, "{'unanswered':'nothing came'}", &err));
    assert_ok(c->store->intents(c->store, rig->sc, "r1", "", &intents, &count, &err));
    assert_int_equal(intents[0]->state, FX_INTENT_UNKNOWN);
    assert_ok(engine_count_changes(&rig->work, "r1", &changes, &err));
    assert_int_equal(changes.open, 1);
    assert_ok(end(c, "k", FX_ENDED_DONE, "{}", &err));
}

/* ---- a store that does not say whether it is promised ---- */

static struct changing *changing; /* for what stands in the place of the store's begin_effect */
static enum fx_code (*begin_inside)(struct fx_store *store, struct fx_scope *sc,
                                    const struct fx_job *job, const struct fx_intent *intent,
                                    const struct fx_writes *writes, struct fx_error *err);

static enum fx_code lose_answer(struct fx_error *err) {
    enum fx_code code = fx_fail(err, FX_ERR_UNAVAILABLE, "nobody knows whether it has committed");

    err->sent = true;
    return code;
}

static enum fx_code begun_and_not_told(struct fx_store *store, struct fx_scope *sc,
                                       const struct fx_job *job, const struct fx_intent *intent,
                                       const struct fx_writes *writes, struct fx_error *err) {
    assert_int_equal(begin_inside(store, sc, job, intent, writes, err), FX_OK);
    return lose_answer(err);
}

static enum fx_code lost_on_the_way(struct fx_store *store, struct fx_scope *sc,
                                    const struct fx_job *job, const struct fx_intent *intent,
                                    const struct fx_writes *writes, struct fx_error *err) {
    return lose_answer(err);
}

/* It stands still in its transaction, which is undone. Meanwhile somebody else has the claim. */
static enum fx_code begun_by_the_next(struct fx_store *store, struct fx_scope *sc,
                                      const struct fx_job *job, const struct fx_intent *intent,
                                      const struct fx_writes *writes, struct fx_error *err) {
    struct fx_intent theirs = *intent;

    changing->rig->clock.wall_ms += FX_ENGINE_LEASE_MS + 1;
    theirs.set_ms = changing->rig->clock.wall_ms;
    assert_int_equal(begin_inside(store, sc, claim(changing->rig), &theirs, writes, err), FX_OK);
    return lose_answer(err);
}

static void what_is_not_known_to_be_promised_is_not_sent_and_that_is_known(void **state) {
    struct engine_rig *rig = *state;
    struct changing *c = begin(rig, FX_EFFECT_UNKEYED);
    struct fx_error err = {0};

    begin_inside = c->store->begin_effect;
    c->store->begin_effect = begun_and_not_told;
    assert_int_equal(promise(c, "k", &err), FX_ERR_UNAVAILABLE);
    assert_false(err.sent);
    assert_int_equal(effect(c, "k").known, FX_KNOWN_NOTHING);
}

static void the_promise_of_who_came_next_is_not_taken_back(void **state) {
    struct engine_rig *rig = *state;
    struct changing *c = begin(rig, FX_EFFECT_UNKEYED);
    struct fx_error err = {0};

    changing = c;
    begin_inside = c->store->begin_effect;
    c->store->begin_effect = begun_by_the_next;
    assert_int_equal(promise(c, "k", &err), FX_ERR_UNAVAILABLE);
    assert_int_equal(effect(c, "k").known, FX_KNOWN_BEGUN);
}

static void a_repeat_that_is_not_known_to_be_promised_leaves_the_first_in_doubt(void **state) {
    struct engine_rig *rig = *state;
    struct changing *c = begin(rig, FX_EFFECT_KEYED);
    struct fx_error err = {0};

    assert_ok(promise(c, "k", &err));
    c->store->begin_effect = lost_on_the_way;
    assert_int_equal(c->host->repeat_effect(c->host, rig->sc, "k", &err), FX_ERR_UNAVAILABLE);
    assert_int_equal(effect(c, "k").known, FX_KNOWN_BEGUN);
}

static void a_repeat_that_was_not_sent_leaves_the_first_in_doubt(void **state) {
    struct engine_rig *rig = *state;
    struct changing *c = begin(rig, FX_EFFECT_KEYED);
    struct fx_error err = {0};

    assert_ok(promise(c, "k", &err));
    assert_ok(c->host->repeat_effect(c->host, rig->sc, "k", &err));
    assert_ok(end(c, "k", FX_ENDED_NOT_SENT, "{'not_sent':'stood still'}", &err));
    assert_int_equal(effect(c, "k").known, FX_KNOWN_UNKNOWN);
}

/* It stood still before it sent; whoever came next has repeated it. */
static void that_one_attempt_was_not_sent_says_nothing_of_the_next(void **state) {
    struct engine_rig *rig = *state;
    struct changing *c = begin(rig, FX_EFFECT_KEYED);
    struct fx_step_host *first = c->host;
    struct fx_error err = {0};

    assert_ok(promise(c, "k", &err));
    rig->clock.wall_ms += FX_ENGINE_LEASE_MS + 1;
    rig->work.job = claim(rig);
    c->host = engine_host_new(&c->run, &c->step, &c->approval);
    assert_ok(c->host->repeat_effect(c->host, rig->sc, "k", &err));
    c->host = first;
    assert_int_equal(end(c, "k", FX_ENDED_NOT_SENT, "{}", &err), FX_ERR_CANCELED);
    assert_int_equal(effect(c, "k").known, FX_KNOWN_BEGUN);
}

/* It has looked at a promise that was old, and stood still; by now the same key is promised anew.
 */
static void that_one_promise_came_to_nothing_says_nothing_of_the_next(void **state) {
    struct engine_rig *rig = *state;
    struct changing *c = begin(rig, FX_EFFECT_UNKEYED);
    struct fx_step_host *first = c->host;
    struct fx_error err = {0};

    assert_ok(promise(c, "k", &err));
    c->host = engine_host_new(&c->run, &c->step, &c->approval);
    struct fx_step_host *looks = c->host;

    assert_int_equal(effect(c, "k").known, FX_KNOWN_BEGUN);
    c->host = first;
    assert_ok(end(c, "k", FX_ENDED_NOT_SENT, "{}", &err));
    rig->clock.wall_ms++;
    assert_ok(promise(c, "k", &err));
    c->host = looks;
    assert_int_equal(end(c, "k", FX_ENDED_FAILED, "{}", &err), FX_ERR_CANCELED);
    assert_int_equal(end(c, "k", FX_ENDED_UNKNOWN, "{}", &err), FX_ERR_CANCELED);
    c->host = first;
    assert_int_equal(effect(c, "k").known, FX_KNOWN_BEGUN);
    assert_ok(end(c, "k", FX_ENDED_DONE, "{}", &err));
}

/* ---- what a later attempt may do ---- */

static void a_later_attempt_may_do_what_its_class_permits(void **state) {
    static const struct {
        enum fx_effect class;
        enum fx_next early, late;
    } cases[] = {{FX_EFFECT_KEYED, FX_NEXT_REPEAT, FX_NEXT_REPEAT},
                 {FX_EFFECT_ABSOLUTE, FX_NEXT_READ_BACK, FX_NEXT_REPEAT},
                 {FX_EFFECT_UNKEYED, FX_NEXT_READ_BACK, FX_NEXT_ASK}};
    struct engine_rig *rig = *state;
    struct changing *c = begin(rig, FX_EFFECT_KEYED);
    struct fx_error err = {0};

    for (size_t i = 0; i < FX_COUNT_OF(cases); i++) {
        const char *key = fx_printf(rig->sc, "k%zu", i);

        class_of_step = cases[i].class;
        keep_lease(c);
        assert_ok(promise(c, key, &err));
        assert_int_equal(effect(c, key).known, FX_KNOWN_BEGUN);
        assert_int_equal(effect(c, key).begun_ms, rig->clock.wall_ms);
        assert_int_equal(effect(c, key).next, cases[i].early);
        rig->clock.wall_ms += FX_EFFECT_FENCE_MS + 1;
        assert_int_equal(effect(c, key).next, cases[i].late);
    }
}

static void only_what_may_be_repeated_is_and_with_the_same_key(void **state) {
    struct engine_rig *rig = *state;
    struct changing *c = begin(rig, FX_EFFECT_KEYED);
    struct fx_intent **intents = NULL;
    struct fx_error err = {0};
    size_t count = 0;

    assert_int_equal(c->host->repeat_effect(c->host, rig->sc, "k", &err), FX_ERR_DENIED);
    assert_ok(promise(c, "k", &err));
    rig->clock.wall_ms += 1000;
    assert_ok(c->host->repeat_effect(c->host, rig->sc, "k", &err));
    assert_ok(c->store->intents(c->store, rig->sc, "r1", "", &intents, &count, &err));
    assert_int_equal(count, 1);
    assert_int_equal(intents[0]->set_ms, rig->clock.wall_ms);
    assert_string_equal(intents[0]->what_json, "{\"q\":1}");
    assert_int_equal(fx_scope_send_before(rig->sc), rig->clock.mono_ms + FX_ENGINE_SEND_MS);
    class_of_step = FX_EFFECT_UNKEYED;
    assert_int_equal(c->host->repeat_effect(c->host, rig->sc, "k", &err), FX_ERR_DENIED);
    class_of_step = FX_EFFECT_KEYED;
    assert_false(c->host->stop_requested(c->host, rig->sc));
    assert_ok(c->store->request_stop(c->store, rig->sc, "r1", "U3", NULL, &err));
    assert_true(c->host->stop_requested(c->host, rig->sc));
    assert_true(c->run.row->stop_requested);
    assert_string_equal(c->run.row->stop_by, "U3");
    assert_int_equal(c->host->repeat_effect(c->host, rig->sc, "k", &err), FX_ERR_CANCELED);
    assert_int_equal(c->run.refusal, FX_REFUSED_STOPPED);
}

/* A redrive that takes long does not hang. */
static void each_word_of_a_step_is_a_sign_of_life(void **state) {
    struct engine_rig *rig = *state;
    struct changing *c = begin(rig, FX_EFFECT_UNKEYED);
    struct engine_pulse pulse = {0};
    struct fx_error err = {0};

    rig->work.pulse = &pulse;
    assert_ok(promise(c, "k", &err));
    assert_int_equal(pulse.silent_until_ms, rig->clock.mono_ms + FX_ENGINE_STALL_MS);
    rig->clock.mono_ms++;
    assert_ok(c->host->checkpoint(c->host, rig->sc, engine_rig_json(rig, "{}"), &err));
    assert_int_equal(pulse.silent_until_ms, rig->clock.mono_ms + FX_ENGINE_STALL_MS);
    rig->clock.mono_ms++;
    assert_false(c->host->stop_requested(c->host, rig->sc));
    assert_int_equal(pulse.silent_until_ms, rig->clock.mono_ms + FX_ENGINE_STALL_MS);
    rig->work.pulse = NULL;
}

static void a_step_without_an_approval_changes_nothing(void **state) {
    struct engine_rig *rig = *state;
    struct changing *c = begin(rig, FX_EFFECT_KEYED);
    struct fx_error err = {0};

    assert_ok(promise(c, "k", &err));
    c->host = engine_host_new(&c->run, &c->step, NULL);
    assert_int_equal(promise(c, "other", &err), FX_ERR_DENIED);
    assert_int_equal(c->host->repeat_effect(c->host, rig->sc, "k", &err), FX_ERR_DENIED);
}

static void each_key_is_repeated_by_its_own_state(void **state) {
    struct engine_rig *rig = *state;
    struct changing *c = begin(rig, FX_EFFECT_KEYED);
    struct fx_error err = {0};

    assert_ok(promise(c, "one", &err));
    assert_ok(promise(c, "two", &err));
    assert_ok(end(c, "two", FX_ENDED_DONE, "{}", &err));
    assert_ok(c->host->repeat_effect(c->host, rig->sc, "one", &err));
    assert_int_equal(c->host->repeat_effect(c->host, rig->sc, "two", &err), FX_ERR_DENIED);
}

/* The freeze ends between the refusal and the look at who it was. */
static enum fx_code thaw(struct fx_store *store, struct fx_scope *sc, const struct fx_job *job,
                         const struct fx_intent *intent, const struct fx_writes *writes,
                         struct fx_error *err) {
    intent->guard->refusal = FX_REFUSED_FROZEN;
    return fx_fail(err, FX_ERR_DENIED, "changes are frozen");
}

static void a_freeze_that_has_just_ended_still_refuses_this_call(void **state) {
    struct engine_rig *rig = *state;
    struct changing *c = begin(rig, FX_EFFECT_UNKEYED);
    struct fx_error err = {0};

    c->store->begin_effect = thaw;
    assert_int_equal(promise(c, "k", &err), FX_ERR_DENIED);
    assert_non_null(strstr(err.message, "a moment ago"));
}

static const char *forgets; /* what the store says of its standbys; NULL: nothing is forgotten */
static bool asked_for_memory;

static enum fx_code may_forget(struct fx_store *store, struct fx_scope *sc, const char **ret_how,
                               struct fx_error *err) {
    *ret_how = forgets;
    return FX_OK;
}

/* As the store does it where PostgreSQL has a standby that is not waited for. */
static enum fx_code begin_nowhere(struct fx_store *store, struct fx_scope *sc,
                                  const struct fx_job *job, const struct fx_intent *intent,
                                  const struct fx_writes *writes, struct fx_error *err) {
    asked_for_memory = intent->guard->unless_forgetful;
    intent->guard->refusal = FX_REFUSED_FORGETFUL;
    return fx_fail(err, FX_ERR_DENIED, "a failover may forget it");
}

static void what_a_failover_may_forget_is_not_begun_and_the_way_out_is_told(void **state) {
    struct engine_rig *rig = *state;
    struct changing *c = begin(rig, FX_EFFECT_UNKEYED);
    struct fx_error err = {0};

    c->store->begin_effect = begin_nowhere;
    c->store->may_forget = may_forget;
    forgets = "it has 1 standby";
    assert_int_equal(promise(c, "k", &err), FX_ERR_DENIED);
    assert_int_equal(c->run.refusal, FX_REFUSED_FORGETFUL);
    assert_true(asked_for_memory);
    assert_non_null(strstr(err.message, "set synchronous_standby_names"));
    forgets = NULL; /* somebody has done so in this moment */
    assert_int_equal(promise(c, "k", &err), FX_ERR_DENIED);
    assert_non_null(strstr(err.message, "a moment ago"));
    /* what stops is never held back, and whoever has said so may forget */
    (void)!c->host->begin_stop(c->host, rig->sc, "stop", engine_rig_json(rig, "{}"), &err);
    assert_false(asked_for_memory);
    rig->engine.options.may_forget = true;
    assert_int_equal(promise(c, "k", &err), FX_ERR_DENIED);
    assert_false(asked_for_memory);
}

static void what_an_intent_says_is_known_or_counts_as_failed(void **state) {
    static const struct {
        enum fx_intent_state state;
        const char *outcome;
        enum fx_known known;
    } rows[] = {{FX_INTENT_SET, "", FX_KNOWN_BEGUN},
                {FX_INTENT_DONE, "", FX_KNOWN_DONE},
                {FX_INTENT_UNKNOWN, "", FX_KNOWN_UNKNOWN},
                {FX_INTENT_NOT_SENT, "", FX_KNOWN_NOTHING},
                {FX_INTENT_FAILED, "{", FX_KNOWN_FAILED},
                {FX_INTENT_FAILED, "{}", FX_KNOWN_FAILED},
                {FX_INTENT_FAILED, "{\"unknown\":false}", FX_KNOWN_FAILED},
                {FX_INTENT_FAILED, "{\"unknown\":true}", FX_KNOWN_UNKNOWN},
                {FX_INTENT_FAILED, "{\"unanswered\":\"nothing came\"}", FX_KNOWN_UNKNOWN},
                {(enum fx_intent_state)99, "{}", FX_KNOWN_FAILED}};
    struct engine_rig *rig = *state;

    for (size_t i = 0; i < FX_COUNT_OF(rows); i++) {
        const struct fx_intent intent = {.state = rows[i].state, .outcome_json = rows[i].outcome};

        assert_int_equal(engine_known(rig->sc, &intent), rows[i].known);
    }
}

static void an_effect_that_cannot_be_read_is_not_overlooked(void **state) {
    static const struct { const char *what, *outcome; } rows[] = {{"{", NULL}, {"{}", "{"}};
    struct engine_rig *rig = *state;
    struct changing *c = begin(rig, FX_EFFECT_KEYED);
    struct fx_step_effect *list = NULL;
    struct fx_error err = {0};
    size_t count = 0;

    for (size_t i = 0; i < FX_COUNT_OF(rows); i++) {
        const char *step = fx_printf(rig->sc, "step%zu", i);
        struct fx_intent intent = {
            .run = "r1", .step = step, .key = "k", .digest = "d", .what_json = rows[i].what};

        assert_ok(c->store->begin_effect(c->store, rig->sc, NULL, &intent, NULL, &err));
        intent.state = FX_INTENT_DONE;
        intent.outcome_json = rows[i].outcome;
        if (intent.outcome_json != NULL)
            assert_ok(c->store->end_effect(c->store, rig->sc, &intent, NULL, &err));
        c->step.id = step;
        assert_int_equal(c->host->effects(c->host, rig->sc, &list, &count, &err), FX_ERR_INPUT);
        assert_int_equal(c->host->repeat_effect(c->host, rig->sc, "k", &err), FX_ERR_INPUT);
    }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, engine_rig_set_up, engine_rig_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(whoever_lost_the_claim_or_nearly_has_looks_again),
        TEST(after_a_stop_only_what_stops_is_promised),
        TEST(while_frozen_the_person_is_told_who_froze_and_why),
        TEST(a_promise_is_anchored_soon),
        TEST(an_approval_that_is_too_old_promises_nothing),
        TEST(a_change_goes_on_while_it_rests_no_longer_than_it_may),
        TEST(a_change_whose_plan_says_so_rests_longer),
        TEST(whatever_its_plan_says_a_change_does_not_rest_for_ever),
        TEST(a_promise_holds_until_its_end_and_not_much_longer_than_a_moment),
        TEST(what_somebody_else_has_recorded_is_no_failure_of_ours),
        TEST(doubt_is_stored_as_doubt),
        TEST(what_is_not_known_to_be_promised_is_not_sent_and_that_is_known),
        TEST(the_promise_of_who_came_next_is_not_taken_back),
        TEST(a_repeat_that_is_not_known_to_be_promised_leaves_the_first_in_doubt),
        TEST(a_repeat_that_was_not_sent_leaves_the_first_in_doubt),
        TEST(that_one_attempt_was_not_sent_says_nothing_of_the_next),
        TEST(that_one_promise_came_to_nothing_says_nothing_of_the_next),
        TEST(a_later_attempt_may_do_what_its_class_permits),
        TEST(only_what_may_be_repeated_is_and_with_the_same_key),
        TEST(each_word_of_a_step_is_a_sign_of_life),
        TEST(a_step_without_an_approval_changes_nothing),
        TEST(each_key_is_repeated_by_its_own_state),
        TEST(a_freeze_that_has_just_ended_still_refuses_this_call),
        TEST(what_a_failover_may_forget_is_not_begun_and_the_way_out_is_told),
        TEST(what_an_intent_says_is_known_or_counts_as_failed),
        TEST(an_effect_that_cannot_be_read_is_not_overlooked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
