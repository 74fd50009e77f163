/* What the program does in containers that run beside a job's: keeping a network alive, and looking who listens on it. */
#include "supervisor.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LISTEN_STATE 0x0a
#define LOOK_MS 20

/* Until somebody tells us to end. */
int hold(void) {
    sigset_t ends;
    int number;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    sigprocmask(SIG_BLOCK, &ends, NULL);
    return sigwait(&ends, &number);
}

/* Addresses as /proc has them: words of 32 bits in the machine's own order. */
static bool is_loopback(const char *address) {
    static const char *const six = "00000000000000000000000001000000", *const mapped = "0000000000000000FFFF0000";
    size_t size = strlen(address);
    if (size == 32 && !strcmp(address, six))
        return true;
    if (size == 32 && strncmp(address, mapped, 24) != 0)
        return false;
    return !strcmp(address + size - 2, "7F");
}

static bool listens(const char *table, bool outside, char **ports, int count) {
    char line[512], address[40];
    unsigned port, state;
    bool found = false;
    FILE *file = fopen(table, "re");
    while (file && !found && fgets(line, sizeof line, file)) {
        if (sscanf(line, " %*d: %39[0-9A-F]:%x %*[0-9A-F]:%*x %x", address, &port, &state) != 3)
            continue;
        for (int i = 0; i < count && state == LISTEN_STATE && !(outside && is_loopback(address)); i++)
            found = found || port == (unsigned)atoi(ports[i]);
    }
    if (file)
        fclose(file);
    return found;
}

/* 0 as soon as one of the ports is listened on, 1 after so many milliseconds. Looking leaves no trace in a service's log. */
int await_listener(const char *milliseconds, const char *where, char **ports, int count) {
    long long until = now_ms() + atoll(milliseconds);
    bool outside = !strcmp(where, "outside");
    while (!listens("/proc/net/tcp", outside, ports, count) && !listens("/proc/net/tcp6", outside, ports, count)) {
        if (now_ms() >= until)
            return 1;
        nanosleep(&(struct timespec){.tv_nsec = LOOK_MS * 1000000L}, NULL);
    }
    return 0;
}
