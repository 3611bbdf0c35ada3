/* engine_scripted_step.c - a run of one step that does what a test says. */
#include "engine_scripted_step.h"

struct scripted_step scripted;

static enum fx_effect class_of_step;

static enum fx_effect effect_of(const struct fx_json *params) {
    return class_of_step;
}

static enum fx_code run_step(const struct fx_step_context *ctx, const struct fx_json *params,
                             struct fx_step_result *ret_result, struct fx_error *err) {
    scripted.calls++;
    if (scripted.meanwhile != NULL)
        scripted.meanwhile(&scripted);
    scripted.checkpoint_seen =
        ctx->checkpoint == NULL ? "" : fx_json_dump(ctx->sc, ctx->checkpoint);
    *ret_result = scripted.result;
    if (scripted.failure.code != FX_OK)
        *err = scripted.failure;
    return scripted.failure.code;
}

/* One that changes something needs nobody's approval to stop it. */
static const struct fx_step_kind kind = {
    .name = "fake", .is_stop = true, .effect = effect_of, .run = run_step};

void scripted_begin(struct engine_rig *rig, enum fx_effect class) {
    struct fx_runbook *book = FX_NEW(rig->sc, struct fx_runbook);
    struct fx_runbook_step *step = FX_NEW(rig->sc, struct fx_runbook_step);

    class_of_step = class;
    *step = (struct fx_runbook_step){.id = "one", .kind = &kind, .params = fx_json_object(rig->sc)};
    *book = (struct fx_runbook){.command = "dlq redrive",
                                .digest = "d1",
                                .steps = step,
                                .steps_count = 1,
                                .effect = FX_EFFECT_UNKEYED};
    scripted =
        (struct scripted_step){.step = step, .book = book, .store = rig->engine.options.store};
    engine_rig_book(rig, book);
}

void scripted_works(void) {
    scripted.failure = (struct fx_error){0};
}

void scripted_fails(enum fx_code code, bool sent) {
    scripted_works();
    (void)fx_fail(&scripted.failure, code, "it did not work");
    scripted.failure.sent = sent;
}

void scripted_asks(struct engine_rig *rig, const char *note, const char *checkpoint) {
    scripted.result = (struct fx_step_result){
        .outcome = FX_STEP_ASK,
        .note = note,
        .checkpoint = checkpoint == NULL ? NULL : engine_rig_json(rig, checkpoint),
        .due_ms = checkpoint == NULL ? 0 : RIG_NOW_MS + 5};
}
