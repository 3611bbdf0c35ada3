/* slackapi.c - see include/fluxabot/slackapi.h */
#include "fluxabot/base/defs.h"
