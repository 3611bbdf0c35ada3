/* world.h - what there is outside of the bot, and the truth about what happened to it. */
#pragma once

#include "sim.h"

#include "fluxabot/store.h"

enum {
    WORLD_LETTERS = 256, /* messages, and the copies that redrives made of them */
    WORLD_TASKS = 24,
    WORLD_MESSAGES = 256, /* of Slack */
    WORLD_ALARMS = 3,
    WORLD_CHANGES = 4, /* of one alarm */
    WORLD_PAIRS = 2,   /* pairs of a queue and its dead letters */
    WORLD_EVENTS = 96,
    WORLD_SEEN = 64,
    WORLD_CLICKS = 64,
    WORLD_CARD_BYTES = 2048,
};

/* ---- SQS ---- */

struct letter {
    int queue;  /* 2 * pair for the main queue, 2 * pair + 1 for its dead letters */
    int origin; /* which of the dead letters of the beginning it is or comes from */
    char id[SIM_NAME];
    int64_t sent_ms, visible_ms, processed_ms;
    int64_t handle; /* the newest receipt; 0: never received */
    int receives;
    bool gone;
};

struct task {
    char handle[24];
    int pair;
    int64_t rate, started_ms, moved_ms; /* moved_ms: how far it has come */
    int64_t moved, to_move;
    const char *status;
    char run[SIM_NAME]; /* who started it; "" for somebody else */
};

/* ---- CloudWatch ---- */

struct alarm {
    char name[24];
    int changes_count, told; /* told: how many have happened */
    struct {
        bool alarm;
        int64_t at_ms;
    } changes[WORLD_CHANGES];
};

/* ---- Slack ---- */

struct slack_message {
    char ts[64];
    char text[WORLD_CARD_BYTES];
    bool late; /* an edit was carried out long after its answer was given up */
};

struct world {
    struct letter letters[WORLD_LETTERS];
    int letters_count, origins_count;
    struct task tasks[WORLD_TASKS];
    int tasks_count;
    struct alarm alarms[WORLD_ALARMS];
    int alarms_count;
    struct slack_message messages[WORLD_MESSAGES];
    int messages_count;
    int64_t last_ts;
    char seen[WORLD_SEEN][2 * SIM_NAME]; /* buttons somebody has noticed */
    int seen_count;
    int requests_count; /* for approval so far */
    uint64_t deliveries;
};

/* ---- the truth ---- */

struct effect {
    int64_t at_ms;
    const char *operation; /* a literal */
    char run[SIM_NAME], key[SIM_NAME];
    int origin; /* of a message that was sent; -1 */
    int task;   /* that was started or cancelled; -1 */
};

struct true_run {
    char id[SIM_NAME];
    int64_t stopped_ms; /* 0: nobody did */
    int64_t begun_ms;   /* its first intent; 0: none */
    bool approved;
    int64_t execute_before_ms; /* wall */
};

struct click {
    char user[8], action[16], value[SIM_NAME];
};

struct truth {
    struct effect effects[SIM_EFFECTS];
    int effects_count;
    struct true_run runs[SIM_RUNS];
    int runs_count;
    char events[WORLD_EVENTS][SIM_NAME]; /* acknowledged */
    int events_count;
    struct click clicks[WORLD_CLICKS];
    int clicks_count;
    int64_t frozen_ms; /* since then; 0: nothing is frozen */
};

/* ---- probes.c ---- */

/* The operations of sim->store without the notes. */
const struct fx_store *probes_real(void);
void probes_forget(const char *folder);
/* A message that a dead process was sending waits again, in doubt. */
void probes_rescue(struct fx_scope *sc, int64_t seq);

/* ---- unrecorded.c ---- */

void unrecorded_forget(bool (*is_anothers)(int64_t seq));
/* For every message that stands as being sent. */
void unrecorded_rescue(struct fx_scope *sc, void (*rescue)(struct fx_scope *sc, int64_t seq));

/* ---- truth.c ---- */

struct true_run *truth_run(const char *id);
void truth_begun(struct strand *strand, const struct held_job *held,
                 const struct fx_intent *intent);
void truth_decided(const struct fx_approval *given);
void truth_stopped(const char *run_id);
/* A changing call arrived at AWS and is carried out. */
void truth_effect(const char *operation, const struct caller *caller, int origin, int task);
void truth_event(const char *id);
void truth_click(const char *user, const char *action, const char *value);

/* ---- sqs.c ---- */

void sqs_advance(void);
int sqs_start_task(int pair, int64_t rate, const char *run);
struct letter *sqs_add(int queue, int origin);
const char *sqs_arn(struct fx_scope *sc, int queue);
