/* pagerduty.c - see include/fluxabot/pagerduty.h */
#include "fluxabot/base/defs.h"
