/* Users and groups by the image's own files: a static program has no name service to ask. */
#include "supervisor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIELDS 7

static size_t split(char *line, char **fields) {
    size_t count = 0;
    line[strcspn(line, "\r\n")] = 0;
    while (count < FIELDS) {
        fields[count++] = line;
        line = strchr(line, ':');
        if (!line)
            break;
        *line++ = 0;
    }
    return count;
}

static bool number(const char *text, unsigned *value) {
    char *end;
    unsigned long parsed = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || parsed > 0xfffffffeUL)
        return false;
    *value = (unsigned)parsed;
    return true;
}

/* The entry whose name or number is `wanted`; the name is copied out because group lists go by it. */
static bool find_user(const char *wanted, struct person *person, char *name, size_t name_size) {
    char *line = NULL, *f[FIELDS];
    size_t room = 0;
    unsigned uid, gid, number_wanted;
    bool found = false, by_number = number(wanted, &number_wanted);
    FILE *file = fopen("/etc/passwd", "re");
    while (file && !found && getline(&line, &room, file) > 0) {
        if (split(line, f) < 6 || !number(f[2], &uid) || !number(f[3], &gid))
            continue;
        found = !strcmp(f[0], wanted) || (by_number && uid == number_wanted);
        if (!found)
            continue;
        person->uid = uid;
        person->gid = gid;
        snprintf(name, name_size, "%s", f[0]);
        snprintf(person->home, sizeof person->home, "%s", f[5][0] ? f[5] : "/");
    }
    free(line);
    if (file)
        fclose(file);
    return found;
}

static bool lists(char *members, const char *name) {
    char *rest = members, *member;
    while ((member = strsep(&rest, ",")))
        if (!strcmp(member, name))
            return true;
    return false;
}

/* Calls for each group: the one named `wanted` sets gid, those that list `member` are added. */
static bool find_groups(const char *wanted, const char *member, struct person *person) {
    char *line = NULL, *f[FIELDS];
    size_t room = 0;
    unsigned gid;
    bool found = false;
    FILE *file = fopen("/etc/group", "re");
    while (file && getline(&line, &room, file) > 0) {
        size_t fields = split(line, f);
        if (fields < 3 || !number(f[2], &gid))
            continue;
        if (wanted && !strcmp(f[0], wanted)) {
            person->gid = gid;
            found = true;
        }
        if (member && *member && fields > 3 && lists(f[3], member) && person->group_count < 64)
            person->groups[person->group_count++] = gid;
    }
    free(line);
    if (file)
        fclose(file);
    return found;
}

/* `name|uid[:group|gid]`, as an image's USER is written. */
int find_person(const char *spec, struct person *person) {
    char user[256], name[256] = "";
    unsigned value;
    *person = (struct person){.home = "/"};
    snprintf(user, sizeof user, "%s", spec && *spec ? spec : "0");
    char *group = strchr(user, ':');
    if (group)
        *group++ = 0;
    if (!find_user(*user ? user : "0", person, name, sizeof name)) {
        if (number(user, &value))
            person->uid = value;
        else if (*user && strcmp(user, "root"))
            return -1;
    }
    if (group && *group) {
        if (number(group, &value))
            person->gid = value;
        else if (!find_groups(group, NULL, person))
            return -1;
    } else
        find_groups(NULL, name, person);
    return 0;
}
