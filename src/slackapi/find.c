/* find.c - is a message or a file there already? After a call that was not answered nobody else
 * knows. */
#include "private.h"

#include <string.h>

#define MARK_TYPE "fluxabot_message"

enum {
    FIND_PAGES = 3,
    FIND_PAGE_MESSAGES = 200,
    FIND_MARGIN_MS = 5 * 60 * 1000, /* between our clock and Slack's */
};

struct fx_json *fx_slackapi_mark(struct fx_scope *sc, const char *key) {
    return fx_json_object_of(sc, "event_type", fx_json_string(sc, MARK_TYPE), "event_payload",
                             fx_json_object_of(sc, "key", fx_json_string(sc, key), NULL), NULL);
}

static bool has_mark(const struct fx_json *message, const char *key) {
    const char *type = fx_json_text(fx_json_at_path(message, "metadata.event_type"));
    const char *found = fx_json_text(fx_json_at_path(message, "metadata.event_payload.key"));

    return type != NULL && strcmp(type, MARK_TYPE) == 0 && found != NULL && strcmp(found, key) == 0;
}

static bool has_file(const struct fx_json *message, const char *name) {
    const struct fx_json *files = fx_json_at(message, "files");

    for (size_t i = 0; i < fx_json_count(files); i++) {
        const char *found = fx_json_get_text(fx_json_item(files, i), "name");

        if (found != NULL && strcmp(found, name) == 0)
            return true;
    }
    return false;
}

typedef bool is_it_fn(const struct fx_json *message, const char *what);

static const char *ts_among(const struct fx_json *messages, is_it_fn *is_it, const char *what) {
    for (size_t i = 0; i < fx_json_count(messages); i++) {
        const struct fx_json *message = fx_json_item(messages, i);
        const char *ts = fx_json_get_text(message, "ts");

        if (ts != NULL && is_it(message, what))
            return ts;
    }
    return NULL;
}

struct search {
    const char *channel, *parent_ts;
    int64_t since_ms;
    is_it_fn *is_it;
    const char *what;
};

static enum fx_code look(struct fx_slackapi *api, struct fx_scope *sc, const struct search *s,
                         const char **ret_ts, bool *ret_sure, struct fx_error *err) {
    const char *channel = s->channel, *parent_ts = s->parent_ts;
    int64_t since_ms = s->since_ms;
    bool thread = parent_ts != NULL && parent_ts[0] != '\0';
    const char *method = thread ? "conversations.replies" : "conversations.history";
    int64_t oldest_ms = since_ms > FIND_MARGIN_MS ? since_ms - FIND_MARGIN_MS : 0;
    const char *cursor = "";

    *ret_ts = "";
    *ret_sure = false;
    for (int page = 0; page < FIND_PAGES; page++) {
        struct fx_json *answer = NULL;
        struct fx_json *asked = fx_json_object_of(
            sc, "channel", fx_json_string(sc, channel), "ts",
            thread ? fx_json_string(sc, parent_ts) : NULL, "oldest",
            fx_json_stringf(sc, "%lld.000000", (long long)(oldest_ms / 1000)), "limit",
            fx_json_int(sc, FIND_PAGE_MESSAGES), "include_all_metadata", fx_json_bool(sc, true),
            "cursor", cursor[0] != '\0' ? fx_json_string(sc, cursor) : NULL, NULL);

        FX_TRY(fx_slackapi_call(api, sc, method, asked, &answer, err));
        const char *ts = ts_among(fx_json_at(answer, "messages"), s->is_it, s->what);

        if (ts != NULL) {
            *ret_ts = ts;
            *ret_sure = true;
            return FX_OK;
        }
        cursor = fx_json_text(fx_json_at_path(answer, "response_metadata.next_cursor"));
        if (cursor == NULL || cursor[0] == '\0') {
            *ret_sure = true;
            return FX_OK;
        }
    }
    return FX_OK;
}

enum fx_code fx_slackapi_find(struct fx_slackapi *api, struct fx_scope *sc, const char *channel,
                              const char *parent_ts, const char *key, int64_t since_ms,
                              const char **ret_ts, bool *ret_sure, struct fx_error *err) {
    const struct search search = {channel, parent_ts, since_ms, has_mark, key};

    return look(api, sc, &search, ret_ts, ret_sure, err);
}

enum fx_code fx_slackapi_find_file(struct fx_slackapi *api, struct fx_scope *sc,
                                   const char *channel, const char *parent_ts, const char *name,
                                   int64_t since_ms, const char **ret_ts, struct fx_error *err) {
    const struct search search = {channel, parent_ts, since_ms, has_file, name};
    bool sure = false;

    return look(api, sc, &search, ret_ts, &sure, err);
}
