/* engine.c - see include/fluxabot/engine.h */
#include "fluxabot/base/defs.h"
