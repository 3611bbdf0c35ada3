/* json_text.h - what making a value and writing it share. */
#pragma once

#include "fluxabot/base/json.h"

/* What is not UTF-8, and NUL, becomes U+FFFD. Of the text itself, or of the scope. */
struct fx_slice json_repair(struct fx_scope *sc, struct fx_slice s);
