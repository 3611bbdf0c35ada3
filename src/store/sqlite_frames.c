/* sqlite_frames.c - what a commit adds to the write-ahead log goes into the file in one write.
 *
 * SQLite writes two pieces for every page, a header and the page, each with a system call of its
 * own; for the twenty pages of an alarm those are half of what the commit takes. Here they are
 * gathered behind the file system's own methods, and written when the page is there whose header
 * says that the transaction ends: that write is the commit's, and so is its failure. Whatever else
 * is asked of the log comes after what was gathered, and what this file does not recognize is
 * passed on as it is. All other files have the system's methods and nothing else.
 *
 * The format of the log: https://www.sqlite.org/fileformat2.html#the_write_ahead_log
 */
#include "sqlite.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

enum {
    FRAME_HEADER_BYTES = 24,
    FRAME_PAGES_AT = 4, /* of the header: the database's pages behind a commit, else 0 */
    /* Of 4 KiB pages, more than an alarm takes; SQLite's methods write less than 128 KiB at once.
     */
    FRAMES_MAX = 31,
    FRAMES_MAX_BYTES = FRAMES_MAX * (FRAME_HEADER_BYTES + 4096),
};

/* As SQLite knows the files: the system's own, but for opening. */
struct sqlite_frames {
    sqlite3_vfs vfs;
    sqlite3_vfs *real;
    char name[40]; /* of its own, since the program may have several stores */
};

/* The system's file lies behind it, in the same allocation. The connection's lock guards it. */
struct log_file {
    sqlite3_file base;
    uint8_t *frames; /* what was gathered */
    size_t gathered;
    sqlite3_int64 next; /* where in the log the last piece ended; -1: nobody knows */
    bool expects_page;  /* the last piece was a header */
    bool commits;       /* that said that the transaction ends */
};

static struct log_file *log_of(sqlite3_file *file) {
    return FX_CONTAINER_OF(file, struct log_file, base);
}

static sqlite3_file *real_of(sqlite3_file *file) {
    return (sqlite3_file *)(void *)(log_of(file) + 1);
}

static const sqlite3_io_methods *methods_of(sqlite3_file *file) {
    return real_of(file)->pMethods;
}

/* ---- gathering ---- */

static int flush_to(sqlite3_file *file, sqlite3_int64 end) {
    struct log_file *self = log_of(file);
    size_t gathered = self->gathered;

    if (gathered == 0)
        return SQLITE_OK;
    self->gathered = 0;
    int rc = methods_of(file)->xWrite(real_of(file), self->frames, (int)gathered,
                                      end - (sqlite3_int64)gathered);

    if (rc != SQLITE_OK)
        self->next = -1;
    return rc;
}

int sqlite_frames_flush(sqlite3_file *file) {
    return flush_to(file, log_of(file)->next);
}

int sqlite_frames_sync(sqlite3_file *file) {
    return methods_of(file)->xSync(real_of(file), SQLITE_SYNC_NORMAL);
}

static int gather(sqlite3_file *file, const void *from, size_t bytes, sqlite3_int64 at) {
    struct log_file *self = log_of(file);
    int rc = bytes > FRAMES_MAX_BYTES - self->gathered ? flush_to(file, at) : SQLITE_OK;

    if (rc != SQLITE_OK)
        return rc;
    memcpy(self->frames + self->gathered, from, bytes);
    self->gathered += bytes;
    return SQLITE_OK;
}

static int pass_on(sqlite3_file *file, const void *from, int n, sqlite3_int64 at) {
    int rc = sqlite_frames_flush(file);

    return rc != SQLITE_OK ? rc : methods_of(file)->xWrite(real_of(file), from, n, at);
}

static bool ends_transaction(const uint8_t *header) {
    static const uint8_t none[4] = {0};

    return memcmp(header + FRAME_PAGES_AT, none, sizeof(none)) != 0;
}

/* What is not right behind the piece before it is a correction of an earlier frame, or begins
 * anew. */
static int log_write(sqlite3_file *file, const void *from, int n, sqlite3_int64 at) {
    struct log_file *self = log_of(file);
    bool header = n == FRAME_HEADER_BYTES, page = !header && self->expects_page;
    bool goes_on = (header || page) && n <= FRAMES_MAX_BYTES && at == self->next;
    int rc = goes_on ? gather(file, from, (size_t)n, at) : pass_on(file, from, n, at);

    if (header)
        self->commits = ends_transaction(from);
    self->expects_page = header;
    self->next = rc == SQLITE_OK ? at + n : -1;
    return rc == SQLITE_OK && page && self->commits ? sqlite_frames_flush(file) : rc;
}

/* ---- the other methods: behind what was gathered ---- */

static int log_read(sqlite3_file *file, void *to, int n, sqlite3_int64 at) {
    int rc = sqlite_frames_flush(file);

    return rc != SQLITE_OK ? rc : methods_of(file)->xRead(real_of(file), to, n, at);
}

static int log_truncate(sqlite3_file *file, sqlite3_int64 size) {
    int rc = sqlite_frames_flush(file);

    return rc != SQLITE_OK ? rc : methods_of(file)->xTruncate(real_of(file), size);
}

static int log_sync(sqlite3_file *file, int flags) {
    int rc = sqlite_frames_flush(file);

    return rc != SQLITE_OK ? rc : methods_of(file)->xSync(real_of(file), flags);
}

static int log_size(sqlite3_file *file, sqlite3_int64 *size) {
    int rc = sqlite_frames_flush(file);

    return rc != SQLITE_OK ? rc : methods_of(file)->xFileSize(real_of(file), size);
}

/* What is left was not committed. */
static int log_close(sqlite3_file *file) {
    sqlite3_free(log_of(file)->frames);
    return methods_of(file)->xClose(real_of(file));
}

static int log_control(sqlite3_file *file, int op, void *argument) {
    return methods_of(file)->xFileControl(real_of(file), op, argument);
}

static int log_sector(sqlite3_file *file) {
    return methods_of(file)->xSectorSize(real_of(file));
}

static int log_traits(sqlite3_file *file) {
    return methods_of(file)->xDeviceCharacteristics(real_of(file));
}

/* Nobody locks the log itself: that is done in the database's file. */
static const sqlite3_io_methods log_methods = {
    .iVersion = 1,
    .xClose = log_close,
    .xRead = log_read,
    .xWrite = log_write,
    .xTruncate = log_truncate,
    .xSync = log_sync,
    .xFileSize = log_size,
    .xFileControl = log_control,
    .xSectorSize = log_sector,
    .xDeviceCharacteristics = log_traits,
};

/* ---- opening ---- */

static int open_log(sqlite3_vfs *real, const char *name, sqlite3_file *file, int flags,
                    int *ret_flags) {
    struct log_file *self = log_of(file);

    *self = (struct log_file){.next = -1, .frames = sqlite3_malloc(FRAMES_MAX_BYTES)};
    if (self->frames == NULL)
        return SQLITE_NOMEM;
    int rc = real->xOpen(real, name, real_of(file), flags, ret_flags);

    if (rc == SQLITE_OK)
        self->base.pMethods = &log_methods;
    else
        sqlite3_free(self->frames);
    return rc;
}

static int open_file(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                     int *ret_flags) {
    sqlite3_vfs *real = FX_CONTAINER_OF(vfs, struct sqlite_frames, vfs)->real;

    return ((flags & SQLITE_OPEN_WAL) != 0 ? open_log : real->xOpen)(real, name, file, flags,
                                                                     ret_flags);
}

struct sqlite_frames *sqlite_frames_open(struct fx_scope *sc) {
    struct sqlite_frames *self = FX_NEW(sc, struct sqlite_frames);

    self->real = sqlite3_vfs_find(NULL);
    self->vfs = *self->real;
    snprintf(self->name, sizeof(self->name), "fluxabot-%p", (void *)self);
    self->vfs.zName = self->name;
    self->vfs.szOsFile += (int)sizeof(struct log_file);
    self->vfs.xOpen = open_file;
    sqlite3_vfs_register(&self->vfs, 0);
    return self;
}

const char *sqlite_frames_name(const struct sqlite_frames *self) {
    return self->name;
}

void sqlite_frames_close(struct sqlite_frames *self) {
    if (self != NULL)
        sqlite3_vfs_unregister(&self->vfs);
}
