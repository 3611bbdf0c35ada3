/* base_turns_test.c - does the kernel know of a thread what the thread says of itself? */
#include "support/test.h"

#include "fluxabot/base/turns.h"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>

static void who_works_is_patient_and_who_answers_is_not(void **state) {
    (void)state;
    fx_turns_patient();
    assert_int_equal(sched_getscheduler(0), SCHED_BATCH);
    fx_turns_short();
    assert_int_equal(sched_getscheduler(0), SCHED_OTHER);
}

static void *policy(void *argument) {
    *(int *)argument = sched_getscheduler(0);
    return NULL;
}

/* What the threads of a library's connections rely on. */
static void a_thread_is_as_who_started_it(void **state) {
    pthread_t thread;
    int is = -1;

    (void)state;
    fx_turns_patient();
    assert_int_equal(pthread_create(&thread, NULL, policy, &is), 0);
    pthread_join(thread, NULL);
    assert_int_equal(is, SCHED_BATCH);
    fx_turns_usual();
    assert_int_equal(sched_getscheduler(0), SCHED_OTHER);
}

/* Somebody gave this program a niceness: it is not taken back, nor does that spoil the hint. */
static void a_niceness_stays(void **state) {
    (void)state;
    assert_int_equal(setpriority(PRIO_PROCESS, 0, 7), 0);
    fx_turns_patient();
    assert_int_equal(sched_getscheduler(0), SCHED_BATCH);
    fx_turns_short();
    assert_int_equal(sched_getscheduler(0), SCHED_OTHER);
    assert_int_equal(getpriority(PRIO_PROCESS, 0), 7);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_works_is_patient_and_who_answers_is_not),
        cmocka_unit_test(a_thread_is_as_who_started_it),
        cmocka_unit_test(a_niceness_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
