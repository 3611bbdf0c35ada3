/* fit.c - does the log still hold the row that an anchor vouches for? */
#include "fluxabot/anchor.h"

#include "fluxabot/base/clock.h"

#include <string.h>

enum fx_code fx_anchor_compare(struct fx_store *store, struct fx_scope *sc,
                               const struct fx_anchor *anchor, enum fx_anchor_fit *ret_fit,
                               struct fx_error *err) {
    struct fx_audit **rows = NULL, *head = NULL;
    size_t count = 0;

    FX_TRY(store->audit_head(store, sc, &head, err));
    if (head == NULL || head->n < anchor->n) {
        *ret_fit = FX_ANCHOR_AHEAD;
        return FX_OK;
    }
    FX_TRY(store->audits(store, sc, anchor->n, 1, &rows, &count, err));
    bool same = count == 1 && rows[0]->n == anchor->n && strcmp(rows[0]->hash, anchor->hash) == 0;

    *ret_fit = same ? FX_ANCHOR_FITS : FX_ANCHOR_DIFFERS;
    return FX_OK;
}

char *fx_anchor_explain(struct fx_scope *sc, const struct fx_anchor *anchor, enum fx_anchor_fit fit,
                        int64_t last_n) {
    const char *time = fx_time_iso(sc, anchor->time_ms);

    if (fit == FX_ANCHOR_AHEAD)
        return fx_printf(sc,
                         "the audit log ends at row %lld, but the anchor of %s vouches for row "
                         "%lld: rows were cut off, or an old backup was restored",
                         (long long)last_n, time, (long long)anchor->n);
    if (fit == FX_ANCHOR_DIFFERS)
        return fx_printf(sc,
                         "row %lld of the audit log is not the one that the anchor of %s vouches "
                         "for: the log was written anew, or another database was put in its place",
                         (long long)anchor->n, time);
    return fx_printf(sc, "row %lld is the one that the anchor of %s vouches for",
                     (long long)anchor->n, time);
}
