/* redis_words.c - which commands of Redis may be asked, the words that are sent, and what is made
 * of the answers. */
#include "redis_words.h"

#include <string.h>

enum { MAX_BOUND_BYTES = 128, MAX_PLACES = 9 };

static const char bindable[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._=@-";

/* What is not here cannot be asked: KEYS, MONITOR and SORT load the server, CONFIG and ACL tell
 * secrets, CLIENT LIST tells addresses of people, EVAL runs code. */
static const struct redis_question questions[] = {
    {"PING", .first = "PING"},
    {"DBSIZE", .first = "DBSIZE"},
    {"TYPE", .first = "TYPE", .key = true},
    {"EXISTS", .first = "EXISTS", .key = true},
    {"TTL", .first = "TTL", .key = true},
    {"PTTL", .first = "PTTL", .key = true},
    {"GET", .first = "GET", .key = true, .size = "STRLEN"},
    {"STRLEN", .first = "STRLEN", .key = true},
    {"HGET", .first = "HGET", .key = true, .least = 1, .most = 1},
    {"HMGET", .first = "HMGET", .key = true, .least = 1, .most = REDIS_MAX_ARGUMENTS},
    {"HGETALL", .first = "HGETALL", .key = true, .size = "HLEN", .shape = REDIS_PAIRS},
    {"HEXISTS", .first = "HEXISTS", .key = true, .least = 1, .most = 1},
    {"HLEN", .first = "HLEN", .key = true},
    {"LLEN", .first = "LLEN", .key = true},
    {"LRANGE", .first = "LRANGE", .key = true, .least = 2, .most = 2, .range = true},
    {"LINDEX", .first = "LINDEX", .key = true, .least = 1, .most = 1},
    {"SCARD", .first = "SCARD", .key = true},
    {"SISMEMBER", .first = "SISMEMBER", .key = true, .least = 1, .most = 1},
    {"ZCARD", .first = "ZCARD", .key = true},
    {"ZSCORE", .first = "ZSCORE", .key = true, .least = 1, .most = 1},
    {"ZCOUNT", .first = "ZCOUNT", .key = true, .least = 2, .most = 2},
    {"ZRANGE", .first = "ZRANGE", .key = true, .least = 2, .most = 2, .range = true},
    {"XLEN", .first = "XLEN", .key = true},
    {"XPENDING", .first = "XPENDING", .key = true, .least = 1, .most = 1},
    {"MEMORY USAGE", .first = "MEMORY", .second = "USAGE", .key = true},
    {"INFO", .first = "INFO", .least = 1, .most = 1, .shape = REDIS_INFO},
    {"PUBSUB CHANNELS", .first = "PUBSUB", .second = "CHANNELS", .key = true},
    {"PUBSUB NUMSUB", .first = "PUBSUB", .second = "NUMSUB", .least = 1,
     .most = REDIS_MAX_ARGUMENTS, .shape = REDIS_PAIRS},
    {"PUBSUB NUMPAT", .first = "PUBSUB", .second = "NUMPAT"},
    {"SLOWLOG LEN", .first = "SLOWLOG", .second = "LEN"},
    {"SCAN", .first = "SCAN", .key = true, .shape = REDIS_SCAN},
};

const struct redis_question *redis_question_find(const char *name) {
    for (size_t i = 0; name != NULL && i < FX_COUNT_OF(questions); i++)
        if (strcmp(questions[i].name, name) == 0)
            return &questions[i];
    return NULL;
}

const char *redis_question_names(struct fx_scope *sc) {
    const char *text = questions[0].name;

    for (size_t i = 1; i < FX_COUNT_OF(questions); i++)
        text = fx_printf(sc, "%s, %s", text, questions[i].name);
    return text;
}

/* ---- what is sent ---- */

/* A person's value is one part of a key: with the sign that separates parts, or one of a pattern,
 * it would choose another key. */
static enum fx_code bound_text(struct fx_scope *sc, const struct fx_json *value, size_t number,
                               const char **ret_text, struct fx_error *err) {
    const char *text =
        fx_json_type(value) == FX_JSON_INT ? fx_json_dump(sc, value) : fx_json_text(value);

    if (value == NULL)
        return fx_fail(err, FX_ERR_INPUT, "the key has a $%zu, but `with` has no such value",
                       number);
    if (text == NULL || text[0] == '\0' || strlen(text) > MAX_BOUND_BYTES ||
        text[strspn(text, bindable)] != '\0')
        return fx_fail(err, FX_ERR_INPUT,
                       "the value for $%zu of the key must be 1 to %d letters, digits or . _ = @ -",
                       number, MAX_BOUND_BYTES);
    *ret_text = text;
    return FX_OK;
}

enum fx_code redis_key_bind(struct fx_scope *sc, const char *key, const struct fx_json *values,
                            const char **ret_key, struct fx_error *err) {
    struct fx_buf buf;
    bool used[MAX_PLACES + 1] = {0};

    fx_buf_init(&buf, sc, REDIS_MAX_KEY_BYTES);
    for (const char *p = key; *p != '\0'; p++) {
        const char *text = NULL;
        size_t number = p[0] == '$' && p[1] >= '1' && p[1] <= '9' ? (size_t)(p[1] - '0') : 0;

        if (number == 0) {
            fx_buf_add_char(&buf, *p);
            continue;
        }
        FX_TRY(bound_text(sc, fx_json_item(values, number - 1), number, &text, err));
        fx_buf_add_text(&buf, text);
        used[number] = true;
        p++;
    }
    for (size_t i = 1; i <= fx_json_count(values); i++)
        if (i > MAX_PLACES || !used[i])
            return fx_fail(err, FX_ERR_INPUT, "the key has no $%zu for that value of `with`", i);
    if (buf.full || buf.len == 0)
        return fx_fail(err, FX_ERR_INPUT, "a key has 1 to %d bytes", REDIS_MAX_KEY_BYTES);
    *ret_key = fx_buf_text(&buf);
    return FX_OK;
}

/* LRANGE and ZRANGE: from the front, and not more than max. */
static enum fx_code check_range(const struct fx_json *arguments, int64_t max,
                                struct fx_error *err) {
    int64_t from = 0, to = 0;

    for (size_t i = 0; i < 2; i++) {
        const struct fx_json *item = fx_json_item(arguments, i);
        int64_t *number = i == 0 ? &from : &to;

        if (fx_json_type(item) == FX_JSON_INT)
            *number = fx_json_to_int(item, 0);
        else if (!fx_slice_to_int(fx_json_text_slice(item), number))
            return fx_fail(err, FX_ERR_INPUT, "a range is two whole numbers, such as [0, 9]");
    }
    if (from < 0 || to < from || to - from >= max)
        return fx_fail(err, FX_ERR_INPUT,
                       "a range counts from 0 and holds at most `max` (%lld) items",
                       (long long)max);
    return FX_OK;
}

static enum fx_code add_arguments(struct fx_scope *sc, const struct redis_question *question,
                                  const struct fx_json *arguments, int64_t max,
                                  struct redis_words *words, struct fx_error *err) {
    if (question->range)
        FX_TRY(check_range(arguments, max, err));
    for (size_t i = 0; i < fx_json_count(arguments); i++) {
        const struct fx_json *item = fx_json_item(arguments, i);
        const char *text =
            fx_json_type(item) == FX_JSON_STRING ? fx_json_text(item) : fx_json_dump(sc, item);

        if (strlen(text) > REDIS_MAX_KEY_BYTES)
            return fx_fail(err, FX_ERR_INPUT, "argument %zu is longer than %d bytes", i + 1,
                           REDIS_MAX_KEY_BYTES);
        words->list[words->count++] = fx_slice_of(text);
    }
    return FX_OK;
}

enum fx_code redis_words_of(struct fx_scope *sc, const struct redis_question *question,
                            const struct fx_json *params, struct redis_words *ret_words,
                            struct fx_error *err) {
    int64_t max = fx_json_get_int(params, "max", 0);
    const char *key = NULL;

    *ret_words = (struct redis_words){.list = {fx_slice_of(question->first)}, .count = 1};
    if (question->second != NULL)
        ret_words->list[ret_words->count++] = fx_slice_of(question->second);
    if (question->key) {
        FX_TRY(redis_key_bind(sc, fx_json_get_text(params, "key"), fx_json_at(params, "with"), &key,
                              err));
        ret_words->key = fx_slice_of(key);
        ret_words->list[ret_words->count++] = ret_words->key;
    }
    return add_arguments(sc, question, fx_json_at(params, "arguments"), max, ret_words, err);
}

/* ---- what came back ---- */

/* Bytes that are no text are not shown: they would be a card full of signs. */
static struct fx_json *text_of(struct fx_scope *sc, struct fx_slice text) {
    return fx_slice_is_utf8(text) ? fx_json_slice(sc, text)
                                  : fx_json_stringf(sc, "[%zu bytes that are no text]", text.len);
}

struct fx_json *redis_value_of(struct fx_scope *sc, const struct fx_redis_reply *reply,
                               size_t max) {
    struct fx_json *list;

    switch (reply->kind) {
    case FX_REDIS_INTEGER:
        return fx_json_int(sc, reply->integer);
    case FX_REDIS_TEXT:
    case FX_REDIS_STATUS:
        return text_of(sc, reply->text);
    case FX_REDIS_LIST:
        list = fx_json_array(sc);
        for (size_t i = 0; i < reply->items_count && i < max; i++)
            fx_json_add(list, redis_value_of(sc, reply->items[i], max));
        return list;
    case FX_REDIS_NIL:
    case FX_REDIS_ERROR:
        break;
    }
    return fx_json_null(sc);
}

struct fx_json *redis_pairs_of(struct fx_scope *sc, const struct fx_redis_reply *reply) {
    struct fx_json *object = fx_json_object(sc);

    for (size_t i = 0; i + 1 < reply->items_count; i += 2)
        fx_json_put(object, fx_json_text(text_of(sc, reply->items[i]->text)),
                    redis_value_of(sc, reply->items[i + 1], 0));
    return object;
}

/* "used_memory:1048576" in lines; "#" begins a heading. */
struct fx_json *redis_info_of(struct fx_scope *sc, struct fx_slice text) {
    struct fx_json *object = fx_json_object(sc);
    struct fx_slice line, name, value;

    while (text.len > 0) {
        int64_t number = 0;

        fx_slice_split(text, '\n', &line, &text);
        line = fx_slice_trim(line);
        if (line.len == 0 || line.ptr[0] == '#' || !fx_slice_split(line, ':', &name, &value))
            continue;
        fx_json_put(object, fx_slice_dup(sc, name),
                    fx_slice_to_int(value, &number) ? fx_json_int(sc, number) : text_of(sc, value));
    }
    return object;
}

/* Redis says that there is no such key in four ways. */
bool redis_is_found(const struct redis_question *question, const struct fx_json *value) {
    const char *text = fx_json_text(value);

    if (strcmp(question->name, "TTL") == 0 || strcmp(question->name, "PTTL") == 0)
        return fx_json_to_int(value, 0) != -2;
    if (strcmp(question->name, "TYPE") == 0)
        return text != NULL && strcmp(text, "none") != 0;
    if (strcmp(question->name, "EXISTS") == 0 || strcmp(question->name, "HEXISTS") == 0 ||
        strcmp(question->name, "SISMEMBER") == 0)
        return fx_json_to_int(value, 0) != 0;
    return fx_json_type(value) != FX_JSON_NULL;
}
