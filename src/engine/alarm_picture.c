/* alarm_picture.c - the metric of an alarm as a picture in the thread of its card: how it came to
 * its threshold, and when the alarm began. */
#include "files.h"

#include "fluxabot/base/log.h"
#include "fluxabot/intake.h"

#include <math.h>
#include <string.h>

enum {
    PICTURE_POINTS = 60,
    PICTURE_AFTER = 15,                    /* of them behind the moment, where that is long ago */
    PICTURE_MAX_MS = 3 * 24 * 3600 * 1000, /* from its left to its right */
    PICTURE_ATTEMPTS = 3,
    PICTURE_LATER_MS = 2000, /* behind the card and the first calls of its triage */
    PICTURE_EVERY_MS = 1000, /* drawing takes as long as handling many alarms */
    PICTURE_WAIT_MS = 30 * 1000,
};

/* When the next picture is drawn; 0: so many wait already that this one would come too late to be
 * of use. Each process counts for itself: it is a pace, which needs no agreement. */
static int64_t take_turn(struct fx_engine *engine, int64_t now_ms) {
    int64_t next_ms = atomic_load(&engine->next_picture_ms), due_ms = 0;

    do {
        due_ms = next_ms > now_ms + PICTURE_LATER_MS ? next_ms : now_ms + PICTURE_LATER_MS;
        if (due_ms > now_ms + PICTURE_WAIT_MS)
            return 0;
    } while (!atomic_compare_exchange_weak(&engine->next_picture_ms, &next_ms,
                                           due_ms + PICTURE_EVERY_MS));
    return due_ms;
}

void engine_want_picture(struct engine_work *work, const struct fx_incident *incident,
                         const struct fx_alarm *alarm) {
    int64_t due_ms = alarm->queries == NULL ? 0 : take_turn(work->engine, work->now_ms);

    if (due_ms > 0)
        fx_writes_job(work->sc, &work->writes, "picture", incident->id, due_ms);
}

/* What people call the line that the alarm is about. */
static const char *title_of(const struct fx_json *queries) {
    for (size_t i = 0; i < fx_json_count(queries); i++)
        if (fx_json_get_text(fx_json_item(queries, i), "Label") != NULL)
            return fx_json_get_text(fx_json_item(queries, i), "Label");
    return "The metric of the alarm";
}

static struct fx_intake_metric metric_of(const struct fx_incident *incident,
                                         const struct fx_json *alarm, int64_t now_ms) {
    const char *region = fx_json_get_text(alarm, "region");
    int64_t period = fx_json_get_int(alarm, "period", 0);
    int64_t last_ms = incident->changed_ms + PICTURE_AFTER * period, count = PICTURE_POINTS;

    if (last_ms > now_ms)
        last_ms = now_ms;
    if (count * period > PICTURE_MAX_MS)
        count = PICTURE_MAX_MS / period;
    if (count < 2)
        count = 2;
    return (struct fx_intake_metric){
        .region = region != NULL ? region : "",
        .queries = fx_json_at(alarm, "queries"),
        .from_ms = (last_ms / period - count + 1) * period,
        .period_ms = period,
        .count = (size_t)count,
    };
}

static void put_picture(struct engine_work *work, const struct fx_engine_system *system,
                        const struct fx_incident *incident, const struct fx_json *alarm,
                        const struct fx_intake_metric *metric, const double *values) {
    struct fx_scope *sc = work->sc;
    size_t count = metric->count;

    if (!isfinite(values[count - 1])) /* its period is not over yet, so it is no gap */
        count--;
    const struct fx_chart chart = {
        .title = title_of(metric->queries),
        .unit = "",
        .values = values,
        .count = count,
        .from_ms = metric->from_ms,
        .period_ms = metric->period_ms,
        .threshold = fx_json_get_real(alarm, "threshold", NAN),
        .alarm_ms = incident->changed_ms,
    };
    /* one that lives again gets a picture of its own */
    const char *name = fx_printf(sc, "alarm-%s-%lld", incident->id, (long long)incident->seen);

    engine_put_files(work, fx_json_array_of(sc, engine_chart_file(sc, name, &chart), NULL),
                     fx_printf(sc, "incident:%s", incident->id), system->channel);
}

enum fx_code engine_picture(struct engine_work *work, struct fx_error *err) {
    struct fx_store *store = work->engine->options.store;
    struct fx_incident *incident = NULL;
    struct fx_json *body = NULL;
    double *values = NULL;
    size_t measured = 0;

    FX_TRY(store->incident(store, work->sc, work->job->subject, &incident, err));
    const struct fx_engine_system *system =
        incident == NULL ? NULL : engine_system(work->engine, incident->system);

    if (system == NULL)
        return FX_OK;
    FX_TRY(fx_json_parse(work->sc, fx_slice_of(incident->body_json), &body, err));
    const struct fx_json *alarm = fx_json_at(body, "alarm");

    if (fx_json_at(alarm, "queries") == NULL || fx_json_get_int(alarm, "period", 0) <= 0)
        return FX_OK; /* another alarm took its place */
    const struct fx_intake_metric metric = metric_of(incident, alarm, work->now_ms);
    const struct fx_environment *environment = engine_environment(system, incident->environment);
    struct fx_aws *aws =
        environment == NULL ? work->engine->options.aws : engine_aws(work, environment, NULL);
    enum fx_code code = fx_intake_metric(aws, work->sc, &metric, &values, &measured, err);

    if (fx_code_is_transient(code) && work->job->attempts < PICTURE_ATTEMPTS)
        return code;
    if (code == FX_ERR_CANCELED)
        return code;
    if (code != FX_OK)
        fx_log(work->sc, FX_LOG_WARN, "alarm.no_picture", FX_S("incident", incident->id),
               FX_E(err));
    else if (measured > 0)
        put_picture(work, system, incident, alarm, &metric, values);
    return FX_OK;
}
