/* eval.c - one expression, in a fresh Lua state, inside one protected call. */
#include "private.h"

#include <string.h>

struct expr_job *expr_job(lua_State *L) {
    void *job = NULL;

    lua_getallocf(L, &job);
    return job;
}

struct source_reader {
    struct fx_slice parts[3];
    size_t next;
};

static const char *read_source(lua_State *L, void *ud, size_t *ret_len) {
    struct source_reader *reader = ud;

    (void)L;
    while (reader->next < FX_COUNT_OF(reader->parts)) {
        struct fx_slice part = reader->parts[reader->next++];
        if (part.len > 0) {
            *ret_len = part.len;
            return part.ptr;
        }
    }
    *ret_len = 0;
    return NULL;
}

void expr_load_source(lua_State *L) {
    struct expr_job *job = expr_job(L);
    struct source_reader reader = {
        .parts = {FX_SLICE("return "), job->source, FX_SLICE("\n")}, /* after a -- comment */
    };

    /* "t" keeps out precompiled code, which Lua does not check before running it. */
    if (lua_load(L, read_source, &reader, "=expr", "t") != LUA_OK)
        lua_error(L);
    job->compiled = true;
}

/* Everything that can allocate happens below here: outside of a protected call Lua aborts. */
static int run(lua_State *L) {
    struct expr_job *job = expr_job(L);

    expr_open_names(L);
    expr_load_source(L);

    int base = lua_gettop(L) - 1;
    lua_call(L, 0, LUA_MULTRET);
    int count = lua_gettop(L) - base;
    if (count != 1)
        luaL_error(L, "the expression gives %d values instead of one", count);
    job->result = expr_to_json(L, -1, job->sc);
    return 0;
}

enum fx_code expr_check_source(struct fx_slice source, struct fx_error *err) {
    if (source.len > FX_EXPR_MAX_SOURCE_BYTES)
        return fx_fail(err, FX_ERR_LIMIT, "the expression has %zu bytes, more than %d", source.len,
                       FX_EXPR_MAX_SOURCE_BYTES);
    if (source.len > 0 && memchr(source.ptr, 0, source.len))
        return fx_fail(err, FX_ERR_INPUT, "the expression holds a NUL byte");
    if (fx_slice_trim(source).len == 0)
        return fx_fail(err, FX_ERR_INPUT, "the expression is empty");
    return FX_OK;
}

static enum fx_code run_job(struct expr_job *job, const struct expr_limits *limits,
                            struct fx_error *err) {
    FX_TRY(expr_check_source(job->source, err));
    expr_budget_start(&job->budget, limits);
    lua_State *L = lua_newstate(expr_allocate, job);
    if (!L)
        return fx_fail(err, FX_ERR_LIMIT, "there is no memory for an expression");

    enum fx_code code = FX_OK;
    lua_gc(L, LUA_GCSTOP); /* short lives: only a full memory collects */
    lua_sethook(L, expr_hook, LUA_MASKCOUNT, EXPR_HOOK_INSTRUCTIONS);
    lua_pushcfunction(L, run);
    if (lua_pcall(L, 0, 0, 0) != LUA_OK)
        code = expr_explain(job, lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "", err);
    lua_close(L);
    return code;
}

enum fx_code expr_eval_within(struct fx_scope *sc, struct fx_slice source,
                              const struct fx_json *names, const struct expr_limits *limits,
                              struct fx_json **ret_value, struct fx_error *err) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *temp = fx_scope_new(sc);
    struct expr_job job = {.sc = sc, .temp = temp, .source = source, .names = names};

    FX_TRY(run_job(&job, limits, err));
    *ret_value = job.result;
    return FX_OK;
}

const struct expr_limits expr_usual_limits = {
    .memory_bytes = FX_EXPR_MAX_MEMORY_BYTES,
    .instructions = FX_EXPR_MAX_INSTRUCTIONS,
    .wall_ms = FX_EXPR_MAX_WALL_MS,
};

enum fx_code fx_expr_eval(struct fx_scope *sc, struct fx_slice source, const struct fx_json *names,
                          struct fx_json **ret_value, struct fx_error *err) {
    return expr_eval_within(sc, source, names, &expr_usual_limits, ret_value, err);
}
