/* postgres_connect.c - opens a connection, sets it up, and refuses a server that forgets.
 *
 * Settings, prepared statements and the lock by which others know that we live belong to a session:
 * between us and the server there may be a pooler only if it gives each client one of its own.
 */
#include "postgres.h"

#include <libpq-fe.h>
#include <poll.h>
#include <string.h>

/* ---- making it ---- */

static void note(void *argument, const PGresult *result) {
    struct postgres_link *link = argument;
    const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);

    link->warned |= severity != NULL && strcmp(severity, "WARNING") == 0;
}

static enum fx_code not_reached(const struct postgres_link *link, struct fx_error *err) {
    const char *why = PQerrorMessage(link->connection);

    return fx_fail(err, FX_ERR_UNAVAILABLE, "PostgreSQL cannot be reached: %.*s",
                   (int)strcspn(why, "\n"), why);
}

/* The address may choose another server among several and how to encrypt; the rest is ours. */
static void start(struct postgres_db *self, struct postgres_link *link) {
    static const char *const names[] = {"target_session_attrs", "dbname",
                                        "application_name",     "client_encoding",
                                        "keepalives",           "keepalives_idle",
                                        "keepalives_interval",  "keepalives_count",
                                        "tcp_user_timeout",     NULL};
    const char *silence = fx_printf(link->link.sc, "%d", POSTGRES_SILENCE_MS);
    const char *const values[] = {"read-write", self->url, "fluxabot", "UTF8",  "1",
                                  "10",         "5",       "3",        silence, NULL};

    link->connection = PQconnectStartParams(names, values, 1);
    PQsetNoticeReceiver(link->connection, note, link);
}

static enum fx_code reach(struct postgres_db *self, struct postgres_link *link,
                          struct fx_error *err) {
    PostgresPollingStatusType next = PGRES_POLLING_WRITING;

    start(self, link);
    while (next != PGRES_POLLING_OK && next != PGRES_POLLING_FAILED &&
           PQstatus(link->connection) != CONNECTION_BAD) {
        if (!postgres_wait(link, next == PGRES_POLLING_READING ? POLLIN : POLLOUT))
            return fx_fail(err, FX_ERR_UNAVAILABLE,
                           "PostgreSQL cannot be reached: it gave no answer in time");
        next = PQconnectPoll(link->connection);
    }
    if (PQstatus(link->connection) != CONNECTION_OK)
        return not_reached(link, err);
    return PQsetnonblocking(link->connection, 1) == 0 ? FX_OK : not_reached(link, err);
}

/* ---- setting it up ---- */

/* What it shows is that the disk has what a commit says it has, also after a power cut. */
static enum fx_code check_durable(const char *shown, struct fx_error *err) {
    static const struct {
        const char *setting;
        const char *loses;
    } needed[] = {
        {"synchronous_commit", "what it has acknowledged"},
        {"fsync", "the whole database"},
        {"full_page_writes", "pages that were being written"},
    };
    struct fx_slice rest = fx_slice_of(shown);

    for (size_t i = 0; i < FX_COUNT_OF(needed); i++) {
        struct fx_slice value = rest;
        fx_slice_split(rest, ' ', &value, &rest);
        if (fx_slice_equal_text(value, "off"))
            return fx_fail(err, FX_ERR_INPUT,
                           "this PostgreSQL runs with %s = off, so a crash may lose %s: set "
                           "%s = on in postgresql.conf, and look for it in ALTER DATABASE and "
                           "ALTER ROLE",
                           needed[i].setting, needed[i].loses, needed[i].setting);
    }
    if (!fx_slice_equal_text(rest, "UTF8"))
        return fx_fail(err, FX_ERR_INPUT,
                       "the database in store.url is encoded as %.*s: make one with "
                       "CREATE DATABASE ... ENCODING 'UTF8'",
                       (int)rest.len, rest.ptr);
    return FX_OK;
}

/* The lock ends with the connection, whatever ends it: by it the others know that we live. Shared,
 * so that each of our connections can hold it, also beside one that the server has not given up. */
static enum fx_code set_up(struct postgres_db *self, struct postgres_link *link,
                           struct fx_error *err) {
    struct fx_scope *sc = link->link.sc;
    const char *shown = NULL;

    FX_TRY(postgres_script(
        link, sc,
        fx_printf(sc,
                  "SET search_path = fluxabot, pg_temp; SET statement_timeout = %d; "
                  "SET lock_timeout = %d; SET idle_in_transaction_session_timeout = %d; "
                  "SET default_transaction_isolation = 'read committed'; SET jit = off; "
                  "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; "
                  "SET tcp_keepalives_count = 3; SET fluxabot.owner = '%lld'; "
                  "SELECT pg_advisory_lock_shared(%lld)",
                  POSTGRES_STATEMENT_MS, POSTGRES_LOCK_MS, POSTGRES_PAUSE_MS,
                  (long long)self->owner, (long long)self->owner),
        NULL, err));
    FX_TRY(
        postgres_script(link, sc,
                        "SELECT current_setting('synchronous_commit'), current_setting('fsync'), "
                        "current_setting('full_page_writes'), current_setting('server_encoding')",
                        &shown, err));
    return check_durable(shown, err);
}

enum fx_code postgres_connect(struct postgres_db *self, struct postgres_link *link,
                              struct fx_error *err) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    int64_t deadline_ms = link->deadline_ms;
    int64_t own_ms = store_waiting_ms() + POSTGRES_CONNECT_MS;

    memset(link->prepared, 0, sizeof(link->prepared));
    link->lost = link->again = link->warned = false;
    link->link.db = &self->db;
    link->link.sc = sc;
    link->deadline_ms = own_ms < deadline_ms ? own_ms : deadline_ms;
    enum fx_code code = reach(self, link, err);
    if (code == FX_OK)
        code = set_up(self, link, err);
    link->deadline_ms = deadline_ms;
    link->link.sc = NULL;
    if (code != FX_OK)
        postgres_disconnect(link);
    return code;
}

void postgres_disconnect(struct postgres_link *link) {
    PQfinish(link->connection);
    link->connection = NULL;
}

bool postgres_is_alive(struct postgres_link *link) {
    struct pollfd socket = {.fd = PQsocket(link->connection), .events = POLLIN};

    /* nobody asked for anything: it is a last word with the end behind it, or of no interest */
    while (poll(&socket, 1, 0) > 0)
        if (PQconsumeInput(link->connection) == 0)
            return false;
    return PQstatus(link->connection) == CONNECTION_OK;
}
