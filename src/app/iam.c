/* iam.c - the calls of AWS that the configured runbooks make, environment by environment. */
#include "iam.h"

#include <string.h>

void iam_allow(struct fx_scope *sc, struct fx_json *actions, const char *action,
               const char *resource) {
    struct fx_json *resources = fx_json_at(actions, action);

    if (resources == NULL) {
        resources = fx_json_object(sc);
        fx_json_put(actions, action, resources);
    }
    fx_json_put(resources, resource, fx_json_bool(sc, true));
}

/* runbook NULL: all of them. */
static enum fx_code allow_environment(struct fx_scope *sc, const struct fx_engine_system *system,
                                      const struct fx_environment *environment,
                                      const struct fx_runbook *runbook, struct fx_json *actions,
                                      struct fx_error *err) {
    struct iam_asked a = {.sc = sc, .actions = actions};

    FX_TRY(fx_system_fill(sc, system->system, environment->name, environment->variables, &a.filled,
                          err));
    a.names = fx_json_object_of(sc, "variables", fx_json_at(a.filled, "variables"), "queue",
                                fx_json_at(a.filled, "queues"), "environment",
                                fx_json_string(sc, environment->name), NULL);
    iam_read_place(&a);
    for (size_t k = 0; k < system->system->runbooks_count; k++)
        if (runbook == NULL || runbook == &system->system->runbooks[k])
            iam_allow_runbook(&a, &system->system->runbooks[k]);
    iam_allow_keys(&a);
    return FX_OK;
}

enum fx_code app_iam_of_command(struct fx_scope *sc, const struct fx_engine_system *system,
                                const struct fx_environment *environment,
                                const struct fx_runbook *runbook, struct fx_json **ret_actions,
                                struct fx_error *err) {
    *ret_actions = fx_json_object(sc);
    return allow_environment(sc, system, environment, runbook, *ret_actions, err);
}

/* What the bot does without a runbook: it looks for alarms that it missed, draws the metric of
 * those that begin, and confirms its subscriptions. */
static void allow_topics(struct fx_scope *sc, const struct app_config *config,
                         const struct fx_engine_system *system,
                         const struct fx_environment *environment, struct fx_json *actions) {
    for (size_t i = 0; i < config->topics_count; i++) {
        const struct fx_engine_topic *topic = &config->topics[i];

        if (strcmp(topic->system, system->system->name) != 0 ||
            strcmp(topic->environment, environment->name) != 0)
            continue;
        iam_allow(sc, actions, "cloudwatch:DescribeAlarms", IAM_EVERYTHING);
        iam_allow(sc, actions, "cloudwatch:DescribeAlarmHistory", IAM_EVERYTHING);
        iam_allow(sc, actions, "cloudwatch:GetMetricData", IAM_EVERYTHING);
        iam_allow(sc, actions, "sns:ConfirmSubscription", topic->arn);
    }
}

enum fx_code app_iam_actions(struct fx_scope *sc, const struct app_config *config, const char *only,
                             struct fx_json **ret_actions, struct fx_error *err) {
    struct fx_json *actions = fx_json_object(sc);
    bool found = only == NULL;

    for (size_t i = 0; i < config->systems_count; i++)
        for (size_t k = 0; k < config->systems[i].environments_count; k++) {
            const struct fx_engine_system *system = &config->systems[i];
            const struct fx_environment *environment = &system->environments[k];

            if (only != NULL && strcmp(only, environment->name) != 0)
                continue;
            found = true;
            if (only == NULL && environment->role_arn != NULL) {
                iam_allow(sc, actions, "sts:AssumeRole", environment->role_arn);
                continue;
            }
            allow_topics(sc, config, system, environment, actions);
            FX_TRY(allow_environment(sc, system, environment, NULL, actions, err));
        }
    if (!found)
        return fx_fail(err, FX_ERR_INPUT, "no system has an environment %s", only);
    *ret_actions = actions;
    return FX_OK;
}
