/* crowd.c - several calls at once. Each is what a call alone is: a change leaves at most once, and
 * a read that did not end well is tried again by itself. */
#include "call.h"

struct member {
    struct fx_aws_one *one;
    struct call call;
    struct outcome outcome;
    bool sent_out; /* it is among the exchanges */
    bool ended;
};

static void end(struct fx_http_one *exchange) {
    struct member *member = exchange->owner;
    struct fx_aws_one *one = member->one;

    member->ended = true;
    one->err = exchange->err;
    one->code = aws_attempt_end(&member->call, exchange->code, exchange->reply, &member->outcome,
                                &one->answer, &one->err);
    if (one->code == FX_OK)
        aws_bucket_refund(member->call.bucket, 0);
    else if (member->call.repeatable &&
             (member->outcome.trouble != AWS_TROUBLE_FINAL || member->outcome.clock_is_off))
        one->code = aws_call_run(&member->call, &one->answer, &one->err);
}

/* A good answer is read while others are under way. What may have to be asked again waits for all:
 * asking again takes its time. */
static void end_if_good(struct fx_http_one *exchange) {
    if (exchange->code == FX_OK && exchange->reply->status >= 200 && exchange->reply->status <= 299)
        end(exchange);
}

static void begin(struct fx_aws *aws, struct fx_aws_one *one, struct member *member,
                  struct fx_http_one *ret_exchange) {
    *ret_exchange = (struct fx_http_one){.sc = one->sc, .ended = end_if_good, .owner = member};
    member->one = one;
    one->code = aws_call_begin(aws, one->sc, &one->call, &member->call, &one->err);
    if (one->code != FX_OK)
        return;
    one->code = aws_attempt_begin(&member->call, &ret_exchange->request, &one->err);
    member->sent_out = one->code == FX_OK;
    if (one->code != FX_OK && member->call.repeatable) /* without credentials, perhaps */
        one->code = aws_call_run(&member->call, &one->answer, &one->err);
}

void fx_aws_call_all(struct fx_aws *aws, struct fx_scope *sc, struct fx_aws_one *all,
                     size_t count) {
    struct member *members = fx_alloc(sc, count * sizeof *members);
    struct fx_http_one *exchanges = fx_alloc(sc, count * sizeof *exchanges);
    size_t out = 0;

    for (size_t i = 0; i < count; i++) {
        begin(aws, &all[i], &members[i], &exchanges[out]);
        out += members[i].sent_out;
    }
    if (out > 0)
        fx_http_exchange_all(aws->core->settings.http, exchanges, out);
    for (size_t k = 0; k < out; k++)
        if (!((struct member *)exchanges[k].owner)->ended)
            end(&exchanges[k]);
}
