/* redis.c - the step kind `redis`: one question that reads, to a Redis that system.yaml names. */
#include "redis_words.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { REDIS_MAX_WAIT_MS = 10 * 1000 };

static const struct fx_step_param redis_params[] = {
    {"command", FX_PARAM_TEXT, true, NULL,
     "what is asked, in capitals, such as GET or MEMORY USAGE; only commands that read are known"},
    {"database", FX_PARAM_DATABASE, true, NULL, "which database of system.yaml; one of kind redis"},
    {"key", FX_PARAM_TEXT, false, "\"\"",
     "the key, or the pattern of SCAN and PUBSUB CHANNELS, with $1, $2, ... for its values"},
    {"with", FX_PARAM_LIST, false, "[]",
     "values for $1, $2, ...: letters, digits and . _ = @ - alone, so that none names another key"},
    {"arguments", FX_PARAM_LIST, false, "[]",
     "what the command wants behind its key: fields, members, the ends of a range"},
    {"max", FX_PARAM_INT, false, "100", "how many items or keys are read at most, up to 500"},
    {"wait", FX_PARAM_DURATION, false, "\"3s\"", "how long to wait for all of it, at most 10s"},
};

/* ---- of the runbook ---- */

static enum fx_code check_shape(const struct redis_question *question, const struct fx_json *params,
                                struct fx_error *err) {
    size_t count = fx_json_count(fx_json_at(params, "arguments"));
    bool has_key = fx_json_get_text(params, "key")[0] != '\0';

    if (question->key != has_key)
        return fx_fail(err, FX_ERR_INPUT, "%s wants %s", question->name,
                       question->key ? "a key" : "no key");
    if (!question->key && fx_json_count(fx_json_at(params, "with")) > 0)
        return fx_fail(err, FX_ERR_INPUT, "`with` is for a key, and %s has none", question->name);
    if (count < question->least || count > question->most)
        return fx_fail(err, FX_ERR_INPUT, "%s wants %zu to %zu arguments", question->name,
                       question->least, question->most);
    return FX_OK;
}

static enum fx_code check_max(const struct fx_json *params, struct fx_error *err) {
    const struct fx_json *max = fx_json_at(params, "max");

    if (fx_json_type(max) == FX_JSON_INT &&
        (fx_json_to_int(max, 0) < 1 || fx_json_to_int(max, 0) > REDIS_MAX_ITEMS))
        return fx_fail(err, FX_ERR_INPUT, "max is from 1 to %d", REDIS_MAX_ITEMS);
    return FX_OK;
}

/* Text of the runbook, never of a person: what a person chooses is bound. */
static enum fx_code redis_check(struct fx_scope *sc, const struct fx_json *system,
                                const struct fx_json *params, struct fx_error *err) {
    const char *name = fx_json_get_text(params, "command");
    const struct redis_question *question = redis_question_find(name);

    if (question == NULL)
        return fx_fail(err, FX_ERR_INPUT, "%.40s is not asked: only %s are", name,
                       redis_question_names(sc));
    if (!only_variables(fx_json_get_text(params, "key")))
        return fx_fail(err, FX_ERR_INPUT,
                       "the key may hold only ${variables.name}: write $1 and put the value under "
                       "`with`");
    if (!database_is_redis(system, fx_json_get_text(params, "database")))
        return fx_fail(err, FX_ERR_INPUT,
                       "this database is no Redis; system.yaml marks one with `kind: redis`");
    FX_TRY(check_shape(question, params, err));
    FX_TRY(check_max(params, err));
    return wait_check(params, REDIS_MAX_WAIT_MS, err);
}

/* ---- a call ---- */

/* One connection and what is left of its time. */
struct asking {
    const struct fx_step_context *ctx;
    struct fx_redis *redis;
    int64_t until_ms;
};

static enum fx_code ask(struct asking *a, const struct fx_slice *words, size_t count,
                        const struct fx_redis_reply **ret_reply, struct fx_error *err) {
    int64_t left_ms = a->until_ms - fx_mono_ms(a->ctx->clock);

    if (left_ms <= 0)
        return fx_fail(err, FX_ERR_TIMEOUT, "the time for all of the questions is over");
    return fx_redis_call(a->redis, a->ctx->sc, words, count, left_ms, ret_reply, err);
}

static enum fx_code refuse_large(struct asking *a, const struct redis_question *question,
                                 const struct redis_words *words, int64_t max,
                                 struct fx_error *err) {
    const struct fx_slice size[] = {fx_slice_of(question->size), words->key};
    int64_t limit = question->shape == REDIS_PAIRS ? max : REDIS_MAX_VALUE_BYTES;
    const struct fx_redis_reply *reply = NULL;

    FX_TRY(ask(a, size, FX_COUNT_OF(size), &reply, err));
    if (reply->integer > limit)
        return fx_fail(err, FX_ERR_LIMIT, "the key holds %lld %s, more than the %lld that are read",
                       (long long)reply->integer,
                       question->shape == REDIS_PAIRS ? "fields" : "bytes", (long long)limit);
    return FX_OK;
}

static bool holds(const struct fx_json *list, struct fx_slice text) {
    for (size_t i = 0; i < fx_json_count(list); i++)
        if (fx_slice_equal(fx_json_text_slice(fx_json_item(list, i)), text))
            return true;
    return false;
}

/* A key may come twice while others are added. */
static bool take_page(struct fx_scope *sc, const struct fx_redis_reply *page, int64_t max,
                      struct fx_json *keys) {
    for (size_t i = 0; i < page->items_count; i++) {
        if (!fx_slice_is_utf8(page->items[i]->text) || holds(keys, page->items[i]->text))
            continue;
        if ((int64_t)fx_json_count(keys) >= max)
            return false;
        fx_json_add(keys, fx_json_slice(sc, page->items[i]->text));
    }
    return true;
}

/* Bounded by keys, by calls and by time: SCAN looks at every key there is, whatever fits. */
static enum fx_code scan(struct asking *a, const struct redis_words *words, int64_t max,
                         struct fx_json **ret_output, struct fx_error *err) {
    struct fx_scope *sc = a->ctx->sc;
    struct fx_json *keys = fx_json_array(sc);
    struct fx_slice cursor = FX_SLICE("0");
    bool complete = false;

    for (int round = 0; round < REDIS_SCAN_ROUNDS && !complete; round++) {
        const char *count = fx_printf(sc, "%d", REDIS_SCAN_COUNT);
        const struct fx_slice call[] = {words->list[0],    cursor,
                                        FX_SLICE("MATCH"), words->key,
                                        FX_SLICE("COUNT"), fx_slice_of(count)};
        const struct fx_redis_reply *reply = NULL;

        FX_TRY(ask(a, call, FX_COUNT_OF(call), &reply, err));
        if (reply->kind != FX_REDIS_LIST || reply->items_count != 2)
            return fx_fail(err, FX_ERR_UPSTREAM, "the answer to SCAN cannot be read");
        if (!take_page(sc, reply->items[1], max, keys))
            break;
        cursor = reply->items[0]->text;
        complete = fx_slice_equal_text(cursor, "0");
    }
    *ret_output = fx_json_object_of(
        sc, "value", keys, "count", fx_json_int(sc, (int64_t)fx_json_count(keys)), "complete",
        fx_json_bool(sc, complete), "found", fx_json_bool(sc, fx_json_count(keys) > 0), NULL);
    return FX_OK;
}

static enum fx_code question_once(struct asking *a, const struct redis_question *question,
                                  const struct redis_words *words, int64_t max,
                                  struct fx_json **ret_output, struct fx_error *err) {
    struct fx_scope *sc = a->ctx->sc;
    const struct fx_redis_reply *reply = NULL;

    if (question->shape == REDIS_SCAN)
        return scan(a, words, max, ret_output, err);
    if (question->size != NULL)
        FX_TRY(refuse_large(a, question, words, max, err));
    FX_TRY(ask(a, words->list, words->count, &reply, err));
    struct fx_json *value = question->shape == REDIS_PAIRS ? redis_pairs_of(sc, reply)
                            : question->shape == REDIS_INFO
                                ? redis_info_of(sc, reply->text)
                                : redis_value_of(sc, reply, (size_t)max);
    int64_t count = reply->kind != FX_REDIS_LIST     ? 1
                    : question->shape == REDIS_PAIRS ? (int64_t)reply->items_count / 2
                                                     : (int64_t)reply->items_count;
    bool found = question->shape == REDIS_PAIRS ? count > 0 : redis_is_found(question, value);

    *ret_output = fx_json_object_of(
        sc, "value", value, "count", fx_json_int(sc, found ? count : 0), "complete",
        fx_json_bool(sc, question->shape != REDIS_PLAIN || count <= max), "found",
        fx_json_bool(sc, found), NULL);
    return FX_OK;
}

/* As ACL SETUSER wants it: "+memory|usage". */
static const char *permission(struct fx_scope *sc, const char *name) {
    char *text = fx_printf(sc, " +%s", name);

    for (char *p = text + 2; *p != '\0'; p++)
        *p = *p == ' ' ? '|' : (char)tolower((unsigned char)*p);
    return text;
}

/* What a person can do about it. */
static const char *advice(struct fx_scope *sc, enum fx_code code, const struct fx_error *err,
                          const struct redis_question *question) {
    if (strcmp(err->upstream, "NOPERM") == 0)
        return fx_printf(sc, "allow it with ACL SETUSER NAME%s%s, and the keys with ~PATTERN",
                         permission(sc, question->name),
                         question->size == NULL ? "" : permission(sc, question->size));
    if (strcmp(err->upstream, "WRONGTYPE") == 0)
        return "ask for its TYPE, and correct the runbook";
    if (strcmp(err->upstream, "NOAUTH") == 0 || code == FX_ERR_DENIED)
        return "see that user and password in its connection string are right and still valid";
    if (code == FX_ERR_UNAVAILABLE)
        return "see that it runs, and that it lets the bot's address in";
    if (code == FX_ERR_TIMEOUT)
        return "it is not asked again; ask when it is less busy, or raise `wait` in the runbook";
    return NULL;
}

/* A refusal by the other side is no refusal of ours, and what took too long is not repeated. */
static enum fx_code explain(const struct fx_step_context *ctx, const struct fx_json *params,
                            const struct redis_question *question, enum fx_code code,
                            struct fx_error *err) {
    struct fx_error why = *err;
    const char *hint = advice(ctx->sc, code, &why, question);

    if (code == FX_ERR_DENIED || code == FX_ERR_TIMEOUT)
        code = FX_ERR_UPSTREAM;
    (void)fx_fail(err, code, "%s, %s: %.300s%s%s", fx_json_get_text(params, "database"),
                  question->name, why.message, hint == NULL ? "" : "; ", hint == NULL ? "" : hint);
    snprintf(err->upstream, sizeof err->upstream, "%s", why.upstream);
    return code;
}

static enum fx_code redis_run(const struct fx_step_context *ctx, const struct fx_json *params,
                              struct fx_step_result *ret_result, struct fx_error *err) {
    const struct redis_question *question =
        redis_question_find(fx_json_get_text(params, "command"));
    int64_t began = fx_mono_ms(ctx->clock), max = fx_json_get_int(params, "max", 1);
    int64_t wait_ms = fx_scope_time_left(ctx->sc, began, fx_json_get_int(params, "wait", 0));
    struct asking a = {.ctx = ctx, .until_ms = began + wait_ms};
    struct redis_words words;

    if (question == NULL)
        return fx_fail(err, FX_ERR_INPUT, "this command of Redis is not asked");
    FX_TRY(check_shape(question, params, err));
    FX_TRY(check_max(params, err));
    FX_TRY(wait_check(params, REDIS_MAX_WAIT_MS, err));
    FX_TRY(redis_words_of(ctx->sc, question, params, &words, err));
    enum fx_code code =
        redis_database_open(ctx, fx_json_get_text(params, "database"), wait_ms, &a.redis, err);
    if (code == FX_ERR_INPUT)
        return code;
    if (code == FX_OK)
        code = question_once(&a, question, &words, max, &ret_result->output, err);
    fx_redis_close(a.redis);
    if (code != FX_OK)
        return explain(ctx, params, question, code, err);
    fx_json_put(ret_result->output, "ms", fx_json_int(ctx->sc, fx_mono_ms(ctx->clock) - began));
    return FX_OK;
}

const struct fx_step_kind step_redis = {
    .name = "redis",
    .summary = "Asks a Redis one question that only reads; {value, count, found, complete, ms}.",
    .params = redis_params,
    .params_count = FX_COUNT_OF(redis_params),
    .shorthand = "command",
    .with = "with",
    .effect = step_reads,
    .check = redis_check,
    .run = redis_run,
};
