/* http_test.c - the outgoing exchange against real servers with bad manners. */
#include "support/loopback.h"
#include "support/tls_server.h"

#include "fluxabot/http.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct world {
    struct fx_http *http;
    struct fx_scope *sc;
    struct loopback server;
    struct fx_http_request request;
    struct fx_http_reply *reply;
    struct fx_error err;
    int64_t started_ms;
};

static void begin(struct world *w, void (*serve)(struct loopback *, int), const char *answer) {
    struct fx_error err;

    *w = (struct world){.server = {.serve = serve, .answer = answer}};
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

static void end(struct world *w) {
    fx_http_close(w->http); /* first, so that no server waits for an idle connection */
    loopback_stop(&w->server);
    fx_scope_free(w->sc);
}

static enum fx_code call(struct world *w) {
    w->err = (struct fx_error){0};
    return fx_http_exchange(w->http, w->sc, &w->request, &w->reply, &w->err);
}

static int64_t elapsed_ms(const struct world *w) {
    return fx_mono_ms(fx_clock_system()) - w->started_ms;
}

#define OK_HELLO "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

static void answer_all(struct loopback *server, int conn) {
    while (loopback_read(server, conn))
        loopback_say(conn, server->answer);
}

static void answer_one(struct loopback *server, int conn) {
    if (loopback_read(server, conn))
        loopback_say(conn, server->answer);
}

static void answer_never(struct loopback *server, int conn) {
    if (loopback_read(server, conn))
        loopback_wait_for_close(server, conn);
}

/* ---- replies ---- */

static void any_status_is_a_reply(void **state) {
    struct world w;

    begin(&w, answer_all,
          "HTTP/1.1 503 Busy\r\nX-Amzn-RequestId:  abc \r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
          "Content-Length: 4\r\n\r\nbusy");
    assert_int_equal(call(&w), FX_OK);
    assert_int_equal(w.reply->status, 503);
    assert_true(fx_slice_equal_text(w.reply->body, "busy"));
    assert_string_equal(fx_http_reply_header(w.reply, "x-amzn-requestid"), "abc");
    assert_null(fx_http_reply_header(w.reply, "x-absent"));
    assert_int_equal(w.reply->date_wall_ms, 784111777000);
    end(&w);
}

static void an_unreadable_date_is_absent(void **state) {
    struct world w;

    begin(&w, answer_all, "HTTP/1.1 200 OK\r\nDate: soon\r\nContent-Length: 0\r\n\r\n");
    assert_int_equal(call(&w), FX_OK);
    assert_int_equal(w.reply->date_wall_ms, 0);
    assert_int_equal(w.reply->body.len, 0);
    end(&w);
}

static void headers_of_an_interim_reply_are_forgotten(void **state) {
    struct world w;

    begin(&w, answer_all, "HTTP/1.1 103 Early\r\nX-Early: 1\r\n\r\n" OK_HELLO);
    assert_int_equal(call(&w), FX_OK);
    assert_int_equal(w.reply->status, 200);
    assert_null(fx_http_reply_header(w.reply, "x-early"));
    end(&w);
}

static void a_redirect_is_not_followed(void **state) {
    struct world w;

    begin(&w, answer_all, "HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n");
    assert_int_equal(call(&w), FX_OK);
    assert_int_equal(w.reply->status, 302);
    assert_int_equal(w.server.requests, 1);
    end(&w);
}

/* ---- many at once ---- */

static void each_of_many_has_its_own_end(void **state) {
    enum { COUNT = FX_HTTP_MAX_AT_ONCE + 3 };
    struct fx_http_one all[COUNT] = {0};
    struct world w;

    begin(&w, answer_one, OK_HELLO);
    for (size_t i = 0; i < COUNT; i++)
        all[i] = (struct fx_http_one){.sc = w.sc, .request = w.request};
    all[1].request.url = "ftp://127.0.0.1/";
    all[2].request.reach = FX_HTTP_PUBLIC;
    all[3].request.method = "POST";
    all[3].request.body = FX_SLICE("{}");
    all[3].request.send_before_mono_ms = fx_mono_ms(fx_clock_system());
    all[COUNT - 1].request.max_reply_bytes = 3;
    fx_http_exchange_all(w.http, all, COUNT);
    assert_int_equal(all[1].code, FX_ERR_INPUT);
    assert_int_equal(all[2].code, FX_ERR_DENIED);
    assert_int_equal(all[3].code, FX_ERR_TIMEOUT);
    assert_false(all[3].err.sent);
    assert_int_equal(all[COUNT - 1].code, FX_ERR_LIMIT);
    assert_true(all[COUNT - 1].err.sent);
    for (size_t i = 4; i < COUNT - 1; i++) {
        assert_int_equal(all[i].code, FX_OK);
        assert_true(fx_slice_equal_text(all[i].reply->body, "hello"));
    }
    end(&w);
}

static void many_end_at_the_deadline_of_their_work(void **state) {
    struct fx_http_one all[2] = {0};
    struct world w;

    begin(&w, answer_never, NULL);
    for (size_t i = 0; i < 2; i++)
        all[i] = (struct fx_http_one){.sc = w.sc, .request = w.request};
    fx_scope_set_deadline(w.sc, fx_mono_ms(fx_clock_system()) + 300);
    fx_http_exchange_all(w.http, all, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(all[i].code, FX_ERR_TIMEOUT);
        assert_true(all[i].err.sent || w.server.requests < 2);
    }
    end(&w);
}

/* ---- requests ---- */

static void what_stood_still_for_too_long_is_not_sent(void **state) {
    struct world w;
    int64_t now_ms = fx_mono_ms(fx_clock_system());

    begin(&w, answer_all, OK_HELLO);
    w.request.method = "POST";
    w.request.body = FX_SLICE("{}");
    w.request.send_before_mono_ms = now_ms; /* connecting takes no time off: that is over */
    assert_int_equal(call(&w), FX_ERR_TIMEOUT);
    assert_false(w.err.sent);
    assert_non_null(strstr(w.err.message, "was not sent"));
    assert_int_equal(w.server.requests, 0);
    w.request.send_before_mono_ms = now_ms + 60 * 1000;
    assert_int_equal(call(&w), FX_OK);
    assert_int_equal(w.server.requests, 1);
    end(&w);
}

static void sends_what_was_given_and_nothing_of_its_own(void **state) {
    struct world w;
    struct fx_http_header headers[] = {{"X-Amz-Target", "AmazonSQS.ListQueues"}, {"X-Empty", ""}};

    begin(&w, answer_all, OK_HELLO);
    w.request.method = "POST";
    w.request.headers = headers;
    w.request.headers_count = 2;
    w.request.body = FX_SLICE("{\"a\":1}");
    assert_int_equal(call(&w), FX_OK);
    assert_non_null(strstr(w.server.last, "POST /path?secret=hush HTTP/1.1\r\n"));
    assert_non_null(strstr(w.server.last, "X-Amz-Target: AmazonSQS.ListQueues\r\n"));
    assert_non_null(strstr(w.server.last, "X-Empty:\r\n"));
    assert_non_null(strstr(w.server.last, "Content-Length: 7\r\n"));
    assert_non_null(strstr(w.server.last, "\r\n\r\n{\"a\":1}"));
    assert_null(strcasestr(w.server.last, "Content-Type"));
    assert_null(strcasestr(w.server.last, "Expect"));
    end(&w);
}

static void keeps_the_path_as_it_was_signed(void **state) {
    struct world w;

    begin(&w, answer_all, OK_HELLO);
    w.request.url = fx_printf(w.sc, "http://127.0.0.1:%d/a/../b%%3Ac//d", w.server.port);
    assert_int_equal(call(&w), FX_OK);
    assert_non_null(strstr(w.server.last, "GET /a/../b%3Ac//d HTTP/1.1\r\n"));
    end(&w);
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
    struct world w;

    begin(&w, answer_all, OK_HELLO);
    w.request.headers_count = 1;
    for (size_t i = 0; i < FX_COUNT_OF(bad); i++) {
        w.request.headers = &bad[i];
        assert_int_equal(call(&w), FX_ERR_INPUT);
        assert_false(w.err.sent);
    }
    w.request.headers_count = 0;
    w.request.method = "GET /x HTTP/1.1\r\nX-Evil: 1\r\nX:";
    assert_int_equal(call(&w), FX_ERR_INPUT);
    w.request.method = "GET";
    w.request.url = fx_printf(w.sc, "http://127.0.0.1:%d/ HTTP/1.1\r\nX-Evil: 1", w.server.port);
    assert_int_equal(call(&w), FX_ERR_INPUT);
    assert_int_equal(w.server.connections, 0);
    end(&w);
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
    struct world w;

    begin(&w, answer_all, OK_HELLO);
    for (size_t i = 0; i < FX_COUNT_OF(urls); i++) {
        w.request.url = urls[i];
        assert_int_equal(call(&w), FX_ERR_INPUT);
        assert_false(w.err.sent);
        assert_null(strstr(w.err.message, "pass@"));
    }
    end(&w);
}

static void ignores_proxies_of_the_environment(void **state) {
    struct world w;
    char proxy[64];

    begin(&w, answer_all, OK_HELLO);
    snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%d", loopback_closed_port());
    setenv("http_proxy", proxy, 1);
    setenv("ALL_PROXY", proxy, 1);
    assert_int_equal(call(&w), FX_OK);
    unsetenv("http_proxy");
    unsetenv("ALL_PROXY");
    end(&w);
}

/* ---- time ---- */

/* Who is cut off in time is cut off long before this, on a busy machine too; who is not waits
 * longer. */
enum { LATE_MS = 20000 };

static void gives_up_at_the_timeout_and_says_it_was_sent(void **state) {
    struct world w;

    begin(&w, answer_never, NULL);
    w.request.timeout_ms = 150;
    assert_int_equal(call(&w), FX_ERR_TIMEOUT);
    assert_true(w.err.sent);
    assert_in_range(elapsed_ms(&w), 140, LATE_MS);
    assert_null(strstr(w.err.message, "hush"));
    end(&w);
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
    struct world w;

    begin(&w, dribble, NULL);
    w.request.timeout_ms = 200;
    assert_int_equal(call(&w), FX_ERR_TIMEOUT);
    assert_true(w.err.sent);
    assert_in_range(elapsed_ms(&w), 190, LATE_MS);
    end(&w);
}

static void the_scopes_deadline_is_the_nearer_one(void **state) {
    struct world w;

    begin(&w, answer_never, NULL);
    fx_scope_set_deadline(w.sc, fx_mono_ms(fx_clock_system()) + 150);
    assert_int_equal(call(&w), FX_ERR_TIMEOUT);
    assert_true(w.err.sent);
    assert_in_range(elapsed_ms(&w), 100, LATE_MS);
    /* It has passed now: nothing leaves any more. */
    int requests = w.server.requests;
    assert_int_equal(call(&w), FX_ERR_TIMEOUT);
    assert_false(w.err.sent);
    assert_int_equal(w.server.requests, requests);
    end(&w);
}

static void cancel_when_it_arrives(struct loopback *server, int conn) {
    if (loopback_read(server, conn)) {
        fx_scope_cancel(server->arg);
        loopback_wait_for_close(server, conn);
    }
}

static void cancelling_the_scope_ends_the_exchange(void **state) {
    struct world w;

    begin(&w, cancel_when_it_arrives, NULL);
    w.server.arg = w.sc;
    w.request.timeout_ms = 2 * LATE_MS;
    assert_int_equal(call(&w), FX_ERR_CANCELED);
    assert_true(w.err.sent);
    assert_in_range(elapsed_ms(&w), 0, LATE_MS);
    end(&w);
}

/* ---- missing replies ---- */

static void a_closed_port_means_nothing_was_sent(void **state) {
    struct world w;

    begin(&w, answer_all, OK_HELLO);
    w.request.url = fx_printf(w.sc, "http://127.0.0.1:%d/?secret=hush", loopback_closed_port());
    assert_int_equal(call(&w), FX_ERR_UNAVAILABLE);
    assert_false(w.err.sent);
    assert_non_null(strstr(w.err.message, "127.0.0.1:"));
    assert_null(strstr(w.err.message, "hush"));
    end(&w);
}

static void a_cut_reply_is_no_reply(void **state) {
    static const char *const cut[] = {
        "",
        "HTTP/1.1 20",
        "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
    };

    for (size_t i = 0; i < FX_COUNT_OF(cut); i++) {
        struct world w;
        begin(&w, answer_one, cut[i]);
        w.request.method = "POST";
        w.request.body = FX_SLICE("x");
        assert_int_equal(call(&w), FX_ERR_UNAVAILABLE);
        assert_true(w.err.sent);
        assert_int_equal(w.server.requests, 1);
        end(&w);
    }
}

static void speech_that_is_not_http_is_no_reply(void **state) {
    struct world w;

    begin(&w, answer_one, "SSH-2.0-OpenSSH_9.2\r\n");
    assert_int_equal(call(&w), FX_ERR_UNAVAILABLE);
    assert_true(w.err.sent);
    end(&w);
}

/* ---- once and connections ---- */

static void answer_first_then_hang_up(struct loopback *server, int conn) {
    if (server->connections == 1 && loopback_read(server, conn))
        loopback_say(conn, OK_HELLO);
    (void)loopback_read(server, conn);
}

static void a_change_on_a_dying_connection_is_sent_once(void **state) {
    static const struct fx_slice bodies[] = {{"{}", 2}, {"", 0}};

    for (size_t i = 0; i < FX_COUNT_OF(bodies); i++) {
        struct world w;
        begin(&w, answer_first_then_hang_up, NULL);
        assert_int_equal(call(&w), FX_OK);
        w.request.method = "POST";
        w.request.body = bodies[i];
        assert_int_equal(call(&w), FX_ERR_UNAVAILABLE);
        assert_true(w.err.sent);
        assert_int_equal(w.server.requests, 2);
        end(&w);
    }
}

static void keeps_connections_unless_a_fresh_one_is_wanted(void **state) {
    struct world w;

    begin(&w, answer_all, OK_HELLO);
    assert_int_equal(call(&w), FX_OK);
    assert_int_equal(call(&w), FX_OK);
    assert_int_equal(w.server.connections, 1);
    end(&w);
    begin(&w, answer_all, OK_HELLO);
    w.request.fresh = true;
    assert_int_equal(call(&w), FX_OK);
    assert_int_equal(call(&w), FX_OK);
    assert_int_equal(w.server.connections, 2);
    end(&w);
}

/* ---- limits ---- */

static void a_declared_length_above_the_cap_is_refused(void **state) {
    struct world w;

    begin(&w, answer_one, "HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n");
    w.request.max_reply_bytes = 100;
    assert_int_equal(call(&w), FX_ERR_LIMIT);
    assert_true(w.err.sent);
    end(&w);
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
    struct world w;

    begin(&w, flood, "HTTP/1.1 200 OK\r\n\r\n");
    w.request.max_reply_bytes = 10000;
    assert_int_equal(call(&w), FX_ERR_LIMIT);
    assert_true(w.err.sent);
    end(&w);
}

static void a_header_without_end_stops_at_the_cap(void **state) {
    struct world w;

    begin(&w, flood, "HTTP/1.1 200 OK\r\nX-Long: ");
    assert_int_not_equal(call(&w), FX_OK);
    assert_int_not_equal(w.err.code, FX_ERR_TIMEOUT);
    end(&w);
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
    struct world w;

    begin(&w, endless_headers, NULL);
    assert_int_equal(call(&w), FX_ERR_LIMIT);
    end(&w);
}

static void a_reply_of_exactly_the_cap_passes(void **state) {
    struct world w;

    begin(&w, answer_all, OK_HELLO);
    w.request.max_reply_bytes = 5;
    assert_int_equal(call(&w), FX_OK);
    assert_true(fx_slice_equal_text(w.reply->body, "hello"));
    w.request.max_reply_bytes = 4;
    assert_int_equal(call(&w), FX_ERR_LIMIT);
    end(&w);
}

/* ---- the address guard ---- */

static void the_guard_sees_through_every_spelling(void **state) {
    static const char *const hosts[] = {
        "127.0.0.1",
        "localhost",
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "017700000001",
        "0.0.0.0",
        "0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "100.64.0.1",
        "100.100.100.200",
        "169.254.169.254",
        "169.254.170.2",
        "0xa9fea9fe",
        "2852039166",
        "[fd00:ec2::254]",
        "[fe80::1]",
        "[fc00::1]",
        "[ff02::1]",
        "255.255.255.255",
        "224.0.0.1",
        "168.63.129.16",
        "127.0.0.1.",
        "%31%32%37.0.0.1",
    };
    struct world w;

    begin(&w, answer_all, OK_HELLO);
    w.request.reach = FX_HTTP_PUBLIC;
    w.request.timeout_ms = 2000;
    for (size_t i = 0; i < FX_COUNT_OF(hosts); i++) {
        w.request.url = fx_printf(w.sc, "http://%s:%d/", hosts[i], w.server.port);
        enum fx_code code = call(&w);
        /* Some spellings are no address for this resolver; none may be called. */
        if (code != FX_ERR_DENIED && code != FX_ERR_UNAVAILABLE && code != FX_ERR_INPUT)
            fail_msg("%s: %s: %s", hosts[i], fx_code_name(code), w.err.message);
        assert_false(w.err.sent);
    }
    assert_int_equal(w.server.connections, 0);
    w.request.url = fx_printf(w.sc, "http://127.0.0.1:%d/", w.server.port);
    assert_int_equal(call(&w), FX_ERR_DENIED);
    assert_non_null(strstr(w.err.message, "127.0.0.1"));
    end(&w);
}

static void a_kept_connection_does_not_lead_around_the_guard(void **state) {
    struct world w;

    begin(&w, answer_all, OK_HELLO);
    assert_int_equal(call(&w), FX_OK);
    w.request.reach = FX_HTTP_PUBLIC;
    assert_int_equal(call(&w), FX_ERR_DENIED);
    assert_int_equal(w.server.requests, 1);
    end(&w);
}

static void tells_public_addresses_from_others(void **state) {
    static const char *const public[] = {
        "1.1.1.1",         "8.8.8.8",         "9.255.255.255",  "11.0.0.0",     "100.63.255.255",
        "100.128.0.0",     "126.255.255.255", "128.0.0.0",      "169.253.0.1",  "169.255.0.1",
        "172.15.0.1",      "172.32.0.1",      "192.167.1.1",    "192.169.1.1",  "198.17.0.1",
        "198.20.0.1",      "223.255.255.255", "::ffff:8.8.8.8", "2600:1f00::1", "2a05:d000::1",
        "2002:808:808::1",
    };
    static const char *const other[] = {
        "0.0.0.0",
        "10.255.255.255",
        "100.127.255.255",
        "127.255.255.255",
        "169.254.0.0",
        "172.31.0.0",
        "192.168.255.255",
        "198.19.255.255",
        "239.0.0.1",
        "240.0.0.1",
        "::",
        "::1",
        "::ffff:10.0.0.1",
        "::7f00:1",
        "fe80::1",
        "fec0::1",
        "fd00:ec2::254",
        "ff0e::1",
        "2001:db8::1",
        "2001::1",
        "64:ff9b::a00:1",
        "2002:a00:1::",
        "100::1",
        "localhost",
        "",
        "1.1.1.1.1",
    };

    for (size_t i = 0; i < FX_COUNT_OF(public); i++)
        if (!fx_http_address_is_public(public[i]))
            fail_msg("%s is public", public[i]);
    for (size_t i = 0; i < FX_COUNT_OF(other); i++)
        if (fx_http_address_is_public(other[i]))
            fail_msg("%s is not public", other[i]);
}

/* ---- TLS ---- */

static void trusts_the_extra_roots_and_no_stranger(void **state) {
    struct world w;
    struct tls_server server;
    struct fx_http *trusting = NULL;
    struct fx_error err;

    begin(&w, answer_all, OK_HELLO);
    tls_server_start(&server, w.sc, "2", true);
    w.request.url = fx_printf(w.sc, "https://127.0.0.1:%d/", server.port);
    assert_int_equal(call(&w), FX_ERR_UNAVAILABLE);
    assert_false(w.err.sent);
    assert_non_null(strstr(w.err.message, "certificate"));
    w.request.ca_file = server.certificate;
    assert_int_equal(call(&w), FX_OK);
    w.request.ca_file = NULL;
    assert_int_equal(call(&w), FX_ERR_UNAVAILABLE); /* not over the connection just trusted */
    assert_ok(fx_http_open(fx_clock_system(), server.certificate, &trusting, &err));
    assert_ok(fx_http_exchange(trusting, w.sc, &w.request, &w.reply, &err));
    assert_int_equal(w.reply->status, 200);
    w.request.url =
        fx_printf(w.sc, "https://localhost:%d/", server.port); /* another name than it bears */
    assert_int_equal(fx_http_exchange(trusting, w.sc, &w.request, &w.reply, &err),
                     FX_ERR_UNAVAILABLE);
    fx_http_close(trusting);

    (void)tls_server_stop(&server, "");
    end(&w);
}

static void a_missing_file_of_roots_stops_the_start(void **state) {
    struct fx_http *http = NULL;
    struct fx_error err;

    assert_int_equal(fx_http_open(fx_clock_system(), "/nonexistent.pem", &http, &err),
                     FX_ERR_INPUT);
    assert_null(http);
    assert_non_null(strstr(err.message, "/nonexistent.pem"));
}

/* ---- many threads ---- */

static void *call_often(void *arg) {
    struct world *w = arg;

    for (int i = 0; i < 50; i++) {
        struct fx_scope *sc = fx_scope_new(NULL);
        struct fx_http_reply *reply;
        struct fx_error err;
        if (fx_http_exchange(w->http, sc, &w->request, &reply, &err) != FX_OK ||
            !fx_slice_equal_text(reply->body, "hello"))
            atomic_fetch_add((atomic_int *)w->server.arg, 1);
        fx_scope_free(sc);
    }
    return NULL;
}

static void threads_may_share_it(void **state) {
    struct world w;
    pthread_t threads[4];
    atomic_int failures = 0;

    begin(&w, answer_one, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello");
    w.server.arg = &failures;
    for (size_t i = 0; i < FX_COUNT_OF(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, call_often, &w), 0);
    for (size_t i = 0; i < FX_COUNT_OF(threads); i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(failures, 0);
    assert_int_equal(w.server.requests, 200);
    end(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_status_is_a_reply),
        cmocka_unit_test(an_unreadable_date_is_absent),
        cmocka_unit_test(headers_of_an_interim_reply_are_forgotten),
        cmocka_unit_test(each_of_many_has_its_own_end),
        cmocka_unit_test(many_end_at_the_deadline_of_their_work),
        cmocka_unit_test(a_redirect_is_not_followed),
        cmocka_unit_test(what_stood_still_for_too_long_is_not_sent),
        cmocka_unit_test(sends_what_was_given_and_nothing_of_its_own),
        cmocka_unit_test(keeps_the_path_as_it_was_signed),
        cmocka_unit_test(refuses_a_request_that_would_grow_a_line),
        cmocka_unit_test(refuses_other_schemes_and_passwords),
        cmocka_unit_test(ignores_proxies_of_the_environment),
        cmocka_unit_test(gives_up_at_the_timeout_and_says_it_was_sent),
        cmocka_unit_test(a_dribbling_server_meets_the_same_deadline),
        cmocka_unit_test(the_scopes_deadline_is_the_nearer_one),
        cmocka_unit_test(cancelling_the_scope_ends_the_exchange),
        cmocka_unit_test(a_closed_port_means_nothing_was_sent),
        cmocka_unit_test(a_cut_reply_is_no_reply),
        cmocka_unit_test(speech_that_is_not_http_is_no_reply),
        cmocka_unit_test(a_change_on_a_dying_connection_is_sent_once),
        cmocka_unit_test(keeps_connections_unless_a_fresh_one_is_wanted),
        cmocka_unit_test(a_declared_length_above_the_cap_is_refused),
        cmocka_unit_test(an_undeclared_flood_stops_at_the_cap),
        cmocka_unit_test(a_header_without_end_stops_at_the_cap),
        cmocka_unit_test(headers_without_end_stop_at_the_cap),
        cmocka_unit_test(a_reply_of_exactly_the_cap_passes),
        cmocka_unit_test(the_guard_sees_through_every_spelling),
        cmocka_unit_test(a_kept_connection_does_not_lead_around_the_guard),
        cmocka_unit_test(tells_public_addresses_from_others),
        cmocka_unit_test(trusts_the_extra_roots_and_no_stranger),
        cmocka_unit_test(a_missing_file_of_roots_stops_the_start),
        cmocka_unit_test(threads_may_share_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
