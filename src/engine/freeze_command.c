/* freeze_command.c - a person freezes changes, or ends that: from Slack or the terminal; and who is
 * told of it. */
#include "private.h"

#include "fluxabot/base/log.h"
#include "fluxabot/base/redact.h"

#include <string.h>
#include <strings.h>

enum { REASON_MAX = 200 };

/* ---- who is told ---- */

static bool is_told_before(const struct fx_engine_options *options, size_t index) {
    for (size_t i = 0; i < index; i++)
        if (strcmp(options->systems[i].channel, options->systems[index].channel) == 0)
            return true;
    return false;
}

/* The freeze holds for all systems, so each channel learns of it. */
static enum fx_code announce(struct engine_work *work, const struct fx_json *card,
                             struct fx_error *err) {
    const struct fx_engine_options *options = &work->engine->options;
    const char *key = engine_id(work, "freeze:");

    for (size_t i = 0; i < options->systems_count; i++)
        if (!is_told_before(options, i))
            FX_TRY(engine_put_card(work,
                                   fx_printf(work->sc, "%s:%s", key, options->systems[i].channel),
                                   "", options->systems[i].channel, card, err));
    return FX_OK;
}

enum fx_code engine_show_requests(struct engine_work *work, struct fx_error *err) {
    struct fx_store *store = work->engine->options.store;
    struct fx_approval **waiting = NULL;
    size_t count = 0;

    FX_TRY(store->approvals_pending(store, work->sc, FX_STORE_MAX_ROWS, &waiting, &count, err));
    for (size_t i = 0; i < count; i++)
        fx_writes_job_of_rank(work->sc, &work->writes, FX_RANK_PERSON, "run", waiting[i]->run,
                              work->now_ms);
    return FX_OK;
}

enum fx_code engine_tell_freeze(struct engine_work *work, const struct engine_freeze *freeze,
                                struct fx_error *err) {
    const struct fx_engine_options *options = &work->engine->options;
    struct fx_scope *sc = work->sc;

    FX_TRY(engine_show_requests(work, err));
    if (options->systems_count == 0) /* nobody to tell */
        return FX_OK;
    return announce(
        work,
        fx_json_object_of(
            sc, "title", fx_json_string(sc, "Changes are frozen"), "tone",
            fx_json_string(sc, "bad"), "verdict", engine_freeze_text(sc, "Since ", freeze), "lines",
            fx_json_array_of(
                sc,
                fx_json_string(sc, "No change begins, and one that runs ends before its next call. "
                                   "Alarms, reading commands, Deny and Stop work as ever."),
                fx_json_stringf(sc, "An admin ends this with %s unfreeze reason:\"...\".",
                                options->systems[0].command),
                NULL),
            NULL),
        err);
}

static struct fx_json *may_go_on(struct fx_scope *sc) {
    return fx_json_array_of(sc,
                            fx_json_string(sc, "Requests that still wait can be approved again. "
                                               "What was refused meanwhile has to be asked for "
                                               "anew."),
                            NULL);
}

static struct fx_json *still_frozen(struct fx_scope *sc, const struct engine_freeze *left) {
    return fx_json_array_of(sc, engine_freeze_text(sc, "They stay frozen since ", left),
                            fx_json_string(sc, engine_sentence(sc, engine_freeze_way_out(left))),
                            NULL);
}

enum fx_code engine_tell_unfreeze(struct engine_work *work, const char *by, const char *reason,
                                  const struct engine_freeze *left, struct fx_error *err) {
    struct fx_scope *sc = work->sc;

    FX_TRY(engine_show_requests(work, err));
    return announce(
        work,
        fx_json_object_of(
            sc, "title",
            fx_json_string(sc, left == NULL ? "Changes are no longer frozen"
                                            : "A freeze is ended, but changes stay frozen"),
            "tone", fx_json_string(sc, left == NULL ? "plain" : "bad"), "verdict",
            fx_json_array_of(
                sc, engine_freezer(sc, by),
                fx_json_stringf(sc, " ended the freeze: %s", engine_sentence(sc, reason)), NULL),
            "lines", left == NULL ? may_go_on(sc) : still_frozen(sc, left), NULL),
        err);
}

/* ---- what was typed ---- */

/* reason:"month end", reason="month end", "month end" and month end are one. */
static const char *reason_of(struct fx_scope *sc, struct fx_slice text) {
    static const char *const quotes[] = {"\"", "\u201C", "\u201D"};
    static const char word[] = "reason";
    enum { LENGTH = sizeof word - 1 };

    text = fx_slice_trim(text);
    if (text.len > LENGTH && strncasecmp(text.ptr, word, LENGTH) == 0 &&
        (text.ptr[LENGTH] == ':' || text.ptr[LENGTH] == '='))
        text = fx_slice_trim(fx_slice_cut(text, LENGTH + 1, text.len));
    for (size_t i = 0; i < FX_COUNT_OF(quotes); i++)
        if (fx_slice_starts_with(text, fx_slice_of(quotes[i]))) {
            text = fx_slice_cut(text, strlen(quotes[i]), text.len);
            break;
        }
    for (size_t i = 0; i < FX_COUNT_OF(quotes); i++)
        if (fx_slice_ends_with(text, fx_slice_of(quotes[i]))) {
            text = fx_slice_cut(text, 0, text.len - strlen(quotes[i]));
            break;
        }
    text = fx_slice_trim(fx_slice_of(fx_redact(sc, fx_slice_dup(sc, text))));
    return fx_slice_dup(sc, fx_slice_cut(text, 0, fx_slice_utf8_prefix(text, REASON_MAX)));
}

static const char *or_none(const char *reason) {
    return reason[0] == '\0' ? "no reason was given" : reason;
}

static bool is_channel_of_ours(const struct fx_engine *engine, const char *channel) {
    for (size_t i = 0; i < engine->options.systems_count; i++)
        if (strcmp(engine->options.systems[i].channel, channel) == 0)
            return true;
    return false;
}

enum fx_code engine_freeze_command(struct engine_work *work, const struct fx_engine_system *system,
                                   const struct fx_slack_command *given, bool freeze,
                                   struct fx_slice rest, struct fx_error *err) {
    const char *reason = reason_of(work->sc, rest);
    const struct engine_freeze *left = NULL;

    FX_TRY(engine_authorize(work, system, given->user_id, given->team_id, given->channel_id,
                            freeze ? FX_ACTION_FREEZE : FX_ACTION_UNFREEZE, NULL, "", err));
    FX_TRY(freeze ? engine_freeze_by(work, given->user_id, or_none(reason), err)
                  : engine_unfreeze_by(work, given->user_id, reason, &left, err));
    fx_log(work->sc, FX_LOG_WARN, freeze ? "changes.frozen" : "changes.unfrozen",
           FX_S("by", given->user_id), FX_S("reason", reason));
    if (is_channel_of_ours(work->engine, given->channel_id))
        return FX_OK; /* the card stands there */
    return engine_whisper_text(work, given->channel_id, given->user_id, given->response_url, err,
                               "%s It is told in the channels of all systems.",
                               freeze         ? "Changes are frozen."
                               : left == NULL ? "Changes are no longer frozen."
                                              : "The freeze is ended, but the audit log's holds.");
}

/* ---- at the terminal ---- */

enum fx_code fx_engine_freeze(const struct fx_engine_options *options, struct fx_scope *sc,
                              const char *who, const char *reason, struct fx_error *err) {
    struct fx_engine engine = {.options = *options};
    struct engine_work work = {.engine = &engine, .sc = sc, .now_ms = fx_wall_ms(options->clock)};
    const struct fx_actor actor = {.user_id = who, .terminal = true};

    FX_TRY(fx_authorize(options->policy,
                        &(struct fx_policy_question){.actor = &actor, .action = FX_ACTION_FREEZE},
                        err));
    FX_TRY(engine_freeze_by(&work, who, or_none(reason_of(sc, fx_slice_of(reason))), err));
    return options->store->write(options->store, sc, NULL, &work.writes, err);
}

enum fx_code fx_engine_unfreeze(const struct fx_engine_options *options, struct fx_scope *sc,
                                const char *who, const char *reason, struct fx_error *err) {
    struct fx_engine engine = {.options = *options};
    struct engine_work work = {.engine = &engine, .sc = sc, .now_ms = fx_wall_ms(options->clock)};
    const struct fx_actor actor = {.user_id = who, .terminal = true};
    const struct engine_freeze *left = NULL;

    FX_TRY(fx_authorize(options->policy,
                        &(struct fx_policy_question){.actor = &actor, .action = FX_ACTION_UNFREEZE},
                        err));
    FX_TRY(engine_unfreeze_by(&work, who, reason_of(sc, fx_slice_of(reason)), &left, err));
    return options->store->write(options->store, sc, NULL, &work.writes, err);
}

static struct fx_engine_freeze public_of(const struct engine_freeze *freeze) {
    return (struct fx_engine_freeze){.is_on = freeze->is_on,
                                     .by = freeze->by,
                                     .reason = freeze->reason,
                                     .way_out = engine_freeze_way_out(freeze),
                                     .at_ms = freeze->at_ms};
}

enum fx_code fx_engine_frozen(const struct fx_engine_options *options, struct fx_scope *sc,
                              struct fx_engine_freeze *ret_freeze, struct fx_error *err) {
    struct fx_engine engine = {.options = *options};
    struct engine_work work = {.engine = &engine, .sc = sc};
    struct engine_freeze now;

    FX_TRY(engine_freeze_read(&work, &now, err));
    *ret_freeze = public_of(&now);
    if (now.and != NULL) {
        struct fx_engine_freeze *other = FX_NEW(sc, struct fx_engine_freeze);

        *other = public_of(now.and);
        ret_freeze->and = other;
    }
    return FX_OK;
}
