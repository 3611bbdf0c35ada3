/* hostile_probe.c - hands texts to the encoders of the product, for a judge at the far end.
 *
 * Reads lines {"sink", "text"} and writes a line {"code", "value"} for each: what the sink was
 * given, or what came back from it. Where things are comes from the environment: PROBE_SQL,
 * PROBE_REDIS and AWS's own variables.
 */
#include "private.h"

#include "fluxabot/expr.h"
#include "fluxabot/redis.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct probe {
    struct fx_scope *sc;
    struct fx_aws *aws;
    struct fx_http *http;
    struct fx_sql *sql;
    struct fx_redis *redis;
    const char *text;
    int64_t number; /* of the line */
};

typedef enum fx_code sink_fn(struct probe *p, struct fx_json **ret_value, struct fx_error *err);

static struct fx_json *text_of(struct probe *p) {
    return fx_json_string(p->sc, p->text);
}

static struct fx_json *list_of(struct probe *p) {
    return fx_json_array_of(p->sc, text_of(p), NULL);
}

static enum fx_code to_query(struct probe *p, struct fx_json **ret_value, struct fx_error *err) {
    const char *query = NULL;

    FX_TRY(log_query_bind(p->sc, "filter a = $1 and b in $2 | limit 5",
                          fx_json_array_of(p->sc, text_of(p), list_of(p), NULL), &query, err));
    *ret_value = fx_json_string(p->sc, query);
    return FX_OK;
}

static enum fx_code to_pattern(struct probe *p, struct fx_json **ret_value, struct fx_error *err) {
    const char *pattern = NULL;

    FX_TRY(log_pattern(p->sc, list_of(p), &pattern, err));
    *ret_value = fx_json_string(p->sc, pattern);
    return FX_OK;
}

static enum fx_code to_search(struct probe *p, struct fx_json **ret_value, struct fx_error *err) {
    const struct fx_step_context ctx = {.sc = p->sc, .clock = fx_clock_system(), .aws = p->aws};
    struct fx_json *params = fx_json_object_of(
        p->sc, "groups", fx_json_array_of(p->sc, fx_json_string(p->sc, "hostile"), NULL), "words",
        list_of(p), "lines", fx_json_int(p->sc, 1), NULL);
    struct fx_step_result result = {0};

    FX_TRY(fx_step_fill_params(p->sc, &step_logs_search, params, &params, err));
    FX_TRY(step_logs_search.run(&ctx, params, &result, err));
    *ret_value = result.output;
    return FX_OK;
}

static enum fx_code to_sql(struct probe *p, struct fx_json **ret_value, struct fx_error *err) {
    return fx_sql_query(p->sql, p->sc,
                        "SELECT encode(convert_to($1::text, 'UTF8'), 'hex') AS one, "
                        "encode(convert_to(($2::text[])[1], 'UTF8'), 'hex') AS listed, "
                        "cardinality($2::text[]) AS n",
                        fx_json_array_of(p->sc, text_of(p), list_of(p), NULL), 1, ret_value, err);
}

static enum fx_code to_redis(struct probe *p, struct fx_json **ret_value, struct fx_error *err) {
    const char *key = fx_printf(p->sc, "hostile:%lld:%s", (long long)p->number, p->text);
    const struct fx_slice words[] = {FX_SLICE("SET"), fx_slice_of(key), fx_slice_of(p->text)};
    const struct fx_redis_reply *reply = NULL;

    FX_TRY(fx_redis_call(p->redis, p->sc, words, FX_COUNT_OF(words), 5000, &reply, err));
    *ret_value = fx_json_slice(p->sc, reply->text);
    return FX_OK;
}

static const char *redis_url(const struct fx_step_context *ctx, const char *name) {
    (void)ctx;
    return strcmp(name, "cache") == 0 ? getenv("PROBE_REDIS") : NULL;
}

/* The text as a part of a key, and as an argument behind it. */
static enum fx_code ask_redis(struct probe *p, const char *command, const char *key,
                              const char *list, struct fx_json **ret_value, struct fx_error *err) {
    const struct fx_step_context ctx = {
        .sc = p->sc,
        .clock = fx_clock_system(),
        .environment = "dev",
        .database_url = redis_url,
        .system = fx_json_object_of(
            p->sc, "databases",
            fx_json_object_of(
                p->sc, "cache",
                fx_json_object_of(p->sc, "kind", fx_json_string(p->sc, "redis"), NULL), NULL),
            NULL)};
    struct fx_json *params = fx_json_object_of(p->sc, "command", fx_json_string(p->sc, command),
                                               "database", fx_json_string(p->sc, "cache"), "key",
                                               fx_json_string(p->sc, key), list, list_of(p), NULL);
    struct fx_step_result result = {0};

    FX_TRY(fx_step_fill_params(p->sc, &step_redis, params, &params, err));
    FX_TRY(step_redis.run(&ctx, params, &result, err));
    *ret_value = fx_json_at(result.output, "value");
    return FX_OK;
}

static enum fx_code to_redis_key(struct probe *p, struct fx_json **ret_value,
                                 struct fx_error *err) {
    return ask_redis(p, "GET", "hostile:key:$1", "with", ret_value, err);
}

static enum fx_code to_redis_field(struct probe *p, struct fx_json **ret_value,
                                   struct fx_error *err) {
    return ask_redis(p, "HGET", "hostile:fields", "arguments", ret_value, err);
}

static enum fx_code call(struct probe *p, const char *service, const char *operation,
                         const struct fx_json *params, struct fx_error *err) {
    struct fx_json *answer = NULL;

    return fx_aws_call(
        p->aws, p->sc,
        &(struct fx_aws_call){.service = service, .operation = operation, .params = params},
        &answer, err);
}

static enum fx_code to_json(struct probe *p, struct fx_json **ret_value, struct fx_error *err) {
    (void)ret_value;
    return call(p, "sqs", "GetQueueUrl", fx_json_object_of(p->sc, "QueueName", text_of(p), NULL),
                err);
}

static enum fx_code to_form(struct probe *p, struct fx_json **ret_value, struct fx_error *err) {
    (void)ret_value;
    return call(p, "rds", "DescribeDBInstances",
                fx_json_object_of(p->sc, "DBInstanceIdentifier", text_of(p), NULL), err);
}

static enum fx_code to_path(struct probe *p, struct fx_json **ret_value, struct fx_error *err) {
    (void)ret_value;
    return call(p, "lambda", "GetFunctionConfiguration",
                fx_json_object_of(p->sc, "FunctionName", text_of(p), "Qualifier", text_of(p), NULL),
                err);
}

static enum fx_code to_key(struct probe *p, struct fx_json **ret_value, struct fx_error *err) {
    (void)ret_value;
    return call(p, "s3", "HeadObject",
                fx_json_object_of(p->sc, "Bucket", fx_json_string(p->sc, "bucket"), "Key",
                                  text_of(p), NULL),
                err);
}

static enum fx_code to_template(struct probe *p, struct fx_json **ret_value, struct fx_error *err) {
    return fx_expr_fill(p->sc, "https://host/${url_encode(x)}?q=${url_encode(x)}&raw=${x}",
                        fx_json_object_of(p->sc, "x", text_of(p), NULL), ret_value, err);
}

static const struct {
    const char *name;
    sink_fn *give;
} sinks[] = {
    {"query", to_query},
    {"pattern", to_pattern},
    {"search", to_search},
    {"sql", to_sql},
    {"redis_key", to_redis_key},
    {"redis_field", to_redis_field},
    {"redis", to_redis},
    {"json", to_json},
    {"form", to_form},
    {"path", to_path},
    {"key", to_key},
    {"template", to_template},
};

static enum fx_code open_all(struct probe *p, struct fx_scope *sc, struct fx_error *err) {
    struct fx_clock *clock = fx_clock_system();
    const struct fx_sql_options sql = {.url = getenv("PROBE_SQL"), .read_only = true};
    const struct fx_redis_options redis = {
        .url = getenv("PROBE_REDIS"), .clock = clock, .timeout_ms = 5000};

    FX_TRY(fx_http_open(clock, NULL, &p->http, err));
    FX_TRY(fx_aws_open(&(struct fx_aws_options){.http = p->http, .clock = clock}, &p->aws, err));
    FX_TRY(fx_sql_open(sc, &sql, &p->sql, err));
    return fx_redis_open(&redis, &p->redis, err);
}

static void answer(struct probe *p, const char *line) {
    struct fx_json *given = NULL, *value = NULL;
    struct fx_error err = {0};
    enum fx_code code = fx_json_parse(p->sc, fx_slice_of(line), &given, &err);
    const char *sink = fx_json_get_text(given, "sink");

    p->text = fx_json_get_text(given, "text");
    for (size_t i = 0; code == FX_OK && i < FX_COUNT_OF(sinks); i++)
        if (sink != NULL && p->text != NULL && strcmp(sinks[i].name, sink) == 0)
            code = sinks[i].give(p, &value, &err);
    printf("%s\n", fx_json_dump(p->sc, fx_json_object_of(
                                           p->sc, "code", fx_json_string(p->sc, fx_code_name(code)),
                                           "message", fx_json_string(p->sc, err.message), "value",
                                           value, NULL)));
}

int main(void) {
    struct fx_scope *sc = fx_scope_new(NULL);
    struct probe p = {0};
    struct fx_error err = {0};
    size_t size = 0;
    char *line = NULL;

    if (open_all(&p, sc, &err) != FX_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    for (; getline(&line, &size, stdin) > 0; p.number++) {
        p.sc = fx_scope_new(NULL);
        answer(&p, line);
        fx_scope_free(p.sc);
    }
    free(line);
    fx_redis_close(p.redis);
    fx_sql_close(p.sql);
    fx_aws_close(p.aws);
    fx_http_close(p.http);
    fx_scope_free(sc);
    return 0;
}
