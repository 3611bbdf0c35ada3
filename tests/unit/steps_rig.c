/* steps_rig.c - see steps_rig.h */
#include "steps_rig.h"

#include <string.h>

static const char system_text[] =
    "{'queues':{'main':{'url':'https://sqs.us-east-1.amazonaws.com/1/main',"
    "'arn':'arn:aws:sqs:us-east-1:1:main','idempotent':true},"
    "'dlq':{'url':'https://sqs.us-east-1.amazonaws.com/1/dlq',"
    "'arn':'arn:aws:sqs:us-east-1:1:Fluxa-DLQ','source':'main'}},"
    "'dlq_evidence':{'database':'events','query':'SELECT all of them'},"
    "'dlq_classes':["
    "{'class':'Hash','priority':10,'retry':'never','codes':['HashMismatch']},"
    "{'class':'Database','priority':50,'retry':'yes','codes':['DBConnectionError'],"
    "'match':['connection (refused|reset)']},"
    "{'class':'Locked','priority':51,'retry':'yes','codes':['LockTimeout']}]}";

/* fx_sql_open has no argument of the test's, so its rig stands here. */
static struct steps_rig *rig_of_test;

/* ---- the database: these stand in the place of the module sql ---- */

enum fx_code fx_sql_open(struct fx_scope *sc, const struct fx_sql_options *options,
                         struct fx_sql **ret_sql, struct fx_error *err) {
    bool reads = strcmp(options->url, "postgresql://events") == 0;

    assert_true(reads || strcmp(options->url, "postgresql://owner") == 0);
    assert_int_equal(options->read_only, reads);
    *ret_sql = NULL;
    if (rig_of_test->database_fails != FX_OK)
        return fx_fail(err, rig_of_test->database_fails, "the database is away");
    rig_of_test->statement_timeout_ms = options->statement_timeout_ms;
    rig_of_test->opened++;
    return FX_OK;
}

void fx_sql_close(struct fx_sql *sql) {
    rig_of_test->closed++;
}

void fx_sql_close_any(void *sql) {
}

enum fx_code fx_sql_query(struct fx_sql *sql, struct fx_scope *sc, const char *statement,
                          const struct fx_json *params, size_t max_rows, struct fx_json **ret_rows,
                          struct fx_error *err) {
    rig_of_test->statements++;
    rig_of_test->asked = params;
    rig_of_test->statement = statement;
    rig_of_test->max_rows = max_rows;
    if (rig_of_test->refused.code != FX_OK) {
        *err = rig_of_test->refused;
        return err->code;
    }
    *ret_rows = rig_of_test->rows;
    return FX_OK;
}

enum fx_code fx_sql_change(struct fx_sql *sql, struct fx_scope *sc, struct fx_clock *clock,
                           const struct fx_sql_change *change, int64_t *ret_rows,
                           struct fx_error *err) {
    rig_of_test->changes++;
    rig_of_test->statement = change->statement;
    rig_of_test->asked = change->params;
    *ret_rows = 0;
    if (rig_of_test->change_ends.code != FX_OK)
        *err = rig_of_test->change_ends;
    return rig_of_test->change_ends.code;
}

static const char *database_url(const struct fx_step_context *ctx, const char *name) {
    return fx_printf(ctx->sc, "postgresql://%s", name);
}

/* ---- the host ---- */

static struct steps_rig *of(struct fx_step_host *host) {
    return FX_CONTAINER_OF(host, struct steps_rig, host);
}

static enum fx_code recall(struct fx_step_host *host, struct fx_scope *sc, const char *name,
                           struct fx_json **ret_value, struct fx_error *err) {
    *ret_value = fx_json_at(of(host)->kept, name);
    return FX_OK;
}

static enum fx_code remember(struct fx_step_host *host, struct fx_scope *sc, const char *name,
                             const struct fx_json *value, struct fx_error *err) {
    if (of(host)->remember_fails != FX_OK)
        return fx_fail(err, of(host)->remember_fails, "the store is away");
    fx_json_put(of(host)->kept, name, fx_json_copy(of(host)->sc, value));
    return FX_OK;
}

static enum fx_code past_run(struct fx_step_host *host, struct fx_scope *sc, const char *command,
                             const char *id, struct fx_json **ret_run, struct fx_error *err) {
    of(host)->past_of = command;
    of(host)->past_id = id;
    *ret_run = of(host)->past;
    return FX_OK;
}

static void progress(struct fx_step_host *host, struct fx_scope *sc, const struct fx_json *value) {
    of(host)->progresses++;
    of(host)->progress = fx_json_get_text(value, "text");
}

/* ---- promises ---- */

static struct fx_step_effect *find_effect(struct steps_rig *rig, const char *key) {
    for (size_t i = 0; i < rig->effects_count; i++)
        if (strcmp(rig->effects[i].key, key) == 0)
            return &rig->effects[i];
    return NULL;
}

const struct fx_step_effect *steps_rig_find(const struct steps_rig *rig, const char *key) {
    return find_effect((struct steps_rig *)(uintptr_t)rig, key);
}

static struct fx_step_effect *add_effect(struct steps_rig *rig, const char *key) {
    struct fx_step_effect *effect = find_effect(rig, key);

    if (effect == NULL)
        effect = &rig->effects[rig->effects_count++];
    assert_true(rig->effects_count < RIG_EFFECTS_MAX);
    *effect = (struct fx_step_effect){.key = fx_strdup(rig->sc, key),
                                      .known = FX_KNOWN_BEGUN,
                                      .begun_ms = fx_wall_ms(rig->ctx.clock)};
    return effect;
}

void steps_rig_effect(struct steps_rig *rig, const char *key, enum fx_known known, const char *what,
                      const char *outcome) {
    struct fx_step_effect *effect = add_effect(rig, key);

    effect->known = known;
    effect->what = steps_rig_json(rig, what);
    effect->outcome = outcome == NULL ? NULL : steps_rig_json(rig, outcome);
}

static enum fx_code begin_effect(struct fx_step_host *host, struct fx_scope *sc, const char *key,
                                 const struct fx_json *what, struct fx_error *err) {
    struct steps_rig *rig = of(host);
    const struct fx_step_effect *before = find_effect(rig, key);

    if (rig->begin_fails != FX_OK)
        return fx_fail(err, rig->begin_fails, "the promise is not given");
    assert_true(before == NULL || before->known == FX_KNOWN_NOTHING);
    add_effect(rig, key)->what = fx_json_copy(rig->sc, what);
    return FX_OK;
}

static enum fx_code begin_effects(struct fx_step_host *host, struct fx_scope *sc,
                                  const struct fx_step_promise *promises, size_t count,
                                  struct fx_error *err) {
    of(host)->begun_together++;
    for (size_t i = 0; i < count; i++)
        FX_TRY(begin_effect(host, sc, promises[i].key, promises[i].what, err));
    return FX_OK;
}

static enum fx_code repeat_effect(struct fx_step_host *host, struct fx_scope *sc, const char *key,
                                  struct fx_error *err) {
    struct fx_step_effect *effect = find_effect(of(host), key);

    assert_non_null(effect);
    assert_int_equal(fx_effect_next(of(host)->class, effect->known, FX_HOLD_OPEN), FX_NEXT_REPEAT);
    effect->known = FX_KNOWN_BEGUN;
    return FX_OK;
}

static enum fx_code end_effect(struct fx_step_host *host, struct fx_scope *sc, const char *key,
                               enum fx_ended ended, const struct fx_json *outcome,
                               struct fx_error *err) {
    static const enum fx_known known[] = {[FX_ENDED_FAILED] = FX_KNOWN_FAILED,
                                          [FX_ENDED_DONE] = FX_KNOWN_DONE,
                                          [FX_ENDED_UNKNOWN] = FX_KNOWN_UNKNOWN,
                                          [FX_ENDED_NOT_SENT] = FX_KNOWN_NOTHING};
    struct fx_step_effect *effect = find_effect(of(host), key);

    if (of(host)->end_fails != FX_OK)
        return fx_fail(err, of(host)->end_fails, "somebody else has recorded it");
    assert_non_null(effect);
    assert_true(effect->known == FX_KNOWN_BEGUN || effect->known == FX_KNOWN_UNKNOWN);
    effect->known = known[ended];
    effect->outcome = fx_json_copy(of(host)->sc, outcome);
    return FX_OK;
}

static enum fx_code end_effects(struct fx_step_host *host, struct fx_scope *sc,
                                const struct fx_step_ending *endings, size_t count,
                                struct fx_error *err) {
    if (count > 1 && of(host)->end_together_fails != FX_OK)
        return fx_fail(err, of(host)->end_together_fails, "one of them is recorded already");
    for (size_t i = 0; i < count; i++)
        FX_TRY(end_effect(host, sc, endings[i].key, endings[i].ended, endings[i].outcome, err));
    return FX_OK;
}

static enum fx_code effects(struct fx_step_host *host, struct fx_scope *sc,
                            struct fx_step_effect **ret_effects, size_t *ret_count,
                            struct fx_error *err) {
    struct steps_rig *rig = of(host);
    int64_t now_ms = fx_wall_ms(rig->ctx.clock);

    for (size_t i = 0; i < rig->effects_count; i++)
        rig->effects[i].next = fx_effect_next(rig->class, rig->effects[i].known,
                                              fx_effect_hold(rig->effects[i].begun_ms, now_ms));
    *ret_effects = fx_alloc(sc, sizeof rig->effects);
    memcpy(*ret_effects, rig->effects, sizeof rig->effects);
    *ret_count = rig->effects_count;
    return FX_OK;
}

static enum fx_code checkpoint(struct fx_step_host *host, struct fx_scope *sc,
                               const struct fx_json *value, struct fx_error *err) {
    of(host)->ctx.checkpoint = fx_json_copy(of(host)->sc, value);
    return FX_OK;
}

static bool stop_requested(struct fx_step_host *host, struct fx_scope *sc) {
    return of(host)->stop;
}

/* ---- the rig ---- */

struct fx_json *steps_rig_json(struct steps_rig *rig, const char *text) {
    return aws_world_json(rig->sc, text);
}

void steps_rig_put(struct steps_rig *rig, const char *member, const char *json) {
    struct fx_json *system = fx_json_copy(rig->sc, rig->ctx.system);

    fx_json_remove(system, member);
    fx_json_put(system, member, json == NULL ? NULL : steps_rig_json(rig, json));
    rig->ctx.system = system;
}

int steps_rig_set_up(void **state) {
    static struct steps_rig rig;

    rig = (struct steps_rig){.class = FX_EFFECT_UNKEYED,
                             .host = {.begin_effect = begin_effect,
                                      .begin_effects = begin_effects,
                                      .begin_stop = begin_effect,
                                      .repeat_effect = repeat_effect,
                                      .end_effect = end_effect,
                                      .end_effects = end_effects,
                                      .effects = effects,
                                      .checkpoint = checkpoint,
                                      .stop_requested = stop_requested,
                                      .recall = recall,
                                      .remember = remember,
                                      .past_run = past_run,
                                      .progress = progress}};
    aws_world_begin(&rig.world, NULL);
    rig.sc = rig.world.sc;
    rig.rows = fx_json_array(rig.sc);
    rig.kept = fx_json_object(rig.sc);
    rig.ctx = (struct fx_step_context){.sc = rig.sc,
                                       .clock = &rig.world.clock.clock,
                                       .http = &rig.world.script.http,
                                       .aws = rig.world.aws,
                                       .system = steps_rig_json(&rig, system_text),
                                       .environment = "dev",
                                       .database_url = database_url,
                                       .host = &rig.host};
    assert_int_equal(fx_wall_ms(rig.ctx.clock), RIG_NOW_MS);
    rig_of_test = &rig;
    *state = &rig;
    return 0;
}

int steps_rig_tear_down(void **state) {
    struct steps_rig *rig = *state;

    aws_world_end(&rig->world);
    return 0;
}
