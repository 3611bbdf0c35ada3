/* postgres.c - see postgres.h. */
#include "support/postgres.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <grp.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { START_SECONDS = 20, LOOK_MS = 10, ROOM_BYTES = 512 << 20, CHILDREN_MAX = 128 };

static void give_up(const struct test_postgres *postgres, const char *what) {
    fprintf(stderr, "the test's PostgreSQL %s; see %s/log\n", what, postgres->directory);
    exit(1);
}

/* ---- its programs ---- */

/* Debian keeps them beside each other by version: the newest. */
static void find_program(const struct test_postgres *postgres, const char *name, char *ret_path,
                         size_t room) {
    char pattern[96];
    glob_t found;

    snprintf(pattern, sizeof(pattern), "/usr/lib/postgresql/*/bin/%s", name);
    if (glob(pattern, 0, NULL, &found) != 0 || found.gl_pathc == 0)
        give_up(postgres, "is not installed (postgresql-15)");
    snprintf(ret_path, room, "%s", found.gl_pathv[found.gl_pathc - 1]);
    globfree(&found);
}

/* PostgreSQL refuses to run as root, so root gives it to the user its package made. */
static const struct passwd *its_user(const struct test_postgres *postgres) {
    if (geteuid() != 0)
        return NULL;
    const struct passwd *user = getpwnam("postgres");
    if (user == NULL)
        give_up(postgres, "has no user postgres to run as");
    return user;
}

static void become(const struct passwd *user) {
    if (user == NULL)
        return;
    if (initgroups(user->pw_name, user->pw_gid) != 0 || setgid(user->pw_gid) != 0 ||
        setuid(user->pw_uid) != 0)
        _exit(126);
}

/* In the background; ends when the test does. */
static pid_t run(const struct test_postgres *postgres, char *const arguments[]) {
    const struct passwd *user = its_user(postgres);
    char log[80];
    pid_t parent = getpid();

    snprintf(log, sizeof(log), "%s/log", postgres->directory);
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    become(user);
    prctl(PR_SET_PDEATHSIG, SIGINT); /* after setuid, which would forget it */
    if (getppid() != parent)
        _exit(126);
    int file = open(log, O_CREAT | O_APPEND | O_WRONLY, 0600);
    int nothing = open("/dev/null", O_RDONLY);
    if (file < 0 || dup2(nothing, 0) < 0 || dup2(file, 1) < 0 || dup2(file, 2) < 0 ||
        chdir(postgres->directory) != 0)
        _exit(126);
    execv(arguments[0], arguments);
    _exit(127);
}

/* ---- a cluster ---- */

/* In memory if the machine offers that: kill -9 spares the page cache anyway, and the disk belongs
 * to all that run here. */
static const char *where(void) {
    struct statvfs memory;

    return statvfs("/dev/shm", &memory) == 0 && memory.f_bavail >= ROOM_BYTES / memory.f_frsize
               ? "/dev/shm"
               : "/tmp";
}

static void make_directory(struct test_postgres *postgres) {
    *postgres = (struct test_postgres){0};
    snprintf(postgres->directory, sizeof(postgres->directory), "%s/fluxabot-pg-XXXXXX", where());
    if (mkdtemp(postgres->directory) == NULL)
        give_up(postgres, "has no directory");
    const struct passwd *user = its_user(postgres);
    if (user != NULL && chown(postgres->directory, user->pw_uid, user->pw_gid) != 0)
        give_up(postgres, "cannot own its directory");
    snprintf(postgres->url, sizeof(postgres->url), "postgresql://fluxabot@/fluxabot?host=%s",
             postgres->directory);
    snprintf(postgres->admin_url, sizeof(postgres->admin_url),
             "postgresql://superuser@/postgres?host=%s", postgres->directory);
}

void test_postgres_make(struct test_postgres *postgres) {
    char program[128], data[80];
    int status = 0;

    make_directory(postgres);
    snprintf(data, sizeof(data), "%s/data", postgres->directory);
    find_program(postgres, "initdb", program, sizeof(program));
    char *const arguments[] = {
        program, "-D",   data,         "-A",        "trust",           "-U", "superuser",
        "-E",    "UTF8", "--locale=C", "--no-sync", "--wal-segsize=1", NULL};
    pid_t pid = run(postgres, arguments);
    if (waitpid(pid, &status, 0) != pid || status != 0)
        give_up(postgres, "could not be made");
}

/* ---- life ---- */

static bool has_ended(struct test_postgres *postgres) {
    int status = 0;

    if (waitpid(postgres->pid, &status, WNOHANG) != postgres->pid)
        return false;
    postgres->pid = 0;
    return true;
}

static void start_once(struct test_postgres *postgres, const char *option) {
    char program[128], data[80];

    find_program(postgres, "postgres", program, sizeof(program));
    snprintf(data, sizeof(data), "%s/data", postgres->directory);
    char *const arguments[] = {program,
                               "-D",
                               data,
                               "-k",
                               postgres->directory,
                               "-clisten_addresses=",
                               "-cfsync=on",
                               "-cmax_connections=100",
                               "-cmax_wal_size=64MB",
                               "-cmin_wal_size=8MB",
                               option != NULL ? (char *)(uintptr_t)option : "-cfsync=on",
                               NULL};
    postgres->pid = run(postgres, arguments);
}

/* After a kill -9 the server may not start before the last of its old processes has noticed. */
void test_postgres_start(struct test_postgres *postgres, const char *option) {
    struct timespec look = {0, LOOK_MS * 1000000};

    for (int i = 0; i < START_SECONDS * 1000 / LOOK_MS; i++) {
        if (postgres->pid == 0)
            start_once(postgres, option);
        if (PQping(postgres->admin_url) == PQPING_OK) {
            if (test_postgres_sql(postgres, "SELECT 1 FROM pg_roles WHERE rolname = 'fluxabot'") ==
                0) {
                test_postgres_sql(postgres, "CREATE ROLE fluxabot LOGIN");
                test_postgres_sql(postgres, "CREATE DATABASE fluxabot OWNER fluxabot");
            }
            return;
        }
        nanosleep(&look, NULL);
        (void)has_ended(postgres);
    }
    give_up(postgres, "did not start");
}

void test_postgres_follow(struct test_postgres *postgres, struct test_postgres *standby) {
    struct timespec look = {0, LOOK_MS * 1000000};
    char program[128], data[80];
    int status = 0;

    make_directory(standby);
    snprintf(data, sizeof(data), "%s/data", standby->directory);
    find_program(standby, "pg_basebackup", program, sizeof(program));
    char *const arguments[] = {program, "-D", data,     "-d",        postgres->admin_url,
                               "-R",    "-X", "stream", "--no-sync", "-c",
                               "fast",  NULL};
    pid_t pid = run(standby, arguments);
    if (waitpid(pid, &status, 0) != pid || status != 0)
        give_up(standby, "could not be copied");
    test_postgres_start(standby, NULL);
    while (test_postgres_sql(postgres, "SELECT COUNT(*) FROM pg_stat_replication WHERE state = "
                                       "'streaming'") == 0)
        nanosleep(&look, NULL);
}

static void end_by(struct test_postgres *postgres, int signal_number) {
    int status = 0;

    if (postgres->pid == 0)
        return;
    kill(postgres->pid, signal_number);
    waitpid(postgres->pid, &status, 0);
    postgres->pid = 0;
}

void test_postgres_stop(struct test_postgres *postgres) {
    end_by(postgres, SIGINT);
}

/* The server's processes, one for each connection and some of its own. */
static size_t find_children(const struct test_postgres *postgres, pid_t children[CHILDREN_MAX]) {
    char path[64];
    size_t count = 0;

    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", postgres->pid, postgres->pid);
    FILE *file = fopen(path, "r");
    while (file != NULL && count < CHILDREN_MAX && fscanf(file, "%d", &children[count]) == 1)
        count++;
    if (file == NULL || count == 0)
        give_up(postgres, "does not show its processes");
    fclose(file);
    return count;
}

/* Its parent is gone, so nobody may be in a hurry to bury it. */
static bool is_dead(pid_t pid) {
    char path[32], name[64], state = 'X';

    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return true;
    bool dead = fscanf(file, "%*d %63s %c", name, &state) != 2 || state == 'Z' || state == 'X';
    fclose(file);
    return dead;
}

/* All of them, as a power cut does: one that outlived the others could still commit. */
void test_postgres_kill(struct test_postgres *postgres) {
    struct timespec look = {0, LOOK_MS * 1000000};
    pid_t children[CHILDREN_MAX];

    if (postgres->pid == 0)
        return;
    kill(postgres->pid, SIGSTOP); /* no new ones meanwhile */
    size_t count = find_children(postgres, children);
    for (size_t i = 0; i < count; i++)
        kill(children[i], SIGKILL);
    end_by(postgres, SIGKILL);
    for (size_t i = 0; i < count; i++)
        while (!is_dead(children[i]))
            nanosleep(&look, NULL);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where) {
    (void)st;
    (void)kind;
    (void)where;
    return remove(path);
}

void test_postgres_remove(struct test_postgres *postgres) {
    end_by(postgres, SIGQUIT);
    nftw(postgres->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- behind the store's back ---- */

static int64_t ask(struct test_postgres *postgres, const char *url, const char *sql) {
    PGconn *connection = PQconnectdb(url);

    PQclear(PQexec(connection, "SET client_min_messages = warning"));
    PGresult *result = PQexec(connection, sql);
    ExecStatusType status = PQresultStatus(result);
    int64_t number = 0;

    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
        fprintf(stderr, "%s: %s", sql, PQerrorMessage(connection));
        give_up(postgres, "refused a statement");
    }
    if (PQntuples(result) > 0)
        number = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
    PQclear(result);
    PQfinish(connection);
    return number;
}

int64_t test_postgres_sql(struct test_postgres *postgres, const char *sql) {
    bool is_cluster = strstr(sql, "DATABASE") != NULL || strstr(sql, "ROLE") != NULL ||
                      strstr(sql, "pg_roles") != NULL;
    char url[192];

    snprintf(url, sizeof(url), "postgresql://superuser@/fluxabot?host=%s", postgres->directory);
    return ask(postgres, is_cluster ? postgres->admin_url : url, sql);
}

void test_postgres_empty(struct test_postgres *postgres) {
    test_postgres_sql(
        postgres,
        "DO $$ BEGIN IF to_regclass('fluxabot.store_version') IS NOT NULL THEN "
        "DELETE FROM fluxabot.votes; DELETE FROM fluxabot.approvals; DELETE FROM fluxabot.intents; "
        "DELETE FROM fluxabot.runs; DELETE FROM fluxabot.events; "
        "DELETE FROM fluxabot.event_keys; DELETE FROM fluxabot.jobs; "
        "DELETE FROM fluxabot.incidents; DELETE FROM fluxabot.outbox; "
        "DELETE FROM fluxabot.message_ts; DELETE FROM fluxabot.audit; "
        "DELETE FROM fluxabot.settings; DELETE FROM fluxabot.lanes; "
        "DELETE FROM fluxabot.storms; DELETE FROM fluxabot.storm_members; END IF; END $$");
}
