/* params.c - checks a call's parameters against the table before anything leaves. */
#include "private.h"

#include <stdio.h>
#include <string.h>

struct check {
    bool templates;
    char path[AWS_MAX_PATH];
};

static enum fx_code check_value(struct check *check, uint16_t shape, const struct fx_json *value,
                                struct fx_error *err);

static bool is_template(const struct check *check, const struct fx_json *value) {
    const char *text = fx_json_text(value);

    return check->templates && text != NULL && strstr(text, "${") != NULL;
}

/* Checks value under path + step, and takes the step back. */
static enum fx_code check_below(struct check *check, const char *step, uint16_t shape,
                                const struct fx_json *value, struct fx_error *err) {
    size_t len = strlen(check->path);

    snprintf(check->path + len, sizeof(check->path) - len, "%s%s",
             len > 0 && *step != '[' ? "." : "", step);
    FX_TRY(check_value(check, shape, value, err));
    check->path[len] = '\0';
    return FX_OK;
}

static enum fx_code check_structure(struct check *check, const struct aws_shape *shape,
                                    const struct fx_json *value, struct fx_error *err) {
    const char *where = check->path[0] != '\0' ? check->path : "the parameters";
    struct fx_json *member = NULL;
    const char *key = NULL;
    void *cursor = NULL;

    while (fx_json_next(value, &cursor, &key, &member)) {
        const struct aws_member *known = aws_member_find(shape, key);
        if (known == NULL)
            return fx_fail(err, FX_ERR_INPUT, "%s: there is no member %s", where, key);
        FX_TRY(check_below(check, key, known->shape, member, err));
    }
    for (uint16_t i = 0; i < shape->count; i++) {
        const struct aws_member *known = &aws_members[shape->first + i];
        if (known->required && fx_json_at(value, known->name) == NULL)
            return fx_fail(err, FX_ERR_INPUT, "%s: %s is missing", where, known->name);
    }
    return FX_OK;
}

static enum fx_code check_items(struct check *check, const struct aws_shape *shape,
                                const struct fx_json *value, struct fx_error *err) {
    char step[32];

    for (size_t i = 0; i < fx_json_count(value); i++) {
        snprintf(step, sizeof(step), "[%zu]", i);
        FX_TRY(check_below(check, step, shape->item, fx_json_item(value, i), err));
    }
    return FX_OK;
}

static enum fx_code check_entries(struct check *check, const struct aws_shape *shape,
                                  const struct fx_json *value, struct fx_error *err) {
    struct fx_json *entry = NULL;
    const char *key = NULL;
    void *cursor = NULL;

    while (fx_json_next(value, &cursor, &key, &entry))
        FX_TRY(check_below(check, key, shape->item, entry, err));
    return FX_OK;
}

/* What JSON type a shape wants, in a person's words. */
static const char *wanted(enum aws_type type) {
    switch (type) {
    case AWS_STRING:
    case AWS_SECRET:
        return "text; put a number into quotes";
    case AWS_BLOB:
        return "text in Base64";
    case AWS_INTEGER:
        return "a whole number";
    case AWS_FLOAT:
        return "a number";
    case AWS_BOOLEAN:
        return "true or false";
    case AWS_TIMESTAMP:
        return "a time: seconds since 1970 or text like 2026-11-21T09:15:04Z";
    case AWS_LIST:
        return "a list";
    case AWS_MAP:
    case AWS_STRUCTURE:
        return "an object";
    }
    return "something else";
}

static bool type_fits(enum aws_type type, const struct fx_json *value) {
    enum fx_json_type given = fx_json_type(value);
    struct fx_error ignored;
    int64_t wall_ms;

    switch (type) {
    case AWS_STRING:
    case AWS_SECRET:
    case AWS_BLOB:
        return given == FX_JSON_STRING;
    case AWS_INTEGER:
        return given == FX_JSON_INT;
    case AWS_FLOAT:
        return given == FX_JSON_INT || given == FX_JSON_REAL;
    case AWS_BOOLEAN:
        return given == FX_JSON_BOOL;
    case AWS_TIMESTAMP:
        return aws_timestamp_read(value, &wall_ms, &ignored) == FX_OK;
    case AWS_LIST:
        return given == FX_JSON_ARRAY;
    case AWS_MAP:
    case AWS_STRUCTURE:
        return given == FX_JSON_OBJECT;
    }
    return false;
}

static enum fx_code check_value(struct check *check, uint16_t number, const struct fx_json *value,
                                struct fx_error *err) {
    const struct aws_shape *shape = &aws_shapes[number];

    if (is_template(check, value))
        return FX_OK;
    if (!type_fits(shape->type, value))
        return fx_fail(err, FX_ERR_INPUT, "%s wants %s",
                       check->path[0] != '\0' ? check->path : "the call", wanted(shape->type));
    if (shape->type == AWS_STRUCTURE)
        return check_structure(check, shape, value, err);
    if (shape->type == AWS_LIST)
        return check_items(check, shape, value, err);
    if (shape->type == AWS_MAP)
        return check_entries(check, shape, value, err);
    return FX_OK;
}

enum fx_code aws_params_check(const struct aws_operation *operation, const struct fx_json *params,
                              bool templates, struct fx_error *err) {
    struct check check = {.templates = templates};
    enum fx_code code = params != NULL
                            ? check_value(&check, operation->input, params, err)
                            : check_structure(&check, &aws_shapes[operation->input], NULL, err);

    return code == FX_OK ? FX_OK
                         : fx_fail_in(err, "%s:%s", operation->service->name, operation->name);
}

enum fx_code aws_timestamp_read(const struct fx_json *value, int64_t *ret_wall_ms,
                                struct fx_error *err) {
    double seconds = fx_json_to_real(value, 0);

    switch (fx_json_type(value)) {
    case FX_JSON_STRING:
        return fx_time_parse(fx_json_text_slice(value), ret_wall_ms, err);
    case FX_JSON_INT:
    case FX_JSON_REAL:
        /* Beyond the year 9999 it is milliseconds by mistake. */
        if (!(seconds >= 0 && seconds < 253402300800.0))
            return fx_fail(err, FX_ERR_INPUT, "the time is not in seconds since 1970");
        *ret_wall_ms = (int64_t)(seconds * 1000 + 0.5);
        return FX_OK;
    default:
        return fx_fail(err, FX_ERR_INPUT, "this is no time");
    }
}

enum fx_code fx_aws_check_params(const char *service, const char *operation,
                                 const struct fx_json *params, struct fx_error *err) {
    const struct aws_operation *found = aws_operation_find(service, operation);

    if (found == NULL)
        return fx_fail(err, FX_ERR_INPUT, "%s:%s is not among the AWS operations of this version",
                       service, operation);
    if (found->effect == FX_EFFECT_REFUSED)
        return fx_fail(err, FX_ERR_INPUT, "%s:%s is never called by this program", service,
                       operation);
    return aws_params_check(found, params, true, err);
}
