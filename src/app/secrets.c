/* secrets.c - secrets come from the environment or from a file, never from the configuration
 * itself. */
#include "private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX_BYTES = 64 << 10 };

static void wipe(void *text) {
    explicit_bzero(text, strlen(text));
}

static void close_file(FILE **file) {
    if (*file != NULL)
        fclose(*file);
}

/* It may be a secret: nothing of it stays behind in the room that it was read into. */
static char *take_text(struct fx_scope *sc, char *room, size_t length) {
    char *text = fx_slice_dup(sc, (struct fx_slice){room, length});

    explicit_bzero(room, length);
    return text;
}

const char *app_read_text(struct fx_scope *sc, const char *path, size_t max_bytes,
                          struct fx_error *err) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *reading = fx_scope_new(sc);
    FX_CLEANUP(close_file) FILE *file = fopen(path, "re");

    if (file == NULL) {
        (void)fx_fail(err, FX_ERR_NOT_FOUND, "%s cannot be read: %s", path, strerror(errno));
        return NULL;
    }
    char *room = fx_alloc(reading, max_bytes + 1);

    setvbuf(file, NULL, _IONBF, 0); /* a buffer would keep a copy */
    size_t length = fread(room, 1, max_bytes + 1, file);

    if (ferror(file) || length > max_bytes) {
        (void)fx_fail(err, FX_ERR_LIMIT, "%s cannot be read or is larger than %zu bytes", path,
                      max_bytes);
        return NULL;
    }
    return take_text(sc, room, length);
}

const char *app_read_file(struct fx_scope *sc, const char *path, struct fx_error *err) {
    return app_read_text(sc, path, FILE_MAX_BYTES, err);
}

const char *app_secret(struct app_config *config, const struct fx_yaml *yaml, const char *path,
                       const struct fx_json *value, struct app_findings *findings) {
    const char *name = fx_json_get_text(value, "env"), *file = fx_json_get_text(value, "file");
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *reading = fx_scope_new(config->sc);
    const char *text = NULL;
    struct fx_error err = {0};

    if (value == NULL)
        return NULL;
    if (findings->secrets_may_lack && (name != NULL || file != NULL))
        return "";
    if (name != NULL) {
        text = getenv(name);
        if (text == NULL || text[0] == '\0')
            app_find(findings, fx_yaml_file(yaml), fx_yaml_line(yaml, path),
                     "%s: the environment variable %s is not set", path, name);
    } else if (file != NULL) {
        text = app_read_file(reading, file, &err);
        if (text == NULL)
            app_find(findings, fx_yaml_file(yaml), fx_yaml_line(yaml, path), "%s: %s", path,
                     err.message);
    }
    if (text == NULL || text[0] == '\0')
        return NULL;
    /* files end in a newline that is no part of the secret; a key's PEM does not mind either */
    char *secret = fx_slice_dup(config->sc, fx_slice_trim(fx_slice_of(text)));

    fx_defer(config->sc, wipe, secret);
    if (file != NULL)
        explicit_bzero((char *)text, strlen(text));
    return secret;
}
