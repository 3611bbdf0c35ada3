/* machine.c - time, chance and turns: who goes on next, and what happens to him. */
#include "fiber.h"
#include "sim.h"

#include "private.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sim *sim;

/* ---- chance ---- */

/* SplitMix64. */
uint64_t chance_next(struct chance *chance) {
    uint64_t z = chance->state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

int64_t chance_below(struct chance *chance, int64_t bound) {
    return (int64_t)(chance_next(chance) % (uint64_t)bound);
}

int64_t chance_between(struct chance *chance, int64_t least, int64_t most) {
    return least + chance_below(chance, most - least + 1);
}

bool chance_one_in(struct chance *chance, int64_t many) {
    return many > 0 && chance_below(chance, many) == 0;
}

bool sim_fault(int64_t one_in) {
    return !sim->calm && chance_one_in(&sim->chance, one_in);
}

/* ---- the trace ---- */

static void mix(const void *bytes, size_t length) {
    const unsigned char *p = bytes;

    for (size_t i = 0; i < length; i++)
        sim->hash = (sim->hash ^ p[i]) * UINT64_C(0x100000001b3);
}

void sim_note(const char *what, const char *subject, int64_t number) {
    mix(&sim->now_ms, sizeof sim->now_ms);
    mix(what, strlen(what));
    mix(subject, strlen(subject));
    mix(&number, sizeof number);
    if (!sim->verbose)
        return;
    const struct strand *s = sim->current;

    printf("%9.3f %c%-8s %s %s %lld\n", (double)sim->now_ms / 1000,
           s == NULL ? ' ' : 'A' + s->replica->number, s == NULL ? "-" : s->name, what, subject,
           (long long)number);
}

void sim_violate(const char *name, const char *fmt, ...) {
    va_list args;

    if (sim->violations_count == SIM_VIOLATIONS)
        return;
    struct violation *violation = &sim->violations[sim->violations_count++];

    violation->name = name;
    violation->at_ms = sim->now_ms;
    va_start(args, fmt);
    vsnprintf(violation->text, sizeof violation->text, fmt, args);
    va_end(args);
    sim_note("VIOLATION", name, 0);
    if (sim->verbose)
        printf("          %s\n", violation->text);
}

/* ---- time ---- */

int64_t sim_wall_ms(void) {
    return SIM_WALL_MS + sim->now_ms;
}

int64_t sim_bot_ms(void) {
    return sim_wall_ms() + sim->jump_ms;
}

void sim_at(int64_t at_ms, timer_fn *run, void *argument) {
    if (sim->timers_count == SIM_TIMERS)
        abort();
    sim->timers[sim->timers_count++] =
        (struct timer){.at_ms = at_ms, .order = sim->order++, .run = run, .argument = argument};
}

static struct timer *first_timer(void) {
    struct timer *first = NULL;

    for (size_t i = 0; i < sim->timers_count; i++) {
        struct timer *t = &sim->timers[i];

        if (first == NULL || t->at_ms < first->at_ms ||
            (t->at_ms == first->at_ms && t->order < first->order))
            first = t;
    }
    return first;
}

/* ---- strands ---- */

static void strand_main(void *argument) {
    struct strand *strand = argument;

    (void)strand->run(strand->argument);
    strand->ended = true;
}

struct strand *sim_strand_new(struct replica *replica, const char *name, void *(*run)(void *),
                              void *argument) {
    struct strand *strand = NULL;

    for (size_t i = 0; i < sim->strands_count && strand == NULL; i++)
        if (sim->strands[i].context == NULL)
            strand = &sim->strands[i];
    if (strand == NULL) {
        if (sim->strands_count == SIM_STRANDS)
            abort();
        strand = &sim->strands[sim->strands_count++];
    }
    *strand = (struct strand){
        .replica = replica, .name = name, .run = run, .argument = argument, .wake_ms = sim->now_ms};
    strand->context = fiber_new(strand_main, strand);
    return strand;
}

static void enter(struct strand *strand) {
    sim->current = strand;
    fiber_enter(strand->context);
    sim->current = NULL;
    if (strand->ended) {
        fiber_free(strand->context);
        strand->context = NULL;
    }
}

/* In turns: one may wait for the end of another. */
void sim_kill_strands(struct replica *replica) {
    bool any = true;

    while (any) {
        any = false;
        for (size_t i = 0; i < sim->strands_count; i++)
            if (sim->strands[i].context != NULL && sim->strands[i].replica == replica) {
                enter(&sim->strands[i]);
                any = true;
            }
    }
}

/* ---- boundaries ---- */

static void stand_still(struct replica *replica) {
    int64_t leases = chance_between(&sim->chance, 1, 3);

    replica->frozen_until_ms = sim->now_ms + leases * FX_ENGINE_LEASE_MS +
                               chance_below(&sim->chance, FX_ENGINE_LEASE_MS / 2);
    sim->freezes++;
    sim_note("freeze", "", replica->frozen_until_ms - sim->now_ms);
}

static void set_clock(struct replica *replica) {
    replica->skew_ms = chance_between(&sim->chance, -SIM_SKEW_MS, SIM_SKEW_MS);
    sim_note("clock", "", replica->skew_ms);
}

/* Between intent and outcome, and while the last checks before it are made, is where trouble hurts:
 * it comes there more often. */
static int64_t sooner(const struct strand *strand, int64_t one_in) {
    enum { TIMES = 8 };
    bool hurts = strand->hand.run[0] != '\0' || strand->checking;

    return hurts && one_in > TIMES ? one_in / TIMES : one_in;
}

bool sim_pass(struct replica *replica, int64_t least_ms, int64_t most_ms) {
    struct strand *strand = sim->current;

    if (replica->dying)
        return false;
    if (strand == NULL)
        return true;
    if (sim_fault(sooner(strand, sim->weather.crash))) {
        sim->crashes++;
        sim_note("crash", "", 0);
        replica_die(replica);
        return false;
    }
    if (sim_fault(sooner(strand, sim->weather.freeze)))
        stand_still(replica);
    if (sim_fault(sim->weather.clock_step))
        set_clock(replica);
    strand->wake_ms = sim->now_ms + chance_between(&sim->chance, least_ms, most_ms);
    fiber_leave(strand->context);
    return !replica->dying;
}

/* ---- turns ---- */

static bool may_go(const struct strand *strand) {
    return strand->context != NULL && strand->wake_ms <= sim->now_ms &&
           strand->replica->frozen_until_ms <= sim->now_ms;
}

static struct strand *choose(void) {
    struct strand *ready[SIM_STRANDS];
    size_t count = 0;

    for (size_t i = 0; i < sim->strands_count; i++)
        if (may_go(&sim->strands[i]))
            ready[count++] = &sim->strands[i];
    return count == 0 ? NULL : ready[chance_below(&sim->chance, (int64_t)count)];
}

static int64_t next_moment(void) {
    const struct timer *timer = first_timer();
    int64_t next = timer == NULL ? INT64_MAX : timer->at_ms;

    for (size_t i = 0; i < sim->strands_count; i++) {
        const struct strand *s = &sim->strands[i];

        if (s->context == NULL)
            continue;
        int64_t at =
            s->wake_ms > s->replica->frozen_until_ms ? s->wake_ms : s->replica->frozen_until_ms;
        next = at < next ? at : next;
    }
    return next;
}

static void run_timer(struct timer *timer) {
    struct timer due = *timer;

    *timer = sim->timers[--sim->timers_count];
    due.run(due.argument);
}

bool sim_turn(void) {
    struct timer *timer = first_timer();
    struct strand *strand = NULL;

    sim->turns++;
    for (int i = 0; i < SIM_REPLICAS; i++)
        if (sim->replicas[i].dying)
            replica_crash(&sim->replicas[i]);
    if (timer != NULL && timer->at_ms <= sim->now_ms) {
        run_timer(timer);
        return true;
    }
    strand = choose();
    if (strand != NULL) {
        enter(strand);
        return true;
    }
    int64_t next = next_moment();

    if (next == INT64_MAX)
        return false;
    sim->now_ms = next;
    if (!sim->calm && sim->now_ms >= sim->calm_ms) {
        sim->calm = true;
        sim_note("calm", "", 0);
    }
    return true;
}

/* ---- waiting for work ---- */

void sim_store_changed(void) {
    for (size_t i = 0; i < sim->strands_count; i++) {
        struct strand *s = &sim->strands[i];
        int64_t soon = sim->now_ms + 1;

        if (s->context == NULL || !s->patient || s == sim->current)
            continue;
        s->patient = false;
        soon += chance_below(&sim->chance, FX_ENGINE_POLL_MS);
        s->wake_ms = soon < s->wake_ms ? soon : s->wake_ms;
    }
}

static struct replica *of(struct fx_state *state) {
    return FX_CONTAINER_OF(state, struct replica, state);
}

static void state_put(struct fx_state *state, const char *key, struct fx_slice value,
                      int64_t ttl_ms) {
    if (!of(state)->dying)
        of(state)->memory->put(of(state)->memory, key, value, ttl_ms);
}

static const char *state_get(struct fx_state *state, struct fx_scope *sc, const char *key) {
    return of(state)->memory->get(of(state)->memory, sc, key);
}

static int64_t state_count(struct fx_state *state, const char *key, int64_t window_ms) {
    return of(state)->memory->count(of(state)->memory, key, window_ms);
}

/* Where a wake-up for this channel is kept, or may be. */
static const char **pending_of(struct replica *replica, const char *channel) {
    const char **unused = NULL;

    for (size_t i = 0; i < SIM_CHANNELS; i++) {
        if (replica->pending[i] == NULL)
            unused = &replica->pending[i];
        else if (strcmp(replica->pending[i], channel) == 0)
            return &replica->pending[i];
    }
    assert(unused != NULL);
    return unused;
}

/* channel is a literal of the engine's. */
static void state_wake(struct fx_state *state, const char *channel) {
    bool anybody = false;

    for (size_t i = 0; i < sim->strands_count; i++) {
        struct strand *s = &sim->strands[i];

        if (s->context == NULL || s->replica != of(state) || s->channel == NULL ||
            strcmp(s->channel, channel) != 0)
            continue;
        anybody = true;
        s->wake_ms = s->wake_ms > sim->now_ms ? sim->now_ms : s->wake_ms;
    }
    if (!anybody)
        *pending_of(of(state), channel) = channel;
}

/* Whoever has found nothing to do need not look every second: until the store changes, he would
 * find nothing again. */
static void state_wait(struct fx_state *state, const char *channel, int64_t timeout_ms) {
    struct replica *replica = of(state);
    struct strand *strand = sim->current;

    const char **pending = pending_of(replica, channel);

    if (replica->dying || strand == NULL)
        return;
    if (*pending != NULL) {
        *pending = NULL;
        timeout_ms = 0;
        strand->looked = false;
    }
    strand->channel = channel;
    strand->wake_ms = sim->now_ms + timeout_ms;
    if (strand->looked) {
        int64_t due_ms = strand->next_due_ms == 0
                             ? sim->now_ms + FX_ENGINE_LEASE_MS
                             : strand->next_due_ms - sim_bot_ms() + sim->now_ms - replica->skew_ms;

        strand->patient = true;
        strand->wake_ms = due_ms > strand->wake_ms ? due_ms : strand->wake_ms;
    }
    strand->looked = false;
    fiber_leave(strand->context);
    strand->patient = false;
    strand->channel = NULL;
}

static void state_close(struct fx_state *state) {
    (void)state;
}

void sim_state_init(struct replica *replica) {
    replica->state = (struct fx_state){.close = state_close,
                                       .put = state_put,
                                       .get = state_get,
                                       .count = state_count,
                                       .wake = state_wake,
                                       .wait = state_wait};
}

/* ---- in the place of the machine's own ---- */

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *argument);
int __wrap_pthread_join(pthread_t thread, void **ret_value);
int __wrap_pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex);
int __wrap_pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
                                  const struct timespec *until);
int __wrap_pthread_cond_signal(pthread_cond_t *condition);
int __wrap_pthread_cond_broadcast(pthread_cond_t *condition);
int __wrap_pthread_rwlock_rdlock(pthread_rwlock_t *lock);
int __wrap_pthread_rwlock_wrlock(pthread_rwlock_t *lock);
void __wrap_fx_pause(struct fx_scope *sc, struct fx_clock *clock, int64_t ms);
enum fx_code __wrap_aws_retry_wait(struct fx_scope *sc, struct fx_clock *clock, int64_t delay_ms,
                                   struct fx_error *err);

static struct replica *replica_of(struct fx_clock *clock) {
    return FX_CONTAINER_OF(clock, struct replica, clock);
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *argument) {
    const char *name = run == engine_worker_main   ? "worker"
                       : run == engine_outbox_main ? "outbox"
                       : run == engine_keeper_main ? "keeper"
                                                   : "sender";

    (void)attributes;
    /* Before the machine runs, and of the store, which has a thread of its own for a long log:
     * whoever asks does the work himself. */
    if (sim == NULL || sim->current == NULL || sim->current != sim->current->replica->main)
        return EAGAIN;
    *thread = (pthread_t)sim_strand_new(sim->current->replica, name, run, argument);
    return 0;
}

/* From outside of any strand the others have ended already. */
int __wrap_pthread_join(pthread_t thread, void **ret_value) {
    enum { LOOK_MS = 20 };
    const struct strand *other = (const struct strand *)thread;
    struct strand *strand = sim->current;

    (void)ret_value;
    while (strand != NULL && other != strand && other->context != NULL &&
           other->replica == strand->replica) {
        strand->wake_ms = sim->now_ms + LOOK_MS;
        fiber_leave(strand->context);
    }
    return 0;
}

/* Only others could end what a strand waits for; nobody waits in a process that dies, nor outside
 * of the strands, where all have ended. */
static void wait_turn(const void *condition, int64_t at_most_ms) {
    struct strand *strand = sim->current;

    if (strand == NULL)
        return;
    strand->condition = condition;
    strand->wake_ms = sim->now_ms + at_most_ms;
    fiber_leave(strand->context);
    strand->condition = NULL;
}

/* A wait may end for no reason: whoever waits looks again. */
int __wrap_pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex) {
    pthread_mutex_unlock(mutex);
    wait_turn(condition, SIM_PATIENCE_MS);
    return pthread_mutex_lock(mutex);
}

int __wrap_pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
                                  const struct timespec *until) {
    enum { A_WHILE_MS = 50 };

    (void)until; /* of the machine's clock */
    pthread_mutex_unlock(mutex);
    wait_turn(condition, A_WHILE_MS);
    pthread_mutex_lock(mutex);
    return ETIMEDOUT;
}

static void call(const pthread_cond_t *condition, bool all) {
    for (size_t i = 0; i < sim->strands_count; i++) {
        struct strand *s = &sim->strands[i];

        if (s->context == NULL || s->condition != condition)
            continue;
        s->condition = NULL;
        s->wake_ms = sim->now_ms;
        if (!all)
            return;
    }
}

int __wrap_pthread_cond_signal(pthread_cond_t *condition) {
    call(condition, false);
    return 0;
}

int __wrap_pthread_cond_broadcast(pthread_cond_t *condition) {
    call(condition, true);
    return 0;
}

/* Held by strands of one thread, the lock itself would never be free. */
int __wrap_pthread_rwlock_rdlock(pthread_rwlock_t *lock) {
    enum { LOOK_MS = 5 };

    while (pthread_rwlock_tryrdlock(lock) != 0)
        wait_turn(lock, LOOK_MS);
    return 0;
}

int __wrap_pthread_rwlock_wrlock(pthread_rwlock_t *lock) {
    enum { LOOK_MS = 5 };

    while (pthread_rwlock_trywrlock(lock) != 0)
        wait_turn(lock, LOOK_MS);
    return 0;
}

void __wrap_fx_pause(struct fx_scope *sc, struct fx_clock *clock, int64_t ms) {
    (void)sc;
    (void)sim_pass(replica_of(clock), ms, ms + 20);
}

enum fx_code __wrap_aws_retry_wait(struct fx_scope *sc, struct fx_clock *clock, int64_t delay_ms,
                                   struct fx_error *err) {
    if (!sim_pass(replica_of(clock), delay_ms, delay_ms + 20))
        return fx_fail(err, FX_ERR_CANCELED, "the process has died");
    return fx_scope_check(sc, fx_mono_ms(clock), err);
}
