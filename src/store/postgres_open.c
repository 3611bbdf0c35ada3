/* postgres_open.c - finds the database that store.url names, and closes it. */
#include "postgres.h"

#include <libpq-fe.h>
#include <string.h>
#include <time.h>

static void wipe(void *text) {
    explicit_bzero(text, strlen(text));
}

/* libpq's own complaint may repeat the address, which may hold a password. */
static enum fx_code check_url(const char *url, struct fx_error *err) {
    PQconninfoOption *options = PQconninfoParse(url, NULL);

    if (options == NULL)
        return fx_fail(err, FX_ERR_INPUT,
                       "store.url is not an address that libpq understands: write "
                       "postgresql://USER@HOST:PORT/DATABASE");
    PQconninfoFree(options);
    return FX_OK;
}

static struct postgres_db *make(const char *url, struct fx_clock *clock, struct fx_random *random) {
    struct fx_scope *own = fx_scope_new(NULL);
    struct postgres_db *self = FX_NEW(own, struct postgres_db);
    char *kept = fx_strdup(own, url);
    pthread_condattr_t monotonic;

    store_init(&self->db, own, clock, random, &postgres_driver);
    fx_defer(own, wipe, kept);
    self->url = kept;
    random->fill(random, &self->owner, sizeof(self->owner));
    self->owner &= INT64_MAX; /* a lock's number has no sign in pg_locks */
    pthread_mutex_init(&self->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&self->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return self;
}

/* Whoever opens it next must not take us for alive. */
static void say_goodbye(struct postgres_db *self, struct postgres_link *link) {
    struct fx_error ignored;

    link->deadline_ms = store_waiting_ms() + POSTGRES_CLOSE_MS;
    (void)!postgres_script(link, self->db.sc, "SELECT pg_advisory_unlock_all()", NULL, &ignored);
    postgres_disconnect(link);
}

void postgres_close_db(struct store_db *db) {
    struct postgres_db *self = postgres_of(db);

    for (size_t i = 0; i < POSTGRES_LINKS; i++)
        if (self->links[i].connection != NULL)
            say_goodbye(self, &self->links[i]);
    pthread_cond_destroy(&self->changed);
    pthread_mutex_destroy(&self->lock);
    store_free(db);
}

static void close_p(struct postgres_db **self) {
    if (*self != NULL)
        postgres_close_db(&(*self)->db);
}

static enum fx_code first_look(struct postgres_db *self, struct fx_scope *sc,
                               struct fx_error *err) {
    struct postgres_link *link = &self->links[0];

    link->deadline_ms = store_waiting_ms() + POSTGRES_OPEN_MS;
    FX_TRY(postgres_connect(self, link, err));
    self->connected = 1;
    self->db.rescue_at_ms = fx_mono_ms(self->db.clock) + STORE_RESCUE_MS;
    return postgres_migrate(link, sc, err);
}

enum fx_code store_postgres_open(struct fx_scope *sc, const char *url, struct fx_clock *clock,
                                 struct fx_random *random, struct fx_store **ret_store,
                                 struct fx_error *err) {
    FX_TRY(check_url(url, err));

    FX_CLEANUP(close_p) struct postgres_db *self = make(url, clock, random);

    FX_TRY(first_look(self, sc, err));
    *ret_store = &FX_TAKE(self)->db.store;
    return FX_OK;
}
