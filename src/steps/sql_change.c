/* sql_change.c - the step kind `sql.change`: one statement of the runbook's own list, sent once, as
 * a role that may change things. */
#include "change.h"

#include <string.h>

enum {
    CHANGE_MIN_TIMEOUT_MS = 100,
    CHANGE_MAX_TIMEOUT_MS = 15 * 60 * 1000,
    CHANGE_MAX_LOCK_TIMEOUT_MS = 60 * 1000,
    CHANGE_MAX_STATEMENTS = 12,
    PROGRESS_EVERY_MS = 3 * 1000, /* between two looks at how far it is */
    PROGRESS_TIMEOUT_MS = 1000,   /* of such a look */
};

static const struct fx_step_param sql_change_params[] = {
    {"database", FX_PARAM_TEXT, true, NULL,
     "which database of system.yaml; one with `changes: true`, a role of its own"},
    {"statements", FX_PARAM_OBJECT, true, NULL,
     "all that may be run: a name -> one statement, with $1, $2, ... for its parameters"},
    {"statement", FX_PARAM_TEXT, true, NULL, "the name of the one to run"},
    {"with", FX_PARAM_LIST, false, "[]", "the values of $1, $2, ...; a list of texts is a text[]"},
    {"transaction", FX_PARAM_BOOL, false, "true",
     "false: outside of a transaction, as VACUUM and CREATE INDEX CONCURRENTLY must be"},
    {"first", FX_PARAM_TEXT, false, "\"\"",
     "one statement without parameters that runs before it in the same transaction: a lock"},
    {"min_rows", FX_PARAM_INT, false, "0",
     "fewer rows than this are taken back (in a transaction)"},
    {"max_rows", FX_PARAM_INT, false, "1", "more rows than this are taken back (in a transaction)"},
    {"statement_timeout", FX_PARAM_DURATION, false, "\"5s\"",
     "when the database stops the statement; up to 15m, and the step's timeout must be longer"},
    {"lock_timeout", FX_PARAM_DURATION, false, "\"1s\"",
     "how long it may wait for a lock, and others behind it"},
    {"progress", FX_PARAM_OBJECT, false, "{}",
     "{database, query}: its first row {text, done, total} is shown every few seconds while the "
     "statement runs"},
    CHANGE_PARAMS,
};

/* Who started a statement is not told, and it has no key; what it leaves can be read. */
static enum fx_effect sql_change_effect(const struct fx_json *params) {
    (void)params;
    return FX_EFFECT_UNKEYED;
}

static enum fx_code check_text(const char *what, struct fx_slice text, struct fx_error *err) {
    if (memmem(text.ptr, text.len, "${", 2) != NULL)
        return fx_fail(err, FX_ERR_INPUT,
                       "%s is a text without ${ }: write $1 and put the value under `with`", what);
    if (memchr(text.ptr, ';', text.len) != NULL)
        return fx_fail(err, FX_ERR_INPUT, "%s is one statement, without ;", what);
    return FX_OK;
}

static enum fx_code check_first(const struct fx_json *params, struct fx_error *err) {
    struct fx_slice first = fx_json_text_slice(fx_json_at(params, "first"));

    if (first.len > 0 && !fx_json_get_bool(params, "transaction", true))
        return fx_fail(err, FX_ERR_INPUT,
                       "`first` runs in the same transaction; without one, leave it out");
    return check_text("the statement first", first, err);
}

static enum fx_code check_statements(struct fx_scope *sc, const struct fx_json *params,
                                     struct fx_error *err) {
    const struct fx_json *statements = fx_json_at(params, "statements");
    struct fx_json *statement = NULL;
    void *cursor = NULL;
    const char *name = NULL;

    if (fx_json_count(statements) == 0 || fx_json_count(statements) > CHANGE_MAX_STATEMENTS)
        return fx_fail(err, FX_ERR_INPUT, "statements holds 1 to %d of them",
                       CHANGE_MAX_STATEMENTS);
    while (fx_json_next(statements, &cursor, &name, &statement)) {
        struct fx_slice text = fx_json_text_slice(statement);

        if (text.len == 0)
            return fx_fail(err, FX_ERR_INPUT, "the statement %s is empty", name);
        FX_TRY(check_text(fx_printf(sc, "the statement %s", name), text, err));
    }
    return FX_OK;
}

static enum fx_code check_time(const struct fx_json *params, const char *name, int64_t max_ms,
                               struct fx_error *err) {
    const struct fx_json *value = fx_json_at(params, name);
    int64_t ms = fx_json_to_int(value, 0);

    if (fx_json_type(value) == FX_JSON_INT && (ms < CHANGE_MIN_TIMEOUT_MS || ms > max_ms))
        return fx_fail(err, FX_ERR_INPUT, "%s is from 100ms to %llds", name,
                       (long long)(max_ms / 1000));
    return FX_OK;
}

static enum fx_code check_times(const struct fx_json *params, struct fx_error *err) {
    FX_TRY(check_time(params, "statement_timeout", CHANGE_MAX_TIMEOUT_MS, err));
    return check_time(params, "lock_timeout", CHANGE_MAX_LOCK_TIMEOUT_MS, err);
}

static enum fx_code check_database(const struct fx_json *system, const struct fx_json *params,
                                   struct fx_error *err) {
    const char *name = fx_json_get_text(params, "database");

    if (name != NULL && database_changes(system, name))
        return FX_OK;
    return fx_fail(err, FX_ERR_INPUT,
                   "database names one that system.yaml marks with `changes: true`, as text");
}

static enum fx_code sql_change_check(struct fx_scope *sc, const struct fx_json *system,
                                     const struct fx_json *params, struct fx_error *err) {
    FX_TRY(check_database(system, params, err));
    FX_TRY(check_statements(sc, params, err));
    FX_TRY(check_first(params, err));
    FX_TRY(check_times(params, err));
    if (fx_json_count(fx_json_at(params, "progress")) > 0)
        FX_TRY(facts_check_query(system, "progress", fx_json_at(params, "progress"), err));
    FX_TRY(facts_check(sc, system, params, err));
    if (fx_json_count(fx_json_at(params, "pin")) > 0)
        return fx_fail(err, FX_ERR_INPUT, "sql.change pins nothing: its parameters have no names");
    if (fx_json_count(fx_json_at(params, "revert")) > 0)
        return fx_fail(err, FX_ERR_INPUT, "sql.change takes nothing back by itself");
    if (fx_json_text_slice(fx_json_at(params, "done")).len == 0)
        return fx_fail(err, FX_ERR_INPUT,
                       "sql.change needs done: true when the statement has taken effect; that the "
                       "database answered is not enough");
    return FX_OK;
}

static enum fx_code find_statement(const struct fx_json *params, const char **ret_text,
                                   struct fx_error *err) {
    const char *name = fx_json_get_text(params, "statement");

    *ret_text = name == NULL ? NULL : fx_json_get_text(fx_json_at(params, "statements"), name);
    if (*ret_text == NULL)
        return fx_fail(err, FX_ERR_DENIED, "the runbook has no statement of this name");
    return FX_OK;
}

static enum fx_code sql_change_plan(const struct fx_step_context *ctx, const struct fx_json *params,
                                    struct fx_json **ret_plan, struct fx_error *err) {
    struct fx_scope *sc = ctx->sc;
    struct fx_json *with = NULL;
    const char *text = NULL;

    FX_TRY(find_statement(params, &text, err));
    FX_TRY(check_times(params, err));
    FX_TRY(change_plan(ctx, params, ret_plan, &with, err));
    struct fx_json *calls = fx_json_array(sc);

    if (fx_json_text_slice(fx_json_at(params, "first")).len > 0)
        fx_json_add(calls, plan_call(sc, "sql:first", fx_json_get_text(params, "first"), 1));
    fx_json_add(calls, plan_call(sc, fx_printf(sc, "sql:%s", fx_json_get_text(params, "statement")),
                                 text, 1));
    fx_json_put(*ret_plan, "calls", calls);
    return FX_OK;
}

static enum fx_code prepare(const struct fx_step_context *ctx, const struct fx_json *params,
                            void **ret_ready, struct fx_error *err) {
    struct fx_sql *sql = NULL;

    FX_TRY(database_open_change(ctx, fx_json_get_text(params, "database"),
                                (int)fx_json_get_int(params, "statement_timeout", 0),
                                (int)fx_json_get_int(params, "lock_timeout", 0), &sql, err));
    fx_defer(ctx->sc, fx_sql_close_any, sql);
    *ret_ready = sql;
    return FX_OK;
}

/* ---- how far it is, while it runs ---- */

struct watcher {
    const struct fx_step_context *ctx;
    const struct fx_json *params;
    int64_t looked_mono_ms;
};

static enum fx_code read_progress(const struct fx_step_context *ctx, const struct fx_json *progress,
                                  const struct fx_json **ret_row, struct fx_error *err) {
    struct fx_json *rows = NULL;
    struct fx_sql *sql = NULL;
    enum fx_code code =
        database_open(ctx, fx_json_get_text(progress, "database"), PROGRESS_TIMEOUT_MS, &sql, err);

    if (code == FX_OK)
        code = fx_sql_query(sql, ctx->sc, fx_json_get_text(progress, "query"), NULL, 1, &rows, err);
    fx_sql_close(sql);
    *ret_row = fx_json_item(rows, 0);
    return code;
}

/* Whatever goes wrong with looking, the statement goes on. */
static void show_progress(void *owner) {
    struct watcher *watcher = owner;
    struct fx_step_context ctx = *watcher->ctx;
    int64_t now = fx_mono_ms(ctx.clock);

    if (now - watcher->looked_mono_ms < PROGRESS_EVERY_MS)
        return;
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(ctx.sc);
    const struct fx_json *row = NULL;
    struct fx_error why = {0};

    ctx.sc = sc;
    enum fx_code code = read_progress(&ctx, fx_json_at(watcher->params, "progress"), &row, &why);
    const char *text = fx_json_get_text(row, "text");

    watcher->looked_mono_ms = fx_mono_ms(ctx.clock);
    text = code != FX_OK  ? fx_printf(sc, "It runs; how far it is cannot be read: %s", why.message)
           : text == NULL ? "It runs; the database does not say yet how far it is"
                          : text;
    bool counts = fx_json_type(fx_json_at(row, "done")) == FX_JSON_INT &&
                  fx_json_type(fx_json_at(row, "total")) == FX_JSON_INT;

    ctx.host->progress(
        ctx.host, sc,
        fx_json_object_of(sc, "text", fx_json_string(sc, text), "done",
                          counts ? fx_json_copy(sc, fx_json_at(row, "done")) : NULL, "total",
                          counts ? fx_json_copy(sc, fx_json_at(row, "total")) : NULL, NULL));
}

static const char *advice(const char *state) {
    if (strcmp(state, "55P03") == 0)
        return "somebody holds a lock it needs; look who, then ask again";
    if (strcmp(state, "57014") == 0)
        return "it took longer than it may; ask when the database is less busy";
    if (strcmp(state, "42501") == 0)
        return "the role that changes things must own the table";
    return NULL;
}

static enum fx_code send(const struct fx_step_context *ctx, const struct fx_json *params,
                         const struct fx_json *with, void *ready, struct fx_error *err) {
    const char *text = NULL, *hint;
    int64_t rows = 0;
    bool is_shown = fx_json_count(fx_json_at(params, "progress")) > 0;
    struct watcher watcher = {ctx, params, fx_mono_ms(ctx->clock)};

    FX_TRY(find_statement(params, &text, err));
    enum fx_code code = fx_sql_change(
        ready, ctx->sc, ctx->clock,
        &(struct fx_sql_change){.statement = text,
                                .params = with,
                                .first = fx_json_get_text(params, "first"),
                                .in_transaction = fx_json_get_bool(params, "transaction", true),
                                .min_rows = fx_json_get_int(params, "min_rows", 0),
                                .max_rows = fx_json_get_int(params, "max_rows", 1),
                                .meanwhile = is_shown ? show_progress : NULL,
                                .owner = &watcher},
        &rows, err);

    if (code == FX_OK || (hint = advice(err->upstream)) == NULL)
        return code;
    struct fx_error why = *err;

    (void)fx_fail(err, code, "%.300s; %s%s", why.message, hint,
                  fx_json_get_bool(params, "transaction", true)
                      ? ""
                      : "; what it had begun may be left behind, so look before you ask again");
    err->sent = why.sent;
    return code;
}

static enum fx_code sql_change_run(const struct fx_step_context *ctx, const struct fx_json *params,
                                   struct fx_step_result *ret_result, struct fx_error *err) {
    const struct change_call call = {
        .what = fx_json_object_of(ctx->sc, "database", fx_json_at(params, "database"), "statement",
                                  fx_json_at(params, "statement"), NULL),
        .prepare = prepare,
        .send = send};

    return change_run(ctx, params, &call, ret_result, err);
}

const struct fx_step_kind step_sql_change = {
    .name = "sql.change",
    .summary = "Runs one statement of the runbook's own list once, as a role that may; before and "
               "after are read through another; the value is that of aws.change.",
    .params = sql_change_params,
    .params_count = FX_COUNT_OF(sql_change_params),
    .shorthand = "statement",
    .with = "with",
    .effect = sql_change_effect,
    .check = sql_change_check,
    .plan = sql_change_plan,
    .where = where_of_sql,
    .confirm = change_confirm,
    .run = sql_change_run,
};
