/* postgres_answer.c - what PostgreSQL's answers mean to a store: try again, somebody was first, or
 * the end. */
#include "postgres.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>

const char *postgres_first_line(struct fx_scope *sc, const char *text) {
    struct fx_slice line = fx_slice_of(text);

    return fx_slice_dup(sc, fx_slice_trim(fx_slice_cut(line, 0, fx_slice_find(line, 0, '\n'))));
}

enum fx_code postgres_lost(struct postgres_link *link, const char *why, struct fx_error *err) {
    link->lost = true;
    link->again = true;
    return fx_fail(err, FX_ERR_UNAVAILABLE, "the connection to PostgreSQL was lost: %.*s",
                   (int)strcspn(why, "\n"), why);
}

/* By SQLSTATE or its class, the more particular first. */
static const struct {
    const char *state;
    enum fx_code code;
    bool again;
    const char *what;
} meanings[] = {
    {"40", FX_ERR_UNAVAILABLE, true, "another transaction was in the way"},
    {"55P03", FX_ERR_UNAVAILABLE, true, "another transaction has kept a row locked for too long"},
    {"57014", FX_ERR_UNAVAILABLE, true, "PostgreSQL took too long"},
    {"23505", FX_ERR_CONFLICT, false, "another transaction was first"},
    {"54", FX_ERR_LIMIT, false, "a row would be larger than the store allows"},
    {"25006", FX_ERR_UNAVAILABLE, false, "PostgreSQL is read-only: this is a standby"},
    {"08", FX_ERR_UNAVAILABLE, false, "PostgreSQL cannot be reached"},
    {"53", FX_ERR_UNAVAILABLE, false, "PostgreSQL lacks room, memory or connections"},
    {"57", FX_ERR_UNAVAILABLE, false, "PostgreSQL is being stopped or started"},
    {"58", FX_ERR_UNAVAILABLE, false, "PostgreSQL cannot read or write its disk"},
    {"XX001", FX_ERR_UNAVAILABLE, false, "the database is damaged"},
    {"XX002", FX_ERR_UNAVAILABLE, false, "the database is damaged"},
};

/* FATAL and PANIC are last words: the connection ends behind them. */
static bool is_the_end(const struct postgres_link *link, const struct pg_result *result) {
    const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);

    return PQstatus(link->connection) != CONNECTION_OK || severity == NULL ||
           strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0;
}

enum fx_code postgres_judge(struct postgres_link *link, const char *doing,
                            const struct pg_result *result, struct fx_error *err) {
    ExecStatusType status = PQresultStatus(result);

    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
        return FX_OK;

    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    enum fx_code code = FX_ERR_INTERNAL;

    if (is_the_end(link, result) || state == NULL || text == NULL)
        return postgres_lost(link, text != NULL ? text : PQerrorMessage(link->connection), err);
    (void)!fx_fail(err, code, "the store could not do \"%s\": %s", doing, text);
    for (size_t i = 0; i < FX_COUNT_OF(meanings); i++) {
        if (strncmp(state, meanings[i].state, strlen(meanings[i].state)) != 0)
            continue;
        code = fx_fail(err, meanings[i].code, "%s (%s)", meanings[i].what, text);
        link->again = meanings[i].again;
        /* after a failover the next connection may find the server that writes */
        link->lost = strcmp(state, "25006") == 0;
        break;
    }
    snprintf(err->upstream, sizeof(err->upstream), "%s", state);
    return code;
}
