/* effect.pml - one approved change that has no key: SQS's StartMessageMoveTask.
 *
 * Two workers, leases that run out at any time, crashes, a worker that stands still and goes on, an
 * answer that is lost, a request that arrives late. After src/steps/move_task.c, src/engine/run_steps.c,
 * src/engine/runs.c, src/store/effects.c.
 *
 * TWIN_...  a safeguard less: must be caught.      GAP_...  a claim the code does not keep yet.
 * REPAIR_... what would close the gap.             STRANGER somebody else starts tasks of that queue, too.
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
#include "jobs.inc"

#define TASKS 3
#define NONE_LISTED TASKS

mtype:outcome = { OPEN, DONE, FAILED, REFUSED, ASKING };
mtype:intent = { ABSENT, SET, KEPT, BROKEN }; /* no row; FX_INTENT_SET, _DONE, _FAILED */
mtype:answer = { NO_ANSWER, OK, REFUSAL };

mtype:outcome state = OPEN;
mtype:intent intent = ABSENT;
byte after; /* in the intent: how many tasks were listed before it */
bool conflicted;
byte troubles;

/* ---- SQS ---- */

byte tasks;
bool ours[TASKS], runs[TASKS];
byte effects; /* tasks that this approval started */
bool old;     /* the signature of the request is too old for AWS */
byte strangers;

chan net = [2] of { byte, byte }; /* who sent it, his how manieth request */
byte requests[2];
mtype:answer answer[2] = NO_ANSWER;

#define is_running (tasks > 0 && runs[tasks - 1])

inline tell(who, number, what) {
    if
    :: requests[who] == number -> answer[who] = what
    :: else
    fi
}

inline start_task(mine) {
    ours[tasks] = mine;
    runs[tasks] = true;
    tasks++
}

proctype Sqs() {
    byte who, number;
end:
    do
    :: atomic {
        net?who, number ->
        if
        :: printf("the request of worker %d is lost on the way\n", who)
        :: is_running || old -> tell(who, number, REFUSAL); printf("SQS refuses worker %d\n", who)
        :: !is_running && !old ->
            effects++;
            start_task(true);
            tell(who, number, OK);
            printf("SQS starts task %d for worker %d\n", tasks - 1, who);
            assert(effects <= 1);
#ifndef ONLY_EFFECTS
            assert(state != REFUSED && intent != BROKEN);
#endif
#ifdef GAP_LATE_EFFECT
            assert(state == OPEN)
#endif
        fi;
        who = 0;
        number = 0
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
#ifdef REPAIR_FENCE
    :: atomic { intent != ABSENT && !old -> old = true; printf("the signature is too old now\n") }
#endif
    od
}

/* ---- the store ---- */

inline begin_effect(me, ret_ok) {
    atomic {
        if
#ifdef TWIN_INTENT_NOT_UNIQUE
        :: true -> intent = SET; after = listed; ret_ok = true
#else
        :: held(me) && intent == ABSENT -> intent = SET; after = listed; ret_ok = true
        :: else -> ret_ok = false
#endif
        fi;
        printf("worker %d sets the intent: %d\n", me, ret_ok)
    }
}

/* Not bound to the lease: the truth may always be written, once. */
inline end_effect(me, how, ret_ok) {
    atomic {
        ret_ok = intent == SET;
        if
        :: ret_ok -> intent = how
        :: else
        fi;
        printf("worker %d records the outcome: %d, the intent is %e\n", me, ret_ok, intent);
#ifndef ONLY_EFFECTS /* judge a twin by the number of effects alone */
        assert(intent != BROKEN || effects == 0)
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
            assert(state != REFUSED || effects == 0);
#if defined GAP_FAILED_IS_KNOWN || defined GAP_UNREADABLE
            assert(state != FAILED || !is_running);
#endif
#ifdef GAP_OWN_TASK
            assert(state != DONE || ours[found])
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

/* ---- the worker ---- */

/* ListMessageMoveTasks: the newest ones. find_started: the first that was not there before the intent. */
inline find_started() {
    atomic {
        found = after;
        if
        :: found >= tasks -> found = NONE_LISTED
#ifdef LISTED
        :: found < tasks && tasks > LISTED && found < tasks - LISTED -> found = tasks - LISTED
#endif
        :: else
        fi;
#ifdef LISTED /* a task of the other queue, or at another rate, is not taken for ours */
        if
        :: found < NONE_LISTED && !ours[found] -> found = NONE_LISTED
        :: else
        fi
#endif
    }
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
            :: intent == ABSENT -> goto start
            :: intent == BROKEN -> end_run(me, FAILED); goto out
            :: intent == SET -> goto reconcile
            :: intent == KEPT -> goto watch
            :: atomic { troubles < TROUBLES -> troubles++; printf("the tasks cannot be listed\n") };
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
            :: !ok -> goto fail
            fi;
send:
            atomic {
                if
                :: requests[me]++; answer[me] = NO_ANSWER; net!me, requests[me];
                    printf("worker %d sends\n", me)
                :: goto refused /* nobody could be reached: nothing was sent */
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
            end_effect(me, KEPT, ok);
            if
            :: ok -> park(me); goto out
            :: else -> goto not_ended
            fi;
refused:
            end_effect(me, BROKEN, ok);
            end_run(me, FAILED);
            goto out;
reconcile:
            find_started();
            if
            :: found != NONE_LISTED
            :: found == NONE_LISTED ->
#ifdef TWIN_ASK_AWS_AND_RUN_AGAIN
                goto send
#else
#ifdef REPAIR_FENCE
                if
                :: !old -> park(me); goto out
                :: old
                fi;
                find_started();
                if
                :: found != NONE_LISTED -> goto adopt
                :: else
                fi;
#endif
                end_run(me, ASKING);
                goto out
#endif
            fi;
adopt:
            end_effect(me, KEPT, ok);
            if
            :: ok -> park(me); goto out
            :: else -> goto not_ended
            fi;
watch:
            find_started();
            if
#ifdef REPAIR_NOT_LISTED
            :: found == NONE_LISTED -> end_run(me, ASKING)
#else
            :: found == NONE_LISTED -> park(me)
#endif
            :: found != NONE_LISTED && runs[found] -> park(me)
            :: found != NONE_LISTED && !runs[found] -> end_run(me, DONE)
            fi;
            goto out;
not_ended:
#ifdef REPAIR_READ_AGAIN
            park(me);
            goto out;
#endif
fail:
            /* engine_fail_run: what the intents say decides how it is called */
            if
            :: intent == SET -> end_run(me, ASKING)
            :: intent == ABSENT || intent == BROKEN -> end_run(me, REFUSED)
            :: intent == KEPT -> end_run(me, FAILED)
            fi;
            goto out;
unreadable:
            if
            :: intent == SET -> end_run(me, ASKING)
#ifdef REPAIR_ASK
            :: intent == KEPT -> end_run(me, ASKING)
#else
            :: intent == KEPT -> end_run(me, FAILED)
#endif
            :: intent == ABSENT || intent == BROKEN -> end_run(me, FAILED)
            fi;
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
        run Fate()
    }
}

#ifdef LIVENESS
ltl every_run_ends { <> (state != OPEN) }
#endif
