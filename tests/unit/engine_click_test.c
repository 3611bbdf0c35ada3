/* engine_click_test.c - a button or a dialog of somebody who may not: nothing is decided, stopped
 * or opened, the person is told, and the audit log knows. And one that comes late, means nothing
 * here, or meets a store that is away.
 */
#include "support/test.h"

#include "change_world.h"

#include <stdio.h>
#include <string.h>

#define NOBODY "U5"
#define APPROVER "U2"

static bool is_asked(struct change_world *w) {
    return change_world_approval(w) != NULL;
}

/* ---- what Slack sends ---- */

static const char *form(struct fx_scope *sc, const struct fx_json *payload) {
    const char *text = fx_json_dump(sc, payload);
    char *body = fx_alloc(sc, 3 * strlen(text) + sizeof "payload="), *end = body;

    end += sprintf(end, "payload=");
    for (; *text != '\0'; text++)
        end += sprintf(end, "%%%02X", (unsigned char)*text);
    return body;
}

static struct fx_json *text(struct fx_scope *sc, const char *value) {
    return fx_json_string(sc, value);
}

static struct fx_json *button(struct fx_scope *sc, const char *name, const char *value) {
    struct fx_json *action =
        fx_json_object_of(sc, "action_id", text(sc, name), "block_id", text(sc, "b"), "value",
                          text(sc, value), "action_ts", text(sc, "1.1"), NULL);

    return fx_json_object_of(sc, "type", text(sc, "block_actions"), "trigger_id", text(sc, "1.2"),
                             "channel", fx_json_object_of(sc, "id", text(sc, "C1"), NULL),
                             "actions", fx_json_array_of(sc, action, NULL), NULL);
}

static struct fx_json *dialog(struct fx_scope *sc, const char *name, const char *subject,
                              const char *id, const char *reason) {
    struct fx_json *where =
        fx_json_object_of(sc, subject, text(sc, id), "channel", text(sc, "C1"), NULL);
    struct fx_json *value = fx_json_object_of(sc, "value", text(sc, reason), NULL);
    struct fx_json *values =
        fx_json_object_of(sc, "reason", fx_json_object_of(sc, "reason", value, NULL), NULL);
    struct fx_json *view =
        fx_json_object_of(sc, "id", text(sc, "V1"), "callback_id", text(sc, name),
                          "private_metadata", text(sc, fx_json_dump(sc, where)), "state",
                          fx_json_object_of(sc, "values", values, NULL), NULL);

    return fx_json_object_of(sc, "type", text(sc, "view_submission"), "view", view, NULL);
}

static enum fx_code send(struct change_world *w, const char *user, struct fx_json *payload,
                         struct fx_writes *ret_writes) {
    struct fx_scope *sc = w->rig->sc;
    struct engine_work work = {
        .engine = &w->rig->engine, .sc = sc, .now_ms = w->rig->clock.wall_ms};
    struct fx_event event = {.id = "e1"};
    struct fx_error err = {0};

    fx_json_put(payload, "user",
                fx_json_object_of(sc, "id", text(sc, user), "team_id", text(sc, "T1"), NULL));
    fx_json_put(payload, "team", fx_json_object_of(sc, "id", text(sc, "T1"), NULL));
    event.body = form(sc, payload);
    enum fx_code code = engine_event_interaction(&work, &event, &err);

    *ret_writes = work.writes;
    return code;
}

/* What a person was told, of what the click wrote. */
static struct fx_writes press(struct change_world *w, const char *user, struct fx_json *payload) {
    struct fx_writes writes = {0};

    assert_int_equal(send(w, user, payload, &writes), FX_OK);
    return writes;
}

/* ---- each of them ---- */

enum { PRESSES = 14 };

static struct fx_json *payload_of(struct change_world *w, int number) {
    struct fx_scope *sc = w->rig->sc;
    const char *approval = change_world_approval(w)->id;

    switch (number) {
    case 0:
        return button(sc, "deny", approval);
    case 1:
        return button(sc, "stop", "r1");
    case 2:
        return button(sc, "tell_done", "r1");
    case 3:
        return button(sc, "approve", approval);
    case 4:
        return dialog(sc, "deny_reason", "approval", approval, "not now");
    case 5:
        return dialog(sc, "tell_reason", "run", "r1", "I looked");
    case 6:
        return button(sc, "tell_not_done", "r1");
    case 7:
        return button(sc, "ack", "i1");
    case 8:
        return button(sc, "snooze", "i1");
    case 9:
        return button(sc, "wake", "i1");
    case 10:
        return button(sc, "incident_card", "i1");
    case 11:
        return button(sc, "command:3", "i=i1;b=0");
    case 12:
        return button(sc, "check", "r=r1;c=0");
    default:
        return button(sc, "storm", "s1;0");
    }
}

/* What the last of them are about. */
static void put_incident(struct change_world *w) {
    struct fx_writes writes = {0};
    struct fx_storm *storm = NULL;
    struct fx_error err;

    fx_writes_incident(w->rig->sc, &writes,
                       &(struct fx_incident){.id = "i1",
                                             .system = "fluxa",
                                             .environment = "dev",
                                             .key = "k",
                                             .title = "orders wait",
                                             .severity = "high",
                                             .opened_ms = RIG_NOW_MS,
                                             .changed_ms = RIG_NOW_MS,
                                             .acked_by = "",
                                             .body_json =
                                                 "{\"_buttons\":[{\"command\":\"dlq redrive\","
                                                 "\"arguments\":\"\"}]}"});
    assert_ok(w->durable->write(w->durable, w->rig->sc, NULL, &writes, &err));
    assert_ok(w->durable->storm_begin(
        w->durable, w->rig->sc,
        &(struct fx_storm){
            .id = "s1", .channel = "C1", .began_ms = RIG_NOW_MS, .last_ms = RIG_NOW_MS},
        &storm, &err));
}

static bool is_told(const struct fx_writes *writes, const char *what) {
    return writes->messages_count == 1 && strstr(writes->messages[0]->payload_json, what) != NULL;
}

static void who_may_not_changes_nothing_is_told_and_is_written_down(void **state) {
    struct change_world *w = *state;

    put_incident(w);
    change_world_begin(w);
    change_world_drive(w, is_asked);
    for (int i = 0; i < PRESSES; i++) {
        struct fx_writes writes = press(w, NOBODY, payload_of(w, i));

        print_message("press %d\n", i);
        assert_true(is_told(&writes, "You may not"));
        assert_true(is_told(&writes, "Your click changed nothing"));
        assert_string_equal(writes.messages[0]->user, NOBODY);
        assert_int_equal(writes.audits_count, 1);
        assert_string_equal(writes.audits[0]->action, "click.refused");
        assert_string_equal(writes.audits[0]->actor, NOBODY);
        assert_int_equal(writes.jobs_count + writes.runs_count + writes.settings_count, 0);
        assert_int_equal(change_world_approval(w)->state, FX_APPROVAL_PENDING);
        assert_false(change_world_run(w)->stop_requested);
    }
}

/* The same from somebody who may, so that the refusals above were for who it was. */
static void who_may_is_not_refused(void **state) {
    struct change_world *w = *state;

    put_incident(w);
    change_world_begin(w);
    change_world_drive(w, is_asked);
    for (int i = PRESSES - 1; i >= 0; i--) { /* what ends the request comes late */
        struct fx_writes writes = press(w, APPROVER, payload_of(w, i));

        assert_false(is_told(&writes, "You may not"));
    }
    assert_int_equal(change_world_approval(w)->state, FX_APPROVAL_DENIED);
    assert_true(change_world_run(w)->stop_requested);
}

/* Slack counts blanks as text. */
static void blanks_are_no_reason(void **state) {
    static const char *const blanks[] = {"", "   ", "\n \t", "\u00a0\u200b\u3000", "\u2800\u3164"};
    struct change_world *w = *state;
    struct fx_scope *sc = w->rig->sc;

    change_world_begin(w);
    change_world_drive(w, is_asked);
    for (size_t i = 0; i < FX_COUNT_OF(blanks); i++) {
        struct fx_writes denied =
            press(w, APPROVER,
                  dialog(sc, "deny_reason", "approval", change_world_approval(w)->id, blanks[i]));
        struct fx_writes told =
            press(w, APPROVER, dialog(sc, "tell_reason", "run", "r1", blanks[i]));

        assert_true(is_told(&denied, "A reason is missing"));
        assert_true(is_told(&told, "A reason is missing"));
        assert_int_equal(change_world_approval(w)->state, FX_APPROVAL_PENDING);
    }
}

/* ---- what is not there, or over ---- */

static void assert_told(struct change_world *w, struct fx_json *payload, const char *what) {
    struct fx_writes writes = press(w, APPROVER, payload);

    if (!is_told(&writes, what) || !is_told(&writes, "Your click changed nothing"))
        fail_msg("not told: %s", what);
    assert_int_equal(writes.audits_count + writes.jobs_count + writes.runs_count, 0);
}

static struct fx_json *dialog_with(struct fx_scope *sc, const char *name, const char *metadata) {
    struct fx_json *view = fx_json_object_of(sc, "callback_id", text(sc, name), "private_metadata",
                                             text(sc, metadata), NULL);

    return fx_json_object_of(sc, "type", text(sc, "view_submission"), "view", view, NULL);
}

static void what_is_not_known_here_is_told(void **state) {
    struct change_world *w = *state;
    struct fx_scope *sc = w->rig->sc;

    change_world_begin(w);
    change_world_drive(w, is_asked);
    const char *approval = change_world_approval(w)->id;

    assert_told(w, button(sc, "approve", "apr-0"), "request is not known here");
    assert_told(w, dialog(sc, "deny_reason", "approval", "apr-0", "no"), "request is not known");
    assert_told(w, button(sc, "stop", "r0"), "a run that is not known here");
    assert_told(w, dialog(sc, "tell_reason", "run", "r0", "I looked"), "a run that is not known");
    assert_told(w, dialog_with(sc, "deny_reason", "{\"channel\":\"C1\"}"),
                "carries nothing that is known here");
    assert_told(w, dialog_with(sc, "deny_reason", fx_printf(sc, "{\"approval\":\"%s\"}", approval)),
                "carries nothing that is known here");
    w->fluxa.name = "another";
    assert_told(w, button(sc, "deny", approval), "system fluxa is no longer configured");
    assert_told(w, button(sc, "tell_done", "r1"), "system fluxa is no longer configured");
}

/* Links, closed dialogs, names that only begin like one of ours. */
static void what_means_nothing_is_let_be(void **state) {
    static const char *const names[] = {"approved", "stop_all", "link.0", "", "den"};
    struct change_world *w = *state;
    struct fx_scope *sc = w->rig->sc;

    change_world_begin(w);
    change_world_drive(w, is_asked);
    for (size_t i = 0; i < FX_COUNT_OF(names); i++) {
        struct fx_writes writes = press(w, APPROVER, button(sc, names[i], "r1"));

        assert_int_equal(writes.messages_count + writes.audits_count + writes.jobs_count, 0);
    }
    struct fx_json *closed = dialog(sc, "deny_reason", "approval", "a", "not now");
    struct fx_writes writes = {0};

    fx_json_put(closed, "type", text(sc, "view_closed"));
    writes = press(w, APPROVER, closed);
    assert_int_equal(writes.messages_count, 0);
    for (int i = 0; i < 2; i++) {
        writes = press(w, APPROVER, dialog_with(sc, i == 0 ? "deny_reason" : "tell_reason", "{"));
        assert_true(is_told(&writes, "Your click changed nothing"));
    }
    assert_int_equal(change_world_approval(w)->state, FX_APPROVAL_PENDING);
    assert_false(change_world_run(w)->stop_requested);

    struct engine_work work = {.engine = &w->rig->engine, .sc = sc, .now_ms = RIG_NOW_MS};
    struct fx_event event = {.id = "e1", .body = "payload=%7B"};
    struct fx_error err = {0};

    assert_int_equal(engine_event_interaction(&work, &event, &err), FX_ERR_INPUT);
    assert_int_equal(work.writes.messages_count, 0);
}

static void what_has_ended_is_told(void **state) {
    struct change_world *w = *state;
    struct fx_scope *sc = w->rig->sc;
    struct fx_run ended;
    struct fx_writes writes = {0};
    struct fx_error err;

    change_world_begin(w);
    change_world_drive(w, is_asked);
    const char *approval = change_world_approval(w)->id;

    ended = *change_world_run(w);
    ended.state = FX_RUN_REFUSED;
    ended.note = "the runbook was edited";
    fx_writes_run(sc, &writes, &ended);
    assert_ok(w->durable->write(w->durable, sc, NULL, &writes, &err));
    assert_told(w, button(sc, "stop", "r1"), "already ended: the runbook was edited");
    assert_told(w, button(sc, "approve", approval), "already ended: the runbook was edited");
    assert_told(w, button(sc, "deny", approval), "already ended: the runbook was edited");
    change_world_vote(w, "U3", false);
    assert_told(w, button(sc, "approve", approval), "already denied by somebody before you");
    w->shared = true; /* a request that is decided is not voided any more */
    writes = press(w, NOBODY, button(sc, "approve", approval));
    assert_true(is_told(&writes, "You may not approve"));
    assert_string_equal(change_world_approval(w)->decided_by, "U3");
}

static void while_changes_are_frozen_nobody_approves(void **state) {
    struct change_world *w = *state;
    struct fx_scope *sc = w->rig->sc;

    change_world_begin(w);
    change_world_drive(w, is_asked);
    change_world_freeze(w);
    struct fx_writes writes =
        press(w, APPROVER, button(sc, "approve", change_world_approval(w)->id));

    assert_true(is_told(&writes, "month end"));
    assert_true(is_told(&writes, "Your click changed nothing"));
    assert_int_equal(change_world_approval(w)->state, FX_APPROVAL_PENDING);
    press(w, APPROVER, dialog(sc, "deny_reason", "approval", change_world_approval(w)->id, "no"));
    assert_int_equal(change_world_approval(w)->state, FX_APPROVAL_DENIED);
}

/* Stopping what watches says something else, and so does a command that is gone. */
static void stop_says_what_becomes_of_it(void **state) {
    struct change_world *w = *state;
    struct fx_scope *sc = w->rig->sc;
    struct fx_writes writes;

    change_world_begin(w);
    change_world_drive(w, is_asked);
    w->book.watches = true;
    writes = press(w, APPROVER, button(sc, "stop", "r1"));
    assert_true(is_told(&writes, "Its card says what was seen last"));
    w->fluxa.runbooks_count = 0;
    writes = press(w, APPROVER, button(sc, "stop", "r1"));
    assert_true(is_told(&writes, "What was done stays done"));
}

/* The event's own job tries it again. */
static void a_store_that_is_away_refuses_nobody(void **state) {
    static const int order[] = {2, 5, 0, 3, 4, 1};
    enum { CALLS_MAX = 20 };
    struct change_world *w = *state;

    change_world_begin(w);
    change_world_drive(w, is_asked);
    for (size_t i = 0; i < FX_COUNT_OF(order); i++) {
        struct fx_writes writes = {0};
        int64_t n = 1;

        for (; n < CALLS_MAX; n++) {
            fault_store_arm(w->store, n, FAULT_BEFORE);
            enum fx_code code = send(w, APPROVER, payload_of(w, order[i]), &writes);

            if (!fault_store_fired(w->store) || code == FX_OK) /* it took effect before that */
                break;
            if (code != FX_ERR_UNAVAILABLE || writes.messages_count + writes.audits_count > 0)
                fail_msg("press %d, call %d: %s", order[i], (int)n, fx_code_name(code));
        }
        fault_store_arm(w->store, 0, FAULT_BEFORE);
        assert_in_range(n, 2, CALLS_MAX - 1);
    }
    assert_int_equal(change_world_approval(w)->state, FX_APPROVAL_DENIED);
    assert_true(change_world_run(w)->stop_requested);
}

int main(void) {
#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, change_world_set_up, change_world_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(who_may_not_changes_nothing_is_told_and_is_written_down),
        TEST(who_may_is_not_refused),
        TEST(blanks_are_no_reason),
        TEST(what_is_not_known_here_is_told),
        TEST(what_means_nothing_is_let_be),
        TEST(what_has_ended_is_told),
        TEST(while_changes_are_frozen_nobody_approves),
        TEST(stop_says_what_becomes_of_it),
        TEST(a_store_that_is_away_refuses_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
