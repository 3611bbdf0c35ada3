/* accept.c - stores what comes in; all who wait at the same moment share one commit.
 *
 * The receiver has a thread per connection. The first that comes leads: it takes everything that is
 * queued, commits it and wakes the others, of which the first still waiting leads next. There is no
 * timer: a batch is what arrived while the commit before it was on its way to the disk.
 */
#include "private.h"

struct store_request {
    struct fx_scope *sc;
    const struct fx_event *event;
    bool added;
    enum fx_code code;
    struct fx_error err;

    bool done, leads;
    pthread_cond_t wake;
    struct store_request *next;
};

/* ---- inside the transaction ---- */

static const char *key_of(const struct fx_event *event, int i) {
    return event->keys[i] != NULL ? event->keys[i] : "";
}

static enum fx_code seen(struct sqlite_store *db, const struct fx_event *event, bool *ret_seen,
                         struct fx_error *err) {
    FX_CLEANUP(store_rows_end) struct store_rows rows = {0};

    /* "" is never stored, so an absent key matches nothing */
    FX_TRY(store_query(
        db, STMT_EVENT_SEEN,
        ST_VALUES(st_text(event->keys[0]), st_text(event->keys[1]), st_text(event->keys[2])), &rows,
        err));
    return store_next(&rows, ret_seen, err);
}

static enum fx_code add_event(struct sqlite_store *db, const struct fx_event *event,
                              bool *ret_added, struct fx_error *err) {
    bool known = false;

    *ret_added = false;
    FX_TRY(seen(db, event, &known, err));
    if (known)
        return FX_OK;

    FX_TRY(store_exec(db, STMT_EVENT_ADD,
                      ST_VALUES(st_text(event->id), st_text(event->kind), st_text(event->body),
                                st_int(event->verified), st_int(event->received_ms),
                                st_text(event->keys[0]), st_text(event->keys[1]),
                                st_text(event->keys[2])),
                      err));
    if (store_changed(db) == 0)
        return FX_OK;
    for (int i = 0; i < FX_STORE_EVENT_KEYS; i++)
        if (key_of(event, i)[0] != '\0')
            FX_TRY(store_exec(db, STMT_EVENT_KEY_ADD,
                              ST_VALUES(st_text(key_of(event, i)), st_text(event->id)), err));
    FX_TRY(store_exec(db, STMT_JOB_ADD,
                      ST_VALUES(st_text("event"), st_text(event->id), st_int(event->received_ms)),
                      err));
    *ret_added = true;
    return FX_OK;
}

/* One event that cannot be stored must not take its neighbours with it. */
static enum fx_code add_alone(struct sqlite_store *db, struct store_request *request,
                              struct fx_error *err) {
    FX_TRY(store_do(db, STMT_SAVE, err));
    request->code = add_event(db, request->event, &request->added, &request->err);
    if (request->code != FX_OK)
        FX_TRY(store_do(db, STMT_SAVE_UNDO, err));
    return store_do(db, STMT_SAVE_KEEP, err);
}

static enum fx_code add_all(struct sqlite_store *db, struct store_request *batch,
                            struct fx_error *err) {
    for (struct store_request *request = batch; request != NULL; request = request->next)
        FX_TRY(add_alone(db, request, err));
    return FX_OK;
}

static void commit_batch(struct sqlite_store *db, struct store_request *batch) {
    struct fx_error err;
    enum fx_code code = store_begin(db, &err);

    if (code == FX_OK)
        code = store_end(db, add_all(db, batch, &err), &err);
    if (code == FX_OK)
        return;
    /* without the commit nobody's event is on the disk, a repetition's original included */
    for (struct store_request *request = batch; request != NULL; request = request->next) {
        if (request->code != FX_OK)
            continue;
        request->code = code;
        request->err = err;
    }
}

/* ---- the queue ---- */

static void enqueue(struct sqlite_store *db, struct store_request *request) {
    if (db->queue_last != NULL)
        db->queue_last->next = request;
    else
        db->queue_first = request;
    db->queue_last = request;
    if (!db->queue_led) {
        db->queue_led = true;
        request->leads = true;
    }
}

/* Caller holds queue_lock; it is given back while the batch is on its way to the disk. */
static void lead(struct sqlite_store *db) {
    struct store_request *batch = db->queue_first;

    db->queue_first = db->queue_last = NULL;
    pthread_mutex_unlock(&db->queue_lock);
    commit_batch(db, batch);
    pthread_mutex_lock(&db->queue_lock);

    for (struct store_request *request = batch; request != NULL;) {
        struct store_request *next = request->next; /* a request is gone once it is done */
        request->done = true;
        pthread_cond_signal(&request->wake);
        request = next;
    }
    db->queue_led = db->queue_first != NULL;
    if (db->queue_led) {
        db->queue_first->leads = true;
        pthread_cond_signal(&db->queue_first->wake);
    }
}

static enum fx_code accept_event(struct fx_store *store, struct fx_scope *sc,
                                 const struct fx_event *event, bool *ret_new,
                                 struct fx_error *err) {
    struct sqlite_store *db = store_of(store);
    struct store_request request = {.sc = sc, .event = event};

    FX_TRY(fx_scope_check(sc, fx_mono_ms(db->clock), err));
    pthread_cond_init(&request.wake, NULL);
    pthread_mutex_lock(&db->queue_lock);
    enqueue(db, &request);
    while (!request.done && !request.leads)
        pthread_cond_wait(&request.wake, &db->queue_lock);
    if (!request.done)
        lead(db);
    pthread_mutex_unlock(&db->queue_lock);
    pthread_cond_destroy(&request.wake);

    if (request.code != FX_OK) {
        *err = request.err;
        return request.code;
    }
    *ret_new = request.added;
    return FX_OK;
}

/* ---- reading ---- */

static void *read_event(struct fx_scope *sc, const struct store_rows *rows) {
    struct fx_event *event = FX_NEW(sc, struct fx_event);

    *event = (struct fx_event){
        .id = store_text(rows, sc, 0),
        .kind = store_text(rows, sc, 1),
        .body = store_text(rows, sc, 2),
        .verified = store_int(rows, 3) != 0,
        .received_ms = store_int(rows, 4),
        .keys = {store_text(rows, sc, 5), store_text(rows, sc, 6), store_text(rows, sc, 7)},
    };
    return event;
}

static enum fx_code get_event(struct fx_store *store, struct fx_scope *sc, const char *id,
                              struct fx_event **ret_event, struct fx_error *err) {
    return store_one(store, sc, STMT_EVENT_GET, ST_VALUES(st_text(id)), read_event, ret_event, err);
}

void store_accept_bind(struct fx_store *store) {
    store->accept = accept_event;
    store->event = get_event;
}
