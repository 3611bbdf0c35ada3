/* private.h - what the files of sns share: the members of an envelope, where a topic lives and who
 * signs for it. */
#pragma once

#include "fluxabot/sns.h"

enum { SNS_MAX_REGION = 32 };

/* ---- members.c ---- */

/* Those that are read; others may stand beside them. */
enum sns_member {
    SNS_TYPE,
    SNS_MESSAGE_ID,
    SNS_TOPIC_ARN,
    SNS_SUBJECT,
    SNS_MESSAGE,
    SNS_TIMESTAMP,
    SNS_SIGNATURE_VERSION,
    SNS_SIGNATURE,
    SNS_CERTIFICATE_URL,
    SNS_TOKEN,
    SNS_SUBSCRIBE_URL,
    SNS_MEMBERS
};

struct sns_members {
    enum fx_json_type kind[SNS_MEMBERS]; /* FX_JSON_ABSENT where there is none */
    const char *text[SNS_MEMBERS];       /* NULL where it is no string; in the scope */
};

const char *sns_member_name(enum sns_member which);
/* FX_ERR_INPUT when body is not one JSON object whose names are distinct, FX_ERR_LIMIT when it
 * holds more values than an envelope could. */
enum fx_code sns_read_members(struct fx_scope *sc, struct fx_slice body,
                              struct sns_members *ret_members, struct fx_error *err);

/* ---- certificate.c ---- */

/* A topic's place, read from its ARN. */
struct sns_place {
    const char *suffix; /* of the partition's host names: "amazonaws.com" */
    const char *name;   /* of its certificates, where a region has none of its own */
    char region[SNS_MAX_REGION];
};

/* FX_ERR_DENIED when the ARN is not a topic's, or its region does not belong to its partition. */
enum fx_code sns_place_of(const char *topic_arn, struct sns_place *ret_place, struct fx_error *err);

/* FX_ERR_DENIED unless url is the one form a signing certificate's address has. */
enum fx_code sns_check_certificate_url(const char *url, const struct sns_place *place,
                                       const struct fx_sns_rules *rules, bool *ret_test_host,
                                       struct fx_error *err);

/* The name that the certificate of a place carries; always the same pointer. */
const char *sns_certificate_name(const struct sns_place *place);
