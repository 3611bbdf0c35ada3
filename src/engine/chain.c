/* chain.c - a start looks whether the newest rows of the audit log still follow from each other.
 *
 * The store has checked its pages, but no page knows whether a text in it is the one that was
 * written. These rows do, and what changed them may have changed others. So changes are frozen
 * until a person has looked. A row that was told once is not told again: what comes behind it is.
 */
#include "anchors.h"

#include "fluxabot/base/log.h"

#include <stdlib.h>
#include <string.h>

enum { PAGE_ROWS = 500 };

static const char setting[] = "audit.broken_row"; /* the last one that was told */

struct walk {
    int64_t next_n;
    const char *hash; /* of the row before it */
    bool more;
};

static bool follows(struct fx_scope *sc, const struct walk *walk, const struct fx_audit *row) {
    return row->n == walk->next_n && strcmp(row->previous_hash, walk->hash) == 0 &&
           strcmp(row->hash, fx_audit_hash(sc, row)) == 0;
}

/* Where to begin, and what stands before. */
static enum fx_code begin(struct engine_work *work, struct walk *ret_walk, struct fx_error *err) {
    struct fx_store *store = work->engine->options.store;
    struct fx_audit *head = NULL, **before = NULL;
    const char *told = "";
    size_t count = 0;

    FX_TRY(store->audit_head(store, work->sc, &head, err));
    FX_TRY(store->setting(store, work->sc, setting, &told, err));
    int64_t first = head == NULL ? 1 : head->n - FX_ENGINE_CHAIN_ROWS + 1;
    int64_t after_told = strtoll(told, NULL, 10) + 1;

    first = first > after_told ? first : after_told;
    *ret_walk = (struct walk){first > 1 ? first : 1, fx_anchor_first, head != NULL};
    if (first <= 1 || head == NULL)
        return FX_OK;
    FX_TRY(store->audits(store, work->sc, first - 1, 1, &before, &count, err));
    if (count > 0)
        ret_walk->hash = before[0]->hash;
    return FX_OK;
}

static enum fx_code look_at_page(struct engine_work *work, struct walk *walk, int64_t *ret_bad_n,
                                 struct fx_error *err) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *page = fx_scope_new(work->sc);
    struct fx_store *store = work->engine->options.store;
    struct fx_audit **rows = NULL;
    size_t count = 0;

    FX_TRY(store->audits(store, page, walk->next_n, PAGE_ROWS, &rows, &count, err));
    walk->more = count > 0;
    for (size_t i = 0; i < count && *ret_bad_n == 0; i++) {
        if (!follows(page, walk, rows[i]))
            *ret_bad_n = walk->next_n;
        walk->next_n = rows[i]->n + 1;
        walk->hash = i + 1 < count ? rows[i]->hash : fx_strdup(work->sc, rows[i]->hash);
    }
    return FX_OK;
}

static enum fx_code freeze(struct engine_work *work, int64_t bad_n, struct fx_error *err) {
    struct fx_scope *sc = work->sc;
    const char *reason =
        fx_printf(sc,
                  "row %lld of the audit log does not follow from the one before it: "
                  "somebody, or a failing disk, has changed the database",
                  (long long)bad_n);

    fx_log(sc, FX_LOG_ERROR, "audit.frozen", FX_S("reason", reason));
    engine_freeze_begin(work, ENGINE_FREEZE_BY_AUDIT, reason);
    fx_writes_setting(sc, &work->writes, setting, fx_printf(sc, "%lld", (long long)bad_n));
    FX_TRY(engine_show_requests(work, err));
    return engine_anchor_tell_frozen(work, reason, err);
}

enum fx_code engine_chain_start(struct fx_engine *engine, struct fx_error *err) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(engine->scope);
    struct fx_store *store = engine->options.store;
    struct engine_work work = {
        .engine = engine, .sc = sc, .now_ms = fx_wall_ms(engine->options.clock)};
    struct walk walk;
    int64_t bad_n = 0;

    FX_TRY(begin(&work, &walk, err));
    while (walk.more && bad_n == 0)
        FX_TRY(look_at_page(&work, &walk, &bad_n, err));
    if (bad_n == 0)
        return FX_OK;
    FX_TRY(freeze(&work, bad_n, err));
    return store->write(store, sc, NULL, &work.writes, err);
}
