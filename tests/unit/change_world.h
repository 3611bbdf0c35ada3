/* change_world.h - one whole change, driven by the engine's own worker over a real store whose
 * calls can be made to fail; what is changed remembers how often, and checks at each call that its
 * promise is durable.
 */
#pragma once

#include "engine_rig.h"
#include "support/fault_store.h"

enum {
    WORLD_CALLS = 2,               /* the step parks between the two */
    WORLD_ROUND_MS = 30 * 1000,    /* between two looks for work: longer than a lease */
    WORLD_WAIT_MS = 10 * 60 * 1000 /* for a decision, and for its use */
};

/* Stands in for the aws module: what is changed. */
struct fx_aws {
    int sent[WORLD_CALLS];
    bool mute;    /* a call is carried out and its answer lost */
    bool blind;   /* and nobody can find out */
    bool refuses; /* a call is answered with no */
    bool breaks;  /* the first call is carried out, and the line breaks */
    const char *facts;
    const char *account;           /* in which it is changed */
    enum fx_code cannot_say_where; /* FX_OK: it can */
    const char *cannot_plan;       /* why; NULL */
    bool untitled;                 /* its plan */
};

struct change_world {
    struct engine_rig *rig;
    struct fx_store *durable, *store; /* the second fails */
    struct fx_aws aws;
    struct fx_state state, *memory; /* whoever waits for work ends the worker */
    struct fx_http http;            /* Slack's */
    bool slack_is_away, slack_is_busy, guest, shared;
    struct fx_slackapi *slack;
    struct fx_runbook_step steps[3]; /* look, gate, change */
    struct fx_runbook book;
    struct fx_system fluxa;
    enum fx_effect effect; /* of the change */
};

void change_world_open(struct change_world *w);
void change_world_close(struct change_world *w);
/* The same as cmocka calls them; *state is the world. */
int change_world_set_up(void **state);
int change_world_tear_down(void **state);
/* The run is asked for. */
void change_world_begin(struct change_world *w);
/* Works off what is due. */
void change_world_work(struct change_world *w);
/* The same again and again, as time goes by, until nothing is left or until() is true. */
void change_world_drive(struct change_world *w, bool (*until)(struct change_world *w));
/* What a person does, once more when the store was away, as the worker does with a click. */
void change_world_vote(struct change_world *w, const char *user, bool approve);
void change_world_withdraw(struct change_world *w, const char *reason);
void change_world_stop(struct change_world *w);
void change_world_tell(struct change_world *w, bool done);
void change_world_freeze(struct change_world *w);

struct fx_run *change_world_run(struct change_world *w);
/* NULL before it was asked for. */
struct fx_approval *change_world_approval(struct change_world *w);
/* As it waits to be posted; "" when there is none. */
const char *change_world_card(struct change_world *w);
/* The invariants: no call without its promise, none twice, the run ended or asks, the audit log is
 * whole and explains it, the card says what is true. */
void change_world_judge(struct change_world *w);
