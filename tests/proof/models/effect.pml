/* effect.pml - one approved change that has no key: SQS's StartMessageMoveTask.
 *
 * Two workers, leases that run out at any time, crashes, a worker that stands still and goes on, an
 * answer that is lost, a request that arrives late, a person who looks and tells. After
 * src/steps/move_task.c, src/engine/promises.c, src/engine/run_steps.c, src/engine/runs.c,
 * src/engine/told.c, src/store/effects.c, src/base/effect.c.
 *
 * TWIN_...  a safeguard less: must be caught.      GAP_...  a claim the code does not keep.
 * STRANGER  somebody else starts tasks of that queue, too.
 */
#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef LAPSES
#define LAPSES 2
#endif
#ifndef TROUBLES
#define TROUBLES 1 /* the list of tasks cannot be read, in three attempts */
#endif
bool in_time; /* FX_ENGINE_SEND_MS after the intent has not passed */
/* The lease has more left at the intent than the call may take to leave: it runs out later than that. */
#define WHEN_LAPSED in_time = false
#include "jobs.inc"

#define TASKS 3
#define NONE_LISTED TASKS
#define BEGINS 2 /* then a call that never leaves is given up */

mtype:outcome = { OPEN, DONE, FAILED, REFUSED, ASKING };
mtype:intent = { ABSENT, SET, KEPT, BROKEN, UNKNOWN, NOT_SENT }; /* no row; FX_INTENT_SET, _DONE, _FAILED, ... */
mtype:answer = { NO_ANSWER, OK, REFUSAL };

mtype:outcome state = OPEN;
mtype:intent intent = ABSENT;
byte after;    /* in the intent: how many tasks were listed before it */
byte begins;
bool asked;    /* the card asks; the bot looks on */
bool told, told_not_done;
byte mine = NONE_LISTED; /* which task is known to be ours: by its answer */
bool conflicted;
byte troubles;

/* ---- SQS ---- */

byte tasks;
bool ours[TASKS], runs[TASKS];
byte effects; /* tasks that this approval started */
bool old;     /* what was signed within the time of the intent is too old for AWS by now */
byte strangers;

chan net = [2] of { byte, byte, bool }; /* who sent it, his how manieth request, signed when */
byte requests[2];
mtype:answer answer[2] = NO_ANSWER;

#define is_running (tasks > 0 && runs[tasks - 1])
#define ours_runs (is_running && ours[tasks - 1])

inline tell(who, number, what) {
    if
    :: requests[who] == number -> answer[who] = what
    :: else
    fi
}

inline start_task(is_ours) {
    ours[tasks] = is_ours;
    runs[tasks] = true;
    tasks++
}

proctype Sqs() {
    byte who, number;
    bool stamp;
end:
    do
    :: atomic {
        net?who, number, stamp ->
        if
        :: printf("the request of worker %d is lost on the way\n", who)
        :: is_running || stamp != old -> tell(who, number, REFUSAL); printf("SQS refuses worker %d\n", who)
        :: !is_running && stamp == old ->
            effects++;
            start_task(true);
            tell(who, number, OK);
            printf("SQS starts task %d for worker %d\n", tasks - 1, who);
            assert(effects <= 1);
#ifndef ONLY_EFFECTS
            assert(state != REFUSED && intent != BROKEN && intent != NOT_SENT);
            assert(state == OPEN && !told_not_done)
#endif
        fi;
        who = 0;
        number = 0;
        stamp = false
    }
    :: atomic { is_running -> runs[tasks - 1] = false; printf("task %d ends\n", tasks - 1) }
#ifdef STRANGER
    :: atomic {
        strangers < STRANGER && !is_running && tasks < TASKS - 1 ->
        strangers++;
        start_task(false);
        printf("somebody else starts task %d, to the same queue at the same rate\n", tasks - 1)
    }
#endif
    od
}

/* Time since the intent: first the call may not leave any more, much later nothing of it is obeyed. */
proctype Time() {
end:
    do
    :: atomic { in_time -> in_time = false; printf("the time to send is over\n") }
    :: atomic {
        !in_time && intent != ABSENT && !old ->
        old = true;
        printf("what was signed in time is too old now\n")
    }
    od
}

/* Looks at the queues, and tells what is true at that moment. Told.c takes a "not done" only behind the
 * fence. */
proctype Person() {
end:
    atomic {
        asked && !told && (intent == SET || intent == UNKNOWN) &&
#ifdef TWIN_TOLD_EARLY
        true ->
#else
        (effects > 0 || old) ->
#endif
        told = true;
        told_not_done = effects == 0;
        intent = (effects > 0 -> KEPT : BROKEN);
        put_job();
        printf("a person tells what became of it: %e\n", intent)
    }
}

/* ---- the store ---- */

inline begin_effect(me, ret_ok) {
    atomic {
        if
#ifdef TWIN_INTENT_NOT_UNIQUE
        :: true -> intent = SET; after = listed; ret_ok = true; in_time = true
#else
        :: held(me) && !lapsed && (intent == ABSENT || intent == NOT_SENT) ->
            intent = SET; after = listed; ret_ok = true; in_time = true; old = false; begins++
        :: else -> ret_ok = false
#endif
        fi;
        printf("worker %d sets the intent: %d\n", me, ret_ok)
    }
}

/* Not bound to the lease: the truth may always be written, once; UNKNOWN is none. */
inline end_effect(me, how, which, ret_ok) {
    atomic {
        ret_ok = (intent == SET || intent == UNKNOWN) && intent != how;
        if
        :: ret_ok -> intent = how; mine = (how == KEPT -> which : mine)
        :: else
        fi;
        printf("worker %d records the outcome: %d, the intent is %e\n", me, ret_ok, intent);
#ifndef ONLY_EFFECTS /* judge a twin by the number of effects alone */
        assert((intent != BROKEN && intent != NOT_SENT) || effects == 0)
#endif
    }
}

/* Settles the job with the run's end. Some other row may have moved meanwhile: then all is done again. */
inline end_run(me, how) {
    atomic {
        if
#ifdef TWIN_LEASE_ONLY
        :: state == OPEN -> state = how; end_job(false)
        :: state != OPEN
#else
        :: held(me) && !conflicted ->
            conflicted = true;
            lapsed = false;
            printf("worker %d finds a row changed, and does all of it again\n", me);
            goto load
        :: held(me) ->
            state = how;
            end_job(false);
            printf("worker %d ends the run: %e\n", me, state);
#ifndef ONLY_EFFECTS
            assert(state != REFUSED || effects == 0);
            assert(state != FAILED || !ours_runs);
#if !defined TWIN_LEASE_ONLY && !defined TWIN_TOKEN_AT_COMPLETION
            assert(state != DONE || told || ours[mine])
#endif
#endif
        :: !held(me) -> printf("worker %d has lost its lease and ends nothing\n", me)
#endif
        fi
    }
}

inline park(me) {
    atomic {
        if
        :: held(me) -> end_job(true); printf("worker %d will look again\n", me)
        :: else
        fi
    }
}

/* The same, and the card asks. */
inline ask(me) {
    atomic {
        if
        :: held(me) -> end_job(true); asked = true; printf("worker %d asks, and will look again\n", me)
        :: else
        fi
    }
}

/* ---- the worker ---- */

/* ListMessageMoveTasks: move_task_find_likely names the only one that was not there before the intent, if it
 * is to our queue at our rate. The model knows only strangers that look like ours. */
inline find_likely() {
    found = (tasks == after + 1 -> after : NONE_LISTED)
}

/* move_task_find_watched: by what is known of it, while it is among the newest. */
inline find_watched() {
    found = mine;
#ifdef LISTED
    if
    :: found < NONE_LISTED && tasks > LISTED && found < tasks - LISTED -> found = NONE_LISTED
    :: else
    fi
#endif
}

/* The handle that SQS answered with. */
inline own_task() {
    if
    :: tasks > 0 && ours[0] -> found = 0
    :: tasks > 1 && ours[1] -> found = 1
    :: tasks > 2 && ours[2] -> found = 2
    fi
}

proctype Worker(byte me) {
    byte listed, found;
    bool ok;
end:
    do
    :: {
            claim(me);
load:
            if
            :: state != OPEN -> atomic { if :: held(me) -> end_job(false) :: else fi; goto out }
            :: else
            fi;
            if
#if defined TWIN_LEASE_ONLY || defined TWIN_TOKEN_AT_COMPLETION
            :: true -> goto start
#else
            :: told && intent == KEPT -> end_run(me, DONE); goto out /* engine_end_told */
            :: told && intent == BROKEN -> end_run(me, FAILED); goto out
            :: !told && (intent == ABSENT || intent == NOT_SENT) && !asked && begins < BEGINS -> goto start
            :: !told && intent == NOT_SENT && (asked || begins >= BEGINS) -> end_run(me, REFUSED); goto out
            :: !told && intent == BROKEN -> end_run(me, FAILED); goto out
            :: intent == SET || intent == UNKNOWN -> goto reconcile
            :: !told && intent == KEPT -> goto watch
            :: atomic { troubles < TROUBLES && intent != ABSENT && intent != NOT_SENT && !told -> troubles++; printf("the tasks cannot be listed\n") };
                goto unreadable
#endif
            fi;
start:
            listed = tasks;
#if defined TWIN_LEASE_ONLY || defined TWIN_TOKEN_AT_COMPLETION || defined TWIN_INTENT_AFTER_SEND
            ok = true;
#else
            begin_effect(me, ok);
#endif
            if
            :: ok
            :: !ok -> park(me); goto out /* it reads the intents anew */
            fi;
send:
            atomic {
                if
#if defined TWIN_LEASE_ONLY || defined TWIN_TOKEN_AT_COMPLETION || defined TWIN_INTENT_AFTER_SEND || defined TWIN_INTENT_NOT_UNIQUE || defined TWIN_ASK_AWS_AND_RUN_AGAIN || defined TWIN_SENT_LATE
                :: requests[me]++; answer[me] = NO_ANSWER; net!me, requests[me], old;
#else
                :: in_time -> requests[me]++; answer[me] = NO_ANSWER; net!me, requests[me], old;
#endif
                    printf("worker %d sends\n", me)
                :: goto not_sent /* nobody could be reached, or the program stops */
#ifndef TWIN_SENT_LATE
                :: !in_time -> printf("worker %d stood still for too long\n", me); goto not_sent
#endif
                fi
            };
            if
            :: answer[me] == OK
            :: answer[me] == REFUSAL -> goto refused
            :: printf("worker %d hears nothing\n", me) ->
#ifdef TWIN_LOST_IS_REFUSED
                goto refused
#else
                park(me);
                goto out
#endif
            fi;
#if defined TWIN_LEASE_ONLY || defined TWIN_TOKEN_AT_COMPLETION
            end_run(me, DONE);
            goto out;
#endif
#ifdef TWIN_INTENT_AFTER_SEND
            begin_effect(me, ok);
#endif
            atomic { own_task(); end_effect(me, KEPT, found, ok) };
            if
            :: ok -> park(me); goto out
            :: else -> goto not_ended
            fi;
not_sent:
            end_effect(me, NOT_SENT, 0, ok);
            park(me);
            goto out;
refused:
            end_effect(me, BROKEN, 0, ok);
            if
            :: ok
            :: !ok -> goto not_ended
            fi;
            end_run(me, FAILED);
            goto out;
reconcile:
            listed = old; /* the clock is read before the list */
#if defined TWIN_TAKEN_FOR_OURS || defined TWIN_ASK_AWS_AND_RUN_AGAIN
            atomic { find_likely() };
            if
            :: found != NONE_LISTED -> goto adopt
            :: found == NONE_LISTED
            fi;
#endif
#ifdef TWIN_ASK_AWS_AND_RUN_AGAIN
            goto send;
#endif
            if
            :: intent == SET -> end_effect(me, UNKNOWN, 0, ok)
            :: else
            fi;
            if
            :: !listed -> ask(me)
            :: listed -> end_run(me, ASKING)
            fi;
            goto out;
#if defined TWIN_TAKEN_FOR_OURS || defined TWIN_ASK_AWS_AND_RUN_AGAIN
adopt:
            end_effect(me, KEPT, found, ok);
            if
            :: ok -> park(me); goto out
            :: else -> goto not_ended
            fi;
#endif
watch:
            atomic { find_watched() };
            if
#ifdef TWIN_WATCHED_FOR_EVER
            :: found == NONE_LISTED -> park(me)
#else
            :: found == NONE_LISTED -> end_run(me, ASKING)
#endif
            :: found != NONE_LISTED && runs[found] -> park(me)
            :: found != NONE_LISTED && !runs[found] -> end_run(me, DONE)
            fi;
            goto out;
not_ended: /* somebody else has recorded the outcome */
            park(me);
            goto out;
unreadable:
#ifdef TWIN_UNREADABLE_IS_FAILURE
            end_run(me, FAILED);
#else
            park(me);
#endif
out:
            atomic { working[me] = false; dying[me] = false; listed = 0; found = 0; ok = false }
        } unless { crash(me) }
    od
}

init {
    atomic {
        run Worker(0);
        run Worker(1);
        run Sqs();
        run Time();
        run Person();
        run Fate()
    }
}

#ifdef LIVENESS
ltl every_run_ends { <> (state != OPEN) }
#endif
