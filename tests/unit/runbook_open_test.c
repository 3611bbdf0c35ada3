/* runbook_open_test.c - what a set of runbooks holds once it was read. */
#include "support/test.h"

#include "fluxabot/base/digest.h"
#include "support/runbook_kinds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PROD                                                                                       \
    "{\"prod\":{\"queue_url\":\"https://sqs.example.com/1/main\","                                 \
    "\"dlq_url\":\"https://sqs.example.com/1/dlq\",\"limit\":7}}"

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

static void finds_nothing_wrong_in_the_good_ones(void **state) {
    static const char *const good[][3] = {
        {"good/fluxa", "fluxa", PROD},
        {"good/tiny", "tiny", NULL},
        {"good/named", "named", NULL},
        {"good/tiny", "tiny", "{\"dev\":{},\"prod\":{}}"},
    };
    for (size_t i = 0; i < FX_COUNT_OF(good); i++) {
        FX_CLEANUP(close_p) struct fx_runbooks *runbooks = NULL;
        struct fx_finding *findings = NULL;
        struct fx_error err = {0};
        size_t count = 0;

        assert_ok(runbook_open(*state, good[i][0], good[i][1], good[i][2], &runbooks, &findings,
                               &count, &err));
        assert_int_equal(count, 0);
        assert_non_null(fx_runbooks_find(runbooks, good[i][1]));
        assert_null(fx_runbooks_find(runbooks, "other"));
        assert_null(fx_runbooks_at(runbooks, 1));
        assert_int_equal(fx_runbooks_count(runbooks), 1);
    }
}

static void keeps_a_command_as_it_was_written(void **state) {
    FX_CLEANUP(close_p)
    struct fx_runbooks *runbooks = runbook_open_good(*state, "good/fluxa", "fluxa");
    const struct fx_system *system = fx_runbooks_at(runbooks, 0);
    const struct fx_runbook *runbook = fx_system_find(system, "dlq inspect");

    assert_non_null(runbook);
    assert_string_equal(runbook->rows, "F-02, 000 L168-179");
    assert_string_equal(runbook->role, "operator");
    assert_true(runbook->is_private);
    assert_int_equal(runbook->effect, FX_EFFECT_READ);
    assert_int_equal(runbook->arguments_count, 2);
    assert_int_equal(runbook->arguments[0].min, 1);
    assert_int_equal(runbook->arguments[0].max, 50);
    assert_int_equal(fx_json_to_int(runbook->arguments[0].fallback, 0), 10);
    assert_int_equal(runbook->steps_count, 3);
    assert_string_equal(runbook->steps[0].id, "depth");
    assert_string_equal(runbook->steps[0].kind->name, "call");
    assert_string_equal(runbook->steps[0].otherwise, "continue");
    assert_int_equal(runbook->steps[0].timeout_ms, 10000);
    assert_string_equal(fx_json_dump(*state, runbook->steps[0].params),
                        "{\"operation\":\"sqs:GetQueueAttributes\",\"parameters\":{\"QueueUrl\":"
                        "\"${queue['dlq'].url}\"}}");
    assert_string_equal(runbook->steps[1].when, "${arguments.only == \"all\" or depth.count > 0}");
    assert_string_equal(runbook->steps[2].when, "${#variables.functions > 1}");
    assert_string_equal(fx_json_dump(*state, runbook->steps[2].params),
                        "{\"queue\":\"dlq\",\"count\":10,\"window\":300000}");
    assert_int_equal(fx_system_find(system, "dlq redrive")->effect, FX_EFFECT_KEYED);
    assert_null(fx_system_find(system, "dlq redriv"));
}

static void keeps_what_stands_on_a_button_for_the_command(void **state) {
    FX_CLEANUP(close_p)
    struct fx_runbooks *tiny = runbook_open_good(*state, "good/tiny", "tiny");
    FX_CLEANUP(close_p)
    struct fx_runbooks *fluxa = runbook_open_good(*state, "good/fluxa", "fluxa");

    assert_string_equal(fx_system_find(fx_runbooks_at(tiny, 0), "hello")->button, "Say hello");
    assert_null(fx_system_find(fx_runbooks_at(fluxa, 0), "dlq")->button);
}

static void keeps_what_comes_after_a_change(void **state) {
    static const int64_t minutes[] = {2, 5, 15};
    FX_CLEANUP(close_p)
    struct fx_runbooks *runbooks = runbook_open_good(*state, "good/named", "named");
    const struct fx_system *system = fx_runbooks_at(runbooks, 0);
    const struct fx_runbook *runbook = fx_system_find(system, "dlq redrive");

    assert_int_equal(runbook->follow_ups_count, 3);
    const struct fx_follow_up *first = &runbook->follow_ups[0];
    assert_string_equal(first->command, "dlq verify");
    assert_string_equal(first->arguments, "redrive=${run.id}");
    assert_int_equal(first->after_count, FX_COUNT_OF(minutes));
    for (size_t i = 0; i < FX_COUNT_OF(minutes); i++)
        assert_int_equal(first->after_ms[i], minutes[i] * 60000);
    /* one time without a list, the latest there is; and the earliest, without arguments */
    assert_int_equal(runbook->follow_ups[1].after_count, 1);
    assert_int_equal(runbook->follow_ups[1].after_ms[0], 7 * 86400000);
    assert_string_equal(runbook->follow_ups[1].arguments, "window=${arguments.window}ms");
    assert_int_equal(runbook->follow_ups[2].after_ms[0], 1000);
    assert_string_equal(runbook->follow_ups[2].arguments, "");
    assert_int_equal(fx_system_find(system, "dlq verify")->follow_ups_count, 0);
}

static void keeps_a_page_with_its_condition_as_an_expression(void **state) {
    FX_CLEANUP(close_p)
    struct fx_runbooks *runbooks = runbook_open_good(*state, "good/named", "named");
    const struct fx_system *system = fx_runbooks_at(runbooks, 0);

    assert_string_equal(
        fx_json_dump(*state, fx_json_at(fx_system_find(system, "dlq redrive")->answer, "page")),
        "{\"key\":\"redriven messages came back\",\"when\":\"${move.came_back > 0}\","
        "\"summary\":\"${move.came_back} came back\"}");
    assert_string_equal(
        fx_json_dump(*state, fx_json_at(fx_system_find(system, "dlq verify")->answer, "page")),
        "{\"when\":\"${seen.count > 5}\",\"summary\":\"${seen.count} wait\","
        "\"severity\":\"critical\"}");
    assert_null(fx_json_at(fx_system_find(system, "note")->answer, "page"));
}

static void keeps_which_arguments_are_given_by_name_alone(void **state) {
    FX_CLEANUP(close_p)
    struct fx_runbooks *runbooks = runbook_open_good(*state, "good/named", "named");
    const struct fx_runbook *runbook = fx_system_find(fx_runbooks_at(runbooks, 0), "dlq redrive");

    assert_int_equal(runbook->arguments_count, 5);
    assert_false(runbook->arguments[0].named);
    for (size_t i = 1; i < 4; i++)
        assert_true(runbook->arguments[i].named);
    assert_true(runbook->arguments[4].rest);
    assert_false(runbook->arguments[4].named);
}

static void keeps_buttons_as_command_and_arguments(void **state) {
    static const char *const expected[] = {
        "{\"command\":\"dlq redrive\",\"arguments\":\"\"}",
        "{\"command\":\"errors\",\"arguments\":\"query 5m\"}",
        "{\"command\":\"dlq redrive\",\"text\":\"Move "
        "${messages.retryable}\",\"style\":\"primary\","
        "\"arguments\":\"rate=5 ${messages.ids}\",\"when\":\"${messages.retryable > 0}\"}",
        "{\"command\":\"dlq inspect\",\"text\":\"Show more\",\"arguments\":\"50\"}",
        "{\"command\":\"dlq redrive\",\"arguments\":\"rate=5\"}",
    };
    FX_CLEANUP(close_p)
    struct fx_runbooks *runbooks = runbook_open_good(*state, "good/fluxa", "fluxa");
    const struct fx_json *buttons =
        fx_json_at(fx_system_find(fx_runbooks_at(runbooks, 0), "dlq inspect")->answer, "buttons");

    assert_int_equal(fx_json_count(buttons), FX_COUNT_OF(expected));
    for (size_t i = 0; i < FX_COUNT_OF(expected); i++)
        assert_string_equal(fx_json_dump(*state, fx_json_item(buttons, i)), expected[i]);
}

static void keeps_routes_as_they_were_written(void **state) {
    FX_CLEANUP(close_p)
    struct fx_runbooks *runbooks = runbook_open_good(*state, "good/fluxa", "fluxa");
    const struct fx_system *system = fx_runbooks_at(runbooks, 0);

    assert_int_equal(system->routes_count, 2);
    const struct fx_alarm_route *route = &system->routes[0];
    assert_string_equal(route->name, "dead letters");
    assert_int_equal(route->patterns_count, 2);
    assert_string_equal(route->metric_namespace, "AWS/SQS");
    assert_string_equal(route->severity, "high");
    assert_true(route->page);
    assert_int_equal(route->triage_count, 3);
    assert_string_equal(route->triage[2], "errors processor window=30m");
    assert_int_equal(route->buttons_count, 3);
    assert_false(system->routes[1].page);
    assert_null(system->routes[1].metric_namespace);
    assert_null(system->routes[1].link);
}

static void keeps_schedules_as_they_were_written(void **state) {
    enum { MINUTE_MS = 60 * 1000, DAY_MS = 24 * 60 * MINUTE_MS };
    static const struct {
        const char *name, *command, *rhythm;
        int64_t every_ms, offset_ms;
        int months;
    } expected[] = {
        {"dead letters", "dlq", "every 5 min", 5 * MINUTE_MS, 0, 0},
        {"weekly review", "errors processor window=30m", "every Tuesday at 08:00 UTC",
         7 * (int64_t)DAY_MS, 5 * DAY_MS + 480 * MINUTE_MS, 0},
        {"monthly review", "errors query", "on day 1 of every month", 0, 0, 1},
        {"quarterly review", "errors query", "on day 15 of every quarter at 09:30 UTC", 0,
         14 * (int64_t)DAY_MS + 570 * MINUTE_MS, 3},
        {"every other day", "errors query", "every 2 days at 06:30 UTC", 2 * DAY_MS,
         390 * MINUTE_MS, 0},
    };
    FX_CLEANUP(close_p)
    struct fx_runbooks *runbooks = runbook_open_good(*state, "good/fluxa", "fluxa");
    const struct fx_system *system = fx_runbooks_at(runbooks, 0);

    assert_int_equal(system->schedules_count, FX_COUNT_OF(expected));
    for (size_t i = 0; i < FX_COUNT_OF(expected); i++) {
        const struct fx_schedule *schedule = &system->schedules[i];

        assert_string_equal(schedule->name, expected[i].name);
        assert_string_equal(schedule->command, expected[i].command);
        assert_string_equal(schedule->rhythm, expected[i].rhythm);
        assert_int_equal(schedule->every_ms, expected[i].every_ms);
        assert_int_equal(schedule->offset_ms, expected[i].offset_ms);
        assert_int_equal(schedule->months, expected[i].months);
        assert_int_equal(schedule->always, i > 0);
    }
    assert_string_equal(system->schedules[0].changes,
                        "${depth.Attributes.ApproximateNumberOfMessages}");
    assert_int_equal(system->schedules[0].environments_count, 2);
    assert_string_equal(system->schedules[0].environments[1], "stage");
    assert_null(system->schedules[1].changes);
    assert_int_equal(system->schedules[1].environments_count, 0);
}

/* Only where none of those that are named is configured, and one looks like it. */
static void a_misspelt_environment_of_a_schedule_is_told(void **state) {
    static const char *const variables = "{\"queue_url\":\"https://a\",\"dlq_url\":\"https://a\"}";
    static const struct {
        const char *environment, *meant;
    } rows[] = {{"prod", NULL}, {"stage", NULL}, {"dev", NULL}, {"prd", "did you mean prd?"}};

    for (size_t i = 0; i < FX_COUNT_OF(rows); i++) {
        FX_CLEANUP(close_p) struct fx_runbooks *runbooks = NULL;
        struct fx_finding *findings = NULL;
        struct fx_error err = {0};
        size_t count = 0;
        enum fx_code code =
            runbook_open(*state, "good/fluxa", "fluxa",
                         fx_printf(*state, "{\"%s\":%s}", rows[i].environment, variables),
                         &runbooks, &findings, &count, &err);

        assert_int_equal(code, rows[i].meant == NULL ? FX_OK : FX_ERR_INPUT);
        assert_int_equal(count, rows[i].meant != NULL);
        if (rows[i].meant != NULL)
            assert_non_null(strstr(findings[0].message, rows[i].meant));
    }
}

static void fills_in_the_variables_of_one_environment(void **state) {
    FX_CLEANUP(close_p)
    struct fx_runbooks *runbooks = runbook_open_good(*state, "good/fluxa", "fluxa");
    const struct fx_system *system = fx_runbooks_at(runbooks, 0);
    struct fx_json *environments = NULL, *filled = NULL;
    struct fx_error err = {0};

    assert_ok(fx_json_parse(*state, FX_SLICE(PROD), &environments, &err));
    assert_ok(
        fx_system_fill(*state, system, "prod", fx_json_at(environments, "prod"), &filled, &err));
    assert_string_equal(fx_json_get_text(filled, "title"), "Fluxa in prod");
    assert_null(fx_json_at(filled, "alarms"));
    assert_null(fx_json_at(filled, "schedules"));
    assert_string_equal(fx_json_text(fx_json_at_path(filled, "queues.dlq.url")),
                        "https://sqs.example.com/1/dlq");
    assert_string_equal(fx_json_text(fx_json_at_path(filled, "log_groups.processor")),
                        "/aws/lambda/fluxa-processor");
    assert_int_equal(fx_json_to_int(fx_json_at_path(filled, "variables.limit"), 0), 7);
    assert_string_equal(fx_json_text(fx_json_at_path(filled, "variables.tier")), "small");
    assert_int_equal(fx_json_type(fx_json_at_path(filled, "variables.note")), FX_JSON_NULL);
    assert_string_equal(fx_json_text(fx_json_at_path(filled, "dlq_classes.1.match.1")),
                        "could not connect");
}

static void says_which_variable_is_missing_or_wrong(void **state) {
    static const struct {
        const char *variables, *word;
    } rows[] = {
        {"{\"queue_url\":\"https://a/b\"}", "dlq_url has no value"},
        {"{\"queue_url\":\"a queue\",\"dlq_url\":\"https://a/b\"}", "queue_url must be an address"},
        {"{\"queue_url\":\"https://a\",\"dlq_url\":\"https://a\",\"dlq_arn\":\"arn:aws\"}",
         "dlq_arn must be an ARN"},
        {"{\"queue_url\":\"https://a\",\"dlq_url\":\"https://a\",\"limit\":\"5\"}",
         "limit must be a whole number"},
        {"{\"queue_url\":\"https://a\",\"dlq_url\":\"https://a\",\"tier\":\"huge\"}",
         "tier must be one of its choices"},
        {"{\"queue_url\":\"https://a\",\"dlq_url\":\"https://a\",\"functions\":[1]}",
         "functions must be a list of texts"},
        {"{\"queue_url\":\"https://a\",\"dlq_url\":\"https://a\",\"dlq\":\"https://a\"}",
         "dlq is not declared"},
    };
    FX_CLEANUP(close_p)
    struct fx_runbooks *runbooks = runbook_open_good(*state, "good/fluxa", "fluxa");

    for (size_t i = 0; i < FX_COUNT_OF(rows); i++) {
        struct fx_json *variables = NULL, *filled = NULL;
        struct fx_error err = {0};

        assert_ok(fx_json_parse(*state, fx_slice_of(rows[i].variables), &variables, &err));
        assert_int_equal(
            fx_system_fill(*state, fx_runbooks_at(runbooks, 0), "prod", variables, &filled, &err),
            FX_ERR_INPUT);
        assert_non_null(strstr(err.message, "systems.fluxa.environments.prod"));
        if (strstr(err.message, rows[i].word) == NULL)
            fail_msg("%s is not in: %s", rows[i].word, err.message);
        assert_null(filled);
    }
}

static void checks_the_values_of_every_environment(void **state) {
    static const struct {
        const char *environments, *word;
    } rows[] = {
        {"{\"dev\":{}}", "the environment dev gives no value for queue_url"},
        {"{\"dev\":{\"queue_url\":\"https://a\",\"dlq_url\":5}}", "dlq_url in the environment dev"},
        {"{\"dev\":{\"queue_url\":\"https://a\",\"dlq_url\":\"https://a\",\"qeue\":\"x\"}}",
         "sets the variable qeue, which is not declared"},
    };
    for (size_t i = 0; i < FX_COUNT_OF(rows); i++) {
        struct fx_runbooks *runbooks = NULL;
        struct fx_finding *findings = NULL;
        struct fx_error err = {0};
        size_t count = 0, found = 0;

        assert_int_equal(runbook_open(*state, "good/fluxa", "fluxa", rows[i].environments,
                                      &runbooks, &findings, &count, &err),
                         FX_ERR_INPUT);
        assert_null(runbooks);
        for (size_t j = 0; j < count; j++)
            found += strstr(findings[j].message, rows[i].word) != NULL && findings[j].line >= 4;
        assert_int_equal(found, 1);
    }
}

/* A folder of the test's own, to change a byte in it. */
static char *make_folder(struct fx_scope *sc, const char *system, const char *command) {
    const char *tmp = getenv("TMPDIR");
    char *path = fx_printf(sc, "%s/runbook-XXXXXX", tmp == NULL ? "/tmp" : tmp);
    const char *const texts[][2] = {{"system.yaml", system}, {"hello.yaml", command}};

    assert_non_null(mkdtemp(path));
    for (size_t i = 0; i < FX_COUNT_OF(texts); i++) {
        FILE *file = fopen(fx_printf(sc, "%s/%s", path, texts[i][0]), "w");

        assert_non_null(file);
        assert_true(fputs(texts[i][1], file) >= 0);
        assert_int_equal(fclose(file), 0);
    }
    return path;
}

static void remove_folder(struct fx_scope *sc, const char *path) {
    assert_int_equal(unlink(fx_printf(sc, "%s/system.yaml", path)), 0);
    assert_int_equal(unlink(fx_printf(sc, "%s/hello.yaml", path)), 0);
    assert_int_equal(rmdir(path), 0);
}

static const char *digest_of(struct fx_scope *sc, const char *system, const char *command) {
    char *path = make_folder(sc, system, command);
    struct fx_runbook_source source = {.name = "s", .path = path};
    FX_CLEANUP(close_p) struct fx_runbooks *runbooks = NULL;
    struct fx_finding *findings = NULL;
    struct fx_error err = {0};
    size_t count = 0;

    assert_ok(fx_runbooks_open(sc, &source, 1, runbook_kinds, runbook_kinds_count, &runbooks,
                               &findings, &count, &err));
    remove_folder(sc, path);
    return fx_strdup(sc, fx_system_find(fx_runbooks_at(runbooks, 0), "hello")->digest);
}

static void a_digest_is_over_the_bytes_of_both_files(void **state) {
    static const char system[] = "system: s\ntitle: t\n";
    static const char command[] = "command: hello\nsummary: s\nanswer: { verdict: v }\n";
    const char *digest = digest_of(*state, system, command);

    assert_string_equal(
        digest,
        fx_sha256_hex(*state, fx_slice_of(fx_printf(*state, "%s%s", command,
                                                    fx_sha256_hex(*state, fx_slice_of(system))))));
    assert_string_equal(digest, digest_of(*state, system, command));
    assert_string_not_equal(digest, digest_of(*state, "system: s\ntitle: u\n", command));
    assert_string_not_equal(
        digest,
        digest_of(*state, system, "command: hello\nsummary: s\nanswer: { verdict: v } # w\n"));
}

static void read_all_after_its_scope_is_gone(void **state, const char *folder, const char *name) {
    struct fx_scope *sc = fx_scope_new(NULL);
    FX_CLEANUP(close_p)
    struct fx_runbooks *runbooks = runbook_open_good(sc, folder, name);

    fx_scope_free(sc); /* under AddressSanitizer, what was borrowed from it is found below */
    for (size_t i = 0; i < fx_runbooks_count(runbooks); i++) {
        const struct fx_system *system = fx_runbooks_at(runbooks, i);

        assert_true(strlen(system->path) > 0);
        assert_true(strlen(fx_json_dump(*state, system->definition)) > 0);
        for (size_t j = 0; j < system->runbooks_count; j++) {
            const struct fx_runbook *runbook = &system->runbooks[j];

            assert_true(strlen(runbook->file) + strlen(fx_runbook_usage(*state, runbook)) > 0);
            assert_true(strlen(fx_json_dump(*state, runbook->answer)) > 0);
            for (size_t k = 0; k < runbook->steps_count; k++)
                assert_true(strlen(fx_json_dump(*state, runbook->steps[k].params)) > 0);
            for (size_t k = 0; k < runbook->follow_ups_count; k++)
                assert_true(strlen(runbook->follow_ups[k].command) +
                                    strlen(runbook->follow_ups[k].arguments) >
                                0 &&
                            runbook->follow_ups[k].after_ms[0] > 0);
        }
    }
}

static void keeps_nothing_of_the_scope_it_was_opened_with(void **state) {
    read_all_after_its_scope_is_gone(state, "good/fluxa", "fluxa");
    read_all_after_its_scope_is_gone(state, "good/named", "named");
}

static void a_file_larger_than_allowed_is_refused(void **state) {
    char *large = fx_alloc(*state, (256 << 10) + 100);
    struct fx_runbooks *runbooks = NULL;
    struct fx_finding *findings = NULL;
    struct fx_error err = {0};
    size_t count = 0;

    memset(large, '#', (256 << 10) + 50);
    char *path = make_folder(*state, "system: s\ntitle: t\n", large);
    struct fx_runbook_source source = {.name = "s", .path = path};
    assert_int_equal(fx_runbooks_open(*state, &source, 1, runbook_kinds, runbook_kinds_count,
                                      &runbooks, &findings, &count, &err),
                     FX_ERR_INPUT);
    remove_folder(*state, path);
    assert_int_equal(count, 1);
    assert_string_equal(findings[0].file, fx_printf(*state, "%s/hello.yaml", path));
    assert_int_equal(findings[0].line, 1);
    assert_non_null(strstr(findings[0].message, "256 KiB"));
}

/* a and b, c and d, e, f, g, h and i */
static void finds_the_steps_that_need_nothing_of_each_other(void **state) {
    static const size_t expected[] = {2, 1, 2, 1, 1, 1, 1, 2, 1};
    struct fx_runbooks *runbooks = runbook_open_good(*state, "good/together", "together");
    const struct fx_runbook *look = fx_system_find(fx_runbooks_at(runbooks, 0), "look");

    assert_int_equal(look->steps_count, FX_COUNT_OF(expected));
    for (size_t i = 0; i < FX_COUNT_OF(expected); i++)
        assert_int_equal(look->steps[i].together, expected[i]);
    assert_int_equal(look->steps[6].each_max, 2);
    fx_runbooks_close(runbooks);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(finds_nothing_wrong_in_the_good_ones, setup, teardown),
        cmocka_unit_test_setup_teardown(keeps_a_command_as_it_was_written, setup, teardown),
        cmocka_unit_test_setup_teardown(keeps_what_stands_on_a_button_for_the_command, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(keeps_what_comes_after_a_change, setup, teardown),
        cmocka_unit_test_setup_teardown(keeps_a_page_with_its_condition_as_an_expression, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(keeps_which_arguments_are_given_by_name_alone, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(keeps_buttons_as_command_and_arguments, setup, teardown),
        cmocka_unit_test_setup_teardown(keeps_routes_as_they_were_written, setup, teardown),
        cmocka_unit_test_setup_teardown(keeps_schedules_as_they_were_written, setup, teardown),
        cmocka_unit_test_setup_teardown(a_misspelt_environment_of_a_schedule_is_told, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(fills_in_the_variables_of_one_environment, setup, teardown),
        cmocka_unit_test_setup_teardown(says_which_variable_is_missing_or_wrong, setup, teardown),
        cmocka_unit_test_setup_teardown(checks_the_values_of_every_environment, setup, teardown),
        cmocka_unit_test_setup_teardown(a_digest_is_over_the_bytes_of_both_files, setup, teardown),
        cmocka_unit_test_setup_teardown(keeps_nothing_of_the_scope_it_was_opened_with, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_file_larger_than_allowed_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(finds_the_steps_that_need_nothing_of_each_other, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
