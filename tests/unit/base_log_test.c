/* base_log_test.c - is every event one line of valid JSON, without a secret, within its limit? */
#include "support/test.h"

#include "fluxabot/base/json.h"
#include "fluxabot/base/log.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static int64_t fixed_wall_ms(struct fx_clock *clock) {
    return 1795261504123;
}

static struct fx_clock fixed_clock = {fixed_wall_ms, fixed_wall_ms};

struct written {
    char *text;
    size_t len;
    FILE *stream;
    struct fx_log *log;
    struct fx_scope *sc;
};

static int open_log(void **state) {
    struct written *w = calloc(1, sizeof *w);

    w->stream = open_memstream(&w->text, &w->len);
    w->log = fx_log_new(w->stream, FX_LOG_INFO, &fixed_clock);
    w->sc = fx_scope_new(NULL);
    fx_scope_set_log(w->sc, w->log);
    *state = w;
    return 0;
}

static int close_log(void **state) {
    struct written *w = *state;

    fx_scope_free(w->sc);
    fx_log_free(w->log);
    fclose(w->stream);
    free(w->text);
    free(w);
    return 0;
}

/* The lines so far, each of which must be JSON within the limit. */
static size_t lines(struct written *w, struct fx_json **ret_last) {
    struct fx_slice rest = {w->text, w->len}, line;
    size_t count = 0;
    struct fx_error err;

    while (fx_slice_split(rest, '\n', &line, &rest)) {
        assert_true(line.len <= FX_LOG_LINE_MAX_BYTES);
        assert_ok(fx_json_parse(w->sc, line, ret_last, &err));
        assert_int_equal(fx_json_type(*ret_last), FX_JSON_OBJECT);
        count++;
    }
    assert_int_equal(rest.len, 0);
    return count;
}

static void one_event_is_one_line_with_its_fields(void **state) {
    struct written *w = *state;
    struct fx_error failed = {.code = FX_ERR_TIMEOUT, .message = "no answer", .upstream = "Slow"};
    struct fx_json *line = NULL;

    fx_scope_set_log_id(w->sc, "run_1");
    fx_log(w->sc, FX_LOG_WARN, "job.retry", FX_S("kind", "step"), FX_I("attempt", 2),
           FX_B("last", false), FX_E(&failed));
    assert_int_equal(lines(w, &line), 1);
    assert_string_equal(
        fx_json_dump(w->sc, line),
        "{\"time\":\"2026-11-21T11:45:04.123Z\",\"level\":\"warn\",\"event\":\"job.retry\","
        "\"id\":\"run_1\",\"kind\":\"step\",\"attempt\":2,\"last\":false,"
        "\"error\":{\"code\":\"timeout\",\"message\":\"no answer\",\"upstream\":\"Slow\"}}");
}

static void foreign_text_cannot_make_a_second_line(void **state) {
    struct written *w = *state;
    struct fx_json *line = NULL;

    fx_log(w->sc, FX_LOG_INFO, "x", FX_S("text", "a\nb\r\n{\"level\":\"error\"}\x01\x7F\xFF\"\\"));
    assert_int_equal(lines(w, &line), 1);
    assert_string_equal(fx_json_get_text(line, "level"), "info");
}

static void events_below_the_level_are_silent(void **state) {
    struct written *w = *state;
    struct fx_json *line = NULL;

    fx_log(w->sc, FX_LOG_DEBUG, "quiet");
    assert_int_equal(lines(w, &line), 0);
    fx_log(w->sc, FX_LOG_INFO, "heard");
    assert_int_equal(lines(w, &line), 1);
    fx_log(NULL, FX_LOG_ERROR, "nowhere");
    fx_scope_set_log(w->sc, NULL);
    fx_log(w->sc, FX_LOG_ERROR, "nowhere");
    assert_int_equal(lines(w, &line), 1);
}

static void secrets_in_fields_and_errors_are_redacted(void **state) {
    struct written *w = *state;
    struct fx_error failed;

    assert_int_equal(fx_fail(&failed, FX_ERR_DENIED, "postgres://u:hunter2@db refused"),
                     FX_ERR_DENIED);
    fx_log(w->sc, FX_LOG_ERROR, "x", FX_S("t", "xoxb-1234567890-abcdef"), FX_E(&failed));
    assert_null(strstr(w->text, "abcdef"));
    assert_null(strstr(w->text, "hunter2"));
}

static void a_line_too_long_keeps_its_frame(void **state) {
    struct written *w = *state;
    struct fx_json *line = NULL;
    char big[9000];

    memset(big, 'b', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    fx_scope_set_log_id(w->sc, "run_2");
    fx_log(w->sc, FX_LOG_INFO, "one", FX_S("a", big));
    assert_int_equal(lines(w, &line), 1);
    assert_true(strlen(fx_json_get_text(line, "a")) < sizeof big);
    fx_log(w->sc, FX_LOG_INFO, "five", FX_S("a", big), FX_S("b", big), FX_S("c", big),
           FX_S("d", big), FX_S("e", big));
    assert_int_equal(lines(w, &line), 2);
    assert_string_equal(fx_json_get_text(line, "event"), "five");
    assert_string_equal(fx_json_get_text(line, "id"), "run_2");
    assert_true(fx_json_get_bool(line, "cut", false));
    memset(big, '\x01', sizeof big - 1); /* each becomes six bytes */
    fx_log(w->sc, FX_LOG_INFO, "swollen", FX_S("a", big));
    assert_int_equal(lines(w, &line), 3);
}

static void a_field_is_cut_between_characters(void **state) {
    struct written *w = *state;
    struct fx_json *line = NULL;
    char big[6001];

    for (size_t i = 0; i < 6000; i += 3)
        memcpy(big + i, "\xE2\x82\xAC", 3);
    big[6000] = '\0';
    fx_log(w->sc, FX_LOG_INFO, "euros", FX_S("a", big));
    assert_int_equal(lines(w, &line), 1);
    assert_null(strstr(fx_json_get_text(line, "a"), "\xEF\xBF\xBD"));
}

static void nothing_is_an_empty_text_and_no_error(void **state) {
    struct written *w = *state;
    struct fx_json *line = NULL;

    fx_log(w->sc, FX_LOG_INFO, "x", FX_S("text", NULL), FX_E(NULL));
    assert_int_equal(lines(w, &line), 1);
    assert_string_equal(fx_json_get_text(line, "text"), "");
    assert_int_equal(fx_json_type(fx_json_at(line, "error")), FX_JSON_NULL);
}

static void *write_many(void *log) {
    struct fx_scope *sc = fx_scope_new(NULL);

    fx_scope_set_log(sc, log);
    for (int i = 0; i < 300; i++)
        fx_log(sc, FX_LOG_INFO, "many", FX_I("i", i), FX_S("text", "some words to mix up"));
    fx_scope_free(sc);
    return NULL;
}

static void threads_do_not_mix_their_lines(void **state) {
    struct written *w = *state;
    struct fx_json *line = NULL;
    pthread_t threads[4];

    for (size_t i = 0; i < FX_COUNT_OF(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_many, w->log), 0);
    for (size_t i = 0; i < FX_COUNT_OF(threads); i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(lines(w, &line), 1200);
}

#define LOG_TEST(name) cmocka_unit_test_setup_teardown(name, open_log, close_log)

int main(void) {
    const struct CMUnitTest tests[] = {
        LOG_TEST(one_event_is_one_line_with_its_fields),
        LOG_TEST(foreign_text_cannot_make_a_second_line),
        LOG_TEST(events_below_the_level_are_silent),
        LOG_TEST(secrets_in_fields_and_errors_are_redacted),
        LOG_TEST(a_line_too_long_keeps_its_frame),
        LOG_TEST(a_field_is_cut_between_characters),
        LOG_TEST(nothing_is_an_empty_text_and_no_error),
        LOG_TEST(threads_do_not_mix_their_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
