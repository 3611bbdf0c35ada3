/* statements.c - every SQL statement of the store, by name: what both databases read, then what
 * each of them wants said otherwise.
 *
 * Parameters are $1, $2, ... in the order of their first use: PostgreSQL and SQLite both read that,
 * and sqlite.c refuses a statement that counts otherwise. States and ranks are the numbers of
 * store.h; the literals state < 2 (a live job, an unsent message) and state = 3 repeat the
 * conditions of the partial indexes, without which SQLite would not use them.
 */
#include "private.h"

#define JOB_COLUMNS "j.id, j.kind, j.subject, j.due_ms, j.attempts, j.token, j.last_error, j.rank"
#define RUN_COLUMNS                                                                                \
    "id, system, environment, command, runbook_digest, arguments_json, trigger_kind, requester, "  \
    "channel, response_url, parent, incident, state, note, step, values_json, checkpoint_json, "   \
    "stop_requested, stop_by, created_ms, updated_ms"
#define APPROVAL_COLUMNS                                                                           \
    "id, run, step, digest, plan_json, requester, state, created_ms, expires_ms, "                 \
    "execute_before_ms, decided_by, decided_ms, reason, needed"
#define INCIDENT_COLUMNS                                                                           \
    "id, system, environment, key, title, severity, state, opened_ms, closed_ms, changed_ms, "     \
    "seen, acked_by, acked_ms, paged, body_json, version"
#define INCIDENT_CHANGE                                                                            \
    "incidents SET id = $1, system = $2, environment = $3, key = $4, title = $5, severity = $6, "  \
    "state = $7, opened_ms = $8, closed_ms = $9, changed_ms = $10, seen = $11, acked_by = $12, "   \
    "acked_ms = $13, paged = $14, body_json = $15, version = $16 + 1 WHERE id = $1 AND "           \
    "version = $16"
#define MESSAGE_COLUMNS                                                                            \
    "m.seq, m.kind, m.key, m.parent, m.channel, m.user_id, m.response_url, m.payload_json, "       \
    "m.state, m.attempts, m.due_ms, m.created_ms, m.last_error, m.place, m.lane, m.urgency, "      \
    "m.doubt, "                                                                                    \
    "(SELECT t.ts FROM message_ts AS t WHERE t.key = m.key), "                                     \
    "(SELECT t.ts FROM message_ts AS t WHERE t.key = m.parent), m.late_ms"
#define STORM_COLUMNS "id, channel, began_ms, last_ms, ended_ms, count, news, told, told_ms"
#define AUDIT_COLUMNS "n, at_ms, actor, action, subject, detail_json, previous_hash, hash"

/* Nothing of the same kind and key that is older and unsent. */
#define MESSAGE_FIRST_OF_KEY                                                                       \
    "(m.key = '' OR NOT EXISTS (SELECT 1 FROM outbox AS o WHERE o.kind = m.kind AND "              \
    "o.key = m.key AND o.state < 2 AND o.place < m.place))"
/* Only a PUT (kind 0) and a FILE (kind 4) go into a thread. What belongs to a message that Slack
 * never took is said without one. */
#define MESSAGE_PARENT_POSTED                                                                      \
    "(m.kind NOT IN (0, 4) OR m.parent = '' OR EXISTS (SELECT 1 FROM message_ts AS t "             \
    "WHERE t.key = m.parent) OR (EXISTS (SELECT 1 FROM outbox AS p WHERE p.state = 3 AND "         \
    "p.kind = 0 AND p.key = m.parent) AND NOT EXISTS (SELECT 1 FROM outbox AS p WHERE "            \
    "p.kind = 0 AND p.key = m.parent AND p.state < 2)))"

#define NUMBER(n) NUMBER_OF(n)
#define NUMBER_OF(n) #n
/* Of a job whose holder is gone. */
#define ONE_MORE_DEATH                                                                             \
    "deaths + CASE WHEN deaths < " NUMBER(FX_STORE_SHARED_DEATHS) " OR worker = '" FX_STORE_ALONE  \
                                                                  "' THEN 1 ELSE 0 END"
/* What a thread says stands in its order. A post that fails again and again lets the others by, or
 * it would silence them for good: once for each dozen of its attempts, because while Slack takes
 * nothing at all they fail as well, and then the order is to hold. A file follows the posts before
 * it; no post waits for a file. */
#define MESSAGE_FIRST_OF_THREAD                                                                    \
    "((m.kind <> 4 AND (m.kind <> 0 OR m.lane NOT LIKE 'post %')) OR m.parent = '' OR "            \
    "NOT EXISTS (SELECT 1 FROM "                                                                   \
    "outbox AS o WHERE o.parent = m.parent AND o.state < 2 AND o.place < m.place AND "             \
    "(o.lane = m.lane OR (m.kind = 4 AND o.lane = 'post ' || m.channel)) AND "                     \
    "o.attempts < 12 * (m.attempts + 1)))"
/* A PUT whose message stands already is an edit. */
#define MESSAGE_LANE(kind, key, channel, user)                                                     \
    "CASE " kind " WHEN 0 THEN CASE WHEN EXISTS (SELECT 1 FROM message_ts AS t WHERE "             \
    "t.key = " key ") THEN 'edit ' ELSE 'post ' END || " channel                                   \
    " WHEN 1 THEN 'whisper ' || " user " WHEN 2 THEN 'view ' || " user                             \
    " WHEN 4 THEN 'file ' || " channel " ELSE 'page' END"

#define MESSAGE_ADD(place)                                                                         \
    "INSERT INTO outbox (place, kind, key, parent, channel, user_id, response_url, payload_json, " \
    "due_ms, created_ms, attempts, last_error, urgency, doubt, late_ms, lane) VALUES (" place      \
    ", $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, " MESSAGE_LANE(               \
        "$2", "$3", "$5", "$6") ") RETURNING seq"

/* The due job of this rank that waits longest and whose subject nobody holds. */
#define JOB_FIRST(rank)                                                                            \
    "SELECT " JOB_COLUMNS ", "                                                                     \
    "CASE WHEN j.state = 1 THEN " ONE_MORE_DEATH " ELSE deaths END FROM jobs AS j "                \
    "WHERE j.state < 2 AND j.at_ms <= $1 AND j.rank = " rank " "                                   \
    "AND NOT EXISTS (SELECT 1 FROM jobs AS o WHERE o.kind = j.kind AND "                           \
    "o.subject = j.subject AND o.state < 2 AND o.state = 1 AND o.at_ms > $1) "                     \
    "ORDER BY j.at_ms, j.id LIMIT 1"
/* The first of each rank. */
#define JOB_OF(rank) "SELECT * FROM (" JOB_FIRST(rank) ") AS of_rank_" rank
#define JOB_LOOK JOB_OF("0") " UNION ALL " JOB_OF("1")
/* Of each rank from its place in the index, however many wait before it. */
#define JOB_NEXT_OF(rank)                                                                          \
    "SELECT MIN(at_ms) AS at_ms FROM jobs WHERE state < 2 AND rank = " rank " AND at_ms > $1"
#define JOB_NEXT                                                                                   \
    "SELECT MIN(n.at_ms) FROM (" JOB_NEXT_OF("0") " UNION ALL " JOB_NEXT_OF("1") ") AS n"
#define JOB_SOONEST_OF(rank) "SELECT MIN(at_ms) AS at_ms FROM jobs WHERE state < 2 AND rank = " rank
#define JOB_NEXT_OF_ALL                                                                            \
    "SELECT MIN(n.at_ms) FROM (" JOB_SOONEST_OF("0") " UNION ALL " JOB_SOONEST_OF("1") ") AS n"
#define JOB_READY_OF                                                                               \
    "SELECT id FROM jobs WHERE kind = $1 AND subject = $2 AND state < 2 AND state = 0 LIMIT 1"
/* at_ms of a leased job is the end of its lease. */
#define JOB_HELD "SELECT at_ms FROM jobs WHERE id = $1 AND state = 1 AND token = $2"
#define RUN_STOPPED "SELECT stop_requested FROM runs WHERE id = $1"
#define APPROVAL_GET "SELECT " APPROVAL_COLUMNS " FROM approvals WHERE id = $1"
#define APPROVAL_TERMS "SELECT state, execute_before_ms FROM approvals WHERE id = $1"
#define MESSAGE_WAITING_OF                                                                         \
    "SELECT " MESSAGE_COLUMNS " FROM outbox AS m WHERE m.kind = $1 AND m.key = $2 AND "            \
    "m.state < 2 AND m.state = 0 AND m.seq <> $3 ORDER BY m.place DESC LIMIT 1"
#define MESSAGE_TAKE "SELECT " MESSAGE_COLUMNS " FROM outbox AS m WHERE m.seq = $1"

const struct store_statement_text store_statements[STMT_COUNT] = {
    [STMT_BEGIN] = {"begin", "BEGIN"},
    [STMT_COMMIT] = {"commit", "COMMIT"},
    [STMT_ROLLBACK] = {"rollback", "ROLLBACK"},
    [STMT_SAVE] = {"save", "SAVEPOINT one"},
    [STMT_SAVE_KEEP] = {"save_keep", "RELEASE SAVEPOINT one"},
    [STMT_SAVE_UNDO] = {"save_undo", "ROLLBACK TO SAVEPOINT one"},

    [STMT_LOCK_NAME] = {"lock_name", ""},

    [STMT_EVENT_TAKE] = {"event_take", ""},
    [STMT_EVENTS_KEYS] = {"events_keys", ""},
    [STMT_EVENTS_ADD] = {"events_add", ""},
    [STMT_EVENT_ADD_GIVEN] = {"event_add_given", ""},
    [STMT_EVENT_KEYS_1] = {"event_keys_1", ""},
    [STMT_EVENT_KEYS_2] = {"event_keys_2", ""},
    [STMT_EVENT_KEYS_3] = {"event_keys_3", ""},
    [STMT_JOB_ADD_GIVEN] = {"job_add_given", ""},
    [STMT_EVENT_ADD] = {"event_add", "INSERT INTO events (id, kind, body, verified, received_ms, "
                                     "key1, key2, key3) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) "
                                     "ON CONFLICT (id) DO NOTHING"},
    [STMT_EVENT_KEY_ADD] = {"event_key_add", "INSERT INTO event_keys (key, event) VALUES ($1, $2) "
                                             "ON CONFLICT (key) DO NOTHING"},
    [STMT_EVENT_KEY_DROP] = {"event_key_drop", "DELETE FROM event_keys WHERE key = $1"},
    [STMT_EVENT_GET] = {"event_get", "SELECT id, kind, body, verified, received_ms, key1, key2, "
                                     "key3 FROM events WHERE id = $1"},

    [STMT_JOB_ADD] = {"job_add", "INSERT INTO jobs (kind, subject, due_ms, at_ms, rank) "
                                 "VALUES ($1, $2, $3, $3, $4)"},
    [STMT_JOB_READY_OF] = {"job_ready_of", JOB_READY_OF},
    [STMT_JOB_SOONER] = {"job_sooner",
                         "UPDATE jobs SET due_ms = CASE WHEN at_ms > $1 THEN $1 ELSE due_ms END, "
                         "at_ms = CASE WHEN at_ms > $1 THEN $1 ELSE at_ms END, "
                         "rank = CASE WHEN rank < $2 THEN $2 ELSE rank END "
                         "WHERE id = $3 AND (at_ms > $1 OR rank < $2)"},
    [STMT_JOB_LOOK] = {"job_look", JOB_LOOK},
    [STMT_JOB_FIRST] = {"job_first", JOB_FIRST("$2")},
    [STMT_JOB_LEASE] = {"job_lease",
                        "UPDATE jobs SET state = 1, token = $1, worker = $2, "
                        "at_ms = $3, attempts = attempts + 1, deaths = $4 WHERE id = $5"},
    [STMT_JOB_DISOWN] =
        {"job_disown",
         "UPDATE jobs SET state = 0, token = '', deaths = " ONE_MORE_DEATH " "
         "WHERE kind = $1 AND subject = $2 AND state < 2 AND state = 1 AND id <> $3 AND "
         "at_ms <= $4"},
    [STMT_JOB_RELEASE] = {"job_release", "UPDATE jobs SET state = 0, token = '', at_ms = due_ms, "
                                         "deaths = " ONE_MORE_DEATH " WHERE state = 1"},
    [STMT_JOB_NEXT] = {"job_next", JOB_NEXT},
    /* of those that are due as well */
    [STMT_JOB_NEXT_OF_ALL] = {"job_next_of_all", JOB_NEXT_OF_ALL},
    [STMT_JOB_HELD] = {"job_held", JOB_HELD},
    [STMT_JOB_EXTEND] = {"job_extend", "UPDATE jobs SET at_ms = $1 WHERE id = $2"},
    [STMT_JOB_END] = {"job_end", "UPDATE jobs SET state = $1, token = '', last_error = $2, "
                                 "settled_ms = $3 WHERE id = $4"},
    [STMT_JOB_RETRY] = {"job_retry", "UPDATE jobs SET state = 0, token = '', due_ms = $1, "
                                     "at_ms = $1, last_error = $2 WHERE id = $3"},
    [STMT_JOB_BACK] = {"job_back", "UPDATE jobs SET state = 0, token = '', due_ms = $1, "
                                   "at_ms = $1, attempts = attempts - 1 WHERE id = $2"},
    [STMT_JOB_REVIVE] = {"job_revive",
                         "UPDATE jobs SET state = 0, attempts = 0, deaths = 0, "
                         "rank = 1, due_ms = $1, at_ms = $1 WHERE id = $2 AND state = 3 AND "
                         "NOT EXISTS (SELECT 1 FROM jobs AS o WHERE o.kind = "
                         "jobs.kind AND o.subject = jobs.subject AND o.state < 2 "
                         "AND o.state = 0)"},
    [STMT_JOB_LIST] = {"job_list",
                       "SELECT " JOB_COLUMNS ", j.deaths FROM jobs AS j WHERE j.state = $1 "
                       "ORDER BY j.at_ms, j.id LIMIT $2"},
    [STMT_JOB_COUNTS] = {"job_counts",
                         "SELECT state, COUNT(*) FROM jobs WHERE state < 2 GROUP BY state "
                         "UNION ALL SELECT 3, COUNT(*) FROM jobs WHERE state = 3"},
    [STMT_JOB_PRUNE] = {"job_prune", "DELETE FROM jobs WHERE id IN (SELECT id FROM jobs WHERE "
                                     "state = 2 AND settled_ms < $1 ORDER BY settled_ms LIMIT $2)"},

    [STMT_RUN_PUT] =
        {"run_put",
         "INSERT INTO runs (" RUN_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, "
         "$12, $13, $14, $15, $16, $17, $18, $19, $20, $21) ON CONFLICT (id) DO UPDATE SET "
         "system = excluded.system, environment = excluded.environment, "
         "command = excluded.command, runbook_digest = excluded.runbook_digest, "
         "arguments_json = excluded.arguments_json, trigger_kind = excluded.trigger_kind, "
         "requester = excluded.requester, channel = excluded.channel, "
         "response_url = excluded.response_url, parent = excluded.parent, "
         "incident = excluded.incident, state = excluded.state, note = excluded.note, "
         "step = excluded.step, values_json = excluded.values_json, "
         "checkpoint_json = excluded.checkpoint_json, "
         "stop_by = CASE WHEN runs.stop_requested = 1 THEN runs.stop_by ELSE excluded.stop_by END, "
         "stop_requested = CASE WHEN runs.stop_requested = 1 THEN 1 "
         "ELSE excluded.stop_requested END, "
         "created_ms = excluded.created_ms, updated_ms = excluded.updated_ms"},
    [STMT_RUN_GET] = {"run_get", "SELECT " RUN_COLUMNS " FROM runs WHERE id = $1"},
    [STMT_RUN_LIST] = {"run_list",
                       "SELECT " RUN_COLUMNS " FROM runs WHERE ($1 = '' OR system = $1) "
                       "AND state < $2 ORDER BY created_ms DESC, id DESC LIMIT $3"},
    [STMT_RUN_STOP] = {"run_stop", "UPDATE runs SET stop_requested = 1, stop_by = $1 WHERE id = $2 "
                                   "AND stop_requested = 0 AND state < $3"},
    [STMT_RUN_STOPPED] = {"run_stopped", RUN_STOPPED},
    [STMT_RUN_STOPPED_BY] = {"run_stopped_by",
                             "SELECT stop_by FROM runs WHERE id = $1 AND stop_requested = 1"},
    [STMT_RUN_STOP_TAKE] = {"run_stop_take", RUN_STOPPED},

    [STMT_APPROVAL_ADD] = {"approval_add",
                           "INSERT INTO approvals (id, run, step, digest, plan_json, requester, "
                           "created_ms, expires_ms, needed) VALUES ($1, $2, $3, $4, $5, $6, $7, "
                           "$8, $9) "
                           "ON CONFLICT (id) DO NOTHING"},
    [STMT_APPROVAL_GET] = {"approval_get", APPROVAL_GET},
    [STMT_APPROVAL_TAKE] = {"approval_take", APPROVAL_GET},
    [STMT_APPROVAL_TERMS_TAKE] = {"approval_terms_take", APPROVAL_TERMS},
    [STMT_APPROVAL_OF] = {"approval_of", "SELECT " APPROVAL_COLUMNS " FROM approvals WHERE "
                                         "run = $1 AND step = $2 ORDER BY n DESC LIMIT 1"},
    [STMT_APPROVAL_PENDING] = {"approval_pending", "SELECT " APPROVAL_COLUMNS " FROM approvals "
                                                   "WHERE state = 0 ORDER BY n LIMIT $1"},
    [STMT_APPROVAL_DECIDE] = {"approval_decide",
                              "UPDATE approvals SET state = $1, decided_by = $2, decided_ms = $3, "
                              "execute_before_ms = $4, reason = $5 WHERE id = $6 AND state = 0 "
                              "AND expires_ms > $3"},
    [STMT_APPROVAL_EXPIRE] = {"approval_expire",
                              "UPDATE approvals SET state = $1, decided_by = $2, decided_ms = $3, "
                              "execute_before_ms = $4, reason = $5 WHERE id = $6 AND state = 0 "
                              "AND expires_ms <= $3"},
    [STMT_VOTE_ADD] = {"vote_add", "INSERT INTO votes (approval, voter, at_ms) VALUES "
                                   "($1, $2, $3) ON CONFLICT (approval, voter) DO NOTHING"},
    [STMT_VOTE_LIST] = {"vote_list",
                        "SELECT voter, at_ms FROM votes WHERE approval = $1 ORDER BY n"},

    [STMT_INTENT_ADD] = {"intent_add",
                         "INSERT INTO intents (run, step, key, digest, what_json, set_ms) VALUES "
                         "($1, $2, $3, $4, $5, $6) ON CONFLICT (run, step, key) DO UPDATE SET "
                         "digest = excluded.digest, state = 0, what_json = excluded.what_json, "
                         "outcome_json = '', set_ms = excluded.set_ms, settled_ms = 0 "
                         "WHERE intents.state = 4"},
    [STMT_INTENT_AGAIN] = {"intent_again",
                           "UPDATE intents SET state = 0, set_ms = $1, settled_ms = 0 WHERE "
                           "run = $2 AND step = $3 AND key = $4 AND state IN (0, 3)"},
    [STMT_INTENT_NEWEST] = {"intent_newest", "SELECT MAX(set_ms) FROM intents WHERE run = $1 AND "
                                             "step = $2"},
    /* 0 set, 3 unknown: what has no truth yet; unknown does not replace unknown. $7: the promise
     * that it is the outcome of, 0 for whichever stands */
    [STMT_INTENT_END] = {"intent_end",
                         "UPDATE intents SET state = $1, outcome_json = $2, settled_ms = $3 WHERE "
                         "run = $4 AND step = $5 AND key = $6 AND state IN (0, 3) "
                         "AND state <> $1 AND (set_ms = $7 OR $7 = 0)"},
    [STMT_INTENT_STATE] = {"intent_state", "SELECT state FROM intents WHERE run = $1 AND "
                                           "step = $2 AND key = $3"},
    [STMT_INTENT_LIST] = {"intent_list",
                          "SELECT run, step, key, digest, state, what_json, outcome_json, set_ms, "
                          "settled_ms FROM intents WHERE run = $1 AND ($2 = '' OR step = $2) "
                          "ORDER BY n"},

    [STMT_INCIDENT_PUT] =
        {"incident_put",
         "INSERT INTO incidents (id, system, environment, key, title, severity, state, "
         "opened_ms, closed_ms, changed_ms, seen, acked_by, acked_ms, paged, body_json, version) "
         "SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16 + 1 "
         "WHERE $16 = 0 ON CONFLICT DO NOTHING"},
    [STMT_INCIDENT_UPDATE] = {"incident_update", "UPDATE " INCIDENT_CHANGE},
    [STMT_INCIDENT_GET] = {"incident_get", "SELECT " INCIDENT_COLUMNS " FROM incidents "
                                           "WHERE id = $1"},
    [STMT_INCIDENT_BY_KEY] = {"incident_by_key",
                              "SELECT " INCIDENT_COLUMNS " FROM incidents WHERE system = $1 AND "
                              "key = $2 ORDER BY state, opened_ms DESC, n DESC LIMIT 1"},
    [STMT_INCIDENT_LIST] = {"incident_list",
                            "SELECT " INCIDENT_COLUMNS " FROM incidents WHERE ($1 = '' OR "
                            "system = $1) AND state < $2 ORDER BY opened_ms DESC, n DESC LIMIT $3"},

    [STMT_MESSAGE_WAITING_OF] = {"message_waiting_of", MESSAGE_WAITING_OF},
    [STMT_MESSAGE_DROP] = {"message_drop", "DELETE FROM outbox WHERE seq = $1"},
    [STMT_MESSAGE_ADD] = {"message_add", MESSAGE_ADD("$1")},
    [STMT_MESSAGE_PLACE] = {"message_place", "UPDATE outbox SET place = seq WHERE seq = $1"},
    [STMT_MESSAGE_READY] = {"message_ready",
                            "SELECT " MESSAGE_COLUMNS " FROM outbox AS m WHERE m.state < 2 AND "
                            "m.state = 0 AND m.lane = $1 AND m.due_ms <= $2 "
                            "AND " MESSAGE_PARENT_POSTED " AND " MESSAGE_FIRST_OF_KEY
                            " AND " MESSAGE_FIRST_OF_THREAD
                            " ORDER BY m.urgency, m.place LIMIT $3"},
    /* one that was just put; nobody of its lane is under way or waits, so it overtakes nobody */
    [STMT_MESSAGE_AT_ONCE] =
        {"message_at_once",
         "SELECT " MESSAGE_COLUMNS
         " FROM outbox AS m WHERE m.seq = $1 AND m.kind NOT IN (1, 4) AND "
         "m.due_ms <= $2 AND " MESSAGE_PARENT_POSTED " AND " MESSAGE_FIRST_OF_KEY
         " AND NOT EXISTS (SELECT 1 FROM outbox AS o WHERE o.state < 2 AND o.lane = m.lane AND "
         "o.seq <> m.seq)"},
    [STMT_MESSAGE_NEXT] = {"message_next", "SELECT MIN(due_ms) FROM outbox WHERE state < 2 AND "
                                           "state = 0 AND due_ms > $1"},
    [STMT_MESSAGE_BEGIN] = {"message_begin",
                            "UPDATE outbox AS m SET state = 1, attempts = attempts + 1 "
                            "WHERE m.seq = $1 AND m.state = 0 AND " MESSAGE_FIRST_OF_KEY},
    [STMT_MESSAGE_TAKE] = {"message_take", MESSAGE_TAKE},
    [STMT_MESSAGE_SENDING] = {"message_sending", "SELECT " MESSAGE_COLUMNS " FROM outbox AS m "
                                                 "WHERE m.state < 2 AND m.state = 1 "
                                                 "ORDER BY m.place"},
    [STMT_MESSAGE_OWN] = {"message_own", "SELECT " MESSAGE_COLUMNS " FROM outbox AS m "
                                         "WHERE m.state < 2 AND m.state = 1 ORDER BY m.place"},
    [STMT_MESSAGE_WAIT] = {"message_wait", "UPDATE outbox SET state = 0, due_ms = $1, "
                                           "last_error = $2, doubt = $3, late_ms = $4 "
                                           "WHERE seq = $5"},
    [STMT_MESSAGE_END] = {"message_end", "UPDATE outbox SET state = $1, last_error = $2, "
                                         "ended_ms = $3 WHERE seq = $4 AND state = 1"},
    [STMT_MESSAGE_LATE] = {"message_late", "UPDATE outbox SET late_ms = CASE WHEN late_ms < $1 "
                                           "THEN $1 ELSE late_ms END WHERE kind = 0 AND "
                                           "key = $2 AND state < 2 AND state = 0"},
    [STMT_MESSAGE_REPEAT] = {"message_repeat",
                             "UPDATE outbox SET state = 0, due_ms = $1, late_ms = $1, "
                             "attempts = 0, last_error = '', doubt = 0, ended_ms = 0 "
                             "WHERE seq = $2"},
    [STMT_MESSAGE_COUNTS] = {"message_counts",
                             "SELECT state, COUNT(*) FROM outbox WHERE state < 2 GROUP BY state "
                             "UNION ALL SELECT 3, COUNT(*) FROM outbox WHERE state = 3"},
    [STMT_MESSAGE_LANE] = {"message_lane", "SELECT lane FROM outbox WHERE seq = $1"},
    /* what waited to be posted under this key becomes an edit */
    [STMT_MESSAGE_POSTED] = {"message_posted", "UPDATE outbox SET lane = 'edit ' || channel, "
                                               "doubt = 0 WHERE kind = 0 AND key = $1 AND "
                                               "state < 2"},
    [STMT_MESSAGE_PRUNE] = {"message_prune",
                            "DELETE FROM outbox WHERE seq IN (SELECT seq FROM outbox WHERE "
                            "state = 2 AND ended_ms < $1 ORDER BY ended_ms LIMIT $2)"},
    /* from name to name through the index: as many steps as lanes, however many rows wait */
    [STMT_LANE_LIST] = {"lane_list",
                        "WITH RECURSIVE l (name) AS (SELECT MIN(lane) FROM outbox WHERE state < 2 "
                        "UNION ALL SELECT (SELECT MIN(o.lane) FROM outbox AS o WHERE o.state < 2 "
                        "AND o.lane > l.name) FROM l WHERE l.name IS NOT NULL) SELECT l.name FROM "
                        "l WHERE l.name IS NOT NULL LIMIT $1"},
    /* further ahead than any pause can be: the clock was set back; of a list of names SQLite would
     * make a table for a moment */
    [STMT_LANE_BUSY] = {"lane_busy",
                        "SELECT MAX(free_ms) FROM (SELECT free_ms FROM lanes WHERE name = $1 UNION "
                        "ALL SELECT free_ms FROM lanes WHERE name = $2) AS l WHERE free_ms > $3 "
                        "AND free_ms <= $4"},
    [STMT_LANE_TAKE] = {"lane_take",
                        "INSERT INTO lanes (name, free_ms, next_ms, seq) VALUES ($1, $2, $3, $4) "
                        "ON CONFLICT (name) DO UPDATE SET free_ms = excluded.free_ms, "
                        "next_ms = excluded.next_ms, seq = excluded.seq WHERE "
                        "lanes.free_ms <= $5 OR lanes.free_ms > $6"},
    [STMT_LANE_FREE] = {"lane_free", "UPDATE lanes SET free_ms = CASE WHEN next_ms > $1 THEN "
                                     "next_ms ELSE $1 END WHERE name = $2 AND seq = $3"},
    [STMT_LANE_HOLD] = {"lane_hold", "INSERT INTO lanes (name, free_ms, next_ms, seq) VALUES "
                                     "($1, $2, $2, 0) ON CONFLICT (name) DO UPDATE SET "
                                     "free_ms = CASE WHEN lanes.free_ms > excluded.free_ms AND "
                                     "lanes.free_ms <= $3 THEN lanes.free_ms ELSE "
                                     "excluded.free_ms END"},
    [STMT_LANE_PRUNE] = {"lane_prune", "DELETE FROM lanes WHERE free_ms < $1"},
    [STMT_TS_PUT] = {"ts_put", "INSERT INTO message_ts (key, ts, channel, at_ms) VALUES "
                               "($1, $2, $3, $4) ON CONFLICT (key) DO UPDATE SET "
                               "ts = excluded.ts, channel = excluded.channel, "
                               "at_ms = excluded.at_ms"},
    [STMT_TS_GET] = {"ts_get", "SELECT ts FROM message_ts WHERE key = $1"},

    [STMT_AUDIT_LAST] = {"audit_last", "SELECT " AUDIT_COLUMNS " FROM audit ORDER BY n DESC "
                                       "LIMIT 1"},
    [STMT_AUDIT_ADD] = {"audit_add", "INSERT INTO audit (" AUDIT_COLUMNS ") VALUES "
                                     "($1, $2, $3, $4, $5, $6, $7, $8)"},
    [STMT_AUDIT_LIST] = {"audit_list", "SELECT " AUDIT_COLUMNS " FROM audit WHERE n >= $1 "
                                       "ORDER BY n LIMIT $2"},
    [STMT_AUDIT_OF] = {"audit_of", "SELECT " AUDIT_COLUMNS " FROM (SELECT " AUDIT_COLUMNS
                                   " FROM audit WHERE subject = $1 ORDER BY n DESC LIMIT $2) "
                                   "AS newest ORDER BY n"},

    [STMT_SETTING_PUT] = {"setting_put", "INSERT INTO settings (name, value) VALUES ($1, $2) "
                                         "ON CONFLICT (name) DO UPDATE SET "
                                         "value = excluded.value"},
    /* one that was never set is "" */
    [STMT_SETTING_PUT_IF] = {"setting_put_if",
                             "INSERT INTO settings (name, value) SELECT $1, $2 WHERE $3 = '' OR "
                             "EXISTS (SELECT 1 FROM settings WHERE name = $1) ON CONFLICT (name) "
                             "DO UPDATE SET value = excluded.value WHERE settings.value = $3"},
    [STMT_SETTING_GET] = {"setting_get", "SELECT value FROM settings WHERE name = $1"},

    [STMT_STANDBYS] = {"standbys", ""},

    [STMT_STORM_ADD] = {"storm_add", "INSERT INTO storms (" STORM_COLUMNS ") VALUES ($1, $2, $3, "
                                     "$3, 0, 0, 1, 0, 0) ON CONFLICT DO NOTHING"},
    [STMT_STORM_GET] = {"storm_get", "SELECT " STORM_COLUMNS " FROM storms WHERE id = $1"},
    [STMT_STORM_OF] = {"storm_of", "SELECT " STORM_COLUMNS " FROM storms WHERE channel = $1 AND "
                                   "ended_ms = 0"},
    [STMT_STORM_DUE] = {"storm_due", "SELECT " STORM_COLUMNS " FROM storms WHERE "
                                     "(news <> told AND told_ms <= $1) UNION SELECT " STORM_COLUMNS
                                     " FROM storms WHERE ended_ms = 0 AND last_ms <= $2 LIMIT $3"},
    [STMT_STORM_TELL] = {"storm_tell", "UPDATE storms SET told = $1, told_ms = $2, ended_ms = $3 "
                                       "WHERE id = $4 AND told_ms = $5 AND ($3 = 0 OR ended_ms > 0 "
                                       "OR count = $6)"},
    [STMT_STORM_JOIN] = {"storm_join",
                         "INSERT INTO storm_members (storm, incident, system, "
                         "severity, rank, prefix, state) VALUES ($1, $2, $3, $4, $5, $6, "
                         "COALESCE((SELECT i.state FROM incidents AS i WHERE "
                         "i.id = $2), 0)) ON CONFLICT DO NOTHING"},
    [STMT_STORM_STATE] = {"storm_state", "UPDATE storm_members SET state = $1 WHERE incident = $2 "
                                         "AND state <> $1"},
    [STMT_STORM_GROW] = {"storm_grow", "UPDATE storms SET count = count + 1, news = news + 1, "
                                       "last_ms = $1 WHERE id = $2 AND ended_ms = 0"},
    [STMT_STORM_TOUCH] = {"storm_touch", "UPDATE storms SET news = news + 1 WHERE id = $1"},
    [STMT_STORM_GROUPS] = {"storm_groups",
                           "SELECT m.system, m.severity, m.prefix, COUNT(*) AS times, "
                           "SUM(CASE m.state WHEN 0 THEN 1 ELSE 0 END) FROM storm_members AS m "
                           "WHERE m.storm = $1 GROUP BY "
                           "m.system, m.severity, m.prefix ORDER BY times DESC, m.system, "
                           "m.severity, m.prefix LIMIT $2"},
    [STMT_STORM_ALARMS] = {"storm_alarms",
                           "SELECT i.id, i.system, i.environment, i.title, i.severity, i.state, "
                           "i.opened_ms FROM storm_members AS m JOIN incidents AS i "
                           "ON i.id = m.incident WHERE m.storm = $1 ORDER BY m.state, m.rank, m.n "
                           "LIMIT $2 OFFSET $3"},
};

const char *const store_sqlite_statements[STMT_COUNT] = {
    /* the write lock at once: a reader that becomes a writer may be refused */
    [STMT_BEGIN] = "BEGIN IMMEDIATE",
    /* a subject has one holder at most; by its number no table is made of those that are found */
    [STMT_JOB_DISOWN] =
        "UPDATE jobs SET state = 0, token = '', deaths = " ONE_MORE_DEATH " WHERE id = (SELECT id "
        "FROM jobs WHERE kind = $1 AND subject = $2 AND state < 2 AND state = 1 AND id <> $3 AND "
        "at_ms <= $4)",
    /* a new one's place is its seq, which is one more than the last: four indexes are spared a
     * second change */
    [STMT_MESSAGE_ADD] =
        MESSAGE_ADD("CASE WHEN $1 <> 0 THEN $1 ELSE 1 + COALESCE((SELECT seq FROM sqlite_sequence "
                    "WHERE name = 'outbox'), 0) END"),
    [STMT_MESSAGE_PLACE] = "",
    /* v1, v2, ... are the values of STMT_EVENT_ADD. OR FAIL: what a failed one has done is undone
     * with the whole transaction, so SQLite need not copy each page before. WHERE TRUE: or ON would
     * be read as a join's. */
    [STMT_EVENT_ADD_GIVEN] =
        "INSERT OR FAIL INTO events (id, kind, body, verified, received_ms, key1, key2, "
        "key3) SELECT v1, v2, v3, v4, v5, v6, v7, v8 FROM given WHERE TRUE "
        "ON CONFLICT (id) DO NOTHING",
    [STMT_EVENT_KEYS_1] = "INSERT OR FAIL INTO event_keys (key, event) SELECT v6, v1 FROM given "
                          "WHERE v6 <> '' ON CONFLICT (key) DO NOTHING",
    [STMT_EVENT_KEYS_2] = "INSERT OR FAIL INTO event_keys (key, event) SELECT v7, v1 FROM given "
                          "WHERE v7 <> '' AND v7 <> v6 ON CONFLICT (key) DO NOTHING",
    [STMT_EVENT_KEYS_3] =
        "INSERT OR FAIL INTO event_keys (key, event) SELECT v8, v1 FROM given WHERE "
        "v8 <> '' AND v8 <> v6 AND v8 <> v7 ON CONFLICT (key) DO NOTHING",
    [STMT_JOB_ADD_GIVEN] = "INSERT OR FAIL INTO jobs (kind, subject, due_ms, at_ms, rank) "
                           "SELECT 'event', v1, v5, v5, v9 FROM given",
    /* from the indexes alone, however many wait */
    [STMT_JOB_COUNTS] =
        "SELECT 0, (SELECT COUNT(*) FROM jobs WHERE state < 2) - (SELECT COUNT(*) FROM jobs WHERE "
        "state = 1) UNION ALL SELECT 1, COUNT(*) FROM jobs WHERE state = 1 "
        "UNION ALL SELECT 3, COUNT(*) FROM jobs WHERE state = 3",
    /* the jobs of events stand in no index by their subject: nobody asks for them this way */
    [STMT_JOB_READY_OF] =
        "SELECT id FROM jobs WHERE kind = $1 AND subject = $2 AND state = 0 AND kind <> 'event' "
        "UNION ALL SELECT id FROM jobs WHERE $1 = 'event' AND kind = $1 AND subject = $2 AND "
        "state < 2 AND state = 0 LIMIT 1",
};

/* ---- PostgreSQL ----
 *
 * READ COMMITTED: each statement sees what was committed before it began, and a row that it waited
 * for is looked at again. So a row is locked when it is read (FOR UPDATE), or the condition stands
 * in the statement that changes it.
 */

#define OWN_PROCESS "current_setting('fluxabot.owner')::bigint"
/* Each connection of a process holds its owner's number as an advisory lock. */
#define OWNER_IS_GONE                                                                              \
    "owner NOT IN (SELECT (l.classid::bigint << 32) | l.objid::bigint FROM pg_locks AS l "         \
    "WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.database = (SELECT d.oid "             \
    "FROM pg_database AS d WHERE d.datname = current_database()))"

const char *const store_postgres_statements[STMT_COUNT] = {
    [STMT_BEGIN] = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
    /* 1718384640 is "flx" in ASCII and a zero: other programs may lock in this database too */
    [STMT_LOCK_NAME] = "SELECT pg_advisory_xact_lock(1718384640 + $1::int, "
                       "hashtext($2 || ' ' || $3))",
    /* The whole of an accept in one journey. A key that another transaction takes at the same
     * moment breaks the unique index: that is a repetition, seen as one by the next try. */
    [STMT_EVENT_TAKE] =
        "WITH event AS (INSERT INTO events (id, kind, body, verified, received_ms, key1, key2, "
        "key3) SELECT $1, $2, $3, $4, $5, $6, $7, $8 WHERE NOT EXISTS (SELECT 1 FROM event_keys "
        "WHERE key IN ($6, $7, $8)) ON CONFLICT (id) DO NOTHING RETURNING id, received_ms), "
        "keys AS (INSERT INTO event_keys (key, event) SELECT DISTINCT k.key, event.id FROM event, "
        "unnest(ARRAY[$6, $7, $8]) AS k (key) WHERE k.key <> ''), "
        "job AS (INSERT INTO jobs (kind, subject, due_ms, at_ms, rank) SELECT 'event', id, "
        "received_ms, received_ms, $9 FROM event) "
        "SELECT COUNT(*) FROM event",
    /* The same for many events, in two statements that look nothing up but where they insert: there
     * is no plan that could be wrong. What another transaction is just taking is waited for. */
    [STMT_EVENTS_KEYS] = "INSERT INTO event_keys (key, event) SELECT k.key, k.event FROM "
                         "unnest($1, $2) AS k (key, event) ON CONFLICT (key) DO NOTHING "
                         "RETURNING key, event",
    [STMT_EVENTS_ADD] =
        "WITH given AS (SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9) AS g (id, kind, "
        "body, verified, received_ms, key1, key2, key3, rank)), event AS (INSERT INTO events (id, "
        "kind, body, verified, received_ms, key1, key2, key3) SELECT id, kind, body, verified, "
        "received_ms, key1, key2, key3 FROM given) "
        "INSERT INTO jobs (kind, subject, due_ms, at_ms, rank) SELECT 'event', id, received_ms, "
        "received_ms, rank FROM given",
    [STMT_JOB_READY_OF] = JOB_READY_OF " FOR UPDATE",
    /* what another worker is just taking is not waited for */
    [STMT_JOB_FIRST] = JOB_FIRST("$2") " FOR UPDATE OF j SKIP LOCKED",
    [STMT_JOB_LEASE] =
        "UPDATE jobs SET state = 1, token = $1, worker = $2, at_ms = $3, "
        "attempts = attempts + 1, deaths = $4, owner = " OWN_PROCESS " WHERE id = $5",
    [STMT_JOB_RELEASE] =
        "UPDATE jobs SET state = 0, token = '', at_ms = due_ms, "
        "deaths = " ONE_MORE_DEATH " WHERE state < 2 AND state = 1 AND " OWNER_IS_GONE,
    [STMT_JOB_HELD] = JOB_HELD " FOR UPDATE",
    [STMT_RUN_STOP_TAKE] = RUN_STOPPED " FOR SHARE",
    [STMT_APPROVAL_TAKE] = APPROVAL_GET " FOR UPDATE",
    [STMT_APPROVAL_TERMS_TAKE] = APPROVAL_TERMS " FOR UPDATE",
    [STMT_MESSAGE_WAITING_OF] = MESSAGE_WAITING_OF " FOR UPDATE OF m",
    [STMT_MESSAGE_BEGIN] =
        "UPDATE outbox AS m SET state = 1, attempts = attempts + 1, "
        "owner = " OWN_PROCESS " WHERE m.seq = $1 AND m.state = 0 AND " MESSAGE_FIRST_OF_KEY,
    [STMT_MESSAGE_TAKE] = MESSAGE_TAKE " FOR UPDATE OF m",
    /* a role without pg_read_all_stats sees that there is a standby, but nothing of it; a slot is
     * kept for one that is away */
    [STMT_STANDBYS] =
        "SELECT GREATEST((SELECT COUNT(*) FROM pg_stat_replication WHERE state IS DISTINCT FROM "
        "'backup' AND application_name IS DISTINCT FROM 'pg_basebackup'), "
        "(SELECT COUNT(*) FROM pg_replication_slots WHERE slot_type = 'physical')), "
        "CASE WHEN current_setting('synchronous_standby_names') = '' OR "
        "current_setting('synchronous_commit') IN ('off', 'local') THEN 0 ELSE 1 END",
    [STMT_MESSAGE_SENDING] = "SELECT " MESSAGE_COLUMNS " FROM outbox AS m WHERE m.state < 2 AND "
                             "m.state = 1 AND " OWNER_IS_GONE " ORDER BY m.place FOR UPDATE OF m",
    [STMT_MESSAGE_OWN] = "SELECT " MESSAGE_COLUMNS " FROM outbox AS m WHERE m.state < 2 AND "
                         "m.state = 1 AND owner = " OWN_PROCESS " ORDER BY m.place FOR UPDATE OF m",
};

const char *store_sql(const struct store_driver *driver, enum store_statement which) {
    const char *own = driver->statements[which];

    return own != NULL ? own : store_statements[which].sql;
}
