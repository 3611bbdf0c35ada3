/* guard.c - the form of a request, stricter than libmicrohttpd's.
 *
 * Measured on 0.9.75, even in its strict mode: both Content-Length and Transfer-Encoding, two
 * different lengths, blanks before the colon, bare line feeds and a %00 that cuts the path all pass
 * its parser. Behind a proxy each of these can smuggle a second request. Whatever is refused here
 * closes its connection, so nothing of it can be taken for another request.
 */
#include "private.h"

#include "fluxabot/base/eight.h"

#include <string.h>
#include <strings.h>

enum { MAX_HEADERS = 64, MAX_LENGTH_DIGITS = 9, MAX_HOST_BYTES = 255 };

/* Every byte of every header is looked up here. */
enum { TOKEN = 1, HOST = 2 };
static const unsigned char classes[256] = {
    ['0' ... '9'] = TOKEN | HOST,
    ['A' ... 'Z'] = TOKEN | HOST,
    ['a' ... 'z'] = TOKEN | HOST,
    ['!'] = TOKEN,
    ['#' ... '\''] = TOKEN, /* # $ % & ' */
    ['*'] = TOKEN,
    ['+'] = TOKEN,
    ['-'] = TOKEN | HOST,
    ['.'] = TOKEN | HOST,
    ['^'] = TOKEN,
    ['_'] = TOKEN | HOST,
    ['`'] = TOKEN,
    ['|'] = TOKEN,
    ['~'] = TOKEN,
    [':'] = HOST,
    ['['] = HOST,
    [']'] = HOST,
};

struct census {
    size_t count, bytes;
    int hosts, lengths, encodings, expectations, unwelcome;
    bool bad_name, bad_value;
    const char *host, *length, *expect; /* the last of each */
};

static bool is_made_of(const char *text, unsigned char class) {
    while ((classes[(unsigned char)*text] & class) != 0)
        text++;
    return *text == '\0';
}

static bool is_token(const char *name) {
    return name[0] != '\0' && is_made_of(name, TOKEN);
}

static bool is_clean(const char *value, size_t size) {
    for (size_t i = 0; i < size; i++) {
        uint64_t eight = size - i < FX_EIGHT ? 0 : fx_eight_at(value + i);

        if (!fx_eight_has_below(eight, ' ') && !fx_eight_has(eight, 0x7f)) {
            i += FX_EIGHT - 1;
            continue;
        }
        if (((unsigned char)value[i] < ' ' && value[i] != '\t') || value[i] == 0x7f)
            return false;
    }
    return true;
}

/* Nearly every header has another length than the few that are looked for. */
static void count_named(struct census *census, const char *name, size_t name_size,
                        const char *value) {
    switch (name_size) {
    case 4:
        if (strcasecmp(name, "host") == 0) {
            census->hosts++;
            census->host = value;
        }
        break;
    case 6:
        if (strcasecmp(name, "expect") == 0) {
            census->expectations++;
            census->expect = value;
        }
        break;
    case 7:
        census->unwelcome += strcasecmp(name, "upgrade") == 0 || strcasecmp(name, "trailer") == 0;
        break;
    case 14:
        if (strcasecmp(name, "content-length") == 0) {
            census->lengths++;
            census->length = value;
        }
        break;
    case 17:
        census->encodings += strcasecmp(name, "transfer-encoding") == 0;
        break;
    default:
        break;
    }
}

static enum MHD_Result count_header(void *argument, enum MHD_ValueKind kind, const char *name,
                                    size_t name_size, const char *value, size_t value_size) {
    struct census *census = argument;

    (void)kind;
    census->count++;
    census->bytes += name_size + value_size;
    census->bad_name |= strlen(name) != name_size || !is_token(name);
    count_named(census, name, name_size, value);
    census->bad_value |= value == NULL || !is_clean(value, value_size);
    return MHD_YES;
}

static enum fx_code check_line(const struct web_request *request, const struct web_line *line,
                               struct fx_error *err) {
    const char *target = request->raw_target;

    if (strcmp(line->version, "HTTP/1.1") != 0)
        return fx_fail(err, FX_ERR_INPUT, "not HTTP/1.1");
    if (!is_token(line->method))
        return fx_fail(err, FX_ERR_INPUT, "the method is not a token");
    if (target[0] != '/' || strstr(target, "%00") != NULL)
        return fx_fail(err, FX_ERR_INPUT, "the request target is not a plain path");
    for (const char *c = target; *c != '\0'; c++)
        if (*c <= ' ' || *c >= 0x7f || *c == '#' || *c == '\\')
            return fx_fail(err, FX_ERR_INPUT, "the request target is not a plain path");
    return FX_OK;
}

/* One spelling only: no sign, blank, list or leading zero. */
static bool read_length(const char *text, size_t *ret_length) {
    size_t digits = 0, length = 0;

    while (digits <= MAX_LENGTH_DIGITS && text[digits] >= '0' && text[digits] <= '9')
        length = length * 10 + (size_t)(text[digits++] - '0');
    *ret_length = length;
    return digits > 0 && digits <= MAX_LENGTH_DIGITS && text[digits] == '\0' &&
           (text[0] != '0' || digits == 1);
}

static bool is_host(const char *text) {
    return text[0] != '\0' && strlen(text) <= MAX_HOST_BYTES && is_made_of(text, HOST);
}

/* None of these is repeated. */
static enum fx_code check_values(struct web_request *request, const struct census *census,
                                 struct fx_error *err) {
    if (!is_host(census->host))
        return fx_fail(err, FX_ERR_INPUT, "Host is not a name with a port");
    if (census->length != NULL && !read_length(census->length, &request->announced_bytes))
        return fx_fail(err, FX_ERR_INPUT, "Content-Length is not a number");
    if (census->expect != NULL && strcasecmp(census->expect, "100-continue") != 0)
        return fx_fail(err, FX_ERR_INPUT, "Expect wants something else than 100-continue");
    return FX_OK;
}

enum fx_code web_check_request(struct web_request *request, const struct web_line *line,
                               struct fx_error *err) {
    struct census census = {0};

    FX_TRY(check_line(request, line, err));
    MHD_get_connection_values_n(request->connection, MHD_HEADER_KIND, count_header, &census);
    if (census.bad_name || census.bad_value)
        return fx_fail(err, FX_ERR_INPUT, "a header is malformed");
    if (census.count > MAX_HEADERS || census.bytes > FX_WEB_MAX_HEADER_BYTES)
        return fx_fail(err, FX_ERR_LIMIT, "too many headers");
    if (census.hosts != 1)
        return fx_fail(err, FX_ERR_INPUT, "%d Host headers", census.hosts);
    if (census.encodings > 0)
        return fx_fail(err, FX_ERR_INPUT, "Transfer-Encoding is not accepted");
    if (census.lengths > 1 || census.expectations > 1)
        return fx_fail(err, FX_ERR_INPUT, "Content-Length or Expect is repeated");
    if (census.unwelcome > 0)
        return fx_fail(err, FX_ERR_INPUT, "Upgrade and Trailer are not accepted");
    FX_TRY(check_values(request, &census, err));
    return web_check_layout(request, line, err);
}
