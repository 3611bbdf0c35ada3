/* steps_probe_test.c - `dns`, `tls.expiry` and `http.probe` against real servers on 127.0.0.1, and
 * a resolver that hangs. */
#include "support/loopback.h"
#include "support/tls_server.h"

#include "private.h"

#include <dlfcn.h>
#include <netdb.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

struct world {
    struct fx_scope *sc;
    struct fx_http *http;
    struct fx_step_context ctx;
    struct fx_step_result result;
    struct fx_error err;
};

/* FX_OK; a failure says why it is none. */
#define must(w, call)                                                                              \
    do {                                                                                           \
        if ((call) != FX_OK)                                                                       \
            fail_msg("%s", (w)->err.message);                                                      \
    } while (0)

static struct world *begin(const char *roots) {
    struct world *w = calloc(1, sizeof *w);

    w->sc = fx_scope_new(NULL);
    must(w, fx_http_open(fx_clock_system(), roots, &w->http, &w->err));
    w->ctx = (struct fx_step_context){.sc = w->sc, .clock = fx_clock_system(), .http = w->http};
    return w;
}

static void end(struct world *w) {
    fx_http_close(w->http);
    fx_scope_free(w->sc);
    free(w);
}

/* JSON in which ' stands for ". */
static struct fx_json *json(struct world *w, const char *text) {
    char *copy = fx_strdup(w->sc, text);
    struct fx_json *value = NULL;

    for (char *p = copy; *p != '\0'; p++)
        *p = *p == '\'' ? '"' : *p;
    must(w, fx_json_parse(w->sc, fx_slice_of(copy), &value, &w->err));
    return value;
}

static enum fx_code check(struct world *w, const struct fx_step_kind *kind, const char *params) {
    struct fx_json *filled = NULL;

    w->err = (struct fx_error){0};
    FX_TRY(fx_step_fill_params(w->sc, kind, json(w, params), &filled, &w->err));
    return kind->check(w->sc, NULL, filled, &w->err);
}

static enum fx_code run(struct world *w, const struct fx_step_kind *kind, const char *params) {
    struct fx_json *filled = NULL;

    w->err = (struct fx_error){0};
    w->result = (struct fx_step_result){0};
    FX_TRY(fx_step_fill_params(w->sc, kind, json(w, params), &filled, &w->err));
    return kind->run(&w->ctx, filled, &w->result, &w->err);
}

static bool says(const struct world *w, const char *member, const char *part) {
    const char *text = fx_json_get_text(w->result.output, member);

    return text != NULL && strstr(text, part) != NULL;
}

/* ---- who is called stands in the runbook or the configuration ---- */

static void nobody_else_chooses_the_host(void **state) {
    static const char *const good[] = {"'https://api.example.com'", "'${variables.api}'",
                                       "'https://${variables.host}:8443/v1'"};
    static const char *const bad[] = {
        "'https://${arguments.host}'",
        "'${described.DBInstances[1].Endpoint.Address}'",
        "'${variables.api .. arguments.x}'",
        "'https://${variables.host}.${row.x}'",
        "'https://api.example.com?x=1'",
        "'https://api@example.com'",
        "'https://api.example.com#x'",
        "'api.example.com'",
        "''",
    };
    struct world *w = begin(NULL);

    for (size_t i = 0; i < FX_COUNT_OF(good); i++)
        must(w, check(w, &step_http_probe, fx_printf(w->sc, "{'url':%s}", good[i])));
    for (size_t i = 0; i < FX_COUNT_OF(bad); i++)
        assert_int_equal(check(w, &step_http_probe, fx_printf(w->sc, "{'url':%s}", bad[i])),
                         FX_ERR_INPUT);
    assert_int_equal(check(w, &step_tls_expiry, "{'host':'${arguments.host}'}"), FX_ERR_INPUT);
    assert_int_equal(check(w, &step_tls_expiry, "{'host':'a.example.com:443'}"), FX_ERR_INPUT);
    assert_int_equal(check(w, &step_tls_expiry, "{'host':'a.example.com/x'}"), FX_ERR_INPUT);
    assert_int_equal(check(w, &step_tls_expiry, "{'host':'a','port':0}"), FX_ERR_INPUT);
    assert_int_equal(check(w, &step_dns, "{'name':'${arguments.host}'}"), FX_ERR_INPUT);
    assert_int_equal(check(w, &step_dns, "{'name':'a b'}"), FX_ERR_INPUT);
    must(w, check(w, &step_dns, "{'name':'${described.DBInstances[1].Endpoint.Address}'}"));
    assert_int_equal(check(w, &step_http_probe, "{'url':'https://a','method':'POST'}"),
                     FX_ERR_INPUT);
    assert_int_equal(check(w, &step_http_probe, "{'url':'https://a','reach':'all'}"), FX_ERR_INPUT);
    assert_int_equal(check(w, &step_http_probe, "{'url':'https://a','wait':'31s'}"), FX_ERR_INPUT);
    assert_int_equal(check(w, &step_dns, "{'name':'a','wait':'11s'}"), FX_ERR_INPUT);
    end(w);
}

static void answer_all(struct loopback *server, int conn) {
    while (loopback_read(server, conn))
        loopback_say(conn, server->answer);
}

static void answer_never(struct loopback *server, int conn) {
    if (loopback_read(server, conn))
        loopback_wait_for_close(server, conn);
}

static void a_private_address_is_not_called_unless_it_was_asked_for(void **state) {
    struct loopback server = {.serve = answer_all,
                              .answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"};
    struct world *w = begin(NULL);

    loopback_start(&server);
    assert_int_equal(
        run(w, &step_http_probe, fx_printf(w->sc, "{'url':'http://127.0.0.1:%d'}", server.port)),
        FX_ERR_DENIED);
    assert_int_equal(
        run(w, &step_tls_expiry, fx_printf(w->sc, "{'host':'127.0.0.1','port':%d}", server.port)),
        FX_ERR_DENIED);
    assert_int_equal(server.connections, 0);
    must(w, run(w, &step_http_probe,
                fx_printf(w->sc, "{'url':'http://127.0.0.1:%d','reach':'private'}", server.port)));
    assert_int_equal(server.connections, 1);
    end(w);
    loopback_stop(&server);
}

/* ---- http.probe ---- */

static void a_probe_tells_how_it_was_answered_and_not_what(void **state) {
    struct loopback server = {.serve = answer_all,
                              .answer = "HTTP/1.1 503 Busy\r\nContent-Length: 6\r\n\r\nsecret"};
    struct world *w = begin(NULL);

    loopback_start(&server);
    must(w, run(w, &step_http_probe,
                fx_printf(w->sc,
                          "{'url':'http://127.0.0.1:%d/','path':'/health?x=1','method':'GET',"
                          "'reach':'private'}",
                          server.port)));
    assert_true(fx_json_get_bool(w->result.output, "reached", false));
    assert_false(fx_json_get_bool(w->result.output, "ok", true));
    assert_int_equal(fx_json_get_int(w->result.output, "status", 0), 503);
    assert_int_equal(fx_json_get_int(w->result.output, "bytes", 0), 6);
    assert_null(strstr(fx_json_dump(w->sc, w->result.output), "secret"));
    assert_int_equal(fx_json_type(fx_json_at(w->result.output, "certificate")), FX_JSON_NULL);
    assert_non_null(strstr(server.last, "GET /health?x=1 HTTP/1.1"));
    end(w);
    loopback_stop(&server);
}

static void what_a_person_typed_cannot_move_the_host(void **state) {
    static const char *const paths[] = {"@127.0.0.2/",        ".evil.example/", "evil",   "/x y",
                                        "/x\\r\\nHost: evil", "/x#y",           "/a\\\\b"};
    struct loopback server = {.serve = answer_all,
                              .answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"};
    struct world *w = begin(NULL);

    loopback_start(&server);
    for (size_t i = 0; i < FX_COUNT_OF(paths); i++)
        assert_int_equal(run(w, &step_http_probe,
                             fx_printf(w->sc,
                                       "{'url':'http://127.0.0.1:%d','path':'%s',"
                                       "'reach':'private'}",
                                       server.port, paths[i])),
                         FX_ERR_INPUT);
    /* without a port the host would just go on */
    assert_int_equal(
        run(w, &step_http_probe, "{'url':'http://localhost','path':'.invalid/','reach':'private'}"),
        FX_ERR_INPUT);
    assert_int_equal(server.connections, 0);
    must(w, run(w, &step_http_probe,
                fx_printf(w->sc,
                          "{'url':'http://127.0.0.1:%d','path':'//evil.example/@x/../y',"
                          "'reach':'private'}",
                          server.port)));
    assert_non_null(strstr(server.last, "GET //evil.example/@x/../y HTTP/1.1"));
    end(w);
    loopback_stop(&server);
}

static void no_answer_is_an_answer(void **state) {
    struct loopback server = {.serve = answer_never};
    struct world *w = begin(NULL);

    loopback_start(&server);
    must(w, run(w, &step_http_probe,
                fx_printf(w->sc, "{'url':'http://127.0.0.1:%d','reach':'private','wait':'200ms'}",
                          server.port)));
    assert_false(fx_json_get_bool(w->result.output, "reached", true));
    assert_true(says(w, "why", "did not answer within 200 ms"));
    must(w, run(w, &step_http_probe,
                fx_printf(w->sc, "{'url':'http://127.0.0.1:%d','reach':'private'}",
                          loopback_closed_port())));
    assert_true(says(w, "why", "cannot be reached"));
    end(w);
    loopback_stop(&server);
}

/* ---- certificates ---- */

static void a_trusted_certificate_tells_its_days_and_nothing_is_sent(void **state) {
    struct fx_scope *sc = fx_scope_new(NULL);
    struct tls_server server;

    tls_server_start(&server, sc, "12", false);
    struct world *w = begin(server.certificate);
    must(w, run(w, &step_tls_expiry,
                fx_printf(w->sc, "{'host':'127.0.0.1','port':%d,'reach':'private'}", server.port)));
    assert_true(fx_json_get_bool(w->result.output, "trusted", false));
    assert_int_equal(fx_json_get_int(w->result.output, "days", 0), 11); /* whole ones */
    assert_true(says(w, "subject", "probed"));
    end(w);
    assert_false(tls_server_stop(&server, "HTTP/1.1"));
    fx_scope_free(sc);
}

static void a_certificate_that_has_expired_is_still_looked_at(void **state) {
    struct fx_scope *sc = fx_scope_new(NULL);
    struct tls_server server;

    tls_server_start(&server, sc, "-1", false); /* openssl goes no further back */
    struct world *w = begin(server.certificate);
    must(w, run(w, &step_tls_expiry,
                fx_printf(w->sc, "{'host':'127.0.0.1','port':%d,'reach':'private'}", server.port)));
    assert_false(fx_json_get_bool(w->result.output, "trusted", true));
    assert_int_equal(fx_json_get_int(w->result.output, "days", 0), -2);
    assert_true(says(w, "why", "certificate"));
    /* a probe sends nothing there: what it would send may be meant for somebody else */
    must(w, run(w, &step_http_probe,
                fx_printf(w->sc, "{'url':'https://127.0.0.1:%d','reach':'private'}", server.port)));
    assert_false(fx_json_get_bool(w->result.output, "reached", true));
    end(w);
    assert_false(tls_server_stop(&server, "HTTP/1.1"));
    fx_scope_free(sc);
}

static void a_strangers_certificate_is_not_trusted(void **state) {
    struct fx_scope *sc = fx_scope_new(NULL);
    struct tls_server server;

    tls_server_start(&server, sc, "12", false);
    struct world *w = begin(NULL);
    must(w, run(w, &step_tls_expiry,
                fx_printf(w->sc, "{'host':'127.0.0.1','port':%d,'reach':'private'}", server.port)));
    assert_false(fx_json_get_bool(w->result.output, "trusted", true));
    assert_int_equal(fx_json_get_int(w->result.output, "days", 0), 11);
    end(w);
    tls_server_stop(&server, "");
    fx_scope_free(sc);
}

static void who_speaks_no_tls_has_no_certificate(void **state) {
    struct loopback server = {.serve = answer_all,
                              .answer = "HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n"};
    struct world *w = begin(NULL);

    assert_int_equal(run(w, &step_tls_expiry,
                         fx_printf(w->sc, "{'host':'127.0.0.1','port':%d,'reach':'private'}",
                                   loopback_closed_port())),
                     FX_ERR_UNAVAILABLE);
    loopback_start(&server);
    assert_int_not_equal(run(w, &step_tls_expiry,
                             fx_printf(w->sc,
                                       "{'host':'127.0.0.1','port':%d,'reach':'private',"
                                       "'wait':'500ms'}",
                                       server.port)),
                         FX_OK);
    end(w);
    loopback_stop(&server);
}

/* ---- dns ---- */

static pthread_mutex_t hang_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t hang_changed = PTHREAD_COND_INITIALIZER;
static int hanging; /* lookups of hangs.example that wait */
static bool let_go;

/* Takes the place of the C library's: one name never gets an answer, until it does. */
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **found) {
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    void *symbol = dlsym(RTLD_NEXT, "getaddrinfo");

    memcpy(&real, &symbol, sizeof real);
    if (strcmp(name, "hangs.example") == 0) {
        pthread_mutex_lock(&hang_lock);
        hanging++;
        while (!let_go)
            pthread_cond_wait(&hang_changed, &hang_lock);
        hanging--;
        pthread_cond_broadcast(&hang_changed);
        pthread_mutex_unlock(&hang_lock);
        name = "127.0.0.1";
    }
    return real(name, service, hints, found);
}

static void a_name_has_addresses_or_none(void **state) {
    struct world *w = begin(NULL);

    must(w, run(w, &step_dns, "{'name':'localhost'}"));
    assert_true(fx_json_get_bool(w->result.output, "found", false));
    assert_string_equal(fx_json_text(fx_json_item(fx_json_at(w->result.output, "a"), 0)),
                        "127.0.0.1");
    must(w, run(w, &step_dns, "{'name':'127.0.0.9'}"));
    assert_int_equal(fx_json_count(fx_json_at(w->result.output, "a")), 1);
    must(w, run(w, &step_dns, "{'name':'no-such-name.invalid','wait':'10s'}"));
    assert_false(fx_json_get_bool(w->result.output, "found", true));
    assert_non_null(fx_json_get_text(w->result.output, "why"));
    end(w);
}

static void a_resolver_that_hangs_keeps_nobody(void **state) {
    struct world *w = begin(NULL);

    let_go = false;
    must(w, run(w, &step_dns, "{'name':'hangs.example','wait':'100ms'}"));
    assert_false(fx_json_get_bool(w->result.output, "found", true));
    assert_true(says(w, "why", "no name server answered within 100 ms"));
    fx_scope_set_deadline(w->sc, fx_mono_ms(fx_clock_system()) + 50); /* the nearer one */
    must(w, run(w, &step_dns, "{'name':'hangs.example','wait':'10s'}"));
    assert_false(fx_json_get_bool(w->result.output, "found", true));
    end(w); /* what still asks has memory of its own, and frees it */
    pthread_mutex_lock(&hang_lock);
    let_go = true;
    pthread_cond_broadcast(&hang_changed);
    while (hanging > 0)
        pthread_cond_wait(&hang_changed, &hang_lock);
    pthread_mutex_unlock(&hang_lock);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_else_chooses_the_host),
        cmocka_unit_test(a_private_address_is_not_called_unless_it_was_asked_for),
        cmocka_unit_test(a_probe_tells_how_it_was_answered_and_not_what),
        cmocka_unit_test(what_a_person_typed_cannot_move_the_host),
        cmocka_unit_test(no_answer_is_an_answer),
        cmocka_unit_test(a_trusted_certificate_tells_its_days_and_nothing_is_sent),
        cmocka_unit_test(a_certificate_that_has_expired_is_still_looked_at),
        cmocka_unit_test(a_strangers_certificate_is_not_trusted),
        cmocka_unit_test(who_speaks_no_tls_has_no_certificate),
        cmocka_unit_test(a_name_has_addresses_or_none),
        cmocka_unit_test(a_resolver_that_hangs_keeps_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
