/* certificate.c - where a topic's signing certificate comes from, and the name it carries. */
#include "private.h"

#include <string.h>

/* Region patterns and suffixes as in AWS's partition table. A region is its prefix, a word, a dash
 * and digits; "us-gov-west-1" is therefore not of the partition "aws". */
struct region_form {
    const char *partition, *prefix, *suffix;
    const char *name; /* of the certificate, unless the region has one of its own */
};
static const struct region_form region_forms[] = {
    {"aws", "us-", "amazonaws.com", "sns.amazonaws.com"},
    {"aws", "eu-", "amazonaws.com", "sns.amazonaws.com"},
    {"aws", "ap-", "amazonaws.com", "sns.amazonaws.com"},
    {"aws", "sa-", "amazonaws.com", "sns.amazonaws.com"},
    {"aws", "ca-", "amazonaws.com", "sns.amazonaws.com"},
    {"aws", "me-", "amazonaws.com", "sns.amazonaws.com"},
    {"aws", "af-", "amazonaws.com", "sns.amazonaws.com"},
    {"aws", "il-", "amazonaws.com", "sns.amazonaws.com"},
    {"aws", "mx-", "amazonaws.com", "sns.amazonaws.com"},
    {"aws-cn", "cn-", "amazonaws.com.cn", "sns.amazonaws.com.cn"},
    {"aws-us-gov", "us-gov-", "amazonaws.com", "sns.amazonaws.com"},
    {"aws-iso", "us-iso-", "c2s.ic.gov", "sns.c2s.ic.gov"},
    {"aws-iso-b", "us-isob-", "sc2s.sgov.gov", "sns.sc2s.sgov.gov"},
    {"aws-iso-e", "eu-isoe-", "cloud.adc-e.uk", "sns.cloud.adc-e.uk"},
    {"aws-iso-f", "us-isof-", "csp.hci.ic.gov", "sns.csp.hci.ic.gov"},
    {"aws-eusc", "eusc-de-", "amazonaws.eu", "sns.amazonaws.eu"},
};

/* Regions whose certificate is not simply named sns.<suffix> (AWS SDK for Java 2, 2026). Both
 * GovCloud regions sign under the western name. */
struct certificate_name {
    const char *region, *name;
};
static const struct certificate_name certificate_names[] = {
    {"ap-east-1", "sns-signing.ap-east-1.amazonaws.com"},
    {"ap-east-2", "sns-signing.ap-east-2.amazonaws.com"},
    {"ap-south-2", "sns-signing.ap-south-2.amazonaws.com"},
    {"ap-southeast-3", "sns-signing.ap-southeast-3.amazonaws.com"},
    {"ap-southeast-4", "sns-signing.ap-southeast-4.amazonaws.com"},
    {"ap-southeast-5", "sns-signing.ap-southeast-5.amazonaws.com"},
    {"ap-southeast-6", "sns-signing.ap-southeast-6.amazonaws.com"},
    {"ap-southeast-7", "sns-signing.ap-southeast-7.amazonaws.com"},
    {"me-south-1", "sns-signing.me-south-1.amazonaws.com"},
    {"me-central-1", "sns-signing.me-central-1.amazonaws.com"},
    {"eu-south-1", "sns-signing.eu-south-1.amazonaws.com"},
    {"eu-south-2", "sns-signing.eu-south-2.amazonaws.com"},
    {"eu-central-2", "sns-signing.eu-central-2.amazonaws.com"},
    {"af-south-1", "sns-signing.af-south-1.amazonaws.com"},
    {"il-central-1", "sns-signing.il-central-1.amazonaws.com"},
    {"ca-west-1", "sns-signing.ca-west-1.amazonaws.com"},
    {"mx-central-1", "sns-signing.mx-central-1.amazonaws.com"},
    {"cn-north-1", "sns-cn-north-1.amazonaws.com.cn"},
    {"cn-northwest-1", "sns-cn-northwest-1.amazonaws.com.cn"},
    {"us-gov-west-1", "sns-us-gov-west-1.amazonaws.com"},
    {"us-gov-east-1", "sns-us-gov-west-1.amazonaws.com"},
    {"us-iso-east-1", "sns-us-iso-east-1.c2s.ic.gov"},
    {"us-isob-east-1", "sns-us-isob-east-1.sc2s.sgov.gov"},
    {"eu-isoe-west-1", "sns-signing.eu-isoe-west-1.cloud.adc-e.uk"},
    {"us-isof-east-1", "sns-signing.us-isof-east-1.csp.hci.ic.gov"},
    {"us-isof-south-1", "sns-signing.us-isof-south-1.csp.hci.ic.gov"},
    {"eusc-de-east-1", "sns-signing.eusc-de-east-1.amazonaws.eu"},
};

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_lower_hex(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'f');
}

/* "word-1" or "word-12", after the prefix was taken off. */
static bool is_region_rest(struct fx_slice rest) {
    struct fx_slice word, number;

    if (!fx_slice_split(rest, '-', &word, &number))
        return false;
    if (word.len == 0 || number.len == 0 || number.len > 2)
        return false;
    for (size_t i = 0; i < word.len; i++)
        if (!is_digit(word.ptr[i]) && !(word.ptr[i] >= 'a' && word.ptr[i] <= 'z'))
            return false;
    for (size_t i = 0; i < number.len; i++)
        if (!is_digit(number.ptr[i]))
            return false;
    return true;
}

static const struct region_form *form_of(struct fx_slice partition, struct fx_slice region) {
    for (size_t i = 0; i < FX_COUNT_OF(region_forms); i++) {
        const struct region_form *form = &region_forms[i];
        size_t prefix_len = strlen(form->prefix);

        if (!fx_slice_equal_text(partition, form->partition))
            continue;
        if (fx_slice_starts_with(region, fx_slice_of(form->prefix)) &&
            is_region_rest(fx_slice_cut(region, prefix_len, region.len - prefix_len)))
            return form;
    }
    return NULL;
}

enum fx_code sns_place_of(const char *topic_arn, struct sns_place *ret_place,
                          struct fx_error *err) {
    struct fx_slice rest = fx_slice_of(topic_arn), part[5];

    for (size_t i = 0; i < FX_COUNT_OF(part); i++)
        if (!fx_slice_split(rest, ':', &part[i], &rest))
            return fx_fail(err, FX_ERR_DENIED, "the topic is not an ARN");
    if (!fx_slice_equal_text(part[0], "arn") || !fx_slice_equal_text(part[2], "sns") ||
        part[4].len == 0 || rest.len == 0)
        return fx_fail(err, FX_ERR_DENIED, "the topic is not the ARN of an SNS topic");

    const struct region_form *form = form_of(part[1], part[3]);
    if (!form || part[3].len >= SNS_MAX_REGION)
        return fx_fail(err, FX_ERR_DENIED, "the topic's region does not belong to its partition");
    ret_place->suffix = form->suffix;
    ret_place->name = form->name;
    memcpy(ret_place->region, part[3].ptr, part[3].len);
    ret_place->region[part[3].len] = '\0';
    return FX_OK;
}

/* Takes text off the front of *s. */
static bool take(struct fx_slice *s, const char *text) {
    struct fx_slice wanted = fx_slice_of(text);

    if (!fx_slice_starts_with(*s, wanted))
        return false;
    *s = fx_slice_cut(*s, wanted.len, s->len - wanted.len);
    return true;
}

/* The whole rest of the address: the path AWS has used since 2010, and nothing behind it. */
static bool is_certificate_path(struct fx_slice path) {
    if (!take(&path, "/SimpleNotificationService-") || path.len != 32 + sizeof(".pem") - 1)
        return false;
    for (size_t i = 0; i < 32; i++)
        if (!is_lower_hex(path.ptr[i]))
            return false;
    return fx_slice_equal_text(fx_slice_cut(path, 32, path.len - 32), ".pem");
}

static void take_port(struct fx_slice *s) {
    size_t digits = 0;

    if (s->len == 0 || s->ptr[0] != ':')
        return;
    while (digits < 5 && 1 + digits < s->len && is_digit(s->ptr[1 + digits]))
        digits++;
    if (digits > 0)
        *s = fx_slice_cut(*s, 1 + digits, s->len - 1 - digits);
}

static bool is_on_test_host(struct fx_slice after_scheme, const struct fx_sns_rules *rules) {
    for (size_t i = 0; i < rules->test_hosts_count; i++) {
        struct fx_slice rest = after_scheme;

        if (rules->test_hosts[i][0] == '\0' || !take(&rest, rules->test_hosts[i]))
            continue;
        take_port(&rest);
        if (is_certificate_path(rest))
            return true;
    }
    return false;
}

/* The address is compared with what it must be and never taken apart, so no two readers of URLs can
 * disagree about it. */
enum fx_code sns_check_certificate_url(const char *url, const struct sns_place *place,
                                       const struct fx_sns_rules *rules, bool *ret_test_host,
                                       struct fx_error *err) {
    struct fx_slice rest = fx_slice_of(url);

    if (!take(&rest, "https://"))
        return fx_fail(err, FX_ERR_DENIED, "the certificate's address is not https");
    if (is_on_test_host(rest, rules)) {
        *ret_test_host = true;
        return FX_OK;
    }
    if (!take(&rest, "sns.") || !take(&rest, place->region) || !take(&rest, ".") ||
        !take(&rest, place->suffix) || !is_certificate_path(rest))
        return fx_fail(err, FX_ERR_DENIED,
                       "the certificate's address is not that of SNS in %s, the topic's region",
                       place->region);
    *ret_test_host = false;
    return FX_OK;
}

const char *sns_certificate_name(const struct sns_place *place) {
    for (size_t i = 0; i < FX_COUNT_OF(certificate_names); i++)
        if (strcmp(certificate_names[i].region, place->region) == 0)
            return certificate_names[i].name;
    return place->name;
}
