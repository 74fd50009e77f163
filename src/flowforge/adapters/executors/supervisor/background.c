/* Steps that nobody waits for. Each keeps its output to itself until the job ends, so it may not have much of it: what
 * is over its limit is dropped and the cut is marked, for waiting for a reader would stop the very server that the other
 * steps talk to.
 */
#include "supervisor.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define OUTPUT_LIMIT (SEGMENT - 256)
#define CUT "\n[this background step's output reached its limit of 16 MiB and is cut here]\n"

static struct task {
    const struct step *step;
    pid_t pid;
    int output;
    struct log log;
    long long started_us;
    int status;
    bool ended;
    bool excused; /* we ended it, which is no failure of its own */
    bool cut;
    bool recorded;
} tasks[MOST_BACKGROUND];
static size_t count;

bool background_begin(const struct step *step, const struct child *child, long long started_us) {
    if (count == MOST_BACKGROUND)
        return false;
    struct task *task = &tasks[count++];
    *task = (struct task){.step = step, .pid = child->pid, .output = child->output, .started_us = started_us};
    log_open(&task->log, step->index);
    return true;
}

bool background_is_full(void) { return count == MOST_BACKGROUND; }

bool background_running(void) {
    for (size_t i = 0; i < count; i++)
        if (!tasks[i].ended)
            return true;
    return false;
}

size_t background_outputs(int *fds) {
    size_t found = 0;
    for (size_t i = 0; i < count; i++)
        if (tasks[i].output >= 0)
            fds[found++] = tasks[i].output;
    return found;
}

static void keep(int control, struct task *task, const char *bytes, size_t size) {
    long long room = OUTPUT_LIMIT - task->log.size;
    if (task->cut)
        return;
    if ((long long)size > room) {
        log_append(control, &task->log, bytes, (size_t)room);
        log_append(control, &task->log, CUT, sizeof CUT - 1);
        task->cut = true;
    } else if (log_append(control, &task->log, bytes, size) < 0)
        task->cut = true;
}

static void take(int control, struct task *task) {
    static char buffer[64 << 10];
    ssize_t n;
    while ((n = read(task->output, buffer, sizeof buffer)) > 0) {
        keep(control, task, buffer, (size_t)n);
        if (n < (ssize_t)sizeof buffer)
            return;
    }
    if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        close(task->output);
        task->output = -1;
    }
}

static void record(int control, struct task *task) {
    int code = WIFEXITED(task->status) ? WEXITSTATUS(task->status) : 128 + WTERMSIG(task->status);
    struct result result = {.status = "success", .code = task->excused ? -1 : code, .started_us = task->started_us};
    if (!task->excused && code) {
        result.status = "failure";
        result.cause = "exit";
    }
    if (task->output >= 0)
        take(control, task);
    if (task->output >= 0)
        close(task->output);
    task->output = -1;
    log_close(&task->log);
    result.bytes = task->log.size;
    record_exit(control, task->step->index, &result);
    task->recorded = true;
}

/* `readable` goes with what background_outputs gave. */
void background_tend(int control, const bool *readable) {
    size_t at = 0;
    for (size_t i = 0; i < count; i++)
        if (tasks[i].output >= 0 && readable[at++])
            take(control, &tasks[i]);
    for (size_t i = 0; i < count; i++)
        if (tasks[i].ended && !tasks[i].recorded)
            record(control, &tasks[i]);
}

void background_reaped(pid_t pid, int status) {
    for (size_t i = 0; i < count; i++)
        if (tasks[i].pid == pid && !tasks[i].ended) {
            tasks[i].ended = true;
            tasks[i].status = status;
        }
}

void background_excuse(void) {
    for (size_t i = 0; i < count; i++)
        tasks[i].excused = tasks[i].excused || !tasks[i].ended;
}

/* Nothing lives any more: what was not seen to end has ended, too. */
void background_finish(int control) {
    for (size_t i = 0; i < count; i++)
        if (!tasks[i].recorded)
            record(control, &tasks[i]);
}
