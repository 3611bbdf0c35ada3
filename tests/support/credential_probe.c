/* credential_probe.c - prints the access key id that this process's environment leads to: "none"
 * when no place has one, "error" and the message when a place failed. */
#include "fluxabot/aws.h"

#include <stdio.h>
#include <string.h>

static void say(enum fx_code code, const struct fx_aws_standing *standing,
                const struct fx_error *err) {
    if (code == FX_OK)
        printf("%s\n", standing->access_key_id);
    else if (strncmp(err->message, "no AWS credentials were found", 29) == 0)
        printf("none\n");
    else
        printf("error %s\n", err->message);
}

int main(void) {
    struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_aws_standing standing = {0};
    struct fx_http *http = NULL;
    struct fx_aws *aws = NULL;
    struct fx_error err = {0};

    enum fx_code code = fx_http_open(fx_clock_system(), NULL, &http, &err);
    if (code == FX_OK)
        code = fx_aws_open(&(struct fx_aws_options){.http = http, .clock = fx_clock_system()}, &aws,
                           &err);
    if (code == FX_OK)
        code = fx_aws_prepare(aws, sc, 0, &standing, &err);
    say(code, &standing, &err);
    fx_aws_close(aws);
    fx_http_close(http);
    fx_scope_free(sc);
    return 0;
}
