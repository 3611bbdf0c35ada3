/* engine_terminal_test.c - what somebody does on the machine itself: the same authorize() decides
 * as everywhere, and his name is in the audit log. Who has no name does nothing.
 */
#include "support/test.h"

#include "engine_rig.h"

#include "fluxabot/base/sign.h"

#include <string.h>
#include <unistd.h>

#define ANNA ENGINE_TERMINAL "anna"

struct world {
    struct engine_rig *rig;
    struct fx_engine_options options;
    int64_t job; /* that was given up */
};

static int set_up(void **state) {
    static const struct fx_policy nobody_has_a_role;
    static struct world w;
    struct fx_writes writes = {0};
    struct fx_job *job = NULL;
    struct fx_error err;
    int64_t next_ms = 0;
    void *rig = NULL;
    char *pem = NULL;

    assert_int_equal(engine_rig_set_up(&rig), 0);
    w.rig = rig;
    w.options = w.rig->engine.options;
    w.options.policy = &nobody_has_a_role;
    w.options.anchor_file = fx_printf(w.rig->sc, "%s/anchors", w.rig->dir);
    w.options.anchor_key = fx_sign_key_new(w.rig->sc, &pem);
    struct fx_store *store = w.options.store;

    fx_writes_job(w.rig->sc, &writes, "run", "r1", RIG_NOW_MS);
    assert_ok(store->write(store, w.rig->sc, NULL, &writes, &err));
    assert_ok(store->claim(store, w.rig->sc, "w", RIG_NOW_MS, RIG_LIFE_MS, &job, &next_ms, &err));
    assert_ok(store->settle(store, w.rig->sc, job, FX_SETTLE_QUARANTINE, 0, "why", NULL, &err));
    w.job = job->id;
    *state = &w;
    return 0;
}

static int tear_down(void **state) {
    struct world *w = *state;
    void *rig = w->rig;

    unlink(w->options.anchor_file);
    return engine_rig_tear_down(&rig);
}

/* ---- the acts ---- */

static enum fx_code freeze(struct world *w, const char *who, struct fx_error *err) {
    return fx_engine_freeze(&w->options, w->rig->sc, who, "month end", err);
}

static enum fx_code unfreeze(struct world *w, const char *who, struct fx_error *err) {
    return fx_engine_unfreeze(&w->options, w->rig->sc, who, "over", err);
}

static enum fx_code retry(struct world *w, const char *who, struct fx_error *err) {
    return fx_engine_retry_job(&w->options, w->rig->sc, who, w->job, err);
}

static enum fx_code accept(struct world *w, const char *who, struct fx_error *err) {
    struct fx_anchor *anchor = NULL;

    return fx_engine_accept_audit(&w->options, w->rig->sc, who, "a disk was lost", &anchor, err);
}

static enum fx_code attempt(struct world *w, const char *who, bool change, struct fx_error *err) {
    static const struct fx_environment dev = {.name = "dev"};
    struct fx_json *card = NULL, *plan = NULL;
    struct fx_system fluxa = {.name = "fluxa", .definition = fx_json_object(w->rig->sc)};
    struct fx_engine_system system = {.system = &fluxa};
    struct fx_runbook book = {.command = "look",
                              .effect = change ? FX_EFFECT_UNKEYED : FX_EFFECT_READ,
                              .answer = engine_rig_json(w->rig, "{'verdict':'all is well'}"),
                              .role = "operator"};

    return fx_engine_try(&w->options, w->rig->sc,
                         &(struct fx_engine_trial){.system = &system,
                                                   .environment = &dev,
                                                   .runbook = &book,
                                                   .arguments = fx_json_object(w->rig->sc),
                                                   .who = who},
                         &card, &plan, err);
}

static enum fx_code look(struct world *w, const char *who, struct fx_error *err) {
    return attempt(w, who, false, err);
}

static enum fx_code change(struct world *w, const char *who, struct fx_error *err) {
    return attempt(w, who, true, err);
}

static const struct {
    enum fx_code (*act)(struct world *w, const char *who, struct fx_error *err);
    bool may;
    const char *audit; /* the row it leaves; NULL: none */
} acts[] = {
    {look, true, NULL},      {change, false, NULL},        {freeze, true, "changes.frozen"},
    {unfreeze, false, NULL}, {retry, true, "job.revived"}, {accept, true, "audit.accepted"},
};

/* ---- what they leave ---- */

static size_t rows(struct world *w, struct fx_audit ***ret_rows) {
    struct fx_store *store = w->options.store;
    struct fx_error err;
    size_t count = 0;

    assert_ok(store->audits(store, w->rig->sc, 1, 100, ret_rows, &count, &err));
    return count;
}

static bool is_given_up(struct world *w) {
    struct fx_store *store = w->options.store;
    struct fx_job **jobs = NULL;
    struct fx_error err;
    size_t count = 0;

    assert_ok(store->jobs(store, w->rig->sc, FX_JOB_QUARANTINED, 10, &jobs, &count, &err));
    return count == 1;
}

static void who_has_no_name_does_nothing(void **state) {
    static const char *const nameless[] = {"", NULL};
    struct world *w = *state;
    struct fx_audit **audit = NULL;
    struct fx_engine_freeze now;
    struct fx_error err = {0};

    for (size_t i = 0; i < FX_COUNT_OF(acts); i++)
        for (size_t k = 0; k < FX_COUNT_OF(nameless); k++) {
            assert_int_equal(acts[i].act(w, nameless[k], &err), FX_ERR_DENIED);
            assert_non_null(strstr(err.message, "does not tell who you are"));
        }
    assert_int_equal(rows(w, &audit), 0);
    assert_true(is_given_up(w));
    assert_int_not_equal(access(w->options.anchor_file, F_OK), 0);
    assert_ok(fx_engine_frozen(&w->options, w->rig->sc, &now, &err));
    assert_false(now.is_on);
}

static void who_sits_there_may_what_the_policy_says_and_is_named(void **state) {
    struct world *w = *state;
    struct fx_audit **audit = NULL;
    size_t written = 0;

    for (size_t i = 0; i < FX_COUNT_OF(acts); i++) {
        struct fx_error err = {0};
        enum fx_code code = acts[i].act(w, ANNA, &err);

        if (acts[i].may ? code != FX_OK : code != FX_ERR_DENIED)
            fail_msg("act %zu: %s", i, err.message);
        if (!acts[i].may)
            assert_non_null(strstr(err.message, "changes are decided in Slack"));
        written += acts[i].audit != NULL;
        assert_int_equal(rows(w, &audit), written);
        if (acts[i].audit == NULL)
            continue;
        assert_string_equal(audit[written - 1]->action, acts[i].audit);
        assert_string_equal(audit[written - 1]->actor, ANNA);
    }
    assert_false(is_given_up(w));
}

static void a_job_that_waits_for_nobody_is_not_tried_again(void **state) {
    struct world *w = *state;
    struct fx_audit **audit = NULL;
    struct fx_error err = {0};

    assert_ok(retry(w, ANNA, &err));
    assert_int_equal(retry(w, ANNA, &err), FX_ERR_CONFLICT);
    assert_int_equal(rows(w, &audit), 1);
    assert_string_equal(audit[0]->subject, fx_printf(w->rig->sc, "%lld", (long long)w->job));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(who_has_no_name_does_nothing),
        TEST(who_sits_there_may_what_the_policy_says_and_is_named),
        TEST(a_job_that_waits_for_nobody_is_not_tried_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
