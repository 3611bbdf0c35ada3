/* cancel.pml - an emergency stop: the move task that runs is cancelled, once or again, until it stands.
 *
 * Cancelling twice does no more than cancelling once, so each attempt has an intent of its own, and one
 * whose answer was lost is read back. After src/steps/dlq_cancel.c, src/store/effects.c.
 *
 * TWIN_...  a safeguard less: must be caught.      GAP_...  a claim the code does not keep yet.
 * REPAIR_... what would close the gap.
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
byte cancelled; /* the task that the first intent names */
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
#ifdef GAP_ONLY_THAT_TASK
        assert(running != task || task == cancelled); /* what was asked for, and nothing else */
#endif
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

/* ---- the intents, keys "cancel-1" and so on ---- */

byte attempts;
bool open[ATTEMPTS + 1];

inline begin_effect(who) {
    atomic {
        ok = held(who) && attempts == seen;
        if
        :: ok ->
            attempts++;
            open[attempts] = true;
            cancelled = (cancelled == NO_TASK -> found : cancelled);
            assert(attempts <= ATTEMPTS)
        :: else
        fi;
        printf("worker %d sets the intent to cancel task %d: %d\n", who, found, ok)
    }
}

inline end_effect(number) {
    atomic { ok = open[number]; open[number] = false }
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
    seen = 0; found = 0; i = 0; ok = false
}

proctype Worker(byte me) {
    byte seen, found, i;
    bool ok;
end:
    do
    :: {
            claim(me);
            if
            :: state != OPEN -> settle(me, state); goto out
            :: else
            fi;
            seen = attempts; /* effects, then find_tasks */
            found = running;
            /* read_back */
            i = 1;
            do
            :: i > seen -> break
            :: i <= seen && open[i] ->
                end_effect(i);
                if
                :: !ok -> goto not_ended
                :: ok -> i++
                fi
            :: i <= seen && !open[i] -> i++
            od;
            if
#ifdef REPAIR_SAME_TASK
            :: seen > 0 && found != cancelled -> goto done
#endif
            :: found == NO_TASK && seen > 0 -> goto done
            :: found == NO_TASK && seen == 0 -> settle(me, REFUSED); goto out
            :: found != NO_TASK && seen >= ATTEMPTS -> goto fail
            :: else
            fi;
            begin_effect(me);
            if
            :: !ok -> goto fail
            :: ok
            fi;
            atomic {
                awaits[me] = seen + 1;
                if
                :: net!me, seen + 1, found; printf("worker %d sends\n", me)
                :: losses < LOSSES -> losses++; goto unheard
                fi
            };
            if
            :: answer[me] == OK -> end_effect(seen + 1); goto done
            :: answer[me] == REFUSAL -> end_effect(seen + 1); goto fail
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
done:
            assert(!held(me) || running != cancelled);
            settle(me, DONE);
            goto out;
not_ended: /* somebody else has written the outcome meanwhile */
#ifdef REPAIR_READ_AGAIN
            settle(me, OPEN);
            goto out;
#endif
#ifdef GAP_FAILED_FOR_A_REASON
            assert(!held(me));
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
