/* heap.c - see heap.h.
 *
 * glibc keeps for each thread the pieces that it freed first of each small size, wherever they lie.
 * They count as used, so each holds a page of what is otherwise free, and each large piece of work
 * would leave some more behind, until every size has its fill in every thread. So before the look
 * they are exchanged for others: by then all is merged that was freed, and what is asked for comes
 * out of the smallest gaps, between what is used anyhow.
 */
#include "fluxabot/base/heap.h"

#include <malloc.h>
#include <stddef.h>
#include <stdlib.h>

enum {
    /* glibc's own: sizes of 24, 40, ... 1032 bytes, and how many of each (tcache_count). */
    KEPT_MIN_BYTES = 24,
    KEPT_STEP_BYTES = 16,
    KEPT_SIZES = 64,
    KEPT_OF_EACH = 7,
};

/* Frees what the thread keeps of one size, and leaves it with as much from elsewhere. */
static void exchange(size_t bytes) {
    /* volatile: a compiler may leave out what is only asked for and freed */
    void *volatile kept[KEPT_OF_EACH], *volatile instead[KEPT_OF_EACH];

    for (int i = 0; i < KEPT_OF_EACH; i++)
        kept[i] = malloc(bytes);
    for (int i = 0; i < KEPT_OF_EACH; i++)
        instead[i] = malloc(bytes);
    for (int i = 0; i < KEPT_OF_EACH; i++)
        free(instead[i]); /* it has room for these */
    for (int i = 0; i < KEPT_OF_EACH; i++)
        free(kept[i]); /* and not for those */
}

void fx_heap_trim(void) {
    for (size_t i = 0; i < KEPT_SIZES; i++)
        exchange(KEPT_MIN_BYTES + i * KEPT_STEP_BYTES);
    (void)malloc_trim(0);
}
