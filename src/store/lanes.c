/* lanes.c - when a lane of the outbox is free: one message under way, one post or file a second,
 * and no call of a method that the other side has put off.
 *
 * It stands in the database, so that all processes keep one pace. Whoever takes a lane has it until
 * it tells how the sending ended, or for FX_STORE_SEND_LEASE_MS if it never does.
 */
#include "private.h"

#include <string.h>

/* "post C1" is the lane, "post" the method. */
static char *method_of(struct fx_scope *sc, const char *lane) {
    return fx_printf(sc, "%.*s", (int)strcspn(lane, " "), lane);
}

static bool begins_with(const char *lane, const char *method) {
    return strncmp(lane, method, strlen(method)) == 0;
}

/* What is new in a channel has a pace and an order. */
static bool is_post(const char *lane) {
    return begins_with(lane, "post ") || begins_with(lane, "file ");
}

/* A pause that ends later than this is none: the clock was set back. */
static int64_t far_of(int64_t now_ms) {
    return now_ms < INT64_MAX - FX_STORE_LANE_MAX_MS ? now_ms + FX_STORE_LANE_MAX_MS : INT64_MAX;
}

enum fx_code store_lane_busy(struct store_link *link, const char *lane, int64_t now_ms,
                             int64_t *ret_until_ms, struct fx_error *err) {
    bool row = false;

    return store_read_int(link, STMT_LANE_BUSY,
                          ST_VALUES(st_text(lane), st_text(method_of(link->sc, lane)),
                                    st_int(now_ms), st_int(far_of(now_ms))),
                          &row, ret_until_ms, err);
}

static enum fx_code refuse(int64_t wait_ms, const char *lane, struct fx_error *err) {
    (void)fx_fail(err, FX_ERR_THROTTLED, "the lane %s is not free yet", lane);
    err->retry_after_ms = (uint32_t)(wait_ms > 0 ? wait_ms : 1);
    return err->code;
}

static void *read_name(struct fx_scope *sc, const struct store_rows *rows) {
    (void)sc;
    return (void *)(uintptr_t)store_text(rows, 0);
}

/* *ret_busy_ms is 0 when it is taken, else how long it is not free. */
static enum fx_code take(struct store_link *link, const char *lane, int64_t seq, int64_t now_ms,
                         int64_t *ret_busy_ms, struct fx_error *err) {
    int64_t until_ms = 0;

    FX_TRY(store_lane_busy(link, lane, now_ms, &until_ms, err));
    *ret_busy_ms = until_ms > 0 ? until_ms - now_ms : 0;
    if (*ret_busy_ms > 0)
        return FX_OK;
    /* the condition stands in the statement: of two that found it free one takes it */
    FX_TRY(store_exec(link, STMT_LANE_TAKE,
                      ST_VALUES(st_text(lane), st_int(now_ms + FX_STORE_SEND_LEASE_MS),
                                st_int(is_post(lane) ? now_ms + FX_STORE_POST_PACE_MS : 0),
                                st_int(seq), st_int(now_ms), st_int(far_of(now_ms))),
                      err));
    *ret_busy_ms = link->changed > 0 ? 0 : FX_STORE_POST_PACE_MS;
    return FX_OK;
}

enum fx_code store_lane_take(struct store_link *link, int64_t seq, int64_t now_ms,
                             struct fx_error *err) {
    char *lane = NULL;
    int64_t busy_ms = 0;

    FX_TRY(store_read_one(link, STMT_MESSAGE_LANE, ST_VALUES(st_int(seq)), read_name, &lane, err));
    FX_TRY(take(link, lane, seq, now_ms, &busy_ms, err));
    return busy_ms == 0 ? FX_OK : refuse(busy_ms, lane, err);
}

enum fx_code store_lane_try(struct store_link *link, const char *lane, int64_t seq, int64_t now_ms,
                            bool *ret_taken, struct fx_error *err) {
    int64_t busy_ms = 0;

    FX_TRY(take(link, lane, seq, now_ms, &busy_ms, err));
    *ret_taken = busy_ms == 0;
    return FX_OK;
}

enum fx_code store_lane_free(struct store_link *link, const struct fx_message *message,
                             int64_t not_before_ms, struct fx_error *err) {
    /* what was said later must not stand before it */
    bool holds = is_post(message->lane) && message->attempts <= FX_STORE_ORDERED_ATTEMPTS;

    return store_exec(
        link, STMT_LANE_FREE,
        ST_VALUES(st_int(holds ? not_before_ms : 0), st_text(message->lane), st_int(message->seq)),
        err);
}

enum fx_code store_method_hold(struct store_link *link, const struct fx_message *message,
                               int64_t until_ms, struct fx_error *err) {
    return store_exec(link, STMT_LANE_HOLD,
                      ST_VALUES(st_text(method_of(link->sc, message->lane)), st_int(until_ms),
                                st_int(far_of(until_ms))),
                      err);
}
