/* http_time_test.c - an exchange ends at its timeout, at its scope's deadline or when it is
 * canceled, whatever the server does.
 */
#include "http_world.h"

#include <poll.h>
#include <string.h>

static int64_t elapsed_ms(const struct http_world *w) {
    return fx_mono_ms(fx_clock_system()) - w->started_ms;
}

/* Who is cut off in time is cut off long before this, on a busy machine too; who is not waits
 * longer. */
enum { LATE_MS = 20000 };

static void gives_up_at_the_timeout_and_says_it_was_sent(void **state) {
    struct http_world w;

    http_world_begin(&w, http_answer_never, NULL);
    w.request.timeout_ms = 150;
    assert_int_equal(http_world_call(&w), FX_ERR_TIMEOUT);
    assert_true(w.err.sent);
    assert_in_range(elapsed_ms(&w), 140, LATE_MS);
    assert_null(strstr(w.err.message, "hush"));
    http_world_end(&w);
}

static void dribble(struct loopback *server, int conn) {
    struct pollfd fd = {.fd = conn, .events = POLLRDHUP};

    if (!loopback_read(server, conn))
        return;
    loopback_say(conn, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
    while (poll(&fd, 1, 10) == 0)
        loopback_say(conn, "x");
}

static void a_dribbling_server_meets_the_same_deadline(void **state) {
    struct http_world w;

    http_world_begin(&w, dribble, NULL);
    w.request.timeout_ms = 200;
    assert_int_equal(http_world_call(&w), FX_ERR_TIMEOUT);
    assert_true(w.err.sent);
    assert_in_range(elapsed_ms(&w), 190, LATE_MS);
    http_world_end(&w);
}

static void the_scopes_deadline_is_the_nearer_one(void **state) {
    struct http_world w;

    http_world_begin(&w, http_answer_never, NULL);
    fx_scope_set_deadline(w.sc, fx_mono_ms(fx_clock_system()) + 150);
    assert_int_equal(http_world_call(&w), FX_ERR_TIMEOUT);
    assert_true(w.err.sent);
    assert_in_range(elapsed_ms(&w), 100, LATE_MS);
    /* It has passed now: nothing leaves any more. */
    int requests = w.server.requests;
    assert_int_equal(http_world_call(&w), FX_ERR_TIMEOUT);
    assert_false(w.err.sent);
    assert_int_equal(w.server.requests, requests);
    http_world_end(&w);
}

static void cancel_when_it_arrives(struct loopback *server, int conn) {
    if (loopback_read(server, conn)) {
        fx_scope_cancel(server->arg);
        loopback_wait_for_close(server, conn);
    }
}

static void cancelling_the_scope_ends_the_exchange(void **state) {
    struct http_world w;

    http_world_begin(&w, cancel_when_it_arrives, NULL);
    w.server.arg = w.sc;
    w.request.timeout_ms = 2 * LATE_MS;
    assert_int_equal(http_world_call(&w), FX_ERR_CANCELED);
    assert_true(w.err.sent);
    assert_in_range(elapsed_ms(&w), 0, LATE_MS);
    http_world_end(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_up_at_the_timeout_and_says_it_was_sent),
        cmocka_unit_test(a_dribbling_server_meets_the_same_deadline),
        cmocka_unit_test(the_scopes_deadline_is_the_nearer_one),
        cmocka_unit_test(cancelling_the_scope_ends_the_exchange),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
