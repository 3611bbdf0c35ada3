/* yaml.c - reading a file, and finding the line of a path. */
#include "private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static void file_close(FILE **file) {
    if (*file)
        fclose(*file);
}

static enum fx_code errno_code(int number) {
    if (number == ENOENT || number == ENOTDIR)
        return FX_ERR_NOT_FOUND;
    return number == EACCES || number == EPERM ? FX_ERR_DENIED : FX_ERR_INPUT;
}

/* As much as there is; of a longer file one byte more than allowed, so that the parser says so. */
static enum fx_code read_bytes(struct fx_scope *sc, const char *path, struct fx_slice *ret_bytes,
                               struct fx_error *err) {
    FX_CLEANUP(file_close) FILE *file = fopen(path, "rbe");
    struct stat shape;

    if (!file)
        return fx_fail(err, errno_code(errno), "%s:1: the file cannot be opened: %m", path);
    if (fstat(fileno(file), &shape) != 0)
        return fx_fail(err, errno_code(errno), "%s:1: the file cannot be read: %m", path);
    size_t room = S_ISREG(shape.st_mode) && shape.st_size < FX_YAML_MAX_BYTES
                      ? (size_t)shape.st_size
                      : FX_YAML_MAX_BYTES;
    char *bytes = fx_alloc(sc, room + 1);
    size_t len = fread(bytes, 1, room + 1, file);

    if (ferror(file))
        return fx_fail(err, errno_code(errno), "%s:1: the file cannot be read: %m", path);
    *ret_bytes = (struct fx_slice){bytes, len};
    return FX_OK;
}

enum fx_code fx_yaml_load(struct fx_scope *sc, const char *path, struct fx_yaml **ret_yaml,
                          struct fx_error *err) {
    struct fx_slice bytes;

    FX_TRY(read_bytes(sc, path, &bytes, err));
    FX_TRY(fx_yaml_parse(sc, path, bytes, ret_yaml, err));
    (*ret_yaml)->bytes = bytes;
    return FX_OK;
}

struct fx_slice fx_yaml_bytes(const struct fx_yaml *yaml) {
    return yaml->bytes;
}

const char *fx_yaml_file(const struct fx_yaml *yaml) {
    return yaml->file;
}

struct fx_json *fx_yaml_root(const struct fx_yaml *yaml) {
    return yaml->root;
}

/* How many bytes of path name the child: its key, or its number in a list. 0 when they do not. */
static size_t matches(const struct yaml_node *child, size_t index, const char *path) {
    char number[24];
    const char *name = child->key;

    if (!name) {
        snprintf(number, sizeof number, "%zu", index);
        name = number;
    }
    size_t len = strlen(name);
    bool same = strncmp(path, name, len) == 0 && (path[len] == '.' || path[len] == '\0');
    return same ? len : 0;
}

/* Keys may hold dots themselves ("logs.retention"), so the longest name that fits is taken. */
int fx_yaml_line(const struct fx_yaml *yaml, const char *path) {
    const struct yaml_node *node = &yaml->top;

    while (*path) {
        const struct yaml_node *best = NULL;
        size_t best_len = 0, index = 0;

        for (const struct yaml_node *child = node->first; child; child = child->next) {
            size_t len = matches(child, index++, path);
            if (len > best_len) {
                best = child;
                best_len = len;
            }
        }
        if (!best)
            break;
        node = best;
        path += best_len;
        path += *path == '.';
    }
    return node->line;
}
