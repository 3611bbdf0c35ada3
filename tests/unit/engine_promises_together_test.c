/* engine_promises_together_test.c - promises that are made in one transaction, and end in one: all
 * of them or none; and what is known of a key that was promised more than once. */
#include "changing.h"

static const char *const keys[] = {"one", "two", "three"};

enum { KEYS = FX_COUNT_OF(keys) };

static enum fx_code promise_all(struct changing *c, struct fx_error *err) {
    struct fx_step_promise promises[KEYS];

    for (size_t i = 0; i < KEYS; i++)
        promises[i] =
            (struct fx_step_promise){keys[i], engine_rig_json(c->rig, "{'moved':'some'}")};
    *err = (struct fx_error){0};
    return c->host->begin_effects(c->host, c->rig->sc, promises, KEYS, err);
}

static enum fx_code end_all(struct changing *c, const enum fx_ended *endings,
                            struct fx_error *err) {
    struct fx_step_ending all[KEYS];

    for (size_t i = 0; i < KEYS; i++)
        all[i] = (struct fx_step_ending){keys[i], endings[i],
                                         engine_rig_json(c->rig, "{'came':'of it'}")};
    *err = (struct fx_error){0};
    return c->host->end_effects(c->host, c->rig->sc, all, KEYS, err);
}

static size_t promised(struct changing *c) {
    struct fx_step_effect *list = NULL;
    struct fx_error err = {0};
    size_t count = 0;

    assert_ok(c->host->effects(c->host, c->rig->sc, &list, &count, &err));
    return count;
}

static size_t audited(struct changing *c, const char *action) {
    struct fx_audit **rows = NULL;
    struct fx_error err = {0};
    size_t count = 0, same = 0;

    assert_ok(c->store->audits_of(c->store, c->rig->sc, "r1", 100, &rows, &count, &err));
    for (size_t i = 0; i < count; i++)
        same += strcmp(rows[i]->action, action) == 0;
    return same;
}

/* ---- several at once ---- */

static void each_of_several_is_promised_and_audited(void **state) {
    struct engine_rig *rig = *state;
    struct changing *c = begin(rig, FX_EFFECT_UNKEYED);
    struct fx_error err;

    assert_ok(promise_all(c, &err));
    assert_int_equal(promised(c), KEYS);
    for (size_t i = 0; i < KEYS; i++) {
        assert_int_equal(effect(c, keys[i]).known, FX_KNOWN_BEGUN);
        assert_int_equal(effect(c, keys[i]).begun_ms, rig->clock.wall_ms);
        assert_string_equal(fx_json_get_text(effect(c, keys[i]).what, "moved"), "some");
    }
    assert_int_equal(audited(c, "effect.begun"), KEYS);
    assert_int_equal(fx_metrics_get(rig->engine.options.metrics, FX_METRIC_EFFECTS_BEGUN), KEYS);
    assert_int_equal(fx_scope_send_before(rig->sc), rig->clock.mono_ms + FX_ENGINE_SEND_MS);
}

static void if_one_was_begun_before_none_is_promised(void **state) {
    for (size_t i = 0; i < KEYS; i++) {
        struct changing *c = NULL;
        void *own = NULL;
        struct fx_error err;

        engine_rig_set_up(&own);
        c = begin(own, FX_EFFECT_UNKEYED);
        assert_ok(promise(c, keys[i], &err));
        assert_int_equal(promise_all(c, &err), FX_ERR_CANCELED);
        assert_int_equal(c->run.refusal, FX_REFUSED_BEGUN);
        assert_int_equal(promised(c), 1);
        assert_int_equal(audited(c, "effect.begun"), 1);
        engine_rig_tear_down(&own);
    }
}

static void after_a_stop_none_of_several_is_promised(void **state) {
    struct engine_rig *rig = *state;
    struct changing *c = begin(rig, FX_EFFECT_UNKEYED);
    struct fx_error err = {0};

    assert_ok(c->store->request_stop(c->store, rig->sc, "r1", "U3", NULL, &err));
    assert_int_equal(promise_all(c, &err), FX_ERR_CANCELED);
    assert_int_equal(c->run.refusal, FX_REFUSED_STOPPED);
    assert_int_equal(promised(c), 0);
}

static enum fx_code (*begin_inside)(struct fx_store *store, struct fx_scope *sc,
                                    const struct fx_job *job, const struct fx_intent *intent,
                                    const struct fx_writes *writes, struct fx_error *err);

static enum fx_code begun_and_not_told(struct fx_store *store, struct fx_scope *sc,
                                       const struct fx_job *job, const struct fx_intent *intent,
                                       const struct fx_writes *writes, struct fx_error *err) {
    assert_int_equal(begin_inside(store, sc, job, intent, writes, err), FX_OK);
    enum fx_code code = fx_fail(err, FX_ERR_UNAVAILABLE, "nobody knows whether it has committed");

    err->sent = true;
    return code;
}

static void if_nobody_knows_whether_they_are_promised_each_is_known_not_to_be_sent(void **state) {
    struct engine_rig *rig = *state;
    struct changing *c = begin(rig, FX_EFFECT_UNKEYED);
    struct fx_error err;

    begin_inside = c->store->begin_effect;
    c->store->begin_effect = begun_and_not_told;
    assert_int_equal(promise_all(c, &err), FX_ERR_UNAVAILABLE);
    assert_false(err.sent);
    assert_int_equal(promised(c), KEYS);
    for (size_t i = 0; i < KEYS; i++)
        assert_int_equal(effect(c, keys[i]).known, FX_KNOWN_NOTHING);
}

/* ---- their ends ---- */

static void each_of_several_ends_in_its_own_way(void **state) {
    static const enum fx_ended endings[] = {FX_ENDED_DONE, FX_ENDED_NOT_SENT, FX_ENDED_UNKNOWN};
    struct engine_rig *rig = *state;
    struct changing *c = begin(rig, FX_EFFECT_UNKEYED);
    struct fx_error err;

    assert_ok(promise_all(c, &err));
    assert_ok(end_all(c, endings, &err));
    assert_int_equal(fx_scope_send_before(rig->sc), 0);
    assert_int_equal(effect(c, "one").known, FX_KNOWN_DONE);
    assert_int_equal(effect(c, "two").known, FX_KNOWN_NOTHING);
    assert_int_equal(effect(c, "three").known, FX_KNOWN_UNKNOWN);
    assert_string_equal(fx_json_get_text(effect(c, "two").outcome, "came"), "of it");
    assert_int_equal(audited(c, "effect.done"), 1);
    assert_int_equal(audited(c, "effect.not_sent"), 1);
    assert_int_equal(audited(c, "effect.unknown"), 1);
}

static void if_the_end_of_one_is_known_already_no_other_is_recorded(void **state) {
    static const enum fx_ended endings[] = {FX_ENDED_NOT_SENT, FX_ENDED_NOT_SENT,
                                            FX_ENDED_NOT_SENT};
    struct engine_rig *rig = *state;
    struct changing *c = begin(rig, FX_EFFECT_UNKEYED);
    struct fx_error err;

    assert_ok(promise_all(c, &err));
    assert_ok(end(c, "three", FX_ENDED_DONE, "{}", &err));
    assert_int_equal(end_all(c, endings, &err), FX_ERR_CANCELED);
    assert_int_equal(effect(c, "one").known, FX_KNOWN_BEGUN);
    assert_int_equal(effect(c, "two").known, FX_KNOWN_BEGUN);
    assert_int_equal(effect(c, "three").known, FX_KNOWN_DONE);
    assert_int_equal(audited(c, "effect.not_sent"), 0);
}

/* ---- promised more than once ---- */

/* Whoever looks at their own repeat still knows that it was one. */
static void a_repeat_that_was_looked_at_is_a_repeat(void **state) {
    struct engine_rig *rig = *state;
    struct changing *c = begin(rig, FX_EFFECT_KEYED);
    struct fx_error err;

    assert_ok(promise(c, "k", &err));
    rig->clock.wall_ms++;
    assert_ok(c->host->repeat_effect(c->host, rig->sc, "k", &err));
    assert_int_equal(effect(c, "k").known, FX_KNOWN_BEGUN);
    assert_ok(end(c, "k", FX_ENDED_NOT_SENT, "{}", &err));
    assert_int_equal(effect(c, "k").known, FX_KNOWN_UNKNOWN);
    assert_int_equal(audited(c, "effect.unknown"), 1);
    assert_int_equal(audited(c, "effect.not_sent"), 0);
}

/* Somebody has found out that the repeat came to nothing: the next promise is a first one. */
static void a_promise_after_a_repeat_that_came_to_nothing_is_no_repeat(void **state) {
    struct engine_rig *rig = *state;
    struct changing *c = begin(rig, FX_EFFECT_KEYED);
    struct fx_step_host *first = c->host;
    struct fx_error err;

    assert_ok(promise(c, "k", &err));
    assert_ok(c->host->repeat_effect(c->host, rig->sc, "k", &err));
    c->host = engine_host_new(&c->run, &c->step, &c->approval);
    assert_int_equal(effect(c, "k").known, FX_KNOWN_BEGUN);
    assert_ok(end(c, "k", FX_ENDED_NOT_SENT, "{}", &err));
    c->host = first;
    rig->clock.wall_ms++;
    assert_ok(promise(c, "k", &err));
    assert_ok(end(c, "k", FX_ENDED_NOT_SENT, "{}", &err));
    assert_int_equal(effect(c, "k").known, FX_KNOWN_NOTHING);
}

/* An answer that comes late still tells that it happened. */
static void that_it_was_done_counts_whoever_has_promised_it_anew(void **state) {
    struct engine_rig *rig = *state;
    struct changing *c = begin(rig, FX_EFFECT_UNKEYED);
    struct fx_step_host *late = c->host;
    struct fx_error err;

    assert_ok(promise(c, "k", &err));
    c->host = engine_host_new(&c->run, &c->step, &c->approval);
    assert_int_equal(effect(c, "k").known, FX_KNOWN_BEGUN);
    assert_ok(end(c, "k", FX_ENDED_NOT_SENT, "{}", &err));
    rig->clock.wall_ms++;
    assert_ok(promise(c, "k", &err));
    c->host = late;
    assert_ok(end(c, "k", FX_ENDED_DONE, "{}", &err));
    assert_int_equal(effect(c, "k").known, FX_KNOWN_DONE);
}

static void what_a_repeat_was_answered_with_counts(void **state) {
    static const struct {
        enum fx_ended ended;
        enum fx_known known;
    } cases[] = {{FX_ENDED_DONE, FX_KNOWN_DONE},
                 {FX_ENDED_FAILED, FX_KNOWN_FAILED},
                 {FX_ENDED_UNKNOWN, FX_KNOWN_UNKNOWN},
                 {FX_ENDED_NOT_SENT, FX_KNOWN_UNKNOWN}};
    struct engine_rig *rig = *state;
    struct changing *c = begin(rig, FX_EFFECT_KEYED);
    struct fx_error err;

    for (size_t i = 0; i < FX_COUNT_OF(cases); i++) {
        const char *key = fx_printf(rig->sc, "k%zu", i);

        assert_ok(promise(c, key, &err));
        assert_ok(c->host->repeat_effect(c->host, rig->sc, key, &err));
        assert_ok(end(c, key, cases[i].ended, "{}", &err));
        assert_int_equal(effect(c, key).known, cases[i].known);
    }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, engine_rig_set_up, engine_rig_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(each_of_several_is_promised_and_audited),
        cmocka_unit_test(if_one_was_begun_before_none_is_promised),
        TEST(after_a_stop_none_of_several_is_promised),
        TEST(if_nobody_knows_whether_they_are_promised_each_is_known_not_to_be_sent),
        TEST(each_of_several_ends_in_its_own_way),
        TEST(if_the_end_of_one_is_known_already_no_other_is_recorded),
        TEST(a_repeat_that_was_looked_at_is_a_repeat),
        TEST(a_promise_after_a_repeat_that_came_to_nothing_is_no_repeat),
        TEST(that_it_was_done_counts_whoever_has_promised_it_anew),
        TEST(what_a_repeat_was_answered_with_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
