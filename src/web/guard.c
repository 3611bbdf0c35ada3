/* guard.c - the form of a request, stricter than libmicrohttpd's.
 *
 * Measured on 0.9.75, even in its strict mode: both Content-Length and Transfer-Encoding, two
 * different lengths, blanks before the colon, bare line feeds and a %00 that cuts the path all pass
 * its parser. Behind a proxy each of these can smuggle a second request. Whatever is refused here
 * closes its connection, so nothing of it can be taken for another request.
 */
#include "private.h"

#include <string.h>
#include <strings.h>

enum { MAX_HEADERS = 64 };

struct census {
    size_t count, bytes;
    int hosts, lengths, encodings;
    bool bad_name, bad_value;
};

static bool is_token(const char *name) {
    static const char allowed[] =
        "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

    return name[0] != '\0' && name[strspn(name, allowed)] == '\0';
}

static bool is_clean(const char *value, size_t size) {
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)value[i] < ' ' && value[i] != '\t')
            return false;
    return memchr(value, 0x7f, size) == NULL;
}

static enum MHD_Result count_header(void *argument, enum MHD_ValueKind kind, const char *name,
                                    size_t name_size, const char *value, size_t value_size) {
    struct census *census = argument;

    (void)kind;
    if (value == NULL)
        value = "";
    census->count++;
    census->bytes += name_size + value_size;
    census->hosts += strcasecmp(name, "host") == 0;
    census->lengths += strcasecmp(name, "content-length") == 0;
    census->encodings += strcasecmp(name, "transfer-encoding") == 0;
    census->bad_name |= strlen(name) != name_size || !is_token(name);
    census->bad_value |= !is_clean(value, value_size);
    return MHD_YES;
}

static bool is_number(const char *text) {
    size_t digits = strspn(text, "0123456789");

    return digits > 0 && digits <= 9 && text[digits] == '\0';
}

enum fx_code web_check_request(struct web_request *request, const char *version,
                               struct fx_error *err) {
    struct census census = {0};
    const char *target = request->raw_target;

    MHD_get_connection_values_n(request->connection, MHD_HEADER_KIND, count_header, &census);
    if (strcmp(version, "HTTP/1.1") != 0)
        return fx_fail(err, FX_ERR_INPUT, "not HTTP/1.1");
    if (target == NULL || target[0] != '/' || !is_clean(target, strlen(target)) ||
        strpbrk(target, "#\\ ") != NULL || strstr(target, "%00") != NULL)
        return fx_fail(err, FX_ERR_INPUT, "the request target is not a plain path");
    if (census.bad_name || census.bad_value)
        return fx_fail(err, FX_ERR_INPUT, "a header is malformed");
    if (census.count > MAX_HEADERS || census.bytes > FX_WEB_MAX_HEADER_BYTES)
        return fx_fail(err, FX_ERR_LIMIT, "too many headers");
    if (census.hosts != 1)
        return fx_fail(err, FX_ERR_INPUT, "%d Host headers", census.hosts);
    if (census.encodings > 0)
        return fx_fail(err, FX_ERR_INPUT, "Transfer-Encoding is not accepted");
    if (census.lengths > 1)
        return fx_fail(err, FX_ERR_INPUT, "%d Content-Length headers", census.lengths);
    const char *length = web_header(request, "Content-Length");

    if (length != NULL && !is_number(length))
        return fx_fail(err, FX_ERR_INPUT, "Content-Length is not a number");
    if (web_header(request, "Upgrade") != NULL || web_header(request, "Trailer") != NULL)
        return fx_fail(err, FX_ERR_INPUT, "Upgrade and Trailer are not accepted");
    return FX_OK;
}

struct search {
    const char *name, *value;
    int count;
};

static enum MHD_Result find_header(void *argument, enum MHD_ValueKind kind, const char *name,
                                   const char *value) {
    struct search *search = argument;

    (void)kind;
    if (strcasecmp(name, search->name) == 0) {
        search->value = value;
        search->count++;
    }
    return MHD_YES;
}

const char *web_header(struct web_request *request, const char *name) {
    struct search search = {.name = name};

    MHD_get_connection_values(request->connection, MHD_HEADER_KIND, find_header, &search);
    return search.count == 1 ? search.value : NULL;
}

size_t web_content_length(struct web_request *request) {
    int64_t length = 0;

    return fx_slice_to_int(fx_slice_of(web_header(request, "Content-Length")), &length) &&
                   length > 0
               ? (size_t)length
               : 0;
}
