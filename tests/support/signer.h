/* signer.h - signs like SNS, with a key and certificates made on the spot by OpenSSL alone.
 *
 * Nothing here comes from the module under test: the string to sign is joined by hand and Base64 is
 * OpenSSL's own.
 */
#pragma once

#include "support/test.h"

#include <stdbool.h>

struct signer;

enum signer_key { SIGNER_RSA_2048, SIGNER_RSA_1024, SIGNER_RSA_PSS, SIGNER_EC };

struct signer *signer_new(enum signer_key key);
void signer_free(struct signer *signer);

struct signer_certificate {
    const char *common_name;
    const char *alt_name; /* a DNS name; NULL: no such extension */
    int64_t from_s, to_s; /* Unix seconds */
};
/* PEM, to be freed with free(). */
char *signer_certificate(const struct signer *signer, const struct signer_certificate *wish);

/* Base64 of the signature, to be freed with free(). version 1: SHA-1, 2: SHA-256. */
char *signer_sign(const struct signer *signer, const char *text, int version);
