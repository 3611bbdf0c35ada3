/* case_changes.c - a case of a command that changes something: the plan that was approved, the
 * calls that were promised in its name, and whether the runbook still asks for the same.
 *
 * A case is played without AWS and without a database, so a plan is not made anew: it is the one
 * that a person saw. What is made anew is what the plan was made of, the parameters of the change
 * with everything filled in; they are the call, to the byte.
 */
#include "private.h"

#include "fluxabot/base/redact.h"

#include <stdio.h>
#include <string.h>

static const char *const ends[] = {[FX_INTENT_SET] = "not known",
                                   [FX_INTENT_DONE] = "done",
                                   [FX_INTENT_FAILED] = "refused",
                                   [FX_INTENT_UNKNOWN] = "unknown",
                                   [FX_INTENT_NOT_SENT] = "not sent"};

static enum fx_code promised_of(struct fx_scope *sc, struct fx_store *store, const char *run,
                                const char *step, struct fx_json **ret_promised,
                                struct fx_error *err) {
    struct fx_intent **intents = NULL;
    size_t count = 0;

    *ret_promised = fx_json_array(sc);
    FX_TRY(store->intents(store, sc, run, step, &intents, &count, err));
    for (size_t i = 0; i < count; i++) {
        struct fx_json *what = NULL;

        FX_TRY(fx_json_parse(sc, fx_slice_of(intents[i]->what_json), &what, err));
        fx_json_add(*ret_promised,
                    fx_json_object_of(sc, "key", fx_json_string(sc, intents[i]->key), "what",
                                      fx_redact_json(sc, what), "ended",
                                      fx_json_string(sc, ends[intents[i]->state]), NULL));
    }
    return FX_OK;
}

static enum fx_code change_of(struct fx_scope *sc, struct fx_store *store, const struct fx_run *run,
                              const struct fx_runbook *runbook, const struct fx_runbook_step *step,
                              struct fx_json **ret_change, struct fx_error *err) {
    const struct fx_runbook_step *gate = fx_engine_gate(runbook, step);
    struct fx_json *bound = NULL, *promised = NULL;
    struct fx_approval *approval = NULL;

    if (gate != NULL)
        FX_TRY(store->approval_of(store, sc, run->id, gate->id, &approval, err));
    if (approval != NULL)
        FX_TRY(fx_json_parse(sc, fx_slice_of(approval->plan_json), &bound, err));
    FX_TRY(promised_of(sc, store, run->id, step->id, &promised, err));
    const struct fx_json *plan = fx_json_at(bound, "plan");

    *ret_change = fx_json_object_of(
        sc, "plan",
        plan == NULL
            ? NULL
            : fx_redact_json(sc, fx_json_object_of(sc, "title", fx_json_at(plan, "title"),
                                                   "summary", fx_json_at(plan, "summary"), "facts",
                                                   fx_json_at(plan, "facts"), "calls",
                                                   fx_json_at(plan, "calls"), NULL)),
        "params", bound == NULL ? NULL : fx_redact_json(sc, fx_json_at(bound, "params")),
        "promised", promised, NULL);
    return FX_OK;
}

enum fx_code app_case_changes(struct fx_scope *sc, struct fx_store *store, const struct fx_run *run,
                              const struct fx_runbook *runbook, struct fx_json **ret_changes,
                              struct fx_error *err) {
    *ret_changes = NULL;
    for (size_t i = 0; i < runbook->steps_count; i++) {
        const struct fx_runbook_step *step = &runbook->steps[i];
        struct fx_json *change = NULL;

        if (step->kind->is_approval || !fx_effect_changes(step->kind->effect(step->params)))
            continue;
        if (*ret_changes == NULL)
            *ret_changes = fx_json_object(sc);
        FX_TRY(change_of(sc, store, run, runbook, step, &change, err));
        fx_json_put(*ret_changes, step->id, change);
    }
    return FX_OK;
}

static bool has_done(const struct fx_json *change) {
    const struct fx_json *promised = fx_json_at(change, "promised");

    for (size_t i = 0; i < fx_json_count(promised); i++) {
        const char *ended = fx_json_get_text(fx_json_item(promised, i), "ended");

        if (ended != NULL && strcmp(ended, ends[FX_INTENT_DONE]) == 0)
            return true;
    }
    return false;
}

bool app_case_was_carried_out(const struct fx_json *given) {
    const struct fx_json *changes = fx_json_at(given, "changes");
    struct fx_json *change = NULL;
    const char *step = NULL;
    void *cursor = NULL;
    bool done = changes == NULL;

    while (!done && fx_json_next(changes, &cursor, &step, &change))
        done = has_done(change);
    return done && fx_json_at(given, "failed") == NULL;
}

/* The first member that is not the same: its path, for people. */
static const char *find_difference(struct fx_scope *sc, const struct fx_json *was,
                                   const struct fx_json *now, const char *path) {
    struct fx_json *member = NULL;
    const char *key = NULL;
    void *cursor = NULL;

    if (fx_json_type(was) != FX_JSON_OBJECT || fx_json_type(now) != FX_JSON_OBJECT)
        return path;
    while (fx_json_next(was, &cursor, &key, &member))
        if (!fx_json_equal(member, fx_json_at(now, key)))
            return find_difference(sc, member, fx_json_at(now, key),
                                   fx_printf(sc, "%s.%s", path, key));
    cursor = NULL;
    while (fx_json_next(now, &cursor, &key, &member))
        if (fx_json_at(was, key) == NULL)
            return fx_printf(sc, "%s.%s", path, key);
    return path;
}

static const struct fx_json *at_path(const struct fx_json *params, const char *path) {
    const char *dot = strchr(path, '.');

    return dot == NULL ? params : fx_json_at_path(params, dot + 1);
}

static const char *shown(struct fx_scope *sc, const struct fx_json *value) {
    enum { SHOWN_BYTES = 120 };
    struct fx_slice text = fx_slice_of(value == NULL ? "nothing" : fx_json_dump(sc, value));

    return fx_slice_dup(sc, fx_slice_cut(text, 0, fx_slice_utf8_prefix(text, SHOWN_BYTES)));
}

enum fx_code app_case_compare(struct fx_scope *sc, const struct fx_json *changes,
                              const struct fx_json *asked, struct fx_error *err) {
    struct fx_json *change = NULL, *params = NULL;
    const char *step = NULL;
    void *cursor = NULL;

    while (fx_json_next(asked, &cursor, &step, &params))
        if (fx_json_at(changes, step) == NULL)
            return fx_fail(err, FX_ERR_CONFLICT,
                           "the change %s was not part of what was recorded; record it anew", step);
    cursor = NULL;
    while (fx_json_next(changes, &cursor, &step, &change)) {
        const struct fx_json *was = fx_json_at(change, "params"), *now = fx_json_at(asked, step);

        if (was != NULL && now == NULL)
            return fx_fail(err, FX_ERR_CONFLICT,
                           "the change %s was approved and is not asked for any more", step);
        if (was == NULL || fx_json_equal(was, now))
            continue;
        const char *path = find_difference(sc, was, now, step);

        return fx_fail(err, FX_ERR_CONFLICT, "%s was approved as %s and is asked for as %s", path,
                       shown(sc, at_path(was, path)), shown(sc, at_path(now, path)));
    }
    return FX_OK;
}

void app_case_print(const struct fx_json *changes) {
    struct fx_json *change = NULL;
    const char *step = NULL;
    void *cursor = NULL;

    while (fx_json_next(changes, &cursor, &step, &change)) {
        const struct fx_json *plan = fx_json_at(change, "plan"), *calls = fx_json_at(plan, "calls");
        const struct fx_json *promised = fx_json_at(change, "promised");

        if (plan != NULL)
            printf("       %s: %s\n", step, fx_json_get_text(plan, "title"));
        for (size_t i = 0; i < fx_json_count(calls); i++) {
            const struct fx_json *call = fx_json_item(calls, i);
            const char *on = fx_json_get_text(call, "resource");

            printf("         %lld x %s on %s\n", (long long)fx_json_get_int(call, "count", 1),
                   fx_json_get_text(call, "operation"), on == NULL ? "nothing named" : on);
        }
        for (size_t i = 0; i < fx_json_count(promised); i++)
            printf("         then: %s\n", fx_json_get_text(fx_json_item(promised, i), "ended"));
    }
}
