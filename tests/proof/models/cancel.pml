/* cancel.pml - an emergency stop: the move task that runs is cancelled, once or again, until it stands.
 *
 * The intent names the task that was looked at, and the call is keyed by it: cancelling it twice does no
 * more than cancelling it once. An attempt whose answer was lost is read back, and repeated with the
 * same key. After src/steps/dlq_cancel.c, src/engine/promises.c, src/store/effects.c.
 *
 * TWIN_...  a safeguard less: must be caught.
 */
#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef LAPSES
#define LAPSES 1
#endif
#ifndef LOSSES
#define LOSSES 1
#endif
#include "jobs.inc"

#define ATTEMPTS 5
#define NO_TASK 0

mtype:outcome = { OPEN, DONE, REFUSED, FAILED };
mtype:answer = { NO_ANSWER, OK, REFUSAL };

mtype:outcome state = OPEN;

/* ---- SQS: task 1 runs when the stop is asked for; somebody may start task 2 once it stands ---- */

byte running = 1;
byte newest = 1;
byte cancelled; /* the task that the intent names */
byte losses;

chan net = [2] of { byte, byte, byte };
byte awaits[2];
mtype:answer answer[2] = NO_ANSWER;

proctype Sqs() {
    byte who, number, task;
end:
    do
    :: atomic {
        net?who, number, task ->
        printf("SQS gets the cancel of task %d while %d runs\n", task, running);
        assert(running != task || task == cancelled); /* what was asked for, and nothing else */
        if
        :: awaits[who] == number -> answer[who] = (running == task -> OK : REFUSAL)
        :: else
        fi;
        running = (running == task -> NO_TASK : running);
        who = 0; number = 0; task = 0
    }
    :: atomic { running != NO_TASK -> printf("task %d ends by itself\n", running); running = NO_TASK }
    :: atomic { running == NO_TASK && newest == 1 -> newest = 2; running = 2; printf("somebody starts task 2\n") }
    od
}

/* ---- the intent, key "cancel" ---- */

mtype:intent = { ABSENT, SET, KEPT, BROKEN, NOT_SENT };
mtype:intent intent = ABSENT;
byte attempts; /* in the checkpoint, or told by the audit log */

/* The first time, and when nothing was sent: begin_effect. Else the same call again: repeat_effect. */
inline begin_effect(who) {
    atomic {
        ok = held(who) && !lapsed && intent == seen && (seen == ABSENT || seen == NOT_SENT || seen == SET);
        if
        :: ok ->
            attempts++;
            intent = SET;
            cancelled = (cancelled == NO_TASK -> found : cancelled)
        :: else
        fi;
        printf("worker %d sets the intent to cancel task %d: %d\n", who, found, ok)
    }
}

inline end_effect(how) {
    atomic { ok = intent == SET; intent = (ok -> how : intent) }
}

inline settle(who, how) {
    atomic {
        if
        :: held(who) -> state = how; end_job(how == OPEN); printf("worker %d settles: %e\n", who, state)
        :: else
        fi
    }
}

inline forget(who) {
    awaits[who] = 0; answer[who] = NO_ANSWER;
    seen = ABSENT; found = 0; number = 0; ok = false
}

proctype Worker(byte me) {
    mtype:intent seen = ABSENT;
    byte found, number;
    bool ok;
end:
    do
    :: {
            claim(me);
            if
            :: state != OPEN -> settle(me, state); goto out
            :: else
            fi;
            seen = intent; /* effects, then list_tasks */
            found = running;
            if
            :: seen == ABSENT && found == NO_TASK -> settle(me, REFUSED); goto out
            :: seen == ABSENT && found != NO_TASK
#ifdef TWIN_ANY_TASK /* which task it was is forgotten */
            :: seen != ABSENT && found == NO_TASK -> goto read_back
            :: seen != ABSENT && found != NO_TASK
#else
            :: seen != ABSENT && found != cancelled -> goto read_back
            :: seen != ABSENT && found == cancelled
#endif
            fi;
            if
            :: seen == KEPT -> goto done
            :: seen == BROKEN || attempts >= ATTEMPTS -> goto fail
            :: else
            fi;
            begin_effect(me);
            if
            :: !ok -> settle(me, OPEN); goto out
            :: ok
            fi;
            atomic {
                number = attempts;
                awaits[me] = number;
                if
                :: net!me, number, found; printf("worker %d sends\n", me)
                :: losses < LOSSES -> losses++; goto not_sent
                :: losses < LOSSES -> losses++; goto unheard
                fi
            };
            if
            :: answer[me] == OK -> end_effect(KEPT); goto recorded
            :: answer[me] == REFUSAL -> end_effect(BROKEN);
                if
                :: ok -> goto fail
                :: !ok -> goto not_ended
                fi
            :: atomic { losses < LOSSES -> losses++ }; goto unheard
            :: !held(me) -> goto out
            fi;
unheard:
            printf("worker %d hears nothing\n", me);
#ifdef TWIN_UNHEARD_IS_DONE
            goto done;
#endif
            settle(me, OPEN);
            goto out;
not_sent:
            end_effect(NOT_SENT);
            settle(me, OPEN);
            goto out;
read_back:
            if
            :: seen == SET -> end_effect(KEPT)
            :: else -> ok = true
            fi;
recorded:
            if
            :: !ok -> goto not_ended
            :: ok
            fi;
done:
            assert(!held(me) || running != cancelled);
            settle(me, DONE);
            goto out;
not_ended: /* somebody else has recorded the outcome: it is read anew */
#ifdef TWIN_CONFLICT_IS_FAILURE
            assert(!held(me));
            goto fail;
#else
            settle(me, OPEN);
            goto out;
#endif
fail:
            settle(me, FAILED);
out:
            atomic { working[me] = false; dying[me] = false; forget(me) }
        } unless { atomic { crash(me); forget(me) } }
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
