/* engine_files_test.c - the picture and the table of an answer: what is in them, what is not, and
 * where they end. */
#include "engine_rig.h"
#include "files.h"

#include <string.h>

/* The one file that the answer makes of `found`; NULL: none. */
static struct fx_json *made(struct engine_rig *rig, const char *answer, const char *found,
                            enum fx_code expected, struct fx_error *err) {
    struct engine_run run = engine_rig_run(rig, "fluxa", "dev", "look here", "r1");
    struct fx_json *card = fx_json_object(rig->sc);

    *err = (struct fx_error){0};
    rig->runbook =
        (struct fx_runbook){.command = "look here", .answer = engine_rig_json(rig, answer)};
    fx_json_put(run.names, "found", engine_rig_json(rig, found));
    assert_int_equal(engine_answer_files(&run, card, err), expected);
    assert_true(fx_json_count(fx_json_at(card, "files")) <= 1);
    return fx_json_item(fx_json_at(card, "files"), 0);
}

#define SERIES "'from':1795253700000,'period':60000"
#define CHART "{'chart':{'points':'${found}','title':'Errors','unit':'%','threshold':5}}"

static void a_chart_is_kept_as_its_numbers_with_all_of_it_in_words(void **state) {
    struct engine_rig *rig = *state;
    struct fx_error err;
    struct fx_json *file = made(rig, CHART, "{'points':[1,null,3]," SERIES "}", FX_OK, &err);

    assert_string_equal(fx_json_get_text(file, "name"), "look-here-r1.png");
    assert_string_equal(fx_json_get_text(file, "title"), "Errors");
    assert_string_equal(fx_json_get_text(file, "alt"),
                        "Errors, 2026-11-21 09:35 to 2026-11-21 09:38 UTC: last 3 %, between 1 and "
                        "3 %; 1 of 3 points not measured; threshold 5 %");
    assert_string_equal(fx_json_dump(rig->sc, fx_json_at_path(file, "chart.points")),
                        "[1.0,null,3.0]");
}

static void where_nothing_was_measured_there_is_no_picture(void **state) {
    struct engine_rig *rig = *state;
    struct fx_error err;

    assert_null(made(rig, CHART, "{'points':[null,null]," SERIES "}", FX_OK, &err));
    assert_null(made(rig, CHART, "{'points':[]," SERIES "}", FX_OK, &err));
    assert_null(made(rig, CHART, "'could not be read'", FX_OK, &err));
    assert_null(made(rig, "{'chart':{'points':'${found}','title':'E','when':'${false}'}}",
                     "{'points':[1]," SERIES "}", FX_OK, &err));
    made(rig, CHART, "{'points':[1]}", FX_ERR_INPUT, &err);
    assert_non_null(strstr(err.message, "answer chart: it needs what a step metric found"));
}

static void a_chart_is_bounded(void **state) {
    struct engine_rig *rig = *state;
    struct fx_json *points = fx_json_array(rig->sc);
    struct fx_error err;

    for (int i = 0; i <= FILES_MAX_CHART_POINTS; i++)
        fx_json_add(points, fx_json_int(rig->sc, i));
    made(rig, CHART, fx_printf(rig->sc, "{'points':%s," SERIES "}", fx_json_dump(rig->sc, points)),
         FX_ERR_LIMIT, &err);
}

#define TABLE                                                                                      \
    "{'file':{'name':'seen','title':'All','rows':'${found}','columns':{'Id':'${row.id}',"          \
    "'Why':'${row.why}'}}}"

static void a_table_has_the_named_columns_alone(void **state) {
    struct engine_rig *rig = *state;
    struct fx_error err;
    struct fx_json *file =
        made(rig, TABLE, "[{'id':1,'why':'a','mail':'anna@example.com'},{'id':2}]", FX_OK, &err);

    assert_string_equal(fx_json_get_text(file, "name"), "seen-r1.csv");
    assert_string_equal(fx_json_get_text(file, "csv"),
                        "\"Id\",\"Why\"\r\n\"1\",\"a\"\r\n\"2\",\"no data\"\r\n");
    assert_null(made(rig, TABLE, "[]", FX_OK, &err));
}

static const char *cell(struct fx_scope *sc, const char *text) {
    struct fx_json *row = fx_json_array_of(sc, fx_json_string(sc, text), NULL);
    size_t rows = 0;

    return engine_csv(sc, row, fx_json_array(sc), &rows);
}

static void no_cell_is_a_formula(void **state) {
    struct engine_rig *rig = *state;
    static const struct {
        const char *given, *written;
    } cases[] = {
        {"=1+1", "\"'=1+1\"\r\n"},  {"+cmd|' /C calc'!A0", "\"'+cmd|' /C calc'!A0\"\r\n"},
        {"-2+3", "\"'-2+3\"\r\n"},  {"@SUM(1)", "\"'@SUM(1)\"\r\n"},
        {"  =1", "\"'  =1\"\r\n"},  {"\t=1", "\"'\t=1\"\r\n"},
        {"\r=1", "\"'\r=1\"\r\n"},  {"\n=1", "\"'\n=1\"\r\n"},
        {"\"=1", "\"\"\"=1\"\r\n"},                       /* a quote is a text */
        {"-", "\"'-\"\r\n"},        {"-5", "\"-5\"\r\n"}, /* numbers are numbers */
        {"+3.25", "\"+3.25\"\r\n"}, {"a=1", "\"a=1\"\r\n"},
        {"", "\"\"\r\n"},           {"x,\"y\"\nz", "\"x,\"\"y\"\"\nz\"\r\n"},
    };

    for (size_t i = 0; i < FX_COUNT_OF(cases); i++)
        assert_string_equal(cell(rig->sc, cases[i].given), cases[i].written);
}

static void a_table_ends_with_a_whole_row_and_says_so(void **state) {
    struct engine_rig *rig = *state;
    struct fx_json *rows = fx_json_array(rig->sc);
    char *wide = fx_alloc(rig->sc, FILES_MAX_CELL + 2);
    struct fx_error err;

    for (int i = 0; i < FILES_MAX_ROWS + 1; i++)
        fx_json_add(rows, engine_rig_json(rig, "{'id':1,'why':'a'}"));
    struct fx_json *file = made(rig, TABLE, fx_json_dump(rig->sc, rows), FX_OK, &err);
    assert_string_equal(fx_json_get_text(file, "title"), "All (the first 1000 of 1001 rows)");

    memset(wide, 'x', FILES_MAX_CELL + 1);
    struct fx_json *row = fx_json_array_of(rig->sc, fx_json_string(rig->sc, wide),
                                           fx_json_string(rig->sc, "y"), NULL);
    size_t kept = 0;

    rows = fx_json_array(rig->sc);
    for (int i = 0; i < 300; i++)
        fx_json_add(rows, row);
    struct fx_slice csv = fx_slice_of(engine_csv(rig->sc, row, rows, &kept));

    assert_true(kept > 100 && kept < 300);
    assert_true(csv.len <= FILES_MAX_TABLE_BYTES && csv.len > FILES_MAX_TABLE_BYTES - 3000);
    assert_true(fx_slice_ends_with(csv, FX_SLICE("x…\",\"y\"\r\n")));
}

/* A secret in a cell leaves as little as one on a card. */
static void what_is_put_is_redacted(void **state) {
    struct engine_rig *rig = *state;
    struct engine_work work = {.sc = rig->sc};
    struct fx_json *file = engine_table_file(rig->sc, "a", "xoxb-123456789012-abcdefghijkl",
                                             "\"xoxb-123456789012-abcdefghijkl\"\r\n");

    engine_put_files(&work, fx_json_array_of(rig->sc, file, NULL), "run:r1", "C1");
    assert_int_equal(work.writes.messages_count, 1);
    assert_int_equal(work.writes.messages[0]->kind, FX_MESSAGE_FILE);
    assert_string_equal(work.writes.messages[0]->key, "file:a.csv");
    assert_string_equal(work.writes.messages[0]->parent, "run:r1");
    assert_null(strstr(work.writes.messages[0]->payload_json, "abcdefghijkl"));
}

static void what_may_be_sent_again(void **state) {
    static const struct {
        enum fx_code code;
        const char *upstream;
        int attempts;
        bool again;
    } cases[] = {
        {FX_ERR_THROTTLED, "ratelimited", 1, true},
        {FX_ERR_UNAVAILABLE, "", 1, true},
        {FX_ERR_NOT_FOUND, "file_not_found", 1, true},
        {FX_ERR_DENIED, "not_in_channel", 1, true},
        {FX_ERR_DENIED, "missing_scope", 1, false},
        {FX_ERR_LIMIT, "file_upload_size_restricted", 1, false},
        {FX_ERR_INPUT, "", 1, false},
        {FX_ERR_INTERNAL, "", 1, false},
        {FX_ERR_UNAVAILABLE, "", FX_ENGINE_FILE_ATTEMPTS, false},
    };

    (void)state;
    for (size_t i = 0; i < FX_COUNT_OF(cases); i++) {
        struct fx_error why = {.code = cases[i].code};

        memcpy(why.upstream, cases[i].upstream, strlen(cases[i].upstream) + 1);
        assert_int_equal(
            engine_may_send_file_again(&(struct fx_message){.attempts = cases[i].attempts}, &why),
            cases[i].again);
    }
}

int main(void) {
    static const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, engine_rig_set_up, engine_rig_tear_down)
        TEST(a_chart_is_kept_as_its_numbers_with_all_of_it_in_words),
        TEST(where_nothing_was_measured_there_is_no_picture),
        TEST(a_chart_is_bounded),
        TEST(a_table_has_the_named_columns_alone),
        TEST(no_cell_is_a_formula),
        TEST(a_table_ends_with_a_whole_row_and_says_so),
        TEST(what_is_put_is_redacted),
        TEST(what_may_be_sent_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
