/* runbook_route_test.c - which route an alarm takes. */
#include "support/test.h"

#include "support/runbook_kinds.h"

#include <string.h>

static int setup(void **state) {
    *state = fx_scope_new(NULL);
    return 0;
}

static int teardown(void **state) {
    fx_scope_free(*state);
    return 0;
}

struct alarm {
    const char *name, *metric_namespace, *metric, *dimensions;
    const char *route; /* NULL: none */
};

static void close_p(struct fx_runbooks **runbooks) {
    fx_runbooks_close(*runbooks);
}

static void check_all(struct fx_scope *sc, const char *folder, const char *system,
                      const struct alarm *rows, size_t count) {
    FX_CLEANUP(close_p) struct fx_runbooks *runbooks = runbook_open_good(sc, folder, system);

    for (size_t i = 0; i < count; i++) {
        struct fx_json *dimensions = NULL;
        struct fx_error err = {0};

        if (rows[i].dimensions != NULL)
            assert_ok(fx_json_parse(sc, fx_slice_of(rows[i].dimensions), &dimensions, &err));
        const struct fx_alarm_route *route =
            fx_system_route(fx_runbooks_at(runbooks, 0), rows[i].name, rows[i].metric_namespace,
                            rows[i].metric, dimensions);
        const char *name = route == NULL ? "none" : route->name;
        const char *expected = rows[i].route == NULL ? "none" : rows[i].route;

        if (strcmp(name, expected) != 0)
            fail_msg("%s (%s) takes %s, not %s", rows[i].name,
                     rows[i].metric_namespace == NULL ? "-" : rows[i].metric_namespace, name,
                     expected);
    }
}

/* The names that collided between globs when the patterns were collected, and their neighbours. */
static void the_most_literal_glob_wins_and_a_foreign_namespace_loses(void **state) {
    static const struct alarm rows[] = {
        {"chat-dev-web-high-cpu", "AWS/ECS", "CPUUtilization", NULL, "ecs cpu"},
        {"chat-dev-web-high-cpu", NULL, NULL, NULL, "ecs cpu"},
        {"chat-dev-web-high-cpu", "", "", NULL, "ecs cpu"},
        {"chat-dev-redis-high-cpu", "AWS/ElastiCache", "CPUUtilization", NULL, "redis"},
        {"chat-dev-redis-high-cpu", NULL, NULL, NULL, "redis"},
        {"chat-dev-rds-high-cpu", "AWS/RDS", "CPUUtilization", NULL, NULL},
        {"chat-dev-rds-high-connections", "AWS/RDS", "DatabaseConnections", NULL,
         "rds connections"},
        {"chat-prod-web-high-cpu", "AWS/ECS", "CPUUtilization", NULL, "production cpu"},
        {"chat-dev-sqs-push-dlq", "AWS/SQS", "ApproximateNumberOfMessagesVisible", NULL,
         "dead letters"},
        {"chat-dev-sqs-dlq", NULL, NULL, NULL, NULL},
        {"chat-dev-alb-5xx", "AWS/ApplicationELB", "HTTPCode_ELB_5XX_Count", NULL, "balancer"},
        {"chat-dev-alb-5xx-old", "AWS/ApplicationELB", "HTTPCode_Target_5XX_Count", NULL, NULL},
        {"Chat-Dev-Alb-5xx", NULL, NULL, NULL, NULL},
    };
    check_all(*state, "good/chat", "chat", rows, FX_COUNT_OF(rows));
}

static void an_exact_name_goes_before_every_glob(void **state) {
    static const struct alarm rows[] = {
        {"chat-prod-edge-high-cpu", "AWS/ECS", "CPUUtilization", NULL, "edge by name"},
        /* the name was written down by a person: a namespace does not take it away */
        {"chat-prod-edge-high-cpu", "AWS/EC2", "CPUUtilization", NULL, "edge by name"},
        {"chat-prod-edge-high-cpu-2", "AWS/EC2", "CPUUtilization", NULL, NULL},
    };
    check_all(*state, "good/chat", "chat", rows, FX_COUNT_OF(rows));
}

static void without_a_name_the_closest_metric_decides(void **state) {
    static const struct alarm rows[] = {
        {"some alarm", "AWS/SQS", "ApproximateNumberOfMessagesVisible",
         "{\"QueueName\":\"chat-push-dlq\"}", "dead letters"},
        {"some alarm", "AWS/SQS", "ApproximateNumberOfMessagesVisible",
         "{\"QueueName\":\"chat-push\"}", "queue depth"},
        {"some alarm", "AWS/SQS", "ApproximateNumberOfMessagesVisible", NULL, "queue depth"},
        {"some alarm", "AWS/SQS", "ApproximateAgeOfOldestMessage",
         "{\"QueueName\":\"chat-push-dlq\"}", NULL},
        {"some alarm", "AWS/ElastiCache", "DatabaseMemoryUsagePercentage", "{}", "redis"},
        {"some alarm", "AWS/ElastiCache", NULL, NULL, "redis"},
        {"some alarm", "AWS/ECS", "CPUUtilization", "{\"ServiceName\":\"web\"}", "ecs cpu"},
        {"some alarm", "AWS/ECS", "CPUUtilization",
         "{\"ServiceName\":\"edge\",\"ClusterName\":\"chat\"}", "edge by name"},
        {"some alarm", "AWS/ECS", "MemoryUtilization", NULL, NULL},
        {"some alarm", "Custom", "CPUUtilization", NULL, NULL},
        {"some alarm", NULL, "CPUUtilization", NULL, NULL},
        {NULL, "AWS/ElastiCache", "CPUUtilization", NULL, "redis"},
        {"", NULL, NULL, NULL, NULL},
    };
    check_all(*state, "good/chat", "chat", rows, FX_COUNT_OF(rows));
}

static void a_long_hostile_name_costs_nothing(void **state) {
    char name[4096];
    static const struct alarm none[] = {{"x", NULL, NULL, NULL, NULL}};
    FX_CLEANUP(close_p)
    struct fx_runbooks *runbooks = runbook_open_good(*state, "good/chat", "chat");

    memset(name, '-', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_null(fx_system_route(fx_runbooks_at(runbooks, 0), name, name, name, NULL));
    check_all(*state, "good/tiny", "tiny", none, FX_COUNT_OF(none));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_most_literal_glob_wins_and_a_foreign_namespace_loses,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(an_exact_name_goes_before_every_glob, setup, teardown),
        cmocka_unit_test_setup_teardown(without_a_name_the_closest_metric_decides, setup, teardown),
        cmocka_unit_test_setup_teardown(a_long_hostile_name_costs_nothing, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
