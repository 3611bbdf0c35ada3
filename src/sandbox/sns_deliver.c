/* sns_deliver.c - carries SNS messages to the bot and repeats them as SNS's default policy does. */
#include "aws.h"

#include <string.h>

enum { IDLE_MS = 500, STATUS_OK = 200, STATUS_REDIRECT = 300, STATUS_FAILED = 500 };

#define SUBSCRIPTION_SUFFIX ":0b1c2d3e-4f50-6172-8394-a5b6c7d8e9f0"

/* Without the lock. The HTTP status, or 0 and a problem. */
static int post(struct sandbox_aws *aws, struct fx_scope *sc, const char *bot_url,
                const struct sns_delivery *delivery, const char **ret_problem) {
    bool notification = strcmp(delivery->type, "Notification") == 0;
    const struct fx_http_header headers[] = {
        {"x-amz-sns-message-type", delivery->type},
        {"x-amz-sns-message-id", delivery->message_id},
        {"x-amz-sns-topic-arn", delivery->topic_arn},
        {"Content-Type", "text/plain; charset=UTF-8"},
        {"User-Agent", "Amazon Simple Notification Service Agent"},
        {"x-amz-sns-subscription-arn",
         fx_printf(sc, "%s" SUBSCRIPTION_SUFFIX, delivery->topic_arn)},
    };
    const struct fx_http_request request = {
        .method = "POST",
        .url = fx_printf(sc, "%s/webhooks/sns", bot_url),
        .headers = headers,
        /* a confirmation has no subscription yet */
        .headers_count = FX_COUNT_OF(headers) - (notification ? 0 : 1),
        .body = fx_slice_of(delivery->body),
        .reach = FX_HTTP_ANY,
        .timeout_ms = SNS_TIMEOUT_MS,
    };
    struct fx_http_reply *reply = NULL;
    struct fx_error err = {0};

    if (fx_http_exchange(aws->sb->http, sc, &request, &reply, &err) == FX_OK)
        return reply->status;
    *ret_problem = fx_strdup(sc, err.message);
    return 0;
}

static void insert_pending(struct sns_state *sns, struct sns_delivery *delivery) {
    struct sns_delivery **at = &sns->pending;

    while (*at != NULL && (*at)->due_mono_ms <= delivery->due_mono_ms)
        at = &(*at)->next;
    delivery->next = *at;
    *at = delivery;
    sns->pending_count++;
}

/* 2xx is done; 5xx and silence are repeated; 3xx and 4xx never are. Takes the delivery over. */
static void settle(struct sandbox_aws *aws, struct sns_delivery *delivery, int status) {
    struct sns_state *sns = &aws->sns;
    bool again = status == 0 || status >= STATUS_FAILED;

    delivery->attempts++;
    if (status >= STATUS_OK && status < STATUS_REDIRECT)
        sns->delivered++;
    else
        sns->failed++;
    if (again && delivery->attempts <= sns->retries && sns->pending_count < SNS_MAX_PENDING) {
        delivery->due_mono_ms = fx_mono_ms(aws->sb->clock) + sns->retry_delay_ms;
        insert_pending(sns, delivery);
        return;
    }
    if (status < STATUS_OK || status >= STATUS_REDIRECT) {
        sns->lost++;
        fx_log(aws->sb->scope, FX_LOG_WARN, "sandbox.sns_lost",
               FX_S("message_id", delivery->message_id), FX_I("status", status));
    }
    fx_scope_free(delivery->sc);
}

static struct sns_delivery *new_delivery(const struct sns_envelope *envelope, const char *body) {
    struct fx_scope *sc = fx_scope_new(NULL);
    struct sns_delivery *delivery = FX_NEW(sc, struct sns_delivery);

    delivery->sc = sc;
    delivery->type = fx_strdup(sc, envelope->type);
    delivery->message_id = fx_strdup(sc, envelope->message_id);
    delivery->topic_arn = fx_strdup(sc, envelope->topic_arn);
    delivery->body = fx_strdup(sc, body);
    return delivery;
}

void sns_publish(struct sandbox_aws *aws, const struct sns_envelope *envelope) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct sns_delivery *delivery;

    if (aws->sns.pending_count >= SNS_MAX_PENDING ||
        (aws->sns.pending_confirmation && strcmp(envelope->type, "Notification") == 0))
        return;
    delivery = new_delivery(envelope, sns_sign(aws, sc, envelope));
    delivery->due_mono_ms = fx_mono_ms(aws->sb->clock);
    insert_pending(&aws->sns, delivery);
    sandbox_notify(aws->sb);
}

int sns_deliver_now(struct sandbox_aws *aws, struct fx_scope *sc,
                    const struct sns_envelope *envelope, const char **ret_problem) {
    const char *bot_url = aws->sb->options.bot_url;
    struct sns_delivery *delivery;

    sandbox_unlock(aws->sb);
    delivery = new_delivery(envelope, sns_sign(aws, sc, envelope));
    int status = post(aws, sc, bot_url, delivery, ret_problem);
    sandbox_lock(aws->sb);
    settle(aws, delivery, status);
    return status;
}

void sns_drop_pending(struct sandbox_aws *aws) {
    while (aws->sns.pending != NULL) {
        struct sns_delivery *delivery = aws->sns.pending;

        aws->sns.pending = delivery->next;
        fx_scope_free(delivery->sc);
    }
    aws->sns.pending_count = 0;
}

static void send_first(struct sandbox_aws *aws) {
    struct fx_scope *sc = fx_scope_new(NULL);
    struct sns_delivery *delivery = aws->sns.pending;
    const char *bot_url = aws->sb->options.bot_url;
    const char *problem = NULL;

    aws->sns.pending = delivery->next;
    aws->sns.pending_count--;
    sandbox_unlock(aws->sb);
    int status = post(aws, sc, bot_url, delivery, &problem);
    fx_scope_free(sc);
    sandbox_lock(aws->sb);
    settle(aws, delivery, status);
}

void *sns_thread(void *argument) {
    struct sandbox_aws *aws = argument;
    struct sandbox *sb = aws->sb;

    sandbox_lock(sb);
    while (!sb->stopping) {
        struct sns_delivery *first = aws->sns.pending;
        int64_t wait_ms = first != NULL ? first->due_mono_ms - fx_mono_ms(sb->clock) : IDLE_MS;

        if (first != NULL && wait_ms <= 0)
            send_first(aws);
        else
            sandbox_wait(sb, wait_ms < IDLE_MS ? wait_ms : IDLE_MS);
    }
    sandbox_unlock(sb);
    return NULL;
}
