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

#define LINGER_MS 30000

static int alive = -1, warm = -1;

/* The lock tells watchers that we live; that the file exists tells everyone that these steps have begun. */
static int take_control(int control) {
    alive = openat(control, "alive", O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    return alive >= 0 && flock(alive, LOCK_EX | LOCK_NB) == 0 ? 0 : -1;
}

/* Started before there is anything to do. The sign to begin is a file of its own, for a plan that lies here may yet be
 * taken back. False where none is to come. */
static bool await_plan(int control) {
    warm = openat(control, "warm", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (warm < 0 || flock(warm, LOCK_EX | LOCK_NB) < 0)
        return false;
    while (faccessat(control, "go", F_OK, AT_SYMLINK_NOFOLLOW) < 0) {
        wake_wait(control, NULL, NULL, 0, -1);
        if (woken()->stopped || woken()->terminated)
            return false;
    }
    return true;
}

/* A container's end costs its engine as much as a start. One that was started early is taken down when there is time for
 * it; for watchers it is gone, and without them it goes by itself. */
static void linger(int control) {
    long long until = now_ms() + LINGER_MS, left;
    close(alive);
    close(warm);
    while (getpid() == 1 && !woken()->terminated && (left = until - now_ms()) > 0)
        wake_wait(control, NULL, NULL, 0, left);
}

static int supervise(int control, int ready, bool early) {
    struct plan plan = {.grace_ms = 10000};
    family_init();
#ifdef __linux__
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* the plan's secrets are in our memory */
#endif
    if (fchdir(control) < 0 || wake_init(control) < 0)
        return refuse("the control folder cannot be watched");
    if (early && !await_plan(control))
        return 0;
    if (take_control(control) < 0)
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
    if (limits_in_force(control, &plan) && run_job(control, &plan) && early)
        linger(control);
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
        return supervise(control, ready[1], false);
    }
    close(ready[1]);
    return read(ready[0], &byte, 1) == 1 ? 0 : 1;
}

static int usage(void) {
    return refuse("usage: run CONTROL | wait CONTROL (as a container's first process) | detach CONTROL | empty FOLDER | "
                  "passage | hold | listening MILLISECONDS any|outside PORT...");
}

int main(int count, char **args) {
    if (count == 2 && !strcmp(args[1], "passage"))
        return try_passage() == 0 ? 0 : 1;
    if (count == 2 && !strcmp(args[1], "hold"))
        return hold();
    if (count > 4 && !strcmp(args[1], "listening"))
        return await_listener(args[2], args[3], args + 4, count - 4);
    if (count != 3)
        return usage();
    int folder = open(args[2], FOLDER);
    if (folder < 0)
        return refuse("no such folder");
    bool early = !strcmp(args[1], "wait");
    if (early || !strcmp(args[1], "run")) {
        /* Steps of another user may not even look into what is mounted here for us. */
        char above[4096];
        snprintf(above, sizeof above, "%s/..", args[2]);
        if (getpid() == 1)
            chmod(above, 0700);
        return supervise(folder, -1, early);
    }
    if (!strcmp(args[1], "detach"))
        return detach(folder);
    if (!strcmp(args[1], "empty"))
        return empty_folder(folder) == 0 ? 0 : 1;
    return usage();
}
