/* work.c - one claimed job in hand: finding systems, making ids, writing in the middle. */
#include "private.h"

#include "fluxabot/base/digest.h"

#include <string.h>

const struct fx_engine_system *engine_system(const struct fx_engine *engine, const char *name) {
    for (size_t i = 0; i < engine->options.systems_count; i++)
        if (strcmp(engine->options.systems[i].system->name, name) == 0)
            return &engine->options.systems[i];
    return NULL;
}

const struct fx_engine_topic *engine_topic(const struct fx_engine *engine, const char *arn) {
    for (size_t i = 0; i < engine->options.topics_count; i++)
        if (strcmp(engine->options.topics[i].arn, arn) == 0)
            return &engine->options.topics[i];
    return NULL;
}

const struct fx_environment *engine_environment(const struct fx_engine_system *system,
                                                const char *name) {
    for (size_t i = 0; i < system->environments_count; i++)
        if (strcmp(system->environments[i].name, name) == 0)
            return &system->environments[i];
    return NULL;
}

struct fx_aws *engine_aws(struct engine_work *work, const struct fx_environment *environment,
                          const char *session) {
    struct fx_aws *own = work->engine->options.aws;

    if (own == NULL || work->engine->options.aws_of == NULL ||
        (environment->role_arn == NULL && environment->region == NULL))
        return own;
    return work->engine->options.aws_of(own, work->sc, environment, session);
}

struct fx_aws *engine_aws_of_topic(struct engine_work *work, const struct fx_engine_topic *topic) {
    const struct fx_engine_system *system = engine_system(work->engine, topic->system);
    const struct fx_environment *environment =
        system == NULL ? NULL : engine_environment(system, topic->environment);

    return environment == NULL ? work->engine->options.aws : engine_aws(work, environment, NULL);
}

enum fx_action engine_action(const struct fx_runbook *runbook) {
    if (runbook->is_notice)
        return FX_ACTION_NOTICE;
    if (!fx_effect_changes(runbook->effect))
        return FX_ACTION_READ;
    return runbook->is_stop ? FX_ACTION_STOP : FX_ACTION_REQUEST;
}

char *engine_id(struct engine_work *work, const char *prefix) {
    return fx_id_new(work->sc, work->engine->options.random, prefix);
}

void engine_work_goes_on(struct engine_work *work, int64_t allowed_ms) {
    engine_pulse(work->pulse, work->engine->options.clock, allowed_ms);
}

enum fx_code engine_flush(struct engine_work *work, struct fx_error *err) {
    struct fx_store *store = work->engine->options.store;
    bool has_messages = work->writes.messages_count > 0, has_jobs = work->writes.jobs_count > 0;

    FX_TRY(store->write(store, work->sc, work->job, &work->writes, err));
    work->writes = (struct fx_writes){0};
    if (has_messages)
        work->engine->options.state->wake(work->engine->options.state, "outbox");
    if (has_jobs)
        work->engine->options.state->wake(work->engine->options.state, "jobs");
    return FX_OK;
}
