#include "supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FULL_DISK_TRIES 300 /* of 100 ms each: what a reader that is behind may take to free some space */

static long long clock_ns(clockid_t id) {
    struct timespec t;
    clock_gettime(id, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

long long now_us(void) { return clock_ns(CLOCK_REALTIME) / 1000; }
long long now_ms(void) { return clock_ns(CLOCK_MONOTONIC) / 1000000; }

void log_open(struct log *log, int index) { *log = (struct log){.index = index, .fd = -1}; }

void log_close(struct log *log) {
    if (log->fd >= 0)
        close(log->fd);
    log->fd = -1;
}

static void segment_name(const struct log *log, long long segment, char name[48]) {
    snprintf(name, 48, "%d.%lld.log", log->index, segment);
}

static int write_some(int fd, const char *bytes, size_t size) {
    for (int tries = 0; tries < FULL_DISK_TRIES; tries++) {
        ssize_t n = write(fd, bytes, size);
        if (n >= 0)
            return (int)n;
        if (errno == ENOSPC || errno == EDQUOT)
            nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
        else if (errno != EINTR)
            return -1;
    }
    return -1;
}

int log_append(int control, struct log *log, const char *bytes, size_t size) {
    while (size) {
        long long used = log->size % SEGMENT;
        if (!used) {
            char name[48];
            segment_name(log, log->size / SEGMENT, name);
            log_close(log);
            log->fd = openat(control, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
        }
        if (log->fd < 0)
            return -1;
        size_t part = size < (size_t)(SEGMENT - used) ? size : (size_t)(SEGMENT - used);
        int written = write_some(log->fd, bytes, part);
        if (written < 0)
            return -1;
        bytes += written;
        size -= (size_t)written;
        log->size += written;
    }
    return 0;
}

bool log_is_full(int control, const struct log *log) {
    char name[48];
    long long oldest = log->size / SEGMENT - UNREAD_SEGMENTS;
    if (oldest < 0)
        return false;
    segment_name(log, oldest, name);
    return faccessat(control, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void put(FILE *out, const char *name, const char *value) {
    fprintf(out, "%zu:%s,%zu:%s,", strlen(name), name, strlen(value), value);
}

static void put_number(FILE *out, const char *name, long long value) {
    char text[24];
    snprintf(text, sizeof text, "%lld", value);
    put(out, name, text);
}

void record_exit(int control, int index, const struct result *result) {
    char draft[32], name[32];
    snprintf(draft, sizeof draft, "%d.exit.tmp", index);
    snprintf(name, sizeof name, "%d.exit", index);
    unlinkat(control, draft, 0);
    int fd = openat(control, draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    FILE *out = fd < 0 ? NULL : fdopen(fd, "w");
    if (!out)
        return;
    put(out, "status", result->status);
    if (result->cause)
        put(out, "cause", result->cause);
    if (result->detail && *result->detail)
        put(out, "detail", result->detail);
    if (result->code >= 0)
        put_number(out, "code", result->code);
    if (result->started_us) {
        put_number(out, "started", result->started_us);
        put_number(out, "finished", now_us());
    }
    put_number(out, "bytes", result->bytes);
    if (fclose(out) == 0)
        renameat(control, draft, control, name);
}
