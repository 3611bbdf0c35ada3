/* buf.c - text that grows up to a named maximum. */
#include "fluxabot/base/buf.h"

#include <stdarg.h>
#include <string.h>

void fx_buf_init(struct fx_buf *buf, struct fx_scope *sc, size_t max_bytes) {
    *buf = (struct fx_buf){.sc = sc, .max = max_bytes};
}

static bool make_room(struct fx_buf *buf, size_t more) {
    if (buf->full || more > buf->max - buf->len) {
        buf->full = true;
        return false;
    }
    size_t need = buf->len + more + 1;

    if (need > buf->capacity) {
        size_t capacity = buf->capacity < 64 ? 64 : buf->capacity;

        while (capacity < need)
            capacity *= 2;
        char *grown = fx_alloc(buf->sc, capacity);

        if (buf->len > 0)
            memcpy(grown, buf->ptr, buf->len);
        buf->ptr = grown;
        buf->capacity = capacity;
    }
    return true;
}

void fx_buf_add(struct fx_buf *buf, struct fx_slice s) {
    if (!make_room(buf, s.len))
        return;
    if (s.len > 0)
        memcpy(buf->ptr + buf->len, s.ptr, s.len);
    buf->len += s.len;
    buf->ptr[buf->len] = '\0';
}

void fx_buf_add_text(struct fx_buf *buf, const char *text) {
    fx_buf_add(buf, fx_slice_of(text));
}

void fx_buf_add_char(struct fx_buf *buf, char c) {
    fx_buf_add(buf, (struct fx_slice){&c, 1});
}

void fx_buf_addf(struct fx_buf *buf, const char *fmt, ...) {
    va_list args;

    va_start(args, fmt);
    fx_buf_add_text(buf, fx_vprintf(buf->sc, fmt, args));
    va_end(args);
}

struct fx_slice fx_buf_slice(const struct fx_buf *buf) {
    return (struct fx_slice){fx_buf_text(buf), buf->len};
}

const char *fx_buf_text(const struct fx_buf *buf) {
    return buf->ptr == NULL ? "" : buf->ptr;
}
