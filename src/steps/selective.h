/* selective.h - a redrive message by message: what the four files of it share.
 *
 * selective.c goes from wave to wave, selective_look.c receives one, selective_batch.c moves it,
 * selective_stock.c reads from the intents what has become of the messages so far. All of it is for
 * one claim of the run; what must outlive the claim is in the intents and in the checkpoint.
 */
#pragma once

#include "private.h"

/* Batches in a row without an answer, before a person is asked rather than SQS once more. */
enum { SELECTIVE_UNANSWERED_MAX = 2 };
enum { SELECTIVE_KEY_MAX = 24 };

/* What the intents say has become of the chosen messages. */
struct tally {
    struct fx_json *sent;     /* id -> new id; "" when the database tells that it arrived */
    struct fx_json *sends;    /* id -> in how many batches it is known to have been sent */
    struct fx_json *deleted;  /* id -> true */
    struct fx_json *doubt;    /* id -> how many times it was in a batch whose outcome is unknown */
    struct fx_json *stays;    /* id -> true: refused for good, or stored with other bytes */
    struct fx_json *problems; /* texts */
    struct fx_json *arrived;  /* new id -> true, of all that were sent */
    size_t batches;
};

/* What was received beside the deletes of the wave before. */
struct ahead {
    struct fx_scope *sc; /* in which it lives, until the wave takes it; NULL */
    bool waits;          /* for the next wave to look at it */
    struct letters letters;
    size_t received;
    enum fx_code code;
    struct fx_error err;
};

struct job {
    /* its scope is that of the step, and within selective_collect and selective_move that of the
     * wave */
    const struct fx_step_context *ctx;
    const struct fx_step_context *step;
    const struct fx_json *params;
    struct queue dlq, main;
    struct rules *rules;
    struct fx_json *chosen;     /* id -> {id, md5, event_id, cause} */
    struct fx_json *checkpoint; /* held: id -> handle, "" when let go; deleted: [id]; canary;
                                   hidden_since; back; unanswered */
    struct tally tally;
    struct ahead ahead;
    int64_t saved_mono_ms; /* when the checkpoint was */
    int waves_left;        /* of this claim, after the one under way */
};

/* Up to ten messages: one promise, one send, one delete. */
struct batch {
    struct letters letters;
    char key[SELECTIVE_KEY_MAX];
    struct fx_aws_one *send;  /* NULL: nothing of it has to be sent */
    struct fx_json *sent;     /* id -> new id */
    struct fx_json *stays;    /* [id], as in the tally */
    struct fx_json *problems; /* [text] */
    bool known;               /* SQS answered, and that is on record */
};

/* Batches that go together: one, unless more than one after the other would bear is asked for. */
struct wave {
    struct batch *items;
    size_t count;                /* of those that were promised */
    int64_t send_before_mono_ms; /* what was promised holds so long */
    struct fx_json *sent;        /* id -> new id, of all */
    struct fx_json *deleted;     /* [id], of all */
    size_t stays;                /* how many */
    const char *not_deleted;     /* why; NULL */
    bool denied;                 /* it was not begun: no more changes may be made */
    bool known; /* SQS answered all, as is on record; of others the intent stays open */
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

/* ---- selective.c ---- */

/* Adds all that stay and are still hidden by us: their ids and, in the same order, handles. */
void selective_held(const struct job *job, struct fx_json *ids, struct fx_json *handles);
/* How many messages are to be received for the wave after this one, of which moved were sent since
 * began_mono_ms; 0: it does not follow at once. */
size_t selective_look_ahead(const struct job *job, size_t moved, int64_t began_mono_ms);

/* ---- selective_look.c ---- */

/* Up to want messages that may move; everything else that is seen is kept hidden for a while. */
enum fx_code selective_collect(struct job *job, size_t want, struct letters *ret_batch,
                               struct fx_error *err);
/* It is gone from the dead letters by our hand. */
bool selective_is_done(const struct job *job, const char *id);
/* Of one that is not moved now: remembered as hidden by us, and counted when it came back. */
void selective_note_seen(struct job *job, const struct dead_letter *letter);

/* ---- selective_batch.c ---- */

/* Of each ten of them intent, send, outcome and delete. The first failure, after all has been
 * settled that was begun. began_mono_ms is when the wave began. */
enum fx_code selective_move(struct job *job, const struct letters *letters, int64_t began_mono_ms,
                            struct wave *ret_wave, struct fx_error *err);
