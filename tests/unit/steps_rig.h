/* steps_rig.h - what a step kind gets to work with: AWS on a scripted wire, a database that answers
 * with rows of the test's own, a clock that stands still, and a host that remembers.
 *
 * It takes the place of the module sql, so a test that uses it opens no connection.
 */
#pragma once

#include "support/aws_world.h"

#include "private.h"

/* When the redrives of the tests began: 2015-08-30T12:36:00Z, which is what the clock says. */
#define RIG_NOW_MS INT64_C(1440938160000)

enum { RIG_EFFECTS_MAX = 16 };

struct steps_rig {
    struct aws_world world;
    struct fx_scope *sc; /* the world's */
    struct fx_step_context ctx;
    struct fx_step_host host;
    /* the database: its rows for any statement, or why it does not answer */
    struct fx_json *rows;
    enum fx_code database_fails;
    struct fx_error refused;     /* what a statement is answered with, unless FX_OK */
    size_t statements;           /* how many it was asked */
    const struct fx_json *asked; /* the parameters of the last one */
    const char *statement;       /* its text */
    size_t max_rows;
    int statement_timeout_ms;    /* of the last connection; 0: the module's own */
    size_t opened, closed;       /* connections */
    size_t changes;              /* statements that change something */
    struct fx_error change_ends; /* how they end, unless FX_OK */
    /* the host */
    struct fx_json *kept; /* what was remembered: name -> value */
    enum fx_code remember_fails;
    struct fx_json *past;          /* what past_run gives; NULL */
    const char *past_of, *past_id; /* what it was asked for */
    size_t progresses;
    const char *progress; /* the last one's text */
    /* its promises: those that were given, by a host that looks at nothing but their keys */
    struct fx_step_effect effects[RIG_EFFECTS_MAX];
    size_t effects_count;
    enum fx_effect class; /* of the step under test */
    bool stop;            /* a person pressed Stop */
    enum fx_code begin_fails, end_fails, end_together_fails;
    size_t begun_together; /* how many times begin_effects was asked */
};

/* Puts one among the effects, as an earlier attempt left it; texts as for steps_rig_json, outcome
 * may be NULL. */
void steps_rig_effect(struct steps_rig *rig, const char *key, enum fx_known known, const char *what,
                      const char *outcome);
/* NULL when it was never promised. */
const struct fx_step_effect *steps_rig_find(const struct steps_rig *rig, const char *key);

/* One reply of aws_world_script. */
#define REPLY(code, text)                                                                          \
    { .status = (code), .body = (text) }

/* For cmocka: *state becomes a struct steps_rig. Its system has the queues main and dlq
 * (Fluxa-DLQ), the classes Database and Locked (retry: yes), Hash (never), and dead letters looked
 * up in the database alone. */
int steps_rig_set_up(void **state);
int steps_rig_tear_down(void **state);
/* JSON in which ' stands for ". */
struct fx_json *steps_rig_json(struct steps_rig *rig, const char *text);
/* Puts a member of the system in the place of what it has; NULL takes it away. */
void steps_rig_put(struct steps_rig *rig, const char *member, const char *json);
