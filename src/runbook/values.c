/* values.c - one argument as it was typed becomes a typed value. */
#include "private.h"

#include "fluxabot/base/clock.h"

#include <string.h>

/* What ids of events, messages and requests are made of at AWS and in our systems; nothing in it
 * can begin a query, a path or a mention. */
static const char *const id_pattern = "[A-Za-z0-9_.:-]{1,128}";
/* arn:partition:service:region:account:resource (AWS General Reference, "Amazon Resource Names").
 */
static const char *const arn_pattern =
    "arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9-]*:[0-9]*:[A-Za-z0-9_.:/*=,@+-]+";

const char *runbook_duration_text(struct fx_scope *sc, int64_t ms) {
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};
    size_t i = 0;

    while (i + 1 < FX_COUNT_OF(units) && (ms == 0 || ms % units[i].ms != 0))
        i++;
    return fx_printf(sc, "%lld%s", (long long)(ms / units[i].ms), units[i].unit);
}

static bool is_type(const struct fx_argument *argument, const char *type) {
    return strcmp(argument->type, type) == 0;
}

static const char *number_text(struct fx_scope *sc, const struct fx_argument *argument,
                               int64_t value) {
    return is_type(argument, "duration") ? runbook_duration_text(sc, value)
                                         : fx_printf(sc, "%lld", (long long)value);
}

static const char *allowed_range(struct fx_scope *sc, const struct fx_argument *argument) {
    bool low = argument->min != INT64_MIN, high = argument->max != INT64_MAX;
    const char *what = is_type(argument, "duration") ? "a duration" : "a whole number";
    const char *min = number_text(sc, argument, argument->min);
    const char *max = number_text(sc, argument, argument->max);

    if (low && high)
        return fx_printf(sc, "%s from %s to %s", what, min, max);
    if (low)
        return fx_printf(sc, "%s, %s or more", what, min);
    if (high)
        return fx_printf(sc, "%s, %s or less", what, max);
    return is_type(argument, "duration") ? "a duration such as 30s, 5m or 2h" : what;
}

const char *runbook_allowed(struct fx_scope *sc, const struct fx_argument *argument) {
    if (is_type(argument, "integer") || is_type(argument, "duration"))
        return allowed_range(sc, argument);
    if (is_type(argument, "boolean"))
        return "yes or no";
    if (is_type(argument, "choice")) {
        size_t count = 0;
        const char *const *words = runbook_texts(sc, argument->choices, &count);

        return fx_printf(sc, "one of %s", runbook_or_list(sc, words, count));
    }
    if (argument->pattern != NULL)
        return fx_printf(sc, "%s that fits %s", is_type(argument, "text") ? "a text" : "an id",
                         argument->pattern);
    if (is_type(argument, "time"))
        return "a time in UTC such as 2026-11-22T10:15:00Z";
    if (is_type(argument, "arn"))
        return "an ARN such as arn:aws:sqs:eu-central-1:111122223333:name";
    if (is_type(argument, "event_id"))
        return "an id of at most 128 letters, digits and _ . : -";
    if (is_type(argument, "ids"))
        return "ids of letters, digits and _ . : -, separated by blanks or commas";
    return NULL;
}

static enum fx_code refuse(struct fx_scope *sc, const struct fx_argument *argument,
                           struct fx_slice text, struct fx_error *err) {
    const char *allowed = runbook_allowed(sc, argument);

    return fx_fail(err, FX_ERR_INPUT, "'%s' is not %s", runbook_shown(sc, text),
                   allowed == NULL ? "a text" : allowed);
}

static enum fx_code parse_number(struct fx_scope *sc, const struct fx_argument *argument,
                                 struct fx_slice text, struct fx_json **ret_value,
                                 struct fx_error *err) {
    struct fx_error ignored = {0};
    int64_t value = 0;
    bool fits = is_type(argument, "integer")
                    ? fx_slice_to_int(text, &value)
                    : fx_step_parse_duration(text, &value, &ignored) == FX_OK;

    if (!fits || value < argument->min || value > argument->max)
        return refuse(sc, argument, text, err);
    *ret_value = fx_json_int(sc, value);
    return FX_OK;
}

static enum fx_code parse_boolean(struct fx_scope *sc, const struct fx_argument *argument,
                                  struct fx_slice text, struct fx_json **ret_value,
                                  struct fx_error *err) {
    static const char *const words[] = {"no", "false", "off", "0", "yes", "true", "on", "1"};

    for (size_t i = 0; i < FX_COUNT_OF(words); i++)
        if (strcasecmp(fx_slice_dup(sc, text), words[i]) == 0) {
            *ret_value = fx_json_bool(sc, i >= FX_COUNT_OF(words) / 2);
            return FX_OK;
        }
    return refuse(sc, argument, text, err);
}

static enum fx_code parse_choice(struct fx_scope *sc, const struct fx_argument *argument,
                                 struct fx_slice text, struct fx_json **ret_value,
                                 struct fx_error *err) {
    const char *given = fx_slice_dup(sc, text);
    size_t count = 0;
    const char *const *words = runbook_texts(sc, argument->choices, &count);

    for (size_t i = 0; i < count; i++)
        if (strcasecmp(given, words[i]) == 0) {
            *ret_value = fx_json_string(sc, words[i]);
            return FX_OK;
        }
    return refuse(sc, argument, text, err);
}

static enum fx_code parse_time(struct fx_scope *sc, const struct fx_argument *argument,
                               struct fx_slice text, struct fx_json **ret_value,
                               struct fx_error *err) {
    struct fx_error ignored = {0};
    int64_t wall_ms = 0;

    if (fx_time_parse(text, &wall_ms, &ignored) != FX_OK)
        return refuse(sc, argument, text, err);
    *ret_value = fx_json_int(sc, wall_ms);
    return FX_OK;
}

static bool fits_pattern(struct fx_scope *sc, const struct fx_argument *argument,
                         struct fx_slice text) {
    const char *own = is_type(argument, "text")  ? NULL
                      : is_type(argument, "arn") ? arn_pattern
                                                 : id_pattern;
    const char *pattern = argument->pattern == NULL ? own : argument->pattern;

    return text.len > 0 &&
           (pattern == NULL || runbook_pattern_fits(sc, pattern, fx_slice_dup(sc, text)));
}

static bool is_separator(char c) {
    return c == ',' || c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool holds_text(const struct fx_json *list, struct fx_slice text) {
    for (size_t i = 0; i < fx_json_count(list); i++)
        if (fx_slice_equal(fx_json_text_slice(fx_json_item(list, i)), text))
            return true;
    return false;
}

static enum fx_code parse_ids(struct fx_scope *sc, const struct fx_argument *argument,
                              struct fx_slice text, struct fx_json **ret_value,
                              struct fx_error *err) {
    struct fx_json *ids = fx_json_array(sc);

    for (size_t at = 0; at < text.len;) {
        size_t from = at;

        while (at < text.len && !is_separator(text.ptr[at]))
            at++;
        struct fx_slice id = fx_slice_cut(text, from, at - from);
        at += at == from;
        if (id.len == 0 || holds_text(ids, id))
            continue;
        if (!fits_pattern(sc, argument, id))
            return refuse(sc, argument, id, err);
        if (fx_json_count(ids) == RUNBOOK_MAX_IDS)
            return fx_fail(err, FX_ERR_INPUT, "there are more than %d ids; give fewer at a time",
                           RUNBOOK_MAX_IDS);
        fx_json_add(ids, fx_json_slice(sc, id));
    }
    if (fx_json_count(ids) == 0)
        return refuse(sc, argument, text, err);
    *ret_value = ids;
    return FX_OK;
}

/* A NUL would end the text early for the pattern and not for who uses it. */
static bool has_control(struct fx_slice text) {
    for (size_t i = 0; i < text.len; i++)
        if (((unsigned char)text.ptr[i] < ' ' && strchr("\t\r\n", text.ptr[i]) == NULL) ||
            text.ptr[i] == '\0' || text.ptr[i] == 0x7F)
            return true;
    return !fx_slice_is_utf8(text);
}

enum fx_code runbook_parse_value(struct fx_scope *sc, const struct fx_argument *argument,
                                 struct fx_slice text, struct fx_json **ret_value,
                                 struct fx_error *err) {
    if (text.len > FX_COMMAND_MAX_TEXT_BYTES)
        return fx_fail(err, FX_ERR_INPUT, "it is longer than %d bytes", FX_COMMAND_MAX_TEXT_BYTES);
    if (has_control(text))
        return fx_fail(err, FX_ERR_INPUT, "'%s' holds characters that are not text",
                       runbook_shown(sc, text));
    if (is_type(argument, "integer") || is_type(argument, "duration"))
        return parse_number(sc, argument, text, ret_value, err);
    if (is_type(argument, "time"))
        return parse_time(sc, argument, text, ret_value, err);
    if (is_type(argument, "boolean"))
        return parse_boolean(sc, argument, text, ret_value, err);
    if (is_type(argument, "choice"))
        return parse_choice(sc, argument, text, ret_value, err);
    if (is_type(argument, "ids"))
        return parse_ids(sc, argument, text, ret_value, err);
    if (!fits_pattern(sc, argument, text))
        return refuse(sc, argument, text, err);
    *ret_value = fx_json_slice(sc, text);
    return FX_OK;
}
