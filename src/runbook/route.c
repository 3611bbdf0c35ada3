/* route.c - which route an alarm takes. */
#include "private.h"

#include <fnmatch.h>
#include <string.h>

/* Characters of a glob that stand for themselves. */
static size_t literals(const char *pattern) {
    size_t count = 0;

    for (const char *p = pattern; *p != '\0'; p++) {
        const char *close = *p == '[' && p[1] != '\0' ? strchr(p + 2, ']') : NULL;

        if (close != NULL)
            p = close;
        else if (*p == '\\' && p[1] != '\0') {
            p++;
            count++;
        } else if (*p != '*' && *p != '?')
            count++;
    }
    return count;
}

static const struct fx_alarm_route *by_exact_name(const struct fx_system *system,
                                                  const char *name) {
    for (size_t i = 0; i < system->routes_count; i++)
        for (size_t j = 0; j < system->routes[i].patterns_count; j++)
            if (strcmp(system->routes[i].patterns[j], name) == 0)
                return &system->routes[i];
    return NULL;
}

/* "*-high-cpu" of a route for ECS also fits an alarm about RDS: a namespace that contradicts the
 * route's decides against it. Alarms on metric expressions tell none. */
static bool contradicts(const struct fx_alarm_route *route, const char *metric_namespace) {
    return route->metric_namespace != NULL && metric_namespace != NULL &&
           metric_namespace[0] != '\0' &&
           fnmatch(route->metric_namespace, metric_namespace, 0) != 0;
}

static const struct fx_alarm_route *by_glob(const struct fx_system *system, const char *name,
                                            const char *metric_namespace) {
    const struct fx_alarm_route *best = NULL;
    size_t most = 0;

    for (size_t i = 0; i < system->routes_count; i++) {
        const struct fx_alarm_route *route = &system->routes[i];

        for (size_t j = 0; j < route->patterns_count; j++) {
            size_t count = literals(route->patterns[j]);

            if ((best == NULL || count > most) && !contradicts(route, metric_namespace) &&
                fnmatch(route->patterns[j], name, 0) == 0) {
                best = route;
                most = count;
            }
        }
    }
    return best;
}

/* How closely the route describes the metric; 0 when it does not. */
static size_t metric_fit(const struct fx_alarm_route *route, const char *metric_namespace,
                         const char *metric_name, const struct fx_json *dimensions) {
    size_t fit = 1;
    void *cursor = NULL;
    const char *name = NULL;
    struct fx_json *glob = NULL;

    if (route->metric_namespace == NULL ||
        fnmatch(route->metric_namespace, metric_namespace, 0) != 0)
        return 0;
    if (route->metric_name != NULL) {
        if (metric_name == NULL || fnmatch(route->metric_name, metric_name, 0) != 0)
            return 0;
        fit += 1 + literals(route->metric_name);
    }
    while (fx_json_next(route->dimensions, &cursor, &name, &glob)) {
        const char *value = fx_json_get_text(dimensions, name);

        if (value == NULL || fx_json_text(glob) == NULL ||
            fnmatch(fx_json_text(glob), value, 0) != 0)
            return 0;
        fit += 1 + literals(fx_json_text(glob));
    }
    return fit;
}

static const struct fx_alarm_route *by_metric(const struct fx_system *system,
                                              const char *metric_namespace, const char *metric_name,
                                              const struct fx_json *dimensions) {
    const struct fx_alarm_route *best = NULL;
    size_t closest = 0;

    for (size_t i = 0; i < system->routes_count; i++) {
        size_t fit = metric_fit(&system->routes[i], metric_namespace, metric_name, dimensions);
        if (fit > closest) {
            closest = fit;
            best = &system->routes[i];
        }
    }
    return best;
}

const struct fx_alarm_route *fx_system_route(const struct fx_system *system, const char *alarm_name,
                                             const char *metric_namespace, const char *metric_name,
                                             const struct fx_json *dimensions) {
    const struct fx_alarm_route *route = NULL;

    if (alarm_name != NULL)
        route = by_exact_name(system, alarm_name);
    if (route == NULL && alarm_name != NULL)
        route = by_glob(system, alarm_name, metric_namespace);
    if (route == NULL && metric_namespace != NULL)
        route = by_metric(system, metric_namespace, metric_name, dimensions);
    return route;
}
