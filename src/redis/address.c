/* address.c - reads redis://user:password@host:port/db and its kin. */
#include "private.h"

#include "fluxabot/base/digest.h"

#include <string.h>
#include <sys/un.h>

enum { MAX_URL_BYTES = 2048, MAX_DATABASE_DIGITS = 5 };

static const char form[] = "write redis://HOST:PORT/DB, rediss://HOST:PORT/DB or unix:///PATH";

static void wipe(void *text) {
    explicit_bzero(text, strlen(text));
}

/* The decoded text, terminated, wiped with its scope. NULL when it is empty or not decodable. */
static const char *decode_secret(struct fx_scope *sc, struct fx_slice encoded, bool *ret_good) {
    struct fx_slice text = {0};
    struct fx_error ignored;

    *ret_good = fx_url_decode(sc, encoded, false, &text, &ignored) == FX_OK;
    if (!*ret_good || text.len == 0)
        return NULL;
    fx_defer(sc, wipe, (char *)text.ptr);
    return text.ptr;
}

static bool all_digits(struct fx_slice s, size_t max) {
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
    return s.len > 0 && s.len <= max;
}

/* A name or a numeric address. Blanks, control bytes and what belongs elsewhere in a URL would
 * otherwise end in a resolver. */
static bool is_host(struct fx_slice s) {
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] <= ' ' || s.ptr[i] > '~' || strchr("/?#@\\\"'<>", s.ptr[i]) != NULL)
            return false;
    return s.len > 0;
}

static enum fx_code read_user(struct fx_scope *sc, struct fx_slice user_info,
                              struct redis_address *address, struct fx_error *err) {
    struct fx_slice user, password;
    bool good = false, also_good = false;

    fx_slice_split(user_info, ':', &user, &password);
    address->username = decode_secret(sc, user, &good);
    address->password = decode_secret(sc, password, &also_good);
    if (!good || !also_good)
        return fx_fail(err, FX_ERR_INPUT,
                       "user or password of the address are not percent-encoded");
    return FX_OK;
}

/* "host", "host:port" or "[::1]:port". */
static enum fx_code read_host(struct fx_scope *sc, struct fx_slice text,
                              struct redis_address *address, struct fx_error *err) {
    struct fx_slice host = text, port = FX_SLICE("6379");
    int64_t number = 0;

    if (text.len > 0 && text.ptr[0] == '[') {
        size_t end = fx_slice_find(text, 0, ']');

        host = fx_slice_cut(text, 1, end - 1);
        if (end + 1 < text.len && text.ptr[end + 1] == ':')
            port = fx_slice_cut(text, end + 2, text.len);
        else if (end + 1 != text.len)
            host.len = 0;
    } else {
        struct fx_slice head, tail;

        if (fx_slice_split(text, ':', &head, &tail)) {
            host = head;
            port = tail;
        }
    }
    if (!is_host(host))
        return fx_fail(err, FX_ERR_INPUT, "the address of Redis names no host: %s", form);
    if (!all_digits(port, 5) || !fx_slice_to_int(port, &number) || number < 1 || number > 65535)
        return fx_fail(err, FX_ERR_INPUT, "the port of Redis must be between 1 and 65535");
    address->host = fx_slice_dup(sc, host);
    address->port = fx_slice_dup(sc, port);
    address->name = fx_slice_dup(sc, text);
    return FX_OK;
}

static enum fx_code read_server(struct fx_scope *sc, struct fx_slice rest,
                                struct redis_address *address, struct fx_error *err) {
    struct fx_slice authority, database, user_info;
    size_t at = 0;

    fx_slice_split(rest, '/', &authority, &database);
    for (size_t i = 0; i < authority.len; i++)
        if (authority.ptr[i] == '@')
            at = i + 1;
    user_info = fx_slice_cut(authority, 0, at == 0 ? 0 : at - 1);
    FX_TRY(read_user(sc, user_info, address, err));
    FX_TRY(read_host(sc, fx_slice_cut(authority, at, authority.len), address, err));
    if (database.len == 0)
        return FX_OK;
    if (!all_digits(database, MAX_DATABASE_DIGITS))
        return fx_fail(err, FX_ERR_INPUT,
                       "what follows the host must be the number of a database: %s", form);
    address->database = fx_slice_dup(sc, database);
    return FX_OK;
}

static enum fx_code read_socket(struct fx_scope *sc, struct fx_slice path,
                                struct redis_address *address, struct fx_error *err) {
    if (path.len == 0 || path.ptr[0] != '/')
        return fx_fail(err, FX_ERR_INPUT, "a unix socket wants three slashes: unix:///PATH");
    if (path.len >= sizeof(((struct sockaddr_un *)0)->sun_path))
        return fx_fail(err, FX_ERR_INPUT, "the path of the unix socket is longer than %zu bytes",
                       sizeof(((struct sockaddr_un *)0)->sun_path) - 1);
    address->path = address->name = fx_slice_dup(sc, path);
    return FX_OK;
}

static enum fx_code read_url(struct fx_scope *sc, struct fx_slice url,
                             struct redis_address *address, struct fx_error *err) {
    struct fx_slice tls = FX_SLICE("rediss://"), plain = FX_SLICE("redis://"),
                    local = FX_SLICE("unix://");

    if (url.len > MAX_URL_BYTES)
        return fx_fail(err, FX_ERR_INPUT, "the address of Redis is longer than %d bytes",
                       MAX_URL_BYTES);
    if (fx_slice_starts_with(url, local))
        return read_socket(sc, fx_slice_cut(url, local.len, url.len), address, err);
    address->tls = fx_slice_starts_with(url, tls);
    if (address->tls)
        return read_server(sc, fx_slice_cut(url, tls.len, url.len), address, err);
    if (fx_slice_starts_with(url, plain))
        return read_server(sc, fx_slice_cut(url, plain.len, url.len), address, err);
    return fx_fail(err, FX_ERR_INPUT, "this is no address of Redis: %s", form);
}

enum fx_code redis_address_read(struct fx_scope *sc, const struct fx_redis_options *options,
                                struct redis_address *ret_address, struct fx_error *err) {
    struct redis_address address = {.database = "0"};

    FX_TRY(read_url(sc, fx_slice_of(options->url), &address, err));
    if (options->username != NULL)
        address.username = options->username;
    if (options->password != NULL)
        address.password = options->password;
    if (address.username != NULL && address.password == NULL)
        return fx_fail(err, FX_ERR_INPUT, "a user of Redis needs a password");
    if (options->ca_file != NULL && !address.tls)
        return fx_fail(err, FX_ERR_INPUT,
                       "a CA file is of use with TLS only: write rediss:// in the address");
    *ret_address = address;
    return FX_OK;
}

const char *fx_redis_place(struct fx_scope *sc, const char *url) {
    const struct fx_redis_options options = {.url = url};
    struct redis_address address;
    struct fx_error ignored;

    if (redis_address_read(sc, &options, &address, &ignored) != FX_OK)
        return NULL;
    return fx_printf(sc, "%s, database %s%s%s", address.name, address.database,
                     address.username == NULL ? "" : " as ",
                     address.username == NULL ? "" : address.username);
}
