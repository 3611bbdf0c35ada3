/* slackapi_world.h - the outgoing API of Slack against a scripted exchange. */
#pragma once

#include "support/test.h"

#include "fluxabot/slackapi.h"

#define SLACKAPI_TOKEN "xoxb-1-secret"
#define SLACKAPI_MESSAGE "{\"text\":\"t\",\"blocks\":[{\"type\":\"divider\"}]}"

/* The other side: remembers the one request and gives the answer that was prepared. */
struct slackapi_script {
    struct fx_http http;
    int exchanges;
    const char *method, *url, *body, *authorization, *content_type;
    enum fx_http_reach reach;
    struct fx_http_reply reply;
    struct fx_http_header headers[1];
    const struct fx_error *failure; /* instead of a reply */
};

struct slackapi_world {
    struct fx_scope *sc;
    struct slackapi_script script;
    struct fx_slackapi *api;
};

/* For cmocka: *state becomes a struct slackapi_world, which answers ok. */
int slackapi_world_open(void **state);
int slackapi_world_close(void **state);
#define SLACKAPI_TEST(name)                                                                        \
    cmocka_unit_test_setup_teardown(name, slackapi_world_open, slackapi_world_close)

/* To all that is asked from now on. */
void slackapi_world_answer(struct slackapi_world *w, int status, const char *body);
void slackapi_world_answer_with(struct slackapi_world *w, int status, const char *body,
                                const char *retry_after);
struct fx_json *slackapi_world_json(struct fx_scope *sc, const char *text);
/* The body of the newest request. */
struct fx_json *slackapi_world_sent(const struct slackapi_world *w);
/* Posts SLACKAPI_MESSAGE to C0. */
enum fx_code slackapi_world_post(struct slackapi_world *w, struct fx_error *err);
