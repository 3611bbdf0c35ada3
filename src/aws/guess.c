/* guess.c - a text that is not read may still be compared: the answer says whether it is the one
 * that was expected, and nothing else of it. */
#include "private.h"

#include <string.h>
#include <strings.h>

static void mark(struct fx_scope *sc, struct fx_json *answer, const struct fx_json *raw,
                 const char *guess) {
    struct fx_json *value = NULL;
    const char *key = NULL;
    void *cursor = NULL;

    /* what is put is put under a key that is there, so walking on is safe */
    while (fx_json_next(answer, &cursor, &key, &value)) {
        const struct fx_json *given = fx_json_at(raw, key);
        const char *text = fx_json_text(value), *real = fx_json_text(given);

        if (text != NULL && real != NULL && strcmp(text, AWS_NOT_READ) == 0 &&
            strcasecmp(real, guess) == 0)
            fx_json_put(answer, key, fx_json_string(sc, FX_AWS_EQUAL));
        else if (text == NULL)
            mark(sc, value, given, guess);
    }
}

void aws_mark_guess(struct fx_scope *sc, struct fx_json *answer, struct fx_slice body,
                    const char *guess) {
    struct fx_json *raw = NULL;
    struct fx_error ignored;

    if (guess != NULL && guess[0] != '\0' && fx_json_parse(sc, body, &raw, &ignored) == FX_OK)
        mark(sc, answer, raw, guess);
}
