/* fault_driver.c - see fault_driver.h. */
#include "support/fault_driver.h"

#include "private.h"

#include <stdatomic.h>

static struct store_driver faulty;
static const struct store_driver *real;
static int64_t fails_at;
static atomic_int_least64_t fired;

/* Of the unit that this thread has in hand. */
static _Thread_local struct unit {
    int64_t statements;
    bool again, failed; /* it is tried again; its n-th statement has failed */
} unit;

static enum fx_code begin(struct store_db *db, enum store_mode mode, int64_t deadline_ms,
                          struct store_link **ret_link, struct fx_error *err) {
    unit = (struct unit){.again = unit.again};
    return real->begin(db, mode, deadline_ms, ret_link, err);
}

static enum fx_code end(struct store_link *link, enum fx_code code, bool *ret_again,
                        struct fx_error *err) {
    bool failed = unit.failed && code != FX_OK;
    enum fx_code ended = real->end(link, code, ret_again, err);

    *ret_again = *ret_again || failed;
    unit = (struct unit){.again = failed};
    return ended;
}

/* Those that begin and end a unit are the driver's own affair. */
static enum fx_code count(enum store_statement which, struct fx_error *err) {
    if (which <= STMT_SAVE_UNDO || unit.again || ++unit.statements != fails_at)
        return FX_OK;
    unit.failed = true;
    atomic_fetch_add(&fired, 1);
    return fx_fail(err, FX_ERR_UNAVAILABLE, "statement %lld fails", (long long)fails_at);
}

static enum fx_code query(struct store_link *link, enum store_statement which,
                          const struct store_value *values, size_t values_count,
                          struct store_rows *ret_rows, struct fx_error *err) {
    ret_rows->open = false; /* nothing is to be ended when it fails here */
    FX_TRY(count(which, err));
    ret_rows->open = true;
    return real->query(link, which, values, values_count, ret_rows, err);
}

static enum fx_code query_each(struct store_link *link, enum store_statement which,
                               const struct store_value *values, size_t values_count, size_t sets,
                               int64_t *ret_numbers, struct fx_error *err) {
    FX_TRY(count(which, err));
    return real->query_each(link, which, values, values_count, sets, ret_numbers, err);
}

static enum fx_code query_arrays(struct store_link *link, enum store_statement which,
                                 const struct store_value *values, size_t values_count, size_t sets,
                                 struct store_rows *ret_rows, struct fx_error *err) {
    ret_rows->open = false;
    FX_TRY(count(which, err));
    ret_rows->open = true;
    return real->query_arrays(link, which, values, values_count, sets, ret_rows, err);
}

static enum fx_code exec_given(struct store_link *link, enum store_statement which,
                               const struct store_value *values, size_t values_count, size_t sets,
                               struct fx_error *err) {
    FX_TRY(count(which, err));
    return real->exec_given(link, which, values, values_count, sets, err);
}

void fault_driver_lay_under(struct fx_store *store, int64_t n) {
    struct store_db *db = store_of(store);

    real = db->driver;
    fails_at = n;
    faulty = *real;
    faulty.begin = begin;
    faulty.end = end;
    faulty.query = query;
    faulty.query_each = real->query_each == NULL ? NULL : query_each;
    faulty.query_arrays = real->query_arrays == NULL ? NULL : query_arrays;
    faulty.exec_given = real->exec_given == NULL ? NULL : exec_given;
    faulty.tries = real->tries + 1;
    db->driver = &faulty;
}

int64_t fault_driver_take_fired(void) {
    return atomic_exchange(&fired, 0);
}
