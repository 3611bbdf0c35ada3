/* alarms.c - asks CloudWatch what it knows of a topic's alarms. */
#include "fluxabot/intake.h"

#include "fluxabot/base/clock.h"

#include <string.h>

/* These are small answers; a worker should not wait long for them. */
enum { TIMEOUT_MS = 5000, REGION_AT = 3 };

/* ---- one question, page by page ---- */

struct question {
    struct fx_aws *aws;
    struct fx_scope *sc;
    const char *operation;
    struct fx_json *params; /* gets the NextToken */
    const char *region;
    bool more; /* another page is there */
};

/* "arn:aws:sns:eu-west-1:123456789012:topic": an alarm and the topic it notifies share a region. */
static const char *region_of(struct fx_scope *sc, const char *arn) {
    struct fx_slice rest = fx_slice_of(arn), part = {0};

    for (int i = 0; i <= REGION_AT; i++)
        (void)fx_slice_split(rest, ':', &part, &rest);
    return fx_slice_dup(sc, part);
}

static enum fx_code ask(struct question *q, struct fx_json **ret_page, struct fx_error *err) {
    const struct fx_aws_call call = {
        .service = "cloudwatch",
        .operation = q->operation,
        .params = q->params,
        .region = q->region,
        .timeout_ms = TIMEOUT_MS,
    };

    FX_TRY(fx_aws_call(q->aws, q->sc, &call, ret_page, err));
    const char *token = fx_json_get_text(*ret_page, "NextToken");
    q->more = token && *token;
    if (q->more)
        fx_json_put(q->params, "NextToken", fx_json_string(q->sc, token));
    return FX_OK;
}

static struct fx_json *both_types(struct fx_scope *sc) {
    return fx_json_array_of(sc, fx_json_string(sc, "MetricAlarm"),
                            fx_json_string(sc, "CompositeAlarm"), NULL);
}

/* ---- DescribeAlarms ---- */

/* An ActionPrefix also finds the topic whose name only begins alike. */
static bool has_action(const struct fx_json *alarm, const char *topic_arn) {
    static const char *const keys[] = {"AlarmActions", "OKActions", "InsufficientDataActions"};

    for (size_t k = 0; k < FX_COUNT_OF(keys); k++) {
        const struct fx_json *list = fx_json_at(alarm, keys[k]);

        for (size_t i = 0; i < fx_json_count(list); i++) {
            const char *action = fx_json_text(fx_json_item(list, i));

            if (action && strcmp(action, topic_arn) == 0)
                return true;
        }
    }
    return false;
}

static void take(struct fx_json *alarms, const struct fx_json *page, const char *topic_arn) {
    static const char *const lists[] = {"MetricAlarms", "CompositeAlarms"};

    for (size_t l = 0; l < FX_COUNT_OF(lists); l++) {
        const struct fx_json *list = fx_json_at(page, lists[l]);

        for (size_t i = 0; i < fx_json_count(list); i++)
            if (!topic_arn || has_action(fx_json_item(list, i), topic_arn))
                fx_json_add(alarms, fx_json_item(list, i));
    }
}

static enum fx_code describe(struct question *q, const char *only_topic, struct fx_json *alarms,
                             struct fx_error *err) {
    struct fx_json *page = NULL;

    for (int pages = 0; pages < FX_INTAKE_MAX_PAGES; pages++) {
        FX_TRY(ask(q, &page, err));
        take(alarms, page, only_topic);
        if (!q->more)
            return FX_OK;
    }
    return fx_fail(err, FX_ERR_LIMIT, "CloudWatch shows more than %d alarms at once",
                   FX_INTAKE_MAX_PAGES * FX_INTAKE_ALARMS_A_CALL);
}

enum fx_code fx_intake_ringing(struct fx_aws *aws, struct fx_scope *sc, const char *topic_arn,
                               struct fx_json **ret_alarms, struct fx_error *err) {
    struct fx_json *alarms = fx_json_array(sc);
    struct question q = {
        .aws = aws,
        .sc = sc,
        .operation = "DescribeAlarms",
        .params = fx_json_object_of(sc, "StateValue", fx_json_string(sc, "ALARM"), "ActionPrefix",
                                    fx_json_string(sc, topic_arn), "AlarmTypes", both_types(sc),
                                    "MaxRecords", fx_json_int(sc, FX_INTAKE_ALARMS_A_CALL), NULL),
        .region = region_of(sc, topic_arn),
    };

    FX_TRY(describe(&q, topic_arn, alarms, err));
    *ret_alarms = alarms;
    return FX_OK;
}

enum fx_code fx_intake_named(struct fx_aws *aws, struct fx_scope *sc, const char *topic_arn,
                             const struct fx_json *names, struct fx_json **ret_alarms,
                             struct fx_error *err) {
    struct fx_json *alarms = fx_json_array(sc);
    size_t count = fx_json_count(names);

    for (size_t from = 0; from < count; from += FX_INTAKE_ALARMS_A_CALL) {
        struct fx_json *some = fx_json_array(sc);

        for (size_t i = from; i < count && i < from + FX_INTAKE_ALARMS_A_CALL; i++)
            fx_json_add(some, fx_json_item(names, i));
        struct question q = {
            .aws = aws,
            .sc = sc,
            .operation = "DescribeAlarms",
            .params =
                fx_json_object_of(sc, "AlarmNames", some, "AlarmTypes", both_types(sc),
                                  "MaxRecords", fx_json_int(sc, FX_INTAKE_ALARMS_A_CALL), NULL),
            .region = region_of(sc, topic_arn),
        };

        FX_TRY(describe(&q, NULL, alarms, err));
    }
    *ret_alarms = alarms;
    return FX_OK;
}

/* ---- DescribeAlarmHistory ---- */

static int64_t item_ms(const struct fx_json *item) {
    return (int64_t)(fx_json_get_real(item, "Timestamp", 0) * 1000 + 0.5);
}

enum fx_code fx_intake_history(struct fx_aws *aws, struct fx_scope *sc, const char *topic_arn,
                               int64_t from_ms, int64_t now_ms, struct fx_json **ret_items,
                               int64_t *ret_until_ms, struct fx_error *err) {
    struct fx_json *items = fx_json_array(sc), *page = NULL;
    struct question q = {
        .aws = aws,
        .sc = sc,
        .operation = "DescribeAlarmHistory",
        .params = fx_json_object_of(sc, "HistoryItemType", fx_json_string(sc, "StateUpdate"),
                                    "StartDate", fx_json_string(sc, fx_time_iso_ms(sc, from_ms)),
                                    "EndDate", fx_json_string(sc, fx_time_iso_ms(sc, now_ms)),
                                    "ScanBy", fx_json_string(sc, "TimestampAscending"),
                                    "AlarmTypes", both_types(sc), "MaxRecords",
                                    fx_json_int(sc, FX_INTAKE_ALARMS_A_CALL), NULL),
        .region = region_of(sc, topic_arn),
        .more = true,
    };

    for (int pages = 0; q.more && pages < FX_INTAKE_MAX_HISTORY_PAGES; pages++) {
        FX_TRY(ask(&q, &page, err));
        const struct fx_json *list = fx_json_at(page, "AlarmHistoryItems");

        for (size_t i = 0; i < fx_json_count(list); i++)
            fx_json_add(items, fx_json_item(list, i));
    }
    *ret_until_ms = now_ms;
    if (q.more && fx_json_count(items) > 0) {
        int64_t last_ms = item_ms(fx_json_item(items, fx_json_count(items) - 1));

        /* it must go on, even when all of them fall into one moment */
        *ret_until_ms = last_ms > from_ms ? last_ms : from_ms + 1;
    }
    *ret_items = items;
    return FX_OK;
}

/* The data names the alarm that was deleted; its name alone may be another account's, too. */
static bool is_deletion(struct fx_scope *sc, const struct fx_json *item, const char *alarm_arn) {
    const char *text = fx_json_get_text(item, "HistoryData");
    struct fx_error ignored = {0};
    struct fx_json *data = NULL;

    if (!text || fx_json_parse(sc, fx_slice_of(text), &data, &ignored) != FX_OK) {
        const char *summary = fx_json_get_text(item, "HistorySummary");

        return summary && fx_slice_ends_with(fx_slice_of(summary), FX_SLICE(" deleted")) && text &&
               strstr(text, alarm_arn);
    }
    const char *type = fx_json_get_text(data, "type");
    const char *arn = fx_json_text(fx_json_at_path(data, "deletedAlarm.alarmArn"));

    return type && strcmp(type, "Delete") == 0 && (!arn || strcmp(arn, alarm_arn) == 0);
}

enum fx_code fx_intake_deletion(struct fx_aws *aws, struct fx_scope *sc, const char *alarm_arn,
                                const char *alarm_name, int64_t *ret_deleted_ms,
                                struct fx_error *err) {
    struct fx_json *page = NULL;
    struct question q = {
        .aws = aws,
        .sc = sc,
        .operation = "DescribeAlarmHistory",
        .params = fx_json_object_of(
            sc, "AlarmName", fx_json_string(sc, alarm_name), "AlarmTypes", both_types(sc),
            "HistoryItemType", fx_json_string(sc, "ConfigurationUpdate"), "ScanBy",
            fx_json_string(sc, "TimestampDescending"), "MaxRecords", fx_json_int(sc, 1), NULL),
        .region = region_of(sc, alarm_arn),
    };

    FX_TRY(ask(&q, &page, err));
    const struct fx_json *newest = fx_json_item(fx_json_at(page, "AlarmHistoryItems"), 0);

    *ret_deleted_ms = newest && is_deletion(sc, newest, alarm_arn) ? item_ms(newest) : 0;
    return FX_OK;
}
