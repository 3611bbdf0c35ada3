/* runbook_kinds.h - a few step kinds that do nothing, to check and load runbooks with.
 *
 * look reads; move changes; call reads, changes or is refused by its operation; approval asks; note
 * takes a list.
 */
#pragma once

#include "fluxabot/runbook.h"

extern const struct fx_step_kind *const runbook_kinds[];
extern const size_t runbook_kinds_count;

/* Opens tests/golden/runbooks/<folder> as the system `name`. */
enum fx_code runbook_open(struct fx_scope *sc, const char *folder, const char *name,
                          const char *environments, struct fx_runbooks **ret_runbooks,
                          struct fx_finding **ret_findings, size_t *ret_count,
                          struct fx_error *err);
/* The same where mistakes are not expected: stops the test with the first one. Close it. */
struct fx_runbooks *runbook_open_good(struct fx_scope *sc, const char *folder, const char *name);
