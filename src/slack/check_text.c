/* check_text.c - strings, text objects and lists against a limit. */
#include "check.h"

#include <string.h>

enum fx_code slack_check_refuse(struct checker *c, const char *pointer, const char *what) {
    return fx_fail(c->err, FX_ERR_INPUT, "%s %s", pointer, what);
}

enum fx_code slack_check_string(struct checker *c, const char *pointer, const struct fx_json *text,
                                size_t least, size_t most) {
    if (fx_json_type(text) != FX_JSON_STRING)
        return slack_check_refuse(c, pointer, "is not text");
    size_t points = fx_slice_utf8_count(fx_json_text_slice(text));
    if (points < least)
        return slack_check_refuse(c, pointer, "is empty");
    if (points > most)
        return fx_fail(c->err, FX_ERR_INPUT, "%s has %zu characters, more than %zu", pointer,
                       points, most);
    return FX_OK;
}

enum fx_code slack_check_member(struct checker *c, const char *pointer,
                                const struct fx_json *object, const char *key, size_t most) {
    const struct fx_json *member = fx_json_at(object, key);

    if (member == NULL)
        return FX_OK;
    return slack_check_string(c, fx_printf(c->sc, "%s/%s", pointer, key), member, 1, most);
}

enum fx_code slack_check_text_object(struct checker *c, const char *pointer,
                                     const struct fx_json *text, const char *kinds, size_t most) {
    const char *type = fx_json_get_text(text, "type");

    if (type == NULL || strstr("plain_text mrkdwn", type) == NULL || strstr(kinds, type) == NULL)
        return fx_fail(c->err, FX_ERR_INPUT, "%s/type is not %s", pointer, kinds);
    return slack_check_string(c, fx_printf(c->sc, "%s/text", pointer), fx_json_at(text, "text"), 1,
                              most);
}

enum fx_code slack_check_count(struct checker *c, const char *pointer, const struct fx_json *array,
                               size_t most) {
    size_t count = fx_json_count(array);

    if (fx_json_type(array) != FX_JSON_ARRAY || count == 0)
        return slack_check_refuse(c, pointer, "is not a list of at least one");
    if (count > most)
        return fx_fail(c->err, FX_ERR_INPUT, "%s has %zu items, more than %zu", pointer, count,
                       most);
    return FX_OK;
}
