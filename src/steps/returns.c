/* returns.c - what became of the messages that were redriven, without touching the queue again.
 *
 * A look into the queue would hide its messages and could end and begin an alarm, so the database
 * and the logs are asked. A failure counts only when it is younger than the redrive: each message
 * had failed before, which is why it was there.
 */
#include "private.h"

#include <string.h>

/* The database's clock and ours may differ; a message failed minutes before it was redriven. */
enum { CLOCKS_MAY_DIFFER_MS = 5000 };

static bool is_younger(const struct fx_json *row, int64_t since_ms) {
    int64_t seen_ms = 0;
    struct fx_error ignored;

    /* a row without a time, or with one nobody can read, is taken for new: the careful side */
    if (fx_time_parse(fx_slice_of(fx_json_get_text(row, "last_seen_at")), &seen_ms, &ignored) !=
        FX_OK)
        return true;
    return seen_ms >= since_ms - CLOCKS_MAY_DIFFER_MS;
}

static bool has_status(const struct fx_json *row, const char *wanted) {
    const char *status = fx_json_get_text(row, "status");

    return status != NULL && strcmp(status, wanted) == 0;
}

static enum fx_code statuses(const struct fx_step_context *ctx, const struct fx_json *messages,
                             struct fx_json **ret_rows, struct fx_error *err) {
    struct fx_json *ids = fx_json_array(ctx->sc);

    for (size_t i = 0; i < fx_json_count(messages); i++)
        fx_json_add(ids, fx_json_at(fx_json_item(messages, i), "event_id"));
    return evidence_events(ctx, ids, ret_rows, err);
}

static void add_event(const struct fx_step_context *ctx, struct returns *ret,
                      const struct fx_json *message, const char *status, const char *cause) {
    struct fx_scope *sc = ctx->sc;

    fx_json_add(ret->events,
                fx_json_object_of(sc, "event_id", fx_json_at(message, "event_id"), "status",
                                  fx_json_string(sc, status), "cause", fx_json_string(sc, cause),
                                  "was", fx_json_at(message, "cause"), NULL));
}

static void count_failure(const struct fx_step_context *ctx, struct rules *rules,
                          struct returns *ret, const struct fx_json *message,
                          const struct dead_letter *letter) {
    const struct fx_json *class = rule_for(rules, letter);
    const char *now = class == NULL ? "Unknown" : class_name(class);
    const char *was = fx_json_get_text(message, "cause");

    ret->failed++;
    add_event(ctx, ret, message, "failed again", now);
    if (was != NULL && strcmp(was, now) == 0)
        fx_json_put(ret->came_back, now,
                    fx_json_int(ctx->sc, fx_json_get_int(ret->came_back, now, 0) + 1));
}

/* Evidence is gathered on a letter, though nothing was received: only its ids are known. */
static struct dead_letter letter_for(const struct fx_step_context *ctx,
                                     const struct fx_json *message) {
    const char *event_id = fx_json_get_text(message, "event_id");
    const char *correlation_id = fx_json_get_text(message, "correlation_id");

    return (struct dead_letter){.id = "",
                                .event_id = event_id == NULL ? "" : event_id,
                                .correlation_id = correlation_id == NULL ? "" : correlation_id,
                                .codes = fx_json_array(ctx->sc),
                                .texts = fx_json_array(ctx->sc),
                                .why = ""};
}

/* Those of which the database knows nothing new: perhaps the logs do. Should they not answer, what
 * the database told stands, and these are not known yet. */
static void ask_logs(const struct fx_step_context *ctx, struct rules *rules,
                     const struct fx_json *silent, int64_t since_ms, struct returns *ret) {
    size_t count = fx_json_count(silent);
    struct letters letters = {.items = fx_alloc(ctx->sc, (count + 1) * sizeof *letters.items),
                              .count = count,
                              .capacity = count};
    struct fx_error why;

    for (size_t i = 0; i < count; i++)
        letters.items[i] = letter_for(ctx, fx_json_item(silent, i));
    if (evidence_of_logs(ctx, &letters, since_ms, &why) != FX_OK)
        ret->unread = fx_strdup(ctx->sc, why.message);
    for (size_t i = 0; i < count; i++) {
        const struct fx_json *message = fx_json_item(silent, i);

        if (fx_json_count(letters.items[i].codes) + fx_json_count(letters.items[i].texts) > 0) {
            count_failure(ctx, rules, ret, message, &letters.items[i]);
            continue;
        }
        ret->pending++;
        add_event(ctx, ret, message, "not known yet", "");
    }
}

static struct returns nothing(const struct fx_step_context *ctx) {
    return (struct returns){.came_back = fx_json_object(ctx->sc),
                            .events = fx_json_array(ctx->sc),
                            .told = fx_json_at_path(ctx->system, "dlq_evidence.query") != NULL,
                            .unread = ""};
}

enum fx_code returns_count(const struct fx_step_context *ctx, const struct fx_json *messages,
                           int64_t since_ms, struct returns *ret, struct fx_error *err) {
    struct fx_json *rows = NULL;

    *ret = nothing(ctx);
    FX_TRY(statuses(ctx, messages, &rows, err));
    for (size_t i = 0; i < fx_json_count(messages); i++) {
        const char *id = fx_json_get_text(fx_json_item(messages, i), "event_id");
        const struct fx_json *row = id == NULL ? NULL : fx_json_at(rows, id);

        if (has_status(row, "success"))
            ret->success++;
        else if (has_status(row, "failed") && is_younger(row, since_ms))
            ret->failed++;
        else
            ret->pending++;
    }
    return FX_OK;
}

enum fx_code returns_find(const struct fx_step_context *ctx, const struct fx_json *messages,
                          int64_t since_ms, struct returns *ret, struct fx_error *err) {
    struct fx_json *rows = NULL, *silent = fx_json_array(ctx->sc);
    struct rules *rules = rules_new(ctx->sc, ctx->system);

    *ret = nothing(ctx);
    FX_TRY(statuses(ctx, messages, &rows, err));
    for (size_t i = 0; i < fx_json_count(messages); i++) {
        struct fx_json *message = fx_json_item(messages, i);
        const char *id = fx_json_get_text(message, "event_id");
        const struct fx_json *row = id == NULL ? NULL : fx_json_at(rows, id);

        if (has_status(row, "success")) {
            ret->success++;
        } else if (has_status(row, "failed") && is_younger(row, since_ms)) {
            struct dead_letter letter = letter_for(ctx, message);

            evidence_of_row(ctx, &letter, row);
            count_failure(ctx, rules, ret, message, &letter);
        } else {
            fx_json_add(silent, message);
        }
    }
    ask_logs(ctx, rules, silent, since_ms, ret);
    return FX_OK;
}
