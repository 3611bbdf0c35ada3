/* audit_key.c - the key that signs the heads of the audit log: found, made at the first start, and
 * its public half printed. */
#include "private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { KEY_MODE = 0600 };

const char *app_sqlite_path(const char *store_url) {
    static const char scheme[] = "sqlite:";

    if (strncmp(store_url, scheme, sizeof scheme - 1) != 0)
        return NULL;
    const char *path = store_url + sizeof scheme - 1;

    return strncmp(path, "//", 2) == 0 ? path + 2 : path;
}

/* ---- finding ---- */

static enum fx_code read_key(struct fx_scope *sc, const char *path, struct fx_sign_key **ret_key,
                             struct fx_error *err) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *text_sc = fx_scope_new(NULL);
    const char *text = app_read_file(text_sc, path, err);

    if (text == NULL)
        return err->code;
    enum fx_code code = fx_sign_key_private(sc, fx_slice_of(text), ret_key, err);

    explicit_bzero((void *)(uintptr_t)text, strlen(text));
    return code == FX_OK ? code : fx_fail_in(err, "%s", path);
}

/* ---- making ---- */

static void close_fd(int *fd) {
    if (*fd >= 0)
        close(*fd);
}

static enum fx_code fail_at(const char *path, struct fx_error *err) {
    return fx_fail(err, FX_ERR_UNAVAILABLE, "the key %s cannot be made: %s", path, strerror(errno));
}

static enum fx_code write_durably(const char *path, struct fx_slice text, struct fx_error *err) {
    FX_CLEANUP(close_fd) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, KEY_MODE);

    if (fd < 0)
        return fail_at(path, err);
    errno = ENOSPC; /* what a short write means */
    if (write(fd, text.ptr, text.len) != (ssize_t)text.len || fsync(fd) != 0)
        return fail_at(path, err);
    return FX_OK;
}

static enum fx_code sync_directory_of(struct fx_scope *sc, const char *path, struct fx_error *err) {
    const char *slash = strrchr(path, '/');
    const char *directory =
        slash == NULL
            ? "."
            : fx_slice_dup(sc, (struct fx_slice){path, (size_t)(slash - path) + (slash == path)});
    FX_CLEANUP(close_fd) int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return fd >= 0 && fsync(fd) == 0 ? FX_OK : fail_at(path, err);
}

/* Whole or not at all: under another name first, then linked, which never replaces a key. */
static enum fx_code make_key(struct fx_scope *sc, const char *path, struct fx_sign_key **ret_key,
                             struct fx_error *err) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *text_sc = fx_scope_new(NULL);
    const char *draft = fx_printf(text_sc, "%s.new", path);
    char *pem = NULL;

    (void)fx_sign_key_new(text_sc, &pem);
    unlink(draft); /* of a process that died here; the store's lock keeps others out */
    enum fx_code code = write_durably(draft, fx_slice_of(pem), err);

    if (code == FX_OK && link(draft, path) != 0)
        code = fail_at(path, err);
    unlink(draft);
    FX_TRY(code);
    FX_TRY(sync_directory_of(text_sc, path, err));
    return fx_sign_key_private(sc, fx_slice_of(pem), ret_key, err);
}

enum fx_code app_audit_key(struct fx_scope *sc, const struct app_config *config, bool create,
                           struct fx_sign_key **ret_key, bool *ret_made, struct fx_error *err) {
    const char *path = config->audit_key_file;

    if (path == NULL)
        return fx_fail(err, FX_ERR_NOT_FOUND, "audit.key.file names no key");
    bool is_there = access(path, F_OK) == 0;

    if (is_there)
        return read_key(sc, path, ret_key, err);
    if (config->audit_key_is_given)
        return fx_fail(err, FX_ERR_NOT_FOUND,
                       "audit.key.file: %s cannot be read (%s); openssl genpkey -algorithm ed25519 "
                       "-out %s makes one",
                       path, strerror(errno), path);
    if (!create)
        return fx_fail(err, FX_ERR_NOT_FOUND,
                       "there is no key %s yet: fluxabot serve makes it when it first starts",
                       path);
    FX_TRY(make_key(sc, path, ret_key, err));
    if (ret_made != NULL)
        *ret_made = true;
    return FX_OK;
}

/* ---- printing ---- */

int app_audit_key_show(const struct app_arguments *arguments) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct app_findings findings = {.sc = sc};
    struct app_config *config = NULL;
    struct fx_sign_key *key = NULL;
    struct fx_error err = {0};
    enum fx_code code = app_config_load(sc, arguments->config, &config, &findings, &err);

    if (code == FX_OK)
        code = app_audit_key(sc, config, false, &key, NULL, &err);
    app_print_findings(&findings);
    if (code != FX_OK) {
        if (findings.count == 0)
            fprintf(stderr, "%s\n", err.message);
        return EXIT_FINDINGS;
    }
    printf("# fluxabot audit key %s\n%s", fx_sign_key_id(key), fx_sign_key_pem(sc, key));
    return EXIT_GOOD;
}
