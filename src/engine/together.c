/* together.c - several readings of one run at once: steps that need nothing of each other, and the
 * items of a step with `each`.
 *
 * What each asks for is filled in before any begins, and what came of each is settled in their
 * order after all have ended, so threads decide nothing but how long it takes. A thread has a scope
 * of its own, which the run's ends and cancels; nothing else is shared but what is made for it.
 */
#include "steps.h"

#include "fluxabot/expr.h"

#include <string.h>

/* One reading in the hands of a thread. */
struct hand {
    struct engine_reading *reading;
    struct fx_scope *sc;
    struct fx_step_context ctx;
    struct fx_json *params;
};

struct pool {
    struct hand *hands;
    size_t count;
    atomic_size_t next;
};

static int64_t deadline_of(const struct engine_run *run, const struct fx_runbook_step *step) {
    return fx_mono_ms(run->work->engine->options.clock) +
           (step->timeout_ms > 0 ? step->timeout_ms : FX_ENGINE_STEP_TIMEOUT_MS);
}

static enum fx_code prepare(struct engine_run *run, struct engine_reading *reading,
                            struct hand *ret_hand, struct fx_error *err) {
    const struct fx_runbook_step *step = reading->step;
    struct fx_scope *sc = run->work->sc;
    struct fx_json *filled = NULL, *params = NULL;

    FX_TRY(fx_expr_fill_all(sc, step->params, reading->names, &filled, err));
    FX_TRY(fx_step_fill_params(sc, step->kind, filled, &params, err));
    *ret_hand = (struct hand){.reading = reading, .sc = fx_scope_new(sc)};
    ret_hand->params = fx_json_copy(ret_hand->sc, params);
    engine_step_context(run, &ret_hand->ctx);
    ret_hand->ctx.sc = ret_hand->sc;
    if (reading->checkpoint != NULL)
        ret_hand->ctx.checkpoint = fx_json_copy(ret_hand->sc, reading->checkpoint);
    if (!step->kind->is_parallel)
        ret_hand->ctx.host = engine_host_new(run, step, NULL);
    fx_scope_set_deadline(ret_hand->sc, deadline_of(run, step));
    return FX_OK;
}

static void read_one(struct hand *hand) {
    struct engine_reading *reading = hand->reading;

    reading->code =
        reading->step->kind->run(&hand->ctx, hand->params, &reading->result, &reading->err);
}

static void *read_next(void *owner) {
    struct pool *pool = owner;

    for (size_t i = atomic_fetch_add(&pool->next, 1); i < pool->count;
         i = atomic_fetch_add(&pool->next, 1))
        read_one(&pool->hands[i]);
    return NULL;
}

/* This thread takes part, so nothing is lost where none can be had. */
static void read_all(struct hand *hands, size_t count, size_t at_once) {
    struct pool pool = {.hands = hands, .count = count};
    pthread_t threads[FX_ENGINE_MAX_TOGETHER];
    size_t started = 0;

    at_once = at_once > FX_ENGINE_MAX_TOGETHER ? FX_ENGINE_MAX_TOGETHER : at_once;
    while (started + 1 < at_once && started + 1 < count &&
           pthread_create(&threads[started], NULL, read_next, &pool) == 0)
        started++;
    read_next(&pool);
    for (size_t i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
}

/* Out of the thread's scope into the run's. */
static void hand_over(struct fx_scope *sc, struct hand *hand) {
    struct fx_step_result *result = &hand->reading->result;

    if (hand->reading->code == FX_OK) {
        result->output =
            result->output == NULL ? fx_json_null(sc) : fx_json_copy(sc, result->output);
        if (result->checkpoint != NULL)
            result->checkpoint = fx_json_copy(sc, result->checkpoint);
        result->note = fx_strdup(sc, result->note);
    }
    fx_scope_free(hand->sc);
}

void engine_read_together(struct engine_run *run, struct engine_reading *readings, size_t count) {
    int together = run->work->engine->options.together;
    struct hand *hands = fx_alloc(run->work->sc, (count + 1) * sizeof *hands);
    bool is_parallel = together > 1;
    size_t taken = 0;

    for (size_t i = 0; i < count; i++) {
        struct engine_reading *one = &readings[i];

        if (one->is_known || one->code != FX_OK)
            continue;
        one->code = prepare(run, one, &hands[taken], &one->err);
        taken += one->code == FX_OK;
        is_parallel = is_parallel && one->step->kind->is_parallel;
    }
    size_t at_once = is_parallel ? (size_t)together : 1, rounds = (taken + at_once - 1) / at_once;

    engine_work_goes_on(run->work,
                        FX_ENGINE_STALL_MS + (int64_t)rounds * FX_ENGINE_STEP_TIMEOUT_MS);
    if (taken > 0)
        read_all(hands, taken, at_once);
    for (size_t i = 0; i < taken; i++)
        hand_over(run->work->sc, &hands[i]);
}

/* ---- steps that need nothing of each other ---- */

/* {"together": {id: checkpoint}} */
enum fx_code engine_read_steps(struct engine_run *run, const struct fx_runbook_step *steps,
                               size_t count, struct engine_reading **ret_readings,
                               struct fx_error *err) {
    struct fx_scope *sc = run->work->sc;
    struct engine_reading *readings = fx_alloc(sc, count * sizeof *readings);
    struct fx_json *kept = NULL;

    if (run->row->checkpoint_json[0] != '\0')
        FX_TRY(fx_json_parse(sc, fx_slice_of(run->row->checkpoint_json), &kept, err));
    for (size_t i = 0; i < count; i++) {
        struct fx_json *value = fx_json_at(run->values, steps[i].id);
        bool wanted = true;

        readings[i] = (struct engine_reading){
            .step = &steps[i],
            .names = run->names,
            .checkpoint = fx_json_at(fx_json_at(kept, "together"), steps[i].id)};
        if (kept != NULL && value != NULL) {
            readings[i].is_known = true;
            readings[i].result.output = value;
            continue;
        }
        readings[i].code = engine_step_is_wanted(run, &steps[i], &wanted, &readings[i].err);
        if (readings[i].code == FX_OK && !wanted) {
            readings[i].is_known = true;
            readings[i].result.output = fx_json_null(sc);
        }
    }
    engine_read_together(run, readings, count);
    *ret_readings = readings;
    return FX_OK;
}

static bool waits(const struct engine_reading *reading) {
    return reading->code == FX_OK && reading->result.outcome == FX_STEP_PARKED;
}

/* When the first of them wants to be called again. */
static int64_t due_of(const struct engine_reading *readings, size_t count) {
    int64_t due_ms = 0;

    for (size_t i = 0; i < count; i++)
        if (waits(&readings[i]) && (due_ms == 0 || readings[i].result.due_ms < due_ms))
            due_ms = readings[i].result.due_ms;
    return due_ms;
}

bool engine_group_parks(struct engine_run *run, const struct engine_reading *readings, size_t count,
                        struct fx_step_result *ret_result) {
    struct fx_scope *sc = run->work->sc;
    struct fx_json *kept = fx_json_object(sc);

    for (size_t i = 0; i < count; i++)
        if (waits(&readings[i]))
            fx_json_put(kept, readings[i].step->id, readings[i].result.checkpoint);
    if (due_of(readings, count) == 0)
        return false;
    *ret_result =
        (struct fx_step_result){.outcome = FX_STEP_PARKED,
                                .checkpoint = fx_json_object_of(sc, "together", kept, NULL),
                                .due_ms = due_of(readings, count)};
    return true;
}

/* ---- each ---- */

static enum fx_code items_of(struct engine_run *run, const struct fx_runbook_step *step,
                             struct fx_json **ret_items, struct fx_error *err) {
    FX_TRY(fx_expr_fill(run->work->sc, step->each, run->names, ret_items, err));
    size_t count = fx_json_count(*ret_items);

    if (fx_json_type(*ret_items) != FX_JSON_ARRAY)
        return fx_fail(err, FX_ERR_INPUT, "each.in is no list");
    if ((int64_t)count > step->each_max)
        return fx_fail(err, FX_ERR_INPUT,
                       "%zu items are more than the %lld of each.max, so none was looked at; cut "
                       "the list, such as first(list, %lld)",
                       count, (long long)step->each_max, (long long)step->each_max);
    return FX_OK;
}

static struct fx_json *names_for(struct engine_run *run, struct fx_json *item) {
    struct fx_json *names = fx_json_object(run->work->sc), *member = NULL;
    const char *key = NULL;
    void *cursor = NULL;

    while (fx_json_next(run->names, &cursor, &key, &member))
        fx_json_put(names, key, member);
    fx_json_put(names, "item", item);
    return names;
}

/* {"each": [{"value"} or {"error"} or {"checkpoint"}]}, beside the items. */
static void restore(struct engine_reading *reading, const struct fx_json *kept) {
    struct fx_json *value = fx_json_at(kept, "value");
    const char *error = fx_json_get_text(kept, "error");

    reading->checkpoint = fx_json_at(kept, "checkpoint");
    reading->is_known = value != NULL || error != NULL;
    reading->result.output = value;
    if (error != NULL)
        reading->code = fx_fail(&reading->err, FX_ERR_UPSTREAM, "%s", error);
}

static struct fx_json *outcome_of(struct fx_scope *sc, const struct engine_reading *reading) {
    if (reading->code != FX_OK)
        return fx_json_object_of(sc, "error", fx_json_string(sc, reading->err.message), NULL);
    if (waits(reading))
        return fx_json_object_of(sc, "checkpoint", reading->result.checkpoint, NULL);
    return fx_json_object_of(sc, "value", reading->result.output, NULL);
}

/* The first in their order that may not be passed over; FX_OK: none. */
static enum fx_code first_failure(const struct fx_runbook_step *step,
                                  const struct engine_reading *readings, size_t count,
                                  struct fx_error *err) {
    for (size_t i = 0; i < count; i++)
        if (readings[i].code != FX_OK &&
            (step->otherwise == NULL || readings[i].code == FX_ERR_CANCELED)) {
            *err = readings[i].err;
            return fx_fail_in(err, "item %zu", i + 1);
        }
    return FX_OK;
}

enum fx_code engine_each_step(struct engine_run *run, const struct fx_runbook_step *step,
                              struct fx_step_result *ret_result, struct fx_error *err) {
    struct fx_scope *sc = run->work->sc;
    struct fx_json *items = NULL, *kept = NULL, *list = fx_json_array(sc);

    FX_TRY(items_of(run, step, &items, err));
    if (run->row->checkpoint_json[0] != '\0')
        FX_TRY(fx_json_parse(sc, fx_slice_of(run->row->checkpoint_json), &kept, err));
    size_t count = fx_json_count(items);
    struct engine_reading *readings = fx_alloc(sc, (count + 1) * sizeof *readings);

    for (size_t i = 0; i < count; i++) {
        readings[i].step = step;
        readings[i].names = names_for(run, fx_json_item(items, i));
        restore(&readings[i], fx_json_item(fx_json_at(kept, "each"), i));
    }
    engine_read_together(run, readings, count);
    FX_TRY(first_failure(step, readings, count, err));
    for (size_t i = 0; i < count; i++)
        fx_json_add(list, outcome_of(sc, &readings[i]));
    if (due_of(readings, count) > 0) {
        *ret_result =
            (struct fx_step_result){.outcome = FX_STEP_PARKED,
                                    .checkpoint = fx_json_object_of(sc, "each", list, NULL),
                                    .due_ms = due_of(readings, count)};
        return FX_OK;
    }
    for (size_t i = 0; i < count; i++)
        fx_json_put(fx_json_item(list, i), "item", fx_json_copy(sc, fx_json_item(items, i)));
    *ret_result = (struct fx_step_result){.outcome = FX_STEP_DONE, .output = list};
    return FX_OK;
}
