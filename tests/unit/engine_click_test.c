/* engine_click_test.c - a button or a dialog of somebody who may not: nothing is decided, stopped
 * or opened, the person is told, and the audit log knows.
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

/* What a person was told, of what the click wrote. */
static struct fx_writes press(struct change_world *w, const char *user, struct fx_json *payload) {
    struct fx_scope *sc = w->rig->sc;
    struct engine_work work = {
        .engine = &w->rig->engine, .sc = sc, .now_ms = w->rig->clock.wall_ms};
    struct fx_event event = {.id = "e1"};
    struct fx_error err = {0};

    fx_json_put(payload, "user",
                fx_json_object_of(sc, "id", text(sc, user), "team_id", text(sc, "T1"), NULL));
    fx_json_put(payload, "team", fx_json_object_of(sc, "id", text(sc, "T1"), NULL));
    event.body = form(sc, payload);
    assert_ok(engine_event_interaction(&work, &event, &err));
    return work.writes;
}

/* ---- each of them ---- */

enum { PRESSES = 6 };

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
    default:
        return dialog(sc, "tell_reason", "run", "r1", "I looked");
    }
}

static bool is_told(const struct fx_writes *writes, const char *what) {
    return writes->messages_count == 1 && strstr(writes->messages[0]->payload_json, what) != NULL;
}

static void who_may_not_changes_nothing_is_told_and_is_written_down(void **state) {
    struct change_world *w = *state;

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

static void a_reminder_is_due_at_half_time(void **state) {
    struct change_world *w = *state;
    struct fx_job **jobs = NULL;
    size_t count = 0, found = 0;
    struct fx_error err;

    change_world_begin(w);
    change_world_drive(w, is_asked);
    const struct fx_approval *approval = change_world_approval(w);

    assert_ok(w->durable->jobs(w->durable, w->rig->sc, FX_JOB_READY, 10, &jobs, &count, &err));
    for (size_t i = 0; i < count; i++)
        if (strcmp(jobs[i]->kind, "remind") == 0) {
            found++;
            assert_int_equal(jobs[i]->due_ms, approval->created_ms + WORLD_WAIT_MS / 2);
        }
    assert_int_equal(found, 1);
}

int main(void) {
#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, change_world_set_up, change_world_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(who_may_not_changes_nothing_is_told_and_is_written_down),
        TEST(who_may_is_not_refused),
        TEST(blanks_are_no_reason),
        TEST(a_reminder_is_due_at_half_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
