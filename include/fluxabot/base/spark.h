/* spark.h - numbers over time as one line of small bars. */
#pragma once

#include "fluxabot/base/defs.h"

enum {
    FX_SPARK_MAX = 60,                    /* bars of a line */
    FX_SPARK_BYTES = FX_SPARK_MAX * 3 + 1 /* of its UTF-8 */
};

/* Writes at most width bars, and never more than FX_SPARK_MAX: each is the mean of the values that
 * share it, drawn between the least and the greatest of them. NAN was not measured; a bar of
 * nothing else is the dot "·", so that a gap is seen and not taken for a low value. "" for no
 * values. */
void fx_sparkline(const double *values, size_t count, size_t width, char ret_line[FX_SPARK_BYTES]);
