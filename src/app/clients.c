/* clients.c - HTTP and AWS as a command of the terminal uses them. */
#include "private.h"

#include "fluxabot/aws.h"

static void close_http(void *http) {
    fx_http_close(http);
}

static void close_aws(void *aws) {
    fx_aws_close(aws);
}

enum fx_code app_open_aws(struct fx_scope *sc, const struct app_config *config,
                          struct fx_http **ret_http, struct fx_aws **ret_aws,
                          struct fx_error *err) {
    FX_TRY(fx_http_open(fx_clock_system(), NULL, ret_http, err));
    fx_defer(sc, close_http, *ret_http);
    FX_TRY(fx_aws_open(&(struct fx_aws_options){.http = *ret_http,
                                                .clock = fx_clock_system(),
                                                .random = fx_random_system(),
                                                .region = config->aws_region,
                                                .endpoint_url = config->aws_endpoint_url,
                                                .getenv = app_getenv},
                       ret_aws, err));
    fx_defer(sc, close_aws, *ret_aws);
    return FX_OK;
}
