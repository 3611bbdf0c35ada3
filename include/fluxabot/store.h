/* store.h - everything fluxabot must not forget: events, jobs, runs, intents, approvals, incidents,
 * messages, the audit log.
 *
 * Every operation may be called from any thread. Each is one transaction: when it returns FX_OK the
 * change is durable, when it fails nothing has changed. FX_ERR_CONFLICT means that somebody else
 * was first: touch nothing more. What is read may be a change whose author still waits for the
 * disk: nothing that is written because of it is ever kept without it, and audit_head shows none.
 * Replies are allocated in the scope. Times are wall milliseconds. Texts named *_json hold JSON
 * that only the engine understands. A NULL text is stored as "", and no text that is read is NULL.
 * Texts are UTF-8; of what is not, PostgreSQL keeps U+FFFD instead.
 *
 * SQLite serves one process. When its disk fails it stops for good, FX_ERR_UNAVAILABLE for this and
 * every later call: only a restart finds out what the file holds. PostgreSQL serves any number of
 * processes. While it is away an operation waits for it, accept for less than the two seconds of a
 * receiver, and then is FX_ERR_UNAVAILABLE; when it is back the store goes on without a restart.
 * With both, the operation that met the fault may be found done later: repeating it must be safe.
 */
#pragma once

#include "fluxabot/store/rows.h"

struct fx_clock;
struct fx_random;

/* ---- what is written together ---- */

/* Rows that become durable in the same transaction as the operation they are given to. Every list
 * may be empty; a run or incident is inserted or replaced by its id. */
struct fx_writes {
    const struct fx_run **runs;
    size_t runs_count;
    const struct fx_approval **approvals; /* new ones, pending; a known id is FX_ERR_CONFLICT */
    size_t approvals_count;
    const struct fx_incident **incidents;
    size_t incidents_count;
    const struct fx_message **messages;
    size_t messages_count;
    const struct fx_job **jobs; /* kind, subject, rank, due_ms; an equal one (kind, subject) that
                                   is ready takes the earlier due_ms and the higher rank instead */
    size_t jobs_count;
    const struct fx_audit **audits; /* actor, action, subject, detail_json */
    size_t audits_count;
    const struct fx_setting **settings;
    size_t settings_count;
    /* one that joins a storm which has ended meanwhile is FX_ERR_CONFLICT */
    const struct fx_storm_member **storm_members;
    size_t storm_members_count;
    /* told, told_ms and ended_ms replace those of id. FX_ERR_CONFLICT when somebody else has told
     * meanwhile, or when one joined a storm that shall end. */
    const struct fx_storm_told **storms_told;
    size_t storms_told_count;
    /* Unless NULL, settle also begins, as outbox_begin would, the first of the messages that may go
     * now, and *ret_begun is it; NULL: none. Private answers, files, and what others of its lane
     * wait or go before, are left to outbox_ready. */
    struct fx_message **ret_begun;
};

/* Each takes a copy of the struct, not of its texts: they must live until the operation. */
void fx_writes_run(struct fx_scope *sc, struct fx_writes *w, const struct fx_run *run);
void fx_writes_approval(struct fx_scope *sc, struct fx_writes *w,
                        const struct fx_approval *approval);
void fx_writes_incident(struct fx_scope *sc, struct fx_writes *w,
                        const struct fx_incident *incident);
void fx_writes_message(struct fx_scope *sc, struct fx_writes *w, const struct fx_message *message);
/* A job of FX_RANK_MACHINE. */
void fx_writes_job(struct fx_scope *sc, struct fx_writes *w, const char *kind, const char *subject,
                   int64_t due_ms);
void fx_writes_job_of_rank(struct fx_scope *sc, struct fx_writes *w, enum fx_rank rank,
                           const char *kind, const char *subject, int64_t due_ms);
/* detail may be NULL. */
void fx_writes_audit(struct fx_scope *sc, struct fx_writes *w, const char *actor,
                     const char *action, const char *subject, const struct fx_json *detail);
void fx_writes_setting(struct fx_scope *sc, struct fx_writes *w, const char *name,
                       const char *value);
void fx_writes_setting_if(struct fx_scope *sc, struct fx_writes *w, const char *name,
                          const char *value, const char *expected);

void fx_writes_storm_member(struct fx_scope *sc, struct fx_writes *w,
                            const struct fx_storm_member *member);
void fx_writes_storm_told(struct fx_scope *sc, struct fx_writes *w, const struct fx_storm *storm,
                          int64_t before_ms);

enum fx_settle {
    FX_SETTLE_DONE,
    FX_SETTLE_RETRY,
    FX_SETTLE_BACK, /* as if it had not been claimed */
    FX_SETTLE_QUARANTINE
};

/* How much waits: for gauges and the doctor. */
struct fx_store_counts {
    int64_t jobs_ready, jobs_leased, jobs_quarantined;
    int64_t messages_waiting, messages_sending, messages_failed;
};

struct fx_store {
    void (*close)(struct fx_store *store);

    /* -- reception -- */

    /* Stores event and a ready job ("event", event->id) together. A repetition stores nothing:
     * FX_OK with *ret_new false. */
    enum fx_code (*accept)(struct fx_store *store, struct fx_scope *sc,
                           const struct fx_event *event, bool *ret_new, struct fx_error *err);

    /* -- work -- */

    /* The due job that waits longest, of PERSON before MACHINE, but after FX_STORE_PEOPLE_IN_A_ROW
     * of those the other way round; leased until now_ms + lease_ms, and one whose lease ran out is
     * ready. Two jobs of one kind and subject are never leased at once: the second waits until the
     * first is settled. *ret_job is NULL when nothing is due; *ret_next_due_ms then says when
     * something will be (0: nothing waits), and with a job, when the next one is or was, which may
     * be one that has to wait for this. Processes that share a store must agree on the time to
     * within a small part of a lease. A power cut may forget the claim, which is free after it
     * anyhow; what is settled with it is kept together with it. So also with extend. */
    enum fx_code (*claim)(struct fx_store *store, struct fx_scope *sc, const char *worker,
                          int64_t now_ms, int64_t lease_ms, struct fx_job **ret_job,
                          int64_t *ret_next_due_ms, struct fx_error *err);
    /* The same among the jobs of FX_RANK_PERSON alone. */
    enum fx_code (*claim_for_people)(struct fx_store *store, struct fx_scope *sc,
                                     const char *worker, int64_t now_ms, int64_t lease_ms,
                                     struct fx_job **ret_job, int64_t *ret_next_due_ms,
                                     struct fx_error *err);
    enum fx_code (*extend)(struct fx_store *store, struct fx_scope *sc, const struct fx_job *job,
                           int64_t until_ms, struct fx_error *err);
    /* Ends the claim, with the writes. FX_ERR_CONFLICT when the lease was lost (ran out and was
     * taken by another claim): nothing is written. With FX_SETTLE_RETRY and _BACK the job is ready
     * again at due_ms. */
    enum fx_code (*settle)(struct fx_store *store, struct fx_scope *sc, const struct fx_job *job,
                           enum fx_settle how, int64_t due_ms, const char *error,
                           const struct fx_writes *writes, struct fx_error *err);
    /* Writes in the middle of a job; job may be NULL for writes that belong to none. */
    enum fx_code (*write)(struct fx_store *store, struct fx_scope *sc, const struct fx_job *job,
                          const struct fx_writes *writes, struct fx_error *err);

    /* Sets the intent, with the writes: the compare-and-set before an effect. FX_ERR_CONFLICT when
     * it was set before (it may already have happened) or when the lease was lost or runs out too
     * soon; FX_ERR_DENIED when it must not happen. intent->guard says which of them. Intents that
     * go together (intent->and) are set all, or none is. */
    enum fx_code (*begin_effect)(struct fx_store *store, struct fx_scope *sc,
                                 const struct fx_job *job, const struct fx_intent *intent,
                                 const struct fx_writes *writes, struct fx_error *err);
    /* Records what became of it. Not bound to the lease: the truth may always be written, once.
     * UNKNOWN is not the truth yet, any other may follow it. With set_ms only of the promise that
     * was set then; 0: of the one that stands. FX_ERR_CONFLICT when the truth stands, or another
     * promise; of several that go together then none is recorded. */
    enum fx_code (*end_effect)(struct fx_store *store, struct fx_scope *sc,
                               const struct fx_intent *intent, const struct fx_writes *writes,
                               struct fx_error *err);

    /* Pending becomes state if expires_ms has not passed (expiring: if it has). The first decision
     * wins: a later one is FX_ERR_CONFLICT. APPROVED is one person's vote: it is kept, and as long
     * as fewer than needed have voted the state stays pending; a second vote of any of the accounts
     * is FX_ERR_CONFLICT. What counts makes the job ("run", approval->run) ready at once. given
     * holds id, state, decided_by, decided_ms, execute_before_ms, reason, accounts. */
    enum fx_code (*decide)(struct fx_store *store, struct fx_scope *sc,
                           const struct fx_approval *given, const struct fx_writes *writes,
                           struct fx_error *err);
    /* Marks the run so that its next look stops it. A repetition is FX_OK and writes nothing;
     * FX_ERR_CONFLICT when the run has ended. */
    enum fx_code (*request_stop)(struct fx_store *store, struct fx_scope *sc, const char *run_id,
                                 const char *user, const struct fx_writes *writes,
                                 struct fx_error *err);

    /* -- outbox -- */

    /* Messages that may be sent now, at most max of each lane that is free: due, nothing of the
     * same kind and key before them, for a new post or a file nothing of the same thread before
     * them, and for a PUT or a file their parent posted. In each lane, and over all, the urgent
     * first, then the oldest.
     * *ret_next_due_ms as with claim; lanes that are not free yet count. */
    enum fx_code (*outbox_ready)(struct fx_store *store, struct fx_scope *sc, int64_t now_ms,
                                 size_t max, struct fx_message ***ret_messages, size_t *ret_count,
                                 int64_t *ret_next_due_ms, struct fx_error *err);
    /* Waiting becomes sending, and its lane is taken. FX_ERR_CONFLICT when it was replaced or taken
     * meanwhile; FX_ERR_THROTTLED with retry_after_ms while its lane or its method is not free. */
    enum fx_code (*outbox_begin)(struct fx_store *store, struct fx_scope *sc, int64_t seq,
                                 int64_t now_ms, struct fx_error *err);
    /* ts, unless "", is remembered under the key of a PUT, and what waits under that key is an edit
     * from then on. Where an edit of that key was put in doubt, it may still arrive and show an
     * older text: until FX_STORE_LATE_MS after that the newest text does not end but waits, to be
     * sent once more. */
    enum fx_code (*outbox_sent)(struct fx_store *store, struct fx_scope *sc, int64_t seq,
                                const char *ts, int64_t now_ms, struct fx_error *err);
    /* Sending becomes waiting; a newer PUT of the same key that came meanwhile takes its place.
     * After FX_ERR_THROTTLED nothing of its method goes before due_ms, from no process. why->sent
     * puts it in doubt. A new post holds its lane up until due_ms, the first
     * FX_STORE_ORDERED_ATTEMPTS times. */
    enum fx_code (*outbox_retry)(struct fx_store *store, struct fx_scope *sc, int64_t seq,
                                 int64_t due_ms, const struct fx_error *why, struct fx_error *err);
    enum fx_code (*outbox_failed)(struct fx_store *store, struct fx_scope *sc, int64_t seq,
                                  const char *error, struct fx_error *err);
    /* At start: what a dead process left as sending waits again, in doubt. PostgreSQL knows who
     * lives, and whoever lives does this every few seconds; with SQLite the caller must be the only
     * one. */
    enum fx_code (*outbox_recover)(struct fx_store *store, struct fx_scope *sc,
                                   struct fx_error *err);
    /* Likewise: what a dead one had claimed is ready now, instead of when its lease ends. */
    enum fx_code (*release_leases)(struct fx_store *store, struct fx_scope *sc,
                                   struct fx_error *err);

    /* A quarantined job is ready again, as if it had never been tried. FX_ERR_CONFLICT when it is
     * not quarantined, or is already asked for again. */
    enum fx_code (*revive)(struct fx_store *store, struct fx_scope *sc, int64_t job_id,
                           int64_t now_ms, const struct fx_writes *writes, struct fx_error *err);
    /* Whether a failover may forget what has been acknowledged: *ret_how is a sentence for people
     * that says why, NULL when not. A standby that was there within a day counts: it may be away
     * because it is about to take over. */
    enum fx_code (*may_forget)(struct fx_store *store, struct fx_scope *sc, const char **ret_how,
                               struct fx_error *err);

    /* -- storms of alarms; NULL with FX_OK when absent -- */

    /* Begins one unless one goes on in that channel; *ret_storm is the one that goes on now. Of
     * storm id, channel and began_ms count. */
    enum fx_code (*storm_begin)(struct fx_store *store, struct fx_scope *sc,
                                const struct fx_storm *storm, struct fx_storm **ret_storm,
                                struct fx_error *err);
    enum fx_code (*storm)(struct fx_store *store, struct fx_scope *sc, const char *id,
                          struct fx_storm **ret_storm, struct fx_error *err);
    /* The one that goes on in this channel. */
    enum fx_code (*storm_of)(struct fx_store *store, struct fx_scope *sc, const char *channel,
                             struct fx_storm **ret_storm, struct fx_error *err);
    /* With news, and told at told_before_ms or earlier; or going on, but joined by nobody since
     * quiet_since_ms. */
    enum fx_code (*storms_due)(struct fx_store *store, struct fx_scope *sc, int64_t told_before_ms,
                               int64_t quiet_since_ms, struct fx_storm ***ret_storms,
                               size_t *ret_count, struct fx_error *err);
    /* The largest first, at most FX_STORE_MAX_ROWS. */
    enum fx_code (*storm_groups)(struct fx_store *store, struct fx_scope *sc, const char *id,
                                 struct fx_storm_group ***ret_groups, size_t *ret_count,
                                 struct fx_error *err);
    /* Open ones first, of these the worst first, without the first skip. Of each only id, system,
     * environment, title, severity, state and opened_ms are read. */
    enum fx_code (*storm_incidents)(struct fx_store *store, struct fx_scope *sc, const char *id,
                                    size_t skip, size_t max, struct fx_incident ***ret_incidents,
                                    size_t *ret_count, struct fx_error *err);

    /* -- reads; NULL with FX_OK when absent -- */

    enum fx_code (*event)(struct fx_store *store, struct fx_scope *sc, const char *id,
                          struct fx_event **ret_event, struct fx_error *err);
    enum fx_code (*run)(struct fx_store *store, struct fx_scope *sc, const char *id,
                        struct fx_run **ret_run, struct fx_error *err);
    /* Who wants the run to stop; NULL while nobody does. A run may be large, and a long step asks
     * often. */
    enum fx_code (*stopped_by)(struct fx_store *store, struct fx_scope *sc, const char *run,
                               const char **ret_user, struct fx_error *err);
    /* The newest first; unfinished only when open; of every system when system is "". */
    enum fx_code (*runs)(struct fx_store *store, struct fx_scope *sc, const char *system, bool open,
                         size_t max, struct fx_run ***ret_runs, size_t *ret_count,
                         struct fx_error *err);
    enum fx_code (*approval)(struct fx_store *store, struct fx_scope *sc, const char *id,
                             struct fx_approval **ret_approval, struct fx_error *err);
    /* Newest approval of a run's step. */
    enum fx_code (*approval_of)(struct fx_store *store, struct fx_scope *sc, const char *run,
                                const char *step, struct fx_approval **ret_approval,
                                struct fx_error *err);
    /* Who has approved it, in that order. */
    enum fx_code (*votes)(struct fx_store *store, struct fx_scope *sc, const char *approval,
                          struct fx_vote ***ret_votes, size_t *ret_count, struct fx_error *err);
    /* Those that still wait for a decision, oldest first. */
    enum fx_code (*approvals_pending)(struct fx_store *store, struct fx_scope *sc, size_t max,
                                      struct fx_approval ***ret_approvals, size_t *ret_count,
                                      struct fx_error *err);
    /* In the order they were set; step "" means every step of the run. */
    enum fx_code (*intents)(struct fx_store *store, struct fx_scope *sc, const char *run,
                            const char *step, struct fx_intent ***ret_intents, size_t *ret_count,
                            struct fx_error *err);
    enum fx_code (*incident)(struct fx_store *store, struct fx_scope *sc, const char *id,
                             struct fx_incident **ret_incident, struct fx_error *err);
    /* The open incident with this key, otherwise the newest closed one. An ALARM and its OK that
     * are handled at the same moment leave both: the open one must find its end. */
    enum fx_code (*incident_by_key)(struct fx_store *store, struct fx_scope *sc, const char *system,
                                    const char *key, struct fx_incident **ret_incident,
                                    struct fx_error *err);
    enum fx_code (*incidents)(struct fx_store *store, struct fx_scope *sc, const char *system,
                              bool open, size_t max, struct fx_incident ***ret_incidents,
                              size_t *ret_count, struct fx_error *err);
    /* "" when never posted. */
    enum fx_code (*message_ts)(struct fx_store *store, struct fx_scope *sc, const char *key,
                               const char **ret_ts, struct fx_error *err);
    /* Rows from n upwards, at most max. */
    enum fx_code (*audits)(struct fx_store *store, struct fx_scope *sc, int64_t from_n, size_t max,
                           struct fx_audit ***ret_audits, size_t *ret_count, struct fx_error *err);
    /* The newest rows about one subject, oldest first, at most max. */
    enum fx_code (*audits_of)(struct fx_store *store, struct fx_scope *sc, const char *subject,
                              size_t max, struct fx_audit ***ret_audits, size_t *ret_count,
                              struct fx_error *err);
    /* The last row, for an anchor outside; NULL while the log is empty. */
    enum fx_code (*audit_head)(struct fx_store *store, struct fx_scope *sc,
                               struct fx_audit **ret_audit, struct fx_error *err);
    /* "" when never set. */
    enum fx_code (*setting)(struct fx_store *store, struct fx_scope *sc, const char *name,
                            const char **ret_value, struct fx_error *err);
    /* Jobs in a state, oldest first: the quarantined ones are for a person. */
    enum fx_code (*jobs)(struct fx_store *store, struct fx_scope *sc, enum fx_job_state state,
                         size_t max, struct fx_job ***ret_jobs, size_t *ret_count,
                         struct fx_error *err);
    enum fx_code (*counts)(struct fx_store *store, struct fx_scope *sc,
                           struct fx_store_counts *ret_counts, struct fx_error *err);

    /* Forgets done jobs and sent messages that ended before before_ms, a bounded number at a time.
     * Event keys, runs, decisions, intents and the audit log stay. */
    enum fx_code (*prune)(struct fx_store *store, struct fx_scope *sc, int64_t before_ms,
                          struct fx_error *err);
};

/* url: "sqlite:///absolute/path", "sqlite:relative", or libpq's "postgresql://...", which no
 * message repeats: it may hold a password. Creates the file, or the schema "fluxabot" in a database
 * that is there, and migrates it forward. FX_ERR_INPUT when somebody must change something first: a
 * newer schema, something that is not ours, a PostgreSQL that forgets (fsync, full_page_writes or
 * synchronous_commit off). Ids and tokens come from random. */
enum fx_code fx_store_open(struct fx_scope *sc, const char *url, struct fx_clock *clock,
                           struct fx_random *random, struct fx_store **ret_store,
                           struct fx_error *err);

/* The hash of an audit row over the one before it: SHA-256 of previous_hash and the canonical row.
 */
char *fx_audit_hash(struct fx_scope *sc, const struct fx_audit *audit);
/* Walks the whole chain. *ret_bad_n is 0 when it is whole, else the first row that does not follow
 * from the rows before it. *ret_head is the last row's hash. */
enum fx_code fx_audit_verify(struct fx_store *store, struct fx_scope *sc, int64_t *ret_rows,
                             int64_t *ret_bad_n, const char **ret_head, struct fx_error *err);
