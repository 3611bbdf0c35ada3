/* accept.c - stores what comes in; all who wait at the same moment share one commit.
 *
 * The receiver has a thread per connection. The first that comes leads: it takes everything that is
 * queued, commits it and wakes the others; the first that came meanwhile leads next. There is no
 * timer: a batch is what arrived while the commit before it was on its way to the disk. Where a
 * database works on one commit while the disk is at another, so many batches are under way at once.
 */
#include "private.h"

#include <assert.h>
#include <semaphore.h>
#include <string.h>

struct store_request {
    const struct fx_event *event;
    bool added;
    enum fx_code code;
    struct fx_error err;

    int64_t came_ms;
    bool leads; /* is to commit, when it is woken */
    sem_t wake; /* not a condition: whoever is woken by one must take its lock, and all would wait
                   for each other */
    struct store_request *next;
};

/* What one commit is for. */
struct batch {
    struct store_request *first;
    size_t count;
};

static const char *key_of(const struct fx_event *event, int i) {
    return event->keys[i] != NULL ? event->keys[i] : "";
}

static void values_of(const struct fx_event *event,
                      struct store_value ret_values[STORE_EVENT_VALUES]) {
    const struct store_value values[STORE_EVENT_VALUES] = {
        st_text(event->id),      st_text(event->kind),       st_text(event->body),
        st_int(event->verified), st_int(event->received_ms), st_text(event->keys[0]),
        st_text(event->keys[1]), st_text(event->keys[2]),    st_int(event->rank)};

    memcpy(ret_values, values, sizeof(values));
}

/* ---- inside the transaction: one event ---- */

/* Two equal keys of one event are one. */
static bool is_key(const struct fx_event *event, int i) {
    for (int earlier = 0; earlier < i; earlier++)
        if (strcmp(key_of(event, earlier), key_of(event, i)) == 0)
            return false;
    return key_of(event, i)[0] != '\0';
}

/* Takes the keys before the event, which spares a look at them: that somebody has had one shows
 * when it cannot be taken again. *ret_taken: how many of the event's keys were looked at. */
static enum fx_code take_keys(struct store_link *link, const struct fx_event *event, int *ret_taken,
                              struct fx_error *err) {
    for (*ret_taken = 0; *ret_taken < FX_STORE_EVENT_KEYS; (*ret_taken)++) {
        if (!is_key(event, *ret_taken))
            continue;
        FX_TRY(store_exec(link, STMT_EVENT_KEY_ADD,
                          ST_VALUES(st_text(key_of(event, *ret_taken)), st_text(event->id)), err));
        if (link->changed == 0)
            return FX_OK;
    }
    return FX_OK;
}

/* A repetition leaves nothing behind: its other keys may be those of an event that is yet to come.
 */
static enum fx_code give_keys_back(struct store_link *link, const struct fx_event *event, int taken,
                                   struct fx_error *err) {
    for (int i = 0; i < taken; i++)
        if (is_key(event, i))
            FX_TRY(
                store_exec(link, STMT_EVENT_KEY_DROP, ST_VALUES(st_text(key_of(event, i))), err));
    return FX_OK;
}

static enum fx_code add_in_steps(struct store_link *link, const struct fx_event *event,
                                 bool *ret_added, struct fx_error *err) {
    struct store_value values[STORE_EVENT_VALUES];
    int taken = 0;

    *ret_added = false;
    FX_TRY(take_keys(link, event, &taken, err));
    if (taken == FX_STORE_EVENT_KEYS) {
        values_of(event, values);
        FX_TRY(store_exec(link, STMT_EVENT_ADD, values, STORE_EVENT_COLUMNS, err));
        *ret_added = link->changed > 0;
    }
    if (!*ret_added)
        return give_keys_back(link, event, taken, err);
    return store_exec(link, STMT_JOB_ADD,
                      ST_VALUES(st_text("event"), st_text(event->id), st_int(event->received_ms),
                                st_int(event->rank)),
                      err);
}

/* Where each statement is a journey, all steps are one statement. */
static enum fx_code add_event(struct store_link *link, const struct fx_event *event,
                              bool *ret_added, struct fx_error *err) {
    struct store_value values[STORE_EVENT_VALUES];
    int64_t added = 0;
    bool row = false;

    if (link->db->driver->query_each == NULL)
        return add_in_steps(link, event, ret_added, err);
    values_of(event, values);
    FX_TRY(store_read_int(link, STMT_EVENT_TAKE, values, STORE_EVENT_VALUES, &row, &added, err));
    *ret_added = added > 0;
    return FX_OK;
}

/* ---- inside the transaction: all that came ---- */

/* One event that cannot be stored must not take its neighbours with it. */
static enum fx_code add_alone(struct store_link *link, struct store_request *request,
                              struct fx_error *err) {
    request->code = FX_ERR_CONFLICT;
    for (int i = 0; i < STORE_LOOKS && request->code == FX_ERR_CONFLICT; i++) {
        FX_TRY(store_do(link, STMT_SAVE, err));
        request->code = add_event(link, request->event, &request->added, &request->err);
        if (request->code != FX_OK)
            FX_TRY(store_do(link, STMT_SAVE_UNDO, err));
        FX_TRY(store_do(link, STMT_SAVE_KEEP, err));
    }
    return FX_OK;
}

/* Whoever is woken works while the disk does. */
static void tell_claimable(void *what) {
    const struct batch *batch = what;

    for (struct store_request *request = batch->first; request != NULL; request = request->next)
        if (request->code == FX_OK && request->added && request->event->claimable != NULL)
            request->event->claimable(request->event->claimable_argument);
}

static enum fx_code add_each_alone(struct store_link *link, void *what, struct fx_error *err) {
    const struct batch *batch = what;

    link->visible = (struct store_hook){tell_claimable, what};
    for (struct store_request *request = batch->first; request != NULL; request = request->next)
        FX_TRY(add_alone(link, request, err));
    return FX_OK;
}

static struct store_value *values_of_all(struct fx_scope *sc, const struct batch *batch) {
    struct store_value *values =
        fx_alloc(sc, batch->count * STORE_EVENT_VALUES * sizeof(struct store_value));
    size_t n = 0;

    for (struct store_request *request = batch->first; request != NULL; request = request->next)
        values_of(request->event, &values[STORE_EVENT_VALUES * n++]);
    return values;
}

/* As many statements as it takes, or in few_statements: see accept_rows.c. */
static enum fx_code add_on_journeys(struct store_link *link, const struct batch *batch,
                                    bool few_statements, struct fx_error *err) {
    const struct store_value *values = values_of_all(link->sc, batch);
    int64_t *added = fx_alloc(link->sc, batch->count * sizeof(int64_t));
    size_t n = 0;

    if (few_statements)
        FX_TRY(store_add_event_rows(link, values, batch->count, added, err));
    else
        FX_TRY(link->db->driver->query_each(link, STMT_EVENT_TAKE, values, STORE_EVENT_VALUES,
                                            batch->count, added, err));
    for (struct store_request *request = batch->first; request != NULL; request = request->next)
        request->added = added[n++] > 0;
    return FX_OK;
}

static int64_t count_keys(const struct batch *batch, int i) {
    int64_t keys = 0;

    for (struct store_request *request = batch->first; request != NULL; request = request->next)
        keys += is_key(request->event, i);
    return keys;
}

/* One statement for each table, if all events are new, as they nearly always are. FX_ERR_CONFLICT
 * when one of them is not, by its id or by a key: then each is looked at alone. */
static enum fx_code add_all_new(struct store_link *link, const struct batch *batch,
                                struct fx_error *err) {
    static const enum store_statement take[FX_STORE_EVENT_KEYS] = {
        STMT_EVENT_KEYS_1, STMT_EVENT_KEYS_2, STMT_EVENT_KEYS_3};
    const struct store_value *values = values_of_all(link->sc, batch);

    for (int i = 0; i < FX_STORE_EVENT_KEYS; i++) {
        int64_t keys = count_keys(batch, i);

        if (keys == 0)
            continue;
        FX_TRY(store_exec_given(link, take[i], values, STORE_EVENT_VALUES, batch->count, err));
        if (link->changed != keys)
            return fx_fail(err, FX_ERR_CONFLICT, "a key of an event is taken");
    }
    FX_TRY(store_exec_given(link, STMT_EVENT_ADD_GIVEN, values, STORE_EVENT_VALUES, batch->count,
                            err));
    if (link->changed != (int64_t)batch->count)
        return fx_fail(err, FX_ERR_CONFLICT, "an event is here already");
    FX_TRY(
        store_exec_given(link, STMT_JOB_ADD_GIVEN, values, STORE_EVENT_VALUES, batch->count, err));
    for (struct store_request *request = batch->first; request != NULL; request = request->next)
        request->added = true;
    return FX_OK;
}

static enum fx_code add_one_by_one(struct store_link *link, void *what, struct fx_error *err) {
    const struct batch *batch = what;

    link->visible = (struct store_hook){tell_claimable, what};
    if (link->db->driver->query_each != NULL)
        return add_on_journeys(link, batch, false, err);
    for (struct store_request *request = batch->first; request != NULL; request = request->next)
        FX_TRY(add_event(link, request->event, &request->added, err));
    return FX_OK;
}

static enum fx_code add_together(struct store_link *link, void *what, struct fx_error *err) {
    link->visible = (struct store_hook){tell_claimable, what};
    return link->db->driver->exec_given != NULL ? add_all_new(link, what, err)
                                                : add_on_journeys(link, what, true, err);
}

/* ---- the commit ---- */

/* By the clock of those who wait: the first of them has waited longest. */
static int64_t deadline_of(const struct batch *batch) {
    return batch->first->came_ms + STORE_ACCEPT_MS;
}

static enum fx_code write_batch(struct store_db *db, struct fx_scope *sc, struct batch *batch,
                                struct fx_error *err) {
    int64_t deadline_ms = deadline_of(batch);
    enum fx_code code = store_write_until(db, sc, deadline_ms, add_together, batch, err);
    int looks = db->driver->shared ? STORE_LOOKS : 1;

    /* a key that somebody else takes in the same moment is known when we look again */
    for (int i = 0; i < looks && code == FX_ERR_CONFLICT; i++)
        code = store_write_until(db, sc, deadline_ms, add_one_by_one, batch, err);
    if (code == FX_OK || fx_code_is_transient(code))
        return code;
    return store_write_until(db, sc, deadline_ms, add_each_alone, batch, err);
}

static void commit_batch(struct store_db *db, struct fx_scope *sc, struct batch *batch) {
    struct fx_error err;
    enum fx_code code = write_batch(db, sc, batch, &err);

    if (code == FX_OK)
        return;
    /* without the commit nobody's event is on the disk, a repetition's original included */
    for (struct store_request *request = batch->first; request != NULL; request = request->next) {
        if (request->code != FX_OK)
            continue;
        request->code = code;
        request->err = err;
    }
}

/* ---- the queue ---- */

/* The first in the queue, if it is to lead now; under the lock. One at a time: until it has taken
 * its batch, whoever comes will be in that. */
static struct store_request *appoint(struct store_db *db) {
    struct store_request *first = db->queue_first;

    if (first == NULL || db->queue_appointed || db->queue_under_way == db->driver->batches)
        return NULL;
    db->queue_appointed = true;
    first->leads = true;
    return first;
}

/* True when the request leads at once. */
static bool enqueue(struct store_db *db, struct store_request *request) {
    pthread_mutex_lock(&db->queue_lock);
    if (db->queue_last != NULL)
        db->queue_last->next = request;
    else
        db->queue_first = request;
    db->queue_last = request;
    bool leads = appoint(db) == request; /* while others wait before it, nobody is */

    pthread_mutex_unlock(&db->queue_lock);
    return leads;
}

static size_t size_of(const struct fx_event *event) {
    return event->body != NULL ? strlen(event->body) : 0;
}

/* Cuts off what one commit takes. */
static struct batch take_batch(struct store_db *db) {
    struct batch batch = {.first = db->queue_first};
    struct store_request *last = NULL;
    size_t bytes = 0;

    for (struct store_request *request = batch.first;
         request != NULL &&
         (last == NULL || (batch.count < STORE_BATCH_EVENTS &&
                           bytes + size_of(request->event) <= STORE_BATCH_BYTES));
         request = request->next) {
        bytes += size_of(request->event);
        batch.count++;
        last = request;
    }
    db->queue_first = last->next;
    if (db->queue_first == NULL)
        db->queue_last = NULL;
    last->next = NULL;
    return batch;
}

static void wake(struct store_request *request) {
    if (request != NULL)
        sem_post(&request->wake);
}

static struct batch begin_batch(struct store_db *db) {
    pthread_mutex_lock(&db->queue_lock);
    struct batch batch = take_batch(db);

    db->queue_appointed = false;
    db->queue_under_way++;
    struct store_request *next = appoint(db);

    pthread_mutex_unlock(&db->queue_lock);
    wake(next);
    return batch;
}

static void end_batch(struct store_db *db) {
    pthread_mutex_lock(&db->queue_lock);
    db->queue_under_way--;
    struct store_request *next = appoint(db);

    pthread_mutex_unlock(&db->queue_lock);
    wake(next);
}

/* Commits a batch, of which own is the first. */
static void lead(struct store_db *db, struct fx_scope *sc, struct store_request *own) {
    struct batch batch = begin_batch(db);

    assert(batch.first == own);
    commit_batch(db, sc, &batch);
    /* the disk first, which would wait for us; then those who wait for it no longer */
    end_batch(db);
    for (struct store_request *request = own->next; request != NULL;) {
        struct store_request *next = request->next; /* a request is gone once it is woken */
        wake(request);
        request = next;
    }
}

static enum fx_code check_size(const struct fx_event *event, struct fx_error *err) {
    if (size_of(event) > FX_STORE_MAX_BODY_BYTES)
        return fx_fail(err, FX_ERR_LIMIT, "an event of %zu bytes is more than the store takes (%d)",
                       size_of(event), FX_STORE_MAX_BODY_BYTES);
    return FX_OK;
}

static enum fx_code accept_event(struct fx_store *store, struct fx_scope *sc,
                                 const struct fx_event *event, bool *ret_new,
                                 struct fx_error *err) {
    struct store_db *db = store_of(store);
    struct store_request request = {.event = event, .came_ms = store_waiting_ms()};

    FX_TRY(fx_scope_check(sc, fx_mono_ms(db->clock), err));
    FX_TRY(check_size(event, err));
    sem_init(&request.wake, 0, 0);
    if (!enqueue(db, &request))
        while (sem_wait(&request.wake) != 0)
            continue; /* a signal came */
    if (request.leads)
        lead(db, sc, &request);
    sem_destroy(&request.wake);

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
        .id = store_text(rows, 0),
        .kind = store_text(rows, 1),
        .body = store_text(rows, 2),
        .verified = store_int(rows, 3) != 0,
        .received_ms = store_int(rows, 4),
        .keys = {store_text(rows, 5), store_text(rows, 6), store_text(rows, 7)},
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
