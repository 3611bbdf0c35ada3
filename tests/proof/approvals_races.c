/* approvals_races.c - several who decide on one request in the same moment, over two replicas:
 * exactly one decision, and the votes that count are those of different persons. */
#include "approvals_rig.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RACERS = 4 };
enum act { NOTHING, APPROVE, DENY, EXPIRE };

struct actor {
    enum act act;
    const char *user;
};

/* The actors of a race; how many approvals it needs; whether somebody has voted before. */
struct course {
    const char *name;
    struct actor actors[RACERS];
    int needed;
    bool one_before; /* U3 has approved already */
    bool decides;    /* in the end somebody must have decided */
};
static const struct course courses[] = {
    {"approve, approve", {{APPROVE, "U1"}, {APPROVE, "U2"}}, 1, false, true},
    {"approve, approve, for two", {{APPROVE, "U1"}, {APPROVE, "U2"}}, 2, false, true},
    {"approve, deny", {{APPROVE, "U1"}, {DENY, "U2"}}, 1, false, true},
    {"approve, deny, for two", {{APPROVE, "U1"}, {DENY, "U2"}}, 2, true, true},
    {"approve, expire", {{APPROVE, "U1"}, {EXPIRE, ""}}, 1, false, true},
    {"approve, expire, for two", {{APPROVE, "U1"}, {EXPIRE, ""}, {APPROVE, "U2"}}, 2, true, true},
    {"double click", {{APPROVE, "U1"}, {APPROVE, "U1"}}, 1, false, true},
    {"double click, for two", {{APPROVE, "U1"}, {APPROVE, "U1"}}, 2, false, false},
    {"two accounts", {{APPROVE, "U1"}, {APPROVE, "U1B"}}, 1, false, true},
    {"two accounts, for two", {{APPROVE, "U1"}, {APPROVE, "U1B"}}, 2, false, false},
    {"the last two votes", {{APPROVE, "U1"}, {APPROVE, "U1B"}}, 2, true, true},
    {"who asked", {{APPROVE, "U9B"}, {APPROVE, "U2"}, {APPROVE, "U9"}}, 2, false, false},
    {"everybody",
     {{APPROVE, "U1"}, {APPROVE, "U2"}, {APPROVE, "U3"}, {APPROVE, "U1B"}},
     2,
     false,
     true},
    {"everything", {{APPROVE, "U1"}, {DENY, "U2"}, {APPROVE, "U3"}, {EXPIRE, ""}}, 2, false, true},
};

struct racer {
    struct proof_racers *all;
    size_t index;
    pthread_t thread;
};

struct proof_racers {
    struct proof *proof;
    struct racer racers[RACERS];
    pthread_barrier_t start, end;
    bool over;
    struct fx_scope *scopes[RACERS];
    const struct course *course;
    const char *approval;
    size_t order[RACERS];     /* which actor a racer plays */
    const char *told[RACERS]; /* by actor: what the person was told; NULL when it counted */
};

/* ---- running ---- */

/* The clocks of two machines differ by a moment: for one the time is just over. */
static void act(struct proof_racers *all, size_t index) {
    size_t which = all->order[index];
    const struct actor *actor = &all->course->actors[which];
    struct proof_replica *replica = &all->proof->replicas[index % PROOF_REPLICAS];
    struct proof_replica late = *replica;
    struct fx_scope *sc = all->scopes[index];
    struct fx_job job = {.kind = "expire", .subject = all->approval};
    struct fx_error err = {0};

    if (actor->act == NOTHING)
        return;
    if (actor->act != EXPIRE) {
        all->told[which] =
            proof_press(replica, sc, actor->user, actor->act == APPROVE, all->approval);
        return;
    }
    late.clock.wall_ms = PROOF_NOW_MS + PROOF_LIFE_MS;
    late.engine.options.clock = &late.clock.clock;
    struct engine_work work = {
        .engine = &late.engine, .sc = sc, .job = &job, .now_ms = late.clock.wall_ms};

    proof_must(engine_expire(&work, &err), &err, "expiring");
}

static void *run(void *item) {
    struct racer *racer = item;
    struct proof_racers *all = racer->all;

    for (;;) {
        pthread_barrier_wait(&all->start);
        if (all->over)
            return NULL;
        act(all, racer->index);
        pthread_barrier_wait(&all->end);
    }
}

struct proof_racers *proof_races_begin(struct proof *proof) {
    struct proof_racers *all = calloc(1, sizeof *all);

    if (all == NULL)
        abort();
    all->proof = proof;
    pthread_barrier_init(&all->start, NULL, RACERS + 1);
    pthread_barrier_init(&all->end, NULL, RACERS + 1);
    for (size_t i = 0; i < RACERS; i++) {
        all->racers[i] = (struct racer){.all = all, .index = i};
        if (pthread_create(&all->racers[i].thread, NULL, run, &all->racers[i]) != 0)
            abort();
    }
    return all;
}

void proof_races_end(struct proof_racers *all) {
    all->over = true;
    pthread_barrier_wait(&all->start);
    for (size_t i = 0; i < RACERS; i++)
        pthread_join(all->racers[i].thread, NULL);
    pthread_barrier_destroy(&all->start);
    pthread_barrier_destroy(&all->end);
    free(all);
}

static void put_request(struct proof_racers *all, struct fx_scope *sc) {
    struct fx_store *store = proof_store(all->proof, 0);
    struct fx_writes writes = {0};
    struct fx_error err = {0};
    const struct fx_run row = {.id = fx_printf(sc, "run-%s", all->approval),
                               .system = "proof",
                               .environment = "dev",
                               .command = "shift",
                               .requester = "U9",
                               .arguments_json = "{}",
                               .values_json = "{}",
                               .state = FX_RUN_APPROVAL};

    fx_writes_run(sc, &writes, &row);
    fx_writes_approval(sc, &writes,
                       &(struct fx_approval){.id = all->approval,
                                             .run = row.id,
                                             .step = "gate",
                                             .plan_json = "{}",
                                             .requester = "U9",
                                             .created_ms = PROOF_NOW_MS,
                                             .expires_ms = PROOF_NOW_MS + PROOF_LIFE_MS,
                                             .needed = all->course->needed});
    proof_must(store->write(store, sc, NULL, &writes, &err), &err, "a request");
    if (all->course->one_before &&
        proof_press(&all->proof->replicas[0], sc, "U3", true, all->approval) != NULL)
        exit(2);
}

/* ---- judging ---- */

struct outcome {
    struct fx_approval *approval;
    struct fx_vote **votes;
    struct fx_audit **rows;
    size_t votes_count, rows_count;
};

static size_t rows_of(const struct outcome *o, const char *action, const char *actor) {
    size_t count = 0;

    for (size_t i = 0; i < o->rows_count; i++)
        count += strcmp(o->rows[i]->action, action) == 0 &&
                 (actor == NULL || strcmp(o->rows[i]->actor, actor) == 0);
    return count;
}

/* NULL when the votes are those of so many persons as they seem to be. */
static const char *judge_votes(struct fx_scope *sc, const struct proof_racers *all,
                               const struct outcome *o) {
    const char **voters = fx_alloc(sc, (o->votes_count + 1) * sizeof *voters);

    for (size_t i = 0; i < o->votes_count; i++)
        voters[i] = o->votes[i]->voter;
    size_t persons = fx_policy_count_persons(&all->proof->policy, "U9", voters, o->votes_count);

    if (persons != o->votes_count)
        return fx_printf(sc, "%zu votes are of %zu persons", o->votes_count, persons);
    if (o->votes_count > (size_t)o->approval->needed)
        return "more votes than it needs";
    if ((o->approval->state == FX_APPROVAL_APPROVED) !=
        (o->votes_count == (size_t)o->approval->needed))
        return fx_printf(sc, "%zu of %d votes, and its state is %d", o->votes_count,
                         o->approval->needed, (int)o->approval->state);
    if (rows_of(o, "approval.approved", NULL) != o->votes_count)
        return "not one audit row for each vote";
    return NULL;
}

/* Each person either decided, or was told why not. */
static const char *judge_answers(struct fx_scope *sc, const struct proof_racers *all,
                                 const struct outcome *o) {
    size_t counted = all->course->one_before;

    for (size_t i = 0; i < RACERS; i++) {
        const struct actor *actor = &all->course->actors[i];

        if (actor->act != APPROVE && actor->act != DENY)
            continue;
        counted += all->told[i] == NULL;
        if (all->told[i] == NULL &&
            rows_of(o, actor->act == APPROVE ? "approval.approved" : "approval.denied",
                    actor->user) == 0)
            return fx_printf(sc, "%s was told nothing, and nothing was counted", actor->user);
    }
    if (counted != rows_of(o, "approval.approved", NULL) + rows_of(o, "approval.denied", NULL))
        return "not as many clicks counted as people were told";
    return NULL;
}

static const char *judge(struct fx_scope *sc, const struct proof_racers *all,
                         const struct outcome *o) {
    size_t ends = rows_of(o, "approval.denied", NULL) + rows_of(o, "approval.expired", NULL) +
                  (o->approval->state == FX_APPROVAL_APPROVED);
    const char *wrong = judge_votes(sc, all, o);

    if (wrong == NULL)
        wrong = judge_answers(sc, all, o);
    if (wrong == NULL && ends != (o->approval->state != FX_APPROVAL_PENDING))
        wrong = fx_printf(sc, "%zu decisions", ends);
    if (wrong == NULL && all->course->decides != (o->approval->state != FX_APPROVAL_PENDING))
        wrong = all->course->decides ? "nobody decided" : "too few have decided";
    return wrong;
}

/* Who plays whom decides the seed: the same course is run on either replica. */
static void shuffle(struct proof_racers *all, uint64_t *seed) {
    for (size_t i = 0; i < RACERS; i++)
        all->order[i] = i;
    for (size_t i = RACERS - 1; i > 0; i--) {
        size_t other = proof_draw(seed, (uint32_t)i + 1), kept = all->order[i];

        all->order[i] = all->order[other];
        all->order[other] = kept;
    }
}

bool proof_race(struct proof_racers *all, int number, uint64_t seed) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_store *store = proof_store(all->proof, 0);
    struct outcome o = {0};
    struct fx_error err = {0};

    all->course = &courses[(size_t)number % FX_COUNT_OF(courses)];
    all->approval = fx_printf(sc, "race-%d", number);
    memset(all->told, 0, sizeof all->told);
    shuffle(all, &seed);
    put_request(all, sc);
    for (size_t i = 0; i < RACERS; i++)
        all->scopes[i] = fx_scope_new(NULL);
    pthread_barrier_wait(&all->start);
    pthread_barrier_wait(&all->end);
    proof_must(store->approval(store, sc, all->approval, &o.approval, &err), &err, "reading");
    proof_must(store->votes(store, sc, all->approval, &o.votes, &o.votes_count, &err), &err,
               "reading");
    proof_must(store->audits_of(store, sc, all->approval, 100, &o.rows, &o.rows_count, &err), &err,
               "reading");
    const char *wrong = judge(sc, all, &o);

    if (wrong != NULL)
        printf("race %d (%s): %s\n", number, all->course->name, wrong);
    for (size_t i = 0; i < RACERS; i++)
        fx_scope_free(all->scopes[i]);
    return wrong == NULL;
}
