/* server.c - libmicrohttpd with a thread per connection: starting and stopping.
 *
 * A durable commit blocks, and libmicrohttpd's manual keeps blocking work out of every mode but
 * this.
 */
#include "private.h"

#include "fluxabot/base/digest.h"
#include "fluxabot/base/turns.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTION_MEMORY_BYTES = 32 << 10, BACKLOG = 512 };

/* TLS 1.2 and 1.3 with forward secrecy and AEAD only; the library's default would offer TLS 1.0. */
static const char tls_priorities[] =
    "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-CIPHER-ALL:+AES-256-GCM:+CHACHA20-POLY1305:"
    "+AES-128-GCM:-MAC-ALL:+AEAD:-KX-ALL:+ECDHE-ECDSA:+ECDHE-RSA:%SERVER_PRECEDENCE";

/* ---- starting ---- */

static bool is_loopback(const char *address) {
    return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0;
}

static enum fx_code make_address(const struct fx_web_listener *listener,
                                 struct sockaddr_storage *ret_address, struct fx_error *err) {
    struct sockaddr_in *v4 = (struct sockaddr_in *)ret_address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret_address;

    memset(ret_address, 0, sizeof *ret_address);
    if (inet_pton(AF_INET, listener->address, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(listener->port);
        return FX_OK;
    }
    if (inet_pton(AF_INET6, listener->address, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(listener->port);
        return FX_OK;
    }
    return fx_fail(err, FX_ERR_INPUT, "%s is not an address to listen on", listener->address);
}

static int64_t request_time(const struct fx_web_options *options) {
    return options->request_ms > 0 ? options->request_ms : FX_WEB_REQUEST_MS;
}

static size_t connection_limit(const struct web_listener *context) {
    return context->admin ? FX_WEB_MAX_ADMIN_CONNECTIONS : FX_WEB_MAX_CONNECTIONS;
}

/* 0 is none, to libmicrohttpd. */
static unsigned per_address_limit(const struct web_listener *context,
                                  const struct fx_web_listener *listener) {
    if (context->web->options.max_per_address > 0)
        return context->web->options.max_per_address;
    return is_loopback(listener->address) ? 0 : FX_WEB_MAX_PER_ADDRESS;
}

static enum fx_code start_daemon(const struct fx_web_listener *listener,
                                 struct web_listener *context, struct fx_error *err) {
    struct sockaddr_storage address;
    bool tls = listener->certificate_pem != NULL;
    unsigned flags = MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD |
                     MHD_USE_POLL | MHD_USE_ITC;
    int64_t request_ms = request_time(&context->web->options);

    FX_TRY(make_address(listener, &address, err));
    struct MHD_OptionItem tls_options[] = {
        {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)listener->key_pem},
        {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)listener->certificate_pem},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)tls_priorities},
        {MHD_OPTION_END, 0, NULL}};
    struct MHD_OptionItem no_options[] = {{MHD_OPTION_END, 0, NULL}};

    if (tls)
        flags |= MHD_USE_TLS;
    if (address.ss_family == AF_INET6)
        flags |= MHD_USE_DUAL_STACK;
    fx_turns_short(); /* inherited by the threads of the connections */
    context->daemon = MHD_start_daemon(
        flags, listener->port, NULL, NULL, web_request_handle, context, MHD_OPTION_SOCK_ADDR,
        &address, MHD_OPTION_CONNECTION_LIMIT, (unsigned)web_watch_room(connection_limit(context)),
        MHD_OPTION_PER_IP_CONNECTION_LIMIT, per_address_limit(context, listener),
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)((request_ms + 999) / 1000),
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY_BYTES,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_LISTEN_BACKLOG_SIZE, (unsigned)BACKLOG,
        MHD_OPTION_URI_LOG_CALLBACK, web_request_new, context, MHD_OPTION_NOTIFY_COMPLETED,
        web_request_completed, context, MHD_OPTION_NOTIFY_CONNECTION, web_watch_connection,
        context->watch, MHD_OPTION_ARRAY, tls ? tls_options : no_options, MHD_OPTION_END);
    fx_turns_usual();
    if (context->daemon == NULL)
        return fx_fail(
            err, FX_ERR_UNAVAILABLE,
            "cannot listen on %s port %u%s; is the port taken, or the certificate unreadable",
            listener->address, listener->port, tls ? " with TLS" : "");
    return FX_OK;
}

static enum fx_code check_listener(const struct fx_web_listener *listener, struct fx_error *err) {
    if ((listener->certificate_pem == NULL) != (listener->key_pem == NULL))
        return fx_fail(err, FX_ERR_INPUT, "a TLS certificate and its key are given together");
    if (listener->certificate_pem == NULL && !is_loopback(listener->address))
        return fx_fail(err, FX_ERR_INPUT,
                       "%s needs a certificate: plain HTTP is for loopback addresses only",
                       listener->address);
    return FX_OK;
}

static enum fx_code check_options(const struct fx_web_options *options, struct fx_error *err) {
    if (options->signing_secrets_count == 0)
        return fx_fail(err, FX_ERR_INPUT,
                       "slack.signing_secrets is empty: nothing could be verified");
    for (size_t i = 0; i < options->signing_secrets_count; i++)
        if (options->signing_secrets[i].len == 0)
            return fx_fail(err, FX_ERR_INPUT,
                           "a Slack signing secret is empty: anybody could sign");
    if (options->team_ids_count == 0)
        return fx_fail(err, FX_ERR_INPUT,
                       "slack.team_ids is empty: every command would be refused");
    if (options->listener.address == NULL)
        return fx_fail(err, FX_ERR_INPUT, "there is no address to listen on");
    FX_TRY(check_listener(&options->listener, err));
    return options->admin.address == NULL ? FX_OK : check_listener(&options->admin, err);
}

static uint16_t port_of(struct MHD_Daemon *daemon) {
    const union MHD_DaemonInfo *info =
        daemon == NULL ? NULL : MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT);

    return info == NULL ? 0 : info->port;
}

static struct fx_web *new_web(const struct fx_web_options *options) {
    struct fx_web *web = calloc(1, sizeof *web);
    pthread_condattr_t monotonic;

    if (web == NULL)
        abort();
    web->options = *options;
    web->public = (struct web_listener){.web = web};
    web->admin = (struct web_listener){.web = web, .admin = true};
    web->secrets = calloc(options->signing_secrets_count, sizeof(struct fx_hmac_key *));
    if (web->secrets == NULL)
        abort();
    for (size_t i = 0; i < options->signing_secrets_count; i++)
        web->secrets[i] = fx_hmac_key_new(options->signing_secrets[i]);
    web->certificates = web_certificates_new();
    web->public.watch =
        web_watch_new(options->clock, request_time(options), connection_limit(&web->public));
    web->admin.watch =
        web_watch_new(options->clock, request_time(options), connection_limit(&web->admin));
    pthread_mutex_init(&web->hand_lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&web->hand_empty, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return web;
}

enum fx_code fx_web_start(const struct fx_web_options *options, struct fx_web **ret_web,
                          struct fx_error *err) {
    FX_TRY(check_options(options, err));

    struct fx_web *web = new_web(options);
    enum fx_code code = start_daemon(&options->listener, &web->public, err);

    if (code == FX_OK && options->admin.address != NULL)
        code = start_daemon(&options->admin, &web->admin, err);
    if (code != FX_OK) {
        fx_web_stop(web);
        return code;
    }
    *ret_web = web;
    return FX_OK;
}

/* ---- stopping ---- */

static void wait_for_hand(struct fx_web *web) {
    struct timespec until;
    int waited = 0;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += FX_WEB_STOP_MS / 1000;
    pthread_mutex_lock(&web->hand_lock);
    atomic_store(&web->stopping, true);
    while (web->in_hand > 0 && waited == 0)
        waited = pthread_cond_timedwait(&web->hand_empty, &web->hand_lock, &until);
    pthread_mutex_unlock(&web->hand_lock);
}

static void stop_listener(struct web_listener *listener) {
    if (listener->daemon != NULL)
        MHD_stop_daemon(listener->daemon);
    web_watch_free(listener->watch);
}

void fx_web_stop(struct fx_web *web) {
    if (web == NULL)
        return;
    MHD_socket listening =
        web->public.daemon == NULL ? MHD_INVALID_SOCKET : MHD_quiesce_daemon(web->public.daemon);

    /* not yet closed: the daemon's thread may be looking at it */
    if (listening != MHD_INVALID_SOCKET)
        shutdown(listening, SHUT_RDWR);
    wait_for_hand(web);
    stop_listener(&web->public);
    stop_listener(&web->admin);
    if (listening != MHD_INVALID_SOCKET)
        close(listening);
    pthread_mutex_destroy(&web->hand_lock);
    pthread_cond_destroy(&web->hand_empty);
    for (size_t i = 0; i < web->options.signing_secrets_count; i++)
        fx_hmac_key_free(web->secrets[i]);
    free(web->secrets);
    web_certificates_free(web->certificates);
    free(web);
}

uint16_t fx_web_port(const struct fx_web *web) {
    return port_of(web->public.daemon);
}

uint16_t fx_web_admin_port(const struct fx_web *web) {
    return port_of(web->admin.daemon);
}

void fx_web_set_ready(struct fx_web *web, bool ready) {
    atomic_store(&web->ready, ready);
}
