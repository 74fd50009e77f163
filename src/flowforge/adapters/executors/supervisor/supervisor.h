/* Runs one attempt's steps, in a container as PID 1 or on the host as a subreaper.
 *
 * Everything it is told and everything it answers goes through one folder, the control folder:
 *   plan        what to do; read once and unlinked, because it holds secrets
 *   alive       locked while the supervisor lives; a folder that has it was begun and is never begun again
 *   stop        appears when the job is to be cancelled; a first byte '!' means without grace
 *   N.K.log     bytes K*SEGMENT to (K+1)*SEGMENT of step N's output; the reader deletes what it has stored
 *   N.ask       step N is the host's to carry out; N.answer is what came of it
 *   N.exit      how step N ended
 *   warm        locked while a supervisor lives that was started before there was anything to do; it waits for
 *   go          which appears when its plan is there and is to be carried out
 * plan, answer and exit are sequences of netstrings, read in pairs of name and value.
 */
#ifndef FLOWFORGE_SUPERVISOR_H
#define FLOWFORGE_SUPERVISOR_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#if defined(__APPLE__)
#define _DARWIN_C_SOURCE
#endif

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define SEGMENT (16LL << 20)
/* How many full segments may wait for the reader before the step has to: bounds a job whose reader is away. With the one
 * being written that is 64 MiB, for the control folder is best on a tmpfs, and what lies there is memory. */
#define UNREAD_SEGMENTS 3
#define MOST_BACKGROUND 32
#define PATH_SIZE 4096
#define CHUNK (256 << 10)

enum kind { SCRIPT, HOST };
enum when { ON_SUCCESS, ON_FAIL, ALWAYS };

struct step {
    int index;
    enum kind kind;
    enum when when;
    char **shell; /* empty: the default one */
    char **env;
    char *script;
    size_t script_size;
    const char *cwd;
    long long timeout_ms; /* 0: no limit, here and below */
    long long silence_ms;
    long long reruns; /* how often it is run again after an exit that is a failure, each time `pause_ms` later */
    long long pause_ms;
    bool background; /* not waited for; without limits of its own */
};

struct plan {
    const char *workspace;
    const char *scripts;
    const char *user; /* NULL: stay who we are */
    long long grace_ms;
    long long deadline_ms;
    long long memory; /* what must be in force: bytes, processes, thousandths of a CPU; 0: no limit */
    long long pids;
    long long cpus;
    long long processes; /* how many the steps' user may have; 0: as many as we */
    struct step *steps;
    size_t count;
};

struct person {
    uid_t uid;
    gid_t gid;
    gid_t groups[64];
    size_t group_count;
    char home[512];
};

struct log {
    int index;
    int fd;
    long long size;
};

/* How a step ended. `cause` is NULL for success; `detail` completes the sentence that the host makes of it. */
struct result {
    const char *status;
    const char *cause;
    const char *detail;
    int code; /* -1: nothing ran */
    long long started_us;
    long long bytes;
};

/* framing.c */
struct pair {
    const char *name;
    char *value;
    size_t size;
};
int next_pair(char **at, char *end, struct pair *pair);
char *read_file(int folder, const char *name, size_t limit, size_t *size);
int read_plan(int control, struct plan *plan);

/* records.c */
void log_open(struct log *log, int index);
int log_append(int control, struct log *log, const char *bytes, size_t size);
bool log_is_full(int control, const struct log *log);
void log_close(struct log *log);
void record_exit(int control, int index, const struct result *result);
long long now_us(void);
long long now_ms(void);

/* people.c */
int find_person(const char *spec, struct person *person);

/* passage.c */
int open_passage(const char *workspace, const struct person *person);
int try_passage(void);

/* tree.c */
int empty_folder(int folder);
void give_folder(int folder, uid_t uid, gid_t gid);

/* wake.c */
struct wake {
    bool stopped;
    bool at_once;
    bool terminated;
};
int wake_init(int control);
void wake_wait(int control, const int *fds, bool *readable, size_t count, long long timeout_ms);
const struct wake *woken(void);

/* family.c */
void family_init(void);
void family_signal(int signal);
bool family_reap(pid_t main, int *status);
void family_end(void);
long long oom_kills(void);

/* limits.c */
bool limits_in_force(int control, const struct plan *plan);
long long memory_limit(void);
const char *memory_limit_text(void);

/* beside.c */
int hold(void);
int await_listener(const char *milliseconds, const char *where, char **ports, int count);

/* launch.c */
struct child {
    pid_t pid;
    int output;
    const char *fault; /* why nothing runs: a cause of the exit record */
    char detail[600];
};
int become(const struct person *person);
void launch(const struct plan *plan, const struct step *step, const struct person *person, struct child *child);

/* background.c */
bool background_begin(const struct step *step, const struct child *child, long long started_us);
bool background_is_full(void);
bool background_running(void);
size_t background_outputs(int *fds);
void background_tend(int control, const bool *readable);
void background_reaped(pid_t pid, int status);
void background_excuse(void);
void background_finish(int control);

/* exports.c */
void exports_init(const char *folder, const struct person *person);
const char *exports_read(void);
char **step_environment(const struct step *step, const struct person *person);
const char *shell_preface(const char *shell);

/* shell.c */
bool find_program(const char *name, char *const *env, char path[PATH_SIZE]);
/* Fills argv (at least 6 places) with the default shell and its options; false where there is no shell. */
bool default_shell(char *const *env, const struct person *person, const char **argv, char path[PATH_SIZE]);
const char *env_value(char *const *env, const char *name);

/* job.c */
bool run_job(int control, const struct plan *plan);

#endif
