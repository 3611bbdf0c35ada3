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
