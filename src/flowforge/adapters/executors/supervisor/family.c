/* Everything that descends from us: in a container all processes there are, on the host those the kernel hands to
 * their nearest subreaper when a parent dies. */
#include "supervisor.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#define END_TRIES 1000 /* of 10 ms each: what a process may take to die of SIGKILL */

static pid_t current;

void family_init(void) {
#ifdef __linux__
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
#endif
}

#ifdef __linux__
struct process {
    pid_t pid;
    pid_t parent;
    bool ours;
};

static pid_t parent_of(pid_t pid) {
    char path[40], text[512];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    if (n <= 0)
        return 0;
    text[n] = 0;
    /* The name may hold anything, also parentheses: the state comes after the last one. */
    const char *after = strrchr(text, ')');
    int parent = 0;
    return after && sscanf(after, ") %*c %d", &parent) == 1 ? parent : 0;
}

static struct process *processes(size_t *count) {
    struct process *all = NULL;
    struct dirent *entry;
    size_t room = 0;
    DIR *dir = opendir("/proc");
    *count = 0;
    while (dir && (entry = readdir(dir))) {
        if (!isdigit((unsigned char)entry->d_name[0]))
            continue;
        if (*count == room) {
            struct process *grown = realloc(all, (room = room * 2 + 256) * sizeof *all);
            if (!grown)
                break;
            all = grown;
        }
        pid_t pid = (pid_t)atoi(entry->d_name);
        all[(*count)++] = (struct process){.pid = pid, .parent = parent_of(pid)};
    }
    if (dir)
        closedir(dir);
    return all;
}

static int by_pid(const void *left, const void *right) {
    pid_t a = ((const struct process *)left)->pid, b = ((const struct process *)right)->pid;
    return (a > b) - (a < b);
}

static bool descends(struct process *all, size_t count, const struct process *one) {
    for (size_t steps = 0; one && steps < count; steps++) {
        if (one->ours || one->parent == getpid())
            return true;
        struct process wanted = {.pid = one->parent};
        one = bsearch(&wanted, all, count, sizeof *all, by_pid);
    }
    return false;
}

static void signal_descendants(int number) {
    size_t count;
    struct process *all = processes(&count);
    if (!all)
        return;
    qsort(all, count, sizeof *all, by_pid);
    for (size_t i = 0; i < count; i++)
        all[i].ours = descends(all, count, &all[i]);
    for (size_t i = 0; number == SIGKILL && i < count; i++)
        if (all[i].ours)
            kill(all[i].pid, SIGSTOP); /* so that none forks while the others die */
    for (size_t i = 0; i < count; i++)
        if (all[i].ours)
            kill(all[i].pid, number);
    free(all);
}
#else
static void signal_descendants(int number) { (void)number; }
#endif

void family_signal(int number) {
    if (getpid() == 1) {
        kill(-1, number);
        return;
    }
    if (current > 0)
        kill(-current, number);
    signal_descendants(number);
}

/* Reaps what ended. True once `main` did; its status is kept in `status`. */
bool family_reap(pid_t main, int *status) {
    bool ended = false;
    int one;
    pid_t pid;
    current = main;
    while ((pid = waitpid(-1, &one, WNOHANG)) > 0) {
        if (pid != main) {
            background_reaped(pid, one);
            continue;
        }
        *status = one;
        ended = true;
    }
    return ended;
}

void family_end(void) {
    int status;
    pid_t pid;
    for (int tries = 0; tries < END_TRIES; tries++) {
        family_signal(SIGKILL);
        while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
            background_reaped(pid, status);
        if (waitpid(-1, &status, WNOHANG) < 0 && errno == ECHILD)
            break;
        nanosleep(&(struct timespec){.tv_nsec = 1000000 * (tries < 10 ? 1 : 10)}, NULL);
    }
    current = 0;
}

/* How often the kernel killed for memory in our own control group; -1 where that cannot be known. */
long long oom_kills(void) {
    static const char *const files[] = {"/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control"};
    char word[64];
    long long value, kills = -1;
    for (size_t i = 0; i < 2 && getpid() == 1 && kills < 0; i++) {
        FILE *file = fopen(files[i], "re");
        while (file && fscanf(file, "%63s %lld", word, &value) == 2)
            if (!strcmp(word, "oom_kill"))
                kills = value;
        if (file)
            fclose(file);
    }
    return kills;
}
