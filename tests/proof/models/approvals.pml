/* approvals.pml - one question to people, and the one change that its answer allows.
 *
 * Two replicas take the clicks of the requester and of two approvers, at any time and again after a
 * crash; the time to decide and the time to execute run out; the facts drift; somebody presses Stop;
 * somebody freezes all changes. After src/engine/event_interaction.c, src/engine/decisions.c,
 * src/engine/approvals.c, src/engine/change.c, src/store/approvals.c, src/store/effects.c.
 *
 * Stop, the freeze switch, the time and the lease are looked at inside the transaction that sets the
 * intent. NEEDED says how many persons must approve; votes are counted inside the transaction that
 * they decide.
 *
 * TWIN_...  a safeguard less: must be caught.
 */
#ifndef NEEDED
#define NEEDED 1
#endif
#ifndef CLICKS
#define CLICKS 1
#endif
#ifdef EXECUTE /* one replica, two workers; else two replicas, one worker */
#define REPLICAS 1
#define WORKERS 2
#else
#define REPLICAS 2
#define WORKERS 1
#define CRASHES 0
#define LAPSES 0
#endif
#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef LAPSES
#define LAPSES 1
#endif
#include "jobs.inc"

#define REQUESTER 0
#define bit(person) (1 << (person))
#define count_of(set) (((set) & 1) + (((set) >> 1) & 1) + (((set) >> 2) & 1))

mtype:decision = { PENDING, APPROVED, DENIED, EXPIRED };
mtype:outcome = { OPEN, DONE, REFUSED, NOT_APPROVED, ASKING };

mtype:decision decision = PENDING;
mtype:outcome state = OPEN;
byte votes;        /* who approved: a set of persons */
byte tally;        /* how many votes were counted */
byte decisions;    /* how many times somebody was told that his click decided */
bool intent;
bool over, late;   /* expires_ms and execute_before_ms have passed */
bool drifted;      /* the facts are no longer those that were shown */
bool stopped;      /* runs.stop_requested: whoever pressed has been told so */
bool frozen;
byte freezes;

/* What happens to the world afterwards changes nothing in here. */
#define matters (state == OPEN && !intent)

/* ---- the store ---- */

inline decided(how) {
    decision = how;
    decisions++;
    put_job();
    assert(decisions <= 1)
}

/* store->decide, for a click: stamp is what the clock said when the click was looked at. */
inline decide(person, how, stamp) {
    atomic {
        if
#ifdef TWIN_NO_COMPARE_AND_SET
        :: seen == PENDING && !stamp ->
#elif defined TWIN_TIME_FORGOTTEN
        :: decision == PENDING ->
#else
        :: decision == PENDING && !stamp ->
#endif
            printf("person %d: %e, in time %d\n", person, how, !stamp);
            assert(!stamp);
            if
            :: how == DENIED -> decided(DENIED)
            :: how == APPROVED ->
#ifdef TWIN_SAME_PERSON_TWICE
                tally++;
#else
                tally = tally + ((votes & bit(person)) == 0);
#endif
                votes = votes | bit(person);
#ifdef TWIN_COUNTED_BEFORE
                tally = counted + 1; /* as it was read before the transaction */
#endif
                if
                :: tally >= NEEDED -> decided(APPROVED)
                :: else -> put_job() /* the card is to say who has voted */
                fi;
                assert(count_of(votes) < NEEDED || decision == APPROVED)
            fi
        :: else
        fi
    }
}

/* The same for the clock. */
inline expire() {
    atomic {
        if
        :: decision == PENDING && over -> printf("nobody decided in time\n"); decided(EXPIRED)
        :: else
        fi
    }
}

inline begin_effect(me, ret_ok) {
    atomic {
        ret_ok = held(me) && !intent && decision == APPROVED;
#ifndef TWIN_STOP_READ_EARLY
        ret_ok = ret_ok && !stopped;
#endif
#ifndef TWIN_TIME_READ_EARLY
        ret_ok = ret_ok && !late;
#endif
#ifndef TWIN_LEASE_UNREAD
        ret_ok = ret_ok && !lapsed;
#endif
#if defined FREEZE && !defined TWIN_FREEZE_READ_EARLY
        ret_ok = ret_ok && !frozen;
#endif
        if
        :: ret_ok ->
            intent = true;
            printf("worker %d sets the intent\n", me);
            assert(decision == APPROVED);
            assert(count_of(votes) >= NEEDED && (votes & bit(REQUESTER)) == 0);
            assert(!drift_seen_late);
#ifdef FREEZE
            assert(!frozen);
#endif
            assert(!stopped);
            assert(!late);
            assert(!lapsed)
        :: else
        fi
    }
}

inline end_run(me, how) {
    atomic {
        if
        :: held(me) -> state = how; end_job(false); printf("worker %d ends the run: %e\n", me, state)
        :: else
        fi
    }
}

/* ---- people and clocks ---- */

/* A replica with one click in hand after the other. */
proctype Replica() {
    byte person, clicks, counted;
    bool repeated;
    bool stamp;
    mtype:decision how, seen;
end:
    do
    :: clicks < CLICKS ->
        atomic {
            clicks++;
            if
            :: person = REQUESTER
            :: person = 1
            :: person = 2
            fi;
            if
            :: how = APPROVED
            :: how = DENIED
            fi
        };
handle:
        atomic {
            seen = decision; /* approval_of */
            counted = tally;
            if
            :: seen != PENDING -> goto next
#ifndef TWIN_REQUESTER_COUNTS
            :: seen == PENDING && person == REQUESTER && how == APPROVED -> goto next /* authorize */
#endif
            :: else
            fi
        };
        stamp = over;
        decide(person, how, stamp);
        if /* the process died before it had settled the click: it is handled again */
        :: !repeated -> repeated = true; goto handle
        :: goto next
        fi;
next:
        atomic { person = 0; seen = 0; counted = 0; stamp = false; how = 0; repeated = false }
    od
}

proctype Clock() {
end:
    do
    :: atomic { !over -> over = true; printf("the time to decide is over\n") }
    :: over && decision == PENDING -> expire()
#ifdef EXECUTE
    :: atomic {
        decision == APPROVED && !late && matters ->
        late = true;
        printf("the time to execute is over\n")
    }
#endif
    od
}

proctype World() {
end:
    do
#ifdef EXECUTE
    :: atomic { !drifted && matters && decision == APPROVED -> drifted = true; printf("the facts drift\n") }
#endif
    :: atomic { !stopped && matters -> stopped = true; put_job(); printf("Stop is pressed\n") }
#ifdef FREEZE
    :: atomic { freezes < FREEZE && matters && decision == APPROVED -> freezes++; frozen = !frozen; printf("changes frozen: %d\n", frozen) }
#endif
    od
}

/* ---- the worker: engine_approval_step, then engine_change_step ---- */

proctype Worker(byte me) {
    bool ok, drift_seen_late, stop_seen;
end:
    do
    :: {
            claim(me);
            stop_seen = stopped; /* engine_load_run */
            if
            :: state != OPEN -> goto leave
            :: else
            fi;
            if
            :: decision == PENDING && !stop_seen -> goto leave
            :: decision == PENDING && stop_seen -> /* void_request */
                atomic {
                    if
                    :: decision == PENDING -> decided(DENIED); printf("the request is void\n")
                    :: else
                    fi
                }
            :: decision != PENDING
            fi;
            if
            :: decision != APPROVED -> end_run(me, NOT_APPROVED); goto out
            :: decision == APPROVED
            fi;
            if /* has_begun: the effect itself is effect.pml's subject */
            :: intent -> end_run(me, ASKING); goto out
            :: atomic { !intent -> drift_seen_late = drifted } /* what has drifted by now must be noticed */
            fi;
            if /* check_start */
            :: stop_seen || late -> end_run(me, REFUSED); goto out
#ifdef FREEZE
            :: frozen -> end_run(me, REFUSED); goto out
#endif
            :: else
            fi;
#ifndef TWIN_FACTS_NOT_CONFIRMED
            if /* confirm */
            :: drifted -> end_run(me, REFUSED); goto out
            :: !drifted
            fi;
#endif
            begin_effect(me, ok);
            if
            :: ok -> end_run(me, DONE)
            :: !ok && (stopped || lapsed) -> /* all of it again, with what is known by then */
                atomic { if :: held(me) -> end_job(true) :: else fi }
            :: !ok && !stopped && !lapsed -> end_run(me, REFUSED)
            fi;
            goto out;
leave:
            atomic {
                if
                :: held(me) -> end_job(false)
                :: else
                fi
            };
out:
            atomic {
                working[me] = false;
                dying[me] = false;
                ok = false;
                drift_seen_late = false;
                stop_seen = false
            }
        } unless { crash(me) }
    od
}

init {
    atomic {
        ready = false; /* the run waits for a decision */
        run Worker(0);
#if WORKERS > 1
        run Worker(1);
#endif
        run Replica();
#if REPLICAS > 1
        run Replica();
#endif
        run Clock();
        run World();
        run Fate()
    }
}

#ifdef LIVENESS
ltl every_run_ends { <> (state != OPEN) }
#endif
