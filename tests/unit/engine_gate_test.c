/* engine_gate_test.c - what stands between a question and a change, row by row: rows that nobody of
 * ours writes, answers that come in between, and times that are over.
 */
#include "support/test.h"

#include "change_world.h"

#include <string.h>

#define LONG_TEXT 4000

/* ---- rows ---- */

static struct fx_run *put_run(struct change_world *w, const char *id) {
    struct fx_scope *sc = w->rig->sc;
    struct fx_run *row = FX_NEW(sc, struct fx_run);
    struct fx_writes writes = {0};
    struct fx_error err;

    *row = engine_rig_row;
    row->id = id;
    row->arguments_json = "{\"reason\":\"orders wait\"}";
    row->state = FX_RUN_RUNNING;
    fx_writes_run(sc, &writes, row);
    assert_ok(w->durable->write(w->durable, sc, NULL, &writes, &err));
    w->rig->job = (struct fx_job){.kind = "run", .subject = id, .attempts = 1};
    return row;
}

static struct engine_run load(struct change_world *w) {
    struct engine_run run;
    struct fx_error err = {0};

    w->rig->work.writes = (struct fx_writes){0};
    assert_ok(engine_load_run(&w->rig->work, &run, &err));
    return run;
}

/* A request with this plan; its digest is right, unless another is given. */
static struct fx_approval *put_request(struct change_world *w, const char *plan_json,
                                       const char *digest) {
    struct fx_scope *sc = w->rig->sc;
    struct engine_run run = load(w);
    struct fx_approval *row = FX_NEW(sc, struct fx_approval);
    struct fx_writes writes = {0};
    struct fx_error err;

    *row = (struct fx_approval){.id = "apr-1",
                                .run = run.row->id,
                                .step = "gate",
                                .plan_json = plan_json,
                                .requester = "U1",
                                .created_ms = RIG_NOW_MS,
                                .expires_ms = RIG_NOW_MS + WORLD_WAIT_MS,
                                .needed = 1,
                                .decided_by = "",
                                .reason = ""};
    row->digest = digest != NULL ? digest : engine_plan_digest(sc, run.row, row);
    fx_writes_approval(sc, &writes, row);
    assert_ok(w->durable->write(w->durable, sc, NULL, &writes, &err));
    return row;
}

static void decide(struct change_world *w, enum fx_approval_state how, const char *by,
                   const char *reason) {
    struct fx_approval given = {.id = "apr-1",
                                .state = how,
                                .decided_by = by,
                                .decided_ms = RIG_NOW_MS,
                                .execute_before_ms = RIG_NOW_MS + WORLD_WAIT_MS,
                                .reason = reason};
    struct fx_error err;

    assert_ok(w->durable->decide(w->durable, w->rig->sc, &given, NULL, &err));
}

static const char *good_plan(struct change_world *w) {
    struct engine_run run = load(w);

    return fx_printf(w->rig->sc,
                     "{\"inputs\":%s,\"params\":{\"queue\":\"orders\"},\"plan\":{\"seen\":\"two "
                     "wait\"},\"version\":\"1\",\"where\":{\"Account\":\"1\"}}",
                     fx_json_dump(w->rig->sc, engine_inputs(&run)));
}

/* Everything stands for a change; NULL: under the usual id. */
static void put_approved(struct change_world *w, const char *id) {
    put_run(w, id == NULL ? "r1" : id);
    put_request(w, good_plan(w), NULL);
    decide(w, FX_APPROVAL_APPROVED, "U2", "");
}

static struct fx_step_result result;

static enum fx_code change(struct engine_run *run, const struct fx_runbook_step *step,
                           struct fx_error *err) {
    *err = (struct fx_error){0};
    return engine_change_step(run, step, &result, err);
}

static void assert_refused(struct change_world *w, enum fx_code code, const char *why) {
    struct engine_run run = load(w);
    struct fx_error err;

    assert_int_equal(change(&run, &w->steps[2], &err), code);
    if (strstr(err.message, why) == NULL)
        fail_msg("not \"%s\" but \"%s\"", why, err.message);
    assert_int_equal(w->aws.sent[0], 0);
}

/* ---- the change ---- */

static void nothing_runs_that_was_not_approved(void **state) {
    struct change_world *w = *state;

    put_run(w, "r1");
    assert_refused(w, FX_ERR_DENIED, "was not approved");
    put_request(w, good_plan(w), NULL);
    assert_refused(w, FX_ERR_DENIED, "was not approved");
    w->steps[1].params = fx_json_object(w->rig->sc);
    assert_refused(w, FX_ERR_DENIED, "no approval stands before");
}

static void an_approval_counts_only_for_the_step_it_names(void **state) {
    struct change_world *w = *state;
    struct fx_runbook_step stray = w->steps[2];
    struct fx_error err;

    put_approved(w, NULL);
    struct engine_run run = load(w);

    stray.id = "another";
    assert_int_equal(change(&run, &stray, &err), FX_ERR_DENIED);
    assert_non_null(strstr(err.message, "no approval stands before the change another"));
}

static void a_plan_with_another_digest_does_not_run(void **state) {
    struct change_world *w = *state;

    put_run(w, "r1");
    put_request(w, good_plan(w), "another");
    decide(w, FX_APPROVAL_APPROVED, "U2", "");
    assert_refused(w, FX_ERR_DENIED, "not the one that was approved");
}

static void a_plan_that_does_not_say_what_it_was_made_from_does_not_run(void **state) {
    static const struct {
        const char *plan, *why;
        enum fx_code code;
    } plans[] = {{"{", "", FX_ERR_INPUT},
                 {"{}", "bot was updated", FX_ERR_DENIED},
                 {"{\"version\":\"1\"}", "configuration of fluxa", FX_ERR_DENIED}};

    for (size_t i = 0; i < FX_COUNT_OF(plans); i++) {
        struct change_world w;

        change_world_open(&w);
        put_run(&w, "r1");
        put_request(&w, plans[i].plan, NULL);
        decide(&w, FX_APPROVAL_APPROVED, "U2", "");
        assert_refused(&w, plans[i].code, plans[i].why);
        change_world_close(&w);
    }
}

/* As whom, and where: neither stands in the plan. */
static void whose_rights_it_has_and_where_are_part_of_what_was_approved(void **state) {
    static const struct fx_environment approved = {
        .name = "dev", .role_arn = "arn:aws:iam::1:role/a", .region = "eu-west-1"};
    static const struct fx_environment others[] = {
        {.name = "dev", .role_arn = "arn:aws:iam::1:role/b", .region = "eu-west-1"},
        {.name = "dev", .role_arn = "arn:aws:iam::1:role/a", .region = "eu-west-2"},
        {.name = "dev", .role_arn = "arn:aws:iam::1:role/a"},
        {.name = "dev", .region = "eu-west-1"},
        {.name = "dev", .role_arn = "eu-west-1", .region = "arn:aws:iam::1:role/a"},
        {.name = "dev"}};
    struct change_world *w = *state;
    struct fx_error err;

    w->rig->system.environments = &approved;
    put_approved(w, NULL);
    for (size_t i = 0; i < FX_COUNT_OF(others); i++) {
        w->rig->system.environments = &others[i];
        assert_refused(w, FX_ERR_DENIED, "configuration of fluxa (dev) was changed");
    }
    w->rig->system.environments = &approved;
    w->rig->engine.options.aws_place = "eu-west-1 at https://another.example";
    assert_refused(w, FX_ERR_DENIED,
                   "aws.by_itself was nothing and is \"eu-west-1 at https://another.example\"");
    w->rig->engine.options.aws_place = NULL;
    struct engine_run run = load(w);

    w->rig->work.job = NULL; /* nothing was claimed */
    assert_int_equal(change(&run, &w->steps[2], &err), FX_OK);
    assert_int_equal(w->aws.sent[0], 1);
}

static void which_databases_it_reads_is_part_of_what_was_approved(void **state) {
    struct change_world *w = *state;
    struct fx_environment there = {.name = "dev",
                                   .places = engine_rig_json(w->rig, "{'orders':'host=a'}")};

    w->rig->system.environments = &there;
    put_approved(w, NULL);
    there.places = engine_rig_json(w->rig, "{'orders':'host=b'}");
    assert_refused(w, FX_ERR_DENIED, "databases.orders was \"host=a\" and is \"host=b\"");
}

/* A row of a version that kept a digest only. */
static void what_an_older_version_began_is_gone_on_with(void **state) {
    struct change_world *w = *state;
    struct fx_intent before = {.run = "r1",
                               .step = "change",
                               .key = "first",
                               .digest = "d",
                               .what_json = "{}",
                               .set_ms = RIG_NOW_MS};
    struct fx_error err;

    put_run(w, "r1");
    put_request(w,
                "{\"inputs\":\"8d0c\",\"params\":{\"queue\":\"orders\"},\"plan\":{},"
                "\"version\":\"0\"}",
                NULL);
    decide(w, FX_APPROVAL_APPROVED, "U2", "");
    assert_refused(w, FX_ERR_DENIED, "updated after this was approved, from 0 to 1");
    assert_ok(w->durable->begin_effect(w->durable, w->rig->sc, NULL, &before, NULL, &err));
    w->aws.sent[0] = 1;
    struct engine_run run = load(w);

    w->rig->work.job = NULL;
    assert_ok(change(&run, &w->steps[2], &err));
    assert_int_equal(result.outcome, FX_STEP_PARKED);
}

static void an_approval_that_was_given_too_long_ago_is_not_used(void **state) {
    struct change_world *w = *state;

    put_approved(w, NULL);
    w->rig->clock.wall_ms += WORLD_WAIT_MS + 1;
    assert_refused(w, FX_ERR_DENIED, "the approval was given too long ago");
}

static void a_run_waits_for_slack_as_long_as_slack_wants(void **state) {
    struct change_world *w = *state;
    struct fx_error err;

    put_approved(w, NULL);
    struct engine_run run = load(w);

    w->slack_is_busy = true;
    run.row->checkpoint_json = "{\"at\":1}";
    assert_int_equal(change(&run, &w->steps[2], &err), FX_OK);
    assert_int_equal(result.outcome, FX_STEP_PARKED);
    assert_int_equal(result.due_ms, RIG_NOW_MS + 90 * 1000);
    assert_non_null(fx_json_at(result.checkpoint, "at"));
    assert_int_equal(run.work->writes.messages_count, 1);
    assert_int_equal(change(&run, &w->steps[2], &err), FX_OK); /* the card says so already */
    assert_int_equal(run.work->writes.messages_count, 1);
}

static void a_checkpoint_that_cannot_be_read_is_no_reason_to_begin(void **state) {
    struct change_world *w = *state;
    struct fx_error err;

    put_approved(w, NULL);
    struct engine_run run = load(w);

    run.row->checkpoint_json = "{";
    assert_int_equal(change(&run, &w->steps[2], &err), FX_ERR_INPUT);
    w->slack_is_away = true;
    assert_int_equal(change(&run, &w->steps[2], &err), FX_ERR_INPUT);
    assert_int_equal(w->aws.sent[0], 0);
}

static void a_run_asks_slack_less_and_less_often(void **state) {
    struct change_world *w = *state;
    struct fx_error err;

    put_approved(w, NULL);
    struct engine_run run = load(w);

    w->slack_is_away = true;
    w->rig->clock.wall_ms += 5 * 1000;
    assert_int_equal(change(&run, &w->steps[2], &err), FX_OK);
    assert_int_equal(result.due_ms, w->rig->clock.wall_ms + 2500);
    w->rig->clock.wall_ms += 60 * 1000;
    assert_int_equal(change(&run, &w->steps[2], &err), FX_OK);
    assert_int_equal(result.due_ms, w->rig->clock.wall_ms + 15 * 1000);
}

static const char *long_text(struct change_world *w) {
    char *text = fx_alloc(w->rig->sc, LONG_TEXT + 1);

    memset(text, 'x', LONG_TEXT);
    return text;
}

/* A button cannot carry so long an id. */
static void a_run_whose_card_cannot_be_drawn_does_not_wait_in_silence(void **state) {
    struct change_world *w = *state;
    struct fx_error err;

    put_approved(w, long_text(w));
    struct engine_run run = load(w);

    w->slack_is_away = true;
    assert_int_equal(change(&run, &w->steps[2], &err), FX_ERR_INPUT);
}

static void a_kind_without_facts_has_nothing_to_confirm(void **state) {
    struct change_world *w = *state;
    struct fx_step_kind kind = *w->steps[2].kind;
    struct fx_error err;

    put_approved(w, NULL);
    kind.confirm = NULL;
    w->steps[2].kind = &kind;
    w->aws.facts = "three wait";
    w->rig->work.job = NULL; /* nothing was claimed */
    w->rig->job = (struct fx_job){.kind = "run", .subject = "r1"};
    w->rig->work.job = &w->rig->job;
    struct engine_run run = load(w);

    w->rig->work.job = NULL;
    assert_int_equal(change(&run, &w->steps[2], &err), FX_OK);
    assert_int_equal(w->aws.sent[0], 1);
}

static void
an_emergency_stop_runs_without_an_approval_but_not_without_its_parameters(void **state) {
    static const struct {
        const char *params, *checkpoint;
        enum fx_code code;
    } cases[] = {{"{'queue':'${nothing.there('}", "", FX_ERR_INPUT},
                 {"{}", "", FX_ERR_INPUT},
                 {"{'queue':'orders'}", "{", FX_ERR_INPUT},
                 {"{'queue':'orders'}", "{}", FX_OK},
                 {"{'queue':'orders'}", "", FX_OK}};
    struct change_world *w = *state;
    struct fx_step_kind kind = *w->steps[2].kind;
    struct fx_error err;

    kind.is_stop = true;
    w->steps[2].kind = &kind;
    put_run(w, "r1");
    struct engine_run run = load(w);

    w->rig->work.job = NULL;
    w->aws.mute = w->aws.blind = true; /* it parks, or asks: no matter */
    for (size_t i = 0; i < FX_COUNT_OF(cases); i++) {
        w->steps[2].params = engine_rig_json(w->rig, cases[i].params);
        run.row->checkpoint_json = cases[i].checkpoint;
        run.row->stop_requested = true;
        assert_int_equal(change(&run, &w->steps[2], &err), cases[i].code);
    }
}

/* ---- asking ---- */

static enum fx_code ask(struct change_world *w, struct fx_error *err) {
    struct engine_run run = load(w);
    struct fx_json *value = NULL;

    *err = (struct fx_error){0};
    return engine_approval_step(&run, &w->steps[1], &value, err);
}

static void what_cannot_be_filled_in_is_not_asked_for(void **state) {
    static const struct {
        const char *gate, *change;
        enum fx_code code;
    } cases[] = {{"{}", "{'queue':'orders'}", FX_ERR_INTERNAL},
                 {"{'step':'nobody'}", "{'queue':'orders'}", FX_ERR_INTERNAL},
                 {"{'step':'change','reason':'${('}", "{'queue':'orders'}", FX_ERR_INPUT},
                 {"{'step':'change'}", "{'queue':'${('}", FX_ERR_INPUT},
                 {"{'step':'change'}", "{}", FX_ERR_INPUT}};
    struct change_world *w = *state;
    struct fx_error err;

    put_run(w, "r1");
    for (size_t i = 0; i < FX_COUNT_OF(cases); i++) {
        w->steps[1].params = engine_rig_json(w->rig, cases[i].gate);
        w->steps[2].params = engine_rig_json(w->rig, cases[i].change);
        assert_int_equal(ask(w, &err), cases[i].code);
        assert_int_equal(w->rig->work.writes.approvals_count, 0);
    }
}

static void nobody_is_asked_while_slack_does_not_say_who_listens(void **state) {
    struct change_world *w = *state;
    struct fx_error err;

    put_run(w, "r1");
    w->slack_is_away = true;
    assert_int_equal(ask(w, &err), FX_ERR_UNAVAILABLE);
    assert_int_equal(w->rig->work.writes.approvals_count, 0);
}

static void a_plan_without_a_title_is_asked_for_by_its_command(void **state) {
    struct change_world *w = *state;
    struct fx_error err;

    put_run(w, "r1");
    w->aws.untitled = true;
    assert_ok(ask(w, &err));
    assert_non_null(strstr(w->rig->work.writes.messages[0]->payload_json,
                           "Approval needed: /fluxa dlq redrive (dev)"));
}

/* ---- what was decided ---- */

static const char *note_of(struct change_world *w) {
    return w->rig->work.writes.runs[0]->note;
}

static void a_denial_is_told_with_its_reason_or_without(void **state) {
    struct change_world *w = *state;
    struct fx_error err;

    put_run(w, "r1")->stop_requested = true;
    put_request(w, "{}", NULL);
    decide(w, FX_APPROVAL_DENIED, "U2", "");
    assert_ok(w->durable->request_stop(w->durable, w->rig->sc, "r1", "U4", NULL, &err));
    assert_ok(ask(w, &err)); /* it was denied before it was stopped */
    assert_int_equal(w->rig->work.writes.runs[0]->state, FX_RUN_DENIED);
    assert_string_equal(note_of(w), "denied: ");
    assert_null(strstr(w->rig->work.writes.messages[0]->payload_json, "Reason:"));
}

/* A run may have two requests. Of the first step something stands, whatever becomes of the second.
 */
static void what_was_changed_before_is_told_when_a_later_request_ends(void **state) {
    /* what is neither approved nor denied has expired */
    static const enum fx_approval_state ends[] = {FX_APPROVAL_DENIED, (enum fx_approval_state)99};

    for (size_t i = 0; i < FX_COUNT_OF(ends); i++) {
        struct change_world *w = *state;
        struct fx_intent before = {.run = "r1",
                                   .step = "earlier",
                                   .key = "change",
                                   .digest = "d",
                                   .what_json = "{}",
                                   .set_ms = RIG_NOW_MS};
        struct fx_error err;

        if (i > 0) {
            change_world_tear_down(state);
            change_world_set_up(state);
        }
        put_run(w, "r1");
        put_request(w, "{}", NULL);
        assert_ok(w->durable->begin_effect(w->durable, w->rig->sc, NULL, &before, NULL, &err));
        before.state = FX_INTENT_DONE;
        before.outcome_json = "{}";
        assert_ok(w->durable->end_effect(w->durable, w->rig->sc, &before, NULL, &err));
        decide(w, ends[i], "U2", "");
        assert_ok(ask(w, &err));
        const char *card = w->rig->work.writes.messages[0]->payload_json;

        assert_null(strstr(card, "Nothing was changed"));
        assert_non_null(strstr(card, "1 change had been made before"));
    }
}

static void a_request_that_cannot_be_read_is_not_shown_as_another(void **state) {
    struct change_world *w = *state;
    struct fx_error err;

    put_run(w, "r1");
    put_request(w, "{", NULL);
    assert_int_equal(ask(w, &err), FX_ERR_INPUT);
    assert_int_equal(w->rig->work.writes.messages_count, 0);
}

static void a_state_that_nobody_knows_is_no_approval(void **state) {
    struct change_world *w = *state;
    struct fx_error err;

    put_run(w, "r1");
    put_request(w, "{}", NULL);
    decide(w, (enum fx_approval_state)99, "U2", "");
    assert_ok(ask(w, &err));
    assert_int_equal(w->rig->work.writes.runs[0]->state, FX_RUN_EXPIRED);
    assert_refused(w, FX_ERR_DENIED, "was not approved");
}

int main(void) {
#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, change_world_set_up, change_world_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(nothing_runs_that_was_not_approved),
        TEST(an_approval_counts_only_for_the_step_it_names),
        TEST(a_plan_with_another_digest_does_not_run),
        cmocka_unit_test(a_plan_that_does_not_say_what_it_was_made_from_does_not_run),
        TEST(whose_rights_it_has_and_where_are_part_of_what_was_approved),
        TEST(which_databases_it_reads_is_part_of_what_was_approved),
        TEST(what_an_older_version_began_is_gone_on_with),
        TEST(an_approval_that_was_given_too_long_ago_is_not_used),
        TEST(a_run_waits_for_slack_as_long_as_slack_wants),
        TEST(a_run_asks_slack_less_and_less_often),
        TEST(a_checkpoint_that_cannot_be_read_is_no_reason_to_begin),
        TEST(a_run_whose_card_cannot_be_drawn_does_not_wait_in_silence),
        TEST(a_kind_without_facts_has_nothing_to_confirm),
        TEST(an_emergency_stop_runs_without_an_approval_but_not_without_its_parameters),
        TEST(what_cannot_be_filled_in_is_not_asked_for),
        TEST(nobody_is_asked_while_slack_does_not_say_who_listens),
        TEST(a_plan_without_a_title_is_asked_for_by_its_command),
        TEST(a_denial_is_told_with_its_reason_or_without),
        TEST(what_was_changed_before_is_told_when_a_later_request_ends),
        TEST(a_request_that_cannot_be_read_is_not_shown_as_another),
        TEST(a_state_that_nobody_knows_is_no_approval),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
