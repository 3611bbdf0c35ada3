/* pace.c - what AWS has throttled is asked seldom for a while, by all who share the state.
 *
 * A retry alone only moves the burst: several who were turned away in the same second come back in
 * the same next one, and other processes know nothing of it. So the refusal is remembered for a
 * moment under the operation's name: while it is, one call a second may be made, whoever makes it.
 * AWS counts by account and region, and so does this.
 * What was lost or forged there costs time and nothing else.
 */
#include "call.h"

#include <string.h>

enum {
    PACE_WINDOW_MS = 1000,
    PACE_LASTS_MS = 5000, /* after the last refusal */
    PACE_WAIT_MIN_MS = 200,
    PACE_WAIT_MAX_MS = 10000, /* in all; then it is asked, come what may */
};

/* "own" for the account we are in ourselves: its number need not be known. */
static struct fx_slice account_of(const char *role_arn) {
    enum { COLONS_BEFORE_ACCOUNT = 4 }; /* arn:partition:service:region:account:resource */
    const char *at = role_arn;

    for (int i = 0; i < COLONS_BEFORE_ACCOUNT && at != NULL; i++) {
        at = strchr(at, ':');
        at = at != NULL ? at + 1 : NULL;
    }
    return at != NULL ? (struct fx_slice){at, strcspn(at, ":")} : FX_SLICE("own");
}

static const char *name_of(const struct call *call) {
    struct fx_slice account = account_of(call->role_arn);

    return fx_printf(call->sc, "aws-pace:%.*s:%s:%s:%s", (int)account.len, account.ptr,
                     call->endpoint.region, call->operation->service->name, call->operation->name);
}

static bool takes_turn(struct fx_state *state, struct fx_scope *sc, const char *name) {
    return state->count(state, fx_printf(sc, "%s:calls", name), PACE_WINDOW_MS) == 1;
}

void aws_pace_throttled(const struct call *call) {
    struct fx_state *state = call->aws->settings.state;

    if (state == NULL)
        return;
    const char *name = name_of(call);

    state->put(state, name, FX_SLICE("throttled"), PACE_LASTS_MS);
    (void)takes_turn(state, call->sc, name); /* the second that is full is nobody's */
}

int64_t aws_pace_ms(const struct call *call) {
    struct fx_state *state = call->aws->settings.state;
    struct fx_random *random = call->aws->settings.random;

    if (state == NULL || fx_effect_changes(call->operation->effect))
        return 0;
    const char *name = name_of(call);

    if (state->get(state, call->sc, name) == NULL || takes_turn(state, call->sc, name))
        return 0;
    /* not all of those who wait in the same moment */
    return PACE_WAIT_MIN_MS +
           (int64_t)(aws_random_share(random) * (PACE_WINDOW_MS - PACE_WAIT_MIN_MS));
}

enum fx_code aws_pace_wait(const struct call *call, struct fx_error *err) {
    struct fx_clock *clock = call->aws->settings.clock;
    int64_t waited_ms = 0;

    for (int64_t ms = aws_pace_ms(call); ms > 0; ms = aws_pace_ms(call)) {
        /* whoever has no time left for it asks, and hears it from AWS */
        if (waited_ms >= PACE_WAIT_MAX_MS ||
            fx_scope_time_left(call->sc, fx_mono_ms(clock), ms + 1) <= ms)
            return FX_OK;
        FX_TRY(aws_retry_wait(call->sc, clock, ms, err));
        waited_ms += ms;
    }
    return FX_OK;
}
