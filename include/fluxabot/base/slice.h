/* slice.h - bytes that somebody else owns: a pointer and a length, no terminator promised. */
#pragma once

#include "fluxabot/base/defs.h"

struct fx_slice {
    const char *ptr;
    size_t len;
};

/* A literal as a slice, without strlen. */
#define FX_SLICE(literal) ((struct fx_slice){"" literal, sizeof(literal) - 1})

/* NULL gives the empty slice. */
struct fx_slice fx_slice_of(const char *text);
struct fx_slice fx_slice_cut(struct fx_slice s, size_t from, size_t len);

bool fx_slice_equal(struct fx_slice a, struct fx_slice b);
bool fx_slice_equal_text(struct fx_slice a, const char *b);
/* Takes the same time whatever the bytes are; lengths are not secret. */
bool fx_slice_equal_secret(struct fx_slice a, struct fx_slice b);
bool fx_slice_starts_with(struct fx_slice s, struct fx_slice prefix);
bool fx_slice_ends_with(struct fx_slice s, struct fx_slice suffix);

/* Index of the first c at or after from, or s.len. */
size_t fx_slice_find(struct fx_slice s, size_t from, char c);
struct fx_slice fx_slice_trim(struct fx_slice s);

/* Splits at the first c: *ret_head before it, *ret_tail after it. False, and all in head, without
 * c. */
bool fx_slice_split(struct fx_slice s, char c, struct fx_slice *ret_head,
                    struct fx_slice *ret_tail);

/* Decimal digits only, no sign but a leading '-', no blanks. False when it is anything else. */
bool fx_slice_to_int(struct fx_slice s, int64_t *ret_value);

/* True when every byte belongs to well-formed UTF-8 (no surrogates, no overlong forms). */
bool fx_slice_is_utf8(struct fx_slice s);
/* How many bytes of s hold its first max code points, never cutting one. */
size_t fx_slice_utf8_prefix(struct fx_slice s, size_t max_code_points);
size_t fx_slice_utf8_count(struct fx_slice s);
