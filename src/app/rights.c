/* rights.c - AWS with the rights of an environment. */
#include "private.h"

#include "fluxabot/aws.h"

struct fx_aws *app_aws_of(struct fx_aws *aws, struct fx_scope *sc,
                          const struct fx_environment *environment, const char *session) {
    return fx_aws_as(aws, sc,
                     &(struct fx_aws_role){.arn = environment->role_arn,
                                           .external_id = environment->external_id,
                                           .session = session,
                                           .region = environment->region});
}
