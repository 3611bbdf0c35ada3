/* insights.c - the step kind `logs.insights`: start, look again later, stop when it takes too long.
 */
#include "private.h"

#include <string.h>

enum {
    INSIGHTS_POLL_MS = 500,
    INSIGHTS_MAX_WAIT_MS = 60 * 1000,
    INSIGHTS_MAX_WINDOW_MS = 7 * 24 * 3600 * 1000,
    INSIGHTS_MAX_ROWS = 1000,
};

static const struct fx_step_param insights_params[] = {
    {"query", FX_PARAM_TEXT, true, NULL, "a CloudWatch Logs Insights query"},
    {"groups", FX_PARAM_LIST, true, NULL, "log group names, at most 50"},
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

    FX_TRY(fx_aws_call(
        ctx->aws, sc,
        &(struct fx_aws_call){.service = "logs", .operation = "StartQuery", .params = params},
        &answer, err));
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

enum fx_code insights_poll(const struct fx_step_context *ctx, const char *query_id,
                           struct fx_json **ret_rows, struct fx_error *err) {
    struct fx_scope *sc = ctx->sc;
    struct fx_json *answer = NULL;

    *ret_rows = NULL;
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
        return fx_fail(err, FX_ERR_UPSTREAM, "the log query ended as %s", status);
    *ret_rows = fx_json_array(sc);
    for (size_t i = 0; i < fx_json_count(fx_json_at(answer, "results")); i++)
        fx_json_add(*ret_rows, read_row(sc, fx_json_item(fx_json_at(answer, "results"), i)));
    return FX_OK;
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

    *ret_result = (struct fx_step_result){
        .outcome = FX_STEP_PARKED,
        .checkpoint = fx_json_object_of(sc, "query", fx_json_string(sc, query_id), "began",
                                        fx_json_int(sc, began), NULL),
        .due_ms = fx_wall_ms(ctx->clock) + INSIGHTS_POLL_MS};
    return FX_OK;
}

static enum fx_code insights_run(const struct fx_step_context *ctx, const struct fx_json *params,
                                 struct fx_step_result *ret_result, struct fx_error *err) {
    const char *query_id = fx_json_get_text(ctx->checkpoint, "query");
    int64_t now = fx_wall_ms(ctx->clock), began = fx_json_get_int(ctx->checkpoint, "began", now);
    struct fx_json *rows = NULL;

    if (query_id == NULL) {
        int64_t window = fx_json_get_int(params, "window", 0);

        if (window > INSIGHTS_MAX_WINDOW_MS)
            return fx_fail(err, FX_ERR_INPUT,
                           "a log query may look back 7 days at most: it bills by bytes");
        FX_TRY(insights_start(ctx, fx_json_at(params, "groups"), fx_json_get_text(params, "query"),
                              now - window, now, &query_id, err));
        return park(ctx, query_id, now, ret_result);
    }
    FX_TRY(insights_poll(ctx, query_id, &rows, err));
    if (rows != NULL) {
        ret_result->output =
            fx_json_object_of(ctx->sc, "rows", rows, "count",
                              fx_json_int(ctx->sc, (int64_t)fx_json_count(rows)), NULL);
        return FX_OK;
    }
    if (now - began > INSIGHTS_MAX_WAIT_MS) {
        stop(ctx, query_id);
        return fx_fail(err, FX_ERR_TIMEOUT, "the log query took longer than %d s and was stopped",
                       INSIGHTS_MAX_WAIT_MS / 1000);
    }
    return park(ctx, query_id, began, ret_result);
}

static const struct fx_step_call insights_calls[] = {
    {"logs:StartQuery", "groups"},
    {"logs:GetQueryResults", NULL},
    {"logs:StopQuery", NULL},
};

const struct fx_step_kind step_insights = {
    .name = "logs.insights",
    .summary = "Runs a Logs Insights query over named groups; {rows, count}.",
    .params = insights_params,
    .params_count = FX_COUNT_OF(insights_params),
    .shorthand = "query",
    .calls = insights_calls,
    .calls_count = FX_COUNT_OF(insights_calls),
    .effect = step_reads,
    .run = insights_run,
};
