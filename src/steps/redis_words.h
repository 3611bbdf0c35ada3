/* redis_words.h - what redis.c and redis_words.c share: the questions that Redis may be asked. */
#pragma once

#include "private.h"

#include "fluxabot/base/buf.h"
#include "fluxabot/redis.h"

enum {
    REDIS_MAX_ARGUMENTS = 8,
    REDIS_MAX_KEY_BYTES = 512,
    REDIS_MAX_VALUE_BYTES = 64 << 10, /* of a text that is read */
    REDIS_MAX_ITEMS = 500,
    REDIS_SCAN_COUNT = 500, /* keys that the server looks at in one call */
    REDIS_SCAN_ROUNDS = 100,
    REDIS_WORDS = REDIS_MAX_ARGUMENTS + 3,
};

enum redis_shape {
    REDIS_PLAIN, /* the reply as it is */
    REDIS_PAIRS, /* name, value, name, value */
    REDIS_INFO,
    REDIS_SCAN,
};

struct redis_question {
    const char *name;           /* as a runbook writes it: "MEMORY USAGE" */
    const char *first, *second; /* the words sent; second NULL: one */
    bool key;                   /* wants a key, or a pattern */
    size_t least, most;         /* arguments behind it */
    bool range;                 /* they are the ends of a range */
    const char *size;           /* asked first, so that what is too large is not fetched; NULL */
    enum redis_shape shape;
};

struct redis_words {
    struct fx_slice list[REDIS_WORDS];
    size_t count;
    struct fx_slice key;
};

/* NULL for a command that may not be asked. */
const struct redis_question *redis_question_find(const char *name);
const char *redis_question_names(struct fx_scope *sc);

/* Puts values for $1 to $9 of a key. FX_ERR_INPUT for one that is not made of letters, digits and
 * . _ = @ - alone, or is missing or one too many. */
enum fx_code redis_key_bind(struct fx_scope *sc, const char *key, const struct fx_json *values,
                            const char **ret_key, struct fx_error *err);
/* The words of one call with filled parameters; for SCAN those before its cursor are its name and
 * its pattern. */
enum fx_code redis_words_of(struct fx_scope *sc, const struct redis_question *question,
                            const struct fx_json *params, struct redis_words *ret_words,
                            struct fx_error *err);

/* Lists are cut at max items. */
struct fx_json *redis_value_of(struct fx_scope *sc, const struct fx_redis_reply *reply, size_t max);
struct fx_json *redis_pairs_of(struct fx_scope *sc, const struct fx_redis_reply *reply);
struct fx_json *redis_info_of(struct fx_scope *sc, struct fx_slice text);
bool redis_is_found(const struct redis_question *question, const struct fx_json *value);
