/* call.h - one call between its stages, for those who make one (aws.c) and for those who make many
 * at once (crowd.c). */
#pragma once

#include "private.h"

/* What all views share. */
struct aws_core {
    struct fx_scope *sc;
    struct aws_settings settings;
    const char *ca_bundle; /* AWS_CA_BUNDLE, or NULL */
    struct aws_skew skew;
    struct aws_buckets *buckets;
    struct aws_roles *roles;
};

/* A view: whose credentials, which region. */
struct fx_aws {
    struct aws_core *core;
    const char *region; /* the default one, or NULL */
    struct fx_aws_source *credentials;
    const char *role_arn; /* whose these are; NULL: our own */
};

enum { AWS_MAX_HEADERS = 8 + AWS_MAX_WIRE_HEADERS };

/* One call under way. */
struct call {
    struct aws_core *aws;
    struct fx_aws_source *credentials; /* NULL: not signed */
    const char *role_arn;              /* of the view */
    struct aws_bucket *bucket;
    bool repeatable;
    bool plain_path; /* S3 signs the path as it is, and wants the body's digest in a header */
    struct fx_scope *sc;
    const struct aws_operation *operation;
    const struct aws_protocol_ops *protocol;
    struct aws_endpoint endpoint;
    struct aws_wire wire;
    int64_t timeout_ms;
    const char *guess;
    bool harmless;
    struct fx_http_header headers[AWS_MAX_HEADERS]; /* of the attempt under way */
    int64_t started_wall_ms, started_mono_ms;
};

/* How one attempt ended, when it did not end well. */
struct outcome {
    enum aws_trouble trouble;
    struct aws_hint hint;
    bool clock_is_off;
};

/* Checks the call and writes it down; nothing is sent. */
enum fx_code aws_call_begin(struct fx_aws *aws, struct fx_scope *sc,
                            const struct fx_aws_call *wanted, struct call *ret_call,
                            struct fx_error *err);
/* One attempt: signed, and what came of it. *ret_request points into the call. */
enum fx_code aws_attempt_begin(struct call *call, struct fx_http_request *ret_request,
                               struct fx_error *err);
enum fx_code aws_attempt_end(struct call *call, enum fx_code code,
                             const struct fx_http_reply *reply, struct outcome *ret_outcome,
                             struct fx_json **ret_answer, struct fx_error *err);
/* ---- pace.c: operations that were throttled, by all who share options.state ---- */

/* The call was throttled: its operation is asked seldom for some seconds. */
void aws_pace_throttled(const struct call *call);
/* 0: it may be made now. Else look again after so long. Never holds up a change. */
int64_t aws_pace_ms(const struct call *call);
/* Until it may be made, or the scope has no time left to wait. Fails as the scope does. */
enum fx_code aws_pace_wait(const struct call *call, struct fx_error *err);

/* Attempts, until one ends well or may not be followed by another. */
enum fx_code aws_call_run(struct call *call, struct fx_json **ret_answer, struct fx_error *err);
