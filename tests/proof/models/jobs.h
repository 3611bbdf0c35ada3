/* jobs.h - the job "run" as src/store/jobs.c keeps it, and what may befall those who work on it.
 *
 * Every atomic block stands for one transaction. A token is as good as its holder's number, because a
 * worker has one claim at a time. A lease may run out at any moment, also that of a worker which only
 * stands still: it goes on later as if nothing had happened. A worker that died may leave a request
 * behind on the way.
 */
#define NOBODY 2

bool ready = true;    /* FX_JOB_READY, and due */
bool again;           /* a second row of the same subject, ready after this one */
byte holder = NOBODY; /* of the leased row */
bool lapsed;          /* its lease has run out, and nobody has taken it yet */

bool working[2], dying[2];
byte crashes, lapses;

#define held(me) (holder == me)

/* STMT_JOB_FIRST, STMT_JOB_LEASE */
inline claim(me) {
    atomic {
        ready || lapsed ->
        ready = false;
        lapsed = false;
        holder = me;
        working[me] = true;
        printf("worker %d claims the run\n", me)
    }
}

/* STMT_JOB_ADD, or STMT_JOB_SOONER when one is ready: inside another atomic block. */
inline put_job() {
    if
    :: ready -> skip
    :: !ready && holder == NOBODY -> ready = true
    :: !ready && holder != NOBODY -> again = true
    fi
}

/* STMT_JOB_END and what stays to be done: inside the atomic block of a settle that holds the job. */
inline end_job(due_again) {
    holder = NOBODY;
    lapsed = false;
    ready = due_again || again;
    again = false
}

/* The process is gone: what it held stays leased until the lease runs out. */
inline crash(me) {
    atomic {
        dying[me] ->
        dying[me] = false;
        working[me] = false;
        printf("worker %d dies\n", me)
    }
}

/* A dead holder's lease always runs out in the end; a living one's only so many times. */
proctype Fate() {
end:
    do
    :: atomic {
        crashes < CRASHES && (working[0] || working[1]) ->
        crashes++;
        if
        :: working[0] -> dying[0] = true
        :: working[1] -> dying[1] = true
        fi
    }
    :: atomic {
        holder != NOBODY && !lapsed && (lapses < LAPSES || !working[holder]) ->
        if
        :: working[holder] -> lapses++
        :: else
        fi;
        lapsed = true;
        printf("the lease of worker %d runs out\n", holder)
    }
    od
}
