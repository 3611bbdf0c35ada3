/* steps.h - the table of step kinds. Adding a kind is one file and one row.
 */
#pragma once

#include "fluxabot/step.h"

extern const struct fx_step_kind *const fx_step_kinds[];
extern const size_t fx_step_kinds_count;
