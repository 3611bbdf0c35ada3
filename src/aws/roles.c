/* roles.c - the credentials of assumed roles, shared by all calls that want the same one. */
#include "private.h"

#include <string.h>

struct held_role {
    struct fx_scope *sc; /* NULL: the place is free */
    const char *key;
    struct fx_aws_source *cached;
    int users;
    uint64_t used; /* when it was last taken, in takes */
};

struct aws_roles {
    const struct aws_settings *settings;
    struct fx_aws_source *inner;
    pthread_mutex_t lock;
    uint64_t takes;
    struct held_role list[AWS_MAX_ROLES_HELD];
};

/* What a taker gives back when its scope ends. */
struct loan {
    struct aws_roles *roles;
    struct held_role *role;
};

struct aws_roles *aws_roles_new(struct fx_scope *sc, const struct aws_settings *settings,
                                struct fx_aws_source *inner) {
    struct aws_roles *roles = FX_NEW(sc, struct aws_roles);

    roles->settings = settings;
    roles->inner = inner;
    pthread_mutex_init(&roles->lock, NULL);
    return roles;
}

static void empty(struct held_role *role) {
    if (role->sc == NULL)
        return;
    role->cached->close(role->cached);
    fx_scope_free(role->sc);
    *role = (struct held_role){0};
}

void aws_roles_close(struct aws_roles *roles) {
    for (size_t i = 0; i < AWS_MAX_ROLES_HELD; i++)
        empty(&roles->list[i]);
    pthread_mutex_destroy(&roles->lock);
}

static struct fx_aws_source *make(struct aws_roles *roles, struct fx_scope *sc,
                                  const struct fx_aws_role *role) {
    struct fx_aws_source *source = aws_source_role_new(sc, roles->settings, role, roles->inner);

    return aws_source_cached_new(sc, roles->settings, source);
}

/* A line break stands in none of the parts that AWS would take. */
static const char *key_of(struct fx_scope *sc, const struct fx_aws_role *role) {
    return fx_printf(sc, "%s\n%s\n%s\n%lld", role->arn,
                     role->external_id != NULL ? role->external_id : "",
                     role->session != NULL ? role->session : "", (long long)role->duration_s);
}

/* The place of key, else the free or longest unused one; NULL when all others are in use. */
static struct held_role *find_place(struct aws_roles *roles, const char *key) {
    struct held_role *best = NULL;

    for (size_t i = 0; i < AWS_MAX_ROLES_HELD; i++) {
        struct held_role *role = &roles->list[i];
        if (role->sc != NULL && strcmp(role->key, key) == 0)
            return role;
        if (role->users == 0 && (best == NULL || role->used < best->used))
            best = role;
    }
    return best;
}

static void give_back(void *thing) {
    struct loan *loan = thing;

    pthread_mutex_lock(&loan->roles->lock);
    loan->role->users--;
    pthread_mutex_unlock(&loan->roles->lock);
}

static void close_own(void *thing) {
    struct fx_aws_source *cached = thing;

    cached->close(cached);
}

struct fx_aws_source *aws_roles_take(struct aws_roles *roles, struct fx_scope *sc,
                                     const struct fx_aws_role *wanted) {
    const char *key = key_of(sc, wanted);
    struct loan *loan = FX_NEW(sc, struct loan);

    pthread_mutex_lock(&roles->lock);
    struct held_role *role = find_place(roles, key);
    if (role != NULL && (role->sc == NULL || strcmp(role->key, key) != 0)) {
        empty(role);
        role->sc = fx_scope_new(NULL);
        role->key = fx_strdup(role->sc, key);
        role->cached = make(roles, role->sc, wanted);
    }
    if (role != NULL) {
        role->users++;
        role->used = ++roles->takes;
    }
    pthread_mutex_unlock(&roles->lock);
    if (role == NULL) { /* more roles at a time than we remember: this one is its taker's own */
        struct fx_aws_source *own = make(roles, sc, wanted);
        fx_defer(sc, close_own, own);
        return own;
    }
    *loan = (struct loan){roles, role};
    fx_defer(sc, give_back, loan);
    return role->cached;
}
