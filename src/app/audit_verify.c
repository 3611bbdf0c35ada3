/* audit_verify.c - `fluxabot audit verify`: walks the chain, holds every anchor against it, and
 * names the first row and the first anchor that do not fit.
 *
 * An anchor with a reason is a new beginning: what was wrong before it is told, but no finding any
 * more, because an operator has said why.
 */
#include "private.h"

#include "fluxabot/base/digest.h"

#include <stdio.h>
#include <string.h>

enum { PAGE_ROWS = 500 };

struct verify {
    struct app_log log;
    const struct app_arguments *arguments;
    struct fx_sign_key **keys;
    size_t keys_count;
    const char *path; /* of the anchors */
    struct fx_engine_anchored remembered;
    int64_t anchors;
    int64_t newest_n, newest_ms;
    char first[FX_SHA256_HEX + 1]; /* digests of the first genuine anchor and of the last; "" */
    char last[FX_SHA256_HEX + 1];
    bool remembered_is_there;
    struct fx_anchor *accepted; /* the last anchor with a reason; NULL */
    const char *finding;        /* the first one about anchors, since accepted */
    int64_t accepted_findings;
};

/* ---- keys ---- */

static enum fx_code load_public_keys(struct verify *v, struct fx_error *err) {
    const char *text = app_read_file(v->log.sc, v->arguments->public_key, err);

    if (text == NULL)
        return err->code;
    return fx_sign_keys_public(v->log.sc, fx_slice_of(text), &v->keys, &v->keys_count, err);
}

/* Without any there may still be nothing to check. */
static enum fx_code load_keys(struct verify *v, struct fx_error *err) {
    struct fx_sign_key *own = NULL;

    if (v->arguments->public_key != NULL)
        return load_public_keys(v, err);
    enum fx_code code = app_audit_key(v->log.sc, v->log.config, false, &own, NULL, err);

    if (code == FX_ERR_NOT_FOUND && !v->log.config->audit_key_is_given)
        return FX_OK;
    FX_TRY(code);
    v->keys = fx_alloc(v->log.sc, sizeof *v->keys);
    v->keys[v->keys_count++] = own;
    return FX_OK;
}

static const struct fx_sign_key *key_of(const struct verify *v, const struct fx_anchor *anchor) {
    for (size_t i = 0; i < v->keys_count; i++)
        if (strcmp(fx_sign_key_id(v->keys[i]), anchor->key) == 0)
            return v->keys[i];
    return NULL;
}

/* ---- anchors ---- */

/* Only the first is told; the others follow from it, or come to light when it is mended. */
static void find(struct verify *v, const char *fmt, ...) FX_PRINTF(2, 3);
static void find(struct verify *v, const char *fmt, ...) {
    va_list args;

    va_start(args, fmt);
    if (v->finding == NULL)
        v->finding = fx_vprintf(v->log.sc, fmt, args);
    va_end(args);
}

/* What an operator has explained is a finding no more. */
static void accept(struct verify *v, const struct fx_anchor *anchor) {
    v->accepted_findings += v->finding != NULL;
    v->finding = NULL;
    v->accepted = FX_NEW(v->log.sc, struct fx_anchor);
    *v->accepted = (struct fx_anchor){.n = anchor->n,
                                      .time_ms = anchor->time_ms,
                                      .hash = fx_strdup(v->log.sc, anchor->hash),
                                      .reason = fx_strdup(v->log.sc, anchor->reason)};
}

static bool is_genuine(struct verify *v, struct fx_scope *sc, const struct fx_anchor *anchor,
                       int64_t line) {
    const struct fx_sign_key *key = key_of(v, anchor);

    if (key == NULL)
        find(
            v,
            "line %lld of %s was signed by key %s, which was not given: put the public keys of all "
            "times into one file for --public-key",
            (long long)line, v->path, anchor->key);
    else if (!fx_anchor_is_signed_by(sc, anchor, key))
        find(v,
             "line %lld of %s does not carry the signature of key %s: it was changed after it was "
             "written, or somebody else wrote it",
             (long long)line, v->path, anchor->key);
    else
        return true;
    return false;
}

/* Only the bot's own file must be complete: a later anchor vouches for all that earlier ones did,
 * so a copy may begin anywhere. A log may say a thing twice. */
static void check_chain(struct verify *v, const struct fx_anchor *anchor, int64_t line,
                        bool from_log) {
    bool repeated = from_log && strcmp(v->last, anchor->digest) == 0;

    if (v->last[0] == '\0' && v->arguments->anchors == NULL &&
        strcmp(anchor->previous, fx_anchor_first) != 0)
        find(v, "line %lld of %s does not begin it: anchors before it were removed",
             (long long)line, v->path);
    if (v->last[0] != '\0' && !repeated && strcmp(anchor->previous, v->last) != 0)
        find(v,
             "line %lld of %s does not follow from the anchor before it: lines between them were "
             "removed, or their order was changed",
             (long long)line, v->path);
}

static enum fx_code check_row(struct verify *v, struct fx_scope *sc, const struct fx_anchor *anchor,
                              int64_t line, struct fx_error *err) {
    struct fx_store *store = v->log.store;
    enum fx_anchor_fit fit = FX_ANCHOR_FITS;
    struct fx_audit *head = NULL;

    FX_TRY(fx_anchor_compare(store, sc, anchor, &fit, err));
    FX_TRY(store->audit_head(store, sc, &head, err));
    if (fit != FX_ANCHOR_FITS)
        find(v, "%s (line %lld of %s)",
             fx_anchor_explain(sc, anchor, fit, head == NULL ? 0 : head->n), (long long)line,
             v->path);
    return FX_OK;
}

static enum fx_code check_anchor(struct verify *v, struct fx_scope *sc,
                                 const struct fx_anchor *anchor, int64_t line, bool from_log,
                                 struct fx_error *err) {
    v->anchors++;
    if (!is_genuine(v, sc, anchor, line))
        return FX_OK;
    check_chain(v, anchor, line, from_log);
    memcpy(v->last, anchor->digest, sizeof v->last);
    if (v->first[0] == '\0')
        memcpy(v->first, v->last, sizeof v->first);
    v->remembered_is_there |= strcmp(anchor->digest, v->remembered.digest) == 0;
    if (anchor->reason[0] != '\0')
        accept(v, anchor);
    v->newest_n = anchor->n;
    v->newest_ms = anchor->time_ms;
    return check_row(v, sc, anchor, line, err);
}

/* Only the file that the bot itself writes must be complete; a copy elsewhere may be older. */
static void check_end(struct verify *v) {
    bool own = v->arguments->anchors == NULL;

    if (!own && v->anchors == 0)
        find(v, "%s holds no anchor", v->path);
    if (!own || v->remembered.n == 0)
        return;
    if (v->anchors == 0)
        find(v,
             "%s holds no anchor, but the store remembers one for row %lld: it was removed, or "
             "audit.anchor.file names another one",
             v->path, (long long)v->remembered.n);
    else if (strcmp(v->first, v->remembered.chain) == 0 && !v->remembered_is_there)
        find(v,
             "anchors were cut off at the end of %s: the store remembers one for row %lld that is "
             "not there",
             v->path, (long long)v->remembered.n);
}

static enum fx_code check_lines(struct verify *v, struct fx_anchor_lines *lines,
                                struct fx_error *err) {
    for (;;) {
        FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(v->log.sc);
        struct fx_anchor *anchor = NULL;
        enum fx_code code = fx_anchor_lines_next(lines, sc, &anchor, err);

        if (code == FX_ERR_INPUT) {
            find(v, "line %lld of %s is no anchor: it was changed after it was written",
                 (long long)fx_anchor_lines_number(lines), v->path);
            continue;
        }
        FX_TRY(code);
        if (anchor == NULL)
            return FX_OK;
        FX_TRY(check_anchor(v, sc, anchor, fx_anchor_lines_number(lines),
                            fx_anchor_lines_from_log(lines), err));
    }
}

static enum fx_code check_anchors(struct verify *v, struct fx_error *err) {
    struct fx_anchor_lines *lines = NULL;

    v->path = v->arguments->anchors != NULL ? v->arguments->anchors : v->log.config->anchor_file;
    if (v->path == NULL)
        return FX_OK;
    enum fx_code code = fx_anchor_lines_open(v->log.sc, v->path, &lines, err);

    if (code == FX_OK)
        code = check_lines(v, lines, err);
    else if (code == FX_ERR_NOT_FOUND && v->arguments->anchors == NULL)
        code = FX_OK; /* none was made yet, or check_end knows better */
    FX_TRY(code);
    check_end(v);
    return FX_OK;
}

/* ---- rows ---- */

/* True when a row of the chain carries this hash: a head that was kept elsewhere. */
static enum fx_code find_head(struct verify *v, const char *head, bool *ret_found,
                              struct fx_error *err) {
    size_t count = PAGE_ROWS;
    int64_t next = 1;

    *ret_found = false;
    while (count == PAGE_ROWS && !*ret_found) {
        FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(v->log.sc);
        struct fx_audit **rows = NULL;

        FX_TRY(v->log.store->audits(v->log.store, sc, next, PAGE_ROWS, &rows, &count, err));
        for (size_t i = 0; i < count; i++) {
            *ret_found |= strcmp(rows[i]->hash, head) == 0;
            next = rows[i]->n + 1;
        }
    }
    return FX_OK;
}

/* Walks on from a row whose hash is known otherwise. *ret_bad_n is 0 when all follow. */
static enum fx_code walk_from(struct verify *v, const struct fx_anchor *known, int64_t *ret_rows,
                              int64_t *ret_bad_n, const char **ret_head, struct fx_error *err) {
    char *head = fx_strdup(v->log.sc, known->hash);
    size_t count = PAGE_ROWS;

    *ret_rows = known->n;
    *ret_head = head;
    *ret_bad_n = 0;
    while (count == PAGE_ROWS) {
        FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(v->log.sc);
        struct fx_audit **rows = NULL;

        FX_TRY(
            v->log.store->audits(v->log.store, sc, *ret_rows + 1, PAGE_ROWS, &rows, &count, err));
        for (size_t i = 0; i < count; i++) {
            if (rows[i]->n != *ret_rows + 1 || strcmp(rows[i]->previous_hash, head) != 0 ||
                strcmp(rows[i]->hash, fx_audit_hash(sc, rows[i])) != 0) {
                *ret_bad_n = rows[i]->n;
                return FX_OK;
            }
            *ret_rows = rows[i]->n;
            memcpy(head, rows[i]->hash, FX_SHA256_HEX); /* its length is checked: it equals ours */
        }
    }
    return FX_OK;
}

static enum fx_code check_rows(struct verify *v, int64_t *ret_rows, int64_t *ret_bad_n,
                               const char **ret_head, struct fx_error *err) {
    FX_TRY(fx_audit_verify(v->log.store, v->log.sc, ret_rows, ret_bad_n, ret_head, err));
    if (*ret_bad_n == 0 || v->accepted == NULL || *ret_bad_n > v->accepted->n)
        return FX_OK;
    v->accepted_findings++;
    return walk_from(v, v->accepted, ret_rows, ret_bad_n, ret_head, err);
}

/* ---- saying it ---- */

static const char advice[] =
    "Keep a copy of the database and of the anchors, and compare them with the last backup. When "
    "it is known what happened, `fluxabot audit accept --reason TEXT` lets the log go on from "
    "here.";

static void print_good(const struct verify *v, int64_t rows, const char *head) {
    if (v->accepted != NULL && v->accepted_findings > 0)
        printf("what does not fit before row %lld was accepted on %s: %s\n",
               (long long)v->accepted->n, fx_time_iso(v->log.sc, v->accepted->time_ms),
               v->accepted->reason);
    printf("%lld rows, whole; head %s\n", (long long)rows, head);
    if (v->anchors == 0)
        printf("no anchor yet: nothing outside the database vouches for these rows\n");
    else
        printf("%lld %s; the newest, of %s, vouches for every row up to %lld\n",
               (long long)v->anchors, v->anchors == 1 ? "anchor fits" : "anchors fit",
               fx_time_iso(v->log.sc, v->newest_ms), (long long)v->newest_n);
}

static enum fx_code report(struct verify *v, int *ret_exit, struct fx_error *err) {
    const char *head = "", *wanted = v->arguments->head;
    int64_t rows = 0, bad = 0;
    bool found = true;

    FX_TRY(check_rows(v, &rows, &bad, &head, err));
    if (wanted != NULL)
        FX_TRY(find_head(v, wanted, &found, err));
    if (bad != 0)
        fprintf(stderr,
                "row %lld does not follow from the rows before it: it, or a row beside it, was "
                "changed, removed or put in after it was written\n",
                (long long)bad);
    if (v->finding != NULL)
        fprintf(stderr, "%s\n", v->finding);
    if (!found)
        fprintf(stderr, "the head %s is not in this chain: rows were cut off or rewritten\n",
                wanted);
    *ret_exit = bad != 0 || v->finding != NULL || !found ? EXIT_FINDINGS : EXIT_GOOD;
    if (*ret_exit == EXIT_GOOD)
        print_good(v, rows, head);
    else
        fprintf(stderr, "%s\n", advice);
    return FX_OK;
}

int app_audit_verify(const struct app_arguments *arguments) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct verify v = {.arguments = arguments};
    struct fx_error err = {0};
    int result = EXIT_FINDINGS;

    if (!app_log_open(sc, arguments->config, &v.log))
        return EXIT_FINDINGS;
    if (load_keys(&v, &err) != FX_OK) {
        fprintf(stderr, "%s%s\n", err.message,
                arguments->public_key == NULL
                    ? "; the public key alone is enough: --public-key FILE"
                    : "");
        return EXIT_USE;
    }
    /* what is remembered now is in the file already: the bot writes there first */
    enum fx_code code = fx_engine_anchored(v.log.store, sc, &v.remembered, &err);

    if (code == FX_OK)
        code = check_anchors(&v, &err);
    if (code == FX_OK)
        code = report(&v, &result, &err);
    if (code == FX_OK)
        return result;
    fprintf(stderr, "%s\n", err.message);
    return code == FX_ERR_NOT_FOUND ? EXIT_USE : EXIT_FINDINGS;
}
