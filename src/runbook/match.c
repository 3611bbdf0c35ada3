/* match.c - the command that a line begins with. */
#include "private.h"

#include <string.h>

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static size_t skip_blanks(struct fx_slice text, size_t at) {
    while (at < text.len && is_blank(text.ptr[at]))
        at++;
    return at;
}

/* Where the command ends in text; 0 when text does not begin with it. */
static size_t matched(const char *command, struct fx_slice text) {
    size_t at = skip_blanks(text, 0);

    for (const char *p = command; *p != '\0'; p++) {
        if (*p == ' ') {
            size_t next = skip_blanks(text, at);
            if (next == at)
                return 0;
            at = next;
        } else if (at < text.len && lower(text.ptr[at]) == *p)
            at++;
        else
            return 0;
    }
    return at == text.len || is_blank(text.ptr[at]) ? at : 0;
}

void runbook_match(const struct fx_runbook *runbooks, size_t count, struct fx_slice text,
                   const struct fx_runbook **ret_runbook, struct fx_slice *ret_rest) {
    size_t longest = 0;

    *ret_runbook = NULL;
    *ret_rest = fx_slice_trim(text);
    for (size_t i = 0; i < count; i++) {
        size_t end = runbooks[i].command == NULL ? 0 : matched(runbooks[i].command, text);

        if (end > longest) {
            longest = end;
            *ret_runbook = &runbooks[i];
            *ret_rest = fx_slice_trim(fx_slice_cut(text, end, text.len));
        }
    }
}

void fx_system_match(const struct fx_system *system, struct fx_slice text,
                     const struct fx_runbook **ret_runbook, struct fx_slice *ret_rest) {
    runbook_match(system->runbooks, system->runbooks_count, text, ret_runbook, ret_rest);
}

const struct fx_runbook *fx_system_find(const struct fx_system *system, const char *command) {
    for (size_t i = 0; i < system->runbooks_count; i++)
        if (strcmp(system->runbooks[i].command, command) == 0)
            return &system->runbooks[i];
    return NULL;
}
