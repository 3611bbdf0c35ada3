/* address.c - tells the public internet from everything an outsider must not make us call. */
#include "private.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

struct range {
    uint8_t bytes[16];
    unsigned bits;
};

/* IANA's special-purpose registry for IPv4, and two metadata services that live outside it. */
static const struct range not_public_v4[] = {
    {{0}, 8},                 /* this network */
    {{10}, 8},                /* private */
    {{100, 64}, 10},          /* carrier-grade NAT, and one cloud's metadata */
    {{127}, 8},               /* loopback */
    {{168, 63, 129, 16}, 32}, /* Azure's wire server */
    {{169, 254}, 16},         /* link-local: instance and container metadata */
    {{172, 16}, 12},          /* private */
    {{192, 0, 0}, 24},        /* protocol assignments */
    {{192, 0, 2}, 24},        /* documentation */
    {{192, 88, 99}, 24},      /* 6to4 relays */
    {{192, 168}, 16},         /* private */
    {{198, 18}, 15},          /* benchmarks */
    {{198, 51, 100}, 24},     /* documentation */
    {{203, 0, 113}, 24},      /* documentation */
    {{224}, 4},               /* multicast */
    {{240}, 4},               /* reserved, broadcast */
};

/* Only 2000::/3 is global unicast (RFC 4291), so what lies outside needs no row. */
static const struct range global_v6 = {{0x20}, 3};
static const struct range not_public_v6[] = {
    {{0x20, 0x01, 0x00}, 23},       /* protocol assignments, Teredo among them */
    {{0x20, 0x01, 0x0d, 0xb8}, 32}, /* documentation */
    {{0x3f, 0xff}, 20},             /* documentation */
};

/* Where the last-resort IPv4 address stands inside an IPv6 one. */
static const struct {
    struct range range;
    size_t v4_offset;
} carriers_of_v4[] = {
    {{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96}, 12}, /* mapped */
    {{{0x00, 0x64, 0xff, 0x9b}, 96}, 12},                   /* NAT64, RFC 6052 */
    {{{0x20, 0x02}, 16}, 2},                                /* 6to4 */
};

static bool in_range(const uint8_t *bytes, const struct range *range) {
    size_t whole = range->bits / 8;
    unsigned rest = range->bits % 8;
    uint8_t mask = (uint8_t)(0xff00U >> rest);

    if (memcmp(bytes, range->bytes, whole) != 0)
        return false;
    return rest == 0 || (bytes[whole] & mask) == (range->bytes[whole] & mask);
}

static bool v4_is_public(const uint8_t *bytes) {
    for (size_t i = 0; i < FX_COUNT_OF(not_public_v4); i++)
        if (in_range(bytes, &not_public_v4[i]))
            return false;
    return true;
}

static bool v6_is_public(const uint8_t *bytes) {
    for (size_t i = 0; i < FX_COUNT_OF(carriers_of_v4); i++)
        if (in_range(bytes, &carriers_of_v4[i].range))
            return v4_is_public(bytes + carriers_of_v4[i].v4_offset);
    if (!in_range(bytes, &global_v6))
        return false;
    for (size_t i = 0; i < FX_COUNT_OF(not_public_v6); i++)
        if (in_range(bytes, &not_public_v6[i]))
            return false;
    return true;
}

bool http_address_is_public(const struct sockaddr *address) {
    if (address->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, address, sizeof(in));
        return v4_is_public((const uint8_t *)&in.sin_addr);
    }
    if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, address, sizeof(in6));
        return v6_is_public(in6.sin6_addr.s6_addr);
    }
    return false;
}

bool fx_http_address_is_public(const char *numeric) {
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};

    if (inet_pton(AF_INET, numeric, &in.sin_addr) == 1)
        return http_address_is_public((const struct sockaddr *)&in);
    if (inet_pton(AF_INET6, numeric, &in6.sin6_addr) == 1)
        return http_address_is_public((const struct sockaddr *)&in6);
    return false;
}
