/* dead_letters.h - SQS as redrive.pml sees it: what is visible, whose receipt handle is the newest, what the
 * consumer was sent. Requests take their time, and may be lost; a delete is one step.
 */
byte dead = CHOSEN | UNSAFE; /* in the dead-letter queue */
byte visible = CHOSEN;       /* of the chosen: may be received; the unsafe one always may */
byte hand[2] = NOBODY;       /* who holds the newest receipt handle */
byte once, twice;            /* what the consumer was sent: at least once, more than once */

chan net = [2] of { byte, byte, byte, byte }; /* who, batch, what was sent, what SQS will take of it */
byte awaits[2];  /* the batch whose answer is awaited, from 1; 0: none */
mtype:answer answer[2] = NO_ANSWER;
byte accepted[2];

/* Nothing is lost, nothing unsafe moves, nothing is doubled without being told. */
inline check_queues() {
    assert(((dead | once) & CHOSEN) == CHOSEN);
    assert(has(dead, 2) && !has(once, 2));
#ifdef NOT_IDEMPOTENT
    assert(twice == 0);
#endif
    assert((state != DONE && state != ASKING) || (twice & ~reported) == 0);
#ifdef GAP_FAILED_FOR_A_REASON
    assert(state != FAILED || troubles > 0);
#endif
#ifdef GAP_FAILED_IS_KNOWN
    assert(state != FAILED || (doubts == 0 && !is_open))
#endif
}

inline hear(who, number, what, set) {
    if
    :: awaits[who] == number -> answer[who] = what; accepted[who] = set
    :: else
    fi
}

proctype Sqs() {
    byte who, number, wanted, kept;
end:
    do
    :: atomic {
        net?who, number, wanted, kept ->
        twice = twice | (once & kept);
        once = once | kept;
        printf("SQS takes %d of the messages %d of worker %d\n", kept, wanted, who);
        if
        :: kept != 0 -> hear(who, number, OK, kept)
        :: kept == 0 -> hear(who, number, REFUSAL, 0)
        fi;
        check_queues();
        who = 0; number = 0; wanted = 0; kept = 0
    }
    :: atomic {
        (dead & CHOSEN & ~visible) != 0 && state == OPEN ->
        visible = dead & CHOSEN;
        printf("what was hidden is visible again\n")
    }
    od
}

#ifdef OUTSIDER
proctype Outsider() {
end:
    atomic { visible != 0 -> visible = 0; hand[0] = NOBODY; hand[1] = NOBODY; printf("somebody else hides them\n") }
}
#endif

/* SQS may take only some of a batch, or none. */
inline some_of(all, ret) {
    ret = all;
    if
    :: true
    :: trouble && has(all, 0) -> troubles++; ret = all & ~1
    :: trouble && has(all, 1) -> troubles++; ret = all & ~2
    :: trouble && all == 3 -> troubles++; ret = 0
    fi
}

/* ChangeMessageVisibility to 0: works with the newest handle only. */
inline release(who, set) {
    visible = visible | (dead & (set) & ((hand[0] == who) | ((hand[1] == who) << 1)))
}

inline take_handle(who, m, set) {
    if
    :: has(set, m) -> hand[m] = who
    :: else
    fi
}

/* ReceiveMessage: any of those that are visible. may_move: of these, what was chosen and is not done. */
inline receive(who) {
    atomic {
        if
        :: batch = visible
        :: visible == 3 -> batch = 1
        :: visible == 3 -> batch = 2
        fi;
        take_handle(who, 0, batch);
        take_handle(who, 1, batch);
        visible = visible & ~batch;
        printf("worker %d receives %d\n", who, batch | UNSAFE);
#ifdef TWIN_UNCHOSEN_MOVE
        batch = batch | UNSAFE;
#endif
        batch = batch & ~t_deleted
    }
}

/* A delete with an old handle is answered with success, and may do nothing. */
inline delete_one(who, m, set) {
    if
    :: !has(set, m)
    :: has(set, m) -> dead = dead & ~(1 << m)
    :: m < 2 && has(set, m) && hand[m & 1] != who -> skip
    fi
}

inline delete_batch(who, set) {
    atomic {
        delete_one(who, 0, set);
        delete_one(who, 1, set);
        delete_one(who, 2, set);
        visible = visible & dead;
        printf("worker %d deletes %d\n", who, set);
        check_queues()
    }
}
