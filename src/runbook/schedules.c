/* schedules.c - which commands run by themselves, and when: the schedules of system.yaml. */
#include "private.h"

#include <string.h>

enum {
    DAYS_OF_WEEK = 7,
    MAX_DAY_OF_MONTH = 28, /* every month has it */
    /* 1970 began on a Thursday, so its first Monday was the fifth day */
    FIRST_MONDAY = 4,
};

static const int64_t day_ms = 24 * 60 * 60 * 1000;

static const char *const weekdays[] = {"monday", "tuesday",  "wednesday", "thursday",
                                       "friday", "saturday", "sunday"};

/* What only the words for it need. */
struct rhythm {
    bool is_week;
    int weekday;      /* 0 is Monday */
    int day;          /* of the month or of the quarter's first month */
    const char *time; /* "06:30"; NULL: not given */
};

/* ---- when ---- */

static void check_every(struct runbook_check *c, const char *path, const char *every,
                        struct fx_schedule *schedule, struct rhythm *rhythm) {
    struct fx_error err = {0};

    schedule->every_ms = day_ms; /* of one that is wrong, so that the rest can be looked at */
    rhythm->is_week = every != NULL && strcmp(every, "week") == 0;
    if (every == NULL)
        return;
    if (rhythm->is_week)
        schedule->every_ms = DAYS_OF_WEEK * day_ms;
    else if (strcmp(every, "month") == 0 || strcmp(every, "quarter") == 0) {
        schedule->every_ms = 0;
        schedule->months = every[0] == 'm' ? 1 : 3;
    } else if (fx_step_parse_duration(fx_slice_of(every), &schedule->every_ms, &err) != FX_OK)
        runbook_say(c, path,
                    "%s is no interval: write a duration such as 5m or 1d, or week, month or "
                    "quarter",
                    runbook_shown(c->scratch, fx_slice_of(every)));
    else if (schedule->every_ms < FX_SCHEDULE_MIN_MS ||
             schedule->every_ms > FX_SCHEDULE_MAX_DAYS * day_ms)
        runbook_say(c, path, "the interval is from %s to %dd; for a longer one write quarter",
                    runbook_duration_text(c->scratch, FX_SCHEDULE_MIN_MS), FX_SCHEDULE_MAX_DAYS);
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* "06:30" */
static bool read_time(const char *text, int64_t *ret_ms) {
    if (strlen(text) != 5 || !is_digit(text[0]) || !is_digit(text[1]) || text[2] != ':' ||
        !is_digit(text[3]) || !is_digit(text[4]))
        return false;
    int hours = (text[0] - '0') * 10 + text[1] - '0',
        minutes = (text[3] - '0') * 10 + text[4] - '0';

    *ret_ms = ((int64_t)hours * 60 + minutes) * 60 * 1000;
    return hours < 24 && minutes < 60;
}

static void check_at(struct runbook_check *c, const char *path, const char *at,
                     struct fx_schedule *schedule, struct rhythm *rhythm) {
    int64_t ms = 0;

    if (at == NULL)
        return;
    if (schedule->every_ms % day_ms != 0)
        runbook_say(c, path,
                    "at belongs to an interval of whole days, such as 1d; with a shorter one leave "
                    "it out");
    else if (!read_time(at, &ms))
        runbook_say(c, path, "%s is no time of day in UTC, such as \"06:30\"",
                    runbook_shown(c->scratch, fx_slice_of(at)));
    schedule->offset_ms += ms;
    rhythm->time = at;
}

static void check_weekday(struct runbook_check *c, const char *path, const char *on,
                          struct rhythm *rhythm) {
    for (size_t i = 0; on != NULL && i < FX_COUNT_OF(weekdays); i++)
        if (strcmp(weekdays[i], on) == 0) {
            rhythm->weekday = (int)i;
            return;
        }
    runbook_say(c, path, "a week's day is one of %s",
                runbook_or_list(c->scratch, weekdays, FX_COUNT_OF(weekdays)));
}

static void check_on(struct runbook_check *c, const char *path, const struct fx_json *on,
                     struct fx_schedule *schedule, struct rhythm *rhythm) {
    int64_t day = on == NULL ? 1 : fx_json_to_int(on, 0);

    if (rhythm->is_week && on != NULL)
        check_weekday(c, path, fx_json_text(on), rhythm);
    else if (schedule->months > 0 && (day < 1 || day > MAX_DAY_OF_MONTH))
        runbook_say(c, path, "a month's day is from 1 to %d", MAX_DAY_OF_MONTH);
    else if (!rhythm->is_week && schedule->months == 0 && on != NULL)
        runbook_say(c, path, "on belongs to week, month and quarter; leave it out");
    rhythm->day = (int)day;
    if (rhythm->is_week)
        schedule->offset_ms += (FIRST_MONDAY + rhythm->weekday) % DAYS_OF_WEEK * day_ms;
    else if (schedule->months > 0)
        schedule->offset_ms += (day - 1) * day_ms;
}

/* "min", "5 min": one is not counted. */
static const char *interval_text(struct fx_scope *sc, int64_t ms) {
    static const struct {
        const char *one, *many;
        int64_t ms;
    } units[] = {{"day", "days", 24 * 60 * 60 * 1000},
                 {"hour", "h", 60 * 60 * 1000},
                 {"minute", "min", 60 * 1000},
                 {"second", "s", 1000}};

    for (size_t i = 0; i < FX_COUNT_OF(units); i++)
        if (ms % units[i].ms == 0)
            return ms == units[i].ms
                       ? units[i].one
                       : fx_printf(sc, "%lld %s", (long long)(ms / units[i].ms), units[i].many);
    return fx_printf(sc, "%lld ms", (long long)ms);
}

static const char *rhythm_text(struct fx_scope *sc, const struct fx_schedule *schedule,
                               const struct rhythm *rhythm) {
    const char *time = rhythm->time == NULL ? "" : fx_printf(sc, " at %s UTC", rhythm->time);

    if (rhythm->is_week) {
        char *day = fx_strdup(sc, weekdays[rhythm->weekday]);

        day[0] = (char)(day[0] - 'a' + 'A');
        return fx_printf(sc, "every %s%s", day, time);
    }
    if (schedule->months > 0)
        return fx_printf(sc, "on day %d of every %s%s", rhythm->day,
                         schedule->months == 1 ? "month" : "quarter", time);
    return fx_printf(sc, "every %s%s", interval_text(sc, schedule->every_ms), time);
}

static void check_rhythm(struct runbook_check *c, const char *path, const struct fx_json *json,
                         struct fx_schedule *schedule) {
    struct rhythm rhythm = {0};

    check_every(c, runbook_path(c, path, "every"), fx_json_get_text(json, "every"), schedule,
                &rhythm);
    check_at(c, runbook_path(c, path, "at"), fx_json_get_text(json, "at"), schedule, &rhythm);
    check_on(c, runbook_path(c, path, "on"), fx_json_at(json, "on"), schedule, &rhythm);
    schedule->rhythm = rhythm_text(c->scratch, schedule, &rhythm);
}

/* ---- what ---- */

static const struct fx_runbook *check_command(struct runbook_check *c, const char *path,
                                              const char *line) {
    const struct fx_runbook *runbook = NULL;

    if (line == NULL)
        return NULL;
    runbook_check_texts(c, path, fx_json_string(c->scratch, line), NULL);
    if (fx_expr_is_template(line))
        return NULL;
    runbook = runbook_check_invocation(c, path, line);
    if (runbook == NULL)
        return NULL;
    if (fx_effect_changes(runbook->effect))
        runbook_say(c, path,
                    "%s changes something, and a schedule may only read; give a command that "
                    "changes nothing",
                    runbook->command);
    else if (runbook->is_notice)
        runbook_say(c, path, "%s is a person's word, and a schedule is nobody", runbook->command);
    else if (runbook->is_private)
        runbook_say(c, path,
                    "%s answers in private, but nobody asks here; give a command that answers in "
                    "the channel",
                    runbook->command);
    else if (runbook->watches)
        runbook_say(c, path,
                    "%s watches for a while, and a schedule looks again by itself; give a command "
                    "that looks once",
                    runbook->command);
    return runbook;
}

/* Reads what an answer may read, and may not mention an argument that its command does not have. */
static void check_expression(struct runbook_check *c, const char *path, const struct fx_json *text,
                             const struct fx_runbook *runbook) {
    struct fx_json *known = runbook_known(c), *yes = fx_json_bool(c->scratch, true);
    const struct fx_json *arguments =
        fx_json_at(fx_yaml_root(c->files[runbook - c->runbooks].yaml), "arguments");

    for (size_t i = 0; i < runbook->steps_count; i++)
        if (runbook->steps[i].id != NULL)
            fx_json_put(known, runbook->steps[i].id, yes);
    c->used_arguments = fx_json_object(c->scratch);
    c->arguments =
        fx_json_type(arguments) == FX_JSON_OBJECT ? arguments : fx_json_object(c->scratch);
    runbook_check_texts(c, path, text, known);
    c->arguments = NULL;
}

static void check_changes(struct runbook_check *c, const char *path, const struct fx_json *json,
                          const struct fx_runbook *runbook, const struct fx_schedule *schedule) {
    const char *here = runbook_path(c, path, "changes");
    const char *title = runbook == NULL ? NULL : fx_json_get_text(runbook->answer, "title");

    if (schedule->always && schedule->changes != NULL)
        runbook_say(c, here, "with posts: always nothing is compared; leave changes out");
    else if (schedule->changes != NULL && !fx_expr_is_template(schedule->changes))
        runbook_say(c, here,
                    "changes never changes; write an expression such as \"${depth.count == 0}\"");
    else if (schedule->changes != NULL && runbook != NULL)
        check_expression(c, here, fx_json_at(json, "changes"), runbook);
    else if (schedule->changes == NULL && !schedule->always && runbook != NULL &&
             runbook->answer != NULL && (title == NULL || !fx_expr_is_template(title)))
        runbook_say(c, path,
                    "the title of %s is always the same, so nothing would ever be posted; say in "
                    "changes what is to be compared",
                    runbook->command);
}

static void check_posts(struct runbook_check *c, const char *path, const char *posts,
                        struct fx_schedule *schedule) {
    static const char *const words[] = {"changes", "always"};

    if (posts == NULL)
        return;
    runbook_check_texts(c, path, fx_json_string(c->scratch, posts), NULL);
    runbook_check_word(c, path, posts, words, FX_COUNT_OF(words));
    schedule->always = strcmp(posts, "always") == 0;
    if (schedule->always && schedule->months == 0 && schedule->every_ms < FX_SCHEDULE_ALWAYS_MIN_MS)
        runbook_say(c, path, "posts: always floods the channel when it runs oftener than every %s",
                    runbook_duration_text(c->scratch, FX_SCHEDULE_ALWAYS_MIN_MS));
}

/* ---- where ---- */

/* Names of the configuration; *ret_is_one: one of the list is among them. */
static const char **configured(struct runbook_check *c, const struct fx_schedule *schedule,
                               size_t *ret_count, bool *ret_is_one) {
    const struct fx_json *environments = c->source->environments;
    const char **names = fx_alloc(c->scratch, (fx_json_count(environments) + 1) * sizeof *names);
    void *cursor = NULL;

    *ret_count = 0;
    *ret_is_one = false;
    while (fx_json_next(environments, &cursor, &names[*ret_count], NULL))
        ++*ret_count;
    for (size_t i = 0; i < schedule->environments_count; i++)
        *ret_is_one |= runbook_is_one_of(schedule->environments[i], names, *ret_count);
    return names;
}

/* The same runbooks serve installations that do not have every environment, so an unknown one is
 * only wrong where it looks misspelt. */
static void check_environments(struct runbook_check *c, const char *path,
                               const struct fx_json *list, const struct fx_schedule *schedule) {
    size_t count = 0;
    bool is_one = false;
    const char **names = configured(c, schedule, &count, &is_one);

    if (fx_json_type(list) == FX_JSON_ARRAY && fx_json_count(list) == 0)
        runbook_say(c, path, "no environment is named; leave environments out for all of them");
    for (size_t i = 0; !is_one && i < schedule->environments_count; i++) {
        const char *meant = runbook_nearest(schedule->environments[i], names, count);

        if (meant != NULL)
            runbook_say(c, runbook_path_item(c, path, i),
                        "there is no environment %s; did you mean %s?",
                        runbook_shown(c->scratch, fx_slice_of(schedule->environments[i])), meant);
    }
}

/* ---- one and all ---- */

/* It stands on cards and, between slashes, in the names of rows. */
static bool is_schedule_name(const char *name) {
    for (const char *p = name; *p != '\0'; p++)
        if ((unsigned char)*p < ' ' || *p == '/')
            return false;
    return strlen(name) <= FX_SCHEDULE_MAX_NAME_BYTES;
}

static void check_name(struct runbook_check *c, const char *path, const char *name,
                       const struct fx_schedule *others, size_t others_count) {
    if (name == NULL)
        return;
    runbook_check_texts(c, path, fx_json_string(c->scratch, name), NULL);
    if (!is_schedule_name(name))
        runbook_say(c, path, "a schedule's name is one line of 1 to %d characters without /",
                    FX_SCHEDULE_MAX_NAME_BYTES);
    for (size_t i = 0; i < others_count; i++)
        if (others[i].name != NULL && strcmp(others[i].name, name) == 0) {
            runbook_say(c, path, "the schedule %s is described already",
                        runbook_shown(c->scratch, fx_slice_of(name)));
            return;
        }
}

static void check_schedule(struct runbook_check *c, const char *path, const struct fx_json *json,
                           struct fx_schedule *schedule) {
    static const struct runbook_field fields[] = {
        {"name", RUNBOOK_TEXT, true},   {"command", RUNBOOK_TEXT, true},
        {"every", RUNBOOK_TEXT, true},  {"on", RUNBOOK_SCALAR, false},
        {"at", RUNBOOK_TEXT, false},    {"changes", RUNBOOK_TEXT, false},
        {"posts", RUNBOOK_TEXT, false}, {"environments", RUNBOOK_TEXTS, false},
    };

    if (!runbook_check_fields(c, path, json, "a schedule", fields, FX_COUNT_OF(fields)))
        return;
    schedule->name = fx_json_get_text(json, "name");
    schedule->command = fx_json_get_text(json, "command");
    schedule->changes = fx_json_get_text(json, "changes");
    schedule->environments =
        runbook_texts(c->scratch, fx_json_at(json, "environments"), &schedule->environments_count);
    check_rhythm(c, path, json, schedule);
    check_posts(c, runbook_path(c, path, "posts"), fx_json_get_text(json, "posts"), schedule);
    const struct fx_runbook *runbook =
        check_command(c, runbook_path(c, path, "command"), schedule->command);

    check_changes(c, path, json, runbook, schedule);
    check_environments(c, runbook_path(c, path, "environments"), fx_json_at(json, "environments"),
                       schedule);
}

void runbook_check_schedules(struct runbook_check *c, const struct fx_json *schedules) {
    size_t count = fx_json_type(schedules) == FX_JSON_ARRAY ? fx_json_count(schedules) : 0;
    struct fx_schedule *list = fx_alloc(c->scratch, (count + 1) * sizeof *list);

    c->yaml = c->system_yaml;
    c->arguments = NULL;
    for (size_t i = 0; i < count; i++) {
        const char *path = runbook_path_item(c, "schedules", i);

        check_schedule(c, path, fx_json_item(schedules, i), &list[i]);
        check_name(c, runbook_path(c, path, "name"), list[i].name, list, i);
    }
    c->schedules = list;
    c->schedules_count = count;
}
