/* Walks through folders that a hostile job has filled: by descriptor, following no link, however deep it is. */
#include "supervisor.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
/* Deeper than any checkout: one descriptor a level is held. */
#define DEPTH 256

static bool dots(const char *name) { return !strcmp(name, ".") || !strcmp(name, ".."); }

/* A private descriptor of a folder, so that closedir leaves the caller's alone and reading begins at the start. */
static DIR *listing(int folder) {
    int fd = openat(folder, ".", FOLDER);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (fd >= 0 && !dir)
        close(fd);
    return dir;
}

static int open_folder(int parent, const char *name) {
    int fd = openat(parent, name, FOLDER);
    struct stat st;
    if (fd < 0 && errno == EACCES && fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode)) {
        fchmodat(parent, name, 0700, 0);
        fd = openat(parent, name, FOLDER);
    }
    if (fd >= 0)
        fchmod(fd, 0700);
    return fd;
}

/* Removes one folder below `top`. Folders inside it are moved up to `top` first, so no depth needs a descriptor a level. */
static int remove_folder(int top, const char *name) {
    static unsigned long moved;
    int fd = open_folder(top, name);
    DIR *dir = fd < 0 ? NULL : listing(fd);
    struct dirent *entry;
    while (dir && (entry = readdir(dir))) {
        if (dots(entry->d_name) || unlinkat(fd, entry->d_name, 0) == 0)
            continue;
        char up[40];
        int tries = 0, inner = open_folder(fd, entry->d_name); /* makes it writable, or it cannot be moved */
        if (inner >= 0)
            close(inner);
        do
            snprintf(up, sizeof up, ".flowforge-%lu", moved++);
        while (renameat(fd, entry->d_name, top, up) < 0 && (errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR) &&
               ++tries < 100000);
    }
    if (dir)
        closedir(dir);
    if (fd >= 0)
        close(fd);
    return unlinkat(top, name, AT_REMOVEDIR);
}

/* 0 when nothing is left. */
int empty_folder(int folder) {
    int removed = 1, left = 0;
    fchmod(folder, 0700);
    while (removed) {
        DIR *dir = listing(folder);
        struct dirent *entry;
        removed = left = 0;
        while (dir && (entry = readdir(dir))) {
            if (dots(entry->d_name))
                continue;
            if (unlinkat(folder, entry->d_name, 0) == 0 || remove_folder(folder, entry->d_name) == 0)
                removed++;
            else
                left++;
        }
        if (!dir)
            return -1;
        closedir(dir);
    }
    return left ? -1 : 0;
}

/* A file that has a second name may lie outside as well: it keeps its owner. */
static void give_file(int folder, const char *name, uid_t uid, gid_t gid) {
    struct stat st;
#ifdef O_PATH
    int fd = openat(folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return;
    if (fstat(fd, &st) == 0 && st.st_nlink == 1 && (st.st_uid != uid || st.st_gid != gid))
        (void)!fchownat(fd, "", uid, gid, AT_EMPTY_PATH);
    close(fd);
#else
    if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_nlink == 1)
        (void)!fchownat(folder, name, uid, gid, AT_SYMLINK_NOFOLLOW);
#endif
}

static void give_level(int folder, uid_t uid, gid_t gid, int depth) {
    DIR *dir = listing(folder);
    struct dirent *entry;
    while (dir && (entry = readdir(dir))) {
        if (dots(entry->d_name))
            continue;
        int inner = entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN ? openat(folder, entry->d_name, FOLDER) : -1;
        if (inner < 0) {
            give_file(folder, entry->d_name, uid, gid);
            continue;
        }
        if (depth < DEPTH)
            give_level(inner, uid, gid, depth + 1);
        close(inner);
    }
    if (dir)
        closedir(dir);
    struct stat st;
    if (fstat(folder, &st) == 0 && (st.st_uid != uid || st.st_gid != gid))
        (void)!fchown(folder, uid, gid);
}

void give_folder(int folder, uid_t uid, gid_t gid) { give_level(folder, uid, gid, 0); }
