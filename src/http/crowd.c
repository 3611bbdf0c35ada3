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

/* Joins the crowd; what cannot has its end at once. */
static void join(struct curl_http *http, CURLM *multi, struct fx_http_one *one) {
    struct flight *flight = NULL;

    one->code = http_flight_begin(http, one->sc, &one->request, &flight, &one->err);
    if (one->code != FX_OK)
        return;
    flight->one = one;
    curl_easy_setopt(flight->easy, CURLOPT_PRIVATE, flight);
    if (curl_multi_add_handle(multi, flight->easy) != CURLM_OK)
        one->code =
            http_flight_end(http, &one->request, flight, CURLE_FAILED_INIT, &one->reply, &one->err);
}

static void leave(struct curl_http *http, CURLM *multi, CURL *easy, CURLcode code) {
    struct flight *flight = NULL;

    curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&flight);
    curl_multi_remove_handle(multi, easy);
    flight->one->code = http_flight_end(http, &flight->one->request, flight, code,
                                        &flight->one->reply, &flight->one->err);
}

static void wait_for_all(struct curl_http *http, CURLM *multi) {
    int running = 1, left = 0;

    while (running > 0) {
        curl_multi_perform(multi, &running);
        for (CURLMsg *told = curl_multi_info_read(multi, &left); told != NULL;
             told = curl_multi_info_read(multi, &left))
            if (told->msg == CURLMSG_DONE)
                leave(http, multi, told->easy_handle, told->data.result);
        if (running > 0)
            curl_multi_poll(multi, NULL, 0, CROWD_LOOK_MS, NULL);
    }
}

void http_exchange_all(struct fx_http *base, struct fx_http_one *all, size_t count) {
    struct curl_http *http = FX_CONTAINER_OF(base, struct curl_http, base);
    CURLM *multi = count > 1 ? take_crowd(http) : NULL;

    for (size_t from = 0; from < count; from += FX_HTTP_MAX_AT_ONCE) {
        for (size_t i = from; i < count && i < from + FX_HTTP_MAX_AT_ONCE; i++)
            if (multi == NULL || all[i].request.reach != FX_HTTP_ANY)
                go_alone(base, &all[i]);
            else
                join(http, multi, &all[i]);
        if (multi != NULL)
            wait_for_all(http, multi);
    }
    if (multi != NULL)
        give_crowd(http, multi);
}
