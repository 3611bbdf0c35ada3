/* room.c - whether the queue takes more. One that grows without end answers nobody: the sender
 * keeps what we refuse, and sends it again later. */
#include "private.h"

/* Whoever comes when it is time looks; the others go by what was seen last. */
void web_look_for_room(struct web_request *request) {
    struct fx_web *web = request->web;
    struct fx_store *store = web->options.store;
    int64_t now_ms = fx_mono_ms(web->options.clock);
    int64_t due_ms = atomic_load(&web->room_at_ms);
    struct fx_store_counts counts;
    struct fx_error err;

    if (now_ms < due_ms ||
        !atomic_compare_exchange_strong(&web->room_at_ms, &due_ms, now_ms + FX_WEB_ROOM_MS))
        return;
    /* a store that cannot count cannot accept either, and says so by itself */
    if (store->counts(store, request->sc, &counts, &err) != FX_OK)
        return;
    bool crowded = counts.jobs_ready >= FX_WEB_MAX_WAITING;

    if (atomic_exchange(&web->crowded, crowded) != crowded)
        fx_log(request->sc, FX_LOG_WARN, crowded ? "queue.full" : "queue.has_room",
               FX_I("waiting", counts.jobs_ready));
}

enum fx_code web_check_room(struct web_request *request, struct fx_error *err) {
    if (atomic_load(&request->web->crowded))
        web_look_for_room(request);
    return atomic_load(&request->web->crowded)
               ? fx_fail(err, FX_ERR_UNAVAILABLE, "%d jobs wait already", FX_WEB_MAX_WAITING)
               : FX_OK;
}
