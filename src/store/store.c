/* store.c - see include/fluxabot/store.h */
#include "fluxabot/base/defs.h"
