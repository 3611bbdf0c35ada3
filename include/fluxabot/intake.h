/* intake.h - what reception may not do itself: fetch certificates, confirm subscriptions.
 */
#pragma once

#include "fluxabot/aws.h"
#include "fluxabot/http.h"
#include "fluxabot/sns.h"

/* The PEM behind envelope->certificate_url, whose form fx_sns_parse has checked. ca_file is trusted
 * for test hosts; NULL otherwise. UNAVAILABLE and TIMEOUT may be tried again. */
enum fx_code fx_intake_certificate(struct fx_http *http, struct fx_scope *sc,
                                   const struct fx_sns_envelope *envelope, const char *ca_file,
                                   struct fx_slice *ret_pem, struct fx_error *err);
/* Signed ConfirmSubscription with AuthenticateOnUnsubscribe, built from topic and token; the
 * message's own address is never visited. */
enum fx_code fx_intake_confirm(struct fx_aws *aws, struct fx_scope *sc,
                               const struct fx_sns_envelope *envelope,
                               const char **ret_subscription_arn, struct fx_error *err);
