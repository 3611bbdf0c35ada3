/* dns.c - the step kind `dns`: which addresses a name has, as this machine's resolver says.
 *
 * getaddrinfo cannot be stopped, so a thread of its own asks. Whoever comes second, the one who
 * waits or the one who asks, frees what they share; a resolver that hangs keeps no worker.
 */
#include "private.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

enum {
    DNS_MAX_WAIT_MS = 10 * 1000,
    DNS_MAX_ADDRESSES = 32,
    DNS_FIRST_LOOK_MS = 2, /* most answers come from a cache */
    DNS_LOOK_MS = 20,
};

static const struct fx_step_param dns_params[] = {
    {"name", FX_PARAM_TEXT, true, NULL,
     "the host's name: of the configuration or an answer of AWS, never of arguments"},
    {"wait", FX_PARAM_DURATION, false, "\"3s\"", "how long to wait for the answer, at most 10s"},
};

struct lookup {
    struct fx_scope *sc; /* its own, which holds this too */
    const char *name;
    atomic_bool left; /* one of the two is done with it */
    atomic_bool done;
    int problem;            /* of getaddrinfo; 0: none */
    struct addrinfo *found; /* NULL: none */
};

static void leave(struct lookup *lookup) {
    if (!atomic_exchange(&lookup->left, true))
        return;
    if (lookup->found != NULL)
        freeaddrinfo(lookup->found);
    fx_scope_free(lookup->sc);
}

static void *ask(void *argument) {
    struct lookup *lookup = argument;
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};

    lookup->problem = getaddrinfo(lookup->name, NULL, &hints, &lookup->found);
    atomic_store(&lookup->done, true);
    leave(lookup);
    return NULL;
}

static enum fx_code begin(const char *name, struct lookup **ret_lookup, struct fx_error *err) {
    struct fx_scope *sc = fx_scope_new(NULL);
    struct lookup *lookup = FX_NEW(sc, struct lookup);
    pthread_attr_t detached;
    pthread_t thread;

    lookup->sc = sc;
    lookup->name = fx_strdup(sc, name);
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    int failed = pthread_create(&thread, &detached, ask, lookup);
    pthread_attr_destroy(&detached);
    if (failed != 0) {
        fx_scope_free(sc);
        return fx_fail(err, FX_ERR_INTERNAL, "no thread can be started to look %s up", name);
    }
    *ret_lookup = lookup;
    return FX_OK;
}

/* True when the answer is there. */
static bool wait_for(const struct fx_step_context *ctx, struct lookup *lookup, int64_t wait_ms) {
    int64_t until_ms =
        fx_mono_ms(ctx->clock) + fx_scope_time_left(ctx->sc, fx_mono_ms(ctx->clock), wait_ms);
    int64_t look_ms = DNS_FIRST_LOOK_MS;
    struct fx_error ignored;

    while (!atomic_load(&lookup->done)) {
        if (fx_mono_ms(ctx->clock) >= until_ms ||
            fx_scope_check(ctx->sc, fx_mono_ms(ctx->clock), &ignored) != FX_OK)
            return false;
        fx_pause(ctx->sc, ctx->clock, look_ms);
        look_ms = look_ms < DNS_LOOK_MS ? look_ms * 2 : DNS_LOOK_MS;
    }
    return true;
}

static bool holds(const struct fx_json *list, const char *text) {
    for (size_t i = 0; i < fx_json_count(list); i++)
        if (strcmp(fx_json_text(fx_json_item(list, i)), text) == 0)
            return true;
    return false;
}

static void add_addresses(struct fx_scope *sc, const struct addrinfo *found, struct fx_json *v4,
                          struct fx_json *v6) {
    for (; found != NULL; found = found->ai_next) {
        char text[NI_MAXHOST];
        struct fx_json *list = found->ai_family == AF_INET ? v4 : v6;

        if (fx_json_count(list) == DNS_MAX_ADDRESSES ||
            getnameinfo(found->ai_addr, found->ai_addrlen, text, sizeof text, NULL, 0,
                        NI_NUMERICHOST) != 0 ||
            holds(list, text))
            continue;
        fx_json_add(list, fx_json_string(sc, text));
    }
}

static const char *why_not(int problem) {
    switch (problem) {
    case EAI_NONAME:
    case EAI_NODATA:
        return "the name has no address";
    case EAI_AGAIN:
        return "no name server answered";
    case EAI_FAIL:
        return "the name servers refused";
    default:
        return "the name could not be looked up";
    }
}

static struct fx_json *told(const struct fx_step_context *ctx, const struct lookup *lookup,
                            bool came, int64_t wait_ms, int64_t took_ms) {
    struct fx_scope *sc = ctx->sc;
    struct fx_json *v4 = fx_json_array(sc), *v6 = fx_json_array(sc);
    const char *why = NULL;

    if (!came)
        why = fx_printf(sc, "no name server answered within %s", fx_duration(sc, wait_ms));
    else if (lookup->problem != 0)
        why = why_not(lookup->problem);
    else
        add_addresses(sc, lookup->found, v4, v6);
    return fx_json_object_of(
        sc, "found", fx_json_bool(sc, fx_json_count(v4) + fx_json_count(v6) > 0), "a", v4, "aaaa",
        v6, "ms", fx_json_int(sc, took_ms), "why", fx_json_string(sc, why), NULL);
}

/* Whoever chooses a name can tell a name server something with it. */
static enum fx_code check_name(const struct fx_json *params, struct fx_error *err) {
    const char *name = fx_json_get_text(params, "name");

    if (strstr(name, "arguments") != NULL)
        return fx_fail(err, FX_ERR_INPUT, "name may not hold arguments: a person would choose it");
    if (strstr(name, "${") == NULL && !host_is_name(name))
        return fx_fail(err, FX_ERR_INPUT, "name is a host's name such as db.example.com");
    return FX_OK;
}

static enum fx_code dns_check(struct fx_scope *sc, const struct fx_json *system,
                              const struct fx_json *params, struct fx_error *err) {
    (void)sc;
    (void)system;
    FX_TRY(check_name(params, err));
    return wait_check(params, DNS_MAX_WAIT_MS, err);
}

static enum fx_code dns_run(const struct fx_step_context *ctx, const struct fx_json *params,
                            struct fx_step_result *ret_result, struct fx_error *err) {
    const char *name = fx_json_get_text(params, "name");
    int64_t wait_ms = fx_json_get_int(params, "wait", 0), began = fx_mono_ms(ctx->clock);
    struct lookup *lookup = NULL;

    FX_TRY(check_name(params, err));
    FX_TRY(wait_check(params, DNS_MAX_WAIT_MS, err));
    FX_TRY(begin(name, &lookup, err));
    bool came = wait_for(ctx, lookup, wait_ms);

    ret_result->output = told(ctx, lookup, came, wait_ms, fx_mono_ms(ctx->clock) - began);
    leave(lookup);
    return FX_OK;
}

static const char *const dns_closed[] = {"name"};

const struct fx_step_kind step_dns = {
    .name = "dns",
    .summary = "Asks this machine's resolver for a name's addresses; {found, a, aaaa, ms, why}.",
    .params = dns_params,
    .params_count = FX_COUNT_OF(dns_params),
    .shorthand = "name",
    .closed = dns_closed,
    .closed_count = FX_COUNT_OF(dns_closed),
    .is_answered = true,
    .effect = step_reads,
    .check = dns_check,
    .run = dns_run,
};
