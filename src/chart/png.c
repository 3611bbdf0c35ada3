/* png.c - a chart as a picture. */
#include "library.h"
#include "private.h"

#include "fluxabot/base/buf.h"
#include "fluxabot/base/clock.h"

#include <math.h>
#include <string.h>

enum {
    LEFT = 64, /* room for the values beside the plot */
    RIGHT = 20,
    TOP = 34,    /* for the title */
    BOTTOM = 32, /* for the times */
    Y_TICKS = 4,
    X_LABEL = 110, /* pixels of one time and the room beside it */
    LETTERS = 12,
    ALARM_WIDTH = 40, /* of that word */
    TITLE_LETTERS = 15,
    DAY_MS = 24 * 3600 * 1000,
};

struct color {
    double red, green, blue;
};
static const struct color background = {1, 1, 1}, ink = {0.14, 0.16, 0.18},
                          grid = {0.85, 0.87, 0.9}, gap = {0.93, 0.93, 0.93},
                          line = {0.04, 0.41, 0.85}, threshold = {0.81, 0.13, 0.18},
                          alarm = {0.75, 0.53, 0};

struct plot {
    struct fx_scope *sc;
    const struct fx_chart *chart;
    const struct chart_cairo *cairo;
    cairo_t *cr;
    double left, top, width, height; /* of the plot, in pixels */
    double low, high;                /* values at its lower and upper edge */
};

static void use(struct plot *p, struct color color) {
    p->cairo->set_source_rgb(p->cr, color.red, color.green, color.blue);
}

static double x_at(const struct plot *p, double points) {
    return p->left + p->width * points / (double)p->chart->count;
}

static double y_at(const struct plot *p, double value) {
    return p->top + p->height * (p->high - value) / (p->high - p->low);
}

/* Straight lines lie on whole pixels: between them they would be pale. */
static void stroke(struct plot *p, double x0, double y0, double x1, double y1) {
    double odd = p->cairo->get_line_width(p->cr) < 2 ? 0.5 : 0;

    p->cairo->move_to(p->cr, round(x0) + odd, round(y0) + odd);
    p->cairo->line_to(p->cr, round(x1) + odd, round(y1) + odd);
    p->cairo->stroke(p->cr);
}

/* Only ASCII: cairo's own letters have no others. */
static void write_text(struct plot *p, double x, double y, double size, const char *text) {
    char *plain = fx_strdup(p->sc, text), *end = plain;

    for (const char *c = text; *c != '\0'; c++)
        if (*c >= ' ' && *c <= '~')
            *end++ = *c;
    *end = '\0';
    p->cairo->set_font_size(p->cr, size);
    p->cairo->move_to(p->cr, x, y);
    p->cairo->show_text(p->cr, plain);
}

/* A short number, and at least this: what people like to read at an axis. */
static double round_step(double step) {
    static const double steps[] = {1, 1.5, 2, 2.5, 3, 4, 5, 6, 8};
    double power = pow(10, floor(log10(step)));

    for (size_t i = 0; i < FX_COUNT_OF(steps); i++)
        if (steps[i] * power >= step)
            return steps[i] * power;
    return 10 * power;
}

static void set_scale(struct plot *p, const struct chart_range *range) {
    double least = range->measured > 0 ? range->least : 0;
    double greatest = range->measured > 0 ? range->greatest : 1;

    if (isfinite(p->chart->threshold)) {
        least = fmin(least, p->chart->threshold);
        greatest = fmax(greatest, p->chart->threshold);
    }
    least = fmin(least, 0);
    greatest += 0.05 * (greatest - least);
    if (!(greatest > least)) /* all of them 0 */
        greatest = least + 1;
    double step = round_step((greatest - least) / Y_TICKS);

    p->low = floor(least / step) * step;
    if (p->low + Y_TICKS * step < greatest) /* below 0 a quarter may be lost to the rounding */
        step = round_step(1.34 * step);
    p->low = floor(least / step) * step;
    p->high = p->low + Y_TICKS * step;
}

static void draw_axes(struct plot *p) {
    const struct fx_chart *chart = p->chart;
    int64_t span_ms = (int64_t)chart->count * chart->period_ms;
    int labels = (int)(p->width / X_LABEL);

    p->cairo->set_line_width(p->cr, 1);
    for (int i = 0; i <= Y_TICKS; i++) {
        double value = p->low + (p->high - p->low) * i / Y_TICKS, y = y_at(p, value);

        use(p, grid);
        stroke(p, p->left, y, p->left + p->width, y);
        use(p, ink);
        write_text(p, 6, y + 4, LETTERS, fx_printf(p->sc, "%.3g", value));
    }
    for (int i = 0; i < labels; i++) {
        int64_t at_ms = chart->from_ms + span_ms * i / labels;
        const char *iso = fx_time_iso(p->sc, at_ms);

        write_text(p, p->left + p->width * i / labels, p->top + p->height + 20, LETTERS,
                   span_ms > DAY_MS ? fx_printf(p->sc, "%.5s %.5s", iso + 5, iso + 11)
                                    : fx_printf(p->sc, "%.5s UTC", iso + 11));
    }
}

static void draw_gaps(struct plot *p) {
    use(p, gap);
    for (size_t i = 0; i < p->chart->count; i++)
        if (!isfinite(p->chart->values[i])) {
            p->cairo->rectangle(p->cr, x_at(p, (double)i), p->top,
                                x_at(p, (double)i + 1) - x_at(p, (double)i), p->height);
            p->cairo->fill(p->cr);
        }
}

/* A point stands in the middle of its period; one without neighbours is a dot. */
static void draw_line(struct plot *p) {
    const double *values = p->chart->values;
    size_t count = p->chart->count;

    use(p, line);
    p->cairo->set_line_width(p->cr, 2);
    for (size_t i = 0; i < count; i++) {
        double x = x_at(p, (double)i + 0.5), y = isfinite(values[i]) ? y_at(p, values[i]) : 0;
        bool before = i > 0 && isfinite(values[i - 1]);
        bool after = i + 1 < count && isfinite(values[i + 1]);

        if (!isfinite(values[i]))
            continue;
        if (before)
            p->cairo->line_to(p->cr, x, y);
        else
            p->cairo->move_to(p->cr, x, y);
        if (!before && !after)
            p->cairo->arc(p->cr, x, y, 1.5, 0, 2 * M_PI);
        if (!after)
            p->cairo->stroke(p->cr);
    }
}

static void draw_marks(struct plot *p) {
    static const double dashes[] = {6, 4};
    const struct fx_chart *chart = p->chart;
    double points = (double)(chart->alarm_ms - chart->from_ms) / (double)chart->period_ms;

    p->cairo->set_line_width(p->cr, 2);
    if (chart->alarm_ms != 0 && points >= 0 && points <= (double)chart->count) {
        use(p, alarm);
        stroke(p, x_at(p, points), p->top, x_at(p, points), p->top + p->height);
        bool at_edge = x_at(p, points) > p->left + p->width - ALARM_WIDTH;

        write_text(p, x_at(p, points) + (at_edge ? -ALARM_WIDTH : 4), p->top + 12, LETTERS,
                   "alarm");
    }
    if (!isfinite(chart->threshold))
        return;
    use(p, threshold);
    p->cairo->set_dash(p->cr, dashes, FX_COUNT_OF(dashes), 0);
    stroke(p, p->left, y_at(p, chart->threshold), p->left + p->width, y_at(p, chart->threshold));
    p->cairo->set_dash(p->cr, NULL, 0, 0);
    write_text(p, p->left + 4, y_at(p, chart->threshold) - 4, LETTERS,
               fx_printf(p->sc, "threshold %.4g", chart->threshold));
}

static void draw(struct plot *p) {
    const struct fx_chart *chart = p->chart;
    struct chart_range range = chart_range(chart);
    const char *unit = chart->unit[0] == '\0' ? "" : fx_printf(p->sc, " (%s)", chart->unit);

    set_scale(p, &range);
    use(p, background);
    p->cairo->paint(p->cr);
    p->cairo->select_font_face(p->cr, "@cairo:", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_BOLD);
    use(p, ink);
    write_text(p, 6, 20, TITLE_LETTERS, fx_printf(p->sc, "%s%s", chart->title, unit));
    draw_gaps(p);
    draw_axes(p);
    draw_line(p);
    draw_marks(p);
    use(p, ink);
    if (range.measured == 0)
        write_text(p, p->left + p->width / 2 - 24, p->top + p->height / 2, TITLE_LETTERS,
                   "no data");
}

static cairo_status_t take_bytes(void *buf, const unsigned char *bytes, unsigned int len) {
    struct fx_buf *png = buf;

    fx_buf_add(png, (struct fx_slice){(const char *)bytes, len});
    return png->full ? CAIRO_STATUS_WRITE_ERROR : CAIRO_STATUS_SUCCESS;
}

static enum fx_code check(const struct fx_chart *chart, int width, int height,
                          struct fx_error *err) {
    if (chart->count == 0 || chart->period_ms <= 0)
        return fx_fail(err, FX_ERR_INPUT, "a chart needs points and how long a period is");
    if (chart->count > FX_CHART_MAX_POINTS)
        return fx_fail(err, FX_ERR_LIMIT, "a chart has at most %d points", FX_CHART_MAX_POINTS);
    if (width < FX_CHART_MIN_WIDTH || width > FX_CHART_MAX_WIDTH || height < FX_CHART_MIN_HEIGHT ||
        height > FX_CHART_MAX_HEIGHT)
        return fx_fail(err, FX_ERR_LIMIT, "a chart is %d to %d pixels wide and %d to %d high",
                       FX_CHART_MIN_WIDTH, FX_CHART_MAX_WIDTH, FX_CHART_MIN_HEIGHT,
                       FX_CHART_MAX_HEIGHT);
    return FX_OK;
}

enum fx_code fx_chart_png(struct fx_scope *sc, const struct fx_chart *chart,
                          struct fx_slice *ret_png, struct fx_error *err) {
    int width = chart->width == 0 ? FX_CHART_WIDTH : chart->width;
    int height = chart->height == 0 ? FX_CHART_HEIGHT : chart->height;
    struct chart_cairo cairo;
    struct fx_buf png;

    FX_TRY(check(chart, width, height, err));
    FX_TRY(chart_cairo_open(&cairo, err));
    cairo_surface_t *surface = cairo.image_surface_create(CAIRO_FORMAT_RGB24, width, height);
    struct plot plot = {.sc = sc,
                        .chart = chart,
                        .cairo = &cairo,
                        .cr = cairo.create(surface),
                        .left = LEFT,
                        .top = TOP,
                        .width = width - LEFT - RIGHT,
                        .height = height - TOP - BOTTOM};

    draw(&plot);
    cairo_status_t status = cairo.status(plot.cr);
    cairo.destroy(plot.cr);
    fx_buf_init(&png, sc, FX_CHART_MAX_BYTES);
    if (status == CAIRO_STATUS_SUCCESS)
        status = cairo.surface_write_to_png_stream(surface, take_bytes, &png);
    cairo.surface_destroy(surface);
    if (status != CAIRO_STATUS_SUCCESS)
        return fx_fail(err, FX_ERR_INTERNAL, "the chart was not drawn: %s",
                       cairo.status_to_string(status));
    *ret_png = fx_buf_slice(&png);
    return FX_OK;
}
