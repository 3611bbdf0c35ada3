/* incident.c - see include/fluxabot/incident.h */
#include "fluxabot/base/defs.h"
