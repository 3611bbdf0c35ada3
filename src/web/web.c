/* web.c - see include/fluxabot/web.h */
#include "fluxabot/base/defs.h"
