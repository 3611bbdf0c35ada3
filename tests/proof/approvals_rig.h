/* approvals_rig.h - two engines without threads, as two replicas have them, on one real store; a
 * Slack that knows who people are; and a world of one number that a change may move.
 */
#pragma once

#include "support/test.h"

#include "private.h"

#include "support/postgres.h"
#include "support/scripted_http.h"

enum { PROOF_REPLICAS = 2, PROOF_NOW_MS = 1000 * 1000 * 1000, PROOF_LIFE_MS = 60 * 1000 };

#define PROOF_HOME "C0HOME"
#define PROOF_TEAM "T0HOME"
/* Who may approve: U1 has a second account, U9 asks, and has one too. */
#define PROOF_ACCOUNTS "U1", "U1B", "U2", "U3", "U9", "U9B"

struct proof;

struct proof_replica {
    struct proof *proof;
    struct held_clock clock;
    struct fx_engine engine;
    struct fx_engine_system system;
};

struct proof {
    struct fx_scope *sc;
    bool postgres;
    struct test_postgres server;
    char dir[64];
    struct fx_policy policy;
    struct fx_role roles[2];
    struct fx_environment environments[2];
    struct fx_runbooks *runbooks;
    struct proof_replica replicas[PROOF_REPLICAS];
    struct fx_http slack;
    const char *guest; /* who has become one; NULL */
    bool is_shared;    /* the channel */
    /* the world */
    int64_t depth;
    const char *account; /* in which it is */
    int effects;         /* calls that reached it */
    const char *carried; /* digest of the parameters that the last one carried */
};

/* Ends the program with a sentence when something is broken that is not under test. */
void proof_must(enum fx_code code, const struct fx_error *err, const char *what);
void proof_open(struct proof *proof, bool postgres);
void proof_close(struct proof *proof);
/* Reads the runbooks again; their summary says which edition it is. */
void proof_load_runbooks(struct proof *proof, const char *edition);
/* A statement behind the store's back. */
void proof_sql(struct proof *proof, const char *fmt, ...) FX_PRINTF(2, 3);

struct fx_store *proof_store(struct proof *proof, size_t replica);
/* A click on a button of this request, or a submitted denial: what the person was told, NULL when
 * it counted. In sc. */
const char *proof_press(struct proof_replica *replica, struct fx_scope *sc, const char *user,
                        bool approve, const char *approval);
/* Handles what is due until nothing is. */
void proof_work(struct proof_replica *replica, struct fx_scope *sc);

/* Knuth's linear congruence of MMIX: the same seed draws the same anywhere. */
static inline uint32_t proof_draw(uint64_t *seed, uint32_t below) {
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*seed >> 33) % below;
}

/* One race, one plan: the sentences of what was wrong go to stdout; true when nothing was. */
struct proof_racers;
struct proof_racers *proof_races_begin(struct proof *proof);
bool proof_race(struct proof_racers *racers, int number, uint64_t seed);
void proof_races_end(struct proof_racers *racers);
bool proof_plan(struct proof *proof, int number, uint64_t seed);
