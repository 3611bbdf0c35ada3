/* private.h - what asking and changing share. */
#pragma once

#include "fluxabot/sql.h"

#include <libpq-fe.h>

struct fx_sql {
    PGconn *connection;
    char begin[160]; /* of a read-only transaction, with its settings; "" when it may write */
};

enum fx_code sql_check_result(struct fx_sql *sql, PGresult *result, struct fx_error *err);
/* One statement without parameters, whose answer is only that it worked. */
enum fx_code sql_run_plain(struct fx_sql *sql, const char *statement, struct fx_error *err);
/* As text for the wire; NULL is null. */
enum fx_code sql_bind_param(struct fx_scope *sc, const struct fx_json *param, const char **ret_text,
                            struct fx_error *err);
