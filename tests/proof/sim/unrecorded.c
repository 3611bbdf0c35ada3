/* unrecorded.c - two replicas share one open store, which takes the messages of both for its own.
 *
 * A process recovers what it could not record, among the messages that it is sending itself. What
 * the other one is sending by now is not among them.
 */
#include "world.h"

#include "../../../src/store/private.h"

void unrecorded_forget(bool (*is_anothers)(int64_t seq)) {
    struct store_unrecorded *list =
        &FX_CONTAINER_OF(sim->store, struct store_db, store)->unrecorded;
    size_t kept = 0;

    if (list->count > FX_COUNT_OF(list->seqs))
        return;
    for (size_t i = 0; i < list->count; i++)
        if (!is_anothers(list->seqs[i]))
            list->seqs[kept++] = list->seqs[i];
    list->count = kept;
}

/* ---- what nobody sends any more ---- */

enum { SENDING_MAX = 64 };

struct sending {
    int64_t *seqs[SENDING_MAX];
    size_t count;
};

static void *read_seq(struct fx_scope *sc, const struct store_rows *rows) {
    int64_t *seq = FX_NEW(sc, int64_t);

    *seq = store_int(rows, 0);
    return seq;
}

static enum fx_code read_sending(struct store_link *link, void *what, struct fx_error *err) {
    struct sending *sending = what;
    int64_t **seqs = NULL;
    size_t count = 0;

    FX_TRY(store_read_list(link, STMT_MESSAGE_SENDING, NULL, 0, read_seq, &seqs, &count, err));
    for (size_t i = 0; i < count && i < SENDING_MAX; i++)
        sending->seqs[sending->count++] = seqs[i];
    return FX_OK;
}

void unrecorded_rescue(struct fx_scope *sc, void (*rescue)(struct fx_scope *sc, int64_t seq)) {
    struct sending sending = {0};
    struct fx_error ignored;

    (void)!store_read(sim->store, sc, read_sending, &sending, &ignored);
    for (size_t i = 0; i < sending.count; i++)
        rescue(sc, *sending.seqs[i]);
}
