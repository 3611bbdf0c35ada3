/* findings.c - what is wrong, remembered with its file and line. */
#include "private.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void runbook_say_at(struct runbook_check *c, const char *file, int line, const char *message) {
    if (c->findings_count == RUNBOOK_MAX_FINDINGS)
        return;
    c->findings[c->findings_count++] =
        (struct fx_finding){.file = fx_strdup(c->scratch, file),
                            .line = line,
                            .message = fx_strdup(c->scratch, message)};
}

void runbook_say(struct runbook_check *c, const char *path, const char *fmt, ...) {
    va_list args;

    va_start(args, fmt);
    runbook_say_at(c, fx_yaml_file(c->yaml), fx_yaml_line(c->yaml, path),
                   fx_vprintf(c->scratch, fmt, args));
    va_end(args);
}

static int by_place(const void *left, const void *right) {
    const struct fx_finding *a = left, *b = right;
    int order = strcmp(a->file, b->file);

    if (order == 0)
        order = (a->line > b->line) - (a->line < b->line);
    return order != 0 ? order : strcmp(a->message, b->message);
}

void runbook_sort_findings(struct fx_finding *findings, size_t count) {
    if (count > 1)
        qsort(findings, count, sizeof findings[0], by_place);
}

/* By far the most of what a check prints: each key of each file has one. */
const char *runbook_path(struct runbook_check *c, const char *path, const char *key) {
    size_t path_len = strlen(path), key_len = strlen(key);

    if (path_len == 0)
        return key;
    char *joined = fx_alloc(c->scratch, path_len + 1 + key_len + 1);

    memcpy(joined, path, path_len);
    joined[path_len] = '.';
    memcpy(joined + path_len + 1, key, key_len + 1);
    return joined;
}

const char *runbook_path_item(struct runbook_check *c, const char *path, size_t index) {
    return fx_printf(c->scratch, "%s.%zu", path, index);
}

const char *runbook_shown(struct fx_scope *sc, struct fx_slice text) {
    size_t len = fx_slice_utf8_prefix(text, RUNBOOK_MAX_SHOWN);
    char *shown = fx_slice_dup(sc, fx_slice_cut(text, 0, len));

    bool is_text = fx_slice_is_utf8(fx_slice_of(shown));

    for (char *p = shown; *p != '\0'; p++) {
        if ((unsigned char)*p < ' ' || *p == 0x7F)
            *p = ' ';
        if (!is_text && (unsigned char)*p >= 0x80)
            *p = '?';
    }
    return len < text.len ? fx_printf(sc, "%s…", shown) : shown;
}
