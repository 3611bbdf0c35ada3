/* params.c - a step's parameters against the rows of its kind. */
#include "fluxabot/step.h"

#include <string.h>

static const char *type_name(enum fx_param_type type) {
    switch (type) {
    case FX_PARAM_TEXT:
        return "a text";
    case FX_PARAM_INT:
        return "a whole number";
    case FX_PARAM_BOOL:
        return "true or false";
    case FX_PARAM_DURATION:
        return "a duration such as 30s, 5m or 2h";
    case FX_PARAM_LIST:
        return "a list";
    case FX_PARAM_OBJECT:
        return "a map";
    case FX_PARAM_QUEUE:
        return "the name of a queue in system.yaml";
    case FX_PARAM_DATABASE:
        return "the name of a database in system.yaml";
    case FX_PARAM_STEP:
        return "the id of a later step";
    case FX_PARAM_ANY:
        break;
    }
    return "a value";
}

static bool is_template(const struct fx_json *value) {
    const char *text = fx_json_text(value);

    return text != NULL && strstr(text, "${") != NULL;
}

static bool fits(enum fx_param_type type, const struct fx_json *value) {
    switch (type) {
    case FX_PARAM_TEXT:
    case FX_PARAM_QUEUE:
    case FX_PARAM_DATABASE:
    case FX_PARAM_STEP:
        return fx_json_type(value) == FX_JSON_STRING;
    case FX_PARAM_INT:
        return fx_json_type(value) == FX_JSON_INT;
    case FX_PARAM_BOOL:
        return fx_json_type(value) == FX_JSON_BOOL;
    case FX_PARAM_LIST:
        return fx_json_type(value) == FX_JSON_ARRAY;
    case FX_PARAM_OBJECT:
        return fx_json_type(value) == FX_JSON_OBJECT;
    case FX_PARAM_DURATION: /* checked where it is parsed; filled once already it is a number */
        return fx_json_type(value) == FX_JSON_STRING || fx_json_type(value) == FX_JSON_INT;
    case FX_PARAM_ANY:
        break;
    }
    return true;
}

static const struct fx_step_param *find_param(const struct fx_step_kind *kind, const char *name) {
    for (size_t i = 0; i < kind->params_count; i++)
        if (strcmp(kind->params[i].name, name) == 0)
            return &kind->params[i];
    return NULL;
}

static enum fx_code fill_one(struct fx_scope *sc, const struct fx_step_kind *kind,
                             const struct fx_step_param *param, struct fx_json *value,
                             struct fx_json **ret_value, struct fx_error *err) {
    int64_t given_ms = fx_json_to_int(value, 0);

    *ret_value = value;
    if (is_template(value))
        return FX_OK;
    if (!fits(param->type, value) || (param->type == FX_PARAM_DURATION && given_ms < 0))
        return fx_fail(err, FX_ERR_INPUT, "%s: %s must be %s", kind->name, param->name,
                       type_name(param->type));
    if (param->type == FX_PARAM_DURATION && fx_json_type(value) == FX_JSON_STRING) {
        int64_t ms = 0;

        if (fx_step_parse_duration(fx_json_text_slice(value), &ms, err) != FX_OK)
            return fx_fail_in(err, "%s: %s", kind->name, param->name);
        *ret_value = fx_json_int(sc, ms);
    }
    return FX_OK;
}

static enum fx_code refuse_unknown(const struct fx_step_kind *kind, const struct fx_json *params,
                                   struct fx_error *err) {
    void *cursor = NULL;
    const char *name = NULL;

    while (fx_json_next(params, &cursor, &name, NULL))
        if (find_param(kind, name) == NULL)
            return fx_fail(err, FX_ERR_INPUT, "%s has no parameter %s", kind->name, name);
    return FX_OK;
}

enum fx_code fx_step_fill_params(struct fx_scope *sc, const struct fx_step_kind *kind,
                                 const struct fx_json *params, struct fx_json **ret_params,
                                 struct fx_error *err) {
    struct fx_json *filled = fx_json_object(sc);

    if (params != NULL && fx_json_type(params) != FX_JSON_OBJECT)
        return fx_fail(err, FX_ERR_INPUT, "%s takes a map of parameters", kind->name);
    FX_TRY(refuse_unknown(kind, params, err));
    for (size_t i = 0; i < kind->params_count; i++) {
        const struct fx_step_param *param = &kind->params[i];
        struct fx_json *value = fx_json_at(params, param->name);

        if (value == NULL && param->fallback != NULL)
            FX_TRY(fx_json_parse(sc, fx_slice_of(param->fallback), &value, err));
        if (value == NULL && param->required)
            return fx_fail(err, FX_ERR_INPUT, "%s needs %s: %s", kind->name, param->name,
                           param->help);
        if (value == NULL)
            continue;
        FX_TRY(fill_one(sc, kind, param, value, &value, err));
        fx_json_put(filled, param->name, value);
    }
    *ret_params = filled;
    return FX_OK;
}

enum fx_code fx_step_parse_duration(struct fx_slice text, int64_t *ret_ms, struct fx_error *err) {
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    enum { MAX_DIGITS = 7 }; /* 9,999,999 days fit into 64 bits of milliseconds */
    size_t digits = 0;
    int64_t number = 0;

    while (digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9')
        digits++;
    if (digits > 0 && digits <= MAX_DIGITS &&
        fx_slice_to_int(fx_slice_cut(text, 0, digits), &number)) {
        struct fx_slice unit = fx_slice_cut(text, digits, text.len - digits);

        for (size_t i = 0; i < FX_COUNT_OF(units); i++)
            if (fx_slice_equal_text(unit, units[i].unit)) {
                *ret_ms = number * units[i].ms;
                return FX_OK;
            }
    }
    return fx_fail(err, FX_ERR_INPUT,
                   "%.*s is not a duration: write a number and ms, s, m, h or d, such as 90s",
                   (int)fx_slice_utf8_prefix(text, 40), text.ptr == NULL ? "" : text.ptr);
}
