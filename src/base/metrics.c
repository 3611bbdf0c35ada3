/* metrics.c - the table of metrics and its exposition. */
#include "fluxabot/base/metrics.h"

#include "fluxabot/base/buf.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name, *labels, *type, *help;
} rows[FX_METRIC_COUNT] = {
    [FX_METRIC_REQUESTS_ACCEPTED] = {"fluxabot_requests_total", "{verdict=\"accepted\"}", "counter",
                                     "Requests from outside by verdict."},
    [FX_METRIC_REQUESTS_REPEATED] = {"fluxabot_requests_total", "{verdict=\"repeated\"}", "counter",
                                     NULL},
    [FX_METRIC_REFUSED_GUARD] = {"fluxabot_requests_total", "{verdict=\"malformed\"}", "counter",
                                 NULL},
    [FX_METRIC_REFUSED_SIGNATURE] = {"fluxabot_requests_total", "{verdict=\"denied\"}", "counter",
                                     NULL},
    [FX_METRIC_REFUSED_REPLAY] = {"fluxabot_requests_total", "{verdict=\"replayed\"}", "counter",
                                  NULL},
    [FX_METRIC_UNAVAILABLE] = {"fluxabot_requests_total", "{verdict=\"unavailable\"}", "counter",
                               NULL},
    [FX_METRIC_JOBS_DONE] = {"fluxabot_jobs_total", "{outcome=\"done\"}", "counter",
                             "Claimed jobs by outcome."},
    [FX_METRIC_JOBS_RETRIED] = {"fluxabot_jobs_total", "{outcome=\"retried\"}", "counter", NULL},
    [FX_METRIC_JOBS_QUARANTINED] = {"fluxabot_jobs_total", "{outcome=\"quarantined\"}", "counter",
                                    NULL},
    [FX_METRIC_RUNS_STARTED] = {"fluxabot_runs_started_total", "", "counter",
                                "Runs of runbooks begun."},
    [FX_METRIC_RUNS_FAILED] = {"fluxabot_runs_failed_total", "", "counter",
                               "Runs that ended in failure."},
    [FX_METRIC_RUNS_UNKNOWN] = {"fluxabot_runs_unknown_total", "", "counter",
                                "Runs that ask a person because an outcome is unknown."},
    [FX_METRIC_APPROVALS_DECIDED] = {"fluxabot_approvals_decided_total", "", "counter",
                                     "Approvals that were approved or denied."},
    [FX_METRIC_EFFECTS_BEGUN] = {"fluxabot_effects_begun_total", "", "counter",
                                 "Intents set before a change."},
    [FX_METRIC_SLACK_SENT] = {"fluxabot_slack_messages_total", "{outcome=\"sent\"}", "counter",
                              "Messages to Slack by outcome."},
    [FX_METRIC_SLACK_THROTTLED] = {"fluxabot_slack_messages_total", "{outcome=\"throttled\"}",
                                   "counter", NULL},
    [FX_METRIC_SLACK_FAILED] = {"fluxabot_slack_messages_total", "{outcome=\"failed\"}", "counter",
                                NULL},
    [FX_METRIC_PAGES_SENT] = {"fluxabot_pages_sent_total", "", "counter",
                              "Events sent to PagerDuty."},
    [FX_METRIC_ALARMS_RECOVERED] =
        {"fluxabot_alarms_recovered_total", "", "counter",
         "Changes of alarms that were found by asking CloudWatch, not told by SNS."},
    [FX_METRIC_RECONCILES_DONE] = {"fluxabot_reconciles_total", "{outcome=\"done\"}", "counter",
                                   "Comparisons of a topic's alarms with CloudWatch by outcome."},
    [FX_METRIC_RECONCILES_FAILED] = {"fluxabot_reconciles_total", "{outcome=\"failed\"}", "counter",
                                     NULL},
    [FX_METRIC_OUTBOX_WAITING] = {"fluxabot_outbox_waiting", "", "gauge",
                                  "Messages that may be sent now."},
    [FX_METRIC_ANCHORS_MADE] = {"fluxabot_audit_anchors_total", "{outcome=\"made\"}", "counter",
                                "Signed heads of the audit log by outcome."},
    [FX_METRIC_ANCHORS_FAILED] = {"fluxabot_audit_anchors_total", "{outcome=\"failed\"}", "counter",
                                  NULL},
    [FX_METRIC_CHANGES_FROZEN] = {"fluxabot_changes_frozen", "", "gauge",
                                  "1 while no change may begin."},
};

struct fx_metrics {
    _Atomic int64_t values[FX_METRIC_COUNT];
};

struct fx_metrics *fx_metrics_new(void) {
    struct fx_metrics *metrics = calloc(1, sizeof *metrics);

    if (metrics == NULL)
        abort();
    return metrics;
}

void fx_metrics_free(struct fx_metrics *metrics) {
    free(metrics);
}

void fx_metrics_add(struct fx_metrics *metrics, enum fx_metric metric, int64_t amount) {
    atomic_fetch_add_explicit(&metrics->values[metric], amount, memory_order_relaxed);
}

void fx_metrics_set(struct fx_metrics *metrics, enum fx_metric metric, int64_t value) {
    atomic_store_explicit(&metrics->values[metric], value, memory_order_relaxed);
}

int64_t fx_metrics_get(const struct fx_metrics *metrics, enum fx_metric metric) {
    return atomic_load_explicit(&metrics->values[metric], memory_order_relaxed);
}

char *fx_metrics_print(struct fx_scope *sc, const struct fx_metrics *metrics, const char *version) {
    enum { MAX_BYTES = 64 << 10 };
    struct fx_buf buf;

    fx_buf_init(&buf, sc, MAX_BYTES);
    for (int i = 0; i < FX_METRIC_COUNT; i++) {
        if (rows[i].help != NULL)
            fx_buf_addf(&buf, "# HELP %s %s\n# TYPE %s %s\n", rows[i].name, rows[i].help,
                        rows[i].name, rows[i].type);
        fx_buf_addf(&buf, "%s%s %lld\n", rows[i].name, rows[i].labels,
                    (long long)fx_metrics_get(metrics, (enum fx_metric)i));
    }
    fx_buf_addf(&buf,
                "# HELP fluxabot_build_info Build of the running binary.\n"
                "# TYPE fluxabot_build_info gauge\nfluxabot_build_info{version=\"%s\"} 1\n",
                version);
    return fx_slice_dup(sc, fx_buf_slice(&buf));
}
