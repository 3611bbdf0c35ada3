/* source_chain.c - asks one place after the other; a new place is one row. */
#include "private.h"

/* The order of AWS's guide and of its SDKs for Java and Go: see aws.h. botocore looks at a
 * profile's role before the environment's web identity; else it agrees. */
static aws_source_new_fn *const places[] = {
    aws_source_environment_new, aws_source_web_identity_new, aws_source_file_new,
    aws_source_container_new,   aws_source_imds_new,
};

struct chain_source {
    struct fx_aws_source base;
    struct fx_aws_source *sources[FX_COUNT_OF(places)];
};

static enum fx_code get(struct fx_aws_source *base, struct fx_scope *sc,
                        struct fx_aws_credentials *ret, struct fx_error *err) {
    struct chain_source *chain = FX_CONTAINER_OF(base, struct chain_source, base);
    const char *asked = "";

    for (size_t i = 0; i < FX_COUNT_OF(places); i++) {
        struct fx_aws_source *source = chain->sources[i];
        if (source->get(source, sc, ret, err) != FX_OK)
            return fx_fail_in(err, "AWS credentials from %s", source->name);
        if (ret->access_key_id != NULL) {
            ret->origin = source->name;
            return FX_OK;
        }
        asked = fx_printf(sc, "%s%s%s (%s)", asked, i > 0 ? ", " : "", source->name, ret->absent);
    }
    return fx_fail(err, FX_ERR_DENIED,
                   "no AWS credentials were found, so nothing was sent; give this machine a role, "
                   "or set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. Asked: %s",
                   asked);
}

static void close_source(struct fx_aws_source *base) {
    struct chain_source *chain = FX_CONTAINER_OF(base, struct chain_source, base);

    for (size_t i = 0; i < FX_COUNT_OF(places); i++)
        chain->sources[i]->close(chain->sources[i]);
}

struct fx_aws_source *aws_source_chain_new(struct fx_scope *sc,
                                           const struct aws_settings *settings) {
    struct chain_source *chain = FX_NEW(sc, struct chain_source);

    chain->base = (struct fx_aws_source){.name = "chain", .get = get, .close = close_source};
    for (size_t i = 0; i < FX_COUNT_OF(places); i++)
        chain->sources[i] = places[i](sc, settings);
    return &chain->base;
}
