/* certificate.c - fetches the certificate that an SNS envelope names. */
#include "fluxabot/intake.h"

/* AWS serves one leaf of about 2 KiB from a cache close by. */
enum { TIMEOUT_MS = 5000 };

static enum fx_code judge(const struct fx_http_reply *reply, struct fx_error *err) {
    if (reply->status == 200 && reply->body.len > 0)
        return FX_OK;
    if (reply->status >= 500 || reply->status == 429 || reply->status == 408)
        return fx_fail(err, FX_ERR_UNAVAILABLE,
                       "the SNS certificate cannot be fetched now (status %d)", reply->status);
    return fx_fail(err, FX_ERR_DENIED,
                   "SNS knows no such signing certificate (status %d), so nothing it signed is "
                   "believed",
                   reply->status);
}

enum fx_code fx_intake_certificate(struct fx_http *http, struct fx_scope *sc,
                                   const struct fx_sns_envelope *envelope, const char *ca_file,
                                   struct fx_slice *ret_pem, struct fx_error *err) {
    const struct fx_http_request request = {
        .method = "GET",
        .url = envelope->certificate_url,
        .reach = envelope->from_test_host ? FX_HTTP_ANY : FX_HTTP_PUBLIC,
        .max_reply_bytes = FX_SNS_MAX_CERTIFICATE_BYTES,
        .timeout_ms = TIMEOUT_MS,
        .ca_file = envelope->from_test_host ? ca_file : NULL,
    };
    struct fx_http_reply *reply;

    FX_TRY(fx_http_exchange(http, sc, &request, &reply, err));
    FX_TRY(judge(reply, err));
    *ret_pem = reply->body;
    return FX_OK;
}
