/* turns.c - what a thread tells the scheduler of itself. */
#include "fluxabot/base/turns.h"

#include <linux/sched.h>
#include <linux/types.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SHORT_TURN_NS = 100 * 1000 }; /* the shortest that Linux knows */

/* sched_setattr(2); the C library has no wrapper for it. */
struct attributes {
    __u32 size, policy;
    __u64 flags;
    __s32 nice;
    __u32 priority;
    __u64 runtime_ns, deadline_ns, period_ns;
};

/* Its niceness stays; a refusal costs nothing but the hint. */
static void set(__u32 policy, __u64 runtime_ns) {
    struct attributes now = {0};

    if (syscall(SYS_sched_getattr, 0, &now, sizeof(now), 0) != 0)
        return;
    now.policy = policy;
    now.runtime_ns = runtime_ns;
    (void)syscall(SYS_sched_setattr, 0, &now, 0);
}

void fx_turns_short(void) {
    set(SCHED_NORMAL, SHORT_TURN_NS);
}

void fx_turns_usual(void) {
    set(SCHED_NORMAL, 0);
}

void fx_turns_patient(void) {
    set(SCHED_BATCH, 0);
}
