/* skew.c - learns from every answer how far this machine's clock is off. */
#include "private.h"

#include <string.h>

/* AWS accepts signatures within 15 minutes; its SDKs suspect the clock from 4 minutes on. */
enum { SKEW_MAX_ROUND_TRIP_MS = 15 * 60 * 1000, SKEW_SUSPECT_MS = 4 * 60 * 1000 };

void aws_skew_learn(struct aws_skew *skew, const struct fx_http_reply *reply,
                    int64_t started_wall_ms, int64_t round_trip_ms) {
    /* With an Age the Date is that of a cache. */
    if (reply->date_wall_ms == 0 || fx_http_reply_header(reply, "age") != NULL ||
        round_trip_ms < 0 || round_trip_ms > SKEW_MAX_ROUND_TRIP_MS)
        return;
    skew->ms = reply->date_wall_ms - (started_wall_ms + round_trip_ms / 2);
}

bool aws_skew_explains(const struct aws_skew *skew, const char *code) {
    static const char *const codes[] = {
        "InvalidSignatureException", "SignatureDoesNotMatch", "AuthFailure",
        "RequestTimeTooSkewed",      "AccessDeniedException", "RequestExpired",
        "RequestInTheFuture"};
    int64_t ms = skew->ms;

    if (ms <= SKEW_SUSPECT_MS && ms >= -SKEW_SUSPECT_MS)
        return false;
    for (size_t i = 0; i < FX_COUNT_OF(codes); i++)
        if (strcmp(code, codes[i]) == 0)
            return true;
    return false;
}
