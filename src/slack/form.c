/* form.c - reads application/x-www-form-urlencoded bodies strictly. */
#include "private.h"

#include "fluxabot/base/digest.h"

#include <string.h>

const char *slack_form_get(const struct slack_form *form, const char *name) {
    for (size_t i = 0; i < form->count; i++)
        if (form->fields[i].name[0] == name[0] && strcmp(form->fields[i].name, name) == 0)
            return form->fields[i].value;
    return NULL;
}

/* Names go into messages and logs, so they are held to letters, digits and underscores. */
static bool is_name(struct fx_slice name) {
    if (name.len == 0 || name.len > SLACK_FORM_MAX_NAME_BYTES)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
            c != '_')
            return false;
    }
    return true;
}

static enum fx_code parse_field(struct fx_scope *sc, struct fx_slice pair, struct slack_form *form,
                                struct fx_error *err) {
    struct fx_slice name, encoded, value;

    if (!fx_slice_split(pair, '=', &name, &encoded) || !is_name(name))
        return fx_fail(err, FX_ERR_INPUT, "field %zu of the form is not name=value",
                       form->count + 1);
    char *own_name = fx_slice_dup(sc, name);
    if (slack_form_get(form, own_name) != NULL)
        return fx_fail(err, FX_ERR_INPUT, "the field %s comes twice", own_name);
    if (form->count == SLACK_FORM_MAX_FIELDS)
        return fx_fail(err, FX_ERR_LIMIT, "the form has more than %d fields",
                       (int)SLACK_FORM_MAX_FIELDS);
    if (fx_url_decode(sc, encoded, true, &value, err) != FX_OK)
        return fx_fail_in(err, "the field %s", own_name);
    if (!fx_slice_is_utf8(value))
        return fx_fail(err, FX_ERR_INPUT, "the field %s is not UTF-8", own_name);

    form->fields[form->count].name = own_name;
    form->fields[form->count].value = value.ptr; /* ends with a zero */
    form->count++;
    return FX_OK;
}

enum fx_code slack_form_parse(struct fx_scope *sc, struct fx_slice body, size_t max_bytes,
                              struct slack_form **ret_form, struct fx_error *err) {
    struct slack_form *form = FX_NEW(sc, struct slack_form);

    if (body.len > max_bytes)
        return fx_fail(err, FX_ERR_LIMIT, "the form has %zu bytes, more than %zu", body.len,
                       max_bytes);
    for (size_t at = 0; at <= body.len;) {
        size_t end = fx_slice_find(body, at, '&');
        FX_TRY(parse_field(sc, fx_slice_cut(body, at, end - at), form, err));
        at = end + 1;
    }
    *ret_form = form;
    return FX_OK;
}

static bool is_word(const char *text, size_t max) {
    size_t len = strnlen(text, max + 1);

    if (len > max)
        return false;
    for (size_t i = 0; i < len; i++)
        if (text[i] <= ' ' || text[i] > '~')
            return false;
    return true;
}

static bool is_id(const char *text) {
    while ((*text >= 'A' && *text <= 'Z') || (*text >= '0' && *text <= '9'))
        text++;
    return *text == '\0';
}

static bool is_stamp(const char *text) {
    static const char digits[] = "0123456789";
    size_t whole = strspn(text, digits);
    size_t part = text[whole] == '.' ? strspn(text + whole + 1, digits) : 0;

    return whole > 0 && part > 0 && text[whole + 1 + part] == '\0';
}

bool slack_has_shape(const char *text, enum slack_shape shape) {
    if (text[0] == '\0' || shape == SLACK_SHAPE_ANY)
        return true;
    if (!is_word(text, shape == SLACK_SHAPE_URL  ? SLACK_MAX_URL
                       : shape == SLACK_SHAPE_ID ? SLACK_MAX_ID
                                                 : SLACK_MAX_WORD))
        return false;
    switch (shape) {
    case SLACK_SHAPE_ID:
        return is_id(text);
    case SLACK_SHAPE_STAMP:
        return is_stamp(text);
    case SLACK_SHAPE_URL:
        return strncmp(text, "https://", 8) == 0 || strncmp(text, "http://", 7) == 0;
    case SLACK_SHAPE_COMMAND:
        return text[0] == '/' && text[1] != '\0';
    case SLACK_SHAPE_ANY:
    case SLACK_SHAPE_WORD:
        break;
    }
    return true;
}
