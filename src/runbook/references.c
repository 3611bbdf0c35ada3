/* references.c - `arguments.x`, `variables.x` and `queue.x` in expressions: do they exist?
 *
 * The expression compiles already; this looks only at its words, so it may miss a reference that is
 * computed (`arguments[name]`) and then takes all of them to be used.
 */
#include "private.h"

#include <string.h>

struct reference {
    struct fx_slice root, member, part; /* queue.dlq.url; member and part may be empty */
};

static bool is_word_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static size_t skip_blanks(struct fx_slice s, size_t at) {
    while (at < s.len && strchr(" \t\r\n", s.ptr[at]) != NULL)
        at++;
    return at;
}

/* Past the closing quote of the string that begins at at. */
static size_t skip_string(struct fx_slice s, size_t at) {
    char quote = s.ptr[at++];

    while (at < s.len && s.ptr[at] != quote)
        at += s.ptr[at] == '\\' ? 2 : 1;
    return at + 1;
}

static size_t word_end(struct fx_slice s, size_t at) {
    while (at < s.len && is_word_char(s.ptr[at]))
        at++;
    return at;
}

/* `.name` or `["name"]` at at; gives the name, or an empty slice and at itself. */
static size_t read_member(struct fx_slice s, size_t at, struct fx_slice *ret_name) {
    size_t start = skip_blanks(s, at);

    *ret_name = (struct fx_slice){"", 0};
    if (start + 1 < s.len && s.ptr[start] == '.' && s.ptr[start + 1] != '.') {
        size_t from = skip_blanks(s, start + 1), end = word_end(s, from);

        *ret_name = fx_slice_cut(s, from, end - from);
        return end;
    }
    if (start >= s.len || s.ptr[start] != '[')
        return at;
    size_t quote = skip_blanks(s, start + 1);
    if (quote >= s.len || (s.ptr[quote] != '"' && s.ptr[quote] != '\''))
        return at;
    size_t end = skip_string(s, quote), close = skip_blanks(s, end);
    if (close >= s.len || s.ptr[close] != ']')
        return at;
    *ret_name = fx_slice_cut(s, quote + 1, end - quote - 2);
    return close + 1;
}

static bool is_root(struct fx_slice word) {
    return fx_slice_equal_text(word, "arguments") || fx_slice_equal_text(word, "variables") ||
           fx_slice_equal_text(word, "queue");
}

/* The next reference at or after *at; false at the end. */
static bool next_reference(struct fx_slice s, size_t *at, struct reference *ret_reference) {
    bool field = false;

    while (*at < s.len) {
        char c = s.ptr[*at];

        if (c == '"' || c == '\'') {
            *at = skip_string(s, *at);
            field = false;
        } else if (is_word_char(c)) {
            size_t end = word_end(s, *at);
            struct fx_slice word = fx_slice_cut(s, *at, end - *at);

            *at = end;
            if (!field && is_root(word)) {
                ret_reference->root = word;
                *at = read_member(s, *at, &ret_reference->member);
                ret_reference->part = (struct fx_slice){"", 0};
                if (ret_reference->member.len > 0)
                    *at = read_member(s, *at, &ret_reference->part);
                return true;
            }
            field = false;
        } else {
            if (strchr(" \t\r\n", c) == NULL)
                field = c == '.' && (*at + 1 >= s.len || s.ptr[*at + 1] != '.') &&
                        (*at == 0 || s.ptr[*at - 1] != '.');
            ++*at;
        }
    }
    return false;
}

static void say_absent(struct runbook_check *c, const char *path, const char *root,
                       const char *name, const struct fx_json *declared) {
    size_t count = 0;
    const char **names = fx_alloc(c->scratch, (fx_json_count(declared) + 1) * sizeof *names);
    void *cursor = NULL;

    while (fx_json_next(declared, &cursor, &names[count], NULL))
        count++;
    const char *meant = runbook_nearest(name, names, count);

    if (meant != NULL)
        runbook_say(c, path, "there is no %s.%s; did you mean %s.%s?", root, name, root, meant);
    else
        runbook_say(c, path, "there is no %s.%s", root, name);
}

static void check_argument(struct runbook_check *c, const char *path, const char *name) {
    if (c->arguments == NULL)
        return;
    if (name[0] == '\0')
        c->all_arguments_used = true;
    else if (fx_json_at(c->arguments, name) == NULL)
        say_absent(c, path, "arguments", name, c->arguments);
    else
        fx_json_put(c->used_arguments, name, fx_json_bool(c->scratch, true));
}

static void check_variable(struct runbook_check *c, const char *path, const char *name) {
    const struct fx_json *variables = fx_json_at(c->definition, "variables");

    if (name[0] == '\0')
        c->all_variables_used = true;
    else if (c->system_yaml == NULL)
        return;
    else if (fx_json_at(variables, name) == NULL)
        say_absent(c, path, "variables", name, variables);
    else
        fx_json_put(c->used_variables, name, fx_json_bool(c->scratch, true));
}

static void check_queue(struct runbook_check *c, const char *path, const char *name,
                        const char *part) {
    const struct fx_json *queues = fx_json_at(c->definition, "queues");
    const struct fx_json *queue = fx_json_at(queues, name);

    if (name[0] == '\0' || c->system_yaml == NULL)
        return;
    if (queue == NULL)
        say_absent(c, path, "queue", name, queues);
    else if (part[0] != '\0' && fx_json_at(queue, part) == NULL)
        say_absent(c, path, fx_printf(c->scratch, "queue.%s", name), part, queue);
}

static void check_expression(struct runbook_check *c, const char *path, struct fx_slice source) {
    struct reference found;
    size_t at = 0;

    while (next_reference(source, &at, &found)) {
        const char *member = fx_slice_dup(c->scratch, found.member);

        if (fx_slice_equal_text(found.root, "arguments"))
            check_argument(c, path, member);
        else if (fx_slice_equal_text(found.root, "variables"))
            check_variable(c, path, member);
        else
            check_queue(c, path, member, fx_slice_dup(c->scratch, found.part));
    }
}

/* Where the expression that begins at from ends: at its closing brace. */
static size_t expression_end(struct fx_slice text, size_t from) {
    size_t depth = 0, at = from;

    while (at < text.len) {
        char c = text.ptr[at];

        if (c == '"' || c == '\'') {
            at = skip_string(text, at);
            continue;
        }
        if (c == '}' && depth == 0)
            return at;
        if (c == '{')
            depth++;
        if (c == '}')
            depth--;
        at++;
    }
    return text.len;
}

void runbook_check_references(struct runbook_check *c, const char *path, const char *text,
                              bool is_expression) {
    struct fx_slice all = fx_slice_of(text);

    if (is_expression) {
        check_expression(c, path, all);
        return;
    }
    for (const char *p = strstr(text, "${"); p != NULL;) {
        size_t from = (size_t)(p - text) + 2, end = from;

        if (p == text || p[-1] != '$') { /* $${ is how the characters themselves are written */
            end = expression_end(all, from);
            check_expression(c, path, fx_slice_cut(all, from, end - from));
        }
        p = end < all.len ? strstr(text + end, "${") : NULL;
    }
}
