/* steps.h - what the files that take a run's steps share. */
#pragma once

#include "private.h"

/* ---- run_steps.c ---- */

/* Whether the step's `when` holds. */
enum fx_code engine_step_is_wanted(struct engine_run *run, const struct fx_runbook_step *step,
                                   bool *ret_wanted, struct fx_error *err);
/* Runs a step that only reads. */
enum fx_code engine_read_step(struct engine_run *run, const struct fx_runbook_step *step,
                              struct fx_step_result *ret_result, struct fx_error *err);
/* Its value is known, to the steps behind it as well. */
void engine_keep_value(struct engine_run *run, const struct fx_runbook_step *step,
                       struct fx_json *value);

/* ---- together.c: several readings at once ---- */

/* A step that is read, for one item when it has `each`; and what came of it. */
struct engine_reading {
    const struct fx_runbook_step *step;
    const struct fx_json *names;
    const struct fx_json *checkpoint; /* NULL: it begins */
    bool is_known;                    /* its result stands already: it is not read */
    struct fx_step_result result;
    enum fx_code code;
    struct fx_error err;
};
/* All of them, options.together at once where their kind allows it. What one comes to does not
 * depend on the others, nor on who is ready first. */
void engine_read_together(struct engine_run *run, struct engine_reading *readings, size_t count);
/* The steps of a group, but for those whose value the run has already. */
enum fx_code engine_read_steps(struct engine_run *run, const struct fx_runbook_step *steps,
                               size_t count, struct engine_reading **ret_readings,
                               struct fx_error *err);
/* Whether some of the group wait; then how the whole group does. */
bool engine_group_parks(struct engine_run *run, const struct engine_reading *readings, size_t count,
                        struct fx_step_result *ret_result);
/* A step with `each`: a list of {item, value}, or {item, error} with `on_error: continue`. */
enum fx_code engine_each_step(struct engine_run *run, const struct fx_runbook_step *step,
                              struct fx_step_result *ret_result, struct fx_error *err);

/* ---- calls.c: the step kind `run` ---- */

/* The reading step in hand, or its whole group; behind it when done. A failure that the step does
 * not pass over is returned. FX_STEP_PARKED: it waits, with the run's step and values as they are.
 */
enum fx_code engine_take_steps(struct engine_run *run, struct fx_step_result *ret_result,
                               struct fx_error *err);
/* Runs the command that the step names, as far as it goes. */
enum fx_code engine_call_step(struct engine_run *run, const struct fx_runbook_step *step,
                              struct fx_step_result *ret_result, struct fx_error *err);

/* ---- waits.c: waits that look again ---- */

/* Whether the step is a wait before whose looks earlier steps are taken anew. */
bool engine_looks_again(const struct fx_runbook_step *step);
/* Before the step is called: how far it is (NULL: it begins), and whether it may go on.
 * FX_ERR_CONFLICT: what it watches is watched by another run. ret_result becomes FX_STEP_DONE with
 * an output when a newer one has taken over; otherwise it is left alone. */
enum fx_code engine_begin_look(struct engine_run *run, const struct fx_runbook_step *step,
                               const struct fx_json *params, struct fx_json **ret_state,
                               struct fx_step_result *ret_result, struct fx_error *err);
/* How a run ends whose watch was refused. One that nobody asked for ends without a card: what it
 * would have watched is watched. */
enum fx_code engine_refuse_watch(struct engine_run *run, const char *step_id,
                                 const struct fx_error *why, struct fx_error *err);
/* FX_STEP_AGAIN: the run goes on with the first step of the next look. */
void engine_look_again(struct engine_run *run, const struct fx_runbook_step *step,
                       struct fx_json *state);
/* FX_STEP_PARKED: keeps how far it is, and shows the card with what this look found. */
enum fx_code engine_keep_look(struct engine_run *run, const struct fx_runbook_step *step,
                              struct fx_json *state, struct fx_error *err);

/* ---- checklists.c: what people check off ---- */

/* Adds to the value of a checklist when it was last finished. */
enum fx_code engine_checklist_recall(struct engine_run *run, struct fx_json *value,
                                     struct fx_error *err);
/* Its items and buttons onto a card that is done; nothing for a run without one. */
void engine_checklist_show(struct engine_run *run, struct fx_json *card);
/* Item number `item` of the run is done, or is not after all. FX_ERR_INPUT, FX_ERR_CONFLICT: a
 * sentence for whoever pressed; nothing was changed. */
enum fx_code engine_checklist_check(struct engine_work *work, const struct fx_run *run, size_t item,
                                    bool done, const char *user, struct fx_error *err);
/* All is checked, and this is the outcome. */
enum fx_code engine_checklist_finish(struct engine_work *work, const struct fx_run *run,
                                     size_t outcome, const char *user, struct fx_error *err);
