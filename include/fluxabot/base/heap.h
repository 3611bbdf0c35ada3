/* heap.h - gives memory that is free back to the system.
 *
 * What one piece of work took and freed stays with the process, in one of several heaps, for the
 * next that is allotted the same one. After work that takes megabytes, and may not come again for
 * hours, it is worth the look through all of them.
 */
#pragma once

/* By the thread that did the work; it may be called at any time, and takes some milliseconds. */
void fx_heap_trim(void);
