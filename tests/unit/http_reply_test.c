/* http_reply_test.c - what counts as a reply, what does not, and how much of one is read. */
#include "http_world.h"

#include <poll.h>
#include <string.h>

/* ---- replies ---- */

static void any_status_is_a_reply(void **state) {
    struct http_world w;

    http_world_begin(
        &w, http_answer_all,
        "HTTP/1.1 503 Busy\r\nX-Amzn-RequestId:  abc \r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
        "Content-Length: 4\r\n\r\nbusy");
    assert_int_equal(http_world_call(&w), FX_OK);
    assert_int_equal(w.reply->status, 503);
    assert_true(fx_slice_equal_text(w.reply->body, "busy"));
    assert_string_equal(fx_http_reply_header(w.reply, "x-amzn-requestid"), "abc");
    assert_null(fx_http_reply_header(w.reply, "x-absent"));
    assert_int_equal(w.reply->date_wall_ms, 784111777000);
    http_world_end(&w);
}

static void an_unreadable_date_is_absent(void **state) {
    struct http_world w;

    http_world_begin(&w, http_answer_all,
                     "HTTP/1.1 200 OK\r\nDate: soon\r\nContent-Length: 0\r\n\r\n");
    assert_int_equal(http_world_call(&w), FX_OK);
    assert_int_equal(w.reply->date_wall_ms, 0);
    assert_int_equal(w.reply->body.len, 0);
    http_world_end(&w);
}

static void headers_of_an_interim_reply_are_forgotten(void **state) {
    struct http_world w;

    http_world_begin(&w, http_answer_all, "HTTP/1.1 103 Early\r\nX-Early: 1\r\n\r\n" HTTP_HELLO);
    assert_int_equal(http_world_call(&w), FX_OK);
    assert_int_equal(w.reply->status, 200);
    assert_null(fx_http_reply_header(w.reply, "x-early"));
    http_world_end(&w);
}

static void a_redirect_is_not_followed(void **state) {
    struct http_world w;

    http_world_begin(&w, http_answer_all,
                     "HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n");
    assert_int_equal(http_world_call(&w), FX_OK);
    assert_int_equal(w.reply->status, 302);
    assert_int_equal(w.server.requests, 1);
    http_world_end(&w);
}

/* ---- missing replies ---- */

static void a_closed_port_means_nothing_was_sent(void **state) {
    struct http_world w;

    http_world_begin(&w, http_answer_all, HTTP_HELLO);
    w.request.url = fx_printf(w.sc, "http://127.0.0.1:%d/?secret=hush", loopback_closed_port());
    assert_int_equal(http_world_call(&w), FX_ERR_UNAVAILABLE);
    assert_false(w.err.sent);
    assert_non_null(strstr(w.err.message, "127.0.0.1:"));
    assert_null(strstr(w.err.message, "hush"));
    http_world_end(&w);
}

static void a_cut_reply_is_no_reply(void **state) {
    static const char *const cut[] = {
        "",
        "HTTP/1.1 20",
        "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
    };

    for (size_t i = 0; i < FX_COUNT_OF(cut); i++) {
        struct http_world w;
        http_world_begin(&w, http_answer_one, cut[i]);
        w.request.method = "POST";
        w.request.body = FX_SLICE("x");
        assert_int_equal(http_world_call(&w), FX_ERR_UNAVAILABLE);
        assert_true(w.err.sent);
        assert_int_equal(w.server.requests, 1);
        http_world_end(&w);
    }
}

static void speech_that_is_not_http_is_no_reply(void **state) {
    struct http_world w;

    http_world_begin(&w, http_answer_one, "SSH-2.0-OpenSSH_9.2\r\n");
    assert_int_equal(http_world_call(&w), FX_ERR_UNAVAILABLE);
    assert_true(w.err.sent);
    http_world_end(&w);
}

/* ---- limits ---- */

static void a_declared_length_above_the_cap_is_refused(void **state) {
    struct http_world w;

    http_world_begin(&w, http_answer_one, "HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n");
    w.request.max_reply_bytes = 100;
    assert_int_equal(http_world_call(&w), FX_ERR_LIMIT);
    assert_true(w.err.sent);
    http_world_end(&w);
}

static void flood(struct loopback *server, int conn) {
    struct pollfd fd = {.fd = conn, .events = POLLRDHUP};
    char block[4096];

    if (!loopback_read(server, conn))
        return;
    memset(block, 'x', sizeof(block));
    loopback_say(conn, server->answer);
    while (poll(&fd, 1, 0) == 0)
        loopback_send(conn, block, sizeof(block));
}

static void an_undeclared_flood_stops_at_the_cap(void **state) {
    struct http_world w;

    http_world_begin(&w, flood, "HTTP/1.1 200 OK\r\n\r\n");
    w.request.max_reply_bytes = 10000;
    assert_int_equal(http_world_call(&w), FX_ERR_LIMIT);
    assert_true(w.err.sent);
    http_world_end(&w);
}

static void a_header_without_end_stops_at_the_cap(void **state) {
    struct http_world w;

    http_world_begin(&w, flood, "HTTP/1.1 200 OK\r\nX-Long: ");
    assert_int_not_equal(http_world_call(&w), FX_OK);
    assert_int_not_equal(w.err.code, FX_ERR_TIMEOUT);
    http_world_end(&w);
}

static void endless_headers(struct loopback *server, int conn) {
    struct pollfd fd = {.fd = conn, .events = POLLRDHUP};

    if (!loopback_read(server, conn))
        return;
    loopback_say(conn, "HTTP/1.1 200 OK\r\n");
    while (poll(&fd, 1, 0) == 0)
        loopback_say(conn, "X-More: 1\r\n");
}

static void headers_without_end_stop_at_the_cap(void **state) {
    struct http_world w;

    http_world_begin(&w, endless_headers, NULL);
    assert_int_equal(http_world_call(&w), FX_ERR_LIMIT);
    http_world_end(&w);
}

static void a_reply_of_exactly_the_cap_passes(void **state) {
    struct http_world w;

    http_world_begin(&w, http_answer_all, HTTP_HELLO);
    w.request.max_reply_bytes = 5;
    assert_int_equal(http_world_call(&w), FX_OK);
    assert_true(fx_slice_equal_text(w.reply->body, "hello"));
    w.request.max_reply_bytes = 4;
    assert_int_equal(http_world_call(&w), FX_ERR_LIMIT);
    http_world_end(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_status_is_a_reply),
        cmocka_unit_test(an_unreadable_date_is_absent),
        cmocka_unit_test(headers_of_an_interim_reply_are_forgotten),
        cmocka_unit_test(a_redirect_is_not_followed),
        cmocka_unit_test(a_closed_port_means_nothing_was_sent),
        cmocka_unit_test(a_cut_reply_is_no_reply),
        cmocka_unit_test(speech_that_is_not_http_is_no_reply),
        cmocka_unit_test(a_declared_length_above_the_cap_is_refused),
        cmocka_unit_test(an_undeclared_flood_stops_at_the_cap),
        cmocka_unit_test(a_header_without_end_stops_at_the_cap),
        cmocka_unit_test(headers_without_end_stop_at_the_cap),
        cmocka_unit_test(a_reply_of_exactly_the_cap_passes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
