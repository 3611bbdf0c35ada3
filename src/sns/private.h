/* private.h - what the files of sns share: where a topic lives and who signs for it. */
#pragma once

#include "fluxabot/sns.h"

enum { SNS_MAX_REGION = 32, SNS_MAX_NAME = 128 };

/* A topic's place, read from its ARN. */
struct sns_place {
    const char *suffix; /* of the partition's host names: "amazonaws.com" */
    char region[SNS_MAX_REGION];
};

/* FX_ERR_DENIED when the ARN is not a topic's, or its region does not belong to its partition. */
enum fx_code sns_place_of(const char *topic_arn, struct sns_place *ret_place, struct fx_error *err);

/* FX_ERR_DENIED unless url is the one form a signing certificate's address has. */
enum fx_code sns_check_certificate_url(const char *url, const struct sns_place *place,
                                       const struct fx_sns_rules *rules, bool *ret_test_host,
                                       struct fx_error *err);

/* The name that the certificate of a place carries. */
void sns_certificate_name(const struct sns_place *place, char ret_name[SNS_MAX_NAME]);
