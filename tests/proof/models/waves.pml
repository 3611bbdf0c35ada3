/* waves.pml - dead letters sent back in several batches at once, after a canary.
 *
 * Two messages, each a batch of its own; up to two batches go together, as one wave: promised in one transaction,
 * all or none, and settled in one. While what was sent is deleted the next wave is received; it is promised like
 * any other, or let go. Two workers, leases that run out at any time, crashes, a worker that stands still and goes
 * on, lost answers and late requests of either batch, refusals, transactions that are committed and not heard of, a
 * delete that fails, a freeze between two waves. After begin_all, settle_all, record_all, end_wave and add_up in
 * src/steps/selective_batch.c, go_through, step_in, after_wave, watch_canary and finish in src/steps/selective.c,
 * look and sort in src/steps/selective_look.c, src/steps/selective_stock.c, begin_in and end_in in
 * src/store/effects.c. What one batch at a time may meet besides, and a consumer that takes a message once (whose
 * batches never go together), is in redrive.pml.
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
#define TROUBLES 1 /* answers of SQS or of the store that are not heard, refusals, what the store does not take */
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
#define bit(r) (1 << message[r])

mtype:outcome = { OPEN, DONE, FAILED, ASKING };
/* LATE: sent, as somebody told who stood still until it was taken for unknown. BROKEN: not sent. */
mtype:intent = { ABSENT, SET, KEPT, LATE, BROKEN, UNKNOWN };
mtype:canary = { NONE, WATCHED, PASSED };

mtype:outcome state = OPEN;
mtype:intent row[ROWS] = ABSENT; /* one for each batch */
byte message[ROWS];
bool sends[ROWS]; /* as the promise says; otherwise it was sent before, and is only deleted */
bool flies[ROWS], taken[ROWS];
byte rows;
byte dead = CHOSEN, once, twice; /* in the dead-letter queue; what the consumer was sent */
byte deleted, reported, unanswered; /* in the checkpoint, or on the card */
mtype:canary canary = NONE;
bool frozen;
byte freezes, troubles, doubts;
byte untaken; /* of the troubles: outcomes of a wave that the store did not take */

#define trouble (troubles < TROUBLES)
#define is_open(r) (row[r] == SET)
#define opens_with(r, m) (is_open(r) && message[r] == m)
#define sent_with(r, m) (row[r] == KEPT && sends[r] && message[r] == m)
#define some_open (is_open(0) || is_open(1) || is_open(2) || is_open(3) || is_open(4) || is_open(5))
#define none_opens(m) (!opens_with(0, m) && !opens_with(1, m) && !opens_with(2, m) && !opens_with(3, m) && \
                       !opens_with(4, m) && !opens_with(5, m))
#define none_sent(m) (!sent_with(0, m) && !sent_with(1, m) && !sent_with(2, m) && !sent_with(3, m) && \
                      !sent_with(4, m) && !sent_with(5, m))
/* By a promise of this wave. Whoever has the job after us may have taken it for unknown. */
#define promised(r) (row[r] == SET || row[r] == UNKNOWN)

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
    twice = twice | (once & bit(r));
    once = once | bit(r);
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

#define may_begin(me) (held(me) && !lapsed && !frozen && number == rows)

/* begin_one, within the transaction. */
inline set_one(me, m, ret) {
    assert(none_opens(m));
    assert(has(t_sent, m) || none_sent(m)); /* what is on record as sent is only deleted */
    ret = rows;
    row[rows] = SET;
    message[rows] = m;
    sends[rows] = !has(t_sent, m);
    rows++;
    number++;
    printf("worker %d sets the intent of batch %d: message %d\n", me, ret, m)
}

inline refuse_promise(me) {
    a = NO_ROW;
    b = NO_ROW;
    denied = frozen && held(me) && !lapsed;
    printf("worker %d may not begin: frozen %d\n", me, denied)
}

/* begin_in: the claim, the freeze, numbers of their own, for all of the wave. */
inline begin_wave(me) {
    atomic {
        if
        :: may_begin(me) ->
#ifndef CANARY_DONE
            assert(batch != CHOSEN || once != 0); /* together only when something has arrived */
#endif
            set_one(me, (has(batch, 0) -> 0 : 1), a);
            if
#ifdef TWIN_SEEN_TWICE
            :: batch != CHOSEN && canary == PASSED -> set_one(me, message[a], b)
#endif
            :: batch == CHOSEN -> set_one(me, 1, b)
            :: batch != CHOSEN -> b = NO_ROW
            fi;
            if
            :: true
            :: trouble -> troubles++; unheard = true; printf("worker %d does not hear that it did\n", me)
            fi
        :: else -> refuse_promise(me)
        fi
    }
}

#ifdef TWIN_PROMISED_ONE_BY_ONE
inline begin_one_by_one(me) {
    atomic { if :: may_begin(me) -> set_one(me, (has(batch, 0) -> 0 : 1), a) :: else -> refuse_promise(me) fi };
    atomic {
        if
        :: a != NO_ROW && batch == CHOSEN && may_begin(me) -> set_one(me, 1, b)
        :: else -> b = NO_ROW
        fi
    }
}
#endif

#define takes_end(r, how) (row[r] == SET || (row[r] == UNKNOWN && how != UNKNOWN))

/* end_one, within the transaction. */
inline set_end(me, r, how) {
    doubts = doubts + (how == UNKNOWN);
    /* what was under way when something went wrong, no more */
    assert(doubts <= 2 * (crashes + lapses) + troubles + untaken);
    row[r] = (row[r] == UNKNOWN && how == KEPT -> LATE : how);
    printf("worker %d records the outcome of batch %d: %e\n", me, r, how)
}

inline end_effect(me, r, how, ret) {
    atomic {
        ret = takes_end(r, how);
        if
        :: ret -> set_end(me, r, how)
        :: else
        fi
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

/* The counts of the tally: known to be sent, maybe sent, and what of it more than once. */
inline count_sent(r) {
    t_again = t_again | ((t_sent | t_doubt) & bit(r));
    t_sent = t_sent | bit(r)
}

/* selective_take_stock: one read of all intents. */
inline take_stock() {
    atomic {
        number = rows;
        t_deleted = deleted;
        a = NO_ROW;
        b = NO_ROW;
        r = 0;
        do
        :: r < rows ->
            if
            :: sends[r] && (row[r] == KEPT || row[r] == LATE) -> count_sent(r)
            :: sends[r] && (row[r] == SET || row[r] == UNKNOWN) ->
                t_again = t_again | ((t_sent | t_doubt) & bit(r));
                t_doubt = t_doubt | bit(r)
            :: else
            fi;
            if
            :: is_open(r) && a == NO_ROW -> a = r
            :: is_open(r) && a != NO_ROW -> assert(b == NO_ROW); b = r
            :: else
            fi;
            r++
        :: else -> break
        od;
        r = 0
    }
}

/* The checkpoint goes with it. */
inline park(me) {
    atomic { if :: held(me) -> deleted = t_deleted :: else fi };
    settle(me, OPEN)
}

inline finish(me) {
    atomic {
        if /* ask_at_the_end */
        :: (t_doubt & ~(t_sent | t_deleted)) != 0 ->
            how = ASKING;
            reported = (held(me) -> t_doubt : reported)
        :: else ->
            how = DONE;
            reported = (held(me) -> t_again : reported);
            /* "did not move" and "moved" are true */
            assert(!held(me) || ((t_sent | t_deleted) & ~once) == 0);
            assert(!held(me) || (once & ~(t_sent | t_deleted)) == 0)
        fi
    };
    settle(me, how)
}

/* selective_collect: what was received ahead, and more when that is too little; nothing that is done. */
inline collect(me) {
    atomic {
        first = canary == NONE;
#ifdef TWIN_AHEAD_UNPROMISED
        was_ahead = ahead != 0;
#endif
        batch = ahead & ~t_deleted;
        ahead = 0;
        if
        :: batch != 0
        :: batch != CHOSEN ->
            r = dead & ~t_deleted & ~batch;
            if
            :: r == CHOSEN && canary == PASSED -> batch = CHOSEN
#ifdef TWIN_NO_CANARY
            :: r == CHOSEN -> batch = CHOSEN
#endif
            :: r == CHOSEN -> batch = 1
            :: r == CHOSEN -> batch = 2
            :: r != CHOSEN && (canary == PASSED || batch == 0) -> batch = batch | r
            :: r != CHOSEN && canary != PASSED && batch != 0
            fi
        fi;
        r = 0;
        printf("worker %d has %d in hand\n", me, batch)
    }
}

/* SendMessageBatch of one of the batches; what was sent before is only deleted. */
inline send(me, r, what) {
    atomic {
        if
        :: r == NO_ROW
        :: r != NO_ROW && has(t_sent, message[r]) -> what = KEPT
        :: r != NO_ROW && !has(t_sent, message[r]) ->
#ifndef TWIN_SENT_BEFORE_INTENT
            /* a wave leaves when all of it is promised, each by its own, for this once */
            assert(promised(r) && !flies[r] && !taken[r]);
            assert(a != NO_ROW && (batch != CHOSEN || b != NO_ROW));
#endif
            if
            :: flies[r] = true; printf("worker %d sends batch %d\n", me, r)
            :: trouble -> troubles++; printf("batch %d is lost on the way\n", r)
            :: trouble -> troubles++; what = BROKEN; failed = true; printf("batch %d is refused\n", r)
            fi
        fi
    }
}

/* The answer, if one is heard. */
inline hear(me, r, what) {
    if
    :: r == NO_ROW || what != ABSENT
    :: r != NO_ROW && what == ABSENT && taken[r] -> what = KEPT
    :: atomic { r != NO_ROW && what == ABSENT && (trouble || !(flies[r] || taken[r]) || !held(me)) ->
            if :: flies[r] || taken[r] -> troubles = troubles + trouble :: else fi };
        all_known = false;
        printf("worker %d hears nothing of batch %d\n", me, r)
    fi
}

#define ends(r, what) (what == ABSENT || takes_end(r, what))

/* In one transaction; each by itself when one is recorded already. */
inline record_all(me) {
    atomic {
        if
        :: ends(a, a_is) && ends(b, b_is) ->
            if
            :: a_is != ABSENT -> set_end(me, a, a_is)
            :: else
            fi;
            if
            :: b_is != ABSENT -> set_end(me, b, b_is)
            :: else
            fi;
            if
            :: true
            :: trouble && (a_is != ABSENT || b_is != ABSENT) -> troubles++; one_by_one = true /* done again */
            fi
        :: trouble && ends(a, a_is) && ends(b, b_is) && (a_is != ABSENT || b_is != ABSENT) ->
            troubles++;
            untaken++;
            failed = true;
#ifndef TWIN_DELETED_UNRECORDED
            a_is = ABSENT;
            b_is = ABSENT;
#endif
            printf("the store does not take it from worker %d\n", me)
        :: !(ends(a, a_is) && ends(b, b_is)) -> one_by_one = true
        fi
    };
    if
    :: one_by_one && a_is != ABSENT ->
        end_effect(me, a, a_is, ok);
        atomic { if :: !ok -> a_is = ABSENT; failed = true :: else fi }
    :: else
    fi;
    if
    :: one_by_one && b_is != ABSENT ->
        end_effect(me, b, b_is, ok);
        atomic { if :: !ok -> b_is = ABSENT; failed = true :: else fi }
    :: else
    fi
}

/* What stands in the dead letters when the deletes leave; what is in hand may be seen again. */
inline receive_ahead(me) {
    if
    :: ahead = 0 /* the pace, or the last wave of this claim */
    :: has(dead, 0) -> ahead = 1
    :: has(dead, 1) -> ahead = 2
    :: dead == CHOSEN -> ahead = CHOSEN
    fi;
    printf("worker %d receives %d ahead\n", me, ahead)
}

/* is_last: none */
#define left_after (CHOSEN & ~(t_sent | t_deleted | batch))

inline delete(me, r, what) {
    if
    :: r != NO_ROW && what == KEPT ->
        atomic {
#ifndef TWIN_DELETED_UNSENT
            assert((row[r] == KEPT || row[r] == LATE) && has(once, message[r]));
#endif
            if
            :: dead = dead & ~bit(r);
                t_deleted = t_deleted | bit(r);
                printf("worker %d deletes message %d\n", me, message[r])
            :: trouble -> troubles++; printf("message %d cannot be deleted\n", message[r])
            fi;
            check_queues()
        }
    :: else
    fi
}

/* add_up */
inline add_up(r, what) {
    if
    :: r != NO_ROW && what == KEPT && sends[r] -> count_sent(r)
    :: else
    fi
}

inline forget_wave() {
    a = NO_ROW; b = NO_ROW; a_is = ABSENT; b_is = ABSENT; r = 0; batch = 0; first = false; was_ahead = false;
    denied = false; unheard = false; all_known = true; failed = false; one_by_one = false; ok = false
}

inline forget() {
    forget_wave();
    t_sent = 0; t_doubt = 0; t_again = 0; t_deleted = 0; number = 0; ahead = 0; how = OPEN
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
    byte t_sent, t_doubt, t_again, t_deleted, number; /* the tally */
    byte a = NO_ROW, b = NO_ROW, r, batch, ahead;
    mtype:intent a_is = ABSENT, b_is = ABSENT; /* what is known of them, to be recorded */
    mtype:outcome how = OPEN;
    bool first, was_ahead, denied, unheard, all_known = true, failed, one_by_one, ok;
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
            :: else -> forget_wave()
            fi;
wave: /* go_through */
            if
            :: number + 2 > ROWS -> park(me); goto out
            :: else
            fi;
            if /* watch_canary */
            :: canary == WATCHED && once == 0 -> park(me); goto out
            :: atomic { canary == WATCHED && once != 0 -> canary = (held(me) -> PASSED : canary) }
            :: canary != WATCHED
            fi;

            /* step_once */
            if
            :: t_deleted == CHOSEN -> finish(me); goto out
            :: t_deleted != CHOSEN -> collect(me)
            fi;
            if
            :: batch == 0 -> finish(me); goto out
            :: batch != 0
            fi;
            /* begin_all */
#ifdef TWIN_SENT_BEFORE_INTENT
            atomic { once = once | batch; printf("worker %d sends\n", me) };
#endif
#ifdef TWIN_PROMISED_ONE_BY_ONE
            begin_one_by_one(me);
#else
#ifdef TWIN_AHEAD_UNPROMISED
            if
            :: atomic { was_ahead && batch != CHOSEN -> a = rows; message[a] = batch >> 1; b = NO_ROW }
            :: !was_ahead || batch == CHOSEN -> begin_wave(me)
            fi;
#else
            begin_wave(me);
#endif
#endif
            if
            :: a == NO_ROW && denied && number > 0 -> finish(me); goto out /* cut_off; number: any batches before */
            :: a == NO_ROW && denied && number == 0 -> settle(me, FAILED); goto out
            :: a == NO_ROW && !denied -> settle(me, OPEN); goto out
            :: a != NO_ROW && unheard -> /* take_back, each by itself */
                end_effect(me, a, BROKEN, ok);
                if
                :: b != NO_ROW -> end_effect(me, b, BROKEN, ok)
                :: else
                fi;
                settle(me, OPEN);
                goto out
            :: a != NO_ROW && !unheard
            fi;
            /* send_all, settle_all: of each what is known of it */
            atomic { send(me, a, a_is); send(me, b, b_is) };
            hear(me, a, a_is);
            hear(me, b, b_is);
#ifdef TWIN_ALL_AS_THE_FIRST
            atomic { if :: b != NO_ROW -> b_is = a_is :: else fi };
#endif
            record_all(me);
#ifdef TWIN_DELETED_UNSENT
            atomic { a_is = KEPT; if :: b != NO_ROW -> b_is = KEPT :: else fi };
#endif
            /* end_wave: the deletes, and the next look beside them */
            atomic {
                if
                :: all_known && !failed && !first && left_after != 0 -> receive_ahead(me)
                :: else
                fi;
                delete(me, a, a_is)
            };
            delete(me, b, b_is);
            atomic {
#ifdef TWIN_AHEAD_OF_THE_TALLY
                if :: ahead == 0 -> add_up(a, a_is); add_up(b, b_is) :: else fi;
#else
                add_up(a, a_is);
                add_up(b, b_is);
#endif
                a = NO_ROW; b = NO_ROW; a_is = ABSENT; b_is = ABSENT; batch = 0; one_by_one = false; ok = false;
                if
                :: failed -> settle(me, OPEN); goto out /* tried again, without a checkpoint */
                :: else
                fi;
                /* after_wave */
                if
                :: held(me) ->
                    unanswered = (all_known -> 0 : unanswered + 1);
                    if
#ifdef TWIN_CANARY_OF_NOTHING
                    :: first -> canary = PASSED
#else
                    :: first && all_known -> canary = WATCHED /* start_canary */
#endif
                    :: else
                    fi
                :: else
                fi;
                if
#ifdef TWIN_CUT_OFF_UNSEEN
                :: !first && frozen -> finish(me); goto out
#endif
                :: all_known && !first ->
                    if
                    :: deleted = (held(me) -> t_deleted : deleted) /* save */
                    :: true /* not so soon after the last */
                    fi;
                    forget_wave();
                    goto wave
                :: park(me)
                fi
            };
out: /* let_ahead_go */
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
