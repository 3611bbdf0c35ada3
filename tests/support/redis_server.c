/* redis_server.c - see redis_server.h */
#include "support/redis_server.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PORT_TRIES = 20, READY_TRIES = 4000, PAUSE_MS = 5, FILE_MAX = 1 << 20 };

const char *redis_server_file(struct redis_server *server, struct fx_scope *sc, const char *name) {
    return fx_printf(sc, "%s/%s", server->dir, name);
}

const char *redis_server_url(struct redis_server *server, struct fx_scope *sc) {
    return fx_printf(sc, "%s:%d/0", server->tls ? "rediss://localhost" : "redis://127.0.0.1",
                     server->port);
}

/* Runs in the child, which ends with the test whatever happens to it. */
static _Noreturn void become(const char *log, char *const argv[]) {
    int out = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(out, STDOUT_FILENO);
    dup2(out, STDERR_FILENO);
    execvp(argv[0], argv);
    _exit(127);
}

/* ---- the server ---- */

static void write_configuration(struct redis_server *server, const char *path) {
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fprintf(file, "bind 127.0.0.1\ndir %s\nunixsocket %s/socket\nsave \"\"\nappendonly no\n",
            server->dir, server->dir);
    if (server->password != NULL)
        fprintf(file, "requirepass %s\n", server->password);
    if (server->tls)
        fprintf(file,
                "port 0\ntls-port %d\ntls-cert-file %s/certificate.pem\n"
                "tls-key-file %s/certificate.key\ntls-ca-cert-file %s/certificate.pem\n"
                "tls-auth-clients no\n",
                server->port, server->dir, server->dir, server->dir);
    else
        fprintf(file, "port %d\n", server->port);
    assert_int_equal(fclose(file), 0);
}

static enum fx_code open_control(struct redis_server *server, struct fx_redis **ret_control,
                                 struct fx_error *err) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);

    return fx_redis_open(
        &(struct fx_redis_options){.url = fx_printf(sc, "unix://%s/socket", server->dir),
                                   .password = server->password,
                                   .clock = fx_clock_system(),
                                   .timeout_ms = 10000},
        ret_control, err);
}

static bool answers(struct redis_server *server) {
    struct fx_redis *control = NULL;
    struct fx_error ignored;
    bool open = open_control(server, &control, &ignored) == FX_OK;

    fx_redis_close(control);
    return open;
}

/* False when it ended instead, as when somebody else has the port. */
static bool start_process(struct redis_server *server) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    const char *configuration = redis_server_file(server, sc, "redis.conf");
    const char *log = redis_server_file(server, sc, "redis.log");
    char *const argv[] = {(char *)"redis-server", (char *)configuration, NULL};

    assert_int_equal(server->pid, 0);
    unlink(redis_server_file(server, sc, "socket"));
    server->pid = fork();
    assert_true(server->pid >= 0);
    if (server->pid == 0)
        become(log, argv);
    for (int i = 0; i < READY_TRIES; i++) {
        if (waitpid(server->pid, NULL, WNOHANG) != 0) {
            server->pid = 0;
            return false;
        }
        if (answers(server))
            return true;
        poll(NULL, 0, PAUSE_MS);
    }
    fail_msg("redis-server does not answer, see %s", log);
    return false;
}

void redis_server_restart(struct redis_server *server) {
    if (!start_process(server))
        fail_msg("redis-server did not start, see %s/redis.log", server->dir);
}

/* Below the ports that connections of others are given, so that it is still free for a restart. */
static int random_port(void) {
    uint16_t chance = 0;

    fx_random_system()->fill(fx_random_system(), &chance, sizeof(chance));
    return 10000 + chance % 10000;
}

void redis_server_start(struct redis_server *server) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    bool started = false;

    signal(SIGPIPE, SIG_IGN);
    snprintf(server->dir, sizeof(server->dir), "/tmp/fluxabot-redis.XXXXXX");
    assert_non_null(mkdtemp(server->dir));
    if (server->tls)
        redis_server_certificate(server, "certificate", "DNS:localhost");
    for (int i = 0; i < PORT_TRIES && !started; i++) {
        server->port = random_port();
        write_configuration(server, redis_server_file(server, sc, "redis.conf"));
        started = start_process(server);
    }
    if (!started)
        fail_msg("redis-server did not start, see %s/redis.log", server->dir);
}

void redis_server_kill(struct redis_server *server) {
    if (server->pid == 0)
        return;
    kill(server->pid, SIGKILL);
    waitpid(server->pid, NULL, 0);
    server->pid = 0;
}

void redis_server_stop(struct redis_server *server) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct dirent *entry = NULL;

    redis_server_kill(server);
    DIR *dir = opendir(server->dir);
    while (dir != NULL && (entry = readdir(dir)) != NULL)
        unlink(redis_server_file(server, sc, entry->d_name));
    if (dir != NULL)
        closedir(dir);
    rmdir(server->dir);
}

const struct fx_redis_reply *redis_server_ask(struct redis_server *server, struct fx_scope *sc,
                                              const char *word, ...) {
    const struct fx_redis_reply *reply = NULL;
    struct fx_redis *control = NULL;
    struct fx_slice words[8];
    struct fx_error err;
    size_t count = 0;
    va_list more;

    va_start(more, word);
    for (; word != NULL && count < 8; word = va_arg(more, const char *))
        words[count++] = fx_slice_of(word);
    va_end(more);
    assert_ok(open_control(server, &control, &err));
    assert_ok(fx_redis_call(control, sc, words, count, 10000, &reply, &err));
    fx_redis_close(control);
    return reply;
}

/* ---- files ---- */

void redis_server_certificate(struct redis_server *server, const char *name, const char *names) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    char *certificate = fx_printf(sc, "%s/%s.pem", server->dir, name);
    char *key = fx_printf(sc, "%s/%s.key", server->dir, name);
    char *extension = fx_printf(sc, "subjectAltName=%s", names);
    char *log = fx_printf(sc, "%s/openssl.log", server->dir);
    char *const argv[] = {(char *)"openssl",
                          (char *)"req",
                          (char *)"-x509",
                          (char *)"-newkey",
                          (char *)"ec",
                          (char *)"-pkeyopt",
                          (char *)"ec_paramgen_curve:P-256",
                          (char *)"-nodes",
                          (char *)"-days",
                          (char *)"2",
                          (char *)"-subj",
                          (char *)"/CN=test",
                          (char *)"-addext",
                          extension,
                          (char *)"-keyout",
                          key,
                          (char *)"-out",
                          certificate,
                          NULL};
    int status = 0;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0)
        become(log, argv);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (status != 0)
        fail_msg("openssl made no certificate, see %s", log);
}

int redis_server_count_in(struct redis_server *server, const char *name, const char *needle) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    char *text = fx_alloc(sc, FILE_MAX + 1);
    FILE *file = fopen(redis_server_file(server, sc, name), "r");
    int count = 0;

    if (file == NULL)
        return 0;
    text[fread(text, 1, FILE_MAX, file)] = '\0';
    fclose(file);
    for (const char *at = text; (at = strstr(at, needle)) != NULL; at += strlen(needle))
        count++;
    return count;
}
