/* lines.c - walks the anchors of a file, or those that a log holds among other lines. */
#include "fluxabot/anchor.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct fx_anchor_lines {
    FILE *file;
    int64_t number;
    bool from_log;
    char text[FX_ANCHOR_MAX_LINE_BYTES + 1];
};

static void close_file(void *file) {
    fclose(file);
}

enum fx_code fx_anchor_lines_open(struct fx_scope *sc, const char *path,
                                  struct fx_anchor_lines **ret_lines, struct fx_error *err) {
    FILE *file = fopen(path, "re");

    if (file == NULL)
        return fx_fail(err, errno == ENOENT ? FX_ERR_NOT_FOUND : FX_ERR_UNAVAILABLE,
                       "%s cannot be read: %s", path, strerror(errno));
    fx_defer(sc, close_file, file);
    *ret_lines = FX_NEW(sc, struct fx_anchor_lines);
    (*ret_lines)->file = file;
    return FX_OK;
}

/* False at the end. Of a line that is too long only the first bytes are kept, which are no anchor.
 */
static bool read_line(struct fx_anchor_lines *lines, struct fx_slice *ret_line, bool *ret_whole) {
    size_t length = 0;
    int c = getc_unlocked(lines->file);

    if (c == EOF)
        return false;
    for (; c != EOF && c != '\n'; c = getc_unlocked(lines->file))
        if (length < sizeof lines->text)
            lines->text[length++] = (char)c;
    lines->number++;
    *ret_whole = c == '\n';
    *ret_line = (struct fx_slice){lines->text, length};
    return true;
}

/* A log line is JSON with an event name; the one of an anchor carries its line as a text. */
static bool read_log_line(struct fx_scope *sc, struct fx_slice line, struct fx_slice *ret_anchor) {
    struct fx_json *json = NULL;
    struct fx_error ignored;

    if (fx_json_parse(sc, line, &json, &ignored) != FX_OK ||
        fx_json_get_text(json, "event") == NULL)
        return false;
    *ret_anchor = strcmp(fx_json_get_text(json, "event"), "audit.anchor") == 0
                      ? fx_json_text_slice(fx_json_at(json, "anchor"))
                      : (struct fx_slice){0};
    return true;
}

/* FX_OK without an anchor: a line to pass over. */
static enum fx_code look_at(struct fx_anchor_lines *lines, struct fx_scope *sc,
                            struct fx_slice line, bool whole, struct fx_anchor **ret_anchor,
                            struct fx_error *err) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *log_sc = fx_scope_new(NULL);
    struct fx_slice inner = {0};

    lines->from_log = read_log_line(log_sc, line, &inner);
    if (line.len == 0 || (lines->from_log && inner.len == 0))
        return FX_OK;
    enum fx_code code = fx_anchor_parse(sc, lines->from_log ? inner : line, ret_anchor, err);

    return code != FX_OK && !whole ? FX_OK : code;
}

enum fx_code fx_anchor_lines_next(struct fx_anchor_lines *lines, struct fx_scope *sc,
                                  struct fx_anchor **ret_anchor, struct fx_error *err) {
    struct fx_slice line;
    bool whole = false;

    *ret_anchor = NULL;
    while (*ret_anchor == NULL && read_line(lines, &line, &whole))
        FX_TRY(look_at(lines, sc, line, whole, ret_anchor, err));
    if (ferror(lines->file))
        return fx_fail(err, FX_ERR_UNAVAILABLE, "the anchors cannot be read to their end");
    return FX_OK;
}

int64_t fx_anchor_lines_number(const struct fx_anchor_lines *lines) {
    return lines->number;
}

bool fx_anchor_lines_from_log(const struct fx_anchor_lines *lines) {
    return lines->from_log;
}
