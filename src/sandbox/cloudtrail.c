/* cloudtrail.c - CloudTrail's record of who did what: LookupEvents over what the world holds. */
#include "aws.h"

#include <string.h>

enum {
    TRAIL_MAX_EVENTS = 5000,
    TRAIL_MAX_PAGE = 50,
    TRAIL_PER_SECOND = 2, /* LookupEvents of one account and region */
    TRAIL_KEPT_DAYS = 90,
    DAY_MS = 24 * 3600 * 1000,
};

struct trail_event {
    struct trail_event *next; /* newest first */
    int64_t time_ms, number;
    struct fx_json *shown; /* without its time */
};

struct cloudtrail_state {
    struct trail_event *events;
    size_t count;
    int64_t asked_ms[TRAIL_PER_SECOND]; /* monotonic, of the last calls */
    size_t asked_next;
    bool unlimited;
};

void cloudtrail_world(struct sandbox_aws *aws) {
    aws->cloudtrail = FX_NEW(aws->world, struct cloudtrail_state);
    for (size_t i = 0; i < TRAIL_PER_SECOND; i++)
        aws->cloudtrail->asked_ms[i] = INT64_MIN / 2;
}

/* ---- POST /sandbox/world: "trail" ---- */

static struct fx_json *detail(struct fx_scope *sc, const struct fx_json *one, const char *id) {
    return fx_json_object_of(
        sc, "eventVersion", fx_json_string(sc, "1.08"), "eventID", fx_json_string(sc, id),
        "eventName", fx_json_string(sc, fx_json_get_text(one, "name")), "eventSource",
        fx_json_string(sc, fx_json_get_text(one, "source")), "awsRegion",
        fx_json_string(sc, AWS_REGION), "userIdentity", fx_json_at(one, "identity"),
        "requestParameters", fx_json_at(one, "request"), "errorCode", fx_json_at(one, "error"),
        "recipientAccountId", fx_json_string(sc, AWS_ACCOUNT), NULL);
}

static struct fx_json *shown(struct sandbox_aws *aws, const struct fx_json *one, int64_t number) {
    struct fx_scope *sc = aws->world;
    const char *type = fx_json_get_text(one, "type");
    const char *id = fx_printf(sc, "%08llx-7a1c-4a51-9c3e-0d7c5f3b%04llx",
                               (unsigned long long)number * 2654435761U % 4294967296U,
                               (unsigned long long)number % 65536U);
    struct fx_json *resource = fx_json_object_of(
        sc, "ResourceType", fx_json_string(sc, type != NULL ? type : "AWS::Lambda::Function"),
        "ResourceName", fx_json_at(one, "resource"), NULL);

    return fx_json_copy(
        sc,
        fx_json_object_of(
            sc, "EventId", fx_json_string(sc, id), "EventName", fx_json_at(one, "name"), "ReadOnly",
            fx_json_string(sc, fx_json_get_bool(one, "read_only", false) ? "true" : "false"),
            "EventSource", fx_json_at(one, "source"), "Username", fx_json_at(one, "user"),
            "Resources", fx_json_array_of(sc, resource, NULL), "CloudTrailEvent",
            fx_json_string(sc, fx_json_dump(sc, detail(sc, one, id))), NULL));
}

static void insert(struct cloudtrail_state *trail, struct trail_event *event) {
    struct trail_event **at = &trail->events;

    while (*at != NULL && (*at)->time_ms > event->time_ms)
        at = &(*at)->next;
    event->next = *at;
    *at = event;
}

const char *cloudtrail_change(struct sandbox_aws *aws, const struct fx_json *body) {
    struct fx_json *events = fx_json_at(body, "trail");
    struct cloudtrail_state *trail = aws->cloudtrail;
    int64_t now_ms = fx_wall_ms(aws->sb->clock);

    trail->unlimited = fx_json_get_bool(body, "trail_unlimited", trail->unlimited);
    if (trail->count + fx_json_count(events) > TRAIL_MAX_EVENTS)
        return "the world holds no more events of the trail";
    for (size_t i = 0; i < fx_json_count(events); i++) {
        const struct fx_json *one = fx_json_item(events, i);
        struct trail_event *event = FX_NEW(aws->world, struct trail_event);

        if (fx_json_get_text(one, "name") == NULL || fx_json_get_text(one, "source") == NULL ||
            fx_json_get_text(one, "resource") == NULL)
            return "an event of the trail needs name, source and resource";
        event->number = (int64_t)++trail->count;
        event->time_ms = now_ms - fx_json_get_int(one, "age_ms", 0);
        event->shown = shown(aws, one, event->number);
        insert(trail, event);
    }
    return NULL;
}

/* ---- LookupEvents ---- */

static bool is_too_often(struct aws_call *call) {
    struct cloudtrail_state *trail = call->aws->cloudtrail;
    int64_t now_ms = fx_mono_ms(call->sb->clock);

    if (!trail->unlimited && now_ms - trail->asked_ms[trail->asked_next] < 1000)
        return true;
    trail->asked_ms[trail->asked_next] = now_ms;
    trail->asked_next = (trail->asked_next + 1) % TRAIL_PER_SECOND;
    return false;
}

static bool matches(const struct trail_event *event, const struct fx_json *attribute) {
    const char *key = aws_input_text(attribute, "AttributeKey");
    const char *value = aws_input_text(attribute, "AttributeValue"), *have;

    if (attribute == NULL)
        return true;
    if (strcmp(key, "ResourceName") == 0 || strcmp(key, "ResourceType") == 0)
        have = fx_json_text(fx_json_at_path(
            event->shown, key[8] == 'N' ? "Resources.0.ResourceName" : "Resources.0.ResourceType"));
    else
        have = fx_json_get_text(event->shown, key);
    return have != NULL && strcmp(have, value) == 0;
}

static bool knows_key(const char *key) {
    static const char *const keys[] = {"EventId",     "EventName",    "ReadOnly",
                                       "Username",    "ResourceType", "ResourceName",
                                       "EventSource", "AccessKeyId"};

    for (size_t i = 0; i < FX_COUNT_OF(keys); i++)
        if (strcmp(keys[i], key) == 0)
            return true;
    return false;
}

/* What is wrong with the call; false after aws_fail. */
static bool is_good(struct aws_call *call, int64_t from_ms, int64_t to_ms) {
    struct fx_json *attributes = fx_json_at(call->input, "LookupAttributes");
    int64_t size = aws_input_int(call->input, "MaxResults", TRAIL_MAX_PAGE);

    if (fx_json_count(attributes) > 1 ||
        (fx_json_count(attributes) == 1 &&
         !knows_key(aws_input_text(fx_json_item(attributes, 0), "AttributeKey")))) {
        aws_fail(call, 400, "InvalidLookupAttributesException", NULL,
                 "One lookup attribute of those that CloudTrail knows can be given.");
        return false;
    }
    if (to_ms < from_ms) {
        aws_fail(call, 400, "InvalidTimeRangeException", NULL,
                 "The start time must not be after the end time.");
        return false;
    }
    if (size < 1 || size > TRAIL_MAX_PAGE) {
        aws_fail(call, 400, "InvalidMaxResultsException", NULL,
                 "A maximum results value of %lld is invalid. Specify a number between 1 and %d.",
                 (long long)size, TRAIL_MAX_PAGE);
        return false;
    }
    return true;
}

static struct fx_json *lookup_events(struct aws_call *call) {
    int64_t now_ms = fx_wall_ms(call->sb->clock);
    int64_t from_ms =
        aws_input_time(call->input, "StartTime", now_ms - (int64_t)TRAIL_KEPT_DAYS * DAY_MS);
    int64_t to_ms = aws_input_time(call->input, "EndTime", now_ms);
    int64_t left = aws_input_int(call->input, "MaxResults", TRAIL_MAX_PAGE);
    int64_t skip = aws_input_int(call->input, "NextToken", 0), next = skip;
    struct fx_json *attribute = fx_json_item(fx_json_at(call->input, "LookupAttributes"), 0);
    struct fx_json *events = fx_json_array(call->sc);
    bool more = false;

    if (is_too_often(call))
        return aws_fail(call, 400, "ThrottlingException", NULL, "Rate exceeded");
    if (!is_good(call, from_ms, to_ms))
        return NULL;
    for (struct trail_event *e = call->aws->cloudtrail->events; e != NULL && !more; e = e->next) {
        if (e->time_ms < from_ms || e->time_ms > to_ms || !matches(e, attribute) || skip-- > 0)
            continue;
        more = left-- <= 0;
        if (more)
            break;
        struct fx_json *event = fx_json_copy(call->sc, e->shown);
        fx_json_put(event, "EventTime", aws_time(call, e->time_ms));
        fx_json_add(events, event);
        next++;
    }
    return fx_json_object_of(call->sc, "Events", events, "NextToken",
                             more ? fx_json_stringf(call->sc, "%lld", (long long)next) : NULL,
                             NULL);
}

static const struct aws_operation operations[] = {{"LookupEvents", lookup_events}};

const struct aws_service aws_service_cloudtrail = {
    .name = "cloudtrail",
    .signing = "cloudtrail",
    .target = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101",
    .json = AWS_JSON_1_1,
    .error_prefix = "com.amazonaws.cloudtrail.v20131101",
    .operations = operations,
    .operations_count = FX_COUNT_OF(operations),
};
