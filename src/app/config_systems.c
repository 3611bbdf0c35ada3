/* config_systems.c - the systems and their environments: where each is, and as whom it is read. */
#include "config.h"

#include "fluxabot/redis.h"
#include "fluxabot/sql.h"

#include <string.h>

static struct fx_json *read_databases(const struct config_reader *r, const char *path,
                                      const struct fx_json *map) {
    struct fx_json *databases = fx_json_object(r->config->sc), *value = NULL;
    const char *name = NULL;
    void *cursor = NULL;

    while (fx_json_next(map, &cursor, &name, &value)) {
        const char *url = app_secret(
            r->config, r->yaml, fx_printf(r->config->sc, "%s.%s", path, name), value, r->findings);

        if (url != NULL)
            fx_json_put(databases, name, fx_json_string(r->config->sc, url));
    }
    return databases;
}

/* What is understood by neither is told when it is opened. */
static struct fx_json *places_of(struct fx_scope *sc, const struct fx_json *databases) {
    struct fx_json *places = fx_json_object(sc), *value = NULL;
    const char *name = NULL;
    void *cursor = NULL;

    while (fx_json_next(databases, &cursor, &name, &value)) {
        const char *url = fx_json_text(value), *place = fx_redis_place(sc, url);

        if (place == NULL)
            place = fx_sql_place(sc, url);
        fx_json_put(places, name, fx_json_string(sc, place == NULL ? "" : place));
    }
    return places;
}

static void check_role(const struct config_reader *r, const char *path,
                       const struct fx_environment *environment) {
    struct fx_scope *sc = r->config->sc;

    if (environment->role_arn != NULL && (strncmp(environment->role_arn, "arn:", 4) != 0 ||
                                          strstr(environment->role_arn, ":role/") == NULL))
        config_find(r, fx_printf(sc, "%s.role_arn", path),
                    "role_arn is no role's, such as arn:aws:iam::111122223333:role/fluxabot");
    if (environment->role_arn == NULL && environment->external_id != NULL)
        config_find(r, fx_printf(sc, "%s.external_id", path),
                    "external_id is told to a role that is assumed; set role_arn, too");
}

static void read_environments(const struct config_reader *r, const char *path,
                              const struct fx_json *map, struct fx_engine_system *system,
                              const struct fx_json **ret_variables) {
    struct fx_scope *sc = r->config->sc;
    struct fx_environment *list = fx_alloc(sc, (fx_json_count(map) + 1) * sizeof *list);
    struct fx_json *all = fx_json_object(sc), *value = NULL;
    const char *name = NULL;
    void *cursor = NULL;

    while (fx_json_next(map, &cursor, &name, &value)) {
        const struct fx_json *given = fx_json_at(value, "variables");
        struct fx_json *variables = given == NULL ? fx_json_object(sc) : fx_json_copy(sc, given);

        fx_json_put(all, name, variables);
        list[system->environments_count] = (struct fx_environment){
            .name = fx_strdup(sc, name),
            .variables = variables,
            .databases = read_databases(r, fx_printf(sc, "%s.%s.databases", path, name),
                                        fx_json_at(value, "databases")),
            .role_arn = fx_strdup(sc, fx_json_get_text(value, "role_arn")),
            .external_id = fx_strdup(sc, fx_json_get_text(value, "external_id")),
            .region = fx_strdup(sc, fx_json_get_text(value, "region"))};
        list[system->environments_count].places =
            places_of(sc, list[system->environments_count].databases);
        check_role(r, fx_printf(sc, "%s.%s", path, name), &list[system->environments_count]);
        system->environments_count++;
    }
    system->environments = list;
    *ret_variables = all;
}

void config_read_systems(const struct config_reader *r) {
    struct app_config *config = r->config;
    const struct fx_json *systems = fx_json_at(r->root, "systems");
    size_t count = fx_json_count(systems), i = 0;
    struct fx_json *value = NULL;
    const char *name = NULL;
    void *cursor = NULL;

    config->systems = fx_alloc(config->sc, (count + 1) * sizeof *config->systems);
    config->system_names = fx_alloc(config->sc, (count + 1) * sizeof *config->system_names);
    config->system_paths = fx_alloc(config->sc, (count + 1) * sizeof *config->system_paths);
    config->system_variables = fx_alloc(config->sc, (count + 1) * sizeof *config->system_variables);
    config->system_documents = fx_alloc(config->sc, (count + 1) * sizeof *config->system_documents);
    config->system_documents_count =
        fx_alloc(config->sc, (count + 1) * sizeof *config->system_documents_count);
    for (; fx_json_next(systems, &cursor, &name, &value); i++) {
        struct fx_engine_system *system = &config->systems[i];
        const char *path = fx_printf(config->sc, "systems.%s", name);

        config->system_names[i] = fx_strdup(config->sc, name);
        config->system_paths[i] = config_text(r, fx_printf(config->sc, "%s.path", path), "");
        system->channel = config_text(r, fx_printf(config->sc, "%s.channel", path), "");
        system->command = config_text(r, fx_printf(config->sc, "%s.command", path), "");
        system->default_environment =
            config_text(r, fx_printf(config->sc, "%s.default_environment", path), "");
        system->no_watches = !fx_json_get_bool(value, "watches", true);
        config->system_documents[i] =
            config_texts(r, fx_json_at(value, "runbooks"), &config->system_documents_count[i]);
        system->no_schedules = !fx_json_get_bool(value, "schedules", true);
        system->no_automatic_pages = !fx_json_get_bool(value, "automatic_pages", true);
        system->ack_timeout_ms =
            fx_json_at(value, "ack_timeout") == NULL
                ? FX_ENGINE_ACK_TIMEOUT_MS
                : config_duration(r, fx_printf(config->sc, "%s.ack_timeout", path));
        read_environments(r, fx_printf(config->sc, "%s.environments", path),
                          fx_json_at(value, "environments"), system, &config->system_variables[i]);
        if (fx_json_at(fx_json_at(value, "environments"), system->default_environment) == NULL)
            config_find(r, path, "default_environment is not among environments");
    }
    config->systems_count = i;
    if (i == 0)
        config_find(r, "systems", "no system is configured");
}
