/* fuzz_sns.c - can an envelope or a certificate hurt the reader, or pass with a field cut anew? */
#include "fluxabot/sns.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const topics[] = {"arn:aws:sns:us-east-1:123456789012:fluxa-alarms"};
static const char *const test_hosts[] = {"localhost"};
static const struct fx_sns_rules rules = {
    .topics = topics, .topics_count = 1, .test_hosts = test_hosts, .test_hosts_count = 1};

static void must_be_one_line(const char *text) {
    if (text && strpbrk(text, "\r\n"))
        abort();
}

/* SNS's flat objects have a reader of their own. A member that is no string keeps it away: then the
 * reader of all JSON must see the same. */
static void must_agree(struct fx_scope *sc, struct fx_slice body,
                       const struct fx_sns_envelope *envelope) {
    size_t end = body.len;
    struct fx_sns_envelope *any = NULL;
    struct fx_error err = {0};

    while (body.ptr[end - 1] != '}')
        end--;
    const char *longer = fx_printf(sc, "%.*s,\"FutureMember\":null}", (int)(end - 1), body.ptr);

    if (memmem(body.ptr, body.len, "FutureMember", 12))
        return;
    if (fx_sns_parse(sc, fx_slice_of(longer), &rules, &any, &err) != FX_OK ||
        strcmp(fx_sns_string_to_sign(sc, envelope), fx_sns_string_to_sign(sc, any)) != 0 ||
        strcmp(envelope->signature, any->signature) != 0 ||
        strcmp(envelope->certificate_url, any->certificate_url) != 0)
        abort();
}

/* What follows the first blank line is taken for the certificate. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fx_slice all = {(const char *)data, size}, body = all, pem = {"", 0};
    const char *border = size > 1 ? memmem(data, size, "\n\n", 2) : NULL;
    struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_sns_envelope *envelope;
    struct fx_error err = {0};

    if (border) {
        body = fx_slice_cut(all, 0, (size_t)(border - all.ptr));
        pem = fx_slice_cut(all, body.len + 2, size);
    }
    if (fx_sns_parse(sc, body, &rules, &envelope, &err) == FX_OK) {
        const char *const lines[] = {envelope->message_id,     envelope->topic_arn,
                                     envelope->subject,        envelope->timestamp,
                                     envelope->token,          envelope->subscribe_url,
                                     envelope->certificate_url};

        for (size_t i = 0; i < FX_COUNT_OF(lines); i++)
            must_be_one_line(lines[i]);
        must_agree(sc, body, envelope);
        if (fx_sns_check_fresh(envelope, INT64_C(1795252504123), &err) == FX_OK &&
            fx_sns_verify(sc, envelope, &rules, pem, INT64_C(1830000000000), &err) == FX_OK &&
            pem.len == 0)
            abort();
    }
    fx_scope_free(sc);
    return 0;
}
