/* Starts one step's process, as its own session and as the step's user. */
#include "supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#define MOST_ARGS 256
#define PIPE_SIZE (1 << 20)

/* What the child tells its parent when it could not become the step. */
struct failure {
    char cause[12];
    int error;
};

static void fail(int report, const char *cause) {
    struct failure failure = {.error = errno};
    snprintf(failure.cause, sizeof failure.cause, "%s", cause);
    (void)!write(report, &failure, sizeof failure);
    _exit(127);
}

int become(const struct person *person) {
    if (!person)
        return 0;
#ifdef __linux__
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
#endif
    if (person->uid == geteuid() && person->gid == getegid() && person->group_count == 0)
        return 0;
    if (setgroups(person->group_count, person->groups) < 0 || setgid(person->gid) < 0)
        return -1;
    return setuid(person->uid);
}

static void enter(const struct plan *plan, const struct step *step, char *const *env, int report) {
    char path[PATH_SIZE];
    const char *home = env_value(env, "HOME"), *cwd = step->cwd;
    if (cwd[0] == '~' && (cwd[1] == '/' || !cwd[1]) && home)
        snprintf(path, sizeof path, "%s%s", home, cwd + 1);
    else if (cwd[0] == '/')
        snprintf(path, sizeof path, "%s", cwd);
    else
        snprintf(path, sizeof path, "%s/%s", plan->workspace, cwd);
    if (chdir(path) < 0)
        fail(report, "directory");
}

/* The kernel counts by user, so this is of use only to one who has no other job. */
static void limit_processes(const struct plan *plan) {
    struct rlimit limit = {.rlim_cur = (rlim_t)plan->processes, .rlim_max = (rlim_t)plan->processes};
    if (plan->processes > 0)
        setrlimit(RLIMIT_NPROC, &limit);
}

static void run_child(const struct plan *plan, const struct step *step, const struct person *person, char *const *argv,
                      char *const *env, int output, int report) {
    sigset_t none;
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    setsid();
    if ((null >= 0 && dup2(null, 0) < 0) || dup2(output, 1) < 0 || dup2(output, 2) < 0)
        fail(report, "exec");
    signal(SIGPIPE, SIG_DFL);
    signal(SIGHUP, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    umask(022);
    limit_processes(plan);
    if (become(person) < 0)
        fail(report, "exec");
#ifdef __linux__
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0); /* after `become`: another user's process loses it */
#endif
    enter(plan, step, env, report);
    execve(argv[0], argv, env);
    fail(report, "exec");
}

static int write_all(int fd, const char *bytes, size_t size) {
    for (size_t done = 0; done < size;) {
        ssize_t n = write(fd, bytes + done, size - done);
        if (n < 0 && errno != EINTR)
            return -1;
        done += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

static int write_script(const struct plan *plan, const struct step *step, const char *shell, char path[PATH_SIZE]) {
    const char *preface = shell_preface(shell);
    snprintf(path, PATH_SIZE, "%s/%d", plan->scripts, step->index);
    unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0)
        return -1;
    int written = write_all(fd, preface, strlen(preface)) < 0 ? -1 : write_all(fd, step->script, step->script_size);
    return close(fd) == 0 ? written : -1;
}

static bool compose(const struct step *step, const struct person *person, char *const *env, const char **argv,
                    char path[PATH_SIZE], struct child *child) {
    size_t count = 0;
    if (!step->shell && !default_shell(env, person, argv, path)) {
        child->fault = "shell";
        return false;
    }
    if (step->shell) {
        if (!find_program(step->shell[0], env, path)) {
            child->fault = "command";
            snprintf(child->detail, sizeof child->detail, "%s", step->shell[0]);
            return false;
        }
        argv[0] = path;
        for (count = 1; step->shell[count] && count < MOST_ARGS; count++)
            argv[count] = step->shell[count];
        argv[count] = NULL;
    }
    return true;
}

static int open_pipe(int fds[2]) {
    if (pipe(fds) < 0)
        return -1;
    fcntl(fds[0], F_SETFD, FD_CLOEXEC);
    fcntl(fds[1], F_SETFD, FD_CLOEXEC);
    return 0;
}

static void hear(int report, const struct step *step, struct child *child) {
    struct failure failure;
    ssize_t n;
    while ((n = read(report, &failure, sizeof failure)) < 0 && errno == EINTR)
        ;
    if (n != (ssize_t)sizeof failure)
        return;
    child->fault = !strcmp(failure.cause, "directory") ? "directory" : "exec";
    snprintf(child->detail, sizeof child->detail, "%s%s%s",
             strcmp(failure.cause, "directory") ? "" : step->cwd, strcmp(failure.cause, "directory") ? "" : ": ",
             strerror(failure.error));
}

static void start(const struct plan *plan, const struct step *step, const struct person *person, const char **argv,
                  char **env, struct child *child) {
    int output[2], report[2];
    if (open_pipe(output) < 0)
        return;
    if (open_pipe(report) < 0) {
        close(output[0]);
        close(output[1]);
        return;
    }
#ifdef F_SETPIPE_SZ
    fcntl(output[0], F_SETPIPE_SZ, PIPE_SIZE);
#endif
    fcntl(output[0], F_SETFL, O_NONBLOCK);
    child->pid = fork();
    if (child->pid == 0)
        run_child(plan, step, person, (char *const *)argv, env, output[1], report[1]);
    close(output[1]);
    close(report[1]);
    if (child->pid > 0) {
        child->fault = NULL;
        child->output = output[0];
        hear(report[0], step, child);
    } else {
        snprintf(child->detail, sizeof child->detail, "fork: %s", strerror(errno));
        close(output[0]);
    }
    close(report[0]);
}

void launch(const struct plan *plan, const struct step *step, const struct person *person, struct child *child) {
    const char *argv[MOST_ARGS + 2];
    char path[PATH_SIZE], script[PATH_SIZE];
    size_t count = 0;
    *child = (struct child){.pid = -1, .output = -1};
    char **env = step_environment(step, person);
    if (!env || !compose(step, person, env, argv, path, child)) {
        free(env);
        return;
    }
    child->fault = "machine";
    while (argv[count])
        count++;
    argv[count++] = script;
    argv[count] = NULL;
    if (write_script(plan, step, argv[0], script) < 0)
        snprintf(child->detail, sizeof child->detail, "script file: %s", strerror(errno));
    else
        start(plan, step, person, argv, env, child);
    free(env);
}
