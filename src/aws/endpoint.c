/* endpoint.c - which region and which address a call goes to. */
#include "private.h"

#include <string.h>
#include <strings.h>

static const struct {
    const char *region_prefix, *suffix;
} partitions[] = {
    {"cn-", "amazonaws.com.cn"},    {"eusc-", "amazonaws.eu"},      {"us-isob-", "sc2s.sgov.gov"},
    {"us-isof-", "csp.hci.ic.gov"}, {"eu-isoe-", "cloud.adc-e.uk"}, {"us-iso-", "c2s.ic.gov"},
    {"", "amazonaws.com"},
};

/* A region becomes part of a host name, and an alarm or a person may have written it. */
static bool is_region(struct fx_slice s) {
    if (s.len == 0 || s.len > AWS_MAX_REGION || s.ptr[0] == '-')
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (!((s.ptr[i] >= 'a' && s.ptr[i] <= 'z') || (s.ptr[i] >= '0' && s.ptr[i] <= '9') ||
              s.ptr[i] == '-'))
            return false;
    return true;
}

/* The label of a host name that is a region: "sqs.eu-west-1.amazonaws.com" or the older
 * "eu-west-1.queue.amazonaws.com". Empty when there is none. */
static struct fx_slice region_of_queue_url(struct fx_slice url) {
    struct fx_slice host, first, second, rest, none = {0};

    if (!fx_slice_starts_with(url, FX_SLICE("https://")) &&
        !fx_slice_starts_with(url, FX_SLICE("http://")))
        return none;
    fx_slice_split(url, '/', &first, &rest);
    fx_slice_split(rest, '/', &first, &rest);
    fx_slice_split(rest, '/', &host, &rest);
    if (!fx_slice_split(host, '.', &first, &rest) || !fx_slice_split(rest, '.', &second, &rest))
        return none;
    if (fx_slice_equal_text(first, "sqs"))
        return second;
    return fx_slice_equal_text(second, "queue") ? first : none;
}

/* "arn:aws:sqs:eu-west-1:123456789012:name"; IAM's ARNs have no region. */
static struct fx_slice region_of_arn(struct fx_slice arn) {
    struct fx_slice part = {0}, rest = arn;

    for (int i = 0; i < 4; i++)
        if (!fx_slice_split(rest, ':', &part, &rest))
            return (struct fx_slice){0};
    return part;
}

/* Other parameters are what people write: a message body may begin with anything. */
static bool may_hold_arn(const char *key) {
    static const char *const endings[] = {"Arn", "ARN", "Identifier", "Prefix", "Name"};

    for (size_t i = 0; i < FX_COUNT_OF(endings); i++)
        if (fx_slice_ends_with(fx_slice_of(key), fx_slice_of(endings[i])))
            return true;
    return false;
}

static const char *region_of_params(struct fx_scope *sc, const struct fx_json *params) {
    struct fx_json *value = NULL;
    const char *key = NULL;
    void *cursor = NULL;

    while (params != NULL && fx_json_next(params, &cursor, &key, &value)) {
        struct fx_slice text = fx_json_text_slice(value), region = {0};
        if (strcmp(key, "QueueUrl") == 0)
            region = region_of_queue_url(text);
        else if (may_hold_arn(key) && fx_slice_starts_with(text, FX_SLICE("arn:")))
            region = region_of_arn(text);
        if (region.len > 0)
            return fx_slice_dup(sc, region);
    }
    return NULL;
}

const char *aws_region_default(struct fx_scope *sc, const struct aws_settings *settings) {
    const char *region = settings->region;
    struct aws_files files;
    struct fx_error ignored;

    if (region == NULL)
        region = aws_getenv(settings, "AWS_REGION");
    if (region == NULL)
        region = aws_getenv(settings, "AWS_DEFAULT_REGION");
    if (region == NULL && aws_files_read(sc, settings, &files, &ignored) == FX_OK)
        region = aws_files_get(sc, &files, aws_profile_name(settings), "region");
    return region;
}

static enum fx_code find_region(struct fx_scope *sc, const struct aws_settings *settings,
                                const struct fx_aws_call *call, const char **ret_region,
                                struct fx_error *err) {
    const char *region = call->region;

    if (region == NULL)
        region = region_of_params(sc, call->params);
    if (region == NULL)
        region = aws_region_default(sc, settings);
    if (region == NULL)
        return fx_fail(err, FX_ERR_INPUT, "no AWS region is known; set aws.region or AWS_REGION");
    if (!is_region(fx_slice_of(region)))
        return fx_fail(err, FX_ERR_INPUT, "the AWS region of this call is not spelt like one");
    *ret_region = region;
    return FX_OK;
}

/* NULL when the real service is meant. */
static const char *configured_url(struct fx_scope *sc, const struct aws_settings *settings,
                                  const struct aws_service *service) {
    const char *ignore = aws_getenv(settings, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
    const char *url = settings->endpoint_url;
    struct aws_files files;
    struct fx_error ignored;

    if (url != NULL)
        return url;
    if (ignore != NULL && strcasecmp(ignore, "true") == 0)
        return NULL;
    url = aws_getenv(settings, fx_printf(sc, "AWS_ENDPOINT_URL_%s", service->id));
    if (url == NULL)
        url = aws_getenv(settings, "AWS_ENDPOINT_URL");
    if (url == NULL && aws_files_read(sc, settings, &files, &ignored) == FX_OK)
        url = aws_files_endpoint(sc, &files, aws_profile_name(settings), service->id);
    return url;
}

/* Services that have one home in a whole partition, and sign for its region. */
static const struct {
    const char *service, *region_prefix, *host, *region;
} homes[] = {
    {"iam", "cn-", "iam.cn-north-1.amazonaws.com.cn", "cn-north-1"},
    {"iam", "us-gov-", "iam.us-gov.amazonaws.com", "us-gov-west-1"},
    {"iam", "", "iam.amazonaws.com", "us-east-1"},
    {"route53", "cn-", "route53.amazonaws.com.cn", "cn-northwest-1"},
    {"route53", "us-gov-", "route53.us-gov.amazonaws.com", "us-gov-west-1"},
    {"route53", "", "route53.amazonaws.com", "us-east-1"},
    {"cloudfront", "cn-", "cloudfront.cn-northwest-1.amazonaws.com.cn", "cn-northwest-1"},
    {"cloudfront", "", "cloudfront.amazonaws.com", "us-east-1"},
    {"health", "cn-", "health.cn-northwest-1.amazonaws.com.cn", "cn-northwest-1"},
    {"health", "us-gov-", "health.us-gov-west-1.amazonaws.com", "us-gov-west-1"},
    {"health", "", "health.us-east-1.amazonaws.com", "us-east-1"},
    {"ce", "cn-", "ce.cn-northwest-1.amazonaws.com.cn", "cn-northwest-1"},
    {"ce", "us-gov-", "ce.us-gov-west-1.amazonaws.com", "us-gov-west-1"},
    {"ce", "", "ce.us-east-1.amazonaws.com", "us-east-1"},
    {"support", "cn-", "support.cn-north-1.amazonaws.com.cn", "cn-north-1"},
    {"support", "us-gov-", "support.us-gov-west-1.amazonaws.com", "us-gov-west-1"},
    {"support", "", "support.us-east-1.amazonaws.com", "us-east-1"},
};

/* Partitions of which no homes are known get the usual name. */
static bool has_usual_names(const char *region) {
    return fx_slice_starts_with(fx_slice_of(region), FX_SLICE("us-iso")) ||
           fx_slice_starts_with(fx_slice_of(region), FX_SLICE("eu-iso")) ||
           fx_slice_starts_with(fx_slice_of(region), FX_SLICE("eusc-"));
}

/* The service's own address; the region changes to the one that it signs for. */
static const char *real_url(struct fx_scope *sc, const struct aws_service *service,
                            const char **region) {
    struct fx_slice name = fx_slice_of(*region);

    for (size_t i = 0; i < FX_COUNT_OF(homes) && !has_usual_names(*region); i++)
        if (strcmp(homes[i].service, service->name) == 0 &&
            fx_slice_starts_with(name, fx_slice_of(homes[i].region_prefix))) {
            *region = homes[i].region;
            return fx_printf(sc, "https://%s", homes[i].host);
        }
    for (size_t i = 0; i < FX_COUNT_OF(partitions); i++)
        if (fx_slice_starts_with(name, fx_slice_of(partitions[i].region_prefix)))
            return fx_printf(sc, "https://%s.%s.%s", service->host, *region, partitions[i].suffix);
    return NULL;
}

/* The Host header leaves out a scheme's own port. */
static const char *host_header(struct fx_scope *sc, struct fx_slice host, bool https) {
    struct fx_slice own_port = https ? FX_SLICE(":443") : FX_SLICE(":80");

    if (fx_slice_ends_with(host, own_port))
        host.len -= own_port.len;
    return fx_slice_dup(sc, host);
}

enum fx_code aws_endpoint_find(struct fx_scope *sc, const struct aws_settings *settings,
                               const struct aws_service *service, const struct fx_aws_call *call,
                               struct aws_endpoint *ret_endpoint, struct fx_error *err) {
    struct fx_slice base, host, path, scheme;

    FX_TRY(find_region(sc, settings, call, &ret_endpoint->region, err));
    /* At a moved address a service with one home still signs for it. */
    const char *real = real_url(sc, service, &ret_endpoint->region);
    const char *url = configured_url(sc, settings, service);
    base = fx_slice_of(url != NULL ? url : real);
    while (fx_slice_ends_with(base, FX_SLICE("/")))
        base.len--;
    scheme = fx_slice_cut(base, 0, fx_slice_find(base, 0, ':'));
    bool https = fx_slice_equal_text(scheme, "https");
    if (!https && !fx_slice_equal_text(scheme, "http"))
        return fx_fail(err, FX_ERR_INPUT,
                       "the endpoint URL of %s must begin with https:// or http://", service->name);
    host = fx_slice_cut(base, scheme.len + 3, base.len);
    size_t slash = fx_slice_find(host, 0, '/');
    path = fx_slice_cut(host, slash, host.len);
    host.len = slash;
    ret_endpoint->host = host_header(sc, host, https);
    ret_endpoint->path = fx_slice_dup(sc, path);
    ret_endpoint->url = fx_slice_dup(sc, base);
    return FX_OK;
}
