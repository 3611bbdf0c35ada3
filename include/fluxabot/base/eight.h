/* eight.h - eight bytes of a text at once, for loops that pass over what is nearly always plain.
 *
 * Each answer is about any of the eight; which one it was, a look at each byte tells.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { FX_EIGHT = sizeof(uint64_t) };

#define FX_EIGHT_ONES 0x0101010101010101u
#define FX_EIGHT_HIGHS 0x8080808080808080u

static inline uint64_t fx_eight_at(const char *bytes) {
    uint64_t eight = 0;

    memcpy(&eight, bytes, sizeof eight);
    return eight;
}

/* A byte less than limit, which is at most 0x80. */
static inline bool fx_eight_has_below(uint64_t eight, unsigned char limit) {
    return ((eight - FX_EIGHT_ONES * limit) & ~eight & FX_EIGHT_HIGHS) != 0;
}

static inline bool fx_eight_has(uint64_t eight, unsigned char byte) {
    return fx_eight_has_below(eight ^ FX_EIGHT_ONES * byte, 1);
}

/* A byte that is no ASCII. */
static inline bool fx_eight_has_high(uint64_t eight) {
    return (eight & FX_EIGHT_HIGHS) != 0;
}
