/* store_postgres_rig.c - see store_postgres_rig.h. */
#include "store_postgres_rig.h"

#include <stdlib.h>

int postgres_rig_begin(void **state) {
    static struct test_postgres postgres;

    test_postgres_make(&postgres);
    test_postgres_start(&postgres, NULL);
    *state = &postgres;
    return 0;
}

int postgres_rig_end(void **state) {
    test_postgres_remove(*state);
    return 0;
}

int postgres_rig_set_up(void **state) {
    struct postgres_rig *f = calloc(1, sizeof(*f));

    f->postgres = *state;
    f->sc = fx_scope_new(NULL);
    test_postgres_sql(f->postgres, "DROP SCHEMA IF EXISTS fluxabot CASCADE");
    *state = f;
    return 0;
}

int postgres_rig_tear_down(void **state) {
    struct postgres_rig *f = *state;

    if (f->store != NULL)
        f->store->close(f->store);
    if (f->proxy != NULL)
        postgres_proxy_stop(f->proxy);
    fx_scope_free(f->sc);
    free(f);
    return 0;
}

enum fx_code postgres_rig_try_open(struct postgres_rig *f, const char *url, struct fx_error *err) {
    return fx_store_open(f->sc, url, fx_clock_system(), fx_random_system(), &f->store, err);
}

void postgres_rig_open(struct postgres_rig *f) {
    struct fx_error err;

    assert_ok(postgres_rig_try_open(f, f->postgres->url, &err));
}

void postgres_rig_open_through_proxy(struct postgres_rig *f) {
    struct fx_error err;

    f->proxy = postgres_proxy_start(f->postgres->directory);
    assert_ok(postgres_rig_try_open(f, postgres_proxy_url(f->proxy), &err));
}

void postgres_rig_close(struct postgres_rig *f) {
    f->store->close(f->store);
    f->store = NULL;
}

int64_t postgres_rig_sql(struct postgres_rig *f, const char *text) {
    return test_postgres_sql(f->postgres, text);
}

enum fx_code postgres_rig_accept(struct postgres_rig *f, const char *id, bool *ret_added,
                                 struct fx_error *err) {
    struct fx_event event = {.id = id, .kind = "sns", .body = "{}", .received_ms = 1, .keys = {id}};

    return f->store->accept(f->store, f->sc, &event, ret_added, err);
}

void postgres_rig_accept_new(struct postgres_rig *f, const char *id) {
    struct fx_error err;
    bool added = false;

    assert_ok(postgres_rig_accept(f, id, &added, &err));
    assert_true(added);
}

bool postgres_rig_has_event(struct postgres_rig *f, const char *id) {
    struct fx_error err;
    struct fx_event *event = NULL;

    assert_ok(f->store->event(f->store, f->sc, id, &event, &err));
    return event != NULL;
}
