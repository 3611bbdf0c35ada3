/* web_guard_test.c - what is not plain HTTP/1.1 is refused, whatever stands behind it.
 *
 * Each hostile line is put into a request that is accepted without it: GET /healthz on the admin
 * listener and a signed command on the public one. In a text {len}, {signed} and {body} stand for
 * the parts of that command, {smuggled} for a whole request that would be answered with 200.
 */
#include "support/web_rig.h"

#include <stdio.h>
#include <string.h>

static struct web_rig rig;
static struct web_reply reply;

struct text {
    const char *ptr;
    size_t len;
};
#define T(literal)                                                                                 \
    { "" literal, sizeof(literal) - 1 }

/* ---- corpus: one hostile header, in an otherwise good request ---- */

static const struct text hostile_headers[] = {
    /* lengths and encodings */
    T("Transfer-Encoding: chunked\r\n"),
    T("Transfer-Encoding: identity\r\n"),
    T("Transfer-Encoding: gzip, chunked\r\n"),
    T("Transfer-Encoding: chunked, identity\r\n"),
    T("Transfer-Encoding: xchunked\r\n"),
    T("Transfer-Encoding: \r\n"),
    T("Transfer-Encoding:\r\n"),
    T("Transfer-Encoding:chunked\r\n"),
    T("Transfer-Encoding:\tchunked\r\n"),
    T("Transfer-Encoding:  chunked\r\n"),
    T("Transfer-Encoding: \x0b"
      "chunked\r\n"),
    T("Transfer-Encoding: \"chunked\"\r\n"),
    T("Transfer-Encoding: chunked;q=1\r\n"),
    T("TRANSFER-ENCODING: CHUNKED\r\n"),
    T("transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n"),
    T("Transfer-Encoding : chunked\r\n"),
    T("Transfer-Encoding\t: chunked\r\n"),
    T("Transfer-Encoding\x00: chunked\r\n"),
    T("Transfer-Encoding: chunked\x00\r\n"),
    T("Transfer-Encoding\r\n : chunked\r\n"),
    T("Content-Length: 0\r\nContent-Length: 5\r\n"),
    T("Content-Length: 99999999999999999999\r\n"),
    T("Content-Length: -1\r\n"),
    T("Content-Length: +0\r\n"),
    T("Content-Length: 0x0\r\n"),
    T("Content-Length: 0, 0\r\n"),
    T("Content-Length: 0 0\r\n"),
    T("Content-Length: 00\r\n"),
    T("Content-Length: \r\n"),
    T("Content-Length:\r\n"),
    T("Content-Length: 1e0\r\n"),
    T("Content-Length: 0\x00"
      "5\r\n"),
    T("Content-Length: zero\r\n"),
    T("Content-Length : 0\r\n"),
    T("Content-Length\x0b: 0\r\n"),
    /* names */
    T(": nameless\r\n"),
    T(" X-Blank: before\r\n"),
    T("\tX-Tab: before\r\n"),
    T("X Blank: inside\r\n"),
    T("X-Blank : behind\r\n"),
    T("X-Tab\t: behind\r\n"),
    T("X-Nul\x00: a\r\n"),
    T("X-\x7f: a\r\n"),
    T("X-\xc3\xa4: a\r\n"),
    T("X(y): a\r\n"),
    T("X[y]: a\r\n"),
    T("X{y}: a\r\n"),
    T("X@y: a\r\n"),
    T("X,y: a\r\n"),
    T("X;y: a\r\n"),
    T("X\"y: a\r\n"),
    T("X/y: a\r\n"),
    T("X=y: a\r\n"),
    T("no colon here\r\n"),
    T("GET /healthz HTTP/1.1\r\n"),
    /* values */
    T("X: a\x00"
      "b\r\n"),
    T("X: \x00\r\n"),
    T("X: a\x01"
      "b\r\n"),
    T("X: a\x08"
      "b\r\n"),
    T("X: a\x0b"
      "b\r\n"),
    T("X: a\x0c"
      "b\r\n"),
    T("X: a\x1b[31mb\r\n"),
    T("X: a\x7f"
      "b\r\n"),
    T("X: 0123456\x01"
      "89abcdef\r\n"),
    T("X: 01234567\x1f"
      "9abcdef\r\n"),
    T("X: 0123456789abcde\x7f\r\n"),
    T("X: \t\t\t\t\t\t\t\t\x02\r\n"),
    T("X: a\rb\r\n"),
    T("X: a\r\r\n"),
    T("X: a\rTransfer-Encoding: chunked\r\n"),
    /* lines */
    T("X: a\n"),
    T("X: a\nY: b\r\n"),
    T("X: a\n\r\n"),
    T("X:  a\nY: b\r\n"),
    T("X: a\n\n"),
    T("X: a\nTransfer-Encoding: chunked\r\n"),
    T("X: a\r\n b\r\n"),
    T("X: a\r\n\tb\r\n"),
    T("X: a\r\n \r\n"),
    T("X:\r\n a\r\n"),
    T("X: a\r\n Transfer-Encoding: chunked\r\n"),
    T("X:   a\r\n"),
    T("X:\t\ta\r\n"),
    /* hosts */
    T("Host: bot.example.com\r\n"),
    T("Host: evil.example.com\r\n"),
    T("host: evil.example.com\r\n"),
    T("Host:\r\n"),
    T("HOST : evil.example.com\r\n"),
    /* other protocols */
    T("Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk\r\n"),
    T("Upgrade: websocket\r\nConnection: Upgrade\r\n"),
    T("Upgrade: h2c\r\nUpgrade: websocket\r\n"),
    T("Trailer: X\r\n"),
    T("Trailer: X\r\nTrailer: Y\r\n"),
    T("Expect: 200-ok\r\n"),
    T("Expect: 100-continue, x\r\n"),
    T("Expect: 100-continue\r\nExpect: 100-continue\r\n"),
    T("Expect:\r\n"),
};

/* ---- corpus: whole requests for the admin listener, never answered with 200 ---- */

static const struct text hostile_requests[] = {
    /* versions */
    T("GET /healthz\r\n"),
    T("GET /healthz\r\n\r\n"),
    T("GET /healthz \r\nHost: a\r\n\r\n"),
    T("GET /healthz HTTP/0.9\r\n\r\n"),
    T("GET /healthz HTTP/1.0\r\n\r\n"),
    T("GET /healthz HTTP/1.0\r\nHost: a\r\n\r\n"),
    T("GET /healthz HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    T("GET /healthz HTTP/1.2\r\nHost: a\r\n\r\n"),
    T("GET /healthz HTTP/1.10\r\nHost: a\r\n\r\n"),
    T("GET /healthz HTTP/01.1\r\nHost: a\r\n\r\n"),
    T("GET /healthz HTTP/2.0\r\nHost: a\r\n\r\n"),
    T("GET /healthz http/1.1\r\nHost: a\r\n\r\n"),
    T("GET /healthz HTTP/1.1x\r\nHost: a\r\n\r\n"),
    T("GET /healthz HTTP /1.1\r\nHost: a\r\n\r\n"),
    T("GET /healthz XTTP/1.1\r\nHost: a\r\n\r\n"),
    T("GET /healthz HTTP/1.1\x00\r\nHost: a\r\n\r\n"),
    T("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"),
    /* request lines */
    T("GET  /healthz HTTP/1.1\r\nHost: a\r\n\r\n"),
    T("GET /healthz  HTTP/1.1\r\nHost: a\r\n\r\n"),
    T("GET /healthz HTTP/1.1 \r\nHost: a\r\n\r\n"),
    T("GET\t/healthz HTTP/1.1\r\nHost: a\r\n\r\n"),
    T("GET /healthz\tHTTP/1.1\r\nHost: a\r\n\r\n"),
    T(" GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"),
    T("\tGET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"),
    T("GET /healthz HTTP/1.1\nHost: a\r\n\r\n"),
    T("GET /healthz HTTP/1.1\rHost: a\r\n\r\n"),
    T("GET /healthz HTTP/1.1\n\rHost: a\r\n\r\n"),
    T("GET /healthz HTTP/1.1\r\r\nHost: a\r\n\r\n"),
    T("GET /healthz HTTP/1.1\r\n Host: a\r\n\r\n"),
    T("GET /healthz HTTP/1.1\r\n\r\n"),
    T("GET /healthz HTTP/1.1\r\nHost: a\r\n\n"),
    T("GET /healthz HTTP/1.1\r\nHost: a\n\r\n"),
    T("GET /healthz HTTP/1.1\r\nHost: a\n\n"),
    T("GET /healthz HTTP/1.1\nHost: a\n\n"),
    T("GET /healthz HTTP/1.1\nHost:  a\r\n\r\n"),
    /* methods */
    T("get /healthz HTTP/1.1\r\nHost: a\r\n\r\n"),
    T("Get /healthz HTTP/1.1\r\nHost: a\r\n\r\n"),
    T("GET\x00 /healthz HTTP/1.1\r\nHost: a\r\n\r\n"),
    T("G\x00T /healthz HTTP/1.1\r\nHost: a\r\n\r\n"),
    T("GE\x0bT /healthz HTTP/1.1\r\nHost: a\r\n\r\n"),
    T("POST /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"),
    T("HEAD /healthz HTTP/1.1\r\nHost: a\r\n\r\n"),
    T("OPTIONS /healthz HTTP/1.1\r\nHost: a\r\n\r\n"),
    T("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"),
    T("TRACE /healthz HTTP/1.1\r\nHost: a\r\n\r\n"),
    T("PUT /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"),
    T("DELETE /healthz HTTP/1.1\r\nHost: a\r\n\r\n"),
    T("CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: 127.0.0.1:22\r\n\r\n"),
    T("CONNECT /healthz HTTP/1.1\r\nHost: a\r\n\r\n"),
    T("(GET) /healthz HTTP/1.1\r\nHost: a\r\n\r\n"),
    /* targets */
    T("GET http://a/healthz HTTP/1.1\r\nHost: a\r\n\r\n"),
    T("GET https://a/healthz HTTP/1.1\r\nHost: a\r\n\r\n"),
    T("GET a/healthz HTTP/1.1\r\nHost: a\r\n\r\n"),
    T("GET healthz HTTP/1.1\r\nHost: a\r\n\r\n"),
    T("GET * HTTP/1.1\r\nHost: a\r\n\r\n"),
    T("GET //healthz HTTP/1.1\r\nHost: a\r\n\r\n"),
    T("GET /./healthz HTTP/1.1\r\nHost: a\r\n\r\n"),
    T("GET /x/../healthz HTTP/1.1\r\nHost: a\r\n\r\n"),
    T("GET /healthz/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    T("GET /healthz%00 HTTP/1.1\r\nHost: a\r\n\r\n"),
    T("GET /healthz%00.js HTTP/1.1\r\nHost: a\r\n\r\n"),
    T("GET /healthz?x=%00 HTTP/1.1\r\nHost: a\r\n\r\n"),
    T("GET /healthz\x00.js HTTP/1.1\r\nHost: a\r\n\r\n"),
    T("GET /healthz\x00 HTTP/1.1\r\nHost: a\r\n\r\n"),
    T("GET /%68ealthz HTTP/1.1\r\nHost: a\r\n\r\n"),
    T("GET /healthz%20 HTTP/1.1\r\nHost: a\r\n\r\n"),
    T("GET /healthz%0d%0aX:%20y HTTP/1.1\r\nHost: a\r\n\r\n"),
    T("GET /%2fhealthz HTTP/1.1\r\nHost: a\r\n\r\n"),
    T("GET %2fhealthz HTTP/1.1\r\nHost: a\r\n\r\n"),
    T("GET /healthz#x HTTP/1.1\r\nHost: a\r\n\r\n"),
    T("GET /healthz?a#x HTTP/1.1\r\nHost: a\r\n\r\n"),
    T("GET /healthz;x HTTP/1.1\r\nHost: a\r\n\r\n"),
    T("GET \\healthz HTTP/1.1\r\nHost: a\r\n\r\n"),
    T("GET /healthz\\ HTTP/1.1\r\nHost: a\r\n\r\n"),
    T("GET /healthz? a HTTP/1.1\r\nHost: a\r\n\r\n"),
    T("GET /healthz?\x7f HTTP/1.1\r\nHost: a\r\n\r\n"),
    T("GET /healthz?\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n"),
    T("GET /HEALTHZ HTTP/1.1\r\nHost: a\r\n\r\n"),
    /* hosts */
    T("GET /healthz HTTP/1.1\r\nX: y\r\n\r\n"),
    T("GET /healthz HTTP/1.1\r\nHost:\r\n\r\n"),
    T("GET /healthz HTTP/1.1\r\nHost: \r\n\r\n"),
    T("GET /healthz HTTP/1.1\r\nHost: a b\r\n\r\n"),
    T("GET /healthz HTTP/1.1\r\nHost: a/b\r\n\r\n"),
    T("GET /healthz HTTP/1.1\r\nHost: a@b\r\n\r\n"),
    T("GET /healthz HTTP/1.1\r\nHost: a,b\r\n\r\n"),
    T("GET /healthz HTTP/1.1\r\nHost: a?b\r\n\r\n"),
    T("GET /healthz HTTP/1.1\r\nHost: a \r\n\r\n"),
    T("GET /healthz HTTP/1.1\r\nHost: \xc3\xa4\r\n\r\n"),
    /* bodies where none belongs, a request behind them */
    T("GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"),
    T("GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 46\r\n\r\n{smuggled}"),
    T("GET /healthz HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{smuggled}"),
    T("GET /healthz HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
      "0\r\n\r\n{smuggled}"),
    T("GET /healthz HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n"
      "0\r\nX: y\r\n\r\n{smuggled}"),
    T("GET /healthz HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
      "fffffffffffffffff\r\n{smuggled}"),
    T("GET /healthz HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n{smuggled}"),
    T("GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
      "0\r\n\r\n{smuggled}"),
    T("GET /healthz HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"
      "0\r\n\r\n{smuggled}"),
    T("GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 46\r\n\r\n"
      "{smuggled}"),
    T("GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 46\r\nContent-Length: 0\r\n\r\n"
      "{smuggled}"),
    T("GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length : 46\r\n\r\n{smuggled}"),
    T("GET /healthz HTTP/1.1\r\nHost: a\r\nX: y\r\n Content-Length: 46\r\n\r\n{smuggled}"),
    T("GET /healthz HTTP/1.1\r\nHost: a\r\nX: y\nContent-Length: 46\r\n\r\n{smuggled}"),
    T("GET /healthz HTTP/1.1\r\nHost: a\r\nX: y\r\n\n{smuggled}"),
    T("GET /healthz HTTP/1.1\r\nHost: a\r\nX: y\x00\r\n\r\n{smuggled}"),
    T("POST /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello{smuggled}"),
    T("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 46\r\n\r\n{smuggled}"),
    T("OPTIONS /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 46\r\n\r\n{smuggled}"),
    T("FOO /healthz HTTP/1.1\r\nHost: a\r\n\r\n{smuggled}"),
    T("GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n{smuggled}"),
    T("GET /healthz HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n{smuggled}"),
    T("PRI * HTTP/2.0\r\n\r\n{smuggled}"),
    /* not HTTP */
    T("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    T("SSH-2.0-OpenSSH_9.2\r\n"),
    T("{\"json\": true}\r\n\r\n"),
    T("\0\0\0\0\0\0\0\0\r\n\r\n"),
    T("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    T("GET"),
    T("\r"),
    T("\r\n\r\n\r\n\r\n"),
};

/* ---- corpus: whole requests for the public listener, never stored ---- */

static const struct text hostile_posts[] = {
    T("POST /slack/commands HTTP/1.1\r\nHost: a\r\n{signed}\r\n{body}"),
    T("POST /slack/commands HTTP/1.1\r\nHost: a\r\n{signed}Content-Length: 0\r\n\r\n{body}"),
    T("POST /slack/commands HTTP/1.1\r\nHost: a\r\n{signed}Content-Length: 5\r\n\r\n{body}"),
    T("POST /slack/commands HTTP/1.1\r\nHost: a\r\n{signed}Content-Length: 999\r\n\r\n{body}"),
    T("POST /slack/commands HTTP/1.1\r\nHost: a\r\n{signed}Content-Length: 65537\r\n\r\n{body}"),
    T("POST /slack/commands HTTP/1.1\r\nHost: a\r\n{signed}Content-Length: +{len}\r\n\r\n{body}"),
    T("POST /slack/commands HTTP/1.1\r\nHost: a\r\n{signed}Content-Length: 0{len}\r\n\r\n{body}"),
    T("POST /slack/commands HTTP/1.1\r\nHost: a\r\n{signed}Content-Length: {len},{len}\r\n\r\n"
      "{body}"),
    T("POST /slack/commands HTTP/1.1\r\nHost: a\r\n{signed}Content-Length: {len}\r\n"
      "Content-Length: {len}\r\n\r\n{body}"),
    T("POST /slack/commands HTTP/1.1\r\nHost: a\r\n{signed}Content-Length: {len} \r\n\r\n{body}"),
    T("POST /slack/commands HTTP/1.1\r\nHost: a\r\n{signed}Content-Length : {len}\r\n\r\n{body}"),
    T("POST /slack/commands HTTP/1.1\r\nHost: a\r\n{signed}Content-Length: {len}\n\r\n{body}"),
    T("POST /slack/commands HTTP/1.1\r\nHost: a\r\n{signed}Content-Length: {len}\r\n\n{body}"),
    T("POST /slack/commands HTTP/1.1\r\nHost: a\r\n{signed}Content-Length: {len}\x00\r\n\r\n"
      "{body}"),
    T("POST /slack/commands HTTP/1.1\r\nHost: a\r\n{signed}Transfer-Encoding: chunked\r\n\r\n"
      "0\r\n\r\n{smuggled}"),
    T("POST /slack/commands HTTP/1.1\r\nHost: a\r\n{signed}Content-Length: {len}\r\n"
      "Transfer-Encoding: chunked\r\n\r\n{body}"),
    T("POST /slack/commands HTTP/1.0\r\nHost: a\r\n{signed}Content-Length: {len}\r\n\r\n{body}"),
    T("POST /slack/commands%00 HTTP/1.1\r\nHost: a\r\n{signed}Content-Length: {len}\r\n\r\n"
      "{body}"),
    T("POST /slack%2fcommands HTTP/1.1\r\nHost: a\r\n{signed}Content-Length: {len}\r\n\r\n{body}"),
    T("POST //slack/commands HTTP/1.1\r\nHost: a\r\n{signed}Content-Length: {len}\r\n\r\n{body}"),
    T("POST http://a/slack/commands HTTP/1.1\r\nHost: a\r\n{signed}Content-Length: {len}\r\n\r\n"
      "{body}"),
    T("GET /slack/commands HTTP/1.1\r\nHost: a\r\n{signed}Content-Length: {len}\r\n\r\n{body}"),
    T("PUT /slack/commands HTTP/1.1\r\nHost: a\r\n{signed}Content-Length: {len}\r\n\r\n{body}"),
    T("post /slack/commands HTTP/1.1\r\nHost: a\r\n{signed}Content-Length: {len}\r\n\r\n{body}"),
    T("POST /slack/events HTTP/1.1\r\nHost: a\r\n{signed}Content-Length: {len}\r\n\r\n{body}"),
    T("POST /slack/interactions HTTP/1.1\r\nHost: a\r\n{signed}Content-Length: {len}\r\n\r\n"
      "{body}"),
    T("POST /webhooks/sns HTTP/1.1\r\nHost: a\r\n{signed}Content-Length: {len}\r\n\r\n{body}"),
    T("POST /webhooks/sns HTTP/1.1\r\nHost: a\r\nContent-Length: 2097153\r\n\r\n{}"),
    T("POST /webhooks/sns HTTP/1.1\r\nHost: a\r\n\r\n"),
    T("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"),
    T("GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n"),
    T("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"),
    T("GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
};

/* ---- filling in ---- */

static int serial;

static struct text replace(struct fx_scope *sc, struct text text, const char *what,
                           const char *by) {
    const char *at = memmem(text.ptr, text.len, what, strlen(what));

    if (at == NULL)
        return text;
    size_t before = (size_t)(at - text.ptr), behind = text.len - before - strlen(what);
    char *made = fx_alloc(sc, before + strlen(by) + behind + 1);

    memcpy(made, text.ptr, before);
    memcpy(made + before, by, strlen(by));
    memcpy(made + before + strlen(by), at + strlen(what), behind);
    return replace(sc, (struct text){made, before + strlen(by) + behind}, what, by);
}

static struct text fill(struct fx_scope *sc, struct text text) {
    const char *body =
        web_slack_command_body(sc, WEB_TEAM, fx_printf(sc, "13.%d.abc", ++serial), "status");

    text = replace(sc, text, "{smuggled}", "GET /healthz HTTP/1.1\r\nHost: smuggled.test\r\n\r\n");
    text = replace(sc, text, "{signed}", web_slack_headers(&rig, sc, body));
    text = replace(sc, text, "{len}", fx_printf(sc, "%zu", strlen(body)));
    return replace(sc, text, "{body}", body);
}

static void ask(struct fx_scope *sc, bool admin, struct text text) {
    struct text whole = fill(sc, text);

    web_exchange(&rig, admin, whole.ptr, whole.len, &reply);
}

static const char *shown(struct fx_scope *sc, struct text text) {
    char *printed = fx_slice_dup(sc, (struct fx_slice){text.ptr, text.len});

    for (size_t i = 0; i < text.len; i++)
        if (printed[i] < ' ' || printed[i] == 0x7f)
            printed[i] = printed[i] == '\r' ? '<' : printed[i] == '\n' ? '>' : '.';
    return printed;
}

/* 505 is libmicrohttpd's own word for HTTP/0.9. */
static bool is_refusal(int status) {
    return status / 100 == 4 || status == 505;
}

static void expect_refused(struct fx_scope *sc, bool admin, struct text text) {
    ask(sc, admin, text);
    if (!reply.closed || reply.answers > 1 || (reply.answers == 1 && !is_refusal(reply.status)))
        fail_msg("%s: closed %d, %d answers, first %d: %s", shown(sc, text), reply.closed,
                 reply.answers, reply.status, reply.text);
    if (web_rig_stored(&rig) != 0)
        fail_msg("%s: was stored", shown(sc, text));
}

static struct text with_header(struct fx_scope *sc, const char *before, struct text header,
                               const char *after) {
    size_t a = strlen(before), b = strlen(after);
    char *made = fx_alloc(sc, a + header.len + b + 1);

    memcpy(made, before, a);
    memcpy(made + a, header.ptr, header.len);
    memcpy(made + a + header.len, after, b);
    return (struct text){made, a + header.len + b};
}

/* ---- tests ---- */

static const char get_head[] = "GET /healthz HTTP/1.1\r\nHost: bot.example.com\r\n";
static const char get_tail[] = "Connection: close\r\n\r\n";
static const char post_head[] =
    "POST /slack/commands HTTP/1.1\r\nHost: bot.example.com\r\nContent-Length: {len}\r\n{signed}";
static const char post_tail[] = "Connection: close\r\n\r\n{body}";

static void accepts_the_requests_the_corpus_is_made_of(void **state) {
    static const struct text harmless[] = {
        T(""),
        T("X: y\r\n"),
        T("X:y\r\n"),
        T("X:\r\n"),
        T("X: \r\n"),
        T("X: a: b, \"c\";d=e \xc3\xa4\tf\r\n"),
        T("X: a\tb\tc\td\te\tf\tg\th \xff\xc3\x80 long enough for several words\r\n"),
        T("x-many_Of.them!: 1\r\nx-many_Of.them!: 2\r\n"),
        T("Accept: */*\r\nUser-Agent: Amazon Simple Notification Service Agent\r\n"),
        T("Cookie: a=b; c=d\r\n"),
        T("Expect: 100-continue\r\n"),
        T("TE: trailers\r\n"),
    };
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);

    for (size_t i = 0; i < FX_COUNT_OF(harmless); i++) {
        ask(sc, true, with_header(sc, get_head, harmless[i], get_tail));
        assert_int_equal(reply.answers, 1);
        assert_int_equal(reply.status, 200);
        ask(sc, false, with_header(sc, post_head, harmless[i], post_tail));
        assert_int_equal(reply.answers, 1);
        assert_int_equal(reply.status, 200);
        assert_int_equal(web_rig_stored(&rig), i + 1);
    }
}

static void refuses_every_hostile_header_on_both_listeners(void **state) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);

    for (size_t i = 0; i < FX_COUNT_OF(hostile_headers); i++) {
        expect_refused(sc, true, with_header(sc, get_head, hostile_headers[i], get_tail));
        expect_refused(sc, false, with_header(sc, post_head, hostile_headers[i], post_tail));
    }
}

static void refuses_every_hostile_request(void **state) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);

    for (size_t i = 0; i < FX_COUNT_OF(hostile_requests); i++) {
        expect_refused(sc, true, hostile_requests[i]);
        expect_refused(sc, false, hostile_requests[i]);
    }
    for (size_t i = 0; i < FX_COUNT_OF(hostile_posts); i++)
        expect_refused(sc, false, hostile_posts[i]);
}

static void the_corpus_is_as_large_as_promised(void **state) {
    assert_true(FX_COUNT_OF(hostile_headers) + FX_COUNT_OF(hostile_requests) +
                    FX_COUNT_OF(hostile_posts) >=
                150);
}

/* Every hostile header once more, cut into pieces of every size: the guard must not depend on how
 * the bytes arrive. */
static void refuses_the_same_when_bytes_come_one_by_one(void **state) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);

    for (size_t i = 0; i < FX_COUNT_OF(hostile_headers); i++) {
        struct text whole = with_header(sc, get_head, hostile_headers[i], get_tail);
        int socket = web_connect(&rig, true);

        for (size_t at = 0; at < whole.len; at += 1 + i % 3)
            if (!web_send(socket, whole.ptr + at,
                          whole.len - at < 1 + i % 3 ? whole.len - at : 1 + i % 3))
                break;
        web_receive(socket, 5000, &reply);
        if (!reply.closed || (reply.answers > 0 && !is_refusal(reply.worst)))
            fail_msg("%s: %s", shown(sc, whole), reply.text);
    }
}

static void answers_what_is_legally_pipelined_and_no_more(void **state) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    static const struct {
        struct text text;
        int answers, worst;
    } cases[] = {
        {T("{smuggled}GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"), 2, 200},
        {T("{smuggled}{smuggled}GET /readyz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"), 3,
         200},
        /* what was refused closes: nothing behind it is read */
        {T("{smuggled}GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n{smuggled}"), 2, 200},
        {T("GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n{smuggled}"), 1, 404},
        {T("GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n{smuggled}"), 1, 200},
        {T("\r\n{smuggled}GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n"), 2, 200},
    };

    for (size_t i = 0; i < FX_COUNT_OF(cases); i++) {
        ask(sc, true, cases[i].text);
        if (reply.answers != cases[i].answers || reply.worst != cases[i].worst || !reply.closed)
            fail_msg("%s: %d answers: %s", cases[i].text.ptr, reply.answers, reply.text);
    }
}

/* ---- sizes ---- */

static char *many_headers(struct fx_scope *sc, size_t count, size_t value_bytes) {
    char *lines = fx_alloc(sc, count * (value_bytes + 32) + 1), *at = lines;

    for (size_t i = 0; i < count; i++) {
        at += sprintf(at, "X-%zu: ", i);
        memset(at, 'v', value_bytes);
        at += value_bytes;
        at += sprintf(at, "\r\n");
    }
    return lines;
}

static void caps_headers_in_number_and_in_bytes(void **state) {
    static const struct {
        size_t count, bytes;
        bool fits;
    } cases[] = {{60, 10, true},    {61, 10, true},    {63, 10, false},  {500, 1, false},
                 {2, 7000, true},   {3, 5000, true},   {1, 15000, true}, {1, 16384, false},
                 {1, 17000, false}, {1, 40000, false}, {8, 4000, false}, {1, 300000, false}};
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);

    for (size_t i = 0; i < FX_COUNT_OF(cases); i++) {
        const char *lines = many_headers(sc, cases[i].count, cases[i].bytes);
        struct text header = {lines, strlen(lines)};

        if (!cases[i].fits) {
            expect_refused(sc, true, with_header(sc, get_head, header, get_tail));
            continue;
        }
        ask(sc, true, with_header(sc, get_head, header, get_tail));
        if (reply.status != 200)
            fail_msg("%zu headers of %zu bytes: %s", cases[i].count, cases[i].bytes, reply.text);
    }
}

static void takes_large_headers_that_arrive_in_pieces(void **state) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    const char *lines = many_headers(sc, 5, 3000);
    struct text whole =
        fill(sc, with_header(sc, post_head, (struct text){lines, strlen(lines)}, post_tail));
    int64_t before = web_rig_stored(&rig);
    int socket = web_connect(&rig, false);

    for (size_t at = 0; at < whole.len; at += 700)
        assert_true(web_send(socket, whole.ptr + at, whole.len - at < 700 ? whole.len - at : 700));
    web_receive(socket, 5000, &reply);
    assert_int_equal(reply.status, 200);
    assert_int_equal(web_rig_stored(&rig), before + 1);
}

static void caps_the_target(void **state) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    static const size_t sizes[] = {16000, 20000, 40000, 1 << 20};

    for (size_t i = 0; i < FX_COUNT_OF(sizes); i++) {
        char *path = fx_alloc(sc, sizes[i] + 1);

        memset(path, 'a', sizes[i]);
        const char *text = fx_printf(sc, "GET /%s HTTP/1.1\r\nHost: a\r\n\r\n", path);
        expect_refused(sc, true, (struct text){text, strlen(text)});
    }
}

/* ---- fixture ---- */

static int set_up(void **state) {
    web_rig_begin(&rig);
    rig.options.request_ms = 300; /* what never ends is closed soon */
    web_rig_start(&rig);
    fx_web_set_ready(rig.web, true);
    return 0;
}

static int tear_down(void **state) {
    web_rig_end(&rig);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    static const struct CMUnitTest tests[] = {
        TEST(accepts_the_requests_the_corpus_is_made_of),
        TEST(refuses_every_hostile_header_on_both_listeners),
        TEST(refuses_every_hostile_request),
        TEST(the_corpus_is_as_large_as_promised),
        TEST(refuses_the_same_when_bytes_come_one_by_one),
        TEST(answers_what_is_legally_pipelined_and_no_more),
        TEST(caps_headers_in_number_and_in_bytes),
        TEST(takes_large_headers_that_arrive_in_pieces),
        TEST(caps_the_target),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
