/* insights.c - the step kind `logs.insights`: start, look again later, stop when it takes too long.
 */
#include "private.h"

#include <string.h>

enum {
    INSIGHTS_MIN_POLL_MS = 300, /* a small query is done by then */
    INSIGHTS_MAX_POLL_MS = 2000,
    INSIGHTS_POLLS = 4, /* looks again after this part of the time it has taken so far */
    INSIGHTS_MAX_WAIT_MS = 60 * 1000,
    INSIGHTS_MAX_WINDOW_MS = 7 * 24 * 3600 * 1000,
    INSIGHTS_MAX_ROWS = 1000,
};

static const struct fx_step_param insights_params[] = {
    {"query", FX_PARAM_TEXT, true, NULL,
     "a CloudWatch Logs Insights query, with $1, $2, ... for values"},
    {"groups", FX_PARAM_LIST, true, NULL, "log group names, at most 50"},
    {"only", FX_PARAM_TEXT, false, "\"\"", "one of the groups, when not all are wanted"},
    {"with", FX_PARAM_LIST, false, "[]",
     "the values of $1, $2, ...: numbers, texts of letters, digits and . _ : = -, lists of those"},
    {"window", FX_PARAM_DURATION, false, "\"1h\"", "how far back, at most 7d"},
};

/* Unlike FilterLogEvents, StartQuery counts in seconds. */
enum fx_code insights_start(const struct fx_step_context *ctx, const struct fx_json *groups,
                            const char *query, int64_t from_ms, int64_t to_ms,
                            const char **ret_query_id, struct fx_error *err) {
    struct fx_scope *sc = ctx->sc;
    struct fx_json *answer = NULL;
    const struct fx_json *params = fx_json_object_of(
        sc, "logGroupNames", fx_json_copy(sc, groups), "queryString", fx_json_string(sc, query),
        "startTime", fx_json_int(sc, from_ms / 1000), "endTime", fx_json_int(sc, to_ms / 1000 + 1),
        "limit", fx_json_int(sc, INSIGHTS_MAX_ROWS), NULL);

    if (fx_aws_call(
            ctx->aws, sc,
            &(struct fx_aws_call){.service = "logs", .operation = "StartQuery", .params = params},
            &answer, err) != FX_OK)
        return log_group_explain(err);
    *ret_query_id = fx_json_get_text(answer, "queryId");
    if (*ret_query_id == NULL)
        return fx_fail(err, FX_ERR_UPSTREAM, "CloudWatch Logs started no query");
    return FX_OK;
}

/* [{field, value}, ...] -> {field: value}; @ptr is of no use to people. */
static struct fx_json *read_row(struct fx_scope *sc, const struct fx_json *cells) {
    struct fx_json *row = fx_json_object(sc);

    for (size_t i = 0; i < fx_json_count(cells); i++) {
        const struct fx_json *cell = fx_json_item(cells, i);
        const char *field = fx_json_get_text(cell, "field");

        if (field != NULL && strcmp(field, "@ptr") != 0)
            fx_json_put(row, field, fx_json_at(cell, "value"));
    }
    return row;
}

/* *ret_answer is NULL while it runs. */
static enum fx_code look(const struct fx_step_context *ctx, const char *query_id,
                         struct fx_json **ret_answer, struct fx_error *err) {
    struct fx_scope *sc = ctx->sc;
    struct fx_json *answer = NULL;

    *ret_answer = NULL;
    FX_TRY(
        fx_aws_call(ctx->aws, sc,
                    &(struct fx_aws_call){.service = "logs",
                                          .operation = "GetQueryResults",
                                          .params = fx_json_object_of(
                                              sc, "queryId", fx_json_string(sc, query_id), NULL)},
                    &answer, err));
    const char *status = fx_json_get_text(answer, "status");

    if (status == NULL || strcmp(status, "Scheduled") == 0 || strcmp(status, "Running") == 0 ||
        strcmp(status, "Unknown") == 0)
        return FX_OK;
    if (strcmp(status, "Complete") != 0)
        return fx_fail(err, FX_ERR_UPSTREAM, "the log query ended as %s; ask again", status);
    *ret_answer = answer;
    return FX_OK;
}

static struct fx_json *read_rows(struct fx_scope *sc, const struct fx_json *answer) {
    const struct fx_json *results = fx_json_at(answer, "results");
    struct fx_json *rows = fx_json_array(sc);

    for (size_t i = 0; i < fx_json_count(results); i++)
        fx_json_add(rows, read_row(sc, fx_json_item(results, i)));
    return rows;
}

enum fx_code insights_poll(const struct fx_step_context *ctx, const char *query_id,
                           struct fx_json **ret_rows, struct fx_error *err) {
    struct fx_json *answer = NULL;

    *ret_rows = NULL;
    FX_TRY(look(ctx, query_id, &answer, err));
    if (answer != NULL)
        *ret_rows = read_rows(ctx->sc, answer);
    return FX_OK;
}

/* What a query read says whether an empty answer means "none" or "nothing to read". */
static struct fx_json *output_of(struct fx_scope *sc, const struct fx_json *answer) {
    const struct fx_json *told = fx_json_at(answer, "statistics");
    struct fx_json *rows = read_rows(sc, answer);

    return fx_json_object_of(
        sc, "rows", rows, "count", fx_json_int(sc, (int64_t)fx_json_count(rows)), "scanned",
        fx_json_int(sc, (int64_t)fx_json_get_real(told, "recordsScanned", 0)), "matched",
        fx_json_int(sc, (int64_t)fx_json_get_real(told, "recordsMatched", 0)), "bytes",
        fx_json_int(sc, (int64_t)fx_json_get_real(told, "bytesScanned", 0)), NULL);
}

static void stop(const struct fx_step_context *ctx, const char *query_id) {
    struct fx_json *answer = NULL;
    struct fx_error ignored;

    /* a query that has ended meanwhile refuses to be stopped, which is as good */
    (void)!fx_aws_call(
        ctx->aws, ctx->sc,
        &(struct fx_aws_call){.service = "logs",
                              .operation = "StopQuery",
                              .params = fx_json_object_of(ctx->sc, "queryId",
                                                          fx_json_string(ctx->sc, query_id), NULL)},
        &answer, &ignored);
}

static enum fx_code park(const struct fx_step_context *ctx, const char *query_id, int64_t began,
                         struct fx_step_result *ret_result) {
    struct fx_scope *sc = ctx->sc;
    int64_t now = fx_wall_ms(ctx->clock), wait = (now - began) / INSIGHTS_POLLS;

    if (wait < INSIGHTS_MIN_POLL_MS)
        wait = INSIGHTS_MIN_POLL_MS;
    if (wait > INSIGHTS_MAX_POLL_MS)
        wait = INSIGHTS_MAX_POLL_MS;
    *ret_result = (struct fx_step_result){
        .outcome = FX_STEP_PARKED,
        .checkpoint = fx_json_object_of(sc, "query", fx_json_string(sc, query_id), "began",
                                        fx_json_int(sc, began), NULL),
        .due_ms = now + wait};
    return FX_OK;
}

static enum fx_code begin(const struct fx_step_context *ctx, const struct fx_json *params,
                          struct fx_step_result *ret_result, struct fx_error *err) {
    int64_t window = fx_json_get_int(params, "window", 0), now = fx_wall_ms(ctx->clock);
    const char *query = NULL, *query_id = NULL;
    struct fx_json *groups = NULL;

    if (window > INSIGHTS_MAX_WINDOW_MS)
        return fx_fail(err, FX_ERR_INPUT,
                       "a log query may look back 7 days at most: it bills by bytes");
    FX_TRY(log_groups_chosen(ctx->sc, params, &groups, err));
    FX_TRY(log_query_bind(ctx->sc, fx_json_get_text(params, "query"), fx_json_at(params, "with"),
                          &query, err));
    FX_TRY(insights_start(ctx, groups, query, now - window, now, &query_id, err));
    return park(ctx, query_id, now, ret_result);
}

/* A query that nobody will look at again is stopped: it bills while it reads. */
static enum fx_code insights_run(const struct fx_step_context *ctx, const struct fx_json *params,
                                 struct fx_step_result *ret_result, struct fx_error *err) {
    const char *query_id = fx_json_get_text(ctx->checkpoint, "query");
    int64_t now = fx_wall_ms(ctx->clock), began = fx_json_get_int(ctx->checkpoint, "began", now);
    struct fx_json *answer = NULL;

    if (query_id == NULL)
        return begin(ctx, params, ret_result, err);
    enum fx_code code = look(ctx, query_id, &answer, err);
    bool late = now - began > INSIGHTS_MAX_WAIT_MS;

    if (answer != NULL) {
        ret_result->output = output_of(ctx->sc, answer);
        return FX_OK;
    }
    if (late || (code != FX_OK && !fx_code_is_transient(code)))
        stop(ctx, query_id);
    if (code != FX_OK)
        return code;
    if (late) /* not FX_ERR_TIMEOUT: another try would read, and bill, all of it once more */
        return fx_fail(err, FX_ERR_UPSTREAM,
                       "the log query took longer than %d s and was stopped; ask for a shorter "
                       "window",
                       INSIGHTS_MAX_WAIT_MS / 1000);
    return park(ctx, query_id, began, ret_result);
}

static enum fx_code insights_check(struct fx_scope *sc, const struct fx_json *system,
                                   const struct fx_json *params, struct fx_error *err) {
    (void)sc;
    (void)system;
    return log_query_check(fx_json_get_text(params, "query"), fx_json_at(params, "with"), err);
}

static const struct fx_step_call insights_calls[] = {
    {"logs:StartQuery", "groups"},
    {"logs:GetQueryResults", NULL},
    {"logs:StopQuery", NULL},
};

const struct fx_step_kind step_insights = {
    .name = "logs.insights",
    .summary = "Runs a Logs Insights query over named groups; {rows, count, scanned, matched, "
               "bytes}. It is "
               "stopped after 60 s.",
    .params = insights_params,
    .params_count = FX_COUNT_OF(insights_params),
    .shorthand = "query",
    .calls = insights_calls,
    .calls_count = FX_COUNT_OF(insights_calls),
    .with = "with",
    .is_parallel = true,
    .effect = step_reads,
    .check = insights_check,
    .run = insights_run,
};
