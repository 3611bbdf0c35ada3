/* step.c - see include/fluxabot/step.h */
#include "fluxabot/base/defs.h"
