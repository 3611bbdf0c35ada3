/* table.c - finds an operation, a member, an effect in the generated table. */
#include "private.h"

#include <string.h>

/* CloudWatch's host and IAM names differ; people write either. */
static bool is_named(const struct aws_service *service, const char *name) {
    return strcmp(service->name, name) == 0 || strcmp(service->host, name) == 0;
}

const struct aws_operation *aws_operation_find(const char *service, const char *operation) {
    if (service == NULL || operation == NULL)
        return NULL;
    for (size_t i = 0; i < aws_operations_count; i++)
        if (strcmp(aws_operations[i].name, operation) == 0 &&
            is_named(aws_operations[i].service, service))
            return &aws_operations[i];
    return NULL;
}

const struct aws_member *aws_member_find(const struct aws_shape *shape, const char *name) {
    for (uint16_t i = 0; i < shape->count; i++)
        if (strcmp(aws_members[shape->first + i].name, name) == 0)
            return &aws_members[shape->first + i];
    return NULL;
}

bool fx_aws_operation_exists(const char *service, const char *operation) {
    return aws_operation_find(service, operation) != NULL;
}
