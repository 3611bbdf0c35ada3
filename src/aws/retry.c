/* retry.c - how often, how soon and at what cost a read is repeated. */
#include "private.h"

#include <errno.h>
#include <time.h>

/* AWS's standard mode with the numbers that became its default on 10 November 2026. */
enum {
    RETRY_BASE_TRANSIENT_MS = 50,
    RETRY_BASE_THROTTLED_MS = 1000,
    RETRY_MAX_DELAY_MS = 20000,
    RETRY_MAX_HINT_EXTRA_MS = 5000,
    RETRY_COST_TRANSIENT = 14,
    RETRY_COST_THROTTLED = 5,
    RETRY_LOOK_EVERY_MS = 50, /* how soon a cancelled scope is noticed */
};

void aws_bucket_init(struct aws_bucket *bucket) {
    pthread_mutex_init(&bucket->lock, NULL);
    bucket->tokens = AWS_BUCKET_TOKENS;
}

int aws_bucket_take(struct aws_bucket *bucket, enum aws_trouble trouble) {
    int cost = trouble == AWS_TROUBLE_THROTTLED ? RETRY_COST_THROTTLED : RETRY_COST_TRANSIENT;

    pthread_mutex_lock(&bucket->lock);
    if (bucket->tokens < cost)
        cost = 0;
    bucket->tokens -= cost;
    pthread_mutex_unlock(&bucket->lock);
    return cost;
}

void aws_bucket_refund(struct aws_bucket *bucket, int last_cost) {
    pthread_mutex_lock(&bucket->lock);
    bucket->tokens += last_cost > 0 ? last_cost : 1;
    if (bucket->tokens > AWS_BUCKET_TOKENS)
        bucket->tokens = AWS_BUCKET_TOKENS;
    pthread_mutex_unlock(&bucket->lock);
}

/* 0 to 1 in steps of 2^-32. */
static double random_share(struct fx_random *random) {
    uint32_t bits = 0;

    random->fill(random, &bits, sizeof(bits));
    return (double)bits / 4294967296.0;
}

int64_t aws_retry_delay_ms(struct fx_random *random, enum aws_trouble trouble, int retry,
                           int64_t hint_ms) {
    int64_t cap_ms =
        trouble == AWS_TROUBLE_THROTTLED ? RETRY_BASE_THROTTLED_MS : RETRY_BASE_TRANSIENT_MS;

    for (int i = 0; i < retry && cap_ms < RETRY_MAX_DELAY_MS; i++)
        cap_ms *= 2;
    if (cap_ms > RETRY_MAX_DELAY_MS)
        cap_ms = RETRY_MAX_DELAY_MS;
    int64_t delay_ms = (int64_t)(random_share(random) * (double)cap_ms);
    int64_t hint_cap_ms = delay_ms + RETRY_MAX_HINT_EXTRA_MS;
    if (hint_ms > hint_cap_ms)
        hint_ms = hint_cap_ms;
    return hint_ms > delay_ms ? hint_ms : delay_ms;
}

static void wait_a_moment(pthread_mutex_t *lock, pthread_cond_t *never, int64_t ms) {
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)(ms * 1000000);
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    while (pthread_cond_timedwait(never, lock, &until) != ETIMEDOUT)
        continue;
}

enum fx_code aws_retry_wait(struct fx_scope *sc, struct fx_clock *clock, int64_t delay_ms,
                            struct fx_error *err) {
    int64_t now_ms = fx_mono_ms(clock), end_ms = now_ms + delay_ms;
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_condattr_t attributes;
    pthread_cond_t never;
    enum fx_code code = fx_scope_check(sc, now_ms, err);

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&never, &attributes);
    pthread_mutex_lock(&lock);
    /* delay_ms shrinks too, so that a clock that a test holds still does not hold us. */
    while (code == FX_OK && now_ms < end_ms && delay_ms > 0) {
        int64_t step_ms = delay_ms < RETRY_LOOK_EVERY_MS ? delay_ms : RETRY_LOOK_EVERY_MS;
        wait_a_moment(&lock, &never, step_ms);
        delay_ms -= step_ms;
        now_ms = fx_mono_ms(clock);
        code = fx_scope_check(sc, now_ms, err);
    }
    pthread_mutex_unlock(&lock);
    pthread_cond_destroy(&never);
    pthread_condattr_destroy(&attributes);
    return code;
}
