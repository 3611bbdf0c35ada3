/* http_request_test.c - what goes out is what was given, and what must not go out is refused. */
#include "http_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void what_stood_still_for_too_long_is_not_sent(void **state) {
    struct http_world w;
    int64_t now_ms = fx_mono_ms(fx_clock_system());

    http_world_begin(&w, http_answer_all, HTTP_HELLO);
    w.request.method = "POST";
    w.request.body = FX_SLICE("{}");
    w.request.send_before_mono_ms = now_ms; /* connecting takes no time off: that is over */
    assert_int_equal(http_world_call(&w), FX_ERR_TIMEOUT);
    assert_false(w.err.sent);
    assert_non_null(strstr(w.err.message, "was not sent"));
    assert_int_equal(w.server.requests, 0);
    w.request.send_before_mono_ms = now_ms + 60 * 1000;
    assert_int_equal(http_world_call(&w), FX_OK);
    assert_int_equal(w.server.requests, 1);
    http_world_end(&w);
}

static void sends_what_was_given_and_nothing_of_its_own(void **state) {
    struct http_world w;
    struct fx_http_header headers[] = {{"X-Amz-Target", "AmazonSQS.ListQueues"}, {"X-Empty", ""}};

    http_world_begin(&w, http_answer_all, HTTP_HELLO);
    w.request.method = "POST";
    w.request.headers = headers;
    w.request.headers_count = 2;
    w.request.body = FX_SLICE("{\"a\":1}");
    assert_int_equal(http_world_call(&w), FX_OK);
    assert_non_null(strstr(w.server.last, "POST /path?secret=hush HTTP/1.1\r\n"));
    assert_non_null(strstr(w.server.last, "X-Amz-Target: AmazonSQS.ListQueues\r\n"));
    assert_non_null(strstr(w.server.last, "X-Empty:\r\n"));
    assert_non_null(strstr(w.server.last, "Content-Length: 7\r\n"));
    assert_non_null(strstr(w.server.last, "\r\n\r\n{\"a\":1}"));
    assert_null(strcasestr(w.server.last, "Content-Type"));
    assert_null(strcasestr(w.server.last, "Expect"));
    http_world_end(&w);
}

static void keeps_the_path_as_it_was_signed(void **state) {
    struct http_world w;

    http_world_begin(&w, http_answer_all, HTTP_HELLO);
    w.request.url = fx_printf(w.sc, "http://127.0.0.1:%d/a/../b%%3Ac//d", w.server.port);
    assert_int_equal(http_world_call(&w), FX_OK);
    assert_non_null(strstr(w.server.last, "GET /a/../b%3Ac//d HTTP/1.1\r\n"));
    http_world_end(&w);
}

static void refuses_a_request_that_would_grow_a_line(void **state) {
    static const struct fx_http_header bad[] = {
        {"X-A", "1\r\nX-Evil: 1"},
        {"X-A", "1\nX-Evil: 1"},
        {"X-A", "1\r"},
        {"X-A: 1\r\nX-B", "1"},
        {"", "1"},
        {"X A", "1"},
        {"X-A:", "1"},
    };
    struct http_world w;

    http_world_begin(&w, http_answer_all, HTTP_HELLO);
    w.request.headers_count = 1;
    for (size_t i = 0; i < FX_COUNT_OF(bad); i++) {
        w.request.headers = &bad[i];
        assert_int_equal(http_world_call(&w), FX_ERR_INPUT);
        assert_false(w.err.sent);
    }
    w.request.headers_count = 0;
    w.request.method = "GET /x HTTP/1.1\r\nX-Evil: 1\r\nX:";
    assert_int_equal(http_world_call(&w), FX_ERR_INPUT);
    w.request.method = "GET";
    w.request.url = fx_printf(w.sc, "http://127.0.0.1:%d/ HTTP/1.1\r\nX-Evil: 1", w.server.port);
    assert_int_equal(http_world_call(&w), FX_ERR_INPUT);
    assert_int_equal(w.server.connections, 0);
    http_world_end(&w);
}

static void refuses_other_schemes_and_passwords(void **state) {
    static const char *const urls[] = {
        "file:///etc/passwd",
        "ftp://127.0.0.1/x",
        "gopher://127.0.0.1/x",
        "ldap://127.0.0.1/",
        "127.0.0.1/x",
        "http://user:pass@127.0.0.1/",
        "http://",
        "",
        "javascript:1",
        "dict://127.0.0.1/",
        "http:///x",
        "http://u@127.0.0.1/",
    };
    struct http_world w;

    http_world_begin(&w, http_answer_all, HTTP_HELLO);
    for (size_t i = 0; i < FX_COUNT_OF(urls); i++) {
        w.request.url = urls[i];
        assert_int_equal(http_world_call(&w), FX_ERR_INPUT);
        assert_false(w.err.sent);
        assert_null(strstr(w.err.message, "pass@"));
    }
    http_world_end(&w);
}

static void ignores_proxies_of_the_environment(void **state) {
    struct http_world w;
    char proxy[64];

    http_world_begin(&w, http_answer_all, HTTP_HELLO);
    snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%d", loopback_closed_port());
    setenv("http_proxy", proxy, 1);
    setenv("ALL_PROXY", proxy, 1);
    assert_int_equal(http_world_call(&w), FX_OK);
    unsetenv("http_proxy");
    unsetenv("ALL_PROXY");
    http_world_end(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_stood_still_for_too_long_is_not_sent),
        cmocka_unit_test(sends_what_was_given_and_nothing_of_its_own),
        cmocka_unit_test(keeps_the_path_as_it_was_signed),
        cmocka_unit_test(refuses_a_request_that_would_grow_a_line),
        cmocka_unit_test(refuses_other_schemes_and_passwords),
        cmocka_unit_test(ignores_proxies_of_the_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
