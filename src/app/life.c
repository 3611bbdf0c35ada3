/* life.c - the process among signals, its service manager and its own end.
 *
 * The service manager is told that we live only when every part has shown that it does: each thread
 * of the engine gets on with its work, the listeners answer, and an embedded store answers as well.
 */
#include "private.h"

#include "fluxabot/base/log.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

enum {
    LOOK_MS = 30 * 1000,      /* between two looks at ourselves; a watchdog may want them sooner */
    STORE_LOOK_MS = 5 * 1000, /* between two at the store */
    SLICE_MS = 100,           /* how soon an end that has come is noticed */
    HURRIED_MS = 5 * 1000,    /* what a second signal leaves of the drain */
};
static_assert(FX_WEB_STOP_MS + FX_ENGINE_FINISH_MS + FX_STORE_WAIT_MS <= APP_DRAIN_MS,
              "open requests, running steps and a last write, one after the other");

void app_life_begin(sigset_t *ret_signals) {
    /* blocked before any thread exists, so that only we see them, one after the other */
    sigemptyset(ret_signals);
    sigaddset(ret_signals, SIGTERM);
    sigaddset(ret_signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, ret_signals, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* 0 when none came in time. */
static int next_signal(const sigset_t *signals, int64_t wait_ms) {
    struct timespec wait = {.tv_sec = wait_ms / 1000, .tv_nsec = wait_ms % 1000 * 1000000};
    int number = sigtimedwait(signals, NULL, &wait);

    return number > 0 ? number : 0;
}

/* ---- while it runs ---- */

/* Half of what the service manager allows. */
static int64_t look_every_ms(bool *ret_watched) {
    uint64_t allowed_us = 0;
    int64_t half_ms = LOOK_MS;

    *ret_watched = sd_watchdog_enabled(0, &allowed_us) > 0;
    if (*ret_watched)
        half_ms = (int64_t)(allowed_us / 2000);
    return half_ms < 1 ? 1 : half_ms < LOOK_MS ? half_ms : LOOK_MS;
}

static enum fx_code look(const struct app_life *life, struct fx_error *err) {
    if (life->engine != NULL)
        FX_TRY(fx_engine_alive(life->engine, err));
    return life->web == NULL ? FX_OK : fx_web_alive(life->web, err);
}

/* Says what is new, and to the service manager only what is good. */
static bool look_and_tell(const struct app_life *life, bool was_well, bool watched) {
    struct fx_error err = {0};
    bool well = look(life, &err) == FX_OK;

    if (!well)
        fx_log(life->sc, FX_LOG_ERROR, "life.hangs", FX_E(&err));
    else if (!was_well)
        fx_log(life->sc, FX_LOG_INFO, "life.goes_on");
    if (well && watched)
        sd_notify(0, "WATCHDOG=1");
    return well;
}

/* An engine asks it all the time; where there is none, somebody must. */
static int64_t store_silent_ms(const struct app_life *life, int64_t *io_heard_ms) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    int64_t now_ms = fx_mono_ms(fx_clock_system());
    struct fx_audit *head = NULL;
    struct fx_error ignored;

    if (life->engine != NULL)
        return fx_engine_store_silent_ms(life->engine);
    if (life->store->audit_head(life->store, sc, &head, &ignored) == FX_OK)
        *io_heard_ms = now_ms;
    return now_ms - *io_heard_ms;
}

static bool store_is_gone(const struct app_life *life, int64_t *io_heard_ms) {
    if (!life->store_is_file || store_silent_ms(life, io_heard_ms) < APP_STORE_GONE_MS)
        return false;
    fx_log(life->sc, FX_LOG_ERROR, "store.gone",
           FX_S("what", "the database does not answer; a new start opens it again"));
    return true;
}

int app_life_wait(const struct app_life *life, const sigset_t *signals) {
    bool watched = false, well = true;
    int64_t every_ms = look_every_ms(&watched), heard_ms = fx_mono_ms(fx_clock_system());
    int64_t look_at_ms = heard_ms + every_ms;

    for (;;) {
        int64_t left_ms = look_at_ms - fx_mono_ms(fx_clock_system());
        int number = next_signal(signals, left_ms < 1               ? 1
                                          : left_ms < STORE_LOOK_MS ? left_ms
                                                                    : STORE_LOOK_MS);

        if (number != 0 || store_is_gone(life, &heard_ms))
            return number;
        if (fx_mono_ms(fx_clock_system()) < look_at_ms)
            continue;
        well = look_and_tell(life, well, watched);
        look_at_ms = fx_mono_ms(fx_clock_system()) + every_ms;
    }
}

/* ---- while it ends ---- */

/* Nothing is lost by it: what was promised is in the store, and the next start looks there. */
_Noreturn static void end_now(const struct app_drain *drain, const char *why) {
    fx_log(drain->sc, FX_LOG_ERROR, "stopped.early", FX_S("why", why));
    _exit(EXIT_FINDINGS);
}

static void *watch_drain(void *argument) {
    struct app_drain *drain = argument;
    int64_t end_ms = fx_mono_ms(fx_clock_system()) + APP_DRAIN_MS;

    while (!atomic_load(&drain->done)) {
        int number = next_signal(drain->signals, SLICE_MS);
        int64_t now_ms = fx_mono_ms(fx_clock_system());

        if (number != 0 && atomic_exchange(&drain->hurry, true))
            end_now(drain, "a third signal came");
        if (number != 0) {
            fx_log(drain->sc, FX_LOG_WARN, "stopping.hurried", FX_I("signal", number));
            end_ms = now_ms + HURRIED_MS < end_ms ? now_ms + HURRIED_MS : end_ms;
        }
        if (now_ms >= end_ms)
            end_now(drain, "what was under way did not end in time");
    }
    return NULL;
}

void app_drain_begin(struct app_drain *drain) {
    sd_notify(0, "STOPPING=1");
    if (pthread_create(&drain->thread, NULL, watch_drain, drain) != 0)
        end_now(drain, "no thread was left to watch over the end");
}

void app_drain_end(struct app_drain *drain) {
    if (drain->signals == NULL)
        return;
    atomic_store(&drain->done, true);
    pthread_join(drain->thread, NULL);
}
