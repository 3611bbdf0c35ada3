/* private.h - what drawing and telling a chart share. */
#pragma once

#include "fluxabot/chart.h"

/* Of what was measured; measured is 0 when nothing was. */
struct chart_range {
    double least, greatest, last;
    size_t measured;
};
struct chart_range chart_range(const struct fx_chart *chart);
