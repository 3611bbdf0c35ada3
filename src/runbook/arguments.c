/* arguments.c - the rest of a command line becomes typed arguments. */
#include "private.h"

#include <string.h>

struct line {
    struct fx_scope *sc;
    const struct fx_runbook *runbook;
    struct fx_slice text;
    size_t at;
    struct fx_json *values; /* by name, as given */
};

struct word {
    struct fx_slice name; /* empty: positional */
    struct fx_slice value;
    bool quoted;
    size_t start;
};

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Telephones type U+201C and U+201D for ". Length of the quote at at, 0 when there is none. */
static size_t quote_length(struct fx_slice s, size_t at) {
    static const char *const quotes[] = {"\"", "\u201C", "\u201D"};

    for (size_t i = 0; i < FX_COUNT_OF(quotes); i++)
        if (fx_slice_starts_with(fx_slice_cut(s, at, s.len), fx_slice_of(quotes[i])))
            return strlen(quotes[i]);
    return 0;
}

static enum fx_code fail_usage(struct line *line, struct fx_error *err) {
    const char *usage = fx_runbook_usage(line->sc, line->runbook);
    size_t len = strlen(err->message);

    /* the usage is worth less than the reason, so it goes where there is room */
    if (len + strlen(usage) + sizeof "; usage: " <= FX_ERROR_MESSAGE_MAX)
        return fx_fail(err, FX_ERR_INPUT, "%s; usage: %s", fx_strdup(line->sc, err->message),
                       usage);
    return err->code;
}

static enum fx_code read_quoted(struct line *line, struct word *word, struct fx_error *err) {
    struct fx_slice s = line->text;
    size_t open = quote_length(s, line->at), from = line->at + open, to = from;
    char *value = fx_alloc(line->sc, s.len + 1);
    size_t len = 0;

    while (to < s.len && quote_length(s, to) == 0) {
        to += s.ptr[to] == '\\' && to + 1 < s.len && strchr("\"\\", s.ptr[to + 1]) != NULL;
        value[len++] = s.ptr[to++];
    }
    if (to >= s.len)
        return fx_fail(err, FX_ERR_INPUT, "the quote before '%s' is not closed",
                       runbook_shown(line->sc, fx_slice_cut(s, from, s.len)));
    word->value = (struct fx_slice){value, len};
    word->quoted = true;
    line->at = to + quote_length(s, to);
    return FX_OK;
}

/* `name=` at the cursor, as far as it looks like a name. */
static struct fx_slice read_name(struct line *line) {
    size_t end = line->at;
    struct fx_slice s = line->text;

    while (end < s.len &&
           (s.ptr[end] == '_' || s.ptr[end] == '-' || (s.ptr[end] >= '0' && s.ptr[end] <= '9') ||
            ((s.ptr[end] | 0x20) >= 'a' && (s.ptr[end] | 0x20) <= 'z')))
        end++;
    if (end == line->at || end >= s.len || s.ptr[end] != '=')
        return (struct fx_slice){"", 0};
    return fx_slice_cut(s, line->at, end - line->at);
}

/* False at the end of the line. */
static bool skip_blanks(struct line *line) {
    while (line->at < line->text.len && is_blank(line->text.ptr[line->at]))
        line->at++;
    return line->at < line->text.len;
}

static enum fx_code read_word(struct line *line, struct word *ret_word, struct fx_error *err) {
    *ret_word = (struct word){.start = line->at};
    ret_word->name = read_name(line);
    if (ret_word->name.len > 0)
        line->at += ret_word->name.len + 1;
    if (line->at < line->text.len && quote_length(line->text, line->at) > 0)
        return read_quoted(line, ret_word, err);
    size_t from = line->at;
    while (line->at < line->text.len && !is_blank(line->text.ptr[line->at]))
        line->at++;
    ret_word->value = fx_slice_cut(line->text, from, line->at - from);
    return FX_OK;
}

static const struct fx_argument *find_argument(const struct fx_runbook *runbook, const char *name) {
    for (size_t i = 0; i < runbook->arguments_count; i++)
        if (strcasecmp(runbook->arguments[i].name, name) == 0)
            return &runbook->arguments[i];
    return NULL;
}

static const struct fx_argument *next_free(struct line *line) {
    for (size_t i = 0; i < line->runbook->arguments_count; i++) {
        const struct fx_argument *argument = &line->runbook->arguments[i];

        if (!argument->named && fx_json_at(line->values, argument->name) == NULL)
            return argument;
    }
    return NULL;
}

/* "dlq redrive HashMismatch": a word that is no number passes by a number that may be left out and
 * begins the rest of the line. */
static const struct fx_argument *
pass_by_number(struct line *line, const struct fx_argument *argument, struct fx_slice word) {
    size_t count = line->runbook->arguments_count;
    const struct fx_argument *last = count == 0 ? NULL : &line->runbook->arguments[count - 1];
    int64_t ignored = 0;

    if (argument == NULL || argument->fallback == NULL || strcmp(argument->type, "integer") != 0 ||
        !last->rest || fx_json_at(line->values, last->name) != NULL ||
        fx_slice_to_int(word, &ignored))
        return argument;
    return last;
}

static enum fx_code put_value(struct line *line, const struct fx_argument *argument,
                              struct fx_slice text, struct fx_error *err) {
    struct fx_json *value = NULL;

    if (fx_json_at(line->values, argument->name) != NULL)
        return fx_fail(err, FX_ERR_INPUT, "%s is given twice", argument->name);
    if (runbook_parse_value(line->sc, argument, text, &value, err) != FX_OK)
        return fx_fail_in(err, "%s", argument->name);
    fx_json_put(line->values, argument->name, value);
    return FX_OK;
}

static enum fx_code fail_unknown(struct line *line, const char *name, struct fx_error *err) {
    size_t count = line->runbook->arguments_count;
    const char **names = fx_alloc(line->sc, (count + 1) * sizeof *names);

    for (size_t i = 0; i < count; i++)
        names[i] = line->runbook->arguments[i].name;
    if (count == 0)
        return fx_fail(err, FX_ERR_INPUT, "%s takes no arguments", line->runbook->command);
    return fx_fail(err, FX_ERR_INPUT, "there is no argument %s, only %s",
                   runbook_shown(line->sc, fx_slice_of(name)),
                   runbook_or_list(line->sc, names, count));
}

/* A free text may hold = itself ("status=500"), unless the word before it was a name misspelt. */
static bool is_plain_text(const struct line *line, const struct fx_argument *argument,
                          const char *name) {
    if (argument == NULL || strcmp(argument->type, "text") != 0)
        return false;
    for (size_t i = 0; i < line->runbook->arguments_count; i++)
        if (runbook_nearest(name, &line->runbook->arguments[i].name, 1) != NULL)
            return false;
    return true;
}

/* The rest of the line goes as far as the next `name=` of an argument. */
static bool rest_ends(struct line *line) {
    if (!skip_blanks(line))
        return true;
    struct fx_slice name = read_name(line);

    return name.len > 0 && find_argument(line->runbook, fx_slice_dup(line->sc, name)) != NULL;
}

/* What stands in quotes is one word, blanks and names included; a quote that is never closed is a
 * mark like any other. */
static void skip_word(struct line *line) {
    size_t name = read_name(line).len;
    struct word quoted = {0};
    struct fx_error ignored;

    line->at += name > 0 ? name + 1 : 0;
    if (quote_length(line->text, line->at) > 0)
        (void)!read_quoted(line, &quoted, &ignored);
    while (line->at < line->text.len && !is_blank(line->text.ptr[line->at]))
        line->at++;
}

static struct fx_slice take_rest(struct line *line, size_t start) {
    while (!rest_ends(line))
        skip_word(line);
    return fx_slice_trim(fx_slice_cut(line->text, start, line->at - start));
}

static enum fx_code take_word(struct line *line, struct fx_error *err) {
    const struct fx_argument *argument = next_free(line);
    struct word word;

    FX_TRY(read_word(line, &word, err));
    if (word.name.len > 0) {
        const char *name = fx_slice_dup(line->sc, word.name);
        const struct fx_argument *named = find_argument(line->runbook, name);

        if (named != NULL)
            return put_value(line, named, word.value, err);
        if (!is_plain_text(line, argument, name))
            return fail_unknown(line, name, err);
        word.value = fx_slice_cut(line->text, word.start, line->at - word.start);
        word.quoted = false;
    }
    argument = pass_by_number(line, argument, word.value);
    if (argument == NULL && line->runbook->arguments_count == 0)
        return fail_unknown(line, "", err);
    if (argument == NULL)
        return fx_fail(err, FX_ERR_INPUT, "'%s' is one word too many",
                       runbook_shown(line->sc, word.value));
    if (argument->rest && !(word.quoted && rest_ends(line)))
        word.value = take_rest(line, word.start);
    return put_value(line, argument, word.value, err);
}

static enum fx_code add_absent(struct line *line, struct fx_json **ret_arguments,
                               struct fx_error *err) {
    struct fx_json *arguments = fx_json_object(line->sc);

    for (size_t i = 0; i < line->runbook->arguments_count; i++) {
        const struct fx_argument *argument = &line->runbook->arguments[i];
        struct fx_json *value = fx_json_at(line->values, argument->name);
        const char *allowed = runbook_allowed(line->sc, argument);

        if (value == NULL && argument->fallback != NULL)
            value = fx_json_copy(line->sc, argument->fallback);
        if (value == NULL && !argument->optional)
            return fx_fail(err, FX_ERR_INPUT, "%s is missing%s%s", argument->name,
                           allowed == NULL ? "" : ": give ", allowed == NULL ? "" : allowed);
        fx_json_put(arguments, argument->name, value == NULL ? fx_json_null(line->sc) : value);
    }
    *ret_arguments = arguments;
    return FX_OK;
}

enum fx_code fx_runbook_arguments(struct fx_scope *sc, const struct fx_runbook *runbook,
                                  struct fx_slice rest, struct fx_json **ret_arguments,
                                  struct fx_error *err) {
    struct line line = {.sc = sc, .runbook = runbook, .text = rest, .values = fx_json_object(sc)};

    if (rest.len > FX_COMMAND_MAX_TEXT_BYTES)
        return fx_fail(err, FX_ERR_INPUT, "the command is longer than %d bytes",
                       FX_COMMAND_MAX_TEXT_BYTES);
    while (skip_blanks(&line))
        if (take_word(&line, err) != FX_OK)
            return fail_usage(&line, err);
    if (add_absent(&line, ret_arguments, err) != FX_OK)
        return fail_usage(&line, err);
    return FX_OK;
}

/* ---- usage ---- */

static const char *usage_value(struct fx_scope *sc, const struct fx_argument *argument) {
    const struct fx_json *value = argument->fallback;

    if (strcmp(argument->type, "duration") == 0)
        return runbook_duration_text(sc, fx_json_to_int(value, 0));
    if (strcmp(argument->type, "boolean") == 0)
        return fx_json_to_bool(value, false) ? "yes" : "no";
    if (strcmp(argument->type, "ids") == 0) {
        size_t count = 0;
        const char *const *ids = runbook_texts(sc, value, &count);
        const char *text = "";

        for (size_t i = 0; i < count; i++)
            text = fx_printf(sc, "%s%s%s", text, i == 0 ? "" : ",", ids[i]);
        return text;
    }
    return fx_json_text(value) != NULL ? fx_json_text(value) : fx_json_dump(sc, value);
}

static const char *usage_required(struct fx_scope *sc, const struct fx_argument *argument) {
    size_t count = 0;
    const char *const *words = runbook_texts(sc, argument->choices, &count);
    const char *text = "";

    if (count == 0 || strcmp(argument->type, "choice") != 0)
        return argument->name;
    for (size_t i = 0; i < count; i++)
        text = fx_printf(sc, "%s%s%s", text, i == 0 ? "" : "|", words[i]);
    return text;
}

const char *fx_runbook_usage(struct fx_scope *sc, const struct fx_runbook *runbook) {
    const char *usage = runbook->command;

    for (size_t i = 0; i < runbook->arguments_count; i++) {
        const struct fx_argument *argument = &runbook->arguments[i];
        const char *more = argument->rest ? "..." : "";

        if (argument->fallback != NULL)
            usage = fx_printf(sc, "%s [%s=%s%s]", usage, argument->name, usage_value(sc, argument),
                              more);
        else if (argument->optional)
            usage =
                fx_printf(sc, "%s [%s%s]", usage, argument->name, argument->named ? "=..." : more);
        else
            usage = fx_printf(sc, "%s %s<%s%s>", usage,
                              argument->named ? fx_printf(sc, "%s=", argument->name) : "",
                              usage_required(sc, argument), more);
    }
    return usage;
}
