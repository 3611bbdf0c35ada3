/* store_contract_records.c - runs, incidents, settings and the audit log read back as written. */
#include "contract/store_contract.h"

#include <string.h>

static void a_run_reads_back_as_written_and_is_replaced(void **state) {
    struct contract *c = *state;
    struct fx_error err;
    struct fx_writes w = {0};
    struct fx_run run = contract_run("r1", FX_RUN_WAITING);
    struct fx_run *stored = NULL;

    fx_writes_run(c->sc, &w, &run);
    run.note = "changed after it was given";
    contract_write(c, &w);
    contract_reopen(c);
    assert_ok(c->store->run(c->store, c->sc, "r1", &stored, &err));
    assert_string_equal(stored->system, "fluxa");
    assert_string_equal(stored->environment, "prod");
    assert_string_equal(stored->command, "dlq redrive");
    assert_string_equal(stored->runbook_digest, "d1");
    assert_string_equal(stored->arguments_json, "{\"count\":3}");
    assert_string_equal(stored->trigger, "slash");
    assert_string_equal(stored->requester, "U1");
    assert_string_equal(stored->channel, "C1");
    assert_string_equal(stored->response_url, "https://hooks.example/1");
    assert_string_equal(stored->parent, "incident:I1");
    assert_string_equal(stored->incident, "I1");
    assert_int_equal(stored->state, FX_RUN_WAITING);
    assert_string_equal(stored->note, "it goes on");
    assert_int_equal(stored->step, 4);
    assert_string_equal(stored->values_json, "{\"a\":1}");
    assert_string_equal(stored->checkpoint_json, "{\"b\":2}");
    assert_false(stored->stop_requested);
    assert_string_equal(stored->stop_by, "");
    assert_int_equal(stored->created_ms, 11);
    assert_int_equal(stored->updated_ms, 12);
    stored->step = 5;
    stored->state = FX_RUN_DONE;
    w = (struct fx_writes){0};
    fx_writes_run(c->sc, &w, stored);
    contract_write(c, &w);
    assert_ok(c->store->run(c->store, c->sc, "r1", &stored, &err));
    assert_int_equal(stored->step, 5);
    assert_int_equal(stored->state, FX_RUN_DONE);
    assert_ok(c->store->run(c->store, c->sc, "r2", &stored, &err));
    assert_null(stored);
}

static void runs_are_listed_newest_first_by_system_and_state(void **state) {
    struct contract *c = *state;
    struct fx_error err;
    struct fx_writes w = {0};
    struct fx_run **runs = NULL;
    size_t count = 0;

    for (int i = 0; i <= FX_RUN_FAILED; i++) {
        struct fx_run run = contract_run(fx_printf(c->sc, "r%d", i), (enum fx_run_state)i);
        run.created_ms = 100 + i;
        run.system = i % 2 == 0 ? "fluxa" : "chat";
        fx_writes_run(c->sc, &w, &run);
    }
    contract_write(c, &w);
    assert_ok(c->store->runs(c->store, c->sc, "", false, 3, &runs, &count, &err));
    assert_int_equal(count, 3);
    assert_string_equal(runs[0]->id, "r10");
    assert_string_equal(runs[2]->id, "r8");
    assert_ok(c->store->runs(c->store, c->sc, "", true, 100, &runs, &count, &err));
    assert_int_equal(count, FX_RUN_DONE);
    for (size_t i = 0; i < count; i++)
        assert_false(fx_run_state_is_final(runs[i]->state));
    assert_ok(c->store->runs(c->store, c->sc, "chat", true, 100, &runs, &count, &err));
    assert_int_equal(count, 2);
    assert_string_equal(runs[0]->id, "r3");
}

static void incidents_are_found_by_key_and_listed(void **state) {
    struct contract *c = *state;
    struct fx_error err;
    struct fx_writes w = {0};
    struct fx_incident first = {.id = "i1",
                                .system = "fluxa",
                                .environment = "prod",
                                .key = "arn",
                                .title = "DLQ is not empty",
                                .severity = "high",
                                .state = FX_INCIDENT_CLOSED,
                                .opened_ms = 10,
                                .closed_ms = 20,
                                .changed_ms = 15,
                                .seen = 3,
                                .acked_by = "U1",
                                .acked_ms = 12,
                                .paged = true,
                                .body_json = "{}"};
    struct fx_incident second = {.id = "i2", .system = "fluxa", .key = "arn", .opened_ms = 30};
    struct fx_incident other = {.id = "i3", .system = "chat", .key = "arn", .opened_ms = 40};
    struct fx_incident *stored = NULL;
    struct fx_incident **list = NULL;
    size_t count = 0;

    fx_writes_incident(c->sc, &w, &first);
    fx_writes_incident(c->sc, &w, &second);
    fx_writes_incident(c->sc, &w, &other);
    contract_write(c, &w);
    assert_ok(c->store->incident_by_key(c->store, c->sc, "fluxa", "arn", &stored, &err));
    assert_string_equal(stored->id, "i2");
    assert_string_equal(stored->title, "");
    assert_ok(c->store->incident_by_key(c->store, c->sc, "fluxa", "none", &stored, &err));
    assert_null(stored);
    assert_ok(c->store->incident(c->store, c->sc, "i1", &stored, &err));
    assert_string_equal(stored->title, "DLQ is not empty");
    assert_string_equal(stored->severity, "high");
    assert_int_equal(stored->state, FX_INCIDENT_CLOSED);
    assert_int_equal(stored->closed_ms, 20);
    assert_int_equal(stored->changed_ms, 15);
    assert_int_equal(stored->seen, 3);
    assert_string_equal(stored->acked_by, "U1");
    assert_int_equal(stored->acked_ms, 12);
    assert_true(stored->paged);
    assert_ok(c->store->incidents(c->store, c->sc, "", true, 10, &list, &count, &err));
    assert_int_equal(count, 2);
    assert_string_equal(list[0]->id, "i3");
    assert_ok(c->store->incidents(c->store, c->sc, "fluxa", false, 10, &list, &count, &err));
    assert_int_equal(count, 2);
}

/* What incident_by_key says now, as the basis of a decision. */
static struct fx_incident decided_now(struct contract *c, const char *id,
                                      enum fx_incident_state state) {
    struct fx_incident *seen = NULL;
    struct fx_error err;

    assert_ok(c->store->incident_by_key(c->store, c->sc, "fluxa", "arn", &seen, &err));
    return (struct fx_incident){.id = id,
                                .system = "fluxa",
                                .key = "arn",
                                .state = state,
                                .seen_id = seen == NULL ? "" : seen->id,
                                .seen_version = seen == NULL ? 0 : seen->version};
}

static enum fx_code put_incident(struct contract *c, const struct fx_incident *incident) {
    struct fx_writes w = {0};
    struct fx_error err;

    fx_writes_incident(c->sc, &w, incident);
    return c->store->write(c->store, c->sc, NULL, &w, &err);
}

static void an_alarm_and_its_end_that_did_not_see_each_other_are_not_both_written(void **state) {
    struct contract *c = *state;
    struct fx_incident alarm = decided_now(c, "alarm", FX_INCIDENT_OPEN);
    struct fx_incident ok = decided_now(c, "ok", FX_INCIDENT_CLOSED);

    assert_int_equal(put_incident(c, &ok), FX_OK);
    assert_int_equal(put_incident(c, &alarm), FX_ERR_CONFLICT);
    alarm = decided_now(c, "alarm", FX_INCIDENT_OPEN);
    struct fx_incident later = decided_now(c, "later", FX_INCIDENT_CLOSED);
    struct fx_incident other = {.id = "other", .system = "fluxa", .key = "arn2", .seen_id = ""};

    assert_int_equal(put_incident(c, &other), FX_OK);
    assert_int_equal(put_incident(c, &alarm), FX_OK);
    assert_int_equal(put_incident(c, &later), FX_ERR_CONFLICT);
}

static void what_was_decided_about_an_older_version_is_not_written(void **state) {
    struct contract *c = *state;
    struct fx_incident first = decided_now(c, "i1", FX_INCIDENT_CLOSED);
    struct fx_incident *stored = NULL;
    struct fx_error err;

    assert_int_equal(put_incident(c, &first), FX_OK);
    struct fx_incident next = decided_now(c, "i2", FX_INCIDENT_OPEN);

    assert_ok(c->store->incident(c->store, c->sc, "i1", &stored, &err));
    stored->changed_ms = 99; /* a newer OK of the closed one */
    assert_int_equal(put_incident(c, stored), FX_OK);
    assert_int_equal(put_incident(c, &next), FX_ERR_CONFLICT);
}

enum { ALARMS = 16, ALARM_ROUNDS = 8 };
struct teller {
    struct contract *c;
    struct fx_incident incident;
    enum fx_code code;
};

static void *tell(void *item) {
    struct teller *teller = item;
    struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_writes w = {0};
    struct fx_error err;

    fx_writes_incident(sc, &w, &teller->incident);
    teller->code = teller->c->store->write(teller->c->store, sc, NULL, &w, &err);
    fx_scope_free(sc);
    return NULL;
}

static void of_sixteen_alarms_and_ends_of_one_moment_one_is_written(void **state) {
    struct contract *c = *state;
    struct teller tellers[ALARMS];

    for (int n = 0; n < ALARM_ROUNDS; n++) {
        int won = 0;

        for (int i = 0; i < ALARMS; i++) {
            tellers[i] = (struct teller){
                .c = c,
                .incident = {.id = fx_printf(c->sc, "i%d-%d", n, i),
                             .system = "fluxa",
                             .key = fx_printf(c->sc, "arn%d", n),
                             .state = i % 2 == 0 ? FX_INCIDENT_OPEN : FX_INCIDENT_CLOSED,
                             .seen_id = ""}};
        }
        contract_threads(ALARMS, tell, tellers, sizeof(tellers[0]));
        for (int i = 0; i < ALARMS; i++) {
            assert_true(tellers[i].code == FX_OK || tellers[i].code == FX_ERR_CONFLICT);
            won += tellers[i].code == FX_OK;
        }
        assert_int_equal(won, 1);
    }
}

static void an_open_incident_is_found_before_a_newer_closed_one(void **state) {
    struct contract *c = *state;
    struct fx_writes w = {0};
    struct fx_incident open = {.id = "i1", .system = "fluxa", .key = "arn", .opened_ms = 10};
    struct fx_incident closed = {
        .id = "i2", .system = "fluxa", .key = "arn", .opened_ms = 20, .state = FX_INCIDENT_CLOSED};
    struct fx_incident *stored = NULL;
    struct fx_error err;

    fx_writes_incident(c->sc, &w, &open);
    fx_writes_incident(c->sc, &w, &closed);
    contract_write(c, &w);
    assert_ok(c->store->incident_by_key(c->store, c->sc, "fluxa", "arn", &stored, &err));
    assert_string_equal(stored->id, "i1");
}

static void settings_are_kept_and_replaced(void **state) {
    struct contract *c = *state;
    struct fx_error err;
    struct fx_writes w = {0};
    const char *value = NULL;

    assert_ok(c->store->setting(c->store, c->sc, "freeze", &value, &err));
    assert_string_equal(value, "");
    fx_writes_setting(c->sc, &w, "freeze", "off");
    fx_writes_setting(c->sc, &w, "freeze", "on");
    contract_write(c, &w);
    contract_reopen(c);
    assert_ok(c->store->setting(c->store, c->sc, "freeze", &value, &err));
    assert_string_equal(value, "on");
}

static enum fx_code change_setting(struct contract *c, const char *value, const char *expected) {
    struct fx_error err;
    struct fx_writes w = {0};

    fx_writes_setting_if(c->sc, &w, "freeze", value, expected);
    fx_writes_audit(c->sc, &w, "U1", "changes.frozen", "freeze", NULL);
    return c->store->write(c->store, c->sc, NULL, &w, &err);
}

static void a_setting_that_was_changed_meanwhile_is_left_alone(void **state) {
    struct contract *c = *state;
    struct fx_error err;
    const char *value = NULL;

    assert_int_equal(change_setting(c, "b", "a"), FX_ERR_CONFLICT); /* never set is "" */
    assert_ok(change_setting(c, "a", ""));
    assert_int_equal(change_setting(c, "b", ""), FX_ERR_CONFLICT);
    assert_ok(change_setting(c, "b", "a"));
    assert_ok(change_setting(c, "", "b"));
    assert_ok(change_setting(c, "c", ""));
    assert_int_equal(change_setting(c, "d", "b"), FX_ERR_CONFLICT);
    assert_ok(c->store->setting(c->store, c->sc, "freeze", &value, &err));
    assert_string_equal(value, "c");
    assert_int_equal(contract_audit_rows(c), 4);
}

/* ---- the audit log ---- */

static void write_audits(struct contract *c, int count) {
    for (int i = 0; i < count; i++) {
        struct fx_writes w = {0};
        struct fx_json *detail = fx_json_object_of(c->sc, "i", fx_json_int(c->sc, i), NULL);
        fx_writes_audit(c->sc, &w, "U1", "run.started", i % 2 == 0 ? "even" : "odd", detail);
        contract_write(c, &w);
        atomic_fetch_add(&c->now_ms, 7);
    }
}

static void audit_rows_are_chained_across_restarts(void **state) {
    struct contract *c = *state;
    struct fx_error err;
    struct fx_audit **rows = NULL;
    struct fx_audit *last = NULL;
    size_t count = 0;

    assert_ok(c->store->audit_head(c->store, c->sc, &last, &err));
    assert_null(last);
    assert_int_equal(contract_audit_rows(c), 0);
    write_audits(c, 3);
    contract_reopen(c);
    write_audits(c, 3);
    assert_ok(c->store->audits(c->store, c->sc, 1, 100, &rows, &count, &err));
    assert_int_equal(count, 6);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(rows[i]->n, i + 1);
        assert_int_equal(rows[i]->at_ms, CONTRACT_NOW_MS + 7 * (int64_t)i);
        assert_string_equal(rows[i]->hash, fx_audit_hash(c->sc, rows[i]));
        if (i > 0)
            assert_string_equal(rows[i]->previous_hash, rows[i - 1]->hash);
    }
    assert_string_equal(rows[4]->detail_json, "{\"i\":1}");
    assert_ok(c->store->audit_head(c->store, c->sc, &last, &err));
    assert_string_equal(last->hash, rows[5]->hash);
    assert_ok(c->store->audits(c->store, c->sc, 5, 100, &rows, &count, &err));
    assert_int_equal(count, 2);
    assert_int_equal(contract_audit_rows(c), 6);
}

static void the_log_of_one_subject_is_its_newest_rows_in_order(void **state) {
    struct contract *c = *state;
    struct fx_error err;
    struct fx_audit **rows = NULL;
    size_t count = 0;

    write_audits(c, 9);
    assert_ok(c->store->audits_of(c->store, c->sc, "even", 3, &rows, &count, &err));
    assert_int_equal(count, 3);
    assert_int_equal(rows[0]->n, 5);
    assert_int_equal(rows[2]->n, 9);
}

static void every_field_of_an_audit_row_is_in_its_hash(void **state) {
    struct contract *c = *state;
    struct fx_audit row = {1, 2, "actor", "action", "subject", "{}", false, "00", ""};
    struct fx_audit changed[] = {row, row, row, row, row, row, row};
    const char *hash = fx_audit_hash(c->sc, &row);

    changed[0].n = 2;
    changed[1].at_ms = 3;
    changed[2].actor = "actor2";
    changed[3].action = "action2";
    changed[4].subject = "subject2";
    changed[5].detail_json = "{ }";
    changed[6].previous_hash = "01";
    assert_string_equal(hash, fx_audit_hash(c->sc, &row));
    for (size_t i = 0; i < FX_COUNT_OF(changed); i++)
        assert_string_not_equal(hash, fx_audit_hash(c->sc, &changed[i]));
    /* moving a boundary between two fields is a change too */
    row.actor = "actora";
    row.action = "ction";
    assert_string_not_equal(hash, fx_audit_hash(c->sc, &row));
}

static void no_secret_and_no_broken_text_enters_the_log(void **state) {
    struct contract *c = *state;
    struct fx_error err;
    struct fx_audit **rows = NULL;
    size_t count = 0;
    struct fx_writes w = {0};
    struct fx_json *detail = fx_json_object_of(
        c->sc, "header", fx_json_string(c->sc, "Bearer abcdefghijklmnopqrstuvwxyz0123456789"),
        NULL);
    struct fx_audit by_hand = {.actor = "U\xff",
                               .action = "a",
                               .subject = "s",
                               .detail_json = "no JSON: Bearer abcdefghijklmnopqrstuvwxyz01234567"};
    const struct fx_audit *list[] = {&by_hand};

    fx_writes_audit(c->sc, &w, "U1", "a", "s", detail);
    contract_write(c, &w);
    w = (struct fx_writes){.audits = list, .audits_count = 1};
    contract_write(c, &w);
    assert_ok(c->store->audits(c->store, c->sc, 1, 10, &rows, &count, &err));
    assert_int_equal(count, 2);
    for (size_t i = 0; i < count; i++) {
        struct fx_json *json = NULL;
        assert_null(strstr(rows[i]->detail_json, "abcdefghijkl"));
        assert_ok(fx_json_parse(c->sc, fx_slice_of(rows[i]->detail_json), &json, &err));
    }
    assert_int_equal(contract_audit_rows(c), 2);
}

int store_contract_records(struct contract_backend *backend) {
    const struct CMUnitTest tests[] = {
        CONTRACT_TEST(a_run_reads_back_as_written_and_is_replaced),
        CONTRACT_TEST(runs_are_listed_newest_first_by_system_and_state),
        CONTRACT_TEST(incidents_are_found_by_key_and_listed),
        CONTRACT_TEST(an_open_incident_is_found_before_a_newer_closed_one),
        CONTRACT_TEST(an_alarm_and_its_end_that_did_not_see_each_other_are_not_both_written),
        CONTRACT_TEST(what_was_decided_about_an_older_version_is_not_written),
        CONTRACT_TEST(of_sixteen_alarms_and_ends_of_one_moment_one_is_written),
        CONTRACT_TEST(settings_are_kept_and_replaced),
        CONTRACT_TEST(a_setting_that_was_changed_meanwhile_is_left_alone),
        CONTRACT_TEST(audit_rows_are_chained_across_restarts),
        CONTRACT_TEST(the_log_of_one_subject_is_its_newest_rows_in_order),
        CONTRACT_TEST(every_field_of_an_audit_row_is_in_its_hash),
        CONTRACT_TEST(no_secret_and_no_broken_text_enters_the_log),
    };

    return cmocka_run_group_tests_name("store records", tests, NULL, NULL);
}
