/* What steps leave to the steps behind them: $FLOWFORGE_ENV, which is read here between steps, and $BASH_ENV, which the
 * next step's shell reads. Both are the job's to write, so nothing in them is believed but what the grammar allows, and
 * it reaches the environment of later steps only, never ours.
 *
 *   NAME=value to the end of the line       NAME<<END, lines, END: the lines with the line breaks between them
 */
#include "supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_LIMIT (1u << 20)
#define MOST_NAMES 1000
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"
#define NAME_LIMIT 128

static char *exported[MOST_NAMES + 1];
static size_t count;
static char env_file[PATH_SIZE + 20], bash_file[PATH_SIZE + 20]; /* as NAME=path */
static char fault[300];

static const char *path_of(const char *pair) { return strchr(pair, '=') + 1; }

static void make(const char *path, const struct person *person) {
    unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd >= 0 && person && geteuid() == 0)
        (void)!fchown(fd, person->uid, person->gid);
    if (fd >= 0)
        close(fd);
}

void exports_init(const char *folder, const struct person *person) {
    snprintf(env_file, sizeof env_file, "FLOWFORGE_ENV=%s/env", folder);
    snprintf(bash_file, sizeof bash_file, "BASH_ENV=%s/bash_env", folder);
    make(path_of(env_file), person);
    make(path_of(bash_file), person);
}

/* Names by which FlowForge itself speaks to steps. */
static bool is_ours(const char *name) {
    return !strncmp(name, "FLOWFORGE_", 10) || !strcmp(name, "CI") || !strcmp(name, "BASH_ENV");
}

static bool same_name(const char *a, const char *b) {
    size_t length = strcspn(a, "=");
    return !strncmp(a, b, length) && b[length] == '=';
}

static const char *keep(const char *name, const char *value, size_t size) {
    size_t at = 0, length = strlen(name);
    char *pair = malloc(length + size + 2);
    if (!pair)
        return "there is no memory left for it";
    memcpy(pair, name, length);
    pair[length] = '=';
    memcpy(pair + length + 1, value, size);
    pair[length + 1 + size] = 0;
    while (at < count && !same_name(exported[at], pair))
        at++;
    if (at == MOST_NAMES) {
        free(pair);
        return "sets more than 1000 names";
    }
    free(exported[at]);
    exported[at] = pair;
    count += at == count;
    return NULL;
}

/* A line without its end, and where the next one begins; NULL at the end. */
static char *next_line(char **at, size_t *length, int *number) {
    char *line = *at;
    if (!*line)
        return NULL;
    *length = strcspn(line, "\n");
    *at = line + *length + (line[*length] == '\n');
    ++*number;
    return line;
}

static const char *take_lines(const char *name, const char *end, size_t end_size, char **at, int *number) {
    char *begin = *at, *line;
    size_t length;
    while ((line = next_line(at, &length, number)))
        if (length == end_size && !memcmp(line, end, length))
            return keep(name, begin, line > begin ? (size_t)(line - begin - 1) : 0);
    return "begins lines whose end is missing";
}

static const char *take(char *line, size_t length, char **at, int *number) {
    char name[NAME_LIMIT + 1];
    size_t size = strspn(line, LETTERS "0123456789");
    if (!size || size > NAME_LIMIT || size > length || strchr("0123456789", *line))
        return "is neither NAME=value nor NAME<<END";
    memcpy(name, line, size);
    name[size] = 0;
    if (is_ours(name))
        return "sets a name that is FlowForge's own (FLOWFORGE_…, CI, BASH_ENV)";
    if (line[size] == '=')
        return keep(name, line + size + 1, length - size - 1);
    if (length > size + 2 && !strncmp(line + size, "<<", 2))
        return take_lines(name, line + size + 2, length - size - 2, at, number);
    return "is neither NAME=value nor NAME<<END";
}

static void parse(char *bytes, char said[sizeof fault]) {
    size_t length;
    int number = 0;
    char *line, *at = bytes;
    while ((line = next_line(&at, &length, &number))) {
        int first = number;
        const char *wrong = length ? take(line, length, &at, &number) : NULL;
        if (wrong) {
            snprintf(said, sizeof fault, "line %d %s", first, wrong);
            return;
        }
    }
}

/* What is wrong since the last look, or NULL. What stands before the first mistake counts. */
const char *exports_read(void) {
    char said[sizeof fault] = "";
    struct stat st;
    size_t size = 0;
    if (lstat(path_of(env_file), &st) < 0)
        return NULL;
    char *bytes = read_file(AT_FDCWD, path_of(env_file), FILE_LIMIT, &size);
    if (!bytes)
        snprintf(said, sizeof said, "it is no file of at most 1 MiB any more");
    else if (memchr(bytes, 0, size))
        snprintf(said, sizeof said, "it holds a NUL character");
    else {
        bytes[size] = 0;
        parse(bytes, said);
    }
    free(bytes);
    if (!strcmp(fault, said))
        return NULL;
    snprintf(fault, sizeof fault, "%s", said);
    return *fault ? fault : NULL;
}

static bool overridden(const char *pair) {
    for (size_t i = 0; i < count; i++)
        if (same_name(exported[i], pair))
            return true;
    return same_name(env_file, pair) || same_name(bash_file, pair);
}

/* The step's environment with what earlier steps left it, and HOME, which only the container's own passwd knows. The
 * caller frees the list alone. */
char **step_environment(const struct step *step, const struct person *person) {
    static char home[sizeof person->home + 8];
    size_t given = 0, at = 0;
    while (step->env && step->env[given])
        given++;
    char **env = calloc(given + count + 4, sizeof *env);
    for (size_t i = 0; env && i < given; i++)
        if (!overridden(step->env[i]))
            env[at++] = step->env[i];
    for (size_t i = 0; env && i < count; i++)
        env[at++] = exported[i];
    if (!env)
        return NULL;
    env[at++] = env_file;
    env[at++] = bash_file;
    if (person && !env_value(env, "HOME")) {
        snprintf(home, sizeof home, "HOME=%s", person->home);
        env[at++] = home;
    }
    return env;
}

/* What a shell must be told first, because bash alone reads $BASH_ENV by itself. On the script's own first line, so that
 * the numbers of lines stay the author's. */
const char *shell_preface(const char *shell) {
    static const char *const plain[] = {"sh", "dash", "ash", "ksh", "mksh"};
    const char *name = strrchr(shell, '/');
    name = name ? name + 1 : shell;
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (!strcmp(name, plain[i]))
            return "[ ! -s \"$BASH_ENV\" ] || . \"$BASH_ENV\"; ";
    return "";
}
