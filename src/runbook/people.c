/* people.c - which values of a command a person may have chosen, and that none of them comes where
 * a step kind wants none.
 *
 * A person chooses the arguments, but for those that take one of a few words; and so whatever a
 * step makes of them. Only who asks somebody else (kind->is_answered) is believed to answer with
 * something of their own. Names are looked for as words of expressions, so this refuses sooner than
 * it must, and never later.
 */
#include "private.h"

#include <string.h>

static bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static size_t word_end(struct fx_slice s, size_t at) {
    while (at < s.len && is_word(s.ptr[at]))
        at++;
    return at;
}

/* `arguments.name` where name is one of a few words of the runbook's own. */
static bool is_choice(const struct runbook_check *c, struct fx_slice s, size_t at) {
    if (at >= s.len || s.ptr[at] != '.')
        return false;
    struct fx_slice name = fx_slice_cut(s, at + 1, word_end(s, at + 1) - at - 1);
    const char *type =
        fx_json_get_text(fx_json_at(c->arguments, fx_slice_dup(c->scratch, name)), "type");

    return type != NULL && (strcmp(type, "choice") == 0 || strcmp(type, "boolean") == 0 ||
                            strcmp(type, "integer") == 0);
}

/* The first word of an expression that a person has to do with; empty. */
static struct fx_slice chosen_word(const struct runbook_check *c, struct fx_slice s) {
    for (size_t at = 0; at < s.len;) {
        size_t end = word_end(s, at);
        struct fx_slice word = fx_slice_cut(s, at, end - at);

        if (end == at) {
            at++;
            continue;
        }
        if (fx_slice_equal_text(word, "arguments")
                ? !is_choice(c, s, end)
                : fx_json_at(c->from_people, fx_slice_dup(c->scratch, word)) != NULL)
            return word;
        at = end;
    }
    return (struct fx_slice){"", 0};
}

/* The text without what stands outside its expressions would be enough; all of it is no less safe,
 * but a host called arguments.example.com is none of a person's. */
static struct fx_slice chosen_in_text(const struct runbook_check *c, const char *text) {
    for (const char *p = strstr(text, "${"); p != NULL; p = strstr(p + 2, "${")) {
        struct fx_slice word = chosen_word(c, fx_slice_of(p + 2));

        if (word.len > 0)
            return word;
    }
    return (struct fx_slice){"", 0};
}

static struct fx_slice chosen_in(const struct runbook_check *c, const struct fx_json *value) {
    struct fx_slice word = {"", 0};
    struct fx_json *member = NULL;
    const char *key = NULL;
    void *cursor = NULL;

    if (fx_json_text(value) != NULL)
        return chosen_in_text(c, fx_json_text(value));
    for (size_t i = 0; fx_json_type(value) == FX_JSON_ARRAY && i < fx_json_count(value); i++)
        if ((word = chosen_in(c, fx_json_item(value, i))).len > 0)
            return word;
    while (fx_json_type(value) == FX_JSON_OBJECT && fx_json_next(value, &cursor, &key, &member))
        if ((word = chosen_in(c, member)).len > 0)
            return word;
    return word;
}

void runbook_check_people(struct runbook_check *c, const char *path,
                          const struct fx_runbook_step *step) {
    const struct fx_step_kind *kind = step->kind;
    /* `each` is kept as an expression, without the signs around it */
    bool item = step->each != NULL && chosen_word(c, fx_slice_of(step->each)).len > 0;

    if (kind == NULL)
        return;
    if (item)
        fx_json_put(c->from_people, "item", fx_json_bool(c->scratch, true));
    for (size_t i = 0; i < kind->closed_count; i++) {
        struct fx_slice word = chosen_in(c, fx_json_at(step->params, kind->closed[i]));

        if (word.len > 0)
            runbook_say(c, path,
                        "%s of %s may not hold %s: a person chooses it, or what it is made of",
                        kind->closed[i], kind->name, fx_slice_dup(c->scratch, word));
    }
    if (step->id != NULL && !kind->is_answered && (item || chosen_in(c, step->params).len > 0))
        fx_json_put(c->from_people, step->id, fx_json_bool(c->scratch, true));
    fx_json_remove(c->from_people, "item");
}
