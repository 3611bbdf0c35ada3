-- Fluxa's tables, the role with which the bot reads them, and the one that owns them.
CREATE DATABASE fluxa;
\connect fluxa
CREATE TABLE events (event_id text PRIMARY KEY, user_id text, ts timestamptz NOT NULL DEFAULT now(), payload jsonb);
CREATE TABLE idempotency_keys (event_id text PRIMARY KEY, status text NOT NULL, attempts integer NOT NULL DEFAULT 0,
                               error_reason text, last_seen_at timestamptz NOT NULL DEFAULT now());
CREATE ROLE fluxabot_ro LOGIN;
GRANT CONNECT ON DATABASE fluxa TO fluxabot_ro;
CREATE TABLE fluxabot_dedupe_backup (LIKE events, removed_at timestamptz);
GRANT SELECT ON events, idempotency_keys, fluxabot_dedupe_backup TO fluxabot_ro;
GRANT pg_read_all_stats TO fluxabot_ro; -- otherwise the sessions of others are hidden, without an error
CREATE EXTENSION pg_stat_statements;
CREATE ROLE fluxabot_owner LOGIN;
GRANT CREATE ON SCHEMA public TO fluxabot_owner;
ALTER TABLE events OWNER TO fluxabot_owner;
ALTER TABLE idempotency_keys OWNER TO fluxabot_owner;
ALTER TABLE fluxabot_dedupe_backup OWNER TO fluxabot_owner;
