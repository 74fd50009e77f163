/* Sleeps until a signal, a byte of output, a change of the control folder, or a time. */
#include "supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/inotify.h>
#define IDLE_MS 2000 /* for file systems whose changes from outside are not announced */
#else
#define IDLE_MS 100
#endif
#define MOST_FDS 64

static int bell[2] = {-1, -1};
static int changes = -1;
static volatile sig_atomic_t term_seen;
static struct wake state;

const struct wake *woken(void) { return &state; }

/* As PID 1 we see 0 as the sender of a signal from outside the container; a step may not end its own job that way. */
static void on_signal(int number, siginfo_t *from, void *context) {
    int saved = errno;
    (void)context;
    if (number != SIGCHLD && (getpid() != 1 || from->si_pid == 0))
        term_seen = 1;
    (void)!write(bell[1], "", 1);
    errno = saved;
}

int wake_init(int control) {
    struct sigaction action;
    (void)control;
    if (pipe(bell) < 0)
        return -1;
    for (int i = 0; i < 2; i++) {
        fcntl(bell[i], F_SETFD, FD_CLOEXEC);
        fcntl(bell[i], F_SETFL, O_NONBLOCK);
    }
    memset(&action, 0, sizeof action);
    action.sa_sigaction = on_signal;
    action.sa_flags = SA_SIGINFO | SA_RESTART;
    sigaction(SIGCHLD, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
#ifdef __linux__
    changes = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (changes >= 0) {
        char path[32] = ".";
        inotify_add_watch(changes, path, IN_MOVED_TO);
    }
#endif
    return 0;
}

static void empty_out(int fd) {
    char sink[4096];
    while (fd >= 0 && read(fd, sink, sizeof sink) > 0)
        ;
}

static void look_for_stop(int control) {
    size_t size = 0;
    if (state.stopped && state.at_once)
        return;
    if (faccessat(control, "stop", F_OK, AT_SYMLINK_NOFOLLOW) < 0)
        return;
    state.stopped = true;
    char *text = read_file(control, "stop", 64 << 10, &size);
    state.at_once = text && size && text[0] == '!';
}

void wake_wait(int control, const int *fds, bool *readable, size_t count, long long timeout_ms) {
    struct pollfd polled[MOST_FDS + 2] = {{.fd = bell[0], .events = POLLIN}, {.fd = changes, .events = POLLIN}};
    count = count > MOST_FDS ? MOST_FDS : count;
    for (size_t i = 0; i < count; i++)
        polled[i + 2] = (struct pollfd){.fd = fds[i], .events = POLLIN};
    int wait = timeout_ms < 0 || timeout_ms > IDLE_MS ? IDLE_MS : (int)timeout_ms;
    int ready = poll(polled, (nfds_t)(count + 2), wait);
    for (size_t i = 0; i < count; i++)
        readable[i] = ready > 0 && (polled[i + 2].revents & (POLLIN | POLLHUP | POLLERR));
    empty_out(bell[0]);
    empty_out(changes);
    state.terminated = term_seen;
    look_for_stop(control);
}
