/* Which names are watched, and where their shadow is. */
#define _GNU_SOURCE
#include "powercut.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *folder;
static const char *shadow;

__attribute__((constructor)) static void begin(void)
{
    shadow = getenv("POWERCUT_SHADOW");
    folder = shadow ? getenv("POWERCUT_DIR") : NULL;
}

void fail(const char *what)
{
    fprintf(stderr, "powercut: %s: %s\n", what, strerror(errno));
    abort();
}

bool watching(void)
{
    return folder != NULL;
}

const char *below(const char *path)
{
    size_t length = folder ? strlen(folder) : 0;
    size_t end = strlen(path);

    if (length == 0 || strncmp(path, folder, length) != 0)
        return NULL;
    if (path[length] != '/' && path[length] != '\0')
        return NULL;
    if (end > 4 && strcmp(path + end - 4, "-shm") == 0)
        return NULL;
    return path[length] ? path + length + 1 : path + length;
}

bool path_of(int fd, char path[PATH_MAX])
{
    char link[64];
    ssize_t size;

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    size = readlink(link, path, PATH_MAX - 1);
    if (size < 0)
        return false;
    path[size] = '\0';
    return true;
}

char *watched_name(int at, const char *name)
{
    char joined[2 * PATH_MAX], base[PATH_MAX] = ".", parent[PATH_MAX], path[2 * PATH_MAX];
    const char *relative;
    char *slash;

    if (!folder || (name[0] != '/' && at != AT_FDCWD && !path_of(at, base)))
        return NULL;
    snprintf(joined, sizeof joined, "%s%s%s", name[0] == '/' ? "" : base, name[0] == '/' ? "" : "/", name);
    slash = strrchr(joined, '/');
    *slash = '\0';
    if (!realpath(slash == joined ? "/" : joined, parent))
        return NULL;
    snprintf(path, sizeof path, "%s/%s", parent, slash + 1);
    relative = below(path);
    return relative && *relative ? strdup(relative) : NULL;
}

void shadow_path(const char *relative, char path[PATH_MAX])
{
    if (snprintf(path, PATH_MAX, "%s/%s", shadow, relative) >= PATH_MAX)
        fail("path too long");
}

void make_parents(char *path)
{
    for (char *slash = strchr(path + strlen(shadow) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(path, 0700) != 0 && errno != EEXIST)
            fail("mkdir in the shadow");
        *slash = '/';
    }
}
