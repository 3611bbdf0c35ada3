/* move_task.h - which of the tasks that SQS lists is ours.
 *
 * SQS shows a task's handle only while it runs, and the last few tasks of a queue. Everybody who
 * may start tasks may start one to the same queue at the same rate.
 */
#pragma once

#include "private.h"

enum { MOVE_TASKS_LISTED = 10 }; /* more SQS does not show */

/* SQS's clock at the newest task there is, 0 without any: ours will be a later one. */
int64_t move_task_newest_start(const struct fx_json *tasks);
/* The answer to the start got lost: the only task that began after those that were there, if it
 * began when ours would have, to our queue at our rate; NULL when there is none, or more. That it
 * is ours only a person can tell. *ret_newer is how many began after those that were there. */
const struct fx_json *move_task_find_likely(const struct fx_json *tasks,
                                            const struct fx_step_effect *begun, size_t *ret_newer);
/* The start is known: by what was seen of it before (the checkpoint's "started"), by its answer, or
 * as the only one that fits. NULL when it is not listed. */
const struct fx_json *move_task_find_watched(const struct fx_json *tasks,
                                             const struct fx_step_effect *begun,
                                             const struct fx_json *checkpoint);
