/* runbook.c - see include/fluxabot/runbook.h */
#include "fluxabot/base/defs.h"
