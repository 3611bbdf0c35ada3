/* aws.c - one call from parameters to answer: find, check, sign, send, read, perhaps again. */
#include "call.h"

#include "fluxabot/base/digest.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    AWS_DEFAULT_TIMEOUT_MS = 10000,
    AWS_MAX_WAIT_S = 20, /* SQS's longest poll */
};

static const struct aws_protocol_ops *const protocols[] = {
    [AWS_PROTOCOL_JSON] = &aws_protocol_json,
    [AWS_PROTOCOL_QUERY] = &aws_protocol_query,
    [AWS_PROTOCOL_EC2] = &aws_protocol_query,
    [AWS_PROTOCOL_REST_JSON] = &aws_protocol_rest_json,
    [AWS_PROTOCOL_REST_XML] = &aws_protocol_rest_xml,
};

static const char *system_getenv(const char *name) {
    return getenv(name);
}

const char *aws_getenv(const struct aws_settings *settings, const char *name) {
    const char *value = settings->getenv(name);

    return value != NULL && value[0] != '\0' ? value : NULL;
}

enum fx_code fx_aws_open(const struct fx_aws_options *options, struct fx_aws **ret_aws,
                         struct fx_error *err) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct aws_core *core = FX_NEW(sc, struct aws_core);
    struct fx_aws *aws = FX_NEW(sc, struct fx_aws);
    struct aws_files files;

    core->sc = sc;
    core->settings = (struct aws_settings){
        .http = options->http,
        .clock = options->clock,
        .random = options->random != NULL ? options->random : fx_random_system(),
        .state = options->state,
        .getenv = options->getenv != NULL ? options->getenv : system_getenv,
        .region = fx_strdup(sc, options->region),
        .endpoint_url = fx_strdup(sc, options->endpoint_url),
        .core = core,
    };
    /* A profile file that was named and cannot be read is told now, not at the first alarm. */
    FX_TRY(aws_files_read(sc, &core->settings, &files, err));
    core->ca_bundle = fx_strdup(sc, aws_getenv(&core->settings, "AWS_CA_BUNDLE"));
    core->buckets = aws_buckets_new(sc);
    aws->core = core;
    aws->region = fx_strdup(sc, aws_region_default(sc, &core->settings));
    aws->credentials =
        aws_source_cached_new(sc, &core->settings, aws_source_chain_new(sc, &core->settings));
    core->roles = aws_roles_new(sc, &core->settings, aws->credentials);
    *ret_aws = aws;
    (void)FX_TAKE(sc);
    return FX_OK;
}

void fx_aws_close(struct fx_aws *aws) {
    if (aws == NULL)
        return;
    aws_roles_close(aws->core->roles);
    aws->credentials->close(aws->credentials);
    aws_buckets_close(aws->core->buckets);
    fx_scope_free(aws->core->sc);
}

const char *fx_aws_region(const struct fx_aws *aws) {
    return aws->region;
}

struct fx_aws *fx_aws_as(struct fx_aws *aws, struct fx_scope *sc, const struct fx_aws_role *role) {
    struct fx_aws *view = FX_NEW(sc, struct fx_aws);

    *view = *aws;
    if (role->region != NULL)
        view->region = fx_strdup(sc, role->region);
    if (role->arn != NULL) {
        view->credentials = aws_roles_take(aws->core->roles, sc, role);
        view->role_arn = fx_strdup(sc, role->arn);
    }
    return view;
}

enum fx_code fx_aws_prepare(struct fx_aws *aws, struct fx_scope *sc, int64_t hold_ms,
                            struct fx_aws_standing *ret_standing, struct fx_error *err) {
    struct fx_aws_credentials found;

    FX_TRY(aws_source_cached_hold(aws->credentials, sc, hold_ms, &found, err));
    if (ret_standing != NULL)
        *ret_standing = (struct fx_aws_standing){
            .origin = found.origin,
            .access_key_id = found.access_key_id,
            .expires_wall_ms = found.expires_wall_ms,
        };
    return FX_OK;
}

/* ---- one attempt ---- */

static size_t build_headers(const struct call *call, const struct fx_aws_signature *signature,
                            const struct fx_aws_credentials *credentials,
                            struct fx_http_header *headers) {
    size_t count = 0;

    for (size_t i = 0; i < call->wire.headers_count; i++)
        headers[count++] = call->wire.headers[i];
    if (call->wire.content_type != NULL)
        headers[count++] = (struct fx_http_header){"Content-Type", call->wire.content_type};
    if (call->plain_path)
        headers[count++] = (struct fx_http_header){"X-Amz-Content-Sha256",
                                                   fx_sha256_hex(call->sc, call->wire.body)};
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

/* Fills headers with what is sent. */
static enum fx_code sign(struct call *call, int64_t now_wall_ms, struct fx_http_header *headers,
                         size_t *ret_count, struct fx_error *err) {
    struct fx_aws_credentials credentials;

    *ret_count = build_headers(call, NULL, NULL, headers);
    if (call->credentials == NULL)
        return FX_OK;
    FX_TRY(call->credentials->get(call->credentials, call->sc, &credentials, err));
    headers[*ret_count] = (struct fx_http_header){"Host", call->endpoint.host};
    struct fx_aws_signing signing = {
        .credentials = &credentials,
        .region = call->endpoint.region,
        .service = call->operation->service->signing_name,
        .wall_ms = now_wall_ms + call->aws->skew.ms,
        .method = call->operation->method,
        .path = fx_printf(call->sc, "%s%s", call->endpoint.path, call->wire.path),
        .query = call->wire.query,
        .headers = headers,
        .headers_count = *ret_count + 1,
        .body = call->wire.body,
        .normalize_path = !call->plain_path,
        .double_encode_path = !call->plain_path,
    };
    struct fx_aws_signature signature = fx_aws_sign(call->sc, &signing);
    *ret_count = build_headers(call, &signature, &credentials, headers);
    return FX_OK;
}

enum fx_code aws_attempt_begin(struct call *call, struct fx_http_request *ret_request,
                               struct fx_error *err) {
    struct aws_core *aws = call->aws;
    size_t count = 0;

    call->started_wall_ms = fx_wall_ms(aws->settings.clock);
    call->started_mono_ms = fx_mono_ms(aws->settings.clock);
    FX_TRY(sign(call, call->started_wall_ms, call->headers, &count, err));
    bool changes = fx_effect_changes(call->operation->effect);
    int64_t before_ms = changes ? fx_scope_send_before(call->sc) : 0;

    if (before_ms != 0 && fx_mono_ms(aws->settings.clock) >= before_ms)
        return fx_fail(err, FX_ERR_TIMEOUT,
                       "the call was not sent: this program stood still for too long");
    *ret_request = (struct fx_http_request){
        .method = call->operation->method,
        .url = fx_printf(call->sc, "%s%s%s%s", call->endpoint.url, call->wire.path,
                         call->wire.query[0] != '\0' ? "?" : "", call->wire.query),
        .headers = call->headers,
        .headers_count = count,
        .body = call->wire.body,
        .reach = FX_HTTP_ANY, /* AWS's names lead to private addresses behind a VPC endpoint */
        .timeout_ms = call->timeout_ms,
        .ca_file = aws->ca_bundle,
        .fresh = changes && !call->harmless,
        .send_before_mono_ms = before_ms,
    };
    return FX_OK;
}

static enum fx_code judge_refusal(struct call *call, const struct fx_http_reply *reply,
                                  struct outcome *ret_outcome, struct fx_error *err) {
    struct aws_fault fault;

    call->protocol->read_fault(call->sc, reply, &fault);
    ret_outcome->trouble = aws_fault_trouble(&fault);
    ret_outcome->hint = aws_hint_read(reply);
    ret_outcome->clock_is_off = aws_skew_explains(&call->aws->skew, fault.code);
    enum fx_code code = aws_fault_fail(call->sc, call->operation, &fault, err);
    if (ret_outcome->trouble == AWS_TROUBLE_THROTTLED)
        aws_pace_throttled(call);
    if (code == FX_ERR_THROTTLED && err != NULL)
        err->retry_after_ms =
            (uint32_t)(ret_outcome->hint.ms < INT32_MAX ? ret_outcome->hint.ms : INT32_MAX);
    return code;
}

enum fx_code aws_attempt_end(struct call *call, enum fx_code code,
                             const struct fx_http_reply *reply, struct outcome *ret_outcome,
                             struct fx_json **ret_answer, struct fx_error *err) {
    *ret_outcome = (struct outcome){.trouble = AWS_TROUBLE_FINAL};
    if (code != FX_OK) {
        if (code == FX_ERR_TIMEOUT || code == FX_ERR_UNAVAILABLE)
            ret_outcome->trouble = AWS_TROUBLE_TRANSIENT;
        (void)fx_fail_in(err, "%s:%s", call->operation->service->name, call->operation->name);
        return code;
    }
    aws_skew_learn(&call->aws->skew, reply, call->started_wall_ms,
                   fx_mono_ms(call->aws->settings.clock) - call->started_mono_ms);
    if (reply->status < 200 || reply->status > 299)
        return judge_refusal(call, reply, ret_outcome, err);
    code = call->protocol->read(call->sc, call->operation, reply, ret_answer, err);
    if (code != FX_OK) {
        const char *id = aws_request_id(reply);
        code = fx_fail_in(err, "%s:%s was answered%s%.64s%s, but", call->operation->service->name,
                          call->operation->name, id[0] != '\0' ? " (request " : "", id,
                          id[0] != '\0' ? ")" : "");
        if (err != NULL)
            err->sent = true;
        return code;
    }
    aws_mark_guess(call->sc, *ret_answer, reply->body, call->guess);
    return FX_OK;
}

static enum fx_code attempt(struct call *call, struct outcome *ret_outcome,
                            struct fx_json **ret_answer, struct fx_error *err) {
    struct fx_http_reply *reply = NULL;
    struct fx_http_request request;

    *ret_outcome = (struct outcome){.trouble = AWS_TROUBLE_FINAL};
    FX_TRY(aws_pace_wait(call, err));
    enum fx_code code = aws_attempt_begin(call, &request, err);

    if (code == FX_OK)
        code = fx_http_exchange(call->aws->settings.http, call->sc, &request, &reply, err);
    return aws_attempt_end(call, code, reply, ret_outcome, ret_answer, err);
}

/* ---- attempts ---- */

/* Waits for another attempt. Without one, the last error stands. */
static bool prepare_retry(struct call *call, const struct outcome *outcome, int retry,
                          int *ret_cost) {
    struct aws_core *aws = call->aws;
    struct fx_error ignored;

    if (!call->repeatable || retry + 1 >= AWS_MAX_ATTEMPTS)
        return false;
    if (outcome->trouble == AWS_TROUBLE_FINAL)
        /* Only the clock was wrong, and it is known now. */
        return outcome->clock_is_off && retry == 0;
    int64_t delay_ms =
        aws_retry_delay_ms(aws->settings.random, outcome->trouble, retry, outcome->hint);
    int64_t left_ms = fx_scope_time_left(call->sc, fx_mono_ms(aws->settings.clock), delay_ms + 1);
    if (delay_ms < 0 || left_ms <= delay_ms)
        return false;
    *ret_cost = aws_bucket_take(call->bucket, outcome->trouble);
    /* A long poll asks again by itself: with an empty bucket it must not do so at once. */
    if (*ret_cost == 0 && call->operation->effect != FX_EFFECT_PEEK)
        return false;
    return aws_retry_wait(call->sc, aws->settings.clock, delay_ms, &ignored) == FX_OK &&
           *ret_cost > 0;
}

enum fx_code aws_call_run(struct call *call, struct fx_json **ret_answer, struct fx_error *err) {
    struct outcome outcome;
    int last_cost = 0;

    for (int retry = 0;; retry++) {
        enum fx_code code = attempt(call, &outcome, ret_answer, err);
        if (code == FX_OK) {
            aws_bucket_refund(call->bucket, last_cost);
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

static enum fx_code write_call(struct call *call, const char *region,
                               const struct fx_aws_call *wanted, struct fx_error *err) {
    struct aws_settings settings = call->aws->settings;
    const struct aws_operation *operation = call->operation;

    settings.region = region;
    call->protocol = protocols[operation->service->protocol];
    call->plain_path = strcmp(operation->service->signing_name, "s3") == 0;
    call->timeout_ms = choose_timeout_ms(wanted);
    call->guess = wanted->guess;
    call->harmless = wanted->harmless;
    FX_TRY(aws_params_check(operation, wanted->params, false, err));
    FX_TRY(
        aws_endpoint_find(call->sc, &settings, operation->service, wanted, &call->endpoint, err));
    FX_TRY(call->protocol->write(call->sc, operation, wanted->params, &call->wire, err));
    if (call->wire.body.len > AWS_MAX_PARAMS_BYTES)
        return fx_fail(err, FX_ERR_LIMIT, "the parameters of %s:%s take more than %d bytes",
                       wanted->service, wanted->operation, AWS_MAX_PARAMS_BYTES);
    call->bucket = aws_buckets_find(call->aws->buckets, operation->service, call->endpoint.region);
    return FX_OK;
}

enum fx_code aws_core_call(struct aws_core *core, struct fx_aws_source *credentials,
                           struct fx_scope *sc, const struct fx_aws_call *wanted,
                           struct fx_json **ret_answer, struct fx_error *err) {
    struct call call = {.aws = core,
                        .credentials = credentials,
                        .sc = sc,
                        .operation = aws_operation_find(wanted->service, wanted->operation),
                        .repeatable = true};

    assert(call.operation != NULL);
    FX_TRY(write_call(&call, core->settings.region, wanted, err));
    return aws_call_run(&call, ret_answer, err);
}

enum fx_code aws_call_begin(struct fx_aws *aws, struct fx_scope *sc,
                            const struct fx_aws_call *wanted, struct call *ret_call,
                            struct fx_error *err) {
    const struct aws_operation *operation = aws_operation_find(wanted->service, wanted->operation);

    *ret_call = (struct call){.aws = aws->core,
                              .credentials = aws->credentials,
                              .role_arn = aws->role_arn,
                              .sc = sc,
                              .operation = operation};
    if (operation == NULL)
        return fx_fail(err, FX_ERR_INPUT, "%s:%s is not among the AWS operations of this version",
                       wanted->service, wanted->operation);
    if (operation->effect == FX_EFFECT_REFUSED)
        return fx_fail(err, FX_ERR_DENIED, "%s:%s is never called by this program", wanted->service,
                       wanted->operation);
    ret_call->repeatable =
        operation->effect == FX_EFFECT_READ || operation->effect == FX_EFFECT_PEEK;
    return write_call(ret_call, aws->region, wanted, err);
}

enum fx_code fx_aws_call(struct fx_aws *aws, struct fx_scope *sc, const struct fx_aws_call *wanted,
                         struct fx_json **ret_answer, struct fx_error *err) {
    struct call call;

    FX_TRY(aws_call_begin(aws, sc, wanted, &call, err));
    return aws_call_run(&call, ret_answer, err);
}
