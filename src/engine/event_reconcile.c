/* event_reconcile.c - what a comparison with CloudWatch found: as if SNS had told it, but marked.
 *
 * The body is {topic, first, alarm, changes: [{state, at, reason, data}]}, with the alarm as
 * DescribeAlarms showed it and its missed changes, the oldest first; or {topic, gone: {arn, at}}.
 */
#include "private.h"

#include "fluxabot/base/log.h"

#include <string.h>

static const char note_lost[] = "found by asking CloudWatch; the notification did not arrive";
static const char note_first[] =
    "found by asking CloudWatch; it began before the bot first listened";
static const char note_not_told[] =
    "found by asking CloudWatch; the alarm does not notify this topic when it is OK";
static const char ending_gone[] = "the alarm was deleted in CloudWatch";

struct finding {
    struct engine_work *work;
    const struct fx_json *body;
    const struct fx_engine_topic *topic;
    const struct fx_engine_system *system;
};

static struct fx_alarm_change change_at(const struct fx_json *changes, size_t i) {
    const struct fx_json *item = fx_json_item(changes, i);
    const char *reason = fx_json_get_text(item, "reason"), *data = fx_json_get_text(item, "data");
    const char *state = fx_json_get_text(item, "state");
    bool ok = state != NULL && strcmp(state, "OK") == 0;

    return (struct fx_alarm_change){
        .state = ok ? FX_ALARM_STATE_OK : FX_ALARM_STATE_ALARM,
        .at_ms = fx_json_get_int(item, "at", 0),
        .reason = reason != NULL ? reason : "",
        .reason_data = data != NULL ? data : "",
    };
}

static bool ends_later(const struct fx_json *changes, size_t i) {
    for (i++; i < fx_json_count(changes); i++)
        if (change_at(changes, i).state == FX_ALARM_STATE_OK)
            return true;
    return false;
}

static const char *note_of(const struct finding *f, const struct fx_alarm_change *change) {
    if (change->state == FX_ALARM_STATE_OK &&
        !fx_alarm_notifies(fx_json_at(f->body, "alarm"), FX_ALARM_STATE_OK, f->topic->arn))
        return note_not_told;
    return fx_json_get_bool(f->body, "first", false) ? note_first : note_lost;
}

/* Each change builds on the incident as the one before has left it, so each is written alone. A
 * repetition finds the first of them known and goes on. */
static enum fx_code write_so_far(struct engine_work *work, struct fx_error *err) {
    enum fx_code code = engine_flush(work, err);

    if (code == FX_ERR_CONFLICT) /* a notification came in between: look again in a moment */
        return fx_fail(err, FX_ERR_UNAVAILABLE, "the incident was changed meanwhile");
    return code;
}

static enum fx_code handle_changes(const struct finding *f, struct fx_error *err) {
    struct engine_work *work = f->work;
    const struct fx_json *changes = fx_json_at(f->body, "changes");

    for (size_t i = 0; i < fx_json_count(changes); i++) {
        struct fx_alarm_change change = change_at(changes, i);
        const struct fx_alarm *alarm =
            fx_alarm_described(work->sc, fx_json_at(f->body, "alarm"), &change);
        const struct engine_finding found = {.note = note_of(f, &change),
                                             .over = change.state == FX_ALARM_STATE_ALARM &&
                                                     ends_later(changes, i)};

        if (i > 0)
            FX_TRY(write_so_far(work, err));
        FX_TRY(engine_alarm(work, f->system, f->topic->environment, alarm, &found, err));
    }
    return FX_OK;
}

/* Nobody will ever say OK of it. */
static enum fx_code handle_gone(const struct finding *f, const struct fx_json *gone,
                                struct fx_error *err) {
    const struct fx_alarm_change change = {.state = FX_ALARM_STATE_OK,
                                           .at_ms = fx_json_get_int(gone, "at", 0),
                                           .reason = "",
                                           .reason_data = ""};
    const struct fx_json *described = fx_json_object_of(
        f->work->sc, "AlarmArn", fx_json_string(f->work->sc, fx_json_get_text(gone, "arn")), NULL);
    const struct engine_finding found = {.ending = ending_gone};

    return engine_alarm(f->work, f->system, f->topic->environment,
                        fx_alarm_described(f->work->sc, described, &change), &found, err);
}

enum fx_code engine_event_reconcile(struct engine_work *work, const struct fx_event *event,
                                    struct fx_error *err) {
    struct finding f = {.work = work};
    struct fx_json *body = NULL;

    FX_TRY(fx_json_parse(work->sc, fx_slice_of(event->body), &body, err));
    const char *arn = fx_json_get_text(body, "topic");

    f.body = body;
    f.topic = engine_topic(work->engine, arn != NULL ? arn : "");
    f.system = f.topic == NULL ? NULL : engine_system(work->engine, f.topic->system);
    if (f.system == NULL) {
        fx_log(work->sc, FX_LOG_WARN, "reconcile.unknown_topic", FX_S("event", event->id));
        return FX_OK;
    }
    const struct fx_json *gone = fx_json_at(body, "gone");

    return gone != NULL ? handle_gone(&f, gone, err) : handle_changes(&f, err);
}
