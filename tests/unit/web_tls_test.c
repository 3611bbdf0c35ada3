/* web_tls_test.c - TLS 1.2 and 1.3 with forward secrecy and AEAD; nothing older, nobody silent.
 *
 * The other side is curl and `openssl s_client`. A refusal must be the server's: its alert is
 * looked for, because a client may refuse to try.
 */
#include "support/web_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { REQUEST_MS = 500, CUT_MS = REQUEST_MS + 9500, OUTPUT_MAX = 64 << 10 };

static struct web_rig rig;
static struct web_reply reply;
static struct fx_scope *sc;
static char output[OUTPUT_MAX];

/* ---- programs ---- */

static const char *run(const char *command) {
    FILE *pipe = popen(command, "r");

    assert_non_null(pipe);
    output[fread(output, 1, sizeof output - 1, pipe)] = '\0';
    while (fgetc(pipe) != EOF)
        continue;
    pclose(pipe);
    return output;
}

static const char *read_file(const char *name) {
    const char *path = fx_printf(sc, "%s/%s", rig.directory, name);
    FILE *file = fopen(path, "r");
    char *text = fx_alloc(sc, OUTPUT_MAX);

    assert_non_null(file);
    assert_true(fread(text, 1, OUTPUT_MAX - 1, file) > 0);
    fclose(file);
    return text;
}

/* kind: "ec -pkeyopt ec_paramgen_curve:P-256" or "rsa:2048". */
static void make_certificate(const char *kind) {
    run(fx_printf(sc,
                  "openssl req -x509 -newkey %s -nodes -days 2 -subj /CN=localhost -addext "
                  "subjectAltName=DNS:localhost -keyout %s/key.pem -out %s/cert.pem 2>&1",
                  kind, rig.directory, rig.directory));
    rig.options.listener.certificate_pem = read_file("cert.pem");
    rig.options.listener.key_pem = read_file("key.pem");
}

static void start(const char *kind, int64_t request_ms) {
    make_certificate(kind);
    rig.options.request_ms = request_ms;
    web_rig_start(&rig);
}

#define EC "ec -pkeyopt ec_paramgen_curve:P-256"
#define RSA "rsa:2048"

/* The status that curl got for a command of Slack; 0: no connection. */
static int curl(const char *options) {
    static int serial;
    const char *body =
        web_slack_command_body(sc, WEB_TEAM, fx_printf(sc, "6.%d.t", ++serial), "status");
    int64_t now_s = atomic_load(&rig.clock.wall_ms) / 1000;

    run(fx_printf(sc,
                  "curl -s -m 10 -o /dev/null -w '%%{http_code}' --http1.1 --cacert %s/cert.pem "
                  "--resolve localhost:%u:127.0.0.1 -H 'X-Slack-Request-Timestamp: %lld' "
                  "-H 'X-Slack-Signature: %s' --data-binary '%s' %s "
                  "https://localhost:%u/slack/commands",
                  rig.directory, fx_web_port(rig.web), (long long)now_s,
                  web_slack_signature(sc, WEB_SECRET, now_s, body, strlen(body)), body, options,
                  fx_web_port(rig.web)));
    return (int)strtol(output, NULL, 10);
}

static const char *s_client(const char *options) {
    return run(fx_printf(sc,
                         "openssl s_client -connect 127.0.0.1:%u -servername localhost %s "
                         "</dev/null 2>&1",
                         fx_web_port(rig.web), options));
}

static bool is_handshake(const char *text) {
    return strstr(text, "Cipher is ") != NULL && strstr(text, "Cipher is (NONE)") == NULL;
}

static bool was_refused(const char *text) {
    const char *written = strstr(text, "bytes and written ");

    return !is_handshake(text) && written != NULL &&
           strtol(written + sizeof "bytes and written " - 1, NULL, 10) > 0;
}

/* ---- versions and ciphers ---- */

static void speaks_tls_1_2_and_1_3(void **state) {
    start(EC, 0);
    assert_int_equal(curl("--tlsv1.2 --tls-max 1.2"), 200);
    assert_int_equal(curl("--tlsv1.3"), 200);
    assert_int_equal(web_rig_stored(&rig), 2);
}

static void speaks_both_with_an_rsa_key(void **state) {
    start(RSA, 0);
    assert_int_equal(curl("--tlsv1.2 --tls-max 1.2"), 200);
    assert_int_equal(curl("--tlsv1.3"), 200);
}

static void offers_modern_ciphers(void **state) {
    static const char *const options[] = {
        "-tls1_2 -cipher ECDHE-RSA-AES128-GCM-SHA256",
        "-tls1_2 -cipher ECDHE-RSA-AES256-GCM-SHA384",
        "-tls1_2 -cipher ECDHE-RSA-CHACHA20-POLY1305",
        "-tls1_3 -ciphersuites TLS_AES_128_GCM_SHA256",
        "-tls1_3 -ciphersuites TLS_AES_256_GCM_SHA384",
        "-tls1_3 -ciphersuites TLS_CHACHA20_POLY1305_SHA256",
    };

    start(RSA, 0);
    for (size_t i = 0; i < FX_COUNT_OF(options); i++)
        if (!is_handshake(s_client(options[i])))
            fail_msg("no handshake with %s: %s", options[i], output);
}

static void refuses_old_versions(void **state) {
    static const char *const options[] = {"-tls1 -cipher ALL:@SECLEVEL=0",
                                          "-tls1_1 -cipher ALL:@SECLEVEL=0"};

    start(RSA, 0);
    for (size_t i = 0; i < FX_COUNT_OF(options); i++)
        if (!was_refused(s_client(options[i])))
            fail_msg("%s: %s", options[i], output);
}

/* Key exchange by RSA, finite fields, CBC, CCM, no encryption. */
static void refuses_weak_ciphers(void **state) {
    static const char *const ciphers[] = {
        "AES128-GCM-SHA256",
        "AES256-GCM-SHA384",
        "AES128-SHA",
        "AES256-SHA256",
        "ECDHE-RSA-AES128-SHA",
        "ECDHE-RSA-AES128-SHA256",
        "ECDHE-RSA-AES256-SHA384",
        "ECDHE-RSA-AES256-SHA",
        "DHE-RSA-AES128-GCM-SHA256",
        "DHE-RSA-AES256-SHA256",
        "DHE-RSA-CHACHA20-POLY1305",
        "AES128-CCM",
        "NULL-SHA256",
        "ADH-AES128-GCM-SHA256",
        "AECDH-AES128-SHA",
        "ECDHE-RSA-NULL-SHA",
        "CAMELLIA128-SHA",
    };

    start(RSA, 0);
    for (size_t i = 0; i < FX_COUNT_OF(ciphers); i++)
        if (!was_refused(s_client(fx_printf(sc, "-tls1_2 -cipher %s:@SECLEVEL=0", ciphers[i]))))
            fail_msg("%s: %s", ciphers[i], output);
}

static void refuses_weak_ciphers_of_an_ec_key_too(void **state) {
    static const char *const ciphers[] = {"ECDHE-ECDSA-AES128-CCM", "ECDHE-ECDSA-AES256-CCM8",
                                          "ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA384",
                                          "ECDHE-ECDSA-CAMELLIA128-SHA256"};

    start(EC, 0);
    assert_true(is_handshake(s_client("-tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256")));
    for (size_t i = 0; i < FX_COUNT_OF(ciphers); i++)
        if (!was_refused(s_client(fx_printf(sc, "-tls1_2 -cipher %s:@SECLEVEL=0", ciphers[i]))))
            fail_msg("%s: %s", ciphers[i], output);
}

static void does_not_renegotiate(void **state) {
    start(RSA, 0);
    run(fx_printf(sc,
                  "(echo R; cat) </dev/zero 2>/dev/null | head -c 100 | timeout 5 openssl s_client "
                  "-connect 127.0.0.1:%u -tls1_2 2>&1",
                  fx_web_port(rig.web)));
    assert_int_equal(curl(""), 200);
}

static void refuses_a_key_of_another_certificate(void **state) {
    struct fx_error err;

    make_certificate(RSA);
    const char *other = rig.options.listener.key_pem;
    make_certificate(RSA);
    rig.options.listener.key_pem = other;
    assert_int_equal(fx_web_start(&rig.options, &rig.web, &err), FX_ERR_UNAVAILABLE);
    assert_non_null(strstr(err.message, "certificate"));
}

/* ---- who does not speak TLS ---- */

static void answers_no_plain_http(void **state) {
    static const char text[] = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";

    start(EC, REQUEST_MS);
    web_exchange(&rig, false, text, sizeof text - 1, &reply);
    assert_true(reply.closed);
    assert_int_equal(reply.answers, 0);
}

static void cuts_a_handshake_that_stands_still(void **state) {
    static const char *const begins[] = {"", "\x16", "\x16\x03\x01\x02",
                                         "\x16\x03\x01\x02\x01\x01\x01\x01\xfc\x03\x03"};

    start(EC, REQUEST_MS);
    for (size_t i = 0; i < FX_COUNT_OF(begins); i++) {
        int socket = web_connect(&rig, false);
        int64_t begin = fx_mono_ms(fx_clock_system());

        web_send(socket, begins[i], strlen(begins[i]));
        web_receive(socket, 4 * CUT_MS, &reply);
        assert_true(reply.closed);
        assert_int_equal(reply.answers, 0);
        assert_true(fx_mono_ms(fx_clock_system()) - begin <= CUT_MS);
    }
}

static void cuts_a_handshake_that_trickles(void **state) {
    start(EC, REQUEST_MS);
    int socket = web_connect(&rig, false);
    int64_t begin = fx_mono_ms(fx_clock_system());

    web_send(socket, "\x16\x03\x01\x40\x01\x01\x01\x3f\xfc\x03\x03", 11);
    while (!web_closes(socket, 40) && web_send(socket, "\x01", 1))
        assert_true(fx_mono_ms(fx_clock_system()) - begin < 4 * CUT_MS);
    assert_true(fx_mono_ms(fx_clock_system()) - begin <= CUT_MS);
    close(socket);
}

static void answers_others_while_handshakes_stand_still(void **state) {
    enum { SILENT = 300 };
    int silent[SILENT];

    start(EC, 0);
    for (size_t i = 0; i < SILENT; i++)
        silent[i] = web_connect(&rig, false);
    int64_t begin = fx_mono_ms(fx_clock_system());
    for (int i = 0; i < 3; i++)
        assert_int_equal(curl(""), 200);
    assert_true(fx_mono_ms(fx_clock_system()) - begin < 3 * CUT_MS);
    for (size_t i = 0; i < SILENT; i++)
        close(silent[i]);
}

/* ---- fixture ---- */

static int set_up(void **state) {
    sc = fx_scope_new(NULL);
    web_rig_begin(&rig);
    return 0;
}

static int tear_down(void **state) {
    unlink(fx_printf(sc, "%s/key.pem", rig.directory));
    unlink(fx_printf(sc, "%s/cert.pem", rig.directory));
    web_rig_end(&rig);
    fx_scope_free(sc);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    static const struct CMUnitTest tests[] = {
        TEST(speaks_tls_1_2_and_1_3),         TEST(speaks_both_with_an_rsa_key),
        TEST(offers_modern_ciphers),          TEST(refuses_old_versions),
        TEST(refuses_weak_ciphers),           TEST(refuses_weak_ciphers_of_an_ec_key_too),
        TEST(does_not_renegotiate),           TEST(refuses_a_key_of_another_certificate),
        TEST(answers_no_plain_http),          TEST(cuts_a_handshake_that_stands_still),
        TEST(cuts_a_handshake_that_trickles), TEST(answers_others_while_handshakes_stand_still),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
