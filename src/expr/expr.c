/* expr.c - see include/fluxabot/expr.h */
#include "fluxabot/base/defs.h"
