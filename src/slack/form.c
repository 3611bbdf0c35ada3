/* form.c - reads application/x-www-form-urlencoded bodies strictly. */
#include "private.h"

#include "fluxabot/base/digest.h"
#include "fluxabot/base/eight.h"

#include <string.h>

static const char *find_field(const struct slack_form *form, struct fx_slice name) {
    for (size_t i = 0; i < form->count; i++)
        if (form->fields[i].name.len == name.len && form->fields[i].name.ptr[0] == name.ptr[0] &&
            memcmp(form->fields[i].name.ptr, name.ptr, name.len) == 0)
            return form->fields[i].value;
    return NULL;
}

const char *slack_form_get(const struct slack_form *form, const char *name) {
    return find_field(form, fx_slice_of(name));
}

/* By length and first letter. */
static uint64_t mark_of(struct fx_slice name) {
    return (uint64_t)1 << ((name.len * 7 + (unsigned char)name.ptr[0]) & 63);
}

/* Names go into messages and logs, so they are held to letters, digits and underscores. */
static const bool is_of_name[256] = {
    ['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true, ['_'] = true};

static bool split_field(struct fx_slice pair, struct fx_slice *ret_name,
                        struct fx_slice *ret_value) {
    size_t len = 0;

    while (len < pair.len && is_of_name[(unsigned char)pair.ptr[len]])
        len++;
    if (len == 0 || len > SLACK_FORM_MAX_NAME_BYTES || len == pair.len || pair.ptr[len] != '=')
        return false;
    *ret_name = fx_slice_cut(pair, 0, len);
    *ret_value = fx_slice_cut(pair, len + 1, pair.len);
    return true;
}

/* Nothing to decode and ASCII, as nearly all is: '%', '+' and NUL are below ','. */
static bool is_plain(struct fx_slice encoded) {
    for (size_t i = 0; i + FX_EIGHT < encoded.len; i += FX_EIGHT) {
        uint64_t eight = fx_eight_at(encoded.ptr + i);

        if (fx_eight_has_below(eight, ',') || fx_eight_has_high(eight))
            return false;
    }
    if (encoded.len >= FX_EIGHT) { /* some of these for the second time */
        uint64_t last = fx_eight_at(encoded.ptr + encoded.len - FX_EIGHT);

        return !fx_eight_has_below(last, ',') && !fx_eight_has_high(last);
    }
    for (size_t i = 0; i < encoded.len; i++)
        if (encoded.ptr[i] < ',') /* what is no ASCII is negative */
            return false;
    return true;
}

static enum fx_code decode(struct fx_scope *sc, struct fx_slice name, struct fx_slice encoded,
                           const char **ret_value, struct fx_error *err) {
    struct fx_slice value;

    if (is_plain(encoded)) {
        *ret_value = fx_slice_dup(sc, encoded);
        return FX_OK;
    }
    if (fx_url_decode(sc, encoded, true, &value, err) != FX_OK)
        return fx_fail_in(err, "the field %.*s", (int)name.len, name.ptr);
    if (!fx_slice_is_utf8(value))
        return fx_fail(err, FX_ERR_INPUT, "the field %.*s is not UTF-8", (int)name.len, name.ptr);
    *ret_value = value.ptr; /* ends with a zero */
    return FX_OK;
}

static enum fx_code parse_field(struct fx_scope *sc, struct fx_slice pair, struct slack_form *form,
                                struct fx_error *err) {
    struct fx_slice name, encoded;

    if (!split_field(pair, &name, &encoded))
        return fx_fail(err, FX_ERR_INPUT, "field %zu of the form is not name=value",
                       form->count + 1);
    if ((form->marks & mark_of(name)) != 0 && find_field(form, name) != NULL)
        return fx_fail(err, FX_ERR_INPUT, "the field %.*s comes twice", (int)name.len, name.ptr);
    if (form->count == SLACK_FORM_MAX_FIELDS)
        return fx_fail(err, FX_ERR_LIMIT, "the form has more than %d fields",
                       (int)SLACK_FORM_MAX_FIELDS);
    FX_TRY(decode(sc, name, encoded, &form->fields[form->count].value, err));
    form->fields[form->count++].name = name;
    form->marks |= mark_of(name);
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
    for (size_t i = 0; i < len; i++) {
        uint64_t eight = len - i < FX_EIGHT ? 0 : fx_eight_at(text + i);

        if (!fx_eight_has_below(eight, '!') && !fx_eight_has_high(eight) &&
            !fx_eight_has(eight, 0x7f))
            i += FX_EIGHT - 1;
        else if (text[i] <= ' ' || text[i] > '~')
            return false;
    }
    return true;
}

static bool is_id(const char *text) {
    size_t len = 0;

    while ((text[len] >= 'A' && text[len] <= 'Z') || (text[len] >= '0' && text[len] <= '9'))
        len++;
    return text[len] == '\0' && len <= SLACK_MAX_ID;
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
    if (shape == SLACK_SHAPE_ID)
        return is_id(text);
    if (!is_word(text, shape == SLACK_SHAPE_URL ? SLACK_MAX_URL : SLACK_MAX_WORD))
        return false;
    switch (shape) {
    case SLACK_SHAPE_STAMP:
        return is_stamp(text);
    case SLACK_SHAPE_URL:
        return strncmp(text, "https://", 8) == 0 || strncmp(text, "http://", 7) == 0;
    case SLACK_SHAPE_COMMAND:
        return text[0] == '/' && text[1] != '\0';
    case SLACK_SHAPE_ANY:
    case SLACK_SHAPE_ID:
    case SLACK_SHAPE_WORD:
        break;
    }
    return true;
}
