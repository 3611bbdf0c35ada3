/* engine_anchor_test.c - when heads are anchored, and who is told when they cannot be. */
#include "engine_anchor_rig.h"

#include <string.h>

/* ---- when ---- */

static void a_look_anchors_the_head_and_asks_for_the_next(void **state) {
    struct anchor_rig *rig = *state;

    assert_int_equal(anchor_rig_look(rig).jobs_count, 1);
    assert_string_equal(anchor_rig_anchored(rig), "");
    anchor_rig_add_rows(rig, 3);
    struct fx_writes writes = anchor_rig_look(rig);

    assert_string_equal(anchor_rig_anchored(rig), "3 ");
    assert_int_equal(writes.jobs_count, 1);
    assert_string_equal(writes.jobs[0]->kind, "anchor");
    assert_int_equal(writes.jobs[0]->due_ms, NOW_MS + FX_ENGINE_ANCHOR_MS);
    anchor_rig_look(rig);
    assert_string_equal(anchor_rig_anchored(rig), "3 "); /* nothing new */
    anchor_rig_add_rows(rig, 2);
    anchor_rig_look(rig);
    assert_string_equal(anchor_rig_anchored(rig), "3 5 ");
    assert_int_equal(rig->messages, 0);
}

static void a_thousand_rows_do_not_wait_for_the_hour(void **state) {
    struct anchor_rig *rig = *state;
    struct engine_work work = anchor_rig_work(rig);

    anchor_rig_add_rows(rig, 1);
    anchor_rig_look(rig);
    anchor_rig_add_rows(rig, FX_ENGINE_ANCHOR_ROWS - 1);
    engine_anchor_watch(&rig->engine, work.sc);
    assert_int_equal(anchor_rig_jobs_now(rig), 0);
    anchor_rig_add_rows(rig, 1);
    engine_anchor_watch(&rig->engine, work.sc);
    assert_int_equal(anchor_rig_jobs_now(rig), 1);
}

static struct fx_writes soon(struct anchor_rig *rig) {
    struct engine_work work = anchor_rig_work(rig);

    engine_anchor_soon(&work, &work.writes);
    return work.writes;
}

static void
what_must_not_be_forgotten_is_anchored_at_once_and_then_every_few_seconds(void **state) {
    struct anchor_rig *rig = *state;
    struct fx_writes first = soon(rig);

    assert_int_equal(first.jobs_count, 1);
    assert_string_equal(first.jobs[0]->kind, "anchor");
    assert_int_equal(first.jobs[0]->due_ms, NOW_MS);
    assert_int_equal(first.jobs[0]->rank, FX_RANK_PERSON); /* no storm of alarms is before it */
    assert_int_equal(soon(rig).jobs_count, 1); /* the first may be at work, and not see this one */
    anchor_rig_add_rows(rig, 1);
    anchor_rig_look(rig);
    rig->clock.wall_ms += 100;
    for (int i = 0; i < 2; i++) /* what was asked for first may never have been written */
        assert_int_equal(soon(rig).jobs[0]->due_ms, NOW_MS + FX_ENGINE_ANCHOR_SOON_MS);
    rig->clock.wall_ms = NOW_MS + FX_ENGINE_ANCHOR_SOON_MS - 1;
    assert_int_equal(soon(rig).jobs[0]->due_ms, NOW_MS + FX_ENGINE_ANCHOR_SOON_MS);
    rig->clock.wall_ms = NOW_MS - MINUTE_MS; /* set back */
    assert_int_equal(soon(rig).jobs[0]->due_ms, NOW_MS - MINUTE_MS);
    rig->clock.wall_ms = NOW_MS + MINUTE_MS; /* a file that cannot be written is not tried more */
    rig->engine.options.anchor_file = rig->dir;
    anchor_rig_add_rows(rig, 1);
    anchor_rig_look(rig);
    assert_int_equal(soon(rig).jobs[0]->due_ms, NOW_MS + MINUTE_MS + FX_ENGINE_ANCHOR_SOON_MS);
    rig->engine.options.anchor_key = NULL;
    assert_int_equal(soon(rig).jobs_count, 0);
}

/* As by a worker of a replica that has not made one yet: it asks for it at once, and takes it. */
static void another_replica_looks(struct anchor_rig *rig) {
    struct fx_engine other = {.scope = rig->sc, .options = rig->engine.options};
    struct engine_work work = {.engine = &other, .sc = rig->sc, .now_ms = rig->clock.wall_ms};
    struct fx_job *job = NULL;
    struct fx_error err = {0};
    int64_t next_ms = 0;

    engine_anchor_soon(&work, &work.writes);
    assert_ok(rig->store->write(rig->store, rig->sc, NULL, &work.writes, &err));
    assert_ok(rig->store->claim(rig->store, rig->sc, "other", rig->clock.wall_ms,
                                FX_ENGINE_LEASE_MS, &job, &next_ms, &err));
    assert_non_null(job);
    work.writes = (struct fx_writes){0};
    assert_ok(engine_anchor(&work, &err));
    assert_ok(
        rig->store->settle(rig->store, rig->sc, job, FX_SETTLE_DONE, 0, "", &work.writes, &err));
}

static void what_another_replica_has_anchored_leaves_nothing_without_one(void **state) {
    struct anchor_rig *rig = *state;
    struct fx_error err = {0};

    anchor_rig_add_rows(rig, 1);
    anchor_rig_look(rig);
    for (int i = 0; i < 2; i++) {
        struct fx_writes asked = soon(rig);

        anchor_rig_add_rows(rig, 1);
        assert_ok(rig->store->write(rig->store, rig->sc, NULL, &asked, &err));
        if (i == 0)
            another_replica_looks(rig);
    }
    assert_string_equal(anchor_rig_anchored(rig), "1 2 ");
    rig->clock.wall_ms = NOW_MS + FX_ENGINE_ANCHOR_SOON_MS;
    assert_int_equal(anchor_rig_jobs_now(rig), 1);
}

static void a_lost_job_and_a_clock_set_back_are_noticed(void **state) {
    struct anchor_rig *rig = *state;

    engine_anchor_watch(&rig->engine, rig->sc);
    assert_int_equal(anchor_rig_jobs_now(rig), 0); /* an empty log */
    anchor_rig_add_rows(rig, 1);
    engine_anchor_watch(&rig->engine, rig->sc);
    assert_int_equal(anchor_rig_jobs_now(rig), 1); /* the first ever */
    anchor_rig_look(rig);
    rig->clock.wall_ms = NOW_MS - 1;
    engine_anchor_watch(&rig->engine, rig->sc);
    rig->clock.wall_ms = NOW_MS;
    assert_int_equal(anchor_rig_jobs_now(rig), 1);
    rig->clock.wall_ms = NOW_MS + FX_ENGINE_ANCHOR_MS + MINUTE_MS;
    anchor_rig_look(rig);
    rig->clock.wall_ms += FX_ENGINE_ANCHOR_MS;
    engine_anchor_watch(&rig->engine, rig->sc);
    rig->clock.wall_ms += MINUTE_MS;
    engine_anchor_watch(&rig->engine, rig->sc);
    assert_int_equal(anchor_rig_jobs_now(rig), 1);
}

static void what_was_written_since_is_anchored_at_the_end(void **state) {
    struct anchor_rig *rig = *state;

    anchor_rig_add_rows(rig, 4);
    engine_anchor_drain(&rig->engine);
    assert_string_equal(anchor_rig_anchored(rig), "4 ");
    engine_anchor_drain(&rig->engine);
    assert_string_equal(anchor_rig_anchored(rig), "4 ");
}

/* The line is in the file, but the transaction that would have said so never came. */
static void an_anchor_whose_maker_died_is_followed_and_not_made_twice(void **state) {
    struct anchor_rig *rig = *state;
    struct engine_work work = anchor_rig_work(rig);
    struct fx_error err = {0};

    anchor_rig_add_rows(rig, 2);
    assert_ok(engine_anchor(&work, &err));
    anchor_rig_look(rig);
    assert_string_equal(anchor_rig_anchored(rig), "2 ");
    anchor_rig_add_rows(rig, 1);
    anchor_rig_look(rig);
    assert_string_equal(anchor_rig_anchored(rig), "2 3 ");
}

static void without_a_key_nothing_is_made_or_asked_for(void **state) {
    struct anchor_rig *rig = *state;
    struct fx_error err = {0};

    rig->engine.options.anchor_key = NULL;
    anchor_rig_add_rows(rig, 2);
    assert_int_equal(anchor_rig_look(rig).jobs_count, 0);
    engine_anchor_watch(&rig->engine, rig->sc);
    engine_anchor_drain(&rig->engine);
    assert_ok(engine_anchor_start(&rig->engine, &err));
    assert_string_equal(anchor_rig_anchored(rig), "");
    assert_int_equal(anchor_rig_jobs_now(rig), 0);
}

/* ---- trouble ---- */

static void three_failures_in_a_row_are_told_once_and_stop_nothing(void **state) {
    struct anchor_rig *rig = *state;
    const char *good = rig->engine.options.anchor_file;

    rig->engine.options.anchor_file = fx_printf(rig->sc, "%s/nowhere/anchors", rig->dir);
    anchor_rig_add_rows(rig, 3);
    for (int i = 1; i <= 5; i++) {
        struct fx_writes writes = anchor_rig_look(rig);

        assert_int_equal(writes.jobs[0]->due_ms, NOW_MS + MINUTE_MS);
        assert_int_equal(rig->messages, i < ENGINE_ANCHOR_PATIENCE ? 0 : 1);
        if (i == ENGINE_ANCHOR_PATIENCE)
            assert_non_null(strstr(writes.messages[0]->payload_json, "nowhere/anchors"));
    }
    rig->engine.options.anchor_file = good;
    assert_int_equal(anchor_rig_look(rig).jobs[0]->due_ms, NOW_MS + FX_ENGINE_ANCHOR_MS);
    assert_string_equal(anchor_rig_anchored(rig), "3 ");
    rig->engine.options.anchor_file = rig->dir;
    for (int i = 0; i < 4; i++)
        anchor_rig_look(rig);
    assert_int_equal(rig->messages, 2); /* a new series is told anew */
    assert_int_equal(fx_metrics_get(rig->engine.options.metrics, FX_METRIC_ANCHORS_FAILED), 9);
    assert_int_equal(fx_metrics_get(rig->engine.options.metrics, FX_METRIC_ANCHORS_MADE), 1);
}

static void take_posts(struct anchor_rig *rig, const char *ts) {
    struct fx_message **ready = NULL;
    struct fx_error err;
    size_t count = 1;
    int64_t next = 0;

    while (count > 0) {
        assert_ok(rig->store->outbox_ready(rig->store, rig->sc, rig->clock.wall_ms, 10, &ready,
                                           &count, &next, &err));
        for (size_t i = 0; i < count; i++) {
            rig->clock.wall_ms += FX_STORE_POST_PACE_MS;
            assert_ok(rig->store->outbox_begin(rig->store, rig->sc, ready[i]->seq,
                                               rig->clock.wall_ms, &err));
            assert_ok(rig->store->outbox_sent(rig->store, rig->sc, ready[i]->seq, ts,
                                              rig->clock.wall_ms, &err));
        }
    }
}

static void anchors_are_posted_into_one_thread(void **state) {
    struct anchor_rig *rig = *state;

    rig->engine.options.anchor_channel = "C2";
    anchor_rig_add_rows(rig, 3);
    struct fx_writes first = anchor_rig_look(rig);

    assert_int_equal(first.messages_count, 2);
    assert_string_equal(first.messages[0]->key, "audit:anchors");
    assert_string_equal(first.messages[0]->parent, "");
    assert_string_equal(first.messages[1]->parent, "audit:anchors");
    assert_string_equal(first.messages[1]->channel, "C2");
    assert_non_null(strstr(first.messages[1]->payload_json, "signature"));
    take_posts(rig, "1.1");
    anchor_rig_add_rows(rig, 1);
    assert_int_equal(anchor_rig_look(rig).messages_count, 0); /* not each of them */
    rig->clock.wall_ms += FX_ENGINE_ANCHOR_MS;
    anchor_rig_add_rows(rig, 1);
    struct fx_writes second = anchor_rig_look(rig);

    assert_int_equal(second.messages_count, 1);
    assert_string_equal(second.messages[0]->parent, "audit:anchors");
    assert_string_not_equal(second.messages[0]->key, first.messages[1]->key);
}

static void a_slack_that_takes_none_is_told_once(void **state) {
    struct anchor_rig *rig = *state;
    size_t trouble = 0;

    rig->engine.options.anchor_channel = "C2";
    for (int i = 0; i < 6; i++) {
        anchor_rig_add_rows(rig, 1);
        struct fx_writes writes = anchor_rig_look(rig);

        for (size_t k = 0; k < writes.messages_count; k++)
            trouble += strstr(writes.messages[k]->key, "audit:trouble:") != NULL;
        rig->clock.wall_ms += FX_ENGINE_ANCHOR_MS;
    }
    assert_int_equal(trouble, 1);
    assert_string_equal(anchor_rig_anchored(rig),
                        "1 2 3 4 5 6 "); /* the file has them all the same */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ANCHOR_TEST(a_look_anchors_the_head_and_asks_for_the_next),
        ANCHOR_TEST(a_thousand_rows_do_not_wait_for_the_hour),
        ANCHOR_TEST(what_must_not_be_forgotten_is_anchored_at_once_and_then_every_few_seconds),
        ANCHOR_TEST(what_another_replica_has_anchored_leaves_nothing_without_one),
        ANCHOR_TEST(a_lost_job_and_a_clock_set_back_are_noticed),
        ANCHOR_TEST(what_was_written_since_is_anchored_at_the_end),
        ANCHOR_TEST(an_anchor_whose_maker_died_is_followed_and_not_made_twice),
        ANCHOR_TEST(without_a_key_nothing_is_made_or_asked_for),
        ANCHOR_TEST(three_failures_in_a_row_are_told_once_and_stop_nothing),
        ANCHOR_TEST(anchors_are_posted_into_one_thread),
        ANCHOR_TEST(a_slack_that_takes_none_is_told_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
