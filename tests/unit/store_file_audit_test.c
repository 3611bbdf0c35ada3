/* store_file_audit_test.c - the audit chain against somebody who has the SQLite file. */
#include "store_file_rig.h"

enum { AUDITED = 1200, LOOKED_AT = 601 }; /* more than a page of the walk */

static void write_audits(struct file_rig *f) {
    struct fx_error err;
    struct fx_writes w = {0};

    for (int i = 0; i < AUDITED; i++)
        fx_writes_audit(f->sc, &w, i % 2 == 0 ? "U1" : "U2", "a", fx_printf(f->sc, "s%d", i), NULL);
    assert_ok(f->store->write(f->store, f->sc, NULL, &w, &err));
}

struct tampering {
    const char *sql;
    int64_t bad_n;
};

static void finds_every_way_to_change_the_past(void **state) {
    struct file_rig *f = *state;
    static const struct tampering tamperings[] = {
        {"UPDATE audit SET actor = 'U9' WHERE n = 601", 601},
        {"UPDATE audit SET action = action || ' ' WHERE n = 601", 601},
        {"UPDATE audit SET subject = 'S601' WHERE n = 601", 601},
        {"UPDATE audit SET detail_json = '{\"x\":1}' WHERE n = 601", 601},
        {"UPDATE audit SET detail_json = '{}' || char(0) || 'hidden' WHERE n = 601", 601},
        {"UPDATE audit SET at_ms = at_ms + 1 WHERE n = 601", 601},
        {"UPDATE audit SET hash = substr(hash, 1, 63) || 'g' WHERE n = 601", 601},
        {"UPDATE audit SET hash = '' WHERE n = 601", 601},
        {"UPDATE audit SET previous_hash = hash WHERE n = 601", 601},
        {"DELETE FROM audit WHERE n = 601", 602},
        {"DELETE FROM audit WHERE n BETWEEN 500 AND 601", 602},
        {"DELETE FROM audit WHERE n <= 601", 602},
        {"DELETE FROM audit WHERE n = 1", 2},
        {"UPDATE audit SET n = -1 WHERE n = 601; UPDATE audit SET n = 601 WHERE n = 602; "
         "UPDATE audit SET n = 602 WHERE n = -1",
         601},
        {"DELETE FROM audit WHERE n = 601; UPDATE audit SET n = -n WHERE n > 601; "
         "UPDATE audit SET n = -n - 1 WHERE n < 0",
         601},
        {"INSERT INTO audit SELECT 0, at_ms, actor, action, subject, detail_json, previous_hash, "
         "hash FROM audit WHERE n = 1",
         1},
        {"UPDATE audit SET n = -5 WHERE n = 601", 1},
        {"INSERT INTO audit SELECT 1201, at_ms, actor, action, subject, detail_json, "
         "previous_hash, hash FROM audit WHERE n = 1200",
         1201},
    };

    file_rig_open(f);
    write_audits(f);
    assert_int_equal(file_rig_bad_row(f), 0);
    file_rig_sql(f, "CREATE TABLE saved AS SELECT * FROM audit");
    for (size_t i = 0; i < FX_COUNT_OF(tamperings); i++) {
        file_rig_sql(f, tamperings[i].sql);
        int64_t bad_n = file_rig_bad_row(f);
        if (bad_n != tamperings[i].bad_n)
            fail_msg("%s: found %lld", tamperings[i].sql, (long long)bad_n);
        file_rig_sql(f, "DELETE FROM audit; INSERT INTO audit SELECT * FROM saved");
        assert_int_equal(file_rig_bad_row(f), 0);
    }
}

/* A forger who also computes the hash of the changed row only moves the fault to the next one. */
static void a_recomputed_hash_breaks_the_next_row(void **state) {
    struct file_rig *f = *state;
    struct fx_error err;
    struct fx_audit **rows = NULL;
    size_t count = 0;

    file_rig_open(f);
    write_audits(f);
    assert_ok(f->store->audits(f->store, f->sc, LOOKED_AT, 1, &rows, &count, &err));
    rows[0]->actor = "U9";
    file_rig_sql(f, fx_printf(f->sc, "UPDATE audit SET actor = 'U9', hash = '%s' WHERE n = %d",
                              fx_audit_hash(f->sc, rows[0]), LOOKED_AT));
    assert_int_equal(file_rig_bad_row(f), LOOKED_AT + 1);
}

static void a_gap_is_found_also_when_the_row_after_it_is_forged(void **state) {
    struct file_rig *f = *state;
    struct fx_error err;
    struct fx_audit **rows = NULL;
    size_t count = 0;

    file_rig_open(f);
    write_audits(f);
    assert_ok(f->store->audits(f->store, f->sc, AUDITED, 1, &rows, &count, &err));
    rows[0]->n = AUDITED + 5;
    file_rig_sql(f, fx_printf(f->sc, "UPDATE audit SET n = %d, hash = '%s' WHERE n = %d",
                              AUDITED + 5, fx_audit_hash(f->sc, rows[0]), AUDITED));
    assert_int_equal(file_rig_bad_row(f), AUDITED + 5);
}

/* The chain alone cannot know how long it was: that is what an anchored head is for. */
static void a_cut_tail_changes_the_head(void **state) {
    struct file_rig *f = *state;
    struct fx_error err;
    const char *head = NULL;
    const char *cut_head = NULL;
    int64_t rows = 0;
    int64_t bad_n = 0;

    file_rig_open(f);
    write_audits(f);
    assert_ok(fx_audit_verify(f->store, f->sc, &rows, &bad_n, &head, &err));
    assert_int_equal(rows, AUDITED);
    file_rig_sql(f, "DELETE FROM audit WHERE n > 1000");
    assert_ok(fx_audit_verify(f->store, f->sc, &rows, &bad_n, &cut_head, &err));
    assert_int_equal(rows, 1000);
    assert_string_not_equal(head, cut_head);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FILE_TEST(finds_every_way_to_change_the_past),
        FILE_TEST(a_recomputed_hash_breaks_the_next_row),
        FILE_TEST(a_gap_is_found_also_when_the_row_after_it_is_forged),
        FILE_TEST(a_cut_tail_changes_the_head),
    };

    return cmocka_run_group_tests_name("store file audit", tests, NULL, NULL);
}
