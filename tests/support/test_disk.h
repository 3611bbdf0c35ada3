/* test_disk.h - a SQLite VFS between the store and the real disk: counts syncs, fails on demand,
 * and remembers what a power cut would leave.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum test_disk_fault { DISK_WORKS, DISK_SYNC_FAILS, DISK_FULL };

struct test_disk {
    _Atomic int fault;         /* an enum test_disk_fault */
    _Atomic int64_t log_syncs; /* of the write-ahead log */
    _Atomic int64_t log_writes;
    _Atomic int64_t passes;    /* that were begun, to bring the log into the file */
    _Atomic unsigned sync_us;  /* a sync of the log takes at least this long */
    _Atomic bool keeps_synced; /* at each sync FILE is copied to FILE-synced */
    _Atomic bool holds_file;   /* what writes to the database's own file, not its log, waits */
    _Atomic int held;          /* how many have had to wait for that */
};

/* The default VFS of this process from now on. One per process, because SQLite's list is. */
struct test_disk *test_disk_install(void);
void test_disk_reset(struct test_disk *disk);

/* Where tests put their files: in memory if the machine offers that, because kill -9 spares the
 * page cache anyway and a sync is then free. */
const char *test_disk_directory(void);

/* Makes the database at path and its log what they were at their last syncs. */
void test_disk_cut_power(const char *path);
