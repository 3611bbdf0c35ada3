/* writes.c - collects rows that belong together, and applies them in one transaction. */
#include "private.h"

#include "fluxabot/base/redact.h"

#include <string.h>

/* ---- collecting ---- */

/* A list with room for one more. Made anew each time: the caller may have built the old one. */
static void *grown(struct fx_scope *sc, const void *list, size_t count) {
    void **larger = fx_alloc(sc, (count + 1) * sizeof(void *));

    if (count > 0)
        memcpy(larger, list, count * sizeof(void *));
    return larger;
}

#define COPY_INTO(sc, list, count, item)                                                           \
    do {                                                                                           \
        __typeof__(*(item)) *copy_ = fx_alloc((sc), sizeof(*(item)));                              \
        *copy_ = *(item);                                                                          \
        (list) = grown((sc), (list), (count));                                                     \
        (list)[(count)++] = copy_;                                                                 \
    } while (0)

void fx_writes_run(struct fx_scope *sc, struct fx_writes *w, const struct fx_run *run) {
    struct fx_run item = *run;
    COPY_INTO(sc, w->runs, w->runs_count, &item);
}

void fx_writes_approval(struct fx_scope *sc, struct fx_writes *w,
                        const struct fx_approval *approval) {
    struct fx_approval item = *approval;
    COPY_INTO(sc, w->approvals, w->approvals_count, &item);
}

void fx_writes_incident(struct fx_scope *sc, struct fx_writes *w,
                        const struct fx_incident *incident) {
    struct fx_incident item = *incident;
    COPY_INTO(sc, w->incidents, w->incidents_count, &item);
}

void fx_writes_message(struct fx_scope *sc, struct fx_writes *w, const struct fx_message *message) {
    struct fx_message item = *message;
    COPY_INTO(sc, w->messages, w->messages_count, &item);
}

void fx_writes_job(struct fx_scope *sc, struct fx_writes *w, const char *kind, const char *subject,
                   int64_t due_ms) {
    fx_writes_job_of_rank(sc, w, FX_RANK_MACHINE, kind, subject, due_ms);
}

void fx_writes_job_of_rank(struct fx_scope *sc, struct fx_writes *w, enum fx_rank rank,
                           const char *kind, const char *subject, int64_t due_ms) {
    struct fx_job item = {.kind = kind, .subject = subject, .rank = rank, .due_ms = due_ms};
    COPY_INTO(sc, w->jobs, w->jobs_count, &item);
}

void fx_writes_audit(struct fx_scope *sc, struct fx_writes *w, const char *actor,
                     const char *action, const char *subject, const struct fx_json *detail) {
    const struct fx_json *redacted =
        detail != NULL ? fx_redact_json(sc, detail) : fx_json_object(sc);
    struct fx_audit item = {
        .actor = actor,
        .action = action,
        .subject = subject,
        .detail_json = fx_json_dump_canonical(sc, redacted),
        .is_redacted = true,
    };
    COPY_INTO(sc, w->audits, w->audits_count, &item);
}

void fx_writes_setting(struct fx_scope *sc, struct fx_writes *w, const char *name,
                       const char *value) {
    fx_writes_setting_if(sc, w, name, value, NULL);
}

void fx_writes_setting_if(struct fx_scope *sc, struct fx_writes *w, const char *name,
                          const char *value, const char *expected) {
    struct fx_setting item = {name, value, expected};
    COPY_INTO(sc, w->settings, w->settings_count, &item);
}

void fx_writes_storm_member(struct fx_scope *sc, struct fx_writes *w,
                            const struct fx_storm_member *member) {
    struct fx_storm_member item = *member;
    COPY_INTO(sc, w->storm_members, w->storm_members_count, &item);
}

void fx_writes_storm_told(struct fx_scope *sc, struct fx_writes *w, const struct fx_storm *storm,
                          int64_t before_ms) {
    struct fx_storm_told item = {*storm, before_ms};
    COPY_INTO(sc, w->storms_told, w->storms_told_count, &item);
}

/* ---- before the lock ---- */

/* Redacted value by value where it is JSON: a pattern that eats a quote would break the text. */
static const char *detail_of(struct fx_scope *sc, const struct fx_audit *audit) {
    const char *detail = audit->detail_json;
    struct fx_error ignored;
    struct fx_json *json = NULL;

    if (audit->is_redacted)
        return detail;
    if (detail == NULL || detail[0] == '\0')
        return "{}";
    if (fx_json_parse(sc, fx_slice_of(detail), &json, &ignored) != FX_OK)
        return fx_json_dump_canonical(sc, fx_json_string(sc, fx_redact(sc, detail)));
    return fx_json_dump_canonical(sc, fx_redact_json(sc, json));
}

struct store_batch store_batch_of(struct store_db *db, struct fx_scope *sc,
                                  const struct fx_writes *writes) {
    struct store_batch batch = {.writes = writes, .now_ms = fx_wall_ms(db->clock)};

    if (writes == NULL)
        batch.writes = FX_NEW(sc, struct fx_writes);
    batch.details = fx_alloc(sc, (batch.writes->audits_count + 1) * sizeof(char *));
    for (size_t i = 0; i < batch.writes->audits_count; i++)
        batch.details[i] = detail_of(sc, batch.writes->audits[i]);
    return batch;
}

const char *store_error_text(struct fx_scope *sc, const char *error) {
    struct fx_slice text = fx_slice_of(error != NULL ? fx_redact(sc, error) : "");

    return fx_slice_dup(
        sc, fx_slice_cut(text, 0, fx_slice_utf8_prefix(text, STORE_ERROR_MAX_CODE_POINTS)));
}

/* ---- inside the transaction ---- */

static enum fx_code apply_records(struct store_link *link, const struct fx_writes *w,
                                  struct fx_error *err) {
    /* a run before the approvals that refer to it */
    for (size_t i = 0; i < w->runs_count; i++)
        FX_TRY(store_run_put(link, w->runs[i], err));
    for (size_t i = 0; i < w->approvals_count; i++)
        FX_TRY(store_approval_add(link, w->approvals[i], err));
    for (size_t i = 0; i < w->incidents_count; i++)
        FX_TRY(store_incident_put(link, w->incidents[i], err));
    for (size_t i = 0; i < w->settings_count; i++)
        FX_TRY(store_setting_put(link, w->settings[i], err));
    return FX_OK;
}

/* One at most is begun: two would take two lanes, and somebody else the same two the other way
 * round.
 */
static enum fx_code put_message(struct store_link *link, const struct fx_writes *w, size_t i,
                                int64_t now_ms, struct fx_error *err) {
    int64_t seq = 0;

    FX_TRY(store_message_put(link, w->messages[i], &seq, err));
    if (w->ret_begun == NULL || *w->ret_begun != NULL)
        return FX_OK;
    return store_message_begin_at_once(link, seq, now_ms, w->ret_begun, err);
}

/* The order of the kinds of rows is the same in every transaction: where several run at once, two
 * that took them in different orders would wait for each other. */
enum fx_code store_apply(struct store_link *link, const struct store_batch *batch,
                         const struct fx_job *also, struct fx_error *err) {
    const struct fx_writes *w = batch->writes;

    if (w->ret_begun != NULL)
        *w->ret_begun = NULL;
    FX_TRY(apply_records(link, w, err));
    for (size_t i = 0; i < w->storms_told_count; i++)
        FX_TRY(store_storm_put(link, w->storms_told[i], err));
    for (size_t i = 0; i < w->storm_members_count; i++)
        FX_TRY(store_storm_join(link, w->storm_members[i], batch->now_ms, err));
    for (size_t i = 0; i < w->messages_count; i++)
        FX_TRY(put_message(link, w, i, batch->now_ms, err));
    if (also != NULL)
        FX_TRY(store_job_put(link, also, err));
    for (size_t i = 0; i < w->jobs_count; i++)
        FX_TRY(store_job_put(link, w->jobs[i], err));
    for (size_t i = 0; i < w->audits_count; i++)
        FX_TRY(store_audit_add(link, w->audits[i], batch->details[i], batch->now_ms, err));
    return FX_OK;
}
