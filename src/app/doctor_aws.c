/* doctor_aws.c - who the bot is for AWS, and what its commands may not do: asked of IAM's
 * simulator, so that nothing is called to find out. */
#include "doctor.h"

#include "fluxabot/aws.h"

#include <string.h>

enum { SHOWN_COMMANDS = 10 };

/* One environment while it is looked at. */
struct place {
    struct doctor *d;
    const struct fx_engine_system *system;
    const struct fx_environment *environment;
    struct fx_aws *aws;
    const char *name; /* "fluxa (prod)" */
};

static enum fx_code call(struct place *p, const char *service, const char *operation,
                         const struct fx_json *params, struct fx_json **ret_answer,
                         struct fx_error *err) {
    const struct fx_aws_call asked = {.service = service,
                                      .operation = operation,
                                      .params = params,
                                      .timeout_ms = DOCTOR_MAX_WAIT_MS};
    struct fx_aws_pages pages;

    return fx_aws_call_pages(p->aws, p->d->sc, &asked, NULL, ret_answer, &pages, err);
}

/* Part of an ARN by its number, from 0. */
static const char *part_of(struct fx_scope *sc, const char *arn, int number) {
    struct fx_slice rest = fx_slice_of(arn), part = {0};

    for (int i = 0; i <= number; i++)
        fx_slice_split(rest, ':', &part, &rest);
    return fx_slice_dup(sc, part);
}

/* The account of the system's queues is where everything else is, too. */
static const char *account_of_queues(const struct place *p) {
    struct fx_json *filled = NULL, *queue = NULL;
    struct fx_error ignored = {0};
    const char *key = NULL;
    void *cursor = NULL;

    if (fx_system_fill(p->d->sc, p->system->system, p->environment->name, p->environment->variables,
                       &filled, &ignored) != FX_OK)
        return NULL;
    while (fx_json_next(fx_json_at(filled, "queues"), &cursor, &key, &queue))
        if (fx_json_get_text(queue, "arn") != NULL)
            return part_of(p->d->sc, fx_json_get_text(queue, "arn"), 4);
    return NULL;
}

/* *ret_principal is NULL when there is none. */
static void identity(struct place *p, const char **ret_principal) {
    struct fx_scope *sc = p->d->sc;
    struct fx_json *answer = NULL;
    struct fx_error err = {0};

    *ret_principal = NULL;
    if (call(p, "sts", "GetCallerIdentity", NULL, &answer, &err) != FX_OK) {
        doctor_say(
            p->d, DOCTOR_WRONG, "aws.identity",
            p->environment->role_arn == NULL
                ? "see where credentials come from, the region, and that AWS is reached"
                : "let the bot's own identity assume that role; fluxabot iam prints the right",
            "%s: %s", p->name, err.message);
        return;
    }
    const char *arn = fx_json_get_text(answer, "Arn");
    const char *account = fx_json_get_text(answer, "Account"), *wanted = account_of_queues(p);

    if (arn == NULL || account == NULL) {
        doctor_say(p->d, DOCTOR_WRONG, "aws.identity", "look at the endpoint's address",
                   "%s: the answer names nobody", p->name);
        return;
    }
    if (wanted != NULL && strcmp(wanted, account) != 0)
        doctor_say(p->d, DOCTOR_WRONG, "aws.identity",
                   "set role_arn to a role there, or correct the queues' ARNs",
                   "%s: the bot is %s, but the queues are in the account %s", p->name, arn, wanted);
    else
        doctor_say(p->d, DOCTOR_OK, "aws.identity", NULL, "%s: the bot is %s", p->name, arn);
    *ret_principal = p->environment->role_arn != NULL ? p->environment->role_arn : arn;
    /* arn:aws:sts::1:assumed-role/NAME/SESSION is no principal; its role is */
    const char *role = strstr(arn, ":assumed-role/");
    if (p->environment->role_arn == NULL && role != NULL) {
        struct fx_slice name, session;

        fx_slice_split(fx_slice_of(role + strlen(":assumed-role/")), '/', &name, &session);
        *ret_principal = fx_printf(sc, "arn:%s:iam::%s:role/%.*s", part_of(sc, arn, 1), account,
                                   (int)name.len, name.ptr);
    }
}

/* Adds to *denied what the principal may not do of these statements. */
static enum fx_code simulate(struct place *p, const char *principal,
                             const struct fx_json *statements, struct fx_json *denied,
                             struct fx_error *err) {
    struct fx_scope *sc = p->d->sc;

    for (size_t i = 0; i < fx_json_count(statements); i++) {
        const struct fx_json *statement = fx_json_item(statements, i);
        struct fx_json *answer = NULL;

        FX_TRY(call(p, "iam", "SimulatePrincipalPolicy",
                    fx_json_object_of(sc, "PolicySourceArn", fx_json_string(sc, principal),
                                      "ActionNames", fx_json_at(statement, "Action"),
                                      "ResourceArns", fx_json_at(statement, "Resource"), NULL),
                    &answer, err));
        const struct fx_json *results = fx_json_at(answer, "EvaluationResults");
        for (size_t k = 0; k < fx_json_count(results); k++) {
            const struct fx_json *result = fx_json_item(results, k);
            const char *decision = fx_json_get_text(result, "EvalDecision");
            const char *action = fx_json_get_text(result, "EvalActionName");

            if (action != NULL && (decision == NULL || strcmp(decision, "allowed") != 0))
                fx_json_put(denied, action, fx_json_bool(sc, true));
        }
    }
    return FX_OK;
}

/* "sqs:SendMessage, sqs:DeleteMessage"; NULL: the command may do all it does. */
static const char *lacking(struct place *p, const struct fx_runbook *runbook,
                           const struct fx_json *denied) {
    struct fx_json *actions = NULL;
    const char *action = NULL, *text = NULL;
    struct fx_error ignored = {0};
    void *cursor = NULL;

    if (app_iam_of_command(p->d->sc, p->system, p->environment, runbook, &actions, &ignored) !=
        FX_OK)
        return NULL;
    while (fx_json_next(actions, &cursor, &action, NULL))
        if (fx_json_at(denied, action) != NULL)
            text = text == NULL ? action : fx_printf(p->d->sc, "%s, %s", text, action);
    return text;
}

static void rights(struct place *p, const char *principal) {
    struct fx_json *actions = NULL, *denied = fx_json_object(p->d->sc);
    size_t commands = 0;
    struct fx_error err = {0};
    enum fx_code code =
        app_iam_of_command(p->d->sc, p->system, p->environment, NULL, &actions, &err);

    if (code == FX_OK)
        code = simulate(p, principal, app_iam_statements(p->d->sc, actions), denied, &err);
    if (code != FX_OK) {
        doctor_say(p->d, DOCTOR_LOOK, "aws.rights",
                   "allow iam:SimulatePrincipalPolicy, or compare with what fluxabot iam prints",
                   "%s: what the commands may do is not known: %s", p->name, err.message);
        return;
    }
    for (size_t i = 0; i < p->system->system->runbooks_count; i++) {
        const struct fx_runbook *runbook = &p->system->system->runbooks[i];
        const char *missing = lacking(p, runbook, denied);

        if (missing == NULL || ++commands > SHOWN_COMMANDS)
            continue;
        doctor_say(p->d, DOCTOR_WRONG, "aws.rights", "attach the policy that fluxabot iam prints",
                   "%s: %s may not %s", p->name, runbook->command, missing);
    }
    if (commands > SHOWN_COMMANDS)
        doctor_say(p->d, DOCTOR_WRONG, "aws.rights", "attach the policy that fluxabot iam prints",
                   "%s: %zu more commands lack rights", p->name, commands - SHOWN_COMMANDS);
    if (commands == 0)
        doctor_say(p->d, DOCTOR_OK, "aws.rights", NULL,
                   "%s: by its own policies it may do what the commands do; SCPs and policies of "
                   "resources were not looked at",
                   p->name);
}

void doctor_aws(struct doctor *d) {
    for (size_t i = 0; i < d->config->systems_count; i++)
        for (size_t k = 0; k < d->config->systems[i].environments_count; k++) {
            const struct fx_engine_system *system = &d->config->systems[i];
            const struct fx_environment *environment = &system->environments[k];
            struct place p = {
                .d = d,
                .system = system,
                .environment = environment,
                .aws = app_aws_of(d->aws, d->sc, environment, "fluxabot-doctor"),
                .name = fx_printf(d->sc, "%s (%s)", system->system->name, environment->name)};
            const char *principal = NULL;

            identity(&p, &principal);
            if (principal != NULL)
                rights(&p, principal);
        }
}
