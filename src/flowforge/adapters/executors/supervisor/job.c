/* The job: its steps in order, whoever watches. */
#include "supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST_LEFTOVERS 30
#define MOST_WATCHED (MOST_LEFTOVERS + MOST_BACKGROUND + 1)
#define REPEAT_KILL_MS 100

static struct {
    int control;
    int workspace;
    uid_t server; /* who owns the control folder, and places files into the workspace */
    const struct plan *plan;
    const struct person *person;
    long long deadline;
    bool with_server;
    bool failed;
    bool over;
    /* Output of background processes whose step has ended: read and dropped, so that they neither block nor die of it. */
    int leftovers[MOST_LEFTOVERS];
    size_t leftover_count;
} job;

static char buffer[CHUNK];

/* The state of one running step. */
struct watch {
    const struct step *step;
    struct child child;
    struct log log;
    const char *cause;
    long long started;
    long long last_output;
    long long kill_at;
    bool ended;
    int status;
};

static long long earlier(long long a, long long b) { return a < 0 ? b : b < 0 ? a : a < b ? a : b; }

static long long limit(long long from, long long length) { return length > 0 ? from + length : -1; }

/* Why the whole job must end now, or NULL. */
static const char *ending(long long now) {
    if (woken()->stopped)
        return "stopped";
    if (woken()->terminated)
        return "terminated";
    return job.deadline >= 0 && now >= job.deadline ? "deadline" : NULL;
}

/* Why the step must end now, or NULL. */
static const char *verdict(const struct watch *w, long long now) {
    long long silence = limit(w->last_output, w->step->silence_ms), timeout = limit(w->started, w->step->timeout_ms);
    const char *end = ending(now);
    if (end)
        return end;
    if (timeout >= 0 && now >= timeout)
        return "timeout";
    return silence >= 0 && now >= silence ? "silence" : NULL;
}

static long long time_left(const struct watch *w, bool paused) {
    long long now = now_ms(), next = job.deadline;
    next = earlier(next, limit(w->started, w->step->timeout_ms));
    next = earlier(next, limit(w->last_output, w->step->silence_ms));
    if (w->cause)
        next = w->kill_at > now ? w->kill_at : now + REPEAT_KILL_MS;
    if (paused)
        next = earlier(next, now + REPEAT_KILL_MS);
    return next < 0 ? -1 : next > now ? next - now : 0;
}

static void drop_leftovers(const bool *readable) {
    size_t kept = 0;
    for (size_t i = 0; i < job.leftover_count; i++) {
        ssize_t n = 1;
        if (readable[i])
            while ((n = read(job.leftovers[i], buffer, sizeof buffer)) == (ssize_t)sizeof buffer)
                ;
        if (n == 0)
            close(job.leftovers[i]);
        else
            job.leftovers[kept++] = job.leftovers[i];
    }
    job.leftover_count = kept;
}

/* Waits for anything to happen; true when the descriptor `output` (or -1) can be read. */
static bool wait_for(int output, long long timeout_ms) {
    bool readable[MOST_WATCHED];
    int watched[MOST_WATCHED];
    size_t left = job.leftover_count, count = left;
    memcpy(watched, job.leftovers, left * sizeof *watched);
    count += background_outputs(watched + left);
    if (output >= 0)
        watched[count++] = output;
    wake_wait(job.control, watched, readable, count, timeout_ms);
    bool ready = output >= 0 && readable[count - 1];
    drop_leftovers(readable);
    background_tend(job.control, readable + left);
    return ready;
}

static void take_output(struct watch *w, size_t most) {
    ssize_t n = read(w->child.output, buffer, most < sizeof buffer ? most : sizeof buffer);
    if (n > 0) {
        w->last_output = now_ms();
        if (log_append(job.control, &w->log, buffer, (size_t)n) < 0 && !w->cause)
            w->cause = "log";
    } else if (n == 0) {
        close(w->child.output);
        w->child.output = -1;
    }
}

/* What was in the pipe when the step's process ended is the step's; what its background children write later is not. */
static void drain(struct watch *w) {
    int pending = 0;
    if (w->child.output < 0)
        return;
    ioctl(w->child.output, FIONREAD, &pending);
    while (pending > 0 && w->child.output >= 0) {
        long long before = w->log.size;
        take_output(w, (size_t)pending);
        if (w->log.size == before)
            break;
        pending -= (int)(w->log.size - before);
    }
    if (w->child.output < 0)
        return;
    if (job.leftover_count < MOST_LEFTOVERS)
        job.leftovers[job.leftover_count++] = w->child.output;
    else
        close(w->child.output);
}

static void begin_end(struct watch *w, const char *cause) {
    w->cause = cause;
    w->kill_at = now_ms() + (woken()->at_once ? 0 : job.plan->grace_ms);
    background_excuse();
    family_signal(SIGTERM);
    family_signal(SIGCONT);
}

static bool anyone_left(void) {
    siginfo_t info;
    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 || errno != ECHILD;
}

static void watch_step(struct watch *w) {
    while (!w->ended || (w->cause && anyone_left())) {
        bool paused = log_is_full(job.control, &w->log);
        if (paused)
            w->last_output = now_ms();
        bool ready = wait_for(paused ? -1 : w->child.output, time_left(w, paused));
        if (ready)
            take_output(w, sizeof buffer);
        if (family_reap(w->child.pid, &w->status))
            w->ended = true;
        long long now = now_ms();
        const char *cause = w->cause || w->ended ? NULL : verdict(w, now);
        if (cause || (w->cause && !w->kill_at))
            begin_end(w, cause ? cause : w->cause);
        if (w->cause && woken()->at_once && w->kill_at > now)
            w->kill_at = now;
        if (w->cause && now >= w->kill_at) {
            family_end();
            w->ended = true;
            w->status = w->status ? w->status : SIGKILL;
        }
    }
}

static void settle(struct result *result, const struct watch *w, long long kills_before) {
    result->bytes = w->log.size;
    result->code = WIFEXITED(w->status) ? WEXITSTATUS(w->status) : 128 + WTERMSIG(w->status);
    result->cause = w->cause ? w->cause : result->code ? "exit" : NULL;
    if (!w->cause && result->code && oom_kills() > kills_before) {
        result->cause = "oom";
        result->detail = memory_limit_text();
    }
    result->status = !result->cause ? "success" : !strcmp(result->cause, "stopped") ? "cancelled" : "failure";
}

static bool start_script(const struct step *step, struct child *child, struct result *result) {
    static char detail[sizeof child->detail];
    if (job.person && job.with_server && job.person->uid != job.server)
        give_folder(job.workspace, job.person->uid, job.person->gid);
    job.with_server = job.with_server && (!job.person || job.person->uid == job.server);
    launch(job.plan, step, job.person, child);
    if (!child->fault)
        return true;
    result->cause = child->fault;
    snprintf(detail, sizeof detail, "%s", child->detail);
    result->detail = detail;
    if (child->output >= 0)
        close(child->output);
    return false;
}

static void hear_exports(struct result *result) {
    const char *fault = exports_read();
    if (!fault || result->cause)
        return;
    result->status = "failure";
    result->cause = "environment";
    result->detail = fault;
}

static void blame(struct result *result, const char *cause) {
    result->cause = cause;
    result->status = strcmp(cause, "stopped") ? "failure" : "cancelled";
}

/* False where nothing could be started. */
static bool run_once(const struct step *step, struct log *log, struct result *result) {
    struct watch w = {.step = step, .log = *log, .started = now_ms(), .last_output = now_ms()};
    long long kills = oom_kills();
    if (!start_script(step, &w.child, result))
        return false;
    watch_step(&w);
    drain(&w);
    *log = w.log;
    settle(result, &w, kills);
    hear_exports(result);
    return true;
}

/* False where something ends the job meanwhile. */
static bool wait_before_rerun(const struct step *step) {
    long long until = now_ms() + step->pause_ms, now;
    int status = 0;
    while (!ending(now = now_ms()) && now < until) {
        long long next = earlier(until, job.deadline);
        wait_for(-1, next > now ? next - now : 0);
        family_reap(-1, &status);
    }
    return !ending(now_ms());
}

/* Only an exit of its own is tried again: what cut a step off took its background processes with it. */
static void run_script(const struct step *step, struct result *result) {
    struct log log;
    log_open(&log, step->index);
    for (long long left = step->reruns; run_once(step, &log, result); left--) {
        if (left <= 0 || !result->cause || strcmp(result->cause, "exit"))
            break;
        if (!wait_before_rerun(step)) {
            blame(result, ending(now_ms()));
            break;
        }
        result->status = "failure";
        result->cause = NULL;
        result->detail = NULL;
        result->code = -1;
    }
    log_close(&log);
}

/* True where it runs: its record comes when it ends. */
static bool run_behind(const struct step *step, struct result *result) {
    struct child child;
    if (background_is_full()) {
        result->cause = "machine";
        result->detail = "more background steps than a job may have";
        return false;
    }
    return start_script(step, &child, result) && background_begin(step, &child, result->started_us);
}

/* The host's answer: its status, a reason, and the text that is the step's output. */
static bool take_answer(const char *name, struct log *log, struct result *result) {
    static char *bytes;
    size_t size = 0;
    struct pair pair;
    free(bytes);
    bytes = read_file(job.control, name, 1 << 20, &size);
    if (!bytes)
        return false;
    char *at = bytes;
    result->cause = "host";
    while (next_pair(&at, bytes + size, &pair) > 0) {
        if (!strcmp(pair.name, "status") && !strcmp(pair.value, "success")) {
            result->status = "success";
            result->cause = NULL;
        } else if (!strcmp(pair.name, "detail"))
            result->detail = pair.value;
        else if (!strcmp(pair.name, "text"))
            log_append(job.control, log, pair.value, pair.size);
    }
    result->bytes = log->size;
    return true;
}

static void ask_host(const struct step *step, struct result *result) {
    char ask[32], answer[32];
    struct watch w = {.step = step, .started = now_ms(), .last_output = now_ms()};
    snprintf(ask, sizeof ask, "%d.ask", step->index);
    snprintf(answer, sizeof answer, "%d.answer", step->index);
    if (!job.with_server && geteuid() == 0 && job.server != 0)
        give_folder(job.workspace, job.server, (gid_t)-1);
    job.with_server = true;
    int fd = openat(job.control, ask, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd >= 0)
        close(fd);
    log_open(&w.log, step->index);
    while (!take_answer(answer, &w.log, result)) {
        const char *cause = verdict(&w, now_ms());
        if (cause) {
            result->cause = cause;
            result->status = strcmp(cause, "stopped") ? "failure" : "cancelled";
            break;
        }
        wait_for(-1, time_left(&w, false));
        family_reap(-1, &w.status);
    }
    log_close(&w.log);
}

static bool applies(enum when when) { return when == ALWAYS || (when == ON_FAIL) == job.failed; }

static bool ends_job(const char *cause) {
    static const char *const causes[] = {"stopped", "terminated", "deadline", "log"};
    for (size_t i = 0; cause && i < sizeof causes / sizeof *causes; i++)
        if (!strcmp(cause, causes[i]))
            return true;
    return false;
}

/* False where the step goes on behind the others. */
static bool carry_out(const struct step *step, struct result *result) {
    if (step->kind == HOST)
        ask_host(step, result);
    else if (job.plan->user && !job.person) {
        result->cause = "user";
        result->detail = job.plan->user;
    } else if (step->background && run_behind(step, result))
        return false;
    else if (!step->background)
        run_script(step, result);
    /* A stop that came before the end was told is never lost, also when the step ended by itself meanwhile. */
    wake_wait(job.control, NULL, NULL, 0, 0);
    if (woken()->stopped && !(result->cause && !strcmp(result->cause, "log")))
        blame(result, "stopped");
    return true;
}

/* What ends the job is told by one step: the one it cut off, or the first one that it kept from beginning. */
static void run_step(const struct step *step) {
    struct result result = {.status = "failure", .code = -1, .started_us = now_us()};
    wake_wait(job.control, NULL, NULL, 0, 0);
    const char *end = job.over ? NULL : ending(now_ms());
    if (end || job.over || !applies(step->when)) {
        result.started_us = 0;
        result.status = "skipped";
        if (end)
            blame(&result, end);
    } else if (!carry_out(step, &result))
        return;
    record_exit(job.control, step->index, &result);
    job.failed = job.failed || result.cause;
    job.over = job.over || ends_job(result.cause);
}

/* TERM and a grace for background steps. They have done their work, however they take it. */
static void end_background(void) {
    long long until = now_ms() + job.plan->grace_ms, now;
    int status = 0;
    family_reap(-1, &status);
    background_excuse();
    if (background_running()) {
        family_signal(SIGTERM);
        family_signal(SIGCONT);
    }
    while (background_running() && (now = now_ms()) < until && !woken()->at_once) {
        wait_for(-1, until - now);
        family_reap(-1, &status);
    }
}

/* False where there was nothing to run them in: no step has a record then. */
bool run_job(int control, const struct plan *plan) {
    struct stat st;
    static struct person person;
    job.control = control;
    job.plan = plan;
    job.with_server = true;
    job.deadline = limit(now_ms(), plan->deadline_ms);
    job.workspace = open(plan->workspace, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (job.workspace < 0 || fstat(control, &st) < 0)
        return false;
    job.server = st.st_uid;
    if (plan->user && find_person(plan->user, &person) == 0)
        job.person = &person;
    if (job.person && geteuid() == 0 && getpid() != 1)
        open_passage(plan->workspace, job.person); /* where it fails, the step says that its folder is closed to it */
    exports_init(plan->scripts, job.person);
    for (size_t i = 0; i < plan->count; i++)
        run_step(&plan->steps[i]);
    end_background();
    family_end();
    background_finish(control);
    empty_folder(job.workspace);
    return true;
}
