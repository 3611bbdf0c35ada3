/* digest.c - hashes and codes, on OpenSSL. */
#include "fluxabot/base/digest.h"

#include "fluxabot/base/buf.h"
#include "fluxabot/base/eight.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

static unsigned digest_with(const EVP_MD *algorithm, struct fx_slice data,
                            uint8_t ret_digest[EVP_MAX_MD_SIZE]) {
    unsigned length = 0;

    if (EVP_Digest(data.ptr, data.len, ret_digest, &length, algorithm, NULL) != 1)
        abort(); /* the library is broken or has no memory */
    return length;
}

void fx_sha256(struct fx_slice data, uint8_t ret_digest[FX_SHA256_BYTES]) {
    uint8_t digest[EVP_MAX_MD_SIZE];

    digest_with(EVP_sha256(), data, digest);
    memcpy(ret_digest, digest, FX_SHA256_BYTES);
}

char *fx_sha256_hex(struct fx_scope *sc, struct fx_slice data) {
    uint8_t digest[EVP_MAX_MD_SIZE];

    return fx_hex(sc, digest, digest_with(EVP_sha256(), data, digest));
}

struct fx_sha256_sum {
    EVP_MD_CTX *context;
};

static void free_sum(void *thing) {
    EVP_MD_CTX_free(thing);
}

struct fx_sha256_sum *fx_sha256_begin(struct fx_scope *sc) {
    struct fx_sha256_sum *sum = FX_NEW(sc, struct fx_sha256_sum);

    sum->context = EVP_MD_CTX_new();
    if (sum->context == NULL || EVP_DigestInit_ex(sum->context, EVP_sha256(), NULL) != 1)
        abort();
    fx_defer(sc, free_sum, sum->context);
    return sum;
}

void fx_sha256_add(struct fx_sha256_sum *sum, struct fx_slice data) {
    if (EVP_DigestUpdate(sum->context, data.ptr, data.len) != 1)
        abort();
}

void fx_sha256_end(struct fx_sha256_sum *sum, uint8_t ret_digest[FX_SHA256_BYTES]) {
    if (EVP_DigestFinal_ex(sum->context, ret_digest, NULL) != 1)
        abort();
}

char *fx_md5_hex(struct fx_scope *sc, struct fx_slice data) {
    uint8_t digest[EVP_MAX_MD_SIZE];

    return fx_hex(sc, digest, digest_with(EVP_md5(), data, digest));
}

/* RFC 2104: the digest of the key's outer block and of the digest of its inner block and the text.
 * Two digests cost a fraction of OpenSSL's own HMAC, which looks up what it needs by name each time
 * and copies three contexts where two are needed. */

enum { SHA256_BLOCK_BYTES = 64, HMAC_INNER = 0x36, HMAC_OUTER = 0x5c };

static void make_block(struct fx_slice key, uint8_t ret_block[SHA256_BLOCK_BYTES]) {
    memset(ret_block, 0, SHA256_BLOCK_BYTES);
    if (key.len > SHA256_BLOCK_BYTES)
        fx_sha256(key, ret_block);
    else if (key.len > 0)
        memcpy(ret_block, key.ptr, key.len);
}

static void begin_block(EVP_MD_CTX *context, const uint8_t block[SHA256_BLOCK_BYTES],
                        uint8_t mask) {
    uint8_t masked[SHA256_BLOCK_BYTES];

    for (size_t i = 0; i < sizeof masked; i++)
        masked[i] = block[i] ^ mask;
    if (context == NULL || EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1 ||
        EVP_DigestUpdate(context, masked, sizeof masked) != 1)
        abort();
    OPENSSL_cleanse(masked, sizeof masked);
}

void fx_hmac_sha256(struct fx_slice key, struct fx_slice data, uint8_t ret_mac[FX_SHA256_BYTES]) {
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    uint8_t block[SHA256_BLOCK_BYTES], inner[FX_SHA256_BYTES];

    make_block(key, block);
    begin_block(context, block, HMAC_INNER);
    if (EVP_DigestUpdate(context, data.ptr, data.len) != 1 ||
        EVP_DigestFinal_ex(context, inner, NULL) != 1)
        abort();
    begin_block(context, block, HMAC_OUTER);
    if (EVP_DigestUpdate(context, inner, sizeof inner) != 1 ||
        EVP_DigestFinal_ex(context, ret_mac, NULL) != 1)
        abort();
    OPENSSL_cleanse(block, sizeof block);
    OPENSSL_cleanse(inner, sizeof inner);
    EVP_MD_CTX_free(context);
}

/* The blocks are digested once; each code goes on from copies. */
struct fx_hmac_key {
    EVP_MD_CTX *inner, *outer;
};

struct fx_hmac_key *fx_hmac_key_new(struct fx_slice key) {
    struct fx_hmac_key *ready = malloc(sizeof *ready);
    uint8_t block[SHA256_BLOCK_BYTES];

    if (ready == NULL)
        abort();
    *ready = (struct fx_hmac_key){EVP_MD_CTX_new(), EVP_MD_CTX_new()};
    make_block(key, block);
    begin_block(ready->inner, block, HMAC_INNER);
    begin_block(ready->outer, block, HMAC_OUTER);
    OPENSSL_cleanse(block, sizeof block);
    return ready;
}

void fx_hmac_key_free(struct fx_hmac_key *key) {
    if (key == NULL)
        return;
    EVP_MD_CTX_free(key->inner); /* wipes what is left of the key */
    EVP_MD_CTX_free(key->outer);
    free(key);
}

void fx_hmac_key_sign(const struct fx_hmac_key *key, const struct fx_slice *parts, size_t count,
                      uint8_t ret_mac[FX_SHA256_BYTES]) {
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    uint8_t inner[FX_SHA256_BYTES];
    bool good = context != NULL && EVP_MD_CTX_copy_ex(context, key->inner) == 1;

    for (size_t i = 0; i < count && good; i++)
        good = EVP_DigestUpdate(context, parts[i].ptr, parts[i].len) == 1;
    if (!good || EVP_DigestFinal_ex(context, inner, NULL) != 1 ||
        EVP_MD_CTX_copy_ex(context, key->outer) != 1 ||
        EVP_DigestUpdate(context, inner, sizeof inner) != 1 ||
        EVP_DigestFinal_ex(context, ret_mac, NULL) != 1)
        abort();
    OPENSSL_cleanse(inner, sizeof inner);
    EVP_MD_CTX_free(context);
}

char *fx_hex(struct fx_scope *sc, const void *bytes, size_t len) {
    static const char digits[] = "0123456789abcdef";
    const uint8_t *from = bytes;
    char *text = fx_alloc(sc, 2 * len + 1);

    for (size_t i = 0; i < len; i++) {
        text[2 * i] = digits[from[i] >> 4];
        text[2 * i + 1] = digits[from[i] & 15];
    }
    return text;
}

char *fx_base64(struct fx_scope *sc, struct fx_slice data) {
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *text = fx_alloc(sc, (data.len + 2) / 3 * 4 + 1), *out = text;

    for (size_t i = 0; i < data.len; i += 3) {
        size_t left = data.len - i;
        uint32_t group = (uint32_t)(uint8_t)data.ptr[i] << 16;

        if (left > 1)
            group |= (uint32_t)(uint8_t)data.ptr[i + 1] << 8;
        if (left > 2)
            group |= (uint32_t)(uint8_t)data.ptr[i + 2];
        *out++ = alphabet[group >> 18];
        *out++ = alphabet[group >> 12 & 63];
        *out++ = left > 1 ? alphabet[group >> 6 & 63] : '=';
        *out++ = left > 2 ? alphabet[group & 63] : '=';
    }
    return text;
}

/* What each character stands for, and that it stands for something. */
enum { SIX_BITS = 0x3f, IN = 0x40 };
static const uint8_t base64_values[256] =
    {
        ['A'] = IN | 0, IN | 1,  IN | 2,          IN | 3,          IN | 4,          IN | 5,
        IN | 6,         IN | 7,  IN | 8,          IN | 9,          IN | 10,         IN | 11,
        IN | 12,        IN | 13, IN | 14,         IN | 15,         IN | 16,         IN | 17,
        IN | 18,        IN | 19, IN | 20,         IN | 21,         IN | 22,         IN | 23,
        IN | 24,        IN | 25, ['a'] = IN | 26, IN | 27,         IN | 28,         IN | 29,
        IN | 30,        IN | 31, IN | 32,         IN | 33,         IN | 34,         IN | 35,
        IN | 36,        IN | 37, IN | 38,         IN | 39,         IN | 40,         IN | 41,
        IN | 42,        IN | 43, IN | 44,         IN | 45,         IN | 46,         IN | 47,
        IN | 48,        IN | 49, IN | 50,         IN | 51,         ['0'] = IN | 52, IN | 53,
        IN | 54,        IN | 55, IN | 56,         IN | 57,         IN | 58,         IN | 59,
        IN | 60,        IN | 61, ['+'] = IN | 62, ['/'] = IN | 63,
};

/* False when one of the four is no digit. */
static bool base64_group(const char four[4], uint32_t *ret_group) {
    uint8_t a = base64_values[(uint8_t)four[0]], b = base64_values[(uint8_t)four[1]];
    uint8_t c = base64_values[(uint8_t)four[2]], d = base64_values[(uint8_t)four[3]];

    *ret_group = (uint32_t)(a & SIX_BITS) << 18 | (uint32_t)(b & SIX_BITS) << 12 |
                 (uint32_t)(c & SIX_BITS) << 6 | (uint32_t)(d & SIX_BITS);
    return (a & b & c & d & IN) != 0;
}

static char *put_group(char *out, uint32_t group) {
    *out++ = (char)(group >> 16);
    *out++ = (char)(group >> 8);
    *out++ = (char)group;
    return out;
}

enum fx_code fx_base64_decode(struct fx_scope *sc, struct fx_slice text, struct fx_slice *ret_data,
                              struct fx_error *err) {
    size_t padding = 0;
    uint32_t group = 0;

    while (padding < 2 && padding < text.len && text.ptr[text.len - 1 - padding] == '=')
        padding++;
    if (text.len % 4 != 0)
        return fx_fail(err, FX_ERR_INPUT, "not Base64: the length is no multiple of four");
    char *data = fx_alloc(sc, text.len / 4 * 3 + 1), *out = data;
    size_t whole = padding == 0 ? text.len : text.len - 4;

    for (size_t i = 0; i < whole; i += 4, out = put_group(out, group))
        if (!base64_group(text.ptr + i, &group))
            return fx_fail(err, FX_ERR_INPUT, "not Base64: an unexpected character at %zu to %zu",
                           i, i + 3);
    if (padding > 0) {
        char last[4] = {text.ptr[whole], text.ptr[whole + 1],
                        padding == 2 ? 'A' : text.ptr[whole + 2], 'A'};

        if (!base64_group(last, &group))
            return fx_fail(err, FX_ERR_INPUT, "not Base64: an unexpected character near the end");
        /* two texts must not stand for the same bytes */
        if ((group & ((1u << 8 * padding) - 1)) != 0)
            return fx_fail(err, FX_ERR_INPUT, "not Base64: bits left over at the end");
        out = put_group(out, group) - padding;
    }
    *ret_data = (struct fx_slice){data, (size_t)(out - data)};
    return FX_OK;
}

char *fx_url_encode(struct fx_scope *sc, struct fx_slice s, bool keep_slash) {
    static const char digits[] = "0123456789ABCDEF";
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~";
    char *text = fx_alloc(sc, 3 * s.len + 1), *out = text;

    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];

        if ((c != '\0' && strchr(plain, c) != NULL) || (keep_slash && c == '/')) {
            *out++ = c;
        } else {
            *out++ = '%';
            *out++ = digits[(uint8_t)c >> 4];
            *out++ = digits[(uint8_t)c & 15];
        }
    }
    return text;
}

static int hex_value(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

enum fx_code fx_url_decode(struct fx_scope *sc, struct fx_slice s, bool form,
                           struct fx_slice *ret_text, struct fx_error *err) {
    char *text = fx_alloc(sc, s.len + 1);
    size_t count = 0;

    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];

        /* nearly all are what they look like: '+', '%' and NUL are below ',' */
        if (s.len - i >= FX_EIGHT && !fx_eight_has_below(fx_eight_at(s.ptr + i), ',')) {
            memcpy(text + count, s.ptr + i, FX_EIGHT);
            count += FX_EIGHT;
            i += FX_EIGHT - 1;
            continue;
        }
        if (c > '+') {
            text[count++] = c;
            continue;
        }
        if (c == '%') {
            bool whole = i + 2 < s.len;
            int high = whole ? hex_value(s.ptr[i + 1]) : -1;
            int low = whole ? hex_value(s.ptr[i + 2]) : -1;

            if (high < 0 || low < 0)
                return fx_fail(err, FX_ERR_INPUT, "a percent sign without two hexadecimal digits");
            c = (char)(high << 4 | low);
            i += 2;
        } else if (form && c == '+') {
            c = ' ';
        }
        if (c == '\0')
            return fx_fail(err, FX_ERR_INPUT, "an encoded NUL");
        text[count++] = c;
    }
    *ret_text = (struct fx_slice){text, count};
    return FX_OK;
}
