/* scalar.c - single values between text and JSON: in XML, in headers, in forms and queries. */
#include "private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static enum fx_code fail_scalar(const char *what, const char *wanted, struct fx_error *err) {
    return fx_fail(err, FX_ERR_UPSTREAM, "%s in the answer is not %s", what, wanted);
}

static enum fx_code read_float(struct fx_scope *sc, struct fx_slice given, const char *what,
                               struct fx_json **ret, struct fx_error *err) {
    const char *text = fx_slice_dup(sc, fx_slice_trim(given));
    char *end = NULL;
    double value = strtod(text, &end);

    if (end == text || *end != '\0')
        return fail_scalar(what, "a number", err);
    /* JSON has no word for NaN or infinity. */
    *ret = isfinite(value) ? fx_json_real(sc, value) : fx_json_null(sc);
    return FX_OK;
}

/* "Sun, 22 Nov 2026 07:30:00 GMT", as headers have it. */
static bool read_http_date(struct fx_scope *sc, struct fx_slice text, int64_t *ret_wall_ms) {
    struct tm tm = {0};
    const char *end = strptime(fx_slice_dup(sc, text), "%a, %d %b %Y %H:%M:%S GMT", &tm);

    if (end == NULL || *end != '\0')
        return false;
    *ret_wall_ms = (int64_t)timegm(&tm) * 1000;
    return true;
}

/* Times are seconds since 1970, as the JSON protocols write them. */
static enum fx_code read_timestamp(struct fx_scope *sc, struct fx_slice given, const char *what,
                                   struct fx_json **ret, struct fx_error *err) {
    struct fx_slice text = fx_slice_trim(given);
    int64_t wall_ms = 0;

    if (!read_http_date(sc, text, &wall_ms) && fx_time_parse(text, &wall_ms, err) != FX_OK)
        return fail_scalar(what, "a time", err);
    *ret = wall_ms % 1000 == 0 ? fx_json_int(sc, wall_ms / 1000)
                               : fx_json_real(sc, (double)wall_ms / 1000);
    return FX_OK;
}

static enum fx_code read_integer(struct fx_scope *sc, struct fx_slice text, const char *what,
                                 struct fx_json **ret, struct fx_error *err) {
    int64_t value = 0;

    if (!fx_slice_to_int(fx_slice_trim(text), &value))
        return fail_scalar(what, "a whole number", err);
    *ret = fx_json_int(sc, value);
    return FX_OK;
}

enum fx_code aws_scalar_read(struct fx_scope *sc, enum aws_type type, struct fx_slice text,
                             const char *what, struct fx_json **ret, struct fx_error *err) {
    switch (type) {
    case AWS_INTEGER:
        return read_integer(sc, text, what, ret, err);
    case AWS_FLOAT:
        return read_float(sc, text, what, ret, err);
    case AWS_TIMESTAMP:
        return read_timestamp(sc, text, what, ret, err);
    case AWS_BOOLEAN:
        *ret = fx_json_bool(sc, fx_slice_equal_text(fx_slice_trim(text), "true"));
        return FX_OK;
    case AWS_SECRET:
        *ret = fx_json_string(sc, AWS_NOT_READ);
        return FX_OK;
    default:
        *ret = fx_json_slice(sc, text);
        return FX_OK;
    }
}

enum fx_code aws_scalar_write(struct fx_scope *sc, enum aws_type type, const struct fx_json *value,
                              struct fx_slice *ret_text, struct fx_error *err) {
    int64_t wall_ms = 0;

    switch (type) {
    case AWS_TIMESTAMP:
        FX_TRY(aws_timestamp_read(value, &wall_ms, err));
        *ret_text = fx_slice_of(wall_ms % 1000 == 0 ? fx_time_iso(sc, wall_ms)
                                                    : fx_time_iso_ms(sc, wall_ms));
        return FX_OK;
    case AWS_STRING:
    case AWS_BLOB:
        *ret_text = fx_json_text_slice(value);
        return FX_OK;
    default:
        *ret_text = fx_slice_of(fx_json_dump(sc, value));
        return FX_OK;
    }
}
