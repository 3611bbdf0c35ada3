/* accept_rows.c - all events of one commit by two statements, where each statement is a journey.
 *
 * First their keys are taken, all at once. An event that got every key it has is new, one that got
 * none is a repetition, and the new ones are added together. An event that got some of its keys is
 * a repetition as well, but it has taken a key that may have made its neighbour look like one: then
 * the whole is to be undone, and the events looked at one after the other. That is rare.
 */
#include "private.h"

#include <stdlib.h>
#include <string.h>

/* A key and who wants it. */
struct wish {
    const char *key;
    size_t event;
};

struct taking {
    const struct store_value *values; /* STORE_EVENT_VALUES of each event */
    struct wish *wishes;
    size_t wish_count;
    int *wanted, *taken; /* keys, by event */
};

static const char *text_of(const struct taking *taking, size_t event, size_t column) {
    return taking->values[event * STORE_EVENT_VALUES + column].text;
}

/* ---- what is wanted ---- */

/* Two equal keys of one event are one. */
static bool is_key(const struct taking *taking, size_t event, size_t column) {
    const char *key = text_of(taking, event, column);

    for (size_t earlier = STORE_EVENT_KEY1; earlier < column; earlier++)
        if (strcmp(text_of(taking, event, earlier), key) == 0)
            return false;
    return key[0] != '\0';
}

/* By key, and for one key by arrival. In one order everywhere: two processes that took the same
 * keys in different orders would wait for each other. */
static int by_key(const void *a, const void *b) {
    const struct wish *left = a;
    const struct wish *right = b;
    int order = strcmp(left->key, right->key);

    return order != 0 ? order : (left->event > right->event) - (left->event < right->event);
}

static void make_wishes(struct fx_scope *sc, struct taking *taking, size_t count) {
    taking->wishes = fx_alloc(sc, count * FX_STORE_EVENT_KEYS * sizeof(struct wish));
    taking->wanted = fx_alloc(sc, count * sizeof(int));
    taking->taken = fx_alloc(sc, count * sizeof(int));
    for (size_t event = 0; event < count; event++) {
        taking->wanted[event] = taking->taken[event] = 0;
        for (size_t column = STORE_EVENT_KEY1; column < STORE_EVENT_COLUMNS; column++) {
            if (!is_key(taking, event, column))
                continue;
            taking->wishes[taking->wish_count++] =
                (struct wish){.key = text_of(taking, event, column), .event = event};
            taking->wanted[event]++;
        }
    }
    qsort(taking->wishes, taking->wish_count, sizeof(struct wish), by_key);
}

/* ---- what was got ---- */

static bool is_text(const struct store_rows *rows, int column, const char *expected) {
    size_t len = 0;
    const char *text = rows->link->db->driver->text(rows, column, &len);

    return fx_slice_equal_text((struct fx_slice){.ptr = text, .len = len}, expected);
}

/* The keys come back in the order in which they were sent. */
static enum fx_code note_taken(struct taking *taking, struct store_rows *rows,
                               struct fx_error *err) {
    size_t i = 0;
    bool row = false;

    for (;;) {
        FX_TRY(store_next(rows, &row, err));
        if (!row)
            return FX_OK;
        while (i < taking->wish_count &&
               !(is_text(rows, 0, taking->wishes[i].key) &&
                 is_text(rows, 1, text_of(taking, taking->wishes[i].event, 0))))
            i++;
        if (i == taking->wish_count) /* a text that the database has in another form */
            return fx_fail(err, FX_ERR_CONFLICT, "the store cannot tell whose key was taken");
        taking->taken[taking->wishes[i++].event]++;
    }
}

static enum fx_code take_keys(struct store_link *link, struct taking *taking,
                              struct fx_error *err) {
    FX_CLEANUP(store_rows_end) struct store_rows rows = {0};
    struct store_value *values =
        fx_alloc(link->sc, 2 * taking->wish_count * sizeof(struct store_value));

    for (size_t i = 0; i < taking->wish_count; i++) {
        values[2 * i] = st_text(taking->wishes[i].key);
        values[2 * i + 1] = st_text(text_of(taking, taking->wishes[i].event, 0));
    }
    FX_TRY(store_query_arrays(link, STMT_EVENTS_KEYS, values, 2, taking->wish_count, &rows, err));
    return note_taken(taking, &rows, err);
}

/* ---- the new ones ---- */

/* An id that is known breaks the index of ids, which is FX_ERR_CONFLICT as well. */
static enum fx_code add_rows(struct store_link *link, const struct store_value *values,
                             size_t count, struct fx_error *err) {
    FX_CLEANUP(store_rows_end) struct store_rows rows = {0};

    return store_query_arrays(link, STMT_EVENTS_ADD, values, STORE_EVENT_VALUES, count, &rows, err);
}

enum fx_code store_add_event_rows(struct store_link *link, const struct store_value *values,
                                  size_t count, int64_t *ret_added, struct fx_error *err) {
    struct taking taking = {.values = values};
    struct store_value *added =
        fx_alloc(link->sc, count * STORE_EVENT_VALUES * sizeof(struct store_value));
    size_t n = 0;

    make_wishes(link->sc, &taking, count);
    if (taking.wish_count > 0)
        FX_TRY(take_keys(link, &taking, err));
    for (size_t event = 0; event < count; event++) {
        ret_added[event] = taking.taken[event] == taking.wanted[event];
        if (!ret_added[event] && taking.taken[event] > 0)
            return fx_fail(err, FX_ERR_CONFLICT, "an event has some keys that are known");
        if (ret_added[event])
            memcpy(&added[STORE_EVENT_VALUES * n++], &values[STORE_EVENT_VALUES * event],
                   STORE_EVENT_VALUES * sizeof(struct store_value));
    }
    return n > 0 ? add_rows(link, added, n, err) : FX_OK;
}
