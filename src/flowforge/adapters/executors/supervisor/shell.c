/* Which program runs a script. */
#include "supervisor.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define TRIAL_MS 5000

const char *env_value(char *const *env, const char *name) {
    size_t length = strlen(name);
    for (; env && *env; env++)
        if (!strncmp(*env, name, length) && (*env)[length] == '=')
            return *env + length + 1;
    return NULL;
}

static bool is_program(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 0111);
}

bool find_program(const char *name, char *const *env, char path[PATH_SIZE]) {
    const char *folders = env_value(env, "PATH");
    if (strchr(name, '/')) {
        snprintf(path, PATH_SIZE, "%s", name);
        return *name != '/' || is_program(path);
    }
    for (const char *at = folders ? folders : DEFAULT_PATH; *at;) {
        size_t length = strcspn(at, ":");
        snprintf(path, PATH_SIZE, "%.*s/%s", (int)length, at, name);
        if (*path == '/' && is_program(path))
            return true;
        at += length + (at[length] == ':');
    }
    return false;
}

static bool find_shell(const char *name, char *const *env, char path[PATH_SIZE]) {
    static char *const usual[] = {"PATH=" DEFAULT_PATH, NULL};
    return find_program(name, env, path) || find_program(name, usual, path);
}

/* Not every sh has pipefail, and its name does not tell: let it try. What the job put there runs as the job's user. */
static bool knows_pipefail(const char *sh, const struct person *person) {
    const char *const argv[] = {sh, "-c", "set -o pipefail", NULL};
    char *const env[] = {NULL};
    int status = 1;
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        dup2(null, 0);
        dup2(null, 1);
        dup2(null, 2);
        if (become(person) == 0)
            execve(sh, (char *const *)argv, env);
        _exit(127);
    }
    for (long long until = now_ms() + TRIAL_MS; pid > 0 && waitpid(pid, &status, WNOHANG) == 0;) {
        if (now_ms() > until)
            kill(pid, SIGKILL);
        nanosleep(&(struct timespec){.tv_nsec = 300000}, NULL);
    }
    return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool default_shell(char *const *env, const struct person *person, const char **argv, char path[PATH_SIZE]) {
    static char tried[512];
    static bool pipefail;
    size_t count = 0;
    argv[count++] = path;
    if (find_shell("bash", env, path)) {
        argv[count++] = "--noprofile";
        argv[count++] = "--norc";
        pipefail = true;
        tried[0] = 0;
    } else if (!find_shell("sh", env, path))
        return false;
    else if (strcmp(tried, path)) {
        pipefail = knows_pipefail(path, person);
        snprintf(tried, sizeof tried, "%s", path);
    }
    argv[count++] = pipefail ? "-eo" : "-e";
    if (pipefail)
        argv[count++] = "pipefail";
    argv[count] = NULL;
    return true;
}
