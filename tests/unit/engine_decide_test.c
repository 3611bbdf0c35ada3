/* engine_decide_test.c - decisions and what they are bound to, on a real store; and who is told
 * when a job is given up. */
#include "engine_rig.h"

#include <string.h>

static const struct fx_approval an_approval = {.id = "apr-1",
                                               .run = "run1",
                                               .step = "gate",
                                               .digest = "x",
                                               .plan_json = "{\"plan\":1}",
                                               .requester = "U1",
                                               .created_ms = RIG_NOW_MS,
                                               .expires_ms = RIG_NOW_MS + RIG_LIFE_MS,
                                               .decided_by = "",
                                               .reason = ""};

static void store_request(struct engine_rig *rig) {
    struct fx_store *store = rig->engine.options.store;
    struct fx_writes writes = {0};
    struct fx_error err;

    fx_writes_run(rig->sc, &writes, &engine_rig_row);
    fx_writes_approval(rig->sc, &writes, &an_approval);
    assert_ok(store->write(store, rig->sc, NULL, &writes, &err));
}

static enum fx_approval_state state_now(struct engine_rig *rig) {
    struct fx_store *store = rig->engine.options.store;
    struct fx_approval *approval = NULL;
    struct fx_error err;

    assert_ok(store->approval(store, rig->sc, "apr-1", &approval, &err));
    return approval->state;
}

/* ---- deciding ---- */

static void the_first_decision_counts_and_the_next_is_told_whose_it_was(void **state) {
    struct engine_rig *rig = *state;
    struct fx_error err = {0};

    store_request(rig);
    assert_ok(engine_decide(&rig->work, &an_approval, true, "U2", "", "", &err));
    assert_int_equal(engine_decide(&rig->work, &an_approval, true, "U2", "", "", &err),
                     FX_ERR_CONFLICT);
    assert_non_null(strstr(err.message, "approved by you"));
    assert_int_equal(engine_decide(&rig->work, &an_approval, false, "U3", "no", "", &err),
                     FX_ERR_CONFLICT);
    assert_non_null(strstr(err.message, "approved by somebody before you"));
    assert_int_equal(state_now(rig), FX_APPROVAL_APPROVED);
}

static void a_decision_is_anchored_at_once(void **state) {
    struct engine_rig *rig = *state;
    struct fx_store *store = rig->engine.options.store;
    struct fx_job **jobs = NULL;
    struct fx_error err = {0};
    size_t count = 0, anchors = 0;
    char *pem = NULL;

    rig->engine.options.anchor_key = fx_sign_key_new(rig->sc, &pem);
    store_request(rig);
    assert_ok(engine_decide(&rig->work, &an_approval, false, "U2", "no", "", &err));
    assert_ok(store->jobs(store, rig->sc, FX_JOB_READY, 10, &jobs, &count, &err));
    for (size_t i = 0; i < count; i++)
        anchors += strcmp(jobs[i]->kind, "anchor") == 0 && jobs[i]->due_ms <= RIG_NOW_MS;
    assert_int_equal(anchors, 1);
}

static void a_click_after_the_time_decides_nothing(void **state) {
    struct engine_rig *rig = *state;
    struct fx_error err = {0};

    store_request(rig);
    rig->clock.wall_ms = RIG_NOW_MS + RIG_LIFE_MS + 1;
    assert_int_equal(engine_decide(&rig->work, &an_approval, true, "U2", "", "", &err),
                     FX_ERR_CONFLICT);
    assert_non_null(strstr(err.message, "over"));
    assert_int_equal(state_now(rig), FX_APPROVAL_PENDING);
    rig->job = (struct fx_job){.kind = "expire", .subject = "apr-1"};
    assert_ok(engine_expire(&rig->work, &err));
    assert_int_equal(state_now(rig), FX_APPROVAL_EXPIRED);
    assert_int_equal(engine_decide(&rig->work, &an_approval, true, "U2", "", "", &err),
                     FX_ERR_CONFLICT);
    assert_non_null(strstr(err.message, "expired"));
}

static void a_timer_that_comes_too_early_is_set_again(void **state) {
    struct engine_rig *rig = *state;
    struct fx_error err = {0};

    store_request(rig);
    rig->job = (struct fx_job){.kind = "expire", .subject = "apr-1"};
    assert_ok(engine_expire(&rig->work, &err));
    assert_int_equal(state_now(rig), FX_APPROVAL_PENDING);
    assert_int_equal(rig->work.writes.jobs_count, 1);
    assert_string_equal(rig->work.writes.jobs[0]->kind, "expire");
    assert_int_equal(rig->work.writes.jobs[0]->due_ms, RIG_NOW_MS + RIG_LIFE_MS);
}

static void a_request_that_is_withdrawn_is_decided_and_says_why(void **state) {
    struct engine_rig *rig = *state;
    struct fx_store *store = rig->engine.options.store;
    struct fx_approval *approval = NULL;
    struct fx_error err = {0};

    store_request(rig);
    assert_ok(engine_withdraw(&rig->work, &an_approval, "others are listening", &err));
    assert_int_equal(state_now(rig), FX_APPROVAL_DENIED);
    assert_ok(store->approval(store, rig->sc, "apr-1", &approval, &err));
    assert_string_equal(approval->decided_by, "");
    assert_int_equal(engine_decide(&rig->work, &an_approval, true, "U2", "", "", &err),
                     FX_ERR_CONFLICT);
    assert_non_null(strstr(err.message, "withdrawn: others are listening"));
}

static void what_somebody_decided_is_not_withdrawn_any_more(void **state) {
    struct engine_rig *rig = *state;
    struct fx_error err = {0};

    store_request(rig);
    assert_ok(engine_decide(&rig->work, &an_approval, true, "U2", "", "", &err));
    assert_ok(engine_withdraw(&rig->work, &an_approval, "others are listening", &err));
    assert_int_equal(state_now(rig), FX_APPROVAL_APPROVED);
}

/* ---- two who approve ---- */

static struct fx_approval store_request_for_two(struct engine_rig *rig) {
    struct fx_store *store = rig->engine.options.store;
    struct fx_approval approval = an_approval;
    struct fx_writes writes = {0};
    struct fx_error err;

    approval.needed = 2;
    fx_writes_run(rig->sc, &writes, &engine_rig_row);
    fx_writes_approval(rig->sc, &writes, &approval);
    assert_ok(store->write(store, rig->sc, NULL, &writes, &err));
    return approval;
}

static void of_two_who_have_to_approve_each_is_a_person(void **state) {
    struct engine_rig *rig = *state;
    struct fx_approval approval = store_request_for_two(rig);
    struct fx_store *store = rig->engine.options.store;
    struct fx_audit **rows = NULL;
    struct fx_error err = {0};
    size_t count = 0;

    assert_ok(engine_decide(&rig->work, &approval, true, "U2", "", "", &err));
    assert_int_equal(state_now(rig), FX_APPROVAL_PENDING);
    assert_int_equal(engine_decide(&rig->work, &approval, true, "U2", "", "", &err),
                     FX_ERR_CONFLICT);
    assert_non_null(strstr(err.message, "you have approved request apr-1 already"));
    assert_int_equal(engine_decide(&rig->work, &approval, true, "U2B", "", "", &err),
                     FX_ERR_CONFLICT);
    assert_non_null(strstr(err.message, "waits for somebody else"));
    assert_int_equal(state_now(rig), FX_APPROVAL_PENDING);
    assert_ok(engine_decide(&rig->work, &approval, true, "U3", "", "", &err));
    assert_int_equal(state_now(rig), FX_APPROVAL_APPROVED);
    assert_int_equal(engine_decide(&rig->work, &approval, true, "U4", "", "", &err),
                     FX_ERR_CONFLICT);
    assert_non_null(strstr(err.message, "approved by somebody before you"));
    assert_ok(store->audits_of(store, rig->sc, "apr-1", 10, &rows, &count, &err));
    assert_int_equal(count, 2); /* a vote is a row, a click that did not count is none */
    assert_string_equal(rows[0]->actor, "U2");
    assert_string_equal(rows[1]->actor, "U3");
    assert_string_equal(rows[1]->action, "approval.approved");
    assert_non_null(strstr(rows[0]->detail_json, "\"approvers\":2"));
}

static void one_denial_ends_what_one_has_approved(void **state) {
    struct engine_rig *rig = *state;
    struct fx_approval approval = store_request_for_two(rig);
    struct fx_error err = {0};

    assert_ok(engine_decide(&rig->work, &approval, true, "U2", "", "", &err));
    assert_ok(engine_decide(&rig->work, &approval, false, "U3", "not now", "", &err));
    assert_int_equal(state_now(rig), FX_APPROVAL_DENIED);
    assert_int_equal(engine_decide(&rig->work, &approval, true, "U4", "", "", &err),
                     FX_ERR_CONFLICT);
    assert_non_null(strstr(err.message, "denied by somebody before you"));
}

static void who_approved_may_think_again(void **state) {
    struct engine_rig *rig = *state;
    struct fx_approval approval = store_request_for_two(rig);
    struct fx_error err = {0};

    assert_ok(engine_decide(&rig->work, &approval, true, "U2", "", "", &err));
    assert_ok(engine_decide(&rig->work, &approval, false, "U2", "a mistake", "", &err));
    assert_int_equal(state_now(rig), FX_APPROVAL_DENIED);
}

static void the_second_of_two_may_come_too_late(void **state) {
    struct engine_rig *rig = *state;
    struct fx_approval approval = store_request_for_two(rig);
    struct fx_error err = {0};

    assert_ok(engine_decide(&rig->work, &approval, true, "U2", "", "", &err));
    rig->clock.wall_ms = RIG_NOW_MS + RIG_LIFE_MS + 1;
    assert_int_equal(engine_decide(&rig->work, &approval, true, "U3", "", "", &err),
                     FX_ERR_CONFLICT);
    assert_non_null(strstr(err.message, "over"));
    rig->job = (struct fx_job){.kind = "expire", .subject = "apr-1"};
    assert_ok(engine_expire(&rig->work, &err));
    assert_int_equal(state_now(rig), FX_APPROVAL_EXPIRED);
}

/* ---- the digest ---- */

static void the_digest_changes_with_everything_that_was_shown_or_asked(void **state) {
    struct engine_rig *rig = *state;
    const char *digest = engine_plan_digest(rig->sc, &engine_rig_row, &an_approval);
    struct fx_run runs[5];
    struct fx_approval approvals[7];

    for (size_t i = 0; i < FX_COUNT_OF(runs); i++)
        runs[i] = engine_rig_row;
    for (size_t i = 0; i < FX_COUNT_OF(approvals); i++)
        approvals[i] = an_approval;
    runs[0].id = "run2";
    runs[1].system = "other";
    runs[2].environment = "prod";
    runs[3].command = "dlq";
    runs[4].runbook_digest = "d2";
    approvals[0].plan_json = "{\"plan\":2}";
    approvals[1].requester = "U9";
    approvals[2].step = "gate2";
    approvals[3].id = "apr-2";
    approvals[4].created_ms++;
    approvals[5].expires_ms++;
    approvals[6].needed = 2;
    assert_string_equal(engine_plan_digest(rig->sc, &engine_rig_row, &an_approval), digest);
    for (size_t i = 0; i < FX_COUNT_OF(runs); i++)
        assert_string_not_equal(engine_plan_digest(rig->sc, &runs[i], &an_approval), digest);
    for (size_t i = 0; i < FX_COUNT_OF(approvals); i++)
        assert_string_not_equal(engine_plan_digest(rig->sc, &engine_rig_row, &approvals[i]),
                                digest);
}

/* ---- what was changed ---- */

static void add_intent(struct engine_rig *rig, const char *key, enum fx_intent_state state,
                       const char *outcome) {
    struct fx_store *store = rig->engine.options.store;
    struct fx_intent intent = {.run = "run1",
                               .step = "redrive",
                               .key = key,
                               .digest = "x",
                               .state = FX_INTENT_SET,
                               .what_json = "{}",
                               .outcome_json = "",
                               .set_ms = RIG_NOW_MS};
    struct fx_error err;

    assert_ok(store->begin_effect(store, rig->sc, NULL, &intent, NULL, &err));
    if (state == FX_INTENT_SET)
        return;
    intent.state = state;
    intent.outcome_json = outcome;
    assert_ok(store->end_effect(store, rig->sc, &intent, NULL, &err));
}

static void what_aws_refused_is_no_change_and_what_nobody_knows_is_an_open_one(void **state) {
    struct engine_rig *rig = *state;
    struct engine_changes changes = {0};
    struct fx_error err = {0};

    store_request(rig);
    assert_ok(engine_count_changes(&rig->work, "run1", &changes, &err));
    assert_string_equal(engine_changes_text(rig->sc, &changes), "Nothing was changed.");
    add_intent(rig, "a", FX_INTENT_FAILED, "{\"refused\":\"no\"}");
    assert_ok(engine_count_changes(&rig->work, "run1", &changes, &err));
    assert_int_equal(changes.made, 0);
    add_intent(rig, "b", FX_INTENT_DONE, "{}");
    add_intent(rig, "n", FX_INTENT_NOT_SENT, "{\"not_sent\":\"too late\"}");
    assert_ok(engine_count_changes(&rig->work, "run1", &changes, &err));
    assert_int_equal(changes.made, 1);
    assert_int_equal(changes.open, 0);
    assert_string_equal(engine_changes_text(rig->sc, &changes),
                        "1 change had been made before; the audit log names each of them.");
    add_intent(rig, "c", FX_INTENT_UNKNOWN, "{\"unknown\":true}");
    add_intent(rig, "o", FX_INTENT_FAILED, "{\"unknown\":true}"); /* of an older version */
    add_intent(rig, "d", FX_INTENT_SET, NULL);
    assert_ok(engine_count_changes(&rig->work, "run1", &changes, &err));
    assert_int_equal(changes.made, 4);
    assert_int_equal(changes.open, 3);
    assert_null(strstr(engine_changes_text(rig->sc, &changes), "had been made"));
    assert_non_null(strstr(engine_changes_text(rig->sc, &changes), "may or may not"));
}

/* ---- giving up ---- */

static void give_up(struct engine_rig *rig, const char *kind, const char *subject) {
    struct fx_error why = {0}, err = {0};

    (void)fx_fail(&why, FX_ERR_INTERNAL, "the sky fell");
    rig->job = (struct fx_job){.kind = kind, .subject = subject};
    assert_ok(engine_give_up(&rig->work, &why, &err));
}

static void a_run_that_is_given_up_has_failed_and_its_asker_is_told(void **state) {
    struct engine_rig *rig = *state;

    store_request(rig);
    give_up(rig, "run", "run1");
    assert_int_equal(rig->work.writes.runs_count, 1);
    assert_int_equal(rig->work.writes.runs[0]->state, FX_RUN_FAILED);
    assert_int_equal(rig->work.writes.messages_count, 1);
    assert_int_equal(rig->work.writes.messages[0]->kind, FX_MESSAGE_EPHEMERAL);
    assert_string_equal(rig->work.writes.messages[0]->user, "U1");
    assert_non_null(strstr(rig->work.writes.messages[0]->payload_json, "Nothing was changed"));
    assert_int_equal(rig->work.writes.audits_count, 1);
}

static void a_run_with_an_open_change_asks_instead_of_claiming_to_have_failed(void **state) {
    struct engine_rig *rig = *state;

    store_request(rig);
    add_intent(rig, "d", FX_INTENT_SET, NULL);
    give_up(rig, "run", "run1");
    assert_int_equal(rig->work.writes.runs[0]->state, FX_RUN_ASKING);
    assert_non_null(strstr(rig->work.writes.messages[0]->payload_json, "may or may not"));
}

static void a_run_that_has_ended_is_left_alone(void **state) {
    struct engine_rig *rig = *state;
    struct fx_store *store = rig->engine.options.store;
    struct fx_run done = engine_rig_row;
    struct fx_writes writes = {0};
    struct fx_error err;

    done.state = FX_RUN_DONE;
    fx_writes_run(rig->sc, &writes, &done);
    assert_ok(store->write(store, rig->sc, NULL, &writes, &err));
    give_up(rig, "run", "run1");
    assert_int_equal(rig->work.writes.runs_count + rig->work.writes.messages_count, 0);
    give_up(rig, "run", "nobody");
    assert_int_equal(rig->work.writes.runs_count + rig->work.writes.messages_count, 0);
}

static void store_event(struct engine_rig *rig, const char *kind, const char *body, bool verified) {
    struct fx_store *store = rig->engine.options.store;
    struct fx_event event = {
        .id = "e1", .kind = kind, .body = body, .verified = verified, .received_ms = RIG_NOW_MS};
    struct fx_error err;
    bool is_new = false;

    assert_ok(store->accept(store, rig->sc, &event, &is_new, &err));
    assert_true(is_new);
}

static void whoever_typed_a_command_that_is_given_up_is_told_in_private(void **state) {
    struct engine_rig *rig = *state;

    store_event(
        rig, "slack.command",
        "command=%2Ffluxa&text=dlq&user_id=U7&team_id=T1&channel_id=C1&response_url=https%3A"
        "%2F%2Fhooks.slack.com%2Fcommands%2Fx&trigger_id=1.2.a&api_app_id=A1",
        true);
    give_up(rig, "event", "e1");
    assert_int_equal(rig->work.writes.messages_count, 1);
    assert_string_equal(rig->work.writes.messages[0]->user, "U7");
    assert_non_null(strstr(rig->work.writes.messages[0]->payload_json, "the sky fell"));
    assert_non_null(strstr(rig->work.writes.messages[0]->payload_json, "nothing was done"));
}

static void an_expiry_or_an_unknown_kind_that_is_given_up_tells_nobody(void **state) {
    struct engine_rig *rig = *state;

    give_up(rig, "expire", "apr-1");
    give_up(rig, "event", "nobody");
    store_event(rig, "reconcile", "{}", true);
    give_up(rig, "event", "e1");
    assert_int_equal(rig->work.writes.messages_count, 0);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, engine_rig_set_up, engine_rig_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_first_decision_counts_and_the_next_is_told_whose_it_was),
        TEST(a_decision_is_anchored_at_once),
        TEST(a_click_after_the_time_decides_nothing),
        TEST(a_timer_that_comes_too_early_is_set_again),
        TEST(a_request_that_is_withdrawn_is_decided_and_says_why),
        TEST(what_somebody_decided_is_not_withdrawn_any_more),
        TEST(of_two_who_have_to_approve_each_is_a_person),
        TEST(one_denial_ends_what_one_has_approved),
        TEST(who_approved_may_think_again),
        TEST(the_second_of_two_may_come_too_late),
        TEST(the_digest_changes_with_everything_that_was_shown_or_asked),
        TEST(what_aws_refused_is_no_change_and_what_nobody_knows_is_an_open_one),
        TEST(a_run_that_is_given_up_has_failed_and_its_asker_is_told),
        TEST(a_run_with_an_open_change_asks_instead_of_claiming_to_have_failed),
        TEST(a_run_that_has_ended_is_left_alone),
        TEST(whoever_typed_a_command_that_is_given_up_is_told_in_private),
        TEST(an_expiry_or_an_unknown_kind_that_is_given_up_tells_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
