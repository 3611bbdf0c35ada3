/* audit.c - `fluxabot audit verify`: walks the chain and names the first row that does not fit. */
#include "private.h"

#include <stdio.h>
#include <string.h>

/* True when a row of the chain carries this hash: a head that was kept elsewhere. */
static enum fx_code find_head(struct fx_store *store, struct fx_scope *sc, const char *head,
                              bool *ret_found, struct fx_error *err) {
    enum { PAGE = 500 };
    struct fx_audit **rows = NULL;
    size_t count = 0;
    int64_t next = 1;

    *ret_found = false;
    do {
        FX_TRY(store->audits(store, sc, next, PAGE, &rows, &count, err));
        for (size_t i = 0; i < count; i++) {
            *ret_found |= strcmp(rows[i]->hash, head) == 0;
            next = rows[i]->n + 1;
        }
    } while (count == PAGE && !*ret_found);
    return FX_OK;
}

static int report(struct fx_store *store, struct fx_scope *sc,
                  const struct app_arguments *arguments) {
    int64_t rows = 0, bad = 0;
    const char *head = "";
    bool found = true;
    struct fx_error err = {0};

    if (fx_audit_verify(store, sc, &rows, &bad, &head, &err) != FX_OK ||
        (arguments->head != NULL && find_head(store, sc, arguments->head, &found, &err) != FX_OK)) {
        fprintf(stderr, "%s\n", err.message);
        return EXIT_FINDINGS;
    }
    if (bad != 0) {
        fprintf(stderr, "row %lld does not follow from the rows before it\n", (long long)bad);
        return EXIT_FINDINGS;
    }
    if (!found) {
        fprintf(stderr, "the head %s is not in this chain: rows were cut off or rewritten\n",
                arguments->head);
        return EXIT_FINDINGS;
    }
    printf("%lld rows, whole; head %s\n", (long long)rows, head);
    return EXIT_GOOD;
}

int app_audit_verify(const struct app_arguments *arguments) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct app_findings findings = {.sc = sc};
    struct app_config *config = NULL;
    struct fx_store *store = NULL;
    struct fx_error err = {0};
    enum fx_code code = app_config_load(sc, arguments->config, &config, &findings, &err);

    app_print_findings(&findings);
    if (code == FX_OK)
        code = fx_store_open(sc, config->store_url, fx_clock_system(), fx_random_system(), &store,
                             &err);
    if (code != FX_OK) {
        if (findings.count == 0)
            fprintf(stderr, "%s\n", err.message);
        return EXIT_FINDINGS;
    }
    int result = report(store, sc, arguments);

    store->close(store);
    return result;
}
