/* crowd.c - several calls at once. Each is what a call alone is: a change leaves at most once, and
 * a read that did not end well is tried again by itself. */
#include "call.h"

struct member {
    struct call call;
    struct outcome outcome;
    bool sent_out; /* it is among the exchanges */
};

static void begin(struct fx_aws *aws, struct fx_aws_one *one, struct member *member,
                  struct fx_http_one *ret_exchange) {
    *ret_exchange = (struct fx_http_one){.sc = one->sc};
    one->code = aws_call_begin(aws, one->sc, &one->call, &member->call, &one->err);
    if (one->code != FX_OK)
        return;
    one->code = aws_attempt_begin(&member->call, &ret_exchange->request, &one->err);
    member->sent_out = one->code == FX_OK;
    if (one->code != FX_OK && member->call.repeatable) /* without credentials, perhaps */
        one->code = aws_call_run(&member->call, &one->answer, &one->err);
}

static void end(struct fx_aws_one *one, struct member *member, struct fx_http_one *exchange) {
    one->err = exchange->err;
    one->code = aws_attempt_end(&member->call, exchange->code, exchange->reply, &member->outcome,
                                &one->answer, &one->err);
    if (one->code == FX_OK)
        aws_bucket_refund(member->call.bucket, 0);
    else if (member->call.repeatable &&
             (member->outcome.trouble != AWS_TROUBLE_FINAL || member->outcome.clock_is_off))
        one->code = aws_call_run(&member->call, &one->answer, &one->err);
}

void fx_aws_call_all(struct fx_aws *aws, struct fx_scope *sc, struct fx_aws_one *all,
                     size_t count) {
    struct member *members = fx_alloc(sc, count * sizeof *members);
    struct fx_http_one *exchanges = fx_alloc(sc, count * sizeof *exchanges);
    size_t *who = fx_alloc(sc, count * sizeof *who), out = 0;

    for (size_t i = 0; i < count; i++) {
        begin(aws, &all[i], &members[i], &exchanges[out]);
        if (members[i].sent_out)
            who[out++] = i;
    }
    if (out > 0)
        fx_http_exchange_all(members[who[0]].call.aws->settings.http, exchanges, out);
    for (size_t k = 0; k < out; k++)
        end(&all[who[k]], &members[who[k]], &exchanges[k]);
}
