/* aws.c - one call from parameters to answer: find, check, sign, send, read, perhaps again. */
#include "private.h"

#include <stdlib.h>
#include <string.h>

enum {
    AWS_DEFAULT_TIMEOUT_MS = 10000,
    AWS_MAX_WAIT_S = 20, /* SQS's longest poll */
};

struct fx_aws {
    struct fx_scope *sc;
    struct aws_settings settings;
    const char *region;    /* the default one, or NULL */
    const char *ca_bundle; /* AWS_CA_BUNDLE, or NULL */
    struct fx_aws_source *credentials;
    struct aws_skew skew;
    struct aws_bucket *buckets; /* one per service */
};

/* One call under way. */
struct call {
    struct fx_aws *aws;
    struct fx_scope *sc;
    const struct aws_operation *operation;
    const struct aws_protocol_ops *protocol;
    struct aws_endpoint endpoint;
    struct aws_wire wire;
    int64_t timeout_ms;
};

/* How one attempt ended, when it did not end well. */
struct outcome {
    enum aws_trouble trouble;
    int64_t hint_ms;
    bool clock_is_off;
};

static const struct aws_protocol_ops *const protocols[] = {
    [AWS_PROTOCOL_JSON] = &aws_protocol_json,
    [AWS_PROTOCOL_QUERY] = &aws_protocol_query,
};

static const char *system_getenv(const char *name) {
    return getenv(name);
}

enum fx_code fx_aws_open(const struct fx_aws_options *options, struct fx_aws **ret_aws,
                         struct fx_error *err) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_aws *aws = FX_NEW(sc, struct fx_aws);
    const char *profile = NULL;

    aws->sc = sc;
    aws->settings = (struct aws_settings){
        .http = options->http,
        .clock = options->clock,
        .random = options->random != NULL ? options->random : fx_random_system(),
        .getenv = options->getenv != NULL ? options->getenv : system_getenv,
        .region = fx_strdup(sc, options->region),
        .endpoint_url = fx_strdup(sc, options->endpoint_url),
    };
    /* A profile file that was named and cannot be read is told now, not at the first alarm. */
    FX_TRY(aws_profile_get(sc, &aws->settings, false, "region", &profile, err));
    aws->region = fx_strdup(sc, aws_region_default(sc, &aws->settings));
    aws->ca_bundle = fx_strdup(sc, aws->settings.getenv("AWS_CA_BUNDLE"));
    if (aws->ca_bundle != NULL && aws->ca_bundle[0] == '\0')
        aws->ca_bundle = NULL;
    aws->credentials =
        aws_source_cached_new(sc, &aws->settings, aws_source_chain_new(sc, &aws->settings));
    aws->buckets = fx_alloc(sc, aws_services_count * sizeof(*aws->buckets));
    for (size_t i = 0; i < aws_services_count; i++)
        aws_bucket_init(&aws->buckets[i]);
    *ret_aws = aws;
    (void)FX_TAKE(sc);
    return FX_OK;
}

void fx_aws_close(struct fx_aws *aws) {
    if (aws == NULL)
        return;
    aws->credentials->close(aws->credentials);
    for (size_t i = 0; i < aws_services_count; i++)
        pthread_mutex_destroy(&aws->buckets[i].lock);
    fx_scope_free(aws->sc);
}

const char *fx_aws_region(const struct fx_aws *aws) {
    return aws->region;
}

/* ---- one attempt ---- */

static size_t build_headers(const struct call *call, const struct fx_aws_signature *signature,
                            const struct fx_aws_credentials *credentials,
                            struct fx_http_header *headers) {
    size_t count = 0;

    headers[count++] = (struct fx_http_header){"Content-Type", call->wire.content_type};
    if (call->wire.target != NULL) {
        headers[count++] = (struct fx_http_header){"X-Amz-Target", call->wire.target};
        /* Makes SQS add the error code that its documentation names. */
        headers[count++] = (struct fx_http_header){"X-Amzn-Query-Mode", "true"};
    }
    if (signature == NULL)
        return count;
    headers[count++] = (struct fx_http_header){"X-Amz-Date", signature->amz_date};
    if (credentials->session_token != NULL)
        headers[count++] =
            (struct fx_http_header){"X-Amz-Security-Token", credentials->session_token};
    headers[count++] = (struct fx_http_header){"Authorization", signature->authorization};
    return count;
}

enum { MAX_HEADERS = 8 };

static enum fx_code send_signed(struct call *call, int64_t now_wall_ms,
                                struct fx_http_reply **ret_reply, struct fx_error *err) {
    struct fx_aws *aws = call->aws;
    struct fx_http_header headers[MAX_HEADERS];
    struct fx_aws_credentials credentials;

    FX_TRY(aws->credentials->get(aws->credentials, call->sc, &credentials, err));
    size_t count = build_headers(call, NULL, NULL, headers);
    headers[count++] = (struct fx_http_header){"Host", call->endpoint.host};
    struct fx_aws_signing signing = {
        .credentials = &credentials,
        .region = call->endpoint.region,
        .service = call->operation->service->signing_name,
        .wall_ms = now_wall_ms + aws->skew.ms,
        .method = call->operation->method,
        .path = call->endpoint.path,
        .query = "",
        .headers = headers,
        .headers_count = count,
        .body = call->wire.body,
        .normalize_path = true,
        .double_encode_path = true,
    };
    bool changes = fx_effect_changes(call->operation->effect);
    int64_t before_ms = changes ? fx_scope_send_before(call->sc) : 0;

    if (before_ms != 0 && fx_mono_ms(aws->settings.clock) >= before_ms)
        return fx_fail(err, FX_ERR_TIMEOUT,
                       "the call was not sent: this program stood still for too long");
    struct fx_aws_signature signature = fx_aws_sign(call->sc, &signing);
    count = build_headers(call, &signature, &credentials, headers);
    struct fx_http_request request = {
        .method = call->operation->method,
        .url = call->endpoint.url,
        .headers = headers,
        .headers_count = count,
        .body = call->wire.body,
        .reach = FX_HTTP_ANY, /* AWS's names lead to private addresses behind a VPC endpoint */
        .timeout_ms = call->timeout_ms,
        .ca_file = aws->ca_bundle,
        .fresh = changes,
        .send_before_mono_ms = before_ms,
    };
    return fx_http_exchange(aws->settings.http, call->sc, &request, ret_reply, err);
}

/* x-amz-retry-after is in milliseconds. */
static int64_t read_hint_ms(const struct fx_http_reply *reply) {
    const char *text = fx_http_reply_header(reply, "x-amz-retry-after");
    int64_t hint_ms = 0;

    return text != NULL && fx_slice_to_int(fx_slice_of(text), &hint_ms) && hint_ms > 0 ? hint_ms
                                                                                       : 0;
}

static enum fx_code judge_refusal(struct call *call, const struct fx_http_reply *reply,
                                  struct outcome *ret_outcome, struct fx_error *err) {
    struct aws_fault fault;

    call->protocol->read_fault(call->sc, reply, &fault);
    ret_outcome->trouble = aws_fault_trouble(&fault);
    ret_outcome->hint_ms = read_hint_ms(reply);
    ret_outcome->clock_is_off = aws_skew_explains(&call->aws->skew, fault.code);
    enum fx_code code = aws_fault_fail(call->sc, call->operation, &fault, err);
    if (code == FX_ERR_THROTTLED && err != NULL)
        err->retry_after_ms =
            (uint32_t)(ret_outcome->hint_ms < INT32_MAX ? ret_outcome->hint_ms : INT32_MAX);
    return code;
}

static enum fx_code attempt(struct call *call, struct outcome *ret_outcome,
                            struct fx_json **ret_answer, struct fx_error *err) {
    struct fx_clock *clock = call->aws->settings.clock;
    int64_t started_wall_ms = fx_wall_ms(clock), started_mono_ms = fx_mono_ms(clock);
    struct fx_http_reply *reply = NULL;

    *ret_outcome = (struct outcome){.trouble = AWS_TROUBLE_FINAL};
    enum fx_code code = send_signed(call, started_wall_ms, &reply, err);
    if (code != FX_OK) {
        if (code == FX_ERR_TIMEOUT || code == FX_ERR_UNAVAILABLE)
            ret_outcome->trouble = AWS_TROUBLE_TRANSIENT;
        (void)fx_fail_in(err, "%s:%s", call->operation->service->name, call->operation->name);
        return code;
    }
    aws_skew_learn(&call->aws->skew, reply, started_wall_ms, fx_mono_ms(clock) - started_mono_ms);
    if (reply->status < 200 || reply->status > 299)
        return judge_refusal(call, reply, ret_outcome, err);
    code = call->protocol->read(call->sc, call->operation, reply, ret_answer, err);
    if (code != FX_OK) {
        code = fx_fail_in(err, "%s:%s was answered, but", call->operation->service->name,
                          call->operation->name);
        if (err != NULL)
            err->sent = true;
    }
    return code;
}

/* ---- attempts ---- */

static bool may_repeat(const struct aws_operation *operation) {
    return operation->effect == FX_EFFECT_READ || operation->effect == FX_EFFECT_PEEK;
}

/* Waits for another attempt. Without one, the last error stands. */
static bool prepare_retry(struct call *call, const struct outcome *outcome, int retry,
                          int *ret_cost) {
    struct fx_aws *aws = call->aws;
    struct aws_bucket *bucket = &aws->buckets[call->operation->service - aws_services];
    struct fx_error ignored;

    if (!may_repeat(call->operation) || retry + 1 >= AWS_MAX_ATTEMPTS)
        return false;
    if (outcome->trouble == AWS_TROUBLE_FINAL)
        /* Only the clock was wrong, and it is known now. */
        return outcome->clock_is_off && retry == 0;
    *ret_cost = aws_bucket_take(bucket, outcome->trouble);
    /* A long poll asks again by itself: with an empty bucket it must not do so at once. */
    if (*ret_cost == 0 && call->operation->effect != FX_EFFECT_PEEK)
        return false;
    int64_t delay_ms =
        aws_retry_delay_ms(aws->settings.random, outcome->trouble, retry, outcome->hint_ms);
    int64_t left_ms = fx_scope_time_left(call->sc, fx_mono_ms(aws->settings.clock), delay_ms + 1);
    if (left_ms <= delay_ms)
        return false;
    return aws_retry_wait(call->sc, aws->settings.clock, delay_ms, &ignored) == FX_OK &&
           *ret_cost > 0;
}

static enum fx_code run(struct call *call, struct fx_json **ret_answer, struct fx_error *err) {
    struct aws_bucket *bucket = &call->aws->buckets[call->operation->service - aws_services];
    struct outcome outcome;
    int last_cost = 0;

    for (int retry = 0;; retry++) {
        enum fx_code code = attempt(call, &outcome, ret_answer, err);
        if (code == FX_OK) {
            aws_bucket_refund(bucket, last_cost);
            return FX_OK;
        }
        if (!prepare_retry(call, &outcome, retry, &last_cost))
            return code;
    }
}

static int64_t choose_timeout_ms(const struct fx_aws_call *call) {
    int64_t wait_s = fx_json_get_int(call->params, "WaitTimeSeconds", 0);

    if (call->timeout_ms > 0)
        return call->timeout_ms;
    if (wait_s < 0 || wait_s > AWS_MAX_WAIT_S)
        wait_s = 0; /* SQS will refuse it */
    return AWS_DEFAULT_TIMEOUT_MS + wait_s * 1000;
}

enum fx_code fx_aws_call(struct fx_aws *aws, struct fx_scope *sc, const struct fx_aws_call *wanted,
                         struct fx_json **ret_answer, struct fx_error *err) {
    const struct aws_operation *operation = aws_operation_find(wanted->service, wanted->operation);
    struct call call = {.aws = aws, .sc = sc, .operation = operation};

    if (operation == NULL)
        return fx_fail(err, FX_ERR_INPUT, "%s:%s is not among the AWS operations of this version",
                       wanted->service, wanted->operation);
    if (operation->effect == FX_EFFECT_REFUSED)
        return fx_fail(err, FX_ERR_DENIED, "%s:%s is never called by this program", wanted->service,
                       wanted->operation);
    call.protocol = protocols[operation->service->protocol];
    call.timeout_ms = choose_timeout_ms(wanted);
    FX_TRY(aws_params_check(operation, wanted->params, false, err));
    FX_TRY(aws_endpoint_find(sc, &aws->settings, operation, wanted, &call.endpoint, err));
    FX_TRY(call.protocol->write(sc, operation, wanted->params, &call.wire, err));
    if (call.wire.body.len > AWS_MAX_PARAMS_BYTES)
        return fx_fail(err, FX_ERR_LIMIT, "the parameters of %s:%s take more than %d bytes",
                       wanted->service, wanted->operation, AWS_MAX_PARAMS_BYTES);
    return run(&call, ret_answer, err);
}
