/* world_messages.c - the dead letters of a new world, with the log lines and rows they left behind.
 */
#include "aws.h"
#include "sqs.h"

#include <string.h>

enum {
    SPREAD_MS = 40 * 60000, /* the oldest message is this old */
    PROCESS_DELAY_MS = 1200,
    BINARY_EVERY = 10, /* each tenth message carries a binary attribute */
    MIXED_EVERY = 5,   /* each fifth hash mismatch also met a database error */
    DEAD_RECEIVES = 3,
};

#define PROCESSOR_GROUP "/aws/lambda/fluxa-processor"
#define INGEST_GROUP "/aws/lambda/fluxa-ingest"

enum cause { CAUSE_CONNECTION, CAUSE_SCHEMA, CAUSE_HASH };

/* One message being made. */
struct letter {
    enum cause cause;
    int64_t number; /* among those of its cause */
    int64_t sent_ms;
    const char *event_id, *correlation_id, *user_id, *type;
    bool has_event_id; /* readable in the body */
};

static const char *const event_types[] = {"order.created", "order.paid", "payment.refunded",
                                          "profile.updated"};

static const char *cause_code(enum cause cause) {
    switch (cause) {
    case CAUSE_SCHEMA:
        return "SchemaValidation";
    case CAUSE_HASH:
        return "HashMismatch";
    case CAUSE_CONNECTION:
        break;
    }
    return "DBConnectionError";
}

static const char *cause_text(enum cause cause) {
    switch (cause) {
    case CAUSE_SCHEMA:
        return "event does not match the schema";
    case CAUSE_HASH:
        return "payload hash mismatch";
    case CAUSE_CONNECTION:
        break;
    }
    return "could not connect to server: connection refused";
}

static struct fx_json *payload_of(struct sandbox_aws *aws, struct fx_scope *sc,
                                  const struct letter *letter) {
    struct fx_random *random = aws->sb->random;

    return fx_json_object_of(sc, "amount_cents",
                             fx_json_int(sc, 100 + (int64_t)sandbox_random_below(random, 90000)),
                             "currency", fx_json_string(sc, "EUR"), "items",
                             fx_json_int(sc, 1 + (int64_t)sandbox_random_below(random, 7)), "note",
                             fx_json_stringf(sc, "caf\u00e9 \u2013 %s", letter->event_id), NULL);
}

static const char *body_of(struct sandbox_aws *aws, struct fx_scope *sc, struct letter *letter) {
    struct fx_json *payload = payload_of(aws, sc, letter);
    const char *payload_text = fx_json_dump(sc, payload);
    const char *hashed = letter->cause == CAUSE_HASH
                             ? fx_printf(sc, "%s (before it was changed)", payload_text)
                             : payload_text;
    bool broken = letter->cause == CAUSE_SCHEMA && letter->number % 2 == 0;
    bool nameless = letter->cause == CAUSE_SCHEMA && !broken;
    const char *text = fx_json_dump(
        sc,
        fx_json_object_of(sc, "event_id", nameless ? NULL : fx_json_string(sc, letter->event_id),
                          "correlation_id", fx_json_string(sc, letter->correlation_id), "user_id",
                          fx_json_string(sc, letter->user_id), "type",
                          fx_json_string(sc, letter->type), "payload", payload, "payload_hash",
                          fx_json_string(sc, fx_sha256_hex(sc, fx_slice_of(hashed))), NULL));

    letter->has_event_id = !broken && !nameless;
    /* cut off in the middle, as a producer that crashed would */
    return broken ? fx_printf(sc, "%.*s", (int)strlen(text) - 80, text) : text;
}

static struct fx_json *attributes_of(struct sandbox_aws *aws, struct fx_scope *sc,
                                     const struct letter *letter) {
    uint8_t bytes[16];
    struct fx_json *attributes = fx_json_object_of(
        sc, "correlation_id",
        fx_json_object_of(sc, "DataType", fx_json_string(sc, "String"), "StringValue",
                          fx_json_string(sc, letter->correlation_id), NULL),
        "schema_version",
        fx_json_object_of(sc, "DataType", fx_json_string(sc, "Number"), "StringValue",
                          fx_json_string(sc, "3"), NULL),
        NULL);

    if (letter->number % BINARY_EVERY != 0)
        return attributes;
    aws->sb->random->fill(aws->sb->random, bytes, sizeof bytes);
    fx_json_put(
        attributes, "trace",
        fx_json_object_of(
            sc, "DataType", fx_json_string(sc, "Binary"), "BinaryValue",
            fx_json_string(sc, fx_base64(sc, (struct fx_slice){(const char *)bytes, sizeof bytes})),
            NULL));
    return attributes;
}

/* ---- what the services logged ---- */

static void log_line(struct sandbox_aws *aws, struct fx_scope *sc, const struct letter *letter,
                     const char *service, int64_t delay_ms, const char *stage, const char *code,
                     const char *message) {
    bool ingest = strcmp(service, "ingest") == 0;
    int64_t latency_ms = 3 + (int64_t)sandbox_random_below(aws->sb->random, 60);
    struct fx_json *line = fx_json_object_of(
        sc, "level", fx_json_string(sc, code == NULL ? "INFO" : "ERROR"), "service",
        fx_json_string(sc, service), "correlation_id", fx_json_string(sc, letter->correlation_id),
        "event_id", letter->has_event_id ? fx_json_string(sc, letter->event_id) : NULL, "stage",
        fx_json_string(sc, stage), "status",
        fx_json_string(sc, code == NULL ? "success" : "failure"), "error_code",
        code != NULL ? fx_json_string(sc, code) : NULL, "latency_ms", fx_json_int(sc, latency_ms),
        "message", fx_json_string(sc, message), NULL);

    logs_put(aws, ingest ? INGEST_GROUP : PROCESSOR_GROUP,
             ingest ? "2026/11/21/[$LATEST]8f14e45fceea167a"
                    : "2026/11/21/[$LATEST]c9f0f895fb98ab91",
             letter->sent_ms + delay_ms, fx_json_dump(sc, line));
}

static void log_letter(struct sandbox_aws *aws, struct fx_scope *sc, const struct letter *letter) {
    const char *code = cause_code(letter->cause);
    bool mixed = letter->cause == CAUSE_HASH && letter->number % MIXED_EVERY == 0;

    log_line(aws, sc, letter, "ingest", 0, "validate", NULL, "Event accepted");
    log_line(aws, sc, letter, "ingest", 20, "enqueue", NULL, "Message sent");
    if (mixed)
        log_line(aws, sc, letter, "processor", 100, "persist", "DBConnectionError",
                 cause_text(CAUSE_CONNECTION));
    for (int64_t attempt = mixed ? 1 : 0; attempt < DEAD_RECEIVES; attempt++)
        log_line(aws, sc, letter, "processor", 100 + attempt * (PROCESS_DELAY_MS / DEAD_RECEIVES),
                 letter->cause == CAUSE_CONNECTION ? "persist" : "process", code,
                 cause_text(letter->cause));
}

static struct fx_json *row_of(struct fx_scope *sc, const struct letter *letter) {
    return fx_json_object_of(
        sc, "event_id", fx_json_string(sc, letter->event_id), "status",
        fx_json_string(sc, "failed"), "attempts", fx_json_int(sc, DEAD_RECEIVES), "error_reason",
        fx_json_stringf(sc, "%s: %s", cause_code(letter->cause), cause_text(letter->cause)),
        "last_seen_at", fx_json_string(sc, fx_time_iso_ms(sc, letter->sent_ms + PROCESS_DELAY_MS)),
        NULL);
}

/* ---- the whole ---- */

static void send_letter(struct sandbox_aws *aws, struct fx_scope *sc, struct sqs_queue *dlq,
                        struct letter *letter, const char *source_arn) {
    const char *body = body_of(aws, sc, letter);
    struct sqs_message *message = sqs_send(aws, dlq,
                                           &(struct sqs_draft){
                                               .body = fx_slice_of(body),
                                               .attributes = attributes_of(aws, sc, letter),
                                               .sender = "AROASANDBOXFLUXA:fluxa-ingest",
                                               .sent_ms = letter->sent_ms,
                                           });

    message->source_arn = fx_strdup(message->sc, source_arn);
    message->cause = cause_code(letter->cause);
    message->receive_count = DEAD_RECEIVES;
    message->first_receive_ms = letter->sent_ms + 100;
    message->arrived_ms = letter->sent_ms + PROCESS_DELAY_MS;
}

static void shuffle(struct fx_random *random, struct letter *letters, size_t count) {
    for (size_t i = count; i > 1; i--) {
        size_t j = (size_t)sandbox_random_below(random, i);
        struct letter held = letters[i - 1];

        letters[i - 1] = letters[j];
        letters[j] = held;
    }
}

static size_t add_letters(struct letter *letters, size_t at, enum cause cause, int64_t count) {
    for (int64_t i = 0; i < count; i++)
        letters[at++] = (struct letter){.cause = cause, .number = i};
    return at;
}

void world_messages(struct sandbox_aws *aws, const struct world_plan *plan, struct fx_scope *sc,
                    struct fx_json *rows) {
    struct fx_random *random = aws->sb->random;
    struct sqs_queue *dlq = sqs_find(aws, "Fluxa-DLQ"), *input = sqs_find(aws, "Fluxa-InputQueue");
    int64_t total = plan->connection_errors + plan->schema_errors + plan->hash_mismatches;
    int64_t now_ms = fx_wall_ms(aws->sb->clock);

    if (total <= 0)
        return;
    struct letter *letters = fx_alloc(sc, (size_t)total * sizeof letters[0]);
    size_t count = add_letters(letters, 0, CAUSE_CONNECTION, plan->connection_errors);
    count = add_letters(letters, count, CAUSE_SCHEMA, plan->schema_errors);
    count = add_letters(letters, count, CAUSE_HASH, plan->hash_mismatches);
    shuffle(random, letters, count);

    for (size_t i = 0; i < count; i++) {
        struct letter *letter = &letters[i];

        letter->sent_ms = now_ms - SPREAD_MS + (int64_t)i * (SPREAD_MS - 2 * 60000) / total;
        letter->event_id = fx_id_new(sc, random, "evt_");
        letter->correlation_id = fx_id_new(sc, random, "c-");
        letter->user_id =
            fx_printf(sc, "u_%04llu", (unsigned long long)sandbox_random_below(random, 10000));
        letter->type = event_types[sandbox_random_below(random, FX_COUNT_OF(event_types))];
        send_letter(aws, sc, dlq, letter, input->arn);
        log_letter(aws, sc, letter);
        if (letter->has_event_id)
            fx_json_add(rows, row_of(sc, letter));
    }
}
