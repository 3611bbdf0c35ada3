/* sqs_listing.c - what a message is, in hashes: for the record of effects and for those who
 * compare. */
#include "sqs.h"

/* The event id that Fluxa put into the body, or NULL. */
static struct fx_json *event_id_of(struct fx_scope *sc, struct fx_slice body) {
    struct fx_json *json = NULL;
    struct fx_error err;

    if (fx_json_parse(sc, body, &json, &err) != FX_OK || fx_json_get_text(json, "event_id") == NULL)
        return NULL;
    return fx_json_string(sc, fx_json_get_text(json, "event_id"));
}

struct fx_json *sqs_fingerprint(struct fx_scope *sc, const struct sqs_message *message) {
    const struct fx_json *attributes =
        message->attributes != NULL ? message->attributes : fx_json_object(sc);
    const char *attributes_text = fx_json_dump_canonical(sc, attributes);

    return fx_json_object_of(
        sc, "message_id", fx_json_string(sc, message->id), "event_id",
        event_id_of(sc, message->body), "body_sha256",
        fx_json_string(sc, fx_sha256_hex(sc, message->body)), "attributes_sha256",
        fx_json_string(sc, fx_sha256_hex(sc, fx_slice_of(attributes_text))), NULL);
}

struct fx_json *sqs_listing(struct fx_scope *sc, const struct sqs_queue *queue) {
    struct fx_json *list = fx_json_array(sc);

    for (const struct sqs_message *message = queue->first; message != NULL;
         message = message->next) {
        struct fx_json *row = sqs_fingerprint(sc, message);

        if (message->cause != NULL)
            fx_json_put(row, "cause", fx_json_string(sc, message->cause));
        fx_json_add(list, row);
    }
    return list;
}
