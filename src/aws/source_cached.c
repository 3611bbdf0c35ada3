/* source_cached.c - remembers credentials and renews them before they expire. */
#include "private.h"

#include <string.h>

enum {
    /* AWS's SDKs begin to renew 15 minutes before the end and insist 10 minutes before it. */
    CACHE_RENEW_MS = 15 * 60 * 1000,
    CACHE_INSIST_MS = 10 * 60 * 1000,
    /* Keys without an end are read again now and then, so that a rotated file is noticed. */
    CACHE_STATIC_MS = 60 * 1000,
};

struct cached_source {
    struct fx_aws_source base;
    struct fx_aws_source *inner;
    struct fx_clock *clock;
    pthread_mutex_t lock;
    pthread_cond_t renewed;
    bool renewing;
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
    };
}

/* Milliseconds for which the known credentials may still be used; the clock may also have jumped
 * back. */
static int64_t usable_ms(const struct cached_source *cache, int64_t now_wall_ms,
                         int64_t margin_ms) {
    if (cache->known.access_key_id == NULL)
        return 0;
    if (cache->known.expires_wall_ms != 0)
        return cache->known.expires_wall_ms - margin_ms - now_wall_ms;
    return now_wall_ms >= cache->read_wall_ms ? cache->read_wall_ms + CACHE_STATIC_MS - now_wall_ms
                                              : 0;
}

/* True when the caller must ask the inner source itself; otherwise ret is filled. */
static bool take_known(struct cached_source *cache, struct fx_scope *sc, int64_t now_wall_ms,
                       struct fx_aws_credentials *ret) {
    bool must_ask = false;

    pthread_mutex_lock(&cache->lock);
    while (cache->renewing && usable_ms(cache, now_wall_ms, CACHE_INSIST_MS) <= 0)
        pthread_cond_wait(&cache->renewed, &cache->lock);
    if (usable_ms(cache, now_wall_ms, CACHE_RENEW_MS) > 0 || cache->renewing)
        copy(sc, &cache->known, ret);
    else
        must_ask = cache->renewing = true;
    pthread_mutex_unlock(&cache->lock);
    return must_ask;
}

static void keep(struct cached_source *cache, int64_t now_wall_ms,
                 const struct fx_aws_credentials *fresh) {
    struct fx_scope *held = fx_scope_new(NULL);

    forget(cache);
    cache->held = held;
    cache->read_wall_ms = now_wall_ms;
    copy(held, fresh, &cache->known);
}

static enum fx_code get(struct fx_aws_source *base, struct fx_scope *sc,
                        struct fx_aws_credentials *ret, struct fx_error *err) {
    struct cached_source *cache = FX_CONTAINER_OF(base, struct cached_source, base);
    int64_t now_wall_ms = fx_wall_ms(cache->clock);

    *ret = (struct fx_aws_credentials){0};
    if (!take_known(cache, sc, now_wall_ms, ret))
        return FX_OK;

    enum fx_code code = cache->inner->get(cache->inner, sc, ret, err);
    pthread_mutex_lock(&cache->lock);
    if (code == FX_OK && ret->access_key_id != NULL)
        keep(cache, now_wall_ms, ret);
    else if (code != FX_OK && cache->known.expires_wall_ms != 0 &&
             usable_ms(cache, now_wall_ms, 0) > 0) {
        /* A failed renewal is no reason to stop while the old ones still work. */
        copy(sc, &cache->known, ret);
        code = FX_OK;
    }
    cache->renewing = false;
    pthread_cond_broadcast(&cache->renewed);
    pthread_mutex_unlock(&cache->lock);
    return code;
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

    cache->base = (struct fx_aws_source){.name = "cached", .get = get, .close = close_source};
    cache->inner = inner;
    cache->clock = settings->clock;
    pthread_mutex_init(&cache->lock, NULL);
    pthread_cond_init(&cache->renewed, NULL);
    return &cache->base;
}
