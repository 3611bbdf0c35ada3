/* certificates.c - the signing certificates at hand, read once.
 *
 * The worker fetches them and puts them into the state, which may be shared and a journey away. A
 * region has one for a year, so a few are kept here. What was read stays until the receiver stops,
 * because another thread may be verifying with it; beyond the room for them each is read anew.
 */
#include "private.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_KEPT = 32, TRUSTED_MS = 60 * 1000 }; /* without asking the state again */

struct kept {
    const char *url, *pem;
    struct fx_sns_certificate *certificate;
    int64_t asked_ms;
};

struct web_certificates {
    struct fx_scope *sc;
    pthread_mutex_t lock; /* guards what follows */
    size_t count;
    struct kept kept[MAX_KEPT];
};

struct web_certificates *web_certificates_new(void) {
    struct fx_scope *sc = fx_scope_new(NULL);
    struct web_certificates *certificates = FX_NEW(sc, struct web_certificates);

    certificates->sc = sc;
    pthread_mutex_init(&certificates->lock, NULL);
    return certificates;
}

void web_certificates_free(struct web_certificates *certificates) {
    if (certificates == NULL)
        return;
    for (size_t i = 0; i < certificates->count; i++)
        fx_sns_certificate_close(certificates->kept[i].certificate);
    pthread_mutex_destroy(&certificates->lock);
    fx_scope_free(certificates->sc);
}

/* Also when the clock was set back. */
static bool is_trusted(const struct kept *kept, int64_t now_ms) {
    return now_ms >= kept->asked_ms && now_ms - kept->asked_ms < TRUSTED_MS;
}

/* Caller holds the lock. pem NULL: any that the state was asked for not long ago. */
static struct kept *find(struct web_certificates *certificates, const char *url, const char *pem,
                         int64_t now_ms) {
    for (size_t i = certificates->count; i-- > 0;) { /* the newest first */
        struct kept *kept = &certificates->kept[i];

        if (strcmp(kept->url, url) == 0 &&
            (pem != NULL ? strcmp(kept->pem, pem) == 0 : is_trusted(kept, now_ms)))
            return kept;
    }
    return NULL;
}

static struct fx_sns_certificate *look(struct web_certificates *certificates, const char *url,
                                       const char *pem, int64_t now_ms) {
    struct fx_sns_certificate *certificate = NULL;

    pthread_mutex_lock(&certificates->lock);
    struct kept *kept = find(certificates, url, pem, now_ms);

    if (kept != NULL) {
        certificate = kept->certificate;
        if (pem != NULL)
            kept->asked_ms = now_ms;
    }
    pthread_mutex_unlock(&certificates->lock);
    return certificate;
}

static void release(void *certificate) {
    fx_sns_certificate_close(certificate);
}

/* Takes the certificate over: kept if there is room, otherwise the request's. */
static void keep(struct web_certificates *certificates, struct fx_scope *sc, const char *url,
                 const char *pem, int64_t now_ms, struct fx_sns_certificate *certificate) {
    pthread_mutex_lock(&certificates->lock);
    bool room = certificates->count < MAX_KEPT;

    if (room)
        certificates->kept[certificates->count++] =
            (struct kept){.url = fx_strdup(certificates->sc, url),
                          .pem = fx_strdup(certificates->sc, pem),
                          .certificate = certificate,
                          .asked_ms = now_ms};
    pthread_mutex_unlock(&certificates->lock);
    if (!room)
        fx_defer(sc, release, certificate);
}

enum fx_code web_find_certificate(struct web_request *request, const char *url,
                                  struct fx_sns_certificate **ret_certificate,
                                  struct fx_error *err) {
    struct fx_web_options *options = &request->web->options;
    struct web_certificates *certificates = request->web->certificates;
    int64_t now_ms = request->now_ms;

    *ret_certificate = look(certificates, url, NULL, now_ms);
    if (*ret_certificate != NULL)
        return FX_OK;

    const char *pem = options->state->get(options->state, request->sc,
                                          fx_printf(request->sc, "sns-certificate:%s", url));

    if (pem == NULL)
        return FX_OK;
    *ret_certificate = look(certificates, url, pem, now_ms);
    if (*ret_certificate != NULL)
        return FX_OK;
    struct fx_sns_certificate *certificate = NULL;

    FX_TRY(fx_sns_certificate_open(fx_slice_of(pem), &certificate, err));
    keep(certificates, request->sc, url, pem, now_ms, certificate);
    *ret_certificate = certificate;
    return FX_OK;
}
