/* scope.c - an arena with obligations; the one place that knows what to do without memory. */
#include "fluxabot/base/scope.h"

#include <stdalign.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Under AddressSanitizer every allocation is a block of its own, or an overrun would land in a
 * neighbour and stay unseen. */
#if defined(__SANITIZE_ADDRESS__)
enum { BLOCK_BYTES = 0 };
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
enum { BLOCK_BYTES = 0 };
#else
enum { BLOCK_BYTES = 4096 };
#endif
#else
enum { BLOCK_BYTES = 4096 };
#endif

struct block {
    struct block *next;
    size_t used, size;
    alignas(max_align_t) char bytes[];
};

struct deferred {
    struct deferred *next;
    void (*release)(void *thing);
    void *thing;
};

struct fx_scope {
    struct fx_scope *parent;
    struct block *blocks;
    struct deferred *deferred;
    struct fx_log *log;
    int64_t deadline_mono_ms, send_before_mono_ms;
    atomic_bool canceled;
    char log_id[FX_SCOPE_LOG_ID_MAX];
};

_Noreturn static void stop_without_memory(void) {
    fputs("fluxabot: out of memory\n", stderr);
    abort();
}

/* Not zeroed: glibc's calloc goes past what a thread has just freed, and what is left of a block
 * need not be. */
static void *must_allocate(size_t bytes) {
    void *memory = malloc(bytes);

    if (memory == NULL)
        stop_without_memory();
    return memory;
}

struct fx_scope *fx_scope_new(struct fx_scope *parent) {
    struct fx_scope *sc = must_allocate(sizeof *sc);

    *sc = (struct fx_scope){.parent = parent};
    if (parent != NULL) {
        sc->log = parent->log;
        sc->deadline_mono_ms = parent->deadline_mono_ms;
        sc->send_before_mono_ms = parent->send_before_mono_ms;
        memcpy(sc->log_id, parent->log_id, sizeof sc->log_id);
    }
    return sc;
}

void fx_scope_free(struct fx_scope *sc) {
    if (sc == NULL)
        return;
    /* a release may defer another one */
    for (struct deferred *d = sc->deferred; d != NULL; d = sc->deferred) {
        sc->deferred = d->next;
        d->release(d->thing);
    }
    for (struct block *block = sc->blocks, *next = NULL; block != NULL; block = next) {
        next = block->next;
        free(block);
    }
    free(sc);
}

void fx_scope_free_p(struct fx_scope **sc) {
    fx_scope_free(*sc);
}

static size_t aligned(size_t bytes) {
    return (bytes + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
}

static struct block *add_block(struct fx_scope *sc, size_t size) {
    struct block *block = must_allocate(sizeof *block + size);

    block->used = 0;
    block->size = size;
    block->next = sc->blocks;
    sc->blocks = block;
    return block;
}

/* Not zeroed. */
static void *take(struct fx_scope *sc, size_t bytes) {
    struct block *block = sc->blocks;

    if (bytes > PTRDIFF_MAX / 2)
        stop_without_memory(); /* a length that went below zero */
    size_t taken = aligned(bytes);

    if (BLOCK_BYTES == 0)
        return add_block(sc, bytes)->bytes;
    if (block == NULL || block->size - block->used < taken)
        block = add_block(sc, taken > BLOCK_BYTES ? taken : BLOCK_BYTES);
    void *memory = block->bytes + block->used;

    block->used += taken;
    return memory;
}

void *fx_alloc(struct fx_scope *sc, size_t bytes) {
    return memset(take(sc, bytes), 0, bytes);
}

struct fx_scope *fx_scope_new_small(struct fx_scope *parent, size_t bytes) {
    struct fx_scope *sc = fx_scope_new(parent);

    if (BLOCK_BYTES > 0)
        add_block(sc, aligned(bytes));
    return sc;
}

char *fx_strdup(struct fx_scope *sc, const char *text) {
    return text == NULL ? NULL : fx_slice_dup(sc, fx_slice_of(text));
}

char *fx_slice_dup(struct fx_scope *sc, struct fx_slice s) {
    char *copy = take(sc, s.len + 1);

    if (s.len > 0)
        memcpy(copy, s.ptr, s.len);
    copy[s.len] = '\0';
    return copy;
}

char *fx_printf(struct fx_scope *sc, const char *fmt, ...) {
    va_list args;

    va_start(args, fmt);
    char *text = fx_vprintf(sc, fmt, args);
    va_end(args);
    return text;
}

char *fx_vprintf(struct fx_scope *sc, const char *fmt, va_list args) {
    char short_text[256];
    va_list measured;

    va_copy(measured, args);
    int length = vsnprintf(short_text, sizeof short_text, fmt, measured);
    va_end(measured);
    if (length < 0)
        abort(); /* a format of ours is wrong */
    char *text = take(sc, (size_t)length + 1);

    if ((size_t)length < sizeof short_text)
        memcpy(text, short_text, (size_t)length + 1);
    else
        vsnprintf(text, (size_t)length + 1, fmt, args);
    return text;
}

void fx_defer(struct fx_scope *sc, void (*release)(void *thing), void *thing) {
    struct deferred *d = fx_alloc(sc, sizeof *d);

    *d = (struct deferred){.next = sc->deferred, .release = release, .thing = thing};
    sc->deferred = d;
}

void fx_scope_set_deadline(struct fx_scope *sc, int64_t deadline_mono_ms) {
    int64_t outer = sc->parent == NULL ? 0 : sc->parent->deadline_mono_ms;

    sc->deadline_mono_ms = outer != 0 && (deadline_mono_ms == 0 || outer < deadline_mono_ms)
                               ? outer
                               : deadline_mono_ms;
}

int64_t fx_scope_deadline(const struct fx_scope *sc) {
    return sc->deadline_mono_ms;
}

int64_t fx_scope_time_left(const struct fx_scope *sc, int64_t now_mono_ms, int64_t cap_ms) {
    if (sc->deadline_mono_ms == 0)
        return cap_ms;
    int64_t left = sc->deadline_mono_ms - now_mono_ms;

    return left < 0 ? 0 : left < cap_ms ? left : cap_ms;
}

void fx_scope_set_send_before(struct fx_scope *sc, int64_t mono_ms) {
    sc->send_before_mono_ms = mono_ms;
}

int64_t fx_scope_send_before(const struct fx_scope *sc) {
    return sc->send_before_mono_ms;
}

void fx_scope_cancel(struct fx_scope *sc) {
    atomic_store(&sc->canceled, true);
}

enum fx_code fx_scope_check(const struct fx_scope *sc, int64_t now_mono_ms, struct fx_error *err) {
    for (const struct fx_scope *s = sc; s != NULL; s = s->parent)
        if (atomic_load(&s->canceled))
            return fx_fail(err, FX_ERR_CANCELED, "the work was asked to stop");
    if (sc->deadline_mono_ms != 0 && now_mono_ms >= sc->deadline_mono_ms)
        return fx_fail(err, FX_ERR_TIMEOUT, "the time for this work is over");
    return FX_OK;
}

void fx_scope_set_log(struct fx_scope *sc, struct fx_log *log) {
    sc->log = log;
}

struct fx_log *fx_scope_log(const struct fx_scope *sc) {
    return sc->log;
}

void fx_scope_set_log_id(struct fx_scope *sc, const char *id) {
    snprintf(sc->log_id, sizeof sc->log_id, "%s", id == NULL ? "" : id);
}

const char *fx_scope_log_id(const struct fx_scope *sc) {
    return sc->log_id;
}
