/* The C library's functions that change files, each doing its system call and then telling the shadow. */
#define _GNU_SOURCE
#include "powercut.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

_Static_assert(sizeof(long) == 8, "offsets are passed to the kernel in one register");

/* `offset` is negative when the write went to the descriptor's own position. */
static ssize_t wrote(int fd, ssize_t size, off_t offset)
{
    int error = errno;
    off_t start = offset;

    if (size > 0 && watching()) {
        if (offset < 0)
            start = lseek(fd, 0, SEEK_CUR) - size;
        if (start >= 0) /* else a pipe or a socket */
            file_written(fd, start, start + size);
    }
    return errno = error, size;
}

static int cut(int fd, int result, off_t length)
{
    int error = errno;

    if (result == 0 && watching())
        file_cut(fd, length);
    return errno = error, result;
}

static int open_at(int at, const char *name, int flags, mode_t mode)
{
    int fd = (int)syscall(SYS_openat, at, name, flags, mode);

    /* Watching from here on puts the file's creation at its place in the journal. */
    if (fd >= 0 && (flags & (O_CREAT | O_TRUNC)))
        cut(fd, 0, flags & O_TRUNC ? 0 : LONG_MAX);
    return fd;
}

#define MODE_ARGUMENT(flags, mode)                     \
    mode_t mode = 0;                                   \
    if ((flags) & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))) { \
        va_list rest;                                  \
        va_start(rest, flags);                         \
        mode = va_arg(rest, mode_t);                   \
        va_end(rest);                                  \
    }

int open(const char *name, int flags, ...)
{
    MODE_ARGUMENT(flags, mode)
    return open_at(AT_FDCWD, name, flags, mode);
}

int openat(int at, const char *name, int flags, ...)
{
    MODE_ARGUMENT(flags, mode)
    return open_at(at, name, flags, mode);
}

int creat(const char *name, mode_t mode)
{
    return open_at(AT_FDCWD, name, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

ssize_t write(int fd, const void *bytes, size_t size)
{
    return wrote(fd, syscall(SYS_write, fd, bytes, size), -1);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    return wrote(fd, syscall(SYS_writev, fd, parts, count), -1);
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
    return wrote(fd, syscall(SYS_pwrite64, fd, bytes, size, offset), offset);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset)
{
    return wrote(fd, syscall(SYS_pwritev, fd, parts, count, offset, 0L), offset);
}

int ftruncate(int fd, off_t length)
{
    return cut(fd, (int)syscall(SYS_ftruncate, fd, length), length);
}

/* POWERCUT_AT_SYNC=n: the power goes in the n-th sync, before anything of it has become durable. A test that
 * counts n up from 1 cuts at every moment that can make a difference, and needs no luck. */
static void cut_at_sync(void)
{
    static atomic_long count;
    const char *last = getenv("POWERCUT_AT_SYNC");

    if (last && atomic_fetch_add(&count, 1) + 1 == atol(last))
        raise(SIGKILL);
}

static int synced(int fd, int result)
{
    int error = errno;

    if (watching())
        cut_at_sync();
    if (result == 0 && watching())
        file_synced(fd);
    return errno = error, result;
}

int fsync(int fd)
{
    return synced(fd, (int)syscall(SYS_fsync, fd));
}

int fdatasync(int fd)
{
    return synced(fd, (int)syscall(SYS_fdatasync, fd));
}

int unlinkat(int at, const char *name, int flags)
{
    char *watched = flags & AT_REMOVEDIR ? NULL : watched_name(at, name);
    struct stat gone;
    bool known = watched && fstatat(at, name, &gone, AT_SYMLINK_NOFOLLOW) == 0;
    int result = (int)syscall(SYS_unlinkat, at, name, flags);

    if (result != 0 || !known)
        return free(watched), result;
    name_removed(watched, &gone);
    return 0;
}

int unlink(const char *name)
{
    return unlinkat(AT_FDCWD, name, 0);
}

/* Two links of one file: the kernel leaves both in place. */
static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev;
}

int renameat(int from_at, const char *from, int to_at, const char *to)
{
    char *old = watched_name(from_at, from), *new = watched_name(to_at, to);
    struct stat moved, replaced;
    bool known = old && fstatat(from_at, from, &moved, AT_SYMLINK_NOFOLLOW) == 0;
    bool over = fstatat(to_at, to, &replaced, AT_SYMLINK_NOFOLLOW) == 0;
    int result = (int)syscall(SYS_renameat2, from_at, from, to_at, to, 0);

    if (result != 0 || !known || (over && same_file(&moved, &replaced)))
        return free(old), free(new), result;
    name_moved(old, new, over ? &replaced : NULL);
    return 0;
}

int rename(const char *from, const char *to)
{
    return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

/* On 64-bit Linux the large-file names are the same functions. */
int open64(const char *name, int flags, ...) __attribute__((alias("open")));
int openat64(int at, const char *name, int flags, ...) __attribute__((alias("openat")));
int creat64(const char *name, mode_t mode) __attribute__((alias("creat")));
ssize_t pwrite64(int fd, const void *bytes, size_t size, off_t offset) __attribute__((alias("pwrite")));
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off_t offset) __attribute__((alias("pwritev")));
int ftruncate64(int fd, off_t length) __attribute__((alias("ftruncate")));
