/* metric.h - what the two files of the step kind `metric` share. */
#pragma once

#include "private.h"

enum {
    METRIC_MAX_SERIES = 60,       /* metrics and expressions of one step; AWS takes 500 */
    METRIC_MAX_POINTS = 1440,     /* of one metric in one window */
    METRIC_MAX_PAGES = 10,        /* what is left then counts as partial */
    METRIC_MAX_ID = 255,          /* AWS's */
    METRIC_MAX_EXPRESSION = 1024, /* AWS's own bound is higher; nobody reviews a longer one */
    METRIC_MINUTE_MS = 60 * 1000,
    METRIC_DAY_MS = 24 * 3600 * 1000,
    METRIC_MAX_WINDOW_MS = 15 * METRIC_DAY_MS, /* as long as CloudWatch keeps minutes */
};

/* [from, to) in wall milliseconds; both are multiples of the period. */
struct metric_window {
    int64_t from_ms, to_ms, period_ms;
    bool is_open; /* its last period is not over yet */
};

/* ---- metric_series.c: answers ---- */

/* {values, times, points, latest, sum, avg, min, max, count, from, period, status} of the result
 * with this id in a GetMetricData answer. points has a member for each period, null where nothing
 * was measured, and none for a last one that is not over and has nothing yet; the numbers are null
 * unless CloudWatch says that this is all there is and it is not empty. status: "Complete",
 * "PartialData", "InternalError", "Forbidden", or "Missing" when the answer has no such id. */
struct fx_json *metric_series(struct fx_scope *sc, const struct fx_json *answer, const char *id,
                              const struct metric_window *window);

/* ---- metric_check.c: what is asked ---- */

/* Form, names, statistics, expressions and bounds of the step's parameters; what is still a
 * template passes. FX_ERR_INPUT says what to write instead. */
enum fx_code metric_check(struct fx_scope *sc, const struct fx_json *system,
                          const struct fx_json *params, struct fx_error *err);
/* The period: the given one, else the shortest that keeps the window within METRIC_MAX_POINTS. */
int64_t metric_period(const struct fx_json *params);
/* The member of one metric, or what the step says for all. */
struct fx_json *metric_member(const struct fx_json *params, const struct fx_json *one,
                              const char *name);
