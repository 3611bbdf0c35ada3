/* logs_pattern.c - reads a filter pattern of CloudWatch Logs, and tells whether a line fits it. */
#include "logs.h"

#include <ctype.h>
#include <fnmatch.h>
#include <string.h>

struct reader {
    struct fx_scope *sc;
    const char *at;
    struct logs_pattern *pattern;
    const char *problem;
};

static bool fail_with(struct reader *r, const char *problem) {
    if (r->problem == NULL)
        r->problem = problem;
    return false;
}

static bool is_word(char c) {
    return isalnum((unsigned char)c) || c == '_';
}

static void skip_blanks(struct reader *r) {
    while (*r->at == ' ')
        r->at++;
}

static bool take(struct reader *r, const char *symbol) {
    skip_blanks(r);
    if (strncmp(r->at, symbol, strlen(symbol)) != 0)
        return false;
    r->at += strlen(symbol);
    return true;
}

static const char *read_quoted(struct reader *r) {
    char *text = fx_alloc(r->sc, strlen(r->at) + 1);
    size_t len = 0;

    for (r->at++; *r->at != '"'; r->at++) {
        if (*r->at == '\\' && (r->at[1] == '"' || r->at[1] == '\\'))
            r->at++;
        if (*r->at == '\0') {
            (void)fail_with(r, "Invalid filter pattern: a quote is not closed");
            return NULL;
        }
        text[len++] = *r->at;
    }
    r->at++;
    return text;
}

static bool add(struct reader *r, struct logs_term term) {
    if (r->pattern->count == LOGS_PATTERN_MAX_TERMS)
        return fail_with(r, "Invalid filter pattern: too many terms");
    r->pattern->terms[r->pattern->count++] = term;
    return true;
}

/* ---- terms ---- */

static bool read_term(struct reader *r) {
    struct logs_term term = {.optional = take(r, "?")};
    const char *from = r->at;

    if (*r->at == '"') {
        term.text = read_quoted(r);
        if (term.text == NULL)
            return false;
        if (*r->at != '\0' && *r->at != ' ')
            return fail_with(r, "Invalid filter pattern: a blank is needed behind a phrase");
        return add(r, term);
    }
    while (*r->at != '\0' && *r->at != ' ') {
        if (!is_word(*r->at))
            return fail_with(r, fx_printf(r->sc, "Invalid character(s) in term '%.*s'",
                                          (int)strcspn(from, " "), from));
        r->at++;
    }
    if (r->at == from)
        return fail_with(r, "Invalid filter pattern: an empty term");
    term.text = fx_slice_dup(r->sc, (struct fx_slice){from, (size_t)(r->at - from)});
    return add(r, term);
}

static bool read_terms(struct reader *r) {
    bool all_optional = true, any_optional = false;

    for (skip_blanks(r); *r->at != '\0'; skip_blanks(r))
        if (!read_term(r))
            return false;
    for (size_t i = 0; i < r->pattern->count; i++) {
        all_optional &= r->pattern->terms[i].optional;
        any_optional |= r->pattern->terms[i].optional;
    }
    /* AWS passes by the optional ones then, which no runbook should rely on */
    return !any_optional || all_optional ||
           fail_with(r, "Invalid filter pattern: the sandbox takes ?terms alone");
}

/* ---- { $.a = "x" && $.b = 5 } ---- */

static bool read_selector(struct reader *r) {
    struct logs_term term = {0};
    const char *from;

    if (!take(r, "$."))
        return fail_with(r, "Invalid filter pattern: $. is expected");
    from = r->at;
    while (is_word(*r->at) || *r->at == '.' || *r->at == '-')
        r->at++;
    term.path = fx_slice_dup(r->sc, (struct fx_slice){from, (size_t)(r->at - from)});
    term.unequal = take(r, "!=");
    if (term.path[0] == '\0' || (!term.unequal && !take(r, "=")))
        return fail_with(r, "Invalid filter pattern: = or != is expected");
    skip_blanks(r);
    if (*r->at == '"')
        term.text = read_quoted(r);
    else {
        from = r->at;
        while (is_word(*r->at) || *r->at == '.' || *r->at == '*' || *r->at == '-')
            r->at++;
        term.text = fx_slice_dup(r->sc, (struct fx_slice){from, (size_t)(r->at - from)});
    }
    if (term.text == NULL || term.text[0] == '\0')
        return fail_with(r, "Invalid filter pattern: a value is expected");
    return add(r, term);
}

static bool read_selectors(struct reader *r) {
    do {
        bool bracket = take(r, "(");

        if (!read_selector(r) || (bracket && !take(r, ")")))
            return fail_with(r, "Invalid filter pattern: ) is expected");
    } while (take(r, "&&"));
    if (!take(r, "}"))
        return fail_with(r, "Invalid filter pattern: && or } is expected");
    skip_blanks(r);
    return *r->at == '\0' || fail_with(r, "Invalid filter pattern: something stands behind }");
}

bool logs_pattern_parse(struct fx_scope *sc, const char *text, struct logs_pattern *ret_pattern,
                        const char **ret_problem) {
    struct reader r = {.sc = sc, .at = text, .pattern = ret_pattern};

    *ret_pattern = (struct logs_pattern){0};
    if (strlen(text) > LOGS_PATTERN_MAX_BYTES)
        (void)fail_with(&r, "1 validation error detected: Value at 'filterPattern' failed to "
                            "satisfy constraint: Member must have length less than or equal to "
                            "1024");
    else if (take(&r, "{"))
        (void)read_selectors(&r);
    else
        (void)read_terms(&r);
    *ret_problem = r.problem;
    return r.problem == NULL;
}

/* ---- matching ---- */

/* In a text only * is special. */
static bool fits_value(struct fx_scope *sc, const char *pattern, const struct fx_json *value) {
    const char *text = fx_json_text(value) != NULL ? fx_json_text(value) : fx_json_dump(sc, value);
    char *glob = fx_alloc(sc, 2 * strlen(pattern) + 1);
    size_t len = 0;

    for (const char *p = pattern; *p != '\0'; p++) {
        if (strchr("?[]\\", *p) != NULL)
            glob[len++] = '\\';
        glob[len++] = *p;
    }
    return fnmatch(glob, text, 0) == 0;
}

static bool fits_selector(struct fx_scope *sc, const struct logs_term *term,
                          const struct fx_json *json) {
    const struct fx_json *value = fx_json_at_path(json, term->path);

    return value != NULL && fits_value(sc, term->text, value) != term->unequal;
}

bool logs_pattern_matches(struct fx_scope *sc, const struct logs_pattern *pattern,
                          const char *message) {
    bool selects = pattern->count > 0 && pattern->terms[0].path != NULL;
    size_t found = 0, optional = 0;
    struct fx_json *json = NULL;
    struct fx_error err;

    if (selects && fx_json_parse(sc, fx_slice_of(message), &json, &err) != FX_OK)
        return false;
    for (size_t i = 0; i < pattern->count; i++) {
        const struct logs_term *term = &pattern->terms[i];

        optional += term->optional;
        found += selects ? fits_selector(sc, term, json) : strstr(message, term->text) != NULL;
    }
    return optional > 0 ? found > 0 : found == pattern->count;
}
