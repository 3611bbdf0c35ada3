/* yaml.c - see include/fluxabot/yaml.h */
#include "fluxabot/base/defs.h"
