/* base.c */
#include "fluxabot/base/defs.h"
