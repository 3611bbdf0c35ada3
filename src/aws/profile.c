/* profile.c - reads one key of the chosen profile from the shared configuration files. */
#include "private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

const char *aws_profile_name(const struct aws_settings *settings) {
    const char *name = settings->getenv("AWS_PROFILE");

    return name != NULL && name[0] != '\0' ? name : "default";
}

static const char *file_path(struct fx_scope *sc, const struct aws_settings *settings,
                             bool credentials, bool *ret_chosen) {
    const char *path =
        settings->getenv(credentials ? "AWS_SHARED_CREDENTIALS_FILE" : "AWS_CONFIG_FILE");
    const char *home = settings->getenv("HOME");

    *ret_chosen = path != NULL && path[0] != '\0';
    if (*ret_chosen)
        return path;
    if (home == NULL)
        return NULL;
    return fx_printf(sc, "%s/.aws/%s", home, credentials ? "credentials" : "config");
}

static enum fx_code read_file(struct fx_scope *sc, const char *path, bool chosen,
                              struct fx_slice *ret_text, struct fx_error *err) {
    char part[4096];
    struct fx_buf buf;
    size_t got;
    FILE *file = fopen(path, "re");

    *ret_text = (struct fx_slice){0};
    if (file == NULL && !chosen && errno == ENOENT)
        return FX_OK;
    if (file == NULL)
        return fx_fail(err, FX_ERR_INPUT, "%s cannot be read: %s", path, strerrordesc_np(errno));
    fx_buf_init(&buf, sc, AWS_MAX_PROFILE_BYTES);
    while (!buf.full && (got = fread(part, 1, sizeof(part), file)) > 0)
        fx_buf_add(&buf, (struct fx_slice){part, got});
    fclose(file);
    explicit_bzero(part, sizeof(part));
    if (buf.full)
        return fx_fail(err, FX_ERR_LIMIT, "%s is larger than %d bytes", path,
                       AWS_MAX_PROFILE_BYTES);
    *ret_text = fx_buf_slice(&buf);
    return FX_OK;
}

/* "[x]", and in the config file "[profile x]" for every profile but the default one. */
static bool opens_profile(struct fx_slice line, bool credentials, const char *profile) {
    struct fx_slice word, rest;

    if (line.len < 2 || line.ptr[line.len - 1] != ']')
        return false;
    line = fx_slice_trim(fx_slice_cut(line, 1, line.len - 2));
    if (!credentials && fx_slice_split(line, ' ', &word, &rest) &&
        fx_slice_equal_text(word, "profile"))
        return fx_slice_equal_text(fx_slice_trim(rest), profile);
    return fx_slice_equal_text(line, profile) && (credentials || strcmp(profile, "default") == 0);
}

static const char *find_key(struct fx_scope *sc, struct fx_slice text, bool credentials,
                            const char *profile, const char *key) {
    struct fx_slice line, name, value;
    const char *found = NULL;
    bool inside = false;

    while (text.len > 0) {
        fx_slice_split(text, '\n', &line, &text);
        /* An indented line belongs to the value before it. */
        if (line.len == 0 || line.ptr[0] == ' ' || line.ptr[0] == '\t')
            continue;
        line = fx_slice_trim(line);
        if (line.len == 0 || line.ptr[0] == '#' || line.ptr[0] == ';')
            continue;
        if (line.ptr[0] == '[')
            inside = opens_profile(line, credentials, profile);
        else if (inside && fx_slice_split(line, '=', &name, &value) &&
                 fx_slice_equal_text(fx_slice_trim(name), key))
            found = fx_slice_dup(sc, fx_slice_trim(value));
    }
    return found;
}

enum fx_code aws_profile_get(struct fx_scope *sc, const struct aws_settings *settings,
                             bool credentials, const char *key, const char **ret_value,
                             struct fx_error *err) {
    bool chosen = false;
    const char *path = file_path(sc, settings, credentials, &chosen);
    struct fx_slice text;

    *ret_value = NULL;
    if (path == NULL)
        return FX_OK;
    FX_TRY(read_file(sc, path, chosen, &text, err));
    *ret_value = find_key(sc, text, credentials, aws_profile_name(settings), key);
    return FX_OK;
}
