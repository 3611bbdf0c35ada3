/* threads_rig.c - see threads_rig.h. */
#include "threads_rig.h"

#include "fluxabot/slackapi.h"
#include "support/scripted_http.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum fx_code fx_aws_call(struct fx_aws *aws, struct fx_scope *sc, const struct fx_aws_call *call,
                         struct fx_json **ret_answer, struct fx_error *err) {
    struct fx_error canceled = {0};

    (void)call;
    pthread_mutex_lock(&aws->lock);
    aws->is_held = true;
    pthread_cond_broadcast(&aws->changed);
    pthread_mutex_unlock(&aws->lock);
    while (atomic_load(&aws->holds) &&
           fx_scope_check(sc, fx_mono_ms(aws->clock), &canceled) == FX_OK)
        usleep(1000);
    if (canceled.code != FX_OK) {
        aws->canceled++;
        return fx_fail(err, canceled.code, "%s", canceled.message);
    }
    *ret_answer = fx_json_object(sc);
    return FX_OK;
}

static enum fx_code no_exchange(struct fx_http *http, struct fx_scope *sc,
                                const struct fx_http_request *request,
                                struct fx_http_reply **ret_reply, struct fx_error *err) {
    (void)http, (void)sc, (void)request, (void)ret_reply;
    return fx_fail(err, FX_ERR_UNAVAILABLE, "nobody is there");
}

static int64_t held_now(struct fx_clock *clock) {
    return atomic_load(&FX_CONTAINER_OF(clock, struct threads_rig, clock)->now_ms);
}

static int64_t held_mono(struct fx_clock *clock) {
    return atomic_load(&FX_CONTAINER_OF(clock, struct threads_rig, clock)->mono_ms);
}

static const struct fx_engine_topic topics[] = {
    {.arn = TOPIC, .system = "fluxa", .environment = "dev"}};

int threads_set_up(void **state) {
    struct fx_scope *sc = fx_scope_new(NULL);
    struct threads_rig *rig = FX_NEW(sc, struct threads_rig);
    struct fx_error err;

    rig->sc = sc;
    rig->clock = (struct fx_clock){.wall_ms = held_now, .mono_ms = held_mono};
    rig->now_ms = rig->mono_ms = NOW_MS;
    snprintf(rig->dir, sizeof rig->dir, "/tmp/fluxabot-test-XXXXXX");
    assert_non_null(mkdtemp(rig->dir));
    rig->http.exchange = no_exchange;
    rig->fluxa.name = "fluxa";
    rig->system =
        (struct fx_engine_system){.system = &rig->fluxa, .channel = "C1", .command = "/fluxa"};
    pthread_mutex_init(&rig->aws.lock, NULL);
    pthread_cond_init(&rig->aws.changed, NULL);
    rig->aws.clock = &rig->clock;
    rig->options = (struct fx_engine_options){.clock = &rig->clock,
                                              .random = fx_random_system(),
                                              .metrics = fx_metrics_new(),
                                              .state = fx_state_memory_new(&rig->clock),
                                              .aws = &rig->aws,
                                              .topics = topics,
                                              .topics_count = 1,
                                              .systems = &rig->system,
                                              .systems_count = 1,
                                              .version = "1",
                                              .workers = WORKERS,
                                              .place = "here",
                                              .crashes = FX_ENGINE_CRASH_STARTS,
                                              .hurry = &rig->hurry};
    assert_ok(fx_store_open(sc, fx_printf(sc, "sqlite://%s/x.db", rig->dir), &rig->clock,
                            fx_random_system(), &rig->options.store, &err));
    assert_ok(fx_slackapi_open(&(struct fx_slackapi_options){.http = &rig->http,
                                                             .api_url = "https://slack.com/api",
                                                             .bot_token = "xoxb-1"},
                               &rig->options.slack, &err));
    *state = rig;
    return 0;
}

int threads_tear_down(void **state) {
    struct threads_rig *rig = *state;
    static const char *const files[] = {"x.db", "x.db-wal", "x.db-shm"};

    fx_engine_stop(rig->engine);
    fx_slackapi_close(rig->options.slack);
    rig->options.store->close(rig->options.store);
    rig->options.state->close(rig->options.state);
    fx_metrics_free(rig->options.metrics);
    pthread_cond_destroy(&rig->aws.changed);
    pthread_mutex_destroy(&rig->aws.lock);
    for (size_t i = 0; i < FX_COUNT_OF(files); i++)
        unlink(fx_printf(rig->sc, "%s/%s", rig->dir, files[i]));
    rmdir(rig->dir);
    fx_scope_free(rig->sc);
    return 0;
}

void threads_start(struct threads_rig *rig) {
    struct fx_error err;

    assert_ok(fx_engine_start(&rig->options, &rig->engine, &err));
}

void threads_stop(struct threads_rig *rig) {
    fx_engine_stop(rig->engine);
    rig->engine = NULL;
}
