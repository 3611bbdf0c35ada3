/* anchor_test.c - anchors are signed, chained and compared with a real log; whatever is done to
 * their file shows. */
#include "support/test.h"

#include "fluxabot/anchor.h"
#include "fluxabot/base/digest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NOW_MS = 1000 * 1000 * 1000 };

struct rig {
    struct fx_scope *sc;
    struct fx_sign_key *key, *other;
    struct fx_store *store;
    char dir[64];
    const char *path;
};

static int set_up(void **state) {
    struct fx_scope *sc = fx_scope_new(NULL);
    struct rig *rig = FX_NEW(sc, struct rig);
    struct fx_error err;
    char *pem = NULL;

    rig->sc = sc;
    rig->key = fx_sign_key_new(sc, &pem);
    rig->other = fx_sign_key_new(sc, &pem);
    snprintf(rig->dir, sizeof rig->dir, "/tmp/fluxabot-test-XXXXXX");
    assert_non_null(mkdtemp(rig->dir));
    rig->path = fx_printf(sc, "%s/anchors", rig->dir);
    assert_ok(fx_store_open(sc, fx_printf(sc, "sqlite://%s/x.db", rig->dir), fx_clock_system(),
                            fx_random_system(), &rig->store, &err));
    *state = rig;
    return 0;
}

static int tear_down(void **state) {
    struct rig *rig = *state;
    static const char *const files[] = {"x.db", "x.db-wal", "x.db-shm", "anchors"};

    rig->store->close(rig->store);
    for (size_t i = 0; i < FX_COUNT_OF(files); i++)
        unlink(fx_printf(rig->sc, "%s/%s", rig->dir, files[i]));
    rmdir(rig->dir);
    fx_scope_free(rig->sc);
    return 0;
}

static const char *hash_of(struct rig *rig, const char *text) {
    return fx_sha256_hex(rig->sc, fx_slice_of(text));
}

static enum fx_code try_append(struct rig *rig, int64_t n, const char *hash, const char *reason,
                               struct fx_anchor **ret_anchor, struct fx_error *err) {
    return fx_anchor_append(
        rig->sc, rig->path, rig->key,
        &(struct fx_anchor){
            .n = n, .hash = hash_of(rig, hash), .time_ms = NOW_MS + n, .reason = reason},
        ret_anchor, err);
}

static struct fx_anchor *append(struct rig *rig, int64_t n) {
    struct fx_anchor *anchor = NULL;
    struct fx_error err;

    assert_ok(try_append(rig, n, "row", "", &anchor, &err));
    return anchor;
}

static void write_file(struct rig *rig, const char *text) {
    FILE *file = fopen(rig->path, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    fclose(file);
}

/* Which anchors a walk over the file sees: "3 5 !" is rows 3 and 5, then a line that is none. */
static const char *walk(struct rig *rig) {
    struct fx_anchor_lines *lines = NULL;
    struct fx_anchor *anchor = NULL;
    char *seen = fx_strdup(rig->sc, "");
    struct fx_error err;

    assert_ok(fx_anchor_lines_open(rig->sc, rig->path, &lines, &err));
    for (;;) {
        enum fx_code code = fx_anchor_lines_next(lines, rig->sc, &anchor, &err);

        if (code == FX_OK && anchor == NULL)
            return seen;
        seen = code != FX_OK
                   ? fx_printf(rig->sc, "%s!", seen)
                   : fx_printf(rig->sc, "%s%lld%s ", seen, (long long)anchor->n,
                               fx_anchor_is_signed_by(rig->sc, anchor, rig->key) ? "" : "?");
    }
}

static struct fx_anchor *newest(struct rig *rig) {
    struct fx_anchor *anchor = NULL;
    struct fx_error err;

    assert_ok(fx_anchor_newest(rig->sc, rig->path, rig->key, &anchor, &err));
    return anchor;
}

/* ---- one anchor ---- */

static void an_anchor_says_what_it_was_given_and_who_signed_it(void **state) {
    struct rig *rig = *state;
    struct fx_anchor *made = append(rig, 7), *read = NULL;
    struct fx_error err;

    assert_ok(fx_anchor_parse(rig->sc, fx_slice_of(made->line), &read, &err));
    assert_int_equal(read->n, 7);
    assert_int_equal(read->time_ms, NOW_MS + 7);
    assert_string_equal(read->hash, hash_of(rig, "row"));
    assert_string_equal(read->key, fx_sign_key_id(rig->key));
    assert_string_equal(read->previous, fx_anchor_first);
    assert_string_equal(read->reason, "");
    assert_string_equal(read->digest, made->digest);
    assert_true(fx_anchor_is_signed_by(rig->sc, read, rig->key));
    assert_false(fx_anchor_is_signed_by(rig->sc, read, rig->other));
}

/* Whatever byte is changed: it is no anchor any more, or not signed. */
static void a_changed_line_is_refused(void **state) {
    struct rig *rig = *state;
    const char *line = append(rig, 7)->line;

    for (size_t i = 0; line[i] != '\0'; i++)
        for (int bit = 0; bit < 7; bit++) {
            FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(rig->sc);
            struct fx_anchor *anchor = NULL;
            struct fx_error err;
            char *changed = fx_strdup(sc, line);

            changed[i] = (char)(changed[i] ^ (1 << bit));
            assert_false(fx_anchor_parse(sc, fx_slice_of(changed), &anchor, &err) == FX_OK &&
                         fx_anchor_is_signed_by(sc, anchor, rig->key));
        }
}

static void what_is_no_anchor_is_no_anchor(void **state) {
    struct rig *rig = *state;
    static const char *const texts[] = {"", "{}", "[]", "7", "nonsense", "{\"n\":1}"};
    const char *line = append(rig, 7)->line;
    struct fx_anchor *anchor = NULL;
    struct fx_error err;

    for (size_t i = 0; i < FX_COUNT_OF(texts); i++)
        assert_int_equal(fx_anchor_parse(rig->sc, fx_slice_of(texts[i]), &anchor, &err),
                         FX_ERR_INPUT);
    const char *padded = fx_printf(rig->sc, "%s%*s", line, FX_ANCHOR_MAX_LINE_BYTES, " ");

    assert_int_equal(fx_anchor_parse(rig->sc, fx_slice_of(padded), &anchor, &err), FX_ERR_INPUT);
    assert_null(anchor);
}

/* ---- the file ---- */

static void anchors_chain_in_their_file(void **state) {
    struct rig *rig = *state;
    struct fx_anchor *first = append(rig, 3), *second = append(rig, 3), *third = append(rig, 9);
    struct stat st;

    assert_string_equal(second->previous, first->digest);
    assert_string_equal(third->previous, second->digest);
    assert_string_equal(walk(rig), "3 3 9 ");
    assert_string_equal(newest(rig)->digest, third->digest);
    assert_int_equal(stat(rig->path, &st), 0);
    assert_int_equal(st.st_mode & 0137, 0);
}

static void without_a_file_there_is_no_newest_anchor(void **state) {
    struct rig *rig = *state;
    struct fx_anchor_lines *lines = NULL;
    struct fx_error err;

    assert_null(newest(rig));
    assert_int_equal(fx_anchor_lines_open(rig->sc, rig->path, &lines, &err), FX_ERR_NOT_FOUND);
}

static void an_anchor_behind_the_newest_needs_a_reason(void **state) {
    struct rig *rig = *state;
    struct fx_anchor *anchor = NULL;
    struct fx_error err;

    append(rig, 9);
    assert_int_equal(try_append(rig, 8, "row", "", &anchor, &err), FX_ERR_CONFLICT);
    assert_int_equal(try_append(rig, 9, "another row", "", &anchor, &err), FX_ERR_CONFLICT);
    assert_string_equal(walk(rig), "9 ");
    assert_ok(try_append(rig, 8, "row", "an old backup", &anchor, &err));
    assert_string_equal(anchor->reason, "an old backup");
    assert_true(fx_anchor_is_signed_by(rig->sc, anchor, rig->key));
    assert_ok(try_append(rig, 8, "row", "", &anchor, &err));
    assert_string_equal(walk(rig), "9 8 8 ");
}

static void a_torn_end_is_no_anchor_and_the_next_one_takes_its_place(void **state) {
    struct rig *rig = *state;
    struct fx_anchor *first = append(rig, 3), *second = NULL;
    const char *torn = append(rig, 5)->line;

    for (size_t keep = 1; keep < strlen(torn); keep += 40) {
        write_file(rig, fx_printf(rig->sc, "%s\n%.*s", first->line, (int)keep, torn));
        assert_string_equal(walk(rig), "3 ");
        assert_string_equal(newest(rig)->digest, first->digest);
        second = append(rig, 6);
        assert_string_equal(second->previous, first->digest);
        assert_string_equal(walk(rig), "3 6 ");
    }
    /* one that lacks nothing but its newline has been written */
    write_file(rig, fx_printf(rig->sc, "%s\n%s", first->line, torn));
    assert_string_equal(walk(rig), "3 5 ");
    assert_int_equal(append(rig, 6)->n, 6);
    assert_string_equal(walk(rig), "3 5 6 ");
}

static void lines_that_are_none_or_forged_do_not_hide_the_newest(void **state) {
    struct rig *rig = *state;
    struct fx_anchor *good = append(rig, 3);
    struct fx_anchor forged = {
        .n = 4, .hash = good->hash, .time_ms = NOW_MS, .previous = good->digest, .reason = ""};
    const char *ours = fx_sign_key_id(rig->key);
    char *text = fx_strdup(rig->sc, fx_anchor_make(rig->sc, rig->other, &forged)->line);

    memcpy(strstr(text, fx_sign_key_id(rig->other)), ours, strlen(ours));
    write_file(rig, fx_printf(rig->sc, "%s\n%s\nnoise\n\n", good->line, text));
    assert_string_equal(newest(rig)->digest, good->digest);
    assert_string_equal(walk(rig), "3 4? !");
    assert_string_equal(append(rig, 5)->previous, good->digest);
    /* a key that was replaced cannot be checked here, and its anchors count */
    write_file(rig, fx_printf(rig->sc, "%s\n%s\n", good->line,
                              fx_anchor_make(rig->sc, rig->other, &forged)->line));
    assert_int_equal(newest(rig)->n, 4);
}

static void a_long_line_is_passed_in_constant_memory(void **state) {
    struct rig *rig = *state;
    struct fx_anchor *first = append(rig, 3);
    char *noise = fx_alloc(rig->sc, 100001);

    memset(noise, 'x', 100000);
    write_file(rig, fx_printf(rig->sc, "%s\n%s\n%s\n", first->line, noise, first->line));
    assert_string_equal(walk(rig), "3 !3 ");
}

static void a_nul_hides_no_line(void **state) {
    struct rig *rig = *state;
    const char *line = append(rig, 3)->line;
    FILE *file = fopen(rig->path, "w");

    assert_non_null(file);
    fprintf(file, "%s%c\n%s\n", line, '\0', line);
    fclose(file);
    assert_string_equal(walk(rig), "!3 ");
}

static void anchors_are_found_among_log_lines(void **state) {
    struct rig *rig = *state;
    const char *line = append(rig, 3)->line;
    struct fx_json *log =
        fx_json_object_of(rig->sc, "event", fx_json_string(rig->sc, "audit.anchor"), "n",
                          fx_json_int(rig->sc, 3), "anchor", fx_json_string(rig->sc, line), NULL);

    write_file(rig, fx_printf(rig->sc, "{\"event\":\"ready\"}\n%s\n{\"event\":\"run.ended\"}\n",
                              fx_json_dump(rig->sc, log)));
    assert_string_equal(walk(rig), "3 ");
    fx_json_put(log, "anchor", fx_json_string(rig->sc, "{}"));
    write_file(rig, fx_printf(rig->sc, "%s\n", fx_json_dump(rig->sc, log)));
    assert_string_equal(walk(rig), "!");
}

static void a_place_that_cannot_be_written_is_named(void **state) {
    struct rig *rig = *state;
    struct fx_anchor *anchor = NULL;
    struct fx_error err;

    rig->path = rig->dir;
    assert_int_equal(try_append(rig, 3, "row", "", &anchor, &err), FX_ERR_UNAVAILABLE);
    assert_non_null(strstr(err.message, rig->dir));
    rig->path = fx_printf(rig->sc, "%s/nowhere/anchors", rig->dir);
    assert_int_equal(try_append(rig, 3, "row", "", &anchor, &err), FX_ERR_UNAVAILABLE);
    assert_non_null(strstr(err.message, "No such file"));
    rig->path = "/dev/null";
    assert_int_equal(try_append(rig, 3, "row", "", &anchor, &err), FX_ERR_UNAVAILABLE);
}

/* ---- against the log ---- */

static void an_anchor_fits_the_log_it_was_made_of_and_no_other(void **state) {
    struct rig *rig = *state;
    struct fx_writes writes = {0};
    struct fx_audit **rows = NULL;
    enum fx_anchor_fit fit = FX_ANCHOR_FITS;
    size_t count = 0;
    struct fx_error err;
    struct fx_anchor anchor = {.n = 2, .time_ms = NOW_MS};

    anchor.hash = hash_of(rig, "row");
    assert_ok(fx_anchor_compare(rig->store, rig->sc, &anchor, &fit, &err));
    assert_int_equal(fit, FX_ANCHOR_AHEAD);
    for (int i = 0; i < 3; i++)
        fx_writes_audit(rig->sc, &writes, "U1", "run.started", "run1", NULL);
    assert_ok(rig->store->write(rig->store, rig->sc, NULL, &writes, &err));
    assert_ok(fx_anchor_compare(rig->store, rig->sc, &anchor, &fit, &err));
    assert_int_equal(fit, FX_ANCHOR_DIFFERS);
    assert_ok(rig->store->audits(rig->store, rig->sc, 1, 10, &rows, &count, &err));
    anchor.hash = rows[1]->hash;
    assert_ok(fx_anchor_compare(rig->store, rig->sc, &anchor, &fit, &err));
    assert_int_equal(fit, FX_ANCHOR_FITS);
    anchor.n = 3;
    assert_ok(fx_anchor_compare(rig->store, rig->sc, &anchor, &fit, &err));
    assert_int_equal(fit, FX_ANCHOR_DIFFERS);
    anchor.n = 4;
    assert_ok(fx_anchor_compare(rig->store, rig->sc, &anchor, &fit, &err));
    assert_int_equal(fit, FX_ANCHOR_AHEAD);
    assert_non_null(strstr(fx_anchor_explain(rig->sc, &anchor, fit, 3), "ends at row 3"));
    assert_non_null(strstr(fx_anchor_explain(rig->sc, &anchor, fit, 3), "vouches for row 4"));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(an_anchor_says_what_it_was_given_and_who_signed_it),
        TEST(a_changed_line_is_refused),
        TEST(what_is_no_anchor_is_no_anchor),
        TEST(anchors_chain_in_their_file),
        TEST(without_a_file_there_is_no_newest_anchor),
        TEST(an_anchor_behind_the_newest_needs_a_reason),
        TEST(a_torn_end_is_no_anchor_and_the_next_one_takes_its_place),
        TEST(lines_that_are_none_or_forged_do_not_hide_the_newest),
        TEST(a_long_line_is_passed_in_constant_memory),
        TEST(a_nul_hides_no_line),
        TEST(anchors_are_found_among_log_lines),
        TEST(a_place_that_cannot_be_written_is_named),
        TEST(an_anchor_fits_the_log_it_was_made_of_and_no_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
