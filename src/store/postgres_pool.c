/* postgres_pool.c - the connections of one process: opened when they are needed, one for each that
 * works at the same moment, and opened again when the server comes back.
 */
#include "postgres.h"

#include <time.h>

/* ---- choosing, under the lock ---- */

/* An open one rather than a new one. */
static struct postgres_link *find_free(struct postgres_db *self) {
    struct postgres_link *closed = NULL;

    for (size_t i = 0; i < POSTGRES_LINKS; i++) {
        struct postgres_link *link = &self->links[i];
        if (!link->lent && link->connection != NULL)
            return link;
        if (!link->lent && closed == NULL)
            closed = link;
    }
    return closed;
}

/* The condition variable's clock is this one, and so is store_waiting_ms but for a suspended
 * machine. */
static struct timespec after(int64_t ms) {
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += ms / 1000;
    at.tv_nsec += ms % 1000 * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

/* Until something changes, or until until_ms. */
static void wait_a_while(struct postgres_db *self, int64_t until_ms) {
    int64_t left_ms = until_ms - store_waiting_ms();
    struct timespec at = after(left_ms > 0 ? left_ms : 0);

    pthread_cond_timedwait(&self->changed, &self->lock, &at);
}

static enum fx_code choose(struct postgres_db *self, int64_t deadline_ms,
                           struct postgres_link **ret_link, struct fx_error *err) {
    for (;;) {
        struct postgres_link *link = find_free(self);
        int64_t now_ms = store_waiting_ms();

        if (link != NULL && (link->connection != NULL || now_ms >= self->retry_at_ms)) {
            link->lent = true;
            *ret_link = link;
            return FX_OK;
        }
        if (now_ms >= deadline_ms && link != NULL)
            return fx_fail(err, FX_ERR_UNAVAILABLE, "%s", self->why.message);
        if (now_ms >= deadline_ms)
            return fx_fail(err, FX_ERR_UNAVAILABLE, "all %d connections to PostgreSQL are in use",
                           POSTGRES_LINKS);
        wait_a_while(self, link != NULL && self->retry_at_ms < deadline_ms ? self->retry_at_ms
                                                                           : deadline_ms);
    }
}

/* ---- opening, outside the lock ---- */

/* After a failure nobody tries again at once, whoever it is. */
static void back_off(struct postgres_db *self, const struct fx_error *why) {
    int64_t backoff_ms = self->backoff_ms == 0 ? POSTGRES_FIRST_BACKOFF_MS : 2 * self->backoff_ms;

    self->backoff_ms = backoff_ms < POSTGRES_MAX_BACKOFF_MS ? backoff_ms : POSTGRES_MAX_BACKOFF_MS;
    self->retry_at_ms = store_waiting_ms() + self->backoff_ms;
    self->why = *why;
}

static enum fx_code open_link(struct postgres_db *self, struct postgres_link *link,
                              struct fx_error *err) {
    enum fx_code code = postgres_connect(self, link, err);

    pthread_mutex_lock(&self->lock);
    if (code == FX_OK) {
        self->backoff_ms = self->retry_at_ms = 0;
        /* the others may have missed us, and be missed by us, for as long as they need to come
         * back as well */
        if (self->connected++ == 0)
            self->db.rescue_at_ms = fx_mono_ms(self->db.clock) + STORE_RESCUE_MS;
    } else {
        back_off(self, err);
        link->lent = false;
    }
    pthread_cond_broadcast(&self->changed);
    pthread_mutex_unlock(&self->lock);
    return code;
}

static void close_link(struct postgres_db *self, struct postgres_link *link) {
    postgres_disconnect(link);
    pthread_mutex_lock(&self->lock);
    self->connected--;
    pthread_mutex_unlock(&self->lock);
}

enum fx_code postgres_take(struct postgres_db *self, int64_t deadline_ms,
                           struct postgres_link **ret_link, struct fx_error *err) {
    for (;;) {
        struct postgres_link *link = NULL;

        pthread_mutex_lock(&self->lock);
        enum fx_code code = choose(self, deadline_ms, &link, err);
        pthread_mutex_unlock(&self->lock);
        FX_TRY(code);

        link->deadline_ms = deadline_ms;
        link->again = false;
        *ret_link = link;
        if (link->connection != NULL && postgres_is_alive(link))
            return FX_OK;
        if (link->connection != NULL)
            close_link(self, link);
        code = open_link(self, link, err);
        if (code == FX_OK)
            return FX_OK;
        /* a fault of the set-up is the database's too, as long as somebody works on it */
        if (store_waiting_ms() >= deadline_ms)
            return fx_fail(err, FX_ERR_UNAVAILABLE, "%s", self->why.message);
    }
}

void postgres_give_back(struct postgres_db *self, struct postgres_link *link) {
    if (link->lost)
        close_link(self, link);
    pthread_mutex_lock(&self->lock);
    link->lent = false;
    pthread_cond_signal(&self->changed);
    pthread_mutex_unlock(&self->lock);
}
