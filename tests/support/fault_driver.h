/* fault_driver.h - below the operations of a store: in every unit of work the n-th statement fails,
 * and the unit is tried again, as after a conflict or a connection that was lost in the middle.
 *
 * Nothing of the first try may be left, neither in the database nor in what the operation has
 * counted or handed out. So whoever uses the store sees no difference.
 */
#pragma once

#include "fluxabot/store.h"

/* On an open store, which nobody uses yet. n is 1 for the first statement. One store at a time. */
void fault_driver_lay_under(struct fx_store *store, int64_t n);
/* How many units have met the fault since the last call. */
int64_t fault_driver_take_fired(void);
