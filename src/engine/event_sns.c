/* event_sns.c - an SNS notification: verified if reception could not, then an alarm. */
#include "private.h"

#include "fluxabot/base/log.h"
#include "fluxabot/intake.h"

#include <string.h>

enum { CERTIFICATE_TTL_MS = 24 * 60 * 60 * 1000 };

/* The key under which reception looks for the certificate, too. */
static char *cache_key(struct fx_scope *sc, const struct fx_sns_envelope *envelope) {
    return fx_printf(sc, "sns-certificate:%s", envelope->certificate_url);
}

/* Freshness was reception's question, at the moment of receipt; validity is asked for that moment.
 */
static enum fx_code verify(struct engine_work *work, const struct fx_event *event,
                           const struct fx_sns_envelope *envelope, struct fx_error *err) {
    struct fx_engine_options *options = &work->engine->options;
    struct fx_slice pem = {0};

    FX_TRY(
        fx_intake_certificate(options->http, work->sc, envelope, options->sns_ca_file, &pem, err));
    FX_TRY(fx_sns_verify(work->sc, envelope, options->sns_rules, pem, event->received_ms, err));
    options->state->put(options->state, cache_key(work->sc, envelope), pem, CERTIFICATE_TTL_MS);
    return FX_OK;
}

static enum fx_code refuse(struct engine_work *work, const struct fx_event *event,
                           const struct fx_error *why) {
    fx_log(work->sc, FX_LOG_WARN, "sns.refused", FX_S("event", event->id), FX_E(why));
    fx_metrics_add(work->engine->options.metrics, FX_METRIC_REFUSED_SIGNATURE, 1);
    fx_writes_audit(
        work->sc, &work->writes, "fluxabot", "sns.refused", event->id,
        fx_json_object_of(work->sc, "why", fx_json_string(work->sc, why->message), NULL));
    return FX_OK;
}

static enum fx_code tell_channel(struct engine_work *work, const struct fx_engine_system *system,
                                 const struct fx_sns_envelope *envelope, const char *tone,
                                 const char *title, const char *verdict, struct fx_error *err) {
    char *key = fx_printf(work->sc, "sns:%s", envelope->message_id);

    return engine_put_card(work, key, "", system->channel,
                           fx_json_object_of(work->sc, "title", fx_json_string(work->sc, title),
                                             "tone", fx_json_string(work->sc, tone), "verdict",
                                             fx_json_string(work->sc, verdict), NULL),
                           err);
}

static enum fx_code confirm(struct engine_work *work, const struct fx_engine_system *system,
                            const struct fx_engine_topic *topic,
                            const struct fx_sns_envelope *envelope, struct fx_error *err) {
    const char *subscription = "";
    enum fx_code code =
        fx_intake_confirm(engine_aws_of_topic(work, topic), work->sc, envelope, &subscription, err);

    if (code != FX_OK && fx_code_is_transient(code))
        return code;
    if (code != FX_OK)
        return tell_channel(
            work, system, envelope, "bad", "Alarms are not connected",
            fx_printf(
                work->sc,
                "Topic %s asked to be confirmed, and AWS refused our answer: %s. No alarm of this "
                "topic will arrive; subscribe the topic again once that is mended.",
                envelope->topic_arn, err->message),
            err);
    fx_writes_audit(work->sc, &work->writes, "fluxabot", "sns.confirmed", envelope->topic_arn,
                    NULL);
    return tell_channel(
        work, system, envelope, "good", "Alarms are connected",
        fx_printf(work->sc, "Alarms of topic %s arrive here from now on.", envelope->topic_arn),
        err);
}

static enum fx_code handle_verified(struct engine_work *work,
                                    const struct fx_sns_envelope *envelope, struct fx_error *err) {
    const struct fx_engine_topic *topic = engine_topic(work->engine, envelope->topic_arn);
    const struct fx_engine_system *system =
        topic == NULL ? NULL : engine_system(work->engine, topic->system);
    struct fx_alarm *alarm = NULL;

    if (system == NULL)
        return fx_fail(err, FX_ERR_INTERNAL, "topic %s belongs to no system", envelope->topic_arn);
    switch (envelope->type) {
    case FX_SNS_SUBSCRIPTION:
        return confirm(work, system, topic, envelope, err);
    case FX_SNS_UNSUBSCRIPTION:
        return tell_channel(
            work, system, envelope, "bad", "Alarms were disconnected",
            fx_printf(work->sc,
                      "Somebody unsubscribed us from topic %s: its alarms no longer arrive. "
                      "Subscribe the topic again if that was not meant.",
                      envelope->topic_arn),
            err);
    case FX_SNS_NOTIFICATION:
        break;
    }
    FX_TRY(fx_alarm_read(work->sc, envelope->message, envelope->subject, envelope->topic_arn,
                         envelope->sent_ms, &alarm, err));
    return engine_alarm(work, system, topic->environment, alarm, NULL, err);
}

enum fx_code engine_event_sns(struct engine_work *work, const struct fx_event *event,
                              struct fx_error *err) {
    struct fx_sns_envelope *envelope = NULL;
    enum fx_code code = fx_sns_parse(work->sc, fx_slice_of(event->body),
                                     work->engine->options.sns_rules, &envelope, err);

    /* before it is verified anybody may have sent it: whatever is wrong with it is refused, and
     * only what may be over in a minute is tried again */
    if (code == FX_OK && !event->verified) {
        code = verify(work, event, envelope, err);
        if (code != FX_OK && !fx_code_is_transient(code) && code != FX_ERR_CANCELED)
            return refuse(work, event, err);
    }
    if (code == FX_ERR_DENIED || code == FX_ERR_INPUT)
        return refuse(work, event, err);
    if (code != FX_OK)
        return code;
    return handle_verified(work, envelope, err);
}
