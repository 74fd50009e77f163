#include "supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PLAN_LIMIT (64u << 20)

/* One netstring. Its closing comma becomes the NUL that ends the value. */
static char *netstring(char **at, char *end, size_t *size) {
    size_t length = 0;
    char *p = *at;
    while (p < end && *p >= '0' && *p <= '9' && length < PLAN_LIMIT)
        length = length * 10 + (size_t)(*p++ - '0');
    if (p >= end || *p != ':' || (size_t)(end - p) < length + 2 || p[length + 1] != ',')
        return NULL;
    p[length + 1] = 0;
    *at = p + length + 2;
    *size = length;
    return p + 1;
}

/* 1 for a pair, 0 at the end, -1 for bytes that are none. */
int next_pair(char **at, char *end, struct pair *pair) {
    size_t size;
    if (*at == end)
        return 0;
    pair->name = netstring(at, end, &size);
    if (!pair->name)
        return -1;
    pair->value = netstring(at, end, &pair->size);
    return pair->value ? 1 : -1;
}

char *read_file(int folder, const char *name, size_t limit, size_t *size) {
    struct stat st;
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    char *bytes = NULL;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (size_t)st.st_size <= limit)
        bytes = malloc((size_t)st.st_size + 1);
    *size = 0;
    while (bytes && *size < (size_t)st.st_size) {
        ssize_t n = read(fd, bytes + *size, (size_t)st.st_size - *size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        *size += (size_t)n;
    }
    close(fd);
    return bytes;
}

static int append(char ***list, char *value) {
    size_t count = 0;
    while (*list && (*list)[count])
        count++;
    /* Grown in powers of two: a list of `count` has room for the next one unless count+1 is such a power. */
    if (!*list || ((count + 1) & count) == 0) {
        char **grown = realloc(*list, (count + 1) * 2 * sizeof **list);
        if (!grown)
            return -1;
        *list = grown;
    }
    (*list)[count] = value;
    (*list)[count + 1] = NULL;
    return 0;
}

static int begin_step(struct plan *plan, const char *kind) {
    struct step *grown = realloc(plan->steps, (plan->count + 1) * sizeof *grown);
    if (!grown)
        return -1;
    plan->steps = grown;
    grown[plan->count] = (struct step){
        .index = (int)plan->count, .kind = strcmp(kind, "host") ? SCRIPT : HOST, .cwd = ".", .script = ""};
    plan->count++;
    return 0;
}

static int step_pair(struct step *step, const struct pair *pair) {
    const char *name = pair->name;
    if (!strcmp(name, "when"))
        step->when = !strcmp(pair->value, "always") ? ALWAYS : !strcmp(pair->value, "on_fail") ? ON_FAIL : ON_SUCCESS;
    else if (!strcmp(name, "shell"))
        return append(&step->shell, pair->value);
    else if (!strcmp(name, "env"))
        return append(&step->env, pair->value);
    else if (!strcmp(name, "cwd"))
        step->cwd = pair->value;
    else if (!strcmp(name, "timeout"))
        step->timeout_ms = atoll(pair->value);
    else if (!strcmp(name, "silence"))
        step->silence_ms = atoll(pair->value);
    else if (!strcmp(name, "reruns"))
        step->reruns = atoll(pair->value);
    else if (!strcmp(name, "pause"))
        step->pause_ms = atoll(pair->value);
    else if (!strcmp(name, "background"))
        step->background = true;
    else if (!strcmp(name, "script")) {
        step->script = pair->value;
        step->script_size = pair->size;
    } else
        return -1;
    return 0;
}

static int plan_pair(struct plan *plan, const struct pair *pair) {
    const char *name = pair->name;
    if (!strcmp(name, "step"))
        return begin_step(plan, pair->value);
    if (plan->count)
        return step_pair(&plan->steps[plan->count - 1], pair);
    if (!strcmp(name, "workspace"))
        plan->workspace = pair->value;
    else if (!strcmp(name, "scripts"))
        plan->scripts = pair->value;
    else if (!strcmp(name, "user"))
        plan->user = pair->value;
    else if (!strcmp(name, "grace"))
        plan->grace_ms = atoll(pair->value);
    else if (!strcmp(name, "processes"))
        plan->processes = atoll(pair->value);
    else if (!strcmp(name, "deadline"))
        plan->deadline_ms = atoll(pair->value);
    else if (!strcmp(name, "memory"))
        plan->memory = atoll(pair->value);
    else if (!strcmp(name, "pids"))
        plan->pids = atoll(pair->value);
    else if (!strcmp(name, "cpus"))
        plan->cpus = atoll(pair->value);
    else
        return -1;
    return 0;
}

int read_plan(int control, struct plan *plan) {
    size_t size = 0;
    int found;
    struct pair pair;
    char *bytes = read_file(control, "plan", PLAN_LIMIT, &size);
    unlinkat(control, "plan", 0);
    if (!bytes)
        return -1;
    char *at = bytes;
    while ((found = next_pair(&at, bytes + size, &pair)) > 0)
        if (plan_pair(plan, &pair) < 0)
            return -1;
    return found == 0 && plan->workspace && plan->scripts ? 0 : -1;
}
