/* iam.h - what a policy allows, while it is written: the calls, what they are made on, the keys. */
#pragma once

#include "private.h"

#define IAM_EVERYTHING "*"

/* What one environment of one system may be asked to do. */
struct iam_asked {
    struct fx_scope *sc;
    struct fx_json *actions; /* action -> {resource: true} */
    struct fx_json *filled;  /* system.yaml with this environment's variables */
    struct fx_json *names;   /* what a step's parameters may say before anything ran */
    const char *partition, *region, *account; /* of its queues; "*" */
};

/* -- iam.c -- */

void iam_allow(struct fx_scope *sc, struct fx_json *actions, const char *action,
               const char *resource);

/* -- iam_steps.c -- */

/* Every call that the runbook may make. */
void iam_allow_runbook(struct iam_asked *a, const struct fx_runbook *runbook);

/* -- iam_resource.c: ARNs; IAM_EVERYTHING where only a run will know -- */

void iam_read_place(struct iam_asked *a);
const char *iam_arn(const struct iam_asked *a, const char *service, const char *kind,
                    const char *name);
const char *iam_log_group(const struct iam_asked *a, const char *name);
/* By its name in system.yaml. */
const char *iam_queue(const struct iam_asked *a, const char *name);
const char *iam_function(const struct iam_asked *a, const char *name);
const char *iam_bucket(const struct iam_asked *a, const char *bucket);
const char *iam_objects(const struct iam_asked *a, const char *bucket);
/* NULL: this parameter of this operation names nothing that a call is made on. */
const char *iam_of_parameter(const struct iam_asked *a, const char *operation, const char *name,
                             const char *value);

/* -- iam_keys.c -- */

/* After all else is allowed: the keys of what is encrypted among it. */
void iam_allow_keys(struct iam_asked *a);
