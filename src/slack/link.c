/* link.c - which addresses may stand behind a link or a button. */
#include "private.h"

#include <string.h>

/* User names, IPv6 and everything unusual are refused: a link shows less than its address says. */
static bool is_authority(struct fx_slice authority) {
    struct fx_slice host, port;

    if (fx_slice_split(authority, ':', &host, &port)) {
        int64_t number = 0;
        if (!fx_slice_to_int(port, &number) || number < 1 || number > 65535)
            return false;
    }
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
            c != '.' && c != '-')
            return false;
    }
    return host.len > 0 && host.ptr[0] != '.' && host.ptr[0] != '-';
}

static bool is_this_machine(struct fx_slice authority) {
    struct fx_slice host, port;

    fx_slice_split(authority, ':', &host, &port);
    return fx_slice_equal_text(host, "127.0.0.1") || fx_slice_equal_text(host, "localhost");
}

static bool is_allowed(const char *url) {
    struct fx_slice all = fx_slice_of(url);
    bool tls = fx_slice_starts_with(all, FX_SLICE("https://"));

    if (!tls && !fx_slice_starts_with(all, FX_SLICE("http://")))
        return false;
    size_t start = tls ? strlen("https://") : strlen("http://");
    struct fx_slice authority = fx_slice_cut(all, start, strcspn(url + start, "/?#"));
    return is_authority(authority) && (tls || is_this_machine(authority));
}

static bool is_unsafe(unsigned char c) {
    return c <= ' ' || c >= 0x7f || strchr("<>|\"`\\^{}", c) != NULL;
}

const char *slack_link_url(struct fx_scope *sc, const char *url) {
    struct fx_buf buf;

    if (url == NULL || !is_allowed(url))
        return NULL;
    fx_buf_init(&buf, sc, SLACK_MAX_URL);
    for (const unsigned char *c = (const unsigned char *)url; *c != '\0' && !buf.full; c++) {
        if (is_unsafe(*c))
            fx_buf_addf(&buf, "%%%02X", *c);
        else
            fx_buf_add_char(&buf, (char)*c);
    }
    return buf.full ? NULL : fx_buf_text(&buf);
}
