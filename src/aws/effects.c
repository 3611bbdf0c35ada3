/* effects.c - what an operation does to the world, and which permission it needs. */
#include "private.h"

enum fx_effect fx_aws_effect(const char *service, const char *operation) {
    const struct aws_operation *found = aws_operation_find(service, operation);

    return found != NULL ? found->effect : FX_EFFECT_REFUSED;
}

const char *fx_aws_iam_action(struct fx_scope *sc, const char *service, const char *operation) {
    const struct aws_operation *found = aws_operation_find(service, operation);

    if (found == NULL)
        return fx_printf(sc, "%s:%s", service, operation);
    return fx_printf(sc, "%s:%s", found->service->iam_prefix, found->iam_action);
}
