/* slackapi_world.c - see slackapi_world.h. */
#include "slackapi_world.h"

#include <string.h>

static const char *sent_header(const struct fx_http_request *request, const char *name) {
    for (size_t i = 0; i < request->headers_count; i++)
        if (strcmp(request->headers[i].name, name) == 0)
            return request->headers[i].value;
    return NULL;
}

static enum fx_code exchange(struct fx_http *http, struct fx_scope *sc,
                             const struct fx_http_request *request,
                             struct fx_http_reply **ret_reply, struct fx_error *err) {
    struct slackapi_script *script = FX_CONTAINER_OF(http, struct slackapi_script, http);

    script->exchanges++;
    script->method = fx_strdup(sc, request->method);
    script->url = fx_strdup(sc, request->url);
    script->body = fx_slice_dup(sc, request->body);
    script->authorization = fx_strdup(sc, sent_header(request, "Authorization"));
    script->content_type = fx_strdup(sc, sent_header(request, "Content-Type"));
    script->reach = request->reach;
    if (script->failure != NULL) {
        *err = *script->failure;
        return err->code;
    }
    *ret_reply = &script->reply;
    return FX_OK;
}

void slackapi_world_answer(struct slackapi_world *w, int status, const char *body) {
    w->script.reply = (struct fx_http_reply){.status = status, .body = fx_slice_of(body)};
}

void slackapi_world_answer_with(struct slackapi_world *w, int status, const char *body,
                                const char *retry_after) {
    slackapi_world_answer(w, status, body);
    w->script.headers[0] = (struct fx_http_header){"retry-after", retry_after};
    w->script.reply.headers = w->script.headers;
    w->script.reply.headers_count = 1;
}

int slackapi_world_open(void **state) {
    static struct slackapi_world w;
    struct fx_error err;
    struct fx_slackapi_options options = {.http = &w.script.http,
                                          .api_url = "https://slack.com/api/",
                                          .bot_token = SLACKAPI_TOKEN,
                                          .response_url_prefix = "http://127.0.0.1:8099"};

    w = (struct slackapi_world){.sc = fx_scope_new(NULL),
                                .script = {.http = {.exchange = exchange}}};
    assert_ok(fx_slackapi_open(&options, &w.api, &err));
    slackapi_world_answer(&w, 200, "{\"ok\":true}");
    *state = &w;
    return 0;
}

int slackapi_world_close(void **state) {
    struct slackapi_world *w = *state;

    fx_slackapi_close(w->api);
    fx_scope_free(w->sc);
    return 0;
}

struct fx_json *slackapi_world_json(struct fx_scope *sc, const char *text) {
    struct fx_json *json = NULL;
    struct fx_error err;

    assert_ok(fx_json_parse(sc, fx_slice_of(text), &json, &err));
    return json;
}

struct fx_json *slackapi_world_sent(const struct slackapi_world *w) {
    return slackapi_world_json(w->sc, w->script.body);
}

enum fx_code slackapi_world_post(struct slackapi_world *w, struct fx_error *err) {
    const char *ts = NULL;

    return fx_slackapi_post(w->api, w->sc, "C0", "", slackapi_world_json(w->sc, SLACKAPI_MESSAGE),
                            &ts, err);
}
