/* sources.c - the written runbook that commands were made from: has a section of it changed since?
 *
 * A system's folder keeps a file runbook.lock, one line for each section that a command was written
 * from: its digest then, the command, the section's heading, with tabs between. `fluxabot check`
 * compares them with the Markdown files that the configuration names under `runbooks`; without any
 * nothing is compared, and a bot that serves never looks.
 */
#include "private.h"

#include "fluxabot/base/buf.h"
#include "fluxabot/base/digest.h"

#include <string.h>

enum {
    DOCUMENT_MAX_BYTES = 1 << 20,
    LOCK_MAX_BYTES = 256 << 10,
    HEADING_MAX_LEVEL = 6,
    DIGEST_LENGTH = 16, /* of the hexadecimal digits: to notice changes, not to resist anybody */
};

struct lines {
    struct fx_slice rest;
    bool in_code; /* between ``` and ```, where # begins no heading */
};

/* The next line; *ret_level is that of a heading, 0 for any other line. */
static bool next_line(struct lines *lines, struct fx_slice *ret_line, int *ret_level) {
    struct fx_slice line;
    size_t level = 0;

    if (lines->rest.len == 0)
        return false;
    fx_slice_split(lines->rest, '\n', &line, &lines->rest);
    if (fx_slice_starts_with(fx_slice_trim(line), FX_SLICE("```")))
        lines->in_code = !lines->in_code;
    while (!lines->in_code && level < line.len && line.ptr[level] == '#')
        level++;
    bool heading =
        level > 0 && level <= HEADING_MAX_LEVEL && level < line.len && line.ptr[level] == ' ';

    *ret_line = fx_slice_trim(heading ? fx_slice_cut(line, level, line.len) : line);
    *ret_level = heading ? (int)level : 0;
    return true;
}

/* Of what stands below the heading, down to the next one that is not below it. Blanks at the ends
 * of lines and empty lines do not count. NULL: there is no such heading. */
static const char *section_digest(struct fx_scope *sc, struct fx_slice document,
                                  const char *heading) {
    struct lines lines = {.rest = document};
    struct fx_slice line;
    struct fx_buf buf;
    int level = 0, own = 0;

    fx_buf_init(&buf, sc, DOCUMENT_MAX_BYTES + 1);
    while (next_line(&lines, &line, &level)) {
        if (own > 0 && level > 0 && level <= own)
            break;
        if (own == 0 && level > 0 && fx_slice_equal_text(line, heading)) {
            own = level;
            continue;
        }
        if (own == 0 || line.len == 0)
            continue;
        fx_buf_add(&buf, line);
        fx_buf_add_char(&buf, '\n');
    }
    if (own == 0)
        return NULL;
    return fx_printf(sc, "%.*s", DIGEST_LENGTH, fx_sha256_hex(sc, fx_buf_slice(&buf)));
}

/* One system while it is compared. */
struct comparison {
    struct fx_scope *sc;
    const struct fx_engine_system *system;
    const char *lock;
    struct fx_slice *documents;
    size_t documents_count;
    struct app_findings *findings;
};

static void compare(struct comparison *c, int number, struct fx_slice line) {
    struct fx_slice digest, command, heading, rest;
    const char *found = NULL;

    if (!fx_slice_split(line, '\t', &digest, &rest) ||
        !fx_slice_split(rest, '\t', &command, &heading) || digest.len != DIGEST_LENGTH) {
        app_find(c->findings, c->lock, number,
                 "a line is a digest of %d signs, a command and a heading, with tabs between",
                 DIGEST_LENGTH);
        return;
    }
    const char *name = fx_slice_dup(c->sc, command), *section = fx_slice_dup(c->sc, heading);

    if (fx_system_find(c->system->system, name) == NULL) {
        app_find(c->findings, c->lock, number, "there is no command %s; remove the line", name);
        return;
    }
    for (size_t i = 0; i < c->documents_count && found == NULL; i++)
        found = section_digest(c->sc, c->documents[i], section);
    if (found == NULL)
        app_find(c->findings, c->lock, number,
                 "the runbook has no section \"%s\" any more, which %s was written from: see what "
                 "took its place, and name that here",
                 section, name);
    else if (!fx_slice_equal_text(digest, found))
        app_find(c->findings, c->lock, number,
                 "the section \"%s\" has changed since %s was written from it: read it, change "
                 "%s where it must, then write %s here",
                 section, name, name, found);
}

static void compare_all(struct comparison *c, struct fx_slice text) {
    for (int number = 1; text.len > 0; number++) {
        struct fx_slice line;

        fx_slice_split(text, '\n', &line, &text);
        line = fx_slice_trim(line);
        if (line.len > 0 && line.ptr[0] != '#')
            compare(c, number, line);
    }
}

static void check_system(struct app_config *config, size_t index, struct app_findings *findings) {
    struct fx_scope *sc = config->sc;
    size_t count = config->system_documents_count[index];
    struct comparison c = {.sc = sc,
                           .system = &config->systems[index],
                           .lock = fx_printf(sc, "%s/runbook.lock", config->system_paths[index]),
                           .documents = fx_alloc(sc, (count + 1) * sizeof *c.documents),
                           .findings = findings};
    struct fx_error err = {0};

    for (; c.documents_count < count; c.documents_count++) {
        const char *path = config->system_documents[index][c.documents_count];
        const char *text = app_read_text(sc, path, DOCUMENT_MAX_BYTES, &err);

        if (text == NULL) {
            app_find(findings, config->file, 1, "systems.%s.runbooks: %s",
                     config->system_names[index], err.message);
            return;
        }
        c.documents[c.documents_count] = fx_slice_of(text);
    }
    const char *lock = count == 0 ? "" : app_read_text(sc, c.lock, LOCK_MAX_BYTES, &err);

    if (lock == NULL)
        app_find(findings, c.lock, 1, "%s; it tells which section each command was written from",
                 err.message);
    else
        compare_all(&c, fx_slice_of(lock));
}

void app_check_sources(struct app_config *config, struct app_findings *findings) {
    for (size_t i = 0; i < config->systems_count; i++)
        if (config->system_documents_count[i] > 0)
            check_system(config, i, findings);
}
