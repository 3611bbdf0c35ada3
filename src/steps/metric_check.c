/* metric_check.c - what the step kind `metric` may be asked for. */
#include "metric.h"

#include <ctype.h>
#include <string.h>

static bool is_template(const struct fx_json *value) {
    const char *text = fx_json_text(value);

    return text != NULL && strstr(text, "${") != NULL;
}

struct fx_json *metric_member(const struct fx_json *params, const struct fx_json *one,
                              const char *name) {
    struct fx_json *own = fx_json_at(one, name);

    return own != NULL ? own : fx_json_at(params, name);
}

/* ---- period and window ---- */

int64_t metric_period(const struct fx_json *params) {
    static const int64_t minutes[] = {1, 5, 15, 60};
    int64_t window = fx_json_get_int(params, "window", 0);
    size_t i = 0;

    if (fx_json_at(params, "period") != NULL)
        return fx_json_get_int(params, "period", METRIC_MINUTE_MS);
    while (i + 1 < FX_COUNT_OF(minutes) &&
           window / (minutes[i] * METRIC_MINUTE_MS) > METRIC_MAX_POINTS)
        i++;
    return minutes[i] * METRIC_MINUTE_MS;
}

static enum fx_code check_times(const struct fx_json *params, struct fx_error *err) {
    int64_t period = metric_period(params), window = fx_json_get_int(params, "window", 0);

    if (!is_template(fx_json_at(params, "period")) &&
        (period < METRIC_MINUTE_MS || period % METRIC_MINUTE_MS != 0 || period > METRIC_DAY_MS))
        return fx_fail(err, FX_ERR_INPUT, "metric: period is whole minutes, from 1m to 1d");
    if (is_template(fx_json_at(params, "window")))
        return FX_OK;
    if (window < 1 || window > METRIC_MAX_WINDOW_MS)
        return fx_fail(err, FX_ERR_INPUT, "metric: window is more than 0s and at most %d days",
                       METRIC_MAX_WINDOW_MS / METRIC_DAY_MS);
    if (!is_template(fx_json_at(params, "period")) && window / period > METRIC_MAX_POINTS)
        return fx_fail(err, FX_ERR_INPUT,
                       "metric: window / period is at most %d points; take a longer period, or "
                       "leave it out",
                       METRIC_MAX_POINTS);
    return FX_OK;
}

/* ---- one metric ---- */

static bool is_stat(const char *stat) {
    static const char *const plain[] = {"Sum", "Average", "Maximum", "Minimum", "SampleCount"};
    size_t digits = stat[0] == 'p' ? strspn(stat + 1, "0123456789") : 0;

    for (size_t i = 0; i < FX_COUNT_OF(plain); i++)
        if (strcmp(plain[i], stat) == 0)
            return true;
    if (digits == 0 || digits > 2) /* p100 is Maximum */
        return false;
    const char *rest = stat + 1 + digits;
    return rest[0] == '\0' || (rest[0] == '.' && rest[1] != '\0' &&
                               strspn(rest + 1, "0123456789") == strlen(rest + 1));
}

static enum fx_code check_dimensions(const char *id, const struct fx_json *dimensions,
                                     struct fx_error *err) {
    const char *name = NULL, *text = NULL;
    struct fx_json *value = NULL;
    void *cursor = NULL;

    if (is_template(dimensions))
        return FX_OK;
    if (fx_json_type(dimensions) != FX_JSON_OBJECT)
        return fx_fail(err, FX_ERR_INPUT, "metric: dimensions of %s must be a map", id);
    while (fx_json_next(dimensions, &cursor, &name, &value)) {
        text = fx_json_text(value);
        if (text == NULL || text[0] == '\0')
            return fx_fail(err, FX_ERR_INPUT,
                           "metric: dimension %s of %s is empty; name what is measured", name, id);
    }
    return FX_OK;
}

static enum fx_code check_text(const struct fx_json *params, const struct fx_json *one,
                               const char *id, const char *member, struct fx_error *err) {
    const char *text = fx_json_text(metric_member(params, one, member));

    if (text == NULL || text[0] == '\0')
        return fx_fail(err, FX_ERR_INPUT, "metric: %s needs %s", id, member);
    return FX_OK;
}

static enum fx_code check_metric(const struct fx_json *params, const struct fx_json *one,
                                 const char *id, struct fx_error *err) {
    const struct fx_json *stat = metric_member(params, one, "stat");

    FX_TRY(check_text(params, one, id, "namespace", err));
    FX_TRY(check_text(params, one, id, "name", err));
    FX_TRY(check_text(params, one, id, "stat", err));
    if (!is_template(stat) && !is_stat(fx_json_text(stat)))
        return fx_fail(err, FX_ERR_INPUT,
                       "metric: stat of %s is Sum, Average, Maximum, Minimum, SampleCount or a "
                       "percentile such as p95",
                       id);
    return check_dimensions(id, metric_member(params, one, "dimensions"), err);
}

/* ---- expressions ---- */

/* Those that make one series of one or more. SEARCH and METRICS make any number of them. */
static bool is_function(struct fx_slice name) {
    static const char *const known[] = {"ABS", "AVG", "CEIL", "DIFF",   "FILL",   "FLOOR",
                                        "IF",  "MAX", "MIN",  "PERIOD", "RATE",   "RUNNING_SUM",
                                        "SUM", "AND", "OR",   "NOT",    "REPEAT", "LINEAR"};

    for (size_t i = 0; i < FX_COUNT_OF(known); i++)
        if (fx_slice_equal_text(name, known[i]))
            return true;
    return false;
}

static bool is_earlier(const struct fx_json *earlier, struct fx_slice name) {
    const char *id = NULL;
    void *cursor = NULL;

    while (fx_json_next(earlier, &cursor, &id, NULL))
        if (fx_slice_equal_text(name, id))
            return true;
    return false;
}

/* The names in the text; earlier holds the ids before it, so that no expression reads itself. */
static enum fx_code check_names(const struct fx_json *earlier, const char *id, const char *text,
                                struct fx_error *err) {
    for (const char *c = text; *c != '\0';) {
        struct fx_slice name = {c, 0};

        if (strchr(" .,()+-*/^<>=![]0123456789", *c) != NULL) {
            c++;
            continue;
        }
        while (isalnum((unsigned char)c[name.len]) || c[name.len] == '_')
            name.len++;
        if (name.len == 0)
            return fx_fail(err, FX_ERR_INPUT,
                           "metric: expression of %s holds a character that metric math over "
                           "plain metrics does not need, at: %.20s",
                           id, c);
        if (!is_function(name) && !is_earlier(earlier, name))
            return fx_fail(err, FX_ERR_INPUT,
                           "metric: expression of %s reads %.*s, and no metric before it is called "
                           "so",
                           id, (int)(name.len > 40 ? 40 : name.len), c);
        c += name.len;
    }
    return FX_OK;
}

static enum fx_code check_expression(const struct fx_json *earlier, const char *id,
                                     const struct fx_json *expression, struct fx_error *err) {
    const char *text = fx_json_text(expression);

    if (text == NULL || text[0] == '\0' || strlen(text) > METRIC_MAX_EXPRESSION)
        return fx_fail(err, FX_ERR_INPUT, "metric: expression of %s is a text of 1 to %d bytes", id,
                       METRIC_MAX_EXPRESSION);
    if (is_template(expression))
        return fx_fail(err, FX_ERR_INPUT,
                       "metric: expression of %s cannot hold ${ }; put what differs into the "
                       "metrics it reads",
                       id);
    return check_names(earlier, id, text, err);
}

/* ---- all of them ---- */

/* AWS wants a small letter first; "error" is what a failed step has. */
static bool is_id(const char *id) {
    size_t len = strlen(id);

    if (id[0] < 'a' || id[0] > 'z' || len > METRIC_MAX_ID || strcmp(id, "error") == 0)
        return false;
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)id[i]) && id[i] != '_')
            return false;
    return true;
}

static enum fx_code check_one(const struct fx_json *params, const struct fx_json *earlier,
                              const char *id, const struct fx_json *one, struct fx_error *err) {
    static const char *const members[] = {"namespace", "name", "dimensions", "stat", "expression"};
    const char *name = NULL;
    void *cursor = NULL;

    if (!is_id(id))
        return fx_fail(err, FX_ERR_INPUT,
                       "metric: the id %.40s begins with a-z, goes on with letters, digits and _, "
                       "and is not error",
                       id);
    if (fx_json_type(one) != FX_JSON_OBJECT)
        return fx_fail(err, FX_ERR_INPUT, "metric: %s must be a map with name or expression", id);
    while (fx_json_next(one, &cursor, &name, NULL)) {
        bool known = false;

        for (size_t i = 0; i < FX_COUNT_OF(members); i++)
            known = known || strcmp(members[i], name) == 0;
        if (!known)
            return fx_fail(err, FX_ERR_INPUT, "metric: %s has no member %.40s", id, name);
    }
    if (fx_json_at(one, "expression") == NULL)
        return check_metric(params, one, id, err);
    if (fx_json_count(one) > 1)
        return fx_fail(err, FX_ERR_INPUT, "metric: %s has an expression, so nothing else", id);
    return check_expression(earlier, id, fx_json_at(one, "expression"), err);
}

enum fx_code metric_check(struct fx_scope *sc, const struct fx_json *system,
                          const struct fx_json *params, struct fx_error *err) {
    const struct fx_json *metrics = fx_json_at(params, "metrics");
    struct fx_json *earlier = fx_json_object(sc), *one = NULL;
    const char *id = NULL;
    void *cursor = NULL;

    (void)system;
    FX_TRY(check_times(params, err));
    if (metrics == NULL)
        return check_metric(params, params, "the step", err);
    if (is_template(metrics) || fx_json_count(metrics) == 0 ||
        fx_json_count(metrics) > METRIC_MAX_SERIES)
        return fx_fail(err, FX_ERR_INPUT, "metric: metrics is a map of 1 to %d ids",
                       METRIC_MAX_SERIES);
    if (fx_json_at(params, "name") != NULL)
        return fx_fail(err, FX_ERR_INPUT, "metric: give name or metrics, not both");
    while (fx_json_next(metrics, &cursor, &id, &one)) {
        FX_TRY(check_one(params, earlier, id, one, err));
        fx_json_put(earlier, id, fx_json_bool(sc, true));
    }
    return FX_OK;
}
