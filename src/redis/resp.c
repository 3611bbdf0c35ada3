/* resp.c - commands and replies as bytes, on hiredis' formatter and reader. Replies are built in a
 * scope by functions of our own, so that nobody's numbers decide what is allocated. */
#include "private.h"

#include <assert.h>
#include <hiredis/hiredis.h>
#include <string.h>

/* ---- commands ---- */

struct formatted {
    char *ptr;
    size_t len;
};

static void wipe_formatted(void *thing) {
    struct formatted *formatted = thing;

    explicit_bzero(formatted->ptr, formatted->len);
    redisFreeCommand(formatted->ptr);
}

enum fx_code redis_format(struct fx_scope *sc, const struct fx_slice *arguments, size_t count,
                          struct fx_slice *ret_bytes, struct fx_error *err) {
    const char *texts[FX_REDIS_MAX_ARGUMENTS];
    size_t lengths[FX_REDIS_MAX_ARGUMENTS];
    struct formatted *formatted = FX_NEW(sc, struct formatted);

    if (count == 0 || count > FX_REDIS_MAX_ARGUMENTS)
        return fx_fail(err, FX_ERR_INPUT, "a command of Redis has 1 to %d words",
                       FX_REDIS_MAX_ARGUMENTS);
    for (size_t i = 0; i < count; i++) {
        texts[i] = arguments[i].len == 0 ? "" : arguments[i].ptr;
        lengths[i] = arguments[i].len;
    }
    int len = redisFormatCommandArgv(&formatted->ptr, (int)count, texts, lengths);

    if (len < 0)
        return fx_fail(err, FX_ERR_LIMIT, "the command for Redis is too large");
    formatted->len = (size_t)len;
    fx_defer(sc, wipe_formatted, formatted);
    *ret_bytes = (struct fx_slice){formatted->ptr, formatted->len};
    return FX_OK;
}

/* ---- replies ---- */

static struct fx_redis_reply *add_reply(const redisReadTask *task, enum fx_redis_kind kind) {
    struct redis_reader *reader = task->privdata;
    struct fx_redis_reply *reply = FX_NEW(reader->sc, struct fx_redis_reply);

    reply->kind = kind;
    if (task->parent != NULL) {
        struct fx_redis_reply *list = task->parent->obj;

        list->items[task->idx] = reply;
    }
    return reply;
}

static void *make_text(const redisReadTask *task, char *text, size_t len) {
    struct redis_reader *reader = task->privdata;
    struct fx_redis_reply *reply =
        add_reply(task, task->type == REDIS_REPLY_ERROR    ? FX_REDIS_ERROR
                        : task->type == REDIS_REPLY_STATUS ? FX_REDIS_STATUS
                                                           : FX_REDIS_TEXT);

    reply->text = (struct fx_slice){fx_slice_dup(reader->sc, (struct fx_slice){text, len}), len};
    return reply;
}

/* The server names the count before it sends the items. NULL makes hiredis give up. */
static void *make_list(const redisReadTask *task, int count) {
    struct redis_reader *reader = task->privdata;

    if (count < 0 || (size_t)count > reader->items_left)
        return NULL;
    reader->items_left -= (size_t)count;

    struct fx_redis_reply *reply = add_reply(task, FX_REDIS_LIST);
    reply->items = fx_alloc(reader->sc, ((size_t)count + 1) * sizeof(*reply->items));
    reply->items_count = (size_t)count;
    return reply;
}

static void *make_integer(const redisReadTask *task, long long value) {
    struct fx_redis_reply *reply = add_reply(task, FX_REDIS_INTEGER);

    reply->integer = value;
    return reply;
}

static void *make_nil(const redisReadTask *task) {
    return add_reply(task, FX_REDIS_NIL);
}

static void leave_to_scope(void *reply) {
    (void)reply;
}

static const redisReplyObjectFunctions functions = {
    .createString = make_text,
    .createArray = make_list,
    .createInteger = make_integer,
    .createNil = make_nil,
    .freeObject = leave_to_scope,
};

static void free_scope(void *sc) {
    fx_scope_free(sc);
}

static void begin_reply(struct redis_reader *reader) {
    reader->sc = fx_scope_new(NULL);
    reader->items_left = FX_REDIS_MAX_ITEMS;
}

void redis_reader_init(struct redis_reader *reader) {
    /* hiredis only reads the table */
    *reader = (struct redis_reader){
        .hiredis = redisReaderCreateWithFunctions((redisReplyObjectFunctions *)&functions)};
    assert(reader->hiredis != NULL);
    reader->hiredis->privdata = reader;
    begin_reply(reader);
}

void redis_reader_release(struct redis_reader *reader) {
    if (reader->hiredis != NULL)
        redisReaderFree(reader->hiredis);
    fx_scope_free(reader->sc);
    *reader = (struct redis_reader){0};
}

enum fx_code redis_reader_feed(struct redis_reader *reader, struct fx_slice bytes,
                               struct fx_error *err) {
    reader->unread_bytes += bytes.len;
    if (reader->unread_bytes > FX_REDIS_MAX_REPLY_BYTES)
        return fx_fail(err, FX_ERR_LIMIT, "the reply of Redis is larger than %d bytes",
                       FX_REDIS_MAX_REPLY_BYTES);
    if (redisReaderFeed(reader->hiredis, bytes.ptr, bytes.len) != REDIS_OK)
        return fx_fail(err, FX_ERR_UPSTREAM, "the reply of Redis cannot be read");
    return FX_OK;
}

enum fx_code redis_reader_next(struct redis_reader *reader, struct fx_scope *sc,
                               const struct fx_redis_reply **ret_reply, struct fx_error *err) {
    void *reply = NULL;

    *ret_reply = NULL;
    if (redisReaderGetReply(reader->hiredis, &reply) != REDIS_OK)
        return fx_fail(err, FX_ERR_UNAVAILABLE,
                       "what answers does not speak the protocol of Redis");
    if (reply == NULL)
        return FX_OK;
    reader->unread_bytes = reader->hiredis->len - reader->hiredis->pos;
    fx_defer(sc, free_scope, reader->sc);
    begin_reply(reader);
    *ret_reply = reply;
    return FX_OK;
}
