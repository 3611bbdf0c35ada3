/* steps_redis_test.c - the step `redis` against a real Redis. */
#include "support/loopback.h"
#include "support/redis_server.h"

#include "redis_words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PASSWORD "s3cret-word"

struct world {
    struct redis_server server;
    struct fx_scope *sc;
    const char *url;
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

static const char *url_of(const struct fx_step_context *ctx, const char *name) {
    const struct world *w = ctx->owner;

    return strcmp(name, "cache") == 0 ? w->url : NULL;
}

/* JSON in which ' stands for ". */
static struct fx_json *json(struct world *w, const char *text) {
    char *copy = fx_strdup(w->sc, text);
    struct fx_json *value = NULL;
    struct fx_error err;

    for (char *p = copy; *p != '\0'; p++)
        *p = *p == '\'' ? '"' : *p;
    if (fx_json_parse(w->sc, fx_slice_of(copy), &value, &err) != FX_OK)
        fail_msg("%s", err.message);
    return value;
}

static int setup(void **state) {
    struct world *w = calloc(1, sizeof *w);

    w->sc = fx_scope_new(NULL);
    w->server.password = PASSWORD;
    w->ctx = (struct fx_step_context){.sc = w->sc,
                                      .clock = fx_clock_system(),
                                      .environment = "dev",
                                      .database_url = url_of,
                                      .owner = w,
                                      .system = json(w, "{'databases':{'cache':{'kind':'redis'},"
                                                        "'events':{},'other':{'kind':'redis'}}}")};
    *state = w;
    return 0;
}

static int setup_redis(void **state) {
    setup(state);
    struct world *w = *state;

    redis_server_start(&w->server);
    w->url = fx_printf(w->sc, "redis://:%s@127.0.0.1:%d/0", PASSWORD, w->server.port);
    return 0;
}

static int teardown(void **state) {
    struct world *w = *state;

    if (w->server.dir[0] != '\0')
        redis_server_stop(&w->server);
    fx_scope_free(w->sc);
    free(w);
    return 0;
}

static struct fx_json *filled(struct world *w, const char *text) {
    struct fx_json *params = json(w, text), *whole = NULL;

    if (fx_json_at(params, "database") == NULL)
        fx_json_put(params, "database", fx_json_string(w->sc, "cache"));
    if (fx_json_at(params, "wait") == NULL)
        fx_json_put(params, "wait", fx_json_string(w->sc, "10s"));
    w->err = (struct fx_error){0};
    if (fx_step_fill_params(w->sc, &step_redis, params, &whole, &w->err) != FX_OK)
        fail_msg("%s", w->err.message);
    return whole;
}

static enum fx_code check(struct world *w, const char *params) {
    return step_redis.check(w->sc, w->ctx.system, filled(w, params), &w->err);
}

static enum fx_code run(struct world *w, const char *params) {
    struct fx_json *whole = filled(w, params);

    w->result = (struct fx_step_result){0};
    return step_redis.run(&w->ctx, whole, &w->result, &w->err);
}

/* What it answers, as text; ' for ". */
static const char *answer(struct world *w, const char *params) {
    if (run(w, params) != FX_OK)
        fail_msg("%s: %s", params, w->err.message);
    fx_json_remove(w->result.output, "ms");
    char *text = fx_json_dump(w->sc, w->result.output);
    for (char *p = text; *p != '\0'; p++)
        *p = *p == '"' ? '\'' : *p;
    return text;
}

static void refused(struct world *w, const char *params, const char *why) {
    if (check(w, params) != FX_ERR_INPUT)
        fail_msg("%s is taken", params);
    if (strstr(w->err.message, why) == NULL)
        fail_msg("%s: %s", params, w->err.message);
}

/* ---- what check lets pass ---- */

static void only_what_reads_is_asked(void **state) {
    static const char *const never[] = {
        "KEYS",      "get",         "SET",    "DEL",    "UNLINK",     "EXPIRE",
        "FLUSHALL",  "EVAL",        "GETDEL", "CONFIG", "CONFIG GET", "MONITOR",
        "SHUTDOWN",  "CLIENT LIST", "DEBUG",  "SORT",   "ACL LIST",   "GET\r\nDEL",
        "SUBSCRIBE", "HSET",        "LPOP",   "XREAD",  "RANDOMKEY",  "",
    };
    struct world *w = *state;

    for (size_t i = 0; i < FX_COUNT_OF(never); i++) {
        struct fx_json *params = filled(w, "{'command':'GET','key':'k'}");

        fx_json_put(params, "command", fx_json_string(w->sc, never[i]));
        if (step_redis.check(w->sc, w->ctx.system, params, &w->err) != FX_ERR_INPUT)
            fail_msg("%s is asked", never[i]);
        if (step_redis.run(&w->ctx, params, &w->result, &w->err) != FX_ERR_INPUT)
            fail_msg("%s is run", never[i]);
    }
    assert_int_equal(step_redis.effect(NULL), FX_EFFECT_READ);
}

static void nobody_else_chooses_the_key(void **state) {
    struct world *w = *state;

    must(w,
         check(w, "{'command':'GET','key':'${variables.prefix}:$1','with':['${arguments.id}']}"));
    refused(w, "{'command':'GET','key':'campaign:${arguments.id}'}", "put the value under `with`");
    refused(w, "{'command':'GET','key':'campaign:${step.value}'}", "put the value under `with`");
    refused(w, "{'command':'GET'}", "GET wants a key");
    refused(w, "{'command':'DBSIZE','key':'k'}", "DBSIZE wants no key");
    refused(w, "{'command':'DBSIZE','with':['x']}", "has none");
    refused(w, "{'command':'HGET','key':'k'}", "wants 1 to 1 arguments");
    refused(w, "{'command':'GET','key':'k','arguments':['x']}", "wants 0 to 0 arguments");
    refused(w, "{'command':'GET','key':'k','max':501}", "max is from 1 to 500");
    refused(w, "{'command':'GET','key':'k','wait':'11s'}", "wait is from");
    refused(w, "{'command':'GET','key':'k','database':'events'}", "no Redis");
}

static void a_database_is_asked_in_its_own_language(void **state) {
    struct world *w = *state;
    struct fx_json *params = NULL;
    struct fx_sql *sql = NULL;

    must(w,
         fx_step_fill_params(w->sc, &step_sql, json(w, "{'query':'SELECT 1','database':'cache'}"),
                             &params, &w->err));
    assert_int_equal(step_sql.check(w->sc, w->ctx.system, params, &w->err), FX_ERR_INPUT);
    assert_non_null(strstr(w->err.message, "ask it with a step redis"));
    assert_int_equal(database_open(&w->ctx, "cache", 0, &sql, &w->err), FX_ERR_INPUT);
    assert_int_equal(run(w, "{'command':'PING','database':'other'}"), FX_ERR_INPUT);
    assert_non_null(strstr(w->err.message, "put its connection string under databases"));
}

static void a_bound_value_is_one_part_of_the_key(void **state) {
    static const char *const bad[] = {"",     "a:b", "a*",  "?",  "[a]", "a b",
                                      "a\nb", "\\",  "{a}", "$2", "é",   "a/b"};
    struct world *w = *state;
    const char *key = NULL;

    must(w, redis_key_bind(w->sc, "a:$1:$2:$$", json(w, "['x-1_@.=', 7]"), &key, &w->err));
    assert_string_equal(key, "a:x-1_@.=:7:$$");
    for (size_t i = 0; i < FX_COUNT_OF(bad); i++) {
        struct fx_json *values = fx_json_array_of(w->sc, fx_json_string(w->sc, bad[i]), NULL);

        if (redis_key_bind(w->sc, "a:$1", values, &key, &w->err) != FX_ERR_INPUT)
            fail_msg("%s is bound", bad[i]);
    }
    assert_int_equal(redis_key_bind(w->sc, "a:$1", json(w, "[null]"), &key, &w->err), FX_ERR_INPUT);
    assert_int_equal(redis_key_bind(w->sc, "a:$1", json(w, "[]"), &key, &w->err), FX_ERR_INPUT);
    assert_int_equal(redis_key_bind(w->sc, "a", json(w, "['x']"), &key, &w->err), FX_ERR_INPUT);
}

/* ---- what it reads ---- */

static void ask(struct world *w, const char *one, const char *two, const char *three,
                const char *four) {
    (void)redis_server_ask(&w->server, w->sc, one, two, three, four, NULL);
}

static void tells_what_stands_there_and_that_nothing_does(void **state) {
    struct world *w = *state;

    ask(w, "SET", "campaign:7", "{\"a\":1}", NULL);
    ask(w, "HSET", "h", "f:*", "é");
    ask(w, "RPUSH", "l", "x", "y");
    ask(w, "SADD", "s", "m", NULL);
    ask(w, "ZADD", "z", "1.5", "m");
    assert_string_equal(answer(w, "{'command':'PING'}"),
                        "{'value':'PONG','count':1,'complete':true,'found':true}");
    assert_string_equal(answer(w, "{'command':'GET','key':'campaign:$1','with':[7]}"),
                        "{'value':'{\\'a\\':1}','count':1,'complete':true,'found':true}");
    assert_string_equal(answer(w, "{'command':'GET','key':'absent'}"),
                        "{'value':null,'count':0,'complete':true,'found':false}");
    assert_string_equal(answer(w, "{'command':'TTL','key':'absent'}"),
                        "{'value':-2,'count':0,'complete':true,'found':false}");
    assert_string_equal(answer(w, "{'command':'TTL','key':'l'}"),
                        "{'value':-1,'count':1,'complete':true,'found':true}");
    assert_string_equal(answer(w, "{'command':'TYPE','key':'absent'}"),
                        "{'value':'none','count':0,'complete':true,'found':false}");
    assert_string_equal(answer(w, "{'command':'EXISTS','key':'l'}"),
                        "{'value':1,'count':1,'complete':true,'found':true}");
    assert_string_equal(answer(w, "{'command':'HGET','key':'h','arguments':['f:*']}"),
                        "{'value':'é','count':1,'complete':true,'found':true}");
    assert_string_equal(answer(w, "{'command':'HGETALL','key':'h'}"),
                        "{'value':{'f:*':'é'},'count':1,'complete':true,'found':true}");
    assert_string_equal(answer(w, "{'command':'HGETALL','key':'absent'}"),
                        "{'value':{},'count':0,'complete':true,'found':false}");
    assert_string_equal(answer(w, "{'command':'LLEN','key':'l'}"),
                        "{'value':2,'count':1,'complete':true,'found':true}");
    assert_string_equal(answer(w, "{'command':'LRANGE','key':'l','arguments':[0,9]}"),
                        "{'value':['x','y'],'count':2,'complete':true,'found':true}");
    assert_string_equal(answer(w, "{'command':'ZSCORE','key':'z','arguments':['m']}"),
                        "{'value':'1.5','count':1,'complete':true,'found':true}");
    assert_string_equal(answer(w, "{'command':'PUBSUB NUMSUB','arguments':['c']}"),
                        "{'value':{'c':0},'count':1,'complete':true,'found':true}");
    assert_string_equal(answer(w, "{'command':'DBSIZE'}"),
                        "{'value':5,'count':1,'complete':true,'found':true}");
    must(w, run(w, "{'command':'INFO','arguments':['memory']}"));
    const struct fx_json *info = fx_json_at(w->result.output, "value");
    assert_true(fx_json_get_int(info, "used_memory", 0) > 0);
    assert_non_null(fx_json_get_text(info, "maxmemory_policy"));
    must(w, run(w, "{'command':'MEMORY USAGE','key':'l'}"));
}

static void what_is_too_much_is_not_fetched(void **state) {
    struct world *w = *state;

    redis_server_ask(&w->server, w->sc, "SETRANGE", "big",
                     fx_printf(w->sc, "%d", REDIS_MAX_VALUE_BYTES - 1), "x", NULL);
    must(w, run(w, "{'command':'GET','key':'big'}"));
    redis_server_ask(&w->server, w->sc, "APPEND", "big", "x", NULL);
    assert_int_equal(run(w, "{'command':'GET','key':'big'}"), FX_ERR_LIMIT);
    assert_non_null(strstr(w->err.message, "holds 65537 bytes, more than the 65536"));
    ask(w, "HSET", "h", "a", "1");
    ask(w, "HSET", "h", "b", "2");
    must(w, run(w, "{'command':'HGETALL','key':'h','max':2}"));
    assert_int_equal(run(w, "{'command':'HGETALL','key':'h','max':1}"), FX_ERR_LIMIT);
    assert_int_equal(run(w, "{'command':'LRANGE','key':'l','arguments':[0,100]}"), FX_ERR_INPUT);
    must(w, run(w, "{'command':'LRANGE','key':'l','arguments':['0','99']}"));
    assert_int_equal(run(w, "{'command':'LRANGE','key':'l','arguments':[0,-1]}"), FX_ERR_INPUT);
    assert_int_equal(run(w, "{'command':'LRANGE','key':'l','arguments':['0','9x']}"), FX_ERR_INPUT);
    redis_server_ask(&w->server, w->sc, "SET", "bytes", "\xff\xfe", NULL);
    must(w, run(w, "{'command':'GET','key':'bytes'}"));
    assert_string_equal(fx_json_get_text(w->result.output, "value"), "[2 bytes that are no text]");
}

static void a_scan_is_bounded_and_says_so(void **state) {
    struct world *w = *state;

    for (int i = 0; i < 30; i++)
        ask(w, "SET", fx_printf(w->sc, "lock:%d", i), "x", NULL);
    ask(w, "SET", "campaign:1", "x", NULL);
    must(w, run(w, "{'command':'SCAN','key':'lock:*'}"));
    assert_int_equal(fx_json_get_int(w->result.output, "count", 0), 30);
    assert_true(fx_json_get_bool(w->result.output, "complete", false));
    must(w, run(w, "{'command':'SCAN','key':'lock:*','max':29}"));
    assert_int_equal(fx_json_get_int(w->result.output, "count", 0), 29);
    assert_false(fx_json_get_bool(w->result.output, "complete", true));
    must(w, run(w, "{'command':'SCAN','key':'nobody:*'}"));
    assert_false(fx_json_get_bool(w->result.output, "found", true));
}

/* ---- when it is not answered ---- */

static void says(struct world *w, const char *params, const char *why) {
    if (run(w, params) != FX_ERR_UPSTREAM)
        fail_msg("%s: %d %s", params, (int)w->err.code, w->err.message);
    if (strstr(w->err.message, why) == NULL)
        fail_msg("%s: %s", params, w->err.message);
    assert_null(strstr(w->err.message, PASSWORD));
}

static void a_refusal_names_what_to_allow(void **state) {
    struct world *w = *state;

    ask(w, "RPUSH", "l", "x", NULL);
    says(w, "{'command':'GET','key':'l'}", "something of another type under this key");
    redis_server_ask(&w->server, w->sc, "ACL", "SETUSER", "bot", "on", ">" PASSWORD, "~campaign:*",
                     "+strlen", NULL);
    w->url = fx_printf(w->sc, "redis://bot:%s@127.0.0.1:%d/0", PASSWORD, w->server.port);
    says(w, "{'command':'GET','key':'campaign:1'}", "ACL SETUSER NAME +get +strlen");
    says(w, "{'command':'MEMORY USAGE','key':'campaign:1'}", "ACL SETUSER NAME +memory|usage");
    says(w, "{'command':'STRLEN','key':'other'}", "the keys with ~PATTERN");
    w->url = fx_printf(w->sc, "redis://bot:wrong@127.0.0.1:%d/0", w->server.port);
    says(w, "{'command':'PING'}", "see that user and password in its connection string");
}

static void nobody_there_and_nobody_who_answers(void **state) {
    static struct loopback silent = {.serve = loopback_wait_for_close};
    struct world *w = *state;

    w->url = fx_printf(w->sc, "redis://:%s@127.0.0.1:%d/0", PASSWORD, loopback_closed_port());
    assert_int_equal(run(w, "{'command':'PING'}"), FX_ERR_UNAVAILABLE);
    assert_non_null(strstr(w->err.message, "cache, PING: "));
    assert_null(strstr(w->err.message, PASSWORD));
    loopback_start(&silent);
    w->url = fx_printf(w->sc, "redis://127.0.0.1:%d/0", silent.port);
    says(w, "{'command':'PING','wait':'100ms'}", "it is not asked again");
    loopback_stop(&silent);
}

static void tls_is_checked_against_the_named_ca(void **state) {
    struct world *w = *state;

    w->server.tls = true;
    redis_server_start(&w->server);
    redis_server_certificate(&w->server, "other", "DNS:localhost");
    w->url = fx_printf(w->sc, "rediss://:%s@localhost:%d/0?sslrootcert=%s", PASSWORD,
                       w->server.port, redis_server_file(&w->server, w->sc, "certificate.pem"));
    must(w, run(w, "{'command':'PING'}"));
    w->url = fx_printf(w->sc, "rediss://:%s@localhost:%d/0?sslrootcert=%s", PASSWORD,
                       w->server.port, redis_server_file(&w->server, w->sc, "other.pem"));
    assert_int_equal(run(w, "{'command':'PING'}"), FX_ERR_UNAVAILABLE);
    w->url = fx_printf(w->sc, "rediss://:%s@localhost:%d/0", PASSWORD, w->server.port);
    assert_int_equal(run(w, "{'command':'PING'}"), FX_ERR_UNAVAILABLE);
    w->url = "rediss://localhost/0?sslverify=none";
    assert_int_equal(run(w, "{'command':'PING'}"), FX_ERR_INPUT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(only_what_reads_is_asked, setup, teardown),
        cmocka_unit_test_setup_teardown(nobody_else_chooses_the_key, setup, teardown),
        cmocka_unit_test_setup_teardown(a_database_is_asked_in_its_own_language, setup, teardown),
        cmocka_unit_test_setup_teardown(a_bound_value_is_one_part_of_the_key, setup, teardown),
        cmocka_unit_test_setup_teardown(tells_what_stands_there_and_that_nothing_does, setup_redis,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_is_too_much_is_not_fetched, setup_redis, teardown),
        cmocka_unit_test_setup_teardown(a_scan_is_bounded_and_says_so, setup_redis, teardown),
        cmocka_unit_test_setup_teardown(a_refusal_names_what_to_allow, setup_redis, teardown),
        cmocka_unit_test_setup_teardown(nobody_there_and_nobody_who_answers, setup, teardown),
        cmocka_unit_test_setup_teardown(tls_is_checked_against_the_named_ca, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
