/* audit.c - the chain of rows that says who did what, and the walk that finds a changed one. */
#include "private.h"

#include "fluxabot/base/digest.h"

#include <string.h>

enum { VERIFY_ROWS = 500 };

/* The first row follows this. */
static const char genesis[] = "0000000000000000000000000000000000000000000000000000000000000000";

char *fx_audit_hash(struct fx_scope *sc, const struct fx_audit *audit) {
    struct fx_json *row = fx_json_object_of(
        sc, "n", fx_json_int(sc, audit->n), "at_ms", fx_json_int(sc, audit->at_ms), "actor",
        fx_json_string(sc, audit->actor), "action", fx_json_string(sc, audit->action), "subject",
        fx_json_string(sc, audit->subject), "detail", fx_json_string(sc, audit->detail_json),
        "previous", fx_json_string(sc, audit->previous_hash), NULL);

    return fx_sha256_hex(sc, fx_slice_of(fx_json_dump_canonical(sc, row)));
}

static void *read_audit(struct fx_scope *sc, const struct store_rows *rows) {
    struct fx_audit *audit = FX_NEW(sc, struct fx_audit);

    *audit = (struct fx_audit){
        .n = store_int(rows, 0),
        .at_ms = store_int(rows, 1),
        .actor = store_text(rows, 2),
        .action = store_text(rows, 3),
        .subject = store_text(rows, 4),
        .detail_json = store_text(rows, 5),
        .previous_hash = store_text(rows, 6),
        .hash = store_text(rows, 7),
    };
    return audit;
}

/* Well-formed UTF-8, so that what is hashed is what is stored. */
static const char *clean(struct fx_scope *sc, const char *text) {
    return fx_json_text(fx_json_string(sc, text != NULL ? text : ""));
}

/* Two rows must not follow the same one, so the end of the chain belongs to one transaction at a
 * time. It is the last thing that a transaction takes. */
enum fx_code store_audit_add(struct store_link *link, const struct fx_audit *audit,
                             const char *detail, int64_t now_ms, struct fx_error *err) {
    struct fx_scope *sc = link->sc;
    struct fx_audit *last = NULL;

    FX_TRY(store_lock_name(link, STORE_LOCK_AUDIT, "", "", err));
    FX_TRY(store_read_one(link, STMT_AUDIT_LAST, NULL, 0, read_audit, &last, err));
    struct fx_audit row = {
        .n = last != NULL ? last->n + 1 : 1,
        .at_ms = now_ms,
        .actor = clean(sc, audit->actor),
        .action = clean(sc, audit->action),
        .subject = clean(sc, audit->subject),
        .detail_json = detail,
        .previous_hash = last != NULL ? last->hash : genesis,
    };
    row.hash = fx_audit_hash(sc, &row);
    return store_exec(link, STMT_AUDIT_ADD,
                      ST_VALUES(st_int(row.n), st_int(row.at_ms), st_text(row.actor),
                                st_text(row.action), st_text(row.subject), st_text(row.detail_json),
                                st_text(row.previous_hash), st_text(row.hash)),
                      err);
}

/* ---- reading ---- */

static enum fx_code list_audits(struct fx_store *store, struct fx_scope *sc, int64_t from_n,
                                size_t max, struct fx_audit ***ret_audits, size_t *ret_count,
                                struct fx_error *err) {
    return store_list(store, sc, STMT_AUDIT_LIST,
                      ST_VALUES(st_int(from_n), st_int(store_max_rows(max))), read_audit,
                      ret_audits, ret_count, err);
}

static enum fx_code list_audits_of(struct fx_store *store, struct fx_scope *sc, const char *subject,
                                   size_t max, struct fx_audit ***ret_audits, size_t *ret_count,
                                   struct fx_error *err) {
    return store_list(store, sc, STMT_AUDIT_OF,
                      ST_VALUES(st_text(subject), st_int(store_max_rows(max))), read_audit,
                      ret_audits, ret_count, err);
}

static enum fx_code head_in(struct store_link *link, void *what, struct fx_error *err) {
    return store_read_one(link, STMT_AUDIT_LAST, NULL, 0, read_audit, what, err);
}

/* It is signed and kept elsewhere: an anchor of a row that a power cut takes back would be taken
 * for proof that somebody removed it. */
static enum fx_code audit_head(struct fx_store *store, struct fx_scope *sc,
                               struct fx_audit **ret_audit, struct fx_error *err) {
    return store_read_kept(store, sc, head_in, ret_audit, err);
}

void store_audit_bind(struct fx_store *store) {
    store->audits = list_audits;
    store->audits_of = list_audits_of;
    store->audit_head = audit_head;
}

/* ---- verifying ---- */

/* How far the walk has come. */
struct walk {
    int64_t rows;
    int64_t bad_n;
    char head[FX_SHA256_HEX + 1];
};

static bool follows(struct fx_scope *sc, const struct walk *walk, const struct fx_audit *row) {
    return row->n == walk->rows + 1 && strcmp(row->previous_hash, walk->head) == 0 &&
           strcmp(row->hash, fx_audit_hash(sc, row)) == 0;
}

static enum fx_code walk_page(struct fx_store *store, struct fx_scope *sc, struct walk *walk,
                              bool *ret_more, struct fx_error *err) {
    struct fx_audit **rows = NULL;
    size_t count = 0;

    /* from the first n on, wherever that is: a row before 1 would be foreign too */
    FX_TRY(store->audits(store, sc, walk->rows == 0 ? INT64_MIN : walk->rows + 1, VERIFY_ROWS,
                         &rows, &count, err));
    for (size_t i = 0; i < count; i++) {
        if (!follows(sc, walk, rows[i])) {
            /* a row slipped in before the first leaves 1 without what it follows from */
            walk->bad_n = rows[i]->n > 0 ? rows[i]->n : 1;
            break;
        }
        walk->rows++;
        memcpy(walk->head, rows[i]->hash,
               sizeof(walk->head)); /* its length is checked: it equals ours */
    }
    *ret_more = count > 0 && walk->bad_n == 0;
    return FX_OK;
}

enum fx_code fx_audit_verify(struct fx_store *store, struct fx_scope *sc, int64_t *ret_rows,
                             int64_t *ret_bad_n, const char **ret_head, struct fx_error *err) {
    struct walk walk = {0};
    bool more = true;

    memcpy(walk.head, genesis, sizeof(genesis));
    while (more) {
        FX_CLEANUP(fx_scope_free_p) struct fx_scope *page = fx_scope_new(sc);
        FX_TRY(walk_page(store, page, &walk, &more, err));
    }
    *ret_rows = walk.rows;
    *ret_bad_n = walk.bad_n;
    *ret_head = fx_strdup(sc, walk.head);
    return FX_OK;
}
