/* credential_hosts.h - STS, a container's address and an instance's metadata on one loopback port.
 *
 * They answer as AWS's do, with the errors that they document, and remember what they were asked.
 * STS gives the key ASIA plus the last part of the role's name; a container ASIACONTAINER, an
 * instance ASIAINSTANCE.
 */
#pragma once

#include "support/loopback.h"

enum { CREDENTIAL_HOSTS_MAX_BODY = 4096 };

struct credential_hosts {
    struct loopback server;
    char url[64]; /* "http://127.0.0.1:4711" */
    int64_t life_s;
    /* the container */
    const char *wanted_token; /* Authorization that GET /container wants, NULL: none */
    atomic_int failures;      /* so many GETs are answered with 500 first */
    /* the instance */
    const char *instance_role; /* NULL: it has none */
    int token_status;          /* of PUT /latest/api/token; 0: 200 */
    /* STS */
    const char *fault; /* an error code with which it refuses, or NULL */
    atomic_int asked_sts, asked_container, asked_instance;
    char form[CREDENTIAL_HOSTS_MAX_BODY]; /* the newest request to STS */
    char signer[128];                     /* "Credential=..." of it, "" when it was not signed */
};

void credential_hosts_start(struct credential_hosts *hosts);
void credential_hosts_stop(struct credential_hosts *hosts);
