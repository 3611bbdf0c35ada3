/* sns_world.h - an SNS of our own: writes, signs and delivers envelopes.
 *
 * The string to sign is joined here, independently of the module under test.
 */
#pragma once

#include "support/signer.h"

#include "fluxabot/sns.h"

#define TOPIC "arn:aws:sns:us-east-1:123456789012:fluxa-alarms"
#define OTHER_TOPIC "arn:aws:sns:us-east-1:123456789012:fluxa-notes"
#define FOREIGN_TOPIC "arn:aws:sns:us-east-1:666666666666:mine"
#define PATH "/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem"
#define ID "6f0d7a52-2b1e-5c0c-9d55-21b0a4c0d9e1"
#define OTHER_ID "11111111-2222-3333-4444-555555555555"
#define TIME "2026-11-21T09:15:04.123Z"
#define OTHER_TIME "2026-11-21T09:20:00.000Z"
#define NOW_S INT64_C(1795452504) /* two days and some after TIME */

/* TOPIC and OTHER_TOPIC are accepted; localhost is a test host. */
extern const struct fx_sns_rules sns_rules;

struct sns_world {
    struct fx_scope *sc;
    struct signer *sns; /* one key for all tests: making it takes longest */
    struct fx_error err;
};
int sns_world_begin(void **state);
int sns_world_end(void **state);

/* An envelope as its sender wrote it; NULL members are left out. */
struct sns_message {
    const char *type, *id, *topic, *subject, *text, *time, *version, *token, *subscribe_url, *url;
};
extern const struct sns_message sns_notification;
struct sns_message sns_confirmation(const char *type);

/* What AWS would give this region's certificate, valid around NOW_S. */
extern const struct signer_certificate sns_genuine;
const char *sns_certificate(struct sns_world *w, const struct signer *signer,
                            const struct signer_certificate *wish);

const char *sns_string_of(struct sns_world *w, const struct sns_message *m);
const char *sns_sign(struct sns_world *w, const struct sns_message *m);
const char *sns_body_of(struct sns_world *w, const struct sns_message *m, const char *signature);
/* What a receiver does: parse, then verify. */
enum fx_code sns_receive(struct sns_world *w, const char *body, const char *pem);
enum fx_code sns_receive_signed(struct sns_world *w, const struct sns_message *m, const char *pem);
