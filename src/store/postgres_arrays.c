/* postgres_arrays.c - the columns of many rows, each as one array in PostgreSQL's binary form.
 *
 * Binary, because in the written form every text would be quoted here and read again there.
 */
#include "postgres.h"

#include <assert.h>
#include <string.h>

/* Before the elements: dimensions, whether there are NULLs, the elements' type, how many, and the
 * number of the first. Before each element its length. */
enum { HEAD_WORDS = 5, WORD_BYTES = 4, NUMBER_BYTES = 8 };

static char *put_word(char *at, uint32_t word) {
    for (int i = 0; i < WORD_BYTES; i++)
        at[i] = (char)(word >> (24 - 8 * i));
    return at + WORD_BYTES;
}

static char *put_head(char *at, unsigned type, size_t rows) {
    const uint32_t head[HEAD_WORDS] = {1, 0, type, (uint32_t)rows, 1};

    for (size_t i = 0; i < HEAD_WORDS; i++)
        at = put_word(at, head[i]);
    return at;
}

static char *put_number(char *at, int64_t number) {
    at = put_word(at, NUMBER_BYTES);
    at = put_word(at, (uint32_t)((uint64_t)number >> 32));
    return put_word(at, (uint32_t)number);
}

static char *put_text(char *at, struct fx_slice text) {
    at = put_word(at, (uint32_t)text.len);
    memcpy(at, text.ptr, text.len);
    return at + text.len;
}

/* ---- columns: every count-th value from the first on ---- */

static char *put_numbers(struct fx_scope *sc, const struct store_value *first, size_t count,
                         size_t rows, size_t *ret_len) {
    *ret_len = HEAD_WORDS * WORD_BYTES + rows * (WORD_BYTES + NUMBER_BYTES);
    char *bytes = fx_alloc(sc, *ret_len);
    char *at = put_head(bytes, OID_INT8, rows);

    for (size_t row = 0; row < rows; row++)
        at = put_number(at, first[row * count].number);
    return bytes;
}

static char *put_texts(struct fx_scope *sc, const struct store_value *first, size_t count,
                       size_t rows, size_t *ret_len) {
    struct fx_slice *texts = fx_alloc(sc, rows * sizeof(struct fx_slice));

    *ret_len = HEAD_WORDS * WORD_BYTES;
    for (size_t row = 0; row < rows; row++) {
        texts[row] = fx_slice_of(postgres_clean(sc, first[row * count].text));
        *ret_len += WORD_BYTES + texts[row].len;
    }
    char *bytes = fx_alloc(sc, *ret_len);
    char *at = put_head(bytes, OID_TEXT, rows);

    for (size_t row = 0; row < rows; row++)
        at = put_text(at, texts[row]);
    return bytes;
}

void postgres_bind_arrays(struct fx_scope *sc, const struct store_value *values, size_t count,
                          size_t rows, struct postgres_bound *ret_bound) {
    assert(rows > 0 && count <= POSTGRES_MAX_VALUES);
    ret_bound->count = count;
    for (size_t i = 0; i < count; i++) {
        bool is_text = values[i].text != NULL;
        size_t len = 0;
        ret_bound->types[i] = is_text ? OID_TEXT_ARRAY : OID_INT8_ARRAY;
        ret_bound->values[i] = is_text ? put_texts(sc, &values[i], count, rows, &len)
                                       : put_numbers(sc, &values[i], count, rows, &len);
        ret_bound->lengths[i] = (int)len;
        ret_bound->formats[i] = 1;
    }
}
