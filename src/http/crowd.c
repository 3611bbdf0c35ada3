/* crowd.c - several exchanges at once, from one thread: libcurl's multi interface.
 *
 * A crowd keeps the connections of its exchanges for the next one that takes it. Those opened
 * without the address guard must never serve a guarded exchange, so only exchanges with addresses
 * that the operator configured go together; any other goes alone.
 */
#include "flight.h"

#include <string.h>

enum { CROWD_LOOK_MS = 500 }; /* how soon a cancelled scope is noticed */

static CURLM *take_crowd(struct curl_http *http) {
    CURLM *multi = NULL;

    pthread_mutex_lock(&http->lock);
    if (http->crowds_count > 0)
        multi = http->crowds[--http->crowds_count];
    pthread_mutex_unlock(&http->lock);
    if (multi == NULL && (multi = curl_multi_init()) != NULL)
        curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)FX_HTTP_MAX_AT_ONCE);
    return multi;
}

static void give_crowd(struct curl_http *http, CURLM *multi) {
    pthread_mutex_lock(&http->lock);
    if (http->crowds_count < HTTP_MAX_IDLE_CROWDS) {
        http->crowds[http->crowds_count++] = multi;
        multi = NULL;
    }
    pthread_mutex_unlock(&http->lock);
    if (multi != NULL)
        curl_multi_cleanup(multi);
}

static void go_alone(struct fx_http *base, struct fx_http_one *one) {
    one->code = base->exchange(base, one->sc, &one->request, &one->reply, &one->err);
}

/* Those of all that are under way, and those that still wait for one of them to end. */
struct crowd {
    struct curl_http *http;
    CURLM *multi;
    struct fx_http_one *all;
    size_t count, next, inside;
};

/* What cannot join has its end at once. */
static void join(struct crowd *crowd, struct fx_http_one *one) {
    struct curl_http *http = crowd->http;
    struct flight *flight = NULL;

    one->code = http_flight_begin(http, one->sc, &one->request, &flight, &one->err);
    if (one->code != FX_OK)
        return;
    flight->one = one;
    curl_easy_setopt(flight->easy, CURLOPT_PRIVATE, flight);
    if (curl_multi_add_handle(crowd->multi, flight->easy) == CURLM_OK)
        crowd->inside++;
    else
        one->code =
            http_flight_end(http, &one->request, flight, CURLE_FAILED_INIT, &one->reply, &one->err);
}

static bool has_room(const struct crowd *crowd) {
    return crowd->inside < FX_HTTP_MAX_AT_ONCE && crowd->next < crowd->count;
}

static void fill(struct crowd *crowd) {
    for (; has_room(crowd); crowd->next++) {
        struct fx_http_one *one = &crowd->all[crowd->next];

        if (one->request.reach == FX_HTTP_ANY)
            join(crowd, one);
        else
            go_alone(&crowd->http->base, one);
    }
}

static void leave(struct crowd *crowd, CURL *easy, CURLcode code) {
    struct flight *flight = NULL;

    curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&flight);
    struct fx_http_one *one = flight->one;

    curl_multi_remove_handle(crowd->multi, easy);
    crowd->inside--;
    one->code = http_flight_end(crowd->http, &one->request, flight, code, &one->reply, &one->err);
    if (one->ended != NULL)
        one->ended(one);
}

/* Whoever leaves makes room for the next, so that as many as may be are always under way. */
static void go_together(struct crowd *crowd) {
    int running = 0, left = 0;

    for (fill(crowd); crowd->inside > 0; fill(crowd)) {
        curl_multi_perform(crowd->multi, &running);
        for (CURLMsg *told = curl_multi_info_read(crowd->multi, &left); told != NULL;
             told = curl_multi_info_read(crowd->multi, &left))
            if (told->msg == CURLMSG_DONE)
                leave(crowd, told->easy_handle, told->data.result);
        if (crowd->inside > 0 && !has_room(crowd))
            curl_multi_poll(crowd->multi, NULL, 0, CROWD_LOOK_MS, NULL);
    }
}

void http_exchange_all(struct fx_http *base, struct fx_http_one *all, size_t count) {
    struct curl_http *http = FX_CONTAINER_OF(base, struct curl_http, base);
    struct crowd crowd = {.http = http, .all = all, .count = count};

    crowd.multi = count > 1 ? take_crowd(http) : NULL;
    if (crowd.multi != NULL) {
        go_together(&crowd);
        give_crowd(http, crowd.multi);
    } else {
        for (size_t i = 0; i < count; i++)
            go_alone(base, &all[i]);
    }
}
