/* policy.c - see include/fluxabot/policy.h */
#include "fluxabot/base/defs.h"
