/* incidents.c - what is or was wrong, one row per incident. */
#include "private.h"

#include <string.h>

static store_read_fn read_incident;

static enum fx_code changed_meanwhile(const struct fx_incident *incident, struct fx_error *err) {
    return fx_fail(err, FX_ERR_CONFLICT, "the incident %s was changed meanwhile", incident->id);
}

/* Locked by the key: of an incident that is not there yet no row can be locked, and the OK of an
 * alarm makes a closed one, which no index keeps apart from the open one of its ALARM. */
static enum fx_code check_seen(struct store_link *link, const struct fx_incident *incident,
                               struct fx_error *err) {
    struct fx_incident *now = NULL;

    if (incident->seen_id == NULL)
        return FX_OK;
    FX_TRY(store_lock_name(link, STORE_LOCK_INCIDENT, incident->system, incident->key, err));
    FX_TRY(store_read_one(link, STMT_INCIDENT_BY_KEY,
                          ST_VALUES(st_text(incident->system), st_text(incident->key)),
                          read_incident, &now, err));
    if (strcmp(now == NULL ? "" : now->id, incident->seen_id) != 0 ||
        (now != NULL && now->version != incident->seen_version))
        return changed_meanwhile(incident, err);
    return FX_OK;
}

enum fx_code store_incident_put(struct store_link *link, const struct fx_incident *incident,
                                struct fx_error *err) {
    FX_TRY(check_seen(link, incident, err));
    enum fx_code code = store_exec(
        link, incident->version == 0 ? STMT_INCIDENT_PUT : STMT_INCIDENT_UPDATE,
        ST_VALUES(st_text(incident->id), st_text(incident->system), st_text(incident->environment),
                  st_text(incident->key), st_text(incident->title), st_text(incident->severity),
                  st_int(incident->state), st_int(incident->opened_ms), st_int(incident->closed_ms),
                  st_int(incident->changed_ms), st_int(incident->seen), st_text(incident->acked_by),
                  st_int(incident->acked_ms), st_int(incident->paged), st_text(incident->body_json),
                  st_int(incident->version)),
        err);

    /* somebody else changed it since it was read, or opened one for the same key */
    if (code == FX_ERR_CONFLICT || (code == FX_OK && link->changed == 0))
        return changed_meanwhile(incident, err);
    if (code != FX_OK || incident->version == 0) /* a new one belongs to no storm yet */
        return code;
    return store_exec(link, STMT_STORM_STATE,
                      ST_VALUES(st_int(incident->state), st_text(incident->id)), err);
}

static void *read_incident(struct fx_scope *sc, const struct store_rows *rows) {
    struct fx_incident *incident = FX_NEW(sc, struct fx_incident);

    *incident = (struct fx_incident){
        .id = store_text(rows, 0),
        .system = store_text(rows, 1),
        .environment = store_text(rows, 2),
        .key = store_text(rows, 3),
        .title = store_text(rows, 4),
        .severity = store_text(rows, 5),
        .state = (enum fx_incident_state)store_int(rows, 6),
        .opened_ms = store_int(rows, 7),
        .closed_ms = store_int(rows, 8),
        .changed_ms = store_int(rows, 9),
        .seen = store_int(rows, 10),
        .acked_by = store_text(rows, 11),
        .acked_ms = store_int(rows, 12),
        .paged = store_int(rows, 13) != 0,
        .body_json = store_text(rows, 14),
        .version = store_int(rows, 15),
    };
    return incident;
}

static enum fx_code get_incident(struct fx_store *store, struct fx_scope *sc, const char *id,
                                 struct fx_incident **ret_incident, struct fx_error *err) {
    return store_one(store, sc, STMT_INCIDENT_GET, ST_VALUES(st_text(id)), read_incident,
                     ret_incident, err);
}

static enum fx_code incident_by_key(struct fx_store *store, struct fx_scope *sc, const char *system,
                                    const char *key, struct fx_incident **ret_incident,
                                    struct fx_error *err) {
    return store_one(store, sc, STMT_INCIDENT_BY_KEY, ST_VALUES(st_text(system), st_text(key)),
                     read_incident, ret_incident, err);
}

static enum fx_code list_incidents(struct fx_store *store, struct fx_scope *sc, const char *system,
                                   bool open, size_t max, struct fx_incident ***ret_incidents,
                                   size_t *ret_count, struct fx_error *err) {
    int64_t below = open ? FX_INCIDENT_CLOSED : INT32_MAX;

    return store_list(store, sc, STMT_INCIDENT_LIST,
                      ST_VALUES(st_text(system), st_int(below), st_int(store_max_rows(max))),
                      read_incident, ret_incidents, ret_count, err);
}

void store_incidents_bind(struct fx_store *store) {
    store->incident = get_incident;
    store->incident_by_key = incident_by_key;
    store->incidents = list_incidents;
}
