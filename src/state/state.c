/* state.c - see include/fluxabot/state.h */
#include "fluxabot/base/defs.h"
