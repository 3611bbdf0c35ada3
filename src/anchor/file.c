/* file.c - the file of anchors: its newest one, and one more behind it. */
#include "fluxabot/anchor.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* The newest anchor stands among the last bytes, however long the file has become. */
enum { TAIL_BYTES = 8 * FX_ANCHOR_MAX_LINE_BYTES, FILE_MODE = 0640 };

static void close_fd(int *fd) {
    if (*fd >= 0)
        close(*fd);
}

static enum fx_code fail_at(const char *path, const char *doing, struct fx_error *err) {
    return fx_fail(err, FX_ERR_UNAVAILABLE, "the anchor file %s cannot be %s: %s", path, doing,
                   strerror(errno));
}

/* ---- reading its end ---- */

struct tail {
    struct fx_slice bytes;
    off_t size; /* of the file */
};

static enum fx_code read_tail(struct fx_scope *sc, int fd, const char *path, struct tail *ret_tail,
                              struct fx_error *err) {
    struct stat st;

    if (fstat(fd, &st) != 0)
        return fail_at(path, "read", err);
    if (!S_ISREG(st.st_mode))
        return fx_fail(err, FX_ERR_UNAVAILABLE, "%s is no file: name one in audit.anchor.file",
                       path);
    size_t length = st.st_size < TAIL_BYTES ? (size_t)st.st_size : TAIL_BYTES, done = 0;
    char *bytes = fx_alloc(sc, length + 1);

    while (done < length) {
        ssize_t got =
            pread(fd, bytes + done, length - done, st.st_size - (off_t)length + (off_t)done);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail_at(path, "read", err);
        if (got == 0)
            break; /* cut meanwhile */
        done += (size_t)got;
    }
    *ret_tail = (struct tail){.bytes = {bytes, done}, .size = st.st_size};
    return FX_OK;
}

/* Where the last line begins that ends before `end`. */
static size_t line_start(struct fx_slice s, size_t end) {
    while (end > 0 && s.ptr[end - 1] != '\n')
        end--;
    return end;
}

/* Goes back over lines that are no anchors or forged: they must not hide the one before them. A
 * foreign key's cannot be judged here and counts. */
static struct fx_anchor *newest_in(struct fx_scope *sc, struct fx_slice tail,
                                   const struct fx_sign_key *key) {
    size_t end = tail.len;

    while (end > 0) {
        size_t start = line_start(tail, end);
        struct fx_anchor *anchor = NULL;
        struct fx_error ignored;

        if (fx_anchor_parse(sc, fx_slice_cut(tail, start, end - start), &anchor, &ignored) ==
                FX_OK &&
            (strcmp(anchor->key, fx_sign_key_id(key)) != 0 ||
             fx_anchor_is_signed_by(sc, anchor, key)))
            return anchor;
        end = start > 0 ? start - 1 : 0;
    }
    return NULL;
}

enum fx_code fx_anchor_newest(struct fx_scope *sc, const char *path, const struct fx_sign_key *key,
                              struct fx_anchor **ret_anchor, struct fx_error *err) {
    FX_CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct tail tail = {0};

    *ret_anchor = NULL;
    if (fd < 0)
        return errno == ENOENT ? FX_OK : fail_at(path, "read", err);
    FX_TRY(read_tail(sc, fd, path, &tail, err));
    *ret_anchor = newest_in(sc, tail.bytes, key);
    return FX_OK;
}

/* ---- adding to it ---- */

static enum fx_code sync_directory(struct fx_scope *sc, const char *path, struct fx_error *err) {
    const char *slash = strrchr(path, '/');
    const char *directory = slash == NULL ? "."
                            : slash == path
                                ? "/"
                                : fx_slice_dup(sc, (struct fx_slice){path, (size_t)(slash - path)});
    FX_CLEANUP(close_fd) int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return fd >= 0 && fsync(fd) == 0 ? FX_OK : fail_at(path, "made durable", err);
}

/* What a dead process or a full disk left without an end was never an anchor. An anchor that only
 * lost its newline, as in an editor, gets it back. */
static enum fx_code mend_end(int fd, const char *path, const struct tail *tail,
                             const struct fx_anchor *newest, bool *ret_newline, off_t *ret_end,
                             struct fx_error *err) {
    size_t start = line_start(tail->bytes, tail->bytes.len);
    struct fx_slice torn = fx_slice_cut(tail->bytes, start, tail->bytes.len - start);

    *ret_end = tail->size;
    *ret_newline = torn.len > 0 && newest != NULL && fx_slice_equal_text(torn, newest->line);
    if (torn.len == 0 || *ret_newline)
        return FX_OK;
    if (start == 0 && tail->size > (off_t)tail->bytes.len)
        return fx_fail(err, FX_ERR_UNAVAILABLE, "%s is no file of anchors", path);
    *ret_end -= (off_t)torn.len;
    return ftruncate(fd, *ret_end) == 0 ? FX_OK : fail_at(path, "mended", err);
}

static enum fx_code write_line(int fd, const char *path, off_t end, struct fx_slice line,
                               struct fx_error *err) {
    ssize_t written = write(fd, line.ptr, line.len);

    if (written == (ssize_t)line.len)
        return fsync(fd) == 0 ? FX_OK : fail_at(path, "made durable", err);
    if (written >= 0)
        errno = ENOSPC;
    enum fx_code code = fail_at(path, "written", err);

    if (ftruncate(fd, end) != 0)
        return code; /* the next one cuts it off */
    return code;
}

static enum fx_code check_order(const struct fx_anchor *newest, const struct fx_anchor *given,
                                struct fx_error *err) {
    if (newest == NULL || (given->reason != NULL && given->reason[0] != '\0'))
        return FX_OK;
    if (newest->n > given->n || (newest->n == given->n && strcmp(newest->hash, given->hash) != 0))
        return fx_fail(err, FX_ERR_CONFLICT,
                       "the newest anchor vouches for row %lld, which row %lld does not follow",
                       (long long)newest->n, (long long)given->n);
    return FX_OK;
}

enum fx_code fx_anchor_append(struct fx_scope *sc, const char *path, const struct fx_sign_key *key,
                              const struct fx_anchor *given, struct fx_anchor **ret_anchor,
                              struct fx_error *err) {
    FX_CLEANUP(close_fd)
    int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, FILE_MODE);
    struct fx_anchor next = *given;
    struct tail tail = {0};
    bool newline = false;
    off_t end = 0;

    if (fd < 0)
        return fail_at(path, "opened", err);
    if (flock(fd, LOCK_EX) != 0) /* held for one line only; closing lets go of it */
        return fail_at(path, "locked", err);
    FX_TRY(read_tail(sc, fd, path, &tail, err));
    const struct fx_anchor *newest = newest_in(sc, tail.bytes, key);

    FX_TRY(check_order(newest, given, err));
    FX_TRY(mend_end(fd, path, &tail, newest, &newline, &end, err));
    next.previous = newest == NULL ? fx_anchor_first : newest->digest;
    struct fx_anchor *anchor = fx_anchor_make(sc, key, &next);

    const char *text = fx_printf(sc, "%s%s\n", newline ? "\n" : "", anchor->line);

    FX_TRY(write_line(fd, path, end, fx_slice_of(text), err));
    if (end == 0)
        FX_TRY(sync_directory(sc, path, err));
    *ret_anchor = anchor;
    return FX_OK;
}
