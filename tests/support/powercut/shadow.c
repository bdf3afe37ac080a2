/* A modelled power cut: what would be on the disk if the machine lost power now?
 *
 * Preloaded into a process, this library keeps a shadow of one folder that holds only what the process
 * made durable: bytes reach the shadow when their file is synced, names when their directory is. Kill the
 * process with SIGKILL at any moment and the shadow is the folder as the next boot would find it. A plain
 * kill cannot show this: the page cache survives the process, so writes that were never synced do too.
 *
 *   POWERCUT_DIR     the folder to watch: absolute, no symbolic links
 *   POWERCUT_SHADOW  its shadow: holds the same files when the process starts (they count as durable)
 *   POWERCUT_AT_SYNC the process kills itself in its n-th sync; unset or 0: it waits to be killed
 *
 * The model, stricter than most file systems:
 * - fsync or fdatasync of a file makes its bytes, its length and the creation of its name durable;
 * - creations, renames and removals are one ordered journal: a synced file commits it up to that file's
 *   creation, a synced directory commits all of it;
 * - a kill in the middle of a sync leaves some of its pages in the shadow, as a real cut would.
 *
 * Not modelled, and so never durable: sync(2), syncfs, O_SYNC, writes through mmap, hard links, names moved
 * in from outside. SQLite's -shm file is left out: it is memory, rebuilt from the WAL at the next open.
 */
#define _GNU_SOURCE
#include "powercut.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

enum { PAGE = 4096 };

/* One watched file, found by inode: descriptors may be duplicated, closed and reused behind our back. */
typedef struct file {
    struct file *next;
    dev_t device;
    ino_t inode;
    int source; /* reads the real bytes: the caller's own descriptor may be write-only */
    int kept;   /* the copy in the shadow; -1 until the file's creation is durable */
    bool gone;  /* removed while its creation is still in the journal */
    off_t intact;         /* bytes at the start that the shadow holds, but for the dirty pages */
    unsigned char *dirty; /* one flag a page, below `intact` */
    size_t pages;
} file;

/* One name made, moved or removed, not durable yet. */
typedef struct change {
    struct change *next;
    enum { CREATE, RENAME, UNLINK } kind;
    file *made;
    char *from; /* paths relative to the folder */
    char *to;
} change;

static file *files;
static change *journal;
static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;

/* ---- the journal of names ---- */

static void record(int kind, file *made, char *from, char *to)
{
    change **last = &journal;
    change *added = malloc(sizeof *added);

    if (!added)
        fail("malloc");
    *added = (change){.kind = kind, .made = made, .from = from, .to = to};
    while (*last)
        last = &(*last)->next;
    *last = added;
}

static bool journal_names(const char *relative)
{
    for (change *c = journal; c; c = c->next)
        if (strcmp(c->from, relative) == 0 || (c->to && strcmp(c->to, relative) == 0))
            return true;
    return false;
}

static int shadow_open(const char *relative, int flags)
{
    char path[PATH_MAX];

    shadow_path(relative, path);
    if (flags & O_CREAT)
        make_parents(path);
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags | O_RDWR | O_CLOEXEC, 0600);
}

static void apply_create(const change *c)
{
    int kept = shadow_open(c->from, O_CREAT);

    if (kept < 0)
        fail("create in the shadow");
    c->made->kept = kept;
    if (c->made->gone) {
        close(kept);
        free(c->made);
    }
}

static void apply_rename(const change *c)
{
    char from[PATH_MAX], to[PATH_MAX];

    shadow_path(c->from, from);
    shadow_path(c->to, to);
    make_parents(to);
    if (syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0) != 0 && errno != ENOENT)
        fail("rename in the shadow");
}

static void apply_unlink(const change *c)
{
    char path[PATH_MAX];

    shadow_path(c->from, path);
    if (syscall(SYS_unlinkat, AT_FDCWD, path, 0) != 0 && errno != ENOENT)
        fail("unlink in the shadow");
}

/* Make names durable in their order, up to the creation of `until`; NULL: all of them. */
static void commit_names(const file *until)
{
    static void (*const apply[])(const change *) = {apply_create, apply_rename, apply_unlink};
    bool reached = false;

    while (journal && !reached) {
        change *c = journal;
        journal = c->next;
        reached = until && c->made == until;
        apply[c->kind](c);
        free(c->from);
        free(c->to);
        free(c);
    }
}

/* ---- watched files ---- */

/* Nothing is `intact` yet: another process may have left unsynced bytes, which the first sync makes durable. */
static file *adopt(int fd, const struct stat *st, const char *relative)
{
    char link[64];
    file *f = calloc(1, sizeof *f);

    if (!f)
        fail("calloc");
    f->device = st->st_dev;
    f->inode = st->st_ino;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    f->source = (int)syscall(SYS_openat, AT_FDCWD, link, O_RDONLY | O_CLOEXEC);
    if (f->source < 0)
        fail("open for reading");
    f->kept = journal_names(relative) ? -1 : shadow_open(relative, 0);
    if (f->kept < 0)
        record(CREATE, f, strdup(relative), NULL);
    f->next = files;
    files = f;
    return f;
}

/* The watched file behind a descriptor, or NULL. Call with the guard held. */
static file *watched_file(int fd, const struct stat *st)
{
    char path[PATH_MAX];
    const char *relative;

    for (file *f = files; f; f = f->next)
        if (f->inode == st->st_ino && f->device == st->st_dev)
            return f;
    if (st->st_nlink == 0 || !path_of(fd, path))
        return NULL;
    relative = below(path);
    return relative ? adopt(fd, st, relative) : NULL;
}

/* Drop a removed file, before its inode number is used again. `source` was kept open until now because
 * closing any descriptor of a file releases the process's POSIX locks on it: SQLite's would be lost. */
static void forget(const struct stat *st)
{
    for (file **link = &files; *link; link = &(*link)->next) {
        file *f = *link;
        if (f->inode != st->st_ino || f->device != st->st_dev)
            continue;
        *link = f->next;
        close(f->source);
        free(f->dirty);
        f->gone = true;
        if (f->kept >= 0) { /* otherwise its creation, still in the journal, frees it */
            close(f->kept);
            free(f);
        }
        return;
    }
}

static void mark_dirty(file *f, off_t start, off_t end)
{
    size_t last = (size_t)((end + PAGE - 1) / PAGE);

    if (last > f->pages) {
        f->dirty = realloc(f->dirty, last);
        if (!f->dirty)
            fail("realloc");
        memset(f->dirty + f->pages, 0, last - f->pages);
        f->pages = last;
    }
    memset(f->dirty + start / PAGE, 1, last - (size_t)(start / PAGE));
}

static void copy_page(const file *f, off_t offset)
{
    char page[PAGE];
    ssize_t size = pread(f->source, page, PAGE, offset);

    if (size > 0 && syscall(SYS_pwrite64, f->kept, page, (size_t)size, offset) != size)
        fail("write to the shadow");
}

/* Bring the shadow's copy up to the file. The length comes last: a kill before it leaves old bytes behind
 * the end, as a cut in the middle of a sync may, but never less than was durable before. */
static void copy_changes(file *f)
{
    struct stat st;
    off_t intact = f->intact;

    if (fstat(f->source, &st) != 0)
        fail("fstat");
    for (off_t at = 0; at < st.st_size; at += PAGE)
        if (at + PAGE > intact || ((size_t)(at / PAGE) < f->pages && f->dirty[at / PAGE]))
            copy_page(f, at);
    if (syscall(SYS_ftruncate, f->kept, st.st_size) != 0)
        fail("ftruncate in the shadow");
    if (f->dirty)
        memset(f->dirty, 0, f->pages);
    f->intact = st.st_size;
}

/* ---- what happened to a file ---- */

/* Take the guard and find the watched file behind a descriptor, or NULL. */
static file *lock_file(int fd)
{
    struct stat st;
    bool regular = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);

    /* Sockets and pipes are told apart before the guard is touched: a child between fork and exec writes
     * to one, and the guard may have been held by another thread when it was forked. */
    if (!regular)
        return NULL;
    pthread_mutex_lock(&guard);
    file *f = watched_file(fd, &st);
    if (!f)
        pthread_mutex_unlock(&guard);
    return f;
}

/* Pages are marked after the write: marked before, a sync in another thread could copy the old page, clear
 * the mark, and the bytes would never reach the shadow. */
void file_written(int fd, off_t start, off_t end)
{
    file *f = lock_file(fd);

    if (!f)
        return;
    mark_dirty(f, start, end);
    pthread_mutex_unlock(&guard);
}

void file_cut(int fd, off_t length)
{
    file *f = lock_file(fd);

    if (!f)
        return;
    if (length < f->intact)
        f->intact = length;
    pthread_mutex_unlock(&guard);
}

static void directory_synced(int fd)
{
    char path[PATH_MAX];

    pthread_mutex_lock(&guard);
    if (path_of(fd, path) && below(path))
        commit_names(NULL);
    pthread_mutex_unlock(&guard);
}

void file_synced(int fd)
{
    struct stat st;
    file *f = lock_file(fd);

    if (f) {
        if (f->kept < 0)
            commit_names(f);
        copy_changes(f);
        pthread_mutex_unlock(&guard);
    } else if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
        directory_synced(fd);
    }
}

void name_removed(char *name, const struct stat *gone)
{
    pthread_mutex_lock(&guard);
    record(UNLINK, NULL, name, NULL);
    forget(gone);
    pthread_mutex_unlock(&guard);
}

void name_moved(char *from, char *to, const struct stat *replaced)
{
    pthread_mutex_lock(&guard);
    record(to ? RENAME : UNLINK, NULL, from, to);
    if (replaced)
        forget(replaced);
    pthread_mutex_unlock(&guard);
}
