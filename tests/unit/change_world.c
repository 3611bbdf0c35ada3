/* change_world.c - see change_world.h. */
#include "support/test.h"

#include "change_world.h"

#include "told.h"

#include "fluxabot/slackapi.h"

#include <string.h>

#define TEAM "T1"
#define RUN "r1"

static const char *const keys[WORLD_CALLS] = {"first", "second"};

/* ---- the change ---- */

static enum fx_effect reads(const struct fx_json *params) {
    return FX_EFFECT_READ;
}

/* A kind is asked with its parameters alone. */
static const struct change_world *current;

static enum fx_effect changes(const struct fx_json *params) {
    return current->effect;
}

static enum fx_code look(const struct fx_step_context *ctx, const struct fx_json *params,
                         struct fx_step_result *ret_result, struct fx_error *err) {
    *ret_result = (struct fx_step_result){.output = fx_json_object(ctx->sc)};
    return FX_OK;
}

static enum fx_code plan(const struct fx_step_context *ctx, const struct fx_json *params,
                         struct fx_json **ret_plan, struct fx_error *err) {
    struct fx_scope *sc = ctx->sc;

    if (ctx->aws->cannot_plan != NULL)
        return fx_fail(err, FX_ERR_DENIED, "%s", ctx->aws->cannot_plan);
    *ret_plan = fx_json_object_of(
        sc, "title", ctx->aws->untitled ? NULL : fx_json_string(sc, "move two messages"), "summary",
        fx_json_string(sc, "Two messages go back."), "seen", fx_json_string(sc, ctx->aws->facts),
        NULL);
    return FX_OK;
}

static enum fx_code where(const struct fx_step_context *ctx, const struct fx_json *params,
                          struct fx_json **ret_where, struct fx_error *err) {
    if (ctx->aws->cannot_say_where != FX_OK)
        return fx_fail(err, ctx->aws->cannot_say_where, "AWS does not say");
    *ret_where =
        fx_json_object_of(ctx->sc, "Account", fx_json_string(ctx->sc, ctx->aws->account), NULL);
    return FX_OK;
}

static enum fx_code confirm(const struct fx_step_context *ctx, const struct fx_json *params,
                            struct fx_error *err) {
    if (strcmp(fx_json_get_text(ctx->plan, "seen"), ctx->aws->facts) == 0)
        return FX_OK;
    return fx_fail(err, FX_ERR_CONFLICT, "the facts have changed: %s", ctx->aws->facts);
}

static const struct fx_step_effect *find(const struct fx_step_effect *effects, size_t count,
                                         const char *key) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(effects[i].key, key) == 0)
            return &effects[i];
    return NULL;
}

static enum fx_code end(const struct fx_step_context *ctx, const char *key, enum fx_ended ended,
                        struct fx_error *err) {
    return ctx->host->end_effect(ctx->host, ctx->sc, key, ended, fx_json_object(ctx->sc), err);
}

static enum fx_code fail_refused(struct fx_error *err) {
    return fx_fail(err, FX_ERR_UPSTREAM, "the queue said no");
}

/* Promised before, and nobody has written what became of it. */
static enum fx_code settle_doubt(const struct fx_step_context *ctx, int call,
                                 const struct fx_step_effect *effect, bool *ret_asks,
                                 struct fx_error *err) {
    struct fx_aws *aws = ctx->aws;

    *ret_asks = aws->blind;
    if (!aws->blind)
        return end(ctx, keys[call], aws->sent[call] > 0 ? FX_ENDED_DONE : FX_ENDED_NOT_SENT, err);
    return effect->known == FX_KNOWN_BEGUN ? end(ctx, keys[call], FX_ENDED_UNKNOWN, err) : FX_OK;
}

static void assert_promised(const struct fx_step_context *ctx, const char *key);

static enum fx_code send(const struct fx_step_context *ctx, int call, struct fx_error *err) {
    struct fx_aws *aws = ctx->aws;
    struct fx_step_host *host = ctx->host;

    FX_TRY(host->begin_effect(host, ctx->sc, keys[call], fx_json_object(ctx->sc), err));
    assert_promised(ctx, keys[call]);
    if (aws->refuses) {
        FX_TRY(end(ctx, keys[call], FX_ENDED_FAILED, err));
        return fail_refused(err);
    }
    aws->sent[call]++;
    if (aws->breaks) {
        aws->breaks = false;
        (void)fx_fail(err, FX_ERR_UNAVAILABLE, "the line broke");
        err->sent = true;
        return err->code;
    }
    return aws->mute ? FX_OK : end(ctx, keys[call], FX_ENDED_DONE, err);
}

static struct fx_step_result later(const struct fx_step_context *ctx, const char *at) {
    return (struct fx_step_result){
        .outcome = FX_STEP_PARKED,
        .checkpoint = fx_json_object_of(ctx->sc, "at", fx_json_string(ctx->sc, at), NULL),
        .due_ms = fx_wall_ms(ctx->clock) + 1};
}

static struct fx_step_result question(const struct fx_step_context *ctx,
                                      const struct fx_step_effect *effect) {
    int64_t until_ms = effect->begun_ms + FX_EFFECT_FENCE_MS + 1;
    bool open = effect->next == FX_NEXT_READ_BACK;

    return (struct fx_step_result){.outcome = FX_STEP_ASK,
                                   .note = open ? "was it done? It is looked for"
                                                : "was it done? It shows no more",
                                   .checkpoint = open ? fx_json_object(ctx->sc) : NULL,
                                   .due_ms = open ? until_ms : 0};
}

/* One call of the two at a time: whether the step goes on with the next. */
static enum fx_code take(const struct fx_step_context *ctx, int call,
                         const struct fx_step_effect *effect, bool *ret_on,
                         struct fx_step_result *ret_result, struct fx_error *err) {
    bool asks = false;

    *ret_on = false;
    if (effect == NULL || effect->next == FX_NEXT_RUN) {
        if (ctx->host->stop_requested(ctx->host, ctx->sc)) {
            *ret_result = (struct fx_step_result){.outcome = FX_STEP_DONE};
            return FX_OK;
        }
        *ret_result = later(ctx, keys[call]);
        return send(ctx, call, err);
    }
    if (effect->next == FX_NEXT_REFUSE)
        return fail_refused(err);
    *ret_on = effect->next == FX_NEXT_GO_ON;
    if (*ret_on)
        return FX_OK;
    FX_TRY(settle_doubt(ctx, call, effect, &asks, err));
    *ret_result = asks ? question(ctx, effect) : later(ctx, keys[call]);
    return FX_OK;
}

static enum fx_code change(const struct fx_step_context *ctx, const struct fx_json *params,
                           struct fx_step_result *ret_result, struct fx_error *err) {
    struct fx_scope *sc = ctx->sc;
    struct fx_step_host *host = ctx->host;
    struct fx_step_effect *effects = NULL;
    struct fx_json *before = NULL;
    size_t count = 0;
    bool on = true;

    FX_TRY(host->effects(host, sc, &effects, &count, err));
    FX_TRY(host->recall(host, sc, "moves", &before, err));
    FX_TRY(host->past_run(host, sc, "dlq redrive", "", &before, err));
    for (int i = 0; i < WORLD_CALLS; i++) {
        FX_TRY(take(ctx, i, find(effects, count, keys[i]), &on, ret_result, err));
        if (!on)
            return FX_OK;
        FX_TRY(host->checkpoint(host, sc, fx_json_object(sc), err));
        host->progress(host, sc,
                       fx_json_object_of(sc, "text", fx_json_string(sc, "moving"), "done",
                                         fx_json_int(sc, i + 1), "total",
                                         fx_json_int(sc, WORLD_CALLS), NULL));
    }
    FX_TRY(host->remember(host, sc, "moves", fx_json_int(sc, WORLD_CALLS), err));
    *ret_result = (struct fx_step_result){.output = fx_json_object(sc)};
    return FX_OK;
}

static const struct fx_step_param queue[] = {
    {.name = "queue", .type = FX_PARAM_TEXT, .required = true}};
static const struct fx_step_kind looking = {.name = "look", .effect = reads, .run = look};
static const struct fx_step_kind approval = {
    .name = "approval", .effect = reads, .is_approval = true};
static const struct fx_step_kind changing = {.name = "change",
                                             .params = queue,
                                             .params_count = 1,
                                             .effect = changes,
                                             .plan = plan,
                                             .where = where,
                                             .confirm = confirm,
                                             .run = change};

/* ---- Slack ---- */

static enum fx_code exchange(struct fx_http *http, struct fx_scope *sc,
                             const struct fx_http_request *request,
                             struct fx_http_reply **ret_reply, struct fx_error *err) {
    struct change_world *w = FX_CONTAINER_OF(http, struct change_world, http);
    struct fx_http_reply *reply = FX_NEW(sc, struct fx_http_reply);
    const char *id = strchr(fx_slice_dup(sc, request->body), '=') + 1;

    if (w->slack_is_away)
        return fx_fail(err, FX_ERR_UNAVAILABLE, "nobody is there");
    *ret_reply = reply;
    if (w->slack_is_busy) {
        static const struct fx_http_header pause[] = {{"retry-after", "90"}};

        *reply = (struct fx_http_reply){.status = 429, .headers = pause, .headers_count = 1};
        return FX_OK;
    }
    reply->status = 200;
    reply->body =
        fx_slice_of(strstr(request->url, "users.info") != NULL
                        ? fx_printf(sc,
                                    "{\"ok\":true,\"user\":{\"id\":\"%s\",\"team_id\":\"" TEAM
                                    "\",\"is_restricted\":%s}}",
                                    id, w->guest ? "true" : "false")
                        : fx_printf(sc,
                                    "{\"ok\":true,\"channel\":{\"id\":\"%s\",\"is_ext_shared\":%s,"
                                    "\"is_org_shared\":false}}",
                                    id, w->shared ? "true" : "false"));
    return FX_OK;
}

/* ---- the world ---- */

static void end_worker(struct fx_state *state, const char *channel, int64_t timeout_ms) {
    struct change_world *w = FX_CONTAINER_OF(state, struct change_world, state);

    atomic_store(&w->rig->engine.stopping, true);
}

static void no_wake(struct fx_state *state, const char *channel) {
}

/* Nothing is remembered. */
static const char *get(struct fx_state *state, struct fx_scope *sc, const char *key) {
    return NULL;
}

static void put(struct fx_state *state, const char *key, struct fx_slice value, int64_t ttl_ms) {
}

static void prepare_runbook(struct change_world *w) {
    struct engine_rig *rig = w->rig;

    w->steps[0] = (struct fx_runbook_step){
        .id = "look", .kind = &looking, .params = fx_json_object(rig->sc), .timeout_ms = 1000};
    w->steps[1] = (struct fx_runbook_step){
        .id = "gate",
        .kind = &approval,
        .params = engine_rig_json(rig, "{'step':'change','approvers':2,'needs_reason':true,"
                                       "'reason':'${arguments.reason}'}")};
    w->steps[2] = (struct fx_runbook_step){
        .id = "change", .kind = &changing, .params = engine_rig_json(rig, "{'queue':'orders'}")};
    w->book = (struct fx_runbook){.command = "dlq redrive",
                                  .digest = "d1",
                                  .steps = w->steps,
                                  .steps_count = FX_COUNT_OF(w->steps),
                                  .answer = engine_rig_json(rig, "{'verdict':'both are moved'}"),
                                  .effect = FX_EFFECT_UNKEYED};
    w->fluxa = (struct fx_system){.name = "fluxa",
                                  .definition = engine_rig_json(rig, "{'limits':{'moves':2}}"),
                                  .runbooks = &w->book,
                                  .runbooks_count = 1};
}

static void prepare_engine(struct change_world *w) {
    static const char *const teams[] = {TEAM}, *const approvers[] = {"U2", "U3"};
    static const struct fx_role roles[] = {
        {.name = "approver", .users = approvers, .users_count = 2}};
    static const struct fx_policy policy = {
        .team_ids = teams, .team_ids_count = 1, .roles = roles, .roles_count = 1};
    static const struct fx_environment environments[] = {{.name = "dev"}};
    struct fx_engine_options *options = &w->rig->engine.options;
    struct fx_error err;

    w->rig->system = (struct fx_engine_system){.system = &w->fluxa,
                                               .channel = "C1",
                                               .command = "/fluxa",
                                               .environments = environments,
                                               .environments_count = 1};
    assert_ok(fx_slackapi_open(&(struct fx_slackapi_options){.http = &w->http,
                                                             .api_url = "https://slack.com/api",
                                                             .bot_token = "xoxb-1"},
                               &w->slack, &err));
    options->store = w->store;
    options->state = &w->state;
    options->aws = &w->aws;
    options->slack = w->slack;
    options->policy = &policy;
    options->systems = &w->rig->system;
    options->systems_count = 1;
    options->approval_ms = options->execute_ms = WORLD_WAIT_MS;
    engine_threads_init(&w->rig->engine.threads);
}

void change_world_open(struct change_world *w) {
    void *rig = NULL;

    assert_int_equal(engine_rig_set_up(&rig), 0);
    *w = (struct change_world){
        .rig = rig, .aws = {.facts = "two wait", .account = "1"}, .effect = FX_EFFECT_UNKEYED};
    current = w;
    w->durable = w->rig->engine.options.store;
    w->store = fault_store_new(w->durable);
    w->memory = w->rig->engine.options.state;
    w->state = (struct fx_state){.wait = end_worker, .wake = no_wake, .get = get, .put = put};
    w->http.exchange = exchange;
    prepare_runbook(w);
    prepare_engine(w);
}

void change_world_close(struct change_world *w) {
    void *rig = w->rig;

    engine_threads_free(&w->rig->engine.threads);
    fx_slackapi_close(w->slack);
    w->store->close(w->store);
    w->rig->engine.options.store = w->durable;
    w->rig->engine.options.state = w->memory;
    assert_int_equal(engine_rig_tear_down(&rig), 0);
}

int change_world_set_up(void **state) {
    static struct change_world w;

    change_world_open(&w);
    *state = &w;
    return 0;
}

int change_world_tear_down(void **state) {
    change_world_close(*state);
    return 0;
}

void change_world_begin(struct change_world *w) {
    struct fx_run row = engine_rig_row;
    struct fx_writes writes = {0};
    struct fx_error err;

    row.id = RUN;
    row.state = FX_RUN_QUEUED;
    row.arguments_json = "{\"reason\":\"orders wait\"}";
    fx_writes_run(w->rig->sc, &writes, &row);
    fx_writes_job(w->rig->sc, &writes, "run", RUN, RIG_NOW_MS);
    assert_ok(w->durable->write(w->durable, w->rig->sc, NULL, &writes, &err));
}

/* ---- time ---- */

void change_world_work(struct change_world *w) {
    struct engine_worker worker = {.engine = &w->rig->engine, .index = 0};

    pthread_mutex_init(&worker.lock, NULL);
    atomic_store(&w->rig->engine.stopping, false);
    engine_thread_begins(&w->rig->engine);
    engine_worker_main(&worker);
    pthread_mutex_destroy(&worker.lock);
    w->rig->clock.wall_ms += WORLD_ROUND_MS;
    w->rig->clock.mono_ms += WORLD_ROUND_MS;
}

static bool is_idle(struct change_world *w) {
    static const enum fx_job_state states[] = {FX_JOB_READY, FX_JOB_LEASED};
    struct fx_job **jobs = NULL;
    struct fx_error err;
    size_t count = 0, all = 0;

    for (size_t i = 0; i < FX_COUNT_OF(states); i++) {
        assert_ok(w->durable->jobs(w->durable, w->rig->sc, states[i], 10, &jobs, &count, &err));
        all += count;
    }
    return all == 0;
}

void change_world_drive(struct change_world *w, bool (*until)(struct change_world *w)) {
    enum { ROUNDS = 100 };

    for (int i = 0; i < ROUNDS && !is_idle(w) && (until == NULL || !until(w)); i++)
        change_world_work(w);
    assert_true(is_idle(w) || (until != NULL && until(w)));
}

/* ---- people ---- */

static struct engine_work work_of(struct change_world *w) {
    return (struct engine_work){
        .engine = &w->rig->engine, .sc = w->rig->sc, .now_ms = w->rig->clock.wall_ms};
}

typedef enum fx_code act_fn(struct change_world *w, struct engine_work *work, const char *user,
                            bool yes, struct fx_error *err);

static enum fx_code write_rows(struct engine_work *work, struct fx_error *err) {
    struct fx_store *store = work->engine->options.store;

    return store->write(store, work->sc, NULL, &work->writes, err);
}

/* Once more when the store was away; by then it may be done. */
static void act(struct change_world *w, act_fn *what, const char *user, bool yes) {
    enum fx_code code = FX_ERR_UNAVAILABLE;
    struct fx_error err = {0};
    int tries = 0;

    for (; tries < 3 && fx_code_is_transient(code); tries++) {
        struct engine_work work = work_of(w);

        err = (struct fx_error){0};
        code = what(w, &work, user, yes, &err);
        if (code == FX_OK)
            code = write_rows(&work, &err);
    }
    if (tries == 1 || (code != FX_ERR_CONFLICT && code != FX_ERR_DENIED))
        assert_ok(code);
}

static enum fx_code vote(struct change_world *w, struct engine_work *work, const char *user,
                         bool approve, struct fx_error *err) {
    struct fx_approval *asked = NULL;

    FX_TRY(w->store->approval(w->store, work->sc, change_world_approval(w)->id, &asked, err));
    FX_TRY(engine_authorize_vote(work, &w->rig->system, user, TEAM, "C1", asked, err));
    return engine_decide(work, asked, approve, user, approve ? "" : "not now", "", err);
}

void change_world_vote(struct change_world *w, const char *user, bool approve) {
    act(w, vote, user, approve);
}

static enum fx_code withdraw(struct change_world *w, struct engine_work *work, const char *reason,
                             bool ignored, struct fx_error *err) {
    return engine_withdraw(work, change_world_approval(w), reason, err);
}

void change_world_withdraw(struct change_world *w, const char *reason) {
    act(w, withdraw, reason, true);
}

static enum fx_code press_stop(struct change_world *w, struct engine_work *work, const char *user,
                               bool ignored, struct fx_error *err) {
    struct fx_writes writes = {0};

    fx_writes_job(work->sc, &writes, "run", RUN, work->now_ms);
    return w->store->request_stop(w->store, work->sc, RUN, user, &writes, err);
}

void change_world_stop(struct change_world *w) {
    act(w, press_stop, "U4", true);
}

static enum fx_code tell(struct change_world *w, struct engine_work *work, const char *user,
                         bool done, struct fx_error *err) {
    return engine_tell(work, change_world_run(w), done, user, "I counted", err);
}

void change_world_tell(struct change_world *w, bool done) {
    act(w, tell, "U2", done);
}

static enum fx_code freeze(struct change_world *w, struct engine_work *work, const char *user,
                           bool ignored, struct fx_error *err) {
    engine_freeze_begin(work, user, "month end");
    return FX_OK;
}

void change_world_freeze(struct change_world *w) {
    act(w, freeze, "U9", true);
}

/* ---- what became of it ---- */

struct fx_run *change_world_run(struct change_world *w) {
    struct fx_run *row = NULL;
    struct fx_error err;

    assert_ok(w->durable->run(w->durable, w->rig->sc, RUN, &row, &err));
    return row;
}

struct fx_approval *change_world_approval(struct change_world *w) {
    struct fx_approval *row = NULL;
    struct fx_error err;

    assert_ok(w->durable->approval_of(w->durable, w->rig->sc, RUN, "gate", &row, &err));
    return row;
}

const char *change_world_card(struct change_world *w) {
    struct fx_message **messages = NULL;
    struct fx_error err;
    int64_t next_ms = 0;
    size_t count = 0;

    assert_ok(w->durable->outbox_ready(w->durable, w->rig->sc, w->rig->clock.wall_ms, 10, &messages,
                                       &count, &next_ms, &err));
    for (size_t i = 0; i < count; i++)
        if (strcmp(messages[i]->key, "run:" RUN) == 0)
            return messages[i]->payload_json;
    return "";
}

static size_t intents_of(struct fx_store *durable, struct fx_scope *sc,
                         struct fx_intent ***ret_intents) {
    struct fx_error err;
    size_t count = 0;

    assert_ok(durable->intents(durable, sc, RUN, "", ret_intents, &count, &err));
    return count;
}

/* Asked by whoever is about to be changed: the row that says so is on disk. */
static void assert_promised(const struct fx_step_context *ctx, const char *key) {
    struct change_world *w = FX_CONTAINER_OF(ctx->aws, struct change_world, aws);
    struct fx_intent **intents = NULL;
    size_t count = intents_of(w->durable, ctx->sc, &intents);

    for (size_t i = 0; i < count; i++)
        if (strcmp(intents[i]->key, key) == 0 && intents[i]->state == FX_INTENT_SET) {
            const struct fx_approval *given = change_world_approval(w); /* NULL for a stop */

            assert_true(given == NULL || strcmp(intents[i]->digest, given->digest) == 0);
            return;
        }
    fail_msg("the call %s leaves without a promise", key);
}

static bool is_in_audit(struct change_world *w, const char *action, const char *detail) {
    struct fx_audit **rows = NULL;
    struct fx_error err;
    size_t count = 0;

    assert_ok(w->durable->audits_of(w->durable, w->rig->sc, RUN, 100, &rows, &count, &err));
    for (size_t i = 0; i < count; i++)
        if (strcmp(rows[i]->action, action) == 0 && strstr(rows[i]->detail_json, detail) != NULL)
            return true;
    return false;
}

static void judge_audit(struct change_world *w, const struct fx_run *row) {
    const char *head = NULL;
    struct fx_error err;
    int64_t rows = 0, bad_n = 0;

    assert_ok(fx_audit_verify(w->durable, w->rig->sc, &rows, &bad_n, &head, &err));
    assert_int_equal(bad_n, 0);
    assert_true(is_in_audit(w, "run.ended", fx_run_state_name(row->state)));
    for (int i = 0; i < WORLD_CALLS; i++)
        assert_true(w->aws.sent[i] == 0 || is_in_audit(w, "effect.begun", keys[i]));
}

static void judge_card(struct change_world *w, const struct fx_run *row, int sent, size_t open) {
    const char *card = change_world_card(w);

    if (row->state == FX_RUN_ASKING) {
        assert_true(open > 0);
        assert_non_null(strstr(card, "Please look"));
        assert_non_null(strstr(card, "tell_not_done"));
    }
    if (row->state == FX_RUN_DONE)
        assert_int_equal(sent, WORLD_CALLS);
    if (strstr(card, "Nothing was changed") != NULL)
        assert_int_equal(sent, 0);
    else
        assert_true(sent > 0);
}

void change_world_judge(struct change_world *w) {
    const struct fx_run *row = change_world_run(w);
    struct fx_intent **intents = NULL;
    size_t count = intents_of(w->durable, w->rig->sc, &intents), open = 0;
    int sent = 0;

    assert_true(fx_run_state_is_final(row->state) || row->state == FX_RUN_ASKING);
    for (int i = 0; i < WORLD_CALLS; i++) {
        assert_in_range(w->aws.sent[i], 0, 1);
        sent += w->aws.sent[i];
    }
    for (size_t i = 0; i < count; i++) {
        enum fx_known known = engine_known(w->rig->sc, intents[i]);

        open += known == FX_KNOWN_BEGUN || known == FX_KNOWN_UNKNOWN;
    }
    assert_true(open == 0 || row->state == FX_RUN_ASKING);
    judge_audit(w, row);
    judge_card(w, row, sent, open);
}
