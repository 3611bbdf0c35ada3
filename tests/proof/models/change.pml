/* change.pml - one approved change that can be looked at, and is perhaps taken back by itself.
 *
 * Two workers, leases that run out at any time, crashes, a worker that stands still and goes on, a commit or
 * an answer that is lost, a request that arrives late, a freeze, Stop, an approval that gets too old, a person
 * who looks and tells, somebody else who changes the same thing. After src/steps/change.c, src/steps/revert.c,
 * src/engine/change.c, src/engine/promises.c, src/engine/run_steps.c, src/engine/told.c, src/engine/left.c,
 * src/store/effects.c.
 * The class of the call (K, A or U) makes no difference: change.c sends none twice.
 *
 * REVERT: the plan says that it is taken back. FROM_KEPT: from where it was done and is kept.
 * STRANGER: somebody else changes it, but not between our look and the end of our call.
 * SET_BACK: somebody else sets it back, at any time.
 * TWIN_...  a safeguard less: must be caught.      GAP_...  a claim the code does not keep.
 */
#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef LAPSES
#define LAPSES 1
#endif
#ifndef TROUBLES
#define TROUBLES 1 /* commits of a promise that are not answered, looks that see nothing */
#endif
#ifndef HALTS
#define HALTS 1 /* freezes, and once Stop */
#endif
bool in_time; /* FX_ENGINE_SEND_MS after the promise has not passed */
/* The lease has more left at the promise than the call may take to leave: it runs out later than that. */
#define WHEN_LAPSED in_time = false
#include "jobs.inc"

#define BEGINS 2 /* then a call that never leaves is given up */
#define FIRST 0  /* the key "change" */
#define BACK 1   /* the key "revert" */

/* `late`: `within` is over, then revert_after, then REVERT_LATE_MS. */
#define WATCHED 0
#define WITHIN_OVER 1
#define DUE 2
#define TOO_LATE 3

mtype:outcome = { OPEN, DONE, PROBLEM, FAILED, REFUSED, ASKING }; /* PROBLEM: done, and the card says what is wrong */
mtype:intent = { ABSENT, SET, KEPT, BROKEN, UNKNOWN, NOT_SENT };  /* no row; FX_INTENT_SET, _DONE, _FAILED, ... */
mtype:answer = { NO_ANSWER, OK, REFUSAL };
mtype:value = { UNREAD, OLD, NEW, OTHER };
mtype:promised = { MAY, AGAIN, NEVER };

mtype:outcome state = OPEN;
mtype:intent intent[2] = ABSENT;
byte number[2];          /* what set_ms tells: which promise it is */
bool asked, kept;        /* in the checkpoint; the card asks, the bot looks on */
bool told, told_not_done;
bool conflicted;
byte troubles, halts;
bool frozen, stopped, expired;
byte late = WATCHED;

#define open_of(key) (intent[key] == SET || intent[key] == UNKNOWN)
#define may_begin(key) (intent[key] == ABSENT || intent[key] == NOT_SENT)
#define target(key) (key == FIRST -> NEW : OLD)
#define origin(key) (key == FIRST -> OLD : NEW)

/* ---- what is changed ---- */

mtype:value value = OLD;
bool went;               /* it was NEW, and was not any more after that */
bool sent[2], flies[2];  /* a request left; it is under way */
byte obeyed[2];
bool fenced[2];          /* FX_EFFECT_FENCE_MS: what was signed in time is too old now */
bool stamp[2];           /* whether it was signed after that */
mtype:answer answer[2] = NO_ANSWER; /* for who waits; the others have lost it */
bool waits[2];
bool looked[2];          /* who has looked, and is about to send what goes by it */

/* What is told of a call whose answer got lost, and of which nothing is to be seen behind the fence, holds also
 * when somebody has undone it since: that is said with it. */
#ifdef SET_BACK
bool set_back;
bool by_look[2];
#define did_not_happen(key) (obeyed[key] == 0 || (by_look[key] && set_back))
#else
#define did_not_happen(key) (obeyed[key] == 0)
#endif

#define at_it ((looked[0] && held(0)) || (looked[1] && held(1)) || flies[FIRST] || flies[BACK])

inline hear(what) {
    if
    :: waits[0] -> answer[0] = what
    :: waits[1] -> answer[1] = what
    :: else
    fi
}

inline obey(key) {
    atomic {
        flies[key] ->
        flies[key] = false;
        if
        :: printf("the call %d is lost on the way\n", key)
        :: stamp[key] != fenced[key] -> printf("the call %d is too old, and refused\n", key)
        :: stamp[key] == fenced[key] -> hear(REFUSAL); printf("the call %d is refused\n", key)
        :: stamp[key] == fenced[key] ->
            assert(state == OPEN && !told_not_done && open_of(key));
#ifndef GAP_CHANGED_MEANWHILE
            assert(value != OTHER);
#else
            assert(key == FIRST || value != OTHER);
#endif
            obeyed[key]++;
            went = went || value == NEW;
            value = target(key);
            hear(OK);
            printf("the call %d is obeyed\n", key)
        fi
    }
}

proctype Aws() {
end:
    do
    :: obey(FIRST)
    :: obey(BACK)
    od
}

#if defined STRANGER || defined GAP_CHANGED_MEANWHILE
proctype Stranger() {
end:
    atomic {
#ifdef GAP_CHANGED_MEANWHILE
        true ->
#else
        !at_it ->
#endif
        went = went || value == NEW;
        value = OTHER;
        printf("somebody else changes it\n")
    }
}
#endif

#ifdef SET_BACK
proctype Stranger() {
end:
    atomic { value == NEW -> value = OLD; went = true; set_back = true; printf("somebody else sets it back\n") }
}
#endif

/* Each of it may come any time, in this order; what takes time is over in the end. */
proctype Time() {
end:
    do
    :: atomic { in_time -> in_time = false; printf("the time to send is over\n") }
    :: atomic { !in_time && intent[FIRST] != ABSENT && !fenced[FIRST] -> fenced[FIRST] = true; printf("fenced\n") }
    :: atomic { !in_time && intent[BACK] != ABSENT && !fenced[BACK] -> fenced[BACK] = true; printf("fenced, too\n") }
    :: atomic { !expired && intent[FIRST] == ABSENT -> expired = true; printf("the approval is too old\n") }
    :: atomic { intent[FIRST] == KEPT && late == WATCHED -> late = WITHIN_OVER; printf("it was watched for long\n") }
    :: atomic { kept && late == WITHIN_OVER -> late = DUE; printf("it is to be taken back\n") }
    :: atomic { kept && late == DUE -> late = TOO_LATE; printf("it is too late to take it back\n") }
    od
}

inline tell(key) {
    if
#ifdef TWIN_TOLD_EARLY
    :: true ->
#else
    :: obeyed[key] > 0 || fenced[key] -> /* check_fenced */
#endif
        told = true;
        told_not_done = obeyed[key] == 0;
        intent[key] = (obeyed[key] > 0 -> KEPT : BROKEN);
        put_job();
        printf("a person tells what became of it: %e\n", intent[key])
    :: else
    fi
}

/* Freezes, unfreezes, presses Stop; looks, and tells what is true. Told.c takes a "not done" only behind the
 * fence. */
proctype Person() {
end:
    do
    :: atomic { halts < HALTS && !frozen -> halts++; frozen = true; printf("a person freezes\n") }
    :: atomic { frozen -> frozen = false; printf("the freeze ends\n") }
    :: atomic { halts < HALTS && !stopped -> halts++; stopped = true; printf("a person presses Stop\n") }
#ifndef LIVENESS /* nobody has to look */
    :: atomic { /* engine_tell, settle_all */
        asked && !told && (open_of(FIRST) || open_of(BACK)) ->
        if
        :: open_of(FIRST) -> tell(FIRST)
        :: else -> tell(BACK)
        fi
    }
#endif
    od
}

/* ---- the store ---- */

inline promise(me, key) {
    assert(!frozen && !stopped && (key == BACK || !expired));
    intent[key] = SET;
    number[key]++;
    mine = number[key];
    fenced[key] = false;
    in_time = ok;
    printf("worker %d promises %d\n", me, key)
}

/* begin_in with check_guard. AGAIN: somebody else has the claim or has begun it, or Stop: all is read anew.
 * NEVER: it is frozen, or too late. */
inline begin_effect(me, key) {
    atomic {
        may = MAY;
        mine = 0;
        if
#ifndef TWIN_LEASE_UNREAD
        :: !held(me) || lapsed -> may = AGAIN
#endif
        :: !may_begin(key) -> may = AGAIN
#ifndef TWIN_STOP_READ_EARLY
        :: stopped -> may = AGAIN
#endif
#ifndef TWIN_FREEZE_READ_EARLY
        :: frozen -> may = NEVER
#endif
#ifndef TWIN_TIME_READ_EARLY
        :: key == FIRST && expired -> may = NEVER
#endif
        :: key == BACK && (late == TOO_LATE || number[BACK] >= BEGINS) -> may = NEVER
        :: else ->
            ok = true;
            if
            :: true
            :: troubles < TROUBLES -> troubles++; ok = false /* the commit is not answered */
            fi;
            if
            :: true -> promise(me, key)
            :: !ok -> printf("the promise of worker %d for %d is undone\n", me, key)
            fi
        fi
    }
}

/* STMT_INTENT_END. Not bound to the lease: the truth may always be written, once; UNKNOWN is none. What did not
 * happen is told of the promise that was seen. */
inline end_effect(me, key, how) {
    atomic {
#ifdef TWIN_CONCLUDED_OF_ANOTHER
        ok = open_of(key) && intent[key] != how;
#else
        ok = open_of(key) && intent[key] != how && (how == KEPT || number[key] == mine);
#endif
        if
        :: ok -> intent[key] = how; assert(how != BROKEN || did_not_happen(key))
        :: else
        fi;
        printf("worker %d records the outcome of %d: %d, the intent is %e\n", me, key, ok, intent[key])
    }
}

/* That it was not sent is true of one's own promise alone. */
inline end_not_sent(me, key) {
    atomic {
#ifdef TWIN_TAKEN_BACK_BLINDLY
        ok = open_of(key);
#else
        ok = open_of(key) && number[key] == mine;
#endif
        if
        :: ok -> intent[key] = NOT_SENT
        :: else
        fi;
        printf("worker %d records that %d was not sent: %d\n", me, key, ok);
        assert(intent[key] != NOT_SENT || !sent[key])
    }
}

/* Settles the job with the run's end. Some other row may have moved meanwhile: then all is done again. */
inline end_run(me, how) {
    atomic {
        if
        :: held(me) && !conflicted ->
            conflicted = true;
            lapsed = false;
            printf("worker %d finds a row changed, and does all of it again\n", me);
            goto load
        :: held(me) ->
            state = how;
            end_job(false);
            printf("worker %d ends the run: %e\n", me, state);
            assert(state != REFUSED || obeyed[FIRST] == 0);
            assert(state != FAILED || told || did_not_happen(FIRST));
            assert(state != DONE || told || obeyed[FIRST] == 1);
#ifdef REVERT
            assert(state != DONE || went); /* what was to be taken back and was not is never told as done */
#endif
            assert(state == ASKING || (!open_of(FIRST) && !open_of(BACK)))
        :: !held(me) -> printf("worker %d has lost its lease and ends nothing\n", me)
        fi
    }
}

/* With the checkpoint. */
inline park(me, asks, keeps) {
    atomic {
        if
        :: held(me) -> asked = asked || asks; kept = kept || keeps; end_job(true); printf("worker %d will look again\n", me)
        :: else
        fi
    }
}

/* ---- the worker ---- */

/* change_look_at */
inline look() {
    if
    :: seen = value
    :: troubles < TROUBLES -> troubles++; seen = UNREAD; printf("it cannot be read\n")
    fi
}

inline forget(me) {
    looked[me] = false; waits[me] = false; answer[me] = NO_ANSWER;
    key = FIRST; mine = 0; seen = UNREAD; may = MAY; ok = false; old = false
}

/* end_as_told: an answer ends the run, whichever of the two calls it was about. What then stands and is not taken
 * back by itself is said: engine_left_text. */
#if defined REVERT && !defined TWIN_TOLD_SILENTLY
#define end_told (intent[FIRST] == BROKEN -> FAILED : (intent[BACK] == KEPT -> DONE : PROBLEM))
#else
#define end_told (told_not_done -> FAILED : DONE)
#endif

proctype Worker(byte me) {
    byte key, mine; /* mine: the promise that was made or seen */
    mtype:value seen = UNREAD;
    mtype:promised may = MAY;
    bool ok, old;
end:
    do
    :: {
            claim(me);
load:
            atomic { forget(me) };
            if /* engine_end_told, then change_run */
            :: state != OPEN -> atomic { if :: held(me) -> end_job(false) :: else fi; goto out }
            :: state == OPEN && told -> end_run(me, end_told); goto out
            :: state == OPEN && !told && may_begin(FIRST) -> goto start
            :: state == OPEN && !told && intent[FIRST] == BROKEN -> end_run(me, FAILED); goto out /* fail_refused */
            :: atomic { state == OPEN && !told && open_of(FIRST) -> mine = number[FIRST] }; goto doubt
            :: state == OPEN && !told && intent[FIRST] == KEPT && !kept -> goto watch
            :: state == OPEN && !told && intent[FIRST] == KEPT && kept -> key = BACK; goto revert
            fi;

start:      /* check_start */
            if
            :: number[FIRST] >= BEGINS -> end_run(me, FAILED); goto out /* settle_failure: tried often enough */
            :: number[FIRST] < BEGINS && (stopped || frozen || expired) -> end_run(me, REFUSED); goto out
            :: number[FIRST] < BEGINS && !stopped && !frozen && !expired
            fi;
            /* change_confirm */
            atomic { look(); looked[me] = true };
            if
            :: seen == UNREAD -> park(me, false, false); goto out
            :: seen == OLD
            :: seen == OTHER || seen == NEW ->
#ifdef TWIN_FACTS_NOT_CONFIRMED
                skip
#else
                end_run(me, REFUSED); goto out
#endif
            fi;

send:       /* change_send */
#ifdef TWIN_INTENT_AFTER_SEND
            ok = true; in_time = true;
#else
            begin_effect(me, key);
            if
            :: may == MAY && ok
            :: may == MAY && !ok -> end_not_sent(me, key); park(me, false, false); goto out /* take_back */
            :: may == AGAIN -> park(me, false, false); goto out
            :: may == NEVER && key == FIRST -> end_run(me, REFUSED); goto out
            :: may == NEVER && key == BACK -> goto put_off
            fi;
#endif
            atomic {
                if
#ifdef TWIN_SENT_LATE
                :: true ->
#else
                :: in_time ->
#endif
                    assert(!sent[key]);
                    sent[key] = true;
                    flies[key] = true;
                    stamp[key] = fenced[key];
                    waits[me] = true;
                    printf("worker %d sends %d\n", me, key)
                :: goto not_sent /* nobody could be reached, or the program stops */
#ifndef TWIN_SENT_LATE
                :: !in_time -> printf("worker %d stood still for too long\n", me); goto not_sent
#endif
                fi
            };
            if /* record */
            :: answer[me] == OK
            :: answer[me] == REFUSAL -> goto refused
            :: printf("worker %d hears nothing\n", me) ->
#ifdef TWIN_LOST_IS_REFUSED
                goto refused
#else
                park(me, false, false);
                goto out
#endif
            fi;
#ifdef TWIN_INTENT_AFTER_SEND
            begin_effect(me, key);
#endif
            end_effect(me, key, KEPT);
            park(me, false, false);
            goto out;
not_sent:
            end_not_sent(me, key);
            if
            :: ok && key == BACK -> goto put_off
            :: else -> park(me, false, false); goto out
            fi;
refused:
            end_effect(me, key, BROKEN);
            if
            :: ok && key == FIRST -> end_run(me, FAILED)
            :: else -> park(me, false, false)
            fi;
            goto out;

watch:
            look();
            if
            :: seen == NEW -> goto watched
#ifdef TWIN_WATCHED_FOR_EVER
            :: seen != NEW && late != WATCHED -> park(me, false, false)
#else
            :: seen != NEW && late != WATCHED -> goto problem /* too_late, or failed */
#endif
            :: seen != NEW && late == WATCHED && stopped -> end_run(me, PROBLEM)
            :: seen != NEW && late == WATCHED && !stopped -> park(me, false, false)
            fi;
            goto out;
problem:
#ifdef REVERT
            park(me, false, true);
#else
            end_run(me, PROBLEM);
#endif
            goto out;
watched:
#ifdef REVERT
            park(me, false, true); /* revert_keep */
#else
            end_run(me, DONE);
#endif
            goto out;

doubt:      /* change_doubt: the clock is read before the look */
#ifdef TWIN_CLASS_IS_FENCE
            old = true;
#else
            old = fenced[key];
#endif
            look();
#ifdef TWIN_FENCE_READ_LATE
            old = fenced[key];
#endif
            if
            :: seen == target(key) -> end_effect(me, key, KEPT); park(me, false, false); goto out
            :: seen == origin(key) && old ->
#ifdef TWIN_DOUBT_SENT_AGAIN
                atomic { intent[key] = NOT_SENT; in_time = true; goto send };
#endif
#if defined SET_BACK && !defined TWIN_UNDONE_UNSAID
                by_look[key] = true;
#endif
                end_effect(me, key, BROKEN);
                if
                :: ok && key == FIRST -> end_run(me, FAILED)
                :: else -> park(me, false, false)
                fi;
                goto out
#ifdef TWIN_UNREAD_IS_FAILURE
            :: seen == UNREAD -> end_effect(me, key, BROKEN); end_run(me, FAILED); goto out
#endif
            :: seen != target(key) && (seen != origin(key) || !old)
            fi;
            if
            :: intent[key] == SET -> end_effect(me, key, UNKNOWN)
            :: else
            fi;
            if /* ask */
#ifdef TWIN_ASKED_FOR_EVER
            :: true -> park(me, true, false)
#else
            :: !old -> park(me, true, false)
            :: old && !open_of(key) -> park(me, false, false) /* end_effect: somebody else has told it */
            :: old && open_of(key) -> end_run(me, ASKING)
#endif
            fi;
            goto out;

revert:     /* revert_run */
            if
            :: may_begin(BACK)
            :: intent[BACK] == KEPT -> goto watch_back
            :: intent[BACK] == BROKEN -> end_run(me, PROBLEM); goto out /* end_refused */
            :: atomic { open_of(BACK) -> mine = number[BACK] }; goto doubt
            fi;
            /* take_back */
            atomic { look(); looked[me] = true };
            if
            :: stopped -> end_run(me, PROBLEM); goto out
            :: !stopped && late < DUE -> park(me, false, false); goto out
            :: !stopped && late >= DUE
            fi;
            if
            :: seen == UNREAD -> goto put_off
            :: seen == OLD -> end_run(me, DONE); goto out
            :: seen == NEW -> goto send
            :: seen == OTHER ->
#ifdef TWIN_OTHERS_OVERWRITTEN
                goto send
#else
                end_run(me, PROBLEM); goto out
#endif
            fi;
put_off:
            if
#ifndef TWIN_PUT_OFF_FOR_EVER
            :: late == TOO_LATE -> end_run(me, PROBLEM)
#endif
            :: else -> park(me, false, false)
            fi;
            goto out;
watch_back:
            look();
            if
            :: seen == OLD -> end_run(me, DONE)
            :: seen != OLD && late == TOO_LATE -> end_run(me, PROBLEM) /* it does not show */
            :: seen != OLD && late != TOO_LATE -> park(me, false, false)
            fi;
out:
            atomic { working[me] = false; dying[me] = false; forget(me) }
        } unless { atomic { crash(me); forget(me) } }
    od
}

init {
    atomic {
#ifdef FROM_KEPT
        intent[FIRST] = KEPT; number[FIRST] = 1; sent[FIRST] = true; fenced[FIRST] = true; obeyed[FIRST] = 1;
        value = NEW; kept = true; late = WITHIN_OVER;
#endif
        run Worker(0);
        run Worker(1);
        run Aws();
        run Time();
        run Person();
#if defined STRANGER || defined GAP_CHANGED_MEANWHILE || defined SET_BACK
        run Stranger();
#endif
        run Fate()
    }
}

#ifdef LIVENESS
ltl every_run_ends { <> (state != OPEN) }
#endif
