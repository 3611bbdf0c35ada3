/* facts.c - what the reading calls of a change show, and what its expressions make of it. */
#include "change.h"

#include "fluxabot/expr.h"

#include <string.h>

enum { READ_MAX_ROWS = 20 };

/* Values of a Lambda's environment are secrets; nothing that is shown may be made of them. */
static const char secret_member[] = "Environment";

/* ---- before it may run ---- */

static bool is_name(const char *name) {
    size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz_");

    return length > 0 && name[length] == '\0';
}

static bool is_our_name(const char *name) {
    return strcmp(name, "with") == 0 || strcmp(name, "given") == 0 || strcmp(name, "was") == 0;
}

static enum fx_code check_aws_read(struct fx_scope *sc, const char *name,
                                   const struct fx_json *read, struct fx_error *err) {
    const char *service = NULL, *operation = NULL;

    if (!split_operation(sc, read, &service, &operation))
        return fx_fail(err, FX_ERR_INPUT, "read.%s: write the operation as service:Operation",
                       name);
    if (fx_aws_effect(service, operation) != FX_EFFECT_READ)
        return fx_fail(err, FX_ERR_INPUT, "read.%s: %s:%s is no reading operation of the table",
                       name, service, operation);
    if (fx_aws_check_params(service, operation, fx_json_at(read, "with"), err) != FX_OK)
        return fx_fail_in(err, "read.%s", name);
    return FX_OK;
}

enum fx_code facts_check_query(const struct fx_json *system, const char *name,
                               const struct fx_json *read, struct fx_error *err) {
    struct fx_slice query = fx_json_text_slice(fx_json_at(read, "query"));
    const char *database = fx_json_get_text(read, "database");

    if (database == NULL || query.len == 0)
        return fx_fail(err, FX_ERR_INPUT,
                       "%s: name an operation of AWS, or a database and its query", name);
    if (memmem(query.ptr, query.len, "${", 2) != NULL)
        return fx_fail(err, FX_ERR_INPUT,
                       "%s: the query may hold no ${ }: write $1 and put the value under "
                       "`with`",
                       name);
    if (fx_json_at(fx_json_at(system, "databases"), database) == NULL)
        return fx_fail(err, FX_ERR_INPUT, "%s: %s is not among the databases of system.yaml", name,
                       database);
    if (database_changes(system, database))
        return fx_fail(err, FX_ERR_INPUT,
                       "%s: %s is for changes; what is read is read through another one", name,
                       database);
    return FX_OK;
}

static enum fx_code check_reads(struct fx_scope *sc, const struct fx_json *system,
                                const struct fx_json *reads, struct fx_error *err) {
    struct fx_json *read = NULL;
    void *cursor = NULL;
    const char *name = NULL;

    if (fx_json_count(reads) == 0 || fx_json_count(reads) > CHANGE_MAX_READS)
        return fx_fail(err, FX_ERR_INPUT, "read names 1 to %d reading calls", CHANGE_MAX_READS);
    while (fx_json_next(reads, &cursor, &name, &read)) {
        if (!is_name(name) || is_our_name(name))
            return fx_fail(err, FX_ERR_INPUT,
                           "read: a name is made of a-z and _, and is not with, given or was");
        if (fx_json_at(read, "optional") != NULL &&
            fx_json_type(fx_json_at(read, "optional")) != FX_JSON_BOOL)
            return fx_fail(err, FX_ERR_INPUT, "read.%s: optional is true or false", name);
        if (fx_json_at(read, "operation") != NULL)
            FX_TRY(check_aws_read(sc, name, read, err));
        else
            FX_TRY(facts_check_query(system, fx_printf(sc, "read.%s", name), read, err));
    }
    return FX_OK;
}

/* What the expressions of one step may read, and who checks them. */
struct names {
    struct fx_expr_checker *checker;
    struct fx_json *names;
};

static enum fx_code check_expression(const char *where, const char *text, const struct names *known,
                                     struct fx_error *err) {
    if (text == NULL)
        return fx_fail(err, FX_ERR_INPUT, "%s must be an expression, as a text", where);
    if (strstr(text, "${") != NULL)
        return fx_fail(err, FX_ERR_INPUT,
                       "%s: write the expression without ${ }: it is read at each look, not once",
                       where);
    if (strstr(text, secret_member) != NULL)
        return fx_fail(err, FX_ERR_INPUT,
                       "%s: the environment of a function holds secrets and is never shown", where);
    if (fx_expr_check(known->checker, fx_slice_of(text), known->names, err) != FX_OK)
        return fx_fail_in(err, "%s", where);
    return FX_OK;
}

static struct names known_names(struct fx_scope *sc, const struct fx_json *params) {
    struct fx_json *known = fx_json_object(sc), *read = NULL;
    static const char *const ours[] = {"with", "given", "was"};
    void *cursor = NULL;
    const char *name = NULL;

    while (fx_json_next(fx_json_at(params, "read"), &cursor, &name, &read))
        fx_json_put(known, name, fx_json_bool(sc, true));
    for (size_t i = 0; i < FX_COUNT_OF(ours); i++)
        fx_json_put(known, ours[i], fx_json_bool(sc, true));
    return (struct names){fx_expr_checker_new(sc), known};
}

static enum fx_code check_expressions(struct fx_scope *sc, const struct fx_json *params,
                                      const char *param, const struct names *known,
                                      struct fx_error *err) {
    const struct fx_json *facts = fx_json_at(params, param);
    struct fx_json *fact = NULL;
    void *cursor = NULL;
    const char *name = NULL;

    if (fx_json_count(facts) > CHANGE_MAX_FACTS)
        return fx_fail(err, FX_ERR_INPUT, "%s names at most %d expressions", param,
                       CHANGE_MAX_FACTS);
    while (fx_json_next(facts, &cursor, &name, &fact))
        FX_TRY(
            check_expression(fx_printf(sc, "%s.%s", param, name), fx_json_text(fact), known, err));
    return FX_OK;
}

static enum fx_code check_facts(struct fx_scope *sc, const struct fx_json *params,
                                const struct names *known, struct fx_error *err) {
    const struct fx_json *changes = fx_json_at(params, "change");
    struct fx_json *fact = NULL;
    void *cursor = NULL;
    const char *name = NULL;

    if (fx_json_count(changes) == 0 || fx_json_count(changes) > CHANGE_MAX_FACTS)
        return fx_fail(err, FX_ERR_INPUT, "change names 1 to %d facts", CHANGE_MAX_FACTS);
    while (fx_json_next(changes, &cursor, &name, &fact)) {
        const char *where = fx_printf(sc, "change.%s", name);

        FX_TRY(check_expression(where, fx_json_get_text(fact, "from"), known, err));
        FX_TRY(check_expression(where, fx_json_get_text(fact, "to"), known, err));
    }
    FX_TRY(check_expressions(sc, params, "unchanged", known, err));
    FX_TRY(check_expressions(sc, params, "revert", known, err));
    return check_expressions(sc, params, "pin", known, err);
}

static enum fx_code check_refusals(struct fx_scope *sc, const struct fx_json *params,
                                   const struct names *known, struct fx_error *err) {
    const struct fx_json *refusals = fx_json_at(params, "refuse");

    if (fx_json_count(refusals) > CHANGE_MAX_REFUSALS)
        return fx_fail(err, FX_ERR_INPUT, "refuse holds at most %d conditions",
                       CHANGE_MAX_REFUSALS);
    for (size_t i = 0; i < fx_json_count(refusals); i++) {
        const struct fx_json *refusal = fx_json_item(refusals, i);
        const char *where = fx_printf(sc, "refuse %zu", i + 1);

        FX_TRY(check_expression(where, fx_json_get_text(refusal, "when"), known, err));
        if (fx_json_text_slice(fx_json_at(refusal, "why")).len == 0)
            return fx_fail(err, FX_ERR_INPUT, "%s: why must say why not, and what to do", where);
    }
    return FX_OK;
}

enum fx_code facts_check(struct fx_scope *sc, const struct fx_json *system,
                         const struct fx_json *params, struct fx_error *err) {
    static const char *const conditions[] = {"done", "settled", "failed", "reverted"};
    const struct fx_json *within = fx_json_at(params, "within");
    struct names names = known_names(sc, params), *known = &names;

    FX_TRY(check_reads(sc, system, fx_json_at(params, "read"), err));
    FX_TRY(check_facts(sc, params, known, err));
    FX_TRY(check_refusals(sc, params, known, err));
    for (size_t i = 0; i < FX_COUNT_OF(conditions); i++) {
        const char *text = fx_json_get_text(params, conditions[i]);

        if (text == NULL || text[0] != '\0')
            FX_TRY(check_expression(conditions[i], text, known, err));
    }
    if (fx_json_type(within) == FX_JSON_INT && fx_json_to_int(within, 0) > CHANGE_MAX_WATCH_MS)
        return fx_fail(err, FX_ERR_INPUT, "within is at most %s",
                       fx_duration(sc, CHANGE_MAX_WATCH_MS));
    return revert_check(sc, params, err);
}

/* ---- looking ---- */

static enum fx_code read_aws(const struct fx_step_context *ctx, const struct fx_json *read,
                             struct fx_json **ret_answer, struct fx_error *err) {
    const char *service = NULL, *operation = NULL;

    if (!split_operation(ctx->sc, read, &service, &operation) ||
        fx_aws_effect(service, operation) != FX_EFFECT_READ)
        return fx_fail(err, FX_ERR_INPUT, "it names no reading operation");
    struct fx_aws_pages pages = {0};

    FX_TRY(fx_aws_call_pages(ctx->aws, ctx->sc,
                             &(struct fx_aws_call){.service = service,
                                                   .operation = operation,
                                                   .params = fx_json_at(read, "with")},
                             NULL, ret_answer, &pages, err));
    if (pages.stopped != NULL) /* half of it is no state to judge by */
        return fx_fail(err, FX_ERR_LIMIT, "%s", pages.stopped);
    return FX_OK;
}

static enum fx_code read_sql(const struct fx_step_context *ctx, const struct fx_json *read,
                             struct fx_json **ret_answer, struct fx_error *err) {
    struct fx_json *rows = NULL;
    struct fx_sql *sql = NULL;
    enum fx_code code = database_open(ctx, fx_json_get_text(read, "database"), 0, &sql, err);

    if (code == FX_OK)
        code = fx_sql_query(sql, ctx->sc, fx_json_get_text(read, "query"), fx_json_at(read, "with"),
                            READ_MAX_ROWS, &rows, err);
    fx_sql_close(sql);
    if (code != FX_OK)
        return code;
    *ret_answer = fx_json_object_of(ctx->sc, "rows", rows, NULL);
    return FX_OK;
}

enum fx_code facts_read(const struct fx_step_context *ctx, const struct fx_json *params,
                        const struct fx_json *plan, struct fx_json **ret_names,
                        struct fx_error *err) {
    struct fx_scope *sc = ctx->sc;
    struct fx_json *names = fx_json_object(sc), *read = NULL;
    /* what was pinned is part of it, once there is a plan */
    const struct fx_json *with = fx_json_at(plan != NULL ? plan : params, "with");
    void *cursor = NULL;
    const char *name = NULL;

    while (fx_json_next(fx_json_at(params, "read"), &cursor, &name, &read)) {
        struct fx_json *answer = NULL;
        enum fx_code code = fx_json_at(read, "operation") != NULL
                                ? read_aws(ctx, read, &answer, err)
                                : read_sql(ctx, read, &answer, err);

        if (code != FX_OK && code != FX_ERR_CANCELED && fx_json_get_bool(read, "optional", false))
            answer = fx_json_null(sc);
        else if (code != FX_OK)
            return fx_fail_in(err, "the state (%s) could not be read", name);
        fx_json_put(names, name, answer);
    }
    fx_json_put(names, "with", with == NULL ? fx_json_null(sc) : fx_json_copy(sc, with));
    fx_json_put(names, "given", fx_json_copy(sc, fx_json_at(params, "given")));
    fx_json_put(names, "was",
                plan == NULL ? fx_json_object(sc) : fx_json_copy(sc, fx_json_at(plan, "from")));
    *ret_names = names;
    return FX_OK;
}

static enum fx_code value_of(struct fx_scope *sc, const char *name, const char *expression,
                             const struct fx_json *names, struct fx_json **ret_value,
                             struct fx_error *err) {
    if (fx_expr_eval(sc, fx_slice_of(expression), names, ret_value, err) != FX_OK)
        return fx_fail_in(err, "%s", name);
    return FX_OK;
}

enum fx_code facts_of_change(struct fx_scope *sc, const struct fx_json *params, const char *member,
                             const struct fx_json *names, struct fx_json **ret_values,
                             struct fx_error *err) {
    struct fx_json *values = fx_json_object(sc), *fact = NULL, *value = NULL;
    void *cursor = NULL;
    const char *name = NULL;

    while (fx_json_next(fx_json_at(params, "change"), &cursor, &name, &fact)) {
        FX_TRY(value_of(sc, name, fx_json_get_text(fact, member), names, &value, err));
        fx_json_put(values, name, value);
    }
    *ret_values = values;
    return FX_OK;
}

enum fx_code facts_of(struct fx_scope *sc, const struct fx_json *params, const char *param,
                      const struct fx_json *names, struct fx_json **ret_values,
                      struct fx_error *err) {
    struct fx_json *values = fx_json_object(sc), *fact = NULL, *value = NULL;
    void *cursor = NULL;
    const char *name = NULL;

    while (fx_json_next(fx_json_at(params, param), &cursor, &name, &fact)) {
        FX_TRY(value_of(sc, name, fx_json_text(fact), names, &value, err));
        fx_json_put(values, name, value);
    }
    *ret_values = values;
    return FX_OK;
}

static enum fx_code condition(struct fx_scope *sc, const char *name, const char *expression,
                              const struct fx_json *names, bool *ret_holds, struct fx_error *err) {
    struct fx_json *value = NULL;

    FX_TRY(value_of(sc, name, expression, names, &value, err));
    if (fx_json_type(value) != FX_JSON_BOOL)
        return fx_fail(err, FX_ERR_INPUT, "`%s` must be true or false", name);
    *ret_holds = fx_json_to_bool(value, false);
    return FX_OK;
}

enum fx_code facts_refuse(struct fx_scope *sc, const struct fx_json *params,
                          const struct fx_json *names, struct fx_error *err) {
    const struct fx_json *refusals = fx_json_at(params, "refuse");

    for (size_t i = 0; i < fx_json_count(refusals); i++) {
        const struct fx_json *refusal = fx_json_item(refusals, i);
        bool holds = false;

        FX_TRY(condition(sc, "refuse", fx_json_get_text(refusal, "when"), names, &holds, err));
        if (holds)
            return fx_fail(err, FX_ERR_DENIED, "%s", fx_json_get_text(refusal, "why"));
    }
    return FX_OK;
}

enum fx_code facts_hold(struct fx_scope *sc, const struct fx_json *params, const char *name,
                        const struct fx_json *names, bool *ret_holds, struct fx_error *err) {
    const char *expression = fx_json_get_text(params, name);

    *ret_holds = false;
    if (expression == NULL || expression[0] == '\0')
        return FX_OK; /* nothing can tell */
    return condition(sc, name, expression, names, ret_holds, err);
}

const char *facts_text(struct fx_scope *sc, const struct fx_json *value) {
    const char *text = fx_json_text(value);

    if (value == NULL || fx_json_type(value) == FX_JSON_NULL)
        return "none";
    if (text == NULL)
        text = fx_json_dump(sc, value);
    return fx_slice_dup(
        sc, fx_slice_cut(fx_slice_of(text), 0,
                         fx_slice_utf8_prefix(fx_slice_of(text), CHANGE_MAX_VALUE_BYTES)));
}

const char *facts_list(struct fx_scope *sc, const struct fx_json *values) {
    struct fx_json *value = NULL;
    void *cursor = NULL;
    const char *name = NULL, *list = "";

    while (fx_json_next(values, &cursor, &name, &value))
        list = fx_printf(sc, "%s%s%s is %s", list, list[0] == '\0' ? "" : ", ", name,
                         facts_text(sc, value));
    return list;
}
