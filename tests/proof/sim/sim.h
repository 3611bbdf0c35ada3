/* sim.h - one seed of the simulation: two replicas of the real engine over one real store, in one
 * thread, with a clock, a chance and a world of our own.
 *
 * The engine's threads become strands: --wrap puts sim_pthread_create in the place of
 * pthread_create. A strand gives up its turn at every boundary, that is at each call of the store,
 * each exchange over HTTP and each wait; there the machine may also stand still, lose what is
 * called, or die. The world (people, Slack, SQS, CloudWatch) keeps the truth, which the judge
 * compares with what the store and the cards say.
 */
#pragma once

#include "support/fault_store.h"

#include "fluxabot/base/clock.h"
#include "fluxabot/http.h"
#include "fluxabot/state.h"

struct fx_aws;
struct fx_engine;
struct fx_metrics;
struct fx_runbooks;
struct fx_slackapi;

enum {
    SIM_REPLICAS = 2,
    SIM_WORKERS = 2, /* of a replica */
    SIM_STRANDS = 64,
    SIM_TIMERS = 512,
    SIM_HELD = 16,
    SIM_NAME = 48,
    SIM_EFFECTS = 512,
    SIM_RUNS = 16,
    SIM_VIOLATIONS = 32,
    SIM_STATES = 16,
    SIM_CHANNELS = 4,
    SIM_TEXT = 256,
    SIM_TURNS = 400000,
    SIM_SKEW_MS = 1500,
    SIM_DECIDING_MS = 1000, /* from a look at the clock to the decision that is written by it */
    SIM_APPROVAL_MS = 90 * 1000, /* how long a request waits in the simulation */
    SIM_EXECUTE_MS = 60 * 1000,
    SIM_PATIENCE_MS = 30 * 60 * 1000, /* without faults, until everything has ended */
};
#define SIM_WALL_MS INT64_C(1795253704000) /* when a seed begins */
#define SIM_CHANNEL "C1"
#define SIM_TOPIC "arn:aws:sns:us-east-1:123456789012:alarms"

/* ---- chance ---- */

struct chance {
    uint64_t state;
};
uint64_t chance_next(struct chance *chance);
int64_t chance_below(struct chance *chance, int64_t bound);
int64_t chance_between(struct chance *chance, int64_t least, int64_t most);
/* True once in so many; 0: never. */
bool chance_one_in(struct chance *chance, int64_t many);

/* ---- what may go wrong: once in so many boundaries of its kind, 0: never ---- */

struct weather {
    int64_t crash, freeze, clock_step;
    int64_t store_before, store_after, store_slow;
    int64_t http_refused, http_lost_before, http_lost_after, http_late, http_error,
        http_error_after, http_throttled, http_slow;
    int64_t delivery_lost, delivery_twice;
};

/* ---- the machine: machine.c ---- */

struct replica;

/* The intent that a strand has made durable last, for the truth. */
struct hand {
    char run[SIM_NAME], key[SIM_NAME];
    int64_t begun_ms;
};

/* A simulated thread. */
struct strand {
    struct fiber_context *context;
    struct replica *replica;
    const char *name;
    void *(*run)(void *argument);
    void *argument;
    int64_t wake_ms;       /* not before */
    const char *channel;   /* waits for a wake-up there; NULL */
    const void *condition; /* likewise, a thread's */
    bool trouble_inside;   /* of the store: there it is to fail */
    int64_t ending;        /* the message whose sending ends with that; 0: none */
    bool ended;
    bool looked;         /* the last look at the store found nothing; */
    int64_t next_due_ms; /* and something is due then (wall), 0: nothing waits */
    bool patient;        /* sleeps until then unless the store changes */
    struct hand hand;
    bool checking;            /* has read that it is approved, and has no intent yet */
    int64_t run_read_ms;      /* when it last looked whether to stop, */
    int64_t freeze_read_ms;   /* whether changes are frozen, */
    int64_t approval_read_ms; /* and whether it is approved */
};

struct held_job {
    int64_t id;
    char token[SIM_NAME];
    int64_t until_ms; /* wall */
};

/* One process. */
struct replica {
    int number;
    struct fx_clock clock;
    int64_t skew_ms;
    struct chance own; /* ids and tokens */
    struct fx_random random;
    struct fx_http http;
    struct fx_state state, *memory;
    struct fault_hook hook;
    struct fx_store *store;
    struct fx_aws *aws;
    struct fx_slackapi *slack;
    struct fx_metrics *metrics;
    struct fx_engine *engine;
    struct strand *main;
    bool dying; /* every boundary refuses, until its strands have ended */
    bool down, stopping;
    const char *pending[SIM_CHANNELS]; /* wake-ups that nobody waited for; NULL */
    int64_t frozen_until_ms;
    struct held_job jobs[SIM_HELD];
    int64_t sending[SIM_HELD]; /* of the outbox; 0: none */
    int beginning;             /* strands within a settling that may begin a message */
    bool began_unseen;         /* one of them died there */
    enum fx_code (*troubled_settle)(struct fx_store *store, struct fx_scope *sc,
                                    const struct fx_job *job, enum fx_settle how, int64_t due_ms,
                                    const char *error, const struct fx_writes *writes,
                                    struct fx_error *err);
};

typedef void timer_fn(void *argument);
struct timer {
    int64_t at_ms;
    uint64_t order;
    timer_fn *run;
    void *argument;
};

struct violation {
    const char *name; /* a literal */
    char text[SIM_TEXT];
    int64_t at_ms;
};

struct sim {
    uint64_t seed;
    const char *twin; /* which broken part takes the place of the right one; "" for none */
    bool verbose;
    struct chance chance; /* of the scheduler and the faults */
    struct chance people; /* of what the world does */
    struct weather weather;
    bool calm;       /* nothing goes wrong any more */
    int64_t calm_ms; /* from then on */
    int64_t now_ms;
    int64_t jump_ms; /* by how much the bot's wall clocks were set, all together */
    int64_t jumped_at_ms, jumped_by_ms; /* the last time; true, and how far */
    uint64_t hash, turns, order;
    struct fx_scope *sc;
    struct strand strands[SIM_STRANDS];
    size_t strands_count;
    struct strand *current; /* NULL: the scheduler */
    struct timer timers[SIM_TIMERS];
    size_t timers_count;
    struct replica replicas[SIM_REPLICAS];
    struct fx_clock clock; /* the world's */
    struct chance store_chance;
    struct fx_random store_random;
    struct fx_store *store; /* the real one, with probes */
    struct world *world;
    struct truth *truth;
    struct violation violations[SIM_VIOLATIONS];
    size_t violations_count;
    int64_t crashes, freezes;
    int64_t ended[SIM_STATES]; /* runs, by the state they ended in */
    int64_t effects;           /* changing calls that AWS carried out */
};

/* The seed that is running. The functions that --wrap replaces have no argument for it. */
extern struct sim *sim;

int64_t sim_wall_ms(void); /* AWS's and Slack's */
int64_t sim_bot_ms(void);  /* that of a replica without skew */
/* A boundary: others have their turn for least to most milliseconds. False when the process has
 * died meanwhile: nothing that follows may have an effect. */
bool sim_pass(struct replica *replica, int64_t least_ms, int64_t most_ms);
void sim_at(int64_t at_ms, timer_fn *run, void *argument);
/* Into the trace and its hash. */
void sim_note(const char *what, const char *subject, int64_t number);
/* A promise was broken. name is a literal. */
void sim_violate(const char *name, const char *fmt, ...) FX_PRINTF(2, 3);
struct strand *sim_strand_new(struct replica *replica, const char *name, void *(*run)(void *),
                              void *argument);
/* One turn of somebody, or of time; false when nothing is left to do. */
bool sim_turn(void);
/* Who sleeps because nothing was due looks again soon. */
void sim_store_changed(void);
/* From outside the replica's strands: all of them end, without a trace of what they meant to do. */
void sim_kill_strands(struct replica *replica);
void sim_state_init(struct replica *replica);
/* Whether a fault of this kind happens now. */
bool sim_fault(int64_t one_in);

/* ---- one process: replica.c ---- */

void replica_start(struct replica *replica, int number);
void replica_end(struct replica *replica); /* at the end of the seed */
timer_fn replica_stop;
/* From now on every boundary of it refuses. */
void replica_die(struct replica *replica);
/* What died is cleared away, and started again after a while. */
void replica_crash(struct replica *replica);
/* Loads the system once, for all seeds. */
void replica_load_system(const char *folder);
void replica_unload_system(void);

/* ---- the store with probes: probes.c ---- */

void probes_open(const char *folder);
void probes_close(const char *folder);
void probes_hook(struct replica *replica);

/* ---- the other side of HTTP: wire.c, sqs.c, cloudwatch.c, slack.c ---- */

void wire_init(struct replica *replica);

/* Who sends: the strand's hand at that moment. */
struct caller {
    struct hand hand;
    int64_t sent_ms;
    int replica;
};
struct wire_reply {
    int status;
    const char *body;
};
struct wire_reply sqs_handle(struct fx_scope *sc, const char *operation, const struct fx_json *in,
                             const struct caller *caller);
struct wire_reply cloudwatch_handle(struct fx_scope *sc, struct fx_slice form);
struct wire_reply slack_handle(struct fx_scope *sc, const char *method, struct fx_slice body);

/* ---- the world and its truth: world.c, people.c ---- */

void world_build(void);
void people_plan(void);
/* A card of this run or approval can be seen, with such a button. */
void people_see(const char *action, const char *value);
void people_see_dialog(const struct fx_json *view);

/* ---- what must hold: judge.c ---- */

bool judge_has_settled(void);
void judge(void);
