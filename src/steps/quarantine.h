/* quarantine.h - dead letters into an archive, one by one: what the files of it share.
 *
 * dlq_quarantine.c chooses and plans, quarantine_run.c goes from message to message,
 * quarantine_archive.c writes one object and reads it back. No message is deleted before its object
 * was read back, so what is archived twice stands once under the same key, and what is gone from
 * the queue without an object was not taken by us.
 */
#pragma once

#include "private.h"

enum {
    QUARANTINE_MAX = 200,        /* messages of one run */
    QUARANTINE_FAILURES_MAX = 3, /* in a row, before it ends and says so */
};

/* ---- quarantine_archive.c ---- */

struct archive {
    const char *bucket;
    const char *kms_key; /* "": S3's own key */
};

/* What the object of a message is. */
struct archived {
    bool is_written;            /* S3 took it */
    bool is_whole;              /* and it was read back */
    const char *etag, *version; /* version "" where the bucket keeps none */
    int64_t size;
};

/* "dlq/2026-11-22/" */
const char *archive_folder(struct fx_scope *sc, const char *prefix, int64_t wall_ms);
/* "dlq/2026-11-22/<MessageId>.json"; FX_ERR_INPUT for an id that is none of SQS's. */
enum fx_code archive_key(struct fx_scope *sc, const char *folder, const char *id,
                         const char **ret_key, struct fx_error *err);
/* Body and all attributes, so that the message can be sent again. */
struct fx_slice archive_text(struct fx_scope *sc, const struct queue *queue,
                             const struct dead_letter *letter, const char *cause);
/* FX_ERR_DENIED unless the bucket blocks all public access. */
enum fx_code archive_check(const struct fx_step_context *ctx, const struct archive *archive,
                           struct fx_error *err);
/* Writes the object, encrypted, and reads it back; FX_ERR_CONFLICT when what S3 holds is not what
 * was sent. *ret says how far it came, also when it failed. Under the same key it may be repeated.
 */
enum fx_code archive_put(const struct fx_step_context *ctx, const struct archive *archive,
                         const char *key, struct fx_slice bytes, struct archived *ret,
                         struct fx_error *err);
/* Whether there is one under this key. */
enum fx_code archive_find(const struct fx_step_context *ctx, const struct archive *archive,
                          const char *key, bool *ret_found, struct fx_error *err);

/* ---- quarantine_pieces.c ---- */

/* One of the chosen messages, and what is known of it. */
struct piece {
    const struct fx_json *message; /* of the plan: {id, md5, event_id, cause, key} */
    enum fx_known known;
    enum fx_next next;
    const struct fx_json *outcome;
};

/* All of it is for one claim of the run; what must outlive the claim is in the promises and in the
 * checkpoint. */
struct quarantine {
    const struct fx_step_context *ctx;
    struct queue dlq;
    struct archive archive;
    struct piece *pieces;
    size_t count;
    struct fx_json *checkpoint; /* held: id -> handle; stays: id -> why; failures; hidden_since */
};

/* NULL for a message that was not chosen. */
struct piece *quarantine_find(struct quarantine *job, const char *id);
/* What its promise is called. */
const char *quarantine_key(const struct quarantine *job, const struct piece *piece);
/* Nothing more is done about it, or about any. */
bool quarantine_is_settled(const struct quarantine *job, const struct piece *piece);
bool quarantine_is_over(const struct quarantine *job);
bool quarantine_is_deleted(const struct piece *piece);
/* It was archived, or may have been. */
bool quarantine_has_begun(const struct piece *piece);
size_t quarantine_count(const struct quarantine *job, bool (*is)(const struct piece *));
/* It stays where it is, and this is why; the first reason counts. */
void quarantine_leave(struct quarantine *job, const struct piece *piece, const char *why);
/* Fills the pieces from the promises. */
enum fx_code quarantine_take_stock(struct quarantine *job, struct fx_error *err);
/* archived, deleted: "yes", "no", "not known". */
struct fx_json *quarantine_outcome(struct fx_scope *sc, const struct piece *piece,
                                   const char *archived, const char *deleted, const char *told);
enum fx_code quarantine_end(struct quarantine *job, struct piece *piece, enum fx_ended ended,
                            const struct fx_json *outcome, struct fx_error *err);
/* The value of the step; stopped says why it ended early, or is "". What was begun and is not in
 * the queue any more is looked up in the archive. */
enum fx_code quarantine_count_up(struct quarantine *job, const char *stopped,
                                 struct fx_json **ret_output, struct fx_error *err);

/* ---- quarantine_run.c ---- */

/* Output: {of, archived, deleted, stopped, bucket, folder, items: [{id, event_id, cause, key,
 * archived, deleted, told}]}; archived and deleted are yes, no or not known. */
enum fx_code quarantine_run(const struct fx_step_context *ctx, const struct fx_json *params,
                            struct fx_step_result *ret_result, struct fx_error *err);
struct archive quarantine_archive(const struct fx_json *params);
