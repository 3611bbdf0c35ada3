/* distance.c - how far two words are apart, to guess what was meant. */
#include "private.h"

#include <string.h>

enum { MAX_COMPARED = 64 }; /* bytes of a word; what is longer is not a misspelling */

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

size_t runbook_distance(struct fx_slice a, struct fx_slice b) {
    size_t rows[3][MAX_COMPARED + 1];
    size_t *before = rows[0], *last = rows[1], *row = rows[2];

    a = fx_slice_cut(a, 0, MAX_COMPARED);
    b = fx_slice_cut(b, 0, MAX_COMPARED);
    for (size_t j = 0; j <= b.len; j++)
        last[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            bool same = lower(a.ptr[i - 1]) == lower(b.ptr[j - 1]);

            row[j] = least(least(row[j - 1], last[j]) + 1, last[j - 1] + !same);
            if (i > 1 && j > 1 && lower(a.ptr[i - 1]) == lower(b.ptr[j - 2]) &&
                lower(a.ptr[i - 2]) == lower(b.ptr[j - 1]))
                row[j] = least(row[j], before[j - 2] + 1);
        }
        size_t *free_row = before;

        before = last;
        last = row;
        row = free_row;
    }
    return last[b.len];
}

const char *runbook_nearest(const char *given, const char *const *names, size_t count) {
    size_t limit = strlen(given) / 3 + 1, best = limit + 1;
    const char *nearest = NULL;

    for (size_t i = 0; i < count; i++) {
        size_t distance = runbook_distance(fx_slice_of(given), fx_slice_of(names[i]));
        if (distance < best) {
            best = distance;
            nearest = names[i];
        }
    }
    return nearest;
}
