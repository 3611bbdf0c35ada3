/* source_cached.c - remembers credentials and renews them before they expire, once for all. */
#include "private.h"

#include <string.h>
#include <time.h>

enum { CACHE_LOOK_EVERY_MS = 50 }; /* how soon a waiting scope's end is noticed */

struct cached_source {
    struct fx_aws_source base;
    struct fx_aws_source *inner;
    struct fx_clock *clock;
    pthread_mutex_t lock;
    pthread_cond_t renewed;
    bool renewing;
    unsigned failures;     /* grows with every renewal that failed */
    struct fx_error why;   /* of the newest */
    int64_t again_wall_ms; /* no attempt before, as long as the old ones hold */
    struct fx_scope *held; /* what known points into */
    struct fx_aws_credentials known;
    int64_t read_wall_ms;
};

static void wipe(const char *secret) {
    if (secret != NULL)
        explicit_bzero((char *)(uintptr_t)secret, strlen(secret));
}

static void forget(struct cached_source *cache) {
    wipe(cache->known.secret_access_key);
    wipe(cache->known.session_token);
    cache->known = (struct fx_aws_credentials){0};
    fx_scope_free(cache->held);
    cache->held = NULL;
}

static void copy(struct fx_scope *sc, const struct fx_aws_credentials *from,
                 struct fx_aws_credentials *ret) {
    *ret = (struct fx_aws_credentials){
        .access_key_id = fx_strdup(sc, from->access_key_id),
        .secret_access_key = fx_strdup(sc, from->secret_access_key),
        .session_token = fx_strdup(sc, from->session_token),
        .expires_wall_ms = from->expires_wall_ms,
        .origin = fx_strdup(sc, from->origin),
    };
}

/* ---- how good are the known ones ---- */

enum state {
    STATE_GOOD,    /* use them */
    STATE_ADVISED, /* use them while somebody renews them */
    STATE_NEEDED,  /* wait for new ones; the old ones serve only if that fails */
    STATE_GONE,    /* of no use */
};

static int64_t least(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* Keys without an end. The clock may have jumped back: then nobody knows how old they are. */
static enum state judge_static(const struct cached_source *cache, int64_t now_wall_ms) {
    int64_t age_ms = now_wall_ms - cache->read_wall_ms;

    if (age_ms < 0 || age_ms >= AWS_CACHE_STATIC_KEEP_MS)
        return STATE_NEEDED;
    return age_ms < AWS_CACHE_STATIC_MS ? STATE_GOOD : STATE_ADVISED;
}

static enum state judge(const struct cached_source *cache, int64_t now_wall_ms, int64_t hold_ms) {
    const struct fx_aws_credentials *known = &cache->known;
    int64_t left_ms = known->expires_wall_ms - now_wall_ms;
    int64_t life_ms = known->expires_wall_ms - cache->read_wall_ms;

    if (known->access_key_id == NULL)
        return STATE_GONE;
    if (known->expires_wall_ms == 0)
        return judge_static(cache, now_wall_ms);
    if (left_ms <= hold_ms)
        return STATE_GONE;
    if (left_ms <= least(AWS_CACHE_INSIST_MS, life_ms / AWS_CACHE_INSIST_SHARE))
        return STATE_NEEDED;
    return left_ms <= least(AWS_CACHE_ADVISE_MS, life_ms / AWS_CACHE_ADVISE_SHARE) ? STATE_ADVISED
                                                                                   : STATE_GOOD;
}

/* Old static keys that are too old to be trusted blindly are no better than none. */
static bool may_serve(const struct cached_source *cache, enum state state) {
    return state != STATE_GONE && !(state == STATE_NEEDED && cache->known.expires_wall_ms == 0);
}

/* ---- renewing ---- */

static void keep(struct cached_source *cache, int64_t now_wall_ms,
                 const struct fx_aws_credentials *fresh) {
    struct fx_scope *held = fx_scope_new(NULL);

    forget(cache);
    cache->held = held;
    cache->read_wall_ms = now_wall_ms;
    cache->again_wall_ms = 0;
    copy(held, fresh, &cache->known);
}

/* Called with the lock, which is open while the inner source works. */
static void renew(struct cached_source *cache, struct fx_scope *sc, int64_t now_wall_ms) {
    struct fx_aws_credentials fresh = {0};
    struct fx_error why = {0};

    cache->renewing = true;
    pthread_mutex_unlock(&cache->lock);
    enum fx_code code = cache->inner->get(cache->inner, sc, &fresh, &why);
    if (code == FX_OK && fresh.access_key_id == NULL)
        code = fx_fail(&why, FX_ERR_DENIED, "there are no AWS credentials");
    pthread_mutex_lock(&cache->lock);
    if (code == FX_OK)
        keep(cache, now_wall_ms, &fresh);
    else {
        cache->failures++;
        cache->why = why;
        cache->again_wall_ms = now_wall_ms + AWS_CACHE_AGAIN_MS;
        if (cache->known.access_key_id != NULL)
            fx_log(sc, FX_LOG_WARN, "aws.credentials.not_renewed", FX_E(&why),
                   FX_I("left_s", (cache->known.expires_wall_ms - now_wall_ms) / 1000));
    }
    cache->renewing = false;
    pthread_cond_broadcast(&cache->renewed);
}

/* Renews, or waits for whoever does. */
static enum fx_code improve(struct cached_source *cache, struct fx_scope *sc, int64_t now_wall_ms,
                            struct fx_error *err) {
    unsigned failures = cache->failures;
    enum fx_code code = FX_OK;

    if (!cache->renewing)
        renew(cache, sc, now_wall_ms);
    while (code == FX_OK && cache->renewing && cache->failures == failures) {
        (void)aws_wait_moment(&cache->renewed, &cache->lock, CACHE_LOOK_EVERY_MS);
        code = fx_scope_check(sc, fx_mono_ms(cache->clock), err);
    }
    if (code == FX_OK && cache->failures != failures) {
        *err = cache->why;
        code = cache->why.code;
    }
    return code;
}

static bool serves_at_once(const struct cached_source *cache, enum state state,
                           int64_t now_wall_ms) {
    if (state == STATE_GOOD)
        return true;
    if (state == STATE_ADVISED && cache->renewing)
        return true;
    int64_t pause_ms = cache->again_wall_ms - now_wall_ms;
    return may_serve(cache, state) && pause_ms > 0 && pause_ms <= AWS_CACHE_AGAIN_MS;
}

enum fx_code aws_source_cached_hold(struct fx_aws_source *base, struct fx_scope *sc,
                                    int64_t hold_ms, struct fx_aws_credentials *ret,
                                    struct fx_error *err) {
    struct cached_source *cache = FX_CONTAINER_OF(base, struct cached_source, base);
    int64_t now_wall_ms = fx_wall_ms(cache->clock);
    struct fx_error why = {0};
    enum fx_code code = FX_OK;

    *ret = (struct fx_aws_credentials){0};
    pthread_mutex_lock(&cache->lock);
    if (!serves_at_once(cache, judge(cache, now_wall_ms, hold_ms), now_wall_ms))
        code = improve(cache, sc, now_wall_ms, &why);
    enum state state = judge(cache, now_wall_ms, hold_ms);
    /* A failed renewal is no reason to stop while the old ones still hold. */
    if (may_serve(cache, state)) {
        copy(sc, &cache->known, ret);
        code = FX_OK;
    } else if (code == FX_OK)
        code = fx_fail(&why, FX_ERR_DENIED,
                       "the AWS credentials end too soon, also after they were renewed");
    pthread_mutex_unlock(&cache->lock);
    if (code != FX_OK && err != NULL)
        *err = why;
    return code;
}

static enum fx_code get(struct fx_aws_source *base, struct fx_scope *sc,
                        struct fx_aws_credentials *ret, struct fx_error *err) {
    return aws_source_cached_hold(base, sc, 0, ret, err);
}

static void close_source(struct fx_aws_source *base) {
    struct cached_source *cache = FX_CONTAINER_OF(base, struct cached_source, base);

    cache->inner->close(cache->inner);
    forget(cache);
    pthread_cond_destroy(&cache->renewed);
    pthread_mutex_destroy(&cache->lock);
}

struct fx_aws_source *aws_source_cached_new(struct fx_scope *sc,
                                            const struct aws_settings *settings,
                                            struct fx_aws_source *inner) {
    struct cached_source *cache = FX_NEW(sc, struct cached_source);
    pthread_condattr_t attributes;

    cache->base = (struct fx_aws_source){.name = "cached", .get = get, .close = close_source};
    cache->inner = inner;
    cache->clock = settings->clock;
    pthread_mutex_init(&cache->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&cache->renewed, &attributes);
    pthread_condattr_destroy(&attributes);
    return &cache->base;
}
