/* outbox.c - messages on their way to people: order, replacement, retry.
 *
 * place is the order, seq the identity. A newer text takes the place of the one it replaces under a
 * seq of its own, so a sender that read the old text cannot begin it any more. When a lane is free
 * is in lanes.c.
 */
#include "private.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct row {
    struct fx_message message;
    int64_t place;
    int64_t late_ms; /* late.c */
};

static void *read_row(struct fx_scope *sc, const struct store_rows *rows) {
    struct row *row = FX_NEW(sc, struct row);

    row->message = (struct fx_message){
        .seq = store_int(rows, 0),
        .kind = (enum fx_message_kind)store_int(rows, 1),
        .key = store_text(rows, 2),
        .parent = store_text(rows, 3),
        .channel = store_text(rows, 4),
        .user = store_text(rows, 5),
        .response_url = store_text(rows, 6),
        .payload_json = store_text(rows, 7),
        .state = (enum fx_message_state)store_int(rows, 8),
        .attempts = (int)store_int(rows, 9),
        .due_ms = store_int(rows, 10),
        .created_ms = store_int(rows, 11),
        .last_error = store_text(rows, 12),
        .lane = store_text(rows, 14),
        .urgency = (enum fx_urgency)store_int(rows, 15),
        .in_doubt = store_int(rows, 16) != 0,
        .ts = store_text(rows, 17),
        .parent_ts = store_text(rows, 18),
    };
    row->place = store_int(rows, 13);
    row->late_ms = store_int(rows, 19);
    return row;
}

static void *read_message(struct fx_scope *sc, const struct store_rows *rows) {
    struct row *row = read_row(sc, rows);
    return &row->message;
}

/* ---- putting ---- */

static enum fx_code add(struct store_link *link, const struct fx_message *message, int64_t place,
                        int64_t late_ms, int64_t *ret_seq, struct fx_error *err) {
    int64_t seq = 0;
    bool row = false;

    FX_TRY(store_read_int(link, STMT_MESSAGE_ADD,
                          ST_VALUES(st_int(place), st_int(message->kind), st_text(message->key),
                                    st_text(message->parent), st_text(message->channel),
                                    st_text(message->user), st_text(message->response_url),
                                    st_text(message->payload_json), st_int(message->due_ms),
                                    st_int(message->created_ms), st_int(message->attempts),
                                    st_text(message->last_error), st_int(message->urgency),
                                    st_int(message->in_doubt), st_int(late_ms)),
                          &row, &seq, err));
    if (ret_seq != NULL)
        *ret_seq = seq;
    if (place != 0)
        return FX_OK;
    return store_exec(link, STMT_MESSAGE_PLACE, ST_VALUES(st_int(seq)), err);
}

static bool is_replaceable(const struct fx_message *message) {
    return message->kind == FX_MESSAGE_PUT && message->key != NULL && message->key[0] != '\0';
}

/* Locked by name, so that of two new texts one finds the other. */
static enum fx_code waiting_put(struct store_link *link, const char *key, int64_t but_seq,
                                struct row **ret_row, struct fx_error *err) {
    FX_TRY(store_lock_name(link, STORE_LOCK_MESSAGE, key, "", err));
    return store_read_one(link, STMT_MESSAGE_WAITING_OF,
                          ST_VALUES(st_int(FX_MESSAGE_PUT), st_text(key), st_int(but_seq)),
                          read_row, ret_row, err);
}

enum fx_code store_message_put(struct store_link *link, const struct fx_message *message,
                               int64_t *ret_seq, struct fx_error *err) {
    struct fx_message fresh = *message;
    struct row *old = NULL;

    fresh.attempts = 0;
    fresh.last_error = "";
    fresh.in_doubt = false;
    if (is_replaceable(&fresh))
        FX_TRY(waiting_put(link, fresh.key, 0, &old, err));
    if (old == NULL)
        return add(link, &fresh, 0, 0, ret_seq, err);
    /* the text that may have arrived, or may still do so, was of this message, too */
    fresh.in_doubt = old->message.in_doubt;
    FX_TRY(store_exec(link, STMT_MESSAGE_DROP, ST_VALUES(st_int(old->message.seq)), err));
    return add(link, &fresh, old->place, old->late_ms, ret_seq, err);
}

/* ---- sending ---- */

/* What became of one message. */
struct sending {
    int64_t seq;
    const char *ts, *error;
    const struct fx_error *why;
    int64_t at_ms, now_ms;
};

static enum fx_code begin_in(struct store_link *link, void *what, struct fx_error *err) {
    const struct sending *s = what;

    FX_TRY(store_exec(link, STMT_MESSAGE_BEGIN, ST_VALUES(st_int(s->seq)), err));
    if (link->changed == 0)
        return fx_fail(err, FX_ERR_CONFLICT, "message %lld was replaced or taken meanwhile",
                       (long long)s->seq);
    return store_lane_take(link, s->seq, s->now_ms, err);
}

/* With others of its lane neither waiting nor under way, the order of the lane holds without a look
 * at it; the rest is asked as outbox_ready and outbox_begin ask. */
enum fx_code store_message_begin_at_once(struct store_link *link, int64_t seq, int64_t now_ms,
                                         struct fx_message **ret_begun, struct fx_error *err) {
    struct row *row = NULL;
    bool taken = false;

    *ret_begun = NULL;
    FX_TRY(store_read_one(link, STMT_MESSAGE_AT_ONCE, ST_VALUES(st_int(seq), st_int(now_ms)),
                          read_row, &row, err));
    if (row == NULL)
        return FX_OK;
    FX_TRY(store_lane_try(link, row->message.lane, seq, now_ms, &taken, err));
    if (!taken)
        return FX_OK;
    FX_TRY(store_exec(link, STMT_MESSAGE_BEGIN, ST_VALUES(st_int(seq)), err));
    if (link->changed == 0) /* nothing leaves that does not stand as being sent */
        return fx_fail(err, FX_ERR_CONFLICT, "message %lld was replaced or taken meanwhile",
                       (long long)seq);
    *ret_begun = &row->message;
    return FX_OK;
}

/* The database may be away in the moment between a send and its record, and what it has of the
 * record nobody knows: the next look at the outbox finds out. */
void store_message_unrecorded(struct store_db *db, int64_t seq) {
    pthread_mutex_lock(&db->unrecorded.lock);
    if (db->unrecorded.count < FX_COUNT_OF(db->unrecorded.seqs))
        db->unrecorded.seqs[db->unrecorded.count] = seq;
    db->unrecorded.count++;
    pthread_mutex_unlock(&db->unrecorded.lock);
}

static enum fx_code write_sending(struct fx_store *store, struct fx_scope *sc, store_work_fn *work,
                                  struct sending *s, struct fx_error *err) {
    enum fx_code code = store_write(store, sc, work, s, err);

    if (code != FX_OK && code != FX_ERR_CONFLICT && code != FX_ERR_THROTTLED)
        store_message_unrecorded(store_of(store), s->seq);
    return code;
}

static enum fx_code outbox_begin(struct fx_store *store, struct fx_scope *sc, int64_t seq,
                                 int64_t now_ms, struct fx_error *err) {
    struct sending s = {.seq = seq, .now_ms = now_ms};

    return write_sending(store, sc, begin_in, &s, err);
}

static enum fx_code take_sending(struct store_link *link, int64_t seq, struct row **ret_row,
                                 struct fx_error *err) {
    FX_TRY(store_read_one(link, STMT_MESSAGE_TAKE, ST_VALUES(st_int(seq)), read_row, ret_row, err));
    if (*ret_row == NULL || (*ret_row)->message.state != FX_MESSAGE_SENDING)
        return fx_fail(err, FX_ERR_CONFLICT, "message %lld is not being sent", (long long)seq);
    return FX_OK;
}

static enum fx_code sent_in(struct store_link *link, void *what, struct fx_error *err) {
    const struct sending *s = what;
    struct row *row = NULL;

    FX_TRY(take_sending(link, s->seq, &row, err));
    FX_TRY(store_exec(
        link, STMT_MESSAGE_END,
        ST_VALUES(st_int(FX_MESSAGE_SENT), st_text(""), st_int(s->at_ms), st_int(s->seq)), err));
    FX_TRY(store_lane_free(link, &row->message, 0, err));
    FX_TRY(store_late_repeat(link, &row->message, row->late_ms, s->at_ms, err));
    if (!is_replaceable(&row->message) || s->ts == NULL || s->ts[0] == '\0')
        return FX_OK;
    /* a newer text that is just being put must see where this one stands */
    FX_TRY(store_lock_name(link, STORE_LOCK_MESSAGE, row->message.key, "", err));
    FX_TRY(store_exec(link, STMT_TS_PUT,
                      ST_VALUES(st_text(row->message.key), st_text(s->ts),
                                st_text(row->message.channel), st_int(s->at_ms)),
                      err));
    return store_exec(link, STMT_MESSAGE_POSTED, ST_VALUES(st_text(row->message.key)), err);
}

static enum fx_code outbox_sent(struct fx_store *store, struct fx_scope *sc, int64_t seq,
                                const char *ts, int64_t now_ms, struct fx_error *err) {
    struct sending s = {.seq = seq, .ts = ts, .at_ms = now_ms};

    return write_sending(store, sc, sent_in, &s, err);
}

/* A newer text that came while the old one was on its way takes its place, but keeps to its pace:
 * the other side asked for the delay, whatever we want to say. is_open: this attempt may arrive. */
static enum fx_code wait_again(struct store_link *link, const struct row *row, int64_t due_ms,
                               const char *error, bool is_open, struct fx_error *err) {
    bool in_doubt = row->message.in_doubt || is_open;
    int64_t late_ms = is_open ? store_late_until(link, &row->message) : 0;
    struct row *newer = NULL;

    if (late_ms < row->late_ms)
        late_ms = row->late_ms;
    if (is_replaceable(&row->message))
        FX_TRY(waiting_put(link, row->message.key, row->message.seq, &newer, err));
    if (newer == NULL)
        return store_exec(link, STMT_MESSAGE_WAIT,
                          ST_VALUES(st_int(due_ms), st_text(error), st_int(in_doubt),
                                    st_int(late_ms), st_int(row->message.seq)),
                          err);

    if (newer->message.due_ms < due_ms)
        newer->message.due_ms = due_ms;
    newer->message.in_doubt = newer->message.in_doubt || in_doubt;
    if (late_ms < newer->late_ms)
        late_ms = newer->late_ms;
    FX_TRY(store_exec(link, STMT_MESSAGE_DROP, ST_VALUES(st_int(row->message.seq)), err));
    FX_TRY(store_exec(link, STMT_MESSAGE_DROP, ST_VALUES(st_int(newer->message.seq)), err));
    return add(link, &newer->message, row->place, late_ms, NULL, err);
}

static enum fx_code retry_in(struct store_link *link, void *what, struct fx_error *err) {
    const struct sending *s = what;
    struct row *row = NULL;

    FX_TRY(take_sending(link, s->seq, &row, err));
    FX_TRY(store_lane_free(link, &row->message, s->at_ms, err));
    if (s->why->code == FX_ERR_THROTTLED)
        FX_TRY(store_method_hold(link, &row->message, s->at_ms, err));
    return wait_again(link, row, s->at_ms, s->error, s->why->sent, err);
}

static enum fx_code outbox_retry(struct fx_store *store, struct fx_scope *sc, int64_t seq,
                                 int64_t due_ms, const struct fx_error *why, struct fx_error *err) {
    struct sending s = {
        .seq = seq, .why = why, .error = store_error_text(sc, why->message), .at_ms = due_ms};

    return write_sending(store, sc, retry_in, &s, err);
}

static enum fx_code failed_in(struct store_link *link, void *what, struct fx_error *err) {
    const struct sending *s = what;
    struct row *row = NULL;

    FX_TRY(take_sending(link, s->seq, &row, err));
    FX_TRY(store_lane_free(link, &row->message, 0, err));
    return store_exec(
        link, STMT_MESSAGE_END,
        ST_VALUES(st_int(FX_MESSAGE_FAILED), st_text(s->error), st_int(s->at_ms), st_int(s->seq)),
        err);
}

static enum fx_code outbox_failed(struct fx_store *store, struct fx_scope *sc, int64_t seq,
                                  const char *error, struct fx_error *err) {
    struct sending s = {.seq = seq,
                        .error = store_error_text(sc, error),
                        .at_ms = fx_wall_ms(store_of(store)->clock)};

    return write_sending(store, sc, failed_in, &s, err);
}

static enum fx_code recover(struct store_link *link, const struct row *row, struct fx_error *err) {
    FX_TRY(store_lane_free(link, &row->message, 0, err));
    return wait_again(link, row, row->message.due_ms, row->message.last_error, true, err);
}

enum fx_code store_recover_messages(struct store_link *link, void *what, struct fx_error *err) {
    struct row **rows = NULL;
    size_t count = 0;

    (void)what;
    FX_TRY(store_read_list(link, STMT_MESSAGE_SENDING, NULL, 0, read_row, &rows, &count, err));
    for (size_t i = 0; i < count; i++)
        FX_TRY(recover(link, rows[i], err));
    return FX_OK;
}

static bool is_among(const struct store_unrecorded *list, int64_t seq) {
    if (list->count > FX_COUNT_OF(list->seqs)) /* more than were counted: any may be one */
        return true;
    for (size_t i = 0; i < list->count; i++)
        if (list->seqs[i] == seq)
            return true;
    return false;
}

static enum fx_code recover_unrecorded(struct store_link *link, void *what, struct fx_error *err) {
    struct row **rows = NULL;
    size_t count = 0;

    FX_TRY(store_read_list(link, STMT_MESSAGE_OWN, NULL, 0, read_row, &rows, &count, err));
    for (size_t i = 0; i < count; i++)
        if (is_among(what, rows[i]->message.seq))
            FX_TRY(recover(link, rows[i], err));
    return FX_OK;
}

/* Those that nobody of this process is sending any more, whatever the database says. */
static enum fx_code look_at_unrecorded(struct fx_store *store, struct fx_scope *sc,
                                       struct fx_error *err) {
    struct store_db *db = store_of(store);
    struct store_unrecorded list;

    pthread_mutex_lock(&db->unrecorded.lock);
    list.count = db->unrecorded.count;
    memcpy(list.seqs, db->unrecorded.seqs, sizeof list.seqs);
    db->unrecorded.count = 0;
    pthread_mutex_unlock(&db->unrecorded.lock);
    if (list.count == 0)
        return FX_OK;
    enum fx_code code = store_write(store, sc, recover_unrecorded, &list, err);

    for (size_t i = 0; code != FX_OK && i < list.count; i++)
        store_message_unrecorded(db, i < FX_COUNT_OF(list.seqs) ? list.seqs[i] : 0);
    return code;
}

static enum fx_code outbox_recover(struct fx_store *store, struct fx_scope *sc,
                                   struct fx_error *err) {
    return store_write(store, sc, store_recover_messages, NULL, err);
}

/* ---- reading ---- */

struct ready {
    int64_t now_ms;
    size_t max;
    struct fx_message **messages;
    size_t count;
    int64_t next_due_ms;
};

static int by_urgency_and_place(const void *a, const void *b) {
    const struct fx_message *const *one = a, *const *other = b;
    const struct row *left = FX_CONTAINER_OF(*one, struct row, message);
    const struct row *right = FX_CONTAINER_OF(*other, struct row, message);

    if (left->message.urgency != right->message.urgency)
        return left->message.urgency < right->message.urgency ? -1 : 1;
    return left->place < right->place ? -1 : left->place > right->place;
}

/* Of one lane; one that is busy only tells when it will not be. */
static enum fx_code ready_of(struct store_link *link, struct ready *ready, const char *lane,
                             struct fx_error *err) {
    struct fx_message **found = NULL;
    size_t count = 0;
    int64_t busy_ms = 0;

    FX_TRY(store_lane_busy(link, lane, ready->now_ms, &busy_ms, err));
    if (busy_ms > 0) {
        if (ready->next_due_ms == 0 || busy_ms < ready->next_due_ms)
            ready->next_due_ms = busy_ms;
        return FX_OK;
    }
    FX_TRY(store_read_list(
        link, STMT_MESSAGE_READY,
        ST_VALUES(st_text(lane), st_int(ready->now_ms), st_int(store_max_rows(ready->max))),
        read_message, &found, &count, err));
    struct fx_message **all =
        fx_alloc(link->sc, (ready->count + count + 1) * sizeof(struct fx_message *));

    if (ready->count > 0)
        memcpy(all, ready->messages, ready->count * sizeof(struct fx_message *));
    if (count > 0)
        memcpy(all + ready->count, found, count * sizeof(struct fx_message *));
    ready->messages = all;
    ready->count += count;
    return FX_OK;
}

static void *read_lane(struct fx_scope *sc, const struct store_rows *rows) {
    (void)sc;
    return (void *)(uintptr_t)store_text(rows, 0);
}

static enum fx_code ready_in(struct store_link *link, void *what, struct fx_error *err) {
    struct ready *ready = what;
    char **lanes = NULL;
    size_t lanes_count = 0;
    bool row = false;

    ready->messages = NULL; /* what a try that broke off had found is found again */
    ready->count = 0;
    /* MIN of nothing is NULL, which reads as 0 */
    FX_TRY(store_read_int(link, STMT_MESSAGE_NEXT, ST_VALUES(st_int(ready->now_ms)), &row,
                          &ready->next_due_ms, err));
    FX_TRY(store_read_list(link, STMT_LANE_LIST, ST_VALUES(st_int(STORE_MAX_LANES)), read_lane,
                           &lanes, &lanes_count, err));
    for (size_t i = 0; i < lanes_count; i++)
        FX_TRY(ready_of(link, ready, lanes[i], err));
    if (ready->count > 0)
        qsort(ready->messages, ready->count, sizeof(struct fx_message *), by_urgency_and_place);
    return FX_OK;
}

static enum fx_code outbox_ready(struct fx_store *store, struct fx_scope *sc, int64_t now_ms,
                                 size_t max, struct fx_message ***ret_messages, size_t *ret_count,
                                 int64_t *ret_next_due_ms, struct fx_error *err) {
    struct ready ready = {.now_ms = now_ms, .max = max};

    FX_TRY(store_rescue(store, sc, err));
    FX_TRY(look_at_unrecorded(store, sc, err));
    FX_TRY(store_read(store, sc, ready_in, &ready, err));
    *ret_messages = ready.messages;
    *ret_count = ready.count;
    *ret_next_due_ms = ready.next_due_ms;
    return FX_OK;
}

static void *read_ts(struct fx_scope *sc, const struct store_rows *rows) {
    (void)sc;
    return (void *)(uintptr_t)store_text(rows, 0);
}

static enum fx_code message_ts(struct fx_store *store, struct fx_scope *sc, const char *key,
                               const char **ret_ts, struct fx_error *err) {
    char *ts = NULL;

    FX_TRY(store_one(store, sc, STMT_TS_GET, ST_VALUES(st_text(key)), read_ts, &ts, err));
    *ret_ts = ts != NULL ? ts : "";
    return FX_OK;
}

void store_outbox_bind(struct fx_store *store) {
    store->outbox_ready = outbox_ready;
    store->outbox_begin = outbox_begin;
    store->outbox_sent = outbox_sent;
    store->outbox_retry = outbox_retry;
    store->outbox_failed = outbox_failed;
    store->outbox_recover = outbox_recover;
    store->message_ts = message_ts;
}
