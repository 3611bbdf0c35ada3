/* redrive.pml - dead letters sent back batch by batch: intent, send, outcome, delete.
 *
 * Messages 0 and 1 were chosen (CHOSEN 1: only message 0), message 2 is unsafe and stays. Two workers,
 * leases that run out at any time, crashes, a worker that stands still and goes on, lost and late
 * requests, throttling, receipt handles that are no longer the newest. After src/steps/selective.c,
 * src/steps/selective_batch.c, src/steps/selective_stock.c, src/engine/host.c, src/store/effects.c.
 *
 * NOT_IDEMPOTENT: the consumer was not declared to take a message twice.
 * TAKER: somebody else moves a message by hand.
 * OUTSIDER: somebody else reads the queue and hides what he sees for longer than we wait.
 * TWIN_...  a safeguard less: must be caught.      GAP_...  a claim the code does not keep.
 */
#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef LAPSES
#define LAPSES 1
#endif
#ifndef TROUBLES
#define TROUBLES 1 /* requests that are lost, not answered or refused in part or whole; failed deletes */
#endif
#ifndef CHOSEN
#define CHOSEN 3 /* sets of messages are bits */
#endif
#define UNSAFE 4
#include "jobs.inc"

#define UNANSWERED_MAX 2

mtype:outcome = { OPEN, DONE, FAILED, ASKING };
mtype:answer = { NO_ANSWER, OK, REFUSAL };

mtype:outcome state = OPEN;
byte unanswered; /* in the checkpoint */
byte reported;   /* maybe_twice, or in doubt on a card that asks */
byte troubles;

#define trouble (troubles < TROUBLES)
#define has(set, m) (((set) >> m) & 1)

/* ---- the intents: what the settled ones add up to, and the one that is open ---- */

byte sent, deleted;        /* outcomes of settled batches; what was deleted is in the checkpoint */
byte doubt, doubt_again;   /* sent once, and more than once, by batches whose outcome is unknown */
byte doubts;               /* how many batches that were */
byte batches;              /* rows so far */
bool is_open;
byte open_by, open_ids, open_sends;

#include "dead_letters.inc"

/* ---- the store ---- */

inline add_doubt() {
    doubt_again = doubt_again | (doubt & open_sends);
    doubt = doubt | open_sends;
    doubts++;
    /* one batch for each thing that went wrong, no more */
    assert(doubts <= crashes + lapses + troubles)
}

inline close_intent() {
    is_open = false; open_by = 0; open_ids = 0; open_sends = 0
}

inline begin_effect(who, these, sending) {
    atomic {
#ifdef TWIN_INTENT_WITHOUT_LEASE
        ok = number == batches + 1;
#else
        ok = held(who) && !lapsed && number == batches + 1;
#endif
        if
        :: ok ->
            printf("worker %d sets the intent of batch %d: send %d\n", who, number, sending);
            assert(!is_open);
            is_open = true;
            open_by = who;
            open_ids = these;
            open_sends = sending;
            batches++
        :: else
        fi
    }
}

#define is_mine(row) (is_open && (row) == batches)

/* Not bound to the lease: whoever knows the outcome writes it, once. */
inline end_effect(who, row, as_sent, as_deleted) {
    atomic {
        ok = is_mine(row);
        if
        :: ok -> sent = sent | (as_sent); deleted = deleted | (as_deleted); close_intent()
        :: else
        fi;
        printf("worker %d records the outcome of batch %d: %d\n", who, row, ok)
    }
}

inline end_unknown(who, row) {
    atomic {
        ok = is_mine(row);
        if
        :: ok -> add_doubt(); close_intent()
        :: else
        fi;
        printf("worker %d records batch %d as one in doubt: %d\n", who, row, ok)
    }
}

inline settle(who, how) {
    atomic {
        if
        :: held(who) -> state = how; end_job(how == OPEN); printf("worker %d settles: %e\n", who, state)
        :: else
        fi;
        check_queues()
    }
}

/* selective_take_stock: one read of all intents. */
inline take_stock() {
    atomic {
        t_sent = sent;
        t_deleted = deleted;
        t_again = doubt_again;
        t_doubt = doubt;
        number = batches + 1;
        open = 0;
        if
        :: is_open ->
            open = batches;
            t_again = t_again | (doubt & open_sends);
            t_doubt = t_doubt | open_sends;
            from = open_by;
            batch = open_ids
        :: else
        fi
    }
}

/* ---- the worker ---- */

/* What a worker knew is gone with its claim: states that differ in nothing else are one. */
inline forget(who) {
    awaits[who] = 0; answer[who] = NO_ANSWER; accepted[who] = 0;
    t_sent = 0; t_deleted = 0; t_doubt = 0; t_again = 0; number = 0; open = 0; from = 0;
    batch = 0; told = 0; set = 0; ok = false
}

proctype Worker(byte me) {
    byte t_sent, t_deleted, t_doubt, t_again; /* the tally */
    byte number, open, from;                  /* of the next batch; of the one that is open, and whose */
    byte batch, told, set;
    bool ok;
end:
    do
    :: {
            claim(me);
            if
            :: state != OPEN -> settle(me, state); goto out
            :: else
            fi;
            take_stock();
            if
            :: open == 0 -> goto next
            :: else
            fi;
#ifndef TWIN_RESENT_WITHOUT_ASKING
            if
#ifdef NOT_IDEMPOTENT
            :: true ->
#else
            :: unanswered >= UNANSWERED_MAX ->
#endif
                atomic { if :: held(me) -> reported = t_doubt :: else fi };
                settle(me, ASKING);
                goto out
#ifndef NOT_IDEMPOTENT
            :: unanswered < UNANSWERED_MAX
#endif
            fi;
#endif
            /* settle_doubt */
            release(from, batch);
#ifdef TWIN_DOUBT_FORGOTTEN
            end_effect(me, open, 0, 0);
#else
            end_unknown(me, open);
#endif
            if
            :: !ok -> goto not_ended
            :: ok
            fi;
            open = 0;
next:
            if
            :: t_deleted == CHOSEN -> goto finish
            :: else
            fi;
            if
            :: receive(me)
            :: atomic { trouble -> troubles++ }; goto fail /* AWS will not have it */
            fi;
            if
            :: batch != 0
            :: batch == 0 && (dead & CHOSEN & ~t_deleted) != 0 -> /* wait_for_hidden */
                if
                :: settle(me, OPEN); goto out
#ifdef OUTSIDER
                :: printf("worker %d has waited long enough\n", me);
#ifndef TWIN_HIDDEN_HAS_MOVED
                    if /* ask_about_hidden */
                    :: (t_doubt & ~(t_sent | t_deleted)) != 0 ->
                        atomic { if :: held(me) -> reported = t_doubt :: else fi };
                        settle(me, ASKING);
                        goto out
                    :: else
                    fi;
#endif
                    goto finish
#endif
                fi
            :: batch == 0 && (dead & CHOSEN & ~t_deleted) == 0 -> goto finish
            fi;
            /* look_up_doubt: the database may know of some that they arrived */
            atomic {
                told = 0;
                if
                :: true
                :: (batch & t_doubt & once) != 0 -> told = batch & t_doubt & once
                fi;
                set = batch & ~(t_sent | told)
            };
#ifndef TWIN_INTENT_AFTER_SEND
            begin_effect(me, batch, set);
            if
            :: !ok -> settle(me, OPEN); goto out
            :: ok
            fi;
#endif
#ifdef TWIN_DELETED_FIRST
            delete_batch(me, batch);
#endif
            if
            :: set == 0 -> goto delete
            :: set != 0
            fi;
            /* send_batch */
            atomic {
                awaits[me] = number;
                if
                :: some_of(set, accepted[me]); net!me, number, set, accepted[me]; accepted[me] = 0;
                    printf("worker %d sends %d\n", me, set)
                :: trouble -> troubles++; printf("the request of worker %d is lost on the way\n", me);
                    goto unheard
                fi
            };
            if
            :: answer[me] == OK -> set = accepted[me]
            :: answer[me] == REFUSAL -> goto refused
            :: atomic { trouble -> troubles++ }; goto unheard
            :: !held(me) -> goto out /* the keeper has cancelled it */
            fi;
#ifdef TWIN_INTENT_AFTER_SEND
            begin_effect(me, batch, set);
#endif
delete:
            told = told & batch;
            t_sent = (t_sent | told) & batch;
#ifndef TWIN_DELETED_BEFORE_RECORD
            end_effect(me, number, set | told, 0);
            if
            :: !ok -> goto not_ended
            :: ok
            fi;
#endif
            if
            :: delete_batch(me, set | t_sent); told = set | t_sent
            :: atomic { trouble -> troubles++; told = 0; printf("the delete fails\n") }
            fi;
#ifdef TWIN_DELETED_BEFORE_RECORD
            end_effect(me, number, set, told);
            if
            :: !ok -> goto not_ended
            :: ok
            fi;
#endif
            atomic { if :: held(me) -> unanswered = 0; deleted = deleted | told :: else fi };
            settle(me, OPEN);
            goto out;
refused:
            end_effect(me, number, 0, 0);
            settle(me, OPEN);
            goto out;
unheard:
#ifdef TWIN_LOST_IS_REFUSED
            goto refused;
#endif
            atomic { if :: held(me) -> unanswered++ :: else fi };
            settle(me, OPEN);
            goto out;
not_ended: /* somebody else has recorded the outcome: the intents are read anew */
#ifndef TWIN_CONFLICT_IS_FAILURE
            settle(me, OPEN);
            goto out;
#endif
fail:
            /* engine_fail_run: it asks when an intent is open or unknown */
            if
            :: is_open -> atomic { if :: held(me) -> reported = doubt | open_sends :: else fi };
                settle(me, ASKING)
#ifdef TWIN_DOUBT_IS_FAILURE
            :: !is_open -> settle(me, FAILED)
#else
            :: !is_open && doubts > 0 -> atomic { if :: held(me) -> reported = doubt :: else fi };
                settle(me, ASKING)
            :: !is_open && doubts == 0 -> settle(me, FAILED)
#endif
            fi;
            goto out;
finish:
#if !defined TWIN_GONE_IS_SENT && !defined TWIN_HIDDEN_HAS_MOVED
            if /* ask_at_the_end */
            :: (t_doubt & ~(t_sent | t_deleted)) != 0 ->
                /* nobody of us has taken it out; but for one who stood still, and records it now */
                assert(!held(me) || lapses > 0 || (t_doubt & ~(t_sent | t_deleted) & ~(dead | by_hand)) == 0);
                atomic { if :: held(me) -> reported = t_doubt :: else fi };
                settle(me, ASKING);
                goto out
            :: else
            fi;
#endif
            /* selective_count_up */
            atomic {
#if defined TWIN_GONE_IS_SENT || defined TWIN_HIDDEN_HAS_MOVED
                told = t_deleted | t_sent | t_doubt;
#else
                told = t_deleted | t_sent;
#endif
                assert(!held(me) || (told & ~once) == 0);
#ifdef GAP_DELETED_IS_GONE
                assert(!held(me) || (t_deleted & dead) == 0);
#endif
                if
                :: held(me) -> reported = t_again | (t_doubt & t_sent)
                :: else
                fi
            };
            settle(me, DONE);
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
#ifdef TAKER
        run Taker();
#endif
#ifdef OUTSIDER
        run Outsider();
#endif
        run Fate()
    }
}

#ifdef LIVENESS
ltl every_run_ends { <> (state != OPEN) }
#endif
