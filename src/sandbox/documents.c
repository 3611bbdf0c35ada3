/* documents.c - what services hold that are only asked: a document of JSON for each, which POST
 * /sandbox/world changes member by member.
 */
#include "documents.h"

#include <string.h>

static const struct {
    const char *service;
    struct fx_json *(*build)(struct sandbox_aws *aws);
} documents[] = {
    {"rds", rds_document},
    {"s3", s3_document},
    {"ec2", ec2_document},
    {"health", health_document},
};

void documents_build(struct sandbox_aws *aws) {
    aws->documents = fx_json_object(aws->world);
    for (size_t i = 0; i < FX_COUNT_OF(documents); i++)
        fx_json_put(aws->documents, documents[i].service, documents[i].build(aws));
}

struct fx_json *documents_of(const struct sandbox_aws *aws, const char *service) {
    return fx_json_at(aws->documents, service);
}

struct fx_json *documents_keep(struct sandbox_aws *aws, const struct fx_json *value) {
    return fx_json_copy(aws->world, value);
}

static void merge(struct sandbox_aws *aws, struct fx_json *into, const struct fx_json *patch) {
    struct fx_json *value = NULL;
    const char *key = NULL;
    void *cursor = NULL;

    while (fx_json_next(patch, &cursor, &key, &value)) {
        struct fx_json *there = fx_json_at(into, key);

        if (fx_json_type(value) == FX_JSON_NULL)
            fx_json_remove(into, key);
        else if (fx_json_type(value) == FX_JSON_OBJECT && fx_json_type(there) == FX_JSON_OBJECT)
            merge(aws, there, value);
        else
            fx_json_put(into, key, documents_keep(aws, value));
    }
}

const char *documents_merge(struct sandbox_aws *aws, const struct fx_json *body) {
    for (size_t i = 0; i < FX_COUNT_OF(documents); i++) {
        const struct fx_json *patch = fx_json_at(body, documents[i].service);

        if (patch != NULL && fx_json_type(patch) != FX_JSON_OBJECT)
            return "rds, s3, ec2 and health are objects: what they hold";
        merge(aws, documents_of(aws, documents[i].service), patch);
    }
    return NULL;
}
