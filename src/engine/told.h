/* told.h - a run that ends without knowing, or without having done all that it was to do: who is
 * asked, and what is said of it.
 */
#pragma once

#include "private.h"

/* ---- told.c: what became of a change that nobody knows is told by a person ---- */

/* The buttons of a card that asks. back: whether something was taken back. */
struct fx_json *engine_tell_buttons(struct fx_scope *sc, const char *run_id, bool back);
/* The changes that nobody knows of: what was asked, when, what was found; NULL when there are none.
 */
enum fx_code engine_open_changes(struct engine_work *work, const char *run_id,
                                 struct fx_json **ret_list, struct fx_error *err);
enum fx_code engine_open_tell_dialog(struct engine_work *work, const struct fx_run *run, bool done,
                                     const char *trigger_id, const char *channel, const char *user,
                                     const char *response_url, struct fx_error *err);
/* Settles them, first come first served, and wakes the run. FX_ERR_CONFLICT: it does not ask (any
 * more), or it is too early to say that nothing happened. */
enum fx_code engine_tell(struct engine_work *work, const struct fx_run *run, bool done,
                         const char *user, const char *reason, struct fx_error *err);
/* Under which name the answer is kept. */
char *engine_told_setting(struct fx_scope *sc, const char *run_id);
/* What is told: of a change, or of the call that takes it back. */
const char *engine_told_words(bool back, bool done);

/* ---- told_end.c: the run that asked ends, or goes on ---- */

enum engine_told {
    ENGINE_TOLD_WAIT, /* nobody knows it yet, and the bot has nothing to look at */
    ENGINE_TOLD_LOOK, /* the step is called again: it may find out; or it has, and goes on */
    ENGINE_TOLD_END,  /* the run has ended */
};
/* What becomes of a run that asked: it ends as a person has told; without one, as soon as it is
 * known that nothing was done. When the bot itself finds that it was done, the run goes on. */
enum fx_code engine_end_told(struct engine_run *run, enum engine_told *ret_told,
                             struct fx_error *err);
/* Of a run that asked and looked once more, while a person may have answered. */
enum fx_code engine_end_if_told(struct engine_run *run, bool *ret_ended, struct fx_error *err);

/* ---- left.c: a change that is taken back by itself, in a run that ends before that ---- */

struct engine_left {
    bool exists;         /* it was made, or may have been, and was not seen to be taken back */
    bool is_made;        /* that is known */
    enum fx_known back;  /* of the call that takes it back */
    bool is_back_told;   /* by a person */
    int64_t due_ms;      /* when it was to be taken back */
    const char *command; /* what a person types to take it back: "/fluxa db slowlog off" */
};
/* values are those of the run; NULL: as they are stored. Of several such changes the last. */
enum fx_code engine_left(struct engine_work *work, const struct fx_run *run,
                         const struct fx_json *values, struct engine_left *ret_left,
                         struct fx_error *err);
/* Whether nobody knows what became of the call that takes it back. */
bool engine_left_asks_back(const struct engine_left *left);
/* For the card of a run that has ended, or that the bot does not go on with; NULL: nothing is left.
 */
const char *engine_left_text(struct fx_scope *sc, const struct engine_left *left);
/* For whoever is asked, before the answer ends the run: what then is not done. NULL: nothing. */
const char *engine_left_question(struct fx_scope *sc, const struct engine_left *left);
