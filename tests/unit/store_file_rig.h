/* store_file_rig.h - a store in a SQLite file of a test's own, on a disk that fails on demand. */
#pragma once

#include "support/test.h"

#include "fluxabot/base/clock.h"
#include "fluxabot/store.h"
#include "support/test_disk.h"

struct file_rig {
    char directory[64];
    char path[80];
    char url[96];
    struct test_disk *disk; /* works when a test begins */
    struct fx_scope *sc;
    struct fx_store *store; /* NULL until it is opened */
};

/* For cmocka: *state becomes a struct file_rig. */
int file_rig_set_up(void **state);
int file_rig_tear_down(void **state);
#define FILE_TEST(test) cmocka_unit_test_setup_teardown(test, file_rig_set_up, file_rig_tear_down)

/* Opens what f->url names. */
enum fx_code file_rig_try_open(struct file_rig *f, struct fx_error *err);
void file_rig_open(struct file_rig *f);
void file_rig_close(struct file_rig *f);
/* Speaks to the file behind the store's back. */
void file_rig_sql(struct file_rig *f, const char *text);
enum fx_code file_rig_accept(struct file_rig *f, const char *id, struct fx_error *err);
bool file_rig_has_event(struct file_rig *f, const char *id);
/* The first row of the audit log that is not as it was written; 0: none. */
int64_t file_rig_bad_row(struct file_rig *f);
