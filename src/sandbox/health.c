/* health.c - AWS Health's open events, for accounts whose support plan has them. */
#include "documents.h"

#include <string.h>

enum { HEALTH_MAX_RESULTS = 100 };

/* Most accounts have no such plan. */
struct fx_json *health_document(struct sandbox_aws *aws) {
    return fx_json_object_of(aws->world, "subscribed", fx_json_bool(aws->world, false), "events",
                             fx_json_array(aws->world), NULL);
}

static bool fits(const struct fx_json *event, const char *member, const struct fx_json *wanted) {
    const char *text = fx_json_get_text(event, member);

    return fx_json_count(wanted) == 0 || (text != NULL && aws_list_has(wanted, text));
}

static struct fx_json *describe_events(struct aws_call *call) {
    const struct fx_json *document = documents_of(call->aws, "health");
    const struct fx_json *all = fx_json_at(document, "events"),
                         *filter = fx_json_at(call->input, "filter");
    int64_t most = aws_input_int(call->input, "maxResults", HEALTH_MAX_RESULTS), from = 0;
    const char *token = fx_json_get_text(call->input, "nextToken");
    struct fx_json *found = fx_json_array(call->sc), *page = fx_json_array(call->sc);

    if (!fx_json_get_bool(document, "subscribed", false))
        return aws_fail(call, 400, "SubscriptionRequiredException", NULL,
                        "You do not have the required AWS Support plan to use the AWS Health API");
    if (token != NULL && (!fx_slice_to_int(fx_slice_of(token), &from) || from < 0))
        return aws_fail(call, 400, "InvalidPaginationToken", NULL, "The token is not valid");
    for (size_t i = 0; i < fx_json_count(all); i++) {
        const struct fx_json *event = fx_json_item(all, i);

        if (fits(event, "service", fx_json_at(filter, "services")) &&
            fits(event, "region", fx_json_at(filter, "regions")) &&
            fits(event, "eventTypeCategory", fx_json_at(filter, "eventTypeCategories")) &&
            fits(event, "statusCode", fx_json_at(filter, "eventStatusCodes")))
            fx_json_add(found, fx_json_copy(call->sc, event));
    }
    int64_t count = (int64_t)fx_json_count(found);
    for (int64_t i = from; i < count && i < from + most; i++)
        fx_json_add(page, fx_json_item(found, (size_t)i));
    return fx_json_object_of(
        call->sc, "events", page, "nextToken",
        from + most < count ? fx_json_stringf(call->sc, "%lld", (long long)(from + most)) : NULL,
        NULL);
}

static const struct aws_operation operations[] = {
    {"DescribeEvents", describe_events},
};

const struct aws_service aws_service_health = {
    .name = "health",
    .signing = "health",
    .target = "AWSHealth_20160804",
    .json = AWS_JSON_1_1,
    .error_prefix = "com.amazonaws.health.v20160804",
    .operations = operations,
    .operations_count = FX_COUNT_OF(operations),
};
