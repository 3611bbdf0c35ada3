/* expr_hostile_rig.h - what hostile expressions are made of, and may read. */
#pragma once

#include "support/test.h"

#include "fluxabot/expr.h"

#define IN_FUNCTION(body) "(function() " body " end)()"

struct fx_json *hostile_names(struct fx_scope *sc);
/* a so many times, middle, then b as often. */
char *hostile_repeated(struct fx_scope *sc, const char *a, size_t times, const char *middle,
                       const char *b);
/* What the source gives, or why it gives nothing: the same text for the same outcome. */
const char *hostile_outcome(struct fx_scope *sc, const char *source, const struct fx_json *names);
