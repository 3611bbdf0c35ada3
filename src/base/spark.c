/* spark.c - numbers over time as one line of small bars. */
#include "fluxabot/base/spark.h"

#include <math.h>
#include <string.h>

static double mean_of(const double *values, size_t first, size_t last) {
    double total = 0;
    size_t count = 0;

    for (size_t i = first; i < last; i++)
        if (isfinite(values[i])) {
            total += values[i];
            count++;
        }
    return count > 0 ? total / (double)count : NAN;
}

void fx_sparkline(const double *values, size_t count, size_t width, char ret_line[FX_SPARK_BYTES]) {
    static const char *const bars[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    double means[FX_SPARK_MAX], least = INFINITY, greatest = -INFINITY;
    size_t most = width < FX_SPARK_MAX ? width : FX_SPARK_MAX;
    size_t shown = count < most ? count : most;
    char *end = ret_line;

    for (size_t i = 0; i < shown; i++) {
        means[i] = mean_of(values, i * count / shown, (i + 1) * count / shown);
        least = fmin(least, means[i]);
        greatest = fmax(greatest, means[i]);
    }
    for (size_t i = 0; i < shown; i++) {
        double share = (means[i] - least) / (greatest - least);
        const char *bar = bars[share >= 0 && share <= 1 ? (size_t)(share * 7 + 0.5) : 0];

        if (isnan(means[i]))
            bar = "·";
        size_t len = strlen(bar);
        memcpy(end, bar, len);
        end += len;
    }
    *end = '\0';
}
