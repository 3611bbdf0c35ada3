/* dlq_inspect.c - the step kinds `dlq.inspect` and `dlq.classify`: look, name the cause, put back.
 */
#include "private.h"

#include "fluxabot/base/digest.h"
#include "fluxabot/base/redact.h"

#include <string.h>

enum { SHOWN_FIELD_MAX = 200, QUIET_WAIT_MS = 45 * 1000, QUIET_POLL_MS = 1000 };

static const struct fx_step_param inspect_params[] = {
    {"queue", FX_PARAM_QUEUE, true, NULL, "the dead-letter queue"},
    {"count", FX_PARAM_INT, false, "10", "how many messages to look at, at most 50"},
};

static const struct fx_step_param classify_params[] = {
    {"queue", FX_PARAM_QUEUE, true, NULL, "the dead-letter queue"},
    {"count", FX_PARAM_INT, false, "500", "how many messages to look at, at most 2000"},
    {"brief", FX_PARAM_BOOL, false, "false", "of each message only what dlq.redrive needs to know"},
};

/* Only fields the system allows to be shown; bodies may hold personal data. */
static struct fx_json *shown_fields(const struct fx_step_context *ctx,
                                    const struct dead_letter *letter) {
    const struct fx_json *allowed = fx_json_at(ctx->system, "show_fields");
    struct fx_json *fields = fx_json_object(ctx->sc);

    for (size_t i = 0; i < fx_json_count(allowed); i++) {
        const char *name = fx_json_text(fx_json_item(allowed, i));
        const char *text = fx_json_get_text(letter->json, name);
        struct fx_slice s = fx_redact_slice(ctx->sc, fx_slice_of(text));

        if (text != NULL)
            fx_json_put(fields, name,
                        fx_json_slice(
                            ctx->sc, fx_slice_cut(s, 0, fx_slice_utf8_prefix(s, SHOWN_FIELD_MAX))));
    }
    return fields;
}

/* In lower case letters; "" when the body has none that could be one. */
static const char *claimed_hash(struct fx_scope *sc, const struct dead_letter *letter) {
    const char *text = fx_json_get_text(letter->json, "payload_hash");
    char *hash = text == NULL ? NULL : fx_strdup(sc, text);

    if (text == NULL || strlen(text) != FX_SHA256_HEX ||
        strspn(text, "0123456789abcdefABCDEF") != FX_SHA256_HEX)
        return "";
    for (char *p = hash; *p != '\0'; p++)
        *p = *p >= 'A' && *p <= 'F' ? (char)(*p - 'A' + 'a') : *p;
    return hash;
}

static void note_shown(const struct fx_step_context *ctx, struct dead_letter *letter) {
    letter->fields = shown_fields(ctx, letter);
    letter->hash = claimed_hash(ctx->sc, letter);
    letter->source =
        fx_json_get_text(fx_json_at(letter->raw, "Attributes"), "DeadLetterQueueSourceArn");
}

static struct fx_json *describe(struct fx_scope *sc, const struct dead_letter *letter) {

    return fx_json_object_of(
        sc, "id", fx_json_string(sc, letter->id), "md5", fx_json_string(sc, letter->md5),
        "event_id", fx_json_string(sc, letter->event_id), "correlation_id",
        fx_json_string(sc, letter->correlation_id), "sent_at", fx_json_int(sc, letter->sent_ms),
        "receives", fx_json_int(sc, letter->receives), "source",
        letter->source == NULL ? NULL : fx_json_string(sc, letter->source), "cause",
        fx_json_string(sc, class_name(letter->class)), "retry",
        fx_json_string(sc, class_retry(letter->class)), "safe",
        fx_json_bool(sc, class_is_safe(letter->class)), "why", fx_json_string(sc, letter->why),
        "hash", fx_json_string(sc, letter->hash), "reference",
        fx_json_string(sc, letter->reference), "differs", fx_json_bool(sc, letter->differs),
        "fields", fx_json_copy(sc, letter->fields), NULL);
}

/* A redrive carries all of it from its plan to its end, so a large queue should be little text. */
static struct fx_json *describe_briefly(struct fx_scope *sc, const struct dead_letter *letter) {
    return fx_json_object_of(sc, "id", fx_json_string(sc, letter->id), "md5",
                             fx_json_string(sc, letter->md5), "event_id",
                             fx_json_string(sc, letter->event_id), "correlation_id",
                             fx_json_string(sc, letter->correlation_id), "cause",
                             fx_json_string(sc, class_name(letter->class)), "safe",
                             fx_json_bool(sc, class_is_safe(letter->class)), NULL);
}

static struct fx_json *class_row(const struct fx_step_context *ctx,
                                 const struct dead_letter *letter) {
    struct fx_scope *sc = ctx->sc;
    const char *action = fx_json_get_text(letter->class, "action");
    const char *owner = fx_json_get_text(letter->class, "owner");

    return fx_json_object_of(sc, "class", fx_json_string(sc, class_name(letter->class)), "count",
                             fx_json_int(sc, 0), "retry",
                             fx_json_string(sc, class_retry(letter->class)), "safe",
                             fx_json_bool(sc, class_is_safe(letter->class)), "action",
                             fx_json_string(sc, action == NULL ? "a person has to look" : action),
                             "owner", fx_json_string(sc, owner == NULL ? "" : owner), "oldest",
                             fx_json_int(sc, letter->sent_ms), "samples", fx_json_array(sc), NULL);
}

/* One row per class, in the order classes were met; the caller's expressions sort. */
static struct fx_json *group(const struct fx_step_context *ctx, const struct letters *letters) {
    struct fx_json *rows = fx_json_array(ctx->sc), *by_name = fx_json_object(ctx->sc);

    for (size_t i = 0; i < letters->count; i++) {
        const struct dead_letter *letter = &letters->items[i];
        struct fx_json *row = fx_json_at(by_name, class_name(letter->class));

        if (row == NULL) {
            row = class_row(ctx, letter);
            fx_json_put(by_name, class_name(letter->class), row);
            fx_json_add(rows, row);
        }
        fx_json_put(row, "count", fx_json_int(ctx->sc, fx_json_get_int(row, "count", 0) + 1));
        if (letter->sent_ms < fx_json_get_int(row, "oldest", 0))
            fx_json_put(row, "oldest", fx_json_int(ctx->sc, letter->sent_ms));
        if (fx_json_count(fx_json_at(row, "samples")) < DLQ_SAMPLES)
            fx_json_add(fx_json_at(row, "samples"),
                        fx_json_string(ctx->sc, letter->event_id[0] != '\0' ? letter->event_id
                                                                            : letter->id));
    }
    return rows;
}

static struct fx_json *report(const struct fx_step_context *ctx, const struct letters *letters,
                              const struct queue_depth *depth, struct fx_json *gaps, bool brief) {
    struct fx_scope *sc = ctx->sc;
    struct fx_json *items = fx_json_array(sc);
    int64_t safe = 0, oldest = 0;

    for (size_t i = 0; i < letters->count; i++) {
        const struct dead_letter *letter = &letters->items[i];

        fx_json_add(items, brief ? describe_briefly(sc, letter) : describe(sc, letter));
        safe += class_is_safe(letter->class);
        if (oldest == 0 || (letter->sent_ms > 0 && letter->sent_ms < oldest))
            oldest = letter->sent_ms;
    }
    int64_t total = (int64_t)letters->count,
            all = depth->visible + depth->in_flight + depth->delayed;

    return fx_json_object_of(sc, "total", fx_json_int(sc, total), "depth", fx_json_int(sc, all),
                             "covered", fx_json_bool(sc, total >= all), "retryable",
                             fx_json_int(sc, safe), "held", fx_json_int(sc, total - safe), "oldest",
                             fx_json_int(sc, oldest), "classes", group(ctx, letters), "items",
                             items, "gaps", gaps, NULL);
}

/* Messages that somebody else is just looking at cannot be seen: better wait a little than miss
 * them. */
static bool wait_for_quiet(const struct fx_step_context *ctx, int64_t hidden, int64_t in_ms,
                           struct fx_step_result *ret_result) {
    int64_t now = fx_wall_ms(ctx->clock), began = fx_json_get_int(ctx->checkpoint, "began", now);

    if (hidden <= 0 || now - began >= QUIET_WAIT_MS)
        return false;
    *ret_result = (struct fx_step_result){
        .outcome = FX_STEP_PARKED,
        .checkpoint = fx_json_object_of(ctx->sc, "began", fx_json_int(ctx->sc, began), NULL),
        .due_ms = now + in_ms};
    return true;
}

/* Two who begin at once share the messages between them. Both let go and look again, the one who
 * saw more comes first and the other then finds the queue not quiet. */
static int64_t look_again_in_ms(int64_t expected, int64_t seen) {
    return QUIET_POLL_MS + 2 * QUIET_POLL_MS * (expected - seen) / expected;
}

static enum fx_code look_in(const struct fx_step_context *ctx, const struct fx_json *params,
                            int64_t cap, struct fx_step_result *ret_result, struct fx_error *err) {
    int64_t count = fx_json_get_int(params, "count", 10);
    struct letters letters = {0};
    struct queue_depth depth;
    struct fx_json *gaps = NULL;
    struct fx_error ignored;
    struct queue queue;

    if (count < 1 || count > cap)
        return fx_fail(err, FX_ERR_INPUT, "count must be between 1 and %lld", (long long)cap);
    FX_TRY(queue_find(ctx, fx_json_get_text(params, "queue"), &queue, err));
    FX_TRY(queue_depth(ctx, &queue, &depth, err));
    if (depth.dead_letter_target[0] != '\0')
        return fx_fail(err, FX_ERR_CONFLICT,
                       "queue %s has a redrive policy of its own: every look counts towards moving "
                       "its messages",
                       queue.name);
    FX_TRY(queue_refuse_running_task(ctx, &queue, err));
    if (wait_for_quiet(ctx, depth.in_flight, QUIET_POLL_MS, ret_result))
        return FX_OK;
    bool brief = fx_json_get_bool(params, "brief", false);
    enum fx_code code =
        peek(ctx, &queue, depth.visible, (size_t)count, brief ? NULL : note_shown, &letters, err);
    int64_t expected = count < depth.visible ? count : depth.visible;
    int64_t seen = (int64_t)letters.count;

    if (code == FX_OK && seen < expected &&
        wait_for_quiet(ctx, expected - seen, look_again_in_ms(expected, seen), ret_result))
        return peek_release(ctx, &queue, &letters, err);
    if (code == FX_OK)
        code = classify(ctx, &queue, &letters, &gaps, err);
    /* put back whatever happened; what cannot be put back comes back by itself */
    enum fx_code released = peek_release(ctx, &queue, &letters, code == FX_OK ? err : &ignored);

    FX_TRY(code);
    FX_TRY(released);
    ret_result->output = report(ctx, &letters, &depth, gaps, brief);
    return FX_OK;
}

/* In a scope of its own: a whole queue of bodies, and what they were read from, need not wait for
 * the end of the run, which goes on to ask for an approval. */
static enum fx_code look(const struct fx_step_context *ctx, const struct fx_json *params,
                         int64_t cap, struct fx_step_result *ret_result, struct fx_error *err) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(ctx->sc);
    struct fx_step_context within = *ctx;

    within.sc = sc;
    enum fx_code code = look_in(&within, params, cap, ret_result, err);

    ret_result->output = fx_json_share(ctx->sc, ret_result->output);
    ret_result->checkpoint = fx_json_share(ctx->sc, ret_result->checkpoint);
    return code;
}

static enum fx_code inspect_run(const struct fx_step_context *ctx, const struct fx_json *params,
                                struct fx_step_result *ret_result, struct fx_error *err) {
    return look(ctx, params, 50, ret_result, err);
}

static enum fx_code classify_run(const struct fx_step_context *ctx, const struct fx_json *params,
                                 struct fx_step_result *ret_result, struct fx_error *err) {
    return look(ctx, params, DLQ_MAX_MESSAGES, ret_result, err);
}

static enum fx_effect peeks(const struct fx_json *params) {
    (void)params;
    return FX_EFFECT_PEEK;
}

static const struct fx_step_call look_calls[] = {
    CALLS_OF_A_LOOK,
};

const struct fx_step_kind step_dlq_inspect = {
    .name = "dlq.inspect",
    .summary = "Looks at some dead letters and puts them back; raises their receive counts.",
    .params = inspect_params,
    .params_count = FX_COUNT_OF(inspect_params),
    .calls = look_calls,
    .calls_count = FX_COUNT_OF(look_calls),
    .effect = peeks,
    .run = inspect_run,
};

const struct fx_step_kind step_dlq_classify = {
    .name = "dlq.classify",
    .summary = "Looks at a whole dead-letter queue and groups it by cause; raises receive counts.",
    .params = classify_params,
    .params_count = FX_COUNT_OF(classify_params),
    .calls = look_calls,
    .calls_count = FX_COUNT_OF(look_calls),
    .effect = peeks,
    .run = classify_run,
};
