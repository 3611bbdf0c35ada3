/* reply.c - collects a reply within its limits and lets its headers be read. */
#include "private.h"

#include <curl/curl.h>
#include <string.h>

void http_reading_begin(struct http_reading *reading, struct fx_scope *sc, size_t max_bytes) {
    *reading = (struct http_reading){.sc = sc};
    fx_buf_init(&reading->body, sc, max_bytes);
}

static char *lower_dup(struct fx_scope *sc, struct fx_slice s) {
    char *text = fx_slice_dup(sc, s);

    for (char *p = text; *p != '\0'; p++)
        if (*p >= 'A' && *p <= 'Z')
            *p = (char)(*p - 'A' + 'a');
    return text;
}

bool http_reading_add_header(struct http_reading *reading, struct fx_slice line) {
    struct fx_slice name, value;

    reading->header_bytes += line.len;
    if (reading->header_bytes > HTTP_MAX_HEADER_BYTES) {
        reading->too_large = true;
        return false;
    }
    /* An interim reply (100, 103) comes before the real one: the last status line wins. */
    if (fx_slice_starts_with(line, FX_SLICE("HTTP/"))) {
        reading->headers_count = 0;
        return true;
    }
    line = fx_slice_trim(line);
    if (!fx_slice_split(line, ':', &name, &value))
        return true;
    if (reading->headers_count == HTTP_MAX_HEADERS) {
        reading->too_large = true;
        return false;
    }
    reading->headers[reading->headers_count++] = (struct fx_http_header){
        .name = lower_dup(reading->sc, fx_slice_trim(name)),
        .value = fx_slice_dup(reading->sc, fx_slice_trim(value)),
    };
    return true;
}

bool http_reading_add_body(struct http_reading *reading, struct fx_slice bytes) {
    fx_buf_add(&reading->body, bytes);
    if (reading->body.full)
        reading->too_large = true;
    return !reading->too_large;
}

static int64_t parse_date(const char *text) {
    time_t seconds = text != NULL ? curl_getdate(text, NULL) : -1;

    return seconds > 0 ? (int64_t)seconds * 1000 : 0;
}

struct fx_http_reply *http_reading_end(struct http_reading *reading, int status) {
    struct fx_http_reply *reply = FX_NEW(reading->sc, struct fx_http_reply);
    size_t bytes = reading->headers_count * sizeof(struct fx_http_header);
    struct fx_http_header *headers = fx_alloc(reading->sc, bytes + 1);

    memcpy(headers, reading->headers, bytes);
    reply->status = status;
    reply->headers = headers;
    reply->headers_count = reading->headers_count;
    reply->body = fx_buf_slice(&reading->body);
    reply->date_wall_ms = parse_date(fx_http_reply_header(reply, "date"));
    return reply;
}

const char *fx_http_reply_header(const struct fx_http_reply *reply, const char *name) {
    for (size_t i = 0; i < reply->headers_count; i++)
        if (strcmp(reply->headers[i].name, name) == 0)
            return reply->headers[i].value;
    return NULL;
}
