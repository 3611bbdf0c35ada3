/* expr.h - `${ }`: a Lua 5.4 expression over JSON, within a budget.
 *
 * No clock, no chance, no files, no environment: the same values give the same bytes. Every
 * evaluation has a fresh state, a memory cap, an instruction budget and a wall limit (which time
 * that the machine gave to others does not shorten); patterns and the library functions that loop
 * in C are replaced by bounded ones. Time enters as the value `now` (wall ms). Reading a name that
 * was not given is an error, as is a result that is not JSON.
 *
 * JSON's null and an absent member both read as `null`, which is Lua's nil: `x.y == null`, `not
 * x.y` and `x.y or "none"` do what they say, and null has no members. Passed on as a whole, a list
 * or an object keeps its nulls. Lists begin at 1. Texts are never silently numbers. Given values
 * hide helpers of the same name and cannot be changed.
 */
#pragma once

#include "fluxabot/base/json.h"

enum {
    FX_EXPR_MAX_SOURCE_BYTES = 4 << 10,
    FX_EXPR_MAX_RESULT_BYTES = 256 << 10,
    FX_EXPR_MAX_MEMORY_BYTES = 8 << 20,
    FX_EXPR_MAX_INSTRUCTIONS = 1000000,
    FX_EXPR_MAX_WALL_MS = 100,
};

/* One expression without the braces, over the members of names. */
enum fx_code fx_expr_eval(struct fx_scope *sc, struct fx_slice source, const struct fx_json *names,
                          struct fx_json **ret_value, struct fx_error *err);

/* What checks expressions without evaluating them; a state of Lua costs more than compiling a line,
 * so one serves for many. It belongs to one thread at a time and ends with sc. */
struct fx_expr_checker;
struct fx_expr_checker *fx_expr_checker_new(struct fx_scope *sc);
/* FX_ERR_INPUT when it does not compile or reads a global that known does not hold. known is an
 * object whose keys are the names (values are ignored). */
enum fx_code fx_expr_check(struct fx_expr_checker *checker, struct fx_slice source,
                           const struct fx_json *known, struct fx_error *err);
/* Of one that was checked: it reads none of the names that may be given. */
bool fx_expr_is_constant(struct fx_expr_checker *checker, struct fx_slice source);

/* A text with any number of ${ }: exactly one and nothing else gives the value itself, with its
 * type; otherwise the values are put into the text (null is an error there, lists and objects
 * become JSON).
 * $${ stands for a literal ${. */
enum fx_code fx_expr_fill(struct fx_scope *sc, const char *text, const struct fx_json *names,
                          struct fx_json **ret_value, struct fx_error *err);
/* The same for every text inside a JSON value. */
enum fx_code fx_expr_fill_all(struct fx_scope *sc, const struct fx_json *value,
                              const struct fx_json *names, struct fx_json **ret_value,
                              struct fx_error *err);
enum fx_code fx_expr_check_text(struct fx_expr_checker *checker, const char *text,
                                const struct fx_json *known, struct fx_error *err);
/* True when the text holds a ${ } or its escape $${, so that fx_expr_fill would change it. */
bool fx_expr_is_template(const char *text);

struct lua_State;

/* The helpers an operator's expression may use, one row each; the manual is printed from them. */
struct fx_expr_helper {
    const char *name, *signature, *help;
    int (*call)(struct lua_State *lua);
};
extern const struct fx_expr_helper fx_expr_helpers[];
extern const size_t fx_expr_helpers_count;
