/* wire.c - the way there and back: what gets lost on it, what comes late, who answers. */
#include "world.h"

#include "fluxabot/base/digest.h"

#include <stdio.h>
#include <string.h>

enum { GIVE_UP_MS = 10000, LATE_MS = 120000 };

/* ---- carrying it out ---- */

struct parcel {
    char *url, *target;
    struct fx_slice body;
    struct caller caller;
};

static const char *last_part(const char *text, char mark) {
    const char *at = text == NULL ? NULL : strrchr(text, mark);

    return at == NULL ? "" : at + 1;
}

static const char *target_of(const struct fx_http_request *request) {
    for (size_t i = 0; i < request->headers_count; i++)
        if (strcmp(request->headers[i].name, "X-Amz-Target") == 0)
            return request->headers[i].value;
    return NULL;
}

static struct wire_reply carry_out(struct fx_scope *sc, const char *url, const char *target,
                                   struct fx_slice body, const struct caller *caller) {
    struct fx_json *in = NULL;
    struct fx_error ignored;

    if (target != NULL && fx_json_parse(sc, body, &in, &ignored) == FX_OK)
        return sqs_handle(sc, last_part(target, '.'), in, caller);
    if (strstr(url, "://monitoring.") != NULL)
        return cloudwatch_handle(sc, body);
    if (strstr(url, "://hooks.slack.com/") != NULL)
        return (struct wire_reply){200, "ok"};
    return slack_handle(sc, last_part(url, '/'), body);
}

static void carry_out_late(void *argument) {
    const struct parcel *copy = argument;
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);

    sim_note("late", copy->target == NULL ? last_part(copy->url, '/') : copy->target, 0);
    (void)carry_out(sc, copy->url, copy->target, copy->body, &copy->caller);
}

static void keep_for_later(const struct fx_http_request *request, const struct caller *caller) {
    struct parcel *copy = FX_NEW(sim->sc, struct parcel);

    copy->url = fx_strdup(sim->sc, request->url);
    copy->target = fx_strdup(sim->sc, target_of(request));
    copy->body = fx_slice_of(fx_slice_dup(sim->sc, request->body));
    copy->caller = *caller;
    sim_at(sim->now_ms + chance_between(&sim->chance, 100, LATE_MS), carry_out_late, copy);
}

/* ---- on the way ---- */

static enum fx_code fail_sent(struct fx_error *err, enum fx_code code, const char *why) {
    (void)fx_fail(err, code, "%s", why);
    err->sent = true;
    return code;
}

static enum fx_code die(struct fx_error *err) {
    return fail_sent(err, FX_ERR_CANCELED, "the process has died");
}

static enum fx_code no_answer(struct replica *replica, struct fx_error *err) {
    if (!sim_pass(replica, 100, GIVE_UP_MS))
        return die(err);
    return fail_sent(err, FX_ERR_TIMEOUT, "no answer came");
}

static struct wire_reply throttle(const char *target) {
    if (target == NULL)
        return (struct wire_reply){429, "{\"ok\":false,\"error\":\"ratelimited\"}"};
    return (struct wire_reply){
        400, "{\"__type\":\"com.amazonaws.sqs#RequestThrottled\",\"message\":\"slower\"}"};
}

/* A change gets lost more often than a question. */
static bool befalls(int64_t one_in, const struct caller *caller) {
    enum { TIMES = 4 };

    return sim_fault(caller->hand.run[0] != '\0' && one_in > TIMES ? one_in / TIMES : one_in);
}

/* FX_OK with a reply, or what its sender hears. */
static enum fx_code travel(struct replica *replica, struct fx_scope *sc,
                           const struct fx_http_request *request, const struct caller *caller,
                           struct wire_reply *ret, struct fx_error *err) {
    const struct weather *weather = &sim->weather;
    const char *target = target_of(request);

    if (befalls(weather->http_refused, caller))
        return fx_fail(err, FX_ERR_UNAVAILABLE, "the connection was refused");
    if (befalls(weather->http_late, caller)) {
        keep_for_later(request, caller);
        return no_answer(replica, err);
    }
    if (befalls(weather->http_lost_before, caller))
        return no_answer(replica, err);
    if (befalls(weather->http_throttled, caller)) {
        *ret = throttle(target);
        return FX_OK;
    }
    if (befalls(weather->http_error, caller)) {
        *ret = (struct wire_reply){503, "{}"};
        return FX_OK;
    }
    *ret = carry_out(sc, request->url, target, request->body, caller);
    if (befalls(weather->http_error_after, caller))
        *ret = (struct wire_reply){500, "{}"};
    else if (befalls(weather->http_lost_after, caller))
        return no_answer(replica, err);
    return FX_OK;
}

static enum fx_code exchange(struct fx_http *http, struct fx_scope *sc,
                             const struct fx_http_request *request,
                             struct fx_http_reply **ret_reply, struct fx_error *err) {
    struct replica *replica = FX_CONTAINER_OF(http, struct replica, http);
    const char *what = target_of(request) == NULL ? request->url : target_of(request);
    struct caller caller = {.sent_ms = sim->now_ms, .replica = replica->number};
    struct wire_reply wire = {0};

    if (!sim_pass(replica, 2, 40))
        return die(err);
    if (request->send_before_mono_ms != 0 &&
        fx_mono_ms(&replica->clock) >= request->send_before_mono_ms)
        return fx_fail(err, FX_ERR_TIMEOUT, "it would have left too late, so nothing was sent");
    caller.hand = sim->current->hand;
    caller.sent_ms = sim->now_ms;
    enum fx_code code = travel(replica, sc, request, &caller, &wire, err);

    sim_note(code == FX_OK ? "http" : "http lost", last_part(what, target_of(request) ? '.' : '/'),
             wire.status);
    FX_TRY(code);
    if (!(sim_fault(sim->weather.http_slow) ? sim_pass(replica, 500, GIVE_UP_MS)
                                            : sim_pass(replica, 2, 40)))
        return die(err);
    if (fx_scope_check(sc, 0, err) != FX_OK) {
        err->sent = true;
        return err->code;
    }
    struct fx_http_reply *reply = FX_NEW(sc, struct fx_http_reply);

    *reply = (struct fx_http_reply){.status = wire.status, .body = fx_slice_of(wire.body)};
    *ret_reply = reply;
    return FX_OK;
}

void wire_init(struct replica *replica) {
    replica->http.exchange = exchange;
}
