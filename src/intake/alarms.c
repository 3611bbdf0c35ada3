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

/* The page may end before the question. */
static enum fx_code ask(struct question *q, struct fx_scope *sc, struct fx_json **ret_page,
                        struct fx_error *err) {
    const struct fx_aws_call call = {
        .service = "cloudwatch",
        .operation = q->operation,
        .params = q->params,
        .region = q->region,
        .timeout_ms = TIMEOUT_MS,
    };

    FX_TRY(fx_aws_call(q->aws, sc, &call, ret_page, err));
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

struct fx_intake_alarms {
    struct question question;
    const char *topic_arn;
    const struct fx_json *names; /* NULL: whatever rings; else whatever their actions are */
    size_t names_asked;
    int pages;
};

static struct fx_json *alarms_in(struct fx_scope *sc, const struct fx_json *page,
                                 const char *only_topic) {
    static const char *const lists[] = {"MetricAlarms", "CompositeAlarms"};
    struct fx_json *alarms = fx_json_array(sc);

    for (size_t l = 0; l < FX_COUNT_OF(lists); l++) {
        const struct fx_json *list = fx_json_at(page, lists[l]);

        for (size_t i = 0; i < fx_json_count(list); i++)
            if (!only_topic || has_action(fx_json_item(list, i), only_topic))
                fx_json_add(alarms, fx_json_item(list, i));
    }
    return alarms;
}

/* params say which; NULL when that is to follow. */
static struct fx_intake_alarms *begin(struct fx_aws *aws, struct fx_scope *sc,
                                      const char *topic_arn, struct fx_json *params) {
    struct fx_intake_alarms *alarms = FX_NEW(sc, struct fx_intake_alarms);

    *alarms = (struct fx_intake_alarms){
        .question = {.aws = aws,
                     .sc = sc,
                     .operation = "DescribeAlarms",
                     .params = params,
                     .region = region_of(sc, topic_arn),
                     .more = params != NULL},
        .topic_arn = topic_arn,
    };
    return alarms;
}

struct fx_intake_alarms *fx_intake_ringing(struct fx_aws *aws, struct fx_scope *sc,
                                           const char *topic_arn) {
    return begin(aws, sc, topic_arn,
                 fx_json_object_of(sc, "StateValue", fx_json_string(sc, "ALARM"), "ActionPrefix",
                                   fx_json_string(sc, topic_arn), "AlarmTypes", both_types(sc),
                                   "MaxRecords", fx_json_int(sc, FX_INTAKE_ALARMS_A_CALL), NULL));
}

struct fx_intake_alarms *fx_intake_named(struct fx_aws *aws, struct fx_scope *sc,
                                         const char *topic_arn, const struct fx_json *names) {
    struct fx_intake_alarms *alarms = begin(aws, sc, topic_arn, NULL);

    alarms->names = names;
    return alarms;
}

static void take_names(struct fx_intake_alarms *alarms) {
    struct question *q = &alarms->question;
    struct fx_json *some = fx_json_array(q->sc);
    size_t from = alarms->names_asked, count = fx_json_count(alarms->names);

    for (size_t i = from; i < count && i < from + FX_INTAKE_ALARMS_A_CALL; i++)
        fx_json_add(some, fx_json_item(alarms->names, i));
    alarms->names_asked += fx_json_count(some);
    q->more = fx_json_count(some) > 0;
    q->params = fx_json_object_of(q->sc, "AlarmNames", some, "AlarmTypes", both_types(q->sc),
                                  "MaxRecords", fx_json_int(q->sc, FX_INTAKE_ALARMS_A_CALL), NULL);
}

enum fx_code fx_intake_next(struct fx_intake_alarms *alarms, struct fx_scope *sc,
                            struct fx_json **ret_page, struct fx_error *err) {
    struct question *q = &alarms->question;
    struct fx_json *answer = NULL;

    *ret_page = NULL;
    if (!q->more && alarms->names)
        take_names(alarms);
    if (!q->more)
        return FX_OK;
    if (alarms->pages++ == FX_INTAKE_MAX_PAGES)
        return fx_fail(err, FX_ERR_LIMIT, "CloudWatch shows more than %d alarms at once",
                       FX_INTAKE_MAX_ALARMS);
    FX_TRY(ask(q, sc, &answer, err));
    *ret_page = alarms_in(sc, answer, alarms->names ? NULL : alarms->topic_arn);
    return FX_OK;
}

/* ---- DescribeAlarmHistory ---- */

static int64_t item_ms(const struct fx_json *item) {
    return (int64_t)(fx_json_get_real(item, "Timestamp", 0) * 1000 + 0.5);
}

enum fx_code fx_intake_history(struct fx_aws *aws, struct fx_scope *sc, const char *topic_arn,
                               int64_t from_ms, int64_t now_ms, struct fx_json **ret_items,
                               int64_t *ret_until_ms, struct fx_error *err) {
    struct fx_json *items = fx_json_array(sc);
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
        /* the text of a page is larger than what is kept of it */
        FX_CLEANUP(fx_scope_free_p) struct fx_scope *page_sc = fx_scope_new(sc);
        struct fx_json *page = NULL;

        FX_TRY(ask(&q, page_sc, &page, err));
        const struct fx_json *list = fx_json_at(page, "AlarmHistoryItems");

        for (size_t i = 0; i < fx_json_count(list); i++)
            fx_json_add(items, fx_json_share(sc, fx_json_item(list, i)));
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

    FX_TRY(ask(&q, sc, &page, err));
    const struct fx_json *newest = fx_json_item(fx_json_at(page, "AlarmHistoryItems"), 0);

    *ret_deleted_ms = newest && is_deletion(sc, newest, alarm_arn) ? item_ms(newest) : 0;
    return FX_OK;
}
