/* watch.c - no connection may take longer than FX_WEB_REQUEST_MS for one request.
 *
 * libmicrohttpd's timeout is one of idleness: a header every five seconds holds a connection for
 * ever. So every connection is written down when it opens; its time starts anew when a request of
 * it has been answered; one that runs over is shut down.
 */
#include "private.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

enum { WATCH_PERIOD_MS = 500 };

struct entry {
    struct MHD_Connection *connection;
    int socket;
    int64_t since_mono_ms;
};

struct web_watch {
    struct fx_clock *clock;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t thread;
    bool stopping;
    struct entry entries[FX_WEB_MAX_CONNECTIONS];
};

static void shut_overdue(struct web_watch *watch) {
    int64_t now = fx_mono_ms(watch->clock);

    for (size_t i = 0; i < FX_COUNT_OF(watch->entries); i++) {
        struct entry *entry = &watch->entries[i];

        if (entry->connection != NULL && now - entry->since_mono_ms > FX_WEB_REQUEST_MS)
            shutdown(entry->socket, SHUT_RDWR);
    }
}

static void *watch_main(void *argument) {
    struct web_watch *watch = argument;

    pthread_mutex_lock(&watch->lock);
    while (!watch->stopping) {
        struct timespec until;

        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += WATCH_PERIOD_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        pthread_cond_timedwait(&watch->wake, &watch->lock, &until);
        shut_overdue(watch);
    }
    pthread_mutex_unlock(&watch->lock);
    return NULL;
}

struct web_watch *web_watch_new(struct fx_clock *clock) {
    struct web_watch *watch = calloc(1, sizeof *watch);
    pthread_condattr_t monotonic;

    if (watch == NULL)
        abort();
    watch->clock = clock;
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

static struct entry *find(struct web_watch *watch, const struct MHD_Connection *connection) {
    for (size_t i = 0; i < FX_COUNT_OF(watch->entries); i++)
        if (watch->entries[i].connection == connection)
            return &watch->entries[i];
    return NULL;
}

/* The daemon's own limit is the size of the table, so there is always a free entry. */
void web_watch_connection(void *argument, struct MHD_Connection *connection, void **socket_context,
                          enum MHD_ConnectionNotificationCode what) {
    struct web_watch *watch = argument;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);

    (void)socket_context;
    pthread_mutex_lock(&watch->lock);
    struct entry *entry = find(watch, what == MHD_CONNECTION_NOTIFY_STARTED ? NULL : connection);

    if (entry != NULL && what == MHD_CONNECTION_NOTIFY_STARTED && info != NULL)
        *entry = (struct entry){.connection = connection,
                                .socket = info->connect_fd,
                                .since_mono_ms = fx_mono_ms(watch->clock)};
    else if (entry != NULL)
        *entry = (struct entry){0};
    pthread_mutex_unlock(&watch->lock);
}

void web_watch_completed(struct web_watch *watch, struct MHD_Connection *connection) {
    pthread_mutex_lock(&watch->lock);
    struct entry *entry = find(watch, connection);

    if (entry != NULL)
        entry->since_mono_ms = fx_mono_ms(watch->clock);
    pthread_mutex_unlock(&watch->lock);
}
