/* check.c - expressions that are compiled and looked through, but not evaluated. */
#include "private.h"

/* What compiling leaves behind is collected when there is more of it. */
enum { GARBAGE_BYTES = 512 << 10 };

struct fx_expr_checker {
    struct expr_job job; /* first: Lua's allocator is given this address */
    lua_State *L;        /* NULL: there was no memory for it */
    struct expr_reads *reads;
};

static void checker_close(void *thing) {
    struct fx_expr_checker *checker = thing;

    if (checker->L != NULL)
        lua_close(checker->L);
}

struct fx_expr_checker *fx_expr_checker_new(struct fx_scope *sc) {
    struct fx_expr_checker *checker = FX_NEW(sc, struct fx_expr_checker);

    checker->reads = expr_reads_new(sc);
    checker->job.budget.limits = expr_usual_limits;
    checker->L = lua_newstate(expr_allocate, &checker->job);
    if (checker->L != NULL) {
        lua_gc(checker->L, LUA_GCSTOP);
        fx_defer(sc, checker_close, checker);
    }
    return checker;
}

/* What compiling a line takes is bounded by its length, so memory alone is watched, and no clock is
 * read. Each line has the whole of it, whatever those before have left behind. */
static void renew_budget(struct fx_expr_checker *checker) {
    struct expr_budget *budget = &checker->job.budget;

    if (budget->used_bytes > GARBAGE_BYTES)
        lua_gc(checker->L, LUA_GCCOLLECT);
    *budget = (struct expr_budget){.limits = expr_usual_limits, .used_bytes = budget->used_bytes};
    budget->limits.memory_bytes += budget->used_bytes;
    budget->limits.wall_ms = INT64_MAX;
}

static int load_protected(lua_State *L) {
    expr_load_source(L);
    return 0;
}

static enum fx_code compile(struct fx_expr_checker *checker, struct fx_slice source,
                            struct fx_error *err) {
    lua_State *L = checker->L;
    enum fx_code code = FX_OK;

    FX_TRY(expr_check_source(source, err));
    if (L == NULL)
        return fx_fail(err, FX_ERR_LIMIT, "there is no memory for an expression");
    renew_budget(checker);
    checker->job.source = source;
    checker->job.compiled = false;
    lua_pushcfunction(L, load_protected);
    if (lua_pcall(L, 0, 0, 0) != LUA_OK)
        code = expr_explain(&checker->job,
                            lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "", err);
    lua_settop(L, 0);
    return code;
}

enum fx_code fx_expr_check(struct fx_expr_checker *checker, struct fx_slice source,
                           const struct fx_json *known, struct fx_error *err) {
    FX_TRY(compile(checker, source, err));
    return expr_check_names(checker->reads, source, known, err);
}

bool fx_expr_is_constant(struct fx_expr_checker *checker, struct fx_slice source) {
    struct fx_error ignored = {0};

    return expr_check_names(checker->reads, source, NULL, &ignored) == FX_OK;
}
