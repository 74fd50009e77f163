/* Whether what the job may use is really bounded, as its own control group has it: an engine may take a limit and not keep
 * it, as rootless Podman does on cgroup v1. */
#include "supervisor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOT "/sys/fs/cgroup/"
#define UNKNOWN (-2)
#define UNLIMITED (-1)

/* The numbers of a file of ours, in thousandths where there are two: a share of the second. */
static long long read_bound(const char *path) {
    char first[32];
    long long second = 0, value = UNKNOWN;
    FILE *file = fopen(path, "re");
    int found = file ? fscanf(file, "%31s %lld", first, &second) : 0;
    if (file)
        fclose(file);
    if (found > 0)
        value = strcmp(first, "max") ? atoll(first) : UNLIMITED;
    return found == 2 && value > 0 && second > 0 ? value * 1000 / second : value;
}

static long long either(const char *unified, const char *legacy) {
    long long value = read_bound(unified);
    return value == UNKNOWN ? read_bound(legacy) : value;
}

static long long cpu_thousandths(void) {
    long long quota = read_bound(ROOT "cpu.max"), period;
    if (quota != UNKNOWN)
        return quota;
    quota = read_bound(ROOT "cpu/cpu.cfs_quota_us");
    period = read_bound(ROOT "cpu/cpu.cfs_period_us");
    return quota > 0 && period > 0 ? quota * 1000 / period : quota;
}

long long memory_limit(void) { return either(ROOT "memory.max", ROOT "memory/memory.limit_in_bytes"); }

static bool kept(long long asked, long long found) {
    return asked <= 0 || (found > 0 && found <= asked + asked / 100);
}

/* The first limit that is not in force, or NULL. */
static const char *broken_limit(const struct plan *plan) {
    if (!kept(plan->memory, memory_limit()))
        return "memory";
    if (!kept(plan->pids, either(ROOT "pids.max", ROOT "pids/pids.max")))
        return "pids";
    return kept(plan->cpus, cpu_thousandths()) ? NULL : "cpus";
}

/* False where nothing may run; what every step then has is a record that says so. */
bool limits_in_force(int control, const struct plan *plan) {
    const char *broken = broken_limit(plan);
    for (size_t i = 0; broken && i < plan->count; i++) {
        struct result result = {.status = i ? "skipped" : "failure", .code = -1};
        if (i == 0) {
            result.cause = "limits";
            result.detail = broken;
        }
        record_exit(control, plan->steps[i].index, &result);
    }
    return !broken;
}

/* For the sentence about a step that died of it; NULL where no limit of ours was the reason. */
const char *memory_limit_text(void) {
    static char text[32];
    long long limit = memory_limit();
    snprintf(text, sizeof text, "%lld", limit);
    return limit > 0 && limit < (1LL << 60) ? text : NULL;
}
