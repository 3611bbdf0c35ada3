/* fault.c - what a refusal means: for the person who reads it, and for another attempt. */
#include "private.h"

#include "fluxabot/base/redact.h"

#include <stdio.h>
#include <string.h>

/* The lists of AWS's SDKs (standard retry mode). A throttle often is an HTTP 400, so the code
 * decides. */
static const char *const throttle_codes[] = {
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottledException",
    "RequestThrottled",
    "TooManyRequestsException",
    "ProvisionedThroughputExceededException",
    "TransactionInProgressException",
    "RequestLimitExceeded",
    "BandwidthLimitExceeded",
    "LimitExceededException",
    "SlowDown",
    "PriorRequestNotComplete",
    "EC2ThrottledException",
};
static const char *const transient_codes[] = {"RequestTimeout", "RequestTimeoutException",
                                              "IDPCommunicationError"};
static const char *const denied_codes[] = {
    "AccessDenied",  "AccessDeniedException", "UnauthorizedOperation",       "AuthorizationError",
    "NotAuthorized", "UnauthorizedException", "AuthorizationErrorException",
};
static const char *const unknown_key_codes[] = {
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "InvalidAccessKeyId",
    "MissingAuthenticationToken",
    "AuthFailure",
    "InvalidSecurity",
    "MissingAuthenticationTokenException",
};
static const char *const expired_codes[] = {"ExpiredToken", "ExpiredTokenException",
                                            "RequestExpired"};
static const char *const signature_codes[] = {"SignatureDoesNotMatch", "InvalidSignatureException",
                                              "IncompleteSignature", "RequestTimeTooSkewed"};

static bool is_one_of(const char *code, const char *const *codes, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(code, codes[i]) == 0)
            return true;
    return false;
}
#define IS_ONE_OF(code, codes) is_one_of((code), (codes), FX_COUNT_OF(codes))

enum aws_trouble aws_fault_trouble(const struct aws_fault *fault) {
    if (IS_ONE_OF(fault->code, throttle_codes))
        return AWS_TROUBLE_THROTTLED;
    if (IS_ONE_OF(fault->code, transient_codes))
        return AWS_TROUBLE_TRANSIENT;
    switch (fault->status) {
    case 500:
    case 502:
    case 503:
    case 504:
        return AWS_TROUBLE_TRANSIENT;
    case 429:
        return AWS_TROUBLE_THROTTLED;
    default:
        return AWS_TROUBLE_FINAL;
    }
}

static bool names_nothing(const struct aws_fault *fault) {
    return fault->status == 404 || strstr(fault->code, "NotFound") != NULL ||
           strstr(fault->code, "DoesNotExist") != NULL ||
           strstr(fault->code, "NonExistent") != NULL;
}

static enum fx_code reaction(const struct aws_fault *fault) {
    enum aws_trouble trouble = aws_fault_trouble(fault);

    if (trouble == AWS_TROUBLE_THROTTLED)
        return FX_ERR_THROTTLED;
    if (trouble == AWS_TROUBLE_TRANSIENT || fault->status >= 500)
        return FX_ERR_UNAVAILABLE;
    if (IS_ONE_OF(fault->code, denied_codes) || IS_ONE_OF(fault->code, unknown_key_codes) ||
        IS_ONE_OF(fault->code, expired_codes) || IS_ONE_OF(fault->code, signature_codes))
        return FX_ERR_DENIED;
    if (names_nothing(fault))
        return FX_ERR_NOT_FOUND;
    return fault->status == 401 || fault->status == 403 ? FX_ERR_DENIED : FX_ERR_UPSTREAM;
}

/* What to do about it, in AWS's words only where they cannot repeat what was signed. */
static const char *advice(struct fx_scope *sc, const struct aws_operation *operation,
                          const struct aws_fault *fault) {
    const char *said = fx_redact(sc, fault->message);
    const char *dot = said[0] != '\0' ? ": " : "";
    size_t len = strlen(said);

    if (len > 0 && said[len - 1] == '.')
        len--;
    if (IS_ONE_OF(fault->code, signature_codes))
        return ": the signature was not accepted; check the secret key and this machine's clock";
    if (IS_ONE_OF(fault->code, unknown_key_codes))
        return ": AWS does not know the access key; check the credentials of the bot";
    if (IS_ONE_OF(fault->code, expired_codes))
        return ": the credentials of the bot have expired; renew them";
    /* S3's answer to HEAD has no body, so no word either */
    if (IS_ONE_OF(fault->code, denied_codes) || (fault->code[0] == '\0' && fault->status == 403))
        return fx_printf(sc, "; allow %s:%s for the bot's role%s%.*s",
                         operation->service->iam_prefix, operation->iam_action, dot, (int)len,
                         said);
    return fx_printf(sc, "%s%.*s", dot, (int)len, said);
}

const char *aws_request_id(const struct fx_http_reply *reply) {
    /* JSON and query services, Lambda and other REST services, S3 */
    static const char *const names[] = {"x-amzn-requestid", "x-amzn-request-id",
                                        "x-amz-request-id"};

    for (size_t i = 0; i < FX_COUNT_OF(names); i++) {
        const char *id = fx_http_reply_header(reply, names[i]);
        if (id != NULL)
            return id;
    }
    return "";
}

enum fx_code aws_fault_fail(struct fx_scope *sc, const struct aws_operation *operation,
                            const struct aws_fault *fault, struct fx_error *err) {
    enum fx_code code = reaction(fault);
    const char *word = fault->code[0] != '\0' ? fx_redact(sc, fault->code)
                                              : fx_printf(sc, "HTTP %d", fault->status);
    const char *request =
        fault->request_id[0] != '\0' ? fx_printf(sc, " (request %.64s)", fault->request_id) : "";
    struct fx_error failed;

    code = fx_fail(&failed, code, "%s:%s was answered with %.80s%s%.300s", operation->service->name,
                   operation->name, word, request, advice(sc, operation, fault));
    /* A refusal was not obeyed. Behind a 5xx the work may have been done all the same. */
    failed.sent = code == FX_ERR_UNAVAILABLE;
    snprintf(failed.upstream, sizeof(failed.upstream), "%s", fault->code);
    if (err != NULL)
        *err = failed;
    return code;
}
