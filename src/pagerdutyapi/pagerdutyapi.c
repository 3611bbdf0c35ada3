/* pagerdutyapi.c - see include/fluxabot/pagerdutyapi.h */
#include "fluxabot/base/defs.h"
