/* error.c - filling an fx_error, and the lists of codes. */
#include "fluxabot/base/error.h"

#include "fluxabot/base/slice.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A message that was cut must not end in half a character: Slack and JSON would refuse it. */
static void end_at_code_point(char *message) {
    struct fx_slice s = fx_slice_of(message);

    message[fx_slice_utf8_prefix(s, s.len)] = '\0';
}

enum fx_code fx_fail(struct fx_error *err, enum fx_code code, const char *fmt, ...) {
    struct fx_error made = {.code = code};
    va_list args;

    if (err == NULL)
        return code;
    /* apart, because the old message may be among the arguments */
    va_start(args, fmt);
    vsnprintf(made.message, sizeof made.message, fmt, args);
    va_end(args);
    end_at_code_point(made.message);
    *err = made;
    return code;
}

enum fx_code fx_fail_in(struct fx_error *err, const char *fmt, ...) {
    char context[FX_ERROR_MESSAGE_MAX];
    va_list args;

    if (err == NULL)
        return FX_ERR_INTERNAL;
    va_start(args, fmt);
    vsnprintf(context, sizeof context - sizeof ": ", fmt, args);
    va_end(args);
    end_at_code_point(context);

    size_t length = strlen(context);
    size_t room = sizeof err->message - length - sizeof ": ";
    size_t kept = strnlen(err->message, room);

    memcpy(context + length, ": ", 2);
    memmove(err->message + length + 2, err->message, kept);
    memcpy(err->message, context, length + 2);
    err->message[length + 2 + kept] = '\0';
    end_at_code_point(err->message);
    return err->code;
}

bool fx_code_is_transient(enum fx_code code) {
    return code == FX_ERR_THROTTLED || code == FX_ERR_UNAVAILABLE || code == FX_ERR_TIMEOUT;
}

const char *fx_code_name(enum fx_code code) {
    static const char *const names[] = {
        [FX_OK] = "ok",
        [FX_ERR_INPUT] = "input",
        [FX_ERR_DENIED] = "denied",
        [FX_ERR_NOT_FOUND] = "not_found",
        [FX_ERR_CONFLICT] = "conflict",
        [FX_ERR_LIMIT] = "limit",
        [FX_ERR_UPSTREAM] = "upstream",
        [FX_ERR_THROTTLED] = "throttled",
        [FX_ERR_UNAVAILABLE] = "unavailable",
        [FX_ERR_TIMEOUT] = "timeout",
        [FX_ERR_CANCELED] = "canceled",
        [FX_ERR_INTERNAL] = "internal",
    };

    return (size_t)code < FX_COUNT_OF(names) ? names[code] : "unknown";
}
