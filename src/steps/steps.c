/* steps.c - see include/fluxabot/steps.h */
#include "fluxabot/base/defs.h"
