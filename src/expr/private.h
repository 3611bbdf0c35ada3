/* private.h - what the files of expr/ share.
 *
 * Functions that take a lua_State run inside the one protected call of eval.c and may leave by
 * longjmp: nothing in them holds memory or handles of its own. What they allocate belongs to a
 * scope or to Lua.
 */
#pragma once

#include "fluxabot/expr.h"

#include <lauxlib.h>
#include <lua.h>

/* --- budget.c: what one evaluation may use --- */

struct expr_limits {
    size_t memory_bytes;
    int64_t instructions, wall_ms;
    uint64_t fail_at; /* for tests: from this allocation on there is no memory; 0 never */
};

enum expr_stop {
    EXPR_STOP_NONE,
    EXPR_STOP_MEMORY,
    EXPR_STOP_INSTRUCTIONS,
    EXPR_STOP_TIME,
    EXPR_STOP_RESULT,
};

struct expr_budget {
    struct expr_limits limits;
    size_t used_bytes, grown_bytes; /* grown since the clock was read */
    size_t since_refusal_bytes;     /* grown since memory was refused */
    int64_t spent, spent_at_clock;  /* instructions, and their like in C */
    int64_t start_mono_ms, start_cpu_ms;
    uint64_t allocations, refusals;
    enum expr_stop stop; /* once set it stays: nothing can swallow it */
};

void expr_budget_start(struct expr_budget *budget, const struct expr_limits *limits);
/* A lua_Alloc; ud is a struct expr_job. */
void *expr_allocate(void *ud, void *ptr, size_t old_bytes, size_t new_bytes);
void expr_hook(lua_State *L, lua_Debug *ar);
enum { EXPR_HOOK_INSTRUCTIONS = 200 };
/* Work that a helper does in C, in instructions; leaves when the budget is spent. */
void expr_charge(lua_State *L, size_t work);
void expr_charge_bytes(lua_State *L, size_t bytes);
_Noreturn void expr_stop(lua_State *L, enum expr_stop stop);

/* --- eval.c: one evaluation --- */

struct expr_job {
    struct expr_budget budget; /* first: the allocator works before the rest is used */
    struct fx_scope *sc;       /* of the result */
    struct fx_scope *temp;     /* ends with the evaluation */
    struct fx_slice source;
    const struct fx_json *names;
    bool compiled;
    struct fx_json *result;
};

struct expr_job *expr_job(lua_State *L);
enum fx_code expr_eval_within(struct fx_scope *sc, struct fx_slice source,
                              const struct fx_json *names, const struct expr_limits *limits,
                              struct fx_json **ret_value, struct fx_error *err);
extern const struct expr_limits expr_usual_limits;
/* FX_ERR_INPUT for what no compiler need see: empty, too long, with a NUL. */
enum fx_code expr_check_source(struct fx_slice source, struct fx_error *err);
/* Leaves the job's source, compiled, on the stack. */
void expr_load_source(lua_State *L);
/* explain.c: what ended the evaluation, for people. */
enum fx_code expr_explain(struct expr_job *job, const char *lua_message, struct fx_error *err);

/* --- names.c: what a name means --- */

/* Makes the globals read the given names, helpers and aliases, and refuse assignments. */
void expr_open_names(lua_State *L);
/* NULL when there is none. */
const struct fx_expr_helper *expr_find_helper(const char *name);
/* True for a helper, null, or one of the names Lua people expect (math, ipairs, tostring). */
bool expr_is_builtin(const char *name);

/* --- value.c: JSON inside Lua ---
 * Lists and objects are boxes: userdata that point to the JSON and convert what is read. Lists and
 * objects made by helpers are boxes around a table, in which null is a marker, so that it keeps its
 * place. Tables are what the expression itself wrote as { }. */

enum expr_kind {
    EXPR_NULL,
    EXPR_BOOL,
    EXPR_NUMBER,
    EXPR_TEXT,
    EXPR_LIST,
    EXPR_OBJECT,
    EXPR_FUNCTION,
};

enum expr_kind expr_kind(lua_State *L, int index);
const char *expr_kind_name(enum expr_kind kind); /* "null", "list" */
/* The JSON behind a list or object that was given, NULL for all else. */
const struct fx_json *expr_given(lua_State *L, int index);
void expr_push_json(lua_State *L, const struct fx_json *json);
/* Items of a list, members of an object, 0 for null. */
size_t expr_count(lua_State *L, int index);
void expr_push_item(lua_State *L, int index, size_t number); /* from 1 */
/* False, and pushes nil, when there is no such member. */
bool expr_push_member(lua_State *L, int index, const char *key);
/* "a.b.2.c"; false and nil when any part is absent. */
bool expr_push_path(lua_State *L, int index, const char *path);
/* A plain table with the object's keys, in JSON's order or sorted; returns their number. */
size_t expr_push_keys(lua_State *L, int index);
bool expr_equal(lua_State *L, int a, int b);

/* Takes the value on top as item number (member key) of the plain table at index. */
void expr_put_item(lua_State *L, int index, size_t number);
void expr_put_member(lua_State *L, int index, const char *key);
/* The plain table on top becomes a list or an object. */
void expr_make_list(lua_State *L);
void expr_make_object(lua_State *L);

/* json.c: a Lua value as JSON in sc; leaves with a sentence when it is none. */
struct fx_json *expr_to_json(lua_State *L, int index, struct fx_scope *sc);
/* For JSON that was made on the way: as much as writing it would cost. */
void expr_charge_json(lua_State *L, const struct fx_json *json);

/* --- argument.c: what helpers are called with --- */

struct fx_slice expr_arg_text(lua_State *L, int arg); /* a number becomes text */
const char *expr_arg_name(lua_State *L, int arg);     /* a text without NUL */
size_t expr_arg_list(lua_State *L, int arg);          /* null is the empty list */
lua_Integer expr_arg_int(lua_State *L, int arg, lua_Integer low, lua_Integer high);
lua_Number expr_arg_number(lua_State *L, int arg);
_Noreturn void expr_bad_argument(lua_State *L, int arg, const char *wanted);
/* Fails with "helper: sentence". */
_Noreturn void expr_refuse(lua_State *L, const char *sentence);
/* Pushes the value at index as people read it: 3 for 3.0, JSON for lists and objects. */
void expr_push_text(lua_State *L, int index);

/* --- scan.c: Lua's tokens --- */

enum expr_token_type {
    EXPR_TOKEN_END,
    EXPR_TOKEN_NAME,
    EXPR_TOKEN_LITERAL, /* a text or a number */
    EXPR_TOKEN_SYMBOL,
    EXPR_TOKEN_OPEN, /* a text or comment that is not closed */
};

struct expr_token {
    enum expr_token_type type;
    struct fx_slice text;
};

/* The token at or after *at, which moves behind it. */
struct expr_token expr_next_token(struct fx_slice source, size_t *at);

/* --- reads.c: which names an expression reads --- */

struct expr_reads;
/* Room for any one expression; it serves for the next one again. */
struct expr_reads *expr_reads_new(struct fx_scope *sc);
/* FX_ERR_INPUT for a global that known does not hold. The source compiles. */
enum fx_code expr_check_names(struct expr_reads *reads, struct fx_slice source,
                              const struct fx_json *known, struct fx_error *err);

/* --- the helpers, by subject --- */

int expr_len(lua_State *L);
int expr_count_of(lua_State *L);
int expr_empty(lua_State *L);
int expr_type(lua_State *L);
int expr_default(lua_State *L);
int expr_coalesce(lua_State *L);
int expr_get(lua_State *L);
int expr_has(lua_State *L);
int expr_equal_of(lua_State *L);
int expr_keys(lua_State *L);
int expr_values(lua_State *L);
int expr_list(lua_State *L);
int expr_object(lua_State *L);
int expr_pairs(lua_State *L);
int expr_ipairs(lua_State *L);
int expr_json(lua_State *L);
int expr_parse_json(lua_State *L);

int expr_first(lua_State *L);
int expr_last(lua_State *L);
int expr_reverse(lua_State *L);
int expr_append(lua_State *L);
int expr_range(lua_State *L);
int expr_map(lua_State *L);
int expr_pick(lua_State *L);
int expr_filter(lua_State *L);
int expr_find(lua_State *L);
int expr_any(lua_State *L);
int expr_all(lua_State *L);
int expr_sum(lua_State *L);
int expr_avg(lua_State *L);

int expr_sort(lua_State *L);
int expr_group(lua_State *L);
int expr_unique(lua_State *L);
int expr_min(lua_State *L);
int expr_max(lua_State *L);

int expr_text(lua_State *L);
int expr_lower(lua_State *L);
int expr_upper(lua_State *L);
int expr_trim(lua_State *L);
int expr_short(lua_State *L);
int expr_sub(lua_State *L);
int expr_rep(lua_State *L);
int expr_contains(lua_State *L);
int expr_starts_with(lua_State *L);
int expr_ends_with(lua_State *L);
int expr_replace(lua_State *L);
int expr_split(lua_State *L);
int expr_lines(lua_State *L);
int expr_join(lua_State *L);
int expr_plural(lua_State *L);
int expr_format(lua_State *L);
int expr_url_encode(lua_State *L);

int expr_number(lua_State *L);
int expr_tonumber(lua_State *L);
int expr_int(lua_State *L);
int expr_bool(lua_State *L);
int expr_round(lua_State *L);
int expr_floor(lua_State *L);
int expr_ceil(lua_State *L);
int expr_abs(lua_State *L);
int expr_percent(lua_State *L);
int expr_bytes(lua_State *L);
int expr_sparkline(lua_State *L);

int expr_duration(lua_State *L);
int expr_ago(lua_State *L);
int expr_age(lua_State *L);
int expr_iso(lua_State *L);
int expr_date(lua_State *L);
int expr_clock(lua_State *L);
int expr_parse_time(lua_State *L);

/* list.c: pushes item's value by the argument by: itself, a member at a path, a function's answer.
 */
void expr_push_by(lua_State *L, int item, int by);
