/* notice.c - the step kinds by which a person tells the bot something: `incident` and `page`; and
 * `alarms.explain`, by which it tells what it knows. The engine does what they say. */
#include "private.h"

#include <string.h>

enum {
    ALARMS_MAX = 500,                    /* of one answer */
    SNOOZE_MIN_MS = 60 * 1000,           /* shorter is no peace */
    SNOOZE_MAX_MS = 24 * 60 * 60 * 1000, /* longer, and nobody remembers it: mend the alarm */
};

/* The engine reads what it is to do from the value. */
static enum fx_code put_out(const struct fx_step_context *ctx, const struct fx_json *params,
                            struct fx_step_result *ret_result, struct fx_error *err) {
    (void)err;
    ret_result->output = fx_json_copy(ctx->sc, params);
    return FX_OK;
}

static enum fx_code check_word(const struct fx_json *params, const char *const *words, size_t count,
                               struct fx_error *err) {
    const char *given = fx_json_get_text(params, "do");

    for (size_t i = 0; given != NULL && i < count; i++)
        if (strcmp(given, words[i]) == 0)
            return FX_OK;
    return fx_fail(err, FX_ERR_INPUT, "do is a word that is written out, and not %.40s",
                   given == NULL ? "this" : given);
}

/* ---- incident ---- */

static const struct fx_step_param incident_params[] = {
    {"do", FX_PARAM_TEXT, true, NULL, "acknowledge, snooze, wake (ends a snooze) or triage"},
    {"which", FX_PARAM_TEXT, false, "\"\"",
     "its id or its alarm's name; otherwise the one on whose card a button was pressed"},
    {"for", FX_PARAM_DURATION, false, "\"1h\"", "how long a snooze lasts, 1m to 24h"},
};

static enum fx_code incident_check(struct fx_scope *sc, const struct fx_json *system,
                                   const struct fx_json *params, struct fx_error *err) {
    static const char *const words[] = {"acknowledge", "snooze", "wake", "triage"};

    (void)sc;
    (void)system;
    return check_word(params, words, FX_COUNT_OF(words), err);
}

static enum fx_code incident_run(const struct fx_step_context *ctx, const struct fx_json *params,
                                 struct fx_step_result *ret_result, struct fx_error *err) {
    int64_t for_ms = fx_json_get_int(params, "for", 0);

    if (for_ms < SNOOZE_MIN_MS || for_ms > SNOOZE_MAX_MS)
        return fx_fail(err, FX_ERR_INPUT, "a snooze lasts 1m to 24h");
    return put_out(ctx, params, ret_result, err);
}

const struct fx_step_kind step_incident = {
    .name = "incident",
    .summary = "What a person does with an open incident; {done, why, id, about, acked_by, "
               "acked_at, snoozed_until, started}: why when it was not done.",
    .params = incident_params,
    .params_count = FX_COUNT_OF(incident_params),
    .is_notice = true,
    .effect = step_reads,
    .check = incident_check,
    .run = incident_run,
};

/* ---- page ---- */

static const struct fx_step_param page_params[] = {
    {"do", FX_PARAM_TEXT, false, "\"page\"",
     "page, or resolve for what was paged without an alarm"},
    {"reason", FX_PARAM_TEXT, false, "\"\"", "what whoever is woken reads first"},
    {"which", FX_PARAM_TEXT, false, "\"\"",
     "an incident's id or an alarm's name; otherwise the one on whose card a button was pressed, "
     "or none"},
};

static enum fx_code page_check(struct fx_scope *sc, const struct fx_json *system,
                               const struct fx_json *params, struct fx_error *err) {
    static const char *const words[] = {"page", "resolve"};

    (void)sc;
    (void)system;
    return check_word(params, words, FX_COUNT_OF(words), err);
}

const struct fx_step_kind step_page = {
    .name = "page",
    .summary = "Wakes whoever is on call, through PagerDuty: one page per alarm, or per "
               "environment without one, however often it is asked for; {done, why, key, url, "
               "again, id, about, acked_by, acked_at}.",
    .params = page_params,
    .params_count = FX_COUNT_OF(page_params),
    .is_notice = true,
    .asks_before = "Whoever is on call is woken, at any hour.",
    .effect = step_reads,
    .check = page_check,
    .run = put_out,
};

/* ---- alarms.explain ---- */

static const struct fx_step_param explain_params[] = {
    {"alarms", FX_PARAM_ANY, true, NULL,
     "a list of alarms as cloudwatch:DescribeAlarms gives them"},
};

static enum fx_code explain_run(const struct fx_step_context *ctx, const struct fx_json *params,
                                struct fx_step_result *ret_result, struct fx_error *err) {
    const struct fx_json *alarms = fx_json_at(params, "alarms");

    if (fx_json_type(alarms) != FX_JSON_ARRAY)
        return fx_fail(err, FX_ERR_INPUT, "the alarms are no list");
    if (fx_json_count(alarms) > ALARMS_MAX)
        return fx_fail(err, FX_ERR_LIMIT, "there are more than %d alarms; give longer prefixes",
                       ALARMS_MAX);
    ret_result->output = fx_json_copy(ctx->sc, alarms);
    return FX_OK;
}

const struct fx_step_kind step_alarms_explain = {
    .name = "alarms.explain",
    .summary = "The same alarms, each with what system.yaml says of it (route, severity, cause, "
               "first_action, looks: whether something looks into it) and, when it fires and the "
               "bot was told, who has it (incident, acked_by, paged, snoozed_until, snoozed_by).",
    .params = explain_params,
    .params_count = FX_COUNT_OF(explain_params),
    .shorthand = "alarms",
    .explains_alarms = true,
    .effect = step_reads,
    .run = explain_run,
};
