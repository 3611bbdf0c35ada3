/* files.c - the shared configuration files: profiles, their keys, endpoints of services. */
#include "private.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

const char *aws_profile_name(const struct aws_settings *settings) {
    const char *name = aws_getenv(settings, "AWS_PROFILE");

    return name != NULL ? name : "default";
}

/* ---- reading ---- */

static const char *file_path(struct fx_scope *sc, const struct aws_settings *settings,
                             bool credentials, bool *ret_chosen) {
    const char *path =
        aws_getenv(settings, credentials ? "AWS_SHARED_CREDENTIALS_FILE" : "AWS_CONFIG_FILE");
    const char *home = settings->getenv("HOME");

    *ret_chosen = path != NULL;
    if (*ret_chosen)
        return path;
    if (home == NULL)
        return NULL;
    return fx_printf(sc, "%s/.aws/%s", home, credentials ? "credentials" : "config");
}

enum fx_code aws_file_read(struct fx_scope *sc, const char *path, size_t max_bytes,
                           struct fx_slice *ret_text, struct fx_error *err) {
    char part[4096];
    struct fx_buf buf;
    size_t got;
    FILE *file = fopen(path, "re");

    *ret_text = (struct fx_slice){0};
    if (file == NULL)
        return fx_fail(err, errno == ENOENT ? FX_ERR_NOT_FOUND : FX_ERR_INPUT,
                       "%s cannot be read: %s", path, strerrordesc_np(errno));
    fx_buf_init(&buf, sc, max_bytes);
    while (!buf.full && (got = fread(part, 1, sizeof(part), file)) > 0)
        fx_buf_add(&buf, (struct fx_slice){part, got});
    bool broken = ferror(file) != 0;
    fclose(file);
    explicit_bzero(part, sizeof(part));
    if (broken)
        return fx_fail(err, FX_ERR_INPUT, "%s cannot be read to its end", path);
    if (buf.full)
        return fx_fail(err, FX_ERR_LIMIT, "%s is larger than %zu bytes", path, max_bytes);
    *ret_text = fx_buf_slice(&buf);
    return FX_OK;
}

static enum fx_code read_shared(struct fx_scope *sc, const struct aws_settings *settings,
                                bool credentials, const char **ret_path, struct fx_slice *ret_text,
                                struct fx_error *err) {
    bool chosen = false;

    *ret_path = file_path(sc, settings, credentials, &chosen);
    *ret_text = (struct fx_slice){0};
    if (*ret_path == NULL)
        return FX_OK;
    enum fx_code code = aws_file_read(sc, *ret_path, AWS_MAX_PROFILE_BYTES, ret_text, err);
    if (code == FX_ERR_NOT_FOUND)
        return chosen ? fx_fail(err, FX_ERR_INPUT, "%s does not exist, but %s names it", *ret_path,
                                credentials ? "AWS_SHARED_CREDENTIALS_FILE" : "AWS_CONFIG_FILE")
                      : FX_OK;
    return code;
}

enum fx_code aws_files_read(struct fx_scope *sc, const struct aws_settings *settings,
                            struct aws_files *ret_files, struct fx_error *err) {
    struct aws_files files;

    FX_TRY(read_shared(sc, settings, false, &files.config_path, &files.config, err));
    FX_TRY(read_shared(sc, settings, true, &files.credentials_path, &files.credentials, err));
    *ret_files = files;
    return FX_OK;
}

/* ---- looking up ---- */

/* A section is a name and perhaps a word before it: [fluxa], [profile fluxa], [services local]. */
struct section {
    const char *word; /* NULL: none */
    const char *name;
};

static bool opens(struct fx_slice line, const struct section *section) {
    struct fx_slice word, rest;

    if (line.len < 2 || line.ptr[0] != '[' || line.ptr[line.len - 1] != ']')
        return false;
    line = fx_slice_trim(fx_slice_cut(line, 1, line.len - 2));
    if (section->word == NULL)
        return fx_slice_equal_text(line, section->name);
    size_t blank = 0;
    while (blank < line.len && line.ptr[blank] != ' ' && line.ptr[blank] != '\t')
        blank++;
    word = fx_slice_cut(line, 0, blank);
    rest = fx_slice_trim(fx_slice_cut(line, blank, line.len));
    /* A name with blanks stands in quotes. */
    if (rest.len >= 2 && (rest.ptr[0] == '"' || rest.ptr[0] == '\'') &&
        rest.ptr[rest.len - 1] == rest.ptr[0])
        rest = fx_slice_cut(rest, 1, rest.len - 2);
    return fx_slice_equal_text(word, section->word) && fx_slice_equal_text(rest, section->name);
}

/* What is looked for: a key of a section, or with outer the key indented below it. */
struct wanted {
    const struct section *section;
    const char *outer, *key; /* key NULL: the section itself */
};

static bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

/* The value in its last place, as the SDKs read repeated keys. */
static bool find(struct fx_slice text, const struct wanted *wanted, struct fx_slice *ret_value) {
    struct fx_slice raw, line, name, value;
    bool inside = false, below = false, found = false;

    while (text.len > 0) {
        fx_slice_split(text, '\n', &raw, &text);
        line = fx_slice_trim(raw);
        if (line.len == 0 || line.ptr[0] == '#' || line.ptr[0] == ';')
            continue;
        bool indented = is_blank(raw.ptr[0]);
        if (!indented && line.ptr[0] == '[') {
            inside = opens(line, wanted->section);
            found |= inside && wanted->key == NULL;
            below = false;
            continue;
        }
        if (!inside || wanted->key == NULL || !fx_slice_split(line, '=', &name, &value))
            continue;
        name = fx_slice_trim(name);
        if (!indented)
            below = wanted->outer != NULL && fx_slice_equal_text(name, wanted->outer);
        /* An indented line belongs to the key before it. */
        if (indented != (wanted->outer != NULL) || (indented && !below) ||
            !fx_slice_equal_text(name, wanted->key))
            continue;
        *ret_value = fx_slice_trim(value);
        found = true;
    }
    return found;
}

/* In the config file every profile but the default one says that it is a profile. */
static bool find_in_profile(const struct aws_files *files, bool credentials, const char *profile,
                            const char *key, struct fx_slice *ret_value) {
    const struct section bare = {NULL, profile}, worded = {"profile", profile};
    const struct wanted in_bare = {&bare, NULL, key}, in_worded = {&worded, NULL, key};

    if (credentials)
        return find(files->credentials, &in_bare, ret_value);
    if (find(files->config, &in_worded, ret_value))
        return true;
    return strcmp(profile, "default") == 0 && find(files->config, &in_bare, ret_value);
}

bool aws_files_have(struct fx_scope *sc, const struct aws_files *files, const char *profile) {
    struct fx_slice ignored;

    (void)sc;
    return find_in_profile(files, true, profile, NULL, &ignored) ||
           find_in_profile(files, false, profile, NULL, &ignored);
}

const char *aws_files_get_from(struct fx_scope *sc, const struct aws_files *files, bool credentials,
                               const char *profile, const char *key) {
    struct fx_slice value = {0};

    if (!find_in_profile(files, credentials, profile, key, &value) || value.len == 0)
        return NULL;
    return fx_slice_dup(sc, value);
}

const char *aws_files_get(struct fx_scope *sc, const struct aws_files *files, const char *profile,
                          const char *key) {
    const char *value = aws_files_get_from(sc, files, true, profile, key);

    return value != NULL ? value : aws_files_get_from(sc, files, false, profile, key);
}

const char *aws_files_endpoint(struct fx_scope *sc, const struct aws_files *files,
                               const char *profile, const char *service_id) {
    const char *services = aws_files_get_from(sc, files, false, profile, "services");
    char *outer = fx_strdup(sc, service_id); /* "cloudwatch_logs" */
    struct fx_slice value = {0};

    for (char *p = outer; *p != '\0'; p++)
        *p = (char)tolower((unsigned char)*p);
    if (services != NULL) {
        const struct section section = {"services", services};
        const struct wanted wanted = {&section, outer, "endpoint_url"};
        if (find(files->config, &wanted, &value) && value.len > 0)
            return fx_slice_dup(sc, value);
    }
    return aws_files_get_from(sc, files, false, profile, "endpoint_url");
}
