/* store_sqlite_test.c - the store's contract, kept by SQLite in a fresh directory. */
#include "contract/store_contract.h"

#include "support/test_disk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct sqlite_backend {
    struct contract_backend backend;
    char directory[64];
};

static void sqlite_reset(struct contract_backend *backend) {
    struct sqlite_backend *self = FX_CONTAINER_OF(backend, struct sqlite_backend, backend);
    static const char *const names[] = {"t.db", "t.db-wal", "t.db-shm"};

    for (size_t i = 0; i < FX_COUNT_OF(names); i++) {
        char path[128];
        snprintf(path, sizeof(path), "%s/%s", self->directory, names[i]);
        unlink(path);
    }
}

static enum fx_code sqlite_open(struct contract_backend *backend, struct fx_scope *sc,
                                struct fx_clock *clock, struct fx_random *random,
                                struct fx_store **ret_store, struct fx_error *err) {
    struct sqlite_backend *self = FX_CONTAINER_OF(backend, struct sqlite_backend, backend);

    return fx_store_open(sc, fx_printf(sc, "sqlite://%s/t.db", self->directory), clock, random,
                         ret_store, err);
}

/* "again [N]": see store_contract_again. */
int main(int argc, char **argv) {
    struct sqlite_backend self = {
        .backend = {.name = "sqlite", .reset = sqlite_reset, .open = sqlite_open},
    };

    snprintf(self.directory, sizeof(self.directory), "%s/fluxabot-store-XXXXXX",
             test_disk_directory());
    if (mkdtemp(self.directory) == NULL)
        return 1;
    bool again = argc > 1 && strcmp(argv[1], "again") == 0;
    int failed = again ? store_contract_again(&self.backend, argc > 2 ? atoll(argv[2]) : INT64_MAX)
                       : store_contract_all(&self.backend);
    sqlite_reset(&self.backend);
    rmdir(self.directory);
    return failed;
}
