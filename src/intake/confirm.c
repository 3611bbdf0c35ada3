/* confirm.c - confirms an SNS subscription by a signed call. */
#include "fluxabot/intake.h"

#include <string.h>

/* AuthenticateOnUnsubscribe makes the call need a signature, and later lets only the owners of
 * topic and subscription unsubscribe: the link in each message then does nothing. SNS wants it as a
 * string. */
enum fx_code fx_intake_confirm(struct fx_aws *aws, struct fx_scope *sc,
                               const struct fx_sns_envelope *envelope,
                               const char **ret_subscription_arn, struct fx_error *err) {
    if (envelope->type != FX_SNS_SUBSCRIPTION)
        return fx_fail(err, FX_ERR_INPUT, "only a subscription can be confirmed");

    const struct fx_aws_call call = {
        .service = "sns",
        .operation = "ConfirmSubscription",
        .params = fx_json_object_of(sc, "TopicArn", fx_json_string(sc, envelope->topic_arn),
                                    "Token", fx_json_string(sc, envelope->token),
                                    "AuthenticateOnUnsubscribe", fx_json_string(sc, "true"), NULL),
        .region = envelope->region,
    };
    struct fx_json *answer;

    FX_TRY(fx_aws_call(aws, sc, &call, &answer, err));
    const char *arn = fx_json_get_text(answer, "SubscriptionArn");
    size_t len = strlen(envelope->topic_arn);
    if (!arn || strncmp(arn, envelope->topic_arn, len) != 0 || arn[len] != ':')
        return fx_fail(err, FX_ERR_UPSTREAM,
                       "SNS did not answer with a subscription of %s; look at the topic's "
                       "subscriptions in the console",
                       envelope->topic_arn);
    *ret_subscription_arn = arn;
    return FX_OK;
}
