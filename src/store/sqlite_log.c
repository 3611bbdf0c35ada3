/* sqlite_log.c - the write-ahead log on its way to the disk, for all who wait at once.
 *
 * A commit writes the log and lets the next one begin; only then its author waits for the disk, and
 * one of those who wait syncs for all. So the disk is never waited for under the connection's lock.
 * Others may see what is not on the disk yet, but nothing that follows from it is: what they write
 * lies behind it in the log, and whoever is told that it is kept has waited for both.
 */
#include "sqlite.h"

#include <sqlite3.h>

void sqlite_log_init(struct sqlite_log *log) {
    pthread_mutex_init(&log->lock, NULL);
    pthread_cond_init(&log->changed, NULL);
}

void sqlite_log_close(struct sqlite_log *log) {
    pthread_cond_destroy(&log->changed);
    pthread_mutex_destroy(&log->lock);
}

/* SQLite's own way to the disk, beside its writes: it is one system call on the file. The first
 * sync, which looks after the directory, too, is made before there is anybody else. */
static int sync_file(struct sqlite_log *log) {
    return sqlite_frames_sync(log->file);
}

enum fx_code sqlite_log_open(struct sqlite_db *self, struct fx_error *err) {
    int rc = sqlite3_file_control(self->connection, "main", SQLITE_FCNTL_JOURNAL_POINTER,
                                  &self->log.file);

    if (rc == SQLITE_OK && (self->log.file == NULL || self->log.file->pMethods == NULL))
        rc = SQLITE_CANTOPEN;
    if (rc == SQLITE_OK)
        rc = self->log.file->pMethods->xSync(self->log.file, SQLITE_SYNC_NORMAL);
    return rc == SQLITE_OK ? FX_OK : sqlite_fail(self, rc, "open the log", err);
}

bool sqlite_log_has_failed(struct sqlite_log *log) {
    pthread_mutex_lock(&log->lock);
    bool failed = log->failed;

    pthread_mutex_unlock(&log->lock);
    return failed;
}

int64_t sqlite_log_note(struct sqlite_log *log, bool changed) {
    pthread_mutex_lock(&log->lock);
    int64_t number = log->written += changed;

    pthread_mutex_unlock(&log->lock);
    return number;
}

/* What is written while the disk is at work may have come too late for it. */
static void sync_for_all(struct sqlite_log *log) {
    int64_t number = log->written;

    log->syncing = true;
    pthread_mutex_unlock(&log->lock);
    int rc = sync_file(log);

    pthread_mutex_lock(&log->lock);
    log->syncing = false;
    if (rc == SQLITE_OK)
        log->synced = number;
    else
        log->failed = true; /* a second sync may succeed and prove nothing */
}

enum fx_code sqlite_log_wait(struct sqlite_log *log, int64_t number, struct fx_error *err) {
    bool synced = false;

    pthread_mutex_lock(&log->lock);
    while (log->synced < number && !log->failed) {
        if (log->syncing) {
            pthread_cond_wait(&log->changed, &log->lock);
        } else {
            sync_for_all(log);
            synced = true;
        }
    }
    bool kept = log->synced >= number;

    pthread_mutex_unlock(&log->lock);
    /* not under the lock, which whoever is woken takes */
    if (synced)
        pthread_cond_broadcast(&log->changed);
    return kept ? FX_OK : fx_fail(err, FX_ERR_UNAVAILABLE, "the log could not be synced");
}
