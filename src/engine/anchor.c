/* anchor.c - the head of the audit log is signed and kept outside the database: at once after a
 * decision or the promise of a change, every hour, every so many rows and when the engine stops.
 *
 * The job "anchor" looks, acts and asks for itself again in one transaction; replicas share it. The
 * file of anchors comes first: the log repeats what stands there, and Slack what is told every hour
 * or so. When the newest anchor does not fit the log, no other follows it and changes are frozen:
 * an old backup forgets intents. So they are when the file has lost what this machine had put into
 * it. What is not noticed is a backup that is older than a change by less than it takes to make an
 * anchor of it: FX_ENGINE_POLL_MS at most when a worker is free, as long as all of them are within
 * a step, and FX_ENGINE_ANCHOR_SOON_MS after the one before it while many are made.
 */
#include "anchors.h"

#include "fluxabot/base/log.h"

#include <stdlib.h>
#include <string.h>

enum {
    RETRY_MS = 60 * 1000,          /* after a failure */
    POST_GRACE_MS = 5 * 60 * 1000, /* how long Slack may take before a post counts as failed */
};

static const char setting[] = "audit.anchors", job_kind[] = "anchor", job_subject[] = "audit";

/* What is remembered from one look to the next. */
struct memory {
    int64_t n, time_ms;         /* of the newest anchor */
    const char *digest, *chain; /* its digest, and that of the first in its file */
    const char *posted;         /* key of the last message; "" when there was none */
    int64_t posted_n, posted_ms;
    int64_t next_ms;            /* when to look again */
    int64_t failures, unposted; /* in a row */
    bool warned, held;          /* people were told; it waits for an operator */
};

static const char *text_of(const struct fx_json *json, const char *name) {
    const char *text = fx_json_get_text(json, name);

    return text == NULL ? "" : text;
}

/* What cannot be read counts as never written: the next anchor begins anew. */
static enum fx_code load(struct fx_store *store, struct fx_scope *sc, struct memory *ret_memory,
                         struct fx_error *err) {
    struct fx_json *json = NULL;
    struct fx_error ignored;
    const char *value = "";

    FX_TRY(store->setting(store, sc, setting, &value, err));
    if (fx_json_parse(sc, fx_slice_of(value), &json, &ignored) != FX_OK)
        json = NULL;
    *ret_memory = (struct memory){.n = fx_json_get_int(json, "n", 0),
                                  .time_ms = fx_json_get_int(json, "time_ms", 0),
                                  .digest = text_of(json, "digest"),
                                  .chain = text_of(json, "chain"),
                                  .posted = text_of(json, "posted"),
                                  .posted_n = fx_json_get_int(json, "posted_n", 0),
                                  .posted_ms = fx_json_get_int(json, "posted_ms", 0),
                                  .next_ms = fx_json_get_int(json, "next_ms", 0),
                                  .failures = fx_json_get_int(json, "failures", 0),
                                  .unposted = fx_json_get_int(json, "unposted", 0),
                                  .warned = fx_json_get_bool(json, "warned", false),
                                  .held = fx_json_get_bool(json, "held", false)};
    return FX_OK;
}

static void save(struct engine_work *work, const struct memory *memory) {
    struct fx_scope *sc = work->sc;
    const struct fx_json *json = fx_json_object_of(
        sc, "n", fx_json_int(sc, memory->n), "time_ms", fx_json_int(sc, memory->time_ms), "digest",
        fx_json_string(sc, memory->digest), "chain", fx_json_string(sc, memory->chain), "posted",
        fx_json_string(sc, memory->posted), "posted_n", fx_json_int(sc, memory->posted_n),
        "posted_ms", fx_json_int(sc, memory->posted_ms), "next_ms",
        fx_json_int(sc, memory->next_ms), "failures", fx_json_int(sc, memory->failures), "unposted",
        fx_json_int(sc, memory->unposted), "warned", fx_json_bool(sc, memory->warned), "held",
        fx_json_bool(sc, memory->held), NULL);

    fx_writes_setting(sc, &work->writes, setting, fx_json_dump(sc, json));
}

/* Of the rows that a file of this machine vouches for: others have files of their own. */
static const char *own_setting(struct engine_work *work) {
    return fx_printf(work->sc, "audit.anchored:%s:%s", work->engine->options.place,
                     work->engine->options.anchor_file);
}

enum fx_code fx_engine_anchored(struct fx_store *store, struct fx_scope *sc,
                                struct fx_engine_anchored *ret_anchored, struct fx_error *err) {
    struct memory memory;

    FX_TRY(load(store, sc, &memory, err));
    *ret_anchored = (struct fx_engine_anchored){memory.n, memory.digest, memory.chain};
    return FX_OK;
}

/* ---- does the newest anchor fit the log? ---- */

static enum fx_code freeze(struct engine_work *work, const char *reason, struct fx_error *err) {
    struct engine_freeze now;

    FX_TRY(engine_freeze_read(work, &now, err));
    if (strcmp(now.by, ENGINE_FREEZE_BY_AUDIT) == 0)
        return FX_OK;
    fx_log(work->sc, FX_LOG_ERROR, "audit.frozen", FX_S("reason", reason));
    engine_freeze_begin(work, ENGINE_FREEZE_BY_AUDIT, reason);
    FX_TRY(engine_show_requests(work, err));
    return engine_anchor_tell_frozen(work, reason, err);
}

/* A file that lies elsewhere from now on, or a machine that is new, has lost nothing. */
static enum fx_code check_lost(struct engine_work *work, const struct fx_anchor *newest,
                               bool *ret_fits, struct fx_error *err) {
    const struct fx_engine_options *options = &work->engine->options;
    int64_t last = newest == NULL ? 0 : newest->n;
    const char *value = "";

    if (options->place == NULL)
        return FX_OK;
    FX_TRY(options->store->setting(options->store, work->sc, own_setting(work), &value, err));
    int64_t wanted = strtoll(value, NULL, 10);

    *ret_fits = last >= wanted;
    if (*ret_fits)
        return FX_OK;
    return freeze(work,
                  fx_printf(work->sc,
                            "the file of anchors %s vouched for row %lld of the audit log, and "
                            "now %s: without it an old backup is not noticed",
                            options->anchor_file, (long long)wanted,
                            newest == NULL
                                ? "has none, or is gone"
                                : fx_printf(work->sc, "ends at row %lld", (long long)last)),
                  err);
}

static enum fx_code check_newest(struct engine_work *work, const struct fx_anchor *newest,
                                 bool *ret_fits, struct fx_error *err) {
    struct fx_store *store = work->engine->options.store;
    enum fx_anchor_fit fit = FX_ANCHOR_FITS;
    struct fx_audit *head = NULL;

    *ret_fits = true;
    if (newest == NULL)
        return check_lost(work, newest, ret_fits, err);
    FX_TRY(fx_anchor_compare(store, work->sc, newest, &fit, err));
    *ret_fits = fit == FX_ANCHOR_FITS;
    if (*ret_fits)
        return check_lost(work, newest, ret_fits, err);
    FX_TRY(store->audit_head(store, work->sc, &head, err));
    return freeze(work, fx_anchor_explain(work->sc, newest, fit, head == NULL ? 0 : head->n), err);
}

/* ---- one look ---- */

/* Telling fails only by a mistake of ours, which must not undo what was done. */
static void note_untold(struct engine_work *work, enum fx_code code, const struct fx_error *err) {
    if (code != FX_OK)
        fx_log(work->sc, FX_LOG_ERROR, "audit.not_told", FX_E(err));
}

static void warn_once(struct engine_work *work, struct memory *memory, const struct fx_audit *head,
                      const char *what) {
    struct fx_error err = {0};

    if (memory->warned ||
        (memory->failures < ENGINE_ANCHOR_PATIENCE && memory->unposted < ENGINE_ANCHOR_PATIENCE))
        return;
    memory->warned = true;
    note_untold(work, engine_anchor_tell_trouble(work, head, what, &err), &err);
}

/* The head itself is in this line, so the log has it even now, if unsigned. */
static void note_failure(struct engine_work *work, struct memory *memory,
                         const struct fx_audit *head, const struct fx_error *why) {
    memory->failures++;
    fx_metrics_add(work->engine->options.metrics, FX_METRIC_ANCHORS_FAILED, 1);
    fx_log(work->sc, FX_LOG_WARN, "audit.anchor_failed", FX_I("n", head->n),
           FX_S("hash", head->hash), FX_I("failures", memory->failures), FX_E(why));
    warn_once(work, memory, head, why->message);
}

/* The last one should stand in its thread by now. */
static enum fx_code check_posted(struct engine_work *work, struct memory *memory,
                                 const struct fx_audit *head, struct fx_error *err) {
    struct fx_store *store = work->engine->options.store;
    const char *ts = "";

    if (memory->posted[0] == '\0' || work->now_ms - memory->posted_ms < POST_GRACE_MS)
        return FX_OK;
    FX_TRY(store->message_ts(store, work->sc, memory->posted, &ts, err));
    memory->unposted = ts[0] != '\0' ? 0 : memory->unposted + 1;
    if (memory->unposted == 0)
        return FX_OK;
    fx_log(work->sc, FX_LOG_WARN, "audit.anchor_not_posted", FX_S("key", memory->posted),
           FX_I("failures", memory->unposted));
    warn_once(work, memory, head, "Slack did not take the anchor");
    return FX_OK;
}

static const char *chain_of(struct engine_work *work) {
    struct fx_anchor_lines *lines = NULL;
    struct fx_anchor *first = NULL;
    struct fx_error ignored;

    if (fx_anchor_lines_open(work->sc, work->engine->options.anchor_file, &lines, &ignored) !=
            FX_OK ||
        fx_anchor_lines_next(lines, work->sc, &first, &ignored) != FX_OK || first == NULL)
        return "";
    return first->digest;
}

/* A thread that people read has not each of them: the next one vouches for what came before. */
static bool is_to_be_posted(const struct memory *memory, const struct fx_anchor *anchor,
                            int64_t now_ms) {
    return memory->posted[0] == '\0' || anchor->reason[0] != '\0' ||
           now_ms - memory->posted_ms >= FX_ENGINE_ANCHOR_MS || now_ms < memory->posted_ms ||
           anchor->n - memory->posted_n >= FX_ENGINE_ANCHOR_ROWS;
}

static void post(struct engine_work *work, struct memory *memory, const struct fx_anchor *anchor) {
    struct fx_error err = {0};

    if (!is_to_be_posted(memory, anchor, work->now_ms))
        return;
    note_untold(work, engine_anchor_post(work, anchor, &memory->posted, &err), &err);
    memory->posted_n = anchor->n;
    memory->posted_ms = work->now_ms;
}

/* What stands in the file is repeated where its owner cannot reach it. */
static void announce(struct engine_work *work, struct memory *memory,
                     const struct fx_anchor *anchor) {
    struct fx_error err = {0};

    fx_log(work->sc, FX_LOG_INFO, "audit.anchor", FX_I("n", anchor->n), FX_S("hash", anchor->hash),
           FX_S("key", anchor->key), FX_S("anchor", anchor->line));
    post(work, memory, anchor);
    if (anchor->reason[0] != '\0')
        note_untold(work, engine_anchor_tell_accepted(work, anchor, &err), &err);
    if (work->engine->options.place != NULL)
        fx_writes_setting(work->sc, &work->writes, own_setting(work),
                          fx_printf(work->sc, "%lld", (long long)anchor->n));
    memory->n = anchor->n;
    memory->time_ms = anchor->time_ms;
    memory->digest = anchor->digest;
    memory->chain = chain_of(work);
}

static enum fx_code add_anchor(struct engine_work *work, struct memory *memory,
                               const struct fx_audit *head, struct fx_error *err) {
    struct fx_engine_options *options = &work->engine->options;
    struct fx_anchor *anchor = NULL;

    FX_TRY(fx_anchor_append(
        work->sc, options->anchor_file, options->anchor_key,
        &(struct fx_anchor){
            .n = head->n, .hash = head->hash, .time_ms = work->now_ms, .reason = ""},
        &anchor, err));
    fx_metrics_add(options->metrics, FX_METRIC_ANCHORS_MADE, 1);
    announce(work, memory, anchor);
    return FX_OK;
}

static enum fx_code anchor_head(struct engine_work *work, struct memory *memory,
                                const struct fx_audit *head, struct fx_error *err) {
    struct fx_engine_options *options = &work->engine->options;
    struct fx_anchor *newest = NULL;
    struct fx_error why = {0};
    bool fits = true;
    enum fx_code code =
        fx_anchor_newest(work->sc, options->anchor_file, options->anchor_key, &newest, &why);

    if (code == FX_OK) /* what cannot be read today is not lost */
        FX_TRY(check_newest(work, newest, &fits, err));
    memory->held = !fits;
    if (!fits)
        return FX_OK;
    FX_TRY(check_posted(work, memory, head, err));
    /* an operator's, or one whose maker died before it could say so */
    if (newest != NULL && newest->time_ms > memory->time_ms &&
        strcmp(newest->digest, memory->digest) != 0)
        announce(work, memory, newest);
    if (code == FX_OK && (newest == NULL || newest->n < head->n))
        code = add_anchor(work, memory, head, &why);
    if (code != FX_OK) {
        note_failure(work, memory, head, &why);
        return FX_OK;
    }
    memory->failures = 0;
    if (memory->unposted == 0)
        memory->warned = false;
    return FX_OK;
}

/* All of it is among the writes, so that a failed transaction is a look that never was; but for the
 * line in the file, which the next look finds. */
enum fx_code engine_anchor(struct engine_work *work, struct fx_error *err) {
    struct fx_store *store = work->engine->options.store;
    struct fx_audit *head = NULL;
    struct memory memory;

    if (work->engine->options.anchor_key == NULL)
        return FX_OK;
    FX_TRY(load(store, work->sc, &memory, err));
    FX_TRY(store->audit_head(store, work->sc, &head, err));
    if (head != NULL)
        FX_TRY(anchor_head(work, &memory, head, err));
    atomic_store(&work->engine->anchored_ms, work->now_ms); /* or tried to */
    memory.next_ms = work->now_ms + (memory.failures > 0 ? RETRY_MS : FX_ENGINE_ANCHOR_MS);
    save(work, &memory);
    fx_writes_job(work->sc, &work->writes, job_kind, job_subject, memory.next_ms);
    return FX_OK;
}

/* ---- when ---- */

static struct engine_work work_of(struct fx_engine *engine, struct fx_scope *sc) {
    return (struct engine_work){
        .engine = engine, .sc = sc, .now_ms = fx_wall_ms(engine->options.clock)};
}

/* A job of the same transaction: whoever takes it afterwards sees what was written with it, be it
 * after a crash. So each asks for itself. What another has asked for may be taken before this is
 * written, here or by a replica, and may be refused with all that it came with. */
void engine_anchor_soon(struct engine_work *work, struct fx_writes *writes) {
    struct fx_engine *engine = work->engine;
    int64_t now_ms = fx_wall_ms(engine->options.clock);
    int64_t due_ms = atomic_load(&engine->anchored_ms) + FX_ENGINE_ANCHOR_SOON_MS;

    if (engine->options.anchor_key == NULL)
        return;
    if (due_ms < now_ms || due_ms > now_ms + FX_ENGINE_ANCHOR_SOON_MS) /* the clock was set back */
        due_ms = now_ms;
    fx_writes_job_of_rank(work->sc, writes, FX_RANK_PERSON, job_kind, job_subject, due_ms);
}

/* While it fails or waits for an operator, new rows do not hurry it. A clock that was set back must
 * not put it off for long, and a job that was lost is asked for again. */
static bool is_due(const struct memory *memory, const struct fx_audit *head, int64_t now_ms) {
    bool calm = memory->failures == 0 && !memory->held;

    return (calm && head->n - memory->n >= FX_ENGINE_ANCHOR_ROWS) ||
           now_ms >= memory->next_ms + RETRY_MS || memory->next_ms > now_ms + FX_ENGINE_ANCHOR_MS;
}

static enum fx_code ask_when_due(struct engine_work *work, struct fx_error *err) {
    struct fx_engine_options *options = &work->engine->options;
    struct engine_freeze freeze_now;
    struct fx_audit *head = NULL;
    struct memory memory;

    FX_TRY(engine_freeze_read(work, &freeze_now, err)); /* keeps the gauge true */
    if (options->anchor_key == NULL)
        return FX_OK;
    FX_TRY(options->store->audit_head(options->store, work->sc, &head, err));
    if (head == NULL)
        return FX_OK;
    FX_TRY(load(options->store, work->sc, &memory, err));
    if (!is_due(&memory, head, work->now_ms))
        return FX_OK;
    fx_writes_job(work->sc, &work->writes, job_kind, job_subject, work->now_ms);
    return engine_flush(work, err);
}

void engine_anchor_watch(struct fx_engine *engine, struct fx_scope *sc) {
    struct engine_work work = work_of(engine, sc);
    struct fx_error err = {0};

    if (ask_when_due(&work, &err) != FX_OK)
        fx_log(sc, FX_LOG_WARN, "audit.anchor_not_asked", FX_E(&err));
}

enum fx_code engine_anchor_start(struct fx_engine *engine, struct fx_error *err) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(engine->scope);
    struct fx_engine_options *options = &engine->options;
    struct engine_work work = work_of(engine, sc);
    struct engine_freeze freeze_now;
    struct fx_anchor *newest = NULL;
    struct fx_error why = {0};
    bool fits = true;

    FX_TRY(engine_freeze_move(&work, err));
    FX_TRY(engine_freeze_read(&work, &freeze_now, err));
    if (options->anchor_key == NULL)
        return FX_OK;
    if (fx_anchor_newest(sc, options->anchor_file, options->anchor_key, &newest, &why) == FX_OK)
        FX_TRY(check_newest(&work, newest, &fits, err));
    else
        fx_log(sc, FX_LOG_WARN, "audit.anchors_unreadable", FX_E(&why));
    return options->store->write(options->store, sc, NULL, &work.writes, err);
}

void engine_anchor_drain(struct fx_engine *engine) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(engine->scope);
    struct fx_store *store = engine->options.store;
    struct engine_work work = work_of(engine, sc);
    struct fx_error err = {0};

    if (engine->options.anchor_key == NULL)
        return;
    if (engine_anchor(&work, &err) != FX_OK ||
        store->write(store, sc, NULL, &work.writes, &err) != FX_OK)
        fx_log(sc, FX_LOG_WARN, "audit.anchor_not_kept", FX_E(&err));
}
