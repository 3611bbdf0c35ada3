/* findings.c - what is wrong with the files, all of it, with file and line. */
#include "private.h"

#include <stdarg.h>
#include <stdio.h>

void app_find(struct app_findings *findings, const char *file, int line, const char *fmt, ...) {
    va_list args;

    if (findings->count == APP_MAX_FINDINGS)
        return;
    va_start(args, fmt);
    findings->items[findings->count++] = (struct fx_finding){
        .file = file, .line = line, .message = fx_vprintf(findings->sc, fmt, args)};
    va_end(args);
}

void app_print_findings(const struct app_findings *findings) {
    for (size_t i = 0; i < findings->count; i++)
        fprintf(stderr, "%s:%d: %s\n", findings->items[i].file, findings->items[i].line,
                findings->items[i].message);
}
