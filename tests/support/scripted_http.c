/* scripted_http.c - see scripted_http.h */
#include "support/scripted_http.h"

#include <stdatomic.h>
#include <string.h>
#include <strings.h>

static void remember(struct scripted_http *script, const struct fx_http_request *request) {
    struct fx_http_header *headers =
        fx_alloc(script->sc, (request->headers_count + 1) * sizeof(*headers));
    struct fx_http_request *kept = &script->requests[script->asked];

    for (size_t i = 0; i < request->headers_count; i++)
        headers[i] = (struct fx_http_header){fx_strdup(script->sc, request->headers[i].name),
                                             fx_strdup(script->sc, request->headers[i].value)};
    *kept = *request;
    kept->method = fx_strdup(script->sc, request->method);
    kept->url = fx_strdup(script->sc, request->url);
    kept->headers = headers;
    kept->body = fx_slice_of(fx_slice_dup(script->sc, request->body));
}

static enum fx_code exchange(struct fx_http *http, struct fx_scope *sc,
                             const struct fx_http_request *request,
                             struct fx_http_reply **ret_reply, struct fx_error *err) {
    struct scripted_http *script = FX_CONTAINER_OF(http, struct scripted_http, http);

    if (script->asked >= script->replies_count || script->asked >= SCRIPT_MAX)
        fail_msg("an unexpected request to %s", request->url);
    remember(script, request);
    const struct scripted_reply *scripted = &script->replies[script->asked++];
    if (scripted->status == 0) {
        enum fx_code code = fx_fail(err, scripted->failure, "no reply, as scripted");
        err->sent = scripted->sent;
        return code;
    }
    struct fx_http_reply *reply = FX_NEW(sc, struct fx_http_reply);
    reply->status = scripted->status;
    reply->headers = scripted->headers;
    while (reply->headers_count < SCRIPT_MAX_HEADERS &&
           scripted->headers[reply->headers_count].name != NULL)
        reply->headers_count++;
    reply->body = fx_slice_of(scripted->body);
    reply->date_wall_ms = scripted->date_wall_ms;
    *ret_reply = reply;
    return FX_OK;
}

void scripted_http_init(struct scripted_http *script, struct fx_scope *sc) {
    *script = (struct scripted_http){.http.exchange = exchange, .sc = sc};
}

void scripted_http_set(struct scripted_http *script, const struct scripted_reply *replies,
                       size_t count) {
    script->replies = replies;
    script->replies_count = count;
    script->asked = 0;
}

const char *scripted_http_header(const struct scripted_http *script, size_t request,
                                 const char *name) {
    const struct fx_http_request *kept = &script->requests[request];

    for (size_t i = 0; i < kept->headers_count; i++)
        if (strcasecmp(kept->headers[i].name, name) == 0)
            return kept->headers[i].value;
    return NULL;
}

static int64_t held_wall_ms(struct fx_clock *clock) {
    return FX_CONTAINER_OF(clock, struct held_clock, clock)->wall_ms;
}

static int64_t held_mono_ms(struct fx_clock *clock) {
    struct held_clock *held = FX_CONTAINER_OF(clock, struct held_clock, clock);

    return atomic_fetch_add(&held->mono_ms, held->step_ms) + held->step_ms;
}

void held_clock_init(struct held_clock *held, int64_t wall_ms) {
    *held = (struct held_clock){
        .clock = {.wall_ms = held_wall_ms, .mono_ms = held_mono_ms},
        .wall_ms = wall_ms,
        .mono_ms = 1000,
    };
}

static void fill(struct fx_random *random, void *bytes, size_t len) {
    memset(bytes, FX_CONTAINER_OF(random, struct held_random, random)->byte, len);
}

void held_random_init(struct held_random *held, uint8_t byte) {
    *held = (struct held_random){.random = {.fill = fill}, .byte = byte};
}
