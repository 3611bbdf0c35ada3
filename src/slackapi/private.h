/* private.h - what the files of slackapi share. */
#pragma once

#include "fluxabot/slackapi.h"

enum {
    SLACKAPI_MAX_REPLY_BYTES = 4 << 20, /* the members of a large group */
    SLACKAPI_DEFAULT_WAIT_MS = 1000,    /* a 429 that does not say how long */
    SLACKAPI_MAX_WAIT_MS = 60 * 60 * 1000,
};

struct fx_slackapi {
    struct fx_http *http;
    char *api_url;
    char *authorization; /* "Bearer " and the token */
    char *response_url_prefix;
};

/* ---- call.c ---- */

/* A method that takes JSON, with its body. */
enum fx_code slackapi_call_dumped(struct fx_slackapi *api, struct fx_scope *sc, const char *method,
                                  struct fx_slice body, struct fx_json **ret_answer,
                                  struct fx_error *err);

/* ---- errors.c ---- */

/* Fills err with what Slack's answer {"ok":false,"error":...} means for the caller. */
enum fx_code slackapi_refuse(struct fx_scope *sc, const char *method, const struct fx_json *answer,
                             const struct fx_http_reply *reply, struct fx_error *err);
/* Fills err for a status that is no success; FX_OK for 2xx. */
enum fx_code slackapi_check_status(const char *what, const struct fx_http_reply *reply,
                                   struct fx_error *err);

/* ---- response_url.c ---- */

bool slackapi_may_answer(const struct fx_slackapi *api, const char *response_url);
/* Posts message, which is already complete, to response_url. */
enum fx_code slackapi_answer(struct fx_slackapi *api, struct fx_scope *sc, const char *response_url,
                             const struct fx_json *message, struct fx_error *err);
