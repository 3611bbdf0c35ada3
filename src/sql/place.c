/* place.c - where a connection string leads, without what is secret in it. */
#include "private.h"

#include "fluxabot/base/buf.h"

#include <string.h>

enum { MAX_PLACE = 500 };

static void free_options(void *options) {
    PQconninfoFree(options);
}

static bool says_where(const char *keyword) {
    static const char *const wanted[] = {"service", "host", "hostaddr", "port", "dbname", "user"};

    for (size_t i = 0; i < FX_COUNT_OF(wanted); i++)
        if (strcmp(keyword, wanted[i]) == 0)
            return true;
    return false;
}

const char *fx_sql_place(struct fx_scope *sc, const char *url) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *own = fx_scope_new(sc);
    PQconninfoOption *options = PQconninfoParse(url, NULL);
    struct fx_buf text;

    if (options == NULL)
        return NULL;
    fx_defer(own, free_options, options);
    fx_buf_init(&text, sc, MAX_PLACE);
    for (const PQconninfoOption *one = options; one->keyword != NULL; one++)
        if (one->val != NULL && says_where(one->keyword))
            fx_buf_addf(&text, "%s%s=%s", text.len == 0 ? "" : " ", one->keyword, one->val);
    return fx_buf_text(&text);
}
