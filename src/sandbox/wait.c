/* wait.c - the one lock, waiting with it given up, and the seeded generator. */
#include "private.h"

#include <assert.h>
#include <string.h>
#include <time.h>

enum { MS_PER_S = 1000, NS_PER_MS = 1000000, NS_PER_S = 1000000000 };

void sandbox_lock_init(struct sandbox *sb) {
    pthread_condattr_t attr;

    pthread_mutex_init(&sb->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&sb->changed, &attr);
    pthread_condattr_destroy(&attr);
}

void sandbox_lock(struct sandbox *sb) {
    int failed = pthread_mutex_lock(&sb->lock);
    assert(failed == 0);
    (void)failed;
}

void sandbox_unlock(struct sandbox *sb) {
    pthread_mutex_unlock(&sb->lock);
}

static struct timespec deadline_in(int64_t ms) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    now.tv_sec += (time_t)(ms / MS_PER_S);
    now.tv_nsec += (long)(ms % MS_PER_S) * NS_PER_MS;
    if (now.tv_nsec >= NS_PER_S) {
        now.tv_sec++;
        now.tv_nsec -= NS_PER_S;
    }
    return now;
}

void sandbox_sleep(struct sandbox *sb, int64_t ms) {
    struct timespec deadline = deadline_in(ms > 0 ? ms : 0);

    while (ms > 0 && !sb->stopping)
        if (pthread_cond_timedwait(&sb->changed, &sb->lock, &deadline) != 0)
            return;
}

void sandbox_wait(struct sandbox *sb, int64_t ms) {
    struct timespec deadline = deadline_in(ms > 0 ? ms : 0);

    if (!sb->stopping)
        pthread_cond_timedwait(&sb->changed, &sb->lock, &deadline);
}

void sandbox_notify(struct sandbox *sb) {
    pthread_cond_broadcast(&sb->changed);
}

struct seeded_random {
    struct fx_random base;
    uint64_t state;
};

/* splitmix64: every seed, also 0, gives a good sequence. */
uint64_t sandbox_random_next(struct fx_random *random) {
    struct seeded_random *seeded = FX_CONTAINER_OF(random, struct seeded_random, base);
    uint64_t z = (seeded->state += 0x9e3779b97f4a7c15ULL);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

static void seeded_fill(struct fx_random *random, void *bytes, size_t len) {
    for (size_t done = 0; done < len; done += sizeof(uint64_t)) {
        uint64_t next = sandbox_random_next(random);
        size_t left = len - done;
        memcpy((char *)bytes + done, &next, left < sizeof next ? left : sizeof next);
    }
}

struct fx_random *sandbox_random_new(struct fx_scope *sc, uint64_t seed) {
    struct seeded_random *seeded = FX_NEW(sc, struct seeded_random);

    seeded->base.fill = seeded_fill;
    seeded->state = seed;
    return &seeded->base;
}

void sandbox_random_seed(struct fx_random *random, uint64_t seed) {
    FX_CONTAINER_OF(random, struct seeded_random, base)->state = seed;
}

uint64_t sandbox_random_below(struct fx_random *random, uint64_t bound) {
    return sandbox_random_next(random) % bound;
}

bool sandbox_random_chance(struct fx_random *random, double rate) {
    return (double)(sandbox_random_next(random) >> 11) * 0x1.0p-53 < rate;
}
