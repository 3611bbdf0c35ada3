/* sql.c - see include/fluxabot/sql.h */
#include "fluxabot/base/defs.h"
