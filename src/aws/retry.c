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

double aws_random_share(struct fx_random *random) {
    uint32_t bits = 0;

    random->fill(random, &bits, sizeof(bits));
    return (double)bits / 4294967296.0;
}

static int64_t header_int(const struct fx_http_reply *reply, const char *name) {
    const char *text = fx_http_reply_header(reply, name);
    int64_t value = 0;

    if (text == NULL || !fx_slice_to_int(fx_slice_trim(fx_slice_of(text)), &value) || value < 0)
        return 0;
    return value < INT32_MAX ? value : INT32_MAX;
}

/* x-amz-retry-after is AWS's own, in milliseconds. Retry-After is HTTP's, in seconds; proxies and
 * load balancers in front of a service write it (its other form, a date, does not occur there). */
struct aws_hint aws_hint_read(const struct fx_http_reply *reply) {
    int64_t own_ms = header_int(reply, "x-amz-retry-after");

    if (own_ms > 0)
        return (struct aws_hint){.ms = own_ms};
    return (struct aws_hint){.ms = header_int(reply, "retry-after") * 1000, .exact = true};
}

/* Full jitter: any moment up to the cap is as likely as another. */
int64_t aws_retry_delay_ms(struct fx_random *random, enum aws_trouble trouble, int retry,
                           struct aws_hint hint) {
    int64_t cap_ms =
        trouble == AWS_TROUBLE_THROTTLED ? RETRY_BASE_THROTTLED_MS : RETRY_BASE_TRANSIENT_MS;

    for (int i = 0; i < retry && cap_ms < RETRY_MAX_DELAY_MS; i++)
        cap_ms *= 2;
    if (cap_ms > RETRY_MAX_DELAY_MS)
        cap_ms = RETRY_MAX_DELAY_MS;
    int64_t delay_ms = (int64_t)(aws_random_share(random) * (double)cap_ms);
    if (hint.exact && hint.ms > RETRY_MAX_DELAY_MS)
        return -1;
    int64_t most_ms = hint.exact ? hint.ms : delay_ms + RETRY_MAX_HINT_EXTRA_MS;
    int64_t least_ms = hint.ms < most_ms ? hint.ms : most_ms;
    return least_ms > delay_ms ? least_ms : delay_ms;
}

bool aws_wait_moment(pthread_cond_t *signal, pthread_mutex_t *lock, int64_t ms) {
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)(ms * 1000000);
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    return pthread_cond_timedwait(signal, lock, &until) != ETIMEDOUT;
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
        while (aws_wait_moment(&never, &lock, step_ms))
            continue;
        delay_ms -= step_ms;
        now_ms = fx_mono_ms(clock);
        code = fx_scope_check(sc, now_ms, err);
    }
    pthread_mutex_unlock(&lock);
    pthread_cond_destroy(&never);
    pthread_condattr_destroy(&attributes);
    return code;
}
