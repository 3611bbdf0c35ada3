/* intake.c - see include/fluxabot/intake.h */
#include "fluxabot/base/defs.h"
