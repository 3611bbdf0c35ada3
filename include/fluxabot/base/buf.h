/* buf.h - text that grows up to a named maximum.
 *
 * Memory belongs to the scope. Past the maximum nothing more is added and the buffer remembers that
 * it is full, so a writer checks once, at the end.
 */
#pragma once

#include "fluxabot/base/scope.h"

struct fx_buf {
    struct fx_scope *sc;
    char *ptr; /* always terminated once something was added; NULL before */
    size_t len, capacity, max;
    bool full;
};

void fx_buf_init(struct fx_buf *buf, struct fx_scope *sc, size_t max_bytes);
void fx_buf_add(struct fx_buf *buf, struct fx_slice s);
void fx_buf_add_text(struct fx_buf *buf, const char *text);
void fx_buf_add_char(struct fx_buf *buf, char c);
void fx_buf_addf(struct fx_buf *buf, const char *fmt, ...) FX_PRINTF(2, 3);
struct fx_slice fx_buf_slice(const struct fx_buf *buf);
/* The terminated text, "" when nothing was added. */
const char *fx_buf_text(const struct fx_buf *buf);
