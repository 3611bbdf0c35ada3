/* http_connection_test.c - which connections are used again, what a dying one leads to, and whom
 * TLS trusts.
 */
#include "http_world.h"
#include "support/tls_server.h"

#include <string.h>

/* ---- once and connections ---- */

static void answer_first_then_hang_up(struct loopback *server, int conn) {
    if (server->connections == 1 && loopback_read(server, conn))
        loopback_say(conn, HTTP_HELLO);
    (void)loopback_read(server, conn);
}

static void a_change_on_a_dying_connection_is_sent_once(void **state) {
    static const struct fx_slice bodies[] = {{"{}", 2}, {"", 0}};

    for (size_t i = 0; i < FX_COUNT_OF(bodies); i++) {
        struct http_world w;
        http_world_begin(&w, answer_first_then_hang_up, NULL);
        assert_int_equal(http_world_call(&w), FX_OK);
        w.request.method = "POST";
        w.request.body = bodies[i];
        assert_int_equal(http_world_call(&w), FX_ERR_UNAVAILABLE);
        assert_true(w.err.sent);
        assert_int_equal(w.server.requests, 2);
        http_world_end(&w);
    }
}

static void keeps_connections_unless_a_fresh_one_is_wanted(void **state) {
    struct http_world w;

    http_world_begin(&w, http_answer_all, HTTP_HELLO);
    assert_int_equal(http_world_call(&w), FX_OK);
    assert_int_equal(http_world_call(&w), FX_OK);
    assert_int_equal(w.server.connections, 1);
    http_world_end(&w);
    http_world_begin(&w, http_answer_all, HTTP_HELLO);
    w.request.fresh = true;
    assert_int_equal(http_world_call(&w), FX_OK);
    assert_int_equal(http_world_call(&w), FX_OK);
    assert_int_equal(w.server.connections, 2);
    http_world_end(&w);
}

/* ---- TLS ---- */

static void trusts_the_extra_roots_and_no_stranger(void **state) {
    struct http_world w;
    struct tls_server server;
    struct fx_http *trusting = NULL;
    struct fx_error err;

    http_world_begin(&w, http_answer_all, HTTP_HELLO);
    tls_server_start(&server, w.sc, "2", true);
    w.request.url = fx_printf(w.sc, "https://127.0.0.1:%d/", server.port);
    assert_int_equal(http_world_call(&w), FX_ERR_UNAVAILABLE);
    assert_false(w.err.sent);
    assert_non_null(strstr(w.err.message, "certificate"));
    w.request.ca_file = server.certificate;
    assert_int_equal(http_world_call(&w), FX_OK);
    w.request.ca_file = NULL;
    assert_int_equal(http_world_call(&w),
                     FX_ERR_UNAVAILABLE); /* not over the connection just trusted */
    assert_ok(fx_http_open(fx_clock_system(), server.certificate, &trusting, &err));
    assert_ok(fx_http_exchange(trusting, w.sc, &w.request, &w.reply, &err));
    assert_int_equal(w.reply->status, 200);
    w.request.url =
        fx_printf(w.sc, "https://localhost:%d/", server.port); /* another name than it bears */
    assert_int_equal(fx_http_exchange(trusting, w.sc, &w.request, &w.reply, &err),
                     FX_ERR_UNAVAILABLE);
    fx_http_close(trusting);

    (void)tls_server_stop(&server, "");
    http_world_end(&w);
}

static void a_missing_file_of_roots_stops_the_start(void **state) {
    struct fx_http *http = NULL;
    struct fx_error err;

    assert_int_equal(fx_http_open(fx_clock_system(), "/nonexistent.pem", &http, &err),
                     FX_ERR_INPUT);
    assert_null(http);
    assert_non_null(strstr(err.message, "/nonexistent.pem"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_change_on_a_dying_connection_is_sent_once),
        cmocka_unit_test(keeps_connections_unless_a_fresh_one_is_wanted),
        cmocka_unit_test(trusts_the_extra_roots_and_no_stranger),
        cmocka_unit_test(a_missing_file_of_roots_stops_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
