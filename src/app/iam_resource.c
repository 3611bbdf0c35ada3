/* iam_resource.c - the ARN behind a name: of a queue, a function, a log group, a bucket. */
#include "iam.h"

#include "fluxabot/aws.h"

#include <string.h>

/* Where queues are is where the rest is; arn:partition:service:region:account:name. */
void iam_read_place(struct iam_asked *a) {
    struct fx_json *queue = NULL;
    void *cursor = NULL;
    const char *key = NULL;

    a->partition = "aws";
    a->region = a->account = IAM_EVERYTHING;
    while (fx_json_next(fx_json_at(a->filled, "queues"), &cursor, &key, &queue)) {
        struct fx_slice rest = fx_json_text_slice(fx_json_at(queue, "arn")), part[5];
        bool whole = true;

        for (size_t i = 0; i < FX_COUNT_OF(part) && whole; i++)
            whole = fx_slice_split(rest, ':', &part[i], &rest);
        if (!whole)
            continue;
        a->partition = fx_slice_dup(a->sc, part[1]);
        a->region = fx_slice_dup(a->sc, part[3]);
        a->account = fx_slice_dup(a->sc, part[4]);
        return;
    }
}

const char *iam_arn(const struct iam_asked *a, const char *service, const char *kind,
                    const char *name) {
    return fx_printf(a->sc, "arn:%s:%s:%s:%s:%s%s", a->partition, service, a->region, a->account,
                     kind, name);
}

const char *iam_log_group(const struct iam_asked *a, const char *name) {
    return fx_printf(a->sc, "%s:*", iam_arn(a, "logs", "log-group:", name));
}

const char *iam_queue(const struct iam_asked *a, const char *name) {
    const char *found = fx_json_get_text(fx_json_at(fx_json_at(a->filled, "queues"), name), "arn");

    return found != NULL ? found : IAM_EVERYTHING;
}

static const char *arn_of_queue_url(const struct iam_asked *a, const char *url) {
    struct fx_json *queue = NULL;
    void *cursor = NULL;
    const char *key = NULL, *found;

    while (fx_json_next(fx_json_at(a->filled, "queues"), &cursor, &key, &queue))
        if ((found = fx_json_get_text(queue, "url")) != NULL && strcmp(found, url) == 0)
            return iam_queue(a, key);
    return IAM_EVERYTHING;
}

/* An ARN of another service is not what the call is made on: the queue of
 * lambda:ListEventSourceMappings, which only everything allows. */
static bool is_of_service(const struct iam_asked *a, const char *operation, const char *value) {
    struct fx_slice service, name, prefix, rest = fx_slice_of(value), part = {0};

    fx_slice_split(fx_slice_of(operation), ':', &service, &name);
    fx_slice_split(fx_slice_of(fx_aws_iam_action(a->sc, fx_slice_dup(a->sc, service),
                                                 fx_slice_dup(a->sc, name))),
                   ':', &prefix, &name);
    for (int i = 0; i < 3; i++)
        fx_slice_split(rest, ':', &part, &rest);
    return fx_slice_equal(part, prefix);
}

const char *iam_function(const struct iam_asked *a, const char *name) {
    return name != NULL ? iam_arn(a, "lambda", "function:", name) : IAM_EVERYTHING;
}

const char *iam_bucket(const struct iam_asked *a, const char *bucket) {
    return fx_printf(a->sc, "arn:%s:s3:::%s", a->partition, bucket);
}

const char *iam_objects(const struct iam_asked *a, const char *bucket) {
    return bucket != NULL ? fx_printf(a->sc, "arn:%s:s3:::%s/*", a->partition, bucket)
                          : IAM_EVERYTHING;
}

/* Parameters of AWS that name what a call is made on. */
const char *iam_of_parameter(const struct iam_asked *a, const char *operation, const char *name,
                             const char *value) {
    static const struct {
        const char *name, *service, *kind;
    } named[] = {
        {"FunctionName", "lambda", "function:"},
        {"DBInstanceIdentifier", "rds", "db:"},
        {"DBParameterGroupName", "rds", "pg:"},
    };

    if (strncmp(value, "arn:", 4) == 0)
        return is_of_service(a, operation, value) ? value : NULL;
    if (strcmp(name, "QueueUrl") == 0)
        return arn_of_queue_url(a, value);
    if (strcmp(name, "logGroupName") == 0)
        return iam_log_group(a, value);
    if (strcmp(name, "Bucket") == 0)
        return iam_bucket(a, value);
    for (size_t i = 0; i < FX_COUNT_OF(named); i++)
        if (strcmp(named[i].name, name) == 0)
            return iam_arn(a, named[i].service, named[i].kind, value);
    return NULL;
}
