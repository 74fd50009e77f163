#include "supervisor.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#define FOLDER (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

static int refuse(const char *sentence) {
    fprintf(stderr, "flowforge-supervisor: %s\n", sentence);
    return 1;
}

/* The lock tells watchers that we live; that the file exists tells everyone that these steps have begun. */
static int take_control(int control) {
    int alive = openat(control, "alive", O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    return alive >= 0 && flock(alive, LOCK_EX | LOCK_NB) == 0 ? 0 : -1;
}

static int supervise(int control, int ready) {
    struct plan plan = {.grace_ms = 10000};
    family_init();
#ifdef __linux__
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* the plan's secrets are in our memory */
#endif
    if (fchdir(control) < 0 || wake_init(control) < 0 || take_control(control) < 0)
        return refuse("this folder's steps were begun before");
    if (read_plan(control, &plan) < 0)
        return refuse("the plan cannot be read");
    mkdir(plan.scripts, 0755);
    if (ready >= 0) {
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        for (int fd = 0; null >= 0 && fd < 3; fd++)
            dup2(null, fd);
        (void)!write(ready, "", 1);
        close(ready);
    }
    run_job(control, &plan);
    return 0;
}

/* On the host: leave the caller's session, and let it go on as soon as the lock is held. */
static int detach(int control) {
    int ready[2];
    char byte;
    if (pipe(ready) < 0)
        return refuse("no pipe");
    fcntl(ready[0], F_SETFD, FD_CLOEXEC);
    fcntl(ready[1], F_SETFD, FD_CLOEXEC);
    pid_t pid = fork();
    if (pid < 0)
        return refuse("cannot fork");
    if (pid == 0) {
        close(ready[0]);
        setsid();
        return supervise(control, ready[1]);
    }
    close(ready[1]);
    return read(ready[0], &byte, 1) == 1 ? 0 : 1;
}

static int usage(void) {
    return refuse("usage: run CONTROL (as a container's first process) | detach CONTROL | empty FOLDER | passage");
}

int main(int count, char **args) {
    if (count == 2 && !strcmp(args[1], "passage"))
        return try_passage() == 0 ? 0 : 1;
    if (count != 3)
        return usage();
    int folder = open(args[2], FOLDER);
    if (folder < 0)
        return refuse("no such folder");
    if (!strcmp(args[1], "run")) {
        /* Steps of another user may not even look into what is mounted here for us. */
        char above[4096];
        snprintf(above, sizeof above, "%s/..", args[2]);
        if (getpid() == 1)
            chmod(above, 0700);
        return supervise(folder, -1);
    }
    if (!strcmp(args[1], "detach"))
        return detach(folder);
    if (!strcmp(args[1], "empty"))
        return empty_folder(folder) == 0 ? 0 : 1;
    return usage();
}
