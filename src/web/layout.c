/* layout.c - between the parts of a request that libmicrohttpd hands over, nothing may have stood.
 *
 * It parses in place and puts zeros between the parts, so their addresses tell what it passed over
 * in silence (measured on 0.9.75): a bare line feed ends a line one byte sooner than CR LF, a
 * folded header is joined elsewhere, a zero byte hides the rest of a target or of a value. Every
 * client writes "Name: value" CR LF, or no blank.
 */
#include "private.h"

#include <string.h>

enum { CRLF_BYTES = 2, COLON_BYTES = 1, COLON_AND_BLANK_BYTES = 2 };

struct walk {
    const char *at; /* where the next header must begin; NULL: something stood between */
};

static enum MHD_Result step(void *argument, enum MHD_ValueKind kind, const char *name,
                            size_t name_size, const char *value, size_t value_size) {
    struct walk *walk = argument;
    const char *colon = name + name_size;
    bool close = value == colon + COLON_BYTES || value == colon + COLON_AND_BLANK_BYTES;

    (void)kind;
    if (walk->at == NULL || walk->at != name || !close) {
        walk->at = NULL;
        return MHD_NO;
    }
    walk->at = value + value_size + CRLF_BYTES;
    return MHD_YES;
}

enum fx_code web_check_layout(struct web_request *request, const struct web_line *line,
                              struct fx_error *err) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    struct walk walk = {.at = line->version + strlen(line->version) + CRLF_BYTES};

    if (line->url != line->method + strlen(line->method) + 1 ||
        line->version != line->url + strlen(request->raw_target) + 1)
        return fx_fail(err, FX_ERR_INPUT, "the request line is not method, target and version");
    MHD_get_connection_values_n(request->connection, MHD_HEADER_KIND, step, &walk);
    if (walk.at == NULL || info == NULL || walk.at + CRLF_BYTES != line->method + info->header_size)
        return fx_fail(err, FX_ERR_INPUT,
                       "a header is folded, ends without CR LF, or hides a zero byte");
    return FX_OK;
}
