/* logs_search.c - the step kind `logs.search`: the newest lines of a log group that hold some
 * texts.
 *
 * FilterLogEvents reads from old to new, and what people want is the newest. So the window is
 * looked at in slices, the newest and shortest first, until enough lines are found or a limit is
 * met; what was not looked at is told.
 */
#include "private.h"

#include "fluxabot/base/redact.h"

#include <string.h>

enum {
    SEARCH_MAX_WINDOW_MS = 24 * 3600 * 1000,
    SEARCH_MAX_LINES = 100,
    SEARCH_MAX_PAGES = 20,
    SEARCH_MAX_MS = 20 * 1000, /* a person waits */
    SEARCH_FIRST_SLICE = 8,    /* the newest slice is this part of the window */
    SEARCH_MIN_SLICE_MS = 1000,
    SEARCH_TEXT_MAX = 300,  /* characters shown of a line that is no JSON */
    SEARCH_FIELD_MAX = 120, /* and of one member of a line that is */
};

static const struct fx_step_param search_params[] = {
    {"groups", FX_PARAM_LIST, true, NULL, "log group names that may be searched"},
    {"only", FX_PARAM_TEXT, false, "\"\"", "which of them; the first when absent"},
    {"words", FX_PARAM_LIST, false, "[]", "texts that a line must hold, as they are written"},
    {"window", FX_PARAM_DURATION, false, "\"15m\"", "how far back, at most 24h"},
    {"lines", FX_PARAM_INT, false, "50", "how many of the newest to give, at most 100"},
    {"fields", FX_PARAM_LIST, false, "[]", "members of a JSON line that may be shown, no others"},
};

struct search {
    const struct fx_step_context *ctx;
    const char *group, *pattern;
    const struct fx_json *words, *fields;
    int64_t from_ms, to_ms, began_mono_ms;
    size_t wanted, pages, found;
    struct fx_json *lines; /* newest first */
    int64_t looked_ms;     /* all from here to to_ms was looked at, but for the gap */
    int64_t gap_from_ms, gap_to_ms;
    const char *stopped; /* NULL, or which limit was met */
};

/* ---- one line ---- */

static bool is_hex(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

/* Lambda puts its request id, a UUID, into each line it formats. NULL when there is none. */
static const char *request_in(struct fx_scope *sc, struct fx_slice line) {
    enum { UUID_LEN = 36 };

    for (size_t at = 0; at + UUID_LEN <= line.len; at++) {
        size_t i = 0;

        while (i < UUID_LEN && (i == 8 || i == 13 || i == 18 || i == 23 ? line.ptr[at + i] == '-'
                                                                        : is_hex(line.ptr[at + i])))
            i++;
        if (i == UUID_LEN)
            return fx_slice_dup(sc, fx_slice_cut(line, at, UUID_LEN));
    }
    return NULL;
}

static const char *shown(struct fx_scope *sc, struct fx_slice text, size_t max) {
    struct fx_slice safe = fx_slice_trim(fx_redact_slice(sc, text));
    size_t len = fx_slice_utf8_prefix(safe, max);

    return fx_printf(sc, "%.*s%s", (int)len, safe.ptr, len < safe.len ? "…" : "");
}

static struct fx_json *shown_fields(const struct search *s, const struct fx_json *json) {
    struct fx_scope *sc = s->ctx->sc;
    struct fx_json *fields = fx_json_object(sc);

    for (size_t i = 0; i < fx_json_count(s->fields); i++) {
        const char *name = fx_json_text(fx_json_item(s->fields, i));
        const struct fx_json *value = name == NULL ? NULL : fx_json_at_path(json, name);
        const char *text = fx_json_text(value);

        if (value == NULL || fx_json_type(value) == FX_JSON_NULL)
            continue;
        if (text == NULL)
            text = fx_json_dump(sc, value);
        fx_json_put(fields, name,
                    fx_json_string(sc, shown(sc, fx_slice_of(text), SEARCH_FIELD_MAX)));
    }
    return fields;
}

static const char *request_of(struct fx_scope *sc, struct fx_slice message,
                              const struct fx_json *json) {
    static const char *const names[] = {"requestId", "request_id", "AWSRequestId",
                                        "record.requestId"};

    for (size_t i = 0; json != NULL && i < FX_COUNT_OF(names); i++) {
        struct fx_slice id = fx_json_text_slice(fx_json_at_path(json, names[i]));

        if (id.len > 0)
            return shown(sc, id, SEARCH_FIELD_MAX);
    }
    return json != NULL ? NULL : request_in(sc, message);
}

static struct fx_json *line_of(const struct search *s, const struct fx_json *event) {
    struct fx_scope *sc = s->ctx->sc;
    struct fx_slice message = fx_json_text_slice(fx_json_at(event, "message"));
    struct fx_json *json = NULL;
    struct fx_error ignored;

    if (fx_json_parse(sc, message, &json, &ignored) != FX_OK ||
        fx_json_type(json) != FX_JSON_OBJECT)
        json = NULL;
    return fx_json_object_of(
        sc, "time", fx_json_int(sc, fx_json_get_int(event, "timestamp", 0)), "stream",
        fx_json_string(sc, fx_json_get_text(event, "logStreamName")), "request",
        fx_json_string(sc, request_of(sc, message, json)), "json", fx_json_bool(sc, json != NULL),
        "fields", json != NULL ? shown_fields(s, json) : fx_json_object(sc), "text",
        json != NULL ? NULL : fx_json_string(sc, shown(sc, message, SEARCH_TEXT_MAX)), NULL);
}

/* ---- one slice of the window ---- */

static enum fx_code read_page(struct search *s, int64_t from_ms, int64_t to_ms, const char **token,
                              struct fx_json *found, struct fx_error *err) {
    struct fx_scope *sc = s->ctx->sc;
    struct fx_json *answer = NULL;
    struct fx_json *params =
        fx_json_object_of(sc, "logGroupName", fx_json_string(sc, s->group), "startTime",
                          fx_json_int(sc, from_ms), "endTime", fx_json_int(sc, to_ms), "nextToken",
                          *token == NULL ? NULL : fx_json_string(sc, *token), "filterPattern",
                          s->pattern[0] == '\0' ? NULL : fx_json_string(sc, s->pattern), NULL);

    if (fx_aws_call(s->ctx->aws, sc,
                    &(struct fx_aws_call){
                        .service = "logs", .operation = "FilterLogEvents", .params = params},
                    &answer, err) != FX_OK)
        return log_group_explain(err);
    const struct fx_json *events = fx_json_at(answer, "events");

    s->pages++;
    for (size_t i = 0; i < fx_json_count(events); i++) {
        struct fx_json *event = fx_json_item(events, i);

        s->gap_from_ms = fx_json_get_int(event, "timestamp", s->gap_from_ms);
        if (log_holds(fx_json_text_slice(fx_json_at(event, "message")), s->words))
            fx_json_add(found, event);
    }
    const char *next = fx_json_get_text(answer, "nextToken");

    if (next != NULL && *token != NULL && strcmp(next, *token) == 0)
        s->stopped = "AWS gave the same page token twice";
    *token = next;
    return FX_OK;
}

static bool may_go_on(struct search *s) {
    if (s->stopped == NULL && s->pages >= SEARCH_MAX_PAGES)
        s->stopped = fx_printf(s->ctx->sc, "%d pages were read", SEARCH_MAX_PAGES);
    if (s->stopped == NULL && fx_mono_ms(s->ctx->clock) - s->began_mono_ms > SEARCH_MAX_MS)
        s->stopped = fx_printf(s->ctx->sc, "it took longer than %d s", SEARCH_MAX_MS / 1000);
    return s->stopped == NULL;
}

/* Pages may be empty and not the last. */
static enum fx_code read_slice(struct search *s, int64_t from_ms, int64_t to_ms,
                               struct fx_error *err) {
    struct fx_json *found = fx_json_array(s->ctx->sc);
    const char *token = NULL;

    s->gap_from_ms = from_ms;
    do
        FX_TRY(read_page(s, from_ms, to_ms, &token, found, err));
    while (token != NULL && may_go_on(s));
    s->gap_to_ms = to_ms;
    if (token == NULL) /* all of it, limit or not */
        s->gap_from_ms = to_ms;
    s->found += fx_json_count(found);
    for (size_t i = fx_json_count(found); i-- > 0 && fx_json_count(s->lines) < s->wanted;)
        fx_json_add(s->lines, line_of(s, fx_json_item(found, i)));
    s->looked_ms = from_ms;
    return FX_OK;
}

static enum fx_code search_back(struct search *s, struct fx_error *err) {
    int64_t end_ms = s->to_ms, span_ms = (s->to_ms - s->from_ms) / SEARCH_FIRST_SLICE;

    if (span_ms < SEARCH_MIN_SLICE_MS)
        span_ms = SEARCH_MIN_SLICE_MS;
    s->looked_ms = s->to_ms;
    while (end_ms >= s->from_ms && s->found < s->wanted && may_go_on(s)) {
        int64_t begin_ms = end_ms - span_ms > s->from_ms ? end_ms - span_ms : s->from_ms;

        FX_TRY(read_slice(s, begin_ms, end_ms, err));
        end_ms = begin_ms - 1; /* both ends of a window belong to it */
        span_ms *= 2;
    }
    return FX_OK;
}

/* ---- the whole ---- */

/* "" when all of the window was looked at. */
static const char *unread_of(const struct search *s) {
    struct fx_scope *sc = s->ctx->sc;
    const char *why = s->stopped != NULL ? s->stopped : "enough newer ones were found";
    const char *between = "", *before = "";

    if (s->gap_from_ms < s->gap_to_ms)
        between = fx_printf(sc, "between %s and %s", fx_time_iso(sc, s->gap_from_ms),
                            fx_time_iso(sc, s->gap_to_ms));
    if (s->looked_ms > s->from_ms)
        before = fx_printf(sc, "before %s", fx_time_iso(sc, s->looked_ms));
    if (between[0] == '\0' && before[0] == '\0')
        return "";
    return fx_printf(sc, "Lines %s%s%s were not looked at: %s.", between,
                     between[0] != '\0' && before[0] != '\0' ? " and " : "", before, why);
}

static enum fx_code prepare(struct search *s, const struct fx_json *params, struct fx_error *err) {
    int64_t window = fx_json_get_int(params, "window", 0);
    int64_t wanted = fx_json_get_int(params, "lines", 0);
    struct fx_json *groups = NULL;

    if (window < SEARCH_MIN_SLICE_MS || window > SEARCH_MAX_WINDOW_MS)
        return fx_fail(err, FX_ERR_INPUT,
                       "a search looks back 1 s to 24 h; for more use a log query");
    if (wanted < 1 || wanted > SEARCH_MAX_LINES)
        return fx_fail(err, FX_ERR_INPUT, "a search gives 1 to %d lines", SEARCH_MAX_LINES);
    FX_TRY(log_groups_chosen(s->ctx->sc, params, &groups, err));
    FX_TRY(log_pattern(s->ctx->sc, s->words, &s->pattern, err));
    s->group = fx_json_text(fx_json_item(groups, 0));
    if (s->group == NULL)
        return fx_fail(err, FX_ERR_INPUT, "a search needs a log group");
    s->wanted = (size_t)wanted;
    s->to_ms = fx_wall_ms(s->ctx->clock);
    s->from_ms = s->to_ms - window;
    return FX_OK;
}

static enum fx_code search_run(const struct fx_step_context *ctx, const struct fx_json *params,
                               struct fx_step_result *ret_result, struct fx_error *err) {
    struct fx_scope *sc = ctx->sc;
    struct search s = {.ctx = ctx,
                       .words = fx_json_at(params, "words"),
                       .fields = fx_json_at(params, "fields"),
                       .lines = fx_json_array(sc),
                       .began_mono_ms = fx_mono_ms(ctx->clock)};

    FX_TRY(prepare(&s, params, err));
    FX_TRY(search_back(&s, err));
    const char *unread = unread_of(&s);

    ret_result->output = fx_json_object_of(
        sc, "group", fx_json_string(sc, s.group), "lines", s.lines, "count",
        fx_json_int(sc, (int64_t)s.found), "pages", fx_json_int(sc, (int64_t)s.pages), "complete",
        fx_json_bool(sc, unread[0] == '\0'), "unread", fx_json_string(sc, unread), NULL);
    return FX_OK;
}

static const struct fx_step_call search_calls[] = {
    {"logs:FilterLogEvents", "groups"},
};

const struct fx_step_kind step_logs_search = {
    .name = "logs.search",
    .summary = "Finds the newest lines of a log group that hold some texts; {group, lines: [{time, "
               "stream, request, json, fields, text}], count, pages, complete, unread}. unread "
               "says what was not looked at.",
    .params = search_params,
    .params_count = FX_COUNT_OF(search_params),
    .calls = search_calls,
    .calls_count = FX_COUNT_OF(search_calls),
    .effect = step_reads,
    .run = search_run,
};
