/* store_postgres_test.c - the store's contract, kept by a real PostgreSQL, also when it loses its
 * connection at any request.
 */
#include "contract/store_contract.h"

#include "support/postgres.h"
#include "support/postgres_proxy.h"

#include <stdlib.h>
#include <string.h>

struct postgres_backend {
    struct contract_backend backend;
    struct test_postgres postgres;
    struct postgres_proxy *proxy; /* NULL: none between */
};

static struct postgres_backend *backend_of(struct contract_backend *backend) {
    return FX_CONTAINER_OF(backend, struct postgres_backend, backend);
}

static void reset(struct contract_backend *backend) {
    test_postgres_empty(&backend_of(backend)->postgres);
}

static enum fx_code open_store(struct contract_backend *backend, struct fx_scope *sc,
                               struct fx_clock *clock, struct fx_random *random,
                               struct fx_store **ret_store, struct fx_error *err) {
    struct postgres_backend *self = backend_of(backend);
    const char *url = self->proxy != NULL ? postgres_proxy_url(self->proxy) : self->postgres.url;

    return fx_store_open(sc, url, clock, random, ret_store, err);
}

static void arm(struct contract_backend *backend, int64_t n, enum fault_when when) {
    postgres_proxy_arm(backend_of(backend)->proxy, n, when);
}

static bool fired(struct contract_backend *backend) {
    return postgres_proxy_fired(backend_of(backend)->proxy);
}

/* "again [N]": see store_contract_again. */
int main(int argc, char **argv) {
    struct postgres_backend self = {
        .backend =
            {.name = "postgres", .reset = reset, .open = open_store, .arm = arm, .fired = fired},
    };

    test_postgres_make(&self.postgres);
    test_postgres_start(&self.postgres, NULL);
    bool again = argc > 1 && strcmp(argv[1], "again") == 0;
    int failed = again ? store_contract_again(&self.backend, argc > 2 ? atoll(argv[2]) : INT64_MAX)
                       : store_contract_all(&self.backend);

    if (!again) {
        self.proxy = postgres_proxy_start(self.postgres.directory);
        failed += store_contract_wire(&self.backend);
        postgres_proxy_stop(self.proxy);
    }
    test_postgres_remove(&self.postgres);
    return failed;
}
