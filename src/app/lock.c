/* lock.c - one worker process per embedded store.
 *
 * A worker that starts takes over what a dead one had claimed. In a file that is only right while
 * no other lives, so each holds a lock on a file beside it; the kernel lets go of that when the
 * process ends. PostgreSQL keeps such locks itself, and any number of workers.
 */
#include "private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static void close_lock(void *file) {
    close((int)(intptr_t)file);
}

enum fx_code app_lock_store(struct fx_scope *sc, const char *store_url, struct fx_error *err) {
    static const char scheme[] = "sqlite:";
    const char *path = store_url;

    if (strncmp(path, scheme, sizeof scheme - 1) != 0)
        return FX_OK;
    path += sizeof scheme - 1;
    if (strncmp(path, "//", 2) == 0)
        path += 2;
    const char *lock = fx_printf(sc, "%s.lock", path);
    int file = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (file < 0)
        return fx_fail(err, FX_ERR_UNAVAILABLE, "%s cannot be made: %s", lock, strerror(errno));
    fx_defer(sc, close_lock, (void *)(intptr_t)file);
    if (flock(file, LOCK_EX | LOCK_NB) != 0)
        return fx_fail(
            err, FX_ERR_CONFLICT,
            "another fluxabot works with %s; stop it first, or give this one a store of its own",
            path);
    return FX_OK;
}
