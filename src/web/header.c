/* header.c - one header of a request, by name. */
#include "private.h"

#include <string.h>
#include <strings.h>

struct search {
    const char *name, *value;
    size_t name_size;
    int count;
};

static enum MHD_Result find_header(void *argument, enum MHD_ValueKind kind, const char *name,
                                   size_t name_size, const char *value, size_t value_size) {
    struct search *search = argument;

    (void)kind;
    (void)value_size;
    if (name_size == search->name_size && strcasecmp(name, search->name) == 0) {
        search->value = value;
        search->count++;
    }
    return MHD_YES;
}

static struct search look_for(struct web_request *request, const char *name) {
    struct search search = {.name = name, .name_size = strlen(name)};

    MHD_get_connection_values_n(request->connection, MHD_HEADER_KIND, find_header, &search);
    return search;
}

const char *web_header(struct web_request *request, const char *name) {
    struct search search = look_for(request, name);

    return search.count == 1 ? search.value : NULL;
}

int web_header_count(struct web_request *request, const char *name) {
    return look_for(request, name).count;
}
