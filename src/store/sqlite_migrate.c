/* sqlite_migrate.c - the schema in SQLite, version by version, and the refusal of files that are
 * not ours. */
#include "sqlite.h"

/* "fxbt": stands in the file's header, so that `file` and we know whose it is. */
enum { STORE_APPLICATION_ID = 0x66786274 };

/* Rows are counted (n, seq, id) where order matters more than time: clocks repeat themselves. The
 * partial indexes hold only what is alive, so they stay small while the tables grow. */
static const char schema_1[] =
    "CREATE TABLE events (id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, body TEXT NOT NULL, "
    "verified INTEGER NOT NULL, received_ms INTEGER NOT NULL, key1 TEXT NOT NULL, "
    "key2 TEXT NOT NULL, key3 TEXT NOT NULL) STRICT;"
    "CREATE TABLE event_keys (key TEXT NOT NULL PRIMARY KEY, event TEXT NOT NULL) "
    "STRICT, WITHOUT ROWID;"

    "CREATE TABLE jobs (id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, "
    "subject TEXT NOT NULL, state INTEGER NOT NULL DEFAULT 0, due_ms INTEGER NOT NULL, "
    "at_ms INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, token TEXT NOT NULL DEFAULT '', "
    "worker TEXT NOT NULL DEFAULT '', last_error TEXT NOT NULL DEFAULT '', "
    "settled_ms INTEGER NOT NULL DEFAULT 0) STRICT;"
    "CREATE INDEX jobs_live ON jobs (at_ms, id) WHERE state < 2;"
    "CREATE INDEX jobs_subject ON jobs (kind, subject) WHERE state < 2;"
    "CREATE INDEX jobs_done ON jobs (settled_ms) WHERE state = 2;"
    "CREATE INDEX jobs_quarantined ON jobs (at_ms, id) WHERE state = 3;"

    "CREATE TABLE runs (id TEXT NOT NULL PRIMARY KEY, system TEXT NOT NULL, "
    "environment TEXT NOT NULL, command TEXT NOT NULL, runbook_digest TEXT NOT NULL, "
    "arguments_json TEXT NOT NULL, trigger_kind TEXT NOT NULL, requester TEXT NOT NULL, "
    "channel TEXT NOT NULL, response_url TEXT NOT NULL, parent TEXT NOT NULL, "
    "incident TEXT NOT NULL, state INTEGER NOT NULL, note TEXT NOT NULL, step INTEGER NOT NULL, "
    "values_json TEXT NOT NULL, checkpoint_json TEXT NOT NULL, stop_requested INTEGER NOT NULL, "
    "stop_by TEXT NOT NULL, created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL) STRICT;"
    "CREATE INDEX runs_created ON runs (created_ms, id);"

    "CREATE TABLE approvals (n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, "
    "run TEXT NOT NULL REFERENCES runs (id), step TEXT NOT NULL, digest TEXT NOT NULL, "
    "plan_json TEXT NOT NULL, requester TEXT NOT NULL, state INTEGER NOT NULL DEFAULT 0, "
    "created_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL, "
    "execute_before_ms INTEGER NOT NULL DEFAULT 0, decided_by TEXT NOT NULL DEFAULT '', "
    "decided_ms INTEGER NOT NULL DEFAULT 0, reason TEXT NOT NULL DEFAULT '') STRICT;"
    "CREATE INDEX approvals_step ON approvals (run, step, n);"
    "CREATE INDEX approvals_pending ON approvals (n) WHERE state = 0;"

    "CREATE TABLE intents (n INTEGER PRIMARY KEY AUTOINCREMENT, "
    "run TEXT NOT NULL REFERENCES runs (id), step TEXT NOT NULL, key TEXT NOT NULL, "
    "digest TEXT NOT NULL, state INTEGER NOT NULL DEFAULT 0, what_json TEXT NOT NULL, "
    "outcome_json TEXT NOT NULL DEFAULT '', set_ms INTEGER NOT NULL, "
    "settled_ms INTEGER NOT NULL DEFAULT 0, UNIQUE (run, step, key)) STRICT;"

    "CREATE TABLE incidents (n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, "
    "system TEXT NOT NULL, environment TEXT NOT NULL, key TEXT NOT NULL, title TEXT NOT NULL, "
    "severity TEXT NOT NULL, state INTEGER NOT NULL, opened_ms INTEGER NOT NULL, "
    "closed_ms INTEGER NOT NULL, changed_ms INTEGER NOT NULL, seen INTEGER NOT NULL, "
    "acked_by TEXT NOT NULL, acked_ms INTEGER NOT NULL, paged INTEGER NOT NULL, "
    "body_json TEXT NOT NULL, version INTEGER NOT NULL DEFAULT 1) STRICT;"
    "CREATE UNIQUE INDEX incidents_open ON incidents (system, key) WHERE state = 0;"
    "CREATE INDEX incidents_key ON incidents (system, key, opened_ms);"
    "CREATE INDEX incidents_opened ON incidents (opened_ms);"

    "CREATE TABLE outbox (seq INTEGER PRIMARY KEY AUTOINCREMENT, place INTEGER NOT NULL, "
    "kind INTEGER NOT NULL, key TEXT NOT NULL, parent TEXT NOT NULL, channel TEXT NOT NULL, "
    "user_id TEXT NOT NULL, response_url TEXT NOT NULL, payload_json TEXT NOT NULL, "
    "state INTEGER NOT NULL DEFAULT 0, attempts INTEGER NOT NULL, due_ms INTEGER NOT NULL, "
    "created_ms INTEGER NOT NULL, last_error TEXT NOT NULL, "
    "ended_ms INTEGER NOT NULL DEFAULT 0) STRICT;"
    "CREATE INDEX outbox_unsent ON outbox (place) WHERE state < 2;"
    "CREATE INDEX outbox_key ON outbox (kind, key, place) WHERE state < 2;"
    "CREATE INDEX outbox_sent ON outbox (ended_ms) WHERE state = 2;"
    "CREATE INDEX outbox_failed ON outbox (place) WHERE state = 3;"
    "CREATE TABLE message_ts (key TEXT NOT NULL PRIMARY KEY, ts TEXT NOT NULL, "
    "channel TEXT NOT NULL, at_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;"

    "CREATE TABLE audit (n INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, actor TEXT NOT NULL, "
    "action TEXT NOT NULL, subject TEXT NOT NULL, detail_json TEXT NOT NULL, "
    "previous_hash TEXT NOT NULL, hash TEXT NOT NULL) STRICT;"
    "CREATE INDEX audit_subject ON audit (subject, n);"

    "CREATE TABLE settings (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) "
    "STRICT, WITHOUT ROWID;";

/* Who approved; before, decided_by alone knew. */
static const char schema_2[] =
    "ALTER TABLE approvals ADD COLUMN needed INTEGER NOT NULL DEFAULT 1;"
    "CREATE TABLE votes (n INTEGER PRIMARY KEY AUTOINCREMENT, "
    "approval TEXT NOT NULL REFERENCES approvals (id), voter TEXT NOT NULL, "
    "at_ms INTEGER NOT NULL, UNIQUE (approval, voter)) STRICT;"
    "INSERT INTO votes (approval, voter, at_ms) SELECT id, decided_by, decided_ms FROM approvals "
    "WHERE state = 1 ORDER BY n;";

/* How often whoever held a job was gone before it was settled. */
static const char schema_3[] = "ALTER TABLE jobs ADD COLUMN deaths INTEGER NOT NULL DEFAULT 0;";

/* Lanes: one order and one pace, for all processes. A lane's name begins with what is done in it:
 * "post C1", "edit C1", "whisper U1", "view U1", "page"; that word alone is the method, which the
 * other side may put off as a whole. Storms: alarms that come too many at once to be told one by
 * one. */
static const char schema_4[] =
    "ALTER TABLE outbox ADD COLUMN lane TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE outbox ADD COLUMN urgency INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE outbox ADD COLUMN doubt INTEGER NOT NULL DEFAULT 0;"
    "UPDATE outbox SET lane = CASE kind WHEN 0 THEN CASE WHEN key IN (SELECT t.key FROM message_ts "
    "AS t) THEN 'edit ' ELSE 'post ' END || channel WHEN 1 THEN 'whisper ' || user_id "
    "WHEN 2 THEN 'view ' || user_id ELSE 'page' END WHERE state < 2;"
    "CREATE INDEX outbox_lane ON outbox (lane, urgency, place) WHERE state < 2;"
    "CREATE INDEX outbox_thread ON outbox (parent, place) WHERE state < 2;"
    "CREATE TABLE lanes (name TEXT NOT NULL PRIMARY KEY, free_ms INTEGER NOT NULL, "
    "next_ms INTEGER NOT NULL, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID;"

    "CREATE TABLE storms (id TEXT NOT NULL PRIMARY KEY, channel TEXT NOT NULL, "
    "began_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL, ended_ms INTEGER NOT NULL, "
    "count INTEGER NOT NULL, news INTEGER NOT NULL, told INTEGER NOT NULL, "
    "told_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE UNIQUE INDEX storms_open ON storms (channel) WHERE ended_ms = 0;"
    "CREATE INDEX storms_untold ON storms (told_ms) WHERE news <> told;"
    "CREATE TABLE storm_members (n INTEGER PRIMARY KEY AUTOINCREMENT, storm TEXT NOT NULL, "
    "incident TEXT NOT NULL, system TEXT NOT NULL, severity TEXT NOT NULL, rank INTEGER NOT NULL, "
    "prefix TEXT NOT NULL, UNIQUE (storm, incident)) STRICT;";

/* Until when an older text may arrive after this one. */
static const char schema_5[] = "ALTER TABLE outbox ADD COLUMN late_ms INTEGER NOT NULL DEFAULT 0;";

/* Who waits for a job: 1, a person. What waits now was written by those who did not say. Counting
 * what waits reads this index alone. Of a storm's alarms the state is kept with them, too: its card
 * is told every few seconds, and ten thousand incidents are too many to read for that. */
static const char schema_6[] =
    "ALTER TABLE jobs ADD COLUMN rank INTEGER NOT NULL DEFAULT 0;"
    "UPDATE jobs SET rank = 1 WHERE state < 2 AND (kind IN ('expire', 'remind') OR "
    "(kind = 'event' AND EXISTS (SELECT 1 FROM events AS e WHERE e.id = jobs.subject AND "
    "e.kind LIKE 'slack.%')) OR (kind = 'run' AND EXISTS (SELECT 1 FROM runs AS r WHERE "
    "r.id = jobs.subject AND r.requester <> '')));"
    "DROP INDEX jobs_live;"
    "CREATE INDEX jobs_ranked ON jobs (rank, at_ms, id, state) WHERE state < 2;"

    "ALTER TABLE storm_members ADD COLUMN state INTEGER NOT NULL DEFAULT 0;"
    "UPDATE storm_members SET state = 1 WHERE incident IN (SELECT i.id FROM incidents AS i WHERE "
    "i.state = 1);"
    "CREATE INDEX storm_members_incident ON storm_members (incident);"
    "CREATE INDEX storm_members_worst ON storm_members (storm, state, rank, n);"
    "CREATE INDEX storm_members_kinds ON storm_members (storm, system, severity, prefix, state);";

/* Each accepted event is a job that nobody looks up by its subject until it is leased: an index
 * that holds such jobs would be one more page of every commit. */
static const char schema_7[] =
    "DROP INDEX jobs_subject;"
    "CREATE INDEX jobs_leased ON jobs (kind, subject) WHERE state = 1;"
    "CREATE INDEX jobs_ready ON jobs (kind, subject) WHERE state = 0 AND kind <> 'event';";

/* One entry per version; a released one is never changed. */
static const char *const migrations[STORE_SCHEMA_VERSION] = {schema_1, schema_2, schema_3, schema_4,
                                                             schema_5, schema_6, schema_7};

static enum fx_code check_ours(struct sqlite_db *self, int64_t *ret_version, struct fx_error *err) {
    int64_t application = 0;
    int64_t tables = 0;

    FX_TRY(sqlite_pragma_int(self, "PRAGMA application_id", &application, err));
    FX_TRY(sqlite_pragma_int(self, "PRAGMA user_version", ret_version, err));
    FX_TRY(sqlite_pragma_int(self, "SELECT COUNT(*) FROM sqlite_master", &tables, err));
    bool empty = application == 0 && *ret_version == 0 && tables == 0;
    if (application != STORE_APPLICATION_ID && !empty)
        return fx_fail(err, FX_ERR_INPUT,
                       "%s is a database of another program: name another file in store.url",
                       self->path);
    if (*ret_version < 0 || *ret_version > (int64_t)FX_COUNT_OF(migrations))
        return fx_fail(
            err, FX_ERR_INPUT,
            "%s was written by a newer fluxabot (schema %lld, this one knows %zu): start "
            "the newer program again, or restore the copy made before it was installed",
            self->path, (long long)*ret_version, FX_COUNT_OF(migrations));
    return FX_OK;
}

static enum fx_code step_up(struct sqlite_db *self, int64_t version, struct fx_error *err) {
    for (size_t i = (size_t)version; i < FX_COUNT_OF(migrations); i++)
        FX_TRY(sqlite_pragma(self, migrations[i], err));

    char *sql = fx_printf(self->db.sc, "PRAGMA application_id = %d; PRAGMA user_version = %zu",
                          STORE_APPLICATION_ID, FX_COUNT_OF(migrations));
    return sqlite_pragma(self, sql, err);
}

enum fx_code sqlite_migrate(struct sqlite_db *self, struct fx_error *err) {
    int64_t version = 0;

    FX_TRY(check_ours(self, &version, err));
    /* only now, because a foreign file must not be changed, not even its journal mode */
    FX_TRY(sqlite_pragma(self, "PRAGMA journal_mode = WAL", err));
    if (version == (int64_t)FX_COUNT_OF(migrations))
        return FX_OK;

    FX_TRY(sqlite_pragma(self, "BEGIN IMMEDIATE", err));
    /* another process may have migrated while we waited */
    enum fx_code code = check_ours(self, &version, err);
    if (code == FX_OK)
        code = step_up(self, version, err);
    if (code == FX_OK)
        code = sqlite_pragma(self, "COMMIT", err);
    if (code != FX_OK) {
        struct fx_error ignored;
        (void)sqlite_pragma(self, "ROLLBACK", &ignored);
    }
    return code;
}
