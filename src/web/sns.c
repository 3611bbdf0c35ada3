/* sns.c - notifications: of our topics, in exact form, fresh, signed.
 *
 * Without the certificate at hand the signature cannot be checked here, because reception calls
 * nobody: the event is stored as unverified and the worker verifies it before anything else.
 */
#include "private.h"

#include "fluxabot/base/buf.h"
#include "fluxabot/base/digest.h"

#include <string.h>
#include <strings.h>

enum {
    UNVERIFIED_WINDOW_MS = 60 * 1000,
    UNVERIFIED_MAX = 200, /* in a window */
    UNVERIFIED_LARGE_BYTES = 64 << 10,
    UNVERIFIED_LARGE_MAX = 8,
};

static enum fx_code check_raw_delivery(struct web_request *request, struct fx_error *err) {
    const char *raw = web_header(request, "x-amz-sns-rawdelivery");

    if (raw == NULL || strcasecmp(raw, "true") != 0)
        return FX_OK;
    return fx_fail(err, FX_ERR_DENIED,
                   "raw delivery carries no signature; switch it off for this subscription");
}

/* Decided on the signed body alone; a header that says otherwise is still a lie. */
static enum fx_code check_topic(struct web_request *request, const struct fx_sns_envelope *envelope,
                                struct fx_error *err) {
    int given = web_header_count(request, "x-amz-sns-topic-arn");
    const char *topic = web_header(request, "x-amz-sns-topic-arn");

    if (given > 1 || (topic != NULL && strcmp(topic, envelope->topic_arn) != 0))
        return fx_fail(err, FX_ERR_DENIED, "header and body name different topics");
    return FX_OK;
}

static enum fx_code check_room_for_unverified(struct web_request *request, struct fx_error *err) {
    struct fx_state *state = request->web->options.state;

    if ((request->body.len > UNVERIFIED_LARGE_BYTES &&
         state->count(state, "sns-unverified-large", UNVERIFIED_WINDOW_MS) >
             UNVERIFIED_LARGE_MAX) ||
        state->count(state, "sns-unverified", UNVERIFIED_WINDOW_MS) > UNVERIFIED_MAX)
        return fx_fail(err, FX_ERR_UNAVAILABLE,
                       "too many notifications wait for their certificate");
    return FX_OK;
}

/* *ret_verified is false when the certificate is not at hand. */
static enum fx_code verify(struct web_request *request, const struct fx_sns_envelope *envelope,
                           bool *ret_verified, struct fx_error *err) {
    struct fx_web_options *options = &request->web->options;
    struct fx_sns_certificate *certificate = NULL;

    *ret_verified = false;
    FX_TRY(web_find_certificate(request, envelope->certificate_url, &certificate, err));
    if (certificate == NULL)
        return check_room_for_unverified(request, err);
    FX_TRY(fx_sns_verify_with(request->sc, envelope, options->sns_rules, certificate,
                              request->now_ms, err));
    *ret_verified = true;
    return FX_OK;
}

/* An unverified event has no key but one over all that its verification looks at: whoever makes up
 * a notification with the id or the signature of a genuine one must not make that one look known.
 *
 * Where the signature has been verified, equal signatures are equal strings, and those have one way
 * to be cut into fields: the id needs no second key over them.
 *
 * The time of sending is the same whenever SNS sends a notification again. In front of what is pure
 * chance it makes keys of the same moment neighbours, and a commit writes every page of the index
 * that it touches: without it, one for each key.
 */
static void make_keys(struct fx_scope *sc, const struct fx_sns_envelope *envelope,
                      struct fx_event *event) {
    struct fx_buf whole;

    fx_buf_init(&whole, sc, 2 * (size_t)FX_SNS_MAX_BODY_BYTES);
    fx_buf_add_text(&whole, fx_sns_string_to_sign(sc, envelope));
    fx_buf_add_text(&whole, envelope->signature);
    fx_buf_addf(&whole, "\n%d\n", envelope->version);
    fx_buf_add_text(&whole, envelope->certificate_url);
    event->keys[0] = fx_printf(sc, "sns-whole:%s:%s", envelope->timestamp,
                               fx_sha256_hex(sc, fx_buf_slice(&whole)));
    if (event->verified)
        event->keys[1] = fx_printf(sc, "sns:%s:%s:%s", envelope->topic_arn, envelope->timestamp,
                                   envelope->message_id);
}

static void store(struct web_request *request, const struct fx_sns_envelope *envelope,
                  bool verified, struct web_answer *answer) {
    struct fx_scope *sc = request->sc;
    bool is_new = false;
    struct fx_event event = {
        .id = fx_uuid_at(sc, request->web->options.random, request->now_ms),
        .kind = "sns",
        .body = request->body.ptr,
        .verified = verified,
        .received_ms = request->now_ms,
    };

    make_keys(sc, envelope, &event);
    if (web_accept(request, &event, answer, &is_new))
        *answer = (struct web_answer){MHD_HTTP_OK, NULL, is_new ? "stored\n" : "known\n"};
}

/* Only what the sender did is a 4xx: SNS does not repeat those. */
static void turn_down(struct web_request *request, struct web_answer *answer,
                      const struct fx_error *why) {
    switch (why->code) {
    case FX_ERR_INPUT:
    case FX_ERR_LIMIT:
        web_refuse(request, answer, FX_METRIC_REFUSED_GUARD, MHD_HTTP_BAD_REQUEST, why);
        return;
    case FX_ERR_DENIED:
        web_refuse(request, answer, FX_METRIC_REFUSED_SIGNATURE, MHD_HTTP_FORBIDDEN, why);
        return;
    default:
        web_refuse(request, answer, FX_METRIC_UNAVAILABLE, MHD_HTTP_SERVICE_UNAVAILABLE, why);
        answer->text = "busy, send it again\n";
    }
}

void web_sns(struct web_request *request, struct web_answer *answer) {
    struct fx_web_options *options = &request->web->options;
    struct fx_sns_envelope *envelope = NULL;
    struct fx_error err = {0};
    bool verified = false;
    enum fx_code code = check_raw_delivery(request, &err);

    if (code == FX_OK)
        code = fx_sns_parse(request->sc, request->body, options->sns_rules, &envelope, &err);
    if (code == FX_OK)
        code = check_topic(request, envelope, &err);
    if (code == FX_OK)
        code = fx_sns_check_fresh(envelope, request->now_ms, &err);
    if (code == FX_OK)
        code = verify(request, envelope, &verified, &err);
    /* last: what is not genuine hears nothing of how we are */
    if (code == FX_OK)
        code = web_check_room(request, &err);
    if (code == FX_OK)
        store(request, envelope, verified, answer);
    else
        turn_down(request, answer, &err);
}
