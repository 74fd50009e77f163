/* On the host, a way to the workspace for a user who may not pass a folder above it, such as root's own home.
 *
 * Nothing of the machine changes: in a mount namespace of ours the closed folder is covered by an empty one that holds
 * nothing but the way down to the run's folder. What else the closed folder has stays out of the steps' sight.
 */
#include "supervisor.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __linux__
#include <sched.h>
#include <sys/mount.h>

static bool may_pass(const char *folder, const struct person *person) {
    struct stat st;
    if (stat(folder, &st) < 0)
        return true;
    if (st.st_uid == person->uid)
        return st.st_mode & S_IXUSR;
    return st.st_mode & (st.st_gid == person->gid ? S_IXGRP : S_IXOTH);
}

/* The first closed folder on the way to `path`, cut out of it in place; false where there is none. */
static bool first_closed(char *path, const struct person *person) {
    for (char *at = path + 1; (at = strchr(at, '/')); at++) {
        *at = '\0';
        if (!may_pass(path, person))
            return true;
        *at = '/';
    }
    return false;
}

static int own_namespace(void) {
    return unshare(CLONE_NEWNS) < 0 ? -1 : mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

static int cover(const char *folder) {
    return mount("flowforge", folder, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0711,size=64k,nr_inodes=256");
}

static void make_way(const char *folder, size_t covered) {
    char path[PATH_SIZE + 1];
    snprintf(path, sizeof path, "%s/", folder);
    for (char *at = path + covered + 1; (at = strchr(at, '/')); *at++ = '/') {
        *at = '\0';
        mkdir(path, 0711);
    }
}

int open_passage(const char *workspace, const struct person *person) {
    char run[PATH_SIZE], closed[PATH_SIZE], held[64];
    snprintf(run, sizeof run, "%s", workspace);
    snprintf(closed, sizeof closed, "%s", workspace);
    char *end = strrchr(run, '/');
    if (workspace[0] != '/' || end == run || !first_closed(closed, person))
        return 0;
    *end = '\0';
    if (own_namespace() < 0)
        return -1;
    int folder = open(run, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC); /* bindable only if opened in here */
    if (folder < 0 || cover(closed) < 0)
        return -1;
    make_way(run, strlen(closed));
    snprintf(held, sizeof held, "/proc/self/fd/%d", folder);
    int bound = mount(held, run, NULL, MS_BIND, NULL);
    close(folder);
    return bound;
}

int try_passage(void) {
    return own_namespace() < 0 ? -1 : cover("/tmp");
}
#else
int open_passage(const char *workspace, const struct person *person) {
    (void)workspace;
    (void)person;
    return 0;
}

int try_passage(void) {
    return -1;
}
#endif
