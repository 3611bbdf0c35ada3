/* certificate.c - the certificate that the other side of a connection showed. */
#include "private.h"

#include <curl/curl.h>
#include <string.h>

/* "Nov 22 13:21:48 2026 GMT", as OpenSSL prints it. */
static int64_t parse_time(const char *text) {
    time_t seconds = curl_getdate(text, NULL);

    return seconds > 0 ? (int64_t)seconds * 1000 : 0;
}

static const char *after(const char *line, const char *name) {
    size_t len = strlen(name);

    return strncmp(line, name, len) == 0 && line[len] == ':' ? line + len + 1 : NULL;
}

void http_certificate_read(struct fx_scope *sc, void *easy,
                           struct fx_http_certificate *ret_certificate) {
    struct curl_certinfo *chain = NULL;

    *ret_certificate = (struct fx_http_certificate){.subject = "", .issuer = ""};
    if (curl_easy_getinfo(easy, CURLINFO_CERTINFO, &chain) != CURLE_OK || chain == NULL ||
        chain->num_of_certs < 1)
        return;
    for (const struct curl_slist *line = chain->certinfo[0]; line != NULL; line = line->next) {
        const char *value;

        if ((value = after(line->data, "Subject")) != NULL)
            ret_certificate->subject = fx_strdup(sc, value);
        else if ((value = after(line->data, "Issuer")) != NULL)
            ret_certificate->issuer = fx_strdup(sc, value);
        else if ((value = after(line->data, "Start date")) != NULL)
            ret_certificate->starts_wall_ms = parse_time(value);
        else if ((value = after(line->data, "Expire date")) != NULL)
            ret_certificate->ends_wall_ms = parse_time(value);
    }
}
