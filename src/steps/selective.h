/* selective.h - a redrive message by message: what the three files of it share.
 *
 * selective.c goes from batch to batch, selective_batch.c moves one, selective_stock.c reads from
 * the intents what has become of the messages so far. All of it is for one claim of the run; what
 * must outlive the claim is in the intents and in the checkpoint.
 */
#pragma once

#include "private.h"

/* Batches in a row without an answer, before a person is asked rather than SQS once more. */
enum { SELECTIVE_UNANSWERED_MAX = 2 };

/* What the intents say has become of the chosen messages. */
struct tally {
    struct fx_json *sent;     /* id -> new id; "" when the database tells that it arrived */
    struct fx_json *sends;    /* id -> in how many batches it is known to have been sent */
    struct fx_json *deleted;  /* id -> true */
    struct fx_json *doubt;    /* id -> how many times it was in a batch whose outcome is unknown */
    struct fx_json *stays;    /* id -> true: refused for good, or stored with other bytes */
    struct fx_json *problems; /* texts */
    size_t batches;
};

struct job {
    const struct fx_step_context *ctx;
    const struct fx_json *params;
    struct queue dlq, main;
    struct fx_json *chosen; /* id -> {id, md5, event_id, cause} */
    struct fx_json
        *checkpoint; /* held: id -> handle; deleted: [id]; canary; hidden_since; back; unanswered */
    struct tally tally;
};

struct batch {
    struct letters letters;
    struct fx_json *sent;     /* id -> new id */
    struct fx_json *deleted;  /* [id] */
    struct fx_json *stays;    /* [id], as in the tally */
    struct fx_json *problems; /* [text] */
    const char *not_deleted;  /* why; NULL */
    bool denied;              /* it was not begun: no more changes may be made */
};

/* ---- selective_stock.c ---- */

/* Fills job->tally; *ret_ask when a batch is in doubt and a person must decide what that means.
 * What is in doubt is recorded as that. */
enum fx_code selective_take_stock(struct job *job, bool *ret_ask, struct fx_error *err);
/* The recorded outcome of a batch joins the tally. */
void selective_add_outcome(struct job *job, const struct fx_json *outcome);
/* These left the dead letters by our hand: into the tally, and into the checkpoint. */
void selective_note_deleted(struct job *job, const struct fx_json *ids);
/* Batches in a row to which SQS gave no answer. */
int64_t selective_unanswered(const struct job *job);
/* The value of the step; stopped says why it ended early, or is "". */
struct fx_json *selective_count_up(struct job *job, const char *stopped);

/* ---- selective_batch.c ---- */

/* Intent, send, outcome, delete. *ret_known is false when SQS gave no answer: the intent stays
 * open. */
enum fx_code selective_move_batch(struct job *job, const struct letters *letters,
                                  struct batch *ret_batch, bool *ret_known, struct fx_error *err);
