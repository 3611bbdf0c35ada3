/* runbook_arguments_test.c - what a person types becomes typed arguments, or a sentence that helps.
 */
#include "support/test.h"

#include "support/runbook_kinds.h"

#include <string.h>

static int setup(void **state) {
    *state = fx_scope_new(NULL);
    return 0;
}

static int teardown(void **state) {
    fx_scope_free(*state);
    return 0;
}

static void close_p(struct fx_runbooks **runbooks) {
    fx_runbooks_close(*runbooks);
}

static const struct fx_runbook *find(const struct fx_runbooks *runbooks, const char *command) {
    const struct fx_runbook *runbook = fx_system_find(fx_runbooks_at(runbooks, 0), command);

    if (runbook == NULL)
        fail_msg("there is no %s", command);
    return runbook;
}

struct typed {
    const char *command, *rest, *json;
};

static void reads_words_by_place_and_by_name(void **state) {
    static const struct typed rows[] = {
        {"dlq inspect", "", "{\"count\":10,\"only\":\"all\"}"},
        {"dlq inspect", "50", "{\"count\":50,\"only\":\"all\"}"},
        {"dlq inspect", "1", "{\"count\":1,\"only\":\"all\"}"},
        {"dlq inspect", "  7   retryable ", "{\"count\":7,\"only\":\"retryable\"}"},
        {"dlq inspect", "count=7", "{\"count\":7,\"only\":\"all\"}"},
        {"dlq inspect", "COUNT=7", "{\"count\":7,\"only\":\"all\"}"},
        {"dlq inspect", "only=RETRYABLE 3", "{\"count\":3,\"only\":\"retryable\"}"},
        {"dlq inspect", "count=\"7\"", "{\"count\":7,\"only\":\"all\"}"},
        {"dlq", "", "{}"},
        {"event", "evt_1:2.3-4", "{\"event_id\":\"evt_1:2.3-4\"}"},
        {"event", "\"evt_1\"", "{\"event_id\":\"evt_1\"}"},
        {"event", "\u201Cevt_1\u201D", "{\"event_id\":\"evt_1\"}"},
        {"event", "event_id=evt_1", "{\"event_id\":\"evt_1\"}"},
        {"errors", "ingest",
         "{\"service\":\"ingest\",\"window\":900000,\"strict\":false,\"pattern\":null}"},
        {"errors", "ingest 90s yes",
         "{\"service\":\"ingest\",\"window\":90000,\"strict\":true,\"pattern\":null}"},
        {"errors", "query window=1h connection refused",
         NULL /* strict is next in line, and "connection" is no boolean */},
        {"errors", "query window=1h strict=off connection  refused",
         "{\"service\":\"query\",\"window\":3600000,\"strict\":false,"
         "\"pattern\":\"connection  refused\"}"},
        {"errors", "query 1h no \"connection refused\"",
         "{\"service\":\"query\",\"window\":3600000,\"strict\":false,"
         "\"pattern\":\"connection refused\"}"},
        {"errors", "pattern=\"connection refused\" query",
         "{\"service\":\"query\",\"window\":900000,\"strict\":false,"
         "\"pattern\":\"connection refused\"}"},
        {"dlq redrive", "", "{\"rate\":10,\"ids\":null}"},
        {"dlq redrive", "5 a b,c ,, d", "{\"rate\":5,\"ids\":[\"a\",\"b\",\"c\",\"d\"]}"},
        {"dlq redrive", "rate=5 a a b a", "{\"rate\":5,\"ids\":[\"a\",\"b\"]}"},
        {"dlq redrive", "HashMismatch", "{\"rate\":10,\"ids\":[\"HashMismatch\"]}"},
        {"dlq redrive", "HashMismatch 5", "{\"rate\":10,\"ids\":[\"HashMismatch\",\"5\"]}"},
        {"dlq redrive", "9f7bc4b6-7b51 a", "{\"rate\":10,\"ids\":[\"9f7bc4b6-7b51\",\"a\"]}"},
        {"dlq redrive", "9999999", NULL /* a number is a rate, and this one is too high */},
        {"dlq redrive", "ids=a,b 5", "{\"rate\":5,\"ids\":[\"a\",\"b\"]}"},
        {"note", "status=500 and more", "{\"text\":\"status=500 and more\"}"},
        {"note", "say \"hi\" twice", "{\"text\":\"say \\\"hi\\\" twice\"}"},
        {"note", "\"say \\\"hi\\\"\"", "{\"text\":\"say \\\"hi\\\"\"}"},
        {"note", "text=\"a b\"", "{\"text\":\"a b\"}"},
        {"note", "\"a\" b", "{\"text\":\"\\\"a\\\" b\"}"},
        {"note", "${environment} <!channel>", "{\"text\":\"${environment} <!channel>\"}"},
    };
    FX_CLEANUP(close_p)
    struct fx_runbooks *fluxa = runbook_open_good(*state, "good/fluxa", "fluxa");
    FX_CLEANUP(close_p)
    struct fx_runbooks *words = runbook_open_good(*state, "good/words", "words");

    for (size_t i = 0; i < FX_COUNT_OF(rows); i++) {
        const struct fx_runbooks *set = strcmp(rows[i].command, "note") == 0 ? words : fluxa;
        struct fx_json *arguments = NULL;
        struct fx_error err = {0};
        enum fx_code code = fx_runbook_arguments(*state, find(set, rows[i].command),
                                                 fx_slice_of(rows[i].rest), &arguments, &err);

        if (rows[i].json == NULL) {
            assert_int_equal(code, FX_ERR_INPUT);
            continue;
        }
        if (code != FX_OK)
            fail_msg("%s %s: %s", rows[i].command, rows[i].rest, err.message);
        assert_string_equal(fx_json_dump(*state, arguments), rows[i].json);
    }
}

struct refused {
    const char *command, *rest;
    const char *words[3]; /* what was given, what is allowed, how to type it */
};

static void says_what_was_given_what_is_allowed_and_how_to_type_it(void **state) {
    static const struct refused rows[] = {
        {"dlq inspect", "0", {"count: '0'", "from 1 to 50", "dlq inspect [count=10]"}},
        {"dlq inspect", "51", {"count: '51'", "from 1 to 50", "[count=10]"}},
        {"dlq inspect", "-1", {"'-1'", "from 1 to 50", "usage: "}},
        {"dlq inspect", "5.5", {"'5.5'", "whole number", "usage: "}},
        {"dlq inspect", "0x10", {"'0x10'", "whole number", "usage: "}},
        {"dlq inspect", "99999999999999999999", {"'9999", "from 1 to 50", "usage: "}},
        {"dlq inspect", "many", {"count: 'many'", "whole number", "usage: "}},
        {"dlq inspect", "5 some", {"only: 'some'", "one of all or retryable", "usage: "}},
        {"dlq inspect", "5 all 7", {"'7'", "one word too many", "usage: "}},
        {"dlq inspect", "count=5 count=6", {"count", "given twice", "usage: "}},
        {"dlq inspect", "cuont=5", {"no argument cuont", "count or only", "usage: "}},
        {"dlq inspect", "count=", {"count: ''", "from 1 to 50", "usage: "}},
        {"dlq inspect", "\"5", {"quote", "'5'", "not closed"}},
        {"dlq", "now", {"dlq takes no arguments", "usage: dlq", ""}},
        {"event", "", {"event_id is missing", "128 letters", "usage: event <event_id>"}},
        {"event", "evt 1", {"'1'", "too many", "usage: "}},
        {"event", "evt;drop", {"'evt;drop'", "letters, digits", "usage: "}},
        {"event", "../../etc", {"event_id: '../../etc'", "letters, digits", "usage: "}},
        {"event", "\"a b\"", {"'a b'", "letters, digits", "usage: "}},
        {"event", "\"\"", {"event_id: ''", "letters, digits", "usage: "}},
        {"event", "caf\u00E9", {"caf\u00E9", "letters, digits", "usage: "}},
        {"errors",
         "",
         {"service is missing", "ingest, processor or query",
          "errors <ingest|processor|query> [window=15m] [strict=no] [pattern...]"}},
        {"errors", "ingest 30s", {"window: '30s'", "from 1m to 1d", "usage: "}},
        {"errors", "ingest 2d", {"'2d'", "from 1m to 1d", "usage: "}},
        {"errors", "ingest 5", {"'5'", "a duration", "usage: "}},
        {"errors", "ingest 5m maybe", {"strict: 'maybe'", "yes or no", "usage: "}},
        {"errors", "ingest 5m no a/b", {"pattern: 'a/b'", "[A-Za-z0-9 _-]{1,40}", "usage: "}},
        {"errors", "windw=5m ingest", {"no argument windw", "window", "usage: "}},
        {"dlq redrive", "5 a b;c", {"ids: 'b;c'", "letters, digits", "usage: "}},
        {"dlq redrive", "5 ,,,", {"ids: ',,,'", "letters, digits", "usage: "}},
    };
    FX_CLEANUP(close_p)
    struct fx_runbooks *runbooks = runbook_open_good(*state, "good/fluxa", "fluxa");

    for (size_t i = 0; i < FX_COUNT_OF(rows); i++) {
        struct fx_json *arguments = NULL;
        struct fx_error err = {0};

        assert_int_equal(fx_runbook_arguments(*state, find(runbooks, rows[i].command),
                                              fx_slice_of(rows[i].rest), &arguments, &err),
                         FX_ERR_INPUT);
        assert_null(arguments);
        for (size_t j = 0; j < FX_COUNT_OF(rows[i].words); j++)
            if (strstr(err.message, rows[i].words[j]) == NULL)
                fail_msg("%s %s: '%s' is not in: %s", rows[i].command, rows[i].rest,
                         rows[i].words[j], err.message);
    }
}

static void hostile_bytes_are_refused_and_not_repeated(void **state) {
    static const struct fx_slice rows[] = {
        {"evt\0_1", 6}, {"evt\x1b[31m", 8}, {"\xFF\xFE", 2}, {"evt\x07", 4}, {"evt\x7F", 4},
    };
    FX_CLEANUP(close_p)
    struct fx_runbooks *runbooks = runbook_open_good(*state, "good/fluxa", "fluxa");

    for (size_t i = 0; i < FX_COUNT_OF(rows); i++) {
        struct fx_json *arguments = NULL;
        struct fx_error err = {0};

        assert_int_equal(
            fx_runbook_arguments(*state, find(runbooks, "event"), rows[i], &arguments, &err),
            FX_ERR_INPUT);
        for (const char *p = err.message; *p != '\0'; p++)
            assert_true((unsigned char)*p >= ' ' && *p != 0x7F);
        assert_true(fx_slice_is_utf8(fx_slice_of(err.message)));
    }
}

static void a_line_and_a_list_of_ids_have_limits(void **state) {
    FX_CLEANUP(close_p)
    struct fx_runbooks *runbooks = runbook_open_good(*state, "good/fluxa", "fluxa");
    const struct fx_runbook *redrive = find(runbooks, "dlq redrive");
    char *text = fx_alloc(*state, FX_COMMAND_MAX_TEXT_BYTES + 2);
    const char *ids = "5";
    struct fx_json *arguments = NULL;
    struct fx_error err = {0};

    memset(text, 'a', FX_COMMAND_MAX_TEXT_BYTES + 1);
    assert_int_equal(fx_runbook_arguments(*state, redrive, fx_slice_of(text), &arguments, &err),
                     FX_ERR_INPUT);
    assert_non_null(strstr(err.message, "1000 bytes"));
    for (int i = 0; i < 100; i++)
        ids = fx_printf(*state, "%s i%d", ids, i);
    assert_ok(fx_runbook_arguments(*state, redrive, fx_slice_of(ids), &arguments, &err));
    assert_int_equal(fx_json_count(fx_json_at(arguments, "ids")), 100);
    ids = fx_printf(*state, "%s more", ids);
    assert_int_equal(fx_runbook_arguments(*state, redrive, fx_slice_of(ids), &arguments, &err),
                     FX_ERR_INPUT);
    assert_non_null(strstr(err.message, "more than 100 ids"));
}

static void shows_how_to_type_a_command(void **state) {
    static const char *const rows[][2] = {
        {"dlq", "dlq"},
        {"dlq inspect", "dlq inspect [count=10] [only=all]"},
        {"event", "event <event_id>"},
        {"dlq redrive", "dlq redrive [rate=10] [ids...]"},
        {"errors", "errors <ingest|processor|query> [window=15m] [strict=no] [pattern...]"},
    };
    FX_CLEANUP(close_p)
    struct fx_runbooks *runbooks = runbook_open_good(*state, "good/fluxa", "fluxa");

    for (size_t i = 0; i < FX_COUNT_OF(rows); i++)
        assert_string_equal(fx_runbook_usage(*state, find(runbooks, rows[i][0])), rows[i][1]);
}

static void a_default_is_not_shared_between_two_askers(void **state) {
    FX_CLEANUP(close_p)
    struct fx_runbooks *runbooks = runbook_open_good(*state, "good/words", "words");
    struct fx_json *first = NULL, *second = NULL;
    struct fx_error err = {0};

    assert_ok(fx_runbook_arguments(*state, find(runbooks, "pick"), FX_SLICE(""), &first, &err));
    fx_json_add(fx_json_at(first, "ids"), fx_json_string(*state, "planted"));
    assert_ok(fx_runbook_arguments(*state, find(runbooks, "pick"), FX_SLICE(""), &second, &err));
    assert_string_equal(fx_json_dump(*state, second), "{\"ids\":[\"a\",\"b\"]}");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reads_words_by_place_and_by_name, setup, teardown),
        cmocka_unit_test_setup_teardown(says_what_was_given_what_is_allowed_and_how_to_type_it,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(hostile_bytes_are_refused_and_not_repeated, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_line_and_a_list_of_ids_have_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(shows_how_to_type_a_command, setup, teardown),
        cmocka_unit_test_setup_teardown(a_default_is_not_shared_between_two_askers, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
