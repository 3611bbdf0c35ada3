/* aws_source_test.c - where credentials and settings come from, and in which order. */
#include "support/aws_world.h"

#include "private.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- files of the test's own ---- */

struct home {
    char dir[64];
    char credentials[96], config[96];
};

static void home_begin(struct home *home) {
    snprintf(home->dir, sizeof(home->dir), "/tmp/aws_source_test.XXXXXX");
    assert_non_null(mkdtemp(home->dir));
    snprintf(home->credentials, sizeof(home->credentials), "%s/credentials", home->dir);
    snprintf(home->config, sizeof(home->config), "%s/config", home->dir);
}

static void home_end(struct home *home) {
    unlink(home->credentials);
    unlink(home->config);
    rmdir(home->dir);
}

static void write_file(const char *path, const char *text) {
    FILE *file = fopen(path, "we");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    fclose(file);
}

static const char *signed_with(struct aws_world *w) {
    aws_world_script(w, {.status = 200, .body = "{}"});
    if (aws_world_call(w, "sqs", "ListQueues", NULL) != FX_OK)
        fail_msg("%s", w->err.message);
    return scripted_http_header(&w->script, 0, "Authorization");
}

/* ---- environment ---- */

static void half_a_key_is_said(void **state) {
    static const char *const environments[][5] = {
        {"AWS_REGION", "us-east-1", "AWS_ACCESS_KEY_ID", "AKIDEXAMPLE", NULL},
        {"AWS_REGION", "us-east-1", "AWS_SECRET_ACCESS_KEY", "hush", NULL},
    };

    for (size_t i = 0; i < FX_COUNT_OF(environments); i++) {
        struct aws_world w;
        aws_world_begin(&w, environments[i]);
        assert_int_equal(aws_world_call(&w, "sqs", "ListQueues", NULL), FX_ERR_INPUT);
        assert_non_null(strstr(w.err.message, "is set without"));
        assert_null(strstr(w.err.message, "hush"));
        aws_world_end(&w);
    }
}

static void no_credentials_at_all_says_where_we_looked(void **state) {
    static const char *const environment[] = {"AWS_REGION", "us-east-1", NULL};
    struct aws_world w;

    aws_world_begin(&w, environment);
    aws_world_script(&w, {.failure = FX_ERR_TIMEOUT});
    assert_int_equal(aws_world_call(&w, "sqs", "ListQueues", NULL), FX_ERR_DENIED);
    static const char *const parts[] = {
        "nothing was sent",
        "AWS_PROFILE",
        "environment (AWS_ACCESS_KEY_ID is not set)",
        "web identity (AWS_WEB_IDENTITY_TOKEN_FILE is not set)",
        "shared files (there is no profile default)",
        "container (AWS_CONTAINER_CREDENTIALS_*_URI is not set)",
        "instance metadata (no answer from http://169.254.169.254",
    };
    for (size_t i = 0; i < FX_COUNT_OF(parts); i++)
        if (strstr(w.err.message, parts[i]) == NULL)
            fail_msg("\"%s\" does not say \"%s\"", w.err.message, parts[i]);
    assert_false(w.err.sent);
    aws_world_end(&w);
}

/* ---- files ---- */

static const char credentials_text[] = "# comment = 1\n"
                                       "[default]\r\n"
                                       "aws_access_key_id = DEFAULTKEY\r\n"
                                       "aws_secret_access_key=c2VjcmV0==/+\r\n"
                                       "; aws_session_token = no\r\n"
                                       "[ fluxa ]\n"
                                       "aws_access_key_id\t=\tFLUXAKEY\n"
                                       "  aws_access_key_id = NESTED\n"
                                       "aws_secret_access_key = s2\n"
                                       "aws_session_token = t2\n"
                                       "[half]\n"
                                       "aws_access_key_id = HALF\n";
static const char config_text[] = "[default]\n"
                                  "region = eu-north-1\n"
                                  "[profile fluxa]\n"
                                  "region = ap-south-1\n"
                                  "endpoint_url = http://127.0.0.1:9\n"
                                  "[fluxa]\n"
                                  "region = wrong\n"
                                  "[profile onlyconfig]\n"
                                  "aws_access_key_id = CONFIGKEY\n"
                                  "aws_secret_access_key = s3\n"
                                  "region = us-east-2\n";

static void begin_with_profile(struct aws_world *w, struct home *home, const char *profile,
                               const char *environment[9]) {
    const char *values[] = {"AWS_SHARED_CREDENTIALS_FILE",
                            home->credentials,
                            "AWS_CONFIG_FILE",
                            home->config,
                            profile != NULL ? "AWS_PROFILE" : NULL,
                            profile,
                            NULL};

    memcpy(environment, values, sizeof(values));
    write_file(home->credentials, credentials_text);
    write_file(home->config, config_text);
    aws_world_begin(w, environment);
}

static void the_chosen_profile_gives_keys_and_region(void **state) {
    static const struct {
        const char *profile, *credential;
    } cases[] = {
        {NULL, "Credential=DEFAULTKEY/20150830/eu-north-1/sqs/"},
        {"fluxa", "Credential=FLUXAKEY/20150830/ap-south-1/sqs/"},
        {"onlyconfig", "Credential=CONFIGKEY/20150830/us-east-2/sqs/"},
    };

    for (size_t i = 0; i < FX_COUNT_OF(cases); i++) {
        const char *environment[9];
        struct aws_world w;
        struct home home;
        home_begin(&home);
        begin_with_profile(&w, &home, cases[i].profile, environment);
        assert_non_null(strstr(signed_with(&w), cases[i].credential));
        if (i == 1) {
            assert_string_equal(scripted_http_header(&w.script, 0, "X-Amz-Security-Token"), "t2");
            assert_string_equal(w.script.requests[0].url, "http://127.0.0.1:9/");
        } else
            assert_null(scripted_http_header(&w.script, 0, "X-Amz-Security-Token"));
        aws_world_end(&w);
        home_end(&home);
    }
}

static void half_a_profile_is_said(void **state) {
    const char *environment[9];
    struct aws_world w;
    struct home home;

    home_begin(&home);
    begin_with_profile(&w, &home, "half", environment);
    struct fx_aws_call call = {.service = "sqs", .operation = "ListQueues", .region = "us-east-1"};
    assert_int_equal(fx_aws_call(w.aws, w.sc, &call, &w.answer, &w.err), FX_ERR_INPUT);
    assert_non_null(strstr(w.err.message, "only one of"));
    aws_world_end(&w);
    home_end(&home);
}

static void the_environment_comes_before_the_files(void **state) {
    struct home home;
    struct aws_world w;

    home_begin(&home);
    const char *const environment[] = {"AWS_SHARED_CREDENTIALS_FILE",
                                       home.credentials,
                                       "AWS_CONFIG_FILE",
                                       home.config,
                                       "AWS_ACCESS_KEY_ID",
                                       "ENVKEY",
                                       "AWS_SECRET_ACCESS_KEY",
                                       "s",
                                       "AWS_REGION",
                                       "us-west-1",
                                       NULL};
    write_file(home.credentials, credentials_text);
    write_file(home.config, config_text);
    aws_world_begin(&w, environment);
    assert_non_null(strstr(signed_with(&w), "Credential=ENVKEY/20150830/us-west-1/"));
    assert_string_equal(fx_aws_region(w.aws), "us-west-1");
    aws_world_end(&w);
    home_end(&home);
}

static const char *get_missing(const char *name) {
    return strcmp(name, "AWS_CONFIG_FILE") == 0 ? "/nonexistent/config" : NULL;
}

static void a_named_file_that_is_missing_stops_the_start(void **state) {
    struct fx_aws_options options = {.clock = fx_clock_system(), .getenv = get_missing};
    struct fx_aws *aws = NULL;
    struct fx_error err;

    assert_int_equal(fx_aws_open(&options, &aws, &err), FX_ERR_INPUT);
    assert_non_null(strstr(err.message, "/nonexistent/config"));
    assert_null(aws);
}

static void a_rotated_file_is_read_again(void **state) {
    const char *environment[9];
    struct aws_world w;
    struct home home;

    home_begin(&home);
    begin_with_profile(&w, &home, NULL, environment);
    assert_non_null(strstr(signed_with(&w), "Credential=DEFAULTKEY/"));
    write_file(home.credentials, "[default]\naws_access_key_id=ROTATED\naws_secret_access_key=s\n");
    assert_non_null(strstr(signed_with(&w), "Credential=DEFAULTKEY/"));
    w.clock.wall_ms += 60 * 1000;
    assert_non_null(strstr(signed_with(&w), "Credential=ROTATED/"));
    aws_world_end(&w);
    home_end(&home);
}

/* ---- the cache ---- */

struct counted_source {
    struct fx_aws_source base;
    int asked;
    enum fx_code code;
    int64_t expires_wall_ms;
    bool closed;
    int linger_ms; /* long enough for other threads to come by */
};

static enum fx_code counted_get(struct fx_aws_source *base, struct fx_scope *sc,
                                struct fx_aws_credentials *ret, struct fx_error *err) {
    struct counted_source *source = FX_CONTAINER_OF(base, struct counted_source, base);

    __atomic_add_fetch(&source->asked, 1, __ATOMIC_SEQ_CST); /* another thread looks at it */
    (void)poll(NULL, 0, source->linger_ms);
    if (source->code != FX_OK)
        return fx_fail(err, source->code, "no");
    *ret = (struct fx_aws_credentials){
        .access_key_id = fx_printf(sc, "KEY%d", source->asked),
        .secret_access_key = "secret",
        .session_token = "token",
        .expires_wall_ms = source->expires_wall_ms,
    };
    return FX_OK;
}

static void counted_close(struct fx_aws_source *base) {
    FX_CONTAINER_OF(base, struct counted_source, base)->closed = true;
}

enum { MINUTE_MS = 60 * 1000 };

/* A cache over a counted source, at a time of the test's choice. */
struct cache_world {
    struct fx_scope *sc;
    struct counted_source inner;
    struct held_clock clock;
    struct aws_settings settings;
    struct fx_aws_source *cached;
    struct fx_aws_credentials got;
    struct fx_error err;
};

static void cache_begin(struct cache_world *w, int64_t expires_wall_ms) {
    *w = (struct cache_world){
        .sc = fx_scope_new(NULL),
        .inner = {.base = {"counted", counted_get, counted_close},
                  .expires_wall_ms = expires_wall_ms},
    };
    held_clock_init(&w->clock, 0);
    w->settings.clock = &w->clock.clock;
    w->cached = aws_source_cached_new(w->sc, &w->settings, &w->inner.base);
}

static void cache_end(struct cache_world *w) {
    w->cached->close(w->cached);
    assert_true(w->inner.closed);
    fx_scope_free(w->sc);
}

static void cache_gives(struct cache_world *w, int64_t now_wall_ms, const char *key) {
    w->clock.wall_ms = now_wall_ms;
    assert_int_equal(w->cached->get(w->cached, w->sc, &w->got, &w->err), FX_OK);
    assert_string_equal(w->got.access_key_id, key);
}

static void temporary_keys_are_renewed_before_they_end(void **state) {
    struct cache_world w;

    cache_begin(&w, 60 * MINUTE_MS);
    cache_gives(&w, 0, "KEY1");
    cache_gives(&w, 44 * MINUTE_MS, "KEY1");
    assert_int_equal(w.inner.asked, 1);
    w.inner.expires_wall_ms = 120 * MINUTE_MS;
    cache_gives(&w, 45 * MINUTE_MS, "KEY2");
    cache_end(&w);
}

static void old_keys_serve_to_their_end_when_renewals_fail(void **state) {
    struct cache_world w;

    cache_begin(&w, 60 * MINUTE_MS);
    cache_gives(&w, 0, "KEY1");
    w.inner.code = FX_ERR_UNAVAILABLE;
    cache_gives(&w, 45 * MINUTE_MS, "KEY1");
    cache_gives(&w, 45 * MINUTE_MS + 59000, "KEY1"); /* a failing place is left alone for a while */
    assert_int_equal(w.inner.asked, 2);
    cache_gives(&w, 46 * MINUTE_MS, "KEY1");
    cache_gives(&w, 55 * MINUTE_MS, "KEY1"); /* also where a renewal is insisted on */
    assert_int_equal(w.inner.asked, 4);

    w.clock.wall_ms = 60 * MINUTE_MS;
    assert_int_equal(w.cached->get(w.cached, w.sc, &w.got, &w.err), FX_ERR_UNAVAILABLE);
    w.inner.code = FX_OK;
    w.inner.expires_wall_ms = 120 * MINUTE_MS;
    cache_gives(&w, 60 * MINUTE_MS, "KEY6");
    cache_end(&w);
}

static void short_lives_are_not_renewed_with_every_call(void **state) {
    struct cache_world w;

    cache_begin(&w, 15 * MINUTE_MS);
    cache_gives(&w, 0, "KEY1");
    cache_gives(&w, 11 * MINUTE_MS, "KEY1");
    assert_int_equal(w.inner.asked, 1);
    w.inner.expires_wall_ms = 27 * MINUTE_MS;
    cache_gives(&w, 12 * MINUTE_MS, "KEY2");
    cache_end(&w);
}

static void what_must_hold_longer_is_renewed_first(void **state) {
    struct cache_world w;

    cache_begin(&w, 60 * MINUTE_MS);
    cache_gives(&w, 0, "KEY1");
    w.clock.wall_ms = 30 * MINUTE_MS;
    assert_int_equal(aws_source_cached_hold(w.cached, w.sc, 29 * MINUTE_MS, &w.got, &w.err), FX_OK);
    assert_string_equal(w.got.access_key_id, "KEY1");
    w.inner.expires_wall_ms = 90 * MINUTE_MS;
    assert_int_equal(aws_source_cached_hold(w.cached, w.sc, 31 * MINUTE_MS, &w.got, &w.err), FX_OK);
    assert_string_equal(w.got.access_key_id, "KEY2");
    /* Nothing holds so long: the renewal fails, or does not help. */
    assert_int_equal(aws_source_cached_hold(w.cached, w.sc, 61 * MINUTE_MS, &w.got, &w.err),
                     FX_ERR_DENIED);
    assert_non_null(strstr(w.err.message, "end too soon"));
    w.inner.code = FX_ERR_UNAVAILABLE;
    assert_int_equal(aws_source_cached_hold(w.cached, w.sc, 61 * MINUTE_MS, &w.got, &w.err),
                     FX_ERR_UNAVAILABLE);
    cache_gives(&w, 30 * MINUTE_MS, "KEY3"); /* for a call now they are good enough */
    cache_end(&w);
}

static void static_keys_survive_an_unreadable_file_for_a_while(void **state) {
    struct cache_world w;

    cache_begin(&w, 0);
    cache_gives(&w, 0, "KEY1");
    w.inner.code = FX_ERR_INPUT;
    cache_gives(&w, 1 * MINUTE_MS, "KEY1");
    cache_gives(&w, 9 * MINUTE_MS, "KEY1");
    w.clock.wall_ms = 10 * MINUTE_MS;
    assert_int_equal(w.cached->get(w.cached, w.sc, &w.got, &w.err), FX_ERR_INPUT);
    cache_end(&w);
}

static void *get_often(void *arg) {
    struct fx_aws_source *cached = arg;

    for (int i = 0; i < 200; i++) {
        struct fx_scope *sc = fx_scope_new(NULL);
        struct fx_aws_credentials got;
        struct fx_error err;
        if (cached->get(cached, sc, &got, &err) != FX_OK || got.access_key_id == NULL)
            abort();
        fx_scope_free(sc);
    }
    return NULL;
}

static void many_threads_ask_the_source_once(void **state) {
    struct fx_scope *sc = fx_scope_new(NULL);
    struct counted_source inner = {.base = {"counted", counted_get, counted_close},
                                   .linger_ms = 100};
    struct held_clock clock;
    pthread_t threads[4];

    held_clock_init(&clock, 0);
    struct aws_settings settings = {.clock = &clock.clock};
    struct fx_aws_source *cached = aws_source_cached_new(sc, &settings, &inner.base);
    for (size_t i = 0; i < FX_COUNT_OF(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, get_often, cached), 0);
    for (size_t i = 0; i < FX_COUNT_OF(threads); i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(inner.asked, 1);
    cached->close(cached);
    fx_scope_free(sc);
}

static void *get_one_error(void *arg) {
    struct cache_world *w = arg;
    struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_aws_credentials got;
    struct fx_error err;

    enum fx_code code = w->cached->get(w->cached, sc, &got, &err);
    fx_scope_free(sc);
    return code == FX_ERR_UNAVAILABLE && err.code == code ? NULL : arg;
}

static void who_waits_for_a_renewal_shares_its_failure(void **state) {
    struct cache_world w;
    pthread_t threads[8];
    void *wrong = NULL;

    cache_begin(&w, 0);
    w.inner.code = FX_ERR_UNAVAILABLE;
    w.inner.linger_ms = 300;
    for (size_t i = 0; i < FX_COUNT_OF(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, get_one_error, &w), 0);
    for (size_t i = 0; i < FX_COUNT_OF(threads); i++) {
        pthread_join(threads[i], &wrong);
        assert_null(wrong);
    }
    /* Alone, each would have asked in turn. A thread that starts late may ask once more. */
    assert_true(w.inner.asked < (int)FX_COUNT_OF(threads));
    cache_end(&w);
}

static void *get_then_raise(void *arg) {
    struct fx_scope *sc = fx_scope_new(NULL);
    struct cache_world *w = arg;
    struct fx_aws_credentials got;
    struct fx_error err;

    (void)!w->cached->get(w->cached, sc, &got, &err);
    fx_scope_free(sc);
    return NULL;
}

static void a_waiting_call_ends_with_its_scope(void **state) {
    struct cache_world w;
    pthread_t renewer;

    cache_begin(&w, 0);
    w.inner.linger_ms = 500;
    assert_int_equal(pthread_create(&renewer, NULL, get_then_raise, &w), 0);
    while (__atomic_load_n(&w.inner.asked, __ATOMIC_SEQ_CST) == 0)
        (void)poll(NULL, 0, 1);
    struct fx_scope *sc = fx_scope_new(NULL);
    fx_scope_cancel(sc);
    assert_int_equal(w.cached->get(w.cached, sc, &w.got, &w.err), FX_ERR_CANCELED);
    fx_scope_free(sc);
    pthread_join(renewer, NULL);
    cache_end(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(half_a_key_is_said),
        cmocka_unit_test(no_credentials_at_all_says_where_we_looked),
        cmocka_unit_test(the_chosen_profile_gives_keys_and_region),
        cmocka_unit_test(half_a_profile_is_said),
        cmocka_unit_test(the_environment_comes_before_the_files),
        cmocka_unit_test(a_named_file_that_is_missing_stops_the_start),
        cmocka_unit_test(a_rotated_file_is_read_again),
        cmocka_unit_test(temporary_keys_are_renewed_before_they_end),
        cmocka_unit_test(old_keys_serve_to_their_end_when_renewals_fail),
        cmocka_unit_test(short_lives_are_not_renewed_with_every_call),
        cmocka_unit_test(what_must_hold_longer_is_renewed_first),
        cmocka_unit_test(static_keys_survive_an_unreadable_file_for_a_while),
        cmocka_unit_test(many_threads_ask_the_source_once),
        cmocka_unit_test(who_waits_for_a_renewal_shares_its_failure),
        cmocka_unit_test(a_waiting_call_ends_with_its_scope),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
