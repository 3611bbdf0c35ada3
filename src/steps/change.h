/* change.h - one changing call between two looks: what `aws.change` and `sql.change` share.
 *
 * A runbook says which reading calls show the state, which facts of it the approver is shown, which
 * of them must still hold when it runs, and by what a lost answer is told from a call that never
 * arrived. Its expressions stand without ${ }: they are not read once but at each look, over the
 * answers by their names, `with` (what the call is made with), `given`, and `was` (the facts as
 * they were when it was planned).
 */
#pragma once

#include "private.h"

enum {
    CHANGE_MAX_READS = 4,
    CHANGE_MAX_FACTS = 8, /* changed ones, and as many that must not change */
    CHANGE_MAX_REFUSALS = 8,
    CHANGE_MAX_VALUE_BYTES = 200,             /* of a fact, as people are shown it */
    CHANGE_MAX_WATCH_MS = 3 * 60 * 60 * 1000, /* a database takes as long to be restored */
    CHANGE_MAX_KEEP_MS = 7 * 24 * 60 * 60 * 1000,
};

/* The parameters that both kinds take beside those of the call itself. */
/* clang-format off */
#define CHANGE_PARAMS \
    {"read", FX_PARAM_OBJECT, true, NULL, \
     "the reading calls that show the state, by name: {operation, with} of AWS or {database, query, with}; " \
     "with optional: true it is null when it cannot be read"}, \
    {"change", FX_PARAM_OBJECT, true, NULL, \
     "what changes: a name people know -> {from, to}, expressions over what was read"}, \
    {"pin", FX_PARAM_OBJECT, false, "{}", \
     "parameters of the call that are read while it is planned: a name -> an expression"}, \
    {"unchanged", FX_PARAM_OBJECT, false, "{}", \
     "what must still be the same when it runs: a name -> an expression"}, \
    {"refuse", FX_PARAM_LIST, false, "[]", \
     "[{when, why}]: when the expression is true it is not done, and this is why"}, \
    {"given", FX_PARAM_OBJECT, false, "{}", "values that the expressions read as given.name"}, \
    {"done", FX_PARAM_TEXT, false, "\"\"", \
     "true when the change has taken effect; also tells what became of a lost answer"}, \
    {"settled", FX_PARAM_TEXT, false, "\"true\"", "true when nothing is under way any more"}, \
    {"failed", FX_PARAM_TEXT, false, "\"false\"", "true when it will not settle any more"}, \
    {"within", FX_PARAM_DURATION, false, "\"5m\"", "how long it is watched until it is done and settled"}, \
    {"revert", FX_PARAM_OBJECT, false, "{}", \
     "parameters of the call that takes it back by itself, read while it is planned: a name -> an expression"}, \
    {"revert_after", FX_PARAM_DURATION, false, "\"0s\"", \
     "how long it is kept until then, at most 7d; 0s: it is not taken back by itself"}, \
    {"reverted", FX_PARAM_TEXT, false, "\"\"", "true when it has been taken back"}, \
    {"undo_command", FX_PARAM_TEXT, false, NULL, \
     "the command with which a person takes back what is not taken back by itself: db slowlog off"}, \
    {"title", FX_PARAM_TEXT, true, NULL, "what is done, for the card: set the memory of x to 512 MB"}, \
    {"summary", FX_PARAM_TEXT, true, NULL, "one sentence for whoever approves it"}, \
    {"undo", FX_PARAM_TEXT, true, NULL, "how it is taken back, or that it cannot be"}
/* clang-format on */

/* ---- facts.c: what was read, and what the expressions make of it ---- */

/* FX_ERR_INPUT says what is wrong with the reads or an expression. */
enum fx_code facts_check(struct fx_scope *sc, const struct fx_json *system,
                         const struct fx_json *params, struct fx_error *err);
/* {database, query}: a database that is asked, and a statement without ${ }. name is for the error
 * text. */
enum fx_code facts_check_query(const struct fx_json *system, const char *name,
                               const struct fx_json *read, struct fx_error *err);
/* Makes the reading calls. *ret_names is what expressions may read; plan is the details of the
 * plan, NULL while there is none. */
enum fx_code facts_read(const struct fx_step_context *ctx, const struct fx_json *params,
                        const struct fx_json *plan, struct fx_json **ret_names,
                        struct fx_error *err);
/* The facts of `change` (member "from" or "to"), name -> value. */
enum fx_code facts_of_change(struct fx_scope *sc, const struct fx_json *params, const char *member,
                             const struct fx_json *names, struct fx_json **ret_values,
                             struct fx_error *err);
/* Those of `unchanged` or `pin`. */
enum fx_code facts_of(struct fx_scope *sc, const struct fx_json *params, const char *param,
                      const struct fx_json *names, struct fx_json **ret_values,
                      struct fx_error *err);
/* FX_ERR_DENIED with the reason of the first refusal that is true. */
enum fx_code facts_refuse(struct fx_scope *sc, const struct fx_json *params,
                          const struct fx_json *names, struct fx_error *err);
/* The condition under this parameter; FX_ERR_INPUT when it is neither true nor false. */
enum fx_code facts_hold(struct fx_scope *sc, const struct fx_json *params, const char *name,
                        const struct fx_json *names, bool *ret_holds, struct fx_error *err);
/* As people are shown it. */
const char *facts_text(struct fx_scope *sc, const struct fx_json *value);
/* "Memory is 128, Timeout is 30". */
const char *facts_list(struct fx_scope *sc, const struct fx_json *values);

/* ---- change.c: the life of it ---- */

/* The call itself. */
struct change_call {
    /* What is promised, and stands in the audit log beside `with`. */
    const struct fx_json *what;
    /* Gets ready whatever may fail before the promise: credentials, a connection. */
    enum fx_code (*prepare)(const struct fx_step_context *ctx, const struct fx_json *params,
                            void **ret_ready, struct fx_error *err);
    /* Sends it once. err->sent: it may have been obeyed, and nobody knows. */
    enum fx_code (*send)(const struct fx_step_context *ctx, const struct fx_json *params,
                         const struct fx_json *with, void *ready, struct fx_error *err);
};

/* One look at what was changed. */
struct change_look {
    struct fx_json *now; /* the facts of `change`; NULL: they could not be read */
    /* reverted: it looks as it does when it is taken back; at the end of the step: it was. */
    bool done, settled, failed, reverted;
    const char *reverted_by; /* at the end of the step; NULL: nobody, or it is not known */
    const char *unread;      /* why; "" */
};

/* Only that the claim is over is an error: what cannot be read now may be read later. */
enum fx_code change_look_at(const struct fx_step_context *ctx, const struct fx_json *params,
                            struct change_look *ret, struct fx_error *err);
/* Shows how it stands. */
void change_progress(const struct fx_step_context *ctx, const struct change_look *look,
                     const char *text);
/* Sends the call with `with`, promised under key, and records what is certain of its end. seen is
 * what the look just before showed: what it replaces, unless somebody changes it in between. */
enum fx_code change_send(const struct fx_step_context *ctx, const struct fx_json *params,
                         const struct change_call *call, const char *key,
                         const struct fx_json *with, const struct fx_json *seen,
                         struct fx_error *err);
/* Why a call that is over did not happen, in words. */
const char *change_refusal(const struct fx_step_effect *effect);
/* Nobody knows what became of effect: looks, and asks a person at last. back: it is the call that
 * takes the change back. FX_ERR_CONFLICT: it did not happen. */
enum fx_code change_doubt(const struct fx_step_context *ctx, const struct fx_json *params,
                          const struct fx_step_effect *effect, bool back,
                          struct fx_step_result *ret_result, struct fx_error *err);
/* The step is done; problem is "" when all went well. */
enum fx_code change_end(const struct fx_step_context *ctx, const struct fx_step_effect *effect,
                        const struct change_look *look, const char *problem,
                        struct fx_step_result *ret_result);

/* The plan without its calls, and with what the call is made with: `with` and what was pinned,
 * which is what it will be made with. */
enum fx_code change_plan(const struct fx_step_context *ctx, const struct fx_json *params,
                         struct fx_json **ret_plan, struct fx_json **ret_with,
                         struct fx_error *err);
enum fx_code change_confirm(const struct fx_step_context *ctx, const struct fx_json *params,
                            struct fx_error *err);
/* Output: {done, was, now, unchanged, problem, lost_answer, reverted, reverted_by, took_ms};
 * problem is "" when all went well. reverted_by is "fluxabot", "somebody else", or "" when that is
 * not known. */
enum fx_code change_run(const struct fx_step_context *ctx, const struct fx_json *params,
                        const struct change_call *call, struct fx_step_result *ret_result,
                        struct fx_error *err);

/* ---- revert.c: a change that is taken back by itself ---- */

/* Whether the plan says so. */
bool revert_is_planned(const struct fx_step_context *ctx);
/* What the parameters say of it must fit together. */
enum fx_code revert_check(struct fx_scope *sc, const struct fx_json *params, struct fx_error *err);
/* Adds the second call and when it is made to the plan; with is that of the first. */
enum fx_code revert_plan(const struct fx_step_context *ctx, const struct fx_json *params,
                         const struct fx_json *names, const struct fx_json *with,
                         struct fx_json *plan, struct fx_error *err);
/* The change holds, or problem says what is wrong with it: the step waits until it is time. */
enum fx_code revert_keep(const struct fx_step_context *ctx, const struct change_look *look,
                         const struct fx_step_effect *change, const char *problem,
                         struct fx_step_result *ret_result);
/* Goes on from there. revert is NULL before it was begun. */
enum fx_code revert_run(const struct fx_step_context *ctx, const struct fx_json *params,
                        const struct change_call *call, const struct fx_step_effect *change,
                        const struct fx_step_effect *revert, struct fx_step_result *ret_result,
                        struct fx_error *err);

/* ---- where.c: the `where` of both kinds (struct fx_step_kind) ---- */

enum fx_code where_of_aws(const struct fx_step_context *ctx, const struct fx_json *params,
                          struct fx_json **ret_where, struct fx_error *err);
enum fx_code where_of_sql(const struct fx_step_context *ctx, const struct fx_json *params,
                          struct fx_json **ret_where, struct fx_error *err);
