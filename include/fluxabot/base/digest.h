/* digest.h - hashes, codes and ids; the only door to OpenSSL's digests below TLS. */
#pragma once

#include "fluxabot/base/clock.h"

enum { FX_SHA256_BYTES = 32, FX_SHA256_HEX = 64, FX_MD5_HEX = 32 };

void fx_sha256(struct fx_slice data, uint8_t ret_digest[FX_SHA256_BYTES]);
char *fx_sha256_hex(struct fx_scope *sc, struct fx_slice data);
/* Of what comes in parts; ends with the scope. After fx_sha256_end nothing may be added. */
struct fx_sha256_sum;
struct fx_sha256_sum *fx_sha256_begin(struct fx_scope *sc);
void fx_sha256_add(struct fx_sha256_sum *sum, struct fx_slice data);
void fx_sha256_end(struct fx_sha256_sum *sum, uint8_t ret_digest[FX_SHA256_BYTES]);
char *fx_md5_hex(struct fx_scope *sc, struct fx_slice data); /* SQS checks bodies by MD5 */
void fx_hmac_sha256(struct fx_slice key, struct fx_slice data, uint8_t ret_mac[FX_SHA256_BYTES]);

/* A key made ready for many codes. It may be used from any thread; the copy of the key is wiped
 * when it is freed. */
struct fx_hmac_key;
struct fx_hmac_key *fx_hmac_key_new(struct fx_slice key);
void fx_hmac_key_free(struct fx_hmac_key *key);
/* The code of all parts one after the other. */
void fx_hmac_key_sign(const struct fx_hmac_key *key, const struct fx_slice *parts, size_t count,
                      uint8_t ret_mac[FX_SHA256_BYTES]);

char *fx_hex(struct fx_scope *sc, const void *bytes, size_t len); /* lower case */
char *fx_base64(struct fx_scope *sc, struct fx_slice data);
/* Strict: no blanks, right padding. */
enum fx_code fx_base64_decode(struct fx_scope *sc, struct fx_slice text, struct fx_slice *ret_data,
                              struct fx_error *err);

/* Twelve characters of [0-9a-z] without look-alikes, 60 bits: run, approval and incident ids.
 * prefix may be "". */
char *fx_id_new(struct fx_scope *sc, struct fx_random *random, const char *prefix);
/* A version 4 UUID in lower case. */
char *fx_uuid_new(struct fx_scope *sc, struct fx_random *random);
/* A version 7 UUID (RFC 9562): it begins with the time, so that rows that come one after the other
 * also lie beside each other in an index. */
char *fx_uuid_at(struct fx_scope *sc, struct fx_random *random, int64_t wall_ms);

/* Percent-encodes everything but A-Za-z0-9-_.~ and, when keep_slash, '/'. */
char *fx_url_encode(struct fx_scope *sc, struct fx_slice s, bool keep_slash);
/* Decodes %XX, and '+' as a blank when form. A zero follows the text. FX_ERR_INPUT on a broken
 * escape or a NUL. */
enum fx_code fx_url_decode(struct fx_scope *sc, struct fx_slice s, bool form,
                           struct fx_slice *ret_text, struct fx_error *err);
