/* defs.h - the few macros and attributes that every file may use. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* On a type: a caller that drops a value of it is refused by gcc and clang. */
#define FX_MUST_USE [[nodiscard]]
#define FX_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define FX_SENTINEL __attribute__((sentinel))

/* Runs release(&local) at the end of the block; FX_TAKE hands the value on instead. */
#define FX_CLEANUP(release) __attribute__((cleanup(release)))
#define FX_TAKE(p)                                                                                 \
    ({                                                                                             \
        __auto_type fx_taken_ = (p);                                                               \
        (p) = NULL;                                                                                \
        fx_taken_;                                                                                 \
    })

#define FX_COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* The struct that holds member, from a pointer to the member: how a vtable finds its object. */
#define FX_CONTAINER_OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
