/* move_task_find.c - see move_task.h */
#include "move_task.h"

/* Between our clock and that of SQS, which stamps the tasks. */
enum { CLOCKS_DIFFER_MS = 60 * 1000 };

static int64_t started_at(const struct fx_json *task) {
    return fx_json_get_int(task, "StartedTimestamp", 0);
}

int64_t move_task_newest_start(const struct fx_json *tasks) {
    int64_t newest = 0;

    for (size_t i = 0; i < fx_json_count(tasks); i++) {
        int64_t at = started_at(fx_json_item(tasks, i));

        newest = at > newest ? at : newest;
    }
    return newest;
}

static bool fits(const struct fx_json *task, const struct fx_json *what) {
    return fx_json_equal(fx_json_at(task, "DestinationArn"), fx_json_at(what, "DestinationArn")) &&
           fx_json_get_int(task, "MaxNumberOfMessagesPerSecond", -1) ==
               fx_json_get_int(what, "MaxNumberOfMessagesPerSecond", -2);
}

const struct fx_json *move_task_find_likely(const struct fx_json *tasks,
                                            const struct fx_step_effect *begun, size_t *ret_newer) {
    int64_t after = fx_json_get_int(begun->what, "after", 0);
    const struct fx_json *found = NULL;

    *ret_newer = 0;
    for (size_t i = 0; i < fx_json_count(tasks); i++)
        if (started_at(fx_json_item(tasks, i)) > after) {
            found = fx_json_item(tasks, i);
            ++*ret_newer;
        }
    if (*ret_newer != 1 || !fits(found, begun->what))
        return NULL;
    int64_t late_ms = started_at(found) - begun->begun_ms;

    return late_ms >= -CLOCKS_DIFFER_MS && late_ms <= FX_EFFECT_FENCE_MS + CLOCKS_DIFFER_MS ? found
                                                                                            : NULL;
}

static const struct fx_json *find_by(const struct fx_json *tasks, const char *member,
                                     const struct fx_json *value) {
    for (size_t i = 0; value != NULL && i < fx_json_count(tasks); i++)
        if (fx_json_equal(fx_json_at(fx_json_item(tasks, i), member), value))
            return fx_json_item(tasks, i);
    return NULL;
}

/* Ended before it was seen for the first time. */
static const struct fx_json *find_only(const struct fx_json *tasks, const struct fx_json *what) {
    int64_t after = fx_json_get_int(what, "after", 0);
    const struct fx_json *found = NULL;

    for (size_t i = 0; i < fx_json_count(tasks); i++) {
        const struct fx_json *task = fx_json_item(tasks, i);

        if (started_at(task) <= after || !fits(task, what))
            continue;
        if (found != NULL)
            return NULL;
        found = task;
    }
    return found;
}

const struct fx_json *move_task_find_watched(const struct fx_json *tasks,
                                             const struct fx_step_effect *begun,
                                             const struct fx_json *checkpoint) {
    const struct fx_json *started = fx_json_at(checkpoint, "started");

    if (started != NULL)
        return find_by(tasks, "StartedTimestamp", started);
    const struct fx_json *found =
        find_by(tasks, "TaskHandle", fx_json_at(begun->outcome, "TaskHandle"));

    return found != NULL ? found : find_only(tasks, begun->what);
}
