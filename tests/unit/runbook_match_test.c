/* runbook_match_test.c - which command a line means, and which it may have meant. */
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

static const struct fx_runbook runbooks[] = {
    {.command = "dlq"},
    {.command = "dlq inspect"},
    {.command = "dlq classify"},
    {.command = "dlq redrive"},
    {.command = "dlq redrive-status"},
    {.command = "dlq redrive-cancel"},
    {.command = "dlq quarantine"},
    {.command = "dlq verify"},
    {.command = "dlq owner"},
    {.command = "event"},
    {.command = "trace"},
    {.command = "db health"},
    {.command = "db locks"},
    {.command = "db slow"},
    {.command = "db conns"},
    {.command = "db indexes"},
    {.command = "db events"},
    {.command = "db failover-check"},
    {.command = "net"},
    {.command = "pool"},
    {.command = "errors"},
    {.command = "metrics"},
    {.command = "payload verify"},
    {.command = "payload versions"},
    {.command = "throttles"},
    {.command = "concurrency"},
    {.command = "memory"},
    {.command = "profile"},
    {.command = "logs"},
    {.command = "queue"},
    {.command = "queue audit"},
    {.command = "queue visibility"},
    {.command = "failed"},
    {.command = "idempotency check"},
    {.command = "watch recovery"},
    {.command = "rollback"},
};
static const struct fx_system fluxa = {
    .name = "fluxa", .runbooks = runbooks, .runbooks_count = FX_COUNT_OF(runbooks)};

static void takes_the_command_with_the_most_words(void **state) {
    static const struct {
        const char *text, *command, *rest;
    } rows[] = {
        {"dlq", "dlq", ""},
        {"dlq inspect", "dlq inspect", ""},
        {"dlq inspect 10", "dlq inspect", "10"},
        {"  DLQ\t  Inspect \n 10  5 ", "dlq inspect", "10  5"},
        {"dlq inspector", "dlq", "inspector"},
        {"dlq 5", "dlq", "5"},
        {"dlq redrive-status", "dlq redrive-status", ""},
        {"dlq redrive rate=5", "dlq redrive", "rate=5"},
        {"dlqinspect", NULL, "dlqinspect"},
        {"dl", NULL, "dl"},
        {"inspect dlq", NULL, "inspect dlq"},
        {"event evt_1", "event", "evt_1"},
        {"events", NULL, "events"},
        {"", NULL, ""},
        {" \t ", NULL, ""},
        {"db", NULL, "db"},
        {"dlq\"inspect\"", NULL, "dlq\"inspect\""},
    };
    for (size_t i = 0; i < FX_COUNT_OF(rows); i++) {
        const struct fx_runbook *runbook = NULL;
        struct fx_slice rest;

        fx_system_match(&fluxa, fx_slice_of(rows[i].text), &runbook, &rest);
        if (rows[i].command == NULL)
            assert_null(runbook);
        else
            assert_string_equal(runbook->command, rows[i].command);
        assert_string_equal(fx_slice_dup(*state, rest), rows[i].rest);
    }
}

static void matches_text_that_is_not_terminated(void **state) {
    const struct fx_runbook *runbook = NULL;
    struct fx_slice rest;

    fx_system_match(&fluxa, fx_slice_cut(FX_SLICE("dlq inspect"), 0, 7), &runbook, &rest);
    assert_string_equal(runbook->command, "dlq");
    assert_string_equal(fx_slice_dup(*state, rest), "ins");
}

static void guesses_what_was_meant(void **state) {
    static const char *const rows[][2] = {
        {"dlq inspct", "dlq inspect"},
        {"dlq isnpect", "dlq inspect"},
        {"dlq inspec 10", "dlq inspect"},
        {"dlq insp", "dlq inspect"},
        {"dql inspect", "dlq inspect"},
        {"dlqinspect", "dlq inspect"},
        {"dlq-inspect", "dlq inspect"},
        {"dlq_inspect 5", "dlq inspect"},
        {"inspect dlq", "dlq inspect"},
        {"inspect", "dlq inspect"},
        {"dlq redirve", "dlq redrive"},
        {"redrive", "dlq redrive"},
        {"dlq redrive status", "dlq redrive-status"},
        {"dlq redrive cancle", "dlq redrive-cancel"},
        {"dlq clasify", "dlq classify"},
        {"classify", "dlq classify"},
        {"quarantine dlq", "dlq quarantine"},
        {"dlq quarentine HashMismatch", "dlq quarantine"},
        {"evnt evt_123", "event"},
        {"trcae 8a7b", "trace"},
        {"db helth", "db health"},
        {"database health", "db health"},
        {"db healt now", "db health"},
        {"db lock", "db locks"},
        {"db slwo", "db slow"},
        {"db connections", "db conns"},
        {"metircs", "metrics"},
        {"trottles 1h", "throttles"},
        {"concurency ingest 5", "concurrency"},
        {"que audit", "queue audit"},
        {"queue visibilty 60", "queue visibility"},
        {"paylaod verify", "payload verify"},
        {"payload version", "payload versions"},
        {"idempotence check", "idempotency check"},
        {"wacth recovery 15m", "watch recovery"},
        {"rolback", "rollback"},
        {"EROR", "errors"},
        {"log", "logs"},
        {"db failover", "db failover-check"},
        {"recovery", "watch recovery"},
        {"dlqq", "dlq"},
        {"dql", "dlq"},
        {"dl inspect", "dlq inspect"},
        {"dlq inspet 20", "dlq inspect"},
        {"dlq redrives", "dlq redrive"},
        {"dlq redrivestatus", "dlq redrive-status"},
        {"redrive-status", "dlq redrive-status"},
        {"cancel redrive", "dlq redrive-cancel"},
        {"dlq vrify", "dlq verify"},
        {"db-health", "db health"},
        {"dbhealth", "db health"},
        {"health", "db health"},
        {"locks", "db locks"},
        {"db index", "db indexes"},
        {"memroy ingest 512", "memory"},
        {"porfile processor", "profile"},
        {"fialed", "failed"},
        {"queu", "queue"},
        {"queue-audit", "queue audit"},
        {"paylod verfy abc", "payload verify"},
        {"throttle", "throttles"},
        {"idempotency chekc", "idempotency check"},
        {"watch", "watch recovery"},
        {"dlq onwer HashMismatch", "dlq owner"},
        {"event_id evt_1", "event"},
        {"roll back", "rollback"},
        {"pol", "pool"},
        {"dbs locks", "db locks"},
        {"quarantine 5", "dlq quarantine"},
        {"mettrics 1h", "metrics"},
    };
    size_t right = 0;

    for (size_t i = 0; i < FX_COUNT_OF(rows); i++) {
        const char *commands[3] = {NULL};
        size_t count = fx_system_suggest(*state, &fluxa, fx_slice_of(rows[i][0]), commands, 3);

        assert_true(count >= 1);
        if (strcmp(commands[0], rows[i][1]) == 0)
            right++;
        else
            print_message("%s: %s, not %s\n", rows[i][0], commands[0], rows[i][1]);
    }
    print_message("%zu of %zu are right first\n", right, FX_COUNT_OF(rows));
    assert_true(right * 10 >= FX_COUNT_OF(rows) * 9);
}

static void always_suggests_something_and_never_more_than_asked(void **state) {
    static const char *const texts[] = {"",
                                        "   ",
                                        "xyzzy",
                                        "?",
                                        "\xF0\x9F\x98\x80",
                                        "\xFF\xFE",
                                        "dlq dlq dlq dlq dlq dlq dlq dlq dlq dlq"};
    const char *commands[40] = {NULL};
    const struct fx_system none = {.name = "none"};

    for (size_t i = 0; i < FX_COUNT_OF(texts); i++) {
        size_t count = fx_system_suggest(*state, &fluxa, fx_slice_of(texts[i]), commands, 3);

        assert_in_range(count, 1, 3);
        for (size_t j = 0; j < count; j++)
            assert_non_null(fx_system_find(&fluxa, commands[j]));
    }
    assert_int_equal(fx_system_suggest(*state, &fluxa, FX_SLICE("dlq"), commands, 0), 0);
    assert_int_equal(fx_system_suggest(*state, &none, FX_SLICE("dlq"), commands, 3), 0);
}

static void suggests_in_time_for_a_line_of_any_length(void **state) {
    char *text = fx_alloc(*state, (64 << 10) + 1);
    const char *commands[3] = {NULL};

    memset(text, 'q', 64 << 10);
    for (size_t i = 0; i < 64 << 10; i += 7)
        text[i] = ' ';
    assert_true(fx_system_suggest(*state, &fluxa, fx_slice_of(text), commands, 3) >= 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(takes_the_command_with_the_most_words, setup, teardown),
        cmocka_unit_test_setup_teardown(matches_text_that_is_not_terminated, setup, teardown),
        cmocka_unit_test_setup_teardown(guesses_what_was_meant, setup, teardown),
        cmocka_unit_test_setup_teardown(always_suggests_something_and_never_more_than_asked, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(suggests_in_time_for_a_line_of_any_length, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
