/* web_start_test.c - the receiver refuses to start half safe, and the machine's own eyes see it. */
#include "support/web_rig.h"

#include <string.h>
#include <time.h>

static struct web_rig rig;
static struct web_reply reply;

static enum fx_code start(struct fx_error *err) {
    *err = (struct fx_error){0};
    return fx_web_start(&rig.options, &rig.web, err);
}

static void expect_refusal(enum fx_code code, const char *word) {
    struct fx_error err;

    assert_int_equal(start(&err), code);
    if (strstr(err.message, word) == NULL)
        fail_msg("'%s' does not speak of %s", err.message, word);
    assert_null(rig.web);
}

static void refuses_to_start_without_a_secret(void **state) {
    static const struct fx_slice empty[] = {{"abc", 3}, {"", 0}};

    rig.options.signing_secrets_count = 0;
    expect_refusal(FX_ERR_INPUT, "signing_secrets");
    rig.options.signing_secrets = empty;
    rig.options.signing_secrets_count = 2;
    expect_refusal(FX_ERR_INPUT, "secret is empty");
}

static void refuses_to_start_without_a_team(void **state) {
    rig.options.team_ids_count = 0;
    expect_refusal(FX_ERR_INPUT, "team_ids");
}

static void refuses_plain_http_off_loopback(void **state) {
    static const char *const addresses[] = {"0.0.0.0", "::", "10.0.0.1", "128.0.0.1",
                                            "::ffff:127.0.0.1"};

    for (size_t i = 0; i < FX_COUNT_OF(addresses); i++) {
        rig.options.listener.address = addresses[i];
        expect_refusal(FX_ERR_INPUT, "needs a certificate");
    }
    rig.options.listener.address = "127.0.0.1";
    rig.options.admin.address = "0.0.0.0";
    expect_refusal(FX_ERR_INPUT, "needs a certificate");
}

static void refuses_addresses_that_are_none(void **state) {
    static const char *const addresses[] = {"127.evil.example", "127.0.0.1 ", "127.0.0.256",
                                            "127."};

    for (size_t i = 0; i < FX_COUNT_OF(addresses); i++) {
        rig.options.listener.address = addresses[i];
        expect_refusal(FX_ERR_INPUT, "not an address");
    }
    rig.options.listener.address = NULL;
    expect_refusal(FX_ERR_INPUT, "no address");
}

static void refuses_half_of_a_certificate_and_key(void **state) {
    rig.options.listener.certificate_pem = "x";
    expect_refusal(FX_ERR_INPUT, "together");
    rig.options.listener.certificate_pem = NULL;
    rig.options.listener.key_pem = "x";
    expect_refusal(FX_ERR_INPUT, "together");
    rig.options.listener.certificate_pem = "x";
    expect_refusal(FX_ERR_UNAVAILABLE, "certificate");
}

static void says_that_the_port_is_taken(void **state) {
    struct fx_web *first;
    struct fx_error err;

    assert_ok(start(&err));
    first = rig.web;
    rig.web = NULL;
    rig.options.listener.port = fx_web_port(first);
    expect_refusal(FX_ERR_UNAVAILABLE, "port");
    rig.options.listener.port = 0;
    rig.options.admin.port = fx_web_admin_port(first);
    expect_refusal(FX_ERR_UNAVAILABLE, "port");
    fx_web_stop(first);
    assert_ok(start(&err)); /* and takes it again at once */
}

static void starts_on_ipv6_too(void **state) {
    struct fx_error err;

    rig.options.listener.address = "::1";
    if (start(&err) != FX_OK)
        skip(); /* a machine without IPv6 */
    assert_true(fx_web_port(rig.web) != 0);
}

static void starts_without_an_admin_listener(void **state) {
    struct fx_error err;

    rig.options.admin.address = NULL;
    assert_ok(start(&err));
    assert_int_equal(fx_web_admin_port(rig.web), 0);
    assert_true(fx_web_port(rig.web) != 0);
}

/* A clock that stops whoever looks at it, as a listener does for each connection. */
static struct {
    struct fx_clock clock;
    atomic_bool stops;
} halting;

static int64_t halting_now(struct fx_clock *clock) {
    struct timespec look = {0, 1000000};

    (void)clock;
    while (atomic_load(&halting.stops))
        nanosleep(&look, NULL);
    return fx_mono_ms(fx_clock_system());
}

static void a_listener_that_hangs_is_found_and_one_that_works_is_not(void **state) {
    struct fx_error err;

    halting.clock = (struct fx_clock){.wall_ms = halting_now, .mono_ms = halting_now};
    rig.options.clock = &halting.clock;
    assert_ok(start(&err));
    assert_ok(fx_web_alive(rig.web, &err));
    atomic_store(&halting.stops, true);
    assert_int_equal(fx_web_alive(rig.web, &err), FX_ERR_TIMEOUT);
    assert_non_null(strstr(err.message, "does not answer"));
    atomic_store(&halting.stops, false);
    assert_ok(fx_web_alive(rig.web, &err));
    fflush(rig.log_stream);
    assert_null(strstr(rig.log_text, "refused")); /* looking leaves no trace */
}

static void stop_accepts_null(void **state) {
    fx_web_stop(NULL);
}

static int ask(const char *path) {
    const char *text =
        fx_printf(rig.sc, "GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", path);

    web_exchange(&rig, true, text, strlen(text), &reply);
    return reply.status;
}

static void is_ready_when_it_was_told_so(void **state) {
    struct fx_error err;

    assert_ok(start(&err));
    assert_int_equal(ask("/healthz"), 200);
    assert_int_equal(ask("/readyz"), 503);
    fx_web_set_ready(rig.web, true);
    assert_int_equal(ask("/readyz"), 200);
    fx_web_set_ready(rig.web, false);
    assert_int_equal(ask("/readyz"), 503);
}

static void shows_its_counters_in_prometheus_form(void **state) {
    struct fx_error err;

    assert_ok(start(&err));
    assert_int_equal(ask("/nothing"), 404);
    assert_int_equal(ask("/metrics"), 200);
    assert_non_null(
        strstr(reply.text, "\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    assert_non_null(strstr(web_body_of(&reply), "fluxabot_build_info{version=\"1\"} 1\n"));
    assert_int_equal(fx_metrics_get(rig.metrics, FX_METRIC_REFUSED_GUARD), 1);
}

static void every_answer_says_what_browsers_should_not_do(void **state) {
    struct fx_error err;

    assert_ok(start(&err));
    ask("/healthz");
    assert_non_null(strstr(reply.text, "\r\nX-Content-Type-Options: nosniff\r\n"));
    assert_non_null(strstr(reply.text, "\r\nCache-Control: no-store\r\n"));
}

static int set_up(void **state) {
    web_rig_begin(&rig);
    return 0;
}

static int tear_down(void **state) {
    web_rig_end(&rig);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    static const struct CMUnitTest tests[] = {
        TEST(refuses_to_start_without_a_secret),
        TEST(refuses_to_start_without_a_team),
        TEST(refuses_plain_http_off_loopback),
        TEST(refuses_addresses_that_are_none),
        TEST(refuses_half_of_a_certificate_and_key),
        TEST(says_that_the_port_is_taken),
        TEST(starts_on_ipv6_too),
        TEST(starts_without_an_admin_listener),
        TEST(a_listener_that_hangs_is_found_and_one_that_works_is_not),
        TEST(stop_accepts_null),
        TEST(is_ready_when_it_was_told_so),
        TEST(shows_its_counters_in_prometheus_form),
        TEST(every_answer_says_what_browsers_should_not_do),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
