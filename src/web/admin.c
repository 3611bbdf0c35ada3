/* admin.c - for the machine's own eyes: alive, ready, counted. */
#include "private.h"

enum fx_code web_guard_none(struct web_request *request, struct web_answer *answer,
                            struct fx_error *err) {
    (void)request;
    (void)answer;
    (void)err;
    return FX_OK;
}

void web_health(struct web_request *request, struct web_answer *answer) {
    (void)request;
    *answer = (struct web_answer){MHD_HTTP_OK, NULL, "ok\n"};
}

void web_ready(struct web_request *request, struct web_answer *answer) {
    bool ready = atomic_load(&request->web->ready) && !atomic_load(&request->web->stopping);

    *answer = ready ? (struct web_answer){MHD_HTTP_OK, NULL, "ready\n"}
                    : (struct web_answer){MHD_HTTP_SERVICE_UNAVAILABLE, NULL, "not ready\n"};
}

/* Prometheus 3 fails a scrape without this exact content type. */
void web_metrics(struct web_request *request, struct web_answer *answer) {
    struct fx_web_options *options = &request->web->options;

    *answer =
        (struct web_answer){MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8",
                            fx_metrics_print(request->sc, options->metrics, options->version)};
}
