/* sns.c - see include/fluxabot/sns.h */
#include "fluxabot/base/defs.h"
