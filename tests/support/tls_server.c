/* tls_server.c - see tls_server.h. */
#include "support/tls_server.h"

#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* s_server ends with its input, so that one stays open as long as this program. */
static pid_t spawn(const char *const *argv, int *ret_stdout) {
    posix_spawn_file_actions_t actions;
    int out[2], in[2];
    pid_t pid;

    assert_int_equal(pipe(out), 0);
    assert_int_equal(pipe(in), 0);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], 0);
    posix_spawn_file_actions_addclose(&actions, in[1]);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", 1, 0);
    posix_spawn_file_actions_addclose(&actions, out[0]);
    assert_int_equal(
        posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(out[1]);
    close(in[0]);
    *ret_stdout = out[0];
    return pid;
}

static void execute(const char *const *argv) {
    int out, status;
    pid_t pid = spawn(argv, &out);

    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    close(out);
}

void tls_server_start(struct tls_server *server, struct fx_scope *sc, const char *days,
                      bool answers) {
    char line[256];
    int out;

    memcpy(server->dir, "/tmp/tls_server.XXXXXX", sizeof "/tmp/tls_server.XXXXXX");
    assert_non_null(mkdtemp(server->dir));
    server->key = fx_printf(sc, "%s/key.pem", server->dir);
    server->certificate = fx_printf(sc, "%s/cert.pem", server->dir);
    const char *request = fx_printf(sc, "%s/request.pem", server->dir);
    const char *names = fx_printf(sc, "%s/names", server->dir);
    FILE *file = fopen(names, "we");
    fputs("subjectAltName=IP:127.0.0.1\n", file);
    fclose(file);
    execute((const char *[]){"openssl", "req", "-newkey", "ec", "-pkeyopt",
                             "ec_paramgen_curve:P-256", "-nodes", "-keyout", server->key, "-out",
                             request, "-subj", "/CN=probed", NULL});
    execute((const char *[]){"openssl", "x509", "-req", "-in", request, "-signkey", server->key,
                             "-days", days, "-extfile", names, "-out", server->certificate, NULL});
    unlink(request), unlink(names);
    server->pid =
        spawn((const char *[]){"openssl", "s_server", "-accept", "127.0.0.1:0", "-key", server->key,
                               "-cert", server->certificate, answers ? "-www" : NULL, NULL},
              &out);
    server->said = fdopen(out, "r");
    server->port = 0;
    while (server->port == 0 && fgets(line, sizeof line, server->said) != NULL)
        (void)sscanf(line, "ACCEPT 127.0.0.1:%d", &server->port);
    assert_int_not_equal(server->port, 0);
}

bool tls_server_stop(struct tls_server *server, const char *sent) {
    bool found = false;
    char line[512];
    int status;

    kill(server->pid, SIGTERM);
    waitpid(server->pid, &status, 0);
    while (fgets(line, sizeof line, server->said) != NULL)
        found = found || strstr(line, sent) != NULL;
    fclose(server->said);
    unlink(server->key), unlink(server->certificate), rmdir(server->dir);
    return found;
}
