/* accept.c - an operator says that the audit log is to go on as it is, and why. */
#include "private.h"

#include "fluxabot/base/redact.h"

#include <string.h>

/* In this order, so that nothing is ended that could not be explained later: the row, the anchor,
 * then the freeze. Dying in between leaves changes frozen. What a person has frozen stays so. */
enum fx_code fx_engine_accept_audit(const struct fx_engine_options *options, struct fx_scope *sc,
                                    const char *who, const char *reason,
                                    struct fx_anchor **ret_anchor, struct fx_error *err) {
    struct fx_engine engine = {.options = *options};
    struct engine_work work = {.engine = &engine, .sc = sc, .now_ms = fx_wall_ms(options->clock)};
    struct fx_slice said = fx_slice_trim(fx_slice_of(fx_redact(sc, reason)));
    const struct fx_actor actor = {.user_id = who, .terminal = true};
    struct engine_freeze freeze;
    struct fx_audit *head = NULL;

    FX_TRY(fx_authorize(options->policy,
                        &(struct fx_policy_question){.actor = &actor, .action = FX_ACTION_ACCEPT},
                        err));
    reason =
        fx_slice_dup(sc, fx_slice_cut(said, 0, fx_slice_utf8_prefix(said, FX_ANCHOR_MAX_REASON)));
    if (reason[0] == '\0')
        return fx_fail(err, FX_ERR_INPUT, "a reason is missing");
    FX_TRY(engine_freeze_read(&work, &freeze, err));
    fx_writes_audit(sc, &work.writes, who, "audit.accepted", "audit",
                    fx_json_object_of(sc, "reason", fx_json_string(sc, reason), "frozen",
                                      fx_json_string(sc, freeze.reason), NULL));
    FX_TRY(options->store->write(options->store, sc, NULL, &work.writes, err));
    FX_TRY(options->store->audit_head(options->store, sc, &head, err));
    FX_TRY(fx_anchor_append(
        sc, options->anchor_file, options->anchor_key,
        &(struct fx_anchor){
            .n = head->n, .hash = head->hash, .time_ms = work.now_ms, .reason = reason},
        ret_anchor, err));
    work.writes = (struct fx_writes){0};
    if (strcmp(freeze.by, ENGINE_FREEZE_BY_AUDIT) == 0) {
        FX_TRY(engine_freeze_end(&work, err));
        FX_TRY(engine_show_requests(&work, err));
    }
    fx_writes_job(sc, &work.writes, "anchor", "audit", work.now_ms); /* a running engine tells it */
    return options->store->write(options->store, sc, NULL, &work.writes, err);
}
