/* engine_watch_test.c - waits that look again: each look once, at its time, on one message, also
 * when the program dies in between; and of one name one at a time. The wait is the shipped one, the
 * step it looks at counts. */
#include "engine_rig.h"

#include "fluxabot/steps.h"

#include <string.h>

enum { MINUTE_MS = 60 * 1000 };

static int reads, parks; /* parks: so many reads wait once themselves */

static enum fx_effect only_reads(const struct fx_json *params) {
    return FX_EFFECT_READ;
}

static enum fx_code run_read(const struct fx_step_context *ctx, const struct fx_json *params,
                             struct fx_step_result *ret_result, struct fx_error *err) {
    if (ctx->checkpoint == NULL && parks > 0) {
        parks--;
        *ret_result = (struct fx_step_result){
            .outcome = FX_STEP_PARKED,
            .checkpoint = fx_json_object_of(ctx->sc, "seen", fx_json_int(ctx->sc, 1), NULL),
            .due_ms = fx_wall_ms(ctx->clock) + 1000};
        return FX_OK;
    }
    ret_result->output = fx_json_int(ctx->sc, ++reads);
    return FX_OK;
}

static const struct fx_step_kind reader = {.name = "read", .effect = only_reads, .run = run_read};
static const struct fx_environment environments[] = {{.name = "dev"}};
static struct fx_runbook *book;
static struct fx_runbook_step *the_wait;

static const struct fx_step_kind *wait_kind(void) {
    for (size_t i = 0; i < fx_step_kinds_count; i++)
        if (strcmp(fx_step_kinds[i]->name, "wait") == 0)
            return fx_step_kinds[i];
    fail_msg("there is no kind wait");
    return NULL;
}

static void put_run(struct engine_rig *rig, const char *id, const char *requester) {
    struct fx_run *row = FX_NEW(rig->sc, struct fx_run);

    *row = engine_rig_row;
    row->id = id;
    row->command = "watch";
    row->requester = requester;
    row->trigger = requester[0] == '\0' ? "follow-up" : "slash";
    row->state = FX_RUN_QUEUED;
    row->created_ms = rig->clock.wall_ms;
    fx_writes_run(rig->sc, &rig->work.writes, row);
    fx_writes_job(rig->sc, &rig->work.writes, "run", id, rig->clock.wall_ms);
    engine_rig_keep(rig);
}

/* A command that reads, then waits as it says; its answer tells how often it looked. */
static void begin(struct engine_rig *rig, const char *wait) {
    struct fx_runbook_step *steps = fx_alloc(rig->sc, 2 * sizeof *steps);
    struct fx_system *fluxa = FX_NEW(rig->sc, struct fx_system);
    struct fx_json *params = NULL;
    struct fx_error err = {0};

    reads = parks = 0;
    assert_ok(fx_step_fill_params(rig->sc, wait_kind(), engine_rig_json(rig, wait), &params, &err));
    steps[0] =
        (struct fx_runbook_step){.id = "read", .kind = &reader, .params = fx_json_object(rig->sc)};
    steps[1] = (struct fx_runbook_step){.id = "watch", .kind = wait_kind(), .params = params};
    the_wait = &steps[1];
    book = FX_NEW(rig->sc, struct fx_runbook);
    *book = (struct fx_runbook){
        .command = "watch",
        .digest = "d1",
        .steps = steps,
        .steps_count = 2,
        .watches = true,
        .answer = engine_rig_json(rig, "{'title':'${read} read, ${watch.looks} looked, done "
                                       "${watch.done}','verdict':'${watch.why}'}")};
    *fluxa = (struct fx_system){.name = "fluxa",
                                .definition = fx_json_object(rig->sc),
                                .runbooks = book,
                                .runbooks_count = 1};
    rig->system = (struct fx_engine_system){.system = fluxa,
                                            .channel = "C1",
                                            .command = "/fluxa",
                                            .environments = environments,
                                            .environments_count = 1};
    rig->engine.options.systems = &rig->system;
    rig->engine.options.systems_count = 1;
    put_run(rig, "r1", "U1");
}

static struct fx_job *claim(struct engine_rig *rig) {
    struct fx_store *store = rig->engine.options.store;
    struct fx_job *job = NULL;
    struct fx_error err = {0};
    int64_t next = 0;

    assert_ok(store->claim(store, rig->sc, "w", rig->clock.wall_ms, FX_ENGINE_LEASE_MS, &job, &next,
                           &err));
    rig->work = (struct engine_work){
        .engine = &rig->engine, .sc = rig->sc, .job = job, .now_ms = rig->clock.wall_ms};
    return job;
}

static void handle(struct engine_rig *rig) {
    struct fx_error err = {0};

    assert_ok(engine_continue_run(&rig->work, &err));
}

/* Whatever is due now is done; how many jobs that were. */
static int work(struct engine_rig *rig) {
    struct fx_store *store = rig->engine.options.store;
    struct fx_error err = {0};
    int done = 0;

    for (; claim(rig) != NULL; done++) {
        handle(rig);
        assert_ok(store->settle(store, rig->sc, rig->work.job, FX_SETTLE_DONE, 0, NULL,
                                &rig->work.writes, &err));
    }
    rig->work.writes = (struct fx_writes){0};
    return done;
}

static int later(struct engine_rig *rig, int64_t ms) {
    rig->clock.wall_ms += ms;
    rig->clock.mono_ms += ms;
    return work(rig);
}

static struct fx_run *row_of(struct engine_rig *rig, const char *id) {
    struct fx_store *store = rig->engine.options.store;
    struct fx_run *row = NULL;
    struct fx_error err = {0};

    assert_ok(store->run(store, rig->sc, id, &row, &err));
    return row;
}

static const struct fx_json *state_of(struct engine_rig *rig, const char *id) {
    struct fx_json *values = NULL;
    struct fx_error err = {0};

    assert_ok(fx_json_parse(rig->sc, fx_slice_of(row_of(rig, id)->values_json), &values, &err));
    return fx_json_at(values, "watch");
}

static int64_t looks_of(struct engine_rig *rig, const char *id) {
    return fx_json_get_int(state_of(rig, id), "looks", 0);
}

/* What waits to be shown under the run's key; NULL: nothing. */
static const char *shown(struct engine_rig *rig, const char *id) {
    struct fx_store *store = rig->engine.options.store;
    struct fx_message **ready = NULL;
    struct fx_error err = {0};
    const char *payload = NULL;
    size_t count = 0;
    int64_t next = 0;

    assert_ok(store->outbox_ready(store, rig->sc, INT64_MAX, FX_STORE_MAX_ROWS, &ready, &count,
                                  &next, &err));
    for (size_t i = 0; i < count; i++)
        if (strcmp(ready[i]->key, engine_run_key(rig->sc, id)) == 0) {
            assert_null(payload);
            payload = ready[i]->payload_json;
        }
    return payload;
}

#define FIVE_MINUTES "{'for':'5m','again':'read','every':'1m','keep':{'n':'${read}'}}"

static void it_looks_each_time_anew_and_shows_each_look_on_one_message(void **state) {
    struct engine_rig *rig = *state;

    begin(rig, FIVE_MINUTES);
    assert_int_equal(work(rig), 1);
    assert_int_equal(row_of(rig, "r1")->state, FX_RUN_WAITING);
    assert_non_null(strstr(shown(rig, "r1"), "1 read, 1 looked, done false"));
    assert_non_null(strstr(shown(rig, "r1"), "Stop"));
    assert_int_equal(later(rig, MINUTE_MS - 1), 0);
    assert_int_equal(later(rig, 1), 1);
    assert_non_null(strstr(shown(rig, "r1"), "2 read, 2 looked, done false"));
    for (int i = 0; i < 3; i++)
        assert_int_equal(later(rig, MINUTE_MS), 1);
    assert_int_equal(row_of(rig, "r1")->state, FX_RUN_WAITING);
    assert_int_equal(later(rig, MINUTE_MS), 1);
    assert_int_equal(row_of(rig, "r1")->state, FX_RUN_DONE);
    assert_int_equal(reads, 6);
    assert_non_null(strstr(shown(rig, "r1"), "6 read, 6 looked, done true"));
    assert_null(strstr(shown(rig, "r1"), "Stop"));
    assert_string_equal(row_of(rig, "r1")->note, "time");
    assert_int_equal(fx_json_count(fx_json_at(state_of(rig, "r1"), "kept")), 6);
    assert_int_equal(later(rig, MINUTE_MS), 0);
}

/* Or it would go on unseen. */
static void a_look_that_cannot_be_shown_is_not_kept(void **state) {
    struct engine_rig *rig = *state;
    struct fx_error err = {0};

    begin(rig, FIVE_MINUTES);
    book->answer = engine_rig_json(rig, "{'verdict':'${('}");
    assert_non_null(claim(rig));
    assert_int_equal(engine_continue_run(&rig->work, &err), FX_ERR_INPUT);
    assert_int_equal(rig->work.writes.runs_count, 0);
    assert_int_equal(rig->work.writes.jobs_count, 0);
    rig->work.writes = (struct fx_writes){0};
}

static void it_ends_as_soon_as_what_is_waited_for_is_true(void **state) {
    struct engine_rig *rig = *state;

    begin(rig, "{'for':'5m','again':'read','every':'1m','until':'${read >= 3}'}");
    work(rig);
    later(rig, MINUTE_MS);
    assert_int_equal(row_of(rig, "r1")->state, FX_RUN_WAITING);
    later(rig, MINUTE_MS);
    assert_int_equal(row_of(rig, "r1")->state, FX_RUN_DONE);
    assert_true(fx_json_get_bool(state_of(rig, "r1"), "met", false));
    assert_int_equal(reads, 3);
}

static void what_is_looked_at_may_wait_itself(void **state) {
    struct engine_rig *rig = *state;

    begin(rig, FIVE_MINUTES);
    parks = 1;
    work(rig);
    assert_int_equal(reads, 0);
    later(rig, 1000);
    assert_int_equal(looks_of(rig, "r1"), 1);
    parks = 1;
    later(rig, MINUTE_MS);
    assert_int_equal(looks_of(rig, "r1"), 1);
    later(rig, 1000);
    assert_int_equal(looks_of(rig, "r1"), 2);
    assert_int_equal(reads, 2);
}

/* Of two that are read at once the second waits, at every look: neither is taken from the look
 * before. */
static void what_an_earlier_look_read_is_forgotten(void **state) {
    struct engine_rig *rig = *state;

    begin(rig, FIVE_MINUTES);
    struct fx_runbook_step *steps = fx_alloc(rig->sc, 3 * sizeof *steps);

    steps[0] = (struct fx_runbook_step){
        .id = "read", .kind = &reader, .params = fx_json_object(rig->sc), .together = 2};
    steps[1] = steps[0];
    steps[1].id = "other";
    steps[1].together = 1;
    steps[2] = *the_wait;
    book->steps = steps;
    book->steps_count = 3;
    for (int i = 0; i < 3; i++) {
        parks = 1;
        later(rig, i == 0 ? 0 : MINUTE_MS);
        later(rig, 1000);
        assert_int_equal(looks_of(rig, "r1"), i + 1);
        assert_int_equal(reads, 2 * (i + 1));
    }
}

/* The look was made and nothing of it was kept: it is made again, and counts once. */
static void a_kill_in_a_look_neither_loses_nor_doubles_it(void **state) {
    struct engine_rig *rig = *state;

    begin(rig, FIVE_MINUTES);
    work(rig);
    for (int i = 0; i < 3; i++) {
        rig->clock.wall_ms += MINUTE_MS;
        rig->clock.mono_ms += MINUTE_MS;
        assert_non_null(claim(rig));
        handle(rig);
        rig->work.writes = (struct fx_writes){0}; /* and dies */
        assert_int_equal(looks_of(rig, "r1"), 1 + i);
        assert_int_equal(later(rig, FX_ENGINE_LEASE_MS + 1), 1);
        assert_int_equal(looks_of(rig, "r1"), 2 + i);
        assert_int_equal(fx_json_count(fx_json_at(state_of(rig, "r1"), "kept")), 2 + i);
    }
}

/* Missed looks are not made up for: the one that is late tells how things are now. */
static void a_program_that_was_away_looks_once_more_and_says_for_how_long(void **state) {
    struct engine_rig *rig = *state;

    begin(rig, FIVE_MINUTES);
    work(rig);
    assert_int_equal(later(rig, 60 * MINUTE_MS), 1);
    assert_int_equal(row_of(rig, "r1")->state, FX_RUN_DONE);
    assert_int_equal(reads, 2);
    assert_int_equal(fx_json_get_int(state_of(rig, "r1"), "gap_ms", 0), 60 * MINUTE_MS);
}

static void a_call_before_its_time_is_no_look(void **state) {
    struct engine_rig *rig = *state;

    begin(rig, FIVE_MINUTES);
    work(rig);
    rig->work.job = NULL;
    fx_writes_job(rig->sc, &rig->work.writes, "run", "r1", rig->clock.wall_ms + 5);
    engine_rig_keep(rig);
    later(rig, 5);
    assert_int_equal(reads, 1);
    assert_int_equal(looks_of(rig, "r1"), 1);
    later(rig, MINUTE_MS - 5);
    assert_int_equal(looks_of(rig, "r1"), 2);
}

static void a_person_may_stop_it_and_nothing_more_is_read(void **state) {
    struct engine_rig *rig = *state;
    struct fx_store *store = rig->engine.options.store;
    struct fx_writes writes = {0};
    struct fx_error err = {0};

    begin(rig, FIVE_MINUTES);
    work(rig);
    fx_writes_job(rig->sc, &writes, "run", "r1", rig->clock.wall_ms);
    assert_ok(store->request_stop(store, rig->sc, "r1", "U2", &writes, &err));
    work(rig);
    assert_int_equal(row_of(rig, "r1")->state, FX_RUN_STOPPED);
    assert_int_equal(reads, 1);
    assert_non_null(strstr(shown(rig, "r1"), "stopped"));
}

#define NAMED "{'for':'5m','again':'read','every':'1m','name':'x','takes_over':%s}"

static void of_one_name_one_goes_on_at_a_time(void **state) {
    struct engine_rig *rig = *state;

    begin(rig, fx_printf(rig->sc, NAMED, "false"));
    work(rig);
    rig->work.job = NULL;
    put_run(rig, "r2", "U1");
    work(rig);
    assert_int_equal(row_of(rig, "r2")->state, FX_RUN_REFUSED);
    assert_non_null(strstr(row_of(rig, "r2")->note, "watched already"));
    assert_non_null(strstr(row_of(rig, "r2")->note, "r1"));
    assert_non_null(shown(rig, "r2"));
    assert_int_equal(row_of(rig, "r1")->state, FX_RUN_WAITING);
    for (int i = 0; i < 5; i++)
        later(rig, MINUTE_MS);
    assert_int_equal(row_of(rig, "r1")->state, FX_RUN_DONE);
    rig->work.job = NULL;
    put_run(rig, "r3", "U1");
    work(rig);
    assert_int_equal(row_of(rig, "r3")->state, FX_RUN_WAITING);
}

static void one_that_nobody_asked_for_ends_without_a_word(void **state) {
    struct engine_rig *rig = *state;

    begin(rig, fx_printf(rig->sc, NAMED, "false"));
    work(rig);
    rig->work.job = NULL;
    put_run(rig, "r2", "");
    work(rig);
    assert_int_equal(row_of(rig, "r2")->state, FX_RUN_REFUSED);
    assert_null(shown(rig, "r2"));
}

static void a_newer_one_may_take_over(void **state) {
    struct engine_rig *rig = *state;

    begin(rig, fx_printf(rig->sc, NAMED, "true"));
    work(rig);
    rig->work.job = NULL;
    put_run(rig, "r2", "");
    work(rig);
    assert_int_equal(row_of(rig, "r2")->state, FX_RUN_WAITING);
    later(rig, MINUTE_MS);
    assert_int_equal(row_of(rig, "r1")->state, FX_RUN_DONE);
    assert_string_equal(fx_json_get_text(state_of(rig, "r1"), "why"), "replaced");
    assert_int_equal(row_of(rig, "r2")->state, FX_RUN_WAITING);
}

static enum fx_code (*real_setting)(struct fx_store *, struct fx_scope *, const char *,
                                    const char **, struct fx_error *);

/* Right behind the look at who watches, another process writes that it does. */
static enum fx_code setting_then_another(struct fx_store *store, struct fx_scope *sc,
                                         const char *name, const char **ret_value,
                                         struct fx_error *err) {
    struct fx_writes writes = {0};
    enum fx_code code = real_setting(store, sc, name, ret_value, err);

    fx_writes_setting(sc, &writes, name, "r2");
    return code != FX_OK ? code : store->write(store, sc, NULL, &writes, err);
}

static void of_two_at_the_same_moment_one_watches(void **state) {
    struct engine_rig *rig = *state;
    struct fx_store *store = rig->engine.options.store;
    struct fx_error err = {0};

    begin(rig, fx_printf(rig->sc, NAMED, "false"));
    struct fx_run other = engine_rig_row;

    other.id = "r2";
    other.state = FX_RUN_WAITING;
    fx_writes_run(rig->sc, &rig->work.writes, &other);
    engine_rig_keep(rig);
    assert_non_null(claim(rig));
    real_setting = store->setting;
    store->setting = setting_then_another;
    enum fx_code code = engine_continue_run(&rig->work, &err);

    store->setting = real_setting;
    assert_int_equal(code, FX_ERR_CANCELED);
    rig->work.writes = (struct fx_writes){0};
    handle(rig); /* looked at anew */
    engine_rig_keep(rig);
    assert_int_equal(row_of(rig, "r1")->state, FX_RUN_REFUSED);
}

static void no_wait_is_longer_than_its_limit(void **state) {
    static const char *const wrong[] = {
        "{'for':'61m'}",
        "{'for':'5m','every':'500ms','again':'read'}",
        "{'for':'60m','every':'10s','again':'read'}",
        "{'for':'5m','until':'${true}'}",
        "{'for':'5m','until':'yes','again':'read'}",
        "{'for':'5m','until':3,'again':'read'}",
    };
    struct engine_rig *rig = *state;

    for (size_t i = 0; i < FX_COUNT_OF(wrong); i++) {
        struct fx_json *params = NULL;
        struct fx_error err = {0};
        bool bad = fx_step_fill_params(rig->sc, wait_kind(), engine_rig_json(rig, wrong[i]),
                                       &params, &err) != FX_OK;

        if (!bad)
            bad = wait_kind()->check(rig->sc, NULL, params, &err) != FX_OK;
        if (!bad && i != 4) /* a text without ${ } is found when it is read */
            fail_msg("%s was taken", wrong[i]);
    }
    begin(rig, "{'for':'${90 * 60000}','again':'read'}");
    work(rig);
    assert_int_equal(row_of(rig, "r1")->state, FX_RUN_FAILED);
    assert_non_null(strstr(row_of(rig, "r1")->note, "at most 1 h"));
    begin(rig, "{'for':'5m','again':'read','until':'${read}'}");
    work(rig);
    assert_non_null(strstr(row_of(rig, "r1")->note, "must be true or false"));
}

static void what_was_planned_begins_with_the_text_as_it_is_now(void **state) {
    struct engine_rig *rig = *state;

    begin(rig, FIVE_MINUTES);
    rig->work.job = NULL;
    put_run(rig, "r2", "");
    book->digest = "d2";
    work(rig);
    assert_int_equal(row_of(rig, "r1")->state, FX_RUN_REFUSED); /* a person asked for the old one */
    assert_int_equal(row_of(rig, "r2")->state, FX_RUN_WAITING);
    book->digest = "d3";
    later(rig, MINUTE_MS);
    assert_int_equal(row_of(rig, "r2")->state, FX_RUN_REFUSED);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, engine_rig_set_up, engine_rig_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(it_looks_each_time_anew_and_shows_each_look_on_one_message),
        TEST(a_look_that_cannot_be_shown_is_not_kept),
        TEST(it_ends_as_soon_as_what_is_waited_for_is_true),
        TEST(what_is_looked_at_may_wait_itself),
        TEST(what_an_earlier_look_read_is_forgotten),
        TEST(a_kill_in_a_look_neither_loses_nor_doubles_it),
        TEST(a_program_that_was_away_looks_once_more_and_says_for_how_long),
        TEST(a_call_before_its_time_is_no_look),
        TEST(a_person_may_stop_it_and_nothing_more_is_read),
        TEST(of_one_name_one_goes_on_at_a_time),
        TEST(one_that_nobody_asked_for_ends_without_a_word),
        TEST(a_newer_one_may_take_over),
        TEST(of_two_at_the_same_moment_one_watches),
        TEST(no_wait_is_longer_than_its_limit),
        TEST(what_was_planned_begins_with_the_text_as_it_is_now),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
