/* credential_hosts.c - see credential_hosts.h */
#include "support/credential_hosts.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static void answer(int conn, int status, const char *body) {
    char text[4096];

    snprintf(text, sizeof(text), "HTTP/1.1 %d Said\r\nContent-Length: %zu\r\n\r\n%s", status,
             strlen(body), body);
    loopback_say(conn, text);
}

static void write_end(const struct credential_hosts *hosts, char ret_text[32]) {
    time_t end = time(NULL) + (time_t)hosts->life_s;
    struct tm tm;

    gmtime_r(&end, &tm);
    strftime(ret_text, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static void answer_json(struct credential_hosts *hosts, int conn, const char *key) {
    char end[32], body[512];

    write_end(hosts, end);
    snprintf(body, sizeof(body),
             "{\"Code\":\"Success\",\"AccessKeyId\":\"%s\",\"SecretAccessKey\":\"hush\","
             "\"Token\":\"token of %s\",\"Expiration\":\"%s\"}",
             key, key, end);
    answer(conn, 200, body);
}

/* The value of a header, cut at its end; NULL when absent. */
static const char *header_of(const char *request, const char *name, char *buf, size_t size) {
    char wanted[80];

    snprintf(wanted, sizeof(wanted), "\r\n%s: ", name);
    const char *at = strcasestr(request, wanted);
    if (at == NULL)
        return NULL;
    at += strlen(wanted);
    snprintf(buf, size, "%.*s", (int)strcspn(at, "\r\n"), at);
    return buf;
}

static void serve_container(struct credential_hosts *hosts, int conn, const char *request) {
    char buf[256];
    const char *token = header_of(request, "Authorization", buf, sizeof(buf));

    atomic_fetch_add(&hosts->asked_container, 1);
    if (atomic_fetch_sub(&hosts->failures, 1) > 0)
        answer(conn, 500, "");
    else if (hosts->wanted_token != NULL &&
             (token == NULL || strcmp(token, hosts->wanted_token) != 0))
        answer(conn, 401, "{\"code\":\"AuthFailure\",\"message\":\"no\"}");
    else
        answer_json(hosts, conn, "ASIACONTAINER");
}

#define ROLES "/latest/meta-data/iam/security-credentials/"

static void serve_instance(struct credential_hosts *hosts, int conn, const char *request) {
    char buf[256];
    const char *token = header_of(request, "X-aws-ec2-metadata-token", buf, sizeof(buf));

    atomic_fetch_add(&hosts->asked_instance, 1);
    if (strncmp(request, "PUT /latest/api/token ", 22) == 0) {
        bool timed = header_of(request, "X-aws-ec2-metadata-token-ttl-seconds", buf, 256) != NULL;
        answer(conn,
               !timed                     ? 400
               : hosts->token_status != 0 ? hosts->token_status
                                          : 200,
               "session-1");
    } else if (token == NULL || strcmp(token, "session-1") != 0)
        answer(conn, 401, "");
    else if (hosts->instance_role == NULL)
        answer(conn, 404, "");
    else if (strncmp(request, "GET " ROLES " ", 5 + strlen(ROLES)) == 0)
        answer(conn, 200, hosts->instance_role);
    else
        answer_json(hosts, conn, "ASIAINSTANCE");
}

static void remember(struct credential_hosts *hosts, const char *request, const char *form) {
    char buf[1024];
    const char *signer = header_of(request, "Authorization", buf, sizeof(buf));
    const char *from = signer != NULL ? strstr(signer, "Credential=") : NULL;

    snprintf(hosts->form, sizeof(hosts->form), "%s", form);
    snprintf(hosts->signer, sizeof(hosts->signer), "%.*s",
             from != NULL ? (int)strcspn(from, ",") : 0, from != NULL ? from : "");
}

static void serve_sts(struct credential_hosts *hosts, int conn, const char *request) {
    const char *form = strstr(request, "\r\n\r\n") + 4, *role = strstr(form, "%3Arole%2F");
    bool by_token = strstr(form, "Action=AssumeRoleWithWebIdentity&") != NULL;
    const char *result = by_token ? "AssumeRoleWithWebIdentityResult" : "AssumeRoleResult";
    char end[32], body[1024];

    atomic_fetch_add(&hosts->asked_sts, 1);
    remember(hosts, request, form);
    if (hosts->fault != NULL) {
        snprintf(body, sizeof(body),
                 "<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>said so"
                 "</Message></Error><RequestId>sts-1</RequestId></ErrorResponse>",
                 hosts->fault);
        answer(conn, strcmp(hosts->fault, "AccessDenied") == 0 ? 403 : 400, body);
        return;
    }
    role = role != NULL ? role + strlen("%3Arole%2F") : "nobody";
    write_end(hosts, end);
    snprintf(body, sizeof(body),
             "<R xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><%s><Credentials>"
             "<AccessKeyId>ASIA%.*s</AccessKeyId><SecretAccessKey>hush</SecretAccessKey>"
             "<SessionToken>t</SessionToken><Expiration>%s</Expiration></Credentials></%s></R>",
             result, (int)strcspn(role, "&"), role, end, result);
    answer(conn, 200, body);
}

static void serve(struct loopback *server, int conn) {
    struct credential_hosts *hosts = server->arg;
    char request[LOOPBACK_MAX_REQUEST];

    while (loopback_read(server, conn)) {
        pthread_mutex_lock(&server->lock);
        memcpy(request, server->last, server->last_len + 1);
        pthread_mutex_unlock(&server->lock);
        if (strncmp(request, "GET /container", 14) == 0)
            serve_container(hosts, conn, request);
        else if (strstr(request, " /latest/") != NULL)
            serve_instance(hosts, conn, request);
        else
            serve_sts(hosts, conn, request);
    }
}

void credential_hosts_start(struct credential_hosts *hosts) {
    *hosts = (struct credential_hosts){.life_s = 3600};
    hosts->server.serve = serve;
    hosts->server.arg = hosts;
    loopback_start(&hosts->server);
    snprintf(hosts->url, sizeof(hosts->url), "http://127.0.0.1:%d", hosts->server.port);
}

void credential_hosts_stop(struct credential_hosts *hosts) {
    loopback_stop(&hosts->server);
}
