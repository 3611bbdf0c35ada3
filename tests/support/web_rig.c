/* web_rig.c - see web_rig.h */
#include "support/web_rig.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/hmac.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- the receiver ---- */

static int64_t held_wall(struct fx_clock *clock) {
    return atomic_load(&FX_CONTAINER_OF(clock, struct web_clock, clock)->wall_ms);
}

static int64_t real_mono(struct fx_clock *clock) {
    (void)clock;
    return fx_mono_ms(fx_clock_system());
}

static void open_store(struct web_rig *rig) {
    struct fx_error err;

    assert_ok(
        fx_store_open(rig->sc, rig->url, &rig->clock.clock, fx_random_system(), &rig->store, &err));
}

void web_rig_begin(struct web_rig *rig) {
    static const struct fx_slice secrets[] = {{WEB_SECRET, sizeof WEB_SECRET - 1},
                                              {WEB_OLD_SECRET, sizeof WEB_OLD_SECRET - 1}};
    static const char *const teams[] = {"T0OTHER01", WEB_TEAM};
    static const char *const topics[] = {WEB_TOPIC};
    static const struct fx_sns_rules rules = {.topics = topics, .topics_count = 1};

    *rig = (struct web_rig){.sc = fx_scope_new(NULL), .clock.clock = {held_wall, real_mono}};
    atomic_store(&rig->clock.wall_ms, WEB_NOW_S * INT64_C(1000));
    snprintf(rig->directory, sizeof rig->directory, "%s/fluxabot-web-XXXXXX",
             access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(rig->directory));
    snprintf(rig->url, sizeof rig->url, "sqlite://%s/t.db", rig->directory);
    open_store(rig);
    rig->state = fx_state_memory_new(&rig->clock.clock);
    rig->metrics = fx_metrics_new();
    rig->log_stream = open_memstream(&rig->log_text, &rig->log_size);
    rig->log = fx_log_new(rig->log_stream, FX_LOG_DEBUG, &rig->clock.clock);
    rig->options = (struct fx_web_options){.store = rig->store,
                                           .state = rig->state,
                                           .clock = &rig->clock.clock,
                                           .random = fx_random_system(),
                                           .log = rig->log,
                                           .metrics = rig->metrics,
                                           .version = "1",
                                           .listener = {.address = "127.0.0.1"},
                                           .admin = {.address = "127.0.0.1"},
                                           .signing_secrets = secrets,
                                           .signing_secrets_count = FX_COUNT_OF(secrets),
                                           .team_ids = teams,
                                           .team_ids_count = FX_COUNT_OF(teams),
                                           .sns_rules = &rules};
}

void web_rig_start(struct web_rig *rig) {
    struct fx_error err;

    assert_ok(fx_web_start(&rig->options, &rig->web, &err));
}

void web_rig_stop(struct web_rig *rig) {
    fx_web_stop(rig->web);
    rig->web = NULL;
}

void web_rig_reopen(struct web_rig *rig) {
    web_rig_stop(rig);
    rig->store->close(rig->store);
    open_store(rig);
    rig->options.store = rig->store;
    web_rig_start(rig);
}

void web_rig_end(struct web_rig *rig) {
    static const char *const suffixes[] = {"", "-wal", "-shm"};

    web_rig_stop(rig);
    rig->store->close(rig->store);
    rig->state->close(rig->state);
    fx_metrics_free(rig->metrics);
    fx_log_free(rig->log);
    fclose(rig->log_stream);
    free(rig->log_text);
    for (size_t i = 0; i < FX_COUNT_OF(suffixes); i++)
        unlink(fx_printf(rig->sc, "%s/t.db%s", rig->directory, suffixes[i]));
    rmdir(rig->directory);
    fx_scope_free(rig->sc);
}

int64_t web_rig_stored(struct web_rig *rig) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_store_counts counts;
    struct fx_error err;

    assert_ok(rig->store->counts(rig->store, sc, &counts, &err));
    return counts.jobs_ready;
}

struct fx_event *web_rig_event(struct web_rig *rig) {
    struct fx_job **jobs = NULL;
    struct fx_event *event = NULL;
    struct fx_error err;
    size_t count = 0;

    assert_ok(rig->store->jobs(rig->store, rig->sc, FX_JOB_READY, 10, &jobs, &count, &err));
    assert_int_equal(count, 1);
    assert_string_equal(jobs[0]->kind, "event");
    assert_ok(rig->store->event(rig->store, rig->sc, jobs[0]->subject, &event, &err));
    assert_non_null(event);
    return event;
}

/* ---- the client ---- */

int web_connect_from(struct web_rig *rig, bool admin, unsigned source) {
    uint16_t port = admin ? fx_web_admin_port(rig->web) : fx_web_port(rig->web);
    struct sockaddr_in from = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + source)};
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;

    assert_true(fd >= 0);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    assert_int_equal(bind(fd, (struct sockaddr *)&from, sizeof from), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

int web_connect(struct web_rig *rig, bool admin) {
    return web_connect_from(rig, admin, 1);
}

bool web_can_connect(uint16_t port) {
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool connected = connect(fd, (struct sockaddr *)&to, sizeof to) == 0;

    close(fd);
    return connected;
}

bool web_send(int socket, const char *bytes, size_t size) {
    while (size > 0) {
        ssize_t sent = send(socket, bytes, size, MSG_NOSIGNAL);

        if (sent <= 0)
            return false;
        bytes += sent;
        size -= (size_t)sent;
    }
    return true;
}

static bool wait_readable(int socket, int wait_ms) {
    struct pollfd waited = {.fd = socket, .events = POLLIN};

    return poll(&waited, 1, wait_ms) > 0;
}

/* False at the end of the connection or of the time. */
static bool read_more(int socket, int wait_ms, struct web_reply *reply) {
    if (!wait_readable(socket, wait_ms))
        return false;
    ssize_t got = recv(socket, reply->text + reply->size, WEB_REPLY_MAX - reply->size, 0);

    if (got <= 0) {
        reply->closed = true;
        return false;
    }
    reply->size += (size_t)got;
    reply->text[reply->size] = '\0';
    return reply->size < WEB_REPLY_MAX;
}

static size_t content_length(const char *answer, const char *end) {
    const char *length = strcasestr(answer, "\r\nContent-Length:");

    return length == NULL || length > end
               ? 0
               : strtoul(length + sizeof "\r\nContent-Length:" - 1, NULL, 10);
}

/* By their lengths, as a proxy would see them. */
static void count_answers(struct web_reply *reply) {
    static const char mark[] = "HTTP/1.1 ";
    const char *at = reply->text, *end;

    while (strncmp(at, mark, sizeof mark - 1) == 0 && (end = strstr(at, "\r\n\r\n"))) {
        int status = (int)strtol(at + sizeof mark - 1, NULL, 10);
        size_t left = reply->size - (size_t)(end + 4 - reply->text);
        size_t size = content_length(at, end);

        at = end + 4 + (size < left ? size : left);
        if (status == 100)
            continue;
        if (reply->answers++ == 0)
            reply->status = reply->worst = status;
        if (status < reply->worst)
            reply->worst = status;
    }
}

void web_receive(int socket, int wait_ms, struct web_reply *ret_reply) {
    ret_reply->answers = ret_reply->status = ret_reply->worst = 0;
    ret_reply->closed = false;
    ret_reply->size = 0;
    ret_reply->text[0] = '\0';
    while (read_more(socket, wait_ms, ret_reply))
        continue;
    close(socket);
    count_answers(ret_reply);
}

static bool is_whole(const struct web_reply *reply) {
    const char *end = strstr(reply->text, "\r\n\r\n");

    return end != NULL &&
           reply->size >= (size_t)(end + 4 - reply->text) + content_length(reply->text, end);
}

void web_receive_one(int socket, int wait_ms, struct web_reply *ret_reply) {
    ret_reply->answers = ret_reply->status = ret_reply->worst = 0;
    ret_reply->closed = false;
    ret_reply->size = 0;
    ret_reply->text[0] = '\0';
    while (!is_whole(ret_reply) && read_more(socket, wait_ms, ret_reply))
        continue;
    count_answers(ret_reply);
}

bool web_closes(int socket, int wait_ms) {
    char byte;

    return wait_readable(socket, wait_ms) && recv(socket, &byte, 1, 0) <= 0;
}

void web_end_sending(int socket) {
    shutdown(socket, SHUT_WR);
}

void web_exchange(struct web_rig *rig, bool admin, const char *bytes, size_t size,
                  struct web_reply *ret_reply) {
    int socket = web_connect(rig, admin);

    web_send(socket, bytes, size);
    web_receive(socket, 5000, ret_reply);
}

const char *web_body_of(const struct web_reply *reply) {
    const char *end = strstr(reply->text, "\r\n\r\n");

    return end == NULL ? "" : end + 4;
}

/* ---- requests ---- */

char *web_slack_code(struct fx_scope *sc, const char *secret, const char *text, size_t size) {
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned mac_size = 0;
    char *hex = fx_alloc(sc, 2 * sizeof mac + 1);

    HMAC(EVP_sha256(), secret, (int)strlen(secret), (const unsigned char *)text, size, mac,
         &mac_size);
    for (unsigned i = 0; i < mac_size; i++)
        snprintf(hex + 2 * (size_t)i, 3, "%02x", mac[i]);
    return hex;
}

char *web_slack_signature(struct fx_scope *sc, const char *secret, int64_t timestamp_s,
                          const char *body, size_t size) {
    const char *head = fx_printf(sc, "v0:%lld:", (long long)timestamp_s);
    size_t head_size = strlen(head);
    char *text = fx_alloc(sc, head_size + size);

    memcpy(text, head, head_size);
    memcpy(text + head_size, body, size);
    return fx_printf(sc, "v0=%s", web_slack_code(sc, secret, text, head_size + size));
}

char *web_slack_command_body(struct fx_scope *sc, const char *team, const char *trigger,
                             const char *text) {
    return fx_printf(sc,
                     "token=old&team_id=%s&channel_id=C0FLUXA0001&user_id=U0ANNA0001&"
                     "command=%%2Ffluxa&text=%s&"
                     "response_url=https%%3A%%2F%%2Fhooks.slack.com%%2Fcommands%%2FT0%%2F1%%2Fx&"
                     "trigger_id=%s",
                     team, text, trigger);
}

char *web_post(struct fx_scope *sc, const char *path, const char *headers, const char *body) {
    return fx_printf(sc,
                     "POST %s HTTP/1.1\r\nHost: bot.example.com\r\nConnection: close\r\n"
                     "Content-Type: application/x-www-form-urlencoded\r\n%sContent-Length: "
                     "%zu\r\n\r\n%s",
                     path, headers, strlen(body), body);
}

char *web_slack_headers(struct web_rig *rig, struct fx_scope *sc, const char *body) {
    int64_t now_s = atomic_load(&rig->clock.wall_ms) / 1000;

    return fx_printf(sc, "X-Slack-Request-Timestamp: %lld\r\nX-Slack-Signature: %s\r\n",
                     (long long)now_s,
                     web_slack_signature(sc, WEB_SECRET, now_s, body, strlen(body)));
}
