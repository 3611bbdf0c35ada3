/* engine_reconcile_test.c - comparisons with CloudWatch on a real store: what is asked, what is
 * remembered, what people are told, and what a crash leaves. */
#include "support/test.h"

#include "private.h"

#include "fluxabot/aws.h"
#include "fluxabot/base/digest.h"
#include "fluxabot/intake.h"
#include "support/scripted_http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TOPIC "arn:aws:sns:us-east-1:123456789012:fluxa-alarms"
#define ALARM "arn:aws:cloudwatch:us-east-1:123456789012:alarm:"
#define NOW_S INT64_C(1795252504)
#define NOW_MS (NOW_S * 1000)

enum { MAX_ASKED = FX_INTAKE_MAX_PAGES + 64 };

/* Stands in for the aws module. */
struct fx_aws {
    const char *ringing, *named, *history; /* JSON in which ' stands for "; NULL: refused */
    const char *last;                      /* of many: what the last page shows instead */
    size_t ringing_pages;                  /* 0: ringing is the only one */
    enum fx_code refusal;
    size_t calls, ringing_calls;
    char from[32]; /* of the newest question about the history */
    const char *asked[MAX_ASKED];
};

/* Full of alarms of which nothing is to be told; the token is the number of the next page. */
static const char *page_of_many(struct fx_aws *aws, struct fx_scope *sc,
                                const struct fx_aws_call *call) {
    const char *token = fx_json_get_text(call->params, "NextToken");
    size_t page = token != NULL ? strtoul(token, NULL, 10) : 0;
    struct fx_json *alarms = fx_json_array(sc);
    int count = aws->ringing_pages == SIZE_MAX ? 1 : FX_INTAKE_ALARMS_A_CALL; /* in less time */

    if (page + 1 == aws->ringing_pages)
        return aws->last;
    for (int i = 0; i < count; i++)
        fx_json_add(alarms, fx_json_object_of(sc, "AlarmArn",
                                              fx_json_stringf(sc, ALARM "many-%zu-%d", page, i),
                                              "AlarmActions",
                                              fx_json_array_of(sc, fx_json_string(sc, TOPIC), NULL),
                                              "StateValue", fx_json_string(sc, "ALARM"), NULL));
    return fx_json_dump(sc, fx_json_object_of(sc, "MetricAlarms", alarms, "NextToken",
                                              fx_json_stringf(sc, "%zu", page + 1), NULL));
}

static const char *answer_of(struct fx_aws *aws, struct fx_scope *sc,
                             const struct fx_aws_call *call) {
    if (strcmp(call->operation, "DescribeAlarmHistory") == 0) {
        snprintf(aws->from, sizeof aws->from, "%s", fx_json_get_text(call->params, "StartDate"));
        return aws->history;
    }
    if (fx_json_at(call->params, "StateValue") == NULL)
        return aws->named;
    aws->ringing_calls++;
    return aws->ringing_pages > 0 ? page_of_many(aws, sc, call) : aws->ringing;
}

enum fx_code fx_aws_call(struct fx_aws *aws, struct fx_scope *sc, const struct fx_aws_call *call,
                         struct fx_json **ret_answer, struct fx_error *err) {
    char *text = fx_strdup(sc, answer_of(aws, sc, call));

    assert_true(aws->calls < MAX_ASKED);
    aws->asked[aws->calls++] = call->operation;
    if (text == NULL)
        return fx_fail(err, aws->refusal, "%s was answered with no", call->operation);
    for (char *c = text; *c; c++)
        if (*c == '\'')
            *c = '"';
    return fx_json_parse(sc, fx_slice_of(text), ret_answer, err);
}

struct rig {
    struct fx_scope *sc;
    struct held_clock clock;
    struct fx_engine engine;
    struct fx_system fluxa;
    struct fx_engine_system system;
    struct fx_aws aws;
    char dir[64];
    struct engine_work work;
    struct fx_job job;
};

static const struct fx_engine_topic topics[] = {
    {.arn = TOPIC, .system = "fluxa", .environment = "dev"}};

static int set_up(void **state) {
    struct fx_scope *sc = fx_scope_new(NULL);
    struct rig *rig = FX_NEW(sc, struct rig);
    struct fx_engine_options *options = &rig->engine.options;
    struct fx_error err;

    rig->sc = sc;
    held_clock_init(&rig->clock, NOW_MS);
    snprintf(rig->dir, sizeof rig->dir, "/tmp/fluxabot-test-XXXXXX");
    assert_non_null(mkdtemp(rig->dir));
    rig->fluxa.name = "fluxa";
    rig->system = (struct fx_engine_system){.system = &rig->fluxa, .channel = "C1"};
    options->clock = &rig->clock.clock;
    options->random = fx_random_system();
    options->metrics = fx_metrics_new();
    options->state = fx_state_memory_new(&rig->clock.clock);
    options->topics = topics;
    options->topics_count = FX_COUNT_OF(topics);
    options->systems = &rig->system;
    options->systems_count = 1;
    options->aws = &rig->aws;
    rig->aws = (struct fx_aws){.ringing = "{}", .named = "{}", .history = "{}"};
    assert_ok(fx_store_open(sc, fx_printf(sc, "sqlite://%s/x.db", rig->dir), &rig->clock.clock,
                            fx_random_system(), &options->store, &err));
    *state = rig;
    return 0;
}

static int tear_down(void **state) {
    struct rig *rig = *state;
    static const char *const files[] = {"x.db", "x.db-wal", "x.db-shm"};

    rig->engine.options.store->close(rig->engine.options.store);
    rig->engine.options.state->close(rig->engine.options.state);
    fx_metrics_free(rig->engine.options.metrics);
    for (size_t i = 0; i < FX_COUNT_OF(files); i++)
        unlink(fx_printf(rig->sc, "%s/%s", rig->dir, files[i]));
    rmdir(rig->dir);
    fx_scope_free(rig->sc);
    return 0;
}

/* ---- jobs, as a worker would take them ---- */

static void take_job(struct rig *rig, const char *kind, const char *subject) {
    rig->job = (struct fx_job){.kind = kind, .subject = subject};
    rig->work = (struct engine_work){
        .engine = &rig->engine, .sc = rig->sc, .job = &rig->job, .now_ms = rig->clock.wall_ms};
}

/* Without a claim: what the handler has left to write becomes durable. */
static void settle(struct rig *rig) {
    struct fx_store *store = rig->engine.options.store;
    struct fx_error err;

    assert_ok(store->write(store, rig->sc, NULL, &rig->work.writes, &err));
}

static void compare(struct rig *rig) {
    struct fx_error err = {0};

    take_job(rig, "reconcile", TOPIC);
    rig->aws.calls = rig->aws.ringing_calls = 0;
    assert_ok(engine_reconcile(&rig->work, &err));
    settle(rig);
}

static bool asked_for(const struct rig *rig, const char *operation) {
    for (size_t i = 0; i < rig->aws.calls; i++)
        if (strcmp(rig->aws.asked[i], operation) == 0)
            return true;
    return false;
}

static struct fx_json *record(struct rig *rig) {
    struct fx_store *store = rig->engine.options.store;
    const char *text = "";
    struct fx_json *json = NULL;
    struct fx_error err;

    assert_ok(store->setting(store, rig->sc, "reconcile:" TOPIC, &text, &err));
    assert_ok(fx_json_parse(rig->sc, fx_slice_of(text), &json, &err));
    return json;
}

static size_t next_jobs(struct rig *rig, const char *kind, struct fx_job ***ret_jobs) {
    struct fx_store *store = rig->engine.options.store;
    struct fx_job **all = NULL;
    size_t count = 0, found = 0;
    struct fx_error err;

    assert_ok(store->jobs(store, rig->sc, FX_JOB_READY, 100, &all, &count, &err));
    for (size_t i = 0; i < count; i++)
        if (strcmp(all[i]->kind, kind) == 0)
            all[found++] = all[i];
    *ret_jobs = all;
    return found;
}

/* Of the messages that wait for Slack, those that say so. */
static size_t messages(struct rig *rig, const char *words) {
    struct fx_store *store = rig->engine.options.store;
    struct fx_message **list = NULL;
    size_t count = 0, found = 0;
    int64_t due_ms = 0;
    struct fx_error err;

    assert_ok(store->outbox_ready(store, rig->sc, INT64_MAX, 100, &list, &count, &due_ms, &err));
    for (size_t i = 0; i < count; i++)
        found += strstr(list[i]->payload_json, words) != NULL;
    return found;
}

static struct fx_incident *incident_of(struct rig *rig, const char *key) {
    struct fx_store *store = rig->engine.options.store;
    struct fx_incident *incident = NULL;
    struct fx_error err;

    assert_ok(store->incident_by_key(store, rig->sc, "fluxa", key, &incident, &err));
    return incident;
}

#define RINGING(name, at)                                                                          \
    "{'AlarmName':'" name "','AlarmArn':'" ALARM name "','AlarmActions':['" TOPIC                  \
    "'],'OKActions':['" TOPIC "'],'StateValue':'ALARM','StateTransitionedTimestamp':" at "}"

/* ---- what is asked and remembered ---- */

static void the_first_one_has_no_past_and_each_makes_the_next(void **state) {
    struct rig *rig = *state;
    struct fx_job **jobs = NULL;

    rig->aws.ringing = "{'MetricAlarms':[" RINGING("a", "1795252000") "]}";
    compare(rig);
    assert_false(asked_for(rig, "DescribeAlarmHistory"));
    assert_int_equal(next_jobs(rig, "event", &jobs), 1);
    assert_int_equal(next_jobs(rig, "reconcile", &jobs), 1);
    assert_int_equal(jobs[0]->due_ms, NOW_MS + FX_ENGINE_RECONCILE_MS);
    assert_string_equal(jobs[0]->subject, TOPIC);
    assert_int_equal(fx_json_get_int(record(rig), "until", 0), NOW_MS - FX_INCIDENT_GRACE_MS);
    compare(rig);
    /* it does not go back behind the first */
    assert_int_equal(fx_json_get_int(record(rig), "until", 0), NOW_MS - FX_INCIDENT_GRACE_MS);
    assert_true(asked_for(rig, "DescribeAlarmHistory"));
    assert_int_equal(next_jobs(rig, "event", &jobs), 1); /* the same again */
    assert_int_equal(next_jobs(rig, "reconcile", &jobs), 1);
}

static void a_history_that_is_too_long_goes_on_at_once(void **state) {
    struct rig *rig = *state;

    compare(rig);
    rig->clock.wall_ms += 3600 * 1000;
    rig->aws.history = "{'AlarmHistoryItems':[{'Timestamp':1795252900}],'NextToken':'more'}";
    compare(rig);
    assert_int_equal(fx_json_get_int(record(rig), "until", 0), INT64_C(1795252900000));
    assert_int_equal(rig->work.writes.jobs[0]->due_ms, rig->clock.wall_ms);
    rig->aws.history = "{}";
    compare(rig);
    assert_int_equal(rig->work.writes.jobs[0]->due_ms, rig->clock.wall_ms + FX_ENGINE_RECONCILE_MS);
}

static void a_topic_that_is_no_longer_configured_is_left_alone(void **state) {
    struct rig *rig = *state;
    struct fx_job **jobs = NULL;
    struct fx_error err = {0};

    take_job(rig, "reconcile", TOPIC "-of-old");
    assert_ok(engine_reconcile(&rig->work, &err));
    settle(rig);
    assert_int_equal(next_jobs(rig, "reconcile", &jobs), 0);
    assert_int_equal(rig->aws.calls, 0);
}

static void every_topic_is_due_at_the_start_once(void **state) {
    struct rig *rig = *state;
    struct fx_job **jobs = NULL;
    struct fx_error err;

    compare(rig);
    assert_ok(engine_reconciling_begin(&rig->engine, &err));
    assert_ok(engine_reconciling_begin(&rig->engine, &err)); /* another replica */
    assert_int_equal(next_jobs(rig, "reconcile", &jobs), 1);
    assert_int_equal(jobs[0]->due_ms, NOW_MS);
}

static void a_clock_that_was_set_back_delays_no_comparison(void **state) {
    struct rig *rig = *state;
    struct engine_keeping keeping = {0};
    struct fx_job **jobs = NULL;

    compare(rig);
    rig->clock.wall_ms += 3600 * 1000;
    compare(rig);
    engine_keep(&rig->engine, &keeping);
    rig->clock.wall_ms -= 2 * 3600 * 1000;
    engine_keep(&rig->engine, &keeping);
    assert_int_equal(next_jobs(rig, "reconcile", &jobs), 1);
    assert_int_equal(jobs[0]->due_ms, rig->clock.wall_ms);
    /* what was read by the clock as it was says nothing of the time that comes once more */
    compare(rig);
    assert_string_equal(rig->aws.from,
                        fx_time_iso_ms(rig->sc, rig->clock.wall_ms - 10 * 60 * 1000));
    assert_int_equal(fx_json_get_int(record(rig), "until", 0), rig->clock.wall_ms - 5 * 60 * 1000);
}

/* ---- trouble ---- */

static void after_three_failures_one_message_until_it_works_again(void **state) {
    struct rig *rig = *state;
    struct fx_job **jobs = NULL;

    compare(rig);
    int64_t until_ms = fx_json_get_int(record(rig), "until", 0);
    rig->aws.ringing = rig->aws.history = NULL;
    rig->aws.refusal = FX_ERR_DENIED;
    for (int i = 1; i <= 5; i++) {
        rig->clock.wall_ms += FX_ENGINE_RECONCILE_MS;
        compare(rig);
        assert_int_equal(messages(rig, "Missed alarms cannot be found"), i < 3 ? 0 : 1);
        assert_int_equal(rig->work.writes.messages_count, i == 3 ? 1 : 0);
        assert_int_equal(next_jobs(rig, "reconcile", &jobs), 1);
    }
    assert_int_equal(messages(rig, "DescribeAlarmHistory was answered with no"), 1);
    assert_int_equal(messages(rig, "cloudwatch:DescribeAlarmHistory"), 1);
    assert_int_equal(fx_json_get_int(record(rig), "until", 0), until_ms); /* nothing is skipped */
    rig->aws.ringing = rig->aws.history = "{}";
    compare(rig);
    assert_int_equal(messages(rig, "Missed alarms are found again"), 1);
    assert_int_equal(messages(rig, "cannot be found"), 0); /* it took its place */
    compare(rig);
    assert_int_equal(messages(rig, "Missed alarms"), 1);
    assert_int_equal(fx_metrics_get(rig->engine.options.metrics, FX_METRIC_RECONCILES_FAILED), 5);
    /* the next failure is another one */
    rig->aws.ringing = NULL;
    rig->aws.refusal = FX_ERR_TIMEOUT;
    for (int i = 0; i < 3; i++)
        compare(rig);
    assert_int_equal(messages(rig, "Missed alarms"), 2);
    assert_int_equal(messages(rig, "The bot's role needs"), 0); /* a time-out needs none */
}

static void what_was_answered_counts_though_the_rest_was_not(void **state) {
    struct rig *rig = *state;
    struct fx_job **jobs = NULL;

    compare(rig);
    rig->aws.ringing = "{'MetricAlarms':[" RINGING("a", "1795252000") "]}";
    rig->aws.history = NULL;
    rig->aws.refusal = FX_ERR_DENIED;
    compare(rig);
    assert_int_equal(next_jobs(rig, "event", &jobs), 1);
    assert_int_equal(fx_json_get_int(record(rig), "failures", 0), 1);
}

/* ---- storms ---- */

static void ten_thousand_that_ring_are_compared_to_the_last(void **state) {
    struct rig *rig = *state;
    struct fx_job **jobs = NULL;

    compare(rig);
    rig->aws.ringing_pages = 100;
    rig->aws.last = "{'MetricAlarms':[" RINGING("last", "1795252000") "]}";
    compare(rig);
    assert_int_equal(rig->aws.ringing_calls, 100);
    assert_int_equal(next_jobs(rig, "event", &jobs), 1);
    assert_int_equal(fx_json_get_int(record(rig), "failures", 0), 0);
}

#define LOST                                                                                       \
    "{'AlarmName':'lost','Timestamp':1795253000,'HistorySummary':'Alarm updated from OK to "       \
    "ALARM'}"

static void a_list_without_end_is_told_once_and_does_not_hold_up_the_history(void **state) {
    struct rig *rig = *state;
    struct fx_job **jobs = NULL;

    compare(rig);
    rig->aws.ringing_pages = SIZE_MAX;
    rig->clock.wall_ms += 3600 * 1000;
    for (int i = 1; i <= 5; i++) {
        compare(rig);
        assert_int_equal(rig->aws.ringing_calls, FX_INTAKE_MAX_PAGES);
        assert_int_equal(fx_json_get_int(record(rig), "until", 0),
                         rig->clock.wall_ms - 5 * 60 * 1000);
        assert_int_equal(messages(rig, "The list of ringing alarms could not be read to its end"),
                         i < 3 ? 0 : 1);
        assert_int_equal(rig->work.writes.messages_count, i == 3 ? 1 : 0);
        rig->clock.wall_ms += FX_ENGINE_RECONCILE_MS;
    }
    assert_int_equal(messages(rig, "more than 50000 alarms"), 1);
    rig->aws.history = "{'AlarmHistoryItems':[" LOST "]}";
    rig->aws.named = "{'MetricAlarms':[" RINGING("lost", "1795253000") "]}";
    compare(rig);
    assert_int_equal(next_jobs(rig, "event", &jobs), 1);
    /* a part of the history is neither an end of the trouble nor more of it */
    rig->aws.history = "{'AlarmHistoryItems':[{'Timestamp':1795256900}],'NextToken':'more'}";
    compare(rig);
    assert_int_equal(messages(rig, "found again"), 0);
    rig->aws.history = "{}";
    rig->aws.ringing_pages = 0;
    compare(rig);
    assert_int_equal(messages(rig, "Missed alarms are found again"), 1);
}

static void those_that_ring_are_asked_for_when_the_history_was_read(void **state) {
    struct rig *rig = *state;
    struct fx_job **jobs = NULL;

    compare(rig);
    rig->clock.wall_ms += 3600 * 1000;
    rig->aws.ringing = "{'MetricAlarms':[" RINGING("on", "1795252000") "]}";
    rig->aws.history = "{'AlarmHistoryItems':[" LOST "],'NextToken':'more'}";
    rig->aws.named = "{'MetricAlarms':[" RINGING("lost", "1795253000") "]}";
    compare(rig);
    assert_int_equal(rig->aws.ringing_calls, 0);
    assert_int_equal(next_jobs(rig, "event", &jobs), 1); /* what was read of it counts */
    rig->aws.history = "{}";
    compare(rig);
    assert_int_equal(rig->aws.ringing_calls, 1);
    assert_int_equal(next_jobs(rig, "event", &jobs), 2);
}

static void what_is_not_shown_by_name_is_looked_for_again(void **state) {
    struct rig *rig = *state;

    compare(rig);
    int64_t until_ms = fx_json_get_int(record(rig), "until", 0);

    rig->clock.wall_ms += 3600 * 1000;
    rig->aws.history = "{'AlarmHistoryItems':[" LOST "]}";
    rig->aws.named = NULL;
    rig->aws.refusal = FX_ERR_THROTTLED;
    compare(rig);
    assert_int_equal(fx_json_get_int(record(rig), "until", 0), until_ms);
    rig->aws.named = "{}";
    rig->aws.ringing = NULL;
    compare(rig);
    assert_int_equal(fx_json_get_int(record(rig), "until", 0), rig->clock.wall_ms - 5 * 60 * 1000);
}

static void a_first_one_that_is_refused_was_none(void **state) {
    struct rig *rig = *state;

    rig->aws.ringing = NULL;
    rig->aws.refusal = FX_ERR_DENIED;
    compare(rig);
    assert_int_equal(fx_json_get_int(record(rig), "until", -1), 0);
    rig->aws.ringing_pages = SIZE_MAX;
    compare(rig);
    assert_int_equal(fx_json_get_int(record(rig), "until", 0), NOW_MS - FX_INCIDENT_GRACE_MS);
}

static void a_comparison_that_is_cancelled_is_not_a_failure(void **state) {
    struct rig *rig = *state;
    struct fx_error err = {0};

    take_job(rig, "reconcile", TOPIC);
    rig->aws.ringing = NULL;
    rig->aws.refusal = FX_ERR_CANCELED;
    assert_int_equal(engine_reconcile(&rig->work, &err), FX_ERR_CANCELED);
    assert_int_equal(rig->work.writes.settings_count + rig->work.writes.jobs_count, 0);
}

static void one_that_is_given_up_is_followed_by_the_next(void **state) {
    struct rig *rig = *state;
    struct fx_error why = {0}, err = {0};

    (void)fx_fail(&why, FX_ERR_INTERNAL, "the sky fell");
    take_job(rig, "reconcile", TOPIC);
    assert_ok(engine_give_up(&rig->work, &why, &err));
    assert_int_equal(rig->work.writes.jobs_count, 1);
    assert_int_equal(rig->work.writes.jobs[0]->due_ms, NOW_MS + FX_ENGINE_RECONCILE_MS);
}

/* ---- what was found ---- */

static const struct fx_event found_late = {
    .id = "e1",
    .kind = "reconcile",
    .verified = true,
    .received_ms = NOW_MS,
    .body = "{\"topic\":\"" TOPIC "\",\"alarm\":{\"AlarmName\":\"a\",\"AlarmArn\":\"" ALARM
            "a\",\"OKActions\":[\"" TOPIC "\"]},\"changes\":[{\"state\":\"ALARM\",\"at\":"
            "1795252000000},{\"state\":\"OK\",\"at\":1795252100000}]}"};

static struct fx_job *claim(struct rig *rig) {
    struct fx_store *store = rig->engine.options.store;
    struct fx_job *job = NULL;
    int64_t due_ms = 0;
    struct fx_error err;

    assert_ok(store->release_leases(store, rig->sc, &err)); /* whoever had it is dead */
    assert_ok(store->claim(store, rig->sc, "w", NOW_MS, 1000, &job, &due_ms, &err));
    return job;
}

static void accept(struct rig *rig, const struct fx_event *event) {
    struct fx_store *store = rig->engine.options.store;
    struct fx_error err;
    bool is_new = false;

    assert_ok(store->accept(store, rig->sc, event, &is_new, &err));
    assert_true(is_new);
}

static void handle(struct rig *rig, const struct fx_event *event) {
    struct fx_error err = {0};

    take_job(rig, "event", event->id);
    rig->work.job = claim(rig);
    assert_non_null(rig->work.job);
    assert_ok(engine_event_reconcile(&rig->work, event, &err));
}

static void a_crash_between_beginning_and_end_doubles_nothing(void **state) {
    struct rig *rig = *state;

    accept(rig, &found_late);
    handle(rig, &found_late); /* and dies before it is settled: the end is not written */
    assert_int_equal(incident_of(rig, ALARM "a")->state, FX_INCIDENT_OPEN);
    assert_int_equal(messages(rig, ""), 0); /* nobody was told that it is in alarm */
    handle(rig, &found_late);
    settle(rig);
    const struct fx_incident *incident = incident_of(rig, ALARM "a");

    assert_int_equal(incident->state, FX_INCIDENT_CLOSED);
    assert_int_equal(incident->seen, 1);
    assert_int_equal(incident->opened_ms, INT64_C(1795252000000));
    assert_int_equal(incident->closed_ms, INT64_C(1795252100000));
    assert_int_equal(messages(rig, "Resolved: a"), 1);
    assert_int_equal(messages(rig, "the notification did not arrive"), 1);
    assert_int_equal(messages(rig, ""), 1);
    handle(rig, &found_late); /* a lost lease: all of it once more */
    settle(rig);
    assert_int_equal(incident_of(rig, ALARM "a")->version, incident->version);
    assert_int_equal(messages(rig, ""), 1);
}

/* SNS has lost the one and brought the other. */
static void what_a_newer_alarm_has_overtaken_is_told_in_its_thread(void **state) {
    struct rig *rig = *state;
    struct fx_event newer = found_late, older = found_late;

    newer.body = "{\"topic\":\"" TOPIC "\",\"alarm\":{\"AlarmName\":\"a\",\"AlarmArn\":\"" ALARM
                 "a\"},\"changes\":[{\"state\":\"ALARM\",\"at\":1795252100000}]}";
    older.body = "{\"topic\":\"" TOPIC "\",\"alarm\":{\"AlarmName\":\"a\",\"AlarmArn\":\"" ALARM
                 "a\"},\"changes\":[{\"state\":\"ALARM\",\"at\":1795252000000}]}";
    accept(rig, &newer);
    handle(rig, &newer);
    settle(rig);
    assert_int_equal(messages(rig, ""), 1);
    handle(rig, &older);
    const char *said = rig->work.writes.messages[0]->payload_json;

    assert_non_null(strstr(said, "a was in alarm before, at "));
    assert_non_null(strstr(said, "the notification did not arrive"));
    settle(rig);
    const struct fx_incident *incident = incident_of(rig, ALARM "a");

    assert_int_equal(incident->state, FX_INCIDENT_OPEN);
    assert_int_equal(incident->opened_ms, INT64_C(1795252100000));
    assert_int_equal(incident->seen, 2);
    handle(rig, &older);
    settle(rig);
    assert_int_equal(incident_of(rig, ALARM "a")->version, incident->version);
}

static void what_is_given_up_is_told_to_the_channel(void **state) {
    struct rig *rig = *state;
    struct fx_error why = {0}, err = {0};

    accept(rig, &found_late);
    (void)fx_fail(&why, FX_ERR_INTERNAL, "the sky fell");
    take_job(rig, "event", "e1");
    assert_ok(engine_give_up(&rig->work, &why, &err));
    settle(rig);
    assert_int_equal(messages(rig, "the sky fell"), 1);
    assert_int_equal(messages(rig, TOPIC), 1);
}

static void what_a_topic_of_old_brought_is_dropped(void **state) {
    struct rig *rig = *state;
    struct fx_event event = found_late;

    accept(rig, &event);
    event.body = "{\"topic\":\"" TOPIC "-of-old\",\"changes\":[{\"state\":\"ALARM\",\"at\":1}]}";
    handle(rig, &event);
    assert_int_equal(rig->work.writes.incidents_count, 0);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_first_one_has_no_past_and_each_makes_the_next),
        TEST(a_history_that_is_too_long_goes_on_at_once),
        TEST(a_topic_that_is_no_longer_configured_is_left_alone),
        TEST(every_topic_is_due_at_the_start_once),
        TEST(a_clock_that_was_set_back_delays_no_comparison),
        TEST(after_three_failures_one_message_until_it_works_again),
        TEST(what_was_answered_counts_though_the_rest_was_not),
        TEST(ten_thousand_that_ring_are_compared_to_the_last),
        TEST(a_list_without_end_is_told_once_and_does_not_hold_up_the_history),
        TEST(those_that_ring_are_asked_for_when_the_history_was_read),
        TEST(what_is_not_shown_by_name_is_looked_for_again),
        TEST(a_first_one_that_is_refused_was_none),
        TEST(a_comparison_that_is_cancelled_is_not_a_failure),
        TEST(one_that_is_given_up_is_followed_by_the_next),
        TEST(a_crash_between_beginning_and_end_doubles_nothing),
        TEST(what_a_newer_alarm_has_overtaken_is_told_in_its_thread),
        TEST(what_is_given_up_is_told_to_the_channel),
        TEST(what_a_topic_of_old_brought_is_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
