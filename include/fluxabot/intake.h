/* intake.h - what reception may not do itself: fetch certificates, confirm subscriptions, ask for
 * alarms whose notification did not arrive and for the metric behind one.
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

/* ---- the metric of an alarm ---- */

struct fx_intake_metric {
    const char *region;            /* "": the default one */
    const struct fx_json *queries; /* see fx_alarm; of those that return data the last counts */
    int64_t from_ms, period_ms;    /* from is a multiple of period, a whole number of minutes */
    size_t count;                  /* of periods, at most FX_INTAKE_MAX_POINTS */
};
enum { FX_INTAKE_MAX_POINTS = 500 };
/* *ret_values has a value for each period, NAN where nothing was measured; *ret_measured says how
 * many are no NAN. */
enum fx_code fx_intake_metric(struct fx_aws *aws, struct fx_scope *sc,
                              const struct fx_intake_metric *metric, double **ret_values,
                              size_t *ret_measured, struct fx_error *err);

/* ---- what CloudWatch knows of a topic's alarms ---- */

enum {
    FX_INTAKE_ALARMS_A_CALL = 100, /* CloudWatch's own limit, of names and of rows in an answer */
    FX_INTAKE_MAX_ALARMS = 50000,  /* in the answer to one question */
    FX_INTAKE_MAX_PAGES = FX_INTAKE_MAX_ALARMS / FX_INTAKE_ALARMS_A_CALL,
    FX_INTAKE_MAX_HISTORY_PAGES = 20,
};

/* One question about alarms. In a storm they are many, so they are never all in memory. */
struct fx_intake_alarms;

/* The metric and composite alarms that are in ALARM and have this very topic among their actions.
 */
struct fx_intake_alarms *fx_intake_ringing(struct fx_aws *aws, struct fx_scope *sc,
                                           const char *topic_arn);
/* Those of these alarms that there are in the topic's region. */
struct fx_intake_alarms *fx_intake_named(struct fx_aws *aws, struct fx_scope *sc,
                                         const char *topic_arn, const struct fx_json *names);
/* The next of them, as DescribeAlarms shows them, in a scope that may end before the question's;
 * NULL: there are no more. FX_ERR_LIMIT behind FX_INTAKE_MAX_PAGES. After a failure there is no
 * next. */
enum fx_code fx_intake_next(struct fx_intake_alarms *alarms, struct fx_scope *sc,
                            struct fx_json **ret_page, struct fx_error *err);
/* The changes of state in the topic's region, of all alarms, from from_ms on, the oldest first, as
 * DescribeAlarmHistory shows them. *ret_until_ms is now_ms, or an earlier moment up to which they
 * are complete: then there are more than FX_INTAKE_MAX_HISTORY_PAGES hold. */
enum fx_code fx_intake_history(struct fx_aws *aws, struct fx_scope *sc, const char *topic_arn,
                               int64_t from_ms, int64_t now_ms, struct fx_json **ret_items,
                               int64_t *ret_until_ms, struct fx_error *err);
/* When the alarm was deleted; 0: CloudWatch's history does not say that it was. An alarm that is
 * merely not shown proves nothing: it may be another account's. */
enum fx_code fx_intake_deletion(struct fx_aws *aws, struct fx_scope *sc, const char *alarm_arn,
                                const char *alarm_name, int64_t *ret_deleted_ms,
                                struct fx_error *err);
