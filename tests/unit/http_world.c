/* http_world.c - see http_world.h. */
#include "http_world.h"

void http_world_begin(struct http_world *w, void (*serve)(struct loopback *, int),
                      const char *answer) {
    struct fx_error err;

    *w = (struct http_world){.server = {.serve = serve, .answer = answer}};
    assert_ok(fx_http_open(fx_clock_system(), NULL, &w->http, &err));
    w->sc = fx_scope_new(NULL);
    loopback_start(&w->server);
    w->started_ms = fx_mono_ms(fx_clock_system());
    w->request = (struct fx_http_request){
        .method = "GET",
        .url = fx_printf(w->sc, "http://127.0.0.1:%d/path?secret=hush", w->server.port),
        .reach = FX_HTTP_ANY,
        .timeout_ms = 5000,
    };
}

void http_world_end(struct http_world *w) {
    fx_http_close(w->http); /* first, so that no server waits for an idle connection */
    loopback_stop(&w->server);
    fx_scope_free(w->sc);
}

enum fx_code http_world_call(struct http_world *w) {
    w->err = (struct fx_error){0};
    return fx_http_exchange(w->http, w->sc, &w->request, &w->reply, &w->err);
}

void http_answer_all(struct loopback *server, int conn) {
    while (loopback_read(server, conn))
        loopback_say(conn, server->answer);
}

void http_answer_one(struct loopback *server, int conn) {
    if (loopback_read(server, conn))
        loopback_say(conn, server->answer);
}

void http_answer_never(struct loopback *server, int conn) {
    if (loopback_read(server, conn))
        loopback_wait_for_close(server, conn);
}
