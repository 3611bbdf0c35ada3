/* line.c - the one connection for commands, which all threads use in turn, and never for long. */
#include "private.h"

#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

void state_line_init(struct redis_state *redis) {
    pthread_condattr_t monotonic;

    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&redis->line_free, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

void state_line_release(struct redis_state *redis) {
    pthread_cond_destroy(&redis->line_free);
}

/* Behind a slow command nobody waits long. */
static struct timespec end_of_queueing(void) {
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_nsec += FX_STATE_QUEUE_TIMEOUT_MS * 1000000L;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

static bool take_line_soon(struct redis_state *redis) {
    int failed = 0;

    pthread_mutex_lock(&redis->lock);
    if (redis->line_taken) {
        struct timespec until = end_of_queueing();

        while (redis->line_taken && failed == 0)
            failed = pthread_cond_timedwait(&redis->line_free, &redis->lock, &until);
    }
    bool taken = !redis->line_taken;
    redis->line_taken = true;
    pthread_mutex_unlock(&redis->lock);
    return taken;
}

void state_take_line(struct redis_state *redis) {
    pthread_mutex_lock(&redis->lock);
    while (redis->line_taken)
        pthread_cond_wait(&redis->line_free, &redis->lock);
    redis->line_taken = true;
    pthread_mutex_unlock(&redis->lock);
}

void state_leave_line(struct redis_state *redis) {
    pthread_mutex_lock(&redis->lock);
    redis->line_taken = false;
    pthread_cond_signal(&redis->line_free);
    pthread_mutex_unlock(&redis->lock);
}

void state_ring(struct redis_state *redis) {
    eventfd_write(redis->bell, 1);
}

void state_lose(struct redis_state *redis, const struct fx_error *err) {
    if (redis->commands == NULL)
        return;
    fx_redis_close(redis->commands);
    redis->commands = NULL;
    redis->trouble = *err;
    atomic_fetch_add(&redis->absences, 1);
    atomic_store(&redis->there, false);
    state_ring(redis);
}

/* A key that somebody else uses for something else says nothing about Redis. */
static bool blames_the_key(const struct fx_error *err) {
    return strcmp(err->upstream, "WRONGTYPE") == 0 || strcmp(err->upstream, "ERR") == 0;
}

bool state_command(struct redis_state *redis, struct fx_scope *sc, const struct fx_slice *arguments,
                   size_t count, const struct fx_redis_reply **ret_reply) {
    enum fx_code code = FX_ERR_UNAVAILABLE;
    struct fx_error err = {0};

    if (!atomic_load(&redis->there) || !take_line_soon(redis))
        return false;
    if (redis->commands != NULL) {
        code = fx_redis_call(redis->commands, sc, arguments, count, FX_STATE_COMMAND_TIMEOUT_MS,
                             ret_reply, &err);
        if (code != FX_OK && !blames_the_key(&err))
            state_lose(redis, &err);
    }
    state_leave_line(redis);
    return code == FX_OK;
}
