/* config_people.c - roles and who is in them, and accounts that are one person. */
#include "config.h"

#include <string.h>

static void read_roles(const struct config_reader *r) {
    struct app_config *config = r->config;
    const struct fx_json *roles = fx_json_at(r->root, "roles");
    struct fx_json *role = NULL;
    const char *name = NULL;
    void *cursor = NULL;

    config->roles = fx_alloc(config->sc, (fx_json_count(roles) + 1) * sizeof *config->roles);
    while (fx_json_next(roles, &cursor, &name, &role)) {
        struct fx_role *row = &config->roles[config->roles_count++];

        row->name = fx_strdup(config->sc, name);
        row->users = config_texts(r, fx_json_at(role, "users"), &row->users_count);
        row->groups = config_texts(r, fx_json_at(role, "groups"), &row->groups_count);
    }
}

/* A mistyped id would protect against nothing, and nobody would notice. */
static bool is_user_id(const char *text) {
    return (text[0] == 'U' || text[0] == 'W') && text[1] != '\0' &&
           text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")] == '\0';
}

/* Whose a user id is already; NULL: nobody's. */
static const char *owner_of(const struct app_config *config, const char *user_id) {
    for (size_t i = 0; i < config->persons_count; i++)
        for (size_t k = 0; k < config->persons[i].users_count; k++)
            if (strcmp(config->persons[i].users[k], user_id) == 0)
                return config->persons[i].name;
    return NULL;
}

static void read_persons(const struct config_reader *r) {
    struct app_config *config = r->config;
    const struct fx_json *persons = fx_json_at(r->root, "persons");
    struct fx_json *list = NULL;
    const char *name = NULL;
    void *cursor = NULL;

    config->persons = fx_alloc(config->sc, (fx_json_count(persons) + 1) * sizeof *config->persons);
    while (fx_json_next(persons, &cursor, &name, &list)) {
        struct fx_person *person = &config->persons[config->persons_count];
        size_t count = 0;
        const char **users = config_texts(r, list, &count);

        *person = (struct fx_person){.name = fx_strdup(config->sc, name), .users = users};
        config->persons_count++;
        for (; person->users_count < count; person->users_count++) {
            const char *user = users[person->users_count], *owner = owner_of(config, user);
            const char *path = fx_printf(config->sc, "persons.%s.%zu", name, person->users_count);

            if (!is_user_id(user))
                config_find(
                    r, path,
                    fx_printf(config->sc, "%s is not a Slack user id, such as U012AB3CD", user));
            if (owner != NULL)
                config_find(r, path,
                            fx_printf(config->sc,
                                      "%s stands in persons.%s already: an account belongs to one "
                                      "person, once",
                                      user, owner));
        }
    }
}

void config_read_people(const struct config_reader *r) {
    read_roles(r);
    read_persons(r);
}
