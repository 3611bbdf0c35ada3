/* header.c - one header of a request, by name. */
#include "private.h"

#include <strings.h>

struct search {
    const char *name, *value;
    int count;
};

static enum MHD_Result find_header(void *argument, enum MHD_ValueKind kind, const char *name,
                                   const char *value) {
    struct search *search = argument;

    (void)kind;
    if (strcasecmp(name, search->name) == 0) {
        search->value = value;
        search->count++;
    }
    return MHD_YES;
}

static struct search look_for(struct web_request *request, const char *name) {
    struct search search = {.name = name};

    MHD_get_connection_values(request->connection, MHD_HEADER_KIND, find_header, &search);
    return search;
}

const char *web_header(struct web_request *request, const char *name) {
    struct search search = look_for(request, name);

    return search.count == 1 ? search.value : NULL;
}

int web_header_count(struct web_request *request, const char *name) {
    return look_for(request, name).count;
}

size_t web_content_length(struct web_request *request) {
    int64_t length = 0;

    return fx_slice_to_int(fx_slice_of(web_header(request, "Content-Length")), &length) &&
                   length > 0
               ? (size_t)length
               : 0;
}
