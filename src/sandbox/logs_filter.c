/* logs_filter.c - FilterLogEvents: some events a call, from old to new, until none are left. */
#include "logs.h"

#include <string.h>

enum { FILTER_LIMIT_MAX = 10000 };

struct filter {
    struct aws_call *call;
    struct logs_group *group;
    struct logs_pattern pattern;
    int64_t from_ms, to_ms, limit;
};

static struct fx_json *event_of(struct fx_scope *sc, const struct logs_event *event) {
    return fx_json_object_of(sc, "logStreamName", fx_json_string(sc, event->stream), "timestamp",
                             fx_json_int(sc, event->time_ms), "message",
                             fx_json_string(sc, event->message), "ingestionTime",
                             fx_json_int(sc, event->ingested_ms), "eventId",
                             fx_json_string(sc, event->id), NULL);
}

/* The event to begin with; false when the token is none of ours. */
static bool find_start(const struct filter *f, const char *token, struct logs_event **ret_event) {
    *ret_event = f->group->first;
    if (token[0] == '\0')
        return true;
    while (*ret_event != NULL && strcmp((*ret_event)->id, token) != 0)
        *ret_event = (*ret_event)->next;
    return *ret_event != NULL;
}

/* What one call reads is bounded, whether it matches or not: AWS gives empty pages too. */
static struct fx_json *read_page(const struct filter *f, struct logs_event *event) {
    struct fx_scope *sc = f->call->sc;
    struct fx_json *events = fx_json_array(sc);
    int64_t left = f->call->aws->logs_page > 0 ? f->call->aws->logs_page : FILTER_LIMIT_MAX;

    while (event != NULL && event->time_ms < f->from_ms)
        event = event->next;
    for (; event != NULL && event->time_ms <= f->to_ms && left > 0; left--, event = event->next) {
        if ((int64_t)fx_json_count(events) == f->limit)
            break;
        if (logs_pattern_matches(sc, &f->pattern, event->message))
            fx_json_add(events, event_of(sc, event));
    }
    bool more = event != NULL && event->time_ms <= f->to_ms;

    return fx_json_object_of(sc, "events", events, "searchedLogStreams", fx_json_array(sc),
                             "nextToken", more ? fx_json_string(sc, event->id) : NULL, NULL);
}

struct fx_json *logs_filter(struct aws_call *call) {
    const char *identifier = fx_json_get_text(call->input, "logGroupIdentifier"), *problem = NULL;
    const char *name = identifier != NULL ? logs_group_name(identifier)
                                          : aws_input_text(call->input, "logGroupName");
    struct filter f = {.call = call,
                       .group = logs_find(call->aws, name),
                       .from_ms = aws_input_int(call->input, "startTime", 0),
                       .to_ms = aws_input_int(call->input, "endTime", INT64_MAX),
                       .limit = aws_input_int(call->input, "limit", FILTER_LIMIT_MAX)};
    struct logs_event *event = NULL;

    if (f.group == NULL)
        return logs_no_group(call, name);
    if (f.limit < 1 || f.limit > FILTER_LIMIT_MAX || f.from_ms < 0 || f.to_ms < f.from_ms)
        return aws_fail(call, 400, "InvalidParameterException", NULL,
                        "limit must be 1 to %d, and startTime not after endTime; times are epoch "
                        "milliseconds",
                        FILTER_LIMIT_MAX);
    if (!logs_pattern_parse(call->sc, aws_input_text(call->input, "filterPattern"), &f.pattern,
                            &problem))
        return aws_fail(call, 400, "InvalidParameterException", NULL, "%s", problem);
    if (!find_start(&f, aws_input_text(call->input, "nextToken"), &event))
        return aws_fail(call, 400, "InvalidParameterException", NULL,
                        "The specified nextToken is invalid.");
    return read_page(&f, event);
}
