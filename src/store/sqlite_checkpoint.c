/* sqlite_checkpoint.c - what the log holds goes into the file beside the work, and not within it.
 *
 * SQLite would do it within the commit that finds the log long enough: that commit, and all behind
 * it, would wait for two syncs and some megabytes. Here a thread of its own does it over a
 * connection of its own, while others go on. It is made with the first long log: a store that is
 * hardly used has neither. When the log grows faster than that, the commit does it after all.
 */
#include "sqlite.h"

#include "fluxabot/base/log.h"

#include <sqlite3.h>

enum {
    /* The log begins anew, and its place on the disk is used again, only when all of it is in the
     * file, with what was written meanwhile. Each pass is shorter than the one before. */
    PASSES_MAX = 8,
    /* Somebody who read or wrote may have kept it from that: after so many more pages it tries
     * again. */
    AGAIN_PAGES = SQLITE_LOG_PAGES / 4,
    LOG_MAX_PAGES = 4 * SQLITE_LOG_PAGES, /* then those who write have to wait */
};

static enum fx_code open_connection(struct sqlite_db *self, struct sqlite3 **ret_connection,
                                    struct fx_error *err) {
    int rc = sqlite3_open_v2(self->path, ret_connection,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);

    /* before it has read it does not know that there is a log */
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(*ret_connection, "PRAGMA schema_version", NULL, NULL, NULL);
    return rc == SQLITE_OK ? FX_OK
                           : fx_fail(err, FX_ERR_UNAVAILABLE, "%s cannot be opened: %s", self->path,
                                     sqlite3_errstr(rc));
}

/* False when the file has all of the log. While it has not, the log cannot begin anew, so it does
 * not before this pass has ended; and no pass begins otherwise: versions of SQLite before 3.51.3
 * may lose what is committed when the log begins anew during a pass that has nothing to do
 * (https://www.sqlite.org/wal.html#walresetbug). */
static bool begin_pass(struct sqlite_db *self) {
    struct sqlite_checkpoint *own = &self->checkpoint;

    pthread_mutex_lock(&self->lock);
    own->passing = own->log_pages > own->file_pages;
    own->began_anew = false;
    bool passing = own->passing;

    pthread_mutex_unlock(&self->lock);
    return passing;
}

/* False when it has brought nothing in. */
static bool end_pass(struct sqlite_db *self, int rc, int pages) {
    struct sqlite_checkpoint *own = &self->checkpoint;

    pthread_mutex_lock(&self->lock);
    own->passing = false;
    bool progress = rc == SQLITE_OK && !own->began_anew && pages > own->file_pages;

    if (progress)
        own->file_pages = pages;
    pthread_mutex_unlock(&self->lock);
    return progress;
}

/* What fails here fails again in a commit, and the log is kept until then. */
static void checkpoint(struct sqlite_db *self, struct sqlite3 *connection) {
    bool progress = !sqlite_log_has_failed(&self->log); /* or a restart is to read the file */

    /* a pass brings in what it finds, and others write meanwhile */
    for (int i = 0; i < PASSES_MAX && progress && begin_pass(self); i++) {
        int in_file = 0;
        int rc =
            sqlite3_wal_checkpoint_v2(connection, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, &in_file);

        progress = end_pass(self, rc, in_file);
        if (rc != SQLITE_OK && rc != SQLITE_BUSY) /* busy: another process is at it */
            fx_log(self->db.sc, FX_LOG_WARN, "store.checkpoint_failed",
                   FX_S("error", sqlite3_errstr(rc)));
    }
}

static void *checkpoint_main(void *argument) {
    struct sqlite_db *self = argument;
    struct sqlite_checkpoint *own = &self->checkpoint;
    struct sqlite3 *connection = NULL;
    struct fx_error err = {0};

    if (open_connection(self, &connection, &err) != FX_OK)
        fx_log(self->db.sc, FX_LOG_WARN, "store.checkpoint_failed", FX_E(&err));
    pthread_mutex_lock(&own->lock);
    while (!own->stopping) {
        if (!own->wanted) {
            pthread_cond_wait(&own->changed, &own->lock);
            continue;
        }
        own->wanted = false;
        pthread_mutex_unlock(&own->lock);
        if (err.code == FX_OK)
            checkpoint(self, connection);
        pthread_mutex_lock(&own->lock);
    }
    pthread_mutex_unlock(&own->lock);
    sqlite3_close(connection);
    return NULL;
}

/* Without a thread the commits do it. */
static void want(struct sqlite_db *self, int pages) {
    struct sqlite_checkpoint *own = &self->checkpoint;

    if (pages < own->asked_pages + AGAIN_PAGES)
        return;
    own->asked_pages = pages;
    pthread_mutex_lock(&own->lock);
    own->wanted = true;
    if (!own->started)
        own->started = pthread_create(&own->thread, NULL, checkpoint_main, self) == 0;
    pthread_cond_signal(&own->changed);
    pthread_mutex_unlock(&own->lock);
}

/* Every commit makes the log longer, or it began anew. */
static void note_log(struct sqlite_checkpoint *own, int pages) {
    if (pages <= own->log_pages) {
        own->began_anew = true;
        own->asked_pages = own->file_pages = 0;
    }
    own->log_pages = pages;
}

static void checkpoint_at_once(struct sqlite_checkpoint *own, struct sqlite3 *connection,
                               const char *name) {
    int in_file = 0;

    if (sqlite3_wal_checkpoint_v2(connection, name, SQLITE_CHECKPOINT_PASSIVE, NULL, &in_file) ==
        SQLITE_OK)
        own->file_pages = in_file;
}

/* Within each commit, and its lock. The commit stands, whatever becomes of the rest. */
static int after_commit(void *argument, struct sqlite3 *connection, const char *name, int pages) {
    struct sqlite_db *self = argument;
    struct sqlite_checkpoint *own = &self->checkpoint;

    note_log(own, pages);
    if (pages >= LOG_MAX_PAGES && !own->passing)
        checkpoint_at_once(own, connection, name);
    else if (pages >= SQLITE_LOG_PAGES)
        want(self, pages);
    return SQLITE_OK;
}

void sqlite_checkpoint_open(struct sqlite_db *self) {
    pthread_mutex_init(&self->checkpoint.lock, NULL);
    pthread_cond_init(&self->checkpoint.changed, NULL);
}

void sqlite_checkpoint_begin(struct sqlite_db *self) {
    sqlite3_wal_hook(self->connection, after_commit, self);
}

void sqlite_checkpoint_close(struct sqlite_db *self) {
    struct sqlite_checkpoint *own = &self->checkpoint;

    pthread_mutex_lock(&own->lock);
    own->stopping = true;
    pthread_cond_signal(&own->changed);
    pthread_mutex_unlock(&own->lock);
    if (own->started)
        pthread_join(own->thread, NULL);
    pthread_cond_destroy(&own->changed);
    pthread_mutex_destroy(&own->lock);
}
