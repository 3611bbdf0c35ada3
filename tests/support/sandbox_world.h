/* sandbox_world.h - the simulated Slack and PagerDuty without a network: a clock, a scripted bot,
 * calls.
 *
 * Included by one file per program, after support/test.h.
 */
#pragma once

#include "private.h"

#include <string.h>

enum { WORLD_START_MS = 1795269720 * 1000LL, WORLD_SENT_MAX = 65536 };

struct world {
    struct sandbox sb;
    struct fx_clock clock;
    int64_t now_ms;
    struct fx_http bot;
    int bot_status;
    const char *bot_type, *bot_body; /* what the bot answers next */
    enum fx_code bot_failure;        /* FX_OK: it answers */
    void (*while_bot_thinks)(struct world *world);
    char sent_url[256], sent_body[WORLD_SENT_MAX];
    struct fx_http_header sent_headers[24];
    size_t sent_headers_count;
    int sent_count;
    struct fx_scope *sc;
};

static inline int64_t world_now_ms(struct fx_clock *clock) {
    return FX_CONTAINER_OF(clock, struct world, clock)->now_ms;
}

static inline enum fx_code world_exchange(struct fx_http *http, struct fx_scope *sc,
                                          const struct fx_http_request *request,
                                          struct fx_http_reply **ret_reply, struct fx_error *err) {
    struct world *world = FX_CONTAINER_OF(http, struct world, bot);
    struct fx_http_reply *reply = FX_NEW(sc, struct fx_http_reply);
    struct fx_http_header *type = FX_NEW(sc, struct fx_http_header);

    /* the bot calls back while it answers: the lock must be free */
    assert_int_equal(pthread_mutex_trylock(&world->sb.lock), 0);
    if (world->while_bot_thinks)
        world->while_bot_thinks(world);
    pthread_mutex_unlock(&world->sb.lock);
    world->sent_count++;
    assert_true(request->body.len < WORLD_SENT_MAX);
    memcpy(world->sent_body, request->body.ptr, request->body.len);
    world->sent_body[request->body.len] = '\0';
    memcpy(world->sent_url, request->url, strlen(request->url) + 1);
    world->sent_headers_count = request->headers_count;
    for (size_t i = 0; i < request->headers_count; i++)
        world->sent_headers[i] =
            (struct fx_http_header){fx_strdup(world->sc, request->headers[i].name),
                                    fx_strdup(world->sc, request->headers[i].value)};
    if (world->bot_failure != FX_OK)
        return fx_fail(err, world->bot_failure, "the bot does not answer");
    *type = (struct fx_http_header){"content-type", world->bot_type};
    reply->status = world->bot_status;
    reply->headers = type;
    reply->headers_count = world->bot_type ? 1 : 0;
    reply->body = fx_slice_of(world->bot_body);
    *ret_reply = reply;
    return FX_OK;
}

static inline int world_set_up(void **state) {
    struct fx_scope *sc = fx_scope_new(NULL);
    struct world *world = FX_NEW(sc, struct world);
    struct fx_error err;

    world->sc = sc;
    world->now_ms = WORLD_START_MS;
    world->clock = (struct fx_clock){world_now_ms, world_now_ms};
    world->bot.exchange = world_exchange;
    world->bot_status = 200;
    world->bot_body = "";
    world->sb.options.signing_secret = "8f742231b10e8888abcd99yyyzzz85a5";
    world->sb.options.bot_token = "xoxb-test";
    world->sb.options.bot_url = "https://127.0.0.1:8443";
    world->sb.options.page_port = 7000;
    world->sb.clock = &world->clock;
    world->sb.random = sandbox_random_new(sc, 1);
    world->sb.http = &world->bot;
    world->sb.scope = sc;
    sandbox_lock_init(&world->sb);
    assert_ok(sandbox_slack_start(&world->sb, &err));
    assert_ok(sandbox_pagerduty_start(&world->sb, &err));
    *state = world;
    return 0;
}

static inline int world_tear_down(void **state) {
    struct world *world = *state;

    sandbox_pagerduty_reset(&world->sb);
    sandbox_slack_stop(&world->sb);
    pthread_mutex_destroy(&world->sb.lock);
    pthread_cond_destroy(&world->sb.changed);
    fx_scope_free(world->sc);
    return 0;
}

/* One request through a handler, as the server would hand it over. query may be NULL. */
static inline struct sandbox_reply
world_request(struct world *world, sandbox_handler_fn *handle, const char *path, const char *query,
              const char *body, const struct fx_http_header *headers, size_t headers_count) {
    struct sandbox_reply reply = {.status = 200};
    struct sandbox_request req = {.sb = &world->sb,
                                  .sc = world->sc,
                                  .method = body ? "POST" : "GET",
                                  .path = path,
                                  .raw_path = path,
                                  .raw_query = query ? query : "",
                                  .body = fx_slice_of(body),
                                  .headers = headers,
                                  .headers_count = headers_count};

    sandbox_lock(&world->sb);
    handle(&req, &reply);
    sandbox_unlock(&world->sb);
    return reply;
}

static inline struct fx_json *world_json(struct world *world, const struct sandbox_reply *reply) {
    struct fx_json *json = NULL;
    struct fx_error err;

    assert_ok(fx_json_parse(world->sc, reply->body, &json, &err));
    return json;
}

static inline struct sandbox_reply world_call(struct world *world, const char *method,
                                              const char *args) {
    static const struct fx_http_header headers[] = {
        {"Authorization", "Bearer xoxb-test"}, {"Content-Type", "application/json; charset=utf-8"}};

    return world_request(world, sandbox_slack_api, fx_printf(world->sc, "/slack/api/%s", method),
                         NULL, args, headers, FX_COUNT_OF(headers));
}

/* A Web API call; its answer. */
static inline struct fx_json *world_api(struct world *world, const char *method, const char *args) {
    struct sandbox_reply reply = world_call(world, method, args);

    return world_json(world, &reply);
}

/* The error of a Web API call, "ok" when it worked. */
static inline const char *world_error(struct world *world, const char *method, const char *args) {
    struct fx_json *answer = world_api(world, method, args);

    return fx_json_get_bool(answer, "ok", false) ? "ok" : fx_json_get_text(answer, "error");
}

static inline struct fx_json *world_door(struct world *world, sandbox_handler_fn *handle,
                                         const char *body) {
    struct sandbox_reply reply = world_request(world, handle, "/", NULL, body, NULL, 0);

    return world_json(world, &reply);
}

static inline struct fx_json *world_look(struct world *world, sandbox_handler_fn *handle,
                                         const char *query) {
    struct sandbox_reply reply = world_request(world, handle, "/", query, NULL, NULL, 0);

    return world_json(world, &reply);
}

/* Posts text to the usual channel; the message's ts. */
static inline const char *world_post(struct world *world, const char *args) {
    struct fx_json *answer = world_api(world, "chat.postMessage", args);
    const char *ts = fx_json_get_text(answer, "ts");

    if (!ts)
        fail_msg("not posted: %s", fx_json_dump(world->sc, answer));
    return ts;
}

static inline const char *world_sent_header(struct world *world, const char *name) {
    for (size_t i = 0; i < world->sent_headers_count; i++)
        if (strcasecmp(world->sent_headers[i].name, name) == 0)
            return world->sent_headers[i].value;
    return NULL;
}

/* A field of the last form that was sent to the bot. */
static inline const char *world_sent_field(struct world *world, const char *name) {
    struct fx_slice pair, rest = fx_slice_of(world->sent_body), key, value;
    struct fx_error err;

    while (rest.len > 0) {
        fx_slice_split(rest, '&', &pair, &rest);
        fx_slice_split(pair, '=', &key, &value);
        if (!fx_slice_equal_text(key, name))
            continue;
        assert_ok(fx_url_decode(world->sc, value, true, &value, &err));
        return fx_slice_dup(world->sc, value);
    }
    return NULL;
}

/* The payload of the last interaction. */
static inline struct fx_json *world_sent_payload(struct world *world) {
    struct fx_json *payload = NULL;
    struct fx_error err;

    assert_ok(
        fx_json_parse(world->sc, fx_slice_of(world_sent_field(world, "payload")), &payload, &err));
    return payload;
}
