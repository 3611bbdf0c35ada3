/* store_postgres_rig.h - a store in a PostgreSQL of the test program's own, without a schema yet.
 */
#pragma once

#include "support/test.h"

#include "fluxabot/base/clock.h"
#include "fluxabot/store.h"
#include "support/postgres.h"
#include "support/postgres_proxy.h"

struct postgres_rig {
    struct test_postgres *postgres;
    struct postgres_proxy *proxy; /* NULL unless the store is opened through it */
    struct fx_scope *sc;
    struct fx_store *store; /* NULL until it is opened */
};

/* For cmocka, of a group: *state becomes the server of all its tests. */
int postgres_rig_begin(void **state);
int postgres_rig_end(void **state);
/* And of a test in it: *state becomes a struct postgres_rig. */
int postgres_rig_set_up(void **state);
int postgres_rig_tear_down(void **state);
#define POSTGRES_TEST(test)                                                                        \
    cmocka_unit_test_setup_teardown(test, postgres_rig_set_up, postgres_rig_tear_down)

enum fx_code postgres_rig_try_open(struct postgres_rig *f, const char *url, struct fx_error *err);
void postgres_rig_open(struct postgres_rig *f);
void postgres_rig_open_through_proxy(struct postgres_rig *f);
void postgres_rig_close(struct postgres_rig *f);
/* As test_postgres_sql. */
int64_t postgres_rig_sql(struct postgres_rig *f, const char *text);
enum fx_code postgres_rig_accept(struct postgres_rig *f, const char *id, bool *ret_added,
                                 struct fx_error *err);
/* Fails unless nobody had sent it before. */
void postgres_rig_accept_new(struct postgres_rig *f, const char *id);
bool postgres_rig_has_event(struct postgres_rig *f, const char *id);
