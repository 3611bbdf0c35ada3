/* library.h - the part of libcairo that draws a chart, found when the first chart is drawn. */
#pragma once

#include "fluxabot/base/error.h"

#include <cairo.h>

/* Every function that png.c calls, without its cairo_. */
#define CHART_CAIRO(X)                                                                             \
    X(arc)                                                                                         \
    X(create)                                                                                      \
    X(destroy)                                                                                     \
    X(fill)                                                                                        \
    X(get_line_width)                                                                              \
    X(image_surface_create)                                                                        \
    X(line_to)                                                                                     \
    X(move_to)                                                                                     \
    X(paint)                                                                                       \
    X(rectangle)                                                                                   \
    X(select_font_face)                                                                            \
    X(set_dash)                                                                                    \
    X(set_font_size)                                                                               \
    X(set_line_width)                                                                              \
    X(set_source_rgb)                                                                              \
    X(show_text)                                                                                   \
    X(status)                                                                                      \
    X(status_to_string)                                                                            \
    X(stroke)                                                                                      \
    X(surface_destroy)                                                                             \
    X(surface_write_to_png_stream)

struct chart_cairo {
#define CHART_CAIRO_MEMBER(name) typeof(cairo_##name) *name;
    CHART_CAIRO(CHART_CAIRO_MEMBER)
#undef CHART_CAIRO_MEMBER
};

/* FX_ERR_INTERNAL when libcairo is not installed. */
enum fx_code chart_cairo_open(struct chart_cairo *ret_cairo, struct fx_error *err);
