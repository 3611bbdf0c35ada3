/* quarantine_pieces.c - what the promises say has become of each chosen message, how one ends, and
 * what that adds up to. */
#include "quarantine.h"

#include <stdio.h>
#include <string.h>

enum { KEY_MAX = 16 };

/* ---- what is known ---- */

struct piece *quarantine_find(struct quarantine *job, const char *id) {
    for (size_t i = 0; i < job->count; i++)
        if (strcmp(fx_json_get_text(job->pieces[i].message, "id"), id) == 0)
            return &job->pieces[i];
    return NULL;
}

const char *quarantine_key(const struct quarantine *job, const struct piece *piece) {
    char key[KEY_MAX];

    snprintf(key, sizeof key, "m%05zu", (size_t)(piece - job->pieces));
    return fx_strdup(job->ctx->sc, key);
}

static const char *id_of(const struct piece *piece) {
    return fx_json_get_text(piece->message, "id");
}

static const char *stays(const struct quarantine *job, const struct piece *piece) {
    return fx_json_get_text(fx_json_at(job->checkpoint, "stays"), id_of(piece));
}

void quarantine_leave(struct quarantine *job, const struct piece *piece, const char *why) {
    if (stays(job, piece) == NULL)
        fx_json_put(fx_json_at(job->checkpoint, "stays"), id_of(piece),
                    fx_json_string(job->ctx->sc, why));
}

/* Nothing more is done about it. */
bool quarantine_is_settled(const struct quarantine *job, const struct piece *piece) {
    return piece->next == FX_NEXT_GO_ON || piece->next == FX_NEXT_REFUSE ||
           stays(job, piece) != NULL;
}

bool quarantine_is_deleted(const struct piece *piece) {
    const char *deleted = fx_json_get_text(piece->outcome, "deleted");

    return deleted != NULL && strcmp(deleted, "yes") == 0;
}

size_t quarantine_count(const struct quarantine *job, bool (*is)(const struct piece *)) {
    size_t count = 0;

    for (size_t i = 0; i < job->count; i++)
        count += is(&job->pieces[i]);
    return count;
}

enum fx_code quarantine_take_stock(struct quarantine *job, struct fx_error *err) {
    struct fx_step_host *host = job->ctx->host;
    struct fx_step_effect *effects = NULL;
    size_t count = 0;

    FX_TRY(host->effects(host, job->ctx->sc, &effects, &count, err));
    for (size_t i = 0; i < count; i++) {
        struct piece *piece = quarantine_find(job, fx_json_get_text(effects[i].what, "id"));

        if (piece == NULL)
            return fx_fail(err, FX_ERR_INTERNAL, "a promise names a message that was not chosen");
        piece->known = effects[i].known;
        piece->next = effects[i].next;
        piece->outcome = effects[i].outcome;
    }
    return FX_OK;
}

bool quarantine_has_begun(const struct piece *piece) {
    const char *archived = fx_json_get_text(piece->outcome, "archived");

    return piece->known == FX_KNOWN_DONE || piece->known == FX_KNOWN_BEGUN ||
           piece->known == FX_KNOWN_UNKNOWN || (archived != NULL && strcmp(archived, "no") != 0);
}

bool quarantine_is_over(const struct quarantine *job) {
    for (size_t i = 0; i < job->count; i++)
        if (!quarantine_is_settled(job, &job->pieces[i]))
            return false;
    return true;
}

/* ---- the end ---- */

struct fx_json *quarantine_outcome(struct fx_scope *sc, const struct piece *piece,
                                   const char *archived, const char *deleted, const char *told) {
    return fx_json_object_of(sc, "key", fx_json_at(piece->message, "key"), "archived",
                             fx_json_string(sc, archived), "deleted", fx_json_string(sc, deleted),
                             "told", fx_json_string(sc, told), NULL);
}

enum fx_code quarantine_end(struct quarantine *job, struct piece *piece, enum fx_ended ended,
                            const struct fx_json *outcome, struct fx_error *err) {
    struct fx_step_host *host = job->ctx->host;

    FX_TRY(host->end_effect(host, job->ctx->sc, quarantine_key(job, piece), ended, outcome, err));
    piece->known = ended == FX_ENDED_DONE     ? FX_KNOWN_DONE
                   : ended == FX_ENDED_FAILED ? FX_KNOWN_FAILED
                                              : FX_KNOWN_UNKNOWN;
    piece->next = ended == FX_ENDED_DONE     ? FX_NEXT_GO_ON
                  : ended == FX_ENDED_FAILED ? FX_NEXT_REFUSE
                                             : FX_NEXT_REPEAT;
    piece->outcome = outcome;
    return FX_OK;
}

/* Begun, and not seen in the queue again: the object tells how far it came. We delete nothing that
 * has none. */
static enum fx_code settle_unseen(struct quarantine *job, struct piece *piece, bool stopped,
                                  struct fx_error *err) {
    struct fx_scope *sc = job->ctx->sc;
    struct fx_error why = {0};
    bool found = false;
    enum fx_code code = archive_find(job->ctx, &job->archive,
                                     fx_json_get_text(piece->message, "key"), &found, &why);

    if (code == FX_ERR_CANCELED) {
        *err = why;
        return code;
    }
    if (code != FX_OK)
        return piece->known == FX_KNOWN_UNKNOWN
                   ? FX_OK
                   : quarantine_end(
                         job, piece, FX_ENDED_UNKNOWN,
                         quarantine_outcome(sc, piece, "not known", "not known", why.message), err);
    if (!found)
        return quarantine_end(
            job, piece, FX_ENDED_FAILED,
            quarantine_outcome(sc, piece, "no", "no", "the bot neither archived nor deleted it"),
            err);
    return quarantine_end(
        job, piece, FX_ENDED_DONE,
        stopped ? quarantine_outcome(sc, piece, "yes", "not known",
                                     "it is archived; it may still be in the queue")
                : quarantine_outcome(sc, piece, "yes", "yes", "it is archived, and left the queue"),
        err);
}

static struct fx_json *item_of(const struct quarantine *job, const struct piece *piece) {
    struct fx_scope *sc = job->ctx->sc;
    const char *stay = stays(job, piece);
    struct fx_json *item = fx_json_object_of(sc, "id", fx_json_at(piece->message, "id"), "event_id",
                                             fx_json_at(piece->message, "event_id"), "cause",
                                             fx_json_at(piece->message, "cause"), NULL);
    const struct fx_json *outcome =
        piece->outcome != NULL && fx_json_at(piece->outcome, "archived") != NULL
            ? piece->outcome
            : quarantine_outcome(sc, piece, "no", "no",
                                 stay != NULL ? stay : "it was not seen in the queue any more");
    struct fx_json *value = NULL;
    const char *name = NULL;
    void *cursor = NULL;

    while (fx_json_next(outcome, &cursor, &name, &value))
        fx_json_put(item, name, fx_json_copy(sc, value));
    return item;
}

enum fx_code quarantine_count_up(struct quarantine *job, const char *stopped,
                                 struct fx_json **ret_output, struct fx_error *err) {
    struct fx_scope *sc = job->ctx->sc;
    struct fx_json *items = fx_json_array(sc);
    int64_t archived = 0, deleted = 0;

    for (size_t i = 0; i < job->count; i++) {
        struct piece *piece = &job->pieces[i];

        if (piece->known == FX_KNOWN_BEGUN || piece->known == FX_KNOWN_UNKNOWN)
            FX_TRY(settle_unseen(job, piece, stopped[0] != '\0', err));
        if (stopped[0] != '\0' && piece->known == FX_KNOWN_NOTHING)
            quarantine_leave(job, piece, "it ended before this one");
        struct fx_json *item = item_of(job, piece);

        archived += strcmp(fx_json_get_text(item, "archived"), "yes") == 0;
        deleted += strcmp(fx_json_get_text(item, "deleted"), "yes") == 0;
        fx_json_add(items, item);
    }
    *ret_output = fx_json_object_of(
        sc, "of", fx_json_int(sc, (int64_t)job->count), "archived", fx_json_int(sc, archived),
        "deleted", fx_json_int(sc, deleted), "stopped", fx_json_string(sc, stopped), "bucket",
        fx_json_string(sc, job->archive.bucket), "folder",
        fx_json_at_path(job->ctx->plan, "details.folder"), "items", items, NULL);
    return FX_OK;
}
