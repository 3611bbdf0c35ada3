/* probes.c - the real store, opened for one seed, and what is noted of the operations that decide.
 *
 * Every operation of the store that matters for the truth is replaced in its table by one that does
 * the same and takes a note of it. Faults are a wrapper further out, one for each replica: a call
 * that fails there never comes here, a lost answer has come.
 */
#include "world.h"

#include "private.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct fx_store real; /* the operations as they were */

#define FAR_AHEAD_MS (2 * SIM_WALL_MS) /* an end that a twin never sees */

static bool is_twin(const char *name) {
    return strcmp(sim->twin, name) == 0;
}

/* ---- what is on its way ---- */

static int64_t *sending_of(int64_t seq) {
    struct strand *strand = sim->current;

    for (size_t i = 0; strand != NULL && i < SIM_HELD; i++)
        if (strand->replica->sending[i] == seq)
            return &strand->replica->sending[i];
    return NULL;
}

static bool is_being_sent(int64_t seq) {
    for (size_t i = 0; i < SIM_REPLICAS; i++)
        for (size_t k = 0; k < SIM_HELD && !sim->replicas[i].down; k++)
            if (sim->replicas[i].sending[k] == seq)
                return true;
    return false;
}

/* What is lost of these five is lost inside of the store, which has to notice. ending: the message
 * whose sending ends with it, 0 for none. */
static void trouble_inside(bool on, int64_t ending) {
    if (sim->current == NULL)
        return;
    sim->current->trouble_inside = on;
    sim->current->ending = ending;
}

static void note_sending(int64_t seq) {
    int64_t *sending = sending_of(0);

    if (is_being_sent(seq))
        sim_violate("sent-by-two", "message %lld", (long long)seq);
    if (sending != NULL)
        *sending = seq;
}

/* ---- jobs ---- */

static struct held_job *held_of(const char *token, bool add) {
    struct strand *strand = sim->current;

    for (size_t i = 0; strand != NULL && i < SIM_HELD; i++) {
        struct held_job *held = &strand->replica->jobs[i];

        if (add ? held->id == 0 : strcmp(held->token, token) == 0)
            return held;
    }
    return NULL;
}

/* Whoever stood still with this job in hand likes to go on just when somebody else has taken it. */
static void thaw_others(int64_t job_id) {
    enum { TOGETHER_MS = 600 };

    for (size_t i = 0; i < SIM_REPLICAS; i++) {
        struct replica *replica = &sim->replicas[i];

        for (size_t k = 0; k < SIM_HELD; k++)
            if (replica->frozen_until_ms > sim->now_ms && replica->jobs[k].id == job_id &&
                !chance_one_in(&sim->chance, 3))
                replica->frozen_until_ms =
                    sim->now_ms + chance_between(&sim->chance, 5, TOGETHER_MS);
    }
}

static enum fx_code claim(struct fx_store *store, struct fx_scope *sc, const char *worker,
                          int64_t now_ms, int64_t lease_ms, struct fx_job **ret_job,
                          int64_t *ret_next_due_ms, struct fx_error *err) {
    struct strand *strand = sim->current;

    FX_TRY(real.claim(store, sc, worker, now_ms, lease_ms, ret_job, ret_next_due_ms, err));
    strand->looked = *ret_job == NULL;
    strand->next_due_ms = *ret_next_due_ms;
    if (*ret_job == NULL)
        return FX_OK;
    sim_note("claim", fx_printf(sc, "%s %s", (*ret_job)->kind, (*ret_job)->subject),
             (*ret_job)->attempts);
    thaw_others((*ret_job)->id);
    strand->hand = (struct hand){0};
    strand->checking = false;
    struct held_job *held = held_of("", true);

    if (held != NULL) {
        held->id = (*ret_job)->id;
        held->until_ms = now_ms + lease_ms;
        snprintf(held->token, sizeof held->token, "%s", (*ret_job)->token);
    }
    sim_store_changed();
    return FX_OK;
}

static enum fx_code extend(struct fx_store *store, struct fx_scope *sc, const struct fx_job *job,
                           int64_t until_ms, struct fx_error *err) {
    struct held_job *held = held_of(job->token, false);

    FX_TRY(real.extend(store, sc, job, until_ms, err));
    if (held != NULL)
        held->until_ms = until_ms;
    return FX_OK;
}

static enum fx_code settle(struct fx_store *store, struct fx_scope *sc, const struct fx_job *job,
                           enum fx_settle how, int64_t due_ms, const char *error,
                           const struct fx_writes *writes, struct fx_error *err) {
    struct held_job *held = held_of(job->token, false);

    if (how == FX_SETTLE_RETRY && is_twin("forgets-retries"))
        how = FX_SETTLE_DONE;
    bool begins = writes != NULL && writes->ret_begun != NULL;

    struct replica *replica = sim->current == NULL ? NULL : sim->current->replica;

    trouble_inside(begins, 0);
    if (replica != NULL)
        replica->beginning += begins;
    enum fx_code code = real.settle(store, sc, job, how, due_ms, error, writes, err);

    trouble_inside(false, 0);
    if (replica != NULL) {
        replica->beginning -= begins;
        replica->began_unseen |= begins && code != FX_OK && replica->dying;
    }
    if (code == FX_OK && begins && *writes->ret_begun != NULL)
        note_sending((*writes->ret_begun)->seq);
    sim_note(code == FX_OK ? "settled" : "not settled",
             code == FX_OK ? (error == NULL ? "" : error) : err->message, how);
    FX_TRY(code);
    if (held != NULL)
        *held = (struct held_job){0};
    if (sim->current != NULL)
        sim->current->hand = (struct hand){0};
    sim_store_changed();
    return FX_OK;
}

static enum fx_code write_rows(struct fx_store *store, struct fx_scope *sc,
                               const struct fx_job *job, const struct fx_writes *writes,
                               struct fx_error *err) {
    FX_TRY(real.write(store, sc, job, writes, err));
    sim_store_changed();
    return FX_OK;
}

static enum fx_code accept(struct fx_store *store, struct fx_scope *sc,
                           const struct fx_event *event, bool *ret_new, struct fx_error *err) {
    FX_TRY(real.accept(store, sc, event, ret_new, err));
    sim_store_changed();
    return FX_OK;
}

/* ---- intents ---- */

/* What holds is looked at once more when the intent is set; a twin does not look. */
static void weaken(struct fx_guard *guard) {
    if (guard == NULL)
        return;
    if (is_twin("stop-ignored") || is_twin("stop-not-looked-at-again"))
        guard->unless_stopped = false;
    if (is_twin("freeze-ignored"))
        guard->freezes[0] = NULL;
    if (is_twin("approval-ignored") || is_twin("expiry-ignored") ||
        is_twin("expiry-not-looked-at-again"))
        guard->approval = NULL;
    if (is_twin("begin-on-conflict"))
        guard->lease_left_ms = 0;
}

static enum fx_code begin_effect(struct fx_store *store, struct fx_scope *sc,
                                 const struct fx_job *job, const struct fx_intent *intent,
                                 const struct fx_writes *writes, struct fx_error *err) {
    struct strand *strand = sim->current;
    const struct held_job *held = held_of(job->token, false);
    enum fx_code code = FX_OK;

    weaken(intent->guard);
    if (!is_twin("intent-lost"))
        code = real.begin_effect(store, sc, job, intent, writes, err);
    if (code == FX_ERR_CONFLICT && (is_twin("begin-on-conflict") || is_twin("repeats-unsettled")))
        code = FX_OK;
    sim_note(code == FX_OK ? "intent" : "no intent",
             fx_printf(sc, "%s %s", intent->run, intent->key), code);
    FX_TRY(code);
    truth_begun(strand, held, intent);
    strand->checking = false;
    strand->hand.begun_ms = sim->now_ms;
    snprintf(strand->hand.run, sizeof strand->hand.run, "%s", intent->run);
    snprintf(strand->hand.key, sizeof strand->hand.key, "%s", intent->key);
    sim_store_changed();
    return FX_OK;
}

static enum fx_code end_effect(struct fx_store *store, struct fx_scope *sc,
                               const struct fx_intent *intent, const struct fx_writes *writes,
                               struct fx_error *err) {
    struct fx_intent told = *intent;

    if (told.state == FX_INTENT_UNKNOWN && is_twin("takes-doubt-for-done")) {
        told.state = FX_INTENT_DONE;
        told.outcome_json = "{}";
    }
    enum fx_code code = real.end_effect(store, sc, &told, writes, err);

    sim_note(code == FX_OK ? "outcome" : "no outcome",
             fx_printf(sc, "%s %s", intent->run, intent->key), intent->state);
    return code;
}

/* The twin does not know of what it began and did not end. */
static enum fx_code intents(struct fx_store *store, struct fx_scope *sc, const char *run,
                            const char *step, struct fx_intent ***ret_intents, size_t *ret_count,
                            struct fx_error *err) {
    size_t kept = 0;

    FX_TRY(real.intents(store, sc, run, step, ret_intents, ret_count, err));
    if (!is_twin("repeats-unsettled"))
        return FX_OK;
    for (size_t i = 0; i < *ret_count; i++)
        if ((*ret_intents)[i]->state != FX_INTENT_SET)
            (*ret_intents)[kept++] = (*ret_intents)[i];
    *ret_count = kept;
    return FX_OK;
}

/* ---- decisions ---- */

static enum fx_code decide(struct fx_store *store, struct fx_scope *sc,
                           const struct fx_approval *given, const struct fx_writes *writes,
                           struct fx_error *err) {
    enum fx_code code = real.decide(store, sc, given, writes, err);

    sim_note(code == FX_OK ? "decided" : "not decided", given->id, given->state);
    FX_TRY(code);
    truth_decided(given);
    sim_store_changed();
    return FX_OK;
}

static enum fx_code request_stop(struct fx_store *store, struct fx_scope *sc, const char *run_id,
                                 const char *user, const struct fx_writes *writes,
                                 struct fx_error *err) {
    enum fx_code code = real.request_stop(store, sc, run_id, user, writes, err);

    sim_note(code == FX_OK ? "stop asked" : "stop too late", run_id, 0);
    FX_TRY(code);
    truth_stopped(run_id);
    sim_store_changed();
    return FX_OK;
}

static enum fx_code approval_of(struct fx_store *store, struct fx_scope *sc, const char *run,
                                const char *step, struct fx_approval **ret_approval,
                                struct fx_error *err) {
    FX_TRY(real.approval_of(store, sc, run, step, ret_approval, err));
    if (sim->current != NULL) {
        sim->current->approval_read_ms = sim_bot_ms();
        sim->current->checking =
            *ret_approval != NULL && (*ret_approval)->state == FX_APPROVAL_APPROVED;
    }
    if (is_twin("approval-ignored") && *ret_approval != NULL &&
        (*ret_approval)->state != FX_APPROVAL_APPROVED) {
        (*ret_approval)->state = FX_APPROVAL_APPROVED;
        (*ret_approval)->decided_by = "U2";
        (*ret_approval)->execute_before_ms = FAR_AHEAD_MS;
    }
    if (is_twin("expiry-ignored") && *ret_approval != NULL)
        (*ret_approval)->execute_before_ms = FAR_AHEAD_MS;
    return FX_OK;
}

/* Whoever approved is asked for once more, too. */
static enum fx_code votes(struct fx_store *store, struct fx_scope *sc, const char *approval,
                          struct fx_vote ***ret_votes, size_t *ret_count, struct fx_error *err) {
    FX_TRY(real.votes(store, sc, approval, ret_votes, ret_count, err));
    if (!is_twin("approval-ignored") || *ret_count > 0)
        return FX_OK;
    *ret_votes = fx_alloc(sc, sizeof **ret_votes);
    (*ret_votes)[0] = FX_NEW(sc, struct fx_vote);
    (*ret_votes)[0]->voter = "U2";
    *ret_count = 1;
    return FX_OK;
}

static enum fx_code run_row(struct fx_store *store, struct fx_scope *sc, const char *id,
                            struct fx_run **ret_run, struct fx_error *err) {
    FX_TRY(real.run(store, sc, id, ret_run, err));
    if (sim->current != NULL)
        sim->current->run_read_ms = sim->now_ms;
    if (is_twin("stop-ignored") && *ret_run != NULL)
        (*ret_run)->stop_requested = false;
    return FX_OK;
}

static enum fx_code setting(struct fx_store *store, struct fx_scope *sc, const char *name,
                            const char **ret_value, struct fx_error *err) {
    FX_TRY(real.setting(store, sc, name, ret_value, err));
    if (strcmp(name, "freeze") != 0)
        return FX_OK;
    if (sim->current != NULL)
        sim->current->freeze_read_ms = sim->now_ms;
    if (is_twin("freeze-ignored"))
        *ret_value = "";
    return FX_OK;
}

/* ---- the outbox ---- */

static void sending_ends(int64_t seq) {
    int64_t *sending = sending_of(seq);

    if (sending != NULL)
        *sending = 0;
    sim_store_changed();
}

static enum fx_code outbox_ready(struct fx_store *store, struct fx_scope *sc, int64_t now_ms,
                                 size_t max, struct fx_message ***ret_messages, size_t *ret_count,
                                 int64_t *ret_next_due_ms, struct fx_error *err) {
    unrecorded_forget(is_being_sent);
    FX_TRY(
        real.outbox_ready(store, sc, now_ms, max, ret_messages, ret_count, ret_next_due_ms, err));
    sim->current->looked = *ret_count == 0;
    sim->current->next_due_ms = *ret_next_due_ms;
    return FX_OK;
}

static enum fx_code outbox_begin(struct fx_store *store, struct fx_scope *sc, int64_t seq,
                                 int64_t now_ms, struct fx_error *err) {
    trouble_inside(true, 0);
    enum fx_code code = real.outbox_begin(store, sc, seq, now_ms, err);

    trouble_inside(false, 0);
    if (code == FX_ERR_CONFLICT && is_twin("sends-what-is-sent"))
        code = FX_OK;
    FX_TRY(code);
    note_sending(seq);
    return FX_OK;
}

/* Recorded or not, nobody of this process sends it any more. */
static enum fx_code recorded(int64_t seq, enum fx_code code) {
    trouble_inside(false, 0);
    sending_ends(seq);
    return code;
}

static enum fx_code outbox_sent(struct fx_store *store, struct fx_scope *sc, int64_t seq,
                                const char *ts, int64_t now_ms, struct fx_error *err) {
    trouble_inside(true, seq);
    return recorded(seq, real.outbox_sent(store, sc, seq, ts, now_ms, err));
}

static enum fx_code outbox_retry(struct fx_store *store, struct fx_scope *sc, int64_t seq,
                                 int64_t due_ms, const struct fx_error *why, struct fx_error *err) {
    sim_note("send again", why->message, seq);
    if (is_twin("forgets-unsent"))
        return outbox_sent(store, sc, seq, "", due_ms, err);
    struct fx_error heard = *why;

    if (is_twin("forgets-what-may-come-late"))
        heard.sent = false;
    trouble_inside(true, seq);
    return recorded(seq, real.outbox_retry(store, sc, seq, due_ms, &heard, err));
}

static enum fx_code outbox_failed(struct fx_store *store, struct fx_scope *sc, int64_t seq,
                                  const char *error, struct fx_error *err) {
    sim_note("send failed", error, seq);
    trouble_inside(true, seq);
    return recorded(seq, real.outbox_failed(store, sc, seq, error, err));
}

/* Of a process that died; what another one is sending by now is not its own any more. */
void probes_rescue(struct fx_scope *sc, int64_t seq) {
    const struct fx_error died = {
        .code = FX_ERR_CANCELED, .sent = true, .message = "the process died"};
    struct fx_error ignored;

    if (!is_being_sent(seq))
        (void)!real.outbox_retry(sim->store, sc, seq, sim_bot_ms(), &died, &ignored);
}

/* ---- faults ---- */

static struct replica *hooked(struct fault_hook *hook) {
    return FX_CONTAINER_OF(hook, struct replica, hook);
}

static enum fx_code dead(struct fx_error *err) {
    return fx_fail(err, FX_ERR_CANCELED, "the process has died");
}

/* The keeper holds a lock while it extends a lease, so nobody else may have a turn there. */
static bool keeps(void) {
    return sim->current != NULL && sim->current->run == engine_keeper_main;
}

static bool pass(struct replica *replica) {
    if (keeps())
        return !replica->dying;
    return sim_fault(sim->weather.store_slow) ? sim_pass(replica, 200, 3000)
                                              : sim_pass(replica, 0, 2);
}

static enum fx_code before(struct fault_hook *hook, struct fx_error *err) {
    struct replica *replica = hooked(hook);

    if (!pass(replica))
        return dead(err);
    if (!sim_fault(sim->weather.store_before))
        return FX_OK;
    sim_note("store refuses", "", 0);
    return fx_fail(err, FX_ERR_UNAVAILABLE, "the store was made to fail before the call");
}

static enum fx_code after(struct fault_hook *hook, enum fx_code code, struct fx_error *err) {
    struct replica *replica = hooked(hook);

    if (chance_one_in(&sim->chance, 3) && !pass(replica))
        return dead(err);
    if (!sim_fault(sim->weather.store_after))
        return code;
    sim_note("store's answer lost", "", 0);
    (void)fx_fail(err, FX_ERR_UNAVAILABLE, "the store was made to lose its answer");
    err->sent = true;
    return FX_ERR_UNAVAILABLE;
}

struct store_link;
typedef enum fx_code work_fn(struct store_link *link, void *what, struct fx_error *err);
enum fx_code __real_store_write(struct fx_store *store, struct fx_scope *sc, work_fn *work,
                                void *what, struct fx_error *err);
enum fx_code __wrap_store_write(struct fx_store *store, struct fx_scope *sc, work_fn *work,
                                void *what, struct fx_error *err);

enum fx_code __wrap_store_write(struct fx_store *store, struct fx_scope *sc, work_fn *work,
                                void *what, struct fx_error *err) {
    struct strand *strand = sim->current;

    if (strand == NULL || !strand->trouble_inside)
        return __real_store_write(store, sc, work, what, err);
    FX_TRY(before(&strand->replica->hook, err));
    enum fx_code code = __real_store_write(store, sc, work, what, err);

    if (code == FX_OK && strand->ending != 0)
        sending_ends(strand->ending);
    return after(&strand->replica->hook, code, err);
}

/* Past the faults around the store: these have theirs inside. */
static enum fx_code begin_past(struct fx_store *store, struct fx_scope *sc, int64_t seq,
                               int64_t now_ms, struct fx_error *err) {
    (void)store;
    return outbox_begin(sim->store, sc, seq, now_ms, err);
}

/* Where it begins a message; elsewhere a settling is troubled from outside. */
static enum fx_code settle_past(struct fx_store *store, struct fx_scope *sc,
                                const struct fx_job *job, enum fx_settle how, int64_t due_ms,
                                const char *error, const struct fx_writes *writes,
                                struct fx_error *err) {
    bool begins = writes != NULL && writes->ret_begun != NULL;

    return begins ? settle(sim->store, sc, job, how, due_ms, error, writes, err)
                  : sim->current->replica->troubled_settle(store, sc, job, how, due_ms, error,
                                                           writes, err);
}

static enum fx_code sent_past(struct fx_store *store, struct fx_scope *sc, int64_t seq,
                              const char *ts, int64_t now_ms, struct fx_error *err) {
    (void)store;
    return outbox_sent(sim->store, sc, seq, ts, now_ms, err);
}

static enum fx_code retry_past(struct fx_store *store, struct fx_scope *sc, int64_t seq,
                               int64_t due_ms, const struct fx_error *why, struct fx_error *err) {
    (void)store;
    return outbox_retry(sim->store, sc, seq, due_ms, why, err);
}

static enum fx_code failed_past(struct fx_store *store, struct fx_scope *sc, int64_t seq,
                                const char *error, struct fx_error *err) {
    (void)store;
    return outbox_failed(sim->store, sc, seq, error, err);
}

void probes_hook(struct replica *replica) {
    replica->hook = (struct fault_hook){.before = before, .after = after};
    replica->store = fault_store_new(sim->store);
    fault_store_hook(replica->store, &replica->hook);
    replica->troubled_settle = replica->store->settle;
    replica->store->settle = settle_past;
    replica->store->outbox_begin = begin_past;
    replica->store->outbox_sent = sent_past;
    replica->store->outbox_retry = retry_past;
    replica->store->outbox_failed = failed_past;
}

/* ---- one store for each seed ---- */

static void copy_file(const char *from, const char *to) {
    static char buffer[256 << 10];
    int in = open(from, O_RDONLY | O_CLOEXEC);
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ssize_t length = 0;

    while (in >= 0 && out >= 0 && (length = read(in, buffer, sizeof buffer)) > 0)
        if (write(out, buffer, (size_t)length) != length)
            abort();
    if (in < 0 || out < 0 || length < 0)
        abort();
    close(in);
    close(out);
}

static void open_at(const char *path) {
    struct fx_error err = {0};

    if (fx_store_open(sim->sc, fx_printf(sim->sc, "sqlite://%s", path), &sim->clock,
                      &sim->store_random, &sim->store, &err) == FX_OK)
        return;
    fprintf(stderr, "the simulation has no store: %s\n", err.message);
    exit(2);
}

static void clear_away(const char *path) {
    static const char *const ends[] = {"", "-wal", "-shm"};

    for (size_t i = 0; i < FX_COUNT_OF(ends); i++)
        unlink(fx_printf(sim->sc, "%s%s", path, ends[i]));
}

/* The schema is made once for all seeds. */
void probes_open(const char *folder) {
    const char *model = fx_printf(sim->sc, "%s/model.db", folder);
    const char *path = fx_printf(sim->sc, "%s/seed.db", folder);

    if (access(model, F_OK) != 0) {
        open_at(model);
        sim->store->close(sim->store);
    }
    clear_away(path);
    copy_file(model, path);
    open_at(path);
    real = *sim->store;
    sim->store->claim = claim;
    sim->store->extend = extend;
    sim->store->settle = settle;
    sim->store->write = write_rows;
    sim->store->accept = accept;
    sim->store->begin_effect = begin_effect;
    sim->store->end_effect = end_effect;
    sim->store->intents = intents;
    sim->store->decide = decide;
    sim->store->request_stop = request_stop;
    sim->store->approval_of = approval_of;
    sim->store->votes = votes;
    sim->store->run = run_row;
    sim->store->setting = setting;
    sim->store->outbox_ready = outbox_ready;
}

const struct fx_store *probes_real(void) {
    return &real;
}

void probes_close(const char *folder) {
    sim->store->close(sim->store);
    clear_away(fx_printf(sim->sc, "%s/seed.db", folder));
}

void probes_forget(const char *folder) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);

    unlink(fx_printf(sc, "%s/model.db", folder));
}
