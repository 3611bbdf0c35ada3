/* aws_pace_test.c - what was throttled is asked once a second for a while, whoever asks. */
#include "support/aws_world.h"
#include "support/test.h"

#include "call.h"
#include "fluxabot/state.h"

#include <stdatomic.h>

enum { SECOND_MS = 1000, FORGOTTEN_MS = 6000 };

/* Two replicas with one state. */
struct pair {
    struct fx_scope *sc;
    struct held_clock clock;
    struct held_random random;
    struct fx_state *state;
    struct aws_core cores[2];
};

static int set_up(void **state) {
    struct fx_scope *sc = fx_scope_new(NULL);
    struct pair *p = FX_NEW(sc, struct pair);

    p->sc = sc;
    held_clock_init(&p->clock, 1);
    held_random_init(&p->random, 0x80);
    p->state = fx_state_memory_new(&p->clock.clock);
    for (size_t i = 0; i < FX_COUNT_OF(p->cores); i++)
        p->cores[i].settings = (struct aws_settings){
            .clock = &p->clock.clock, .random = &p->random.random, .state = p->state};
    *state = p;
    return 0;
}

static int tear_down(void **state) {
    struct pair *p = *state;

    p->state->close(p->state);
    fx_scope_free(p->sc);
    return 0;
}

static struct call call_of(struct pair *p, size_t core, const char *service, const char *name,
                           const char *region) {
    const struct aws_operation *operation = aws_operation_find(service, name);

    assert_non_null(operation);
    return (struct call){.aws = &p->cores[core],
                         .sc = p->sc,
                         .operation = operation,
                         .endpoint = {.region = region}};
}

static struct call lookup(struct pair *p, size_t core) {
    return call_of(p, core, "cloudtrail", "LookupEvents", "us-east-1");
}

static void later(struct pair *p, int64_t ms) {
    atomic_fetch_add(&p->clock.mono_ms, ms);
    p->clock.wall_ms += ms;
}

static void nobody_waits_who_was_not_throttled(void **state) {
    struct pair *p = *state;
    struct call call = lookup(p, 0);

    for (int i = 0; i < 10; i++)
        assert_int_equal(aws_pace_ms(&call), 0);
}

static void after_a_refusal_one_a_second_is_let_through_whoever_asks(void **state) {
    struct pair *p = *state;
    struct call mine = lookup(p, 0), theirs = lookup(p, 1);

    aws_pace_throttled(&mine);
    assert_true(aws_pace_ms(&mine) > 0); /* this second is full */
    assert_true(aws_pace_ms(&theirs) > 0);
    for (int i = 0; i < 3; i++) {
        later(p, SECOND_MS);
        assert_int_equal(aws_pace_ms(i % 2 == 0 ? &theirs : &mine), 0);
        int64_t wait_ms = aws_pace_ms(&mine);
        assert_in_range(wait_ms, 1, SECOND_MS);
        assert_true(aws_pace_ms(&theirs) > 0);
    }
}

static void it_is_forgotten_some_seconds_after_the_last_refusal(void **state) {
    struct pair *p = *state;
    struct call call = lookup(p, 0);

    aws_pace_throttled(&call);
    later(p, FORGOTTEN_MS);
    for (int i = 0; i < 10; i++)
        assert_int_equal(aws_pace_ms(&call), 0);
}

static void another_operation_or_region_is_not_held_up(void **state) {
    struct pair *p = *state;
    struct call call = lookup(p, 0),
                elsewhere = call_of(p, 0, "cloudtrail", "LookupEvents", "eu-west-1"),
                other = call_of(p, 0, "sqs", "GetQueueAttributes", "us-east-1");

    aws_pace_throttled(&call);
    assert_int_equal(aws_pace_ms(&elsewhere), 0);
    assert_int_equal(aws_pace_ms(&other), 0);
}

static void another_account_is_not_held_up_and_another_role_in_it_is(void **state) {
    struct pair *p = *state;
    struct call own = lookup(p, 0), reader = lookup(p, 0), writer = lookup(p, 1),
                elsewhere = lookup(p, 0);

    reader.role_arn = "arn:aws:iam::123456789012:role/reader";
    writer.role_arn = "arn:aws:iam::123456789012:role/path/writer";
    elsewhere.role_arn = "arn:aws:iam::210987654321:role/reader";
    aws_pace_throttled(&reader);
    assert_true(aws_pace_ms(&writer) > 0);
    assert_int_equal(aws_pace_ms(&elsewhere), 0);
    assert_int_equal(aws_pace_ms(&own), 0);
}

/* Its promise holds for a moment only. */
static void a_change_is_never_held_up(void **state) {
    struct pair *p = *state;
    struct call call = call_of(p, 0, "sqs", "SendMessageBatch", "us-east-1");

    aws_pace_throttled(&call);
    assert_int_equal(aws_pace_ms(&call), 0);
}

static void without_a_state_nobody_is_asked(void **state) {
    struct pair *p = *state;
    struct call call = lookup(p, 0);

    p->cores[0].settings.state = NULL;
    aws_pace_throttled(&call);
    assert_int_equal(aws_pace_ms(&call), 0);
}

static void nobody_waits_beyond_his_own_time(void **state) {
    struct pair *p = *state;
    struct call call = lookup(p, 0);
    struct fx_error err;

    aws_pace_throttled(&call);
    fx_scope_set_deadline(p->sc, fx_mono_ms(&p->clock.clock) + 1);
    assert_ok(aws_pace_wait(&call, &err));
    fx_scope_cancel(p->sc);
    fx_scope_set_deadline(p->sc, 0);
    assert_int_equal(aws_pace_wait(&call, &err), FX_ERR_CANCELED);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(nobody_waits_who_was_not_throttled),
        TEST(after_a_refusal_one_a_second_is_let_through_whoever_asks),
        TEST(it_is_forgotten_some_seconds_after_the_last_refusal),
        TEST(another_operation_or_region_is_not_held_up),
        TEST(another_account_is_not_held_up_and_another_role_in_it_is),
        TEST(a_change_is_never_held_up),
        TEST(without_a_state_nobody_is_asked),
        TEST(nobody_waits_beyond_his_own_time),
    };
    return cmocka_run_group_tests_name("aws pace", tests, NULL, NULL);
}
