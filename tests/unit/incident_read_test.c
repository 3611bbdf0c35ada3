/* incident_read_test.c - every shape of alarm that reaches a topic is read as a person would. */
#include "support/test.h"

#include "fluxabot/base/clock.h"
#include "fluxabot/incident.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FOLDER FX_TEST_DIR "/golden/alarms"

enum { MAX_FILES = 200, MAX_FILE_BYTES = 64 << 10 };

struct world {
    struct fx_scope *sc;
    size_t count;
    const char *names[MAX_FILES];
    const struct fx_json *samples[MAX_FILES];
};

static int is_sample(const struct dirent *entry) {
    return fx_slice_ends_with(fx_slice_of(entry->d_name), FX_SLICE(".json"));
}

static const struct fx_json *read_sample(struct fx_scope *sc, const char *name) {
    char *text = fx_alloc(sc, MAX_FILE_BYTES);
    FILE *file = fopen(fx_printf(sc, FOLDER "/%s", name), "r");
    struct fx_json *json = NULL;
    struct fx_error err = {0};

    assert_non_null(file);
    size_t len = fread(text, 1, MAX_FILE_BYTES, file);
    fclose(file);
    assert_true(len < MAX_FILE_BYTES);
    if (fx_json_parse(sc, (struct fx_slice){text, len}, &json, &err) != FX_OK)
        fail_msg("%s: %s", name, err.message);
    return json;
}

static int begin(void **state) {
    struct world *w = calloc(1, sizeof *w);
    struct dirent **entries;
    int count = scandir(FOLDER, &entries, is_sample, alphasort);

    assert_true(count > 0 && count <= MAX_FILES);
    w->sc = fx_scope_new(NULL);
    w->count = (size_t)count;
    for (size_t i = 0; i < w->count; i++) {
        w->names[i] = fx_strdup(w->sc, entries[i]->d_name);
        w->samples[i] = read_sample(w->sc, w->names[i]);
        free(entries[i]);
    }
    free(entries);
    *state = w;
    return 0;
}

static int end(void **state) {
    struct world *w = *state;

    fx_scope_free(w->sc);
    free(w);
    return 0;
}

/* An object is told as SNS tells it: as text. */
static const char *message_of(struct fx_scope *sc, const struct fx_json *sample) {
    const struct fx_json *message = fx_json_at(sample, "message");
    const char *text = fx_json_text(message);

    return text ? text : fx_json_dump(sc, message);
}

static struct fx_alarm *read_alarm(struct fx_scope *sc, const struct fx_json *sample) {
    struct fx_error err = {0};
    struct fx_alarm *alarm = NULL;
    int64_t sent_ms = 0;

    assert_ok(fx_time_parse(fx_slice_of(fx_json_get_text(sample, "sent")), &sent_ms, &err));
    assert_ok(fx_alarm_read(sc, message_of(sc, sample), fx_json_get_text(sample, "subject"),
                            fx_json_get_text(sample, "topic"), sent_ms, &alarm, &err));
    return alarm;
}

static struct fx_json *filled(struct fx_scope *sc, const char *text) {
    return *text ? fx_json_string(sc, text) : NULL;
}

/* The alarm in the words of the samples; what is empty is left out, so that nothing unexpected
 * hides. */
static struct fx_json *told(struct fx_scope *sc, const struct fx_alarm *alarm, bool digest) {
    static const char *const states[] = {"alarm", "ok", "insufficient", "note"};
    const char *shape = fx_alarm_shape_name(alarm->shape);

    return fx_json_object_of(
        sc, "shape", fx_json_string(sc, shape), "state", fx_json_string(sc, states[alarm->state]),
        "name", fx_json_string(sc, alarm->name), "account", filled(sc, alarm->account), "region",
        filled(sc, alarm->region), "changed",
        fx_json_string(sc, fx_time_iso_ms(sc, alarm->changed_ms)), "arn", filled(sc, alarm->arn),
        "key", digest ? fx_json_stringf(sc, "%s:*", shape) : filled(sc, alarm->key), "reason",
        filled(sc, alarm->reason), "description", filled(sc, alarm->description), "namespace",
        filled(sc, alarm->metric_namespace), "metric", filled(sc, alarm->metric_name), "statistic",
        filled(sc, alarm->statistic), "dimensions", alarm->dimensions, "threshold",
        alarm->has_threshold ? fx_json_real(sc, alarm->threshold) : NULL, "comparison",
        filled(sc, alarm->comparison), "children", alarm->children, "extra", alarm->extra, NULL);
}

static bool is_digest_key(const char *key, const char *shape) {
    size_t len = strlen(shape);

    return strncmp(key, shape, len) == 0 && key[len] == ':' && strlen(key) == len + 1 + 64;
}

static void compare(struct fx_scope *sc, const char *name, const struct fx_json *sample) {
    const struct fx_alarm *alarm = read_alarm(sc, sample);
    struct fx_json *expect = fx_json_copy(sc, fx_json_at(sample, "expect"));
    const char *key = fx_json_get_text(expect, "key");
    bool digest = fx_slice_ends_with(fx_slice_of(key), FX_SLICE(":*"));

    if (digest && !is_digest_key(alarm->key, fx_alarm_shape_name(alarm->shape)))
        fail_msg("%s: the key is %s", name, alarm->key);
    if (fx_json_at(expect, "threshold")) /* 5 is 5.0 here */
        fx_json_put(expect, "threshold",
                    fx_json_real(sc, fx_json_get_real(expect, "threshold", 0)));
    if (!*fx_json_get_text(expect, "name"))
        fail_msg("%s expects no name", name);
    const char *empty = fx_json_get_text(expect, "comparison");
    if (empty && !*empty)
        fx_json_remove(expect, "comparison");
    const struct fx_json *found = told(sc, alarm, digest);
    if (!fx_json_equal(found, expect))
        fail_msg("%s\nfound    %s\nexpected %s", name, fx_json_dump_canonical(sc, found),
                 fx_json_dump_canonical(sc, expect));
}

static void reads_every_recorded_shape_as_expected(void **state) {
    struct world *w = *state;

    for (size_t i = 0; i < w->count; i++)
        compare(w->sc, w->names[i], w->samples[i]);
}

static void has_a_sample_of_every_shape(void **state) {
    struct world *w = *state;
    bool seen[FX_ALARM_TEXT + 1] = {false};

    for (size_t i = 0; i < w->count; i++)
        seen[read_alarm(w->sc, w->samples[i])->shape] = true;
    for (size_t i = 0; i < FX_COUNT_OF(seen); i++)
        if (!seen[i])
            fail_msg("no sample of %s", fx_alarm_shape_name((enum fx_alarm_shape)i));
}

static struct fx_alarm *read_text(struct world *w, const char *text, const char *subject,
                                  const char *topic) {
    struct fx_error err = {0};
    struct fx_alarm *alarm;

    assert_ok(fx_alarm_read(w->sc, text, subject, topic, 1795252505000, &alarm, &err));
    return alarm;
}

static void gives_one_key_to_both_tellings_of_an_alarm(void **state) {
    struct world *w = *state;
    const char *direct = "{\"AlarmName\":\"a\",\"NewStateValue\":\"ALARM\","
                         "\"AlarmArn\":\"arn:aws:cloudwatch:us-east-1:1:alarm:a\"}";
    const char *event = "{\"detail-type\":\"CloudWatch Alarm State Change\","
                        "\"resources\":[\"arn:aws:cloudwatch:us-east-1:1:alarm:a\"],"
                        "\"detail\":{\"state\":{\"value\":\"ALARM\"}}}";

    assert_string_equal(read_text(w, direct, NULL, NULL)->key,
                        read_text(w, event, NULL, NULL)->key);
}

static void gives_digest_keys_by_topic_and_name(void **state) {
    struct world *w = *state;
    const char *here = "arn:aws:sns:us-east-1:1:a", *there = "arn:aws:sns:us-east-1:1:b";
    const char *key = read_text(w, "disk full", NULL, here)->key;

    assert_string_equal(read_text(w, "disk full\nmore", NULL, here)->key, key);
    assert_string_not_equal(read_text(w, "disk full", NULL, there)->key, key);
    assert_string_not_equal(read_text(w, "disk empty", NULL, here)->key, key);
}

static void cuts_what_is_too_long_at_a_character(void **state) {
    struct world *w = *state;
    char *text = fx_alloc(w->sc, 30001);

    for (size_t i = 0; i < 30000; i += 3)
        memcpy(text + i, "€", 3);
    const struct fx_alarm *alarm = read_text(w, text, text, NULL);
    assert_int_equal(fx_slice_utf8_count(fx_slice_of(alarm->name)), 255);
    assert_int_equal(fx_slice_utf8_count(fx_slice_of(alarm->reason)), 1024);
    assert_true(fx_slice_is_utf8(fx_slice_of(alarm->name)));

    const char *json = fx_printf(w->sc,
                                 "{\"AlarmName\":\"%s\",\"NewStateValue\":\"ALARM\","
                                 "\"AlarmArn\":\"arn:aws:cloudwatch:us-east-1:1:alarm:%s\"}",
                                 text, text);
    alarm = read_text(w, json, NULL, NULL);
    assert_int_equal(alarm->shape, FX_ALARM_METRIC);
    assert_int_equal(fx_slice_utf8_count(fx_slice_of(alarm->name)), 255);
    assert_true(strlen(alarm->key) <= 1600);
}

static void reads_bytes_that_are_no_text(void **state) {
    struct world *w = *state;
    const struct fx_alarm *alarm = read_text(w, "\xff\xfe disk \xc3", "\x80", "\xff");

    assert_true(fx_slice_is_utf8(fx_slice_of(alarm->name)));
    assert_true(fx_slice_is_utf8(fx_slice_of(alarm->reason)));
    assert_non_null(read_text(w, NULL, NULL, NULL)->name);
}

static void bounds_dimensions_and_children(void **state) {
    struct world *w = *state;
    struct fx_json *dimensions = fx_json_array(w->sc), *children = fx_json_array(w->sc);

    for (int i = 0; i < 500; i++) {
        fx_json_add(dimensions, fx_json_object_of(w->sc, "name", fx_json_stringf(w->sc, "d%d", i),
                                                  "value", fx_json_string(w->sc, "v"), NULL));
        fx_json_add(children,
                    fx_json_object_of(
                        w->sc, "Arn", fx_json_stringf(w->sc, "arn:aws:cloudwatch:r:1:alarm:c%d", i),
                        "State",
                        fx_json_object_of(w->sc, "Value", fx_json_string(w->sc, "ALARM"), NULL),
                        NULL));
    }
    struct fx_json *json =
        fx_json_object_of(w->sc, "AlarmName", fx_json_string(w->sc, "a"), "NewStateValue",
                          fx_json_string(w->sc, "ALARM"), "Trigger",
                          fx_json_object_of(w->sc, "Dimensions", dimensions, NULL), NULL);
    assert_int_equal(fx_json_count(read_text(w, fx_json_dump(w->sc, json), NULL, NULL)->dimensions),
                     30);
    fx_json_put(json, "AlarmRule", fx_json_string(w->sc, "ALARM(c1)"));
    fx_json_put(json, "TriggeringChildren", children);
    assert_int_equal(fx_json_count(read_text(w, fx_json_dump(w->sc, json), NULL, NULL)->children),
                     100);
}

/* A small generator of its own, so that every run is the same run. */
static uint32_t next(uint64_t *seed) {
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*seed >> 33);
}

static void mutate(char *text, size_t len, uint64_t *seed) {
    static const char spice[] = "{}[]\",:\\\n\0\x01\x7f\xff\xc3 0eu";

    for (uint32_t i = next(seed) % 8 + 1; i > 0 && len > 0; i--) {
        size_t at = next(seed) % len, from = next(seed) % len;
        size_t span = next(seed) % 20;

        switch (next(seed) % 4) {
        case 0:
            text[at] = spice[next(seed) % (sizeof spice - 1)];
            break;
        case 1:
            text[at] = (char)next(seed);
            break;
        case 2:
            if (at + span <= len && from + span <= len)
                memmove(text + at, text + from, span);
            break;
        default:
            if (at + span <= len)
                memset(text + at, ' ', span);
            break;
        }
    }
}

/* Replaces one member, somewhere in the tree, by a value of another kind. */
static void spoil(struct fx_scope *sc, struct fx_json *json, uint64_t *seed) {
    size_t count = fx_json_count(json), wanted = count > 0 ? next(seed) % count : 0;
    const char *key = NULL;
    struct fx_json *value = NULL;
    void *cursor = NULL;

    if (fx_json_type(json) == FX_JSON_ARRAY && count > 0) {
        spoil(sc, fx_json_item(json, wanted), seed);
        return;
    }
    for (size_t i = 0; i <= wanted; i++)
        if (!fx_json_next(json, &cursor, &key, &value))
            return;
    if (fx_json_count(value) > 0 && next(seed) % 3 > 0) {
        spoil(sc, value, seed);
        return;
    }
    struct fx_json *const odd[] = {fx_json_null(sc),
                                   fx_json_bool(sc, true),
                                   fx_json_int(sc, INT64_MIN),
                                   fx_json_real(sc, -1e300),
                                   fx_json_string(sc, ""),
                                   fx_json_string(sc, "\n\t \x7f"),
                                   fx_json_stringf(sc, "%02000d", 7),
                                   fx_json_array(sc),
                                   fx_json_object(sc),
                                   fx_json_array_of(sc, fx_json_null(sc), fx_json_array(sc), NULL),
                                   fx_json_copy(sc, json)};
    fx_json_put(json, fx_strdup(sc, key), odd[next(seed) % FX_COUNT_OF(odd)]);
}

static char *spoiled(struct fx_scope *sc, const struct fx_json *sample, uint64_t *seed) {
    struct fx_json *message = fx_json_copy(sc, fx_json_at(sample, "message"));

    if (fx_json_type(message) != FX_JSON_OBJECT)
        return fx_strdup(sc, message_of(sc, sample));
    for (uint32_t i = next(seed) % 3 + 1; i > 0; i--)
        spoil(sc, message, seed);
    return fx_json_dump(sc, message);
}

static void assert_sound(const struct fx_alarm *alarm) {
    const char *const texts[] = {
        alarm->name,        alarm->arn,       alarm->key,         alarm->account,
        alarm->region,      alarm->reason,    alarm->description, alarm->metric_namespace,
        alarm->metric_name, alarm->statistic, alarm->comparison};

    assert_true(*alarm->name && *alarm->key);
    for (size_t i = 0; i < FX_COUNT_OF(texts); i++) {
        assert_non_null(texts[i]);
        assert_true(strlen(texts[i]) <= 4 * 1600);
        assert_true(fx_slice_is_utf8(fx_slice_of(texts[i])));
    }
    assert_null(strpbrk(alarm->name, "\n\r\t\x1b\x7f"));
    assert_true((unsigned)alarm->shape <= FX_ALARM_TEXT);
}

static void names_every_mutation_of_every_sample(void **state) {
    struct world *w = *state;
    uint64_t seed = 20261121;
    size_t known = 0;

    for (int i = 0; i < 5000; i++) {
        struct fx_scope *sc = fx_scope_new(NULL);
        const struct fx_json *sample = w->samples[(size_t)i % w->count];
        char *text = spoiled(sc, sample, &seed);
        struct fx_error err = {0};
        struct fx_alarm *alarm = NULL;

        if (next(&seed) % 2)
            mutate(text, strlen(text), &seed);
        assert_ok(fx_alarm_read(sc, text, i % 3 ? NULL : text, "arn:aws:sns:us-east-1:1:t",
                                1795252505000, &alarm, &err));
        assert_sound(alarm);
        known += alarm->shape != FX_ALARM_TEXT;
        fx_scope_free(sc);
    }
    assert_true(known > 1000); /* or the mutations reach no reader but the last */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_recorded_shape_as_expected),
        cmocka_unit_test(has_a_sample_of_every_shape),
        cmocka_unit_test(gives_one_key_to_both_tellings_of_an_alarm),
        cmocka_unit_test(gives_digest_keys_by_topic_and_name),
        cmocka_unit_test(cuts_what_is_too_long_at_a_character),
        cmocka_unit_test(reads_bytes_that_are_no_text),
        cmocka_unit_test(bounds_dimensions_and_children),
        cmocka_unit_test(names_every_mutation_of_every_sample),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
