/* logs_groups.c - CloudWatch Logs' groups and their events, kept in the order of time. */
#include "aws.h"

#include <string.h>

struct logs_group *logs_find(struct sandbox_aws *aws, const char *name) {
    for (struct logs_group *group = aws->groups; group != NULL; group = group->next)
        if (strcmp(group->name, name) == 0)
            return group;
    return NULL;
}

struct logs_group *logs_group_new(struct sandbox_aws *aws, const char *name) {
    struct logs_group *group = FX_NEW(aws->world, struct logs_group);

    group->name = fx_strdup(aws->world, name);
    group->created_ms = fx_wall_ms(aws->sb->clock);
    group->next = aws->groups;
    aws->groups = group;
    return group;
}

static void drop_oldest(struct logs_group *group) {
    struct logs_event *oldest = group->first;

    group->first = oldest->next;
    if (group->first != NULL)
        group->first->previous = NULL;
    else
        group->last = NULL;
    group->count--;
    fx_scope_free(oldest->sc);
}

void logs_clear(struct logs_group *group) {
    while (group->first != NULL)
        drop_oldest(group);
}

/* Lines come nearly in order, so the place is found from the end. */
static void insert(struct logs_group *group, struct logs_event *event) {
    struct logs_event *after = group->last;

    while (after != NULL && after->time_ms > event->time_ms)
        after = after->previous;
    event->previous = after;
    event->next = after != NULL ? after->next : group->first;
    if (event->next != NULL)
        event->next->previous = event;
    else
        group->last = event;
    if (after != NULL)
        after->next = event;
    else
        group->first = event;
    group->count++;
}

void logs_put(struct sandbox_aws *aws, const char *group_name, const char *stream, int64_t time_ms,
              const char *message) {
    struct logs_group *group = logs_find(aws, group_name);
    struct fx_scope *sc = fx_scope_new(NULL);
    struct logs_event *event = FX_NEW(sc, struct logs_event);

    if (group == NULL)
        group = logs_group_new(aws, group_name);
    event->sc = sc;
    event->time_ms = time_ms;
    event->ingested_ms = fx_wall_ms(aws->sb->clock);
    event->id = fx_printf(sc, "3%030lld", (long long)++aws->serial);
    event->stream = fx_strdup(sc, stream);
    event->message = fx_strdup(sc, message);
    insert(group, event);
    if (group->count > LOGS_MAX_EVENTS)
        drop_oldest(group);
}
