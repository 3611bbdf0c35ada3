/* yaml_test.c - YAML into JSON: what is read, what is refused, and where. */
#include "support/test.h"

#include "fluxabot/base/clock.h"
#include "fluxabot/yaml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BOUND_MS = 20000 }; /* minutes without the limits; a busy machine takes a second or two */

static int setup(void **state) {
    *state = fx_scope_new(NULL);
    return 0;
}

static int teardown(void **state) {
    fx_scope_free(*state);
    return 0;
}

static enum fx_code parse(struct fx_scope *sc, const char *text, struct fx_yaml **yaml,
                          struct fx_error *err) {
    return fx_yaml_parse(sc, "f.yaml", fx_slice_of(text), yaml, err);
}

static void assert_reads(struct fx_scope *sc, const char *text, const char *json) {
    struct fx_error err = {0};
    struct fx_yaml *yaml = NULL;

    assert_ok(parse(sc, text, &yaml, &err));
    assert_string_equal(fx_json_dump(sc, fx_yaml_root(yaml)), json);
}

static void reads_plain_words_into_their_types(void **state) {
    static const char *const rows[][2] = {
        {"42", "42"},
        {"-7", "-7"},
        {"0", "0"},
        {"9223372036854775807", "9223372036854775807"},
        {"1.5", "1.5"},
        {"true", "true"},
        {"false", "false"},
        {"null", "null"},
        {"~", "null"},
        {"", "null"},
        {"yes", "\"yes\""},
        {"no", "\"no\""},
        {"on", "\"on\""},
        {"True", "\"True\""},
        {"007", "\"007\""},
        {"012345678901", "\"012345678901\""},
        {"+5", "\"+5\""},
        {"0x1F", "\"0x1F\""},
        {"1_000", "\"1_000\""},
        {"12:30", "\"12:30\""},
        {"2026-11-21", "\"2026-11-21\""},
        {"1.2.3", "\"1.2.3\""},
        {".5", "\".5\""},
        {"5.", "\"5.\""},
        {".inf", "\".inf\""},
        {".nan", "\".nan\""},
        {"-", "[null]"},
        {"'42'", "\"42\""},
        {"\"true\"", "\"true\""},
        {"''", "\"\""},
        {"\"null\"", "\"null\""},
        {"\"\\u00e9\"", "\"\xC3\xA9\""},
    };

    for (size_t i = 0; i < FX_COUNT_OF(rows); i++)
        assert_reads(*state, rows[i][0], rows[i][1]);
}

static void reads_mappings_lists_and_block_texts(void **state) {
    assert_reads(*state, "a: 1\nb: [x, {c: d}]\n", "{\"a\":1,\"b\":[\"x\",{\"c\":\"d\"}]}");
    assert_reads(*state, "--- \na:\n- 1\n- 2\n...\n", "{\"a\":[1,2]}");
    assert_reads(*state, "a: |\n  one\n  two\nb: >-\n  three\n  four\n",
                 "{\"a\":\"one\\ntwo\\n\",\"b\":\"three four\"}");
    assert_reads(*state,
                 "\xEF\xBB\xBF"
                 "a: 1\r\nb: 2\r\n",
                 "{\"a\":1,\"b\":2}");
    assert_reads(*state, "404: gone\ntrue: yes\n", "{\"404\":\"gone\",\"true\":\"yes\"}");
    assert_reads(*state, "q: \"${x.y == 'a: b' and 1 or 2}\"\n",
                 "{\"q\":\"${x.y == 'a: b' and 1 or 2}\"}");
    assert_reads(*state, "? a\n: 1\n", "{\"a\":1}");
    assert_reads(*state, "{\"a\": [1, 2.5, null, true], \"b\": {}}",
                 "{\"a\":[1,2.5,null,true],\"b\":{}}");
}

static void an_empty_file_is_null_in_line_1(void **state) {
    struct fx_error err = {0};
    struct fx_yaml *yaml = NULL;

    assert_ok(parse(*state, "", &yaml, &err));
    assert_int_equal(fx_json_type(fx_yaml_root(yaml)), FX_JSON_NULL);
    assert_int_equal(fx_yaml_line(yaml, ""), 1);
    assert_ok(parse(*state, "# only a comment\n", &yaml, &err));
    assert_int_equal(fx_json_type(fx_yaml_root(yaml)), FX_JSON_NULL);
}

struct bad {
    const char *text;
    int line;
    const char *says; /* a part of the sentence */
};

static const struct bad bad_files[] = {
    {"a: 1\na: 2\n", 2, "stands already in line 1"},
    {"a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n", 5, "stands already in line 3"},
    {"x: {a: 1, b: 2, a: 3}\n", 1, "stands already in line 1"},
    {"\"a\": 1\na: 2\n", 2, "'a' stands already"},
    {"a: &x 1\nb: 2\n", 1, "anchors (&x)"},
    {"a: 1\nb: &x [1]\n", 2, "anchors"},
    {"a: 1\nb: &x {c: 1}\n", 2, "anchors"},
    {"a: &x 1\nb: *x\n", 1, "anchors"},
    {"b: *x\n", 1, "aliases (*x)"},
    {"a: 1\n*x : 2\n", 2, "aliases"},
    {"a: 1\n&k b: 2\n", 2, "anchors"},
    {"a: !!str 1\n", 1, "tags"},
    {"a: ! 1\n", 1, "tags"},
    {"a: 1\nb: !!python/object:os.system [x]\n", 2, "tags"},
    {"a: !!map {b: 1}\n", 1, "tags"},
    {"a: !x!y 1\n", 1, "tags"},
    {"a: {b: 1}\nc:\n  <<: {d: 1}\n", 3, "merge keys"},
    {"a: 1\n---\nb: 2\n", 2, "second document"},
    {"a: 1\n...\n---\nb: 2\n", 3, "second document"},
    {"%YAML 1.1\n---\na: 1\n", 1, "directive"},
    {"%TAG ! tag:x,2000:\n---\na: 1\n", 1, "directive"},
    {"a: 1\n\tb: 2\n", 2, "a tab"},
    {"a:\n\tb: 2\n", 2, "a tab"},
    {"a:\n  - x\n\t- y\n", 3, "a tab"},
    {"a: b: c\n", 1, "quotes"},
    {"a: 1\n b: 2\n", 2, "indentation"},
    {"a:\n   b: 1\n  c: 2\n", 3, "indentation"},
    {"a: 'open\nb: 2\n", 1, "not closed"},
    {"a: 1\nb: \"open\n", 2, "not closed"},
    {"a: [1, 2\nb: 3\n", 1, "not closed"},
    {"a: 1\nb: {c: 1\nd: [\n", 2, "not closed"},
    {"a: @x\n", 1, "begins with @"},
    {"a: 1\nb: `x`\n", 2, "begins with `"},
    {"a: 1\nb\n", 2, "colon is missing"},
    {"a: - 1\n", 1, "list cannot begin here"},
    {"a: \"\\q\"\n", 1, "unknown"},
    {"a: \"\\0\"\n", 1, "NUL"},
    {"\"a\\0b\": 1\n", 1, "NUL"},
    {"a: \"\\xZZ\"\n", 1, "hexadecimal"},
    {"a: 1\n: 2\n", 2, "key was expected"},
    {"a: 1\nb: {: 2}\n", 2, "missing here"},
    {"a: 1\n? ~\n: 2\n", 2, "key is missing"},
    {"? [a]\n: 1\n", 1, "key must be a word"},
    {"? {a: 1}\n: 1\n", 1, "key must be a word"},
    {"a: {{b}}\n", 1, "key must be a word"},
    {"a: 1\nb: 123456789012345678901\n", 2, "64 bits"},
    {"a: 1e999\n", 1, "too large"},
    {"a: 1\nb: \x01\n", 2, "control character"},
    {"a: 1\nb: \xFF\n", 2, "UTF-8"},
    {"a: 1\nb: \xC3\n", 2, "UTF-8"},
    {"a: 1\nb: \xED\xA0\x80\n", 2, "UTF-8"},
    {"a: 1\rb: 2\n", 1, "carriage return"},
    {"a: 1 # \xE2\x80\xA8 b: 2\n", 1, "line break"},
    {"a: 1\nb: \xE2\x80\xAEx\n", 2, "direction of reading"},
    {"a: *\n", 1, "quotes"},
    {"a: 1\n} \n", 2, NULL},
    {"- a\nb: 1\n", 2, NULL},
    {"a: %x\n", 1, "begins with %"},
};

static void refuses_bad_files_and_names_the_line(void **state) {
    for (size_t i = 0; i < FX_COUNT_OF(bad_files); i++) {
        const struct bad *bad = &bad_files[i];
        struct fx_error err = {0};
        struct fx_yaml *yaml = NULL;
        char start[32];

        if (parse(*state, bad->text, &yaml, &err) != FX_ERR_INPUT)
            fail_msg("not refused: %s", bad->text);
        assert_null(yaml);
        snprintf(start, sizeof start, "f.yaml:%d: ", bad->line);
        if (strncmp(err.message, start, strlen(start)) != 0)
            fail_msg("%s\n wants %s in: %s", bad->text, start, err.message);
        if (bad->says && !strstr(err.message, bad->says))
            fail_msg("%s\n wants '%s' in: %s", bad->text, bad->says, err.message);
    }
}

static void refuses_a_nul_byte_wherever_it_stands(void **state) {
    static const char text[] = "a: 1\nb: 2\0\nc: 3\n";
    struct fx_error err = {0};
    struct fx_yaml *yaml = NULL;
    struct fx_slice s = {text, sizeof text - 1};

    assert_int_equal(fx_yaml_parse(*state, "f.yaml", s, &yaml, &err), FX_ERR_INPUT);
    assert_non_null(strstr(err.message, "f.yaml:2: a NUL"));
}

static char *repeat(struct fx_scope *sc, const char *part, size_t times) {
    size_t len = strlen(part);
    char *text = fx_alloc(sc, len * times + 1);

    for (size_t i = 0; i < times; i++)
        memcpy(text + i * len, part, len);
    return text;
}

static void caps_depth_exactly(void **state) {
    struct fx_error err = {0};
    struct fx_yaml *yaml = NULL;
    char *open = repeat(*state, "[", FX_YAML_MAX_DEPTH);
    char *shut = repeat(*state, "]", FX_YAML_MAX_DEPTH);

    assert_ok(parse(*state, fx_printf(*state, "%s%s", open, shut), &yaml, &err));
    assert_int_equal(parse(*state, fx_printf(*state, "[%s%s]", open, shut), &yaml, &err),
                     FX_ERR_LIMIT);
    assert_non_null(strstr(err.message, "f.yaml:1: nested deeper"));
}

static void caps_size_exactly(void **state) {
    struct fx_error err = {0};
    struct fx_yaml *yaml = NULL;
    char *text = repeat(*state, "#", FX_YAML_MAX_BYTES + 1);
    struct fx_slice s = {text, FX_YAML_MAX_BYTES};

    assert_ok(fx_yaml_parse(*state, "f.yaml", s, &yaml, &err));
    s.len++;
    assert_int_equal(fx_yaml_parse(*state, "f.yaml", s, &yaml, &err), FX_ERR_LIMIT);
    assert_non_null(strstr(err.message, "f.yaml:1: "));
}

/* libyaml alone needs seconds for the first of these. */
static void bombs_end_quickly(void **state) {
    static const char *const parts[] = {
        "[",      "{",         "[[],",        "{a: ",   "- ",          "? ",
        "a: \n ", "[a,",       "{a: 1, ",     "\"",     "'",           "\"\\u0041",
        "|\n",    "- - - -\n", "a\n",         "a ",     "#\n",         "\n",
        ",",      "]",         "[a: ",        "? - ",   "&a ",         "!!str ",
        "%TAG\n", "---\n",     "[[[[]]]],\n", "- |\n ", "{? a : b, }", ": ",
    };

    for (size_t i = 0; i < FX_COUNT_OF(parts); i++) {
        struct fx_scope *sc = fx_scope_new(*state);
        struct fx_error err = {0};
        struct fx_yaml *yaml = NULL;
        size_t times = FX_YAML_MAX_BYTES / strlen(parts[i]);
        char *text = repeat(sc, parts[i], times);
        int64_t start = fx_mono_ms(fx_clock_system());

        enum fx_code code = parse(sc, text, &yaml, &err);
        int64_t took = fx_mono_ms(fx_clock_system()) - start;
        if (took > BOUND_MS)
            fail_msg("'%s' took %lld ms (%s)", parts[i], (long long)took, fx_code_name(code));
        fx_scope_free(sc);
    }
}

static void refuses_many_keys_repeated_at_the_end_quickly(void **state) {
    struct fx_error err = {0};
    struct fx_yaml *yaml = NULL;
    char *text = fx_alloc(*state, FX_YAML_MAX_BYTES);
    size_t len = 0;

    for (int i = 0; len < FX_YAML_MAX_BYTES - 32; i++)
        len += (size_t)snprintf(text + len, 16, "k%d: 1\n", i);
    memcpy(text + len, "k0: 2\n", 7);
    int64_t start = fx_mono_ms(fx_clock_system());
    assert_int_equal(parse(*state, text, &yaml, &err), FX_ERR_INPUT);
    assert_non_null(strstr(err.message, "stands already in line 1;"));
    assert_true(fx_mono_ms(fx_clock_system()) - start < BOUND_MS);
}

static void knows_the_line_of_every_path(void **state) {
    static const char text[] = "command: dlq\n"  /* 1 */
                               "steps:\n"        /* 2 */
                               "  - id: a\n"     /* 3 */
                               "    with:\n"     /* 4 */
                               "      Url: x\n"  /* 5 */
                               "      a.b: 1\n"  /* 6 */
                               "  -\n"           /* 7 */
                               "    id: b\n"     /* 8 */
                               "    list: [1,\n" /* 9 */
                               "      2]\n"      /* 10 */
                               "a:\n"            /* 11 */
                               "  b: {c: 1}\n"   /* 12 */
                               "a.b:\n"          /* 13 */
                               "  c: 1\n";       /* 14 */
    static const struct {
        const char *path;
        int line;
    } rows[] = {
        {"", 1},
        {"command", 1},
        {"steps", 2},
        {"steps.0", 3},
        {"steps.0.id", 3},
        {"steps.0.with", 4},
        {"steps.0.with.Url", 5},
        {"steps.0.with.a.b", 6},
        {"steps.1", 8},
        {"steps.1.list", 9},
        {"steps.1.list.1", 10},
        {"steps.1.gone", 8},
        {"steps.9", 2},
        {"nothing", 1},
        {"steps.0.with.Ur", 4},
        {"a.b", 13},
        {"a.b.c", 14},
        {"steps.0.id.x.y", 3},
    };
    struct fx_error err = {0};
    struct fx_yaml *yaml = NULL;

    assert_ok(parse(*state, text, &yaml, &err));
    for (size_t i = 0; i < FX_COUNT_OF(rows); i++)
        if (fx_yaml_line(yaml, rows[i].path) != rows[i].line)
            fail_msg("%s: line %d, not %d", rows[i].path, fx_yaml_line(yaml, rows[i].path),
                     rows[i].line);
    assert_string_equal(fx_yaml_file(yaml), "f.yaml");
}

static void loads_a_file_and_says_when_it_cannot(void **state) {
    char path[] = "/tmp/fluxabot-yaml-XXXXXX";
    struct fx_error err = {0};
    struct fx_yaml *yaml = NULL;
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, "a: 1\n", 5), 5);
    close(fd);
    assert_ok(fx_yaml_load(*state, path, &yaml, &err));
    assert_int_equal(fx_json_get_int(fx_yaml_root(yaml), "a", 0), 1);
    unlink(path);
    assert_int_equal(fx_yaml_load(*state, path, &yaml, &err), FX_ERR_NOT_FOUND);
    assert_non_null(strstr(err.message, path));
    assert_int_equal(fx_yaml_load(*state, "/", &yaml, &err), FX_ERR_INPUT);
    assert_non_null(strstr(err.message, "/:1: "));
}

static const char seed_file[] =
    "command: dlq inspect\nsummary: 'Look: at messages'\narguments:\n  count: { type: integer, "
    "default: 10, help: \"how many\" }\nsteps:\n  - id: depth\n    aws: sqs:GetQueueAttributes\n"
    "    with: { QueueUrl: \"${queue.dlq.url}\", Names: [A, B] }\n  - text: |\n      one\n      "
    "two\n";

/* xorshift64: a failure is repeated with the printed seed in FX_SEED. */
static uint64_t next_random(uint64_t *x) {
    *x ^= *x << 13;
    *x ^= *x >> 7;
    *x ^= *x << 17;
    return *x;
}

static void mutate(char *text, size_t len, uint64_t *random) {
    static const char interesting[] = "&*!{}[],:-?|>'\"%@`#\t\n\r ~<\x80\xFF\xC2\xE2";
    size_t count = 1 + next_random(random) % 6;

    for (size_t i = 0; i < count; i++) {
        size_t at = next_random(random) % len, from = next_random(random) % len;
        uint64_t kind = next_random(random) % 3;

        if (kind == 0)
            text[at] = interesting[next_random(random) % (sizeof interesting - 1)];
        else if (kind == 1)
            text[at] = (char)next_random(random);
        else
            memmove(text + at, text + from, len - (at > from ? at : from));
    }
}

static void any_mutation_is_read_or_refused_with_a_line(void **state) {
    const char *given = getenv("FX_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 0) : (uint64_t)fx_wall_ms(fx_clock_system());
    uint64_t random = seed | 1;

    print_message("FX_SEED=%llu\n", (unsigned long long)seed);
    for (int i = 0; i < 20000; i++) {
        struct fx_scope *sc = fx_scope_new(NULL);
        struct fx_error err = {0};
        struct fx_yaml *yaml = NULL;
        size_t len = sizeof seed_file - 1;
        char *text = fx_strdup(sc, seed_file);

        mutate(text, len, &random);
        enum fx_code code = fx_yaml_parse(sc, "f.yaml", (struct fx_slice){text, len}, &yaml, &err);
        if (code == FX_OK)
            assert_non_null(fx_json_dump(sc, fx_yaml_root(yaml)));
        else if (strncmp(err.message, "f.yaml:", 7) != 0 || atol(err.message + 7) < 1)
            fail_msg("seed %llu: no line in '%s'", (unsigned long long)seed, err.message);
        fx_scope_free(sc);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reads_plain_words_into_their_types, setup, teardown),
        cmocka_unit_test_setup_teardown(reads_mappings_lists_and_block_texts, setup, teardown),
        cmocka_unit_test_setup_teardown(an_empty_file_is_null_in_line_1, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_bad_files_and_names_the_line, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_a_nul_byte_wherever_it_stands, setup, teardown),
        cmocka_unit_test_setup_teardown(caps_depth_exactly, setup, teardown),
        cmocka_unit_test_setup_teardown(caps_size_exactly, setup, teardown),
        cmocka_unit_test_setup_teardown(bombs_end_quickly, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_many_keys_repeated_at_the_end_quickly, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(knows_the_line_of_every_path, setup, teardown),
        cmocka_unit_test_setup_teardown(loads_a_file_and_says_when_it_cannot, setup, teardown),
        cmocka_unit_test_setup_teardown(any_mutation_is_read_or_refused_with_a_line, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
