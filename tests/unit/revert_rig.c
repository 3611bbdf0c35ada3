/* revert_rig.c - see revert_rig.h */
#include "revert_rig.h"

#include <string.h>

const char *rig_change;

int revert_rig_set_up(void **state) {
    rig_change = CHANGE;
    return steps_rig_set_up(state);
}

struct fx_json *rig_texts(struct steps_rig *rig, const char *params) {
    struct fx_json *json = NULL;
    struct fx_error err = {0};
    char *text = fx_strdup(rig->sc, params);

    for (char *from = text, *to = text;; from++) {
        if (from[0] == '\\' && from[1] == '\'')
            *to++ = *++from;
        else
            *to++ = *from == '\'' ? '"' : *from;
        if (*from == '\0')
            break;
    }
    assert_ok(fx_json_parse(rig->sc, fx_slice_of(text), &json, &err));
    return json;
}

void rig_later(struct steps_rig *rig, int64_t ms) {
    rig->world.clock.wall_ms += ms;
    rig->world.clock.mono_ms += ms;
}

void rig_says(const char *text, const char *part) {
    if (strstr(text, part) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", text, part);
}

static const struct fx_json *filled(struct steps_rig *rig, const char *params) {
    struct fx_json *ret = NULL;
    struct fx_error err = {0};

    assert_ok(fx_step_fill_params(rig->sc, &step_aws_change, rig_texts(rig, params), &ret, &err));
    return ret;
}

enum fx_code rig_check(struct steps_rig *rig, const char *params, struct fx_error *err) {
    return step_aws_change.check(rig->sc, rig->ctx.system, filled(rig, params), err);
}

enum fx_code rig_plan(struct steps_rig *rig, const char *params, struct fx_error *err) {
    struct fx_json *made = NULL;

    rig->class = FX_EFFECT_ABSOLUTE;
    SCRIPT(rig, STATE("30"));
    FX_TRY(step_aws_change.plan(&rig->ctx, filled(rig, params), &made, err));
    rig->ctx.plan = made;
    return FX_OK;
}

struct fx_step_result rig_run_into(struct steps_rig *rig, enum fx_code expected,
                                   struct fx_error *ret_err) {
    struct fx_step_result result = {0};

    *ret_err = (struct fx_error){0};
    assert_int_equal(step_aws_change.run(&rig->ctx, filled(rig, rig_change), &result, ret_err),
                     expected);
    if (expected == FX_OK && result.outcome != FX_STEP_DONE)
        rig->ctx.checkpoint = result.checkpoint;
    return result;
}

struct fx_step_result rig_run(struct steps_rig *rig, enum fx_code expected) {
    struct fx_error err;

    return rig_run_into(rig, expected, &err);
}

void rig_parks(struct steps_rig *rig) {
    assert_int_equal(rig_run(rig, FX_OK).outcome, FX_STEP_PARKED);
}

enum fx_known rig_back(struct steps_rig *rig) {
    return steps_rig_find(rig, "revert")->known;
}

void rig_planned(struct steps_rig *rig) {
    struct fx_error err = {0};

    assert_ok(rig_plan(rig, rig_change, &err));
}

void rig_kept(struct steps_rig *rig) {
    rig_planned(rig);
    SCRIPT(rig, REPLY(200, "{}"));
    rig_parks(rig);
    SCRIPT(rig, STATE("200"));
    struct fx_step_result result = rig_run(rig, FX_OK);

    assert_int_equal(result.outcome, FX_STEP_PARKED);
    assert_int_equal(result.due_ms, RIG_NOW_MS + KEEP_MS);
}

void rig_due(struct steps_rig *rig) {
    rig_kept(rig);
    rig_later(rig, KEEP_MS);
}
