/* open.c - which state an address names. */
#include "private.h"

#include <string.h>

static bool is_memory(const struct fx_state_options *options) {
    return strcmp(options->url, "memory:") == 0;
}

enum fx_code fx_state_check(const struct fx_state_options *options, struct fx_error *err) {
    struct fx_slice url = fx_slice_of(options->url);

    if (is_memory(options)) {
        if (options->username != NULL || options->password != NULL || options->ca_file != NULL)
            return fx_fail(err, FX_ERR_INPUT,
                           "memory: has no user, no password and no CA file: they are for Redis");
        return FX_OK;
    }
    if (!fx_slice_starts_with(url, FX_SLICE("redis://")) &&
        !fx_slice_starts_with(url, FX_SLICE("rediss://")) &&
        !fx_slice_starts_with(url, FX_SLICE("unix://")))
        return fx_fail(err, FX_ERR_INPUT,
                       "this is no address of a state: write memory:, redis://HOST:PORT/DB, "
                       "rediss://HOST:PORT/DB or unix:///PATH");
    return state_redis_check(options, err);
}

enum fx_code fx_state_open(const struct fx_state_options *options, struct fx_state **ret_state,
                           struct fx_error *err) {
    FX_TRY(fx_state_check(options, err));
    if (!is_memory(options))
        return fx_state_redis_new(options, ret_state, err);
    *ret_state = fx_state_memory_new(options->clock);
    return FX_OK;
}
