/* late.c - an edit whose answer was given up may arrive after the next one.
 *
 * Slack has nothing to keep it from that: an edit names no version. So whatever stands in doubt
 * makes the newest text of its key be said once more, when nothing of it can arrive any more. Of a
 * new post that is late there is nothing to repair: it is a message of its own.
 */
#include "private.h"

#include "fluxabot/base/clock.h"

int64_t store_late_until(struct store_link *link, const struct fx_message *message) {
    bool may_be_edit = message->ts[0] != '\0' || message->in_doubt; /* found, then edited */
    bool is_put = message->kind == FX_MESSAGE_PUT && message->key[0] != '\0';

    return is_put && may_be_edit ? fx_wall_ms(link->db->clock) + FX_STORE_LATE_MS : 0;
}

enum fx_code store_late_repeat(struct store_link *link, const struct fx_message *message,
                               int64_t late_ms, int64_t now_ms, struct fx_error *err) {
    if (late_ms <= now_ms)
        return FX_OK;
    if (late_ms > now_ms + FX_STORE_LATE_MS) /* the clock was set back */
        late_ms = now_ms + FX_STORE_LATE_MS;
    FX_TRY(store_lock_name(link, STORE_LOCK_MESSAGE, message->key, "", err));
    FX_TRY(store_exec(link, STMT_MESSAGE_LATE, ST_VALUES(st_int(late_ms), st_text(message->key)),
                      err));
    if (link->changed > 0)
        return FX_OK;
    return store_exec(link, STMT_MESSAGE_REPEAT, ST_VALUES(st_int(late_ms), st_int(message->seq)),
                      err);
}
