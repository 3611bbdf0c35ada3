/* budget.c - memory, steps and time of one evaluation. */
#include "private.h"

#include "fluxabot/base/clock.h"

#include <stdlib.h>
#include <time.h>

enum {
    CLOCK_EVERY_BYTES =
        256 << 10, /* one instruction can copy megabytes (..), so growth counts too */
    CLOCK_EVERY_SPENT = 1000,
    MAX_REFUSALS = 4,  /* each makes Lua collect everything, up to some 10 ms */
    USEFUL_SHARE = 16, /* of the memory: a collection that freed more was worth it */
    BYTES_PER_INSTRUCTION = 16,
};

static int64_t thread_cpu_ms(void) {
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void expr_budget_start(struct expr_budget *budget, const struct expr_limits *limits) {
    *budget = (struct expr_budget){.limits = *limits};
    budget->start_mono_ms = fx_mono_ms(fx_clock_system());
    budget->start_cpu_ms = thread_cpu_ms();
}

/* A container with little CPU stands still for most of each 100 ms; that is not the expression's
 * doing, so past the wall limit this thread's own time decides. */
static void read_clock(struct expr_budget *b) {
    b->grown_bytes = 0;
    b->spent_at_clock = b->spent;
    if (b->stop == EXPR_STOP_NONE &&
        fx_mono_ms(fx_clock_system()) - b->start_mono_ms > b->limits.wall_ms &&
        thread_cpu_ms() - b->start_cpu_ms > b->limits.wall_ms)
        b->stop = EXPR_STOP_TIME;
}

static bool may_grow(struct expr_budget *b, size_t bytes) {
    if (b->limits.fail_at && ++b->allocations >= b->limits.fail_at)
        return false;
    if (bytes > b->limits.memory_bytes || b->used_bytes > b->limits.memory_bytes - bytes) {
        read_clock(b);
        b->refusals += b->since_refusal_bytes < b->limits.memory_bytes / USEFUL_SHARE;
        b->since_refusal_bytes = 0;
        if (b->refusals > MAX_REFUSALS && b->stop == EXPR_STOP_NONE)
            b->stop = EXPR_STOP_MEMORY;
        return false;
    }
    b->since_refusal_bytes += bytes;
    b->grown_bytes += bytes;
    if (b->grown_bytes > CLOCK_EVERY_BYTES)
        read_clock(b);
    return b->stop == EXPR_STOP_NONE;
}

void *expr_allocate(void *ud, void *ptr, size_t old_bytes, size_t new_bytes) {
    struct expr_budget *b = &((struct expr_job *)ud)->budget;

    if (!ptr)
        old_bytes = 0; /* Lua passes the kind of object there */
    if (new_bytes == 0) {
        free(ptr);
        b->used_bytes -= old_bytes;
        return NULL;
    }
    if (new_bytes > old_bytes && !may_grow(b, new_bytes - old_bytes))
        return NULL;

    void *moved = realloc(ptr, new_bytes);
    if (!moved)
        return new_bytes > old_bytes ? NULL : ptr; /* Lua relies on shrinking */
    b->used_bytes += new_bytes - old_bytes;
    return moved;
}

_Noreturn void expr_stop(lua_State *L, enum expr_stop stop) {
    struct expr_budget *b = &expr_job(L)->budget;

    if (b->stop == EXPR_STOP_NONE)
        b->stop = stop;
    lua_pushlightuserdata(L, NULL); /* a message would need memory */
    lua_error(L);
    abort(); /* lua_error does not return, but is not declared so */
}

static void spend(lua_State *L, int64_t instructions) {
    struct expr_budget *b = &expr_job(L)->budget;

    b->spent += instructions;
    if (b->spent > b->limits.instructions)
        expr_stop(L, EXPR_STOP_INSTRUCTIONS);
    if (b->spent - b->spent_at_clock > CLOCK_EVERY_SPENT)
        read_clock(b);
    if (b->stop != EXPR_STOP_NONE)
        expr_stop(L, b->stop);
}

void expr_hook(lua_State *L, lua_Debug *ar) {
    (void)ar;
    spend(L, EXPR_HOOK_INSTRUCTIONS);
}

void expr_charge(lua_State *L, size_t work) {
    int64_t limit = expr_job(L)->budget.limits.instructions;

    spend(L, work > (size_t)limit ? limit + 1 : (int64_t)work);
}

void expr_charge_bytes(lua_State *L, size_t bytes) {
    expr_charge(L, 1 + bytes / BYTES_PER_INSTRUCTION);
}
