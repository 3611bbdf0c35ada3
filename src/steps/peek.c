/* peek.c - looks at dead letters: receives them, remembers the handles, puts them back. */
#include "private.h"

#include "fluxabot/base/digest.h"

#include <string.h>

enum { RELEASE_AT_ONCE = FX_HTTP_MAX_AT_ONCE * SQS_BATCH }; /* messages */

static struct dead_letter *find(struct letters *letters, const char *id) {
    for (size_t i = 0; i < letters->count; i++)
        if (strcmp(letters->items[i].id, id) == 0)
            return &letters->items[i];
    return NULL;
}

static struct dead_letter *append(struct fx_scope *sc, struct letters *letters) {
    if (letters->count == letters->capacity) {
        size_t capacity = letters->capacity == 0 ? 64 : 2 * letters->capacity;
        struct dead_letter *grown = fx_alloc(sc, capacity * sizeof *grown);

        if (letters->count > 0)
            memcpy(grown, letters->items, letters->count * sizeof *grown);
        letters->items = grown;
        letters->capacity = capacity;
    }
    return &letters->items[letters->count++];
}

static int64_t attribute(const struct fx_json *message, const char *name) {
    int64_t value = 0;

    return fx_slice_to_int(fx_json_text_slice(fx_json_at(fx_json_at(message, "Attributes"), name)),
                           &value)
               ? value
               : 0;
}

/* Only members of the form a typed id has may travel further as ids. */
static const char *id_at(const struct fx_json *body, const char *name) {
    enum { ID_MAX = 128 };
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.:-";
    const char *text = fx_json_get_text(body, name);

    return text == NULL || strlen(text) > ID_MAX || text[strspn(text, allowed)] != '\0' ? "" : text;
}

static void read_letter(const struct fx_json *message, struct dead_letter *letter) {
    *letter = (struct dead_letter){.id = fx_json_get_text(message, "MessageId"),
                                   .handle = fx_json_get_text(message, "ReceiptHandle"),
                                   .body = fx_json_text_slice(fx_json_at(message, "Body")),
                                   .raw = message,
                                   .md5 = "",
                                   .event_id = "",
                                   .correlation_id = "",
                                   .reference = "",
                                   .sent_ms = attribute(message, "SentTimestamp"),
                                   .receives = attribute(message, "ApproximateReceiveCount"),
                                   .why = ""};
}

void letter_read_body(struct fx_scope *sc, struct dead_letter *letter) {
    struct fx_json *json = NULL;
    struct fx_error ignored;

    letter->md5 = fx_md5_hex(sc, letter->body);
    if (fx_json_parse(sc, letter->body, &json, &ignored) == FX_OK &&
        fx_json_type(json) == FX_JSON_OBJECT) {
        letter->json = json;
        letter->event_id = id_at(json, "event_id");
        letter->correlation_id = id_at(json, "correlation_id");
    }
}

static void take_messages(struct fx_scope *sc, const struct fx_json *answer,
                          struct letters *letters, size_t *received) {
    const struct fx_json *messages = fx_json_at(answer, "Messages");
    size_t count = fx_json_count(messages);

    *received += count;
    for (size_t i = 0; i < count; i++) {
        const struct fx_json *message = fx_json_item(messages, i);
        const char *id = fx_json_get_text(message, "MessageId");
        struct dead_letter *known = id == NULL ? NULL : find(letters, id);

        if (known != NULL)
            known->handle = fx_json_get_text(message, "ReceiptHandle");
        else if (id != NULL)
            read_letter(message, append(sc, letters));
    }
}

size_t peek_ask(struct fx_scope *sc, const struct queue *queue, size_t max, bool brief,
                int64_t wait_s, int64_t visibility_s, struct fx_aws_one *ret_calls) {
    const struct fx_json *all = fx_json_array_of(sc, fx_json_string(sc, "All"), NULL);
    const struct fx_json *needed =
        fx_json_array_of(sc, fx_json_string(sc, "MessageGroupId"),
                         fx_json_string(sc, "MessageDeduplicationId"), NULL);
    size_t count = 0;

    for (size_t left = max; left > 0 && count < PEEK_AT_ONCE;) {
        size_t ask = left < SQS_BATCH ? left : SQS_BATCH;

        ret_calls[count++] = queue_one(
            sc, "ReceiveMessage",
            fx_json_object_of(sc, "QueueUrl", fx_json_string(sc, queue->url), "MaxNumberOfMessages",
                              fx_json_int(sc, (int64_t)ask), "VisibilityTimeout",
                              fx_json_int(sc, visibility_s), "WaitTimeSeconds",
                              fx_json_int(sc, wait_s), "MessageSystemAttributeNames",
                              brief ? needed : all, "MessageAttributeNames", all, NULL));
        left -= ask;
    }
    return count;
}

/* What a look has found is hidden now, so all of it is taken, also beside one that failed. */
enum fx_code peek_take(struct fx_scope *sc, const struct queue *queue,
                       const struct fx_aws_one *calls, size_t count, struct letters *letters,
                       size_t *ret_received, struct fx_error *err) {
    enum fx_code code = FX_OK;

    *ret_received = 0;
    for (size_t i = 0; i < count; i++) {
        if (calls[i].code == FX_OK)
            take_messages(sc, calls[i].answer, letters, ret_received);
        else if (code == FX_OK) {
            code = calls[i].code;
            *err = calls[i].err;
        }
    }
    return code == FX_OK ? FX_OK : fx_fail_in(err, "reading queue %s", queue->name);
}

enum fx_code peek_once(const struct fx_step_context *ctx, const struct queue *queue, size_t max,
                       int64_t wait_s, int64_t visibility_s, struct letters *letters,
                       size_t *ret_received, struct fx_error *err) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(ctx->sc);
    struct fx_aws_one calls[PEEK_AT_ONCE];
    size_t count = peek_ask(sc, queue, max, false, wait_s, visibility_s, calls);
    size_t before = letters->count;

    fx_aws_call_all(ctx->aws, sc, calls, count);
    for (size_t i = 0; i < count; i++) /* of an exchange only what was understood is kept */
        calls[i].answer = fx_json_share(ctx->sc, calls[i].answer);
    enum fx_code code = peek_take(ctx->sc, queue, calls, count, letters, ret_received, err);

    for (size_t i = before; i < letters->count; i++)
        letter_read_body(ctx->sc, &letters->items[i]);
    return code;
}

/* Long enough that the first message does not come back before the last was read. */
static int64_t hide_for_s(const struct queue *queue, int64_t depth) {
    enum { MESSAGES_PER_SECOND = 40 };

    return queue->visibility_s + depth / MESSAGES_PER_SECOND;
}

/* Many at once while many are left; the last ones, which a look may miss, one look after the other.
 */
static size_t look_for(size_t max, int64_t depth, size_t seen) {
    int64_t left = depth - (int64_t)seen;
    size_t many = left > SQS_BATCH ? (size_t)(left / SQS_BATCH * SQS_BATCH) : SQS_BATCH;

    return max < many ? max : many;
}

static const char *keep_text(struct fx_scope *sc, const char *text) {
    return text == NULL || text[0] == '\0' ? text : fx_strdup(sc, text);
}

static const struct fx_json *keep_json(struct fx_scope *sc, const struct fx_json *json) {
    return json == NULL ? NULL : fx_json_copy(sc, json);
}

/* Of what was read in a scope of its own, all that is needed when that is over. */
static void keep(struct fx_scope *sc, const struct dead_letter *seen,
                 struct dead_letter *ret_letter) {
    *ret_letter = *seen;
    ret_letter->id = keep_text(sc, seen->id);
    ret_letter->handle = keep_text(sc, seen->handle);
    ret_letter->md5 = keep_text(sc, seen->md5);
    ret_letter->event_id = keep_text(sc, seen->event_id);
    ret_letter->correlation_id = keep_text(sc, seen->correlation_id);
    ret_letter->reference = keep_text(sc, seen->reference);
    ret_letter->source = keep_text(sc, seen->source);
    ret_letter->hash = keep_text(sc, seen->hash);
    ret_letter->fields = keep_json(sc, seen->fields);
    ret_letter->codes = keep_json(sc, seen->codes);
    ret_letter->texts = keep_json(sc, seen->texts);
    ret_letter->body = (struct fx_slice){0};
    ret_letter->raw = ret_letter->json = NULL;
}

/* One look, of which nothing stays but what is understood. */
static enum fx_code peek_page(const struct fx_step_context *ctx, const struct queue *queue,
                              size_t want, int64_t wait_s, int64_t visibility_s, peek_note_fn *note,
                              struct letters *letters, struct fx_error *err) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(ctx->sc);
    struct fx_step_context within = *ctx;
    struct letters seen = {0};
    size_t received = 0;

    within.sc = sc;
    enum fx_code code =
        peek_once(&within, queue, want, wait_s, visibility_s, &seen, &received, err);

    for (size_t i = 0; i < seen.count; i++) {
        struct dead_letter *known = find(letters, seen.items[i].id);

        if (known != NULL) {
            known->handle = keep_text(ctx->sc, seen.items[i].handle);
            continue;
        }
        evidence_of_body(&within, &seen.items[i]);
        if (note != NULL)
            note(&within, &seen.items[i]);
        keep(ctx->sc, &seen.items[i], append(ctx->sc, letters));
    }
    return code;
}

enum fx_code peek(const struct fx_step_context *ctx, const struct queue *queue, int64_t depth,
                  size_t max, peek_note_fn *note, struct letters *ret_letters,
                  struct fx_error *err) {
    int empty = 0;

    *ret_letters = (struct letters){0};
    while (ret_letters->count < max && empty < DLQ_EMPTY_RECEIVES) {
        bool have_all = (int64_t)ret_letters->count >= depth;
        size_t before = ret_letters->count;

        FX_TRY(fx_scope_check(ctx->sc, fx_mono_ms(ctx->clock), err));
        FX_TRY(peek_page(ctx, queue, look_for(max - before, depth, before),
                         have_all ? 0 : DLQ_LONG_POLL_S, hide_for_s(queue, depth), note,
                         ret_letters, err));
        if (ret_letters->count > before)
            continue;
        if (have_all)
            break;
        empty++;
    }
    return FX_OK;
}

/* Once more: it sets a value, so it may be repeated. */
static enum fx_code change_visibility(const struct fx_step_context *ctx,
                                      const struct fx_json *params, struct fx_json **ret_answer,
                                      struct fx_error *err) {
    enum { TRIES = 2, PAUSE_MS = 200 };
    enum fx_code code = FX_OK;

    for (int i = 0; i < TRIES; i++) {
        fx_pause(ctx->sc, ctx->clock, PAUSE_MS);
        code = queue_call(ctx, "ChangeMessageVisibilityBatch", params, ret_answer, err);
        if (!fx_code_is_transient(code))
            break;
    }
    return code;
}

size_t release_ask(struct fx_scope *sc, const struct queue *queue, const struct fx_json *handles,
                   struct fx_aws_one *ret_calls) {
    size_t all = fx_json_count(handles), count = 0;

    for (size_t from = 0; from < all; from += SQS_BATCH) {
        struct fx_json *entries = fx_json_array(sc);

        for (size_t i = from; i < all && i < from + SQS_BATCH; i++)
            fx_json_add(entries, fx_json_object_of(sc, "Id", fx_json_stringf(sc, "m%zu", i - from),
                                                   "ReceiptHandle", fx_json_item(handles, i),
                                                   "VisibilityTimeout", fx_json_int(sc, 0), NULL));
        ret_calls[count] =
            queue_one(sc, "ChangeMessageVisibilityBatch",
                      fx_json_object_of(sc, "QueueUrl", fx_json_string(sc, queue->url), "Entries",
                                        entries, NULL));
        ret_calls[count++].call.harmless = true; /* what stays hidden comes back by itself */
    }
    return count;
}

/* What did not work at once is tried again one after the other. */
static enum fx_code release_some(const struct fx_step_context *ctx, const struct queue *queue,
                                 const struct fx_json *handles, struct fx_error *err) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(ctx->sc);
    struct fx_aws_one calls[RELEASE_AT_ONCE / SQS_BATCH];
    size_t count = release_ask(sc, queue, handles, calls);
    struct fx_json *answer = NULL;

    fx_aws_call_all(ctx->aws, sc, calls, count);
    for (size_t i = 0; i < count; i++) {
        if (calls[i].code != FX_OK && !fx_code_is_transient(calls[i].code)) {
            *err = calls[i].err;
            return calls[i].code;
        }
        if (calls[i].code != FX_OK)
            FX_TRY(change_visibility(ctx, calls[i].call.params, &answer, err));
    }
    return FX_OK;
}

/* As many at once as may be under way, so that not all of a large queue's requests are there at a
 * time. The first failure, after all have been tried. */
enum fx_code release_handles(const struct fx_step_context *ctx, const struct queue *queue,
                             const struct fx_json *handles, struct fx_error *err) {
    enum fx_code code = FX_OK;

    for (size_t from = 0; from < fx_json_count(handles); from += RELEASE_AT_ONCE) {
        FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(ctx->sc);
        struct fx_json *some = fx_json_array(sc);

        for (size_t i = from; i < fx_json_count(handles) && i < from + RELEASE_AT_ONCE; i++)
            fx_json_add(some, fx_json_item(handles, i));
        struct fx_error why = {0};
        enum fx_code released = release_some(ctx, queue, some, &why);

        if (code == FX_OK && released != FX_OK) {
            code = released;
            *err = why;
        }
    }
    return code;
}

enum fx_code peek_release(const struct fx_step_context *ctx, const struct queue *queue,
                          const struct letters *letters, struct fx_error *err) {
    struct fx_json *handles = fx_json_array(ctx->sc);

    for (size_t i = 0; i < letters->count; i++)
        fx_json_add(handles, fx_json_string(ctx->sc, letters->items[i].handle));
    return release_handles(ctx, queue, handles, err);
}
