/* app.c - see include/fluxabot/app.h */
#include "fluxabot/base/defs.h"
