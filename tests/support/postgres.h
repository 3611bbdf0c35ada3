/* postgres.h - a PostgreSQL of a test's own: a fresh cluster in a temporary directory, reached
 * through a socket there and nowhere else, as durable as a real one.
 *
 * It ends with the test, whatever ends that. Failures to start it end the test with a sentence.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct test_postgres {
    char directory[64]; /* holds the socket, the cluster and the log */
    char url[160];      /* of the database fluxabot, as its owner, no superuser */
    char admin_url[160];
    pid_t pid; /* 0 while it does not run */
};

void test_postgres_make(struct test_postgres *postgres);
/* options: more of the server's own, such as "-cfsync=off", or NULL. Comes back when it answers. */
void test_postgres_start(struct test_postgres *postgres, const char *option);
/* Quickly, but in order. */
void test_postgres_stop(struct test_postgres *postgres);
/* kill -9: what is not on the disk is gone. */
void test_postgres_kill(struct test_postgres *postgres);
void test_postgres_remove(struct test_postgres *postgres);
/* Makes standby, instead of test_postgres_make and _start, a server that follows this one by
 * streaming; comes back when it does. */
void test_postgres_follow(struct test_postgres *postgres, struct test_postgres *standby);

/* Runs statements behind the store's back, as the superuser; the first column of the first row as
 * a number, 0 without one. */
int64_t test_postgres_sql(struct test_postgres *postgres, const char *sql);
/* Empties the store's tables, if there are any: quicker than a new schema. */
void test_postgres_empty(struct test_postgres *postgres);
