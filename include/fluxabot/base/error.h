/* error.h - how a function says that it could not do its work.
 *
 * A function that can fail returns an fx_code and fills the fx_error it was given last. A code is a
 * reaction ("try again", "tell the person"), never a place. Nobody compares messages; the other
 * side's own word travels in upstream. An fx_error is copied with = and owns nothing.
 */
#pragma once

#include "fluxabot/base/defs.h"

enum FX_MUST_USE fx_code {
    FX_OK = 0,
    FX_ERR_INPUT,       /* what was given is wrong; the same again will fail again */
    FX_ERR_DENIED,      /* not allowed; nothing was done */
    FX_ERR_NOT_FOUND,   /* the thing that was named does not exist */
    FX_ERR_CONFLICT,    /* somebody was first: a lost lease, a decided approval, a set intent */
    FX_ERR_LIMIT,       /* a named limit of ours was reached */
    FX_ERR_UPSTREAM,    /* the other side answered, and its answer is an error */
    FX_ERR_THROTTLED,   /* the other side wants us to be slower; see retry_after_ms */
    FX_ERR_UNAVAILABLE, /* the other side could not be reached or is down */
    FX_ERR_TIMEOUT,     /* no answer in time */
    FX_ERR_CANCELED,    /* somebody asked us to stop */
    FX_ERR_INTERNAL,    /* our own fault */
};

enum { FX_ERROR_MESSAGE_MAX = 512 };

struct fx_error {
    enum fx_code code;
    bool sent;                          /* part of the request may have reached the other side */
    uint32_t retry_after_ms;            /* with FX_ERR_THROTTLED */
    char upstream[64];                  /* the other side's own word: "AccessDenied" */
    char message[FX_ERROR_MESSAGE_MAX]; /* one sentence for people, no full stop, never a secret */
};

/* Fills err and returns code, so that a failure is one statement. Messages are cut at a code point.
 */
enum fx_code fx_fail(struct fx_error *err, enum fx_code code, const char *fmt, ...) FX_PRINTF(3, 4);

/* Puts "context: " before the message that err already carries and returns err->code. */
enum fx_code fx_fail_in(struct fx_error *err, const char *fmt, ...) FX_PRINTF(2, 3);

/* True when another attempt may succeed without anybody changing anything. The only such list.
 * Whether we may try again is a second question: effect class and err->sent answer it. */
bool fx_code_is_transient(enum fx_code code);

/* "timeout", "denied": for logs and audit. */
const char *fx_code_name(enum fx_code code);

/* Returns from the calling function when expr fails. The only macro that hides a return. */
#define FX_TRY(expr)                                                                               \
    do {                                                                                           \
        enum fx_code fx_try_ = (expr);                                                             \
        if (fx_try_ != FX_OK)                                                                      \
            return fx_try_;                                                                        \
    } while (0)
