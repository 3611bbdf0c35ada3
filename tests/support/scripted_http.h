/* scripted_http.h - an fx_http that answers from a list and remembers what it was asked.
 *
 * Replies are used in turn; one call too many fails the test. The clock and the randomness beside
 * it belong to the test.
 */
#pragma once

#include "support/test.h"

#include "fluxabot/http.h"

enum { SCRIPT_MAX = 128, SCRIPT_MAX_HEADERS = 8 };

struct scripted_reply {
    int status; /* 0: no reply, but this failure */
    const char *body;
    struct fx_http_header headers[SCRIPT_MAX_HEADERS]; /* ends at a NULL name */
    int64_t date_wall_ms;
    enum fx_code failure;
    bool sent; /* with failure */
};

struct scripted_http {
    struct fx_http http;
    struct fx_scope *sc; /* holds the copies of requests */
    const struct scripted_reply *replies;
    size_t replies_count, asked;
    struct fx_http_request requests[SCRIPT_MAX];
};

void scripted_http_init(struct scripted_http *script, struct fx_scope *sc);
void scripted_http_set(struct scripted_http *script, const struct scripted_reply *replies,
                       size_t count);
/* NULL when that request had no such header; name in any case. */
const char *scripted_http_header(const struct scripted_http *script, size_t request,
                                 const char *name);

struct held_clock {
    struct fx_clock clock;
    int64_t wall_ms;
    _Atomic int64_t mono_ms; /* steps that are read at once look at it, too */
    int64_t step_ms;         /* monotonic time goes on by this with every look */
};
void held_clock_init(struct held_clock *held, int64_t wall_ms);

/* Fills with one byte. */
struct held_random {
    struct fx_random random;
    uint8_t byte;
};
void held_random_init(struct held_random *held, uint8_t byte);
