/* threads_rig.h - a real engine, threads and all, on a real store; nobody answers it. */
#pragma once

#include "support/test.h"

#include "private.h"

#include "fluxabot/aws.h"

#define TOPIC "arn:aws:sns:us-east-1:123456789012:fluxa-alarms"

enum { NOW_MS = 1000 * 1000 * 1000, WORKERS = 4 };

/* Stands in for the aws module: a call lasts until it is let go, or until its job is cancelled. */
struct fx_aws {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    atomic_bool holds;
    bool is_held;
    _Atomic int canceled; /* calls */
    struct fx_clock *clock;
};

struct threads_rig {
    struct fx_scope *sc;
    char dir[64];
    struct fx_clock clock;
    _Atomic int64_t now_ms, mono_ms; /* leases and crashes see the first, pulses the second */
    struct fx_http http;
    struct fx_aws aws;
    struct fx_system fluxa;
    struct fx_engine_system system;
    struct fx_engine_options options;
    atomic_bool hurry;
    struct fx_engine *engine;
};

/* For cmocka: *state becomes a struct threads_rig. */
int threads_set_up(void **state);
int threads_tear_down(void **state);
void threads_start(struct threads_rig *rig);
void threads_stop(struct threads_rig *rig);
