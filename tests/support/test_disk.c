/* test_disk.c - see test_disk.h. */
#include "support/test_disk.h"

#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NAME_MAX_BYTES = 256 };

static struct {
    struct test_disk disk;
    sqlite3_vfs vfs;
    sqlite3_vfs *real;
} installed;

/* The real VFS's struct lies behind this one, in the same allocation. */
struct disk_file {
    sqlite3_file base;
    bool log;
    char name[NAME_MAX_BYTES]; /* "" for files that nobody misses after a power cut */
};

static sqlite3_file *real_of(sqlite3_file *file) {
    return (sqlite3_file *)(void *)((struct disk_file *)file + 1);
}

static const sqlite3_io_methods *methods_of(sqlite3_file *file) {
    return real_of(file)->pMethods;
}

/* ---- copies ---- */

/* Whole or not at all: whoever stops us in the middle must not find half a copy. */
static void copy_file(const char *from, const char *to) {
    char block[32768];
    char half[NAME_MAX_BYTES + 16];
    ssize_t n = 0;

    snprintf(half, sizeof(half), "%s-half", to);
    int in = open(from, O_RDONLY | O_CLOEXEC);
    int out = open(half, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (in < 0 || out < 0)
        abort();
    while ((n = read(in, block, sizeof(block))) > 0)
        if (write(out, block, (size_t)n) != n)
            abort();
    close(in);
    close(out);
    if (rename(half, to) != 0)
        abort();
}

/* A checkpoint and whoever waits for his commit may sync the log at once: what is copied first must
 * not replace what is copied last. */
static void keep_synced(const char *name) {
    static pthread_mutex_t one_copies = PTHREAD_MUTEX_INITIALIZER;
    char to[NAME_MAX_BYTES + 8];

    snprintf(to, sizeof(to), "%s-synced", name);
    pthread_mutex_lock(&one_copies);
    copy_file(name, to);
    pthread_mutex_unlock(&one_copies);
}

void test_disk_cut_power(const char *path) {
    static const char *const files[] = {"", "-wal"};
    char name[NAME_MAX_BYTES];
    char synced[NAME_MAX_BYTES + 8];

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        snprintf(name, sizeof(name), "%s%s", path, files[i]);
        snprintf(synced, sizeof(synced), "%s-synced", name);
        unlink(name);
        if (access(synced, F_OK) == 0)
            copy_file(synced, name);
    }
    snprintf(name, sizeof(name), "%s-shm", path);
    unlink(name);
}

/* ---- the methods that do more than pass on ---- */

static void wait_while_held(void) {
    if (!atomic_load(&installed.disk.holds_file))
        return;
    atomic_fetch_add(&installed.disk.held, 1);
    while (atomic_load(&installed.disk.holds_file))
        usleep(1000);
}

static int disk_write(sqlite3_file *file, const void *from, int n, sqlite3_int64 at) {
    const struct disk_file *self = (struct disk_file *)file;

    if (!self->log && self->name[0] != '\0')
        wait_while_held();
    if (atomic_load(&installed.disk.fault) == DISK_FULL)
        return SQLITE_FULL;
    if (self->log)
        atomic_fetch_add(&installed.disk.log_writes, 1);
    return methods_of(file)->xWrite(real_of(file), from, n, at);
}

static int disk_sync(sqlite3_file *file, int flags) {
    struct disk_file *self = (struct disk_file *)file;

    unsigned sync_us = atomic_load(&installed.disk.sync_us);

    if (self->log && sync_us > 0)
        usleep(sync_us);
    if (atomic_load(&installed.disk.fault) == DISK_SYNC_FAILS)
        return SQLITE_IOERR_FSYNC;
    if (self->log)
        atomic_fetch_add(&installed.disk.log_syncs, 1);
    if (!atomic_load(&installed.disk.keeps_synced) || self->name[0] == '\0')
        return methods_of(file)->xSync(real_of(file), flags);
    keep_synced(self->name); /* stands for the sync, which would only be slower */
    return SQLITE_OK;
}

/* ---- the others ---- */

static int disk_close(sqlite3_file *file) {
    return methods_of(file)->xClose(real_of(file));
}
static int disk_read(sqlite3_file *file, void *to, int n, sqlite3_int64 at) {
    return methods_of(file)->xRead(real_of(file), to, n, at);
}
static int disk_truncate(sqlite3_file *file, sqlite3_int64 size) {
    return methods_of(file)->xTruncate(real_of(file), size);
}
static int disk_size(sqlite3_file *file, sqlite3_int64 *size) {
    return methods_of(file)->xFileSize(real_of(file), size);
}
static int disk_lock(sqlite3_file *file, int level) {
    return methods_of(file)->xLock(real_of(file), level);
}
static int disk_unlock(sqlite3_file *file, int level) {
    return methods_of(file)->xUnlock(real_of(file), level);
}
static int disk_reserved(sqlite3_file *file, int *out) {
    return methods_of(file)->xCheckReservedLock(real_of(file), out);
}
static int disk_control(sqlite3_file *file, int op, void *arg) {
    return methods_of(file)->xFileControl(real_of(file), op, arg);
}
static int disk_sector(sqlite3_file *file) {
    return methods_of(file)->xSectorSize(real_of(file));
}
static int disk_traits(sqlite3_file *file) {
    return methods_of(file)->xDeviceCharacteristics(real_of(file));
}
static int disk_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **map) {
    return methods_of(file)->xShmMap(real_of(file), page, size, extend, map);
}
/* The second lock is that of who brings the log into the file:
 * https://www.sqlite.org/walformat.html#the_wal_index_file_format */
static int disk_shm_lock(sqlite3_file *file, int offset, int n, int flags) {
    if (offset == 1 && n == 1 && flags == (SQLITE_SHM_LOCK | SQLITE_SHM_EXCLUSIVE))
        atomic_fetch_add(&installed.disk.passes, 1);
    return methods_of(file)->xShmLock(real_of(file), offset, n, flags);
}
static void disk_shm_barrier(sqlite3_file *file) {
    methods_of(file)->xShmBarrier(real_of(file));
}
static int disk_shm_unmap(sqlite3_file *file, int remove_it) {
    return methods_of(file)->xShmUnmap(real_of(file), remove_it);
}

static const sqlite3_io_methods disk_methods = {
    .iVersion = 2, /* the version without memory-mapped pages, which would bypass us */
    .xClose = disk_close,
    .xRead = disk_read,
    .xWrite = disk_write,
    .xTruncate = disk_truncate,
    .xSync = disk_sync,
    .xFileSize = disk_size,
    .xLock = disk_lock,
    .xUnlock = disk_unlock,
    .xCheckReservedLock = disk_reserved,
    .xFileControl = disk_control,
    .xSectorSize = disk_sector,
    .xDeviceCharacteristics = disk_traits,
    .xShmMap = disk_shm_map,
    .xShmLock = disk_shm_lock,
    .xShmBarrier = disk_shm_barrier,
    .xShmUnmap = disk_shm_unmap,
};

static int disk_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out) {
    struct disk_file *self = (struct disk_file *)file;

    (void)vfs;
    self->log = (flags & SQLITE_OPEN_WAL) != 0;
    self->name[0] = '\0';
    if ((flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_DB)) != 0)
        snprintf(self->name, sizeof(self->name), "%s", name);
    int rc = installed.real->xOpen(installed.real, name, real_of(file), flags, out);
    self->base.pMethods = rc == SQLITE_OK ? &disk_methods : NULL;
    return rc;
}

struct test_disk *test_disk_install(void) {
    installed.real = sqlite3_vfs_find(NULL);
    installed.vfs = *installed.real;
    installed.vfs.pNext = NULL;
    installed.vfs.zName = "test disk";
    installed.vfs.szOsFile = (int)sizeof(struct disk_file) + installed.real->szOsFile;
    installed.vfs.xOpen = disk_open;
    sqlite3_vfs_register(&installed.vfs, 1);
    return &installed.disk;
}

const char *test_disk_directory(void) {
    return access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp";
}

void test_disk_reset(struct test_disk *disk) {
    atomic_store(&disk->fault, DISK_WORKS);
    atomic_store(&disk->sync_us, 0);
    atomic_store(&disk->keeps_synced, false);
    atomic_store(&disk->holds_file, false);
    atomic_store(&disk->held, 0);
}
