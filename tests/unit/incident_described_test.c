/* incident_described_test.c - what CloudWatch shows when it is asked is read as its notifications
 * are. */
#include "support/test.h"

#include "fluxabot/base/clock.h"
#include "fluxabot/incident.h"

#include <stdio.h>
#include <string.h>

#define FOLDER FX_TEST_DIR "/golden/alarms/"
#define TOPIC "arn:aws:sns:us-east-1:123456789012:fluxa-alarms"

enum { MAX_FILE_BYTES = 64 << 10 };

static struct fx_json *parse(struct fx_scope *sc, const char *text) {
    struct fx_json *json = NULL;
    struct fx_error err = {0};
    char *copy = fx_strdup(sc, text);

    for (char *c = copy; *c; c++)
        if (*c == '\'')
            *c = '"';
    assert_ok(fx_json_parse(sc, fx_slice_of(copy), &json, &err));
    return json;
}

/* ---- the same alarm, told and asked ---- */

static struct fx_json *sample(struct fx_scope *sc, const char *name) {
    char *text = fx_alloc(sc, MAX_FILE_BYTES);
    FILE *file = fopen(fx_printf(sc, FOLDER "%s.json", name), "r");
    struct fx_json *json = NULL;
    struct fx_error err = {0};

    assert_non_null(file);
    size_t len = fread(text, 1, MAX_FILE_BYTES - 1, file);
    fclose(file);
    assert_ok(fx_json_parse(sc, (struct fx_slice){text, len}, &json, &err));
    return json;
}

static struct fx_json *big_dimensions(struct fx_scope *sc, const struct fx_json *list) {
    struct fx_json *big = fx_json_array(sc);

    for (size_t i = 0; i < fx_json_count(list); i++) {
        const struct fx_json *one = fx_json_item(list, i);

        fx_json_add(big, fx_json_object_of(sc, "Name", fx_json_at(one, "name"), "Value",
                                           fx_json_at(one, "value"), NULL));
    }
    return big;
}

/* DescribeAlarms has the members of Trigger beside the others, and capitals in the dimensions. */
static struct fx_json *described(struct fx_scope *sc, const struct fx_json *message) {
    struct fx_json *alarm = fx_json_copy(sc, message), *value = NULL;
    const char *key = NULL;
    void *cursor = NULL;

    while (fx_json_next(fx_json_at(message, "Trigger"), &cursor, &key, &value)) {
        struct fx_json *copy = fx_json_copy(sc, value);

        if (strcmp(key, "Dimensions") == 0)
            copy = big_dimensions(sc, value);
        for (size_t i = 0; strcmp(key, "Metrics") == 0 && i < fx_json_count(copy); i++) {
            struct fx_json *metric = fx_json_at_path(fx_json_item(copy, i), "MetricStat.Metric");

            if (metric)
                fx_json_put(metric, "Dimensions",
                            big_dimensions(sc, fx_json_at(metric, "Dimensions")));
        }
        fx_json_put(alarm, key, copy);
    }
    fx_json_remove(alarm, "Trigger");
    fx_json_remove(alarm, "TriggeringChildren");
    return alarm;
}

/* StateReasonData of a composite tells what SNS calls TriggeringChildren. */
static const char *reason_data(struct fx_scope *sc, const struct fx_json *message) {
    const struct fx_json *children = fx_json_at(message, "TriggeringChildren");
    struct fx_json *list = fx_json_array(sc);

    for (size_t i = 0; i < fx_json_count(children); i++) {
        const struct fx_json *child = fx_json_item(children, i);

        fx_json_add(list,
                    fx_json_object_of(
                        sc, "arn", fx_json_at(child, "Arn"), "state",
                        fx_json_object_of(sc, "value", fx_json_at_path(child, "State.Value"), NULL),
                        NULL));
    }
    return fx_json_dump(sc, fx_json_object_of(sc, "triggeringAlarms", list, NULL));
}

static void assert_alike(const char *name, const struct fx_alarm *told,
                         const struct fx_alarm *asked) {
    const char *const pairs[][2] = {
        {told->name, asked->name},
        {told->arn, asked->arn},
        {told->key, asked->key},
        {told->account, asked->account},
        {told->region, asked->region},
        {told->reason, asked->reason},
        {told->description, asked->description},
        {told->metric_namespace, asked->metric_namespace},
        {told->metric_name, asked->metric_name},
        {told->statistic, asked->statistic},
        {told->comparison, asked->comparison},
    };

    for (size_t i = 0; i < FX_COUNT_OF(pairs); i++)
        if (strcmp(pairs[i][0], pairs[i][1]) != 0)
            fail_msg("%s: told \"%s\", asked \"%s\"", name, pairs[i][0], pairs[i][1]);
    assert_int_equal(told->shape, asked->shape);
    assert_int_equal(told->state, asked->state);
    assert_int_equal(told->changed_ms, asked->changed_ms);
    assert_int_equal(told->has_threshold, asked->has_threshold);
    assert_true(told->threshold == asked->threshold);
    assert_int_equal(told->dimensions == NULL, asked->dimensions == NULL);
    assert_true(told->dimensions == NULL || fx_json_equal(told->dimensions, asked->dimensions));
    assert_int_equal(told->children == NULL, asked->children == NULL);
    assert_true(told->children == NULL || fx_json_equal(told->children, asked->children));
    assert_false(told->asked);
    assert_true(asked->asked);
}

static void an_alarm_that_was_asked_for_reads_like_one_that_was_told(void **state) {
    static const char *const names[] = {
        "metric-recovered",
        "metric-missing-data-breaches",
        "metric-in-govcloud",
        "metric-percentile-and-blanks-in-the-name",
        "math",
        "math-of-one-metric",
        "anomaly",
        "anomaly-both-sides",
        "composite",
        "composite-without-children",
    };
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);

    for (size_t i = 0; i < FX_COUNT_OF(names); i++) {
        const struct fx_json *golden = sample(sc, names[i]);
        const struct fx_json *message = fx_json_at(golden, "message");
        struct fx_alarm *told = NULL;
        struct fx_error err = {0};
        int64_t sent_ms = 0;

        assert_ok(fx_time_parse(fx_slice_of(fx_json_get_text(golden, "sent")), &sent_ms, &err));
        assert_ok(fx_alarm_read(sc, fx_json_dump(sc, message), NULL, TOPIC, sent_ms, &told, &err));
        const struct fx_alarm_change change = {.state = told->state,
                                               .at_ms = told->changed_ms,
                                               .reason =
                                                   fx_json_get_text(message, "NewStateReason"),
                                               .reason_data = reason_data(sc, message)};

        assert_alike(names[i], told, fx_alarm_described(sc, described(sc, message), &change));
    }
}

/* ---- who would have been told ---- */

static void only_the_exact_topic_of_an_alarm_that_may_speak_is_notified(void **state) {
    static const struct {
        const char *story, *alarm;
        bool alarms, oks;
    } cases[] = {
        {"both", "{'AlarmActions':['" TOPIC "'],'OKActions':['x','" TOPIC "']}", true, true},
        {"of ALARM alone", "{'AlarmActions':['" TOPIC "'],'OKActions':[]}", true, false},
        {"of OK alone", "{'OKActions':['" TOPIC "']}", false, true},
        {"a topic that begins alike", "{'AlarmActions':['" TOPIC "-2']}", false, false},
        {"switched on", "{'ActionsEnabled':true,'AlarmActions':['" TOPIC "']}", true, false},
        {"switched off", "{'ActionsEnabled':false,'AlarmActions':['" TOPIC "']}", false, false},
        {"held back", "{'ActionsSuppressedBy':'Alarm','AlarmActions':['" TOPIC "']}", false, false},
        {"nobody", "{}", false, false},
    };
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);

    for (size_t i = 0; i < FX_COUNT_OF(cases); i++) {
        const struct fx_json *alarm = parse(sc, cases[i].alarm);

        if (fx_alarm_notifies(alarm, FX_ALARM_STATE_ALARM, TOPIC) != cases[i].alarms ||
            fx_alarm_notifies(alarm, FX_ALARM_STATE_OK, TOPIC) != cases[i].oks)
            fail_msg("%s", cases[i].story);
    }
}

/* ---- its past ---- */

#define NOW(state, at) "{'StateValue':'" state "','StateTransitionedTimestamp':" at "}"
#define ITEM(at, state)                                                                            \
    "{'HistoryItemType':'StateUpdate','Timestamp':" at ",'HistoryData':'{\\'newState\\':{"         \
    "\\'stateValue\\':\\'" state "\\',\\'stateReason\\':\\'because\\'}}'}"

static void an_alarms_past_is_its_history_and_what_it_shows_now(void **state) {
    static const struct {
        const char *story, *alarm, *items, *expect; /* "A12.5 O20": state and seconds */
    } cases[] = {
        {"no history", NOW("ALARM", "10"), "[]", "A10000"},
        {"a state nobody knows", "{'StateValue':'BROKEN','StateTransitionedTimestamp':9}", "[]",
         ""},
        {"a state without a time", "{'StateValue':'ALARM'}", "[]", ""},
        {"the older kind of time", "{'StateValue':'ALARM','StateUpdatedTimestamp':10.25}", "[]",
         "A10250"},
        {"an update of the reason moves nothing",
         "{'StateValue':'ALARM','StateUpdatedTimestamp':99,'StateTransitionedTimestamp':10}", "[]",
         "A10000"},
        {"the newest is shown as well, some milliseconds apart", NOW("ALARM", "10.007"),
         "[" ITEM("10", "ALARM") "]", "A10000"},
        {"the history is longer", NOW("OK", "20"),
         "[" ITEM("10", "ALARM") "," ITEM("20.001", "OK") "]", "A10000 O20001"},
        {"the history is late", NOW("ALARM", "30"),
         "[" ITEM("10", "ALARM") "," ITEM("20", "OK") "]", "A10000 O20000 A30000"},
        {"the alarm was shown before its history", NOW("OK", "20"),
         "[" ITEM("10", "ALARM") "," ITEM("20", "OK") "," ITEM("30", "ALARM") "]",
         "A10000 O20000 A30000"},
        {"and between two of it", NOW("OK", "20"),
         "[" ITEM("10", "ALARM") "," ITEM("30", "ALARM") "]", "A10000 O20000 A30000"},
        {"two of a state that are no repetition", NOW("ALARM", "13"), "[" ITEM("10", "ALARM") "]",
         "A10000 A13000"},
        {"data that is cut speaks through its summary", NOW("OK", "20"),
         "[{'HistoryItemType':'StateUpdate','Timestamp':10,'HistoryData':'{cut','HistorySummary':"
         "'Alarm updated from OK to ALARM'}]",
         "A10000 O20000"},
        {"what has neither is left out", NOW("OK", "20"),
         "[{'HistoryItemType':'StateUpdate','Timestamp':10,'HistoryData':'{cut','HistorySummary':"
         "'Something else'}]",
         "O20000"},
        {"held back at times: only the present counts",
         "{'StateValue':'OK','StateTransitionedTimestamp':20,'ActionsSuppressor':'x'}",
         "[" ITEM("10", "ALARM") "]", "O20000"},
        {"missing data is a state too", NOW("INSUFFICIENT_DATA", "20"), "[" ITEM("10", "ALARM") "]",
         "A10000 I20000"},
    };
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);

    for (size_t i = 0; i < FX_COUNT_OF(cases); i++) {
        static const char letters[] = {[FX_ALARM_STATE_ALARM] = 'A',
                                       [FX_ALARM_STATE_OK] = 'O',
                                       [FX_ALARM_STATE_INSUFFICIENT] = 'I',
                                       [FX_ALARM_STATE_NOTE] = '?'};
        size_t count = 0;
        const char *found = "";
        const struct fx_alarm_change *changes =
            fx_alarm_changes(sc, parse(sc, cases[i].alarm), parse(sc, cases[i].items), &count);

        for (size_t c = 0; c < count; c++)
            found = fx_printf(sc, "%s%s%c%lld", found, c > 0 ? " " : "", letters[changes[c].state],
                              (long long)changes[c].at_ms);
        if (strcmp(found, cases[i].expect) != 0)
            fail_msg("%s: %s", cases[i].story, found);
    }
}

static void the_reason_of_a_change_is_the_one_of_its_time(void **state) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    const struct fx_json *alarm =
        parse(sc, "{'StateValue':'OK','StateReason':'fine again','StateTransitionedTimestamp':20}");
    size_t count = 0;
    const struct fx_alarm_change *changes =
        fx_alarm_changes(sc, alarm, parse(sc, "[" ITEM("10", "ALARM") "]"), &count);

    assert_int_equal(count, 2);
    assert_string_equal(changes[0].reason, "because");
    assert_string_equal(changes[1].reason, "fine again");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_alarm_that_was_asked_for_reads_like_one_that_was_told),
        cmocka_unit_test(only_the_exact_topic_of_an_alarm_that_may_speak_is_notified),
        cmocka_unit_test(an_alarms_past_is_its_history_and_what_it_shows_now),
        cmocka_unit_test(the_reason_of_a_change_is_the_one_of_its_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
