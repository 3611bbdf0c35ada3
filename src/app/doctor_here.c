/* doctor_here.c - the certificate, the store, Redis and the databases that commands ask. */
#include "doctor.h"

#include "fluxabot/base/certificate.h"
#include "fluxabot/redis.h"
#include "fluxabot/sql.h"
#include "fluxabot/steps.h"

#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { DAY_MS = 24 * 3600 * 1000, MIB = 1 << 20 };

/* ---- TLS ---- */

static void judge_certificate(struct doctor *d, const struct fx_certificate *c) {
    int64_t left_days = (c->ends_wall_ms - fx_wall_ms(fx_clock_system())) / DAY_MS;
    const char *ends = fx_time_iso(d->sc, c->ends_wall_ms);

    if (!c->key_fits)
        doctor_say(d, DOCTOR_WRONG, "tls.key", "name the key that belongs to the certificate",
                   "listen.tls.key is not the key of listen.tls.certificate");
    if (c->ends_wall_ms <= fx_wall_ms(fx_clock_system()))
        doctor_say(d, DOCTOR_WRONG, "tls.time", "renew it now: no alarm and no click arrives",
                   "the certificate ended at %s", ends);
    else if (c->starts_wall_ms > fx_wall_ms(fx_clock_system()))
        doctor_say(d, DOCTOR_WRONG, "tls.time", "look at this machine's clock, or wait",
                   "the certificate begins at %s", fx_time_iso(d->sc, c->starts_wall_ms));
    else
        doctor_say(d, left_days < DOCTOR_CERTIFICATE_DAYS ? DOCTOR_LOOK : DOCTOR_OK, "tls.time",
                   left_days < DOCTOR_CERTIFICATE_DAYS ? "renew it and start the bot again" : NULL,
                   "the certificate ends in %lld days, at %s", (long long)left_days, ends);
    if (c->names[0] == '\0')
        doctor_say(d, DOCTOR_WRONG, "tls.name", "have one made for the name that Slack calls",
                   "the certificate is for no name at all");
    else
        doctor_say(d, DOCTOR_OK, "tls.name", NULL, "the certificate is for %s", c->names);
    if (c->distrust != NULL)
        doctor_say(d, DOCTOR_WRONG, "tls.chain",
                   "put the certificates that lead to a public root behind it in the same file",
                   "Slack and AWS would not believe it: %s (%zu certificates in the file)",
                   c->distrust, c->chain_count);
    else
        doctor_say(d, DOCTOR_OK, "tls.chain", NULL, "it leads to a root that is trusted here");
}

void doctor_certificate(struct doctor *d) {
    const struct app_config *config = d->config;
    const char *roots = NULL;
    struct fx_certificate certificate;
    struct fx_error err = {0};

    if (config->listen.certificate_pem == NULL) {
        doctor_say(d, DOCTOR_OK, "tls", NULL,
                   "the bot listens on %s without TLS: something before it has to end TLS",
                   config->listen.address);
        return;
    }
    if (config->sns_test_ca != NULL)
        roots = app_read_file(d->sc, config->sns_test_ca, &err);
    if (fx_certificate_read(d->sc, fx_slice_of(config->listen.certificate_pem),
                            config->listen.key_pem, roots, &certificate, &err) != FX_OK)
        doctor_say(d, DOCTOR_WRONG, "tls", "put the PEM chain there, the server's own first",
                   "listen.tls.certificate: %s", err.message);
    else
        judge_certificate(d, &certificate);
}

/* ---- the store ---- */

static void disk(struct doctor *d, const char *path) {
    const char *slash = strrchr(path, '/');
    const char *folder =
        slash == NULL || slash == path ? "/" : fx_printf(d->sc, "%.*s", (int)(slash - path), path);
    struct statvfs space;

    if (statvfs(folder, &space) != 0 || access(folder, W_OK) != 0) {
        doctor_say(d, DOCTOR_WRONG, "store.disk", "make it, and let the bot's user write there",
                   "the folder %s is not there, or may not be written by this user", folder);
        return;
    }
    int64_t free_mib = (int64_t)(space.f_bavail * space.f_frsize / MIB);

    doctor_say(d,
               free_mib < DOCTOR_DISK_NEEDED_MIB   ? DOCTOR_WRONG
               : free_mib < DOCTOR_DISK_WANTED_MIB ? DOCTOR_LOOK
                                                   : DOCTOR_OK,
               "store.disk", free_mib < DOCTOR_DISK_WANTED_MIB ? "make room on that disk" : NULL,
               "%lld MiB are free in %s", (long long)free_mib, folder);
}

static void standby(struct doctor *d, struct fx_store *store) {
    const char *how = NULL;
    struct fx_error err = {0};

    if (store->may_forget(store, d->sc, &how, &err) != FX_OK)
        doctor_say(d, DOCTOR_LOOK, "store.standby", "ask again", "%s", err.message);
    else if (how != NULL)
        doctor_say(d, d->config->may_forget ? DOCTOR_LOOK : DOCTOR_WRONG, "store.standby",
                   "make the standbys synchronous; until then no change begins", "%s", how);
    else
        doctor_say(d, DOCTOR_OK, "store.standby", NULL, "what is acknowledged survives a failover");
}

/* Subscriptions are asked of our own log: AWS would want a right that is used for nothing else. */
static void subscriptions(struct doctor *d, struct fx_store *store) {
    for (size_t i = 0; i < d->config->topics_count; i++) {
        const char *arn = d->config->topics[i].arn;
        struct fx_audit **rows = NULL;
        struct fx_error err = {0};
        size_t count = 0;
        const struct fx_audit *confirmed = NULL;

        if (store->audits_of(store, d->sc, arn, FX_STORE_MAX_ROWS, &rows, &count, &err) != FX_OK) {
            doctor_say(d, DOCTOR_LOOK, "sns", "ask again", "%s", err.message);
            continue;
        }
        for (size_t k = 0; k < count; k++)
            if (strcmp(rows[k]->action, "sns.confirmed") == 0)
                confirmed = rows[k];
        if (confirmed == NULL)
            doctor_say(d, DOCTOR_LOOK, "sns",
                       "subscribe https://YOUR-HOST/webhooks/sns to it; the bot confirms by itself",
                       "no subscription of %s was ever confirmed by this bot", arn);
        else
            doctor_say(d, DOCTOR_OK, "sns", NULL, "%s was confirmed at %s", arn,
                       fx_time_iso(d->sc, confirmed->at_ms));
    }
}

void doctor_store(struct doctor *d) {
    const char *path = app_sqlite_path(d->config->store_url);
    struct fx_store *store = NULL;
    struct fx_error err = {0};

    if (path != NULL)
        disk(d, path);
    if (path != NULL && access(path, F_OK) != 0) {
        doctor_say(d, DOCTOR_OK, "store", NULL, "%s is made by the first start", path);
        return;
    }
    if (fx_store_open(d->sc, d->config->store_url, fx_clock_system(), fx_random_system(), &store,
                      &err) != FX_OK) {
        doctor_say(d, DOCTOR_WRONG, "store", "without it the bot does not start", "%s",
                   err.message);
        return;
    }
    doctor_say(d, DOCTOR_OK, "store", NULL, "it opens, and is of this program's version");
    standby(d, store);
    subscriptions(d, store);
    store->close(store);
}

/* ---- Redis ---- */

void doctor_redis(struct doctor *d) {
    const struct fx_state_options *state = &d->config->state;
    const struct fx_redis_options options = {.url = state->url,
                                             .username = state->username,
                                             .password = state->password,
                                             .ca_file = state->ca_file,
                                             .clock = fx_clock_system(),
                                             .timeout_ms = DOCTOR_MAX_WAIT_MS};
    const struct fx_slice ping[] = {FX_SLICE("PING")};
    const struct fx_redis_reply *reply = NULL;
    struct fx_redis *redis = NULL;
    struct fx_error err = {0};

    if (strcmp(state->url, "memory:") == 0) {
        doctor_say(d, DOCTOR_OK, "redis", NULL, "none is used: one process alone");
        return;
    }
    enum fx_code code = fx_redis_open(&options, &redis, &err);
    if (code == FX_OK)
        code = fx_redis_call(redis, d->sc, ping, 1, DOCTOR_MAX_WAIT_MS, &reply, &err);
    fx_redis_close(redis);
    if (code == FX_OK)
        doctor_say(d, DOCTOR_OK, "redis", NULL, "it answers");
    else
        doctor_say(d, DOCTOR_WRONG, "redis",
                   "mend it: without it nothing is lost, but replicas wake each other late", "%s",
                   err.message);
}

/* ---- what commands ask ---- */

static const char *url_of(const struct fx_step_context *ctx, const char *name) {
    return fx_json_get_text(ctx->owner, name);
}

static enum fx_code ask_redis(struct doctor *d, const struct fx_environment *environment,
                              const struct fx_json *system, const char *name,
                              struct fx_error *err) {
    const struct fx_step_context ctx = {.sc = d->sc,
                                        .clock = fx_clock_system(),
                                        .system = system,
                                        .environment = environment->name,
                                        .database_url = url_of,
                                        .owner = (void *)(uintptr_t)environment->databases};
    struct fx_json *params = fx_json_object_of(d->sc, "command", fx_json_string(d->sc, "PING"),
                                               "database", fx_json_string(d->sc, name), NULL);
    struct fx_step_result result = {0};

    for (size_t i = 0; i < fx_step_kinds_count; i++) {
        if (strcmp(fx_step_kinds[i]->name, "redis") != 0)
            continue;
        FX_TRY(fx_step_fill_params(d->sc, fx_step_kinds[i], params, &params, err));
        return fx_step_kinds[i]->run(&ctx, params, &result, err);
    }
    return FX_OK;
}

static enum fx_code ask_sql(struct doctor *d, const char *url, struct fx_error *err) {
    const struct fx_sql_options options = {
        .url = url, .application_name = "fluxabot", .read_only = true};
    struct fx_json *rows = NULL;
    struct fx_sql *sql = NULL;

    FX_TRY(fx_sql_open(d->sc, &options, &sql, err));
    enum fx_code code = fx_sql_query(sql, d->sc, "SELECT 1", NULL, 1, &rows, err);
    fx_sql_close(sql);
    return code;
}

static void database(struct doctor *d, const struct fx_engine_system *system,
                     const struct fx_environment *environment, const char *name,
                     const struct fx_json *row) {
    const char *url = fx_json_get_text(environment->databases, name);
    const char *kind = fx_json_get_text(row, "kind");
    const char *check = fx_printf(d->sc, "database.%s", name);
    struct fx_error err = {0};

    if (url == NULL) {
        doctor_say(d, DOCTOR_LOOK, check,
                   "put its connection string under databases, if commands are to use it",
                   "%s (%s) has none", system->system->name, environment->name);
        return;
    }
    enum fx_code code = kind != NULL && strcmp(kind, "redis") == 0
                            ? ask_redis(d, environment, system->system->definition, name, &err)
                            : ask_sql(d, url, &err);
    if (code == FX_OK)
        doctor_say(d, DOCTOR_OK, check, NULL, "it answers in %s (%s)", system->system->name,
                   environment->name);
    else
        doctor_say(d, DOCTOR_WRONG, check,
                   "see that it runs, that its connection string is right, and that it lets this "
                   "machine and user in",
                   "%s (%s): %s", system->system->name, environment->name, err.message);
}

void doctor_databases(struct doctor *d) {
    for (size_t i = 0; i < d->config->systems_count; i++)
        for (size_t k = 0; k < d->config->systems[i].environments_count; k++) {
            const struct fx_engine_system *system = &d->config->systems[i];
            struct fx_json *row = NULL;
            const char *name = NULL;
            void *cursor = NULL;

            while (fx_json_next(fx_json_at(system->system->definition, "databases"), &cursor, &name,
                                &row))
                database(d, system, &system->environments[k], name, row);
        }
}
