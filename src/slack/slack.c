/* slack.c - see include/fluxabot/slack.h */
#include "fluxabot/base/defs.h"
