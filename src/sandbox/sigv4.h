/* sigv4.h - checks AWS Signature Version 4 of a received request.
 *
 * Written from AWS's description and not from the bot's signer, so that two readings of the rules
 * must agree. Pure: no state, no I/O.
 */
#pragma once

#include "private.h"

enum { SIGV4_MAX_SKEW_MS = 15 * 60 * 1000, SIGV4_MAX_SIGNED_HEADERS = 64 };

struct sigv4_account {
    const char *access_key, *secret_key;
    const char *region;
};

struct sigv4_verdict {
    bool valid;
    int status;          /* when not valid: 400 or 403 */
    const char *code;    /* AWS's word for it */
    const char *message; /* AWS's sentence */
    const char *service; /* of the credential scope, when one could be read */
};

/* service NULL: any service may be named in the scope. */
struct sigv4_verdict sigv4_verify(const struct sandbox_request *req,
                                  const struct sigv4_account *account, const char *service,
                                  int64_t now_wall_ms);
