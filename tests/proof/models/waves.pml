/* waves.pml - dead letters sent back in several batches at once, after a canary.
 *
 * Two messages, each a batch of its own; up to two batches go together. Two workers, leases that run out at any
 * time, crashes, a worker that stands still and goes on, lost answers and late requests of either batch, refusals,
 * a freeze between two promises. After selective_move, settle_all and add_up in src/steps/selective_batch.c,
 * step_once, watch_canary and finish in src/steps/selective.c, src/steps/selective_stock.c. What one batch at a
 * time may meet besides, and a consumer that takes a message once (whose batches never go together), is in
 * redrive.pml.
 *
 * CANARY_DONE: from where the first message was processed; both that are left may go together.
 * TWIN_...  a safeguard less: must be caught.
 */
#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef LAPSES
#define LAPSES 1
#endif
#ifndef TROUBLES
#define TROUBLES 1 /* answers that are not heard, refusals, outcomes that the store does not take */
#endif
#ifndef FREEZES
#define FREEZES 1
#endif
#include "jobs.inc"

#define CHOSEN 3 /* sets of messages are bits */
#define ROWS 6
#define NO_ROW ROWS
#define UNANSWERED_MAX 2
#define has(set, m) (((set) >> (m)) & 1)

mtype:outcome = { OPEN, DONE, FAILED, ASKING };
mtype:intent = { ABSENT, SET, KEPT, BROKEN, UNKNOWN };
mtype:canary = { NONE, WATCHED, PASSED };

mtype:outcome state = OPEN;
mtype:intent row[ROWS] = ABSENT; /* one for each batch */
byte message[ROWS];
bool flies[ROWS], taken[ROWS];
byte rows;
byte dead = CHOSEN, once, twice; /* in the dead-letter queue; what the consumer was sent */
byte deleted, reported, unanswered; /* in the checkpoint, or on the card */
mtype:canary canary = NONE;
bool frozen;
byte freezes, troubles, doubts;

#define trouble (troubles < TROUBLES)
#define sent_by(r) (row[r] == KEPT -> 1 << message[r] : 0)
#define doubted_by(r) (row[r] == UNKNOWN || row[r] == SET -> 1 << message[r] : 0)
#define is_open(r) (row[r] == SET)
#define opens_with(r, m) (is_open(r) && message[r] == m)
#define some_open (is_open(0) || is_open(1) || is_open(2) || is_open(3) || is_open(4) || is_open(5))

inline check_queues() {
    assert((dead | once) == CHOSEN);
    assert(state != DONE || (twice & ~reported) == 0);
    assert((state != DONE && state != FAILED) || !some_open)
}

/* ---- SQS ---- */

inline arrive() {
    flies[r] = false;
    taken[r] = true;
    assert(row[r] != BROKEN && row[r] != ABSENT);
    twice = twice | (once & (1 << message[r]));
    once = once | (1 << message[r]);
    printf("message %d of batch %d arrives\n", message[r], r);
    check_queues();
    r = 0
}

proctype Sqs() {
    byte r;
end:
    do
    :: atomic { flies[0] -> r = 0; arrive() }
    :: atomic { flies[1] -> r = 1; arrive() }
    :: atomic { flies[2] -> r = 2; arrive() }
    :: atomic { flies[3] -> r = 3; arrive() }
    :: atomic { flies[4] -> r = 4; arrive() }
    :: atomic { flies[5] -> r = 5; arrive() }
    :: atomic { freezes < FREEZES && !frozen -> frozen = true; freezes++; printf("a person freezes\n") }
    od
}

/* ---- the store ---- */

/* begin_in: a number of its own, the claim, the freeze. ret: the row, or NO_ROW. */
inline begin_batch(me, m, ret) {
    atomic {
        if
        :: held(me) && !lapsed && !frozen && number == rows ->
            assert(!opens_with(0, m) && !opens_with(1, m) && !opens_with(2, m) && !opens_with(3, m) &&
                   !opens_with(4, m) && !opens_with(5, m));
#ifndef CANARY_DONE
            assert(once != 0 || !some_open); /* together only when something has arrived */
#endif
            ret = rows;
            row[rows] = SET;
            message[rows] = m;
            rows++;
            number++;
            printf("worker %d sets the intent of batch %d: message %d\n", me, ret, m)
        :: else ->
            ret = NO_ROW;
            denied = frozen && held(me) && !lapsed;
            printf("worker %d may not begin: frozen %d\n", me, denied)
        fi
    }
}

/* Once, by whoever knows it. */
inline end_effect(me, r, how, ret) {
    atomic {
        ret = is_open(r);
        if
        :: ret -> row[r] = how; doubts = doubts + (how == UNKNOWN)
        :: else
        fi;
        /* what was under way when something went wrong, no more */
        assert(doubts <= 2 * (crashes + lapses) + troubles);
        printf("worker %d records the outcome of batch %d: %e, %d\n", me, r, how, ret)
    }
}

inline settle(me, how) {
    atomic {
        if
        :: held(me) -> state = how; end_job(how == OPEN); printf("worker %d settles: %e\n", me, state)
        :: else
        fi;
        check_queues()
    }
}

/* ---- the worker ---- */

/* selective_take_stock: one read of all intents. */
inline take_stock() {
    atomic {
        number = rows;
        t_sent = sent_by(0) | sent_by(1) | sent_by(2) | sent_by(3) | sent_by(4) | sent_by(5);
        t_doubt = doubted_by(0) | doubted_by(1) | doubted_by(2) | doubted_by(3) | doubted_by(4) | doubted_by(5);
        a = NO_ROW;
        b = NO_ROW;
        r = 0;
        do
        :: r < ROWS ->
            if
            :: is_open(r) && a == NO_ROW -> a = r
            :: is_open(r) && a != NO_ROW -> assert(b == NO_ROW); b = r
            :: else
            fi;
            r++
        :: r == ROWS -> break
        od;
        r = 0
    }
}

/* What of it will not come again: how often it may have been sent. */
inline count_up() {
    r = 0;
    reported = 0;
    do
    :: r < rows ->
        if
        :: row[r] == KEPT || row[r] == UNKNOWN || row[r] == SET ->
            reported = reported | (seen & (1 << message[r]));
            seen = seen | (1 << message[r])
        :: else
        fi;
        r++
    :: else -> break
    od;
    r = 0;
    seen = 0
}

inline finish(me) {
    atomic {
        if /* ask_at_the_end */
        :: (t_doubt & ~(t_sent | deleted)) != 0 -> reported = t_doubt; how = ASKING
        :: else ->
            how = DONE;
            count_up();
            /* "did not move" and "moved" are true */
            assert(!held(me) || ((t_sent | deleted) & ~once) == 0);
            assert(!held(me) || (once & ~(t_sent | deleted)) == 0)
        fi
    };
    settle(me, how)
}

/* settle_send_failure: nothing of it was sent. */
inline end_refused(r) {
    row[r] = (row[r] == SET -> BROKEN : row[r])
}

/* SendMessageBatch of one of the batches; what was sent before is only deleted. */
inline send(me, r) {
    atomic {
        if
        :: r == NO_ROW || has(t_sent, message[r])
        :: r != NO_ROW && !has(t_sent, message[r]) ->
#ifndef TWIN_SENT_BEFORE_INTENT
            assert(row[r] != ABSENT);
#endif
            if
            :: flies[r] = true; printf("worker %d sends batch %d\n", me, r)
            :: trouble -> troubles++; printf("batch %d is lost on the way\n", r)
            :: trouble -> troubles++; end_refused(r); printf("batch %d is refused\n", r)
            fi
        fi
    }
}

/* The answer, if one is heard, and its record: settle_all. known: both. */
inline settle_batch(me, r, known) {
    if
    :: r == NO_ROW -> known = false
    :: r != NO_ROW && row[r] == BROKEN -> known = false; all_known = false
    :: r != NO_ROW && row[r] != BROKEN && (taken[r] || has(t_sent, message[r])) ->
        end_effect(me, r, KEPT, known);
        all_known = all_known && known
    :: atomic { r != NO_ROW && row[r] != BROKEN && !has(t_sent, message[r]) && (trouble || !(flies[r] || taken[r]) || !held(me)) ->
            if :: flies[r] || taken[r] -> troubles = troubles + trouble :: else fi };
        known = false;
        unheard = true;
        all_known = false;
        printf("worker %d hears nothing of batch %d\n", me, r)
    fi
}

inline delete(me, r, known) {
    atomic {
        if
        :: known ->
#ifndef TWIN_DELETED_UNSENT
            assert(row[r] == KEPT && has(once, message[r]));
#endif
            dead = dead & ~(1 << message[r]);
            gone = gone | (1 << message[r]);
            printf("worker %d deletes message %d\n", me, message[r]);
            check_queues()
        :: else
        fi
    }
}

inline forget() {
    t_sent = 0; t_doubt = 0; number = 0; a = NO_ROW; b = NO_ROW; r = 0; seen = 0; batch = 0; gone = 0; how = OPEN;
    denied = false; unheard = false; all_known = false; a_known = false; b_known = false; ok = false
}

inline take_for_doubt(me, which) {
#ifdef TWIN_DOUBT_FORGOTTEN
    end_effect(me, which, BROKEN, ok);
#else
    end_effect(me, which, UNKNOWN, ok);
#endif
    if
    :: !ok -> settle(me, OPEN); goto out
    :: ok
    fi
}

proctype Worker(byte me) {
    byte t_sent, t_doubt, number, a = NO_ROW, b = NO_ROW, r, seen, batch, gone;
    mtype:outcome how = OPEN;
    bool denied, unheard, all_known, a_known, b_known, ok;
end:
    do
    :: {
            claim(me);
            if
            :: state != OPEN -> settle(me, state); goto out
            :: else
            fi;
            take_stock();
            /* settle_doubt, each by itself */
            if
            :: a != NO_ROW -> take_for_doubt(me, a)
            :: else
            fi;
            if
            :: b != NO_ROW -> take_for_doubt(me, b)
            :: else
            fi;
            if
            :: (a != NO_ROW && unanswered >= UNANSWERED_MAX) || number + 2 > ROWS -> /* the model ends there, too */
                atomic { if :: held(me) -> reported = t_doubt :: else fi };
                settle(me, (t_doubt != 0 -> ASKING : FAILED));
                goto out
            :: else
            fi;
            a = NO_ROW;
            b = NO_ROW;
            if /* watch_canary */
            :: canary == WATCHED && once == 0 -> settle(me, OPEN); goto out
            :: atomic { canary == WATCHED && once != 0 -> canary = (held(me) -> PASSED : canary) }
            :: canary != WATCHED
            fi;

            /* step_once */
            if
            :: deleted == CHOSEN -> finish(me); goto out
            :: deleted != CHOSEN
            fi;
            atomic { /* collect: nothing twice */
                batch = dead & ~deleted;
                if
                :: batch == CHOSEN && canary == PASSED
#ifdef TWIN_NO_CANARY
                :: batch == CHOSEN
#endif
                :: batch == CHOSEN -> batch = 1
                :: batch == CHOSEN -> batch = 2
                :: batch != CHOSEN
                fi
            };
            if
            :: batch == 0 -> finish(me); goto out
            :: batch != 0
            fi;
            /* begin_all */
#ifdef TWIN_SENT_BEFORE_INTENT
            atomic { once = once | batch; printf("worker %d sends\n", me) };
#endif
            begin_batch(me, (has(batch, 0) -> 0 : 1), a);
            if
#ifdef TWIN_SEEN_TWICE
            :: a != NO_ROW && batch != CHOSEN && canary == PASSED -> begin_batch(me, message[a], b)
#endif
            :: a != NO_ROW && batch == CHOSEN -> begin_batch(me, 1, b)
            :: a == NO_ROW || batch != CHOSEN
            fi;
            if
            :: a == NO_ROW && denied && number > 0 -> finish(me); goto out /* cut_off; number: any batches before */
            :: a == NO_ROW && denied && number == 0 -> settle(me, FAILED); goto out
            :: a == NO_ROW && !denied -> settle(me, OPEN); goto out
            :: a != NO_ROW
            fi;
            /* send_all, settle_all: of each what is known of it */
            send(me, a);
            send(me, b);
            all_known = true;
            settle_batch(me, a, a_known);
            settle_batch(me, b, b_known);
            atomic {
#ifdef TWIN_ALL_AS_THE_FIRST
                b_known = a_known && b != NO_ROW;
                if :: b_known && is_open(b) -> row[b] = KEPT :: else fi;
#endif
#ifdef TWIN_DELETED_UNSENT
                a_known = true; b_known = b != NO_ROW;
#endif
                skip
            };
            /* delete_all */
            delete(me, a, a_known);
            delete(me, b, b_known);
#ifdef TWIN_CUT_OFF_UNSEEN
            if
            :: b == NO_ROW && denied -> atomic { t_sent = t_sent | gone }; finish(me); goto out
            :: else
            fi;
#else
            if
            :: b == NO_ROW && denied && all_known -> t_sent = t_sent | gone; finish(me); goto out
            :: else
            fi;
#endif
            atomic { /* save */
                if
                :: held(me) ->
                    deleted = deleted | gone;
                    unanswered = (all_known -> 0 : unanswered + 1);
                    if
#ifdef TWIN_CANARY_OF_NOTHING
                    :: canary == NONE && !unheard -> canary = PASSED
#else
                    :: canary == NONE && all_known -> canary = WATCHED /* start_canary */
#endif
                    :: else
                    fi
                :: else
                fi
            };
            settle(me, OPEN);
out:
            atomic { working[me] = false; dying[me] = false; forget() }
        } unless { atomic { crash(me); forget() } }
    od
}

init {
    atomic {
#ifdef CANARY_DONE
        canary = PASSED;
#endif
        run Worker(0);
        run Worker(1);
        run Sqs();
        run Fate()
    }
}

#ifdef LIVENESS
ltl every_run_ends { <> (state != OPEN) }
#endif
