/* The modelled power cut in three parts: intercept.c catches the calls, shadow.c keeps what they made
 * durable (its head says what the model promises), paths.c knows the watched folder and its shadow. */
#pragma once
#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

/* Hidden, so that none of these names can meet one of the process's own. */
#pragma GCC visibility push(hidden)

/* ---- paths.c ---- */

/* True when a folder is watched: without one every call passes straight through. */
bool watching(void);

/* The name below the watched folder that (at, name) stands for, to be freed, or NULL. Only the parent is
 * resolved: renames and removals act on a link, never on what it points to. */
char *watched_name(int at, const char *name);

/* The part of a canonical path below the folder, or NULL when it is not watched. */
const char *below(const char *path);

/* The canonical path of an open descriptor into `path`; false when it has none. */
bool path_of(int fd, char path[PATH_MAX]);

/* The path in the shadow of a name below the folder. */
void shadow_path(const char *relative, char path[PATH_MAX]);

/* Folders inside the watched one count as durable at once: only files are modelled. */
void make_parents(char *path);

/* The model is broken, so the test's verdict would be too: stop the process where it stands. */
void fail(const char *what);

/* ---- shadow.c ---- */

/* The bytes from `start` to `end` of this descriptor's file were written. */
void file_written(int fd, off_t start, off_t end);

/* The file was opened, or cut to `length` bytes. */
void file_cut(int fd, off_t length);

/* The file or directory was synced: what it holds is durable from now on. */
void file_synced(int fd);

/* A name was removed; `gone` is the file it stood for. Takes over `name`. */
void name_removed(char *name, const struct stat *gone);

/* A name was moved over `replaced` (NULL: nothing was there); `to` NULL: out of the folder. Takes over both. */
void name_moved(char *from, char *to, const struct stat *replaced);

#pragma GCC visibility pop
