/* library.c - opens libcairo when a chart is drawn, not when the program starts.
 *
 * Linked, it and the fifteen libraries it brings along made every start one to five milliseconds
 * slower and 1.9 MB larger, also where no chart is ever drawn. It stays open after the first one:
 * each time it is closed and opened again, the libraries behind it leave 12 KB behind.
 */
#include "library.h"

#include <dlfcn.h>

/* The name that Debian and everybody else gives its only binary interface. */
static const char library[] = "libcairo.so.2";

enum fx_code chart_cairo_open(struct chart_cairo *ret_cairo, struct fx_error *err) {
    void *opened = dlopen(library, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);

    if (opened == NULL)
        return fx_fail(err, FX_ERR_INTERNAL, "no picture can be drawn: install the package with %s",
                       library);
#define FIND(name)                                                                                 \
    ret_cairo->name = (typeof(cairo_##name) *)dlsym(opened, "cairo_" #name);                       \
    if (ret_cairo->name == NULL) {                                                                 \
        (void)dlclose(opened);                                                                     \
        return fx_fail(err, FX_ERR_INTERNAL, "%s has no cairo_" #name, library);                   \
    }
    CHART_CAIRO(FIND)
#undef FIND
    (void)dlclose(opened); /* it stays, see above; only the count goes down */
    return FX_OK;
}
