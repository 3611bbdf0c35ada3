/* evidence.c - why a message is dead: from its body, its attributes, the database, the logs.
 *
 * SQS does not write the reason into a dead letter, so it has to be found. What finds no cause
 * stays Unknown, and Unknown is never redriven.
 */
#include "private.h"

#include "fluxabot/base/digest.h"

#include <string.h>
#include <strings.h>

enum {
    EVIDENCE_TEXT_MAX = 500, /* of one error text that patterns look at */
    EVIDENCE_IDS_PER_QUERY =
        200, /* correlation ids in one log query, well under its 10,000 characters */
    EVIDENCE_LOG_WINDOW_MS = 24 * 3600 * 1000,
};

static void add_code(struct fx_scope *sc, struct dead_letter *letter, const char *code) {
    if (code != NULL && code[0] != '\0')
        fx_json_add((struct fx_json *)letter->codes, fx_json_string(sc, code));
}

static void add_text(struct fx_scope *sc, struct dead_letter *letter, const char *text) {
    struct fx_slice s = fx_slice_of(text);

    if (s.len > 0)
        fx_json_add(
            (struct fx_json *)letter->texts,
            fx_json_slice(sc, fx_slice_cut(s, 0, fx_slice_utf8_prefix(s, EVIDENCE_TEXT_MAX))));
}

/* ---- 1 and 2: the message itself ---- */

static bool lacks_field(const struct fx_step_context *ctx, const struct fx_json *body) {
    const struct fx_json *required = fx_json_at_path(ctx->system, "schema.required");

    for (size_t i = 0; i < fx_json_count(required); i++) {
        enum fx_json_type type =
            fx_json_type(fx_json_at(body, fx_json_text(fx_json_item(required, i))));

        if (type == FX_JSON_ABSENT || type == FX_JSON_NULL)
            return true;
    }
    return false;
}

/* What is too large for a message lies in S3: its hash is not that of what stands here instead. */
static const char *reference_of(const struct fx_step_context *ctx, const struct fx_json *body) {
    const char *member = fx_json_text(fx_json_at_path(ctx->system, "schema.reference"));
    const char *key = member == NULL ? NULL : fx_json_get_text(fx_json_at(body, "payload"), member);

    return key == NULL ? "" : key;
}

static bool hash_differs(struct fx_scope *sc, const struct dead_letter *letter) {
    const struct fx_json *hash = fx_json_at(letter->json, "payload_hash");
    const char *told = fx_json_text(hash);

    if (hash == NULL || fx_json_at(letter->json, "payload") == NULL || letter->reference[0] != '\0')
        return false;
    return told == NULL ||
           strcasecmp(told, fx_sha256_hex(sc, compact_member(sc, letter->body, "payload"))) != 0;
}

void evidence_of_body(const struct fx_step_context *ctx, struct dead_letter *letter) {
    const struct fx_json *attributes = fx_json_at(letter->raw, "MessageAttributes");

    letter->codes = fx_json_array(ctx->sc);
    letter->texts = fx_json_array(ctx->sc);
    if (letter->json == NULL) {
        add_code(ctx->sc, letter, "InvalidJson");
        letter->why = "the body is not a JSON object";
        return;
    }
    if (lacks_field(ctx, letter->json) || letter->event_id[0] == '\0') {
        add_code(ctx->sc, letter, "MissingField");
        letter->why = "a required field is missing";
    }
    letter->reference = reference_of(ctx, letter->json);
    letter->differs = hash_differs(ctx->sc, letter);
    if (letter->differs) {
        add_code(ctx->sc, letter, "HashMismatch");
        letter->why = "the payload does not have the hash it claims";
    }
    add_code(ctx->sc, letter, fx_json_text(fx_json_at_path(attributes, "error_code.StringValue")));
}

const struct fx_json *classify_body(const struct fx_step_context *ctx, struct rules *rules,
                                    struct dead_letter *letter) {
    evidence_of_body(ctx, letter);
    return rule_for(rules, letter);
}

/* ---- 3: the database ---- */

enum fx_code evidence_events(const struct fx_step_context *ctx, const struct fx_json *event_ids,
                             struct fx_json **ret_rows, struct fx_error *err) {
    const struct fx_json *source = fx_json_at(ctx->system, "dlq_evidence");
    const char *name = fx_json_get_text(source, "database"),
               *query = fx_json_get_text(source, "query");
    struct fx_json *rows = NULL;
    struct fx_sql *sql = NULL;

    *ret_rows = fx_json_object(ctx->sc);
    if (query == NULL || fx_json_count(event_ids) == 0)
        return FX_OK;
    FX_TRY(database_open(ctx, name, 0, &sql, err));
    enum fx_code code =
        fx_sql_query(sql, ctx->sc, query, fx_json_array_of(ctx->sc, event_ids, NULL),
                     DLQ_MAX_MESSAGES, &rows, err);

    fx_sql_close(sql);
    FX_TRY(code);
    for (size_t i = 0; i < fx_json_count(rows); i++) {
        struct fx_json *row = fx_json_item(rows, i);
        const char *id = fx_json_get_text(row, "event_id");

        if (id != NULL)
            fx_json_put(*ret_rows, id, row);
    }
    return FX_OK;
}

void evidence_of_row(const struct fx_step_context *ctx, struct dead_letter *letter,
                     const struct fx_json *row) {
    const char *status = fx_json_get_text(row, "status"),
               *reason = fx_json_get_text(row, "error_reason");

    if (status != NULL && strcmp(status, "success") == 0 &&
        fx_json_get_bool(row, "persisted", false)) {
        add_code(ctx->sc, letter, "AlreadyProcessed");
        letter->why = "the database has this event already";
        return;
    }
    if (reason == NULL)
        return;
    /* the column holds a code, a text, or "code: text" */
    struct fx_slice code, rest;

    fx_slice_split(fx_slice_of(reason), ':', &code, &rest);
    add_code(ctx->sc, letter, fx_slice_dup(ctx->sc, code));
    add_text(ctx->sc, letter, reason);
    if (letter->why[0] == '\0')
        letter->why = "the database names this error";
}

/* The rows live no longer than it takes to read them. */
static enum fx_code use_database(const struct fx_step_context *ctx, struct letters *letters,
                                 struct fx_error *err) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(ctx->sc);
    struct fx_json *ids = fx_json_array(sc), *rows = NULL;
    struct fx_step_context within = *ctx;

    within.sc = sc;
    for (size_t i = 0; i < letters->count; i++)
        if (letters->items[i].event_id[0] != '\0')
            fx_json_add(ids, fx_json_string(sc, letters->items[i].event_id));
    FX_TRY(evidence_events(&within, ids, &rows, err));
    for (size_t i = 0; i < letters->count; i++) {
        const struct fx_json *row = fx_json_at(rows, letters->items[i].event_id);

        if (row != NULL)
            evidence_of_row(ctx, &letters->items[i], row);
    }
    return FX_OK;
}

/* ---- 4: the logs, for what has no cause yet ---- */

static bool has_cause(const struct dead_letter *letter) {
    return fx_json_count(letter->codes) > 0 || fx_json_count(letter->texts) > 0;
}

static enum fx_code log_query(struct fx_scope *sc, struct fx_json *ids, const char **ret_query,
                              struct fx_error *err) {
    return log_query_bind(sc,
                          "fields @timestamp, correlation_id, error_code, stage, @message | filter "
                          "correlation_id in $1 and status = \"failure\" | sort @timestamp desc | "
                          "limit 1000",
                          fx_json_array_of(sc, ids, NULL), ret_query, err);
}

static enum fx_code wait_for_rows(const struct fx_step_context *ctx, const char *query_id,
                                  struct fx_json **ret_rows, struct fx_error *err) {
    enum { LOG_WAIT_MS = 8000, LOG_POLL_MS = 150 };
    int64_t until = fx_mono_ms(ctx->clock) + LOG_WAIT_MS;

    *ret_rows = NULL;
    for (;;) {
        FX_TRY(insights_poll(ctx, query_id, ret_rows, err));
        if (*ret_rows != NULL)
            return FX_OK;
        if (fx_mono_ms(ctx->clock) > until)
            return fx_fail(err, FX_ERR_TIMEOUT, "the log query took longer than %d s",
                           LOG_WAIT_MS / 1000);
        FX_TRY(fx_scope_check(ctx->sc, fx_mono_ms(ctx->clock), err));
        fx_pause(ctx->sc, ctx->clock, LOG_POLL_MS);
    }
}

static void use_log_rows(const struct fx_step_context *ctx, struct letters *letters,
                         const struct fx_json *rows) {
    for (size_t i = 0; i < fx_json_count(rows); i++) {
        const struct fx_json *row = fx_json_item(rows, i);
        const char *id = fx_json_get_text(row, "correlation_id");

        for (size_t k = 0; id != NULL && k < letters->count; k++) {
            struct dead_letter *letter = &letters->items[k];

            if (strcmp(letter->correlation_id, id) != 0)
                continue;
            add_code(ctx->sc, letter, fx_json_get_text(row, "error_code"));
            add_text(ctx->sc, letter, fx_json_get_text(row, "@message"));
            if (letter->why[0] == '\0')
                letter->why = "the logs name this error";
        }
    }
}

enum fx_code evidence_of_logs(const struct fx_step_context *ctx, struct letters *letters,
                              int64_t from_ms, struct fx_error *err) {
    const struct fx_json *groups = fx_json_at_path(ctx->system, "dlq_evidence.log_groups");
    int64_t now = fx_wall_ms(ctx->clock);
    size_t next = 0;

    while (fx_json_count(groups) > 0 && next < letters->count) {
        struct fx_json *ids = fx_json_array(ctx->sc), *rows = NULL;
        const char *query = NULL, *query_id = NULL;

        for (; next < letters->count && fx_json_count(ids) < EVIDENCE_IDS_PER_QUERY; next++)
            if (!has_cause(&letters->items[next]) && letters->items[next].correlation_id[0] != '\0')
                fx_json_add(ids, fx_json_string(ctx->sc, letters->items[next].correlation_id));
        if (fx_json_count(ids) == 0)
            break;
        FX_TRY(log_query(ctx->sc, ids, &query, err));
        FX_TRY(insights_start(ctx, groups, query, from_ms, now, &query_id, err));
        FX_TRY(wait_for_rows(ctx, query_id, &rows, err));
        use_log_rows(ctx, letters, rows);
    }
    return FX_OK;
}

/* ---- all of it ---- */

static const struct fx_json *unknown_class(const struct fx_step_context *ctx) {
    return fx_json_object_of(ctx->sc, "class", fx_json_string(ctx->sc, "Unknown"), "retry",
                             fx_json_string(ctx->sc, "hold"), NULL);
}

/* The rule as it stands while its class is locked: not safe, and saying until when. */
static const struct fx_json *locked_rule(struct fx_scope *sc, const struct fx_json *class,
                                         int64_t until_ms) {
    struct fx_json *locked = fx_json_copy(sc, class);

    fx_json_put(locked, "retry", fx_json_string(sc, "locked"));
    fx_json_put(locked, "action",
                fx_json_stringf(sc, "came back after a redrive; locked until %s",
                                fx_time_iso(sc, until_ms)));
    return locked;
}

static enum fx_code use_locks(const struct fx_step_context *ctx, const struct queue *queue,
                              struct letters *letters, struct fx_error *err) {
    struct fx_json *seen = fx_json_object(ctx->sc);

    for (size_t i = 0; i < letters->count; i++) {
        struct dead_letter *letter = &letters->items[i];
        const char *name = class_name(letter->class);
        int64_t until = 0;

        if (!class_is_safe(letter->class))
            continue;
        if (fx_json_at(seen, name) == NULL) {
            FX_TRY(lock_find(ctx, queue, name, &until, err));
            fx_json_put(seen, name, fx_json_int(ctx->sc, until));
        }
        until = fx_json_get_int(seen, name, 0);
        if (until > 0) {
            letter->class = locked_rule(ctx->sc, letter->class, until);
            letter->why = "its cause came back after a redrive";
        }
    }
    return FX_OK;
}

enum fx_code classify(const struct fx_step_context *ctx, const struct queue *queue,
                      struct letters *letters, struct fx_json **ret_gaps, struct fx_error *err) {
    struct rules *rules = rules_new(ctx->sc, ctx->system);
    int64_t now = fx_wall_ms(ctx->clock);
    struct fx_error why = {0};
    bool asked = true;

    *ret_gaps = fx_json_array(ctx->sc);
    for (size_t i = 0; i < letters->count; i++)
        if (letters->items[i].codes == NULL)
            evidence_of_body(ctx, &letters->items[i]);
    /* a source that cannot be read leaves messages Unknown, which holds them: safe, and said */
    if (use_database(ctx, letters, &why) != FX_OK) {
        asked = false;
        fx_json_add(*ret_gaps, fx_json_stringf(ctx->sc, "database: %s", why.message));
    }
    if (evidence_of_logs(ctx, letters, now - EVIDENCE_LOG_WINDOW_MS, &why) != FX_OK)
        fx_json_add(*ret_gaps, fx_json_stringf(ctx->sc, "logs: %s", why.message));
    for (size_t i = 0; i < letters->count; i++) {
        letters->items[i].class = rule_for(rules, &letters->items[i]);
        if (letters->items[i].class == NULL) {
            letters->items[i].class = unknown_class(ctx);
            letters->items[i].why = "no cause was found";
        } else if (!asked && class_is_safe(letters->items[i].class)) {
            letters->items[i].class = unknown_class(ctx);
            letters->items[i].why =
                "the database, which may know a permanent cause, did not answer";
        }
    }
    return use_locks(ctx, queue, letters, err);
}
