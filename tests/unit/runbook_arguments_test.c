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

static void times_arns_and_what_system_yaml_names(void **state) {
    static const struct typed rows[] = {
        {"look", "2026-11-22T10:15:00Z",
         "{\"since\":1795342500000,\"queue\":\"dlq\",\"arn\":null,\"logs\":null}"},
        {"look", "2026-11-22T10:15:00.5+00:00 MAIN logs=ingest",
         "{\"since\":1795342500500,\"queue\":\"main\",\"arn\":null,\"logs\":\"ingest\"}"},
        {"look", "2026-11-22T10:15:00Z arn=arn:aws-cn:sqs:cn-north-1:111122223333:a.b/c",
         "{\"since\":1795342500000,\"queue\":\"dlq\","
         "\"arn\":\"arn:aws-cn:sqs:cn-north-1:111122223333:a.b/c\",\"logs\":null}"},
        {"look", "yesterday", NULL},
        {"look", "2026-02-30T10:15:00Z", NULL},
        {"look", "2026-11-22T10:15:00Z other", NULL},
        {"look", "2026-11-22T10:15:00Z logs=query", NULL},
        {"look", "2026-11-22T10:15:00Z arn=arn:aws:sqs", NULL},
        {"look", "2026-11-22T10:15:00Z arn=\"arn:aws:sqs:a:1:b c\"", NULL},
    };
    FX_CLEANUP(close_p)
    struct fx_runbooks *runbooks = runbook_open_good(*state, "good/types", "types");
    struct fx_error err = {0};
    struct fx_json *arguments = NULL;

    for (size_t i = 0; i < FX_COUNT_OF(rows); i++) {
        enum fx_code code = fx_runbook_arguments(*state, find(runbooks, rows[i].command),
                                                 fx_slice_of(rows[i].rest), &arguments, &err);

        assert_int_equal(code, rows[i].json == NULL ? FX_ERR_INPUT : FX_OK);
        if (rows[i].json != NULL)
            assert_string_equal(fx_json_dump(*state, arguments), rows[i].json);
    }
    (void)!fx_runbook_arguments(*state, find(runbooks, "look"), FX_SLICE("noon"), &arguments, &err);
    assert_non_null(strstr(err.message, "a time in UTC such as"));
    (void)!fx_runbook_arguments(*state, find(runbooks, "look"),
                                FX_SLICE("2026-11-22T10:15:00Z backlog"), &arguments, &err);
    assert_non_null(strstr(err.message, "one of main or dlq"));
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

/* A line and what it means; with words, what it is refused with. */
struct by_name {
    const char *command, *rest, *json, *word;
};

static void expect_line(struct fx_scope *sc, const struct fx_runbooks *runbooks,
                        const struct by_name *row) {
    struct fx_json *arguments = NULL;
    struct fx_error err = {0};
    enum fx_code code = fx_runbook_arguments(sc, find(runbooks, row->command),
                                             fx_slice_of(row->rest), &arguments, &err);

    if (row->json == NULL) {
        assert_int_equal(code, FX_ERR_INPUT);
        if (strstr(err.message, row->word) == NULL)
            fail_msg("%s %s: '%s' is not in: %s", row->command, row->rest, row->word, err.message);
        return;
    }
    if (code != FX_OK)
        fail_msg("%s %s: %s", row->command, row->rest, err.message);
    if (strcmp(fx_json_dump(sc, arguments), row->json) != 0)
        fail_msg("%s %s: %s", row->command, row->rest, fx_json_dump(sc, arguments));
}

static void expect_lines(void **state, const struct by_name *rows, size_t count) {
    FX_CLEANUP(close_p)
    struct fx_runbooks *runbooks = runbook_open_good(*state, "good/named", "named");

    for (size_t i = 0; i < count; i++)
        expect_line(*state, runbooks, &rows[i]);
}

#define REDRIVE(rate, max, reason, which)                                                          \
    "{\"rate\":" #rate ",\"max\":" #max ",\"reason\":" reason                                      \
    ",\"window\":300000,\"which\":" which "}"

static void a_named_argument_is_passed_over_by_position(void **state) {
    static const struct by_name rows[] = {
        {"dlq redrive", "", REDRIVE(10, 2000, "null", "null"), NULL},
        {"dlq redrive", "20 30", REDRIVE(20, 2000, "null", "[\"30\"]"), NULL},
        {"dlq redrive", "20 because", REDRIVE(20, 2000, "null", "[\"because\"]"), NULL},
        {"dlq redrive", "HashMismatch max=3", REDRIVE(10, 3, "null", "[\"HashMismatch\"]"), NULL},
        {"dlq redrive", "max=3 HashMismatch", REDRIVE(10, 3, "null", "[\"HashMismatch\"]"), NULL},
        {"dlq redrive", "MAX=3", REDRIVE(10, 3, "null", "null"), NULL},
        {"dlq verify", "1h", "{\"window\":3600000,\"redrive\":null}", NULL},
        {"dlq verify", "redrive=r-1", "{\"window\":900000,\"redrive\":\"r-1\"}", NULL},
        {"dlq verify", "1h r-1", NULL, "'r-1' is one word too many"},
        {"ask", "why=x U1 3", "{\"loud\":null,\"who\":\"U1\",\"times\":3,\"why\":\"x\"}", NULL},
        {"ask", "U1 loud=yes why=x", "{\"loud\":true,\"who\":\"U1\",\"times\":1,\"why\":\"x\"}",
         NULL},
        {"ask", "U1 3 x", NULL, "'x' is one word too many"},
        {"ask", "U1 3", NULL, "why is missing"},
        {"note", "hello", NULL, "tag is missing"},
        {"note", "tag=x", NULL, "text is missing"},
    };
    expect_lines(state, rows, FX_COUNT_OF(rows));
}

static void names_and_the_rest_of_the_line_come_in_any_order(void **state) {
    static const char all[] = REDRIVE(20, 3, "\"a b\"", "[\"id1\",\"id2\"]");
    static const struct by_name rows[] = {
        {"dlq redrive", "20 id1 id2 reason=\"a b\" max=3", all, NULL},
        {"dlq redrive", "20 max=3 id1 id2 reason=\"a b\"", all, NULL},
        {"dlq redrive", "reason=\"a b\" max=3 20 id1 id2", all, NULL},
        {"dlq redrive", "max=3 20 id1,id2 reason=\"a b\"", all, NULL},
        {"dlq redrive", "which=id1,id2 max=3 rate=20 reason=\"a b\"", all, NULL},
        {"dlq redrive", "20 id1 id2 reason=\u201Ca b\u201D max=3", all, NULL},
        {"dlq redrive", "20  id1\tid2\n  max=3   reason=\"a b\"  ", all, NULL},
        {"dlq redrive", "20 \"id1 id2\" reason=\"a b\" max=3", all, NULL},
    };
    expect_lines(state, rows, FX_COUNT_OF(rows));
}

static void what_is_given_twice_or_torn_apart_is_refused(void **state) {
    static const struct by_name rows[] = {
        {"dlq redrive", "max=3 max=4", NULL, "max is given twice"},
        {"dlq redrive", "max=3 id1 max=4", NULL, "max is given twice"},
        {"dlq redrive", "id1 max=3 which=id2", NULL, "which is given twice"},
        {"dlq redrive", "20 id1 rate=30", NULL, "rate is given twice"},
        {"dlq redrive", "20 id1 max=3 id2", NULL, "'id2' is one word too many"},
        {"dlq redrive", "max=0", NULL, "from 1 to 2000"},
        {"dlq redrive", "max=2001", NULL, "from 1 to 2000"},
        {"dlq redrive", "mxa=3", NULL, "no argument mxa"},
        {"dlq redrive", "20 id1 mxa=3", NULL, "'mxa=3'"},
        {"dlq redrive", "20 id1 reason=\"a b", NULL, "not closed"},
        {"note", "tag=x hello text=again", NULL, "text is given twice"},
    };
    expect_lines(state, rows, FX_COUNT_OF(rows));
}

static void the_rest_ends_at_a_name_of_the_command_alone(void **state) {
    static const struct by_name rows[] = {
        {"note", "it said status=500 again tag=x",
         "{\"tag\":\"x\",\"text\":\"it said status=500 again\"}", NULL},
        {"note", "status=500 tag=x", "{\"tag\":\"x\",\"text\":\"status=500\"}", NULL},
        {"note", "tag=x status=500", "{\"tag\":\"x\",\"text\":\"status=500\"}", NULL},
        {"note", "a=b = c== tag=x", "{\"tag\":\"x\",\"text\":\"a=b = c==\"}", NULL},
        {"note", "the tag is not a name tag=x",
         "{\"tag\":\"x\",\"text\":\"the tag is not a name\"}", NULL},
        {"note", "a vintage=1 x_tag=2 tag=x", "{\"tag\":\"x\",\"text\":\"a vintage=1 x_tag=2\"}",
         NULL},
    };
    expect_lines(state, rows, FX_COUNT_OF(rows));
}

static void a_name_inside_quotes_does_not_end_the_rest(void **state) {
    static const struct by_name rows[] = {
        {"note", "tag=x he wrote \"use tag=y here\" twice",
         "{\"tag\":\"x\",\"text\":\"he wrote \\\"use tag=y here\\\" twice\"}", NULL},
        {"note", "he wrote \"use tag=y here\" tag=x",
         "{\"tag\":\"x\",\"text\":\"he wrote \\\"use tag=y here\\\"\"}", NULL},
        {"note", "he wrote \"\\\" tag=y\" tag=x",
         "{\"tag\":\"x\",\"text\":\"he wrote \\\"\\\\\\\" tag=y\\\"\"}", NULL},
        {"note", "he wrote q=\"use tag=y\" tag=x",
         "{\"tag\":\"x\",\"text\":\"he wrote q=\\\"use tag=y\\\"\"}", NULL},
        {"note", "he wrote \u201Cuse tag=y\u201D tag=x",
         "{\"tag\":\"x\",\"text\":\"he wrote \u201Cuse tag=y\u201D\"}", NULL},
        {"note", "tag=x \"use tag=y\"", "{\"tag\":\"x\",\"text\":\"use tag=y\"}", NULL},
        {"note", "\"use tag=y\" tag=x", "{\"tag\":\"x\",\"text\":\"use tag=y\"}", NULL},
        {"note", "\"use tag=y\" he said tag=x",
         "{\"tag\":\"x\",\"text\":\"\\\"use tag=y\\\" he said\"}", NULL},
        /* a quote that is never closed is a mark like any other */
        {"note", "a disk of 5\" or \"so tag=x",
         "{\"tag\":\"x\",\"text\":\"a disk of 5\\\" or \\\"so\"}", NULL},
    };
    expect_lines(state, rows, FX_COUNT_OF(rows));
}

static void usage_shows_that_a_name_must_be_typed(void **state) {
    static const char *const rows[][2] = {
        {"dlq redrive", "dlq redrive [rate=10] [max=2000] [reason=...] [window=5m] [which...]"},
        {"dlq verify", "dlq verify [window=15m] [redrive=...]"},
        {"note", "note tag=<tag> <text...>"},
        {"ask", "ask [loud=...] <who> [times=1] why=<why>"},
    };
    FX_CLEANUP(close_p)
    struct fx_runbooks *runbooks = runbook_open_good(*state, "good/named", "named");

    for (size_t i = 0; i < FX_COUNT_OF(rows); i++)
        assert_string_equal(fx_runbook_usage(*state, find(runbooks, rows[i][0])), rows[i][1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reads_words_by_place_and_by_name, setup, teardown),
        cmocka_unit_test_setup_teardown(times_arns_and_what_system_yaml_names, setup, teardown),
        cmocka_unit_test_setup_teardown(says_what_was_given_what_is_allowed_and_how_to_type_it,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(hostile_bytes_are_refused_and_not_repeated, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_line_and_a_list_of_ids_have_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(shows_how_to_type_a_command, setup, teardown),
        cmocka_unit_test_setup_teardown(a_default_is_not_shared_between_two_askers, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_named_argument_is_passed_over_by_position, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(names_and_the_rest_of_the_line_come_in_any_order, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_is_given_twice_or_torn_apart_is_refused, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_rest_ends_at_a_name_of_the_command_alone, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_name_inside_quotes_does_not_end_the_rest, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(usage_shows_that_a_name_must_be_typed, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
