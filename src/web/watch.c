/* watch.c - no connection may take longer than the time of one request.
 *
 * libmicrohttpd's timeout is one of idleness: a header every five seconds holds a connection for
 * ever. So every connection is written down when it opens; its time starts anew when a request of
 * it has been answered; one that runs over is shut down. When there are too many, the one that has
 * waited longest makes room, so that whoever asks at once is always served. A request that has come
 * whole waits for us, not we for it: it is left alone.
 */
#include "private.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

enum { PERIOD_MS = 250 };

struct entry {
    bool taken, received, cut;
    int socket;
    int64_t since_mono_ms;
};

struct web_watch {
    struct fx_clock *clock;
    int64_t request_ms;
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t wake;
    bool stopping;
    size_t taken, cut, size, limit;
    struct entry entries[];
};

/* The socket cannot be another's already: it is closed after web_watch_connection took the entry
 * out, and that waits for the lock. */
static void cut(struct web_watch *watch, struct entry *entry) {
    shutdown(entry->socket, SHUT_RDWR);
    watch->cut += !entry->cut;
    entry->cut = true;
}

/* ---- the thread ---- */

static void cut_overdue(struct web_watch *watch) {
    int64_t now = fx_mono_ms(watch->clock);

    for (size_t i = 0; i < watch->size; i++) {
        struct entry *entry = &watch->entries[i];

        if (entry->taken && !entry->received && now - entry->since_mono_ms > watch->request_ms)
            cut(watch, entry);
    }
}

static void *watch_main(void *argument) {
    struct web_watch *watch = argument;

    pthread_mutex_lock(&watch->lock);
    while (!watch->stopping) {
        struct timespec until;

        if (watch->taken == 0) {
            pthread_cond_wait(&watch->wake, &watch->lock);
            continue;
        }
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += PERIOD_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        pthread_cond_timedwait(&watch->wake, &watch->lock, &until);
        cut_overdue(watch);
    }
    pthread_mutex_unlock(&watch->lock);
    return NULL;
}

size_t web_watch_room(size_t limit) {
    return limit + limit / 4;
}

struct web_watch *web_watch_new(struct fx_clock *clock, int64_t request_ms, size_t limit) {
    size_t size = web_watch_room(limit);
    struct web_watch *watch = calloc(1, sizeof *watch + size * sizeof watch->entries[0]);
    pthread_condattr_t monotonic;

    if (watch == NULL)
        abort();
    watch->clock = clock;
    watch->request_ms = request_ms;
    watch->size = size;
    watch->limit = limit;
    pthread_mutex_init(&watch->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&watch->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (pthread_create(&watch->thread, NULL, watch_main, watch) != 0)
        abort();
    return watch;
}

void web_watch_free(struct web_watch *watch) {
    if (watch == NULL)
        return;
    pthread_mutex_lock(&watch->lock);
    watch->stopping = true;
    pthread_cond_signal(&watch->wake);
    pthread_mutex_unlock(&watch->lock);
    pthread_join(watch->thread, NULL);
    pthread_mutex_destroy(&watch->lock);
    pthread_cond_destroy(&watch->wake);
    free(watch);
}

/* ---- what libmicrohttpd tells ---- */

static struct entry *free_entry(struct web_watch *watch) {
    for (size_t i = 0; i < watch->size; i++)
        if (!watch->entries[i].taken)
            return &watch->entries[i];
    return NULL;
}

static void make_room(struct web_watch *watch) {
    struct entry *oldest = NULL;

    for (size_t i = 0; i < watch->size; i++) {
        struct entry *entry = &watch->entries[i];

        if (entry->taken && !entry->received && !entry->cut &&
            (oldest == NULL || entry->since_mono_ms < oldest->since_mono_ms))
            oldest = entry;
    }
    if (oldest != NULL)
        cut(watch, oldest);
}

static void open_entry(struct web_watch *watch, int socket, void **ret_entry) {
    struct entry *entry = free_entry(watch);

    /* the daemon's own limit is the size of the table; whom we could not watch we do not serve */
    if (entry == NULL) {
        shutdown(socket, SHUT_RDWR);
        return;
    }
    if (watch->taken - watch->cut >= watch->limit)
        make_room(watch);
    *entry =
        (struct entry){.taken = true, .socket = socket, .since_mono_ms = fx_mono_ms(watch->clock)};
    *ret_entry = entry;
    if (watch->taken++ == 0)
        pthread_cond_signal(&watch->wake);
}

static void close_entry(struct web_watch *watch, struct entry *entry) {
    watch->taken--;
    watch->cut -= entry->cut;
    *entry = (struct entry){0};
}

void web_watch_connection(void *argument, struct MHD_Connection *connection, void **socket_context,
                          enum MHD_ConnectionNotificationCode what) {
    struct web_watch *watch = argument;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct entry *entry = *socket_context;

    pthread_mutex_lock(&watch->lock);
    if (what == MHD_CONNECTION_NOTIFY_STARTED)
        open_entry(watch, info->connect_fd, socket_context);
    else if (entry != NULL)
        close_entry(watch, entry);
    pthread_mutex_unlock(&watch->lock);
}

static void set_received(struct web_watch *watch, struct MHD_Connection *connection,
                         bool received) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct entry *entry = info == NULL ? NULL : info->socket_context;

    if (entry == NULL)
        return;
    pthread_mutex_lock(&watch->lock);
    entry->received = received;
    entry->since_mono_ms = fx_mono_ms(watch->clock);
    pthread_mutex_unlock(&watch->lock);
}

void web_watch_received(struct web_watch *watch, struct MHD_Connection *connection) {
    set_received(watch, connection, true);
}

void web_watch_completed(struct web_watch *watch, struct MHD_Connection *connection) {
    set_received(watch, connection, false);
}
