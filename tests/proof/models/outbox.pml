/* outbox.pml - the messages of one key on their way to people: posted at least once, in their order.
 *
 * A card that is changed again and again while one sender posts and edits it; answers are lost, calls are
 * put off, the process dies and starts again. After src/store/outbox.c, src/engine/outbox.c.
 *
 * PAGES: rows of one key that do not replace each other (FX_MESSAGE_PAGE); else FX_MESSAGE_PUT.
 * TWIN_...  a safeguard less: must be caught.      GAP_...  a claim that is not kept.
 */
#define TEXTS 3
#ifndef CRASHES
#define CRASHES 2
#endif
#ifndef LOSSES
#define LOSSES 2
#endif

#define ROWS (TEXTS + 1) /* from 1: place and number of a row of one key rise together */
#define NOTHING 0

mtype:row = { ABSENT, WAITING, SENDING, SENT, REPLACED };
mtype:answer = { SAID_YES, SAID_LATER, SAID_NOTHING };

mtype:row row[ROWS] = ABSENT;
bool later[ROWS]; /* not due yet */
byte put;         /* how many the engine has put so far */
bool posted;      /* message_ts knows where the message stands */
byte mark[ROWS];  /* what a person can tell a copy by: key and revision, drawn with the row */
byte marks;

byte crashes, losses, restarts;
bool dying;

/* ---- Slack, or PagerDuty ---- */

byte newest;        /* the newest text that has arrived */
byte times[ROWS];   /* how many times a text has arrived as a new message */
byte told_as[ROWS]; /* under which mark */
byte copies;

chan net = [2] of { byte, bool, byte };

inline obey(text, is_post, its_mark) {
    printf("text %d arrives (new message: %d)\n", text, is_post);
    assert(text >= newest); /* nobody sees an older text after a newer one */
    assert(told_as[text] == NOTHING || told_as[text] == its_mark);
    newest = text;
    told_as[text] = its_mark;
    times[text] = (times[text] < 3 -> times[text] + 1 : 3);
    copies = copies + is_post;
#ifndef PAGES
    assert(copies <= 1 + losses + crashes)
#else
    assert(times[text] <= 1 + losses + crashes)
#endif
}

#ifdef GAP_LATE /* a call whose answer nobody waits for any more is obeyed all the same, at some time */
proctype Late() {
    byte text, its_mark;
    bool is_post;
end:
    do
    :: atomic { net?text, is_post, its_mark -> obey(text, is_post, its_mark); text = 0; is_post = 0; its_mark = 0 }
    od
}
#endif

/* ---- the store ---- */

#define unsent(r) (row[r] == WAITING || row[r] == SENDING)

/* MESSAGE_FIRST_OF_KEY; row 0 is always absent */
#define first (unsent(1) -> 1 : (unsent(2) -> 2 : (TEXTS > 2 && unsent(TEXTS) -> TEXTS : NOTHING)))

/* store_message_put: a newer text takes the place of one that still waits. */
proctype Engine() {
    byte r;
    do
    :: put < TEXTS ->
        atomic {
            put++;
            marks++;
            mark[put] = marks;
            row[put] = WAITING;
#ifndef PAGES
            r = put - 1;
            do
            :: r == 0 -> break
            :: r > 0 && row[r] == WAITING -> row[r] = REPLACED; r--
            :: r > 0 && row[r] != WAITING -> r--
            od;
#endif
            printf("the engine puts text %d\n", put)
        }
    :: put == TEXTS -> break
    od
}

/* wait_again: one that came meanwhile takes its place, and keeps to its pace. */
inline wait_again(r) {
    if
#if !defined PAGES && !defined TWIN_OLD_TEXT_WAITS_ON
    :: r < put && row[put] == WAITING -> row[r] = REPLACED; later[put] = true
#endif
    :: else -> row[r] = WAITING; later[r] = true
    fi
}

/* ---- the sender: pump_once, try_message, record ---- */

proctype Pump() {
    byte r, its_mark;
    bool is_post;
    mtype:answer answer;
end:
    do
    :: {
            atomic { /* outbox_recover, at start only */
                if
#ifndef TWIN_NOT_RECOVERED
                :: restarts > 0 ->
                    restarts--;
                    r = 1;
                    do
                    :: r > TEXTS -> break
                    :: r <= TEXTS && row[r] == SENDING -> wait_again(r); r++
                    :: r <= TEXTS && row[r] != SENDING -> r++
                    od;
                    r = 0
#endif
                :: else
                fi
            };
end_again:
            /* outbox_ready */
            atomic {
#ifdef TWIN_ORDER_FORGOTTEN
                if
                :: row[1] == WAITING && !later[1] -> r = 1
                :: row[2] == WAITING && !later[2] -> r = 2
                :: row[3] == WAITING && !later[3] -> r = 3
                fi;
#else
                row[first] == WAITING && !later[first] -> r = first;
#endif
                is_post = !posted
            };
            /* outbox_begin */
            atomic {
                if
#ifdef TWIN_BEGIN_UNCHECKED
                :: true ->
#else
                :: row[r] == WAITING ->
#endif
                    row[r] = SENDING;
                    printf("text %d is sent, of %d\n", r, put);
#ifndef PAGES
                    assert(r == put) /* nobody starts to say what is out of date */
#endif
                :: row[r] != WAITING -> r = NOTHING; goto end_again
                fi
            };
#ifdef TWIN_SENT_BEFORE_SENDING
            row[r] = SENT;
#endif
            /* send_message */
            atomic {
                its_mark = mark[r];
#ifdef TWIN_MARKED_WHEN_SENT
                marks++;
                its_mark = marks;
#endif
                if
                :: obey(r, is_post, its_mark); answer = SAID_YES
                :: losses < LOSSES -> losses++; obey(r, is_post, its_mark); answer = SAID_NOTHING
                :: losses < LOSSES -> losses++; answer = SAID_LATER; printf("a refusal: later\n")
#ifdef GAP_LATE
                :: losses < LOSSES -> losses++; net!r, is_post, its_mark; answer = SAID_NOTHING;
                    printf("the call is still on its way when the time is over\n")
#endif
                fi;
                its_mark = 0
            };
            /* record */
            atomic {
                if
                :: answer == SAID_YES -> row[r] = SENT; posted = true; assert(times[r] > 0)
                :: answer != SAID_YES -> wait_again(r)
                fi;
                r = NOTHING; is_post = false; answer = 0
            };
            goto end_again
        } unless {
            atomic {
                dying ->
                dying = false;
                restarts++;
                r = NOTHING; is_post = false; answer = 0; its_mark = 0;
                printf("the process dies, and starts again\n")
            }
        }
    od
}

/* Time passes; processes die. */
proctype Fate() {
end:
    do
    :: atomic { later[1] -> later[1] = false }
    :: atomic { later[2] -> later[2] = false }
    :: atomic { later[3] -> later[3] = false }
    :: atomic { crashes < CRASHES && !dying -> crashes++; dying = true }
    od
}

#ifdef TWIN_TWO_PROCESSES /* the lock beside the database keeps a second one from starting */
proctype Second() {
    restarts++;
    run Pump()
}
#endif

init {
    atomic {
        run Engine();
        run Pump();
        run Fate();
#ifdef GAP_LATE
        run Late();
#endif
#ifdef TWIN_TWO_PROCESSES
        run Second();
#endif
    }
}

#ifdef LIVENESS
ltl the_newest_is_shown { <> (put == TEXTS && row[TEXTS] == SENT && newest == TEXTS) }
#endif
