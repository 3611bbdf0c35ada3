/* engine_anchor_rig.h - an engine without threads on a real store and a real file of anchors. */
#pragma once

#include "support/test.h"

#include "anchors.h"

#include "support/scripted_http.h"

enum { NOW_MS = 1000 * 1000 * 1000, MINUTE_MS = 60 * 1000 };

struct anchor_rig {
    struct fx_scope *sc;
    struct held_clock clock; /* NOW_MS */
    struct fx_engine engine;
    struct fx_store *store;
    struct fx_engine_system system;
    char dir[64];
    size_t messages; /* written so far, all looks together */
};

/* For cmocka: *state becomes a struct anchor_rig. */
int anchor_rig_set_up(void **state);
int anchor_rig_tear_down(void **state);
#define ANCHOR_TEST(name)                                                                          \
    cmocka_unit_test_setup_teardown(name, anchor_rig_set_up, anchor_rig_tear_down)

struct engine_work anchor_rig_work(struct anchor_rig *rig);
void anchor_rig_add_rows(struct anchor_rig *rig, int count);
/* One look of the job, made durable as its settling would. What it wrote comes back. */
struct fx_writes anchor_rig_look(struct anchor_rig *rig);
/* An anchor of our key that this log cannot fit. */
void anchor_rig_foreign(struct anchor_rig *rig, int64_t n, int64_t time_ms);

/* ---- what there is now ---- */

/* "3 5 ": the rows that the file's anchors vouch for; with a ! where a person gave a reason. */
const char *anchor_rig_anchored(struct anchor_rig *rig);
/* Jobs that are due for an anchor. */
size_t anchor_rig_jobs_now(struct anchor_rig *rig);
size_t anchor_rig_messages(struct anchor_rig *rig);
/* FX_ERR_DENIED and why, while changes are. */
enum fx_code anchor_rig_frozen(struct anchor_rig *rig, struct fx_error *err);
