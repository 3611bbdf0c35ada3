/* metrics.h - counters and gauges of this process, printed in Prometheus' text format 0.0.4.
 *
 * The set is one table (metrics.c): name, type, help. Labels are fixed by the table row, so no
 * foreign text can become a series. Any thread may count.
 */
#pragma once

#include "fluxabot/base/scope.h"

struct fx_metrics;

enum fx_metric {
    FX_METRIC_REQUESTS_ACCEPTED,
    FX_METRIC_REQUESTS_REPEATED,
    FX_METRIC_REFUSED_GUARD,     /* malformed or oversized HTTP */
    FX_METRIC_REFUSED_SIGNATURE, /* forged, stale or foreign */
    FX_METRIC_REFUSED_REPLAY,
    FX_METRIC_UNAVAILABLE, /* answered 503 */
    FX_METRIC_JOBS_DONE,
    FX_METRIC_JOBS_RETRIED,
    FX_METRIC_JOBS_QUARANTINED,
    FX_METRIC_RUNS_STARTED,
    FX_METRIC_RUNS_FAILED,
    FX_METRIC_RUNS_UNKNOWN,
    FX_METRIC_APPROVALS_DECIDED,
    FX_METRIC_EFFECTS_BEGUN,
    FX_METRIC_SLACK_SENT,
    FX_METRIC_SLACK_THROTTLED,
    FX_METRIC_SLACK_FAILED,
    FX_METRIC_PAGES_SENT,
    FX_METRIC_ALARMS_RECOVERED,
    FX_METRIC_RECONCILES_DONE,
    FX_METRIC_RECONCILES_FAILED,
    FX_METRIC_OUTBOX_WAITING, /* gauge */
    FX_METRIC_ANCHORS_MADE,
    FX_METRIC_ANCHORS_FAILED,
    FX_METRIC_CHANGES_FROZEN, /* gauge */
    FX_METRIC_COUNT,
};

struct fx_metrics *fx_metrics_new(void);
void fx_metrics_free(struct fx_metrics *metrics);
void fx_metrics_add(struct fx_metrics *metrics, enum fx_metric metric, int64_t amount);
void fx_metrics_set(struct fx_metrics *metrics, enum fx_metric metric, int64_t value);
int64_t fx_metrics_get(const struct fx_metrics *metrics, enum fx_metric metric);
/* The whole exposition, last line ended; also fluxabot_build_info with version. */
char *fx_metrics_print(struct fx_scope *sc, const struct fx_metrics *metrics, const char *version);
