/* storms.c - alarms of one channel that came too many at once: which belong together, and what was
 * told of them. */
#include "private.h"

enum { STORMS_AT_ONCE = 16 };

static void *read_storm(struct fx_scope *sc, const struct store_rows *rows) {
    struct fx_storm *storm = FX_NEW(sc, struct fx_storm);

    *storm = (struct fx_storm){
        .id = store_text(rows, 0),
        .channel = store_text(rows, 1),
        .began_ms = store_int(rows, 2),
        .last_ms = store_int(rows, 3),
        .ended_ms = store_int(rows, 4),
        .count = store_int(rows, 5),
        .news = store_int(rows, 6),
        .told = store_int(rows, 7),
        .told_ms = store_int(rows, 8),
    };
    return storm;
}

static void *read_group(struct fx_scope *sc, const struct store_rows *rows) {
    struct fx_storm_group *group = FX_NEW(sc, struct fx_storm_group);

    *group = (struct fx_storm_group){
        .system = store_text(rows, 0),
        .severity = store_text(rows, 1),
        .prefix = store_text(rows, 2),
        .count = store_int(rows, 3),
        .open = store_int(rows, 4),
    };
    return group;
}

static void *read_incident(struct fx_scope *sc, const struct store_rows *rows) {
    struct fx_incident *incident = FX_NEW(sc, struct fx_incident);

    *incident = (struct fx_incident){
        .id = store_text(rows, 0),
        .system = store_text(rows, 1),
        .environment = store_text(rows, 2),
        .title = store_text(rows, 3),
        .severity = store_text(rows, 4),
        .state = (enum fx_incident_state)store_int(rows, 5),
        .opened_ms = store_int(rows, 6),
    };
    return incident;
}

/* ---- among the writes ---- */

enum fx_code store_storm_join(struct store_link *link, const struct fx_storm_member *member,
                              int64_t now_ms, struct fx_error *err) {
    if (member->incident != NULL)
        FX_TRY(store_exec(link, STMT_STORM_JOIN,
                          ST_VALUES(st_text(member->storm), st_text(member->incident),
                                    st_text(member->system), st_text(member->severity),
                                    st_int(member->rank), st_text(member->prefix)),
                          err));
    if (member->incident == NULL || link->changed == 0) /* it had joined before */
        return store_exec(link, STMT_STORM_TOUCH, ST_VALUES(st_text(member->storm)), err);
    FX_TRY(
        store_exec(link, STMT_STORM_GROW, ST_VALUES(st_int(now_ms), st_text(member->storm)), err));
    return link->changed > 0 ? FX_OK
                             : fx_fail(err, FX_ERR_CONFLICT, "the storm %s is over", member->storm);
}

enum fx_code store_storm_put(struct store_link *link, const struct fx_storm_told *told,
                             struct fx_error *err) {
    const struct fx_storm *storm = &told->storm;

    FX_TRY(
        store_exec(link, STMT_STORM_TELL,
                   ST_VALUES(st_int(storm->told), st_int(storm->told_ms), st_int(storm->ended_ms),
                             st_text(storm->id), st_int(told->before_ms), st_int(storm->count)),
                   err));
    return link->changed > 0
               ? FX_OK
               : fx_fail(err, FX_ERR_CONFLICT, "the storm %s has changed meanwhile", storm->id);
}

/* ---- operations ---- */

struct beginning {
    const struct fx_storm *storm;
    struct fx_storm *going_on;
};

static enum fx_code begin_in(struct store_link *link, void *what, struct fx_error *err) {
    struct beginning *b = what;

    FX_TRY(store_exec(
        link, STMT_STORM_ADD,
        ST_VALUES(st_text(b->storm->id), st_text(b->storm->channel), st_int(b->storm->began_ms)),
        err));
    return store_read_one(link, STMT_STORM_OF, ST_VALUES(st_text(b->storm->channel)), read_storm,
                          &b->going_on, err);
}

static enum fx_code begin_storm(struct fx_store *store, struct fx_scope *sc,
                                const struct fx_storm *storm, struct fx_storm **ret_storm,
                                struct fx_error *err) {
    struct beginning b = {.storm = storm};

    FX_TRY(store_write(store, sc, begin_in, &b, err));
    *ret_storm = b.going_on;
    return FX_OK;
}

static enum fx_code get_storm(struct fx_store *store, struct fx_scope *sc, const char *id,
                              struct fx_storm **ret_storm, struct fx_error *err) {
    return store_one(store, sc, STMT_STORM_GET, ST_VALUES(st_text(id)), read_storm, ret_storm, err);
}

static enum fx_code storm_of(struct fx_store *store, struct fx_scope *sc, const char *channel,
                             struct fx_storm **ret_storm, struct fx_error *err) {
    return store_one(store, sc, STMT_STORM_OF, ST_VALUES(st_text(channel)), read_storm, ret_storm,
                     err);
}

static enum fx_code storms_due(struct fx_store *store, struct fx_scope *sc, int64_t told_before_ms,
                               int64_t quiet_since_ms, struct fx_storm ***ret_storms,
                               size_t *ret_count, struct fx_error *err) {
    return store_list(
        store, sc, STMT_STORM_DUE,
        ST_VALUES(st_int(told_before_ms), st_int(quiet_since_ms), st_int(STORMS_AT_ONCE)),
        read_storm, ret_storms, ret_count, err);
}

static enum fx_code storm_groups(struct fx_store *store, struct fx_scope *sc, const char *id,
                                 struct fx_storm_group ***ret_groups, size_t *ret_count,
                                 struct fx_error *err) {
    return store_list(store, sc, STMT_STORM_GROUPS,
                      ST_VALUES(st_text(id), st_int(FX_STORE_MAX_ROWS)), read_group, ret_groups,
                      ret_count, err);
}

static enum fx_code storm_incidents(struct fx_store *store, struct fx_scope *sc, const char *id,
                                    size_t skip, size_t max, struct fx_incident ***ret_incidents,
                                    size_t *ret_count, struct fx_error *err) {
    return store_list(store, sc, STMT_STORM_ALARMS,
                      ST_VALUES(st_text(id), st_int(store_max_rows(max)), st_int((int64_t)skip)),
                      read_incident, ret_incidents, ret_count, err);
}

void store_storms_bind(struct fx_store *store) {
    store->storm_begin = begin_storm;
    store->storm = get_storm;
    store->storm_of = storm_of;
    store->storms_due = storms_due;
    store->storm_groups = storm_groups;
    store->storm_incidents = storm_incidents;
}
