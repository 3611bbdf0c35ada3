/* sns.c - notifications: of our topics, in exact form, fresh, signed.
 *
 * Without the certificate at hand the signature cannot be checked here, because reception calls
 * nobody: the event is stored as unverified and the worker verifies it before anything else.
 */
#include "private.h"

#include "fluxabot/base/digest.h"

#include <string.h>
#include <strings.h>

enum { UNVERIFIED_WINDOW_MS = 60 * 1000, UNVERIFIED_MAX = 200 };

static void refuse(struct web_request *request, struct web_answer *answer,
                   const struct fx_error *why) {
    bool malformed = why->code == FX_ERR_INPUT || why->code == FX_ERR_LIMIT;

    fx_metrics_add(request->web->options.metrics,
                   malformed ? FX_METRIC_REFUSED_GUARD : FX_METRIC_REFUSED_SIGNATURE, 1);
    fx_log(request->sc, FX_LOG_WARN, "request.refused", FX_S("path", request->route->path),
           FX_E(why));
    *answer = (struct web_answer){malformed ? MHD_HTTP_BAD_REQUEST : MHD_HTTP_FORBIDDEN, NULL,
                                  "refused\n"};
}

static enum fx_code check_headers(struct web_request *request,
                                  const struct fx_sns_envelope *envelope, struct fx_error *err) {
    const char *raw = web_header(request, "x-amz-sns-rawdelivery");
    const char *topic = web_header(request, "x-amz-sns-topic-arn");

    /* decided on the signed body alone; a header that says otherwise is still a lie */
    if (topic != NULL && strcmp(topic, envelope->topic_arn) != 0)
        return fx_fail(err, FX_ERR_DENIED, "header and body name different topics");
    if (raw != NULL && strcasecmp(raw, "true") == 0)
        return fx_fail(err, FX_ERR_DENIED, "raw delivery carries no signature; switch it off");
    return FX_OK;
}

/* *ret_verified is false when the certificate is not at hand. */
static enum fx_code verify(struct web_request *request, const struct fx_sns_envelope *envelope,
                           bool *ret_verified, struct fx_error *err) {
    struct fx_web_options *options = &request->web->options;
    const char *key = fx_printf(request->sc, "sns-certificate:%s", envelope->certificate_url);
    const char *pem = options->state->get(options->state, request->sc, key);

    *ret_verified = false;
    if (pem == NULL) {
        if (options->state->count(options->state, "sns-unverified", UNVERIFIED_WINDOW_MS) >
            UNVERIFIED_MAX)
            return fx_fail(err, FX_ERR_UNAVAILABLE,
                           "too many notifications wait for their certificate");
        return FX_OK;
    }
    FX_TRY(fx_sns_verify(request->sc, envelope, options->sns_rules, fx_slice_of(pem),
                         request->now_ms, err));
    *ret_verified = true;
    return FX_OK;
}

static void store(struct web_request *request, const struct fx_sns_envelope *envelope,
                  bool verified, struct web_answer *answer) {
    struct fx_scope *sc = request->sc;
    bool is_new = false;
    struct fx_event event = {
        .id = fx_uuid_new(sc, request->web->options.random),
        .kind = "sns",
        .body = fx_slice_dup(sc, request->body),
        .verified = verified,
        .received_ms = request->now_ms,
        .keys = {fx_printf(sc, "sns:%s:%s", envelope->topic_arn, envelope->message_id),
                 fx_printf(sc, "sns-signature:%s",
                           fx_sha256_hex(sc, fx_slice_of(envelope->signature)))}};

    if (web_accept(request, &event, answer, &is_new))
        *answer = (struct web_answer){MHD_HTTP_OK, NULL, is_new ? "stored\n" : "known\n"};
}

void web_sns(struct web_request *request, struct web_answer *answer) {
    struct fx_web_options *options = &request->web->options;
    struct fx_sns_envelope *envelope = NULL;
    struct fx_error err = {0};
    bool verified = false;
    enum fx_code code =
        fx_sns_parse(request->sc, request->body, options->sns_rules, &envelope, &err);

    if (code == FX_OK)
        code = check_headers(request, envelope, &err);
    if (code == FX_OK)
        code = fx_sns_check_fresh(envelope, request->now_ms, &err);
    if (code == FX_OK)
        code = verify(request, envelope, &verified, &err);
    if (code == FX_ERR_UNAVAILABLE) {
        fx_metrics_add(options->metrics, FX_METRIC_UNAVAILABLE, 1);
        *answer = (struct web_answer){MHD_HTTP_SERVICE_UNAVAILABLE, NULL, "busy, send it again\n"};
        return;
    }
    if (code != FX_OK) {
        refuse(request, answer, &err);
        return;
    }
    store(request, envelope, verified, answer);
}
