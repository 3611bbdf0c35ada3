/* http_guard_test.c - the guard before addresses that are not public, in every spelling. */
#include "http_world.h"

#include <string.h>

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
    struct http_world w;

    http_world_begin(&w, http_answer_all, HTTP_HELLO);
    w.request.reach = FX_HTTP_PUBLIC;
    w.request.timeout_ms = 2000;
    for (size_t i = 0; i < FX_COUNT_OF(hosts); i++) {
        w.request.url = fx_printf(w.sc, "http://%s:%d/", hosts[i], w.server.port);
        enum fx_code code = http_world_call(&w);
        /* Some spellings are no address for this resolver; none may be called. */
        if (code != FX_ERR_DENIED && code != FX_ERR_UNAVAILABLE && code != FX_ERR_INPUT)
            fail_msg("%s: %s: %s", hosts[i], fx_code_name(code), w.err.message);
        assert_false(w.err.sent);
    }
    assert_int_equal(w.server.connections, 0);
    w.request.url = fx_printf(w.sc, "http://127.0.0.1:%d/", w.server.port);
    assert_int_equal(http_world_call(&w), FX_ERR_DENIED);
    assert_non_null(strstr(w.err.message, "127.0.0.1"));
    http_world_end(&w);
}

static void a_kept_connection_does_not_lead_around_the_guard(void **state) {
    struct http_world w;

    http_world_begin(&w, http_answer_all, HTTP_HELLO);
    assert_int_equal(http_world_call(&w), FX_OK);
    w.request.reach = FX_HTTP_PUBLIC;
    assert_int_equal(http_world_call(&w), FX_ERR_DENIED);
    assert_int_equal(w.server.requests, 1);
    http_world_end(&w);
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_guard_sees_through_every_spelling),
        cmocka_unit_test(a_kept_connection_does_not_lead_around_the_guard),
        cmocka_unit_test(tells_public_addresses_from_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
