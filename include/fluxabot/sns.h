/* sns.h - reads and verifies SNS envelopes against a given certificate. No I/O.
 *
 * A genuine signature only says "some AWS account's SNS sent this": the list of topics is part of
 * authentication. The string to sign is not length-delimited, so every signed field has an exact
 * form before the signature is looked at. Facts: Amazon SNS Developer Guide, "Verifying the
 * signatures of Amazon SNS messages"; partitions as in AWS's SDKs of August 2026.
 */
#pragma once

#include "fluxabot/base/json.h"

enum {
    FX_SNS_MAX_BODY_BYTES = 2 << 20,    /* 256 KiB of payload, escaped */
    FX_SNS_MAX_AGE_MS = 75 * 60 * 1000, /* the longest delivery policy and some skew */
    FX_SNS_MAX_AHEAD_MS = 5 * 60 * 1000,
    FX_SNS_MAX_CERTIFICATE_BYTES = 64 << 10,
};

enum fx_sns_type { FX_SNS_NOTIFICATION, FX_SNS_SUBSCRIPTION, FX_SNS_UNSUBSCRIPTION };

struct fx_sns_envelope {
    enum fx_sns_type type;
    const char *message_id, *topic_arn, *subject; /* subject NULL when absent */
    const char *message, *timestamp;
    const char *token, *subscribe_url; /* subscription and unsubscription */
    int version;                       /* SignatureVersion: 1 or 2 */
    const char *signature;             /* as received, Base64 */
    const char *certificate_url;
    bool from_test_host; /* the certificate comes from one of rules->test_hosts */
    const char *region;
    int64_t sent_ms;
};

struct fx_sns_rules {
    const char *const *topics; /* exact ARNs that are accepted */
    size_t topics_count;
    /* Hosts, besides AWS's, from which a certificate may come, with any port: for a sandbox on this
     * machine. Empty in production. */
    const char *const *test_hosts;
    size_t test_hosts_count;
};

/* FX_ERR_INPUT: not an envelope, or a field without its exact form. FX_ERR_DENIED: foreign topic or
 * certificate address. FX_ERR_LIMIT: more than FX_SNS_MAX_BODY_BYTES, or more values than an
 * envelope could hold, which would fill the memory once they are parsed. Members that are not
 * signed are not read, so subject is NULL but in notifications, token and subscribe_url but in
 * confirmations. */
enum fx_code fx_sns_parse(struct fx_scope *sc, struct fx_slice body,
                          const struct fx_sns_rules *rules, struct fx_sns_envelope **ret_envelope,
                          struct fx_error *err);
/* FX_ERR_DENIED outside the window. */
enum fx_code fx_sns_check_fresh(const struct fx_sns_envelope *envelope, int64_t now_ms,
                                struct fx_error *err);
/* The bytes that were signed. */
char *fx_sns_string_to_sign(struct fx_scope *sc, const struct fx_sns_envelope *envelope);
/* pem: what the certificate address answered. The certificate must name the region's SNS (unless it
 * came from a test host), be valid at now_ms, and its RSA key must have made the signature.
 * FX_ERR_DENIED names the reason. */
enum fx_code fx_sns_verify(struct fx_scope *sc, const struct fx_sns_envelope *envelope,
                           const struct fx_sns_rules *rules, struct fx_slice pem, int64_t now_ms,
                           struct fx_error *err);

/* A certificate that is read once for many envelopes, which spares most of what verifying costs.
 * Any thread may use it. */
struct fx_sns_certificate;
/* FX_ERR_DENIED when pem is no certificate, or too large to be one. */
enum fx_code fx_sns_certificate_open(struct fx_slice pem,
                                     struct fx_sns_certificate **ret_certificate,
                                     struct fx_error *err);
void fx_sns_certificate_close(struct fx_sns_certificate *certificate); /* accepts NULL */
/* As fx_sns_verify: validity, name and key are looked at each time. */
enum fx_code fx_sns_verify_with(struct fx_scope *sc, const struct fx_sns_envelope *envelope,
                                const struct fx_sns_rules *rules,
                                struct fx_sns_certificate *certificate, int64_t now_ms,
                                struct fx_error *err);
