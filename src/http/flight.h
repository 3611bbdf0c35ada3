/* flight.h - one exchange on libcurl between its beginning and its end, for those who wait for one
 * (curl.c) and for those who wait for many (crowd.c). */
#pragma once

#include "private.h"

#include <curl/curl.h>
#include <netdb.h>
#include <pthread.h>

enum { HTTP_MAX_IDLE_HANDLES = 32, HTTP_MAX_IDLE_CROWDS = 4 };

/* An idle handle keeps its connections. Those opened without the address guard must never serve a
 * guarded exchange, so a handle serves one reach for life. */
struct idle_handle {
    CURL *easy;
    enum fx_http_reach reach;
};

struct curl_http {
    struct fx_http base;
    struct fx_scope *sc;
    struct fx_clock *clock;
    struct fx_slice roots; /* the system's and the extra ones; empty when the system's suffice */
    pthread_mutex_t lock;
    struct idle_handle idle[HTTP_MAX_IDLE_HANDLES];
    size_t idle_count;
    CURLM *crowds[HTTP_MAX_IDLE_CROWDS]; /* of configured addresses only */
    size_t crowds_count;
};

/* One exchange: what its callbacks see, and what has to be given back. */
struct flight {
    CURL *easy;
    struct curl_slist *lines; /* of headers */
    int64_t timeout_ms;
    struct fx_http_one *one; /* of a crowd */
    struct fx_scope *sc;
    struct fx_clock *clock;
    enum fx_http_reach reach;
    struct fx_slice unsent;
    struct http_reading reading;
    bool sent, late;
    int64_t send_before_mono_ms; /* 0: no such limit */
    size_t opened, refused;
    char refused_address[NI_MAXHOST];
    char host[HTTP_MAX_HOST];
    char detail[CURL_ERROR_SIZE];
};

/* A handle with every option set, ready to go. Nothing is to be given back when it fails. */
enum fx_code http_flight_begin(struct curl_http *http, struct fx_scope *sc,
                               const struct fx_http_request *request, struct flight **ret_flight,
                               struct fx_error *err);
/* What came of it, as curl_easy_perform tells. Gives the handle back. */
enum fx_code http_flight_end(struct curl_http *http, const struct fx_http_request *request,
                             struct flight *flight, CURLcode code, struct fx_http_reply **ret_reply,
                             struct fx_error *err);

/* crowd.c */
void http_exchange_all(struct fx_http *base, struct fx_http_one *all, size_t count);
