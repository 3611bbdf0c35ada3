/* redis_test.c - addresses, real servers, and servers with bad manners. */
#include "support/loopback.h"
#include "support/redis_server.h"

#include "fluxabot/base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define PASSWORD "s3cret-word"

enum { PATIENT_MS = 10000, SHORT_MS = 50 };

struct world {
    struct redis_server server;
    struct fx_scope *sc;
    struct fx_redis *redis;
    struct fx_error err;
};

static enum fx_code open_with(struct world *w, const struct fx_redis_options *given) {
    struct fx_redis_options options = *given;

    options.clock = fx_clock_system();
    options.timeout_ms = options.timeout_ms != 0 ? options.timeout_ms : PATIENT_MS;
    w->err = (struct fx_error){0};
    return fx_redis_open(&options, &w->redis, &w->err);
}

static enum fx_code call(struct world *w, const char *name, struct fx_slice a, struct fx_slice b,
                         const struct fx_redis_reply **ret_reply) {
    const struct fx_slice words[] = {fx_slice_of(name), a, b};

    w->err = (struct fx_error){0};
    return fx_redis_call(w->redis, w->sc, words,
                         a.ptr == NULL   ? 1
                         : b.ptr == NULL ? 2
                                         : 3,
                         PATIENT_MS, ret_reply, &w->err);
}

static int setup(void **state) {
    struct world *w = calloc(1, sizeof(*w));

    w->sc = fx_scope_new(NULL);
    w->server.password = PASSWORD;
    *state = w;
    return 0;
}

static int teardown(void **state) {
    struct world *w = *state;

    fx_redis_close(w->redis);
    if (w->server.dir[0] != '\0')
        redis_server_stop(&w->server);
    fx_scope_free(w->sc);
    free(w);
    return 0;
}

/* ---- addresses ---- */

static enum fx_code check(const char *url, struct fx_error *err) {
    return fx_redis_check(&(struct fx_redis_options){.url = url}, err);
}

static void takes_addresses_as_they_are_written(void **state) {
    static const char *const good[] = {
        "redis://localhost",
        "redis://localhost:6380",
        "redis://localhost/15",
        "redis://localhost:1/",
        "redis://[::1]:6379/3",
        "redis://:pass@host",
        "redis://user:pa%3Ass%40@host.example:6379/0",
        "redis://user:p@ss@host",
        "rediss://master.cache.use1.cache.amazonaws.com:6379",
        "unix:///run/redis/redis.sock",
    };
    struct fx_error err;

    for (size_t i = 0; i < FX_COUNT_OF(good); i++)
        assert_ok(check(good[i], &err));
}

static void says_where_an_address_leads_without_its_password(void **state) {
    static const struct {
        const char *url, *place;
    } cases[] = {{"redis://user:p@hush@cache:6380/3", "cache:6380, database 3 as user"},
                 {"rediss://:hush@cache", "cache, database 0"},
                 {"unix:///run/redis.sock", "/run/redis.sock, database 0"},
                 {"postgresql://user:hush@db/orders", NULL},
                 {"redis://user:hush@host/db", NULL}};
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);

    for (size_t i = 0; i < FX_COUNT_OF(cases); i++) {
        const char *place = fx_redis_place(sc, cases[i].url);

        assert_true((place == NULL) == (cases[i].place == NULL));
        if (place != NULL)
            assert_string_equal(place, cases[i].place);
    }
}

static void refuses_other_addresses_and_repeats_none_of_them(void **state) {
    static const char *const bad[] = {
        "",
        "memory:",
        "redis:/hush",
        "http://hush",
        "redis://",
        "redis://user:hush@",
        "redis://user:hush@host:0",
        "redis://user:hush@host:65536",
        "redis://user:hush@host:6379x",
        "redis://user:hush@host:-1",
        "redis://user:hush@host:99999999999999999999",
        "redis://user:hush@host/db",
        "redis://user:hush@host/1/2",
        "redis://user:hush@host/-1",
        "redis://user:hush@host/123456",
        "redis://user:hush@host/0?timeout=1",
        "redis://user:hush@ho st",
        "redis://user:hush@ho\nst",
        "redis://user:hush@[::1",
        "redis://user:hush@[::1]6379",
        "redis://user:hush%zz@host",
        "redis://user:hush%00@host",
        "redis://hush@host", /* a user without a password */
        "unix://hush/socket",
    };

    for (size_t i = 0; i < FX_COUNT_OF(bad); i++) {
        struct fx_error err = {0};

        if (check(bad[i], &err) != FX_ERR_INPUT)
            fail_msg("%s is taken", bad[i]);
        assert_null(strstr(err.message, "hush"));
        assert_true(err.message[0] != '\0');
    }
}

static void a_socket_has_a_path_that_fits(void **state) {
    struct world *w = *state;
    char *path = fx_alloc(w->sc, 128);
    struct fx_error err;

    memset(path, 'a', 106); /* and the slash: 107 bytes and their end */
    assert_ok(check(fx_printf(w->sc, "unix:///%s", path), &err));
    path[106] = 'a';
    assert_int_equal(check(fx_printf(w->sc, "unix:///%s", path), &err), FX_ERR_INPUT);
}

static void a_ca_file_must_hold_certificates_and_be_of_use(void **state) {
    struct fx_redis_options options = {.url = "rediss://host", .ca_file = "/nowhere/ca.pem"};
    struct fx_error err;

    assert_int_equal(fx_redis_check(&options, &err), FX_ERR_INPUT);
    assert_non_null(strstr(err.message, "/nowhere/ca.pem"));
    options.ca_file = "/dev/null";
    assert_int_equal(fx_redis_check(&options, &err), FX_ERR_INPUT);
    options.url = "redis://host";
    assert_int_equal(fx_redis_check(&options, &err), FX_ERR_INPUT);
    assert_non_null(strstr(err.message, "rediss://"));
}

/* ---- a real server ---- */

static void speaks_with_redis(void **state) {
    struct world *w = *state;
    const struct fx_redis_reply *reply = NULL;
    const struct fx_slice value = FX_SLICE("a\0b\r\nc");

    redis_server_start(&w->server);
    const char *url = fx_printf(w->sc, "redis://:%s@127.0.0.1:%d/2", PASSWORD, w->server.port);
    assert_int_equal(open_with(w, &(struct fx_redis_options){.url = url}), FX_OK);
    assert_int_equal(call(w, "SET", FX_SLICE("k"), value, &reply), FX_OK);
    assert_int_equal(reply->kind, FX_REDIS_STATUS);
    assert_true(fx_slice_equal_text(reply->text, "OK"));
    assert_int_equal(call(w, "GET", FX_SLICE("k"), (struct fx_slice){0}, &reply), FX_OK);
    assert_int_equal(reply->kind, FX_REDIS_TEXT);
    assert_true(fx_slice_equal(reply->text, value));
    assert_int_equal(call(w, "GET", FX_SLICE("absent"), (struct fx_slice){0}, &reply), FX_OK);
    assert_int_equal(reply->kind, FX_REDIS_NIL);
    assert_int_equal(call(w, "INCR", FX_SLICE("n"), (struct fx_slice){0}, &reply), FX_OK);
    assert_int_equal(reply->kind, FX_REDIS_INTEGER);
    assert_int_equal(reply->integer, 1);
    assert_int_equal(call(w, "MGET", FX_SLICE("k"), FX_SLICE("absent"), &reply), FX_OK);
    assert_int_equal(reply->kind, FX_REDIS_LIST);
    assert_int_equal(reply->items_count, 2);
    assert_true(fx_slice_equal(reply->items[0]->text, value));
    assert_int_equal(reply->items[1]->kind, FX_REDIS_NIL);

    /* it was database 2 */
    reply = redis_server_ask(&w->server, w->sc, "EXISTS", "k", NULL);
    assert_int_equal(reply->integer, 0);
}

static void an_error_reply_leaves_the_connection_whole(void **state) {
    struct world *w = *state;
    const struct fx_redis_reply *reply = NULL;

    redis_server_start(&w->server);
    assert_int_equal(
        open_with(w, &(struct fx_redis_options){.url = redis_server_url(&w->server, w->sc),
                                                .password = PASSWORD}),
        FX_OK);
    assert_int_equal(call(w, "LPUSH", FX_SLICE("list"), FX_SLICE("x"), &reply), FX_OK);
    assert_int_equal(call(w, "GET", FX_SLICE("list"), (struct fx_slice){0}, &reply),
                     FX_ERR_UPSTREAM);
    assert_string_equal(w->err.upstream, "WRONGTYPE");
    assert_int_equal(call(w, "SET", FX_SLICE("k"), FX_SLICE("x"), &reply), FX_OK);
}

static void users_and_passwords_are_checked_and_never_said(void **state) {
    struct world *w = *state;

    redis_server_start(&w->server);
    (void)redis_server_ask(&w->server, w->sc, "ACL", "SETUSER", "anna", "on", ">hush:@/", "~*",
                           "+@all", NULL);
    const char *url = redis_server_url(&w->server, w->sc);
    const struct fx_redis_options wrong[] = {
        {.url = url, .password = "hush"},
        {.url = url, .username = "anna", .password = PASSWORD},
        {.url = url, .username = "nobody", .password = "hush:@/"},
        {.url = fx_printf(w->sc, "redis://anna:hush@127.0.0.1:%d", w->server.port)},
    };
    for (size_t i = 0; i < FX_COUNT_OF(wrong); i++) {
        assert_int_equal(open_with(w, &wrong[i]), FX_ERR_DENIED);
        assert_null(strstr(w->err.message, "hush"));
        assert_null(strstr(w->err.message, PASSWORD));
    }
    url = fx_printf(w->sc, "redis://anna:hush%%3A%%40%%2F@127.0.0.1:%d", w->server.port);
    assert_int_equal(open_with(w, &(struct fx_redis_options){.url = url}), FX_OK);
}

static void a_database_that_is_not_there_is_named(void **state) {
    struct world *w = *state;

    redis_server_start(&w->server);
    const char *url = fx_printf(w->sc, "unix://%s/socket", w->server.dir);
    assert_int_equal(open_with(w, &(struct fx_redis_options){.url = url, .password = PASSWORD}),
                     FX_OK);
    fx_redis_close(w->redis);
    w->redis = NULL;
    url = fx_printf(w->sc, "redis://127.0.0.1:%d/99", w->server.port);
    assert_int_equal(open_with(w, &(struct fx_redis_options){.url = url, .password = PASSWORD}),
                     FX_ERR_UPSTREAM);
    assert_non_null(strstr(w->err.message, "database 99"));
}

/* ---- TLS ---- */

static enum fx_code open_tls(struct world *w, const char *host, const char *ca_file) {
    fx_redis_close(w->redis);
    w->redis = NULL;
    return open_with(
        w, &(struct fx_redis_options){
               .url = fx_printf(w->sc, "rediss://%s:%d", host, w->server.port),
               .password = PASSWORD,
               .ca_file = ca_file == NULL ? NULL : redis_server_file(&w->server, w->sc, ca_file)});
}

static void tls_trusts_the_right_name_from_the_right_ca_only(void **state) {
    struct world *w = *state;
    const struct fx_redis_reply *reply = NULL;
    char *large = fx_alloc(w->sc, 300 << 10);

    w->server.tls = true;
    redis_server_start(&w->server);
    redis_server_certificate(&w->server, "other", "DNS:localhost");
    assert_int_equal(open_tls(w, "localhost", "certificate.pem"), FX_OK);
    memset(large, 'x', 300 << 10);
    struct fx_slice value = {large, 300 << 10}; /* many records in each direction */
    assert_int_equal(call(w, "SET", FX_SLICE("k"), value, &reply), FX_OK);
    assert_int_equal(call(w, "GET", FX_SLICE("k"), (struct fx_slice){0}, &reply), FX_OK);
    assert_true(fx_slice_equal(reply->text, value));

    assert_int_equal(open_tls(w, "localhost", "other.pem"), FX_ERR_UNAVAILABLE);
    assert_non_null(strstr(w->err.message, "certificate"));
    assert_int_equal(open_tls(w, "localhost", NULL), FX_ERR_UNAVAILABLE);
    assert_int_equal(open_tls(w, "127.0.0.1", "certificate.pem"), FX_ERR_UNAVAILABLE);
    assert_non_null(strstr(w->err.message, "IP address mismatch"));
    assert_null(w->redis);
}

static void a_name_that_the_certificate_lacks_is_refused(void **state) {
    struct world *w = *state;

    w->server.tls = true;
    redis_server_start(&w->server);
    redis_server_kill(&w->server);
    redis_server_certificate(&w->server, "certificate", "DNS:elsewhere.example,IP:127.0.0.1");
    redis_server_restart(&w->server);
    assert_int_equal(open_tls(w, "localhost", "certificate.pem"), FX_ERR_UNAVAILABLE);
    assert_non_null(strstr(w->err.message, "hostname mismatch"));
    assert_int_equal(open_tls(w, "127.0.0.1", "certificate.pem"), FX_OK);
}

static void tls_and_plain_do_not_meet(void **state) {
    struct world *w = *state;

    redis_server_start(&w->server);
    const char *url = fx_printf(w->sc, "rediss://127.0.0.1:%d", w->server.port);
    assert_int_not_equal(open_with(w, &(struct fx_redis_options){.url = url,
                                                                 .password = PASSWORD,
                                                                 .timeout_ms = SHORT_MS}),
                         FX_OK); /* Redis waits for the end of what it takes for a line */
    redis_server_stop(&w->server);
    w->server.tls = true;
    redis_server_start(&w->server);
    url = fx_printf(w->sc, "redis://127.0.0.1:%d", w->server.port);
    assert_int_not_equal(open_with(w, &(struct fx_redis_options){.url = url, .password = PASSWORD}),
                         FX_OK);
    assert_null(strstr(w->err.message, PASSWORD));
}

/* ---- bad manners ---- */

/* Answers whatever comes with the fixed text; NULL is silence. */
static void answer(struct loopback *server, int conn) {
    char bytes[4096];

    while (recv(conn, bytes, sizeof(bytes), 0) > 0)
        if (server->answer != NULL)
            loopback_say(conn, server->answer);
}

static void answer_and_leave(struct loopback *server, int conn) {
    char bytes[4096];

    if (recv(conn, bytes, sizeof(bytes), 0) > 0)
        loopback_say(conn, server->answer);
}

/* A GET without a login, so that its reply is the first thing the server says. */
static enum fx_code ask(struct world *w, const char *text,
                        void (*serve)(struct loopback *server, int conn), int64_t timeout_ms) {
    struct loopback server = {.serve = serve, .answer = text};
    const struct fx_slice words[] = {FX_SLICE("GET"), FX_SLICE("k")};
    const struct fx_redis_reply *reply = NULL;
    struct fx_error ignored;

    loopback_start(&server);
    const char *url = fx_printf(w->sc, "redis://127.0.0.1:%d", server.port);
    assert_int_equal(open_with(w, &(struct fx_redis_options){.url = url}), FX_OK);
    enum fx_code code = fx_redis_call(w->redis, w->sc, words, 2, timeout_ms, &reply, &w->err);
    if (code != FX_OK && code != FX_ERR_UPSTREAM) /* broken for good */
        assert_int_equal(fx_redis_call(w->redis, w->sc, words, 2, PATIENT_MS, &reply, &ignored),
                         FX_ERR_UNAVAILABLE);
    fx_redis_close(w->redis);
    w->redis = NULL;
    loopback_stop(&server);
    return code;
}

static void what_is_no_reply_is_refused(void **state) {
    struct world *w = *state;
    static const char *const texts[] = {
        "HTTP/1.1 400 Bad Request\r\n\r\n",
        "\r\n\r\n",
        "garbage\r\n",
        "$abc\r\n",
        "$-2\r\n",
        ":12x\r\n",
        "*2147483648\r\n",
        "*-5\r\n",
        "$99999999999999999999\r\n",
        "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n",
    };

    for (size_t i = 0; i < FX_COUNT_OF(texts); i++)
        if (ask(w, texts[i], answer, PATIENT_MS) != FX_ERR_UNAVAILABLE)
            fail_msg("%s is taken", texts[i]);
}

/* The counts are the server's; what they may cost is ours. */
static void lists_have_a_limit_over_all(void **state) {
    struct world *w = *state;
    struct fx_buf text;

    assert_int_equal(ask(w, "*4097\r\n", answer, PATIENT_MS), FX_ERR_UNAVAILABLE);
    assert_int_equal(ask(w, "*1000000000\r\n", answer, PATIENT_MS), FX_ERR_UNAVAILABLE);
    for (int lists = 40; lists <= 41;
         lists++) { /* 40 and 40 * 100 items fit, 41 and 4,100 do not */
        fx_buf_init(&text, w->sc, 1 << 20);
        fx_buf_addf(&text, "*%d\r\n", lists);
        for (int i = 0; i < lists; i++) {
            fx_buf_add_text(&text, "*100\r\n");
            for (int j = 0; j < 100; j++)
                fx_buf_add_text(&text, ":1\r\n");
        }
        assert_int_equal(ask(w, fx_buf_text(&text), answer, PATIENT_MS),
                         lists == 40 ? FX_OK : FX_ERR_UNAVAILABLE);
    }
}

static void half_a_reply_is_none(void **state) {
    struct world *w = *state;
    static const char *const halves[] = {"$5\r\nhel", "+OK", "*2\r\n:1\r\n", ":", "$5\r\nhello\r"};

    for (size_t i = 0; i < FX_COUNT_OF(halves); i++) {
        assert_int_equal(ask(w, halves[i], answer_and_leave, PATIENT_MS), FX_ERR_UNAVAILABLE);
        assert_int_equal(ask(w, halves[i], answer, SHORT_MS), FX_ERR_TIMEOUT);
    }
}

static void silence_ends_with_the_time(void **state) {
    struct world *w = *state;

    assert_int_equal(ask(w, NULL, answer, SHORT_MS), FX_ERR_TIMEOUT);
    assert_true(w->err.sent);
}

static void say_for_ever(struct loopback *server, int conn) {
    char bytes[4096];

    if (recv(conn, bytes, sizeof(bytes), 0) <= 0)
        return;
    loopback_say(conn, "$2000000\r\n");
    memset(bytes, 'x', sizeof(bytes));
    while (send(conn, bytes, sizeof(bytes), MSG_NOSIGNAL) > 0)
        continue;
}

static void a_reply_has_a_limit(void **state) {
    struct world *w = *state;

    assert_int_equal(ask(w, NULL, say_for_ever, PATIENT_MS), FX_ERR_LIMIT);
}

static void two_answers_to_one_question_are_too_many(void **state) {
    struct world *w = *state;
    struct loopback server = {.serve = answer, .answer = "+one\r\n+two\r\n"};
    const struct fx_redis_reply *reply = NULL;

    loopback_start(&server);
    const char *url = fx_printf(w->sc, "redis://127.0.0.1:%d", server.port);
    assert_int_equal(open_with(w, &(struct fx_redis_options){.url = url}), FX_OK);
    assert_int_equal(call(w, "PING", (struct fx_slice){0}, (struct fx_slice){0}, &reply), FX_OK);
    assert_true(fx_slice_equal_text(reply->text, "one"));
    assert_int_equal(call(w, "PING", (struct fx_slice){0}, (struct fx_slice){0}, &reply),
                     FX_ERR_UNAVAILABLE);
    fx_redis_close(w->redis);
    w->redis = NULL;
    loopback_stop(&server);
}

static void the_servers_own_words_go_nowhere(void **state) {
    struct world *w = *state;

    assert_int_equal(ask(w, "-READONLY You hush hush\r\n", answer, PATIENT_MS), FX_ERR_UPSTREAM);
    assert_string_equal(w->err.upstream, "READONLY");
    assert_null(strstr(w->err.message, "hush"));
    assert_int_equal(ask(w, "-HUSH hush\r\n", answer, PATIENT_MS), FX_ERR_UPSTREAM);
    assert_string_equal(w->err.upstream, "");
    assert_null(strcasestr(w->err.message, "hush"));
}

static void a_login_that_is_answered_with_its_password_says_nothing(void **state) {
    struct world *w = *state;
    struct loopback server = {.serve = answer, .answer = "-ERR " PASSWORD "\r\n"};

    loopback_start(&server);
    const char *url = fx_printf(w->sc, "redis://127.0.0.1:%d", server.port);
    assert_int_equal(open_with(w, &(struct fx_redis_options){.url = url, .password = PASSWORD}),
                     FX_ERR_DENIED);
    assert_null(strstr(w->err.message, PASSWORD));
    assert_null(strstr(w->err.upstream, PASSWORD));
    loopback_stop(&server);
}

static void nobody_there_is_unavailable(void **state) {
    struct world *w = *state;
    const char *url = fx_printf(w->sc, "redis://127.0.0.1:%d", loopback_closed_port());

    assert_int_equal(open_with(w, &(struct fx_redis_options){.url = url}), FX_ERR_UNAVAILABLE);
    assert_int_equal(open_with(w, &(struct fx_redis_options){.url = "unix:///nowhere/socket"}),
                     FX_ERR_UNAVAILABLE);
    assert_int_equal(
        open_with(w, &(struct fx_redis_options){.url = "redis://no-such-host.invalid"}),
        FX_ERR_UNAVAILABLE);
}

/* ---- listening ---- */

static void a_listener_keeps_what_comes_in_pieces(void **state) {
    struct world *w = *state;
    struct loopback server = {.serve = answer, .answer = "*2\r\n$1\r\na"};
    const struct fx_slice words[] = {FX_SLICE("SUBSCRIBE"), FX_SLICE("t")};
    const struct fx_redis_reply *reply = NULL;

    loopback_start(&server);
    const char *url = fx_printf(w->sc, "redis://127.0.0.1:%d", server.port);
    assert_int_equal(open_with(w, &(struct fx_redis_options){.url = url}), FX_OK);
    assert_int_equal(fx_redis_send(w->redis, words, 2, PATIENT_MS, &w->err), FX_OK);
    for (int i = 0; i < 3; i++) {
        FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);

        assert_int_equal(fx_redis_receive(w->redis, sc, SHORT_MS, &reply, &w->err), FX_ERR_TIMEOUT);
    }
    server.answer = "\r\n$1\r\nb\r\n";
    assert_int_equal(fx_redis_send(w->redis, words, 2, PATIENT_MS, &w->err), FX_OK);
    assert_int_equal(fx_redis_receive(w->redis, w->sc, PATIENT_MS, &reply, &w->err), FX_OK);
    assert_int_equal(reply->items_count, 2);
    assert_true(fx_slice_equal_text(reply->items[0]->text, "a"));
    assert_true(fx_slice_equal_text(reply->items[1]->text, "b"));
    fx_redis_close(w->redis);
    w->redis = NULL;
    loopback_stop(&server);
}

int main(void) {
#define REDIS_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        REDIS_TEST(takes_addresses_as_they_are_written),
        REDIS_TEST(says_where_an_address_leads_without_its_password),
        REDIS_TEST(refuses_other_addresses_and_repeats_none_of_them),
        REDIS_TEST(a_socket_has_a_path_that_fits),
        REDIS_TEST(a_ca_file_must_hold_certificates_and_be_of_use),
        REDIS_TEST(speaks_with_redis),
        REDIS_TEST(an_error_reply_leaves_the_connection_whole),
        REDIS_TEST(users_and_passwords_are_checked_and_never_said),
        REDIS_TEST(a_database_that_is_not_there_is_named),
        REDIS_TEST(tls_trusts_the_right_name_from_the_right_ca_only),
        REDIS_TEST(a_name_that_the_certificate_lacks_is_refused),
        REDIS_TEST(tls_and_plain_do_not_meet),
        REDIS_TEST(what_is_no_reply_is_refused),
        REDIS_TEST(lists_have_a_limit_over_all),
        REDIS_TEST(half_a_reply_is_none),
        REDIS_TEST(silence_ends_with_the_time),
        REDIS_TEST(a_reply_has_a_limit),
        REDIS_TEST(two_answers_to_one_question_are_too_many),
        REDIS_TEST(the_servers_own_words_go_nowhere),
        REDIS_TEST(a_login_that_is_answered_with_its_password_says_nothing),
        REDIS_TEST(nobody_there_is_unavailable),
        REDIS_TEST(a_listener_keeps_what_comes_in_pieces),
    };

    return cmocka_run_group_tests_name("redis", tests, NULL, NULL);
}
