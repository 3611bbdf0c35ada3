/* accept.c - an event and its job on disk, before anybody is told 200. */
#include "private.h"

static void wake_worker(void *argument) {
    struct fx_state *state = argument;

    state->wake(state, "jobs");
}

bool web_accept(struct web_request *request, struct fx_event *event, struct web_answer *answer,
                bool *ret_new) {
    struct fx_web_options *options = &request->web->options;
    struct fx_error err = {0};

    *ret_new = false;
    event->claimable = wake_worker;
    event->claimable_argument = options->state;
    if (options->store->accept(options->store, request->sc, event, ret_new, &err) != FX_OK) {
        fx_metrics_add(options->metrics, FX_METRIC_UNAVAILABLE, 1);
        fx_log(request->sc, FX_LOG_ERROR, "request.not_stored", FX_S("kind", event->kind),
               FX_E(&err));
        *answer = (struct web_answer){MHD_HTTP_SERVICE_UNAVAILABLE, NULL,
                                      "not stored, nothing was done; send it again\n"};
        return false;
    }
    fx_metrics_add(options->metrics,
                   *ret_new ? FX_METRIC_REQUESTS_ACCEPTED : FX_METRIC_REQUESTS_REPEATED, 1);
    web_look_for_room(request);
    return true;
}
