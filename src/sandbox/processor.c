/* processor.c - the stand-in for Fluxa's processor: consumes the main queue into PostgreSQL. */
#include "documents.h"
#include "sqs.h"

#include "fluxabot/sql.h"

#include <string.h>

enum { IDLE_MS = 200, BATCH = 10 };

#define GROUP "/aws/lambda/fluxa-processor"
#define STREAM "2026/11/22/[$LATEST]45c48cce2e2d7fbd"
#define QUEUE "Fluxa-InputQueue"
#define PAYLOADS "fluxa-payloads"

/* One received message, copied: the world is given up while the database works. */
struct work {
    struct fx_scope *sc;
    struct fx_slice body;
    const char *handle;
    const char *event_id, *correlation_id; /* NULL when the body has none */
    const char *user_id, *payload_text;
    bool elsewhere; /* the payload lies in S3 */
    struct fx_slice stored;
};

enum outcome { OUTCOME_DONE, OUTCOME_DUPLICATE, OUTCOME_SCHEMA, OUTCOME_HASH, OUTCOME_DATABASE };

static const struct {
    const char *stage, *code, *message;
} outcomes[] = {
    [OUTCOME_DONE] = {"persist", NULL, "Successfully processed event"},
    [OUTCOME_DUPLICATE] = {"process", NULL, "Event was processed before, skipped"},
    [OUTCOME_SCHEMA] = {"process", "SchemaValidation", "event does not match the schema"},
    [OUTCOME_HASH] = {"process", "HashMismatch", "payload hash mismatch"},
    [OUTCOME_DATABASE] = {"persist", "DBConnectionError",
                          "could not connect to server: connection refused"},
};

static enum fx_code run(struct fx_sql *sql, struct fx_scope *sc, const char *statement,
                        const struct fx_json *params, struct fx_error *err) {
    struct fx_json *rows = NULL;

    return fx_sql_query(sql, sc, statement, params, 0, &rows, err);
}

static enum fx_code open_database(struct sandbox_aws *aws, struct fx_scope *sc,
                                  struct fx_sql **ret_sql, struct fx_error *err) {
    const struct fx_sql_options options = {
        .url = aws->sb->options.database_url,
        .application_name = "fluxa-processor",
    };

    return fx_sql_open(sc, &options, ret_sql, err);
}

static void close_p(struct fx_sql **sql) {
    fx_sql_close(*sql);
}

void processor_set_parameter(struct sandbox_aws *aws, struct fx_scope *sc, const char *name,
                             const char *value) {
    FX_CLEANUP(close_p) struct fx_sql *sql = NULL;
    struct fx_error err = {0};
    const char *statement = value == NULL
                                ? fx_printf(sc, "alter system reset %s", name)
                                : fx_printf(sc, "alter system set %s = '%s'", name, value);

    if (aws->sb->options.database_url == NULL ||
        (open_database(aws, sc, &sql, &err) == FX_OK &&
         run(sql, sc, statement, NULL, &err) == FX_OK &&
         run(sql, sc, "select pg_reload_conf()", NULL, &err) == FX_OK))
        return;
    fx_log(sc, FX_LOG_WARN, "sandbox.parameter_not_set", FX_S("name", name), FX_E(&err));
}

enum fx_code processor_fill_database(struct sandbox_aws *aws, struct fx_scope *sc,
                                     struct fx_json *rows, struct fx_error *err) {
    static const char *const before[] = {
        "create table if not exists idempotency_keys(event_id text primary key, status text not "
        "null, attempts int not null, error_reason text, last_seen_at timestamptz not null)",
        "create table if not exists events(event_id text primary key, user_id text, ts timestamptz "
        "not null, payload jsonb)",
        "delete from events",
        "delete from idempotency_keys",
    };
    FX_CLEANUP(close_p) struct fx_sql *sql = NULL;

    FX_TRY(open_database(aws, sc, &sql, err));
    for (size_t i = 0; i < FX_COUNT_OF(before); i++)
        FX_TRY(run(sql, sc, before[i], NULL, err));
    return run(sql, sc,
               "insert into idempotency_keys select event_id, status, attempts, error_reason, "
               "last_seen_at from jsonb_to_recordset($1::jsonb) as r(event_id text, status text, "
               "attempts int, error_reason text, last_seen_at timestamptz)",
               fx_json_array_of(sc, fx_json_string(sc, fx_json_dump(sc, rows)), NULL), err);
}

/* ---- one message ---- */

static bool has_text(const struct fx_json *json, const char *key) {
    const char *text = fx_json_get_text(json, key);

    return text != NULL && text[0] != '\0';
}

/* Reads the body into *work and judges it as far as that needs no database. */
static enum outcome validate(struct work *work) {
    struct fx_json *json = NULL, *payload;
    struct fx_error err;

    if (fx_json_parse(work->sc, work->body, &json, &err) != FX_OK ||
        fx_json_type(json) != FX_JSON_OBJECT)
        return OUTCOME_SCHEMA;
    work->event_id = fx_json_get_text(json, "event_id");
    work->correlation_id = fx_json_get_text(json, "correlation_id");
    work->user_id = fx_json_get_text(json, "user_id");
    payload = fx_json_at(json, "payload");
    if (!has_text(json, "event_id") || !has_text(json, "user_id") || !has_text(json, "type") ||
        fx_json_type(payload) != FX_JSON_OBJECT)
        return OUTCOME_SCHEMA;
    work->payload_text = fx_json_dump(work->sc, payload);
    if (strcmp(fx_sha256_hex(work->sc,
                             work->elsewhere ? work->stored : fx_slice_of(work->payload_text)),
               aws_input_text(json, "payload_hash")) != 0)
        return OUTCOME_HASH;
    return OUTCOME_DONE;
}

/* One statement, so one transaction: the key decides whether the event is new. */
static enum fx_code persist(struct fx_sql *sql, const struct work *work, enum outcome *ret_outcome,
                            struct fx_error *err) {
    struct fx_scope *sc = work->sc;
    struct fx_json *rows = NULL;
    struct fx_json *params =
        fx_json_array_of(sc, fx_json_string(sc, work->event_id), fx_json_string(sc, work->user_id),
                         fx_json_string(sc, work->payload_text), NULL);

    FX_TRY(fx_sql_query(
        sql, sc,
        "with key as (insert into idempotency_keys values ($1, 'success', 1, null, now()) on "
        "conflict (event_id) do update set status = 'success', attempts = "
        "idempotency_keys.attempts + 1, error_reason = null, last_seen_at = now() where "
        "idempotency_keys.status <> 'success' returning event_id) insert into events select "
        "event_id, $2, now(), $3::jsonb from key on conflict (event_id) do nothing returning "
        "event_id",
        params, 0, &rows, err));
    *ret_outcome = fx_json_count(rows) > 0 ? OUTCOME_DONE : OUTCOME_DUPLICATE;
    return FX_OK;
}

static enum fx_code note_failure(struct fx_sql *sql, const struct work *work, enum outcome outcome,
                                 struct fx_error *err) {
    struct fx_scope *sc = work->sc;
    const char *reason = fx_printf(sc, "%s: %s", outcomes[outcome].code, outcomes[outcome].message);

    return run(
        sql, sc,
        "insert into idempotency_keys values ($1, 'failed', 1, $2, now()) on conflict "
        "(event_id) do update set attempts = idempotency_keys.attempts + 1, error_reason = "
        "$2, last_seen_at = now() where idempotency_keys.status <> 'success'",
        fx_json_array_of(sc, fx_json_string(sc, work->event_id), fx_json_string(sc, reason), NULL),
        err);
}

/* Without the lock. While the scripted outage lasts no statement reaches the database. */
static enum outcome process(struct fx_sql **sql, struct work *work, bool outage) {
    enum outcome outcome = validate(work);
    enum fx_code code = FX_OK;
    struct fx_error err;

    if (outcome == OUTCOME_DONE && outage)
        return OUTCOME_DATABASE;
    if (outcome == OUTCOME_DONE)
        code = persist(*sql, work, &outcome, &err);
    else if (work->event_id != NULL && !outage)
        code = note_failure(*sql, work, outcome, &err);
    if (code == FX_OK)
        return outcome;
    fx_sql_close(*sql);
    *sql = NULL;
    return outcome == OUTCOME_DONE ? OUTCOME_DATABASE : outcome;
}

/* With the lock. A failed message stays: it becomes visible again by itself. */
static void settle(struct sandbox_aws *aws, const struct work *work, enum outcome outcome) {
    struct fx_scope *sc = work->sc;
    struct sqs_queue *queue = sqs_find(aws, QUEUE);
    const char *code = outcomes[outcome].code;
    struct sqs_message *message = NULL;
    struct fx_json *line = fx_json_object_of(
        sc, "level", fx_json_string(sc, code == NULL ? "INFO" : "ERROR"), "service",
        fx_json_string(sc, "processor"), "correlation_id",
        work->correlation_id != NULL ? fx_json_string(sc, work->correlation_id) : NULL, "event_id",
        work->event_id != NULL ? fx_json_string(sc, work->event_id) : NULL, "stage",
        fx_json_string(sc, outcomes[outcome].stage), "status",
        fx_json_string(sc, code == NULL ? "success" : "failure"), "error_code",
        code != NULL ? fx_json_string(sc, code) : NULL, "latency_ms", fx_json_int(sc, 12),
        "message", fx_json_string(sc, outcomes[outcome].message), NULL);

    if (queue == NULL || sqs_receipt_find(sc, queue, work->handle, &message) != SQS_RECEIPT_LATEST)
        message = NULL;
    logs_put(aws, GROUP, STREAM, fx_wall_ms(aws->sb->clock), fx_json_dump(sc, line));
    aws->processor.succeeded += outcome == OUTCOME_DONE;
    aws->processor.duplicates += outcome == OUTCOME_DUPLICATE;
    aws->processor.failed += code != NULL;
    if (code == NULL && message != NULL)
        sqs_remove(aws, queue, message);
}

/* {"payload": {"s3_key": ...}}: what is hashed is the object. An absent one has no byte. */
static void fetch_payload(struct sandbox_aws *aws, struct work *work) {
    struct fx_json *json = NULL;
    struct fx_error ignored;

    if (fx_json_parse(work->sc, work->body, &json, &ignored) != FX_OK)
        return;
    const char *key = fx_json_get_text(fx_json_at(json, "payload"), "s3_key");
    const struct fx_json *bucket =
        fx_json_at(fx_json_at(documents_of(aws, "s3"), "buckets"), PAYLOADS);
    const struct fx_json *versions =
        key == NULL ? NULL : fx_json_at(fx_json_at(bucket, "objects"), key);

    work->elsewhere = key != NULL;
    if (fx_json_count(versions) > 0)
        work->stored = s3_bytes(
            work->sc, fx_json_copy(work->sc, fx_json_item(versions, fx_json_count(versions) - 1)));
}

static size_t take_work(struct sandbox_aws *aws, struct fx_scope *sc, struct work *work) {
    struct sqs_queue *queue = sqs_find(aws, QUEUE);
    struct sqs_message *messages[BATCH];

    if (queue == NULL || aws->processor.paused || !lambda_consumes(aws, queue->arn))
        return 0;
    size_t count = sqs_receive(aws, queue, BATCH, queue->visibility_s, messages);
    for (size_t i = 0; i < count; i++) {
        work[i] = (struct work){
            .sc = sc,
            .body = {fx_slice_dup(sc, messages[i]->body), messages[i]->body.len},
            .handle = sqs_receipt_new(sc, queue, messages[i]),
        };
        fetch_payload(aws, &work[i]);
    }
    return count;
}

static void run_batch(struct sandbox_aws *aws, struct fx_scope *sc, struct fx_sql **sql,
                      struct work *work, size_t count) {
    bool outage = aws->outage;
    enum outcome results[BATCH];

    aws->processor.busy = true;
    sandbox_unlock(aws->sb);
    for (size_t i = 0; i < count; i++) {
        struct fx_error err;

        bool reachable = *sql != NULL || open_database(aws, sc, sql, &err) == FX_OK;
        results[i] = process(sql, &work[i], outage || !reachable);
    }
    sandbox_lock(aws->sb);
    for (size_t i = 0; i < count; i++)
        settle(aws, &work[i], results[i]);
    aws->processor.busy = false;
    sandbox_notify(aws->sb);
}

void *processor_thread(void *argument) {
    struct sandbox_aws *aws = argument;
    struct fx_sql *sql = NULL;

    sandbox_lock(aws->sb);
    while (!aws->sb->stopping) {
        FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
        struct work work[BATCH];
        size_t count = take_work(aws, sc, work);

        if (count > 0)
            run_batch(aws, sc, &sql, work, count);
        else
            sandbox_wait(aws->sb, IDLE_MS);
    }
    sandbox_unlock(aws->sb);
    fx_sql_close(sql);
    return NULL;
}
