/* core.c - the sandbox's command line, its start and its end. */
#include "private.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_USE = 2, AWS_DELAY_MAX_MS = 60000, DEFAULT_SEED = 1 };

struct option_row {
    const char *flag;
    char kind; /* 's' text, 'p' port, 'i' milliseconds */
    size_t offset;
    const char *env; /* where it comes from when the flag is not given */
    bool required;
};

#define OPTION(member) offsetof(struct sandbox_options, member)
static const struct option_row option_rows[] = {
    {"--dir", 's', OPTION(dir), NULL, true},
    {"--page-port", 'p', OPTION(page_port), NULL, false},
    {"--aws-port", 'p', OPTION(aws_port), NULL, false},
    {"--tls-port", 'p', OPTION(tls_port), NULL, false},
    {"--ready-file", 's', OPTION(ready_file), NULL, false},
    {"--bot-url", 's', OPTION(bot_url), NULL, false},
    {"--bot-ca-file", 's', OPTION(bot_ca_file), NULL, false},
    {"--database", 's', OPTION(database_url), NULL, false},
    {"--aws-delay-ms", 'i', OPTION(aws_delay_ms), NULL, false},
    {"--signing-secret", 's', OPTION(signing_secret), "SLACK_SIGNING_SECRET", true},
    {"--bot-token", 's', OPTION(bot_token), "SLACK_BOT_TOKEN", true},
    {"--access-key", 's', OPTION(access_key), "AWS_ACCESS_KEY_ID", true},
    {"--secret-key", 's', OPTION(secret_key), "AWS_SECRET_ACCESS_KEY", true},
};

static const char usage[] =
    "usage: fluxabot-sandbox --dir DIR [--page-port N] [--aws-port N] [--tls-port N]\n"
    "           [--ready-file FILE] [--bot-url URL] [--bot-ca-file FILE] [--database URL]\n"
    "           [--aws-delay-ms N] [--signing-secret S] [--bot-token T]\n"
    "           [--access-key K] [--secret-key S]\n"
    "       fluxabot-sandbox ca --dir DIR\n"
    "Secrets come from SLACK_SIGNING_SECRET, SLACK_BOT_TOKEN, AWS_ACCESS_KEY_ID and\n"
    "AWS_SECRET_ACCESS_KEY when they are not given.\n";

static enum fx_code set_option(struct sandbox_options *options, const struct option_row *row,
                               const char *value, struct fx_error *err) {
    void *member = (char *)options + row->offset;
    int64_t number = 0;
    int64_t most = row->kind == 'p' ? UINT16_MAX : AWS_DELAY_MAX_MS;

    if (row->kind == 's') {
        memcpy(member, &value, sizeof value);
        return FX_OK;
    }
    if (!fx_slice_to_int(fx_slice_of(value), &number) || number < 0 || number > most)
        return fx_fail(err, FX_ERR_INPUT, "%s takes a number from 0 to %lld", row->flag,
                       (long long)most);
    if (row->kind == 'p')
        *(uint16_t *)member = (uint16_t)number;
    else
        *(int *)member = (int)number;
    return FX_OK;
}

static enum fx_code parse_flag(struct sandbox_options *options, const char *flag, const char *value,
                               struct fx_error *err) {
    for (size_t i = 0; i < FX_COUNT_OF(option_rows); i++) {
        if (strcmp(option_rows[i].flag, flag) != 0)
            continue;
        if (value == NULL)
            return fx_fail(err, FX_ERR_INPUT, "%s needs a value", flag);
        return set_option(options, &option_rows[i], value, err);
    }
    return fx_fail(err, FX_ERR_INPUT, "there is no option %s", flag);
}

static enum fx_code parse_options(int argc, char **argv, bool only_ca,
                                  struct sandbox_options *options, struct fx_error *err) {
    for (int i = 0; i < argc; i += 2)
        FX_TRY(parse_flag(options, argv[i], i + 1 < argc ? argv[i + 1] : NULL, err));
    if (only_ca)
        return options->dir != NULL ? FX_OK : fx_fail(err, FX_ERR_INPUT, "--dir is missing");

    for (size_t i = 0; i < FX_COUNT_OF(option_rows); i++) {
        const struct option_row *row = &option_rows[i];
        const char **member = (const char **)((char *)options + row->offset);

        if (row->kind != 's')
            continue;
        if (*member == NULL && row->env != NULL)
            *member = getenv(row->env);
        if (row->required && (*member == NULL || **member == '\0'))
            return fx_fail(err, FX_ERR_INPUT, "%s is missing%s%s", row->flag,
                           row->env != NULL ? "; give it or set " : "",
                           row->env != NULL ? row->env : "");
    }
    if (options->bot_url == NULL)
        options->bot_url = "https://127.0.0.1:8443";
    return FX_OK;
}

/* Written whole under another name first: whoever waits for the file may read it at once. */
static enum fx_code write_ready_file(struct sandbox *sb, struct fx_error *err) {
    const struct sandbox_options *options = &sb->options;
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(sb->scope);
    const char *temporary;
    const char *text;

    if (options->ready_file == NULL)
        return FX_OK;
    text = fx_printf(sc, "{\"page_port\":%u,\"aws_port\":%u,\"tls_port\":%u,\"pid\":%lld}\n",
                     (unsigned)options->page_port, (unsigned)options->aws_port,
                     (unsigned)options->tls_port, (long long)getpid());
    temporary = fx_printf(sc, "%s.new", options->ready_file);
    FILE *file = fopen(temporary, "we");
    bool written = file != NULL && fputs(text, file) >= 0;
    if (file != NULL && fclose(file) != 0)
        written = false;
    if (!written || rename(temporary, options->ready_file) != 0)
        return fx_fail(err, FX_ERR_INTERNAL, "%s cannot be written: %s", options->ready_file,
                       strerror(errno));
    return FX_OK;
}

/* Requests that come early wait for the lock until everything is there. */
static enum fx_code start_services(struct sandbox *sb, struct fx_error *err) {
    enum fx_code code;

    sandbox_lock(sb);
    code = sandbox_server_start(sb, err);
    if (code == FX_OK)
        code = sandbox_aws_start(sb, err);
    if (code == FX_OK)
        code = sandbox_slack_start(sb, err);
    if (code == FX_OK)
        code = sandbox_pagerduty_start(sb, err);
    sandbox_unlock(sb);
    return code;
}

static void stop_services(struct sandbox *sb) {
    sandbox_lock(sb);
    sb->stopping = true;
    sandbox_notify(sb);
    sandbox_unlock(sb);
    sandbox_server_stop(sb);
    if (sb->slack != NULL)
        sandbox_slack_stop(sb);
    sandbox_aws_stop(sb);
}

static enum fx_code serve(struct sandbox *sb, const sigset_t *signals, struct fx_error *err) {
    int signal_number = 0;

    FX_TRY(sandbox_ca_ensure(sb->options.dir, err));
    if (sb->options.bot_ca_file == NULL)
        sb->options.bot_ca_file = fx_printf(sb->scope, "%s/ca.pem", sb->options.dir);
    FX_TRY(sandbox_effects_open(sb, err));
    FX_TRY(fx_http_open(sb->clock, sb->options.bot_ca_file, &sb->http, err));
    FX_TRY(start_services(sb, err));
    FX_TRY(write_ready_file(sb, err));
    fx_log(sb->scope, FX_LOG_INFO, "sandbox.ready", FX_I("page_port", sb->options.page_port),
           FX_I("aws_port", sb->options.aws_port), FX_I("tls_port", sb->options.tls_port));
    sigwait(signals, &signal_number);
    fx_log(sb->scope, FX_LOG_INFO, "sandbox.stopping", FX_I("signal", signal_number));
    return FX_OK;
}

static int run(const struct sandbox_options *options) {
    struct sandbox sb = {.options = *options, .effects_fd = -1};
    struct fx_error err = {0};
    sigset_t signals;

    /* before any thread exists, so that every thread inherits it */
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);

    sandbox_lock_init(&sb);
    sb.clock = fx_clock_system();
    sb.scope = fx_scope_new(NULL);
    sb.log = fx_log_new(stderr, FX_LOG_INFO, sb.clock);
    fx_scope_set_log(sb.scope, sb.log);
    sb.random = sandbox_random_new(sb.scope, DEFAULT_SEED);

    enum fx_code code = serve(&sb, &signals, &err);
    stop_services(&sb);
    fx_http_close(sb.http);
    sandbox_effects_close(&sb);
    fx_scope_free(sb.scope);
    fx_log_free(sb.log);
    if (code != FX_OK)
        fprintf(stderr, "fluxabot-sandbox: %s\n", err.message);
    return code == FX_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}

int sandbox_main(int argc, char **argv) {
    struct sandbox_options options = {0};
    struct fx_error err = {0};
    bool only_ca = argc > 1 && strcmp(argv[1], "ca") == 0;
    int first = only_ca ? 2 : 1;

    if (argc > 1 && strcmp(argv[1], "--help") == 0) {
        fputs(usage, stdout);
        return EXIT_SUCCESS;
    }
    if (parse_options(argc - first, argv + first, only_ca, &options, &err) != FX_OK) {
        fprintf(stderr, "fluxabot-sandbox: %s\n%s", err.message, usage);
        return EXIT_USE;
    }
    if (!only_ca)
        return run(&options);
    if (sandbox_ca_ensure(options.dir, &err) != FX_OK) {
        fprintf(stderr, "fluxabot-sandbox: %s\n", err.message);
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}

void sandbox_door_bot(struct sandbox_request *req, struct sandbox_reply *reply) {
    struct fx_json *body = sandbox_body(req, reply);
    const char *url = fx_json_get_text(body, "url");

    if (body == NULL)
        return;
    if (url == NULL || strncmp(url, "http", 4) != 0) {
        sandbox_reply_error(req, reply, 400, "url is missing; it is where the bot listens");
        return;
    }
    /* threads may still hold the old text, so it stays; this is called a few times in a life */
    req->sb->options.bot_url = fx_strdup(req->sb->scope, url);
    sandbox_reply_json(req, reply, 200,
                       fx_json_object_of(req->sc, "url", fx_json_string(req->sc, url), NULL));
}
